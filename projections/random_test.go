package projections_test

// Ledgers drawn by chance, admissible event by event, on which the fold and the naive fold must agree to the last
// thousandth.

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"spredning/keys"
	"spredning/ledger"
	tale "spredning/ledger/story"
	"spredning/projections"
)

const worldOrigin = "spredning.example/random"

// worldToday is late enough for use in any year.
var worldToday = time.Date(2027, 12, 31, 12, 0, 0, 0, time.UTC)

// world is a ledger in the making, with what the stories of these tests need to know of it.
type world struct {
	*tale.World
	entries   []*ledger.Entry
	bytes     [][]byte // of the entries
	authority ledger.Orgnr
	admins    map[ledger.Orgnr]*keys.Private
	reporters map[ledger.Orgnr]*keys.Private // the keys that report now
	assessors map[ledger.Orgnr]*keys.Private
	into      map[*draft]*draft // by the one that was merged
	gone      map[*draft]bool   // withdrawn
}

// newWorld founds a ledger; all worlds have the same keys.
func newWorld() *world {
	w, err := tale.Found(worldOrigin, "A ledger for tests", "world", worldToday)
	must(nil, err)
	return worldOf(w)
}

func worldOf(told *tale.World) *world {
	w := &world{
		World: told, authority: told.Authority, admins: told.Admins, reporters: told.Reporters, assessors: told.Assessors,
		into: map[*draft]*draft{}, gone: map[*draft]bool{},
	}
	w.catchUp()
	return w
}

// catchUp takes over what was said.
func (w *world) catchUp() {
	for _, e := range w.Entries[len(w.entries):] {
		w.entries, w.bytes = append(w.entries, e), append(w.bytes, e.Bytes)
	}
}

// must is for what a test needs to be admissible.
func must(e *ledger.Entry, err error) *ledger.Entry {
	if err != nil {
		panic(err)
	}
	return e
}

func worldOrgnr(n int) ledger.Orgnr { return tale.Orgnr(n) }

func worldKey(k *keys.Private, roles ...ledger.Role) ledger.Key {
	return ledger.Key{Scheme: k.Scheme, Public: base64.StdEncoding.EncodeToString(k.Bytes), Roles: roles, Label: "innovation office"}
}

func worldText(s string) ledger.Text { return ledger.Text{NB: &s} }

func worldLeaf(e *ledger.Entry) string {
	leaf := e.Leaf()
	return hex.EncodeToString(leaf[:])
}

func (w *world) newKey() *keys.Private { return w.NewKey() }

func (w *world) heir(o ledger.Orgnr) ledger.Orgnr { return w.Heir(o) }

func (w *world) say(by ledger.Orgnr, d ledger.Data, signers ...*keys.Private) (*ledger.Entry, error) {
	defer w.catchUp()
	return w.Say(by, d, signers...)
}

func (w *world) byAuthority(d ledger.Data) (*ledger.Entry, error) {
	defer w.catchUp()
	return w.ByAuthority(d)
}

func (w *world) register(o ledger.Organisation) {
	defer w.catchUp()
	must(nil, w.Register(o))
}

func (w *world) seat(o ledger.Orgnr) {
	defer w.catchUp()
	must(nil, w.Seat(o))
}

func (w *world) report(d ledger.Data, by ledger.Orgnr, others ...ledger.Orgnr) (*ledger.Entry, error) {
	defer w.catchUp()
	return w.Report(d, by, others...)
}

func (w *world) assess(d ledger.Data, by ...ledger.Orgnr) (*ledger.Entry, error) {
	defer w.catchUp()
	return w.Assess(d, by...)
}

func (w *world) succeed(successor ledger.Orgnr, predecessors ...ledger.Orgnr) (*ledger.Entry, error) {
	defer w.catchUp()
	return w.Succeed(successor, predecessors...)
}

// fold folds the first entries.
func (w *world) fold(position int) *projections.Fold {
	f := projections.NewFold()
	for _, e := range w.entries[:position] {
		f.Apply(e)
	}
	return f
}

// draft is an innovation as it is now.
type draft struct {
	id   string
	leaf string
	ledger.Innovation
}

type worldPair struct {
	*draft
	adopter ledger.Orgnr
}

type worldDispute struct {
	worldPair
	by ledger.Orgnr
}

func makersOf(d *ledger.Innovation) (makers []ledger.Orgnr) {
	for _, o := range d.Originators {
		makers = append(makers, o.Orgnr)
	}
	return makers
}

