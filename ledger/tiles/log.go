package tiles

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

var (
	// ErrNotFound is returned for what is not in the log, or not yet, and
	// for paths that name nothing.
	ErrNotFound = errors.New("not in the log")

	// ErrReadOnly is returned by Append on a log from OpenReadOnly.
	ErrReadOnly = errors.New("log is open for reading only")
)

// DamagedError says that a file does not hold what the log wrote, or is gone.
// Nothing has been changed. Copies of full tiles and bundles, from a mirror or
// a backup, can be put in their places.
type DamagedError struct {
	File   string // path of the file
	Offset int64  // where in the tail; 0 in other files
	Reason string

	missing bool
}

func (e *DamagedError) Error() string {
	if e.Offset == 0 {
		return fmt.Sprintf("%s is damaged: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("%s is damaged at byte %d: %s", e.File, e.Offset, e.Reason)
}

const (
	tailName       = "tail"
	checkpointName = "checkpoint"

	cachedTiles   = 128 // of 16 KiB
	cachedBundles = 16  // of 256 entries
)

// options are what tests turn; everyone else has the default.
type options struct {
	disk  disk
	pace  time.Duration // from one background round to the next, at least
	retry time.Duration // from a failed round to the next, at least
	cutAt int64         // bytes that a cut of the tail must save
}

func defaults() options {
	return options{disk: osDisk{}, pace: 200 * time.Millisecond, retry: time.Second, cutAt: 4 << 20}
}

// Log is a log on disk. Its methods may be called from any goroutine, except
// that Append has one caller at a time.
type Log struct {
	dir      string
	readOnly bool
	options

	view    atomic.Pointer[view] // what readers see
	showing sync.Mutex           // held to replace view

	tail      *tail
	appending sync.Mutex // held to use tail

	tileCache   *cache[place, *tile]
	bundleCache *cache[int64, *bundle]

	published []byte // the checkpoint file as Open found it
	written   []byte // the checkpoint last put into the file, for the writer

	wake    chan struct{}
	quit    chan struct{}
	done    chan struct{}
	closing sync.Once
	failure atomic.Pointer[error]
}

// Open opens the log in dir, or makes an empty one there. It cuts a torn end
// off the tail, rebuilds the right edge of the tree, writes the files that a
// crash left unwritten, and starts the background writer.
//
// The caller keeps other processes out of dir, and compares Root with what the
// Checkpoint says before relying on either, and Published with both.
//
// Its errors are a *DamagedError when a file does not hold what the log wrote,
// and those of the disk. A disk too full for the background writer is not
// among them: see Err.
func Open(dir string) (*Log, error) { return open(dir, defaults()) }

// OpenReadOnly opens the log in dir, which no one has open for writing, and
// changes nothing there: a torn end of the tail is passed over. A dir without
// a log gives an error that is fs.ErrNotExist.
func OpenReadOnly(dir string) (*Log, error) {
	l := newLog(dir, defaults())
	l.readOnly = true
	close(l.done)
	if _, err := l.load(); err != nil {
		return nil, err
	}
	return l, nil
}

func newLog(dir string, o options) *Log {
	return &Log{
		dir:         dir,
		options:     o,
		tileCache:   newCache[place, *tile](cachedTiles),
		bundleCache: newCache[int64, *bundle](cachedBundles),
		wake:        make(chan struct{}, 1),
		quit:        make(chan struct{}),
		done:        make(chan struct{}),
	}
}

func open(dir string, o options) (*Log, error) {
	l := newLog(dir, o)
	if err := l.create(); err != nil {
		return nil, fmt.Errorf("making a log in %s: %w", dir, err)
	}
	end, err := l.load()
	if err != nil {
		return nil, err
	}
	l.tail, err = openTail(l.disk, l.file(tailName), end)
	if err != nil {
		return nil, fmt.Errorf("opening the tail: %w", err)
	}
	if err := l.round(); isDamage(err) {
		l.tail.file.Close()
		return nil, err
	}
	l.wakeWriter() // a round may leave something to do
	go l.write()
	return l, nil
}

// create makes the folder and an empty tail, if there is none. That the tail
// keeps its name is seen to when it is opened.
func (l *Log) create() error {
	path := l.file(tailName)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(l.file("tile")); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, &DamagedError{File: path, Reason: "it is missing beside existing tiles"})
	}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return err
	}
	if err := l.disk.syncDir(filepath.Dir(l.dir)); err != nil {
		return err
	}
	return createTail(l.disk, path)
}

// load reads the tail and the right edge from disk and shows what is there.
// It returns where the last good frame of the tail ends.
func (l *Log) load() (end int64, err error) {
	b, err := os.ReadFile(l.file(tailName))
	if err != nil {
		return 0, fmt.Errorf("reading the tail: %w", err)
	}
	all, end, err := readTail(b)
	if err != nil {
		return 0, l.naming(err, tailName)
	}
	v, err := l.edge(all.first)
	if err != nil {
		return 0, fmt.Errorf("rebuilding the right edge: %w", err)
	}
	for _, entry := range all.entries {
		v.add(entry)
	}
	v.checkpoint = all.checkpoint
	if v.root, err = tlog.TreeHash(v.size, l.hashesOf(v)); err != nil {
		return 0, err
	}
	l.view.Store(v)
	return end, l.findPublished(v)
}

