package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"spredning/ledger"
	"spredning/projections"
)

// showSimulation prints a simulation for people, one year of it in full.
func (e *env) showSimulation(asked *projections.Simulation, s *projections.Simulated, f *simulateFlags) error {
	if f.year != 0 && !hasYear(s, f.year) {
		return fmt.Errorf("there is no year %d in this simulation", f.year)
	}
	rules := "those in force"
	if asked.Rules != nil {
		rules = asked.Rules.ID + ", by " + asked.Rules.Basis + ", for all years"
	}
	fmt.Fprintf(e.out, "Simulation at %d entries. Nothing is written.\nRules: %s.\n", s.Position, rules)
	if illustrative(s) {
		fmt.Fprintln(e.out, "Illustrative: not all of these values are decided.")
	}
	if err := e.showSimulatedYears(s, f); err != nil {
		return err
	}
	if s.Indicator != nil {
		e.showIndicator(s.Indicator, f.year)
	}
	if s.Sweep != nil {
		e.showSweep(s.Sweep, f.year)
	}
	if s.OldIndicator != nil {
		e.showOld(s)
	}
	return nil
}

// hasYear looks among the opened years, and those of the rows that were given.
func hasYear(s *projections.Simulated, year int) bool {
	return slices.ContainsFunc(s.Years, func(y projections.SimulatedYear) bool { return y.Year == year }) ||
		s.Indicator != nil && slices.ContainsFunc(s.Indicator.Years, func(y projections.IndicatorYear) bool { return y.Year == year })
}

func illustrative(s *projections.Simulated) bool {
	return s.Indicator != nil && s.Indicator.Illustrative ||
		slices.ContainsFunc(s.Years, func(y projections.SimulatedYear) bool { return y.Rules != nil && *y.Rules.Illustrative })
}

func (e *env) heading(format string, args ...any) { fmt.Fprintf(e.out, "\n"+format+"\n\n", args...) }

// showSimulatedYears prints the sums of all years and the tables of one.
func (e *env) showSimulatedYears(s *projections.Simulated, f *simulateFlags) error {
	if len(s.Years) == 0 {
		fmt.Fprintln(e.out, "\nNo reporting year is opened.")
		return nil
	}
	var rows [][]string
	for _, y := range s.Years {
		rows = append(rows, append([]string{strconv.Itoa(y.Year), y.Status}, three(y.Total, y.Differences.Total)...))
	}
	e.heading("Points of spread by year")
	e.table([]string{"Year", "Status", ">In force", ">Simulated", ">Difference"}, rows)
	y, ok := oneYear(s.Years, f.year, func(y projections.SimulatedYear) int { return y.Year })
	if !ok {
		return nil
	}
	e.showRegions(y)
	e.showHospitals(y)
	if !f.sums {
		e.showReasons(y)
	}
	if f.lines != "" {
		return e.showLineDifferences(y, ledger.Orgnr(f.lines))
	}
	return nil
}

// oneYear finds the year that is asked for, or gives the last.
func oneYear[T any](years []T, year int, of func(T) int) (y T, ok bool) {
	if year == 0 {
		return years[len(years)-1], true
	}
	for _, y := range years {
		if of(y) == year {
			return y, true
		}
	}
	return y, false
}

// three are points in force, simulated, and the difference.
func three(simulated ledger.Milli, d projections.Delta) []string {
	return []string{(simulated - ledger.Milli(d)).String(), simulated.String(), d.String()}
}

