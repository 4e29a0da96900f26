package projections_test

// Ledgers drawn by chance, admissible event by event, on which the fold and the naive fold must agree to the last
// thousandth.

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

const worldOrigin = "spredning.example/random"

// worldToday is late enough for use in any year that is drawn.
var worldToday = time.Date(2027, 12, 31, 12, 0, 0, 0, time.UTC)

// world is a ledger in the making. It holds only what the rules of admission let through.
type world struct {
	state     *ledger.State
	entries   []*ledger.Entry
	bytes     [][]byte // of the entries
	authority ledger.Orgnr
	admins    map[ledger.Orgnr]*keys.Private
	reporters map[ledger.Orgnr]*keys.Private // the keys that report now
	said      int                            // events, refused ones too
	keys      int
}

func newWorld() *world {
	w := &world{
		state: ledger.NewState(), authority: worldOrgnr(0),
		admins: map[ledger.Orgnr]*keys.Private{}, reporters: map[ledger.Orgnr]*keys.Private{},
	}
	w.admins[w.authority] = w.newKey()
	logKey, err := ledger.NewLogKey(worldOrigin, w.newKey())
	must(nil, err)
	must(w.say(w.authority, &ledger.Founding{
		Name: "A ledger for tests", Illustrative: new(true), LogKey: logKey.String(),
		Authority: ledger.Organisation{Orgnr: w.authority, Name: "The authority", Short: "authority", Kind: ledger.KindAuthority},
		Keys:      []ledger.Key{worldKey(w.admins[w.authority], ledger.Admin)},
	}, w.admins[w.authority]))
	return w
}

// must is for what a test needs to be admissible.
func must(e *ledger.Entry, err error) *ledger.Entry {
	if err != nil {
		panic(err)
	}
	return e
}

// say seals an event and appends it, if it is admissible.
func (w *world) say(by ledger.Orgnr, d ledger.Data, signers ...*keys.Private) (*ledger.Entry, error) {
	w.said++
	var id ulid.ULID
	must(nil, id.SetTime(uint64(1_700_000_000_000+w.said)))
	payload, err := ledger.Event{Ledger: worldOrigin, ID: id, Type: ledger.TypeOf(d), By: by, At: worldToday, Data: d}.Encode()
	must(nil, err)
	envelope, err := keys.Seal(payload, signers...)
	must(nil, err)
	e, err := ledger.ParseEntry(int64(len(w.entries)), envelope.Encode())
	if err != nil {
		return nil, err
	}
	return e, w.admit(e)
}

func (w *world) admit(e *ledger.Entry) error {
	if err := ledger.VerifyEntry(e, w.state.Key); err != nil {
		return err
	}
	if err := ledger.Decide(w.state, &e.Signed); err != nil {
		return err
	}
	w.state = ledger.Evolve(w.state, e)
	w.entries, w.bytes = append(w.entries, e), append(w.bytes, e.Bytes)
	return nil
}

// worldOrgnr gives the nth organisation number with a check digit, counted from one that is nobody's.
func worldOrgnr(n int) ledger.Orgnr {
	for first := 10000000; ; first++ {
		sum := 0
		for i, weight := range []int{3, 2, 7, 6, 5, 4, 3, 2} {
			sum += weight * int(fmt.Sprint(first)[i]-'0')
		}
		check := (11 - sum%11) % 11
		if check == 10 {
			continue
		}
		if n == 0 {
			return ledger.Orgnr(fmt.Sprint(first, check)[:8] + fmt.Sprint(check))
		}
		n--
	}
}

// newKey makes the next key; all worlds make the same ones.
func (w *world) newKey() *keys.Private {
	w.keys++
	seed := sha256.Sum256(fmt.Appendf(nil, "key %d", w.keys))
	return keys.FromSeed(seed[:])
}

