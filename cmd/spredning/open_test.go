package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"spredning/ledger"
)

// stub is a ledger that says this is open in a year; empty: it does not know.
func stub(t *testing.T, open string) *env {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(path, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
	}
	answer("/api/v1/status", `{"ledger":"spredning.example/test","illustrative":true}`)
	answer("/api/v1/organisations/"+string(bergen), `{"orgnr":"983974724","name":"Helse Bergen HF"}`)
	answer("/api/v1/organisations/"+string(stOlav), `{"orgnr":"883974832","name":"St. Olavs hospital HF"}`)
	if open != "" {
		answer("/api/v1/years/2026/open", open)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"status":404,"code":"not_found","detail":"there is nothing here"}`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &env{url: server.URL, lang: "nb"}
}

// shownBefore is what is shown before a year is closed.
func shownBefore(t *testing.T, e *env) string {
	t.Helper()
	var said bytes.Buffer
	e.err = &said
	event, _ := signed(t, &ledger.YearClosing{Year: 2026})
	if err := e.show(event); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(said.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > columns {
			t.Errorf("%d characters: %q", n, line)
		}
	}
	return joined(&said)
}

// Before a year is closed the authority is shown what is still open in it.
func TestClosingShowsWhatIsOpen(t *testing.T) {
	said := shownBefore(t, stub(t, `{
		"year":2026,"position":40,"status":"open","counts":{"disputes":1,"requests":1,"invitations":1,"kept_out":1},
		"disputes":[{"index":7,"innovation":"`+someID+`","title":{"nb":"Hjemme","nn":"Heime"},"adopter":"883974832","name":"St. Olavs hospital HF",
			"by":"983974724","by_name":"Helse Bergen HF","reason":{"nb":"Det var en pilot."},"status":"open","at_stake":1.25,"flags":["authority_key"]}],
		"requests":[{"index":9,"innovation":"`+otherID+`","title":{"nb":"Smerteplaster"},"by":"883974832","by_name":"St. Olavs hospital HF",
			"reason":{"nb":"Laget for EU-midler."},"status":"open","adoptions":2,"flags":["authority_key","compromised_key"]}],
		"invitations":[{"index":11,"innovation":"`+someID+`","title":{"nb":"Hjemme"},"adopter":"983971636","name":"Akershus universitetssykehus HF"}],
		"kept_out":[{"index":12,"innovation":"`+otherID+`","title":{"nb":"Smerteplaster"},"adopter":"983971636","name":"Akershus universitetssykehus HF","reasons":["not_eligible"]}],
		"table":{"total":12.25,"rows":3}}`))
	for _, want := range []string{
		"avslutter rapporteringsåret 2026", "Disse adopsjonene teller ikke i 2026 om det avsluttes nå (antall: 1):",
		"Hjemme (" + someID + ")", "Adoptert av St. Olavs hospital HF, 883974832", "Bestridt av Helse Bergen HF, 983974724", "Begrunnelse Det var en pilot. Om nøkkelen som signerte registrert av myndigheten Står på spill",
		"Åpne ønsker om vurdering i 2026 (antall: 1):", "Smerteplaster (" + otherID + ")", "Laget for EU-midler. Om nøkkelen som signerte registrert av myndigheten; kan ha vært på avveier",
		"Invitasjoner uten svar i 2026 (antall: 1):", "Invitert Akershus universitetssykehus HF, 983971636", "Står på spill 1.25", "Adopsjoner det gjelder 2",
		"Adopsjoner som ikke teller i 2026 slik det er nå (antall: 1):", "innovasjonen oppfyller ikke vilkårene",
		"Poeng i alt 12.25", "Organisasjoner med poeng 3",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("does not say %q: %s", want, said)
		}
	}
}

func TestClosingShowsManyAndNone(t *testing.T) {
	one := `{"index":5,"innovation":"` + someID + `","title":{"nb":"Hjemme"},"adopter":"883974832","name":"St. Olavs hospital HF"}`
	said := shownBefore(t, stub(t, `{"year":2026,"invitations":[`+strings.Repeat(one+",", 29)+one+`],"counts":{"invitations":30},"table":{"total":0,"rows":0}}`))
	if n := strings.Count(said, "Hjemme"); n != shownMatters || !strings.Contains(said, "… og 10 til") || !strings.Contains(said, "Organisasjoner med poeng 0") {
		t.Errorf("%d of 30 are listed: %s", n, said)
	}
	said = shownBefore(t, stub(t, `{"year":2026,"disputes":[],"table":{}}`))
	if !strings.Contains(said, bokmål.say(openNothing, 2026)) {
		t.Errorf("nothing is open, but it says %s", said)
	}
}

// That it cannot be known is said, and the year can be closed all the same.
func TestClosingWithoutWhatIsOpen(t *testing.T) {
	away := stub(t, "")
	away.url = "http://127.0.0.1:1"
	for name, c := range map[string]struct {
		*env
		why string
	}{
		"not there":   {stub(t, ""), "there is nothing here"},
		"not read":    {stub(t, "[]"), "did not answer as a ledger does"},
		"unreachable": {away, "cannot reach the ledger"},
	} {
		said := shownBefore(t, c.env)
		if !strings.Contains(said, "Hva som fortsatt er åpent i rapporteringsåret 2026, kunne ikke hentes") || !strings.Contains(said, c.why) {
			t.Errorf("%s: %s", name, said)
		}
	}
}
