package tiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// Mirror keeps a copy of a log as plain files, under the paths that
// c2sp.org/tlog-tiles has, so that any file server can serve it.
//
// Everything in it has been checked against the root of a checkpoint when it
// came. A file is whole from the moment that it has its name, and the
// checkpoint comes last, when all that it speaks of is on disk. So the mirror
// can be cut off at any moment, is good to be read at every moment, and goes on
// where it was. Partial tiles and bundles stay until they are full, for readers
// with an older checkpoint.
//
// There is one Mirror on a folder at a time; nobody else writes there.
type Mirror struct {
	Folder
	disk     disk
	partials map[string]place // the folders that hold partial ones, by path
	pending  chan error       // of the files that are being written; nil: none are
}

// OpenMirror opens the mirror in a folder, which is made if it is not there, and
// clears away what a crash left half written.
func OpenMirror(dir string) (*Mirror, error) {
	return openMirror(dir, osDisk{})
}

func openMirror(dir string, d disk) (*Mirror, error) {
	if isFile(filepath.Join(dir, tailName)) {
		return nil, fmt.Errorf("%s is the log of a ledger itself, no mirror can be kept in it", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the mirror's folder: %w", err)
	}
	m := &Mirror{Folder: Folder(dir), disk: d, partials: make(map[string]place)}
	if err := d.syncDir(filepath.Dir(dir)); err != nil {
		return nil, err
	}
	return m, filepath.WalkDir(dir, m.tidy)
}

// tidy removes a file without its name, notes a folder of partial ones, and syncs
// every folder: what was renamed shortly before a crash need not have been.
func (m *Mirror) tidy(path string, d fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	if !d.IsDir() {
		if strings.HasSuffix(path, tempSuffix) {
			return os.Remove(path)
		}
		return nil
	}
	if within, err := filepath.Rel(string(m.Folder), path); err == nil {
		m.notePartial(filepath.ToSlash(within))
	}
	return m.disk.syncDir(path)
}

// notePartial remembers the folder of a partial tile or bundle.
func (m *Mirror) notePartial(dir string) {
	full, ok := strings.CutSuffix(dir, ".p")
	if p, good := parsePath(full); ok && good {
		m.partials[dir] = p
	}
}

// Save puts a file of any kind into the mirror, whole or not at all.
func (m *Mirror) Save(path string, b []byte) error {
	return m.saver().save([]fullFile{{path, func() []byte { return b }}})
}

// Remove takes a file out of the mirror, if it is there.
func (m *Mirror) Remove(path string) error {
	switch err := os.Remove(m.Place(path)); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return m.disk.syncDir(filepath.Dir(m.Place(path)))
}

func (m *Mirror) saver() saver { return saver{m.disk, string(m.Folder), true} }

// Copying is a mirror on its way to a checkpoint. It reads as the whole [Tree]:
// what the mirror has, if it is as it should be, and the rest from elsewhere.
// All that came from elsewhere and is full is saved.
type Copying struct {
	*Tree
	mirror  *Mirror
	mu      sync.Mutex
	waiting map[string][]byte // to be saved
}

// Begin begins to copy a log of the given size and root. Reading all entries
// from a multiple of 256 that the mirror has already, or from 0, copies them with
// all their tiles.
func (m *Mirror) Begin(size int64, root tlog.Hash, from Source) (*Copying, error) {
	_ = m.settle() // who began before has heard of it, or did not care to
	c := &Copying{mirror: m, waiting: make(map[string][]byte)}
	t, err := newTree(size, root, c.take, []Source{m.Folder, from})
	if err != nil {
		return nil, err
	}
	c.Tree = t
	return c, nil
}

func (c *Copying) take(path string, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting[path] = b
}

// maxCopied is how many files, and how many bytes of them, are saved together.
const (
	maxCopied      = 2 * maxRound
	maxCopiedBytes = 64 << 20
)

// Entries is that of the tree, and saves what has come when that is enough.
func (c *Copying) Entries(from, to int64, fn func(index int64, entry []byte) error) error {
	if err := c.Tree.Entries(from, to, fn); err != nil {
		return err
	}
	c.mu.Lock()
	count, size := len(c.waiting), 0
	for _, b := range c.waiting {
		size += len(b)
	}
	c.mu.Unlock()
	if count < maxCopied && size < maxCopiedBytes {
		return nil
	}
	return c.save()
}

// Save makes durable what has come so far, for when the rest does not come now.
func (c *Copying) Save() error { return errors.Join(c.save(), c.mirror.settle()) }

// save writes what waits while more is fetched, once what was written before is
// durable.
func (c *Copying) save() error {
	if err := c.mirror.settle(); err != nil {
		return err
	}
	c.mu.Lock()
	var files []fullFile
	for path, b := range c.waiting {
		files = append(files, fullFile{path, func() []byte { return b }})
	}
	clear(c.waiting)
	c.mu.Unlock()
	done := make(chan error, 1)
	c.mirror.pending = done
	go func() { done <- c.mirror.saver().save(files) }()
	return nil
}

// settle waits for the files that are being written.
func (m *Mirror) settle() error {
	if m.pending == nil {
		return nil
	}
	err := <-m.pending
	m.pending = nil
	if err != nil {
		return fmt.Errorf("writing the mirror: %w", err)
	}
	return nil
}

// Publish makes the mirror that of the checkpoint, after all entries have been
// read: it saves what is left, then the checkpoint, and then removes the partial
// tiles and bundles in whose place there are full ones.
func (c *Copying) Publish(checkpoint []byte) error {
	if n := c.size / tileWidth; c.size%tileWidth > 0 {
		if _, err := c.bundle(n); err != nil {
			return err
		}
		c.mirror.notePartial(BundlePath(n, tileWidth) + ".p")
	}
	for level, t := range c.edge {
		if t != nil {
			p := place{level, fullTiles(level, c.size), int(hashesAt(level, c.size) % tileWidth)}
			c.take(p.path(), t.encode(p.width))
			c.mirror.notePartial(TilePath(level, p.n, tileWidth) + ".p")
		}
	}
	if err := c.Save(); err != nil {
		return err
	}
	if err := c.mirror.Save(checkpointName, checkpoint); err != nil {
		return fmt.Errorf("writing the mirror's checkpoint: %w", err)
	}
	return c.mirror.dropFull(c.size)
}

// dropFull removes the partial tiles and bundles that are full in a log of the
// given size.
func (m *Mirror) dropFull(size int64) error {
	for dir, p := range m.partials {
		if p.n >= fullTiles(max(p.level, 0), size) {
			continue
		}
		if err := os.RemoveAll(m.Place(dir)); err != nil {
			return fmt.Errorf("removing what has become full: %w", err)
		}
		delete(m.partials, dir)
	}
	return nil
}

// Shown is the mirror's checkpoint, nil while there is none.
func (m *Mirror) Shown() ([]byte, error) {
	b, err := m.Resource(checkpointName)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return b, err
}
