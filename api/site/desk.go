package site

import (
	"slices"
	"time"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

const mostNews = 12 // that a desk tells of

// deskPage is what an organisation's adviser comes for.
type deskPage struct {
	organisationPage
	Disputes     []projections.DisputeItem // open ones, of what it has adopted
	MoreDisputes int                       // that are not shown
	Keys         []waitingKey
	Drafts       []draftRow
	Owed         []owedFiles
	Open         []openYear
	News         []projections.News
}

// draftRow is an event that waits for the organisation's signature.
type draftRow struct {
	Hash    string
	Type    ledger.Type
	By      string // name of who began it
	Expires time.Time
}

// mostDrafts is how many drafts a desk shows.
const mostDrafts = 50

// drafts finds what waits for an organisation's signature: what it must sign and, if it
// has an assessor's key, what the committee is to sign and it has not.
func (v *visit) drafts(o ledger.Orgnr) (all []draftRow, err error) {
	if v.Drafts == nil {
		return nil, nil
	}
	found, err := v.Drafts(v.Context(), o)
	if err != nil {
		return nil, err
	}
	v.read(func(f *projections.Fold) {
		assesses := slices.ContainsFunc(f.KeysOf(o, ""), func(k projections.Key) bool { return k.Revoked == nil && slices.Contains(k.Roles, ledger.Assess) })
		for _, d := range found {
			signed := slices.ContainsFunc(d.Envelope.Signatures, func(s keys.Signature) bool {
				k, _ := f.Key(s.KeyID)
				return k.Organisation == o
			})
			if signed || len(d.Missing.Organisations) == 0 && !assesses || len(all) == mostDrafts {
				continue
			}
			by, _ := f.Registered(d.By)
			all = append(all, draftRow{d.Sum(), d.Type, by.Name, d.Expires()})
		}
	})
	return all, nil
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
		p.Disputes, p.MoreDisputes = f.FirstDisputes(projections.DisputeOpen, 0, p.Orgnr, mostDisputes)
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
	if p.Drafts, err = v.drafts(p.Orgnr); err != nil {
		return shown{}, err
	}
	if p.Owed, err = v.owed(&p); err != nil {
		return shown{}, err
	}
	return shown{
		Data: p, Title: v.t("desk.heading", "name", p.Name), Lead: v.t("desk.lead"), Scripts: []string{"desk.js"}, NoIndex: true, Volatile: true,
		Crumbs: []crumb{{"/foretak", v.t("organisations.title")}, {"/foretak/" + string(p.Orgnr), p.Name}},
	}, nil
}
