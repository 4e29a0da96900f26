package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"spredning/ledger/witness"
)

// witnessing is how a witness is run.
type witnessing struct {
	dir, key, name, listen string
	logs, ledgers, follow  []string
	every                  time.Duration
	showKey                bool
}

func witnessCommand(e *env) *cobra.Command {
	var wi witnessing
	cmd := &cobra.Command{
		Use:   "witness --data DIR --name NAME",
		Short: "Watch logs for others: cosign checkpoints that only add to what was seen",
		Long: `Run a witness: it keeps the newest checkpoint of each log that it watches, and
cosigns the next one only if that continues it. So nobody can be shown another
log than the witness has seen, not even by those who run it. docs/witness.md tells
what that proves, and what not.

Which logs it watches:
  --log VKEY     one with this verifier key; again for another, or for a new key
  --ledger URL   a Spredning ledger, whose keys are learned from its entries the
                 first time and followed from then on
  --follow URL   the same, and the checkpoint is fetched from there regularly: for
                 a witness that the ledger cannot reach

The ledger asks at /add-checkpoint (c2sp.org/tlog-witness). Everyone can read the
newest checkpoint at /ORIGIN/checkpoint, and whether the log was caught showing
different trees at /ORIGIN/evidence.

The folder remembers what was cosigned. Never start from an older copy of it:
make a new key and a new folder instead.`,
		Example: `  spredning witness --data /var/lib/witness --name witness.example/nord --ledger https://spredning.example
  spredning witness --data /var/lib/witness --name witness.example/nord --follow https://spredning.example --every 5m`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case wi.dir == "" || wi.name == "":
				return misuse("--data and --name are required")
			case wi.showKey:
				return e.showWitnessKey(wi)
			case len(wi.logs)+len(wi.ledgers)+len(wi.follow) == 0:
				return misuse("there is no log to watch: give --log, --ledger or --follow")
			case wi.every < time.Second:
				return misuse("--every is at least 1s")
			}
			return e.witness(cmd.Context(), wi)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&wi.dir, "data", "", "the witness's folder, made if missing")
	flags.StringVar(&wi.key, "key", "", "file of the witness's key (default DIR/key, made if missing)")
	flags.StringVar(&wi.name, "name", "", "the witness's name, a URL without scheme")
	flags.StringVar(&wi.listen, "listen", "127.0.0.1:8090", "address to serve on")
	flags.StringArrayVar(&wi.logs, "log", nil, "verifier key of a log to watch; may be given again")
	flags.StringArrayVar(&wi.ledgers, "ledger", nil, "ledger whose log keys are learned from its entries; may be given again")
	flags.StringArrayVar(&wi.follow, "follow", nil, "ledger or mirror to fetch the checkpoint from, its keys are learned unless --log gives them; may be given again")
	flags.DurationVar(&wi.every, "every", time.Minute, "time from one look at --ledger and --follow to the next")
	flags.BoolVar(&wi.showKey, "show-key", false, "print the verifier key and end")
	return cmd
}

func (e *env) showWitnessKey(wi witnessing) error {
	key, err := e.witnessKey(wi)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.out, key)
	return nil
}

func (e *env) witness(ctx context.Context, wi witnessing) error {
	unlock, err := lock(wi.dir)
	if err != nil {
		return err
	}
	defer unlock()
	key, err := e.witnessKey(wi)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(e.err, nil))
	w, err := witness.Open(witness.Config{Dir: wi.dir, Key: key, Logs: wi.logs, Now: time.Now, Logger: logger})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", wi.listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", wi.listen, err)
	}
	e.showWitness(w, key, listener.Addr().String())
	stop := wi.look(ctx, w)
	defer stop()
	return serveUntil(ctx, w.HTTP(), listener)
}

// witnessKey reads the witness's key, or makes one, but not beside what has been
// cosigned with another.
func (e *env) witnessKey(wi witnessing) (*witness.Key, error) {
	path := wi.key
	if path == "" {
		path = filepath.Join(wi.dir, "key")
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(wi.dir, "logs")); err == nil {
			return nil, fmt.Errorf("%s is missing, but %s remembers what was cosigned with it; put the key back, or begin anew in another folder", path, wi.dir)
		}
		fmt.Fprintf(e.err, "There was no key in %s: made a new one. Keep a copy of it elsewhere.\n", path)
	}
	private, err := e.keyOr(path, wi.name, []byte(e.passphrase))
	if err != nil {
		return nil, err
	}
	key, err := witness.NewKey(wi.name, private)
	if err != nil {
		return nil, misuseError{err}
	}
	return key, nil
}

// look looks at what is not left to the logs to ask for, until stop is called.
func (wi witnessing) look(ctx context.Context, w *witness.Witness) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var looking sync.WaitGroup
	for _, place := range wi.ledgers {
		looking.Go(func() {
			witness.Follower{Witness: w, Place: place, Every: wi.every, KeysOnly: true}.Run(ctx)
		})
	}
	for _, place := range wi.follow {
		looking.Go(func() { witness.Follower{Witness: w, Place: place, Every: wi.every}.Run(ctx) })
	}
	return func() { cancel(); looking.Wait() }
}

func (e *env) showWitness(w *witness.Witness, key *witness.Key, addr string) {
	fmt.Fprintf(e.out, "Witness %s on http://%s\nVerifier key: %s\n", key.Name(), addr, key)
	for _, l := range w.Logs() {
		fmt.Fprintf(e.out, "%s: %d entries seen\n", l.Origin, l.Size)
		if len(l.Splits) > 0 {
			fmt.Fprintf(e.err, "SPLIT VIEW: the key of %s has signed checkpoints that contradict each other, see http://%s/%s/evidence\n", l.Origin, addr, l.Origin)
		}
	}
}

// serveUntil serves until the context ends, and then ends gently.
func serveUntil(ctx context.Context, hs *http.Server, listener net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- hs.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := hs.Shutdown(ctx); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("ending: %w", err)
	}
	return nil
}

// readPolicy reads a witness policy file; none: nil.
func readPolicy(path string) (*witness.Policy, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the witness policy: %w", err)
	}
	p, err := witness.ParsePolicy(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// servedPolicy reads the policy that a node is to meet; none: nil.
func servedPolicy(path string) (*witness.Policy, error) {
	p, err := readPolicy(path)
	if err != nil || p == nil {
		return nil, err
	}
	if err := p.Reachable(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// askWitnesses has a node's checkpoints cosigned until stop is called.
func askWitnesses(ctx context.Context, n *node, p *witness.Policy, logger *slog.Logger) (stop func()) {
	if p == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	rounds := &witness.Rounds{Ledger: n.ledger, Log: n.log, Policy: p, Logger: logger}
	var asking sync.WaitGroup
	asking.Go(func() { rounds.Run(ctx) })
	return func() { cancel(); asking.Wait() }
}
