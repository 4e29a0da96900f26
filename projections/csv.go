package projections

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"spredning/ledger"
)

// CSVError is what is wrong with a file of rows.
type CSVError struct {
	Line   int    // from 1
	Column string // by its name; empty: of the line as a whole
	Detail string // what to write
	Fault  string // which it is, for those who say it in other words
}

// What can be wrong with a file of rows.
const (
	CSVEncoding = "encoding" // it is not in UTF-8
	CSVEmpty    = "empty"    // it has no line that names the columns
	CSVMissing  = "missing"  // that line does not name the column
	CSVTwice    = "twice"    // or names it twice
	CSVQuote    = "quote"    // quotation marks stand where they cannot
	CSVCell     = "cell"     // what stands in the column is none of what can
)

func (e *CSVError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Detail)
	}
	return fmt.Sprintf("line %d, column %s: %s", e.Line, e.Column, e.Detail)
}

// GrantsCSV reads grants from a file whose first line names the columns orgnr,
// year, source and amount_nok, in any order and beside others, which are passed
// over. The separator is a comma, a semicolon or a tab, as spreadsheets write
// them; a byte order mark and empty lines do not matter. lines tells which line
// each row stands on. The error is a *CSVError.
func GrantsCSV(b []byte) (grants []Grant, lines []int, err error) {
	rows, err := readCSV(b, []string{"orgnr", "year", "source", "amount_nok"})
	if err != nil {
		return nil, nil, err
	}
	grants = []Grant{}
	for _, r := range rows {
		amount := r.number("amount_nok", "whole kroner")
		g := Grant{r.orgnr(), int(r.number("year", "a year")), r.cell("source"), &amount}
		if err := r.check(g.check); err != nil {
			return nil, nil, err
		}
		grants, lines = append(grants, g), append(lines, r.line)
	}
	return grants, lines, nil
}

// ResultsCSV reads results of commercialisation likewise, from the columns
// orgnr, year, kind and count.
func ResultsCSV(b []byte) (all []Result, lines []int, err error) {
	rows, err := readCSV(b, []string{"orgnr", "year", "kind", "count"})
	if err != nil {
		return nil, nil, err
	}
	all = []Result{}
	for _, r := range rows {
		count := r.number("count", "a whole number")
		c := Result{r.orgnr(), int(r.number("year", "a year")), r.cell("kind"), &count}
		if err := r.check(c.check); err != nil {
			return nil, nil, err
		}
		all, lines = append(all, c), append(lines, r.line)
	}
	return all, lines, nil
}

// csvRow is a row with its columns by name. It remembers the first cell that
// cannot be read.
type csvRow struct {
	line   int
	fields []string
	at     map[string]int
	bad    *badCell
}

func (r *csvRow) cell(column string) string {
	if at := r.at[column]; at < len(r.fields) {
		return strings.TrimSpace(r.fields[at])
	}
	return ""
}

// noSpaces takes out the spaces that people put between digits.
var noSpaces = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "")

func (r *csvRow) orgnr() ledger.Orgnr { return ledger.Orgnr(noSpaces.Replace(r.cell("orgnr"))) }

func (r *csvRow) number(column, what string) int64 {
	n, err := strconv.ParseInt(noSpaces.Replace(r.cell(column)), 10, 64)
	if err != nil && r.bad == nil {
		r.bad = bad(column, "must be %s, is %q", what, r.cell(column))
	}
	return n
}

// check gives the first that is wrong in the row.
func (r *csvRow) check(more func() *badCell) error {
	wrong := more()
	if r.bad != nil && (wrong == nil || wrong.column != "orgnr") {
		wrong = r.bad
	}
	if wrong == nil {
		return nil
	}
	return &CSVError{r.line, wrong.column, wrong.detail, CSVCell}
}

func readCSV(b []byte, columns []string) ([]*csvRow, error) {
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
		return nil, &CSVError{1, "", "the file is in UTF-16; save it as CSV in UTF-8", CSVEncoding}
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord, r.Comma = -1, separator(b)
	names, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, &CSVError{1, "", "the file is empty; the first line names the columns " + strings.Join(columns, ", "), CSVEmpty}
	}
	if err != nil {
		return nil, badCSV(err)
	}
	line, _ := r.FieldPos(0)
	at, err := header(line, names, columns)
	if err != nil {
		return nil, err
	}
	var rows []*csvRow
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, badCSV(err)
		}
		line, _ := r.FieldPos(0)
		if slices.ContainsFunc(fields, func(f string) bool { return strings.TrimSpace(f) != "" }) {
			rows = append(rows, &csvRow{line: line, fields: fields, at: at})
		}
	}
}

// separator is what stands most in the first line.
func separator(b []byte) rune {
	first, _, _ := bytes.Cut(bytes.TrimLeft(b, "\r\n"), []byte("\n"))
	best := ','
	for _, c := range ";\t" {
		if bytes.Count(first, []byte(string(c))) > bytes.Count(first, []byte(string(best))) {
			best = c
		}
	}
	return best
}

// header finds the columns.
func header(line int, names, columns []string) (map[string]int, error) {
	at := map[string]int{}
	for k, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := at[name]; twice && slices.Contains(columns, name) {
			return nil, &CSVError{line, name, "stands there twice", CSVTwice}
		}
		at[name] = k
	}
	for _, c := range columns {
		if _, there := at[c]; !there {
			return nil, &CSVError{line, c, "is missing; the first line names the columns " + strings.Join(columns, ", "), CSVMissing}
		}
	}
	return at, nil
}

func badCSV(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return &CSVError{1, "", err.Error(), CSVQuote}
	}
	detail := parse.Err.Error()
	if errors.Is(parse.Err, csv.ErrQuote) || errors.Is(parse.Err, csv.ErrBareQuote) {
		detail = `a quotation mark inside a field; put the field in quotation marks and write it twice, "like ""this"""`
	}
	return &CSVError{parse.Line, "", detail, CSVQuote}
}
