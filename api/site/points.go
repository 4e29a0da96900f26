package site

import (
	"cmp"
	"slices"
	"strconv"

	"spredning/ledger"
	"spredning/projections"
)

// The most that pages of points show of each.
const (
	pointsEach      = 50 // organisations of a year, or lines of one of them, on a page
	mostCorrections = 100
	mostDisputes    = 50
)

type pointsList struct {
	Regions []string
	Years   []yearRow
	Most    ledger.Milli // of a year
}

// yearRow is a year in the list of all, its points in the order of the list's regions.
type yearRow struct {
	Year      int
	Status    string
	Rules     string
	Total     ledger.Milli
	ByRegions []ledger.Milli
}

// pointsPage is the list of all years, the newest first.
func (v *visit) pointsPage() (shown, error) {
	p := pointsList{Regions: slices.Clone(ledger.Regions)}
	var readings *projections.Readings
	v.read(func(f *projections.Fold) { readings = f.Readings() })
	var years []projections.Table
	for _, y := range readings.Years() {
		t, _ := readings.Table(y.Year)
		years = append(years, t)
	}
	for _, y := range years {
		for _, r := range y.Regions {
			if r.Region == "" && !slices.Contains(p.Regions, "") {
				p.Regions = append(p.Regions, "")
			}
		}
	}
	for _, y := range slices.Backward(years) {
		row := yearRow{Year: y.Year, Status: y.Status, Total: y.Total, ByRegions: make([]ledger.Milli, len(p.Regions))}
		if y.Rules != nil {
			row.Rules = y.Rules.ID
		}
		for _, r := range y.Regions {
			row.ByRegions[slices.Index(p.Regions, r.Region)] = r.Total
		}
		p.Most = max(p.Most, y.Total)
		p.Years = append(p.Years, row)
	}
	return shown{Data: p, Lead: v.t("points.lead")}, nil
}

// placeInTime is where in the ledger a page of points stands: now, or at a position that
// the address asks for.
type placeInTime struct {
	Asked    string // as it was written; empty: now
	Position int64
	Now      int64
}

// SameQuery leads to the same position.
func (m placeInTime) SameQuery() string {
	if m.Asked == "" {
		return ""
	}
	return "?position=" + m.Asked
}

// asOf reads the fold as it is now, or as it was at the position asked for.
func (v *visit) asOf(fn func(*projections.Fold)) (placeInTime, error) {
	m := placeInTime{Asked: v.Query().Get("position"), Now: v.View.Position()}
	if m.Asked == "" {
		v.read(fn)
		m.Position, m.Now = v.position, v.position
		return m, nil
	}
	position, err := strconv.ParseInt(m.Asked, 10, 64)
	if err != nil || position < 0 || position > m.Now || strconv.FormatInt(position, 10) != m.Asked {
		return m, ErrInvalid
	}
	f, err := v.Past(v.Context(), position)
	if err != nil {
		return m, err
	}
	v.position, m.Position = position, position
	fn(f)
	return m, nil
}

// yearInPath is the reporting year in the path.
func (v *visit) yearInPath() (int, error) {
	p := v.Param("year")
	year, err := strconv.Atoi(p)
	if err != nil || strconv.Itoa(year) != p {
		return 0, ErrNotFound
	}
	return year, nil
}

type yearPage struct {
	placeInTime
	projections.Year
	ClosedOn  string
	NotYet    bool // at this position
	Table     projections.Table
	Rules     *rulesShown       // none: no points
	Rows      []projections.Row // of the page
	Paging    paging
	Most      ledger.Milli // of an organisation
	MostOf    ledger.Milli // of a region
	Corrected []correctionRow
	More      int // corrections that are not shown
	Less      ledger.Milli
	Disputes  []projections.DisputeItem
	MoreOpen  int // disputes that are not shown

	readings  *projections.Readings
	published []projections.RulesItem
}

type correctionRow struct {
	projections.Correction
	Name  string
	Title ledger.Text
}

// pointsYearPage is a year's table.
func (v *visit) pointsYearPage() (shown, error) {
	year, err := v.yearInPath()
	if err != nil {
		return shown{}, err
	}
	page, err := v.pageAsked()
	if err != nil {
		return shown{}, err
	}
	var p yearPage
	p.placeInTime, err = v.asOf(func(f *projections.Fold) { p.fill(f, year) })
	if err = cmp.Or(err, p.missing(v, year)); err != nil {
		return shown{}, err
	}
	out := shown{
		Data: &p, Title: v.t("points_year.heading", "year", strconv.Itoa(year)), Crumbs: []crumb{{"/poeng", v.t("points.title")}},
		NoIndex: v.URL.RawQuery != "",
	}
	if p.NotYet {
		return out, nil
	}
	if err := p.arrange(v, page); err != nil {
		return shown{}, err
	}
	if p.Closed != nil {
		p.ClosedOn, err = v.signedAt(*p.Closed)
	}
	return out, err
}

