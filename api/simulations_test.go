package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"spredning/ledger"
)

// table is the part of a table that these tests look at.
type table struct {
	Year, Position int
	Status         string
	Total          float64
	Rows           []struct {
		Orgnr string
		Total float64
		Lines []struct{ Points float64 }
	}
	Rules       *struct{ ID string }
	Differences struct {
		Total float64
		Rows  []struct {
			Orgnr string
			Total float64
		}
		Lines []struct {
			Change, Reason string
			Before, After  *float64
		}
	}
}

type simulated struct {
	Position  int
	Years     []table
	Indicator *struct {
		Illustrative bool
		Years        []struct {
			Year    int
			Regions []struct {
				Region string
				Share  float64
			}
		}
	}
	Sweep *struct {
		Steps    []struct{ Value float64 }
		Extremes []struct{ Region string }
	}
	OldIndicator []struct{ Total int } `json:"old_indicator"`
}

func (c *client) simulate(query, asked string) answer {
	c.t.Helper()
	return c.ask(http.MethodPost, "/api/v1/simulations"+query, strings.NewReader(asked), "Content-Type", "application/json")
}

func (c *client) simulated(query, asked string) (s simulated) {
	c.t.Helper()
	a := c.simulate(query, asked)
	if a.StatusCode != http.StatusOK {
		c.t.Fatalf("POST %s: %d %s", asked, a.StatusCode, a.body)
	}
	noError(c.t, json.Unmarshal(a.body, &s))
	return s
}

const otherRules = `{"id": "other", "from_year": 2030, "basis": "adoption", "originator": {"same_region": 2, "other_region": 3},
	"adopter": {"same_region": 0, "other_region": 0.125}, "eligible_kinds": ["hf"], "own_funding_only": true, "exclude_regional_initiatives": true,
	"lineage": "each", "max_adoptions_per_innovation": 0, "max_per_originator_adopter": 0, "illustrative": true}`

func TestSimulation(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	size := w.ledger.Size()
	got := w.simulated("", `{"rules": `+otherRules+`}`)
	if len(got.Years) != 2 || got.Position != int(size) || got.Indicator != nil || got.Sweep != nil || got.OldIndicator != nil {
		t.Fatalf("got %+v", got)
	}
	// Bergen gets 3 instead of 1, Ahus 0.125 instead of 0.25.
	y := got.Years[1]
	if y.Total != 3.125 || y.Rules.ID != "other" || y.Differences.Total != 1.875 || len(y.Differences.Rows) != 2 || y.Differences.Rows[0].Total != -0.125 {
		t.Errorf("got %+v", y)
	}
	if l := y.Differences.Lines; len(l) != 2 || l[0].Change != "changed" || l[0].Reason != "value" || *l[0].Before != 1 || *l[0].After != 3 {
		t.Errorf("got %+v", l)
	}
	if closed := got.Years[0]; closed.Status != "closed" || closed.Position != int(size)-4 {
		t.Errorf("got %+v", closed)
	}
	if w.ledger.Size() != size {
		t.Error("a simulation has written")
	}
}

// The rules in force give what /points gives, to the byte.
func TestSimulationOfTheRulesInForce(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	a := w.simulate("", "{}")
	for _, year := range []int{2025, 2026} {
		points := strings.TrimSuffix(string(w.ok(fmt.Sprintf("/api/v1/points/%d", year), nil).body), "}")
		if !strings.Contains(string(a.body), points+`,"differences"`) {
			t.Errorf("%d: %s does not hold %s", year, a.body, points)
		}
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("it may be kept: %v", a.Header)
	}
}

func TestSimulationOfAllParts(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	got := w.simulated("", fmt.Sprintf(`{"lines": false, "old_indicator": true, "combine": "shares",
		"grants": [{"orgnr": %q, "year": 2024, "source": "eu", "amount_nok": 1000000}],
		"commercialisation": [{"orgnr": %q, "year": 2026, "kind": "licence", "count": 1}],
		"sweep": {"parameter": "adopter.other_region", "from": 0, "to": 0.5, "step": 0.125}}`, ahus, ahus))
	if len(got.Years[1].Rows) != 2 || got.Years[1].Rows[0].Lines != nil || got.Years[1].Differences.Lines != nil {
		t.Errorf("got lines: %+v", got.Years[1])
	}
	if i := got.Indicator; i == nil || !i.Illustrative || len(i.Years) != 3 || i.Years[0].Regions[2].Share != 1 {
		t.Errorf("got %+v", i)
	}
	if s := got.Sweep; s == nil || len(s.Steps) != 5 || len(s.Extremes) != 12 {
		t.Errorf("got %+v", s)
	}
	if len(got.OldIndicator) != 9 || got.OldIndicator[8].Total != 2020 {
		t.Errorf("got %+v", got.OldIndicator)
	}
}

