package story

import (
	"slices"
	"strings"

	"spredning/ledger"
)

// pair is an innovation and an adopter, as an event names them.
type pair struct {
	*innovation
	adopter ledger.Orgnr
}

// dispute is one of a pair.
type dispute struct {
	pair
	by ledger.Orgnr
}

func (s *Story) invite() error {
	if len(s.innovations) == 0 {
		return errNothing
	}
	p := pair{s.live(), s.acting()}
	if len(s.pairs) > 0 && s.percent(40) {
		p = pick(s, s.pairs...)
	}
	by := pick(s, p.Originators...).Orgnr
	_, err := s.Report(&ledger.Invitation{Innovation: p.id, Adopter: p.adopter, Note: s.text(invitations)}, by)
	if err == nil {
		s.invited = append(s.invited, p)
	}
	return err
}

func (s *Story) decline() error {
	if len(s.invited) == 0 {
		return errNothing
	}
	p := pick(s, s.invited...)
	_, err := s.Report(&ledger.Decline{Innovation: p.id, Reason: s.text(declines)}, p.adopter)
	return err
}

func (s *Story) confirm() error {
	if len(s.innovations) == 0 {
		return errNothing
	}
	p := s.adoption()
	for tries := 0; tries < 3 && s.standing[p]; tries++ {
		p = s.adoption()
	}
	d := &ledger.Confirmation{
		Innovation: p.id, Revision: p.leaf, InUseFrom: s.use(p.innovation),
		Extent: pick(s, "unit", "hospital", "trust"), Form: pick(s, "as_is", "adapted"), Funding: s.funding(),
	}
	if s.percent(20) {
		d.Replaces, d.Links, d.Attachments = s.replaces(), s.links(), s.attachments()
	}
	if s.percent(3) {
		d.Revision = strings.Repeat("0", 64)
	}
	_, err := s.Report(d, p.adopter)
	if err == nil {
		if _, before := s.standing[p]; !before {
			s.pairs = append(s.pairs, p)
		}
		s.standing[p] = true
	}
	return err
}

// use draws a day, mostly of a year that is open; seldom one before there was
// anything to use.
func (s *Story) use(i *innovation) ledger.Date {
	from, to := s.ago(6), s.today()
	if open := max(s.closed+1, s.firstYear); open > 0 && s.lastYear >= open && s.percent(55) {
		from, to = newYear(open), min(to, newYear(s.lastYear+1))
	}
	if from < i.InUseSince && s.percent(97) {
		from = i.InUseSince
	}
	return s.day(from, to)
}

// adoption draws an innovation and one who might adopt it: at times again, at
// times one that others have adopted, or that they were invited to.
func (s *Story) adoption() pair {
	switch {
	case len(s.invited) > 0 && s.percent(4):
		return pick(s, s.invited...)
	case len(s.pairs) > 0 && s.percent(40):
		p := pick(s, s.pairs...)
		if s.percent(40) {
			return pair{p.final(), s.Heir(p.adopter)}
		}
		return pair{p.final(), s.acting()}
	}
	i, o := s.live(), s.acting()
	if slices.Contains(makers(&i.Innovation), o) && s.percent(90) {
		o = s.acting()
	}
	return pair{i, o}
}

func (s *Story) end() error {
	if len(s.pairs) == 0 {
		return errNothing
	}
	p := pick(s, s.pairs...)
	_, err := s.Report(&ledger.Ending{Innovation: p.id, EndedOn: s.day(s.ago(1), s.today()), Reason: s.text(endings)}, p.adopter)
	if err == nil {
		s.standing[p] = false
	}
	return err
}

func (s *Story) retract() error {
	if len(s.pairs) == 0 {
		return errNothing
	}
	p := pick(s, s.pairs...)
	_, err := s.Report(&ledger.Retraction{Innovation: p.id, Reason: s.text(retractions)}, p.adopter)
	if err == nil {
		s.standing[p] = false
	}
	return err
}

// dispute lets somebody dispute an adoption.
func (s *Story) dispute() error {
	if len(s.pairs) == 0 {
		return errNothing
	}
	x := dispute{pick(s, s.pairs...), s.acting()}
	switch {
	case s.percent(5):
		x.adopter = s.acting()
	case len(s.disputes) > 0 && s.percent(15):
		x.pair = pick(s, s.disputes...).pair
	}
	_, err := s.Report(&ledger.Dispute{Innovation: x.id, Adopter: x.adopter, Reason: s.text(disputes)}, x.by)
	if err == nil {
		s.disputes = append(s.disputes, x)
	}
	return err
}

func (s *Story) withdrawDispute() error {
	if len(s.disputes) == 0 {
		return errNothing
	}
	x := pick(s, s.disputes...)
	_, err := s.Report(&ledger.DisputeWithdrawal{Innovation: x.id, Adopter: x.adopter}, x.by)
	return err
}

func (s *Story) decide() error {
	if len(s.disputes) == 0 {
		return errNothing
	}
	p := pick(s, s.disputes...).pair
	d := &ledger.Decision{Innovation: p.id, Adopter: p.adopter, Upheld: new(s.percent(40)), Reason: s.text(decisions)}
	_, err := s.Assess(d, s.sitting()...)
	return err
}
