package projections_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"spredning/ledger"
	"spredning/projections"
)

// tells publishes an innovation told in bokmål.
func (s *story) tells(title, summary string, makers ...ledger.Orgnr) *draft {
	return s.publishes(func(d *ledger.Innovation) { d.Title, d.Summary = worldText(title), worldText(summary) }, makers...)
}

// ofDraft is a draft of which only the title is said.
func ofDraft(language, title string) ledger.Innovation {
	return ledger.Innovation{Title: textIn(language, title)}
}

func reasonOf(s projections.Similar, kind string) (r projections.SimilarReason) {
	for _, x := range s.Reasons {
		if x.Kind == kind {
			return x
		}
	}
	return r
}

const dialysed = "Pasienter med nyresvikt dialyserer hjemme og snakker med en dialysesykepleier på video."

func TestSimilarInNynorskToBokmål(t *testing.T) {
	s := newStory()
	s.tells("Sporbare instrumentbrett", "Brettene skannes på sterilsentralen.", maker)
	home := s.tells("Hjemmedialyse med sykepleier på skjerm", dialysed, maker)
	d := ofDraft("nn", "Sjukepleiar på skjermen når du dialyserer heime")
	d.Originators, d.InUseSince = even(maker), "2024-05-01"
	found := s.now().Similar(d, 10)
	if len(found) == 0 || found[0].Innovation != home.id || !found[0].Likely {
		t.Fatalf("%+v", found)
	}
	words := reasonOf(found[0], "shared_words").Words
	for _, w := range []string{"Hjemmedialyse", "skjerm", "sykepleier"} {
		if !slices.Contains(words, w) {
			t.Errorf("%s is not among the shared words %q", w, words)
		}
	}
	if o := reasonOf(found[0], "same_originators").Organisations; !slices.Equal(o, []ledger.Orgnr{maker}) {
		t.Errorf("same originators are %v", o)
	}
	if days := reasonOf(found[0], "close_in_time").Days; days == nil || *days != 61 {
		t.Errorf("%v days between", days)
	}
}

