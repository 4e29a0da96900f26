package tiles

import (
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// edge rebuilds the right edge of a tree of the given size, a multiple of 256,
// from the roots of the full tiles below it.
func (l *Log) edge(size int64) (*view, error) {
	v := &view{size: size, filed: size}
	v.bundles.first = size / tileWidth
	for level := range v.tiles {
		r := &v.tiles[level]
		r.first = fullTiles(level, size)
		width := hashesAt(level, size) % tileWidth
		if width == 0 {
			continue
		}
		t := new(tile)
		for i := range width {
			below, err := l.recoverTile(level-1, r.first*tileWidth+i, !l.readOnly)
			if err != nil {
				return nil, err
			}
			t.set(i, below.root())
		}
		r.items = []*tile{t}
	}
	return v, nil
}

// recoverTile reads a full tile's file or, if that is missing, makes the tile
// again from what is below it, and the file too if it shall save.
func (l *Log) recoverTile(level int, n int64, save bool) (*tile, error) {
	t, err := l.readTile(level, n)
	var damage *DamagedError
	if !errors.As(err, &damage) || !damage.missing {
		return t, err
	}
	if t, err = l.rebuildTile(level, n, save); err != nil || !save {
		return t, err
	}
	path := TilePath(level, n, tileWidth)
	return t, l.save([]fullFile{{path, func() []byte { return t.encode(tileWidth) }}})
}

// rebuildTile makes a full tile from its bundle or from the tiles below it.
func (l *Log) rebuildTile(level int, n int64, save bool) (*tile, error) {
	if level == 0 {
		return l.hashBundle(n)
	}
	t := new(tile)
	for i := range int64(tileWidth) {
		below, err := l.recoverTile(level-1, n*tileWidth+i, save)
		if err != nil {
			return nil, err
		}
		t.set(i, below.root())
	}
	return t, nil
}

// hashBundle makes a tile of level 0 from the entries.
func (l *Log) hashBundle(n int64) (*tile, error) {
	entries, err := l.readBundle(n, new(bundleReader))
	if err != nil {
		return nil, err
	}
	t := new(tile)
	for i, entry := range entries {
		t.set(int64(i), tlog.RecordHash(entry))
	}
	return t, nil
}
