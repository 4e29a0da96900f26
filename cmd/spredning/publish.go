package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// publishing is what spredning publish was called with.
type publishing struct {
	by, revise   string
	paths        []string
	out, receipt string
	share, yes   bool
	attached     files
}

func publishCommand(e *env) *cobra.Command {
	var p publishing
	cmd := &cobra.Command{
		Use:   "publish [FILE] --key FILE…",
		Short: "Publish an innovation that your hospital has made, or revise it",
		Long: `Publish an innovation.

FILE (- for standard input) has the data of innovation.published as YAML or JSON:
title, summary, kind, originators, funding, regional_initiative, in_use_since and
perhaps replaces, derived_from, links and attachments; quote organisation numbers
in YAML. Flags go before FILE. What is missing is asked for on a terminal. Without
originators your organisation is the only one.

An attachment is written as {file: story.md, title: {nb: Slik gikk det}}, the file
beside FILE: a story in Markdown, a picture (PNG, JPEG, WebP) or a PDF, at most 5
MiB. Its hash goes into the event, and the file is sent once that is accepted.

What the ledger has that is similar is shown first, since the same project must not
be registered twice. On a terminal you are asked whether it is one of those.

What is about to be signed is shown in plain language, too. If others have made
the innovation with you, they must sign, too: the half-signed event is written to
a file for them, or posted at the ledger as a draft with --share, and nothing is
submitted yet.

With --revise a published innovation is changed: FILE and flags replace the fields
that they name, the rest stays; without either you are asked field by field.

Write no personal data: nothing can be taken out of the ledger again.`,
		Example: `  spredning publish --key keys/bergen
  spredning publish innovation.yaml --key keys/bergen --receipt receipt.json
  spredning publish --revise 01GPGCMYTR0000000000000000 --since 2013-04-02 --key keys/bergen`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return p.run(cmd, e, args) },
	}
	answerFlags(cmd, innovationQuestions(bokmål, "", ""))
	cmd.Flags().StringVar(&p.by, "by", "", "organisation that acts (default: the first key's)")
	cmd.Flags().StringVar(&p.revise, "revise", "", "`ID` of the innovation to revise")
	cmd.Flags().StringArrayVar(&p.paths, "key", nil, "key file that signs; may be given again (or SPREDNING_KEY)")
	cmd.Flags().StringVar(&p.out, "out", "", "file for the half-signed event, if others must sign (default innovation-ID.json)")
	cmd.Flags().BoolVar(&p.share, "share", false, "post the half-signed event as a draft, if others must sign")
	cmd.Flags().BoolVar(&p.yes, "yes", false, "do not ask before signing")
	receiptFlag(cmd, &p.receipt)
	urlFlag(cmd, e)
	return cmd
}

func (p *publishing) run(cmd *cobra.Command, e *env, args []string) error {
	if p.share && p.out != "" {
		return misuse("--share goes without --out: the event is posted, not written to a file")
	}
	ctx := cmd.Context()
	a, err := e.actor(ctx, p.paths, p.by)
	if err != nil {
		return err
	}
	d, before, err := p.start(ctx, a)
	if err != nil {
		return err
	}
	if err := p.fill(cmd, e, a, args, &d); err != nil {
		return err
	}
	missing, err := unsignedBy(union(before, originators(d.Originators)), a.owners)
	if err != nil {
		return err
	}
	if p.revise == "" {
		if err := e.compare(ctx, a, d, p.yes); err != nil {
			return err
		}
	}
	payload, err := a.payload(p.data(d))
	if err != nil {
		return err
	}
	envelope := keys.Envelope{Payload: payload}
	if err := e.sign(&envelope, a.signers, p.yes); err != nil {
		return err
	}
	if len(missing) > 0 && p.share {
		return e.share(ctx, a.client, envelope)
	}
	if len(missing) > 0 {
		return p.handOver(ctx, e, a, envelope, missing)
	}
	return e.submitWith(ctx, a.client, envelope.Encode(), p.receipt, p.attached)
}

// start gives what to begin with: nothing, or the innovation to revise and its
// originators so far, who must sign.
func (p *publishing) start(ctx context.Context, a actor) (d ledger.Innovation, before []ledger.Orgnr, err error) {
	if p.revise == "" {
		return d, nil, nil
	}
	i, err := a.client.known(ctx, p.revise)
	if err != nil {
		return d, nil, err
	}
	d = fieldsOf(i)
	before = originators(d.Originators)
	switch {
	case i.Status == "withdrawn":
		return d, nil, fmt.Errorf("innovation %s is withdrawn; publish it anew instead", i.ID)
	case !slices.Contains(before, a.by.Orgnr):
		return d, nil, fmt.Errorf("%s is no originator of innovation %s; only its originators revise it", a.by.Orgnr, i.ID)
	}
	return d, before, nil
}