// final gives the innovation that one was finally merged into.
func (w *world) final(i *draft) *draft {
	for w.into[i] != nil {
		i = w.into[i]
	}
	return i
}

func (w *world) withdrawn(i *draft) (*ledger.Entry, error) {
	makers := makersOf(&i.Innovation)
	e, err := w.report(&ledger.Withdrawal{Innovation: i.id, Reason: worldText("Den svarte ikke.")}, makers[0], makers...)
	w.gone[i] = w.gone[i] || err == nil
	return e, err
}

// merged merges one innovation into another, by assessors or, if there are none, by all originators.
func (w *world) merged(i, into *draft, assessors []ledger.Orgnr) (e *ledger.Entry, err error) {
	d := &ledger.Merger{Innovation: i.id, Into: into.id, Reason: worldText("Den er den samme.")}
	if makers := slices.Concat(makersOf(&i.Innovation), makersOf(&into.Innovation)); assessors == nil {
		e, err = w.report(d, makers[0], makers...)
	} else {
		e, err = w.assess(d, assessors...)
	}
	if err == nil {
		w.into[i] = into
	}
	return e, err
}

func (w *world) assessed(i *draft, eligible bool, by ...ledger.Orgnr) (*ledger.Entry, error) {
	return w.assess(&ledger.Assessment{Innovation: i.id, Revision: i.leaf, Eligible: &eligible, Reason: worldText("Vi har sett på den.")}, by...)
}

func (w *world) retracts(p worldPair) (*ledger.Entry, error) {
	return w.report(&ledger.Retraction{Innovation: p.id, Reason: worldText("Det var en pilot.")}, p.adopter)
}

func (w *world) disputed(x worldDispute) (*ledger.Entry, error) {
	return w.report(&ledger.Dispute{Innovation: x.id, Adopter: x.adopter, Reason: worldText("Den er ikke i bruk.")}, x.by)
}

func (w *world) disputeWithdrawn(x worldDispute) (*ledger.Entry, error) {
	return w.report(&ledger.DisputeWithdrawal{Innovation: x.id, Adopter: x.adopter}, x.by)
}

func (w *world) decided(p worldPair, upheld bool, by ...ledger.Orgnr) (*ledger.Entry, error) {
	return w.assess(&ledger.Decision{Innovation: p.id, Adopter: p.adopter, Upheld: &upheld, Reason: worldText("Vi har spurt.")}, by...)
}

// random is a world in which chance said what happened.
type random struct {
	*world
	tale.Chance
	plain       bool // every rules: each adoption, each branch, no limits
	quiet       bool // nothing is merged, assessed, disputed or closed
	innovations []*draft
	pairs       []worldPair    // that were ever confirmed
	year        int            // the last that is opened
	happened    map[string]int // what is counted besides
	drawRules   func() ledger.Rules
}

// newRandom draws a ledger of so many entries. The same seed gives the same ledger; every fifth is quiet.
func newRandom(seed uint64, entries int, plain bool) *random {
	return told(tale.Config{
		Origin: worldOrigin, Seed: seed, Chance: rand.New(rand.NewPCG(seed, 0)), Organisations: 16, Entries: entries,
		Hasty: true, Plain: plain, Quiet: seed%5 == 1,
	})
}

// told tells a story to its end.
func told(c tale.Config) *random {
	s, err := tale.New(c)
	must(nil, err)
	must(nil, s.Tell(func(*ledger.Entry) error { return nil }))
	return reread(s, c)
}

// reread makes of a story what these tests ask about.
func reread(s *tale.Story, c tale.Config) *random {
	r := &random{world: worldOf(s.World), Chance: c.Chance, plain: c.Plain, quiet: c.Quiet, happened: map[string]int{}, drawRules: s.Rules}
	for code, n := range s.Refused {
		r.happened["refused "+string(code)] = n
	}
	for _, e := range r.entries {
		r.note(e)
	}
	return r
}

