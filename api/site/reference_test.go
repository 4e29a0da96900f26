package site

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestReferenceIsWhole: every operation and every schema of the document is on the page.
func TestReferenceIsWhole(t *testing.T) {
	b, err := os.ReadFile("../openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]json.RawMessage }
	}
	if err := json.Unmarshal(b, &document); err != nil {
		t.Fatal(err)
	}
	a, err := ask(told(), "/data/api")
	if err != nil {
		t.Fatal(err)
	}
	page := string(a.Body)
	operations := 0
	for path, item := range document.Paths {
		for method := range item {
			if method == "servers" || method == "parameters" {
				continue
			}
			operations++
			if !strings.Contains(page, "<code>"+strings.ToUpper(method)+" "+path+"</code>") && !strings.Contains(page, "<code>"+strings.ToUpper(method)+" /api/v1"+path+"</code>") {
				t.Errorf("%s %s is not on the page", method, path)
			}
		}
	}
	if operations < 40 {
		t.Errorf("only %d operations were looked for", operations)
	}
	for name := range document.Components.Schemas {
		if !strings.Contains(page, `id="schema-`+name+`"`) {
			t.Errorf("the schema %s is not on the page", name)
		}
	}
}

func TestReferencesThatAreNone(t *testing.T) {
	for name, document := range map[string]string{
		"no JSON":        `{`,
		"no server":      `{"paths":{"/x":{"get":{"tags":["a"]}}},"tags":[{"name":"a"}]}`,
		"an unknown tag": `{"servers":[{"url":"/"}],"paths":{"/x":{"get":{"tags":["b"]}}},"tags":[{"name":"a"}]}`,
		"paths a list":   `{"paths":[]}`,
	} {
		if _, err := ReadReference([]byte(document)); err == nil {
			t.Errorf("%s: it is read", name)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1 kB", 812_400: "812 kB", 999_499: "999 kB", 12_345_678: "12 MB", 3_000_000_000: "3 GB"} {
		if got := strings.ReplaceAll(bokmaal.bytes(n), space, " "); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}
