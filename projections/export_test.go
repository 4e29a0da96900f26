package projections

import "unsafe"

// ForgetTexts drops what a fold keeps to find similar innovations, so that a
// benchmark can weigh it.
func (f *Fold) ForgetTexts() { f.concordance = newConcordance() }

// Reread reads the years anew, as at a position that nobody has asked about.
func (f *Fold) Reread() { f.readings.now = nil; f.Readings() }

// ReadingBytes is what the readings of all years take, but for what is the fold's own.
func (f *Fold) ReadingBytes() (n uintptr) {
	size := func(length, of uintptr) { n += length * of }
	for _, y := range f.Readings().years {
		size(uintptr(cap(y.candidates)), unsafe.Sizeof(candidate{}))
		size(uintptr(cap(y.parts)), unsafe.Sizeof(part{}))
		size(uintptr(cap(y.innovations)), unsafe.Sizeof(project{}))
		size(uintptr(cap(y.kin)+cap(y.lined)), unsafe.Sizeof(relative{}))
		size(uintptr(cap(y.orgs)), unsafe.Sizeof(party{})+1)
	}
	return n
}

// RootsAgree reports whether a reading finds the roots that the fold does.
func (f *Fold) RootsAgree() bool {
	for n, root := range f.reader().roots {
		if f.innovations[n].into == none && root != f.root(int32(n)) {
			return false
		}
	}
	return true
}
