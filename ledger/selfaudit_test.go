package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"spredning/ledger"
	"spredning/ledger/tiles"
)

// fill submits n innovations, many at once, so that there are files.
func (n *node) fill(t testing.TB, count int) {
	t.Helper()
	inParallelDo(64, count, func(int) {
		if _, _, err := n.Submit(context.Background(), n.envelope(bergen, publication(), time.Now())); err != nil {
			t.Error(err)
		}
	})
}

// auditing audits the node's log, often and fast, until the test ends or stop is
// called.
func (n *node) auditing(t testing.TB) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Audit(ctx, ledger.SelfAudit{Every: 10 * time.Millisecond, Rate: 1_000_000})
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// flipInPlace changes one bit of a file by a single write of one byte, so that who
// reads meanwhile sees the file before or after, and never half a file.
func flipInPlace(t testing.TB, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	noError(t, err)
	info, err := f.Stat()
	noError(t, err)
	at, one := info.Size()/3, make([]byte, 1)
	_, err = f.ReadAt(one, at)
	noError(t, err)
	one[0] ^= 4
	_, err = f.WriteAt(one, at)
	noError(t, err)
	noError(t, f.Close())
}

func TestSelfAudit(t *testing.T) {
	t.Parallel()
	bundle, tile := filepath.FromSlash(tiles.BundlePath(0, 256)), filepath.FromSlash(tiles.TilePath(0, 0, 256))
	for name, c := range map[string]struct {
		file, want string
	}{
		"an entry": {bundle, "does not have its leaf hash"},
		"a hash":   {tile, "it does not have the root that the tile above says"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t).open(t).found(t)
			n.fill(t, 300)
			path := filepath.Join(n.logDir(), c.file)
			waitFor(t, "the file to be written", func() bool { _, err := os.Stat(path); return err == nil })
			stop := n.auditing(t)
			waitFor(t, "a good audit", func() bool { return n.SelfAudited().Entries == n.Size() })
			if a := n.SelfAudited(); a.Err != nil || a.Failures != 0 || a.At.IsZero() {
				t.Errorf("audited: %+v", a)
			}
			n.must(t, bergen, publication())
			noError(t, n.Err())

			flipInPlace(t, path)
			var damage *ledger.DamageError
			waitFor(t, "the damage to be found", func() bool { return errors.As(n.Err(), &damage) })
			if a := n.SelfAudited(); a.Failures != 1 || a.Err == nil || !strings.Contains(damage.Error(), c.want) || !strings.Contains(damage.Error(), path) {
				t.Errorf("found %q, %+v", damage, a)
			}
			_, _, err := n.Submit(t.Context(), n.envelope(bergen, publication(), time.Now()))
			wantCode(t, ledger.Unavailable, err)
			r, err := n.Receipt(n.Size() - 1)
			noError(t, err)
			n.verified(t, r)
			stop()
		})
	}
}

// A missing tile can be done without; a file that cannot be read now is tried
// again and stops nothing.
func TestSelfAuditOfWhatIsMissing(t *testing.T) {
	t.Parallel()
	n := newNode(t).open(t).found(t)
	n.fill(t, 300)
	tile := filepath.Join(n.logDir(), filepath.FromSlash(tiles.TilePath(0, 0, 256)))
	waitFor(t, "the file to be written", func() bool { _, err := os.Stat(tile); return err == nil })
	noError(t, os.Remove(tile))
	stop := n.auditing(t)
	waitFor(t, "a good audit", func() bool { return n.SelfAudited().Entries == n.Size() })
	stop()
	noError(t, os.Mkdir(tile, 0o755))
	n.auditing(t)
	waitFor(t, "an audit that cannot be done", func() bool { return n.SelfAudited().Failures > 0 })
	noError(t, n.Err())
	n.must(t, bergen, publication())
}

// otherEntry is a stream whose first entry has changed, once it is told so.
type otherEntry struct {
	ledger.Stream
	changed *atomic.Bool
}

func (s otherEntry) Read(ctx context.Context, from int64, fn func(int64, []byte) error) error {
	return s.Stream.Read(ctx, from, func(index int64, entry []byte) error {
		if index == 3 && s.changed.Load() {
			entry = append(bytes.Clone(entry), '!')
		}
		return fn(index, entry)
	})
}

// What a disk does to the stream while it runs is noticed too, sooner or later.
func TestStreamIsComparedWhileRunning(t *testing.T) {
	t.Parallel()
	var changed atomic.Bool
	n := newNode(t)
	n.wrap = func(s ledger.Stream) ledger.Stream { return otherEntry{s, &changed} }
	n.open(t).found(t)
	changed.Store(true)
	var damage *ledger.DamageError
	waitFor(t, "the change to be noticed", func() bool { return errors.As(n.Err(), &damage) })
	n.refusesToWrite(t, "its entry 3 is not the one in the log on disk", 5)
}
