package main

import (
	"strconv"

	"spredning/ledger"
)

var (
	statesFounding = put(
		"%s grunnlegger registeret %s og styrer det: registrerer organisasjoner, publiserer regler, og åpner og avslutter rapporteringsår.",
		"%s grunnlegg registeret %s og styrer det: registrerer organisasjonar, publiserer reglar, og opnar og avsluttar rapporteringsår.",
		"%s founds the ledger %s and governs it: registers organisations, publishes rules, and opens and closes reporting years.")
	statesLogKey = put(
		"%s bytter nøkkelen som signerer registerets sjekkpunkter. Den nye gjelder fra og med denne posten. Kvitteringer fra før er like gyldige.",
		"%s byter nøkkelen som signerer sjekkpunkta til registeret. Den nye gjeld frå og med denne posten. Kvitteringar frå før er like gyldige.",
		"%s changes the key that signs the log's checkpoints. The new one signs from this entry on. Receipts from before stay as valid as they were.")
	statesRules = put(
		"%s publiserer dette regelsettet. Det gjelder for rapporteringsår fra og med %d, til nyere regler avløser det.",
		"%s publiserer dette regelsettet. Det gjeld for rapporteringsår frå og med %d, til nyare reglar avløyser det.",
		"%s publishes these rules. They hold for reporting years from %d on, until newer rules replace them.")
	statesOpening = put(
		"%s åpner rapporteringsåret %d. Fra nå av gir adopsjoner som hører til det, poeng.",
		"%s opnar rapporteringsåret %d. Frå no av gir adopsjonar som høyrer til det, poeng.",
		"%s opens the reporting year %d. From now on adoptions that belong to it give points.")
	statesClosing = put(
		"%s avslutter rapporteringsåret %d. Poengtabellen blir stående slik den er da, og endres aldri mer. Det kan ikke gjøres om.",
		"%s avsluttar rapporteringsåret %d. Poengtabellen blir ståande slik han er då, og blir aldri endra meir. Det kan ikkje gjerast om.",
		"%s closes the reporting year %d. The table of points stays as it is then, and never changes again. It cannot be undone.")

	labelIllustrative = put("Demonstrasjon", "Demonstrasjon", "Demonstration")
	labelLogKey       = put("Registerets nøkkel", "Nøkkelen til registeret", "The log's key")
	labelFromYear     = put("Fra år", "Frå år", "From year")
	labelBasis        = put("Poeng for", "Poeng for", "Points for")
	labelMakerSame    = put("Til opphav, samme helseregion", "Til opphav, same helseregion", "To originators, same region")
	labelMakerOther   = put("Til opphav, annen helseregion", "Til opphav, annan helseregion", "To originators, other region")
	labelAdopterSame  = put("Til den som adopterer, samme", "Til den som adopterer, same", "To the adopter, same region")
	labelAdopterOther = put("Til den som adopterer, annen", "Til den som adopterer, annan", "To the adopter, other region")
	labelKinds        = put("Hvem som får poeng", "Kven som får poeng", "Who gets points")
	labelOwnOnly      = put("Bare egne midler", "Berre eigne midlar", "Own money only")
	labelNoRegional   = put("Uten regionale satsinger", "Utan regionale satsingar", "Without regional initiatives")
	labelLineage      = put("Avledede innovasjoner", "Avleidde innovasjonar", "Derived innovations")
	labelMaxInnov     = put("Høyst per innovasjon og år", "Høgst per innovasjon og år", "At most per innovation and year")
	labelMaxPair      = put("Høyst per opphav, adopterende og år", "Høgst per opphav, adopterande og år", "At most per originator, adopter, year")
	labelYear         = put("Rapporteringsår", "Rapporteringsår", "Reporting year")
	labelReportBy     = put("Frist", "Frist", "Report by")

	wordPerAdoption = put("hver adopsjon", "kvar adopsjon", "each adoption")
	wordPerProject  = put("hvert prosjekt, én gang samme og én gang annen helseregion", "kvart prosjekt, éin gong same og éin gong annan helseregion", "each project, once in the same and once in other regions")
	wordEach        = put("hver for seg", "kvar for seg", "each by itself")
	wordOnce        = put("hele rekken én gang for hver som adopterer", "heile rekkja éin gong for kvar som adopterer", "the whole line once for each adopter")
	wordNoLimit     = put("0 (ingen grense)", "0 (inga grense)", "0 (no limit)")
)

