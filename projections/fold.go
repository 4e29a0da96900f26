package projections

import (
	"encoding/hex"
	"time"

	"github.com/oklog/ulid/v2"

	"spredning/keys"
	"spredning/ledger"
)

// Fold is everything that is read, after Position entries. It holds numbers in
// place of pointers where there is one of something for each entry, so that a
// million entries fit in little memory; texts of confirmations stay in the log.
type Fold struct {
	Position int64

	Founded     *ledger.Entry // entry 0; nil before
	Illustrated bool          // a demo: nobody has confirmed anything
	LogKeys     ledger.LogKeys

	orgs        []*organisation
	orgNumbers  map[ledger.Orgnr]int32
	innovations []*innovation
	innNumbers  map[ulid.ULID]int32
	pairs       []pair
	pairNumbers map[pairKey]int32
	entries     []entryOf            // by index
	confirmed   []confirmed          // all confirmations, in order
	days        []int32              // by index: the latest day, since 1970, of its time and all before it
	disputes    map[int32][]dispute  // by pair, in order
	decisions   map[int32][]decision // by pair, in order
	struck      map[int64]int64      // entries of pairs, each with the first retraction that came after it or is it
	keys        map[keys.ID]*enrolled
	rules       []publishedRules
	years       []year       // in order, without gaps; the closed ones first
	concordance *concordance `snapshot:"-"` // of the innovations' texts
	attachments map[hash]attachment
	otherwise   map[hash][]as      // what later entries say of a file, if it is not the same
	erased      []hash             // in order
	stories     map[int32][]uint32 // confirmations with stories, by innovation

	slots                int    // given out; see innovation
	pairJoins, slotJoins []join // in order
	scored               tally  // in the closed years

	readings *kept     `snapshot:"-"` // of now
	surveyed *surveyed `snapshot:"-"`
}

// organisation is one registered organisation, as it is now.
type organisation struct {
	ledger.Organisation
	index     int64 // of the entry that registered or last amended it
	made      []int32
	firstPair int32 // of those as adopter, the latest; chained by nextOfAdopter
	keys      []keys.ID
	successor int32   // the organisation that acts in its place; none
	succeeded []int32 // those whose place it has taken, directly
}

// innovation is one innovation, as it is now.
type innovation struct {
	id ulid.ULID
	*ledger.Innovation
	number    int32
	published int64 // index
	revised   int64 // index of the latest published or revised entry
	revision  string
	makers    []int32 // its originators' numbers, in their order
	ever      []int32 // those that are or were originators
	slots     []int32 // of those, each the same as that of another that has become one with it
	parent    int32   // derived from; none
	branches  []int32
	withdrawn *reason
	into      int32   // merged into; none
	merger    *reason // if it is
	merged    []int32 // all that were merged into it, directly or not
	assessed  *assessment
	requests  []request // for an assessment
	firstPair int32     // the latest; chained by nextOfInnovation
	signers   []keys.ID // of the entry at revised
	words     string
}

// reason is an entry that ended something, and why.
type reason struct {
	index   int64
	reason  ledger.Text
	signers []keys.ID
}

// assessment is what the committee says of an innovation, while it is in force.
type assessment struct {
	index    int64
	eligible bool
	reason   ledger.Text
	signers  []keys.ID
}

// request asks for an assessment.
type request struct {
	index    int64
	by       int32
	reason   ledger.Text
	signers  []keys.ID
	assessed *assessment // the latest since, whether in force or not; nil: none
}

type pairKey struct{ innovation, adopter int32 }

// pair is a final innovation and an adopter that acts for itself. When a merger
// makes two pairs one, one of them takes over what the other has.
type pair struct {
	innovation, adopter             int32
	confirmer                       int32  // who signed entry: the adopter or one that it has succeeded
	last                            uint32 // index of the pair's latest entry; entries chain back from it
	entry                           uint32 // index of the earliest confirmation not struck; none: noEntry
	inUseFrom                       uint32 // of that, YYYYMMDD
	invited                         uint32 // index of the invitation that waits for an answer; none: noEntry
	nextOfInnovation, nextOfAdopter int32
	joined                          int32 // the pair that has taken this one over; none
	status                          Status
}

