package projections

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// How words of two texts meet: every word is brought to a key that it has in
// common with its inflected forms, in bokmål and in nynorsk, and with words of the
// field that mean the same. Compounds are taken apart as well.

//go:embed words.txt
var wordLists string

// lexicon is words.txt, read once.
var lexicon = readLexicon(wordLists)

// lexiconOf is what is known of words, by their keys.
type lexiconOf struct {
	stop    map[string]bool
	respell *strings.Replacer
	forms   map[string]string   // another form's key: the key
	same    map[string]string   // key: that of the first word which means the same
	phrases map[string][]phrase // by the own key of their last word
	parts   map[string]bool     // what compounds are made of
	whole   map[string]bool     // what is not taken apart
	common  map[string]int      // in how many of a hundred innovations
	topics  map[string][]string // the keys of those that a word speaks of
}

func readLexicon(lists string) *lexiconOf {
	sections := map[string][]string{}
	name := ""
	for line := range strings.Lines(lists) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "# "):
		case strings.HasPrefix(line, "["):
			name = strings.Trim(line, "[]")
		default:
			sections[name] = append(sections[name], line)
		}
	}
	l := &lexiconOf{
		stop: map[string]bool{}, forms: map[string]string{}, same: map[string]string{}, phrases: map[string][]phrase{},
		parts: map[string]bool{}, whole: map[string]bool{}, common: map[string]int{}, topics: map[string][]string{},
	}
	l.readStop(sections["stop"])
	l.readForms(sections["respell"], sections["forms"])
	l.readSame(sections["same"])
	l.readParts(sections["parts"])
	l.readCommon(sections["common"])
	l.readTopics(sections["topics"])
	l.finishPhrases()
	return l
}

func (l *lexiconOf) readStop(lines []string) {
	for _, line := range lines {
		for _, w := range strings.Fields(line) {
			l.stop[w] = true
		}
	}
}

func (l *lexiconOf) readForms(respell, forms []string) {
	var pairs []string
	for _, p := range strings.Fields(strings.Join(respell, " ")) {
		from, to, _ := strings.Cut(p, "=")
		pairs = append(pairs, from, to)
	}
	l.respell = strings.NewReplacer(pairs...)
	for _, p := range strings.Fields(strings.Join(forms, " ")) {
		from, to, _ := strings.Cut(p, "=")
		a, b := l.plainKey(from), l.plainKey(to)
		if a != b {
			l.forms[a] = b
		}
		l.parts[b], l.whole[b] = true, true
	}
}

func (l *lexiconOf) readSame(lines []string) {
	for _, line := range lines {
		first := ""
		for _, w := range strings.Fields(line) {
			key := l.phrase(w)
			if first == "" {
				first = key
			}
			if strings.Contains(key, " ") {
				l.addPhrase(key, first)
				continue
			}
			l.parts[key], l.whole[key] = true, true
			if _, known := l.same[key]; !known {
				l.same[key] = first
			}
		}
	}
}

func (l *lexiconOf) readParts(lines []string) {
	for _, w := range strings.Fields(strings.Join(lines, " ")) {
		key := l.key(w)
		l.parts[key], l.whole[key] = true, true
	}
}

// topicMark goes before a topic's name in its key, which no word has.
const topicMark = "≈"

// readTopics reads lines such as "what lung: lunge astma". A word of a topic may
// be a compound, so it is still taken apart where all its parts are known.
func (l *lexiconOf) readTopics(lines []string) {
	for _, line := range lines {
		name, list, _ := strings.Cut(line, ":")
		topic := topicMark + name
		for _, w := range strings.Fields(list) {
			key := l.phrase(w)
			if strings.Contains(key, " ") {
				l.addPhrase(key, key)
			} else {
				l.parts[key] = true
			}
			if !slices.Contains(l.topics[key], topic) {
				l.topics[key] = append(l.topics[key], topic)
			}
		}
	}
}

