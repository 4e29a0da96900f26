package ledger

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"spredning/keys"
)

// wStranger is a key that was never enrolled.
var wStranger = wOther.key(Report, "never enrolled")

func TestDecideFounding(t *testing.T) {
	for _, c := range []wCase{
		{"founds the ledger", nil, wAuthority.founds(), wAccepted, ""},
		{"lists other keys, which need no admin role", nil, wAuthority.founds(wEnrolled(wAuthority.key(Report), Report)), wAccepted, ""},
		{"nothing comes before the founding", nil, wAuthority.registers(wMaker), UnknownKey, ""},
		{"signed by a key it does not list", nil, wAuthority.founds().signedBy(wStranger), UnknownKey, ""},
		{"signed also by a key it does not list", nil, wAuthority.founds().alsoSignedBy(wStranger), UnknownKey, ""},
		{"signed by a listed key that is no admin key", nil, wAuthority.founds(wEnrolled(wAuthority.key(Report), Report)).signedBy(wAuthority.key(Report)), NotAuthorised, ""},
		{"by another than the authority it names", nil, wFoundedBy(wMaker), NotAuthorised, "/by"},
		{"signed twice", nil, wAuthority.founds(wEnrolled(wAuthority.key(Admin, "2"), Admin)).alsoSignedBy(wAuthority.key(Admin, "2")), UnneededSignature, ""},
		{"with the log key of another origin", nil, wAuthority.founds().onLedger("spredning.example/elsewhere"), InvalidField, "/data/log_key"},
		{"only once", wGiven(wAuthority.founds()), wAuthority.founds(), AlreadyExists, ""},
		{"only as the first", wGiven(wAuthority.founds(), wAuthority.registers(wMaker)), wAuthority.founds(), AlreadyExists, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := wEmpty(t)
			w.given(c.given...)
			w.then(c.when, c.then, c.at)
		})
	}
}

// wFoundedBy is a founding whose acting organisation is not the authority.
func wFoundedBy(o wActor, others ...Key) wAct {
	a := wAuthority.founds(others...)
	a.by = o
	return a
}

// A second founding is refused for what is wrong with it first, as every event.
func TestDecideSecondFounding(t *testing.T) {
	admin, report := wEnrolled(wMaker.key(Admin), Admin), wEnrolled(wMaker.key(Report), Admin)
	wRun(t, []wCase{
		{"by the authority", nil, wAuthority.founds(), AlreadyExists, ""},
		{"for another ledger", nil, wAuthority.founds().onLedger("spredning.example/elsewhere"), WrongLedger, "/ledger"},
		{"with a revoked key", wGiven(wAuthority.revokes(wMaker.key(Report))), wAuthority.founds(report).signedBy(wMaker.key(Report)), RevokedKey, ""},
		{"by a hospital", nil, wFoundedBy(wMaker, admin).signedBy(wMaker.key(Admin)), NotAuthorised, ""},
		{"with one signature too many", nil, wAuthority.founds(report).alsoSignedBy(wMaker.key(Report)), UnneededSignature, ""},
	})
}

func TestDecideLogKey(t *testing.T) {
	elsewhere := wAuthority.rekeys()
	elsewhere.data = &LedgerAmendment{wLogKey("spredning.example/elsewhere", "2")}
	wRun(t, []wCase{
		{"by the authority", nil, wAuthority.rekeys("2"), wAccepted, ""},
		{"by a hospital", nil, wMaker.rekeys("2"), NotAuthorised, "/by"},
		{"with a second signature", nil, wAuthority.rekeys("2").alsoSignedBy(wMaker.key(Admin)), UnneededSignature, ""},
		{"a key of another ledger", nil, elsewhere, InvalidField, "/data/log_key"},
		{"the key that signs already", nil, wAuthority.rekeys(), AlreadyExists, "/data/log_key"},
		{"a third", wGiven(wAuthority.rekeys("2")), wAuthority.rekeys("3"), wAccepted, ""},
		{"one that has signed before", wGiven(wAuthority.rekeys("2")), wAuthority.rekeys(), AlreadyExists, "/data/log_key"},
	})
	w := newWorld(t)
	before := w.state.Position()
	w.given(wAuthority.rekeys("2"), wMaker.publishes("a"))
	for size, want := range map[int64]string{1: wLogKey(wOrigin), before: wLogKey(wOrigin), before + 1: wLogKey(wOrigin, "2"), before + 2: wLogKey(wOrigin, "2")} {
		if got := w.state.LogKeys().At(size); got != want {
			t.Errorf("%s signs a checkpoint of %d entries, want %s", got, size, want)
		}
	}
}

func TestDecideOrganisations(t *testing.T) {
	wRun(t, []wCase{
		{"the authority registers", nil, wAuthority.registers(wNewcomer), wAccepted, ""},
		{"with a registered parent", nil, wAuthority.registers(wNewcomer, wParent(wMaker)), wAccepted, ""},
		{"with an unknown parent", nil, wAuthority.registers(wNewcomer, wParent(wLatecomer)), UnknownOrganisation, "/data/parent"},
		{"a hospital registers nobody", nil, wMaker.registers(wNewcomer), NotAuthorised, ""},
		{"a hospital in the authority's name", nil, wAuthority.registers(wNewcomer).signedBy(wMaker.key(Admin)), NotAuthorised, ""},
		{"once", nil, wAuthority.registers(wMaker), AlreadyExists, "/data/orgnr"},
		{"not the authority, which the founding registered", nil, wAuthority.registers(wAuthority), AlreadyExists, "/data/orgnr"},
		{"the authority amends", nil, wAuthority.amends(wMaker, wParent(wOther)), wAccepted, ""},
		{"the authority amends itself", nil, wAuthority.amends(wAuthority), wAccepted, ""},
		{"nobody amends itself", nil, wMaker.amends(wMaker), NotAuthorised, ""},
		{"amends who is not registered", nil, wAuthority.amends(wNewcomer), UnknownOrganisation, "/data/orgnr"},
		{"amends to an unknown parent", nil, wAuthority.amends(wMaker, wParent(wNewcomer)), UnknownOrganisation, "/data/parent"},
		{"amending needs one signature", nil, wAuthority.amends(wMaker).alsoSignedBy(wMaker.key(Admin)), UnneededSignature, ""},
	})
}

func TestDecideEnrolment(t *testing.T) {
	k := wMaker.key(Report, "2")
	wRun(t, []wCase{
		{"by the organisation itself", nil, wMaker.enrols(wMaker, k, Report), wAccepted, ""},
		{"by the authority", nil, wAuthority.enrols(wMaker, k, Report), wAccepted, ""},
		{"an admin key by the authority, beside one of the organisation's own", nil, wAuthority.enrols(wMaker, k, Admin), wAccepted, ""},
		{"by another organisation", nil, wOther.enrols(wMaker, k, Report), NotAuthorised, ""},
		{"with a report key", nil, wMaker.enrols(wMaker, k, Report).signedBy(wMaker.key(Report)), NotAuthorised, ""},
		{"with another organisation's admin key", nil, wMaker.enrols(wMaker, k, Report).signedBy(wOther.key(Admin)), NotAuthorised, ""},
		{"in the authority's name", nil, wAuthority.enrols(wMaker, k, Report).signedBy(wMaker.key(Admin)), NotAuthorised, ""},
		{"with the new key itself", nil, wMaker.enrols(wMaker, k, Admin).signedBy(k), UnknownKey, ""},
		{"assess by the authority", nil, wAuthority.enrols(wMaker, k, Assess), wAccepted, ""},
		{"assess among others by the authority", nil, wAuthority.enrols(wMaker, k, Report, Assess), wAccepted, ""},
		{"assess by the organisation itself", nil, wMaker.enrols(wMaker, k, Assess), NotAuthorised, "/data/key/roles"},
		{"assess among others by the organisation itself", nil, wMaker.enrols(wMaker, k, Report, Assess), NotAuthorised, "/data/key/roles"},
		{"for who is not registered", nil, wAuthority.enrols(wNewcomer, wNewcomer.key(Admin), Admin), UnknownOrganisation, "/data/organisation"},
		{"with a second signature", nil, wMaker.enrols(wMaker, k, Report).alsoSignedBy(wAuthority.key(Admin)), UnneededSignature, ""},
		{"once", nil, wMaker.enrols(wMaker, wMaker.key(Report), Report), AlreadyExists, "/data/key/public"},
		{"once, with whatever roles", nil, wMaker.enrols(wMaker, wMaker.key(Report), Admin), AlreadyExists, "/data/key/public"},
		{"once, for whatever organisation", nil, wOther.enrols(wOther, wMaker.key(Report), Report), AlreadyExists, "/data/key/public"},
		{"once, the founding's keys too", nil, wMaker.enrols(wMaker, wAuthority.key(Admin), Admin), AlreadyExists, "/data/key/public"},
		{"once ever", wGiven(wMaker.revokes(wMaker.key(Report))), wMaker.enrols(wMaker, wMaker.key(Report), Report), AlreadyExists, "/data/key/public"},
		{"once ever, for another", wGiven(wMaker.revokes(wMaker.key(Report))), wAuthority.enrols(wOther, wMaker.key(Report), Report), AlreadyExists, "/data/key/public"},
	})
}

