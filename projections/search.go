package projections

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"spredning/ledger"
)

// searchable is what a search looks through: titles and summaries in all languages,
// folded to one case. å stays å: in Norwegian it is a letter of its own.
func searchable(d *ledger.Innovation) string {
	var b strings.Builder
	for _, t := range []ledger.Text{d.Title, d.Summary} {
		for _, s := range t.All() {
			b.WriteString(s)
			b.WriteByte('\n')
		}
	}
	return fold(b.String())
}

func fold(s string) string { return cases.Lower(language.Norwegian).String(norm.NFC.String(s)) }

// neighbours writes the letters of neighbouring languages as Norwegian keyboards
// have them.
var neighbours = strings.NewReplacer("ä", "æ", "ö", "ø")

// term is a part of a query that an innovation must have: a word, or words that
// mean something together. One of three ways is enough.
type term struct {
	words []string  // as they were written: all stand in the texts
	keys  []string  // by which they meet other forms: all stand side by side
	alone [][]int32 // where each of the keys stands
	names []bool    // by organisation: its name or short name has the words
	known map[string]word
}

// terms takes a query apart. Words that say nothing are passed over, unless there
// are no others.
func (f *Fold) terms(query string) (all []term) {
	f.concordance.catchUp(f.innovations, len(f.innovations))
	query = neighbours.Replace(fold(query))
	for _, t := range lexicon.tokens(nil, query, f.concordance.known) {
		all = append(all, f.term(t.written, t.keys))
	}
	if len(all) == 0 {
		for from, to := range spans(query) {
			all = append(all, f.term(query[from:to], nil))
		}
	}
	return all
}

func (f *Fold) term(written string, keys []string) term {
	t := term{words: strings.Fields(written), keys: keys, names: make([]bool, len(f.orgs)), known: f.concordance.known}
	for _, key := range keys {
		t.alone = append(t.alone, f.concordance.of(key))
	}
	if len(keys) == 1 && lexicon.parts[keys[0]] {
		return t // a word of the field, as sykehus in most names
	}
	for n, o := range f.orgs {
		t.names[n] = t.begins(fold(o.Name + "\n" + o.Short))
	}
	return t
}

// has reports whether an innovation has all terms, in its texts or in the names of
// its originators.
func (i *innovation) has(terms []term) bool {
	for k := range terms {
		t := &terms[k]
		if !t.written(i.words) && !t.meant(i) && !slices.ContainsFunc(i.makers, func(m int32) bool { return t.names[m] }) {
			return false
		}
	}
	return true
}

// The letters that a word has at least to be found anywhere within another, and at
// the beginning of one. What is shorter, KI or VR, must be a word of its own.
const (
	leastWithin = 4
	leastBefore = 3
)

// written reports whether the words stand in a folded text.
func (t *term) written(text string) bool {
	for _, w := range t.words {
		if !standsIn(text, w) {
			return false
		}
	}
	return true
}

// begins reports whether words of a folded name begin with the words.
func (t *term) begins(name string) bool {
	for _, w := range t.words {
		if !beginsIn(name, w) {
			return false
		}
	}
	return true
}

func standsIn(text, word string) bool {
	if utf8.RuneCountInString(word) >= leastWithin {
		return strings.Contains(text, word)
	}
	return beginsIn(text, word)
}

// beginsIn reports whether a word of a text begins with another, or is it if that is
// short.
func beginsIn(text, word string) bool {
	letters := utf8.RuneCountInString(word)
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return false
		}
		at += from
		from = at + len(word)
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[from:])
		if !inWord(before) && (letters >= leastBefore || !inWord(after)) {
			return true
		}
	}
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// meant reports whether an innovation's texts have other forms of the words, or
// others that mean the same.
func (t *term) meant(i *innovation) bool {
	for _, places := range t.alone {
		if _, there := slices.BinarySearch(places, i.number); !there {
			return false
		}
	}
	return len(t.keys) == 1 || len(t.keys) > 1 && t.together(i.words)
}

// together reports whether all keys stand in a folded text side by side: those of
// hjemmesykehus in "sykehus i hjemmet".
func (t *term) together(text string) bool {
	last := make([]int, len(t.keys)) // word that has it
	n, end := 0, 0
	for from, to := range spans(text) {
		if strings.ContainsAny(text[end:from], ".:;\n") {
			n += len(t.keys) // another sentence
		}
		end = to
		w := lexicon.word(text[from:to], t.known)
		if len(w.keys) == 0 {
			continue
		}
		n++
		for k, key := range t.keys {
			if slices.Contains(w.keys, key) {
				last[k] = n
			}
		}
		if first := slices.Min(last); first > 0 && first > n-len(t.keys) {
			return true
		}
	}
	return false
}
