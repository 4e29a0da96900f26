package projections

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"spredning/ledger"
)

// variable is a value of rules that can be changed by name.
type variable struct {
	name   string
	number bool // a sweep can go through it
	set    func(r *ledger.Rules, value string) error
}

// variables are named as the fields of rules in JSON; originator and adopter
// stand for both reaches.
var variables = []variable{
	{"originator", true, both(func(r *ledger.Rules) *ledger.Values { return &r.Originator })},
	{"originator.same_region", true, points(func(r *ledger.Rules) **ledger.Milli { return &r.Originator.SameRegion })},
	{"originator.other_region", true, points(func(r *ledger.Rules) **ledger.Milli { return &r.Originator.OtherRegion })},
	{"adopter", true, both(func(r *ledger.Rules) *ledger.Values { return &r.Adopter })},
	{"adopter.same_region", true, points(func(r *ledger.Rules) **ledger.Milli { return &r.Adopter.SameRegion })},
	{"adopter.other_region", true, points(func(r *ledger.Rules) **ledger.Milli { return &r.Adopter.OtherRegion })},
	{"basis", false, func(r *ledger.Rules, v string) error { r.Basis = v; return nil }},
	{"lineage", false, func(r *ledger.Rules, v string) error { r.Lineage = v; return nil }},
	{"eligible_kinds", false, setKinds},
	{"own_funding_only", false, flag(func(r *ledger.Rules) **bool { return &r.OwnFundingOnly })},
	{"exclude_regional_initiatives", false, flag(func(r *ledger.Rules) **bool { return &r.ExcludeRegionalInitiatives })},
	{"max_adoptions_per_innovation", true, limit(func(r *ledger.Rules) **int { return &r.MaxAdoptionsPerInnovation })},
	{"max_per_originator_adopter", true, limit(func(r *ledger.Rules) **int { return &r.MaxPerOriginatorAdopter })},
}

func both(of func(*ledger.Rules) *ledger.Values) func(*ledger.Rules, string) error {
	return func(r *ledger.Rules, value string) error {
		m, err := milli(value)
		*of(r) = ledger.Values{SameRegion: &m, OtherRegion: &m}
		return err
	}
}

func points(of func(*ledger.Rules) **ledger.Milli) func(*ledger.Rules, string) error {
	return func(r *ledger.Rules, value string) error {
		m, err := milli(value)
		*of(r) = &m
		return err
	}
}

func milli(value string) (ledger.Milli, error) {
	m, err := ledger.ParseMilli(strings.Replace(value, ",", ".", 1))
	if err != nil || m > maxValue {
		return 0, fmt.Errorf("must be a number from 0 to 1000 with at most three decimals, is %q", value)
	}
	return m, nil
}

func setKinds(r *ledger.Rules, value string) error {
	r.EligibleKinds = nil
	for k := range strings.SplitSeq(value, ",") {
		r.EligibleKinds = append(r.EligibleKinds, ledger.Kind(strings.TrimSpace(k)))
	}
	return nil
}

func flag(of func(*ledger.Rules) **bool) func(*ledger.Rules, string) error {
	return func(r *ledger.Rules, value string) error {
		if value != "true" && value != "false" {
			return fmt.Errorf("must be true or false, is %q", value)
		}
		*of(r) = new(value == "true")
		return nil
	}
}

func limit(of func(*ledger.Rules) **int) func(*ledger.Rules, string) error {
	return func(r *ledger.Rules, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > 1_000_000 {
			return fmt.Errorf("must be a whole number from 0 (no limit) to 1000000, is %q", value)
		}
		*of(r) = &n
		return nil
	}
}

// Variables names the values of rules that [Vary] changes.
func Variables() []string { return namesOf(func(variable) bool { return true }) }

func namesOf(which func(variable) bool) (all []string) {
	for _, v := range variables {
		if which(v) {
			all = append(all, v.name)
		}
	}
	return all
}

// Vary gives rules with one value changed, a new id that says so, and marked as
// illustrative. The result may be rules that cannot be: see [ledger.Rules.Check].
func Vary(rules ledger.Rules, name, value string) (ledger.Rules, error) {
	k := slices.IndexFunc(variables, func(v variable) bool { return v.name == name })
	if k < 0 {
		return rules, fmt.Errorf("%q is no value of rules; there are %s", name, strings.Join(Variables(), ", "))
	}
	if err := variables[k].set(&rules, value); err != nil {
		return rules, fmt.Errorf("%s %w", name, err)
	}
	if id := rules.ID + " " + name + "=" + value; utf8.RuneCountInString(id) <= maxID {
		rules.ID = id
	}
	rules.Illustrative = new(true)
	return rules, nil
}

// maxID is how many characters an id of rules may have.
const maxID = 80
