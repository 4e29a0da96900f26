package projections

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"spredning/ledger"
)

// Others are what the two other sub-indicators count, and how the three become
// one (the report 6.2, 7.3). Nil points and weights are the ones of [Others.fill],
// which are illustrative.
type Others struct {
	Grants                  []Grant       `json:"grants,omitzero"`
	GrantPoints             *GrantPoints  `json:"grant_points,omitzero"`
	Commercialisation       []Result      `json:"commercialisation,omitzero"`
	CommercialisationPoints *ResultPoints `json:"commercialisation_points,omitzero"`
	Weights                 *Weights      `json:"weights,omitzero"`
	Combine                 string        `json:"combine,omitzero"`       // points or shares; empty: points
	AverageYears            int           `json:"average_years,omitzero"` // of the moving average, 1 to 10; 0: 3
}

// Grant is money that a hospital was granted for innovation in a year.
type Grant struct {
	Orgnr     ledger.Orgnr `json:"orgnr"`
	Year      int          `json:"year"`
	Source    string       `json:"source"`     // a field of GrantPoints
	AmountNOK *int64       `json:"amount_nok"` // whole kroner
}

// GrantPoints are points for a million kroner, by source; none: 0.
type GrantPoints struct {
	EU               *ledger.Milli `json:"eu,omitzero"`
	NFR              *ledger.Milli `json:"nfr,omitzero"`
	InnovationNorway *ledger.Milli `json:"innovation_norway,omitzero"`
	RHF              *ledger.Milli `json:"rhf,omitzero"`
	Other            *ledger.Milli `json:"other,omitzero"`
}

// Result is how many results of a kind a hospital has commercialised in a year.
type Result struct {
	Orgnr ledger.Orgnr `json:"orgnr"`
	Year  int          `json:"year"`
	Kind  string       `json:"kind"` // a field of ResultPoints
	Count *int64       `json:"count"`
}

// ResultPoints are points for one result, by kind (DOFI: notice of an
// invention); none: 0.
type ResultPoints struct {
	DOFI    *ledger.Milli `json:"dofi,omitzero"`
	Licence *ledger.Milli `json:"licence,omitzero"`
	Startup *ledger.Milli `json:"startup,omitzero"`
}

// Weights are those of the sub-indicators.
type Weights struct {
	Grants            *ledger.Milli `json:"grants"`
	Spread            *ledger.Milli `json:"spread"`
	Commercialisation *ledger.Milli `json:"commercialisation"`
}

// The ways to make one indicator of three: weighted points, or weighted shares
// of each RHF in each.
const (
	CombinePoints = "points"
	CombineShares = "shares"
)

// The years of the moving average: as the report has it (annex 1), and at most.
const (
	AverageYears    = 3
	MaxAverageYears = 10
)

// Indicator is the three-part indicator by year and RHF.
type Indicator struct {
	Others                       // as they were given, but for the rows, or filled in
	Illustrative bool            `json:"illustrative"` // some points or weights were filled in
	Years        []IndicatorYear `json:"years"`
}

// IndicatorYear is a year of the tables or of the rows given.
type IndicatorYear struct {
	Year    int               `json:"year"`
	Regions []RegionIndicator `json:"regions"` // all four, by name
}

// RegionIndicator is what the hospitals of a region, and with them its RHF, have.
// Points are rounded to thousandths, half up; the share is computed from exact
// numbers.
type RegionIndicator struct {
	Region            string       `json:"region"`
	Grants            ledger.Milli `json:"grants"`
	Spread            ledger.Milli `json:"spread"`
	Commercialisation ledger.Milli `json:"commercialisation"`
	Combined          Ratio        `json:"combined"` // of the three, in the year
	Average           Ratio        `json:"average"`  // of the last years that there are, three if not asked otherwise
	Share             Ratio        `json:"share"`    // of the averages of all
}

// Ratio is a number to four decimals, half up, in ten-thousandths.
type Ratio int64

// String writes all four decimals: 0.2500.
func (r Ratio) String() string { return fmt.Sprintf("%d.%04d", int64(r)/10000, int64(r)%10000) }

// MarshalJSONTo writes a JSON number.
func (r Ratio) MarshalJSONTo(e *jsontext.Encoder) error {
	s := strings.TrimRight(r.String(), "0")
	return e.WriteValue(jsontext.Value(strings.TrimSuffix(s, ".")))
}

// UnmarshalJSONFrom reads what MarshalJSONTo writes.
func (r *Ratio) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	n, err := decimal(d, 4)
	*r = Ratio(n)
	return err
}

// asked reports whether there is anything about the three-part indicator.
func (o *Others) asked() bool {
	return o.Grants != nil || o.GrantPoints != nil || o.Commercialisation != nil || o.CommercialisationPoints != nil ||
		o.Weights != nil || o.Combine != "" || o.AverageYears != 0
}

