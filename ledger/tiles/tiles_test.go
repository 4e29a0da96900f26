package tiles

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// quick is a log whose writer hardly rests and cuts its tail early, on a disk
// that is not made to sync: what syncs are for, the tests with disks of their
// own show.
func quick() options {
	return options{disk: unsynced{}, pace: time.Millisecond, retry: time.Millisecond, cutAt: 8 << 10}
}

type unsynced struct{ osDisk }

func (unsynced) sync(*os.File) error  { return nil }
func (unsynced) syncDir(string) error { return nil }

// entry is the entry that the tests put at an index.
func entry(index int64) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "entry %d;", index), 1+int(index%3))
}

func entriesFrom(from, to int64) [][]byte {
	var entries [][]byte
	for index := from; index < to; index++ {
		entries = append(entries, entry(index))
	}
	return entries
}

// note is an unsigned checkpoint, which is all that this package looks at.
func note(size int64, root tlog.Hash) ([]byte, error) {
	return fmt.Appendf(nil, "test.example/log\n%d\n%s\n", size, root), nil
}

// tree is the whole tree as x/mod keeps it, to compare with.
type tree struct {
	hashes []tlog.Hash
	size   int64
}

func (r *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		hashes = append(hashes, r.hashes[index])
	}
	return hashes, nil
}

func (r *tree) growTo(t testing.TB, size int64) {
	t.Helper()
	for ; r.size < size; r.size++ {
		hashes, err := tlog.StoredHashes(r.size, entry(r.size), r)
		check(t, err)
		r.hashes = append(r.hashes, hashes...)
	}
}

func (r *tree) root(t testing.TB, size int64) tlog.Hash {
	t.Helper()
	root, err := tlog.TreeHash(size, r)
	check(t, err)
	return root
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustOpen(t testing.TB, dir string, o options) *Log {
	t.Helper()
	l, err := open(dir, o)
	check(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// growTo appends what is missing up to size, in batches of at most 1,000.
func growTo(t testing.TB, l *Log, size int64) {
	t.Helper()
	for l.Size() < size {
		check(t, l.Append(entriesFrom(l.Size(), min(size, l.Size()+1000)), note))
	}
}

// settle waits until the writer has nothing left to do.
func settle(t testing.TB, l *Log) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if v := l.view.Load(); v.filed/tileWidth == v.size/tileWidth && l.Err() == nil {
			return
		}
	}
	t.Fatalf("the writer does not finish: %v", l.Err())
}

// wantSame compares what can be asked of l with the tree r, of a large log in
// parts.
func wantSame(t *testing.T, l *Log, r *tree, size int64) {
	t.Helper()
	if l.Size() != size {
		t.Fatalf("size is %d, want %d", l.Size(), size)
	}
	r.growTo(t, size)
	if got, want := l.Root(), r.root(t, size); got != want {
		t.Fatalf("root at %d is %v, want %v", size, got, want)
	}
	if want, _ := note(size, l.Root()); size > 0 && !bytes.Equal(l.Checkpoint(), want) {
		t.Fatalf("checkpoint at %d is %q", size, l.Checkpoint())
	}
	wantEntries(t, l, 0, min(size, 1000))
	wantEntries(t, l, max(0, size-3000), size)
	wantHashes(t, l, r, size)
}

func wantEntries(t *testing.T, l *Log, from, to int64) {
	t.Helper()
	next := from
	check(t, l.Entries(from, to, func(index int64, got []byte) error {
		if index != next || !bytes.Equal(got, entry(index)) {
			return fmt.Errorf("entry %d is %q, want number %d", index, got, next)
		}
		next++
		return nil
	}))
	if next != to {
		t.Fatalf("entries ended at %d, want %d", next, to)
	}
}

func wantHashes(t *testing.T, l *Log, r *tree, size int64) {
	t.Helper()
	count := tlog.StoredHashCount(size)
	step := 1 + count/3000
	for index := int64(0); index < count; index += step {
		got, err := l.ReadHashes([]int64{index, count - 1})
		check(t, err)
		if got[0] != r.hashes[index] || got[1] != r.hashes[count-1] {
			t.Fatalf("hash %d or %d of a log of %d is wrong", index, count-1, size)
		}
	}
	if _, err := l.ReadHashes([]int64{count}); !errors.Is(err, ErrNotFound) {
		t.Fatalf("hash %d of a log of %d: %v", count, size, err)
	}
}

func TestEmpty(t *testing.T) {
	l := mustOpen(t, filepath.Join(t.TempDir(), "a", "log"), quick())
	if l.Size() != 0 || l.Root() != sha256.Sum256(nil) || l.Checkpoint() != nil || l.Published() != nil {
		t.Error("an empty log is not empty")
	}
	_, err := l.Entry(0)
	_, err2 := l.Resource("checkpoint")
	_, err3 := l.Leaf(0)
	for _, err := range []error{err, err2, err3, l.Entries(0, 1, nil)} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	}
	check(t, l.Entries(0, 0, nil))
}