func worldKey(k *keys.Private, roles ...ledger.Role) ledger.Key {
	return ledger.Key{Scheme: k.Scheme, Public: base64.StdEncoding.EncodeToString(k.Bytes), Roles: roles, Label: "innovation office"}
}

// register registers an organisation and enrols a key for all that it does.
func (w *world) register(o ledger.Organisation) {
	k := w.newKey()
	must(w.say(w.authority, &ledger.Registration{Organisation: o}, w.admins[w.authority]))
	must(w.say(w.authority, &ledger.Enrolment{Organisation: o.Orgnr, Key: worldKey(k, ledger.Admin, ledger.Report)}, w.admins[w.authority]))
	w.admins[o.Orgnr], w.reporters[o.Orgnr] = k, k
}

// byAuthority says something that the authority's admin signs.
func (w *world) byAuthority(d ledger.Data) (*ledger.Entry, error) {
	return w.say(w.authority, d, w.admins[w.authority])
}

// report says something that the reporters of one or more organisations sign.
func (w *world) report(d ledger.Data, by ledger.Orgnr, others ...ledger.Orgnr) (*ledger.Entry, error) {
	signers := []*keys.Private{w.reporters[by]}
	for _, o := range others {
		if o != by {
			signers = append(signers, w.reporters[o])
		}
	}
	return w.say(by, d, signers...)
}

func worldText(s string) ledger.Text { return ledger.Text{NB: &s} }

func worldLeaf(e *ledger.Entry) string {
	leaf := e.Leaf()
	return hex.EncodeToString(leaf[:])
}

// fold folds the first entries.
func (w *world) fold(position int) *projections.Fold {
	f := projections.NewFold()
	for _, e := range w.entries[:position] {
		f.Apply(e)
	}
	return f
}

