package ledger

import (
	"fmt"
	"slices"
	"strings"
)

// LogKeys are the verifier keys that sign a ledger's checkpoints, in order: the
// founding's, and one for each ledger.amended.
type LogKeys []LogKeyFrom

// LogKeyFrom is a note verifier key and the least size of a checkpoint that it
// signs, up to the next one's.
type LogKeyFrom struct {
	Key  string `json:"key"`
	From int64  `json:"from"`
}

// At gives the key that signs a checkpoint of a size; empty: none does yet.
func (ks LogKeys) At(size int64) (key string) {
	for _, k := range ks {
		if k.From <= size {
			key = k.Key
		}
	}
	return key
}

// Has tells whether a key signs, or has ever signed, checkpoints.
func (ks LogKeys) Has(key string) bool {
	return slices.ContainsFunc(ks, func(k LogKeyFrom) bool { return k.Key == key })
}

// Open reads a checkpoint and verifies it with the key that signs those of its
// size: an earlier key proves nothing of a later tree. Errors wrap ErrCheckpoint.
func (ks LogKeys) Open(signed []byte) (Checkpoint, error) {
	c, err := ReadCheckpoint(signed)
	if err != nil {
		return c, err
	}
	key := ks.At(c.Size)
	if key == "" {
		return c, fmt.Errorf("%w: no key signs one of %d entries", ErrCheckpoint, c.Size)
	}
	return OpenCheckpoint(signed, key)
}

// name is the ledger's origin, which all keys have as their name.
func (ks LogKeys) name() string {
	if len(ks) == 0 {
		return ""
	}
	name, _, _ := strings.Cut(ks[0].Key, "+")
	return name
}

// and gives the keys with one more, without changing those that others hold.
func (ks LogKeys) and(key string, from int64) LogKeys {
	return append(ks[:len(ks):len(ks)], LogKeyFrom{key, from})
}