// findPublished reads the checkpoint file. One that names more entries than
// there are is left alone until an Append makes a newer one: it may be the
// only witness of a tail that lost its end.
func (l *Log) findPublished(v *view) error {
	b, err := os.ReadFile(l.file(checkpointName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the checkpoint file: %w", err)
	}
	l.published, l.written = b, b
	if noteSize(b) > v.size {
		l.written = v.checkpoint
	}
	return nil
}

// noteSize is the size a checkpoint names in its second line
// (c2sp.org/tlog-checkpoint), or -1.
func noteSize(note []byte) int64 {
	lines := bytes.SplitN(note, []byte("\n"), 3)
	if len(lines) < 3 {
		return -1
	}
	size, err := strconv.ParseInt(string(lines[1]), 10, 64)
	if err != nil {
		return -1
	}
	return size
}

// Close stops the background writer and closes the files. There is nothing to
// flush: what was shown is durable.
func (l *Log) Close() error {
	var err error
	l.closing.Do(func() {
		close(l.quit)
		<-l.done
		if l.readOnly {
			return
		}
		l.appending.Lock()
		defer l.appending.Unlock()
		err = errors.Join(l.writeCheckpoint(), l.tail.file.Close())
	})
	return err
}

// Size is the number of entries.
func (l *Log) Size() int64 { return l.view.Load().size }

// Root is the RFC 6962 hash of the tree of all entries; that of the empty
// string while there are none.
func (l *Log) Root() tlog.Hash { return l.view.Load().root }

// Checkpoint is the newest checkpoint, nil while there is none. It is not to
// be modified.
func (l *Log) Checkpoint() []byte { return l.view.Load().checkpoint }

// Head gives size and newest checkpoint as they belong together.
func (l *Log) Head() (size int64, checkpoint []byte) {
	v := l.view.Load()
	return v.size, v.checkpoint
}

// Published is the checkpoint file as it was when the log was opened, nil if
// there was none; it is not synced, so a power cut may have shortened it. A
// whole one was shown to others. If it names more entries than the log has,
// the tail has lost its end, and nothing may be signed before the entries are
// back: the stream has them.
func (l *Log) Published() []byte { return l.published }

// Err is the last failure of the background writer, nil when there was none
// or it has healed. Entries and readers do not suffer from it; memory and the
// tail grow while it lasts.
func (l *Log) Err() error {
	if err := l.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// Append adds entries of 1 to MaxEntry bytes, and the checkpoint that sign
// returns for the size and root that result, with one write and one sync of
// the disk. When it returns nil they are durable and shown; before, nothing is
// shown. Without entries, only a newer checkpoint for the same tree is added.
//
// After an error the log is as it was, and a later Append may succeed, as it
// does when a full disk has room again. What failed is cut off the tail; while
// even that fails, Append tries it anew and refuses. Should the machine stop
// in between, entries that had reached the disk whole are there afterwards.
//
// The entries and the checkpoint are kept and not to be modified afterwards.
func (l *Log) Append(entries [][]byte, sign func(size int64, root tlog.Hash) ([]byte, error)) error {
	if l.readOnly {
		return ErrReadOnly
	}
	for i, entry := range entries {
		if err := checkLength(len(entry)); err != nil {
			return fmt.Errorf("entry %d of the batch %w", i, err)
		}
	}
	l.appending.Lock()
	defer l.appending.Unlock()
	next, err := l.successor(entries, sign)
	if err != nil {
		return err
	}
	f := frame{first: next.size - int64(len(entries)), entries: entries, checkpoint: next.checkpoint}
	if err := l.tail.append(f); err != nil {
		return fmt.Errorf("appending %d entries: %w", len(entries), err)
	}
	l.show(next)
	return nil
}

// successor is the view that entries lead to.
func (l *Log) successor(entries [][]byte, sign func(int64, tlog.Hash) ([]byte, error)) (*view, error) {
	next := *l.view.Load()
	for _, entry := range entries {
		next.add(entry)
	}
	var err error
	if next.root, err = tlog.TreeHash(next.size, l.hashesOf(&next)); err != nil {
		return nil, fmt.Errorf("hashing the tree: %w", err)
	}
	if next.checkpoint, err = sign(next.size, next.root); err != nil {
		return nil, fmt.Errorf("signing the checkpoint: %w", err)
	}
	if len(next.checkpoint) == 0 {
		return nil, errors.New("signing the checkpoint: it is empty")
	}
	return &next, nil
}

// show makes next what readers see, without what has become files since it
// was begun, and wakes the writer.
func (l *Log) show(next *view) {
	l.showing.Lock()
	l.view.Store(next.without(l.view.Load().filed))
	l.showing.Unlock()
	l.wakeWriter()
}

// forget drops from memory what has become files.
func (l *Log) forget(filed int64) {
	l.showing.Lock()
	defer l.showing.Unlock()
	l.view.Store(l.view.Load().without(filed))
}

// file is where a path of the log lies on disk.
func (l *Log) file(path string) string {
	return filepath.Join(l.dir, filepath.FromSlash(path))
}

// naming puts the file's name into a DamagedError.
func (l *Log) naming(err error, path string) error {
	var damage *DamagedError
	if errors.As(err, &damage) {
		damage.File = l.file(path)
	}
	return err
}

func isDamage(err error) bool {
	var damage *DamagedError
	return errors.As(err, &damage)
}
