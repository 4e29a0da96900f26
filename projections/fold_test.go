package projections_test

// Stories of a few events, and what a reader then finds.

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// The organisations of a story. All but the last are measured hospital trusts.
var (
	maker   = worldOrgnr(1) // Helse Vest
	partner = worldOrgnr(2) // Helse Vest
	north   = worldOrgnr(3) // Helse Nord
	middle  = worldOrgnr(4) // Helse Midt-Norge
	nowhere = worldOrgnr(5) // no region
	outside = worldOrgnr(6) // a municipality in Helse Nord
)

// story is a world in which everything that is told is admissible.
type story struct {
	*world
	published int // innovations
	sets      int // of rules
	opened    map[int]int64
}

func newStory() *story {
	s := &story{world: newWorld(), opened: map[int]int64{}}
	for n, region := range []string{"Helse Vest", "Helse Vest", "Helse Nord", "Helse Midt-Norge", "", "Helse Nord"} {
		o := ledger.Organisation{Orgnr: worldOrgnr(n + 1), Name: fmt.Sprintf("Hospital %d", n+1), Short: fmt.Sprint("h", n+1), Kind: ledger.KindHF, Region: region}
		if o.MeasuredFrom = new(2003); o.Orgnr == outside {
			o.Kind, o.MeasuredFrom = ledger.KindMunicipality, nil
		}
		s.register(o)
	}
	return s
}

func (s *story) now() *projections.Fold { return s.fold(len(s.entries)) }

// rules publishes values that tell role and reach apart.
func (s *story) rules(from int, change func(*ledger.Rules)) {
	s.sets++
	r := ledger.Rules{
		ID: fmt.Sprintf("rules %d", s.sets), FromYear: from, Basis: ledger.BasisAdoption, Lineage: ledger.LineageEach,
		Originator:    ledger.Values{SameRegion: new(ledger.Milli(600)), OtherRegion: new(ledger.Milli(1000))},
		Adopter:       ledger.Values{SameRegion: new(ledger.Milli(150)), OtherRegion: new(ledger.Milli(250))},
		EligibleKinds: []ledger.Kind{ledger.KindHF}, OwnFundingOnly: new(true), ExcludeRegionalInitiatives: new(true),
		MaxAdoptionsPerInnovation: new(0), MaxPerOriginatorAdopter: new(0), Illustrative: new(true),
	}
	if change != nil {
		change(&r)
	}
	must(s.byAuthority(&ledger.RulesPublication{Rules: r}))
}

func (s *story) opens(year int) {
	s.opened[year] = must(s.byAuthority(&ledger.YearOpening{Year: year})).Index
}

func (s *story) amends(o ledger.Orgnr, change func(*ledger.Organisation)) int64 {
	now, _ := s.now().Organisation(o)
	change(&now.Organisation)
	return must(s.byAuthority(&ledger.Amendment{Organisation: now.Organisation})).Index
}

// publishes publishes an innovation with even shares; change may change it.
func (s *story) publishes(change func(*ledger.Innovation), makers ...ledger.Orgnr) *draft {
	s.published++
	d := ledger.Innovation{
		Title: worldText(fmt.Sprintf("Ventil %d", s.published)), Summary: worldText("Den varsler selv."), Kind: "product",
		Originators: even(makers...), Funding: []ledger.Funding{ledger.Own}, RegionalInitiative: new(false), InUseSince: "2024-03-01",
	}
	if change != nil {
		change(&d)
	}
	e := must(s.report(&ledger.Publication{Innovation: d}, makers[0], makers...))
	return &draft{e.ID.String(), worldLeaf(e), d}
}

func even(makers ...ledger.Orgnr) (all []ledger.Originator) {
	for n, o := range makers {
		share := 1000 / len(makers)
		if n == 0 {
			share += 1000 % len(makers)
		}
		all = append(all, ledger.Originator{Orgnr: o, Share: share})
	}
	return all
}

func (s *story) revises(i *draft, change func(*ledger.Innovation)) int64 {
	next := i.Innovation
	change(&next)
	signers := slices.Compact(slices.Sorted(slices.Values(slices.Concat(makersOf(&i.Innovation), makersOf(&next)))))
	e := must(s.report(&ledger.Revision{Of: i.id, Innovation: next}, i.Originators[0].Orgnr, signers...))
	i.leaf, i.Innovation = worldLeaf(e), next
	return e.Index
}

func (s *story) withdraws(i *draft) int64 {
	makers := makersOf(&i.Innovation)
	return must(s.report(&ledger.Withdrawal{Innovation: i.id, Reason: worldText("Den svarte ikke.")}, makers[0], makers...)).Index
}

func (s *story) invites(i *draft, adopter ledger.Orgnr) int64 {
	by := i.Originators[0].Orgnr
	return must(s.report(&ledger.Invitation{Innovation: i.id, Adopter: adopter, Note: worldText("Bruker dere den?")}, by)).Index
}

func (s *story) declines(i *draft, adopter ledger.Orgnr) int64 {
	return must(s.report(&ledger.Decline{Innovation: i.id, Reason: worldText("Vi har en annen.")}, adopter)).Index
}

func (s *story) confirms(i *draft, adopter ledger.Orgnr, from ledger.Date) int64 {
	return must(s.report(&ledger.Confirmation{
		Innovation: i.id, Revision: i.leaf, InUseFrom: from, Extent: "hospital", Form: "adapted", Funding: []ledger.Funding{"rhf"},
	}, adopter)).Index
}

