package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"spredning/ledger"
	"spredning/projections"
)

var here = actor{ledger: ledgerStatus{Ledger: "spredning.example/test"}, by: projections.Organisation{Organisation: ledger.Organisation{Orgnr: bergen}}}

func checkInnovation(d ledger.Innovation) error {
	return here.check(&ledger.Publication{Innovation: d})
}

// aboutInnovation is a survey by someone who types these lines.
func aboutInnovation(lang language, typed ...string) (survey[ledger.Innovation], *bytes.Buffer) {
	var said bytes.Buffer
	e := &env{lines: bufio.NewReader(strings.NewReader(strings.Join(append(typed, ""), "\n"))), err: &said, lang: languages[lang]}
	return survey[ledger.Innovation]{env: e, lang: lang, questions: innovationQuestions(lang, bergen, "2026-11-22"), check: checkInnovation}, &said
}

func TestExamplesAreGoodAnswers(t *testing.T) {
	examples(t, innovationQuestions(bokmål, bergen, "2026-11-22"), checkInnovation)
	examples(t, confirmationQuestions(nynorsk, "2020-01-01", "2024-11-22"), func(d ledger.Confirmation) error {
		d.Innovation, d.Revision = someID, strings.Repeat("0", 64)
		return here.check(&d)
	})
}

func examples[D any](t *testing.T, questions []question[D], check func(D) error) {
	t.Helper()
	var d D
	for _, q := range questions {
		if q.value(&d) != "" {
			t.Errorf("%s has a value in nothing", q.pointer)
		}
		if err := q.set(&d, q.example); err != nil || q.value(&d) != q.example {
			t.Errorf("%s: %q becomes %q, %v", q.pointer, q.example, q.value(&d), err)
		}
	}
	if err := check(d); err != nil {
		t.Error(err)
	}
	for _, q := range questions {
		if q.optional {
			if err := q.set(&d, ""); err != nil || q.value(&d) != "" {
				t.Errorf("%s is optional but stays %q, %v", q.pointer, q.value(&d), err)
			}
		}
	}
	if err := check(d); err != nil {
		t.Error(err)
	}
}

// Every field is asked for, but for what the command itself knows, and for
// attachments, which nobody types.
func TestEveryFieldIsAskedFor(t *testing.T) {
	covers(t, innovationQuestions(bokmål, "", ""), "attachments")
	covers(t, confirmationQuestions(bokmål, "", ""), "innovation", "revision", "attachments")
}

func covers[D any](t *testing.T, questions []question[D], but ...string) {
	t.Helper()
	var fields, asked []string
	for f := range reflect.TypeFor[D]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !slices.Contains(but, name) {
			fields = append(fields, "/data/"+name)
		}
	}
	for _, q := range questions {
		asked = append(asked, q.pointer)
	}
	if !slices.Equal(fields, asked) {
		t.Errorf("the fields are %v, asked for are %v", fields, asked)
	}
}

func TestConversation(t *testing.T) {
	s, said := aboutInnovation(nynorsk,
		"Ring 15057510061", "", "Heime",
		"Korleis det verkar",
		"9", "2",
		"983974724:600 883974832:300", "983974724 883974832",
		"own,own", "own 2",
		"kanskje", "nei",
		"i går", "31.1.2024",
		"",
		"ukjend", "",
		"http://spredning.example", "https://spredning.example/a https://spredning.example/b")
	var d ledger.Innovation
	if err := s.converse(&d, false); err != nil {
		t.Fatalf("%v after\n%s", err, said)
	}
	heime, korleis, no := "Heime", "Korleis det verkar", false
	want := ledger.Innovation{
		Title: ledger.Text{NN: &heime}, Summary: ledger.Text{NN: &korleis}, Kind: "product",
		Originators: []ledger.Originator{{Orgnr: bergen, Share: 500}, {Orgnr: stOlav, Share: 500}}, Funding: []ledger.Funding{"own", "rhf"},
		RegionalInitiative: &no, InUseSince: "2024-01-31", Links: []string{"https://spredning.example/a", "https://spredning.example/b"},
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("got %+v", d)
	}
	for _, m := range []message{personalData, wordNeeded, ruleChoice, ruleOriginators, ruleChoices, ruleDate, ruleID, ruleLinks} {
		if !strings.Contains(joined(said), nynorsk.say(m)) {
			t.Errorf("it never said %q", nynorsk.say(m))
		}
	}
}

