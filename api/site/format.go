package site

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"spredning/ledger"
	"spredning/projections"
)

// functions are those that templates of a language may call.
func (l *language) functions() template.FuncMap {
	return template.FuncMap{
		"t": l.t, "count": l.count, "word": l.word, "linked": l.linked, "say": l.say, "date": l.date,
		"number": l.number, "points": l.points, "url": l.path, "innovation": l.innovation, "organisation": l.organisation,
		"entry": l.entry, "asset": assetURL, "bar": bar, "regionClass": regionClass, "args": args, "options": l.options, "year": func(y *int) string { return fmt.Sprint(*y) }, "share": l.share, "percent": l.percent, "change": l.change, "ratio": l.ratio, "storyLang": storyLang, "words": l.words, "json": asJSON, "languagesOf": l.languagesOf, "hasOthers": l.hasOthers, "originatorRows": originatorRows, "holds": holds, "vocabularyOf": vocabularyOf, "valuesOf": valuesOf, "signWords": l.signWords, "forms": formsOfInnovations, "bytes": l.bytes, "accepted": accepted, "prose": prose, "lang": l.Tag, "add": func(a, b int) int { return a + b },
	}
}

// args puts names and values together for a template that needs several.
func args(pairs ...any) map[string]any {
	all := map[string]any{}
	for k := 0; k+1 < len(pairs); k += 2 {
		all[fmt.Sprint(pairs[k])] = pairs[k+1]
	}
	return all
}

// plain writes a value into a text.
func (l *language) plain(v any) string {
	switch v := v.(type) {
	case int:
		return l.number(v)
	case int64:
		return l.number(int(v))
	case ledger.Milli:
		return l.points(v)
	}
	return fmt.Sprint(v)
}

const space = "\u00a0" // that no line is broken at

// number writes a whole number: 12 345, in English 12,345.
func (l *language) number(n any) string {
	digits := fmt.Sprint(n)
	sign := ""
	if rest, negative := strings.CutPrefix(digits, "-"); negative {
		sign, digits = "−", rest
	}
	if len(digits) < 5 && l != english || len(digits) < 4 {
		return sign + digits
	}
	separator := space
	if l == english {
		separator = ","
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + separator + digits[at:]
	}
	return sign + digits
}

// points writes points: 0,25, in English 0.25.
func (l *language) points(m ledger.Milli) string {
	whole, part, decimals := strings.Cut(m.String(), ".")
	n, err := strconv.Atoi(whole)
	if err != nil || n == 0 {
		whole = strings.Replace(whole, "-", "−", 1) // −0,5 has its sign from here
	} else {
		whole = l.number(n)
	}
	if !decimals {
		return whole
	}
	if l == english {
		return whole + "." + part
	}
	return whole + "," + part
}

// date writes a day, of a date or a time in UTC: 25. november 2026.
func (l *language) date(v any) string {
	text := fmt.Sprint(v)
	if at, ok := v.(time.Time); ok {
		text = at.UTC().Format(time.DateOnly)
	}
	text, _, _ = strings.Cut(text, "T")
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return text
	}
	point := "."
	if l == english {
		point = ""
	}
	return fmt.Sprintf("%d%s%s%s %d", day.Day(), point, space, l.word("month", int(day.Month())), day.Year())
}

// say writes a text of the ledger, marked with its language if it is not the
// page's.
func (l *language) say(text any) template.HTML {
	var t ledger.Text
	switch text := text.(type) {
	case ledger.Text:
		t = text
	case *ledger.Text:
		if text == nil {
			return ""
		}
		t = *text
	}
	lang, words := l.pick(t)
	escaped := template.HTMLEscapeString(words)
	if lang == l.tag || words == "" {
		return template.HTML(escaped)
	}
	return template.HTML(`<span lang="` + lang + `">` + escaped + `</span>`)
}

// pick gives a text of the ledger in the language that a reader of this one wants
// most.
func (l *language) pick(t ledger.Text) (lang, words string) {
	for _, want := range l.order {
		for has, text := range t.All() {
			if has == want {
				return has, text
			}
		}
	}
	return l.tag, ""
}

func (l *language) innovation(id any) string { return l.path(fmt.Sprintf("/innovasjoner/%v", id)) }

func (l *language) organisation(orgnr any) string { return l.path(fmt.Sprintf("/foretak/%v", orgnr)) }

// entry links to an entry, by its number or by a label.
func (l *language) entry(index any, label ...string) template.HTML {
	if p, ok := index.(*int64); ok {
		if p == nil {
			return ""
		}
		index = *p
	}
	text := l.t("entry.link", "n", l.number(index))
	if len(label) > 0 {
		text = label[0]
	}
	return template.HTML(fmt.Sprintf(`<a class="entry" href="/api/v1/events/%v">%s</a>`, index, template.HTMLEscapeString(text)))
}

// bar draws a bar of value against most, as wide as what it stands in. The number
// itself stands beside it.
func bar(value, most any, class string) template.HTML {
	v, m := float(value), float(most)
	if m <= 0 {
		m = 1
	}
	return template.HTML(fmt.Sprintf(`<svg class="bar" width="100%%" height="12" aria-hidden="true" focusable="false"><rect class="%s" width="%.2f%%" height="12" rx="2"/></svg>`,
		template.HTMLEscapeString(class), min(100, max(0, 100*v/m))))
}

func float(v any) float64 {
	switch v := v.(type) {
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case ledger.Milli:
		return float64(v)
	case projections.Ratio:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// share writes permille as a percentage: 33,4 %.
func (l *language) share(permille int) string {
	return l.points(ledger.Milli(permille*100)) + space + "%"
}

// storyLang is the language of a text that has only one.
func storyLang(t ledger.Text) (only string) {
	for lang := range t.All() {
		if only != "" {
			return ""
		}
		only = lang
	}
	return only
}
