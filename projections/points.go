package projections

import (
	"slices"
	"strings"

	"spredning/ledger"
)

// Table is the points of a reporting year, as GET /points/{year} gives it.
type Table struct {
	Year     int           `json:"year"`
	Rules    *ledger.Rules `json:"rules,omitzero"` // in force for the year; none: no points
	Position int64         `json:"position"`
	Status   string        `json:"status"` // open or closed; a closed one is as at its closing, for ever
	Rows     []Row         `json:"rows"`   // of organisations with lines, by orgnr
	Regions  []RegionSum   `json:"regions"`
	Total    ledger.Milli  `json:"total"`
}

// Row is what one organisation has got in a year.
type Row struct {
	Orgnr  ledger.Orgnr `json:"orgnr"`
	Name   string       `json:"name"`
	Region string       `json:"region"`
	Sums
	Lines []Line `json:"lines"` // in order of entry
}

// Sums are points made as originator and as adopter.
type Sums struct {
	Originated ledger.Milli `json:"originated"`
	Adopted    ledger.Milli `json:"adopted"`
	Total      ledger.Milli `json:"total"`
}

// RegionSum is what a region's organisations have got in a year.
type RegionSum struct {
	Region string `json:"region"`
	Sums
}

// Line is what one adoption gives one organisation.
type Line struct {
	Index      int64        `json:"index"`      // of the confirmation it comes from
	Innovation string       `json:"innovation"` // its id
	Adopter    ledger.Orgnr `json:"adopter"`
	Role       string       `json:"role"`  // originator or adopter
	Reach      string       `json:"reach"` // same_region or other_region
	Points     ledger.Milli `json:"points"`
}

// The roles of a line, and its reaches.
const (
	RoleOriginator = "originator"
	RoleAdopter    = "adopter"
	SameRegion     = "same_region"
	OtherRegion    = "other_region"
)

func reach(same bool) string {
	if same {
		return SameRegion
	}
	return OtherRegion
}

// score is a line before it has names.
type score struct {
	pair    int32
	entry   int64 // of the pair, when it scored
	org     int32
	adopted bool
	same    bool
	points  ledger.Milli
}

// Years gives the opened years in order.
func (f *Fold) Years() []int {
	all := make([]int, len(f.years))
	for i, y := range f.years {
		all[i] = y.year
	}
	return all
}

// RulesFor gives the rules in force for a year: of those with the greatest
// from_year not after it, the latest published. nil: none, so no points.
func (f *Fold) RulesFor(year int) *ledger.Rules {
	var best *publishedRules
	for i := range f.rules {
		r := &f.rules[i]
		if r.FromYear <= year && (best == nil || r.FromYear >= best.FromYear) {
			best = r
		}
	}
	if best == nil {
		return nil
	}
	return &best.Rules
}

// Table gives the points of a year; false: it is not opened. A closed year's is
// as it was computed at its closing.
func (f *Fold) Table(year int) (Table, bool) {
	for _, y := range f.years {
		switch {
		case y.year != year:
		case y.closed >= 0:
			return y.frozen, true
		default:
			return f.table(year, f.scores(year)), true
		}
	}
	return Table{}, false
}

// close freezes a year's table. The fold's position is that after the closing.
func (f *Fold) close(year int, index int64) {
	for k := range f.years {
		if y := &f.years[k]; y.year == year {
			y.scores = f.scores(year)
			y.frozen = f.table(year, y.scores)
			y.frozen.Status = "closed"
			y.closed = index
		}
	}
}

// scores computes the open years up to one in ascending order, since what has
// scored in one never scores in a later one, and gives the scores of the last.
func (f *Fold) scores(last int) []score {
	c := newCount(f)
	byYear := c.candidates()
	for _, y := range f.years {
		if y.closed >= 0 {
			c.recall(y.scores)
			continue
		}
		scores := c.year(y.year, byYear[y.year], f.RulesFor(y.year))
		if y.year == last {
			return scores
		}
	}
	return nil
}

// count is the state of computing years one after the other.
type count struct {
	f        *Fold
	scored   map[int32]struct{}       // pairs
	lineages map[lineagePair]struct{} // root innovation and adopter
	projects map[project]struct{}     // what has got lines
}

type lineagePair struct{ root, adopter int32 }

// project is an originator's innovation, or a whole lineage by its root, in a
// reach.
type project struct {
	innovation, originator int32
	lineage, same          bool
}

func newCount(f *Fold) *count {
	return &count{f, map[int32]struct{}{}, map[lineagePair]struct{}{}, map[project]struct{}{}}
}

// recall notes what has scored in a closed year, as its innovations and
// organisations are today.
func (c *count) recall(scores []score) {
	for _, s := range scores {
		n := c.f.alive(s.pair)
		c.note(n)
		if !s.adopted {
			c.noteProject(c.f.pairs[n].innovation, s.org, s.same)
		}
	}
}