func (s *story) ends(i *draft, adopter ledger.Orgnr) int64 {
	return must(s.report(&ledger.Ending{Innovation: i.id, EndedOn: "2027-06-01", Reason: worldText("En bedre kom.")}, adopter)).Index
}

func (s *story) retracts(i *draft, adopter ledger.Orgnr) int64 {
	return must(s.world.retracts(worldPair{i, adopter})).Index
}

// line is a line of a table in short.
type line struct {
	index  int64
	to     ledger.Orgnr
	how    string // role and reach
	points ledger.Milli
}

// wantLines compares all lines of a year, by entry and then organisation, with those wanted.
func (s *story) wantLines(t *testing.T, year int, want ...line) {
	t.Helper()
	table, ok := s.now().Table(year)
	var got []line
	for _, row := range table.Rows {
		for _, l := range row.Lines {
			got = append(got, line{l.Index, row.Orgnr, l.Role + " " + l.Reach, l.Points})
		}
	}
	byEntry := func(a, b line) int {
		if a.index != b.index {
			return int(a.index - b.index)
		}
		return slices.Compare([]byte(a.to), []byte(b.to))
	}
	slices.SortFunc(got, byEntry)
	slices.SortFunc(want, byEntry)
	if !ok || !slices.Equal(got, want) {
		t.Errorf("%d: got %+v, want %+v", year, got, want)
	}
}

// found gives the ids of what a query finds, with all pages of a size put together.
func found(f *projections.Fold, q projections.Query, size int) (ids []string) {
	before, more := int64(-1), true
	for more && len(ids) <= int(f.Position) { // a page that does not move on would never end
		var page []projections.Innovation
		page, more = f.Innovations(q, before, size)
		for _, i := range page {
			ids, before = append(ids, i.ID), i.Index
		}
	}
	return ids
}

func titled(title, summary string) func(*ledger.Innovation) {
	return func(d *ledger.Innovation) {
		d.Title, d.Summary = worldText(title), worldText(summary)
		d.Replaces = new(worldText("Telefaks"))
	}
}

// TestSearch looks words up in titles and summaries.
func TestSearch(t *testing.T) {
	s := newStory()
	blue := s.publishes(titled("Blåreseptkiosk i Ålesund", "Henter medisin på 5 minutter."), maker)
	sleep := s.publishes(func(d *ledger.Innovation) {
		d.Title = ledger.Text{NB: new("Søvnskole"), NN: new("Svevnskule"), EN: new("Sleep school"), SE: new("Oađđinskuvla")}
		d.Summary = ledger.Text{EN: new("Medicine is not needed.")}
	}, maker)
	gone := s.publishes(titled("Utgått", "Brukes ikke."), maker)
	s.revises(gone, titled("Ny tittel", "Brukes."))

	for words, want := range map[string][]string{
		"":                     {gone.id, sleep.id, blue.id},
		"  ":                   {gone.id, sleep.id, blue.id},
		"blåresept":            {blue.id},
		"BLÅRESEPTKIOSK":       {blue.id},
		"ålesund":              {blue.id},
		"resept":               {blue.id}, // within a compound
		"kiosk medisin":        {blue.id}, // of title and summary, in any order
		"minutter\tkiosk  i":   {blue.id},
		"blaresept":            nil, // å is not a
		"alesund":              nil,
		"sovn":                 nil, // nor ø o
		"kiosk søvn":           nil, // not both in one
		"SØVN":                 {sleep.id},
		"svevn":                {sleep.id}, // each language
		"school needed":        {sleep.id},
		"oađđin":               {sleep.id},
		"OAĐĐIN":               {sleep.id},
		"medi":                 {sleep.id, blue.id}, // newest first
		"utgått":               nil,                 // it is called otherwise now
		"brukes ny":            {gone.id},
		"telefaks":             nil, // what it replaces is no title
		"kiosk\ni":             {blue.id},
		"medisin på 5 minutt.": {blue.id}, // punctuation is passed over
	} {
		if got := found(s.now(), projections.Query{Words: words}, 10); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", words, got, want)
		}
	}
}