// known gives an innovation that must be there.
func (c *client) known(ctx context.Context, id string) (i projections.Innovation, err error) {
	if ledger.InnovationID(id).IsZero() {
		return i, misuse("%q is no innovation's id: a ULID of 26 upper-case characters", id)
	}
	if i, err = c.innovation(ctx, id); notFound(err) {
		err = fmt.Errorf("there is no innovation %s at %s", id, c.base)
	}
	return i, err
}

// fieldsOf gives an innovation's fields as its originators stated them.
func fieldsOf(i projections.Innovation) ledger.Innovation {
	d := ledger.Innovation{
		Title: i.Title, Summary: i.Summary, Kind: i.Kind, Funding: i.Funding, RegionalInitiative: &i.RegionalInitiative,
		InUseSince: i.InUseSince, Replaces: i.Replaces, DerivedFrom: i.DerivedFrom, Links: i.Links,
	}
	for _, file := range i.Attachments {
		d.Attachments = append(d.Attachments, file.Attachment)
	}
	for _, o := range i.Originators {
		d.Originators = append(d.Originators, ledger.Originator{Orgnr: o.Orgnr, Share: o.Share})
	}
	return d
}

// fill takes the fields from FILE, from flags and from the person at the
// terminal, in that order.
func (p *publishing) fill(cmd *cobra.Command, e *env, a actor, args []string, d *ledger.Innovation) error {
	s := survey[ledger.Innovation]{
		env: e, lang: a.lang, questions: innovationQuestions(a.lang, a.by.Orgnr, ledger.DateOf(time.Now())),
		check: func(d ledger.Innovation) error { return p.check(cmd.Context(), a, d) },
	}
	var err error
	if p.attached, err = readFields(e, args, d); err != nil {
		return err
	}
	given, err := flagged(cmd, s.questions, d)
	if err != nil {
		return err
	}
	given = given || len(args) > 0
	if len(d.Originators) == 0 && (given || !e.terminal()) {
		d.Originators = []ledger.Originator{{Orgnr: a.by.Orgnr, Share: 1000}}
	}
	if !e.terminal() {
		return s.complete(d)
	}
	e.tell(a.lang.say(noPersonalData))
	return s.converse(d, p.revise != "" && !given)
}

// data gives the event's data.
func (p *publishing) data(d ledger.Innovation) ledger.Data {
	if p.revise != "" {
		return &ledger.Revision{Of: p.revise, Innovation: d}
	}
	return &ledger.Publication{Innovation: d}
}

// check says what the ledger would have against the data, as far as can be known
// before all have signed.
func (p *publishing) check(ctx context.Context, a actor, d ledger.Innovation) error {
	if err := a.check(p.data(d)); err != nil {
		return err
	}
	makers := originators(d.Originators)
	if p.revise == "" && !slices.Contains(makers, a.by.Orgnr) {
		return &ledger.Refusal{Code: ledger.NotAuthorised, Pointer: "/data/originators", Detail: fmt.Sprintf("%s, which publishes, must be an originator", a.by.Orgnr)}
	}
	for _, o := range makers {
		if _, err := a.client.organisation(ctx, o); notFound(err) {
			return &ledger.Refusal{Code: ledger.UnknownOrganisation, Pointer: "/data/originators", Detail: fmt.Sprintf("%s is not registered", o)}
		} else if err != nil {
			return err
		}
	}
	if d.DerivedFrom == "" {
		return nil
	}
	_, err := a.client.innovation(ctx, d.DerivedFrom)
	if notFound(err) || d.DerivedFrom == p.revise {
		return &ledger.Refusal{Code: ledger.UnknownInnovation, Pointer: "/data/derived_from", Detail: "must be the id of another innovation in the ledger"}
	}
	return err
}

