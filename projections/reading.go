package projections

import (
	"math"
	"slices"

	"github.com/oklog/ulid/v2"

	"spredning/ledger"
)

// reading is a reporting year as it is read at a position: the adoptions that
// may count in it whatever the rules are, in order of entry, and all that rules
// may ask of them. It never changes, and shares nothing with the fold that does,
// so a closed year can be computed under other rules as at its closing.
//
// Everything has a number: organisations and pairs that of the fold, the rest
// one of the reading's own.
type reading struct {
	year     int
	position int64
	closed   bool

	orgs        []party // by number
	areas       []area  // of those
	innovations []project
	candidates  []candidate
	parts       []part // of the candidates' originators, one after the other
	numbered    struct{ couples, branches, lines int }

	kin   []relative // pairs, by the branch that they share with candidates
	lined []relative // slots, by the line that they share with parts

	pairs, slots         int // how many the fold had
	pairJoins, slotJoins []join
}

// party is an organisation as it was.
type party struct {
	orgnr    ledger.Orgnr
	name     string
	region   string
	kind     ledger.Kind
	from, to int // years in the national measuring system
	heir     int32
}

// area is a region's number; 0: none.
type area uint8

// project is a final innovation as it was.
type project struct {
	id     ulid.ULID
	ground ground
}

// ground is what makes an innovation ineligible: in itself, or under some rules.
type ground uint8

// The grounds: assessed so, and, if not assessed, other funding than the
// hospital's own and a regional initiative (the report 4.2.4, 4.2.5). They are
// those of the innovation and of all merged into it.
const (
	assessedOut ground = 1 << iota
	funded
	initiative
)

// outBy gives the grounds on which rules leave an innovation out.
func outBy(rules *ledger.Rules) ground {
	g := assessedOut
	if *rules.OwnFundingOnly {
		g |= funded
	}
	if *rules.ExcludeRegionalInitiatives {
		g |= initiative
	}
	return g
}

// candidate is a pair that is in its year and counts, unless the rules say
// otherwise.
type candidate struct {
	pair       int32
	entry      uint32
	confirmer  int32
	innovation int32
	branch     int32 // the lineage and the adopter; none: the innovation is alone in it
	parts      int32 // how many
}

// part is an originator's in a candidate. What is the innovation's own stands in
// all its candidates, so that computing walks straight through memory.
type part struct {
	org    int32
	share  int32 // permille
	couple int32 // the originator and the adopter, by who acts for them
	slot   int32
	line   int32 // the lineage and who acts for the originator; none: the innovation is alone in it
}

// relative says that something is one with others: a pair or a slot, and the
// number that they share.
type relative struct{ of, shared int32 }

// reader reads years at the fold's position.
type reader struct {
	*Fold
	orgs     []party
	areas    []area
	roots    []int32 // by final innovation
	branched []bool  // by root: others are derived from it
}

func (f *Fold) reader() *reader {
	r := &reader{Fold: f, roots: make([]int32, len(f.innovations)), branched: make([]bool, len(f.innovations))}
	r.orgs, r.areas = f.parties()
	for n := range r.roots {
		r.roots[n] = none
	}
	for n, i := range f.innovations {
		if i.into == none {
			root := r.trace(int32(n))
			r.branched[root] = r.branched[root] || i.parent != none
		}
	}
	return r
}

// trace finds a final innovation's root, and those of all between.
func (r *reader) trace(at int32) int32 {
	var passed []int32
	for r.roots[at] == none {
		passed = append(passed, at)
		parent := r.innovations[at].parent
		if parent == none {
			r.roots[at] = at
			break
		}
		at = r.final(parent)
	}
	for _, n := range passed {
		r.roots[n] = r.roots[at]
	}
	return r.roots[at]
}

// read reads the years from one up to another, both opened.
func (r *reader) read(from, to int) []*reading {
	all := make([]*reading, to-from+1)
	for k := range all {
		all[k] = &reading{
			year: from + k, position: r.Position, orgs: r.orgs, areas: r.areas, pairs: len(r.pairs), slots: r.slots,
			pairJoins: r.pairJoins, slotJoins: r.slotJoins,
		}
	}
	for index, e := range r.entries {
		if e.pair == none {
			continue
		}
		p := &r.pairs[e.pair]
		if p.entry != uint32(index) {
			continue
		}
		if k := r.yearOf(e.pair) - from; k >= 0 && k < len(all) && r.standing(e.pair) == "" {
			all[k].candidates = append(all[k].candidates, candidate{e.pair, p.entry, p.confirmer, p.innovation, none, 0})
		}
	}
	for _, y := range all {
		r.complete(y)
	}
	return all
}

func (f *Fold) parties() ([]party, []area) {
	all, areas := make([]party, len(f.orgs)), make([]area, len(f.orgs))
	numbers := map[string]area{"": 0}
	for n, o := range f.orgs {
		if _, there := numbers[o.Region]; !there {
			numbers[o.Region] = area(len(numbers))
		}
		all[n], areas[n] = f.party(int32(n)), numbers[o.Region]
	}
	return all, areas
}

func (f *Fold) party(org int32) party {
	o := f.orgs[org]
	p := party{orgnr: o.Orgnr, name: o.Name, region: o.Region, kind: o.Kind, from: math.MaxInt, to: math.MaxInt, heir: f.heir(org)}
	if o.MeasuredFrom != nil {
		p.from = *o.MeasuredFrom
	}
	if o.MeasuredTo != nil {
		p.to = *o.MeasuredTo
	}
	return p
}

