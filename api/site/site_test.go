package site

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"spredning/ledger"
	"spredning/ledger/story"
	"spredning/projections"
)

// entries are a log in memory, and the ledger around it.
type entries []*ledger.Entry

func (es entries) Entry(index int64) ([]byte, error) {
	if index < 0 || index >= int64(len(es)) {
		return nil, errors.New("there is no such entry")
	}
	return es[index].Bytes, nil
}

func (es entries) Origin() string                           { return "spredning.example/test" }
func (es entries) Published() (int64, []byte)               { return int64(len(es)), nil }
func (es entries) Witnessed() (w ledger.Witnessed, is bool) { return w, false }

// editions are one for each reason, and one whose files have been made.
func (es entries) editions() (all []Edition, err error) {
	if len(es) == 0 {
		return nil, nil
	}
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	n := int64(len(es))
	return []Edition{
		{Size: n, Time: at, Newest: true, Files: []DataFile{{"points", "csv", 812_400}, {"points", "xlsx", 999}}},
		{Size: n - 1, Time: at},
		{Size: n - 9, Time: at, Day: "2026-04-30"},
		{Size: n - 30, Time: at, Year: 2025},
	}, nil
}

// reference is the API's own description.
var reference = sync.OnceValue(func() *Reference {
	b, err := os.ReadFile("../openapi.json")
	if err != nil {
		panic(err)
	}
	r, err := ReadReference(b)
	if err != nil {
		panic(err)
	}
	return r
})

// stories gives every innovation one that is shown.
func stories(_ context.Context, _ string) ([]Story, bool, error) {
	title := "Slik gikk det"
	return []Story{{Title: ledger.Text{NB: &title}, Index: 1, By: "983887406", Status: "shown", HTML: template.HTML("<p>Det gikk bra.</p>")}}, false, nil
}

// stored keeps half of all files.
func stored(_ context.Context, sha256 string) bool { return sha256 < "8" }

// told is a ledger in which everything that can happen has happened, drawn by
// chance, read once.
var told = sync.OnceValue(func() *Site {
	s, err := story.New(story.Config{Origin: "spredning.example/test", Seed: 5, Organisations: 20, Entries: 1200, Hasty: true})
	if err != nil {
		panic(err)
	}
	var es entries
	if err := s.Tell(func(e *ledger.Entry) error { es = append(es, e); return nil }); err != nil {
		panic(err)
	}
	return siteOf(es)
})

// unfounded is a ledger before its first entry.
func unfounded() *Site { return siteOf(nil) }

func siteOf(es entries) *Site {
	view := projections.NewView()
	view.Apply(es)
	return New(Config{View: view, Log: es, Ledger: es, Stories: stories, Past: es.past, Simulate: simulate, Editions: es.editions, Reference: reference(), Waiting: waiting, Stored: stored})
}

