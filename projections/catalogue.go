package projections

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"spredning/keys"
	"spredning/ledger"
)

// Innovation is an innovation as it is read: as its originators say it is now,
// with where it has spread.
type Innovation struct {
	ID                 string           `json:"id"`
	Index              int64            `json:"index"`    // of the entry that published it
	Revision           string           `json:"revision"` // leaf of the latest published or revised entry
	Revised            int64            `json:"revised"`  // index of that entry
	Status             string           `json:"status"`   // published or withdrawn
	Title              ledger.Text      `json:"title"`
	Summary            ledger.Text      `json:"summary"`
	Kind               string           `json:"kind"`
	Originators        []Originator     `json:"originators"`
	Funding            []ledger.Funding `json:"funding"`
	RegionalInitiative bool             `json:"regional_initiative"`
	InUseSince         ledger.Date      `json:"in_use_since"`
	Replaces           *ledger.Text     `json:"replaces,omitzero"`
	DerivedFrom        string           `json:"derived_from,omitzero"`
	Branches           []string         `json:"branches"`
	Links              []string         `json:"links"`
	Attachments        []Attachment     `json:"attachments"`
	Withdrawn          *Reason          `json:"withdrawn,omitzero"`
	MergedInto         string           `json:"merged_into,omitzero"` // the final innovation
	Merged             *Reason          `json:"merged,omitzero"`
	Absorbed           []string         `json:"absorbed"`            // ids of those merged into it, directly or not
	Assessment         *Assessment      `json:"assessment,omitzero"` // in force
	Requests           []Request        `json:"requests"`            // for an assessment
	Flags              []string         `json:"flags,omitzero"`      // of the keys that signed Revised, see Fold.Flags
	Spread             Spread           `json:"spread"`
}

// Originator is a hospital that made an innovation.
type Originator struct {
	Orgnr ledger.Orgnr `json:"orgnr"`
	Name  string       `json:"name"`
	Share int          `json:"share"` // permille
}

// Reason is an entry that ended something, and why.
type Reason struct {
	Index  int64       `json:"index"`
	Reason ledger.Text `json:"reason"`
	Flags  []string    `json:"flags,omitzero"`
}

// Assessment is what the committee says of an innovation.
type Assessment struct {
	Index    int64       `json:"index"`
	Eligible bool        `json:"eligible"`
	Reason   ledger.Text `json:"reason"`
	Flags    []string    `json:"flags,omitzero"`
}

// Request asks the committee for an assessment.
type Request struct {
	Index  int64        `json:"index"`
	By     ledger.Orgnr `json:"by"`
	Reason ledger.Text  `json:"reason"`
	Flags  []string     `json:"flags,omitzero"`
}

// Spread counts an innovation's adopters: those who have confirmed, also if the
// use has ended since.
type Spread struct {
	Adopters    int `json:"adopters"`
	SameRegion  int `json:"same_region"`
	OtherRegion int `json:"other_region"`
	InUse       int `json:"in_use"`
}

// Adoption is a pair of an innovation and an adopter with all that has happened
// between them.
type Adoption struct {
	Innovation    string         `json:"innovation"`
	Adopter       ledger.Orgnr   `json:"adopter"`
	Name          string         `json:"name"` // the adopter's
	Status        string         `json:"status"`
	Index         *int64         `json:"index,omitzero"` // its entry: the earliest confirmation not struck
	Reach         string         `json:"reach"`
	Invited       *Invite        `json:"invited,omitzero"`
	Declined      *Reason        `json:"declined,omitzero"`
	Confirmations []Confirmation `json:"confirmations"`
	Ended         *EndedOn       `json:"ended,omitzero"`
	Retracted     *Reason        `json:"retracted,omitzero"`
	Disputes      []Dispute      `json:"disputes"`
	Decisions     []Decided      `json:"decisions"` // the last holds
}

// Dispute is one of an adoption. While it is open the adoption does not count.
type Dispute struct {
	Index  int64        `json:"index"`
	By     ledger.Orgnr `json:"by"`
	Reason ledger.Text  `json:"reason"`
	Status string       `json:"status"` // open, withdrawn or decided
	Flags  []string     `json:"flags,omitzero"`
}

