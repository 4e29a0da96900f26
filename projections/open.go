package projections

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"spredning/ledger"
)

// DisputeItem is a dispute with what came of it, as the committee works with it.
// Its reasons stand in the log: [DisputeItem.Tell].
type DisputeItem struct {
	Index      int64        `json:"index"`
	Innovation string       `json:"innovation"` // the final one
	Title      ledger.Text  `json:"title"`
	Adopter    ledger.Orgnr `json:"adopter"`
	Name       string       `json:"name"` // the adopter's
	By         ledger.Orgnr `json:"by"`
	ByName     string       `json:"by_name"`
	Reason     ledger.Text  `json:"reason"`
	Status     string       `json:"status"`            // open, withdrawn or decided
	Year       int          `json:"year,omitzero"`     // of the adoption; 0: it is retracted
	Decision   *Decided     `json:"decision,omitzero"` // the one that holds, of a decided dispute
	Flags      []string     `json:"flags,omitzero"`
}

// Entries are the indexes of the entries that tell the reasons.
func (d *DisputeItem) Entries() []int64 {
	if d.Decision != nil {
		return []int64{d.Index, d.Decision.Index}
	}
	return []int64{d.Index}
}

// Tell completes the item with what one of its entries says; other entries say nothing.
func (d *DisputeItem) Tell(e *ledger.Entry) {
	switch data := e.Data.(type) {
	case *ledger.Dispute:
		if e.Index == d.Index {
			d.Reason = data.Reason
		}
	case *ledger.Decision:
		if d.Decision != nil && e.Index == d.Decision.Index {
			d.Decision.Reason = data.Reason
		}
	}
}

// RequestItem is a request for an assessment with its answer: the latest
// assessment since, also if a revision has ended that one.
type RequestItem struct {
	Index      int64        `json:"index"`
	Innovation string       `json:"innovation"`
	Title      ledger.Text  `json:"title"`
	By         ledger.Orgnr `json:"by"`
	ByName     string       `json:"by_name"`
	Reason     ledger.Text  `json:"reason"`
	Status     string       `json:"status"` // open or assessed
	Assessment *Assessment  `json:"assessment,omitzero"`
	Flags      []string     `json:"flags,omitzero"`
}

// The statuses of disputes and requests.
const (
	DisputeOpen      = "open"
	DisputeWithdrawn = "withdrawn"
	DisputeDecided   = "decided"
	RequestOpen      = "open"
	RequestAssessed  = "assessed"
)

// Disputes gives the disputes of a status ("": any) and a year (0: any), in the
// order of their entries. The year of an open one is that in which the adoption
// would count if it were decided now.
func (f *Fold) Disputes(status string, year int) []DisputeItem {
	all, _ := f.FirstDisputes(status, year, "", math.MaxInt)
	return all
}

// FirstDisputes gives at most so many of the disputes of a status, a year and an adopter
// ("": any), and how many there are besides.
func (f *Fold) FirstDisputes(status string, year int, adopter ledger.Orgnr, most int) (first []DisputeItem, more int) {
	type found struct {
		pair int32
		*dispute
		year int
	}
	var all []found
	for n, of := range f.disputes {
		if adopter != "" && f.orgs[f.pairs[n].adopter].Orgnr != adopter {
			continue
		}
		y, known := 0, false
		for k := range of {
			d := &of[k]
			if status != "" && d.state != status {
				continue
			}
			if !known {
				y, known = f.yearNow(n), true
			}
			if year == 0 || y == year {
				all = append(all, found{n, d, y})
			}
		}
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.index, b.index) })
	first = []DisputeItem{}
	for _, d := range all[:min(most, len(all))] {
		first = append(first, f.disputeItem(d.pair, *d.dispute, d.year))
	}
	return first, len(all) - len(first)
}

// yearNow is a pair's year, under an open dispute as if it were decided now; 0:
// it has none, since nobody confirms it any more.
func (f *Fold) yearNow(n int32) int {
	switch {
	case f.pairs[n].entry == noEntry:
		return 0
	case f.disputed(n):
		return f.yearFrom(&f.pairs[n], f.Position)
	}
	return f.yearOf(n)
}

