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
	"time"
)

// maxRound is how many bundles, each with its tile, a round writes before it
// syncs them: enough to share the cost, few enough to keep open at once.
const maxRound = 64

const syncsAtOnce = 8

// write is the background writer. It runs until Close.
func (l *Log) write() {
	defer close(l.done)
	for {
		select {
		case <-l.quit:
			return
		case <-l.wake:
		}
		pause := l.pauseAfter(l.round())
		select {
		case <-l.quit:
			return
		case <-time.After(pause):
		}
	}
}

// pauseAfter is how long the writer rests after a round, which an append or
// what is left to do lets follow another.
func (l *Log) pauseAfter(err error) time.Duration {
	v := l.view.Load()
	waiting := v.size/tileWidth - v.filed/tileWidth
	if err != nil || waiting > 0 {
		l.wakeWriter()
	}
	switch {
	case err != nil:
		return l.retry
	case waiting >= maxRound:
		return 0
	default:
		return l.pace
	}
}

// wakeWriter has the writer do a round, if it is not about to anyway.
func (l *Log) wakeWriter() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// round brings the files up to what is shown, and remembers whether that
// failed.
func (l *Log) round() error {
	err := errors.Join(l.writeCheckpoint(), l.writeFull(), l.cutTail())
	if err == nil {
		l.failure.Store(nil)
		return nil
	}
	l.failure.Store(&err)
	return err
}

// writeCheckpoint brings the checkpoint file up to date. It is not synced:
// the tail has the checkpoint, and Open writes the file again.
func (l *Log) writeCheckpoint() error {
	note := l.Checkpoint()
	if note == nil || bytes.Equal(note, l.written) {
		return nil
	}
	path := l.file(checkpointName)
	f, err := writeTemp(l.disk, path, note)
	if err != nil {
		return err
	}
	f.Close()
	if err := l.disk.rename(f.Name(), path); err != nil {
		return fmt.Errorf("replacing the checkpoint file: %w", err)
	}
	l.written = note
	return nil
}

// writeFull makes files of the full bundles and tiles that are in memory, of
// the oldest first if they are more than a round's.
func (l *Log) writeFull() error {
	v := l.view.Load()
	filed := min(v.size/tileWidth, v.filed/tileWidth+maxRound) * tileWidth
	if filed == v.filed {
		return nil
	}
	if err := l.save(v.fullUpTo(filed)); err != nil {
		return err
	}
	l.keepRead(v, filed)
	l.forget(filed)
	return nil
}

// keepRead moves to the caches what is about to leave memory: the newest
// tiles and entries are what is asked for most.
func (l *Log) keepRead(v *view, filed int64) {
	for n := v.bundles.first; n < filed/tileWidth; n++ {
		b, _ := v.bundles.at(n)
		l.bundleCache.keep(n, b)
	}
	for level, r := range v.tiles {
		for n := r.first; n < fullTiles(level, filed); n++ {
			t, _ := r.at(n)
			l.tileCache.keep(place{level, n, tileWidth}, t)
		}
	}
}

// fullFile is a file to be, and how to make its bytes.
type fullFile struct {
	path  string
	bytes func() []byte
}

// fullUpTo lists what v has in memory and a log of the given size has in full:
// the bundles, and the tiles of all levels.
func (v *view) fullUpTo(size int64) []fullFile {
	var files []fullFile
	for n := v.bundles.first; n < size/tileWidth; n++ {
		b, _ := v.bundles.at(n)
		files = append(files, fullFile{BundlePath(n, tileWidth), func() []byte { return appendEntries(nil, b[:]) }})
	}
	for level, r := range v.tiles {
		for n := r.first; n < fullTiles(level, size); n++ {
			t, _ := r.at(n)
			files = append(files, fullFile{TilePath(level, n, tileWidth), func() []byte { return t.encode(tileWidth) }})
		}
	}
	return files
}

// save writes files, syncs them, and only then gives them their names and
// syncs those. When it returns nil all of them are durable.
func (l *Log) save(files []fullFile) error {
	var temps []*os.File
	defer func() {
		for _, f := range temps {
			discard(f)
		}
	}()
	dirs := make(map[string]bool)
	for _, file := range files {
		path := l.file(file.path)
		dirs[filepath.Dir(path)] = true
		f, err := l.writeNew(path, file.bytes())
		if err != nil {
			return err
		}
		if f != nil {
			temps = append(temps, f)
		}
	}
	if err := l.name(temps); err != nil {
		return err
	}
	done := make(map[string]bool)
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if err := syncDirs(l.disk, l.dir, dir, done); err != nil {
			return err
		}
	}
	return nil
}

// writeNew writes the bytes that path shall hold beside it. There is nothing
// to write, and no file returned, when path is there and holds them; when it
// holds others they are not touched.
func (l *Log) writeNew(path string, b []byte) (*os.File, error) {
	switch old, err := os.ReadFile(path); {
	case err == nil && bytes.Equal(old, b):
		return nil, nil
	case err == nil:
		return nil, &DamagedError{File: path, Reason: "it holds other bytes than the log"}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return writeTemp(l.disk, path, b)
}

// name syncs temporary files and gives them their names.
func (l *Log) name(temps []*os.File) error {
	if err := l.syncAll(temps); err != nil {
		return err
	}
	for _, f := range temps {
		if err := l.disk.rename(f.Name(), strings.TrimSuffix(f.Name(), tempSuffix)); err != nil {
			return err
		}
	}
	return nil
}

// syncAll syncs files side by side, because a file system then does in one
// go what it would do for one after the other.
func (l *Log) syncAll(files []*os.File) error {
	errs := make([]error, min(len(files), syncsAtOnce))
	var all sync.WaitGroup
	for worker := range errs {
		all.Go(func() {
			for i := worker; i < len(files) && errs[worker] == nil; i += syncsAtOnce {
				if err := l.disk.sync(files[i]); err != nil {
					errs[worker] = fmt.Errorf("syncing %s: %w", files[i].Name(), err)
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// cutTail puts a short tail in the place of a long one: the entries that are
// in no file yet, and the newest checkpoint. Appends go on meanwhile, and wait
// only while those among them are carried over.
func (l *Log) cutTail() error {
	l.appending.Lock()
	v, end := l.view.Load(), l.tail.end
	l.appending.Unlock()
	if end < l.cutAt {
		return nil
	}
	first := v.bundles.first * tileWidth
	keep, err := appendFrame(nil, frame{first: first, entries: v.since(first), checkpoint: v.checkpoint})
	if err != nil || end-int64(len(keep)) < l.cutAt {
		return err
	}
	next, err := writeTemp(l.disk, l.tail.path, keep)
	if err != nil {
		return err
	}
	if err := l.disk.sync(next); err != nil {
		discard(next)
		return fmt.Errorf("syncing %s: %w", next.Name(), err)
	}
	l.appending.Lock()
	defer l.appending.Unlock()
	err = l.tail.replace(next, int64(len(keep)), end)
	if l.tail.file != next {
		discard(next)
	}
	return err
}
