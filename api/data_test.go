package api_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spredning/api"
	"spredning/api/opendata"
	"spredning/ledger"
	"spredning/projections"
)

// closing is the size at which a year closed.
func (w *world) closing(year int) (size int64) {
	w.view.Read(func(f *projections.Fold) {
		for _, y := range f.ReportingYears() {
			if y.Year == year && y.Closed != nil {
				size = *y.Closed + 1
			}
		}
	})
	return size
}

func TestDataFile(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	size := w.view.Position()
	path := fmt.Sprintf("/data/%d/adoptions.csv", size)
	a := w.ok(path, nil)
	rows, err := csv.NewReader(bytes.NewReader(a.body)).ReadAll()
	noError(t, err)
	if len(rows) != 3 || rows[1][0] != published.id() || rows[1][len(rows[1])-1] != "true" {
		t.Errorf("%q", rows)
	}
	sum := sha256.Sum256(a.body)
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	if a.Header.Get("Content-Digest") != digest || a.Header.Get("Repr-Digest") != digest || a.ContentLength != int64(len(a.body)) {
		t.Errorf("%v, %d bytes with digest %s", a.Header, a.ContentLength, digest)
	}
	if name := a.Header.Get("Content-Disposition"); !strings.Contains(name, fmt.Sprintf("illustrative-spredning-%d-adoptions.csv", size)) {
		t.Errorf("saved as %s", name)
	}
	if head := w.ask(http.MethodHead, path, nil); head.ContentLength != a.ContentLength || head.Header.Get("Repr-Digest") != digest {
		t.Errorf("HEAD: %v", head.Header)
	}

	part := w.get(path, "Range", "bytes=10-19")
	if part.StatusCode != http.StatusPartialContent || !bytes.Equal(part.body, a.body[10:20]) || part.Header.Get("Content-Digest") != "" {
		t.Errorf("a part: %d %q %v", part.StatusCode, part.body, part.Header)
	}
	if rest := w.get(path, "Range", "bytes=-5", "If-Range", a.Header.Get("ETag")); !bytes.Equal(rest.body, a.body[len(a.body)-5:]) {
		t.Errorf("the end: %d %q", rest.StatusCode, rest.body)
	}
	w.ok(path, nil, "Range", "bytes=-5", "If-Range", `"other"`)
	if none := w.get(path, "Range", "bytes=1000000-"); none.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("no part: %d", none.StatusCode)
	}
	w.ok(path, nil, "Range", "pages=1-2")
}

func TestDataFileCompressed(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	path := fmt.Sprintf("/data/%d/innovations.jsonl", w.view.Position())
	plain := w.ok(path, nil)
	for accept, want := range map[string]bool{"gzip": true, "br, gzip;q=0.5": true, "*": true, "gzip;q=0": false, "br": false, "gzip; q=0.0": false, "": false} {
		a := w.ok(path, nil, "Accept-Encoding", accept)
		if (a.Header.Get("Content-Encoding") == "gzip") != want || a.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %v", accept, a.Header)
		}
		if !want {
			continue
		}
		if a.Header.Get("ETag") == plain.Header.Get("ETag") {
			t.Error("the compressed file has the ETag of the other")
		}
		z, err := gzip.NewReader(bytes.NewReader(a.body))
		noError(t, err)
		unpacked, err := io.ReadAll(z)
		noError(t, err)
		if !bytes.Equal(unpacked, plain.body) || a.ContentLength != int64(len(a.body)) {
			t.Errorf("%q: %d bytes of %d", accept, len(unpacked), len(plain.body))
		}
	}
	parquet := strings.Replace(path, "jsonl", "parquet", 1)
	if a := w.ok(parquet, nil, "Accept-Encoding", "gzip"); a.Header.Get("Content-Encoding") != "" || !bytes.HasPrefix(a.body, []byte("PAR1")) {
		t.Errorf("%v", a.Header)
	}
}

