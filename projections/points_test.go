package projections_test

// What holds of every ledger's points, whatever the rules, and a few tables worked out by hand.

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"spredning/ledger"
	"spredning/projections"
)

// tables gives the tables of all opened years.
func tables(f *projections.Fold) (all []projections.Table) {
	for _, year := range f.Years() {
		table, _ := f.Table(year)
		all = append(all, table)
	}
	return all
}

// then folds up to where a table is read: a closed one at its closing.
func (w *world) then(table projections.Table) *projections.Fold { return w.fold(int(table.Position)) }

// tablesAddUp adds lines up to rows, and rows to the regions of those who act for their organisations, and to the total.
func tablesAddUp(t rapid.TB, r *random) {
	for _, table := range tables(r.fold(len(r.entries))) {
		var total ledger.Milli
		f := r.then(table)
		regions := map[string]projections.Sums{}
		for _, row := range table.Rows {
			if sums := sumsOf(row.Lines); sums != row.Sums {
				t.Errorf("%d, %s: the lines make %+v, the row says %+v", table.Year, row.Orgnr, sums, row.Sums)
			}
			region := actingFor(f, row.Orgnr).Region
			s := regions[region]
			regions[region] = projections.Sums{
				Originated: s.Originated + row.Originated, Adopted: s.Adopted + row.Adopted, Total: s.Total + row.Total,
			}
			total += row.Total
		}
		got := map[string]projections.Sums{}
		for _, region := range table.Regions {
			got[region.Region] = region.Sums
		}
		if len(got) != len(table.Regions) || !reflect.DeepEqual(got, regions) {
			t.Errorf("%d: the rows make %+v, the regions say %+v", table.Year, regions, table.Regions)
		}
		if table.Total != total {
			t.Errorf("%d: the rows make %s, the total says %s", table.Year, total, table.Total)
		}
	}
}

// actingFor gives the organisation that acts in an organisation's place.
func actingFor(f *projections.Fold, o ledger.Orgnr) projections.Organisation {
	for {
		now, _ := f.Organisation(o)
		if now.SucceededBy == "" {
			return now
		}
		o = now.SucceededBy
	}
}

// finally gives the innovation that one was finally merged into.
func finally(f *projections.Fold, id string) projections.Innovation {
	i, _ := f.Innovation(id)
	if i.MergedInto != "" {
		i, _ = f.Innovation(i.MergedInto)
	}
	return i
}

func sumsOf(lines []projections.Line) (s projections.Sums) {
	for _, l := range lines {
		if l.Role == projections.RoleOriginator {
			s.Originated += l.Points
		} else {
			s.Adopted += l.Points
		}
		s.Total += l.Points
	}
	return s
}

// linesLeadToEntries follows every line to the confirmation that it names, and sees that nobody gets it wrongly.
func linesLeadToEntries(t *testing.T, r *random) {
	for _, table := range tables(r.fold(len(r.entries))) {
		f := r.then(table)
		for _, row := range table.Rows {
			for _, l := range row.Lines {
				followLine(t, r, f, table.Year, row.Orgnr, l)
			}
		}
	}
}

func followLine(t *testing.T, r *random, f *projections.Fold, year int, to ledger.Orgnr, l projections.Line) {
	e := r.entries[l.Index]
	d, ok := e.Data.(*ledger.Confirmation)
	if !ok || finally(f, d.Innovation).ID != l.Innovation || e.By != l.Adopter || l.Index >= f.Position {
		t.Fatalf("%d: the line %+v names entry %d, a %s by %s: %+v", year, l, l.Index, e.Type, e.By, e.Data)
	}
	for _, y := range f.ReportingYears() {
		if d.InUseFrom.Year() > year || d.InUseFrom.Year() <= y.Year && y.Year < year && y.Closed == nil {
			t.Errorf("%d: the line %+v is of use from %s, and %+v", year, l, d.InUseFrom, y)
		}
	}
	i, _ := f.Innovation(l.Innovation)
	made := slices.ContainsFunc(i.Originators, func(o projections.Originator) bool { return o.Orgnr == to })
	if l.Role == projections.RoleOriginator && !made || l.Role == projections.RoleAdopter && to != l.Adopter {
		t.Errorf("%d: %s has the line %+v", year, to, l)
	}
	if l.Points < 0 || l.Points > 1_000_000 {
		t.Errorf("%d: %s points for one line of %s", year, l.Points, to)
	}
}

