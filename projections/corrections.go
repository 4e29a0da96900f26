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
	y := f.opened(year)
	if y == nil || y.closed < 0 {
		return Corrections{}, false
	}
	return f.corrections(y), true
}

func (f *Fold) corrections(y *year) Corrections {
	out := Corrections{Year: y.year, Position: f.Position, Lines: []Correction{}}
	if len(y.scores) == 0 {
		return out
	}
	names, grounds := y.reading.names(), outBy(y.frozen.Rules)
	for _, s := range y.scores {
		n := f.alive(s.pair)
		reason := f.standing(n)
		if reason == "" && f.groundOf(f.innovations[f.pairs[n].innovation])&grounds != 0 {
			reason = "not_eligible"
		}
		if reason == "" {
			continue
		}
		out.Lines = append(out.Lines, Correction{f.orgs[s.org].Orgnr, names.line(s), reason})
		out.Total += s.points
	}
	return out
}
