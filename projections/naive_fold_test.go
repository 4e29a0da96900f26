package projections_test

// A second, slow fold of the points tables, written from the rules alone and sharing no code with the package.
//
// It sorts the entries of a prefix by what they say (naiveRead) and derives every conclusion anew from those lists:
// which pairs are candidates, which of them score, and what each gives. Nothing is carried along but the adoptions that
// scored in earlier years. It holds when every entry is admissible: no signature, role or state is checked here.

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
)

// naivePoints mirrors the answer of GET /points/{year}, with points in whole thousandths and the rules by their id
// (empty when none is in force). Rows stand in order of orgnr, lines in order of index, regions in order of name.
type naivePoints struct {
	Year     int           `json:"year"`
	Rules    string        `json:"rules"`
	Position int           `json:"position"`
	Status   string        `json:"status"`
	Rows     []naiveRow    `json:"rows"`
	Regions  []naiveRegion `json:"regions"`
	Total    int           `json:"total"`
}

// naiveRow is an organisation with at least one line.
type naiveRow struct {
	Orgnr      string      `json:"orgnr"`
	Name       string      `json:"name"`
	Region     string      `json:"region"`
	Originated int         `json:"originated"`
	Adopted    int         `json:"adopted"`
	Total      int         `json:"total"`
	Lines      []naiveLine `json:"lines"`
}

// naiveLine is what one adoption gives to the organisation of the row.
type naiveLine struct {
	Index      int    `json:"index"`
	Innovation string `json:"innovation"`
	Adopter    string `json:"adopter"`
	Role       string `json:"role"`
	Reach      string `json:"reach"`
	Points     int    `json:"points"`
}

// naiveRegion sums the rows whose final successor is in the region.
type naiveRegion struct {
	Region     string `json:"region"`
	Originated int    `json:"originated"`
	Adopted    int    `json:"adopted"`
	Total      int    `json:"total"`
}

// naiveTable folds the entries, each an envelope's exact bytes, and gives the table of the year: an open one's at
// position len(entries), a closed one's after its closing entry, for ever. ok is false when the year is not opened
// there. It panics on bytes that are no entry.
func naiveTable(entries [][]byte, year int) (table naivePoints, ok bool) {
	years := naiveYears(entries)
	if !slices.Contains(years, year) {
		return naivePoints{}, false
	}
	now := naiveRead(entries)
	var scored []naiveAdoption
	for _, y := range years {
		then := now
		if closing, closed := now.closed[y]; closed {
			then = naiveRead(entries[:closing+1])
		}
		earlier := len(scored)
		scored = then.score(y, scored)
		if y == year {
			table = then.table(y, scored[earlier:])
			table.Position = then.position
		}
	}
	return table, true
}

// naiveYears lists the years opened among the entries, ascending.
func naiveYears(entries [][]byte) []int {
	return slices.Sorted(maps.Keys(naiveRead(entries).opened))
}

// What the entries say.

// naiveLedger is what a prefix of the log says, sorted by topic and in log order within each.
type naiveLedger struct {
	position      int
	organisations map[string]naiveOrganisation // by orgnr, as last registered or amended
	successors    map[string]naiveStep         // by predecessor
	mergers       map[string]naiveStep         // by the innovation that was merged
	versions      map[string][]naiveVersion    // by innovation: as published, then as revised
	withdrawn     map[string]bool              // by innovation
	assessments   map[string][]naiveAssessment // by innovation
	claims        map[string][]naiveClaim      // by event type: all that is said about pairs
	rules         []naiveRules                 // as published
	opened        map[int]bool                 // by year
	closed        map[int]int                  // year to index
}

type naiveOrganisation struct {
	Orgnr        string `json:"orgnr"`
	Name         string `json:"name"`
	Kind         string `json:"kind"`
	Region       string `json:"region"`
	MeasuredFrom *int   `json:"measured_from"`
	MeasuredTo   *int   `json:"measured_to"`
}

// naiveStep says that one thing became another at an index.
type naiveStep struct {
	to string
	at int
}

type naiveVersion struct {
	at                 int
	Innovation         string            `json:"innovation"` // only when revised
	Originators        []naiveOriginator `json:"originators"`
	Funding            []string          `json:"funding"`
	RegionalInitiative bool              `json:"regional_initiative"`
	DerivedFrom        string            `json:"derived_from"`
}