func (r *random) note(e *ledger.Entry) {
	switch d := e.Data.(type) {
	case *ledger.Publication:
		r.innovations = append(r.innovations, &draft{e.ID.String(), worldLeaf(e), d.Innovation})
	case *ledger.Revision:
		i := r.named(d.Of)
		i.leaf, i.Innovation = worldLeaf(e), d.Innovation
	case *ledger.Merger:
		i, into := r.named(d.Innovation), r.named(d.Into)
		r.into[i] = into
		byMakers := slices.ContainsFunc(slices.Concat(makersOf(&i.Innovation), makersOf(&into.Innovation)), func(o ledger.Orgnr) bool {
			return r.heir(o) == r.heir(e.By)
		})
		r.happened[fmt.Sprintf("merged by assessors %t", !byMakers)]++
	case *ledger.Withdrawal:
		r.gone[r.named(d.Innovation)] = true
	case *ledger.Confirmation:
		if p := (worldPair{r.named(d.Innovation), e.By}); !slices.Contains(r.pairs, p) {
			r.pairs = append(r.pairs, p)
		}
	case *ledger.YearOpening:
		r.year = d.Year
	}
}

// named finds an innovation.
func (r *random) named(id string) *draft {
	return r.innovations[slices.IndexFunc(r.innovations, func(i *draft) bool { return i.id == id })]
}

func pick[T any](r *random, of ...T) T { return of[r.IntN(len(of))] }

// acting draws one of those who report.
func (r *random) acting() ledger.Orgnr {
	return r.heir(pick(r, slices.Sorted(maps.Keys(r.reporters))...))
}

// sitting draws two assessors, who may be parties.
func (r *random) sitting() []ledger.Orgnr {
	from := slices.Sorted(maps.Keys(r.assessors))
	one := r.IntN(len(from))
	return []ledger.Orgnr{from[one], from[(one+1+r.IntN(len(from)-1))%len(from)]}
}

// laws are what holds of every ledger.
var laws = []func(*testing.T, *random){
	tablesAgree, naiveYearsAgree, correctionsAgree, law(closedStaysClosed), law(tablesAddUp), linesLeadToEntries, law(pairsScoreOnce), law(lineagesScoreOnce),
	pairsShareNothing, law(replaysAlike), quietPairsAsTold, law(strikesRaiseNobody),
	simulationsAgree, simulatingNothingNew, rootsAgree,
}

// law is one that is also held against what rapid draws.
func law(of func(rapid.TB, *random)) func(*testing.T, *random) {
	return func(t *testing.T, r *random) { of(t, r) }
}

// quietPairsAsTold leaves out what is told of pairs that are one by a merger.
func quietPairsAsTold(t *testing.T, r *random) {
	if r.quiet {
		pairsAsTold(t, r)
	}
}

// TestRandomLedgers draws ledgers and holds them against the laws. A ledger that breaks one comes back with its seed:
// go test -run TestRandomLedgers/seed_17.
func TestRandomLedgers(t *testing.T) {
	ledgers, few := 280, testing.Short() || underRace()
	if few {
		ledgers = 48
	}
	seen := &coverage{counts: map[string]int{}}
	t.Run("", func(t *testing.T) {
		for seed := range ledgers {
			t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
				t.Parallel()
				r := newRandom(uint64(seed), 80+20*(seed%6), seed%5 == 4)
				seen.watch(r)
				for _, law := range laws {
					law(t, r)
				}
				seen.add(r.happened)
			})
		}
	})
	if !few {
		seen.check(t)
	}
}

// underRace reports whether the race detector is on, which makes all of this ten times slower.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// tablesAgree compares the tables of every opened year with those of the naive fold: at the end, before a closing, and at
// places on the way of one fold that grows while it is read.
func tablesAgree(t *testing.T, r *random) {
	places := []int{1 + r.IntN(len(r.entries)), 1 + r.IntN(len(r.entries)), len(r.entries)}
	if closings := r.all(ledger.YearClosed); len(closings) > 0 {
		places = append(places, pick(r, closings...))
	}
	f := projections.NewFold()
	for n, e := range r.entries {
		f.Apply(e)
		if slices.Contains(places, n+1) {
			tablesAgreeAt(t, f, r.bytes[:n+1], r.year)
		}
	}
}

func tablesAgreeAt(t *testing.T, f *projections.Fold, entries [][]byte, last int) {
	var years []int
	for _, y := range naiveAll(entries) {
		years = append(years, y.year)
		got, ok := f.Table(y.year)
		if want := y.table(); !ok || !reflect.DeepEqual(normal(got), want) {
			t.Errorf("position %d, %d:\n%s", f.Position, y.year, differ(normal(got), want))
		}
	}
	if !slices.Equal(f.Years(), years) {
		t.Errorf("position %d: got years %v, want %v", f.Position, f.Years(), years)
	}
	for _, year := range []int{slices.Min(append(years, last)) - 1, last + 1} {
		if _, ok := f.Table(year); ok {
			t.Errorf("position %d, %d: got a table of a year that is not opened", f.Position, year)
		}
	}
}

