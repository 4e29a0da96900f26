package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/jetstream"
	"spredning/ledger/tiles"
)

// restoring is what is restored, and from where.
type restoring struct {
	dir    string
	from   string   // a mirror or the ledger's own addresses; empty: the folder's log
	peers  []string // to compare with
	remote jetstream.Remote
	logger *slog.Logger
}

// restored is what was done, for programs too.
type restored struct {
	Ledger  string `json:"ledger"`
	Entries int64  `json:"entries"`
	Root    string `json:"root"`
	Log     int64  `json:"log"`    // entries added to the log on disk
	Stream  int64  `json:"stream"` // entries added to the stream
	// What lay beside the folder's own stream, added beside the other one.
	Attachments int      `json:"attachments,omitzero"`
	Drafts      int      `json:"drafts,omitzero"`
	Invitations int      `json:"invitations,omitzero"`
	SetAside    []string `json:"set_aside,omitzero"`
	Compared    int      `json:"compared"`
	Unreached   []string `json:"unreached,omitzero"`
}

func restoreCommand(e *env) *cobra.Command {
	var r restoring
	cmd := &cobra.Command{
		Use:   "restore --data DIR [--from MIRROR]",
		Short: "Rebuild a damaged or lost stream, or log, without losing an entry",
		Long: `Rebuild the stream of a ledger from its second copy on disk (DIR/log): the same
entries, byte for byte, at the same sequences, under the same checkpoint. Stop
spredning serve first.

With --from, the second copy itself is completed or rebuilt first, from a mirror's
folder or address, or from another node of the ledger.

Nothing is lost or overwritten: what is damaged is set aside in DIR/damaged. All
checkpoints that can be reached are compared (this folder's, --from, --peer), and
nothing is restored while one has more entries or another root.

With --nats the stream of NATS servers elsewhere is filled, which must be empty or
hold the beginning of the log: the way from one machine to a cluster, see
docs/cluster.md. Attachments, drafts and invitations in the folder go along.`,
		Example: `  spredning restore --data /var/lib/spredning
  spredning restore --data /var/lib/spredning --from https://mirror.example --peer https://spredning.example
  spredning restore --data /var/lib/spredning --nats nats://n1:4222,nats://n2:4222`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.dir == "" {
				return misuse("--data is required: the folder of the ledger")
			}
			r.logger = quiet(e.err)
			done, err := e.restore(cmd.Context(), r)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(done)
			}
			e.showRestored(done)
			return nil
		},
	}
	cmd.Flags().StringVar(&r.dir, "data", "", "data folder")
	cmd.Flags().StringVar(&r.from, "from", "", "complete the log on disk from this mirror or node first, a folder or address")
	peersFlag(cmd, &r.peers)
	natsFlags(cmd, &r.remote)
	return cmd
}

// peersFlag is about who else has seen the ledger's checkpoints.
func peersFlag(cmd *cobra.Command, peers *[]string) {
	cmd.Flags().StringArrayVar(peers, "peer", nil, "compare with the checkpoint of this node, mirror or witness, a folder or address; may be given again")
}

// othersOf are those who show a checkpoint at an address or in a folder.
func othersOf(places []string) (all []ledger.Other) {
	for _, place := range places {
		all = append(all, ledger.Other{Name: place, Checkpoint: func(ctx context.Context) ([]byte, error) {
			source, err := tiles.OpenSource(ctx, place)
			if err != nil {
				return nil, err
			}
			return source.Resource("checkpoint")
		}})
	}
	return all
}

func (e *env) restore(ctx context.Context, r restoring) (done restored, err error) {
	unlock, err := lock(r.dir)
	if err != nil {
		return done, err
	}
	defer unlock()
	if r.from != "" {
		if err := e.takeOver(ctx, r, &done); err != nil {
			return done, fmt.Errorf("completing the log from %s: %w", r.from, err)
		}
	} else if _, err := os.Stat(r.logDir()); errors.Is(err, fs.ErrNotExist) {
		return done, fmt.Errorf("%s has no log to restore from; give a mirror or another node with --from", r.dir)
	}
	log, err := tiles.Open(r.logDir())
	if err != nil {
		return done, fmt.Errorf("%w; with --from MIRROR it is rebuilt", err)
	}
	defer log.Close()
	if err := e.checkLog(ctx, r, log, &done); err != nil {
		return done, err
	}
	if err := e.restoreStream(ctx, r, log, &done); err != nil {
		return done, err
	}
	if err := r.bringAlong(ctx, &done); err != nil {
		return done, fmt.Errorf("the stream is restored; bringing along what lies beside that in %s: %w", r.streamDir(), err)
	}
	return done, log.Close()
}

