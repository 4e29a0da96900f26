package site

import (
	"html/template"
	"strings"

	"spredning/ledger"
)

// Story is a story of an innovation, or what keeps it from being shown.
type Story struct {
	Title  ledger.Text
	Index  int64 // of the entry that names it
	By     ledger.Orgnr
	Status string        // shown, erased, missing or too_long
	HTML   template.HTML // of package markdown, which is safe on our pages
}

// Headed tells whether the story begins with a heading of its own.
func (s Story) Headed() bool { return strings.HasPrefix(string(s.HTML), "<h3") }