func TestDecideRevocation(t *testing.T) {
	second := wAuthority.key(Admin, "2")
	report := wAuthority.key(Report)
	last := wAuthority.key(Admin)
	wRun(t, []wCase{
		{"by the organisation itself", nil, wMaker.revokes(wMaker.key(Report)), wAccepted, ""},
		{"by the authority", nil, wAuthority.revokes(wMaker.key(Report)), wAccepted, ""},
		{"by another organisation", nil, wOther.revokes(wMaker.key(Report)), NotAuthorised, ""},
		{"with a report key", nil, wMaker.revokes(wMaker.key(Report)).signedBy(wMaker.key(Report)), NotAuthorised, ""},
		{"with a second signature", nil, wMaker.revokes(wMaker.key(Report)).alsoSignedBy(wAuthority.key(Admin)), UnneededSignature, ""},
		{"an assess key, by the organisation itself", wGiven(wAuthority.enrols(wMaker, wMaker.key(Assess), Assess)), wMaker.revokes(wMaker.key(Assess)), wAccepted, ""},
		{"a hospital's own last admin key", nil, wMaker.revokes(wMaker.key(Admin)), wAccepted, ""},
		{"a hospital's last admin key, by the authority", nil, wAuthority.revokes(wMaker.key(Admin)), wAccepted, ""},
		{"twice", wGiven(wMaker.revokes(wMaker.key(Report))), wMaker.revokes(wMaker.key(Report)), WrongState, "/data/key"},
		{"an unknown key, by the authority", nil, wAuthority.revokes(wStranger), UnknownKey, "/data/key"},
		{"an unknown key, by an organisation", nil, wMaker.revokes(wStranger), UnknownKey, "/data/key"},
		{"the authority's last admin key", nil, wAuthority.revokes(last), WrongState, "/data/key"},
		{"beside another admin key", wGiven(wAuthority.enrols(wAuthority, second, Admin)), wAuthority.revokes(last), wAccepted, ""},
		{"by another admin key", wGiven(wAuthority.enrols(wAuthority, second, Admin)), wAuthority.revokes(last).signedBy(second), wAccepted, ""},
		{
			"beside a revoked admin key",
			wGiven(wAuthority.enrols(wAuthority, second, Admin), wAuthority.revokes(second)),
			wAuthority.revokes(last), WrongState, "/data/key",
		},
		{
			"the second when the first is gone",
			wGiven(wAuthority.enrols(wAuthority, second, Admin, Report), wAuthority.revokes(last)),
			wAuthority.revokes(second).signedBy(second), WrongState, "/data/key",
		},
		{"beside a report key", wGiven(wAuthority.enrols(wAuthority, report, Report)), wAuthority.revokes(last), WrongState, "/data/key"},
		{"the authority's report key", wGiven(wAuthority.enrols(wAuthority, report, Report)), wAuthority.revokes(report), wAccepted, ""},
		{"beside another organisation's admin key", nil, wAuthority.revokes(last), WrongState, "/data/key"},
	})
}

// Keys count by their place in the log, whatever the clock says.
func TestDecideKeysCountByLogOrder(t *testing.T) {
	k := wMaker.key(Report, "2")
	w := newWorld(t)
	w.then(wMaker.publishes("a").signedBy(k), UnknownKey, "")
	w.given(wMaker.enrols(wMaker, k, Report))
	w.then(wMaker.publishes("a").signedBy(k), wAccepted, "")
	w.given(wMaker.revokes(k))
	w.then(wMaker.revises("a").signedBy(k), RevokedKey, "")
	// What it signed stays, and its other keys go on.
	w.then(wAdopter.confirms("a"), wAccepted, "")
	w.then(wMaker.revises("a"), wAccepted, "")
	wSame(t, w.state, wReplay(t, w.bytes()))
}

func TestDecideRevokedAdminKey(t *testing.T) {
	k := wMaker.key(Report, "2")
	w := newWorld(t)
	w.given(wMaker.enrols(wMaker, k, Report), wMaker.revokes(wMaker.key(Admin)))
	w.then(wMaker.enrols(wMaker, wMaker.key(Report, "3"), Report), RevokedKey, "")
	// The key that it enrolled is as good as before; the authority helps out.
	w.then(wMaker.publishes("a").signedBy(k), wAccepted, "")
	w.then(wAuthority.enrols(wMaker, wMaker.key(Admin, "2"), Admin), wAccepted, "")
	w.then(wMaker.revokes(k).signedBy(wMaker.key(Admin, "2")), wAccepted, "")
}

// Every event must be signed with a key of the role that its type needs.
func TestDecideRoles(t *testing.T) {
	given := wGiven(
		wAuthority.enrols(wMaker, wMaker.key(Assess), Assess),
		wAuthority.enrols(wAdopter, wAdopter.key(Assess), Assess),
		wAuthority.enrols(wAuthority, wAuthority.key(Report), Report),
		wAuthority.enrols(wAuthority, wAuthority.key(Assess), Assess),
		wMaker.publishes("a"), wMaker.publishes("b"), wMaker.publishes("c", wWith("en fil")),
		wMaker.invites("a", wAdopter),
		wAdopter.confirms("b"),
		wAdopter.disputes("b", wAdopter),
		wAuthority.opens(2026),
	)
	var cases []wCase
	covered := map[Type]bool{LedgerFounded: true} // see TestDecideFounding
	for _, a := range []wAct{
		wAuthority.rekeys("2"),
		wAuthority.registers(wNewcomer),
		wAuthority.amends(wMaker),
		wMaker.enrols(wMaker, wStranger, Report),
		wMaker.revokes(wMaker.key(Report)),
		wMaker.publishes("d"),
		wMaker.revises("a"),
		wMaker.withdraws("a"),
		wMaker.merges("a", "b"),
		wMaker.asksAbout("a"),
		wWest.assesses("a"),
		wMaker.invites("c", wAdopter),
		wAdopter.declines("a"),
		wAdopter.confirms("a"),
		wAdopter.ends("b"),
		wAdopter.retracts("b"),
		wMaker.disputes("b", wAdopter),
		wAdopter.withdrawsDispute("b", wAdopter),
		wWest.decides("b", wAdopter, true),
		wAuthority.succeeds(wMaker, wOther),
		wAuthority.erases("en fil"),
		wAuthority.publishesRules("2026-a"),
		wAuthority.opens(2027),
		wAuthority.closes(2026),
	} {
		covered[wType(a.data)] = true
		others := a.signers[1:] // of the committee
		for _, role := range roles {
			want := NotAuthorised
			if a.by.key(role).ID() == a.signers[0].ID() {
				want = wAccepted
			}
			name := fmt.Sprintf("%s with %s", wType(a.data), role)
			cases = append(cases, wCase{name, given, a.signedBy(a.by.key(role)).alsoSignedBy(others...), want, ""})
		}
		another := a.signedBy(wOther.key(Report)).alsoSignedBy(others...)
		cases = append(cases, wCase{fmt.Sprintf("%s with another's key", wType(a.data)), given, another, NotAuthorised, ""})
	}
	if len(covered) != len(blank) {
		t.Errorf("%d of %d types are covered", len(covered), len(blank))
	}
	wRun(t, cases)
}

// A key may have several roles, and an organisation several keys.
func TestDecideKeyOfSeveralRoles(t *testing.T) {
	both := wMaker.key("both")
	w := newWorld(t)
	w.given(wMaker.enrols(wMaker, both, Admin, Report))
	w.then(wMaker.publishes("a").signedBy(both), wAccepted, "")
	w.then(wMaker.enrols(wMaker, wMaker.key(Report, "2"), Report).signedBy(both), wAccepted, "")
	w.then(wMaker.revises("a").signedBy(wMaker.key(Report, "2")), wAccepted, "")
}

