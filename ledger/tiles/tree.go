package tiles

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// Tree reads a log of a known size and root, as a checkpoint names them, from
// sources that are not trusted. Everything it gives has been checked against
// the root: tiles by the tile above, entries by their leaf hash. So it is an
// error that names the file or address, a [DamagedError], or the truth.
//
// It is made for ledger.Replay and, as a [tlog.HashReader], for proofs of and
// consistency with anything up to its size. Its methods may be called from any
// goroutine. Reading in order is fast from afar too: what comes next is fetched
// ahead, several files at a time.
type Tree struct {
	size    int64
	root    tlog.Hash
	sources []Source
	edge    [tileLevels]*tile // partial tiles; nil where the last one is full

	tiles   loads[place, *tile]
	bundles loads[int64, [][]byte]
	ahead   ahead

	// fetched is told what another source than the first had to give: the bytes
	// that belong under a path.
	fetched func(path string, b []byte)
}

// NewTree reads the tree with the given size and root from the first source that
// has it, and from the others what is missing or damaged there. It reads the
// right edge to see that it has the root.
func NewTree(size int64, root tlog.Hash, sources ...Source) (*Tree, error) {
	return newTree(size, root, nil, sources)
}

func newTree(size int64, root tlog.Hash, fetched func(string, []byte), sources []Source) (*Tree, error) {
	if size < 0 || size > 1<<62 {
		return nil, fmt.Errorf("a log cannot have %d entries", size)
	}
	t := &Tree{size: size, root: root, sources: sources, fetched: fetched}
	t.tiles.cache = newCache[place, *tile](cachedTiles)
	t.bundles.cache = newCache[int64, [][]byte](cachedBundles)
	var err error
	for _, s := range sources {
		if t.edge, err = t.readEdge(s); err == nil {
			return t, nil
		}
	}
	return nil, err
}

// Size is the number of entries.
func (t *Tree) Size() int64 { return t.size }

// Root is the hash that all is checked against.
func (t *Tree) Root() tlog.Hash { return t.root }

// readEdge reads the partial tiles, which together have the root.
func (t *Tree) readEdge(s Source) (edge [tileLevels]*tile, err error) {
	var places []string
	for level := range edge {
		p := place{level, fullTiles(level, t.size), int(hashesAt(level, t.size) % tileWidth)}
		if p.width == 0 {
			continue
		}
		places = append(places, s.Place(p.path()))
		if edge[level], err = readTile(s, p); err != nil {
			var damage *DamagedError
			if errors.As(err, &damage) {
				damage.Reason += fmt.Sprintf("; or %s is wrong, by which there are %d entries", s.Place(checkpointName), t.size)
			}
			return edge, err
		}
	}
	root, err := tlog.TreeHash(t.size, tlog.HashReaderFunc(func(indexes []int64) (hashes []tlog.Hash, err error) {
		for _, index := range indexes {
			level, n := tlog.SplitStoredHashIndex(index)
			hashes = append(hashes, edge[level/tileHeight].hash(level, n))
		}
		return hashes, nil
	}))
	if err == nil && root != t.root {
		err = &DamagedError{
			File:   strings.Join(append(places, s.Place(checkpointName)), ", "),
			Reason: fmt.Sprintf("these tiles do not have the root that the checkpoint says, one of them or the checkpoint is wrong: %s, not %s, of %d entries", root, t.root, t.size),
		}
	}
	return edge, err
}

// readTile reads a tile, of a partial one that is gone what the full one has.
func readTile(s Source, p place) (*tile, error) {
	b, at, err := readEither(s, p)
	if err != nil {
		return nil, err
	}
	if len(b) != at.width*tlog.HashSize {
		return nil, &DamagedError{File: s.Place(at.path()), Reason: fmt.Sprintf("it is %d bytes, want %d", len(b), at.width*tlog.HashSize)}
	}
	t := new(tile)
	for i := range p.width {
		t.set(int64(i), tlog.Hash(b[i*tlog.HashSize:]))
	}
	return t, nil
}

