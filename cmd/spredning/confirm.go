package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// confirming is what spredning confirm was called with.
type confirming struct {
	by, key, receipt string
	yes              bool
	attached         files
}

func confirmCommand(e *env) *cobra.Command {
	var c confirming
	cmd := &cobra.Command{
		Use:   "confirm ID [FILE] --key FILE",
		Short: "Confirm that your hospital has taken an innovation into use",
		Long: `Confirm that your organisation has taken the innovation ID into regular use.
A pilot is not an adoption: confirm only what is in regular use, and vouched for.

FILE (- for standard input) has the data of adoption.confirmed as YAML or JSON,
without innovation and revision: in_use_from, extent, form, funding and perhaps
replaces, links and attachments. Flags go before FILE. What is missing is asked
for on a terminal. Attachments are written as {file: story.md, title: {nb: …}}, as
spredning publish --help tells.

What is about to be signed is shown in plain language first. The confirmation is
about the innovation as it is described now; should its originators revise it
before you have signed, nothing is registered and you read it anew.

Write no personal data: nothing can be taken out of the ledger again.`,
		Example: `  spredning confirm 01GPGCMYTR0000000000000000 --key keys/sunnaas
  spredning confirm 01GPGCMYTR0000000000000000 --key keys/sunnaas \
      --from 2026-01-15 --extent hospital --form adapted --funding own`,
		Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, e, args[0], args[1:]) },
	}
	answerFlags(cmd, confirmationQuestions(bokmål, "", ""))
	cmd.Flags().StringVar(&c.by, "by", "", "organisation that acts (default: the key's)")
	cmd.Flags().StringVar(&c.key, "key", "", "key file that signs (or SPREDNING_KEY)")
	cmd.Flags().BoolVar(&c.yes, "yes", false, "do not ask before signing")
	receiptFlag(cmd, &c.receipt)
	urlFlag(cmd, e)
	return cmd
}

func (c *confirming) run(cmd *cobra.Command, e *env, id string, args []string) error {
	ctx := cmd.Context()
	a, err := e.actor(ctx, c.paths(), c.by)
	if err != nil {
		return err
	}
	i, err := a.client.known(ctx, id)
	if err != nil {
		return err
	}
	if err := confirmable(i, a.by); err != nil {
		return err
	}
	d, err := c.fill(cmd, e, a, i, args)
	if err != nil {
		return err
	}
	payload, err := a.payload(&d)
	if err != nil {
		return err
	}
	envelope := keys.Envelope{Payload: payload}
	if err := e.sign(&envelope, a.signers, c.yes); err != nil {
		return err
	}
	return stale(a.lang, id, e.submitWith(ctx, a.client, envelope.Encode(), c.receipt, c.attached))
}

func (c *confirming) paths() []string {
	if c.key == "" {
		return nil
	}
	return []string{c.key}
}

// confirmable says before anything is asked what the ledger would refuse in any
// case.
func confirmable(i projections.Innovation, by projections.Organisation) error {
	if i.Status == "withdrawn" {
		return fmt.Errorf("innovation %s is withdrawn; it takes no new confirmations", i.ID)
	}
	if slices.ContainsFunc(i.Originators, func(o projections.Originator) bool { return o.Orgnr == by.Orgnr }) {
		return fmt.Errorf("%s is an originator of innovation %s; another organisation confirms that it has adopted it", by.Orgnr, i.ID)
	}
	for _, a := range by.Adopted {
		if a.Innovation == i.ID && a.Status == projections.Confirmed.String() {
			return fmt.Errorf("%s has confirmed innovation %s already; nothing more is needed", by.Orgnr, i.ID)
		}
	}
	return nil
}

// stale tells what to do if the innovation was revised meanwhile.
func stale(l language, id string, err error) error {
	var answer *answerError
	if errors.As(err, &answer) && answer.Code == ledger.StaleRevision {
		return fmt.Errorf("%w\n%s", err, l.say(staleRevision, id))
	}
	return err
}

// fill takes the fields from FILE, from flags and from the person at the
// terminal, in that order.
func (c *confirming) fill(cmd *cobra.Command, e *env, a actor, i projections.Innovation, args []string) (d ledger.Confirmation, err error) {
	s := survey[ledger.Confirmation]{
		env: e, lang: a.lang, questions: confirmationQuestions(a.lang, i.InUseSince, ledger.DateOf(time.Now())),
		check: func(d ledger.Confirmation) error { return checkConfirmation(a, i, d) },
	}
	if c.attached, err = readFields(e, args, &d); err != nil {
		return d, err
	}
	if d.Innovation != "" || d.Revision != "" {
		return d, misuse("%s: leave innovation and revision out; ID says which, and the revision is the one you are shown", args[0])
	}
	d.Innovation, d.Revision = i.ID, i.Revision
	if _, err := flagged(cmd, s.questions, &d); err != nil {
		return d, err
	}
	if !e.terminal() {
		return d, s.complete(&d)
	}
	c.introduce(e, a, i)
	return d, s.converse(&d, false)
}

