package projections

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"spredning/ledger"
)

// Patterns are what may be looked at more closely in a year's points: listed
// with their figures and the entries they come from, not judged. Most have good
// reasons: hospitals that work together adopt from each other, and many report
// all at once before a year closes.
//
// A year's adoptions are the entries that its table has lines of, a closed
// year's as frozen; overall they are all that are confirmed and not retracted,
// points or not. Organisations are those that act today.
type Patterns struct {
	Year           int              `json:"year"`
	Position       int64            `json:"position"` // at which today is
	Status         string           `json:"status"`
	Bounds         PatternBounds    `json:"bounds"`
	Reciprocal     []Reciprocal     `json:"reciprocal"`      // by orgnr
	Concentrated   []Concentration  `json:"concentrated"`    // by originator and adopter
	Bursts         []Burst          `json:"bursts"`          // by first entry
	Republished    []Republished    `json:"republished"`     // by publishing
	ConfirmedAgain []ConfirmedAgain `json:"confirmed_again"` // by entry
	WithinOne      []WithinOne      `json:"within_one"`      // by originator and adopter
}

// PatternBounds say from what on something is listed.
type PatternBounds struct {
	ConcentrationShare     int `json:"concentration_share"`     // permille: more than that
	ConcentrationAdoptions int `json:"concentration_adoptions"` // of the originator: at least so many
	BurstDays              int `json:"burst_days"`              // within so many days, the first and the last included
	BurstByAdopter         int `json:"burst_by_adopter"`        // at least so many by one adopter
	BurstOfPair            int `json:"burst_of_pair"`           // at least so many by one adopter from one originator
}

// bounds are set so that ordinary spread, as in the demo, is beyond none of them,
// see docs/choices.md.
var bounds = PatternBounds{
	ConcentrationShare: 500, ConcentrationAdoptions: 4, BurstDays: 7, BurstByAdopter: 5, BurstOfPair: 3,
}

// Reciprocal are two organisations that have each adopted from the other, with
// at least one of these adoptions in the year.
type Reciprocal struct {
	A       Named `json:"a"` // of the lower orgnr
	B       Named `json:"b"`
	Year    Both  `json:"year"`
	Overall Both  `json:"overall"`
}

// Both are the entries of adoptions between A and B.
type Both struct {
	AFromB []int64 `json:"a_from_b"`
	BFromA []int64 `json:"b_from_a"`
}

// Concentration is an adopter that has most of an originator's adoptions, in the
// year or overall.
type Concentration struct {
	Originator Named `json:"originator"`
	Adopter    Named `json:"adopter"`
	Year       Part  `json:"year"`
	Overall    Part  `json:"overall"`
}

// Part is what one adopter has of an originator's adoptions.
type Part struct {
	Adoptions int     `json:"adoptions"` // by the adopter
	Of        int     `json:"of"`        // the originator's, by anyone
	Share     int     `json:"share"`     // permille, rounded down
	Indexes   []int64 `json:"indexes"`   // of the adopter's
}

// Burst is many confirmations within few days: by one adopter, or by one adopter
// of one originator's. Days are by the signers' clocks, but never before that of
// an earlier entry, so that a clock set back hides nothing.
type Burst struct {
	Adopter    Named       `json:"adopter"`
	Originator *Named      `json:"originator,omitzero"` // nil: whoever made them
	From       ledger.Date `json:"from"`
	To         ledger.Date `json:"to"`
	Indexes    []int64     `json:"indexes"`
}

// Republished is an innovation with points in the year that one of its
// originators seems to have published before and withdrawn: it is derived from
// the withdrawn one, or a title of both has the same words.
type Republished struct {
	Innovation  string         `json:"innovation"`
	Title       ledger.Text    `json:"title"`
	Index       int64          `json:"index"` // of the entry that published it
	Withdrawn   WithdrawnEntry `json:"withdrawn"`
	Why         []string       `json:"why"` // derived_from, title
	Originators []Named        `json:"originators"`
	Indexes     []int64        `json:"indexes"` // of its adoptions in the year
	Again       []AdoptedAgain `json:"again"`   // those by adopters of the withdrawn one too
}