func TestDecideAuthorityEvents(t *testing.T) {
	wRun(t, []wCase{
		{"rules by a hospital", nil, wMaker.publishesRules("2026-a"), NotAuthorised, "/by"},
		{"a year by a hospital", nil, wMaker.opens(2026), NotAuthorised, "/by"},
		{"rules with a second signature", nil, wAuthority.publishesRules("2026-a").alsoSignedBy(wMaker.key(Admin)), UnneededSignature, ""},
		{"a year with a second signature", nil, wAuthority.opens(2026).alsoSignedBy(wMaker.key(Admin)), UnneededSignature, ""},
	})
}

func TestDecideErasure(t *testing.T) {
	published := wGiven(wMaker.publishes("a", wWith("en fil", "to filer")))
	erased := wAnd(published, wAuthority.erases("en fil"))
	wRun(t, []wCase{
		{"what a publication names", published, wAuthority.erases("en fil"), wAccepted, ""},
		{"what a revision names", wAnd(published, wMaker.revises("a", wWith("tre"))), wAuthority.erases("tre"), wAccepted, ""},
		{"what a revision has left out", wAnd(published, wMaker.revises("a")), wAuthority.erases("en fil"), wAccepted, ""},
		{"what a confirmation names", wAnd(published, wAdopter.confirms("a", wShowing("tre"))), wAuthority.erases("tre"), wAccepted, ""},
		{"what a struck confirmation names", wAnd(published, wAdopter.confirms("a", wShowing("tre")), wAdopter.retracts("a")), wAuthority.erases("tre"), wAccepted, ""},
		{"another of the same entry", erased, wAuthority.erases("to filer"), wAccepted, ""},
		{"what no entry names", published, wAuthority.erases("tre"), WrongState, "/data/sha256"},
		{"what is erased", erased, wAuthority.erases("en fil"), WrongState, "/data/sha256"},
		{"what is erased and named again", wAnd(erased, wMaker.revises("a", wWith("en fil"))), wAuthority.erases("en fil"), WrongState, "/data/sha256"},
		{"naming again what is erased", erased, wMaker.revises("a", wWith("en fil")), wAccepted, ""},
		{"by its originator", published, wMaker.erases("en fil"), NotAuthorised, "/by"},
		{"with a second signature", published, wAuthority.erases("en fil").alsoSignedBy(wMaker.key(Admin)), UnneededSignature, ""},
		{"by a hospital, of what no entry names", published, wMaker.erases("tre"), NotAuthorised, "/by"},
	})
}

func TestDecidePublication(t *testing.T) {
	both := wBy(wMaker, wPartner)
	maker, partner := wMaker.key(Report), wPartner.key(Report)
	wRun(t, []wCase{
		{"by its originator", nil, wMaker.publishes("a"), wAccepted, ""},
		{"by the authority, as an originator like others", wGiven(wAuthority.enrols(wAuthority, wAuthority.key(Report), Report)), wAuthority.publishes("a"), wAccepted, ""},
		{"by the first of two originators", nil, wMaker.publishes("a", both), wAccepted, ""},
		{"by the second of two originators", nil, wPartner.publishes("a", both), wAccepted, ""},
		{"by four", nil, wOther.publishes("a", wBy(wHospitals...)), wAccepted, ""},
		{"by another than an originator", nil, wOther.publishes("a", both).alsoSignedBy(wOther.key(Report)), NotAuthorised, "/by"},
		{"by another, signed by the originators alone", nil, wOther.publishes("a", both), NotAuthorised, "/by"},
		{"without a co-originator's signature", nil, wMaker.publishes("a", both).signedBy(maker), MissingSignature, ""},
		{"with another's signature in its place", nil, wMaker.publishes("a", both).signedBy(maker, wOther.key(Report)), MissingSignature, ""},
		{"with a signature too many", nil, wMaker.publishes("a").alsoSignedBy(partner), UnneededSignature, ""},
		{"with the authority's signature too", nil, wMaker.publishes("a").alsoSignedBy(wAuthority.key(Admin)), UnneededSignature, ""},
		{
			"with two signatures of one organisation",
			wGiven(wPartner.enrols(wPartner, wPartner.key(Report, "2"), Report)),
			wMaker.publishes("a", both).alsoSignedBy(wPartner.key(Report, "2")), UnneededSignature, "",
		},
		{"with an originator that is not registered, and cannot sign", nil, wMaker.publishes("a", wBy(wMaker, wNewcomer)).signedBy(maker), MissingSignature, ""},
		{"derived from another", wGiven(wMaker.publishes("a")), wOther.publishes("b", wDerivedFrom("a")), wAccepted, ""},
		{"derived from what is unknown", nil, wMaker.publishes("b", wDerivedFrom("a")), UnknownInnovation, "/data/derived_from"},
		{"derived from itself", nil, wMaker.publishes("a", wDerivedFrom("a")), UnknownInnovation, "/data/derived_from"},
		{
			"derived from an event that published nothing",
			wGiven(wAuthority.opens(2026).withIDOf("a")),
			wMaker.publishes("b", wDerivedFrom("a")), UnknownInnovation, "/data/derived_from",
		},
	})
}

// These are refused; of the codes that could say so they hold the one that the
// ledger gives.
func TestDecideCoSignatures(t *testing.T) {
	both := wBy(wMaker, wPartner)
	wRun(t, []wCase{
		{"a co-originator signs with another role only", nil, wMaker.publishes("a", both).signedBy(wMaker.key(Report), wPartner.key(Admin)), NotAuthorised, ""},
		{"the originator signs with another role too", nil, wMaker.publishes("a").alsoSignedBy(wMaker.key(Admin)), NotAuthorised, ""},
		{"only the co-originator signs", nil, wMaker.publishes("a", both).signedBy(wPartner.key(Report)), NotAuthorised, "/by"},
		{"a new originator acts", wGiven(wMaker.publishes("a")), wPartner.revises("a", both), NotAuthorised, "/by"},
	})
}

func TestDecideRevision(t *testing.T) {
	maker, partner, other := wMaker.key(Report), wPartner.key(Report), wOther.key(Report)
	one := wGiven(wMaker.publishes("a"))
	two := wGiven(wMaker.publishes("a", wBy(wMaker, wPartner)))
	both, joined := wBy(wMaker, wPartner), wBy(wMaker, wOther)
	wRun(t, []wCase{
		{"by its originator", one, wMaker.revises("a"), wAccepted, ""},
		{"by another", one, wOther.revises("a"), NotAuthorised, "/by"},
		{"by both originators", two, wPartner.revises("a", both), wAccepted, ""},
		{"without the other originator", two, wMaker.revises("a", both).signedBy(maker), MissingSignature, ""},
		{"with a new originator who signs", one, wMaker.revises("a", both), wAccepted, ""},
		{"with a new originator who does not sign", one, wMaker.revises("a", both).signedBy(maker), MissingSignature, ""},
		{"without an old originator who signs", two, wMaker.revises("a").signedBy(maker, partner), wAccepted, ""},
		{"without an old originator who does not sign", two, wMaker.revises("a"), MissingSignature, ""},
		{"one originator for another, signed by all", two, wMaker.revises("a", joined).signedBy(maker, partner, other), wAccepted, ""},
		{"one originator for another, without the old", two, wMaker.revises("a", joined), MissingSignature, ""},
		{"one originator for another, without the new", two, wMaker.revises("a", joined).signedBy(maker, partner), MissingSignature, ""},
		{"handed over to another, signed by both", one, wMaker.revises("a", wBy(wOther)).signedBy(maker, other), wAccepted, ""},
		{"with a signature too many", two, wMaker.revises("a", both).alsoSignedBy(other), UnneededSignature, ""},
		{
			"former originators do not sign",
			wAnd(two, wMaker.revises("a").signedBy(maker, partner)),
			wMaker.revises("a").signedBy(maker, partner), UnneededSignature, "",
		},
		{
			"a former originator does not act",
			wAnd(two, wMaker.revises("a").signedBy(maker, partner)),
			wPartner.revises("a").signedBy(maker, partner), NotAuthorised, "/by",
		},
		{
			"the new originator acts from then on",
			wAnd(one, wMaker.revises("a", wBy(wOther)).signedBy(maker, other)),
			wOther.revises("a"), wAccepted, "",
		},
		{"of what is unknown", nil, wMaker.revises("a"), UnknownInnovation, "/data/innovation"},
		{"of an event that published nothing", wGiven(wAuthority.opens(2026).withIDOf("a")), wMaker.revises("a"), UnknownInnovation, "/data/innovation"},
		{"of what is withdrawn", wAnd(one, wMaker.withdraws("a")), wMaker.revises("a"), WrongState, ""},
	})
}

