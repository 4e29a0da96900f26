package projections_test

// What is open before a year closes, and the sums by today's organisations.

import (
	"fmt"
	"slices"
	"testing"

	"spredning/ledger"
	"spredning/projections"
)

func openIn(t *testing.T, f *projections.Fold, year int) projections.Open {
	t.Helper()
	o, ok := f.Open(year)
	if !ok {
		t.Fatalf("%d is not opened", year)
	}
	return o
}

func (u *undue) requests(i *draft, by ledger.Orgnr) int64 {
	return must(u.report(&ledger.AssessmentRequest{Innovation: i.id, Reason: worldText("Er den egen?")}, by)).Index
}

func TestOpenInYear(t *testing.T) {
	u := newUndue(t, nil)
	a, b := u.publishes(nil, maker), u.publishes(external, maker, partner)
	entry := u.confirms(a, north, "2025-02-01")
	out := u.confirms(b, north, "2025-03-01")
	u.confirms(a, middle, "2026-02-01")
	u.disputes(a, north, middle)
	dispute := u.now().Position - 1
	u.disputes(a, middle, north) // of another year
	request := u.requests(b, middle)
	invitation := u.invites(a, partner)
	// none of these are open
	declined := u.publishes(nil, maker)
	u.invites(declined, north)
	u.declines(declined, north)
	gone := u.publishes(nil, maker)
	u.invites(gone, north)
	u.withdraws(gone)
	answered := u.publishes(nil, maker)
	u.requests(answered, north)
	u.assesses(answered, true)

	o := openIn(t, u.now(), 2025)
	if o.Year != 2025 || o.Status != "open" || o.Rules != "rules 1" || o.Position != u.now().Position || o.Table != (projections.TableFigures{}) ||
		o.Counts != (projections.OpenCounts{Disputes: 1, Requests: 1, Invitations: 1, KeptOut: 1}) {
		t.Errorf("got %+v", o)
	}
	d := o.Disputes[0]
	want := []projections.StakeLine{
		{Orgnr: maker, Line: projections.Line{Index: entry, Innovation: a.id, Adopter: north, Role: "originator", Reach: "other_region", Points: 1000}},
		{Orgnr: north, Line: projections.Line{Index: entry, Innovation: a.id, Adopter: north, Role: "adopter", Reach: "other_region", Points: 250}},
	}
	if d.Index != dispute || d.Innovation != a.id || d.Adopter != north || d.Name != "Hospital 3" || d.By != middle || d.ByName != "Hospital 4" || d.Year != 2025 ||
		*d.AtStake != 1250 || *d.TotalThen != 1250 || !slices.Equal(d.Lines, want) {
		t.Errorf("dispute: got %s", inJSON(t, d))
	}
	d.Tell(u.entries[d.Entries()[0]])
	if d.Reason.In("nb") != "Den er ikke i bruk." || d.Title.In("nb") != a.Title.In("nb") {
		t.Errorf("dispute: told %s", inJSON(t, d))
	}
	if r := o.Requests[0]; r.Index != request || r.Innovation != b.id || r.By != middle || r.ByName != "Hospital 4" || r.Reason.In("nb") != "Er den egen?" || r.Adoptions != 1 {
		t.Errorf("request: got %+v", r)
	}
	if i := o.Invitations[0]; i.Index != invitation || i.Innovation != a.id || i.Adopter != partner || i.Name != "Hospital 2" {
		t.Errorf("invitation: got %+v", i)
	}
	if k := o.KeptOut[0]; k.Index != out || k.Innovation != b.id || k.Adopter != north || !slices.Equal(k.Reasons, []string{"not_eligible"}) {
		t.Errorf("kept out: got %+v", k)
	}
	if _, ok := u.now().Open(2024); ok {
		t.Error("2024 is not opened")
	}

	// Nothing can be settled in a closed year; what was left open is of the next.
	u.closes(2025)
	o = openIn(t, u.now(), 2025)
	if o.Status != "closed" || len(o.Disputes)+len(o.Requests)+len(o.Invitations)+len(o.KeptOut) != 0 || o.Counts != (projections.OpenCounts{}) {
		t.Errorf("2025, closed: got %+v", o)
	}
	o = openIn(t, u.now(), 2026)
	if o.Counts != (projections.OpenCounts{Disputes: 2, Requests: 1, Invitations: 1}) || o.Disputes[0].Index != dispute || *o.Disputes[0].AtStake != 1250 || o.Requests[0].Adoptions != 1 {
		t.Errorf("2026: got %s", inJSON(t, o))
	}
}

