package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spredning/keys"
	"spredning/ledger"
)

// Keys of the role assess.
var assessors = map[ledger.Orgnr]*keys.Private{bergen: seededKey(41), ahus: seededKey(42), third: seededKey(43), fourth: seededKey(44)}

const (
	third  = ledger.Orgnr("983974678") // in Bergen's region
	fourth = ledger.Orgnr("983974880") // in a third region
)

// foundForDrafts founds a ledger with four hospitals, each with an assessor.
func foundForDrafts(t testing.TB, n *node) *node {
	n.keys[third], n.keys[fourth] = seededKey(31), seededKey(32)
	n.open(t).found(t)
	n.hospital(t, third, "Helse Vest")
	n.hospital(t, fourth, "Helse Nord")
	for _, o := range []ledger.Orgnr{bergen, ahus, third, fourth} {
		n.must(t, authority, &ledger.Enrolment{Organisation: o, Key: enrolled(assessors[o], ledger.Assess)})
	}
	return n
}

// shared is an innovation of Bergen's and others'.
func shared(with ...ledger.Orgnr) *ledger.Publication {
	d := publication()
	d.Originators[0].Share -= 100 * len(with)
	for _, o := range with {
		d.Originators = append(d.Originators, ledger.Originator{Orgnr: o, Share: 100})
	}
	return d
}

func refusedWith(t *testing.T, err error, code ledger.Code) {
	t.Helper()
	var refusal *ledger.Refusal
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Errorf("got %v where %s was due", err, code)
	}
}

func no() ledger.Text { s := "Nei."; return ledger.Text{NB: &s} }

