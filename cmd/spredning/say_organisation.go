package main

import (
	"slices"
	"strconv"
	"strings"

	"spredning/keys"
	"spredning/ledger"
)

var (
	statesRegistration = put(
		"%s registrerer %s som organisasjon:",
		"%s registrerer %s som organisasjon:",
		"%s registers %s as an organisation:")
	statesAmendment = put(
		"%s endrer det som er registrert om %s. Alt som står om organisasjonen fra før, blir erstattet av dette:",
		"%s endrar det som er registrert om %s. Alt som står om organisasjonen frå før, blir erstatta av dette:",
		"%s amends what is registered about %s. All that has been said about the organisation so far is replaced by this:")
	statesSuccession = put(
		"%s fører inn at %s etterfølger %s. Fra da av virker ikke forgjengernes nøkler lenger, og etterfølgeren handler i deres sted. Det kan ikke gjøres om.",
		"%s fører inn at %s etterfølgjer %s. Frå då av verkar ikkje nøklane til føregangarane lenger, og etterfølgjaren handlar i staden deira. Det kan ikkje gjerast om.",
		"%s records that %s succeeds %s. From then on the predecessors' keys are dead, and the successor acts in their place. It cannot be undone.")
	statesEnrolment = put(
		"%s registrerer en nøkkel for %s. Det nøkkelen signerer i rollene sine fra nå av, forplikter organisasjonen:",
		"%s registrerer ein nøkkel for %s. Det nøkkelen signerer i rollene sine frå no av, forpliktar organisasjonen:",
		"%s enrols a key for %s. What the key signs in its roles from now on commits the organisation:")
	statesRevocation = put(
		"%s trekker tilbake en nøkkel. Den kan ikke signere mer, og det kan ikke gjøres om. Det nøkkelen har signert før, står ved lag.",
		"%s trekkjer tilbake ein nøkkel. Han kan ikkje signere meir, og det kan ikkje gjerast om. Det nøkkelen har signert før, står ved lag.",
		"%s revokes a key. It can sign nothing more, and that cannot be undone. What the key has signed before stands.")
	flaggedKey = put(
		"Har organisasjonen selv en nøkkel med rollen admin, blir alt som denne nøkkelen signerer, merket: Det var ikke organisasjonen som registrerte den.",
		"Har organisasjonen sjølv ein nøkkel med rolla admin, blir alt som denne nøkkelen signerer, merkt: Det var ikkje organisasjonen som registrerte han.",
		"If the organisation has an admin key of its own, all that this key signs is flagged: it was not the organisation that enrolled it.")

	labelName         = put("Navn", "Namn", "Name")
	labelShort        = put("Kortnavn", "Kortnamn", "Short name")
	labelOrgnr        = put("Organisasjonsnummer", "Organisasjonsnummer", "Organisation number")
	labelRegion       = put("Helseregion", "Helseregion", "Health region")
	labelParent       = put("Overordnet", "Overordna", "Parent")
	labelMunicipality = put("Kommunenummer", "Kommunenummer", "Municipality")
	labelPlace        = put("Plassering", "Plassering", "Place")
	labelMeasuredFrom = put("Målt fra", "Målt frå", "Measured from")
	labelMeasuredTo   = put("Målt til", "Målt til", "Measured to")
	labelContact      = put("Kontakt", "Kontakt", "Contact")
	labelSuccessor    = put("Etterfølger", "Etterfølgjar", "Successor")
	labelPredecessor  = put("Forgjenger", "Føregangar", "Predecessor")
	labelOrganisation = put("Organisasjon", "Organisasjon", "Organisation")
	labelKeyID        = put("Nøkkel-id", "Nøkkel-id", "Key id")
	labelRoles        = put("Roller", "Roller", "Roles")
	labelLabel        = put("Merkelapp", "Merkelapp", "Label")
	labelPublicKey    = put("Offentlig nøkkel", "Offentleg nøkkel", "Public key")
	labelWhy          = put("Årsak", "Årsak", "Reason")
	labelCompromised  = put("Usikker fra post", "Usikker frå post", "Doubtful from entry")

	wordAuthority = put("helsemyndighet", "helsestyresmakt", "health authority")
	wordKindRHF   = put("regionalt helseforetak (RHF)", "regionalt helseføretak (RHF)", "regional health authority (RHF)")
	wordKindHF    = put("helseforetak (HF)", "helseføretak (HF)", "hospital trust (HF)")
	wordNonprofit = put("privat ideelt sykehus", "privat ideelt sjukehus", "private non-profit hospital")
	wordTown      = put("kommune", "kommune", "municipality")
	wordKindOther = put("annet", "anna", "other")

	wordAdmin  = put("admin: registrerer og trekker tilbake nøkler", "admin: registrerer og trekkjer tilbake nøklar", "admin: enrols and revokes keys")
	wordReport = put("report: signerer innovasjoner og adopsjoner", "report: signerer innovasjonar og adopsjonar", "report: signs innovations and adoptions")
	wordAssess = put("assess: signerer for vurderingskomiteen", "assess: signerer for vurderingskomiteen", "assess: signs for the assessment committee")

	wordLost        = put("tapt", "tapt", "lost")
	wordLeft        = put("den som hadde nøkkelen, har sluttet", "den som hadde nøkkelen, har slutta", "whoever held the key has left")
	wordCompromised = put("på avveie: andre kan ha brukt nøkkelen", "på avvegar: andre kan ha brukt nøkkelen", "compromised: others may have used the key")
	wordRotated     = put("byttet ut med en ny", "bytt ut med ein ny", "replaced by a new one")
)