// naiveYear is what the naive fold makes of a year.
type naiveYear struct {
	year    int
	then    *naiveLedger    // up to its closing; all of an open one
	earlier []naiveAdoption // that scored before it
	scored  []naiveAdoption
}

// naiveAll gives every opened year as naiveTable does, but reads the entries once for all of them.
func naiveAll(entries [][]byte) []naiveYear { return naiveAllBy(entries, naiveRead) }

func naiveAllBy(entries [][]byte, read func([][]byte) *naiveLedger) (years []naiveYear) {
	now := read(entries)
	var scored []naiveAdoption
	for _, year := range slices.Sorted(maps.Keys(now.opened)) {
		y := naiveYear{year: year, then: now, earlier: scored}
		if closing, closed := now.closed[year]; closed {
			y.then = read(entries[:closing+1])
		}
		scored = y.then.score(year, slices.Clone(scored))
		y.scored = scored[len(y.earlier):]
		years = append(years, y)
	}
	return years
}

func (y naiveYear) table() naivePoints {
	table := y.then.table(y.year, y.scored)
	table.Position = y.then.position
	return table
}

// naiveYearsAgree sees that naiveAll is what naiveTable says, of one year.
func naiveYearsAgree(t *testing.T, r *random) {
	years := naiveAll(r.bytes)
	if len(years) == 0 {
		return
	}
	y := pick(r, years...)
	if want, ok := naiveTable(r.bytes, y.year); !ok || !reflect.DeepEqual(y.table(), want) {
		t.Errorf("%d: got %+v, want %+v", y.year, y.table(), want)
	}
}

// all gives the indexes of the entries of a type.
func (w *world) all(of ledger.Type) (indexes []int) {
	for n, e := range w.entries {
		if e.Type == of {
			indexes = append(indexes, n)
		}
	}
	return indexes
}

// normal writes a table in the naive fold's form.
func normal(t projections.Table) naivePoints {
	n := naivePoints{Year: t.Year, Position: int(t.Position), Status: t.Status, Rows: []naiveRow{}, Regions: []naiveRegion{}, Total: int(t.Total)}
	if t.Rules != nil {
		n.Rules = t.Rules.ID
	}
	for _, r := range t.Rows {
		row := naiveRow{
			Orgnr: string(r.Orgnr), Name: r.Name, Region: r.Region,
			Originated: int(r.Originated), Adopted: int(r.Adopted), Total: int(r.Total),
		}
		for _, l := range r.Lines {
			row.Lines = append(row.Lines, naiveLine{int(l.Index), l.Innovation, string(l.Adopter), l.Role, l.Reach, int(l.Points)})
		}
		n.Rows = append(n.Rows, row)
	}
	for _, r := range t.Regions {
		n.Regions = append(n.Regions, naiveRegion{r.Region, int(r.Originated), int(r.Adopted), int(r.Total)})
	}
	return n
}

// differ lists what only one of two tables says.
func differ(got, want naivePoints) string {
	g, w := flat(got), flat(want)
	var diff strings.Builder
	for _, s := range w {
		if !slices.Contains(g, s) {
			fmt.Fprintln(&diff, "missing:", s)
		}
	}
	for _, s := range g {
		if !slices.Contains(w, s) {
			fmt.Fprintln(&diff, "too much:", s)
		}
	}
	if diff.Len() == 0 {
		fmt.Fprintf(&diff, "order: got\n%s\nwant\n%s\n", strings.Join(g, "\n"), strings.Join(w, "\n"))
	}
	return diff.String()
}

func flat(t naivePoints) []string {
	all := []string{fmt.Sprintf("year %d, rules %q, position %d, %s, total %d", t.Year, t.Rules, t.Position, t.Status, t.Total)}
	for _, r := range t.Rows {
		all = append(all, fmt.Sprintf("row %s %q %q: %d + %d = %d", r.Orgnr, r.Name, r.Region, r.Originated, r.Adopted, r.Total))
		for _, l := range r.Lines {
			all = append(all, fmt.Sprintf("line of %s: %+v", r.Orgnr, l))
		}
	}
	for _, r := range t.Regions {
		all = append(all, fmt.Sprintf("region %+v", r))
	}
	return all
}

