// Package projections holds what is read: folds over the ledger's entries.
//
// A [Fold] is a pure fold: the catalogue of organisations and innovations, the
// spread (which adopter took what, when, from whom), the keys, and what the
// points tables are computed from. The same entries give the same fold and the
// same bytes, on any node and at any time. A [View] is a Fold that is kept up to
// date while others read it.
//
// [Fold.Similar] finds what a draft may be a duplicate of, from words.txt and the
// fold alone.
//
// Points follow from the fold by [Fold.Table] alone; every line of a table
// names the entry that it came from.
//
// A year is first read and then computed. What is read of it at a position is the
// same whatever the rules are, and a closed year keeps what was read at its
// closing; so [Readings] give the tables under any rules, by the same code:
//
//	other, err := projections.Vary(*f.RulesFor(2026), "adopter", "0.5")
//	years := f.Readings().Simulate(&other, true)
package projections