// readEither reads what is at a place or, if that is partial and gone, the full
// one in its place (c2sp.org/tlog-tiles).
func readEither(s Source, p place) (b []byte, at place, err error) {
	b, err = s.Resource(p.path())
	if errors.Is(err, ErrNotFound) && p.width < tileWidth {
		full := place{p.level, p.n, tileWidth}
		if b, err2 := s.Resource(full.path()); !errors.Is(err2, ErrNotFound) {
			return b, full, err2
		}
	}
	if errors.Is(err, ErrNotFound) {
		err = &DamagedError{File: s.Place(p.path()), Reason: "it is missing", missing: true}
	}
	return b, p, err
}

// hash returns the n-th hash of a level of the whole tree, which is in t.
func (t *tile) hash(level int, n int64) tlog.Hash {
	inner := level % tileHeight
	return t.hashes[slot(inner, n%int64(tileWidth>>inner))]
}

// hash returns the n-th hash of a level of the tree, which must have it.
func (t *Tree) hash(level int, n int64) (tlog.Hash, error) {
	of, err := t.tile(place{level / tileHeight, n / int64(tileWidth>>(level%tileHeight)), tileWidth})
	if err != nil {
		return tlog.Hash{}, err
	}
	return of.hash(level, n), nil
}

// tile returns a tile, of the last one in a level what the tree has of it.
func (t *Tree) tile(p place) (*tile, error) {
	if p.n == fullTiles(p.level, t.size) {
		return t.edge[p.level], nil
	}
	p.width = tileWidth
	return t.tiles.load(p, func() (*tile, error) { return t.provenTile(p) })
}

// provenTile reads a full tile from the first source that has it with the root
// that the tile above says.
func (t *Tree) provenTile(p place) (*tile, error) {
	root, err := t.hash(tileHeight*(p.level+1), p.n)
	if err != nil {
		return nil, err
	}
	for i, s := range t.sources {
		var got *tile
		if got, err = readTile(s, p); err != nil {
			continue
		}
		if got.root() == root {
			t.tell(i, p.path(), func() []byte { return got.encode(tileWidth) })
			return got, nil
		}
		err = &DamagedError{File: s.Place(p.path()), Reason: "it does not have the root that the tile above says"}
	}
	return nil, err
}

// tell tells of what a source gave, if it is not the first.
func (t *Tree) tell(source int, path string, encode func() []byte) {
	if source > 0 && t.fetched != nil {
		t.fetched(path, encode())
	}
}

// bundle returns the entries of a bundle, as many as the tree has.
func (t *Tree) bundle(n int64) ([][]byte, error) {
	return t.bundles.load(n, func() ([][]byte, error) { return t.provenBundle(n) })
}

// provenBundle reads a bundle from the first source that has it with entries of
// the right hashes. Their tile is read meanwhile.
func (t *Tree) provenBundle(n int64) ([][]byte, error) {
	p := place{entryLevel, n, int(min(tileWidth, t.size-n*tileWidth))}
	var leaves sync.WaitGroup
	leaves.Go(func() { _, _ = t.hash(0, n*tileWidth) })
	defer leaves.Wait()
	var err error
	for i, s := range t.sources {
		var entries [][]byte
		if entries, err = readEntries(s, p); err != nil {
			continue
		}
		leaves.Wait()
		if err = t.checkEntries(s, p, entries); err == nil {
			t.tell(i, p.path(), func() []byte { return appendEntries(nil, entries) })
			return entries, nil
		}
		if !isDamage(err) {
			break // no source can do without the tiles
		}
	}
	return nil, err
}

// readEntries reads as many entries of a bundle as p says.
func readEntries(s Source, p place) ([][]byte, error) {
	b, at, err := readEither(s, p)
	if err != nil {
		return nil, err
	}
	entries, err := parseBundle(make([][]byte, 0, at.width), b)
	if err == nil && len(entries) != at.width {
		err = fmt.Errorf("it has %d entries, want %d", len(entries), at.width)
	}
	if err != nil {
		return nil, &DamagedError{File: s.Place(at.path()), Reason: err.Error()}
	}
	return entries[:p.width], nil
}

