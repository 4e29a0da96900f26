package api_test

import (
	"bytes"
	"cmp"
	"image"
	"image/png"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"spredning/api/site"
	"spredning/ledger"
	"spredning/ledger/story"
	"spredning/projections"
)

// tellAll serves a ledger in which everything that can happen has happened, drawn by
// chance, and an innovation with a long story that has pictures.
func tellAll(t testing.TB) *world {
	t.Helper()
	s, err := story.New(story.Config{Origin: origin, Seed: 5, Organisations: 20, Entries: 1200, Hasty: true})
	noError(t, err)
	w := newWorld(t, func(w *world) {
		w.logKey, w.next = logKeyOf(t, s.LogKey), logKeyOf(t, s.NextLogKey)
		w.now = func() time.Time { return s.Clock }
	})
	submit := func(e *ledger.Entry) error {
		_, _, err := w.ledger.Submit(t.Context(), e.Bytes)
		return err
	}
	noError(t, s.Tell(submit))
	files := map[string]string{} // by SHA-256
	for _, content := range s.Files() {
		files[ledger.AttachmentOf(ledger.Markdown, content).SHA256] = string(content)
	}
	noError(t, submit(pictured(t, s, files)))
	noError(t, w.view.Wait(t.Context(), w.ledger.Size()))
	w.view.Read(func(f *projections.Fold) {
		maps.DeleteFunc(files, func(sha256, _ string) bool { named, ok := f.Naming(sha256); return !ok || named.Erased != nil })
	})
	for _, content := range files {
		mediaType := ledger.Markdown
		if strings.HasPrefix(content, "\x89PNG") {
			mediaType = ledger.PNG
		}
		w.stores(content, mediaType)
	}
	return w
}

// pictured publishes an innovation with a story that has all that Markdown has.
func pictured(t testing.TB, s *story.Story, files map[string]string) *ledger.Entry {
	t.Helper()
	by := slices.Sorted(maps.Keys(s.Reporters))
	maker := by[slices.IndexFunc(by, func(o ledger.Orgnr) bool { return s.Heir(o) == o && s.Assessors[o] == nil })]
	attach := func(mediaType, content string) ledger.Attachment {
		a := attached(mediaType, content)
		files[a.SHA256] = content
		return a
	}
	d := publication("Hjemmeoppfølging av pasienter med langvarige og sammensatte behov for spesialisthelsetjenester")
	var pictures string
	for n := range 3 {
		var b bytes.Buffer
		noError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 1200, 800+n))))
		a := attach(ledger.PNG, b.String())
		d.Attachments = append(d.Attachments, a)
		pictures += "![Pumpen, sett fra siden](" + a.SHA256 + ")\n\n" + strings.Repeat("Pasientene følges opp hjemme. ", 60) + "\n\n"
	}
	told := "# Hjemme\n\n" + pictures + "## Slik gjorde vi det\n\n1. Først.\n2. Så `spredning`.\n\n> Det gikk bra.\n\n" +
		"| Måned | Pasienter |\n| --- | --- |\n| Januar | 12 |\n\n```\nspredning confirm " + strings.Repeat("x", 200) + "\n```\n\n[Mer om det](https://a.no/)\n"
	d.Attachments = append(d.Attachments, attach(ledger.Markdown, told), attached(ledger.PDF, "%PDF-1.7")) // which never comes
	d.Originators, d.InUseSince = []ledger.Originator{{Orgnr: maker, Share: 1000}}, "2017-01-01"
	d.Links = []string{"https://" + strings.Repeat("lang.", 30) + "no/"}
	e, err := s.Report(d, maker)
	noError(t, err)
	return e
}

// linked is a page that others link to.
type linked struct {
	route string // of the site, as echo writes it
	path  string // in bokmål, with its query
	body  string
}

// How many pages of a route are looked at, so that a large world does not take long.
const (
	mostPages   = 80
	mostQueries = 20
)