func TestDecideDerivation(t *testing.T) {
	line := wGiven(
		wMaker.publishes("a"),
		wMaker.publishes("b", wDerivedFrom("a")),
		wMaker.publishes("c", wDerivedFrom("b")),
		wMaker.publishes("d"),
	)
	wRun(t, []wCase{
		{"from itself", line, wMaker.revises("a", wDerivedFrom("a")), WrongState, "/data/derived_from"},
		{"from its child", line, wMaker.revises("a", wDerivedFrom("b")), WrongState, "/data/derived_from"},
		{"from its grandchild", line, wMaker.revises("a", wDerivedFrom("c")), WrongState, "/data/derived_from"},
		{"from its grandparent", line, wMaker.revises("c", wDerivedFrom("a")), wAccepted, ""},
		{"from another line", line, wMaker.revises("a", wDerivedFrom("d")), wAccepted, ""},
		{"from what is unknown", line, wMaker.revises("a", wDerivedFrom("x")), UnknownInnovation, "/data/derived_from"},
		{"from a child that has left the line", wAnd(line, wMaker.revises("b")), wMaker.revises("a", wDerivedFrom("c")), wAccepted, ""},
		{"from a child that has moved below", wAnd(line, wMaker.revises("d", wDerivedFrom("c"))), wMaker.revises("a", wDerivedFrom("d")), WrongState, "/data/derived_from"},
	})
}

func TestDecideWithdrawal(t *testing.T) {
	two := wGiven(wMaker.publishes("a", wBy(wMaker, wPartner)))
	maker, partner := wMaker.key(Report), wPartner.key(Report)
	wRun(t, []wCase{
		{"by its originator", wGiven(wMaker.publishes("a")), wMaker.withdraws("a"), wAccepted, ""},
		{"by both originators", two, wPartner.withdraws("a").signedBy(maker, partner), wAccepted, ""},
		{"by one of two", two, wMaker.withdraws("a"), MissingSignature, ""},
		{"by another", two, wOther.withdraws("a"), NotAuthorised, "/by"},
		{"with a signature too many", two, wMaker.withdraws("a").signedBy(maker, partner, wOther.key(Report)), UnneededSignature, ""},
		{"of what is unknown", nil, wMaker.withdraws("a"), UnknownInnovation, "/data/innovation"},
		{"of what is unknown, and so are its originators", nil, wMaker.withdraws("a").alsoSignedBy(partner), UnknownInnovation, "/data/innovation"},
		{"twice", wGiven(wMaker.publishes("a"), wMaker.withdraws("a")), wMaker.withdraws("a"), WrongState, ""},
		{
			"former originators do not sign",
			wAnd(two, wMaker.revises("a").signedBy(maker, partner)),
			wMaker.withdraws("a"), wAccepted, "",
		},
	})
}

func TestDecideInvitation(t *testing.T) {
	two := wGiven(wMaker.publishes("a", wBy(wMaker, wPartner)))
	maker, partner := wMaker.key(Report), wPartner.key(Report)
	wRun(t, []wCase{
		{"by an originator, who signs alone", two, wPartner.invites("a", wAdopter), wAccepted, ""},
		{"by both originators", two, wMaker.invites("a", wAdopter).alsoSignedBy(partner), UnneededSignature, ""},
		{"by another", two, wOther.invites("a", wAdopter), NotAuthorised, "/by"},
		{"by the adopter", two, wAdopter.invites("a", wAdopter), NotAuthorised, "/by"},
		{"by a former originator", wAnd(two, wMaker.revises("a").signedBy(maker, partner)), wPartner.invites("a", wAdopter), NotAuthorised, "/by"},
		{"to what is unknown", nil, wMaker.invites("a", wAdopter), UnknownInnovation, "/data/innovation"},
		{"of an adopter that is not registered", two, wMaker.invites("a", wNewcomer), UnknownOrganisation, "/data/adopter"},
		{"once, whoever invites", wAnd(two, wMaker.invites("a", wAdopter)), wPartner.invites("a", wAdopter), AlreadyExists, ""},
		{"once, also after a revision", wAnd(two, wMaker.invites("a", wAdopter), wMaker.revises("a", wBy(wMaker, wPartner))), wMaker.invites("a", wAdopter), AlreadyExists, ""},
		{"of another adopter too", wAnd(two, wMaker.invites("a", wAdopter)), wMaker.invites("a", wOther), wAccepted, ""},
		{"to another innovation too", wAnd(two, wMaker.publishes("b"), wMaker.invites("a", wAdopter)), wMaker.invites("b", wAdopter), wAccepted, ""},
		{"of oneself", two, wMaker.invites("a", wMaker), OwnInnovation, ""},
		{"of a co-originator", two, wMaker.invites("a", wPartner), OwnInnovation, ""},
		{"of a former originator", wAnd(two, wMaker.revises("a").signedBy(maker, partner)), wMaker.invites("a", wPartner), OwnInnovation, ""},
		{
			"a revision before the decline does not count",
			wAnd(two, wMaker.invites("a", wAdopter), wMaker.revises("a", wBy(wMaker, wPartner)), wAdopter.declines("a")),
			wMaker.invites("a", wAdopter), WrongState, "",
		},
		{
			"nor does the revision of another innovation",
			wAnd(two, wMaker.publishes("b"), wMaker.invites("a", wAdopter), wAdopter.declines("a"), wMaker.revises("b")),
			wMaker.invites("a", wAdopter), WrongState, "",
		},
		{
			"nor does another adopter's decline",
			wAnd(two, wMaker.invites("a", wAdopter), wMaker.invites("a", wOther), wOther.declines("a"), wMaker.revises("a", wBy(wMaker, wPartner))),
			wMaker.invites("a", wAdopter), AlreadyExists, "",
		},
	})
}

// TestDecidePair goes through where a pair can stand and what can come next.
// For each, the five codes are those of inviting, declining, confirming, ending
// and retracting. Once the innovation is withdrawn, what was accepted of the
// first and third is in the wrong state; all else stays as it was.
func TestDecidePair(t *testing.T) {
	invite, revise := wMaker.invites("a", wAdopter), wMaker.revises("a")
	decline, confirm, end, retract := wAdopter.declines("a"), wAdopter.confirms("a"), wAdopter.ends("a"), wAdopter.retracts("a")
	nexts := []wAct{invite, decline, confirm, end, retract}
	const yes, none, twice, state = wAccepted, UnknownAdoption, AlreadyExists, WrongState
	for _, c := range []struct {
		name  string
		given []wAct
		then  [5]Code
	}{
		{"new", nil, [5]Code{yes, none, yes, none, none}},
		{"invited", wGiven(invite), [5]Code{twice, yes, yes, none, none}},
		{"declined", wGiven(invite, decline), [5]Code{state, state, yes, none, none}},
		{"declined, revised", wGiven(invite, decline, revise), [5]Code{yes, state, yes, none, none}},
		{"invited again", wGiven(invite, decline, revise, invite), [5]Code{twice, yes, yes, none, none}},
		{"declined again", wGiven(invite, decline, revise, invite, decline), [5]Code{state, state, yes, none, none}},
		{"declined again, revised", wGiven(invite, decline, revise, invite, decline, revise), [5]Code{yes, state, yes, none, none}},
		{"confirmed unasked", wGiven(confirm), [5]Code{twice, state, twice, yes, yes}},
		{"confirmed as invited", wGiven(invite, confirm), [5]Code{twice, state, twice, yes, yes}},
		{"confirmed after declining", wGiven(invite, decline, confirm), [5]Code{twice, state, twice, yes, yes}},
		{"confirmed, revised", wGiven(confirm, revise), [5]Code{twice, state, twice, yes, yes}},
		{"ended", wGiven(confirm, end), [5]Code{yes, state, yes, state, yes}},
		{"ended, had been invited", wGiven(invite, confirm, end), [5]Code{twice, state, yes, state, yes}},
		{"ended, had declined", wGiven(invite, decline, confirm, end), [5]Code{state, state, yes, state, yes}},
		{"ended, had declined, revised", wGiven(invite, decline, revise, confirm, end), [5]Code{yes, state, yes, state, yes}},
		{"retracted", wGiven(confirm, retract), [5]Code{yes, state, yes, state, state}},
		{"retracted, had been invited", wGiven(invite, confirm, retract), [5]Code{twice, state, yes, state, state}},
		{"ended, retracted", wGiven(confirm, end, retract), [5]Code{yes, state, yes, state, state}},
		{"ended, confirmed again", wGiven(confirm, end, confirm), [5]Code{twice, state, twice, yes, yes}},
		{"retracted, confirmed again", wGiven(confirm, retract, confirm), [5]Code{twice, state, twice, yes, yes}},
		{"ended twice", wGiven(confirm, end, confirm, end), [5]Code{yes, state, yes, state, yes}},
		{"retracted twice", wGiven(confirm, retract, confirm, retract), [5]Code{yes, state, yes, state, state}},
		// An invitation waits for its answer also when it comes after an adoption.
		{"ended, invited", wGiven(confirm, end, invite), [5]Code{twice, yes, yes, state, yes}},
		{"retracted, invited", wGiven(confirm, retract, invite), [5]Code{twice, yes, yes, state, state}},
		{"retracted, invited, declined", wGiven(confirm, retract, invite, decline), [5]Code{state, state, yes, state, state}},
		{"retracted, invited, confirmed", wGiven(confirm, retract, invite, confirm), [5]Code{twice, state, twice, yes, yes}},
	} {
		given := wAnd(wGiven(wMaker.publishes("a")), c.given...)
		var live, withdrawn []wCase
		for i, next := range nexts {
			live = append(live, wCase{string(wType(next.data)), given, next, c.then[i], ""})
			want := c.then[i]
			if want == wAccepted && (i == 0 || i == 2) {
				want = WrongState
			}
			after := wAnd(given, wMaker.withdraws("a"))
			withdrawn = append(withdrawn, wCase{string(wType(next.data)), after, next, want, ""})
		}
		t.Run(c.name, func(t *testing.T) { wRun(t, live) })
		t.Run(c.name+", withdrawn", func(t *testing.T) { wRun(t, withdrawn) })
	}
}

