package ledger_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spredning/ledger"
	"spredning/ledger/jetstream"
	"spredning/ledger/tiles"
)

// restore restores a closed node's stream from its log, and gives how many
// entries were added.
func (n *node) restore(t *testing.T) (int64, error) {
	t.Helper()
	log, err := tiles.Open(n.logDir())
	noError(t, err)
	defer log.Close()
	s, err := n.openStream()
	noError(t, err)
	defer s.Close()
	return ledger.Restore(context.Background(), s, log, func(int) {})
}

// A stream that is gone or has lost its end gets back what the log has: the same
// entries in their places, so that receipts and checkpoints stay what they were.
func TestRestore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, n *node, entries [][]byte)
		added int64
	}{
		"deleted": {func(t *testing.T, n *node, _ [][]byte) { noError(t, os.RemoveAll(n.streamDir())) }, 8},
		"emptied": {func(t *testing.T, n *node, _ [][]byte) { n.anotherStream(t, nil) }, 8},
		"shorter": {func(t *testing.T, n *node, es [][]byte) { n.anotherStream(t, es[:5]) }, 3},
		"whole":   {func(*testing.T, *node, [][]byte) {}, 0},
		"ahead of itself": {func(t *testing.T, n *node, es [][]byte) {
			n.anotherStream(t, append(slices.Clone(es), n.publications(2, time.Now())...))
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, entries := stopped(t)
			before, err := os.ReadFile(filepath.Join(n.logDir(), "checkpoint"))
			noError(t, err)
			c.spoil(t, n, entries)
			added, err := n.restore(t)
			if err != nil || added != c.added {
				t.Fatalf("%d entries were added, %v, want %d", added, err, c.added)
			}
			n.open(t)
			noError(t, n.Err())
			n.grew(t, before)
			if got := n.sound(t); !slices.EqualFunc(got[:8], entries, slices.Equal[[]byte]) {
				t.Error("the stream does not have the same entries")
			}
			n.must(t, bergen, publication())
			n.sound(t)
		})
	}
}

// What is no part of the log is named, and not written to; set aside, the stream
// can be restored.
func TestRestoreOfAnotherStream(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, n *node, entries [][]byte)
		want  string
	}{
		"another entry": {func(t *testing.T, n *node, es [][]byte) {
			n.anotherStream(t, slices.Replace(slices.Clone(es), 6, 7, n.publications(1, time.Now())...))
		}, "the stream's entry 6 is not the one"},
		"begins later":   {func(t *testing.T, n *node, es [][]byte) { n.gappedStream(t, 2, es[1:], 0) }, "the stream has a gap"},
		"one is missing": {func(t *testing.T, n *node, es [][]byte) { n.gappedStream(t, 1, es, 4) }, "the stream has a gap"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, entries := stopped(t)
			c.spoil(t, n, entries)
			added, err := n.restore(t)
			var damage *ledger.DamageError
			if !errors.As(err, &damage) || !strings.Contains(err.Error(), c.want) || added != 0 {
				t.Fatalf("%d entries were added, %v, want %q", added, err, c.want)
			}
			aside := filepath.Join(n.dir, "damaged", "stream")
			noError(t, jetstream.SetAside(n.streamDir(), aside))
			if _, err := os.Stat(aside); err != nil {
				t.Error(err)
			}
			added, err = n.restore(t)
			if err != nil || added != 8 {
				t.Fatalf("%d entries were added, %v", added, err)
			}
			n.open(t)
			noError(t, n.Err())
			n.must(t, bergen, publication())
			n.sound(t)
		})
	}
}

// Entries of two batches are in their places, too, and an interrupted restoring
// goes on.
func TestRestoreGoesOn(t *testing.T) {
	t.Parallel()
	n := newNode(t).open(t).found(t)
	noError(t, n.stream.Append(context.Background(), n.Size(), n.publications(1000, time.Now())))
	noError(t, n.stream.Append(context.Background(), n.Size()+1000, n.publications(500, time.Now())))
	n.close()
	n.open(t) // takes them over
	entries := n.sound(t)
	f := &failing{after: 1}
	n.close()
	n.anotherStream(t, nil)
	log, err := tiles.Open(n.logDir())
	noError(t, err)
	s, err := n.openStream()
	noError(t, err)
	f.Stream = s
	if added, err := ledger.Restore(context.Background(), f, log, func(int) {}); err == nil || added != 1000 {
		t.Errorf("%d entries were added, %v", added, err)
	}
	told := 0
	added, err := ledger.Restore(context.Background(), s, log, func(n int) { told += n })
	if err != nil || added != int64(len(entries)-1000) || told != int(added) {
		t.Errorf("%d entries were added, %d told, %v", added, told, err)
	}
	s.Close()
	noError(t, log.Close())
	n.open(t)
	noError(t, n.Err())
	n.sound(t)
}

// failing is a stream that takes so many appends and no more.
type failing struct {
	ledger.Stream
	after int
}

func (f *failing) Append(ctx context.Context, size int64, entries [][]byte) error {
	if f.after--; f.after < 0 {
		return errInjected
	}
	return f.Stream.Append(ctx, size, entries)
}

// A stream of servers elsewhere is filled from the log of one machine, and a
// node goes on with it: the way from one machine to a cluster.
func TestRestoreElsewhere(t *testing.T) {
	t.Parallel()
	n, entries := stopped(t)
	n.url = natsServerAt(t, t.TempDir(), -1).ClientURL()
	added, err := n.restore(t)
	if err != nil || added != int64(len(entries)) {
		t.Fatalf("%d entries were added, %v", added, err)
	}
	n.open(t)
	noError(t, n.Err())
	n.must(t, bergen, publication())
	n.sound(t)
}
