package opendata

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"spredning/ledger"
	"spredning/projections"
)

// Version is that of the files' form. Another one means that the same size may
// give other bytes.
const Version = 3

// Log is where entries are read, such as *tiles.Log.
type Log interface {
	ledger.Entries
	Entry(index int64) ([]byte, error)
}

// Source is what the files of a size are written from.
type Source struct {
	Fold *projections.Fold // at the size; not changed meanwhile
	Log  Log
}

// SourceAt replays a log up to a size.
func SourceAt(ctx context.Context, log Log, size int64) (Source, error) {
	f := projections.NewFold()
	err := ledger.Replay(log, 0, size, func(entries []*ledger.Entry) error {
		for _, e := range entries {
			f.Apply(e)
		}
		return ctx.Err()
	})
	if err == nil && f.Founding() == nil {
		err = fmt.Errorf("there is no ledger of %d entries", size)
	}
	return Source{f, log}, err
}

// Entry reads an entry.
func (s Source) Entry(index int64) (*ledger.Entry, error) {
	b, err := s.Log.Entry(index)
	if err != nil {
		return nil, err
	}
	return ledger.ParseEntry(index, b)
}

// Manifest says what the files of a size are.
type Manifest struct {
	Version      int       `json:"version"`
	Ledger       string    `json:"ledger"`
	Name         string    `json:"name"` // the ledger's
	Illustrative bool      `json:"illustrative"`
	Size         int64     `json:"size"` // entries
	Leaf         string    `json:"leaf"` // hash of the last of them
	Time         time.Time `json:"time"` // in that entry
	Files        []File    `json:"files"`
}

// File is one of them.
type File struct {
	Name      string `json:"name"`
	Table     string `json:"table,omitzero"` // none: it describes others
	Format    string `json:"format"`         // of Formats, or json
	MediaType string `json:"media_type"`     // for HTTP
	Rows      *int64 `json:"rows,omitzero"`  // of a table
	Part             // the file's bytes
	Gzip      *Part  `json:"gzip,omitzero"` // the same compressed, in a file of its own
}

// Part is a number of bytes and their hash.
type Part struct {
	Size   int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hex digits
}

// File gives the file of a name.
func (m *Manifest) File(name string) (File, bool) {
	for _, f := range m.Files {
		if f.Name == name {
			return f, true
		}
	}
	return File{}, false
}

// Options of Write.
type Options struct {
	Gzip      bool   // text is written compressed too
	Done      func() // after each table and description
	SheetRows int    // of an Excel sheet; 0: as many as it can have
}

// Names are those of the files that every size has, in the order of a manifest.
var Names = func() (names []string) {
	for _, t := range projections.OpenTables {
		for _, f := range Formats {
			names = append(names, t.Name+"."+f.Name)
		}
	}
	for _, t := range projections.OpenTables {
		names = append(names, t.Name+tableMetadata)
	}
	return append(names, groupMetadata, packageName)
}()

// Unmade is what is known of a file by its name alone.
func Unmade(name string) File {
	table, end, _ := strings.Cut(name, ".")
	for _, f := range Formats {
		if end == f.Name {
			return File{Name: name, Table: table, Format: f.Name, MediaType: f.MediaType}
		}
	}
	if name == packageName {
		return File{Name: name, Format: "json", MediaType: "application/json"}
	}
	return File{Name: name, Format: "json", MediaType: csvwMediaType}
}

// Write writes all files of a size into a folder, which must be there, and gives
// their manifest. It holds a part of one table at a time, whatever the size.
func Write(ctx context.Context, dir string, src Source, o Options) (*Manifest, error) {
	if o.Done == nil {
		o.Done = func() {}
	}
	if o.SheetRows == 0 {
		o.SheetRows = maxSheetRows
	}
	m, err := begin(src)
	if err != nil {
		return nil, err
	}
	for _, t := range projections.OpenTables {
		if err := m.write(ctx, dir, src, t, o); err != nil {
			return nil, fmt.Errorf("writing the table %s: %w", t.Name, err)
		}
		o.Done()
	}
	for _, d := range m.descriptions() {
		if err := m.describe(dir, d); err != nil {
			return nil, fmt.Errorf("writing %s: %w", d.name, err)
		}
	}
	o.Done()
	return m, nil
}

func begin(src Source) (*Manifest, error) {
	last, err := src.Entry(src.Fold.Position - 1)
	if err != nil {
		return nil, err
	}
	leaf := last.Leaf()
	return &Manifest{
		Version: Version, Ledger: last.Ledger, Name: src.Fold.Founding().Name, Illustrative: src.Fold.Illustrated,
		Size: src.Fold.Position, Leaf: hex.EncodeToString(leaf[:]), Time: last.At.UTC(),
	}, nil
}

// about says what a table is, for formats that have room for it.
func (m *Manifest) about(t projections.OpenTable) [][2]string {
	illustrative := "false"
	if m.Illustrative {
		illustrative = "true: " + illustrativeWords.EN + " / " + illustrativeWords.NB
	}
	return [][2]string{
		{"table", t.Name},
		{"title", t.Title.EN + " / " + t.Title.NB},
		{"description", t.About.EN + " / " + t.About.NB},
		{"illustrative", illustrative},
		{"ledger", m.Ledger},
		{"name", m.Name},
		{"entries", strconv.FormatInt(m.Size, 10)},
		{"last_entry", m.Leaf},
		{"last_entry_at", m.Time.Format(time.RFC3339)},
		{"licence", licenceName + ", " + LicencePage},
	}
}

// write writes a table in all formats at once, so that its rows are made once.
func (m *Manifest) write(ctx context.Context, dir string, src Source, t projections.OpenTable, o Options) error {
	about := m.about(t)
	var sheets []sheet
	done := 0
	defer func() {
		for _, s := range sheets[done:] {
			s.abandon()
		}
	}()
	for _, open := range []func() (sheet, error){
		func() (sheet, error) { return newCSV(dir, t, o.Gzip) },
		func() (sheet, error) { return newJSONL(dir, t, o.Gzip) },
		func() (sheet, error) { return newParquet(dir, t, about) },
		func() (sheet, error) { return newExcel(dir, t, about, o.SheetRows) },
	} {
		s, err := open()
		if err != nil {
			return err
		}
		sheets = append(sheets, s)
	}
	rows := int64(0)
	err := t.Rows(src.Fold, src.Entry, func(cells []any) error {
		rows++
		for _, s := range sheets {
			if err := s.row(cells); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	for k, s := range sheets {
		part, small, err := s.finish()
		if err != nil {
			return err
		}
		done = k + 1
		f := Formats[k]
		m.Files = append(m.Files, File{Name: t.Name + "." + f.Name, Table: t.Name, Format: f.Name, MediaType: f.MediaType, Rows: &rows, Part: part, Gzip: small})
	}
	return nil
}

// description is a file about the others.
type description struct {
	name, mediaType string
	content         any
}

func (m *Manifest) describe(dir string, d description) error {
	b, err := json.Marshal(d.content, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	o, err := create(dir, d.name)
	if err != nil {
		return err
	}
	if _, err := o.Write(append(b, '\n')); err != nil {
		o.abandon()
		return err
	}
	part, err := o.finish()
	m.Files = append(m.Files, File{Name: d.name, Format: "json", MediaType: d.mediaType, Part: part})
	return err
}

// manifestName is where a folder's manifest is.
const manifestName = "manifest.json"

func (m *Manifest) save(dir string) error {
	b, err := json.Marshal(m, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, manifestName), append(b, '\n'), 0o644)
}

func readManifest(dir string) (*Manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(dir, manifestName), err)
	}
	return &m, nil
}