// addPhrase notes a phrase, given as keys with spaces between, the first time.
func (l *lexiconOf) addPhrase(keys, meaning string) {
	words := strings.Fields(keys)
	last := words[len(words)-1]
	before := slices.Clone(words[:len(words)-1])
	slices.Reverse(before)
	p := phrase{before: before, meaning: meaning}
	if !slices.ContainsFunc(l.phrases[last], func(x phrase) bool { return slices.Equal(x.before, before) }) {
		l.phrases[last] = append(l.phrases[last], p)
	}
}

// finishPhrases orders phrases, the longest first, and gives them their topics.
func (l *lexiconOf) finishPhrases() {
	for last, phrases := range l.phrases {
		slices.SortStableFunc(phrases, func(a, b phrase) int { return len(b.before) - len(a.before) })
		for k, p := range phrases {
			words := slices.Clone(p.before)
			slices.Reverse(words)
			own := strings.Join(append(words, last), " ")
			phrases[k].topics = slices.Concat(l.topics[own], l.topics[p.meaning])
			slices.Sort(phrases[k].topics)
			phrases[k].topics = slices.Compact(phrases[k].topics)
		}
	}
}

// phrase gives the keys of words that + joins, without those that say nothing.
func (l *lexiconOf) phrase(joined string) string {
	var parts []string
	for part := range strings.SplitSeq(strings.ToLower(joined), "+") {
		if !l.stop[part] {
			parts = append(parts, l.key(part))
		}
	}
	return strings.Join(parts, " ")
}

func (l *lexiconOf) readCommon(lines []string) {
	for _, line := range lines {
		fields := strings.Fields(line)
		percent, err := strconv.Atoi(fields[0])
		if err != nil {
			panic("words.txt: [common] needs a number before the words: " + line)
		}
		for _, w := range fields[1:] {
			key := l.key(w)
			l.parts[key], l.whole[key] = true, true
			key = l.meaning(key)
			l.common[key] = max(l.common[key], percent)
		}
	}
}

// meaning is the key of the first word that means the same.
func (l *lexiconOf) meaning(key string) string {
	if first, ok := l.same[key]; ok {
		return first
	}
	return key
}

// key brings a word in lower case to what its forms have in common.
func (l *lexiconOf) key(word string) string {
	return l.other(l.plainKey(word))
}

func (l *lexiconOf) plainKey(word string) string {
	return systematic(l.respell.Replace(stem(l.respell.Replace(word))))
}

// sounds are the differences between nynorsk and bokmål that go through the
// language; which of the two is meant does not matter, as both become one.
var sounds = newSounds()

func newSounds() *strings.Replacer {
	pairs := []string{"kj", "k", "gj", "g", "æ", "e", "é", "e", "ó", "o", "ô", "o", "ò", "o"}
	for _, diphthong := range [][2]string{{"ei", "e"}, {"øy", "ø"}, {"au", "ø"}} {
		for _, consonant := range "bdfgjklmnprstv" {
			pairs = append(pairs, diphthong[0]+string(consonant), diphthong[1]+string(consonant))
		}
	}
	return strings.NewReplacer(pairs...)
}

func systematic(key string) string {
	if rest, ok := strings.CutPrefix(key, "kv"); ok {
		key = "hv" + rest
	}
	key = contracted(sounds.Replace(key))
	if rest, ok := strings.CutSuffix(key, "mm"); ok {
		return rest + "m" // hjem, hjemmet
	}
	return key
}

// contracted takes the e out of an ending -el, and one of the two consonants
// before: fødsel has fødsler, and middel has midler.
func contracted(key string) string {
	rest, ok := strings.CutSuffix(key, "el")
	if !ok || !longEnough(rest, 3) || endsInVowel(rest) {
		return key
	}
	if last := len(rest) - 1; rest[last] == rest[last-1] {
		rest = rest[:last]
	}
	return rest + "l"
}

// Endings, the longer before the shorter. Of those of inflection a word may have
// two (bruk-er-ne), and below them one of derivation (undersøk-else-r).
var (
	inflections = []string{
		"erane", "arane", "erene", "arene", "erne",
		"anes", "enes", "ande", "ende", "ane", "ene", "ens", "ets", "ere", "ast", "est", "ede", "ers", "ars",
		"en", "et", "er", "ar", "es", "a", "e",
	}
	derivations = []string{"asjon", "ering", "els", "het", "heit", "ert", "ing", "isk", "i"}
)

