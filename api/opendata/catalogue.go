package opendata

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"spredning/projections"
)

// Catalogue is what the catalogue of open data is made of.
type Catalogue struct {
	Base      string // address of the server, without a slash at the end
	Publisher Publisher
	Contact   Contact
	Sizes     []*Manifest // newest first, at least one
}

// Publisher is the organisation that publishes the data.
type Publisher struct{ Name, URI, Orgnr string }

// Contact is where to ask: an organisation or a role, never a person.
type Contact struct {
	Name string
	URL  string // or a mailbox
}

// Responsible fills in who publishes the data and where to ask, where that is
// left open: the authority, with the organisation's address at
// Brønnøysundregistrene, and its contact or else the front page.
func Responsible(p Publisher, c Contact, authority projections.Organisation, base string) (Publisher, Contact) {
	if p.URI == "" && p.Name != "" {
		p.URI = base + "/data#publisher"
	}
	if p.Name == "" {
		p.Name = authority.Name
	}
	if p.URI == "" {
		p.URI = "https://data.brreg.no/enhetsregisteret/api/enheter/" + string(authority.Orgnr)
		p.Orgnr = string(authority.Orgnr)
	}
	if c.Name == "" {
		c.Name = p.Name
	}
	if c.URL == "" {
		c.URL = authority.Contact
	}
	if c.URL == "" {
		c.URL = base + "/"
	}
	return p, c
}

// words are a text of the catalogue in its three languages.
type words struct{ nb, nn, en string }

func (w words) objects() []object {
	return []object{{value: w.nb, lang: "nb"}, {value: w.nn, lang: "nn"}, {value: w.en, lang: "en"}}
}

// in puts the same into all three.
func (w words) in(args ...any) words {
	return words{fmt.Sprintf(w.nb, args...), fmt.Sprintf(w.nn, args...), fmt.Sprintf(w.en, args...)}
}

var (
	demoMark  = words{"ILLUSTRATIVT:", "ILLUSTRATIVT:", "ILLUSTRATIVE:"}
	demoWords = words{
		"ILLUSTRATIVT: demonstrasjonsdata, sykehusene som er nevnt, har ikke bekreftet noe.",
		"ILLUSTRATIVT: demonstrasjonsdata, sjukehusa som er nemnde, har ikkje stadfesta noko.",
		"ILLUSTRATIVE: demonstration data, the hospitals named have confirmed nothing.",
	}
	catalogueTitle = words{"Spredning av innovasjoner mellom norske sykehus", "Spreiing av innovasjonar mellom norske sjukehus", "Spread of innovations between Norwegian hospitals"}
	catalogueAbout = words{
		"Åpne data fra %s (%s): innovasjoner fra norske sykehus, hvor de er tatt i bruk, og poengene i delindikator 2 som følger av det. Hver rad viser til de signerte postene den kommer fra.",
		"Opne data frå %s (%s): innovasjonar frå norske sjukehus, kvar dei er tekne i bruk, og poenga i delindikator 2 som følgjer av det. Kvar rad viser til dei signerte postane ho kjem frå.",
		"Open data from %s (%s): innovations from Norwegian hospitals, where they have been taken into use, and the points of sub-indicator 2 that follow. Each row names the signed entries that it comes from.",
	}
	seriesTitle = words{"Innovasjoner, adopsjoner og poeng, alle utgaver", "Innovasjonar, adopsjonar og poeng, alle utgåver", "Innovations, adoptions and points, all versions"}
	sizeTitle   = words{"Innovasjoner, adopsjoner og poeng etter %d poster", "Innovasjonar, adopsjonar og poeng etter %d postar", "Innovations, adoptions and points after %d entries"}
	sizeAbout   = words{
		"Tabellene slik de er etter de første %d postene i %s. De endres aldri.",
		"Tabellane slik dei er etter dei første %d postane i %s. Dei endrar seg aldri.",
		"The tables as they are after the first %d entries of %s. They never change.",
	}
	serviceTitle = words{"Spredning: API", "Spredning: API", "Spread: API"}
	serviceAbout = words{
		"Hele registeret som JSON: innovasjoner, adopsjoner, organisasjoner, poeng, alle signerte poster, også fortløpende (server-sent events).",
		"Heile registeret som JSON: innovasjonar, adopsjonar, organisasjonar, poeng, alle signerte postar, også fortløpande (server-sent events).",
		"The whole ledger as JSON: innovations, adoptions, organisations, points, all signed entries, also live (server-sent events).",
	}
	packageTitle = words{"Beskrivelse av alle filene (Data Package)", "Skildring av alle filene (Data Package)", "Description of all files (Data Package)"}
)