// random is a world in which chance says what happens.
type random struct {
	*world
	*rand.Rand
	plain       bool // every rules: each adoption, each branch, no limits
	free        []ledger.Orgnr
	orgs        []ledger.Organisation // as they are now, without the authority
	innovations []*draft
	pairs       []worldPair        // that were ever confirmed
	standing    map[worldPair]bool // those that are confirmed now
	invited     []worldPair
	year        int            // the last that is opened
	rules       int            // published
	refused     map[string]int // by code
	weights     []int          // of the acts
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

// acts are what can happen, each with how often.
var acts = []struct {
	weight int
	act    func(*random) error
}{
	{8, (*random).publish},
	{7, (*random).revise},
	{1, (*random).withdraw},
	{8, (*random).invite},
	{4, (*random).decline},
	{90, (*random).confirm},
	{4, (*random).end},
	{4, (*random).retract},
	{4, (*random).publishRules},
	{5, (*random).openYear},
	{4, (*random).amend},
	{2, (*random).enter},
	{2, (*random).renew},
}

// errNothing is returned by an act that has nothing to act on.
var errNothing = errors.New("nothing to act on")

// newRandom draws a ledger of about so many entries. The same seed gives the same ledger.
func newRandom(seed uint64, entries int, plain bool) *random {
	r := &random{world: newWorld(), Rand: rand.New(rand.NewPCG(seed, 0)), plain: plain, refused: map[string]int{}, standing: map[worldPair]bool{}}
	for _, n := range r.Perm(12) {
		r.free = append(r.free, worldOrgnr(n+1))
	}
	for range 6 + r.IntN(4) {
		must(nil, r.enter())
	}
	for _, a := range acts {
		r.weights = append(r.weights, a.weight*(1+r.IntN(3)))
	}
	for range 2 {
		must(nil, r.publishRules())
	}
	for tries := 4 * entries; len(r.entries) < entries && tries > 0; tries-- {
		r.happen()
	}
	return r
}

func (r *random) happen() {
	err := r.act()(r)
	var refusal *ledger.Refusal
	switch {
	case errors.As(err, &refusal):
		r.refused[string(refusal.Code)]++
	case err != nil && err != errNothing:
		panic(err)
	}
}

func (r *random) act() func(*random) error {
	total := 0
	for _, w := range r.weights {
		total += w
	}
	at := r.IntN(total)
	for i, w := range r.weights {
		if at < w {
			return acts[i].act
		}
		at -= w
	}
	panic("unreachable")
}

func pick[T any](r *random, of ...T) T { return of[r.IntN(len(of))] }

// chance is true so many times of a hundred.
func (r *random) chance(percent int) bool { return r.IntN(100) < percent }

func (r *random) date(from, to int) ledger.Date {
	return ledger.Date(fmt.Sprintf("%d-%02d-%02d", from+r.IntN(to-from+1), 1+r.IntN(12), 1+r.IntN(28)))
}

// enter registers a further organisation.
func (r *random) enter() error {
	if len(r.free) == 0 {
		return errNothing
	}
	o := ledger.Organisation{Orgnr: r.free[0]}
	r.free = r.free[1:]
	o.Name, o.Short = "Organisation "+string(o.Orgnr), "o"+string(o.Orgnr)
	r.place(&o)
	r.register(o)
	r.orgs = append(r.orgs, o)
	return nil
}

// place draws an organisation's kind, region and years in the measuring system.
func (r *random) place(o *ledger.Organisation) {
	o.Kind = pick(r, ledger.KindHF, ledger.KindHF, ledger.KindHF, ledger.KindHF, ledger.KindHF, ledger.KindPrivateNonprofit,
		ledger.KindPrivateNonprofit, ledger.KindRHF, ledger.KindMunicipality, ledger.KindOther)
	o.Region, o.MeasuredFrom, o.MeasuredTo = "", nil, nil
	if r.chance(85) {
		o.Region = pick(r, ledger.Regions...)
	}
	if r.chance(90) {
		o.MeasuredFrom = new(pick(r, 2003, 2003, 2003, 2023, 2025))
		if r.chance(20) {
			o.MeasuredTo = new(2025 + r.IntN(3))
		}
	}
}

func (r *random) amend() error {
	o := &r.orgs[r.IntN(len(r.orgs))]
	next := *o
	switch r.IntN(3) {
	case 0:
		next.Name += "!"
	case 1:
		next.Region = pick(r, append([]string{""}, ledger.Regions...)...)
	default:
		r.place(&next)
	}
	_, err := r.byAuthority(&ledger.Amendment{Organisation: next})
	if err == nil {
		*o = next
	}
	return err
}

// renew gives an organisation another key to report with, and may revoke the one before.
func (r *random) renew() error {
	o, k := pick(r, r.orgs...).Orgnr, r.newKey()
	by := pick(r, o, o, r.authority)
	if _, err := r.say(by, &ledger.Enrolment{Organisation: o, Key: worldKey(k, ledger.Report)}, r.admins[by]); err != nil {
		return err
	}
	before := r.reporters[o]
	r.reporters[o] = k
	if before == r.admins[o] || r.chance(30) {
		return nil
	}
	d := &ledger.Revocation{Key: before.ID(), Reason: pick(r, "lost", "left", "compromised", "rotated")}
	if r.chance(50) {
		d.CompromisedFrom = new(r.Int64N(int64(len(r.entries))))
	}
	_, err := r.say(by, d, r.admins[by])
	return err
}

func makersOf(d *ledger.Innovation) (makers []ledger.Orgnr) {
	for _, o := range d.Originators {
		makers = append(makers, o.Orgnr)
	}
	return makers
}

func (r *random) publish() error {
	d := r.innovation()
	makers := makersOf(&d)
	e, err := r.report(&ledger.Publication{Innovation: d}, makers[0], makers...)
	if err == nil {
		r.innovations = append(r.innovations, &draft{e.ID.String(), worldLeaf(e), d})
	}
	return err
}

func (r *random) innovation() (d ledger.Innovation) {
	d.Title = worldText(fmt.Sprintf("Løsning %d", len(r.innovations)))
	d.Summary, d.Kind = worldText("Noe nytt."), pick(r, "service", "product", "process", "organisation", "communication")
	d.InUseSince = r.date(2018, 2023)
	d.Originators, d.Funding, d.RegionalInitiative = r.originators(), r.funding(), new(r.chance(6))
	r.derive(&d)
	return d
}

// originators are one to three with odd shares.
func (r *random) originators() (all []ledger.Originator) {
	rest := 1000
	for n, at := range r.Perm(len(r.orgs))[:pick(r, 1, 1, 1, 2, 2, 3)] {
		if n > 0 {
			cut := pick(r, 333, 500, 1, 1+r.IntN(rest))
			cut = min(cut, all[n-1].Share-1)
			if cut < 1 {
				break
			}
			all[n-1].Share -= cut
			rest = cut
		}
		all = append(all, ledger.Originator{Orgnr: r.orgs[at].Orgnr, Share: rest})
	}
	return all
}

func (r *random) funding() []ledger.Funding {
	if r.chance(75) {
		return []ledger.Funding{ledger.Own}
	}
	return pick(r, []ledger.Funding{ledger.Own, "eu"}, []ledger.Funding{"rhf", "nfr"}, []ledger.Funding{"other", ledger.Own})
}

func (r *random) derive(d *ledger.Innovation) {
	d.DerivedFrom = ""
	if len(r.innovations) > 0 && r.chance(45) {
		d.DerivedFrom = pick(r, r.innovations...).id
	}
}

func (r *random) revise() error {
	if len(r.innovations) == 0 {
		return errNothing
	}
	i := pick(r, r.innovations...)
	next := i.Innovation
	switch r.IntN(8) {
	case 0:
		next.Originators = r.originators()
	case 2:
		next.Funding = r.funding()
	case 3:
		next.RegionalInitiative = new(!*next.RegionalInitiative)
	case 4, 5, 6:
		r.derive(&next)
	default:
		next.Kind, next.InUseSince = "service", r.date(2018, 2023)
	}
	before, after := makersOf(&i.Innovation), makersOf(&next)
	signers := slices.Compact(slices.Sorted(slices.Values(slices.Concat(before, after))))
	e, err := r.report(&ledger.Revision{Of: i.id, Innovation: next}, before[0], signers...)
	if err == nil {
		i.leaf, i.Innovation = worldLeaf(e), next
	}
	return err
}

func (r *random) withdraw() error {
	if len(r.innovations) == 0 {
		return errNothing
	}
	i := pick(r, r.innovations...)
	makers := makersOf(&i.Innovation)
	_, err := r.report(&ledger.Withdrawal{Innovation: i.id, Reason: worldText("Den svarte ikke.")}, makers[0], makers...)
	return err
}

func (r *random) invite() error {
	if len(r.innovations) == 0 {
		return errNothing
	}
	p := worldPair{pick(r, r.innovations...), pick(r, r.orgs...).Orgnr}
	if len(r.pairs) > 0 && r.chance(40) {
		p = pick(r, r.pairs...)
	}
	by := pick(r, p.Originators...).Orgnr
	_, err := r.report(&ledger.Invitation{Innovation: p.id, Adopter: p.adopter, Note: worldText("Bruker dere den?")}, by)
	if err == nil {
		r.invited = append(r.invited, p)
	}
	return err
}

func (r *random) decline() error {
	if len(r.invited) == 0 {
		return errNothing
	}
	p := pick(r, r.invited...)
	_, err := r.report(&ledger.Decline{Innovation: p.id, Reason: worldText("Vi har en annen.")}, p.adopter)
	return err
}

func (r *random) confirm() error {
	if len(r.innovations) == 0 {
		return errNothing
	}
	p := r.pair()
	for tries := 0; tries < 3 && r.standing[p]; tries++ {
		p = r.pair()
	}
	d := &ledger.Confirmation{
		Innovation: p.id, Revision: p.leaf, InUseFrom: r.date(2022, 2027),
		Extent: pick(r, "unit", "hospital", "trust"), Form: pick(r, "as_is", "adapted"), Funding: r.funding(),
	}
	if r.chance(3) {
		d.Revision = strings.Repeat("0", 64)
	}
	_, err := r.report(d, p.adopter)
	if err == nil {
		r.standing[p] = true
		if !slices.Contains(r.pairs, p) {
			r.pairs = append(r.pairs, p)
		}
	}
	return err
}

// pair draws an innovation and one who might adopt it.
func (r *random) pair() worldPair {
	i, o := pick(r, r.innovations...), pick(r, r.orgs...).Orgnr
	if slices.Contains(makersOf(&i.Innovation), o) && r.chance(90) {
		o = pick(r, r.orgs...).Orgnr
	}
	return worldPair{i, o}
}

func (r *random) end() error {
	if len(r.pairs) == 0 {
		return errNothing
	}
	p := pick(r, r.pairs...)
	_, err := r.report(&ledger.Ending{Innovation: p.id, EndedOn: r.date(2026, 2027), Reason: worldText("En bedre kom.")}, p.adopter)
	if err == nil {
		r.standing[p] = false
	}
	return err
}

func (r *random) retract() error {
	if len(r.pairs) == 0 {
		return errNothing
	}
	p := pick(r, r.pairs...)
	_, err := r.retracts(p)
	if err == nil {
		r.standing[p] = false
	}
	return err
}

func (w *world) retracts(p worldPair) (*ledger.Entry, error) {
	return w.report(&ledger.Retraction{Innovation: p.id, Reason: worldText("Det var en pilot.")}, p.adopter)
}

func (r *random) openYear() error {
	next := cmp.Or(r.year+1, 1)
	if r.year == 0 {
		next = pick(r, 2022, 2022, 2023, 2024)
	}
	if next > 2027 {
		return errNothing
	}
	_, err := r.byAuthority(&ledger.YearOpening{Year: next})
	if err == nil {
		r.year = next
	}
	return err
}

func (r *random) publishRules() error {
	r.rules++
	rules := ledger.Rules{
		ID: fmt.Sprintf("rules %d", r.rules), FromYear: pick(r, 2021, 2022, 2022, 2023, 2024, 2025, 2026),
		Basis: pick(r, ledger.BasisAdoption, ledger.BasisProject), Lineage: pick(r, ledger.LineageEach, ledger.LineageOnce),
		EligibleKinds: r.kinds(), OwnFundingOnly: new(r.chance(50)), ExcludeRegionalInitiatives: new(r.chance(50)),
		MaxAdoptionsPerInnovation: new(r.limit()), MaxPerOriginatorAdopter: new(r.limit()), Illustrative: new(true),
	}
	if r.plain {
		rules.Basis, rules.Lineage = ledger.BasisAdoption, ledger.LineageEach
		rules.MaxAdoptionsPerInnovation, rules.MaxPerOriginatorAdopter = new(0), new(0)
	}
	rules.Originator.SameRegion, rules.Adopter.SameRegion = r.values()
	rules.Originator.OtherRegion, rules.Adopter.OtherRegion = r.values()
	_, err := r.byAuthority(&ledger.RulesPublication{Rules: rules})
	return err
}

func (r *random) kinds() []ledger.Kind {
	return pick(r, []ledger.Kind{ledger.KindHF}, []ledger.Kind{ledger.KindPrivateNonprofit, ledger.KindHF},
		[]ledger.Kind{ledger.KindHF, ledger.KindPrivateNonprofit, ledger.KindRHF},
		[]ledger.Kind{ledger.KindHF, ledger.KindPrivateNonprofit, ledger.KindRHF, ledger.KindMunicipality, ledger.KindOther})
}

func (r *random) limit() int { return pick(r, 0, 0, 0, 0, 1, 2, 3) }

// values are an originator's and the smaller one of an adopter.
func (r *random) values() (originator, adopter *ledger.Milli) {
	o := pick(r, 0, 1, 100, 250, 333, 1000, 1000, 1005, 2345, 1_000_000, ledger.Milli(r.IntN(1_000_000)))
	if o == 0 {
		return new(o), new(o)
	}
	return new(o), new(pick(r, 0, o-1, o/4, ledger.Milli(r.Int64N(int64(o)))))
}

// laws are what holds of every ledger.
var laws = []func(*testing.T, *random){
	tablesAgree, tablesAddUp, linesLeadToEntries, pairsScoreOnce, replaysAlike, pairsAsTold, retractionsRaiseNobody,
}

// TestRandomLedgers draws ledgers and holds them against the laws. A ledger that breaks one comes back with its seed:
// go test -run TestRandomLedgers/seed_17.
func TestRandomLedgers(t *testing.T) {
	ledgers := 260
	if testing.Short() || underRace() {
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
			})
		}
	})
	seen.check(t)
}