type naiveOriginator struct {
	Orgnr string `json:"orgnr"`
	Share int    `json:"share"` // permille
}

type naiveAssessment struct {
	at         int
	Innovation string `json:"innovation"`
	Eligible   bool   `json:"eligible"`
}

// naiveClaim is any event about a pair.
type naiveClaim struct {
	at         int
	by         string
	Innovation string `json:"innovation"`
	Adopter    string `json:"adopter"` // by, where the event has no such field
	InUseFrom  string `json:"in_use_from"`
	Upheld     bool   `json:"upheld"`
}

type naiveRules struct {
	ID           string      `json:"id"`
	FromYear     int         `json:"from_year"`
	Basis        string      `json:"basis"`
	Originator   naiveValues `json:"originator"`
	Adopter      naiveValues `json:"adopter"`
	Kinds        []string    `json:"eligible_kinds"`
	OwnOnly      bool        `json:"own_funding_only"`
	NoInitiative bool        `json:"exclude_regional_initiatives"`
	Lineage      string      `json:"lineage"`
	MaxAdoptions int         `json:"max_adoptions_per_innovation"`
	MaxPair      int         `json:"max_per_originator_adopter"`
}

// naiveValues holds a point value by reach, exact as written.
type naiveValues map[string]json.Number

// naiveRead sorts the entries by what they say.
func naiveRead(entries [][]byte) *naiveLedger {
	l := &naiveLedger{
		position:      len(entries),
		organisations: map[string]naiveOrganisation{},
		successors:    map[string]naiveStep{},
		mergers:       map[string]naiveStep{},
		versions:      map[string][]naiveVersion{},
		withdrawn:     map[string]bool{},
		assessments:   map[string][]naiveAssessment{},
		claims:        map[string][]naiveClaim{},
		opened:        map[int]bool{},
		closed:        map[int]int{},
	}
	for index, entry := range entries {
		l.note(index, entry)
	}
	return l
}

func (l *naiveLedger) note(index int, entry []byte) {
	envelope := naiveDecode[struct{ Payload []byte }](entry)
	event := naiveDecode[struct {
		ID, Type, By string
		Data         json.RawMessage
	}](envelope.Payload)

	switch event.Type {
	case "ledger.founded":
		authority := naiveDecode[struct{ Authority naiveOrganisation }](event.Data).Authority
		l.organisations[authority.Orgnr] = authority
	case "organisation.registered", "organisation.amended":
		organisation := naiveDecode[naiveOrganisation](event.Data)
		l.organisations[organisation.Orgnr] = organisation
	case "organisation.succeeded":
		succession := naiveDecode[struct {
			Predecessors []string
			Successor    string
		}](event.Data)
		for _, predecessor := range succession.Predecessors {
			l.successors[predecessor] = naiveStep{to: succession.Successor, at: index}
		}
	case "innovation.published", "innovation.revised":
		version := naiveDecode[naiveVersion](event.Data)
		version.at = index
		id := cmp.Or(version.Innovation, event.ID)
		l.versions[id] = append(l.versions[id], version)
	case "innovation.withdrawn":
		l.withdrawn[naiveDecode[struct{ Innovation string }](event.Data).Innovation] = true
	case "innovation.merged":
		merger := naiveDecode[struct{ Innovation, Into string }](event.Data)
		l.mergers[merger.Innovation] = naiveStep{to: merger.Into, at: index}
	case "innovation.assessed":
		assessment := naiveDecode[naiveAssessment](event.Data)
		assessment.at = index
		l.assessments[assessment.Innovation] = append(l.assessments[assessment.Innovation], assessment)
	case "adoption.confirmed", "adoption.retracted", "adoption.disputed", "dispute.withdrawn", "dispute.decided":
		claim := naiveDecode[naiveClaim](event.Data)
		claim.at, claim.by, claim.Adopter = index, event.By, cmp.Or(claim.Adopter, event.By)
		l.claims[event.Type] = append(l.claims[event.Type], claim)
	case "rules.published":
		l.rules = append(l.rules, naiveDecode[struct{ Rules naiveRules }](event.Data).Rules)
	case "year.opened":
		l.opened[naiveDecode[struct{ Year int }](event.Data).Year] = true
	case "year.closed":
		l.closed[naiveDecode[struct{ Year int }](event.Data).Year] = index
	}
}