// TestStakeDisplaces lets a disputed adoption take the place of one that counts meanwhile: what it would give is more than
// what all would gain.
func TestStakeDisplaces(t *testing.T) {
	u := newUndue(t, oneAYear)
	a := u.publishes(nil, maker)
	u.confirms(a, north, "2025-02-01")
	u.confirms(a, partner, "2025-02-01") // in the same region: 750 together
	u.disputes(a, north, middle)
	u.disputes(a, north, nowhere)
	o := openIn(t, u.now(), 2025)
	if o.Table.Total != 750 || o.Table.Rows != 2 || len(o.Disputes) != 2 {
		t.Fatalf("got %+v", o)
	}
	for _, d := range o.Disputes {
		if *d.AtStake != 1250 || *d.TotalThen != 1250 || len(d.Lines) != 2 {
			t.Errorf("got %s", inJSON(t, d))
		}
	}
}

func TestKeptOut(t *testing.T) {
	u := newUndue(t, nil)
	stays := map[int64][]string{
		u.confirms(u.publishes(external, maker), north, "2025-02-01"):        {"not_eligible"},
		u.confirms(u.publishes(nil, maker), outside, "2025-02-01"):           {"adopter_not_measured"},
		u.confirms(u.publishes(nil, outside), north, "2025-02-01"):           {"no_originator_measured"},
		u.confirms(u.publishes(external, outside), sitters[0], "2025-02-01"): {"not_eligible", "adopter_not_measured", "no_originator_measured"},
	}
	u.confirms(u.publishes(nil, maker), north, "2025-02-01")      // counts
	u.confirms(u.publishes(external, maker), north, "2026-02-01") // of another year
	refused := u.publishes(external, maker)
	u.assesses(refused, false)
	u.confirms(refused, north, "2025-02-01")
	retracted := u.publishes(external, maker)
	u.confirms(retracted, north, "2025-02-01")
	u.retracts(retracted, north)
	disputed := u.publishes(external, maker)
	u.confirms(disputed, north, "2025-02-01")
	u.disputes(disputed, north, middle)

	o := openIn(t, u.now(), 2025)
	got := map[int64][]string{}
	for _, k := range o.KeptOut {
		got[k.Index] = k.Reasons
	}
	for index, reasons := range stays {
		if !slices.Equal(got[index], reasons) {
			t.Errorf("entry %d: got %v, want %v", index, got[index], reasons)
		}
	}
	if len(got) != len(stays) || *o.Disputes[0].AtStake != 0 || len(o.Disputes[0].Lines) != 0 {
		t.Errorf("got %v, %s", got, inJSON(t, o.Disputes))
	}

	bare := newStory()
	bare.opens(2026)
	entry := bare.confirms(bare.publishes(nil, maker), north, "2026-02-01")
	o = openIn(t, bare.now(), 2026)
	if len(o.KeptOut) != 1 || o.KeptOut[0].Index != entry || !slices.Equal(o.KeptOut[0].Reasons, []string{"no_rules"}) || o.Rules != "" {
		t.Errorf("without rules: got %+v", o)
	}
}

