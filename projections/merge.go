package projections

import (
	"slices"

	"spredning/ledger"
)

// final is the innovation that one was finally merged into, or itself.
func (f *Fold) final(innovation int32) int32 {
	for f.innovations[innovation].into != none {
		innovation = f.innovations[innovation].into
	}
	return innovation
}

// heir is the organisation that acts in an organisation's place now, or itself.
func (f *Fold) heir(org int32) int32 {
	for f.orgs[org].successor != none {
		org = f.orgs[org].successor
	}
	return org
}

// alive is the pair that has taken one over, or itself.
func (f *Fold) alive(pair int32) int32 {
	for f.pairs[pair].joined != none {
		pair = f.pairs[pair].joined
	}
	return pair
}

// root is the innovation that a line of branches comes from.
func (f *Fold) root(innovation int32) int32 {
	for {
		innovation = f.final(innovation)
		if f.innovations[innovation].parent == none {
			return innovation
		}
		innovation = f.innovations[innovation].parent
	}
}

// merge joins an innovation's pairs to those of the one it is merged into.
func (f *Fold) merge(i, into *innovation, why *reason) {
	i.into, i.merger = into.number, why
	final := f.innovations[f.final(into.number)]
	final.merged = append(append(final.merged, i.number), i.merged...)
	for k, o := range i.ever {
		f.takeSlot(final, o, i.slots[k])
	}
	f.move(f.numbersOf(i.firstPair, byInnovation), func(p *pair) { p.innovation = final.number })
}

// succeed joins an organisation's pairs to those of its successor.
func (f *Fold) succeed(org, successor int32) {
	f.orgs[org].successor = successor
	f.orgs[successor].succeeded = append(f.orgs[successor].succeeded, org)
	heir := f.heir(successor)
	f.joinSlots(heir)
	f.move(f.numbersOf(f.orgs[org].firstPair, byAdopter), func(p *pair) { p.adopter = heir })
}

// The two chains that a pair is in.
func byInnovation(p *pair) *int32 { return &p.nextOfInnovation }
func byAdopter(p *pair) *int32    { return &p.nextOfAdopter }

// numbersOf gives the pairs of a chain, oldest first.
func (f *Fold) numbersOf(first int32, next func(*pair) *int32) (all []int32) {
	for n := first; n != none; n = *next(&f.pairs[n]) {
		all = append(all, n)
	}
	slices.Reverse(all)
	return all
}

// move gives pairs another innovation or adopter. Where there is a pair of those
// two already, the older of the two takes the other over.
func (f *Fold) move(moved []int32, how func(*pair)) {
	for _, n := range moved {
		p := &f.pairs[n]
		f.unchain(n)
		delete(f.pairNumbers, pairKey{p.innovation, p.adopter})
		how(p)
		k := pairKey{p.innovation, p.adopter}
		other, there := f.pairNumbers[k]
		if !there {
			f.pairNumbers[k] = n
			f.chain(n)
			continue
		}
		f.join(other, n)
	}
}

func (f *Fold) unchain(n int32) {
	p := &f.pairs[n]
	f.cut(&f.innovations[p.innovation].firstPair, n, byInnovation)
	f.cut(&f.orgs[p.adopter].firstPair, n, byAdopter)
}

func (f *Fold) cut(at *int32, n int32, next func(*pair) *int32) {
	for *at != n {
		at = next(&f.pairs[*at])
	}
	*at = *next(&f.pairs[n])
}

// chain puts a pair into its chains, which stay ordered by number.
func (f *Fold) chain(n int32) {
	p := &f.pairs[n]
	f.insert(&f.innovations[p.innovation].firstPair, n, byInnovation)
	f.insert(&f.orgs[p.adopter].firstPair, n, byAdopter)
}

func (f *Fold) insert(at *int32, n int32, next func(*pair) *int32) {
	for *at > n {
		at = next(&f.pairs[*at])
	}
	*next(&f.pairs[n]), *at = *at, n
}

// join lets one pair take another over: its entries in their order, the earlier
// confirmation, disputes and decisions.
func (f *Fold) join(into, from int32) {
	p, q := &f.pairs[into], &f.pairs[from]
	q.joined = into
	f.pairJoins = append(f.pairJoins, join{from, into})
	f.relink(into, append(f.history(p), f.history(q)...))
	if q.entry != noEntry && (p.entry == noEntry || q.entry < p.entry) {
		p.entry, p.inUseFrom, p.confirmer = q.entry, q.inUseFrom, q.confirmer
	}
	if p.invited == noEntry || q.invited != noEntry && q.invited > p.invited {
		p.invited = q.invited
	}
	if q.status.rank() > p.status.rank() {
		p.status = q.status
	}
	f.disputes[into] = append(f.disputes[into], f.disputes[from]...)
	f.decisions[into] = append(f.decisions[into], f.decisions[from]...)
	slices.SortFunc(f.disputes[into], func(a, b dispute) int { return int(a.index - b.index) })
	slices.SortFunc(f.decisions[into], func(a, b decision) int { return int(a.index - b.index) })
	delete(f.disputes, from)
	delete(f.decisions, from)
}

// rank orders statuses: what one of two pairs confirms is confirmed.
func (s Status) rank() int {
	return [...]int{Invited: 1, Declined: 0, Retracted: 2, Ended: 3, Confirmed: 4}[s]
}

// relink chains entries to a pair in their order.
func (f *Fold) relink(n int32, entries []int64) {
	slices.Sort(entries)
	before := noEntry
	for _, index := range entries {
		f.entries[index] = entryOf{n, before}
		before = uint32(index)
	}
	f.pairs[n].last = before
}

// sameGround reports whether a revision leaves what an assessment stands on: the
// originators with their shares, the funding, the initiative.
func sameGround(a, b *ledger.Innovation) bool {
	return *a.RegionalInitiative == *b.RegionalInitiative && sameSet(a.Funding, b.Funding) && sameSet(a.Originators, b.Originators)
}

func sameSet[T comparable](a, b []T) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x T) bool { return !slices.Contains(b, x) })
}
