package site

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"spredning/ledger"
	"spredning/projections"
)

// scenario is rules, points and weights as a form shows them, beside those that it
// starts from. An address has only what differs, by the names that spredning simulate
// and the API have for it.
type scenario struct {
	Year    int
	Base    ledger.Rules // where the rules start
	InForce bool         // they are in force for the year
	Fields  map[string]*scenarioField

	order  []*scenarioField
	rules  ledger.Rules
	others projections.Others
}

// scenarioField is one value of a scenario.
type scenarioField struct {
	Name    string
	Kind    fieldKind
	Words   string   // the vocabulary of its options
	Options []string // that can be chosen
	Value   string   // as it was typed, or as the language writes it
	Start   string   // what it starts from, as the language writes it
	Most    int      // where its slider ends
	Fault   string   // in words; empty: none

	plain, start string // as an address has them
	set          func(value string) error
}

// fieldKind is how a value is written.
type fieldKind string

const (
	asPoints fieldKind = "points" // 0 to 1000, at most three decimals
	asLimit  fieldKind = "limit"  // a whole number; 0: none
	asYears  fieldKind = "years"  // 1 to 10
	asChoice fieldKind = "choice" // one of the options
	asSome   fieldKind = "some"   // one or more of the options
)

// ID is the field's in the page.
func (f *scenarioField) ID() string { return strings.NewReplacer(".", "-", "_", "-").Replace(f.Name) }

// Has reports whether an option is chosen.
func (f *scenarioField) Has(option string) bool {
	return slices.Contains(strings.Split(f.plain, ","), option)
}

// Changed reports whether the value differs from what it starts from.
func (f *scenarioField) Changed() bool { return f.plain != f.start || f.Fault != "" }

// mayGetPoints are the kinds of organisations that a scenario can give points.
var mayGetPoints = []string{"hf", "private_nonprofit", "rhf", "municipality", "other"}

// illustrativeRules are what a scenario starts from where no rules are in force: the
// shape that the report fixes, with values that it leaves open.
func illustrativeRules(year int) ledger.Rules {
	points := func(m ledger.Milli) ledger.Values { return ledger.Values{SameRegion: new(m), OtherRegion: new(m)} }
	return ledger.Rules{
		ID: strconv.Itoa(year), FromYear: year, Basis: ledger.BasisAdoption, Originator: points(1000), Adopter: points(250),
		EligibleKinds: []ledger.Kind{ledger.KindHF, ledger.KindPrivateNonprofit}, OwnFundingOnly: new(true), ExcludeRegionalInitiatives: new(true),
		Lineage: ledger.LineageEach, MaxAdoptionsPerInnovation: new(int), MaxPerOriginatorAdopter: new(int), Illustrative: new(true),
	}
}

// newScenario starts from the rules in force for a year, if there are any, and from
// the points and weights that a simulation fills in.
func newScenario(l *language, year int, inForce *ledger.Rules) *scenario {
	s := &scenario{Year: year, Base: illustrativeRules(year), InForce: inForce != nil, Fields: map[string]*scenarioField{}}
	if inForce != nil {
		s.Base = *inForce
	}
	s.rules = s.Base
	for _, f := range append(s.ruleFields(), s.otherFields()...) {
		f.plain = f.start
		f.Start = l.typed(f.Kind, f.start)
		f.Value = f.Start
		s.Fields[f.Name] = f
		s.order = append(s.order, f)
	}
	return s
}

