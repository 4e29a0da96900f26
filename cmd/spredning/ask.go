package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// yesNo asks a question on the terminal.
func (e *env) yesNo(question string) (bool, error) {
	l, err := e.language()
	if err != nil {
		return false, err
	}
	for {
		answer, err := e.ask(question + " " + l.say(yesOrNo) + " ")
		if err != nil {
			return false, err
		}
		switch strings.ToLower(answer) {
		case "y", "yes", "j", "ja":
			return true, nil
		case "n", "no", "nei":
			return false, nil
		}
		e.tell(l.say(answerYesOrNo))
	}
}

// The ways to leave a question without an answer.
var (
	errEnded       = errors.New("the input ended (Ctrl-D) before the last question was answered; nothing was signed")
	errInterrupted = errors.New("interrupted; nothing was signed")
)

// ask asks for a line on the terminal. Ctrl-C ends the wait: the program catches
// it to end in order, and reading alone would not notice.
func (e *env) ask(prompt string) (string, error) {
	fmt.Fprint(e.err, prompt)
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupted)
	answered := make(chan error, 1)
	var line string
	go func() {
		read, err := readLine(e.lines)
		line = read
		answered <- err
	}()
	var err error
	select {
	case err = <-answered:
	case <-interrupted:
		err = errInterrupted
	}
	if err != nil {
		fmt.Fprintln(e.err) // the cursor stands after the prompt
		return "", err
	}
	return line, nil
}

