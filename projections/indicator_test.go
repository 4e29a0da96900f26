package projections_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"spredning/ledger"
	"spredning/projections"
)

// spreadStory has three years of spread: 2023 gives Helse Vest 1 and Helse Nord 0.25, 2024 Helse Vest 2 and Helse Nord
// and Helse Midt-Norge 0.25 each, 2025 nothing.
func spreadStory() *story {
	s := newStory()
	s.rules(2023, nil)
	for year := 2023; year <= 2025; year++ {
		s.opens(year)
	}
	old := func(i *ledger.Innovation) { i.InUseSince = "2022-01-01" }
	first, second := s.publishes(old, maker), s.publishes(old, maker)
	s.confirms(first, north, "2023-05-01")
	s.confirms(first, middle, "2024-05-01")
	s.confirms(second, north, "2024-05-01")
	return s
}

// simulated runs what is written in JSON, as the API reads it.
func (s *story) simulated(t *testing.T, asked string) *projections.Simulated {
	t.Helper()
	var what projections.Simulation
	if err := ledger.Strict([]byte(asked), &what); err != nil {
		t.Fatal(err)
	}
	got, err := s.now().Readings().Run(&what)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// wantIndicator compares each year's line by region: grants, spread and commercialisation, combined, average and share.
func wantIndicator(t *testing.T, got *projections.Simulated, want ...string) {
	t.Helper()
	var all []string
	for _, y := range got.Indicator.Years {
		for _, r := range y.Regions {
			all = append(all, fmt.Sprintf("%d %s: %s %s %s, %s, %s, %s", y.Year, r.Region, r.Grants, r.Spread, r.Commercialisation, r.Combined, r.Average, r.Share))
		}
	}
	if !slices.Equal(all, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(all, "\n"), strings.Join(want, "\n"))
	}
}

// Worked by hand. Weights 0.4, 0.5 and 0.1; Helse Vest has 1.5 million of the EU in 2024, Helse Nord 2 million of the
// Research Council and a start-up of 3 points in 2023; the row of 2021 makes that a year too.
const threeParts = `
	"grants": [
		{"orgnr": "%[1]s", "year": 2024, "source": "eu", "amount_nok": 1500000},
		{"orgnr": "%[2]s", "year": 2023, "source": "nfr", "amount_nok": 2000000},
		{"orgnr": "%[2]s", "year": 2023, "source": "rhf", "amount_nok": 99000000}],
	"commercialisation": [
		{"orgnr": "%[2]s", "year": 2023, "kind": "startup", "count": 1},
		{"orgnr": "%[1]s", "year": 2021, "kind": "dofi", "count": 2}],
	"commercialisation_points": {"dofi": 0.5, "startup": 3},
	"weights": {"grants": 0.4, "spread": 0.5, "commercialisation": 0.1}`

func TestIndicatorOfPoints(t *testing.T) {
	s := spreadStory()
	got := s.simulated(t, "{"+fmt.Sprintf(threeParts, maker, north)+"}")
	wantIndicator(t, got,
		"2021 Helse Midt-Norge: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2021 Helse Nord: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2021 Helse Sør-Øst: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2021 Helse Vest: 0 0 1, 0.1000, 0.1000, 1.0000",
		// North 0.4·2 + 0.5·0.25 + 0.1·3 = 1.225, averaged 0.6125; west 0.5·1, averaged 0.3; of 0.9125
		"2023 Helse Midt-Norge: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2023 Helse Nord: 2 0.25 3, 1.2250, 0.6125, 0.6712",
		"2023 Helse Sør-Øst: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2023 Helse Vest: 0 1 0, 0.5000, 0.3000, 0.3288",
		// West 0.4·15 + 0.5·2 = 7; averages 0.125/3, 1.35/3, 7.6/3; of 9.075/3
		"2024 Helse Midt-Norge: 0 0.25 0, 0.1250, 0.0417, 0.0138",
		"2024 Helse Nord: 0 0.25 0, 0.1250, 0.4500, 0.1488",
		"2024 Helse Sør-Øst: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2024 Helse Vest: 15 2 0, 7.0000, 2.5333, 0.8375",
		// 2023 to 2025: 0.125/3, 1.35/3, 7.5/3; of 8.975/3
		"2025 Helse Midt-Norge: 0 0 0, 0.0000, 0.0417, 0.0139",
		"2025 Helse Nord: 0 0 0, 0.0000, 0.4500, 0.1504",
		"2025 Helse Sør-Øst: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2025 Helse Vest: 0 0 0, 0.0000, 2.5000, 0.8357",
	)
	if !got.Indicator.Illustrative || *got.Indicator.GrantPoints.EU != 10_000 || got.Indicator.Grants != nil {
		t.Errorf("got %s", inJSON(t, got.Indicator))
	}
}

