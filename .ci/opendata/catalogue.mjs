// Holds the catalogue, as Turtle and as JSON-LD, against the SHACL shapes of
// DCAT-AP 3.0.1 and the properties that DCAT-AP-NO 3 makes mandatory.
// usage: node catalogue.mjs SHAPES RANGES catalog.ttl catalog.jsonld
import rdf from '@zazuko/env-node'
import fs from 'node:fs'
import jsonld from 'jsonld'
import { Parser } from 'n3'
import SHACLValidator from 'rdf-validate-shacl'

const [shapesFile, rangesFile, turtleFile, jsonldFile] = process.argv.slice(2)
const failures = []
const fail = (what) => failures.push(what)

const quadsOf = (text, format) => new Parser({ format, blankNodePrefix: '_:' }).parse(text)
const dataset = (quads) => rdf.dataset(quads.map((q) => rdf.quad(q.subject, q.predicate, q.object)))
const read = (file) => fs.readFileSync(file, 'utf8')

const turtle = dataset(quadsOf(read(turtleFile), 'text/turtle'))
// The context is inline, so nothing is fetched.
const nquads = await jsonld.toRDF(JSON.parse(read(jsonldFile)), {
  format: 'application/n-quads',
  documentLoader: (url) => { throw new Error(`the catalogue wants to load ${url}`) }
})
const linked = dataset(quadsOf(nquads, 'application/n-quads'))

// Both say the same: there are no blank nodes, so statements compare as text.
const lines = (d) => [...d].map((q) => [q.subject.value, q.predicate.value, q.object.termType, q.object.value, q.object.language, q.object.datatype?.value].join(' ')).sort()
const [a, b] = [lines(turtle), lines(linked)]
if (a.length < 300) fail(`only ${a.length} statements`)
if (a.some((l) => l.startsWith('_:'))) fail('there are blank nodes')
if (a.join('\n') !== b.join('\n')) fail(`Turtle (${a.length} statements) and JSON-LD (${b.length}) differ`)

const shapes = dataset(quadsOf(read(shapesFile), 'text/turtle'))
for (const [name, data] of [['turtle', turtle], ['json-ld', linked]]) {
  const report = await new SHACLValidator(shapes, { factory: rdf }).validate(data)
  for (const r of report.results) fail(`${name}: ${r.focusNode?.value} ${r.path?.value ?? ''}: ${r.message.map((m) => m.value).join('; ')}`)
}

// The ranges: only what is in a vocabulary elsewhere may lack its class.
const ranges = dataset(quadsOf(read(rangesFile), 'text/turtle'))
const report = await new SHACLValidator(ranges, { factory: rdf }).validate(turtle)
const elsewhere = /^(http:\/\/publications\.europa\.eu\/resource\/authority\/|https:\/\/www\.iana\.org\/|https:\/\/jsonlines\.org\/|http:\/\/spdx\.org\/)/
for (const r of report.results) {
  if (!elsewhere.test(r.value?.value ?? '')) fail(`range: ${r.focusNode?.value} ${r.path?.value ?? ''} ${r.value?.value ?? ''}: ${r.message.map((m) => m.value).join('; ')}`)
}

// What DCAT-AP-NO 3 makes mandatory beyond that.
const ns = { dcat: 'http://www.w3.org/ns/dcat#', dct: 'http://purl.org/dc/terms/', foaf: 'http://xmlns.com/foaf/0.1/', vcard: 'http://www.w3.org/2006/vcard/ns#', adms: 'http://www.w3.org/ns/adms#', dcatap: 'http://data.europa.eu/r5r/', spdx: 'http://spdx.org/rdf/terms#' }
const full = (name) => rdf.namedNode(name.replace(/^(\w+):/, (_, p) => ns[p]))
const type = rdf.namedNode('http://www.w3.org/1999/02/22-rdf-syntax-ns#type')
const all = (cls) => [...turtle.match(null, type, full(cls))].map((q) => q.subject)
const values = (s, p) => [...turtle.match(s, full(p))].map((q) => q.object)
const mandatory = {
  'dcat:Catalog': ['dct:title', 'dct:description', 'dct:publisher', 'dcat:contactPoint', 'dcat:dataset', 'dcat:service'],
  'dcat:Dataset': ['dct:title', 'dct:description', 'dct:publisher', 'dcat:contactPoint', 'dcat:theme', 'dct:accessRights'],
  'dcat:DatasetSeries': ['dct:title', 'dct:description', 'dct:publisher', 'dcat:contactPoint'],
  'dcat:Distribution': ['dcat:accessURL', 'dcat:downloadURL', 'dct:format', 'dct:license', 'adms:status', 'dcatap:availability', 'dcat:byteSize', 'spdx:checksum'],
  'dcat:DataService': ['dcat:endpointURL', 'dcat:endpointDescription', 'dct:title', 'dcat:contactPoint', 'dct:publisher']
}
for (const [cls, properties] of Object.entries(mandatory)) {
  const subjects = all(cls)
  if (subjects.length === 0) fail(`there is no ${cls}`)
  for (const s of subjects) {
    for (const p of properties) if (values(s, p).length === 0) fail(`${s.value} has no ${p}`)
    if (properties.includes('dct:publisher') && values(s, 'dct:publisher').length !== 1) fail(`${s.value} has not exactly one publisher`)
    if (!properties.includes('dct:title')) continue
    const languages = values(s, 'dct:title').map((t) => t.language).sort().join(' ')
    if (languages !== 'en nb nn') fail(`${s.value} has titles in ${languages}`)
  }
}
for (const c of all('vcard:Kind')) {
  if (values(c, 'vcard:fn').length === 0) fail('the contact has no name')
  if (values(c, 'vcard:hasURL').length + values(c, 'vcard:hasEmail').length === 0) fail('the contact has neither link nor mailbox')
}
if (all('vcard:Kind').length !== 1 || all('foaf:Agent').length !== 1) fail('there is not one contact and one publisher')

for (const f of failures) console.error(f)
console.log(`${a.length} statements, ${all('dcat:Dataset').length} datasets, ${all('dcat:Distribution').length} distributions, ${failures.length} failures`)
process.exit(failures.length ? 1 : 0)