func TestAgainstTlog(t *testing.T) {
	dir, r := t.TempDir(), new(tree)
	for _, size := range []int64{
		0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 1000, 5000, 65279, 65280,
		65281, 65535, 65536, 65537, 65792, 66000, 131072 + 3*256 + 17,
	} {
		l := mustOpen(t, dir, quick())
		growTo(t, l, size)
		wantSame(t, l, r, size)
		check(t, l.Close())
		l = mustOpen(t, dir, quick())
		wantSame(t, l, r, size)
		check(t, l.Close())
		ro, err := OpenReadOnly(dir)
		check(t, err)
		wantSame(t, ro, r, size)
		if size > 131072 {
			wantEntries(t, ro, 0, size)
		}
		check(t, ro.Close())
	}
}

func TestProofs(t *testing.T) {
	l := mustOpen(t, t.TempDir(), quick())
	growTo(t, l, 70_000)
	settle(t, l)
	r := new(tree)
	r.growTo(t, 70_000)
	for _, size := range []int64{1, 255, 256, 257, 40_000, 65_536, 65_537, 70_000} {
		root := r.root(t, size)
		for n := int64(0); n < size; n += 1 + size/7 {
			proof, err := tlog.ProveRecord(size, n, l)
			check(t, err)
			leaf, err := l.Leaf(n)
			check(t, err)
			check(t, tlog.CheckRecord(proof, size, root, n, leaf))
		}
		proof, err := tlog.ProveTree(70_000, size, l)
		check(t, err)
		check(t, tlog.CheckTree(proof, 70_000, l.Root(), size, root))
	}
}

func TestEntry(t *testing.T) {
	l := mustOpen(t, t.TempDir(), quick())
	growTo(t, l, 10_000)
	settle(t, l)
	for index := int64(0); index < 10_000; index += 97 {
		got, err := l.Entry(index)
		check(t, err)
		if !bytes.Equal(got, entry(index)) {
			t.Fatalf("entry %d is %q", index, got)
		}
	}
	for _, index := range []int64{-1, 10_000, 1 << 60} {
		if _, err := l.Entry(index); !errors.Is(err, ErrNotFound) {
			t.Errorf("entry %d: %v", index, err)
		}
		if _, err := l.Leaf(index); !errors.Is(err, ErrNotFound) {
			t.Errorf("leaf %d: %v", index, err)
		}
	}
	stop := errors.New("stop")
	if err := l.Entries(300, 400, func(int64, []byte) error { return stop }); err != stop {
		t.Errorf("entries stopped with %v", err)
	}
	wantEntries(t, l, 255, 257)
	wantEntries(t, l, 9_999, 10_000)
}

