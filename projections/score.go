package projections

import (
	"slices"

	"spredning/ledger"
)

// tally is what has scored so far, whatever the rules of the years: pairs, and
// who has got lines for which innovation in which reach (by slot). What is true
// of a whole lineage follows from it.
type tally struct {
	pairs, got           bits
	pairJoins, slotJoins int  // that are counted in
	adoptions            bool // in every year, each gives lines: nobody asks who has got some
}

func (t *tally) clone() tally {
	c := *t
	c.pairs, c.got = slices.Clone(t.pairs), slices.Clone(t.got)
	return c
}

// catchUp counts in the mergers up to a reading: what one of two has scored, the
// one that they became has.
func (t *tally) catchUp(y *reading) {
	t.pairs, t.got = t.pairs.grown(y.pairs), t.got.grown(2*y.slots)
	for _, j := range y.pairJoins[t.pairJoins:] {
		t.pairs.join(j.from, j.into)
	}
	for _, j := range y.slotJoins[t.slotJoins:] {
		t.got.join(in(j.from, false), in(j.into, false))
		t.got.join(in(j.from, true), in(j.into, true))
	}
	t.pairJoins, t.slotJoins = len(y.pairJoins), len(y.slotJoins)
}

// in numbers a slot or a line in a reach.
func in(n int32, same bool) int32 {
	if same {
		return 2*n + 1
	}
	return 2 * n
}

// bits is a set of small numbers.
type bits []uint64

func newBits(n int) bits { return make(bits, (n+63)/64) }

func (b bits) has(n int32) bool { return b[n>>6]&(1<<(n&63)) != 0 }
func (b bits) add(n int32)      { b[n>>6] |= 1 << (n & 63) }

func (b bits) join(from, into int32) {
	if b.has(from) {
		b.add(into)
	}
}

// grown gives the set room for n numbers.
func (b bits) grown(n int) bits { return append(b, make(bits, max(0, (n+63)/64-len(b)))...) }

// why is the reason why an adoption gives nobody a line, or an organisation none.
type why uint8

const (
	whyNot         why = iota // it does
	whyNoRules                // none are in force
	whyNotEligible            // the innovation: assessed so, its funding, a regional initiative
	whyKind                   // of the adopter or the originator
	whyScored                 // the pair has, in an earlier year
	whyLineage                // another branch has, with the same adopter
	whyLimit                  // of the innovation, or of an originator and the adopter
	whyProject                // the originator has its line for the project in this reach
)

// outcome is what rules make of a year.
type outcome struct {
	rules  *ledger.Rules
	sums   []Sums  // by organisation
	count  []int32 // of lines, by organisation
	scores []score // only if they are kept
	skips  []why   // by candidate, only if they are kept
}

// keep says what of an outcome is kept beside the sums.
type keep uint8

const (
	keepScores keep = 1 << iota
	keepSkips
)

// scorer computes a year by rules.
type scorer struct {
	*reading
	tally *tally
	rules *ledger.Rules
	once  bool // a lineage is one project
	each  bool // each adoption gives lines, not each project

	out    ground // on which innovations are out
	counts []bool // by organisation: of an eligible kind, and measured in the year
	branch bits   // that have scored
	line   bits   // in their reaches, that have been given

	perInn, perCouple int32 // limits; 0: none
	ofInn, between    []int32

	eligible []int // which of the candidate's makers
	given    []score
	shares   []int64
}

// score computes a year by rules, given what has scored in earlier years, and
// adds to that what scores in it. nil rules give no points.
func (y *reading) score(t *tally, rules *ledger.Rules, keep keep) *outcome {
	t.catchUp(y)
	o := &outcome{rules: rules, sums: make([]Sums, len(y.orgs)), count: make([]int32, len(y.orgs))}
	if rules == nil {
		return o
	}
	s := y.scorer(t, rules)
	for k, rest := 0, y.parts; k < len(y.candidates); k++ {
		c := &y.candidates[k]
		parts := rest[:c.parts]
		rest = rest[c.parts:]
		skip := s.judge(c, parts)
		if skip == whyNot {
			s.take(c, parts)
			s.give(int32(k), c, parts)
			o.add(s.given, keep)
		}
		if keep&keepSkips != 0 {
			o.skips = append(o.skips, skip)
		}
	}
	return o
}

func (o *outcome) add(given []score, keep keep) {
	for _, g := range given {
		sums := &o.sums[g.org]
		if g.adopted {
			sums.Adopted += g.points
		} else {
			sums.Originated += g.points
		}
		sums.Total += g.points
		o.count[g.org]++
	}
	if keep&keepScores != 0 {
		o.scores = append(o.scores, given...)
	}
}

func (y *reading) scorer(t *tally, rules *ledger.Rules) *scorer {
	s := &scorer{
		reading: y, tally: t, rules: rules, out: outBy(rules), once: rules.Lineage == ledger.LineageOnce, each: rules.Basis == ledger.BasisAdoption,
		perInn: int32(*rules.MaxAdoptionsPerInnovation), perCouple: int32(*rules.MaxPerOriginatorAdopter),
		ofInn: make([]int32, len(y.innovations)), between: make([]int32, y.numbered.couples),
	}
	s.counting()
	s.recall()
	return s
}