func union(a, b []ledger.Orgnr) []ledger.Orgnr {
	all := slices.Clone(a)
	for _, o := range b {
		if !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	return all
}

// unsignedBy gives those who must sign and whose key is not among the signers'.
// A key that need not sign would make the event inadmissible.
func unsignedBy(needed, signers []ledger.Orgnr) (missing []ledger.Orgnr, err error) {
	for i, o := range signers {
		if !slices.Contains(needed, o) {
			return nil, fmt.Errorf("a key of %s is not needed here, since that is no originator; leave its --key out", o)
		}
		if slices.Contains(signers[:i], o) {
			return nil, fmt.Errorf("%s signs once; leave its other --key out", o)
		}
	}
	for _, o := range needed {
		if !slices.Contains(signers, o) {
			missing = append(missing, o)
		}
	}
	return missing, nil
}

// handOver writes the half-signed event to a file and says how it goes on.
func (p *publishing) handOver(ctx context.Context, e *env, a actor, envelope keys.Envelope, missing []ledger.Orgnr) error {
	event, err := ledger.ParseEvent(envelope.Payload)
	if err != nil {
		return err
	}
	file := cmp.Or(p.out, "innovation-"+event.ID.String()+".json")
	if err := e.writeOutput(file, append(envelope.Encode(), '\n')); err != nil {
		return err
	}
	if e.json {
		return e.printJSON(struct {
			File    string         `json:"file"`
			Missing []ledger.Orgnr `json:"missing"`
		}{file, missing})
	}
	e.tell(a.lang.say(mustSignToo))
	for _, o := range missing {
		org, err := a.client.organisation(ctx, o)
		if err != nil {
			return err
		}
		e.tell("  " + org.Name + ", " + string(o))
	}
	e.tell(a.lang.say(signLikeThis, file))
	fmt.Fprintf(e.err, "  spredning sign --key %s \\\n      --out %s \\\n      %s\n", a.lang.say(wordKeyFile), file, file)
	e.tell(a.lang.say(thenSubmit))
	fmt.Fprintf(e.err, "  spredning submit %s\n", strings.Join(append([]string{file}, p.attached.paths()...), " --attach "))
	return nil
}

var innovationKinds = []choice{
	{name: "service", words: wordService},
	{name: "product", words: wordProduct},
	{name: "process", words: wordProcess},
	{name: "organisation", words: wordOrganising},
	{name: "communication", words: wordCommunication},
}

var yesOrNos = []choice{
	{name: "yes", words: wordYes, short: []string{"y", "j", "ja", "true"}},
	{name: "no", words: wordNo, short: []string{"n", "nei", "false"}},
}

// innovationQuestions are the questions about an innovation, in the order of its
// fields.
func innovationQuestions(l language, by ledger.Orgnr, today ledger.Date) []question[ledger.Innovation] {
	type d = ledger.Innovation
	return []question[d]{
		{
			pointer: "/data/title", flag: "title", usage: "title, `TEXT` in the language of --lang",
			prompt: l.say(askTitle), rule: l.say(ruleTitle), example: "x",
			value: func(d *d) string { return l.of(d.Title) },
			set:   func(d *d, s string) error { d.Title = textWith(d.Title, l, s); return nil },
		},
		{
			pointer: "/data/summary", flag: "summary", usage: "summary, `TEXT` in the language of --lang",
			prompt: l.say(askSummary), rule: l.say(ruleSummary), example: "x",
			value: func(d *d) string { return l.of(d.Summary) },
			set:   func(d *d, s string) error { d.Summary = textWith(d.Summary, l, s); return nil },
		},
		{
			pointer: "/data/kind", flag: "kind", usage: "`KIND`: service, product, process, organisation or communication",
			prompt: l.say(askKind), rule: l.say(ruleChoice), choices: innovationKinds, example: "service",
			value: func(d *d) string { return d.Kind },
			set:   func(d *d, s string) (err error) { d.Kind, err = choose(innovationKinds, s); return err },
		},
		{
			pointer: "/data/originators", flag: "originator", repeated: true, usage: "who made it, `ORGNR:SHARE` in permille; may be given again",
			prompt: l.say(askOriginators), rule: l.say(ruleOriginators), initial: string(by) + ":1000", example: string(by) + ":1000",
			value: func(d *d) string { return originatorsValue(d.Originators) },
			set:   func(d *d, s string) (err error) { d.Originators, err = readOriginators(s); return err },
		},
		{
			pointer: "/data/funding", flag: "funding", usage: "`SOURCES` of money: own, rhf, nfr, eu, innovation_norway, other; separated by commas",
			prompt: l.say(askFunding), rule: l.say(ruleChoices), choices: fundings, example: "own",
			value: func(d *d) string { return fundingValue(d.Funding) },
			set:   func(d *d, s string) (err error) { d.Funding, err = chooseFunding(s); return err },
		},
		{
			pointer: "/data/regional_initiative", flag: "regional", usage: "`yes|no`: part of a regional or national programme or procurement",
			prompt: l.say(askRegional), rule: l.say(ruleChoice), choices: yesOrNos, example: "no",
			value: func(d *d) string { return yesNoValue(d.RegionalInitiative) },
			set:   setRegional,
		},
		{
			pointer: "/data/in_use_since", flag: "since", usage: "`DATE` since when it is in use where it was made",
			prompt: l.say(askSince), rule: l.say(ruleDate), initial: string(today), example: "2020-01-01",
			value: func(d *d) string { return string(d.InUseSince) },
			set:   func(d *d, s string) (err error) { d.InUseSince, err = readDate(s); return err },
		},
		{
			pointer: "/data/replaces", flag: "replaces", usage: "what it replaces, `TEXT` in the language of --lang", optional: true,
			prompt: l.say(askReplaces), rule: l.say(ruleReplaces), example: "x",
			value: func(d *d) string { return optionalTextIn(d.Replaces, l) },
			set:   func(d *d, s string) error { d.Replaces = optionalText(d.Replaces, l, s); return nil },
		},
		{
			pointer: "/data/derived_from", flag: "derived-from", usage: "`ID` of the innovation that it is derived from", optional: true,
			prompt: l.say(askDerived), rule: l.say(ruleID), example: "01GPGCMYTR0000000000000000",
			value: func(d *d) string { return d.DerivedFrom },
			set:   func(d *d, s string) error { d.DerivedFrom = strings.ToUpper(s); return nil },
		},
		{
			pointer: "/data/links", flag: "link", repeated: true, usage: "`URL` of more about it; may be given again", optional: true,
			prompt: l.say(askLinks), rule: l.say(ruleLinks), example: "https://spredning.example/",
			value: func(d *d) string { return strings.Join(d.Links, " ") },
			set:   func(d *d, s string) error { d.Links = strings.Fields(s); return nil },
		},
	}
}

func yesNoValue(b *bool) string {
	switch {
	case b == nil:
		return ""
	case *b:
		return "yes"
	}
	return "no"
}

func setRegional(d *ledger.Innovation, s string) error {
	name, err := choose(yesOrNos, s)
	if err != nil {
		return err
	}
	regional := name == "yes"
	d.RegionalInitiative = &regional
	return nil
}

func originatorsValue(os []ledger.Originator) string {
	all := make([]string, len(os))
	for i, o := range os {
		all[i] = fmt.Sprintf("%s:%d", o.Orgnr, o.Share)
	}
	return strings.Join(all, " ")
}

// readOriginators reads "983974724:600 883974832:400". Where no shares are given
// it is split equally, the first taking the rest.
func readOriginators(answer string) (os []ledger.Originator, err error) {
	parts := separate(answer)
	if len(parts) == 0 {
		return nil, errors.New("must be like 983974724:600 883974832:400")
	}
	if !strings.Contains(answer, ":") {
		return equalShares(parts), nil
	}
	for _, p := range parts {
		orgnr, share, _ := strings.Cut(p, ":")
		n, err := strconv.Atoi(share)
		if err != nil {
			return nil, fmt.Errorf("%s needs a share in permille, like %s:600", orgnr, orgnr)
		}
		os = append(os, ledger.Originator{Orgnr: ledger.Orgnr(orgnr), Share: n})
	}
	return os, nil
}

func equalShares(orgnrs []string) (os []ledger.Originator) {
	for _, o := range orgnrs {
		os = append(os, ledger.Originator{Orgnr: ledger.Orgnr(o), Share: 1000 / len(orgnrs)})
	}
	os[0].Share += 1000 % len(orgnrs)
	return os
}

// innovationRows are an innovation's fields in plain language.
func innovationRows(l language, d ledger.Innovation, f facts) []row {
	rows := texts(l.say(labelTitle), &d.Title)
	rows = append(rows, texts(l.say(labelSummary), &d.Summary)...)
	rows = append(rows, row{l.say(labelKind), l.words(innovationKinds, d.Kind)})
	for _, o := range d.Originators {
		rows = append(rows, row{l.say(labelOriginators), f.organisation(l, o.Orgnr) + ": " + l.say(wordShare, o.Share)})
	}
	rows = append(rows,
		row{l.say(labelFunding), l.words(fundings, names(d.Funding)...)},
		row{l.say(labelRegional), l.words(yesOrNos, yesNoValue(d.RegionalInitiative))},
		row{l.say(labelSince), string(d.InUseSince)})
	rows = append(rows, texts(l.say(labelReplaces), d.Replaces)...)
	if d.DerivedFrom != "" {
		rows = append(rows, row{l.say(labelDerived), f.innovation(l, d.DerivedFrom)})
	}
	return append(rows, l.references(d.Links, d.Attachments)...)
}