// underRace reports whether the race detector is on, which makes all of this ten times slower.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// tablesAgree compares the tables of every opened year with those of the naive fold: at the end, and at places on the way
// of one fold that grows while it is read.
func tablesAgree(t *testing.T, r *random) {
	places := []int{1 + r.IntN(len(r.entries)), 1 + r.IntN(len(r.entries)), len(r.entries)}
	f := projections.NewFold()
	for n, e := range r.entries {
		f.Apply(e)
		if !slices.Contains(places, n+1) {
			continue
		}
		years := naiveYears(r.bytes[:n+1])
		if !slices.Equal(f.Years(), years) {
			t.Errorf("position %d: got years %v, want %v", n+1, f.Years(), years)
		}
		for _, year := range []int{2021, r.year + 1} {
			if got, ok := f.Table(year); ok {
				t.Errorf("position %d, %d: got %+v of a year that is not opened", n+1, year, got)
			}
		}
		for _, year := range years {
			got, ok := f.Table(year)
			want, _ := naiveTable(r.bytes[:n+1], year)
			if !ok || !reflect.DeepEqual(normal(got), want) {
				t.Errorf("position %d, %d:\n%s", n+1, year, differ(normal(got), want))
			}
		}
	}
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
	"skipped: lineage once", "skipped: innovation's limit", "skipped: originator and adopter's limit",
	"no line: project, lineage each", "no line: project, lineage once", "no line: scored in an earlier year",
	"rules replaced for the same year", "year without rules",
	"scored under plain rules", "entry after a retraction", "ended and scored", "invited after use", "flagged key",
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
}