// fill fills in what was not given: 10 points for a million kroner of the EU and
// 1 of the Research Council, as in the research indicator (the report 6.2), 1
// for a result of any kind, and equal weights.
func (o Others) fill() (filled Others, illustrative bool) {
	one := func() *ledger.Milli { return new(ledger.Milli(1000)) }
	illustrative = o.GrantPoints == nil || o.CommercialisationPoints == nil || o.Weights == nil
	points := GrantPoints{}
	if o.GrantPoints != nil {
		points = *o.GrantPoints
	}
	points.EU, points.NFR = cmp.Or(points.EU, new(ledger.Milli(10_000))), cmp.Or(points.NFR, one())
	o.GrantPoints = &points
	o.CommercialisationPoints = cmp.Or(o.CommercialisationPoints, &ResultPoints{one(), one(), one()})
	o.Weights = cmp.Or(o.Weights, &Weights{one(), one(), one()})
	o.Combine = cmp.Or(o.Combine, CombinePoints)
	return o, illustrative
}

// choice is a value of a struct, by its name in JSON.
type choice[T any] struct {
	name string
	of   func(*T) **ledger.Milli
}

// sources are where grants come from.
var sources = []choice[GrantPoints]{
	{"eu", func(p *GrantPoints) **ledger.Milli { return &p.EU }},
	{"nfr", func(p *GrantPoints) **ledger.Milli { return &p.NFR }},
	{"innovation_norway", func(p *GrantPoints) **ledger.Milli { return &p.InnovationNorway }},
	{"rhf", func(p *GrantPoints) **ledger.Milli { return &p.RHF }},
	{"other", func(p *GrantPoints) **ledger.Milli { return &p.Other }},
}

// results are the kinds of results.
var results = []choice[ResultPoints]{
	{"dofi", func(p *ResultPoints) **ledger.Milli { return &p.DOFI }},
	{"licence", func(p *ResultPoints) **ledger.Milli { return &p.Licence }},
	{"startup", func(p *ResultPoints) **ledger.Milli { return &p.Startup }},
}

// weights are the sub-indicators', in the order of [subPoints].
var weights = []choice[Weights]{
	{"grants", func(w *Weights) **ledger.Milli { return &w.Grants }},
	{"spread", func(w *Weights) **ledger.Milli { return &w.Spread }},
	{"commercialisation", func(w *Weights) **ledger.Milli { return &w.Commercialisation }},
}

func chosen[T any](of []choice[T], name string) *choice[T] {
	for k := range of {
		if of[k].name == name {
			return &of[k]
		}
	}
	return nil
}

func list[T any](of []choice[T]) string {
	var all []string
	for _, c := range of {
		all = append(all, c.name)
	}
	return strings.Join(all, ", ")
}

// Check says what is wrong with the rows, points and weights by themselves; nil:
// nothing. A *ledger.Refusal points at the field.
func (o *Others) Check() error {
	for n, g := range o.Grants {
		if bad := g.check(); bad != nil {
			return bad.in("/grants", n)
		}
	}
	for n, c := range o.Commercialisation {
		if bad := c.check(); bad != nil {
			return bad.in("/commercialisation", n)
		}
	}
	if o.Combine != "" && o.Combine != CombinePoints && o.Combine != CombineShares {
		return invalid("/combine", "must be points or shares")
	}
	if o.AverageYears < 0 || o.AverageYears > MaxAverageYears {
		return invalid("/average_years", "must be a number of years from 1 to %d", MaxAverageYears)
	}
	return cmp.Or(checkValues("/grant_points", sources, o.GrantPoints, false),
		checkValues("/commercialisation_points", results, o.CommercialisationPoints, false), checkValues("/weights", weights, o.Weights, true))
}

func invalid(pointer, format string, args ...any) error {
	return &ledger.Refusal{Code: ledger.InvalidField, Detail: fmt.Sprintf(format, args...), Pointer: pointer}
}

// badCell is what is wrong in a column of a row.
type badCell struct {
	column, detail string
	code           ledger.Code
}

func bad(column, format string, args ...any) *badCell {
	return &badCell{column, fmt.Sprintf(format, args...), ledger.InvalidField}
}

// in says in which row, counted from 0.
func (c *badCell) in(rows string, row int) error {
	return &ledger.Refusal{
		Code: c.code, Pointer: fmt.Sprintf("%s/%d/%s", rows, row, c.column),
		Detail: fmt.Sprintf("row %d, column %s: %s", row+1, c.column, c.detail),
	}
}

// The largest that a row may say: a thousand milliards.
const maxAmount = 1_000_000_000_000

