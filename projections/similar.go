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

// How much each thing says for two innovations being one, in thousandths of
// natural log-odds. Fitted on testdata/similar/tuning.yaml and rounded.
const (
	unlikely        = -7900 // before anything is known
	forOriginators  = 3500  // they have one in common
	forSeveral      = 1200  // and one of the two has several: partners register a project each
	forTime         = 2700  // in use since the same day, less by half for each halvedIn days between
	forTexts        = 4600  // their texts speak wholly of the same
	againstSubjects = -1300 // they are for other patients or illnesses
	againstMeans    = -900  // they have nothing in common in what is done, or by what means
	forWords        = 120   // for each hundredth of the words in common above manyWords

	manyWords = 450 // thousandths of all words
	halvedIn  = 253 // days

	// What a draft does not say counts as this part of the most, in hundredths.
	unsaidOriginators = 70
	unsaidTime        = 50
)

// What is shown.
const (
	leastScore  = 100  // thousandths
	leastTexts  = 250  // thousandths in common; less is not shown unless declared
	likelyTexts = 300  // the same of a likely duplicate
	leastRarity = 1500 // thousandths of a bit; a more common word is no reason
	behindBest  = 1000 // how far behind the best, in thousandths of log-odds, one is a duplicate no more
	closeDays   = 366  // between in_use_since, to be a reason
	mostWords   = 12   // of a reason
	fullLook    = 100  // candidates that are looked at closely, of all and again of the same originators
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
	rarities map[string]int64 // of words, as far as they were asked for
	topics   []int64          // the topics' rarities
	makers   []int32          // who acts for its originators
	parent   int32            // derived from, finally; none
	line     int32            // the root of its lineage; none
}

