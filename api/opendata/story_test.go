package opendata_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/api/opendata"
	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

const (
	authority = ledger.Orgnr("983887406")
	bergen    = ledger.Orgnr("983974724") // Helse Vest
	ahus      = ledger.Orgnr("983971636") // Helse Sør-Øst
	stavanger = ledger.Orgnr("983974678") // Helse Vest
)

// memory is a log in memory.
type memory struct{ entries [][]byte }

func (m *memory) Entries(from, to int64, fn func(int64, []byte) error) error {
	for index := from; index < to; index++ {
		if err := fn(index, m.entries[index]); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Leaf(index int64) (tlog.Hash, error) { return tlog.RecordHash(m.entries[index]), nil }

func (m *memory) Entry(index int64) ([]byte, error) {
	if index < 0 || index >= int64(len(m.entries)) {
		return nil, fmt.Errorf("there is no entry %d", index)
	}
	return m.entries[index], nil
}

// teller tells stories: whatever is told stands in the log, for nothing decides.
type teller struct {
	memory
	t    testing.TB
	key  *keys.Private
	at   time.Time
	view *projections.View
}

func newTeller(t testing.TB, illustrative bool) *teller {
	t.Helper()
	seed := make([]byte, 32)
	x := &teller{t: t, key: keys.FromSeed(seed), at: time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC), view: projections.NewView()}
	logKey, err := ledger.NewLogKey("spredning.example/test", keys.FromSeed(append(seed[1:], 9)))
	noError(t, err)
	x.tell(authority, &ledger.Founding{
		Name: `Test "én" <& to>`, Illustrative: &illustrative, Authority: organisation(authority, "Helse- og omsorgsdepartementet", "", ledger.KindAuthority),
		Keys: []ledger.Key{x.enrolled(ledger.Admin)}, LogKey: logKey.String(),
	})
	x.tell(authority, &ledger.Registration{Organisation: organisation(bergen, "=1+1", "Helse Vest", ledger.KindHF)})
	x.tell(authority, &ledger.Registration{Organisation: organisation(ahus, `Ahus, "sykehuset"`, "Helse Sør-Øst", ledger.KindHF)})
	x.tell(authority, &ledger.Registration{Organisation: organisation(stavanger, "-Stavanger|X", "Helse Vest", ledger.KindHF)})
	return x
}

func (x *teller) enrolled(roles ...ledger.Role) ledger.Key {
	return ledger.Key{Scheme: x.key.Scheme, Public: base64.StdEncoding.EncodeToString(x.key.Bytes), Roles: roles, Label: "innovasjon"}
}

func organisation(o ledger.Orgnr, name, region string, kind ledger.Kind) ledger.Organisation {
	from, lat, lon := 2003, 60.375, -5.33
	return ledger.Organisation{Orgnr: o, Name: name, Short: name, Kind: kind, Region: region, MeasuredFrom: &from, Lat: &lat, Lon: &lon, Contact: "+post@helse.no"}
}

// tell adds an event and gives it as an entry.
func (x *teller) tell(by ledger.Orgnr, data ledger.Data) *ledger.Entry {
	x.t.Helper()
	index := int64(len(x.entries))
	var id ulid.ULID
	noError(x.t, id.SetTime(uint64(x.at.UnixMilli())))
	noError(x.t, id.SetEntropy([]byte(fmt.Sprintf("%010d", index))))
	x.at = x.at.Add(time.Hour)
	e := ledger.Event{Ledger: "spredning.example/test", ID: id, Type: ledger.TypeOf(data), By: by, At: x.at, Data: data}
	payload, err := e.Encode()
	noError(x.t, err)
	envelope, err := keys.Seal(payload, x.key)
	noError(x.t, err)
	b := envelope.Encode()
	entry, err := ledger.ParseEntry(index, b)
	noError(x.t, err)
	x.entries = append(x.entries, b)
	x.view.Apply([]*ledger.Entry{entry})
	return entry
}

// source is that of all that was told.
func (x *teller) source() opendata.Source {
	src, err := opendata.SourceAt(x.t.Context(), x, int64(len(x.entries)))
	noError(x.t, err)
	return src
}

func (x *teller) rules() {
	yes, one, quarter, none := true, ledger.Milli(1000), ledger.Milli(333), 0
	x.tell(authority, &ledger.RulesPublication{Rules: ledger.Rules{
		ID: "@2026", FromYear: 2025, Basis: ledger.BasisAdoption, Originator: ledger.Values{SameRegion: &one, OtherRegion: &one},
		Adopter: ledger.Values{SameRegion: &quarter, OtherRegion: &quarter}, EligibleKinds: []ledger.Kind{ledger.KindHF},
		OwnFundingOnly: &yes, ExcludeRegionalInitiatives: &yes, Lineage: ledger.LineageEach,
		MaxAdoptionsPerInnovation: &none, MaxPerOriginatorAdopter: &none, Illustrative: &yes,
	}})
}

func text(s string) ledger.Text { return ledger.Text{NB: &s} }

func (x *teller) publish(title string) *ledger.Entry {
	no := false
	en := "+" + title
	return x.tell(bergen, &ledger.Publication{Innovation: ledger.Innovation{
		Title: ledger.Text{NB: &title, EN: &en}, Summary: text(`=HYPERLINK("https://example.com","klikk")`), Kind: "service",
		Originators: []ledger.Originator{{Orgnr: bergen, Share: 700}, {Orgnr: stavanger, Share: 300}}, Funding: []ledger.Funding{ledger.Own}, RegionalInitiative: &no,
		InUseSince: "1850-01-01", Links: []string{"https://example.com/a", "https://example.com/b"},
	}})
}

func (x *teller) confirm(of *ledger.Entry, by ledger.Orgnr, date ledger.Date) *ledger.Entry {
	leaf := of.Leaf()
	replaces := text("'papir og penn'")
	return x.tell(by, &ledger.Confirmation{
		Innovation: of.ID.String(), Revision: hex.EncodeToString(leaf[:]), InUseFrom: date, Extent: "hospital", Form: "adapted",
		Funding: []ledger.Funding{ledger.Own, "eu"}, Replaces: &replaces,
		Attachments: []ledger.Attachment{{SHA256: hex.EncodeToString(leaf[:]), MediaType: "image/png", Size: 1, Title: text("Bilde")}},
	})
}

// story has of everything, with texts that a spreadsheet would run.
func story(t testing.TB) *teller {
	x := newTeller(t, true)
	x.rules()
	x.tell(authority, &ledger.YearOpening{Year: 2025})
	first := x.publish("-2+3 vaffel, «prosjekt» \"A\"")
	second := x.publish("Øyeblikkelig hjelp")
	third := x.publish("@مرحبا")
	x.confirm(first, ahus, "2025-03-01")
	x.tell(authority, &ledger.YearClosing{Year: 2025})
	x.tell(authority, &ledger.YearOpening{Year: 2026})
	x.confirm(second, ahus, "2026-02-01")
	x.tell(bergen, &ledger.Invitation{Innovation: third.ID.String(), Adopter: ahus, Note: text("Er den i bruk?")})
	x.tell(ahus, &ledger.Ending{Innovation: first.ID.String(), EndedOn: "2026-03-01", Reason: text("Ny løsning")})
	x.tell(stavanger, &ledger.Dispute{Innovation: second.ID.String(), Adopter: ahus, Reason: text("Bare en pilot")})
	x.tell(ahus, &ledger.Retraction{Innovation: second.ID.String(), Reason: text("Feil")})
	fourth := x.publish("Delt løsning")
	x.confirm(fourth, ahus, "2026-03-01")
	return x
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
