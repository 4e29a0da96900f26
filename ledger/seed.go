package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// seed lets a node that has little of a ledger begin with the snapshot that the
// others of its cluster have kept. The entries before it are read from the stream
// and must hash to the root that the log's key has signed, so they need not be
// judged again. They are read twice: nothing is signed before the root is known to
// be the same. If anything is wrong the node goes on as without a snapshot.
func (l *Ledger) seed(ctx context.Context) {
	s := l.cfg.Snapshots
	if s == nil || s.Shelf == nil || l.shown.Size > l.cfg.Log.Size() {
		return
	}
	b, err := s.Shelf.Newest(ctx)
	if err == nil && b != nil {
		err = l.seedFrom(ctx, b)
	}
	if err != nil {
		l.cfg.Logger.Warn("the snapshot of other nodes is ignored; the stream is read instead", "reason", err)
	}
}

func (l *Ledger) seedFrom(ctx context.Context, b []byte) error {
	s := l.cfg.Snapshots
	h, err := s.unseal(b, l.ownKeys()...)
	if err != nil || h.position < l.cfg.Log.Size()+s.atEnd() {
		return err
	}
	state, err := decodeState(h.state)
	if err != nil {
		return err
	}
	if err := l.sameInStream(ctx, h); err != nil {
		return err
	}
	if err := l.fill(ctx, h, state.logKeys); err != nil {
		return err
	}
	if l.cfg.Log.Root() != h.root {
		return &DamageError{fmt.Sprintf("the stream gave other entries before %d the second time", h.position)}
	}
	l.cfg.Logger.Info("began with the snapshot of other nodes", "position", h.position)
	return s.save(h.position, bytes.NewReader(b))
}

// sameInStream checks that the log on disk, and what the stream has after it, have
// a snapshot's root.
func (l *Ledger) sameInStream(ctx context.Context, h held) error {
	tree := &longer{Log: l.cfg.Log, size: l.cfg.Log.Size()}
	if err := l.stretch(ctx, h.position, func(_ int64, entry []byte) error { return tree.add(entry) }); err != nil {
		return err
	}
	root, err := tlog.TreeHash(h.position, tree)
	if err == nil && root != h.root {
		err = fmt.Errorf("its root of %d entries is %s, that of the stream %s", h.position, h.root, root)
	}
	return err
}

// fill extends the log on disk with what the stream has up to a snapshot.
func (l *Ledger) fill(ctx context.Context, h held, logKeys LogKeys) error {
	sign := func(size int64, root tlog.Hash) ([]byte, error) {
		key := l.signer(logKeys.At(size))
		if key == nil {
			return nil, l.holds(logKeys.At(size))
		}
		return key.checkpoint(size, root)
	}
	var batch [][]byte
	return l.stretch(ctx, h.position, func(index int64, entry []byte) error {
		batch = append(batch, bytes.Clone(entry))
		if len(batch) < maxBatch && index+1 < h.position {
			return nil
		}
		err := l.cfg.Log.Append(batch, sign)
		batch = nil
		return err
	})
}

// stretch reads what the stream has between the log on disk and a position.
func (l *Ledger) stretch(ctx context.Context, to int64, fn func(index int64, entry []byte) error) error {
	next := l.cfg.Log.Size()
	errDone := errors.New("read all")
	err := l.cfg.Stream.Read(ctx, next, func(index int64, entry []byte) error {
		if index != next {
			return &DamageError{fmt.Sprintf("the stream has a gap: entry %d follows where %d should", index, next)}
		}
		if index >= to {
			return errDone
		}
		next++
		return fn(index, entry)
	})
	if err == nil && next < to {
		err = fmt.Errorf("the stream ends at %d entries, it at %d", next, to)
	}
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}
