package story

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"spredning/ledger"
)

// innovation is one as it is now.
type innovation struct {
	id   string
	leaf string // of its latest revision
	ledger.Innovation
	into      *innovation // that it was merged into
	withdrawn bool
}

// final is the innovation that this one was finally merged into.
func (i *innovation) final() *innovation {
	for i.into != nil {
		i = i.into
	}
	return i
}

func makers(d *ledger.Innovation) (all []ledger.Orgnr) {
	for _, o := range d.Originators {
		all = append(all, o.Orgnr)
	}
	return all
}

func (s *Story) publish() error {
	d := s.innovation()
	e, err := s.Report(&ledger.Publication{Innovation: d}, d.Originators[0].Orgnr, makers(&d)...)
	if err == nil {
		s.innovations = append(s.innovations, &innovation{id: e.ID.String(), leaf: leaf(e), Innovation: d})
	}
	return err
}

// live draws an innovation that is neither merged nor withdrawn, mostly. There
// must be one of some kind.
func (s *Story) live() *innovation {
	i := pick(s, s.innovations...)
	for tries := 0; tries < 4 && (i.into != nil || i.withdrawn) && s.percent(90); tries++ {
		i = pick(s, s.innovations...)
	}
	return i
}

func (s *Story) innovation() (d ledger.Innovation) {
	d.Title, d.Summary = s.title(), s.text(summaries)
	d.Kind = pick(s, "service", "product", "process", "organisation", "communication")
	d.InUseSince = s.since()
	d.Originators, d.Funding, d.RegionalInitiative = s.originators(), s.funding(), new(s.percent(6))
	s.derive(&d)
	d.Replaces, d.Links, d.Attachments = s.replaces(), s.links(), s.attachments()
	return d
}

// since draws when an innovation was taken into use where it was made. In a
// hasty story that is before any year that is opened.
func (s *Story) since() ledger.Date {
	if s.cfg.Hasty {
		return s.day(s.ago(10), s.ago(5))
	}
	return s.day(s.ago(3), s.today())
}

// originators are one to three with odd shares, mostly of those who make much.
func (s *Story) originators() []ledger.Originator {
	from := s.orgs
	if s.percent(70) {
		from = from[:max(3, len(from)/5)]
	}
	var among []ledger.Orgnr
	for _, o := range some(s, pick(s, 1, 1, 1, 2, 2, 3), from) {
		among = append(among, o.Orgnr)
	}
	return s.shared(among)
}

// shared gives originators shares; where it is cut short, fewer have one.
func (s *Story) shared(among []ledger.Orgnr) (all []ledger.Originator) {
	rest := 1000
	for n, o := range among {
		if n > 0 {
			cut := pick(s, 333, 500, 1, 1+s.chance.IntN(rest))
			cut = min(cut, all[n-1].Share-1)
			if cut < 1 {
				break
			}
			all[n-1].Share -= cut
			rest = cut
		}
		all = append(all, ledger.Originator{Orgnr: o, Share: rest})
	}
	return all
}

// otherwise says anew who has made an innovation: somebody else, or half of the time the
// same with other shares, or who has succeeded them.
func (s *Story) otherwise(made []ledger.Originator) []ledger.Originator {
	var among []ledger.Orgnr
	for _, m := range made {
		o := pick(s, m.Orgnr, s.Heir(m.Orgnr))
		if !slices.Contains(among, o) {
			among = append(among, o)
		}
	}
	if again := s.shared(among); s.percent(50) && !slices.Equal(again, made) {
		return again
	}
	return s.originators()
}

func (s *Story) funding() []ledger.Funding {
	if s.percent(85) {
		return []ledger.Funding{ledger.Own}
	}
	return pick(s, []ledger.Funding{ledger.Own, "eu"}, []ledger.Funding{"rhf", "nfr"}, []ledger.Funding{"other", ledger.Own}, []ledger.Funding{"innovation_norway"})
}

func (s *Story) derive(d *ledger.Innovation) {
	d.DerivedFrom = ""
	if len(s.innovations) > 0 && s.percent(45) {
		d.DerivedFrom = pick(s, s.innovations...).id
	}
}

func (s *Story) replaces() *ledger.Text {
	if s.percent(70) {
		return nil
	}
	return new(s.text(replaced))
}

func (s *Story) links() (all []string) {
	for n := range pick(s, 0, 0, 0, 1, 2) {
		all = append(all, fmt.Sprintf("https://foretak.example/%d/%d", len(s.Entries), n))
	}
	return all
}

