package ledger

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// wDisputed is what the committee is asked about: innovations a and b of two
// makers, and a disputed adoption of a.
func wDisputed() []wAct {
	return wGiven(wMaker.publishes("a"), wPartner.publishes("b"), wAdopter.confirms("a"), wOther.disputes("a", wAdopter))
}

// wSitting are the three types of events that the committee signs.
var wSitting = map[string]func(by wActor, committee ...wActor) wAct{
	"assessing": func(by wActor, committee ...wActor) wAct { return by.assesses("a").assessedBy(committee...) },
	"deciding": func(by wActor, committee ...wActor) wAct {
		return by.decides("a", wAdopter, true).assessedBy(committee...)
	},
	"merging": func(by wActor, committee ...wActor) wAct { return by.merges("b", "a").assessedBy(committee...) },
}

func TestCommitteeAssessors(t *testing.T) {
	given := wAnd(
		wDisputed(),
		wAuthority.enrols(wAuthority, wAuthority.key(Assess), Assess),
		wAuthority.enrols(wWest, wWest.key(Assess, "2"), Assess),
		wAuthority.enrols(wNorth, wNorth.key(Assess, "revoked"), Assess),
		wNorth.revokes(wNorth.key(Assess, "revoked")),
		wAuthority.amends(wMaker, wParent(wWest)),
		wAuthority.amends(wAdopter, wParent(wNorth)),
		wAuthority.amends(wOther, wParent(wWestToo)),
	)
	moved := wAnd(given, wAuthority.amends(wNorth, wRegion("Helse Vest")))
	for name, sit := range wSitting {
		two := sit(wWest, wWest, wNorth)
		t.Run(name, func(t *testing.T) {
			wRun(t, []wCase{
				{"two of two regions, parents of the parties", given, two, wAccepted, ""},
				{"whichever of them acts", given, sit(wNorth, wWest, wNorth), wAccepted, ""},
				{"three, two of one region", given, sit(wWestToo, wWest, wWestToo, wNorth), wAccepted, ""},
				{"three, one without a region, who acts", given, sit(wNowhere, wWest, wNorth, wNowhere), wAccepted, ""},
				{"four and the authority, who acts", given, sit(wAuthority, wWest, wNorth, wWestToo, wNowhere, wAuthority), wAccepted, ""},

				{"one alone", given, sit(wWest, wWest), MissingSignature, ""},
				{"two of one region", given, sit(wWest, wWest, wWestToo), MissingSignature, ""},
				{"two of which one has no region", given, sit(wWest, wWest, wNowhere), MissingSignature, ""},
				{"none with a region", given, sit(wNowhere, wNowhere, wAuthority), MissingSignature, ""},
				{"two of what is one region now", moved, two, MissingSignature, ""},
				{"two keys of one organisation", given, sit(wWest, wWest).alsoSignedBy(wWest.key(Assess, "2")), MissingSignature, ""},
				{"a second key of one organisation", given, two.alsoSignedBy(wWest.key(Assess, "2")), UnneededSignature, ""},

				{"another acts", given, sit(wWestToo, wWest, wNorth), NotAuthorised, "/by"},
				{"with a report key", given, sit(wWest, wNorth).alsoSignedBy(wWest.key(Report)), NotAuthorised, ""},
				{"with an admin key", given, sit(wWest, wNorth).alsoSignedBy(wWest.key(Admin)), NotAuthorised, ""},
				{"with another's report key too", given, two.alsoSignedBy(wWestToo.key(Report)), NotAuthorised, ""},
				{"with an unknown key too", given, two.alsoSignedBy(wStranger), UnknownKey, ""},
				{"with a revoked key", given, sit(wWest, wWest).alsoSignedBy(wNorth.key(Assess, "revoked")), RevokedKey, ""},
				{"with a revoked key too", given, two.alsoSignedBy(wNorth.key(Assess, "revoked")), RevokedKey, ""},
			})
		})
	}
}

// A key that may do anything may sit; roles are the key's, not the event's.
func TestCommitteeKeyOfSeveralRoles(t *testing.T) {
	both := wWest.key("both")
	w := newWorld(t)
	w.given(wMaker.publishes("a"), wAuthority.enrols(wWest, both, Report, Assess))
	w.then(wWest.assesses("a").signedBy(both, wNorth.key(Assess)), wAccepted, "")
	w.then(wWest.asksAbout("a").signedBy(both), wAccepted, "")
}

func TestCommitteeParties(t *testing.T) {
	const nord = "Helse Nord"
	seat := func(o wActor) []wAct { return o.maySit(nord) }
	given := slices.Concat(wDisputed(), seat(wMaker), seat(wPartner), seat(wAdopter), seat(wOther))
	assess, decide, merge := wSitting["assessing"], wSitting["deciding"], wSitting["merging"]
	heir := wNewcomer.joins(wRegion(nord))
	succeeds := func(o wActor) []wAct { return wAnd(given, wAnd(heir, wAuthority.succeeds(wNewcomer, o))...) }
	merged := wAnd(given, wWest.merges("b", "a").assessedBy(wWest, wNorth))
	chain := wAnd(given, wOther.publishes("c"), wWest.merges("c", "b").assessedBy(wWest, wNorth), wWest.merges("b", "a").assessedBy(wWest, wNorth))
	left := wAnd(wGiven(
		wMaker.publishes("a", wBy(wMaker, wPartner)),
		wMaker.revises("a").signedBy(wMaker.key(Report), wPartner.key(Report)),
	), seat(wPartner)...)
	joined := wAnd(given, wMaker.revises("a", wBy(wMaker, wPartner)))
	wRun(t, []wCase{
		{"an originator does not assess", given, assess(wMaker, wWest, wMaker), NotAuthorised, ""},
		{"not even as one more", given, assess(wWest, wWest, wNorth, wMaker), NotAuthorised, ""},
		{"an originator does not decide", given, decide(wWest, wWest, wMaker), NotAuthorised, ""},
		{"an originator does not merge for the committee", given, merge(wWest, wWest, wMaker), NotAuthorised, ""},
		{"nor one of the innovation merged into", given, wWest.merges("a", "b").assessedBy(wWest, wMaker), NotAuthorised, ""},
		{"nor acts for the committee", given, merge(wMaker, wWest, wMaker, wNorth), NotAuthorised, ""},
		{"an originator of another innovation assesses", given, assess(wWest, wWest, wPartner), wAccepted, ""},
		{"and decides", given, decide(wPartner, wWest, wPartner), wAccepted, ""},
		{"a co-originator does not assess", joined, assess(wWest, wWest, wPartner), NotAuthorised, ""},
		{"a former originator assesses", left, assess(wWest, wWest, wPartner), wAccepted, ""},
		{"the adopter does not decide", given, decide(wWest, wWest, wAdopter), NotAuthorised, ""},
		{"nor acts", given, decide(wAdopter, wWest, wAdopter), NotAuthorised, ""},
		{"the adopter assesses", given, assess(wAdopter, wWest, wAdopter), wAccepted, ""},
		{"the disputer does not decide", given, decide(wWest, wWest, wOther), NotAuthorised, ""},
		{"the disputer assesses", given, assess(wWest, wWest, wOther), wAccepted, ""},
		{"who asked for an assessment assesses", wAnd(given, wOther.asksAbout("a")), assess(wWest, wWest, wOther), wAccepted, ""},
		{"nor decides anew", wAnd(given, decide(wWest, wWest, wNorth)), decide(wWest, wWest, wOther), NotAuthorised, ""},
		{"nor after withdrawing its own", wAnd(given, wPartner.disputes("a", wAdopter), wOther.withdrawsDispute("a", wAdopter)), decide(wWest, wWest, wOther), NotAuthorised, ""},
		{"a second disputer does not decide", wAnd(given, wPartner.disputes("a", wAdopter)), decide(wWest, wWest, wPartner), NotAuthorised, ""},
		{"the disputer of another adoption decides", wAnd(given, wPartner.confirms("a"), wWestToo.disputes("a", wPartner)), decide(wWestToo, wNorth, wWestToo), wAccepted, ""},

		{"an originator of what was merged into it does not assess", merged, assess(wWest, wWest, wPartner), NotAuthorised, ""},
		{"nor decide", merged, decide(wWest, wWest, wPartner), NotAuthorised, ""},
		{"nor decide by the merged one's name", merged, wWest.decides("b", wAdopter, true).assessedBy(wWest, wPartner), NotAuthorised, ""},
		{"the final one's originator does not assess the merged one", merged, wWest.assesses("b").assessedBy(wWest, wMaker), NotAuthorised, ""},
		{"an originator at the chain's end does not assess", chain, assess(wWest, wWest, wOther), NotAuthorised, ""},
		{"nor the one in its middle", chain, wWest.assesses("c").assessedBy(wWest, wPartner), NotAuthorised, ""},
		{"nor merge what it was merged into", wAnd(chain, wWestToo.publishes("d")), wWest.merges("a", "d").assessedBy(wWest, wOther), NotAuthorised, ""},
		{"nor merge into what it was merged into", wAnd(chain, wWestToo.publishes("d")), wWest.merges("d", "a").assessedBy(wWest, wOther), NotAuthorised, ""},
		{"others assess in a chain", chain, wWest.assesses("c").assessedBy(wWest, wNorth), wAccepted, ""},

		{"an originator's successor does not assess", succeeds(wMaker), assess(wWest, wWest, wNewcomer), NotAuthorised, ""},
		{"nor decide", succeeds(wMaker), decide(wWest, wWest, wNewcomer), NotAuthorised, ""},
		{"nor merge", succeeds(wPartner), merge(wWest, wWest, wNewcomer), NotAuthorised, ""},
		{"the adopter's successor does not decide", succeeds(wAdopter), decide(wWest, wWest, wNewcomer), NotAuthorised, ""},
		{"whoever is named", succeeds(wAdopter), wWest.decides("a", wNewcomer, true).assessedBy(wWest, wNewcomer), NotAuthorised, ""},
		{"the disputer's successor does not decide", succeeds(wOther), decide(wWest, wWest, wNewcomer), NotAuthorised, ""},
		{"the adopter's successor assesses", succeeds(wAdopter), assess(wWest, wWest, wNewcomer), wAccepted, ""},
		{"a predecessor's keys are dead", succeeds(wMaker), assess(wWest, wWest, wMaker), RevokedKey, ""},
		{"who succeeded a co-disputer does not decide", wAnd(wAnd(given, wPartner.disputes("a", wAdopter), wOther.withdrawsDispute("a", wAdopter)), wAnd(heir, wAuthority.succeeds(wNewcomer, wPartner))...), decide(wWest, wWest, wNewcomer), NotAuthorised, ""},
	})
}

