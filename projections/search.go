package projections

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"spredning/ledger"
)

// searchable is what a plain text search looks through: titles and summaries in
// all languages, folded to one case. å stays å: in Norwegian it is a letter of
// its own.
func searchable(d *ledger.Innovation) string {
	var b strings.Builder
	for _, t := range []ledger.Text{d.Title, d.Summary} {
		for _, s := range t.All() {
			b.WriteString(s)
			b.WriteByte('\n')
		}
	}
	return fold(b.String())
}

func fold(s string) string { return cases.Lower(language.Norwegian).String(norm.NFC.String(s)) }

// matches reports whether every word of a folded query stands somewhere in the
// innovation's texts, also within a compound.
func (i *innovation) matches(words []string) bool {
	for _, w := range words {
		if !strings.Contains(i.words, w) {
			return false
		}
	}
	return true
}