func TestTheSameTextIsLikelyWhoeverTellsIt(t *testing.T) {
	s := newStory()
	home := s.tells("Hjemmedialyse med sykepleier på skjerm", dialysed, maker)
	for name, d := range map[string]ledger.Innovation{
		"by another": {Title: home.Title, Summary: home.Summary, Originators: even(north), InUseSince: "2030-01-01"},
		"unsaid":     {Title: home.Title, Summary: home.Summary},
		"its title":  {Title: home.Title},
	} {
		if found := s.now().Similar(d, 10); len(found) != 1 || !found[0].Likely {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

func TestAnEmptyLedgerAndStrangeDrafts(t *testing.T) {
	if found := projections.NewFold().Similar(ofDraft("nb", "Hjemmedialyse"), 10); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	s := newStory()
	s.tells("Hjemmedialyse med sykepleier på skjerm", dialysed, maker)
	for _, title := range []string{"og", "…", "Buohcciviesu ruovttus", "Knitting patterns", strings.Repeat("å", 200)} {
		if found := s.now().Similar(ofDraft("se", title), 10); len(found) != 0 {
			t.Errorf("%s: %+v", title, found)
		}
	}
	d := ofDraft("nb", "Hjemmedialyse med sykepleier på skjerm")
	d.Originators, d.DerivedFrom = even("999999999"), "01GPGCMYTR0000000000000000"
	if found := s.now().Similar(d, 10); len(found) != 1 {
		t.Errorf("%+v", found)
	}
}

// TestOtherLanguagesDoNoHarm: a draft told in English, too, is as similar as in
// Norwegian alone, and two that have only English in common meet there.
func TestOtherLanguagesDoNoHarm(t *testing.T) {
	s := newStory()
	s.tells("Hjemmedialyse med sykepleier på skjerm", dialysed, maker)
	d := ofDraft("nb", "Dialyse hjemme med skjerm")
	alone := s.now().Similar(d, 1)
	en, se := "Knitting patterns for a warm winter", "Buohcciviesu ruovttus"
	d.Title.EN, d.Title.SE = &en, &se
	if with := s.now().Similar(d, 1); len(with) != 1 || with[0].Score != alone[0].Score {
		t.Errorf("%+v, and in English as well %+v", alone, with)
	}
	english := s.publishes(func(d *ledger.Innovation) {
		d.Title, d.Summary = textIn("en", "Guided knitting for patients waiting for surgery"), textIn("en", "Patients knit.")
	}, maker)
	found := s.now().Similar(ofDraft("en", "Guided knitting for patients waiting for surgery"), 1)
	if len(found) != 1 || found[0].Innovation != english.id || !found[0].Likely {
		t.Errorf("%+v", found)
	}
}

func TestLineageIsAReason(t *testing.T) {
	s := newStory()
	root := s.tells("Hjemmedialyse med sykepleier på skjerm", dialysed, maker)
	branch := s.publishes(func(d *ledger.Innovation) {
		d.Title, d.DerivedFrom = worldText("Strikking på venterommet"), root.id
	}, north)
	fold := s.now()
	d := ofDraft("nb", "Hage på taket")
	d.DerivedFrom = root.id
	relations := map[string]string{}
	for _, x := range fold.Similar(d, 10) {
		relations[x.Innovation] = reasonOf(x, "lineage").Relation
	}
	if want := map[string]string{root.id: "derived_from", branch.id: "same_root"}; fmt.Sprint(relations) != fmt.Sprint(want) {
		t.Errorf("relations %v, not %v", relations, want)
	}
	of, _ := fold.SimilarTo(root.id, 10)
	if len(of) != 1 || of[0].Innovation != branch.id || reasonOf(of[0], "lineage").Relation != "branch" {
		t.Errorf("similar to the root: %+v", of)
	}
	of, _ = fold.SimilarTo(branch.id, 10)
	if len(of) != 1 || reasonOf(of[0], "lineage").Relation != "derived_from" {
		t.Errorf("similar to the branch: %+v", of)
	}
}

func TestMergedOnesLeadToTheFinalOne(t *testing.T) {
	s := newStory()
	duplicate := s.tells("Hjemmedialyse med sykepleier på skjerm", dialysed, maker)
	final := s.tells("Nefrolink", "Et navn og ikke mer.", maker)
	must(s.merged(duplicate, final, nil))
	fold := s.now()
	found := fold.Similar(ofDraft("nb", "Hjemmedialyse med sykepleier på skjerm"), 10)
	if len(found) != 1 || found[0].Innovation != final.id || found[0].Through != duplicate.id || !found[0].Likely {
		t.Errorf("%+v", found)
	}
	for _, one := range []string{duplicate.id, final.id} {
		if found, ok := fold.SimilarTo(one, 10); !ok || len(found) != 0 {
			t.Errorf("similar to one of the merged: %+v", found)
		}
	}
	if _, ok := fold.SimilarTo("01GPGCMYTR0000000000000000", 10); ok {
		t.Error("found what is similar to an innovation that there is not")
	}
}

func TestWithdrawnOnesAreMarkedAndRevisedOnesFollow(t *testing.T) {
	s := newStory()
	home := s.tells("Hjemmedialyse med sykepleier på skjerm", dialysed, maker)
	fold := s.now()
	draft := ofDraft("nb", "Hjemmedialyse med sykepleier på skjerm")
	fold.Similar(draft, 1) // takes it in before it is revised
	position := len(s.entries)
	s.revises(home, func(d *ledger.Innovation) {
		d.Title, d.Summary = worldText("Hage på taket"), worldText("Den er grønn.")
	})
	s.withdraws(home)
	for _, e := range s.entries[position:] {
		fold.Apply(e)
	}
	if found := fold.Similar(draft, 10); len(found) != 0 {
		t.Errorf("by what it no longer says: %+v", found)
	}
	if found := fold.Similar(ofDraft("nb", "Hage på taket"), 10); len(found) != 1 || found[0].Status != "withdrawn" || !found[0].Likely {
		t.Errorf("by what it says: %+v", found)
	}
}

func TestSuccessorsAreTheSameOriginators(t *testing.T) {
	s := newStory()
	s.tells("Hjemmedialyse med sykepleier på skjerm", dialysed, north)
	must(s.succeed(middle, north))
	d := ofDraft("nb", "Hjemmedialyse")
	d.Originators = even(middle)
	if found := s.now().Similar(d, 10); len(found) != 1 || !slices.Equal(reasonOf(found[0], "same_originators").Organisations, []ledger.Orgnr{north}) {
		t.Errorf("%+v", found)
	}
}

// TestSimilarFollowsFromTheEntries: whenever texts are taken in, and however they
// came to be as they are, the answers are the same bytes.
func TestSimilarFollowsFromTheEntries(t *testing.T) {
	for seed := range uint64(20) {
		r := newRandom(seed, 150, false)
		asked := projections.NewFold()
		for k, e := range r.entries {
			asked.Apply(e)
			if k%7 == int(seed%7) {
				asked.Similar(ofDraft("nb", "Ventil"), 1)
			}
		}
		fresh := r.fold(len(r.entries))
		for _, i := range r.innovations {
			a, _ := asked.SimilarTo(i.id, 100)
			b, _ := fresh.SimilarTo(i.id, 100)
			if x, y := encoded(t, a), encoded(t, b); x != y {
				t.Fatalf("seed %d: %s and %s", seed, x, y)
			}
		}
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestManyAskWhileTheLedgerGrows is for the race detector.
func TestManyAskWhileTheLedgerGrows(t *testing.T) {
	r := newRandom(3, 200, false)
	v := projections.NewView()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				v.Read(func(f *projections.Fold) { f.Similar(ofDraft("nb", "Ventil 1"), 5) })
			}
		})
	}
	group.Go(v.Prepare)
	for k := 0; k < len(r.entries); k += 10 {
		v.Apply(r.entries[k:min(k+10, len(r.entries))])
	}
	group.Wait()
}