// pairsScoreOnce sees that no pair scores in two years, nor twice in one, and that an originator and an adopter get
// one line of it each. Which pairs are one is as when the later of two scored: two that have scored and are merged then
// keep what they have.
func pairsScoreOnce(t rapid.TB, r *random) {
	all := tables(r.fold(len(r.entries)))
	for n, table := range all {
		f := r.then(table)
		entries := map[string]int64{} // of the pairs that have scored
		for _, before := range all[:n] {
			for _, l := range linesOf(before) {
				entries[pairOf(f, l)] = -1
			}
		}
		given := map[string]bool{}
		for _, row := range table.Rows {
			for _, l := range row.Lines {
				pair := pairOf(f, l)
				if entry, scored := entries[pair]; scored && entry != l.Index {
					t.Errorf("%d: %s scores again, by entry %d", table.Year, pair, l.Index)
				}
				entries[pair] = l.Index
				line := fmt.Sprint(pair, l.Role, row.Orgnr)
				if given[line] {
					t.Errorf("%d: %s has two lines of %s", table.Year, row.Orgnr, pair)
				}
				given[line] = true
			}
		}
	}
}

func linesOf(t projections.Table) (all []projections.Line) {
	for _, row := range t.Rows {
		all = append(all, row.Lines...)
	}
	return all
}

// pairOf names a line's pair, after mergers of innovations and of organisations.
func pairOf(f *projections.Fold, l projections.Line) string {
	return finally(f, l.Innovation).ID + " " + string(actingFor(f, l.Adopter).Orgnr)
}

// closedStaysClosed sees that a closing writes down what the open year's table was, and that it is the same bytes at every
// later position.
func closedStaysClosed(t rapid.TB, r *random) {
	f, frozen := projections.NewFold(), map[int]string{}
	for _, e := range r.entries {
		if d, ok := e.Data.(*ledger.YearClosing); ok {
			table, _ := f.Table(d.Year)
			table.Position, table.Status = e.Index+1, "closed"
			frozen[d.Year] = inJSON(t, table)
		}
		f.Apply(e)
		for year, want := range frozen {
			if table, _ := f.Table(year); inJSON(t, table) != want {
				t.Fatalf("%d at position %d:\n got %s\nwant %s", year, f.Position, inJSON(t, table), want)
			}
		}
	}
}

