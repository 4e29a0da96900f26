package projections_test

// Attempts to gain points unduly. Each is told twice on the same small ledger, once with the attempt and once without, and
// what all organisations have got over all years is compared. Where the rules do let somebody gain, the test says how much
// and by which words.

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"spredning/ledger"
)

// The two who sit in the committee, in two regions.
var sitters = []ledger.Orgnr{worldOrgnr(7), worldOrgnr(8)}

// undue is a story with a committee, in which 2025 and 2026 are open.
type undue struct {
	*story
	*testing.T
}

func newUndue(t *testing.T, rules func(*ledger.Rules)) *undue {
	u := &undue{newStory(), t}
	for n, o := range sitters {
		u.register(ledger.Organisation{Orgnr: o, Name: "Committee", Short: "c", Kind: ledger.KindRHF, Region: ledger.Regions[2*n]})
		u.seat(o)
	}
	u.rules(2025, rules)
	u.opens(2025)
	u.opens(2026)
	return u
}

func (u *undue) closes(year int) { must(u.byAuthority(&ledger.YearClosing{Year: year})) }

// merges has all originators merge two innovations.
func (u *undue) merges(i, into *draft) { must(u.merged(i, into, nil)) }

func (u *undue) assesses(i *draft, eligible bool) { must(u.assessed(i, eligible, sitters...)) }

func (u *undue) disputes(i *draft, adopter, by ledger.Orgnr) {
	must(u.disputed(worldDispute{worldPair{i, adopter}, by}))
}

func (u *undue) settles(i *draft, adopter, by ledger.Orgnr) {
	must(u.disputeWithdrawn(worldDispute{worldPair{i, adopter}, by}))
}

func (u *undue) decides(i *draft, adopter ledger.Orgnr, upheld bool) {
	must(u.decided(worldPair{i, adopter}, upheld, sitters...))
}

func (u *undue) succeeds(successor ledger.Orgnr, predecessors ...ledger.Orgnr) {
	must(u.succeed(successor, predecessors...))
}

// refused sees that something is refused, and why.
func (u *undue) refused(want ledger.Code, e *ledger.Entry, err error) {
	u.Helper()
	var refusal *ledger.Refusal
	if !errors.As(err, &refusal) || refusal.Code != want {
		u.Errorf("got %v, want %s", err, want)
	}
}

// confirmation is what an adopter says of an innovation's latest revision.
func confirmation(i *draft, from ledger.Date) *ledger.Confirmation {
	return &ledger.Confirmation{
		Innovation: i.id, Revision: i.leaf, InUseFrom: from, Extent: "hospital", Form: "as_is", Funding: []ledger.Funding{ledger.Own},
	}
}

// cannotConfirm sees that a confirmation is refused.
func (u *undue) cannotConfirm(want ledger.Code, i *draft, adopter ledger.Orgnr, from ledger.Date) {
	u.Helper()
	e, err := u.report(confirmation(i, from), adopter)
	u.refused(want, e, err)
}

// sums are what organisations have got over all years, by those who act for them now.
func (u *undue) sums() map[ledger.Orgnr]ledger.Milli {
	f, sums := u.now(), map[ledger.Orgnr]ledger.Milli{}
	for _, table := range tables(f) {
		for _, row := range table.Rows {
			sums[actingFor(f, row.Orgnr).Orgnr] += row.Total
		}
	}
	return sums
}

func total(sums map[ledger.Orgnr]ledger.Milli) (all ledger.Milli) {
	for _, points := range sums {
		all += points
	}
	return all
}

// by gives the sums to those who act for the organisations in the end.
func (u *undue) by(sums map[ledger.Orgnr]ledger.Milli) map[ledger.Orgnr]ledger.Milli {
	moved := map[ledger.Orgnr]ledger.Milli{}
	for o, points := range sums {
		moved[u.heir(o)] += points
	}
	return moved
}

// attempt tells what went before, and gives what comes instead of the attempt (nil: nothing), and the attempt.
type attempt struct {
	name  string
	rules func(*ledger.Rules)
	tell  func(u *undue) (fair, try func())
}

