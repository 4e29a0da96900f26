package site

import (
	"cmp"
	"slices"
	"strings"

	"spredning/ledger"
	"spredning/projections"
)

const organisationsEach = 100 // on a page of the list

type organisationsPage struct {
	Region  string
	Regions []string
	Rows    []projections.Hospital
	Most    int // adoptions of any in the list, made or taken
	Map     Map
	Paging  paging
}

// organisations is the list of hospitals and other organisations.
func (v *visit) organisations() (shown, error) {
	region, err := v.choice("region", ledger.Regions)
	if err != nil {
		return shown{}, err
	}
	page, err := v.pageAsked()
	if err != nil {
		return shown{}, err
	}
	p := organisationsPage{Region: region, Regions: ledger.Regions}
	var all []projections.Hospital
	v.read(func(f *projections.Fold) { all = f.Hospitals() })
	m := newMapping(v.t("organisations.map"))
	for _, h := range all {
		if isHospital(h.Kind) && h.SucceededBy == "" && (region == "" || h.Region == region) {
			m.used(h.Organisation)
		}
	}
	p.Map = m.Map()
	all = slices.DeleteFunc(all, func(h projections.Hospital) bool { return region != "" && h.Region != region })
	slices.SortStableFunc(all, inList)
	for _, h := range all {
		p.Most = max(p.Most, h.SpreadTo, h.Adopted)
	}
	if p.Paging, err = v.paging(page, organisationsEach, len(all)); err != nil {
		return shown{}, err
	}
	if len(all) > 0 {
		p.Rows = all[p.Paging.From-1 : p.Paging.To]
	}
	return shown{Data: p, Lead: v.t("organisations.lead"), NoIndex: v.URL.RawQuery != ""}, nil
}

// inList orders organisations: hospitals first, by region and name, those that others
// have taken the place of last.
func inList(a, b projections.Hospital) int {
	return cmp.Or(cmp.Compare(place(a), place(b)), strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)))
}

func place(h projections.Hospital) int {
	region := slices.Index(ledger.Regions, h.Region)
	if region < 0 {
		region = len(ledger.Regions)
	}
	if h.SucceededBy != "" {
		region += 20
	}
	if !isHospital(h.Kind) {
		region += 10
	}
	return region
}