func inJSON(t rapid.TB, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// correctionsAgree compares the corrections of every closed year with what the naive fold says of its frozen lines today.
func correctionsAgree(t *testing.T, r *random) {
	f, now := r.fold(len(r.entries)), naiveRead(r.bytes)
	for _, y := range naiveAll(r.bytes) {
		got, ok := f.Corrections(y.year)
		if _, closed := now.closed[y.year]; ok != closed {
			t.Errorf("%d: corrections %t, closed %t", y.year, ok, closed)
		}
		if !ok {
			continue
		}
		lines, total := y.corrections(now)
		var told []string
		for _, l := range got.Lines {
			told = append(told, fmt.Sprint(l.Orgnr, " ", naiveLine{int(l.Index), l.Innovation, string(l.Adopter), l.Role, l.Reach, int(l.Points)}))
		}
		slices.Sort(told)
		if !slices.Equal(told, lines) || int(got.Total) != total || got.Position != f.Position {
			t.Errorf("%d: corrections:\n got %v, %s at %d\nwant %v, %d", y.year, told, got.Total, got.Position, lines, total)
		}
	}
}

// corrections are the lines of the year whose pair would not be a candidate now, whatever the year.
func (y naiveYear) corrections(now *naiveLedger) (lines []string, total int) {
	rules, _ := y.then.rulesFor(y.year)
	entered := map[naivePair]bool{}
	for _, entry := range now.pairEntries() {
		entered[now.pairBefore(entry, now.position)] = true
	}
	for _, a := range y.scored {
		pair := naivePair{now.final(a.innovation), now.heir(a.adopter)}
		if entered[pair] && now.undisputed(pair) && now.adoptable(pair) && now.eligible(pair.innovation, rules) {
			continue
		}
		for _, g := range a.gifts {
			lines = append(lines, fmt.Sprint(g.orgnr, " ", g.line))
			total += g.line.Points
		}
	}
	slices.Sort(lines)
	return lines, total
}

// pairsShareNothing sees that every entry about an adoption is of one pair, and stands there in order, however many pairs
// have become one.
func pairsShareNothing(t *testing.T, r *random) {
	f, seen := r.fold(len(r.entries)), map[int64]bool{}
	all, _ := f.Innovations(projections.Query{}, -1, len(r.entries))
	for _, i := range all {
		if i.MergedInto != "" {
			continue
		}
		pairs, _ := f.Pairs(i.ID)
		for _, p := range pairs {
			if !slices.IsSorted(p.Entries) {
				t.Errorf("%s and %s: entries %v", i.ID, p.Adopter, p.Entries)
			}
			for _, index := range p.Entries {
				if seen[index] {
					t.Errorf("entry %d is of two pairs", index)
				}
				seen[index] = true
			}
		}
	}
	for n, e := range r.entries {
		about := strings.HasPrefix(string(e.Type), "adoption.") || strings.HasPrefix(string(e.Type), "dispute.")
		if seen[int64(n)] != about {
			t.Errorf("entry %d, %s: of a pair %t, want %t", n, e.Type, seen[int64(n)], about)
		}
	}
}

// replaysAlike sees that the same entries give the same bytes: folded at once, parsed anew, or in parts with reads between.
func replaysAlike(t rapid.TB, r *random) {
	want := everything(t, r.fold(len(r.entries)))
	if got := everything(t, reparsed(t, r)); got != want {
		t.Errorf("parsed anew:\n got %s\nwant %s", got, want)
	}
	view := projections.NewView()
	for rest := r.entries; len(rest) > 0; {
		n := 1 + r.IntN(len(rest))
		view.Apply(rest[:n])
		view.Read(func(f *projections.Fold) { everything(t, f) })
		rest = rest[n:]
	}
	view.Read(func(f *projections.Fold) {
		if got := everything(t, f); got != want {
			t.Errorf("in parts:\n got %s\nwant %s", got, want)
		}
	})
}

func reparsed(t rapid.TB, r *random) *projections.Fold {
	f := projections.NewFold()
	for index, b := range r.bytes {
		e, err := ledger.ParseEntry(int64(index), slices.Clone(b))
		if err != nil {
			t.Fatal(err)
		}
		f.Apply(e)
	}
	return f
}

// everything is all that a fold gives, as JSON.
func everything(t rapid.TB, f *projections.Fold) string {
	all := struct {
		Position      int64
		Tables        []projections.Table
		Innovations   []projections.Innovation
		Pairs         [][]projections.Pair
		Organisations []projections.Organisation
		Keys          []projections.Key
		Rules         []projections.RulesItem
		Years         []projections.Year
		Corrections   []projections.Corrections
	}{
		Position: f.Position, Tables: tables(f), Keys: f.Keys(), Rules: f.PublishedRules(), Years: f.ReportingYears(),
	}
	if f.Founded != nil {
		all.Organisations = f.Organisations()
	}
	all.Innovations, _ = f.Innovations(projections.Query{}, -1, int(f.Position)+1)
	for _, i := range all.Innovations {
		pairs, _ := f.Pairs(i.ID)
		all.Pairs = append(all.Pairs, pairs)
	}
	for _, year := range f.Years() {
		if c, closed := f.Corrections(year); closed {
			all.Corrections = append(all.Corrections, c)
		}
	}
	return inJSON(t, all)
}

// strikesRaiseNobody strikes a few adoptions of a ledger whose rules count every adoption of every branch without limits.
// (With limits, or a lineage that scores once, a retraction makes room for others: TestRetractionMakesRoom.)
func strikesRaiseNobody(t rapid.TB, r *random) {
	if !r.plain || len(r.pairs) == 0 {
		return
	}
	for range 20 {
		strikeRaisesNobody(t, r, pick(r, r.pairs...))
	}
}

// strikeRaisesNobody strikes an adoption: nobody has more points for it in any year, and it gives none in an open one.
func strikeRaisesNobody(t rapid.TB, r *random, p worldPair) {
	entry, before := r.entryOf(p), sumsByYear(r)
	e, err := r.strikes(p)
	if err != nil {
		return // it was struck already, or may not be
	}
	r.happened["strikes: "+string(e.Type)]++
	for who, points := range sumsByYear(r) {
		if points > before[who] {
			t.Errorf("after a %s of %s and %s, %s has %s, had %s", e.Type, p.id, p.adopter, who, points, before[who])
		}
	}
	for _, table := range tables(r.fold(len(r.entries))) {
		if table.Status == "open" && slices.ContainsFunc(linesOf(table), func(l projections.Line) bool { return l.Index == entry }) {
			t.Errorf("%d: entry %d still gives points after a %s", table.Year, entry, e.Type)
		}
	}
}

// strikes lets an adoption count no more: one says that it was a mistake, disputes it, upholds that, or withdraws what was
// adopted.
func (r *random) strikes(p worldPair) (*ledger.Entry, error) {
	switch r.IntN(8) {
	case 0:
		return r.withdrawn(r.final(p.draft))
	case 1, 2:
		return r.retracts(p)
	case 3, 4:
		return r.disputed(worldDispute{p, r.acting()})
	}
	return r.decided(p, true, r.sitting()...)
}

// entryOf gives the index of the pair's entry; none: -1.
func (r *random) entryOf(p worldPair) int64 {
	pairs, _ := r.fold(len(r.entries)).Pairs(p.id)
	for _, is := range pairs {
		if is.Adopter == r.heir(p.adopter) && is.Index != nil {
			return *is.Index
		}
	}
	return -1
}

// sumsByYear gives what each organisation has got in each year.
func sumsByYear(r *random) map[string]ledger.Milli {
	sums := map[string]ledger.Milli{}
	for _, table := range tables(r.fold(len(r.entries))) {
		for _, row := range table.Rows {
			sums[fmt.Sprint(row.Orgnr, " in ", table.Year)] = row.Total
		}
	}
	return sums
}

// TestRetractionMakesRoom has two adoptions of which only one scores; when that is retracted, the other does.
func TestRetractionMakesRoom(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules func(*ledger.Rules)
		other ledger.Orgnr // the adopter of the branch
	}{
		{"lineage once", func(r *ledger.Rules) { r.Lineage = ledger.LineageOnce }, north},
		{"an originator's and adopter's limit", func(r *ledger.Rules) { r.MaxPerOriginatorAdopter = new(1) }, north},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStory()
			s.rules(2026, c.rules)
			s.opens(2026)
			root := s.publishes(nil, maker)
			branch := s.publishes(func(d *ledger.Innovation) { d.DerivedFrom = root.id }, maker, partner)
			first := s.confirms(root, north, "2026-02-01")
			second := s.confirms(branch, c.other, "2026-03-01")

			s.wantLines(t, 2026,
				line{first, maker, "originator other_region", 1000}, line{first, north, "adopter other_region", 250})
			s.retracts(root, north)
			s.wantLines(t, 2026,
				line{second, maker, "originator other_region", 500}, line{second, partner, "originator other_region", 500},
				line{second, north, "adopter other_region", 250})
		})
	}
}