// fill reads all of a year; its table is computed later, when the fold is free.
func (p *yearPage) fill(f *projections.Fold, year int) {
	years := f.ReportingYears()
	k := slices.IndexFunc(years, func(y projections.Year) bool { return y.Year == year })
	if k < 0 {
		p.NotYet, p.Table.Year = true, year
		return
	}
	p.Year = years[k]
	p.readings, p.published = f.Readings(), f.PublishedRules()
	if c, closed := f.Corrections(year); closed {
		p.Less = c.Total
		p.More = max(0, len(c.Lines)-mostCorrections)
		for _, l := range c.Lines[:len(c.Lines)-p.More] {
			i, _ := f.Innovation(l.Innovation)
			o, _ := f.Registered(l.Orgnr)
			p.Corrected = append(p.Corrected, correctionRow{l, o.Name, i.Title})
		}
		return
	}
	p.Disputes, p.MoreOpen = f.FirstDisputes(projections.DisputeOpen, year, "", mostDisputes)
}

// missing tells of a year that is not opened now either.
func (p *yearPage) missing(v *visit, year int) error {
	if !p.NotYet {
		return nil
	}
	var years []int
	v.View.Read(func(f *projections.Fold) { years = f.Years() })
	if p.Asked == "" || !slices.Contains(years, year) {
		return ErrNotFound
	}
	return nil
}

// arrange computes the table, puts who has most first, and cuts out a page.
func (p *yearPage) arrange(v *visit, page int) (err error) {
	p.Table, _ = p.readings.Table(p.Year.Year)
	p.Table.Rows = slices.Clone(p.Table.Rows)
	p.Rules = showRules(p.Table, p.published)
	slices.SortStableFunc(p.Table.Rows, func(a, b projections.Row) int { return cmp.Compare(b.Total, a.Total) })
	if p.Paging, err = v.paging(page, pointsEach, len(p.Table.Rows)); err != nil {
		return err
	}
	for _, r := range p.Table.Rows {
		p.Most = max(p.Most, r.Total)
	}
	for _, r := range p.Table.Regions {
		p.MostOf = max(p.MostOf, r.Total)
	}
	if p.Paging.Total > 0 {
		p.Rows = p.Table.Rows[p.Paging.From-1 : p.Paging.To]
	}
	return nil
}

// rulesShown are rules as they are put into words.
type rulesShown struct {
	*ledger.Rules
	PublishedAt            *int64 // entry
	OwnOnly, NoInitiatives bool
	PerInnovation, PerPair int // 0: no limit
	IsIllustrative         bool
}

func showRules(t projections.Table, published []projections.RulesItem) *rulesShown {
	if t.Rules == nil {
		return nil
	}
	shown := &rulesShown{
		Rules: t.Rules, OwnOnly: *t.Rules.OwnFundingOnly, NoInitiatives: *t.Rules.ExcludeRegionalInitiatives,
		PerInnovation: *t.Rules.MaxAdoptionsPerInnovation, PerPair: *t.Rules.MaxPerOriginatorAdopter, IsIllustrative: *t.Rules.Illustrative,
	}
	for _, r := range published {
		if r.Rules.ID == t.Rules.ID && r.Index < t.Position {
			shown.PublishedAt = &r.Index
		}
	}
	return shown
}

type linesPage struct {
	placeInTime
	Year   int
	Status string
	Orgnr  ledger.Orgnr
	Name   string
	Region string
	projections.Sums
	Lines  []pointsLine
	Paging paging
}

// pointLines is what an organisation has got in a year, line by line.
func (v *visit) pointLines() (shown, error) {
	year, err := v.yearInPath()
	if err != nil {
		return shown{}, err
	}
	page, err := v.pageAsked()
	if err != nil {
		return shown{}, err
	}
	p := linesPage{Year: year, Orgnr: ledger.Orgnr(v.Param("orgnr"))}
	there, bad := false, error(nil)
	p.placeInTime, err = v.asOf(func(f *projections.Fold) {
		var row projections.Row
		if row, p.Status, there = f.Got(year, p.Orgnr); there {
			bad = p.fill(v, f, row, page)
		}
	})
	switch {
	case err != nil || bad != nil:
		return shown{}, cmp.Or(err, bad)
	case !there:
		return shown{}, ErrNotFound
	}
	return shown{
		Data: &p, Title: v.t("point_lines.heading", "name", p.Name, "year", strconv.Itoa(year)), NoIndex: v.URL.RawQuery != "",
		Crumbs: []crumb{{"/poeng", v.t("points.title")}, {"/poeng/" + strconv.Itoa(year) + p.SameQuery(), strconv.Itoa(year)}},
	}, nil
}

func (p *linesPage) fill(v *visit, f *projections.Fold, r projections.Row, page int) (err error) {
	p.Name, p.Region, p.Sums = r.Name, r.Region, r.Sums
	if p.Paging, err = v.paging(page, pointsEach, len(r.Lines)); err != nil {
		return err
	}
	for _, l := range r.Lines[p.Paging.From-1 : p.Paging.To] {
		p.Lines = append(p.Lines, lineOf(f, l))
	}
	return nil
}