func (f *Fold) disputeItem(n int32, d dispute, year int) DisputeItem {
	p := &f.pairs[n]
	i, adopter, by := f.innovations[p.innovation], f.orgs[p.adopter], f.orgs[d.by]
	item := DisputeItem{
		Index: d.index, Innovation: i.id.String(), Title: i.Title, Adopter: adopter.Orgnr, Name: adopter.Name,
		By: by.Orgnr, ByName: by.Name, Status: d.state, Year: year, Flags: f.Flags(d.index, d.signers),
	}
	if decisions := f.decisions[n]; d.state == DisputeDecided {
		last := decisions[len(decisions)-1]
		item.Decision = &Decided{Index: last.index, Upheld: last.upheld, Flags: f.Flags(last.index, last.signers)}
	}
	return item
}

// Requests gives the requests for assessments of a status ("": any), in the
// order of their entries.
func (f *Fold) Requests(status string) []RequestItem {
	all := []RequestItem{}
	for _, i := range f.innovations {
		for _, r := range i.requests {
			if item := f.requestItem(i, r); status == "" || item.Status == status {
				all = append(all, item)
			}
		}
	}
	slices.SortFunc(all, func(a, b RequestItem) int { return cmp.Compare(a.Index, b.Index) })
	return all
}

func (f *Fold) requestItem(i *innovation, r request) RequestItem {
	by := f.orgs[r.by]
	item := RequestItem{
		Index: r.index, Innovation: i.id.String(), Title: i.Title, By: by.Orgnr, ByName: by.Name, Reason: r.reason, Status: RequestOpen,
		Flags: f.Flags(r.index, r.signers),
	}
	if a := r.assessed; a != nil {
		item.Status, item.Assessment = RequestAssessed, f.assessment(a)
	}
	return item
}

// Open is what can still be settled before a year closes, with what it would
// come to. Of a closed year nothing can: its lists are empty. A list holds the
// first 1,000; Counts tells of all.
type Open struct {
	Year        int            `json:"year"`
	Position    int64          `json:"position"`
	Status      string         `json:"status"`
	Rules       string         `json:"rules,omitzero"` // id of those in force; empty: none, and nothing counts
	Disputes    []OpenDispute  `json:"disputes"`       // of adoptions of the year
	Requests    []OpenRequest  `json:"requests"`       // for an assessment, unanswered
	Invitations []InvitationTo `json:"invitations"`    // unanswered
	KeptOut     []KeptOut      `json:"kept_out"`       // adoptions of the year that do not count for another reason
	Counts      OpenCounts     `json:"counts"`
	Table       TableFigures   `json:"table"`
}

// OpenDispute is an open dispute of an adoption, and what the adoption would
// give in the year if the committee now let it stand: exactly, by computing the
// table so. AtStake, Lines and TotalThen are nil when there are too many to
// compute, see stakes.
type OpenDispute struct {
	DisputeItem
	AtStake   *ledger.Milli `json:"at_stake,omitzero"`   // the sum of its lines
	Lines     []StakeLine   `json:"lines,omitzero"`      // what it would give to whom
	TotalThen *ledger.Milli `json:"total_then,omitzero"` // of the table; others may give less for it
}

// StakeLine is a line that an organisation would get.
type StakeLine struct {
	Orgnr ledger.Orgnr `json:"orgnr"`
	Line
}

// OpenRequest is a request for an assessment that nothing has answered, and how
// many of the innovation's adoptions would belong to the year if it were
// assessed now.
type OpenRequest struct {
	RequestItem
	Adoptions int `json:"adoptions"`
}

// InvitationTo is an invitation that waits for an answer.
type InvitationTo struct {
	Index      int64        `json:"index"`
	Innovation string       `json:"innovation"`
	Title      ledger.Text  `json:"title"`
	Adopter    ledger.Orgnr `json:"adopter"`
	Name       string       `json:"name"`
}

