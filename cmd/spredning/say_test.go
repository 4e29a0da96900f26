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

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

var verb = regexp.MustCompile(`%(\[\d\])?[a-z]`)

func TestNoMessageIsMissing(t *testing.T) {
	all := append(slices.Clone(messages[:]), further...)
	for m, in := range all {
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

// otherID is another innovation's.
const otherID = "01GPFV6D801G26SCSKX2Z6X0Q5"

// spokenData is data of each type of event, with every field filled.
func spokenData() []ledger.Data {
	i, c := full()
	yes, no, none, some, from, to, lat, lon := true, false, 0, 3, 2003, 2030, 60.37, 5.36
	one, part, index, revision := ledger.Milli(1000), ledger.Milli(125), int64(17), strings.Repeat("ab", 32)
	why := text("Fordi det er slik", "Av di det er slik")
	org := ledger.Organisation{
		Orgnr: stOlav, Name: "St. Olavs hospital HF", Short: "St. Olav", Kind: ledger.KindHF, Region: "Helse Midt-Norge", Parent: "983658776",
		Municipality: "5001", Lat: &lat, Lon: &lon, MeasuredFrom: &from, MeasuredTo: &to, Contact: "innovasjon@stolav.no",
	}
	authority := org
	authority.Kind, authority.Parent = ledger.KindAuthority, ""
	key := enrolment(keys.FromSeed(make([]byte, 32)).Public, "innovasjonsrådgiver", ledger.Admin, ledger.Report, ledger.Assess)
	log, err := ledger.NewLogKey("spredning.example/test", keys.FromSeed(make([]byte, 32)))
	if err != nil {
		panic(err)
	}
	return []ledger.Data{
		&ledger.LedgerAmendment{LogKey: log.String()},
		&ledger.Founding{Name: "Spredning", Illustrative: &yes, Authority: authority, Keys: []ledger.Key{key}, LogKey: log.String()},
		&ledger.Registration{Organisation: org},
		&ledger.Amendment{Organisation: org},
		&ledger.Succession{Predecessors: []ledger.Orgnr{bergen, "983971636"}, Successor: stOlav},
		&ledger.Enrolment{Organisation: stOlav, Key: key},
		&ledger.Revocation{Key: key.PublicKey().ID(), Reason: "compromised", CompromisedFrom: &index},
		&ledger.Publication{Innovation: i},
		&ledger.Revision{Of: someID, Innovation: i},
		&ledger.Withdrawal{Innovation: someID, Reason: why},
		&ledger.Merger{Innovation: someID, Into: otherID, Reason: why},
		&ledger.AssessmentRequest{Innovation: someID, Reason: why},
		&ledger.Assessment{Innovation: someID, Revision: revision, Eligible: &no, Reason: why},
		&ledger.Assessment{Innovation: someID, Revision: revision, Eligible: &yes, Reason: why},
		&ledger.Invitation{Innovation: someID, Adopter: stOlav, Note: why},
		&ledger.Decline{Innovation: someID, Reason: why},
		&c,
		&ledger.Ending{Innovation: someID, EndedOn: "2025-12-31", Reason: why},
		&ledger.Retraction{Innovation: someID, Reason: why},
		&ledger.Dispute{Innovation: someID, Adopter: stOlav, Reason: why},
		&ledger.DisputeWithdrawal{Innovation: someID, Adopter: stOlav},
		&ledger.Decision{Innovation: someID, Adopter: stOlav, Upheld: &yes, Reason: why},
		&ledger.Decision{Innovation: someID, Adopter: stOlav, Upheld: &no, Reason: why},
		&ledger.RulesPublication{Rules: ledger.Rules{
			ID: "2026-a", FromYear: 2026, Basis: ledger.BasisProject, Originator: ledger.Values{SameRegion: &one, OtherRegion: &one},
			Adopter: ledger.Values{SameRegion: &part, OtherRegion: &part}, EligibleKinds: []ledger.Kind{"authority", "rhf", "hf", "private_nonprofit", "municipality", "other"},
			OwnFundingOnly: &yes, ExcludeRegionalInitiatives: &no, Lineage: ledger.LineageOnce,
			MaxAdoptionsPerInnovation: &none, MaxPerOriginatorAdopter: &some, Illustrative: &yes,
		}},
		&ledger.Erasure{SHA256: i.Attachments[0].SHA256, Reason: text("Et bilde viste en pasient", "Eit bilete viste ein pasient")},
		&ledger.YearOpening{Year: 2026, ReportBy: "2027-03-01"},
		&ledger.YearClosing{Year: 2026},
	}
}

// Nobody signs what the program has no words for: each type of event that the
// ledger takes is among those whose statements are tested below.
func TestThereAreWordsForEveryType(t *testing.T) {
	var spoken []ledger.Type
	for _, data := range spokenData() {
		spoken = append(spoken, ledger.TypeOf(data))
	}
	for _, kind := range ledger.Types() {
		if !slices.Contains(spoken, kind) {
			t.Errorf("there are no words for %s: add them to saying, and an example to spokenData", kind)
		}
	}
	if _, err := statement(bokmål, ledger.Event{Type: "of.tomorrow"}, facts{}); err == nil {
		t.Error("an event without words can be signed")
	}
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
			offline := errors.New("offline")
			lines, err := statement(language(l), event, facts{trouble: offline, openTrouble: offline})
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range lines {
				if utf8.RuneCountInString(line) > columns {
					t.Errorf("too long: %q", line)
				}
			}
			shown := squeeze(strings.Join(lines, ""))
			if strings.Contains(shown, "%!") {
				t.Errorf("%s in %s: %s", event.Type, languages[l], shown)
			}
			for _, value := range values(language(l), "", raw) {
				if !strings.Contains(shown, squeeze(value)) {
					t.Errorf("%s in %s does not show %q", event.Type, languages[l], value)
				}
			}
		}
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// closed are the lists that a field's values are of.
var closed = map[string][][]choice{
	"kind": {innovationKinds, organisationKinds}, "eligible_kinds": {organisationKinds}, "funding": {fundings}, "extent": {extents}, "form": {forms},
	"roles": {keyRoles}, "reason": {revocationReasons}, "basis": {bases}, "lineage": {lineages},
}

// values gives what a statement must show of a field in decoded JSON.
func values(l language, field string, v any) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			switch name {
			case "type": // what the first paragraph says
			case "at":
				all = append(all, strings.NewReplacer("T", "", "Z", "").Replace(member.(string)))
			default:
				all = append(all, values(l, name, member)...)
			}
		}
	case []any:
		for _, element := range v {
			all = append(all, values(l, field, element)...)
		}
	case string:
		for _, choices := range closed[field] {
			v = l.words(choices, v)
		}
		all = append(all, v)
	case float64:
		all = append(all, strconv.FormatFloat(v, 'f', -1, 64))
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
		return says(t, nynorsk, event, f)
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

// says gives a statement without its line breaks.
func says(t *testing.T, l language, event ledger.Event, f facts) string {
	t.Helper()
	lines, err := statement(l, event, f)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(strings.Join(lines, " ")), " ")
}

