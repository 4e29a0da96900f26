package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
)

func TestEventExamples(t *testing.T) {
	for typ := range blank {
		if _, ok := evExamples[typ]; !ok {
			t.Errorf("%s has no example: its fields are not tested", typ)
		}
	}
	for _, typ := range evTypes() {
		e, err := ParseEvent([]byte(evPayload(typ)))
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		if e.Type != typ || e.Ledger != evOrigin || e.By != "983974724" || e.ID.String() != "01KAN8C2X00000000000000001" ||
			!e.At.Equal(time.Date(2026, 11, 22, 10, 15, 0, 0, time.UTC)) {
			t.Errorf("%s: read as %+v", typ, e)
		}
		assertEventRoundTrip(t, e)
	}
}

// assertEventRoundTrip checks that an event's encoding parses to the same event
// and has one spelling.
func assertEventRoundTrip(t *testing.T, e Event) {
	t.Helper()
	payload, err := e.Encode()
	if err != nil {
		t.Fatalf("encoding %+v: %v", e, err)
	}
	again, err := ParseEvent(payload)
	if err != nil {
		t.Fatalf("%s\nis what Encode gives, and refused: %v", payload, err)
	}
	if !reflect.DeepEqual(again, e) {
		t.Fatalf("%s\nparses to %+v, want %+v", payload, again, e)
	}
	if twice, err := again.Encode(); err != nil || string(twice) != string(payload) {
		t.Fatalf("encoded again: %s, %v, want %s", twice, err, payload)
	}
}