// What is tried is answered as if it were submitted, and then as if the others
// had signed, too; nothing is appended.
func TestTry(t *testing.T) {
	t.Parallel()
	n := foundForDrafts(t, newNode(t))
	published := n.must(t, bergen, publication())
	assessed := func(revision string) ledger.Event {
		eligible := false
		c := confirmation(published)
		if revision == "" {
			revision = c.Revision
		}
		return event(ahus, &ledger.Assessment{Innovation: c.Innovation, Revision: revision, Eligible: &eligible, Reason: no()}, time.Now())
	}
	old := event(bergen, shared(ahus), time.Now().AddDate(0, 0, -31))
	both := event(bergen, shared(ahus), time.Now())
	three := event(bergen, shared(ahus, third), time.Now())
	size := n.Size()
	for name, c := range map[string]struct {
		raw     []byte
		code    ledger.Code
		missing []ledger.Orgnr
		detail  string
	}{
		"complete":              {raw: sealed(both, n.keys[bergen], n.keys[ahus])},
		"one of two":            {raw: sealed(both, n.keys[bergen]), missing: []ledger.Orgnr{ahus}, detail: "983971636 must sign too, with a key of the role report"},
		"one of three":          {raw: sealed(three, n.keys[bergen]), missing: []ledger.Orgnr{ahus, third}, detail: "983971636, 983974678 must sign too, with a key of the role report"},
		"two of three":          {raw: sealed(three, n.keys[bergen], n.keys[third]), missing: []ledger.Orgnr{ahus}, detail: "983971636 must sign too, with a key of the role report"},
		"without the acting":    {raw: sealed(both, n.keys[ahus]), code: ledger.NotAuthorised},
		"an unneeded":           {raw: sealed(both, n.keys[bergen], n.keys[third]), code: ledger.UnneededSignature},
		"another role":          {raw: sealed(three, n.keys[bergen], assessors[ahus]), code: ledger.NotAuthorised},
		"unknown key":           {raw: sealed(both, n.keys[bergen], seededKey(77)), code: ledger.UnknownKey},
		"not registered":        {raw: sealed(event(bergen, shared("974760673"), time.Now()), n.keys[bergen]), code: ledger.UnknownOrganisation},
		"derived from nothing":  {raw: sealed(event(bergen, derived(shared(ahus)), time.Now()), n.keys[bergen]), code: ledger.UnknownInnovation},
		"too old":               {raw: sealed(old, n.keys[bergen]), code: ledger.Clock},
		"one assessor":          {raw: sealed(assessed(""), assessors[ahus]), detail: "assessors of organisations in at least two health regions must sign"},
		"two assessors":         {raw: sealed(assessed(""), assessors[ahus], assessors[fourth])},
		"a party assesses":      {raw: sealed(assessed(""), assessors[ahus], assessors[bergen]), code: ledger.NotAuthorised},
		"an old revision":       {raw: sealed(assessed(strings.Repeat("0", 64)), assessors[ahus]), code: ledger.StaleRevision},
		"two keys of one":       {raw: sealed(withdrawal(t, n, published), n.keys[bergen]), code: ""},
		"another ledger's":      {raw: sealed(toAnother(both), n.keys[bergen]), code: ledger.WrongLedger},
		"no envelope":           {raw: []byte("{}"), code: ledger.Malformed},
		"an id that is used":    {raw: sealed(reused(t, published, shared(ahus)), n.keys[bergen]), code: ledger.AlreadyExists},
		"withdrawn with others": {raw: sealed(event(bergen, &ledger.Withdrawal{Innovation: confirmation(published).Innovation, Reason: no()}, time.Now()), n.keys[bergen], n.keys[ahus]), code: ledger.UnneededSignature},
	} {
		trial, err := n.Try(context.Background(), c.raw)
		if c.code != "" {
			t.Run(name, func(t *testing.T) { refusedWith(t, err, c.code) })
			continue
		}
		if err != nil || trial.Index != -1 || (trial.Missing == nil) != (c.detail == "") {
			t.Errorf("%s: %+v, %v", name, trial, err)
			continue
		}
		if m := trial.Missing; m != nil && (m.Detail != c.detail || !slices.Equal(m.Organisations, c.missing)) {
			t.Errorf("%s: missing is %+v", name, *m)
		}
	}
	if n.Size() != size {
		t.Errorf("there are %d entries, were %d", n.Size(), size)
	}
	if trial, err := n.Try(context.Background(), published.Entry); err != nil || trial.Index != published.Index {
		t.Errorf("what is in the ledger gives %+v, %v", trial, err)
	}
	n.sound(t)
}

func derived(d *ledger.Publication) *ledger.Publication {
	d.DerivedFrom = "01GPGCMYTR0000000000000000"
	return d
}

func withdrawal(t *testing.T, n *node, of ledger.Receipt) ledger.Event {
	t.Helper()
	return event(bergen, &ledger.Withdrawal{Innovation: confirmation(of).Innovation, Reason: no()}, time.Now())
}

func toAnother(e ledger.Event) ledger.Event {
	e.Ledger = "spredning.example/other"
	return e
}

// reused is another event with the id of an entry.
func reused(t *testing.T, entry ledger.Receipt, d ledger.Data) ledger.Event {
	t.Helper()
	e := event(bergen, d, time.Now())
	e.ID = ledger.InnovationID(confirmation(entry).Innovation)
	return e
}

// Trials among submissions are decided on what the earlier of a batch leave, and
// take no place.
func TestTryAmongSubmissions(t *testing.T) {
	t.Parallel()
	n := foundForDrafts(t, newNode(t))
	before := n.Size()
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			for range 20 {
				if _, _, err := n.Submit(context.Background(), n.envelope(bergen, publication(), time.Now())); err != nil {
					t.Error(err)
				}
			}
		})
		wait.Go(func() {
			for range 20 {
				trial, err := n.Try(context.Background(), n.envelope(bergen, shared(ahus), time.Now()))
				if err != nil || trial.Missing == nil {
					t.Errorf("%+v, %v", trial, err)
				}
				if _, err := n.Try(context.Background(), n.envelope(authority, &ledger.YearClosing{Year: 2026}, time.Now())); err == nil {
					t.Error("an inadmissible event is told to be admissible")
				}
			}
		})
	}
	wait.Wait()
	if n.Size() != before+320 {
		t.Errorf("%d entries, were %d", n.Size(), before)
	}
	n.sound(t)
}

