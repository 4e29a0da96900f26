package tiles

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// frames makes a tail of the given frames and tells where each begins, and
// where the last ends.
func frames(t testing.TB, fs ...frame) (b []byte, offsets []int) {
	t.Helper()
	for _, f := range fs {
		offsets = append(offsets, len(b))
		var err error
		b, err = appendFrame(b, f)
		check(t, err)
	}
	return b, append(offsets, len(b))
}

// batch is a frame of the entries from up to to.
func batch(from, to int64) frame {
	return frame{first: from, entries: entriesFrom(from, to), checkpoint: []byte("note")}
}

// unsettled is a log in a folder whose tail keeps everything.
func unsettled(t testing.TB, size ...int64) (dir string) {
	t.Helper()
	dir = t.TempDir()
	l := mustOpen(t, dir, options{disk: unsynced{}, pace: time.Hour, retry: time.Hour, cutAt: 1 << 30})
	for _, size := range size {
		growTo(t, l, size)
	}
	check(t, l.Close())
	return dir
}

func TestTornTail(t *testing.T) {
	dir := unsettled(t, 100, 300, 320)
	path := filepath.Join(dir, tailName)
	b, err := os.ReadFile(path)
	check(t, err)
	last := bytes.LastIndex(b, []byte(frameMagic))
	want, end, err := readTail(b[:last])
	check(t, err)
	if want.next() != 300 || int(end) != last {
		t.Fatalf("the first frames hold %d entries and end at %d", want.next(), end)
	}
	for size := last; size < len(b); size++ {
		wantTorn(t, b[:size], want, last)
	}
	for at := last; at < len(b); at++ {
		flipped := bytes.Clone(b)
		flipped[at] ^= 0x10
		wantTorn(t, flipped, want, last)
	}
	wantTorn(t, append(b[:last:last], make([]byte, 5000)...), want, last)

	r := new(tree)
	for _, size := range []int{last, last + 1, last + 13, len(b) - 1, len(b)} {
		check(t, os.WriteFile(path, b[:size], 0o644))
		l := mustOpen(t, dir, quick())
		if size < len(b) {
			wantSame(t, l, r, 300)
		}
		growTo(t, l, 330)
		wantSame(t, l, r, 330)
		check(t, l.Close())
		wantSame(t, mustReadOnly(t, dir), r, 330)
		check(t, os.RemoveAll(filepath.Join(dir, "checkpoint")))
	}
}

// wantTorn reads a tail whose good frames hold want and end at end.
func wantTorn(t *testing.T, b []byte, want frame, end int) {
	t.Helper()
	got, gotEnd, err := readTail(b)
	if err != nil || int(gotEnd) != end || got.next() != want.next() || !bytes.Equal(got.checkpoint, want.checkpoint) {
		t.Fatalf("a torn tail of %d bytes: %d entries up to %d, %v", len(b), got.next(), gotEnd, err)
	}
}

// TestDamagedTail flips each byte before the last frame: nothing is cut.
func TestDamagedTail(t *testing.T) {
	b, offsets := frames(t, batch(0, 10), batch(10, 12), batch(12, 20))
	for at := range offsets[2] {
		flipped := bytes.Clone(b)
		flipped[at] ^= 0x10
		_, _, err := readTail(flipped)
		var damage *DamagedError
		if !errors.As(err, &damage) {
			t.Fatalf("byte %d flipped: %v", at, err)
		}
		if want := offsets[0]; at < offsets[1] && damage.Offset != int64(want) {
			t.Fatalf("byte %d flipped: damage at %d, want %d", at, damage.Offset, want)
		}
	}
	dir := unsettled(t, 10, 20)
	path := filepath.Join(dir, tailName)
	b, err := os.ReadFile(path)
	check(t, err)
	b[60] ^= 1
	check(t, os.WriteFile(path, b, 0o644))
	for name, open := range map[string]func(string) (*Log, error){"Open": Open, "OpenReadOnly": OpenReadOnly} {
		_, err = open(dir)
		wantDamage(t, err, path)
		if after, _ := os.ReadFile(path); !bytes.Equal(after, b) {
			t.Errorf("%s changed a damaged tail", name)
		}
	}
}