// What Encode writes is the form of the design, to the byte.
func TestEventEncode(t *testing.T) {
	want := `{"ledger":"spredning.example/test","id":"01KAN8C2X00000000000000001","type":"adoption.declined","by":"983974724",` +
		`"at":"2026-11-22T10:15:00Z","data":{"innovation":"` + evULID + `","reason":{"nb":"Nei","en":"No"}}}`
	e, err := ParseEvent([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.Encode(); err != nil || string(got) != want {
		t.Errorf("Encode gives\n%s, %v, want\n%s", got, err, want)
	}
	e.At = e.At.In(time.FixedZone("CET", 3600))
	if got, err := e.Encode(); err != nil || string(got) != want {
		t.Errorf("in another time zone Encode gives\n%s, %v, want\n%s", got, err, want)
	}
}

// Everything is required but what may be absent.
func TestEventMissingField(t *testing.T) {
	elsewhere := map[string]string{ // the field blamed, where it is another one
		"lon":           "lat", // they stand together
		"measured_from": "measured_to",
	}
	evEach(t, func(t *testing.T, payload string, v evValue) {
		if !v.member {
			return
		}
		without := evSet(t, payload, v.pointer, "")
		language := v.name() == "nb" || v.name() == "en" // one of two
		if language || slices.Contains(evOptional, v.name()) || v.pointer == "/ledger" {
			evAccepted(t, without) // a missing ledger is the wrong one: told by Decide
			return
		}
		want := v.pointer
		if other, ok := elsewhere[v.name()]; ok {
			want = strings.TrimSuffix(want, v.name()) + other
		}
		_, err := ParseEvent([]byte(without))
		var r *Refusal
		if !errors.As(err, &r) || r.Code != InvalidField || !within(r.Pointer, want) {
			t.Errorf("gives %v, want %s at %s", err, InvalidField, want)
		}
	})
	for _, member := range []string{"lat", "measured_from"} {
		both := map[string]string{"lat": "lon", "measured_from": "measured_to"}
		payload := evSet(t, evPayload(OrganisationRegistered), "/data/"+member, "")
		evAccepted(t, evSet(t, payload, "/data/"+both[member], ""))
	}
}

// within tells whether pointer is p or names something in it.
func within(pointer, p string) bool { return pointer == p || strings.HasPrefix(pointer, p+"/") }

func TestEventNull(t *testing.T) {
	evEach(t, func(t *testing.T, payload string, v evValue) {
		evRefused(t, evSet(t, payload, v.pointer, "null"), Malformed, v.pointer)
	})
	// The word alone is no null.
	evAccepted(t, evSet(t, evPayload(AdoptionDeclined), "/data/reason/nb", `"null og niks"`))
}

func TestEventWrongKind(t *testing.T) {
	evEach(t, func(t *testing.T, payload string, v evValue) {
		other := map[string]string{"string": `1`, "float64": `"1"`, "bool": `0`}[fmt.Sprintf("%T", v.value)]
		switch v.value.(type) {
		case map[string]any:
			other = `[]`
		case []any:
			other = `{}`
		}
		evRefused(t, evSet(t, payload, v.pointer, other), Malformed, v.pointer)
	})
}

func TestEventIntegers(t *testing.T) {
	fraction := []string{"lat", "lon", "same_region", "other_region"}
	evEach(t, func(t *testing.T, payload string, v evValue) {
		n, number := v.value.(float64)
		if !number || slices.Contains(fraction, v.name()) {
			return
		}
		for _, spelling := range []string{"%.0f.0", "%.0fe0", "%.0f.5", "%.0f00000000000000000000"} {
			evRefused(t, evSet(t, payload, v.pointer, fmt.Sprintf(spelling, n+1)), Malformed, v.pointer)
		}
	})
}

func TestEventUnknownField(t *testing.T) {
	evEach(t, func(t *testing.T, payload string, v evValue) {
		if _, object := v.value.(map[string]any); object {
			evRefused(t, evSet(t, payload, v.pointer+"/zz", "1"), Malformed, v.pointer+"/zz")
		}
		if v.member { // names are case-sensitive
			upper := strings.TrimSuffix(v.pointer, v.name()) + strings.ToUpper(v.name())
			evRefused(t, evSet(t, payload, upper, `"x"`), Malformed, upper)
		}
	})
	evRefused(t, evSet(t, evPayload(YearOpened), "/zz", "1"), Malformed, "/zz")
}

func TestEventRepeatedField(t *testing.T) {
	const placeholder = "~~~" // sorted last
	evEach(t, func(t *testing.T, payload string, v evValue) {
		if !v.member {
			return
		}
		again := evSet(t, payload, strings.TrimSuffix(v.pointer, v.name())+placeholder, `"x"`)
		evRefused(t, strings.Replace(again, placeholder, v.name(), 1), Malformed, v.pointer)
	})
}

func TestEventNotJSON(t *testing.T) {
	good := evPayload(AdoptionDeclined)
	for name, payload := range map[string]string{
		"nothing":             "",
		"white space":         " ",
		"null":                "null",
		"a string":            `"x"`,
		"an array":            "[" + good + "]",
		"cut short":           good[:len(good)-1],
		"trailing brace":      good + "}",
		"trailing object":     good + "{}",
		"trailing zero":       good + "\x00",
		"byte order mark":     "\ufeff" + good,
		"invalid UTF-8":       strings.Replace(good, "Nei", "Ne\xffi", 1),
		"overlong UTF-8":      strings.Replace(good, "Nei", "Ne\xc0\xafi", 1),
		"a surrogate":         strings.Replace(good, "Nei", "Ne\xed\xa0\x80i", 1),
		"an escaped half":     strings.Replace(good, "Nei", `Ne\ud800i`, 1),
		"invalid UTF-8, name": strings.Replace(good, `"by"`, "\"by\xff\"", 1),
		"raw control":         strings.Replace(good, "Nei", "Ne\ni", 1),
		"trailing comma":      strings.Replace(good, `"No"}`, `"No",}`, 1),
		"comment":             strings.Replace(good, `"by"`, `/**/"by"`, 1),
		"single quotes":       strings.Replace(good, `"by"`, `'by'`, 1),
		"deep":                strings.Repeat(`{"data":`, 20000) + "1" + strings.Repeat("}", 20000),
	} {
		_, err := ParseEvent([]byte(payload))
		var r *Refusal
		if !errors.As(err, &r) || r.Code != Malformed {
			t.Errorf("%s: %v, want %s", name, err, Malformed)
		} else if strings.Contains(r.Detail, "json") {
			t.Errorf("%s: %q names the library", name, r.Detail)
		}
	}
}

// fieldRule is a value that a field must not have, or may have if code is
// empty.
type fieldRule struct {
	typ     Type
	pointer string
	values  []string // raw JSON
	code    Code
	blamed  string // if it is not the pointer
}

var fieldRules = []fieldRule{
	{YearOpened, "/id", []string{
		`""`, `"01kan8c2x00000000000000001"`, `"01KAN8C2X0000000000000000"`, `"01KAN8C2X000000000000000011"`,
		`"01KAN8C2X0000000000000000I"`, `"01KAN8C2X0000000000000000L"`, `"01KAN8C2X0000000000000000O"`, `"01KAN8C2X0000000000000000U"`,
		`"81KAN8C2X00000000000000001"`, `"01KAN8C2X-0000000000000001"`, `"00000000000000000000000000"`,
	}, InvalidField, ""},
	{YearOpened, "/id", []string{`"7ZZZZZZZZZZZZZZZZZZZZZZZZZ"`, `"00000000000000000000000001"`}, "", ""},
	{YearOpened, "/type", []string{`""`, `"year"`, `"Year.opened"`, `"year.opened "`}, InvalidField, ""},
	{YearOpened, "/by", []string{
		`""`, `"983974725"`, `"98397472"`, `"9839747240"`, `"983 974 724"`, `" 983974724"`, `"98397472A"`, `"９８３９７４７２４"`, `"NO983974724"`,
	}, InvalidField, ""},
	{YearOpened, "/at", []string{
		`""`, `"2026-11-22"`, `"2026-11-22T10:15Z"`, `"2026-11-22T10:15:00"`, `"2026-11-22T10:15:00+00:00"`, `"2026-11-22T11:15:00+01:00"`,
		`"2026-11-22T10:15:00.0Z"`, `"2026-11-22T10:15:00.000Z"`, `"2026-11-22T10:15:00,5Z"`, `"2026-11-22t10:15:00Z"`, `"2026-11-22T10:15:00z"`,
		`"2026-11-22 10:15:00Z"`, `"2026-11-22T24:00:00Z"`, `"2026-11-22T10:60:00Z"`, `"2026-12-31T23:59:60Z"`, `"2026-02-29T10:15:00Z"`,
		`"2026-13-01T10:15:00Z"`, `"2026-1-22T10:15:00Z"`, `"26-11-22T10:15:00Z"`, `"2026-11-22T9:15:00Z"`, `" 2026-11-22T10:15:00Z"`,
	}, InvalidField, ""},
	{YearOpened, "/at", []string{`"2024-02-29T23:59:59Z"`}, "", ""},

	{OrganisationRegistered, "/data/orgnr", []string{`""`, `"983974725"`, `"983974724 "`}, InvalidField, ""},
	{OrganisationRegistered, "/data/name", []string{`""`, `" "`}, InvalidField, ""},
	{OrganisationRegistered, "/data/short", []string{`""`, `"\u00a0"`}, InvalidField, ""},
	{OrganisationRegistered, "/data/kind", []string{`""`, `"hospital"`, `"HF"`}, InvalidField, ""},
	{OrganisationRegistered, "/data/kind", []string{`"authority"`, `"rhf"`, `"private_nonprofit"`, `"municipality"`, `"other"`}, "", ""},
	{OrganisationRegistered, "/data/region", []string{`"Helse Øst"`, `"helse vest"`, `" "`}, InvalidField, ""},
	{OrganisationRegistered, "/data/region", []string{`""`, `"Helse Sør-Øst"`, `"Helse Midt-Norge"`, `"Helse Nord"`}, "", ""},
	{OrganisationRegistered, "/data/parent", []string{`"983974724"`, `"123456789"`}, InvalidField, ""},
	{OrganisationRegistered, "/data/municipality", []string{`"460"`, `"46011"`, `"46a1"`, `"Bergen"`, `"4601\n"`}, InvalidField, ""},
	{OrganisationRegistered, "/data/municipality", []string{`"0301"`}, "", ""},
	{OrganisationRegistered, "/data/lat", []string{`90.001`, `-90.001`, `1e300`}, InvalidField, ""},
	{OrganisationRegistered, "/data/lat", []string{`90`, `-90`, `0`, `6.0e1`}, "", ""},
	{OrganisationRegistered, "/data/lat", []string{`1e999`, `NaN`}, Malformed, ""},
	{OrganisationRegistered, "/data/lon", []string{`180.001`, `-180.001`}, InvalidField, ""},
	{OrganisationRegistered, "/data/lon", []string{`180`, `-180`, `0`}, "", ""},
	{OrganisationRegistered, "/data/measured_from", []string{`999`, `10000`, `0`, `-2015`}, InvalidField, ""},
	{OrganisationRegistered, "/data/measured_from", []string{`2031`}, InvalidField, "/data/measured_to"},
	{OrganisationRegistered, "/data/measured_from", []string{`2030`}, "", ""},
	{OrganisationRegistered, "/data/measured_to", []string{`999`, `10000`, `2014`}, InvalidField, ""},
	{OrganisationRegistered, "/data/contact", []string{
		`"http://example.no"`, `"mailto:post@example.no"`, `"post"`, `"post@"`, `"@example.no"`, `"post@localhost"`, `"a b@example.no"`,
		`"post@example.no\n"`, `"post@example.no, b@example.no"`, `"55 55 55 55"`, `" "`,
	}, InvalidField, ""},
	{OrganisationRegistered, "/data/contact", []string{`"https://example.no/kontakt"`, `"fou.post@helse-prove.example"`}, "", ""},
	{OrganisationAmended, "/data/kind", []string{`"x"`}, InvalidField, ""},
	{OrganisationSucceeded, "/data/predecessors", []string{`[]`, evOrgnrs(101)}, InvalidField, ""},
	{OrganisationSucceeded, "/data/predecessors", []string{`["983971636"]`, evOrgnrs(100)}, "", ""},
	{OrganisationSucceeded, "/data/predecessors", []string{`["983974724","983974724"]`}, InvalidField, "/data/predecessors/1"},
	{OrganisationSucceeded, "/data/predecessors/0", []string{`""`, `"983974725"`, `"983974724 "`}, InvalidField, ""},
	{OrganisationSucceeded, "/data/predecessors/1", []string{`"983658725"`}, InvalidField, ""}, // the successor
	{OrganisationSucceeded, "/data/successor", []string{`""`, `"983974725"`}, InvalidField, ""},
	{OrganisationSucceeded, "/data/successor", []string{`"983974724"`}, InvalidField, "/data/predecessors/0"},

	{KeyEnrolled, "/data/organisation", []string{`""`, `"983974725"`}, InvalidField, ""},
	{KeyEnrolled, "/data/key/scheme", []string{`""`, `"rsa"`, `"Ed25519"`}, InvalidField, ""},
	{KeyEnrolled, "/data/key/public", []string{
		`""`, `"AAAA"`, `"not base64"`, evPublic(func(s string) string { return strings.TrimRight(s, "=") }),
		evPublic(func(s string) string { return s[:20] + `\n` + s[20:] }), evPublic(func(s string) string { return s + `\r\n` }),
		evPublic(func(s string) string { return " " + s }), evPublic(func(s string) string { return s + "=" }),
		`"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="`, // the neutral element
		`"AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="`, // y = 2 is not on the curve
	}, InvalidField, ""},
	{KeyEnrolled, "/data/key/roles", []string{`[]`}, InvalidField, ""},
	{KeyEnrolled, "/data/key/roles", []string{`["boss"]`, `["Admin"]`}, InvalidField, "/data/key/roles/0"},
	{KeyEnrolled, "/data/key/roles", []string{`["admin","admin"]`}, InvalidField, "/data/key/roles/1"},
	{KeyEnrolled, "/data/key/roles", []string{`["assess"]`, `["report","admin","assess"]`}, "", ""},
	{KeyEnrolled, "/data/key/label", []string{`""`, `" "`}, InvalidField, ""},
	{KeyRevoked, "/data/key", []string{`""`, `"abc"`, `"` + strings.Repeat("A", 44) + `"`, `"` + strings.Repeat("A", 42) + `\n"`}, InvalidField, ""},
	{KeyRevoked, "/data/reason", []string{`""`, `"stolen"`}, InvalidField, ""},
	{KeyRevoked, "/data/reason", []string{`"left"`, `"compromised"`, `"rotated"`}, "", ""},
	{KeyRevoked, "/data/compromised_from", []string{`-1`}, InvalidField, ""},
	{KeyRevoked, "/data/compromised_from", []string{`0`}, "", ""},

	{LedgerFounded, "/data/authority/kind", []string{`"rhf"`}, InvalidField, ""},
	{LedgerFounded, "/data/authority/orgnr", []string{`"1"`}, InvalidField, ""},
	{LedgerFounded, "/data/keys", []string{`[]`, evSeventeenKeys()}, InvalidField, ""},
	{LedgerFounded, "/data/keys", []string{`[` + evKeyJSON(1) + `,` + evKeyJSON(1) + `]`}, InvalidField, "/data/keys/1"},
	{LedgerFounded, "/data/keys", []string{`[` + strings.Replace(evKeyJSON(1), `"admin",`, "", 1) + `]`}, InvalidField, ""},
	{LedgerFounded, "/data/keys/1/public", []string{`"AAAA"`}, InvalidField, ""},
	{LedgerFounded, "/data/log_key", []string{`""`, `"x"`, `"` + evLogKey().String()[:60] + `"`, `" ` + evLogKey().String() + `"`}, InvalidField, ""},
	{LedgerFounded, "/data/illustrative", []string{`false`}, "", ""},
	{LedgerAmended, "/data/log_key", []string{`""`, `"x"`, `"` + evLogKey().String()[:60] + `"`}, InvalidField, ""},

	{InnovationPublished, "/data/title", []string{`{}`}, InvalidField, ""},
	{InnovationPublished, "/data/title", []string{`{"se":"Alit boallu"}`, `{"nn":"Blå knapp"}`}, "", ""},
	{InnovationPublished, "/data/title/nb", []string{`""`, `"  "`}, InvalidField, ""},
	{InnovationPublished, "/data/title", []string{`{"de":"Blauer Knopf"}`}, Malformed, "/data/title/de"},
	{InnovationPublished, "/data/kind", []string{`""`, `"idea"`}, InvalidField, ""},
	{InnovationPublished, "/data/kind", []string{`"service"`, `"process"`, `"organisation"`, `"communication"`}, "", ""},
	{InnovationPublished, "/data/originators", []string{
		`[]`, `[{"orgnr":"983974724","share":999}]`, `[{"orgnr":"983974724","share":500},{"orgnr":"983971636","share":501}]`,
	}, InvalidField, ""},
	{InnovationPublished, "/data/originators", []string{`[{"orgnr":"983974724","share":1000}]`}, "", ""},
	{InnovationPublished, "/data/originators/1/orgnr", []string{`"983974724"`, `"983971637"`}, InvalidField, ""},
	{InnovationPublished, "/data/originators/1/share", []string{`0`, `-1`, `1001`}, InvalidField, ""},
	{InnovationPublished, "/data/originators/1/share", []string{`399`, `401`}, InvalidField, "/data/originators"},
	{InnovationPublished, "/data/funding", []string{`[]`}, InvalidField, ""},
	{InnovationPublished, "/data/funding", []string{`["private"]`, `[""]`}, InvalidField, "/data/funding/0"},
	{InnovationPublished, "/data/funding", []string{`["own","eu","own"]`}, InvalidField, "/data/funding/2"},
	{InnovationPublished, "/data/funding", []string{`["rhf","nfr","eu","innovation_norway","other"]`}, "", ""},
	{InnovationPublished, "/data/in_use_since", evBadDates, InvalidField, ""},
	{InnovationPublished, "/data/in_use_since", []string{`"2024-02-29"`, `"1987-01-01"`}, "", ""},
	{InnovationPublished, "/data/replaces", []string{`{}`}, InvalidField, ""},
	{InnovationPublished, "/data/derived_from", []string{`"x"`, `"01kan8c2x0abcdefghjkmnpqrs"`, `"00000000000000000000000000"`}, InvalidField, ""},
	{InnovationPublished, "/data/links", []string{evMany(11, `"https://a.no"`)}, InvalidField, ""},
	{InnovationPublished, "/data/links", []string{`[]`, evMany(10, `"https://a.no"`)}, "", ""},
	{InnovationPublished, "/data/links/1", []string{
		`""`, `"http://a.no"`, `"ftp://a.no"`, `"javascript:alert(1)"`, `"//a.no"`, `"a.no"`, `"https:"`, `"https://"`, `"https:///x"`, `"https://:443/x"`,
		`"https:a.no"`, `"https://user@a.no"`, `"https://user:word@a.no"`, `"https://a.no/ x"`, `" https://a.no"`, `"https://a.no/\"x"`,
		`"https://a.no/<x>"`, `"https://a.no/\n"`, `"https://a.no/%zz"`, `"https://a.no:port"`,
	}, InvalidField, ""},
	{InnovationPublished, "/data/links/1", []string{`"https://a.no"`, `"https://a.no:8443/b?c=d&e#f"`, `"https://blåbær.no/ø"`}, "", ""},
	{InnovationPublished, "/data/attachments", []string{evMany(11, evAttachment)}, InvalidField, ""},
	{InnovationPublished, "/data/attachments", []string{`[]`, evMany(10, evAttachment)}, "", ""},
	{InnovationPublished, "/data/attachments/0/sha256", evBadHashes, InvalidField, ""},
	{InnovationPublished, "/data/attachments/0/media_type", []string{`""`, `"text/html"`, `"image/svg+xml"`, `"image/PNG"`, `"text/markdown; charset=utf-8"`}, InvalidField, ""},
	{InnovationPublished, "/data/attachments/0/media_type", []string{`"image/png"`, `"image/jpeg"`, `"image/webp"`, `"application/pdf"`}, "", ""},
	{InnovationPublished, "/data/attachments/0/size", []string{`0`, `-1`, `5242881`}, InvalidField, ""},
	{InnovationPublished, "/data/attachments/0/size", []string{`1`, `5242880`}, "", ""},
	{InnovationPublished, "/data/attachments/0/title", []string{`{}`}, InvalidField, ""},
	{InnovationRevised, "/data/innovation", []string{`""`, `"x"`, `"01kan8c2x0abcdefghjkmnpqrs"`}, InvalidField, ""},
	{InnovationRevised, "/data/kind", []string{`"idea"`}, InvalidField, ""},
	{InnovationWithdrawn, "/data/innovation", []string{`"x"`}, InvalidField, ""},
	{InnovationMerged, "/data/innovation", []string{`""`, `"x"`}, InvalidField, ""},
	{InnovationMerged, "/data/into", []string{`""`, `"x"`, `"` + evULID + `"`, `"01kan8c2x0abcdefghjkmnpqrt"`}, InvalidField, ""},
	{InnovationMerged, "/data/reason", []string{`{}`}, InvalidField, ""},
	{InnovationDisputed, "/data/innovation", []string{`"x"`}, InvalidField, ""},
	{InnovationDisputed, "/data/reason", []string{`{}`}, InvalidField, ""},
	{InnovationAssessed, "/data/innovation", []string{`"x"`}, InvalidField, ""},
	{InnovationAssessed, "/data/revision", evBadHashes, InvalidField, ""},
	{InnovationAssessed, "/data/eligible", []string{`false`}, "", ""},
	{InnovationAssessed, "/data/reason", []string{`{}`}, InvalidField, ""},

	{AdoptionInvited, "/data/innovation", []string{`"x"`}, InvalidField, ""},
	{AdoptionInvited, "/data/adopter", []string{`""`, `"983971637"`}, InvalidField, ""},
	{AdoptionDeclined, "/data/innovation", []string{`"x"`}, InvalidField, ""},
	{AdoptionConfirmed, "/data/innovation", []string{`"x"`}, InvalidField, ""},
	{AdoptionConfirmed, "/data/revision", evBadHashes, InvalidField, ""},
	{AdoptionConfirmed, "/data/in_use_from", evBadDates, InvalidField, ""},
	{AdoptionConfirmed, "/data/in_use_from", []string{`"2026-11-23"`, `"9999-12-31"`}, InvalidField, ""}, // after at
	{AdoptionConfirmed, "/data/in_use_from", []string{`"2026-11-22"`, `"2010-01-01"`}, "", ""},
	{AdoptionConfirmed, "/data/extent", []string{`""`, `"ward"`}, InvalidField, ""},
	{AdoptionConfirmed, "/data/extent", []string{`"unit"`, `"trust"`}, "", ""},
	{AdoptionConfirmed, "/data/form", []string{`""`, `"copied"`, `"pilot"`}, InvalidField, ""},
	{AdoptionConfirmed, "/data/form", []string{`"as_is"`}, "", ""},
	{AdoptionConfirmed, "/data/funding", []string{`[]`}, InvalidField, ""},
	{AdoptionConfirmed, "/data/links/0", []string{`"http://a.no"`}, InvalidField, ""},
	{AdoptionConfirmed, "/data/attachments/0/size", []string{`0`}, InvalidField, ""},
	{AdoptionEnded, "/data/ended_on", evBadDates, InvalidField, ""},
	{AdoptionRetracted, "/data/innovation", []string{`"x"`}, InvalidField, ""},
	{AdoptionDisputed, "/data/innovation", []string{`"x"`}, InvalidField, ""},
	{AdoptionDisputed, "/data/adopter", []string{`""`, `"983971637"`}, InvalidField, ""},
	{AdoptionDisputed, "/data/reason", []string{`{}`}, InvalidField, ""},
	{DisputeWithdrawn, "/data/innovation", []string{`"x"`}, InvalidField, ""},
	{DisputeWithdrawn, "/data/adopter", []string{`""`, `"983971637"`}, InvalidField, ""},
	{DisputeDecided, "/data/innovation", []string{`"x"`}, InvalidField, ""},
	{DisputeDecided, "/data/adopter", []string{`""`, `"983971637"`}, InvalidField, ""},
	{DisputeDecided, "/data/upheld", []string{`false`}, "", ""},
	{DisputeDecided, "/data/reason", []string{`{}`}, InvalidField, ""},

	{AttachmentErased, "/data/sha256", evBadHashes, InvalidField, ""},
	{AttachmentErased, "/data/reason", []string{`{}`}, InvalidField, ""},

	{YearOpened, "/data/year", []string{`0`, `999`, `10000`, `-2026`}, InvalidField, ""},
	{YearClosed, "/data/year", []string{`0`, `999`, `10000`, `-2026`}, InvalidField, ""},
	{YearClosed, "/data/year", []string{`1000`, `9999`}, "", ""},
	{YearOpened, "/data/report_by", []string{`"2027-02-29"`, `"March"`}, InvalidField, ""},

	{RulesPublished, "/data/rules/id", []string{`""`, `" "`}, InvalidField, ""},
	{RulesPublished, "/data/rules/from_year", []string{`0`, `999`, `10000`}, InvalidField, ""},
	{RulesPublished, "/data/rules/basis", []string{`""`, `"hospital"`}, InvalidField, ""},
	{RulesPublished, "/data/rules/basis", []string{`"project"`}, "", ""},
	{RulesPublished, "/data/rules/lineage", []string{`""`, `"never"`}, InvalidField, ""},
	{RulesPublished, "/data/rules/lineage", []string{`"once"`}, "", ""},
	{RulesPublished, "/data/rules/eligible_kinds", []string{`[]`}, InvalidField, ""},
	{RulesPublished, "/data/rules/eligible_kinds", []string{`["hospital"]`}, InvalidField, "/data/rules/eligible_kinds/0"},
	{RulesPublished, "/data/rules/eligible_kinds", []string{`["hf","hf"]`}, InvalidField, "/data/rules/eligible_kinds/1"},
	{RulesPublished, "/data/rules/max_adoptions_per_innovation", []string{`-1`}, InvalidField, ""},
	{RulesPublished, "/data/rules/max_per_originator_adopter", []string{`-1`}, InvalidField, ""},
	{RulesPublished, "/data/rules/originator/same_region", evBadValues, InvalidField, ""},
	{RulesPublished, "/data/rules/originator/other_region", evBadValues, InvalidField, ""},
	{RulesPublished, "/data/rules/adopter/same_region", evBadValues, InvalidField, ""},
	{RulesPublished, "/data/rules/adopter/other_region", evBadValues, InvalidField, ""},
	{RulesPublished, "/data/rules/originator/same_region", []string{`1000`, `1000.0`, `0.251`, `1.500`}, "", ""},
	// An adopter's value is below the originator's, or both are 0.
	{RulesPublished, "/data/rules/adopter", []string{
		`{"same_region":1,"other_region":0}`, `{"same_region":0,"other_region":2.5}`, `{"same_region":1.001,"other_region":0}`, `{"same_region":0,"other_region":1000}`,
	}, InvalidField, ""},
	{RulesPublished, "/data/rules/originator", []string{`{"same_region":0,"other_region":1}`, `{"same_region":0.25,"other_region":1}`}, InvalidField, "/data/rules/adopter"},
	{RulesPublished, "/data/rules/adopter", []string{`{"same_region":0,"other_region":0}`, `{"same_region":0.999,"other_region":2.499}`}, "", ""},
}

var (
	evBadDates = []string{
		`""`, `"2025"`, `"2025-2-28"`, `"2025-02-29"`, `"2025-02-00"`, `"2025-13-01"`, `"28.02.2025"`, `"2025-02-28T00:00:00Z"`, `" 2025-02-28"`, `"0999-01-01"`, `"12025-01-01"`,
	}
	evBadHashes = []string{
		`""`, `"` + evHash[1:] + `"`, `"` + evHash[2:] + `"`, `"` + evHash + `00"`, `"` + strings.ToUpper(evHash) + `"`, `"` + strings.Repeat("g", 64) + `"`,
	}
	evBadValues = []string{`-1`, `-0.001`, `1000.001`, `1001`, `999999`, `1000000`, `1e30`, `0.0005`, `0.1234`}
)

// evPublic gives a key's public bytes as a JSON string, edited.
func evPublic(edit func(string) string) string {
	_, s, _ := strings.Cut(evKeyJSON(1), `"public":"`)
	s, _, _ = strings.Cut(s, `"`)
	return `"` + edit(s) + `"`
}

func evSeventeenKeys() string {
	var all []string
	for n := range byte(17) {
		all = append(all, evKeyJSON(n+1))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// evOrgnrs lists the first organisation numbers there are.
func evOrgnrs(count int) string {
	var all []string
	for n := 100_000_000; len(all) < count; n++ {
		if o := Orgnr(fmt.Sprint(n)); o.Valid() {
			all = append(all, `"`+string(o)+`"`)
		}
	}
	return "[" + strings.Join(all, ",") + "]"
}

func evMany(n int, item string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
}

func TestEventFieldRules(t *testing.T) {
	for _, r := range fieldRules {
		for _, value := range r.values {
			t.Run(string(r.typ)+r.pointer+"="+value[:min(len(value), 40)], func(t *testing.T) {
				payload := evReplace(t, evPayload(r.typ), r.pointer, value)
				switch {
				case r.code == "":
					evAccepted(t, payload)
				case r.blamed != "":
					evRefused(t, payload, r.code, r.blamed)
				default:
					evRefused(t, payload, r.code, r.pointer)
				}
			})
		}
	}
}

// evReplace is evSet for raw text that may be no JSON.
func evReplace(t *testing.T, payload, pointer, raw string) string {
	const placeholder = `"~~~"`
	return strings.Replace(evSet(t, payload, pointer, placeholder), placeholder, raw, 1)
}

// Limits are in characters, not bytes: ø has two, an emoji four.
func TestEventTextLimits(t *testing.T) {
	limits := []struct {
		typ     Type
		pointer string
		limit   int
		prefix  string
	}{
		{LedgerFounded, "/data/name", 200, ""},
		{LedgerFounded, "/data/authority/name", 200, ""},
		{LedgerFounded, "/data/keys/1/label", 80, ""},
		{OrganisationRegistered, "/data/name", 200, ""},
		{OrganisationRegistered, "/data/short", 80, ""},
		{OrganisationRegistered, "/data/contact", 500, "https://a.no/"},
		{KeyEnrolled, "/data/key/label", 80, ""},
		{InnovationPublished, "/data/title/nb", 200, ""},
		{InnovationPublished, "/data/summary/en", 2000, ""},
		{InnovationPublished, "/data/replaces/nb", 1000, ""},
		{InnovationPublished, "/data/links/0", 500, "https://a.no/"},
		{InnovationPublished, "/data/attachments/0/title/nb", 200, ""},
		{InnovationRevised, "/data/title/nb", 200, ""},
		{InnovationWithdrawn, "/data/reason/nb", 1000, ""},
		{InnovationMerged, "/data/reason/nb", 1000, ""},
		{InnovationDisputed, "/data/reason/nb", 1000, ""},
		{InnovationAssessed, "/data/reason/en", 1000, ""},
		{AdoptionInvited, "/data/note/nb", 1000, ""},
		{AdoptionDeclined, "/data/reason/en", 1000, ""},
		{AdoptionConfirmed, "/data/replaces/nb", 1000, ""},
		{AdoptionConfirmed, "/data/links/0", 500, "https://a.no/"},
		{AdoptionConfirmed, "/data/attachments/0/title/en", 200, ""},
		{AdoptionEnded, "/data/reason/nb", 1000, ""},
		{AdoptionRetracted, "/data/reason/nb", 1000, ""},
		{AdoptionDisputed, "/data/reason/nb", 1000, ""},
		{DisputeDecided, "/data/reason/en", 1000, ""},
		{AttachmentErased, "/data/reason/nb", 1000, ""},
		{RulesPublished, "/data/rules/id", 80, ""},
	}
	for _, l := range limits {
		for _, char := range []string{"a", "ø", "🙂"} {
			t.Run(string(l.typ)+l.pointer+char, func(t *testing.T) {
				most := l.prefix + strings.Repeat(char, l.limit-len(l.prefix))
				evAccepted(t, evSet(t, evPayload(l.typ), l.pointer, evQuote(t, most)))
				evRefused(t, evSet(t, evPayload(l.typ), l.pointer, evQuote(t, most+char)), InvalidField, l.pointer)
			})
		}
	}
}

// evText tells whether a member holds free text: whatever one may write there.
func evText(v evValue) bool {
	free := []string{"nb", "en", "name", "short", "label", "contact"}
	return slices.Contains(free, v.name()) || v.pointer == "/data/rules/id" || strings.Contains(v.pointer, "/links/")
}

// No text may be invisible, turn the writing direction or have two spellings.
func TestEventForbiddenCharacters(t *testing.T) {
	evEach(t, func(t *testing.T, payload string, v evValue) {
		if !evText(v) {
			return
		}
		for _, s := range []string{"a\u0000b", "a\nb", "a\u202eb", "a\u030ab" /* å, decomposed */} {
			evRefused(t, evSet(t, payload, v.pointer, evQuote(t, evIn(v, s))), InvalidField, v.pointer)
		}
	})
}

// evIn puts s into a text as the member needs it.
func evIn(v evValue, s string) string {
	if v.name() == "contact" || strings.Contains(v.pointer, "/links/") {
		return "https://example.no/" + s
	}
	return "Nummer " + s
}

// A national identity number is refused wherever one can write.
func TestEventPersonalData(t *testing.T) {
	for _, number := range []string{evIdentityNumber("311239"), evIdentityNumber("711239")} {
		evEach(t, func(t *testing.T, payload string, v evValue) {
			if _, isString := v.value.(string); !isString || v.pointer == "/ledger" { // another ledger's name is refused as such
				return
			}
			with := evSet(t, payload, v.pointer, evQuote(t, evIn(v, number)))
			if evText(v) {
				evRefused(t, with, PersonalData, v.pointer)
				return
			}
			_, err := ParseEvent([]byte(with))
			var r *Refusal
			if !errors.As(err, &r) || r.Code != InvalidField {
				t.Errorf("gives %v, want %s", err, InvalidField)
			}
		})
	}
	mailbox := evQuote(t, evIdentityNumber("311239")+"@example.no")
	evRefused(t, evSet(t, evPayload(OrganisationRegistered), "/data/contact", mailbox), PersonalData, "/data/contact")
}

// Of several things wrong the first in the order of the codes is told.
func TestEventOrderOfCodes(t *testing.T) {
	personal := evSet(t, evPayload(AdoptionConfirmed), "/data/replaces/nb", evQuote(t, "Nr. "+evIdentityNumber("311239")))
	invalid := evSet(t, personal, "/data/links/0", `"http://a.no"`) // comes after the text
	evRefused(t, personal, PersonalData, "/data/replaces/nb")
	evRefused(t, invalid, InvalidField, "/data/links/0")
	evRefused(t, evSet(t, personal, "/by", `"1"`), InvalidField, "/by")
	evRefused(t, evSet(t, invalid, "/data/zz", `1`), Malformed, "/data/zz")
	evRefused(t, evSet(t, evSet(t, invalid, "/by", `"1"`), "/data/zz", `1`), Malformed, "/data/zz")
	// A value of rules out of range is read, so what follows is still malformed.
	rules := evSet(t, evPayload(RulesPublished), "/data/rules/adopter/same_region", `-1`)
	evRefused(t, evSet(t, rules, "/data/rules/zz", `1`), Malformed, "/data/rules/zz")
}

// Ledger and clock go before the fields: the event comes with the error.
func TestEventComesWithTheError(t *testing.T) {
	for _, change := range [][2]string{{"/by", `"1"`}, {"/id", `"1"`}, {"/data/reason/nb", `""`}, {"/type", `"x"`}, {"/data", ""}} {
		e, err := ParseEvent([]byte(evSet(t, evPayload(AdoptionDeclined), change[0], change[1])))
		if err == nil || e.Ledger != evOrigin || e.At.IsZero() {
			t.Errorf("%s wrong: %v, with ledger %q at %s", change[0], err, e.Ledger, e.At)
		}
	}
}

// assertStraight checks that an event that is decoded in one pass is the same as in two,
// and whether it was.
func assertStraight(t testing.TB, payload []byte) (ok bool) {
	t.Helper()
	e, ok := decodeStraight(payload)
	if !ok {
		return false
	}
	other, refusal := decodeAny(payload)
	if refusal != nil || !reflect.DeepEqual(e, other) {
		t.Errorf("in one pass %s is %+v, in two %+v, %v", payload, e, other, refusal)
	}
	return true
}

// Events in the usual order are decoded in one pass, those of all types; in another, or
// with anything wrong, they are not, and the same is said of them.
func TestDecodeStraight(t *testing.T) {
	for _, typ := range evTypes() {
		if !assertStraight(t, []byte(evPayload(typ))) {
			t.Errorf("%s takes two passes", typ)
		}
	}
	for _, r := range fieldRules {
		for _, value := range r.values {
			assertStraight(t, []byte(strings.Replace(evSet(t, evPayload(r.typ), r.pointer, `"~~~"`), `"~~~"`, value, 1)))
		}
	}
	good := evPayload(AdoptionDeclined)
	for what, payload := range map[string]string{
		"data before the type": `{"data":{"innovation":"` + evULID + `","reason":{"nb":"Nei"}},` + strings.Replace(good[1:], good[strings.Index(good, `,"data"`):], "}", 1),
		"null":                 evSet(t, good, "/data/reason/nn", `null`),
		"a member twice":       strings.Replace(good, `{"ledger"`, `{"by":"983974724","ledger"`, 1),
		"data twice":           good[:len(good)-1] + `,"data":{}}`,
		"an unknown member":    evSet(t, good, "/data/zz", `1`),
		"something after it":   good + "{}",
		"no data":              evSet(t, good, "/data", ""),
		"data of another kind": evSet(t, good, "/data", `[]`),
		"a wrong time":         evSet(t, good, "/at", `"2026-11-22T1:15:00Z"`),
	} {
		if assertStraight(t, []byte(payload)) {
			t.Errorf("%s: it takes one pass", what)
		}
	}
}

// FuzzParseEvent: whatever is signed, the parser refuses it or reads it as an
// event that has one encoding.
func FuzzParseEvent(f *testing.F) {
	for _, typ := range evTypes() {
		f.Add([]byte(evPayload(typ)))
	}
	for _, r := range fieldRules {
		for _, value := range r.values {
			f.Add([]byte(strings.Replace(evSet(f, evPayload(r.typ), r.pointer, `"~~~"`), `"~~~"`, value, 1)))
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		assertStraight(t, payload)
		e, err := ParseEvent(payload)
		if err == nil {
			assertEventRoundTrip(t, e)
			return
		}
		var r *Refusal
		if !errors.As(err, &r) || !slices.Contains([]Code{Malformed, InvalidField, PersonalData}, r.Code) {
			t.Fatalf("an error of another kind: %v", err)
		}
	})
}

// --- receipts and checkpoints ---

// evReceipt makes the receipt of the entry at index 3 of a log of 6, signed by
// two keys.
func evReceipt(t testing.TB) Receipt {
	t.Helper()
	log := evTree(t, 6)
	checkpoint, err := evLogKey().checkpoint(6, log.root(t))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := tlog.ProveRecord(6, 3, log)
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := keys.Parse(log.entries[3])
	if err != nil {
		t.Fatal(err)
	}
	r := Receipt{Ledger: evOrigin, Index: 3, Entry: log.entries[3], Proof: proof, Checkpoint: checkpoint}
	for _, s := range envelope.Signatures {
		public, _ := evPublicKey(s.KeyID)
		r.Keys = append(r.Keys, public)
	}
	return r
}

// evPublicKey finds one of the keys that sign the entries.
func evPublicKey(id keys.ID) (keys.Public, bool) {
	for n := range byte(10) {
		if k := evKey(n); k.ID() == id {
			return k.Public, true
		}
	}
	return keys.Public{}, false
}

// evLog is a log in memory.
type evLog struct {
	entries [][]byte
	hashes  []tlog.Hash
}

func evTree(t testing.TB, size int64) *evLog {
	t.Helper()
	log := &evLog{}
	for i := range size {
		payload := evSet(t, evPayload(AdoptionDeclined), "/id", fmt.Sprintf(`"01KAN8C2X00000000000000%03d"`, i+1))
		envelope, err := keys.Seal([]byte(payload), evKey(1), evKey(2))
		if err != nil {
			t.Fatal(err)
		}
		log.entries = append(log.entries, envelope.Encode())
		hashes, err := tlog.StoredHashes(i, envelope.Encode(), log)
		if err != nil {
			t.Fatal(err)
		}
		log.hashes = append(log.hashes, hashes...)
	}
	return log
}

// ReadHashes serves tlog.
func (l *evLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		out[i] = l.hashes[at]
	}
	return out, nil
}

func (l *evLog) root(t testing.TB) tlog.Hash {
	t.Helper()
	root, err := tlog.TreeHash(int64(len(l.entries)), l)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestReceiptVerify(t *testing.T) {
	r := evReceipt(t)
	for name, logKeys := range map[string][]string{"with the log key": {evLogKey().String()}, "without": nil} {
		event, checkpoint, err := r.Verify(logKeys...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if event.Type != AdoptionDeclined || checkpoint.Size != 6 || checkpoint.Origin != evOrigin {
			t.Errorf("%s: %+v in %+v", name, event, checkpoint)
		}
	}
}

func TestReceiptRoundTrip(t *testing.T) {
	r := evReceipt(t)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseReceipt(b); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("as JSON: %+v, %v, want %+v", got, err, r)
	}
	if got, err := ParseTLogProof(r.TLogProof(), evPublicKey); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("as a tlog-proof: %+v, %v, want %+v", got, err, r)
	}
	if !strings.HasPrefix(string(r.TLogProof()), TLogProofHeader) {
		t.Errorf("the tlog-proof begins with %.30q", r.TLogProof())
	}
}

// The JSON form has these members, in this order, and the entry's exact bytes.
func TestReceiptForm(t *testing.T) {
	r := evReceipt(t)
	r.Proof, r.Checkpoint, r.Entry = r.Proof[:1], []byte("note\n"), []byte(`{"a":"<&>"}`)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	key := func(n int) string { return base64.StdEncoding.EncodeToString(r.Keys[n].Bytes) }
	want := `{"ledger":"spredning.example/test","index":3,"leaf":"` + hexOf(tlog.RecordHash(r.Entry)) + `","entry":"{\"a\":\"<&>\"}",` +
		`"keys":[{"scheme":"ed25519","public":"` + key(0) + `"},{"scheme":"ed25519","public":"` + key(1) + `"}],` +
		`"proof":["` + r.Proof[0].String() + `"],"checkpoint":"note\n"}`
	if string(b) != want {
		t.Errorf("a receipt is\n%s, want\n%s", b, want)
	}
}

// Each part of a receipt is held to the others; the error says which fails.
func TestReceiptTampered(t *testing.T) {
	other, err := NewLogKey("spredning.example/other", evKey(9))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(t *testing.T, r *Receipt)
		want   string
	}{
		{"ledger", func(_ *testing.T, r *Receipt) { r.Ledger = "spredning.example/other" }, `of ledger "spredning.example/other"`},
		{"event of another ledger", func(t *testing.T, r *Receipt) { evResign(t, r, "/ledger", `"spredning.example/other"`) }, `the event of "spredning.example/other"`},
		{"no ledger in the event", func(t *testing.T, r *Receipt) { evResign(t, r, "/ledger", ``) }, `the event of ""`},
		{"index", func(_ *testing.T, r *Receipt) { r.Index = 2 }, "index 2"},
		{"negative index", func(_ *testing.T, r *Receipt) { r.Index = -1 }, "index -1"},
		{"index at the end", func(_ *testing.T, r *Receipt) { r.Index = 6 }, "index 6 is not in the checkpoint's tree of 6"},
		{"entry spelt differently", func(_ *testing.T, r *Receipt) { r.Entry = append(slices.Clone(r.Entry), '\n') }, "the entry: malformed"},
		{"no entry", func(_ *testing.T, r *Receipt) { r.Entry = nil }, "the entry: malformed"},
		{"event changed", func(t *testing.T, r *Receipt) { evRewrite(t, r, "/data/reason/nb", `"Ja"`) }, "signature 1"},
		{"event invalid", func(t *testing.T, r *Receipt) { evRewrite(t, r, "/data/reason/nb", `""`) }, "the event: invalid_field"},
		{"another event by the same keys", func(t *testing.T, r *Receipt) { evResign(t, r, "/data/reason/nb", `"Ja"`) }, "the proof"},
		{"signature", func(t *testing.T, r *Receipt) { evSpoilSignature(t, r) }, "signature 2"},
		{"a key", func(_ *testing.T, r *Receipt) { r.Keys[1] = evKey(7).Public }, "key 2"},
		{"a key's scheme", func(_ *testing.T, r *Receipt) { r.Keys[0].Scheme = "x" }, "key 1"},
		{"keys in another order", func(_ *testing.T, r *Receipt) { slices.Reverse(r.Keys) }, "key 1"},
		{"a key missing", func(_ *testing.T, r *Receipt) { r.Keys = r.Keys[:1] }, "2 signatures, the receipt 1 keys"},
		{"a key too many", func(_ *testing.T, r *Receipt) { r.Keys = append(r.Keys, evKey(7).Public) }, "2 signatures, the receipt 3 keys"},
		{"proof hash", func(_ *testing.T, r *Receipt) { r.Proof[1][0] ^= 1 }, "the proof"},
		{"proof cut short", func(_ *testing.T, r *Receipt) { r.Proof = r.Proof[1:] }, "the proof"},
		{"proof too long", func(_ *testing.T, r *Receipt) { r.Proof = append(r.Proof, tlog.Hash{}) }, "the proof"},
		{"no proof", func(_ *testing.T, r *Receipt) { r.Proof = nil }, "the proof"},
		{"checkpoint is none", func(_ *testing.T, r *Receipt) { r.Checkpoint = []byte("hello\n") }, "checkpoint"},
		{"no checkpoint", func(_ *testing.T, r *Receipt) { r.Checkpoint = nil }, "checkpoint"},
		{"checkpoint edited", func(_ *testing.T, r *Receipt) {
			r.Checkpoint = []byte(strings.Replace(string(r.Checkpoint), "\n6\n", "\n7\n", 1))
		}, "checkpoint is not signed"},
		{"checkpoint of another root", func(t *testing.T, r *Receipt) { r.Checkpoint = evCheckpoint(t, evLogKey(), 6, tlog.Hash{1}) }, "the proof"},
		{"checkpoint of another size", func(t *testing.T, r *Receipt) {
			r.Checkpoint = evCheckpoint(t, evLogKey(), 7, evTree(t, 7).root(t))
		}, "the proof"},
		{"checkpoint of another ledger", func(t *testing.T, r *Receipt) {
			r.Checkpoint = evCheckpoint(t, other, 6, evTree(t, 6).root(t))
		}, "checkpoint is not signed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := evReceipt(t)
			c.change(t, &r)
			_, _, err := r.Verify(evLogKey().String())
			if !errors.Is(err, ErrReceipt) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("gives %v, want ErrReceipt with %q", err, c.want)
			}
		})
	}
	// Without the log's key the origin still has to be the ledger.
	r := evReceipt(t)
	r.Checkpoint = evCheckpoint(t, other, 6, evTree(t, 6).root(t))
	if _, _, err := r.Verify(); !errors.Is(err, ErrReceipt) || !strings.Contains(err.Error(), `the checkpoint of "spredning.example/other"`) {
		t.Errorf("another ledger's checkpoint, no log key: %v", err)
	}
	if _, _, err := evReceipt(t).Verify(other.String()); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("with another log key: %v, want ErrCheckpoint", err)
	}
}