// worldTypes are the events that a ledger is made of.
var worldTypes = []ledger.Type{
	ledger.LedgerFounded, ledger.OrganisationRegistered, ledger.OrganisationAmended, ledger.KeyEnrolled, ledger.KeyRevoked,
	ledger.InnovationPublished, ledger.InnovationRevised, ledger.InnovationWithdrawn,
	ledger.AdoptionInvited, ledger.AdoptionDeclined, ledger.AdoptionConfirmed, ledger.AdoptionEnded, ledger.AdoptionRetracted,
	ledger.RulesPublished, ledger.YearOpened,
}

// watch counts what happened in a ledger, as the naive fold sees it at the end.
func (c *coverage) watch(r *random) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts["ledgers"]++
	for _, e := range r.entries {
		c.counts["event "+string(e.Type)]++
	}
	for code, n := range r.refused {
		c.counts["refused "+code] += n
	}
	l := naiveRead(r.bytes)
	var scored []naiveAdoption
	for _, year := range slices.Sorted(maps.Keys(l.opened)) {
		rules, ok := l.rulesFor(year)
		if !ok {
			c.counts["year without rules"]++
			continue
		}
		scored = l.score(year, scored)
		c.skips(l, rules, year, scored)
	}
	if r.plain {
		c.counts["scored under plain rules"] += len(scored)
	}
	c.rules(l)
	for _, a := range scored {
		c.lines(l, a, scored)
	}
	for _, a := range scored {
		if slices.ContainsFunc(l.claims["adoption.confirmed"], func(before naiveClaim) bool {
			return before.at < a.index && before.Innovation == a.innovation && before.by == a.adopter
		}) {
			c.counts["entry after a retraction"]++
		}
	}
	c.histories(r.fold(len(r.entries)), scored)
}