func TestDataIndexAndLatest(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	size := w.view.Position()
	type file struct {
		URL, SHA256 string
		Bytes       *int64
	}
	var index struct {
		Latest int64
		Items  []struct {
			Size    int64
			Made    bool
			Reasons []struct {
				Reason string
				Year   int
			}
			Files []file
		}
	}
	w.ok("/data/index.json", &index)
	if index.Latest != size || len(index.Items) != 2 || index.Items[0].Made || index.Items[1].Reasons[0].Year != 2025 {
		t.Errorf("%+v", index)
	}
	for _, name := range opendata.Names {
		a := w.get("/data/latest/" + name)
		if want := fmt.Sprintf("/data/%d/%s", size, name); a.StatusCode != http.StatusFound || a.Header.Get("Location") != want {
			t.Errorf("%d %s, not %s", a.StatusCode, a.Header.Get("Location"), want)
		}
		w.ok(a.Header.Get("Location"), nil)
	}
	w.ok("/data/index.json", &index)
	if !index.Items[0].Made {
		t.Error("what was downloaded is not made")
	}
	for _, f := range index.Items[0].Files {
		a := w.ok(f.URL, nil)
		if sum := sha256.Sum256(a.body); fmt.Sprintf("%x", sum) != f.SHA256 || int64(len(a.body)) != *f.Bytes {
			t.Errorf("%s is not what the list says", f.URL)
		}
	}
	for _, f := range index.Items[1].Files[:1] { // the closing, of which a page can link to what is not made
		w.ok(f.URL, nil)
	}
	w.refused(w.get("/data/latest/points.pdf"), "not_found")
	w.refused(w.get("/data/latest/manifest.json"), "not_found")
	for _, path := range []string{
		fmt.Sprintf("/data/%d/points.csv", size-1), fmt.Sprintf("/data/%d/points.csv", size+1), fmt.Sprintf("/data/0%d/points.csv", size), "/data/-1/points.csv", "/data/0/points.csv",
		"/data/99999999999999999999/points.csv", fmt.Sprintf("/data/%d/manifest.json", size), fmt.Sprintf("/data/%d/points.csv.gz", size), fmt.Sprintf("/data/%d/..%%2Fsizes.json", size),
		fmt.Sprintf("/data/%d/%%2e%%2e", size), "/data/sizes.json", "/data/a/points.csv",
	} {
		w.refused(w.get(path), "not_found")
	}
}

// TestDataBeforeThereIsALedger: nothing to give yet, and where nothing is kept.
func TestDataBeforeThereIsALedger(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/data/index.json", "/data/latest/points.csv", "/data/5/points.csv", "/catalog.ttl", "/catalog.jsonld", "/feed.atom"} {
		w.refused(w.get(path), "unavailable")
	}
	w.found()
	server := httptest.NewServer(api.New(api.Config{Ledger: w.ledger, View: w.view, Log: w.log, Logger: slog.New(slog.DiscardHandler)}))
	defer server.Close()
	c := &client{t: t, base: server.URL, http: server.Client(), document: w.document}
	for _, path := range []string{"/data/index.json", "/data/latest/points.csv", fmt.Sprintf("/data/%d/points.csv", w.view.Position()), "/catalog.ttl"} {
		c.refused(c.get(path), "unavailable")
	}
	c.ok("/feed.atom", nil)
}

func TestDataRate(t *testing.T) {
	w := newWorld(t, rates(0.001, 0))
	w.get("/log/checkpoint") // the one that is allowed
	for _, path := range []string{"/data/latest/points.csv", "/data/5/points.csv"} {
		a := w.get(path)
		w.refused(a, "overloaded")
		hasRetryAfter(t, a)
	}
}

// heldUp is a log whose reading waits for the test.
type heldUp struct {
	opendata.Log
	replays *atomic.Int64
	goOn    chan struct{}
}

func (h heldUp) Entries(from, to int64, fn func(int64, []byte) error) error {
	h.replays.Add(1)
	<-h.goOn
	return h.Log.Entries(from, to, fn)
}

