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
package projections