func wantDamage(t *testing.T, err error, path string) {
	t.Helper()
	var damage *DamagedError
	if !errors.As(err, &damage) || damage.File != path || damage.Reason == "" {
		t.Errorf("got %v, want damage of %s", err, path)
	}
}

func TestWrongFrames(t *testing.T) {
	for name, fs := range map[string][]frame{
		"begins inside a bundle": {batch(10, 20)},
		"a gap":                  {batch(0, 10), batch(11, 20)},
		"an overlap":             {batch(0, 10), batch(9, 20)},
		"no checkpoint":          {{}, {entries: entriesFrom(0, 3)}},
		"no checkpoint at first": {{first: 256}},
	} {
		b, _ := frames(t, fs...)
		var damage *DamagedError
		if _, _, err := readTail(b); !errors.As(err, &damage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, size := range []int{0, 1, 11, 23} {
		b, _ := frames(t, frame{})
		var damage *DamagedError
		if _, _, err := readTail(b[:size]); !errors.As(err, &damage) {
			t.Errorf("%d bytes of the first frame: %v", size, err)
		}
	}
	huge := make([][]byte, maxFrame/MaxEntry)
	huge[0] = make([]byte, MaxEntry)
	for i := range huge {
		huge[i] = huge[0]
	}
	if _, err := appendFrame(nil, frame{entries: huge}); err == nil {
		t.Error("a frame over the limit was made")
	}
}

func FuzzTail(f *testing.F) {
	b, _ := frames(f, frame{}, batch(0, 3), batch(3, 4))
	f.Add(b)
	f.Add(b[:len(b)-3])
	b[30] ^= 1
	f.Add(b)
	b, _ = frames(f, frame{first: 512, checkpoint: []byte("note")})
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		all, end, err := readTail(b)
		var damage *DamagedError
		if errors.As(err, &damage) {
			return
		}
		check(t, err)
		again, end2, err := readTail(b[:end])
		if err != nil || end2 != end || fmt.Sprint(again) != fmt.Sprint(all) {
			t.Errorf("without its torn end the tail reads %v, %v", again, err)
		}
		one, err := appendFrame(nil, all)
		check(t, err)
		if merged, _, err := readTail(one); err != nil || fmt.Sprint(merged) != fmt.Sprint(all) {
			t.Errorf("as one frame the tail reads %v, %v", merged, err)
		}
	})
}

// filed is a log of the given size in files, closed.
func filed(t *testing.T, size int64) (dir string) {
	t.Helper()
	dir = t.TempDir()
	o := quick()
	o.cutAt = 0
	l := mustOpen(t, dir, o)
	growTo(t, l, size)
	settle(t, l)
	check(t, l.Close())
	return dir
}

func TestMissingTilesAreMadeAgain(t *testing.T) {
	dir, r := filed(t, 65536+700), new(tree)
	lost := []string{"tile/0/257", "tile/0/256", "tile/1/000", "tile/0/003"}
	for _, path := range lost {
		check(t, os.Remove(filepath.Join(dir, path)))
	}
	wantSame(t, mustReadOnly(t, dir), r, 65536+700)
	if _, err := os.Stat(filepath.Join(dir, lost[0])); !os.IsNotExist(err) {
		t.Errorf("reading made a file: %v", err)
	}
	check(t, mustOpen(t, dir, quick()).Close())
	for _, path := range lost {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Error(err)
		}
	}
	wantSame(t, mustOpen(t, dir, quick()), r, 65536+700)
}

