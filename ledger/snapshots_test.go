package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"spredning/ledger"
	"spredning/ledger/jetstream"
	"spredning/ledger/snapshot"
)

// folded is the least that entries can be folded into: all that was applied, and
// what of that came from a snapshot.
type folded struct {
	mu      sync.Mutex
	form    string
	indexes []int64
	decoded int
}

func (f *folded) apply(entries []*ledger.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range entries {
		f.indexes = append(f.indexes, e.Index)
	}
}

func (f *folded) Form() string { return f.form }

func (f *folded) EncodeTo(e *snapshot.Encoder) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.Encode(&f.indexes)
}

func (f *folded) Decode(b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var indexes []int64
	if err := snapshot.Decode(b, &indexes); err != nil {
		return err
	}
	f.indexes, f.decoded = indexes, len(indexes)
	return nil
}

// has checks that every entry up to a size was folded once, in order, and gives how
// many of them came from a snapshot.
func (f *folded) has(t testing.TB, size int64) int {
	t.Helper()
	waitFor(t, "all entries to be applied", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return int64(len(f.indexes)) >= size
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, index := range f.indexes {
		if index != int64(i) || int64(i) >= size {
			t.Fatalf("of %d entries, number %d folded is entry %d", size, i, index)
		}
	}
	return f.decoded
}

// snapshotting gives a node that keeps snapshots, one every so many entries.
func snapshotting(n *node, every int64) *folded {
	f := &folded{form: "1"}
	n.apply = f.apply
	n.snapshots = &ledger.Snapshots{Dir: filepath.Join(n.dir, "snapshots"), Folded: f, Every: every}
	return f
}

func (n *node) snapshotFiles(t testing.TB) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(n.snapshots.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// keptSnapshot founds a ledger, fills it, and gives the snapshot that closing keeps.
func (n *node) keptSnapshot(t testing.TB, count int) []byte {
	t.Helper()
	snapshotting(n, 10)
	n.open(t).found(t)
	n.fill(t, count)
	n.close()
	files := n.snapshotFiles(t)
	b, err := os.ReadFile(filepath.Join(n.snapshots.Dir, files[len(files)-1]))
	noError(t, err)
	return b
}

// stateAfter closes the ledger and gives its state.
func (n *node) stateAfter() []byte {
	l := n.Ledger
	n.close()
	return l.StateBytes()
}

// A start takes state and fold from the snapshot and only the rest from the log;
// both are as if all had been replayed.
func TestStartFromSnapshot(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	snapshotting(n, 10)
	n.open(t).found(t)
	n.fill(t, 20)
	early := n.Size()
	n.close() // keeps one
	if files := n.snapshotFiles(t); !slices.Equal(files, []string{fmt.Sprintf("%016d", early)}) {
		t.Fatalf("closing kept %v", files)
	}
	snapshotting(n, 1000) // keeps none
	noError(t, n.tryOpen())
	n.fill(t, 7)
	all := n.Size()
	n.close()

	f := snapshotting(n, 1000)
	noError(t, n.tryOpen())
	if got := f.has(t, all); int64(got) != early {
		t.Errorf("%d entries came from the snapshot, %d were in it", got, early)
	}
	fromSnapshot := n.stateAfter()
	noError(t, os.RemoveAll(n.snapshots.Dir))
	f = snapshotting(n, 1000)
	noError(t, n.tryOpen())
	if got := f.has(t, all); got != 0 {
		t.Errorf("%d entries came from a snapshot that there is not", got)
	}
	if replayed := n.stateAfter(); !bytes.Equal(fromSnapshot, replayed) {
		t.Error("the state from a snapshot and the rest is another than that from all")
	}
	n.open(t)
	n.must(t, bergen, publication())
}

// Snapshots are taken on the way, under load, and of no other position than theirs.
func TestSnapshotsUnderLoad(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	snapshotting(n, 5)
	n.open(t).found(t)
	deadline := time.Now().Add(30 * time.Second)
	for len(n.snapshotFiles(t)) < 2 && time.Now().Before(deadline) {
		inParallelDo(16, 64, func(int) { n.must(t, bergen, publication()) })
	}
	n.close()
	files := n.snapshotFiles(t)
	if len(files) != 2 {
		t.Fatalf("kept %v, not the newest two", files)
	}
	for len(files) > 0 {
		f := snapshotting(n, 1_000_000)
		noError(t, n.tryOpen())
		size := n.Size()
		if f.has(t, size) == 0 {
			t.Error("a snapshot that was kept is not taken")
		}
		state := n.stateAfter()
		all := snapshotting(n, 1_000_000)
		aside := n.snapshots.Dir
		n.snapshots.Dir += ".none"
		noError(t, n.tryOpen())
		all.has(t, size)
		if !bytes.Equal(state, n.stateAfter()) {
			t.Errorf("the state from %s is another than that from all", files[len(files)-1])
		}
		noError(t, os.Remove(filepath.Join(aside, files[len(files)-1])))
		files = files[:len(files)-1]
	}
}

// A snapshot that is damaged, of another log, form or key, or ahead of the log is
// passed over, with a message, for an older one or none; the start is as good.
func TestWrongSnapshots(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	good := n.keptSnapshot(t, 10)
	file := filepath.Join(n.snapshots.Dir, n.snapshotFiles(t)[0])
	foreign := newNode(t).keptSnapshot(t, 8)
	forger := newNode(t)
	key, err := ledger.NewLogKey(origin, seededKey(98))
	noError(t, err)
	forger.logKey = key
	unsigned := forger.keptSnapshot(t, 10)

	wrong := map[string][]byte{
		"empty": nil, "no head": []byte("snapshot"), "half": good[:len(good)/2], "a byte less": good[:len(good)-1],
		"a byte more": append(bytes.Clone(good), 0), "of another log": foreign, "of another key": unsigned,
	}
	for _, at := range []int{0, 30, 60, 120, 200, 300, len(good) / 2, len(good) - 1} {
		flipped := bytes.Clone(good)
		flipped[at] ^= 1
		wrong[fmt.Sprintf("byte %d of %d", at, len(good))] = flipped
	}
	for what, b := range wrong {
		noError(t, os.WriteFile(file, b, 0o600))
		startsWithout(t, n, what, "ignored")
	}
	noError(t, os.WriteFile(file, good, 0o600))
	n.snapshots.Folded.(*folded).form = "2"
	startsWithout(t, n, "of another form", "another version")
	noError(t, os.WriteFile(filepath.Join(n.snapshots.Dir, "new"), good[:100], 0o600)) // left by a kill
	n.snapshots.Folded.(*folded).form = "1"
	f := snapshotting(n, 1000)
	noError(t, n.tryOpen())
	if f.has(t, n.Size()) == 0 {
		t.Error("the good one is not taken")
	}
	n.close()

	noError(t, os.RemoveAll(n.logDir()))
	noError(t, os.RemoveAll(n.streamDir()))
	startsWithout(t, n, "ahead of the log", "the log 0")
}

// startsWithout checks that a node starts as if there were no snapshots, and says so.
func startsWithout(t *testing.T, n *node, what, message string) {
	t.Helper()
	form, said := n.snapshots.Folded.Form(), &bytes.Buffer{}
	f := snapshotting(n, 1000)
	f.form, n.logger = form, slog.New(slog.NewTextHandler(said, nil))
	if err := n.tryOpen(); err != nil {
		t.Fatalf("%s: %s", what, err)
	}
	defer n.close()
	if f.has(t, n.Size()) > 0 {
		t.Errorf("%s: it is taken", what)
	}
	if !strings.Contains(said.String(), message) {
		t.Errorf("%s: it is said %q, not %q", what, said, message)
	}
	n.logger = nil
}

// A new node of a cluster begins with what the others have kept; if that is not what
// the stream says, with the stream alone.
func TestStartFromTheSnapshotOfOthers(t *testing.T) {
	t.Parallel()
	url := natsServer(t).ClientURL()
	shared := func(t *testing.T, every int64) (*node, *folded) {
		n := sharedNode(t, url)
		n.shelf = func(s *jetstream.Stream) ledger.Shelf { return s.Shelf() }
		return n, snapshotting(n, every)
	}
	one, _ := shared(t, 10)
	one.open(t).found(t)
	inParallelDo(64, 1500, func(int) { one.must(t, bergen, publication()) }) // more than one batch
	newest := func() (kept []byte, position int64) {
		kept, err := one.stream.Shelf().Newest(context.Background())
		noError(t, err)
		if lines := bytes.SplitN(kept, []byte("\n"), 4); len(lines) == 4 {
			position, err = strconv.ParseInt(string(lines[2]), 10, 64)
			noError(t, err)
		}
		return kept, position
	}
	var kept []byte
	var before int64
	waitFor(t, "a snapshot of more than one batch", func() bool {
		if kept, before = newest(); before > 1000 {
			return true
		}
		one.must(t, bergen, publication()) // one that was on its way has kept the next from being made
		return false
	})
	one.must(t, bergen, publication())

	newcomer, f := shared(t, 10)
	noError(t, newcomer.tryOpen())
	got := int64(f.has(t, one.Size()))
	if _, now := newest(); got != before && got != now { // the one that was on its way
		t.Errorf("%d entries came from a snapshot of %d or %d", got, before, now)
	}
	if newcomer.log.Root() != one.log.Root() {
		t.Error("the newcomer has another log")
	}
	newcomer.must(t, bergen, publication())
	size, state := newcomer.Size(), newcomer.stateAfter()

	foreign := newNode(t).keptSnapshot(t, 100)
	flipped := bytes.Clone(kept)
	flipped[len(flipped)-1] ^= 1
	for what, b := range map[string][]byte{"damaged": flipped, "of another log": foreign, "none": nil} {
		late, f := shared(t, 10)
		late.shelf = func(*jetstream.Stream) ledger.Shelf { return lying(b) }
		noError(t, late.tryOpen())
		if got := f.has(t, size); got > 0 {
			t.Errorf("%s: %d entries came from it", what, got)
		}
		if err := late.Err(); err != nil {
			t.Errorf("%s: %s", what, err)
		}
		if !bytes.Equal(late.stateAfter(), state) {
			t.Errorf("%s: another state", what)
		}
	}

	// Nor does it make anybody sign what no one has judged.
	url = natsServer(t).ClientURL()
	n, _ := shared(t, 1000)
	n.shelf = nil
	n.open(t).found(t)
	judged := n.Size()
	n.close()
	noError(t, writer(t, url).Append(context.Background(), judged, slices.Repeat([][]byte{[]byte("never judged")}, 150)))
	late, f := shared(t, 10)
	late.shelf = func(*jetstream.Stream) ledger.Shelf { return lying(foreign) }
	noError(t, late.tryOpen())
	defer late.close()
	f.has(t, judged)
	if late.Size() != judged || late.Err() == nil {
		t.Errorf("%d entries were signed, %d had been judged: %v", late.Size(), judged, late.Err())
	}
}

// lying is a shelf with the same for everyone.
type lying []byte

func (l lying) Put(context.Context, int64, io.Reader) error { return nil }
func (l lying) Newest(context.Context) ([]byte, error)      { return l, nil }
