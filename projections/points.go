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
	Lines []Line `json:"lines,omitzero"` // in order of entry; a simulation may leave them out
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
	pair      int32
	candidate int32 // in the year's reading
	entry     int64 // of the pair, when it scored
	org       int32
	adopted   bool
	same      bool
	points    ledger.Milli
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
	y := f.opened(year)
	switch {
	case y == nil:
		return Table{}, false
	case y.closed >= 0:
		return y.reading.withLines(y.frozen, y.scores), true
	}
	return f.Readings().inForce(year), true
}

// Got gives what an organisation has got in a year, line by line, and the year's
// status; false: nothing, or the year is not opened. It is that row of the year's Table,
// for a fraction of the work.
func (f *Fold) Got(year int, o ledger.Orgnr) (row Row, status string, ok bool) {
	y := f.opened(year)
	switch {
	case y == nil:
		return Row{}, "", false
	case y.closed >= 0:
		row, ok = y.reading.rowOf(o, y.frozen, y.scores)
		return row, y.frozen.Status, ok
	}
	r, t, scores := f.Readings().scoring(year)
	row, ok = r.rowOf(o, t, scores)
	return row, t.Status, ok
}

// opened gives an opened year; nil: it is not. Years open one after the other.
func (f *Fold) opened(year int) *year {
	if len(f.years) == 0 || year < f.years[0].year || year > f.years[len(f.years)-1].year {
		return nil
	}
	return &f.years[year-f.years[0].year]
}

// close freezes a year: what was read of it, what scored, and its table. The
// fold's position is that after the closing.
func (f *Fold) close(year int, index int64) {
	y := f.opened(year)
	y.reading = f.reader().read(year, year)[0]
	y.reading.closed = true
	o := y.reading.score(&f.scored, f.RulesFor(year), keepScores)
	y.scores, y.frozen, y.closed = slices.Clone(o.scores), y.reading.table(o), index
}

// table sums an outcome up by organisation and region, without lines.
func (r *reading) table(o *outcome) Table {
	t := Table{Year: r.year, Rules: o.rules, Position: r.position, Status: "open", Rows: []Row{}}
	if r.closed {
		t.Status = "closed"
	}
	for n, sums := range o.sums {
		if o.count[n] > 0 {
			of := &r.orgs[n]
			t.Rows = append(t.Rows, Row{Orgnr: of.orgnr, Name: of.name, Region: of.region, Sums: sums})
			t.Total += sums.Total
		}
	}
	slices.SortFunc(t.Rows, func(a, b Row) int { return strings.Compare(string(a.Orgnr), string(b.Orgnr)) })
	t.Regions = r.regionSums(o)
	return t
}

// regionSums sums rows by the region of who acts for the organisation at the
// reading's position, in order of name; "" is no region.
func (r *reading) regionSums(o *outcome) []RegionSum {
	sums := []RegionSum{}
	for n, of := range o.sums {
		if o.count[n] == 0 {
			continue
		}
		region := r.orgs[r.orgs[n].heir].region
		k := slices.IndexFunc(sums, func(s RegionSum) bool { return s.Region == region })
		if k < 0 {
			k = len(sums)
			sums = append(sums, RegionSum{Region: region})
		}
		sums[k].Originated += of.Originated
		sums[k].Adopted += of.Adopted
		sums[k].Total += of.Total
	}
	slices.SortFunc(sums, func(a, b RegionSum) int { return strings.Compare(a.Region, b.Region) })
	return sums
}

// withLines gives a table with the lines that its scores are.
func (r *reading) withLines(t Table, scores []score) Table {
	of := map[ledger.Orgnr][]Line{}
	names := r.names()
	for _, s := range scores {
		orgnr := r.orgs[s.org].orgnr
		of[orgnr] = append(of[orgnr], names.line(s))
	}
	t.Rows = slices.Clone(t.Rows)
	for k := range t.Rows {
		t.Rows[k].Lines = of[t.Rows[k].Orgnr]
	}
	return t
}

// rowOf gives a row of a table with its lines.
func (r *reading) rowOf(o ledger.Orgnr, t Table, scores []score) (Row, bool) {
	k := slices.IndexFunc(t.Rows, func(row Row) bool { return row.Orgnr == o })
	if k < 0 {
		return Row{}, false
	}
	row, names := t.Rows[k], r.names()
	row.Lines = nil
	for _, s := range scores {
		if r.orgs[s.org].orgnr == o {
			row.Lines = append(row.Lines, names.line(s))
		}
	}
	return row, true
}

// names gives names to lines, each innovation's made once.
type names struct {
	*reading
	ids []string
}

func (r *reading) names() *names { return &names{r, make([]string, len(r.innovations))} }

func (n *names) line(s score) Line {
	c := n.candidates[s.candidate]
	id := &n.ids[c.innovation]
	if *id == "" {
		*id = n.innovations[c.innovation].id.String()
	}
	l := Line{Index: s.entry, Innovation: *id, Adopter: n.orgs[c.confirmer].orgnr, Role: RoleOriginator, Reach: reach(s.same), Points: s.points}
	if s.adopted {
		l.Role = RoleAdopter
	}
	return l
}