// A trial on one node knows what another has just appended.
func TestTryOnAnotherNode(t *testing.T) {
	t.Parallel()
	url := natsServer(t).ClientURL()
	a := foundForDrafts(t, sharedNode(t, url))
	b := sharedNode(t, url).open(t)
	for range 5 {
		key := seededKey(byte(100 + a.Size()))
		a.must(t, authority, &ledger.Enrolment{Organisation: ahus, Key: enrolled(key, ledger.Report)})
		published := a.must(t, bergen, publication())
		late := confirmation(published)
		if trial, err := b.Try(context.Background(), sealed(event(ahus, late, time.Now()), key)); err != nil || trial.Missing != nil {
			t.Errorf("%+v, %v", trial, err)
		}
		if trial, err := b.Try(context.Background(), published.Entry); err != nil || trial.Index != published.Index {
			t.Errorf("%+v, %v", trial, err)
		}
	}
}

// shaky is a store that fails when told to, before or after it has saved.
type shaky struct {
	ledger.Store
	before, after atomic.Bool
}

func (s *shaky) Load(ctx context.Context, sum string) ([]byte, uint64, error) {
	if s.before.Load() {
		return nil, 0, errors.New("no store today")
	}
	return s.Store.Load(ctx, sum)
}

func (s *shaky) List(ctx context.Context, by ledger.Orgnr, most int) (map[string][]byte, error) {
	if s.before.Load() {
		return nil, errors.New("no store today")
	}
	return s.Store.List(ctx, by, most)
}

func (s *shaky) Save(ctx context.Context, sum string, by ledger.Orgnr, envelope []byte, revision uint64) error {
	err := s.Store.Save(ctx, sum, by, envelope, revision)
	if s.after.Load() {
		return errors.New("no acknowledgement today")
	}
	return err
}

func TestDraftsAreUnited(t *testing.T) {
	t.Parallel()
	ctx, n := context.Background(), foundForDrafts(t, newNode(t))
	drafts := ledger.NewDrafts(n.Ledger, n.stream.Drafts())
	e := event(bergen, shared(ahus, third, fourth), time.Now())
	size := n.Size()

	first, known, err := drafts.Post(ctx, sealed(e, n.keys[bergen]))
	noError(t, err)
	if known || len(first.Missing.Organisations) != 3 || !first.Expires().Equal(e.At.Add(30*24*time.Hour)) {
		t.Errorf("known: %t, %+v", known, first)
	}
	// The others sign at the same time, each for itself.
	var wait sync.WaitGroup
	for _, o := range []ledger.Orgnr{ahus, third, fourth} {
		for range 3 {
			wait.Go(func() {
				if _, known, err := drafts.Post(ctx, sealed(e, n.keys[o])); err != nil || !known {
					t.Errorf("%s: known is %t, %v", o, known, err)
				}
			})
		}
	}
	wait.Wait()
	done, err := drafts.Draft(ctx, first.Sum())
	noError(t, err)
	if done.Missing != nil || done.Refusal != nil || done.Index != -1 || len(done.Envelope.Signatures) != 4 {
		t.Errorf("with all signatures: %+v", done)
	}
	if n.Size() != size {
		t.Error("drafts are in the ledger")
	}

	r, _, err := n.Submit(ctx, done.Envelope.Encode())
	noError(t, err)
	if after, err := drafts.Draft(ctx, first.Sum()); err != nil || after.Index != r.Index || after.Refusal != nil {
		t.Errorf("once submitted: %+v, %v", after, err)
	}
	_, _, err = drafts.Post(ctx, sealed(e, n.keys[bergen]))
	refusedWith(t, err, ledger.AlreadyExists)
	if !strings.HasSuffix(err.Error(), fmt.Sprintf("as entry %d", r.Index)) {
		t.Errorf("it does not say where: %v", err)
	}
}