// TestDataUnderACrowd has many ask for the same while it is made, and one for
// another size.
func TestDataUnderACrowd(t *testing.T) {
	var replays atomic.Int64
	goOn := make(chan struct{})
	w := newWorld(t, func(w *world) {
		w.source = func(l opendata.Log) opendata.Log { return heldUp{l, &replays, goOn} }
	}).found()
	w.story()
	size := w.view.Position()
	var group sync.WaitGroup
	for k := range 20 {
		group.Go(func() {
			path := fmt.Sprintf("/data/%d/%s", size, opendata.Names[k%len(opendata.Names)])
			if a, err := w.try(http.MethodGet, path, nil); err != nil || a.StatusCode != http.StatusOK {
				t.Errorf("%s: %d, %v", path, a.StatusCode, err)
			}
		})
	}
	eventually(t, "the files are being made", func() bool { return replays.Load() > 0 })
	var index struct{ Items []struct{ Size int64 } }
	w.ok("/data/index.json", &index)
	a := w.get(fmt.Sprintf("/data/%d/points.csv", index.Items[1].Size))
	w.refused(a, "overloaded")
	hasRetryAfter(t, a)
	w.ok("/api/v1/innovations", nil) // meanwhile
	close(goOn)
	group.Wait()
	if n := replays.Load(); n != 1 {
		t.Errorf("the files were made %d times", n)
	}
}

func TestDamagedDataFile(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	path := fmt.Sprintf("/data/%d/adoptions.csv", w.view.Position())
	before := w.ok(path, nil)
	file := filepath.Join(w.dir, "exports", strings.TrimPrefix(path, "/data/"))
	noError(t, os.WriteFile(file, []byte("innovation,adopter\r\n"), 0o600))
	if a := w.ok(path, nil); !bytes.Equal(a.body, before.body) || a.Header.Get("ETag") != before.Header.Get("ETag") {
		t.Error("a damaged file was given")
	}
}

func TestCatalogue(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	turtle := string(w.ok("/catalog.ttl", nil).body)
	for _, part := range []string{
		"<" + w.base + "/data#catalog> a dcat:Catalog", `foaf:name "Helse- og omsorgsdepartementet"`, "/enheter/983887406>", "ILLUSTRATIVT:", "data-theme/HEAL", "licence/NLOD_2_0",
		"dcat:endpointURL <" + w.base + "/api/v1>", "dcat:prev", "xsd:hexBinary", "access-right/PUBLIC", fmt.Sprintf("/data/%d/points.xlsx>", w.view.Position()),
	} {
		if !strings.Contains(turtle, part) {
			t.Errorf("the catalogue does not have %s:\n%.3000s", part, turtle)
		}
	}
	var linked struct {
		Graph []map[string]any `json:"@graph"`
	}
	w.ok("/catalog.jsonld", &linked)
	if n := strings.Count(turtle, "> a "); len(linked.Graph) != n {
		t.Errorf("%d things in JSON-LD, %d in Turtle", len(linked.Graph), n)
	}
	// One who names another host gets its own links, and nobody else does.
	request, err := w.request(http.MethodGet, "/catalog.ttl", nil)
	noError(t, err)
	for host, want := range map[string]string{"data.example:8080": "<http://data.example:8080/data#catalog>", "[::1]:80": "<http://[::1]:80/data#catalog>", "a b": "", `a"><b`: "", "": ""} {
		request.Host = host
		response, err := w.client.http.Do(request)
		if err != nil {
			continue // the client itself refuses to send it
		}
		a, err := w.judge(request, response)
		noError(t, err)
		if want != "" && !strings.Contains(string(a.body), want) || want == "" && a.StatusCode == http.StatusOK && host != "" {
			t.Errorf("host %q: %d %.300s", host, a.StatusCode, a.body)
		}
	}
	if again := string(w.ok("/catalog.ttl", nil).body); again != turtle {
		t.Error("another's host stays in the catalogue")
	}
}

