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
	ledger  *ledger.Ledger
	drafts  *ledger.Drafts
	view    *projections.View
	log     *tiles.Log
	logKey  *ledger.LogKey
	exports string // folder of open data files
	close   func()
}

// nodeConfig says which folder to open and how.
type nodeConfig struct {
	dir    string
	origin string // empty: as the folder's ledger says
	remote jetstream.Remote
	logKey *keys.Private
	next   *keys.Private // that signs after a ledger.amended; none: nil
	others []ledger.Other
	now    func() time.Time
	logger *slog.Logger
}

// hasKey says what to do with a folder that has no log key.
func hasKey(dir string) error {
	if _, err := os.Stat(logKeyFile(dir)); err != nil {
		return fmt.Errorf("there is no ledger in %s: %s is missing; found one with: spredning found --data %s --origin …", dir, logKeyFile(dir), dir)
	}
	return nil
}

func logKeyFile(dir string) string { return filepath.Join(dir, "keys", "log") }

// nextLogKey reads the log key that is to follow, if there is one.
func (e *env) nextLogKey(dir string) (*keys.Private, error) {
	path := logKeyFile(dir) + ".next"
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
	stream, err := openStream(ctx, cfg)
	if err != nil {
		return nil, err
	}
	opened.add(stream.Close)
	view := projections.NewView()
	l, err := ledger.Open(ctx, ledger.Config{
		Log: log, Stream: stream, LogKey: logKey, NextLogKey: next, Others: cfg.others, Shared: cfg.remote.URL != "", Apply: view.Apply, Now: cfg.now, Logger: cfg.logger,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the ledger in %s: %w", cfg.dir, err)
	}
	opened.add(l.Close)
	return &node{ledger: l, drafts: ledger.NewDrafts(l, stream.Drafts()), view: view, log: log, logKey: logKey, exports: filepath.Join(cfg.dir, "exports")}, view.Wait(ctx, l.Size())
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

func openStream(ctx context.Context, cfg nodeConfig) (*jetstream.Stream, error) {
	if cfg.remote.URL != "" {
		return jetstream.Connect(ctx, cfg.remote, cfg.logger)
	}
	return jetstream.Embed(ctx, filepath.Join(cfg.dir, "jetstream"), cfg.logger)
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

// foldOf opens a folder's log for reading and folds it; no other program needs to
// be stopped for that.
func foldOf(dir string) (*projections.Fold, *tiles.Log, error) {
	if _, err := os.Stat(filepath.Join(dir, "log")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s is no data folder: it has no log in it", dir)
	}
	log, err := tiles.OpenReadOnly(filepath.Join(dir, "log"))
	if err != nil {
		return nil, nil, fmt.Errorf("opening the log: %w", err)
	}
	f := projections.NewFold()
	err = ledger.Replay(log, 0, log.Size(), func(entries []*ledger.Entry) error {
		for _, e := range entries {
			f.Apply(e)
		}
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