func TestDraftsRefuse(t *testing.T) {
	t.Parallel()
	ctx, n := context.Background(), foundForDrafts(t, newNode(t))
	drafts := ledger.NewDrafts(n.Ledger, n.stream.Drafts())
	e := event(bergen, shared(ahus, third), time.Now())
	_, _, err := drafts.Post(ctx, sealed(e, n.keys[bergen]))
	noError(t, err)
	forged := mustOpen(t, sealed(e, n.keys[ahus]))
	forged.Signatures[0].Sig[3] ^= 1
	overwrites := mustOpen(t, sealed(e, n.keys[bergen]))
	overwrites.Signatures[0].Sig[3] ^= 1
	for name, c := range map[string]struct {
		raw  []byte
		code ledger.Code
	}{
		"complete":               {n.envelope(bergen, publication(), time.Now()), ledger.WrongState},
		"complete at once":       {sealed(e, n.keys[bergen], n.keys[ahus], n.keys[third]), ledger.WrongState},
		"only another's":         {sealed(event(bergen, shared(ahus), time.Now()), n.keys[ahus]), ledger.NotAuthorised},
		"a bad signature":        {forged.Encode(), ledger.BadSignature},
		"a bad one for a good":   {overwrites.Encode(), ledger.BadSignature},
		"unneeded":               {sealed(e, n.keys[fourth]), ledger.UnneededSignature},
		"unknown":                {sealed(e, seededKey(77)), ledger.UnknownKey},
		"too large":              {make([]byte, keys.MaxSize+1), ledger.TooLarge},
		"nonsense":               {[]byte("nei"), ledger.Malformed},
		"not even an event":      {mustSeal(t, "{}", n.keys[bergen]), ledger.WrongLedger},
		"a 17th signature":       {sixteen(t, e), ledger.Malformed},
		"another event's hash":   {sealed(toAnother(e), n.keys[bergen]), ledger.WrongLedger},
		"an identity number":     {n.envelope(bergen, personal(shared(ahus)), time.Now()), ledger.PersonalData},
		"by one who may not act": {n.envelope(bergen, &ledger.YearOpening{Year: 2026}, time.Now()), ledger.NotAuthorised},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := drafts.Post(ctx, c.raw)
			refusedWith(t, err, c.code)
		})
	}
	sum := ledger.Draft{Signed: ledger.Signed{Envelope: mustOpen(t, sealed(e, n.keys[bergen]))}}
	if kept, err := drafts.Draft(ctx, sum.Sum()); err != nil || len(kept.Envelope.Signatures) != 1 || len(kept.Missing.Organisations) != 2 {
		t.Errorf("afterwards: %+v, %v", kept, err)
	}
	if _, err := drafts.Draft(ctx, strings.Repeat("0", 64)); err != ledger.ErrNoDraft {
		t.Errorf("what nobody posted gives %v", err)
	}
}

func mustOpen(t *testing.T, raw []byte) keys.Envelope {
	t.Helper()
	e, err := keys.Open(raw)
	noError(t, err)
	return e
}

func mustSeal(t *testing.T, payload string, k *keys.Private) []byte {
	t.Helper()
	e, err := keys.Seal([]byte(payload), k)
	noError(t, err)
	return e.Encode()
}

// sixteen is as many signatures of strangers as an envelope carries: with those
// that are kept there are more.
func sixteen(t *testing.T, e ledger.Event) []byte {
	t.Helper()
	var all []*keys.Private
	for i := range keys.MaxSignatures {
		all = append(all, seededKey(byte(200+i)))
	}
	return sealed(e, all...)
}

