package tiles

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// tileBytes is the size of a full tile's file.
const tileBytes = tileWidth * tlog.HashSize

// tile is 256 hashes and all that follows from them: every level of the tree
// from its 256 hashes up to its root, so that proofs hash nothing again.
//
// Hashes are set from left to right and, once a reader may know of them, never
// changed; that is what lets readers and the one writer share a tile.
type tile struct {
	hashes [2*tileWidth - 1]tlog.Hash
}

// slot is where the i-th hash of a tile's inner level (0 to 8) lies:
// 256 hashes, then 128, then 64, and the root last.
func slot(level int, i int64) int64 {
	return 2*tileWidth - 2*tileWidth>>level + i
}

// set puts in the i-th hash, and the inner ones that it completes.
func (t *tile) set(i int64, h tlog.Hash) {
	level := 0
	t.hashes[slot(level, i)] = h
	for ; i&1 == 1; i >>= 1 {
		h = tlog.NodeHash(t.hashes[slot(level, i-1)], h)
		level++
		t.hashes[slot(level, i>>1)] = h
	}
}

// root is the hash of a full tile, which is a hash of the tile above.
func (t *tile) root() tlog.Hash { return t.hashes[slot(tileHeight, 0)] }

// encode returns the first width hashes as a file or a reader wants them.
func (t *tile) encode(width int) []byte {
	b := make([]byte, 0, width*tlog.HashSize)
	for i := range width {
		b = append(b, t.hashes[i][:]...)
	}
	return b
}

// parseTile reads a full tile.
func parseTile(b []byte) (*tile, error) {
	if len(b) != tileBytes {
		return nil, fmt.Errorf("is %d bytes, want %d", len(b), tileBytes)
	}
	t := new(tile)
	for i := range tileWidth {
		t.set(int64(i), tlog.Hash(b[i*tlog.HashSize:]))
	}
	return t, nil
}
