package story

import (
	"fmt"
	"slices"

	"spredning/keys"
	"spredning/ledger"
)

// enter registers a further organisation; some get a seat in the committee.
func (s *Story) enter() error {
	if len(s.free) == 0 {
		return errNothing
	}
	o := ledger.Organisation{Orgnr: s.free[0]}
	s.place(&o)
	s.name(&o)
	s.find(&o)
	if err := s.Register(o); err != nil {
		return err
	}
	s.free = s.free[1:]
	s.orgs = append(s.orgs, o)
	if s.percent(15) {
		return s.Seat(o.Orgnr)
	}
	return nil
}

// sit registers an organisation whose only part is in the committee.
func (s *Story) sit(o ledger.Orgnr, region string) error {
	org := ledger.Organisation{
		Orgnr: o, Name: region + " RHF (tilfeldig)", Short: fmt.Sprint("RHF ", len(s.committee)+1), Kind: ledger.KindRHF, Region: region,
	}
	if err := s.Register(org); err != nil {
		return err
	}
	s.committee = append(s.committee, org)
	return s.Seat(o)
}

// place draws an organisation's kind, region and years in the measuring system.
func (s *Story) place(o *ledger.Organisation) {
	o.Kind = ledger.KindHF
	if s.percent(45) {
		o.Kind = pick(s, ledger.KindPrivateNonprofit, ledger.KindPrivateNonprofit, ledger.KindRHF, ledger.KindMunicipality, ledger.KindOther)
	}
	o.Region, o.MeasuredFrom, o.MeasuredTo = "", nil, nil
	if s.percent(85) {
		o.Region = pick(s, ledger.Regions...)
	}
	if s.percent(90) {
		early, base := 2003, s.base()
		o.MeasuredFrom = new(pick(s, early, early, early, early, early, base+1, base+3))
		if s.percent(15) {
			o.MeasuredTo = new(base + 3 + s.chance.IntN(3))
		}
	}
}

// name names an organisation by its kind and how many there are.
func (s *Story) name(o *ledger.Organisation) {
	n := len(s.orgs) + 1
	o.Name = fmt.Sprintf(map[ledger.Kind]string{
		ledger.KindHF: "Foretak %d HF", ledger.KindPrivateNonprofit: "Stiftelsen %d", ledger.KindRHF: "Region %d RHF",
		ledger.KindMunicipality: "Kommune %d", ledger.KindOther: "Virksomhet %d",
	}[o.Kind], n)
	o.Short = fmt.Sprint("org ", n)
}

// find draws what only says where an organisation is found.
func (s *Story) find(o *ledger.Organisation) {
	if at := slices.IndexFunc(s.committee, func(c ledger.Organisation) bool { return c.Region == o.Region }); at >= 0 && o.Kind == ledger.KindHF {
		o.Parent = s.committee[at].Orgnr
	}
	if s.percent(40) {
		o.Lat, o.Lon = new(58+float64(s.chance.IntN(1200))/100), new(5+float64(s.chance.IntN(2500))/100)
		o.Municipality = fmt.Sprint(1000 + s.chance.IntN(4000))
	}
	if s.percent(30) {
		o.Contact = pick(s, "https://", "innovasjon@") + "foretak" + fmt.Sprint(len(s.orgs)+1) + ".example"
	}
}

// acting draws an organisation that acts for itself, mostly.
func (s *Story) acting() ledger.Orgnr {
	o := pick(s, s.orgs...).Orgnr
	if s.percent(98) {
		o = s.Heir(o)
	}
	return o
}

// sitting draws two or three assessors, who seldom are parties.
func (s *Story) sitting() []ledger.Orgnr {
	var from []ledger.Orgnr
	for _, o := range s.committee {
		from = append(from, o.Orgnr)
	}
	if s.percent(30) {
		for _, o := range s.orgs {
			if s.Assessors[o.Orgnr] != nil {
				from = append(from, o.Orgnr)
			}
		}
	}
	return some(s, pick(s, 2, 2, 2, 3), from)
}