func TestIndicatorOfShares(t *testing.T) {
	s := spreadStory()
	got := s.simulated(t, `{"combine": "shares", "grant_points": {"eu": 10, "nfr": 1},`+fmt.Sprintf(threeParts, maker, north)+"}")
	wantIndicator(t, got,
		// Only commercialisation: it takes all the weight
		"2021 Helse Midt-Norge: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2021 Helse Nord: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2021 Helse Sør-Øst: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2021 Helse Vest: 0 0 1, 1.0000, 1.0000, 1.0000",
		// North 0.4·1 + 0.5·0.2 + 0.1·1; west 0.5·0.8
		"2023 Helse Midt-Norge: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2023 Helse Nord: 2 0.25 3, 0.6000, 0.3000, 0.3000",
		"2023 Helse Sør-Øst: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2023 Helse Vest: 0 1 0, 0.4000, 0.7000, 0.7000",
		// Commercialisation is empty: 4/9 and 5/9. Middle and north 5/9·1/10, west 4/9 + 5/9·8/10
		"2024 Helse Midt-Norge: 0 0.25 0, 0.0556, 0.0185, 0.0185",
		"2024 Helse Nord: 0 0.25 0, 0.0556, 0.2185, 0.2185",
		"2024 Helse Sør-Øst: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2024 Helse Vest: 15 2 0, 0.8889, 0.7630, 0.7630",
		// An empty year gives nobody anything: (0 + 0.0556)/3 of (1 + 1)/3 …
		"2025 Helse Midt-Norge: 0 0 0, 0.0000, 0.0185, 0.0278",
		"2025 Helse Nord: 0 0 0, 0.0000, 0.2185, 0.3278",
		"2025 Helse Sør-Øst: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2025 Helse Vest: 0 0 0, 0.0000, 0.4296, 0.6444",
	)
	if got.Indicator.Illustrative {
		t.Error("everything was given, and yet it is illustrative")
	}
}

// A half of a ten-thousandth is rounded up: 12345/100000 is 0.12345, so 0.1235.
func TestIndicatorRounding(t *testing.T) {
	s := newStory()
	got := s.simulated(t, fmt.Sprintf(`{"commercialisation": [
		{"orgnr": %q, "year": 2025, "kind": "licence", "count": 12345}, {"orgnr": %q, "year": 2025, "kind": "dofi", "count": 87655}],
		"commercialisation_points": {"dofi": 0.001, "licence": 0.001}}`, maker, north))
	wantIndicator(t, got,
		"2025 Helse Midt-Norge: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2025 Helse Nord: 0 0 87.655, 87.6550, 87.6550, 0.8766",
		"2025 Helse Sør-Øst: 0 0 0, 0.0000, 0.0000, 0.0000",
		"2025 Helse Vest: 0 0 12.345, 12.3450, 12.3450, 0.1235",
	)
}

// A predecessor's rows count where its successor is.
func TestIndicatorAfterSuccession(t *testing.T) {
	s := newStory()
	must(s.succeed(north, maker))
	got := s.simulated(t, fmt.Sprintf(`{"grants": [{"orgnr": %q, "year": 2025, "source": "eu", "amount_nok": 1}]}`, maker))
	if share := got.Indicator.Years[0].Regions[1].Share; share != 10_000 {
		t.Errorf("Helse Nord has %s", share)
	}
}

// TestAverageOfOtherNumbersOfYears: the average of one year is that year's, of two the
// mean of it and the one before.
func TestAverageOfOtherNumbersOfYears(t *testing.T) {
	s := spreadStory()
	for _, last := range []int{1, 2, 10} {
		got := s.simulated(t, fmt.Sprintf(`{"average_years": %d}`, last)).Indicator
		for n, y := range got.Years {
			for k, r := range y.Regions {
				sum, of := projections.Ratio(0), got.Years[max(0, n+1-last):n+1]
				for _, before := range of {
					sum += before.Regions[k].Combined
				}
				mean := sum / projections.Ratio(len(of))
				if d := r.Average - mean; d < 0 || d > 1 {
					t.Errorf("over %d years, %s in %d has %s of %s", last, r.Region, y.Year, r.Average, mean)
				}
			}
		}
		if got.AverageYears != last {
			t.Errorf("got %d", got.AverageYears)
		}
	}
}