func TestAppendRefuses(t *testing.T) {
	l := mustOpen(t, t.TempDir(), quick())
	growTo(t, l, 300)
	before := *l.view.Load()
	failed := errors.New("no key")
	unwilling := func(int64, tlog.Hash) ([]byte, error) { return nil, failed }
	for name, err := range map[string]error{
		"empty entry":      l.Append([][]byte{entry(0), {}}, note),
		"long entry":       l.Append([][]byte{make([]byte, MaxEntry+1)}, note),
		"failing sign":     l.Append(entriesFrom(300, 600), unwilling),
		"empty checkpoint": l.Append(entriesFrom(300, 600), func(int64, tlog.Hash) ([]byte, error) { return nil, nil }),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if err := l.Append(entriesFrom(300, 301), unwilling); !errors.Is(err, failed) {
		t.Errorf("got %v, want the error of sign", err)
	}
	if v := l.view.Load(); v.size != before.size || v.root != before.root || !bytes.Equal(v.checkpoint, before.checkpoint) {
		t.Error("a refused append moved the log")
	}
	check(t, l.Append([][]byte{make([]byte, MaxEntry)}, note))
}

func TestNewerCheckpoint(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir, quick())
	growTo(t, l, 256)
	root := l.Root()
	check(t, l.Append(nil, func(size int64, got tlog.Hash) ([]byte, error) {
		if size != 256 || got != root {
			t.Errorf("sign got %d, %v", size, got)
		}
		return []byte("cosigned"), nil
	}))
	check(t, l.Close())
	l = mustOpen(t, dir, quick())
	if l.Size() != 256 || l.Root() != root || string(l.Checkpoint()) != "cosigned" {
		t.Errorf("reopened with %d entries and checkpoint %q", l.Size(), l.Checkpoint())
	}
}

func TestCut(t *testing.T) {
	dir, r := t.TempDir(), new(tree)
	l := mustOpen(t, dir, quick())
	for size := int64(100); size < 20_000; size += 100 {
		growTo(t, l, size)
	}
	settle(t, l)
	growTo(t, l, 20_001)
	check(t, l.Close()) // after the round that is under way, and its cut
	info, err := os.Stat(filepath.Join(dir, tailName))
	check(t, err)
	if all := encodedSize(entriesFrom(0, 20_001)); info.Size() > int64(all)/4 {
		t.Errorf("tail has %d bytes after entries of %d", info.Size(), all)
	}
	wantSame(t, mustOpen(t, dir, quick()), r, 20_001)
}

func TestReadOnly(t *testing.T) {
	if _, err := OpenReadOnly(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no log: %v", err)
	}
	dir := t.TempDir()
	l := mustOpen(t, dir, options{disk: unsynced{}, pace: time.Hour, retry: time.Hour, cutAt: 1 << 30})
	growTo(t, l, 1000)
	check(t, l.Close())
	path := filepath.Join(dir, tailName)
	b, err := os.ReadFile(path)
	check(t, err)
	check(t, os.WriteFile(path, append(b, "torn"...), 0o644))
	before := snapshot(t, dir)
	ro, err := OpenReadOnly(dir)
	check(t, err)
	wantSame(t, ro, new(tree), 1000)
	if err := ro.Append(entriesFrom(1000, 1001), note); err != ErrReadOnly {
		t.Errorf("append: %v", err)
	}
	check(t, ro.Close())
	if after := snapshot(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("reading changed the folder")
	}
}

// snapshot is every file below dir with its bytes.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = string(b)
		return err
	}))
	return files
}

