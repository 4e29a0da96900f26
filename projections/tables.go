package projections

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"spredning/ledger"
)

// OpenTable is one table of the open data: flat rows of a fold at its position,
// the same on every node. Each row names the entry that it comes from.
type OpenTable struct {
	Name       string // also of its files
	Title      Words
	About      Words
	Columns    []Column // in this order, which never changes but at the end
	Key        []string // the columns that no two rows have alike
	References []Reference

	rows func(f *Fold, read ReadEntry, yield func([]any) error) error
}

// Words are a text for people, in bokmål, nynorsk and English.
type Words struct{ NB, NN, EN string }

// Column is a column of an open table.
type Column struct {
	Name     string // snake_case
	Type     ColumnType
	Required bool   // no cell is empty
	Lang     string // of a text in one language
	About    Words
}

// Reference says that a column holds the key of another table.
type Reference struct{ Column, Table, To string }

// ColumnType is what the cells of a column are.
type ColumnType string

// The types of columns, each with the Go type of its cells. An empty cell is nil.
const (
	TextColumn    ColumnType = "text"    // string
	ListColumn    ColumnType = "list"    // string: items without spaces, parted by one space
	IntegerColumn ColumnType = "integer" // int64
	NumberColumn  ColumnType = "number"  // float64
	PointsColumn  ColumnType = "points"  // ledger.Milli: at most three decimals
	BooleanColumn ColumnType = "boolean" // bool
	DateColumn    ColumnType = "date"    // ledger.Date
	TimeColumn    ColumnType = "time"    // time.Time, UTC in whole seconds
)

// ReadEntry reads an entry of the log: what confirmations say stands there alone.
type ReadEntry func(index int64) (*ledger.Entry, error)

// Rows calls yield with the cells of each row, in order. yield keeps nothing of
// them. Entries are read one after the other, none is held.
func (t OpenTable) Rows(f *Fold, read ReadEntry, yield func(cells []any) error) error {
	return t.rows(f, read, func(cells []any) error { return yield(append(cells, f.Illustrated)) })
}

// OpenTables are the tables of the open data.
var OpenTables = []OpenTable{
	{
		Name:  "innovations",
		Title: Words{"Innovasjoner", "Innovasjonar", "Innovations"},
		About: Words{
			"Alle innovasjoner, også tilbaketrukne og sammenslåtte, slik opphavsforetakene beskriver dem nå, i rekkefølgen de ble publisert.",
			"Alle innovasjonar, òg tilbaketrekte og samanslåtte, slik opphavsføretaka skildrar dei no, i rekkjefølgja dei vart publiserte.",
			"All innovations, withdrawn and merged ones too, as their originators describe them now, in the order of publishing.",
		},
		Columns: innovationColumns, Key: []string{"id"},
		References: []Reference{{"derived_from", "innovations", "id"}, {"merged_into", "innovations", "id"}},
		rows:       (*Fold).innovationRows,
	},
	{
		Name:  "adoptions",
		Title: Words{"Adopsjoner", "Adopsjonar", "Adoptions"},
		About: Words{
			"Alt som har skjedd mellom en innovasjon og et foretak som kan ta den i bruk, én rad for hvert par, etter parets første post.",
			"Alt som har skjedd mellom ein innovasjon og eit føretak som kan ta han i bruk, éi rad for kvart par, etter den første posten om paret.",
			"What has happened between an innovation and an organisation that may adopt it, one row a pair, by the pair's first entry.",
		},
		Columns: adoptionColumns, Key: []string{"innovation", "adopter"},
		References: []Reference{{"innovation", "innovations", "id"}, {"adopter", "organisations", "orgnr"}, {"confirmed_by", "organisations", "orgnr"}},
		rows:       (*Fold).adoptionRows,
	},
	{
		Name:  "organisations",
		Title: Words{"Organisasjoner", "Organisasjonar", "Organisations"},
		About: Words{
			"Alle registrerte organisasjoner slik de er nå, etter organisasjonsnummer.",
			"Alle registrerte organisasjonar slik dei er no, etter organisasjonsnummer.",
			"All registered organisations as they are now, by organisation number.",
		},
		Columns: organisationColumns, Key: []string{"orgnr"},
		References: []Reference{{"succeeded_by", "organisations", "orgnr"}},
		rows:       (*Fold).organisationRows,
	},
	{
		Name:  "points",
		Title: Words{"Poeng", "Poeng", "Points"},
		About: Words{
			"Poeng i delindikator 2 for hvert rapporteringsår og foretak. Et avsluttet år er som da det ble avsluttet, og endres aldri.",
			"Poeng i delindikator 2 for kvart rapporteringsår og føretak. Eit avslutta år er som då det vart avslutta, og blir aldri endra.",
			"Points of sub-indicator 2 by reporting year and organisation. A closed year is as it was when it closed, and never changes.",
		},
		Columns: pointsColumns, Key: []string{"year", "orgnr"},
		References: []Reference{{"orgnr", "organisations", "orgnr"}},
		rows:       (*Fold).pointsRows,
	},
	{
		Name:  "point_lines",
		Title: Words{"Poenglinjer", "Poenglinjer", "Point lines"},
		About: Words{
			"Hva poengene kommer av: én rad for hver organisasjon som en adopsjon har gitt poeng, med posten den kommer fra.",
			"Kva poenga kjem av: éi rad for kvar organisasjon som ein adopsjon har gitt poeng, med posten ho kjem frå.",
			"What the points come from: one row for each organisation that an adoption has given points, with the entry it comes from.",
		},
		Columns: lineColumns, Key: []string{"year", "orgnr", "index"},
		References: []Reference{{"orgnr", "organisations", "orgnr"}, {"innovation", "innovations", "id"}, {"adopter", "organisations", "orgnr"}},
		rows:       (*Fold).lineRows,
	},
}