var bases = []choice{{name: ledger.BasisAdoption, words: wordPerAdoption}, {name: ledger.BasisProject, words: wordPerProject}}

var lineages = []choice{{name: ledger.LineageEach, words: wordEach}, {name: ledger.LineageOnce, words: wordOnce}}

func (l language) founding(origin string, d *ledger.Founding) saying {
	rows := []row{
		{l.say(labelName), d.Name},
		{l.say(labelIllustrative), l.words(yesOrNos, yesNoValue(d.Illustrative))},
		{l.say(labelLogKey), d.LogKey},
	}
	rows = append(rows, l.organisationRows(d.Authority, facts{})...)
	for _, k := range d.Keys {
		rows = append(rows, l.keyRows(k)...)
	}
	return saying{states: l.say(statesFounding, d.Authority.Name, origin), rows: rows}
}

func (l language) ledgerAmendment(by string, d *ledger.LedgerAmendment) saying {
	return saying{states: l.say(statesLogKey, by), rows: []row{{l.say(labelLogKey), d.LogKey}}}
}

func (l language) erasure(by string, d *ledger.Erasure) saying {
	rows := append([]row{{l.say(labelAttachment), "SHA-256 " + d.SHA256}}, texts(l.say(labelReason), &d.Reason)...)
	return saying{states: l.say(statesErasure, by), rows: rows}
}

func (l language) rulesPublication(by string, d *ledger.RulesPublication) saying {
	r := d.Rules
	answer := func(b *bool) string { return l.words(yesOrNos, yesNoValue(b)) }
	return saying{states: l.say(statesRules, by, r.FromYear), rows: []row{
		{l.say(labelID), r.ID},
		{l.say(labelFromYear), strconv.Itoa(r.FromYear)},
		{l.say(labelBasis), l.words(bases, r.Basis)},
		{l.say(labelMakerSame), r.Originator.SameRegion.String()},
		{l.say(labelMakerOther), r.Originator.OtherRegion.String()},
		{l.say(labelAdopterSame), r.Adopter.SameRegion.String()},
		{l.say(labelAdopterOther), r.Adopter.OtherRegion.String()},
		{l.say(labelKinds), l.words(organisationKinds, texted(r.EligibleKinds)...)},
		{l.say(labelOwnOnly), answer(r.OwnFundingOnly)},
		{l.say(labelNoRegional), answer(r.ExcludeRegionalInitiatives)},
		{l.say(labelLineage), l.words(lineages, r.Lineage)},
		{l.say(labelMaxInnov), l.limit(*r.MaxAdoptionsPerInnovation)},
		{l.say(labelMaxPair), l.limit(*r.MaxPerOriginatorAdopter)},
		{l.say(labelIllustrative), answer(r.Illustrative)},
	}}
}

func (l language) limit(n int) string {
	if n == 0 {
		return l.say(wordNoLimit)
	}
	return strconv.Itoa(n)
}

func (l language) yearOpening(by string, d *ledger.YearOpening) saying {
	rows := []row{{l.say(labelYear), strconv.Itoa(d.Year)}}
	if d.ReportBy != "" {
		rows = append(rows, row{l.say(labelReportBy), string(d.ReportBy)})
	}
	return saying{states: l.say(statesOpening, by, d.Year), rows: rows}
}

// yearClosing also says what is still open, for it will never count in the year.
func (l language) yearClosing(by string, d *ledger.YearClosing, f facts) saying {
	s := saying{states: l.say(statesClosing, by, d.Year), rows: []row{{l.say(labelYear), strconv.Itoa(d.Year)}}}
	if f.open == nil {
		s.remarks = []string{l.say(openUnknown, d.Year, f.openTrouble)}
		return s
	}
	s.sections = l.openSections(f.open)
	return s
}
