package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	fmtlog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/tiles"
)

// copied is a log to be mirrored, the attachments beside it, and the key that
// signs for it. Its entries but the first are no events, unless the test adds
// some: a mirror copies what it does not understand.
type copied struct {
	*tiles.Log
	key         *ledger.LogKey
	attachments map[string][]byte
}

func newCopied(t testing.TB, size int64) *copied {
	t.Helper()
	l, err := tiles.Open(filepath.Join(t.TempDir(), "log"))
	noError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	c := &copied{Log: l, key: logKey(origin, 99), attachments: map[string][]byte{}}
	n := newNode(t)
	c.add(t, n.envelope(authority, n.founding(c.key), time.Now()))
	c.growTo(t, size)
	return c
}

// add appends entries and signs for them.
func (c *copied) add(t testing.TB, entries ...[]byte) {
	t.Helper()
	noError(t, c.Append(entries, func(size int64, root tlog.Hash) ([]byte, error) {
		text := fmtlog.Checkpoint{Origin: c.key.Name(), Size: uint64(size), Hash: root[:]}.Marshal()
		return note.Sign(&note.Note{Text: string(text)}, c.key)
	}))
}

func (c *copied) growTo(t testing.TB, size int64) {
	t.Helper()
	var entries [][]byte
	for i := c.Size(); i < size; i++ {
		entries = append(entries, fmt.Appendf(nil, "entry %d %s", i, strings.Repeat("x", int(i%50))))
	}
	for batch := range slices.Chunk(entries, 1000) {
		c.add(t, batch...)
	}
}

// event is an entry of any type, also of one that this version does not know.
func (c *copied) event(t testing.TB, kind, data string) []byte {
	t.Helper()
	e, err := keys.Seal(fmt.Appendf(nil, `{"ledger":%q,"type":%q,"data":%s}`, origin, kind, data), seededKey(1))
	noError(t, err)
	return e.Encode()
}

// Attachment makes it a source of attachments too.
func (c *copied) Attachment(hash string, _ int64) ([]byte, error) {
	if b, ok := c.attachments[hash]; ok {
		return b, nil
	}
	return nil, tiles.ErrNotFound
}

// named adds an event that names an attachment, and gives its hash and bytes.
func (c *copied) named(t testing.TB, content string) (hash string, b []byte) {
	t.Helper()
	sum := sha256.Sum256([]byte(content))
	hash = hex.EncodeToString(sum[:])
	c.add(t, c.event(t, "adoption.confirmed", fmt.Sprintf(`{"attachments":[{"sha256":%q,"size":7}]}`, hash)))
	return hash, []byte(content)
}

// served serves the log over HTTP as a ledger does.
func (c *copied) served(t testing.TB) *tiles.Remote {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := c.Resource(strings.TrimPrefix(r.URL.Path, "/log/"))
		if hash, ok := strings.CutPrefix(r.URL.Path, "/api/v1/attachments/"); ok {
			b, err = c.Attachment(hash, 0)
		}
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(b)
	}))
	t.Cleanup(server.Close)
	r, err := tiles.FindRemote(t.Context(), server.URL)
	noError(t, err)
	return r
}

func openMirror(t testing.TB, dir string) *ledger.Mirror {
	t.Helper()
	m, err := ledger.OpenMirror(ledger.MirrorConfig{Dir: dir})
	noError(t, err)
	return m
}

func update(t testing.TB, m *ledger.Mirror, s tiles.Source) ledger.Mirrored {
	t.Helper()
	done, err := m.Update(s)
	noError(t, err)
	return done
}

// files are all files in a folder with their bytes.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	noError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)] = string(b)
		return err
	}))
	return all
}

