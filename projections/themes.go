package projections

import (
	"cmp"
	_ "embed"
	"encoding/binary"
	"iter"
	"slices"
	"strings"
	"sync"
)

// What a text speaks of, by explicit semantic analysis (Gabrilovich and Markovitch,
// Computing Semantic Relatedness Using Wikipedia-based Explicit Semantic Analysis,
// IJCAI 2007): a text leans to the themes by whose words it is told, and two texts
// are akin if they lean to the same, even if they share no word. The themes are
// ideas and subjects of Norwegian hospitals instead of articles of an encyclopedia.

//go:embed themes.idx
var themeIndex []byte

// themes is themes.idx, read when first needed.
var themes = sync.OnceValue(func() *themesOf { return readThemes(themeIndex) })

// themesOf is what is known of themes. They are written in themes.txt; themes.idx says
// of the key of each word, ascending, which themes are told by it, so that a program
// that starts need not take 30,000 words apart. TestThemeIndex makes it.
type themesOf struct {
	count   int
	told    map[string][]mention // by the key of a word: the themes that are told by it
	scratch sync.Pool            // of a number for each theme
}

// mention is a theme that a word tells of, and how much.
type mention struct {
	theme  int32
	weight int32 // thousandths of a bit
}

// leaning is how much a text leans to a theme, the themes ascending.
type leaning struct {
	theme  int32
	weight int64
}

// How much a word tells of a theme: one of those by which the theme is called, and
// one that merely comes up in it.
const (
	calledBy = 2
	comesUp  = 1
)

// readThemes reads an index: the number of themes, then of each key its length and
// bytes, how many themes it tells of, and these, each as twice its distance from the
// one before and 1 more if it is called so. All numbers are unsigned varints.
func readThemes(index []byte) *themesOf {
	number := func() int {
		n, size := binary.Uvarint(index)
		index = index[size:]
		return int(n)
	}
	t := &themesOf{count: number(), told: map[string][]mention{}}
	squares := make([]int64, t.count)
	for len(index) > 0 {
		length := number()
		key := string(index[:length])
		index = index[length:]
		mentions, theme := make([]mention, number()), 0
		for k := range mentions {
			n := number()
			theme += n >> 1
			mentions[k] = mention{int32(theme), comesUp}
			if n&1 == 1 {
				mentions[k].weight = calledBy
			}
			squares[theme] += int64(mentions[k].weight * mentions[k].weight)
		}
		t.told[key] = mentions
	}
	t.weigh(squares)
	t.scratch.New = func() any { return new(make([]int32, t.count)) }
	return t
}

// weigh makes all themes vectors of the same length, and words that tell of fewer
// themes weigh more.
func (t *themesOf) weigh(squares []int64) {
	lengths := make([]int64, t.count)
	for k, s := range squares {
		lengths[k] = squareRoot(s * 1_000_000)
	}
	for _, mentions := range t.told {
		rarity := bitsOf(t.count, len(mentions))
		for k, m := range mentions {
			mentions[k].weight = int32(int64(m.weight) * 1_000_000 / lengths[m.theme] * rarity / 1000)
		}
	}
}

// Leanings are taken to the fourth power, so that the few themes that a text is about
// count, and not the many that it touches. What has less than this of the strongest,
// in thousandths, comes to nothing.
const leastLeaning = 200

// lean finds the themes that a text leans to, given its keys with the emphasis of
// each in thousandths; the strongest gets a weight of 1,000,000.
func (t *themesOf) lean(keys iter.Seq2[string, int64]) (all []leaning) {
	weights := *t.scratch.Get().(*[]int32)
	defer t.scratch.Put(&weights)
	clear(weights)
	for key, emphasis := range keys {
		for _, m := range t.told[key] {
			weights[m.theme] += int32(emphasis * int64(m.weight) / 1000)
		}
	}
	strongest := int64(slices.Max(weights))
	least := int32(max(1, strongest*leastLeaning/1000))
	for theme, weight := range weights {
		if weight >= least {
			share := int64(weight) * 1000 / strongest
			square := share * share / 1000
			all = append(all, leaning{int32(theme), square * square})
		}
	}
	return all
}

// A text leads to others that it may be akin to by the themes that it leans to at
// least half as much as to its strongest, and at most by so many.
const (
	mostThemes   = 5
	leastOfThose = 62_500
)

// foremostThemes gives these.
func foremostThemes(all []leaning) []leaning {
	most := foremost(all, mostThemes, func(l leaning) int64 { return l.weight })
	return slices.DeleteFunc(most, func(l leaning) bool { return l.weight < leastOfThose })
}

// akin is how far two texts lean to the same themes, in thousandths: the cosine of
// the angle between them.
func akin(a, b []leaning) int64 {
	var product int64
	for _, p := range inBoth(a, b) {
		product += p.weight
	}
	return product / max(1, lengthOf(a)*lengthOf(b)/1_000_000)
}

// inBoth gives the themes that two texts lean to, and the products of the weights in
// thousandths.
func inBoth(a, b []leaning) (both []leaning) {
	for len(a) > 0 && len(b) > 0 {
		switch d := cmp.Compare(a[0].theme, b[0].theme); {
		case d < 0:
			a = a[1:]
		case d > 0:
			b = b[1:]
		default:
			both = append(both, leaning{a[0].theme, a[0].weight * b[0].weight / 1000})
			a, b = a[1:], b[1:]
		}
	}
	return both
}

func lengthOf(all []leaning) int64 {
	var squares int64
	for _, l := range all {
		squares += l.weight * l.weight
	}
	return squareRoot(squares)
}

// tell gives a function that says how much a word tells of some themes, as a share
// of all that is told of them, in thousandths of a bit.
func (t *themesOf) tell(of []leaning) func(key string) int64 {
	var all int64
	for _, l := range of {
		all += l.weight
	}
	return func(key string) (told int64) {
		for _, m := range t.told[key] {
			if k, found := slices.BinarySearchFunc(of, m.theme, func(l leaning, n int32) int { return int(l.theme - n) }); found {
				told += of[k].weight * int64(m.weight) / max(1, all)
			}
		}
		return told
	}
}

// mostApart is as often as it counts that a text speaks of something that another
// does not.
const mostApart = 6000

// apart is how often, in thousandths, each of two texts speaks of a topic that the
// other does not mention: the one that it speaks of most, half a time more if in its
// title; the average of both. Two projects of one unit have much in common, and each
// its own.
func apart(a, b *telling) int64 { return (a.without(b) + b.without(a)) / 2 }

func (t *telling) without(other *telling) (most int64) {
	for key, how := range t.keys {
		if !strings.HasPrefix(key, topicMark) || other.keys[key].often > 0 {
			continue
		}
		often := int64(how.often) * 1000
		if how.titled {
			often += 500
		}
		most = max(most, min(mostApart, often))
	}
	return most
}
