package projections

import (
	"cmp"
	"slices"
	"time"

	"spredning/ledger"
)

// Similar is an innovation that may be the same as a draft, or is like it.
type Similar struct {
	Innovation  string          `json:"innovation"`       // the final one, if it was merged
	Through     string          `json:"through,omitzero"` // the one merged into it whose text it is that is similar
	Title       ledger.Text     `json:"title"`            // of the one whose text is similar
	Status      string          `json:"status"`           // published or withdrawn
	Originators []Originator    `json:"originators"`
	InUseSince  ledger.Date     `json:"in_use_since"`
	Score       float64         `json:"score"`  // 0 to 1, three decimals
	Likely      bool            `json:"likely"` // a likely duplicate
	Reasons     []SimilarReason `json:"reasons"`
}

// SimilarReason is why an innovation is similar. Kind says which field is there:
// shared_words and related_words (words), same_originators (organisations),
// close_in_time (days), lineage (relation).
type SimilarReason struct {
	Kind          string         `json:"kind"`
	Words         []string       `json:"words,omitzero"`         // as the existing innovation has them
	Organisations []ledger.Orgnr `json:"organisations,omitzero"` // of the existing one
	Days          *int           `json:"days,omitzero"`          // between the two in_use_since
	Relation      string         `json:"relation,omitzero"`      // derived_from: the draft is; branch: the other is; same_root
}

// When two innovations are one: thousandths of the natural logarithm of the odds.
// Fitted on testdata/similar, and rounded.
const (
	forThemes      = 7100 // if they lean to the same themes alone
	forApartness   = 1300 // less so much for what each speaks of and the other does not
	forOriginators = 300  // if they have an originator in common
	enough         = 1100 // less this
)

// When two are one by their words alone: a copy, or texts that are in no language of
// the themes. What they have in common is measured in thousandths of the standard
// deviation of what texts have in common by chance.
const (
	enoughOfACopy = 5500 // if it is half of what the draft has in common with itself
	enoughWords   = 7700 // less the following
	besideOthers  = 500  // thousandths: what the draft has in common with the best others, on average
)

// bestOthers is how many say what is typical of a draft; of a few more that are
// one project all are found.
const bestOthers = 5

// What is shown.
const (
	leastScore    = 100  // thousandths
	clearlyBehind = 4000 // odds that much lower than the best ones; of such, none is a duplicate
	leastRarity   = 1500 // thousandths of a bit; a more common word is no reason
	leastTold     = 500  // likewise, of what both speak of
	closeDays     = 366  // between in_use_since, to be a reason
	mostWords     = 12   // of a reason
	fullLook      = 50   // candidates that are looked at closely, of all and again of the same originators
)

// Similar gives up to limit innovations that a draft may be a duplicate of or is
// like, the most similar first. Only the draft's title is needed. Withdrawn
// innovations are among them; merged ones lead to the one they were merged into.
func (f *Fold) Similar(d ledger.Innovation, limit int) []Similar {
	return f.similar(&d, none, limit)
}

// SimilarTo gives those similar to one that is published.
func (f *Fold) SimilarTo(id string, limit int) ([]Similar, bool) {
	n, ok := f.innNumbers[ledger.InnovationID(id)]
	if !ok {
		return nil, false
	}
	return f.similar(f.innovations[n].Innovation, n, limit), true
}

// similar looks for those similar to d, which is innovation number self, if any.
func (f *Fold) similar(d *ledger.Innovation, self int32, limit int) []Similar {
	f.concordance.catchUp(f.innovations, len(f.innovations))
	s := f.newSearch(d, self)
	var all []match
	for _, n := range s.candidates() {
		all = append(all, s.look(f.innovations[n]))
	}
	all = s.shown(all)
	out := make([]Similar, 0, min(limit, len(all)))
	for _, m := range all[:min(limit, len(all))] {
		out = append(out, s.describe(m, all[0].odds))
	}
	return out
}

// search is a draft that innovations are compared with.
type search struct {
	*Fold
	draft    *ledger.Innovation
	self     int32
	tellings []telling
	chances  []chance          // of the tellings
	selves   []int64           // what each has in common with itself
	weights  map[string]weight // as far as they were asked for
	makers   []int32           // who acts for its originators
	parent   int32             // derived from, finally; none
	line     int32             // the root of its lineage; none
}