// OpenTableNamed gives the table of a name.
func OpenTableNamed(name string) (OpenTable, bool) {
	at := slices.IndexFunc(OpenTables, func(t OpenTable) bool { return t.Name == name })
	if at < 0 {
		return OpenTable{}, false
	}
	return OpenTables[at], true
}

func must(name string, typ ColumnType, nb, nn, en string) Column {
	return Column{Name: name, Type: typ, Required: true, About: Words{nb, nn, en}}
}

func may(name string, typ ColumnType, nb, nn, en string) Column {
	return Column{Name: name, Type: typ, About: Words{nb, nn, en}}
}

// languages of texts, in the order of their columns.
var languages = []struct {
	code string
	Words
}{
	{"nb", Words{"bokmål", "bokmål", "Norwegian bokmål"}},
	{"nn", Words{"nynorsk", "nynorsk", "Norwegian nynorsk"}},
	{"en", Words{"engelsk", "engelsk", "English"}},
	{"se", Words{"nordsamisk", "nordsamisk", "Northern Sámi"}},
}

// inAll is a text's columns, one for each language.
func inAll(name, nb, nn, en string) (columns []Column) {
	for _, l := range languages {
		columns = append(columns, Column{
			Name: name + "_" + l.code, Type: TextColumn, Lang: l.code, About: Words{nb + ", på " + l.NB, nn + ", på " + l.NN, en + ", in " + l.EN},
		})
	}
	return columns
}

var illustrativeColumn = must("illustrative", BooleanColumn,
	"Sant: demonstrasjonsdata; sykehusene som er nevnt, har ikke bekreftet noe",
	"Sant: demonstrasjonsdata; sjukehusa som er nemnde, har ikkje stadfesta noko",
	"True: demonstration data; the hospitals named have confirmed nothing")