// dispute is one of a pair.
type dispute struct {
	index   int64
	by      int32
	state   string // open, withdrawn or decided
	signers []keys.ID
}

// decision is one on a pair's disputes.
type decision struct {
	index   int64
	upheld  bool
	signers []keys.ID
}

// noEntry stands for no entry in a uint32.
const noEntry = ^uint32(0)

// none stands for nothing in a number of an organisation, innovation or pair.
const none int32 = -1

// entryOf links an entry to its pair and to the pair's entry before it.
type entryOf struct {
	pair   int32
	before uint32
}

// Status is where a pair stands.
type Status uint8

// The statuses of a pair.
const (
	Invited Status = iota
	Declined
	Confirmed
	Ended
	Retracted
)

// String is the status in the API's words.
func (s Status) String() string {
	return [...]string{"invited", "declined", "confirmed", "ended", "retracted"}[s]
}

// enrolled is a key with what has happened to it.
type enrolled struct {
	ledger.Key
	org         int32
	index       int64
	byAuthority bool // enrolled by the authority for one that has an admin of its own
	revoked     int64
	reason      string
	compromised *int64
}

type publishedRules struct {
	ledger.Rules
	index int64
	at    string
}

type year struct {
	year     int
	opened   int64
	reportBy ledger.Date
	closed   int64    // index of its closing; -1: it is open
	frozen   Table    // as at its closing, without lines
	scores   []score  // which gave it, and its lines
	reading  *reading // as at its closing; nil: it is open
}

// join says that one pair or slot has become another.
type join struct{ from, into int32 }

// NewFold gives the fold of no entries.
func NewFold() *Fold {
	return &Fold{
		readings:    &kept{},
		surveyed:    &surveyed{},
		orgNumbers:  map[ledger.Orgnr]int32{},
		innNumbers:  map[ulid.ULID]int32{},
		pairNumbers: map[pairKey]int32{},
		disputes:    map[int32][]dispute{},
		decisions:   map[int32][]decision{},
		struck:      map[int64]int64{},
		keys:        map[keys.ID]*enrolled{},
		concordance: newConcordance(),
		attachments: map[hash]attachment{},
		otherwise:   map[hash][]as{},
		stories:     map[int32][]uint32{},
	}
}

