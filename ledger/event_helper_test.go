package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"spredning/keys"
)

const evOrigin = "spredning.example/test"

// evExamples has the data of an event of each type, with every member that it
// may have.
var evExamples = map[Type]string{
	LedgerFounded: `{"name":"Prøveloggen","illustrative":true,"authority":` + strings.Replace(evOrganisation, `"hf"`, `"authority"`, 1) +
		`,"keys":[` + evKeyJSON(1) + `,` + evKeyJSON(2) + `],"log_key":"` + evLogKey().String() + `"}`,
	LedgerAmended:          `{"log_key":"` + evLogKey().String() + `"}`,
	OrganisationRegistered: evOrganisation,
	OrganisationAmended:    evOrganisation,
	OrganisationSucceeded:  `{"predecessors":["983974724","983971636"],"successor":"983658725"}`,
	KeyEnrolled:            `{"organisation":"983974724","key":` + evKeyJSON(1) + `}`,
	KeyRevoked:             `{"key":"` + string(evKey(1).ID()) + `","reason":"lost","compromised_from":3}`,
	InnovationPublished:    `{` + evInnovation + `}`,
	InnovationRevised:      `{"innovation":"` + evULID + `",` + evInnovation + `}`,
	InnovationWithdrawn:    `{"innovation":"` + evULID + `","reason":{"nb":"Feil","en":"A mistake"}}`,
	InnovationMerged:       `{"innovation":"` + evULID + `","into":"` + evOtherULID + `","reason":{"nb":"Samme prosjekt","en":"The same project"}}`,
	InnovationDisputed:     `{"innovation":"` + evULID + `","reason":{"nb":"Er den lokal?","en":"Is it local?"}}`,
	InnovationAssessed:     `{"innovation":"` + evULID + `","revision":"` + evHash + `","eligible":true,"reason":{"nb":"Lokal","en":"Local"}}`,
	AdoptionInvited:        `{"innovation":"` + evULID + `","adopter":"983971636","note":{"nb":"Bruker dere den?","en":"Do you use it?"}}`,
	AdoptionDeclined:       `{"innovation":"` + evULID + `","reason":{"nb":"Nei","en":"No"}}`,
	AdoptionConfirmed: `{"innovation":"` + evULID + `","revision":"` + evHash + `","in_use_from":"2026-11-01","extent":"hospital","form":"adapted",` +
		`"funding":["own","rhf"],"replaces":{"nb":"Papir","en":"Paper"},"links":["https://example.no/a"],"attachments":[` + evAttachment + `]}`,
	AdoptionEnded:     `{"innovation":"` + evULID + `","ended_on":"2026-11-20","reason":{"nb":"Erstattet","en":"Replaced"}}`,
	AdoptionRetracted: `{"innovation":"` + evULID + `","reason":{"nb":"Feil","en":"A mistake"}}`,
	AdoptionDisputed:  `{"innovation":"` + evULID + `","adopter":"983971636","reason":{"nb":"Bare en pilot","en":"A pilot"}}`,
	DisputeWithdrawn:  `{"innovation":"` + evULID + `","adopter":"983971636"}`,
	DisputeDecided:    `{"innovation":"` + evULID + `","adopter":"983971636","upheld":true,"reason":{"nb":"En pilot","en":"A pilot"}}`,
	AttachmentErased:  `{"sha256":"` + evHash + `","reason":{"nb":"Et bilde viste en pasient","en":"A picture showed a patient"}}`,
	RulesPublished: `{"rules":{"id":"2026-a","from_year":2026,"basis":"adoption","originator":{"same_region":1,"other_region":2.5},` +
		`"adopter":{"same_region":0.25,"other_region":0.125},"eligible_kinds":["hf","private_nonprofit"],"own_funding_only":true,` +
		`"exclude_regional_initiatives":true,"lineage":"each","max_adoptions_per_innovation":0,"max_per_originator_adopter":2,"illustrative":true}}`,
	YearOpened: `{"year":2026,"report_by":"2027-03-01"}`,
	YearClosed: `{"year":2026}`,
}

const (
	evULID         = "01KAN8C2X0ABCDEFGHJKMNPQRS"
	evOtherULID    = "01KAN8C2X0ABCDEFGHJKMNPQRT"
	evHash         = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	evOrganisation = `{"orgnr":"983974724","name":"Helse Prøve HF","short":"Prøve","kind":"hf","region":"Helse Vest","parent":"983658725",` +
		`"municipality":"4601","lat":60.375,"lon":5.25,"measured_from":2015,"measured_to":2030,"contact":"innovasjon@helse-prove.example"}`
	evAttachment = `{"sha256":"` + evHash + `","media_type":"text/markdown","size":1200,"title":{"nb":"Fortelling","en":"Story"}}`
	evInnovation = `"title":{"nb":"Blå knapp","en":"Blue button"},"summary":{"nb":"En knapp.","en":"A button."},"kind":"product",` +
		`"originators":[{"orgnr":"983974724","share":600},{"orgnr":"983971636","share":400}],"funding":["own"],"regional_initiative":false,` +
		`"in_use_since":"2025-02-28","replaces":{"nb":"Grønn knapp","en":"Green button"},"derived_from":"` + evULID + `",` +
		`"links":["https://example.no/a","https://example.no/b?c=d#e"],"attachments":[` + evAttachment + `]`
)

