package tiles

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckFiles checks those files of a folder that reading the whole tree does not
// need: partial tiles and bundles that are kept for readers with an older
// checkpoint must be what the tree has in their places, and attachments must have
// the hash that is their name. What lies beyond the tree, or is no file of a log, is
// passed over. Errors are a [DamagedError] or are about reading.
func (t *Tree) CheckFiles(f Folder) error {
	if err := f.eachFile("tile", t.checkFile); err != nil {
		return err
	}
	return f.eachFile("attachments", checkAttachment)
}

// eachFile calls check with every file below a path. What is removed meanwhile is
// passed over.
func (f Folder) eachFile(below string, check func(file, path string) error) error {
	return filepath.WalkDir(f.Place(below), func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var path string
			if path, err = filepath.Rel(string(f), file); err == nil {
				err = check(file, filepath.ToSlash(path))
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// checkFile compares a partial tile or bundle with the tree. The full ones have
// been checked when they were read.
func (t *Tree) checkFile(file, path string) error {
	if p, ok := parsePath(path); !ok || p.width == tileWidth {
		return nil
	}
	want, err := t.Resource(path)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	got, readErr := os.ReadFile(file)
	if err = errors.Join(err, readErr); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return &DamagedError{File: file, Reason: "it is not what the tree has in its place"}
	}
	return nil
}

func checkAttachment(file, path string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	if name := filepath.Base(path); len(name) == 2*len(sum) && name != hex.EncodeToString(sum[:]) {
		return &DamagedError{File: file, Reason: "it does not have the SHA-256 that is its name"}
	}
	return nil
}
