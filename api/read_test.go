package api_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"spredning/keys"
	"spredning/ledger"
)

// reads gives an address of each operation that reads, which answers 200 in a
// world with a story.
func reads(w *world, published receipt) map[string]string {
	return map[string]string{
		"/events":                      "/api/v1/events",
		"/events/{index}":              "/api/v1/events/3",
		"/events/{index}/receipt":      "/api/v1/events/3/receipt",
		"/innovations":                 "/api/v1/innovations",
		"/innovations/{id}":            "/api/v1/innovations/" + published.id(),
		"/innovations/{id}/adoptions":  "/api/v1/innovations/" + published.id() + "/adoptions",
		"/innovations/{id}/lineage":    "/api/v1/innovations/" + published.id() + "/lineage",
		"/innovations/{id}/similar":    "/api/v1/innovations/" + published.id() + "/similar",
		"/innovations/{id}/stories":    "/api/v1/innovations/" + published.id() + "/stories",
		"/attachments/{sha256}":        "/api/v1/attachments/" + attached(ledger.Markdown, theStory).SHA256,
		"/organisations":               "/api/v1/organisations",
		"/organisations/{orgnr}":       "/api/v1/organisations/" + string(ahus),
		"/points":                      "/api/v1/points",
		"/points/{year}":               "/api/v1/points/2026",
		"/points/{year}/corrections":   "/api/v1/points/2025/corrections",
		"/points/{year}/organisations": "/api/v1/points/2026/organisations",
		"/points/{year}/patterns":      "/api/v1/points/2026/patterns",
		"/rules":                       "/api/v1/rules",
		"/years":                       "/api/v1/years",
		"/years/{year}/open":           "/api/v1/years/2026/open",
		"/disputes":                    "/api/v1/disputes",
		"/requests":                    "/api/v1/requests",
		"/keys":                        "/api/v1/keys",
		"/keys/{keyid}":                "/api/v1/keys/" + string(w.keys[ahus].ID()),
		"/status":                      "/api/v1/status",
		"/openapi.json":                "/api/v1/openapi.json",
		"/data/index.json":             "/data/index.json",
		"/data/{size}/{file}":          fmt.Sprintf("/data/%d/adoptions.jsonl", w.closing(2025)),
		"/catalog.ttl":                 "/catalog.ttl",
		"/catalog.jsonld":              "/catalog.jsonld",
		"/feed.atom":                   "/feed.atom",
		"/innovasjoner/{id}/feed.atom": "/innovasjoner/" + published.id() + "/feed.atom",
		"/foretak/{orgnr}/feed.atom":   "/foretak/" + string(ahus) + "/feed.atom",
		"/log/checkpoint":              "/log/checkpoint",
		"/log/tile/{level}/{tile}":     "/log/tile/0/000.p/3",
		"/log/tile/entries/{tile}":     "/log/tile/entries/000.p/3",
	}
}

// waits tells whether an operation takes min_position.
func waits(operation string) bool {
	return operation != "/openapi.json" && operation != "/data/{size}/{file}" && !strings.HasPrefix(operation, "/log/")
}

// pages tells whether an operation is a list that comes in pages.
func pages(operation string) bool {
	return slices.Contains([]string{"/innovations", "/innovations/{id}/adoptions", "/innovations/{id}/stories", "/organisations", "/points", "/rules", "/years", "/disputes", "/requests", "/keys"}, operation)
}

func TestReadsAreAnswered(t *testing.T) {
	w := newWorld(t).found()
	all := reads(w, w.story())
	size := fmt.Sprint(w.ledger.Size())
	for operation, path := range all {
		a := w.ok(path, nil)
		if got := a.Header.Get("Spredning-Position"); operation != "/openapi.json" && operation != "/data/{size}/{file}" && got != size {
			t.Errorf("%s: read at position %q, the newest is %s", path, got, size)
		}
		if head := w.ask(http.MethodHead, path, nil); head.StatusCode != http.StatusOK || head.Header.Get("ETag") != a.Header.Get("ETag") {
			t.Errorf("HEAD %s: %d, ETag %s and %s", path, head.StatusCode, head.Header.Get("ETag"), a.Header.Get("ETag"))
		}
	}
}