// Who is no party yet becomes one by a chain of successions.
func TestCommitteePartyBySuccessionLater(t *testing.T) {
	w := newWorld(t)
	w.given(wDisputed()...)
	w.given(wNewcomer.joins(wRegion("Helse Midt-Norge"))...)
	sit := wWest.assesses("a").assessedBy(wWest, wNewcomer)
	w.wouldBe(sit, wAccepted, "")
	w.given(wLatecomer.joins()...)
	w.given(wAuthority.succeeds(wLatecomer, wMaker))
	w.wouldBe(sit, wAccepted, "")
	w.given(wAuthority.succeeds(wNewcomer, wLatecomer))
	w.then(sit, NotAuthorised, "")
}

func TestCommitteeMergerByOriginators(t *testing.T) {
	maker, partner, other := wMaker.key(Report), wPartner.key(Report), wOther.key(Report)
	one := wGiven(wMaker.publishes("a"), wMaker.publishes("b"))
	two := wGiven(wMaker.publishes("a"), wPartner.publishes("b"))
	three := wGiven(wMaker.publishes("a", wBy(wMaker, wOther)), wPartner.publishes("b", wBy(wPartner, wMaker)))
	wRun(t, []wCase{
		{"of one originator", one, wMaker.merges("b", "a"), wAccepted, ""},
		{"of two, by the merged one's", two, wPartner.merges("b", "a").alsoSignedBy(maker), wAccepted, ""},
		{"of two, by the other's", two, wMaker.merges("b", "a").alsoSignedBy(partner), wAccepted, ""},
		{"of three, each once", three, wOther.merges("b", "a").alsoSignedBy(maker, partner), wAccepted, ""},
		{"of three, without one of the first", three, wPartner.merges("b", "a").alsoSignedBy(maker), MissingSignature, ""},
		{"of three, without one of the second", three, wOther.merges("b", "a").alsoSignedBy(maker), MissingSignature, ""},
		{"by the merged one's alone", two, wPartner.merges("b", "a"), MissingSignature, ""},
		{"by the other's alone", two, wMaker.merges("b", "a"), MissingSignature, ""},
		{"with a signature too many", two, wMaker.merges("b", "a").alsoSignedBy(partner, other), UnneededSignature, ""},
		{"with an assessor's signature too", two, wMaker.merges("b", "a").alsoSignedBy(partner, wWest.key(Assess)), UnneededSignature, ""},
		{
			"signed twice by one", wAnd(two, wMaker.enrols(wMaker, wMaker.key(Report, "2"), Report)),
			wMaker.merges("b", "a").alsoSignedBy(partner, wMaker.key(Report, "2")), UnneededSignature, "",
		},
		{"by another", two, wOther.merges("b", "a"), NotAuthorised, ""},
		{"by another with the originators", two, wOther.merges("b", "a").alsoSignedBy(maker, partner), NotAuthorised, ""},
		{"by another, signed by the originators alone", two, wOther.merges("b", "a").signedBy(maker, partner), NotAuthorised, ""},
		{"with an admin key", one, wMaker.merges("b", "a").signedBy(wMaker.key(Admin)), NotAuthorised, ""},
		{"without the acting one's signature", two, wMaker.merges("b", "a").signedBy(partner), NotAuthorised, "/by"},
		{"by a former originator", wAnd(three, wMaker.revises("a").signedBy(maker, other)), wOther.merges("b", "a").alsoSignedBy(maker, partner), NotAuthorised, ""},
		{"without the former originator", wAnd(three, wMaker.revises("a").signedBy(maker, other)), wMaker.merges("b", "a").alsoSignedBy(partner), wAccepted, ""},
		{"of the unknown", one, wMaker.merges("x", "a"), UnknownInnovation, "/data/innovation"},
		{"into the unknown", one, wMaker.merges("a", "x"), UnknownInnovation, "/data/into"},
		{"of the unknown into the unknown", nil, wMaker.merges("x", "y"), UnknownInnovation, "/data/innovation"},
		{"into the unknown, which others may have made", one, wOther.merges("a", "x").alsoSignedBy(maker), UnknownInnovation, "/data/into"},
		{"into the unknown, without a co-originator", three, wMaker.merges("a", "x"), MissingSignature, ""},
		{"into the unknown, with an admin key", one, wMaker.merges("a", "x").signedBy(wMaker.key(Admin)), NotAuthorised, ""},
		{"into the unknown, by the committee", one, wWest.merges("a", "x").assessedBy(wWest, wNorth), UnknownInnovation, "/data/into"},
		{"into the unknown, by a party", wAnd(one, wMaker.maySit("Helse Nord")...), wWest.merges("a", "x").assessedBy(wWest, wMaker), NotAuthorised, ""},
		{"into the unknown, without the acting one's signature", one, wOther.merges("a", "x").signedBy(maker), NotAuthorised, "/by"},
		{"into itself", one, wMaker.merges("a", "a"), InvalidField, "/data/into"},
	})
}

func TestCommitteeMergerStates(t *testing.T) {
	sits := func(a wAct) wAct { return a.assessedBy(wWest, wNorth) }
	given := wGiven(wMaker.publishes("a"), wMaker.publishes("b"), wMaker.publishes("c"))
	merged := wAnd(given, wMaker.merges("b", "a"))
	chain := wAnd(merged, wMaker.merges("c", "b"))
	gone := wAnd(given, wMaker.withdraws("b"))
	// d is derived from c, which is derived from b.
	line := wAnd(
		wGiven(wMaker.publishes("a"), wMaker.publishes("b"), wMaker.publishes("c", wDerivedFrom("b"))),
		wMaker.publishes("d", wDerivedFrom("c")),
	)
	var cases []wCase
	for _, by := range []struct {
		who    string
		merges func(name, into string) wAct
	}{
		{"originators", wMaker.merges},
		{"committee", func(name, into string) wAct { return sits(wWest.merges(name, into)) }},
	} {
		for _, c := range []wCase{
			{"merged into the same again", merged, by.merges("b", "a"), WrongState, "/data/innovation"},
			{"merged into another", merged, by.merges("b", "c"), WrongState, "/data/innovation"},
			{"one merged into another into a third", merged, by.merges("a", "c"), wAccepted, ""},
			{"one into a merged one", merged, by.merges("c", "b"), wAccepted, ""},
			{"two into one", merged, by.merges("c", "a"), wAccepted, ""},
			{"in a circle", merged, by.merges("a", "b"), WrongState, "/data/into"},
			{"in a longer circle", chain, by.merges("a", "c"), WrongState, "/data/into"},
			{"what was merged through another", chain, by.merges("c", "a"), WrongState, "/data/innovation"},
			{"into one derived from it", line, by.merges("b", "c"), WrongState, ""},
			{"into one derived from it through a third", line, by.merges("b", "d"), WrongState, ""},
			{"into what it is derived from", line, by.merges("c", "b"), wAccepted, ""},
			{"into what it is derived from through a third", line, by.merges("d", "b"), wAccepted, ""},
			{"into another line", line, by.merges("b", "a"), wAccepted, ""},
			{"another line into one", line, by.merges("a", "d"), wAccepted, ""},
			{
				"into one derived from a third that is merged into it",
				wAnd(line, wMaker.publishes("e"), wMaker.merges("b", "e")), by.merges("e", "d"), WrongState, "",
			},
			{
				"into one derived from a third merged into one derived from it",
				wAnd(line, wMaker.publishes("e"), wMaker.publishes("f", wDerivedFrom("e")), wMaker.merges("e", "d")), by.merges("b", "f"), WrongState, "",
			},
			{
				"into one merged into one derived from it",
				wAnd(line, wMaker.publishes("e"), wMaker.merges("e", "d")), by.merges("b", "e"), WrongState, "",
			},
			{
				"into one whose own line ended with its merger",
				wAnd(line, wMaker.merges("d", "a")), by.merges("b", "d"), wAccepted, "",
			},
		} {
			c.name = by.who + ": " + c.name
			cases = append(cases, c)
		}
	}
	wRun(t, append(cases, []wCase{
		{"originators do not merge what is withdrawn", gone, wMaker.merges("b", "a"), WrongState, ""},
		{"nor into it", gone, wMaker.merges("a", "b"), WrongState, ""},
		{"nor into what was merged into it", wAnd(gone, sits(wWest.merges("c", "b"))), wMaker.merges("a", "c"), WrongState, ""},
		{"the committee does", gone, sits(wWest.merges("b", "a")), wAccepted, ""},
		{"and into it", gone, sits(wWest.merges("a", "b")), wAccepted, ""},
		{"and both", wAnd(gone, wMaker.withdraws("a")), sits(wWest.merges("a", "b")), wAccepted, ""},
		{"but a merged one not again", wAnd(gone, sits(wWest.merges("b", "a"))), sits(wWest.merges("b", "c")), WrongState, "/data/innovation"},
	}...))
}

// Derivations of later revisions count mergers, too.
func TestCommitteeDerivationAfterMerger(t *testing.T) {
	given := wGiven(
		wMaker.publishes("a"), wMaker.publishes("b"), wMaker.publishes("c", wDerivedFrom("b")), wMaker.merges("b", "a"),
	)
	wRun(t, []wCase{
		{"from one derived from what was merged into it", given, wMaker.revises("a", wDerivedFrom("c")), WrongState, "/data/derived_from"},
		{"from what was merged into it", given, wMaker.revises("a", wDerivedFrom("b")), WrongState, "/data/derived_from"},
		{"from what its line was merged into", given, wMaker.revises("c", wDerivedFrom("a")), wAccepted, ""},
		{"a new one from a merged one", given, wMaker.publishes("d", wDerivedFrom("b")), wAccepted, ""},
		{"from its branch's branch", wAnd(given, wMaker.publishes("d", wDerivedFrom("c"))), wMaker.revises("a", wDerivedFrom("d")), WrongState, "/data/derived_from"},
	})
}

func TestCommitteeMergedInnovation(t *testing.T) {
	given := wGiven(wMaker.publishes("a"), wMaker.publishes("b"), wMaker.merges("b", "a"))
	early := func(c *Confirmation) { c.InUseFrom = "2020-01-01" }
	wRun(t, []wCase{
		{"is not revised", given, wMaker.revises("b"), WrongState, ""},
		{"is not withdrawn", given, wMaker.withdraws("b"), WrongState, ""},
		{"is not confirmed", given, wAdopter.confirms("b"), WrongState, ""},
		{"nor its old revision, in vain", given, wAdopter.confirms("b", wStale), WrongState, ""},
		{"nor by its maker", given, wMaker.confirms("b"), WrongState, ""},
		{"nor before it was in use", given, wAdopter.confirms("b", early), InvalidField, "/data/in_use_from"},
		{"nobody is invited to it", given, wMaker.invites("b", wAdopter), WrongState, ""},
		{"others do not revise it either", given, wOther.revises("b"), NotAuthorised, "/by"},
		{"is asked about", given, wOther.asksAbout("b"), wAccepted, ""},
		{"is assessed", given, wWest.assesses("b"), wAccepted, ""},
		{"the final one is revised", given, wMaker.revises("a"), wAccepted, ""},
		{"the final one is confirmed", given, wAdopter.confirms("a"), wAccepted, ""},
		{"the final one is withdrawn", given, wMaker.withdraws("a"), wAccepted, ""},
		{"a merged one is never withdrawn", wAnd(given, wMaker.withdraws("a")), wMaker.withdraws("b"), WrongState, ""},
		{"not confirmed when the final one is withdrawn", wAnd(given, wMaker.withdraws("a")), wAdopter.confirms("a"), WrongState, ""},
		{
			"a withdrawn one merged into a live one is confirmed by that one's name",
			wGiven(wMaker.publishes("a"), wMaker.publishes("b"), wMaker.withdraws("b"), wWest.merges("b", "a").assessedBy(wWest, wNorth)),
			wAdopter.confirms("a"), wAccepted, "",
		},
	})
}

