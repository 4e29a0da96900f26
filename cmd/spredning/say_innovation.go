package main

import (
	"spredning/ledger"
)

var (
	statesWithdrawal = put(
		"%s trekker tilbake innovasjonen %s. Ingen kan bekrefte den lenger, og adopsjoner av den gir ikke poeng i rapporteringsår som ikke er avsluttet.",
		"%s trekkjer tilbake innovasjonen %s. Ingen kan stadfeste han lenger, og adopsjonar av han gir ikkje poeng i rapporteringsår som ikkje er avslutta.",
		"%s withdraws the innovation %s. Nobody can confirm it any more, and adoptions of it give no points in reporting years that are not closed.")
	statesMerger = put(
		"%s slår innovasjonen %s sammen med %s: De er samme prosjekt, registrert to ganger. Den siste står for begge. Det kan ikke gjøres om.",
		"%s slår innovasjonen %s saman med %s: Dei er same prosjektet, registrert to gonger. Den siste står for begge. Det kan ikkje gjerast om.",
		"%s merges the innovation %s into %s: they are the same project, registered twice. The latter stands for both. It cannot be undone.")
	statesRequest = put(
		"%s ber vurderingskomiteen om å vurdere innovasjonen %s. Det endrer ingen poeng.",
		"%s bed vurderingskomiteen om å vurdere innovasjonen %s. Det endrar ingen poeng.",
		"%s asks the assessment committee to assess the innovation %s. It changes no points.")
	statesEligible = put(
		"%s vurderer for vurderingskomiteen at innovasjonen %s fyller vilkårene. Spredning av den kan gi poeng.",
		"%s vurderer for vurderingskomiteen at innovasjonen %s fyller vilkåra. Spreiing av han kan gi poeng.",
		"%s assesses for the assessment committee that the innovation %s is eligible. Its spread can give points.")
	statesIneligible = put(
		"%s vurderer for vurderingskomiteen at innovasjonen %s ikke fyller vilkårene. Spredning av den gir ikke poeng i rapporteringsår som ikke er avsluttet.",
		"%s vurderer for vurderingskomiteen at innovasjonen %s ikkje fyller vilkåra. Spreiing av han gir ikkje poeng i rapporteringsår som ikkje er avslutta.",
		"%s assesses for the assessment committee that the innovation %s is not eligible. Its spread gives no points in reporting years that are not closed.")

	committeeSigns = put(
		"Minst to i vurderingskomiteen må signere dette, fra organisasjoner i minst to helseregioner, og ingen av dem kan være part.",
		"Minst to i vurderingskomiteen må signere dette, frå organisasjonar i minst to helseregionar, og ingen av dei kan vere part.",
		"At least two of the assessment committee must sign this, of organisations in at least two health regions, and none may be a party.")
	mergerSigns = put(
		"Alle opphav til begge må signere dette, eller minst to i vurderingskomiteen, fra organisasjoner i minst to helseregioner og ingen av dem part.",
		"Alle opphav til begge må signere dette, eller minst to i vurderingskomiteen, frå organisasjonar i minst to helseregionar og ingen av dei part.",
		"All originators of both must sign this, or at least two of the assessment committee, of organisations in at least two health regions and none of them a party.")
	assessedSince = put(
		"Innovasjonen er revidert etter at dette ble skrevet. Tittelen er den nye, og vurderingen vil bli avvist. Begynn på nytt.",
		"Innovasjonen er revidert etter at dette vart skrive. Tittelen er den nye, og vurderinga vil bli avvist. Byrj på nytt.",
		"The innovation has been revised since this was written. The title is the new one, and the assessment will be refused. Start again.")

	labelInto     = put("Slås sammen med", "Blir slegen saman med", "Merged into")
	labelEligible = put("Fyller vilkårene", "Fyller vilkåra", "Eligible")
	labelReason   = put("Begrunnelse", "Grunngiving", "Reason")
)

func (l language) publication(by string, d *ledger.Publication, f facts) saying {
	return saying{states: l.say(statesPublication, by), rows: innovationRows(l, d.Innovation, f), remarks: l.cosigners(len(d.Originators))}
}

func (l language) revision(by string, d *ledger.Revision, f facts) saying {
	return saying{
		states: l.say(statesRevision, by, f.innovation(l, d.Of)),
		rows:   innovationRows(l, d.Innovation, f), remarks: l.cosigners(len(d.Originators)),
	}
}

// cosigners reminds of those who must sign, too.
func (l language) cosigners(originators int) []string {
	if originators < 2 {
		return nil
	}
	return []string{l.say(allSign)}
}

// concerned are the rows about an innovation as it is: what it is called and who
// made it.
func (l language) concerned(label message, id string, f facts) []row {
	rows := []row{{l.say(label), f.innovation(l, id)}}
	if i, ok := f.innovations[id]; ok {
		rows = append(rows, row{l.say(labelOriginators), makers(i)})
	}
	return rows
}

func (l language) withdrawal(by string, d *ledger.Withdrawal, f facts) saying {
	return saying{
		states:  l.say(statesWithdrawal, by, f.title(l, d.Innovation)),
		rows:    append(l.concerned(labelInnovation, d.Innovation, f), texts(l.say(labelReason), &d.Reason)...),
		remarks: l.cosigners(len(f.innovations[d.Innovation].Originators)),
	}
}

func (l language) merger(by string, d *ledger.Merger, f facts) saying {
	rows := append(l.concerned(labelInnovation, d.Innovation, f), l.concerned(labelInto, d.Into, f)...)
	return saying{
		states:  l.say(statesMerger, by, f.title(l, d.Innovation), f.title(l, d.Into)),
		rows:    append(rows, texts(l.say(labelReason), &d.Reason)...),
		remarks: []string{l.say(mergerSigns)},
	}
}

func (l language) assessmentRequest(by string, d *ledger.AssessmentRequest, f facts) saying {
	return saying{
		states: l.say(statesRequest, by, f.title(l, d.Innovation)),
		rows:   append(l.concerned(labelInnovation, d.Innovation, f), texts(l.say(labelReason), &d.Reason)...),
	}
}

func (l language) assessment(by string, d *ledger.Assessment, f facts) saying {
	states := statesIneligible
	if *d.Eligible {
		states = statesEligible
	}
	rows := append(l.concerned(labelInnovation, d.Innovation, f),
		row{l.say(labelRevision), d.Revision},
		row{l.say(labelEligible), l.words(yesOrNos, yesNoValue(d.Eligible))})
	s := saying{
		states:  l.say(states, by, f.title(l, d.Innovation)),
		rows:    append(rows, texts(l.say(labelReason), &d.Reason)...),
		remarks: []string{l.say(committeeSigns)},
	}
	if i, ok := f.innovations[d.Innovation]; ok && i.Revision != d.Revision {
		s.remarks = append(s.remarks, l.say(assessedSince))
	}
	return s
}
