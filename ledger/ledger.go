package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
	"spredning/ledger/tiles"
)

// Config is what a Ledger is made of. All fields but NextLogKey, Shared,
// Others, Witnessed, Apply and Snapshots are needed; the caller closes Log and Stream after the Ledger.
type Config struct {
	Log    *tiles.Log // the second copy on disk
	Stream Stream     // the durable order
	LogKey *LogKey    // signs checkpoints; names the ledger
	// NextLogKey signs them from the ledger.amended on that names it; none: this
	// node takes no such event.
	NextLogKey *LogKey
	Shared     bool    // others may append to the stream too
	Others     []Other // who have seen checkpoints of it, to compare with
	// Witnessed shows readers what Publish is given, not every checkpoint.
	Witnessed bool
	// Apply is called with every entry in order, those on disk when opening
	// included, by one goroutine. The entries may be kept.
	Apply func([]*Entry)
	// Snapshots keeps them; nil: a start replays everything.
	Snapshots *Snapshots
	Now       func() time.Time
	Logger    *slog.Logger
}

// Ledger accepts events, makes them durable and proves it. Its methods may be
// called at the same time.
type Ledger struct {
	cfg      Config
	verifier *keys.Verifier

	entrance sync.RWMutex // held for reading while submitting, for writing by Close
	closed   bool
	requests chan *request
	persists chan *batch
	applies  chan applied
	idle     sync.WaitGroup // batches handed to persist and not yet done
	done     sync.WaitGroup // the goroutines

	known    sync.Map   // keys.ID to keys.Public: every key ever enrolled
	shown    Checkpoint // the newest that readers may have seen before this was opened
	state    *State     // of the committer alone, as is compared
	compared bool       // shown, the second copy and the stream
	sure     int64      // entries that a snapshot vouches for: they are compared in the background
	stopped  atomic.Pointer[stop]
	nudged   atomic.Bool     // a nudge is on its way
	streamed atomic.Int64    // entries that the stream was seen to have
	life     context.Context // until Close
	cancel   context.CancelFunc

	growth

	published  atomic.Pointer[published] // what readers are shown, with Config.Witnessed
	publishing sync.Mutex                // held to replace it

	selfAudit selfAudit
	snapshots snapshots
	lookedAt  int64 // entries of the stream compared since the last round, by the committer alone
	rivalry         // of the committer alone
	crowded   bool  // many waited the last time, who may come again together
}

// stop is why nothing is written for now, or until it is repaired.
type stop struct {
	err    error
	heals  bool // an attempt to go on may succeed
	nextAt time.Time
}

// request is a submission on its way to the committer.
type request struct {
	signed *Signed
	entry  []byte
	late   *Refusal // what is wrong with it unless it is in the ledger already
	try    bool     // only to be decided, whatever comes of it
	nudge  bool     // from nudge: nobody waits
	answer chan answer
}

type answer struct {
	index int64
	again bool
	err   error
}

// applied is entries to hand to the projections, or what to do then.
type applied struct {
	entries []*Entry
	then    func()
}

// batch is what one append carried, and who waits for it.
type batch struct {
	entries []*Entry
	waiting []*request // one for each entry
	again   []again
	logKey  string // that signs after them
}

// again is a request whose id is in the ledger already.
type again struct {
	*request
	index int64
	err   error // what it is refused with, unless it is the same event
}

const (
	// maxBatch is the number of entries in one append.
	maxBatch = 1000
	// maxWaiting is the number of submissions that may wait.
	maxWaiting = 8192
	// maxConflicts is how often in a row others may be first.
	maxConflicts = 100
	// lookEvery is how often the stream is asked whether all is still there.
	lookEvery = 5 * time.Second
	// appendTimeout is how long an append may take before its outcome is unknown.
	appendTimeout = 10 * time.Second
)