// evRewrite changes the event and leaves the signatures as they are.
func evRewrite(t *testing.T, r *Receipt, pointer, raw string) {
	t.Helper()
	envelope, err := keys.Parse(r.Entry)
	if err != nil {
		t.Fatal(err)
	}
	envelope.Payload = []byte(evSet(t, string(envelope.Payload), pointer, raw))
	r.Entry = envelope.Encode()
}

// evResign changes the event and signs it anew.
func evResign(t *testing.T, r *Receipt, pointer, raw string) {
	t.Helper()
	evRewrite(t, r, pointer, raw)
	envelope, err := keys.Parse(r.Entry)
	if err != nil {
		t.Fatal(err)
	}
	if envelope, err = keys.Seal(envelope.Payload, evKey(1), evKey(2)); err != nil {
		t.Fatal(err)
	}
	r.Entry = envelope.Encode()
}

func evSpoilSignature(t *testing.T, r *Receipt) {
	t.Helper()
	envelope, err := keys.Parse(r.Entry)
	if err != nil {
		t.Fatal(err)
	}
	envelope.Signatures[1].Sig[0] ^= 1
	r.Entry = envelope.Encode()
}

func evCheckpoint(t testing.TB, k *LogKey, size int64, root tlog.Hash) []byte {
	t.Helper()
	b, err := k.checkpoint(size, root)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseReceiptRefuses(t *testing.T) {
	r := evReceipt(t)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	hash := r.Proof[0].String()
	for name, raw := range map[string]string{
		"nothing":             "",
		"not JSON":            "hello",
		"null":                "null",
		"empty":               "{}",
		"trailing data":       good + "{}",
		"unknown member":      evSet(t, good, "/zz", "1"),
		"repeated member":     strings.Replace(good, `"index":3`, `"index":3,"index":3`, 1),
		"index no integer":    evSet(t, good, "/index", "3.0"),
		"another leaf":        evSet(t, good, "/leaf", `"`+evHash+`"`),
		"upper-case leaf":     evSet(t, good, "/leaf", `"`+strings.ToUpper(hexOf(tlog.RecordHash(r.Entry)))+`"`),
		"no leaf":             evSet(t, good, "/leaf", ""),
		"another entry":       evSet(t, good, "/entry", `"x"`),
		"key is no base64":    evSet(t, good, "/keys/0/public", `"?"`),
		"unknown member, key": evSet(t, good, "/keys/0/zz", `1`),
		"short proof hash":    evSet(t, good, "/proof/0", `"AAAA"`),
		"url-safe proof hash": evSet(t, good, "/proof/0", `"`+strings.Repeat("_", 43)+`="`),
		"unpadded proof hash": evSet(t, good, "/proof/0", `"`+strings.TrimRight(hash, "=")+`"`),
		"proof is no list":    evSet(t, good, "/proof", `"`+hash+`"`),
	} {
		if _, err := ParseReceipt([]byte(raw)); !errors.Is(err, ErrReceipt) {
			t.Errorf("%s: %v, want ErrReceipt", name, err)
		}
	}
}

func TestParseReceiptTLogProofRefuses(t *testing.T) {
	good := string(evReceipt(t).TLogProof())
	nobody := func(keys.ID) (keys.Public, bool) { return keys.Public{}, false }
	if _, err := ParseTLogProof([]byte(good), nobody); !errors.Is(err, ErrReceipt) || !strings.Contains(err.Error(), string(evReceipt(t).Keys[0].ID())) {
		t.Errorf("unknown keys: %v, want ErrReceipt and the key's id", err)
	}
	for name, raw := range map[string]string{
		"nothing":         "",
		"another version": strings.Replace(good, "@v1", "@v2", 1),
		"no index":        strings.Replace(good, "index 3\n", "", 1),
		"signed index":    strings.Replace(good, "index 3", "index +3", 1),
		"padded index":    strings.Replace(good, "index 3", "index 03", 1),
		"negative index":  strings.Replace(good, "index 3", "index -3", 1),
		"carriage return": strings.Replace(good, "index 3\n", "index 3\r\n", 1),
		"no extra data":   good[:len(TLogProofHeader)] + good[strings.Index(good, "index"):],
		"no checkpoint":   good[:strings.Index(good, "\n\n")+2],
		"cut short":       good[:len(good)-1],
		"trailing data":   good + "x",
	} {
		if raw == good {
			t.Fatalf("%s: changes nothing", name)
		}
		if _, err := ParseTLogProof([]byte(raw), evPublicKey); !errors.Is(err, ErrReceipt) {
			t.Errorf("%s: %v, want ErrReceipt", name, err)
		}
	}
}

func TestReceiptLeaf(t *testing.T) {
	if h, err := ParseLeaf(evHash); err != nil || hexOf(h) != evHash {
		t.Errorf("ParseLeaf(%s) = %x, %v", evHash, h, err)
	}
	for _, s := range []string{"", "00", evHash[1:], evHash + "00", strings.Repeat("x", 64)} {
		if _, err := ParseLeaf(s); err == nil {
			t.Errorf("ParseLeaf(%q) gives no error", s)
		}
	}
}

func TestCheckpoint(t *testing.T) {
	root := evTree(t, 6).root(t)
	signed := evCheckpoint(t, evLogKey(), 6, root)
	want := Checkpoint{evOrigin, 6, root}
	if got, err := OpenCheckpoint(signed, evLogKey().String()); err != nil || got != want {
		t.Errorf("OpenCheckpoint: %+v, %v, want %+v", got, err, want)
	}
	if got, err := ReadCheckpoint(signed); err != nil || got != want {
		t.Errorf("ReadCheckpoint: %+v, %v, want %+v", got, err, want)
	}
	body := evOrigin + "\n6\n" + root.String() + "\n\n— " + evOrigin + " "
	if !strings.HasPrefix(string(signed), body) {
		t.Errorf("the checkpoint is\n%s, want it to begin with\n%s", signed, body)
	}
	// A ledger's log key may change: either of two is good, and a witness's
	// signature does no harm.
	second, err := NewLogKey(evOrigin, evKey(8))
	if err != nil {
		t.Fatal(err)
	}
	witnessed, err := note.Sign(&note.Note{Text: evCheckpointText(root)}, evWitness(t), second)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenCheckpoint(witnessed, evLogKey().String(), second.String()); err != nil || got != want {
		t.Errorf("by the second key, witnessed: %+v, %v", got, err)
	}
	if _, err := OpenCheckpoint(witnessed, evLogKey().String()); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("by another key: %v, want ErrCheckpoint", err)
	}
}