// Organisations and innovations are named, whatever the type of event, with the
// number or id beside.
func TestStatementsNameAllThatIsNamed(t *testing.T) {
	for _, data := range spokenData() {
		event, _ := signed(t, data)
		orgs, ids := named(event)
		f := facts{names: map[ledger.Orgnr]string{}, innovations: map[string]projections.Innovation{}}
		for _, o := range orgs {
			f.names[o] = "Sykehus nr. " + string(o)
		}
		for _, id := range ids {
			f.innovations[id] = projections.Innovation{ID: id, Title: text("Nemning "+id, "Nemning "+id), Originators: []projections.Originator{{Name: "Opphavet"}}}
		}
		said := says(t, english, event, f)
		registers := event.Type == ledger.LedgerFounded || event.Type == ledger.OrganisationRegistered || event.Type == ledger.OrganisationAmended
		for o, name := range f.names {
			if registers && o == stOlav {
				continue // called as it is to be called from now on
			}
			if !strings.Contains(said, name+", "+string(o)) {
				t.Errorf("%s does not name %s: %s", event.Type, o, said)
			}
		}
		for id := range f.innovations {
			if !strings.Contains(said, "Nemning "+id+" ("+id+")") {
				t.Errorf("%s does not name %s: %s", event.Type, id, said)
			}
		}
		if strings.Contains(said, english.say(wordNotRegistered)) {
			t.Errorf("%s asks for a name that is not looked up: %s", event.Type, said)
		}
	}
}

func TestStatementsOfTheCommittee(t *testing.T) {
	revision := strings.Repeat("1", 64)
	f := facts{innovations: map[string]projections.Innovation{someID: {ID: someID, Title: text("Hjemme", "Heime"), Revision: revision}}}
	for _, data := range spokenData() {
		event, _ := signed(t, data)
		said := says(t, bokmål, event, f)
		wantCommittee := event.Type == ledger.InnovationAssessed || event.Type == ledger.DisputeDecided
		if got := strings.Contains(said, bokmål.say(committeeSigns)); got != wantCommittee {
			t.Errorf("%s: the committee is told of: %t", event.Type, got)
		}
		if got := strings.Contains(said, bokmål.say(assessedSince)); got != (event.Type == ledger.InnovationAssessed) {
			t.Errorf("%s: the revision is told of: %t", event.Type, got)
		}
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
	org := ledger.Organisation{Orgnr: stOlav, Name: "x", Short: "x", Kind: "x"}
	wantChoices(t, &ledger.Registration{Organisation: org}, organisationKinds)
	key := enrolment(keys.FromSeed(make([]byte, 32)).Public, "x", "x")
	wantChoices(t, &ledger.Enrolment{Organisation: stOlav, Key: key}, keyRoles)
	wantChoices(t, &ledger.Revocation{Key: key.PublicKey().ID(), Reason: "x"}, revocationReasons)
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