func TestCommitteeOwnInnovationAfterMerger(t *testing.T) {
	maker, partner, other := wMaker.key(Report), wPartner.key(Report), wOther.key(Report)
	given := wGiven(wMaker.publishes("a"), wPartner.publishes("b"), wOther.publishes("c"))
	merged := wAnd(given, wMaker.merges("b", "a").alsoSignedBy(partner))
	chain := wAnd(given, wOther.merges("c", "b").alsoSignedBy(partner), wMaker.merges("b", "a").alsoSignedBy(partner))
	left := wAnd(
		wGiven(wMaker.publishes("a"), wPartner.publishes("b", wBy(wPartner, wOther))),
		wPartner.revises("b").signedBy(partner, other), wMaker.merges("b", "a").alsoSignedBy(partner),
	)
	handed := wAnd(merged, wMaker.revises("a", wBy(wAdopter)).alsoSignedBy(maker))
	wRun(t, []wCase{
		{"the final one's originator", merged, wMaker.confirms("a"), OwnInnovation, ""},
		{"the merged one's originator", merged, wPartner.confirms("a"), OwnInnovation, ""},
		{"is not invited", merged, wMaker.invites("a", wPartner), OwnInnovation, "/data/adopter"},
		{"another", merged, wOther.confirms("a"), wAccepted, ""},
		{"at the end of a chain", chain, wOther.confirms("a"), OwnInnovation, ""},
		{"into a merged one", wAnd(merged, wOther.merges("c", "b").alsoSignedBy(partner)), wOther.confirms("a"), OwnInnovation, ""},
		{"the merged one's former originator", left, wOther.confirms("a"), OwnInnovation, ""},
		{"all of them, after a revision", handed, wPartner.confirms("a"), OwnInnovation, ""},
		{"before the merger", given, wPartner.confirms("a"), wAccepted, ""},
		{"who confirmed before ends", wAnd(given, wPartner.confirms("a"), wMaker.merges("b", "a").alsoSignedBy(partner)), wPartner.ends("a"), wAccepted, ""},
		{"and does not confirm again", wAnd(given, wPartner.confirms("a"), wMaker.merges("b", "a").alsoSignedBy(partner), wPartner.retracts("b")), wPartner.confirms("a"), OwnInnovation, ""},
		{"the merged one's originator revises the final one not", merged, wPartner.revises("a", wBy(wMaker)).alsoSignedBy(partner), NotAuthorised, "/by"},
	})
}

// wSide is one of two pairs that become one: an innovation of wMaker and an
// adopter.
type wSide struct {
	name    string
	adopter wActor
}

func (p wSide) invite() wAct   { return wMaker.invites(p.name, p.adopter) }
func (p wSide) decline() wAct  { return p.adopter.declines(p.name) }
func (p wSide) confirm() wAct  { return p.adopter.confirms(p.name) }
func (p wSide) end() wAct      { return p.adopter.ends(p.name) }
func (p wSide) retract() wAct  { return p.adopter.retracts(p.name) }
func (p wSide) dispute() wAct  { return wOther.disputes(p.name, p.adopter) }
func (p wSide) withdraw() wAct { return wOther.withdrawsDispute(p.name, p.adopter) }
func (p wSide) uphold() wAct   { return wWest.decides(p.name, p.adopter, true) }
func (p wSide) dismiss() wAct  { return wWest.decides(p.name, p.adopter, false) }

// TestCommitteePairsBecomeOne goes through what two pairs were before they became
// one, by a merger of their innovations or a succession of their adopters, and
// what can come next. The eight codes are those of inviting, declining,
// confirming, ending, retracting, disputing, withdrawing the dispute and deciding.
// Events name any member, and the pair is the same; but a merged innovation takes
// no confirmation or invitation.
func TestCommitteePairsBecomeOne(t *testing.T) {
	const yes, none, twice, state, dispute = wAccepted, UnknownAdoption, AlreadyExists, WrongState, UnderDispute
	untouched := [8]Code{yes, none, yes, none, none, none, none, none}
	invited := [8]Code{twice, yes, yes, none, none, none, none, none}
	declined := [8]Code{state, state, yes, none, none, none, none, none}
	declinedRevised := [8]Code{yes, state, yes, none, none, none, none, none}
	confirmed := [8]Code{twice, state, twice, yes, yes, yes, state, state}
	ended := [8]Code{yes, state, yes, state, yes, yes, state, state}
	retracted := [8]Code{yes, state, yes, state, state, state, state, state}
	underDispute := [8]Code{twice, state, twice, yes, yes, twice, yes, yes}
	endedUnderDispute := [8]Code{yes, state, dispute, state, yes, twice, yes, yes}
	endedUpheld := [8]Code{yes, state, state, state, yes, twice, state, yes}
	endedDismissed := [8]Code{yes, state, yes, state, yes, twice, state, yes}
	revise := wMaker.revises("a")

	for _, c := range []struct {
		name  string
		given func(p, q wSide) []wAct // q becomes one with p
		then  [8]Code
	}{
		{"new", func(_, _ wSide) []wAct { return nil }, untouched},
		{"invited, new", func(p, _ wSide) []wAct { return wGiven(p.invite()) }, invited},
		{"new, invited", func(_, q wSide) []wAct { return wGiven(q.invite()) }, invited},
		{"invited, invited", func(p, q wSide) []wAct { return wGiven(p.invite(), q.invite()) }, invited},
		{"declined, new", func(p, _ wSide) []wAct { return wGiven(p.invite(), p.decline()) }, declined},
		{"new, declined", func(_, q wSide) []wAct { return wGiven(q.invite(), q.decline()) }, declined},
		{"declined, declined", func(p, q wSide) []wAct { return wGiven(p.invite(), q.invite(), q.decline(), p.decline()) }, declined},
		{"declined, invited", func(p, q wSide) []wAct { return wGiven(p.invite(), p.decline(), q.invite()) }, invited},
		{"invited, declined", func(p, q wSide) []wAct { return wGiven(p.invite(), q.invite(), q.decline()) }, invited},
		{"new, declined, and revised since", func(_, q wSide) []wAct { return wGiven(q.invite(), q.decline(), revise) }, declinedRevised},
		{"declined, declined, and revised since", func(p, q wSide) []wAct {
			return wGiven(p.invite(), q.invite(), q.decline(), p.decline(), revise)
		}, declinedRevised},
		{"the one invited first declined last, revised in between", func(p, q wSide) []wAct {
			return wGiven(p.invite(), q.invite(), q.decline(), revise, p.decline())
		}, declined},
		{"declined, confirmed as invited and ended later", func(p, q wSide) []wAct {
			return wGiven(p.invite(), p.decline(), q.invite(), q.confirm(), q.end(), revise)
		}, [8]Code{twice, state, yes, state, yes, yes, state, state}},

		{"confirmed, new", func(p, _ wSide) []wAct { return wGiven(p.confirm()) }, confirmed},
		{"new, confirmed", func(_, q wSide) []wAct { return wGiven(q.confirm()) }, confirmed},
		{"confirmed, confirmed", func(p, q wSide) []wAct { return wGiven(p.confirm(), q.confirm()) }, confirmed},
		{"confirmed, ended", func(p, q wSide) []wAct { return wGiven(p.confirm(), q.confirm(), q.end()) }, confirmed},
		{"ended, confirmed", func(p, q wSide) []wAct { return wGiven(p.confirm(), p.end(), q.confirm()) }, confirmed},
		{"confirmed, retracted", func(p, q wSide) []wAct { return wGiven(p.confirm(), q.confirm(), q.retract()) }, confirmed},
		{"retracted, confirmed", func(p, q wSide) []wAct { return wGiven(p.confirm(), p.retract(), q.confirm()) }, confirmed},
		{"ended, new", func(p, _ wSide) []wAct { return wGiven(p.confirm(), p.end()) }, ended},
		{"new, ended", func(_, q wSide) []wAct { return wGiven(q.confirm(), q.end()) }, ended},
		{"ended, ended", func(p, q wSide) []wAct { return wGiven(p.confirm(), q.confirm(), p.end(), q.end()) }, ended},
		{"ended, retracted", func(p, q wSide) []wAct { return wGiven(p.confirm(), q.confirm(), p.end(), q.retract()) }, ended},
		{"retracted, ended", func(p, q wSide) []wAct { return wGiven(p.confirm(), q.confirm(), p.retract(), q.end()) }, ended},
		{"retracted, new", func(p, _ wSide) []wAct { return wGiven(p.confirm(), p.retract()) }, retracted},
		{"new, retracted", func(_, q wSide) []wAct { return wGiven(q.confirm(), q.retract()) }, retracted},
		{"retracted, retracted", func(p, q wSide) []wAct { return wGiven(p.confirm(), q.confirm(), p.retract(), q.retract()) }, retracted},
		{"invited, ended", func(p, q wSide) []wAct { return wGiven(p.invite(), q.confirm(), q.end()) }, [8]Code{twice, yes, yes, state, yes, yes, state, state}},
		{"ended, invited", func(p, q wSide) []wAct { return wGiven(p.confirm(), p.end(), q.invite()) }, [8]Code{twice, yes, yes, state, yes, yes, state, state}},

		{"under dispute, new", func(p, _ wSide) []wAct { return wGiven(p.confirm(), p.dispute()) }, underDispute},
		{"new, under dispute", func(_, q wSide) []wAct { return wGiven(q.confirm(), q.dispute()) }, underDispute},
		{"confirmed, under dispute", func(p, q wSide) []wAct { return wGiven(p.confirm(), q.confirm(), q.dispute()) }, underDispute},
		{"under dispute, under dispute", func(p, q wSide) []wAct { return wGiven(p.confirm(), p.dispute(), q.confirm(), q.dispute()) }, underDispute},
		{"new, ended under dispute", func(_, q wSide) []wAct { return wGiven(q.confirm(), q.dispute(), q.end()) }, endedUnderDispute},
		{"ended, ended under dispute", func(p, q wSide) []wAct {
			return wGiven(p.confirm(), p.end(), q.confirm(), q.dispute(), q.end())
		}, endedUnderDispute},
		{"ended under dispute, dispute withdrawn", func(p, q wSide) []wAct {
			return wGiven(p.confirm(), p.dispute(), p.end(), q.confirm(), q.dispute(), q.withdraw(), q.end())
		}, endedUnderDispute},
		{"new, ended, dispute withdrawn", func(_, q wSide) []wAct {
			return wGiven(q.confirm(), q.dispute(), q.withdraw(), q.end())
		}, [8]Code{yes, state, yes, state, yes, twice, state, state}},
		{"new, ended and upheld", func(_, q wSide) []wAct { return wGiven(q.confirm(), q.dispute(), q.uphold(), q.end()) }, endedUpheld},
		{"ended, upheld and retracted", func(p, q wSide) []wAct {
			return wGiven(p.confirm(), p.end(), q.confirm(), q.dispute(), q.uphold(), q.retract())
		}, endedUpheld},
		{"upheld, dismissed later", func(p, q wSide) []wAct {
			return wGiven(p.confirm(), p.dispute(), q.confirm(), q.dispute(), p.uphold(), q.dismiss(), p.end(), q.end())
		}, endedDismissed},
		{"dismissed, upheld later", func(p, q wSide) []wAct {
			return wGiven(p.confirm(), p.dispute(), q.confirm(), q.dispute(), p.dismiss(), q.uphold(), p.end(), q.end())
		}, endedUpheld},
		{"upheld later, dismissed", func(p, q wSide) []wAct {
			return wGiven(p.confirm(), p.dispute(), q.confirm(), q.dispute(), q.dismiss(), p.uphold(), p.end(), q.end())
		}, endedUpheld},
		{"under dispute, the other dismissed since", func(p, q wSide) []wAct {
			return wGiven(p.confirm(), p.dispute(), q.confirm(), q.dispute(), q.dismiss(), p.end(), q.end())
		}, endedUnderDispute},
		{"confirmed, upheld", func(p, q wSide) []wAct {
			return wGiven(p.confirm(), q.confirm(), q.dispute(), q.uphold())
		}, [8]Code{twice, state, twice, yes, yes, twice, state, yes}},
	} {
		t.Run(c.name+", innovations merged", func(t *testing.T) {
			p, q := wSide{"a", wAdopter}, wSide{"b", wAdopter}
			w := newWorld(t)
			w.given(wMaker.publishes("a"), wMaker.publishes("b"))
			w.given(c.given(p, q)...)
			w.given(wMaker.merges("b", "a"))
			w.thenAll(p, wAdopter, c.then)
			then := c.then
			for _, i := range []int{0, 2} { // what a merged one does not take
				if then[i] != twice {
					then[i] = state
				}
			}
			w.thenAll(q, wAdopter, then)
		})
		t.Run(c.name+", adopter succeeded by the other", func(t *testing.T) {
			p, q := wSide{"a", wPartner}, wSide{"a", wAdopter}
			w := newWorld(t)
			w.given(wMaker.publishes("a"))
			w.given(c.given(p, q)...)
			w.given(wAuthority.succeeds(wPartner, wAdopter))
			w.thenAll(p, wPartner, c.then)
			w.thenAll(q, wPartner, c.then)
		})
	}
}