// crawl follows all links and forms from the front page in bokmål, and gives the
// pages that it came to. All links must lead somewhere, and to each page there is one.
func (w *world) crawl() (all []linked) {
	w.t.Helper()
	routes := siteRoutes()
	pages, queries, others := map[string]int{}, map[string]int{}, map[string]int{}
	seen := map[string]bool{"/": true}
	type step struct{ from, to string }
	for queue := []step{{"", "/"}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		route := routeOf(routes, at.to)
		count, most := pages, mostPages
		switch {
		case strings.HasPrefix(at.to, "/nn/") || strings.HasPrefix(at.to, "/en/") || at.to == "/nn" || at.to == "/en":
			continue // TestLanguageLinksKeepThePage
		case route == "":
			route = strings.Join(strings.SplitN(at.to, "/", 5)[:min(4, strings.Count(at.to, "/")+1)], "/")
			count, most = others, 2
		case strings.Contains(at.to, "?"):
			count, most = queries, mostQueries
		}
		if count[route]++; count[route] > most {
			continue
		}
		status, body := w.browse(at.to)
		if status >= http.StatusBadRequest {
			w.t.Errorf("%s leads to %s: %d", at.from, at.to, status)
		}
		if status != http.StatusOK || routeOf(routes, at.to) == "" {
			continue
		}
		all = append(all, linked{route, at.to, body})
		for _, to := range leads(w.t, at.to, body) {
			if !seen[to] {
				seen[to] = true
				queue = append(queue, step{at.to, to})
			}
		}
	}
	for _, r := range routes {
		if pages[r] == 0 && r != "/utkast/:hash" { // whose address is made by who signs first
			w.t.Errorf("nothing leads to a page %s", r)
		}
	}
	return all
}

// siteRoutes are the routes of all pages in bokmål, those without parameters first.
func siteRoutes() (all []string) {
	for _, r := range site.New(site.Config{}).Routes() {
		if l := strings.Split(r.Path, "/")[1]; l != "nn" && l != "en" {
			all = append(all, r.Path)
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return strings.Count(a, ":") - strings.Count(b, ":") })
	return all
}

// routeOf is the route that answers an address; empty: it is no page's.
func routeOf(routes []string, address string) string {
	path, _, _ := strings.Cut(address, "?")
	for _, r := range routes {
		want, got := strings.Split(r, "/"), strings.Split(path, "/")
		same := len(want) == len(got) && !strings.HasSuffix(path, ".atom")
		for k := 0; same && k < len(want); k++ {
			same = want[k] == got[k] || strings.HasPrefix(want[k], ":")
		}
		if same {
			return r
		}
	}
	return ""
}

// browse asks for a page over connections that are kept.
func (w *world) browse(path string) (status int, body string) {
	w.t.Helper()
	a, err := w.request(http.MethodGet, path, nil, "Accept", "text/html,*/*;q=0.8")
	noError(w.t, err)
	r, err := w.http.Do(a)
	noError(w.t, err)
	defer r.Body.Close()
	read, err := io.ReadAll(r.Body)
	noError(w.t, err)
	return r.StatusCode, string(read)
}

// leads are the addresses on this server that a page's links and forms lead to.
func leads(t testing.TB, path, body string) (all []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	noError(t, err)
	here, err := url.Parse(path)
	noError(t, err)
	add := func(to string) {
		u, err := here.Parse(to)
		if err != nil {
			t.Errorf("%s links to %s: %v", path, to, err)
			return
		}
		if u.Host == "" && u.Scheme == "" {
			u.Fragment = ""
			all = append(all, u.String())
		}
	}
	for n := range doc.Descendants() {
		switch n.Data {
		case "a":
			add(attr(n, "href"))
		case "form":
			// One without an address is what a script reads.
			if !strings.EqualFold(attr(n, "method"), http.MethodPost) && attr(n, "action") != "" {
				for _, q := range filled(n) {
					add(attr(n, "action") + "?" + q)
				}
			}
		}
	}
	return all
}