// Open opens the ledger: it replays the second copy, compares it with its own
// checkpoint and with the stream, and takes over what the stream has more. If
// the stream is damaged the ledger opens all the same and serves readers, but
// refuses to write; [Ledger.Err] says why. Errors are about the second copy and
// wrap *DamageError, ErrCheckpoint or what reading it gave.
func Open(ctx context.Context, cfg Config) (*Ledger, error) {
	l := &Ledger{
		cfg:      cfg,
		verifier: keys.NewVerifier(),
		requests: make(chan *request, maxWaiting),
		persists: make(chan *batch, 1),
		applies:  make(chan applied, 64),
		state:    NewState(),
		growth:   growth{growing: make(chan struct{})},
	}
	l.life, l.cancel = context.WithCancel(context.Background())
	l.done.Go(l.applyAll)
	l.done.Go(l.persistAll)
	l.shown = l.publishedCheckpoint()
	l.seed(ctx)
	err := l.replay()
	if err == nil {
		err = l.openWitnessed()
	}
	if err != nil {
		l.cancel()
		close(l.persists)
		l.done.Wait()
		l.verifier.Close()
		return nil, err
	}
	if err := l.begin(ctx); err != nil {
		l.stop(err)
	}
	l.showFirst()
	l.done.Go(l.commitAll)
	if cfg.Shared {
		l.done.Go(func() { l.watch(l.life) })
	}
	return l, nil
}

// publishedCheckpoint is what was shown of the log on disk before. It may be
// ahead of it, if the end of the tail was lost, but then it was signed here.
func (l *Ledger) publishedCheckpoint() Checkpoint {
	c, err := OpenCheckpoint(l.cfg.Log.Published(), l.logKeys()...)
	if err != nil {
		return Checkpoint{} // none, cut short by a power cut, or of an earlier key
	}
	return c
}

// replay folds the second copy, from a snapshot on if there is one, and compares it
// with its checkpoint.
func (l *Ledger) replay() error {
	size := l.cfg.Log.Size()
	l.sure = l.fromSnapshot()
	err := Replay(l.cfg.Log, l.sure, size, func(es []*Entry) error {
		for _, e := range es {
			Evolve(l.state, e)
		}
		l.keep(es)
		l.apply(es)
		return nil
	})
	if err != nil {
		return fmt.Errorf("replaying the log on disk: %w", err)
	}
	if size == 0 {
		return nil
	}
	if err := l.ownKey(); err != nil {
		return err
	}
	return checkHead(l.state, l.cfg.Log)
}

// logKeys are the verifier keys of those that this node holds.
func (l *Ledger) logKeys() (vkeys []string) {
	for _, k := range []*LogKey{l.cfg.LogKey, l.cfg.NextLogKey} {
		if k != nil {
			vkeys = append(vkeys, k.String())
		}
	}
	return vkeys
}

// signer gives the log key of a verifier key, nil if this node does not hold it.
func (l *Ledger) signer(vkey string) *LogKey {
	for _, k := range []*LogKey{l.cfg.LogKey, l.cfg.NextLogKey} {
		if k != nil && k.String() == vkey {
			return k
		}
	}
	return nil
}

// holds checks that this node can sign with a log key.
func (l *Ledger) holds(vkey string) error {
	if l.signer(vkey) == nil {
		return &DamageError{fmt.Sprintf("the ledger's checkpoints are signed with %s, this node's log key is %s", vkey, strings.Join(l.logKeys(), " or "))}
	}
	return nil
}

// ownKey checks that this node signs checkpoints with the ledger's key.
func (l *Ledger) ownKey() error {
	if l.state.origin != l.cfg.LogKey.Name() {
		return &DamageError{fmt.Sprintf("the entries are of ledger %q, the log key of %q", l.state.origin, l.cfg.LogKey.Name())}
	}
	return l.holds(l.state.LogKey())
}

// compareShown checks that what was shown is a part of a tree.
func (l *Ledger) compareShown(size int64, tree tlog.HashReader) error {
	if l.shown.Size == 0 || l.shown.Size > size {
		return nil // nothing to compare, or not yet
	}
	root, err := tlog.TreeHash(l.shown.Size, tree)
	if err != nil {
		return fmt.Errorf("comparing with the checkpoint that was shown: %w", err)
	}
	if root != l.shown.Root {
		return &DamageError{fmt.Sprintf("another checkpoint of %d entries was shown to others: its root is %s, here it is %s", l.shown.Size, l.shown.Root, root)}
	}
	return nil
}