// WithdrawnEntry is a withdrawn innovation.
type WithdrawnEntry struct {
	Innovation string      `json:"innovation"`
	Title      ledger.Text `json:"title"`
	Index      int64       `json:"index"` // of the withdrawal
}

// AdoptedAgain is an adopter of both a withdrawn innovation and a new one.
type AdoptedAgain struct {
	Adopter Named `json:"adopter"`
	Before  int64 `json:"before"` // entry of the adoption of the withdrawn one
	Index   int64 `json:"index"`  // entry of that in the year
}

// ConfirmedAgain is an adoption with points in the year that was retracted and
// confirmed again, before or since.
type ConfirmedAgain struct {
	Innovation string       `json:"innovation"`
	Title      ledger.Text  `json:"title"`
	Adopter    Named        `json:"adopter"`
	Index      int64        `json:"index"`     // of the confirmation that stands today
	Retracted  []int64      `json:"retracted"` // indexes of the retractions before it
	Scored     []YearScored `json:"scored"`    // all years whose tables have lines of it
}

// YearScored is a year with lines of an adoption, and the entry they name.
type YearScored struct {
	Year  int   `json:"year"`
	Index int64 `json:"index"`
}

// WithinOne are adoptions of a closed year between two organisations that are
// one today. In an open year they do not count.
type WithinOne struct {
	Organisation Named   `json:"organisation"` // of today
	Originator   Named   `json:"originator"`
	Adopter      Named   `json:"adopter"`
	Indexes      []int64 `json:"indexes"`
}

// Patterns gives those of a year; false: it is not opened.
func (f *Fold) Patterns(year int) (Patterns, bool) {
	table, ok := f.Table(year)
	if !ok {
		return Patterns{}, false
	}
	l := f.look(table)
	return Patterns{
		Year: year, Position: f.Position, Status: table.Status, Bounds: bounds,
		Reciprocal: l.reciprocal(), Concentrated: l.concentrated(), Bursts: l.bursts(), Republished: l.republished(),
		ConfirmedAgain: l.confirmedAgain(), WithinOne: l.withinOne(),
	}, true
}

// flow is from whom to whom: an originator and an adopter.
type flow struct{ from, to int32 }

// flows are the entries of adoptions by who acts today.
type flows struct {
	between map[flow][]int64
	from    map[int32][]int64 // by originator, whoever adopted
}

func newFlows() flows { return flows{map[flow][]int64{}, map[int32][]int64{}} }

func (w flows) add(between flow, index int64) {
	w.between[between] = append(w.between[between], index)
	w.from[between.from] = append(w.from[between.from], index)
}

// sort orders the entries. An adoption of two originators that are one today is
// one adoption.
func (w flows) sort() flows {
	for k, indexes := range w.between {
		w.between[k] = distinct(indexes)
	}
	for k, indexes := range w.from {
		w.from[k] = distinct(indexes)
	}
	return w
}

func distinct(indexes []int64) []int64 {
	slices.Sort(indexes)
	return slices.Compact(indexes)
}

// look is a year's table as it is looked at.
type look struct {
	*Fold
	table         Table
	year, overall flows
	within        map[flow][]int64  // of those that are one today, as they were
	by            map[int32][]int64 // the year's adoptions by adopter
	of            map[int32][]int64 // the same by innovation
	adopters      map[int64]int32   // the same by entry
}

// look sorts the lines of a table, and all adoptions.
func (f *Fold) look(table Table) *look {
	l := &look{
		Fold: f, table: table, year: newFlows(), overall: newFlows(),
		within: map[flow][]int64{}, by: map[int32][]int64{}, of: map[int32][]int64{}, adopters: map[int64]int32{},
	}
	for _, r := range table.Rows {
		for _, line := range r.Lines {
			l.line(f.orgNumbers[r.Orgnr], line)
		}
	}
	for k := range f.pairs {
		if p := &f.pairs[k]; p.joined == none && p.entry != noEntry {
			l.pair(p)
		}
	}
	l.year.sort()
	l.overall.sort()
	for _, sorted := range []map[int32][]int64{l.by, l.of} {
		for k, indexes := range sorted {
			sorted[k] = distinct(indexes)
		}
	}
	return l
}

