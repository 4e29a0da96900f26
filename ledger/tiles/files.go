package tiles

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// CheckFiles checks those files of a folder that reading the whole tree does not
// need: partial tiles and bundles that are kept for readers with an older
// checkpoint must be what the tree has in their places, and attachments must have
// the hash that is their name. What lies beyond the tree, or is no file of a log, is
// passed over. Errors are a [DamagedError] or are about reading.
func (t *Tree) CheckFiles(f Folder) error {
	for _, check := range []struct {
		dir string
		fn  func(path string, b []byte) error
	}{{"tile", t.checkPartial}, {"attachments", checkAttachment}} {
		root := f.Place(check.dir)
		err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // the folder is not there, or it was removed meanwhile
			}
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			path, err := filepath.Rel(string(f), file)
			if err != nil {
				return err
			}
			path = filepath.ToSlash(path)
			if p, ok := parsePath(path); check.dir == "tile" && (!ok || p.width == tileWidth || !t.has(p)) {
				return nil
			}
			b, err := os.ReadFile(file)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil {
				err = check.fn(path, b)
			}
			var damage *DamagedError
			if errors.As(err, &damage) && damage.File == "" {
				damage.File = file
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// has says whether the tree has all of p.
func (t *Tree) has(p place) bool {
	return p.n*tileWidth+int64(p.width) <= hashesAt(max(p.level, 0), t.size)
}

// checkPartial compares a partial tile or bundle with the tree.
func (t *Tree) checkPartial(path string, b []byte) error {
	p, _ := parsePath(path)
	want, err := t.partial(p)
	if err == nil && !bytes.Equal(b, want) {
		err = &DamagedError{Reason: "it is not what the tree has in its place"}
	}
	return err
}

func (t *Tree) partial(p place) (b []byte, err error) {
	if p.level == entryLevel {
		entries, err := t.bundle(p.n)
		if err != nil {
			return nil, err
		}
		return appendEntries(nil, entries[:p.width]), nil
	}
	for i := range p.width {
		h, err := t.hash(tileHeight*p.level, p.n*tileWidth+int64(i))
		if err != nil {
			return nil, err
		}
		b = append(b, h[:tlog.HashSize]...)
	}
	return b, nil
}

func checkAttachment(path string, b []byte) error {
	sum := sha256.Sum256(b)
	if name := filepath.Base(path); len(name) == 2*len(sum) && name != hex.EncodeToString(sum[:]) {
		return &DamagedError{Reason: "it does not have the SHA-256 that is its name"}
	}
	return nil
}