func TestETagsGiveNotModified(t *testing.T) {
	w := newWorld(t).found()
	for operation, path := range reads(w, w.story()) {
		if operation == "/events" {
			continue // a stream has no ETag
		}
		etag := w.ok(path, nil).Header.Get("ETag")
		for _, header := range []string{etag, "W/" + etag, `"other", ` + etag, "*"} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				a := w.ask(method, path, nil, "If-None-Match", header)
				if a.StatusCode != http.StatusNotModified || a.Header.Get("ETag") != etag {
					t.Errorf("%s %s with %s: %d, ETag %s", method, path, header, a.StatusCode, a.Header.Get("ETag"))
				}
			}
		}
		w.ok(path, nil, "If-None-Match", `"other"`)
	}
}

func TestETagChangesWithTheAnswer(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	list := w.ok("/api/v1/innovations", nil).Header.Get("ETag")
	r := w.client.post(w.sealed(bergen, publication("Ny")))
	path := fmt.Sprintf("/api/v1/innovations?min_position=%d", r.Index+1)
	if a := w.ok(path, nil, "If-None-Match", list); a.Header.Get("ETag") == list {
		t.Error("another list has the same ETag")
	}
	asJSON := w.ok("/api/v1/events/3/receipt", nil).Header.Get("ETag")
	if w.ok("/api/v1/events/3/receipt", nil, "Accept", "text/plain", "If-None-Match", asJSON).Header.Get("ETag") == asJSON {
		t.Error("a receipt has the same ETag in both its forms")
	}
}

// TestSameAddressFollowsTheLedger: what is kept of an answer is not given once
// there is a newer one.
func TestSameAddressFollowsTheLedger(t *testing.T) {
	w := newWorld(t).found()
	for i := range 5 {
		r := w.post(w.sealed(bergen, publication(fmt.Sprintf("Innovasjon %d", i))))
		var list struct{ Items []struct{ ID string } }
		for range 2 {
			if w.ok("/api/v1/innovations?limit=1", &list); list.Items[0].ID != r.id() {
				t.Errorf("after entry %d the newest is %s", r.Index, list.Items[0].ID)
			}
		}
	}
}

func TestReadYourWrites(t *testing.T) {
	w := newWorld(t).found()
	for i := range 100 {
		r := w.client.post(w.sealed(bergen, publication(fmt.Sprintf("Innovasjon %d", i))))
		after := fmt.Sprintf("?min_position=%d", r.Index+1)
		var one struct{ ID, Revision string }
		a := w.ok("/api/v1/innovations/"+r.id()+after, &one)
		if position, _ := strconv.ParseInt(a.Header.Get("Spredning-Position"), 10, 64); position <= r.Index || one.ID != r.id() || one.Revision != r.Leaf {
			t.Fatalf("after entry %d: position %d, %s", r.Index, position, a.body)
		}
		var list struct{ Items []struct{ ID string } }
		if w.ok("/api/v1/innovations"+after+"&limit=1", &list); list.Items[0].ID != r.id() {
			t.Fatalf("after entry %d the newest is %s", r.Index, list.Items[0].ID)
		}
	}
}

// TestPositionThatDoesNotComeIsUnavailable waits the five seconds, for all
// operations at once.
func TestPositionThatDoesNotComeIsUnavailable(t *testing.T) {
	w := newWorld(t).found()
	var group sync.WaitGroup
	for operation, path := range reads(w, w.story()) {
		if !waits(operation) {
			continue
		}
		group.Go(func() {
			start := time.Now()
			a := w.get(path + "?min_position=1000")
			w.refused(a, "unavailable")
			if took := time.Since(start); took < 5*time.Second || took > 12*time.Second {
				t.Errorf("%s: waited %s", path, took)
			}
		})
	}
	group.Wait()
}

func TestPositionThatComesEndsTheWait(t *testing.T) {
	w := newWorld(t).found()
	next := w.ledger.Size() + 1
	got := make(chan answer)
	go func() { got <- w.get(fmt.Sprintf("/api/v1/status?min_position=%d", next)) }()
	time.Sleep(50 * time.Millisecond)
	w.post(w.sealed(bergen, publication("Ny")))
	if a := <-got; a.StatusCode != http.StatusOK || a.Header.Get("Spredning-Position") != fmt.Sprint(next) {
		t.Errorf("%d at position %s", a.StatusCode, a.Header.Get("Spredning-Position"))
	}
}

// link is the address of the next page.
var link = regexp.MustCompile(`^<(/[^>]+)>; rel="next"$`)