// Decided is a decision of the committee. Upheld: the adoption does not count.
type Decided struct {
	Index  int64       `json:"index"`
	Upheld bool        `json:"upheld"`
	Reason ledger.Text `json:"reason"`
	Flags  []string    `json:"flags,omitzero"`
}

// Invite is an originator's invitation to confirm.
type Invite struct {
	Index int64        `json:"index"`
	By    ledger.Orgnr `json:"by"`
	Note  ledger.Text  `json:"note"`
	Flags []string     `json:"flags,omitzero"`
}

// Confirmation is one confirmation of an adoption, as signed.
type Confirmation struct {
	Index       int64            `json:"index"`
	By          ledger.Orgnr     `json:"by"` // the adopter, or one that it has succeeded
	At          string           `json:"at"` // the signer's clock
	Revision    string           `json:"revision"`
	InUseFrom   ledger.Date      `json:"in_use_from"`
	Extent      string           `json:"extent"`
	Form        string           `json:"form"`
	Funding     []ledger.Funding `json:"funding"`
	Replaces    *ledger.Text     `json:"replaces,omitzero"`
	Links       []string         `json:"links"`
	Attachments []Attachment     `json:"attachments"` // [Fold.Mark] tells which are erased
	SignedBy    []keys.ID        `json:"signed_by"`
	Flags       []string         `json:"flags,omitzero"`
	Struck      bool             `json:"struck"` // by a retraction
}

// EndedOn is the end of an adoption's use.
type EndedOn struct {
	Index   int64       `json:"index"`
	EndedOn ledger.Date `json:"ended_on"`
	Reason  ledger.Text `json:"reason"`
	Flags   []string    `json:"flags,omitzero"`
}

// Organisation is an organisation as it is read.
type Organisation struct {
	ledger.Organisation
	Index        int64         `json:"index"` // of the entry that registered or last amended it
	Authority    bool          `json:"authority"`
	SucceededBy  ledger.Orgnr  `json:"succeeded_by,omitzero"`
	Predecessors []Predecessor `json:"predecessors"` // that it acts for now, directly or not, by orgnr
	Originated   []string      `json:"originated"`
	Adopted      []Adopted     `json:"adopted"`
	Invitations  []Invitation  `json:"invitations"` // those that wait for an answer
	Keys         []keys.ID     `json:"keys"`
}

// Predecessor is an organisation that another has taken the place of. What it
// originated stays its own; what it adopted is among what its successor adopted.
type Predecessor struct {
	Orgnr      ledger.Orgnr `json:"orgnr"`
	Name       string       `json:"name"`
	Originated []string     `json:"originated"`
}

// Adopted is a pair as its adopter's page has it.
type Adopted struct {
	Innovation string `json:"innovation"`
	Status     string `json:"status"`
	Index      *int64 `json:"index,omitzero"`
}

// Invitation is an invitation that waits for an answer.
type Invitation struct {
	Innovation string `json:"innovation"`
	Index      int64  `json:"index"`
}

// Key is an enrolled key.
type Key struct {
	KeyID           keys.ID       `json:"keyid"`
	Scheme          string        `json:"scheme"`
	Public          string        `json:"public"`
	Organisation    ledger.Orgnr  `json:"organisation"`
	Roles           []ledger.Role `json:"roles"`
	Label           string        `json:"label"`
	Enrolled        int64         `json:"enrolled"`
	Revoked         *int64        `json:"revoked,omitzero"`
	Reason          string        `json:"reason,omitzero"`
	CompromisedFrom *int64        `json:"compromised_from,omitzero"`
	ByAuthority     bool          `json:"by_authority"` // for an organisation that had an admin key of its own
}

// RulesItem is a published set of rules.
type RulesItem struct {
	Index int64        `json:"index"`
	At    string       `json:"at"`
	Rules ledger.Rules `json:"rules"`
}

// Year is a reporting year.
type Year struct {
	Year     int         `json:"year"`
	Status   string      `json:"status"` // open or closed
	Opened   int64       `json:"opened"`
	Closed   *int64      `json:"closed,omitzero"`
	ReportBy ledger.Date `json:"report_by,omitzero"`
}

