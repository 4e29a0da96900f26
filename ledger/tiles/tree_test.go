package tiles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

func writeFile(t testing.TB, path string, b []byte) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	check(t, os.WriteFile(path, b, 0o644))
}

// handler serves a source as a ledger or a file server does.
func handler(s Source) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, err := s.Resource(strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(b)
	}
}

// remote is what a server serves, and asks it without long pauses.
func remote(t testing.TB, h http.Handler) *Remote {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	r, err := NewRemote(t.Context(), server.URL)
	check(t, err)
	r.pause = time.Millisecond
	t.Cleanup(r.http.CloseIdleConnections)
	return r
}

// plain is a log as plain files that any file server serves, of a size.
func plain(t testing.TB, size int64) (Folder, *tree) {
	t.Helper()
	dir, r := t.TempDir(), new(tree)
	l := mustOpen(t, dir, quick())
	growTo(t, l, size)
	settle(t, l)
	r.growTo(t, size)
	f := Folder(t.TempDir())
	for _, path := range paths(size) {
		b, err := l.Resource(path)
		check(t, err)
		writeFile(t, f.Place(path), b)
	}
	return f, r
}

// paths lists what a log of a size consists of: what a static copy must have.
func paths(size int64) []string {
	all := []string{checkpointName}
	for level := entryLevel; level < tileLevels; level++ {
		count := hashesAt(max(level, 0), size)
		for n := range count / tileWidth {
			all = append(all, place{level, n, tileWidth}.path())
		}
		if w := int(count % tileWidth); w > 0 {
			all = append(all, place{level, count / tileWidth, w}.path())
		}
	}
	return all
}

// resource makes what belongs under a path from its definition.
func (r *tree) resource(t testing.TB, path string, size int64) []byte {
	t.Helper()
	p, ok := parsePath(path)
	if !ok {
		return nil
	}
	if p.level == entryLevel {
		return appendEntries(nil, entriesFrom(p.n*tileWidth, p.n*tileWidth+int64(p.width)))
	}
	var b []byte
	for i := range int64(p.width) {
		h := r.hashes[tlog.StoredHashIndex(tileHeight*p.level, p.n*tileWidth+i)]
		b = append(b, h[:]...)
	}
	return b
}

func mustTree(t testing.TB, r *tree, size int64, sources ...Source) *Tree {
	t.Helper()
	got, err := NewTree(size, r.root(t, size), sources...)
	check(t, err)
	return got
}

// wantTree compares what can be asked of a tree with r.
func wantTree(t *testing.T, got *Tree, r *tree, size int64) {
	t.Helper()
	next := int64(0)
	check(t, got.Entries(0, size, func(index int64, b []byte) error {
		if index != next || !bytes.Equal(b, entry(index)) {
			return fmt.Errorf("entry %d is %q, want number %d", index, b, next)
		}
		next++
		return nil
	}))
	if next != size {
		t.Fatalf("entries ended at %d, want %d", next, size)
	}
	count := tlog.StoredHashCount(size)
	for index := int64(0); index < count; index += 1 + count/3000 {
		hashes, err := got.ReadHashes([]int64{index, count - 1})
		check(t, err)
		if hashes[0] != r.hashes[index] || hashes[1] != r.hashes[count-1] {
			t.Fatalf("hash %d or %d of a tree of %d is wrong", index, count-1, size)
		}
	}
	l := NewShown(got, []byte("note"))
	for _, path := range append(sample(paths(size), min(10, len(paths(size)))), "tile/0/000.p/1", "tile/entries/000.p/1") {
		b, err := l.Resource(path)
		check(t, err)
		if want := r.resource(t, path, size); !bytes.Equal(b, want) && path != checkpointName {
			t.Fatalf("%s of a tree of %d is wrong", path, size)
		}
	}
	for _, index := range []int64{0, size / 2, size - 1} {
		b, err := got.Entry(index)
		leaf, err2 := got.Leaf(index)
		check(t, errors.Join(err, err2))
		if !bytes.Equal(b, entry(index)) || leaf != tlog.RecordHash(b) {
			t.Fatalf("entry %d of a tree of %d is wrong", index, size)
		}
	}
	_, err := got.ReadHashes([]int64{count})
	_, err2 := got.Entry(size)
	_, err3 := got.Leaf(-1)
	_, err4 := l.Resource(BundlePath(size/tileWidth, int(size%tileWidth)+1))
	_, err5 := l.Resource("tile/0/../0/000")
	for _, err := range []error{err, err2, err3, err4, err5, got.Entries(0, size+1, nil)} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("beyond the end: %v", err)
		}
	}
}

