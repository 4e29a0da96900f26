package projections_test

import (
	"reflect"
	"testing"

	"spredning/ledger"
	tale "spredning/ledger/story"
	"spredning/projections"
)

// TestSumsOfAllAgreeWithEachOne: what is counted in one walk over all pairs is what
// innovations, organisations and tables say one by one.
func TestSumsOfAllAgreeWithEachOne(t *testing.T) {
	s := must2(tale.New(tale.Config{Origin: "spredning.example/test", Seed: 11, Organisations: 20, Entries: 1500, Hasty: true}))
	f := projections.NewFold()
	must(nil, s.Tell(func(e *ledger.Entry) error { f.Apply(e); return nil }))
	innovations, _ := f.Innovations(projections.Query{}, -1, 10_000)
	var want projections.Figures
	made, spread, makers, adopters := map[ledger.Orgnr]int{}, map[ledger.Orgnr]int{}, map[ledger.Orgnr]bool{}, map[ledger.Orgnr]bool{}
	for _, i := range innovations {
		if i.Status != "published" {
			continue
		}
		want.Innovations++
		want.Adoptions, want.InUse, want.OtherRegion = want.Adoptions+i.Spread.Adopters, want.InUse+i.Spread.InUse, want.OtherRegion+i.Spread.OtherRegion
		if i.Spread.Adopters > 0 {
			want.Spread++
		}
		for _, o := range i.Originators {
			made[o.Orgnr]++
			spread[o.Orgnr] += i.Spread.Adopters
			makers[o.Orgnr] = true
		}
		pairs, _ := f.Pairs(i.ID)
		for _, p := range pairs {
			if p.Status == "confirmed" || p.Status == "ended" {
				adopters[p.Adopter] = true
			}
		}
	}
	want.Originators, want.Adopters = len(makers), len(adopters)
	if got := f.Figures(); got != want || want.OtherRegion == 0 || want.InUse == want.Adoptions {
		t.Errorf("figures are %+v, not %+v", got, want)
	}
	for _, h := range f.Hospitals() {
		o, _ := f.Organisation(h.Orgnr)
		adopted, waiting := 0, len(o.Invitations)
		for _, a := range o.Adopted {
			if a.Status == "confirmed" || a.Status == "ended" {
				adopted++
			}
		}
		if h.Made != made[h.Orgnr] || h.SpreadTo != spread[h.Orgnr] || h.Adopted != adopted || h.Waiting != waiting {
			t.Errorf("%s has made %d (%d), spread to %d (%d), adopted %d (%d), waits with %d (%d)", h.Orgnr, h.Made, made[h.Orgnr], h.SpreadTo, spread[h.Orgnr], h.Adopted, adopted, h.Waiting, waiting)
		}
		if r, ok := f.Registered(h.Orgnr); !ok || !reflect.DeepEqual(r, o.Organisation) || !reflect.DeepEqual(f.Registry()[h.Orgnr], r) {
			t.Errorf("%s is registered as %+v", h.Orgnr, r)
		}
	}
	rows := 0
	for _, year := range f.Years() {
		table, _ := f.Table(year)
		for _, h := range f.Hospitals() {
			row, status, ok := f.Got(year, h.Orgnr)
			is := false
			for _, r := range table.Rows {
				if r.Orgnr == h.Orgnr {
					is = true
					rows++
					if !reflect.DeepEqual(row, r) {
						t.Errorf("%d, %s: %+v, not %+v", year, h.Orgnr, row, r)
					}
				}
			}
			if is != ok || status != table.Status {
				t.Errorf("%d, %s: %t, %s", year, h.Orgnr, ok, status)
			}
		}
	}
	if _, _, ok := f.Got(1999, innovations[0].Originators[0].Orgnr); ok || rows == 0 {
		t.Errorf("%d rows", rows)
	}
}
