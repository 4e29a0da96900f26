package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"spredning/ledger"
)

// language is one that questions and statements are written in.
type language int

const (
	bokmål language = iota
	nynorsk
	english
)

// languages are the codes of --lang, by language.
var languages = [...]string{bokmål: "nb", nynorsk: "nn", english: "en"}

// language gives the one of --lang.
func (e *env) language() (language, error) {
	for l, code := range languages {
		if e.lang == code || e.lang == "" {
			return language(l), nil
		}
	}
	return 0, misuse("--lang %s: there are %s", e.lang, strings.Join(languages[:], ", "))
}

// of gives a text in this language, or in the nearest one that it has.
func (l language) of(t ledger.Text) string { return t.In(languages[l], "nb", "nn", "en") }

// say gives a message with its arguments in this language.
func (l language) say(m message, args ...any) string {
	if len(args) == 0 {
		return m.texts()[l]
	}
	return fmt.Sprintf(m.texts()[l], args...)
}

// message is something that is said to a person.
type message int

const (
	noPersonalData message = iota
	noPilot
	demonstration

	askTitle
	askSummary
	askKind
	askOriginators
	askFunding
	askRegional
	askSince
	askReplaces
	askDerived
	askLinks
	askFrom
	askExtent
	askForm
	askFundingHere
	askReplacesHere

	ruleTitle
	ruleSummary
	ruleReplaces
	ruleChoice
	ruleChoices
	ruleOriginators
	ruleDate
	ruleFrom
	ruleID
	ruleLinks
	notAccepted
	wordNeeded
	personalData

	emptyIs
	emptyKeeps
	emptyKeepsOptional
	emptySkips
	yesOrNo
	answerYesOrNo
	signThis
	accepted
	acceptedBefore
	receiptKept
	fileStored
	fileMissing
	wordFile

	wordService
	wordProduct
	wordProcess
	wordOrganising
	wordCommunication
	wordOwn
	wordRHF
	wordNFR
	wordEU
	wordInnovationNorway
	wordOther
	wordYes
	wordNo
	wordUnit
	wordHospital
	wordTrust
	wordAsIs
	wordAdapted

	statesPublication
	statesRevision
	statesConfirmation
	statesErasure
	allSign
	revisedSince
	notLookedUp
	wordNotRegistered
	wordShare

	labelInnovation
	labelOriginators
	labelTitle
	labelSummary
	labelKind
	labelFunding
	labelRegional
	labelSince
	labelReplaces
	labelDerived
	labelLink
	labelAttachment
	labelFrom
	labelExtent
	labelForm
	labelRevision
	labelID
	labelBy
	labelAt
	labelLedger

	mustSignToo
	signLikeThis
	thenSubmit
	wordKeyFile
	staleRevision

	likelyDuplicates
	lookAlikes
	notCompared
	askWhetherSame
	reviseInstead
	adoptInstead
	deriveInstead
	mergeInstead
	labelSimilarity
	labelSharedWords
	labelRelatedWords
	labelRelation
	wordWithdrawn
	wordDerivedFrom
	wordBranch
	wordSameRoot

	messageCount
)

