package site

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"
)

// Reference is the API's description in OpenAPI 3.1, as a page shows it.
type Reference struct {
	Description string
	Tags        []taggedOperations
	Schemas     []namedSchema
}

type taggedOperations struct {
	Name, Description string
	Operations        []operation
}

// ID is what links to the tag end in.
func (t taggedOperations) ID() string { return "tag-" + strings.ReplaceAll(t.Name, " ", "-") }

type operation struct {
	ID          string `json:"operationId"`
	Tags        []string
	Summary     string
	Description string
	Parameters  []parameter
	RequestBody *body
	Responses   inOrder[body]

	Method, Path string `json:"-"`
}

type parameter struct {
	Name, In, Description string
	Required              bool
	Schema                *schema
}

type body struct {
	Description string
	Content     inOrder[struct{ Schema *schema }]
}

type namedSchema struct {
	Name string
	*schema
}

// schema is a JSON Schema, as far as a reader is told of it. Values that can be of any
// kind are kept as they are written.
type schema struct {
	Ref         string `json:"$ref"`
	Type        json.RawMessage
	Title       string
	Description string
	Format      string
	Pattern     string
	Const       json.RawMessage
	Enum        []json.RawMessage
	Items       *schema
	Properties  inOrder[*schema]
	Required    []string
	OneOf       []*schema
	AnyOf       []*schema
	Minimum     *json.Number
	Maximum     *json.Number
	MinLength   *json.Number
	MaxLength   *json.Number
	MinItems    *json.Number
	MaxItems    *json.Number
}

// inOrder are the members of an object in the order in which they are written.
type inOrder[T any] []member[T]

type member[T any] struct {
	Name  string
	Value T
}

func (all *inOrder[T]) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("an object is wanted, not %v: %w", t, err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		m := member[T]{Name: fmt.Sprint(name)}
		if err := d.Decode(&m.Value); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		*all = append(*all, m)
	}
	return nil
}

// methods of operations, in the order in which they are shown.
var methods = []string{"get", "post", "put", "delete"}

// ReadReference reads an OpenAPI document.
func ReadReference(document []byte) (*Reference, error) {
	var in struct {
		Info    struct{ Description string }
		Servers []struct{ URL string }
		Tags    []taggedOperations
		Paths   inOrder[struct {
			Servers                []struct{ URL string }
			Parameters             []parameter
			Get, Post, Put, Delete *operation
		}]
		Components struct{ Schemas inOrder[*schema] }
	}
	if err := json.Unmarshal(document, &in); err != nil {
		return nil, fmt.Errorf("reading the description of the API: %w", err)
	}
	r := &Reference{Description: in.Info.Description, Tags: in.Tags}
	for _, p := range in.Paths {
		base := in.Servers
		if len(p.Value.Servers) > 0 {
			base = p.Value.Servers
		}
		if len(base) != 1 {
			return nil, fmt.Errorf("%s is at %d servers, not at one", p.Name, len(base))
		}
		for k, o := range []*operation{p.Value.Get, p.Value.Post, p.Value.Put, p.Value.Delete} {
			if o == nil {
				continue
			}
			o.Method, o.Path = strings.ToUpper(methods[k]), strings.TrimSuffix(base[0].URL, "/")+p.Name
			o.Parameters = append(p.Value.Parameters, o.Parameters...)
			at := slices.IndexFunc(r.Tags, func(t taggedOperations) bool { return slices.Contains(o.Tags, t.Name) })
			if at < 0 {
				return nil, fmt.Errorf("%s %s has none of the tags", o.Method, o.Path)
			}
			r.Tags[at].Operations = append(r.Tags[at].Operations, *o)
		}
	}
	for _, s := range in.Components.Schemas {
		r.Schemas = append(r.Schemas, namedSchema{s.Name, s.Value})
	}
	return r, nil
}

// Needed tells whether an object must have a property.
func (s *schema) Needed(name string) bool { return slices.Contains(s.Required, name) }