func naiveDecode[T any](data []byte) (value T) {
	if err := json.Unmarshal(data, &value); err != nil {
		panic(fmt.Sprintf("reading %.80s: %v", data, err))
	}
	return value
}

// Who is who.

// naiveFollow takes the steps made before the index to their end.
func naiveFollow(steps map[string]naiveStep, from string, before int) string {
	for {
		step, ok := steps[from]
		if !ok || step.at >= before {
			return from
		}
		from = step.to
	}
}

// final is the innovation that this one was finally merged into.
func (l *naiveLedger) final(innovation string) string {
	return naiveFollow(l.mergers, innovation, l.position)
}

// heir is the organisation's final successor.
func (l *naiveLedger) heir(orgnr string) string {
	return naiveFollow(l.successors, orgnr, l.position)
}

func (l *naiveLedger) same(orgnr, other string) bool {
	return l.heir(orgnr) == l.heir(other)
}

// naivePair is an innovation and an adopter, after mergers of both.
type naivePair struct{ innovation, adopter string }

// pairBefore is the pair that a claim speaks of, as it was just before the index.
func (l *naiveLedger) pairBefore(claim naiveClaim, index int) naivePair {
	return naivePair{
		innovation: naiveFollow(l.mergers, claim.Innovation, index),
		adopter:    naiveFollow(l.successors, claim.Adopter, index),
	}
}

// current is the innovation as last published or revised.
func (l *naiveLedger) current(innovation string) naiveVersion {
	versions := l.versions[innovation]
	return versions[len(versions)-1]
}

// members lists the final innovation and all that were merged into it.
func (l *naiveLedger) members(final string) (members []string) {
	for id := range l.versions {
		if l.final(id) == final {
			members = append(members, id)
		}
	}
	return members
}

// root is the final innovation's origin over derived_from.
func (l *naiveLedger) root(innovation string) string {
	for {
		innovation = l.final(innovation)
		parent := l.current(innovation).DerivedFrom
		if parent == "" {
			return innovation
		}
		innovation = parent
	}
}

// project is what counts as one and the same innovation under the rules.
func (l *naiveLedger) project(innovation string, rules naiveRules) string {
	if rules.Lineage == "once" {
		return l.root(innovation)
	}
	return l.final(innovation)
}

// Which pairs are candidates.

// naiveAdoption is a candidate and, once it has scored, what it gave.
type naiveAdoption struct {
	year        int
	index       int               // the pair's entry
	innovation  string            // the final one
	adopter     string            // of the entry
	originators []naiveOriginator // the eligible ones, with a line or without
	gifts       []naiveGift
}

// naiveGift is a line and the organisation it gives points to.
type naiveGift struct {
	orgnr string
	line  naiveLine
}

// candidates lists the pairs that conditions 1 to 6 let through, in order of entry.
func (l *naiveLedger) candidates(year int, rules naiveRules) (candidates []naiveAdoption) {
	for _, entry := range l.pairEntries() {
		pair := l.pairBefore(entry, l.position)
		originators := l.eligibleOriginators(pair.innovation, year, rules)
		if l.undisputed(pair) &&
			l.adoptable(pair) &&
			l.eligible(pair.innovation, rules) &&
			l.counts(entry.Adopter, year, rules) && len(originators) > 0 &&
			l.yearOf(entry, pair) == year {
			candidates = append(candidates, naiveAdoption{
				year: year, index: entry.at, innovation: pair.innovation, adopter: entry.Adopter, originators: originators,
			})
		}
	}
	return candidates
}

// pairEntries lists each pair's earliest confirmation that no retraction struck, in log order (condition 1).
func (l *naiveLedger) pairEntries() (entries []naiveClaim) {
	seen := map[naivePair]bool{}
	for _, confirmation := range l.claims["adoption.confirmed"] {
		pair := l.pairBefore(confirmation, l.position)
		if !seen[pair] && !l.struck(confirmation) {
			seen[pair] = true
			entries = append(entries, confirmation)
		}
	}
	return entries
}

// struck tells whether a later retraction was of the pair that this confirmation belonged to at that moment.
func (l *naiveLedger) struck(confirmation naiveClaim) bool {
	return l.answered(confirmation, l.claims["adoption.retracted"])
}

