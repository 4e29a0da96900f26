package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"

	"spredning/keys"
)

// Tests of the rules of admission read as given events / when a submission /
// then accepted or a refusal:
//
//	wCase{
//		"a declined invitation is not answered again",
//		wGiven(wMaker.publishes("a"), wMaker.invites("a", wAdopter), wAdopter.declines("a")),
//		wAdopter.declines("a"),
//		WrongState, "",
//	}
//
// Innovations have names in these tests; their ids follow from the names.

// wActor is an organisation that does things.
type wActor Orgnr

// The organisations of a new world. All but the newcomers are registered; all
// but the authority, which has an admin key only, hold an admin and a report key.
// Those of the committee hold an assess key, too, and have a region, but one.
const (
	wAuthority wActor = "100000008"
	wMaker     wActor = "100000016"
	wPartner   wActor = "100000024"
	wAdopter   wActor = "100000032"
	wOther     wActor = "100000040"
	wNewcomer  wActor = "100000059"
	wLatecomer wActor = "100000067"
	wWest      wActor = "100000075"
	wNorth     wActor = "100000083"
	wWestToo   wActor = "100000091"
	wNowhere   wActor = "100000105"
)

var (
	wHospitals = []wActor{wMaker, wPartner, wAdopter, wOther}
	wCommittee = []wActor{wWest, wNorth, wWestToo, wNowhere}
	wRegions   = map[wActor]string{wWest: "Helse Vest", wNorth: "Helse Nord", wWestToo: "Helse Vest"}
)

const (
	wOrigin   = "spredning.example/test"
	wInUse    = Date("2024-03-01") // when innovations came into use, if nothing else is said
	wAdopted  = Date("2025-06-01") // when adopters took them into use
	wOver     = Date("2026-06-30") // when they stopped
	wToday    = Date("2026-11-22") // the day of every event
	wTomorrow = Date("2026-11-23")
)

var wNow = time.Date(2026, 11, 22, 10, 15, 0, 0, time.UTC)

// key gives a key of the organisation: the first meant for a role, or, with
// further names, other ones.
func (o wActor) key(role Role, name ...string) *keys.Private {
	seed := sha256.Sum256(fmt.Append(nil, o, role, name))
	k, ok := wKeys.Load(seed)
	if !ok {
		k, _ = wKeys.LoadOrStore(seed, keys.FromSeed(seed[:]))
	}
	return k.(*keys.Private)
}

// wKeys are the keys made so far, by their seeds: making one takes its time.
var wKeys sync.Map

// wID gives the id that goes with a name.
func wID(name string) ulid.ULID {
	h := sha256.Sum256([]byte(name))
	return ulid.ULID(h[:16])
}

func wText(s string) Text { return Text{NB: &s} }

func wEnrolled(k *keys.Private, roles ...Role) Key {
	return Key{k.Scheme, base64.StdEncoding.EncodeToString(k.Bytes), roles, "innovation office"}
}

func wLogKey(origin string, name ...string) string {
	k, err := NewLogKey(origin, wAuthority.key("log", name...))
	if err != nil {
		panic(err)
	}
	return k.String()
}

func (o wActor) organisation() Organisation {
	kind := KindHF
	if o == wAuthority {
		kind = KindAuthority
	}
	return Organisation{Orgnr: Orgnr(o), Name: "Organisation " + string(o), Short: string(o), Kind: kind}
}

// wAct is an event that an organisation wants in the ledger.
type wAct struct {
	by      wActor
	data    Data
	id      string          // named; empty: one of its own
	ledger  string          // empty: the world's
	signers []*keys.Private // who signs
}

func (o wActor) does(role Role, d Data) wAct {
	return wAct{by: o, data: d, signers: []*keys.Private{o.key(role)}}
}

// signedBy replaces the signers.
func (a wAct) signedBy(signers ...*keys.Private) wAct {
	a.signers = signers
	return a
}

// alsoSignedBy adds signers.
func (a wAct) alsoSignedBy(signers ...*keys.Private) wAct {
	a.signers = append(slices.Clone(a.signers), signers...)
	return a
}

// withIDOf gives the event the id of an innovation that is there.
func (a wAct) withIDOf(name string) wAct {
	a.id = name
	return a
}

// onLedger means the event for another ledger.
func (a wAct) onLedger(origin string) wAct {
	a.ledger = origin
	return a
}