func TestOnlyWhatWasAskedFor(t *testing.T) {
	s := spreadStory()
	got := s.simulated(t, `{}`)
	if got.Indicator != nil || got.Sweep != nil || got.OldIndicator != nil || len(got.Years) != 3 || got.Position != s.now().Position {
		t.Errorf("got %s", inJSON(t, got))
	}
	got = s.simulated(t, `{"lines": false, "combine": "points", "old_indicator": true}`)
	if got.Indicator == nil || got.OldIndicator == nil || strings.Contains(inJSON(t, got.Years), `"lines"`) {
		t.Errorf("got %s", inJSON(t, got))
	}
}

func TestSweep(t *testing.T) {
	s := spreadStory()
	sweep := func(parameter, from, to, step string) *projections.Swept {
		return s.simulated(t, fmt.Sprintf(`{"sweep": {"parameter": %q, "from": %s, "to": %s, "step": %s}}`, parameter, from, to, step)).Sweep
	}
	got := sweep("adopter", "0", "0.7", "0.25")
	if len(got.Steps) != 3 || got.Steps[2].Value != 500 || len(got.Steps[0].Years) != 3 {
		t.Fatalf("got %s", inJSON(t, got))
	}
	// With 0.5 for adopters, Helse Nord has 0.5 of 1.5 in 2023.
	if r := got.Steps[2].Years[0].Regions[1]; r.Region != "Helse Nord" || r.Spread != 500 || r.Share != 3333 {
		t.Errorf("got %+v", r)
	}
	want := projections.Extreme{
		Year: 2023, Region: "Helse Nord", Least: projections.Peak{Share: 0, Value: 0}, Most: projections.Peak{Share: 3333, Value: 500},
	}
	if len(got.Extremes) != 12 || got.Extremes[1] != want {
		t.Errorf("got %+v, want %+v", got.Extremes[1], want)
	}
	if got := sweep("weights.spread", "0", "1", "1"); got.Steps[0].Years[0].Regions[3].Share != 0 || got.Steps[1].Years[0].Regions[3].Share != 8000 {
		t.Errorf("got %s", inJSON(t, got))
	}
	// One adoption a year of each innovation is all there is.
	if got := sweep("max_adoptions_per_innovation", "1", "3", "1"); got.Extremes[3].Least != got.Extremes[3].Most {
		t.Errorf("got %s", inJSON(t, got))
	}
}