// Other pairs of the same innovation or adopter are other pairs.
func TestDecidePairsAreApart(t *testing.T) {
	given := wGiven(wMaker.publishes("a"), wMaker.publishes("b"), wMaker.invites("a", wAdopter), wAdopter.confirms("b"))
	wRun(t, []wCase{
		{"another's invitation is not declined", given, wOther.declines("a"), UnknownAdoption, ""},
		{"another innovation's confirmation is not ended", given, wAdopter.ends("a"), UnknownAdoption, ""},
		{"another's confirmation is not ended", given, wOther.ends("b"), UnknownAdoption, ""},
		{"another's confirmation is not retracted", given, wOther.retracts("b"), UnknownAdoption, ""},
		{"each adopter confirms", given, wOther.confirms("b"), wAccepted, ""},
		{"an adopter confirms each", given, wAdopter.confirms("a"), wAccepted, ""},
	})
}

func TestDecideAdopterSignsAlone(t *testing.T) {
	given := wGiven(wMaker.publishes("a"), wMaker.publishes("b"), wMaker.invites("a", wAdopter), wAdopter.confirms("b"))
	var cases []wCase
	for _, a := range []wAct{wAdopter.declines("a"), wAdopter.confirms("a"), wAdopter.ends("b"), wAdopter.retracts("b")} {
		name := string(wType(a.data))
		second := wAnd(given, wAdopter.enrols(wAdopter, wAdopter.key(Report, "2"), Report))
		cases = append(
			cases,
			wCase{name + " by the originator", given, a.signedBy(wMaker.key(Report)), NotAuthorised, ""},
			wCase{name + " with the originator", given, a.alsoSignedBy(wMaker.key(Report)), UnneededSignature, ""},
			wCase{name + " signed twice", second, a.alsoSignedBy(wAdopter.key(Report, "2")), UnneededSignature, ""},
		)
	}
	wRun(t, cases)
}

func TestDecideUnknownInnovation(t *testing.T) {
	var cases []wCase
	for _, a := range []wAct{
		wMaker.revises("a"), wMaker.withdraws("a"), wMaker.invites("a", wAdopter), wMaker.merges("a", "b"),
		wMaker.merges("a", "b").alsoSignedBy(wPartner.key(Report)), wWest.merges("a", "b").assessedBy(wWest, wNorth),
		wMaker.asksAbout("a"), wWest.assesses("a"),
		wAdopter.declines("a"), wAdopter.confirms("a"), wAdopter.ends("a"), wAdopter.retracts("a"),
		wOther.disputes("a", wAdopter), wOther.withdrawsDispute("a", wAdopter), wWest.decides("a", wAdopter, true),
	} {
		name := string(wType(a.data))
		cases = append(cases, wCase{name, nil, a, UnknownInnovation, "/data/innovation"})
		// An event's id is an innovation's only if it published one.
		other := wGiven(wMaker.publishes("b"), wAdopter.confirms("b").withIDOf("a"))
		cases = append(cases, wCase{name + " of another event", other, a, UnknownInnovation, "/data/innovation"})
	}
	wRun(t, cases)
}

func TestDecideDates(t *testing.T) {
	given := wGiven(wMaker.publishes("a", wSince("2024-03-01")))
	later := wAnd(given, wMaker.revises("a", wSince("2024-04-01")))
	earlier := wAnd(given, wMaker.revises("a", wSince("2024-02-01")))
	confirmed := wAnd(given, wAdopter.confirms("a", wFrom("2025-06-01")))
	again := wAnd(confirmed, wAdopter.ends("a", "2025-06-02"), wAdopter.confirms("a", wFrom("2026-01-01")))
	wRun(t, []wCase{
		{"in use as long as where it was made", given, wAdopter.confirms("a", wFrom("2024-03-01")), wAccepted, ""},
		{"in use before it was where it was made", given, wAdopter.confirms("a", wFrom("2024-02-29")), InvalidField, "/data/in_use_from"},
		{"the last revision says since when: later", later, wAdopter.confirms("a", wFrom("2024-03-31")), InvalidField, "/data/in_use_from"},
		{"the last revision says since when: earlier", earlier, wAdopter.confirms("a", wFrom("2024-02-01")), wAccepted, ""},
		{"in use from today", given, wAdopter.confirms("a", wFrom(wToday)), wAccepted, ""},
		{"in use from tomorrow", given, wAdopter.confirms("a", wFrom(wTomorrow)), InvalidField, "/data/in_use_from"},
		{"ended the same day", confirmed, wAdopter.ends("a", "2025-06-01"), wAccepted, ""},
		{"ended before it began", confirmed, wAdopter.ends("a", "2025-05-31"), InvalidField, "/data/ended_on"},
		{"ended before it began in another year", confirmed, wAdopter.ends("a", "2024-12-31"), InvalidField, "/data/ended_on"},
		{"ended before it began again", again, wAdopter.ends("a", "2025-12-31"), InvalidField, "/data/ended_on"},
		{"ended after it began again", again, wAdopter.ends("a", "2026-01-01"), wAccepted, ""},
	})
}

func TestDecideOwnInnovation(t *testing.T) {
	maker, partner, other := wMaker.key(Report), wPartner.key(Report), wOther.key(Report)
	two := wGiven(wMaker.publishes("a", wBy(wMaker, wPartner)))
	left := wAnd(two, wMaker.revises("a").signedBy(maker, partner))
	gone := wAnd(left, wMaker.revises("a", wBy(wOther)).signedBy(maker, other))
	joined := wMaker.revises("a", wBy(wMaker, wAdopter))
	one := wGiven(wMaker.publishes("a"))
	wRun(t, []wCase{
		{"an originator", two, wMaker.confirms("a"), OwnInnovation, ""},
		{"a co-originator", two, wPartner.confirms("a"), OwnInnovation, ""},
		{"a former originator", left, wPartner.confirms("a"), OwnInnovation, ""},
		{"the former originators of several revisions: the first", gone, wPartner.confirms("a"), OwnInnovation, ""},
		{"the former originators of several revisions: the last", gone, wMaker.confirms("a"), OwnInnovation, ""},
		{"the one who took over", gone, wOther.confirms("a"), OwnInnovation, ""},
		{"one who never was", gone, wAdopter.confirms("a"), wAccepted, ""},
		{"one's other innovation", wAnd(gone, wPartner.publishes("b")), wOther.confirms("b"), wAccepted, ""},
		{"the innovation it is derived from", wAnd(gone, wAdopter.publishes("b", wDerivedFrom("a"))), wAdopter.confirms("a"), wAccepted, ""},
		{"one that became an originator while invited", wAnd(one, wMaker.invites("a", wAdopter), joined), wAdopter.confirms("a"), OwnInnovation, ""},
		{"and says no", wAnd(one, wMaker.invites("a", wAdopter), joined), wAdopter.declines("a"), wAccepted, ""},
		{"one that became an originator after adopting ends", wAnd(one, wAdopter.confirms("a"), joined), wAdopter.ends("a"), wAccepted, ""},
		{"one that became an originator after adopting retracts", wAnd(one, wAdopter.confirms("a"), joined), wAdopter.retracts("a"), wAccepted, ""},
		{"but does not confirm again", wAnd(one, wAdopter.confirms("a"), joined, wAdopter.retracts("a")), wAdopter.confirms("a"), OwnInnovation, ""},
	})
}

