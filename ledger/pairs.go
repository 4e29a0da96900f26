package ledger

import (
	"iter"
	"slices"
)

// heir is the organisation that acts in an organisation's place now: its final
// successor, or itself.
func (s *State) heir(o Orgnr) Orgnr {
	for {
		org, ok := s.orgs.at(o)
		if !ok || org.successor == "" {
			return o
		}
		o = org.successor
	}
}

// heirs maps organisations to those that act for them now, each once.
func (s *State) heirs(os []Orgnr) (all []Orgnr) {
	for _, o := range os {
		if o = s.heir(o); !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	return all
}

// final is the innovation that one was finally merged into, or itself.
func (s *State) final(i *innovation) *innovation {
	for !i.mergedInto.IsZero() {
		i, _ = s.innovations.at(i.mergedInto)
	}
	return i
}

// concerned are an innovation's final one and all merged into that.
func (s *State) concerned(i *innovation) []*innovation {
	i = s.final(i)
	all := []*innovation{i}
	for _, id := range i.merged {
		m, _ := s.innovations.at(id)
		all = append(all, m)
	}
	return all
}

// makers are an innovation's originators, by who acts for them now.
func (s *State) makers(i *innovation) []Orgnr { return s.heirs(orgnrs(i.originators)) }

// isOwn reports whether an organisation, a predecessor or a successor is or ever
// was an originator of an innovation or of one merged with it.
func (s *State) isOwn(i *innovation, o Orgnr) bool {
	o = s.heir(o)
	return slices.ContainsFunc(s.final(i).ever, func(x Orgnr) bool { return s.heir(x) == o })
}

// members gives the keys of all pairs that are one pair now, the final one's
// first. There are none for an adopter who is not registered.
func (s *State) members(i *innovation, adopter Orgnr) iter.Seq[pairKey] {
	return func(yield func(pairKey) bool) {
		org, _ := s.orgs.at(s.heir(adopter))
		i = s.final(i)
		for at := -1; at < len(i.merged); at++ {
			m := i
			if at >= 0 {
				m, _ = s.innovations.at(i.merged[at])
			}
			for _, o := range org.members {
				if !yield(pairKey{m.number, o}) {
					return
				}
			}
		}
	}
}

// pair reads what has happened between an innovation and an adopter so far,
// after mergers of either.
func (s *State) pair(i *innovation, adopter Orgnr) (p pair) {
	for k := range s.members(i, adopter) {
		if m, ok := s.pairs.at(k); ok {
			p = p.and(m)
		}
	}
	return p
}

// and reads two members of a pair as one.
func (p pair) and(m pair) pair {
	p.invited, p.declined = max(p.invited, m.invited), max(p.declined, m.declined)
	p.open = p.open || m.open
	p.disputes += m.disputes
	if m.decided > p.decided {
		p.decided, p.upheld = m.decided, m.upheld
	}
	switch {
	case m.standing.rank() > p.standing.rank():
		p.standing, p.inUseFrom = m.standing, m.inUseFrom
	case m.standing == p.standing:
		p.inUseFrom = max(p.inUseFrom, m.inUseFrom) // both are ended as one
	}
	return p
}

// rank orders standings: what is confirmed by one member is confirmed.
func (s standing) rank() int {
	return [...]int{unconfirmed: 0, retracted: 1, ended: 2, confirmed: 3}[s]
}

// eachMember changes all members of a pair that there are.
func (s *State) eachMember(i *innovation, adopter Orgnr, how func(*pair)) {
	for k := range s.members(i, adopter) {
		if m, ok := s.pairs.at(k); ok {
			how(&m)
			s.pairs.set(k, m)
		}
	}
}

// put changes the member of a pair that new things are noted in.
func (s *State) put(i *innovation, adopter Orgnr, how func(*pair)) pairKey {
	org, _ := s.orgs.at(s.heir(adopter))
	k := pairKey{s.final(i).number, org.members[0]}
	m, _ := s.pairs.at(k)
	how(&m)
	s.pairs.set(k, m)
	return k
}

// disputesOf finds an organisation's disputes of a pair, always in the same order.
func (s *State) disputesOf(i *innovation, adopter, disputer Orgnr) (found []disputeKey) {
	org, _ := s.orgs.at(s.heir(disputer))
	for member := range s.members(i, adopter) {
		for _, o := range org.members {
			k := disputeKey{member, o}
			if _, ok := s.disputes.at(k); ok {
				found = append(found, k)
			}
		}
	}
	return found
}

// isOpen reports whether a dispute waits for a decision.
func (s *State) isOpen(k disputeKey) bool {
	d, _ := s.disputes.at(k)
	m, _ := s.pairs.at(k.pair)
	return !d.withdrawn && d.index >= m.decided
}