// coverage counts what the ledgers made happen, so that agreement means something.
type coverage struct {
	mu     sync.Mutex
	counts map[string]int
}

// wanted must all have happened in some ledger.
var wanted = []string{
	"line originator same_region", "line originator other_region", "line adopter same_region", "line adopter other_region",
	"line of 0 points", "thousandth dealt out", "share lapsed", "adopter without region",
	"skipped: lineage each", "skipped: lineage once", "skipped: innovation's limit", "skipped: originator and adopter's limit",
	"skipped: scored in a closed year", "skipped: its duplicate scored in a closed year", "skipped: its predecessor scored in a closed year",
	"skipped: its lineage scored in a closed year",
	"no line: project, lineage each", "no line: project, lineage once", "no line: scored in an earlier year",
	"no line: its duplicate scored in a closed year",
	"rules replaced for the same year", "year without rules", "closed without rules",
	"scored under plain rules", "entry after a retraction", "ended and scored", "invited after use", "flagged key",
	"scored: a duplicate is confirmed too", "scored: a predecessor has confirmed too", "scored: confirmed by a predecessor",
	"scored: entry is of a duplicate", "scored: one confirmation of two was struck",
	"both of a pair scored before they were one",
	"later year: confirmed late", "later year: decided late", "later year: assessed late", "later year: one merged into it assessed late",
	"closed in time for one, late for its duplicate",
	"scored: dispute withdrawn", "scored: dispute rejected", "scored: decided anew", "scored: eligible as assessed",
	"not counted: open dispute", "not counted: struck", "not counted: struck when decided anew",
	"not counted: withdrawn", "not counted: own innovation", "not counted: own through a merger", "not counted: own through a succession",
	"not counted: not eligible as assessed", "not counted: one merged into it is not eligible",
	"not counted: closed without it", "not counted: history",
	"assessment ended by a revision", "innovation with two merged into it", "successor of a successor",
	"row of one that was succeeded", "frozen table that would be different today", "frozen names or regions that are different today",
	"merged by assessors true", "merged by assessors false",
	"correction: retracted", "correction: disputed", "correction: struck", "correction: withdrawn", "correction: own_innovation",
	"correction: not_eligible",
	"strikes: adoption.retracted", "strikes: adoption.disputed", "strikes: dispute.decided", "strikes: innovation.withdrawn",
	"refused not_authorised", "refused already_exists", "refused wrong_state", "refused own_innovation", "refused stale_revision",
	"refused under_dispute", "refused missing_signature", "refused revoked_key", "refused unknown_adoption",
	"simulated line gained by no_rules", "simulated line gained by not_eligible", "simulated line gained by kind",
	"simulated line gained by scored", "simulated line gained by lineage", "simulated line gained by limit", "simulated line gained by project",
	"simulated line lost by not_eligible", "simulated line lost by kind", "simulated line lost by scored",
	"simulated line lost by lineage", "simulated line lost by limit", "simulated line lost by project",
	"simulated line changed by value", "simulated line changed by reach",
}

func (c *coverage) check(t *testing.T) {
	t.Helper()
	for _, what := range slices.Sorted(maps.Keys(c.counts)) {
		t.Logf("%7d %s", c.counts[what], what)
	}
	for _, what := range wanted {
		if c.counts[what] == 0 {
			t.Errorf("never happened: %s", what)
		}
	}
	for _, d := range worldTypes {
		if c.counts["event "+string(d)] == 0 {
			t.Errorf("no event: %s", d)
		}
	}
	for _, d := range aroundClosings {
		for _, when := range []string{"before", "after"} {
			if c.counts[string(d)+" "+when+" a closing"] == 0 {
				t.Errorf("no %s %s a closing", d, when)
			}
		}
	}
}

// worldTypes are the events that a ledger is made of.
var worldTypes = append([]ledger.Type{
	ledger.LedgerFounded, ledger.OrganisationRegistered, ledger.KeyEnrolled, ledger.KeyRevoked, ledger.InnovationDisputed,
	ledger.AdoptionInvited, ledger.AdoptionDeclined, ledger.YearOpened, ledger.YearClosed,
}, aroundClosings...)

// aroundClosings are the events that bear on points, and must come on both sides of a closing.
var aroundClosings = []ledger.Type{
	ledger.OrganisationAmended, ledger.OrganisationSucceeded,
	ledger.InnovationPublished, ledger.InnovationRevised, ledger.InnovationWithdrawn, ledger.InnovationMerged, ledger.InnovationAssessed,
	ledger.AdoptionConfirmed, ledger.AdoptionEnded, ledger.AdoptionRetracted,
	ledger.AdoptionDisputed, ledger.DisputeWithdrawn, ledger.DisputeDecided, ledger.RulesPublished,
}