func TestDamagedFiles(t *testing.T) {
	const size = 65536 + 700
	flip := func(b []byte) []byte { b[100] ^= 1; return b }
	short := func(b []byte) []byte { return b[:len(b)-1] }
	long := func(b []byte) []byte { return append(b, 0) }
	gone := func([]byte) []byte { return nil }
	hash := func(index int64) func(*Log) error {
		return func(l *Log) error { _, err := l.Leaf(index); return err }
	}
	dir := filed(t, size)
	for name, c := range map[string]struct {
		path string
		harm func([]byte) []byte
		use  func(*Log) error // nil: Open finds it
	}{
		"short tile at the edge":  {"tile/0/257", short, nil},
		"long tile at the edge":   {"tile/1/000", long, nil},
		"missing tile and bundle": {"tile/entries/256", gone, nil},
		"flipped tile":            {"tile/0/007", flip, hash(7 * 256)},
		"short tile":              {"tile/0/007", short, hash(7 * 256)},
		"flipped tile served": {"tile/0/007", flip, func(l *Log) error {
			_, err := l.Resource("tile/0/007.p/3")
			return err
		}},
		"flipped bundle": {"tile/entries/009", flip, func(l *Log) error {
			for index := int64(9 * 256); index < 10*256; index++ {
				if _, err := l.Entry(index); err != nil {
					return err
				}
			}
			return nil
		}},
		"short bundle": {"tile/entries/009", short, func(l *Log) error {
			return l.Entries(0, size, func(int64, []byte) error { return nil })
		}},
		"bundle of fewer": {
			"tile/entries/009", func(b []byte) []byte { return b[:encodedSize(entriesFrom(9*256, 10*256-1))] },
			func(l *Log) error { _, err := l.Resource("tile/entries/009"); return err },
		},
		"missing bundle": {"tile/entries/009", gone, func(l *Log) error { _, err := l.Entry(9 * 256); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, filepath.FromSlash(c.path))
			b, err := os.ReadFile(path)
			check(t, err)
			defer func() { check(t, os.WriteFile(path, b, 0o644)) }()
			check(t, os.Remove(path))
			if harmed := c.harm(bytes.Clone(b)); harmed != nil {
				check(t, os.WriteFile(path, harmed, 0o644))
			}
			if name == "missing tile and bundle" {
				tile := filepath.Join(dir, "tile/0/256")
				b, err := os.ReadFile(tile)
				check(t, err)
				defer func() { check(t, os.WriteFile(tile, b, 0o644)) }()
				check(t, os.Remove(tile))
			}
			l, err := open(dir, quick())
			if c.use == nil {
				wantDamage(t, err, path)
				return
			}
			check(t, err)
			defer l.Close()
			wantDamage(t, c.use(l), path)
		})
	}
}

func TestOtherBytesAreNotOverwritten(t *testing.T) {
	dir := unsettled(t, 100, 600)
	path := filepath.Join(dir, "tile", "entries", "001")
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	check(t, os.WriteFile(path, []byte("others"), 0o644))
	_, err := Open(dir)
	wantDamage(t, err, path)
	if b, _ := os.ReadFile(path); string(b) != "others" {
		t.Error("it was overwritten")
	}
}

func TestMissingTail(t *testing.T) {
	dir := filed(t, 600)
	path := filepath.Join(dir, tailName)
	check(t, os.Remove(path))
	_, err := Open(dir)
	wantDamage(t, err, path)
}

func TestRootShowsDamageAtTheEdge(t *testing.T) {
	dir := filed(t, 700)
	path := filepath.Join(dir, "tile", "0", "001")
	b, err := os.ReadFile(path)
	check(t, err)
	b[0] ^= 1
	check(t, os.WriteFile(path, b, 0o644))
	l := mustOpen(t, dir, quick())
	if want, _ := note(l.Size(), l.Root()); bytes.Equal(want, l.Checkpoint()) {
		t.Error("root and checkpoint agree over a damaged tile")
	}
}

func TestProofAfterLostCache(t *testing.T) {
	l := mustOpen(t, t.TempDir(), quick())
	growTo(t, l, 2000)
	settle(t, l)
	l.tileCache = newCache[place, *tile](2)
	for n := range int64(2000) {
		proof, err := tlog.ProveRecord(2000, n, l)
		check(t, err)
		check(t, tlog.CheckRecord(proof, 2000, l.Root(), n, tlog.RecordHash(entry(n))))
	}
	if len(l.tileCache.items) > 2 {
		t.Errorf("cache of 2 keeps %d", len(l.tileCache.items))
	}
}
