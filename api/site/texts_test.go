package site

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
)

// Where templates and code name texts.
var (
	inTemplates = regexp.MustCompile(`\b(t|count|linked) "([a-z0-9_.]+)"`)
	inCode      = regexp.MustCompile(`\.(t|count|linked)\("([a-z0-9_.]+)"`)
	placeholder = regexp.MustCompile(`\{[a-z]+\}`)
)

// usedTexts gives every text that something shows.
func usedTexts(t *testing.T) map[string]bool {
	used := map[string]bool{}
	note := func(pattern *regexp.Regexp, source string) {
		for _, m := range pattern.FindAllStringSubmatch(source, -1) {
			if m[1] == "count" {
				used[m[2]+".one"], used[m[2]+".other"] = true, true
				continue
			}
			used[m[2]] = true
		}
	}
	for name, source := range sources(t, "templates/*.html") {
		note(inTemplates, source)
		_ = name
	}
	for name, source := range sources(t, "*.go") {
		if !strings.HasSuffix(name, "_test.go") && name != "doc.go" {
			note(inCode, source)
		}
	}
	for vocabulary, values := range vocabularies {
		for _, value := range values {
			used[vocabulary+"."+value] = true
		}
	}
	for _, p := range pages {
		used[p.name+".title"] = !p.titled
		if p.menu {
			used[p.name+".menu"] = true
		}
	}
	maps.DeleteFunc(used, func(_ string, is bool) bool { return !is })
	return used
}

func sources(t *testing.T, pattern string) map[string]string {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	all := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[f] = string(b)
	}
	return all
}

func TestEveryTextIsThereInEveryLanguageAndUsed(t *testing.T) {
	used := usedTexts(t)
	if len(used) < 50 {
		t.Fatalf("only %d texts were found: are they looked for as they are written?", len(used))
	}
	for _, l := range languages {
		for key := range used {
			if strings.TrimSpace(l.texts()[key]) == "" {
				t.Errorf("texts/%s.yaml has no %s", l.tag, key)
			}
		}
		for key := range l.texts() {
			if !used[key] {
				t.Errorf("texts/%s.yaml has %s, which nothing shows", l.tag, key)
			}
		}
	}
}

func TestTextsHaveTheSamePlacesInEveryLanguage(t *testing.T) {
	places := func(text string) []string {
		all := append(placeholder.FindAllString(text, -1), slices.Repeat([]string{"["}, strings.Count(text, "["))...)
		slices.Sort(all)
		return slices.Compact(all)
	}
	for key, text := range bokmaal.texts() {
		for _, l := range languages[1:] {
			if got, want := places(l.texts()[key]), places(text); !slices.Equal(got, want) {
				t.Errorf("%s in %s has %v, in bokmål %v", key, l.tag, got, want)
			}
		}
	}
}

// TestLanguagesDiffer finds texts that were forgotten in the wrong language: words
// that one of them does not have.
func TestLanguagesDiffer(t *testing.T) {
	foreign := map[*language]*regexp.Regexp{
		bokmaal: regexp.MustCompile(`(?i)\b(ikkje|frå|eit|ein|sjukehus\w*|kva|kven|kvar|blir gitt|stadfest\w*|dykk|noko|nokon|berre|vere|vore|dei)\b`),
		nynorsk: regexp.MustCompile(`(?i)\b(ikke|fra|et|en|sykehus\w*|hva|hvem|hvor|bekreft\w*|dere|noe|noen|bare|være|vært|hvert|hver|jeg|uten|etter hvert)\b`),
		english: regexp.MustCompile(`(?i)\b(ikke|ikkje|og|som|til|av|på|sykehus\w*|sjukehus\w*)\b`),
	}
	for l, pattern := range foreign {
		for key, text := range l.texts() {
			if word := pattern.FindString(text); word != "" && !strings.HasPrefix(key, "language.") && !strings.Contains(text, "«"+word) {
				t.Errorf("texts/%s.yaml, %s: %q", l.tag, key, word)
			}
		}
	}
}

var actions = regexp.MustCompile(`(?s)\{\{.*?\}\}`)

// TestTemplatesHoldNoWords holds words to the texts, where they can be translated.
func TestTemplatesHoldNoWords(t *testing.T) {
	for name, source := range sources(t, "templates/*.html") {
		z := html.NewTokenizer(strings.NewReader(actions.ReplaceAllString(source, "")))
		for code := false; ; {
			kind := z.Next()
			if kind == html.ErrorToken {
				break
			}
			token := z.Token()
			if token.Data == "code" { // commands are the same in all languages
				code = kind == html.StartTagToken
			}
			if kind == html.TextToken && !code && strings.ContainsFunc(token.Data, unicode.IsLetter) {
				t.Errorf("%s has the words %q", name, strings.TrimSpace(token.Data))
			}
			for _, a := range token.Attr {
				if slices.Contains([]string{"title", "alt", "aria-label", "placeholder", "label", "aria-description"}, a.Key) && strings.ContainsFunc(a.Val, unicode.IsLetter) {
					t.Errorf("%s has the words %q", name, a.Val)
				}
			}
		}
	}
}

func TestDatesAndNumbersAreWrittenAsTheLanguageWritesThem(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{bokmaal.date("2026-11-25"), "25. november 2026"},
		{nynorsk.date("2026-05-01T23:10:00Z"), "1. mai 2026"},
		{english.date("2026-05-01"), "1 May 2026"},
		{bokmaal.points(250), "0,25"},
		{english.points(250), "0.25"},
		{bokmaal.points(12_345_500), "12 345,5"},
		{english.points(1_234_000), "1,234"},
		{bokmaal.points(-500), "−0,5"},
		{bokmaal.number(1234), "1234"},
		{bokmaal.number(1234567), "1 234 567"},
		{english.number(1234), "1,234"},
		{bokmaal.number(-12), "−12"},
		{bokmaal.count("footer.position", 1), bokmaal.t("footer.position.one", "n", 1)},
		{string(bokmaal.linked("footer.api", "/x?a=1&b=2")), `For dataprogrammer er alt beskrevet i <a href="/x?a=1&amp;b=2">OpenAPI-filen</a>.`},
	} {
		if got := strings.ReplaceAll(c.got, "\u00a0", " "); got != strings.ReplaceAll(c.want, "\u00a0", " ") {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
}

func TestVocabulariesAreWhole(t *testing.T) {
	for _, l := range languages {
		for vocabulary, values := range vocabularies {
			for _, v := range values {
				if strings.HasPrefix(l.word(vocabulary, v), "⟦") {
					t.Errorf("%s has no word for %s.%s", l.tag, vocabulary, v)
				}
			}
		}
	}
}

func TestOnlyOurOwnFilesAreLoaded(t *testing.T) {
	err := fs.WalkDir(staticFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := staticFiles.ReadFile(path)
		if err == nil && regexp.MustCompile(`@import|url\(|fetch\(["'\x60]https?:|importScripts`).Match(b) {
			err = fmt.Errorf("%s loads something", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