func (t *Tree) checkEntries(s Source, p place, entries [][]byte) error {
	for i, entry := range entries {
		index := p.n*tileWidth + int64(i)
		leaf, err := t.hash(0, index)
		if err != nil {
			return err
		}
		if tlog.RecordHash(entry) != leaf {
			return &DamagedError{File: s.Place(p.path()), Reason: fmt.Sprintf("entry %d does not have its leaf hash", index)}
		}
	}
	return nil
}

// Entry returns the exact bytes of an entry, which are not to be modified;
// ErrNotFound if there is none with that index.
func (t *Tree) Entry(index int64) ([]byte, error) {
	if index < 0 || index >= t.size {
		return nil, fmt.Errorf("entry %d: %w", index, ErrNotFound)
	}
	entries, err := t.bundle(index / tileWidth)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", index, err)
	}
	return entries[index%tileWidth], nil
}

// Entries calls fn with every entry from index from up to but not including to,
// in order, until fn returns an error, which it then returns. The bytes may be
// kept, and are not to be modified. ErrNotFound when to is beyond Size.
func (t *Tree) Entries(from, to int64, fn func(index int64, entry []byte) error) error {
	if from < 0 || from > to || to > t.size {
		return fmt.Errorf("entries %d to %d: %w", from, to, ErrNotFound)
	}
	for index := from; index < to; {
		n := index / tileWidth
		for next := range t.ahead.after(n) {
			if next*tileWidth < t.size {
				go func() { _, _ = t.bundle(next) }()
			}
		}
		entries, err := t.bundle(n)
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

// Leaf returns the RFC 6962 leaf hash of an entry; ErrNotFound if there is none
// with that index.
func (t *Tree) Leaf(index int64) (tlog.Hash, error) {
	if index < 0 || index >= t.size {
		return tlog.Hash{}, fmt.Errorf("leaf %d: %w", index, ErrNotFound)
	}
	return t.hash(0, index)
}

// ReadHashes returns the hashes with the given numbers, as
// [tlog.StoredHashIndex] gives them; ErrNotFound if the tree is too small.
func (t *Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	count := tlog.StoredHashCount(t.size)
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= count {
			return nil, fmt.Errorf("hash %d: %w", index, ErrNotFound)
		}
		level, n := tlog.SplitStoredHashIndex(index)
		var err error
		if hashes[i], err = t.hash(level, n); err != nil {
			return nil, fmt.Errorf("hash %d: %w", index, err)
		}
	}
	return hashes, nil
}

// loads keeps what was read lately, and reads nothing twice at a time.
type loads[K comparable, V any] struct {
	cache *cache[K, V]
	mu    sync.Mutex
	going map[K]*loading[V]
}

type loading[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// load gives what is kept under a key, or what read gives. Errors are not kept.
func (l *loads[K, V]) load(key K, read func() (V, error)) (V, error) {
	l.mu.Lock()
	if v, ok := l.cache.lookup(key); ok {
		l.mu.Unlock()
		return v, nil
	}
	if g := l.going[key]; g != nil {
		l.mu.Unlock()
		<-g.done
		return g.value, g.err
	}
	g := &loading[V]{done: make(chan struct{})}
	if l.going == nil {
		l.going = make(map[K]*loading[V])
	}
	l.going[key] = g
	l.mu.Unlock()

	g.value, g.err = read()
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.err == nil {
		l.cache.keep(key, g.value)
	}
	delete(l.going, key)
	close(g.done)
	return g.value, g.err
}

// ahead tells what a reader who goes in order will want next: more with each
// step, nothing to one who jumps about.
type ahead struct {
	mu    sync.Mutex
	last  int64 // asked for
	until int64 // told, not included
	width int64
}

const maxAhead = 8

// after gives the numbers to fetch beside n, which is asked for.
func (a *ahead) after(n int64) func(func(int64) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch n {
	case a.last:
		a.width = max(a.width, 1)
	case a.last + 1:
		a.width = min(2*a.width, maxAhead)
	default:
		a.width, a.until = 1, 0
	}
	from := max(a.until, n+1)
	a.last, a.until = n, max(a.until, n+a.width)
	until := a.until
	return func(yield func(int64) bool) {
		for next := from; next < until && yield(next); next++ {
		}
	}
}
