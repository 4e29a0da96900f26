package projections_test

// The tree of branches that an innovation stands in.

import (
	"fmt"
	"slices"
	"testing"

	"github.com/oklog/ulid/v2"

	"spredning/ledger"
	"spredning/projections"
)

// lineageOf gives an innovation's lineage, which must be there.
func lineageOf(t *testing.T, f *projections.Fold, id string) projections.Lineage {
	t.Helper()
	l, ok := f.Lineage(id)
	if !ok {
		t.Fatalf("%s has no lineage", id)
	}
	return l
}

// outline writes a tree as id(absorbed)[branches], in short names.
func outline(b *projections.Branch, names map[string]string) string {
	s := names[b.Innovation]
	for _, a := range b.Absorbed {
		s += "(" + names[a.Innovation] + ")"
	}
	if b.MoreAbsorbed > 0 {
		s += fmt.Sprintf("(+%d)", b.MoreAbsorbed)
	}
	for _, next := range b.Branches {
		s += "[" + outline(next, names) + "]"
	}
	if b.More > 0 {
		s += fmt.Sprintf("[+%d]", b.More)
	}
	return s
}

func TestLineage(t *testing.T) {
	u := newUndue(t, nil)
	root := u.publishes(nil, maker)
	one := u.publishes(branchOf(root), partner)
	two := u.publishes(branchOf(root), maker, middle)
	leaf := u.publishes(branchOf(one), maker)
	twin := u.publishes(nil, maker)
	ofTwin := u.publishes(branchOf(twin), maker)
	lone := u.publishes(nil, maker)
	u.confirms(one, north, "2026-02-01")
	u.confirms(one, middle, "2026-02-01")
	u.retracts(one, middle)
	names := map[string]string{root.id: "root", one.id: "one", two.id: "two", leaf.id: "leaf", twin.id: "twin", ofTwin.id: "ofTwin", lone.id: "lone"}

	told := func(i *draft, tree string, path ...*draft) {
		t.Helper()
		l := lineageOf(t, u.now(), i.id)
		var ids []string
		for _, p := range path {
			ids = append(ids, p.id)
		}
		if got := outline(l.Tree, names); got != tree || !slices.Equal(l.Path, ids) || l.Root != ids[0] || l.Innovation != i.id || l.Above != 0 {
			t.Errorf("%s: got %s, path %v of root %s; want %s, path %v", names[i.id], got, l.Path, l.Root, tree, ids)
		}
	}
	told(leaf, "root[one[leaf]][two]", root, one, leaf)
	told(two, "root[one[leaf]][two]", root, two)
	told(twin, "twin[ofTwin]", twin)
	told(lone, "lone", lone)

	node := lineageOf(t, u.now(), leaf.id).Tree.Branches[0]
	if node.Adopters != 1 || node.Status != "published" || node.InUseSince != "2024-03-01" || node.Title.In("nb") != one.Title.In("nb") ||
		len(node.Originators) != 1 || node.Originators[0] != (projections.Named{Orgnr: partner, Name: "Hospital 2"}) {
		t.Errorf("got %+v", node)
	}

	// What is merged stands where it was merged, and its branches are branches there.
	u.merges(twin, one)
	told(ofTwin, "root[one(twin)[leaf][ofTwin]][two]", root, one, ofTwin)
	told(twin, "root[one(twin)[leaf][ofTwin]][two]", root, one)
	// A merged one's own origin counts no more; withdrawn ones stay.
	u.merges(two, lone)
	u.withdraws(leaf)
	told(root, "root[one(twin)[leaf][ofTwin]]", root)
	told(two, "lone(two)", lone)
	if l := lineageOf(t, u.now(), leaf.id); l.Tree.Branches[0].Branches[0].Status != "withdrawn" {
		t.Errorf("got %+v", l.Tree.Branches[0].Branches[0])
	}
	absorbed := lineageOf(t, u.now(), two.id).Tree.Absorbed[0]
	if e := u.entries[absorbed.Merged]; e.Type != ledger.InnovationMerged || absorbed.Innovation != two.id || len(absorbed.Originators) != 2 {
		t.Errorf("got %+v, %s", absorbed, e.Type)
	}
	// A branch that drops its origin is a root.
	u.revises(ofTwin, func(d *ledger.Innovation) { d.DerivedFrom = "" })
	told(ofTwin, "ofTwin", ofTwin)

	if l, ok := u.now().Lineage("01JQ5T3M8R4W6Y2Z0A1B2C3D4E"); ok {
		t.Errorf("got %+v of an innovation that is not there", l)
	}
}

