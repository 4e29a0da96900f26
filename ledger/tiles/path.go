package tiles

import (
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8               // levels of the tree that one tile spans
	tileWidth  = 1 << tileHeight // hashes in a full tile, entries in a full bundle
	tileLevels = 8               // levels of tiles that an int64 of entries can have
	entryLevel = -1              // the level that stands for entry bundles

	maxLevel = 63 // the highest level a path may name
)

// TilePath returns the path of the tile with the given number in a level,
// such as tile/0/x001/x234/067, or tile/3/067.p/12 when width, in hashes, is
// below 256 (c2sp.org/tlog-tiles).
func TilePath(level int, n int64, width int) string {
	t := tlog.Tile{H: tileHeight, L: level, N: n, W: width}
	return "tile/" + strings.TrimPrefix(t.Path(), "tile/8/")
}

// BundlePath returns the path of the entry bundle with the given number, such
// as tile/entries/x001/x234/067, or tile/entries/000.p/5 when width, in
// entries, is below 256 (c2sp.org/tlog-tiles).
func BundlePath(n int64, width int) string {
	return "tile/entries/" + strings.TrimPrefix(TilePath(entryLevel, n, width), "tile/data/")
}

// place is what a path names: a tile or, at entryLevel, a bundle.
type place struct {
	level int
	n     int64
	width int
}

// path is the one path of p.
func (p place) path() string {
	if p.level == entryLevel {
		return BundlePath(p.n, p.width)
	}
	return TilePath(p.level, p.n, p.width)
}

// parsePath reads the path of a tile or bundle. Only the one canonical form
// of each is good, so that no two paths name the same bytes.
func parsePath(path string) (place, bool) {
	rest, ok := strings.CutPrefix(path, "tile/")
	if !ok {
		return place{}, false
	}
	if n, ok := strings.CutPrefix(rest, "entries/"); ok {
		rest = "data/" + n
	}
	t, err := tlog.ParseTilePath("tile/8/" + rest)
	if err != nil || t.L > maxLevel {
		return place{}, false
	}
	p := place{level: t.L, n: t.N, width: t.W}
	return p, p.path() == path
}