// messages are all that is said, each in bokmål, nynorsk and English.
var messages = [messageCount][3]string{
	noPersonalData: {
		"Skriv ingen personopplysninger. Det som er registrert, kan aldri slettes.",
		"Skriv ingen personopplysningar. Det som er registrert, kan aldri slettast.",
		"Write no personal data. What has been registered can never be deleted.",
	},
	noPilot: {
		"En pilot er ikke en adopsjon. Bekreft først når innovasjonen er tatt i ordinær bruk hos dere.",
		"Ein pilot er ikkje ein adopsjon. Stadfest først når innovasjonen er teken i ordinær bruk hos dykk.",
		"A pilot is not an adoption. Confirm only once the innovation has been taken into regular use with you.",
	},
	demonstration: {
		"Dette registeret er en demonstrasjon: Ingenting som signeres her, teller.",
		"Dette registeret er ein demonstrasjon: Ingenting som blir signert her, tel.",
		"This ledger is a demonstration: nothing that is signed here counts.",
	},

	askTitle: {
		"Hva heter innovasjonen? Svar på bokmål.",
		"Kva heiter innovasjonen? Svar på nynorsk.",
		"What is the innovation called? Answer in English.",
	},
	askSummary: {
		"Hva er innovasjonen, hvem er den for, og hvordan virker den? Svar på bokmål, på én linje.",
		"Kva er innovasjonen, kven er han for, og korleis verkar han? Svar på nynorsk, på éi linje.",
		"What is the innovation, whom is it for, and how does it work? Answer in English, on one line.",
	},
	askKind: {"Hva slags innovasjon er det?", "Kva slags innovasjon er det?", "What kind of innovation is it?"},
	askOriginators: {
		"Hvem har laget innovasjonen? Skriv organisasjonsnumre med andel i promille, for eksempel 983974724:600 883974832:400. Alle må signere.",
		"Kven har laga innovasjonen? Skriv organisasjonsnummer med del i promille, til dømes 983974724:600 883974832:400. Alle må signere.",
		"Who made the innovation? Give organisation numbers with shares in permille, for example 983974724:600 883974832:400. All of them must sign.",
	},
	askFunding: {
		"Hvordan er utviklingen finansiert? Skill flere svar med komma.",
		"Korleis er utviklinga finansiert? Skil fleire svar med komma.",
		"How was the development funded? Separate several answers with commas.",
	},
	askRegional: {
		"Er innovasjonen del av et regionalt eller nasjonalt program, eller av en slik anskaffelse, innen teknologi eller digitalisering?",
		"Er innovasjonen del av eit regionalt eller nasjonalt program, eller av eit slikt innkjøp, innan teknologi eller digitalisering?",
		"Is the innovation part of a regional or national programme or procurement in technology or digitalisation?",
	},
	askSince: {
		"Når ble innovasjonen tatt i bruk der den ble laget? (ÅÅÅÅ-MM-DD)",
		"Når vart innovasjonen teken i bruk der han vart laga? (ÅÅÅÅ-MM-DD)",
		"When was the innovation taken into use where it was made? (YYYY-MM-DD)",
	},
	askReplaces: {
		"Hva erstatter innovasjonen? (valgfritt)",
		"Kva erstattar innovasjonen? (valfritt)",
		"What does the innovation replace? (optional)",
	},
	askDerived: {
		"Bygger innovasjonen på en annen i registeret? Skriv id-en til den. (valgfritt)",
		"Byggjer innovasjonen på ein annan i registeret? Skriv id-en til den. (valfritt)",
		"Is the innovation derived from another one in the ledger? Give its id. (optional)",
	},
	askLinks: {
		"Lenker til mer om dette, med mellomrom mellom. (valgfritt)",
		"Lenkjer til meir om dette, med mellomrom mellom. (valfritt)",
		"Links to more about this, with spaces between. (optional)",
	},
	askFrom: {
		"Fra hvilken dato er innovasjonen i ordinær bruk hos dere? (ÅÅÅÅ-MM-DD)",
		"Frå kva dato er innovasjonen i ordinær bruk hos dykk? (ÅÅÅÅ-MM-DD)",
		"From which date is the innovation in regular use with you? (YYYY-MM-DD)",
	},
	askExtent: {
		"Hvor bredt er innovasjonen tatt i bruk?",
		"Kor breitt er innovasjonen teken i bruk?",
		"How widely is the innovation in use?",
	},
	askForm: {
		"Er innovasjonen tatt i bruk som den er, eller tilpasset?",
		"Er innovasjonen teken i bruk som han er, eller tilpassa?",
		"Is the innovation in use as it is, or adapted?",
	},
	askFundingHere: {
		"Hvordan er innføringen hos dere finansiert? Skill flere svar med komma.",
		"Korleis er innføringa hos dykk finansiert? Skil fleire svar med komma.",
		"How was its introduction with you funded? Separate several answers with commas.",
	},
	askReplacesHere: {
		"Hva har innovasjonen erstattet hos dere? (valgfritt)",
		"Kva har innovasjonen erstatta hos dykk? (valfritt)",
		"What has the innovation replaced with you? (optional)",
	},

	ruleTitle: {
		"Skriv høyst 200 tegn, uten styretegn.",
		"Skriv høgst 200 teikn, utan styreteikn.",
		"Write at most 200 characters, without control characters.",
	},
	ruleSummary: {
		"Skriv høyst 2000 tegn, uten styretegn.",
		"Skriv høgst 2000 teikn, utan styreteikn.",
		"Write at most 2,000 characters, without control characters.",
	},
	ruleReplaces: {
		"Skriv høyst 1000 tegn, uten styretegn.",
		"Skriv høgst 1000 teikn, utan styreteikn.",
		"Write at most 1,000 characters, without control characters.",
	},
	ruleChoice: {
		"Svar med ett nummer eller ord fra listen.",
		"Svar med eitt nummer eller ord frå lista.",
		"Answer with one number or word of the list.",
	},
	ruleChoices: {
		"Svar med numre eller ord fra listen, hvert bare én gang.",
		"Svar med nummer eller ord frå lista, kvart berre éin gong.",
		"Answer with numbers or words of the list, each only once.",
	},
	ruleOriginators: {
		"Skriv registrerte organisasjonsnumre, hvert bare én gang og deres eget med, og andeler som til sammen er 1000. Uten andeler deles det likt.",
		"Skriv registrerte organisasjonsnummer, kvart berre éin gong og dykkar eige med, og delar som til saman er 1000. Utan delar blir det delt likt.",
		"Give registered organisation numbers, each only once and your own among them, and shares that add up to 1000. Without shares it is split equally.",
	},
	ruleDate: {
		"Skriv en dato som 2026-11-22.",
		"Skriv ein dato som 2026-11-22.",
		"Give a date like 2026-11-22.",
	},
	ruleFrom: {
		"Skriv en dato som 2026-11-22, ikke etter i dag og ikke før %s, da innovasjonen ble tatt i bruk der den ble laget.",
		"Skriv ein dato som 2026-11-22, ikkje etter i dag og ikkje før %s, då innovasjonen vart teken i bruk der han vart laga.",
		"Give a date like 2026-11-22, not after today and not before %s, when the innovation was taken into use where it was made.",
	},
	ruleID: {
		"Skriv id-en til en annen innovasjon i registeret, 26 tegn.",
		"Skriv id-en til ein annan innovasjon i registeret, 26 teikn.",
		"Give the id of another innovation in the ledger, 26 characters.",
	},
	ruleLinks: {
		"Skriv høyst 10 lenker som begynner med https://.",
		"Skriv høgst 10 lenkjer som byrjar med https://.",
		"Give at most 10 links that begin with https://.",
	},
	notAccepted: {"«%s» går ikke.", "«%s» går ikkje.", "“%s” is not accepted."},
	wordNeeded:  {"Dette må besvares.", "Dette må svarast på.", "This needs an answer."},
	personalData: {
		"Her står et fødselsnummer eller D-nummer. Skriv det uten personopplysninger.",
		"Her står eit fødselsnummer eller D-nummer. Skriv det utan personopplysningar.",
		"There is a national identity number in it. Write it without personal data.",
	},

	emptyIs:            {"[Enter: %s]", "[Enter: %s]", "[Enter: %s]"},
	emptyKeeps:         {"[Enter beholder «%s»]", "[Enter beheld «%s»]", "[Enter keeps “%s”]"},
	emptyKeepsOptional: {"[Enter beholder «%s», - fjerner]", "[Enter beheld «%s», - fjernar]", "[Enter keeps “%s”, - removes]"},
	emptySkips:         {"[Enter hopper over]", "[Enter hoppar over]", "[Enter skips]"},
	yesOrNo:            {"(j/n)", "(j/n)", "(y/n)"},
	answerYesOrNo:      {"Svar j eller n.", "Svar j eller n.", "Please answer y or n."},
	accepted: {
		"Tatt inn som post %d i %s.",
		"Teken inn som post %d i %s.",
		"Accepted as entry %d of %s.",
	},
	acceptedBefore: {
		"Sto allerede i registeret, som post %d i %s.",
		"Stod allereie i registeret, som post %d i %s.",
		"Was in the ledger already, as entry %d of %s.",
	},
	receiptKept: {
		"Kvitteringen ligger i %s. Kontroller den når som helst:",
		"Kvitteringa ligg i %s. Kontroller ho når som helst:",
		"The receipt is in %s. Check it any time:",
	},
	fileStored: {
		"Filen %s er lagt inn.",
		"Fila %s er lagd inn.",
		"The file %s is stored.",
	},
	fileMissing: {
		"Filen til vedlegget «%s» mangler i registeret. Den kan legges inn slik:",
		"Fila til vedlegget «%s» manglar i registeret. Ho kan leggjast inn slik:",
		"The file of the attachment “%s” is missing in the ledger. It can be stored like this:",
	},
	wordFile: {"FIL", "FIL", "FILE"},
	signThis: {
		"Signere dette? (antall nøkler: %d)",
		"Signere dette? (talet på nøklar: %d)",
		"Sign this? (number of keys: %d)",
	},

	wordService: {
		"tjeneste: et tilbud til pasienter eller brukere",
		"teneste: eit tilbod til pasientar eller brukarar",
		"service: something offered to patients or users",
	},
	wordProduct: {
		"produkt: en gjenstand, et utstyr eller et dataprogram",
		"produkt: ein ting, eit utstyr eller eit dataprogram",
		"product: a thing, a device or software",
	},
	wordProcess: {"prosess: en måte å arbeide på", "prosess: ein måte å arbeide på", "process: a way of working"},
	wordOrganising: {
		"organisering: hvem som gjør hva, og hvem som har ansvaret",
		"organisering: kven som gjer kva, og kven som har ansvaret",
		"organisation: who does what, and who is responsible",
	},
	wordCommunication: {
		"kommunikasjon: en måte å informere eller samhandle på",
		"kommunikasjon: ein måte å informere eller samhandle på",
		"communication: a way to inform or to work together",
	},
	wordOwn: {"egne midler", "eigne midlar", "own money"},
	wordRHF: {
		"midler fra et regionalt helseforetak (RHF)",
		"midlar frå eit regionalt helseføretak (RHF)",
		"money from a regional health authority (RHF)",
	},
	wordNFR:              {"Norges forskningsråd", "Noregs forskingsråd", "the Research Council of Norway"},
	wordEU:               {"EU", "EU", "the EU"},
	wordInnovationNorway: {"Innovasjon Norge", "Innovasjon Noreg", "Innovation Norway"},
	wordOther:            {"andre midler", "andre midlar", "other money"},
	wordYes:              {"ja", "ja", "yes"},
	wordNo:               {"nei", "nei", "no"},
	wordUnit: {
		"én enhet, for eksempel en post eller en poliklinikk",
		"éi eining, til dømes ein post eller ein poliklinikk",
		"one unit, for example a ward or an outpatient clinic",
	},
	wordHospital: {"et helt sykehus", "eit heilt sjukehus", "a whole hospital"},
	wordTrust:    {"hele helseforetaket", "heile helseføretaket", "the whole hospital trust"},
	wordAsIs: {
		"som den er, uten vesentlige endringer",
		"som han er, utan vesentlege endringar",
		"as it is, without substantial changes",
	},
	wordAdapted: {"tilpasset lokale forhold", "tilpassa lokale forhold", "adapted to local conditions"},

	statesPublication: {
		"%s publiserer denne innovasjonen og står inne for opplysningene om den, også om hvem som har laget den, og hvordan den er finansiert:",
		"%s publiserer denne innovasjonen og står inne for opplysningane om han, også om kven som har laga han, og korleis han er finansiert:",
		"%s publishes this innovation and vouches for what is said about it, also about who made it and how it was funded:",
	},
	statesRevision: {
		"%s reviderer innovasjonen %s og står inne for opplysningene. Alt som står om den fra før, blir erstattet av dette:",
		"%s reviderer innovasjonen %s og står inne for opplysningane. Alt som står om han frå før, blir erstatta av dette:",
		"%s revises the innovation %s and vouches for what is said. All that has been said about it so far is replaced by this:",
	},
	statesConfirmation: {
		"%s bekrefter å ha tatt innovasjonen i ordinær bruk. Det er ingen pilot, og %[1]s går god for innovasjonen.",
		"%s stadfestar å ha teke innovasjonen i ordinær bruk. Det er ingen pilot, og %[1]s går god for innovasjonen.",
		"%s confirms that it has taken the innovation into regular use. It is no pilot, and %[1]s vouches for the innovation.",
	},
	statesErasure: {
		"%s sletter filen til dette vedlegget for godt. Den kan aldri legges inn igjen. Postene som nevner den, blir stående:",
		"%s slettar fila til dette vedlegget for godt. Ho kan aldri leggjast inn att. Postane som nemner ho, blir ståande:",
		"%s erases the file of this attachment for good. It can never be stored again. The entries that name it stay:",
	},
	allSign: {
		"Innovasjonen har flere opphav. Alle må signere dette.",
		"Innovasjonen har fleire opphav. Alle må signere dette.",
		"The innovation has several originators. All of them must sign this.",
	},
	revisedSince: {
		"Innovasjonen er revidert etter at dette ble skrevet. Tittelen er den nye, og bekreftelsen vil bli avvist. Begynn på nytt.",
		"Innovasjonen er revidert etter at dette vart skrive. Tittelen er den nye, og stadfestinga vil bli avvist. Byrj på nytt.",
		"The innovation has been revised since this was written. The title is the new one, and the confirmation will be refused. Start again.",
	},
	notLookedUp: {
		"Navn og titler kunne ikke slås opp, så kontroller numrene: %s",
		"Namn og titlar kunne ikkje slåast opp, så kontroller nummera: %s",
		"Names and titles could not be looked up, so check the numbers: %s",
	},
	wordNotRegistered: {"(ikke registrert)", "(ikkje registrert)", "(not registered)"},
	wordShare:         {"%d promille", "%d promille", "%d permille"},

	labelInnovation:  {"Innovasjon", "Innovasjon", "Innovation"},
	labelOriginators: {"Opphav", "Opphav", "Originator"},
	labelTitle:       {"Tittel", "Tittel", "Title"},
	labelSummary:     {"Sammendrag", "Samandrag", "Summary"},
	labelKind:        {"Type", "Type", "Kind"},
	labelFunding:     {"Finansiering", "Finansiering", "Funding"},
	labelRegional:    {"Regional satsing", "Regional satsing", "Regional initiative"},
	labelSince:       {"I bruk siden", "I bruk sidan", "In use since"},
	labelReplaces:    {"Erstatter", "Erstattar", "Replaces"},
	labelDerived:     {"Bygger på", "Byggjer på", "Derived from"},
	labelLink:        {"Lenke", "Lenkje", "Link"},
	labelAttachment:  {"Vedlegg", "Vedlegg", "Attachment"},
	labelFrom:        {"I bruk fra", "I bruk frå", "In use from"},
	labelExtent:      {"Omfang", "Omfang", "Extent"},
	labelForm:        {"Form", "Form", "Form"},
	labelRevision:    {"Revisjon", "Revisjon", "Revision"},
	labelID:          {"Id", "Id", "Id"},
	labelBy:          {"På vegne av", "På vegner av", "On behalf of"},
	labelAt:          {"Tidspunkt", "Tidspunkt", "Time"},
	labelLedger:      {"Register", "Register", "Ledger"},

	mustSignToo: {
		"Signert, men ikke sendt inn. Disse må også signere:",
		"Signert, men ikkje sendt inn. Desse må òg signere:",
		"Signed, but not submitted. These must sign, too:",
	},
	signLikeThis: {
		"Send dem filen %s. Hver av dem signerer den slik:",
		"Send dei fila %s. Kvar av dei signerer ho slik:",
		"Send them the file %s. Each of them signs it like this:",
	},
	thenSubmit: {
		"Når alle har signert, og innen 30 dager, sender én av dem den inn:",
		"Når alle har signert, og innan 30 dagar, sender éin av dei ho inn:",
		"Once all have signed, and within 30 days, one of them submits it:",
	},
	wordKeyFile: {"NØKKELFIL", "NØKKELFIL", "KEYFILE"},
	staleRevision: {
		"innovasjonen ble revidert mens du bekreftet, og ingenting er registrert. Kjør «spredning confirm %s» på nytt, og les innovasjonen slik den er nå, før du signerer",
		"innovasjonen vart revidert medan du stadfesta, og ingenting er registrert. Køyr «spredning confirm %s» på nytt, og les innovasjonen slik han er no, før du signerer",
		"the innovation was revised while you confirmed it, and nothing was registered. Run “spredning confirm %s” again, and read the innovation as it is now before you sign",
	},

	likelyDuplicates: {
		"Dette kan være registrert allerede:",
		"Dette kan vere registrert allereie:",
		"This may be registered already:",
	},
	lookAlikes: {
		"Dette ligner, men er trolig noe annet:",
		"Dette liknar, men er truleg noko anna:",
		"These are similar, but probably something else:",
	},
	notCompared: {
		"Det kunne ikke undersøkes om innovasjonen er registrert fra før: %s",
		"Det kunne ikkje undersøkjast om innovasjonen er registrert frå før: %s",
		"It could not be checked whether the innovation is registered already: %s",
	},
	askWhetherSame: {
		"Er innovasjonen den samme som en av de første, altså registrert allerede?",
		"Er innovasjonen den same som ein av dei første, altså registrert allereie?",
		"Is the innovation the same as one of the first, that is, registered already?",
	},
	reviseInstead: {
		"Har dere vært med på å lage den, reviderer dere den i stedet:",
		"Har de vore med på å lage han, reviderer de han i staden:",
		"If you are one of its originators, revise it instead:",
	},
	adoptInstead: {
		"Har dere tatt den i bruk fra andre, bekrefter dere det i stedet:",
		"Har de teke han i bruk frå andre, stadfestar de det i staden:",
		"If you have taken it into use from others, confirm that instead:",
	},
	deriveInstead: {
		"Bygger deres på den, men er noe nytt, publiserer dere med henvisning til den:",
		"Byggjer dykkar på han, men er noko nytt, publiserer de med tilvising til han:",
		"If yours is derived from it but is something new, publish it with a reference to it:",
	},
	mergeInstead: {
		"Er det samme prosjektet alt registrert to ganger, slås de to sammen med en innovation.merged som alle opphavene til begge signerer (spredning sign --help).",
		"Er det same prosjektet alt registrert to gonger, blir dei to slegne saman med ein innovation.merged som alle opphava til begge signerer (spredning sign --help).",
		"If the same project has been registered twice already, the two are joined by an innovation.merged that all originators of both sign (spredning sign --help).",
	},
	labelSimilarity:   {"Likhet", "Likskap", "Similarity"},
	labelSharedWords:  {"Felles ord", "Felles ord", "Shared words"},
	labelRelatedWords: {"Beslektede ord", "Nærskylde ord", "Related words"},
	labelRelation:     {"Slektskap", "Slektskap", "Lineage"},
	wordWithdrawn:     {"(trukket tilbake)", "(trekt tilbake)", "(withdrawn)"},
	wordDerivedFrom: {
		"det du publiserer, er oppgitt å bygge på denne",
		"det du publiserer, er oppgitt å byggje på denne",
		"what you publish is declared to be derived from this one",
	},
	wordBranch: {
		"denne bygger på det du publiserer",
		"denne byggjer på det du publiserer",
		"this one is derived from what you publish",
	},
	wordSameRoot: {
		"begge bygger på samme innovasjon",
		"begge byggjer på same innovasjon",
		"both are derived from the same innovation",
	},
}

