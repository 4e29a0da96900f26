package opendata

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// vocabularies are the prefixes of names in graphs.
var vocabularies = []struct{ prefix, uri string }{
	{"adms", "http://www.w3.org/ns/adms#"},
	{"dcat", "http://www.w3.org/ns/dcat#"},
	{"dcatap", "http://data.europa.eu/r5r/"},
	{"dct", "http://purl.org/dc/terms/"},
	{"foaf", "http://xmlns.com/foaf/0.1/"},
	{"spdx", "http://spdx.org/rdf/terms#"},
	{"vcard", "http://www.w3.org/2006/vcard/ns#"},
	{"xsd", "http://www.w3.org/2001/XMLSchema#"},
}

// graph is a set of RDF statements, by subject, in the order of writing.
type graph struct{ subjects []*subject }

// subject is what is said of one thing, named by its URI.
type subject struct {
	uri   string
	types []string // prefixed names
	said  []statement
}

type statement struct {
	predicate string // a prefixed name
	objects   []object
}

// object is a URI, or a literal with a language or a data type, or neither.
type object struct{ uri, value, lang, datatype string }

func uri(s string) object { return object{uri: s} }

func typed(value, datatype string) object { return object{value: value, datatype: datatype} }

func (g *graph) add(uri string, types ...string) *subject {
	s := &subject{uri: uri, types: types}
	g.subjects = append(g.subjects, s)
	return s
}

// say adds a statement with one or more objects; none: nothing.
func (s *subject) say(predicate string, objects ...object) *subject {
	if len(objects) > 0 {
		s.said = append(s.said, statement{predicate, objects})
	}
	return s
}

// turtle writes the graph as RDF 1.1 Turtle.
func (g *graph) turtle() []byte {
	var b strings.Builder
	for _, v := range vocabularies {
		fmt.Fprintf(&b, "@prefix %s: <%s> .\n", v.prefix, v.uri)
	}
	for _, s := range g.subjects {
		fmt.Fprintf(&b, "\n<%s> a %s", iri(s.uri), strings.Join(s.types, ", "))
		for _, said := range s.said {
			fmt.Fprintf(&b, " ;\n  %s ", said.predicate)
			for k, o := range said.objects {
				if k > 0 {
					b.WriteString(", ")
				}
				b.WriteString(o.turtle())
			}
		}
		b.WriteString(" .\n")
	}
	return []byte(b.String())
}

func (o object) turtle() string {
	if o.uri != "" {
		return "<" + iri(o.uri) + ">"
	}
	s := `"` + literals.Replace(o.value) + `"`
	switch {
	case o.lang != "":
		return s + "@" + o.lang
	case o.datatype != "":
		return s + "^^" + o.datatype
	}
	return s
}

var literals = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// iri writes a URI with the characters that may not stand in one escaped.
func iri(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r <= ' ' || strings.ContainsRune("<>\"{}|^`\\", r) {
			fmt.Fprintf(&b, "%%%02X", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// jsonld writes the graph as JSON-LD 1.1.
func (g *graph) jsonld() ([]byte, error) {
	context := map[string]any{}
	for _, v := range vocabularies {
		context[v.prefix] = v.uri
	}
	nodes := make([]any, len(g.subjects))
	for k, s := range g.subjects {
		node := map[string]any{"@id": iri(s.uri), "@type": s.types}
		for _, said := range s.said {
			var objects []any
			for _, o := range said.objects {
				objects = append(objects, o.jsonld())
			}
			node[said.predicate] = objects
		}
		nodes[k] = node
	}
	return json.Marshal(map[string]any{"@context": context, "@graph": nodes}, json.Deterministic(true), jsontext.WithIndent(" "))
}

func (o object) jsonld() any {
	switch {
	case o.uri != "":
		return map[string]any{"@id": iri(o.uri)}
	case o.lang != "":
		return map[string]any{"@value": o.value, "@language": o.lang}
	case o.datatype != "":
		return map[string]any{"@value": o.value, "@type": o.datatype}
	}
	return map[string]any{"@value": o.value}
}