// line sorts a line of an organisation's row.
func (l *look) line(org int32, line Line) {
	adopter := l.orgNumbers[line.Adopter]
	between := flow{l.heir(org), l.heir(adopter)}
	switch {
	case line.Role == RoleAdopter:
		of := l.final(l.innNumbers[ledger.InnovationID(line.Innovation)])
		l.by[between.to] = append(l.by[between.to], line.Index)
		l.of[of] = append(l.of[of], line.Index)
		l.adopters[line.Index] = between.to
	case between.from == between.to:
		l.within[flow{org, adopter}] = append(l.within[flow{org, adopter}], line.Index)
	default:
		l.year.add(between, line.Index)
	}
}

// pair sorts a pair that is confirmed.
func (l *look) pair(p *pair) {
	for _, m := range l.innovations[p.innovation].makers {
		if from := l.heir(m); from != p.adopter {
			l.overall.add(flow{from, p.adopter}, int64(p.entry))
		}
	}
}

// reciprocal lists those who have each adopted from the other.
func (l *look) reciprocal() []Reciprocal {
	all := []Reciprocal{}
	for _, k := range l.flowsOfYear() {
		back := flow{k.to, k.from}
		if l.orgs[k.from].Orgnr > l.orgs[k.to].Orgnr && l.year.between[back] != nil {
			continue // listed from the other side
		}
		if l.year.between[back] == nil && l.overall.between[back] == nil {
			continue
		}
		a, b := k.from, k.to
		if l.orgs[a].Orgnr > l.orgs[b].Orgnr {
			a, b = b, a
		}
		all = append(all, Reciprocal{l.named(a), l.named(b), l.year.both(a, b), l.overall.both(a, b)})
	}
	slices.SortFunc(all, func(x, y Reciprocal) int {
		return cmp.Or(cmp.Compare(x.A.Orgnr, y.A.Orgnr), cmp.Compare(x.B.Orgnr, y.B.Orgnr))
	})
	return all
}

func (w flows) both(a, b int32) Both {
	return Both{orEmpty(w.between[flow{b, a}]), orEmpty(w.between[flow{a, b}])}
}

// flowsOfYear gives from whom to whom there is something in the year, by orgnr.
func (l *look) flowsOfYear() []flow { return l.inOrder(maps.Keys(l.year.between)) }

func (l *look) inOrder(of func(func(flow) bool)) []flow {
	return slices.SortedFunc(of, func(a, b flow) int {
		return cmp.Or(cmp.Compare(l.orgs[a.from].Orgnr, l.orgs[b.from].Orgnr), cmp.Compare(l.orgs[a.to].Orgnr, l.orgs[b.to].Orgnr))
	})
}

// concentrated lists the adopters that have most of an originator's adoptions.
func (l *look) concentrated() []Concentration {
	all := []Concentration{}
	for _, k := range l.flowsOfYear() {
		c := Concentration{l.named(k.from), l.named(k.to), l.year.part(k), l.overall.part(k)}
		if c.Year.most() || c.Overall.most() {
			all = append(all, c)
		}
	}
	return all
}

func (w flows) part(k flow) Part {
	p := Part{Adoptions: len(w.between[k]), Of: len(w.from[k.from]), Indexes: orEmpty(w.between[k])}
	if p.Of > 0 {
		p.Share = 1000 * p.Adoptions / p.Of
	}
	return p
}

// most reports whether a part is beyond the bounds, exactly: the share is rounded.
func (p Part) most() bool {
	return p.Of >= bounds.ConcentrationAdoptions && 1000*p.Adoptions > bounds.ConcentrationShare*p.Of
}