func (g Grant) check() *badCell {
	if bad := checkRow(g.Orgnr, g.Year); bad != nil {
		return bad
	}
	if chosen(sources, g.Source) == nil {
		return bad("source", "%q is no source; write one of %s", g.Source, list(sources))
	}
	return checkNumber("amount_nok", "whole kroner", g.AmountNOK)
}

func (r Result) check() *badCell {
	if bad := checkRow(r.Orgnr, r.Year); bad != nil {
		return bad
	}
	if chosen(results, r.Kind) == nil {
		return bad("kind", "%q is no kind; write one of %s", r.Kind, list(results))
	}
	return checkNumber("count", "a whole number", r.Count)
}

func checkRow(o ledger.Orgnr, year int) *badCell {
	if !o.Valid() {
		return bad("orgnr", "%q is no organisation number: nine digits with a valid check digit", o)
	}
	if year < 1000 || year > 9999 {
		return bad("year", "%d is no year of four digits", year)
	}
	return nil
}

func checkNumber(column, what string, n *int64) *badCell {
	if n == nil {
		return bad(column, "is required: %s", what)
	}
	if *n < 0 || *n > maxAmount {
		return bad(column, "must be %s from 0 to %d, is %d", what, int64(maxAmount), *n)
	}
	return nil
}

// checkValues checks points or weights, if there are any.
func checkValues[T any](pointer string, of []choice[T], values *T, required bool) error {
	if values == nil {
		return nil
	}
	for _, c := range of {
		v := *c.of(values)
		if v == nil && required {
			return invalid(pointer+"/"+c.name, "is required")
		}
		if v != nil && (*v < 0 || *v > maxValue) {
			return invalid(pointer+"/"+c.name, "must be a number from 0 to 1000 with at most three decimals")
		}
	}
	return nil
}

// maxValue is the highest of a point value or weight, 1000.
const maxValue ledger.Milli = 1000 * 1000

// subPoints are points of grants, spread and commercialisation in a year, by
// region.
type subPoints [3][]*big.Rat

// threePart computes the indicator, exactly, and rounds at the end.
type threePart struct {
	Others
	regions []string
	years   []int
	points  map[int]*subPoints
}

// threePart counts the rows. An organisation counts for the RHF of the region of
// who acts for it now.
func (r *Readings) threePart(o Others) (*threePart, error) {
	t := &threePart{Others: o, regions: slices.Sorted(slices.Values(ledger.Regions)), points: map[int]*subPoints{}}
	for _, y := range r.years {
		t.of(y.year)
	}
	regions := r.regions()
	most := len(t.points) + maxRowYears
	for n, g := range o.Grants {
		at, bad := t.locate(regions, g.Orgnr)
		if bad == nil {
			bad = t.add(g.Year, most, 0, at, "amount_nok", product(*chosen(sources, g.Source).of(o.GrantPoints), *g.AmountNOK, 1_000_000))
		}
		if bad != nil {
			return nil, bad.in("/grants", n)
		}
	}
	for n, c := range o.Commercialisation {
		at, bad := t.locate(regions, c.Orgnr)
		if bad == nil {
			bad = t.add(c.Year, most, 2, at, "count", product(*chosen(results, c.Kind).of(o.CommercialisationPoints), *c.Count, 1))
		}
		if bad != nil {
			return nil, bad.in("/commercialisation", n)
		}
	}
	t.years = slices.Sorted(maps.Keys(t.points))
	return t, nil
}

// regions gives the region of who acts for each organisation now.
func (r *Readings) regions() map[ledger.Orgnr]string {
	all := make(map[ledger.Orgnr]string, len(r.parties))
	for _, p := range r.parties {
		all[p.orgnr] = r.parties[p.heir].region
	}
	return all
}

func (t *threePart) locate(regions map[ledger.Orgnr]string, o ledger.Orgnr) (int, *badCell) {
	region, registered := regions[o]
	if !registered {
		return 0, &badCell{"orgnr", fmt.Sprintf("%s is not registered in this ledger", o), ledger.UnknownOrganisation}
	}
	at := slices.Index(t.regions, region)
	if at < 0 {
		return 0, bad("orgnr", "%s belongs to no health region, so it counts for no RHF; leave the row out", o)
	}
	return at, nil
}

// product is value × n / per in points; no value: 0.
func product(value *ledger.Milli, n, per int64) *big.Rat {
	if value == nil {
		return new(big.Rat)
	}
	p := new(big.Rat).SetFrac64(int64(*value), 1000)
	return p.Mul(p, new(big.Rat).SetFrac64(n, per))
}

func (t *threePart) of(year int) *subPoints {
	if t.points[year] == nil {
		t.points[year] = &subPoints{zeros(len(t.regions)), zeros(len(t.regions)), zeros(len(t.regions))}
	}
	return t.points[year]
}

func zeros(n int) []*big.Rat {
	all := make([]*big.Rat, n)
	for k := range all {
		all[k] = new(big.Rat)
	}
	return all
}

