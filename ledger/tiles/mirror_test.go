package tiles

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// mirrorTo copies what s has up to each size in turn.
func mirrorTo(t testing.TB, m *Mirror, r *tree, s Source, sizes ...int64) error {
	t.Helper()
	var at int64
	for _, size := range sizes {
		c, err := m.Begin(size, r.root(t, size), s)
		check(t, err)
		if err := c.Entries(at-at%tileWidth, size, func(int64, []byte) error { return nil }); err != nil {
			return errors.Join(err, c.Save())
		}
		signed, _ := note(size, r.root(t, size))
		if err := c.Publish(signed); err != nil {
			return err
		}
		at = size
	}
	return nil
}

// wantMirrored checks that a mirror that shows a checkpoint has all that it speaks
// of, and gives its size.
func wantMirrored(t testing.TB, dir string, r *tree) int64 {
	t.Helper()
	b, err := Folder(dir).Resource(checkpointName)
	if errors.Is(err, ErrNotFound) {
		return 0
	}
	check(t, err)
	size := noteSize(b)
	if size < 0 {
		t.Fatalf("the mirror shows %q", b)
	}
	for _, path := range paths(size) {
		if _, err := os.Stat(Folder(dir).Place(path)); err != nil {
			t.Fatalf("of %d entries: %v", size, err)
		}
	}
	check(t, readAll(size, r.root(t, size), Folder(dir)))
	return size
}

// TestMirrorPowerCut cuts the power after every number of operations that keeping
// a mirror takes. What it had published must be there afterwards, and whole.
func TestMirrorPowerCut(t *testing.T) {
	files, r := plain(t, 1500)
	sizes := []int64{300, 301, 700, 1500}
	for operations := 0; ; operations++ {
		d := newPowerDisk(operations)
		disk, fresh := t.TempDir(), t.TempDir()
		var published int64
		m, err := openMirror(filepath.Join(disk, "mirror"), d)
		if err == nil {
			err = mirrorTo(t, m, r, grown{files, r, t}, sizes...)
			if b, err := m.Shown(); err == nil {
				published = max(0, noteSize(b))
			}
			_ = m.settle()
		}
		d.after(t, disk, fresh, rand.New(rand.NewPCG(2, uint64(operations))))
		dir := filepath.Join(fresh, "mirror")
		if size := wantMirrored(t, dir, r); size > published {
			t.Fatalf("power cut after %d operations: %d entries are shown, %d were published", operations, size, published)
		}
		m, err2 := OpenMirror(dir)
		check(t, err2)
		check(t, mirrorTo(t, m, r, files, 1500))
		if size := wantMirrored(t, dir, r); size != 1500 {
			t.Fatalf("power cut after %d operations: %d entries after it went on", operations, size)
		}
		if err == nil {
			t.Logf("a life of %d operations", operations)
			return
		}
		if !errors.Is(err, errPower) {
			t.Fatal(err)
		}
	}
}

// grown gives the partial tiles of every size, as a ledger's server does.
type grown struct {
	Source
	r *tree
	t testing.TB
}

func (s grown) Resource(path string) ([]byte, error) {
	if b, err := s.Source.Resource(path); err == nil {
		return b, nil
	}
	if b := s.r.resource(s.t, path, s.r.size); b != nil {
		return b, nil
	}
	return nil, ErrNotFound
}

// TestMirrorOnFullDisk has every kind of operation fail on some file.
func TestMirrorOnFullDisk(t *testing.T) {
	files, r := plain(t, 700)
	for _, c := range []struct{ op, file string }{
		{"write", "001.tmp"}, {"sync", "000.tmp"}, {"rename", "001"}, {"rename", "188"}, {"write", "checkpoint.tmp"}, {"sync", "checkpoint.tmp"}, {"rename", "checkpoint"}, {"syncdir", "entries"},
	} {
		t.Run(c.op+" "+c.file, func(t *testing.T) {
			d, dir := new(fullDisk), t.TempDir()
			m, err := openMirror(dir, d)
			check(t, err)
			check(t, mirrorTo(t, m, r, grown{files, r, t}, 200))
			d.set(failing(c.file, c.op))
			if err := mirrorTo(t, m, r, files, 700); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("on a full disk: %v", err)
			}
			if size := wantMirrored(t, dir, r); size != 200 {
				t.Errorf("it shows %d entries", size)
			}
			d.set(nil)
			check(t, mirrorTo(t, m, r, files, 700))
			if size := wantMirrored(t, dir, r); size != 700 {
				t.Errorf("it shows %d entries", size)
			}
		})
	}
}
