package tiles

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Entry returns the exact bytes of an entry, which are not to be modified;
// ErrNotFound if there is none with that index. Bytes from a file are checked
// against their leaf hash.
func (l *Log) Entry(index int64) ([]byte, error) {
	v := l.view.Load()
	if index < 0 || index >= v.size {
		return nil, fmt.Errorf("entry %d: %w", index, ErrNotFound)
	}
	n, i := index/tileWidth, index%tileWidth
	if b, ok := v.bundles.at(n); ok {
		return b[i], nil
	}
	b, err := l.bundle(n)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", index, err)
	}
	leaf, err := l.hash(v, 0, index)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", index, err)
	}
	if tlog.RecordHash(b[i]) != leaf {
		return nil, l.damaged(BundlePath(n, tileWidth), fmt.Sprintf("entry %d does not have its leaf hash", index))
	}
	return b[i], nil
}

// Entries calls fn with every entry from index from up to but not including
// to, in order, until fn returns an error, which it then returns. It reads
// whole bundles, and does not check hashes: who goes through all entries
// hashes them anyway. An entry's bytes are valid during the call only, and
// not to be modified. ErrNotFound when to is beyond Size.
func (l *Log) Entries(from, to int64, fn func(index int64, entry []byte) error) error {
	if from < 0 || from > to || to > l.Size() {
		return fmt.Errorf("entries %d to %d: %w", from, to, ErrNotFound)
	}
	var r bundleReader
	for index := from; index < to; {
		n := index / tileWidth
		entries, err := l.sequential(n, &r)
		if err != nil {
			return fmt.Errorf("entries %d to %d: %w", from, to, err)
		}
		for ; index < min(to, (n+1)*tileWidth); index++ {
			if err := fn(index, entries[index%tileWidth]); err != nil {
				return err
			}
		}
	}
	return nil
}

// sequential returns bundle n from memory or through r.
func (l *Log) sequential(n int64, r *bundleReader) ([][]byte, error) {
	if b, ok := l.view.Load().bundles.at(n); ok {
		return b[:], nil
	}
	return l.readBundle(n, r)
}

// Leaf returns the RFC 6962 leaf hash of an entry; ErrNotFound if there is
// none with that index.
func (l *Log) Leaf(index int64) (tlog.Hash, error) {
	v := l.view.Load()
	if index < 0 || index >= v.size {
		return tlog.Hash{}, fmt.Errorf("leaf %d: %w", index, ErrNotFound)
	}
	return l.hash(v, 0, index)
}

// ReadHashes returns the hashes with the given numbers, as
// [tlog.StoredHashIndex] gives them; ErrNotFound if the log is too small to
// have one. It makes the log a [tlog.HashReader], for proofs at any size up
// to Size. A hash from a tile file is checked against the tile above.
func (l *Log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	return l.hashesOf(l.view.Load()).ReadHashes(indexes)
}

// hashesOf reads the hashes of v, shown or not.
func (l *Log) hashesOf(v *view) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		count := tlog.StoredHashCount(v.size)
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			if index < 0 || index >= count {
				return nil, fmt.Errorf("hash %d: %w", index, ErrNotFound)
			}
			level, n := tlog.SplitStoredHashIndex(index)
			var err error
			if hashes[i], err = l.hash(v, level, n); err != nil {
				return nil, fmt.Errorf("hash %d: %w", index, err)
			}
		}
		return hashes, nil
	})
}

// hash returns the n-th hash of a level of the tree, which v has.
func (l *Log) hash(v *view, level int, n int64) (tlog.Hash, error) {
	inner := level % tileHeight
	perTile := int64(tileWidth >> inner)
	t, err := l.tile(v, level/tileHeight, n/perTile)
	if err != nil {
		return tlog.Hash{}, err
	}
	return t.hashes[slot(inner, n%perTile)], nil
}

// tile returns a tile from memory or its file, with at least the hashes that
// v has of it.
func (l *Log) tile(v *view, level int, n int64) (*tile, error) {
	if t, ok := v.tiles[level].at(n); ok {
		return t, nil
	}
	key := place{level, n, tileWidth}
	if t, ok := l.tileCache.lookup(key); ok {
		return t, nil
	}
	t, err := l.provenTile(v, level, n)
	if err != nil {
		return nil, err
	}
	l.tileCache.keep(key, t)
	return t, nil
}

