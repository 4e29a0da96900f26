package projections_test

// Simulations: against the naive fold with other rules in its ledgers, and stories.

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"spredning/ledger"
	"spredning/projections"
)

// naiveSimulated is naiveAll with one set of rules in place of all that were published.
func naiveSimulated(entries [][]byte, rules ledger.Rules) []naiveYear {
	written, err := json.Marshal(rules)
	must(nil, err)
	only := naiveDecode[naiveRules](written)
	only.FromYear = 0
	return naiveAllBy(entries, func(entries [][]byte) *naiveLedger {
		l := naiveRead(entries)
		l.rules = []naiveRules{only}
		return l
	})
}

// simulationsAgree compares simulations under rules drawn by chance with those of the naive fold: tables, and what
// is different from the tables under the rules in force.
func simulationsAgree(t *testing.T, r *random) {
	for _, place := range []int{len(r.entries), 1 + r.IntN(len(r.entries))} {
		rules := r.drawRules()
		rules.FromYear = pick(r, 2000, 2024, 9999) // which does not matter
		got := r.fold(place).Readings().Simulate(&rules, true)
		before, after := naiveAll(r.bytes[:place]), naiveSimulated(r.bytes[:place], rules)
		if len(got) != len(after) {
			t.Fatalf("position %d: got %d years, want %d", place, len(got), len(after))
		}
		for k, y := range got {
			if want := after[k].table(); !reflect.DeepEqual(normal(y.Table), want) {
				t.Errorf("position %d, %d under %s:\n%s", place, y.Year, inJSON(t, rules), differ(normal(y.Table), want))
			}
			got, want := toldDifferences(y.Differences), naiveDifferences(before[k], after[k])
			if !slices.Equal(got, want) {
				t.Errorf("position %d, %d under %s: got differences\n%s\nwant\n%s", place, y.Year, inJSON(t, rules), strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			for _, l := range y.Differences.Lines {
				r.happened["simulated line "+l.Change+" by "+l.Reason]++
			}
		}
		withoutLines(t, got, r.fold(place).Readings().Simulate(&rules, false))
	}
}

// withoutLines sees that leaving lines out leaves everything else as it is.
func withoutLines(t *testing.T, with, without []projections.SimulatedYear) {
	for k := range with {
		with[k].Differences.Lines = nil
		with[k].Rows = slices.Clone(with[k].Rows)
		for n := range with[k].Rows {
			with[k].Rows[n].Lines = nil
		}
	}
	if got, want := inJSON(t, without), inJSON(t, with); got != want {
		t.Errorf("without lines: got %s, want %s", got, want)
	}
}

// rootsAgree sees that the quick way to an innovation's root ends where the straight one does.
func rootsAgree(t *testing.T, r *random) {
	if !r.fold(len(r.entries)).RootsAgree() {
		t.Error("an innovation has two roots")
	}
}

// simulatingNothingNew sees that the rules in force give the tables that there are, and no differences.
func simulatingNothingNew(t *testing.T, r *random) {
	f := r.fold(len(r.entries))
	for _, lines := range []bool{true, false} {
		for _, y := range f.Readings().Simulate(nil, lines) {
			if d := y.Differences; len(d.Rows)+len(d.Regions)+len(d.Lines) > 0 || d.Total != 0 {
				t.Errorf("%d: got %s under the rules in force", y.Year, inJSON(t, d))
			}
			if table, _ := f.Table(y.Year); lines && inJSON(t, y.Table) != inJSON(t, table) {
				t.Errorf("%d: got %s, want %s", y.Year, inJSON(t, y.Table), inJSON(t, table))
			}
		}
	}
}

// toldDifferences writes differences in the form of naiveDifferences.
func toldDifferences(d projections.Differences) []string {
	all := []string{fmt.Sprintf("total %d", d.Total)}
	for _, r := range d.Regions {
		all = append(all, fmt.Sprintf("region %q: %d + %d = %d", r.Region, r.Originated, r.Adopted, r.Total))
	}
	for _, r := range d.Rows {
		all = append(all, fmt.Sprintf("row %s %q: %d + %d = %d", r.Orgnr, r.Name, r.Originated, r.Adopted, r.Total))
	}
	for _, l := range d.Lines {
		all = append(all, fmt.Sprintf("line %d of %s as %s: %s from %s to %s by %s, %s, %s, %s", l.Index, l.Orgnr, l.Role, l.Change,
			points(l.Before), points(l.After), l.Reason, l.Reach, l.Innovation, l.Adopter))
	}
	slices.Sort(all)
	return all
}

func points(m *ledger.Milli) string {
	if m == nil {
		return "none"
	}
	return fmt.Sprint(int(*m))
}

// naiveDifferences compares what two rules make of a year.
func naiveDifferences(before, after naiveYear) []string {
	b, a := before.table(), after.table()
	all := []string{fmt.Sprintf("total %d", a.Total-b.Total)}
	regions := map[string][3]int{}
	for sign, t := range map[int]naivePoints{-1: b, 1: a} {
		for _, r := range t.Regions {
			sum := regions[r.Region]
			regions[r.Region] = [3]int{sum[0] + sign*r.Originated, sum[1] + sign*r.Adopted, sum[2] + sign*r.Total}
		}
	}
	for name, s := range regions {
		if s != [3]int{} {
			all = append(all, fmt.Sprintf("region %q: %d + %d = %d", name, s[0], s[1], s[2]))
		}
	}
	type row struct{ orgnr, name string }
	rows := map[row][3]int{}
	for sign, t := range map[int]naivePoints{-1: b, 1: a} {
		for _, r := range t.Rows {
			k := row{r.Orgnr, r.Name}
			rows[k] = [3]int{rows[k][0] + sign*r.Originated, rows[k][1] + sign*r.Adopted, rows[k][2] + sign*r.Total}
		}
	}
	for k, s := range rows {
		if s != [3]int{} {
			all = append(all, fmt.Sprintf("row %s %q: %d + %d = %d", k.orgnr, k.name, s[0], s[1], s[2]))
		}
	}
	all = append(all, naiveLineDifferences(before, after)...)
	slices.Sort(all)
	return all
}

type naiveLineKey struct {
	index       int
	orgnr, role string
}

func naiveLineDifferences(before, after naiveYear) (all []string) {
	b, a := before.lines(), after.lines()
	told := func(k naiveLineKey, l naiveLine, change, from, to, by string) {
		all = append(all, fmt.Sprintf("line %d of %s as %s: %s from %s to %s by %s, %s, %s, %s", k.index, k.orgnr, k.role, change,
			from, to, by, l.Reach, l.Innovation, l.Adopter))
	}
	for k, l := range b {
		if now, ok := a[k]; !ok {
			told(k, l, "lost", fmt.Sprint(l.Points), "none", after.whyNot(k))
		} else if now.Points != l.Points || now.Reach != l.Reach {
			told(k, now, "changed", fmt.Sprint(l.Points), fmt.Sprint(now.Points), before.whyOther(after, l, now))
		}
	}
	for k, l := range a {
		if _, ok := b[k]; !ok {
			told(k, l, "gained", "none", fmt.Sprint(l.Points), before.whyNot(k))
		}
	}
	return all
}

func (y naiveYear) lines() map[naiveLineKey]naiveLine {
	lines := map[naiveLineKey]naiveLine{}
	for _, a := range y.scored {
		for _, g := range a.gifts {
			lines[naiveLineKey{a.index, g.orgnr, g.line.Role}] = g.line
		}
	}
	return lines
}

// whyNot says why an entry gives an organisation no line in a role.
func (y naiveYear) whyNot(k naiveLineKey) string {
	l := y.then
	rules, ok := l.rulesFor(y.year)
	if !ok {
		return "no_rules"
	}
	at := slices.IndexFunc(l.pairEntries(), func(c naiveClaim) bool { return c.at == k.index })
	entry := l.pairEntries()[at]
	pair := l.pairBefore(entry, l.position)
	if !l.eligible(pair.innovation, rules) {
		return "not_eligible"
	}
	originators := l.eligibleOriginators(pair.innovation, y.year, rules)
	if len(originators) == 0 || !l.counts(entry.Adopter, y.year, rules) {
		return "kind"
	}
	scored := slices.Clone(y.earlier)
	for _, a := range y.scored {
		if a.index < k.index {
			scored = append(scored, a)
		}
	}
	each := rules
	each.Lineage = "each"
	a := naiveAdoption{year: y.year, index: k.index, innovation: pair.innovation, adopter: entry.Adopter, originators: originators}
	switch {
	case l.again(a, each, scored):
		return "scored"
	case l.again(a, rules, scored):
		return "lineage"
	case l.innovationFull(a, rules, scored) || l.originatorFull(a, rules, scored):
		return "limit"
	case !l.counts(k.orgnr, y.year, rules):
		return "kind"
	}
	return "project"
}

// whyOther says why two rules give different lines.
func (y naiveYear) whyOther(after naiveYear, was, is naiveLine) string {
	value := func(y naiveYear, l naiveLine) int {
		rules, _ := y.then.rulesFor(y.year)
		if l.Role == "adopter" {
			return rules.Adopter.thousandths(l.Reach)
		}
		return rules.Originator.thousandths(l.Reach)
	}
	switch {
	case was.Reach != is.Reach:
		return "reach"
	case value(y, was) != value(after, is):
		return "value"
	}
	return "rounding"
}

// A closed year is simulated as it was at its closing: what was merged, revised or retracted since does not matter. A
// later one knows what the simulated earlier ones have scored.
func TestSimulatedClosedYear(t *testing.T) {
	s := newStory()
	s.rules(2024, nil)
	s.opens(2024)
	funded := s.publishes(external, maker)
	s.confirms(funded, north, "2024-05-01")
	must(s.byAuthority(&ledger.YearClosing{Year: 2024}))
	s.opens(2025)
	s.retracts(funded, north)
	s.revises(funded, own)
	s.confirms(funded, north, "2024-05-01") // counts in 2025, since it closed without
	rules, err := projections.Vary(*s.now().RulesFor(2025), "own_funding_only", "false")
	must(nil, err)
	got := s.now().Readings().Simulate(&rules, true)
	if got[0].Total != 1250 || got[1].Total != 0 || got[0].Status != "closed" || got[0].Position != s.opened[2025] {
		t.Errorf("got %s", inJSON(t, got))
	}
	if d := got[0].Differences; d.Total != 1250 || len(d.Rows) != 2 || len(d.Lines) != 2 || d.Lines[0].Reason != "not_eligible" || d.Lines[0].Change != projections.Gained {
		t.Errorf("2024: got %s", inJSON(t, d))
	}
	if d := got[1].Differences; d.Total != -1250 || d.Lines[0].Reason != "scored" || d.Lines[0].Change != projections.Lost || *d.Lines[0].Before != 1000 {
		t.Errorf("2025: got %s", inJSON(t, d))
	}
}

// Where another originator gets its part, what rounding left goes to that one.
func TestSimulatedRounding(t *testing.T) {
	s := newStory()
	s.rules(2024, func(r *ledger.Rules) {
		r.Originator.OtherRegion = new(ledger.Milli(250))
		r.Adopter.OtherRegion = new(ledger.Milli(0))
	})
	s.opens(2024)
	s.amends(outside, func(o *ledger.Organisation) { o.MeasuredFrom = new(2003) })
	i := s.publishes(func(d *ledger.Innovation) {
		for k, share := range []int{333, 333, 334} {
			d.Originators[k].Share = share
		}
	}, maker, partner, outside)
	s.confirms(i, middle, "2024-05-01") // 83.25 and 83.25 are 167; with 83.5 they are 250
	rules, err := projections.Vary(*s.now().RulesFor(2024), "eligible_kinds", "hf,municipality")
	must(nil, err)
	var got []string
	for _, l := range s.now().Readings().Simulate(&rules, true)[0].Differences.Lines {
		got = append(got, fmt.Sprintf("%s %s by %s from %s to %s", l.Orgnr, l.Change, l.Reason, points(l.Before), points(l.After)))
	}
	want := []string{string(maker) + " changed by rounding from 84 to 83", string(outside) + " gained by kind from none to 84"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Readings stay what they are while the fold grows, and many may simulate on them.
func TestReadingsWhileGrowing(t *testing.T) {
	r := newRandom(3, 200, false)
	rules := r.drawRules()
	half := len(r.entries) / 2
	view := projections.NewView()
	view.Apply(r.entries[:half])
	var readings *projections.Readings
	view.Read(func(f *projections.Fold) { readings = f.Readings() })
	want := inJSON(t, readings.Simulate(&rules, true))
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 5 {
				if got := inJSON(t, readings.Simulate(&rules, true)); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				view.Read(func(f *projections.Fold) { f.Readings().Simulate(&rules, false) })
			}
		})
	}
	for _, e := range r.entries[half:] {
		view.Apply([]*ledger.Entry{e})
	}
	wait.Wait()
}