func TestDecideRevisionConfirmed(t *testing.T) {
	first := func(c *Confirmation) { c.Revision = hexOf(wPublishedFirst(t)) }
	given := wGiven(wMaker.publishes("a"))
	wRun(t, []wCase{
		{"the published one", given, wAdopter.confirms("a", first), wAccepted, ""},
		{"an unknown one", given, wAdopter.confirms("a", wStale), StaleRevision, "/data/revision"},
		{"the latest revised one", wAnd(given, wMaker.revises("a")), wAdopter.confirms("a"), wAccepted, ""},
		{"the one before", wAnd(given, wMaker.revises("a")), wAdopter.confirms("a", first), StaleRevision, "/data/revision"},
		{"another innovation's revision leaves it", wAnd(given, wMaker.publishes("b"), wMaker.revises("b")), wAdopter.confirms("a", first), wAccepted, ""},
		{"an invitation leaves it", wAnd(given, wMaker.invites("a", wAdopter)), wAdopter.confirms("a", first), wAccepted, ""},
	})
}

// wPublishedFirst is the leaf of the entry with which innovation a is published
// first of all in a new world.
func wPublishedFirst(t *testing.T) [32]byte {
	w := newWorld(t)
	w.given(wMaker.publishes("a"))
	return w.entries[len(w.entries)-1].Leaf()
}

func TestDecideRulesAndYears(t *testing.T) {
	rules := wGiven(wAuthority.publishesRules("2026-a"))
	years := wGiven(wAuthority.opens(2026), wAuthority.opens(2027))
	wRun(t, []wCase{
		{"rules", nil, wAuthority.publishesRules("2026-a"), wAccepted, ""},
		{"rules again", rules, wAuthority.publishesRules("2026-a"), AlreadyExists, "/data/rules/id"},
		{"other rules", rules, wAuthority.publishesRules("2026-b"), wAccepted, ""},
		{"the first year is any", nil, wAuthority.opens(2031), wAccepted, ""},
		{"the next year", years, wAuthority.opens(2028), wAccepted, ""},
		{"the last year again", years, wAuthority.opens(2027), AlreadyExists, "/data/year"},
		{"the first year again", years, wAuthority.opens(2026), AlreadyExists, "/data/year"},
		{"a year too far", years, wAuthority.opens(2029), WrongState, "/data/year"},
		{"a year before the first", years, wAuthority.opens(2025), WrongState, "/data/year"},
	})
}

func TestDecideUsedID(t *testing.T) {
	given := wGiven(wMaker.publishes("a"), wAdopter.confirms("a"))
	wRun(t, []wCase{
		{"with other content", given, wMaker.publishes("a", wSince("2020-01-01")), AlreadyExists, "/id"},
		{"of another type", given, wAuthority.opens(2026).withIDOf("a"), AlreadyExists, "/id"},
		{"by another", given, wOther.publishes("a"), AlreadyExists, "/id"},
		{"after what comes before: the ledger", given, wMaker.publishes("a").onLedger("spredning.example/elsewhere"), WrongLedger, "/ledger"},
		{"after what comes before: a field", given, wOther.confirms("a", wFrom("2020-01-01")).withIDOf("a"), InvalidField, "/data/in_use_from"},
		{"after what comes before: the key", given, wMaker.publishes("a").signedBy(wStranger), UnknownKey, ""},
		{"after what comes before: a revoked key", wAnd(given, wMaker.revokes(wMaker.key(Report))), wMaker.publishes("a"), RevokedKey, ""},
		{"after what comes before: who signs", given, wMaker.publishes("a").signedBy(wOther.key(Report)), NotAuthorised, ""},
		{"after what comes before: who does not", given, wMaker.publishes("a", wBy(wMaker, wOther)).signedBy(wMaker.key(Report)), MissingSignature, ""},
		{"after what comes before: who need not", given, wMaker.publishes("a").alsoSignedBy(wOther.key(Report)), UnneededSignature, ""},
		{"after what comes before: organisations", given, wMaker.invites("a", wNewcomer).withIDOf("a"), UnknownOrganisation, ""},
		{"after what comes before: innovations", given, wMaker.publishes("a", wDerivedFrom("x")), UnknownInnovation, ""},
		{"after what comes before: adoptions", given, wOther.ends("a").withIDOf("a"), UnknownAdoption, ""},
		{"before another that exists", given, wAdopter.confirms("a").withIDOf("a"), AlreadyExists, "/id"},
		{"before a wrong state", wAnd(given, wMaker.withdraws("a")), wOther.confirms("a").withIDOf("a"), AlreadyExists, "/id"},
		{"before an own innovation", given, wMaker.confirms("a").withIDOf("a"), AlreadyExists, "/id"},
		{"before a stale revision", given, wOther.confirms("a", wStale).withIDOf("a"), AlreadyExists, "/id"},
	})
}

