package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imports says which of the module's packages each package may import. The data
// walks one way: keys, ledger, projections, api, cmd.
var imports = map[string][]string{
	"keys":             {},
	"ledger/tiles":     {},
	"ledger/snapshot":  {},
	"ledger":           {"keys", "ledger/snapshot", "ledger/tiles"},
	"ledger/jetstream": {"ledger"},
	"ledger/story":     {"keys", "ledger"},
	"ledger/witness":   {"keys", "ledger", "ledger/tiles"},
	"projections":      {"keys", "ledger", "ledger/snapshot"},
	"api/opendata":     {"ledger", "projections"},
	"api/markdown":     {},
	"api/site":         {"keys", "ledger", "projections", "api/markdown"},
	"api":              {"keys", "ledger", "ledger/tiles", "projections", "api/markdown", "api/opendata", "api/site"},
	"cmd/spredning":    {"keys", "ledger", "ledger/tiles", "ledger/jetstream", "ledger/story", "ledger/witness", "projections", "api", "api/opendata"},
}

// natsImporters are the only packages that know NATS.
var natsImporters = []string{"ledger/jetstream", "cmd/spredning"}

func TestImportsRunOneWay(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/testdata/") || strings.Contains(path, "/.ci/") {
			return err
		}
		from, err := filepath.Rel("../..", filepath.Dir(path))
		if err != nil {
			return err
		}
		seen[from] = true
		allowed, known := imports[from]
		if !known {
			t.Errorf("%s is a package that the table does not have", from)
		}
		for _, to := range importsOf(t, path) {
			if own, ok := strings.CutPrefix(to, "spredning/"); ok && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s", path, to)
			}
			if strings.HasPrefix(to, "github.com/nats-io/") && !slices.Contains(natsImporters, from) {
				t.Errorf("%s imports %s", path, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for p := range imports {
		if !seen[p] {
			t.Errorf("%s has no files: was the tree walked?", p)
		}
	}
}

func importsOf(t *testing.T, path string) (all []string) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range file.Imports {
		to, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, to)
	}
	return all
}
