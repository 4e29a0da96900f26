package tiles

import (
	"fmt"
	"os"
	"path/filepath"
)

// tempSuffix is on the name of a file until it is whole and synced.
const tempSuffix = ".tmp"

// disk is every way in which a log changes the disk. There are two: the real
// one, and the one of the tests, which fails when told to.
type disk interface {
	writeAt(f *os.File, b []byte, at int64) error
	sync(f *os.File) error
	truncate(f *os.File, size int64) error
	rename(from, to string) error
	syncDir(dir string) error
}

// osDisk is the disk of the operating system.
type osDisk struct{}

func (osDisk) writeAt(f *os.File, b []byte, at int64) error {
	_, err := f.WriteAt(b, at)
	return err
}

func (osDisk) sync(f *os.File) error { return syncData(f) }

func (osDisk) truncate(f *os.File, size int64) error { return f.Truncate(size) }

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// writeTemp writes a file beside path, which it will take the place of, and
// returns it open and not yet synced. What it leaves behind in a crash is
// overwritten the next time.
func writeTemp(d disk, path string, b []byte) (*os.File, error) {
	f, err := os.Create(path + tempSuffix)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	if err := d.writeAt(f, b, 0); err != nil {
		discard(f)
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	return f, nil
}

// discard closes and removes a temporary file; it may no longer be there.
func discard(f *os.File) {
	f.Close()
	os.Remove(f.Name())
}

// syncDirs makes durable the names in dir and in the directories above it, up
// to and including top; a directory without changes costs next to nothing.
func syncDirs(d disk, top, dir string, done map[string]bool) error {
	for !done[dir] {
		if err := d.syncDir(dir); err != nil {
			return fmt.Errorf("syncing directory %s: %w", dir, err)
		}
		done[dir] = true
		if dir == top {
			break
		}
		dir = filepath.Dir(dir)
	}
	return nil
}