var innovationColumns = slices.Concat(
	[]Column{
		must("id", TextColumn, "Innovasjonens id (ULID)", "Id-en til innovasjonen (ULID)", "The innovation's id (ULID)"),
		must("index", IntegerColumn, "Nummeret på posten som publiserte den", "Nummeret på posten som publiserte han", "Index of the entry that published it"),
		must("published_at", TimeColumn, "Når den ble publisert, etter klokken til den som signerte", "Når han vart publisert, etter klokka til den som signerte", "When it was published, by the signer's clock"),
		must("revised_index", IntegerColumn, "Nummeret på posten som raden gjengir: den siste publiseringen eller revisjonen", "Nummeret på posten som rada gir att: den siste publiseringa eller revisjonen", "Index of the entry that the row tells: the latest publication or revision"),
		must("revised_at", TimeColumn, "Tidspunktet i den posten", "Tidspunktet i den posten", "The time in that entry"),
		must("revision", TextColumn, "Den postens bladhash (RFC 6962), 64 heksadesimale sifre", "Bladhashen til den posten (RFC 6962), 64 heksadesimale siffer", "That entry's leaf hash (RFC 6962), 64 hex digits"),
		must("status", TextColumn, "published, withdrawn (trukket tilbake) eller merged (slått sammen med en annen)", "published, withdrawn (trekt tilbake) eller merged (slegen saman med ein annan)", "published, withdrawn or merged"),
	},
	inAll("title", "Tittel", "Tittel", "Title"),
	inAll("summary", "Sammendrag", "Samandrag", "Summary"),
	[]Column{
		must("kind", TextColumn, "Type innovasjon: service, product, process, organisation eller communication", "Type innovasjon: service, product, process, organisation eller communication", "Kind of innovation: service, product, process, organisation or communication"),
		must("originators", ListColumn, "Opphavsforetakenes organisasjonsnumre", "Organisasjonsnummera til opphavsføretaka", "The originators' organisation numbers"),
		must("originator_shares", ListColumn, "Opphavsforetakenes andeler i promille, i samme rekkefølge", "Delane til opphavsføretaka i promille, i same rekkjefølgje", "The originators' shares in permille, in the same order"),
		must("funding", ListColumn, "Finansiering: own, rhf, nfr, eu, innovation_norway, other", "Finansiering: own, rhf, nfr, eu, innovation_norway, other", "Funding: own, rhf, nfr, eu, innovation_norway, other"),
		must("regional_initiative", BooleanColumn, "Del av et regionalt eller nasjonalt program eller en anskaffelse innen teknologi og digitalisering", "Del av eit regionalt eller nasjonalt program eller ei anskaffing innan teknologi og digitalisering", "Part of a regional or national programme or procurement in technology or digitalisation"),
		must("in_use_since", DateColumn, "I bruk hos opphavsforetaket siden", "I bruk hos opphavsføretaket sidan", "In use at the originator since"),
	},
	inAll("replaces", "Hva den erstatter", "Kva han erstattar", "What it replaces"),
	[]Column{
		may("derived_from", TextColumn, "Id-en til innovasjonen den bygger på", "Id-en til innovasjonen han byggjer på", "Id of the innovation that it is derived from"),
		may("links", ListColumn, "Lenker", "Lenkjer", "Links"),
		may("attachments", ListColumn, "Vedleggenes SHA-256, heksadesimalt", "SHA-256 av vedlegga, heksadesimalt", "The attachments' SHA-256, in hex digits"),
		may("withdrawn_index", IntegerColumn, "Nummeret på posten som trakk den tilbake", "Nummeret på posten som trekte han tilbake", "Index of the entry that withdrew it"),
		may("merged_index", IntegerColumn, "Nummeret på posten som slo den sammen med en annen", "Nummeret på posten som slo han saman med ein annan", "Index of the entry that merged it into another"),
		may("merged_into", TextColumn, "Id-en til den den til slutt ble slått sammen med", "Id-en til den han til slutt vart slegen saman med", "Id of the one it was finally merged into"),
		may("assessed_index", IntegerColumn, "Nummeret på vurderingskomiteens vurdering, så lenge den gjelder", "Nummeret på vurderinga til vurderingskomiteen, så lenge ho gjeld", "Index of the committee's assessment, while it is in force"),
		may("eligible", BooleanColumn, "Hva vurderingen sier: kan gi poeng", "Kva vurderinga seier: kan gi poeng", "What the assessment says: may give points"),
		must("adopters", IntegerColumn, "Antall foretak som har bekreftet adopsjon, også der bruken er avsluttet", "Talet på føretak som har stadfesta adopsjon, òg der bruken er avslutta", "How many have confirmed an adoption, ended use included"),
		must("adopters_same_region", IntegerColumn, "Av dem: i samme region som et opphavsforetak", "Av dei: i same region som eit opphavsføretak", "Of those: in the same region as an originator"),
		must("adopters_other_region", IntegerColumn, "Av dem: i andre regioner", "Av dei: i andre regionar", "Of those: in other regions"),
		must("adopters_in_use", IntegerColumn, "Av dem: der den er i bruk nå", "Av dei: der han er i bruk no", "Of those: where it is in use now"),
		may("flags", ListColumn, "authority_key: signert med en nøkkel myndigheten har registrert for en som hadde egen administrator; compromised_key: nøkkelen kan ha vært på avveie", "authority_key: signert med ein nøkkel styresmakta har registrert for ein som hadde eigen administrator; compromised_key: nøkkelen kan ha vore på avvegar", "authority_key: signed with a key that the authority enrolled for one with an administrator of its own; compromised_key: the key may have been in wrong hands"),
		illustrativeColumn,
	},
)

