package story_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"spredning/ledger"
	"spredning/ledger/story"
)

// tell draws a story of 50 organisations.
func tell(t *testing.T, seed uint64, entries int) *story.Story {
	t.Helper()
	s, err := story.New(story.Config{Origin: "spredning.example/random", Seed: seed, Organisations: 50, Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Tell(func(*ledger.Entry) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSameSeed draws the same bytes from the same seed, others from another, and as many entries as were asked for.
func TestSameSeed(t *testing.T) {
	one, again, other := tell(t, 1, 600), tell(t, 1, 600), tell(t, 2, 600)
	for n, e := range one.Entries {
		if !bytes.Equal(e.Bytes, again.Entries[n].Bytes) {
			t.Fatalf("entry %d:\n%s\n%s", n, e.Bytes, again.Entries[n].Bytes)
		}
		if bytes.Equal(e.Bytes, other.Entries[n].Bytes) {
			t.Fatalf("entry %d of another seed is the same: %s", n, e.Bytes)
		}
	}
	if len(one.Entries) != 600 || len(again.Entries) != 600 {
		t.Errorf("got %d and %d entries, want 600", len(one.Entries), len(again.Entries))
	}
}

// TestTellsInOrder sees that Tell hands on every entry once, in order, and ends with the error it is given.
func TestTellsInOrder(t *testing.T) {
	cfg := story.Config{Origin: "spredning.example/random", Organisations: 10, Entries: story.Least(10)}
	s, err := story.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	next := int64(0)
	err = s.Tell(func(e *ledger.Entry) error {
		if e.Index != next {
			t.Errorf("got entry %d, want %d", e.Index, next)
		}
		next++
		return nil
	})
	if err != nil || next != int64(cfg.Entries) {
		t.Errorf("told %d entries, %v, want %d", next, err, cfg.Entries)
	}
	s, err = story.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Tell(func(*ledger.Entry) error { return os.ErrClosed }); err != os.ErrClosed {
		t.Errorf("got %v, want the error it was given", err)
	}
}

// TestTooShort refuses stories that have no room for their organisations.
func TestTooShort(t *testing.T) {
	for _, cfg := range []story.Config{
		{Origin: "spredning.example/random", Organisations: 9, Entries: 1000},
		{Origin: "spredning.example/random", Organisations: 50, Entries: story.Least(50) - 1},
		{Origin: "https://spredning.example", Organisations: 50, Entries: 1000},
	} {
		if _, err := story.New(cfg); err == nil {
			t.Errorf("took %+v", cfg)
		}
	}
}

// TestAdmissible checks every entry anew, signatures included, as an auditor does; a story decides only.
func TestAdmissible(t *testing.T) {
	for _, cfg := range []story.Config{
		{Seed: 3, Organisations: 50, Entries: 800},
		{Seed: 3, Organisations: 16, Entries: 180, Hasty: true},
	} {
		cfg.Origin = "spredning.example/random"
		s, err := story.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		state := ledger.NewState()
		err = s.Tell(func(told *ledger.Entry) error {
			e, err := ledger.ParseEntry(told.Index, told.Bytes)
			if err == nil {
				err = ledger.VerifyEntry(e, state.Key)
			}
			if err == nil {
				err = ledger.Decide(state, &e.Signed)
			}
			if err != nil {
				return fmt.Errorf("entry %d, %s: %w", e.Index, e.Type, err)
			}
			ledger.Evolve(state, e)
			return nil
		})
		if err != nil {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

// TestFiles finds the content of every attachment that a story names.
func TestFiles(t *testing.T) {
	sums := map[string]int{}
	for n := range 1000 {
		sum := sha(story.File(n))
		sums[sum] = len(story.File(n))
	}
	named := 0
	for _, e := range tell(t, 4, 1500).Entries {
		for _, a := range attachments(e) {
			named++
			if size, ok := sums[a.SHA256]; !ok || a.Size != int64(size) {
				t.Errorf("entry %d names %s of %d bytes, there is %d", e.Index, a.SHA256, a.Size, size)
			}
		}
	}
	if named == 0 {
		t.Error("no attachment is named")
	}
}

// long reports whether there is time for more than a sample.
func long() bool { return os.Getenv("SPREDNING_LONG") == "1" }

// TestEveryType sees every type of event that the ledger takes, and all else that stories are drawn for, in any story of
// 50 organisations and 5,000 entries.
func TestEveryType(t *testing.T) {
	seeds := 4
	if long() {
		seeds = 100
	}
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		seen := look(tell(t, uint64(seed), 5000).Entries)
		for _, typ := range ledger.Types() {
			if seen["type "+string(typ)] == 0 {
				t.Errorf("seed %d: no %s: every type of event needs an act in the table of acts", seed, typ)
			}
		}
		for _, sight := range sights {
			if seen[sight] == 0 {
				t.Errorf("seed %d: never seen: %s", seed, sight)
			}
		}
		if n := seen["type organisation.registered"]; n != 50 {
			t.Errorf("seed %d: %d organisations, want 50", seed, n)
		}
		if seed == 0 {
			for _, sight := range slices.Sorted(maps.Keys(seen)) {
				t.Logf("%6d %s", seen[sight], sight)
			}
		}
	}
}

// sights are what must be seen in every story.
var sights = []string{
	"merged by originators", "merged by assessors", "merged into one that is merged later", "merged: withdrawn one",
	"succeeded by a successor", "succeeded: two at once",
	"dispute withdrawn", "dispute upheld", "dispute rejected", "decided anew otherwise", "dispute open at the end", "disputed by two",
	"revised: funding", "revised: initiative", "revised: originators", "revised: shares alone", "revised: derived from", "assessment that ends", "assessed eligible", "assessed not eligible",
	"invited and declined", "invited and confirmed", "ended and confirmed again", "retracted and confirmed again", "ended and retracted",
	"years closed: 3 or more", "years open: 2 or more", "years closed: next opened before",
	"basis adoption", "basis project", "lineage each", "lineage once", "limit on innovations", "limit on pairs", "no limits",
	"one originator", "two originators", "three originators", "shares that do not divide evenly",
	"key revoked: lost", "key revoked: left", "key revoked: compromised", "key revoked: rotated", "compromised from", "key of an assessor renewed",
	"key enrolled by its organisation", "key enrolled by the authority beside its admin",
	"kind hf", "kind private_nonprofit", "kind rhf", "kind municipality", "kind other", "kind authority",
	"no region", "measured not", "measured from a later year", "measured to a year", "parent", "contact", "place",
	"amended: name", "amended: region", "amended: kind", "amended: measured",
	"replaces", "derived from", "derived from one that is derived", "links", "attachments", "attachment named twice",
	"text nb", "text nn", "text en", "text se", "report by",
	"confirmed for a closed year", "confirmed for a year before the first", "confirmed as a successor",
}

// watcher notes what it has seen of a story, from its entries alone.
type watcher struct {
	counts      map[string]int
	orgs        map[ledger.Orgnr]ledger.Organisation
	innovations map[string]ledger.Innovation
	assessed    map[string]bool // in force
	withdrawn   map[string]bool
	merged      map[string]bool // innovations that others are merged into
	successors  map[ledger.Orgnr]bool
	pairs       map[string]string // what happened last, by innovation and adopter as named
	disputed    map[string]int    // open ones
	upheld      map[string]bool
	decided     map[string]bool
	files       map[string]bool
	assessors   map[string]bool // keys
	opened      []int
	closed      []int
}

// look counts what is seen in a story.
func look(entries []*ledger.Entry) map[string]int {
	w := &watcher{
		counts: map[string]int{}, orgs: map[ledger.Orgnr]ledger.Organisation{}, innovations: map[string]ledger.Innovation{},
		assessed: map[string]bool{}, withdrawn: map[string]bool{}, merged: map[string]bool{}, successors: map[ledger.Orgnr]bool{},
		pairs: map[string]string{}, disputed: map[string]int{}, upheld: map[string]bool{}, decided: map[string]bool{},
		files: map[string]bool{}, assessors: map[string]bool{},
	}
	for _, e := range entries {
		w.see(e)
	}
	for _, n := range w.disputed {
		w.saw("dispute open at the end", n > 0)
	}
	w.saw("years closed: 3 or more", len(w.closed) >= 3)
	w.saw("years open: 2 or more", len(w.opened)-len(w.closed) >= 2)
	return w.counts
}

// saw counts something that is so.
func (w *watcher) saw(what string, so bool) {
	if so {
		w.counts[what]++
	}
}

func (w *watcher) see(e *ledger.Entry) {
	w.saw("type "+string(e.Type), true)
	for _, lang := range []string{"nb", "nn", "en", "se"} {
		w.saw("text "+lang, strings.Contains(string(e.Envelope.Payload), `"`+lang+`":"`))
	}
	for _, a := range attachments(e) {
		w.saw("attachments", true)
		w.saw("attachment named twice", w.files[a.SHA256])
		w.files[a.SHA256] = true
	}
	switch d := e.Data.(type) {
	case *ledger.Founding:
		w.organisation(d.Authority)
	case *ledger.Registration:
		w.organisation(d.Organisation)
	case *ledger.Amendment:
		w.amended(d.Organisation)
	case *ledger.Succession:
		w.succession(d)
	case *ledger.Enrolment:
		w.enrolled(e, d)
	case *ledger.Revocation:
		w.saw("key revoked: "+d.Reason, true)
		w.saw("compromised from", d.CompromisedFrom != nil)
	case *ledger.Publication:
		w.published(e.ID.String(), d.Innovation)
	case *ledger.Revision:
		w.revised(d)
	case *ledger.Withdrawal:
		w.withdrawn[d.Innovation] = true
	case *ledger.Merger:
		w.merger(e, d)
	case *ledger.Assessment:
		w.saw("assessed eligible", *d.Eligible)
		w.saw("assessed not eligible", !*d.Eligible)
		w.assessed[d.Innovation] = true
	case *ledger.Invitation:
		w.pairs[d.Innovation+string(d.Adopter)] = "invited"
	case *ledger.Decline:
		w.happened(e, d.Innovation, "declined")
	case *ledger.Confirmation:
		w.confirmed(e, d)
	case *ledger.Ending:
		w.happened(e, d.Innovation, "ended")
	case *ledger.Retraction:
		w.happened(e, d.Innovation, "retracted")
	case *ledger.Dispute:
		w.disputed[d.Innovation+string(d.Adopter)]++
		w.saw("disputed by two", w.disputed[d.Innovation+string(d.Adopter)] == 2)
	case *ledger.DisputeWithdrawal:
		w.saw("dispute withdrawn", true)
		w.disputed[d.Innovation+string(d.Adopter)]--
	case *ledger.Decision:
		w.decision(d.Innovation+string(d.Adopter), *d.Upheld)
	case *ledger.RulesPublication:
		w.rules(d.Rules)
	case *ledger.YearOpening:
		w.saw("report by", d.ReportBy != "")
		w.opened = append(w.opened, d.Year)
	case *ledger.YearClosing:
		w.saw("years closed: next opened before", slices.Contains(w.opened, d.Year+1))
		w.closed = append(w.closed, d.Year)
	}
}

func (w *watcher) organisation(o ledger.Organisation) {
	w.saw("kind "+string(o.Kind), true)
	w.saw("no region", o.Region == "" && o.Kind == ledger.KindHF)
	w.saw("measured not", o.MeasuredFrom == nil && o.Kind != ledger.KindAuthority && o.Kind != ledger.KindRHF)
	w.saw("measured from a later year", o.MeasuredFrom != nil && *o.MeasuredFrom > 2019)
	w.saw("measured to a year", o.MeasuredTo != nil)
	w.saw("parent", o.Parent != "")
	w.saw("contact", o.Contact != "")
	w.saw("place", o.Lat != nil && o.Municipality != "")
	w.orgs[o.Orgnr] = o
}

func (w *watcher) amended(o ledger.Organisation) {
	before := w.orgs[o.Orgnr]
	w.saw("amended: name", o.Name != before.Name)
	w.saw("amended: region", o.Region != before.Region)
	w.saw("amended: kind", o.Kind != before.Kind)
	w.saw("amended: measured", !reflect.DeepEqual([]*int{o.MeasuredFrom, o.MeasuredTo}, []*int{before.MeasuredFrom, before.MeasuredTo}))
	w.organisation(o)
}

func (w *watcher) succession(d *ledger.Succession) {
	w.saw("succeeded: two at once", len(d.Predecessors) == 2)
	for _, o := range d.Predecessors {
		w.saw("succeeded by a successor", w.successors[o])
	}
	w.successors[d.Successor] = true
}

func (w *watcher) enrolled(e *ledger.Entry, d *ledger.Enrolment) {
	assesses := slices.Contains(d.Key.Roles, ledger.Assess)
	w.saw("key enrolled by its organisation", e.By == d.Organisation)
	w.saw("key enrolled by the authority beside its admin", e.By != d.Organisation && !slices.Contains(d.Key.Roles, ledger.Admin) && !assesses)
	w.saw("key of an assessor renewed", assesses && w.assessors[string(d.Organisation)])
	w.assessors[string(d.Organisation)] = w.assessors[string(d.Organisation)] || assesses
}

func (w *watcher) published(id string, d ledger.Innovation) {
	w.saw([]string{"one originator", "two originators", "three originators"}[len(d.Originators)-1], true)
	w.saw("shares that do not divide evenly", slices.ContainsFunc(d.Originators, func(o ledger.Originator) bool { return o.Share%10 != 0 }))
	w.saw("replaces", d.Replaces != nil)
	w.saw("links", len(d.Links) > 0)
	w.saw("derived from", d.DerivedFrom != "")
	w.saw("derived from one that is derived", d.DerivedFrom != "" && w.innovations[d.DerivedFrom].DerivedFrom != "")
	w.innovations[id] = d
}

func (w *watcher) revised(d *ledger.Revision) {
	before := w.innovations[d.Of]
	funding := !slices.Equal(before.Funding, d.Funding)
	initiative := *before.RegionalInitiative != *d.RegionalInitiative
	originators := !slices.Equal(before.Originators, d.Originators)
	w.saw("revised: funding", funding)
	w.saw("revised: initiative", initiative)
	w.saw("revised: originators", originators)
	w.saw("revised: shares alone", originators && slices.EqualFunc(before.Originators, d.Originators, func(a, b ledger.Originator) bool { return a.Orgnr == b.Orgnr }))
	w.saw("revised: derived from", before.DerivedFrom != d.DerivedFrom)
	if funding || initiative || originators {
		w.saw("assessment that ends", w.assessed[d.Of])
		w.assessed[d.Of] = false
	}
	w.innovations[d.Of] = d.Innovation
}

func (w *watcher) merger(e *ledger.Entry, d *ledger.Merger) {
	byMaker := false
	for _, id := range []string{d.Innovation, d.Into} {
		for _, o := range w.innovations[id].Originators {
			byMaker = byMaker || o.Orgnr == e.By
		}
	}
	w.saw("merged by originators", byMaker)
	w.saw("merged by assessors", w.orgs[e.By].Kind == ledger.KindRHF && !byMaker && w.assessors[string(e.By)])
	w.saw("merged into one that is merged later", w.merged[d.Innovation])
	w.saw("merged: withdrawn one", w.withdrawn[d.Innovation] || w.withdrawn[d.Into])
	w.merged[d.Into] = true
}

// happened notes what happened to a pair, and sees what comes after what.
func (w *watcher) happened(e *ledger.Entry, innovation, what string) {
	pair := innovation + string(e.By)
	switch before := w.pairs[pair]; what {
	case "declined":
		w.saw("invited and declined", before == "invited")
	case "confirmed":
		w.saw("invited and confirmed", before == "invited")
		w.saw("ended and confirmed again", before == "ended")
		w.saw("retracted and confirmed again", before == "retracted")
	case "retracted":
		w.saw("ended and retracted", before == "ended")
	}
	w.pairs[pair] = what
}

func (w *watcher) confirmed(e *ledger.Entry, d *ledger.Confirmation) {
	w.happened(e, d.Innovation, "confirmed")
	year := d.InUseFrom.Year()
	w.saw("confirmed for a closed year", slices.Contains(w.closed, year))
	w.saw("confirmed for a year before the first", len(w.opened) > 0 && year < w.opened[0])
	w.saw("confirmed as a successor", w.successors[e.By])
}

func (w *watcher) decision(pair string, upheld bool) {
	w.saw("dispute upheld", upheld)
	w.saw("dispute rejected", !upheld)
	w.saw("decided anew otherwise", w.decided[pair] && w.upheld[pair] != upheld)
	w.decided[pair], w.upheld[pair], w.disputed[pair] = true, upheld, 0
}

func (w *watcher) rules(r ledger.Rules) {
	w.saw("basis "+r.Basis, true)
	w.saw("lineage "+r.Lineage, true)
	w.saw("limit on innovations", *r.MaxAdoptionsPerInnovation > 0)
	w.saw("limit on pairs", *r.MaxPerOriginatorAdopter > 0)
	w.saw("no limits", *r.MaxAdoptionsPerInnovation+*r.MaxPerOriginatorAdopter == 0)
}

// attachments are those that an entry names.
func attachments(e *ledger.Entry) []ledger.Attachment {
	switch d := e.Data.(type) {
	case *ledger.Publication:
		return d.Attachments
	case *ledger.Revision:
		return d.Attachments
	case *ledger.Confirmation:
		return d.Attachments
	}
	return nil
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
