package projections_test

import (
	"slices"
	"testing"

	"spredning/projections"
)

// views gives all that is shown beside the catalogue and the tables, as JSON.
func views(t *testing.T, f *projections.Fold) string {
	all := struct {
		Lineages []projections.Lineage
		Patterns []projections.Patterns
		Open     []projections.Open
		Today    []projections.TodaySums
		Disputes []projections.DisputeItem
		Requests []projections.RequestItem
	}{Disputes: f.Disputes("", 0), Requests: f.Requests("")}
	innovations, _ := f.Innovations(projections.Query{}, -1, int(f.Position)+1)
	for _, i := range innovations {
		all.Lineages = append(all.Lineages, lineageOf(t, f, i.ID))
	}
	for _, year := range f.Years() {
		today, _ := f.Today(year)
		all.Patterns, all.Open, all.Today = append(all.Patterns, patternsOf(t, f, year)), append(all.Open, openIn(t, f, year)), append(all.Today, today)
	}
	return inJSON(t, all)
}

// TestViewsReplayAlike sees that the same entries give the same bytes, and that reading changes neither them nor the fold.
func TestViewsReplayAlike(t *testing.T) {
	for seed := range uint64(12) {
		r := newRandom(seed, 160, false)
		f := r.fold(len(r.entries))
		before := everything(t, f)
		want := views(t, f)
		if got := views(t, f); got != want {
			t.Errorf("seed %d, asked again:\n got %s\nwant %s", seed, got, want)
		}
		if everything(t, f) != before {
			t.Errorf("seed %d: reading changed the fold", seed)
		}
		if got := views(t, reparsed(t, r)); got != want {
			t.Errorf("seed %d, parsed anew:\n got %s\nwant %s", seed, got, want)
		}
		grown := projections.NewView()
		for part := range slices.Chunk(r.entries, 1+r.IntN(40)) {
			grown.Apply(part)
			grown.Read(func(f *projections.Fold) { views(t, f) })
		}
		grown.Read(func(f *projections.Fold) {
			if got := views(t, f); got != want {
				t.Errorf("seed %d, in parts:\n got %s\nwant %s", seed, got, want)
			}
		})
	}
}
