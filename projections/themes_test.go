package projections

import (
	"bytes"
	"encoding/binary"
	command "flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// themeList is themes.txt: lines such as "name: words it is called by; words that come
// up".
func themeList(t *testing.T) string {
	t.Helper()
	list, err := os.ReadFile("themes.txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(list)
}

// TestThemeIndex: themes.idx is what themes.txt, and words.txt and words.go, make it.
func TestThemeIndex(t *testing.T) {
	index := themeIndexOf(themeList(t))
	if command.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile("themes.idx", index, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(index, themeIndex) {
		t.Errorf("themes.idx has %d bytes, made anew it has %d. Make it: go test ./projections -run TestThemeIndex -update", len(themeIndex), len(index))
	}
}

// themeIndexOf makes the index of themes.
func themeIndexOf(list string) []byte {
	told, count, known := map[string][]mention{}, 0, map[string]word{}
	for line := range strings.Lines(list) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, words, _ := strings.Cut(line, ":")
		called, upcoming, _ := strings.Cut(words, ";")
		weights := map[string]int32{}
		for _, key := range keysOf(upcoming, known) {
			weights[key] = comesUp
		}
		for _, key := range keysOf(name+" "+called, known) {
			weights[key] = calledBy
		}
		for key, w := range weights {
			told[key] = append(told[key], mention{int32(count), w})
		}
		count++
	}
	index := binary.AppendUvarint(nil, uint64(count))
	for _, key := range slices.Sorted(maps.Keys(told)) {
		index = binary.AppendUvarint(index, uint64(len(key)))
		index = append(index, key...)
		index = binary.AppendUvarint(index, uint64(len(told[key])))
		last := int32(0)
		for _, m := range told[key] {
			n := uint64(m.theme-last) << 1
			if m.weight == calledBy {
				n++
			}
			index = binary.AppendUvarint(index, n)
			last = m.theme
		}
	}
	return index
}

// keysOf gives the keys of a list of words, in which + joins the words of a phrase.
// It notes in known how it took words apart.
func keysOf(list string, known map[string]word) (keys []string) {
	list = strings.ToLower(list)
	for from, to := range spans(list) {
		if w := list[from:to]; known[w].own == "" {
			known[w] = lexicon.analyse(w)
		}
	}
	for item := range strings.FieldsSeq(list) {
		for _, t := range lexicon.tokens(nil, strings.ReplaceAll(item, "+", " "), known) {
			keys = append(keys, t.keys...)
		}
	}
	return keys
}

// TestThemesAreRead: every line is a theme of its own, with enough words to know it
// by.
func TestThemesAreRead(t *testing.T) {
	seen := map[string]bool{}
	for line := range strings.Lines(themeList(t)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, words, named := strings.Cut(line, ":")
		called, upcoming, divided := strings.Cut(words, ";")
		if !named || !divided || strings.ContainsAny(upcoming, ":;") || seen[name] {
			t.Errorf("%q is no theme, or there twice", name)
		}
		seen[name] = true
		if c, u := len(strings.Fields(called)), len(strings.Fields(upcoming)); c < 4 || u < 10 {
			t.Errorf("%s is called by %d words, and %d come up", name, c, u)
		}
	}
	if len(seen) != themes().count || len(seen) < 1000 {
		t.Errorf("%d lines, %d themes", len(seen), themes().count)
	}
	for key, mentions := range themes().told {
		last := int32(-1)
		for _, m := range mentions {
			if m.theme <= last || m.weight < 0 {
				t.Fatalf("%s tells of theme %d after %d, with %d", key, m.theme, last, m.weight)
			}
			last = m.theme
		}
	}
}

func leanings(title string) []leaning { return lexicon.tell("nb", title, "", nil).themes }

// TestOtherWordsForTheSame: texts without a word in common are akin where they
// speak of the same, and not where they do not.
func TestOtherWordsForTheSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"Sykepleiere utfører cystoskopi", "Blærespegling hos urologisk sjukepleiar", true},
		{"Operasjon for grå stær på begge øyne", "Bilateral kataraktkirurgi", true},
		{"Selvmåling av INR", "Pasienten styrer Marevan-dosen heime", true},
		{"Pustestopp om natten utredes hjemme", "Søvnapné registrert i egen seng", true},
		{"Lystgass og desfluran fases ut på operasjonsstuene", "Klimavennlig narkose uten drivhusgasser", true},
		{"Sykepleiere utfører cystoskopi", "Bilateral kataraktkirurgi", false},
		{"Selvmåling av INR", "Lystgass og desfluran fases ut", false},
		{"Pustestopp om natten utredes hjemme", "Strikking på venterommet", false},
	} {
		a, b := leanings(c.a), leanings(c.b)
		if got := akin(a, b); got != akin(b, a) || c.same && got < 120 || !c.same && got > 80 {
			t.Errorf("%s and %s are akin by %d, the other way by %d", c.a, c.b, got, akin(b, a))
		}
	}
	for _, language := range []string{"en", "se"} {
		if l := lexicon.tell(language, "Cystoskopi", "", nil).themes; l != nil {
			t.Errorf("a text in %s leans to %v", language, l)
		}
	}
}

// TestLeanings: a text is akin to itself wholly, to others between not at all and
// wholly, whatever it says; the strongest theme has the full weight.
func TestLeanings(t *testing.T) {
	words := strings.Fields(strings.NewReplacer(":", " ", ";", " ", "+", " ").Replace(themeList(t)))
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 200).Draw(t, "words"), " ")
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := leanings(text.Draw(t, "a")), leanings(text.Draw(t, "b"))
		var strongest int64
		for k, l := range a {
			strongest = max(strongest, l.weight)
			if k > 0 && l.theme <= a[k-1].theme {
				t.Fatalf("theme %d after %d", l.theme, a[k-1].theme)
			}
		}
		if len(a) > 0 && (strongest != 1_000_000 || akin(a, a) < 999 || akin(a, a) > 1001) {
			t.Errorf("the strongest has %d, akin to itself by %d", strongest, akin(a, a))
		}
		if x := akin(a, b); x < 0 || x > 1001 || x != akin(b, a) || akin(a, nil) != 0 {
			t.Errorf("akin by %d, and %d", x, akin(b, a))
		}
		if most := foremostThemes(a); len(most) > mostThemes || len(a) > 0 && most[0].weight != 1_000_000 {
			t.Errorf("foremost are %v", most)
		}
	})
}

// TestApart: what each of two texts says and the other does not keeps them apart, the
// more the more often both say it, up to a limit; what only one says keeps them half as
// far apart.
func TestApart(t *testing.T) {
	tell := func(title, summary string) *telling {
		told := lexicon.tell("nb", title, summary, nil)
		return &told
	}
	children, old := tell("Dialyse for barn", "Barn får dialyse."), tell("Dialyse for eldre", "Eldre får dialyse.")
	for _, c := range []struct {
		a, b *telling
		want int64
	}{
		{children, children, 0},
		{children, old, 2500}, // twice, once of them in the title
		{children, tell("Dialyse", "Dialyse for barn."), 0},
		{children, tell("Dialyse", "Dialyse."), 1250},
		{tell("Barn", strings.Repeat("barn ", 20)), tell("Eldre", strings.Repeat("eldre ", 20)), mostApart},
		{children, tell("", ""), 1250},
	} {
		if got := apart(c.a, c.b); got != c.want || apart(c.b, c.a) != got {
			t.Errorf("%v and %v are apart by %d, the other way by %d, not %d", c.a.tokens, c.b.tokens, got, apart(c.b, c.a), c.want)
		}
	}
}