// TestSimulationsRefused has what is wrong, the code and the field that is to blame, and a part of what is said.
func TestSimulationsRefused(t *testing.T) {
	s := spreadStory()
	row := func(table, changes string) string { // a good row with one thing changed
		fields := map[string]string{"orgnr": `"` + string(maker) + `"`, "year": "2024"}
		if table == "grants" {
			fields["source"], fields["amount_nok"] = `"eu"`, "1"
		} else {
			fields["kind"], fields["count"] = `"dofi"`, "1"
		}
		name, value, _ := strings.Cut(changes, "=")
		if fields[name] = value; value == "" {
			delete(fields, name)
		}
		var all []string
		for k, v := range fields {
			all = append(all, fmt.Sprintf("%q: %s", k, v))
		}
		good := fmt.Sprintf(`{"orgnr": %q, "year": 2024, "source": "eu", "amount_nok": 0}, `, maker)
		if table != "grants" {
			good = fmt.Sprintf(`{"orgnr": %q, "year": 2024, "kind": "dofi", "count": 0}, `, maker)
		}
		return fmt.Sprintf(`{%q: [%s{%s}]}`, table, good, strings.Join(all, ", "))
	}
	sweep := func(parameter, from, to, step string) string {
		return fmt.Sprintf(`{"sweep": {"parameter": %q, "from": %s, "to": %s, "step": %s}}`, parameter, from, to, step)
	}
	years := func(n int) string { // a row each
		var rows []string
		for year := range n {
			rows = append(rows, fmt.Sprintf(`{"orgnr": %q, "year": %d, "kind": "dofi", "count": 1}`, maker, 1900+year))
		}
		return `{"commercialisation": [` + strings.Join(rows, ", ") + `]}`
	}
	for _, test := range []struct{ asked, code, pointer, says string }{
		{years(51), "invalid_field", "/commercialisation/50/year", "row 51, column year: 1950 is one year too many; rows may be of 50 years"},
		{row("commercialisation", "count=1000000001"), "invalid_field", "/commercialisation/1/count", "gives Helse Vest more than 1000000000 points in 2024"},
		{row("grants", `orgnr="999999998"`), "invalid_field", "/grants/1/orgnr", "row 2, column orgnr"},
		{row("grants", `orgnr="974760673"`), "unknown_organisation", "/grants/1/orgnr", "row 2, column orgnr: 974760673 is not registered"},
		{row("grants", `orgnr="`+string(nowhere)+`"`), "invalid_field", "/grants/1/orgnr", "no health region"},
		{row("grants", "orgnr="), "invalid_field", "/grants/1/orgnr", "is no organisation number"},
		{row("grants", "year=24"), "invalid_field", "/grants/1/year", "row 2, column year"},
		{row("grants", `source="lottery"`), "invalid_field", "/grants/1/source", "write one of eu, nfr"},
		{row("grants", `source="own"`), "invalid_field", "/grants/1/source", "is no source"},
		{row("grants", "amount_nok=-1"), "invalid_field", "/grants/1/amount_nok", "from 0 to"},
		{row("grants", "amount_nok="), "invalid_field", "/grants/1/amount_nok", "is required"},
		{row("grants", "amount_nok=1.5"), "malformed", "/grants/1/amount_nok", ""},
		{strings.TrimSuffix(row("grants", "amount_nok=1000000000000"), "}") + `, "grant_points": {"eu": 1000}, "commercialisation": [{"orgnr": "` + string(maker) + `", "year": 2024, "kind": "dofi", "count": 1000000001}]}`, "invalid_field", "/commercialisation/0/count", "more than"},
		{row("commercialisation", `kind="patent"`), "invalid_field", "/commercialisation/1/kind", "write one of dofi, licence, startup"},
		{row("commercialisation", "count=-2"), "invalid_field", "/commercialisation/1/count", "a whole number"},
		{row("commercialisation", `orgnr="974760673"`), "unknown_organisation", "/commercialisation/1/orgnr", "row 2"},
		{`{"average_years": 11}`, "invalid_field", "/average_years", "from 1 to 10"},
		{`{"average_years": -1}`, "invalid_field", "/average_years", "from 1 to 10"},
		{`{"combine": "best"}`, "invalid_field", "/combine", "points or shares"},
		{`{"weights": {"grants": 1, "spread": 1}}`, "invalid_field", "/weights/commercialisation", "is required"},
		{`{"weights": {"grants": 1, "spread": 0.0001, "commercialisation": 1}}`, "invalid_field", "/weights/spread", "three decimals"},
		{`{"grant_points": {"eu": -1}}`, "invalid_field", "/grant_points/eu", "from 0 to 1000"},
		{`{"grant_points": {"lottery": 1}}`, "malformed", "/grant_points/lottery", ""},
		{`{"commercialisation_points": {"dofi": 1001}}`, "invalid_field", "/commercialisation_points/dofi", "from 0 to 1000"},
		{`{"rules": {}}`, "invalid_field", "/rules/id", "is required"},
		{`{"rules": null}`, "malformed", "/rules", "null"},
		{sweep("lineage", "0", "1", "1"), "invalid_field", "/sweep/parameter", "adopter"},
		{sweep("adopter", "1", "0", "1"), "invalid_field", "/sweep/to", "below"},
		{sweep("adopter", "0", "1", "0"), "invalid_field", "/sweep/step", "above 0"},
		{sweep("adopter", "0", "1.001", "0.001"), "invalid_field", "/sweep/step", "gives 1002 steps"},
		{sweep("adopter", "0", "2", "0.5"), "invalid_field", "/sweep", "at adopter 1: adopter"},
		{sweep("max_adoptions_per_innovation", "0", "1", "0.5"), "invalid_field", "/sweep", "whole number"},
		{`{"sweep": {"parameter": "adopter", "from": 0, "step": 1}}`, "invalid_field", "/sweep/to", "is required"},
		{`{"sweep": {"parameter": "adopter", "from": -1, "to": 0, "step": 1}}`, "invalid_field", "/sweep/from", "from 0 to 1000"},
	} {
		var what projections.Simulation
		err := ledger.Strict([]byte(test.asked), &what)
		if err == nil {
			_, err = s.now().Readings().Run(&what)
		}
		var r *ledger.Refusal
		if !errors.As(err, &r) || string(r.Code) != test.code || r.Pointer != test.pointer || !strings.Contains(r.Detail, test.says) {
			t.Errorf("%s: got %v, want %s at %s: …%s…", test.asked, err, test.code, test.pointer, test.says)
		}
	}
}