// Query picks innovations. Zero fields pick all.
type Query struct {
	Words      string       // all of which stand in title, summary or an originator's name, in any form
	Originator ledger.Orgnr // is one now
	Adopter    ledger.Orgnr // has confirmed, also if the use has ended
	Region     string       // of an originator
	Kind       string
	Year       int // of in_use_since
	Status     string
}

// Innovations gives up to limit innovations that match, newest first, from the
// one published before an index on (-1: from the newest); more tells whether
// there are others.
func (f *Fold) Innovations(q Query, before int64, limit int) (found []Innovation, more bool) {
	found = []Innovation{}
	terms := f.terms(q.Words)
	for _, i := range slices.Backward(f.innovations) {
		if before >= 0 && i.published >= before || !f.matches(i, q) || !i.has(terms) {
			continue
		}
		if len(found) == limit {
			return found, true
		}
		found = append(found, f.read(i))
	}
	return found, false
}

func (f *Fold) matches(i *innovation, q Query) bool {
	return (q.Kind == "" || i.Kind == q.Kind) &&
		(q.Year == 0 || i.InUseSince.Year() == q.Year) &&
		(q.Status == "" || i.status() == q.Status) &&
		(q.Originator == "" || i.madeBy(f, func(o *organisation) bool { return o.Orgnr == q.Originator })) &&
		(q.Region == "" || i.madeBy(f, func(o *organisation) bool { return o.Region == q.Region })) &&
		(q.Adopter == "" || f.adopted(i, q.Adopter))
}

func (i *innovation) madeBy(f *Fold, is func(*organisation) bool) bool {
	return slices.ContainsFunc(i.makers, func(m int32) bool { return is(f.orgs[m]) })
}

func (f *Fold) adopted(i *innovation, by ledger.Orgnr) bool {
	o, ok := f.orgNumbers[by]
	if !ok {
		return false
	}
	n, ok := f.pairNumbers[pairKey{f.final(i.number), f.heir(o)}]
	return ok && f.pairs[n].adopted()
}

// adopted reports whether the pair is one of use, now or until it ended.
func (p *pair) adopted() bool { return p.status == Confirmed || p.status == Ended }

// Innovation gives one by its id.
func (f *Fold) Innovation(id string) (Innovation, bool) {
	n, ok := f.innNumbers[ledger.InnovationID(id)]
	if !ok {
		return Innovation{}, false
	}
	return f.read(f.innovations[n]), true
}

func (i *innovation) status() string {
	switch {
	case i.into != none:
		return "merged"
	case i.withdrawn != nil:
		return "withdrawn"
	}
	return "published"
}