// thenAll tries each event of TestCommitteePairsBecomeOne; none of them stays.
func (w *world) thenAll(p wSide, acting wActor, then [8]Code) {
	w.Helper()
	acts := wSide{p.name, acting}
	for i, a := range []wAct{p.invite(), acts.decline(), acts.confirm(), acts.end(), acts.retract(), p.dispute(), p.withdraw(), p.dismiss()} {
		w.wouldBe(a, then[i], "")
	}
}

// What is done to a pair is done to all its members.
func TestCommitteeOnePairIsChangedAsOne(t *testing.T) {
	early, late := wFrom("2025-01-01"), wFrom("2026-01-01")
	both := wGiven(wMaker.publishes("a"), wMaker.publishes("b"), wAdopter.confirms("a", early), wAdopter.confirms("b", late))
	merged := wAnd(both, wMaker.merges("b", "a"))
	reversed := wAnd(both, wMaker.merges("a", "b"))
	disputed := wAnd(both, wOther.disputes("a", wAdopter), wOther.disputes("b", wAdopter), wMaker.merges("b", "a"))
	mine := wAnd(disputed, wPartner.disputes("b", wAdopter))
	wRun(t, []wCase{
		{"ended once", wAnd(merged, wAdopter.ends("b")), wAdopter.ends("a"), WrongState, ""},
		{"not before any of them was in use", merged, wAdopter.ends("a", "2025-12-31"), InvalidField, "/data/ended_on"},
		{"not before any of them was in use, by the other's name", merged, wAdopter.ends("b", "2025-12-31"), InvalidField, "/data/ended_on"},
		{"not before any of them was in use, merged the other way", reversed, wAdopter.ends("a", "2025-12-31"), InvalidField, "/data/ended_on"},
		{"when both were in use", merged, wAdopter.ends("a", "2026-01-01"), wAccepted, ""},
		{"retracted once", wAnd(merged, wAdopter.retracts("b")), wAdopter.retracts("a"), WrongState, ""},
		{"confirmed again", wAnd(merged, wAdopter.retracts("b")), wAdopter.confirms("a"), wAccepted, ""},
		{"and ended again", wAnd(merged, wAdopter.ends("b"), wAdopter.confirms("a")), wAdopter.ends("b", wToday), wAccepted, ""},
		{"both disputes are withdrawn at once", wAnd(disputed, wOther.withdrawsDispute("b", wAdopter)), wOther.withdrawsDispute("a", wAdopter), WrongState, ""},
		{"both are gone", wAnd(disputed, wOther.withdrawsDispute("b", wAdopter), wAdopter.ends("a")), wAdopter.confirms("a"), wAccepted, ""},
		{"but not another's", wAnd(mine, wOther.withdrawsDispute("b", wAdopter), wAdopter.ends("a")), wAdopter.confirms("a"), UnderDispute, ""},
		{"all are decided at once", wAnd(mine, wWest.decides("b", wAdopter, false), wAdopter.ends("a")), wAdopter.confirms("a"), wAccepted, ""},
		{"no dispute is left to withdraw", wAnd(mine, wWest.decides("b", wAdopter, false)), wPartner.withdrawsDispute("a", wAdopter), WrongState, ""},
		{"upheld for all", wAnd(mine, wWest.decides("b", wAdopter, true), wAdopter.ends("a")), wAdopter.confirms("a"), WrongState, ""},
		{"declined for all", wGiven(
			wMaker.publishes("a"), wMaker.publishes("b"), wMaker.invites("a", wAdopter), wMaker.invites("b", wAdopter),
			wMaker.merges("b", "a"), wAdopter.declines("b"),
		), wAdopter.declines("a"), WrongState, ""},
		{"also if one was declined and the innovation revised before", wGiven(
			wMaker.publishes("a"), wMaker.publishes("b"), wMaker.invites("a", wAdopter), wMaker.invites("b", wAdopter),
			wAdopter.declines("b"), wMaker.merges("b", "a"), wMaker.revises("a"), wAdopter.declines("a"),
		), wMaker.invites("a", wAdopter), WrongState, ""},
		{"confirming answers all invitations", wGiven(
			wMaker.publishes("a"), wMaker.publishes("b"), wMaker.invites("a", wAdopter), wMaker.invites("b", wAdopter),
			wMaker.merges("b", "a"), wAdopter.confirms("a"),
		), wAdopter.declines("b"), WrongState, ""},
		{"another adopter's pair is another", wAnd(disputed, wPartner.confirms("a")), wOther.withdrawsDispute("a", wPartner), WrongState, ""},
		{"three in a chain are one", wAnd(both, wMaker.publishes("c"), wMaker.merges("b", "c"), wMaker.merges("c", "a"), wAdopter.ends("c")), wAdopter.ends("b"), WrongState, ""},
	})
}

func TestCommitteeSuccession(t *testing.T) {
	n, l := wNewcomer.joins(), wLatecomer.joins()
	given := wAnd(n, l...)
	one := wAnd(given, wAuthority.succeeds(wNewcomer, wMaker))
	chain := wAnd(one, wAuthority.succeeds(wLatecomer, wNewcomer))
	wRun(t, []wCase{
		{"by the authority", given, wAuthority.succeeds(wNewcomer, wMaker), wAccepted, ""},
		{"several at once", given, wAuthority.succeeds(wNewcomer, wMaker, wPartner, wOther), wAccepted, ""},
		{"by an organisation that is there", nil, wAuthority.succeeds(wOther, wMaker), wAccepted, ""},
		{"by one without keys", wGiven(wAuthority.registers(wNewcomer)), wAuthority.succeeds(wNewcomer, wMaker), wAccepted, ""},
		{"by the predecessor itself", given, wMaker.succeeds(wNewcomer, wMaker), NotAuthorised, "/by"},
		{"by the successor itself", given, wNewcomer.succeeds(wNewcomer, wMaker), NotAuthorised, "/by"},
		{"with their signature too", given, wAuthority.succeeds(wNewcomer, wMaker).alsoSignedBy(wMaker.key(Admin)), UnneededSignature, ""},
		{"of an unknown one", given, wAuthority.succeeds(wNewcomer, "100000113"), UnknownOrganisation, "/data/predecessors/0"},
		{"of an unknown one among others", given, wAuthority.succeeds(wNewcomer, wMaker, "100000113"), UnknownOrganisation, "/data/predecessors/1"},
		{"by an unknown one", given, wAuthority.succeeds("100000113", wMaker), UnknownOrganisation, "/data/successor"},
		{"by itself", given, wAuthority.succeeds(wMaker, wMaker), InvalidField, "/data/predecessors/0"},
		{"once for each", one, wAuthority.succeeds(wNewcomer, wMaker), WrongState, "/data/predecessors/0"},
		{"once for each, by another", one, wAuthority.succeeds(wLatecomer, wMaker), WrongState, "/data/predecessors/0"},
		{"once for each among others", one, wAuthority.succeeds(wLatecomer, wPartner, wMaker), WrongState, "/data/predecessors/1"},
		{"a successor takes over more", one, wAuthority.succeeds(wNewcomer, wPartner), wAccepted, ""},
		{"a successor is succeeded", one, wAuthority.succeeds(wLatecomer, wNewcomer), wAccepted, ""},
		{"by one that was succeeded", one, wAuthority.succeeds(wMaker, wPartner), wAccepted, ""},
		{"in a circle", one, wAuthority.succeeds(wMaker, wNewcomer), WrongState, "/data/predecessors/0"},
		{"in a longer circle", chain, wAuthority.succeeds(wMaker, wLatecomer), WrongState, "/data/predecessors/0"},
		{"in a longer circle, by its middle", chain, wAuthority.succeeds(wNewcomer, wPartner, wLatecomer), WrongState, "/data/predecessors/1"},
		{"the circle's first again", chain, wAuthority.succeeds(wLatecomer, wMaker), WrongState, "/data/predecessors/0"},
	})
}

