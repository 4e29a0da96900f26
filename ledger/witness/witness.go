package witness

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger"
)

// emptyRoot is the root of a tree without entries (RFC 6962 2.1).
var emptyRoot = tlog.Hash(sha256.Sum256(nil))

// Config is what a Witness is made of. All fields but Logs are needed.
type Config struct {
	Dir    string // its folder, which nobody else has open
	Key    *Key
	Logs   []string // verifier keys of the logs to watch; of one log there may be several
	Now    func() time.Time
	Logger *slog.Logger
}

// Witness cosigns checkpoints. Its methods may be called at the same time.
type Witness struct {
	cfg Config
	mu  sync.Mutex
	all map[string]*log // by origin
}

// log is what a witness watches.
type log struct {
	mu    sync.Mutex // held while a checkpoint is dealt with
	given []string   // verifier keys; none: those learned
	state
	splits []Split
}

// Open opens a witness's folder. Errors say which file cannot be read: without
// knowing what it has cosigned a witness does not go on.
func Open(cfg Config) (*Witness, error) {
	w := &Witness{cfg: cfg, all: map[string]*log{}}
	states, err := load(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("reading what this witness has cosigned: %w", err)
	}
	for _, s := range states {
		w.all[s.Origin] = &log{state: s}
	}
	for _, vkey := range cfg.Logs {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("%q is no log's verifier key: <origin>+<hash>+<base64>", vkey)
		}
		l := w.log(v.Name())
		l.given = append(l.given, vkey)
	}
	return w, w.loadSplits()
}

// log gives the log of an origin, a new one if there is none yet.
func (w *Witness) log(origin string) *log {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.all[origin]
	if l == nil {
		l = &log{state: state{Origin: origin}}
		w.all[origin] = l
	}
	return l
}

// find gives the log of an origin, nil if there is none.
func (w *Witness) find(origin string) *log {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all[origin]
}

func (w *Witness) list() []*log {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.all))
}

// Log is what a witness tells of a log.
type Log struct {
	Origin     string
	Watched    bool   // its key is known, so its next checkpoint can be cosigned
	Checkpoint []byte // the newest, cosigned; nil: none yet
	Size       int64  // of the newest
	Splits     []Split
}

// Logs gives all logs, by origin.
func (w *Witness) Logs() (all []Log) {
	for _, l := range w.list() {
		all = append(all, l.show())
	}
	slices.SortFunc(all, func(a, b Log) int { return strings.Compare(a.Origin, b.Origin) })
	return all
}

// Log gives the log of an origin; false: this witness knows of none.
func (w *Witness) Log(origin string) (Log, bool) {
	l := w.find(origin)
	if l == nil {
		return Log{}, false
	}
	return l.show(), true
}

func (l *log) show() Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := Log{Origin: l.Origin, Watched: l.watched(), Splits: slices.Clone(l.splits)}
	if l.Checkpoint != "" {
		c, _ := l.newest() // was read before it was kept
		out.Checkpoint, out.Size = []byte(l.Checkpoint), c.Size
	}
	return out
}

func (l *log) watched() bool { return len(l.given)+len(l.LogKeys) > 0 }

// Why a checkpoint is not cosigned.
var (
	// ErrUnknownLog is wrapped for a checkpoint of a log that is not watched.
	ErrUnknownLog = errors.New("this witness does not watch the log")
	// ErrUnsigned is wrapped for a checkpoint that no trusted key has signed.
	ErrUnsigned = errors.New("none of the log's keys that this witness trusts has signed the checkpoint")
	// ErrProof is wrapped when the proof does not lead from what was seen last to
	// the checkpoint.
	ErrProof = errors.New("the checkpoint is not proved to continue what this witness has seen")
)

// ConflictError says that the witness has seen another size last than the request
// says, or another root of that size.
type ConflictError struct {
	Size  int64 // of the newest checkpoint that is cosigned
	Split bool  // the roots of one size differ: a split view
}