// TestDisputes lists disputes of each status, and what came of them.
func TestDisputes(t *testing.T) {
	u := newUndue(t, nil)
	a, b, c := u.publishes(nil, maker), u.publishes(nil, maker), u.publishes(nil, maker)
	for _, i := range []*draft{a, b, c} {
		u.confirms(i, north, "2025-02-01")
		u.disputes(i, north, middle)
	}
	u.disputes(b, north, nowhere)
	u.settles(a, north, middle)
	u.decides(b, north, true)
	u.decides(b, north, false)
	decision := u.now().Position - 1

	show := func(status string, year int) (all []string) {
		for _, d := range u.now().Disputes(status, year) {
			for _, index := range d.Entries() {
				d.Tell(u.entries[index])
			}
			s := fmt.Sprint(map[string]string{a.id: "a", b.id: "b", c.id: "c"}[d.Innovation], " ", d.ByName, " ", d.Status, " ", d.Year)
			if d.Decision != nil {
				s += fmt.Sprint(" ", d.Decision.Upheld, " ", d.Decision.Reason.In("nb"), " ", d.Decision.Index == decision)
			}
			if d.Reason.In("nb") != "Den er ikke i bruk." {
				t.Errorf("got %+v", d)
			}
			all = append(all, s)
		}
		return all
	}
	open, withdrawn := "c Hospital 4 open 2025", "a Hospital 4 withdrawn 2025"
	decided := []string{"b Hospital 4 decided 2025 false Vi har spurt. true", "b Hospital 5 decided 2025 false Vi har spurt. true"}
	for _, want := range []struct {
		status string
		year   int
		items  []string
	}{
		{"", 0, []string{withdrawn, decided[0], open, decided[1]}},
		{"open", 0, []string{open}},
		{"withdrawn", 2025, []string{withdrawn}},
		{"decided", 2025, decided},
		{"", 2026, nil},
	} {
		if got := show(want.status, want.year); !slices.Equal(got, want.items) {
			t.Errorf("%q %d: got %q, want %q", want.status, want.year, got, want.items)
		}
	}
	u.closes(2025)
	u.retracts(a, north)
	if got := show("", 2026); !slices.Equal(got, []string{"c Hospital 4 open 2026"}) {
		t.Errorf("2026: got %q", got)
	}
	if got := show("withdrawn", 0); !slices.Equal(got, []string{"a Hospital 4 withdrawn 0"}) {
		t.Errorf("retracted: got %q", got)
	}
}

// TestRequests follows requests for assessments to their answers.
func TestRequests(t *testing.T) {
	u := newUndue(t, nil)
	a := u.publishes(external, maker)
	first := u.requests(a, north)
	u.assesses(a, false)
	u.assesses(a, true)
	answer := u.now().Position - 1
	u.revises(a, own) // which ends the assessment
	second := u.requests(a, middle)

	all := u.now().Requests("")
	if len(all) != 2 || all[0].Index != first || all[0].Status != "assessed" || all[0].Assessment.Index != answer || !all[0].Assessment.Eligible ||
		all[0].Assessment.Reason.In("nb") != "Vi har sett på den." || all[1].Index != second || all[1].Status != "open" || all[1].Assessment != nil {
		t.Errorf("got %s", inJSON(t, all))
	}
	for status, want := range map[string]int64{"open": second, "assessed": first} {
		if got := u.now().Requests(status); len(got) != 1 || got[0].Index != want {
			t.Errorf("%s: got %s", status, inJSON(t, got))
		}
	}
}