// walk follows a list to its end and gives each item's name, as often as it came.
func (c *client) walk(path, name string) (names []string) {
	c.t.Helper()
	for path != "" {
		var page struct {
			Items []map[string]any
			Next  string
		}
		a := c.ok(path, &page)
		if len(page.Items) == 0 && len(names) > 0 {
			c.t.Errorf("%s: a page with nothing on it", path)
		}
		for _, item := range page.Items {
			names = append(names, fmt.Sprint(item[name]))
		}
		path = c.next(path, page.Next, a)
	}
	return names
}

// next is where a page leads: cursor and link say the same.
func (c *client) next(path, cursor string, a answer) string {
	c.t.Helper()
	header := a.Header.Get("Link")
	if cursor == "" {
		if header != "" {
			c.t.Errorf("%s: the last page has the link %s", path, header)
		}
		return ""
	}
	found := link.FindStringSubmatch(header)
	if found == nil {
		c.t.Fatalf("%s: next is %s, the link %q", path, cursor, header)
	}
	u, err := url.Parse(found[1])
	noError(c.t, err)
	old, _ := url.Parse(path)
	want := old.Query()
	want.Set("cursor", cursor)
	if u.Path != old.Path || u.Query().Encode() != want.Encode() {
		c.t.Errorf("%s: the link %s is not next, %s, with the same query", path, header, cursor)
	}
	return found[1]
}

// TestListsGiveEachItemOnce follows every list to its end while events are added.
func TestListsGiveEachItemOnce(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	w.fill(40)
	w.adopters(published, 7)
	w.moreRulesAndYears()
	lists := []struct{ path, name string }{
		{"/api/v1/innovations", "id"},
		{"/api/v1/innovations?kind=service", "id"},
		{"/api/v1/innovations/" + published.id() + "/adoptions", "adopter"},
		{"/api/v1/innovations/" + published.id() + "/stories", "index"},
		{"/api/v1/organisations", "orgnr"},
		{"/api/v1/points", "year"},
		{"/api/v1/rules", "index"},
		{"/api/v1/years", "year"},
		{"/api/v1/keys", "keyid"},
	}
	before := make([][]string, len(lists))
	for i, l := range lists {
		before[i] = w.walk(l.path, l.name)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 100; n < 200; n++ {
			select {
			case <-stop:
				return
			default:
				w.adopter(published, n)
				w.submit(w.sealed(bergen, publication("Ny")))
			}
		}
	}()
	for i, l := range lists {
		for _, limit := range []int{1, 3, 1000} {
			names := w.walk(withQuery(l.path, fmt.Sprintf("limit=%d", limit)), l.name)
			eachOnce(t, l.path, names, before[i])
		}
	}
	close(stop)
	<-stopped
}

func withQuery(path, query string) string {
	if strings.Contains(path, "?") {
		return path + "&" + query
	}
	return path + "?" + query
}

func eachOnce(t *testing.T, path string, names, before []string) {
	t.Helper()
	count := map[string]int{}
	for _, name := range names {
		if count[name]++; count[name] > 1 {
			t.Errorf("%s: %s came twice", path, name)
		}
	}
	for _, name := range before {
		if count[name] == 0 {
			t.Errorf("%s: %s never came", path, name)
		}
	}
	if len(before) == 0 {
		t.Errorf("%s is empty", path)
	}
}

// adopters registers hospitals that confirm an innovation.
func (w *world) adopters(of receipt, n int) {
	for i := range n {
		w.adopter(of, i)
	}
}

// adopter registers hospital n and confirms for it.
func (w *world) adopter(of receipt, n int) {
	o, key := orgnr(n), keys.FromSeed(fmt.Appendf(nil, "adopter %024d", n))
	for _, raw := range [][]byte{
		w.sealed(authority, registration(o, "Helse Nord")),
		w.sealed(authority, &ledger.Enrolment{Organisation: o, Key: enrolled(key, ledger.Report)}),
		seal(event(o, confirmation(of)), key),
	} {
		if a := w.submit(raw); a.StatusCode != http.StatusCreated {
			w.t.Errorf("adopter %d: %d %s", n, a.StatusCode, a.body)
		}
	}
}

// orgnr is the nth made-up number with the right check digit.
func orgnr(n int) ledger.Orgnr {
	for i := 0; ; i++ {
		o := ledger.Orgnr(fmt.Sprintf("8%08d", i))
		if !o.Valid() {
			continue
		}
		if n--; n < 0 {
			return o
		}
	}
}

