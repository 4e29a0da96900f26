package projections

import (
	"slices"

	"spredning/ledger"
)

// Lineage is the tree of branches that an innovation stands in (the report
// 5.1.2: a project can fork), after mergers: an innovation that was merged into
// another stands in that one's node.
//
// A tree may be of any size, an answer may not. It shows at most 1,000
// innovations on at most 100 levels: the innovation that was asked for with its
// nearest 49 ancestors, then what is nearest to them, level by level and in the
// order of publishing. Above, More and MoreAbsorbed count what is left out.
type Lineage struct {
	Innovation string   `json:"innovation"` // that was asked for
	Root       string   `json:"root"`       // where the lineage begins
	Above      int      `json:"above"`      // ancestors, the root first, that the tree leaves out
	Path       []string `json:"path"`       // from the tree's top to the node of the innovation
	Tree       *Branch  `json:"tree"`
}

// Branch is an innovation in its lineage, with those that are derived from it or
// from one merged into it.
type Branch struct {
	Innovation   string       `json:"innovation"`
	Index        int64        `json:"index"` // of the entry that published it
	Title        ledger.Text  `json:"title"`
	Status       string       `json:"status"`
	Originators  []Named      `json:"originators"`
	InUseSince   ledger.Date  `json:"in_use_since"`
	Adopters     int          `json:"adopters"` // as in Spread
	Absorbed     []Absorption `json:"absorbed"` // merged into it, directly or not
	MoreAbsorbed int          `json:"more_absorbed,omitzero"`
	Branches     []*Branch    `json:"branches"`
	More         int          `json:"more,omitzero"` // branches left out
}

// Absorption is an innovation that was merged into another, in its lineage.
type Absorption struct {
	Innovation  string      `json:"innovation"`
	Index       int64       `json:"index"` // of the entry that published it
	Title       ledger.Text `json:"title"`
	Originators []Named     `json:"originators"`
	InUseSince  ledger.Date `json:"in_use_since"`
	Merged      int64       `json:"merged"` // index of the merger
}

// Named is an organisation with its name of now.
type Named struct {
	Orgnr ledger.Orgnr `json:"orgnr"`
	Name  string       `json:"name"`
}

// The bounds of a lineage's tree.
const (
	maxBranches = 1000 // innovations, absorbed ones too
	maxLevels   = 100
	maxPath     = 50 // of the levels: the innovation and its nearest ancestors
)

// Lineage gives the lineage of an innovation; false: there is none with the id.
func (f *Fold) Lineage(id string) (Lineage, bool) {
	n, ok := f.innNumbers[ledger.InnovationID(id)]
	if !ok {
		return Lineage{}, false
	}
	ancestors := f.ancestors(f.final(n))
	above := max(0, len(ancestors)-maxPath)
	t := tree{fold: f, path: ancestors[above:], asked: n}
	return Lineage{
		Innovation: f.innovations[n].id.String(), Root: f.innovations[ancestors[0]].id.String(), Above: above,
		Path: f.ids(t.path), Tree: t.grow(),
	}, true
}

// ancestors is the way from the root of a lineage to an innovation, both
// included.
func (f *Fold) ancestors(n int32) (path []int32) {
	for path = append(path, n); f.innovations[n].parent != none; path = append(path, n) {
		n = f.final(f.innovations[n].parent)
	}
	slices.Reverse(path)
	return path
}

// tree is a lineage's tree as it grows.
type tree struct {
	fold  *Fold
	path  []int32 // from its top to the node of the innovation asked for
	asked int32
	left  int // innovations that it may still show
}

// bud is a branch that is not grown yet.
type bud struct {
	*Branch
	innovation int32
	level      int
	onPath     *bud // its branch towards the innovation asked for
}

// grow makes the path, and then grows what is nearest to its lower end first.
func (t *tree) grow() *Branch {
	f := t.fold
	buds := make([]*bud, len(t.path))
	for k, n := range t.path {
		buds[k] = &bud{Branch: f.branch(n), innovation: n, level: k + 1}
		if k > 0 {
			buds[k-1].onPath = buds[k]
		}
	}
	top := buds[0].Branch
	t.left = maxBranches - len(buds)
	if t.asked != t.path[len(t.path)-1] {
		t.left-- // it is merged
	}
	slices.Reverse(buds)
	for len(buds) > 0 {
		b := buds[0]
		t.absorb(b)
		buds = append(buds[1:], t.branchOut(b)...)
	}
	return top
}

// absorb tells which innovations were merged into a bud's; the one asked for is
// always among them.
func (t *tree) absorb(b *bud) {
	merged := slices.Clone(t.fold.innovations[b.innovation].merged)
	slices.Sort(merged)
	for _, n := range merged {
		switch {
		case n == t.asked:
		case t.left == 0:
			b.MoreAbsorbed++
			continue
		default:
			t.left--
		}
		b.Absorbed = append(b.Absorbed, t.fold.absorption(n))
	}
}

// branchOut gives the branches of a bud that have room.
func (t *tree) branchOut(b *bud) (grown []*bud) {
	for _, n := range t.fold.branchesOf(b.innovation) {
		switch {
		case b.onPath != nil && b.onPath.innovation == n:
			b.Branches = append(b.Branches, b.onPath.Branch)
		case t.left == 0 || b.level == maxLevels:
			b.More++
		default:
			t.left--
			next := &bud{Branch: t.fold.branch(n), innovation: n, level: b.level + 1}
			b.Branches = append(b.Branches, next.Branch)
			grown = append(grown, next)
		}
	}
	return grown
}

// branchesOf gives the innovations that are derived from one or from any merged
// into it, in the order of publishing. What a merged one was derived from counts
// no more.
func (f *Fold) branchesOf(n int32) (all []int32) {
	for _, from := range append([]int32{n}, f.innovations[n].merged...) {
		for _, b := range f.innovations[from].branches {
			if f.innovations[b].into == none {
				all = append(all, b)
			}
		}
	}
	slices.Sort(all)
	return all
}

func (f *Fold) branch(n int32) *Branch {
	i := f.innovations[n]
	return &Branch{
		Innovation: i.id.String(), Index: i.published, Title: i.Title, Status: i.status(), Originators: f.namedAll(i.makers),
		InUseSince: i.InUseSince, Adopters: f.spread(i).Adopters, Absorbed: []Absorption{}, Branches: []*Branch{},
	}
}

func (f *Fold) absorption(n int32) Absorption {
	i := f.innovations[n]
	return Absorption{i.id.String(), i.published, i.Title, f.namedAll(i.makers), i.InUseSince, i.merger.index}
}

func (f *Fold) named(org int32) Named { return Named{f.orgs[org].Orgnr, f.orgs[org].Name} }

func (f *Fold) namedAll(orgs []int32) []Named {
	all := make([]Named, len(orgs))
	for k, o := range orgs {
		all[k] = f.named(o)
	}
	return all
}
