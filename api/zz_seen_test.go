package api_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"spredning/ledger"
)

// unseen are the answers that the document describes and no test can provoke.
var unseen = []string{
	"GET /healthz 503", // a demo's, while its story is told
}

// TestEverythingDescribedWasSeen runs last, as its file's name says: each answer
// that the document describes was given to some test, and each problem.
func TestEverythingDescribedWasSeen(t *testing.T) {
	for _, name := range []string{"test.run", "test.skip", "test.shuffle"} {
		if v := flag.Lookup(name).Value.String(); v != "" && v != "off" {
			t.Skipf("only after all other tests: -%s=%s", name, v)
		}
	}
	d := described.document
	for _, o := range d.operations {
		for status := range o.responses {
			name := fmt.Sprintf("%s %s %s", o.method, o.path, status)
			if d.seen[name] == slices.Contains(unseen, name) {
				t.Errorf("%s: seen is %t", name, d.seen[name])
			}
		}
	}
	for _, code := range append(slices.Clone(ledger.Codes), ledger.Overloaded, ledger.Unavailable, "not_found", "invalid_query") {
		if !d.codes[string(code)] {
			t.Errorf("problem %s was not seen", code)
		}
	}
}

// TestExamplesAreAsDescribed holds the document's own examples against its
// schemas.
func TestExamplesAreAsDescribed(t *testing.T) {
	w := newWorld(t)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(w.ok("/api/v1/openapi.json", nil).body)))
	noError(t, err)
	if n := w.examples(t, "", value); n < 50 {
		t.Errorf("only %d examples were found", n)
	}
}

// examples judges the examples at and below a place in the document, and counts
// them.
func (w *world) examples(t *testing.T, pointer string, value any) (n int) {
	object, _ := value.(map[string]any)
	if _, ok := object["schema"]; ok {
		n += w.example(t, pointer, pointer+"/schema", object["example"])
		named, _ := object["examples"].(map[string]any)
		for _, e := range named {
			n += w.example(t, pointer, pointer+"/schema", e.(map[string]any)["value"])
		}
	}
	for name, below := range object {
		n += w.examples(t, pointer+"/"+escape(name), below)
	}
	if list, ok := value.([]any); ok {
		for i, below := range list {
			if strings.HasSuffix(pointer, "/examples") {
				n += w.example(t, pointer, strings.TrimSuffix(pointer, "/examples"), below)
			} else {
				n += w.examples(t, fmt.Sprintf("%s/%d", pointer, i), below)
			}
		}
	}
	return n
}

func (w *world) example(t *testing.T, pointer, schema string, example any) int {
	if example == nil {
		return 0
	}
	if err := w.document.validate(schema, example); err != nil {
		t.Errorf("%s: %v", pointer, err)
	}
	return 1
}
