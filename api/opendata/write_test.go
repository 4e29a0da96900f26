package opendata_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"spredning/api/opendata"
	"spredning/ledger"
	"spredning/projections"
)

// TestCells holds every row against its columns: as many, of the types they say,
// none empty that must not be, and no key twice.
func TestCells(t *testing.T) {
	src := story(t).source()
	types := map[projections.ColumnType]reflect.Type{
		projections.TextColumn: reflect.TypeFor[string](), projections.ListColumn: reflect.TypeFor[string](), projections.IntegerColumn: reflect.TypeFor[int64](),
		projections.NumberColumn: reflect.TypeFor[float64](), projections.PointsColumn: reflect.TypeFor[ledger.Milli](), projections.BooleanColumn: reflect.TypeFor[bool](),
		projections.DateColumn: reflect.TypeFor[ledger.Date](), projections.TimeColumn: reflect.TypeFor[time.Time](),
	}
	for _, table := range projections.OpenTables {
		seen := map[string]bool{}
		noError(t, table.Rows(src.Fold, src.Entry, func(cells []any) error {
			if len(cells) != len(table.Columns) {
				return fmt.Errorf("%s: %d cells, %d columns", table.Name, len(cells), len(table.Columns))
			}
			key := ""
			for k, c := range table.Columns {
				switch {
				case cells[k] == nil && c.Required:
					t.Errorf("%s: %s is empty", table.Name, c.Name)
				case cells[k] != nil && reflect.TypeOf(cells[k]) != types[c.Type]:
					t.Errorf("%s: %s is a %T, not a %s", table.Name, c.Name, cells[k], c.Type)
				}
				for _, name := range table.Key {
					if name == c.Name {
						key += fmt.Sprint(cells[k], "/")
					}
				}
				if c.About.NB == "" || c.About.NN == "" || c.About.EN == "" {
					t.Errorf("%s: %s is not explained", table.Name, c.Name)
				}
			}
			if seen[key] {
				t.Errorf("%s: two rows have the key %s", table.Name, key)
			}
			seen[key] = true
			if cells[len(cells)-1] != true {
				t.Errorf("%s: the mark of a demonstration is missing", table.Name)
			}
			return nil
		}))
		if len(seen) == 0 {
			t.Errorf("%s has no rows", table.Name)
		}
	}
}

// TestFormatsAgree writes the story and reads it back from each format: all hold
// what JSON Lines has.
func TestFormatsAgree(t *testing.T) {
	src, dir := story(t).source(), t.TempDir()
	m, err := opendata.Write(t.Context(), dir, src, opendata.Options{Gzip: true, SheetRows: 3})
	noError(t, err)
	for _, table := range projections.OpenTables {
		want := readJSONL(t, filepath.Join(dir, table.Name+".jsonl"))
		for format, got := range map[string][][]string{
			"csv":     readCSV(t, table, filepath.Join(dir, table.Name+".csv")),
			"parquet": readParquet(t, table, filepath.Join(dir, table.Name+".parquet")),
			"xlsx":    readExcel(t, table, filepath.Join(dir, table.Name+".xlsx")),
		} {
			compare(t, table, format, want, got)
		}
	}
	checkHashes(t, dir, m)
}

// compare holds rows against those of JSON Lines. CSV and Excel have no null.
func compare(t *testing.T, table projections.OpenTable, format string, want []map[string]any, got [][]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s.%s has %d rows, JSON Lines %d", table.Name, format, len(got), len(want))
	}
	for r := range want {
		for k, c := range table.Columns {
			w := ""
			if v := want[r][c.Name]; v != nil {
				w = fmt.Sprint(v)
			}
			if got[r][k] != w {
				t.Errorf("%s.%s, row %d, %s: %q, in JSON Lines %q", table.Name, format, r, c.Name, got[r][k], w)
			}
		}
	}
}