// run tells both and gives what they come to.
func (a attempt) run(t *testing.T) (fair, tried map[ledger.Orgnr]ledger.Milli) {
	one, other := newUndue(t, a.rules), newUndue(t, a.rules)
	if honest, _ := a.tell(one); honest != nil {
		honest()
	}
	_, try := a.tell(other)
	before := frozen(t, other)
	try()
	after := frozen(t, other)
	for year, table := range before {
		if after[year] != table {
			t.Errorf("the closed table of %d changed:\n from %s\n to %s", year, table, after[year])
		}
	}
	return other.by(one.sums()), other.sums()
}

// frozen gives the closed tables.
func frozen(t *testing.T, u *undue) map[int]string {
	closed := map[int]string{}
	for _, table := range tables(u.now()) {
		if table.Status == "closed" {
			closed[table.Year] = inJSON(t, table)
		}
	}
	return closed
}

func once(r *ledger.Rules)    { r.Lineage = ledger.LineageOnce }
func project(r *ledger.Rules) { r.Basis = ledger.BasisProject }

func both(changes ...func(*ledger.Rules)) func(*ledger.Rules) {
	return func(r *ledger.Rules) {
		for _, change := range changes {
			change(r)
		}
	}
}

func oneEach(r *ledger.Rules)  { r.MaxPerOriginatorAdopter = new(1) }
func oneAYear(r *ledger.Rules) { r.MaxAdoptionsPerInnovation = new(1) }

func external(d *ledger.Innovation) { d.Funding = []ledger.Funding{"eu"} }
func own(d *ledger.Innovation)      { d.Funding = []ledger.Funding{ledger.Own} }

func branchOf(parent *draft) func(*ledger.Innovation) {
	return func(d *ledger.Innovation) { d.DerivedFrom = parent.id }
}

func madeBy(makers ...ledger.Orgnr) func(*ledger.Innovation) {
	return func(d *ledger.Innovation) { d.Originators = even(makers...) }
}

