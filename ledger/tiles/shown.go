package tiles

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/mod/sumdb/tlog"
)

// Shown is a log as it is shown at present: a [Tree] with its checkpoint, which a
// larger one replaces as the log grows. It answers readers just as a [Log] does,
// and nothing that it gives is unchecked. Its methods may be called from any
// goroutine.
type Shown struct {
	head    atomic.Pointer[head]
	failure atomic.Pointer[error]
}

type head struct {
	*Tree
	checkpoint []byte
}

// NewShown shows a tree and its checkpoint.
func NewShown(t *Tree, checkpoint []byte) *Shown {
	s := new(Shown)
	s.Show(t, checkpoint)
	return s
}

// Show replaces what is shown by a tree that has grown from it.
func (s *Shown) Show(t *Tree, checkpoint []byte) { s.head.Store(&head{t, checkpoint}) }

// Fail tells what keeps a larger tree from being shown; nil: nothing does.
func (s *Shown) Fail(err error) { s.failure.Store(&err) }

// Err is what Fail was told last.
func (s *Shown) Err() error {
	if err := s.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// Size is the number of entries.
func (s *Shown) Size() int64 { return s.head.Load().size }

// Root is the RFC 6962 hash of the tree.
func (s *Shown) Root() tlog.Hash { return s.head.Load().root }

// Checkpoint is the newest that is shown. It is not to be modified.
func (s *Shown) Checkpoint() []byte { return s.head.Load().checkpoint }

// Head gives size and checkpoint as they belong together.
func (s *Shown) Head() (size int64, checkpoint []byte) {
	h := s.head.Load()
	return h.size, h.checkpoint
}

// Entry is that of the tree.
func (s *Shown) Entry(index int64) ([]byte, error) { return s.head.Load().Entry(index) }

// Entries is that of the tree.
func (s *Shown) Entries(from, to int64, fn func(index int64, entry []byte) error) error {
	return s.head.Load().Entries(from, to, fn)
}

// Leaf is that of the tree.
func (s *Shown) Leaf(index int64) (tlog.Hash, error) { return s.head.Load().Leaf(index) }

// ReadHashes is that of the tree.
func (s *Shown) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	return s.head.Load().ReadHashes(indexes)
}

// Resource is that of the tree, and "checkpoint" the checkpoint.
func (s *Shown) Resource(path string) ([]byte, error) {
	h := s.head.Load()
	if path == checkpointName {
		return h.checkpoint, nil
	}
	return h.Resource(path)
}

// Resource returns the bytes of a tile or bundle, checked, in every width that
// the tree has, also those that its source does not have. Everything else is
// ErrNotFound: a tree does not know its checkpoint.
func (t *Tree) Resource(path string) ([]byte, error) {
	p, ok := parsePath(path)
	if !ok || !(&view{size: t.size}).has(p) {
		return nil, fmt.Errorf("%q: %w", path, ErrNotFound)
	}
	if p.level == entryLevel {
		entries, err := t.bundle(p.n)
		if err != nil {
			return nil, err
		}
		return appendEntries(nil, entries[:p.width]), nil
	}
	got, err := t.tile(p)
	if err != nil {
		return nil, err
	}
	return got.encode(p.width), nil
}