func readJSONL(t *testing.T, path string) (rows []map[string]any) {
	t.Helper()
	f, err := os.Open(path)
	noError(t, err)
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.UseNumber()
		var row map[string]any
		noError(t, d.Decode(&row))
		rows = append(rows, row)
	}
	return rows
}

// readCSV also undoes what spreadsheets need.
func readCSV(t *testing.T, table projections.OpenTable, path string) [][]string {
	t.Helper()
	b, err := os.ReadFile(path)
	noError(t, err)
	if !bytes.HasSuffix(b, []byte("\r\n")) {
		t.Errorf("%s does not end with CRLF", path)
	}
	r := csv.NewReader(bytes.NewReader(b))
	all, err := r.ReadAll()
	noError(t, err)
	for k, c := range table.Columns {
		if all[0][k] != c.Name {
			t.Errorf("%s: column %d is %s, not %s", path, k, all[0][k], c.Name)
		}
	}
	for _, row := range all[1:] {
		for k := range row {
			number := table.Columns[k].Type != projections.TextColumn && table.Columns[k].Type != projections.ListColumn
			if first := strings.TrimLeft(row[k], " \t"); !number && first != "" && strings.ContainsAny(first[:1], "=+-@\t\r\n") {
				t.Errorf("%s: a spreadsheet would run %q", path, row[k])
			}
			row[k] = strings.TrimPrefix(row[k], "'")
		}
	}
	return all[1:]
}

func readParquet(t *testing.T, table projections.OpenTable, path string) (rows [][]string) {
	t.Helper()
	f, err := os.Open(path)
	noError(t, err)
	defer f.Close()
	info, err := f.Stat()
	noError(t, err)
	file, err := parquet.OpenFile(f, info.Size())
	noError(t, err)
	if v, ok := file.Lookup("illustrative"); !ok || !strings.HasPrefix(v, "true") {
		t.Errorf("%s: the mark of a demonstration is missing: %q", path, v)
	}
	for k, c := range file.Schema().Columns() {
		if c[0] != table.Columns[k].Name {
			t.Errorf("%s: column %d is %s, not %s", path, k, c[0], table.Columns[k].Name)
		}
	}
	r := parquet.NewReader(file)
	defer r.Close()
	buffer := make([]parquet.Row, 2)
	for {
		n, err := r.ReadRows(buffer)
		for _, row := range buffer[:n] {
			cells := make([]string, len(row))
			for k, v := range row {
				cells[k] = parquetText(table.Columns[k].Type, v)
			}
			rows = append(rows, cells)
		}
		if errors.Is(err, io.EOF) {
			return rows
		}
		noError(t, err)
	}
}

func parquetText(typ projections.ColumnType, v parquet.Value) string {
	switch {
	case v.IsNull():
		return ""
	case typ == projections.PointsColumn:
		return ledger.Milli(v.Int64()).String()
	case typ == projections.DateColumn:
		return time.Unix(int64(v.Int32())*24*60*60, 0).UTC().Format(time.DateOnly)
	case typ == projections.TimeColumn:
		return time.UnixMilli(v.Int64()).UTC().Format(time.RFC3339)
	case typ == projections.NumberColumn:
		return strconv.FormatFloat(v.Double(), 'f', -1, 64)
	}
	return v.String()
}