func evCheckpointText(root tlog.Hash) string { return evOrigin + "\n6\n" + root.String() + "\n" }

func evWitness(t *testing.T) *LogKey {
	t.Helper()
	k, err := NewLogKey("witness.example", evKey(7))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCheckpointRefused(t *testing.T) {
	hash := tlog.Hash{1}.String()
	for name, text := range map[string]string{
		"another origin":    "spredning.example/other\n6\n" + hash + "\n",
		"no origin":         "\n6\n" + hash + "\n",
		"no size":           evOrigin + "\n" + hash + "\n",
		"padded size":       evOrigin + "\n06\n" + hash + "\n",
		"signed size":       evOrigin + "\n+6\n" + hash + "\n",
		"negative size":     evOrigin + "\n-6\n" + hash + "\n",
		"size beyond int64": evOrigin + "\n9223372036854775808\n" + hash + "\n",
		"short root":        evOrigin + "\n6\nAAAA\n",
		"root in hex":       evOrigin + "\n6\n" + evHash + "\n",
		"unpadded root":     evOrigin + "\n6\n" + strings.TrimRight(hash, "=") + "\n",
		"padding bits":      evOrigin + "\n6\n" + strings.Replace(hash, "A=", "B=", 1) + "\n",
		"carriage returns":  evOrigin + "\r\n6\r\n" + hash + "\r\n",
		"extension line":    evOrigin + "\n6\n" + hash + "\nmore\n",
		"another text":      "hello\n",
	} {
		signed, err := note.Sign(&note.Note{Text: text}, evLogKey())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c, err := OpenCheckpoint(signed, evLogKey().String()); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: opened as %+v, %v, want ErrCheckpoint", name, c, err)
		}
		if c, err := ReadCheckpoint(signed); name != "another origin" && !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: read as %+v, %v, want ErrCheckpoint", name, c, err)
		}
	}
	good := evCheckpoint(t, evLogKey(), 6, tlog.Hash{1})
	for name, signed := range map[string][]byte{
		"nothing":       nil,
		"unsigned":      []byte(evCheckpointText(tlog.Hash{1})),
		"cut short":     good[:len(good)-1],
		"trailing data": append(slices.Clone(good), "x\n"...),
	} {
		if _, err := OpenCheckpoint(signed, evLogKey().String()); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: opened: %v, want ErrCheckpoint", name, err)
		}
		if _, err := ReadCheckpoint(signed); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: read: %v, want ErrCheckpoint", name, err)
		}
	}
	if _, err := OpenCheckpoint(good); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("no keys: %v, want ErrCheckpoint", err)
	}
	if _, err := OpenCheckpoint(good, "no key"); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("a key that is none: %v, want ErrCheckpoint", err)
	}
}