// founds makes the founding, with the authority's first admin key and others.
func (o wActor) founds(others ...Key) wAct {
	yes := true
	return o.does(Admin, &Founding{
		Name: "A ledger for tests", Illustrative: &yes, Authority: o.organisation(),
		Keys:   append([]Key{wEnrolled(o.key(Admin), Admin)}, others...),
		LogKey: wLogKey(wOrigin),
	})
}

// rekeys has another key sign the log's checkpoints.
func (o wActor) rekeys(name ...string) wAct {
	return o.does(Admin, &LedgerAmendment{wLogKey(wOrigin, name...)})
}

func (o wActor) registers(other wActor, how ...func(*Organisation)) wAct {
	return o.does(Admin, &Registration{wMake(other.organisation(), how)})
}

func (o wActor) amends(other wActor, how ...func(*Organisation)) wAct {
	return o.does(Admin, &Amendment{wMake(other.organisation(), how)})
}

func wRegion(r string) func(*Organisation) { return func(o *Organisation) { o.Region = r } }

func wParent(p wActor) func(*Organisation) { return func(o *Organisation) { o.Parent = Orgnr(p) } }

func (o wActor) enrols(of wActor, k *keys.Private, roles ...Role) wAct {
	return o.does(Admin, &Enrolment{Orgnr(of), wEnrolled(k, roles...)})
}

func (o wActor) revokes(k *keys.Private) wAct {
	return o.does(Admin, &Revocation{Key: k.ID(), Reason: "rotated"})
}

// joins registers an organisation and enrols a key of each role.
func (o wActor) joins(how ...func(*Organisation)) []wAct {
	acts := wGiven(wAuthority.registers(o, how...))
	for _, role := range roles {
		acts = append(acts, wAuthority.enrols(o, o.key(role), role))
	}
	return acts
}

// maySit gives a registered organisation a region and an assess key.
func (o wActor) maySit(region string) []wAct {
	return wGiven(wAuthority.amends(o, wRegion(region)), wAuthority.enrols(o, o.key(Assess), Assess))
}

func (o wActor) succeeds(successor wActor, predecessors ...wActor) wAct {
	d := &Succession{Successor: Orgnr(successor)}
	for _, p := range predecessors {
		d.Predecessors = append(d.Predecessors, Orgnr(p))
	}
	return o.does(Admin, d)
}

// wMake applies what differs from the usual.
func wMake[T any](usual T, how []func(*T)) T {
	for _, h := range how {
		h(&usual)
	}
	return usual
}

func (o wActor) innovation(how []func(*Innovation)) Innovation {
	no := false
	return wMake(Innovation{
		Title: wText("Ventil"), Summary: wText("En ventil som varsler selv."), Kind: "product",
		Originators: []Originator{{Orgnr(o), 1000}}, Funding: []Funding{Own},
		RegionalInitiative: &no, InUseSince: wInUse,
	}, how)
}

// wBy sets the originators, with equal shares.
func wBy(makers ...wActor) func(*Innovation) {
	return func(i *Innovation) {
		i.Originators = nil
		for n, m := range makers {
			share := 1000 / len(makers)
			if n == 0 {
				share += 1000 % len(makers)
			}
			i.Originators = append(i.Originators, Originator{Orgnr(m), share})
		}
	}
}

func wSince(d Date) func(*Innovation) { return func(i *Innovation) { i.InUseSince = d } }

func wDerivedFrom(name string) func(*Innovation) {
	return func(i *Innovation) { i.DerivedFrom = wID(name).String() }
}

// signedByMakers lets all sign that the data lists as originators.
func (a wAct) signedByMakers(i Innovation) wAct {
	a.signers = nil
	for _, o := range i.Originators {
		a.signers = append(a.signers, wActor(o.Orgnr).key(Report))
	}
	return a
}

// publishes is signed by all originators.
func (o wActor) publishes(name string, how ...func(*Innovation)) wAct {
	i := o.innovation(how)
	return o.does(Report, &Publication{i}).signedByMakers(i).withIDOf(name)
}

// revises is signed by all originators that it lists.
func (o wActor) revises(name string, how ...func(*Innovation)) wAct {
	i := o.innovation(how)
	return o.does(Report, &Revision{wID(name).String(), i}).signedByMakers(i)
}

func (o wActor) withdraws(name string) wAct {
	return o.does(Report, &Withdrawal{wID(name).String(), wText("Erstattet.")})
}

