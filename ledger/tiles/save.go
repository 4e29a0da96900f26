package tiles

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// fullFile is a file to be, and how to make its bytes.
type fullFile struct {
	path  string
	bytes func() []byte
}

// saver puts files of a log into a folder, whole or not at all.
type saver struct {
	disk    disk
	dir     string
	replace bool // what holds other bytes, which is damaged
}

const syncsAtOnce = 8

// save writes files, syncs them, and only then gives them their names and
// syncs those. When it returns nil all of them are durable.
func (s saver) save(files []fullFile) error {
	var temps []*os.File
	defer func() {
		for _, f := range temps {
			discard(f)
		}
	}()
	dirs := make(map[string]bool)
	for _, file := range files {
		path := s.file(file.path)
		dirs[filepath.Dir(path)] = true
		f, err := s.writeNew(path, file.bytes())
		if err != nil {
			return err
		}
		if f != nil {
			temps = append(temps, f)
		}
	}
	if err := s.name(temps); err != nil {
		return err
	}
	done := make(map[string]bool)
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if err := syncDirs(s.disk, s.dir, dir, done); err != nil {
			return err
		}
	}
	return nil
}

// writeNew writes the bytes that path shall hold beside it. There is nothing
// to write, and no file returned, when path is there and holds them; when it
// holds others they are not touched, unless s is to replace them.
func (s saver) writeNew(path string, b []byte) (*os.File, error) {
	switch old, err := os.ReadFile(path); {
	case err == nil && bytes.Equal(old, b):
		return nil, nil
	case err == nil && s.replace:
	case err == nil:
		return nil, &DamagedError{File: path, Reason: "it holds other bytes than the log"}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return writeTemp(s.disk, path, b)
}

func (s saver) file(path string) string { return filepath.Join(s.dir, filepath.FromSlash(path)) }

// name syncs temporary files and gives them their names.
func (s saver) name(temps []*os.File) error {
	if err := s.syncAll(temps); err != nil {
		return err
	}
	for _, f := range temps {
		if err := s.disk.rename(f.Name(), strings.TrimSuffix(f.Name(), tempSuffix)); err != nil {
			return err
		}
	}
	return nil
}

// syncAll syncs files side by side, because a file system then does in one
// go what it would do for one after the other.
func (s saver) syncAll(files []*os.File) error {
	errs := make([]error, min(len(files), syncsAtOnce))
	var all sync.WaitGroup
	for worker := range errs {
		all.Go(func() {
			for i := worker; i < len(files) && errs[worker] == nil; i += syncsAtOnce {
				if err := s.disk.sync(files[i]); err != nil {
					errs[worker] = fmt.Errorf("syncing %s: %w", files[i].Name(), err)
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