func (w *world) moreRulesAndYears() {
	var page struct {
		Items []struct {
			Rules ledger.Rules `json:"rules"`
		} `json:"items"`
	}
	noError(w.t, json.Unmarshal(w.ok("/api/v1/rules", nil).body, &page))
	for i := range 4 {
		rules := page.Items[0].Rules
		rules.ID, rules.FromYear = fmt.Sprintf("2026-b%d", i), 2027+i
		w.post(w.sealed(authority, &ledger.RulesPublication{Rules: rules}))
		w.post(w.sealed(authority, &ledger.YearOpening{Year: 2027 + i}))
	}
}

func TestInvalidQueries(t *testing.T) {
	w := newWorld(t).found()
	numbers := []string{"", "x", "-1", "1.5", "01", "+1", "1e3", "9223372036854775808", "%00"}
	for operation, path := range reads(w, w.story()) {
		if !waits(operation) {
			continue
		}
		for _, n := range numbers {
			w.refused(w.get(path+"?min_position="+n), "invalid_query")
		}
		if pages(operation) || operation == "/events" {
			for _, n := range append(numbers, "0") {
				w.refused(w.get(path+"?limit="+n), "invalid_query")
			}
		}
		if pages(operation) {
			w.refused(w.get(path+"?limit=1001"), "invalid_query")
			w.refused(w.get(path+"?cursor=no%20cursor"), "invalid_query")
			w.ok(path+"?limit=1000", nil)
			w.ok(path+"?limit=1", nil)
		}
	}
	for _, n := range numbers {
		w.refused(w.get("/api/v1/points/2026?position="+n), "invalid_query")
		w.refused(w.get("/api/v1/events?after="+n), "invalid_query")
		w.refused(w.get("/api/v1/innovations?year="+n), "invalid_query")
		if n != "" {
			w.refused(w.get("/api/v1/events", "Last-Event-ID", strings.ReplaceAll(n, "%00", "?")), "invalid_query")
		}
	}
	for _, bad := range []string{
		"originator=123456789", "originator=x", "adopter=98397472", "region=Helse", "kind=idea", "status=closed", "year=999", "year=10000",
		"query=" + strings.Repeat("x", 201),
	} {
		w.refused(w.get("/api/v1/innovations?"+bad), "invalid_query")
	}
}

