package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spredning/api"
	"spredning/ledger"
	"spredning/ledger/tiles"
	"spredning/projections"
)

// mirroring is how a mirror is kept.
type mirroring struct {
	from, dir string
	logKey    string
	follow    bool
	every     time.Duration
}

func mirrorCommand(e *env) *cobra.Command {
	var m mirroring
	cmd := &cobra.Command{
		Use:   "mirror URL DIR",
		Short: "Keep a complete copy of a ledger, checked as it comes",
		Long: `Copy a ledger's log into DIR, with the attachments that its entries name, as
plain files that any file server can serve. URL is the address of the ledger, of
its log, or of another mirror; the folder of one does too.

Everything is checked as it comes: that the log's key has signed the checkpoint,
that the log has only grown since the newest one seen, and every entry and tile.
A log that has shrunk or forked is refused, and DIR stays as it is. It can be
stopped at any moment, and goes on where it was. Started anew, it first reads all
that DIR has, and replaces what is damaged.

Whose log it is, is proved by the log's verifier key: give it with --log-key.
Without it, the key that the ledger names is taken on trust the first time, and
kept from then on.

With --follow it goes on until it is stopped, whatever happens to the network.`,
		Example: "  spredning mirror https://spredning.example /srv/spredning --follow\n  spredning serve --mirror /srv/spredning",
		Args:    args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			m.from, m.dir = args[0], args[1]
			if m.logKey != "" {
				if err := checkLogKey(m.logKey); err != nil {
					return misuseError{err}
				}
			}
			if m.every <= 0 {
				return misuse("--every must be a time such as 10s")
			}
			return e.mirror(cmd.Context(), m)
		},
	}
	cmd.Flags().StringVar(&m.logKey, "log-key", "", "the log's verifier key that you trust")
	cmd.Flags().BoolVar(&m.follow, "follow", false, "go on copying what is added")
	cmd.Flags().DurationVar(&m.every, "every", 10*time.Second, "with --follow: how often to ask a source that cannot tell by itself")
	return cmd
}

func (e *env) mirror(ctx context.Context, cfg mirroring) error {
	if err := ledger.MayMirror(cfg.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.dir, 0o755); err != nil { // for a file server to read
		return fmt.Errorf("making the mirror's folder: %w", err)
	}
	unlock, err := lock(cfg.dir)
	if err != nil {
		return err
	}
	defer unlock()
	var bar *progress
	m, err := ledger.OpenMirror(ledger.MirrorConfig{Dir: cfg.dir, LogKey: cfg.logKey, Progress: func(done, total int64) {
		if bar == nil || bar.total != int(total) {
			bar = newProgress(e.err, "Copying", int(total))
		}
		bar.add(int(done) - bar.at)
	}})
	if err != nil {
		return err
	}
	var remote *tiles.Remote // keeps its connections from one update to the next
	update := func() (ledger.Mirrored, error) {
		defer func() {
			if bar != nil {
				bar.done()
				bar = nil
			}
		}()
		var source tiles.Source = remote
		if remote == nil {
			var err error
			if source, err = tiles.OpenSource(ctx, cfg.from); err != nil {
				return ledger.Mirrored{}, err
			}
			remote, _ = source.(*tiles.Remote)
		}
		return m.Update(source)
	}
	if cfg.follow {
		return e.followSource(ctx, cfg, update, func(size int64) bool { return told(ctx, remote, size) })
	}
	done, err := update()
	if done.Signed != nil {
		err = errors.Join(e.showMirrored(cfg, done), err)
	}
	return evidence(err)
}

// evidence adds to a fork's error the checkpoints that prove it.
func evidence(err error) error {
	var fork *ledger.ForkError
	if !errors.As(err, &fork) {
		return err
	}
	return fmt.Errorf("%w\n\nKeep both of these; if the log's key has signed both, they prove it:\n\n%s\n%s", err, fork.Earlier.Signed, fork.Later.Signed)
}

// mirrored is the result for programs.
type mirrored struct {
	Ledger      string                     `json:"ledger"`
	Entries     int64                      `json:"entries"`
	Added       int64                      `json:"added"`
	Root        string                     `json:"root"`
	LogKey      string                     `json:"log_key"`
	OnTrust     bool                       `json:"on_trust"` // the first log key was not given from outside
	Attachments ledger.MirroredAttachments `json:"attachments"`
}

func (e *env) showMirrored(cfg mirroring, done ledger.Mirrored) error {
	if e.json {
		return e.printJSON(mirrored{done.Origin, done.Size, done.Added, done.Root.String(), done.LogKey, done.OnTrust, done.Attachments})
	}
	if cfg.follow && !done.FirstUse {
		fmt.Fprintf(e.out, "%s has %d entries, %d more\n", cfg.dir, done.Size, done.Added)
		return nil
	}
	fmt.Fprintf(e.out, "%s is a complete copy of %s.\n\n", cfg.dir, done.Origin)
	e.pairs([][2]string{
		{"Entries", fmt.Sprintf("%d, %d more than before", done.Size, done.Added)},
		{"Root", done.Root.String()},
		{"Attachments", fmt.Sprintf("%d, and %d that are not to be had yet; %d erased", done.Attachments.Stored, done.Attachments.Missing, done.Attachments.Erased)},
		{"Log key", done.LogKey},
	})
	switch {
	case done.FirstUse:
		fmt.Fprintln(e.out, "\nThis log key was taken on trust, and is kept from now on. Compare it with what the\nauthority or another mirror says it is.")
	case done.OnTrust:
		fmt.Fprintln(e.out, "\nThe log key was taken on trust when this mirror began.")
	}
	return nil
}