// Apply folds the next entry in. It must be the one at index Position.
func (f *Fold) Apply(e *ledger.Entry) {
	f.entries = append(f.entries, entryOf{none, noEntry})
	f.days = append(f.days, f.day(e.At))
	switch d := e.Data.(type) {
	case *ledger.Founding:
		f.found(e, d)
	case *ledger.LedgerAmendment:
		f.LogKeys = append(f.LogKeys, ledger.LogKeyFrom{Key: d.LogKey, From: e.Index + 1})
	case *ledger.Registration:
		f.register(e, d.Organisation)
	case *ledger.Amendment:
		o := f.org(d.Orgnr)
		o.Organisation, o.index = d.Organisation, e.Index
	case *ledger.Succession:
		for _, o := range d.Predecessors {
			f.succeed(f.orgNumbers[o], f.orgNumbers[d.Successor])
		}
	case *ledger.Enrolment:
		f.enrol(e, d.Organisation, d.Key)
	case *ledger.Revocation:
		k := f.keys[d.Key]
		k.revoked, k.reason, k.compromised = e.Index, d.Reason, d.CompromisedFrom
	case *ledger.Publication:
		f.publish(e, &d.Innovation)
	case *ledger.Revision:
		f.revise(f.innovation(d.Of), e, &d.Innovation)
	case *ledger.Withdrawal:
		f.innovation(d.Innovation).withdrawn = &reason{e.Index, d.Reason, signers(e)}
	case *ledger.Merger:
		f.merge(f.innovation(d.Innovation), f.innovation(d.Into), &reason{e.Index, d.Reason, signers(e)})
	case *ledger.AssessmentRequest:
		i := f.innovation(d.Innovation)
		i.requests = append(i.requests, request{index: e.Index, by: f.orgNumbers[e.By], reason: d.Reason, signers: signers(e)})
	case *ledger.Assessment:
		f.innovation(d.Innovation).assess(&assessment{e.Index, *d.Eligible, d.Reason, signers(e)})
	case *ledger.Invitation:
		p := f.pair(e, d.Innovation, d.Adopter)
		p.invited = uint32(e.Index)
		p.asked(Invited)
	case *ledger.Decline:
		p := f.pair(e, d.Innovation, e.By)
		p.invited = noEntry
		p.asked(Declined)
	case *ledger.Confirmation:
		f.confirm(e, d)
	case *ledger.Ending:
		f.pair(e, d.Innovation, e.By).status = Ended
	case *ledger.Retraction:
		p := f.pair(e, d.Innovation, e.By)
		p.status, p.entry = Retracted, noEntry
		for _, index := range f.history(p) {
			f.strike(index, e.Index)
		}
	case *ledger.Dispute:
		f.pair(e, d.Innovation, d.Adopter)
		f.dispute(e)
	case *ledger.DisputeWithdrawal:
		f.pair(e, d.Innovation, d.Adopter)
		f.settle(e, "withdrawn", func(x dispute) bool { return f.heir(x.by) == f.orgNumbers[e.By] })
	case *ledger.Decision:
		f.pair(e, d.Innovation, d.Adopter)
		f.settle(e, "decided", func(dispute) bool { return true })
		n := f.entries[e.Index].pair
		f.decisions[n] = append(f.decisions[n], decision{e.Index, *d.Upheld, signers(e)})
	case *ledger.Erasure:
		f.erase(e.Index, d.SHA256)
	case *ledger.RulesPublication:
		f.rules = append(f.rules, publishedRules{d.Rules, e.Index, e.At.Format(timeForm)})
	case *ledger.YearOpening:
		f.years = append(f.years, year{year: d.Year, opened: e.Index, reportBy: d.ReportBy, closed: -1})
	case *ledger.YearClosing:
		f.Position = e.Index + 1
		f.close(d.Year, e.Index)
	}
	f.Position = e.Index + 1
}

// day is the day of an entry's time, or of a later one before it: the order of
// the ledger is sure, the signer's clock is not.
func (f *Fold) day(at time.Time) int32 {
	day := int32(at.Unix() / (24 * 60 * 60))
	if n := len(f.days); n > 0 {
		return max(day, f.days[n-1])
	}
	return day
}

// assess keeps an assessment, in force from now on, as the answer to all
// requests so far.
func (i *innovation) assess(a *assessment) {
	i.assessed = a
	for k := range i.requests {
		i.requests[k].assessed = a
	}
}

func (f *Fold) strike(index, retraction int64) {
	if _, struck := f.struck[index]; !struck {
		f.struck[index] = retraction
	}
}

func (f *Fold) dispute(e *ledger.Entry) {
	n := f.entries[e.Index].pair
	f.disputes[n] = append(f.disputes[n], dispute{e.Index, f.orgNumbers[e.By], "open", signers(e)})
}

// settle ends the open disputes of the entry's pair that are meant.
func (f *Fold) settle(e *ledger.Entry, state string, meant func(dispute) bool) {
	of := f.disputes[f.entries[e.Index].pair]
	for k := range of {
		if of[k].state == "open" && meant(of[k]) {
			of[k].state = state
		}
	}
}

const timeForm = "2006-01-02T15:04:05Z"