func (c *coverage) add(counts map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for what, n := range counts {
		c.counts[what] += n
	}
}

// watch counts what happened in a ledger, as the naive fold sees it.
func (c *coverage) watch(r *random) {
	s := sight{counts: map[string]int{"ledgers": 1}, now: naiveRead(r.bytes), fold: r.fold(len(r.entries)), scored: map[int]bool{}}
	s.events(r)
	s.rules()
	years := naiveAll(r.bytes)
	for _, y := range years {
		s.year(y, r.plain)
	}
	s.joined(years)
	s.uncounted()
	s.mergers()
	s.histories()
	c.add(s.counts)
}

// sight counts what happened in one ledger.
type sight struct {
	counts map[string]int
	now    *naiveLedger
	fold   *projections.Fold
	scored map[int]bool // by entry
}

// saw counts something that is so.
func (s *sight) saw(what string, so bool) {
	if so {
		s.counts[what]++
	}
}

func (s *sight) events(r *random) {
	closings := r.all(ledger.YearClosed)
	for n, e := range r.entries {
		s.saw("event "+string(e.Type), true)
		s.saw(string(e.Type)+" before a closing", len(closings) > 0 && n < closings[len(closings)-1])
		s.saw(string(e.Type)+" after a closing", len(closings) > 0 && n > closings[0])
	}
}

func (s *sight) rules() {
	for i, r := range s.now.rules {
		s.saw("rules replaced for the same year", slices.ContainsFunc(s.now.rules[:i], func(o naiveRules) bool { return o.FromYear == r.FromYear }))
	}
}

// year counts what scored in a year, and what did not.
func (s *sight) year(y naiveYear, plain bool) {
	rules, ok := y.then.rulesFor(y.year)
	_, closed := s.now.closed[y.year]
	if !ok {
		s.saw("year without rules", true)
		s.saw("closed without rules", closed)
		return
	}
	s.skips(y, rules)
	for _, a := range y.scored {
		s.scored[a.index] = true
		s.saw("scored under plain rules", plain)
		s.lines(y, a, rules)
		s.pair(y, a)
		s.settledLate(y, a)
	}
	if closed {
		s.frozen(y)
	}
}

// skips counts the candidates of a year that did not score, by why.
func (s *sight) skips(y naiveYear, rules naiveRules) {
	l := y.then
	for _, candidate := range l.candidates(y.year, rules) {
		before := slices.Clone(y.earlier)
		for _, a := range y.scored {
			if a.index < candidate.index {
				before = append(before, a)
			}
		}
		switch {
		case l.again(candidate, rules, before):
			s.saw("skipped: lineage "+rules.Lineage, true)
			s.scoredClosed(y, candidate, rules)
		case l.innovationFull(candidate, rules, before):
			s.saw("skipped: innovation's limit", true)
		case l.originatorFull(candidate, rules, before):
			s.saw("skipped: originator and adopter's limit", true)
		}
	}
}

// scoredClosed counts by what a candidate has scored in a closed year.
func (s *sight) scoredClosed(y naiveYear, candidate naiveAdoption, rules naiveRules) {
	for _, before := range y.earlier {
		closing, closed := s.now.closed[before.year]
		if !closed || !y.then.again(candidate, rules, []naiveAdoption{before}) {
			continue
		}
		s.saw("skipped: scored in a closed year", true)
		s.saw("skipped: its duplicate scored in a closed year", s.mergedAfter(before.innovation, closing) && y.then.final(before.innovation) == candidate.innovation)
		s.saw("skipped: its predecessor scored in a closed year", before.adopter != candidate.adopter)
		s.saw("skipped: its lineage scored in a closed year", y.then.final(before.innovation) != candidate.innovation)
	}
}

func (s *sight) mergedAfter(innovation string, index int) bool {
	return naiveFollow(s.now.mergers, innovation, index) != s.now.final(innovation)
}

