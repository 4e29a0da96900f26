package projections

import (
	"math"
	binary "math/bits"
	"slices"
	"strings"
	"sync"
)

// concordance says of every word of the innovations' texts, and of every topic, in
// which innovations it stands, and of every theme which innovations lean to it most.
// It follows from the texts as they are now.
//
// Innovations are taken in when something similar is asked for, not when they are
// applied: that would make replaying a ledger half as fast. Readers of a fold may
// ask at the same time, so mu guards catchUp; once it has taken all in, nothing
// changes until something is applied, which no reader sees happen.
type concordance struct {
	mu      sync.Mutex
	known   map[string]word  // words in lower case that were taken apart before
	numbers map[string]int32 // keys of words, and topics
	places  [][]int32        // by a key's number: innovations by number, ascending
	themed  [][]int32        // by theme: likewise
	sizes   []uint16         // by innovation: in how many places it is
	size    int              // all sizes together
}

// maxKnown is how many words are remembered taken apart.
const maxKnown = 1 << 16

func newConcordance() *concordance {
	return &concordance{known: map[string]word{}, numbers: map[string]int32{}}
}

// catchUp takes in up to limit innovations that were not yet, and reports whether
// there are more.
func (c *concordance) catchUp(all []*innovation, limit int) (more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range all[len(c.sizes):min(len(all), len(c.sizes)+limit)] {
		c.sizes = append(c.sizes, 0)
		c.enter(i.number, i.words)
	}
	return len(c.sizes) < len(all)
}

// revise takes in an innovation's folded texts in place of those it had before.
func (c *concordance) revise(innovation int32, before, now string) {
	if int(innovation) >= len(c.sizes) {
		return // not taken in yet
	}
	c.each(before, func(places *[]int32) { *places = without(*places, innovation) })
	c.size -= int(c.sizes[innovation])
	c.sizes[innovation] = 0
	c.enter(innovation, now)
}

func (c *concordance) enter(innovation int32, text string) {
	c.each(text, func(places *[]int32) {
		if with, isNew := insert(*places, innovation); isNew {
			*places = with
			c.sizes[innovation]++
		}
	})
	c.size += int(c.sizes[innovation])
}

// each calls fn with all places where a folded text's words, phrases, topics and
// foremost themes are noted.
func (c *concordance) each(text string, fn func(places *[]int32)) {
	var before [longestPhrase - 1]string // the words before, the last one first
	var keys []string
	for from, to := range spans(text) {
		w := c.word(text[from:to])
		if len(w.keys) == 0 {
			continue
		}
		keys = append(keys, w.keys...)
		for _, n := range w.numbers {
			fn(&c.places[n])
		}
		for _, p := range w.ends {
			if p.follows(before[:]) {
				for _, key := range append([]string{p.meaning}, p.topics...) {
					fn(&c.places[c.number(key)])
				}
			}
		}
		before[1], before[0] = before[0], w.own
	}
	c.eachTheme(keys, fn)
}

// eachTheme calls fn with the places of the foremost themes of a text with these keys.
func (c *concordance) eachTheme(keys []string, fn func(places *[]int32)) {
	all := themes().lean(func(yield func(string, int64) bool) {
		for _, key := range keys {
			if !yield(key, oftenness[1]) {
				return
			}
		}
	})
	if c.themed == nil {
		c.themed = make([][]int32, themes().count)
	}
	for _, l := range foremostThemes(all) {
		fn(&c.themed[l.theme])
	}
}

// word takes a word in lower case apart, or remembers how it was.
func (c *concordance) word(lower string) word {
	if w, ok := c.known[lower]; ok {
		return w
	}
	w := lexicon.analyse(lower)
	for _, key := range slices.Concat(w.keys, w.topics) {
		w.numbers = append(w.numbers, c.number(key))
	}
	if len(c.known) < maxKnown {
		c.known[strings.Clone(lower)] = w
	}
	return w
}

// number gives a key's number, a new one to a new key.
func (c *concordance) number(key string) int32 {
	n, ok := c.numbers[key]
	if !ok {
		n = int32(len(c.places))
		c.numbers[strings.Clone(key)] = n
		c.places = append(c.places, nil)
	}
	return n
}

// of gives the innovations where a key stands.
func (c *concordance) of(key string) []int32 {
	if n, ok := c.numbers[key]; ok {
		return c.places[n]
	}
	return nil
}

// insert puts a number into its place; mostly that is the end.
func insert(places []int32, number int32) (with []int32, isNew bool) {
	if len(places) == 0 || places[len(places)-1] < number {
		return append(places, number), true
	}
	at, found := slices.BinarySearch(places, number)
	if found {
		return places, false
	}
	return slices.Insert(places, at, number), true
}

func without(places []int32, number int32) []int32 {
	if at, found := slices.BinarySearch(places, number); found {
		return slices.Delete(places, at, at+1)
	}
	return places
}

// Before a ledger says how common a word is, this many innovations that are
// thought of say so, by the lexicon's [common] words.
const thought = 50

// commonness is how many of all innovations, those thought of too, have a key.
func (c *concordance) commonness(key string) (some, all int) {
	all = len(c.sizes) + thought
	return min(all, len(c.of(key))+max(1, lexicon.common[key]*thought/100)), all
}

// usualSize is in how many places an innovation is on average.
func (c *concordance) usualSize() int { return max(1, c.size/max(1, len(c.sizes))) }

// bitsOf is the binary logarithm of a ratio of at least 1, in thousandths. It is
// the same on all processors, as floating point would not promise.
func bitsOf(all, some int) int64 {
	if some >= all {
		return 0
	}
	x := uint64(all) << 32 / uint64(some)
	whole := binary.Len64(x) - 1 - 32
	x >>= whole // 1 to 2, with 32 binary digits behind the point
	fraction := int64(0)
	for range 12 {
		hi, lo := binary.Mul64(x, x)
		x = hi<<32 | lo>>32
		fraction <<= 1
		if x >= 2<<32 {
			x >>= 1
			fraction |= 1
		}
	}
	return int64(whole)*1000 + fraction*1000>>12
}

// squareRoot is rounded down. IEEE 754 fixes it to the last digit.
func squareRoot(n int64) int64 { return int64(math.Sqrt(float64(n))) }
