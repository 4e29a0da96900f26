package site

import (
	"slices"

	"spredning/ledger"
	"spredning/projections"
)

const mostNews = 12 // that a desk tells of

// deskPage is what an organisation's adviser comes for.
type deskPage struct {
	organisationPage
	Disputes []projections.DisputeItem // open ones, of what it has adopted
	Keys     []waitingKey
	Open     []openYear
	News     []projections.News
}

// openYear is a year that is not closed, and what it would give if it were now.
type openYear struct {
	projections.Year
	projections.Sums
	Lines bool // there are some
}

// desk is /foretak/{orgnr}/arbeid.
func (v *visit) desk() (shown, error) {
	var p deskPage
	var ok bool
	v.read(func(f *projections.Fold) {
		if p.Organisation, ok = f.Organisation(ledger.Orgnr(v.Param("orgnr"))); !ok {
			return
		}
		p.fill(f)
		for _, d := range f.Disputes("open", 0) {
			if d.Adopter == p.Orgnr {
				p.Disputes = append(p.Disputes, d)
			}
		}
		p.News, _, _ = f.News(projections.NewsQuery{Organisation: p.Orgnr}, -1, mostNews)
		for _, y := range f.ReportingYears() {
			at := slices.IndexFunc(p.Years, func(x pointsYear) bool { return x.Year == y.Year })
			if y.Status == "open" && at >= 0 {
				p.Open = append(p.Open, openYear{y, p.Years[at].Sums, len(p.Years[at].Lines) > 0})
			}
		}
	})
	if !ok {
		return shown{}, ErrNotFound
	}
	indexes := make([]int64, 0, len(p.Disputes))
	for k := range p.Disputes {
		indexes = append(indexes, p.Disputes[k].Entries()...)
	}
	err := v.telling(indexes, func(e *ledger.Entry) {
		for k := range p.Disputes {
			p.Disputes[k].Tell(e)
		}
	})
	if err != nil {
		return shown{}, err
	}
	if p.Keys, err = v.waiting(p.Orgnr); err != nil {
		return shown{}, err
	}
	return shown{
		Data: p, Title: v.t("desk.heading", "name", p.Name), Lead: v.t("desk.lead"), Scripts: []string{"desk.js"}, NoIndex: true, Volatile: true,
		Crumbs: []crumb{{"/foretak", v.t("organisations.title")}, {"/foretak/" + string(p.Orgnr), p.Name}},
	}, nil
}