func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	switch {
	case err == io.EOF && line == "":
		return "", errEnded
	case err != nil && err != io.EOF:
		return "", fmt.Errorf("reading the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// question is how one field of D, the data of an event, is put to a person, on a
// terminal or as a flag.
type question[D any] struct {
	pointer  string // of the field in the event: /data/title
	flag     string // that answers it, too
	usage    string // of the flag, in English
	repeated bool   // the flag may be given again
	prompt   string
	rule     string // what an answer must be like, told after a bad one
	choices  []choice
	optional bool
	initial  string                 // what an empty answer stands for
	example  string                 // an answer that is always good
	value    func(*D) string        // the field as an answer; empty: it is missing
	set      func(*D, string) error // empty: without it
}

// choice is a value of a closed list: its name in the event, in words, and other
// answers that mean it.
type choice struct {
	name  string
	words message
	short []string
}

// survey completes the data of an event. The ledger's own checks decide what is
// a good answer: check is asked about the data with all that is still missing
// filled in by examples.
type survey[D any] struct {
	env       *env
	lang      language
	questions []question[D]
	check     func(D) error
}

// lacks gives the required questions that have no answer.
func (s survey[D]) lacks(d *D) (missing []question[D]) {
	for _, q := range s.questions {
		if !q.optional && q.value(d) == "" {
			missing = append(missing, q)
		}
	}
	return missing
}

// judge gives what is wrong with the data but for what is missing.
func (s survey[D]) judge(d D) error {
	for _, q := range s.lacks(&d) {
		if err := q.set(&d, q.example); err != nil {
			return err
		}
	}
	return s.check(d)
}

// complete is for when nobody can be asked: it gives an error that lists all
// that is missing, or says what is wrong.
func (s survey[D]) complete(d *D) error {
	var names []string
	for _, q := range s.lacks(d) {
		names = append(names, fmt.Sprintf("%s (--%s)", strings.TrimPrefix(q.pointer, "/data/"), q.flag))
	}
	if len(names) > 0 {
		return misuse("missing: %s; put it into FILE or give the flag, or run this on a terminal to be asked", strings.Join(names, ", "))
	}
	return s.judge(*d)
}

// converse asks until nothing is missing and the ledger's checks find nothing
// wrong. Whoever has to be asked for something required is asked for the
// optional, too; all asks for everything, and an empty answer keeps what is.
func (s survey[D]) converse(d *D, all bool) error {
	open := s.questions
	if !all && len(s.lacks(d)) == 0 {
		open = nil
	}
	for {
		q, err := s.wrong(*d)
		if err != nil {
			return err
		}
		keep := q == nil
		for q == nil && len(open) > 0 {
			if all || open[0].value(d) == "" {
				q = &open[0]
			}
			open = open[1:]
		}
		if q == nil {
			return nil
		}
		if err := s.ask(*q, d, keep && q.value(d) != ""); err != nil {
			return err
		}
	}
}

// wrong gives the question whose answer is not accepted, having said why. Trouble
// that no question is about is an error.
func (s survey[D]) wrong(d D) (*question[D], error) {
	err := s.judge(d)
	if err == nil {
		return nil, nil
	}
	var refusal *ledger.Refusal
	if !errors.As(err, &refusal) {
		return nil, err
	}
	for i, q := range s.questions {
		if refusal.Pointer == q.pointer || strings.HasPrefix(refusal.Pointer, q.pointer+"/") {
			s.complain(q, q.value(&d), refusal.Code)
			return &s.questions[i], nil
		}
	}
	return nil, err
}

func (s survey[D]) complain(q question[D], answer string, code ledger.Code) {
	why := s.lang.say(notAccepted, shorten(answer, 40)) + " " + q.rule
	switch {
	case code == ledger.PersonalData:
		why = s.lang.say(personalData)
	case answer == "":
		why = s.lang.say(wordNeeded) + " " + q.rule
	}
	s.env.tell(why)
}

// ask puts one question until its answer can be read.
func (s survey[D]) ask(q question[D], d *D, keep bool) error {
	fmt.Fprintln(s.env.err)
	s.env.tell(q.prompt)
	s.list(q.choices)
	for {
		answer, err := s.env.ask(s.hint(q, d, keep) + "> ")
		if err != nil {
			return err
		}
		switch {
		case answer == "" && keep:
			return nil
		case answer == "":
			answer = q.initial
		case answer == "-" && q.optional:
			answer = ""
		}
		if (answer != "" || q.optional) && q.set(d, answer) == nil {
			return nil
		}
		s.complain(q, answer, "")
	}
}

// list prints what there is to choose from.
func (s survey[D]) list(choices []choice) {
	rows := make([]row, len(choices))
	for i, c := range choices {
		rows[i] = row{fmt.Sprintf("%d %s", i+1, c.name), s.lang.say(c.words)}
	}
	for _, line := range columned(rows) {
		fmt.Fprintln(s.env.err, line)
	}
}

// hint says what an empty answer means, if anything.
func (s survey[D]) hint(q question[D], d *D, keep bool) string {
	hint := ""
	switch {
	case keep && q.optional:
		hint = s.lang.say(emptyKeepsOptional, shorten(plain(q.value(d)), 40))
	case keep:
		hint = s.lang.say(emptyKeeps, shorten(plain(q.value(d)), 40))
	case q.initial != "":
		hint = s.lang.say(emptyIs, q.initial)
	case q.optional:
		hint = s.lang.say(emptySkips)
	default:
		return ""
	}
	return hint + " "
}

// answerFlags adds the flags that answer questions.
func answerFlags[D any](cmd *cobra.Command, questions []question[D]) {
	for _, q := range questions {
		if q.repeated {
			cmd.Flags().StringArray(q.flag, nil, q.usage)
		} else {
			cmd.Flags().String(q.flag, "", q.usage)
		}
	}
}

// flagged answers questions with the flags that were given.
func flagged[D any](cmd *cobra.Command, questions []question[D], d *D) (given bool, err error) {
	for _, q := range questions {
		if !cmd.Flags().Changed(q.flag) {
			continue
		}
		var answer string
		if q.repeated {
			var all []string
			all, err = cmd.Flags().GetStringArray(q.flag)
			answer = strings.Join(all, " ")
		} else {
			answer, err = cmd.Flags().GetString(q.flag)
		}
		if err == nil {
			err = q.set(d, answer)
		}
		if err != nil {
			return given, misuse("--%s %q: %w", q.flag, answer, err)
		}
		given = true
	}
	return given, nil
}

// overlay reads fields, as YAML or JSON, over those that data has.
func overlay[D any](d *D, raw []byte) error {
	var fields map[string]jsontext.Value
	if err := readYAML(raw, &fields); err != nil {
		return err
	}
	b, err := json.Marshal(*d)
	if err != nil {
		return err
	}
	var merged map[string]jsontext.Value
	if err := json.Unmarshal(b, &merged); err != nil {
		return err
	}
	maps.Copy(merged, fields)
	if b, err = json.Marshal(merged); err != nil {
		return err
	}
	var read D
	if err := readYAML(b, &read); err != nil {
		return err
	}
	*d = read
	return nil
}

// readFields reads the FILE argument, if there is one, over data, and the files
// that it attaches.
func readFields[D any](e *env, args []string, d *D) (attached files, err error) {
	if len(args) == 0 {
		return nil, nil
	}
	raw, err := e.readInput(args[0])
	if err == nil {
		raw, attached, err = attachFiles(raw, filepath.Dir(args[0])) // - is in the folder . too
	}
	if err == nil {
		err = overlay(d, raw)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", args[0], err)
	}
	return attached, nil
}

// textWith gives a text with its part in one language replaced; what is typed
// becomes NFC, as the ledger wants it.
func textWith(t ledger.Text, l language, s string) ledger.Text {
	s = norm.NFC.String(s)
	switch l {
	case bokmål:
		t.NB = &s
	case nynorsk:
		t.NN = &s
	case english:
		t.EN = &s
	}
	return t
}

// optionalText is textWith for a text that may be absent.
func optionalText(t *ledger.Text, l language, s string) *ledger.Text {
	switch {
	case s == "":
		return nil
	case t == nil:
		t = new(ledger.Text)
	}
	with := textWith(*t, l, s)
	return &with
}

func optionalTextIn(t *ledger.Text, l language) string {
	if t == nil {
		return ""
	}
	return l.of(*t)
}

// choose gives the name of the choice that an answer means: its number, its name
// or a short form.
func choose(choices []choice, answer string) (string, error) {
	var names []string
	for i, c := range choices {
		a := strings.ToLower(answer)
		if a == strconv.Itoa(i+1) || a == c.name || slices.Contains(c.short, a) {
			return c.name, nil
		}
		names = append(names, c.name)
	}
	return "", fmt.Errorf("must be one of %s", strings.Join(names, ", "))
}

// chooseFunding reads several choices, separated by commas or spaces.
func chooseFunding(answer string) (all []ledger.Funding, err error) {
	for _, a := range separate(answer) {
		name, err := choose(fundings, a)
		if err != nil {
			return nil, err
		}
		all = append(all, ledger.Funding(name))
	}
	return all, nil
}

func separate(answer string) []string {
	return strings.FieldsFunc(answer, func(r rune) bool { return r == ',' || r == ';' || r == ' ' })
}

func fundingValue(fs []ledger.Funding) string { return strings.Join(names(fs), ",") }

func names(fs []ledger.Funding) []string {
	all := make([]string, len(fs))
	for i, f := range fs {
		all[i] = string(f)
	}
	return all
}

// words gives the names of choices in words.
func (l language) words(choices []choice, names ...string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = name
		for _, c := range choices {
			if c.name == name {
				all[i] = l.say(c.words)
			}
		}
	}
	return strings.Join(all, "; ")
}

// fundings are the choices of both commands.
var fundings = []choice{
	{name: "own", words: wordOwn},
	{name: "rhf", words: wordRHF},
	{name: "nfr", words: wordNFR},
	{name: "eu", words: wordEU},
	{name: "innovation_norway", words: wordInnovationNorway},
	{name: "other", words: wordOther},
}

// readDate reads 2026-11-22, or 22.11.2026 as people also write it.
func readDate(answer string) (ledger.Date, error) {
	for _, form := range []string{time.DateOnly, "2.1.2006"} {
		if t, err := time.Parse(form, answer); err == nil {
			return ledger.DateOf(t), nil
		}
	}
	return "", errors.New("must be a date like 2026-11-22")
}

// actor is who acts on which ledger, with which keys.
type actor struct {
	lang    language
	client  *client
	ledger  ledgerStatus
	by      projections.Organisation
	signers []*keys.Private
	owners  []ledger.Orgnr // whose they are, in that order
}

// actor finds out who acts: by, or else the owner of the first key. It refuses
// keys that cannot sign innovations and adoptions before anything is asked.
func (e *env) actor(ctx context.Context, paths []string, by string) (a actor, err error) {
	if a.lang, err = e.language(); err != nil {
		return a, err
	}
	if a.client, err = e.client(); err != nil {
		return a, err
	}
	if a.signers, err = e.signers(paths); err != nil {
		return a, err
	}
	if a.ledger, err = a.client.status(ctx); err != nil {
		return a, err
	}
	for _, k := range a.signers {
		owner, err := a.client.reporter(ctx, k)
		if err != nil {
			return a, err
		}
		a.owners = append(a.owners, owner)
	}
	if by == "" {
		by = string(a.owners[0])
	}
	if a.by, err = a.client.organisation(ctx, ledger.Orgnr(by)); notFound(err) {
		return a, fmt.Errorf("organisation %s is not registered at %s", by, a.client.base)
	}
	return a, err
}

// reporter gives the owner of a key that may sign innovations and adoptions.
func (c *client) reporter(ctx context.Context, k *keys.Private) (ledger.Orgnr, error) {
	owner, err := c.owner(ctx, k)
	if err != nil {
		return "", err
	}
	found, err := c.key(ctx, k.ID())
	switch {
	case err != nil:
		return "", err
	case found.Revoked != nil:
		return "", fmt.Errorf("key %s is revoked; sign with another one", k.ID())
	case !slices.Contains(found.Roles, ledger.Report):
		return "", fmt.Errorf("key %s does not have the role report; sign with one that has, or enrol one with spredning key enrol", k.ID())
	}
	return owner, nil
}

// payload gives the bytes of a new event by the actor.
func (a actor) payload(data ledger.Data) ([]byte, error) {
	return newEvent(a.ledger.Ledger, a.by.Orgnr, time.Now(), data).Encode()
}

// check asks the ledger package about an event with this data.
func (a actor) check(data ledger.Data) error {
	payload, err := a.payload(data)
	if err != nil {
		return err
	}
	_, err = ledger.ParseEvent(payload)
	return err
}
