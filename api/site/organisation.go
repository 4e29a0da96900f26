package site

import (
	"slices"

	"spredning/ledger"
	"spredning/projections"
)

// The most that an organisation's page shows of each.
const (
	mostMade    = 25
	mostAdopted = 50
	mostLines   = 20 // of a year
)

type organisationPage struct {
	projections.Organisation
	Successor   string // its name
	Parent      ledger.Organisation
	ContactText string
	ContactURL  string
	Made        []madeRow
	MoreMade    int
	Adopted     []adoptedRow
	MoreAdopted int
	Waiting     []adoptedRow
	Map         Map
	Years       []pointsYear
	Most        ledger.Milli // of a year
}

type madeRow struct {
	projections.Innovation
	By       []string // adopters' short names, in the order of their entries
	MoreBy   int
	ByOthers string // name of the predecessor that made it
}

// adoptedRow is something that the organisation has adopted, or is asked to confirm.
type adoptedRow struct {
	ID          string
	Title       ledger.Text
	Originators []projections.Originator
	Status      string
	Index       *int64
}

// pointsYear is what an organisation has got in a year, line by line.
type pointsYear struct {
	Year   int
	Status string
	projections.Sums
	Lines []pointsLine
	More  int
}

type pointsLine struct {
	projections.Line
	Title   ledger.Text
	Adopter string // name
	From    []projections.Originator
}

const mostBy = 12 // adopters of an innovation that are named

// organisation is the page of one organisation.
func (v *visit) organisationPage() (shown, error) {
	var p organisationPage
	var ok bool
	v.read(func(f *projections.Fold) {
		if p.Organisation, ok = f.Organisation(ledger.Orgnr(v.Param("orgnr"))); ok {
			p.fill(f)
			p.Map = v.organisationMap(f, &p)
		}
	})
	if !ok {
		return shown{}, ErrNotFound
	}
	p.ContactText, p.ContactURL = contact(p.Contact)
	return shown{
		Data: p, Title: p.Name, Crumbs: []crumb{{"/foretak", v.t("organisations.title")}}, Feed: "/foretak/" + string(p.Orgnr) + "/feed.atom",
	}, nil
}

func (p *organisationPage) fill(f *projections.Fold) {
	if o, ok := f.Registered(p.SucceededBy); ok {
		p.Successor = o.Name
	}
	p.Parent, _ = f.Registered(p.Organisation.Parent)
	p.makes(f, p.Originated, "")
	for _, before := range p.Predecessors {
		p.makes(f, before.Originated, before.Name)
	}
	for _, a := range slices.Backward(p.Organisation.Adopted) {
		if a.Status != "confirmed" && a.Status != "ended" {
			continue
		}
		if len(p.Adopted) == mostAdopted {
			p.MoreAdopted++
			continue
		}
		p.Adopted = append(p.Adopted, rowOf(f, a.Innovation, a.Status, a.Index))
	}
	for _, i := range p.Invitations {
		if len(p.Waiting) < mostAdopted {
			p.Waiting = append(p.Waiting, rowOf(f, i.Innovation, "invited", &i.Index))
		}
	}
	p.gets(f)
}

// makes adds innovations that the organisation, or one that it acts for, has made.
func (p *organisationPage) makes(f *projections.Fold, ids []string, by string) {
	for _, id := range slices.Backward(ids) {
		i, ok := f.Innovation(id)
		if !ok || i.Status == "merged" {
			continue
		}
		if len(p.Made) == mostMade {
			p.MoreMade++
			continue
		}
		row := madeRow{Innovation: i, ByOthers: by}
		pairs, _ := f.Pairs(id)
		for _, pair := range pairs {
			if pair.Status != "confirmed" && pair.Status != "ended" {
				continue
			}
			if len(row.By) == mostBy {
				row.MoreBy++
				continue
			}
			o, _ := f.Registered(pair.Adopter)
			row.By = append(row.By, o.Short)
		}
		p.Made = append(p.Made, row)
	}
}

func rowOf(f *projections.Fold, id, status string, index *int64) adoptedRow {
	i, _ := f.Innovation(id)
	return adoptedRow{ID: id, Title: i.Title, Originators: i.Originators, Status: status, Index: index}
}

// gets reads the points of all opened years, the newest first.
func (p *organisationPage) gets(f *projections.Fold) {
	for _, year := range slices.Backward(f.Years()) {
		r, status, _ := f.Got(year, p.Orgnr)
		y := pointsYear{Year: year, Status: status, Sums: r.Sums, More: max(0, len(r.Lines)-mostLines)}
		for _, l := range r.Lines[:len(r.Lines)-y.More] {
			y.Lines = append(y.Lines, lineOf(f, l))
		}
		p.Most = max(p.Most, y.Total)
		p.Years = append(p.Years, y)
	}
}

func lineOf(f *projections.Fold, l projections.Line) pointsLine {
	i, _ := f.Innovation(l.Innovation)
	o, _ := f.Registered(l.Adopter)
	return pointsLine{Line: l, Title: i.Title, Adopter: o.Name, From: i.Originators}
}

// organisationMap draws where an organisation's innovations have come, and where it
// has its own from.
func (v *visit) organisationMap(f *projections.Fold, p *organisationPage) Map {
	m := newMapping(v.t("organisation.map", "name", p.Name))
	m.used(p.Organisation.Organisation)
	for _, made := range p.Made {
		pairs, _ := f.Pairs(made.ID)
		for _, pair := range pairs[:min(len(pairs), mostAdoptions)] {
			if pair.Status == "confirmed" || pair.Status == "ended" {
				to, _ := f.Registered(pair.Adopter)
				m.spread(p.Organisation.Organisation, to)
			}
		}
	}
	for _, a := range p.Adopted {
		for _, o := range a.Originators {
			from, _ := f.Registered(o.Orgnr)
			m.spread(from, p.Organisation.Organisation)
		}
	}
	return m.Map()
}