func personal(d *ledger.Publication) *ledger.Publication {
	s := "Pasienten har nummer 01010090004"
	d.Summary = ledger.Text{NB: &s}
	return d
}

// A draft says when it has become inadmissible.
func TestDraftsGoStale(t *testing.T) {
	t.Parallel()
	ctx, n := context.Background(), newNode(t)
	now := time.Now()
	var later atomic.Int64
	n.now = func() time.Time { return now.Add(time.Duration(later.Load())) }
	foundForDrafts(t, n)
	drafts := ledger.NewDrafts(n.Ledger, n.stream.Drafts())
	second := seededKey(60)
	n.must(t, authority, &ledger.Enrolment{Organisation: bergen, Key: enrolled(second, ledger.Report)})
	e := event(bergen, shared(ahus), now)
	first, _, err := drafts.Post(ctx, sealed(e, second))
	noError(t, err)
	other, _, err := drafts.Post(ctx, n.envelope(bergen, shared(ahus), now))
	noError(t, err)

	n.must(t, bergen, &ledger.Revocation{Key: second.ID(), Reason: "lost"})
	if stale, err := drafts.Draft(ctx, first.Sum()); err != nil || stale.Refusal == nil || stale.Refusal.Code != ledger.RevokedKey {
		t.Errorf("with a revoked key: %+v, %v", stale.Refusal, err)
	}
	_, _, err = drafts.Post(ctx, sealed(e, n.keys[ahus]))
	refusedWith(t, err, ledger.RevokedKey)

	later.Store(int64(31 * 24 * time.Hour))
	if old, err := drafts.Draft(ctx, other.Sum()); err != nil || old.Refusal == nil || old.Refusal.Code != ledger.Clock {
		t.Errorf("after a month: %+v, %v", old.Refusal, err)
	}
}

func TestDraftsOfOneAreLimited(t *testing.T) {
	t.Parallel()
	ctx, n := context.Background(), foundForDrafts(t, newNode(t))
	drafts := ledger.NewDrafts(n.Ledger, n.stream.Drafts())
	var last ledger.Event
	for range 200 {
		last = event(bergen, shared(ahus, third), time.Now())
		_, _, err := drafts.Post(ctx, sealed(last, n.keys[bergen]))
		noError(t, err)
	}
	_, _, err := drafts.Post(ctx, n.envelope(bergen, shared(ahus), time.Now()))
	refusedWith(t, err, ledger.Overloaded)
	if _, known, err := drafts.Post(ctx, sealed(last, n.keys[ahus])); err != nil || !known {
		t.Errorf("signing one of them gives %v", err)
	}
	if _, _, err := drafts.Post(ctx, n.envelope(ahus, shared(ahus), time.Now())); err != nil {
		t.Errorf("another's draft gives %v", err)
	}
}

// A store that fails, or whose acknowledgement is lost, loses nothing.
func TestDraftsOnAFaultyStore(t *testing.T) {
	t.Parallel()
	ctx, n := context.Background(), foundForDrafts(t, newNode(t))
	store := &shaky{Store: n.stream.Drafts()}
	drafts := ledger.NewDrafts(n.Ledger, store)
	e := event(bergen, shared(ahus, third), time.Now())

	store.before.Store(true)
	_, _, err := drafts.Post(ctx, sealed(e, n.keys[bergen]))
	refusedWith(t, err, ledger.Unavailable)
	_, err = drafts.Draft(ctx, strings.Repeat("0", 64))
	refusedWith(t, err, ledger.Unavailable)
	_, err = drafts.Waiting(ctx, ahus)
	refusedWith(t, err, ledger.Unavailable)
	store.before.Store(false)

	store.after.Store(true)
	_, _, err = drafts.Post(ctx, sealed(e, n.keys[bergen]))
	refusedWith(t, err, ledger.Unavailable)
	store.after.Store(false)
	again, known, err := drafts.Post(ctx, sealed(e, n.keys[ahus]))
	if err != nil || !known || len(again.Envelope.Signatures) != 2 {
		t.Errorf("after a lost acknowledgement: known is %t, %+v, %v", known, again, err)
	}

	// What another client has put there is no draft, and is written over.
	sum := again.Sum()
	_, revision, err := store.Load(ctx, sum)
	noError(t, err)
	for _, junk := range [][]byte{[]byte("junk"), n.envelope(bergen, shared(ahus), time.Now())} {
		noError(t, store.Save(ctx, sum, bergen, junk, revision))
		if _, err := drafts.Draft(ctx, sum); err != ledger.ErrNoDraft {
			t.Errorf("junk gives %v", err)
		}
		if _, known, err := drafts.Post(ctx, sealed(e, n.keys[bergen])); err != nil || known {
			t.Errorf("over junk: known is %t, %v", known, err)
		}
		_, revision, err = store.Load(ctx, sum)
		noError(t, err)
	}
}

