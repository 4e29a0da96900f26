package site

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed texts/*.yaml
var textFiles embed.FS

//go:embed templates/*.html
var templateFiles embed.FS

// language is one that pages are in: bokmål, nynorsk or English.
type language struct {
	tag       string
	prefix    string   // of addresses
	order     []string // in which the ledger's texts are wanted
	texts     func() map[string]string
	templates func() map[string]*template.Template // by page
}

var (
	bokmaal   = &language{tag: "nb", order: []string{"nb", "nn", "en", "se"}}
	nynorsk   = &language{tag: "nn", prefix: "/nn", order: []string{"nn", "nb", "en", "se"}}
	english   = &language{tag: "en", prefix: "/en", order: []string{"en", "nb", "nn", "se"}}
	languages = []*language{bokmaal, nynorsk, english}
)

func init() { // read when they are needed: whoever signs a file needs no pages
	for _, l := range languages {
		l.texts = sync.OnceValue(func() map[string]string { return readTexts(l.tag) })
		l.templates = sync.OnceValue(l.readTemplates)
	}
}

// readTexts reads texts that are part of the program, so none is missing.
func readTexts(tag string) map[string]string {
	raw, err := textFiles.ReadFile("texts/" + tag + ".yaml")
	if err != nil {
		panic(err)
	}
	texts := map[string]string{}
	if err := yaml.Unmarshal(raw, &texts); err != nil {
		panic(fmt.Sprintf("texts/%s.yaml: %v", tag, err))
	}
	return texts
}

// shared are the templates of all pages.
var shared = []string{"templates/layout.html", "templates/parts.html"}

// readTemplates reads templates that are part of the program, too.
func (l *language) readTemplates() map[string]*template.Template {
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err)
	}
	base := template.Must(template.New("").Funcs(l.functions()).ParseFS(templateFiles, shared...))
	templates := map[string]*template.Template{}
	for _, file := range files {
		if file != shared[0] && file != shared[1] {
			name := strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html")
			templates[name] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, file))
		}
	}
	return templates
}

// Tag is the language's tag (BCP 47).
func (l *language) Tag() string { return l.tag }

// path is the address of a page in this language.
func (l *language) path(path string) string {
	if l.prefix != "" && path == "/" {
		return l.prefix
	}
	return l.prefix + path
}

// strip is the address in bokmål of one in this language.
func (l *language) strip(path string) string {
	return "/" + strings.TrimLeft(strings.TrimPrefix(path, l.prefix), "/") // two in front would lead to another site
}

// languageOf is the language of an address.
func languageOf(path string) *language {
	for _, l := range languages[1:] {
		if path == l.prefix || strings.HasPrefix(path, l.prefix+"/") {
			return l
		}
	}
	return bokmaal
}

// t gives a text, with values in the place of names in braces: "on", "25. mai"
// puts that in the place of {on}. Numbers are written as the language writes them.
func (l *language) t(key string, with ...any) string {
	text, ok := l.texts()[key]
	if !ok {
		return "⟦" + key + "⟧" // which no test lets pass
	}
	if len(with) == 0 {
		return text
	}
	pairs := make([]string, 0, len(with))
	for k := 0; k+1 < len(with); k += 2 {
		pairs = append(pairs, fmt.Sprintf("{%v}", with[k]), l.plain(with[k+1]))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// count gives the text key.one or key.other with n in the place of {n}.
func (l *language) count(key string, n int, with ...any) string {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return l.t(key+form, append([]any{"n", n}, with...)...)
}

// word gives the text of a value of one of the vocabularies.
func (l *language) word(vocabulary string, value any) string {
	return l.t(fmt.Sprintf("%s.%v", vocabulary, value))
}

// linked gives a text with parts in brackets, each a link to one of the addresses.
func (l *language) linked(key string, to ...string) template.HTML {
	var b strings.Builder
	rest := l.t(key)
	for _, address := range to {
		before, after, ok := strings.Cut(rest, "[")
		inside, beyond, closed := strings.Cut(after, "]")
		if !ok || !closed {
			break
		}
		fmt.Fprintf(&b, `%s<a href="%s">%s</a>`, template.HTMLEscapeString(before), template.HTMLEscapeString(address), template.HTMLEscapeString(inside))
		rest = beyond
	}
	b.WriteString(template.HTMLEscapeString(rest))
	return template.HTML(b.String())
}