// stem takes the endings of Norwegian inflection, and those that turn a verb or
// an adjective into a noun, off a word in lower case.
func stem(word string) string {
	return participle(derived(inflected(inflected(word))))
}

func inflected(word string) string {
	if strings.HasSuffix(word, "het") || strings.HasSuffix(word, "heit") {
		return word
	}
	for _, ending := range inflections {
		if rest, ok := strings.CutSuffix(word, ending); ok && longEnough(rest, 3) {
			return rest
		}
	}
	return word
}

func derived(word string) string {
	for _, ending := range derivations {
		rest, ok := strings.CutSuffix(word, ending)
		if !ok {
			continue
		}
		switch ending {
		case "els":
			if longEnough(rest, 2) {
				return rest
			}
		case "ing":
			if before, n := strings.CutSuffix(rest, "n"); n && longEnough(before, 3) && !endsInVowel(before) {
				return before // utskriv-n-ing
			}
			if longEnough(rest, 2) {
				return rest
			}
		default:
			if longEnough(rest, 4) {
				return rest
			}
		}
	}
	if rest, ok := strings.CutSuffix(word, "insk"); ok && longEnough(rest, 3) {
		return rest + "in" // medisin-sk
	}
	if rest, ok := strings.CutSuffix(word, "lig"); ok && longEnough(rest, 2) {
		return rest + "leg"
	}
	return word
}

// participle takes off the t of bruk-t, sen-d-t and digital-t.
func participle(word string) string {
	rest, ok := strings.CutSuffix(word, "t")
	if ok && longEnough(rest, 3) && strings.ContainsAny(rest[len(rest)-1:], "dgklpv") {
		return rest
	}
	return word
}

// longEnough reports whether what is left of a word has some letters and among
// them a vowel.
func longEnough(rest string, letters int) bool {
	return utf8.RuneCountInString(rest) >= letters && strings.ContainsAny(rest, vowels)
}

const vowels = "aeiouyæøåéóöäü"

func endsInVowel(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return strings.ContainsRune(vowels, r)
}

// word is what is known of one.
type word struct {
	own     string   // its own key
	keys    []string // by which it meets others: those of its parts, if it has any, so that a compound meets the same told in several words
	topics  []string // that it speaks of
	ends    []phrase // that it may be the last word of
	numbers []int32  // of keys and topics, in a concordance
}

// phrase is some words that mean something together.
type phrase struct {
	before  []string // own keys of the words before its last, the nearest first
	meaning string   // its key
	topics  []string
}

// longestPhrase is the most words of a phrase.
const longestPhrase = 3

// follows reports whether the phrase's last word stands after the words before it.
func (p phrase) follows(before []string) bool {
	return len(before) >= len(p.before) && slices.Equal(before[:len(p.before)], p.before)
}

// analyse takes a word in lower case apart. A word that says nothing has no keys.
func (l *lexiconOf) analyse(lower string) (w word) {
	if l.stop[lower] || utf8.RuneCountInString(lower) < 2 {
		return w
	}
	apart := l.takeApart(lower)
	w.own = apart[0]
	w.ends = l.phrases[w.own]
	for _, k := range apart {
		for _, topic := range slices.Concat(l.topics[k], l.topics[l.meaning(k)]) {
			if !slices.Contains(w.topics, topic) {
				w.topics = append(w.topics, topic)
			}
		}
	}
	if len(apart) > 1 {
		apart = apart[1:]
	}
	for _, k := range apart {
		w.keys = append(w.keys, l.meaning(k))
	}
	return w
}

// takeApart gives a word's key and, if it is a compound, those of its parts. The
// key of a compound is made of them, so that bokmål and nynorsk agree in it.
func (l *lexiconOf) takeApart(lower string) []string {
	key, stemmed := l.key(lower), l.respell.Replace(stem(l.respell.Replace(lower)))
	if adjective(lower) {
		return []string{key}
	}
	parts := l.split(key, stemmed)
	if parts == nil {
		return []string{key}
	}
	return append([]string{strings.Join(parts, "")}, parts...)
}