func TestSimulationAtAPosition(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	size := int(w.ledger.Size())
	for position, want := range map[int]float64{size: 1.25, size - 1: 0} {
		got := w.simulated(fmt.Sprintf("?position=%d", position), "{}")
		if got.Position != position || got.Years[1].Total != want || got.Years[1].Position != position {
			t.Errorf("at %d: got %+v", position, got)
		}
	}
	if got := w.simulated("?position=0", "{}"); len(got.Years) != 0 {
		t.Errorf("at 0: got %+v", got)
	}
	w.refused(w.simulate(fmt.Sprintf("?position=%d", size+1), "{}"), "invalid_query")
	w.refused(w.simulate("?position=x", "{}"), "invalid_query")
	r := w.client.post(w.sealed(bergen, publication("Ny")))
	if got := w.simulated(fmt.Sprintf("?min_position=%d", r.Index+1), "{}"); got.Position <= int(r.Index) {
		t.Errorf("got position %d after entry %d", got.Position, r.Index)
	}
}

func TestSimulationRefused(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	for asked, want := range map[string]problem{
		"":                               {Code: "malformed"},
		"[]":                             {Code: "malformed"},
		"{}{}":                           {Code: "malformed"},
		`{"lines": 1}`:                   {Code: "malformed", Pointer: "/lines"},
		`{"lines": null}`:                {Code: "malformed", Pointer: "/lines"},
		`{"lines": true, "lines": true}`: {Code: "malformed", Pointer: "/lines"},
		`{"colour": 1}`:                  {Code: "malformed", Pointer: "/colour"},
		`{"rules": {"id": "x"}}`:         {Code: "invalid_field", Pointer: "/rules/from_year"},
		`{"sweep": {"parameter": "x"}}`:  {Code: "invalid_field", Pointer: "/sweep/parameter"},
		`{"grants": [{"orgnr": "974760673", "year": 2024, "source": "eu", "amount_nok": 1}]}`:         {Code: "unknown_organisation", Pointer: "/grants/0/orgnr"},
		`{"grants": [{"orgnr": "974760673", "year": 2024, "source": "eu", "amount_nok": 1e99}]}`:      {Code: "malformed", Pointer: "/grants/0/amount_nok"},
		strings.Replace(`{"rules": `+otherRules+`}`, `"other_region": 0.125`, `"other_region": 3`, 1): {Code: "invalid_field", Pointer: "/rules/adopter"},
		`{"combine": "` + strings.Repeat("x", 4<<20) + `"}`:                                           {Code: "too_large"},
	} {
		if got := w.refused(w.simulate("", asked), want.Code); got.Pointer != want.Pointer || got.Detail == "" {
			t.Errorf("%.200s: got %+v, want %+v", asked, got, want)
		}
	}
	w.refused(w.simulate("?min_position=100000", "{}"), "unavailable")
	w.refused(w.get("/api/v1/simulations"), "not_found")
	w.simulated("", "{}")
}

// Many at once are answered, one after the other, while the ledger grows.
func TestSimulationsAtOnce(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			for range 3 {
				a, err := w.try(http.MethodPost, "/api/v1/simulations", strings.NewReader(`{"rules": `+otherRules+`}`))
				if err != nil || a.StatusCode != http.StatusOK {
					t.Errorf("%d %.200s, %v", a.StatusCode, a.body, err)
				}
			}
		})
	}
	for range 20 {
		w.client.post(w.sealed(bergen, publication("Ny")))
	}
	wait.Wait()
}

func TestSimulationRate(t *testing.T) {
	w := newWorld(t, rates(0.001, 0))
	w.simulated("", "{}") // the one that is allowed, of no ledger at all
	a := w.simulate("", "{}")
	w.refused(a, string(ledger.Overloaded))
	hasRetryAfter(t, a)
}
