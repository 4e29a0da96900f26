// Package site makes the public pages: server-rendered, complete without
// JavaScript, in bokmål at /, nynorsk under /nn and English under /en.
//
// It renders bytes and knows no server; package api mounts [Site.Routes], keeps
// what was rendered at a position, and answers errors with [Site.Failure].
//
// To add a page,
//
//  1. write its function in a file of its own: it reads the fold by v.read, the
//     texts of entries by v.telling, the address by v.Param and v.Query, and gives
//     what its template shows,
//  2. write templates/NAME.html, which defines "main", with the parts of
//     templates/parts.html,
//  3. put its texts into texts/nb.yaml, nn.yaml and en.yaml: NAME.title (shown as
//     the heading and in the browser's tab), NAME.lead and what else it says,
//  4. put it into the table of pages in pages.go.
//
// Tests then hold it to the rest: no text missing or unused in any language, no
// words in templates, well-formed, one h1, a label for each input, nothing loaded
// from elsewhere, no inline script or style. Package api's tests come to it by links
// and forms, and look at it in Chromium where there is one (.ci/site/run has them all,
// with axe-core): by keyboard alone, without scripts, narrow and wide, light and dark.
//
// In templates:
//
//	{{t "points.closed" "on" (date .Closed)}}   a text, with {on} in it
//	{{count "adopters" .N}}                     adopters.one or adopters.other, with {n} in it
//	{{word "kind" .Kind}}                       the text kind.service
//	{{linked "points.why" (url "/om")}}         a text with a [link] in it
//	{{say .Title}}                              a text of the ledger, in the language it has
//	{{url "/poeng"}} {{innovation .ID}} {{organisation .Orgnr}}  addresses in the page's language
//	{{entry .Index}} {{entry .Index .Label}}    a link to an entry
//	{{date .InUseSince}} {{number .N}} {{points .Total}}
//	{{asset "simulation.js"}}                   the address of a file of static/
//
// Files that an event names are read and sent by static/attach.js: in forms, when all have
// signed, and at /vedlegg/{index}, where [Config.Stored] tells which are missing.
//
// A bar chart is a table with a column of bars: {{bar .Total .Most (regionClass .Region)}}. A map
// is a [Map], shown by {{template "map" .}}. A table that may be wider than a
// telephone stands in {{template "table" "id of its caption"}} … {{template "end"}}.
package site
