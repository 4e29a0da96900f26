package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// look asks for a page as a browser does.
func (w *world) look(path string, header http.Header) (*http.Response, string) {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.base+path, nil)
	noError(w.t, err)
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	noError(w.t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	noError(w.t, err)
	return r, string(body)
}

func TestPagesAreServed(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	for _, path := range []string{"/", "/nn", "/en"} {
		r, body := w.look(path, nil)
		if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(body, origin) {
			t.Errorf("%s: %d %s", path, r.StatusCode, body)
		}
		csp := r.Header.Get("Content-Security-Policy")
		for _, rule := range []string{"default-src 'none'", "style-src 'self'", "script-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, rule) {
				t.Errorf("%s: the policy %q has no %s", path, csp, rule)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
		noError(t, commonHeaders(http.MethodGet, r))
		again, _ := w.look(path, http.Header{"If-None-Match": {r.Header.Get("ETag")}})
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %d", path, again.StatusCode)
		}
	}
}

func TestPagesAreCompressedForWhoTakesIt(t *testing.T) {
	w := newWorld(t).found()
	plain, page := w.look("/", nil)
	for accept, compressed := range map[string]bool{"gzip": true, "br, GZIP;q=0.5": true, "gzip;q=0": false, "gzip; q=0.00, br": false, "identity": false} {
		r, body := w.look("/", http.Header{"Accept-Encoding": {accept}})
		if (r.Header.Get("Content-Encoding") == "gzip") != compressed || !slices.Contains(r.Header.Values("Vary"), "Accept-Encoding") {
			t.Errorf("%s: %v", accept, r.Header)
		}
		if !compressed {
			continue
		}
		z, err := gzip.NewReader(strings.NewReader(body))
		noError(t, err)
		whole, err := io.ReadAll(z)
		noError(t, err)
		if string(whole) != page || r.Header.Get("ETag") == plain.Header.Get("ETag") {
			t.Errorf("%s: %q", accept, whole)
		}
	}
}

func TestFilesOfPagesNeverChange(t *testing.T) {
	w := newWorld(t).found()
	_, page := w.look("/", nil)
	files := regexp.MustCompile(`/static/[a-z0-9.-]+`).FindAllString(page, -1)
	if len(files) < 2 {
		t.Fatalf("the page loads %v", files)
	}
	for _, file := range files {
		r, body := w.look(file, nil)
		if r.StatusCode != http.StatusOK || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") || body == "" {
			t.Errorf("%s: %d %v", file, r.StatusCode, r.Header)
		}
	}
	w.refused(w.get("/static/site.css"), "not_found")
}

func TestProblemsArePagesForPeopleInTheirLanguage(t *testing.T) {
	w := newWorld(t, rates(0.6, 0)).found()
	for path, lang := range map[string]string{"/finnes/ikke": "nb", "/nn/finst/ikkje": "nn", "/en/missing": "en"} {
		r, body := w.look(path, nil)
		if r.StatusCode != http.StatusNotFound || r.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(body, `<html lang="`+lang+`">`) ||
			!strings.Contains(r.Header.Get("Content-Security-Policy"), "style-src 'self'") {
			t.Errorf("%s: %d %v %s", path, r.StatusCode, r.Header, body)
		}
	}
	for _, path := range []string{"/api/v1/nothing", "/log/nothing", "/nothing.atom"} {
		if r, _ := w.look(path, nil); r.StatusCode != http.StatusNotFound || r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.Header.Get("Content-Type"))
		}
	}
	for range 10 {
		if r, body := w.look("/en", nil); r.StatusCode == http.StatusTooManyRequests {
			if r.Header.Get("Retry-After") == "" || !strings.Contains(body, `<html lang="en">`) {
				t.Errorf("%v %s", r.Header, body)
			}
			return
		}
	}
	t.Error("no limit was met")
}