// keywords of the data.
var keywords = []object{
	{value: "innovasjon", lang: "nb"},
	{value: "spredning", lang: "nb"},
	{value: "helseforetak", lang: "nb"},
	{value: "innovasjonsindikator", lang: "nb"},
	{value: "innovasjon", lang: "nn"},
	{value: "spreiing", lang: "nn"},
	{value: "helseføretak", lang: "nn"},
	{value: "innovation", lang: "en"},
	{value: "diffusion", lang: "en"},
	{value: "hospitals", lang: "en"},
}

// euAuthority begins the EU's controlled vocabularies.
const euAuthority = "http://publications.europa.eu/resource/authority/"

var (
	publicAccess = uri(euAuthority + "access-right/PUBLIC")
	healthTheme  = uri(euAuthority + "data-theme/HEAL")
	norway       = uri(euAuthority + "country/NOR")
	available    = uri(euAuthority + "planned-availability/AVAILABLE")
	completed    = uri(euAuthority + "dataset-status/COMPLETED")
	continuous   = uri(euAuthority + "frequency/CONT")
	bokmal       = uri(euAuthority + "language/NOB")
	nynorsk      = uri(euAuthority + "language/NNO")
	english      = uri(euAuthority + "language/ENG")
	licence      = uri(licenceURI)
)

// Turtle writes the catalogue as DCAT-AP-NO 3 in Turtle.
func (c Catalogue) Turtle() []byte { return c.graph().turtle() }

// JSONLD writes the same as JSON-LD.
func (c Catalogue) JSONLD() ([]byte, error) { return c.graph().jsonld() }

func (c Catalogue) graph() *graph {
	g := &graph{}
	c.catalog(g)
	c.people(g)
	c.series(g)
	for k, m := range c.Sizes {
		var before *Manifest
		if k+1 < len(c.Sizes) {
			before = c.Sizes[k+1]
		}
		c.dataset(g, m, before)
	}
	c.service(g)
	return g
}

// name is the URI of a thing in the catalogue: a place on the page of open data.
func (c Catalogue) name(thing string) string { return c.Base + "/data#" + thing }

func (c Catalogue) nameOf(m *Manifest) string { return c.name("size-" + decimal(m.Size)) }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// newest is the latest of the sizes.
func (c Catalogue) newest() *Manifest { return c.Sizes[0] }

// marked puts the mark of a demonstration before a text.
func (c Catalogue) marked(w, mark words) []object {
	if c.newest().Illustrative {
		w = words{mark.nb + " " + w.nb, mark.nn + " " + w.nn, mark.en + " " + w.en}
	}
	return w.objects()
}

// resource says what all resources of the catalogue have in common.
func (c Catalogue) resource(s *subject, title, about words) *subject {
	return s.say("dct:title", c.marked(title, demoMark)...).say("dct:description", c.marked(about, demoWords)...).
		say("dct:publisher", uri(c.Publisher.URI)).say("dcat:contactPoint", uri(c.name("contact")))
}

func (c Catalogue) catalog(g *graph) {
	m := c.newest()
	s := c.resource(g.add(c.name("catalog"), "dcat:Catalog"), catalogueTitle, catalogueAbout.in(m.Name, m.Ledger)).
		say("dct:language", bokmal, nynorsk, english).say("foaf:homepage", uri(c.Base+"/")).
		say("dct:license", licence).say("dct:modified", moment(m.Time)).say("dcat:service", uri(c.name("api")))
	datasets := []object{uri(c.name("series"))}
	for _, m := range c.Sizes {
		datasets = append(datasets, uri(c.nameOf(m)))
	}
	s.say("dcat:dataset", datasets...)
}

func moment(t time.Time) object { return typed(t.UTC().Format(time.RFC3339), "xsd:dateTime") }

// people adds who publishes and who answers, and the pages for people.
func (c Catalogue) people(g *graph) {
	g.add(c.Base+"/", "foaf:Document")
	g.add(c.Base+"/data", "foaf:Document")
	p := g.add(c.Publisher.URI, "foaf:Agent").say("foaf:name", object{value: c.Publisher.Name})
	if c.Publisher.Orgnr != "" {
		p.say("dct:identifier", object{value: c.Publisher.Orgnr})
	}
	contact := g.add(c.name("contact"), "vcard:Kind", "vcard:Organization").say("vcard:fn", object{value: c.Contact.Name})
	if strings.Contains(c.Contact.URL, "@") && !strings.Contains(c.Contact.URL, "://") {
		contact.say("vcard:hasEmail", uri("mailto:"+strings.TrimPrefix(c.Contact.URL, "mailto:")))
	} else {
		contact.say("vcard:hasURL", uri(c.Contact.URL))
	}
}

