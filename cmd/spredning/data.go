package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/jetstream"
	"spredning/ledger/tiles"
	"spredning/projections"
)

// node is an open data folder: everything that serving needs, wired.
type node struct {
	ledger      *ledger.Ledger
	drafts      *ledger.Drafts
	invitations *ledger.Invitations
	view        *projections.View
	log         *tiles.Log
	attachments *jetstream.Objects
	logKey      *ledger.LogKey
	dir         string
	witnesses   []string // verifier keys
	close       func()
}

// signsWith gives the verifier key of the log key that signs checkpoints now.
func (n *node) signsWith() (key string) {
	n.view.Read(func(f *projections.Fold) { key = f.LogKeys.At(f.Position) })
	if key == "" {
		key = n.logKey.String() // nothing is signed yet
	}
	return key
}

// nodeConfig says which folder to open and how.
type nodeConfig struct {
	dir    string
	origin string // empty: as the folder's ledger says
	remote jetstream.Remote
	logKey *keys.Private
	next   *keys.Private // that signs after a ledger.amended; none: nil
	others []ledger.Other
	// witnessed shows readers what witnesses have cosigned.
	witnessed bool
	now       func() time.Time
	logger    *slog.Logger
}

// hasKey says what to do with a folder that has no log key.
func hasKey(dir string) error {
	if _, err := os.Stat(logKeyFile(dir)); err != nil {
		return fmt.Errorf("there is no ledger in %s: %s is missing; found one with: spredning found --data %s --origin …", dir, logKeyFile(dir), dir)
	}
	return nil
}

func logKeyFile(dir string) string { return filepath.Join(dir, "keys", "log") }

func nextLogKeyFile(dir string) string { return logKeyFile(dir) + ".next" }

// nextLogKey reads the log key that is to follow, if there is one.
func (e *env) nextLogKey(dir string) (*keys.Private, error) {
	path := nextLogKeyFile(dir)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return e.readKey(path)
}

// openNode locks the folder and opens log, stream and ledger in it.
func openNode(ctx context.Context, cfg nodeConfig) (*node, error) {
	var opened closers
	n, err := open(ctx, cfg, &opened)
	if err != nil {
		opened.close()
		return nil, err
	}
	n.close = opened.close
	return n, nil
}

// closers close what was opened, last first.
type closers []func()

func (c *closers) add(fn func()) { *c = append(*c, fn) }

func (c *closers) close() {
	for i := len(*c) - 1; i >= 0; i-- {
		(*c)[i]()
	}
}

func open(ctx context.Context, cfg nodeConfig, opened *closers) (*node, error) {
	unlock, err := lock(cfg.dir)
	if err != nil {
		return nil, err
	}
	opened.add(unlock)
	log, err := tiles.Open(filepath.Join(cfg.dir, "log"))
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	opened.add(func() { _ = log.Close() })
	origin, err := originOf(log, cfg)
	if err != nil {
		return nil, err
	}
	logKey, err := ledger.NewLogKey(origin, cfg.logKey)
	if err != nil {
		return nil, err
	}
	var next *ledger.LogKey
	if cfg.next != nil {
		if next, err = ledger.NewLogKey(origin, cfg.next); err != nil {
			return nil, err
		}
	}
	stream := streamOf(cfg)
	opened.add(stream.Close)
	switch err := stream.Start(ctx); {
	case err != nil && log.Size() == 0:
		return nil, err
	case err != nil: // readers are served all the same; the ledger tries again
		cfg.logger.Error("the stream cannot be opened", "error", err)
	}
	view := projections.NewView()
	l, err := ledger.Open(ctx, ledger.Config{
		Log: log, Stream: stream, LogKey: logKey, NextLogKey: next, Others: cfg.others, Witnessed: cfg.witnessed, Shared: cfg.remote.URL != "", Apply: view.Apply, Now: cfg.now, Logger: cfg.logger,
		Snapshots: snapshotsOf(cfg, view, stream),
	})
	if err != nil {
		return nil, fmt.Errorf("opening the ledger in %s: %w", cfg.dir, err)
	}
	opened.add(l.Close)
	return &node{ledger: l, drafts: ledger.NewDrafts(l, stream.Drafts()), invitations: ledger.NewInvitations(l, stream.Invitations()), view: view, log: log, attachments: stream.Objects(), logKey: logKey, dir: cfg.dir}, view.Wait(ctx, l.Size())
}

