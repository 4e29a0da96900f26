package ledger

import (
	"errors"
	"strings"
	"testing"
)

func TestParseDraft(t *testing.T) {
	long := strings.Repeat("a", 201)
	for name, c := range map[string]struct {
		draft, pointer string
		code           Code
	}{
		"title only":          {draft: `{"title":{"nb":"Hjemmedialyse"}}`},
		"half of it":          {draft: `{"title":{"nn":"Heimedialyse"},"summary":{"nn":"Heime."},"kind":"service","originators":[{"orgnr":"983974724"}],"in_use_since":"2025-03-01"}`},
		"no JSON":             {draft: `title`, code: Malformed},
		"empty":               {draft: ``, code: Malformed},
		"null":                {draft: `{"title":{"nb":"x"},"kind":null}`, code: Malformed, pointer: "/kind"},
		"unknown field":       {draft: `{"title":{"nb":"x"},"status":"published"}`, code: Malformed, pointer: "/status"},
		"trailing data":       {draft: `{"title":{"nb":"x"}} {}`, code: Malformed},
		"no title":            {draft: `{"summary":{"nb":"x"}}`, code: InvalidField, pointer: "/title"},
		"blank title":         {draft: `{"title":{"nb":" "}}`, code: InvalidField, pointer: "/title/nb"},
		"long title":          {draft: `{"title":{"nb":"` + long + `"}}`, code: InvalidField, pointer: "/title/nb"},
		"empty summary":       {draft: `{"title":{"nb":"x"},"summary":{"nb":""}}`, code: InvalidField, pointer: "/summary/nb"},
		"kind":                {draft: `{"title":{"nb":"x"},"kind":"idea"}`, code: InvalidField, pointer: "/kind"},
		"organisation number": {draft: `{"title":{"nb":"x"},"originators":[{"orgnr":"983974725","share":1000}]}`, code: InvalidField, pointer: "/originators/0/orgnr"},
		"date":                {draft: `{"title":{"nb":"x"},"in_use_since":"2025-02-30"}`, code: InvalidField, pointer: "/in_use_since"},
		"id":                  {draft: `{"title":{"nb":"x"},"derived_from":"1"}`, code: InvalidField, pointer: "/derived_from"},
		"personal data":       {draft: `{"title":{"nb":"x"},"summary":{"nb":"Pasienten ` + evIdentityNumber("311239") + `."}}`, code: PersonalData, pointer: "/summary/nb"},
		"too large":           {draft: `{"title":{"nb":"x"}}` + strings.Repeat(" ", MaxDraft), code: TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseDraft([]byte(c.draft))
			var r *Refusal
			if !errors.As(err, &r) {
				r = &Refusal{}
			}
			if r.Code != c.code || r.Pointer != c.pointer {
				t.Errorf("%v; want %q at %q", err, c.code, c.pointer)
			}
		})
	}
}

func FuzzParseDraft(f *testing.F) {
	f.Add([]byte(`{"title":{"nb":"Hjemmedialyse"},"originators":[{"orgnr":"983974724","share":1000}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDraft(b)
		if err == nil && d.Title == (Text{}) {
			t.Errorf("%q has no title", b)
		}
	})
}