// What rows may come to, all together.
const (
	maxRowYears = 50            // beside the years of the ledger
	maxPoints   = 1_000_000_000 // of a region in a year, for one sub-indicator
)

// add counts a row, of which a column gives the points; most is how many years there
// may be.
func (t *threePart) add(year, most, sub, region int, column string, points *big.Rat) *badCell {
	if t.points[year] == nil && len(t.points) == most {
		return bad("year", "%d is one year too many; rows may be of %d years that the ledger does not have", year, maxRowYears)
	}
	sum := t.of(year)[sub][region]
	if sum.Add(sum, points); sum.Cmp(new(big.Rat).SetInt64(maxPoints)) > 0 {
		return bad(column, "gives %s more than %d points in %d", t.regions[region], maxPoints, year)
	}
	return nil
}

// spread sets the points of spread in a year.
func (t *threePart) spread(year int, sums []RegionSum) {
	of := t.of(year)[1]
	for k, region := range t.regions {
		of[k] = new(big.Rat)
		for _, s := range sums {
			if s.Region == region {
				of[k] = product(&s.Total, 1, 1)
			}
		}
	}
}

// compute combines the three in each year and averages over the last years there
// are.
func (t *threePart) compute() []IndicatorYear {
	all := []IndicatorYear{}
	var combined [][]*big.Rat
	last := cmp.Or(t.AverageYears, AverageYears)
	for n, year := range t.years {
		points := t.points[year]
		combined = append(combined, t.combine(points))
		average := t.average(combined[max(0, n+1-last):])
		y := IndicatorYear{Year: year}
		for k, share := range shares(average) {
			y.Regions = append(y.Regions, RegionIndicator{
				Region: t.regions[k], Grants: toMilli(points[0][k]), Spread: toMilli(points[1][k]), Commercialisation: toMilli(points[2][k]),
				Combined: toRatio(combined[n][k]), Average: toRatio(average[k]), Share: toRatio(share),
			})
		}
		all = append(all, y)
	}
	return all
}

// combine weights the three: their points, or the shares of each region in each.
func (t *threePart) combine(points *subPoints) []*big.Rat {
	sums := zeros(len(t.regions))
	for sub, weight := range t.weigh(points) {
		of := points[sub]
		if t.Combine == CombineShares {
			of = shares(of)
		}
		for k := range sums {
			sums[k].Add(sums[k], new(big.Rat).Mul(weight, of[k]))
		}
	}
	return sums
}

// weigh gives the three weights. Where shares are combined, the weights of those
// that are empty are spread over the others, in proportion to theirs.
func (t *threePart) weigh(points *subPoints) []*big.Rat {
	all, left, sum := zeros(len(weights)), new(big.Rat), new(big.Rat)
	for sub, w := range weights {
		all[sub] = product(*w.of(t.Weights), 1, 1)
		if sum.Add(sum, all[sub]); total(points[sub]).Sign() > 0 {
			left.Add(left, all[sub])
		}
	}
	if t.Combine != CombineShares || left.Sign() == 0 {
		return all
	}
	for _, w := range all {
		w.Mul(w, new(big.Rat).Quo(sum, left))
	}
	return all
}

// average is the mean of some years.
func (t *threePart) average(years [][]*big.Rat) []*big.Rat {
	means := zeros(len(t.regions))
	for k := range means {
		for _, y := range years {
			means[k].Add(means[k], y[k])
		}
		means[k].Quo(means[k], new(big.Rat).SetInt64(int64(len(years))))
	}
	return means
}

// shares are parts of the sum; all zero when that is.
func shares(of []*big.Rat) []*big.Rat {
	sum, parts := total(of), zeros(len(of))
	if sum.Sign() == 0 {
		return parts
	}
	for k := range of {
		parts[k].Quo(of[k], sum)
	}
	return parts
}

func total(of []*big.Rat) *big.Rat {
	sum := new(big.Rat)
	for _, x := range of {
		sum.Add(sum, x)
	}
	return sum
}

func toMilli(x *big.Rat) ledger.Milli { return ledger.Milli(rounded(x, 1000)) }
func toRatio(x *big.Rat) Ratio        { return Ratio(rounded(x, 10_000)) }

// rounded is x in parts, half up.
func rounded(x *big.Rat, parts int64) int64 {
	y := new(big.Rat).Mul(x, new(big.Rat).SetInt64(parts))
	y.Add(y, new(big.Rat).SetFrac64(1, 2))
	return new(big.Int).Div(y.Num(), y.Denom()).Int64()
}

// Share is what points are of all; 0 of none.
func Share(points, all ledger.Milli) Ratio {
	if all == 0 {
		return 0
	}
	return toRatio(new(big.Rat).SetFrac64(int64(points), int64(all)))
}