// wantMirror checks that a mirror has all that c has, and nothing that is wrong;
// partial ones of earlier sizes may be there until they are full.
func (c *copied) wantMirror(t testing.TB, dir string, earlier ...int64) {
	t.Helper()
	has := files(t, dir)
	delete(has, "mirror.json")
	want := map[string]bool{"checkpoint": true}
	for _, size := range append(earlier, c.Size()) {
		for _, path := range tilePaths(size) {
			if full, _, partial := strings.Cut(path, ".p/"); partial && size < c.Size() {
				if _, isFull := has[full]; isFull {
					continue
				}
			}
			want[path] = true
		}
	}
	for path, b := range has {
		if r, err := c.Resource(path); !strings.HasPrefix(path, "attachments/") && (err != nil || string(r) != b || !want[path]) {
			t.Errorf("%s is in the mirror of %d entries: %v", path, c.Size(), err)
		}
	}
	for path := range want {
		if _, ok := has[path]; !ok {
			t.Errorf("%s is missing in the mirror of %d entries", path, c.Size())
		}
	}
	p, err := ledger.ReadPublished(tiles.Folder(dir), c.key.String())
	noError(t, err)
	noError(t, p.Tree.Entries(0, c.Size(), func(index int64, b []byte) error {
		if own, err := c.Entry(index); err != nil || !bytes.Equal(own, b) {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		return nil
	}))
}

// tilePaths are the tiles and bundles of a log of a size, by the specification.
func tilePaths(size int64) (all []string) {
	add := func(count int64, path func(n int64, width int) string) {
		for n := range count / 256 {
			all = append(all, path(n, 256))
		}
		if count%256 > 0 {
			all = append(all, path(count/256, int(count%256)))
		}
	}
	add(size, tiles.BundlePath)
	for level := range 8 {
		add(size>>(8*level), func(n int64, width int) string { return tiles.TilePath(level, n, width) })
	}
	return all
}

// TestMirror follows a log through many sizes, now and then from a new start.
func TestMirror(t *testing.T) {
	c, dir := newCopied(t, 1), filepath.Join(t.TempDir(), "a", "mirror")
	s := c.served(t)
	m := openMirror(t, dir)
	var earlier []int64
	for i, size := range []int64{1, 2, 255, 256, 257, 300, 511, 512, 700, 1500, 1501, 66000, 66001} {
		before := c.Size()
		c.growTo(t, size)
		if i%4 == 3 {
			m = openMirror(t, dir)
		}
		done := update(t, m, s)
		if i == 0 {
			before = 0
		}
		if done.Size != size || done.Added != size-before || done.FirstUse != (i == 0) || !done.OnTrust || done.LogKey != c.key.String() || !bytes.Equal(done.Signed, c.Checkpoint()) {
			t.Errorf("at %d: %+v", size, done)
		}
		c.wantMirror(t, dir, earlier...)
		earlier = append(earlier, size)
		again := files(t, dir)
		if done := update(t, m, s); done.Added != 0 {
			t.Errorf("%d entries were added again", done.Added)
		}
		if !same(again, files(t, dir)) {
			t.Error("a second update without news changed files")
		}
	}

	// A mirror, served as plain files, is a log as any other.
	second := t.TempDir()
	update(t, openMirror(t, second), tiles.Folder(dir))
	c.wantMirror(t, second)
	server := httptest.NewServer(http.FileServer(http.Dir(second)))
	defer server.Close()
	r, err := tiles.OpenSource(t.Context(), server.URL)
	noError(t, err)
	third := t.TempDir()
	update(t, openMirror(t, third), r)
	c.wantMirror(t, third)
}

func same(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// refuses checks that an update fails and leaves the mirror as it was.
func refuses(t testing.TB, dir, key string, s tiles.Source, says string) error {
	t.Helper()
	before := files(t, dir)
	m, err := ledger.OpenMirror(ledger.MirrorConfig{Dir: dir, LogKey: key})
	noError(t, err)
	_, err = m.Update(s)
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("want %q, got: %v", says, err)
	}
	if !same(before, files(t, dir)) {
		t.Errorf("the mirror was changed all the same (%v)", err)
	}
	return err
}

func TestMirrorKnowsTheLogsKey(t *testing.T) {
	other := logKey(origin, 98)
	c := newCopied(t, 700)
	isKeyError := func(err error) {
		t.Helper()
		var k *ledger.KeyError
		if !errors.As(err, &k) || !strings.Contains(err.Error(), c.Place("checkpoint")) {
			t.Errorf("no error of a key: %v", err)
		}
	}
	isKeyError(refuses(t, t.TempDir(), other.String(), c, "not signed by the log's key"))

	// Given and right, it is pinned, and need not be given again.
	dir := t.TempDir()
	m, err := ledger.OpenMirror(ledger.MirrorConfig{Dir: dir, LogKey: c.key.String()})
	noError(t, err)
	if done := update(t, m, c); done.OnTrust || done.FirstUse {
		t.Errorf("taken on trust: %+v", done)
	}
	c.growTo(t, 800)
	if done := update(t, openMirror(t, dir), c); done.OnTrust || done.LogKey != c.key.String() {
		t.Errorf("forgotten: %+v", done)
	}
	isKeyError(refuses(t, dir, other.String(), c, "not signed by the log's key"))

	// On trust at first; given later, it is no longer.
	onTrust := t.TempDir()
	update(t, openMirror(t, onTrust), c)
	m, err = ledger.OpenMirror(ledger.MirrorConfig{Dir: onTrust, LogKey: c.key.String()})
	noError(t, err)
	if done := update(t, m, c); done.OnTrust {
		t.Errorf("still on trust: %+v", done)
	}

	// Another signs for the same entries, or for more.
	c.key = other
	c.add(t)
	isKeyError(refuses(t, dir, "", c, "not signed by the log's key"))
	c.growTo(t, 900)
	isKeyError(refuses(t, dir, "", c, "does not lead to another"))
	isKeyError(refuses(t, t.TempDir(), "", c, "does not lead to another"))
	isKeyError(refuses(t, t.TempDir(), logKey(origin, 99).String(), c, "not signed by the log's key"))
	// Given that other key: it has signed, but the entries do not name it.
	half := t.TempDir()
	m, err = ledger.OpenMirror(ledger.MirrorConfig{Dir: half, LogKey: other.String()})
	noError(t, err)
	_, err = m.Update(c)
	isKeyError(err)
	if _, err := os.Stat(filepath.Join(half, "checkpoint")); err == nil {
		t.Error("it is shown all the same")
	}
}

// TestMirrorRefusesForks has the log go back, or tell another story.
func TestMirrorRefusesForks(t *testing.T) {
	c, dir := newCopied(t, 700), t.TempDir()
	update(t, openMirror(t, dir), c)
	smaller := newCopied(t, 1) // with a founding of its own
	fork := func(size, from int64) *copied {
		var entries [][]byte
		noError(t, c.Entries(0, min(size, c.Size()), func(index int64, b []byte) error {
			b = bytes.Clone(b)
			if index >= from {
				b = append(b, '!')
			}
			entries = append(entries, b)
			return nil
		}))
		l, err := tiles.Open(filepath.Join(t.TempDir(), "log"))
		noError(t, err)
		t.Cleanup(func() { _ = l.Close() })
		f := &copied{Log: l, key: c.key}
		f.add(t, entries...)
		f.growTo(t, size)
		return f
	}
	isFork := func(err error) {
		t.Helper()
		var f *ledger.ForkError
		if !errors.As(err, &f) {
			t.Errorf("no fork: %v", err)
		}
	}
	for _, s := range []*copied{fork(700, 699), fork(700, 1), fork(900, 699), fork(900, 5), fork(300, 290), smaller} {
		isFork(refuses(t, dir, "", s, "forked"))
	}
	if err := refuses(t, dir, "", fork(300, 300), "shows 300 entries where there were 700"); !errors.Is(err, ledger.ErrShrunk) {
		t.Errorf("not shrunk: %v", err)
	}
	elsewhere := newCopied(t, 800)
	elsewhere.key = logKey("spredning.example/other", 99)
	elsewhere.add(t)
	refuses(t, dir, "", elsewhere, "not signed by the log's key")

	// A checkpoint that was seen counts, even if the copy was never finished.
	half := t.TempDir()
	longer := fork(5000, 5000)
	if _, err := openMirror(t, half).Update(broken{longer, "tile/entries/017"}); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	isFork(refuses(t, half, "", fork(5001, 600), "forked"))
	if err := refuses(t, half, "", c, "shrunk"); !errors.Is(err, ledger.ErrShrunk) {
		t.Errorf("not shrunk: %v", err)
	}
	update(t, openMirror(t, half), longer)
	longer.wantMirror(t, half)
}

// broken has one file that cannot be read.
type broken struct {
	tiles.Source
	path string
}

var errBroken = errors.New("broken")

func (s broken) Resource(path string) ([]byte, error) {
	if path == s.path {
		return nil, errBroken
	}
	return s.Source.Resource(path)
}

// tampering changes one byte of one file.
type tampering struct {
	tiles.Source
	path string
}

func (s tampering) Resource(path string) ([]byte, error) {
	b, err := s.Source.Resource(path)
	if err == nil && path == s.path {
		b = bytes.Clone(b)
		b[rand.IntN(len(b))] ^= 1 << rand.IntN(8)
	}
	return b, err
}

// TestMirrorOfTamperingServer changes a byte of any file that is served: it is
// refused and named, and the mirror shows what it has shown before.
func TestMirrorOfTamperingServer(t *testing.T) {
	c := newCopied(t, 1000)
	start, shown := t.TempDir(), c.Checkpoint()
	update(t, openMirror(t, start), c)
	old := files(t, start)
	c.growTo(t, 5000)
	all := tilePaths(c.Size())
	some := []string{"checkpoint", "checkpoint", "checkpoint", all[len(all)-1], all[len(all)-2], "tile/entries/004", "tile/0/004"}
	for range 6 {
		some = append(some, all[rand.IntN(len(all))])
	}
	for _, path := range some {
		if _, there := old[path]; there && path != "checkpoint" {
			continue // it is not asked for
		}
		dir := filepath.Join(t.TempDir(), "mirror")
		noError(t, os.CopyFS(dir, os.DirFS(start)))
		if _, err := openMirror(t, dir).Update(tampering{c, path}); err == nil || !strings.Contains(err.Error(), c.Place(path)) {
			t.Errorf("%s: %v", path, err)
		}
		if p, err := ledger.ReadPublished(tiles.Folder(dir), c.key.String()); err != nil || !bytes.Equal(p.Signed, shown) {
			t.Errorf("after %s the mirror shows another checkpoint, or no tree: %v", path, err)
		}
		update(t, openMirror(t, dir), c)
		c.wantMirror(t, dir, 1000)
	}
}

// TestMirrorRepairsItself damages or removes files of a mirror.
func TestMirrorRepairsItself(t *testing.T) {
	c, dir := newCopied(t, 66000), t.TempDir()
	hash, b := c.named(t, "picture")
	c.attachments[hash] = b
	update(t, openMirror(t, dir), c)
	good := files(t, dir)
	paths := append(tilePaths(c.Size()), "attachments/"+hash)
	for range 5 {
		for range 7 {
			file := filepath.Join(dir, filepath.FromSlash(paths[rand.IntN(len(paths))]))
			if rand.IntN(2) == 0 {
				_ = os.Remove(file)
				continue
			}
			noError(t, os.WriteFile(file, append([]byte("spoilt"), good[paths[0]]...), 0o644))
		}
		if done := update(t, openMirror(t, dir), c); done.Added != 0 && done.Added != c.Size() {
			t.Errorf("%d added", done.Added)
		}
		if !same(good, files(t, dir)) {
			t.Fatal("the mirror is not as it was")
		}
	}
	noError(t, os.WriteFile(filepath.Join(dir, "mirror.json"), []byte("{"), 0o644))
	if _, err := ledger.OpenMirror(ledger.MirrorConfig{Dir: dir}); err == nil || !strings.Contains(err.Error(), "mirror.json is damaged") {
		t.Errorf("a damaged pin: %v", err)
	}
	noError(t, os.Remove(filepath.Join(dir, "mirror.json")))
	if done := update(t, openMirror(t, dir), c); !done.FirstUse {
		t.Errorf("without a pin: %+v", done)
	}
	if !same(good, files(t, dir)) {
		t.Error("the mirror is not as it was")
	}
}

func TestMirrorOnlyInItsOwnFolder(t *testing.T) {
	foreign := t.TempDir()
	noError(t, os.WriteFile(filepath.Join(foreign, "letter.txt"), nil, 0o644))
	n := newNode(t).open(t).found(t)
	n.close()
	for dir, says := range map[string]string{foreign: "letter.txt", n.dir: "no mirror", n.logDir(): "log of a ledger"} {
		before := files(t, dir)
		if _, err := ledger.OpenMirror(ledger.MirrorConfig{Dir: dir}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", dir, err)
		}
		if !same(before, files(t, dir)) {
			t.Errorf("%s was changed", dir)
		}
	}
	refuses(t, t.TempDir(), "", broken{newCopied(t, 1), "checkpoint"}, "broken")
}

func TestMirrorOfAttachments(t *testing.T) {
	c, dir := newCopied(t, 300), t.TempDir()
	there, b := c.named(t, "picture")
	c.attachments[there] = b
	later, laterBytes := c.named(t, "story")
	c.add(t, c.event(t, "innovation.published", `{"attachments":[{"sha256":"../../../etc/passwd"},{"sha256":7}]}`))
	c.add(t, c.event(t, "organisation.registered", `{"attachments":"none"}`), c.event(t, "a.later.type", `["anything"]`), []byte("no envelope"))
	s := c.served(t)
	m := openMirror(t, dir)
	want := func(m *ledger.Mirror, s tiles.Source, want ledger.MirroredAttachments, stored ...string) {
		t.Helper()
		if done := update(t, m, s); done.Attachments != want {
			t.Errorf("%+v, want %+v", done.Attachments, want)
		}
		var has []string
		for path := range files(t, dir) {
			if hash, ok := strings.CutPrefix(path, "attachments/"); ok {
				has = append(has, hash)
			}
		}
		slices.Sort(has)
		slices.Sort(stored)
		if !slices.Equal(has, stored) {
			t.Errorf("stored are %v, want %v", has, stored)
		}
	}
	want(m, s, ledger.MirroredAttachments{Stored: 1, Missing: 1}, there)
	c.attachments[later] = []byte("another story")
	c.growTo(t, 320)
	if done, err := m.Update(s); err == nil || !strings.Contains(err.Error(), later) || done.Size != 320 || done.Attachments != (ledger.MirroredAttachments{Stored: 1, Missing: 1}) {
		t.Errorf("wrong bytes: %+v, %v", done, err)
	}
	c.wantMirror(t, dir, 306)
	c.attachments[later] = laterBytes
	want(openMirror(t, dir), s, ledger.MirroredAttachments{Stored: 2}, there, later)
	second := t.TempDir()
	update(t, openMirror(t, second), tiles.Folder(dir))
	if b, err := os.ReadFile(filepath.Join(second, "attachments", later)); err != nil || string(b) != "story" {
		t.Errorf("in a mirror of the mirror: %q, %v", b, err)
	}
	c.add(t, c.event(t, "attachment.erased", fmt.Sprintf(`{"sha256":%q,"reason":{"nb":"Personopplysninger"}}`, there)))
	want(m, s, ledger.MirroredAttachments{Stored: 1, Erased: 1}, later)
	want(openMirror(t, dir), s, ledger.MirroredAttachments{Stored: 1, Erased: 1}, later)
	c.add(t, c.event(t, "innovation.revised", fmt.Sprintf(`{"attachments":[{"sha256":%q}]}`, there)))
	want(m, s, ledger.MirroredAttachments{Stored: 1, Erased: 1}, later)
}

// The child of TestMirrorKill is told what to mirror, and where, in these.
const (
	mirrorURL = "SPREDNING_TEST_MIRROR_URL"
	mirrorDir = "SPREDNING_TEST_MIRROR_DIR"
)

// TestMirrorKillChild is no test: it is what TestMirrorKill kills.
func TestMirrorKillChild(t *testing.T) {
	dir := os.Getenv(mirrorDir)
	if dir == "" {
		t.Skip("only for TestMirrorKill")
	}
	s, err := tiles.FindRemote(t.Context(), os.Getenv(mirrorURL))
	noError(t, err)
	fmt.Println("begun")
	update(t, openMirror(t, dir), s)
	fmt.Println("done")
}

// Whatever moment a mirror is killed at, it goes on, and what it shows is whole.
func TestMirrorKill(t *testing.T) {
	rounds := 12
	if os.Getenv("SPREDNING_LONG") != "" {
		rounds = 200
	}
	c, dir := newCopied(t, 20_000), t.TempDir()
	url := c.served(t).Base()
	finished := 0
	for range rounds {
		if rand.IntN(3) == 0 {
			c.growTo(t, c.Size()+rand.Int64N(600))
		}
		child := exec.Command(os.Args[0], "-test.run=^TestMirrorKillChild$")
		child.Env = append(os.Environ(), mirrorDir+"="+dir, mirrorURL+"="+url)
		out, err := child.StdoutPipe()
		noError(t, err)
		noError(t, child.Start())
		_, err = io.ReadFull(out, make([]byte, len("begun\n")))
		noError(t, err)
		kill := time.AfterFunc(time.Duration(rand.IntN(500))*time.Millisecond, func() { _ = child.Process.Kill() })
		said, _ := io.ReadAll(out)
		_ = child.Wait()
		kill.Stop()
		if bytes.HasPrefix(said, []byte("done")) {
			finished++
		} else if bytes.Contains(said, []byte("FAIL")) {
			t.Fatalf("%s", said)
		}
		if p, err := ledger.ReadPublished(tiles.Folder(dir), c.key.String()); err == nil {
			noError(t, p.Tree.Entries(0, p.Size, func(int64, []byte) error { return nil }))
		} else if !errors.Is(err, tiles.ErrNotFound) {
			t.Fatal(err)
		}
	}
	update(t, openMirror(t, dir), c)
	for path := range files(t, dir) {
		if strings.HasSuffix(path, ".tmp") {
			t.Errorf("%s was left behind", path)
		}
	}
	t.Logf("%d of %d were killed", rounds-finished, rounds)
}
