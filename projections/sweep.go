package projections

import (
	"fmt"
	"slices"
	"strings"

	"spredning/ledger"
)

// Sweep asks how the shares of the RHFs move when one value does.
type Sweep struct {
	Parameter string        `json:"parameter"` // a number of the rules, as Vary names it, or a weight: weights.spread
	From      *ledger.Milli `json:"from"`
	To        *ledger.Milli `json:"to"`
	Step      *ledger.Milli `json:"step"`
}

// Swept is what a sweep finds.
type Swept struct {
	Sweep
	Steps    []SweepStep `json:"steps"`
	Extremes []Extreme   `json:"extremes"` // by year and region
}

// SweepStep is one value, and what the years are with it.
type SweepStep struct {
	Value ledger.Milli `json:"value"`
	Years []SweptYear  `json:"years"`
}

// SweptYear holds the shares of a year.
type SweptYear struct {
	Year    int           `json:"year"`
	Regions []RegionShare `json:"regions"` // all four, by name
}

// RegionShare is that of a region's RHF in the three-part indicator. If there is
// nothing else in it, that is its share of the points of spread, averaged over
// three years.
type RegionShare struct {
	Region string       `json:"region"`
	Spread ledger.Milli `json:"spread"`
	Share  Ratio        `json:"share"`
}

// Extreme is the least and the greatest share that an RHF has in a year, and at
// which value first.
type Extreme struct {
	Year   int    `json:"year"`
	Region string `json:"region"`
	Least  Peak   `json:"least"`
	Most   Peak   `json:"most"`
}

// Peak is a share and the value that gives it.
type Peak struct {
	Share Ratio        `json:"share"`
	Value ledger.Milli `json:"value"`
}

// maxSteps is the most values that a sweep goes through.
const maxSteps = 1000

// Check says what is wrong with a sweep by itself; nil: nothing.
func (s *Sweep) Check() error {
	swept := namesOf(func(v variable) bool { return v.number })
	for _, w := range weights {
		swept = append(swept, weightPrefix+w.name)
	}
	if !slices.Contains(swept, s.Parameter) {
		return invalid("/sweep/parameter", "%q cannot be swept; there are %s", s.Parameter, strings.Join(swept, ", "))
	}
	for _, v := range []struct {
		name  string
		value *ledger.Milli
	}{{"from", s.From}, {"to", s.To}, {"step", s.Step}} {
		if v.value == nil {
			return invalid("/sweep/"+v.name, "is required")
		}
		if *v.value < 0 || *v.value > maxValue {
			return invalid("/sweep/"+v.name, "must be a number from 0 to 1000 with at most three decimals")
		}
	}
	switch {
	case *s.To < *s.From:
		return invalid("/sweep/to", "must not be below from")
	case *s.Step == 0:
		return invalid("/sweep/step", "must be above 0")
	case s.steps() > maxSteps:
		return invalid("/sweep/step", "gives %d steps; at most %d are computed", s.steps(), maxSteps)
	}
	return nil
}

const weightPrefix = "weights."

// steps is how many values there are from From up to at most To.
func (s *Sweep) steps() int { return int((*s.To-*s.From) / *s.Step) + 1 }

// sweep goes through the values. s has been checked.
func (r *Readings) sweep(s *Sweep, rules *ledger.Rules, t *threePart) (*Swept, error) {
	out := &Swept{Sweep: *s, Steps: []SweepStep{}, Extremes: []Extreme{}}
	for n := range s.steps() {
		value := *s.From + ledger.Milli(n)**s.Step
		years, err := r.swept(s.Parameter, value, rules, t)
		if err != nil {
			return nil, err
		}
		step := SweepStep{Value: value}
		for _, y := range years {
			step.Years = append(step.Years, y.shares())
		}
		out.Steps = append(out.Steps, step)
		out.note(step)
	}
	return out, nil
}

// swept computes the indicator with one value changed.
func (r *Readings) swept(parameter string, value ledger.Milli, rules *ledger.Rules, t *threePart) ([]IndicatorYear, error) {
	weight, isWeight := strings.CutPrefix(parameter, weightPrefix)
	if isWeight {
		changed := *t.Weights
		*chosen(weights, weight).of(&changed) = &value
		t.Weights = &changed
	}
	var so tally
	for k := range r.years {
		y := &r.years[k]
		under := y.under(rules)
		if under != nil && !isWeight {
			varied, err := Vary(*under, parameter, value.String())
			if err == nil {
				err = varied.Check()
			}
			if err != nil {
				return nil, invalid("/sweep", "at %s %s: %s", parameter, value, detail(err))
			}
			under = &varied
		}
		t.spread(y.year, y.regionSums(y.score(&so, under, 0)))
	}
	return t.compute(), nil
}

// detail is what an error says to people.
func detail(err error) string {
	if r, ok := err.(*ledger.Refusal); ok {
		return strings.TrimPrefix(fmt.Sprintf("%s: %s", r.Pointer, r.Detail), "/")
	}
	return err.Error()
}

func (y IndicatorYear) shares() SweptYear {
	s := SweptYear{Year: y.Year}
	for _, r := range y.Regions {
		s.Regions = append(s.Regions, RegionShare{r.Region, r.Spread, r.Share})
	}
	return s
}

// note keeps the extremes up to a step.
func (s *Swept) note(step SweepStep) {
	k := 0
	for _, y := range step.Years {
		for _, r := range y.Regions {
			at := Peak{r.Share, step.Value}
			if k == len(s.Extremes) {
				s.Extremes = append(s.Extremes, Extreme{y.Year, r.Region, at, at})
			}
			e := &s.Extremes[k]
			if k++; at.Share < e.Least.Share {
				e.Least = at
			}
			if at.Share > e.Most.Share {
				e.Most = at
			}
		}
	}
}