func TestFilesAreFinal(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir, quick())
	growTo(t, l, 8000)
	settle(t, l)
	check(t, l.Close())
	files := snapshot(t, filepath.Join(dir, "tile"))
	if want := 31 + 31; len(files) != want {
		t.Errorf("%d files, want %d", len(files), want)
	}
	for path, b := range files {
		rel, err := filepath.Rel(dir, path)
		check(t, err)
		p, ok := parsePath(filepath.ToSlash(rel))
		if !ok || p.width != tileWidth || p.level != entryLevel && len(b) != tileBytes {
			t.Errorf("file %s of %d bytes", rel, len(b))
		}
	}
	l = mustOpen(t, dir, quick())
	growTo(t, l, 10_000)
	settle(t, l)
	later := snapshot(t, filepath.Join(dir, "tile"))
	for path, b := range files {
		if later[path] != b {
			t.Errorf("%s has changed", path)
		}
	}
}

func TestCheckpointFile(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir, quick())
	growTo(t, l, 700)
	want := l.Checkpoint()
	check(t, l.Close())
	path := filepath.Join(dir, checkpointName)
	got, err := os.ReadFile(path)
	check(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("checkpoint file is %q, want %q", got, want)
	}

	// A file from before a crash is brought up to date, one that knows of
	// more entries is left as evidence until there is a newer checkpoint.
	older, _ := note(300, tlog.Hash{})
	check(t, os.WriteFile(path, older, 0o644))
	check(t, mustOpen(t, dir, quick()).Close())
	if got, _ = os.ReadFile(path); !bytes.Equal(got, want) {
		t.Errorf("checkpoint file is %q, want %q", got, want)
	}
	newer, _ := note(701, tlog.Hash{})
	check(t, os.WriteFile(path, newer, 0o644))
	l = mustOpen(t, dir, quick())
	if !bytes.Equal(l.Published(), newer) {
		t.Errorf("published is %q", l.Published())
	}
	check(t, l.Close())
	if got, _ = os.ReadFile(path); !bytes.Equal(got, newer) {
		t.Errorf("checkpoint file is %q, want it left alone", got)
	}
	l = mustOpen(t, dir, quick())
	growTo(t, l, 701)
	want = l.Checkpoint()
	check(t, l.Close())
	if got, _ = os.ReadFile(path); !bytes.Equal(got, want) {
		t.Errorf("checkpoint file is %q, want %q", got, want)
	}
}

func TestConcurrentReaders(t *testing.T) {
	const size = 30_000
	l := mustOpen(t, t.TempDir(), quick())
	r := new(tree)
	r.growTo(t, size)
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for n := int64(1); ; n = n*31 + 7 {
				select {
				case <-stop:
					return
				default:
				}
				if err := readAt(l, r, n&(1<<62-1)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for batch := int64(1); l.Size() < size; batch = batch%400 + 37 {
		growTo(t, l, min(size, l.Size()+batch))
	}
	close(stop)
	readers.Wait()
	settle(t, l)
	wantSame(t, l, r, size)
}

// readAt checks one entry, its proof and its resources, whatever l's size.
func readAt(l *Log, r *tree, n int64) error {
	v := l.view.Load()
	if v.size == 0 {
		return nil
	}
	n %= v.size
	got, err := l.Entry(n)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveRecord(v.size, n, l)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(proof, v.size, v.root, n, tlog.RecordHash(got)); err != nil {
		return fmt.Errorf("entry %d of %d: %w", n, v.size, err)
	}
	width := int(n%tileWidth) + 1
	b, err := l.Resource(TilePath(0, n/tileWidth, width))
	if err != nil {
		return err
	}
	if last := tlog.Hash(b[len(b)-tlog.HashSize:]); last != r.hashes[tlog.StoredHashIndex(0, n)] {
		return fmt.Errorf("tile of entry %d has another hash", n)
	}
	b, err = l.Resource(BundlePath(n/tileWidth, width))
	if err != nil {
		return err
	}
	if !bytes.HasSuffix(b, entry(n)) {
		return fmt.Errorf("bundle does not end with entry %d", n)
	}
	return l.Entries(n, min(v.size, n+300), func(index int64, got []byte) error {
		if !bytes.Equal(got, entry(index)) {
			return fmt.Errorf("entry %d is %q", index, got)
		}
		return nil
	})
}
