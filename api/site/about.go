package site

import (
	"spredning/ledger"
	"spredning/projections"
)

// The words that the about page explains, and the choices that it tells of where the
// report can be read in more than one way (each in three texts).
var (
	explained = []string{"sub2", "innovation", "originator", "adoption", "confirmation", "reach", "year", "committee", "entry", "checkpoint"}
	choices   = []string{"spread", "basis", "private", "adopter_funding", "pilot", "funding", "initiatives", "disagreement", "twice", "branches", "computed", "mergers"}
)

type aboutPage struct {
	Explained, Choices      []string
	Authority               *ledger.Organisation // none: the ledger is not founded
	ContactText, ContactURL string
}

// aboutPage tells what this is, by which rules, and what one may expect of it.
func (v *visit) aboutPage() (shown, error) {
	p := aboutPage{Explained: explained, Choices: choices}
	v.read(func(f *projections.Fold) {
		if f.Founding() == nil {
			return
		}
		if o, ok := f.Registered(f.Authority()); ok {
			p.Authority = &o
			p.ContactText, p.ContactURL = contact(o.Contact)
		}
	})
	return shown{Data: p, Lead: v.t("about.lead")}, nil
}
