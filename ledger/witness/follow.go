package witness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger"
	"spredning/ledger/tiles"
)

// Follower looks at a log regularly, at an address or in a folder, without being
// asked to: for a witness that nobody can reach, and for one that learns the log's
// keys from its entries.
//
// Keys are learned, and kept, unless they are given in [Config]: trust at first
// use. Every entry is checked then, its signatures and whether it was admissible,
// so that a later key counts only if the authority of the first has named it.
type Follower struct {
	Witness  *Witness
	Place    string        // address or folder of the log
	Every    time.Duration // from one look to the next
	KeysOnly bool          // cosign nothing: the log asks for that itself
}

// Run looks until the context ends.
func (f Follower) Run(ctx context.Context) {
	for {
		if err := f.Look(ctx); err != nil && ctx.Err() == nil {
			f.Witness.cfg.Logger.Error("looking at a log", "place", f.Place, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(f.Every):
		}
	}
}

// Look reads the newest checkpoint, checks from the log's tiles that it continues
// what was seen before, and cosigns it. One that the log's keys have signed and
// that does not continue it is kept as evidence. Errors wrap ErrProof,
// ErrUnsigned or ledger.ErrShrunk, or are of reading the log or of the disk.
func (f Follower) Look(ctx context.Context) error {
	source, err := tiles.OpenSource(ctx, f.Place)
	if err != nil {
		return err
	}
	p, err := ledger.ReadPublished(source)
	if err != nil {
		return err
	}
	if err := f.Witness.sameLog(f.Place, p.Origin); err != nil {
		return err
	}
	l := f.Witness.log(p.Origin)
	seen := l.copy() // reading from afar takes its time, and others need the log meanwhile
	learned, err := seen.learn(f.Place, p)
	if err != nil {
		return err
	}
	proved := learned.continues(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Checkpoint != seen.Checkpoint {
		return nil // it was asked meanwhile; the next look sees what that was
	}
	return f.settle(l, learned, p, proved)
}

// settle keeps what a look at a locked log has shown.
func (f Follower) settle(l *log, learned *log, p ledger.Published, proved error) error {
	signed, err := learned.open(p.Signed)
	switch {
	case err != nil:
		return err
	case errors.Is(proved, ErrProof):
		return errors.Join(proved, f.Witness.split(l, signed))
	case proved != nil:
		return proved
	}
	if !slices.Equal(l.LogKeys, learned.LogKeys) {
		if err := learned.save(f.Witness.cfg.Dir); err != nil {
			return fmt.Errorf("keeping the log's keys: %w", err)
		}
		l.state = learned.state
		f.Witness.cfg.Logger.Info("the log's keys are known from its entries", "log", l.Origin, "place", f.Place, "keys", l.LogKeys)
	}
	if newest, err := l.newest(); f.KeysOnly || err != nil || l.Checkpoint != "" && newest.Size == p.Size {
		return err // nothing new to say
	}
	_, err = f.Witness.cosign(l, signed)
	return err
}

// sameLog checks that a place shows the log whose keys were learned there.
func (w *Witness) sameLog(place, origin string) error {
	for _, l := range w.list() {
		if c := l.copy(); c.Place == place && c.Origin != origin {
			return fmt.Errorf("%s shows another log than before: %s, not %s; if that is as it should be, follow it with a folder of its own", place, origin, c.Origin)
		}
	}
	return nil
}

// copy gives what is known of a log now.
func (l *log) copy() *log {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &log{given: l.given, state: l.state}
}

// learn gives the log with the keys that its entries name, if those that are
// trusted have not signed the checkpoint: it is seen for the first time, or signed
// with a new key. Keys that were trusted before must be among them.
func (l *log) learn(place string, p ledger.Published) (*log, error) {
	if _, err := l.open(p.Signed); err == nil || len(l.given) > 0 {
		return l, err
	}
	logKeys, err := readKeys(p)
	if err != nil {
		return nil, fmt.Errorf("learning the keys of %s: %w", l.Origin, err)
	}
	if n := len(l.LogKeys); n > len(logKeys) || !slices.Equal(l.LogKeys, logKeys[:n]) {
		return nil, fmt.Errorf("%s names other log keys than before: %v, not %v", place, logKeys, l.LogKeys)
	}
	next := &log{state: l.state}
	next.Place, next.LogKeys = place, logKeys
	return next, nil
}

// readKeys checks all entries of a log and gives the keys that they name, one of
// which must have signed its checkpoint.
func readKeys(p ledger.Published) (ledger.LogKeys, error) {
	s := ledger.NewState()
	err := ledger.Replay(p.Tree, 0, p.Size, func(entries []*ledger.Entry) error {
		for _, e := range entries {
			if err := admissible(s, e); err != nil {
				return fmt.Errorf("entry %d is not admissible: %w", e.Index, err)
			}
			ledger.Evolve(s, e)
		}
		s.Keep()
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.Origin() != p.Origin {
		return nil, fmt.Errorf("its entries are of %q, its checkpoint of %q", s.Origin(), p.Origin)
	}
	_, err = s.LogKeys().Open(p.Signed)
	return s.LogKeys(), err
}

func admissible(s *ledger.State, e *ledger.Entry) error {
	if err := ledger.VerifyEntry(e, s.Key); err != nil {
		return err
	}
	return ledger.Decide(s, &e.Signed)
}

// continues checks from the log's tiles that what is shown continues the newest
// checkpoint.
func (l *log) continues(p ledger.Published) error {
	newest, err := l.newest()
	switch {
	case err != nil:
		return err
	case p.Size < newest.Size:
		return fmt.Errorf("%w: %s shows %d entries, this witness has seen %d", ledger.ErrShrunk, l.Origin, p.Size, newest.Size)
	case newest.Size == 0:
		return nil
	}
	root, err := tlog.TreeHash(newest.Size, p.Tree)
	if err == nil && root != newest.Root {
		err = fmt.Errorf("%w: its root of %d entries is %s, this witness has seen %s", ErrProof, newest.Size, root, newest.Root)
	}
	return err
}