// Of several things that are wrong the first code applies. Each case has two;
// together they go down the list of codes.
func TestDecideOrderOfCodes(t *testing.T) {
	report := func(o wActor) *keys.Private { return o.key(Report) }
	a := wGiven(wMaker.publishes("a"))
	withdrawn := wAnd(a, wMaker.withdraws("a"))
	confirmed := wAnd(a, wAdopter.confirms("a"))
	revoked := wAnd(a, wOther.enrols(wOther, wOther.key(Report, "2"), Report), wOther.revokes(wOther.key(Report, "2")))
	gone := wOther.key(Report, "2")
	twoKeys := wGiven(wMaker.enrols(wMaker, wMaker.key(Report, "2"), Report))
	early := wFrom("2020-01-01")
	joined := wMaker.revises("a", wBy(wMaker, wAdopter))
	elsewhere := "spredning.example/elsewhere"
	wRun(t, []wCase{
		{"wrong_ledger, invalid_field", a, wAdopter.confirms("a", early).onLedger(elsewhere), WrongLedger, ""},
		{"wrong_ledger, unknown_key", a, wAdopter.confirms("a").signedBy(wStranger).onLedger(elsewhere), WrongLedger, ""},
		{"invalid_field, revoked_key", revoked, wOther.confirms("a", early).signedBy(gone), InvalidField, ""},
		{"invalid_field, not_authorised", a, wAdopter.confirms("a", early).signedBy(report(wOther)), InvalidField, ""},
		{"invalid_field, not_authorised, ending", confirmed, wAdopter.ends("a", "2020-01-01").signedBy(report(wOther)), InvalidField, ""},
		{"invalid_field, unneeded_signature", a, wAdopter.confirms("a", early).alsoSignedBy(report(wOther)), InvalidField, ""},
		{"invalid_field, already_exists", confirmed, wAdopter.confirms("a", early), InvalidField, ""},
		{"invalid_field, wrong_state", withdrawn, wAdopter.confirms("a", early), InvalidField, ""},
		{"invalid_field, wrong_state, ending", wAnd(confirmed, wAdopter.ends("a")), wAdopter.ends("a", "2020-01-01"), InvalidField, ""},
		{"invalid_field, own_innovation", a, wMaker.confirms("a", early), InvalidField, ""},
		{"invalid_field, stale_revision", a, wAdopter.confirms("a", early, wStale), InvalidField, ""},

		{"unknown_key, revoked_key", revoked, wOther.confirms("a").signedBy(gone, wStranger), UnknownKey, ""},
		{"unknown_key, not_authorised", a, wOther.revises("a").alsoSignedBy(wStranger), UnknownKey, ""},
		{"unknown_key, missing_signature", a, wMaker.revises("a", wBy(wMaker, wOther)).signedBy(report(wMaker), wStranger), UnknownKey, ""},
		{"unknown_key, unneeded_signature", a, wMaker.revises("a").alsoSignedBy(wStranger), UnknownKey, ""},
		{"unknown_key, unknown_innovation", nil, wMaker.withdraws("a").signedBy(wStranger), UnknownKey, ""},
		{"unknown_key to revoke, revoked_key", revoked, wOther.revokes(wStranger).signedBy(gone), UnknownKey, ""},
		{"unknown_key to revoke, not_authorised", revoked, wAuthority.revokes(wStranger).signedBy(wMaker.key(Admin)), UnknownKey, ""},
		{"unknown_key to revoke, unneeded_signature", revoked, wAuthority.revokes(wStranger).alsoSignedBy(wMaker.key(Admin)), UnknownKey, ""},

		{"revoked_key, not_authorised", revoked, wOther.revises("a").signedBy(gone), RevokedKey, ""},
		{"revoked_key, not_authorised by the authority's rule", revoked, wOther.opens(2026).signedBy(gone), RevokedKey, ""},
		{"revoked_key, missing_signature", revoked, wMaker.revises("a", wBy(wMaker, wOther)).signedBy(report(wMaker), gone), RevokedKey, ""},
		{"revoked_key, unneeded_signature", revoked, wMaker.revises("a").alsoSignedBy(gone), RevokedKey, ""},
		{"revoked_key, unknown_organisation", revoked, wMaker.invites("a", wNewcomer).alsoSignedBy(gone), RevokedKey, ""},

		{"not_authorised, missing_signature", nil, wOther.publishes("b", wBy(wMaker, wPartner)).signedBy(report(wOther), report(wMaker)), NotAuthorised, ""},
		{"not_authorised, unneeded_signature", a, wOther.revises("a").alsoSignedBy(report(wPartner)), NotAuthorised, ""},
		{"not_authorised, unneeded_signature, years", nil, wMaker.opens(2026).alsoSignedBy(report(wOther)), NotAuthorised, ""},
		{"not_authorised for assess, unneeded_signature", nil, wMaker.enrols(wMaker, wStranger, Assess).alsoSignedBy(wOther.key(Admin)), NotAuthorised, ""},
		{"not_authorised, unknown_organisation", a, wOther.invites("a", wNewcomer), NotAuthorised, ""},
		{"not_authorised, unknown_organisation, keys", nil, wMaker.enrols(wNewcomer, wStranger, Report), NotAuthorised, ""},
		{"not_authorised, unknown_innovation", nil, wMaker.withdraws("x").signedBy(wMaker.key(Admin)), NotAuthorised, ""},
		{"not_authorised, unknown_adoption", a, wAdopter.ends("a").signedBy(report(wOther)), NotAuthorised, ""},
		{"not_authorised, already_exists", nil, wMaker.registers(wMaker), NotAuthorised, ""},
		{"not_authorised, wrong_state", withdrawn, wOther.withdraws("a"), NotAuthorised, ""},

		{"missing_signature, unneeded_signature", nil, wMaker.publishes("b", wBy(wMaker, wPartner)).signedBy(report(wMaker), report(wOther)), MissingSignature, ""},
		{"missing_signature, unknown_innovation", nil, wMaker.publishes("b", wBy(wMaker, wPartner), wDerivedFrom("x")).signedBy(report(wMaker)), MissingSignature, ""},
		{"missing_signature, unknown_innovation, revisions", nil, wMaker.revises("x", wBy(wMaker, wPartner)).signedBy(report(wMaker)), MissingSignature, ""},
		{"missing_signature, wrong_state", withdrawn, wMaker.revises("a", wBy(wMaker, wPartner)).signedBy(report(wMaker)), MissingSignature, ""},

		{"unneeded_signature, unknown_organisation", a, wMaker.invites("a", wNewcomer).alsoSignedBy(report(wOther)), UnneededSignature, ""},
		{"unneeded_signature, unknown_organisation, parents", nil, wAuthority.registers(wNewcomer, wParent(wLatecomer)).alsoSignedBy(wMaker.key(Admin)), UnneededSignature, ""},
		{"unneeded_signature, unknown_organisation, unknown_innovation", nil, wMaker.invites("x", wNewcomer).alsoSignedBy(report(wOther)), UnneededSignature, ""},
		{"unneeded_signature, unknown_innovation", nil, wAdopter.confirms("x").alsoSignedBy(report(wOther)), UnneededSignature, ""},
		{"unneeded_signature, unknown_innovation, invitations", nil, wMaker.invites("x", wAdopter).alsoSignedBy(report(wOther)), UnneededSignature, ""},
		{"unneeded_signature, unknown_innovation, revisions", twoKeys, wMaker.revises("x").alsoSignedBy(wMaker.key(Report, "2")), UnneededSignature, ""},
		{"unneeded_signature, unknown_adoption", a, wAdopter.retracts("a").alsoSignedBy(report(wMaker)), UnneededSignature, ""},
		{"unneeded_signature, already_exists", confirmed, wAdopter.confirms("a").alsoSignedBy(report(wMaker)), UnneededSignature, ""},

		{"unknown_organisation, unknown_innovation", nil, wMaker.invites("x", wNewcomer), UnknownOrganisation, ""},
		{"unknown_organisation, already_exists", nil, wAuthority.registers(wMaker, wParent(wNewcomer)), UnknownOrganisation, ""},
		{"unknown_organisation, already_exists, keys", nil, wAuthority.enrols(wNewcomer, report(wMaker), Report), UnknownOrganisation, ""},
		{"unknown_organisation, wrong_state", withdrawn, wMaker.invites("a", wNewcomer), UnknownOrganisation, ""},
		{"unknown_innovation, wrong_state", withdrawn, wMaker.revises("a", wDerivedFrom("x")), UnknownInnovation, ""},

		{"already_exists, wrong_state", wAnd(confirmed, wMaker.withdraws("a")), wAdopter.confirms("a"), AlreadyExists, ""},
		{"already_exists, wrong_state, invitations", wAnd(a, wMaker.invites("a", wAdopter), wMaker.withdraws("a")), wMaker.invites("a", wAdopter), AlreadyExists, ""},
		{"already_exists, own_innovation", wAnd(confirmed, joined), wAdopter.confirms("a"), AlreadyExists, ""},
		{"already_exists, own_innovation, invitations", wAnd(a, wMaker.invites("a", wAdopter), joined), wMaker.invites("a", wAdopter), AlreadyExists, ""},
		{"already_exists, stale_revision", confirmed, wAdopter.confirms("a", wStale), AlreadyExists, ""},
		{"wrong_state, own_innovation", withdrawn, wMaker.confirms("a"), WrongState, ""},
		{"wrong_state, own_innovation, invitations", withdrawn, wMaker.invites("a", wMaker), WrongState, ""},
		{"wrong_state, stale_revision", withdrawn, wAdopter.confirms("a", wStale), WrongState, ""},
		{"own_innovation, stale_revision", a, wMaker.confirms("a", wStale), OwnInnovation, ""},
	})
}

// wRandomActors include the first organisation of all: it is number 0, as is the
// first innovation.
var wRandomActors = []wActor{wMaker, wPartner, wAdopter, wOther, wAuthority}

var wRandomNames = []string{"a", "b", "c"}

// wRandom draws an event that has a fair chance of being admissible.
func wRandom(t *rapid.T, w *world) wAct {
	by := w.heir(rapid.SampledFrom(wRandomActors).Draw(t, "by"))
	other := w.heir(rapid.SampledFrom(wRandomActors).Draw(t, "other"))
	name := rapid.SampledFrom(wRandomNames).Draw(t, "innovation")
	from := rapid.SampledFrom(wRandomNames).Draw(t, "from")
	confirmed, adopter := w.oneOf(t, AdoptionConfirmed)
	disputed, disputer := w.oneOf(t, AdoptionDisputed)
	authority := wActor(w.state.authority)
	k := wStranger // whoever enrols it first; afterwards it can be revoked
	invite := func() wAct { return w.makerOf(name, by).invites(name, other) }
	decline := func() wAct { return by.declines(name) }
	confirm := func() wAct { return by.confirms(name) }
	end := func() wAct { return by.ends(name) }
	retract := func() wAct { return by.retracts(name) }
	dispute := func() wAct { return by.disputes(confirmed, adopter) }
	return rapid.SampledFrom([]func() wAct{
		invite, invite, decline, confirm, confirm, confirm, confirm, end, end, end, retract, retract, retract,
		dispute, dispute,
		func() wAct { return by.publishes(name, wDerivedFrom(from)) },
		func() wAct { return by.publishes(name, wPair(by, other)) },
		func() wAct { return w.signedByAll(w.makerOf(name, by).revises(name, wPair(by, other)), name) },
		func() wAct { return w.signedByAll(w.makerOf(name, by).revises(name, wDerivedFrom(from)), name) },
		func() wAct { return w.signedByAll(w.makerOf(name, by).withdraws(name), name) },
		func() wAct { return w.signedByAll(w.signedByAll(w.makerOf(name, by).merges(name, from), name), from) },
		func() wAct { return wWest.merges(name, from).assessedBy(wWest, wNorth) },
		func() wAct { return by.asksAbout(name) },
		func() wAct { return wWest.assesses(name) },
		func() wAct { return disputer.withdrawsDispute(disputed, w.adopterOf(disputed, disputer)) },
		func() wAct { return wWest.decides(disputed, w.adopterOf(disputed, disputer), by < other) },
		func() wAct { return authority.succeeds(by, other) },
		func() wAct { return authority.rekeys(name) },
		func() wAct { return authority.registers(wNewcomer, wParent(by)) },
		func() wAct { return authority.registers(wLatecomer) },
		func() wAct { return authority.amends(by, wParent(wAuthority)) },
		func() wAct { return by.enrols(by, k, Report) },
		func() wAct { return authority.revokes(k) },
		func() wAct { return authority.revokes(k) },
		func() wAct { return by.publishes(name, wWith(name)) },
		func() wAct { return by.confirms(name, wShowing(name)) },
		func() wAct { return authority.erases(name) },
		func() wAct { return authority.erases(name) },
		func() wAct { return authority.publishesRules("rules for " + name) },
		func() wAct { return authority.opens(max(2026, w.state.lastYear+1)) },
		func() wAct { return authority.closes(max(2026, w.state.closed+1)) },
	}).Draw(t, "event")()
}

