package projections

import (
	"slices"

	"spredning/ledger"
)

// News is a confirmation to tell of. What it says stands in its entry.
type News struct {
	Index      int64
	Innovation string      // id of the final one
	Title      ledger.Text // of that, now
	By         string      // name of who signed it, now
	Retracted  *int64      // index of the first retraction that struck it
}

// NewsQuery picks confirmations. Zero fields pick all.
type NewsQuery struct {
	Innovation   string       // id; a merged one is the final one
	Organisation ledger.Orgnr // that has adopted, or made what was adopted; or one that acts for it now
}

// News gives up to limit confirmations before an index (-1: from the newest),
// newest first; more tells whether there are others. False: what the query names
// is not there.
func (f *Fold) News(q NewsQuery, before int64, limit int) (found []News, more, ok bool) {
	wanted, ok := f.wanted(q)
	if !ok {
		return nil, false, false
	}
	for _, c := range slices.Backward(f.confirmed) {
		if before >= 0 && int64(c.index) >= before || !wanted(&f.pairs[f.alive(f.entries[c.index].pair)]) {
			continue
		}
		if len(found) == limit {
			return found, true, true
		}
		found = append(found, f.newsOf(c))
	}
	return found, false, true
}

// confirmed is a confirmation and who signed it.
type confirmed struct {
	index uint32
	by    int32
}

// wanted tells which pairs a query is about.
func (f *Fold) wanted(q NewsQuery) (is func(*pair) bool, ok bool) {
	switch {
	case q.Innovation != "":
		n, ok := f.innNumbers[ledger.InnovationID(q.Innovation)]
		if !ok {
			return nil, false
		}
		n = f.final(n)
		return func(p *pair) bool { return p.innovation == n }, true
	case q.Organisation != "":
		n, ok := f.orgNumbers[q.Organisation]
		if !ok {
			return nil, false
		}
		n = f.heir(n)
		its := make([]bool, len(f.orgs)) // its own number, and those of whom it acts for
		for m := range its {
			its[m] = f.heir(int32(m)) == n
		}
		return func(p *pair) bool {
			return p.adopter == n || slices.ContainsFunc(f.innovations[p.innovation].makers, func(m int32) bool { return its[m] })
		}, true
	}
	return func(*pair) bool { return true }, true
}

func (f *Fold) newsOf(c confirmed) News {
	i := f.innovations[f.pairs[f.alive(f.entries[c.index].pair)].innovation]
	n := News{Index: int64(c.index), Innovation: i.id.String(), Title: i.Title, By: f.orgs[c.by].Name}
	if by, struck := f.struck[n.Index]; struck {
		n.Retracted = &by
	}
	return n
}