// joined undoes the wrapping.
func joined(said *bytes.Buffer) string { return strings.Join(strings.Fields(said.String()), " ") }

func TestConversationAboutWhatIsThere(t *testing.T) {
	i, _ := full()
	s, said := aboutInnovation(english)
	if err := s.converse(&i, false); err != nil || said.Len() > 0 {
		t.Errorf("nothing is missing, but it says %v, %s", err, said)
	}

	i.Kind = "gadget" // as a file might have it
	s, said = aboutInnovation(english, "", "product")
	if err := s.converse(&i, false); err != nil || i.Kind != "product" || !strings.Contains(said.String(), "“gadget” is not accepted.") {
		t.Errorf("%v, %s, %s", err, i.Kind, said)
	}

	i.Attachments[0].SHA256 = "x"
	s, _ = aboutInnovation(english)
	var refusal *ledger.Refusal
	if err := s.converse(&i, false); !errors.As(err, &refusal) || refusal.Pointer != "/data/attachments/0/sha256" {
		t.Errorf("what nobody is asked for gives %v", err)
	}
}

// Going through all fields, an empty line keeps and a dash removes.
func TestConversationAboutAll(t *testing.T) {
	i, _ := full()
	want, _ := full()
	s, said := aboutInnovation(nynorsk, "Ny", "", "", "", "", "no", "", "-", "", "")
	if err := s.converse(&i, true); err != nil {
		t.Fatalf("%v after\n%s", err, said)
	}
	no := false
	want.Title, want.RegionalInitiative, want.Replaces = text("Hjemme", "Ny"), &no, nil
	if !reflect.DeepEqual(i, want) {
		t.Errorf("got %+v", i)
	}
}

func TestConversationThatEnds(t *testing.T) {
	s, _ := aboutInnovation(bokmål, "Tittel")
	if err := s.converse(new(ledger.Innovation), false); !errors.Is(err, errEnded) {
		t.Errorf("got %v", err)
	}
}

func TestYesNo(t *testing.T) {
	s, said := aboutInnovation(english, "what?", "Ja", "n")
	for _, want := range []bool{true, false} {
		if got, err := s.env.yesNo("Sure?"); err != nil || got != want {
			t.Errorf("got %t, %v", got, err)
		}
	}
	if !strings.Contains(said.String(), english.say(answerYesOrNo)) {
		t.Errorf("it said %s", said)
	}
	if _, err := s.env.yesNo("Sure?"); !errors.Is(err, errEnded) {
		t.Errorf("got %v", err)
	}
}

func TestCompleteListsAllThatIsMissing(t *testing.T) {
	s, _ := aboutInnovation(bokmål)
	i, _ := full()
	if err := s.complete(&i); err != nil {
		t.Error(err)
	}
	i.Summary, i.Funding, i.Replaces, i.Links = ledger.Text{}, nil, nil, nil
	var misuse misuseError
	if err := s.complete(&i); !errors.As(err, &misuse) || !strings.HasPrefix(err.Error(), "missing: summary (--summary), funding (--funding); ") {
		t.Errorf("got %v", err)
	}
	i, _ = full()
	i.InUseSince = "2020-02-30"
	var refusal *ledger.Refusal
	if err := s.complete(&i); !errors.As(err, &refusal) || refusal.Pointer != "/data/in_use_since" {
		t.Errorf("got %v", err)
	}
}

func TestOverlay(t *testing.T) {
	i, _ := full()
	want, _ := full()
	if err := overlay(&i, []byte("title: {en: At home}\nin_use_since: 2021-03-04\nlinks: []\nderived_from: null\n")); err != nil {
		t.Fatal(err)
	}
	en := "At home"
	want.Title, want.InUseSince, want.Links, want.DerivedFrom = ledger.Text{EN: &en}, "2021-03-04", []string{}, ""
	if !reflect.DeepEqual(i, want) {
		t.Errorf("got %+v", i)
	}
	for _, bad := range []string{"titel: {nb: x}", "- title", "title: x", "title: {nb: x", `{"kind":1}`} {
		if err := overlay(&i, []byte(bad)); err == nil || !reflect.DeepEqual(i, want) {
			t.Errorf("%q gives %v and %+v", bad, err, i)
		}
	}
}

