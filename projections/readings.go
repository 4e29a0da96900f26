package projections

import (
	"slices"
	"sync"

	"spredning/ledger"
)

// Readings are all opened years as they are read at a position: a closed one as
// at its closing entry. They are what tables are computed from, under the rules
// in force or any others. They do not change with the fold, so they can be kept
// and computed with while it grows.
type Readings struct {
	Position int64

	years     []readYear
	closed    int     // how many of the years are
	scored    tally   // in those
	parties   []party // now
	adoptions int
}

// readYear is a reading with the rules in force for it and the table, without
// lines, that they give.
type readYear struct {
	*reading
	rules *ledger.Rules
	table Table
}

// kept keeps the readings of a fold's latest position.
type kept struct {
	mu  sync.Mutex
	now *Readings
}

// Readings gives the years at the fold's position. They are read once for each
// position.
func (f *Fold) Readings() *Readings {
	f.readings.mu.Lock()
	defer f.readings.mu.Unlock()
	if f.readings.now == nil || f.readings.now.Position != f.Position {
		f.readings.now = f.readYears()
	}
	return f.readings.now
}

func (f *Fold) readYears() *Readings {
	reader := f.reader()
	r := &Readings{Position: f.Position, parties: reader.orgs, scored: f.scored.clone()}
	for _, y := range f.years {
		if y.closed >= 0 {
			r.years = append(r.years, readYear{y.reading, y.frozen.Rules, y.frozen})
		}
	}
	if r.closed = len(r.years); r.closed < len(f.years) {
		for _, y := range reader.read(f.years[r.closed].year, f.years[len(f.years)-1].year) {
			r.years = append(r.years, readYear{reading: y, rules: f.RulesFor(y.year)})
		}
	}
	t := r.scored.clone()
	for k := range r.years {
		y := &r.years[k]
		if r.adoptions += len(y.candidates); k >= r.closed {
			y.table = y.reading.table(y.score(&t, y.rules, 0))
		}
	}
	return r
}

// inForce gives an open year's table under the rules in force.
func (r *Readings) inForce(year int) Table {
	y, t, scores := r.scoring(year)
	return y.withLines(t, scores)
}

// Table gives a year's table without its lines, a closed year's as it was at its closing.
// It must not be changed. False: the year is not opened.
func (r *Readings) Table(year int) (Table, bool) {
	at := slices.IndexFunc(r.years, func(y readYear) bool { return y.year == year })
	if at < 0 {
		return Table{}, false
	}
	return r.years[at].table, true
}

// scoring scores an open year under the rules in force.
func (r *Readings) scoring(year int) (*reading, Table, []score) {
	t := r.scored.clone()
	for _, y := range r.years[r.closed:] {
		if y.year == year {
			return y.reading, y.table, y.score(&t, y.rules, keepScores).scores
		}
		y.score(&t, y.rules, 0)
	}
	panic("the year is not open")
}

// Years gives the opened years in order, each with the rules in force for it; nil:
// none are.
func (r *Readings) Years() (all []YearRules) {
	for _, y := range r.years {
		all = append(all, YearRules{y.year, y.rules})
	}
	return all
}

// YearRules are the rules in force for a year: for a closed one, as at its closing.
type YearRules struct {
	Year  int
	Rules *ledger.Rules
}

// Adoptions is how many may count in the opened years, whatever the rules.
func (r *Readings) Adoptions() int { return r.adoptions }