// TestNoAddressLeadsToAnotherSite: what links of a page are made from comes from strangers.
func TestNoAddressLeadsToAnotherSite(t *testing.T) {
	w := newWorld(t).found()
	for _, path := range []string{"//elsewhere.example/x", "/nn//elsewhere.example/x", "/en///elsewhere.example", `/nn/\\elsewhere.example`, "/nn/nn//elsewhere.example"} {
		r, body := w.look(path, nil)
		if r.StatusCode != http.StatusNotFound || !strings.Contains(body, `elsewhere.example`) || strings.Contains(body, `"//`) || strings.Contains(body, `"/\`) {
			t.Errorf("%s: %d %s", path, r.StatusCode, body)
		}
	}
}

// TestPagesOfTheStory looks at pages as they are served, stories and all.
func TestPagesOfTheStory(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	for path, has := range map[string]string{
		"/innovasjoner":                            "Digital oppfølging",
		"/innovasjoner?q=oppf%C3%B8lginga":         "Digital oppfølging",
		"/innovasjoner/" + published.id():          "Pasientene følges opp hjemme.",
		"/nn/innovasjoner/" + published.id():       "/api/v1/events/",
		"/en/innovasjoner/" + published.id():       "Checked: signed by",
		"/foretak":                                 string(ahus),
		"/foretak/" + string(bergen):               "Digital oppfølging",
		"/en/foretak/" + string(stavanger):         "Invitations awaiting an answer",
		"/bekreft":                                 "spredning confirm",
		"/poeng":                                   "/poeng/2026",
		"/poeng/2026":                              "1,25",
		"/nn/poeng/2025":                           "Ingen reglar er i kraft for året",
		"/poeng/2026?position=5":                   "Vis tallene nå",
		"/en/poeng/2026":                           "Points for one adoption",
		"/en/foretak?region=Helse+Vest&page=1":     string(bergen),
		"/innovasjoner?adopter=" + string(ahus):    "Digital oppfølging",
		"/innovasjoner?reach=other_region&q=&kind": "Digital oppfølging",
	} {
		r, body := w.look(path, nil)
		if r.StatusCode != http.StatusOK || !strings.Contains(body, has) {
			t.Errorf("%s: %d, has no %s", path, r.StatusCode, has)
		}
	}
	for path, status := range map[string]int{
		"/innovasjoner/01JQ5T3M8R4W6Y2Z0A1B2C3D4E": 404, "/innovasjoner/x": 404, "/foretak/" + string(stranger): 404, "/innovasjoner?page=2": 404,
		"/innovasjoner?page=0": 400, "/innovasjoner?page=x": 400, "/innovasjoner?year=x": 400, "/innovasjoner?region=Helse": 400, "/innovasjoner?adopter=1": 400,
		"/innovasjoner?sort=x": 400, "/innovasjoner?q=" + strings.Repeat("x", 201): 400, "/innovasjoner?q=%ff": 400, "/foretak?region=x": 400,
		"/poeng/2024": 404, "/poeng/2026?position=999999": 400, "/poeng/2026/" + string(stranger): 404, "/poeng/x": 404, "/poeng/02026": 404,
	} {
		if r, body := w.look(path, nil); r.StatusCode != status || !strings.Contains(body, `<html lang="nb">`) {
			t.Errorf("%s: %d, not %d", path, r.StatusCode, status)
		}
	}
}

// TestPagesFollowTheLedger asks for a page at the position of what was just said.
func TestPagesFollowTheLedger(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	path := "/innovasjoner/" + published.id()
	_, before := w.look(path, nil)
	w.post(w.sealed(stavanger, confirmation(published)))
	if _, after := w.look(path, nil); after == before || strings.Count(after, "Checked")+strings.Count(after, "Kontrollert") <= strings.Count(before, "Kontrollert") {
		t.Error("the page is as it was before the confirmation")
	}
}

// TestSimulationPage: the shares of a scenario are those that the API computes.
func TestSimulationPage(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	_, rules := w.look("/api/v1/points/2026", nil)
	var year struct{ Rules map[string]any }
	noError(t, json.Unmarshal([]byte(rules), &year))
	year.Rules["originator"] = map[string]any{"same_region": 1, "other_region": 2}
	asked, err := json.Marshal(map[string]any{"rules": year.Rules, "lines": false, "average_years": 1})
	noError(t, err)
	want := w.simulated("", string(asked))
	r, body := w.look("/en/simulering?originator.other_region=2&average_years=1", nil)
	if r.StatusCode != http.StatusOK || r.Header.Get("ETag") == "" {
		t.Fatalf("%d %v", r.StatusCode, r.Header)
	}
	years, seen := want.Indicator.Years, 0
	for _, region := range years[len(years)-1].Regions {
		seen++
		if cell := fmt.Sprintf(`data-share="%s">%.2f<`, region.Region, 100*region.Share); !strings.Contains(body, cell) {
			t.Errorf("the page has no %s", cell)
		}
	}
	if seen != 4 || !strings.Contains(body, ">−8.89<") {
		t.Errorf("%d regions: %s", seen, body)
	}
	if r, _ := w.look("/simulering?year=1999", nil); r.StatusCode != http.StatusBadRequest {
		t.Errorf("a year that is not opened: %d", r.StatusCode)
	}
}

// sendForm sends a form with a file as a browser does.
func (w *world) sendForm(path, file string) (*http.Response, string) {
	w.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	noError(w.t, form.WriteField("weights.grants", "0.5"))
	part, err := form.CreateFormFile("grants", "grants.csv")
	noError(w.t, err)
	_, err = part.Write([]byte(file))
	noError(w.t, err)
	noError(w.t, form.Close())
	req, err := http.NewRequest(http.MethodPost, w.base+path, &b)
	noError(w.t, err)
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Accept", "text/html")
	r, err := http.DefaultClient.Do(req)
	noError(w.t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	noError(w.t, err)
	return r, string(body)
}

// TestSimulationPageTakesFiles: nothing of them is kept, and what is too large is
// said to be, in the page's language.
func TestSimulationPageTakesFiles(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	size := w.ledger.Size()
	r, body := w.sendForm("/nn/simulering", fmt.Sprintf("orgnr,year,source,amount_nok\n%s,2026,eu,1000000\n", ahus))
	if r.StatusCode != http.StatusOK || !strings.Contains(body, "grants.csv") || !strings.Contains(body, "weights.grants=0.5") {
		t.Errorf("%d %s", r.StatusCode, body)
	}
	if _, after := w.look("/nn/simulering", nil); strings.Contains(after, "grants.csv") || w.ledger.Size() != size {
		t.Error("the file is kept")
	}
	if r, body := w.sendForm("/simulering", strings.Repeat("x", 2<<20)); r.StatusCode != http.StatusOK || !strings.Contains(body, "Filen er større enn") {
		t.Errorf("a large file: %d", r.StatusCode)
	}
	if r, body := w.sendForm("/en/simulering", strings.Repeat("x", 17<<20)); r.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(body, "The form is too large") {
		t.Errorf("a form beyond all bounds: %d", r.StatusCode)
	}
}
