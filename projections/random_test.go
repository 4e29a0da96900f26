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
	"strconv"
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
	assessors map[ledger.Orgnr]*keys.Private
	heirs     map[ledger.Orgnr]ledger.Orgnr // by predecessor
	into      map[*draft]*draft             // by the one that was merged
	gone      map[*draft]bool               // withdrawn
	said      int                           // events, refused ones too
	keys      int
}

func newWorld() *world {
	w := &world{
		state: ledger.NewState(), authority: worldOrgnr(0),
		admins: map[ledger.Orgnr]*keys.Private{}, reporters: map[ledger.Orgnr]*keys.Private{},
		assessors: map[ledger.Orgnr]*keys.Private{}, heirs: map[ledger.Orgnr]ledger.Orgnr{},
		into: map[*draft]*draft{}, gone: map[*draft]bool{},
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

// heir gives the organisation that acts in an organisation's place now.
func (w *world) heir(o ledger.Orgnr) ledger.Orgnr {
	for w.heirs[o] != "" {
		o = w.heirs[o]
	}
	return o
}

// final gives the innovation that one was finally merged into.
func (w *world) final(i *draft) *draft {
	for w.into[i] != nil {
		i = w.into[i]
	}
	return i
}

// report says something that the reporters of one or more organisations sign, or of those that act in their place.
func (w *world) report(d ledger.Data, by ledger.Orgnr, others ...ledger.Orgnr) (*ledger.Entry, error) {
	signers := []*keys.Private{w.reporters[w.heir(by)]}
	for _, o := range others {
		if k := w.reporters[w.heir(o)]; !slices.Contains(signers, k) {
			signers = append(signers, k)
		}
	}
	return w.say(w.heir(by), d, signers...)
}

// seat gives an organisation a seat in the committee.
func (w *world) seat(o ledger.Orgnr) {
	w.assessors[o] = w.newKey()
	must(w.byAuthority(&ledger.Enrolment{Organisation: o, Key: worldKey(w.assessors[o], ledger.Assess)}))
}

// assess says something that assessors sign.
func (w *world) assess(d ledger.Data, by ...ledger.Orgnr) (*ledger.Entry, error) {
	var signers []*keys.Private
	for _, o := range by {
		signers = append(signers, w.assessors[o])
	}
	return w.say(by[0], d, signers...)
}

// succeed lets one organisation act in the place of others.
func (w *world) succeed(successor ledger.Orgnr, predecessors ...ledger.Orgnr) (*ledger.Entry, error) {
	e, err := w.byAuthority(&ledger.Succession{Predecessors: predecessors, Successor: successor})
	if err == nil {
		for _, o := range predecessors {
			w.heirs[o] = successor
		}
	}
	return e, err
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
	quiet       bool // nothing is merged, assessed, disputed or closed
	free        []ledger.Orgnr
	orgs        []ledger.Organisation // as they are now, without authority and committee
	committee   []ledger.Orgnr        // who adopt and make nothing
	innovations []*draft
	pairs       []worldPair        // that were ever confirmed
	standing    map[worldPair]bool // those that are confirmed now
	invited     []worldPair
	disputes    []worldDispute // that were ever raised
	firstYear   int            // that was opened
	year        int            // the last that is opened
	closed      int            // the last that is closed
	rules       int            // published
	happened    map[string]int // what is counted besides
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

type worldDispute struct {
	worldPair
	by ledger.Orgnr
}

// acts are what can happen, each with how often, and how often in a quiet ledger.
var acts = []struct {
	weight, quiet int
	act           func(*random) error
}{
	{8, 8, (*random).publish},
	{8, 7, (*random).revise},
	{1, 1, (*random).withdraw},
	{5, 0, (*random).merge},
	{2, 0, (*random).request},
	{6, 0, (*random).assesses},
	{4, 8, (*random).invite},
	{2, 4, (*random).decline},
	{75, 90, (*random).confirm},
	{3, 4, (*random).end},
	{5, 4, (*random).retract},
	{7, 0, (*random).dispute},
	{2, 0, (*random).withdrawDispute},
	{9, 0, (*random).decide},
	{3, 4, (*random).publishRules},
	{6, 5, (*random).openYear},
	{3, 0, (*random).closeYear},
	{3, 4, (*random).amend},
	{2, 2, (*random).enter},
	{2, 0, (*random).succeeds},
	{2, 2, (*random).renew},
}

// errNothing is returned by an act that has nothing to act on.
var errNothing = errors.New("nothing to act on")

// newRandom draws a ledger of about so many entries. The same seed gives the same ledger; every fifth is quiet.
func newRandom(seed uint64, entries int, plain bool) *random {
	r := &random{
		world: newWorld(), Rand: rand.New(rand.NewPCG(seed, 0)), plain: plain, quiet: seed%5 == 1,
		happened: map[string]int{}, standing: map[worldPair]bool{},
	}
	for _, n := range r.Perm(12) {
		r.free = append(r.free, worldOrgnr(n+1))
	}
	for range 6 + r.IntN(4) {
		must(nil, r.enter())
	}
	for n, region := range ledger.Regions[1:] {
		r.sit(worldOrgnr(20+n), region)
	}
	for _, a := range acts {
		weight := a.weight
		if r.quiet {
			weight = a.quiet
		}
		r.weights = append(r.weights, weight*(1+r.IntN(3)))
	}
	for range 2 {
		must(nil, r.publishRules())
	}
	if r.chance(70) {
		must(nil, r.openYear())
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
		r.happened["refused "+string(refusal.Code)]++
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
	if r.chance(15) {
		r.seat(o.Orgnr)
	}
	return nil
}

// sit registers an organisation whose only part is in the committee.
func (r *random) sit(o ledger.Orgnr, region string) {
	r.register(ledger.Organisation{Orgnr: o, Name: "Committee " + string(o), Short: "c" + string(o), Kind: ledger.KindRHF, Region: region})
	r.seat(o)
	r.committee = append(r.committee, o)
}

// acting draws an organisation that acts for itself, mostly.
func (r *random) acting() ledger.Orgnr {
	o := pick(r, r.orgs...).Orgnr
	if r.chance(98) {
		o = r.heir(o)
	}
	return o
}

// sitting draws assessors, who seldom are parties.
func (r *random) sitting() []ledger.Orgnr {
	from := r.committee
	if r.chance(30) {
		from = slices.Sorted(maps.Keys(r.assessors))
	}
	var all []ledger.Orgnr
	for _, n := range r.Perm(len(from))[:pick(r, 2, 2, 2, 3)] {
		all = append(all, from[n])
	}
	return all
}

// place draws an organisation's kind, region and years in the measuring system.
func (r *random) place(o *ledger.Organisation) {
	o.Kind = ledger.KindHF
	if r.chance(35) {
		o.Kind = pick(r, ledger.KindPrivateNonprofit, ledger.KindPrivateNonprofit, ledger.KindRHF, ledger.KindMunicipality, ledger.KindOther)
	}
	o.Region, o.MeasuredFrom, o.MeasuredTo = "", nil, nil
	if r.chance(85) {
		o.Region = pick(r, ledger.Regions...)
	}
	if r.chance(95) {
		o.MeasuredFrom = new(pick(r, 2003, 2003, 2003, 2003, 2003, 2023, 2025))
		if r.chance(15) {
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
	o, k := r.acting(), r.newKey()
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

// live draws an innovation that is neither merged nor withdrawn, mostly.
func (r *random) live() *draft {
	i := pick(r, r.innovations...)
	for tries := 0; tries < 4 && (r.into[i] != nil || r.gone[i]) && r.chance(90); tries++ {
		i = pick(r, r.innovations...)
	}
	return i
}

func (r *random) innovation() (d ledger.Innovation) {
	d.Title = worldText(fmt.Sprintf("Løsning %d", len(r.innovations)))
	d.Summary, d.Kind = worldText("Noe nytt."), pick(r, "service", "product", "process", "organisation", "communication")
	d.InUseSince = r.date(2018, 2023)
	d.Originators, d.Funding, d.RegionalInitiative = r.originators(), r.funding(), new(r.chance(6))
	r.derive(&d)
	return d
}

// originators are one to three with odd shares, mostly of those who make much.
func (r *random) originators() (all []ledger.Originator) {
	rest, from := 1000, len(r.orgs)
	if r.chance(70) {
		from = 3
	}
	for n, at := range r.Perm(from)[:pick(r, 1, 1, 1, 2, 2, 3)] {
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
	if r.chance(85) {
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
	i := r.live()
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
	i := r.live()
	_, err := r.withdrawn(i)
	return err
}

func (w *world) withdrawn(i *draft) (*ledger.Entry, error) {
	makers := makersOf(&i.Innovation)
	e, err := w.report(&ledger.Withdrawal{Innovation: i.id, Reason: worldText("Den svarte ikke.")}, makers[0], makers...)
	w.gone[i] = w.gone[i] || err == nil
	return e, err
}

// merge merges two innovations, mostly two that one has adopted or that one has made.
func (r *random) merge() error {
	if len(r.pairs) == 0 {
		return errNothing
	}
	p, q := pick(r, r.pairs...), pick(r, r.pairs...)
	alike := func() bool { return r.heir(q.adopter) == r.heir(p.adopter) }
	if r.chance(40) {
		alike = func() bool { return r.heir(q.Originators[0].Orgnr) == r.heir(p.Originators[0].Orgnr) }
	}
	for tries := 0; tries < 8 && (!alike() || r.final(p.draft) == r.final(q.draft)); tries++ {
		q = pick(r, r.pairs...)
	}
	if p.draft == q.draft {
		return errNothing
	}
	assessors := pick(r, nil, r.sitting())
	_, err := r.merged(p.draft, q.draft, assessors)
	if err == nil {
		r.happened[fmt.Sprintf("merged by assessors %t", assessors != nil)]++
	}
	return err
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

func (r *random) request() error {
	if len(r.innovations) == 0 {
		return errNothing
	}
	d := &ledger.AssessmentRequest{Innovation: pick(r, r.innovations...).id, Reason: worldText("Er den egen?")}
	_, err := r.report(d, r.acting())
	return err
}

// assesses assesses an innovation, mostly one that somebody has adopted.
func (r *random) assesses() error {
	if len(r.innovations) == 0 {
		return errNothing
	}
	i := pick(r, r.innovations...)
	if len(r.pairs) > 0 && r.chance(80) {
		i = pick(r, r.pairs...).draft
	}
	_, err := r.assessed(i, r.chance(70), r.sitting()...)
	return err
}

func (w *world) assessed(i *draft, eligible bool, by ...ledger.Orgnr) (*ledger.Entry, error) {
	return w.assess(&ledger.Assessment{Innovation: i.id, Revision: i.leaf, Eligible: &eligible, Reason: worldText("Vi har sett på den.")}, by...)
}

func (r *random) invite() error {
	if len(r.innovations) == 0 {
		return errNothing
	}
	p := worldPair{r.live(), r.acting()}
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
		Innovation: p.id, Revision: p.leaf, InUseFrom: r.use(),
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

// use draws a day, mostly of an open year.
func (r *random) use() ledger.Date {
	from, to := max(r.closed+1, r.firstYear), r.year
	if from > to || from == 0 || r.chance(45) {
		from, to = 2022, 2027
	}
	return r.date(from, to)
}

// pair draws an innovation and one who might adopt it: at times again, at times one that others have adopted.
func (r *random) pair() worldPair {
	i, o := r.live(), r.acting()
	if len(r.pairs) > 0 && r.chance(40) {
		p := pick(r, r.pairs...)
		if i = r.final(p.draft); r.chance(40) {
			o = r.heir(p.adopter)
		}
		return worldPair{i, o}
	}
	if slices.Contains(makersOf(&i.Innovation), o) && r.chance(90) {
		o = r.acting()
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

// dispute lets somebody dispute an adoption.
func (r *random) dispute() error {
	if len(r.pairs) == 0 {
		return errNothing
	}
	x := worldDispute{pick(r, r.pairs...), r.acting()}
	if r.chance(5) {
		x.adopter = r.acting()
	}
	_, err := r.disputed(x)
	if err == nil {
		r.disputes = append(r.disputes, x)
	}
	return err
}

func (w *world) disputed(x worldDispute) (*ledger.Entry, error) {
	return w.report(&ledger.Dispute{Innovation: x.id, Adopter: x.adopter, Reason: worldText("Den er ikke i bruk.")}, x.by)
}

func (r *random) withdrawDispute() error {
	if len(r.disputes) == 0 {
		return errNothing
	}
	_, err := r.disputeWithdrawn(pick(r, r.disputes...))
	return err
}

func (w *world) disputeWithdrawn(x worldDispute) (*ledger.Entry, error) {
	return w.report(&ledger.DisputeWithdrawal{Innovation: x.id, Adopter: x.adopter}, x.by)
}

func (r *random) decide() error {
	if len(r.disputes) == 0 {
		return errNothing
	}
	_, err := r.decided(pick(r, r.disputes...).worldPair, r.chance(40), r.sitting()...)
	return err
}

func (w *world) decided(p worldPair, upheld bool, by ...ledger.Orgnr) (*ledger.Entry, error) {
	return w.assess(&ledger.Decision{Innovation: p.id, Adopter: p.adopter, Upheld: &upheld, Reason: worldText("Vi har spurt.")}, by...)
}

// succeeds lets one organisation succeed another, mostly one that has adopted the same; at times a new one succeeds two.
func (r *random) succeeds() error {
	if len(r.pairs) == 0 || len(r.heirs) > 3 {
		return errNothing
	}
	p, q := pick(r, r.pairs...), pick(r, r.pairs...)
	for tries := 0; tries < 5 && r.final(p.draft) != r.final(q.draft); tries++ {
		q = pick(r, r.pairs...)
	}
	one, other := r.heir(p.adopter), r.heir(q.adopter)
	if r.chance(20) {
		other = r.heir(q.Originators[0].Orgnr)
	}
	if one == other {
		return errNothing
	}
	if r.chance(70) || r.enter() != nil {
		_, err := r.succeed(other, one)
		return err
	}
	_, err := r.succeed(r.orgs[len(r.orgs)-1].Orgnr, one, other)
	return err
}

// closeYear closes the earliest open year.
func (r *random) closeYear() error {
	if r.year == 0 || r.closed == r.year {
		return errNothing
	}
	next := cmp.Or(r.closed, r.firstYear-1) + 1
	_, err := r.byAuthority(&ledger.YearClosing{Year: next})
	if err == nil {
		r.closed = next
	}
	return err
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
		r.year, r.firstYear = next, cmp.Or(r.firstYear, next)
	}
	return err
}

func (r *random) publishRules() error {
	r.rules++
	_, err := r.byAuthority(&ledger.RulesPublication{Rules: r.drawRules()})
	return err
}

func (r *random) drawRules() ledger.Rules {
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
	return rules
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
	tablesAgree, naiveYearsAgree, correctionsAgree, closedStaysClosed, tablesAddUp, linesLeadToEntries, pairsScoreOnce, pairsShareNothing, replaysAlike,
	quietPairsAsTold, strikesRaiseNobody, simulationsAgree, simulatingNothingNew, rootsAgree,
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
	for _, year := range []int{2021, last + 1} {
		if got, ok := f.Table(year); ok {
			t.Errorf("position %d, %d: got %+v of a year that is not opened", f.Position, year, got)
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
