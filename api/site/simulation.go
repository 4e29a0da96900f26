package site

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"spredning/ledger"
	"spredning/projections"
)

const mostHospitals = 40 // whose points differ, that are shown

type simulationPage struct {
	*scenario
	Years   []yearLink
	RulesAt *int64 // entry of the rules that the form starts from
	Files   []*rowsFile
	Faults  []faulty
	Link    string // to this scenario
	Reset   string
	Result  *simulationResult
}

type yearLink struct {
	Year int
	URL  string
	Here bool
}

// simulationPage is where rules and weights are tried out.
func (v *visit) simulationPage() (shown, error) {
	q, files, err := v.asked()
	if err != nil {
		return shown{}, err
	}
	out := shown{Lead: v.t("simulation.lead"), Scripts: []string{"simulate.js"}, NoIndex: v.URL.RawQuery != "" || v.Method == http.MethodPost}
	var readings *projections.Readings
	var hospitals []projections.Hospital
	var published []projections.RulesItem
	v.read(func(f *projections.Fold) {
		readings, hospitals, published = f.Readings(), f.Hospitals(), f.PublishedRules()
	})
	years := readings.Years()
	if len(years) == 0 {
		return out, nil
	}
	year, err := yearOf(q, years)
	if err != nil {
		return shown{}, err
	}
	p := &simulationPage{scenario: newScenario(v.language, year.Year, year.Rules), Files: files}
	p.read(v.language, q)
	for _, f := range files {
		f.example(hospitals, p.Year)
	}
	if p.Faults = append(p.faults(v.language), fileFaults(v.language, files)...); len(p.Faults) == 0 {
		if p.Result, err = p.simulate(v, readings); err != nil {
			return shown{}, err
		}
		p.Faults = fileFaults(v.language, files)
	}
	p.link(v, years, published)
	out.Data = p
	if v.Method == http.MethodPost {
		out.Query = p.query().Encode()
	}
	return out, nil
}

// asked is what the address asks for, or the form that was sent.
func (v *visit) asked() (url.Values, []*rowsFile, error) {
	if v.Method == http.MethodPost {
		return v.sent()
	}
	q, files := v.Query(), newRowsFiles()
	for _, f := range files {
		// A form that is sent without its files still names them.
		if q.Get(f.Name) != "" {
			f.Fault = v.t("simulation.unsent")
		}
	}
	return q, files, nil
}

// yearOf is the year that is asked for, or the last.
func yearOf(q url.Values, years []projections.YearRules) (projections.YearRules, error) {
	asked := q.Get("year")
	if asked == "" {
		return years[len(years)-1], nil
	}
	for _, y := range years {
		if strconv.Itoa(y.Year) == asked {
			return y, nil
		}
	}
	return projections.YearRules{}, ErrInvalid
}

// link fills in where the page leads.
func (p *simulationPage) link(v *visit, years []projections.YearRules, published []projections.RulesItem) {
	to := func(q url.Values) string { return v.path("/simulering") + "?" + q.Encode() }
	q := p.query()
	p.Link, p.Reset = to(q), to(url.Values{"year": {strconv.Itoa(p.Year)}})
	for _, y := range slices.Backward(years) {
		q := maps.Clone(q)
		q.Set("year", strconv.Itoa(y.Year))
		p.Years = append(p.Years, yearLink{y.Year, to(q), y.Year == p.Year})
	}
	for _, r := range published {
		if p.InForce && r.Rules.ID == p.Base.ID {
			p.RulesAt = &r.Index
		}
	}
}

// Open reports whether a group of the form is shown open: one in which something
// differs. names are how its fields begin.
func (p *simulationPage) Open(names ...string) bool { return p.changed(names...) }

// AverageYears is how many years the moving average is of.
func (p *simulationPage) AverageYears() int { return p.others.AverageYears }

// FilesOpen is Open for the files.
func (p *simulationPage) FilesOpen() bool {
	return slices.ContainsFunc(p.Files, func(f *rowsFile) bool { return f.Given || f.Fault != "" })
}

// WithRows reports whether rows of a file were counted.
func (p *simulationPage) WithRows() bool {
	return slices.ContainsFunc(p.Files, func(f *rowsFile) bool { return f.Given })
}

// simulationResult is what a scenario gives, beside the rules in force.
type simulationResult struct {
	Regions       []regionShare
	Most          projections.Ratio // the largest share
	Nothing       bool              // there are no points to share
	Same          bool              // the scenario differs in nothing
	Before, After ledger.Milli      // points of spread in the year
	Hospitals     []hospitalChange
	More          int  // that are not shown
	NoLines       bool // there are too many to say where differences come from
}

// regionShare is a regional health authority's.
type regionShare struct {
	Before projections.Ratio // share, where the form starts
	projections.RegionIndicator
}

// Change is in ten-thousandths.
func (r regionShare) Change() int { return int(r.Share) - int(r.Before) }

