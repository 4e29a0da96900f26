package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// saying is an event in plain language: what signing it states, all of its data,
// and what else whoever signs should know.
type saying struct {
	states   string
	rows     []row
	sections []section
	remarks  []string
}

// section is a part of a statement with a heading of its own.
type section struct {
	heading string
	rows    []row
}

// saying puts an event into words. There are words for every type.
func (l language) saying(event ledger.Event, f facts) (s saying, ok bool) {
	by := f.name(event.By)
	switch d := event.Data.(type) {
	case *ledger.Founding:
		s = l.founding(event.Ledger, d)
	case *ledger.LedgerAmendment:
		s = l.ledgerAmendment(by, d)
	case *ledger.Registration:
		s = l.registration(by, d, f)
	case *ledger.Amendment:
		s = l.amendment(by, d, f)
	case *ledger.Succession:
		s = l.succession(by, d, f)
	case *ledger.Enrolment:
		s = l.enrolment(event.By, d, f)
	case *ledger.Revocation:
		s = l.revocation(by, d, f)
	case *ledger.Publication:
		s = l.publication(by, d, f)
	case *ledger.Revision:
		s = l.revision(by, d, f)
	case *ledger.Withdrawal:
		s = l.withdrawal(by, d, f)
	case *ledger.Merger:
		s = l.merger(by, d, f)
	case *ledger.AssessmentRequest:
		s = l.assessmentRequest(by, d, f)
	case *ledger.Assessment:
		s = l.assessment(by, d, f)
	case *ledger.Invitation:
		s = l.invitation(by, d, f)
	case *ledger.Decline:
		s = l.decline(by, d, f)
	case *ledger.Confirmation:
		s = l.confirmation(by, d, f)
	case *ledger.Ending:
		s = l.ending(by, d, f)
	case *ledger.Retraction:
		s = l.retraction(by, d, f)
	case *ledger.Dispute:
		s = l.dispute(by, d, f)
	case *ledger.DisputeWithdrawal:
		s = l.disputeWithdrawal(by, d, f)
	case *ledger.Decision:
		s = l.decision(by, d, f)
	case *ledger.Erasure:
		s = l.erasure(by, d)
	case *ledger.RulesPublication:
		s = l.rulesPublication(by, d)
	case *ledger.YearOpening:
		s = l.yearOpening(by, d)
	case *ledger.YearClosing:
		s = l.yearClosing(by, d, f)
	default:
		return s, false
	}
	return s, true
}

// statement says in plain language what signing an event states, all of its data
// included. What there are no words for is not to be signed unread.
func statement(l language, event ledger.Event, f facts) ([]string, error) {
	s, ok := l.saying(event, f)
	if !ok {
		return nil, fmt.Errorf("this version of the program has no words for %s; nothing was signed", event.Type)
	}
	s.rows = append(s.rows,
		row{l.say(labelBy), f.organisation(l, event.By)},
		row{l.say(labelAt), event.At.Format("2006-01-02 15:04:05 UTC")},
		row{l.say(labelLedger), event.Ledger},
		row{l.say(labelID), event.ID.String()})
	if f.trouble != nil {
		s.remarks = append(s.remarks, l.say(notLookedUp, f.trouble))
	}
	if f.illustrative {
		s.remarks = append(s.remarks, l.say(demonstration))
	}
	return s.lines(), nil
}

// lines gives what is stated, its rows, the sections and the remarks with space
// between.
func (s saying) lines() []string {
	lines := append(wrap(s.states, columns), "")
	lines = append(append(lines, columned(s.rows)...), "")
	for _, part := range s.sections {
		lines = append(append(lines, wrap(part.heading, columns)...), columned(part.rows)...)
		lines = append(lines, "")
	}
	for _, r := range s.remarks {
		lines = append(append(lines, wrap(r, columns)...), "")
	}
	return lines
}

// facts are what a statement adds to the signed bytes: names and titles as the
// ledger at --url has them.
type facts struct {
	illustrative bool
	names        map[ledger.Orgnr]string
	innovations  map[string]projections.Innovation
	keys         map[keys.ID]projections.Key
	open         *projections.Open // of a year that is to be closed
	trouble      error             // why they are not all there
	openTrouble  error             // why open is not there
}