// KeptOut is an adoption of the year that does not count for now, and what would
// have to change.
type KeptOut struct {
	Index      int64        `json:"index"`
	Innovation string       `json:"innovation"`
	Title      ledger.Text  `json:"title"`
	Adopter    ledger.Orgnr `json:"adopter"`
	Name       string       `json:"name"`
	Reasons    []string     `json:"reasons"` // no_rules, not_eligible, adopter_not_measured, no_originator_measured
}

// OpenCounts are how many of each there are in all.
type OpenCounts struct {
	Disputes    int `json:"disputes"`
	Requests    int `json:"requests"`
	Invitations int `json:"invitations"`
	KeptOut     int `json:"kept_out"`
}

// TableFigures is the year's table in two figures.
type TableFigures struct {
	Rows  int          `json:"rows"`
	Total ledger.Milli `json:"total"`
}

// The bounds of what is open.
const (
	maxOpen = 1000 // of a list
	// stakes is how many entries may be gone through to compute what is at stake:
	// the table is computed anew for each dispute. A ledger of 10,000 entries gets
	// the first 100 of a year computed, any ledger at least one.
	stakes = 1_000_000
)

// Open gives what is open in a year; false: the year is not opened.
func (f *Fold) Open(year int) (Open, bool) {
	table, ok := f.Table(year)
	if !ok {
		return Open{}, false
	}
	o := Open{
		Year: year, Position: f.Position, Status: table.Status, Table: TableFigures{len(table.Rows), table.Total},
		Disputes: []OpenDispute{}, Requests: []OpenRequest{}, Invitations: []InvitationTo{}, KeptOut: []KeptOut{},
	}
	if table.Rules != nil {
		o.Rules = table.Rules.ID
	}
	if table.Status == "closed" {
		return o, true
	}
	o.Disputes, o.Counts.Disputes = capped(f.openDisputes(year))
	o.Requests, o.Counts.Requests = capped(f.openRequests(year))
	o.Invitations, o.Counts.Invitations = capped(f.invitations())
	o.KeptOut, o.Counts.KeptOut = capped(f.keptOut(year))
	f.stake(year, o.Disputes)
	return o, true
}

// capped gives the first of a list, and how many it had.
func capped[T any](all []T) ([]T, int) { return all[:min(len(all), maxOpen)], len(all) }

func (f *Fold) openDisputes(year int) []OpenDispute {
	all := []OpenDispute{}
	for _, d := range f.Disputes(DisputeOpen, year) {
		all = append(all, OpenDispute{DisputeItem: d})
	}
	return all
}

// stake computes what the disputed adoptions would give, each by itself.
func (f *Fold) stake(year int, disputes []OpenDispute) {
	computed := map[int32]OpenDispute{}
	for k := range disputes {
		d := &disputes[k]
		n := f.alive(f.entries[d.Index].pair)
		same, done := computed[n]
		if !done {
			if len(computed) > 0 && (len(computed)+1)*len(f.entries) > stakes {
				continue
			}
			then, _ := f.letStand(n).Table(year)
			same = stakeIn(then, int64(f.pairs[n].entry))
			computed[n] = same
		}
		d.AtStake, d.Lines, d.TotalThen = same.AtStake, same.Lines, same.TotalThen
	}
}

// stakeIn gives what a table has of one adoption.
func stakeIn(t Table, index int64) OpenDispute {
	sum, lines := ledger.Milli(0), []StakeLine{}
	for _, r := range t.Rows {
		for _, l := range r.Lines {
			if l.Index == index {
				lines, sum = append(lines, StakeLine{r.Orgnr, l}), sum+l.Points
			}
		}
	}
	return OpenDispute{AtStake: &sum, Lines: lines, TotalThen: &t.Total}
}

// letStand gives the fold as it would be if the committee now decided that a
// pair stands. It shares all else with this one, and is only read.
func (f *Fold) letStand(n int32) *Fold {
	then := *f
	then.readings, then.surveyed = &kept{}, &surveyed{}
	then.disputes, then.decisions = maps.Clone(f.disputes), maps.Clone(f.decisions)
	then.disputes[n] = slices.Clone(f.disputes[n])
	for k := range then.disputes[n] {
		if d := &then.disputes[n][k]; d.state == DisputeOpen {
			d.state = DisputeDecided
		}
	}
	then.decisions[n] = append(slices.Clone(f.decisions[n]), decision{index: f.Position})
	return &then
}