// Variants are the forms that a schema has, each with a title.
func (s *schema) Variants() (all []*schema) {
	for _, v := range s.OneOf {
		if v.Title != "" {
			all = append(all, v)
		}
	}
	return all
}

// Kind says in JSON Schema's own words what values there may be, with links to the named
// schemas.
func (s *schema) Kind() template.HTML {
	if s == nil {
		return ""
	}
	return template.HTML(strings.TrimSpace(s.kind() + s.bounds()))
}

func (s *schema) kind() string {
	code := func(text string) string { return "<code>" + template.HTMLEscapeString(text) + "</code>" }
	switch {
	case s.Ref != "":
		name := s.Ref[strings.LastIndex(s.Ref, "/")+1:]
		return fmt.Sprintf(`<a href="#schema-%s">%s</a>`, template.URLQueryEscaper(name), template.HTMLEscapeString(name))
	case s.Const != nil:
		return code(string(s.Const))
	case len(s.Enum) > 0:
		var values []string
		for _, v := range s.Enum {
			values = append(values, code(strings.Trim(string(v), `"`)))
		}
		return strings.Join(values, ", ")
	case len(s.OneOf)+len(s.AnyOf) > 0 && len(s.Properties) == 0:
		var forms []string
		for _, v := range slices.Concat(s.OneOf, s.AnyOf) {
			forms = append(forms, v.kind())
		}
		return strings.Join(forms, " | ")
	case s.Items != nil:
		return code("array") + ": " + s.Items.kind()
	case len(s.Properties) > 0 && s.Title == "":
		var members []string
		for _, m := range s.Properties {
			members = append(members, code(m.Name)+": "+m.Value.kind())
		}
		return code("object") + ": " + strings.Join(members, "; ")
	case s.Type != nil:
		return code(strings.Trim(string(s.Type), `"`))
	}
	return ""
}

func (s *schema) bounds() string {
	var all []string
	span := func(name string, low, high *json.Number) {
		if low != nil {
			all = append(all, name+" ≥ "+low.String())
		}
		if high != nil {
			all = append(all, name+" ≤ "+high.String())
		}
	}
	span("", s.Minimum, s.Maximum)
	span("length", s.MinLength, s.MaxLength)
	span("items", s.MinItems, s.MaxItems)
	if s.Format != "" {
		all = append(all, s.Format)
	}
	text := ""
	for _, b := range all {
		text += ", " + template.HTMLEscapeString(strings.TrimSpace(b))
	}
	if s.Pattern != "" {
		text += ", <code>" + template.HTMLEscapeString(s.Pattern) + "</code>"
	}
	return text
}

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	boldSpan = regexp.MustCompile(`\*\*([^*]+)\*\*`)
)

// prose is a text of the description, with its code and its emphasis.
func prose(text string) template.HTML {
	var b strings.Builder
	for _, p := range strings.Split(text, "\n\n") {
		p = codeSpan.ReplaceAllString(template.HTMLEscapeString(p), "<code>$1</code>")
		b.WriteString("<p>" + boldSpan.ReplaceAllString(p, "<strong>$1</strong>") + "</p>")
	}
	return template.HTML(b.String())
}

// reference is the part of a page that describes the API, which is the same for as long
// as the program runs.
func (l *language) reference(r *Reference) (template.HTML, error) {
	var b bytes.Buffer
	if err := l.templates()["api"].ExecuteTemplate(&b, "reference", r); err != nil {
		return "", fmt.Errorf("describing the API: %w", err)
	}
	return template.HTML(b.String()), nil
}

// apiPage describes the API.
func (v *visit) apiPage() (shown, error) {
	text, err := v.references[v.language]()
	v.position = v.View.Position()
	return shown{Data: text, Lead: v.t("api.lead"), Crumbs: []crumb{{"/data", v.t("data.title")}}}, err
}
