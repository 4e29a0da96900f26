package projections

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"spredning/ledger"
)

// SimulatedYear is a year's table under other rules than those in force for it,
// and what is different.
type SimulatedYear struct {
	Table
	Differences Differences `json:"differences"`
}

// Differences are what a simulated table has more, or less, than that under the
// rules in force.
type Differences struct {
	Rules   *ledger.Rules      `json:"rules,omitzero"` // in force; none: no points
	Rows    []RowDifference    `json:"rows"`           // of organisations whose points differ, by orgnr
	Regions []RegionDifference `json:"regions"`        // whose points differ, by name
	Total   Delta              `json:"total"`
	Lines   []LineDifference   `json:"lines,omitzero"` // where it comes from, in order of entry; left out with the lines
}

// RowDifference is an organisation's.
type RowDifference struct {
	Orgnr  ledger.Orgnr `json:"orgnr"`
	Name   string       `json:"name"`
	Region string       `json:"region"`
	DeltaSums
}

// RegionDifference is a region's.
type RegionDifference struct {
	Region string `json:"region"`
	DeltaSums
}

// DeltaSums are differences of Sums.
type DeltaSums struct {
	Originated Delta `json:"originated"`
	Adopted    Delta `json:"adopted"`
	Total      Delta `json:"total"`
}

// Delta is a difference of points in thousandths. In JSON it is a number of
// points with at most three decimals and, below zero, a sign.
type Delta int64

// String writes the points with a sign: +0.25, -1, 0.
func (d Delta) String() string {
	if d > 0 {
		return "+" + ledger.Milli(d).String()
	}
	return ledger.Milli(d).String()
}

// MarshalJSONTo writes a JSON number.
func (d Delta) MarshalJSONTo(e *jsontext.Encoder) error {
	return e.WriteValue(jsontext.Value(ledger.Milli(d).String()))
}

// UnmarshalJSONFrom reads what MarshalJSONTo writes.
func (d *Delta) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	n, err := decimal(dec, 3)
	*d = Delta(n)
	return err
}

// decimal reads a JSON number with at most so many decimals, as a whole number
// of its smallest part.
func decimal(d *jsontext.Decoder, decimals int) (int64, error) {
	v, err := d.ReadValue()
	if err != nil {
		return 0, err
	}
	whole, part, _ := strings.Cut(string(v), ".")
	if len(part) > decimals {
		return 0, strconv.ErrRange
	}
	return strconv.ParseInt(whole+part+strings.Repeat("0", decimals-len(part)), 10, 64)
}

// LineDifference is a line that one of two tables has, or that they have
// differently.
type LineDifference struct {
	Orgnr      ledger.Orgnr  `json:"orgnr"` // whose row it stands in
	Index      int64         `json:"index"`
	Innovation string        `json:"innovation"`
	Adopter    ledger.Orgnr  `json:"adopter"`
	Role       string        `json:"role"`
	Reach      string        `json:"reach"`
	Change     string        `json:"change"`          // gained, lost or changed
	Before     *ledger.Milli `json:"before,omitzero"` // under the rules in force; gained: none
	After      *ledger.Milli `json:"after,omitzero"`  // under the simulated; lost: none
	Reason     string        `json:"reason"`
}

// What can have happened to a line.
const (
	Gained  = "gained"
	Lost    = "lost"
	Changed = "changed"
)

// reasons say why one of two rules give no line: the ones in force where it is
// gained, the simulated ones where it is lost.
var reasons = [...]string{
	whyNoRules:     "no_rules",
	whyNotEligible: "not_eligible",
	whyKind:        "kind",
	whyScored:      "scored",
	whyLineage:     "lineage",
	whyLimit:       "limit",
	whyProject:     "project",
}

// Why both give one, but not the same.
const (
	byValue    = "value"    // of the role and reach
	byReach    = "reach"    // which depends on who may get lines
	byRounding = "rounding" // of shares among those who get lines
)