// TestProjectAcrossRules changes from a lineage that scores once to branches that score by themselves. A branch whose
// originator got no line for it, since the root had scored, gets its line then, and no other.
func TestProjectAcrossRules(t *testing.T) {
	s := newStory()
	s.rules(2025, func(r *ledger.Rules) { r.Basis, r.Lineage = ledger.BasisProject, ledger.LineageOnce })
	s.rules(2026, func(r *ledger.Rules) { r.Basis = ledger.BasisProject })
	s.opens(2025)
	s.opens(2026)
	root := s.publishes(nil, maker)
	branch := s.publishes(func(d *ledger.Innovation) { d.DerivedFrom = root.id }, maker)
	first := s.confirms(root, north, "2025-02-01")
	second := s.confirms(branch, middle, "2025-03-01")
	third := s.confirms(branch, north, "2026-02-01")
	fourth := s.confirms(branch, nowhere, "2026-03-01")
	fifth := s.confirms(root, middle, "2026-03-01")
	near := s.confirms(root, partner, "2026-03-01")

	s.wantLines(t, 2025,
		line{first, maker, "originator other_region", 1000}, line{first, north, "adopter other_region", 250},
		line{second, middle, "adopter other_region", 250})
	s.wantLines(t, 2026,
		line{third, maker, "originator other_region", 1000}, line{third, north, "adopter other_region", 250},
		line{fourth, nowhere, "adopter other_region", 250},
		line{fifth, middle, "adopter other_region", 250},
		line{near, maker, "originator same_region", 600}, line{near, partner, "adopter same_region", 150})
}