func (f *Fold) innovationRows(read ReadEntry, yield func([]any) error) error {
	var row []any
	for _, i := range f.innovations {
		published, err := read(i.published)
		if err != nil {
			return err
		}
		revised := published
		if i.revised != i.published {
			if revised, err = read(i.revised); err != nil {
				return err
			}
		}
		x := f.read(i)
		row = append(row[:0], x.ID, x.Index, published.At.UTC(), x.Revised, revised.At.UTC(), x.Revision, x.Status)
		row = appendText(row, &x.Title)
		row = appendText(row, &x.Summary)
		row = append(row, x.Kind, f.orgnrs(i.makers), permilles(i.Originators), listed(x.Funding), x.RegionalInitiative, x.InUseSince)
		row = appendText(row, x.Replaces)
		row = append(row, orNil(x.DerivedFrom), listed(x.Links), hashes(i.Attachments))
		row = append(row, indexOf(x.Withdrawn), indexOf(x.Merged), orNil(x.MergedInto))
		if a := x.Assessment; a != nil {
			row = append(row, a.Index, a.Eligible)
		} else {
			row = append(row, nil, nil)
		}
		s := x.Spread
		row = append(row, int64(s.Adopters), int64(s.SameRegion), int64(s.OtherRegion), int64(s.InUse), listed(x.Flags))
		if err := yield(row); err != nil {
			return err
		}
	}
	return nil
}

