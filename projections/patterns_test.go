package projections_test

// What is listed as unusual in a year, in short stories and against a naive second look.

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"spredning/ledger"
	"spredning/projections"
)

func patternsOf(t *testing.T, f *projections.Fold, year int) projections.Patterns {
	t.Helper()
	p, ok := f.Patterns(year)
	if !ok {
		t.Fatalf("%d has no patterns", year)
	}
	return p
}

func TestPatternsOfNothing(t *testing.T) {
	u := newUndue(t, nil)
	if got := inJSON(t, patternsOf(t, u.now(), 2025)); got != fmt.Sprintf(`{"year":2025,"position":%d,"status":"open",`+
		`"bounds":{"concentration_share":500,"concentration_adoptions":4,"burst_days":7,"burst_by_adopter":5,"burst_of_pair":3},`+
		`"reciprocal":[],"concentrated":[],"bursts":[],"republished":[],"confirmed_again":[],"within_one":[]}`, len(u.entries)) {
		t.Errorf("got %s", got)
	}
	if p, ok := u.now().Patterns(2024); ok {
		t.Errorf("2024 is not opened: got %+v", p)
	}
}

func TestReciprocalAdoptions(t *testing.T) {
	u := newUndue(t, nil)
	ofMaker, ofNorth := u.publishes(nil, maker), u.publishes(nil, north, partner)
	there := u.confirms(ofMaker, north, "2025-02-01")
	if got := patternsOf(t, u.now(), 2025).Reciprocal; len(got) != 0 {
		t.Errorf("one way: got %+v", got)
	}
	back := u.confirms(ofNorth, maker, "2026-02-01")
	external := u.confirms(u.publishes(external, north), maker, "2026-02-01") // counts in no year
	want := []projections.Reciprocal{{
		A: projections.Named{Orgnr: maker, Name: "Hospital 1"}, B: projections.Named{Orgnr: north, Name: "Hospital 3"},
		Year:    projections.Both{AFromB: []int64{}, BFromA: []int64{there}},
		Overall: projections.Both{AFromB: []int64{back, external}, BFromA: []int64{there}},
	}}
	if got := patternsOf(t, u.now(), 2025).Reciprocal; inJSON(t, got) != inJSON(t, want) {
		t.Errorf("2025: got %+v, want %+v", got, want)
	}
	want[0].Year = projections.Both{AFromB: []int64{back}, BFromA: []int64{}}
	if got := patternsOf(t, u.now(), 2026).Reciprocal; inJSON(t, got) != inJSON(t, want) {
		t.Errorf("2026: got %+v, want %+v", got, want)
	}

	// A closed year keeps its adoptions, also one that is retracted since; and who acts today is meant.
	u.closes(2025)
	u.retracts(ofMaker, north)
	u.succeeds(middle, north)
	want = []projections.Reciprocal{{
		A: projections.Named{Orgnr: maker, Name: "Hospital 1"}, B: projections.Named{Orgnr: middle, Name: "Hospital 4"},
		Year:    projections.Both{AFromB: []int64{}, BFromA: []int64{there}},
		Overall: projections.Both{AFromB: []int64{back, external}, BFromA: []int64{}},
	}}
	if got := patternsOf(t, u.now(), 2025).Reciprocal; inJSON(t, got) != inJSON(t, want) {
		t.Errorf("2025, closed: got %+v, want %+v", got, want)
	}
}