// skips counts the candidates of a year that did not score, by why.
func (c *coverage) skips(l *naiveLedger, rules naiveRules, year int, scored []naiveAdoption) {
	for _, candidate := range l.candidates(year, rules) {
		var before []naiveAdoption
		for _, a := range scored {
			if a.year < year || a.index < candidate.index {
				before = append(before, a)
			}
		}
		switch {
		case l.again(candidate, rules, before):
			c.counts["skipped: lineage "+rules.Lineage]++
		case l.innovationFull(candidate, rules, before):
			c.counts["skipped: innovation's limit"]++
		case l.originatorFull(candidate, rules, before):
			c.counts["skipped: originator and adopter's limit"]++
		}
	}
}

func (c *coverage) rules(l *naiveLedger) {
	for i, r := range l.rules {
		if slices.ContainsFunc(l.rules[:i], func(o naiveRules) bool { return o.FromYear == r.FromYear }) {
			c.counts["rules replaced for the same year"]++
		}
	}
}

// lines counts what an adoption that scored gave and did not give.
func (c *coverage) lines(l *naiveLedger, a naiveAdoption, scored []naiveAdoption) {
	rules, _ := l.rulesFor(a.year)
	var earlier []naiveAdoption
	for _, s := range scored {
		if s.year < a.year {
			earlier = append(earlier, s)
		}
	}
	for _, g := range a.gifts {
		c.counts["line "+g.line.Role+" "+g.line.Reach]++
		if g.line.Points == 0 {
			c.counts["line of 0 points"]++
		}
	}
	for _, o := range a.originators {
		at := slices.IndexFunc(a.gifts, func(g naiveGift) bool { return g.orgnr == o.Orgnr })
		switch {
		case at < 0:
			c.counts["no line: project, lineage "+rules.Lineage]++
			if l.hasLine(o.Orgnr, l.reach(o.Orgnr, a.adopter), a, rules, earlier) {
				c.counts["no line: scored in an earlier year"]++
			}
		case a.gifts[at].line.Points > rules.Originator.thousandths(a.gifts[at].line.Reach)*o.Share/1000:
			c.counts["thousandth dealt out"]++
		}
	}
	if len(a.originators) < len(l.current(a.innovation).Originators) {
		c.counts["share lapsed"]++
	}
	if l.organisations[a.adopter].Region == "" {
		c.counts["adopter without region"]++
	}
}

// histories counts what happened to pairs and keys.
func (c *coverage) histories(f *projections.Fold, scored []naiveAdoption) {
	for _, o := range f.Organisations() {
		for _, a := range o.Adopted {
			waits := slices.ContainsFunc(o.Invitations, func(i projections.Invitation) bool { return i.Innovation == a.Innovation })
			if waits && a.Status != "invited" {
				c.counts["invited after use"]++
			}
			if a.Index == nil {
				continue
			}
			if slices.ContainsFunc(scored, func(s naiveAdoption) bool { return s.index == int(*a.Index) }) && a.Status == "ended" {
				c.counts["ended and scored"]++
			}
		}
	}
	for _, k := range f.Keys() {
		if k.ByAuthority {
			c.counts["flagged key"]++
		}
	}
}