// evOptional are the members that may be absent, wherever they stand.
var evOptional = []string{
	"region", "parent", "municipality", "contact", "measured_to", "links", "attachments",
	"replaces", "derived_from", "compromised_from", "report_by",
}

func evKey(n byte) *keys.Private { return keys.FromSeed([]byte(strings.Repeat(string(rune(n)), 32))) }

func evKeyJSON(n byte) string {
	public := base64.StdEncoding.EncodeToString(evKey(n).Bytes)
	return fmt.Sprintf(`{"scheme":"ed25519","public":%q,"roles":["admin","report"],"label":"Nøkkel %d"}`, public, n)
}

func evLogKey() *LogKey {
	k, err := NewLogKey(evOrigin, evKey(9))
	if err != nil {
		panic(err)
	}
	return k
}

// evTypes lists the types in a fixed order.
func evTypes() []Type { return slices.Sorted(maps.Keys(evExamples)) }

// evPayload gives the example of a type.
func evPayload(typ Type) string {
	return fmt.Sprintf(`{"ledger":%q,"id":"01KAN8C2X00000000000000001","type":%q,"by":"983974724","at":"2026-11-22T10:15:00Z","data":%s}`,
		evOrigin, typ, evExamples[typ])
}

// evSet changes the value that a JSON pointer names to raw JSON, or takes it
// out if raw is empty. A member that is not there is added.
func evSet(t testing.TB, payload, pointer, raw string) string {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(payload), &root); err != nil {
		t.Fatal(err)
	}
	path := strings.Split(pointer, "/")[1:]
	at := root
	for _, name := range path[:len(path)-1] {
		at = evStep(t, at, name)
	}
	switch last := path[len(path)-1]; holder := at.(type) {
	case map[string]any:
		holder[last] = jsontext.Value(raw)
		if raw == "" {
			delete(holder, last)
		}
	case []any:
		i, err := strconv.Atoi(last)
		if err != nil || i >= len(holder) || raw == "" {
			t.Fatalf("cannot set %s to %q", pointer, raw)
		}
		holder[i] = jsontext.Value(raw)
	default:
		t.Fatalf("%s leads nowhere", pointer)
	}
	b, err := json.Marshal(root, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func evStep(t testing.TB, at any, name string) any {
	t.Helper()
	switch holder := at.(type) {
	case map[string]any:
		return holder[name]
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i < len(holder) {
			return holder[i]
		}
	}
	t.Fatalf("no %q here", name)
	return nil
}

// evValue is a value somewhere in an example.
type evValue struct {
	pointer string
	value   any // string, float64, bool, []any or map[string]any
	member  bool
}

// name is the last part of the pointer.
func (v evValue) name() string { return v.pointer[strings.LastIndex(v.pointer, "/")+1:] }

// evWalk lists every value within an event, outer ones first.
func evWalk(t testing.TB, payload string) []evValue {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(payload), &root); err != nil {
		t.Fatal(err)
	}
	return evWithin("", root)
}

func evWithin(pointer string, v any) (all []evValue) {
	add := func(name string, v any, member bool) {
		p := pointer + "/" + name
		all = append(append(all, evValue{p, v, member}), evWithin(p, v)...)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			add(name, v[name], true)
		}
	case []any:
		for i, item := range v {
			add(strconv.Itoa(i), item, false)
		}
	}
	return all
}

// evEach runs check for every value of every example, in a test of its own.
func evEach(t *testing.T, check func(t *testing.T, payload string, v evValue)) {
	for _, typ := range evTypes() {
		payload := evPayload(typ)
		for _, v := range evWalk(t, payload) {
			t.Run(string(typ)+v.pointer, func(t *testing.T) { check(t, payload, v) })
		}
	}
}

// evAccepted checks that an event parses.
func evAccepted(t *testing.T, payload string) {
	t.Helper()
	if _, err := ParseEvent([]byte(payload)); err != nil {
		t.Errorf("refused: %v\n%s", err, payload)
	}
}

// evRefused checks code and pointer of the refusal of an event.
func evRefused(t *testing.T, payload string, code Code, pointer string) {
	t.Helper()
	_, err := ParseEvent([]byte(payload))
	var r *Refusal
	switch {
	case !errors.As(err, &r), r.Code != code || r.Pointer != pointer:
		t.Errorf("gives %v, want %s at %s:\n%s", err, code, pointer, payload)
	case r.Detail == "":
		t.Errorf("gives no detail:\n%s", payload)
	}
}

// evQuote gives s as a JSON string.
func evQuote(t testing.TB, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// evIdentityNumber makes a valid number for six digits of a date, of nobody:
// of the year 2039. The check digits are computed as Folkeregisteret describes
// them, k = 11 - (sum mod 11).
func evIdentityNumber(date string) string {
	for individual := 999; ; individual-- {
		s := date + strconv.Itoa(individual)
		for _, weights := range [][]int{{3, 7, 6, 1, 8, 9, 4, 5, 2}, {5, 4, 3, 2, 7, 6, 5, 4, 3, 2}} {
			sum := 0
			for i, w := range weights {
				sum += w * int(s[i]-'0')
			}
			s += strconv.Itoa((11 - sum%11) % 11) // a "10" makes the number too long
		}
		if len(s) == 11 {
			return s
		}
	}
}
