package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"spredning/ledger"
	"spredning/projections"
)

// findOpen finds what is still open in a year.
func (f *facts) findOpen(ctx context.Context, c *client, year int) error {
	var open projections.Open
	if err := c.read(ctx, fmt.Sprintf("/api/v1/years/%d/open", year), &open); err != nil {
		return err
	}
	f.open = &open
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
		"Ingenting er ope i %d: ingen innvendingar, ingen ønske om vurdering, ingen invitasjonar utan svar.",
		"Nothing is open in %d: no disputes, no requests for assessment, no unanswered invitations.")
	openTableIs = put(
		"Tabellen for %d, slik den er nå:",
		"Tabellen for %d, slik han er no:",
		"The table of %d, as it is now:")
	openDisputes = put(
		"Fortsatt bestridt. Disse adopsjonene teller ikke i %d om det avsluttes nå (antall: %d):",
		"Framleis omstridd. Desse adopsjonane tel ikkje i %d om det blir avslutta no (talet på dei: %d):",
		"Still disputed. These adoptions do not count in %d if it is closed now (%d of them):")
	openRequests = put(
		"Åpne ønsker om vurdering i %d (antall: %d):",
		"Opne ønske om vurdering i %d (talet på dei: %d):",
		"Open requests for assessment in %d (%d of them):")
	openInvitations = put(
		"Invitasjoner uten svar i %d (antall: %d):",
		"Invitasjonar utan svar i %d (talet på dei: %d):",
		"Invitations without an answer in %d (%d of them):")

	openKeptOut = put(
		"Adopsjoner som ikke teller i %d slik det er nå (antall: %d):",
		"Adopsjonar som ikkje tel i %d slik det er no (talet på dei: %d):",
		"Adoptions that do not count in %d as things are (%d of them):")

	labelAtStake    = put("Står på spill", "Står på spel", "At stake")
	labelAdoptions  = put("Adopsjoner det gjelder", "Adopsjonar det gjeld", "Adoptions concerned")
	labelTotal      = put("Poeng i alt", "Poeng i alt", "Points in all")
	labelTableRows  = put("Organisasjoner med poeng", "Organisasjonar med poeng", "Organisations with points")
	labelDisputedBy = put("Bestridt av", "Innvending frå", "Disputed by")
	labelAskedBy    = put("Bedt om av", "Bede om av", "Asked for by")
	labelOfKeys     = put("Om nøkkelen som signerte", "Om nøkkelen som signerte", "About the key that signed")
	andMore         = put("… og %d til", "… og %d til", "… and %d more")
)

// keyFlags say what is to be known of the keys that signed an entry.
var keyFlags = []choice{
	{name: "authority_key", words: put("registrert av myndigheten", "registrert av styresmakta", "enrolled by the authority")},
	{name: "compromised_key", words: put("kan ha vært på avveier", "kan ha vore på avvegar", "may have been in wrong hands")},
}

// keptOutReasons say why an adoption does not count as things are.
var keptOutReasons = []choice{
	{name: "no_rules", words: put("ingen regler gjelder", "ingen reglar gjeld", "no rules are in force")},
	{name: "not_eligible", words: put("innovasjonen oppfyller ikke vilkårene", "innovasjonen oppfyller ikkje vilkåra", "the innovation does not meet the conditions")},
	{name: "adopter_not_measured", words: put("den som adopterer, er ikke med i målesystemet", "den som adopterer, er ikkje med i målesystemet", "the adopter is not in the measuring system")},
	{name: "no_originator_measured", words: put("ikke noe opphav er med i målesystemet", "ikkje noko opphav er med i målesystemet", "no originator is in the measuring system")},
}

// openSections says what is still open in a year, and what its table is.
func (l language) openSections(o *projections.Open) (all []section) {
	add := func(heading message, count int, matters []matter) {
		if count > 0 {
			all = append(all, section{l.say(heading, o.Year, count), l.matterRows(matters, count)})
		}
	}
	add(openDisputes, o.Counts.Disputes, l.disputeMatters(o.Disputes))
	add(openRequests, o.Counts.Requests, l.requestMatters(o.Requests))
	add(openInvitations, o.Counts.Invitations, l.invitationMatters(o.Invitations))
	add(openKeptOut, o.Counts.KeptOut, l.keptOutMatters(o.KeptOut))
	if len(all) == 0 {
		all = append(all, section{heading: l.say(openNothing, o.Year)})
	}
	return append(all, section{l.say(openTableIs, o.Year), []row{
		{l.say(labelTotal), o.Table.Total.String()}, {l.say(labelTableRows), strconv.Itoa(o.Table.Rows)},
	}})
}

// matter is what is still open, as rows of a statement; those without a value
// are left out.
type matter []row

func (l language) disputeMatters(all []projections.OpenDispute) (matters []matter) {
	for _, d := range all {
		stake := ""
		if d.AtStake != nil {
			stake = d.AtStake.String()
		}
		matters = append(matters, matter{
			l.innovationRow(d.Title, d.Innovation), l.organisationRow(labelAdopter, d.Name, d.Adopter),
			l.organisationRow(labelDisputedBy, d.ByName, d.By),
			{l.say(labelReason), l.of(d.Reason)},
			{l.say(labelOfKeys), l.words(keyFlags, d.Flags...)},
			{l.say(labelAtStake), stake},
		})
	}
	return matters
}

func (l language) requestMatters(all []projections.OpenRequest) (matters []matter) {
	for _, r := range all {
		matters = append(matters, matter{
			l.innovationRow(r.Title, r.Innovation), l.organisationRow(labelAskedBy, r.ByName, r.By),
			{l.say(labelReason), l.of(r.Reason)},
			{l.say(labelOfKeys), l.words(keyFlags, r.Flags...)},
			{l.say(labelAdoptions), strconv.Itoa(r.Adoptions)},
		})
	}
	return matters
}

func (l language) invitationMatters(all []projections.InvitationTo) (matters []matter) {
	for _, i := range all {
		matters = append(matters, matter{l.innovationRow(i.Title, i.Innovation), l.organisationRow(labelInvited, i.Name, i.Adopter)})
	}
	return matters
}

func (l language) keptOutMatters(all []projections.KeptOut) (matters []matter) {
	for _, k := range all {
		matters = append(matters, matter{
			l.innovationRow(k.Title, k.Innovation), l.organisationRow(labelAdopter, k.Name, k.Adopter),
			{l.say(labelReason), l.words(keptOutReasons, k.Reasons...)},
		})
	}
	return matters
}

func (l language) innovationRow(title ledger.Text, id string) row {
	return row{l.say(labelInnovation), l.of(title) + " (" + id + ")"}
}

func (l language) organisationRow(label message, name string, o ledger.Orgnr) row {
	return row{l.say(label), name + ", " + string(o)}
}

// matterRows are the rows of the first matters, of count in all.
func (l language) matterRows(matters []matter, count int) (rows []row) {
	shown := matters[:min(len(matters), shownMatters)]
	for _, m := range shown {
		rows = append(rows, slices.DeleteFunc(slices.Clone(m), func(r row) bool { return r.text == "" })...)
	}
	if rest := count - len(shown); rest > 0 {
		rows = append(rows, row{"", l.say(andMore, rest)})
	}
	return rows
}