func TestReadOriginators(t *testing.T) {
	for answer, want := range map[string]string{
		"983974724":                       "983974724:1000",
		"983974724:1000":                  "983974724:1000",
		"983974724:600, 883974832:400":    "983974724:600 883974832:400",
		"983974724 883974832 983971636":   "983974724:334 883974832:333 983971636:333",
		"983974724;883974832":             "983974724:500 883974832:500",
		"983974724:600 883974832":         "",
		"983974724:600 883974832:førti":   "",
		"983974724:600 883974832:400:100": "",
		"  ":                              "",
		"":                                "",
	} {
		got, err := readOriginators(answer)
		if originatorsValue(got) != want || (err != nil) != (want == "") {
			t.Errorf("%q gives %v, %v", answer, got, err)
		}
	}
}

func TestReadDate(t *testing.T) {
	for answer, want := range map[string]ledger.Date{
		"2026-11-22": "2026-11-22", "22.11.2026": "2026-11-22", "1.2.2026": "2026-02-01", "01.02.2026": "2026-02-01",
		"2026-02-30": "", "30.2.2026": "", "11/22/2026": "", "": "",
	} {
		if got, err := readDate(answer); got != want || (err != nil) != (want == "") {
			t.Errorf("%q gives %q, %v", answer, got, err)
		}
	}
}

func TestUnsignedBy(t *testing.T) {
	for _, c := range []struct {
		needed, signers, missing []ledger.Orgnr
		refused                  bool
	}{
		{needed: []ledger.Orgnr{"a", "b"}, signers: []ledger.Orgnr{"b", "a"}},
		{needed: []ledger.Orgnr{"a", "b", "c"}, signers: []ledger.Orgnr{"b"}, missing: []ledger.Orgnr{"a", "c"}},
		{needed: []ledger.Orgnr{"a"}, signers: []ledger.Orgnr{"a", "b"}, refused: true},
		{needed: []ledger.Orgnr{"a", "b"}, signers: []ledger.Orgnr{"a", "a"}, refused: true},
	} {
		if missing, err := unsignedBy(c.needed, c.signers); !slices.Equal(missing, c.missing) || (err != nil) != c.refused {
			t.Errorf("%v signed by %v: %v, %v", c.needed, c.signers, missing, err)
		}
	}
}

func TestConfirmable(t *testing.T) {
	i := projections.Innovation{ID: someID, Status: "published", Originators: []projections.Originator{{Orgnr: bergen}}}
	adopter := projections.Organisation{Organisation: ledger.Organisation{Orgnr: stOlav}}
	adopter.Adopted = []projections.Adopted{{Innovation: someID, Status: "ended"}, {Innovation: "another", Status: "confirmed"}}
	if err := confirmable(i, adopter); err != nil {
		t.Error(err)
	}
	if confirmable(i, here.by) == nil {
		t.Error("an originator may confirm")
	}
	withdrawn := i
	withdrawn.Status = "withdrawn"
	if confirmable(withdrawn, adopter) == nil {
		t.Error("a withdrawn innovation may be confirmed")
	}
	adopter.Adopted[0].Status = "confirmed"
	if confirmable(i, adopter) == nil {
		t.Error("it may be confirmed twice")
	}
}

func TestStaleSaysWhatToDo(t *testing.T) {
	refused := fmt.Errorf("submitting: %w", &answerError{Code: ledger.StaleRevision, Detail: "revised"})
	if err := stale(bokmål, someID, refused); !errors.Is(err, refused) || !strings.Contains(err.Error(), "spredning confirm "+someID) {
		t.Errorf("got %v", err)
	}
	other := errors.New("another")
	if stale(bokmål, someID, other) != other || stale(bokmål, someID, nil) != nil {
		t.Error("it speaks of what is not stale")
	}
}
