package ledger

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"spredning/keys"
	"spredning/ledger/tiles"
)

// EntryError names the first entry of a log that is not as it must be, and says
// what is wrong with it. Err is a *Refusal for a rule that it breaks, or is about
// its form.
type EntryError struct {
	Index int64
	Entry []byte // as the log has it
	Err   error
}

func (e *EntryError) Error() string {
	return fmt.Sprintf("entry %d is not admissible: %s", e.Index, e.Err)
}

func (e *EntryError) Unwrap() error { return e.Err }

// Audited is what an audit has found to be in order.
type Audited struct {
	State      *State // after all entries
	Entries    int64
	Signatures int64
}

// Auditor checks logs from what they show the public, and nothing else.
type Auditor struct {
	// Workers is how many parse and verify at the same time; 0: one a processor.
	Workers int
	// Each is called with the entries in order, a chunk at a time, once they are
	// found admissible. They may be kept. An error ends the audit, which returns
	// it. Nil: nothing is to be told.
	Each func([]*Entry) error
}

// Audit checks that every entry of a log stands in the tree of its checkpoint, is
// in its one form, is signed by the keys that it names and was admissible where it
// stands, and that the checkpoint is signed by the key that the entries name for
// its size. What an entry's own time says is not proved by any of that: only the
// order is.
//
// The entries are fetched ahead, and parsed and verified on all processors; rules
// are judged one entry after the other. Errors are an *EntryError, wrap
// ErrCheckpoint or a *tiles.DamagedError, or are what kept the log from being read.
func (a Auditor) Audit(ctx context.Context, p Published) (Audited, error) {
	done := Audited{State: NewState()}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for result := range a.verified(ctx, a.parsed(ctx, p)) {
		c := <-result
		if err := done.judge(c); err != nil {
			return done, err
		}
		if a.Each != nil && len(c.entries) > 0 {
			if err := a.Each(c.entries); err != nil {
				return done, err
			}
		}
		if c.err != nil {
			return done, c.err
		}
	}
	if err := ctx.Err(); err != nil {
		return done, err
	}
	if done.Entries != p.Size {
		return done, fmt.Errorf("%d of %d entries were read", done.Entries, p.Size)
	}
	return done, checkSigned(done.State, p)
}

// checkSigned checks who has signed a checkpoint, once its entries have told.
func checkSigned(s *State, p Published) error {
	if p.Size == 0 {
		return fmt.Errorf("%w of no entries: nothing tells who may have signed it", ErrCheckpoint)
	}
	if p.Origin != s.Origin() {
		return fmt.Errorf("%w is of %q, the entries are of %q", ErrCheckpoint, p.Origin, s.Origin())
	}
	_, err := s.logKeys.Open(p.Signed)
	return err
}

// judge decides entries in order and evolves the state with them. Those from
// suspect on have not been verified: one of their keys was not known, or a
// signature does not hold.
func (d *Audited) judge(c audited) error {
	for i, e := range c.entries {
		err := Decide(d.State, &e.Signed)
		if i >= c.suspect {
			if r, ok := VerifyEntry(e, d.State.Key).(*Refusal); ok {
				err = first(err, r)
			}
		}
		if err != nil {
			return &EntryError{e.Index, e.Bytes, err}
		}
		Evolve(d.State, e)
		d.Entries++
		d.Signatures += int64(len(e.Envelope.Signatures))
	}
	d.State.Keep()
	return nil
}

// audited is a chunk of entries on its way: those that could be read, and why no
// more could.
type audited struct {
	entries []*Entry
	suspect int // the first that has not been verified
	err     error
}

// slots lets so many work at the same time.
type slots chan struct{}

func (s slots) do(work func()) {
	s <- struct{}{}
	defer func() { <-s }()
	work()
}

