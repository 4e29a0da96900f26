package story

import (
	"cmp"
	"fmt"
	"time"

	"spredning/ledger"
)

// base is the first year that may be opened.
func (s *Story) base() int {
	if s.cfg.Hasty {
		return stands.Year() - 5
	}
	return begins.Year() + 1
}

func newYear(year int) ledger.Date { return ledger.Date(fmt.Sprintf("%d-01-01", year)) }

// openYear opens the next year, once it has begun.
func (s *Story) openYear() error {
	next := s.lastYear + 1
	if s.lastYear == 0 {
		next = s.base() + pick(s, 0, 0, 1, 2)
	}
	if next > s.Clock.Year() {
		return errNothing
	}
	d := &ledger.YearOpening{Year: next}
	if next%2 == 0 {
		d.ReportBy = ledger.Date(fmt.Sprintf("%d-03-01", next+1))
	}
	_, err := s.ByAuthority(d)
	if err == nil {
		s.lastYear, s.firstYear = next, cmp.Or(s.firstYear, next)
	}
	return err
}

// closeYear closes the earliest open year, not before October of the next.
func (s *Story) closeYear() error {
	next := max(s.closed+1, s.firstYear)
	if s.firstYear == 0 || next > s.lastYear || s.Clock.Before(time.Date(next+1, time.October, 1, 0, 0, 0, 0, time.UTC)) {
		return errNothing
	}
	_, err := s.ByAuthority(&ledger.YearClosing{Year: next})
	if err == nil {
		s.closed = next
	}
	return err
}

// way is how rules count adoptions, limit how many of them.
type way struct{ basis, lineage string }

type limit struct{ innovation, pair bool }

// deal draws one of the hand, none again before all have been drawn.
func deal[T any](s *Story, hand *[]T, all ...T) T {
	if len(*hand) == 0 {
		*hand = some(s, len(all), all)
	}
	drawn := (*hand)[0]
	*hand = (*hand)[1:]
	return drawn
}

func (s *Story) way() (basis, lineage string) {
	if s.cfg.Plain {
		return ledger.BasisAdoption, ledger.LineageEach
	}
	w := deal(s, &s.ways,
		way{ledger.BasisAdoption, ledger.LineageEach}, way{ledger.BasisAdoption, ledger.LineageOnce},
		way{ledger.BasisProject, ledger.LineageEach}, way{ledger.BasisProject, ledger.LineageOnce})
	return w.basis, w.lineage
}

// limit gives the limits for an innovation and for a pair in a year; 0: none.
func (s *Story) limit() (innovation, pair int) {
	if s.cfg.Plain {
		return 0, 0
	}
	l := deal(s, &s.limits, limit{}, limit{innovation: true}, limit{pair: true}, limit{true, true})
	if l.innovation {
		innovation = 1 + s.chance.IntN(3)
	}
	if l.pair {
		pair = 1 + s.chance.IntN(3)
	}
	return innovation, pair
}

func (s *Story) publishRules() error {
	_, err := s.ByAuthority(&ledger.RulesPublication{Rules: s.Rules()})
	return err
}

// Rules draws rules with an id of their own, which may be published.
func (s *Story) Rules() ledger.Rules {
	s.rules++
	basis, lineage := s.way()
	ofInnovation, ofPair := s.limit()
	rules := ledger.Rules{
		ID: fmt.Sprintf("rules %d", s.rules), FromYear: s.base() + pick(s, -1, 0, 0, 1, 2, 3, 4),
		Basis: basis, Lineage: lineage,
		EligibleKinds: s.kinds(), OwnFundingOnly: new(s.percent(50)), ExcludeRegionalInitiatives: new(s.percent(50)),
		MaxAdoptionsPerInnovation: &ofInnovation, MaxPerOriginatorAdopter: &ofPair, Illustrative: new(true),
	}
	rules.Originator.SameRegion, rules.Adopter.SameRegion = s.values()
	rules.Originator.OtherRegion, rules.Adopter.OtherRegion = s.values()
	return rules
}

func (s *Story) kinds() []ledger.Kind {
	return pick(s, []ledger.Kind{ledger.KindHF}, []ledger.Kind{ledger.KindPrivateNonprofit, ledger.KindHF},
		[]ledger.Kind{ledger.KindHF, ledger.KindPrivateNonprofit, ledger.KindRHF},
		[]ledger.Kind{ledger.KindHF, ledger.KindPrivateNonprofit, ledger.KindRHF, ledger.KindMunicipality, ledger.KindOther})
}

// values are an originator's and the smaller one of an adopter.
func (s *Story) values() (originator, adopter *ledger.Milli) {
	o := pick(s, 0, 1, 100, 250, 333, 1000, 1000, 1005, 2345, 1_000_000, ledger.Milli(s.chance.IntN(1_000_000)))
	if o == 0 {
		return new(o), new(o)
	}
	return new(o), new(pick(s, 0, o-1, o/4, ledger.Milli(s.chance.IntN(int(o)))))
}