func (s *scenario) ruleFields() []*scenarioField {
	b := s.Base
	var kinds []string
	for _, k := range b.EligibleKinds {
		kinds = append(kinds, string(k))
	}
	all := []*scenarioField{
		{Name: "originator.same_region", Kind: asPoints, start: b.Originator.SameRegion.String()},
		{Name: "originator.other_region", Kind: asPoints, start: b.Originator.OtherRegion.String()},
		{Name: "adopter.same_region", Kind: asPoints, start: b.Adopter.SameRegion.String()},
		{Name: "adopter.other_region", Kind: asPoints, start: b.Adopter.OtherRegion.String()},
		{Name: "basis", Kind: asChoice, start: b.Basis, Words: "basis"},
		{Name: "lineage", Kind: asChoice, start: b.Lineage, Words: "lineage_rule"},
		{Name: "own_funding_only", Kind: asChoice, start: strconv.FormatBool(*b.OwnFundingOnly), Words: "funding_rule"},
		{Name: "exclude_regional_initiatives", Kind: asChoice, start: strconv.FormatBool(*b.ExcludeRegionalInitiatives), Words: "initiative_rule"},
		{Name: "eligible_kinds", Kind: asSome, Words: "orgkind"},
		{Name: "max_adoptions_per_innovation", Kind: asLimit, start: strconv.Itoa(*b.MaxAdoptionsPerInnovation)},
		{Name: "max_per_originator_adopter", Kind: asLimit, start: strconv.Itoa(*b.MaxPerOriginatorAdopter)},
	}
	for _, f := range all {
		f.Options, f.Most = vocabularies[f.Words], 20
		if f.Kind == asPoints {
			f.Most = most(f.start, 3)
		}
		if f.Kind == asSome {
			f.Options = mayGetPoints
			for _, k := range kinds {
				if !slices.Contains(f.Options, k) {
					f.Options = append(slices.Clone(f.Options), k)
				}
			}
			f.start = f.some(kinds)
		}
		f.set = func(value string) (err error) {
			s.rules, err = projections.Vary(s.rules, f.Name, value)
			return err
		}
	}
	return all
}

// otherFields are the values of the three-part indicator. What a simulation fills in
// has no name to ask for it by, so it is written out: equal weights, and points as in
// the research indicator (the report 6.2).
func (s *scenario) otherFields() (all []*scenarioField) {
	o := &s.others
	o.Weights = &projections.Weights{Grants: new(ledger.Milli(1000)), Spread: new(ledger.Milli(1000)), Commercialisation: new(ledger.Milli(1000))}
	o.GrantPoints = &projections.GrantPoints{
		EU: new(ledger.Milli(10_000)), NFR: new(ledger.Milli(1000)), InnovationNorway: new(ledger.Milli), RHF: new(ledger.Milli), Other: new(ledger.Milli),
	}
	o.CommercialisationPoints = &projections.ResultPoints{DOFI: new(ledger.Milli(1000)), Licence: new(ledger.Milli(1000)), Startup: new(ledger.Milli(1000))}
	o.Combine, o.AverageYears = projections.CombinePoints, projections.AverageYears
	for _, f := range []struct {
		name string
		of   *ledger.Milli
	}{
		{"weights.grants", o.Weights.Grants},
		{"weights.spread", o.Weights.Spread},
		{"weights.commercialisation", o.Weights.Commercialisation},
		{"grant_points.eu", o.GrantPoints.EU},
		{"grant_points.nfr", o.GrantPoints.NFR},
		{"grant_points.innovation_norway", o.GrantPoints.InnovationNorway},
		{"grant_points.rhf", o.GrantPoints.RHF},
		{"grant_points.other", o.GrantPoints.Other},
		{"commercialisation_points.dofi", o.CommercialisationPoints.DOFI},
		{"commercialisation_points.licence", o.CommercialisationPoints.Licence},
		{"commercialisation_points.startup", o.CommercialisationPoints.Startup},
	} {
		set := func(value string) (err error) {
			*f.of, err = ledger.ParseMilli(value)
			return err
		}
		all = append(all, &scenarioField{Name: f.name, Kind: asPoints, start: f.of.String(), Most: most(f.of.String(), 3), set: set})
	}
	return append(all,
		&scenarioField{
			Name: "combine", Kind: asChoice, start: o.Combine, Words: "combine", Options: vocabularies["combine"],
			set: func(value string) error { o.Combine = value; return nil },
		},
		&scenarioField{
			Name: "average_years", Kind: asYears, start: strconv.Itoa(o.AverageYears), Most: projections.MaxAverageYears,
			set: func(value string) (err error) { o.AverageYears, err = strconv.Atoi(value); return err },
		})
}

// most is where a slider of points ends: at twice what it starts from, and at least
// at some points.
func most(start string, least int) int {
	m, _ := ledger.ParseMilli(start)
	return max(least, int((2*m+999)/1000))
}

// typed writes a value as people of the language type it.
func (l *language) typed(kind fieldKind, plain string) string {
	if kind == asPoints && l != english {
		return strings.Replace(plain, ".", ",", 1)
	}
	return plain
}

// maxTyped is how many characters of a value are kept.
const maxTyped = 60

