package site

import (
	"time"

	"spredning/projections"
)

// Edition is a size of the ledger that there are files of open data for.
type Edition struct {
	Size   int64
	Time   time.Time // in its last entry
	Newest bool
	Year   int        // that closed with it; 0: none
	Day    string     // that it is kept for, in UTC; empty: none
	Files  []DataFile // none: they are made when they are asked for
}

// DataFile is a file of an edition.
type DataFile struct {
	Table, Format string
	Bytes         int64
}

// Bytes of a table's file; 0: not known.
func (e Edition) Bytes(table, format string) int64 {
	for _, f := range e.Files {
		if f.Table == table && f.Format == format {
			return f.Bytes
		}
	}
	return 0
}

// mostEditions is how many are listed; the index has all.
const mostEditions = 60

type dataPage struct {
	Tables   []projections.OpenTable
	Formats  []string
	Editions []Edition
	Newest   Edition
	More     int // editions that are not shown
	Kept     bool
}

// dataPage is where the open data is.
func (v *visit) dataPage() (shown, error) {
	editions, err := v.Editions()
	if err != nil {
		return shown{}, err
	}
	p := dataPage{Tables: projections.OpenTables, Formats: vocabularies["format"], Kept: len(editions) > 0}
	if p.Kept {
		p.Newest = editions[0]
	}
	p.More = max(0, len(editions)-mostEditions)
	p.Editions = editions[:len(editions)-p.More]
	v.position = v.View.Position()
	return shown{Data: p, Lead: v.t("data.lead"), Feed: "/feed.atom", Volatile: true}, nil
}

// words are in the page's language.
func (l *language) words(w projections.Words) string {
	switch l {
	case nynorsk:
		return w.NN
	case english:
		return w.EN
	}
	return w.NB
}

// bytes writes a number of bytes: 812 kB.
func (l *language) bytes(n int64) string {
	for _, unit := range []string{"B", "kB", "MB"} {
		if n < 1000 {
			return l.number(n) + space + unit
		}
		n = (n + 500) / 1000
	}
	return l.number(n) + space + "GB"
}