// TestTheMostThatRowsMayComeTo: what is just allowed is computed as it is.
func TestTheMostThatRowsMayComeTo(t *testing.T) {
	s := spreadStory()
	got := s.simulated(t, fmt.Sprintf(`{
		"grants": [{"orgnr": %[1]q, "year": 2000, "source": "eu", "amount_nok": 1000000000000}], "grant_points": {"eu": 1000},
		"commercialisation": [{"orgnr": %[1]q, "year": 2000, "kind": "dofi", "count": 1000000000}],
		"weights": {"grants": 1000, "spread": 1000, "commercialisation": 1000}}`, maker))
	for _, r := range got.Indicator.Years[0].Regions[3:] { // the last by name
		if r.Region != "Helse Vest" || (r.Grants.String() != "1000000000" || r.Combined.String() != "2000000000000.0000" || r.Share.String() != "1.0000") {
			t.Errorf("got %s", inJSON(t, r))
		}
	}
}

func TestVary(t *testing.T) {
	for _, name := range projections.Variables() {
		values := map[string]string{
			"basis": "project", "lineage": "once", "eligible_kinds": "hf, rhf", "own_funding_only": "false", "exclude_regional_initiatives": "false",
			"max_adoptions_per_innovation": "3", "max_per_originator_adopter": "3", "originator": "0,9",
		}
		value := values[name]
		if value == "" {
			value = "0.5"
		}
		rules := plainRules()
		before := inJSON(t, rules)
		varied, err := projections.Vary(rules, name, value)
		if err != nil || varied.Check() != nil || varied.ID != "plain "+name+"="+value {
			t.Errorf("%s=%s: %v, %v, %s", name, value, err, varied.Check(), varied.ID)
		}
		varied.ID = rules.ID
		if after := inJSON(t, varied); inJSON(t, rules) != before || after == before {
			t.Errorf("%s=%s: got %s from %s", name, value, after, before)
		}
	}
	for _, bad := range [][2]string{
		{"from_year", "2020"}, {"adopter", "-1"}, {"adopter", "1001"}, {"own_funding_only", "ja"}, {"max_per_originator_adopter", "1.5"}, {"max_per_originator_adopter", "1000001"},
	} {
		if _, err := projections.Vary(plainRules(), bad[0], bad[1]); err == nil {
			t.Errorf("%s=%s is accepted", bad[0], bad[1])
		}
	}
	long := plainRules()
	long.ID = strings.Repeat("x", 80)
	if varied, _ := projections.Vary(long, "adopter", "0"); varied.Check() != nil {
		t.Errorf("an id of 80 characters becomes %q", varied.ID)
	}
}

// The annex prints the national totals, and every RHF is the sum of its trusts.
func TestOldIndicator(t *testing.T) {
	var totals []int64
	for _, y := range projections.OldIndicator() {
		totals = append(totals, y.Total)
		sum := projections.Ratio(0)
		for _, r := range y.Regions {
			sum += r.Share
		}
		if len(y.Regions) != 4 || sum < 9_998 || sum > 10_002 {
			t.Errorf("%d: got %+v", y.Year, y.Regions)
		}
	}
	if want := []int64{80, 208, 269, 700, 715, 855, 1028, 943, 2020}; !slices.Equal(totals, want) {
		t.Errorf("got %d, want %d", totals, want)
	}
	if y := projections.OldIndicator()[0]; y.Year != 2015 || y.Regions[2].Region != "Helse Sør-Øst" || y.Regions[2].Points != 48 || y.Regions[2].Share != 6000 {
		t.Errorf("got %+v", y)
	}
}

// Differences and ratios come back from JSON as they were.
func TestNumbersRoundTrip(t *testing.T) {
	for _, n := range []int64{0, 1, -1, 10, -250, 999, 1000, -1000, 12_345_678_901, -12_345_678_901} {
		d := projections.Delta(n)
		var back projections.Delta
		if err := json.Unmarshal([]byte(inJSON(t, d)), &back); err != nil || back != d {
			t.Errorf("%d is written %s and read %d, %v", n, inJSON(t, d), back, err)
		}
		if n < 0 {
			continue
		}
		r := projections.Ratio(n)
		var again projections.Ratio
		if err := json.Unmarshal([]byte(inJSON(t, r)), &again); err != nil || again != r {
			t.Errorf("%d is written %s and read %d, %v", n, inJSON(t, r), again, err)
		}
	}
	var d projections.Delta
	for _, bad := range []string{`"1"`, "0.0001", "1e3", "{}", "true"} {
		if err := json.Unmarshal([]byte(bad), &d); err == nil {
			t.Errorf("%s is read as %d", bad, d)
		}
	}
}