func TestCommitteeSuccessionOfAuthority(t *testing.T) {
	given := wAnd(wNewcomer.joins(), wMaker.publishes("a"))
	handed := wAnd(given, wAuthority.succeeds(wNewcomer, wAuthority))
	bare := wGiven(wAuthority.registers(wNewcomer))
	k := wNewcomer.key(Admin)
	wRun(t, []wCase{
		{"by one with an admin key", given, wAuthority.succeeds(wNewcomer, wAuthority), wAccepted, ""},
		{"by one without keys", bare, wAuthority.succeeds(wNewcomer, wAuthority), WrongState, "/data/predecessors/0"},
		{"by one with other keys", wAnd(bare, wAuthority.enrols(wNewcomer, wNewcomer.key(Report), Report)), wAuthority.succeeds(wNewcomer, wAuthority), WrongState, ""},
		{"by one whose admin key is revoked", wAnd(given, wAuthority.revokes(k)), wAuthority.succeeds(wNewcomer, wAuthority), WrongState, ""},
		{"through one whose successor has an admin key", wAnd(given, wAuthority.registers(wLatecomer), wAuthority.succeeds(wNewcomer, wLatecomer)), wAuthority.succeeds(wLatecomer, wAuthority), wAccepted, ""},
		{"through one whose successor has none", wAnd(given, wAuthority.registers(wLatecomer), wAuthority.succeeds(wLatecomer, wNewcomer)), wAuthority.succeeds(wNewcomer, wAuthority), WrongState, ""},
		{"the old keys are dead", handed, wAuthority.opens(2026), RevokedKey, ""},
		{"the old one does not act", handed, wAuthority.opens(2026).signedBy(k), NotAuthorised, "/by"},
		{"the new one acts", handed, wNewcomer.opens(2026), wAccepted, ""},
		{"before, it did not", given, wNewcomer.opens(2026), NotAuthorised, "/by"},
		{"it grants assess", handed, wNewcomer.enrols(wMaker, wMaker.key(Assess), Assess), wAccepted, ""},
		{"it enrols any organisation's keys", handed, wNewcomer.enrols(wMaker, wMaker.key(Report, "2"), Report), wAccepted, ""},
		{"it revokes any organisation's keys", handed, wNewcomer.revokes(wMaker.key(Report)), wAccepted, ""},
		{"it revokes the old ones", handed, wNewcomer.revokes(wAuthority.key(Admin)), wAccepted, ""},
		{"but its last admin key not", handed, wNewcomer.revokes(k), WrongState, "/data/key"},
		{"unless it has another", wAnd(handed, wNewcomer.enrols(wNewcomer, wNewcomer.key(Admin, "2"), Admin)), wNewcomer.revokes(k), wAccepted, ""},
		{"it is succeeded, too", wAnd(handed, wNewcomer.succeeds(wMaker, wNewcomer)), wMaker.opens(2026), wAccepted, ""},
		{"its report keys report", handed, wNewcomer.confirms("a"), wAccepted, ""},
		{"the ledger is not founded anew", handed, wAuthority.founds(), AlreadyExists, ""},
	})
}

// From the succession on the predecessors' keys are dead, and what they signed
// stays.
func TestCommitteeSuccessionKeys(t *testing.T) {
	given := slices.Concat(
		wNewcomer.joins(), wMaker.maySit("Helse Midt-Norge"),
		wGiven(wMaker.publishes("a"), wPartner.publishes("b"), wMaker.confirms("b"), wAuthority.succeeds(wNewcomer, wMaker)),
	)
	k, report := wMaker.key(Report, "2"), wMaker.key(Report)
	wRun(t, []wCase{
		{"report keys", given, wMaker.publishes("c"), RevokedKey, ""},
		{"report keys, for what it made", given, wMaker.revises("a"), RevokedKey, ""},
		{"report keys, for what it took into use", given, wMaker.ends("b"), RevokedKey, ""},
		{"report keys, beside the successor's", given, wNewcomer.publishes("c").alsoSignedBy(report), RevokedKey, ""},
		{"report keys, in the successor's name", given, wNewcomer.publishes("c").signedBy(report), RevokedKey, ""},
		{"admin keys", given, wMaker.enrols(wMaker, k, Report), RevokedKey, ""},
		{"admin keys, to revoke", given, wMaker.revokes(report), RevokedKey, ""},
		{"assess keys", given, wMaker.assesses("b"), RevokedKey, ""},
		{"it does not act with the successor's keys", given, wMaker.publishes("c").signedBy(wNewcomer.key(Report)), NotAuthorised, "/by"},
		{"nor disputes with them", given, wMaker.disputes("b", wMaker).signedBy(wNewcomer.key(Report)), NotAuthorised, "/by"},
		{"the authority enrols it no key", given, wAuthority.enrols(wMaker, k, Report), WrongState, "/data/organisation"},
		{"nor does the successor", given, wNewcomer.enrols(wMaker, k, Report), WrongState, "/data/organisation"},
		{"nor does another", given, wPartner.enrols(wMaker, k, Report), NotAuthorised, ""},
		{"a dead key is enrolled for nobody", given, wNewcomer.enrols(wNewcomer, report, Report), AlreadyExists, "/data/key/public"},
		{"nor again for it", given, wAuthority.enrols(wMaker, report, Report), AlreadyExists, "/data/key/public"},
		{"the authority revokes a dead key", given, wAuthority.revokes(report), wAccepted, ""},
		{"the successor revokes it", given, wNewcomer.revokes(report), wAccepted, ""},
		{"once", wAnd(given, wNewcomer.revokes(report)), wAuthority.revokes(report), WrongState, "/data/key"},
		{"another does not", given, wPartner.revokes(report), NotAuthorised, ""},
		{"the authority amends it", given, wAuthority.amends(wMaker), wAccepted, ""},
		{"it is not registered again", given, wAuthority.registers(wMaker), AlreadyExists, "/data/orgnr"},
	})
}

// The successor acts for what its predecessors made, took into use and disputed.
func TestCommitteeSuccessorActs(t *testing.T) {
	partner, heir := wPartner.key(Report), wNewcomer.key(Report)
	two := wBy(wMaker, wPartner)
	given := wAnd(
		wNewcomer.joins(),
		wMaker.publishes("a"), wMaker.publishes("b", two), wPartner.publishes("c"), wPartner.publishes("d"), wPartner.publishes("e"),
		wPartner.invites("c", wMaker), wMaker.confirms("d"),
		wAdopter.confirms("c"), wMaker.disputes("c", wAdopter),
	)
	after := wAnd(given, wAuthority.succeeds(wNewcomer, wMaker))
	both := wAnd(given, wAuthority.succeeds(wNewcomer, wMaker, wPartner))
	chain := slices.Concat(wLatecomer.joins(), after, wGiven(wAuthority.succeeds(wLatecomer, wNewcomer)))
	wRun(t, []wCase{
		{"before, it does not", given, wNewcomer.revises("a"), NotAuthorised, "/by"},
		{"revises, with the originator as it was", after, wNewcomer.revises("a", wBy(wMaker)).signedBy(heir), wAccepted, ""},
		{"revises, with itself as the originator", after, wNewcomer.revises("a"), wAccepted, ""},
		{"revises with the co-originator", after, wNewcomer.revises("b", wBy(wNewcomer, wPartner)), wAccepted, ""},
		{"revises not without the co-originator", after, wNewcomer.revises("b"), MissingSignature, ""},
		{"the co-originator not without it", after, wPartner.revises("b", two).signedBy(partner), MissingSignature, ""},
		{"signs once for both", both, wNewcomer.revises("b", two).signedBy(heir), wAccepted, ""},
		{"a predecessor does not act", after, wMaker.revises("a").signedBy(heir), NotAuthorised, "/by"},
		{"withdraws", after, wNewcomer.withdraws("a"), wAccepted, ""},
		{"withdraws with the co-originator", after, wNewcomer.withdraws("b").alsoSignedBy(partner), wAccepted, ""},
		{"invites", after, wNewcomer.invites("a", wAdopter), wAccepted, ""},
		{"merges", after, wNewcomer.merges("b", "a").alsoSignedBy(partner), wAccepted, ""},
		{"merges both", both, wNewcomer.merges("b", "a"), wAccepted, ""},
		{"publishes, also in the predecessor's name", after, wNewcomer.publishes("x", wBy(wMaker)).signedBy(heir), wAccepted, ""},
		{"is signed for by nobody else", after, wNewcomer.publishes("x", two).signedBy(partner, heir), wAccepted, ""},
		{"cannot be left out", after, wPartner.publishes("x", two).signedBy(partner), MissingSignature, ""},
		{"declines", after, wNewcomer.declines("c"), wAccepted, ""},
		{"confirms as invited", after, wNewcomer.confirms("c"), wAccepted, ""},
		{"is not invited again", after, wPartner.invites("c", wNewcomer), AlreadyExists, ""},
		{"nor by the predecessor's name", after, wPartner.invites("c", wMaker), AlreadyExists, ""},
		{"is invited to another by the predecessor's name", wAnd(after, wPartner.invites("e", wMaker)), wNewcomer.declines("e"), wAccepted, ""},
		{"has confirmed already", after, wNewcomer.confirms("d"), AlreadyExists, ""},
		{"ends", after, wNewcomer.ends("d"), wAccepted, ""},
		{"ends not before its predecessor began", after, wNewcomer.ends("d", "2025-05-31"), InvalidField, "/data/ended_on"},
		{"retracts", after, wNewcomer.retracts("d"), wAccepted, ""},
		{"confirms again", wAnd(after, wNewcomer.retracts("d")), wNewcomer.confirms("d"), wAccepted, ""},
		{"withdraws the dispute", after, wNewcomer.withdrawsDispute("c", wAdopter), wAccepted, ""},
		{"disputes not again", after, wNewcomer.disputes("c", wAdopter), AlreadyExists, ""},
		{"disputes another", after, wNewcomer.disputes("d", wMaker), wAccepted, ""},
		{"is disputed by the predecessor's name", wAnd(after, wOther.disputes("d", wMaker)), wOther.disputes("d", wNewcomer), AlreadyExists, ""},
		{"and by its own", wAnd(after, wOther.disputes("d", wNewcomer)), wOther.withdrawsDispute("d", wMaker), wAccepted, ""},
		{"at the end of a chain: revises", chain, wLatecomer.revises("a"), wAccepted, ""},
		{"at the end of a chain: ends", chain, wLatecomer.ends("d"), wAccepted, ""},
		{"at the end of a chain: withdraws the dispute", chain, wLatecomer.withdrawsDispute("c", wAdopter), wAccepted, ""},
		{"in the middle of a chain: no more", chain, wNewcomer.revises("a"), RevokedKey, ""},
		{
			"for who joined a dead one",
			wAnd(after, wOther.confirms("c"), wAuthority.succeeds(wMaker, wOther)), wNewcomer.ends("c"), wAccepted, "",
		},
		{
			"two disputes become one organisation's",
			wAnd(given, wOther.disputes("c", wAdopter), wAuthority.succeeds(wNewcomer, wMaker, wOther), wNewcomer.withdrawsDispute("c", wAdopter), wAdopter.ends("c")),
			wAdopter.confirms("c"), wAccepted, "",
		},
	})
}