// lines counts what an adoption that scored gave and did not give.
func (s *sight) lines(y naiveYear, a naiveAdoption, rules naiveRules) {
	l := y.then
	for _, g := range a.gifts {
		s.saw("line "+g.line.Role+" "+g.line.Reach, true)
		s.saw("line of 0 points", g.line.Points == 0)
		s.saw("row of one that was succeeded", l.heir(g.orgnr) != g.orgnr)
	}
	for _, o := range a.originators {
		at := slices.IndexFunc(a.gifts, func(g naiveGift) bool { return g.orgnr == o.Orgnr && g.line.Role == "originator" })
		if at >= 0 {
			s.saw("thousandth dealt out", a.gifts[at].line.Points > rules.Originator.thousandths(a.gifts[at].line.Reach)*o.Share/1000)
			continue
		}
		s.saw("no line: project, lineage "+rules.Lineage, true)
		reach := l.reach(o.Orgnr, a.adopter)
		for _, before := range y.earlier {
			had := l.hasLine(o.Orgnr, reach, a, rules, []naiveAdoption{before})
			_, closed := s.now.closed[before.year]
			s.saw("no line: scored in an earlier year", had)
			s.saw("no line: its duplicate scored in a closed year", had && closed && before.innovation != a.innovation && l.final(before.innovation) == a.innovation)
		}
	}
	s.saw("share lapsed", len(a.originators) < len(l.current(a.innovation).Originators))
	s.saw("adopter without region", l.organisations[a.adopter].Region == "")
}

// pair counts what an adoption that scored was made of.
func (s *sight) pair(y naiveYear, a naiveAdoption) {
	l := y.then
	pair := naivePair{a.innovation, l.heir(a.adopter)}
	var entry naiveClaim
	standing, struck := 0, 0
	for _, c := range l.about(pair, "adoption.confirmed") {
		if c.at == a.index {
			entry = c
		}
		if l.struck(c) {
			struck++
			s.saw("entry after a retraction", c.at < a.index && c.Innovation == a.innovation && c.by == a.adopter)
			continue
		}
		standing++
		s.saw("scored: a duplicate is confirmed too", c.Innovation != entry.Innovation)
		s.saw("scored: a predecessor has confirmed too", c.by != a.adopter)
	}
	s.saw("scored: one confirmation of two was struck", standing > 0 && struck > 0)
	s.saw("scored: confirmed by a predecessor", l.heir(a.adopter) != a.adopter)
	s.saw("scored: entry is of a duplicate", entry.Innovation != a.innovation)
	decisions := l.about(pair, "dispute.decided")
	s.saw("scored: dispute withdrawn", len(l.about(pair, "dispute.withdrawn")) > 0)
	s.saw("scored: dispute rejected", len(decisions) > 0)
	s.saw("scored: decided anew", slices.ContainsFunc(decisions, func(d naiveClaim) bool { return d.Upheld }))
	assessed, inForce := l.assessment(a.innovation)
	s.saw("scored: eligible as assessed", inForce && assessed.Eligible && !s.eligibleUnassessed(y, a.innovation))
}

// eligibleUnassessed is the fourth condition without the committee.
func (s *sight) eligibleUnassessed(y naiveYear, innovation string) bool {
	rules, _ := y.then.rulesFor(y.year)
	without := *y.then
	without.assessments = nil
	return without.eligible(innovation, rules)
}

// settledLate counts why an adoption scored in a later year than that of its use.
func (s *sight) settledLate(y naiveYear, a naiveAdoption) {
	l := y.then
	pair := naivePair{a.innovation, l.heir(a.adopter)}
	for _, c := range l.about(pair, "adoption.confirmed") {
		use, _ := strconv.Atoi(c.InUseFrom[:4])
		if c.at != a.index || use == y.year {
			continue
		}
		closing := l.closed[use]
		late := func(index int) bool { return closing < index }
		s.saw("later year: confirmed late", late(c.at))
		if late(c.at) {
			return
		}
		s.saw("later year: decided late", slices.ContainsFunc(l.about(pair, "dispute.decided"), func(d naiveClaim) bool { return late(d.at) }))
		for _, member := range l.members(a.innovation) {
			assessed, inForce := l.assessment(member)
			s.saw("later year: assessed late", inForce && late(assessed.at))
			s.saw("later year: one merged into it assessed late", inForce && late(assessed.at) && member != a.innovation)
		}
	}
}