func TestConcentratedAdoptions(t *testing.T) {
	u := newUndue(t, nil)
	var made []*draft
	for range 5 {
		made = append(made, u.publishes(nil, maker))
	}
	var entries []int64
	for n, i := range made[:3] {
		entries = append(entries, u.confirms(i, north, "2025-02-01"))
		if got := patternsOf(t, u.now(), 2025).Concentrated; len(got) != 0 {
			t.Errorf("%d of %d: got %+v", n+1, n+1, got)
		}
	}
	u.confirms(made[0], middle, "2025-02-01")
	want := projections.Concentration{
		Originator: projections.Named{Orgnr: maker, Name: "Hospital 1"}, Adopter: projections.Named{Orgnr: north, Name: "Hospital 3"},
		Year: projections.Part{Adoptions: 3, Of: 4, Share: 750, Indexes: entries},
	}
	want.Overall = want.Year
	if got := patternsOf(t, u.now(), 2025).Concentrated; len(got) != 1 || inJSON(t, got[0]) != inJSON(t, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// Half is not most.
	u.confirms(made[1], middle, "2025-02-01")
	u.confirms(made[2], middle, "2025-02-01")
	if got := patternsOf(t, u.now(), 2025).Concentrated; len(got) != 0 {
		t.Errorf("3 of 6: got %+v", got)
	}
	// Overall is enough, if the year has some of it.
	entries = append(entries, u.confirms(made[3], north, "2026-02-01"), u.confirms(made[4], north, "2026-02-01"))
	got := patternsOf(t, u.now(), 2026).Concentrated
	if len(got) != 1 || got[0].Year.Of != 2 || inJSON(t, got[0].Overall) != inJSON(t, projections.Part{Adoptions: 5, Of: 8, Share: 625, Indexes: entries}) {
		t.Errorf("5 of 8: got %+v", got)
	}
}

// foldAt folds the world's entries with other times: those named by index, and of all others the time of the one before.
func (w *world) foldAt(times map[int64]string) *projections.Fold {
	f, at := projections.NewFold(), must2(time.Parse(time.RFC3339, "2026-01-01T00:00:00Z"))
	for _, e := range w.entries {
		moved := *e
		if s, ok := times[e.Index]; ok {
			at = must2(time.Parse(time.RFC3339, s))
		}
		moved.At = at
		f.Apply(&moved)
	}
	return f
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestBursts(t *testing.T) {
	for _, c := range []struct {
		name string
		at   []string // of the confirmations
		want []string
	}{
		{"within a day", []string{"11-01T00:00:00", "", "", "", ""}, []string{"0-4 2026-11-01 2026-11-01"}},
		{"on the seventh day", []string{"11-01T23:59:59", "", "", "", "11-07T23:59:59"}, []string{"0-4 2026-11-01 2026-11-07"}},
		{"on the eighth day", []string{"11-01T23:59:59", "", "", "", "11-08T00:00:00"}, nil},
		{"too few", []string{"11-01T00:00:00", "", "", ""}, nil},
		{"two after each other", []string{"11-01T00:00:00", "", "", "", "", "11-08T00:00:00", "", "", "", ""}, []string{"0-4 2026-11-01 2026-11-01", "5-9 2026-11-08 2026-11-08"}},
		{"not from the first on", []string{"10-01T00:00:00", "11-01T00:00:00", "", "", "", ""}, []string{"1-5 2026-11-01 2026-11-01"}},
		{"clocks set back", []string{"11-20T00:00:00", "10-25T00:00:00", "11-01T00:00:00", "10-28T00:00:00", "11-10T00:00:00"}, []string{"0-4 2026-11-20 2026-11-20"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := newUndue(t, nil)
			places, times := map[int64]int{}, map[int64]string{}
			for n, at := range c.at {
				// each made by another, so that only the adopter's bursts are many
				index := u.confirms(u.publishes(nil, []ledger.Orgnr{maker, partner, nowhere}[n%3]), north, "2026-01-01")
				if places[index] = n; at != "" {
					times[index] = "2026-" + at + "Z"
				}
			}
			var got []string
			for _, b := range patternsOf(t, u.foldAt(times), 2026).Bursts {
				if b.Originator == nil {
					got = append(got, fmt.Sprintf("%d-%d %s %s", places[b.Indexes[0]], places[b.Indexes[len(b.Indexes)-1]], b.From, b.To))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestBurstOfPair has three confirmations of one maker's, among few.
func TestBurstOfPair(t *testing.T) {
	u := newUndue(t, nil)
	var entries []int64
	for range 3 {
		entries = append(entries, u.confirms(u.publishes(nil, maker), north, "2026-01-01"))
	}
	u.confirms(u.publishes(nil, partner), north, "2026-01-01")
	got := patternsOf(t, u.now(), 2026).Bursts
	if len(got) != 1 || got[0].Adopter.Orgnr != north || got[0].Originator == nil || got[0].Originator.Orgnr != maker ||
		!slices.Equal(got[0].Indexes, entries) || got[0].From != ledger.DateOf(worldToday) || got[0].To != got[0].From {
		t.Errorf("got %+v", got)
	}
}

func TestRepublished(t *testing.T) {
	title := func(s string) func(*ledger.Innovation) {
		return func(d *ledger.Innovation) { d.Title = worldText(s) }
	}
	for _, c := range []struct {
		name   string
		before func(*ledger.Innovation)
		after  func(gone *draft) func(*ledger.Innovation)
		makers []ledger.Orgnr
		why    string
	}{
		{"the same title", title("Smart ventil"), func(*draft) func(*ledger.Innovation) { return title("Smart ventil") }, []ledger.Orgnr{maker}, "title"},
		{"the same words", title("Smart ventil, på Åsen"), func(*draft) func(*ledger.Innovation) { return title("VENTIL – smart på åsen!") }, []ledger.Orgnr{partner, maker}, "title"},
		{"in another language", title("Smart ventil"), func(*draft) func(*ledger.Innovation) {
			return func(d *ledger.Innovation) { d.Title = ledger.Text{NN: new("smart Ventil"), EN: new("Smart valve")} }
		}, []ledger.Orgnr{maker}, "title"},
		{"derived", nil, branchOf, []ledger.Orgnr{maker, partner}, "derived_from"},
		{"derived and called the same", title("Smart ventil"), func(gone *draft) func(*ledger.Innovation) {
			return func(d *ledger.Innovation) { d.Title, d.DerivedFrom = worldText("Smart ventil"), gone.id }
		}, []ledger.Orgnr{maker}, "derived_from title"},
		{"one word more", title("Smart ventil"), func(*draft) func(*ledger.Innovation) { return title("Smart ventil 2") }, []ledger.Orgnr{maker}, ""},
		{"by another", title("Smart ventil"), func(*draft) func(*ledger.Innovation) { return title("Smart ventil") }, []ledger.Orgnr{partner}, ""},
		{"derived by another", nil, branchOf, []ledger.Orgnr{partner}, ""},
		{"titles without words", title("!"), func(*draft) func(*ledger.Innovation) { return title("?") }, []ledger.Orgnr{maker}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := newUndue(t, nil)
			gone := u.publishes(c.before, maker)
			first := u.confirms(gone, north, "2025-02-01")
			u.closes(2025)
			next := u.publishes(c.after(gone), c.makers...)
			again := u.confirms(next, north, "2026-02-01")
			new := u.confirms(next, middle, "2026-02-01")
			if got := patternsOf(t, u.now(), 2026).Republished; len(got) != 0 {
				t.Errorf("nothing is withdrawn: got %+v", got)
			}
			withdrawal := u.withdraws(gone)
			got := patternsOf(t, u.now(), 2026).Republished
			if c.why == "" {
				if len(got) != 0 {
					t.Errorf("got %+v", got)
				}
				return
			}
			published, _ := u.now().Innovation(next.id)
			want := projections.Republished{
				Innovation: next.id, Title: next.Title, Index: published.Index,
				Withdrawn: projections.WithdrawnEntry{Innovation: gone.id, Title: gone.Title, Index: withdrawal}, Why: strings.Fields(c.why),
				Originators: []projections.Named{{Orgnr: maker, Name: "Hospital 1"}}, Indexes: []int64{again, new},
				Again: []projections.AdoptedAgain{{Adopter: projections.Named{Orgnr: north, Name: "Hospital 3"}, Before: first, Index: again}},
			}
			if len(got) != 1 || inJSON(t, got[0]) != inJSON(t, want) {
				t.Errorf("got %s, want %s", inJSON(t, got), inJSON(t, want))
			}
			if old := patternsOf(t, u.now(), 2025).Republished; len(old) != 0 {
				t.Errorf("2025: got %+v", old)
			}
		})
	}
}

// TestRepublishedLatest lists of many withdrawn ones the latest: an answer does not grow with their number times that of
// the new ones.
func TestRepublishedLatest(t *testing.T) {
	u := newUndue(t, nil)
	same := func(d *ledger.Innovation) { d.Title = worldText("Ventil") }
	var last *draft
	for range 4 {
		last = u.publishes(same, maker)
		u.withdraws(last)
	}
	for range 3 {
		u.confirms(u.publishes(same, maker), north, "2026-02-01")
	}
	u.withdraws(u.publishes(same, maker)) // later than those that count
	got := patternsOf(t, u.now(), 2026).Republished
	if len(got) != 3 {
		t.Fatalf("got %+v", got)
	}
	for _, r := range got {
		if r.Withdrawn.Innovation != last.id || len(r.Again) != 0 {
			t.Errorf("got %+v", r)
		}
	}
}

func TestConfirmedAgain(t *testing.T) {
	u := newUndue(t, nil)
	scored, late, open := u.publishes(nil, maker), u.publishes(external, maker), u.publishes(nil, maker)
	one := u.confirms(scored, north, "2025-02-01")
	u.confirms(late, north, "2025-02-01") // closes without counting
	u.confirms(u.publishes(nil, maker), middle, "2025-02-01")
	u.closes(2025)
	u.revises(late, own)
	struck := []int64{u.retracts(scored, north), u.retracts(late, north)}
	if got := patternsOf(t, u.now(), 2025).ConfirmedAgain; len(got) != 0 {
		t.Errorf("only retracted: got %+v", got)
	}
	two := []int64{u.confirms(scored, north, "2026-02-01"), u.confirms(late, north, "2026-02-01")}
	u.confirms(open, middle, "2026-02-01")
	struck = append(struck, u.retracts(open, middle))
	three := u.confirms(open, middle, "2026-02-01")

	at := func(i *draft, adopter projections.Named, index int64, retracted int64, scored ...projections.YearScored) projections.ConfirmedAgain {
		return projections.ConfirmedAgain{Innovation: i.id, Title: i.Title, Adopter: adopter, Index: index, Retracted: []int64{retracted}, Scored: scored}
	}
	hNorth, hMiddle := projections.Named{Orgnr: north, Name: "Hospital 3"}, projections.Named{Orgnr: middle, Name: "Hospital 4"}
	want := []projections.ConfirmedAgain{at(scored, hNorth, two[0], struck[0], projections.YearScored{Year: 2025, Index: one})}
	if got := patternsOf(t, u.now(), 2025).ConfirmedAgain; inJSON(t, got) != inJSON(t, want) {
		t.Errorf("2025: got %s, want %s", inJSON(t, got), inJSON(t, want))
	}
	want = []projections.ConfirmedAgain{
		at(late, hNorth, two[1], struck[1], projections.YearScored{Year: 2026, Index: two[1]}),
		at(open, hMiddle, three, struck[2], projections.YearScored{Year: 2026, Index: three}),
	}
	if got := patternsOf(t, u.now(), 2026).ConfirmedAgain; inJSON(t, got) != inJSON(t, want) {
		t.Errorf("2026: got %s, want %s", inJSON(t, got), inJSON(t, want))
	}
}

func TestWithinOne(t *testing.T) {
	u := newUndue(t, nil)
	entry := u.confirms(u.publishes(nil, maker, partner), north, "2025-02-01")
	u.confirms(u.publishes(nil, maker), north, "2026-02-01")
	u.closes(2025)
	u.succeeds(maker, north)
	want := []projections.WithinOne{{
		Organisation: projections.Named{Orgnr: maker, Name: "Hospital 1"}, Originator: projections.Named{Orgnr: maker, Name: "Hospital 1"},
		Adopter: projections.Named{Orgnr: north, Name: "Hospital 3"}, Indexes: []int64{entry},
	}}
	if got := patternsOf(t, u.now(), 2025).WithinOne; inJSON(t, got) != inJSON(t, want) {
		t.Errorf("got %s, want %s", inJSON(t, got), inJSON(t, want))
	}
	if got := patternsOf(t, u.now(), 2026).WithinOne; len(got) != 0 {
		t.Errorf("what is open does not count: got %+v", got)
	}
}

// TestRandomPatterns compares the patterns of random ledgers, told at random times, with a naive second look.
func TestRandomPatterns(t *testing.T) {
	seen := map[string]int{}
	seeds, few := uint64(60), testing.Short() || underRace()
	if few {
		seeds = 10
	}
	// Chance may need more of them to see all that there is to see.
	all := []string{
		"reciprocal open", "reciprocal closed", "concentrated open", "concentrated closed", "bursts open", "bursts closed",
		"republished open", "republished closed", "confirmed again open", "confirmed again closed", "within one closed",
	}
	missing := func() bool { return slices.ContainsFunc(all, func(what string) bool { return seen[what] == 0 }) }
	for seed := uint64(0); seed < seeds || !few && seed < 5*seeds && missing(); seed++ {
		r := newRandom(seed, 160+20*int(seed%6), seed%2 == 0)
		days := r.drawDays()
		f := projections.NewFold()
		for n, e := range r.entries {
			moved := *e
			moved.At = time.Unix(int64(days[n])*24*60*60+int64(r.IntN(24*60*60)), 0).UTC()
			f.Apply(&moved)
		}
		now, years := naiveRead(r.bytes), naiveAll(r.bytes)
		for _, y := range years {
			p := patternsOf(t, f, y.year)
			n := naiveLook{now: now, year: y, all: years, days: days}
			n.sort()
			for _, c := range []struct {
				what      string
				got, want []string
			}{
				{"reciprocal", toldReciprocal(p), n.reciprocal()},
				{"concentrated", toldConcentrated(p), n.concentrated()},
				{"bursts", toldBursts(p), n.bursts()},
				{"republished", toldRepublished(p), n.republished()},
				{"confirmed again", toldAgain(p), n.confirmedAgain()},
				{"within one", toldWithin(p), n.withinOne()},
			} {
				slices.Sort(c.got)
				slices.Sort(c.want)
				if !slices.Equal(c.got, c.want) {
					t.Errorf("seed %d, %d, %s:\n got %q\nwant %q", seed, y.year, c.what, c.got, c.want)
				}
				seen[c.what+" "+p.Status] += len(c.got)
			}
		}
	}
	if few {
		return
	}
	for _, what := range all {
		if seen[what] == 0 {
			t.Errorf("never happened: %s", what)
		}
	}
	if seen["within one open"] != 0 {
		t.Error("an adoption within one organisation counts in an open year")
	}
}

// drawDays draws a day for each entry: mostly on from the one before, at times back.
func (r *random) drawDays() []int {
	days, day := make([]int, len(r.entries)), 20_000
	for n := range days {
		day += pick(r, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
		days[n] = day - pick(r, 0, 0, 0, r.IntN(30))
	}
	return days
}

// naiveLook is a year as it is looked at by the words of the rules alone.
type naiveLook struct {
	now           *naiveLedger
	year          naiveYear
	all           []naiveYear
	days          []int
	flows, forAll map[[2]string][]int // originator and adopter today: the entries
}

func (n *naiveLook) sort() {
	n.flows, n.forAll = map[[2]string][]int{}, map[[2]string][]int{}
	note := func(in map[[2]string][]int, originator, adopter string, index int) {
		k := [2]string{n.now.heir(originator), n.now.heir(adopter)}
		if k[0] != k[1] && !slices.Contains(in[k], index) {
			in[k] = append(in[k], index)
		}
	}
	for _, a := range n.year.scored {
		for _, g := range a.gifts {
			if g.line.Role == "originator" {
				note(n.flows, g.orgnr, a.adopter, a.index)
			}
		}
	}
	for _, entry := range n.now.pairEntries() {
		for _, o := range n.now.current(n.now.final(entry.Innovation)).Originators {
			note(n.forAll, o.Orgnr, entry.Adopter, entry.at)
		}
	}
}

func toldReciprocal(p projections.Patterns) (all []string) {
	for _, r := range p.Reciprocal {
		all = append(all, fmt.Sprint(r.A.Orgnr, r.B.Orgnr, r.Year.AFromB, r.Year.BFromA, r.Overall.AFromB, r.Overall.BFromA))
	}
	return all
}

func (n *naiveLook) reciprocal() (all []string) {
	for a := range n.now.organisations {
		for b := range n.now.organisations {
			ab, ba := [2]string{b, a}, [2]string{a, b} // A from B, B from A
			one, other := n.flows[ab], n.flows[ba]
			each := len(one)+len(n.forAll[ab]) > 0 && len(other)+len(n.forAll[ba]) > 0
			if a < b && each && len(one)+len(other) > 0 {
				all = append(all, fmt.Sprint(a, b, one, other, n.forAll[ab], n.forAll[ba]))
			}
		}
	}
	return all
}

func toldConcentrated(p projections.Patterns) (all []string) {
	for _, c := range p.Concentrated {
		all = append(all, fmt.Sprintf("%s %s %v %v", c.Originator.Orgnr, c.Adopter.Orgnr, c.Year, c.Overall))
	}
	return all
}

func (n *naiveLook) concentrated() (all []string) {
	part := func(flows map[[2]string][]int, k [2]string) (s string, most bool) {
		var of []int
		for other, indexes := range flows {
			if other[0] == k[0] {
				of = append(of, indexes...)
			}
		}
		of = slices.Compact(slices.Sorted(slices.Values(of)))
		have, share := len(flows[k]), 0
		if len(of) > 0 {
			share = 1000 * have / len(of)
		}
		return fmt.Sprintf("{%d %d %d %v}", have, len(of), share, flows[k]), len(of) >= 4 && 2*have > len(of)
	}
	for k := range n.flows {
		year, most := part(n.flows, k)
		overall, ever := part(n.forAll, k)
		if most || ever {
			all = append(all, fmt.Sprintf("%s %s %s %s", k[0], k[1], year, overall))
		}
	}
	return all
}

func toldBursts(p projections.Patterns) (all []string) {
	for _, b := range p.Bursts {
		maker := ledger.Orgnr("")
		if b.Originator != nil {
			maker = b.Originator.Orgnr
		}
		all = append(all, fmt.Sprint(b.Adopter.Orgnr, maker, b.From, b.To, b.Indexes))
	}
	return all
}

func (n *naiveLook) bursts() (all []string) {
	by := map[[2]string][]int{} // adopter, and originator or nobody
	for _, a := range n.year.scored {
		by[[2]string{n.now.heir(a.adopter)}] = append(by[[2]string{n.now.heir(a.adopter)}], a.index)
	}
	for k, indexes := range n.flows {
		by[[2]string{k[1], k[0]}] = indexes
	}
	day := func(index int) int { return slices.Max(n.days[:index+1]) }
	for k, rest := range by {
		least := 5
		if k[1] != "" {
			least = 3
		}
		slices.Sort(rest)
		for len(rest) > 0 {
			within := slices.DeleteFunc(slices.Clone(rest), func(index int) bool { return day(index)-day(rest[0]) > 6 })
			if len(within) < least {
				rest = rest[1:]
				continue
			}
			date := func(index int) string { return time.Unix(int64(day(index))*86400, 0).UTC().Format(time.DateOnly) }
			all = append(all, fmt.Sprint(k[0], k[1], date(within[0]), date(within[len(within)-1]), within))
			rest = rest[len(within):]
		}
	}
	return all
}

func toldRepublished(p projections.Patterns) (all []string) {
	for _, r := range p.Republished {
		var makers, again []string
		for _, m := range r.Originators {
			makers = append(makers, string(m.Orgnr))
		}
		for _, a := range r.Again {
			again = append(again, fmt.Sprint(a.Adopter.Orgnr, a.Before, a.Index))
		}
		all = append(all, fmt.Sprint(r.Innovation, r.Withdrawn.Innovation, r.Why, makers, r.Indexes, again))
	}
	return all
}

// republished knows nothing of titles: in a random ledger no two are the same.
func (n *naiveLook) republished() (all []string) {
	indexes := map[string][]naiveAdoption{}
	for _, a := range n.year.scored {
		id := n.now.final(a.innovation)
		indexes[id] = append(indexes[id], a)
	}
	for id, adoptions := range indexes {
		parent := n.now.current(id).DerivedFrom
		if parent == "" {
			continue
		}
		parent = n.now.final(parent)
		shared := n.shared(id, parent)
		if !n.now.withdrawn[parent] || len(shared) == 0 || n.now.versions[parent][0].at > n.now.versions[id][0].at {
			continue
		}
		var entries []int
		var again []string
		slices.SortFunc(adoptions, func(a, b naiveAdoption) int { return cmp.Compare(a.index, b.index) })
		for _, a := range adoptions {
			entries = append(entries, a.index)
			for _, entry := range n.now.pairEntries() {
				if n.now.pairBefore(entry, n.now.position) == (naivePair{parent, n.now.heir(a.adopter)}) {
					again = append(again, fmt.Sprint(n.now.heir(a.adopter), entry.at, a.index))
				}
			}
		}
		all = append(all, fmt.Sprint(id, parent, []string{"derived_from"}, shared, entries, again))
	}
	return all
}

// shared gives those who act today for makers, now or ever, of both and of what was merged into them.
func (n *naiveLook) shared(a, b string) []string {
	makers := func(final string) map[string]bool {
		all := map[string]bool{}
		for _, m := range n.now.members(final) {
			for _, v := range n.now.versions[m] {
				for _, o := range v.Originators {
					all[n.now.heir(o.Orgnr)] = true
				}
			}
		}
		return all
	}
	of := makers(b)
	var both []string
	for _, o := range slices.Sorted(maps.Keys(makers(a))) {
		if of[o] {
			both = append(both, o)
		}
	}
	return both
}

func toldAgain(p projections.Patterns) (all []string) {
	for _, c := range p.ConfirmedAgain {
		all = append(all, fmt.Sprint(c.Innovation, c.Adopter.Orgnr, c.Index, c.Retracted, c.Scored))
	}
	return all
}

func (n *naiveLook) confirmedAgain() (all []string) {
	for _, entry := range n.now.pairEntries() {
		pair := n.now.pairBefore(entry, n.now.position)
		var retracted []int
		for _, c := range n.now.about(pair, "adoption.retracted") {
			if c.at < entry.at {
				retracted = append(retracted, c.at)
			}
		}
		var scored []projections.YearScored
		inYear := false
		for _, y := range n.all {
			for _, a := range y.scored {
				if (naivePair{n.now.final(a.innovation), n.now.heir(a.adopter)}) == pair {
					scored = append(scored, projections.YearScored{Year: y.year, Index: int64(a.index)})
					inYear = inYear || y.year == n.year.year
				}
			}
		}
		if len(retracted) > 0 && inYear {
			all = append(all, fmt.Sprint(pair.innovation, pair.adopter, entry.at, retracted, scored))
		}
	}
	return all
}

func toldWithin(p projections.Patterns) (all []string) {
	for _, w := range p.WithinOne {
		all = append(all, fmt.Sprint(w.Organisation.Orgnr, w.Originator.Orgnr, w.Adopter.Orgnr, w.Indexes))
	}
	return all
}

func (n *naiveLook) withinOne() (all []string) {
	within := map[[2]string][]int{}
	for _, a := range n.year.scored {
		for _, g := range a.gifts {
			if k := [2]string{g.orgnr, a.adopter}; g.line.Role == "originator" && n.now.same(g.orgnr, a.adopter) {
				within[k] = append(within[k], a.index)
			}
		}
	}
	for k, indexes := range within {
		all = append(all, fmt.Sprint(n.now.heir(k[0]), k[0], k[1], indexes))
	}
	return all
}