// inVain are attempts after which nobody has more than without them, nor all together.
var inVain = []attempt{
	{"merging two that have scored with the same adopter", nil, func(u *undue) (fair, try func()) {
		a, b := u.publishes(nil, maker), u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		u.confirms(b, north, "2026-02-01")
		return nil, func() { u.merges(a, b) }
	}},
	{"merging one that scored in a closed year with one that scores in an open one", nil, func(u *undue) (fair, try func()) {
		a, b := u.publishes(nil, maker), u.publishes(nil, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		u.confirms(b, north, "2026-02-01")
		return nil, func() { u.merges(b, a) }
	}},
	{"merging two that scored in closed years", nil, func(u *undue) (fair, try func()) {
		a, b := u.publishes(nil, maker), u.publishes(nil, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		u.confirms(b, north, "2026-02-01")
		u.closes(2026)
		u.opens(2027)
		return nil, func() {
			u.merges(a, b)
			u.retracts(b, north)
			u.confirms(b, north, "2027-02-01")
		}
	}},
	{"merging what is not eligible into what is", nil, func(u *undue) (fair, try func()) {
		a, b := u.publishes(external, maker), u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		u.confirms(b, middle, "2026-02-01")
		return nil, func() { u.merges(a, b) }
	}},
	{"merging what is not eligible in two steps", nil, func(u *undue) (fair, try func()) {
		a, b, c := u.publishes(external, maker), u.publishes(nil, maker), u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		return nil, func() {
			u.merges(a, b)
			u.merges(b, c)
		}
	}},
	{"merging what is eligible into what is assessed not to be", nil, func(u *undue) (fair, try func()) {
		a, b := u.publishes(nil, maker), u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		u.assesses(b, false)
		return nil, func() { u.merges(b, a) }
	}},
	{"merging to carry a closed year's pairs into an open one", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(external, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		return nil, func() {
			b := u.publishes(nil, maker)
			u.revises(a, own)
			u.merges(a, b)
		}
	}},
	{"merging into a new one so that the project scores anew", project, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		return func() { u.confirms(a, middle, "2026-02-01") }, func() {
			b := u.publishes(nil, maker)
			u.merges(a, b)
			u.confirms(b, middle, "2026-02-01")
		}
	}},
	{"merging the root of a lineage into another, and adopting the branch", once, func(u *undue) (fair, try func()) {
		root := u.publishes(nil, maker)
		branch := u.publishes(branchOf(root), maker)
		u.confirms(root, north, "2025-02-01")
		u.closes(2025)
		return nil, func() {
			u.merges(root, u.publishes(nil, maker))
			u.confirms(branch, north, "2026-02-01")
		}
	}},
	{"merging one struck with one that the committee let stand", nil, func(u *undue) (fair, try func()) {
		a, b := u.publishes(nil, maker), u.publishes(nil, maker)
		for _, i := range []*draft{a, b} {
			u.confirms(i, north, "2026-02-01")
			u.disputes(i, north, middle)
			u.decides(i, north, i == a)
		}
		return nil, func() { u.merges(a, b) }
	}},
	{"merging one that scored in a closed year, and having the other assessed", nil, func(u *undue) (fair, try func()) {
		a, b := u.publishes(nil, maker), u.publishes(external, maker)
		u.confirms(a, north, "2025-02-01")
		u.confirms(b, north, "2025-02-01")
		u.closes(2025)
		return nil, func() {
			u.merges(a, b)
			u.assesses(b, true)
		}
	}},
	{"merging one struck with one that is not adopted", nil, func(u *undue) (fair, try func()) {
		a, b := u.publishes(nil, maker), u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		u.disputes(a, north, middle)
		u.decides(a, north, true)
		return nil, func() {
			u.merges(a, b)
			u.cannotConfirm(ledger.AlreadyExists, b, north, "2026-03-01")
			u.retracts(b, north)
			u.cannotConfirm(ledger.WrongState, b, north, "2026-03-01")
		}
	}},
	{"splitting a branch off, in an open year", once, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		return nil, func() { u.confirms(u.publishes(branchOf(a), maker), north, "2026-03-01") }
	}},
	{"splitting a branch off, after the year", both(once, project), func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		return func() { u.confirms(a, middle, "2026-03-01") }, func() {
			branch := u.publishes(branchOf(a), maker)
			u.confirms(branch, north, "2026-03-01")
			u.confirms(branch, middle, "2026-03-01")
		}
	}},
	{"withdrawing and publishing again under lineage once", once, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		return nil, func() {
			u.withdraws(a)
			u.confirms(u.publishes(branchOf(a), maker), north, "2026-03-01")
		}
	}},
	{"withdrawing after the year and publishing again under lineage once", once, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		return nil, func() {
			u.withdraws(a)
			u.confirms(u.publishes(branchOf(a), maker), north, "2026-03-01")
		}
	}},
	{"retracting and confirming again", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2025-02-01")
		return nil, func() {
			u.retracts(a, north)
			u.confirms(a, north, "2026-02-01")
		}
	}},
	{"retracting and confirming again what scored in a closed year", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		return nil, func() {
			u.retracts(a, north)
			u.confirms(a, north, "2026-02-01")
		}
	}},
	{"retracting and confirming again while a dispute is open", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		u.disputes(a, north, middle)
		return nil, func() {
			u.retracts(a, north)
			u.cannotConfirm(ledger.UnderDispute, a, north, "2026-03-01")
		}
	}},
	{"confirming again when the dispute is withdrawn", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		return nil, func() {
			u.disputes(a, north, middle)
			u.retracts(a, north)
			u.settles(a, north, middle)
			u.confirms(a, north, "2026-03-01")
		}
	}},
	{"retracting and confirming again what was struck", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		u.disputes(a, north, middle)
		u.decides(a, north, true)
		return nil, func() {
			u.retracts(a, north)
			u.cannotConfirm(ledger.WrongState, a, north, "2026-03-01")
		}
	}},
	{"withdrawing one's own dispute while another's is open", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		u.disputes(a, north, middle)
		u.disputes(a, north, maker)
		return nil, func() { u.settles(a, north, maker) }
	}},
	{"withdrawing a dispute once the year has closed", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2025-02-01")
		u.disputes(a, north, middle)
		u.closes(2025)
		return nil, func() { u.settles(a, north, middle) }
	}},
	{"ending and confirming again with a later day, what closed without counting", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(external, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		return nil, func() {
			u.revises(a, own)
			must(u.report(&ledger.Ending{Innovation: a.id, EndedOn: "2026-01-01", Reason: worldText("En bedre kom.")}, north))
			u.confirms(a, north, "2026-02-01")
		}
	}},
	{"ending and confirming again with a later day, what is history", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2024-12-31")
		return nil, func() {
			must(u.report(&ledger.Ending{Innovation: a.id, EndedOn: "2025-01-01", Reason: worldText("En bedre kom.")}, north))
			u.confirms(a, north, "2025-02-01")
		}
	}},
	{"becoming an originator of what one has adopted", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		return nil, func() { u.revises(a, madeBy(maker, north)) }
	}},
	{"becoming an originator when the adoption has scored in a closed year", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		return nil, func() {
			u.revises(a, madeBy(maker, north))
			u.cannotConfirm(ledger.AlreadyExists, a, north, "2026-02-01")
			u.retracts(a, north)
			u.cannotConfirm(ledger.OwnInnovation, a, north, "2026-02-01")
		}
	}},
	{"ceasing to be an originator, and adopting", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker, north)
		u.confirms(a, middle, "2026-02-01")
		return func() { u.revises(a, madeBy(maker)) }, func() {
			u.revises(a, madeBy(maker))
			u.cannotConfirm(ledger.OwnInnovation, a, north, "2026-02-01")
			u.cannotConfirm(ledger.OwnInnovation, u.mergedInto(a, maker), north, "2026-02-01")
		}
	}},
	{"adopting one's predecessor's innovation", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.succeeds(north, maker)
		return nil, func() { u.cannotConfirm(ledger.OwnInnovation, a, north, "2026-02-01") }
	}},
	{"revising the funding after the year has closed", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(external, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		return nil, func() { u.revises(a, own) }
	}},
	{"revising what made it a regional initiative after the year has closed", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(func(d *ledger.Innovation) { d.RegionalInitiative = new(true) }, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		return nil, func() { u.revises(a, func(d *ledger.Innovation) { d.RegionalInitiative = new(false) }) }
	}},
	{"merging two adopters", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		u.confirms(a, middle, "2026-02-01")
		return nil, func() { u.succeeds(north, middle) }
	}},
	{"merging two adopters when one has scored in a closed year", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		u.confirms(a, middle, "2026-02-01")
		return nil, func() { u.succeeds(nowhere, north, middle) }
	}},
	{"confirming as the successor what the predecessor has confirmed", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		return nil, func() {
			u.succeeds(middle, north)
			u.cannotConfirm(ledger.AlreadyExists, a, middle, "2026-02-01")
			u.retracts(a, middle)
			u.confirms(a, middle, "2026-02-01")
		}
	}},
	{"confirming as the last of a row of successors", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		return nil, func() {
			u.succeeds(nowhere, middle)
			u.succeeds(middle, north)
			u.retracts(a, nowhere)
			u.confirms(a, nowhere, "2026-02-01")
		}
	}},
	{"merging an adopter with the originator", nil, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		return nil, func() { u.succeeds(north, maker) }
	}},
	{"merging originators so that the project scores anew", project, func(u *undue) (fair, try func()) {
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2025-02-01")
		u.closes(2025)
		return func() { u.confirms(a, middle, "2026-02-01") }, func() {
			u.succeeds(partner, maker)
			u.confirms(a, middle, "2026-02-01")
			u.revises(a, madeBy(partner))
		}
	}},
	{"merging originators under a limit for each", oneEach, func(u *undue) (fair, try func()) {
		for _, by := range []ledger.Orgnr{maker, partner} {
			u.confirms(u.publishes(nil, by), north, "2026-02-01")
		}
		return nil, func() { u.succeeds(partner, maker) }
	}},
	{"another originator beside the one whose limit is reached", oneEach, func(u *undue) (fair, try func()) {
		u.confirms(u.publishes(nil, maker), north, "2026-02-01")
		a := u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		return nil, func() { u.revises(a, madeBy(maker, partner)) }
	}},
	{"merging two under a limit for each innovation", oneAYear, func(u *undue) (fair, try func()) {
		a, b := u.publishes(nil, maker), u.publishes(nil, maker)
		u.confirms(a, north, "2026-02-01")
		u.confirms(b, middle, "2026-02-01")
		return nil, func() { u.merges(a, b) }
	}},
}