// TestQuery picks innovations by each field.
func TestQuery(t *testing.T) {
	s := newStory()
	one := s.publishes(nil, maker)
	two := s.publishes(func(d *ledger.Innovation) { d.Kind, d.InUseSince = "service", "2023-12-31" }, maker, north)
	three := s.publishes(nil, maker, partner)
	four := s.publishes(nil, nowhere)
	s.revises(three, func(d *ledger.Innovation) { d.Originators = even(partner) })
	s.withdraws(one)
	s.confirms(two, middle, "2026-01-01")
	s.confirms(three, middle, "2026-01-01")
	s.ends(three, middle)
	s.confirms(four, middle, "2026-01-01")
	s.retracts(four, middle)
	s.invites(four, north)
	s.confirms(four, partner, "2026-01-01")
	s.ends(four, partner)
	s.invites(four, partner)

	f := s.now()
	for _, c := range []struct {
		q    projections.Query
		want []string
	}{
		{projections.Query{}, []string{four.id, three.id, two.id, one.id}},
		{projections.Query{Originator: maker}, []string{two.id, one.id}}, // of three it was one
		{projections.Query{Originator: north}, []string{two.id}},
		{projections.Query{Originator: middle}, nil},
		{projections.Query{Originator: worldOrgnr(99)}, nil},
		{projections.Query{Adopter: middle}, []string{three.id, two.id}}, // also after the use; not retracted
		{projections.Query{Adopter: north}, nil},                         // invited only
		{projections.Query{Adopter: partner}, []string{four.id}},         // invited after the use
		{projections.Query{Adopter: worldOrgnr(99)}, nil},
		{projections.Query{Region: "Helse Vest"}, []string{three.id, two.id, one.id}},
		{projections.Query{Region: "Helse Nord"}, []string{two.id}},
		{projections.Query{Region: "Helse Midt-Norge"}, nil},
		{projections.Query{Kind: "service"}, []string{two.id}},
		{projections.Query{Kind: "process"}, nil},
		{projections.Query{Year: 2023}, []string{two.id}},
		{projections.Query{Year: 2024}, []string{four.id, three.id, one.id}},
		{projections.Query{Status: "withdrawn"}, []string{one.id}},
		{projections.Query{Status: "published"}, []string{four.id, three.id, two.id}},
		{projections.Query{Words: "ventil 2", Originator: maker, Adopter: middle, Region: "Helse Nord", Kind: "service", Year: 2023, Status: "published"}, []string{two.id}},
		{projections.Query{Originator: maker, Status: "withdrawn", Year: 2023}, nil},
	} {
		if got := found(f, c.q, 10); !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %v, want %v", c.q, got, c.want)
		}
	}

	s.amends(maker, func(o *ledger.Organisation) { o.Region = "Helse Nord" })
	if got := found(s.now(), projections.Query{Region: "Helse Nord"}, 10); !slices.Equal(got, []string{two.id, one.id}) {
		t.Errorf("after the maker moved: got %v", got)
	}
}

// TestPaging reads the same list in pages of every size.
func TestPaging(t *testing.T) {
	s := newStory()
	var all []string
	for range 5 {
		all = append([]string{s.publishes(nil, maker).id}, all...)
		s.publishes(func(d *ledger.Innovation) { d.Kind = "process" }, maker)
	}
	f := s.now()
	for size := 1; size <= 6; size++ {
		if got := found(f, projections.Query{Kind: "product"}, size); !slices.Equal(got, all) {
			t.Errorf("in pages of %d: got %v, want %v", size, got, all)
		}
	}
	page, more := f.Innovations(projections.Query{Kind: "product"}, -1, 5)
	if len(page) != 5 || more {
		t.Errorf("all five: got %d, more %t", len(page), more)
	}
	page, more = f.Innovations(projections.Query{Kind: "product"}, page[1].Index, 2)
	if len(page) != 2 || !more || page[0].ID != all[2] || page[1].ID != all[3] {
		t.Errorf("the third and fourth: got %+v, more %t", page, more)
	}
	if page, more = f.Innovations(projections.Query{}, 0, 10); page == nil || len(page) != 0 || more {
		t.Errorf("before all: got %v, more %t", page, more)
	}
}

// TestInnovation reads one innovation as published, revised and withdrawn.
func TestInnovation(t *testing.T) {
	s := newStory()
	i := s.publishes(nil, maker)
	published := int64(len(s.entries) - 1)
	want := projections.Innovation{
		ID: i.id, Index: published, Revision: i.leaf, Revised: published, Status: "published",
		Title: i.Title, Summary: i.Summary, Kind: "product", Funding: []ledger.Funding{ledger.Own}, InUseSince: "2024-03-01",
		Originators: []projections.Originator{{Orgnr: maker, Name: "Hospital 1", Share: 1000}},
		Branches:    []string{}, Absorbed: []string{}, Requests: []projections.Request{}, Links: []string{}, Attachments: []projections.Attachment{},
	}
	wantInnovation(t, s, want)

	picture := ledger.Attachment{SHA256: i.leaf, MediaType: "image/png", Size: 7, Title: worldText("Ventilen")}
	want.Revised = s.revises(i, func(d *ledger.Innovation) {
		d.Originators = []ledger.Originator{{Orgnr: north, Share: 1}, {Orgnr: maker, Share: 999}}
		d.RegionalInitiative, d.Replaces = new(true), new(worldText("Telefaks"))
		d.Links, d.Attachments = []string{"https://spredning.example/ventil"}, []ledger.Attachment{picture}
	})
	s.amends(north, func(o *ledger.Organisation) { o.Name = "Hospital of the north" })
	want.Revision, want.RegionalInitiative, want.Replaces = i.leaf, true, new(worldText("Telefaks"))
	want.Links, want.Attachments = []string{"https://spredning.example/ventil"}, []projections.Attachment{{Attachment: picture}}
	want.Originators = []projections.Originator{{Orgnr: north, Name: "Hospital of the north", Share: 1}, {Orgnr: maker, Name: "Hospital 1", Share: 999}}
	wantInnovation(t, s, want)

	withdrawn := s.withdraws(i)
	want.Status, want.Withdrawn = "withdrawn", &projections.Reason{Index: withdrawn, Reason: worldText("Den svarte ikke.")}
	wantInnovation(t, s, want)

	for _, id := range []string{"", "x", worldLeaf(s.entries[0]), "01K0000000000000000000000A"} {
		if got, ok := s.now().Innovation(id); ok {
			t.Errorf("%q: got %+v", id, got)
		}
		if got, ok := s.now().Pairs(id); ok {
			t.Errorf("%q: got pairs %+v", id, got)
		}
	}
}

