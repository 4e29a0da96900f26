package story

import (
	"fmt"

	"spredning/ledger"
)

// phrase says one thing in bokmål, nynorsk, English and, if need be, Northern
// Sámi.
type phrase struct{ nb, nn, en, se string }

// text says one of the phrases in one or more languages.
func (s *Story) text(of []phrase) ledger.Text { return s.numbered(of, "") }

// title is a title that no other innovation has.
func (s *Story) title() ledger.Text {
	return s.numbered(titles, fmt.Sprint(" ", len(s.Entries)))
}

func (s *Story) numbered(of []phrase, number string) (t ledger.Text) {
	p := pick(s, of...)
	say := func(in **string, words string) {
		if words != "" {
			*in = new(words + number)
		}
	}
	in := pick(s, "b", "b", "b", "n", "bn", "be", "bnes")
	for _, lang := range in {
		switch lang {
		case 'b':
			say(&t.NB, p.nb)
		case 'n':
			say(&t.NN, p.nn)
		case 'e':
			say(&t.EN, p.en)
		case 's':
			say(&t.SE, p.se)
		}
	}
	return t
}

var titles = []phrase{
	{"Digital oppfølging hjemme", "Digital oppfølging heime", "Digital follow-up at home", "Digitála čuovvoleapmi ruovttus"},
	{"Hjemmesykehus for barn", "Heimesjukehus for barn", "Hospital at home for children", "Ruovttubuohcciviessu mánáide"},
	{"Video i ambulansen", "Video i ambulansen", "Video in the ambulance", "Video ambulánssas"},
	{"Felles legemiddelliste", "Felles legemiddelliste", "Shared medication list", "Oktasaš dálkkaslistu"},
	{"Psykisk helsehjelp på nett", "Psykisk helsehjelp på nett", "Mental health care online", "Psyhkalaš dearvvašvuođaveahkki neahtas"},
	{"Tolk på skjerm", "Tolk på skjerm", "Interpreter on a screen", "Dulka šearpmas"},
	{"Trygg utskriving", "Trygg utskriving", "Safe discharge", ""},
	{"Raskere svar på blodprøver", "Raskare svar på blodprøver", "Faster answers to blood tests", ""},
	{"Mindre svinn på operasjonsstuen", "Mindre svinn på operasjonsstova", "Less waste in the operating theatre", ""},
	{"Samvalg ved kreft", "Samval ved kreft", "Shared decisions in cancer care", ""},
	{"Barselbesøk hjemme", "Barselbesøk heime", "Postnatal visits at home", ""},
	{"Smertelindring uten ventetid", "Smertelindring utan ventetid", "Pain relief without waiting", ""},
}

var summaries = []phrase{
	{"Pasientene følges opp der de bor.", "Pasientane blir følgde opp der dei bur.", "Patients are followed up where they live.", "Buhccit čuovvoluvvojit doppe gos orrot."},
	{"Personalet bruker mindre tid på papir.", "Personalet bruker mindre tid på papir.", "Staff spend less time on paper.", ""},
	{"Ventetiden blir kortere.", "Ventetida blir kortare.", "Waiting becomes shorter.", ""},
}

var replaced = []phrase{
	{"Telefaks", "Telefaks", "Fax", ""},
	{"Kontroll på poliklinikken", "Kontroll på poliklinikken", "Follow-up at the outpatient clinic", ""},
}

var files = []phrase{
	{"Slik gjorde vi det", "Slik gjorde vi det", "How we did it", ""},
	{"Erfaringer etter ett år", "Erfaringar etter eitt år", "Experience after a year", ""},
}

var erasures = []phrase{
	{"Et bilde viste en pasient", "Eit bilete viste ein pasient", "A picture showed a patient", ""},
	{"Filen var en annen enn den som var ment", "Fila var ei anna enn den som var meint", "It was another file than the one meant", ""},
}

var withdrawals = []phrase{
	{"Den svarte ikke til forventningene.", "Ho svarte ikkje til forventningane.", "It did not meet expectations.", ""},
	{"Leverandøren har sluttet.", "Leverandøren har slutta.", "The supplier has closed down.", ""},
}

var mergers = []phrase{
	{"Det er samme prosjekt.", "Det er same prosjektet.", "It is the same project.", "Dat lea seamma prošeakta."},
	{"Prosjektet ble registrert to ganger.", "Prosjektet vart registrert to gonger.", "The project was registered twice.", ""},
}

var doubts = []phrase{
	{"Var ikke dette en regional satsning?", "Var ikkje dette ei regional satsing?", "Was this not a regional initiative?", ""},
	{"Er finansieringen bare foretakets egen?", "Er finansieringa berre føretaket si eiga?", "Is the funding the trust's own alone?", ""},
}

var assessments = []phrase{
	{"Vurderingskomiteen har sett på finansieringen.", "Vurderingskomiteen har sett på finansieringa.", "The committee has looked at the funding.", ""},
	{"Vurderingskomiteen har sett på opphavet.", "Vurderingskomiteen har sett på opphavet.", "The committee has looked at the origin.", ""},
}

var invitations = []phrase{
	{"Bruker dere den?", "Bruker de ho?", "Do you use it?", ""},
	{"Vi hørte at den er tatt i bruk hos dere.", "Vi høyrde at ho er teken i bruk hos dykk.", "We heard that you have taken it into use.", ""},
}

var declines = []phrase{
	{"Vi har en annen løsning.", "Vi har ei anna løysing.", "We have another solution.", ""},
	{"Det ble med en pilot.", "Det vart med ein pilot.", "It stayed a pilot.", ""},
}

var endings = []phrase{
	{"En bedre løsning kom.", "Ei betre løysing kom.", "A better solution came.", ""},
	{"Enheten er lagt ned.", "Eininga er lagd ned.", "The unit was closed.", ""},
}

var retractions = []phrase{
	{"Det var bare en pilot.", "Det var berre ein pilot.", "It was only a pilot.", "Dat lei dušše pilohtta."},
	{"Vi bekreftet feil løsning.", "Vi stadfesta feil løysing.", "We confirmed the wrong solution.", ""},
}

var disputes = []phrase{
	{"Den er ikke i bruk der.", "Ho er ikkje i bruk der.", "It is not in use there.", "Dat ii leat anus doppe."},
	{"Det er en annen løsning.", "Det er ei anna løysing.", "It is another solution.", ""},
}

var decisions = []phrase{
	{"Vi har spurt avdelingen.", "Vi har spurt avdelinga.", "We have asked the department.", ""},
	{"Vi har sett bruken selv.", "Vi har sett bruken sjølve.", "We have seen the use ourselves.", ""},
}