// TestTree reads logs of many sizes from each kind of source.
func TestTree(t *testing.T) {
	for _, size := range []int64{1, 2, 255, 256, 257, 511, 512, 1000, 5000, 65536, 65537 + 3*256} {
		dir, r := t.TempDir(), new(tree)
		l := mustOpen(t, dir, quick())
		growTo(t, l, size)
		settle(t, l)
		r.growTo(t, size)
		files := Folder(t.TempDir())
		for _, path := range paths(size) {
			b, err := l.Resource(path)
			check(t, err)
			writeFile(t, files.Place(path), b)
		}
		for name, s := range map[string]Source{"log": l, "read-only log": mustReadOnly(t, dir), "files": files, "remote": remote(t, handler(l))} {
			t.Run(fmt.Sprintf("%s of %d", name, size), func(t *testing.T) {
				wantTree(t, mustTree(t, r, size, s), r, size)
			})
		}
	}
}

// TestTreeIsConsistent asks a tree for the roots of all that it has grown from.
func TestTreeIsConsistent(t *testing.T) {
	files, r := plain(t, 1500)
	got := mustTree(t, r, 1500, files)
	for size := int64(0); size <= 1500; size += 13 {
		root, err := tlog.TreeHash(size, got)
		check(t, err)
		if root != r.root(t, size) {
			t.Fatalf("root at %d is wrong", size)
		}
	}
	if _, err := NewTree(1500, r.root(t, 1499), files); !isDamage(err) || !strings.Contains(err.Error(), files.Place(checkpointName)) {
		t.Errorf("another root: %v", err)
	}
	for _, size := range []int64{-1, 1<<62 + 1} {
		if _, err := NewTree(size, tlog.Hash{}, files); err == nil {
			t.Errorf("a tree of %d entries", size)
		}
	}
}

// TestTreeOfGrownLog reads at an old size what has only full tiles by now.
func TestTreeOfGrownLog(t *testing.T) {
	files, r := plain(t, 66000)
	for _, size := range []int64{1, 300, 65000, 65792} {
		wantTree(t, mustTree(t, r, size, remote(t, handler(files))), r, size)
	}
	// The last bundle is not full: without its partial form nothing goes.
	_, err := NewTree(65999, r.root(t, 65999), files)
	if !isDamage(err) || !strings.Contains(err.Error(), "tile/0/257.p/207") || !strings.Contains(err.Error(), files.Place(checkpointName)) {
		t.Errorf("a partial tile that is not there, or a checkpoint that is wrong: %v", err)
	}
}

// tampering changes one byte of what a source gives under a path.
type tampering struct {
	Source
	path string
	at   int
	bit  byte
}

func (s tampering) Resource(path string) ([]byte, error) {
	b, err := s.Source.Resource(path)
	if err != nil || path != s.path {
		return b, err
	}
	b = bytes.Clone(b)
	b[s.at%len(b)] ^= s.bit
	return b, nil
}

// readAll reads everything that a tree of a size has.
func readAll(size int64, root tlog.Hash, s Source) error {
	got, err := NewTree(size, root, s)
	if err != nil {
		return err
	}
	return got.Entries(0, size, func(int64, []byte) error { return nil })
}

// TestTamperedTree changes any byte of any file: it is refused, and named.
func TestTamperedTree(t *testing.T) {
	const size = 65536 + 3*256 + 17
	files, r := plain(t, size)
	root, all := r.root(t, size), paths(size)
	for _, path := range append([]string{"tile/2/000.p/1", "tile/1/000", "tile/1/001.p/3", "tile/0/259.p/17", "tile/entries/259.p/17"}, sample(all, 20)...) {
		if path == checkpointName {
			continue // the caller has the root from there, and its signature
		}
		for range 3 {
			s := tampering{files, path, rand.Int(), 1 << rand.IntN(8)}
			err := readAll(size, root, s)
			if !isDamage(err) || !strings.Contains(err.Error(), filepath.FromSlash(path)) {
				t.Errorf("%s is not found out: %v", path, err)
			}
		}
	}
}

func sample(all []string, n int) (some []string) {
	for _, i := range rand.Perm(len(all))[:n] {
		some = append(some, all[i])
	}
	return some
}

