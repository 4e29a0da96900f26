package projections

import (
	"slices"

	"spredning/ledger"
)

// Arrival is an innovation that has come to a new adopter: the entry of a pair that
// is in use now, or was until it ended.
type Arrival struct {
	Index       int64 // of the confirmation
	Innovation  string
	Title       ledger.Text
	Originators []ledger.Organisation
	Adopter     ledger.Organisation
	Reach       string
	Status      string
}

// Arrivals gives the latest arrivals, newest first.
func (f *Fold) Arrivals(limit int) (all []Arrival) {
	for index := len(f.entries) - 1; index >= 0 && len(all) < limit; index-- {
		if f.entries[index].pair == none {
			continue
		}
		p := &f.pairs[f.alive(f.entries[index].pair)]
		if i := f.innovations[p.innovation]; p.adopted() && p.entry == uint32(index) && i.withdrawn == nil {
			all = append(all, f.arrival(i, p))
		}
	}
	return all
}

func (f *Fold) arrival(i *innovation, p *pair) Arrival {
	a := Arrival{
		Index: int64(p.entry), Innovation: i.id.String(), Title: i.Title, Adopter: f.orgs[p.adopter].Organisation,
		Reach: reach(f.sameRegion(i, p.adopter)), Status: p.status.String(),
	}
	for _, m := range i.makers {
		a.Originators = append(a.Originators, f.orgs[m].Organisation)
	}
	return a
}

// Figures are how much there is.
type Figures struct {
	Innovations int // published, neither withdrawn nor merged
	Spread      int // of those, with an adopter at least
	Adoptions   int // confirmed, also if the use has ended
	InUse       int // of those, still
	OtherRegion int // of the adoptions, those in another region than the originators'
	Originators int // organisations that have made one
	Adopters    int // organisations that have confirmed one
}

func (f *Fold) readFigures() (n Figures) {
	makers, adopters := newBits(len(f.orgs)), newBits(len(f.orgs))
	for k, s := range f.spreads() {
		i := f.innovations[k]
		if i.into != none || i.withdrawn != nil {
			continue
		}
		n.Innovations++
		for _, m := range i.makers {
			makers.count(m, &n.Originators)
		}
		if s.Adopters > 0 {
			n.Spread++
		}
		n.Adoptions, n.InUse, n.OtherRegion = n.Adoptions+s.Adopters, n.InUse+s.InUse, n.OtherRegion+s.OtherRegion
	}
	for k := range f.pairs {
		if p := &f.pairs[k]; p.joined == none && p.adopted() && !adopters.has(p.adopter) && f.innovations[p.innovation].withdrawn == nil {
			adopters.count(p.adopter, &n.Adopters)
		}
	}
	return n
}

// readSpreads makes one walk over all pairs as they lie in memory: to follow each
// innovation's chain of them takes many times as long when there are many.
func (f *Fold) readSpreads() []Spread {
	all := make([]Spread, len(f.innovations))
	regions := make([]uint8, len(f.orgs)) // a bit each; 0: none
	for n, o := range f.orgs {
		if k := slices.Index(ledger.Regions, o.Region); k >= 0 {
			regions[n] = 1 << k
		}
	}
	near := make([]uint8, len(f.innovations)) // the regions that it was made in
	for n, i := range f.innovations {
		for _, m := range i.makers {
			near[n] |= regions[m]
		}
	}
	for k := range f.pairs {
		p := &f.pairs[k]
		if p.joined != none || !p.adopted() {
			continue
		}
		s := &all[p.innovation]
		s.Adopters++
		if near[p.innovation]&regions[p.adopter] != 0 {
			s.SameRegion++
		} else {
			s.OtherRegion++
		}
		if p.status == Confirmed {
			s.InUse++
		}
	}
	return all
}

// count counts a number that is new to the set.
func (b bits) count(n int32, counted *int) {
	if !b.has(n) {
		b.add(n)
		*counted++
	}
}

// Hospital is an organisation with how much it has made and adopted.
type Hospital struct {
	ledger.Organisation
	SucceededBy ledger.Orgnr
	Made        int // innovations that it is an originator of now, neither withdrawn nor merged
	SpreadTo    int // adoptions of those
	Adopted     int // also if the use has ended
	InUse       int
	Waiting     int // invitations that it has not answered
}

func (f *Fold) readHospitals() []Hospital {
	all := make([]Hospital, len(f.orgs))
	for n, o := range f.orgs {
		h := &all[n]
		h.Organisation = o.Organisation
		if o.successor != none {
			h.SucceededBy = f.orgs[o.successor].Orgnr
		}
	}
	for k := range f.pairs {
		if p := &f.pairs[k]; p.joined == none {
			all[p.adopter].adopts(p)
		}
	}
	for n, spread := range f.spreads() {
		i := f.innovations[n]
		if i.into != none || i.withdrawn != nil {
			continue
		}
		for _, m := range i.makers {
			all[m].Made++
			all[m].SpreadTo += spread.Adopters
		}
	}
	return all
}

func (h *Hospital) adopts(p *pair) {
	if p.adopted() {
		h.Adopted++
	}
	if p.status == Confirmed {
		h.InUse++
	}
	if p.invited != noEntry {
		h.Waiting++
	}
}