// When the store has failed the stream is looked after: an embedded server that
// broke is opened again before anyone submits.
func TestDraftsWakeTheStream(t *testing.T) {
	t.Parallel()
	ctx, n := context.Background(), foundForDrafts(t, newNode(t))
	drafts := ledger.NewDrafts(n.Ledger, n.stream.Drafts())
	e := event(bergen, shared(ahus), time.Now())
	n.stream.Close() // as it is after a write has failed
	_, _, err := drafts.Post(ctx, sealed(e, n.keys[bergen]))
	refusedWith(t, err, ledger.Unavailable)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, _, err := drafts.Post(ctx, sealed(e, n.keys[bergen])); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// TestDraftsThatWait gives each organisation the drafts that it must sign, and none that
// are whole, too late or no drafts at all.
func TestDraftsThatWait(t *testing.T) {
	t.Parallel()
	ctx, n := context.Background(), foundForDrafts(t, newNode(t))
	store := n.stream.Drafts()
	drafts := ledger.NewDrafts(n.Ledger, store)
	waiting := func(o ledger.Orgnr) (sums []string) {
		t.Helper()
		all, err := drafts.Waiting(ctx, o)
		noError(t, err)
		for _, d := range all {
			sums = append(sums, d.Sum())
		}
		return sums
	}
	if got := waiting(ahus); len(got) != 0 {
		t.Errorf("at first wait %v", got)
	}
	late := event(bergen, shared(ahus), time.Now().AddDate(0, 0, -29))
	two, three := event(bergen, shared(ahus), time.Now()), event(bergen, shared(ahus, third), time.Now().Add(time.Second))
	sums := map[string]string{}
	for name, e := range map[string]ledger.Event{"late": late, "two": two, "three": three} {
		d, _, err := drafts.Post(ctx, sealed(e, n.keys[bergen]))
		noError(t, err)
		sums[name] = d.Sum()
	}
	noError(t, store.Save(ctx, strings.Repeat("0", 64), bergen, []byte("junk"), 0))
	for o, want := range map[ledger.Orgnr][]string{ahus: {"late", "two", "three"}, third: {"three"}, bergen: nil} {
		var named []string
		for _, w := range want {
			named = append(named, sums[w])
		}
		if got := waiting(o); !slices.Equal(got, named) {
			t.Errorf("for %s wait %v, want %v", o, got, want)
		}
	}
	_, _, err := drafts.Post(ctx, sealed(three, n.keys[ahus]))
	noError(t, err)
	_, _, err = n.Submit(ctx, sealed(two, n.keys[bergen], n.keys[ahus]))
	noError(t, err)
	if got := waiting(ahus); !slices.Equal(got, []string{sums["late"]}) {
		t.Errorf("after signing one, and submitting another, wait %v", got)
	}
	if got := waiting(third); !slices.Equal(got, []string{sums["three"]}) {
		t.Errorf("for the third wait %v", got)
	}
}