// adjective reports whether a word ends in -lig, which is no lege.
func adjective(lower string) bool {
	for _, ending := range []string{"lig", "leg", "lige", "ligt", "ligere", "legare"} {
		if strings.HasSuffix(lower, ending) {
			return true
		}
	}
	return false
}

// The least letters that a known part of a compound may have: beside other known
// ones, and beside one that is not known, which has at least the third number. What
// has more bytes than the last is no word that anybody writes, and is left whole.
const (
	leastPart    = 3
	leastAlone   = 5
	leastUnknown = 3
	mostOfAWord  = 64
)

// split takes a compound apart: into parts that are all known, or else into a
// known one and the rest. What is no compound gives none.
func (l *lexiconOf) split(key, stemmed string) []string {
	if l.whole[key] || len(stemmed) < 2*leastPart || len(stemmed) > mostOfAWord {
		return nil
	}
	if parts := l.known(stemmed, map[int][]string{}); parts != nil || l.parts[key] {
		return parts
	}
	return l.halfKnown(stemmed)
}

// links are what may stand between two parts, beside the endings that a stem
// loses.
var links = []string{"", "s"}

// known takes a compound apart into the fewest known parts; of as many, those
// with the first as long as can be and without a link. What ends of the word are made
// of, by their length, is kept in ends: parts of parts would have it asked for anew
// by each way to them.
func (l *lexiconOf) known(stemmed string, ends map[int][]string) (best []string) {
	if parts, asked := ends[len(stemmed)]; asked {
		return parts
	}
	defer func() { ends[len(stemmed)] = best }()
	for _, link := range links {
		for i := len(stemmed) - leastPart; i >= leastPart; i-- {
			first, ok := l.linked(stemmed[:i], link)
			if !ok || !utf8.RuneStart(stemmed[i]) {
				continue
			}
			if second := l.last(stemmed[i:]); l.parts[second] && longEnough(stemmed[i:], leastPart) {
				return fewer(best, []string{first, second})
			}
			if rest := l.known(stemmed[i:], ends); rest != nil {
				best = fewer(best, append([]string{first}, rest...))
			}
		}
	}
	return best
}

func fewer(a, b []string) []string {
	if a == nil || len(b) < len(a) {
		return b
	}
	return a
}

// last is the key of a compound's last part, which is a stem already.
func (l *lexiconOf) last(stemmed string) string { return l.other(systematic(stemmed)) }

// other is the key of the form that stands for a word's forms.
func (l *lexiconOf) other(key string) string {
	if other, ok := l.forms[key]; ok {
		return other
	}
	return key
}

// linked finds a known part that others follow after a link. An s that may be one
// is none of the part's own: hjertes-vik is hjerte-svik.
func (l *lexiconOf) linked(head, link string) (string, bool) {
	part, ok := strings.CutSuffix(head, link)
	if !ok || !longEnough(part, leastPart) {
		return "", false
	}
	key := l.key(part)
	if shorter, s := strings.CutSuffix(part, "s"); s && l.key(shorter) == key {
		return "", false
	}
	return key, l.parts[key]
}

func (l *lexiconOf) halfKnown(stemmed string) []string {
	for i := leastUnknown; i <= len(stemmed)-leastAlone; i++ {
		if utf8.RuneStart(stemmed[i]) && longEnough(stemmed[i:], leastAlone) && longEnough(stemmed[:i], leastUnknown) {
			if second := l.last(stemmed[i:]); l.parts[second] {
				return []string{l.key(strings.TrimSuffix(stemmed[:i], "s")), second}
			}
		}
	}
	for _, link := range slices.Backward(links) { // an s is seldom the first letter of what is not known
		for i := len(stemmed) - leastUnknown; i >= leastAlone; i-- {
			if !utf8.RuneStart(stemmed[i]) || !longEnough(stemmed[:i], leastAlone) || !longEnough(stemmed[i:], leastUnknown) {
				continue
			}
			if first, ok := l.linked(stemmed[:i], link); ok {
				return []string{first, l.last(stemmed[i:])}
			}
		}
	}
	return nil
}
