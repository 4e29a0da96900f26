package projections

import (
	"slices"
	"sync"
)

// survey is what pages and lists ask of the whole ledger at a position, made when it is
// first asked for: how far everything has spread, who has made and adopted how much, and
// the search for everything. Nobody changes what it gives.
type survey struct {
	position int64

	spreads   func() []Spread
	hospitals func() []Hospital
	figures   func() Figures
	all       func() *counter // of a search that asks for nothing
}

// surveyed keeps the survey of a fold's latest position.
type surveyed struct {
	mu  sync.Mutex
	now *survey
}

func (f *Fold) survey() *survey {
	f.surveyed.mu.Lock()
	defer f.surveyed.mu.Unlock()
	if s := f.surveyed.now; s != nil && s.position == f.Position {
		return s
	}
	f.surveyed.now = &survey{
		position: f.Position,
		spreads:  sync.OnceValue(f.readSpreads), hospitals: sync.OnceValue(f.readHospitals), figures: sync.OnceValue(f.readFigures),
		all: sync.OnceValue(func() *counter { return f.counted(&Search{}) }),
	}
	return f.surveyed.now
}

// spreads gives how far each innovation has come, by number.
func (f *Fold) spreads() []Spread { return f.survey().spreads() }

// Hospitals gives all organisations in the order of their registration.
func (f *Fold) Hospitals() []Hospital { return slices.Clone(f.survey().hospitals()) }

// Figures counts.
func (f *Fold) Figures() Figures { return f.survey().figures() }