// merges is signed by the acting organisation alone.
func (o wActor) merges(name, into string) wAct {
	return o.does(Report, &Merger{wID(name).String(), wID(into).String(), wText("Samme prosjekt.")})
}

// assessedBy replaces the signers by the assess keys of organisations.
func (a wAct) assessedBy(committee ...wActor) wAct {
	a.signers = nil
	for _, o := range committee {
		a.signers = append(a.signers, o.key(Assess))
	}
	return a
}

// asksAbout asks the committee for an assessment.
func (o wActor) asksAbout(name string) wAct {
	return o.does(Report, &AssessmentRequest{wID(name).String(), wText("Er den lokal?")})
}

// assesses the latest revision, if nothing else is said, with an assessor from
// another region.
func (o wActor) assesses(name string, how ...func(*Assessment)) wAct {
	yes := true
	d := wMake(Assessment{wID(name).String(), wLatest, &yes, wText("Lokal nok.")}, how)
	return o.does(Assess, &d).assessedBy(o, wNorth)
}

func (o wActor) invites(name string, adopter wActor) wAct {
	return o.does(Report, &Invitation{wID(name).String(), Orgnr(adopter), wText("Dere bruker den.")})
}

func (o wActor) declines(name string) wAct {
	return o.does(Report, &Decline{wID(name).String(), wText("Vi bruker den ikke.")})
}

// confirms names the latest revision, if nothing else is said.
func (o wActor) confirms(name string, how ...func(*Confirmation)) wAct {
	return o.does(Report, &Confirmation{
		Innovation: wID(name).String(), Revision: wLatest, InUseFrom: wAdopted,
		Extent: "hospital", Form: "as_is", Funding: []Funding{Own},
	}).with(how)
}

func (a wAct) with(how []func(*Confirmation)) wAct {
	d := wMake(*a.data.(*Confirmation), how)
	a.data = &d
	return a
}

// wLatest stands for the latest revision until the event is sealed.
const wLatest = "latest"

func wFrom(d Date) func(*Confirmation) { return func(c *Confirmation) { c.InUseFrom = d } }

func wStale(c *Confirmation) { c.Revision = fmt.Sprintf("%064x", 1) }

func (o wActor) ends(name string, on ...Date) wAct {
	return o.does(Report, &Ending{wID(name).String(), append(on, wOver)[0], wText("Ny løsning.")})
}

func (o wActor) retracts(name string) wAct {
	return o.does(Report, &Retraction{wID(name).String(), wText("En feil.")})
}

func (o wActor) disputes(name string, adopter wActor) wAct {
	return o.does(Report, &Dispute{wID(name).String(), Orgnr(adopter), wText("Bare en pilot.")})
}

func (o wActor) withdrawsDispute(name string, adopter wActor) wAct {
	return o.does(Report, &DisputeWithdrawal{wID(name).String(), Orgnr(adopter)})
}

// decides a dispute together with an assessor from another region.
func (o wActor) decides(name string, adopter wActor, upheld bool) wAct {
	d := &Decision{wID(name).String(), Orgnr(adopter), &upheld, wText("Vi har sett på det.")}
	return o.does(Assess, d).assessedBy(o, wNorth)
}

func (o wActor) publishesRules(id string) wAct {
	yes, none, zero, one := true, 0, Milli(0), Milli(1000)
	return o.does(Admin, &RulesPublication{Rules{
		ID: id, FromYear: 2026, Basis: BasisAdoption, Originator: Values{&one, &one}, Adopter: Values{&zero, &zero},
		EligibleKinds: []Kind{KindHF}, OwnFundingOnly: &yes, ExcludeRegionalInitiatives: &yes, Lineage: LineageEach,
		MaxAdoptionsPerInnovation: &none, MaxPerOriginatorAdopter: &none, Illustrative: &yes,
	}})
}

// wAttached names files by their contents.
func wAttached(contents ...string) (as []Attachment) {
	for _, c := range contents {
		as = append(as, Attachment{fmt.Sprintf("%x", sha256.Sum256([]byte(c))), "text/markdown", int64(len(c)), wText("Historien")})
	}
	return as
}

func wWith(contents ...string) func(*Innovation) {
	return func(i *Innovation) { i.Attachments = wAttached(contents...) }
}

