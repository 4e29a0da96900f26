package projections

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// telling is an innovation as one language tells it: what its words are, what they
// speak of, and the themes that it leans to as a whole.
type telling struct {
	language string
	tokens   []token
	keys     map[string]standing
	themes   []leaning
}

// standing is how a word, a part of one or a topic stands in a telling.
type standing struct {
	often  int
	titled bool // in the title, too
}

// The most times that are counted, and how much something weighs that stands so
// often, in thousandths: once, and as much more as the natural logarithm of that.
const oftenEnough = 8

var oftenness = [oftenEnough + 1]int64{0, 1000, 1693, 2099, 2386, 2609, 2792, 2946, 3079}

// emphasis is how much it weighs, in thousandths: half as much again in a title.
func (s standing) emphasis() int64 {
	weight := oftenness[min(s.often, oftenEnough)]
	if s.titled {
		weight += weight / 2
	}
	return weight
}

// token is a word, or a phrase of several, that says something.
type token struct {
	written string
	own     string   // its own key, for phrases; a phrase has none
	keys    []string // by which it meets others
	topics  []string
}

// tell takes a title and a summary apart.
func (l *lexiconOf) tell(language, title, summary string, known map[string]word) telling {
	t := telling{language: language, tokens: l.tokens(nil, title, known)}
	titled := len(t.tokens)
	t.tokens = l.tokens(t.tokens, summary, known)
	t.keys = make(map[string]standing, len(t.tokens))
	for i, token := range t.tokens {
		for _, keys := range [][]string{token.keys, token.topics} {
			for _, key := range keys {
				before := t.keys[key]
				t.keys[key] = standing{before.often + 1, before.titled || i < titled}
			}
		}
	}
	if tongue(language) == "nb" {
		t.themes = themes().lean(func(yield func(string, int64) bool) {
			for key, how := range t.keys {
				if !yield(key, how.emphasis()) {
					return
				}
			}
		})
	}
	return t
}

// tokens adds a text's words and phrases to those before it.
func (l *lexiconOf) tokens(all []token, text string, known map[string]word) []token {
	first := len(all)
	for from, to := range spans(text) {
		written := text[from:to]
		w := l.word(strings.ToLower(written), known)
		if len(w.keys) == 0 {
			continue
		}
		all = phrased(append(all, token{written, w.own, w.keys, w.topics}), first, w.ends)
	}
	return all
}

// word looks a word in lower case up in those that are known, or takes it apart.
func (l *lexiconOf) word(lower string, known map[string]word) word {
	if w, ok := known[lower]; ok {
		return w
	}
	return l.analyse(lower)
}

// phrased makes one of the last tokens if they are a phrase that ends there.
func phrased(all []token, first int, ends []phrase) []token {
	for _, p := range ends {
		from := len(all) - 1 - len(p.before)
		if from < first {
			continue
		}
		owns, written := make([]string, 0, longestPhrase), all[from].written
		for k := len(all) - 2; k >= from; k-- {
			owns = append(owns, all[k].own)
		}
		if !p.follows(owns) {
			continue
		}
		for _, t := range all[from+1:] {
			written += " " + t.written
		}
		return append(all[:from], token{written: written, keys: []string{p.meaning}, topics: p.topics})
	}
	return all
}

// spans iterates over the words of a text: letters and digits without a break.
func spans(text string) func(yield func(from, to int) bool) {
	return func(yield func(from, to int) bool) {
		from := -1
		for at, r := range text {
			switch inWord := r < utf8.RuneSelf && asciiWord(r) || r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)); {
			case inWord && from < 0:
				from = at
			case !inWord && from >= 0:
				if !yield(from, at) {
					return
				}
				from = -1
			}
		}
		if from >= 0 {
			yield(from, len(text))
		}
	}
}

func asciiWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