// amend changes an organisation's name, region, or kind and years.
func (s *Story) amend() error {
	o := &s.orgs[s.chance.IntN(len(s.orgs))]
	next := *o
	switch s.chance.IntN(3) {
	case 0:
		next.Name += " ny"
	case 1:
		next.Region = pick(s, append([]string{""}, ledger.Regions...)...)
	default:
		s.place(&next)
	}
	_, err := s.ByAuthority(&ledger.Amendment{Organisation: next})
	if err == nil {
		*o = next
	}
	return err
}

// succeed lets one organisation succeed another, mostly one that has adopted the
// same. Of four successions one is by a new organisation of two, and one is of a
// successor.
func (s *Story) succeed() error {
	if len(s.pairs) == 0 || s.successions >= max(4, s.cfg.Organisations/6) {
		return errNothing
	}
	p, q := pick(s, s.pairs...), pick(s, s.pairs...)
	for tries := 0; tries < 5 && p.final() != q.final(); tries++ {
		q = pick(s, s.pairs...)
	}
	one, other := s.Heir(p.adopter), s.Heir(q.adopter)
	if s.percent(20) {
		other = s.Heir(q.Originators[0].Orgnr)
	}
	if s.successions%4 == 2 {
		one = s.Heir(pick(s, s.succeeded...))
	}
	switch {
	case one == other:
		return errNothing
	case s.successions%4 == 1:
		return s.succeedBoth(one, other)
	}
	return s.succeeds(other, one)
}

// succeedBoth lets a new organisation succeed two, or a third if all are there.
func (s *Story) succeedBoth(one, other ledger.Orgnr) error {
	successor := s.acting()
	if err := s.enter(); err == nil {
		successor = s.orgs[len(s.orgs)-1].Orgnr
	} else if err != errNothing || successor == one || successor == other {
		return err
	}
	return s.succeeds(successor, one, other)
}

func (s *Story) succeeds(successor ledger.Orgnr, predecessors ...ledger.Orgnr) error {
	_, err := s.Succeed(successor, predecessors...)
	if err == nil {
		s.successions++
		s.succeeded = append(s.succeeded, predecessors...)
	}
	return err
}

// renew gives an organisation another key and mostly revokes the one before,
// for any reason that there is.
func (s *Story) renew() error {
	o := s.acting()
	by, keyring, role := pick(s, o, o, s.Authority), s.Reporters, ledger.Report
	if s.percent(15) {
		by, keyring, role = s.Authority, s.Assessors, ledger.Assess
		o = pick(s, s.committee...).Orgnr
	}
	k, before := s.NewKey(), keyring[o]
	if _, err := s.Say(by, &ledger.Enrolment{Organisation: o, Key: enrolled(k, role)}, s.Admins[by]); err != nil {
		return err
	}
	keyring[o] = k
	if before == s.Admins[o] || s.percent(30) {
		return nil
	}
	return s.revoke(by, before)
}

func (s *Story) revoke(by ledger.Orgnr, k *keys.Private) error {
	d := &ledger.Revocation{Key: k.ID(), Reason: pick(s, "lost", "left", "compromised", "rotated")}
	if s.percent(50) {
		d.CompromisedFrom = new(int64(s.chance.IntN(len(s.Entries))))
	}
	_, err := s.Say(by, d, s.Admins[by])
	return err
}

// rekey has the next key sign the log's checkpoints, once.
func (s *Story) rekey() error {
	if s.Rekeyed {
		return errNothing
	}
	key, err := ledger.VerifierKey(s.origin, s.NextLogKey.Public)
	if err != nil {
		return err
	}
	if _, err := s.ByAuthority(&ledger.LedgerAmendment{LogKey: key}); err != nil {
		return err
	}
	s.Rekeyed = true
	return nil
}
