package projections

import (
	"maps"
	"slices"
	"strings"

	"spredning/ledger"
)

// TodaySums are a year's points by the organisations that act today. The rows of
// the year's table stay with the organisations of their time; here each goes to
// who acts in that organisation's place now. The total is the table's.
type TodaySums struct {
	Year     int          `json:"year"`
	Position int64        `json:"position"` // at which today is
	Status   string       `json:"status"`
	Rows     []TodayRow   `json:"rows"` // by orgnr
	Regions  []RegionSum  `json:"regions"`
	Total    ledger.Milli `json:"total"`
}

// TodayRow is what an organisation has got in a year, itself and through those
// whose place it has taken.
type TodayRow struct {
	Orgnr  ledger.Orgnr `json:"orgnr"`
	Name   string       `json:"name"`   // of today
	Region string       `json:"region"` // of today
	Sums
	Predecessors []PredecessorSums `json:"predecessors"` // those with a row in the table, by orgnr
}

// PredecessorSums are the part of a row that stands in a predecessor's row of
// the table.
type PredecessorSums struct {
	Orgnr ledger.Orgnr `json:"orgnr"`
	Name  string       `json:"name"` // as in the table
	Sums
}

// Today gives a year's sums by today's organisations; false: it is not opened.
func (f *Fold) Today(year int) (TodaySums, bool) {
	table, ok := f.Table(year)
	if !ok {
		return TodaySums{}, false
	}
	rows := map[int32]*TodayRow{}
	for _, r := range table.Rows {
		heir := f.heir(f.orgNumbers[r.Orgnr])
		if rows[heir] == nil {
			o := f.orgs[heir]
			rows[heir] = &TodayRow{Orgnr: o.Orgnr, Name: o.Name, Region: o.Region, Predecessors: []PredecessorSums{}}
		}
		rows[heir].take(r)
	}
	out := TodaySums{Year: year, Position: f.Position, Status: table.Status, Rows: []TodayRow{}, Total: table.Total}
	for _, r := range rows {
		out.Rows = append(out.Rows, *r)
	}
	slices.SortFunc(out.Rows, func(a, b TodayRow) int { return strings.Compare(string(a.Orgnr), string(b.Orgnr)) })
	out.Regions = regionsOf(out.Rows)
	return out, true
}

// regionsOf sums rows by region, in order of name; "" is no region.
func regionsOf(rows []TodayRow) []RegionSum {
	sums := map[string]Sums{}
	for _, r := range rows {
		s := sums[r.Region]
		sums[r.Region] = Sums{s.Originated + r.Originated, s.Adopted + r.Adopted, s.Total + r.Total}
	}
	all := []RegionSum{}
	for _, region := range slices.Sorted(maps.Keys(sums)) {
		all = append(all, RegionSum{region, sums[region]})
	}
	return all
}

// take adds a row of the table.
func (t *TodayRow) take(r Row) {
	t.Originated += r.Originated
	t.Adopted += r.Adopted
	t.Total += r.Total
	if r.Orgnr != t.Orgnr {
		t.Predecessors = append(t.Predecessors, PredecessorSums{r.Orgnr, r.Name, r.Sums})
	}
}
