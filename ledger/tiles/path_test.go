package tiles

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func TestPaths(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{TilePath(0, 0, 256), "tile/0/000"},
		{TilePath(0, 1234067, 256), "tile/0/x001/x234/067"},
		{TilePath(3, 67, 12), "tile/3/067.p/12"},
		{TilePath(63, 1000, 1), "tile/63/x001/000.p/1"},
		{BundlePath(0, 5), "tile/entries/000.p/5"},
		{BundlePath(1234067, 256), "tile/entries/x001/x234/067"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
		if p, ok := parsePath(c.want); !ok || p.path() != c.want {
			t.Errorf("%s is read as %v", c.want, p)
		}
	}
}

var badPaths = []string{
	"", "tile", "tile/", "tile/0", "tile/0/", "tile/00/000", "tile/-1/000", "tile/64/000", "tile/data/000",
	"tile/8/0/000", "tile/8/data/000", "tile/entries", "tile/entries/", "tile/entries/0/000", "tile/0/0", "tile/0/0000",
	"tile/0/x000/000", "tile/0/001/000", "tile/0/x001", "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/256",
	"tile/0/000.p/01", "tile/0/000.p/+1", "tile/0/+01", "tile/0/../0/000", "tile/0//000", "/tile/0/000", "tile/0/000/",
	"tile/entries/../../tail", "tail", "../checkpoint", "checkpoint/", "tile/0/000.tmp", "tile/0/000.p/5.tmp", "tile/ 0/000",
	"tile/0/x999/x999/x999/x999/x999/x999/x999/999", "tile/entries/000.p/5/1", "tile\\0\\000", "tile/0/000\x00",
}

func TestBadPaths(t *testing.T) {
	l := mustOpen(t, t.TempDir(), quick())
	growTo(t, l, 600)
	for _, path := range badPaths {
		if _, err := l.Resource(path); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v, want ErrNotFound", path, err)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, path := range append(badPaths, "tile/0/x001/234", "tile/63/067.p/12", "tile/entries/x001/x234/067.p/255") {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p, ok := parsePath(path)
		if !ok {
			return
		}
		if p.path() != path {
			t.Errorf("%q is read as %q", path, p.path())
		}
		if p.n < 0 || p.width < 1 || p.width > tileWidth || p.level < entryLevel || p.level > maxLevel {
			t.Errorf("%q is read as %v", path, p)
		}
	})
}

func TestParseBundle(t *testing.T) {
	for name, b := range map[string]string{
		"nothing":         "",
		"half a length":   "\x00",
		"no entry":        "\x00\x01",
		"empty entry":     "\x00\x00",
		"cut entry":       "\x00\x02a",
		"rest":            "\x00\x01a\x00",
		"257 entries":     string(bytes.Repeat([]byte("\x00\x01a"), 257)),
		"over 32768":      "\x80\x01" + string(make([]byte, 32769)),
		"length only 64k": "\xff\xff",
	} {
		if entries, err := ParseBundle([]byte(b)); err == nil {
			t.Errorf("%s was read as %d entries", name, len(entries))
		}
	}
	entries, err := ParseBundle(append([]byte("\x00\x01a\x80\x00"), make([]byte, 32768)...))
	if err != nil || len(entries) != 2 || string(entries[0]) != "a" || len(entries[1]) != MaxEntry {
		t.Errorf("two entries are read as %d: %v", len(entries), err)
	}
}

func FuzzParseBundle(f *testing.F) {
	f.Add([]byte("\x00\x01a\x00\x02bc"))
	f.Add(bytes.Repeat([]byte("\x00\x01a"), 256))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := ParseBundle(b)
		if err != nil {
			return
		}
		if len(entries) > tileWidth || !bytes.Equal(appendEntries(nil, entries), b) {
			t.Errorf("%d entries written again are not the input", len(entries))
		}
	})
}

// TestResource asks for everything that a log has, once from memory and once
// from files, and for what it does not have.
func TestResource(t *testing.T) {
	const size = 65536 + 256 + 40
	r := new(tree)
	r.growTo(t, size)
	dir := t.TempDir()
	l := mustOpen(t, dir, quick())
	growTo(t, l, size)
	settle(t, l)
	check(t, l.Close())
	l = mustOpen(t, dir, quick())
	if got, err := l.Resource("checkpoint"); err != nil || !bytes.Equal(got, l.Checkpoint()) {
		t.Errorf("checkpoint is %q, %v", got, err)
	}
	for level := range 4 {
		count := hashesAt(level, size)
		for n := int64(0); n*tileWidth <= count; n += max(1, count/tileWidth/3) {
			there := int(min(tileWidth, count-n*tileWidth))
			for width := 1; width <= tileWidth; width++ {
				wantTile(t, l, r, place{level, n, width}, width <= there)
			}
		}
	}
	for _, n := range []int64{0, 100, 256, 257, 258} {
		there := min(tileWidth, size-n*tileWidth)
		for width := 1; width <= tileWidth; width++ {
			wantBundle(t, l, n, width, int64(width) <= there)
		}
	}
}

func wantTile(t *testing.T, l *Log, r *tree, p place, there bool) {
	t.Helper()
	got, err := l.Resource(p.path())
	if !there {
		if !errors.Is(err, ErrNotFound) {
			t.Fatalf("%s: %v, want ErrNotFound", p.path(), err)
		}
		return
	}
	check(t, err)
	want, err := tlog.ReadTileData(tlog.Tile{H: tileHeight, L: p.level, N: p.n, W: p.width}, r)
	check(t, err)
	if !bytes.Equal(got, want) {
		t.Fatalf("%s has other bytes than the tree", p.path())
	}
}

func wantBundle(t *testing.T, l *Log, n int64, width int, there bool) {
	t.Helper()
	got, err := l.Resource(BundlePath(n, width))
	if !there {
		if !errors.Is(err, ErrNotFound) {
			t.Fatalf("bundle %d of %d: %v, want ErrNotFound", n, width, err)
		}
		return
	}
	check(t, err)
	if !bytes.Equal(got, appendEntries(nil, entriesFrom(n*tileWidth, n*tileWidth+int64(width)))) {
		t.Fatalf("bundle %d of %d has other entries", n, width)
	}
}