func (f *Fold) newSearch(d *ledger.Innovation, self int32) *search {
	s := &search{
		Fold: f, draft: d, self: self, tellings: f.tellings(d), rarities: map[string]int64{},
		topics: make([]int64, len(lexicon.names)), parent: none, line: none,
	}
	for topic := range s.topics {
		s.topics[topic] = f.concordance.topicRarity(topic)
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

// candidates gives the innovations to look at closely: those that for their
// length share most words and topics with the draft, of all and again of its
// originators', and those of its lineage.
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
	chosen := slices.Concat(foremost(all, shared), foremost(own, shared), s.declared())
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

// foremost gives those with the greatest weights, of equal ones the first. all is
// ascending.
func foremost(all []int32, weights []int64) []int32 {
	if len(all) <= fullLook {
		return all
	}
	best := make([]int32, 0, fullLook+1) // the greatest first
	for _, n := range all {
		if len(best) == fullLook && weights[n] <= weights[best[fullLook-1]] {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, n, func(x, n int32) int {
			return cmp.Or(cmp.Compare(weights[n], weights[x]), cmp.Compare(x, n))
		})
		best = slices.Insert(best, at, n)[:min(len(best)+1, fullLook)]
	}
	return best
}

// shared adds up, for every innovation, how rare that is which it has in common
// with the draft, for the innovation's length.
func (s *search) shared() []int64 {
	c := s.concordance
	shared := make([]int64, len(c.sizes))
	keys, topics := map[string]bool{}, make([]bool, len(s.topics))
	for _, t := range s.tellings {
		for _, token := range t.tokens {
			for _, key := range token.keys {
				if !keys[key] {
					keys[key] = true
					addTo(shared, c.of(key), s.rarity(key)*wordShare/1000)
				}
			}
			for _, topic := range token.topics {
				if !topics[topic] {
					topics[topic] = true
					addTo(shared, c.topics[topic], s.topics[topic])
				}
			}
		}
	}
	for n, size := range c.sizes {
		if shared[n] > 0 {
			shared[n] = shared[n] * 1000 / squareRoot(int64(size)*1_000_000)
		}
	}
	return shared
}

func addTo(shared []int64, places []int32, weight int64) {
	for _, n := range places {
		shared[n] += weight
	}
}

func (s *search) rarity(key string) int64 {
	r, ok := s.rarities[key]
	if !ok {
		r = s.concordance.rarity(key)
		s.rarities[key] = r
	}
	return r
}

// match is an innovation compared with the draft.
type match struct {
	*innovation
	odds      int64     // that they are the same: thousandths of natural log-odds
	texts     agreement // of the two tellings that agree most
	mine, its *telling  // those
	makers    []int32   // originators in common
	days      int       // between the two in_use_since; unknown: -1
	relation  string    // by lineage
	finally   int32     // the innovation that it was merged into, or itself
}

// look compares an innovation with the draft.
func (s *search) look(i *innovation) match {
	m := match{innovation: i, finally: s.final(i.number), relation: s.relation(i)}
	s.compareTexts(&m)
	m.odds = unlikely + m.texts.odds() + s.originators(&m) + s.time(&m)
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
				if a := s.agree(mine, its); m.its == nil || a.odds() > m.texts.odds() {
					m.texts, m.mine, m.its = a, mine, its
				}
			}
		}
		if m.its != nil {
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

// originators says what it means that the two have originators in common, or not.
func (s *search) originators(m *match) int64 {
	if len(s.draft.Originators) == 0 {
		return forOriginators * unsaidOriginators / 100
	}
	its := append(slices.Clone(m.innovation.makers), s.innovations[m.finally].makers...)
	for _, o := range its {
		if slices.Contains(s.makers, s.heir(o)) {
			add(&m.makers, o)
		}
	}
	switch {
	case len(m.makers) == 0:
		return 0
	case len(s.draft.Originators) > 1 || len(m.innovation.makers) > 1:
		return forOriginators + forSeveral
	}
	return forOriginators
}

// time says what it means that the two are in use since about the same time, or
// not.
func (s *search) time(m *match) int64 {
	m.days = daysBetween(s.draft.InUseSince, m.InUseSince)
	if m.days < 0 {
		return forTime * unsaidTime / 100
	}
	half := forTime >> (m.days / halvedIn)
	return int64(half - half/2*(m.days%halvedIn)/halvedIn)
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

// shown gives what is similar enough, the most similar first, and of innovations
// that were merged only the one that is most similar.
func (s *search) shown(all []match) []match {
	all = slices.DeleteFunc(all, func(m match) bool {
		return m.relation == "" && (likeness(m.odds) < leastScore || m.texts.subjects < leastTexts)
	})
	slices.SortFunc(all, func(a, b match) int {
		return cmp.Or(cmp.Compare(b.odds, a.odds), cmp.Compare(a.number, b.number))
	})
	seen := map[int32]bool{}
	return slices.DeleteFunc(all, func(m match) bool {
		before := seen[m.finally]
		seen[m.finally] = true
		return before
	})
}

// describe tells a match to readers. An innovation that is clearly behind the
// best one is no likely duplicate: a draft tells one project.
func (s *search) describe(m match, best int64) Similar {
	final := s.innovations[m.finally]
	read := s.read(m.innovation)
	out := Similar{
		Innovation: final.id.String(), Title: m.Title, Status: "published", Originators: read.Originators, InUseSince: m.InUseSince,
		Score: float64(likeness(m.odds)) / 1000, Reasons: s.reasons(m),
		Likely: m.odds >= 0 && m.texts.subjects >= likelyTexts && m.odds >= best-behindBest,
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
	var common, akin []weighed
	for _, t := range m.its.tokens {
		var words, topics int64
		for _, key := range t.keys {
			if m.mine.keys[key] > 0 {
				words += s.rarity(key)
			}
		}
		for _, topic := range t.topics {
			if m.mine.topics[topic] > 0 {
				topics = max(topics, s.topics[topic])
			}
		}
		switch {
		case words >= leastRarity:
			common = append(common, weighed{t.written, words})
		case words == 0 && topics > 0:
			akin = append(akin, weighed{t.written, topics})
		}
	}
	return heaviest(common), heaviest(akin)
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