var adoptionColumns = slices.Concat(
	[]Column{
		must("innovation", TextColumn, "Innovasjonens id; den endelige, om den er slått sammen", "Id-en til innovasjonen; den endelege, om han er slegen saman", "The innovation's id; the final one, if it was merged"),
		must("innovation_title", TextColumn, "Innovasjonens tittel, på det første av bokmål, nynorsk, engelsk og nordsamisk som finnes", "Tittelen på innovasjonen, på det første av bokmål, nynorsk, engelsk og nordsamisk som finst", "The innovation's title, in the first of bokmål, nynorsk, English and Northern Sámi that there is"),
		must("originators", ListColumn, "Opphavsforetakenes organisasjonsnumre", "Organisasjonsnummera til opphavsføretaka", "The originators' organisation numbers"),
		must("adopter", TextColumn, "Organisasjonsnummeret til foretaket som tar den i bruk; den som har overtatt, om noen har", "Organisasjonsnummeret til føretaket som tek han i bruk; den som har teke over, om nokon har", "Organisation number of the adopter; its successor, if there is one"),
		must("adopter_name", TextColumn, "Foretakets navn", "Namnet på føretaket", "The adopter's name"),
		may("adopter_region", TextColumn, "Foretakets helseregion", "Helseregionen til føretaket", "The adopter's health region"),
		must("reach", TextColumn, "same_region: samme region som et opphavsforetak; other_region: en annen", "same_region: same region som eit opphavsføretak; other_region: ein annan", "same_region: the same region as an originator's; other_region: another"),
		must("status", TextColumn, "invited (invitert), declined (takket nei), confirmed (bekreftet), ended (avsluttet) eller retracted (trukket tilbake)", "invited (invitert), declined (takka nei), confirmed (stadfesta), ended (avslutta) eller retracted (trekt tilbake)", "invited, declined, confirmed, ended or retracted"),
		may("index", IntegerColumn, "Nummeret på bekreftelsen som gjelder: den tidligste som ikke er trukket tilbake", "Nummeret på stadfestinga som gjeld: den tidlegaste som ikkje er trekt tilbake", "Index of the confirmation that counts: the earliest that is not retracted"),
		must("first_index", IntegerColumn, "Nummeret på den første posten om paret", "Nummeret på den første posten om paret", "Index of the first entry about the pair"),
		must("latest_index", IntegerColumn, "Nummeret på den siste posten om paret", "Nummeret på den siste posten om paret", "Index of the latest entry about the pair"),
		may("confirmed_by", TextColumn, "Organisasjonsnummeret til den som bekreftet: foretaket, eller et det har overtatt for", "Organisasjonsnummeret til den som stadfesta: føretaket, eller eit det har teke over for", "Organisation number of who confirmed: the adopter, or one that it has succeeded"),
		may("confirmed_at", TimeColumn, "Når, etter klokken til den som signerte", "Når, etter klokka til den som signerte", "When, by the signer's clock"),
		must("confirmations", IntegerColumn, "Antall bekreftelser i alt, tilbaketrukne medregnet", "Talet på stadfestingar i alt, tilbaketrekte medrekna", "How many confirmations in all, retracted ones included"),
		may("revision", TextColumn, "Bladhash til den utgaven av innovasjonen som ble bekreftet", "Bladhashen til den utgåva av innovasjonen som vart stadfesta", "Leaf hash of the edition of the innovation that was confirmed"),
		may("in_use_from", DateColumn, "I ordinær bruk fra", "I ordinær bruk frå", "In regular use from"),
		may("extent", TextColumn, "Omfang: unit (en enhet), hospital (et sykehus) eller trust (hele foretaket)", "Omfang: unit (ei eining), hospital (eit sjukehus) eller trust (heile føretaket)", "Extent: unit, hospital or trust"),
		may("form", TextColumn, "as_is (som den er) eller adapted (tilpasset)", "as_is (som han er) eller adapted (tilpassa)", "as_is or adapted"),
		may("funding", ListColumn, "Finansiering av innføringen: own, rhf, nfr, eu, innovation_norway, other", "Finansiering av innføringa: own, rhf, nfr, eu, innovation_norway, other", "Funding of the adoption: own, rhf, nfr, eu, innovation_norway, other"),
	},
	inAll("replaces", "Hva den erstattet", "Kva han erstatta", "What it replaced"),
	[]Column{
		may("links", ListColumn, "Lenker", "Lenkjer", "Links"),
		may("attachments", ListColumn, "Vedleggenes SHA-256, heksadesimalt", "SHA-256 av vedlegga, heksadesimalt", "The attachments' SHA-256, in hex digits"),
		may("declined_index", IntegerColumn, "Nummeret på posten som sier nei til den siste invitasjonen", "Nummeret på posten som seier nei til den siste invitasjonen", "Index of the answer no to the last invitation"),
		may("ended_index", IntegerColumn, "Nummeret på posten som sier at bruken er avsluttet", "Nummeret på posten som seier at bruken er avslutta", "Index of the entry that says that the use has ended"),
		may("ended_on", DateColumn, "Når bruken ble avsluttet", "Når bruken vart avslutta", "When the use ended"),
		may("retracted_index", IntegerColumn, "Nummeret på posten som trakk bekreftelsene tilbake", "Nummeret på posten som trekte stadfestingane tilbake", "Index of the entry that retracted the confirmations"),
		must("disputes_open", IntegerColumn, "Antall innsigelser som ikke er avgjort; imens teller ikke adopsjonen", "Talet på innvendingar som ikkje er avgjorde; imens tel ikkje adopsjonen", "How many disputes are not settled; meanwhile the adoption does not count"),
		may("decided_index", IntegerColumn, "Nummeret på vurderingskomiteens siste avgjørelse", "Nummeret på den siste avgjerda til vurderingskomiteen", "Index of the committee's latest decision"),
		may("upheld", BooleanColumn, "Sant: innsigelsen ble tatt til følge, adopsjonen teller ikke", "Sant: innvendinga vart teken til følgje, adopsjonen tel ikkje", "True: the dispute was upheld, the adoption does not count"),
		may("flags", ListColumn, "Om nøkkelen som signerte, se innovations", "Om nøkkelen som signerte, sjå innovations", "About the key that signed, see innovations"),
		illustrativeColumn,
	},
)

func (f *Fold) adoptionRows(read ReadEntry, yield func([]any) error) error {
	var row []any
	for _, n := range f.pairsByFirst() {
		p := &f.pairs[n]
		i := f.innovations[p.innovation]
		told := f.untold(i, p)
		for _, index := range told.Entries {
			e, err := read(index)
			if err != nil {
				return err
			}
			told.Tell(e)
		}
		row = append(row[:0], told.Innovation, titleOf(i), f.orgnrs(i.makers), string(told.Adopter), told.Name, orNil(f.orgs[p.adopter].Region))
		row = append(row, told.Reach, told.Status, indexOr(told.Index), told.Entries[0], told.Entries[len(told.Entries)-1])
		row = f.appendConfirmation(row, told.Adoption)
		row = appendRest(row, told.Adoption)
		row = append(row, f.confirmationFlags(told.Adoption))
		if err := yield(row); err != nil {
			return err
		}
	}
	return nil
}