// counts reports whether an organisation is of an eligible kind and in the
// national measuring system in a year.
func (p *party) counts(year int, rules *ledger.Rules) bool {
	return p.from <= year && year <= p.to && slices.Contains(rules.EligibleKinds, p.kind)
}

// complete gives the candidates' innovations numbers of the reading, and numbers
// what candidates and makers share.
func (r *reader) complete(y *reading) {
	y.candidates = slices.Clone(y.candidates) // no longer than it is
	numbers := make([]int32, len(r.innovations))
	branches, lines, couples := numbering{}, numbering{}, numbering{}
	for k := range y.candidates {
		c := &y.candidates[k]
		i, adopter, root := r.innovations[c.innovation], r.pairs[c.pair].adopter, r.roots[c.innovation]
		if r.branched[root] {
			c.branch = branches.of(root, adopter)
		}
		if numbers[i.number] == 0 {
			y.innovations = append(y.innovations, project{i.id, r.groundOf(i)})
			numbers[i.number] = int32(len(y.innovations))
		}
		c.innovation, c.parts = numbers[i.number]-1, int32(len(i.makers))
		for at, org := range i.makers {
			heir := y.orgs[org].heir
			p := part{org, int32(i.Originators[at].Share), couples.of(heir, adopter), i.slot(org), none}
			if r.branched[root] {
				p.line = lines.of(root, heir)
			}
			y.parts = append(y.parts, p)
		}
	}
	y.parts = slices.Clone(y.parts)
	y.numbered.couples, y.numbered.branches, y.numbered.lines = len(couples), len(branches), len(lines)
	r.relate(y, branches, lines)
}

// numbering numbers twos of numbers, from 0.
type numbering map[uint64]int32

func two(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

func (n numbering) of(a, b int32) int32 {
	number, ok := n[two(a, b)]
	if !ok {
		number = int32(len(n))
		n[two(a, b)] = number
	}
	return number
}

// groundOf gives what may make an innovation, or one merged into it, ineligible.
func (f *Fold) groundOf(i *innovation) ground {
	g := i.ground()
	for _, m := range i.merged {
		g |= f.innovations[m].ground()
	}
	return g
}

// ground is as assessed, or else by funding and origin.
func (i *innovation) ground() (g ground) {
	if i.assessed != nil {
		if !i.assessed.eligible {
			g = assessedOut
		}
		return g
	}
	if len(i.Funding) != 1 || i.Funding[0] != ledger.Own {
		g |= funded
	}
	if *i.RegionalInitiative {
		g |= initiative
	}
	return g
}

// relate finds the pairs and slots, whatever their year, that are of the
// lineages of a reading's candidates and their originators.
func (r *reader) relate(y *reading, branches, lines numbering) {
	if len(branches) == 0 {
		return
	}
	for n := range r.pairs {
		p := &r.pairs[n]
		if p.joined != none || !r.branched[r.roots[p.innovation]] {
			continue
		}
		if shared, ok := branches[two(r.roots[p.innovation], p.adopter)]; ok {
			y.kin = append(y.kin, relative{int32(n), shared})
		}
	}
	for n, i := range r.innovations {
		if i.into != none || !r.branched[r.roots[n]] {
			continue
		}
		for k, org := range i.ever {
			if shared, ok := lines[two(r.roots[n], y.orgs[org].heir)]; ok {
				y.lined = append(y.lined, relative{i.slots[k], shared})
			}
		}
	}
	y.kin, y.lined = slices.Clone(y.kin), slices.Clone(y.lined)
}

// standing says why a pair does not count, whatever the rules; empty: it may.
func (f *Fold) standing(n int32) string {
	p := &f.pairs[n]
	i := f.innovations[p.innovation]
	switch {
	case p.entry == noEntry:
		return "retracted"
	case f.disputed(n):
		return "disputed"
	case f.upheld(n):
		return "struck"
	case i.withdrawn != nil:
		return "withdrawn"
	case slices.ContainsFunc(i.ever, func(o int32) bool { return f.heir(o) == p.adopter }):
		return "own_innovation"
	}
	return ""
}

func (f *Fold) disputed(n int32) bool {
	return slices.ContainsFunc(f.disputes[n], func(d dispute) bool { return d.state == "open" })
}

// upheld reports whether the last decision upheld a dispute.
func (f *Fold) upheld(n int32) bool {
	d := f.decisions[n]
	return len(d) > 0 && d[len(d)-1].upheld
}

// yearOf is a pair's year: the earliest from that of its use on that was not
// closed before its settled entry.
func (f *Fold) yearOf(n int32) int {
	y, settled := int(f.pairs[n].inUseFrom/10000), f.settled(n)
	for f.closedBefore(y, settled) {
		y++
	}
	return y
}

func (f *Fold) closedBefore(year int, index int64) bool {
	y := f.opened(year)
	return y != nil && y.closed >= 0 && y.closed < index
}

// settled is the latest of a pair's entry, its decisions, and the assessments in
// force for its innovations.
func (f *Fold) settled(n int32) int64 {
	p := &f.pairs[n]
	index := int64(p.entry)
	for _, d := range f.decisions[n] {
		index = max(index, d.index)
	}
	final := f.innovations[p.innovation]
	if final.assessed != nil {
		index = max(index, final.assessed.index)
	}
	for _, m := range final.merged {
		if a := f.innovations[m].assessed; a != nil {
			index = max(index, a.index)
		}
	}
	return index
}