func wantInnovation(t *testing.T, s *story, want projections.Innovation) {
	t.Helper()
	if got, ok := s.now().Innovation(want.ID); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestSpread counts adopters by reach.
func TestSpread(t *testing.T) {
	s := newStory()
	i := s.publishes(nil, maker, nowhere)
	s.confirms(i, partner, "2026-01-01") // same region as one of them
	s.confirms(i, north, "2026-01-01")
	s.confirms(i, middle, "2026-01-01")
	s.ends(i, middle)
	s.confirms(i, outside, "2026-01-01") // points are another matter
	other := s.publishes(nil, north)
	s.confirms(other, maker, "2026-01-01")
	s.retracts(other, maker)
	s.invites(other, partner)
	s.invites(other, nowhere)
	s.declines(other, nowhere)

	for id, want := range map[string]projections.Spread{
		i.id:     {Adopters: 4, SameRegion: 1, OtherRegion: 3, InUse: 3},
		other.id: {},
	} {
		if got, _ := s.now().Innovation(id); got.Spread != want {
			t.Errorf("%s: got %+v, want %+v", id, got.Spread, want)
		}
	}
	s.amends(north, func(o *ledger.Organisation) { o.Region = "Helse Vest" })
	s.amends(partner, func(o *ledger.Organisation) { o.Region = "" })
	s.invites(i, middle) // it had ended, and had
	want := projections.Spread{Adopters: 4, SameRegion: 1, OtherRegion: 3, InUse: 3}
	if got, _ := s.now().Innovation(i.id); got.Spread != want {
		t.Errorf("after they moved: got %+v, want %+v", got.Spread, want)
	}
	reaches := map[ledger.Orgnr]string{}
	pairs, _ := s.now().Pairs(i.id)
	for _, p := range pairs {
		reaches[p.Adopter] = p.Reach
	}
	if want := map[ledger.Orgnr]string{partner: "other_region", north: "same_region", middle: "other_region", outside: "other_region"}; !reflect.DeepEqual(reaches, want) {
		t.Errorf("reaches: got %v, want %v", reaches, want)
	}
}

// told gives a pair with what its entries say.
func (s *story) told(t *testing.T, i *draft, adopter ledger.Orgnr) projections.Pair {
	t.Helper()
	pairs, _ := s.now().Pairs(i.id)
	n := slices.IndexFunc(pairs, func(p projections.Pair) bool { return p.Adopter == adopter })
	if n < 0 {
		t.Fatalf("no pair of %s and %s", i.id, adopter)
	}
	p := pairs[n]
	for _, index := range p.Entries {
		p.Tell(s.entries[index])
	}
	return p
}

// TestPair takes a pair through all that can happen to it.
func TestPair(t *testing.T) {
	s := newStory()
	i := s.publishes(nil, maker)
	want := projections.Pair{Adoption: projections.Adoption{
		Innovation: i.id, Adopter: north, Name: "Hospital 3", Reach: "other_region", Disputes: []projections.Dispute{}, Decisions: []projections.Decided{}, Confirmations: []projections.Confirmation{},
	}}
	step := func(status string, index int64) {
		t.Helper()
		want.Status, want.Entries = status, append(want.Entries, index)
		if got := s.told(t, i, north); !reflect.DeepEqual(got.Adoption, want.Adoption) || !reflect.DeepEqual(got.Entries, want.Entries) {
			t.Errorf("%s: got %+v, want %+v", status, got, want)
		}
	}
	note, no := worldText("Bruker dere den?"), worldText("Vi har en annen.")
	over, mistake := worldText("En bedre kom."), worldText("Det var en pilot.")

	at := s.invites(i, north)
	want.Invited = &projections.Invite{Index: at, By: maker, Note: note}
	step("invited", at)

	at = s.declines(i, north)
	want.Declined = &projections.Reason{Index: at, Reason: no}
	step("declined", at)

	s.revises(i, func(d *ledger.Innovation) { d.Kind = "process" })
	at = s.invites(i, north)
	want.Invited, want.Declined = &projections.Invite{Index: at, By: maker, Note: note}, nil
	step("invited", at)

	first := s.confirms(i, north, "2026-02-01")
	want.Index = &first
	want.Confirmations = append(want.Confirmations, s.confirmation(i, first, "2026-02-01"))
	step("confirmed", first)

	at = s.ends(i, north)
	want.Ended = &projections.EndedOn{Index: at, EndedOn: "2027-06-01", Reason: over}
	step("ended", at)

	at = s.confirms(i, north, "2027-07-01") // the entry stays the earliest
	want.Ended = nil
	want.Confirmations = append(want.Confirmations, s.confirmation(i, at, "2027-07-01"))
	step("confirmed", at)

	at = s.retracts(i, north) // strikes both
	want.Index, want.Retracted = nil, &projections.Reason{Index: at, Reason: mistake}
	want.Confirmations[0].Struck, want.Confirmations[1].Struck = true, true
	step("retracted", at)

	again := s.confirms(i, north, "2026-03-01")
	want.Index, want.Retracted = &again, nil
	want.Confirmations = append(want.Confirmations, s.confirmation(i, again, "2026-03-01"))
	step("confirmed", again)

	at = s.ends(i, north)
	want.Ended = &projections.EndedOn{Index: at, EndedOn: "2027-06-01", Reason: over}
	step("ended", at)

	at = s.retracts(i, north)
	want.Index, want.Ended, want.Retracted = nil, nil, &projections.Reason{Index: at, Reason: mistake}
	want.Confirmations[2].Struck = true
	step("retracted", at)
}

// confirmation is what the north's confirmation at an index says.
func (s *story) confirmation(i *draft, index int64, from ledger.Date) projections.Confirmation {
	return projections.Confirmation{
		By: north, Index: index, At: "2027-12-31T12:00:00Z", Revision: i.leaf, InUseFrom: from, Extent: "hospital", Form: "adapted",
		Funding: []ledger.Funding{"rhf"}, Links: []string{}, Attachments: []projections.Attachment{}, SignedBy: []keys.ID{s.reporters[north].ID()},
	}
}

// TestInvitedAfterUse invites one whose use has ended: it stays an adopter, and the invitation waits for its answer.
func TestInvitedAfterUse(t *testing.T) {
	s := newStory()
	i := s.publishes(nil, maker)
	first := s.confirms(i, north, "2026-02-01")
	s.ends(i, north)
	at := s.invites(i, north)
	p := s.told(t, i, north)
	if p.Status != "ended" || *p.Index != first || p.Ended == nil || p.Invited == nil || p.Invited.Index != at {
		t.Errorf("got %+v", p)
	}
	s.wantOrganisation(t, north, nil,
		[]projections.Adopted{{Innovation: i.id, Status: "ended", Index: &first}}, []projections.Invitation{{Innovation: i.id, Index: at}})

	s.declines(i, north)
	s.wantOrganisation(t, north, nil, []projections.Adopted{{Innovation: i.id, Status: "ended", Index: &first}}, nil)
	s.confirms(i, north, "2026-02-01")
	s.wantOrganisation(t, north, nil, []projections.Adopted{{Innovation: i.id, Status: "confirmed", Index: &first}}, nil)

	s.confirms(i, middle, "2026-02-01") // of one that was retracted nothing is left
	s.retracts(i, middle)
	at = s.invites(i, middle)
	s.wantOrganisation(t, middle, nil, []projections.Adopted{{Innovation: i.id, Status: "invited"}}, []projections.Invitation{{Innovation: i.id, Index: at}})
	s.declines(i, middle)
	s.wantOrganisation(t, middle, nil, []projections.Adopted{{Innovation: i.id, Status: "declined"}}, nil)
}

// pairsAsTold compares where every pair stands with what its entries say.
func pairsAsTold(t *testing.T, r *random) {
	f := r.fold(len(r.entries))
	told := 0
	for _, i := range r.innovations {
		pairs, _ := f.Pairs(i.id)
		var spread projections.Spread
		for _, p := range pairs {
			for _, index := range p.Entries {
				p.Tell(r.entries[index])
			}
			told += len(p.Entries)
			wantTold(t, f, p)
			count(&spread, p)
		}
		if got, _ := f.Innovation(i.id); got.Spread != spread {
			t.Errorf("%s: the pairs make %+v, the innovation says %+v", i.id, spread, got.Spread)
		}
	}
	about := 0
	for _, e := range r.entries {
		switch e.Data.(type) {
		case *ledger.Invitation, *ledger.Decline, *ledger.Confirmation, *ledger.Ending, *ledger.Retraction:
			about++
		}
	}
	if told != about {
		t.Errorf("%d entries are told of %d about pairs", told, about)
	}
}

func wantTold(t *testing.T, f *projections.Fold, p projections.Pair) {
	stands := slices.IndexFunc(p.Confirmations, func(c projections.Confirmation) bool { return !c.Struck })
	answered := p.Declined != nil || len(p.Confirmations) > 0 && p.Invited != nil && p.Confirmations[len(p.Confirmations)-1].Index > p.Invited.Index
	waits := p.Invited != nil && !answered
	status := "retracted"
	switch {
	case stands >= 0 && p.Ended != nil:
		status = "ended"
	case stands >= 0:
		status = "confirmed"
	case waits && (p.Retracted == nil || p.Retracted.Index < p.Invited.Index):
		status = "invited"
	case p.Declined != nil && (p.Retracted == nil || p.Retracted.Index < p.Declined.Index):
		status = "declined"
	}
	if p.Status != status {
		t.Errorf("%s and %s: got %s, want %s: %+v", p.Innovation, p.Adopter, p.Status, status, p)
	}
	if (p.Index != nil) != (stands >= 0) || p.Index != nil && *p.Index != p.Confirmations[stands].Index {
		t.Errorf("%s and %s: got entry %v: %+v", p.Innovation, p.Adopter, p.Index, p)
	}
	o, _ := f.Organisation(p.Adopter)
	if waits != slices.ContainsFunc(o.Invitations, func(i projections.Invitation) bool {
		return i.Innovation == p.Innovation && i.Index == p.Invited.Index
	}) {
		t.Errorf("%s and %s: an invitation waits: %t, got %+v", p.Innovation, p.Adopter, waits, o.Invitations)
	}
}

func count(s *projections.Spread, p projections.Pair) {
	if p.Index == nil {
		return
	}
	s.Adopters++
	if p.Ended == nil {
		s.InUse++
	}
	if p.Reach == "same_region" {
		s.SameRegion++
	} else {
		s.OtherRegion++
	}
}

// TestBranches follows a lineage both ways while revisions change it.
func TestBranches(t *testing.T) {
	s := newStory()
	from := func(parent *draft) func(*ledger.Innovation) {
		return func(d *ledger.Innovation) {
			if d.DerivedFrom = ""; parent != nil {
				d.DerivedFrom = parent.id
			}
		}
	}
	a := s.publishes(nil, maker)
	b := s.publishes(from(a), maker)
	c := s.publishes(from(a), maker)
	want := func(when string, i *draft, parent *draft, branches ...*draft) {
		t.Helper()
		got, _ := s.now().Innovation(i.id)
		ids, id := []string{}, ""
		for _, b := range branches {
			ids = append(ids, b.id)
		}
		if parent != nil {
			id = parent.id
		}
		if got.DerivedFrom != id || !slices.Equal(got.Branches, ids) {
			t.Errorf("%s: %s is from %q with branches %v, want %q and %v", when, i.Title.In("nb"), got.DerivedFrom, got.Branches, id, ids)
		}
	}
	want("as published", a, nil, b, c)
	want("as published", b, a)
	want("as published", c, a)

	s.revises(b, from(c))
	want("b moved to c", a, nil, c)
	want("b moved to c", c, a, b)
	want("b moved to c", b, c)

	s.revises(b, func(d *ledger.Innovation) { d.Kind = "process" })
	want("b revised where it is", c, a, b)

	s.revises(c, from(nil))
	want("c by itself", a, nil)
	want("c by itself", c, nil, b)

	s.revises(a, from(b))
	want("a at the end", b, c, a)
	want("a at the end", a, b)
}

// wantOrganisation compares what an organisation has originated, adopted and been invited to; nil is none.
func (s *story) wantOrganisation(t *testing.T, o ledger.Orgnr, originated []string, adopted []projections.Adopted, invitations []projections.Invitation) {
	t.Helper()
	got, ok := s.now().Organisation(o)
	if !ok || got.Originated == nil || got.Adopted == nil || got.Invitations == nil {
		t.Fatalf("%s: got %+v, %t", o, got, ok)
	}
	if !slices.Equal(got.Originated, originated) || !slices.Equal(got.Invitations, invitations) || !slices.EqualFunc(got.Adopted, adopted, func(a, b projections.Adopted) bool { return reflect.DeepEqual(a, b) }) {
		t.Errorf("%s: got %v, %+v, %+v, want %v, %+v, %+v", o, got.Originated, got.Adopted, got.Invitations, originated, adopted, invitations)
	}
}

// TestOrganisation reads what an organisation has made and taken.
func TestOrganisation(t *testing.T) {
	s := newStory()
	one, two := s.publishes(nil, maker), s.publishes(nil, maker, partner)
	s.wantOrganisation(t, maker, []string{one.id, two.id}, nil, nil)
	s.wantOrganisation(t, partner, []string{two.id}, nil, nil)

	s.revises(two, func(d *ledger.Innovation) { d.Originators = even(maker) })
	s.wantOrganisation(t, partner, nil, nil, nil)
	s.revises(two, func(d *ledger.Innovation) { d.Originators = even(partner) })
	s.revises(two, func(d *ledger.Innovation) { d.Originators = even(partner, maker) })
	s.wantOrganisation(t, maker, []string{one.id, two.id}, nil, nil)
	s.wantOrganisation(t, partner, []string{two.id}, nil, nil)

	asked := s.invites(one, north)
	s.invites(two, north)
	s.declines(two, north)
	s.wantOrganisation(t, north, nil, []projections.Adopted{{Innovation: one.id, Status: "invited"}, {Innovation: two.id, Status: "declined"}},
		[]projections.Invitation{{Innovation: one.id, Index: asked}})
	taken := s.confirms(one, north, "2026-01-01")
	s.wantOrganisation(t, north, nil, []projections.Adopted{{Innovation: one.id, Status: "confirmed", Index: &taken}, {Innovation: two.id, Status: "declined"}}, nil)

	amended := s.amends(north, func(o *ledger.Organisation) { o.Name = "Hospital of the north" })
	o, _ := s.now().Organisation(north)
	if o.Name != "Hospital of the north" || o.Index != amended || o.Authority || !slices.Equal(o.Keys, []keys.ID{s.reporters[north].ID()}) {
		t.Errorf("got %+v", o)
	}
	if got, ok := s.now().Organisation(worldOrgnr(99)); ok {
		t.Errorf("nobody: got %+v", got)
	}
	all := s.now().Organisations()
	if len(all) != 7 || !all[0].Authority || all[0].Orgnr != s.authority ||
		!slices.IsSortedFunc(all, func(a, b projections.Organisation) int { return slices.Compare([]byte(a.Orgnr), []byte(b.Orgnr)) }) {
		t.Errorf("got %+v", all)
	}
}

// enrols lets an organisation, or the authority for it, enrol a key.
func (s *story) enrols(by, of ledger.Orgnr, roles ...ledger.Role) (*keys.Private, int64) {
	k := s.newKey()
	e := must(s.say(by, &ledger.Enrolment{Organisation: of, Key: worldKey(k, roles...)}, s.admins[by]))
	return k, e.Index
}

func (s *story) revokes(by ledger.Orgnr, k *keys.Private, reason string, from *int64) int64 {
	return must(s.say(by, &ledger.Revocation{Key: k.ID(), Reason: reason, CompromisedFrom: from}, s.admins[by])).Index
}

// TestKeys reads keys as enrolled and revoked, and who enrolled them.
func TestKeys(t *testing.T) {
	s := newStory()
	own, at := s.enrols(maker, maker, ledger.Report)
	want := projections.Key{
		KeyID: own.ID(), Scheme: "ed25519", Public: base64.StdEncoding.EncodeToString(own.Bytes), Organisation: maker,
		Roles: []ledger.Role{ledger.Report}, Label: "innovation office", Enrolled: at,
	}
	wantKey(t, s, want)
	revoked, from := s.revokes(maker, own, "compromised", new(at)), at
	want.Revoked, want.Reason, want.CompromisedFrom = &revoked, "compromised", &from
	wantKey(t, s, want)

	byAuthority := func(what string, k *keys.Private, want bool) {
		t.Helper()
		if got, ok := s.now().Key(k.ID()); !ok || got.ByAuthority != want {
			t.Errorf("%s: got %+v, want by_authority %t", what, got, want)
		}
	}
	byAuthority("the first key", s.admins[maker], false)
	for _, role := range []ledger.Role{ledger.Admin, ledger.Report, ledger.Assess} {
		k, _ := s.enrols(s.authority, maker, role)
		byAuthority(string(role)+" beside an admin of its own", k, role != ledger.Assess)
	}
	k, _ := s.enrols(s.authority, s.authority, ledger.Admin)
	byAuthority("the authority's own", k, false)

	s.revokes(north, s.admins[north], "lost", nil)
	k, _ = s.enrols(s.authority, north, ledger.Report)
	byAuthority("when it has no admin left", k, false)
	k, _ = s.enrols(s.authority, north, ledger.Admin)
	byAuthority("an admin when it has none left", k, false)
	k, _ = s.enrols(s.authority, north, ledger.Report)
	byAuthority("when it has one again", k, true)

	all := s.now().Keys()
	if len(all) != 1+6+1+3+1+3 || !slices.IsSortedFunc(all, func(a, b projections.Key) int { return int(a.Enrolled - b.Enrolled) }) {
		t.Errorf("got %d keys: %+v", len(all), all)
	}
	if got, ok := s.now().Key("nobody's"); ok {
		t.Errorf("nobody's: got %+v", got)
	}
}

func wantKey(t *testing.T, s *story, want projections.Key) {
	t.Helper()
	if got, ok := s.now().Key(want.KeyID); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestFlags sees what readers are told of the keys behind an entry.
func TestFlags(t *testing.T) {
	s := newStory()
	i := s.publishes(nil, maker, partner)
	flags := func(want ...string) {
		t.Helper()
		if got, _ := s.now().Innovation(i.id); !slices.Equal(got.Flags, want) {
			t.Errorf("at %d: got %v, want %v", got.Revised, got.Flags, want)
		}
	}
	flags()

	before := s.reporters[maker]
	s.reporters[maker], _ = s.enrols(s.authority, maker, ledger.Report)
	s.reporters[partner], _ = s.enrols(s.authority, partner, ledger.Report)
	flags() // the published entry was signed by other keys
	at := s.revises(i, func(d *ledger.Innovation) { d.Kind = "process" })
	flags("authority_key") // once, though two keys are

	s.revokes(maker, s.reporters[maker], "compromised", new(at+1))
	flags("authority_key") // it was signed before
	s.reporters[maker] = before
	own, _ := s.enrols(partner, partner, ledger.Report)
	s.reporters[partner] = own
	at = s.revises(i, func(d *ledger.Innovation) { d.Kind = "service" })
	flags()
	s.revokes(partner, own, "compromised", new(at))
	flags("compromised_key") // from this very entry on

	f := s.now()
	if got := f.Flags(at-1, []keys.ID{own.ID()}); got != nil {
		t.Errorf("before it was compromised: got %v", got)
	}
	if got := f.Flags(at, []keys.ID{"nobody's", before.ID()}); got != nil {
		t.Errorf("of other keys: got %v", got)
	}
}

// TestFlagsOfAllThatIsTold: whatever a key does that the authority has enrolled beside an
// admin of its hospital's own is flagged, wherever it is told (design 3).
func TestFlagsOfAllThatIsTold(t *testing.T) {
	s := newStory()
	i, other := s.publishes(nil, maker), s.publishes(nil, maker)
	for _, o := range []ledger.Orgnr{maker, north} {
		s.reporters[o], _ = s.enrols(s.authority, o, ledger.Report)
	}
	s.invites(i, north)
	s.declines(i, north)
	s.confirms(i, north, "2026-02-01")
	must(s.disputed(worldDispute{worldPair{i, north}, maker}))
	must(s.disputeWithdrawn(worldDispute{worldPair{i, north}, maker}))
	s.ends(i, north)
	s.retracts(i, north)
	must(s.report(&ledger.AssessmentRequest{Innovation: i.id, Reason: worldText("Er den egen?")}, north))
	must(s.merged(other, i, nil))
	s.withdraws(i)

	f := s.now()
	flagged := func(what string, flags []string) {
		t.Helper()
		if !slices.Equal(flags, []string{"authority_key"}) {
			t.Errorf("%s: got %v", what, flags)
		}
	}
	pair, signed := s.told(t, i, north), projections.Signed{}
	for _, index := range pair.Entries {
		signed.Note(s.entries[index])
	}
	a := pair.Adoption
	f.FlagAdoption(&a, signed)
	flagged("invitation", a.Invited.Flags)
	flagged("confirmation", a.Confirmations[0].Flags)
	flagged("retraction", a.Retracted.Flags)
	flagged("dispute", a.Disputes[0].Flags)
	flagged("dispute in a list", f.Disputes("", 0)[0].Flags)
	flagged("request in a list", f.Requests("")[0].Flags)
	inn, _ := f.Innovation(i.id)
	flagged("withdrawal", inn.Withdrawn.Flags)
	flagged("request", inn.Requests[0].Flags)
	merged, _ := f.Innovation(other.id)
	flagged("merger", merged.Merged.Flags)
	if inn.Flags != nil {
		t.Errorf("the publication, which another key signed: got %v", inn.Flags)
	}
	a = projections.Adoption{Declined: &projections.Reason{Index: 1}, Ended: &projections.EndedOn{Index: 1}, Decisions: []projections.Decided{{Index: 1}}}
	f.FlagAdoption(&a, projections.Signed{1: {s.reporters[north].ID()}})
	flagged("refusal", a.Declined.Flags)
	flagged("ending", a.Ended.Flags)
	flagged("decision", a.Decisions[0].Flags)
}

// TestFlagsOfTheCommittee: what an assessor's key said that was in wrong hands is flagged.
func TestFlagsOfTheCommittee(t *testing.T) {
	u := newUndue(t, nil)
	i := u.publishes(nil, maker)
	u.confirms(i, north, "2026-02-01")
	u.disputes(i, north, partner)
	must(u.report(&ledger.AssessmentRequest{Innovation: i.id, Reason: worldText("Er den egen?")}, partner))
	from := int64(len(u.entries))
	u.decides(i, north, true)
	u.assesses(i, true)
	must(u.byAuthority(&ledger.Revocation{Key: u.Assessors[sitters[1]].ID(), Reason: "compromised", CompromisedFrom: &from}))

	f := u.now()
	inn, _ := f.Innovation(i.id)
	for what, flags := range map[string][]string{
		"the assessment in force": inn.Assessment.Flags, "the answer to a request": f.Requests("")[0].Assessment.Flags,
		"a dispute's decision": f.Disputes("", 0)[0].Decision.Flags,
	} {
		if !slices.Equal(flags, []string{"compromised_key"}) {
			t.Errorf("%s: got %v", what, flags)
		}
	}
	if d := f.Disputes("", 0)[0]; d.Flags != nil || f.Requests("")[0].Flags != nil {
		t.Errorf("others' entries: got %v", d.Flags)
	}
}

// TestFounding reads the founding, and a fold without one.
func TestFounding(t *testing.T) {
	s := newStory()
	if f := projections.NewFold(); f.Founding() != nil || f.Position != 0 || f.Illustrated || len(f.Keys()) != 0 || len(f.Organisations()) != 0 {
		t.Errorf("before the founding: got %+v", f)
	}
	f := s.fold(1)
	if d := f.Founding(); d == nil || d.Name != "A ledger for tests" || !f.Illustrated || f.Position != 1 || f.Founded.Index != 0 {
		t.Errorf("got %+v", f)
	}
}

// TestViewWait waits for positions that are there, that come, and that do not.
func TestViewWait(t *testing.T) {
	s := newStory()
	synctest.Test(t, func(t *testing.T) {
		v := projections.NewView()
		v.Apply(s.entries[:2])
		ended, end := context.WithCancel(t.Context())
		end()
		for _, position := range []int64{-1, 0, 1, 2} {
			if err := v.Wait(ended, position); err != nil {
				t.Errorf("for position %d, which is there: %v", position, err)
			}
		}
		if err := v.Wait(ended, 3); !errors.Is(err, projections.ErrBehind) {
			t.Errorf("for what is not: got %v, want ErrBehind", err)
		}

		short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		late, came := make(chan error, 1), make(chan error, 1)
		go func() { came <- v.Wait(short, 4) }()
		go func() { late <- v.Wait(short, 5) }()
		synctest.Wait()
		v.Apply(s.entries[2:3])
		synctest.Wait()
		if len(came) != 0 {
			t.Error("position 4 is told at 3")
		}
		v.Apply(s.entries[3:4])
		if err := <-came; err != nil || v.Position() != 4 {
			t.Errorf("position 4: got %v at %d", err, v.Position())
		}
		start := time.Now()
		if err := <-late; !errors.Is(err, projections.ErrBehind) || time.Since(start) != 5*time.Second {
			t.Errorf("position 5: got %v after %s, want ErrBehind after 5s", err, time.Since(start))
		}
	})
}

// TestViewReads reads while entries are applied; each read sees one position throughout.
func TestViewReads(t *testing.T) {
	r := newRandom(1, 120, false)
	v := projections.NewView()
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for seen := int64(0); seen < int64(len(r.entries)); {
				v.Read(func(f *projections.Fold) {
					if f.Position < seen {
						t.Errorf("at %d after %d", f.Position, seen)
					}
					seen = f.Position
					f.Innovations(projections.Query{Words: "løsning"}, -1, 5)
					for _, table := range tables(f) {
						if table.Position != seen {
							t.Errorf("a table of %d, read at %d", table.Position, seen)
						}
					}
				})
			}
		})
	}
	for _, e := range r.entries {
		v.Apply([]*ledger.Entry{e})
	}
	readers.Wait()
}

// Of two pairs that a merger makes one, a retraction strikes what it was of.
func TestTellAfterMerger(t *testing.T) {
	s := newStory()
	a, b := s.publishes(nil, maker), s.publishes(nil, maker)
	s.confirms(a, north, "2026-02-01")
	s.confirms(b, north, "2026-02-02")
	s.retracts(a, north)
	reason := worldText("Det samme prosjektet.")
	must(s.report(&ledger.Merger{Innovation: a.id, Into: b.id, Reason: reason}, maker))
	p := s.told(t, b, north)
	if p.Status != "confirmed" || p.Retracted != nil || len(p.Confirmations) != 2 || !p.Confirmations[0].Struck || p.Confirmations[1].Struck {
		t.Errorf("got %+v", p.Adoption)
	}
}