// pairsByFirst gives the pairs that no other has taken over by their first
// entries, so that who reads those reads the log nearly from one end to the other.
func (f *Fold) pairsByFirst() []int32 {
	type place struct {
		first uint32
		pair  int32
	}
	places := make([]place, 0, len(f.pairs))
	for n := range f.pairs {
		if p := &f.pairs[n]; p.joined == none {
			first := p.last
			for f.entries[first].before != noEntry {
				first = f.entries[first].before
			}
			places = append(places, place{first, int32(n)})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return int(int64(a.first) - int64(b.first)) })
	numbers := make([]int32, len(places))
	for k, p := range places {
		numbers[k] = p.pair
	}
	return numbers
}

// counting is an adoption's confirmation that counts: its entry.
func counting(a Adoption) (Confirmation, bool) {
	if a.Index != nil {
		for _, c := range a.Confirmations {
			if c.Index == *a.Index {
				return c, true
			}
		}
	}
	return Confirmation{}, false
}

func (f *Fold) appendConfirmation(row []any, a Adoption) []any {
	all := int64(len(a.Confirmations))
	c, ok := counting(a)
	if !ok {
		row = append(row, nil, nil, all, nil, nil, nil, nil, nil)
		row = appendText(row, nil)
		return append(row, nil, nil)
	}
	row = append(row, string(c.By), timeOf(c.At), all, c.Revision, c.InUseFrom, c.Extent, c.Form, listed(c.Funding))
	row = appendText(row, c.Replaces)
	var files []string
	for _, file := range c.Attachments {
		files = append(files, file.SHA256)
	}
	return append(row, listed(c.Links), listed(files))
}

func (f *Fold) confirmationFlags(a Adoption) any {
	c, ok := counting(a)
	if !ok {
		return nil
	}
	return listed(f.Flags(c.Index, c.SignedBy))
}

// appendRest appends how a pair's invitation, use and disputes stand.
func appendRest(row []any, a Adoption) []any {
	row = append(row, indexOf(a.Declined))
	if a.Ended != nil {
		row = append(row, a.Ended.Index, a.Ended.EndedOn)
	} else {
		row = append(row, nil, nil)
	}
	row = append(row, indexOf(a.Retracted))
	open := int64(0)
	for _, d := range a.Disputes {
		if d.Status == DisputeOpen {
			open++
		}
	}
	row = append(row, open)
	if n := len(a.Decisions); n > 0 {
		return append(row, a.Decisions[n-1].Index, a.Decisions[n-1].Upheld)
	}
	return append(row, nil, nil)
}

var organisationColumns = []Column{
	must("orgnr", TextColumn, "Organisasjonsnummer", "Organisasjonsnummer", "Organisation number"),
	must("index", IntegerColumn, "Nummeret på posten som sist registrerte eller endret den", "Nummeret på posten som sist registrerte eller endra han", "Index of the entry that registered or last amended it"),
	must("name", TextColumn, "Navn", "Namn", "Name"),
	must("short", TextColumn, "Kortnavn", "Kortnamn", "Short name"),
	must("kind", TextColumn, "authority, rhf, hf (helseforetak), private_nonprofit (privat ideelt sykehus), municipality eller other", "authority, rhf, hf (helseføretak), private_nonprofit (privat ideelt sjukehus), municipality eller other", "authority, rhf, hf (hospital trust), private_nonprofit, municipality or other"),
	may("region", TextColumn, "Helseregion", "Helseregion", "Health region"),
	may("parent", TextColumn, "Eierens organisasjonsnummer", "Organisasjonsnummeret til eigaren", "The owner's organisation number"),
	may("municipality", TextColumn, "Kommunenummer, fire sifre", "Kommunenummer, fire siffer", "Municipality code, four digits"),
	may("lat", NumberColumn, "Breddegrad (WGS 84)", "Breiddegrad (WGS 84)", "Latitude, degrees (WGS 84)"),
	may("lon", NumberColumn, "Lengdegrad (WGS 84)", "Lengdegrad (WGS 84)", "Longitude, degrees (WGS 84)"),
	may("measured_from", IntegerColumn, "Første år i det nasjonale målesystemet; tomt: er ikke med", "Første år i det nasjonale målesystemet; tomt: er ikkje med", "First year in the national measuring system; empty: not in it"),
	may("measured_to", IntegerColumn, "Siste år i det nasjonale målesystemet; tomt: fortsatt med", "Siste år i det nasjonale målesystemet; tomt: framleis med", "Last year in the national measuring system; empty: still in it"),
	may("contact", TextColumn, "Lenke eller rollepostkasse", "Lenkje eller rollepostkasse", "A link, or a role's mailbox"),
	must("authority", BooleanColumn, "Sant: myndigheten som registrerer de andre", "Sant: styresmakta som registrerer dei andre", "True: the authority that registers the others"),
	may("succeeded_by", TextColumn, "Organisasjonsnummeret til den som har overtatt", "Organisasjonsnummeret til den som har teke over", "Organisation number of who has taken its place"),
	may("predecessors", ListColumn, "Organisasjonsnumrene til dem den har overtatt for", "Organisasjonsnummera til dei han har teke over for", "Organisation numbers of those whose place it has taken"),
	must("originated", IntegerColumn, "Antall innovasjoner den er opphavsforetak for", "Talet på innovasjonar han er opphavsføretak for", "How many innovations it is an originator of"),
	must("adopted", IntegerColumn, "Antall adopsjoner den har bekreftet, også der bruken er avsluttet", "Talet på adopsjonar han har stadfesta, òg der bruken er avslutta", "How many adoptions it has confirmed, ended use included"),
	must("adopted_in_use", IntegerColumn, "Av dem: i bruk nå", "Av dei: i bruk no", "Of those: in use now"),
	illustrativeColumn,
}