// filled gives queries that a form sends: as it stands, with other choices, and with
// words that nothing is found by.
func filled(form *html.Node) []string {
	queries := [3]url.Values{{}, {}, {}}
	set := func(name string, values ...string) {
		for k := range queries {
			if name != "" {
				queries[k].Add(name, values[k])
			}
		}
	}
	for n := range form.Descendants() {
		name, value := attr(n, "name"), attr(n, "value")
		switch {
		case n.Data == "input" && (attr(n, "type") == "text" || attr(n, "type") == "search"):
			set(name, value, value, "zzzzzz")
		case n.Data == "input" && attr(n, "type") == "number":
			set(name, value, cmp.Or(attr(n, "min"), value), value)
		case n.Data == "input" && (attr(n, "type") == "checkbox" || attr(n, "type") == "radio"):
			if has(n, "checked") {
				set(name, cmp.Or(value, "on"), cmp.Or(value, "on"), cmp.Or(value, "on"))
			}
		case n.Data == "input", n.Data == "textarea":
			set(name, value, value, value)
		case n.Data == "select":
			first, last, chosen := "", "", ""
			for o := range n.Descendants() {
				if o.Data != "option" {
					continue
				}
				v := attr(o, "value")
				if !has(o, "value") {
					v = strings.TrimSpace(text(o))
				}
				if first == "" {
					first = v
				}
				if has(o, "selected") {
					chosen = v
				}
				last = v
			}
			set(name, cmp.Or(chosen, first), last, cmp.Or(chosen, first))
		}
	}
	return []string{queries[0].Encode(), queries[1].Encode(), queries[2].Encode()}
}

func attr(n *html.Node, name string) string {
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

func text(n *html.Node) (s string) {
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			s += c.Data
		}
	}
	return s
}

// telling picks of the pages of each route a few that have everything in them that
// any page of the route has: every element, with its classes, attributes and parent.
func telling(t testing.TB, all []linked, most int) (some []linked) {
	t.Helper()
	byRoute := map[string][]linked{}
	for _, l := range all {
		byRoute[l.route] = append(byRoute[l.route], l)
	}
	for _, route := range slices.Sorted(maps.Keys(byRoute)) {
		shapes := make([]map[string]bool, len(byRoute[route]))
		for k, l := range byRoute[route] {
			shapes[k] = shapesOf(t, l.body)
		}
		for range most {
			best := 0
			for k := range shapes {
				if len(shapes[k]) > len(shapes[best]) {
					best = k
				}
			}
			if len(shapes[best]) == 0 {
				break
			}
			some = append(some, byRoute[route][best])
			covered := maps.Clone(shapes[best])
			for k := range shapes {
				maps.DeleteFunc(shapes[k], func(s string, _ bool) bool { return covered[s] })
			}
		}
	}
	return some
}

func shapesOf(t testing.TB, body string) map[string]bool {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	noError(t, err)
	shapes := map[string]bool{}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		shape := n.Parent.Data + ">" + n.Data
		for _, a := range n.Attr {
			if shape += " " + a.Key; a.Key == "class" {
				shape += "=" + a.Val
			}
		}
		shapes[shape] = true
	}
	return shapes
}

// inLanguages is a page's address in all languages.
func inLanguages(path string) []string {
	rest := strings.TrimPrefix(path, "/")
	if rest == "" || rest[0] == '?' {
		return []string{path, "/nn" + rest, "/en" + rest}
	}
	return []string{path, "/nn" + path, "/en" + path}
}

// TestPagesLeadToEachOther follows every link and form: each leads somewhere, and to
// every page there is one.
func TestPagesLeadToEachOther(t *testing.T) {
	w := tellAll(t)
	for _, l := range w.crawl() {
		doc, err := html.Parse(strings.NewReader(l.body))
		noError(t, err)
		for n := range doc.Descendants() {
			inline := n.Data == "style" || n.Data == "script" && (attr(n, "src") == "" || n.FirstChild != nil) || has(n, "style")
			if n.Type == html.ElementNode && inline {
				t.Errorf("%s has a script or style in it: %s %v", l.path, n.Data, n.Attr)
			}
		}
	}
}