// The pauses of a mirror that follows.
const (
	leastPause = time.Second // between two rounds
	mostPause  = time.Minute // after many failures in a row
	toldWithin = time.Minute // for a source that tells of news by itself
)

// followSource updates on and on. It ends when the context does, and when what
// the log shows contradicts what it has shown or is not signed by its key; and
// before the first success, for anything but a server that does not answer. news
// waits for more than size entries, and is false if it cannot tell.
func (e *env) followSource(ctx context.Context, cfg mirroring, update func() (ledger.Mirrored, error), news func(size int64) bool) error {
	var shown ledger.Mirrored
	pause := leastPause
	for ctx.Err() == nil {
		done, err := update()
		if done.Signed != nil && (shown.Signed == nil || done.Added > 0 || done.Attachments != shown.Attachments) {
			if err := e.showMirrored(cfg, done); err != nil {
				return err
			}
			shown = done
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case final(err), err != nil && shown.Signed == nil && !errors.Is(err, tiles.ErrUnreachable):
			return evidence(err)
		case err != nil:
			fmt.Fprintf(e.err, "spredning: %s; trying again in %s\n", err, pause)
			rest(ctx, pause)
			pause = min(2*pause, mostPause)
			continue
		}
		pause = leastPause
		rest(ctx, leastPause)
		if !news(done.Size) {
			rest(ctx, cfg.every)
		}
	}
	return nil
}

// final tells errors that no waiting mends. A smaller log is none: what is asked
// may be a cache that is behind.
func final(err error) bool {
	var fork *ledger.ForkError
	var key *ledger.KeyError
	return errors.As(err, &fork) || errors.As(err, &key)
}

func rest(ctx context.Context, pause time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
}

// told waits until a ledger tells by server-sent events that it has more entries
// than size, or for a minute. It is false at once if the source, nil for a folder,
// is none that tells.
func told(ctx context.Context, remote *tiles.Remote, size int64) bool {
	if remote == nil {
		return false
	}
	base, ok := strings.CutSuffix(remote.Base(), "/log")
	if !ok {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, toldWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/api/v1/events?after=%d&limit=1", base, size-1), nil)
	if err != nil {
		return false
	}
	request.Header.Set("Accept", "text/event-stream")
	response, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return false
	}
	return readEvent(response.Body) || ctx.Err() != nil
}

// readEvent reads up to the first event of a stream.
func readEvent(body io.Reader) bool {
	lines := bufio.NewReaderSize(body, 4<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if strings.HasPrefix(string(line), "id:") || strings.HasPrefix(string(line), "data:") {
			return true
		}
		if err != nil {
			return false
		}
	}
}

// serveMirror serves a mirror for reading, as it grows.
func (e *env) serveMirror(ctx context.Context, s *serving, dir string, logger *slog.Logger) error {
	if !isMirror(dir) {
		return fmt.Errorf("%s is no mirror yet: it has no checkpoint; make one with: spredning mirror URL %s", dir, dir)
	}
	view := projections.NewView()
	c, err := ledger.OpenCopy(ledger.CopyConfig{Dir: dir, Apply: view.Apply, Logger: logger})
	if err != nil {
		return err
	}
	following, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Follow(following, time.Second)
	}()
	defer func() { stop(); <-done }()
	return s.serve(ctx, dir, api.Config{Ledger: c, View: view, Log: c.Log(), Attachments: mirroredFiles(dir), Logger: logger, Mirror: true}, func(url string) {
		fmt.Fprintf(e.out, "Serving a mirror of %s (%d entries) on %s\n", c.Origin(), c.Log().Size(), url)
	})
}

// mirroredFiles are the attachments in a mirror's folder, as an [api.Attachments]. They
// are only read: what is erased is removed by whoever keeps the mirror.
type mirroredFiles tiles.Folder

func (m mirroredFiles) Put(context.Context, string, []byte) (bool, error) {
	return false, errors.New("a mirror is only read")
}

func (m mirroredFiles) Has(ctx context.Context, sha256 string) (bool, error) {
	_, err := m.Read(ctx, sha256)
	if errors.Is(err, ledger.ErrNotStored) {
		return false, nil
	}
	return err == nil, err
}

func (m mirroredFiles) Read(_ context.Context, sha256 string) ([]byte, error) {
	b, err := tiles.Folder(m).Attachment(sha256, ledger.MaxAttachment)
	if errors.Is(err, tiles.ErrNotFound) {
		err = ledger.ErrNotStored
	}
	return b, err
}

func (m mirroredFiles) Erase(context.Context, string) error { return nil }
