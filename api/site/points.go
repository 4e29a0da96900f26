package site

import (
	"slices"
	"strconv"

	"spredning/ledger"
	"spredning/projections"
)

type pointsListPage struct {
	Years []pointsListYear
	Most  ledger.Milli
}

type pointsListYear struct {
	Year   int
	Status string
	Total  ledger.Milli
	Rules  string // id of those in force; empty: none
}

// pointsList is the page of all reporting years.
func (v *visit) pointsList() (shown, error) {
	var p pointsListPage
	v.read(func(f *projections.Fold) {
		for _, year := range slices.Backward(f.Years()) {
			t, _ := f.Table(year)
			y := pointsListYear{Year: year, Status: t.Status, Total: t.Total}
			if t.Rules != nil {
				y.Rules = t.Rules.ID
			}
			p.Most = max(p.Most, t.Total)
			p.Years = append(p.Years, y)
		}
	})
	return shown{Data: p, Lead: v.t("points.lead")}, nil
}

type pointsPage struct {
	projections.Table
	Closed      int64 // index of the closing
	ReportBy    ledger.Date
	Most        ledger.Milli // of a hospital
	MostRegion  ledger.Milli
	Force       *rulesInForce // nil: none
	Corrections []correctionRow
	Corrected   ledger.Milli
	More        int // corrections that are not shown
}

// rulesInForce are rules as a page says them.
type rulesInForce struct {
	ID, Basis, Lineage                           string
	MakerSame, MakerOther, TakerSame, TakerOther ledger.Milli
	Kinds                                        []ledger.Kind // that may get points
	OwnOnly, NoInitiatives, Illustrative         bool
	PerInnovation, PerPair                       int // limits in a year; 0: none
}

func inForce(r ledger.Rules) *rulesInForce {
	return &rulesInForce{
		ID: r.ID, Basis: r.Basis, Lineage: r.Lineage, Kinds: r.EligibleKinds,
		MakerSame: r.Originator.By(true), MakerOther: r.Originator.By(false), TakerSame: r.Adopter.By(true), TakerOther: r.Adopter.By(false),
		OwnOnly: *r.OwnFundingOnly, NoInitiatives: *r.ExcludeRegionalInitiatives, Illustrative: *r.Illustrative,
		PerInnovation: *r.MaxAdoptionsPerInnovation, PerPair: *r.MaxPerOriginatorAdopter,
	}
}

type correctionRow struct {
	projections.Correction
	Name  string
	Title ledger.Text
}

// mostCorrections is how many corrections a year's page shows.
const mostCorrections = 100

// pointsPage is the page of a reporting year.
func (v *visit) pointsPage() (shown, error) {
	year, err := strconv.Atoi(v.Param("year"))
	if err != nil || strconv.Itoa(year) != v.Param("year") {
		return shown{}, ErrNotFound
	}
	var p pointsPage
	var ok bool
	v.read(func(f *projections.Fold) {
		if p.Table, ok = f.Table(year); ok {
			p.fill(f)
		}
	})
	if !ok {
		return shown{}, ErrNotFound
	}
	return shown{Data: p, Title: v.t("points.of", "year", strconv.Itoa(p.Year)), Crumbs: []crumb{{"/poeng", v.t("pointsyears.title")}}}, nil
}

func (p *pointsPage) fill(f *projections.Fold) {
	for _, y := range f.ReportingYears() {
		if y.Year == p.Year {
			p.ReportBy = y.ReportBy
			if y.Closed != nil {
				p.Closed = *y.Closed
			}
		}
	}
	for _, r := range p.Rows {
		p.Most = max(p.Most, r.Total)
	}
	for _, r := range p.Regions {
		p.MostRegion = max(p.MostRegion, r.Total)
	}
	if p.Rules != nil {
		p.Force = inForce(*p.Rules)
	}
	c, _ := f.Corrections(p.Year)
	p.Corrected = c.Total
	p.More = max(0, len(c.Lines)-mostCorrections)
	for _, l := range c.Lines[:len(c.Lines)-p.More] {
		o, _ := f.Organisation(l.Orgnr)
		i, _ := f.Innovation(l.Innovation)
		p.Corrections = append(p.Corrections, correctionRow{l, o.Name, i.Title})
	}
}