func TestCommitteeOwnInnovationAfterSuccession(t *testing.T) {
	given := wAnd(slices.Concat(wNewcomer.joins(), wLatecomer.joins()), wMaker.publishes("a"), wPartner.publishes("b"), wAdopter.confirms("a"))
	maker := wAnd(given, wAuthority.succeeds(wNewcomer, wMaker))
	chain := wAnd(maker, wAuthority.succeeds(wLatecomer, wNewcomer))
	joined := wAnd(given, wAuthority.succeeds(wNewcomer, wMaker, wAdopter))
	left := wAnd(
		given, wPartner.revises("b", wBy(wPartner, wOther)), wPartner.revises("b").alsoSignedBy(wOther.key(Report)),
		wAuthority.succeeds(wNewcomer, wOther),
	)
	merged := wAnd(given, wWest.merges("b", "a").assessedBy(wWest, wNorth), wAuthority.succeeds(wNewcomer, wPartner))
	wRun(t, []wCase{
		{"a predecessor's", maker, wNewcomer.confirms("a"), OwnInnovation, ""},
		{"before, it is another's", given, wNewcomer.confirms("a"), wAccepted, ""},
		{"a predecessor's predecessor's", chain, wLatecomer.confirms("a"), OwnInnovation, ""},
		{"what a predecessor was an originator of", left, wNewcomer.confirms("b"), OwnInnovation, ""},
		{"what was merged with a predecessor's", merged, wNewcomer.confirms("a"), OwnInnovation, ""},
		{"nobody is invited to its own", maker, wNewcomer.invites("a", wNewcomer), OwnInnovation, "/data/adopter"},
		{"nor by the predecessor's name", maker, wNewcomer.invites("a", wMaker), OwnInnovation, "/data/adopter"},
		{"a successor's, by the predecessor's name", wAnd(maker, wNewcomer.publishes("c")), wNewcomer.invites("c", wMaker), OwnInnovation, "/data/adopter"},
		{"another's", maker, wNewcomer.confirms("b"), wAccepted, ""},
		{"an adoption from before stays", joined, wNewcomer.confirms("a"), AlreadyExists, ""},
		{"and can be ended", joined, wNewcomer.ends("a"), wAccepted, ""},
		{"but not confirmed again", wAnd(joined, wNewcomer.retracts("a")), wNewcomer.confirms("a"), OwnInnovation, ""},
	})
}

func TestCommitteeDisputes(t *testing.T) {
	given := wAnd(wGiven(wMaker.publishes("a"), wMaker.publishes("b"), wAdopter.confirms("a")), wMaker.invites("b", wAdopter))
	disputed := wAnd(given, wOther.disputes("a", wAdopter))
	decided := wAnd(disputed, wWest.decides("a", wAdopter, false))
	two := wAnd(disputed, wPartner.disputes("a", wAdopter))
	wRun(t, []wCase{
		{"by any organisation", given, wOther.disputes("a", wAdopter), wAccepted, ""},
		{"by an originator", given, wMaker.disputes("a", wAdopter), wAccepted, ""},
		{"by the adopter", given, wAdopter.disputes("a", wAdopter), wAccepted, ""},
		{"by a second", disputed, wPartner.disputes("a", wAdopter), wAccepted, ""},
		{"signed by two", given, wOther.disputes("a", wAdopter).alsoSignedBy(wPartner.key(Report)), UnneededSignature, ""},
		{"with an admin key", given, wOther.disputes("a", wAdopter).signedBy(wOther.key(Admin)), NotAuthorised, ""},
		{"with another's key", given, wOther.disputes("a", wAdopter).signedBy(wPartner.key(Report)), NotAuthorised, "/by"},
		{"of an unknown adopter", given, wOther.disputes("a", wNewcomer), UnknownOrganisation, "/data/adopter"},
		{"of an unknown innovation", given, wOther.disputes("x", wAdopter), UnknownInnovation, "/data/innovation"},
		{"of what is not adopted", given, wOther.disputes("a", wPartner), UnknownAdoption, "/data/adopter"},
		{"of what one is invited to", given, wOther.disputes("b", wAdopter), UnknownAdoption, "/data/adopter"},
		{"of what is ended", wAnd(given, wAdopter.ends("a")), wOther.disputes("a", wAdopter), wAccepted, ""},
		{"of what is retracted", wAnd(given, wAdopter.retracts("a")), wOther.disputes("a", wAdopter), WrongState, ""},
		{"of what is withdrawn", wAnd(given, wMaker.withdraws("a")), wOther.disputes("a", wAdopter), wAccepted, ""},
		{"once", disputed, wOther.disputes("a", wAdopter), AlreadyExists, ""},
		{"once, also after withdrawing it", wAnd(disputed, wOther.withdrawsDispute("a", wAdopter)), wOther.disputes("a", wAdopter), AlreadyExists, ""},
		{"once, also after the decision", decided, wOther.disputes("a", wAdopter), AlreadyExists, ""},
		{"once, also of a later confirmation", wAnd(decided, wAdopter.ends("a"), wAdopter.confirms("a")), wOther.disputes("a", wAdopter), AlreadyExists, ""},
		{"by a second after the decision", decided, wPartner.disputes("a", wAdopter), wAccepted, ""},
		{"another adoption, too", wAnd(disputed, wPartner.confirms("a")), wOther.disputes("a", wPartner), wAccepted, ""},
		{"the adoption is ended meanwhile", disputed, wAdopter.ends("a"), wAccepted, ""},
		{"the adoption is retracted meanwhile", disputed, wAdopter.retracts("a"), wAccepted, ""},

		{"withdrawn by the disputer", disputed, wOther.withdrawsDispute("a", wAdopter), wAccepted, ""},
		{"withdrawn also after a retraction", wAnd(disputed, wAdopter.retracts("a")), wOther.withdrawsDispute("a", wAdopter), wAccepted, ""},
		{"withdrawn after a second's was", wAnd(two, wPartner.withdrawsDispute("a", wAdopter)), wOther.withdrawsDispute("a", wAdopter), wAccepted, ""},
		{"withdrawn by another", disputed, wPartner.withdrawsDispute("a", wAdopter), WrongState, ""},
		{"withdrawn by the adopter", disputed, wAdopter.withdrawsDispute("a", wAdopter), WrongState, ""},
		{"withdrawn in the disputer's name", disputed, wOther.withdrawsDispute("a", wAdopter).signedBy(wPartner.key(Report)), NotAuthorised, "/by"},
		{"withdrawn by two", disputed, wOther.withdrawsDispute("a", wAdopter).alsoSignedBy(wPartner.key(Report)), UnneededSignature, ""},
		{"withdrawn twice", wAnd(disputed, wOther.withdrawsDispute("a", wAdopter)), wOther.withdrawsDispute("a", wAdopter), WrongState, ""},
		{"withdrawn after the decision", decided, wOther.withdrawsDispute("a", wAdopter), WrongState, ""},
		{"a second's after the decision", wAnd(decided, wPartner.disputes("a", wAdopter)), wPartner.withdrawsDispute("a", wAdopter), wAccepted, ""},
		{"the decided one, with a second's open", wAnd(decided, wPartner.disputes("a", wAdopter)), wOther.withdrawsDispute("a", wAdopter), WrongState, ""},
		{"withdrawn where there is none", given, wOther.withdrawsDispute("a", wAdopter), WrongState, ""},
		{"withdrawn of an unknown adopter", disputed, wOther.withdrawsDispute("a", wNewcomer), UnknownOrganisation, "/data/adopter"},
		{"withdrawn of an unknown innovation", disputed, wOther.withdrawsDispute("x", wAdopter), UnknownInnovation, "/data/innovation"},
		{"withdrawn of what is not adopted", disputed, wOther.withdrawsDispute("a", wPartner), UnknownAdoption, "/data/adopter"},
	})
}

func TestCommitteeDecisions(t *testing.T) {
	given := wGiven(wMaker.publishes("a"), wAdopter.confirms("a"))
	disputed := wAnd(given, wOther.disputes("a", wAdopter))
	withdrawn := wAnd(disputed, wOther.withdrawsDispute("a", wAdopter))
	upheld := wAnd(disputed, wWest.decides("a", wAdopter, true))
	dismissed := wAnd(disputed, wWest.decides("a", wAdopter, false))
	wRun(t, []wCase{
		{"upheld", disputed, wWest.decides("a", wAdopter, true), wAccepted, ""},
		{"dismissed", disputed, wWest.decides("a", wAdopter, false), wAccepted, ""},
		{"what nobody disputes", given, wWest.decides("a", wAdopter, true), WrongState, ""},
		{"what nobody disputes any more", withdrawn, wWest.decides("a", wAdopter, true), WrongState, ""},
		{"anew, the same", upheld, wWest.decides("a", wAdopter, true), wAccepted, ""},
		{"anew, otherwise", upheld, wWest.decides("a", wAdopter, false), wAccepted, ""},
		{"anew, by others", upheld, wWestToo.decides("a", wAdopter, false), wAccepted, ""},
		{"anew, after a second's was withdrawn", wAnd(dismissed, wPartner.disputes("a", wAdopter), wPartner.withdrawsDispute("a", wAdopter)), wWest.decides("a", wAdopter, true), wAccepted, ""},
		{"when ended", wAnd(disputed, wAdopter.ends("a")), wWest.decides("a", wAdopter, true), wAccepted, ""},
		{"when retracted", wAnd(disputed, wAdopter.retracts("a")), wWest.decides("a", wAdopter, true), wAccepted, ""},
		{"when withdrawn", wAnd(disputed, wMaker.withdraws("a")), wWest.decides("a", wAdopter, true), wAccepted, ""},
		{"of an unknown adopter", disputed, wWest.decides("a", wNewcomer, true), UnknownOrganisation, "/data/adopter"},
		{"of an unknown innovation", disputed, wWest.decides("x", wAdopter, true), UnknownInnovation, "/data/innovation"},
		{"of what is not adopted", disputed, wWest.decides("a", wPartner, true), UnknownAdoption, "/data/adopter"},
		{"of another's adoption", wAnd(disputed, wPartner.confirms("a")), wWest.decides("a", wPartner, true), WrongState, ""},
	})
}

