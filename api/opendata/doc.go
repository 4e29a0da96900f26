// Package opendata writes the ledger's tables as files for others to take home,
// and describes them.
//
// The files of a size are those of the first so many entries. They follow from
// the entries alone: the same size gives the same bytes on any node and at any
// time, so nothing in them says when or where they were written. [Write] writes
// a folder of them, each table in four formats at once:
//
//   - CSV as RFC 4180 has it, UTF-8. A cell of text that a spreadsheet would run
//     begins with an apostrophe, see [Neutral];
//   - JSON Lines, an object a row with all columns, null where a cell is empty;
//   - Parquet, with decimals, dates and times as such;
//   - Excel, with a second sheet that says what it is.
//
// Beside them lie a description of the CSV files as CSV on the Web and one of
// everything as a Frictionless Data Package. A [Store] keeps the folders of some
// sizes; [Describe] is the catalogue of them as DCAT-AP-NO 3; [Feed] tells of new
// confirmations as Atom.
package opendata