func (f *Fold) newSearch(d *ledger.Innovation, self int32) *search {
	s := &search{
		Fold: f, draft: d, self: self, tellings: f.tellings(d), weights: map[string]weight{},
		parent: none, line: none,
	}
	for k := range s.tellings {
		t := &s.tellings[k]
		s.chances = append(s.chances, s.byChance(t))
		s.selves = append(s.selves, s.chances[k].above(s.inCommon(t, t)))
	}
	for _, o := range d.Originators {
		if n, ok := f.orgNumbers[o.Orgnr]; ok {
			add(&s.makers, f.heir(n))
		}
	}
	if n, ok := f.innNumbers[ledger.InnovationID(d.DerivedFrom)]; ok {
		s.parent, s.line = f.final(n), f.root(n)
	}
	if self != none {
		s.line = f.root(self)
	}
	return s
}

// tellings takes a draft's or an innovation's texts apart, a language each.
func (f *Fold) tellings(d *ledger.Innovation) (all []telling) {
	for language, title := range d.Title.All() {
		all = append(all, lexicon.tell(language, title, textIn(d.Summary, language), f.concordance.known))
	}
	for language, summary := range d.Summary.All() {
		if textIn(d.Title, language) == "" {
			all = append(all, lexicon.tell(language, "", summary, f.concordance.known))
		}
	}
	return all
}

func textIn(t ledger.Text, language string) string {
	for l, text := range t.All() {
		if l == language {
			return text
		}
	}
	return ""
}

// candidates gives the innovations to look at closely: those that share most words,
// topics and themes with the draft, of all and again of its originators', and those of
// its lineage.
func (s *search) candidates() []int32 {
	shared := s.shared()
	var all, own []int32
	for n, weight := range shared {
		if weight > 0 && !s.is(int32(n)) {
			all = append(all, int32(n))
		}
	}
	for _, n := range s.originated() {
		if shared[n] > 0 && !s.is(n) {
			own = append(own, n)
		}
	}
	weight := func(n int32) int64 { return shared[n] }
	chosen := slices.Concat(foremost(all, fullLook, weight), foremost(own, fullLook, weight), s.declared())
	slices.Sort(chosen)
	return slices.Compact(chosen)
}

// is reports whether an innovation is the one that others are compared with, or
// was merged with it.
func (s *search) is(n int32) bool { return s.self != none && s.final(n) == s.final(s.self) }