// A pair under dispute or struck by an upheld one is not confirmed anew.
func TestCommitteeConfirmingAgain(t *testing.T) {
	end, retract, confirm := wAdopter.ends("a"), wAdopter.retracts("a"), wAdopter.confirms("a")
	uphold, dismiss := wWest.decides("a", wAdopter, true), wWest.decides("a", wAdopter, false)
	again := wPartner.disputes("a", wAdopter)
	disputed := wGiven(wMaker.publishes("a"), wAdopter.confirms("a"), wOther.disputes("a", wAdopter))
	joined := wMaker.revises("a", wBy(wMaker, wAdopter))
	wRun(t, []wCase{
		{"while disputed", disputed, confirm, AlreadyExists, ""},
		{"ended while disputed", wAnd(disputed, end), confirm, UnderDispute, ""},
		{"retracted while disputed", wAnd(disputed, retract), confirm, UnderDispute, ""},
		{"disputed when ended", wGiven(wMaker.publishes("a"), confirm, end, wOther.disputes("a", wAdopter)), confirm, UnderDispute, ""},
		{"invited while disputed", wAnd(disputed, end, wMaker.invites("a", wAdopter)), confirm, UnderDispute, ""},
		{"the dispute is withdrawn", wAnd(disputed, end, wOther.withdrawsDispute("a", wAdopter)), confirm, wAccepted, ""},
		{"one of two is withdrawn", wAnd(disputed, again, end, wOther.withdrawsDispute("a", wAdopter)), confirm, UnderDispute, ""},
		{"both are withdrawn", wAnd(disputed, again, end, wOther.withdrawsDispute("a", wAdopter), wPartner.withdrawsDispute("a", wAdopter)), confirm, wAccepted, ""},
		{"dismissed", wAnd(disputed, end, dismiss), confirm, wAccepted, ""},
		{"dismissed, both of two", wAnd(disputed, again, retract, dismiss), confirm, wAccepted, ""},
		{"upheld", wAnd(disputed, end, uphold), confirm, WrongState, ""},
		{"upheld, retracted then", wAnd(disputed, uphold, retract), confirm, WrongState, ""},
		{"upheld, dismissed anew", wAnd(disputed, uphold, end, dismiss), confirm, wAccepted, ""},
		{"dismissed, upheld anew", wAnd(disputed, dismiss, end, uphold), confirm, WrongState, ""},
		{"upheld while confirmed", wAnd(disputed, uphold), confirm, AlreadyExists, ""},
		{"dismissed, disputed by a second", wAnd(disputed, dismiss, end, again), confirm, UnderDispute, ""},
		{"dismissed, a second's withdrawn", wAnd(disputed, dismiss, end, again, wPartner.withdrawsDispute("a", wAdopter)), confirm, wAccepted, ""},
		{"upheld, disputed by a second", wAnd(disputed, uphold, end, again), confirm, WrongState, ""},
		{"upheld, a second's withdrawn", wAnd(disputed, uphold, end, again, wPartner.withdrawsDispute("a", wAdopter)), confirm, WrongState, ""},
		{"upheld, disputed by a second, dismissed", wAnd(disputed, uphold, end, again, dismiss), confirm, wAccepted, ""},
		{"another's adoption is not touched", wAnd(disputed, uphold), wPartner.confirms("a"), wAccepted, ""},
		{"inviting is no confirming", wAnd(disputed, end, uphold), wMaker.invites("a", wAdopter), wAccepted, ""},
		{"withdrawn goes before the dispute", wAnd(disputed, end, wMaker.withdraws("a")), confirm, WrongState, ""},
		{"one's own goes before the dispute", wAnd(disputed, joined, end), confirm, OwnInnovation, ""},
		{"an upheld one goes before one's own", wAnd(disputed, uphold, joined, end), confirm, WrongState, ""},
		{"a stale revision goes before the dispute", wAnd(disputed, end), wAdopter.confirms("a", wStale), StaleRevision, "/data/revision"},
	})
}

func TestCommitteeAssessments(t *testing.T) {
	given := wGiven(wMaker.publishes("a"), wMaker.publishes("b"))
	revised := wAnd(given, wMaker.revises("a"))
	merged := wAnd(given, wMaker.merges("b", "a"))
	stale := func(d *Assessment) { d.Revision = fmt.Sprintf("%064x", 1) }
	no := false
	ineligible := func(d *Assessment) { d.Eligible = &no }
	w := newWorld(t)
	w.given(given...)
	first := func(name string) func(*Assessment) { // as it was published
		return func(d *Assessment) { d.Revision = w.latest(wID(name).String()) }
	}
	wRun(t, []wCase{
		{"eligible", given, wWest.assesses("a"), wAccepted, ""},
		{"not eligible", given, wWest.assesses("a", ineligible), wAccepted, ""},
		{"again, otherwise", wAnd(given, wWest.assesses("a")), wWest.assesses("a", ineligible), wAccepted, ""},
		{"what nobody asked about", given, wNorth.assesses("a").assessedBy(wNorth, wWestToo), wAccepted, ""},
		{"an unknown revision", given, wWest.assesses("a", stale), StaleRevision, "/data/revision"},
		{"the latest", revised, wWest.assesses("a"), wAccepted, ""},
		{"the published one", given, wWest.assesses("a", first("a")), wAccepted, ""},
		{"the one before the latest", revised, wWest.assesses("a", first("a")), StaleRevision, "/data/revision"},
		{"another innovation's", given, wWest.assesses("a", first("b")), StaleRevision, "/data/revision"},
		{"what is withdrawn", wAnd(given, wMaker.withdraws("a")), wWest.assesses("a"), wAccepted, ""},
		{"what is merged", merged, wWest.assesses("b"), wAccepted, ""},
		{"what is merged, with the final one's revision", merged, wWest.assesses("b", first("a")), StaleRevision, "/data/revision"},
		{"what was merged into", merged, wWest.assesses("a"), wAccepted, ""},
		{"the unknown", given, wWest.assesses("x"), UnknownInnovation, "/data/innovation"},

		{"asked for by any organisation", given, wOther.asksAbout("a"), wAccepted, ""},
		{"asked for by the originator", given, wMaker.asksAbout("a"), wAccepted, ""},
		{"asked for again", wAnd(given, wOther.asksAbout("a")), wOther.asksAbout("a"), wAccepted, ""},
		{"asked for after it was given", wAnd(given, wWest.assesses("a")), wOther.asksAbout("a"), wAccepted, ""},
		{"asked for what is withdrawn", wAnd(given, wMaker.withdraws("a")), wOther.asksAbout("a"), wAccepted, ""},
		{"asked for what is merged", merged, wOther.asksAbout("b"), wAccepted, ""},
		{"asked for the unknown", given, wOther.asksAbout("x"), UnknownInnovation, "/data/innovation"},
		{"asked for with an admin key", given, wOther.asksAbout("a").signedBy(wOther.key(Admin)), NotAuthorised, ""},
		{"asked for by two", given, wOther.asksAbout("a").alsoSignedBy(wPartner.key(Report)), UnneededSignature, ""},
		{"being asked about blocks no confirmation", wAnd(given, wOther.asksAbout("a")), wAdopter.confirms("a"), wAccepted, ""},
		{"nor does being not eligible", wAnd(given, wWest.assesses("a", ineligible)), wAdopter.confirms("a"), wAccepted, ""},
		{"an assessment is no revision", wAnd(given, wWest.assesses("a")), wAdopter.confirms("a"), wAccepted, ""},
	})
}

func TestCommitteeYears(t *testing.T) {
	open := wGiven(wAuthority.opens(2026), wAuthority.opens(2027))
	closed := wAnd(open, wAuthority.closes(2026))
	both := wAnd(closed, wAuthority.closes(2027))
	wRun(t, []wCase{
		{"the earliest", open, wAuthority.closes(2026), wAccepted, ""},
		{"the only one", wGiven(wAuthority.opens(2031)), wAuthority.closes(2031), wAccepted, ""},
		{"then the next", closed, wAuthority.closes(2027), wAccepted, ""},
		{"not the next first", open, wAuthority.closes(2027), WrongState, "/data/year"},
		{"not before any was opened", nil, wAuthority.closes(2026), YearNotOpen, "/data/year"},
		{"not one that was not opened", open, wAuthority.closes(2028), YearNotOpen, "/data/year"},
		{"not the one after the last closed", both, wAuthority.closes(2028), YearNotOpen, "/data/year"},
		{"not one before the first", open, wAuthority.closes(2025), YearNotOpen, "/data/year"},
		{"not one before the first, when some are closed", closed, wAuthority.closes(2025), YearNotOpen, "/data/year"},
		{"not twice", closed, wAuthority.closes(2026), WrongState, "/data/year"},
		{"not twice, when a later one is closed", both, wAuthority.closes(2026), WrongState, "/data/year"},
		{"not by a hospital", open, wMaker.closes(2026), NotAuthorised, "/by"},
		{"not by two", open, wAuthority.closes(2026).alsoSignedBy(wMaker.key(Admin)), UnneededSignature, ""},
		{"a closed one is not opened again", closed, wAuthority.opens(2026), AlreadyExists, "/data/year"},
		{"a closed one is not opened again, when all are closed", both, wAuthority.opens(2027), AlreadyExists, "/data/year"},
		{"the next one is opened after", both, wAuthority.opens(2028), wAccepted, ""},
		{"and closed", wAnd(both, wAuthority.opens(2028)), wAuthority.closes(2028), wAccepted, ""},
		{"the years go on in order", both, wAuthority.opens(2029), WrongState, "/data/year"},
		{"a closed year stops no adoption", wAnd(both, wMaker.publishes("a")), wAdopter.confirms("a"), wAccepted, ""},
	})
}