func (f *Fold) organisationRows(_ ReadEntry, yield func([]any) error) error {
	var row []any
	for _, o := range f.Organisations() {
		row = append(row[:0], string(o.Orgnr), o.Index, o.Name, o.Short, string(o.Kind), orNil(o.Region), orNil(string(o.Parent)), orNil(o.Municipality))
		row = append(row, floatOr(o.Lat), floatOr(o.Lon), yearOr(o.MeasuredFrom), yearOr(o.MeasuredTo), orNil(o.Contact))
		var before []ledger.Orgnr
		for _, p := range o.Predecessors {
			before = append(before, p.Orgnr)
		}
		row = append(row, o.Authority, orNil(string(o.SucceededBy)), listed(before), int64(len(o.Originated)))
		adopted, inUse := int64(0), int64(0)
		for _, a := range o.Adopted {
			switch a.Status {
			case Confirmed.String():
				adopted, inUse = adopted+1, inUse+1
			case Ended.String():
				adopted++
			}
		}
		if err := yield(append(row, adopted, inUse)); err != nil {
			return err
		}
	}
	return nil
}

var yearColumns = []Column{
	must("year", IntegerColumn, "Rapporteringsår", "Rapporteringsår", "Reporting year"),
	must("status", TextColumn, "open (åpent) eller closed (avsluttet)", "open (ope) eller closed (avslutta)", "open or closed"),
	must("position", IntegerColumn, "Antall poster tabellen er regnet ut av", "Talet på postar tabellen er rekna ut av", "How many entries the table is computed from"),
	must("rules", TextColumn, "Reglene som gjelder for året", "Reglane som gjeld for året", "The rules in force for the year"),
	must("rules_illustrative", BooleanColumn, "Sant: reglenes poengverdier er illustrative", "Sant: poengverdiane i reglane er illustrative", "True: the rules' values are illustrative"),
	must("orgnr", TextColumn, "Organisasjonsnummeret til den som får poengene", "Organisasjonsnummeret til den som får poenga", "Organisation number of who gets the points"),
	must("name", TextColumn, "Navnet i tabellen", "Namnet i tabellen", "The name in the table"),
	may("region", TextColumn, "Helseregionen i tabellen", "Helseregionen i tabellen", "The health region in the table"),
}

var pointsColumns = slices.Concat(yearColumns, []Column{
	must("index", IntegerColumn, "Nummeret på posten som avsluttet året, eller som åpnet det om det er åpent; hver bekreftelse står i point_lines", "Nummeret på posten som avslutta året, eller som opna det om det er ope; kvar stadfesting står i point_lines", "Index of the entry that closed the year, or opened it if it is open; each confirmation stands in point_lines"),
	must("originated", PointsColumn, "Poeng som opphavsforetak", "Poeng som opphavsføretak", "Points as originator"),
	must("adopted", PointsColumn, "Poeng for å ha tatt i bruk det andre har laget", "Poeng for å ha teke i bruk det andre har laga", "Points for adopting from others"),
	must("total", PointsColumn, "Poeng i alt", "Poeng i alt", "Points in all"),
	must("lines", IntegerColumn, "Antall poenglinjer", "Talet på poenglinjer", "How many point lines"),
	illustrativeColumn,
})

