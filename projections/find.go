package projections

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"spredning/ledger"
)

// Search is a search for innovations as a reader narrows it down. Merged innovations
// are found as the ones they were merged into, withdrawn ones are found too.
type Search struct {
	Query
	Reach      string // it has spread so: same_region or other_region
	MostSpread bool   // those with most adopters first; else the newest
	From       int    // how many of those found are passed over
	Limit      int    // at most so many are read
}

// Found is what a search finds.
type Found struct {
	Total       int
	Innovations []Innovation
	// How many would be found by each value, with everything else as it is asked
	// for; those that would find none are left out.
	Regions, Originators, Adopters, Kinds, Years, Reaches []Count
}

// Count is how many innovations a value of a filter would find.
type Count struct {
	Value string
	Name  string // of an organisation
	N     int
}

// The filters, as bits of what an innovation fails.
const (
	failsRegion = 1 << iota
	failsOriginator
	failsAdopter
	failsKind
	failsYear
	failsReach
	failsAll = 1<<8 - 1
)

// Find searches.
func (f *Fold) Find(s Search) Found {
	var c *counter
	if s.Query == (Query{}) && s.Reach == "" {
		c = f.survey().all()
	} else {
		c = f.counted(&s)
	}
	hits := c.hits
	if s.MostSpread {
		hits = slices.Clone(hits)
		slices.SortStableFunc(hits, func(a, b hit) int { return b.adopters - a.adopters })
	}
	out := c.counts()
	out.Total = len(hits)
	from := min(max(0, s.From), len(hits))
	for _, h := range hits[from:min(from+s.Limit, len(hits))] {
		out.Innovations = append(out.Innovations, f.read(h.innovation))
	}
	return out
}

// counted counts what a search finds, the newest first.
func (f *Fold) counted(s *Search) *counter {
	c := &counter{
		fold: f, search: s, terms: f.terms(s.Words), originators: make([]int, len(f.orgs)), adopters: make([]int, len(f.orgs)),
	}
	c.adopter, c.originator = f.numberOf(s.Adopter), f.numberOf(s.Originator)
	c.failed, c.adopted = make([]uint8, len(f.innovations)), make([]bool, len(f.innovations))
	c.adoptions()
	for n, spread := range slices.Backward(f.spreads()) {
		c.failed[n] = failsAll
		if i := f.innovations[n]; i.into == none && i.has(c.terms) {
			c.count(i, spread)
		}
	}
	c.countAdopters()
	c.kinds.sort()
	c.years.sort()
	return c
}

// numberOf is an organisation's; none: no organisation has it.
func (f *Fold) numberOf(o ledger.Orgnr) int32 {
	if n, ok := f.orgNumbers[o]; ok {
		return n
	}
	return none
}

type hit struct {
	*innovation
	adopters int
}

// counter counts what a search finds.
type counter struct {
	fold                *Fold
	search              *Search
	terms               []term
	originator, adopter int32
	hits                []hit

	regions, kinds, reaches tallied[string]
	years                   tallied[int]
	originators, adopters   []int    // by number
	adopted                 []bool   // innovations, by the adopter that is asked for
	failed                  []uint8  // what innovations fail
	of                      []string // the regions of the innovation at hand
}

// adoptions notes what the adopter that is asked for has adopted.
func (c *counter) adoptions() {
	if c.adopter == none {
		return
	}
	for n := c.fold.orgs[c.fold.heir(c.adopter)].firstPair; n != none; n = c.fold.pairs[n].nextOfAdopter {
		if p := &c.fold.pairs[n]; p.adopted() {
			c.adopted[p.innovation] = true
		}
	}
}

// countAdopters counts an innovation for each of its adopters if it fails nothing else.
func (c *counter) countAdopters() {
	for k := range c.fold.pairs {
		if p := &c.fold.pairs[k]; p.joined == none && p.adopted() && c.failed[p.innovation]&^failsAdopter == 0 {
			c.adopters[p.adopter]++
		}
	}
}

