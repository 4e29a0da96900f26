package main

import (
	"spredning/ledger"
)

var (
	statesInvitation = put(
		"%s inviterer %s til å bekrefte at innovasjonen %s er tatt i ordinær bruk.",
		"%s inviterer %s til å stadfeste at innovasjonen %s er teken i ordinær bruk.",
		"%s invites %s to confirm that the innovation %s has been taken into regular use.")
	statesDecline = put(
		"%s svarer nei på invitasjonen til å bekrefte innovasjonen %s.",
		"%s svarer nei på invitasjonen til å stadfeste innovasjonen %s.",
		"%s declines the invitation to confirm the innovation %s.")
	statesEnding = put(
		"%s melder at innovasjonen %s var i ordinær bruk, og at den ikke er det lenger. Det endrer ingen poeng.",
		"%s melder at innovasjonen %s var i ordinær bruk, og at han ikkje er det lenger. Det endrar ingen poeng.",
		"%s reports that the innovation %s was in regular use and no longer is. It changes no points.")
	statesRetraction = put(
		"%s trekker tilbake det som er bekreftet om innovasjonen %s: Det var feil. Adopsjonen gir ikke poeng i rapporteringsår som ikke er avsluttet.",
		"%s trekkjer tilbake det som er stadfesta om innovasjonen %s: Det var feil. Adopsjonen gir ikkje poeng i rapporteringsår som ikkje er avslutta.",
		"%s retracts what it has confirmed about the innovation %s: it was a mistake. The adoption gives no points in reporting years that are not closed.")
	statesDispute = put(
		"%s bestrider at %s har tatt innovasjonen %s i bruk slik det er bekreftet. Adopsjonen teller ikke før innsigelsen er avgjort eller trukket tilbake.",
		"%s gjer innvending mot at %s har teke innovasjonen %s i bruk slik det er stadfesta. Adopsjonen tel ikkje før innvendinga er avgjord eller trekt tilbake.",
		"%s disputes that %s has taken the innovation %s into use as confirmed. The adoption does not count until the dispute is decided or withdrawn.")
	statesDisputeWithdrawal = put(
		"%s trekker tilbake innsigelsen mot at %s har tatt innovasjonen %s i bruk. Den kan ikke reises på nytt.",
		"%s trekkjer tilbake innvendinga mot at %s har teke innovasjonen %s i bruk. Ho kan ikkje reisast på nytt.",
		"%s withdraws its dispute of %s having taken the innovation %s into use. It cannot be raised again.")
	statesUpheld = put(
		"%s avgjør for vurderingskomiteen at innsigelsen tas til følge. At %s har tatt innovasjonen %s i bruk, teller ikke.",
		"%s avgjer for vurderingskomiteen at innvendinga blir teken til følgje. At %s har teke innovasjonen %s i bruk, tel ikkje.",
		"%s decides for the assessment committee that the dispute is upheld. That %s has taken the innovation %s into use does not count.")
	statesNotUpheld = put(
		"%s avgjør for vurderingskomiteen at innsigelsen ikke tas til følge. At %s har tatt innovasjonen %s i bruk, kan telle.",
		"%s avgjer for vurderingskomiteen at innvendinga ikkje blir teken til følgje. At %s har teke innovasjonen %s i bruk, kan telje.",
		"%s decides for the assessment committee that the dispute is not upheld. That %s has taken the innovation %s into use can count.")

	labelAdopter = put("Adoptert av", "Adoptert av", "Adopted by")
	labelInvited = put("Invitert", "Invitert", "Invited")
	labelNote    = put("Melding", "Melding", "Note")
	labelEndedOn = put("Slutt på bruk", "Slutt på bruk", "Ended on")
	labelUpheld  = put("Tas til følge", "Blir teken til følgje", "Upheld")
)

func (l language) invitation(by string, d *ledger.Invitation, f facts) saying {
	rows := append(l.concerned(labelInnovation, d.Innovation, f), row{l.say(labelInvited), f.organisation(l, d.Adopter)})
	return saying{
		states: l.say(statesInvitation, by, f.name(d.Adopter), f.title(l, d.Innovation)),
		rows:   append(rows, texts(l.say(labelNote), &d.Note)...),
	}
}

func (l language) decline(by string, d *ledger.Decline, f facts) saying {
	return saying{
		states: l.say(statesDecline, by, f.title(l, d.Innovation)),
		rows:   append(l.concerned(labelInnovation, d.Innovation, f), texts(l.say(labelReason), &d.Reason)...),
	}
}

func (l language) confirmation(by string, d *ledger.Confirmation, f facts) saying {
	s := saying{states: l.say(statesConfirmation, by), rows: confirmationRows(l, d, f)}
	if i, ok := f.innovations[d.Innovation]; ok && i.Revision != d.Revision {
		s.remarks = append(s.remarks, l.say(revisedSince))
	}
	return s
}

func (l language) ending(by string, d *ledger.Ending, f facts) saying {
	rows := append(l.concerned(labelInnovation, d.Innovation, f), row{l.say(labelEndedOn), string(d.EndedOn)})
	return saying{
		states: l.say(statesEnding, by, f.title(l, d.Innovation)),
		rows:   append(rows, texts(l.say(labelReason), &d.Reason)...),
	}
}

func (l language) retraction(by string, d *ledger.Retraction, f facts) saying {
	return saying{
		states: l.say(statesRetraction, by, f.title(l, d.Innovation)),
		rows:   append(l.concerned(labelInnovation, d.Innovation, f), texts(l.say(labelReason), &d.Reason)...),
	}
}

// pairRows are the rows about an adoption.
func (l language) pairRows(innovation string, adopter ledger.Orgnr, f facts) []row {
	return append(l.concerned(labelInnovation, innovation, f), row{l.say(labelAdopter), f.organisation(l, adopter)})
}

func (l language) dispute(by string, d *ledger.Dispute, f facts) saying {
	return saying{
		states: l.say(statesDispute, by, f.name(d.Adopter), f.title(l, d.Innovation)),
		rows:   append(l.pairRows(d.Innovation, d.Adopter, f), texts(l.say(labelReason), &d.Reason)...),
	}
}

func (l language) disputeWithdrawal(by string, d *ledger.DisputeWithdrawal, f facts) saying {
	return saying{
		states: l.say(statesDisputeWithdrawal, by, f.name(d.Adopter), f.title(l, d.Innovation)),
		rows:   l.pairRows(d.Innovation, d.Adopter, f),
	}
}

func (l language) decision(by string, d *ledger.Decision, f facts) saying {
	states := statesNotUpheld
	if *d.Upheld {
		states = statesUpheld
	}
	rows := append(l.pairRows(d.Innovation, d.Adopter, f), row{l.say(labelUpheld), l.words(yesOrNos, yesNoValue(d.Upheld))})
	return saying{
		states:  l.say(states, by, f.name(d.Adopter), f.title(l, d.Innovation)),
		rows:    append(rows, texts(l.say(labelReason), &d.Reason)...),
		remarks: []string{l.say(committeeSigns)},
	}
}