// lookupTime is how long a statement waits for names before it goes without.
const lookupTime = 5 * time.Second

// lookUp gives the facts about what an event names. Signing works without a
// ledger at hand, so trouble is told, not returned.
func (e *env) lookUp(event ledger.Event) facts {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	f := facts{names: map[ledger.Orgnr]string{}, innovations: map[string]projections.Innovation{}, keys: map[keys.ID]projections.Key{}}
	c, err := e.client()
	if err == nil {
		err = f.find(ctx, c, event)
	}
	f.trouble = err
	if d, ok := event.Data.(*ledger.YearClosing); ok {
		if f.openTrouble = err; err == nil {
			f.openTrouble = f.findOpen(ctx, c, d.Year)
		}
	}
	return f
}

func (f *facts) find(ctx context.Context, c *client, event ledger.Event) error {
	status, err := c.status(ctx)
	if err != nil {
		return err
	}
	if status.Ledger != event.Ledger {
		return fmt.Errorf("%s serves %s", c.base, status.Ledger)
	}
	f.illustrative = status.Illustrative
	orgs, ids := named(event)
	for _, id := range ids {
		if f.innovations[id], err = c.innovation(ctx, id); notFound(err) {
			delete(f.innovations, id)
		} else if err != nil {
			return err
		}
	}
	if d, ok := event.Data.(*ledger.Revocation); ok {
		k, err := c.key(ctx, d.Key)
		if err != nil && !notFound(err) {
			return err
		}
		if err == nil {
			f.keys[d.Key], orgs = k, append(orgs, k.Organisation)
		}
	}
	return f.findNames(ctx, c, orgs)
}

// findNames gives organisations their names. One that is not registered has none.
func (f *facts) findNames(ctx context.Context, c *client, orgs []ledger.Orgnr) error {
	for _, o := range orgs {
		if _, known := f.names[o]; known {
			continue
		}
		org, err := c.organisation(ctx, o)
		if err != nil && !notFound(err) {
			return err
		}
		f.names[o] = org.Name
	}
	return nil
}

// named gives the organisations and innovations that an event names, whatever
// its type: by the names that fields have for them in all.
func named(event ledger.Event) (orgs []ledger.Orgnr, ids []string) {
	orgs = []ledger.Orgnr{event.By}
	var walk func(field string, v any)
	walk = func(field string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				walk(name, member)
			}
		case []any:
			for _, element := range v {
				walk(field, element)
			}
		case string:
			switch field {
			case "orgnr", "organisation", "adopter", "parent", "predecessors", "successor":
				orgs = append(orgs, ledger.Orgnr(v))
			case "innovation", "into", "derived_from":
				ids = append(ids, v)
			}
		}
	}
	var data any
	if b, err := json.Marshal(event.Data); err == nil && json.Unmarshal(b, &data) == nil {
		walk("", data)
	}
	return orgs, ids
}

func notFound(err error) bool {
	var answer *answerError
	return errors.As(err, &answer) && answer.Status == http.StatusNotFound
}

// name gives an organisation's name, or its number if that is all there is.
func (f facts) name(o ledger.Orgnr) string {
	if name := f.names[o]; name != "" {
		return name
	}
	return string(o)
}

// organisation gives name and number.
func (f facts) organisation(l language, o ledger.Orgnr) string {
	switch name := f.names[o]; {
	case name != "":
		return name + ", " + string(o)
	case f.trouble == nil:
		return string(o) + " " + l.say(wordNotRegistered)
	}
	return string(o)
}

// innovation gives title and id.
func (f facts) innovation(l language, id string) string {
	if i, ok := f.innovations[id]; ok {
		return l.of(i.Title) + " (" + id + ")"
	}
	return id
}

// title gives an innovation's title in quotation marks, or its id.
func (f facts) title(l language, id string) string {
	if i, ok := f.innovations[id]; ok {
		return l.say(quoted, l.of(i.Title))
	}
	return id
}

var quoted = put("«%s»", "«%s»", "“%s”")