// TestFormerOriginator has an adopter become an originator and leave again: what it had made itself gives no points.
func TestFormerOriginator(t *testing.T) {
	s := newStory()
	s.rules(2026, nil)
	s.opens(2026)
	i := s.publishes(nil, maker)
	first := s.confirms(i, north, "2026-02-01")
	second := s.confirms(i, middle, "2026-02-01")
	stays := []line{{second, maker, "originator other_region", 1000}, {second, middle, "adopter other_region", 250}}
	s.wantLines(t, 2026, append(stays, line{first, maker, "originator other_region", 1000}, line{first, north, "adopter other_region", 250})...)

	s.revises(i, func(d *ledger.Innovation) { d.Originators = even(maker, north) })
	s.wantLines(t, 2026, line{second, maker, "originator other_region", 500}, line{second, north, "originator other_region", 500}, stays[1])
	s.revises(i, func(d *ledger.Innovation) { d.Originators = even(maker) })
	s.wantLines(t, 2026, stays...)
}

// TestProjectAfterSuccession lets an originator have its line in a closed year, another take its place in the innovation,
// and then in the ledger: the project has its line, whichever of the two acts for the other, or a third for both, and
// also when one of them was originator of a duplicate.
func TestProjectAfterSuccession(t *testing.T) {
	for name, successions := range map[string][][2]ledger.Orgnr{
		"the later one succeeds":  {{partner, maker}},
		"the earlier one does":    {{maker, partner}},
		"a third, for both":       {{nowhere, maker}, {nowhere, partner}},
		"a third, the other way":  {{nowhere, partner}, {nowhere, maker}},
		"through another":         {{partner, maker}, {nowhere, partner}},
		"after its own successor": {{outside, maker}, {partner, outside}},
	} {
		for _, duplicate := range []bool{false, true} {
			s := newStory()
			s.rules(2024, project)
			s.opens(2024)
			i := s.publishes(nil, maker)
			s.confirms(i, north, "2024-05-01")
			must(s.byAuthority(&ledger.YearClosing{Year: 2024}))
			s.opens(2025)
			if duplicate {
				into := s.publishes(nil, partner)
				must(s.merged(i, into, nil))
				i = into
			} else {
				s.revises(i, func(d *ledger.Innovation) { d.Originators = even(partner) })
			}
			for _, x := range successions {
				must(s.succeed(x[0], x[1]))
			}
			last := s.confirms(i, middle, "2025-05-01")
			s.wantLines(t, 2025, line{last, middle, "adopter other_region", 250})
			for _, y := range naiveAll(s.bytes) {
				if got, _ := s.now().Table(y.year); !reflect.DeepEqual(normal(got), y.table()) {
					t.Errorf("%s, %t, %d:\n%s", name, duplicate, y.year, differ(normal(got), y.table()))
				}
			}
		}
	}
}

