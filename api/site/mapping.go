package site

import (
	"spredning/ledger"
)

// mapping is a map that is being drawn. A hospital has one dot, whatever is drawn
// of it.
type mapping struct {
	label string
	dots  map[ledger.Orgnr]Dot
	order []ledger.Orgnr // in which dots were first drawn: the first lies on top
	arcs  []Arc
	drawn map[[2]ledger.Orgnr]bool
}

func newMapping(label string) *mapping {
	return &mapping{label: label, dots: map[ledger.Orgnr]Dot{}, drawn: map[[2]ledger.Orgnr]bool{}}
}

// dot gives an organisation's dot; false: nobody knows where it is.
func (m *mapping) dot(o ledger.Organisation, made, faint bool) (Dot, bool) {
	d, drawn := m.dots[o.Orgnr]
	if !drawn {
		var ok bool
		if d, ok = dotOf(o); !ok {
			return Dot{}, false
		}
		d.Faint = faint
		m.order = append(m.order, o.Orgnr)
	}
	d.Made, d.Faint = d.Made || made, d.Faint && faint
	m.dots[o.Orgnr] = d
	return d, true
}

// spread draws that an adopter has something from an originator.
func (m *mapping) spread(originator, adopter ledger.Organisation) {
	from, knownFrom := m.dot(originator, true, false)
	to, knownTo := m.dot(adopter, false, false)
	between := [2]ledger.Orgnr{originator.Orgnr, adopter.Orgnr}
	if knownFrom && knownTo && !m.drawn[between] {
		m.drawn[between] = true
		m.arcs = append(m.arcs, arcOf(from, to))
	}
}

// made draws where something was made.
func (m *mapping) made(o ledger.Organisation) { m.dot(o, true, false) }

// used draws where something is used.
func (m *mapping) used(o ledger.Organisation) { m.dot(o, false, false) }

// faint draws a hospital that has no part in what the map shows.
func (m *mapping) faint(o ledger.Organisation) { m.dot(o, false, true) }

// Map gives the map as far as it is drawn.
func (m *mapping) Map() Map {
	out := Map{Label: m.label, Arcs: m.arcs}
	for k := len(m.order) - 1; k >= 0; k-- {
		out.Dots = append(out.Dots, m.dots[m.order[k]])
	}
	return out
}

// isHospital reports whether an organisation is one that makes and adopts.
func isHospital(k ledger.Kind) bool {
	return k == ledger.KindHF || k == ledger.KindPrivateNonprofit
}
