package projections_test

// Where the design can be read in more than one way: what was chosen, as docs/choices.md says.

import (
	"maps"
	"testing"

	"spredning/ledger"
)

// TestCorrectionsByTheFrozenRules publishes other rules for a year that is closed: they correct nothing.
func TestCorrectionsByTheFrozenRules(t *testing.T) {
	u := newUndue(t, nil)
	i := u.publishes(nil, maker)
	u.confirms(i, north, "2025-02-01")
	u.closes(2025)
	u.rules(2025, func(r *ledger.Rules) { r.EligibleKinds = []ledger.Kind{ledger.KindMunicipality} })
	if c, ok := u.now().Corrections(2025); !ok || len(c.Lines) != 0 {
		t.Errorf("got %+v, %t", c, ok)
	}
	u.retracts(i, north)
	if c, ok := u.now().Corrections(2025); !ok || len(c.Lines) != 2 || c.Lines[0].Reason != "retracted" {
		t.Errorf("got %+v, %t", c, ok)
	}
}

// TestRegionsOfAClosedYear has one succeed before the closing and another after it: the year's regions are those of the
// successors at its closing, for ever.
func TestRegionsOfAClosedYear(t *testing.T) {
	u := newUndue(t, nil)
	u.confirms(u.publishes(nil, maker), partner, "2025-02-01")
	u.succeeds(north, maker)
	u.closes(2025)
	u.succeeds(middle, north)
	u.amends(partner, func(o *ledger.Organisation) { o.Region = "Helse Sør-Øst" })
	table, _ := u.now().Table(2025)
	got := map[string]ledger.Milli{}
	for _, r := range table.Regions {
		got[r.Region] = r.Total
	}
	if want := map[string]ledger.Milli{"Helse Nord": 600, "Helse Vest": 150}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestEndOfAnAssessment: whatever changes who has which share ends it, also if the same act for them as before.
func TestEndOfAnAssessment(t *testing.T) {
	for name, change := range map[string]func(u *undue, d *ledger.Innovation){
		"other shares": func(_ *undue, d *ledger.Innovation) {
			d.Originators = []ledger.Originator{{Orgnr: maker, Share: 400}, {Orgnr: partner, Share: 600}}
		},
		"a successor in its predecessor's place": func(u *undue, d *ledger.Innovation) {
			u.succeeds(nowhere, maker)
			d.Originators = even(nowhere, partner)
		},
	} {
		u := newUndue(t, nil)
		i := u.publishes(nil, maker, partner)
		index := u.confirms(i, north, "2025-02-01")
		u.assesses(i, false)
		u.wantLines(t, 2025)
		u.revises(i, func(d *ledger.Innovation) { d.Title = worldText("Et annet navn") })
		u.wantLines(t, 2025)
		u.revises(i, func(d *ledger.Innovation) { change(u, d) })
		table, _ := u.now().Table(2025)
		if table.Total != 1250 || table.Rows[0].Lines[0].Index != index {
			t.Errorf("%s: got %+v", name, table)
		}
	}
}

// TestLineageOfWhatWasMerged: what a merged innovation was derived from no longer counts.
func TestLineageOfWhatWasMerged(t *testing.T) {
	u := newUndue(t, once)
	root := u.publishes(nil, maker)
	branch := u.publishes(func(d *ledger.Innovation) { d.DerivedFrom = root.id }, maker)
	other := u.publishes(nil, maker)
	first := u.confirms(root, north, "2025-02-01")
	second := u.confirms(other, north, "2025-03-01")
	u.merges(branch, other)
	u.wantLines(t, 2025,
		line{first, maker, "originator other_region", 1000}, line{first, north, "adopter other_region", 250},
		line{second, maker, "originator other_region", 1000}, line{second, north, "adopter other_region", 250})
}

// TestReachOfAProjectAsScored: a project has scored in the reach of its line in a closed year, wherever the adopter is now.
func TestReachOfAProjectAsScored(t *testing.T) {
	u := newUndue(t, project)
	i := u.publishes(nil, maker)
	u.confirms(i, partner, "2025-02-01")
	u.closes(2025)
	u.amends(partner, func(o *ledger.Organisation) { o.Region = "Helse Nord" })
	second := u.confirms(i, north, "2026-02-01")
	u.wantLines(t, 2026, line{second, maker, "originator other_region", 1000}, line{second, north, "adopter other_region", 250})
}

// TestProjectOfTwoThatAreOne: two originators of one adoption have a line each, though one has succeeded the other; for
// the next adoption neither has.
func TestProjectOfTwoThatAreOne(t *testing.T) {
	u := newUndue(t, project)
	i := u.publishes(nil, maker, partner)
	first := u.confirms(i, north, "2025-02-01")
	u.succeeds(partner, maker)
	second := u.confirms(i, middle, "2025-03-01")
	u.wantLines(t, 2025,
		line{first, maker, "originator other_region", 500}, line{first, partner, "originator other_region", 500},
		line{first, north, "adopter other_region", 250}, line{second, middle, "adopter other_region", 250})
}

// TestRetractedOfOneDeclinedOfTheOther: a decline of a duplicate does not hide that there was a confirmation.
func TestRetractedOfOneDeclinedOfTheOther(t *testing.T) {
	u := newUndue(t, nil)
	i, other := u.publishes(nil, maker), u.publishes(nil, maker)
	u.confirms(i, north, "2025-02-01")
	u.retracts(i, north)
	u.invites(other, north)
	u.declines(other, north)
	if pair := u.told(t, other, north); pair.Status != "declined" {
		t.Errorf("before, it is %s", pair.Status)
	}
	u.merges(i, other)
	if pair := u.told(t, other, north); pair.Status != "retracted" {
		t.Errorf("it is %s", pair.Status)
	}
}