func (f *Fold) found(e *ledger.Entry, d *ledger.Founding) {
	f.Founded, f.Illustrated = e, *d.Illustrative
	f.LogKeys = ledger.LogKeys{{Key: d.LogKey, From: 1}}
	f.register(e, d.Authority)
	for _, k := range d.Keys {
		f.enrol(e, d.Authority.Orgnr, k)
	}
}

// Founding gives the data of entry 0; nil before it.
func (f *Fold) Founding() *ledger.Founding {
	if f.Founded == nil {
		return nil
	}
	return f.Founded.Data.(*ledger.Founding)
}

// Authority is the organisation that registers the others: the one of the
// founding, or who acts in its place now.
func (f *Fold) Authority() ledger.Orgnr {
	return f.orgs[f.heir(f.orgNumbers[f.Founding().Authority.Orgnr])].Orgnr
}

func (f *Fold) register(e *ledger.Entry, o ledger.Organisation) {
	f.orgNumbers[o.Orgnr] = int32(len(f.orgs))
	f.orgs = append(f.orgs, &organisation{Organisation: o, index: e.Index, firstPair: none, successor: none})
}

func (f *Fold) enrol(e *ledger.Entry, o ledger.Orgnr, k ledger.Key) {
	org := f.org(o)
	id := k.PublicKey().ID()
	authority := f.Authority()
	roles := map[ledger.Role]bool{}
	for _, r := range k.Roles {
		roles[r] = true
	}
	f.keys[id] = &enrolled{
		Key: k, org: f.orgNumbers[o], index: e.Index, revoked: -1,
		byAuthority: e.By == authority && o != authority && f.hasAdmin(org) && (roles[ledger.Admin] || roles[ledger.Report]),
	}
	org.keys = append(org.keys, id)
}

// hasAdmin reports whether an organisation has an active admin key of its own.
func (f *Fold) hasAdmin(o *organisation) bool {
	for _, id := range o.keys {
		if k := f.keys[id]; k.revoked < 0 {
			for _, r := range k.Roles {
				if r == ledger.Admin {
					return true
				}
			}
		}
	}
	return false
}

func (f *Fold) org(o ledger.Orgnr) *organisation { return f.orgs[f.orgNumbers[o]] }

func (f *Fold) innovation(id string) *innovation {
	return f.innovations[f.innNumbers[ledger.InnovationID(id)]]
}

func (f *Fold) publish(e *ledger.Entry, d *ledger.Innovation) {
	i := &innovation{id: e.ID, number: int32(len(f.innovations)), published: e.Index, parent: none, into: none, firstPair: none}
	f.innNumbers[e.ID] = i.number
	f.innovations = append(f.innovations, i)
	f.revise(i, e, d)
}

func (f *Fold) revise(i *innovation, e *ledger.Entry, d *ledger.Innovation) {
	if i.Innovation != nil && !sameGround(i.Innovation, d) {
		i.assessed = nil
	}
	before := i.words
	leaf := e.Leaf()
	i.Innovation, i.revised, i.revision = d, e.Index, hex.EncodeToString(leaf[:])
	i.words, i.signers = searchable(d), signers(e)
	f.concordance.revise(i.number, before, i.words)
	f.name(e.Index, d.Attachments)
	f.derive(i, d.DerivedFrom)
	i.makers = i.makers[:0]
	for _, o := range d.Originators {
		number := f.orgNumbers[o.Orgnr]
		i.makers = append(i.makers, number)
		if add(&i.ever, number) {
			f.orgs[number].made = append(f.orgs[number].made, i.number)
			i.slots = append(i.slots, f.newSlot(i, number))
		}
	}
}

// derive keeps the lineage in both directions.
func (f *Fold) derive(i *innovation, from string) {
	parent := none
	if from != "" {
		parent = f.innNumbers[ledger.InnovationID(from)]
	}
	if parent == i.parent {
		return
	}
	if i.parent != none {
		remove(&f.innovations[i.parent].branches, i.number)
	}
	if i.parent = parent; parent != none {
		add(&f.innovations[parent].branches, i.number)
	}
}

