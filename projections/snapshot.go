package projections

import (
	"fmt"

	"spredning/ledger"
	"spredning/ledger/snapshot"
)

// FoldVersion is part of the form of a view's snapshots: it is raised when Apply
// comes to make something else of the same entries, or the same fields of a Fold
// come to mean something else.
const FoldVersion = 1

var _ ledger.Folded = (*View)(nil)

// Form is that of a view's snapshots in this version of the program.
func (v *View) Form() string { return fmt.Sprint(FoldVersion, snapshot.Shape(Fold{})) }

// EncodeTo writes the fold. Others read it meanwhile.
func (v *View) EncodeTo(e *snapshot.Encoder) { v.Read(func(f *Fold) { e.Encode(f) }) }

// Decode makes the fold that which was written.
func (v *View) Decode(b []byte) error {
	f := NewFold()
	if err := snapshot.Decode(b, f); err != nil {
		return fmt.Errorf("reading its projections: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fold = f
	close(v.growing)
	v.growing = make(chan struct{})
	return nil
}