func TestInnovationsAreFiltered(t *testing.T) {
	w := newWorld(t).found()
	spread := w.story()
	shared := w.post(seal(event(bergen, publication("Felles løsning for hjertesvikt", ahus)), w.keys[bergen], w.keys[ahus]))
	own := publication("Rask avklaring")
	own.Originators, own.Kind, own.InUseSince = []ledger.Originator{{Orgnr: ahus, Share: 1000}}, "process", "2023-05-01"
	process := w.post(w.sealed(ahus, own))
	gone := w.post(w.sealed(bergen, publication("Trukket")))
	w.post(w.sealed(bergen, &ledger.Withdrawal{Innovation: gone.id(), Reason: norwegian("Dobbelt registrert.")}))
	all := map[string]string{spread.id(): "spread", shared.id(): "shared", process.id(): "process", gone.id(): "gone"}

	for query, want := range map[string]string{
		"":                                        "gone process shared spread", // newest first
		"query=HJERTESVIKT":                       "shared",
		"query=hjemme%20felles":                   "shared",
		"query=ingen":                             "",
		"originator=" + string(bergen):            "gone shared spread",
		"originator=" + string(ahus):              "process shared",
		"originator=" + string(stranger):          "",
		"adopter=" + string(ahus):                 "spread",
		"adopter=" + string(stavanger):            "",
		"region=Helse%20Vest":                     "gone shared spread",
		"region=Helse%20S%C3%B8r-%C3%98st":        "process shared",
		"region=Helse%20Nord":                     "",
		"kind=process":                            "process",
		"kind=product":                            "",
		"year=2023":                               "process",
		"year=2025":                               "gone shared spread",
		"status=withdrawn":                        "gone",
		"status=published":                        "process shared spread",
		"status=merged":                           "",
		"kind=service&originator=" + string(ahus): "shared",
		"status=published&year=2025&limit=1":      "shared spread",
	} {
		var got []string
		for _, id := range w.walk("/api/v1/innovations?"+query, "id") {
			got = append(got, all[id])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

func TestPointsAtAPosition(t *testing.T) {
	w := newWorld(t).found()
	opened := w.ledger.Size() + 4
	published := w.story()
	tables := map[int64][]byte{}
	for i := range 12 {
		at := fmt.Sprintf("/api/v1/points/2026?min_position=%d", w.ledger.Size())
		a := w.ok(at, nil)
		tables[w.ledger.Size()] = a.body
		if i%2 == 0 {
			w.fill(1)
		} else {
			w.adopter(published, i)
		}
	}
	for position, table := range tables {
		a := w.ok(fmt.Sprintf("/api/v1/points/2026?position=%d", position), nil)
		if !bytes.Equal(a.body, table) {
			t.Errorf("at position %d the table was\n%s\nand is told as\n%s", position, table, a.body)
		}
		if got := a.Header.Get("Spredning-Position"); got != fmt.Sprint(position) {
			t.Errorf("the table of position %d is said to be read at %s", position, got)
		}
	}
	if distinct := slices.CompactFunc(slices.SortedFunc(maps.Values(tables), bytes.Compare), bytes.Equal); len(distinct) < 7 {
		t.Errorf("only %d tables differ: nothing was asked", len(distinct))
	}
	w.ok(fmt.Sprintf("/api/v1/points/2026?position=%d", opened), nil)
	w.refused(w.get(fmt.Sprintf("/api/v1/points/2026?position=%d", opened-1)), "not_found")
	w.refused(w.get("/api/v1/points/2026?position=0"), "not_found")
	w.refused(w.get(fmt.Sprintf("/api/v1/points/2026?position=%d", w.ledger.Size()+1)), "invalid_query")
}

// TestAnswersNameTheirPosition reads while events are added: what an answer says
// itself and what its header says must be the same position.
func TestAnswersNameTheirPosition(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				w.submit(w.sealed(bergen, publication("Ny")))
			}
		}
	}()
	for i := range 300 {
		newest := w.view.Position()
		path := []string{"/api/v1/status", fmt.Sprintf("/api/v1/points/2026?%d", i), fmt.Sprintf("/api/v1/points/2026?position=%d", newest)}[i%3]
		var told struct{ Position int64 }
		if a := w.ok(path, &told); a.Header.Get("Spredning-Position") != fmt.Sprint(told.Position) {
			t.Errorf("%s: position %d, the header says %s", path, told.Position, a.Header.Get("Spredning-Position"))
		}
		if i%3 == 2 && told.Position != newest {
			t.Errorf("%s is the table of position %d", path, told.Position)
		}
	}
	close(stop)
	<-stopped
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	for _, path := range []string{
		"/api/v1/events/1000", "/api/v1/events/-1", "/api/v1/events/01", "/api/v1/events/+1", "/api/v1/events/x", "/api/v1/events/9223372036854775808",
		"/api/v1/events/1000/receipt", "/api/v1/innovations/01JQ5T3M8R4W6Y2Z0A1B2C3D4E", "/api/v1/innovations/x",
		"/api/v1/innovations/01JQ5T3M8R4W6Y2Z0A1B2C3D4E/adoptions", "/api/v1/innovations/x/stories",
		"/api/v1/attachments/x", "/api/v1/attachments/" + strings.Repeat("0", 64), "/api/v1/attachments/", "/api/v1/organisations/" + string(stranger), "/api/v1/organisations/x",
		"/api/v1/points/2024", "/api/v1/points/x", "/api/v1/points/2026/corrections", "/api/v1/points/x/corrections", "/api/v1/points/02025/corrections", "/api/v1/points/02026", "/api/v1/points/+2026", "/api/v1/points/99999999999999999999",
		"/api/v1/innovations/01JQ5T3M8R4W6Y2Z0A1B2C3D4E/lineage", "/api/v1/innovations/x/lineage",
		"/api/v1/points/2024/patterns", "/api/v1/points/x/patterns", "/api/v1/points/2024/organisations", "/api/v1/points/02026/organisations",
		"/api/v1/years/2024/open", "/api/v1/years/x/open", "/api/v1/years/2026",
		"/api/v1/keys/x", "/api/v1/keys/" + strings.Repeat("A", 43),
		"/log/tile/0/001", "/log/tile/x/000.p/1", "/log/tile/entries/001", "/log/tile/entries/000.p/0",
		// and what is no operation at all
		"/api", "/api/v1", "/api/v1/", "/api/v2/events", "/api/v1/events/3/", "/api/v1/Events", "/api/v1//events", "/api/v1/events/3/receipt/x",
		"/log", "/log/", "/log/tail", "/log/tile/", "/log/../keys/log", "/log/%2e%2e/keys/log", "/log/tile/..%2f..%2fkeys%2flog", "/keys/log",
		"/favicon.ico", "/metrics", "/%00", "/api/v1/points/%ff", "/.git/config",
	} {
		w.refused(w.get(path), "not_found")
		if a := w.ask(http.MethodHead, path, nil); a.StatusCode != http.StatusNotFound {
			t.Errorf("HEAD %s: %d", path, a.StatusCode)
		}
	}
}

