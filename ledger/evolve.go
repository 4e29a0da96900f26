package ledger

import (
	"encoding/hex"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Evolve gives the state after an entry, which must be the next one and
// admissible. The state is changed in place and returned.
func Evolve(s *State, e *Entry) *State {
	s.ids.set(e.ID, uint32(e.Index))
	e.Data.evolve(s, e)
	s.position = e.Index + 1
	return s
}

// Leaf is the RFC 6962 hash of the entry's bytes.
func (e *Entry) Leaf() tlog.Hash { return tlog.RecordHash(e.Bytes) }

func hexOf(h tlog.Hash) string { return hex.EncodeToString(h[:]) }

func (d *Founding) evolve(s *State, e *Entry) {
	s.origin, s.authority, s.logKey = e.Ledger, d.Authority.Orgnr, d.LogKey
	s.register(d.Authority)
	for _, k := range d.Keys {
		s.enrol(d.Authority.Orgnr, k)
	}
}

func (s *State) register(o Organisation) {
	s.orgs.set(o.Orgnr, &organisation{o.Orgnr, uint32(s.orgs.len())})
}

func (s *State) enrol(o Orgnr, k Key) {
	org, _ := s.orgs.at(o)
	public := k.PublicKey()
	s.keys.set(public.ID(), &key{public: public, org: org, roles: k.Roles})
}

func (d *Registration) evolve(s *State, _ *Entry) { s.register(d.Organisation) }

// evolve has nothing to do: no rule depends on what can be amended.
func (d *Amendment) evolve(*State, *Entry) {}

func (d *Enrolment) evolve(s *State, _ *Entry) { s.enrol(d.Organisation, d.Key) }

func (d *Revocation) evolve(s *State, _ *Entry) {
	k, _ := s.keys.at(d.Key)
	revoked := *k
	revoked.revoked = true
	s.keys.set(d.Key, &revoked)
}

func (d *Publication) evolve(s *State, e *Entry) {
	i := &innovation{number: uint32(s.innovations.len())}
	s.innovations.set(e.ID, i.revise(s, e, &d.Innovation))
}

func (d *Revision) evolve(s *State, e *Entry) {
	i, _ := s.innovation(d.Of)
	s.innovations.set(InnovationID(d.Of), i.revise(s, e, &d.Innovation))
}

// revise gives the innovation as an entry says it is now.
func (i *innovation) revise(s *State, e *Entry, d *Innovation) *innovation {
	next := *i
	next.originators = d.Originators
	next.ever = slices.Clone(i.ever)
	for _, o := range d.Originators {
		if !i.evermadeBy(o.Orgnr) {
			org, _ := s.orgs.at(o.Orgnr)
			next.ever = append(next.ever, org)
		}
	}
	next.revision, next.revised = e.Leaf(), uint32(e.Index)
	next.inUseSince, next.derivedFrom = d.InUseSince, InnovationID(d.DerivedFrom)
	return &next
}

func (d *Withdrawal) evolve(s *State, _ *Entry) {
	i, _ := s.innovation(d.Innovation)
	next := *i
	next.withdrawn = true
	s.innovations.set(InnovationID(d.Innovation), &next)
}

// change replaces what is known of a pair.
func (s *State) change(id string, adopter Orgnr, how func(*pair)) {
	i, _ := s.innovation(id)
	k := s.pairKey(i, adopter)
	p, _ := s.pairs.at(k)
	how(&p)
	s.pairs.set(k, p)
}

func (d *Invitation) evolve(s *State, e *Entry) {
	s.change(d.Innovation, d.Adopter, func(p *pair) { p.invited, p.declined, p.open = uint32(e.Index)+1, 0, true })
}

func (d *Decline) evolve(s *State, e *Entry) {
	s.change(d.Innovation, e.By, func(p *pair) { p.declined, p.open = uint32(e.Index)+1, false })
}

func (d *Confirmation) evolve(s *State, e *Entry) {
	s.change(d.Innovation, e.By, func(p *pair) { p.standing, p.inUseFrom, p.open = confirmed, d.InUseFrom.day(), false })
}

func (d *Ending) evolve(s *State, e *Entry) {
	s.change(d.Innovation, e.By, func(p *pair) { p.standing = ended })
}

func (d *Retraction) evolve(s *State, e *Entry) {
	s.change(d.Innovation, e.By, func(p *pair) { p.standing = retracted })
}

func (d *RulesPublication) evolve(s *State, _ *Entry) { s.rules.set(d.Rules.ID, struct{}{}) }

func (d *YearOpening) evolve(s *State, _ *Entry) {
	if s.firstYear == 0 {
		s.firstYear = d.Year
	}
	s.lastYear = d.Year
}