func TestSumsToday(t *testing.T) {
	u := newUndue(t, nil)
	a, b := u.publishes(nil, maker, partner), u.publishes(nil, north)
	u.confirms(a, north, "2025-02-01")
	u.confirms(b, maker, "2025-02-01")
	u.closes(2025)
	table, _ := u.now().Table(2025)
	u.succeeds(nowhere, partner)
	u.succeeds(maker, nowhere)
	u.amends(maker, func(o *ledger.Organisation) { o.Name, o.Region = "Sammenslått", "Helse Sør-Øst" })

	got, ok := u.now().Today(2025)
	want := projections.TodaySums{
		Year: 2025, Position: u.now().Position, Status: "closed", Total: 2500,
		Rows: []projections.TodayRow{
			{
				Orgnr: maker, Name: "Sammenslått", Region: "Helse Sør-Øst", Sums: projections.Sums{Originated: 1000, Adopted: 250, Total: 1250},
				Predecessors: []projections.PredecessorSums{{Orgnr: partner, Name: "Hospital 2", Sums: projections.Sums{Originated: 500, Total: 500}}},
			},
			{Orgnr: north, Name: "Hospital 3", Region: "Helse Nord", Sums: projections.Sums{Originated: 1000, Adopted: 250, Total: 1250}, Predecessors: []projections.PredecessorSums{}},
		},
		Regions: []projections.RegionSum{
			{Region: "Helse Nord", Sums: projections.Sums{Originated: 1000, Adopted: 250, Total: 1250}},
			{Region: "Helse Sør-Øst", Sums: projections.Sums{Originated: 1000, Adopted: 250, Total: 1250}},
		},
	}
	if !ok || inJSON(t, got) != inJSON(t, want) {
		t.Errorf("got %s, want %s", inJSON(t, got), inJSON(t, want))
	}
	if now, _ := u.now().Table(2025); inJSON(t, now) != inJSON(t, table) {
		t.Error("the closed table changed")
	}
	if _, ok := u.now().Today(2024); ok {
		t.Error("2024 is not opened")
	}
}

// TestPredecessors shows at a successor what it acts for.
func TestPredecessors(t *testing.T) {
	u := newUndue(t, nil)
	a := u.publishes(nil, partner)
	u.confirms(u.publishes(nil, maker), north, "2025-02-01")
	u.succeeds(nowhere, partner, north)
	u.succeeds(middle, nowhere)
	o, _ := u.now().Organisation(middle)
	want := []projections.Predecessor{
		{Orgnr: partner, Name: "Hospital 2", Originated: []string{a.id}},
		{Orgnr: north, Name: "Hospital 3", Originated: []string{}},
		{Orgnr: nowhere, Name: "Hospital 5", Originated: []string{}},
	}
	slices.SortFunc(want, func(a, b projections.Predecessor) int { return slices.Compare([]byte(a.Orgnr), []byte(b.Orgnr)) })
	if inJSON(t, o.Predecessors) != inJSON(t, want) || len(o.Adopted) != 1 || len(o.Originated) != 0 {
		t.Errorf("got %s", inJSON(t, o))
	}
	if o, _ := u.now().Organisation(partner); len(o.Predecessors) != 0 || !slices.Equal(o.Originated, []string{a.id}) || o.SucceededBy != nowhere {
		t.Errorf("got %s", inJSON(t, o))
	}
}