// TestTreeOfTwoSources takes from the second what is missing or damaged in the
// first, and tells of it.
func TestTreeOfTwoSources(t *testing.T) {
	const size = 5000
	files, r := plain(t, size)
	for _, path := range sample(paths(size), 12) {
		told := map[string][]byte{}
		got, err := newTree(size, r.root(t, size), func(path string, b []byte) { told[path] = b }, []Source{tampering{files, path, rand.Int(), 1}, files})
		check(t, err)
		wantTree(t, got, r, size)
		want, err := files.Resource(path)
		check(t, err)
		if path != checkpointName && !strings.Contains(path, ".p/") && !bytes.Equal(told[path], want) || len(told) > 1 {
			t.Errorf("%s: told of %d files", path, len(told))
		}
	}
}

// TestRemoteTriesAgain has a server fail for a while in every way that passes.
func TestRemoteTriesAgain(t *testing.T) {
	files, r := plain(t, 1000)
	fine := handler(files)
	for name, fail := range map[string]http.HandlerFunc{
		"unavailable": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"overloaded": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "begun")
		},
		"hung up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			var asked sync.Map // how often, by path
			s := remote(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				count, _ := asked.LoadOrStore(r.URL.Path, new(atomic.Int64))
				if count.(*atomic.Int64).Add(1)%3 > 0 {
					fail(w, r)
					return
				}
				fine(w, r)
			}))
			wantTree(t, mustTree(t, r, 1000, s), r, 1000)
		})
		t.Run(name+" for good", func(t *testing.T) {
			var asked atomic.Int64
			s := remote(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				fail(w, r)
			}))
			if _, err := s.Resource(checkpointName); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), s.base+"/checkpoint") || asked.Load() != remoteTries {
				t.Errorf("after %d tries: %v", asked.Load(), err)
			}
		})
	}
}

// TestRemoteRefuses has a server answer what no log answers.
func TestRemoteRefuses(t *testing.T) {
	_, r := plain(t, 1000)
	for name, answer := range map[string]http.HandlerFunc{
		"a page":     func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!DOCTYPE html><p>Log in") },
		"nothing":    func(http.ResponseWriter, *http.Request) {},
		"no content": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.0.1/", http.StatusFound)
		},
		"in circles": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
		"forbidden":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"not found":  http.NotFound,
	} {
		t.Run(name, func(t *testing.T) {
			s := remote(t, answer)
			_, err := NewTree(1000, r.root(t, 1000), s)
			if err == nil || errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), s.base+"/tile/") {
				t.Errorf("a tree: %v", err)
			}
			if _, err := FindRemote(t.Context(), s.base); err == nil || !strings.Contains(err.Error(), s.base) {
				t.Errorf("a log: %v", err)
			}
		})
	}
}

// TestRemoteReadsNoMoreThanItMust has a server send without end.
func TestRemoteReadsNoMoreThanItMust(t *testing.T) {
	var sent atomic.Int64
	s := remote(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 1<<16); ; {
			n, err := w.Write(chunk)
			if sent.Add(int64(n)); err != nil || sent.Load() > 100<<20 {
				return
			}
		}
	}))
	for _, path := range []string{checkpointName, "tile/0/000", "tile/0/000.p/3", "tile/entries/000"} {
		sent.Store(0)
		if _, err := s.Resource(path); !isDamage(err) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s without end: %v", path, err)
		}
		if n := sent.Load(); n > 40<<20 {
			t.Errorf("%s: %d bytes were sent", path, n)
		}
	}
	if _, err := s.Attachment(strings.Repeat("a", 64), 5<<20); !isDamage(err) {
		t.Errorf("an attachment without end: %v", err)
	}
}

// TestSlowRemote gives up when it is told to, not when the server deigns to end.
func TestSlowRemote(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s, err := NewRemote(ctx, server.URL)
	check(t, err)
	start := time.Now()
	if _, err := s.Resource(checkpointName); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUnreachable) {
		t.Errorf("called off: %v", err)
	}
	if time.Since(start) > 10*time.Second {
		t.Error("it waited all the same")
	}
	s.ctx, s.http.Timeout, s.pause = t.Context(), 20*time.Millisecond, time.Millisecond
	if _, err := s.Resource(checkpointName); !errors.Is(err, ErrUnreachable) {
		t.Errorf("too slow: %v", err)
	}
}