func TestCatalogueOfAPublisher(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.data = api.OpenData{
			PublicURL: "https://spredning.example/", Publisher: opendata.Publisher{Name: "Etat \"for\"\n\\ data", URI: "https://example.com/a b>"},
			Contact: opendata.Contact{Name: "Åpne data", URL: "apnedata@example.com"},
		}
	}).found()
	turtle := string(w.ok("/catalog.ttl", nil).body)
	for _, part := range []string{
		`foaf:name "Etat \"for\"\n\\ data"`, "<https://example.com/a%20b%3E> a foaf:Agent", "vcard:hasEmail <mailto:apnedata@example.com>", "<https://spredning.example/data#catalog>",
	} {
		if !strings.Contains(turtle, part) {
			t.Errorf("the catalogue does not have %s:\n%.3000s", part, turtle)
		}
	}
	if feed := string(w.ok("/feed.atom", nil).body); !strings.Contains(feed, `href="https://spredning.example/feed.atom"`) {
		t.Errorf("%s", feed)
	}
}

// atom is a feed as a reader takes it in.
type atom struct {
	XMLName  xml.Name   `xml:"http://www.w3.org/2005/Atom feed"`
	Lang     string     `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
	ID       string     `xml:"id"`
	Title    string     `xml:"title"`
	Subtitle string     `xml:"subtitle"`
	Updated  time.Time  `xml:"updated"`
	Author   string     `xml:"author>name"`
	Links    []atomLink `xml:"link"`
	Entries  []struct {
		ID        string     `xml:"id"`
		Title     string     `xml:"title"`
		Updated   time.Time  `xml:"updated"`
		Published time.Time  `xml:"published"`
		Author    string     `xml:"author>name"`
		Summary   string     `xml:"summary"`
		Links     []atomLink `xml:"link"`
	} `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
}

func (a atom) link(rel string) string {
	for _, l := range a.Links {
		if l.Rel == rel {
			return l.Href
		}
	}
	return ""
}

// feed reads a feed and holds it against RFC 4287's musts.
func (w *world) feed(path string) (a atom) {
	w.t.Helper()
	d := xml.NewDecoder(bytes.NewReader(w.ok(path, nil).body))
	d.Strict = true
	noError(w.t, d.Decode(&a))
	if a.ID == "" || a.Title == "" || a.Updated.IsZero() || a.Author == "" || a.link("self") != w.base+path {
		w.t.Errorf("%s lacks what a feed must have: %+v", path, a)
	}
	ids := map[string]bool{}
	for _, e := range a.Entries {
		if !strings.HasPrefix(e.ID, "urn:uuid:") || ids[e.ID] || e.Title == "" || e.Updated.IsZero() || e.Updated.After(a.Updated) || len(e.Links) == 0 || e.Author == "" {
			w.t.Errorf("%s: an entry lacks what it must have: %+v", path, e)
		}
		ids[e.ID] = true
	}
	return a
}