// heir is who acts in an organisation's place now.
func (w *world) heir(o wActor) wActor { return wActor(w.state.heir(Orgnr(o))) }

// oneOf draws an entry of a type that names an innovation, and who acts for its
// organisation now.
func (w *world) oneOf(t *rapid.T, typ Type) (name string, by wActor) {
	of := slices.DeleteFunc(slices.Clone(w.entries), func(e *Entry) bool { return e.Type != typ })
	if len(of) == 0 {
		return wRandomNames[0], wOther
	}
	e := rapid.SampledFrom(of).Draw(t, string(typ))
	id := reflect.ValueOf(e.Data).Elem().FieldByName("Innovation").String()
	n := slices.IndexFunc(wRandomNames, func(name string) bool { return wID(name).String() == id })
	return wRandomNames[n], w.heir(wActor(e.By))
}

// adopterOf is whose adoption of an innovation an organisation disputed last.
func (w *world) adopterOf(name string, disputer wActor) wActor {
	for _, e := range slices.Backward(w.entries) {
		if d, ok := e.Data.(*Dispute); ok && d.Innovation == wID(name).String() && w.heir(wActor(e.By)) == disputer {
			return wActor(d.Adopter)
		}
	}
	return wAdopter
}

// makerOf is an originator of an innovation, or else another.
func (w *world) makerOf(name string, other wActor) wActor {
	if i, ok := w.state.innovations.at(wID(name)); ok {
		return w.heir(wActor(i.originators[0].Orgnr))
	}
	return other
}

func wPair(a, b wActor) func(*Innovation) {
	if a == b {
		return wBy(a)
	}
	return wBy(a, b)
}

// signedByAll adds the signatures of the innovation's present originators.
func (w *world) signedByAll(a wAct, name string) wAct {
	i, ok := w.state.innovations.at(wID(name))
	if !ok {
		return a
	}
	for _, o := range i.originators {
		k := w.heir(wActor(o.Orgnr)).key(Report)
		if !slices.ContainsFunc(a.signers, func(s *keys.Private) bool { return s.ID() == k.ID() }) {
			a = a.alsoSignedBy(k)
		}
	}
	return a
}

// wRandomWorld begins with innovations, invitations, an adoption under dispute
// and an open year, so that all types of events have a chance.
func wRandomWorld(t rapid.TB) *world {
	w := newWorld(t)
	w.given(wAuthority.enrols(wAuthority, wAuthority.key(Report), Report), wMaker.publishes("a", wWith("a", "b")), wMaker.publishes("b", wWith("c", "d")))
	w.given(wMaker.invites("a", wAuthority), wMaker.invites("a", wAdopter))
	w.given(wPartner.confirms("b"), wOther.disputes("b", wPartner), wAuthority.opens(2026))
	return w
}

// random enters random events until n are accepted, or many were not.
func (w *world) random(t *rapid.T, n int, seen map[Type]int) {
	for tries := 3 * n; n > 0 && tries > 0; tries-- {
		a := wRandom(t, w)
		if w.submit(a) == nil {
			seen[wType(a.data)]++
			n--
		}
	}
}

// wCheck checks a property of random worlds and fails unless all was seen there, so that
// it is not one of a few kinds only. Chance may need more worlds for that than once.
func wCheck[K comparable](t *testing.T, seen map[K]int, all []K, property func(t *rapid.T)) {
	t.Helper()
	missing := func() []K { return slices.DeleteFunc(slices.Clone(all), func(k K) bool { return seen[k] > 0 }) }
	for range 10 {
		rapid.Check(t, property)
		if t.Failed() || len(missing()) == 0 {
			return
		}
	}
	t.Errorf("never seen: %v", missing())
}

// wTypes are the types of events that random worlds are to be seen with.
func wTypes() []Type {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(blank)), func(t Type) bool { return t == LedgerFounded })
}

// Drop brings back what was at the last Keep, whatever came since.
func TestStateDrop(t *testing.T) {
	seen := map[Type]int{}
	wCheck(t, seen, wTypes(), func(t *rapid.T) {
		w := wRandomWorld(t)
		for range rapid.IntRange(1, 3).Draw(t, "rounds") {
			w.random(t, rapid.IntRange(0, 8).Draw(t, "kept"), map[Type]int{})
			w.state.Keep()
			kept := len(w.entries)
			w.random(t, rapid.IntRange(0, 12).Draw(t, "dropped"), seen)
			w.state.Drop()
			w.entries = w.entries[:kept]
			wSame(t, w.state, wReplay(t, w.bytes()))
		}
	})
}

func TestStateDropUpToNothing(t *testing.T) {
	w := wEmpty(t)
	w.given(wAuthority.founds(), wAuthority.registers(wMaker))
	w.state.Drop()
	wSame(t, w.state, NewState())
	if w.state.Position() != 0 || w.state.Origin() != "" || w.state.LogKey() != "" {
		t.Errorf("position %d, origin %q, log key %q after dropping all", w.state.Position(), w.state.Origin(), w.state.LogKey())
	}
	w.entries = nil
	w.then(wAuthority.founds(), wAccepted, "")
}

// A second Drop drops nothing more, and what was kept is not dropped.
func TestStateDropOnce(t *testing.T) {
	w := newWorld(t)
	w.given(wMaker.publishes("a"))
	w.state.Keep()
	w.state.Drop()
	w.then(wAdopter.confirms("a"), wAccepted, "")
	w.state.Drop()
	w.entries = w.entries[:len(w.entries)-1]
	w.state.Drop()
	wSame(t, w.state, wReplay(t, w.bytes()))
	w.then(wAdopter.confirms("a"), wAccepted, "")
}

// State is a fold of the entries: the same ones give the same state, each of
// them was admissible in its place, and keeping or not makes no difference.
func TestStateReplay(t *testing.T) {
	seen := map[Type]int{}
	wCheck(t, seen, wTypes(), func(t *rapid.T) {
		w := wRandomWorld(t)
		w.random(t, rapid.IntRange(0, 30).Draw(t, "events"), seen)
		once, twice := wReplay(t, w.bytes()), wReplay(t, w.bytes())
		if !reflect.DeepEqual(once, twice) {
			t.Errorf("two replays differ:\n%+v\n%+v", once, twice)
		}
		wSame(t, w.state, once)
		if once.Position() != int64(len(w.entries)) {
			t.Errorf("position %d after %d entries", once.Position(), len(w.entries))
		}
	})
}

// Find and Key answer for every entry and key there ever was.
func TestStateAnswers(t *testing.T) {
	w := newWorld(t)
	w.given(wMaker.publishes("a"), wMaker.revokes(wMaker.key(Report)))
	for _, e := range w.entries {
		if index, ok := w.state.Find(e.ID); !ok || index != e.Index {
			t.Errorf("event %s is found at %d, %t, it stands at %d", e.ID, index, ok, e.Index)
		}
	}
	if _, ok := w.state.Find(wID("never")); ok {
		t.Error("an event is found that never was")
	}
	if k, ok := w.state.Key(wMaker.key(Report).ID()); !ok || k.ID() != wMaker.key(Report).ID() {
		t.Error("a revoked key is not there to verify what it signed")
	}
	if _, ok := w.state.Key(wStranger.ID()); ok {
		t.Error("a key is known that was never enrolled")
	}
	if w.state.Origin() != wOrigin || w.state.LogKey() != wLogKey(wOrigin) {
		t.Errorf("origin %q, log key %q", w.state.Origin(), w.state.LogKey())
	}
}
