package tiles

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// view is all that is known of the log at one size. Once shown it never
// changes, so any number of readers use it without a lock.
//
// A view and its successors share tiles, bundles and the arrays behind their
// lists: a successor writes only where no reader of an earlier view looks,
// beyond that view's size. A successor that is given up leaves nothing but
// unread bytes there.
type view struct {
	size       int64
	root       tlog.Hash
	checkpoint []byte

	filed   int64                  // what a log of this size has in full is in files; a multiple of 256
	bundles run[*bundle]           // those not in files, the partial one last
	tiles   [tileLevels]run[*tile] // the same, for each level
}

// run is a stretch of consecutively numbered items.
type run[T any] struct {
	first int64
	items []T
}

// at returns item n, if the run has it.
func (r run[T]) at(n int64) (item T, ok bool) {
	if n < r.first || n >= r.first+int64(len(r.items)) {
		return item, false
	}
	return r.items[n-r.first], true
}

// from is the run without the items before n, and without their memory.
func (r run[T]) from(n int64) run[T] {
	k := min(n-r.first, int64(len(r.items)))
	if k <= 0 {
		return r
	}
	return run[T]{first: r.first + k, items: slices.Clone(r.items[k:])}
}

// add puts one entry behind the others and its hash into the tree.
// The view must not have been shown yet.
func (v *view) add(entry []byte) {
	room(&v.bundles, v.size)[v.size%tileWidth] = entry
	h, n := tlog.RecordHash(entry), v.size
	for level := range v.tiles {
		t := room(&v.tiles[level], n)
		t.set(n%tileWidth, h)
		if n%tileWidth != tileWidth-1 {
			break
		}
		h, n = t.root(), n/tileWidth
	}
	v.size++
}

// room returns the item that the n-th entry or hash goes into: the last
// one, or a new one when that is full.
func room[T any](r *run[*T], n int64) *T {
	if n%tileWidth == 0 {
		r.items = append(r.items, new(T))
	}
	return r.items[len(r.items)-1]
}

// without is the view without what a log of the given size has in full, which
// has become files.
func (v *view) without(filed int64) *view {
	if filed <= v.filed {
		return v
	}
	w := *v
	w.filed = filed
	w.bundles = v.bundles.from(filed / tileWidth)
	for level := range v.tiles {
		w.tiles[level] = v.tiles[level].from(fullTiles(level, filed))
	}
	return &w
}

// since returns the entries from a multiple of 256 on, all of them in memory.
func (v *view) since(first int64) [][]byte {
	entries := make([][]byte, 0, v.size-first)
	for index := first; index < v.size; index++ {
		b, _ := v.bundles.at(index / tileWidth)
		entries = append(entries, b[index%tileWidth])
	}
	return entries
}

// has says whether a log of v's size has all of p.
func (v *view) has(p place) bool {
	count := hashesAt(max(p.level, 0), v.size)
	return p.n < count/tileWidth || p.n == count/tileWidth && int64(p.width) <= count%tileWidth
}

// hashesAt is how many hashes a level of tiles has in a log of the given size.
func hashesAt(level int, size int64) int64 { return size >> (tileHeight * level) }

// fullTiles is how many full tiles a level has in a log of the given size.
func fullTiles(level int, size int64) int64 { return hashesAt(level, size) / tileWidth }