func TestFeeds(t *testing.T) {
	w := newWorld(t).found()
	if a := w.feed("/feed.atom"); len(a.Entries) != 0 || !strings.HasPrefix(a.Title, "ILLUSTRATIVT") || a.Lang != "nb" {
		t.Errorf("%+v", a)
	}
	published := w.story()
	other := w.post(w.sealed(ahus, &ledger.Publication{Innovation: ahusInnovation()}))
	confirmed := w.post(w.sealed(stavanger, confirmation(other)))
	all := w.feed("/feed.atom")
	if len(all.Entries) != 2 || !strings.Contains(all.Entries[0].Title, "Sykehus 983974678 har tatt i bruk «Annen <b>løsning</b> & mer»") {
		t.Fatalf("%+v", all)
	}
	if via := all.Entries[0].Links[1]; via.Rel != "via" || via.Href != fmt.Sprintf("%s/api/v1/events/%d", w.base, confirmed.Index) {
		t.Errorf("%+v", all.Entries[0].Links)
	}
	if one := w.feed("/innovasjoner/" + published.id() + "/feed.atom"); len(one.Entries) != 1 || one.Entries[0].ID != all.Entries[1].ID || one.ID == all.ID || !strings.Contains(one.Title, "Digital oppfølging") {
		t.Errorf("%+v", one)
	}
	for o, n := range map[ledger.Orgnr]int{ahus: 2, stavanger: 1, bergen: 1, authority: 0} {
		if a := w.feed("/foretak/" + string(o) + "/feed.atom"); len(a.Entries) != n {
			t.Errorf("%s has %d", o, len(a.Entries))
		}
	}
	if en := w.feed("/feed.atom?lang=en"); en.Lang != "en" || !strings.HasPrefix(en.Title, "ILLUSTRATIVE") || en.Entries[0].ID != all.Entries[0].ID {
		t.Errorf("%+v", en)
	}
	w.feed("/feed.atom?lang=nn")

	w.post(w.sealed(stavanger, &ledger.Retraction{Innovation: other.id(), Reason: norwegian("Feil")}))
	if a := w.feed("/feed.atom"); !strings.HasPrefix(a.Entries[0].Title, "Trukket tilbake") || a.Entries[0].ID != all.Entries[0].ID || a.Entries[0].Updated.Before(all.Entries[0].Updated) {
		t.Errorf("%+v", a.Entries[0])
	}
	for _, path := range []string{"/feed.atom?lang=de", "/feed.atom?before=x", "/foretak/" + string(ahus) + "/feed.atom?lang=se"} {
		w.refused(w.get(path), "invalid_query")
	}
	w.refused(w.get("/innovasjoner/01JQ5T3M8R4W6Y2Z0A1B2C3D4E/feed.atom"), "not_found")
	w.refused(w.get("/foretak/"+string(stranger)+"/feed.atom"), "not_found")
}

func ahusInnovation() ledger.Innovation {
	i := publication("Annen <b>løsning</b> & mer").Innovation
	i.Originators = []ledger.Originator{{Orgnr: ahus, Share: 1000}}
	return i
}

func TestFeedPages(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	for k := range 104 {
		w.post(w.sealed(ahus, confirmation(w.post(w.sealed(bergen, publication(fmt.Sprintf("Innovasjon %d", k)))))))
	}
	first := w.feed("/feed.atom?lang=nn")
	next := first.link("next")
	if len(first.Entries) != 100 || !strings.HasPrefix(next, w.base+"/feed.atom?before=") || !strings.Contains(next, "lang=nn") {
		t.Fatalf("%d entries, next %s", len(first.Entries), next)
	}
	second := w.feed(strings.TrimPrefix(next, w.base))
	if len(second.Entries) != 5 || second.link("next") != "" || second.ID != first.ID {
		t.Errorf("%d entries, next %s", len(second.Entries), second.link("next"))
	}
}

// TestDataSaysWhatTheAPISays compares a table with the API.
func TestDataSaysWhatTheAPISays(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	var table struct {
		Total json.Number
		Rows  []struct{ Lines []struct{ Index int64 } }
	}
	w.ok("/api/v1/points/2026", &table)
	var lines int
	var sum ledger.Milli
	for line := range strings.Lines(string(w.ok(fmt.Sprintf("/data/%d/points.jsonl", w.view.Position()), nil).body)) {
		var row struct {
			Year, Lines int
			Total       json.Number
		}
		noError(t, json.Unmarshal([]byte(line), &row))
		total, err := ledger.ParseMilli(row.Total.String())
		noError(t, err)
		lines, sum = lines+row.Lines, sum+total
	}
	want := 0
	for _, r := range table.Rows {
		want += len(r.Lines)
	}
	if want == 0 || lines != want || sum.String() != table.Total.String() {
		t.Errorf("%d lines with %s points, the API has %d with %s", lines, sum, want, table.Total)
	}
}