// bursts lists many confirmations within few days.
func (l *look) bursts() []Burst {
	all := []Burst{}
	for adopter, indexes := range l.by {
		for _, b := range l.runs(indexes, bounds.BurstByAdopter) {
			b.Adopter = l.named(adopter)
			all = append(all, b)
		}
	}
	for k, indexes := range l.year.between {
		originator := l.named(k.from)
		for _, b := range l.runs(indexes, bounds.BurstOfPair) {
			b.Adopter, b.Originator = l.named(k.to), &originator
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b Burst) int {
		return cmp.Or(cmp.Compare(a.Indexes[0], b.Indexes[0]), cmp.Compare(a.Adopter.Orgnr, b.Adopter.Orgnr), cmp.Compare(a.maker(), b.maker()))
	})
	return all
}

// maker is the originator's orgnr; empty: whoever made them.
func (b Burst) maker() ledger.Orgnr {
	if b.Originator == nil {
		return ""
	}
	return b.Originator.Orgnr
}

// runs cuts entries into runs of at least so many within the days of a burst,
// each as long as it can be, the earliest first.
func (l *look) runs(indexes []int64, least int) (runs []Burst) {
	for from := 0; from < len(indexes); {
		to := from
		for to < len(indexes) && l.days[indexes[to]] < l.days[indexes[from]]+int32(bounds.BurstDays) {
			to++
		}
		if to-from < least {
			from++
			continue
		}
		runs = append(runs, Burst{From: date(l.days[indexes[from]]), To: date(l.days[indexes[to-1]]), Indexes: indexes[from:to]})
		from = to
	}
	return runs
}

// date is a day since 1970.
func date(day int32) ledger.Date { return ledger.DateOf(time.Unix(int64(day)*24*60*60, 0)) }

// republished lists the year's innovations that look like a withdrawn one of the
// same originators.
func (l *look) republished() []Republished {
	all := []Republished{}
	byTitle := l.withdrawnByTitle()
	for _, n := range slices.Sorted(maps.Keys(l.of)) {
		for _, w := range l.alike(n, byTitle) {
			if shared := l.sharedMakers(n, w); len(shared) > 0 {
				all = append(all, l.republication(n, w, shared))
			}
		}
	}
	return all
}

// titled is what a withdrawn innovation is found by: the words of a title, and an
// originator, now or ever, by who acts today.
type titled struct {
	words string
	maker int32
}

// withdrawnByTitle finds withdrawn innovations, in the order of publishing.
func (l *look) withdrawnByTitle() map[titled][]int32 {
	found := map[titled][]int32{}
	for _, i := range l.innovations {
		if i.withdrawn == nil || i.into != none {
			continue
		}
		for _, t := range l.titlesOf(i) {
			found[t] = append(found[t], i.number)
		}
	}
	return found
}

