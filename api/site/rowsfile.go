package site

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"spredning/ledger"
	"spredning/projections"
)

// What a form with files may hold.
const (
	maxRows  = 1 << 20  // bytes of a file
	maxSent  = 16 << 20 // bytes of a form: what is too large for a file is still read, so that the answer arrives
	maxValue = 200      // bytes of any other value
	maxParts = 100
)

// rowsFile is a CSV file of what another sub-indicator counts. It is read, counted and
// forgotten.
type rowsFile struct {
	Name    string // of the field, and of the rows in a simulation
	Columns string
	Example string
	File    string // its name where it comes from
	Given   bool
	Rows    int
	Fault   string // in words; empty: none

	read  func(b []byte) (lines []int, err error)
	into  func(*projections.Others)
	row   func(orgnr ledger.Orgnr, year int) string
	lines []int
}

// newRowsFiles are those of sub-indicators 1 and 3, before any is given.
func newRowsFiles() []*rowsFile {
	var grants []projections.Grant
	var results []projections.Result
	return []*rowsFile{
		{
			Name: "grants", Columns: "orgnr, year, source, amount_nok",
			read: func(b []byte) (lines []int, err error) {
				grants, lines, err = projections.GrantsCSV(b)
				return lines, err
			},
			into: func(o *projections.Others) { o.Grants = grants },
			row:  func(orgnr ledger.Orgnr, year int) string { return fmt.Sprintf("%s,%d,eu,1500000", orgnr, year) },
		},
		{
			Name: "commercialisation", Columns: "orgnr, year, kind, count",
			read: func(b []byte) (lines []int, err error) {
				results, lines, err = projections.ResultsCSV(b)
				return lines, err
			},
			into: func(o *projections.Others) { o.Commercialisation = results },
			row:  func(orgnr ledger.Orgnr, year int) string { return fmt.Sprintf("%s,%d,licence,2", orgnr, year) },
		},
	}
}

// example writes a file of made-up numbers for some hospitals that are registered.
func (f *rowsFile) example(hospitals []projections.Hospital, year int) {
	all := []string{strings.ReplaceAll(f.Columns, " ", "")}
	for _, h := range hospitals {
		if len(all) < 4 && isHospital(h.Kind) && h.Region != "" {
			all = append(all, f.row(h.Orgnr, year))
		}
	}
	f.Example = strings.Join(all, "\n")
}

// sent reads a form with files. Values come before files, so that they are kept when a
// file is too large.
func (v *visit) sent() (url.Values, []*rowsFile, error) {
	v.Body = http.MaxBytesReader(nil, v.Body, maxSent)
	parts, err := v.MultipartReader()
	if err != nil {
		return nil, nil, ErrInvalid
	}
	values, files := url.Values{}, newRowsFiles()
	for range maxParts {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return values, files, nil
		}
		if err == nil {
			err = take(v.language, part, values, files)
		}
		if err != nil {
			return nil, nil, sentWrong(err)
		}
	}
	return nil, nil, ErrInvalid
}

// sentWrong is the error of a form that cannot be read to its end.
func sentWrong(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return ErrTooLarge
	}
	return ErrInvalid
}

// take takes a value or a file.
func take(l *language, part *multipart.Part, values url.Values, files []*rowsFile) error {
	for _, f := range files {
		if f.Name == part.FormName() {
			return f.take(l, part)
		}
	}
	b, err := io.ReadAll(io.LimitReader(part, maxValue))
	if err == nil {
		values.Add(part.FormName(), string(b))
	}
	return err
}

func (f *rowsFile) take(l *language, part *multipart.Part) error {
	b, err := io.ReadAll(io.LimitReader(part, maxRows+1))
	if err != nil {
		return err
	}
	f.File = shortened(part.FileName())
	switch {
	case f.File == "" && len(b) == 0: // none was chosen
		return nil
	case len(b) > maxRows:
		f.Fault = l.t("simulation.too_large", "n", maxRows>>20)
		return nil
	}
	f.Given = true
	var bad *projections.CSVError
	if f.lines, err = f.read(b); errors.As(err, &bad) {
		f.Fault = l.csvFault(bad.Line, bad.Fault, bad.Column, f.Columns)
	}
	f.Rows = len(f.lines)
	return nil
}

// csvFault says what to mend in which line.
func (l *language) csvFault(line int, fault, column, columns string) string {
	words := ""
	switch fault {
	case projections.CSVCell:
		words = l.word("csv_cell", column)
	default:
		words = l.word("csv_fault", fault)
	}
	return l.t("simulation.csv_line", "line", line, "fault", strings.NewReplacer("{column}", column, "{columns}", columns).Replace(words))
}

// explainRows lets the file say what is wrong with a row that a simulation does not
// take. Another error is given back.
func explainRows(l *language, files []*rowsFile, err error) error {
	var refusal *ledger.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	for _, f := range files {
		rest, of := strings.CutPrefix(refusal.Pointer, "/"+f.Name+"/")
		row, column, _ := strings.Cut(rest, "/")
		n, bad := strconv.Atoi(row)
		if !of || bad != nil || n >= len(f.lines) {
			continue
		}
		fault := "no_region"
		switch {
		case refusal.Code == ledger.UnknownOrganisation:
			fault = "unknown"
		case column == "year":
			fault = "years"
		case column != "orgnr":
			fault = "too_much"
		}
		f.Fault = l.csvFault(f.lines[n], fault, column, f.Columns)
		return nil
	}
	return err
}

func fileFaults(l *language, files []*rowsFile) (all []faulty) {
	for _, f := range files {
		if f.Fault != "" {
			all = append(all, faulty{f.Name, l.word("rows", f.Name), f.Fault})
		}
	}
	return all
}