// answered tells whether one of the replies came after the claim and spoke of its pair, as both were then.
func (l *naiveLedger) answered(claim naiveClaim, replies []naiveClaim) bool {
	return slices.ContainsFunc(replies, func(reply naiveClaim) bool {
		return reply.at > claim.at && l.pairBefore(reply, reply.at) == l.pairBefore(claim, reply.at)
	})
}

// undisputed is condition 2.
func (l *naiveLedger) undisputed(pair naivePair) bool {
	for _, dispute := range l.about(pair, "adoption.disputed") {
		if l.open(dispute) {
			return false
		}
	}
	decisions := l.about(pair, "dispute.decided")
	return len(decisions) == 0 || !decisions[len(decisions)-1].Upheld
}

// open tells whether a dispute was neither decided nor withdrawn by its disputer since.
func (l *naiveLedger) open(dispute naiveClaim) bool {
	var byDisputer []naiveClaim
	for _, withdrawal := range l.claims["dispute.withdrawn"] {
		if naiveFollow(l.successors, dispute.by, withdrawal.at) == naiveFollow(l.successors, withdrawal.by, withdrawal.at) {
			byDisputer = append(byDisputer, withdrawal)
		}
	}
	return !l.answered(dispute, l.claims["dispute.decided"]) && !l.answered(dispute, byDisputer)
}

// about lists the claims of one type on the pair, in log order.
func (l *naiveLedger) about(pair naivePair, kind string) (claims []naiveClaim) {
	for _, claim := range l.claims[kind] {
		if l.pairBefore(claim, l.position) == pair {
			claims = append(claims, claim)
		}
	}
	return claims
}

// adoptable is condition 3: not withdrawn, and never the adopter's own.
func (l *naiveLedger) adoptable(pair naivePair) bool {
	for _, member := range l.members(pair.innovation) {
		for _, version := range l.versions[member] {
			for _, originator := range version.Originators {
				if l.same(originator.Orgnr, pair.adopter) {
					return false
				}
			}
		}
	}
	return !l.withdrawn[pair.innovation]
}

// eligible is condition 4.
func (l *naiveLedger) eligible(final string, rules naiveRules) bool {
	for _, member := range l.members(final) {
		version := l.current(member)
		ownAlone := slices.Equal(naiveSet(version.Funding), []string{"own"})
		eligible := (ownAlone || !rules.OwnOnly) && !(version.RegionalInitiative && rules.NoInitiative)
		if assessment, inForce := l.assessment(member); inForce {
			eligible = assessment.Eligible
		}
		if !eligible {
			return false
		}
	}
	return true
}

// assessment is the innovation's last one, unless a revision since changed what it rested on. An earlier one ended with
// it or was replaced by it.
func (l *naiveLedger) assessment(innovation string) (last naiveAssessment, inForce bool) {
	assessments := l.assessments[innovation]
	if len(assessments) == 0 {
		return naiveAssessment{}, false
	}
	last = assessments[len(assessments)-1]
	versions := l.versions[innovation]
	for i := 1; i < len(versions); i++ {
		if versions[i].at > last.at && !naiveSameGround(versions[i-1], versions[i]) {
			return naiveAssessment{}, false
		}
	}
	return last, true
}

func naiveSameGround(a, b naiveVersion) bool {
	return maps.Equal(naiveShares(a.Originators), naiveShares(b.Originators)) &&
		slices.Equal(naiveSet(a.Funding), naiveSet(b.Funding)) &&
		a.RegionalInitiative == b.RegionalInitiative
}

func naiveShares(originators []naiveOriginator) map[string]int {
	shares := map[string]int{}
	for _, originator := range originators {
		shares[originator.Orgnr] = originator.Share
	}
	return shares
}

func naiveSet(words []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(words)))
}

// counts is condition 5 for one organisation.
func (l *naiveLedger) counts(orgnr string, year int, rules naiveRules) bool {
	o := l.organisations[orgnr]
	measured := o.MeasuredFrom != nil && *o.MeasuredFrom <= year && (o.MeasuredTo == nil || year <= *o.MeasuredTo)
	return measured && slices.Contains(rules.Kinds, o.Kind)
}

// eligibleOriginators lists the innovation's current originators that count in the year.
func (l *naiveLedger) eligibleOriginators(innovation string, year int, rules naiveRules) (eligible []naiveOriginator) {
	for _, originator := range l.current(innovation).Originators {
		if l.counts(originator.Orgnr, year, rules) {
			eligible = append(eligible, originator)
		}
	}
	return eligible
}

