package ledger

import (
	"encoding/hex"
	"slices"

	"github.com/oklog/ulid/v2"
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
	s.origin, s.authority, s.logKeys = e.Ledger, d.Authority.Orgnr, LogKeys{{d.LogKey, 1}}
	s.register(d.Authority)
	for _, k := range d.Keys {
		s.enrol(d.Authority.Orgnr, k)
	}
}

func (d *LedgerAmendment) evolve(s *State, e *Entry) { s.logKeys = s.logKeys.and(d.LogKey, e.Index+1) }

func (s *State) register(o Organisation) {
	number := uint32(s.orgs.len())
	s.orgs.set(o.Orgnr, organisation{number: number, region: o.Region, members: []uint32{number}})
}

func (s *State) enrol(o Orgnr, k Key) {
	public := k.PublicKey()
	s.keys.set(public.ID(), &key{public: public, org: o, roles: k.Roles})
}

func (d *Registration) evolve(s *State, _ *Entry) { s.register(d.Organisation) }

func (d *Amendment) evolve(s *State, _ *Entry) {
	org, _ := s.orgs.at(d.Orgnr)
	org.region = d.Region
	s.orgs.set(d.Orgnr, org)
}

// evolve keeps with the successor the numbers of all that it has succeeded,
// directly or not, for what they did is its own.
func (d *Succession) evolve(s *State, _ *Entry) {
	for _, o := range d.Predecessors {
		org, _ := s.orgs.at(o)
		org.successor = d.Successor
		s.orgs.set(o, org)
		heir := s.heir(d.Successor)
		to, _ := s.orgs.at(heir)
		to.members = append(slices.Clone(to.members), org.members...)
		s.orgs.set(heir, to)
	}
	s.authority = s.heir(s.authority)
}

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
	s.name(d.Attachments)
}

func (d *Revision) evolve(s *State, e *Entry) {
	i, _ := s.innovation(d.Of)
	s.innovations.set(InnovationID(d.Of), i.revise(s, e, &d.Innovation))
	s.name(d.Attachments)
}

// name keeps the hashes of attachments. One that is erased stays so.
func (s *State) name(as []Attachment) {
	for _, a := range as {
		if _, named := s.attachments.at(hashOf(a.SHA256)); !named {
			s.attachments.set(hashOf(a.SHA256), false)
		}
	}
}

// hashOf gives the bytes of a hash, which has been checked.
func hashOf(digits string) (h tlog.Hash) {
	_, _ = hex.Decode(h[:], []byte(digits))
	return h
}

// revise gives the innovation as an entry says it is now.
func (i *innovation) revise(s *State, e *Entry, d *Innovation) *innovation {
	next := *i
	next.originators = d.Originators
	next.ever = slices.Clone(i.ever)
	for _, o := range d.Originators {
		if !slices.Contains(i.ever, o.Orgnr) {
			next.ever = append(next.ever, o.Orgnr)
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

// evolve keeps with the final innovation all that were merged into it. Its
// originators were theirs, too.
func (d *Merger) evolve(s *State, _ *Entry) {
	i, _ := s.innovation(d.Innovation)
	next := *i
	next.mergedInto = InnovationID(d.Into)
	s.innovations.set(InnovationID(d.Innovation), &next)
	into, final := s.finalOf(InnovationID(d.Into))
	grown := *final
	grown.merged = append(append(slices.Clone(final.merged), InnovationID(d.Innovation)), i.merged...)
	grown.ever = union(final.ever, i.ever)
	s.innovations.set(into, &grown)
}

// finalOf follows mergers to the final innovation and its id.
func (s *State) finalOf(id ulid.ULID) (ulid.ULID, *innovation) {
	i, _ := s.innovations.at(id)
	for !i.mergedInto.IsZero() {
		id = i.mergedInto
		i, _ = s.innovations.at(id)
	}
	return id, i
}

// evolve has nothing to do: a request changes nothing that a rule asks for.
func (d *AssessmentRequest) evolve(*State, *Entry) {}

// evolve has nothing to do: assessments are asked for by the points alone.
func (d *Assessment) evolve(*State, *Entry) {}

func (d *Invitation) evolve(s *State, e *Entry) {
	i, _ := s.innovation(d.Innovation)
	s.put(i, d.Adopter, func(p *pair) { p.invited, p.open = uint32(e.Index)+1, true })
}

func (d *Decline) evolve(s *State, e *Entry) {
	i, _ := s.innovation(d.Innovation)
	s.eachMember(i, e.By, func(p *pair) {
		if p.open {
			p.declined, p.open = uint32(e.Index)+1, false
		}
	})
}

func (d *Confirmation) evolve(s *State, e *Entry) {
	i, _ := s.innovation(d.Innovation)
	s.eachMember(i, e.By, func(p *pair) { p.open = false })
	s.put(i, e.By, func(p *pair) { p.standing, p.inUseFrom = confirmed, d.InUseFrom.day() })
	s.name(d.Attachments)
}

func (d *Ending) evolve(s *State, e *Entry) {
	i, _ := s.innovation(d.Innovation)
	s.eachMember(i, e.By, func(p *pair) {
		if p.standing == confirmed {
			p.standing = ended
		}
	})
}

func (d *Retraction) evolve(s *State, e *Entry) {
	i, _ := s.innovation(d.Innovation)
	s.eachMember(i, e.By, func(p *pair) {
		if p.standing != unconfirmed {
			p.standing = retracted
		}
	})
}

func (d *Dispute) evolve(s *State, e *Entry) {
	i, _ := s.innovation(d.Innovation)
	k := s.put(i, d.Adopter, func(p *pair) { p.disputes++ })
	by, _ := s.orgs.at(e.By)
	s.disputes.set(disputeKey{k, by.number}, dispute{index: uint32(e.Index)})
}

func (d *DisputeWithdrawal) evolve(s *State, e *Entry) {
	i, _ := s.innovation(d.Innovation)
	for _, k := range s.disputesOf(i, d.Adopter, e.By) {
		if !s.isOpen(k) {
			continue
		}
		x, _ := s.disputes.at(k)
		x.withdrawn = true
		s.disputes.set(k, x)
		m, _ := s.pairs.at(k.pair)
		m.disputes--
		s.pairs.set(k.pair, m)
	}
}

func (d *Decision) evolve(s *State, e *Entry) {
	i, _ := s.innovation(d.Innovation)
	s.put(i, d.Adopter, func(*pair) {})
	s.eachMember(i, d.Adopter, func(p *pair) { p.disputes, p.decided, p.upheld = 0, uint32(e.Index)+1, *d.Upheld })
}

func (d *Erasure) evolve(s *State, _ *Entry) { s.attachments.set(hashOf(d.SHA256), true) }

func (d *RulesPublication) evolve(s *State, _ *Entry) { s.rules.set(d.Rules.ID, struct{}{}) }

func (d *YearOpening) evolve(s *State, _ *Entry) {
	if s.firstYear == 0 {
		s.firstYear = d.Year
	}
	s.lastYear = d.Year
}

func (d *YearClosing) evolve(s *State, _ *Entry) { s.closed = d.Year }
