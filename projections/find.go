package projections

import (
	"cmp"
	"maps"
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
)

// Find searches.
func (f *Fold) Find(s Search) Found {
	c := counter{fold: f, search: &s, terms: f.terms(s.Words)}
	c.adopter, c.originator = f.numberOf(s.Adopter), f.numberOf(s.Originator)
	for _, i := range slices.Backward(f.innovations) {
		if i.into == none && i.has(c.terms) {
			c.count(i)
		}
	}
	if s.MostSpread {
		slices.SortStableFunc(c.hits, func(a, b hit) int { return b.adopters - a.adopters })
	}
	out := c.counts()
	out.Total = len(c.hits)
	from := min(max(0, s.From), len(c.hits))
	for _, h := range c.hits[from:min(from+s.Limit, len(c.hits))] {
		out.Innovations = append(out.Innovations, f.read(h.innovation))
	}
	return out
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

	regions, kinds, reaches map[string]int
	originators, adopters   map[int32]int
	years                   map[int]int
	by                      []int32 // the adopters of the innovation at hand
}

func (c *counter) count(i *innovation) {
	f, s := c.fold, c.search
	c.by = c.by[:0]
	var near, far bool
	for n := i.firstPair; n != none; n = f.pairs[n].nextOfInnovation {
		if p := &f.pairs[n]; p.adopted() {
			c.by = append(c.by, p.adopter)
			same := f.sameRegion(i, p.adopter)
			near, far = near || same, far || !same
		}
	}
	var regions []string
	for _, m := range i.makers {
		if region := f.orgs[m].Region; region != "" && !slices.Contains(regions, region) {
			regions = append(regions, region)
		}
	}
	failed := 0
	for filter, passed := range map[int]bool{
		failsRegion:     s.Region == "" || slices.Contains(regions, s.Region),
		failsOriginator: s.Originator == "" || slices.Contains(i.makers, c.originator),
		failsAdopter:    s.Adopter == "" || c.adopter != none && slices.Contains(c.by, f.heir(c.adopter)),
		failsKind:       s.Kind == "" || s.Kind == i.Kind,
		failsYear:       s.Year == 0 || s.Year == i.InUseSince.Year(),
		failsReach:      s.Reach == "" || s.Reach == SameRegion && near || s.Reach == OtherRegion && far,
	} {
		if !passed {
			failed |= filter
		}
	}
	if failed == 0 {
		c.hits = append(c.hits, hit{i, len(c.by)})
	}
	tallied(&c.regions, failed, failsRegion, regions...)
	tallied(&c.originators, failed, failsOriginator, i.makers...)
	tallied(&c.adopters, failed, failsAdopter, c.by...)
	tallied(&c.kinds, failed, failsKind, i.Kind)
	tallied(&c.years, failed, failsYear, i.InUseSince.Year())
	if near {
		tallied(&c.reaches, failed, failsReach, SameRegion)
	}
	if far {
		tallied(&c.reaches, failed, failsReach, OtherRegion)
	}
}

// tallied counts an innovation for the values that it has of a filter, if it fails no
// other.
func tallied[T comparable](counts *map[T]int, failed, filter int, values ...T) {
	if failed&^filter != 0 {
		return
	}
	if *counts == nil {
		*counts = map[T]int{}
	}
	for _, v := range values {
		(*counts)[v]++
	}
}

func (c *counter) counts() (out Found) {
	for _, region := range ledger.Regions {
		out.Regions = appendCount(out.Regions, region, c.regions[region])
	}
	for _, kind := range slices.Sorted(maps.Keys(c.kinds)) {
		out.Kinds = appendCount(out.Kinds, kind, c.kinds[kind])
	}
	for _, reach := range []string{SameRegion, OtherRegion} {
		out.Reaches = appendCount(out.Reaches, reach, c.reaches[reach])
	}
	for _, year := range slices.Backward(slices.Sorted(maps.Keys(c.years))) {
		out.Years = appendCount(out.Years, strconv.Itoa(year), c.years[year])
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

func (c *counter) organisations(counts map[int32]int) (all []Count) {
	for n, count := range counts {
		o := c.fold.orgs[n]
		all = append(all, Count{string(o.Orgnr), o.Name, count})
	}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
	})
	return all
}