func (r restoring) logDir() string    { return filepath.Join(r.dir, "log") }
func (r restoring) streamDir() string { return filepath.Join(r.dir, "jetstream") }

// aside is where something damaged is put.
func (r restoring) aside(what string) string {
	return filepath.Join(r.dir, "damaged", what+"-"+time.Now().UTC().Format("20060102T150405.000"))
}

// checkLog reads all of the log on disk and compares it with every checkpoint
// that can be reached.
func (e *env) checkLog(ctx context.Context, r restoring, log *tiles.Log, done *restored) error {
	bar := newProgress(e.err, "Checking the log", int(log.Size()))
	defer bar.done()
	state, err := ledger.ReplayState(log, bar.add)
	if err != nil {
		return fmt.Errorf("the log on disk cannot be restored from: %w; with --from MIRROR it is completed or rebuilt", err)
	}
	if err := r.ownKey(state); err != nil {
		return err
	}
	if c, err := ledger.OpenCheckpoint(log.Published(), state.LogKey()); err == nil && c.Size > log.Size() {
		return fmt.Errorf("%w: this folder has shown a checkpoint of %d entries, its log has %d; give who has them with --from", ledger.ErrAhead, c.Size, log.Size())
	}
	done.Ledger, done.Entries, done.Root = state.Origin(), log.Size(), log.Root().String()
	places := r.peers
	if r.from != "" {
		places = append(places, r.from)
	}
	err = ledger.Compare(ctx, othersOf(places), log, state.LogKeys(), func(name string, why error) {
		done.Unreached = append(done.Unreached, fmt.Sprintf("%s: %s", name, why))
	})
	done.Compared = len(places) - len(done.Unreached)
	if errors.Is(err, ledger.ErrAhead) {
		return fmt.Errorf("%w; give who has them with --from", err)
	}
	return err
}

