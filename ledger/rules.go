package ledger

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Milli is an amount of points in thousandths. In JSON it is a number of points
// with at most three decimals.
type Milli int64

// String writes the points with as few decimals as they need: 1, 0.25, 12.005.
func (m Milli) String() string { return string(m.append(nil)) }

func (m Milli) append(b []byte) []byte {
	whole, part := int64(m)/1000, int64(m)%1000
	if m < 0 {
		b, whole, part = append(b, '-'), -whole, -part
	}
	b = strconv.AppendInt(b, whole, 10)
	if part == 0 {
		return b
	}
	b = append(b, '.', byte('0'+part/100), byte('0'+part/10%10), byte('0'+part%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

// MarshalJSONTo writes a JSON number.
func (m Milli) MarshalJSONTo(e *jsontext.Encoder) error {
	return e.WriteValue(jsontext.Value(m.append(nil)))
}

// UnmarshalJSONFrom reads a JSON number without sign or exponent and with at
// most three decimals.
func (m *Milli) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	parsed, err := ParseMilli(string(v))
	if err != nil && v.Kind() != jsontext.KindNumber {
		return err
	} else if err != nil {
		parsed = -1 // read, but no value that rules may have: blamed by [Rules.Check]
	}
	*m = parsed
	return nil
}

var _ json.UnmarshalerFrom = (*Milli)(nil)

// ParseMilli reads points as Milli.String writes them.
func ParseMilli(s string) (Milli, error) {
	whole, decimals, parted := s, "", false
	for i := range len(s) {
		if s[i] == '.' {
			whole, decimals, parted = s[:i], s[i+1:], true
			break
		}
	}
	bad := refuse(Malformed, "must be a number from 0 to 1000 with at most three decimals")
	if len(whole) == 0 || len(whole) > 12 || len(decimals) > 3 || parted && decimals == "" {
		return 0, bad
	}
	for len(decimals) < 3 {
		decimals += "0"
	}
	var m Milli
	for _, c := range whole + decimals {
		if c < '0' || c > '9' {
			return 0, bad
		}
		m = m*10 + Milli(c-'0')
	}
	return m, nil
}

// Values are point values by reach.
type Values struct {
	SameRegion  *Milli `json:"same_region"`
	OtherRegion *Milli `json:"other_region"`
}

// By gives the value for a reach.
func (v Values) By(same bool) Milli {
	if same {
		return *v.SameRegion
	}
	return *v.OtherRegion
}

// The two ways of counting: points for each adoption, or once for each project
// in each reach (the report is ambiguous in 6.2).
const (
	BasisAdoption = "adoption"
	BasisProject  = "project"
)

// The two ways of taking branches of a project (the report 5.1.2): each by
// itself, or a lineage once for each adopter.
const (
	LineageEach = "each"
	LineageOnce = "once"
)

// Rules are one published, dated set of point values and conditions. The report
// leaves the values open, so every one is data.
type Rules struct {
	ID                         string `json:"id"`
	FromYear                   int    `json:"from_year"`
	Basis                      string `json:"basis"`
	Originator                 Values `json:"originator"`
	Adopter                    Values `json:"adopter"`
	EligibleKinds              []Kind `json:"eligible_kinds"`
	OwnFundingOnly             *bool  `json:"own_funding_only"`
	ExcludeRegionalInitiatives *bool  `json:"exclude_regional_initiatives"`
	Lineage                    string `json:"lineage"`
	MaxAdoptionsPerInnovation  *int   `json:"max_adoptions_per_innovation"` // in a year; 0: no limit
	MaxPerOriginatorAdopter    *int   `json:"max_per_originator_adopter"`   // in a year; 0: no limit
	Illustrative               *bool  `json:"illustrative"`
}

// Check says what is wrong with the rules by themselves; nil: nothing.
func (r *Rules) Check() error {
	f := fields{}
	f.rules("", r)
	return f.refusal()
}

// maxValue is the highest point value, 1000 points.
const maxValue Milli = 1000 * 1000

func (f *fields) rules(p string, r *Rules) {
	f.string(p+"/id", r.ID, maxLabel)
	f.year(p+"/from_year", r.FromYear)
	oneOf(f, p+"/basis", r.Basis, []string{BasisAdoption, BasisProject})
	f.values(p+"/originator", r.Originator)
	f.values(p+"/adopter", r.Adopter)
	someOf(f, p+"/eligible_kinds", r.EligibleKinds, kinds)
	required(f, p+"/own_funding_only", r.OwnFundingOnly)
	required(f, p+"/exclude_regional_initiatives", r.ExcludeRegionalInitiatives)
	oneOf(f, p+"/lineage", r.Lineage, []string{LineageEach, LineageOnce})
	f.limit(p+"/max_adoptions_per_innovation", r.MaxAdoptionsPerInnovation)
	f.limit(p+"/max_per_originator_adopter", r.MaxPerOriginatorAdopter)
	required(f, p+"/illustrative", r.Illustrative)
	if f.invalid != nil {
		return
	}
	for _, same := range []bool{true, false} {
		if o, a := r.Originator.By(same), r.Adopter.By(same); a >= o && (a != 0 || o != 0) {
			f.blame(p+"/adopter", "the adopter's value (%s) must be below the originator's (%s) for the same reach, or both 0", a, o)
		}
	}
}

func (f *fields) values(p string, v Values) {
	for _, x := range []struct {
		name  string
		value *Milli
	}{{"same_region", v.SameRegion}, {"other_region", v.OtherRegion}} {
		if required(f, p+"/"+x.name, x.value) && (*x.value < 0 || *x.value > maxValue) {
			f.blame(p+"/"+x.name, "must be a number from 0 to 1000 with at most three decimals")
		}
	}
}

func (f *fields) limit(p string, n *int) {
	if required(f, p, n) && (*n < 0 || *n > 1_000_000) {
		f.blame(p, "must be from 0 (no limit) to 1000000, is %d", *n)
	}
}

// String names the rules.
func (r Rules) String() string { return fmt.Sprintf("%s (from %d)", r.ID, r.FromYear) }
