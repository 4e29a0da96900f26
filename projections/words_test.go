package projections

import (
	"slices"
	"strings"
	"testing"
)

// TestFormsMeet: the words of a line come to the same key.
func TestFormsMeet(t *testing.T) {
	for _, line := range []string{
		"sykehus sykehuset sykehusene sykehusets sjukehus sjukehusa",
		"hjem hjemmet hjemme heim heime heimen",
		"bruker brukere brukerne brukarar brukarane",
		"pasient pasienten pasienter pasientene pasientar pasientane",
		"avdeling avdelinger avdelingen avdelinga avdelingane",
		"undersøkelse undersøkelser undersøke undersøking undersøkingar undersøkje",
		"utskrivning utskriving utskrivingar",
		"tilpasset tilpassa tilpassede tilpasse tilpasning",
		"registrere registrering registrerte registrert registreringa",
		"daglig dagleg daglige daglege",
		"kvalitet kvaliteten kvalitetens",
		"veiledning rettleiing rettleiinga",
		"tjeneste tjenester teneste tenesta tenestene",
		"øye øyet auge auga",
		"virkelighet virkeligheten røyndom røyndomen",
		"hvit kvit kvite",
		"psykiatri psykiatrisk psykiatriske",
		"barn barna barnet born borna",
		"gjøre gjere",
		"rom rommet rommene romma",
		"legemiddel legemidler legemidlene legemiddelet",
		"fødsel fødselen fødsler fødslar",
		"gammel gamle",
		"varsel varsler varslene",
		"øvelse øvelser øver øving øvinga",
	} {
		words := strings.Fields(line)
		for _, w := range words[1:] {
			if got, want := lexicon.key(w), lexicon.key(words[0]); got != want {
				t.Errorf("%s is %s, %s is %s", w, got, words[0], want)
			}
		}
	}
}

// TestOtherWordsDoNotMeet: words of a line have different keys.
func TestOtherWordsDoNotMeet(t *testing.T) {
	for _, line := range []string{
		"lege legge leke legemiddel", "lunge lang", "nyre ny", "barn barsel", "mat matte", "hud hode", "rett ret", "føde fot", "tann tonn", "hjerte hjerne",
	} {
		seen := map[string]string{}
		for _, w := range strings.Fields(line) {
			key := lexicon.key(w)
			if other := seen[key]; other != "" {
				t.Errorf("%s and %s are both %s", other, w, key)
			}
			seen[key] = w
		}
	}
}

func TestCompoundsAreTakenApart(t *testing.T) {
	for compound, parts := range map[string]string{
		"hjemmesykehus": "hjem sykehus", "heimesjukehus": "hjem sykehus", "barneavdelinga": "barn avdeling", "operasjonsstove": "operasjon stue",
		"utskrivingssamtalen": "utskrivning samtale", "ryggmergsskade": "ryggmarg skade", "hjemmedialyse": "hjem dialyse", "trykksår": "trykk sår",
		"sjukeheimspasientar": "sykehjem pasient", "internettbehandling": "nett behandling", "pasientarmbånd": "pasient armbånd",
		"kjempecellearteritt": "gca", "sykehus": "sykehus", "oppfølging": "oppfølging", "sepsis": "sepsis", "øyeinjeksjoner": "øye injeksjon",
	} {
		var want []string
		for part := range strings.FieldsSeq(parts) {
			want = append(want, lexicon.meaning(lexicon.key(part)))
		}
		if got := lexicon.analyse(compound).keys; !slices.Equal(got, want) {
			t.Errorf("%s is taken apart into %v, not %v", compound, got, want)
		}
	}
}

// TestEndlessWordsAreSoonDoneWith: a word that can be taken apart in very many ways once
// took time that doubled with each part. What nobody writes is left whole.
func TestEndlessWordsAreSoonDoneWith(t *testing.T) {
	for _, c := range []struct {
		word         string
		times, parts int
	}{
		{"sykehus", 8, 8},
		{"sykehus", 28, 1},
		{"sykehus", 285, 1},
		{"hus", 20, 20},
		{"hus", 666, 1},
		{"xyzw", 500, 1},
		{"sykehusvask", 5, 10},
		{"sykehusvask", 180, 1},
	} {
		if got := lexicon.analyse(strings.Repeat(c.word, c.times)).keys; len(got) != c.parts {
			t.Errorf("%s, %d times over, is taken apart into %v", c.word, c.times, got)
		}
	}
}

