package projections

import (
	"math"
	"math/bits"
	"slices"
	"strings"

	"spredning/ledger"
)

// concordance says of every word of the innovations' texts, and of every topic,
// in which innovations it stands. It holds nothing that does not follow from
// the texts as they are now.
type concordance struct {
	known  map[string]word    // words that were taken apart before
	places map[string][]int32 // by a word's key; innovations by number, ascending
	topics [][]int32          // by topic, the same
	sizes  []uint16           // by innovation: in how many places it is
}

// maxKnown is how many words are remembered taken apart.
const maxKnown = 1 << 16

func newConcordance() concordance {
	return concordance{known: map[string]word{}, places: map[string][]int32{}, topics: make([][]int32, len(lexicon.names))}
}

// record takes an innovation's texts in, in place of those it had before, if any.
func (c *concordance) record(number int32, before, now *ledger.Innovation) {
	if before != nil {
		c.leave(number, before)
	} else {
		c.sizes = append(c.sizes, 0)
	}
	for _, t := range c.tokens(now) {
		for _, key := range t.keys {
			if places, isNew := insert(c.places[key], number); isNew {
				c.places[key] = places
				c.sizes[number]++
			}
		}
		for _, topic := range t.topics {
			if places, isNew := insert(c.topics[topic], number); isNew {
				c.topics[topic] = places
				c.sizes[number]++
			}
		}
	}
}

func (c *concordance) leave(number int32, before *ledger.Innovation) {
	for _, t := range c.tokens(before) {
		for _, key := range t.keys {
			if places := without(c.places[key], number); len(places) > 0 {
				c.places[key] = places
			} else {
				delete(c.places, key)
			}
		}
		for _, topic := range t.topics {
			c.topics[topic] = without(c.topics[topic], number)
		}
	}
	c.sizes[number] = 0
}

// tokens gives the words of all texts, and remembers how they were taken apart.
func (c *concordance) tokens(d *ledger.Innovation) (all []token) {
	for _, text := range []ledger.Text{d.Title, d.Summary} {
		for _, s := range text.All() {
			c.remember(s)
			all = lexicon.tokens(all, s, c.known)
		}
	}
	return all
}

func (c *concordance) remember(text string) {
	for from, to := range spans(text) {
		lower := strings.ToLower(text[from:to])
		if _, ok := c.known[lower]; !ok && len(c.known) < maxKnown {
			lower = strings.Clone(lower)
			c.known[lower] = lexicon.analyse(lower)
		}
	}
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
// thought of say so; the topics are evenly distributed over a few.
const (
	thoughtWords  = 100
	thoughtTopics = 20
)

// rarity is what sharing a word tells, in thousandths of a bit: how rare it is
// in this ledger and by the lexicon's [common] words.
func (c *concordance) rarity(key string) int64 {
	return bitsOf(len(c.sizes)+thoughtWords, len(c.places[key])+max(1, lexicon.common[key]))
}

// topicRarity is the same of a topic.
func (c *concordance) topicRarity(topic int) int64 {
	return bitsOf(len(c.sizes)+thoughtTopics, len(c.topics[topic])+1)
}

// bitsOf is the binary logarithm of a ratio of at least 1, in thousandths. It is
// the same on all processors, as floating point would not promise.
func bitsOf(all, some int) int64 {
	if some >= all {
		return 0
	}
	x := uint64(all) << 32 / uint64(some)
	whole := bits.Len64(x) - 1 - 32
	x >>= whole // 1 to 2, with 32 binary digits behind the point
	fraction := int64(0)
	for range 12 {
		hi, lo := bits.Mul64(x, x)
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