// TestTreeFetchesAhead counts how many requests a slow server has at once, and
// how often each thing is asked for.
func TestTreeFetchesAhead(t *testing.T) {
	const size = 40 * tileWidth
	files, r := plain(t, size)
	var now, most, asked atomic.Int64
	s := remote(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		asked.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(3 * time.Millisecond)
		handler(files)(w, r)
	}))
	got := mustTree(t, r, size, s)
	for from := int64(0); from < size; from += 100 { // as a replay reads
		check(t, got.Entries(from, min(from+100, size), func(index int64, b []byte) error {
			if !bytes.Equal(b, entry(index)) {
				return fmt.Errorf("entry %d is %q", index, b)
			}
			return nil
		}))
	}
	if most.Load() < 6 || most.Load() > 2*maxAhead+2 {
		t.Errorf("%d requests at once", most.Load())
	}
	if want := int64(len(paths(size)) - 1); asked.Load() != want {
		t.Errorf("%d requests for %d files", asked.Load(), want)
	}
	asked.Store(0)
	for _, n := range []int64{30, 3, 20, 10} {
		_, err := mustTree(t, r, size, files).Entry(n * tileWidth)
		check(t, err)
		check(t, got.Entries(n*tileWidth, n*tileWidth+1, func(int64, []byte) error { return nil }))
	}
	if asked.Load() > 8 {
		t.Errorf("%d requests for four entries", asked.Load())
	}
}

func TestOpenSource(t *testing.T) {
	data := t.TempDir()
	l := mustOpen(t, filepath.Join(data, "log"), quick())
	growTo(t, l, 300)
	files, _ := plain(t, 300)
	mux := http.NewServeMux()
	mux.Handle("/log/", http.StripPrefix("/log", handler(l)))
	mux.Handle("/mirror/", http.StripPrefix("/mirror", handler(files)))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "<!DOCTYPE html>") })
	base := remote(t, mux).base
	for place, want := range map[string]string{
		data: filepath.Join(data, "log", "x"), filepath.Join(data, "log"): filepath.Join(data, "log", "x"),
		string(files): files.Place("x"), base: base + "/log/x", base + "/": base + "/log/x", base + "/log": base + "/log/x", base + "/mirror/": base + "/mirror/x",
	} {
		s, err := OpenSource(t.Context(), place)
		if err != nil || s.Place("x") != want {
			t.Errorf("%s: %v, want %s", place, err, want)
			continue
		}
		b, err := s.Resource(checkpointName)
		if err != nil || noteSize(b) != 300 {
			t.Errorf("%s: checkpoint %q, %v", place, b, err)
		}
		if _, err := s.Resource("tile/0/777"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", place, err)
		}
	}
	for _, place := range []string{t.TempDir(), filepath.Join(data, "nowhere"), "ftp://host/log", "http://", base + "/?a=b", base + "/nowhere", "http://a b/"} {
		if s, err := OpenSource(t.Context(), place); err == nil {
			t.Errorf("%s is %v", place, s)
		}
	}
	for _, path := range []string{"../log/tail", "/etc/passwd", "tile/../../x"} {
		if _, err := files.Resource(path); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestAttachmentPlaces asks a ledger's API and a mirror's files.
func TestAttachmentPlaces(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	s := remote(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) }))
	b, err := s.Attachment(hash, 100)
	check(t, err)
	s.base += "/log"
	b2, err := s.Attachment(hash, 200)
	check(t, err)
	if string(b) != "/attachments/"+hash || string(b2) != "/api/v1/attachments/"+hash {
		t.Errorf("asked for %s and %s", b, b2)
	}
	f := Folder(t.TempDir())
	if _, err := f.Attachment(hash, 10); !errors.Is(err, ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
	writeFile(t, f.Place(AttachmentPath(hash)), []byte("picture"))
	if b, err := f.Attachment(hash, 7); err != nil || string(b) != "picture" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := f.Attachment(hash, 6); !isDamage(err) {
		t.Errorf("too long: %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	for given, want := range map[string]time.Duration{"": 0, "3": 3 * time.Second, "-3": 0, "86400": maxRetryAfter, "Wed, 21 Oct 2026 07:28:00 GMT": 0} {
		if got := retryAfter(http.Header{"Retry-After": {given}}); got != want {
			t.Errorf("%q: %s, want %s", given, got, want)
		}
	}
}

// BenchmarkTree reads a log of 200,100 entries of 1.4 KB over HTTP, one operation an
// entry, everything checked.
func BenchmarkTree(b *testing.B) {
	l := large(b)
	s := remote(b, handler(l))
	b.ReportAllocs()
	b.ResetTimer()
	for left := int64(b.N); left > 0; left -= l.Size() {
		t, err := NewTree(l.Size(), l.Root(), s)
		check(b, err)
		check(b, t.Entries(0, min(left, l.Size()), func(int64, []byte) error { return nil }))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(0, "ns/op")
}