// introduce says what it is about before anything is asked.
func (c *confirming) introduce(e *env, a actor, i projections.Innovation) {
	e.tell(a.lang.of(i.Title))
	e.tell(makers(i))
	fmt.Fprintln(e.err)
	if a.ledger.Illustrative {
		e.tell(a.lang.say(demonstration))
	}
	e.tell(a.lang.say(noPilot))
	e.tell(a.lang.say(noPersonalData))
}

func makers(i projections.Innovation) string {
	all := make([]string, len(i.Originators))
	for k, o := range i.Originators {
		all[k] = o.Name
	}
	return strings.Join(all, "; ")
}

// checkConfirmation says what the ledger would have against the data.
func checkConfirmation(a actor, i projections.Innovation, d ledger.Confirmation) error {
	if err := a.check(&d); err != nil {
		return err
	}
	if d.InUseFrom < i.InUseSince {
		return &ledger.Refusal{
			Code: ledger.InvalidField, Pointer: "/data/in_use_from",
			Detail: fmt.Sprintf("is before %s, since when the innovation is in use where it was made", i.InUseSince),
		}
	}
	return nil
}

var extents = []choice{
	{name: "unit", words: wordUnit}, {name: "hospital", words: wordHospital}, {name: "trust", words: wordTrust},
}

var forms = []choice{{name: "as_is", words: wordAsIs}, {name: "adapted", words: wordAdapted}}

// confirmationQuestions are the questions about an adoption, in the order of its
// fields. The innovation is in use since a date where it was made.
func confirmationQuestions(l language, since, today ledger.Date) []question[ledger.Confirmation] {
	type d = ledger.Confirmation
	return []question[d]{
		{
			pointer: "/data/in_use_from", flag: "from", usage: "`DATE` from which it is in regular use",
			prompt: l.say(askFrom), rule: l.say(ruleFrom, since), initial: string(today), example: string(today),
			value: func(d *d) string { return string(d.InUseFrom) },
			set:   func(d *d, s string) (err error) { d.InUseFrom, err = readDate(s); return err },
		},
		{
			pointer: "/data/extent", flag: "extent", usage: "`EXTENT` of use: unit, hospital or trust",
			prompt: l.say(askExtent), rule: l.say(ruleChoice), choices: extents, example: "unit",
			value: func(d *d) string { return d.Extent },
			set:   func(d *d, s string) (err error) { d.Extent, err = choose(extents, s); return err },
		},
		{
			pointer: "/data/form", flag: "form", usage: "`FORM` in which it is in use: as_is or adapted",
			prompt: l.say(askForm), rule: l.say(ruleChoice), choices: forms, example: "as_is",
			value: func(d *d) string { return d.Form },
			set:   func(d *d, s string) (err error) { d.Form, err = choose(forms, s); return err },
		},
		{
			pointer: "/data/funding", flag: "funding", usage: "`SOURCES` of money: own, rhf, nfr, eu, innovation_norway, other; separated by commas",
			prompt: l.say(askFundingHere), rule: l.say(ruleChoices), choices: fundings, example: "own",
			value: func(d *d) string { return fundingValue(d.Funding) },
			set:   func(d *d, s string) (err error) { d.Funding, err = chooseFunding(s); return err },
		},
		{
			pointer: "/data/replaces", flag: "replaces", usage: "what it has replaced, `TEXT` in the language of --lang", optional: true,
			prompt: l.say(askReplacesHere), rule: l.say(ruleReplaces), example: "x",
			value: func(d *d) string { return optionalTextIn(d.Replaces, l) },
			set:   func(d *d, s string) error { d.Replaces = optionalText(d.Replaces, l, s); return nil },
		},
		{
			pointer: "/data/links", flag: "link", repeated: true, usage: "`URL` of more about it; may be given again", optional: true,
			prompt: l.say(askLinks), rule: l.say(ruleLinks), example: "https://spredning.example/",
			value: func(d *d) string { return strings.Join(d.Links, " ") },
			set:   func(d *d, s string) error { d.Links = strings.Fields(s); return nil },
		},
	}
}

// confirmationRows are a confirmation's fields in plain language, with what the
// innovation is called and who made it.
func confirmationRows(l language, d *ledger.Confirmation, f facts) (rows []row) {
	rows = append(rows, row{l.say(labelInnovation), f.innovation(l, d.Innovation)})
	if i, ok := f.innovations[d.Innovation]; ok {
		rows = append(rows, row{l.say(labelOriginators), makers(i)})
	}
	rows = append(rows,
		row{l.say(labelRevision), d.Revision},
		row{l.say(labelFrom), string(d.InUseFrom)},
		row{l.say(labelExtent), l.words(extents, d.Extent)},
		row{l.say(labelForm), l.words(forms, d.Form)},
		row{l.say(labelFunding), l.words(fundings, names(d.Funding)...)})
	rows = append(rows, texts(l.say(labelReplaces), d.Replaces)...)
	return append(rows, l.references(d.Links, d.Attachments)...)
}
