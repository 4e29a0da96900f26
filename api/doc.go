// Package api serves a ledger over HTTP: the JSON API under /api/v1, as
// openapi.json describes it, and the log itself under /log, as
// c2sp.org/tlog-tiles says. The pages for people are those of package site.
//
// Everything that is read comes from the projections and from the second copy
// on disk; no reader reaches the stream. Writing is one path, POST
// /api/v1/events, which hands the raw bytes to [ledger.Ledger.Submit]. The bytes of
// attachments lie outside the ledger, in a store that is [Attachments]: they are
// taken once an entry names them and removed once one erases them.
//
// The routes stand in one table in server.go; a problem's status in one table in
// problem.go.
package api