func wShowing(contents ...string) func(*Confirmation) {
	return func(c *Confirmation) { c.Attachments = wAttached(contents...) }
}

// erases a file by its contents.
func (o wActor) erases(contents string) wAct {
	return o.does(Admin, &Erasure{wAttached(contents)[0].SHA256, wText("Et bilde viste en pasient.")})
}

func (o wActor) opens(year int) wAct { return o.does(Admin, &YearOpening{Year: year}) }

func (o wActor) closes(year int) wAct { return o.does(Admin, &YearClosing{Year: year}) }

// world is a small ledger: a state and the entries that led to it.
type world struct {
	rapid.TB
	state   *State
	entries []*Entry
	sealed  int
}

func wEmpty(t rapid.TB) *world { return &world{TB: t, state: NewState()} }

// newWorld is founded, with hospitals and their keys.
func newWorld(t rapid.TB) *world {
	w := wEmpty(t)
	for _, b := range wFirst() {
		w.enter(b)
	}
	w.sealed = len(w.entries)
	w.state.Keep()
	return w
}

// wFirst are the first entries of every new world.
var wFirst = sync.OnceValue(func() (entries [][]byte) {
	w := wEmpty(&testing.T{})
	w.given(wAuthority.founds())
	for _, h := range wHospitals {
		w.given(
			wAuthority.registers(h),
			wAuthority.enrols(h, h.key(Admin), Admin),
			h.enrols(h, h.key(Report), Report),
		)
	}
	for _, o := range wCommittee {
		w.given(o.joins(wRegion(wRegions[o]))...)
	}
	return w.bytes()
})

func (w *world) bytes() [][]byte {
	all := make([][]byte, len(w.entries))
	for i, e := range w.entries {
		all[i] = e.Bytes
	}
	return all
}

// given are events that must be accepted.
func (w *world) given(acts ...wAct) {
	w.Helper()
	for i, a := range acts {
		if err := w.submit(a); err != nil {
			w.Fatalf("given event %d, %s by %s: %v", i, wType(a.data), a.by, err)
		}
	}
}

// submit does what Submit does with the bytes of an event, without a stream.
func (w *world) submit(a wAct) error {
	w.Helper()
	envelope, err := keys.Open(w.seal(a))
	if err != nil {
		w.Fatalf("opening the envelope: %v", err)
	}
	event, err := ParseEvent(envelope.Payload)
	e := &Signed{Event: event, Envelope: envelope}
	if err != nil && (w.state.origin == "" || event.Ledger == w.state.origin) {
		return err
	}
	w.verify(e)
	if err := Decide(w.state, e); err != nil {
		return err
	}
	w.enter(envelope.Encode())
	return nil
}

// seal makes the event and lets its signers sign.
func (w *world) seal(a wAct) []byte {
	w.Helper()
	payload, err := w.event(a).Encode()
	if err != nil {
		w.Fatalf("encoding: %v", err)
	}
	envelope, err := keys.Seal(payload, a.signers...)
	if err != nil {
		w.Fatalf("sealing: %v", err)
	}
	return envelope.Encode()
}

func (w *world) event(a wAct) Event {
	w.sealed++
	name, ledger, data := fmt.Sprintf("event %d", w.sealed), wOrigin, a.data
	if a.id != "" {
		name = a.id
	}
	if a.ledger != "" {
		ledger = a.ledger
	}
	switch d := data.(type) {
	case *Confirmation:
		named := *d
		named.Revision = w.named(d.Innovation, d.Revision)
		data = &named
	case *Assessment:
		named := *d
		named.Revision = w.named(d.Innovation, d.Revision)
		data = &named
	}
	return Event{Ledger: ledger, ID: wID(name), Type: wType(data), By: Orgnr(a.by), At: wNow, Data: data}
}

// named puts the latest revision in the place of the word.
func (w *world) named(innovation, revision string) string {
	if revision == wLatest {
		return w.latest(innovation)
	}
	return revision
}

// latest finds the leaf of an innovation's latest published or revised entry
// in the entries themselves.
func (w *world) latest(innovation string) string {
	for _, e := range slices.Backward(w.entries) {
		_, published := e.Data.(*Publication)
		revision, revised := e.Data.(*Revision)
		if published && e.ID.String() == innovation || revised && revision.Of == innovation {
			return hexOf(e.Leaf())
		}
	}
	return fmt.Sprintf("%064x", 0)
}

