package main

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"spredning/ledger"
	"spredning/projections"
)

var verb = regexp.MustCompile(`%(\[\d\])?[a-z]`)

func TestNoMessageIsMissing(t *testing.T) {
	for m, in := range messages {
		for l, text := range in {
			if text == "" {
				t.Errorf("message %d has no text in %s; it is %q", m, languages[l], in)
			}
			if got, want := verb.FindAllString(text, -1), verb.FindAllString(in[english], -1); !slices.Equal(got, want) {
				t.Errorf("%q takes %q, in English %q", text, got, want)
			}
		}
	}
}

func TestLanguage(t *testing.T) {
	for code, want := range map[string]language{"": bokmål, "nb": bokmål, "nn": nynorsk, "en": english} {
		if got, err := (&env{lang: code}).language(); err != nil || got != want {
			t.Errorf("--lang %q gives %d, %v", code, got, err)
		}
	}
	var misuse misuseError
	if _, err := (&env{lang: "sv"}).language(); !errors.As(err, &misuse) {
		t.Errorf("--lang sv gives %v", err)
	}
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("å", 25)
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"en to tre", []string{"en to tre"}},
		{"en to tre fire", []string{"en to tre", "fire"}},
		{"a  b", []string{"a  b"}},
		{long, []string{long[:20], long[20:40], long[40:]}},
		{"a\x1b[2Jb", []string{"a\uFFFD[2Jb"}},
		{"a\u202eb", []string{"a\uFFFDb"}},
	} {
		if got := wrap(c.text, 10); !slices.Equal(got, c.want) {
			t.Errorf("%q becomes %q", c.text, got)
		}
	}
}

func text(nb, nn string) ledger.Text { return ledger.Text{NB: &nb, NN: &nn} }

const (
	bergen, stOlav = ledger.Orgnr("983974724"), ledger.Orgnr("883974832")
	someID         = "01GPGCMYTR0000000000000000"
)

// full gives data of a type with every field filled.
func full() (ledger.Innovation, ledger.Confirmation) {
	yes, replaces := true, text("Telefon", "Telefon, òg om kvelden")
	links := []string{"https://spredning.example/" + strings.Repeat("x", 100), "https://spredning.example/b"}
	files := []ledger.Attachment{{SHA256: strings.Repeat("ab", 32), MediaType: "application/pdf", Size: 4711, Title: text("Veileder", "Rettleiar")}}
	i := ledger.Innovation{
		Title: text("Hjemme", "Heime"), Summary: text(strings.Repeat("lang tekst ", 150)+"x", "Kort"), Kind: "process",
		Originators: []ledger.Originator{{Orgnr: bergen, Share: 667}, {Orgnr: stOlav, Share: 333}}, Funding: []ledger.Funding{"own", "eu"},
		RegionalInitiative: &yes, InUseSince: "2020-02-29", Replaces: &replaces, DerivedFrom: someID, Links: links, Attachments: files,
	}
	return i, ledger.Confirmation{
		Innovation: someID, Revision: strings.Repeat("0123456789abcdef", 4), InUseFrom: "2025-01-31", Extent: "trust", Form: "adapted",
		Funding: []ledger.Funding{"rhf", "other"}, Replaces: &replaces, Links: links, Attachments: files,
	}
}

// signed gives an event as it is read back from the bytes that are signed.
func signed(t *testing.T, data ledger.Data) (ledger.Event, []byte) {
	t.Helper()
	payload, err := newEvent("spredning.example/test", bergen, time.Now(), data).Encode()
	if err != nil {
		t.Fatal(err)
	}
	event, err := ledger.ParseEvent(payload)
	if err != nil {
		t.Fatal(err)
	}
	return event, payload
}

func spokenData() []ledger.Data {
	i, c := full()
	return []ledger.Data{&ledger.Publication{Innovation: i}, &ledger.Revision{Of: someID, Innovation: i}, &c}
}

