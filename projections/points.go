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
	Status   string        `json:"status"` // open
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

// Table computes the points of a year; false: it is not opened.
func (f *Fold) Table(year int) (Table, bool) {
	if !slices.Contains(f.Years(), year) {
		return Table{}, false
	}
	return f.table(year, f.scores(year)), true
}

// scores computes the years up to one in ascending order, since what has scored
// in one never scores in a later one, and gives the scores of the last.
func (f *Fold) scores(last int) []score {
	c := newCount(f)
	byYear := c.candidates()
	for _, y := range f.years {
		scores := c.year(byYear[y.year], f.RulesFor(y.year))
		if y.year == last {
			return scores
		}
	}
	return nil
}

// count is the state of computing years one after the other.
type count struct {
	f        *Fold
	scored   map[lineagePair]struct{} // root innovation and adopter
	projects map[project]struct{}     // what has given an originator a line
}

type lineagePair struct{ root, adopter int32 }

// project is an originator's innovation in a reach.
type project struct {
	innovation, originator int32
	same                   bool
}

func newCount(f *Fold) *count {
	return &count{f, map[lineagePair]struct{}{}, map[project]struct{}{}}
}

// candidates sorts the confirmed pairs into the years of their use, each in
// order of entry. Use before the first opened year is history.
func (c *count) candidates() map[int][]int32 {
	byYear := map[int][]int32{}
	for index, e := range c.f.entries {
		if e.pair == none {
			continue
		}
		if p := &c.f.pairs[e.pair]; p.entry == uint32(index) {
			y := int(p.inUseFrom / 10000)
			byYear[y] = append(byYear[y], e.pair)
		}
	}
	return byYear
}

// yearCount counts towards the limits within a year.
type yearCount struct {
	*count
	rules *ledger.Rules
	year  int
	ofInn map[int32]int
	ofOrg map[pairKey]int // originator and adopter
}

func (c *count) year(candidates []int32, rules *ledger.Rules) (scores []score) {
	if rules == nil {
		return nil
	}
	y := &yearCount{count: c, rules: rules, ofInn: map[int32]int{}, ofOrg: map[pairKey]int{}}
	for _, n := range candidates {
		p := &c.f.pairs[n]
		y.year = int(p.inUseFrom / 10000)
		if eligible := y.eligible(p); eligible != nil && y.free(p, eligible) {
			y.take(p, eligible)
			scores = append(scores, y.lines(n, p, eligible)...)
		}
	}
	return scores
}

// eligible gives those originators that may get a line from a pair; none: the
// pair is no candidate.
func (y *yearCount) eligible(p *pair) (originators []int) {
	i := y.f.innovations[p.innovation]
	switch {
	case i.withdrawn != nil,
		slices.Contains(i.ever, p.adopter),
		!y.counts(i),
		!y.measured(p.adopter):
		return nil
	}
	for at, m := range i.makers {
		if y.measured(m) {
			originators = append(originators, at)
		}
	}
	return originators
}

// counts reports whether an innovation is eligible by its funding and origin
// (the report 4.2.4, 4.2.5).
func (y *yearCount) counts(i *innovation) bool {
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

// root is the innovation that all branches of a line come from.
func (f *Fold) root(innovation int32) int32 {
	for f.innovations[innovation].parent != none {
		innovation = f.innovations[innovation].parent
	}
	return innovation
}

// free reports whether a pair may score: not scored before, within the limits.
func (y *yearCount) free(p *pair, eligible []int) bool {
	if y.scoredBefore(p) {
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

// scoredBefore looks at the pair itself with lineage each, and at every branch
// of its line with lineage once.
func (y *yearCount) scoredBefore(p *pair) bool {
	if y.rules.Lineage == ledger.LineageEach {
		return false // a pair is a candidate once, in one year
	}
	_, scored := y.scored[lineagePair{y.f.root(p.innovation), p.adopter}]
	return scored
}

// between is a pair's originator and adopter.
func (y *yearCount) between(p *pair, at int) pairKey {
	return pairKey{y.f.innovations[p.innovation].makers[at], p.adopter}
}

// take counts a pair that scores.
func (y *yearCount) take(p *pair, eligible []int) {
	y.scored[lineagePair{y.f.root(p.innovation), p.adopter}] = struct{}{}
	y.ofInn[p.innovation]++
	for _, at := range eligible {
		y.ofOrg[y.between(p, at)]++
	}
}

// lines gives what a pair that scores gives to whom.
func (y *yearCount) lines(n int32, p *pair, eligible []int) []score {
	i := y.f.innovations[p.innovation]
	scores := make([]score, 0, len(eligible)+1)
	region, near := y.f.orgs[p.adopter].Region, false
	var shares []int
	for _, at := range eligible {
		m := i.makers[at]
		same := region != "" && y.f.orgs[m].Region == region
		near = near || same
		if y.first(i, m, same) {
			scores = append(scores, score{n, m, false, same, 0})
			shares = append(shares, i.Originators[at].Share)
		}
	}
	y.share(scores, shares)
	return append(scores, score{n, p.adopter, true, near, y.rules.Adopter.By(near)})
}

// first reports whether an originator gets a line: always for each adoption,
// once for each project and reach. It remembers the lines that are given.
func (y *yearCount) first(i *innovation, originator int32, same bool) bool {
	// Which innovations are one project depends on the rules of the year that
	// asks, so both what got a line and its root are remembered.
	own, root := project{i.number, originator, same}, project{^y.f.root(i.number), originator, same}
	if y.rules.Basis == ledger.BasisProject {
		_, before := y.projects[own]
		if y.rules.Lineage == ledger.LineageOnce {
			_, before = y.projects[root]
		}
		if before {
			return false
		}
	}
	y.projects[own], y.projects[root] = struct{}{}, struct{}{}
	return true
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
	t.Regions = regionSums(t.Rows)
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
		Index: int64(p.entry), Innovation: f.innovations[p.innovation].id.String(), Adopter: f.orgs[p.adopter].Orgnr,
		Role: RoleOriginator, Reach: reach(s.same), Points: s.points,
	}
	if s.adopted {
		l.Role = RoleAdopter
	}
	return l
}

// regionSums sums rows by region, in order of name; "" is no region.
func regionSums(rows []Row) []RegionSum {
	sums := []RegionSum{}
	for _, r := range rows {
		k := slices.IndexFunc(sums, func(s RegionSum) bool { return s.Region == r.Region })
		if k < 0 {
			k = len(sums)
			sums = append(sums, RegionSum{Region: r.Region})
		}
		sums[k].Originated += r.Originated
		sums[k].Adopted += r.Adopted
		sums[k].Total += r.Total
	}
	slices.SortFunc(sums, func(a, b RegionSum) int { return strings.Compare(a.Region, b.Region) })
	return sums
}