func wType(d Data) Type {
	for t, empty := range blank {
		if reflect.TypeOf(empty()) == reflect.TypeOf(d) {
			return t
		}
	}
	panic(fmt.Sprintf("%T is no event", d))
}

// verify holds the test to what Decide relies on: every signature is good, as
// far as its key is known. Unknown keys are left for Decide to refuse.
func (w *world) verify(e *Signed) {
	w.Helper()
	for _, s := range e.Envelope.Signatures {
		if k, ok := w.state.Key(s.KeyID); ok && !k.Verify(keys.PAE(e.Envelope.Payload), s.Sig) {
			w.Fatalf("the signature of key %s is bad", s.KeyID)
		}
	}
}

// enter applies an entry as it is read from a log.
func (w *world) enter(b []byte) {
	w.Helper()
	e, err := ParseEntry(int64(len(w.entries)), b)
	if err != nil {
		w.Fatalf("an accepted entry does not parse: %v", err)
	}
	w.state = Evolve(w.state, e)
	w.entries = append(w.entries, e)
}

// wAccepted is what comes instead of a code when an event is accepted.
const wAccepted Code = "accepted"

// when submits an event and says what came of it.
func (w *world) when(a wAct) (code Code, pointer string) {
	w.Helper()
	err := w.submit(a)
	if err == nil {
		return wAccepted, ""
	}
	var r *Refusal
	if !errors.As(err, &r) {
		w.Fatalf("the error is no refusal: %v", err)
	}
	if r.Detail == "" {
		w.Errorf("the refusal %s does not say what to change", r.Code)
	}
	return r.Code, r.Pointer
}

// then submits an event and compares. The empty pointer is not compared.
func (w *world) then(a wAct, want Code, at string) {
	w.Helper()
	code, pointer := w.when(a)
	if code != want || at != "" && pointer != at {
		w.Errorf("%s by %s: got %s %s, want %s %s", wType(a.data), a.by, code, pointer, want, at)
	}
}

// wouldBe is then for what is not to stay.
func (w *world) wouldBe(a wAct, want Code, at string) {
	w.Helper()
	w.state.Keep()
	n := len(w.entries)
	w.then(a, want, at)
	w.state.Drop()
	w.entries = w.entries[:n]
}

type wCase struct {
	name  string
	given []wAct
	when  wAct
	then  Code
	at    string // the pointer, where it helps
}

func wGiven(acts ...wAct) []wAct { return acts }

// wAnd adds to what was given, and leaves that as it was.
func wAnd(given []wAct, more ...wAct) []wAct { return slices.Concat(given, more) }

// wRun runs each case in a world of its own. Deciding must have changed nothing
// but what an accepted event changes.
func wRun(t *testing.T, cases []wCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.given(c.given...)
			w.then(c.when, c.then, c.at)
			wSame(t, w.state, wReplay(t, w.bytes()))
			w.audited(c.when, c.then)
		})
	}
}

// wReplay folds entries anew, each of which must be admissible in its place.
func wReplay(t rapid.TB, entries [][]byte) *State {
	t.Helper()
	s := NewState()
	for i, b := range entries {
		e, err := ParseEntry(int64(i), b)
		if err != nil {
			t.Fatalf("replay: %v", err)
		}
		if err := Decide(s, &e.Signed); err != nil {
			t.Fatalf("replay: entry %d, %s: %v", i, e.Type, err)
		}
		s = Evolve(s, e)
	}
	return s
}

// wSame compares all that two states know, but not what they could drop.
func wSame(t rapid.TB, got, want *State) {
	t.Helper()
	for _, x := range []struct {
		name      string
		got, want any
	}{
		{"facts", got.facts, want.facts},
		{"ids", got.ids.m, want.ids.m},
		{"keys", got.keys.m, want.keys.m},
		{"organisations", got.orgs.m, want.orgs.m},
		{"innovations", got.innovations.m, want.innovations.m},
		{"pairs", got.pairs.m, want.pairs.m},
		{"disputes", got.disputes.m, want.disputes.m},
		{"rules", got.rules.m, want.rules.m},
		{"attachments", got.attachments.m, want.attachments.m},
	} {
		if !reflect.DeepEqual(x.got, x.want) {
			t.Errorf("%s differ:\n got %+v\nwant %+v", x.name, x.got, x.want)
		}
	}
}
