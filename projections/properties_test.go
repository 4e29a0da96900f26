package projections_test

// What holds of any ledger's points, on ledgers that rapid draws: one that breaks a property shrinks to few events, which
// are told with the failure.

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spredning/ledger"
	tale "spredning/ledger/story"
	"spredning/projections"
)

// dice are a story's chance. They are thrown anew for each act, so that a ledger shrinks by leaving acts out.
type dice struct{ *rand.Rand }

// throw draws what the next act follows from; 0 is no act. (That rapid prefers small numbers does no harm to what follows.)
func (d *dice) throw(t *rapid.T, n int) bool {
	seed := rapid.Uint64().Draw(t, "act")
	d.Rand = rand.New(rand.NewPCG(seed, uint64(n)))
	return seed > 0
}

// drawn draws a ledger of up to so many acts.
func drawn(t *rapid.T, acts int, plain bool) *random {
	d := &dice{}
	d.throw(t, 0)
	c := tale.Config{Origin: worldOrigin, Chance: d, Organisations: 12, Entries: 10 * acts, Hasty: true, Plain: plain}
	s, err := tale.New(c)
	must(nil, err)
	for n := range acts {
		if d.throw(t, 1+n) {
			must(nil, s.Act())
		}
	}
	d.throw(t, 1+acts)
	return reread(s, c)
}

// tellFailing logs a ledger when a property fails, without what all have: who is there.
func tellFailing(t *rapid.T, r *random) {
	if !t.Failed() {
		return
	}
	var told strings.Builder
	for _, e := range r.entries {
		switch e.Data.(type) {
		case *ledger.Founding, *ledger.Registration, *ledger.Enrolment:
		default:
			fmt.Fprintf(&told, "%3d %s\n", e.Index, e.Envelope.Payload)
		}
	}
	t.Logf("the ledger:\n%s", told.String())
}

// TestPropertySums: lines sum to rows, rows to regions and totals.
func TestPropertySums(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t, 140, false)
		defer tellFailing(t, r)
		tablesAddUp(t, r)
	})
}

// TestPropertyOnce: no order of valid events lets a pair score twice, nor a lineage with one adopter where that counts once.
func TestPropertyOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t, 160, false)
		defer tellFailing(t, r)
		pairsScoreOnce(t, r)
		lineagesScoreOnce(t, r)
		other := reordered(r, rapid.Permutation(upTo(len(r.entries))).Draw(t, "order"))
		defer tellFailing(t, other)
		pairsScoreOnce(t, other)
		lineagesScoreOnce(t, other)
	})
}

// lineagesScoreOnce sees that nothing scores in a year whose rules let a lineage score once, if another of its lineage has
// scored with the same adopter in that year or before. Lineages and adopters are read as they are when the year is.
func lineagesScoreOnce(t rapid.TB, r *random) {
	all := tables(r.fold(len(r.entries)))
	for n, table := range all {
		if table.Rules == nil || table.Rules.Lineage != ledger.LineageOnce {
			continue
		}
		f, scored := r.then(table), map[string]int64{} // by which entry
		for _, before := range all[:n] {
			for _, l := range linesOf(before) {
				scored[rootOf(f, l)] = l.Index
			}
		}
		for _, l := range linesOf(table) {
			lineage := rootOf(f, l)
			if entry, again := scored[lineage]; again && entry != l.Index {
				t.Errorf("%d: the lineage and adopter %s score by entries %d and %d", table.Year, lineage, entry, l.Index)
			}
			scored[lineage] = l.Index
		}
	}
}

// rootOf names a line's root innovation and adopter.
func rootOf(f *projections.Fold, l projections.Line) string {
	i := finally(f, l.Innovation)
	for i.DerivedFrom != "" {
		i = finally(f, i.DerivedFrom)
	}
	return i.ID + " " + string(actingFor(f, l.Adopter).Orgnr)
}

// reordered is a ledger of the same events in another order, as near to the one that is given as the rules of admission
// let it be: what is refused is tried again later. What never comes to be admissible is left out.
func reordered(r *random, order []int) *random {
	state, entries := ledger.NewState(), []*ledger.Entry{}
	for rest := order; ; {
		var refused []int
		for _, index := range rest {
			e := r.entries[index]
			moved := &ledger.Entry{Signed: e.Signed, Index: int64(len(entries)), Bytes: e.Bytes}
			if ledger.Decide(state, &moved.Signed) != nil {
				refused = append(refused, index)
				continue
			}
			ledger.Evolve(state, moved)
			entries = append(entries, moved)
		}
		if len(refused) == len(rest) {
			return &random{world: &world{entries: entries}}
		}
		rest = refused
	}
}

// upTo gives the numbers from 0 up to one.
func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// TestPropertyStrikes: a retraction, an upheld dispute or a withdrawal never raises anyone's points, in any year, when the
// rules count each adoption of each branch without limits.
func TestPropertyStrikes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t, 140, true)
		defer tellFailing(t, r)
		for range 3 {
			if len(r.pairs) > 0 {
				strikeRaisesNobody(t, r, pick(r, r.pairs...))
			}
		}
	})
}

// TestPropertyReplay: the same entries give the same bytes of everything, folded at once, parsed anew, or a prefix and
// then the rest with reads between; and a closed year's are the same at every later position.
func TestPropertyReplay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t, 140, false)
		defer tellFailing(t, r)
		replaysAlike(t, r)
		closedStaysClosed(t, r)
	})
}

// TestReordered sees that reordering keeps most of what happens, and changes the order.
func TestReordered(t *testing.T) {
	kept, same, all := 0, 0, 0
	for seed := range uint64(8) {
		r := newRandom(seed, 160, false)
		order := upTo(len(r.entries))
		slices.Reverse(order)
		other := reordered(r, order)
		for n, e := range other.entries {
			if e.ID == r.entries[n].ID {
				same++
			}
		}
		kept, all = kept+len(other.entries), all+len(r.entries)
	}
	t.Logf("%d of %d events, %d in their place", kept, all, same)
	if kept < all/2 || same > all/4 {
		t.Errorf("got %d of %d events, %d in their place", kept, all, same)
	}
}