// ownKey checks that the ledger is the one that this folder's log key has signed.
// A folder without one is restored all the same, to be served with --nats or by
// who brings the key.
func (r restoring) ownKey(state *ledger.State) error {
	public, err := keys.ReadPublic(logKeyFile(r.dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	vkey, err := ledger.VerifierKey(state.Origin(), public)
	if err == nil && !slices.ContainsFunc(state.LogKeys(), func(k ledger.LogKeyFrom) bool { return k.Key == vkey }) {
		err = fmt.Errorf("%s is not a key of this ledger: %s has never signed its checkpoints", logKeyFile(r.dir), vkey)
	}
	return err
}

// restoreStream gives the stream what it lacks. An embedded one that is damaged
// is set aside and made anew.
func (e *env) restoreStream(ctx context.Context, r restoring, log *tiles.Log, done *restored) error {
	err := e.fillStream(ctx, r, log, done)
	var damage *ledger.DamageError
	if !errors.As(err, &damage) {
		return err
	}
	if r.remote.URL != "" {
		return fmt.Errorf("%w; have the stream %s deleted by someone who may, and restore again", err, jetstream.Name)
	}
	aside := r.aside("stream")
	if err := jetstream.SetAside(r.streamDir(), aside); err != nil {
		return err
	}
	done.SetAside = append(done.SetAside, aside)
	return e.fillStream(ctx, r, log, done)
}

func (e *env) fillStream(ctx context.Context, r restoring, log *tiles.Log, done *restored) error {
	stream, err := openStream(ctx, nodeConfig{dir: r.dir, remote: r.remote, logger: r.logger})
	if err != nil {
		return err
	}
	defer stream.Close()
	bar := newProgress(e.err, "Restoring the stream", int(log.Size()))
	defer bar.done()
	added, err := ledger.Restore(ctx, stream, log, bar.add)
	done.Stream += added
	if err == nil {
		// Once more, to see that it is there now.
		_, err = ledger.Restore(ctx, stream, log, func(int) {})
	}
	return err
}

// bringAlong copies attachments, drafts and invitations that lie in the folder to
// servers elsewhere.
func (r restoring) bringAlong(ctx context.Context, done *restored) error {
	if _, err := os.Stat(r.streamDir()); r.remote.URL == "" || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	from, err := openStream(ctx, nodeConfig{dir: r.dir, logger: r.logger})
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := openStream(ctx, nodeConfig{dir: r.dir, remote: r.remote, logger: r.logger})
	if err != nil {
		return err
	}
	defer to.Close()
	copied, err := from.CopyBeside(ctx, to)
	done.Attachments, done.Drafts, done.Invitations = copied.Attachments, copied.Drafts, copied.Invitations
	return err
}

// takeOver completes the log on disk from elsewhere, or rebuilds it there.
func (e *env) takeOver(ctx context.Context, r restoring, done *restored) error {
	source, err := tiles.OpenSource(ctx, r.from)
	if err != nil {
		return err
	}
	from, err := ledger.ReadPublished(source)
	if err != nil {
		return err
	}
	log, err := e.soundLog(r, from, done)
	if err != nil {
		return err
	}
	defer log.Close()
	before := log.Size()
	bar := newProgress(e.err, "Completing the log", int(from.Size-before))
	defer bar.done()
	if err := ledger.TakeOver(log, from, bar.add); err != nil {
		return err
	}
	done.Log = log.Size() - before
	return log.Close()
}

// soundLog opens the folder's log, or sets it aside and opens an empty one if it
// is damaged. A sound one that contradicts what is shown elsewhere is never set
// aside: then the log's key has signed two different ledgers.
func (e *env) soundLog(r restoring, from ledger.Published, done *restored) (*tiles.Log, error) {
	log, err := tiles.Open(r.logDir())
	if err == nil {
		err = e.isSound(log, from)
	}
	if err == nil || errors.As(err, new(*contradiction)) {
		return log, err
	}
	if log != nil {
		_ = log.Close()
	}
	shown, readErr := os.ReadFile(filepath.Join(r.logDir(), "checkpoint"))
	if c, err := ledger.ReadCheckpoint(shown); readErr == nil && err == nil && c.Size > from.Size {
		return nil, fmt.Errorf("%w: this folder has shown a checkpoint of %d entries, %s has %d", ledger.ErrAhead, c.Size, r.from, from.Size)
	}
	aside := r.aside("log")
	if err := errors.Join(os.MkdirAll(filepath.Dir(aside), 0o700), os.Rename(r.logDir(), aside)); err != nil {
		return nil, fmt.Errorf("setting the damaged log aside: %w", err)
	}
	done.SetAside = append(done.SetAside, aside)
	return tiles.Open(r.logDir())
}

// contradiction is between a sound log and what is shown elsewhere.
type contradiction struct{ error }

// isSound checks the folder's log in itself, and then that it does not
// contradict what is shown elsewhere. One whose completing was interrupted ends
// before its checkpoint.
func (e *env) isSound(log *tiles.Log, from ledger.Published) error {
	if log.Size() == 0 {
		return nil
	}
	bar := newProgress(e.err, "Checking the log", int(log.Size()))
	defer bar.done()
	own, err := ledger.ReadCheckpoint(log.Checkpoint())
	if err != nil {
		return err
	}
	interrupted := own.Size > log.Size()
	if _, err := ledger.ReplayState(log, bar.add); err != nil && !interrupted {
		return err
	}
	if interrupted || from.Size < log.Size() {
		return nil
	}
	if err := from.Extends(ledger.Published{Checkpoint: own, Signed: log.Checkpoint()}); err != nil {
		return &contradiction{err}
	}
	return nil
}

func (e *env) showRestored(r restored) {
	fmt.Fprintf(e.out, "%s: %d entries, root %s\n\n", r.Ledger, r.Entries, r.Root)
	rows := [][2]string{{"Added to the log on disk", fmt.Sprint(r.Log)}, {"Added to the stream", fmt.Sprint(r.Stream)}, {"Checkpoints of others compared", fmt.Sprint(r.Compared)}}
	if r.Attachments+r.Drafts+r.Invitations > 0 {
		rows = append(rows, [2]string{"Brought along", fmt.Sprintf("%d attachments, %d drafts, %d invitations", r.Attachments, r.Drafts, r.Invitations)})
	}
	for _, path := range r.SetAside {
		rows = append(rows, [2]string{"Damaged, set aside", path})
	}
	for _, u := range r.Unreached {
		rows = append(rows, [2]string{"Not compared", u})
	}
	e.pairs(rows)
	if r.Log+r.Stream == 0 {
		fmt.Fprintln(e.out, "\nNothing was missing.")
	}
}