// mergedInto publishes an innovation and merges another into it.
func (u *undue) mergedInto(i *draft, makers ...ledger.Orgnr) *draft {
	into := u.publishes(nil, makers...)
	u.merges(i, into)
	return into
}

// TestUndueInVain tries what gains nothing.
func TestUndueInVain(t *testing.T) {
	for _, a := range inVain {
		t.Run(a.name, func(t *testing.T) {
			fair, tried := a.run(t)
			for _, o := range slices.Sorted(maps.Keys(tried)) {
				if tried[o] > fair[o] {
					t.Errorf("%s has %s with the attempt, %s without", o, tried[o], fair[o])
				}
			}
			if total(tried) > total(fair) {
				t.Errorf("all have %s with the attempt, %s without", total(tried), total(fair))
			}
		})
	}
}

// TestUndueMovesOnly has points change hands with the consent of all who lose and gain; there are no more of them.
func TestUndueMovesOnly(t *testing.T) {
	for _, a := range []attempt{
		{"becoming an originator of what others adopt", nil, func(u *undue) (fair, try func()) {
			a := u.publishes(nil, maker)
			u.confirms(a, middle, "2026-02-01")
			return nil, func() { u.revises(a, madeBy(maker, north)) }
		}},
		{"merging into another's", nil, func(u *undue) (fair, try func()) {
			a, b := u.publishes(nil, maker), u.publishes(nil, partner)
			u.confirms(a, middle, "2026-02-01")
			return nil, func() { u.merges(a, b) }
		}},
	} {
		t.Run(a.name, func(t *testing.T) {
			if fair, tried := a.run(t); total(tried) != total(fair) || maps.Equal(fair, tried) {
				t.Errorf("got %v with the attempt, %v without", tried, fair)
			}
		})
	}
}