func TestPhrasesAndAbbreviationsMeet(t *testing.T) {
	for _, c := range [][2]string{
		{"KI", "kunstig intelligens"},
		{"AI", "Kunstig intelligens"},
		{"KOLS", "kronisk obstruktiv lungesykdom"},
		{"KOLS", "kronisk obstruktiv lungesjukdom"},
		{"VR", "virtuell røyndom"},
		{"EPJ", "elektronisk pasientjournal"},
		{"IBD", "inflammatorisk tarmsjukdom"},
	} {
		a, b := lexicon.tell("nb", c[0], "", nil), lexicon.tell("nn", c[1], "", nil)
		if len(a.tokens) != 1 || len(b.tokens) != 1 || !slices.Equal(a.tokens[0].keys, b.tokens[0].keys) || b.tokens[0].written != c[1] {
			t.Errorf("%s is %v, %s is %v", c[0], a.tokens, c[1], b.tokens)
		}
	}
}

// TestWordListsAreRead: every list has words, and no line of them is lost.
func TestWordListsAreRead(t *testing.T) {
	l := lexicon
	for name, n := range map[string]int{
		"stop": len(l.stop), "forms": len(l.forms), "same": len(l.same), "phrases": len(l.phrases), "parts": len(l.parts), "common": len(l.common), "topics": len(l.topics),
	} {
		if n < 40 {
			t.Errorf("%s has only %d", name, n)
		}
	}
	for key, percent := range l.common {
		if percent < 1 || percent > 100 || key == "" {
			t.Errorf("%q is common in %d of a hundred", key, percent)
		}
	}
	for key, topics := range l.topics {
		for _, topic := range topics {
			if !strings.HasPrefix(topic, topicMark) || strings.HasPrefix(key, topicMark) {
				t.Errorf("%q speaks of %q", key, topic)
			}
		}
	}
}

func TestBitsOf(t *testing.T) {
	for _, c := range []struct {
		all, some int
		want      int64
	}{{1, 1, 0}, {1, 2, 0}, {2, 1, 1000}, {8, 1, 3000}, {3, 1, 1585}, {90_100, 1, 16_459}, {100, 99, 14}} {
		if got := bitsOf(c.all, c.some); got < c.want-1 || got > c.want+1 {
			t.Errorf("%d of %d is %d thousandths of a bit, not %d", c.some, c.all, got, c.want)
		}
	}
}

func TestLikeness(t *testing.T) {
	last := int64(-1)
	for odds := int64(-30_000); odds <= 30_000; odds += 50 {
		got := likeness(odds)
		if got < last || got < 0 || got > 1000 || got+likeness(-odds) != 1000 {
			t.Fatalf("%d gives %d after %d, and %d the other way", odds, got, last, likeness(-odds))
		}
		last = got
	}
	if likeness(0) != 500 || last < 990 {
		t.Errorf("0 gives %d, much gives %d", likeness(0), last)
	}
}

func FuzzAnalyse(f *testing.F) {
	for _, s := range []string{"Hjemmesykehus for barn", "KI-støttet MR", "ååååå", "3D", "e-læring", "\u0301a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "Buohcciviesu"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 500 {
			return
		}
		told := lexicon.tell("nb", s, s, nil)
		for _, token := range told.tokens {
			if len(token.keys) == 0 || token.written == "" {
				t.Errorf("%q says nothing: %+v", s, token)
			}
		}
		c := newConcordance()
		i := &innovation{words: fold(s)}
		c.catchUp([]*innovation{i}, 1)
		c.revise(0, i.words, "")
		for n, places := range c.places {
			if len(places) > 0 {
				t.Errorf("%q: place %d is left", s, n)
			}
		}
	})
}