func (e *env) showRegions(y projections.SimulatedYear) {
	sums := map[string]ledger.Milli{}
	for _, r := range y.Regions {
		sums[r.Region] = r.Total
	}
	differences := map[string]projections.Delta{}
	for _, d := range y.Differences.Regions {
		differences[d.Region] = d.Total
		sums[d.Region] += 0 // one that is only there in force
	}
	var rows [][]string
	for _, region := range sorted(sums) {
		name := cmp.Or(region, "no region")
		rows = append(rows, append([]string{name}, three(sums[region], differences[region])...))
	}
	e.heading("%d by region", y.Year)
	e.table([]string{"Region", ">In force", ">Simulated", ">Difference"}, rows)
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (e *env) showHospitals(y projections.SimulatedYear) {
	type hospital struct {
		name       string
		simulated  ledger.Milli
		difference projections.Delta
	}
	all := map[string]hospital{}
	for _, r := range y.Rows {
		all[string(r.Orgnr)] = hospital{r.Name, r.Total, 0}
	}
	for _, d := range y.Differences.Rows {
		h := all[string(d.Orgnr)]
		h.name, h.difference = d.Name, d.Total
		all[string(d.Orgnr)] = h
	}
	var rows [][]string
	for _, orgnr := range sorted(all) {
		h := all[orgnr]
		rows = append(rows, append([]string{orgnr, shorten(h.name, 32)}, three(h.simulated, h.difference)...))
	}
	e.heading("%d by hospital", y.Year)
	e.table([]string{"Number", "Hospital", ">In force", ">Simulated", ">Difference"}, rows)
}

// whys are reasons in words.
var whys = map[string]string{
	"no_rules": "no rules are in force", "not_eligible": "the innovation is not eligible", "kind": "kind of hospital",
	"scored": "the adoption counts in an earlier year", "lineage": "another branch counts", "limit": "a limit is reached",
	"project": "the project has its points already", "value": "another value", "reach": "another reach", "rounding": "rounding of shares",
}

// showReasons sums up where the differences come from.
func (e *env) showReasons(y projections.SimulatedYear) {
	if len(y.Differences.Lines) == 0 {
		fmt.Fprintf(e.out, "\nNo line of %d is different.\n", y.Year)
		return
	}
	type group struct {
		lines int
		delta projections.Delta
	}
	groups := map[string]group{}
	for _, l := range y.Differences.Lines {
		k := l.Change + "\t" + l.Reason
		groups[k] = group{groups[k].lines + 1, groups[k].delta + deltaOf(l)}
	}
	var rows [][]string
	for _, k := range sorted(groups) {
		change, reason, _ := strings.Cut(k, "\t")
		because := whys[reason]
		switch change {
		case projections.Gained:
			because += " (in force)"
		case projections.Lost:
			because += " (simulated)"
		}
		rows = append(rows, []string{change, because, strconv.Itoa(groups[k].lines), groups[k].delta.String()})
	}
	e.heading("%d, where it comes from", y.Year)
	e.table([]string{"Lines", "Because", ">Number", ">Points"}, rows)
}

func deltaOf(l projections.LineDifference) (d projections.Delta) {
	if l.After != nil {
		d += projections.Delta(*l.After)
	}
	if l.Before != nil {
		d -= projections.Delta(*l.Before)
	}
	return d
}

func (e *env) showLineDifferences(y projections.SimulatedYear, o ledger.Orgnr) error {
	var rows [][]string
	for _, l := range y.Differences.Lines {
		if l.Orgnr == o {
			rows = append(rows, []string{
				strconv.FormatInt(l.Index, 10), l.Innovation, string(l.Adopter), orDash(l.Before), orDash(l.After), l.Reason,
			})
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("no line of %s is different in %d", o, y.Year)
	}
	e.heading("%d, lines of %s", y.Year, o)
	e.table([]string{">Entry", "Innovation", "Adopter", ">Before", ">After", "Why"}, rows)
	return nil
}

func orDash(m *ledger.Milli) string {
	if m == nil {
		return "-"
	}
	return m.String()
}

// percent writes a share: 25.13 %.
func percent(r projections.Ratio) string {
	return fmt.Sprintf("%d.%02d %%", int64(r)/100, int64(r)%100)
}

// short is a region without what all have in common.
func short(region string) string { return strings.TrimPrefix(region, "Helse ") }

func (e *env) showIndicator(i *projections.Indicator, year int) {
	w := i.Weights
	e.heading("Three-part indicator, weights %s grants, %s spread, %s commercialisation;\n%s combined", w.Grants, w.Spread, w.Commercialisation, i.Combine)
	if len(i.Years) == 0 {
		return
	}
	var rows [][]string
	header := []string{"Year"}
	for _, r := range i.Years[0].Regions {
		header = append(header, ">"+short(r.Region))
	}
	for _, y := range i.Years {
		row := []string{strconv.Itoa(y.Year)}
		for _, r := range y.Regions {
			row = append(row, percent(r.Share))
		}
		rows = append(rows, row)
	}
	e.table(header, rows)
	y, ok := oneYear(i.Years, year, func(y projections.IndicatorYear) int { return y.Year })
	if !ok {
		return
	}
	rows = nil
	for _, r := range y.Regions {
		rows = append(rows, []string{
			short(r.Region), r.Grants.String(), r.Spread.String(), r.Commercialisation.String(), r.Combined.String(), r.Average.String(), percent(r.Share),
		})
	}
	e.heading("%d: points, combined, and averaged over %d years", y.Year, cmp.Or(i.AverageYears, projections.AverageYears))
	e.table([]string{"Region", ">Grants", ">Spread", ">Commerc.", ">Combined", ">Average", ">Share"}, rows)
}

func (e *env) showSweep(s *projections.Swept, year int) {
	first := s.Steps[0].Years
	if len(first) == 0 {
		return
	}
	y, ok := oneYear(first, year, func(y projections.SweptYear) int { return y.Year })
	if !ok {
		return
	}
	header := []string{">" + s.Parameter}
	for _, r := range y.Regions {
		header = append(header, ">"+short(r.Region))
	}
	var rows [][]string
	for _, step := range s.Steps {
		row := []string{step.Value.String()}
		for _, of := range step.Years {
			if of.Year == y.Year {
				for _, r := range of.Regions {
					row = append(row, percent(r.Share))
				}
			}
		}
		rows = append(rows, row)
	}
	e.heading("Shares of %d, averaged over three years, as %s moves", y.Year, s.Parameter)
	e.table(header, rows)
	rows = nil
	for _, x := range s.Extremes {
		if x.Year == y.Year {
			rows = append(rows, []string{short(x.Region), percent(x.Least.Share), x.Least.Value.String(), percent(x.Most.Share), x.Most.Value.String()})
		}
	}
	e.heading("Extremes of %d", y.Year)
	e.table([]string{"Region", ">Least", ">at", ">Most", ">at"}, rows)
}

// showOld sets the old indicator's points beside those of the simulated spread,
// each with its share of the year.
func (e *env) showOld(s *projections.Simulated) {
	header := []string{"Year", ""}
	var rows [][]string
	for _, r := range s.OldIndicator[0].Regions {
		header = append(header, ">"+short(r.Region))
	}
	for _, y := range s.OldIndicator {
		row := []string{strconv.Itoa(y.Year), "old"}
		for _, r := range y.Regions {
			row = append(row, fmt.Sprintf("%d %8s", r.Points, percent(r.Share)))
		}
		rows = append(rows, row)
	}
	for _, y := range s.Years {
		row := []string{strconv.Itoa(y.Year), "new"}
		for _, old := range s.OldIndicator[0].Regions {
			var points ledger.Milli
			for _, r := range y.Regions {
				if r.Region == old.Region {
					points = r.Total
				}
			}
			row = append(row, fmt.Sprintf("%s %8s", points, percent(projections.Share(points, y.Total))))
		}
		rows = append(rows, row)
	}
	e.heading("Points and shares of the year: the old indicator (annex 2 of the report)\nand the simulated spread")
	e.table(header, rows)
}