// TestDecisionsOfPairsThatBecomeOne merges pairs of which the committee has decided one or both: the last decision holds,
// whichever takes the other over.
func TestDecisionsOfPairsThatBecomeOne(t *testing.T) {
	for _, c := range []struct {
		name    string
		decided map[int][]bool // of the first and the second, upheld; first to last
		counts  bool
	}{
		{"the first upheld", map[int][]bool{0: {true}}, false},
		{"the second upheld", map[int][]bool{1: {true}}, false},
		{"the first upheld, then the second not", map[int][]bool{0: {true}, 1: {false}}, true},
		{"the first not, then the second upheld", map[int][]bool{0: {false}, 1: {true}}, false},
		{"the first anew, then the second upheld", map[int][]bool{0: {true, false}, 1: {true}}, false},
	} {
		for _, order := range [][]int{{0, 1}, {1, 0}} {
			t.Run(fmt.Sprint(c.name, order), func(t *testing.T) {
				u := newUndue(t, nil)
				two := []*draft{u.publishes(nil, maker), u.publishes(nil, maker)}
				entry := u.confirms(two[0], north, "2026-02-01")
				u.confirms(two[1], north, "2026-03-01")
				for n, i := range two {
					if len(c.decided[n]) > 0 {
						u.disputes(i, north, middle)
					}
					for _, upheld := range c.decided[n] {
						u.decides(i, north, upheld)
					}
				}
				u.merges(two[order[0]], two[order[1]])
				var want []line
				if c.counts {
					want = []line{{entry, maker, "originator other_region", 1000}, {entry, north, "adopter other_region", 250}}
				}
				u.wantLines(t, 2026, want...)
			})
		}
	}
}

// TestLimitOfOriginatorsThatBecomeOne counts an adoption once towards a limit, though two of its originators are one.
func TestLimitOfOriginatorsThatBecomeOne(t *testing.T) {
	u := newUndue(t, func(r *ledger.Rules) { r.MaxPerOriginatorAdopter = new(2) })
	first := u.confirms(u.publishes(nil, maker, partner), north, "2026-02-01")
	u.succeeds(partner, maker)
	second := u.confirms(u.publishes(nil, partner), north, "2026-02-01")
	u.confirms(u.publishes(nil, partner), north, "2026-02-01")
	u.wantLines(t, 2026,
		line{first, maker, "originator other_region", 500}, line{first, partner, "originator other_region", 500}, line{first, north, "adopter other_region", 250},
		line{second, partner, "originator other_region", 1000}, line{second, north, "adopter other_region", 250})
}

// TestCorrectionOfMerged merges into what has scored in a closed year something that is not eligible.
func TestCorrectionOfMerged(t *testing.T) {
	u := newUndue(t, nil)
	a, b := u.publishes(nil, maker), u.publishes(external, maker)
	u.confirms(a, north, "2025-02-01")
	u.closes(2025)
	u.merges(b, a)
	c, ok := u.now().Corrections(2025)
	if !ok || len(c.Lines) != 2 || c.Total != 1250 || c.Lines[0].Reason != "not_eligible" || c.Lines[1].Reason != "not_eligible" {
		t.Errorf("got %+v, %t", c, ok)
	}
}