// TestUndueAllowed documents what the rules let happen: how much more there is with it than without, and why. Each leaves
// signed entries behind, so that everybody sees it; a committee can decide or assess otherwise.
func TestUndueAllowed(t *testing.T) {
	const each = 1250 // an adoption in another region
	for _, c := range []struct {
		attempt
		gain ledger.Milli
	}{
		// A pair's settled entry is its latest confirmation's, and a retraction makes room for a new one: "what closed
		// without counting stays so, unless something was confirmed or decided since".
		{attempt{"revising the funding after the year, and confirming anew", nil, func(u *undue) (fair, try func()) {
			a := u.publishes(external, maker)
			u.confirms(a, north, "2025-02-01")
			u.closes(2025)
			return nil, func() {
				u.revises(a, own)
				u.retracts(a, north)
				u.confirms(a, north, "2025-02-01")
			}
		}}, each},
		{attempt{"confirming anew what a limit kept out of a closed year", oneAYear, func(u *undue) (fair, try func()) {
			a := u.publishes(nil, maker)
			u.confirms(a, north, "2025-02-01")
			u.confirms(a, middle, "2025-02-01")
			u.closes(2025)
			return nil, func() {
				u.retracts(a, middle)
				u.confirms(a, middle, "2025-02-01")
			}
		}}, each},
		// The adopter alone says when its use began, and a retraction says that it was wrong before.
		{attempt{"retracting, and confirming with a day that is no history", nil, func(u *undue) (fair, try func()) {
			a := u.publishes(nil, maker)
			u.confirms(a, north, "2024-12-31")
			return nil, func() {
				u.retracts(a, north)
				u.confirms(a, north, "2025-01-01")
			}
		}}, each},
		// The settled entry takes in the assessments of all that are merged together, whatever they said.
		{attempt{"merging into one that was assessed after the year", nil, func(u *undue) (fair, try func()) {
			a, b := u.publishes(external, maker), u.publishes(nil, maker)
			u.confirms(a, north, "2025-02-01")
			u.closes(2025)
			u.assesses(b, true)
			return nil, func() {
				u.revises(a, own)
				u.merges(a, b)
			}
		}}, each},
		// An assessment "ends for good" with the funding, also when that is soon what it was.
		{attempt{"revising away what the committee said, by a detour", nil, func(u *undue) (fair, try func()) {
			a := u.publishes(nil, maker)
			u.confirms(a, north, "2026-02-01")
			u.assesses(a, false)
			return nil, func() {
				u.revises(a, external)
				u.revises(a, own)
			}
		}}, each},
		// Lineages are read as they are now, and a revision may say that an innovation is derived from nothing.
		{attempt{"cutting a branch off by a revision, under lineage once", once, func(u *undue) (fair, try func()) {
			a := u.publishes(nil, maker)
			branch := u.publishes(branchOf(a), maker)
			u.confirms(a, north, "2025-02-01")
			u.closes(2025)
			u.confirms(branch, north, "2026-02-01")
			return nil, func() { u.revises(branch, func(d *ledger.Innovation) { d.DerivedFrom = "" }) }
		}}, each},
		{attempt{"publishing again as if it were new, under lineage once", once, func(u *undue) (fair, try func()) {
			a := u.publishes(nil, maker)
			u.confirms(a, north, "2025-02-01")
			u.closes(2025)
			return nil, func() {
				u.withdraws(a)
				u.confirms(u.publishes(nil, maker), north, "2026-02-01")
			}
		}}, each},
		// Basis project remembers who has got a line, not that somebody has.
		{attempt{"passing a project on to another originator", project, func(u *undue) (fair, try func()) {
			a := u.publishes(nil, maker)
			u.confirms(a, north, "2025-02-01")
			u.closes(2025)
			u.confirms(a, middle, "2026-02-01")
			return nil, func() { u.revises(a, madeBy(partner)) }
		}}, 1000},
		// Reach and shares are of the originators as they are now.
		{attempt{"passing on to an originator farther away", nil, func(u *undue) (fair, try func()) {
			a := u.publishes(nil, maker)
			u.confirms(a, partner, "2026-02-01")
			return nil, func() { u.revises(a, madeBy(middle)) }
		}}, each - 750},
		{attempt{"passing on the share that lapses", nil, func(u *undue) (fair, try func()) {
			a := u.publishes(nil, maker, outside)
			u.confirms(a, middle, "2026-02-01")
			return nil, func() { u.revises(a, madeBy(maker)) }
		}}, 500},
		// A limit is of the originators as they are now.
		{attempt{"leaving to the other what one's own limit keeps out", oneEach, func(u *undue) (fair, try func()) {
			u.confirms(u.publishes(nil, maker), north, "2026-02-01")
			a := u.publishes(nil, maker, partner)
			u.confirms(a, north, "2026-02-01")
			return nil, func() { u.revises(a, madeBy(partner)) }
		}}, each},
	} {
		t.Run(c.name, func(t *testing.T) {
			if fair, tried := c.run(t); total(tried)-total(fair) != c.gain {
				t.Errorf("all have %s with it, %s without, want %s more", total(tried), total(fair), c.gain)
			}
		})
	}
}

