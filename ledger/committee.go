package ledger

import "slices"

// assessors checks an event that the committee signs (the report 7.2): two or
// more keys of the role assess, one per organisation, by among them, of
// organisations in at least two health regions, none of them a party.
func (s *State) assessors(e *Signed, parties []Orgnr) error {
	signers, err := s.signers(e)
	if err != nil {
		return err
	}
	for i, k := range signers {
		if !slices.Contains(k.roles, Assess) {
			return refuse(NotAuthorised, "key %s of %s does not have the role %s", e.Envelope.Signatures[i].KeyID, k.org, Assess)
		}
		if slices.Contains(parties, k.org) {
			return refuse(NotAuthorised, "%s is a party and cannot assess this", k.org)
		}
	}
	if !signedBy(signers, e.By) {
		return refuse(NotAuthorised, "no key of %s, the acting organisation, has signed", e.By).at("/by")
	}
	if !s.twoRegions(signers) {
		if err := e.lacks(nil, "assessors of organisations in at least two health regions must sign"); err != nil {
			return err
		}
	}
	for i, k := range signers {
		if signedBy(signers[:i], k.org) {
			return refuse(UnneededSignature, "%s has signed twice; leave the signature of key %s out", k.org, e.Envelope.Signatures[i].KeyID)
		}
	}
	return nil
}

func (s *State) twoRegions(signers []*key) bool {
	var regions []string
	for _, k := range signers {
		if org, _ := s.orgs.at(k.org); org.region != "" && !slices.Contains(regions, org.region) {
			regions = append(regions, org.region)
		}
	}
	return len(regions) >= 2
}

// parties are the originators of innovations and of all merged with them, and
// whoever else is named, by who acts for them now: so predecessors and
// successors are parties, too.
func (s *State) parties(is []*innovation, others ...Orgnr) []Orgnr {
	all := others
	for _, i := range is {
		for _, m := range s.concerned(i) {
			all = append(all, orgnrs(m.originators)...)
		}
	}
	return s.heirs(all)
}

// disputers are all who have ever disputed a pair.
func (s *State) disputers(i *innovation, adopter Orgnr) (all []Orgnr) {
	for k := range s.members(i, adopter) {
		for orgnr, org := range s.orgs.m {
			if _, ok := s.disputes.at(disputeKey{k, org.number}); ok {
				all = append(all, orgnr)
			}
		}
	}
	return all
}

func (d *Merger) decide(s *State, e *Signed) error {
	i, unknown := s.innovation(d.Innovation)
	into, ok := s.innovations.at(InnovationID(d.Into))
	if unknown == nil && !ok {
		unknown = refuse(UnknownInnovation, "no innovation has the id %s", d.Into).at("/data/into")
	}
	if unknown != nil {
		return s.mergesUnknown(e, unknown, i, into)
	}
	byMakers := slices.Contains(union(s.makers(i), s.makers(into)), e.By)
	if byMakers {
		if err := s.authorise(e, Report, true, union(s.makers(i), s.makers(into))...); err != nil {
			return err
		}
	} else if err := s.assessors(e, s.parties([]*innovation{i, into})); err != nil {
		return err
	}
	switch {
	case !i.mergedInto.IsZero():
		return refuse(WrongState, "the innovation is merged into %s already", i.mergedInto).at("/data/innovation")
	case s.final(into) == i:
		return refuse(WrongState, "%s is merged into this one already", d.Into).at("/data/into")
	case byMakers && (i.withdrawn || s.final(into).withdrawn):
		return refuse(WrongState, "one of the two is withdrawn; only the committee merges those")
	case s.derivedInCircle(i, into):
		return refuse(WrongState, "one is derived from the other through a third; merged they would be derived from themselves")
	}
	return nil
}

// mergesUnknown checks a merger of innovations that are not all known. Whoever
// signs it may be an originator of an unknown one, or of the committee.
func (s *State) mergesUnknown(e *Signed, unknown error, i, into *innovation) error {
	known := slices.DeleteFunc([]*innovation{i, into}, func(x *innovation) bool { return x == nil })
	err := s.authorise(e, Report, true, union(s.signersFor(e, i), s.signersFor(e, into))...)
	if err != nil && s.assessors(e, s.parties(known)) != nil {
		return err
	}
	return unknown
}

// derivedInCircle reports whether an innovation would be derived from itself
// after a merger. Only the final one's line counts from then on.
func (s *State) derivedInCircle(i, into *innovation) bool {
	into = s.final(into)
	if into.derivedFrom.IsZero() {
		return false
	}
	parent, _ := s.innovations.at(into.derivedFrom)
	return s.leadsTo(parent, into, i)
}

func (d *AssessmentRequest) decide(s *State, e *Signed) error {
	if err := s.authorise(e, Report, true, e.By); err != nil {
		return err
	}
	_, unknown := s.innovation(d.Innovation)
	return unknown
}

func (d *Assessment) decide(s *State, e *Signed) error {
	i, unknown := s.innovation(d.Innovation)
	var parties []Orgnr
	if unknown == nil {
		parties = s.parties([]*innovation{i})
	}
	if err := s.assessors(e, parties); err != nil {
		return err
	}
	if unknown != nil {
		return unknown
	}
	if d.Revision != hexOf(i.revision) {
		return refuse(StaleRevision, "the innovation's latest revision is %s; read it and sign again", hexOf(i.revision)).at("/data/revision")
	}
	return nil
}

// adoption finds the pair that an event of others names, and its innovation if
// that is known.
func (s *State) adoption(id string, adopter Orgnr) (*innovation, pair, error) {
	i, unknown := s.innovation(id)
	if err := s.registered(adopter, "/data/adopter"); err != nil {
		return i, pair{}, err
	}
	if unknown != nil {
		return nil, pair{}, unknown
	}
	p := s.pair(i, adopter)
	if p.standing == unconfirmed {
		return i, p, refuse(UnknownAdoption, "%s has not confirmed this innovation", adopter).at("/data/adopter")
	}
	return i, p, nil
}

func (d *Dispute) decide(s *State, e *Signed) error {
	if err := s.authorise(e, Report, true, e.By); err != nil {
		return err
	}
	i, p, err := s.adoption(d.Innovation, d.Adopter)
	switch {
	case err != nil:
		return err
	case len(s.disputesOf(i, d.Adopter, e.By)) > 0:
		return refuse(AlreadyExists, "%s has disputed this adoption once", e.By)
	case p.standing == retracted:
		return refuse(WrongState, "the adoption is retracted already")
	}
	return nil
}

func (d *DisputeWithdrawal) decide(s *State, e *Signed) error {
	if err := s.authorise(e, Report, true, e.By); err != nil {
		return err
	}
	i, _, err := s.adoption(d.Innovation, d.Adopter)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(s.disputesOf(i, d.Adopter, e.By), s.isOpen) {
		return refuse(WrongState, "%s has no open dispute of this adoption", e.By)
	}
	return nil
}

func (d *Decision) decide(s *State, e *Signed) error {
	i, p, err := s.adoption(d.Innovation, d.Adopter)
	var parties []Orgnr
	if i != nil {
		parties = s.parties([]*innovation{i}, append(s.disputers(i, d.Adopter), d.Adopter)...)
	}
	if err := s.assessors(e, parties); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	if p.disputes == 0 && p.decided == 0 {
		return refuse(WrongState, "nobody disputes this adoption")
	}
	return nil
}
