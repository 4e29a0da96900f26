package main

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"spredning/ledger"
	"spredning/projections"
)

// answering is a client of a server that answers every request with this.
func answering(t *testing.T, status int, body string) *client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return &client{server.URL, server.Client()}
}

const someSimilar = `{"items":[
{"innovation":"` + someID + `","title":{"nb":"Hjemmedialyse","nn":"Heimedialyse"},"status":"withdrawn","originators":[{"orgnr":"983974724","name":"Helse Bergen HF","share":1000}],
 "in_use_since":"2025-01-01","score":0.83,"likely":true,"reasons":[{"kind":"shared_words","words":["Hjemmedialyse","video"]},{"kind":"lineage","relation":"same_root"}]},
{"innovation":"01GPGCMYTR0000000000000001","title":{"nb":"Dialysetransport\u001b[2J"},"status":"published","originators":[{"orgnr":"883974832","name":"St. Olavs hospital HF","share":1000}],
 "in_use_since":"2025-01-01","score":0.2,"likely":false,"reasons":[{"kind":"related_words","words":["dialyse"]}]}],"position":3}`

func TestSimilarIsShownBeforeSigning(t *testing.T) {
	for l, want := range map[language][]string{
		bokmål:  {"Dette kan være registrert allerede:", "Hjemmedialyse (trukket tilbake)", "Helse Bergen HF, 983974724", "0.83", "Hjemmedialyse, video", "begge bygger på samme", "Dette ligner, men er trolig noe annet:", "/api/v1/innovations/" + someID},
		nynorsk: {"Dette kan vere registrert allereie:", "Heimedialyse (trekt tilbake)", "Nærskylde ord"},
		english: {"This may be registered already:", "(withdrawn)", "Related words"},
	} {
		var said bytes.Buffer
		e := &env{err: &said, lang: languages[l]}
		a := actor{lang: l, client: answering(t, http.StatusOK, someSimilar)}
		if err := e.compare(t.Context(), a, ledger.Innovation{}, false); err != nil {
			t.Errorf("nobody can be asked, yet %v", err)
		}
		for _, part := range want {
			if !strings.Contains(said.String(), part) {
				t.Errorf("%q is missing in\n%s", part, &said)
			}
		}
		if strings.Contains(said.String(), "\x1b") {
			t.Errorf("a title steers the terminal: %q", &said)
		}
	}
}

func TestALedgerThatCannotCompareHindersNobody(t *testing.T) {
	var said bytes.Buffer
	e := &env{err: &said}
	a := actor{client: answering(t, http.StatusNotFound, `{"status":404,"code":"not_found","detail":"no such thing"}`)}
	if err := e.compare(t.Context(), a, ledger.Innovation{}, false); err != nil || !strings.Contains(said.String(), "kunne ikke undersøkes") {
		t.Errorf("%v, and said:\n%s", err, &said)
	}
}

func TestWhoeverHasFoundADuplicateIsAdvised(t *testing.T) {
	for answer, want := range map[string]string{"j": "nothing was signed", "n": ""} {
		var said bytes.Buffer
		e := &env{err: &said, lines: bufio.NewReader(strings.NewReader(answer + "\n"))}
		err := e.askSame(bokmål, projections.Similar{Innovation: someID})
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v", answer, err)
		}
		for _, way := range []string{"publish --revise " + someID, "confirm " + someID, "publish --derived-from " + someID, "innovation.merged"} {
			if strings.Contains(said.String(), way) != (want != "") {
				t.Errorf("%s, about %s:\n%s", answer, way, &said)
			}
		}
	}
}
