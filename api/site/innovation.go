package site

import (
	"cmp"
	"slices"
	"strings"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

const (
	adoptionsEach = 25  // on a page of an innovation
	mostAdoptions = 100 // on a map
	mostSimilar   = 5
)

type innovationPage struct {
	projections.Innovation
	Into      ledger.Text // title of the one that it was merged into
	Parent    ledger.Text // title of the one that it is derived from
	Makers    []maker
	Adoptions []adoption // in use or ended, in the order of their entries
	Others    []adoption // invited, declined, retracted
	Paging    paging     // of the adoptions
	pairs     []projections.Pair
	signed    projections.Signed // whose keys, the entries of the pairs that are shown
	Map       Map
	Timeline  []moments
	Stories   []Story
	MoreTold  bool
	Missing   missing
	Lineage   *projections.Lineage // nil: it stands alone
	Similar   []projections.Similar
	Signed    proof // of the entry that it is read from
	Names     map[ledger.Orgnr]string
}

// maker is an originator and how to reach it.
type maker struct {
	projections.Originator
	Region, Contact, ContactURL string
}

// adoption is one with what the page says beside it.
type adoption struct {
	projections.Adoption
	Region string
	Latest *projections.Confirmation // that tells how it is in use: the last one not struck, or the last
	Open   bool                      // it is under dispute
	Proofs []proof
}

// proof is who signed an entry.
type proof struct {
	Index   int64
	At      string
	Signers []signer
	Flags   []string
	Struck  bool
}

type signer struct {
	Key  keys.ID
	Name string // of the organisation that it is enrolled for
}

// moments are what happened in a year.
type moments struct {
	Year int
	All  []moment
}

type moment struct {
	Date   ledger.Date
	What   string // made, used or ended
	Orgnr  ledger.Orgnr
	Name   string
	Region string
}

// innovation is the page of one innovation.
func (v *visit) innovationPage() (shown, error) {
	id := v.Param("id")
	p := innovationPage{signed: projections.Signed{}}
	var pairs []projections.Pair
	var ok bool
	page, err := v.pageAsked()
	if err != nil {
		return shown{}, err
	}
	var hospitals map[ledger.Orgnr]ledger.Organisation
	v.read(func(f *projections.Fold) {
		if p.Innovation, ok = f.Innovation(id); !ok {
			return
		}
		pairs, _ = f.Pairs(id)
		p.Similar, _ = f.SimilarTo(id, mostSimilar)
		if l, ok := f.Lineage(id); ok && len(l.Tree.Branches)+len(l.Tree.Absorbed)+l.Above > 0 {
			p.Lineage = &l
		}
		if into, ok := f.Innovation(p.MergedInto); ok {
			p.Into = into.Title
		}
		if parent, ok := f.Innovation(p.DerivedFrom); ok {
			p.Parent = parent.Title
		}
		hospitals = f.Registry()
	})
	if !ok {
		return shown{}, ErrNotFound
	}
	p.Names = namesOf(hospitals)
	p.Makers = v.makers(p.Originators, hospitals)
	if p.Paging, err = v.paging(page, adoptionsEach, len(pairs)); err != nil {
		return shown{}, err
	}
	p.pairs = pairs
	if err := v.adoptions(&p, hospitals); err != nil {
		return shown{}, err
	}
	if err := v.prove(&p); err != nil {
		return shown{}, err
	}
	v.findMissing(&p)
	p.Map, p.Timeline = v.innovationMap(&p, hospitals), timeline(&p)
	if p.Stories, p.MoreTold, err = v.Site.Stories(v.Context(), p.ID); err != nil {
		return shown{}, err
	}
	lang, title := v.pick(p.Title)
	return shown{
		Data: p, Title: title, Lang: foreign(lang, v.language), Crumbs: []crumb{{"/innovasjoner", v.t("innovations.title")}},
		Feed:     "/innovasjoner/" + p.ID + "/feed.atom",
		Volatile: len(p.Missing) > 0 || slices.ContainsFunc(p.Stories, func(s Story) bool { return s.Status == "missing" }), // it may come
	}, nil
}

// foreign is a text's language if it is not the page's.
func foreign(lang string, l *language) string {
	if lang == l.tag {
		return ""
	}
	return lang
}

func namesOf(hospitals map[ledger.Orgnr]ledger.Organisation) map[ledger.Orgnr]string {
	names := map[ledger.Orgnr]string{}
	for o, h := range hospitals {
		names[o] = h.Name
	}
	return names
}

func (v *visit) makers(of []projections.Originator, hospitals map[ledger.Orgnr]ledger.Organisation) (all []maker) {
	for _, o := range of {
		m := maker{Originator: o, Region: hospitals[o.Orgnr].Region}
		m.Contact, m.ContactURL = contact(hospitals[o.Orgnr].Contact)
		all = append(all, m)
	}
	return all
}

// contact is how an organisation is reached, as it reads and as a link.
func contact(of string) (words, url string) {
	switch {
	case of == "":
		return "", ""
	case strings.HasPrefix(of, "https://"):
		return strings.TrimSuffix(strings.TrimPrefix(of, "https://"), "/"), of
	}
	return of, "mailto:" + of
}

// adoptions reads what the entries of the page's pairs say.
func (v *visit) adoptions(p *innovationPage, hospitals map[ledger.Orgnr]ledger.Organisation) error {
	slices.SortStableFunc(p.pairs, func(a, b projections.Pair) int { return cmp.Compare(order(a), order(b)) })
	for _, pair := range p.pairs[max(0, p.Paging.From-1):p.Paging.To] {
		err := v.telling(pair.Entries, func(e *ledger.Entry) { pair.Tell(e); p.signed.Note(e) })
		if err != nil {
			return err
		}
		a := adoption{Adoption: pair.Adoption, Region: hospitals[pair.Adopter].Region}
		a.Open = slices.ContainsFunc(a.Disputes, func(d projections.Dispute) bool { return d.Status == "open" })
		for k := range a.Confirmations {
			c := &a.Confirmations[k]
			if a.Latest == nil || !c.Struck {
				a.Latest = c
			}
			a.Proofs = append(a.Proofs, proof{Index: c.Index, At: c.At, Signers: keysOf(c.SignedBy), Struck: c.Struck})
		}
		if a.Status == "confirmed" || a.Status == "ended" {
			p.Adoptions = append(p.Adoptions, a)
		} else {
			p.Others = append(p.Others, a)
		}
	}
	return nil
}

// order puts what is or was in use first, by its entry.
func order(p projections.Pair) int64 {
	if p.Index != nil {
		return *p.Index
	}
	return 1<<62 + p.Entries[0]
}

func keysOf(ids []keys.ID) (all []signer) {
	for _, id := range ids {
		all = append(all, signer{Key: id})
	}
	return all
}

// prove finds whose keys signed the innovation and its confirmations.
func (v *visit) prove(p *innovationPage) error {
	err := v.telling([]int64{p.Revised}, func(e *ledger.Entry) {
		p.Signed = proof{Index: e.Index, At: e.At.UTC().Format("2006-01-02")}
		for _, s := range e.Envelope.Signatures {
			p.Signed.Signers = append(p.Signed.Signers, signer{Key: s.KeyID})
		}
	})
	v.read(func(f *projections.Fold) {
		v.name(f, &p.Signed, p.Names)
		for _, list := range [][]adoption{p.Adoptions, p.Others} {
			for _, a := range list {
				for k := range a.Proofs {
					v.name(f, &a.Proofs[k], p.Names)
				}
				f.FlagAdoption(&a.Adoption, p.signed)
			}
		}
	})
	return err
}

// findMissing finds which of the files that the page tells of are not here.
func (v *visit) findMissing(p *innovationPage) {
	p.Missing = missing{}
	v.lacking(p.Missing, p.Revised, p.Attachments)
	for _, a := range p.Adoptions {
		if a.Latest != nil {
			v.lacking(p.Missing, a.Latest.Index, a.Latest.Attachments)
		}
	}
}

func (v *visit) name(f *projections.Fold, p *proof, names map[ledger.Orgnr]string) {
	ids := make([]keys.ID, len(p.Signers))
	for k := range p.Signers {
		ids[k] = p.Signers[k].Key
		if key, ok := f.Key(ids[k]); ok {
			p.Signers[k].Name = names[key.Organisation]
		}
	}
	p.Flags = f.Flags(p.Index, ids)
}

// innovationMap draws where an innovation was made and where it has come.
func (v *visit) innovationMap(p *innovationPage, hospitals map[ledger.Orgnr]ledger.Organisation) Map {
	var spread []ledger.Orgnr
	for _, pair := range p.pairs {
		if pair.Status == "confirmed" || pair.Status == "ended" {
			spread = append(spread, pair.Adopter)
		}
	}
	m := newMapping(v.t("innovation.map", "n", len(spread)))
	for _, o := range p.Originators {
		m.made(hospitals[o.Orgnr])
	}
	for _, o := range spread[:min(len(spread), mostAdoptions)] {
		m.used(hospitals[o])
		if from, ok := nearest(p.Originators, hospitals[o].Region, hospitals); ok {
			m.spread(from, hospitals[o])
		}
	}
	return m.Map()
}

// nearest is the originator that an adoption is drawn from: one of the adopter's
// region, or else the first.
func nearest(of []projections.Originator, region string, hospitals map[ledger.Orgnr]ledger.Organisation) (ledger.Organisation, bool) {
	for _, o := range of {
		if h := hospitals[o.Orgnr]; h.Region == region && region != "" {
			return h, true
		}
	}
	if len(of) == 0 {
		return ledger.Organisation{}, false
	}
	return hospitals[of[0].Orgnr], true
}

// timeline is when an innovation was made, taken into use and taken out of it, by
// year.
func timeline(p *innovationPage) (years []moments) {
	var all []moment
	for _, m := range p.Makers {
		all = append(all, moment{p.InUseSince, "made", m.Orgnr, m.Name, m.Region})
	}
	for _, a := range p.Adoptions {
		if a.Latest != nil {
			all = append(all, moment{a.Latest.InUseFrom, "used", a.Adopter, a.Name, a.Region})
		}
		if a.Ended != nil {
			all = append(all, moment{a.Ended.EndedOn, "ended", a.Adopter, a.Name, a.Region})
		}
	}
	slices.SortStableFunc(all, func(a, b moment) int { return strings.Compare(string(a.Date), string(b.Date)) })
	for _, m := range all {
		if y := m.Date.Year(); len(years) == 0 || years[len(years)-1].Year != y {
			years = append(years, moments{Year: y})
		}
		last := &years[len(years)-1]
		last.All = append(last.All, m)
	}
	return years
}