// yearOf is condition 6: the year the pair belongs to, opened or not. A year before the first opened one never closes, so
// that history stays in a year that has no table.
func (l *naiveLedger) yearOf(entry naiveClaim, pair naivePair) int {
	year, err := strconv.Atoi(entry.InUseFrom[:4])
	if err != nil {
		panic(err)
	}
	settled := l.settled(entry, pair)
	for l.closedBefore(year, settled) {
		year++
	}
	return year
}

func (l *naiveLedger) closedBefore(year, index int) bool {
	closing, closed := l.closed[year]
	return closed && closing < index
}

// settled is the latest of the pair's entry, its decisions and the assessments in force.
func (l *naiveLedger) settled(entry naiveClaim, pair naivePair) int {
	settled := entry.at
	for _, decision := range l.about(pair, "dispute.decided") {
		settled = max(settled, decision.at)
	}
	for _, member := range l.members(pair.innovation) {
		if assessment, inForce := l.assessment(member); inForce {
			settled = max(settled, assessment.at)
		}
	}
	return settled
}

// Which candidates score, and what they give.

// rulesFor gives the rules in force for the year: among those with the greatest from_year not after it, the latest.
func (l *naiveLedger) rulesFor(year int) (inForce naiveRules, ok bool) {
	for _, rules := range l.rules {
		if rules.FromYear <= year && (!ok || rules.FromYear >= inForce.FromYear) {
			inForce, ok = rules, true
		}
	}
	return inForce, ok
}

// score appends the year's adoptions to those that scored before it.
func (l *naiveLedger) score(year int, scored []naiveAdoption) []naiveAdoption {
	rules, ok := l.rulesFor(year)
	if !ok {
		return scored
	}
	for _, candidate := range l.candidates(year, rules) {
		if !l.again(candidate, rules, scored) &&
			!l.innovationFull(candidate, rules, scored) &&
			!l.originatorFull(candidate, rules, scored) {
			candidate.gifts = append(l.originatorGifts(candidate, rules, scored), l.adopterGift(candidate, rules))
			scored = append(scored, candidate)
		}
	}
	return scored
}

// again tells whether the candidate's pair has scored.
func (l *naiveLedger) again(candidate naiveAdoption, rules naiveRules, scored []naiveAdoption) bool {
	return slices.ContainsFunc(scored, func(before naiveAdoption) bool {
		return l.same(before.adopter, candidate.adopter) &&
			l.project(before.innovation, rules) == l.project(candidate.innovation, rules)
	})
}

// innovationFull tells whether the innovation has had its adoptions of the year.
func (l *naiveLedger) innovationFull(candidate naiveAdoption, rules naiveRules, scored []naiveAdoption) bool {
	had := 0
	for _, before := range scored {
		if before.year == candidate.year && before.innovation == candidate.innovation {
			had++
		}
	}
	return rules.MaxAdoptions > 0 && had >= rules.MaxAdoptions
}

// originatorFull tells whether an eligible originator has had its adoptions of the year from this adopter.
func (l *naiveLedger) originatorFull(candidate naiveAdoption, rules naiveRules, scored []naiveAdoption) bool {
	for _, originator := range candidate.originators {
		had := 0
		for _, before := range scored {
			if before.year == candidate.year && l.same(before.adopter, candidate.adopter) &&
				l.isOneOf(originator.Orgnr, before.originators) {
				had++
			}
		}
		if rules.MaxPair > 0 && had >= rules.MaxPair {
			return true
		}
	}
	return false
}

func (l *naiveLedger) isOneOf(orgnr string, originators []naiveOriginator) bool {
	return slices.ContainsFunc(originators, func(o naiveOriginator) bool { return l.same(o.Orgnr, orgnr) })
}