func readExcel(t *testing.T, table projections.OpenTable, path string) (rows [][]string) {
	t.Helper()
	book, err := excelize.OpenFile(path)
	noError(t, err)
	defer book.Close()
	for _, sheet := range book.GetSheetList() {
		if !strings.HasPrefix(sheet, table.Name) {
			about, err := book.GetRows(sheet)
			noError(t, err)
			if told := fmt.Sprint(about); !strings.Contains(told, "ILLUSTRATIVE") || !strings.Contains(told, "NLOD") || !strings.Contains(told, "spredning.example/test") {
				t.Errorf("%s does not say what it is: %.300s", path, told)
			}
			continue
		}
		panes, err := book.GetPanes(sheet)
		if err != nil || !panes.Freeze || panes.YSplit != 1 {
			t.Errorf("%s: the header does not stay: %v %v", path, panes, err)
		}
		all, err := book.GetRows(sheet, excelize.Options{RawCellValue: true})
		noError(t, err)
		for r := range all {
			cells := make([]string, len(table.Columns))
			for k := range all[r] {
				cells[k] = excelText(t, table.Columns[k].Type, all[r][k], r == 0)
				place, err := excelize.CoordinatesToCellName(k+1, r+1)
				noError(t, err)
				if formula, err := book.GetCellFormula(sheet, place); err != nil || formula != "" {
					t.Errorf("%s: %s is the formula %q, %v", path, place, formula, err)
				}
			}
			if r > 0 {
				rows = append(rows, cells)
			} else if cells[0] != table.Columns[0].Name {
				t.Errorf("%s: the header begins with %q", path, cells[0])
			}
		}
	}
	return rows
}

func excelText(t *testing.T, typ projections.ColumnType, s string, header bool) string {
	t.Helper()
	form := map[projections.ColumnType]string{projections.DateColumn: time.DateOnly, projections.TimeColumn: time.RFC3339}[typ]
	switch {
	case header || s == "":
		return s
	case typ == projections.BooleanColumn:
		return map[string]string{"1": "true", "0": "false", "TRUE": "true", "FALSE": "false"}[s]
	case form != "" && !strings.Contains(s, "-"):
		days, err := strconv.ParseFloat(s, 64)
		noError(t, err)
		at, err := excelize.ExcelDateToTime(days, false)
		noError(t, err)
		return at.Round(time.Second).UTC().Format(form)
	}
	return s
}

// checkHashes holds every file against the manifest.
func checkHashes(t *testing.T, dir string, m *opendata.Manifest) {
	t.Helper()
	if len(m.Files) != len(opendata.Names) {
		t.Errorf("%d files, %d names", len(m.Files), len(opendata.Names))
	}
	for k, f := range m.Files {
		if f.Name != opendata.Names[k] {
			t.Errorf("file %d is %s, not %s", k, f.Name, opendata.Names[k])
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name))
		noError(t, err)
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != f.SHA256 || int64(len(b)) != f.Size {
			t.Errorf("%s is not what the manifest says", f.Name)
		}
		if (f.Format == "csv" || f.Format == "jsonl") != (f.Gzip != nil) {
			t.Errorf("%s: compressed is %v", f.Name, f.Gzip)
		}
		if f.Gzip != nil {
			packed, err := os.Open(filepath.Join(dir, f.Name+".gz"))
			noError(t, err)
			z, err := gzip.NewReader(packed)
			noError(t, err)
			unpacked, err := io.ReadAll(z)
			noError(t, err)
			noError(t, packed.Close())
			if !bytes.Equal(unpacked, b) {
				t.Errorf("%s compressed is something else", f.Name)
			}
		}
	}
}

// TestSameBytes writes the same size on two nodes, at different times: one has
// gone on since.
func TestSameBytes(t *testing.T) {
	x := story(t)
	size := int64(len(x.entries))
	first, second := t.TempDir(), t.TempDir()
	m, err := opendata.Write(t.Context(), first, x.source(), opendata.Options{SheetRows: 2})
	noError(t, err)
	x.confirm(x.publish("Senere"), ahus, "2026-04-01")
	time.Sleep(1100 * time.Millisecond) // zip files have times of whole seconds
	src, err := opendata.SourceAt(t.Context(), x, size)
	noError(t, err)
	_, err = opendata.Write(t.Context(), second, src, opendata.Options{SheetRows: 2})
	noError(t, err)
	for _, f := range m.Files {
		a, err := os.ReadFile(filepath.Join(first, f.Name))
		noError(t, err)
		b, err := os.ReadFile(filepath.Join(second, f.Name))
		noError(t, err)
		if !bytes.Equal(a, b) {
			t.Errorf("%s has other bytes the second time", f.Name)
		}
	}
}