// TestSharesAreRounded divides values that do not come out even, and lets the share of one who is not measured lapse.
func TestSharesAreRounded(t *testing.T) {
	s := newStory()
	s.rules(2026, func(r *ledger.Rules) {
		r.Originator.OtherRegion, r.Adopter.OtherRegion = new(ledger.Milli(250)), new(ledger.Milli(0))
	})
	s.opens(2026)
	thirds := func(d *ledger.Innovation) {
		d.Originators[0].Share, d.Originators[1].Share, d.Originators[2].Share = 333, 333, 334
	}
	all := s.publishes(thirds, partner, maker, middle) // 83.25, 83.25 and 83.5
	some := s.publishes(thirds, partner, maker, outside)
	first := s.confirms(all, north, "2026-02-01")
	second := s.confirms(some, north, "2026-02-01") // 166.5 together: the tie goes to the lower number

	s.wantLines(t, 2026,
		line{first, maker, "originator other_region", 83}, line{first, partner, "originator other_region", 83},
		line{first, middle, "originator other_region", 84}, line{first, north, "adopter other_region", 0},
		line{second, maker, "originator other_region", 84}, line{second, partner, "originator other_region", 83},
		line{second, north, "adopter other_region", 0})
}

// TestYearsAndRules asks for what is not there, and for rules that were replaced.
func TestYearsAndRules(t *testing.T) {
	s := newStory()
	if f := s.now(); len(f.Years()) != 0 || f.RulesFor(2026) != nil || len(f.PublishedRules()) != 0 {
		t.Errorf("before any: years %v, rules %v", f.Years(), f.PublishedRules())
	}
	s.opens(2025)
	i := s.publishes(nil, maker)
	s.confirms(i, north, "2025-02-01")
	table, ok := s.now().Table(2025)
	if !ok || table.Rules != nil || len(table.Rows) != 0 || table.Total != 0 {
		t.Errorf("a year without rules: got %+v, %t", table, ok)
	}
	if b, err := json.Marshal(table); err != nil || string(b) != fmt.Sprintf(`{"year":2025,"position":%d,"status":"open","rows":[],"regions":[],"total":0}`, len(s.entries)) {
		t.Errorf("its JSON: got %s, %v", b, err)
	}
	for _, year := range []int{2024, 2026} {
		if table, ok := s.now().Table(year); ok {
			t.Errorf("%d is not opened: got %+v", year, table)
		}
	}
	s.rules(2025, nil)                                                     // "rules 1"
	s.rules(2027, nil)                                                     // "rules 2"
	s.rules(2025, func(r *ledger.Rules) { r.Basis = ledger.BasisProject }) // "rules 3"
	s.opens(2026)
	for year, want := range map[int]string{2025: "rules 3", 2026: "rules 3", 2027: "rules 2", 2030: "rules 2"} {
		if got := s.now().RulesFor(year); got.ID != want {
			t.Errorf("%d: got %s, want %s", year, got, want)
		}
	}
	if got := s.now().RulesFor(2024); got != nil {
		t.Errorf("2024: got %s, want none", got)
	}
	years := []projections.Year{
		{Year: 2025, Status: "open", Opened: s.opened[2025]},
		{Year: 2026, Status: "open", Opened: s.opened[2026]},
	}
	if got := s.now().ReportingYears(); !slices.Equal(got, years) {
		t.Errorf("years: got %+v, want %+v", got, years)
	}
	if got := s.now().PublishedRules(); len(got) != 3 || got[2].Rules.ID != "rules 3" || s.entries[got[2].Index].Type != ledger.RulesPublished {
		t.Errorf("rules: got %+v", got)
	}
}
