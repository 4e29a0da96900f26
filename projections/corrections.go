package projections

import "spredning/ledger"

// Corrections are a closed year's frozen lines whose pair would fail the
// conditions of a candidate today, and what they amount to. The table itself
// never changes.
type Corrections struct {
	Year     int          `json:"year"`
	Position int64        `json:"position"` // at which today is
	Lines    []Correction `json:"lines"`
	Total    ledger.Milli `json:"total"`
}

// Correction is a frozen line, whose row it stands in, and why it would not
// count today: retracted, disputed, struck, withdrawn, own_innovation or
// not_eligible.
type Correction struct {
	Orgnr ledger.Orgnr `json:"orgnr"`
	Line
	Reason string `json:"reason"`
}

// Corrections gives those of a closed year; false: it is not closed.
func (f *Fold) Corrections(year int) (Corrections, bool) {
	for _, y := range f.years {
		if y.year == year && y.closed >= 0 {
			return f.corrections(y), true
		}
	}
	return Corrections{}, false
}

func (f *Fold) corrections(y year) Corrections {
	out := Corrections{Year: y.year, Position: f.Position, Lines: []Correction{}}
	lines := map[lineKey]Line{}
	for _, r := range y.frozen.Rows {
		for _, l := range r.Lines {
			lines[lineKey{l.Index, r.Orgnr}] = l
		}
	}
	rules := &yearCount{count: newCount(f), rules: y.frozen.Rules, year: y.year}
	for _, s := range y.scores {
		n := f.alive(s.pair)
		reason := f.standing(n)
		if reason == "" && !rules.counts(f.pairs[n].innovation) {
			reason = "not_eligible"
		}
		if reason == "" {
			continue
		}
		orgnr := f.orgs[s.org].Orgnr
		out.Lines = append(out.Lines, Correction{orgnr, lines[lineKey{s.entry, orgnr}], reason})
		out.Total += s.points
	}
	return out
}

// lineKey finds a frozen line: an organisation has one of an entry.
type lineKey struct {
	index int64
	orgnr ledger.Orgnr
}