func (l *look) titlesOf(i *innovation) (all []titled) {
	for _, words := range titleWords(i.Title) {
		for _, m := range i.ever {
			if t := (titled{words, l.heir(m)}); !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	return all
}

// titleWords gives the words of a title in each of its languages, folded to one
// case, each once and in one order.
func titleWords(t ledger.Text) (all []string) {
	for _, title := range t.All() {
		words := strings.FieldsFunc(fold(title), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		slices.Sort(words)
		if words := strings.Join(slices.Compact(words), " "); words != "" {
			all = append(all, words)
		}
	}
	return all
}

// alike gives the withdrawn innovations, published before one, that it is
// derived from or shares a title and an originator with: the latest by each.
func (l *look) alike(n int32, byTitle map[titled][]int32) (withdrawn []int32) {
	if parent := l.parent(n); parent != none && parent < n && l.innovations[parent].withdrawn != nil {
		withdrawn = append(withdrawn, parent)
	}
	for _, t := range l.titlesOf(l.innovations[n]) {
		if before, _ := slices.BinarySearch(byTitle[t], n); before > 0 {
			withdrawn = append(withdrawn, byTitle[t][before-1])
		}
	}
	slices.Sort(withdrawn)
	return slices.Compact(withdrawn)
}

// parent is what an innovation is derived from directly, after mergers; none.
func (f *Fold) parent(n int32) int32 {
	if n = f.innovations[n].parent; n == none {
		return none
	}
	return f.final(n)
}

// sharedMakers gives those who act today for originators, now or ever, of both.
func (l *look) sharedMakers(n, other int32) (shared []int32) {
	for _, a := range l.innovations[n].ever {
		if a = l.heir(a); slices.ContainsFunc(l.innovations[other].ever, func(b int32) bool { return l.heir(b) == a }) {
			add(&shared, a)
		}
	}
	slices.SortFunc(shared, func(a, b int32) int { return cmp.Compare(l.orgs[a].Orgnr, l.orgs[b].Orgnr) })
	return shared
}

func (l *look) republication(n, w int32, shared []int32) Republished {
	i, gone := l.innovations[n], l.innovations[w]
	r := Republished{
		Innovation: i.id.String(), Title: i.Title, Index: i.published,
		Withdrawn: WithdrawnEntry{gone.id.String(), gone.Title, gone.withdrawn.index}, Originators: l.namedAll(shared),
		Indexes: l.of[n], Again: []AdoptedAgain{},
	}
	if l.parent(n) == w {
		r.Why = append(r.Why, "derived_from")
	}
	if slices.ContainsFunc(titleWords(i.Title), func(words string) bool { return slices.Contains(titleWords(gone.Title), words) }) {
		r.Why = append(r.Why, "title")
	}
	for _, index := range r.Indexes {
		adopter := l.adopters[index]
		if before, ok := l.pairNumbers[pairKey{w, adopter}]; ok && l.pairs[before].entry != noEntry {
			r.Again = append(r.Again, AdoptedAgain{l.named(adopter), int64(l.pairs[before].entry), index})
		}
	}
	return r
}

// confirmedAgain lists the year's adoptions that were retracted and confirmed
// again.
func (l *look) confirmedAgain() []ConfirmedAgain {
	found := map[int32]*ConfirmedAgain{}
	for index := range l.adopters {
		n := l.alive(l.entries[index].pair)
		p := &l.pairs[n]
		if retracted := l.retractedBefore(p); len(retracted) > 0 {
			i := l.innovations[p.innovation]
			found[n] = &ConfirmedAgain{i.id.String(), i.Title, l.named(p.adopter), int64(p.entry), retracted, nil}
		}
	}
	if len(found) > 0 {
		l.scoredOf(found)
	}
	all := []ConfirmedAgain{}
	for _, c := range found {
		slices.SortFunc(c.Scored, func(a, b YearScored) int { return cmp.Or(cmp.Compare(a.Year, b.Year), cmp.Compare(a.Index, b.Index)) })
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b ConfirmedAgain) int { return cmp.Compare(a.Index, b.Index) })
	return all
}

// retractedBefore gives a pair's retractions before the confirmation that
// stands; none if none stands.
func (f *Fold) retractedBefore(p *pair) (retractions []int64) {
	if p.entry == noEntry {
		return nil
	}
	for _, index := range f.history(p) {
		if f.struck[index] == index && index < int64(p.entry) {
			retractions = append(retractions, index)
		}
	}
	return retractions
}

// scoredOf notes in which years' tables the pairs have lines.
func (l *look) scoredOf(found map[int32]*ConfirmedAgain) {
	for _, year := range l.Years() {
		table := l.table
		if year != table.Year {
			table, _ = l.Table(year)
		}
		for _, r := range table.Rows {
			for _, line := range r.Lines {
				c := found[l.alive(l.entries[line.Index].pair)]
				if c != nil && line.Role == RoleAdopter {
					c.Scored = append(c.Scored, YearScored{year, line.Index})
				}
			}
		}
	}
}

// withinOne lists the adoptions between two that are one today.
func (l *look) withinOne() []WithinOne {
	all := []WithinOne{}
	for _, k := range l.inOrder(maps.Keys(l.within)) {
		all = append(all, WithinOne{l.named(l.heir(k.to)), l.named(k.from), l.named(k.to), distinct(l.within[k])})
	}
	return all
}