// TestUndueDuplicates has the same adoption score twice, since nobody knew in time: closed years keep it, and it is no
// correction either, for the pair that the two have become passes all conditions.
func TestUndueDuplicates(t *testing.T) {
	u := newUndue(t, nil)
	a, b := u.publishes(nil, maker), u.publishes(nil, maker)
	first := u.confirms(a, north, "2025-02-01")
	second := u.confirms(b, north, "2025-03-01")
	u.closes(2025)
	must(u.merged(a, b, sitters))
	u.wantLines(t, 2025,
		line{first, maker, "originator other_region", 1000}, line{first, north, "adopter other_region", 250},
		line{second, maker, "originator other_region", 1000}, line{second, north, "adopter other_region", 250})
	if c, ok := u.now().Corrections(2025); !ok || len(c.Lines) != 0 || c.Total != 0 {
		t.Errorf("corrections: got %+v, %t", c, ok)
	}
	u.retracts(b, north)
	if c, _ := u.now().Corrections(2025); len(c.Lines) != 4 || c.Total != 2500 {
		t.Errorf("corrections of a retracted one: got %+v", c)
	}
}

// TestUndueWithdrawn withdraws after the year what has scored, and publishes it again where each branch scores: what it
// gains is what the correction of the closed year takes away.
func TestUndueWithdrawn(t *testing.T) {
	u := newUndue(t, nil)
	a := u.publishes(nil, maker)
	u.confirms(a, north, "2025-02-01")
	u.closes(2025)
	before := total(u.sums())
	u.withdraws(a)
	u.confirms(u.publishes(branchOf(a), maker), north, "2026-02-01")
	c, _ := u.now().Corrections(2025)
	if gain := total(u.sums()) - before; gain != 1250 || c.Total != gain {
		t.Errorf("got %s more and a correction of %s, want 1.25 both", gain, c.Total)
	}
}

