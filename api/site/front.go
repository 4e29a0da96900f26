package site

import (
	"spredning/projections"
)

// How many arrivals the front page shows on its map and tells of in its table.
const latestArrivals = 12

type frontPage struct {
	Figures  projections.Figures
	Arrivals []arrival
	Map      Map
}

// arrival is one with the day that its entry says it was confirmed.
type arrival struct {
	projections.Arrival
	At string
}

// front is the front page.
func (v *visit) front() (shown, error) {
	var p frontPage
	var hospitals []projections.Hospital
	v.read(func(f *projections.Fold) {
		if f.Founding() == nil {
			return
		}
		p.Figures, hospitals = f.Figures(), f.Hospitals()
		for _, a := range f.Arrivals(latestArrivals) {
			p.Arrivals = append(p.Arrivals, arrival{Arrival: a})
		}
	})
	for k := range p.Arrivals {
		at, err := v.signedAt(p.Arrivals[k].Index)
		if err != nil {
			return shown{}, err
		}
		p.Arrivals[k].At = at
	}
	p.Map = arrivalsMap(v.t("front.map"), p.Arrivals, hospitals)
	return shown{Data: p, Lead: v.t("front.lead"), Feed: "/feed.atom"}, nil
}

// arrivalsMap draws arrivals as arcs between hospitals, and all other hospitals
// faintly.
func arrivalsMap(label string, arrivals []arrival, hospitals []projections.Hospital) Map {
	m := newMapping(label)
	for _, a := range arrivals {
		for _, o := range a.Originators {
			m.spread(o, a.Adopter)
		}
	}
	for _, o := range hospitals {
		if isHospital(o.Kind) && o.SucceededBy == "" {
			m.faint(o.Organisation)
		}
	}
	return m.Map()
}