func (a Auditor) workers() int {
	if a.Workers > 0 {
		return a.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// parsed reads a log and parses its entries. The channel of results keeps their
// order; it ends with the first chunk that has an error.
func (a Auditor) parsed(ctx context.Context, p Published) <-chan chan audited {
	results := make(chan chan audited, 2*a.workers())
	slots := make(slots, a.workers())
	go func() {
		defer close(results)
		for from := int64(0); from < p.Size; from += chunk {
			raw, err := rawChunk(p, from)
			result := make(chan audited, 1)
			select {
			case results <- result:
			case <-ctx.Done():
				return
			}
			go slots.do(func() { result <- parseAudited(from, raw, err) })
			if err != nil {
				return
			}
		}
	}()
	return results
}

// rawChunk reads entries, whose hashes the tree has checked. If one cannot be had,
// there are those before it with the error.
func rawChunk(p Published, from int64) (raw [][]byte, err error) {
	raw = make([][]byte, 0, chunk)
	err = p.Tree.Entries(from, min(from+chunk, p.Size), func(_ int64, b []byte) error {
		raw = append(raw, b)
		return nil
	})
	return raw, err
}

func parseAudited(from int64, raw [][]byte, err error) audited {
	c := audited{entries: make([]*Entry, 0, len(raw)), err: err}
	for i, b := range raw {
		index := from + int64(i)
		e, err := parseEntry(index, b)
		if err != nil {
			c.err = &EntryError{index, b, err}
			break
		}
		c.entries = append(c.entries, e)
	}
	return c
}

// verified verifies signatures. What key an id names is known once the entry that
// enrols it has been read, so it is taken down in the order of the entries before
// the chunk is verified: whether the key may sign at its place is judged later.
func (a Auditor) verified(ctx context.Context, parsed <-chan chan audited) <-chan chan audited {
	results := make(chan chan audited, 2*a.workers())
	slots := make(slots, a.workers())
	var known knownKeys
	go func() {
		defer close(results)
		for p := range parsed {
			c := <-p
			known.take(c.entries)
			result := make(chan audited, 1)
			select {
			case results <- result:
			case <-ctx.Done():
				return
			}
			go slots.do(func() {
				c.suspect = firstSuspect(c.entries, known.key)
				result <- c
			})
			if c.err != nil {
				return
			}
		}
	}()
	return results
}

// knownKeys are the keys that entries have brought so far, active or not.
type knownKeys struct{ byID sync.Map } // keys.ID to keys.Public

func (k *knownKeys) take(entries []*Entry) {
	for _, e := range entries {
		switch d := e.Data.(type) {
		case *Founding:
			for _, one := range d.Keys {
				k.add(one)
			}
		case *Enrolment:
			k.add(d.Key)
		}
	}
}

func (k *knownKeys) add(one Key) {
	public := one.PublicKey()
	k.byID.Store(public.ID(), public)
}

func (k *knownKeys) key(id keys.ID) (keys.Public, bool) {
	one, ok := k.byID.Load(id)
	if !ok {
		return keys.Public{}, false
	}
	return one.(keys.Public), true
}

// batchSize is how many signatures are verified together: enough to gain most of
// what there is to be gained, and little enough to stay in a processor's cache.
const batchSize = 128

// firstSuspect verifies the signatures of entries and gives the number of the
// first whose do not hold or name a key that is not known; len(entries): all hold.
func firstSuspect(entries []*Entry, key func(keys.ID) (keys.Public, bool)) int {
	for from := 0; from < len(entries); {
		n, checks := nextBatch(entries[from:], key)
		if n == 0 {
			return from
		}
		if !keys.VerifyAll(checks) {
			return from + max(0, slices.IndexFunc(entries[from:], func(e *Entry) bool { return VerifyEntry(e, key) != nil }))
		}
		from += n
	}
	return len(entries)
}

// nextBatch gives what is to be verified of the first n entries, up to one with a
// key that is not known.
func nextBatch(entries []*Entry, key func(keys.ID) (keys.Public, bool)) (n int, checks []keys.Check) {
	checks = make([]keys.Check, 0, batchSize+keys.MaxSignatures)
	for _, e := range entries {
		if len(checks) >= batchSize {
			break
		}
		own, ok := appendChecks(checks, e, key)
		if !ok {
			break
		}
		n, checks = n+1, own
	}
	return n, checks
}

// appendChecks adds what is to be verified of an entry; false: a key is not known.
func appendChecks(checks []keys.Check, e *Entry, key func(keys.ID) (keys.Public, bool)) ([]keys.Check, bool) {
	if d, ok := e.Data.(*Founding); ok {
		key = d.key
	}
	pae := keys.PAE(e.Envelope.Payload)
	for _, s := range e.Envelope.Signatures {
		k, ok := key(s.KeyID)
		if !ok {
			return nil, false
		}
		checks = append(checks, keys.Check{Key: k, Message: pae, Sig: s.Sig})
	}
	return checks, true
}

// asDamage gives an error of an audit as damage to a log that is the node's own,
// unless it is about not being able to read it now.
func asDamage(err error) error {
	var entry *EntryError
	var file *tiles.DamagedError
	if errors.As(err, &entry) || errors.As(err, &file) || errors.Is(err, ErrCheckpoint) {
		return &DamageError{err.Error()}
	}
	return err
}