func (e *ConflictError) Error() string {
	if e.Split {
		return fmt.Sprintf("the log has signed two different trees of %d entries", e.Size)
	}
	return fmt.Sprintf("this witness has seen %d entries last", e.Size)
}

// AddCheckpoint cosigns a checkpoint that continues the one before, and gives the
// signature line. When it returns nil, that this is now the newest is on disk. The
// checks and their order are those of c2sp.org/tlog-witness; errors wrap
// ErrRequest, ErrUnknownLog, ErrUnsigned or ErrProof, are a *ConflictError, or
// those of the disk.
func (w *Witness) AddCheckpoint(r Request) (cosignature []byte, err error) {
	c, err := ledger.ReadCheckpoint(r.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	l := w.find(c.Origin)
	if l == nil {
		return nil, fmt.Errorf("%w %s", ErrUnknownLog, c.Origin)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	signed, err := l.open(r.Checkpoint)
	if err != nil {
		return nil, err
	}
	newest, err := l.newest()
	if err != nil {
		return nil, err
	}
	if l.Checkpoint != "" && c.Size == newest.Size && c.Root != newest.Root {
		err = w.split(l, signed) // whatever else may be wrong with the request
	}
	switch {
	case r.Old > c.Size:
		return nil, fmt.Errorf("%w: the old size %d is larger than the checkpoint's, %d", ErrRequest, r.Old, c.Size)
	case err != nil:
		return nil, err
	case r.Old != newest.Size:
		return nil, &ConflictError{Size: newest.Size}
	}
	if err := checkProof(r.Proof, newest, c); err != nil {
		w.cfg.Logger.Warn("a checkpoint that the log has signed came without a proof that it continues the newest", "log", c.Origin, "newest", newest.Size, "checkpoint", string(signed))
		return nil, err
	}
	return w.cosign(l, signed)
}

// open verifies a checkpoint with the trusted keys, and gives it with the
// signatures of these alone.
func (l *log) open(checkpoint []byte) ([]byte, error) {
	if !l.watched() {
		return nil, fmt.Errorf("%w %s", ErrUnknownLog, l.Origin)
	}
	trusted := l.given
	if len(trusted) == 0 {
		c, err := l.LogKeys.Open(checkpoint)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnsigned, err)
		}
		trusted = []string{l.LogKeys.At(c.Size)}
	}
	var known []note.Verifier
	for _, vkey := range trusted {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, err
		}
		known = append(known, v)
	}
	n, err := note.Open(checkpoint, note.VerifierList(known...))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	return note.Sign(&note.Note{Text: n.Text, Sigs: n.Sigs})
}

// checkProof checks that one checkpoint continues another.
func checkProof(proof tlog.TreeProof, newest, c ledger.Checkpoint) error {
	switch {
	case newest.Size == 0 && len(proof) > 0:
		return fmt.Errorf("%w: the proof from nothing must be empty", ErrProof)
	case newest.Size == 0 && c.Size == 0 && c.Root != emptyRoot:
		return fmt.Errorf("%w: a log without entries has another root", ErrProof)
	case newest.Size == 0:
		return nil
	}
	if err := tlog.CheckTree(proof, c.Size, c.Root, newest.Size, newest.Root); err != nil {
		return fmt.Errorf("%w: from %d to %d entries", ErrProof, newest.Size, c.Size)
	}
	return nil
}

// cosign cosigns a checkpoint that continues the newest, and makes it that on
// disk before it gives the cosignature. The log is locked.
func (w *Witness) cosign(l *log, signed []byte) ([]byte, error) {
	text, _, _ := strings.Cut(string(signed), "\n\n")
	cosignature, err := w.cfg.Key.cosign(text+"\n", w.cfg.Now())
	if err != nil {
		return nil, err
	}
	next := l.state
	next.Checkpoint = string(signed) + string(cosignature)
	if err := next.save(w.cfg.Dir); err != nil {
		return nil, fmt.Errorf("keeping what was cosigned: %w", err)
	}
	l.state = next
	return cosignature, nil
}