// compareStream checks that the stream is what the second copy is a copy of, but
// for what a snapshot vouches for, which is compared little by little. If
// that has lost its end, the stream must have just what was shown of it: until
// then nothing is signed.
func (l *Ledger) compareStream(ctx context.Context) error {
	if err := l.compareSpan(ctx); err != nil {
		return err
	}
	size := l.cfg.Log.Size()
	errDone := errors.New("compared all")
	at, tree := l.sure, &longer{Log: l.cfg.Log, size: size}
	err := l.cfg.Stream.Read(ctx, l.sure, func(index int64, entry []byte) error {
		if index >= max(size, l.shown.Size) {
			return errDone
		}
		if index >= size {
			return tree.add(entry)
		}
		at = index + 1
		return l.sameEntry(index, entry)
	})
	if err != nil && !errors.Is(err, errDone) {
		return err
	}
	if at < size {
		return l.lacking("the stream gave %d entries, the last checkpoint has %d", at, size)
	}
	return l.compareShown(tree.size, tree)
}

// sameEntry compares an entry of the stream with the one in the log on disk.
func (l *Ledger) sameEntry(index int64, entry []byte) error {
	own, err := l.cfg.Log.Entry(index)
	if err != nil {
		return fmt.Errorf("reading entry %d of the log on disk: %w", index, err)
	}
	if !bytes.Equal(own, entry) {
		return &DamageError{fmt.Sprintf("the stream hashes to another root: its entry %d is not the one in the log on disk", index)}
	}
	return nil
}

// longer is the tree of the log on disk and entries that the stream has after it.
type longer struct {
	*tiles.Log
	size int64
	more []tlog.Hash // stored hashes after those of the log
}

func (t *longer) add(entry []byte) error {
	hashes, err := tlog.StoredHashes(t.size, entry, t)
	t.more, t.size = append(t.more, hashes...), t.size+1
	return err
}

// ReadHashes makes it a [tlog.HashReader].
func (t *longer) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	stored := tlog.StoredHashCount(t.Log.Size())
	var hashes []tlog.Hash
	for _, i := range indexes {
		if i >= stored {
			hashes = append(hashes, t.more[i-stored])
			continue
		}
		h, err := t.Log.ReadHashes([]int64{i})
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, h...)
	}
	return hashes, nil
}

// compareSpan checks first, last and count.
func (l *Ledger) compareSpan(ctx context.Context) error {
	span, err := l.span(ctx)
	if err != nil {
		return err
	}
	size := max(l.cfg.Log.Size(), l.shown.Size)
	switch {
	case span.Last < 0 && size == 0:
		return nil // nothing was ever appended
	case span.Last < 0:
		return &DamageError{fmt.Sprintf("the stream is empty, the last checkpoint has %d entries", size)}
	case span.First != 0:
		return &DamageError{fmt.Sprintf("the stream has a gap: it begins at entry %d, not at 0", span.First)}
	case span.Count != span.Last-span.First+1:
		return &DamageError{fmt.Sprintf("the stream has a gap: %d entries stand between %d and %d", span.Count, span.First, span.Last)}
	case span.Count < size:
		return l.lacking("the stream is shorter than the last checkpoint: %d entries, the checkpoint has %d", span.Count, size)
	}
	return nil
}

// lacking is a stream that does not have all that was shown. Of several servers one
// that is cut off, or has just come to lead, may not know the newest entries yet: if
// they turn up, all is compared before anything is written.
func (l *Ledger) lacking(format string, args ...any) error {
	if l.cfg.Shared {
		l.compared = false
		return fmt.Errorf(format, args...)
	}
	return &DamageError{fmt.Sprintf(format, args...)}
}

func (l *Ledger) span(ctx context.Context) (Span, error) {
	span, err := l.cfg.Stream.Span(ctx)
	var damage *DamageError
	if err != nil && !errors.As(err, &damage) {
		err = fmt.Errorf("%w: asking the stream for its span: %w", ErrUnknown, err)
	}
	if err == nil {
		l.sawStream(span.Last + 1)
	}
	return span, err
}