// Of several things that are wrong the first code applies. Each case has two.
func TestCommitteeOrderOfCodes(t *testing.T) {
	given := wAnd(wDisputed(), wMaker.maySit("Helse Nord")...)
	merged := wAnd(given, wWest.merges("b", "a").assessedBy(wWest, wNorth))
	settled := wAnd(given, wOther.withdrawsDispute("a", wAdopter))
	stale := func(d *Assessment) { d.Revision = fmt.Sprintf("%064x", 1) }
	gone := wAnd(given, wWest.revokes(wWest.key(Assess)))
	assess, decide, merge := wSitting["assessing"], wSitting["deciding"], wSitting["merging"]
	maker := wMaker.key(Report)
	wRun(t, []wCase{
		{"invalid_field, unknown_key", given, wMaker.merges("a", "a").signedBy(wStranger), InvalidField, ""},
		{"unknown_key, revoked_key", gone, assess(wWest, wWest).alsoSignedBy(wStranger), UnknownKey, ""},
		{"unknown_key, unknown_innovation", given, wMaker.merges("a", "x").alsoSignedBy(wStranger), UnknownKey, ""},
		{"revoked_key, not_authorised", gone, assess(wWest, wWest, wMaker), RevokedKey, ""},
		{"revoked_key, missing_signature", gone, decide(wWest, wWest), RevokedKey, ""},
		{"revoked_key, unknown_innovation", gone, wWest.assesses("x"), RevokedKey, ""},
		{"not_authorised, missing_signature", given, assess(wMaker, wMaker), NotAuthorised, ""},
		{"not_authorised for the role, missing_signature", given, assess(wWest).signedBy(wWest.key(Report)), NotAuthorised, ""},
		{"not_authorised, unknown_organisation", given, wWest.decides("a", wNewcomer, true).assessedBy(wWest, wMaker), NotAuthorised, ""},
		{"not_authorised, unknown_adoption", given, wWest.decides("a", wPartner, true).assessedBy(wWest, wMaker), NotAuthorised, ""},
		{"not_authorised, wrong_state", settled, wWest.decides("a", wAdopter, true).assessedBy(wWest, wMaker), NotAuthorised, ""},
		{"not_authorised, wrong_state, mergers", merged, merge(wWest, wWest, wMaker), NotAuthorised, ""},
		{"not_authorised, stale_revision", given, wWest.assesses("a", stale).assessedBy(wWest, wMaker), NotAuthorised, ""},
		{"not_authorised, unknown_organisation, successions", given, wMaker.succeeds(wNewcomer, wMaker), NotAuthorised, ""},
		{"not_authorised, year_not_open", given, wMaker.closes(2026), NotAuthorised, ""},
		{"missing_signature, unneeded_signature", wAnd(given, wAuthority.enrols(wWest, wWest.key(Assess, "2"), Assess)), assess(wWest, wWest, wWestToo).alsoSignedBy(wWest.key(Assess, "2")), MissingSignature, ""},
		{"missing_signature, unknown_innovation", given, wWest.assesses("x").assessedBy(wWest), MissingSignature, ""},
		{"missing_signature, unknown_organisation", given, wWest.decides("a", wNewcomer, true).assessedBy(wWest), MissingSignature, ""},
		{"missing_signature, wrong_state", merged, merge(wWest, wWest), MissingSignature, ""},
		{"missing_signature, stale_revision", given, wWest.assesses("a", stale).assessedBy(wWest), MissingSignature, ""},
		{"unneeded_signature, unknown_organisation", given, wOther.disputes("a", wNewcomer).alsoSignedBy(maker), UnneededSignature, ""},
		{"unneeded_signature, unknown_innovation", given, wOther.asksAbout("x").alsoSignedBy(maker), UnneededSignature, ""},
		{"unneeded_signature, already_exists", given, wOther.disputes("a", wAdopter).alsoSignedBy(maker), UnneededSignature, ""},
		{"unneeded_signature, wrong_state", settled, wOther.withdrawsDispute("a", wAdopter).alsoSignedBy(maker), UnneededSignature, ""},
		{"unneeded_signature, year_not_open", given, wAuthority.closes(2026).alsoSignedBy(wMaker.key(Admin)), UnneededSignature, ""},
		{"unknown_organisation, unknown_innovation", given, wOther.disputes("x", wNewcomer), UnknownOrganisation, ""},
		{"unknown_organisation, unknown_innovation, withdrawing", given, wOther.withdrawsDispute("x", wNewcomer), UnknownOrganisation, ""},
		{"unknown_organisation, unknown_innovation, deciding", given, wWest.decides("x", wNewcomer, true), UnknownOrganisation, ""},
		{"unknown_organisation, wrong_state", wAnd(given, wAuthority.succeeds(wOther, wMaker)), wAuthority.succeeds(wNewcomer, wMaker), UnknownOrganisation, "/data/successor"},
		{"unknown_innovation, wrong_state", merged, wMaker.merges("b", "x").alsoSignedBy(wPartner.key(Report)), UnknownInnovation, "/data/into"},
		{"already_exists, wrong_state", wAnd(given, wAdopter.retracts("a")), wOther.disputes("a", wAdopter), AlreadyExists, ""},
		{"already_exists for the id, wrong_state", merged, wWest.merges("b", "a").assessedBy(wWest, wNorth).withIDOf("a"), AlreadyExists, "/id"},
		{"already_exists for the id, stale_revision", given, wWest.assesses("a", stale).withIDOf("a"), AlreadyExists, "/id"},
		{"already_exists for the id, year_not_open", given, wAuthority.closes(2026).withIDOf("a"), AlreadyExists, "/id"},
		{"unknown_adoption, already_exists for the id", given, wOther.disputes("b", wAdopter).withIDOf("a"), UnknownAdoption, ""},
	})
}

// naive reads of the entries themselves what pairs have come to, one event
// after another, with nothing but lists: all that two pairs had before they
// became one counts for the one that they are.
type naive struct {
	into      map[string]string // an innovation is merged
	successor map[Orgnr]Orgnr

	confirmations []*naiveConfirmation
	disputes      []*naiveDispute
	decisions     []naiveDecision
}

type naivePair struct {
	innovation string
	adopter    Orgnr
}

type naiveConfirmation struct {
	naivePair
	standing standing
}

type naiveDispute struct {
	naivePair
	by   Orgnr
	open bool
}

type naiveDecision struct {
	naivePair
	upheld bool
}

func newNaive(entries []*Entry) *naive {
	n := &naive{into: map[string]string{}, successor: map[Orgnr]Orgnr{}}
	for _, e := range entries {
		n.read(e)
	}
	return n
}

func (n *naive) read(e *Entry) {
	switch d := e.Data.(type) {
	case *Succession:
		for _, o := range d.Predecessors {
			n.successor[o] = d.Successor
		}
	case *Merger:
		n.into[d.Innovation] = d.Into
	case *Confirmation:
		n.confirmations = append(n.confirmations, &naiveConfirmation{naivePair{d.Innovation, e.By}, confirmed})
	case *Ending:
		n.change(naivePair{d.Innovation, e.By}, ended, confirmed)
	case *Retraction:
		n.change(naivePair{d.Innovation, e.By}, retracted, confirmed, ended)
	case *Dispute:
		n.disputes = append(n.disputes, &naiveDispute{naivePair{d.Innovation, d.Adopter}, e.By, true})
	case *DisputeWithdrawal:
		n.close(naivePair{d.Innovation, d.Adopter}, func(by Orgnr) bool { return n.heir(by) == e.By })
	case *Decision:
		n.close(naivePair{d.Innovation, d.Adopter}, func(Orgnr) bool { return true })
		n.decisions = append(n.decisions, naiveDecision{naivePair{d.Innovation, d.Adopter}, *d.Upheld})
	}
}

func (n *naive) change(p naivePair, to standing, from ...standing) {
	for _, c := range n.confirmations {
		if n.same(c.naivePair, p) && slices.Contains(from, c.standing) {
			c.standing = to
		}
	}
}

func (n *naive) close(p naivePair, whose func(Orgnr) bool) {
	for _, d := range n.disputes {
		if n.same(d.naivePair, p) && whose(d.by) {
			d.open = false
		}
	}
}

func (n *naive) heir(o Orgnr) Orgnr {
	for n.successor[o] != "" {
		o = n.successor[o]
	}
	return o
}

func (n *naive) final(id string) string {
	for n.into[id] != "" {
		id = n.into[id]
	}
	return id
}

func (n *naive) same(p, q naivePair) bool {
	return n.final(p.innovation) == n.final(q.innovation) && n.heir(p.adopter) == n.heir(q.adopter)
}

// pair says where a pair stands, how many disputes are open and how the last was
// decided.
func (n *naive) pair(p naivePair) (s standing, open int, upheld bool) {
	for _, of := range []standing{retracted, ended, confirmed} {
		if slices.ContainsFunc(n.confirmations, func(c *naiveConfirmation) bool { return n.same(c.naivePair, p) && c.standing == of }) {
			s = of
		}
	}
	for _, d := range n.disputes {
		if d.open && n.same(d.naivePair, p) {
			open++
		}
	}
	for _, d := range n.decisions {
		if n.same(d.naivePair, p) {
			upheld = d.upheld
		}
	}
	return s, open, upheld
}

// Whatever became one, the state says of every pair what its entries say.
func TestStatePairsAsRead(t *testing.T) {
	seen := map[string]int{}
	all := []string{"became one", "open false, upheld false", "open true, upheld false", "open false, upheld true"}
	wCheck(t, seen, all, func(t *rapid.T) {
		w := wRandomWorld(t)
		w.random(t, rapid.IntRange(0, 40).Draw(t, "events"), map[Type]int{})
		n := newNaive(w.entries)
		for _, name := range wRandomNames {
			i, ok := w.state.innovations.at(wID(name))
			if !ok {
				continue
			}
			for _, o := range wHospitals {
				standing, open, upheld := n.pair(naivePair{wID(name).String(), Orgnr(o)})
				got := w.state.pair(i, Orgnr(o))
				if got.standing != standing || int(got.disputes) != open || got.upheld != upheld {
					t.Errorf("%s and %s: standing %d, %d disputes, upheld %t; read: %d, %d, %t",
						name, o, got.standing, got.disputes, got.upheld, standing, open, upheld)
				}
				if own := w.state.heir(Orgnr(o)) != Orgnr(o) || !i.mergedInto.IsZero(); own && standing != unconfirmed {
					seen["became one"]++
					seen[fmt.Sprintf("open %t, upheld %t", open > 0, upheld)]++
				}
			}
		}
	})
}

// Mergers, derivations and successions lead somewhere, never in circles, and
// each organisation's doings are of exactly one that acts.
func TestStateNoLoops(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := wRandomWorld(t)
		w.random(t, rapid.IntRange(0, 40).Draw(t, "events"), map[Type]int{})
		s := w.state
		for id, i := range s.innovations.m {
			steps := 0
			for at := s.final(i); !at.derivedFrom.IsZero(); steps++ {
				parent, _ := s.innovations.at(at.derivedFrom)
				if at = s.final(parent); steps > s.innovations.len() {
					t.Fatalf("%s is derived from itself", id)
				}
			}
			for _, m := range i.merged {
				if merged, _ := s.innovations.at(m); s.final(merged) != s.final(i) {
					t.Errorf("%s is merged into %s, which is merged elsewhere", m, id)
				}
			}
		}
		owners := map[uint32]Orgnr{}
		for o, org := range s.orgs.m {
			if org.successor != "" {
				continue
			}
			for _, number := range org.members {
				if other, twice := owners[number]; twice {
					t.Errorf("%s and %s both act for organisation %d", o, other, number)
				}
				owners[number] = o
			}
		}
		if len(owners) != s.orgs.len() {
			t.Errorf("somebody acts for %d of %d organisations", len(owners), s.orgs.len())
		}
	})
}