func (f *Fold) pointsRows(_ ReadEntry, yield func([]any) error) error {
	var row []any
	for _, y := range f.ReportingYears() {
		index := y.Opened
		if y.Closed != nil {
			index = *y.Closed
		}
		t, _ := f.Table(y.Year)
		for _, r := range t.Rows {
			row = append(appendYear(row[:0], t, r), index, r.Originated, r.Adopted, r.Total, int64(len(r.Lines)))
			if err := yield(row); err != nil {
				return err
			}
		}
	}
	return nil
}

var lineColumns = slices.Concat(yearColumns, []Column{
	must("index", IntegerColumn, "Nummeret på bekreftelsen poengene kommer av", "Nummeret på stadfestinga poenga kjem av", "Index of the confirmation that the points come from"),
	must("innovation", TextColumn, "Innovasjonens id", "Id-en til innovasjonen", "The innovation's id"),
	must("innovation_title", TextColumn, "Innovasjonens tittel nå, på det første av bokmål, nynorsk, engelsk og nordsamisk som finnes", "Tittelen på innovasjonen no, på det første av bokmål, nynorsk, engelsk og nordsamisk som finst", "The innovation's title now, in the first of bokmål, nynorsk, English and Northern Sámi that there is"),
	must("adopter", TextColumn, "Organisasjonsnummeret til den som bekreftet", "Organisasjonsnummeret til den som stadfesta", "Organisation number of who confirmed"),
	must("role", TextColumn, "originator (opphavsforetak) eller adopter (har tatt i bruk)", "originator (opphavsføretak) eller adopter (har teke i bruk)", "originator or adopter"),
	must("reach", TextColumn, "same_region eller other_region, se adoptions", "same_region eller other_region, sjå adoptions", "same_region or other_region, see adoptions"),
	must("points", PointsColumn, "Poeng", "Poeng", "Points"),
	illustrativeColumn,
})

func (f *Fold) lineRows(_ ReadEntry, yield func([]any) error) error {
	var row []any
	for _, year := range f.Years() {
		t, _ := f.Table(year)
		for _, r := range t.Rows {
			for _, l := range r.Lines {
				row = append(appendYear(row[:0], t, r), l.Index, l.Innovation, titleOf(f.innovation(l.Innovation)), string(l.Adopter), l.Role, l.Reach, l.Points)
				if err := yield(row); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// appendYear appends what the rows of both points tables begin with. A year with
// rows has rules.
func appendYear(row []any, t Table, r Row) []any {
	return append(row, int64(t.Year), t.Status, t.Position, t.Rules.ID, *t.Rules.Illustrative, string(r.Orgnr), r.Name, orNil(r.Region))
}

func appendText(row []any, t *ledger.Text) []any {
	if t == nil {
		t = &ledger.Text{}
	}
	for _, s := range []*string{t.NB, t.NN, t.EN, t.SE} {
		if s == nil {
			row = append(row, nil)
		} else {
			row = append(row, *s)
		}
	}
	return row
}

func titleOf(i *innovation) string { return i.Title.In("nb", "nn", "en", "se") }

func (f *Fold) orgnrs(numbers []int32) any {
	all := make([]ledger.Orgnr, len(numbers))
	for k, n := range numbers {
		all[k] = f.orgs[n].Orgnr
	}
	return listed(all)
}

func permilles(of []ledger.Originator) any {
	all := make([]string, len(of))
	for k, o := range of {
		all[k] = strconv.Itoa(o.Share)
	}
	return listed(all)
}

func hashes(of []ledger.Attachment) any {
	all := make([]string, len(of))
	for k, a := range of {
		all[k] = a.SHA256
	}
	return listed(all)
}

// listed is a cell of a list; none: empty.
func listed[T ~string](items []T) any {
	if len(items) == 0 {
		return nil
	}
	all := make([]string, len(items))
	for k, item := range items {
		all[k] = string(item)
	}
	return strings.Join(all, " ")
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func indexOf(r *Reason) any {
	if r == nil {
		return nil
	}
	return r.Index
}

func indexOr(index *int64) any {
	if index == nil {
		return nil
	}
	return *index
}

// timeOf reads a time that this package has written.
func timeOf(s string) any {
	t, err := time.Parse(timeForm, s)
	if err != nil {
		return nil
	}
	return t
}

func yearOr(year *int) any {
	if year == nil {
		return nil
	}
	return int64(*year)
}

func floatOr(x *float64) any {
	if x == nil {
		return nil
	}
	return *x
}