func (c *count) note(n int32) {
	p := &c.f.pairs[n]
	c.scored[n] = struct{}{}
	c.lineages[lineagePair{c.f.root(p.innovation), p.adopter}] = struct{}{}
}

// noteProject notes the innovation and its lineage: which of the two is one
// project depends on the rules of the year that asks.
func (c *count) noteProject(innovation, originator int32, same bool) {
	originator = c.f.heir(originator)
	c.projects[project{innovation, originator, false, same}] = struct{}{}
	c.projects[project{c.f.root(innovation), originator, true, same}] = struct{}{}
}

// candidates sorts the confirmed pairs into their years, each in order of entry.
// Use before the first opened year is history.
func (c *count) candidates() map[int][]int32 {
	byYear := map[int][]int32{}
	for index, e := range c.f.entries {
		if e.pair == none {
			continue
		}
		if p := &c.f.pairs[e.pair]; p.entry == uint32(index) {
			y := c.f.yearOf(e.pair)
			byYear[y] = append(byYear[y], e.pair)
		}
	}
	return byYear
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
	for _, y := range f.years {
		if y.year == year {
			return y.closed >= 0 && y.closed < index
		}
	}
	return false
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

// yearCount counts towards the limits within a year.
type yearCount struct {
	*count
	rules *ledger.Rules
	year  int
	ofInn map[int32]int
	ofOrg map[pairKey]int // originator and adopter
}

func (c *count) year(year int, candidates []int32, rules *ledger.Rules) (scores []score) {
	if rules == nil {
		return nil
	}
	y := &yearCount{count: c, rules: rules, year: year, ofInn: map[int32]int{}, ofOrg: map[pairKey]int{}}
	for _, n := range candidates {
		if eligible := y.eligible(n); eligible != nil && y.free(n, eligible) {
			y.take(n, eligible)
			scores = append(scores, y.lines(n, eligible)...)
		}
	}
	return scores
}

// eligible gives those originators that may get a line from a pair; none: the
// pair is no candidate.
func (y *yearCount) eligible(n int32) (originators []int) {
	p := &y.f.pairs[n]
	if y.f.standing(n) != "" || !y.counts(p.innovation) || !y.measured(p.confirmer) {
		return nil
	}
	for at, m := range y.f.innovations[p.innovation].makers {
		if y.measured(m) {
			originators = append(originators, at)
		}
	}
	return originators
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

// counts reports whether an innovation and all merged into it are eligible.
func (y *yearCount) counts(innovation int32) bool {
	i := y.f.innovations[innovation]
	return y.eligibleAlone(i) && !slices.ContainsFunc(i.merged, func(m int32) bool { return !y.eligibleAlone(y.f.innovations[m]) })
}

// eligibleAlone is as assessed, or else by funding and origin (the report 4.2.4,
// 4.2.5).
func (y *yearCount) eligibleAlone(i *innovation) bool {
	if i.assessed != nil {
		return i.assessed.eligible
	}
	own := len(i.Funding) == 1 && i.Funding[0] == ledger.Own
	return (own || !*y.rules.OwnFundingOnly) && (!*i.RegionalInitiative || !*y.rules.ExcludeRegionalInitiatives)
}

// measured reports whether an organisation is of an eligible kind and in the
// national measuring system in the year.
func (y *yearCount) measured(org int32) bool {
	o := y.f.orgs[org]
	return slices.Contains(y.rules.EligibleKinds, o.Kind) &&
		o.MeasuredFrom != nil && *o.MeasuredFrom <= y.year &&
		(o.MeasuredTo == nil || y.year <= *o.MeasuredTo)
}

// free reports whether a pair may score: not scored before, within the limits.
func (y *yearCount) free(n int32, eligible []int) bool {
	p := &y.f.pairs[n]
	if y.scoredBefore(n) {
		return false
	}
	if limit := *y.rules.MaxAdoptionsPerInnovation; limit > 0 && y.ofInn[p.innovation] >= limit {
		return false
	}
	limit := *y.rules.MaxPerOriginatorAdopter
	for _, at := range eligible {
		if limit > 0 && y.ofOrg[y.between(p, at)] >= limit {
			return false
		}
	}
	return true
}

// scoredBefore looks at the pair itself, and with lineage once at every branch
// of its line.
func (y *yearCount) scoredBefore(n int32) bool {
	p := &y.f.pairs[n]
	if _, scored := y.scored[n]; scored {
		return true
	}
	_, scored := y.lineages[lineagePair{y.f.root(p.innovation), p.adopter}]
	return scored && y.rules.Lineage == ledger.LineageOnce
}

// between is a pair's originator, by who acts for it today, and adopter.
func (y *yearCount) between(p *pair, at int) pairKey {
	return pairKey{y.f.heir(y.f.innovations[p.innovation].makers[at]), p.adopter}
}

// take counts a pair that scores.
func (y *yearCount) take(n int32, eligible []int) {
	p := &y.f.pairs[n]
	y.note(n)
	y.ofInn[p.innovation]++
	var counted []pairKey
	for _, at := range eligible {
		if k := y.between(p, at); !slices.Contains(counted, k) {
			counted = append(counted, k)
			y.ofOrg[k]++
		}
	}
}

// lines gives what a pair that scores gives to whom.
func (y *yearCount) lines(n int32, eligible []int) []score {
	p := &y.f.pairs[n]
	i := y.f.innovations[p.innovation]
	scores := make([]score, 0, len(eligible)+1)
	region, near := y.f.orgs[p.confirmer].Region, false
	var shares []int
	for _, at := range eligible {
		m := i.makers[at]
		same := region != "" && y.f.orgs[m].Region == region
		near = near || same
		if y.first(i, m, same) {
			scores = append(scores, score{n, int64(p.entry), m, false, same, 0})
			shares = append(shares, i.Originators[at].Share)
		}
	}
	for _, s := range scores {
		y.noteProject(i.number, s.org, s.same)
	}
	y.share(scores, shares)
	return append(scores, score{n, int64(p.entry), p.confirmer, true, near, y.rules.Adopter.By(near)})
}

// first reports whether an originator gets a line: always for each adoption,
// once for each project and reach.
func (y *yearCount) first(i *innovation, originator int32, same bool) bool {
	of := project{i.number, y.f.heir(originator), false, same}
	if y.rules.Lineage == ledger.LineageOnce {
		of.innovation, of.lineage = y.f.root(i.number), true
	}
	_, done := y.projects[of]
	return !done || y.rules.Basis == ledger.BasisAdoption
}

// share divides the value of each originator's reach by its share. Thousandths
// that rounding down leaves go to the largest remainders, ties to the lower
// orgnr, until the sum is right to half a thousandth.
func (y *yearCount) share(scores []score, shares []int) {
	exact, given := int64(0), int64(0) // in millionths, thousandths
	rest := make([]int64, len(scores))
	for k := range scores {
		product := int64(y.rules.Originator.By(scores[k].same)) * int64(shares[k])
		scores[k].points = ledger.Milli(product / 1000)
		rest[k] = product % 1000
		exact, given = exact+product, given+product/1000
	}
	order := make([]int, len(scores))
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(a, b int) int {
		if rest[a] != rest[b] {
			return int(rest[b] - rest[a])
		}
		return strings.Compare(string(y.f.orgs[scores[a].org].Orgnr), string(y.f.orgs[scores[b].org].Orgnr))
	})
	for _, k := range order[:(exact+500)/1000-given] {
		scores[k].points++
	}
}

// table gives names to scores and sums them up.
func (f *Fold) table(year int, scores []score) Table {
	t := Table{Year: year, Rules: f.RulesFor(year), Position: f.Position, Status: "open"}
	rows := map[int32]*Row{}
	for _, s := range scores {
		r := rows[s.org]
		if r == nil {
			o := f.orgs[s.org]
			r = &Row{Orgnr: o.Orgnr, Name: o.Name, Region: o.Region}
			rows[s.org] = r
		}
		r.Lines = append(r.Lines, f.line(s))
		r.Sums.add(s)
		t.Total += s.points
	}
	t.Rows = make([]Row, 0, len(rows))
	for _, r := range rows {
		t.Rows = append(t.Rows, *r)
	}
	slices.SortFunc(t.Rows, func(a, b Row) int { return strings.Compare(string(a.Orgnr), string(b.Orgnr)) })
	t.Regions = f.regionSums(t.Rows)
	return t
}

func (s *Sums) add(x score) {
	if x.adopted {
		s.Adopted += x.points
	} else {
		s.Originated += x.points
	}
	s.Total += x.points
}

func (f *Fold) line(s score) Line {
	p := &f.pairs[s.pair]
	l := Line{
		Index: s.entry, Innovation: f.innovations[p.innovation].id.String(), Adopter: f.orgs[p.confirmer].Orgnr,
		Role: RoleOriginator, Reach: reach(s.same), Points: s.points,
	}
	if s.adopted {
		l.Role = RoleAdopter
	}
	return l
}

// regionSums sums rows by the region of who acts for the organisation today, in
// order of name; "" is no region.
func (f *Fold) regionSums(rows []Row) []RegionSum {
	sums := []RegionSum{}
	for _, r := range rows {
		region := f.orgs[f.heir(f.orgNumbers[r.Orgnr])].Region
		k := slices.IndexFunc(sums, func(s RegionSum) bool { return s.Region == region })
		if k < 0 {
			k = len(sums)
			sums = append(sums, RegionSum{Region: region})
		}
		sums[k].Originated += r.Originated
		sums[k].Adopted += r.Adopted
		sums[k].Total += r.Total
	}
	slices.SortFunc(sums, func(a, b RegionSum) int { return strings.Compare(a.Region, b.Region) })
	return sums
}
