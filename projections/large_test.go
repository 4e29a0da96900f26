package projections_test

// Ledgers as they might be after some years, compared with the naive fold. Long forms run with SPREDNING_LONG=1.

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	tale "spredning/ledger/story"
	"spredning/projections"
)

// longForm reports whether there is time for the long forms.
func longForm() bool { return os.Getenv("SPREDNING_LONG") == "1" }

// TestLargeLedgers draws ledgers of 50 organisations and compares every year at their end and at places on the way.
func TestLargeLedgers(t *testing.T) {
	seeds, entries, places := 1, 1000, 3
	if longForm() {
		seeds, entries, places = 5, 5000, 10
	}
	seen := &coverage{counts: map[string]int{}}
	t.Run("", func(t *testing.T) {
		for seed := 1; seed <= seeds; seed++ {
			t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
				t.Parallel()
				r := newLarge(uint64(seed), entries)
				agreeOnTheWay(t, r, places)
				if longForm() {
					seen.watch(r)
				}
			})
		}
	})
	if longForm() {
		for _, what := range wanted {
			if seen.counts[what] == 0 && !strings.HasPrefix(what, "refused ") && !slices.Contains(onlyHasty, what) {
				t.Errorf("never happened: %s", what)
			}
		}
	}
}

// onlyHasty is what is done to hasty ledgers only, or is too rare in others.
var onlyHasty = []string{
	"merged by assessors true", "merged by assessors false", "scored under plain rules", "year without rules", "closed without rules",
	"strikes: adoption.retracted", "strikes: adoption.disputed", "strikes: dispute.decided", "strikes: innovation.withdrawn",
}

// newLarge draws a ledger of 50 organisations, as spredning load does.
func newLarge(seed uint64, entries int) *random {
	return told(tale.Config{Origin: worldOrigin, Seed: seed, Chance: rand.New(rand.NewPCG(seed, 0)), Organisations: 50, Entries: entries})
}

// agreeOnTheWay compares one fold that grows with the naive fold, at random places and at the end.
func agreeOnTheWay(t *testing.T, r *random, places int) {
	stops := map[int]bool{len(r.entries): true}
	for range places {
		stops[1+r.IntN(len(r.entries))] = true
	}
	f := projections.NewFold()
	for n, e := range r.entries {
		if f.Apply(e); stops[n+1] {
			tablesAgreeAt(t, f, r.bytes[:n+1], r.year)
		}
	}
	lines := 0
	for _, table := range tables(f) {
		lines += len(linesOf(table))
	}
	if lines < len(r.entries)/10 {
		t.Errorf("only %d lines of %d entries", lines, len(r.entries))
	}
}