var organisationKinds = []choice{
	{name: "authority", words: wordAuthority},
	{name: "rhf", words: wordKindRHF},
	{name: "hf", words: wordKindHF},
	{name: "private_nonprofit", words: wordNonprofit},
	{name: "municipality", words: wordTown},
	{name: "other", words: wordKindOther},
}

var keyRoles = []choice{
	{name: "admin", words: wordAdmin}, {name: "report", words: wordReport}, {name: "assess", words: wordAssess},
}

var revocationReasons = []choice{
	{name: "lost", words: wordLost},
	{name: "left", words: wordLeft},
	{name: "compromised", words: wordCompromised},
	{name: "rotated", words: wordRotated},
}

func (l language) registration(by string, d *ledger.Registration, f facts) saying {
	return saying{states: l.say(statesRegistration, by, d.Name), rows: l.organisationRows(d.Organisation, f)}
}

func (l language) amendment(by string, d *ledger.Amendment, f facts) saying {
	return saying{states: l.say(statesAmendment, by, f.name(d.Orgnr)), rows: l.organisationRows(d.Organisation, f)}
}

// organisationRows are an organisation's fields, those that are there.
func (l language) organisationRows(o ledger.Organisation, f facts) (rows []row) {
	add := func(label message, text string) {
		if text != "" {
			rows = append(rows, row{l.say(label), text})
		}
	}
	add(labelName, o.Name)
	add(labelShort, o.Short)
	add(labelOrgnr, string(o.Orgnr))
	add(labelKind, l.words(organisationKinds, string(o.Kind)))
	add(labelRegion, o.Region)
	if o.Parent != "" {
		add(labelParent, f.organisation(l, o.Parent))
	}
	add(labelMunicipality, o.Municipality)
	if o.Lat != nil && o.Lon != nil {
		add(labelPlace, degrees(*o.Lat)+", "+degrees(*o.Lon))
	}
	if o.MeasuredFrom != nil {
		add(labelMeasuredFrom, strconv.Itoa(*o.MeasuredFrom))
	}
	if o.MeasuredTo != nil {
		add(labelMeasuredTo, strconv.Itoa(*o.MeasuredTo))
	}
	add(labelContact, o.Contact)
	return rows
}

func degrees(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func (l language) succession(by string, d *ledger.Succession, f facts) saying {
	rows := []row{{l.say(labelSuccessor), f.organisation(l, d.Successor)}}
	names := make([]string, len(d.Predecessors))
	for i, o := range d.Predecessors {
		names[i] = f.name(o)
		rows = append(rows, row{l.say(labelPredecessor), f.organisation(l, o)})
	}
	return saying{states: l.say(statesSuccession, by, f.name(d.Successor), strings.Join(names, ", ")), rows: rows}
}

func (l language) enrolment(by ledger.Orgnr, d *ledger.Enrolment, f facts) saying {
	s := saying{
		states: l.say(statesEnrolment, f.name(by), f.name(d.Organisation)),
		rows:   append([]row{{l.say(labelOrganisation), f.organisation(l, d.Organisation)}}, l.keyRows(d.Key)...),
	}
	if by != d.Organisation && (slices.Contains(d.Key.Roles, ledger.Admin) || slices.Contains(d.Key.Roles, ledger.Report)) {
		s.remarks = append(s.remarks, l.say(flaggedKey))
	}
	return s
}

func (l language) keyRows(k ledger.Key) (rows []row) {
	id := k.PublicKey().ID()
	if k.Scheme == keys.WebAuthn { // made by somebody else, who sees the same code
		rows = append(rows, row{l.say(labelCode), keys.Code(id)})
	}
	return append(rows,
		row{l.say(labelKeyID), string(id)},
		row{l.say(labelLabel), k.Label},
		row{l.say(labelRoles), l.words(keyRoles, texted(k.Roles)...)},
		row{l.say(labelPublicKey), k.Scheme + " " + k.Public})
}

// texted gives values of a closed list as plain strings.
func texted[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}

func (l language) revocation(by string, d *ledger.Revocation, f facts) saying {
	rows := []row{{l.say(labelKeyID), string(d.Key)}}
	if k, ok := f.keys[d.Key]; ok {
		rows = append(rows,
			row{l.say(labelOrganisation), f.organisation(l, k.Organisation)},
			row{l.say(labelLabel), k.Label},
			row{l.say(labelRoles), l.words(keyRoles, texted(k.Roles)...)})
	}
	rows = append(rows, row{l.say(labelWhy), l.words(revocationReasons, d.Reason)})
	if d.CompromisedFrom != nil {
		rows = append(rows, row{l.say(labelCompromised), strconv.FormatInt(*d.CompromisedFrom, 10)})
	}
	return saying{states: l.say(statesRevocation, by), rows: rows}
}