func TestCheckpointOrigin(t *testing.T) {
	for _, origin := range []string{"spredning.example/demo", "localhost:8080/a", "a", "a.no/B_c~d.e-f"} {
		if err := CheckOrigin(origin); err != nil {
			t.Errorf("%s: %v", origin, err)
		}
	}
	for _, origin := range []string{
		"", "https://a.no/x", "a.no/", "a.no//x", "/x", "A.no", "a b", "a+b", "a\nb", "-a", "a-", "a.no/ø", "a.no/x?y", strings.Repeat("a", 201),
	} {
		if err := CheckOrigin(origin); err == nil {
			t.Errorf("%q is taken", origin)
		}
		if _, err := NewLogKey(origin, evKey(1)); err == nil {
			t.Errorf("%q: a log key is made", origin)
		}
	}
}

// FuzzParseReceipt: a receipt that can be read is written back as one that
// reads the same; Verify never panics, and takes only what it was made of.
func FuzzParseReceipt(f *testing.F) {
	good := evReceipt(f)
	b, err := json.Marshal(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	for _, pointer := range []string{"/ledger", "/index", "/keys", "/proof", "/checkpoint"} {
		f.Add([]byte(evSet(f, string(b), pointer, "")))
	}
	f.Add([]byte(evSet(f, string(b), "/index", "-1")))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReceipt(b)
		if err != nil {
			if !errors.Is(err, ErrReceipt) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		assertReceiptRoundTrip(t, r)
		if _, _, err := r.Verify(evLogKey().String()); err == nil && !reflect.DeepEqual(r, good) {
			t.Fatalf("a forged receipt holds: %s", b)
		}
		if _, c, err := r.Verify(); err == nil && (c.Origin != r.Ledger || r.Index >= c.Size) {
			t.Fatalf("a receipt outside of its checkpoint holds: %s", b)
		}
	})
}