func add(to *[]int32, n int32) bool {
	for _, x := range *to {
		if x == n {
			return false
		}
	}
	*to = append(*to, n)
	return true
}

func remove(from *[]int32, n int32) {
	for i, x := range *from {
		if x == n {
			*from = append((*from)[:i], (*from)[i+1:]...)
			return
		}
	}
}

// pair finds or makes the pair that an entry is about, and chains the entry to
// those before it.
func (f *Fold) pair(e *ledger.Entry, innovation string, adopter ledger.Orgnr) *pair {
	k := pairKey{f.final(f.innovation(innovation).number), f.heir(f.orgNumbers[adopter])}
	n, ok := f.pairNumbers[k]
	if !ok {
		i, o := f.innovations[k.innovation], f.orgs[k.adopter]
		n = int32(len(f.pairs))
		f.pairNumbers[k] = n
		f.pairs = append(f.pairs, pair{
			innovation: k.innovation, adopter: k.adopter, confirmer: none, last: noEntry, entry: noEntry, invited: noEntry,
			nextOfInnovation: i.firstPair, nextOfAdopter: o.firstPair, joined: none,
		})
		i.firstPair, o.firstPair = n, n
	}
	p := &f.pairs[n]
	f.entries[e.Index] = entryOf{n, p.last}
	p.last = uint32(e.Index)
	return p
}

func (f *Fold) confirm(e *ledger.Entry, d *ledger.Confirmation) {
	p := f.pair(e, d.Innovation, e.By)
	p.status, p.invited = Confirmed, noEntry
	f.confirmed = append(f.confirmed, confirmed{uint32(e.Index), f.orgNumbers[e.By]})
	f.name(e.Index, d.Attachments)
	if n := f.innovation(d.Innovation).number; hasStory(d.Attachments) {
		f.stories[n] = append(f.stories[n], uint32(e.Index))
	}
	if p.entry == noEntry {
		p.entry, p.inUseFrom, p.confirmer = uint32(e.Index), number(d.InUseFrom), f.orgNumbers[e.By]
	}
}

// asked is what an invitation and its answer no do to where a pair stands:
// nothing when it was in use, for that ended whatever is asked since.
func (p *pair) asked(s Status) {
	if p.entry == noEntry {
		p.status = s
	}
}

// number writes a date as one number, YYYYMMDD.
func number(d ledger.Date) (n uint32) {
	for _, c := range []byte(d) {
		if c != '-' {
			n = n*10 + uint32(c-'0')
		}
	}
	return n
}

// history gives the indexes of a pair's entries, oldest first.
func (f *Fold) history(p *pair) []int64 {
	var all []int64
	for at := p.last; at != noEntry; at = f.entries[at].before {
		all = append(all, int64(at))
	}
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// pairsOf gives an innovation's pairs, oldest first.
func (f *Fold) pairsOf(i *innovation) []*pair {
	var all []*pair
	for n := i.firstPair; n != none; n = f.pairs[n].nextOfInnovation {
		all = append(all, &f.pairs[n])
	}
	return reversed(all)
}

// pairsBy gives an adopter's pairs, oldest first.
func (f *Fold) pairsBy(o *organisation) []*pair {
	var all []*pair
	for n := o.firstPair; n != none; n = f.pairs[n].nextOfAdopter {
		all = append(all, &f.pairs[n])
	}
	return reversed(all)
}

func reversed(all []*pair) []*pair {
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// sameRegion reports whether any originator is in the adopter's region. An
// organisation without a region is in another one than all.
func (f *Fold) sameRegion(i *innovation, adopter int32) bool {
	region := f.orgs[adopter].Region
	for _, m := range i.makers {
		if region != "" && f.orgs[m].Region == region {
			return true
		}
	}
	return false
}