func (c Catalogue) series(g *graph) {
	m := c.newest()
	last := c.Sizes[len(c.Sizes)-1]
	c.resource(g.add(c.name("series"), "dcat:DatasetSeries", "dcat:Dataset"), seriesTitle, catalogueAbout.in(m.Name, m.Ledger)).
		say("dcat:theme", healthTheme).say("dct:accessRights", publicAccess).say("dct:spatial", norway).say("dct:accrualPeriodicity", continuous).
		say("dct:issued", moment(last.Time)).say("dct:modified", moment(m.Time)).say("dcat:landingPage", uri(c.Base+"/data")).
		say("dcat:first", uri(c.nameOf(last))).say("dcat:last", uri(c.nameOf(m)))
}

func (c Catalogue) dataset(g *graph, m, before *Manifest) {
	s := c.resource(g.add(c.nameOf(m), "dcat:Dataset"), sizeTitle.in(m.Size), sizeAbout.in(m.Size, m.Ledger)).
		say("dcat:theme", healthTheme).say("dct:accessRights", publicAccess).say("dct:spatial", norway).
		say("dcat:keyword", keywords...).say("dct:language", bokmal, nynorsk, english).
		say("dct:identifier", object{value: m.Ledger + "@" + decimal(m.Size)}).say("dcat:version", object{value: decimal(m.Size)}).
		say("dct:issued", moment(m.Time)).say("dcat:landingPage", uri(c.Base+"/data")).say("dcat:inSeries", uri(c.name("series")))
	if before != nil {
		s.say("dcat:prev", uri(c.nameOf(before)))
	}
	var all []object
	for _, f := range m.Files {
		if f.Table != "" || f.Name == packageName {
			all = append(all, uri(c.distribution(g, m, f)))
		}
	}
	s.say("dcat:distribution", all...)
}

// distribution adds one of a file, with its checksum.
func (c Catalogue) distribution(g *graph, m *Manifest, f File) string {
	name := c.nameOf(m) + "-" + strings.ReplaceAll(f.Name, ".", "-")
	address := c.Base + "/data/" + decimal(m.Size) + "/" + f.Name
	title, about, fileType := packageTitle, packageTitle, "JSON"
	if t, ok := projections.OpenTableNamed(f.Table); ok {
		title = words{t.Title.NB + ", " + f.Format, t.Title.NN + ", " + f.Format, t.Title.EN + ", " + f.Format}
		about = words{t.About.NB, t.About.NN, t.About.EN}
		for _, x := range Formats {
			if x.Name == f.Format {
				fileType = x.FileType
			}
		}
	}
	s := g.add(name, "dcat:Distribution").
		say("dct:title", c.marked(title, demoMark)...).say("dcat:accessURL", uri(address)).say("dcat:downloadURL", uri(address)).
		say("dct:format", uri(euAuthority+"file-type/"+fileType)).say("dct:license", licence).say("adms:status", completed).
		say("dcatap:availability", available).say("dct:issued", moment(m.Time)).say("dct:language", bokmal, nynorsk, english).
		say("dcat:byteSize", typed(decimal(f.Size), "xsd:nonNegativeInteger")).say("spdx:checksum", uri(name+"-sha256"))
	if f.Format == "jsonl" {
		s.say("dct:conformsTo", uri("https://jsonlines.org/")) // which has no registered media type
	} else {
		s.say("dcat:mediaType", uri("https://www.iana.org/assignments/media-types/"+f.MediaType))
	}
	if about.nn == "" { // the tables are described in two languages
		s.say("dct:description", object{value: about.nb, lang: "nb"}, object{value: about.en, lang: "en"})
	} else {
		s.say("dct:description", about.objects()...)
	}
	g.add(name+"-sha256", "spdx:Checksum").
		say("spdx:algorithm", uri("http://spdx.org/rdf/terms#checksumAlgorithm_sha256")).say("spdx:checksumValue", typed(f.SHA256, "xsd:hexBinary"))
	return name
}

func (c Catalogue) service(g *graph) {
	s := c.resource(g.add(c.name("api"), "dcat:DataService"), serviceTitle, serviceAbout).
		say("dcat:endpointURL", uri(c.Base+"/api/v1")).say("dcat:endpointDescription", uri(c.Base+"/api/v1/openapi.json")).
		say("dct:accessRights", publicAccess).say("dct:license", licence).say("dcat:theme", healthTheme).say("dcat:landingPage", uri(c.Base+"/data")).
		say("dcat:servesDataset", uri(c.name("series")))
	s.say("dct:format", uri(euAuthority+"file-type/JSON"))
}
