package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"spredning/ledger"
)

// similar is the answer about similar innovations, as far as these tests ask.
type similar struct {
	Items []struct {
		Innovation, Through, Status string
		Score                       float64
		Likely                      bool
		Reasons                     []struct {
			Kind, Relation string
			Words          []string
			Organisations  []ledger.Orgnr
		}
	}
	Position int64
}

func (w *world) similarTo(query, body string) answer {
	return w.ask(http.MethodPost, "/api/v1/innovations/similar"+query, strings.NewReader(body), "Content-Type", "application/json")
}

func dialysis() *ledger.Publication {
	p := publication("Hjemmedialyse med sykepleier på skjerm")
	p.Summary = norwegian("Pasienter med nyresvikt dialyserer hjemme og snakker med en dialysesykepleier på video.")
	return p
}

func TestSimilarToADraft(t *testing.T) {
	w := newWorld(t).found()
	w.post(w.sealed(bergen, publication("Sporbare instrumentbrett")))
	r := w.post(w.sealed(bergen, dialysis()))
	a := w.similarTo("", `{"title":{"nn":"Sjukepleiar på skjermen når du dialyserer heime"},"originators":[{"orgnr":"983974724","share":1000}],"in_use_since":"2025-02-01"}`)
	var found similar
	w.decoded(a, &found)
	if len(found.Items) == 0 || found.Items[0].Innovation != r.id() || !found.Items[0].Likely || found.Items[0].Score < 0.5 {
		t.Fatalf("%s", a.body)
	}
	reasons := fmt.Sprint(found.Items[0].Reasons)
	for _, part := range []string{"shared_words", "Hjemmedialyse", "same_originators", "983974724", "close_in_time"} {
		if !strings.Contains(reasons, part) {
			t.Errorf("%s is missing in %s", part, reasons)
		}
	}
	if a.Header.Get("Spredning-Position") != fmt.Sprint(w.ledger.Size()) || found.Position != w.ledger.Size() {
		t.Errorf("at position %s, %d", a.Header.Get("Spredning-Position"), found.Position)
	}
	if again := w.similarTo("", `{"title":{"nb":"Hageplan"}}`); !strings.Contains(string(again.body), `"items":[]`) {
		t.Errorf("%s", again.body)
	}
}

func (w *world) decoded(a answer, v any) {
	w.t.Helper()
	if a.StatusCode != http.StatusOK {
		w.t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	noError(w.t, json.Unmarshal(a.body, v))
}

func TestSimilarTakesThePublishedDataAsItIs(t *testing.T) {
	w := newWorld(t).found()
	r := w.post(w.sealed(bergen, dialysis()))
	data := `{"title":{"nb":"Hjemmedialyse med sykepleier på skjerm"},"summary":{"nb":"Dialyse hjemme."},"kind":"service",` +
		`"originators":[{"orgnr":"983974724","share":1000}],"funding":["own"],"regional_initiative":false,"in_use_since":"2025-01-01",` +
		`"replaces":{"nb":"Oppmøte."},"derived_from":"` + r.id() + `","links":["https://spredning.example/"],` +
		`"attachments":[{"sha256":"` + strings.Repeat("0", 64) + `","media_type":"image/png","size":1,"title":{"nb":"Bilde"}}]}`
	var found similar
	w.decoded(w.similarTo("?limit=1", data), &found)
	if len(found.Items) != 1 || !strings.Contains(fmt.Sprint(found.Items[0].Reasons), "derived_from") {
		t.Errorf("%+v", found)
	}
}

func TestSimilarToAPublishedOne(t *testing.T) {
	w := newWorld(t).found()
	first, second := w.post(w.sealed(bergen, dialysis())), w.post(w.sealed(bergen, dialysis()))
	var found similar
	w.ok("/api/v1/innovations/"+first.id()+"/similar", &found)
	if len(found.Items) != 1 || found.Items[0].Innovation != second.id() || !found.Items[0].Likely {
		t.Errorf("%+v", found)
	}
	w.post(w.sealed(bergen, &ledger.Withdrawal{Innovation: second.id(), Reason: norwegian("Registrert to ganger.")}))
	w.ok(fmt.Sprintf("/api/v1/innovations/%s/similar?min_position=%d", first.id(), w.ledger.Size()), &found)
	if len(found.Items) != 1 || found.Items[0].Status != "withdrawn" {
		t.Errorf("%+v", found)
	}
	w.refused(w.get("/api/v1/innovations/01GPGCMYTR0000000000000000/similar"), "not_found")
	w.refused(w.get("/api/v1/innovations/"+first.id()+"/similar?limit=101"), "invalid_query")
	w.refused(w.get("/api/v1/innovations/similar"), "not_found")
}

func TestDraftsThatAreRefused(t *testing.T) {
	w := newWorld(t).found()
	size := w.ledger.Size()
	for body, want := range map[string]problem{
		`{`:                                  {Code: "malformed"},
		`[]`:                                 {Code: "malformed"},
		`{"title":{"nb":"x"},"id":"1"}`:      {Code: "malformed", Pointer: "/id"},
		`{"title":{"nb":"x"},"kind":null}`:   {Code: "malformed", Pointer: "/kind"},
		`{}`:                                 {Code: "invalid_field", Pointer: "/title"},
		"{\"title\":{\"nb\":\"\xff\"}}":      {Code: "malformed"},
		`{"title":{"nb":"x"},"kind":"idea"}`: {Code: "invalid_field", Pointer: "/kind"},
		`{"title":{"nb":"31123999935"}}`:     {Code: "personal_data", Pointer: "/title/nb"},
		string(bytes.Repeat([]byte(" "), ledger.MaxDraft+1)): {Code: "too_large"},
	} {
		if p := w.refused(w.similarTo("", body), want.Code); want.Pointer != "" && p.Pointer != want.Pointer {
			t.Errorf("%.80s: %s is blamed, not %s", body, p.Pointer, want.Pointer)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=101", "?limit=", "?min_position=x"} {
		w.refused(w.similarTo(query, `{"title":{"nb":"x"}}`), "invalid_query")
	}
	w.refused(w.similarTo("?min_position=1000", `{"title":{"nb":"x"}}`), "unavailable")
	if w.ledger.Size() != size {
		t.Error("a draft was kept")
	}
}

func TestDraftsAreLimitedAsReads(t *testing.T) {
	w := newWorld(t, rates(0.001, 0)).found()
	w.similarTo("", `{"title":{"nb":"x"}}`)
	a := w.similarTo("", `{"title":{"nb":"x"}}`)
	w.refused(a, "overloaded")
	hasRetryAfter(t, a)
}