// TestRandomOpen holds what is open in random ledgers against the naive fold, and what is at stake against what a decision
// does.
func TestRandomOpen(t *testing.T) {
	seen, few := map[string]int{}, testing.Short() || underRace()
	seeds := uint64(60)
	if few {
		seeds = 10
	}
	// Chance may need more of them to see all that there is to see.
	all := []string{
		"open", "withdrawn", "decided", "predecessor's sums", "nothing at stake", "something at stake", "another gives less",
	}
	missing := func() bool { return slices.ContainsFunc(all, func(what string) bool { return seen[what] == 0 }) }
	for seed := uint64(0); seed < seeds || !few && seed < 5*seeds && missing(); seed++ {
		r := newRandom(seed, 160, seed%4 == 0)
		f, now := r.fold(len(r.entries)), naiveRead(r.bytes)
		disputesAgree(t, f, now, seen)
		for _, table := range tables(f) {
			todayAgrees(t, f, now, table, seen)
			o := openIn(t, f, table.Year)
			if o.Status == "closed" {
				continue
			}
			for _, d := range o.Disputes {
				stakeIsExact(t, r, table, d, seen)
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
}

func disputesAgree(t *testing.T, f *projections.Fold, now *naiveLedger, seen map[string]int) {
	got := f.Disputes("", 0)
	if len(got) != len(now.claims["adoption.disputed"]) {
		t.Errorf("%d disputes of %d", len(got), len(now.claims["adoption.disputed"]))
	}
	for k, claim := range now.claims["adoption.disputed"] {
		d, pair := got[k], now.pairBefore(claim, now.position)
		seen[d.Status]++
		if d.Index != int64(claim.at) || d.Innovation != pair.innovation || string(d.Adopter) != pair.adopter || string(d.By) != claim.by {
			t.Errorf("got %+v, want %+v", d, claim)
		}
		if open := d.Status == "open"; open != now.open(claim) {
			t.Errorf("dispute %d is %s", d.Index, d.Status)
		}
		if decisions := now.about(pair, "dispute.decided"); d.Status == "decided" {
			last := decisions[len(decisions)-1]
			if d.Decision == nil || d.Decision.Index != int64(last.at) || d.Decision.Upheld != last.Upheld {
				t.Errorf("dispute %d: got the decision %+v, want %+v", d.Index, d.Decision, last)
			}
		} else if d.Decision != nil {
			t.Errorf("dispute %d is %s and has the decision %+v", d.Index, d.Status, d.Decision)
		}
	}
}

func todayAgrees(t *testing.T, f *projections.Fold, now *naiveLedger, table projections.Table, seen map[string]int) {
	got, _ := f.Today(table.Year)
	sums, total := map[string]ledger.Milli{}, ledger.Milli(0)
	for _, row := range table.Rows {
		sums[now.heir(string(row.Orgnr))] += row.Total
	}
	for _, row := range got.Rows {
		total += row.Total
		if sums[string(row.Orgnr)] != row.Total || row.Name != now.organisations[string(row.Orgnr)].Name || row.Originated+row.Adopted != row.Total {
			t.Errorf("%d: got %+v, want %s", table.Year, row, sums[string(row.Orgnr)])
		}
		for _, p := range row.Predecessors {
			seen["predecessor's sums"]++
			of := table.Rows[slices.IndexFunc(table.Rows, func(r projections.Row) bool { return r.Orgnr == p.Orgnr })]
			if p.Orgnr == row.Orgnr || now.heir(string(p.Orgnr)) != string(row.Orgnr) || p.Sums != of.Sums {
				t.Errorf("%d: got %+v of %s", table.Year, p, row.Orgnr)
			}
		}
	}
	if len(got.Rows) != len(sums) || total != table.Total || got.Total != table.Total {
		t.Errorf("%d: %d rows make %s, the table has %s", table.Year, len(got.Rows), total, table.Total)
	}
}

// stakeIsExact lets the committee decide, and compares.
func stakeIsExact(t *testing.T, r *random, before projections.Table, d projections.OpenDispute, seen map[string]int) {
	f := r.fold(len(r.entries))
	f.Apply(&ledger.Entry{Index: f.Position, Signed: ledger.Signed{Event: ledger.Event{
		By: r.authority, Data: &ledger.Decision{Innovation: d.Innovation, Adopter: d.Adopter, Upheld: new(false), Reason: worldText("Den er i bruk.")},
	}}})
	after, _ := f.Table(d.Year)
	var lines []projections.StakeLine
	var sum ledger.Milli
	for _, row := range after.Rows {
		for _, l := range row.Lines {
			if l.Index == r.entryIndex(f, d) {
				lines, sum = append(lines, projections.StakeLine{Orgnr: row.Orgnr, Line: l}), sum+l.Points
			}
		}
	}
	if !slices.Equal(d.Lines, lines) || *d.AtStake != sum || *d.TotalThen != after.Total {
		t.Errorf("%d, dispute %d: at stake %s of %s, a decision gives %s of %s", d.Year, d.Index, d.AtStake, d.TotalThen, sum, after.Total)
	}
	seen["nothing at stake"] += oneIf(len(lines) == 0)
	seen["something at stake"] += oneIf(len(lines) > 0)
	seen["another gives less"] += oneIf(after.Total-before.Total < sum)
}

func oneIf(so bool) int {
	if so {
		return 1
	}
	return 0
}

// entryIndex gives the entry of a disputed pair.
func (r *random) entryIndex(f *projections.Fold, d projections.OpenDispute) int64 {
	pairs, _ := f.Pairs(d.Innovation)
	for _, p := range pairs {
		if p.Adopter == d.Adopter && p.Index != nil {
			return *p.Index
		}
	}
	return -1
}
