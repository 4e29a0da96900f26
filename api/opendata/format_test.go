package opendata

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"

	"spredning/projections"
)

// hostile are cells that no ledger takes in today.
var hostile = []string{
	"=HYPERLINK(\"https://example.com\",\"klikk\")", "=cmd|' /C calc'!A0", "to\nlinjer", "\tinnrykk", "\"", "\"\"", ",", "a\"b,c\nd", "'", "''", "mot \u202evenstre\u202c",
	"مرحبا بالعالم", "\ufeffbom", "null byte \u0001", "<&>]]>", strings.Repeat("ø", 3000), " ", "  mellomrom  ", "\u2028", "_x0041_", "1E5", "007", "TRUE", "\U0001F9EA",
}

// TestHostileCells writes them in every format and reads them back.
func TestHostileCells(t *testing.T) {
	dir := t.TempDir()
	table := projections.OpenTable{Name: "hostile", Columns: []projections.Column{
		{Name: "a", Type: projections.TextColumn, Required: true},
		{Name: "b", Type: projections.TextColumn},
	}}
	var sheets []sheet
	for _, open := range []func() (sheet, error){
		func() (sheet, error) { return newCSV(dir, table, false) },
		func() (sheet, error) { return newJSONL(dir, table, false) },
		func() (sheet, error) { return newParquet(dir, table, nil) },
		func() (sheet, error) { return newExcel(dir, table, nil, maxSheetRows) },
	} {
		s, err := open()
		check(t, err)
		sheets = append(sheets, s)
	}
	for _, s := range sheets {
		for _, h := range hostile {
			check(t, s.row([]any{h, nil}))
		}
		_, _, err := s.finish()
		check(t, err)
	}
	for format, got := range map[string][]string{
		"csv": hostileCSV(t, dir), "jsonl": hostileJSONL(t, dir), "parquet": hostileParquet(t, dir), "xlsx": hostileExcel(t, dir),
	} {
		if len(got) != len(hostile) {
			t.Errorf("%s has %d rows, not %d", format, len(got), len(hostile))
			continue
		}
		for k, h := range hostile {
			if format == "xlsx" { // XML has no such character
				h = strings.ReplaceAll(h, "\u0001", "\ufffd")
			}
			if got[k] != h {
				t.Errorf("%s: %.60q became %.60q", format, h, got[k])
			}
		}
	}
	for _, cell := range []any{struct{}{}, []string{"a"}, 1} {
		for k, s := range sheets[:3] {
			if s.row([]any{cell, nil}) == nil {
				t.Errorf("format %d takes a %T", k, cell)
			}
		}
	}
}

func hostileCSV(t *testing.T, dir string) (got []string) {
	b, err := os.ReadFile(filepath.Join(dir, "hostile.csv"))
	check(t, err)
	for line := range strings.SplitSeq(strings.ReplaceAll(string(b), "\r\n", ""), "\n") {
		if line != "" && strings.ContainsAny(line[:1], "=+-@\t") {
			t.Errorf("a spreadsheet would run %.40q", line)
		}
	}
	all, err := csv.NewReader(strings.NewReader(string(b))).ReadAll()
	check(t, err)
	for _, row := range all[1:] {
		got = append(got, strings.TrimPrefix(row[0], "'"))
	}
	return got
}

func hostileJSONL(t *testing.T, dir string) (got []string) {
	b, err := os.ReadFile(filepath.Join(dir, "hostile.jsonl"))
	check(t, err)
	for line := range strings.SplitSeq(strings.TrimSuffix(string(b), "\n"), "\n") {
		var row struct{ A string }
		check(t, json.Unmarshal([]byte(line), &row))
		got = append(got, row.A)
	}
	return got
}

func hostileParquet(t *testing.T, dir string) (got []string) {
	f, err := os.Open(filepath.Join(dir, "hostile.parquet"))
	check(t, err)
	defer f.Close()
	type row struct {
		A string  `parquet:"a"`
		B *string `parquet:"b,optional"`
	}
	info, err := f.Stat()
	check(t, err)
	rows, err := parquet.Read[row](f, info.Size())
	check(t, err)
	for _, r := range rows {
		got = append(got, r.A)
		if r.B != nil {
			t.Errorf("an empty cell became %q", *r.B)
		}
	}
	return got
}

func hostileExcel(t *testing.T, dir string) (got []string) {
	book, err := excelize.OpenFile(filepath.Join(dir, "hostile.xlsx"))
	check(t, err)
	defer book.Close()
	rows, err := book.GetRows("hostile")
	check(t, err)
	for _, r := range rows[1:] {
		got = append(got, r[0])
	}
	return got
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