// attachments name files by their hash: mostly none, at times one that another
// event has named.
func (s *Story) attachments() []ledger.Attachment {
	switch {
	case s.percent(80):
		return nil
	case len(s.files) > 0 && s.percent(10):
		return []ledger.Attachment{pick(s, s.files...)}
	}
	content := File(len(s.files))
	sum := sha256.Sum256(content)
	s.files = append(s.files, ledger.Attachment{
		SHA256: hex.EncodeToString(sum[:]), MediaType: "text/markdown", Size: int64(len(content)), Title: s.text(files),
	})
	return s.files[len(s.files)-1:]
}

// File gives the content of the nth file, counted from 0, that a story's events
// name by its hash, a short text in Markdown. It is the same in all stories.
func File(n int) []byte {
	return fmt.Appendf(nil, "# Fortelling %d\n\nFri fantasi: ingen har tatt noe i bruk.\n", n)
}

// Files gives the contents of all files that have been drawn; events name most of
// them.
func (s *Story) Files() (all [][]byte) {
	for n := range s.files {
		all = append(all, File(n))
	}
	return all
}

// erase has the bytes of a file erased, now and then one that is erased already or
// that no event has come to name.
func (s *Story) erase() error {
	if len(s.files) == 0 {
		return errNothing
	}
	_, err := s.ByAuthority(&ledger.Erasure{SHA256: pick(s, s.files...).SHA256, Reason: s.text(erasures)})
	return err
}

// revise revises one thing of an innovation, half of the time one that its
// eligibility, or what it is derived from, depends on.
func (s *Story) revise() error {
	if len(s.innovations) == 0 {
		return errNothing
	}
	i := s.live()
	next := i.Innovation
	switch s.chance.IntN(8) {
	case 0:
		next.Originators = s.otherwise(i.Originators)
	case 1:
		next.Title, next.Summary, next.Kind, next.InUseSince = s.title(), s.text(summaries), "service", s.since()
	case 2:
		next.Funding = s.funding()
	case 3:
		next.RegionalInitiative = new(!*next.RegionalInitiative)
	case 4:
		next.Replaces, next.Links, next.Attachments = s.replaces(), s.links(), s.attachments()
	default:
		s.derive(&next)
	}
	before := makers(&i.Innovation)
	signers := slices.Compact(slices.Sorted(slices.Values(slices.Concat(before, makers(&next)))))
	e, err := s.Report(&ledger.Revision{Of: i.id, Innovation: next}, before[0], signers...)
	if err == nil {
		i.leaf, i.Innovation = leaf(e), next
	}
	return err
}

func (s *Story) withdraw() error {
	if len(s.innovations) == 0 {
		return errNothing
	}
	i := s.live()
	by := makers(&i.Innovation)
	_, err := s.Report(&ledger.Withdrawal{Innovation: i.id, Reason: s.text(withdrawals)}, by[0], by...)
	i.withdrawn = i.withdrawn || err == nil
	return err
}

// merge merges two innovations, mostly two that one has adopted or that one has
// made; half of the time the committee does.
func (s *Story) merge() error {
	if len(s.pairs) == 0 {
		return errNothing
	}
	p, q := pick(s, s.pairs...), pick(s, s.pairs...)
	alike := func() bool { return s.Heir(q.adopter) == s.Heir(p.adopter) }
	if s.percent(40) {
		alike = func() bool { return s.Heir(q.Originators[0].Orgnr) == s.Heir(p.Originators[0].Orgnr) }
	}
	for tries := 0; tries < 8 && (!alike() || p.final() == q.final()); tries++ {
		q = pick(s, s.pairs...)
	}
	if p.innovation == q.innovation {
		return errNothing
	}
	err := s.join(p.innovation, q.innovation)
	if err == nil {
		p.into = q.innovation
	}
	return err
}

func (s *Story) join(i, into *innovation) (err error) {
	d := &ledger.Merger{Innovation: i.id, Into: into.id, Reason: s.text(mergers)}
	if s.percent(50) {
		_, err = s.Assess(d, s.sitting()...)
		return err
	}
	by := slices.Concat(makers(&i.Innovation), makers(&into.Innovation))
	_, err = s.Report(d, by[0], by...)
	return err
}

// request asks for an assessment.
func (s *Story) request() error {
	if len(s.innovations) == 0 {
		return errNothing
	}
	_, err := s.Report(&ledger.AssessmentRequest{Innovation: pick(s, s.innovations...).id, Reason: s.text(doubts)}, s.acting())
	return err
}

// assess assesses an innovation, mostly one that somebody has adopted.
func (s *Story) assess() error {
	if len(s.innovations) == 0 {
		return errNothing
	}
	i := pick(s, s.innovations...)
	if len(s.pairs) > 0 && s.percent(80) {
		i = pick(s, s.pairs...).innovation
	}
	d := &ledger.Assessment{Innovation: i.id, Revision: i.leaf, Eligible: new(s.percent(70)), Reason: s.text(assessments)}
	_, err := s.Assess(d, s.sitting()...)
	return err
}