// Whoever signs sees all that is signed: each value as it stands in the payload,
// or its words for a value of a closed list, in lines that fit.
func TestStatementsSayAll(t *testing.T) {
	for _, data := range spokenData() {
		event, payload := signed(t, data)
		var raw any
		if err := json.Unmarshal(payload, &raw); err != nil {
			t.Fatal(err)
		}
		for l := range languages {
			lines := statement(language(l), event, facts{trouble: errors.New("offline")})
			for _, line := range lines {
				if utf8.RuneCountInString(line) > columns {
					t.Errorf("too long: %q", line)
				}
			}
			shown := squeeze(strings.Join(lines, ""))
			for _, value := range values(language(l), raw) {
				if !strings.Contains(shown, squeeze(value)) {
					t.Errorf("%s in %s does not show %q", event.Type, languages[l], value)
				}
			}
		}
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// values gives what a statement must show of decoded JSON.
func values(l language, v any) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			switch name {
			case "type": // what the first paragraph says
			case "at":
				all = append(all, strings.NewReplacer("T", "", "Z", "").Replace(member.(string)))
			default:
				all = append(all, values(l, member)...)
			}
		}
	case []any:
		for _, element := range v {
			all = append(all, values(l, element)...)
		}
	case string:
		for _, choices := range [][]choice{innovationKinds, fundings, extents, forms} {
			v = l.words(choices, v)
		}
		all = append(all, v)
	case float64:
		all = append(all, strconv.Itoa(int(v)))
	case bool:
		all = append(all, l.words(yesOrNos, yesNoValue(&v)))
	}
	return all
}

func TestStatementsNameAndWarn(t *testing.T) {
	_, c := full()
	event, _ := signed(t, &c)
	i := projections.Innovation{ID: someID, Title: text("Hjemme", "Heime"), Revision: c.Revision, Originators: []projections.Originator{{Orgnr: stOlav, Name: "St. Olavs hospital HF"}}}
	f := facts{names: map[ledger.Orgnr]string{bergen: "Helse Bergen HF"}, innovations: map[string]projections.Innovation{someID: i}}
	said := func(f facts) string {
		return strings.Join(strings.Fields(strings.Join(statement(nynorsk, event, f), " ")), " ")
	}

	plain := said(f)
	for _, want := range []string{"Helse Bergen HF, 983974724", "Heime (" + someID + ")", "St. Olavs hospital HF", "ingen pilot, og Helse Bergen HF går god"} {
		if !strings.Contains(plain, want) {
			t.Errorf("does not say %q: %s", want, plain)
		}
	}
	revised := i
	revised.Revision = strings.Repeat("1", 64)
	for _, w := range []struct {
		message
		facts
	}{
		{demonstration, facts{names: f.names, innovations: f.innovations, illustrative: true}},
		{revisedSince, facts{names: f.names, innovations: map[string]projections.Innovation{someID: revised}}},
		{wordNotRegistered, facts{innovations: f.innovations}},
	} {
		want := nynorsk.say(w.message)
		if strings.Contains(plain, want) || !strings.Contains(said(w.facts), want) {
			t.Errorf("%q is said without reason, or not with one", want)
		}
	}
	if got := said(facts{trouble: errors.New("offline")}); !strings.Contains(got, nynorsk.say(notLookedUp, "offline")) || strings.Contains(got, nynorsk.say(wordNotRegistered)) {
		t.Errorf("without a ledger at hand it says %s", got)
	}
}

func TestOnlySomeEventsAreSpokenOf(t *testing.T) {
	for _, data := range spokenData() {
		if event, _ := signed(t, data); !spoken(event) {
			t.Errorf("%s is shown as YAML", event.Type)
		}
	}
	if event, _ := signed(t, &ledger.YearOpening{Year: 2026}); spoken(event) {
		t.Error("there are no words for year.opened")
	}
}

// The lists to choose from are the ledger's.
func TestChoicesAreTheLedgers(t *testing.T) {
	i, c := full()
	i.Kind = "x"
	wantChoices(t, &ledger.Publication{Innovation: i}, innovationKinds)
	i, _ = full()
	i.Funding = []ledger.Funding{"x"}
	wantChoices(t, &ledger.Publication{Innovation: i}, fundings)
	c.Extent = "x"
	wantChoices(t, &c, extents)
	_, c = full()
	c.Form = "x"
	wantChoices(t, &c, forms)
}

func wantChoices(t *testing.T, bad ledger.Data, choices []choice) {
	t.Helper()
	payload, err := newEvent("spredning.example/test", bergen, time.Now(), bad).Encode()
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(choices))
	for i, c := range choices {
		names[i] = c.name
	}
	_, err = ledger.ParseEvent(payload)
	var refusal *ledger.Refusal
	if !errors.As(err, &refusal) || refusal.Detail != "must be one of "+strings.Join(names, ", ") {
		t.Errorf("the choices are %v, the ledger says %v", names, err)
	}
}