// Simulate computes all years anew under the given rules, whatever their
// from_year, the closed ones as at their closings; nil: under those in force for
// each. Lines can be left out of tables and differences.
func (r *Readings) Simulate(rules *ledger.Rules, lines bool) []SimulatedYear {
	var inForce tally
	simulated := tally{adoptions: rules != nil && rules.Basis == ledger.BasisAdoption}
	all := make([]SimulatedYear, len(r.years))
	for k := range r.years {
		y := &r.years[k]
		if !lines {
			all[k] = y.simulated(y.score(&simulated, y.under(rules), 0))
			continue
		}
		after := y.score(&simulated, y.under(rules), keepScores|keepSkips)
		before := y.score(&inForce, y.rules, keepScores|keepSkips)
		all[k] = y.simulated(after)
		all[k].Table = y.withLines(all[k].Table, after.scores)
		all[k].Differences.Lines = y.compare(before, after)
	}
	return all
}

func (y *readYear) under(rules *ledger.Rules) *ledger.Rules {
	if rules == nil {
		return y.rules
	}
	return rules
}

// simulated gives the table of an outcome and what is different in its sums.
func (y *readYear) simulated(o *outcome) SimulatedYear {
	t := y.reading.table(o)
	return SimulatedYear{t, Differences{
		Rules: y.rules, Rows: differRows(y.table.Rows, t.Rows), Regions: differRegions(y.table.Regions, t.Regions),
		Total: Delta(t.Total - y.table.Total),
	}}
}

func differRows(before, after []Row) []RowDifference {
	all := []RowDifference{}
	for key, two := range paired(before, after, func(r Row) string { return string(r.Orgnr) }) {
		if d := differ(two[0].Sums, two[1].Sums); d != (DeltaSums{}) {
			some := two[0]
			if some.Orgnr == "" {
				some = two[1]
			}
			all = append(all, RowDifference{ledger.Orgnr(key), some.Name, some.Region, d})
		}
	}
	return all
}

func differRegions(before, after []RegionSum) []RegionDifference {
	all := []RegionDifference{}
	for region, two := range paired(before, after, func(r RegionSum) string { return r.Region }) {
		if d := differ(two[0].Sums, two[1].Sums); d != (DeltaSums{}) {
			all = append(all, RegionDifference{region, d})
		}
	}
	return all
}

func differ(before, after Sums) DeltaSums {
	return DeltaSums{Delta(after.Originated - before.Originated), Delta(after.Adopted - before.Adopted), Delta(after.Total - before.Total)}
}

// paired goes through two lists that are in order of the same key; where one has
// nothing, its part of the two is empty.
func paired[T any](before, after []T, key func(T) string) func(yield func(string, [2]T) bool) {
	return func(yield func(string, [2]T) bool) {
		for len(before)+len(after) > 0 {
			var two [2]T
			var at string
			first, second := len(before) > 0, len(after) > 0
			if first && second {
				order := strings.Compare(key(before[0]), key(after[0]))
				first, second = order <= 0, order >= 0
			}
			if first {
				at, two[0], before = key(before[0]), before[0], before[1:]
			}
			if second {
				at, two[1], after = key(after[0]), after[0], after[1:]
			}
			if !yield(at, two) {
				return
			}
		}
	}
}

// compare finds the lines that two outcomes do not share.
func (y *reading) compare(before, after *outcome) []LineDifference {
	c := &comparison{y.names(), before, after, []LineDifference{}}
	b, a := before.scores, after.scores
	for k := range y.candidates {
		var of [2][]score
		of[0], b = cut(b, int32(k))
		of[1], a = cut(a, int32(k))
		c.candidate(of[0], of[1])
	}
	return c.found
}

// cut takes a candidate's scores off the front.
func cut(scores []score, candidate int32) (its, rest []score) {
	n := 0
	for n < len(scores) && scores[n].candidate == candidate {
		n++
	}
	return scores[:n], scores[n:]
}

// comparison collects the differences of two outcomes of a year.
type comparison struct {
	*names
	before, after *outcome
	found         []LineDifference
}

// candidate compares what an adoption gives.
func (c *comparison) candidate(before, after []score) {
	for _, b := range before {
		if a := like(b, after); a == nil {
			c.tell(b, Lost, &b.points, nil, reasons[c.why(c.after, b)])
		} else if a.points != b.points || a.same != b.same {
			c.tell(*a, Changed, &b.points, &a.points, c.changed(b, *a))
		}
	}
	for _, a := range after {
		if like(a, before) == nil {
			c.tell(a, Gained, nil, &a.points, reasons[c.why(c.before, a)])
		}
	}
}