// hospitalChange is an organisation whose points of spread differ.
type hospitalChange struct {
	Orgnr         ledger.Orgnr
	Name, Region  string
	Before, After ledger.Milli
	HasLines      bool // under the rules in force
	Reasons       []lineReason
}

// Change is After less Before.
func (h hospitalChange) Change() ledger.Milli { return h.After - h.Before }

// lineReason is why so many lines differ.
type lineReason struct {
	Change, Reason string
	N              int
}

// simulate computes the scenario, and what it is held against: the rules in force for
// each year, with points and weights as the form starts, of the same rows. Nil: the
// rows cannot be, which the files then say.
func (p *simulationPage) simulate(v *visit, readings *projections.Readings) (*simulationResult, error) {
	start := &projections.Simulation{Lines: new(bool), Others: newScenario(v.language, p.Year, &p.Base).others}
	asked := &projections.Simulation{Rules: p.otherRules(), Others: p.others}
	for _, s := range []*projections.Simulation{start, asked} {
		for _, f := range p.Files {
			f.into(&s.Others)
		}
	}
	all, err := v.Simulate(v.Context(), readings, start, asked)
	if err != nil {
		return nil, explainRows(v.language, p.Files, err)
	}
	return p.against(all[0], all[1]), nil
}

// against holds two simulations of a year against each other.
func (p *simulationPage) against(start, asked *projections.Simulated) *simulationResult {
	r := &simulationResult{Nothing: true, NoLines: true}
	for k, after := range indicatorOf(asked, p.Year) {
		before := indicatorOf(start, p.Year)[k].Share
		r.Regions = append(r.Regions, regionShare{before, after})
		r.Most = max(r.Most, before, after.Share)
		r.Nothing = r.Nothing && before == 0 && after.Share == 0
	}
	for k, y := range asked.Years {
		if y.Year == p.Year {
			r.hospitals(start.Years[k], y)
		}
	}
	r.Same = len(r.Hospitals) == 0 && !slices.ContainsFunc(r.Regions, func(s regionShare) bool { return s.Change() != 0 })
	return r
}

func indicatorOf(s *projections.Simulated, year int) []projections.RegionIndicator {
	for _, y := range s.Indicator.Years {
		if y.Year == year {
			return y.Regions
		}
	}
	return nil
}

// hospitals finds whose points differ in a year, the greatest difference first.
func (r *simulationResult) hospitals(before, after projections.SimulatedYear) {
	r.Before, r.After, r.NoLines = before.Total, after.Total, after.Differences.Lines == nil
	sums, has := map[ledger.Orgnr]ledger.Milli{}, map[ledger.Orgnr]bool{}
	for _, row := range before.Rows {
		sums[row.Orgnr], has[row.Orgnr] = row.Total, true
	}
	reasons := map[ledger.Orgnr][]lineReason{}
	for _, l := range after.Differences.Lines {
		reasons[l.Orgnr] = oneMore(reasons[l.Orgnr], l.Change, l.Reason)
	}
	all := after.Differences.Rows
	slices.SortStableFunc(all, func(a, b projections.RowDifference) int { return cmp.Compare(abs(b.Total), abs(a.Total)) })
	r.More = max(0, len(all)-mostHospitals)
	for _, d := range all[:len(all)-r.More] {
		r.Hospitals = append(r.Hospitals, hospitalChange{
			Orgnr: d.Orgnr, Name: d.Name, Region: d.Region, Before: sums[d.Orgnr], After: sums[d.Orgnr] + ledger.Milli(d.Total),
			HasLines: has[d.Orgnr], Reasons: reasons[d.Orgnr],
		})
	}
}

func oneMore(all []lineReason, change, reason string) []lineReason {
	for k := range all {
		if all[k].Change == change && all[k].Reason == reason {
			all[k].N++
			return all
		}
	}
	return append(all, lineReason{change, reason, 1})
}

func abs(d projections.Delta) projections.Delta { return max(d, -d) }

// percent writes a share, or a difference of shares, with two decimals: 33,40.
func (l *language) percent(ratio any) string {
	n, err := strconv.Atoi(fmt.Sprintf("%d", ratio))
	if err != nil {
		return ""
	}
	sign := ""
	if n < 0 {
		sign, n = "−", -n
	}
	point := ","
	if l == english {
		point = "."
	}
	return fmt.Sprintf("%s%d%s%02d", sign, n/100, point, n%100)
}

// change writes a difference with its sign, of points or as percent does.
func (l *language) change(d any) string {
	switch d := d.(type) {
	case ledger.Milli:
		return plus(d > 0) + l.points(d)
	case int:
		return plus(d > 0) + l.percent(d)
	}
	return ""
}

func plus(positive bool) string {
	if positive {
		return "+"
	}
	return ""
}

// ratio writes a number of at most four decimals.
func (l *language) ratio(r projections.Ratio) string {
	text := strings.TrimSuffix(strings.TrimRight(r.String(), "0"), ".")
	if l != english {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text
}