func TestOtherMethodsAreNotFound(t *testing.T) {
	w := newWorld(t).found()
	size := w.ledger.Size()
	for _, path := range reads(w, w.story()) {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, "QUERY"} {
			if method == http.MethodPost && path == "/api/v1/events" || method == http.MethodPut && strings.HasPrefix(path, "/api/v1/attachments/") {
				continue
			}
			w.refused(w.ask(method, path, strings.NewReader("{}")), "not_found")
		}
	}
	if added := w.ledger.Size() - size; added != 7 {
		t.Errorf("%d entries were added, the story has 7", added)
	}
}

func TestUnfoundedLedgerIsServed(t *testing.T) {
	w := newWorld(t)
	w.refused(w.get("/api/v1/status"), "unavailable")
	w.refused(w.get("/log/checkpoint"), "not_found")
	w.refused(w.get("/api/v1/events/0"), "not_found")
	w.refused(w.submit(w.sealed(bergen, publication("For tidlig"))), "unknown_key")
	for _, path := range []string{"innovations", "organisations", "points", "rules", "years", "disputes", "requests", "keys"} {
		if a := w.ok("/api/v1/"+path, nil); string(a.body) != `{"items":[]}` {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	if a := w.ok("/api/v1/events", nil); len(a.body) != 0 {
		t.Errorf("entries: %s", a.body)
	}
	w.found()
	w.ok("/api/v1/status", nil)
}

// TestFlagsInViews: what keys do that the authority has enrolled beside an administrator of
// the hospitals' own is flagged wherever its entries are told.
func TestFlagsInViews(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	for n, o := range []ledger.Orgnr{bergen, ahus, stavanger} {
		w.keys[o] = seededKey(byte(80 + n))
		w.post(w.sealed(authority, &ledger.Enrolment{Organisation: o, Key: enrolled(w.keys[o], ledger.Report)}))
	}
	id := published.id()
	w.post(w.sealed(stavanger, &ledger.Decline{Innovation: id, Reason: norwegian("Vi bruker en annen.")}))
	w.post(w.sealed(ahus, &ledger.Ending{Innovation: id, EndedOn: "2026-10-01", Reason: norwegian("En bedre kom.")}))
	w.post(w.sealed(stavanger, &ledger.Dispute{Innovation: id, Adopter: ahus, Reason: norwegian("Det var en pilot.")}))
	w.post(w.sealed(bergen, &ledger.Dispute{Innovation: id, Adopter: ahus, Reason: norwegian("Den sto i en boks.")}))
	w.post(w.sealed(stavanger, &ledger.AssessmentRequest{Innovation: id, Reason: norwegian("Er den egen?")}))
	second := w.post(w.sealed(bergen, publication("Digital oppfølging, igjen")))
	w.post(w.sealed(bergen, &ledger.Merger{Innovation: second.id(), Into: id, Reason: norwegian("Det er samme prosjekt.")}))

	for path, want := range map[string]int{
		"/api/v1/innovations/" + id:                1, // the request
		"/api/v1/innovations/" + second.id():       2, // the publication and the merger
		"/api/v1/innovations/" + id + "/adoptions": 4, // refusal, ending, two disputes
		"/api/v1/disputes":                         2,
		"/api/v1/requests":                         1,
		"/api/v1/years/2026/open":                  3,
	} {
		if got := strings.Count(string(w.ok(path, nil).body), `"flags":["authority_key"]`); got != want {
			t.Errorf("%s has %d flags, want %d", path, got, want)
		}
	}
	for path, want := range map[string]int{
		"/innovasjoner/" + id:                  5,
		"/innovasjoner/" + second.id():         2 + 4, // and those of the pairs of the final one
		"/foretak/" + string(ahus) + "/arbeid": 2,
		"/poeng/2026":                          2,
	} {
		_, body := w.look(path, nil)
		if got := strings.Count(body, "nøkkelen er registrert av myndigheten"); got != want {
			t.Errorf("%s has %d flags, want %d", path, got, want)
		}
	}
	_, desk := w.look("/foretak/"+string(ahus)+"/arbeid", nil)
	for _, reason := range []string{"Det var en pilot.", "Den sto i en boks."} {
		if strings.Count(desk, reason) != 1 {
			t.Errorf("the desk tells %q %d times", reason, strings.Count(desk, reason))
		}
	}
}