// counting finds the organisations that may get points in the year.
func (s *scorer) counting() {
	s.counts = make([]bool, len(s.orgs))
	for n := range s.orgs {
		s.counts[n] = s.orgs[n].counts(s.year, s.rules)
	}
}

// recall finds the lineages that have scored in earlier years.
func (s *scorer) recall() {
	s.branch, s.line = newBits(s.numbered.branches), newBits(2*s.numbered.lines)
	for _, r := range s.kin {
		if s.tally.pairs.has(r.of) {
			s.branch.add(r.shared)
		}
	}
	for _, r := range s.lined {
		for _, same := range []bool{false, true} {
			if s.tally.got.has(in(r.of, same)) {
				s.line.add(in(r.shared, same))
			}
		}
	}
}

// judge says why a candidate does not score, and finds the originators that may
// get lines if it does.
func (s *scorer) judge(c *candidate, parts []part) why {
	if s.innovations[c.innovation].ground&s.out != 0 {
		return whyNotEligible
	}
	s.eligible = s.eligible[:0]
	for at := range parts {
		if s.counts[parts[at].org] {
			s.eligible = append(s.eligible, at)
		}
	}
	switch {
	case !s.counts[c.confirmer] || len(s.eligible) == 0:
		return whyKind
	case s.tally.pairs.has(c.pair):
		return whyScored
	case s.once && c.branch != none && s.branch.has(c.branch):
		return whyLineage
	case s.full(c, parts):
		return whyLimit
	}
	return whyNot
}

// full reports whether the innovation, or an eligible originator with the
// adopter, has had its adoptions of the year.
func (s *scorer) full(c *candidate, parts []part) bool {
	if s.perInn > 0 && s.ofInn[c.innovation] >= s.perInn {
		return true
	}
	if s.perCouple == 0 {
		return false
	}
	for _, at := range s.eligible {
		if s.between[parts[at].couple] >= s.perCouple {
			return true
		}
	}
	return false
}

// take counts a candidate that scores. Two originators that have become one are
// counted once.
func (s *scorer) take(c *candidate, parts []part) {
	s.tally.pairs.add(c.pair)
	if c.branch != none {
		s.branch.add(c.branch)
	}
	if s.perInn > 0 {
		s.ofInn[c.innovation]++
	}
	if s.perCouple == 0 {
		return
	}
	for k, at := range s.eligible {
		couple := parts[at].couple
		if !slices.ContainsFunc(s.eligible[:k], func(before int) bool { return parts[before].couple == couple }) {
			s.between[couple]++
		}
	}
}

// give fills given with what a candidate that scores gives to whom.
func (s *scorer) give(k int32, c *candidate, parts []part) {
	s.given, s.shares = s.given[:0], s.shares[:0]
	area, near := s.areas[c.confirmer], false
	line := score{pair: c.pair, candidate: k, entry: int64(c.entry)}
	for _, at := range s.eligible {
		line.org = parts[at].org
		line.same = area != 0 && s.areas[line.org] == area
		near = near || line.same
		if s.each || s.first(&parts[at], line.same) {
			s.given, s.shares = append(s.given, line), append(s.shares, int64(parts[at].share))
		}
	}
	if !s.tally.adoptions {
		s.note(parts)
	}
	s.share()
	line.org, line.same, line.adopted, line.points = c.confirmer, near, true, s.rules.Adopter.By(near)
	s.given = append(s.given, line)
}

// first reports whether an originator has no line yet for the project, in a
// reach.
func (s *scorer) first(p *part, same bool) bool {
	if s.once && p.line != none {
		return !s.line.has(in(p.line, same))
	}
	return !s.tally.got.has(in(p.slot, same))
}

// note notes the innovation and its lineage: which of the two is one project
// depends on the rules of the year that asks.
func (s *scorer) note(parts []part) {
	at := 0
	for _, g := range s.given {
		for parts[at].org != g.org {
			at++
		}
		s.tally.got.add(in(parts[at].slot, g.same))
		if line := parts[at].line; line != none {
			s.line.add(in(line, g.same))
		}
	}
}

// share divides the value of each originator's reach by its share. Thousandths
// that rounding down leaves go to the largest remainders, ties to the lower
// orgnr, until the sum is right to half a thousandth.
func (s *scorer) share() {
	exact, given := int64(0), int64(0) // in millionths, thousandths
	for k := range s.given {
		product := int64(s.rules.Originator.By(s.given[k].same)) * s.shares[k]
		s.given[k].points = ledger.Milli(product / 1000)
		s.shares[k] = product % 1000
		exact, given = exact+product, given+product/1000
	}
	for range (exact+500)/1000 - given {
		k := s.largest()
		s.given[k].points++
		s.shares[k] = -1
	}
}

// largest finds the largest remainder that is left in shares.
func (s *scorer) largest() (found int) {
	for k := range s.shares {
		if s.shares[k] > s.shares[found] ||
			s.shares[k] == s.shares[found] && s.orgs[s.given[k].org].orgnr < s.orgs[s.given[found].org].orgnr {
			found = k
		}
	}
	return found
}
