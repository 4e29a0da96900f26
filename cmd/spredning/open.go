package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"spredning/ledger"
)

// openYear is what is not settled in a reporting year: GET /years/{year}/open.
type openYear struct {
	Position    int64        `json:"position"`
	Disputes    []openMatter `json:"disputes"`
	Requests    []openMatter `json:"requests"`
	Invitations []openMatter `json:"invitations"`
	Table       openTable    `json:"table"`
}

// openMatter is an adoption under dispute, an innovation that somebody wants
// assessed, or an invitation without an answer.
type openMatter struct {
	Innovation string       `json:"innovation"`
	Title      anyText      `json:"title"`
	Adopter    ledger.Orgnr `json:"adopter"`
	By         ledger.Orgnr `json:"by"`
	Reason     anyText      `json:"reason"`
}

// openTable is the year's table as it would stay.
type openTable struct {
	Total jsontext.Value `json:"total"`
	Rows  jsontext.Value `json:"rows"` // their number, or themselves
}

func (t openTable) rows() string {
	var all []jsontext.Value
	if json.Unmarshal(t.Rows, &all) == nil {
		return strconv.Itoa(len(all))
	}
	return string(t.Rows)
}

// anyText is a text by language, or in one.
type anyText struct{ ledger.Text }

// UnmarshalJSON reads either.
func (t *anyText) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		t.NB = &s
		return nil
	}
	return json.Unmarshal(b, &t.Text)
}

// findOpen finds what is still open in a year, and the names that it has.
func (f *facts) findOpen(ctx context.Context, c *client, year int) error {
	var open openYear
	if err := c.read(ctx, fmt.Sprintf("/api/v1/years/%d/open", year), &open); err != nil {
		return err
	}
	f.open = &open
	var orgs []ledger.Orgnr
	for _, matters := range [][]openMatter{open.Disputes, open.Requests, open.Invitations} {
		for _, m := range matters[:min(len(matters), shownMatters)] {
			for _, o := range []ledger.Orgnr{m.Adopter, m.By} {
				if o != "" {
					orgs = append(orgs, o)
				}
			}
		}
	}
	if err := f.findNames(ctx, c, orgs); err != nil {
		f.trouble = errors.Join(f.trouble, err)
	}
	return nil
}

// shownMatters is how many of each are listed; the others are counted.
const shownMatters = 20

var (
	openUnknown = put(
		"Hva som fortsatt er åpent i rapporteringsåret %d, kunne ikke hentes: %s",
		"Kva som framleis er ope i rapporteringsåret %d, kunne ikkje hentast: %s",
		"What is still open in the reporting year %d could not be fetched: %s")
	openNothing = put(
		"Ingenting er åpent i %d: ingen innsigelser, ingen ønsker om vurdering, ingen ubesvarte invitasjoner.",
		"Ingenting er ope i %d: ingen innseiingar, ingen ønske om vurdering, ingen invitasjonar utan svar.",
		"Nothing is open in %d: no disputes, no requests for assessment, no unanswered invitations.")
	openTableIs = put(
		"Tabellen for %d, slik den er nå:",
		"Tabellen for %d, slik han er no:",
		"The table of %d, as it is now:")
	openDisputes = put(
		"Fortsatt omstridt. Disse adopsjonene teller ikke i %d om det lukkes nå (antall: %d):",
		"Framleis omstridd. Desse adopsjonane tel ikkje i %d om det blir lukka no (talet på dei: %d):",
		"Still disputed. These adoptions do not count in %d if it is closed now (%d of them):")
	openRequests = put(
		"Åpne ønsker om vurdering i %d (antall: %d):",
		"Opne ønske om vurdering i %d (talet på dei: %d):",
		"Open requests for assessment in %d (%d of them):")
	openInvitations = put(
		"Invitasjoner uten svar i %d (antall: %d):",
		"Invitasjonar utan svar i %d (talet på dei: %d):",
		"Invitations without an answer in %d (%d of them):")

	labelTotal      = put("Poeng i alt", "Poeng i alt", "Points in all")
	labelTableRows  = put("Organisasjoner med poeng", "Organisasjonar med poeng", "Organisations with points")
	labelDisputedBy = put("Bestridt av", "Bestridd av", "Disputed by")
	labelAskedBy    = put("Bedt om av", "Bedt om av", "Asked for by")
	andMore         = put("… og %d til", "… og %d til", "… and %d more")
)

// openSections says what is still open in a year, and what its table is.
func (l language) openSections(year int, f facts) (all []section) {
	for _, part := range []struct {
		heading, adopter, by message
		matters              []openMatter
	}{
		{openDisputes, labelAdopter, labelDisputedBy, f.open.Disputes},
		{openRequests, labelAdopter, labelAskedBy, f.open.Requests},
		{openInvitations, labelInvited, labelBy, f.open.Invitations},
	} {
		if len(part.matters) > 0 {
			all = append(all, section{l.say(part.heading, year, len(part.matters)), l.matterRows(part.matters, part.adopter, part.by, f)})
		}
	}
	if len(all) == 0 {
		all = append(all, section{heading: l.say(openNothing, year)})
	}
	return append(all, section{l.say(openTableIs, year), []row{
		{l.say(labelTotal), string(f.open.Table.Total)}, {l.say(labelTableRows), f.open.Table.rows()},
	}})
}

func (l language) matterRows(matters []openMatter, adopter, by message, f facts) (rows []row) {
	for i, m := range matters {
		if i == shownMatters {
			return append(rows, row{"", l.say(andMore, len(matters)-i)})
		}
		rows = append(rows, row{l.say(labelInnovation), strings.TrimSpace(l.of(m.Title.Text) + " (" + m.Innovation + ")")})
		if m.Adopter != "" {
			rows = append(rows, row{l.say(adopter), f.organisation(l, m.Adopter)})
		}
		if m.By != "" {
			rows = append(rows, row{l.say(by), f.organisation(l, m.By)})
		}
		if reason := l.of(m.Reason.Text); reason != "" {
			rows = append(rows, row{l.say(labelReason), reason})
		}
	}
	return rows
}