// originatorGifts shares the originators' value. Products of a value in thousandths and a share in permille are
// millionths, so that floors and remainders are exact.
func (l *naiveLedger) originatorGifts(a naiveAdoption, rules naiveRules, scored []naiveAdoption) (gifts []naiveGift) {
	remainders := map[string]int{}
	sum, given := 0, 0
	for _, originator := range a.originators {
		reach := l.reach(originator.Orgnr, a.adopter)
		if rules.Basis == "project" && l.hasLine(originator.Orgnr, reach, a, rules, scored) {
			continue
		}
		exact := rules.Originator.thousandths(reach) * originator.Share
		remainders[originator.Orgnr] = exact % 1000
		sum, given = sum+exact, given+exact/1000
		gifts = append(gifts, naiveGift{originator.Orgnr, a.line("originator", reach, exact/1000)})
	}
	slices.SortFunc(gifts, func(x, y naiveGift) int {
		return cmp.Or(cmp.Compare(remainders[y.orgnr], remainders[x.orgnr]), cmp.Compare(x.orgnr, y.orgnr))
	})
	missing := (sum+500)/1000 - given
	for i := range missing {
		gifts[i].line.Points++
	}
	return gifts
}

// hasLine tells whether an earlier adoption of the same project gave the originator a line in this reach.
func (l *naiveLedger) hasLine(orgnr, reach string, a naiveAdoption, rules naiveRules, scored []naiveAdoption) bool {
	for _, before := range scored {
		for _, gift := range before.gifts {
			if gift.line.Role == "originator" && gift.line.Reach == reach && l.same(gift.orgnr, orgnr) &&
				l.project(before.innovation, rules) == l.project(a.innovation, rules) {
				return true
			}
		}
	}
	return false
}

func (l *naiveLedger) adopterGift(a naiveAdoption, rules naiveRules) naiveGift {
	reach := "other_region"
	for _, originator := range a.originators {
		if l.reach(originator.Orgnr, a.adopter) == "same_region" {
			reach = "same_region"
		}
	}
	return naiveGift{a.adopter, a.line("adopter", reach, rules.Adopter.thousandths(reach))}
}

func (a naiveAdoption) line(role, reach string, points int) naiveLine {
	return naiveLine{Index: a.index, Innovation: a.innovation, Adopter: a.adopter, Role: role, Reach: reach, Points: points}
}

func (l *naiveLedger) reach(originator, adopter string) string {
	region := l.organisations[originator].Region
	if region != "" && region == l.organisations[adopter].Region {
		return "same_region"
	}
	return "other_region"
}

// thousandths reads the value of a reach exactly, whatever way the number is written.
func (v naiveValues) thousandths(reach string) int {
	value, ok := new(big.Rat).SetString(v[reach].String())
	if !ok {
		panic(fmt.Sprintf("no value for %s in %v", reach, v))
	}
	value.Mul(value, big.NewRat(1000, 1))
	if !value.IsInt() {
		panic(fmt.Sprintf("%s has more than three decimals", v[reach]))
	}
	return int(value.Num().Int64())
}

// The table.

func (l *naiveLedger) table(year int, scored []naiveAdoption) naivePoints {
	rules, _ := l.rulesFor(year)
	table := naivePoints{Year: year, Rules: rules.ID, Status: "open", Rows: l.rows(scored)}
	if _, closed := l.closed[year]; closed {
		table.Status = "closed"
	}
	table.Regions = l.regions(table.Rows)
	for _, row := range table.Rows {
		table.Total += row.Total
	}
	return table
}

func (l *naiveLedger) rows(scored []naiveAdoption) []naiveRow {
	lines := map[string][]naiveLine{}
	for _, adoption := range scored {
		for _, gift := range adoption.gifts {
			lines[gift.orgnr] = append(lines[gift.orgnr], gift.line)
		}
	}
	rows := []naiveRow{}
	for _, orgnr := range slices.Sorted(maps.Keys(lines)) {
		organisation := l.organisations[orgnr]
		row := naiveRow{Orgnr: orgnr, Name: organisation.Name, Region: organisation.Region, Lines: lines[orgnr]}
		for _, line := range row.Lines {
			if line.Role == "originator" {
				row.Originated += line.Points
			} else {
				row.Adopted += line.Points
			}
		}
		row.Total = row.Originated + row.Adopted
		rows = append(rows, row)
	}
	return rows
}

func (l *naiveLedger) regions(rows []naiveRow) []naiveRegion {
	sums := map[string]naiveRegion{}
	for _, row := range rows {
		name := l.organisations[l.heir(row.Orgnr)].Region
		sum := sums[name]
		sums[name] = naiveRegion{
			Region:     name,
			Originated: sum.Originated + row.Originated,
			Adopted:    sum.Adopted + row.Adopted,
			Total:      sum.Total + row.Total,
		}
	}
	regions := []naiveRegion{}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		regions = append(regions, sums[name])
	}
	return regions
}
