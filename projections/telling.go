package projections

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// telling is an innovation as one language tells it: what its words are and what
// they speak of.
type telling struct {
	language string
	tokens   []token
	titled   int              // how many of the tokens stand in the title
	keys     map[string]uint8 // how a word or a part of one stands in it: inSummary or inTitle
	topics   []uint8          // how often each is spoken of, in the title doubly; at most oftenEnough
}

// Where a word stands.
const (
	inSummary uint8 = 1
	inTitle   uint8 = 2
)

// oftenEnough is where speaking more of a topic makes no difference.
const oftenEnough = 3

// token is a word, or a phrase of several, that says something.
type token struct {
	written string
	own     string   // its own key, for phrases; a phrase has none
	keys    []string // by which it meets others
	topics  []uint8
}

// tell takes a title and a summary apart.
func (l *lexiconOf) tell(language, title, summary string, known map[string]word) telling {
	t := telling{language: language, tokens: l.tokens(nil, title, known)}
	t.titled = len(t.tokens)
	t.tokens = l.tokens(t.tokens, summary, known)
	t.keys, t.topics = make(map[string]uint8, len(t.tokens)), make([]uint8, len(l.names))
	for i, token := range t.tokens {
		where := inSummary
		if i < t.titled {
			where = inTitle
		}
		for _, key := range token.keys {
			t.keys[key] = max(t.keys[key], where)
		}
		for _, topic := range token.topics {
			t.topics[topic] = min(t.topics[topic]+where, oftenEnough)
		}
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
