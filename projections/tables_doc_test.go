package projections_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"spredning/projections"
)

var update = flag.Bool("update", false, "write what is made: the columns in docs/data.md, themes.idx")

// TestColumnsAreDocumented holds docs/data.md against the tables' columns.
func TestColumnsAreDocumented(t *testing.T) {
	const path, heading = "../docs/data.md", "## Columns\n"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	at := strings.Index(text, "\n### ")
	if at < 0 {
		at = len(text)
	}
	var want strings.Builder
	for _, table := range projections.OpenTables {
		fmt.Fprintf(&want, "\n### %s\n\n%s Key: `%s`.\n\n| column | type | what |\n| --- | --- | --- |\n", table.Name, table.About.EN, strings.Join(table.Key, "`, `"))
		for _, c := range table.Columns {
			typ := string(c.Type)
			if !c.Required {
				typ += ", may be empty"
			}
			fmt.Fprintf(&want, "| `%s` | %s | %s |\n", c.Name, typ, c.About.EN)
		}
	}
	if !strings.Contains(text[:at], heading) {
		t.Fatalf("%s has no part %q", path, heading)
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.TrimRight(text[:at], "\n")+"\n"+want.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if text[at:] != want.String() {
		t.Errorf("the columns in %s are not those of the tables; go test ./projections -run Documented -update", path)
	}
}