func (c *counter) count(i *innovation, spread Spread) {
	f, s := c.fold, c.search
	near, far := spread.SameRegion > 0, spread.OtherRegion > 0
	c.of = c.of[:0]
	for _, m := range i.makers {
		if region := f.orgs[m].Region; region != "" && !slices.Contains(c.of, region) {
			c.of = append(c.of, region)
		}
	}
	year := yearIn(i.InUseSince)
	failed := failing(failsRegion, s.Region == "" || slices.Contains(c.of, s.Region)) |
		failing(failsOriginator, s.Originator == "" || slices.Contains(i.makers, c.originator)) |
		failing(failsAdopter, s.Adopter == "" || c.adopted[i.number]) |
		failing(failsKind, s.Kind == "" || s.Kind == i.Kind) |
		failing(failsYear, s.Year == 0 || s.Year == year) |
		failing(failsReach, s.Reach == "" || s.Reach == SameRegion && near || s.Reach == OtherRegion && far)
	c.failed[i.number] = failed
	if failed == 0 {
		c.hits = append(c.hits, hit{i, spread.Adopters})
	}
	// An innovation is counted for what it has of a filter if it fails no other.
	if failed&^failsRegion == 0 {
		c.regions.count(c.of...)
	}
	if failed&^failsOriginator == 0 {
		for _, m := range i.makers {
			c.originators[m]++
		}
	}
	if failed&^failsKind == 0 {
		c.kinds.count(i.Kind)
	}
	if failed&^failsYear == 0 {
		c.years.count(year)
	}
	if failed&^failsReach == 0 && near {
		c.reaches.count(SameRegion)
	}
	if failed&^failsReach == 0 && far {
		c.reaches.count(OtherRegion)
	}
}

func failing(filter uint8, passed bool) uint8 {
	if passed {
		return 0
	}
	return filter
}

// yearIn is the year of a date that the ledger has taken, which is YYYY-MM-DD.
func yearIn(d ledger.Date) (year int) {
	for _, digit := range []byte(d[:min(4, len(d))]) {
		year = 10*year + int(digit-'0')
	}
	return year
}

// tallied counts values of which there are few: sooner found in a row than in a map.
type tallied[T cmp.Ordered] []counted[T]

type counted[T cmp.Ordered] struct {
	value T
	n     int
}

func (t *tallied[T]) count(values ...T) {
	for _, v := range values {
		k := slices.IndexFunc(*t, func(c counted[T]) bool { return c.value == v })
		if k < 0 {
			k = len(*t)
			*t = append(*t, counted[T]{value: v})
		}
		(*t)[k].n++
	}
}

func (t tallied[T]) of(value T) int {
	for _, c := range t {
		if c.value == value {
			return c.n
		}
	}
	return 0
}

func (t tallied[T]) sort() {
	slices.SortFunc(t, func(a, b counted[T]) int { return cmp.Compare(a.value, b.value) })
}

// counts gives what was counted. It changes nothing, for others may read the same.
func (c *counter) counts() (out Found) {
	for _, region := range ledger.Regions {
		out.Regions = appendCount(out.Regions, region, c.regions.of(region))
	}
	for _, kind := range c.kinds {
		out.Kinds = appendCount(out.Kinds, kind.value, kind.n)
	}
	for _, reach := range []string{SameRegion, OtherRegion} {
		out.Reaches = appendCount(out.Reaches, reach, c.reaches.of(reach))
	}
	for _, year := range slices.Backward(c.years) {
		out.Years = appendCount(out.Years, strconv.Itoa(year.value), year.n)
	}
	out.Originators, out.Adopters = c.organisations(c.originators), c.organisations(c.adopters)
	return out
}

func appendCount(all []Count, value string, n int) []Count {
	if n == 0 {
		return all
	}
	return append(all, Count{Value: value, N: n})
}

func (c *counter) organisations(counts []int) (all []Count) {
	for n, count := range counts {
		if o := c.fold.orgs[n]; count > 0 {
			all = append(all, Count{string(o.Orgnr), o.Name, count})
		}
	}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
	})
	return all
}