// further are the messages that other files add.
var further [][3]string

// put adds a message in bokmål, nynorsk and English.
func put(nb, nn, en string) message {
	further = append(further, [3]string{nb, nn, en})
	return messageCount + message(len(further)) - 1
}

func (m message) texts() [3]string {
	if m < messageCount {
		return messages[m]
	}
	return further[m-messageCount]
}

// columns is how wide what is said may be, to fit a terminal of 80.
const columns = 78

// wrap breaks a text into lines of at most width characters, at spaces where it
// can. Characters that would steer the terminal are replaced.
func wrap(text string, width int) (lines []string) {
	line := ""
	for i, word := range strings.Split(plain(text), " ") {
		switch {
		case i == 0:
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
		for r := []rune(line); len(r) > width; r = []rune(line) {
			lines, line = append(lines, string(r[:width])), string(r[width:])
		}
	}
	return append(lines, line)
}

func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// tell prints a text to the person at the terminal.
func (e *env) tell(text string) {
	for _, line := range wrap(text, columns) {
		fmt.Fprintln(e.err, line)
	}
}

// row is a line of a statement: a label, and what it says.
type row struct{ label, text string }

// columned gives rows in two columns, long texts wrapped.
func columned(rows []row) (lines []string) {
	width := 0
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r.label))
	}
	for _, r := range rows {
		label := r.label
		for _, text := range wrap(r.text, columns-width-4) {
			lines = append(lines, fmt.Sprintf("  %-*s  %s", width, label, text))
			label = ""
		}
	}
	return lines
}

// texts gives a row for each language of a text.
func texts(label string, t *ledger.Text) (rows []row) {
	if t == nil {
		return nil
	}
	for lang, s := range t.All() {
		rows = append(rows, row{label + " (" + lang + ")", s})
	}
	return rows
}

// references gives the rows of links and attachments.
func (l language) references(links []string, attachments []ledger.Attachment) (rows []row) {
	for _, link := range links {
		rows = append(rows, row{l.say(labelLink), link})
	}
	for _, a := range attachments {
		rows = append(rows, texts(l.say(labelAttachment), &a.Title)...)
		rows = append(rows, row{"", fmt.Sprintf("%s, %d bytes, SHA-256 %s", a.MediaType, a.Size, a.SHA256)})
	}
	return rows
}