// forest grows innovations past the committer: as many as a lineage needs to be cut.
type forest struct {
	*projections.Fold
	ids []string
}

func newForest() *forest { return &forest{Fold: newStory().now()} }

// plant publishes an innovation that is derived from another (-1: none) and gives its place.
func (f *forest) plant(from int) int {
	d := ledger.Innovation{
		Title: worldText("Ventil"), Summary: worldText("Den varsler selv."), Kind: "product", Originators: even(maker),
		Funding: []ledger.Funding{ledger.Own}, RegionalInitiative: new(false), InUseSince: "2024-03-01",
	}
	if from >= 0 {
		d.DerivedFrom = f.ids[from]
	}
	var id ulid.ULID
	must(nil, id.SetTime(uint64(1_800_000_000_000+len(f.ids))))
	f.ids = append(f.ids, id.String())
	f.apply(ledger.Event{ID: id, By: maker, Data: &ledger.Publication{Innovation: d}})
	return len(f.ids) - 1
}

func (f *forest) merge(i, into int) {
	f.apply(ledger.Event{By: maker, Data: &ledger.Merger{Innovation: f.ids[i], Into: f.ids[into], Reason: worldText("Den er den samme.")}})
}

func (f *forest) apply(e ledger.Event) {
	f.Apply(&ledger.Entry{Signed: ledger.Signed{Event: e}, Index: f.Position})
}

// measure walks a tree and gives how many innovations it shows, on how many levels, and how many are left out of it.
func measure(b *projections.Branch) (shown, levels, more int) {
	shown, levels, more = 1+len(b.Absorbed), 1, b.More+b.MoreAbsorbed
	for _, next := range b.Branches {
		s, l, m := measure(next)
		shown, levels, more = shown+s, max(levels, l+1), more+m
	}
	return shown, levels, more
}

// end walks along the path to its last node.
func end(t *testing.T, l projections.Lineage) *projections.Branch {
	t.Helper()
	b := l.Tree
	for k, id := range l.Path {
		if k > 0 {
			at := slices.IndexFunc(b.Branches, func(next *projections.Branch) bool { return next.Innovation == id })
			if at < 0 {
				t.Fatalf("the tree has not step %d of its path", k)
			}
			b = b.Branches[at]
		}
		if b.Innovation != id {
			t.Fatalf("step %d of the path is %s, the tree has %s", k, id, b.Innovation)
		}
	}
	return b
}

// TestDeepLineage cuts a chain: what is asked for stays in sight, with what is above and below it.
func TestDeepLineage(t *testing.T) {
	f := newForest()
	for n := range 20_000 {
		f.plant(n - 1)
	}
	for _, c := range []struct{ at, above, levels, more int }{
		{0, 0, 100, 1}, {30, 0, 100, 1}, {49, 0, 100, 1}, {50, 1, 100, 1}, {10_000, 9951, 100, 1}, {19_999, 19_950, 50, 0},
	} {
		l := lineageOf(t, f.Fold, f.ids[c.at])
		shown, levels, more := measure(l.Tree)
		if l.Root != f.ids[0] || l.Above != c.above || levels != c.levels || shown != levels || more != c.more {
			t.Errorf("%d: root %s, %d above, %d shown on %d levels, %d more; want %+v", c.at, l.Root, l.Above, shown, levels, more, c)
		}
		if b := end(t, l); b.Innovation != f.ids[c.at] || len(l.Path) != min(c.at+1, 50) || l.Path[0] != f.ids[c.above] {
			t.Errorf("%d: the path of %d ends at %s", c.at, len(l.Path), b.Innovation)
		}
	}
}