// openRequests gives the unanswered requests for assessments, with how many
// adoptions an answer now would bear on.
func (f *Fold) openRequests(year int) []OpenRequest {
	all := []OpenRequest{}
	for _, r := range f.Requests(RequestOpen) {
		final := f.final(f.innNumbers[ledger.InnovationID(r.Innovation)])
		all = append(all, OpenRequest{r, f.adoptionsOf(final, year)})
	}
	return all
}

// adoptionsOf counts an innovation's pairs that would be of a year if something
// were decided on them now, and that nothing final keeps out.
func (f *Fold) adoptionsOf(innovation int32, year int) (count int) {
	for n := f.innovations[innovation].firstPair; n != none; n = f.pairs[n].nextOfInnovation {
		p := &f.pairs[n]
		if why := f.standing(n); (why == "" || why == "disputed") && f.yearFrom(p, f.Position) == year {
			count++
		}
	}
	return count
}

// yearFrom is the year of a pair that is settled at an index.
func (f *Fold) yearFrom(p *pair, settled int64) int {
	y := int(p.inUseFrom / 10000)
	for f.closedBefore(y, settled) {
		y++
	}
	return y
}

// invitations gives the unanswered ones that can still be answered by a
// confirmation.
func (f *Fold) invitations() []InvitationTo {
	all := []InvitationTo{}
	for k := range f.pairs {
		p := &f.pairs[k]
		i, o := f.innovations[p.innovation], f.orgs[p.adopter]
		if p.joined != none || p.invited == noEntry || i.withdrawn != nil {
			continue
		}
		all = append(all, InvitationTo{int64(p.invited), i.id.String(), i.Title, o.Orgnr, o.Name})
	}
	slices.SortFunc(all, func(a, b InvitationTo) int { return cmp.Compare(a.Index, b.Index) })
	return all
}

// keptOut gives the pairs of a year that would count if a reason were settled:
// one that is neither a dispute nor final, as a decision or a retraction is.
func (f *Fold) keptOut(year int) []KeptOut {
	all := []KeptOut{}
	rules := f.RulesFor(year)
	for k := range f.pairs {
		p := &f.pairs[k]
		if p.joined != none || p.entry == noEntry || f.yearOf(int32(k)) != year || f.standing(int32(k)) != "" {
			continue
		}
		if reasons := f.keptOutBy(p, year, rules); len(reasons) > 0 {
			i, o := f.innovations[p.innovation], f.orgs[p.adopter]
			all = append(all, KeptOut{int64(p.entry), i.id.String(), i.Title, o.Orgnr, o.Name, reasons})
		}
	}
	slices.SortFunc(all, func(a, b KeptOut) int { return cmp.Compare(a.Index, b.Index) })
	return all
}

// keptOutBy says what keeps a standing pair from being a candidate; nothing if
// the committee has found its innovation not eligible.
func (f *Fold) keptOutBy(p *pair, year int, rules *ledger.Rules) (reasons []string) {
	i := f.innovations[p.innovation]
	if rules == nil {
		return []string{"no_rules"}
	}
	if f.foundIneligible(i) {
		return nil
	}
	counts := func(org int32) bool {
		party := f.party(org)
		return party.counts(year, rules)
	}
	if f.groundOf(i)&outBy(rules) != 0 {
		reasons = append(reasons, "not_eligible")
	}
	if !counts(p.confirmer) {
		reasons = append(reasons, "adopter_not_measured")
	}
	if !slices.ContainsFunc(i.makers, counts) {
		reasons = append(reasons, "no_originator_measured")
	}
	return reasons
}

// foundIneligible reports whether the committee has said so of an innovation or
// of one merged into it.
func (f *Fold) foundIneligible(i *innovation) bool {
	no := func(i *innovation) bool { return i.assessed != nil && !i.assessed.eligible }
	return no(i) || slices.ContainsFunc(i.merged, func(m int32) bool { return no(f.innovations[m]) })
}