// read takes what a form or an address gives. What is not given is as it starts.
func (s *scenario) read(l *language, q url.Values) {
	for _, f := range s.order {
		if given, ok := q[f.Name]; ok {
			f.read(l, given)
		}
	}
	for _, reach := range vocabularies["reach"] {
		s.compare(l, s.Fields["originator."+reach], s.Fields["adopter."+reach])
	}
}

func (f *scenarioField) read(l *language, given []string) {
	plain, ok := f.plainOf(given)
	if !ok {
		if f.Kind == asSome {
			f.plain = f.some(given)
		}
		f.Value, f.Fault = shortened(strings.Join(given, " ")), l.word("field_fault", f.Kind)
		return
	}
	f.plain, f.Value = plain, l.typed(f.Kind, plain)
	if plain != f.start && f.set(plain) != nil {
		f.Fault = l.word("field_fault", f.Kind)
	}
}

func shortened(text string) string {
	text = strings.ToValidUTF8(text, "")
	if utf8.RuneCountInString(text) > maxTyped {
		return string([]rune(text)[:maxTyped]) + "…"
	}
	return text
}

// numberOf takes out the spaces that people put between digits.
var numberOf = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", ",", ".")

// plainOf reads what was typed; false: it is no such value.
func (f *scenarioField) plainOf(given []string) (string, bool) {
	if f.Kind == asSome {
		var some []string
		for _, g := range given {
			for one := range strings.SplitSeq(g, ",") {
				if one != "" && !slices.Contains(f.Options, one) {
					return "", false
				}
				some = append(some, one)
			}
		}
		plain := f.some(some)
		return plain, plain != ""
	}
	typed := given[0]
	if f.Kind == asChoice {
		return typed, slices.Contains(f.Options, typed)
	}
	typed = numberOf.Replace(typed)
	if f.Kind == asPoints {
		m, err := ledger.ParseMilli(typed)
		return m.String(), err == nil && m <= 1000*1000
	}
	n, err := strconv.Atoi(typed)
	least, greatest := 0, 1_000_000
	if f.Kind == asYears {
		least, greatest = 1, projections.MaxAverageYears
	}
	return strconv.Itoa(n), err == nil && n >= least && n <= greatest
}

// some writes chosen options in the order of all.
func (f *scenarioField) some(chosen []string) string {
	var all []string
	for _, o := range f.Options {
		if slices.Contains(chosen, o) {
			all = append(all, o)
		}
	}
	return strings.Join(all, ",")
}

// compare holds an adopter's points below the originator's, as rules must.
func (s *scenario) compare(l *language, originator, adopter *scenarioField) {
	if originator.Fault != "" || adopter.Fault != "" {
		return
	}
	o, _ := ledger.ParseMilli(originator.plain)
	a, _ := ledger.ParseMilli(adopter.plain)
	if a >= o && (a != 0 || o != 0) {
		adopter.Fault = l.t("scenario.below", "points", o)
	}
}

// query is what an address has to have for this scenario: the year, and what differs.
func (s *scenario) query() url.Values {
	q := url.Values{"year": {strconv.Itoa(s.Year)}}
	for _, f := range s.order {
		if f.plain != f.start && f.Fault == "" {
			q.Set(f.Name, f.plain)
		}
	}
	return q
}

// otherRules are the rules to simulate; nil: those in force for each year.
func (s *scenario) otherRules() *ledger.Rules {
	for _, f := range s.ruleOrder() {
		if f.plain != f.start || !s.InForce {
			return &s.rules
		}
	}
	return nil
}

// ruleOrder are the fields of rules, which come first.
func (s *scenario) ruleOrder() []*scenarioField {
	return s.order[:slices.Index(s.order, s.Fields["weights.grants"])]
}

// changed reports whether anything differs in fields of some names, by their beginning.
func (s *scenario) changed(names ...string) bool {
	return slices.ContainsFunc(s.order, func(f *scenarioField) bool {
		return f.Changed() && slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(f.Name, name) })
	})
}

// faulty is a field that cannot be as it is.
type faulty struct{ ID, Label, Fault string }

func (s *scenario) faults(l *language) (all []faulty) {
	for _, f := range s.order {
		if f.Fault == "" {
			continue
		}
		id := f.ID()
		if f.Kind == asChoice || f.Kind == asSome {
			id = fmt.Sprintf("%s-%s", id, f.Options[0])
		}
		all = append(all, faulty{id, l.word("scenario", f.Name), f.Fault})
	}
	return all
}