// TestUndueAlone lets one of two originators act alone.
func TestUndueAlone(t *testing.T) {
	u := newUndue(t, nil)
	a, b := u.publishes(nil, maker, partner), u.publishes(nil, maker)
	u.confirms(a, north, "2026-02-01")
	before := inJSON(t, tables(u.now()))
	next := a.Innovation
	next.Originators = even(maker)
	for _, d := range []ledger.Data{
		&ledger.Revision{Of: a.id, Innovation: next},
		&ledger.Withdrawal{Innovation: a.id, Reason: worldText("Den svarte ikke.")},
		&ledger.Merger{Innovation: a.id, Into: b.id, Reason: worldText("Den er den samme.")},
		&ledger.Merger{Innovation: b.id, Into: a.id, Reason: worldText("Den er den samme.")},
	} {
		e, err := u.report(d, maker)
		u.refused(ledger.MissingSignature, e, err)
	}
	next.Originators = even(north, maker) // drops the partner, takes in another
	e, err := u.report(&ledger.Revision{Of: a.id, Innovation: next}, maker, north)
	u.refused(ledger.MissingSignature, e, err)
	u.stay(before)
}

// stay sees that no table has changed.
func (u *undue) stay(before string) {
	u.Helper()
	if got := inJSON(u.T, tables(u.now())); got != before {
		u.Errorf("the tables changed:\n from %s\n to %s", before, got)
	}
}

// TestUndueJudges lets parties, and assessors of one region, sit in the committee.
func TestUndueJudges(t *testing.T) {
	u := newUndue(t, nil)
	for _, o := range []ledger.Orgnr{maker, partner, north, middle, outside} {
		u.seat(o)
	}
	a := u.publishes(external, maker)
	u.confirms(a, north, "2026-02-01")
	u.disputes(a, north, middle)
	for _, by := range [][]ledger.Orgnr{{maker, sitters[0]}, {sitters[0], maker}} {
		e, err := u.assessed(a, true, by...)
		u.refused(ledger.NotAuthorised, e, err)
	}
	for _, by := range [][]ledger.Orgnr{{maker, sitters[0]}, {north, sitters[0]}, {sitters[0], middle}} {
		e, err := u.decided(worldPair{a, north}, false, by...)
		u.refused(ledger.NotAuthorised, e, err)
	}
	e, err := u.assessed(a, true, partner)
	u.refused(ledger.MissingSignature, e, err)
	u.succeeds(partner, maker) // a party's successor is a party
	e, err = u.assessed(a, true, partner, sitters[0])
	u.refused(ledger.NotAuthorised, e, err)
	u.wantLines(t, 2026)
}

// TestUndueThroughPredecessor confirms the same pair a second time as one that has been succeeded.
func TestUndueThroughPredecessor(t *testing.T) {
	u := newUndue(t, nil)
	a := u.publishes(nil, maker)
	first := u.confirms(a, north, "2026-02-01")
	u.succeeds(middle, north)
	before := inJSON(t, tables(u.now()))
	again := confirmation(a, "2026-02-01")
	e, err := u.say(north, again, u.reporters[north])
	u.refused(ledger.RevokedKey, e, err)
	e, err = u.say(north, again, u.reporters[middle])
	u.refused(ledger.NotAuthorised, e, err)
	e, err = u.say(middle, again, u.reporters[north])
	u.refused(ledger.RevokedKey, e, err)
	e, err = u.report(again, middle)
	u.refused(ledger.AlreadyExists, e, err)
	u.stay(before)
	u.wantLines(t, 2026, line{first, maker, "originator other_region", 1000}, line{first, north, "adopter other_region", 250})
}

// TestUndueThroughDuplicate confirms the same pair a second time through an innovation that is merged with it.
func TestUndueThroughDuplicate(t *testing.T) {
	u := newUndue(t, nil)
	a, b := u.publishes(nil, maker), u.publishes(nil, maker)
	u.confirms(a, north, "2026-02-01")
	u.merges(a, b)
	before := inJSON(t, tables(u.now()))
	u.cannotConfirm(ledger.AlreadyExists, a, north, "2026-02-01")
	u.cannotConfirm(ledger.AlreadyExists, b, north, "2026-02-01")
	u.cannotConfirm(ledger.WrongState, a, middle, "2026-02-01") // it is merged: b is confirmed
	u.stay(before)
	if table, _ := u.now().Table(2026); table.Total != 1250 || len(linesOf(table)) != 2 {
		t.Errorf("got %+v", table)
	}
}
