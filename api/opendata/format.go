package opendata

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"spredning/ledger"
	"spredning/projections"
)

// Format is a way to write a table.
type Format struct {
	Name      string // ends the files' names
	MediaType string
	FileType  string // of the EU's list of file types
}

// Formats are those that every table has.
var Formats = []Format{
	{"csv", "text/csv", "CSV"},
	{"jsonl", "application/x-ndjson", "JSON"},
	{"parquet", "application/vnd.apache.parquet", "PARQUET"},
	{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "XLSX"},
}

// sheet takes the rows of a table, in one format. Who does not get to its end
// abandons it.
type sheet interface {
	row(cells []any) error
	finish() (plain Part, small *Part, err error)
	abandon()
}

// lines is a sheet of text: CSV or JSON Lines.
type lines struct {
	*zipped
	columns []projections.Column
	buffer  []byte
	append  func(b []byte, columns []projections.Column, cells []any) ([]byte, error)
}

func newCSV(dir string, t projections.OpenTable, small bool) (sheet, error) {
	z, err := createZipped(dir, t.Name+".csv", small)
	if err != nil {
		return nil, err
	}
	var header []byte
	for k, c := range t.Columns {
		header = appendSeparated(header, k, c.Name)
	}
	if _, err := z.Write(append(header, "\r\n"...)); err != nil {
		z.abandon()
		return nil, err
	}
	return &lines{zipped: z, columns: t.Columns, append: appendCSV}, nil
}

func newJSONL(dir string, t projections.OpenTable, small bool) (sheet, error) {
	z, err := createZipped(dir, t.Name+".jsonl", small)
	if err != nil {
		return nil, err
	}
	return &lines{zipped: z, columns: t.Columns, append: appendJSON}, nil
}

func (l *lines) row(cells []any) (err error) {
	if l.buffer, err = l.append(l.buffer[:0], l.columns, cells); err != nil {
		return err
	}
	_, err = l.Write(l.buffer)
	return err
}

// appendCSV appends a record. encoding/csv would change line breaks in cells.
func appendCSV(b []byte, columns []projections.Column, cells []any) ([]byte, error) {
	for k, c := range cells {
		s, err := plain(c)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", columns[k].Name, err)
		}
		if _, text := c.(string); text {
			s = Neutral(s)
		}
		b = appendSeparated(b, k, s)
	}
	return append(b, "\r\n"...), nil
}

func appendSeparated(b []byte, k int, s string) []byte {
	if k > 0 {
		b = append(b, ',')
	}
	if !strings.ContainsAny(s, ",\"\r\n") && strings.TrimSpace(s) == s {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}

// Neutral is a text as the CSV files have it: what a spreadsheet might take for
// a formula begins with an apostrophe, and so does what began with one. Taking
// one apostrophe away from the beginning of every cell that has it gives the
// exact texts back.
func Neutral(s string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s, func(r rune) bool { return unicode.IsSpace(r) && !strings.ContainsRune(runs, r) }))
	if s != "" && strings.ContainsRune(runs, first) || strings.HasPrefix(s, "'") {
		return "'" + s
	}
	return s
}

// runs are the characters that make a spreadsheet run what follows, also in their
// wide forms.
const runs = "=+-@\t\r\n＝＋－＠"

// plain writes a cell as text.
func plain(c any) (string, error) {
	switch c := c.(type) {
	case nil:
		return "", nil
	case string:
		return c, nil
	case int64:
		return strconv.FormatInt(c, 10), nil
	case float64:
		return strconv.FormatFloat(c, 'f', -1, 64), nil
	case bool:
		return strconv.FormatBool(c), nil
	case ledger.Milli:
		return c.String(), nil
	case ledger.Date:
		return string(c), nil
	case time.Time:
		return c.UTC().Format(time.RFC3339), nil
	}
	return "", fmt.Errorf("a cell of type %T cannot be written", c)
}

func appendJSON(b []byte, columns []projections.Column, cells []any) (_ []byte, err error) {
	for k, c := range cells {
		b = append(b, "{,"[min(k, 1)])
		if b, err = jsontext.AppendQuote(b, columns[k].Name); err != nil {
			return nil, err
		}
		b = append(b, ':')
		s, err := plain(c)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", columns[k].Name, err)
		}
		switch c.(type) {
		case nil:
			b = append(b, "null"...)
		case string, ledger.Date, time.Time:
			if b, err = jsontext.AppendQuote(b, s); err != nil {
				return nil, fmt.Errorf("column %s: %w", columns[k].Name, err)
			}
		default:
			b = append(b, s...)
		}
	}
	return append(b, "}\n"...), nil
}
