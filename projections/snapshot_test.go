package projections_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spredning/ledger"
	"spredning/ledger/snapshot"
	"spredning/projections"
)

func viewOf(entries []*ledger.Entry) *projections.View {
	v := projections.NewView()
	v.Apply(entries)
	return v
}

func snapshotOf(v *projections.View) []byte {
	var e snapshot.Encoder
	v.EncodeTo(&e)
	return e.Bytes()
}

// What goes on from a snapshot, taken anywhere, is what has folded everything: the
// same memory, and the same answers to readers.
func TestSnapshotAndRest(t *testing.T) {
	ledgers, entries := 4, 1000
	if longForm() {
		ledgers, entries = 40, 3000
	}
	for seed := range ledgers {
		r := newLarge(uint64(100+seed), entries)
		all := viewOf(r.entries)
		want, answers := snapshotOf(all), answersOf(t, all)
		for range 5 {
			at := r.IntN(len(r.entries) + 1)
			part := viewOf(r.entries[:at])
			if at%2 == 0 {
				answersOf(t, part) // fills what is kept for readers, which a snapshot has not
			}
			b := snapshotOf(part)
			rest := projections.NewView()
			if err := rest.Decode(b); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b, snapshotOf(rest)) {
				t.Fatalf("seed %d: the snapshot at %d is read as something else", seed, at)
			}
			rest.Apply(r.entries[at:])
			if !bytes.Equal(want, snapshotOf(rest)) {
				t.Fatalf("seed %d: from the snapshot at %d on the fold is another", seed, at)
			}
			for what, answer := range answersOf(t, rest) {
				if answer != answers[what] {
					t.Fatalf("seed %d, from the snapshot at %d on, %s is\n%.2000s\nnot\n%.2000s", seed, at, what, answer, answers[what])
				}
			}
		}
	}
}

// answersOf asks a view for everything that is read of it, as JSON.
func answersOf(t *testing.T, v *projections.View) map[string]string {
	t.Helper()
	answers := map[string]string{}
	v.Read(func(f *projections.Fold) {
		keep := func(what string, answer any) { answers[what] = inJSON(t, answer) }
		if f.Position == 0 {
			return
		}
		found, _ := f.Innovations(projections.Query{}, -1, 1<<20)
		keep("innovations", found)
		for k, i := range found {
			keep("innovation "+i.ID, i)
			pairs, _ := f.Pairs(i.ID)
			lineage, _ := f.Lineage(i.ID)
			keep("pairs of "+i.ID, pairs)
			keep("lineage of "+i.ID, lineage)
			if k < 5 {
				similar, _ := f.SimilarTo(i.ID, 5)
				keep("similar to "+i.ID, similar)
			}
		}
		for _, o := range f.Organisations() {
			one, _ := f.Organisation(o.Orgnr)
			keep("organisation "+string(o.Orgnr), one)
		}
		for _, year := range f.Years() {
			table, _ := f.Table(year)
			corrections, _ := f.Corrections(year)
			patterns, _ := f.Patterns(year)
			today, _ := f.Today(year)
			open, _ := f.Open(year)
			for what, answer := range map[string]any{"table": table, "corrections": corrections, "patterns": patterns, "today": today, "open": open} {
				keep(fmt.Sprint(what, year), answer)
			}
		}
		rules := plainRules()
		for _, y := range f.Readings().Simulate(&rules, true) {
			keep(fmt.Sprint("simulated ", y.Year), y)
		}
		news, _, _ := f.News(projections.NewsQuery{}, -1, 1<<20)
		for what, answer := range map[string]any{
			"keys": f.Keys(), "rules": f.PublishedRules(), "years": f.ReportingYears(), "disputes": f.Disputes("", 0), "requests": f.Requests(""),
			"news": news, "arrivals": f.Arrivals(100), "hospitals": f.Hospitals(), "figures": f.Figures(), "erased": f.Erased(0), "founding": f.Founding(),
			"log keys": f.LogKeys, "found": f.Find(projections.Search{Query: projections.Query{Words: "digital"}}),
		} {
			keep(what, answer)
		}
	})
	return answers
}

// A half read snapshot leaves a view as it was.
func TestDecodeIsAllOrNothing(t *testing.T) {
	r := newLarge(7, 300)
	b := snapshotOf(viewOf(r.entries))
	v := viewOf(r.entries[:100])
	before := snapshotOf(v)
	for _, n := range []int{0, 1, len(b) / 2, len(b) - 1} {
		if err := v.Decode(b[:n]); err == nil {
			t.Fatalf("%d of %d bytes are read", n, len(b))
		}
	}
	if !bytes.Equal(before, snapshotOf(v)) {
		t.Error("the view has changed")
	}
	if err := v.Decode(b); err != nil || v.Position() != int64(len(r.entries)) {
		t.Errorf("the whole is read as %d entries: %v", v.Position(), err)
	}
}

// A program that makes something else of the same entries must not take up what an
// earlier one has made of them: the form has to change with it.
func TestFormFollowsMeaning(t *testing.T) {
	r := newLarge(7, 1000)
	state := ledger.NewState()
	for _, e := range r.entries {
		ledger.Evolve(state, e)
	}
	state.Keep()
	var e snapshot.Encoder
	e.Encode(state)
	agrees(t, "state.form", fmt.Sprint(ledger.StateVersion, snapshot.Shape(ledger.State{})), e.Bytes(), "ledger.StateVersion")
	v := viewOf(r.entries)
	agrees(t, "fold.form", v.Form(), snapshotOf(v), "projections.FoldVersion")
}

// agrees compares a form, and what a fixed ledger is in it, with what they were.
func agrees(t *testing.T, name, form string, b []byte, version string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	sum := sha256.Sum256(b)
	now := form + "\n" + hex.EncodeToString(sum[:]) + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wasForm, _, _ := strings.Cut(string(before), "\n")
	switch {
	case string(before) == now:
	case form == wasForm:
		t.Errorf("the same entries give something else in the same form: raise %s, then run this test with -update", version)
	default:
		t.Errorf("the form of snapshots is another: run this test with -update, so that the next change is seen")
	}
}