// provenTile reads a full tile's file, or does without it if it is missing,
// and checks it against the tile above, itself checked, up to the right edge.
func (l *Log) provenTile(v *view, level int, n int64) (*tile, error) {
	t, err := l.recoverTile(level, n, false)
	if err != nil {
		return nil, err
	}
	root, err := l.hash(v, tileHeight*(level+1), n)
	if err != nil {
		return nil, err
	}
	if t.root() != root {
		return nil, l.damaged(TilePath(level, n, tileWidth), "it does not have the root that the tile above says")
	}
	return t, nil
}

// readTile reads a full tile's file.
func (l *Log) readTile(level int, n int64) (*tile, error) {
	path := TilePath(level, n, tileWidth)
	b, err := l.readFull(path, nil)
	if err != nil {
		return nil, err
	}
	t, err := parseTile(b)
	if err != nil {
		return nil, l.damaged(path, err.Error())
	}
	return t, nil
}

// bundle returns a full bundle from the cache or its file.
func (l *Log) bundle(n int64) (*bundle, error) {
	if b, ok := l.bundleCache.lookup(n); ok {
		return b, nil
	}
	entries, err := l.readBundle(n, new(bundleReader))
	if err != nil {
		return nil, err
	}
	b := (*bundle)(entries)
	l.bundleCache.keep(n, b)
	return b, nil
}

// bundleReader is memory for one bundle after the other.
type bundleReader struct {
	file    []byte
	entries [][]byte
}

// readBundle reads a full bundle's file into the memory of r.
func (l *Log) readBundle(n int64, r *bundleReader) ([][]byte, error) {
	path := BundlePath(n, tileWidth)
	var err error
	if r.file, err = l.readFull(path, r.file); err != nil {
		return nil, err
	}
	if r.entries, err = parseBundle(r.entries[:0], r.file); err != nil {
		return nil, l.damaged(path, err.Error())
	}
	if len(r.entries) != tileWidth {
		return nil, l.damaged(path, fmt.Sprintf("it has %d entries, want %d", len(r.entries), tileWidth))
	}
	return r.entries, nil
}

// readFull reads the file of a full tile or bundle, which must be there, into
// the memory of buf.
func (l *Log) readFull(path string, buf []byte) ([]byte, error) {
	f, err := os.Open(l.file(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &DamagedError{File: l.file(path), Reason: "it is missing", missing: true}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := int(info.Size())
	buf = slices.Grow(buf[:0], size)[:size]
	if _, err := io.ReadFull(f, buf); err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	return buf, nil
}

func (l *Log) damaged(path, reason string) error {
	return &DamagedError{File: l.file(path), Reason: reason}
}

// Resource returns the bytes of a path as c2sp.org/tlog-tiles serves it:
// "checkpoint", "tile/0/x001/234", "tile/entries/000". A partial tile or
// bundle, such as "tile/3/067.p/12", is there in every width that the log has
// reached, also after it has become full, for readers with an older
// checkpoint. Everything but the checkpoint stays the same for ever. Other
// paths, and what the log does not have yet, are ErrNotFound. The bytes are
// not to be modified.
func (l *Log) Resource(path string) ([]byte, error) {
	v := l.view.Load()
	if path == checkpointName && v.checkpoint != nil {
		return v.checkpoint, nil
	}
	p, ok := parsePath(path)
	if !ok || !v.has(p) {
		return nil, fmt.Errorf("%q: %w", path, ErrNotFound)
	}
	if p.level == entryLevel {
		return l.bundleResource(v, p)
	}
	return l.tileResource(v, p)
}

func (l *Log) bundleResource(v *view, p place) ([]byte, error) {
	if b, ok := v.bundles.at(p.n); ok {
		return appendEntries(nil, b[:p.width]), nil
	}
	var r bundleReader
	entries, err := l.readBundle(p.n, &r)
	if err != nil {
		return nil, err
	}
	return r.file[:encodedSize(entries[:p.width])], nil
}

func (l *Log) tileResource(v *view, p place) ([]byte, error) {
	t, err := l.tile(v, p.level, p.n)
	if err != nil {
		return nil, err
	}
	return t.encode(p.width), nil
}
