package site

import (
	"html/template"
	"strconv"
	"strings"
	"unicode/utf8"

	"spredning/ledger"
	"spredning/projections"
)

const (
	innovationsEach = 20  // on a page of the list
	maxQuery        = 200 // characters
	summaryStart    = 240 // characters of a summary in a list, or to the end of its sentence
)

type innovationsPage struct {
	Query   string
	Sort    string
	Filters []filter
	Active  bool // a filter is
	Clear   string
	Found   []foundInnovation
	Paging  paging
}

// filter is one that innovations can be narrowed down by.
type filter struct {
	Name    string
	Asked   string
	Options []option
}

type option struct {
	Value, Label string
	N            int
}

type foundInnovation struct {
	projections.Innovation
	Regions []string
	Start   ledger.Text // of the summary
}

// innovations is the list and search of innovations.
func (v *visit) innovations() (shown, error) {
	s, page, err := v.search()
	if err != nil {
		return shown{}, err
	}
	var found projections.Found
	regions := map[ledger.Orgnr]string{}
	names := map[ledger.Orgnr]string{}
	v.read(func(f *projections.Fold) {
		found = f.Find(s)
		for orgnr, o := range f.Registry() {
			regions[orgnr], names[orgnr] = o.Region, o.Name
		}
	})
	p := innovationsPage{Query: s.Words, Sort: v.Query().Get("sort"), Clear: v.path("/innovasjoner"), Filters: v.filters(s, found, names)}
	if p.Paging, err = v.paging(page, innovationsEach, found.Total); err != nil {
		return shown{}, err
	}
	for _, f := range p.Filters {
		p.Active = p.Active || f.Asked != ""
	}
	for _, i := range found.Innovations {
		p.Found = append(p.Found, foundInnovation{i, regionsOf(i.Originators, regions), start(i.Summary)})
	}
	return shown{Data: p, Lead: v.t("innovations.lead"), Feed: "/feed.atom", NoIndex: v.URL.RawQuery != ""}, nil
}

// search reads what the address asks for.
func (v *visit) search() (s projections.Search, page int, err error) {
	q := v.Query()
	s = projections.Search{Limit: innovationsEach, MostSpread: q.Get("sort") == "spread"}
	s.Words, s.Originator, s.Adopter = strings.TrimSpace(q.Get("q")), ledger.Orgnr(q.Get("originator")), ledger.Orgnr(q.Get("adopter"))
	for _, c := range []struct {
		name string
		of   []string
		into *string
	}{
		{"region", ledger.Regions, &s.Region},
		{"kind", vocabularies["kind"], &s.Kind},
		{"reach", vocabularies["reach"], &s.Reach},
		{"sort", []string{"newest", "spread"}, new(string)},
	} {
		if *c.into, err = v.choice(c.name, c.of); err != nil {
			return s, 0, err
		}
	}
	for _, o := range []ledger.Orgnr{s.Originator, s.Adopter} {
		if o != "" && !o.Valid() {
			return s, 0, ErrInvalid
		}
	}
	if year := q.Get("year"); year != "" {
		if s.Year, err = strconv.Atoi(year); err != nil || s.Year < 1000 || s.Year > 9999 {
			return s, 0, ErrInvalid
		}
	}
	if utf8.RuneCountInString(s.Words) > maxQuery || !utf8.ValidString(s.Words) {
		return s, 0, ErrInvalid
	}
	page, err = v.pageAsked()
	s.From = (page - 1) * innovationsEach
	return s, page, err
}

func (v *visit) filters(s projections.Search, found projections.Found, names map[ledger.Orgnr]string) []filter {
	year := ""
	if s.Year != 0 {
		year = strconv.Itoa(s.Year)
	}
	plain := func(value string) string { return value }
	word := func(vocabulary string) func(string) string {
		return func(value string) string { return v.word(vocabulary, value) }
	}
	name := func(value string) string { return names[ledger.Orgnr(value)] }
	return []filter{
		filterOf("region", s.Region, found.Regions, plain),
		filterOf("originator", string(s.Originator), found.Originators, name),
		filterOf("adopter", string(s.Adopter), found.Adopters, name),
		filterOf("kind", s.Kind, found.Kinds, word("kind")),
		filterOf("year", year, found.Years, plain),
		filterOf("reach", s.Reach, found.Reaches, word("reach")),
	}
}

// filterOf gives the values that would find something, and the one that is asked for.
func filterOf(name, asked string, counts []projections.Count, label func(string) string) filter {
	f := filter{Name: name, Asked: asked}
	there := asked == ""
	for _, c := range counts {
		f.Options = append(f.Options, option{c.Value, label(c.Value), c.N})
		there = there || c.Value == asked
	}
	if !there {
		l := label(asked)
		if l == "" {
			l = asked
		}
		f.Options = append(f.Options, option{asked, l, 0})
	}
	return f
}

// options writes the options of a filter: hundreds of them, which a template would
// take longer for than for all the rest of the page.
func (l *language) options(f filter) template.HTML {
	var b strings.Builder
	for k, o := range f.Options {
		if k > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(`<option value="` + template.HTMLEscapeString(o.Value) + `"`)
		if o.Value == f.Asked {
			b.WriteString(" selected")
		}
		b.WriteString(">" + template.HTMLEscapeString(o.Label) + " (" + l.number(o.N) + ")</option>")
	}
	return template.HTML(b.String())
}

func regionsOf(originators []projections.Originator, regions map[ledger.Orgnr]string) (all []string) {
	seen := map[string]bool{}
	for _, o := range originators {
		if r := regions[o.Orgnr]; r != "" && !seen[r] {
			seen[r] = true
			all = append(all, r)
		}
	}
	return all
}

// start is the beginning of a text, in each of its languages.
func start(t ledger.Text) ledger.Text {
	return ledger.Text{NB: startOf(t.NB), NN: startOf(t.NN), EN: startOf(t.EN), SE: startOf(t.SE)}
}

func startOf(text *string) *string {
	if text == nil || utf8.RuneCountInString(*text) <= summaryStart {
		return text
	}
	runes := []rune(*text)
	cut := string(runes[:summaryStart])
	if end := strings.LastIndex(cut, ". "); end > summaryStart/3 {
		cut = cut[:end+1]
	} else if end := strings.LastIndexByte(cut, ' '); end > 0 {
		cut = cut[:end] + " …"
	}
	return &cut
}