// like finds the line of the same organisation in the same role.
func like(s score, scores []score) *score {
	k := slices.IndexFunc(scores, func(x score) bool { return x.org == s.org && x.adopted == s.adopted })
	if k < 0 {
		return nil
	}
	return &scores[k]
}

func (c *comparison) tell(s score, change string, before, after *ledger.Milli, reason string) {
	l := c.line(s)
	d := LineDifference{
		Orgnr: c.orgs[s.org].orgnr, Index: l.Index, Innovation: l.Innovation, Adopter: l.Adopter, Role: l.Role, Reach: l.Reach,
		Change: change, Reason: reason,
	}
	if before != nil {
		d.Before = new(*before)
	}
	if after != nil {
		d.After = new(*after)
	}
	c.found = append(c.found, d)
}

// why says why an outcome has no such line.
func (c *comparison) why(o *outcome, s score) why {
	switch {
	case o.rules == nil:
		return whyNoRules
	case o.skips[s.candidate] != whyNot:
		return o.skips[s.candidate]
	case !slices.Contains(o.rules.EligibleKinds, c.orgs[s.org].kind):
		return whyKind
	}
	return whyProject
}

// changed says why both outcomes have a line, but not the same.
func (c *comparison) changed(before, after score) string {
	of := func(r *ledger.Rules) ledger.Values {
		if before.adopted {
			return r.Adopter
		}
		return r.Originator
	}
	switch {
	case before.same != after.same:
		return byReach
	case of(c.before.rules).By(before.same) != of(c.after.rules).By(after.same):
		return byValue
	}
	return byRounding
}

// Simulation is what to simulate.
type Simulation struct {
	Rules *ledger.Rules `json:"rules,omitzero"` // for all years; none: those in force for each
	Lines *bool         `json:"lines,omitzero"` // in tables and differences; none: true
	Others
	Sweep        *Sweep `json:"sweep,omitzero"`
	OldIndicator bool   `json:"old_indicator,omitzero"` // ask for its points too
}

// Simulated is what a simulation gives: the tables, and of the rest what was
// asked for. Nothing is written anywhere.
type Simulated struct {
	Position     int64           `json:"position"`
	Years        []SimulatedYear `json:"years"`
	Indicator    *Indicator      `json:"indicator,omitzero"`
	Sweep        *Swept          `json:"sweep,omitzero"`
	OldIndicator []OldYear       `json:"old_indicator,omitzero"`
}

// Check says what is wrong with a simulation by itself; nil: nothing. A
// *ledger.Refusal points at the field.
func (s *Simulation) Check() error {
	if s.Rules != nil {
		if err := s.Rules.Check(); err != nil {
			if r, ok := err.(*ledger.Refusal); ok {
				r.Pointer = "/rules" + r.Pointer
			}
			return err
		}
	}
	if err := s.Others.Check(); err != nil || s.Sweep == nil {
		return err
	}
	return s.Sweep.Check()
}

// Cost is how many adoptions are computed, over and over, for a simulation that
// has been checked.
func (r *Readings) Cost(s *Simulation) int {
	times := 1
	if s.lines() {
		times = 2
	}
	if s.Sweep != nil {
		times += s.Sweep.steps()
	}
	return times * r.adoptions
}

func (s *Simulation) lines() bool { return s.Lines == nil || *s.Lines }

// Run simulates. The error says what is wrong with what was asked; a
// *ledger.Refusal points at the field.
func (r *Readings) Run(s *Simulation) (*Simulated, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	out := &Simulated{Position: r.Position, Years: r.Simulate(s.Rules, s.lines())}
	others, illustrative := s.fill()
	t, err := r.threePart(others)
	if err != nil {
		return nil, err
	}
	if s.asked() {
		for _, y := range out.Years {
			t.spread(y.Year, y.Regions)
		}
		out.Indicator = &Indicator{others.withoutRows(), illustrative, t.compute()}
	}
	if s.Sweep != nil {
		if out.Sweep, err = r.sweep(s.Sweep, s.Rules, t); err != nil {
			return nil, err
		}
	}
	if s.OldIndicator {
		out.OldIndicator = OldIndicator()
	}
	return out, nil
}

func (o Others) withoutRows() Others {
	o.Grants, o.Commercialisation = nil, nil
	return o
}