func assertReceiptRoundTrip(t *testing.T, r Receipt) {
	t.Helper()
	first, err := json.Marshal(r)
	if err != nil {
		t.Fatalf("writing %+v: %v", r, err)
	}
	again, err := ParseReceipt(first)
	if err != nil {
		t.Fatalf("%s\nis written and refused: %v", first, err)
	}
	if second, err := json.Marshal(again); err != nil || string(second) != string(first) {
		t.Fatalf("written again: %s, %v, want %s", second, err, first)
	}
}

// FuzzParseTLogProof: one receipt, one spelling.
func FuzzParseTLogProof(f *testing.F) {
	good := evReceipt(f)
	f.Add(good.TLogProof())
	f.Add([]byte(TLogProofHeader + "index 0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseTLogProof(b, evPublicKey)
		if err != nil {
			if !errors.Is(err, ErrReceipt) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if string(r.TLogProof()) != string(b) {
			t.Fatalf("%q\nis read and written as %q", b, r.TLogProof())
		}
		if _, _, err := r.Verify(evLogKey().String()); err == nil && !reflect.DeepEqual(r, good) {
			t.Fatalf("a forged proof holds: %q", b)
		}
	})
}

// FuzzCheckpoint: what can be read stands in the note's text as it would be
// written, and nothing is opened that the log's key has not signed.
func FuzzCheckpoint(f *testing.F) {
	good := evCheckpoint(f, evLogKey(), 6, tlog.Hash{1})
	f.Add(good)
	f.Add([]byte("a\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— a AAAAAAAA\n"))
	f.Fuzz(func(t *testing.T, signed []byte) {
		c, err := ReadCheckpoint(signed)
		if err != nil {
			if !errors.Is(err, ErrCheckpoint) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if text := fmt.Sprintf("%s\n%d\n%s\n\n", c.Origin, c.Size, c.Root); c.Size < 0 || !strings.HasPrefix(string(signed), text) {
			t.Fatalf("%q\nis read as %+v", signed, c)
		}
		if opened, err := OpenCheckpoint(signed, evLogKey().String()); err == nil && opened != (Checkpoint{evOrigin, 6, tlog.Hash{1}}) {
			t.Fatalf("a forged checkpoint opens: %q", signed)
		}
	})
}
