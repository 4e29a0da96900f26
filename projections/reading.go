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
	innovations []project
	makers      []maker // of the innovations, one after the other
	candidates  []candidate
	couples     []int32 // of the candidates' makers, one after the other: an originator and an adopter, by who acts for them

	numbered struct{ couples, branches, lines int }

	kin   []relative // pairs, by the branch that they share with candidates
	lined []relative // slots, by the line that they share with makers

	pairs, slots         int // how many the fold had
	pairJoins, slotJoins []join
}

// party is an organisation as it was.
type party struct {
	orgnr    ledger.Orgnr
	name     string
	region   string
	area     uint8 // the region's number; 0: none
	kind     ledger.Kind
	from, to int // years in the national measuring system
	heir     int32
}

// project is a final innovation as it was.
type project struct {
	id         ulid.ULID
	first, end int32 // of its makers
	ground     ground
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

// maker is an originator's part in an innovation.
type maker struct {
	org   int32
	share int32 // permille
	slot  int32
	line  int32 // the lineage and who acts for the originator; none: the innovation is alone in it
}

// candidate is a pair that is in its year and counts, unless the rules say
// otherwise.
type candidate struct {
	pair       int32
	entry      uint32
	confirmer  int32
	innovation int32
	branch     int32 // the lineage and the adopter; none: the innovation is alone in it
}

// relative says that something is one with others: a pair or a slot, and the
// number that they share.
type relative struct{ of, shared int32 }

// reader reads years at the fold's position.
type reader struct {
	*Fold
	roots    []int32 // by final innovation, as far as they are known
	branched []bool  // by root: others are derived from it
}

func (f *Fold) reader() *reader {
	r := &reader{Fold: f, roots: make([]int32, len(f.innovations)), branched: make([]bool, len(f.innovations))}
	for n := range r.roots {
		r.roots[n] = none
	}
	for _, i := range f.innovations {
		if i.into == none && i.parent != none {
			r.branched[r.rootOf(i.number)] = true
		}
	}
	return r
}

// rootOf is root, once for each innovation.
func (r *reader) rootOf(innovation int32) int32 {
	var passed []int32
	at := r.final(innovation)
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
	orgs := r.parties()
	for k := range all {
		all[k] = &reading{
			year: from + k, position: r.Position, orgs: orgs, pairs: len(r.pairs), slots: r.slots,
			pairJoins: r.pairJoins, slotJoins: r.slotJoins,
		}
	}
	for index, e := range r.entries {
		if e.pair == none {
			continue
		}
		p := &r.pairs[e.pair]
		if p.entry != uint32(index) || r.standing(e.pair) != "" {
			continue
		}
		if k := r.yearOf(e.pair) - from; k >= 0 && k < len(all) {
			all[k].candidates = append(all[k].candidates, candidate{e.pair, p.entry, p.confirmer, p.innovation, none})
		}
	}
	for _, y := range all {
		r.complete(y)
	}
	return all
}

func (r *reader) parties() []party {
	all := make([]party, len(r.orgs))
	areas := map[string]uint8{"": 0}
	for n, o := range r.orgs {
		if _, there := areas[o.Region]; !there {
			areas[o.Region] = uint8(len(areas))
		}
		p := party{
			orgnr: o.Orgnr, name: o.Name, region: o.Region, area: areas[o.Region], kind: o.Kind,
			from: math.MaxInt, to: math.MaxInt, heir: r.heir(int32(n)),
		}
		if o.MeasuredFrom != nil {
			p.from = *o.MeasuredFrom
		}
		if o.MeasuredTo != nil {
			p.to = *o.MeasuredTo
		}
		all[n] = p
	}
	return all
}

// complete gives the candidates' innovations numbers of the reading, and numbers
// what candidates and makers share.
func (r *reader) complete(y *reading) {
	y.candidates = slices.Clone(y.candidates) // no longer than it is
	of := numbering[int32]{}
	branches, lines, couples := numbering[pairKey]{}, numbering[pairKey]{}, numbering[pairKey]{}
	for k := range y.candidates {
		c := &y.candidates[k]
		final, adopter := c.innovation, r.pairs[c.pair].adopter
		if root := r.rootOf(final); r.branched[root] {
			c.branch = branches.of(pairKey{root, adopter})
		}
		if c.innovation = of.of(final); int(c.innovation) == len(y.innovations) {
			r.project(y, r.innovations[final], lines)
		}
		for _, m := range y.makersOf(c) {
			y.couples = append(y.couples, couples.of(pairKey{y.orgs[m.org].heir, adopter}))
		}
	}
	y.couples = slices.Clone(y.couples)
	y.numbered.couples, y.numbered.branches, y.numbered.lines = len(couples), len(branches), len(lines)
	r.relate(y, branches, lines)
}

// numbering numbers what is asked for, from 0.
type numbering[T comparable] map[T]int32

func (n numbering[T]) of(what T) int32 {
	number, ok := n[what]
	if !ok {
		number = int32(len(n))
		n[what] = number
	}
	return number
}

func (y *reading) makersOf(c *candidate) []maker {
	i := &y.innovations[c.innovation]
	return y.makers[i.first:i.end]
}

// project adds an innovation and its makers to a reading.
func (r *reader) project(y *reading, i *innovation, lines numbering[pairKey]) {
	p := project{id: i.id, first: int32(len(y.makers)), ground: r.groundOf(i)}
	root := r.rootOf(i.number)
	for at, org := range i.makers {
		m := maker{org: org, share: int32(i.Originators[at].Share), slot: i.slot(org), line: none}
		if r.branched[root] {
			m.line = lines.of(pairKey{root, y.orgs[org].heir})
		}
		y.makers = append(y.makers, m)
	}
	p.end = int32(len(y.makers))
	y.innovations = append(y.innovations, p)
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
// lineages of a reading's candidates and makers.
func (r *reader) relate(y *reading, branches, lines numbering[pairKey]) {
	if len(branches) == 0 {
		return
	}
	for n := range r.pairs {
		p := &r.pairs[n]
		if p.joined != none {
			continue
		}
		if shared, ok := branches[pairKey{r.rootOf(p.innovation), p.adopter}]; ok {
			y.kin = append(y.kin, relative{int32(n), shared})
		}
	}
	for _, i := range r.innovations {
		if i.into != none {
			continue
		}
		for k, org := range i.ever {
			if shared, ok := lines[pairKey{r.rootOf(i.number), y.orgs[org].heir}]; ok {
				y.lined = append(y.lined, relative{i.slots[k], shared})
			}
		}
	}
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