// simulate simulates as package api does.
func simulate(_ context.Context, readings *projections.Readings, asked ...*projections.Simulation) (all []*projections.Simulated, err error) {
	for _, a := range asked {
		s, err := readings.Run(a)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// ask asks for a page as package api does.
func ask(s *Site, path string) (Answer, error) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for _, route := range s.Routes() {
		if values, ok := match(route.Path, r.URL.Path); ok {
			return route.Show(&Request{Request: r, Param: func(name string) string { return values[name] }})
		}
	}
	return Answer{}, fmt.Errorf("no page has the address %s", path)
}

func match(pattern, path string) (values map[string]string, ok bool) {
	values = map[string]string{}
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	for k := range want {
		if name, is := strings.CutPrefix(want[k], ":"); is {
			values[name] = got[k]
		} else if want[k] != got[k] {
			return nil, false
		}
	}
	return values, true
}

// addresses are the pages that every test of pages looks at, in bokmål.
func addresses(s *Site) []string {
	var all []string
	for _, p := range pages {
		if !strings.Contains(p.path, ":") {
			all = append(all, p.path)
		}
	}
	for _, more := range examples {
		all = append(all, more(s)...)
	}
	return all
}

// examples give addresses of pages of something, and of pages with a query.
var examples = []func(*Site) []string{innovationExamples, organisationExamples, pointsExamples, simulationExamples, signingExamples, filesExamples}

// innovationExamples are pages of innovations of every kind, and searches.
func innovationExamples(s *Site) (all []string) {
	s.View.Read(func(f *projections.Fold) {
		found, _ := f.Innovations(projections.Query{}, -1, 60)
		for _, i := range found {
			all = append(all, "/innovasjoner/"+i.ID)
		}
	})
	return append(all, "/innovasjoner?q=hjemme&sort=spread", "/innovasjoner?region=Helse+Vest&reach=other_region&kind=service", "/innovasjoner?q=zzzzzz")
}

// organisationExamples are pages of all organisations.
func organisationExamples(s *Site) (all []string) {
	s.View.Read(func(f *projections.Fold) {
		for _, h := range f.Hospitals() {
			all = append(all, "/foretak/"+string(h.Orgnr))
		}
	})
	return append(all, "/foretak?region=Helse+Nord")
}

// filesExamples are pages of the files of innovations.
func filesExamples(s *Site) (all []string) {
	s.View.Read(func(f *projections.Fold) {
		found, _ := f.Innovations(projections.Query{}, -1, 60)
		for _, i := range found {
			if len(i.Attachments) > 0 {
				all = append(all, fmt.Sprintf("/vedlegg/%d", i.Revised))
			}
		}
	})
	return all
}

func TestPagesAreWhole(t *testing.T) {
	for name, s := range map[string]*Site{"told": told(), "unfounded": unfounded()} {
		for _, path := range addresses(s) {
			for _, l := range languages {
				a, err := ask(s, l.path(path))
				if err != nil {
					t.Errorf("%s %s: %v", name, l.path(path), err)
					continue
				}
				for _, fault := range faults(string(a.Body), l) {
					t.Errorf("%s %s: %s", name, l.path(path), fault)
				}
				if a.Position == 0 && name == "told" {
					t.Errorf("%s: of no position", path)
				}
			}
		}
	}
}

func TestFailuresAreWhole(t *testing.T) {
	for _, status := range []int{http.StatusNotFound, http.StatusTooManyRequests, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		for _, l := range languages {
			body, err := told().Failure(httptest.NewRequest(http.MethodGet, l.path("/x/y"), nil), status)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range faults(string(body), l) {
				t.Errorf("%d in %s: %s", status, l.tag, fault)
			}
		}
	}
}

func TestDemonstrationsAreMarked(t *testing.T) {
	for _, path := range addresses(told()) {
		a, err := ask(told(), path)
		if err != nil || !strings.Contains(string(a.Body), bokmaal.t("banner.text")) {
			t.Errorf("%s has no banner: %v", path, err)
		}
	}
}

func TestLanguageLinksKeepThePage(t *testing.T) {
	for _, path := range addresses(told()) {
		for _, l := range languages {
			a, err := ask(told(), l.path(path))
			if err != nil {
				continue // which TestPagesAreWhole tells
			}
			for _, other := range languages {
				link := `<a href="` + other.path(path) + `" lang="` + other.tag + `"`
				if !strings.Contains(html.UnescapeString(string(a.Body)), link) {
					t.Errorf("%s in %s has no link to %s", path, l.tag, link)
				}
			}
		}
	}
}

func TestFilesAreServedUnderNamesOfTheirOwn(t *testing.T) {
	for name := range assets() {
		url := assetURL(name)
		a, ok := File(strings.TrimPrefix(url, StaticPath))
		if !ok || a.ContentType == "" || len(a.Gzipped) == 0 {
			t.Errorf("%s is not served at %s", name, url)
		}
	}
	if _, ok := File("site.css"); ok {
		t.Error("a file is served under a name that does not change with it")
	}
}

var voids = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

var (
	lostTexts = regexp.MustCompile(`⟦[^⟧]*⟧|\{[a-z]+\}|&lt;no value|%!|ZgotmplZ|\[[^\]]*\]`)
	codes     = regexp.MustCompile(`(?s)<code>.*?</code>|data-(keys|value)="[^"]*"`) // where braces and brackets are what they are
)

// faults says what is wrong with a page.
func faults(page string, l *language) (all []string) {
	fault := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, lost := range lostTexts.FindAllString(codes.ReplaceAllString(page, ""), -1) {
		fault("a text is missing or wrong: %s", lost)
	}
	for _, f := range nesting(page) {
		fault("%s", f)
	}
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		fault("%v", err)
		return all
	}
	h1, ids, labelled := 0, map[string]bool{}, map[string]bool{}
	elements(doc, func(n *html.Node) {
		if id := attribute(n, "id"); id != "" {
			if ids[id] {
				fault("id %s stands twice", id)
			}
			ids[id] = true
		}
		if n.Data == "label" {
			labelled[attribute(n, "for")] = true
		}
	})
	level := 0
	elements(doc, func(n *html.Node) {
		switch n.Data {
		case "html":
			if attribute(n, "lang") != l.tag {
				fault("the page's language is %q", attribute(n, "lang"))
			}
		case "h1", "h2", "h3", "h4", "h5", "h6":
			next := int(n.Data[1] - '0')
			if next == 1 {
				h1++
			}
			if next > level+1 {
				fault("%s %q after level %d", n.Data, words(n), level)
			}
			if level = next; strings.TrimSpace(words(n)) == "" {
				fault("%s is empty", n.Data)
			}
		case "style":
			fault("a style in the page")
		case "script":
			if attribute(n, "src") == "" {
				fault("a script in the page")
			}
		case "input", "select", "textarea":
			if kind := attribute(n, "type"); kind != "hidden" && kind != "submit" && !labelled[attribute(n, "id")] && attribute(n, "aria-label") == "" && !within(n, "label") {
				fault("%s %s has no label", n.Data, attribute(n, "name"))
			}
		case "img":
			if !has(n, "alt") {
				fault("a picture without an alt text")
			}
		case "a":
			if strings.TrimSpace(words(n)) == "" {
				fault("a link to %s without words", attribute(n, "href"))
			}
		case "table":
			if !contains(n, "caption") || !contains(n, "th") {
				fault("a table without a caption or headings")
			}
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
				fault("%s has %s", n.Data, a.Key)
			case n.Data != "a" && slices.Contains([]string{"src", "href", "action", "srcset", "data", "poster"}, a.Key) && (strings.Contains(a.Val, "//") && attribute(n, "rel") != "alternate" || strings.HasPrefix(a.Val, "data:")):
				fault("%s loads %s", n.Data, a.Val)
			case slices.Contains([]string{"for", "aria-labelledby", "aria-describedby", "aria-controls"}, a.Key):
				for id := range strings.FieldsSeq(a.Val) {
					if !ids[id] {
						fault("%s=%q names nothing", a.Key, id)
					}
				}
			case a.Key == "href" && strings.HasPrefix(a.Val, "#") && !ids[a.Val[1:]]:
				fault("a link to %s, which is not there", a.Val)
			}
		}
	})
	if h1 != 1 {
		fault("%d main headings", h1)
	}
	return all
}

// nesting says where elements are not closed in the order that they were opened:
// what a browser would mend, but not as was meant.
func nesting(page string) (all []string) {
	var open []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := z.Next()
		name, _ := z.TagName()
		tag := string(name)
		switch {
		case kind == html.ErrorToken:
			if len(open) > 0 {
				all = append(all, "not closed: "+strings.Join(open, " "))
			}
			return all
		case kind == html.StartTagToken && !slices.Contains(voids, tag):
			open = append(open, tag)
		case kind == html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != tag {
				return append(all, fmt.Sprintf("</%s> closes %v", tag, open))
			}
			open = open[:len(open)-1]
		}
	}
}

func elements(n *html.Node, fn func(*html.Node)) {
	if n.Type == html.ElementNode {
		fn(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		elements(c, fn)
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func within(n *html.Node, tag string) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == tag {
			return true
		}
	}
	return false
}

func contains(n *html.Node, tag string) (found bool) {
	elements(n, func(c *html.Node) { found = found || c.Data == tag })
	return found
}

func words(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return b.String()
}