// originated gives what the draft's originators and those they act for have made.
func (s *search) originated() (all []int32) {
	for n, o := range s.orgs {
		if slices.Contains(s.makers, s.heir(int32(n))) {
			all = append(all, o.made...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// declared gives those that are said to be of one line with the draft: what all
// come from, and its branches and the draft's own.
func (s *search) declared() (all []int32) {
	if s.line == none {
		return nil
	}
	all = append(all, s.line)
	if s.parent != none {
		all = append(all, s.parent)
	}
	for _, of := range []int32{s.line, s.self} {
		if of != none {
			branches := s.innovations[of].branches
			all = append(all, branches[:min(len(branches), fullLook)]...)
		}
	}
	return slices.DeleteFunc(all, s.is)
}

// foremost gives those with the greatest weights, at most so many, the greatest first,
// of equal ones the one that came first.
func foremost[T any](all []T, most int, weight func(T) int64) []T {
	best := make([]T, 0, most+1)
	for _, x := range all {
		w := weight(x)
		if len(best) == most && w <= weight(best[most-1]) {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, w, func(x T, w int64) int { return cmp.Or(cmp.Compare(w, weight(x)), -1) })
		best = slices.Insert(best, at, x)[:min(len(best)+1, most)]
	}
	return best
}

// shared adds up, for every innovation, how rare that is which it has in common
// with the draft; less for one that is long.
func (s *search) shared() []int64 {
	c := s.concordance
	shared := make([]int64, len(c.sizes))
	seen := map[string]bool{}
	for _, t := range s.tellings {
		for key, how := range t.keys {
			if seen[key] {
				continue
			}
			seen[key] = true
			weight := s.weight(key).rarity * how.emphasis() / 1000
			for _, n := range c.of(key) {
				shared[n] += weight
			}
		}
		for _, l := range foremostThemes(t.themes) {
			if c.themed == nil {
				break
			}
			leaning := c.themed[l.theme]
			for _, n := range leaning {
				shared[n] += bitsOf(len(c.sizes)+thought, len(leaning))
			}
		}
	}
	for n, weight := range shared {
		if weight > 0 {
			usual, size := s.lengths(int32(n))
			shared[n] = weight * usual / size
		}
	}
	return shared
}

// match is an innovation compared with the draft.
type match struct {
	*innovation
	common    int64    // agreement of the two tellings that agree most
	akin      int64    // of these, in thousandths
	apart     int64    // likewise
	self      int64    // what the draft has in common with itself
	odds      int64    // that they are the same: thousandths of natural log-odds
	mine, its *telling // those
	makers    []int32  // originators in common
	days      int      // between the two in_use_since; unknown: -1
	relation  string   // by lineage
	finally   int32    // the innovation that it was merged into, or itself
}

// look compares an innovation with the draft.
func (s *search) look(i *innovation) match {
	m := match{innovation: i, finally: s.final(i.number), relation: s.relation(i)}
	m.days = daysBetween(s.draft.InUseSince, m.InUseSince)
	s.compareTexts(&m)
	s.compareOriginators(&m)
	return m
}

// compareTexts finds the two tellings that agree most: nynorsk and bokmål are one
// language here. Where there are none in the same language, names and foreign
// words may still tell something.
func (s *search) compareTexts(m *match) {
	its := s.Fold.tellings(m.Innovation)
	for _, sameLanguage := range []bool{true, false} {
		for k := range its {
			for l := range s.tellings {
				mine, its := &s.tellings[l], &its[k]
				if sameLanguage && tongue(mine.language) != tongue(its.language) {
					continue
				}
				if common := s.agreement(mine, its, s.chances[l], m.number); m.its == nil || common > m.common {
					m.common, m.self, m.mine, m.its = common, s.selves[l], mine, its
				}
			}
		}
		if m.its != nil {
			m.akin, m.apart = akin(m.mine.themes, m.its.themes), apart(m.mine, m.its)
			return
		}
	}
}

func tongue(language string) string {
	if language == "nn" {
		return "nb"
	}
	return language
}

// compareOriginators finds the originators that the two have in common.
func (s *search) compareOriginators(m *match) {
	its := append(slices.Clone(m.innovation.makers), s.innovations[m.finally].makers...)
	for _, o := range its {
		if slices.Contains(s.makers, s.heir(o)) {
			add(&m.makers, o)
		}
	}
}

// daysBetween counts the days between two dates; -1 if one is missing.
func daysBetween(a, b ledger.Date) int {
	x, errA := time.Parse(time.DateOnly, string(a))
	y, errB := time.Parse(time.DateOnly, string(b))
	if errA != nil || errB != nil {
		return -1
	}
	return int(x.Sub(y).Abs() / (24 * time.Hour))
}

// relation is how an innovation and the draft belong together by what their
// originators have declared.
func (s *search) relation(i *innovation) string {
	n := s.final(i.number)
	switch parent := s.innovations[n].parent; {
	case s.line == none || s.Fold.root(n) != s.line:
		return ""
	case s.parent == n:
		return "derived_from"
	case parent != none && s.is(parent):
		return "branch"
	}
	return "same_root"
}

// shown gives what is similar enough: so that it stands out among others, or half
// the draft's text, which is a copy however often it was registered before. The
// most similar is first; of innovations that were merged there is only the one
// that is most similar.
func (s *search) shown(all []match) []match {
	slices.SortFunc(all, func(a, b match) int {
		return cmp.Or(cmp.Compare(b.alone(), a.alone()), cmp.Compare(a.number, b.number))
	})
	seen := map[int32]bool{}
	all = slices.DeleteFunc(all, func(m match) bool {
		before := seen[m.finally]
		seen[m.finally] = true
		return before
	})
	best := bestOf(all)
	for k := range all {
		m := &all[k]
		m.odds = max(m.alone(), m.common-max(enoughOfACopy, m.self/2))
		if m.mine.themes == nil || m.its.themes == nil {
			m.odds = max(m.odds, m.common-best.beside(m.common)*besideOthers/1000-enoughWords)
		}
	}
	slices.SortFunc(all, func(a, b match) int { return cmp.Or(cmp.Compare(b.odds, a.odds), cmp.Compare(a.number, b.number)) })
	return slices.DeleteFunc(all, func(m match) bool {
		return m.relation == "" && likeness(m.odds) < leastScore
	})
}

// alone is the odds by themes and originators.
func (m match) alone() int64 {
	odds := m.akin*forThemes/1000 - m.apart*forApartness/1000 - enough
	if len(m.makers) > 0 {
		odds += forOriginators
	}
	return odds
}

// most is what the draft has in common with those that it has most in common with,
// descending: one more than say what is typical of it.
type most []int64

func bestOf(all []match) (best most) {
	for _, m := range all {
		best = append(best, m.common)
	}
	slices.SortFunc(best, func(a, b int64) int { return cmp.Compare(b, a) })
	return best[:min(len(best), bestOthers+1)]
}

// beside is what the draft has in common with the best ones beside one with which
// it has that much, on average: a draft that is like many is like each the less.
func (best most) beside(common int64) int64 {
	sum := -common
	if len(best) > bestOthers {
		sum = -max(common, best[bestOthers])
	}
	for _, c := range best {
		sum += c
	}
	return sum / bestOthers
}

// describe tells a match to readers, given the odds of the best one. What is clearly
// behind that is no likely duplicate: a draft tells one project.
func (s *search) describe(m match, best int64) Similar {
	final := s.innovations[m.finally]
	read := s.read(m.innovation)
	out := Similar{
		Innovation: final.id.String(), Title: m.Title, Status: "published", Originators: read.Originators, InUseSince: m.InUseSince,
		Score: float64(likeness(m.odds)) / 1000, Reasons: s.reasons(m),
		Likely: m.odds >= 0 && m.odds >= best-clearlyBehind,
	}
	if final != m.innovation {
		out.Through = m.id.String()
	}
	if final.withdrawn != nil {
		out.Status = "withdrawn"
	}
	return out
}

// logistic is the logistic function at 0, 1, 2 …, in thousandths.
var logistic = []int64{500, 731, 881, 953, 982, 993, 998, 999}

// likeness brings log-odds to 0 to 1,000: 500 where both are as likely. Half the
// log-odds are taken, to spread what lies far from there.
func likeness(odds int64) int64 {
	if odds < 0 {
		return 1000 - likeness(-odds)
	}
	x := odds / 2
	k := min(x/1000, int64(len(logistic)-2))
	return min(logistic[k]+(logistic[k+1]-logistic[k])*(x-1000*k)/1000, logistic[len(logistic)-1])
}

// reasons says why an innovation is similar.
func (s *search) reasons(m match) []SimilarReason {
	reasons := []SimilarReason{}
	shared, related := s.wordsOf(m)
	if len(shared) > 0 {
		reasons = append(reasons, SimilarReason{Kind: "shared_words", Words: shared})
	}
	if len(related) > 0 {
		reasons = append(reasons, SimilarReason{Kind: "related_words", Words: related})
	}
	if len(m.makers) > 0 {
		r := SimilarReason{Kind: "same_originators"}
		for _, o := range m.makers {
			r.Organisations = append(r.Organisations, s.orgs[o].Orgnr)
		}
		reasons = append(reasons, r)
	}
	if m.days >= 0 && m.days <= closeDays {
		reasons = append(reasons, SimilarReason{Kind: "close_in_time", Days: &m.days})
	}
	if m.relation != "" {
		reasons = append(reasons, SimilarReason{Kind: "lineage", Relation: m.relation})
	}
	return reasons
}

// wordsOf gives the words of an innovation that the draft has, too, and those
// that speak of the same; what tells most goes first.
func (s *search) wordsOf(m match) (shared, related []string) {
	var common, others []weighed
	tell := themes().tell(inBoth(m.mine.themes, m.its.themes))
	for _, t := range m.its.tokens {
		var words int64
		for _, key := range t.keys {
			if m.mine.keys[key].often > 0 {
				words += s.weight(key).rarity
			}
		}
		switch {
		case words >= leastRarity:
			common = append(common, weighed{t.written, words})
		case words == 0:
			if told := s.told(t, m.mine, tell); told >= leastTold {
				others = append(others, weighed{t.written, told})
			}
		}
	}
	return heaviest(common), heaviest(others)
}

// told is how much a word tells of what a draft speaks of, too: a topic, or the themes
// that tell knows.
func (s *search) told(t token, mine *telling, tell func(key string) int64) (most int64) {
	for _, key := range t.keys {
		most += tell(key)
	}
	for _, topic := range t.topics {
		if mine.keys[topic].often > 0 {
			most = max(most, s.weight(topic).rarity)
		}
	}
	return most
}

type weighed struct {
	written string
	weight  int64
}

func heaviest(all []weighed) (words []string) {
	slices.SortStableFunc(all, func(a, b weighed) int { return cmp.Compare(b.weight, a.weight) })
	seen := map[string]bool{}
	for _, w := range all {
		if folded := fold(w.written); !seen[folded] && len(words) < mostWords {
			seen[folded] = true
			words = append(words, w.written)
		}
	}
	return words
}
