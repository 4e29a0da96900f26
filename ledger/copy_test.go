package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spredning/ledger"
	"spredning/ledger/tiles"
)

// mirrorOf is a mirror of a node's log.
func (n *node) mirrorOf(t testing.TB) (string, *ledger.Mirror) {
	t.Helper()
	dir := t.TempDir()
	m := openMirror(t, dir)
	update(t, m, n.log)
	return dir, m
}

func TestCopyAnswersAsTheLedgerDoes(t *testing.T) {
	n := newNode(t).open(t).found(t)
	n.must(t, bergen, publication())
	dir, m := n.mirrorOf(t)
	var applied []*ledger.Entry
	c, err := ledger.OpenCopy(ledger.CopyConfig{Dir: dir, Apply: func(es []*ledger.Entry) { applied = append(applied, es...) }, Logger: silent})
	noError(t, err)
	same := func() {
		t.Helper()
		if c.Origin() != origin || c.Log().Size() != n.Size() || int64(len(applied)) != n.Size() {
			t.Fatalf("%s with %d entries, %d of them applied; want %d", c.Origin(), c.Log().Size(), len(applied), n.Size())
		}
		for i := range n.Size() {
			want, err := n.Receipt(i)
			noError(t, err)
			got, err := c.Receipt(i)
			noError(t, err)
			a, err := want.MarshalJSON()
			noError(t, err)
			b, err := got.MarshalJSON()
			noError(t, err)
			if !bytes.Equal(a, b) || !bytes.Equal(applied[i].Bytes, want.Entry) {
				t.Errorf("entry %d or its receipt is another", i)
			}
		}
	}
	same()
	if _, err := c.Receipt(n.Size()); !errors.Is(err, tiles.ErrNotFound) {
		t.Errorf("a receipt of nothing: %v", err)
	}
	_, _, err = c.Submit(t.Context(), n.envelope(bergen, publication(), time.Now()))
	var refusal *ledger.Refusal
	if !errors.As(err, &refusal) || refusal.Code != ledger.Unavailable || c.Err() == nil {
		t.Errorf("it takes events: %v, %v", err, c.Err())
	}

	grown := c.Grown()
	n.must(t, bergen, publication())
	update(t, m, n.log)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Follow(ctx, time.Millisecond)
	}()
	select {
	case <-grown:
	case <-time.After(10 * time.Second):
		t.Error("it does not grow")
	}
	stop()
	<-ended
	same()
}

// TestCopyIsChecked opens mirrors that are not what they should be.
func TestCopyIsChecked(t *testing.T) {
	n := newNode(t).open(t).found(t)
	for name, c := range map[string]struct {
		spoil func(dir string) error
		says  string
	}{
		"no checkpoint":      {func(dir string) error { return os.Remove(filepath.Join(dir, "checkpoint")) }, "checkpoint"},
		"an entry":           {flipping("tile/entries/000.p/5"), "tile/entries/000.p/5"},
		"a tile":             {flipping("tile/0/000.p/5"), "tile/0/000.p/5"},
		"a missing bundle":   {func(dir string) error { return os.RemoveAll(filepath.Join(dir, "tile/entries")) }, "tile/entries/000.p/5"},
		"another checkpoint": {flipping("checkpoint"), "checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := n.mirrorOf(t)
			noError(t, c.spoil(dir))
			if _, err := ledger.OpenCopy(ledger.CopyConfig{Dir: dir, Logger: silent}); err == nil || !strings.Contains(err.Error(), filepath.FromSlash(c.says)) {
				t.Errorf("it is opened: %v", err)
			}
		})
	}

	t.Run("another key", func(t *testing.T) {
		dir, _ := n.mirrorOf(t)
		var entries [][]byte
		noError(t, n.log.Entries(0, n.Size(), func(_ int64, b []byte) error {
			entries = append(entries, bytes.Clone(b))
			return nil
		}))
		other := copied{Log: logOf(t, logKey(origin, 98), 0, 0, ""), key: logKey(origin, 98)}
		other.add(t, entries...)
		noError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), other.Checkpoint(), 0o600))
		if _, err := ledger.OpenCopy(ledger.CopyConfig{Dir: dir, Logger: silent}); !errors.Is(err, ledger.ErrCheckpoint) {
			t.Errorf("it is opened: %v", err)
		}
	})
}

// flipping changes a bit in the middle of a file.
func flipping(path string) func(dir string) error {
	return func(dir string) error {
		file := filepath.Join(dir, filepath.FromSlash(path))
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		b[len(b)/2] ^= 1
		return os.WriteFile(file, b, 0o600)
	}
}
