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

// TestPropertyOnce: no order of valid events lets a pair score twice.
func TestPropertyOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t, 160, false)
		defer tellFailing(t, r)
		pairsScoreOnce(t, r)
		other := reordered(r, rapid.Permutation(r.entries).Draw(t, "order"))
		defer tellFailing(t, other)
		pairsScoreOnce(t, other)
	})
}

// reordered is a ledger of the same events in another order, as near to the one that is given as the rules of admission
// let it be: what is refused is tried again later. What never comes to be admissible is left out.
func reordered(r *random, order []*ledger.Entry) *random {
	state, entries := ledger.NewState(), []*ledger.Entry{}
	for rest := order; ; {
		var refused []*ledger.Entry
		for _, e := range rest {
			moved := &ledger.Entry{Signed: e.Signed, Index: int64(len(entries)), Bytes: e.Bytes}
			if ledger.Decide(state, &moved.Signed) != nil {
				refused = append(refused, e)
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
	r := newRandom(3, 160, false)
	order := slices.Clone(r.entries)
	slices.Reverse(order)
	other := reordered(r, order)
	same := 0
	for n, e := range other.entries {
		if e.ID == r.entries[n].ID {
			same++
		}
	}
	t.Logf("%d of %d events, %d in their place", len(other.entries), len(r.entries), same)
	if len(other.entries) < len(r.entries)/2 || same > len(r.entries)/4 {
		t.Errorf("got %d of %d events, %d in their place", len(other.entries), len(r.entries), same)
	}
}