// TestWideLineage cuts a tree that is wide at each of its levels, and one that many were merged into.
func TestWideLineage(t *testing.T) {
	f := newForest()
	root := f.plant(-1)
	var last int
	for range 1500 {
		last = f.plant(root)
	}
	var leaves []int
	for range 300 {
		leaves = append(leaves, f.plant(last))
	}
	l := lineageOf(t, f.Fold, f.ids[leaves[299]])
	if shown, levels, more := measure(l.Tree); shown != 1000 || levels != 3 || more != 1800+1-1000 {
		t.Errorf("%d shown on %d levels, %d more", shown, levels, more)
	}
	if b := end(t, l); b.Innovation != f.ids[leaves[299]] || len(l.Path) != 3 {
		t.Errorf("the path ends at %s", b.Innovation)
	}
	if siblings := l.Tree.Branches[len(l.Tree.Branches)-1]; siblings.Innovation != f.ids[last] || len(siblings.Branches) != 300 {
		t.Errorf("the nearest are not there: %d of 300 siblings", len(siblings.Branches))
	}
	for k, b := range l.Tree.Branches[:len(l.Tree.Branches)-1] {
		if b.Innovation != f.ids[1+k] {
			t.Fatalf("branch %d is %s, want the earliest", k, b.Innovation)
		}
	}

	for _, n := range leaves {
		f.merge(n, root)
	}
	for n := 1; n < last; n++ {
		f.merge(n, root)
	}
	l = lineageOf(t, f.Fold, f.ids[last-1])
	shown, _, more := measure(l.Tree)
	if shown != 1000 || shown+more != 1801 {
		t.Errorf("%d shown, %d more", shown, more)
	}
	if !slices.ContainsFunc(l.Tree.Absorbed, func(a projections.Absorption) bool { return a.Innovation == f.ids[last-1] }) || len(l.Path) != 1 {
		t.Errorf("the merged one that was asked for is not there; path %v", l.Path)
	}
}

// TestRandomLineages holds the trees of random ledgers against what the naive fold says of roots and mergers.
func TestRandomLineages(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(40) {
		r := newRandom(seed, 160, false)
		now, f := naiveRead(r.bytes), r.fold(len(r.entries))
		for id := range now.versions {
			l := lineageOf(t, f, id)
			var members []string
			for other := range now.versions {
				if now.root(other) == now.root(id) {
					members = append(members, other)
				}
			}
			slices.Sort(members)
			shown := everyone(t, now, l.Tree)
			slices.Sort(shown)
			if !slices.Equal(shown, members) || l.Root != now.root(id) || l.Tree.Innovation != l.Root {
				t.Errorf("seed %d: the lineage of %s has %v, want %v", seed, id, shown, members)
			}
			if b := end(t, l); b.Innovation != now.final(id) {
				t.Errorf("seed %d: the path of %s ends at %s", seed, id, b.Innovation)
			}
			seen[fmt.Sprintf("path of %d", min(len(l.Path), 4))]++
			seen[fmt.Sprintf("merged %t", now.final(id) != id)]++
		}
	}
	for _, what := range []string{"path of 1", "path of 2", "path of 3", "path of 4", "merged true", "merged false"} {
		if seen[what] == 0 {
			t.Errorf("never happened: %s", what)
		}
	}
}

// everyone gives all that a tree shows, and sees that each stands where it belongs, in order.
func everyone(t *testing.T, now *naiveLedger, b *projections.Branch) (ids []string) {
	ids = append(ids, b.Innovation)
	for _, a := range b.Absorbed {
		if now.final(a.Innovation) != b.Innovation {
			t.Errorf("%s was not merged into %s", a.Innovation, b.Innovation)
		}
		ids = append(ids, a.Innovation)
	}
	if !slices.IsSortedFunc(b.Absorbed, func(x, y projections.Absorption) int { return int(x.Index - y.Index) }) ||
		!slices.IsSortedFunc(b.Branches, func(x, y *projections.Branch) int { return int(x.Index - y.Index) }) {
		t.Errorf("%s: not in the order of publishing", b.Innovation)
	}
	for _, next := range b.Branches {
		if now.final(now.current(next.Innovation).DerivedFrom) != b.Innovation {
			t.Errorf("%s is no branch of %s", next.Innovation, b.Innovation)
		}
		ids = append(ids, everyone(t, now, next)...)
	}
	return ids
}
