package opendata

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"spredning/ledger"
	"spredning/projections"
)

// maxSheetRows is how many rows a sheet of Excel's can have, its header apart.
const maxSheetRows = 1<<20 - 1

// excelSheet streams rows into a workbook. Rows that one sheet has no room for go
// on in the next.
type excelSheet struct {
	dir    string
	table  projections.OpenTable
	about  [][2]string
	most   int // rows of a sheet
	book   *excelize.File
	stream *excelize.StreamWriter
	styles excelStyles
	at     int // rows of this sheet, with its header
	sheets int
	cells  []any
}

type excelStyles struct{ header, date, time, points int }

func newExcel(dir string, t projections.OpenTable, about [][2]string, most int) (sheet, error) {
	s := &excelSheet{dir: dir, table: t, about: about, most: most, book: excelize.NewFile(), cells: make([]any, len(t.Columns))}
	if err := s.style(); err != nil {
		s.abandon()
		return nil, err
	}
	if err := s.begin(); err != nil {
		s.abandon()
		return nil, err
	}
	return s, nil
}

func (s *excelSheet) style() (err error) {
	day, moment, points := "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "0.###"
	for _, x := range []struct {
		into  *int
		style excelize.Style
	}{
		{&s.styles.header, excelize.Style{Font: &excelize.Font{Bold: true}}},
		{&s.styles.date, excelize.Style{CustomNumFmt: &day}},
		{&s.styles.time, excelize.Style{CustomNumFmt: &moment}},
		{&s.styles.points, excelize.Style{CustomNumFmt: &points}},
	} {
		if *x.into, err = s.book.NewStyle(&x.style); err != nil {
			return err
		}
	}
	return nil
}

// begin begins the next sheet with its header, which stays in sight.
func (s *excelSheet) begin() (err error) {
	s.sheets++
	name := s.table.Name
	if s.sheets == 1 {
		err = s.book.SetSheetName("Sheet1", name)
	} else {
		name += " " + strconv.Itoa(s.sheets)
		_, err = s.book.NewSheet(name)
	}
	if err != nil {
		return err
	}
	if s.stream, err = s.book.NewStreamWriter(name); err != nil {
		return err
	}
	if err := s.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	if err := s.stream.SetColWidth(1, len(s.table.Columns), 18); err != nil {
		return err
	}
	for k, c := range s.table.Columns {
		s.cells[k] = excelize.Cell{StyleID: s.styles.header, Value: c.Name}
	}
	s.at = 1
	return s.stream.SetRow("A1", s.cells)
}

func (s *excelSheet) row(cells []any) error {
	if s.at > s.most {
		if err := s.stream.Flush(); err != nil {
			return err
		}
		if err := s.begin(); err != nil {
			return err
		}
	}
	s.at++
	for k, c := range cells {
		s.cells[k] = s.cell(c)
	}
	return s.stream.SetRow("A"+strconv.Itoa(s.at), s.cells)
}

// cell is a cell as Excel has it. A text is always a text there, never a formula.
func (s *excelSheet) cell(c any) any {
	switch c := c.(type) {
	case ledger.Milli:
		return excelize.Cell{StyleID: s.styles.points, Value: float64(c) / 1000}
	case ledger.Date:
		t, err := time.Parse(time.DateOnly, string(c))
		if err != nil || t.Year() < 1901 { // before Excel's days
			return string(c)
		}
		return excelize.Cell{StyleID: s.styles.date, Value: t}
	case time.Time:
		return excelize.Cell{StyleID: s.styles.time, Value: c.UTC()}
	}
	return c
}

func (s *excelSheet) finish() (Part, *Part, error) {
	defer s.abandon()
	if err := s.stream.Flush(); err != nil {
		return Part{}, nil, err
	}
	if err := s.tell(); err != nil {
		return Part{}, nil, err
	}
	draft := filepath.Join(s.dir, "."+s.table.Name+".xlsx")
	defer os.Remove(draft)
	if err := s.save(draft); err != nil {
		return Part{}, nil, err
	}
	part, err := s.order(draft)
	return part, nil, err
}

// tell writes the sheet that says what this is and what the columns mean.
func (s *excelSheet) tell() error {
	const name = "om (about)"
	if _, err := s.book.NewSheet(name); err != nil {
		return err
	}
	rows := [][]any{}
	for _, a := range s.about {
		rows = append(rows, []any{a[0], a[1]})
	}
	rows = append(rows, []any{}, []any{"column", "type", "nb", "nn", "en"})
	for _, c := range s.table.Columns {
		rows = append(rows, []any{c.Name, string(c.Type), c.About.NB, c.About.NN, c.About.EN})
	}
	for k, r := range rows {
		if err := s.book.SetSheetRow(name, "A"+strconv.Itoa(k+1), &r); err != nil {
			return err
		}
	}
	if err := s.book.SetColWidth(name, "A", "B", 24); err != nil {
		return err
	}
	return s.book.SetColWidth(name, "C", "D", 80)
}

func (s *excelSheet) save(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := s.book.Write(f); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// order writes the workbook's parts in one order, for excelize writes streamed
// sheets in any. They are copied as they are.
func (s *excelSheet) order(draft string) (Part, error) {
	z, err := zip.OpenReader(draft)
	if err != nil {
		return Part{}, err
	}
	defer z.Close()
	slices.SortFunc(z.File, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) }) // [Content_Types].xml is first
	o, err := create(s.dir, s.table.Name+".xlsx")
	if err != nil {
		return Part{}, err
	}
	w := zip.NewWriter(o)
	for _, f := range z.File {
		if err := copyPart(w, f); err != nil {
			o.abandon()
			return Part{}, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		o.abandon()
		return Part{}, err
	}
	return o.finish()
}

func copyPart(w *zip.Writer, f *zip.File) error {
	raw, err := f.OpenRaw()
	if err != nil {
		return err
	}
	header := f.FileHeader // which has no time
	into, err := w.CreateRaw(&header)
	if err != nil {
		return err
	}
	_, err = io.Copy(into, raw)
	return err
}

// abandon removes the workbook's temporary files.
func (s *excelSheet) abandon() { _ = s.book.Close() }