func (f *Fold) read(i *innovation) Innovation {
	out := Innovation{
		ID: i.id.String(), Index: i.published, Revision: i.revision, Revised: i.revised, Status: i.status(),
		Title: i.Title, Summary: i.Summary, Kind: i.Kind, Funding: i.Funding, RegionalInitiative: *i.RegionalInitiative,
		InUseSince: i.InUseSince, Replaces: i.Replaces, DerivedFrom: i.DerivedFrom,
		Branches: f.ids(i.branches), Links: orEmpty(i.Links), Attachments: f.told(i.Attachments), Spread: f.spread(f.innovations[f.final(i.number)]),
		Absorbed: f.ids(i.merged), Requests: []Request{},
		Flags: f.Flags(i.revised, i.signers),
	}
	for k, m := range i.makers {
		out.Originators = append(out.Originators, Originator{f.orgs[m].Orgnr, f.orgs[m].Name, i.Innovation.Originators[k].Share})
	}
	if w := i.withdrawn; w != nil {
		out.Withdrawn = &Reason{w.index, w.reason, f.Flags(w.index, w.signers)}
	}
	if m := i.merger; m != nil {
		out.Merged, out.MergedInto = &Reason{m.index, m.reason, f.Flags(m.index, m.signers)}, f.innovations[f.final(i.number)].id.String()
	}
	if a := i.assessed; a != nil {
		out.Assessment = f.assessment(a)
	}
	for _, r := range i.requests {
		out.Requests = append(out.Requests, Request{r.index, f.orgs[r.by].Orgnr, r.reason, f.Flags(r.index, r.signers)})
	}
	return out
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (f *Fold) assessment(a *assessment) *Assessment {
	return &Assessment{a.index, a.eligible, a.reason, f.Flags(a.index, a.signers)}
}

func (f *Fold) ids(numbers []int32) []string {
	all := make([]string, len(numbers))
	for k, n := range numbers {
		all[k] = f.innovations[n].id.String()
	}
	return all
}

func (f *Fold) spread(i *innovation) (s Spread) {
	for n := i.firstPair; n != none; n = f.pairs[n].nextOfInnovation {
		p := &f.pairs[n]
		if !p.adopted() {
			continue
		}
		s.Adopters++
		if f.sameRegion(i, p.adopter) {
			s.SameRegion++
		} else {
			s.OtherRegion++
		}
		if p.status == Confirmed {
			s.InUse++
		}
	}
	return s
}

// Pair names the entries of a pair; [Fold.Adoption] tells them.
type Pair struct {
	Adoption
	Entries  []int64          // oldest first
	struck   []int64          // those that a retraction struck
	disputes map[int64]string // their states, by index
}

// Pairs gives an innovation's pairs in the order of their first entries; false:
// there is no such innovation.
func (f *Fold) Pairs(id string) ([]Pair, bool) {
	n, ok := f.innNumbers[ledger.InnovationID(id)]
	if !ok {
		return nil, false
	}
	i := f.innovations[f.final(n)]
	pairs := []Pair{}
	for _, p := range f.pairsOf(i) {
		pairs = append(pairs, f.untold(i, p))
	}
	return pairs, true
}

// untold is a pair whose entries have told nothing yet.
func (f *Fold) untold(i *innovation, p *pair) Pair {
	a := Adoption{
		Innovation: i.id.String(), Adopter: f.orgs[p.adopter].Orgnr, Name: f.orgs[p.adopter].Name,
		Status: p.status.String(), Index: p.index(), Reach: reach(f.sameRegion(i, p.adopter)), Confirmations: []Confirmation{},
		Disputes: []Dispute{}, Decisions: []Decided{},
	}
	return Pair{a, f.history(p), f.struckOf(p), f.disputeStates(p)}
}

func (f *Fold) struckOf(p *pair) (all []int64) {
	for _, index := range f.history(p) {
		if _, struck := f.struck[index]; struck {
			all = append(all, index)
		}
	}
	return all
}

func (f *Fold) disputeStates(p *pair) map[int64]string {
	of := f.disputes[f.pairNumbers[pairKey{p.innovation, p.adopter}]]
	if len(of) == 0 {
		return nil
	}
	states := map[int64]string{}
	for _, d := range of {
		states[d.index] = d.state
	}
	return states
}

func (p *pair) index() *int64 {
	if p.entry == noEntry {
		return nil
	}
	index := int64(p.entry)
	return &index
}

// Tell completes the pair's adoption with what its entries say, in order. How a
// use ended is told only while it is over: of two pairs that a merger made one,
// one may have ended and the other not.
func (p *Pair) Tell(e *ledger.Entry) {
	switch d := e.Data.(type) {
	case *ledger.Invitation:
		p.Invited, p.Declined = &Invite{Index: e.Index, By: e.By, Note: d.Note}, nil
	case *ledger.Decline:
		p.Declined = &Reason{Index: e.Index, Reason: d.Reason}
	case *ledger.Confirmation:
		c := confirmation(e, d)
		c.Struck = slices.Contains(p.struck, e.Index)
		p.Confirmations = append(p.Confirmations, c)
	case *ledger.Ending:
		if p.Status == Ended.String() {
			p.Ended = &EndedOn{Index: e.Index, EndedOn: d.EndedOn, Reason: d.Reason}
		}
	case *ledger.Retraction:
		if p.Status == Retracted.String() {
			p.Retracted = &Reason{Index: e.Index, Reason: d.Reason}
		}
	case *ledger.Dispute:
		p.Disputes = append(p.Disputes, Dispute{Index: e.Index, By: e.By, Reason: d.Reason, Status: p.disputes[e.Index]})
	case *ledger.Decision:
		p.Decisions = append(p.Decisions, Decided{Index: e.Index, Upheld: *d.Upheld, Reason: d.Reason})
	}
}

func confirmation(e *ledger.Entry, d *ledger.Confirmation) Confirmation {
	c := Confirmation{
		Index: e.Index, By: e.By, At: e.At.Format(timeForm), Revision: d.Revision, InUseFrom: d.InUseFrom, Extent: d.Extent, Form: d.Form,
		Funding: d.Funding, Replaces: d.Replaces, Links: orEmpty(d.Links), Attachments: make([]Attachment, len(d.Attachments)),
	}
	for k, file := range d.Attachments {
		c.Attachments[k].Attachment = file
	}
	c.SignedBy = signers(e)
	return c
}

func signers(e *ledger.Entry) []keys.ID {
	ids := make([]keys.ID, len(e.Envelope.Signatures))
	for i, s := range e.Envelope.Signatures {
		ids[i] = s.KeyID
	}
	return ids
}

// Flags tells what a reader should know of the keys that signed an entry:
// authority_key (the authority enrolled it for an organisation that had an admin
// of its own) and compromised_key (it may have been in wrong hands).
func (f *Fold) Flags(index int64, signers []keys.ID) (flags []string) {
	for _, id := range signers {
		k := f.keys[id]
		if k == nil {
			continue
		}
		if k.byAuthority && !slices.Contains(flags, "authority_key") {
			flags = append(flags, "authority_key")
		}
		if k.compromised != nil && index >= *k.compromised && !slices.Contains(flags, "compromised_key") {
			flags = append(flags, "compromised_key")
		}
	}
	return flags
}

// Signed are the keys that signed entries, by index: who reads entries from the log
// keeps them, to have flagged what they say.
type Signed map[int64][]keys.ID

// Note keeps an entry's.
func (s Signed) Note(e *ledger.Entry) { s[e.Index] = signers(e) }

// FlagAdoption flags all that the entries of a pair say, and marks erased attachments.
func (f *Fold) FlagAdoption(a *Adoption, signed Signed) {
	flag := func(index int64, flags *[]string) { *flags = f.Flags(index, signed[index]) }
	for k := range a.Confirmations {
		c := &a.Confirmations[k]
		flag(c.Index, &c.Flags)
		f.Mark(c.Attachments)
	}
	for k := range a.Disputes {
		flag(a.Disputes[k].Index, &a.Disputes[k].Flags)
	}
	for k := range a.Decisions {
		flag(a.Decisions[k].Index, &a.Decisions[k].Flags)
	}
	for _, r := range []*Reason{a.Declined, a.Retracted} {
		if r != nil {
			flag(r.Index, &r.Flags)
		}
	}
	if a.Invited != nil {
		flag(a.Invited.Index, &a.Invited.Flags)
	}
	if a.Ended != nil {
		flag(a.Ended.Index, &a.Ended.Flags)
	}
}

// Orgnrs gives the numbers of all organisations, ascending.
func (f *Fold) Orgnrs() []ledger.Orgnr { return slices.Sorted(maps.Keys(f.orgNumbers)) }

// Organisations gives all organisations, by orgnr.
func (f *Fold) Organisations() []Organisation {
	all := make([]Organisation, 0, len(f.orgs))
	for _, o := range f.Orgnrs() {
		all = append(all, f.organisation(f.org(o)))
	}
	return all
}

// Registered gives what is registered of an organisation, without what it has made
// and adopted.
func (f *Fold) Registered(o ledger.Orgnr) (ledger.Organisation, bool) {
	n, ok := f.orgNumbers[o]
	if !ok {
		return ledger.Organisation{}, false
	}
	return f.orgs[n].Organisation, true
}

// Registry gives what is registered of all organisations, by their numbers.
func (f *Fold) Registry() map[ledger.Orgnr]ledger.Organisation {
	all := make(map[ledger.Orgnr]ledger.Organisation, len(f.orgs))
	for _, o := range f.orgs {
		all[o.Orgnr] = o.Organisation
	}
	return all
}

// Acting gives what is registered of the organisations that no other has taken the place
// of, by their names.
func (f *Fold) Acting() []ledger.Organisation {
	all := make([]ledger.Organisation, 0, len(f.orgs))
	for _, o := range f.orgs {
		if o.successor == none {
			all = append(all, o.Organisation)
		}
	}
	slices.SortFunc(all, func(a, b ledger.Organisation) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// KeysOf gives an organisation's keys in the order of their enrolment, those of a scheme
// or ("") all.
func (f *Fold) KeysOf(o ledger.Orgnr, scheme string) (all []Key) {
	if n, ok := f.orgNumbers[o]; ok {
		for _, id := range f.orgs[n].keys {
			if scheme == "" || f.keys[id].Scheme == scheme {
				k, _ := f.Key(id)
				all = append(all, k)
			}
		}
	}
	return all
}

// Organisation gives one by its number.
func (f *Fold) Organisation(o ledger.Orgnr) (Organisation, bool) {
	n, ok := f.orgNumbers[o]
	if !ok {
		return Organisation{}, false
	}
	return f.organisation(f.orgs[n]), true
}

func (f *Fold) organisation(o *organisation) Organisation {
	out := Organisation{
		Organisation: o.Organisation, Index: o.index, Authority: o.Orgnr == f.Authority(),
		Originated: f.originated(o), Predecessors: f.predecessors(o), Adopted: []Adopted{}, Invitations: []Invitation{}, Keys: orEmpty(slices.Clone(o.keys)),
	}
	if o.successor != none {
		out.SucceededBy = f.orgs[o.successor].Orgnr
	}
	for _, p := range f.pairsBy(o) {
		id := f.innovations[p.innovation].id.String()
		if p.invited != noEntry {
			out.Invitations = append(out.Invitations, Invitation{id, int64(p.invited)})
		}
		out.Adopted = append(out.Adopted, Adopted{id, p.status.String(), p.index()})
	}
	return out
}

// originated gives the innovations that an organisation is an originator of now.
func (f *Fold) originated(o *organisation) []string {
	ids := []string{}
	for _, n := range o.made {
		if i := f.innovations[n]; slices.Contains(i.makers, f.orgNumbers[o.Orgnr]) {
			ids = append(ids, i.id.String())
		}
	}
	return ids
}

// predecessors gives all whose place an organisation has taken, directly or not.
func (f *Fold) predecessors(o *organisation) []Predecessor {
	all := []Predecessor{}
	for waiting := slices.Clone(o.succeeded); len(waiting) > 0; waiting = waiting[1:] {
		p := f.orgs[waiting[0]]
		all = append(all, Predecessor{p.Orgnr, p.Name, f.originated(p)})
		waiting = append(waiting, p.succeeded...)
	}
	slices.SortFunc(all, func(a, b Predecessor) int { return strings.Compare(string(a.Orgnr), string(b.Orgnr)) })
	return all
}

// Keys gives all keys in the order of their enrolment.
func (f *Fold) Keys() []Key {
	all := make([]Key, 0, len(f.keys))
	for id := range f.keys {
		k, _ := f.Key(id)
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b Key) int {
		if a.Enrolled != b.Enrolled {
			return int(a.Enrolled - b.Enrolled)
		}
		return strings.Compare(string(a.KeyID), string(b.KeyID))
	})
	return all
}

// Key gives one by its id.
func (f *Fold) Key(id keys.ID) (Key, bool) {
	k, ok := f.keys[id]
	if !ok {
		return Key{}, false
	}
	out := Key{
		KeyID: id, Scheme: k.Scheme, Public: base64.StdEncoding.EncodeToString(k.PublicKey().Bytes), Organisation: f.orgs[k.org].Orgnr,
		Roles: k.Roles, Label: k.Label, Enrolled: k.index, Reason: k.reason, CompromisedFrom: k.compromised, ByAuthority: k.byAuthority,
	}
	if k.revoked >= 0 {
		out.Revoked = &k.revoked
	}
	return out, true
}

// PublishedRules gives all rules in the order of their publishing.
func (f *Fold) PublishedRules() []RulesItem {
	all := make([]RulesItem, len(f.rules))
	for k, r := range f.rules {
		all[k] = RulesItem{r.index, r.at, r.Rules}
	}
	return all
}

// ReportingYears gives the opened years in order.
func (f *Fold) ReportingYears() []Year {
	all := make([]Year, len(f.years))
	for k, y := range f.years {
		all[k] = Year{Year: y.year, Status: "open", Opened: y.opened, ReportBy: y.reportBy}
		if y.closed >= 0 {
			closed := y.closed
			all[k].Status, all[k].Closed = "closed", &closed
		}
	}
	return all
}