// frozen counts closed tables that would be different if they were made today.
func (s *sight) frozen(y naiveYear) {
	then := y.then.table(y.year, y.scored)
	today := s.now.table(y.year, s.now.score(y.year, slices.Clone(y.earlier))[len(y.earlier):])
	s.saw("frozen table that would be different today", !reflect.DeepEqual(then, today))
	names := s.now.table(y.year, y.scored)
	s.saw("frozen names or regions that are different today", !reflect.DeepEqual(then.Rows, names.Rows))
	if c, ok := s.fold.Corrections(y.year); ok {
		for _, l := range c.Lines {
			s.saw("correction: "+l.Reason, true)
		}
	}
}

// joined counts pairs that had both scored before a merger or a succession made them one.
func (s *sight) joined(years []naiveYear) {
	scored := map[naivePair]bool{}
	for _, y := range years {
		for _, a := range y.scored {
			pair := naivePair{s.now.final(a.innovation), s.now.heir(a.adopter)}
			s.saw("both of a pair scored before they were one", scored[pair])
			scored[pair] = true
		}
	}
}

// uncounted counts the confirmed pairs that are no candidates now, by why.
func (s *sight) uncounted() {
	l := s.now
	for _, entry := range l.pairEntries() {
		pair := l.pairBefore(entry, l.position)
		for _, d := range l.about(pair, "adoption.disputed") {
			s.saw("not counted: open dispute", l.open(d))
		}
		if decisions := l.about(pair, "dispute.decided"); len(decisions) > 0 && decisions[len(decisions)-1].Upheld {
			s.saw("not counted: struck", true)
			s.saw("not counted: struck when decided anew", len(decisions) > 1 && !decisions[len(decisions)-2].Upheld)
		}
		s.saw("not counted: withdrawn", l.withdrawn[pair.innovation])
		s.own(entry, pair)
		s.ineligible(pair)
		s.passed(entry, pair)
	}
}

// own counts what an adopter has come to have made itself.
func (s *sight) own(entry naiveClaim, pair naivePair) {
	for _, member := range s.now.members(pair.innovation) {
		for _, v := range s.now.versions[member] {
			for _, o := range v.Originators {
				if s.now.heir(o.Orgnr) == pair.adopter {
					s.saw("not counted: own innovation", true)
					s.saw("not counted: own through a merger", member != entry.Innovation)
					s.saw("not counted: own through a succession", o.Orgnr != entry.by)
				}
			}
		}
	}
}

func (s *sight) ineligible(pair naivePair) {
	rules := naiveRules{OwnOnly: true, NoInitiative: true}
	for _, member := range s.now.members(pair.innovation) {
		assessed, inForce := s.now.assessment(member)
		s.saw("not counted: not eligible as assessed", inForce && !assessed.Eligible)
		alone := *s.now
		alone.mergers = nil
		s.saw("not counted: one merged into it is not eligible", member != pair.innovation && !alone.eligible(member, rules) && alone.eligible(pair.innovation, rules))
		s.saw("assessment ended by a revision", !inForce && len(s.now.assessments[member]) > 0)
	}
}

// passed counts the pairs whose year closed without them, or was over before the first.
func (s *sight) passed(entry naiveClaim, pair naivePair) {
	year := s.now.yearOf(entry, pair)
	if len(s.now.opened) == 0 {
		return
	}
	first := slices.Min(slices.Collect(maps.Keys(s.now.opened)))
	_, closed := s.now.closed[year]
	s.saw("not counted: closed without it", closed && !s.scored[entry.at])
	s.saw("not counted: history", year < first && len(s.now.closed) > 0)
	for _, c := range s.now.about(pair, "adoption.confirmed") {
		s.saw("closed in time for one, late for its duplicate", !s.now.struck(c) && c.at != entry.at && s.now.yearOf(c, pair) > year && closed)
	}
}

func (s *sight) mergers() {
	for id := range s.now.versions {
		s.saw("innovation with two merged into it", len(s.now.members(id)) > 2)
	}
	for _, step := range s.now.successors {
		s.saw("successor of a successor", s.now.heir(step.to) != step.to)
	}
}

// histories counts what happened to pairs and keys besides.
func (s *sight) histories() {
	for _, o := range s.fold.Organisations() {
		for _, a := range o.Adopted {
			waits := slices.ContainsFunc(o.Invitations, func(i projections.Invitation) bool { return i.Innovation == a.Innovation })
			s.saw("invited after use", waits && a.Status != "invited")
			s.saw("ended and scored", a.Index != nil && s.scored[int(*a.Index)] && a.Status == "ended")
		}
	}
	for _, k := range s.fold.Keys() {
		s.saw("flagged key", k.ByAuthority)
	}
}
