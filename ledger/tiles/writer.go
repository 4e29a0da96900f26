package tiles

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// maxRound is how many bundles, each with its tile, a round writes before it
// syncs them: enough to share the cost, few enough to keep open at once.
const maxRound = 64

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

// save writes files; when it returns nil all of them are durable.
func (l *Log) save(files []fullFile) error { return saver{l.disk, l.dir, false}.save(files) }

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
