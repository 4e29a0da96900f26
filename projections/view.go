package projections

import (
	"context"
	"errors"
	"sync"

	"spredning/ledger"
)

// ErrBehind is returned by Wait when the position was not reached in time.
var ErrBehind = errors.New("the position is not reached yet")

// View is a Fold that grows while others read it.
type View struct {
	mu      sync.RWMutex
	fold    *Fold
	growing chan struct{} // closed and replaced when entries are applied
}

// NewView gives a view of no entries.
func NewView() *View { return &View{fold: NewFold(), growing: make(chan struct{})} }

// Apply folds the next entries in.
func (v *View) Apply(entries []*ledger.Entry) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range entries {
		v.fold.Apply(e)
	}
	close(v.growing)
	v.growing = make(chan struct{})
}

// Read calls fn with the fold, which does not change meanwhile. fn keeps
// nothing of it.
func (v *View) Read(fn func(*Fold)) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	fn(v.fold)
}

// prepared is how many innovations Prepare takes in at a time: some milliseconds.
const prepared = 100

// Prepare gets ready for questions about similar innovations, so that the first
// one need not wait. Others read and apply meanwhile.
func (v *View) Prepare() {
	some := false
	if v.Read(func(f *Fold) { some = len(f.innovations) > 0 }); some {
		themes() // while nobody waits for it
	}
	for more := true; more; {
		v.Read(func(f *Fold) { more = f.concordance.catchUp(f.innovations, prepared) })
	}
}

// Position is how many entries have been applied.
func (v *View) Position() (position int64) {
	v.Read(func(f *Fold) { position = f.Position })
	return position
}

// Wait waits until a position is reached. When the context ends before, it
// returns ErrBehind.
func (v *View) Wait(ctx context.Context, position int64) error {
	for {
		v.mu.RLock()
		reached, growing := v.fold.Position >= position, v.growing
		v.mu.RUnlock()
		if reached {
			return nil
		}
		select {
		case <-growing:
		case <-ctx.Done():
			return ErrBehind
		}
	}
}