// snapshotsOf keeps them in the folder and, where others write too, for those.
func snapshotsOf(cfg nodeConfig, view *projections.View, stream *jetstream.Stream) *ledger.Snapshots {
	s := &ledger.Snapshots{Dir: filepath.Join(cfg.dir, "snapshots"), Folded: view}
	if cfg.remote.URL != "" {
		s.Shelf = stream.Shelf()
	}
	return s
}

// lock makes sure that no other program has the folder open: neither JetStream's
// store nor the log on disk bears two writers.
func lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	l := flock.New(filepath.Join(dir, "lock"))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking the data folder: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("%s is in use by another spredning; stop that one first", dir)
	}
	return func() { _ = l.Unlock() }, nil
}

func streamOf(cfg nodeConfig) *jetstream.Stream {
	if cfg.remote.URL != "" {
		return jetstream.Connected(cfg.remote, cfg.logger)
	}
	return jetstream.Embedded(filepath.Join(cfg.dir, "jetstream"), cfg.logger)
}

// openStream is streamOf for those who cannot do without it.
func openStream(ctx context.Context, cfg nodeConfig) (*jetstream.Stream, error) {
	s := streamOf(cfg)
	return s, s.Start(ctx)
}

// originOf gives the ledger's origin: as its log says, or as was asked for if
// there is none yet.
func originOf(log *tiles.Log, cfg nodeConfig) (string, error) {
	if log.Size() == 0 {
		if cfg.origin == "" {
			return "", fmt.Errorf("there is no ledger in %s; found one with: spredning found --data %s --origin …", cfg.dir, cfg.dir)
		}
		return cfg.origin, nil
	}
	c, err := ledger.ReadCheckpoint(log.Checkpoint())
	if err != nil {
		return "", fmt.Errorf("reading the checkpoint in %s: %w", cfg.dir, err)
	}
	if cfg.origin != "" && cfg.origin != c.Origin {
		return "", fmt.Errorf("there is another ledger in %s already: %s", cfg.dir, c.Origin)
	}
	return c.Origin, nil
}

// readLog is a log that was opened for reading: a data folder's, or a mirror's.
type readLog interface {
	ledger.Entries
	Entry(index int64) ([]byte, error)
	Size() int64
	Close() error
}

// foldOf opens for reading the log in a data folder, or a mirror, and folds it; no
// other program needs to be stopped for that.
func foldOf(dir string) (*projections.Fold, readLog, error) {
	f := projections.NewFold()
	apply := func(entries []*ledger.Entry) {
		for _, e := range entries {
			f.Apply(e)
		}
	}
	if isMirror(dir) {
		c, err := ledger.OpenCopy(ledger.CopyConfig{Dir: dir, Apply: apply})
		if err != nil {
			return nil, nil, err
		}
		return f, mirrorLog{c.Log()}, nil
	}
	if _, err := os.Stat(filepath.Join(dir, "log")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s is no data folder and no mirror: it has no log in it", dir)
	}
	log, err := tiles.OpenReadOnly(filepath.Join(dir, "log"))
	if err != nil {
		return nil, nil, fmt.Errorf("opening the log: %w", err)
	}
	err = ledger.Replay(log, 0, log.Size(), func(entries []*ledger.Entry) error {
		apply(entries)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reading the log: %w", err)
	}
	if f.Founding() == nil {
		return nil, nil, fmt.Errorf("there is no ledger in %s", dir)
	}
	return f, log, nil
}

// isMirror says whether a folder is a mirror: its checkpoint lies in it, not in
// log/.
func isMirror(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "checkpoint"))
	return err == nil
}

// mirrorLog is a mirror's log, which keeps nothing open.
type mirrorLog struct{ *tiles.Shown }

func (mirrorLog) Close() error { return nil }