// sawStream remembers the most entries that the stream was seen to have.
func (l *Ledger) sawStream(size int64) {
	for old := l.streamed.Load(); size > old && !l.streamed.CompareAndSwap(old, size); old = l.streamed.Load() {
	}
}

// StreamSize is how many entries the stream was last seen to have. More than
// Size of them: this node is behind.
func (l *Ledger) StreamSize() int64 { return max(l.streamed.Load(), l.Size()) }

// Err says why nothing is written at present; nil: the ledger takes events.
func (l *Ledger) Err() error {
	if s := l.stopped.Load(); s != nil {
		return s.err
	}
	return l.selfAudit.found()
}

// retry is how long the committer waits before it tries to go on.
const retry = time.Second

// stop ends writing. After damage only a restart goes on, once it is repaired.
func (l *Ledger) stop(err error) {
	var damage *DamageError
	s := &stop{err: err, heals: !errors.As(err, &damage), nextAt: time.Now().Add(retry)}
	old := l.stopped.Load()
	if old != nil && !old.heals {
		return // what is damaged stays so
	}
	l.stopped.Store(s)
	if old == nil || !s.heals {
		l.cfg.Logger.Error("the ledger has stopped writing", "reason", err, "heals", s.heals)
	}
}

// Close answers everyone who was promised an answer, and refuses the others.
func (l *Ledger) Close() {
	l.entrance.Lock()
	if l.closed {
		l.entrance.Unlock()
		return
	}
	l.closed = true
	close(l.requests)
	l.entrance.Unlock()
	l.cancel()
	l.done.Wait()
	l.verifier.Close()
}

// Size is the number of entries that are durable here and can be proved.
func (l *Ledger) Size() int64 { return l.cfg.Log.Size() }

// Origin names the ledger.
func (l *Ledger) Origin() string { return l.cfg.LogKey.Name() }

// Receipt proves an entry against the checkpoint that readers are shown, or one
// signed by the log alone if that does not have the entry yet. It needs no stream;
// ErrNotFound of package tiles is wrapped for an index beyond the last.
func (l *Ledger) Receipt(index int64) (Receipt, error) {
	size, signed := l.Published()
	if index >= size {
		return ReceiptFrom(l.cfg.Log, index, l.knows)
	}
	return receiptFrom(l.cfg.Log, size, signed, index, l.knows)
}

func (l *Ledger) knows(id keys.ID) (keys.Public, bool) {
	k, ok := l.known.Load(id)
	if !ok {
		return keys.Public{}, false
	}
	return k.(keys.Public), true
}

// Provable is a log that receipts can be made from: a *tiles.Log, or a
// *tiles.Shown.
type Provable interface {
	tlog.HashReader
	Entry(index int64) ([]byte, error)
	Head() (size int64, checkpoint []byte)
}

// ReceiptFrom makes the receipt of an entry from the second copy alone.
func ReceiptFrom(log Provable, index int64, key func(keys.ID) (keys.Public, bool)) (Receipt, error) {
	size, signed := log.Head()
	return receiptFrom(log, size, signed, index, key)
}

// receiptFrom makes it against a checkpoint that has the entry.
func receiptFrom(log Provable, size int64, signed []byte, index int64, key func(keys.ID) (keys.Public, bool)) (Receipt, error) {
	entry, err := log.Entry(index)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt of entry %d: %w", index, err)
	}
	envelope, err := keys.Parse(entry)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt of entry %d: %w", index, err)
	}
	return prove(log, size, signed, index, entry, envelope, key)
}

// prove makes the receipt of an entry that has been read already.
func prove(log Provable, size int64, signed []byte, index int64, entry []byte, envelope keys.Envelope, key func(keys.ID) (keys.Public, bool)) (Receipt, error) {
	proof, err := tlog.ProveRecord(size, index, log)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt of entry %d: %w", index, err)
	}
	origin, _, _ := strings.Cut(string(signed), "\n") // its first line
	r := Receipt{Ledger: origin, Index: index, Entry: entry, Proof: proof, Checkpoint: signed}
	for _, s := range envelope.Signatures {
		k, _ := key(s.KeyID)
		r.Keys = append(r.Keys, k)
	}
	return r, nil
}