// TestPointsAddUp sums the lines up to the points.
func TestPointsAddUp(t *testing.T) {
	dir := t.TempDir()
	_, err := opendata.Write(t.Context(), dir, story(t).source(), opendata.Options{})
	noError(t, err)
	sums := map[string]float64{}
	for _, l := range readJSONL(t, filepath.Join(dir, "point_lines.jsonl")) {
		points, err := l["points"].(json.Number).Float64()
		noError(t, err)
		sums[fmt.Sprint(l["year"], l["orgnr"])] += points
	}
	years := map[string]bool{}
	for _, p := range readJSONL(t, filepath.Join(dir, "points.jsonl")) {
		total, err := p["total"].(json.Number).Float64()
		noError(t, err)
		key := fmt.Sprint(p["year"], p["orgnr"])
		if d := sums[key] - total; d > 1e-9 || d < -1e-9 {
			t.Errorf("%s has %v points, its lines %v", key, total, sums[key])
		}
		delete(sums, key)
		years[fmt.Sprint(p["year"], p["status"])] = true
	}
	if len(sums) > 0 || !years["2025closed"] || !years["2026open"] {
		t.Errorf("left over: %v; years: %v", sums, years)
	}
}

func TestNeutral(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "sykehus": "sykehus", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\ta": "'\ta", "\ra": "'\ra", "\na": "'\na", "  =1": "'  =1",
		"\u00a0=1": "'\u00a0=1", "＝1": "'＝1", "'a": "''a", "'=1": "''=1", "a=1": "a=1", " a": " a", "–1": "–1",
	} {
		if got := opendata.Neutral(s); got != want {
			t.Errorf("%q became %q, not %q", s, got, want)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		s := rapid.String().Draw(r, "text")
		n := opendata.Neutral(s)
		if strings.TrimPrefix(n, "'") != s {
			r.Fatalf("%q became %q and does not come back", s, n)
		}
		if n != "" && strings.ContainsAny(n[:1], "=+-@\t\r\n") {
			r.Fatalf("%q would still run", n)
		}
	})
}

// BenchmarkWrite writes the tables of 100,000 adoptions, and tells how much
// memory that takes beside the fold.
func BenchmarkWrite(b *testing.B) {
	x := newTeller(b, false)
	x.rules()
	x.tell(authority, &ledger.YearOpening{Year: 2026})
	const innovations = 50_000 // with two adoptions each
	for i := range innovations {
		e := x.publish("Innovasjon " + strconv.Itoa(i))
		for _, o := range []ledger.Orgnr{ahus, authority} {
			x.confirm(e, o, "2026-02-01")
		}
	}
	x.view = nil
	src := x.source()
	defer debug.SetGCPercent(debug.SetGCPercent(10)) // so that garbage is not taken for need
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	dir := b.TempDir()
	var rows int64
	var peak uint64
	for b.Loop() {
		stop, done := make(chan struct{}), make(chan uint64)
		go watchHeap(stop, done)
		m, err := opendata.Write(b.Context(), dir, src, opendata.Options{Gzip: true})
		noError(b, err)
		close(stop)
		peak = max(peak, <-done)
		for _, f := range m.Files {
			if f.Format == "csv" {
				rows += *f.Rows
			}
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(peak-min(peak, before.HeapAlloc))/(1<<20), "MiB-beside-the-fold")
	b.ReportMetric(float64(before.HeapAlloc)/(1<<20), "MiB-fold-and-log")
}

// watchHeap gives the most heap in use until it is stopped.
func watchHeap(stop <-chan struct{}, done chan<- uint64) {
	var peak uint64
	for {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
		select {
		case <-stop:
			done <- peak
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}
