package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/tiles"
)

// clock is a clock that tests set.
type clock struct{ at atomic.Int64 }

func newClock(at time.Time) *clock {
	c := &clock{}
	c.at.Store(at.UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) forward(d time.Duration) { c.at.Add(int64(d)) }

const year = 365 * 24 * time.Hour

func TestSubmit(t *testing.T) {
	t.Parallel()
	n := newNode(t).open(t).found(t)
	published := n.envelope(bergen, publication(), time.Now())
	p, again, err := n.Submit(context.Background(), published)
	noError(t, err)
	if again || p.Index != 5 || p.Ledger != origin {
		t.Errorf("the first event after the founding is entry %d of %q, old: %t", p.Index, p.Ledger, again)
	}
	n.has(t, p, published)
	c := n.must(t, ahus, confirmation(p))
	if c.Index != 6 || n.Size() != 7 {
		t.Errorf("the confirmation is entry %d of %d", c.Index, n.Size())
	}
	for i := range n.Size() {
		r, err := n.Receipt(i)
		noError(t, err)
		n.verified(t, r)
	}
	if _, err := n.Receipt(n.Size()); !errors.Is(err, tiles.ErrNotFound) {
		t.Errorf("the receipt of an entry that is not there: %v", err)
	}
	n.sound(t)
}

// However an envelope is spelled, the entry has the one form.
func TestSubmitOtherSpelling(t *testing.T) {
	t.Parallel()
	n := newNode(t).open(t).found(t)
	entry := n.envelope(bergen, publication(), time.Now())
	spaced := bytes.ReplaceAll(entry, []byte(`","`), []byte("\" ,\n \""))
	r, _, err := n.Submit(context.Background(), spaced)
	noError(t, err)
	n.has(t, r, entry)
	r, again, err := n.Submit(context.Background(), entry)
	noError(t, err)
	if !again {
		t.Error("the same event in another spelling was taken for a new one")
	}
	n.has(t, r, entry)
}

// The same payload again is no error: however often and at the same time, and
// whatever the clock and the keys say by now.
func TestSubmitAgain(t *testing.T) {
	t.Parallel()
	n, c := newNode(t), newClock(time.Now())
	n.now = c.now
	n.open(t).found(t)
	raw := n.envelope(bergen, publication(), c.now())
	first := n.fiftyTimes(t, raw, 1)
	n.must(t, authority, &ledger.Revocation{Key: n.keys[bergen].ID(), Reason: "left"})
	n.same(t, raw, first)
	c.forward(year)
	n.same(t, raw, first)
	n.fiftyTimes(t, raw, 0)

	_, _, err := n.Submit(context.Background(), n.envelope(bergen, publication(), c.now()))
	wantCode(t, ledger.RevokedKey, err)
	_, _, err = n.Submit(context.Background(), n.envelope(bergen, publication(), c.now().Add(-year)))
	wantCode(t, ledger.Clock, err)
	n.sound(t)
}

// fiftyTimes submits the same at the same time and gives the one receipt.
func (n *node) fiftyTimes(t *testing.T, raw []byte, wantNew int) ledger.Receipt {
	t.Helper()
	var all []*submission
	for range 50 {
		all = append(all, n.submitting(raw))
	}
	fresh := 0
	for _, s := range all {
		noError(t, s.wait().err)
		n.has(t, s.receipt, raw)
		if s.receipt.Index != all[0].receipt.Index {
			t.Errorf("one event is entry %d and entry %d", s.receipt.Index, all[0].receipt.Index)
		}
		if !s.again {
			fresh++
		}
	}
	if fresh != wantNew {
		t.Errorf("%d of 50 were told that the event is new, want %d", fresh, wantNew)
	}
	return all[0].receipt
}

func (n *node) same(t *testing.T, raw []byte, first ledger.Receipt) {
	t.Helper()
	r, again, err := n.Submit(context.Background(), raw)
	noError(t, err)
	if !again || r.Index != first.Index {
		t.Errorf("the event is entry %d, old: %t; want %d", r.Index, again, first.Index)
	}
	n.has(t, r, raw)
}

// The first receipt is only for who has valid signatures.
func TestSubmitAgainForged(t *testing.T) {
	t.Parallel()
	n, c := newNode(t), newClock(time.Now())
	n.now = c.now
	n.open(t).found(t)
	e := event(bergen, publication(), c.now())
	raw := sealed(e, n.keys[bergen])
	_, _, err := n.Submit(context.Background(), raw)
	noError(t, err)
	_, _, err = n.Submit(context.Background(), forged(t, raw))
	wantCode(t, ledger.BadSignature, err)
	_, _, err = n.Submit(context.Background(), sealed(e, seededKey(77)))
	wantCode(t, ledger.UnknownKey, err)
	c.forward(year)
	_, _, err = n.Submit(context.Background(), forged(t, raw))
	wantCode(t, ledger.Clock, err)
}

// forged breaks the first signature.
func forged(t testing.TB, raw []byte) []byte {
	t.Helper()
	e, err := keys.Parse(raw)
	noError(t, err)
	e.Signatures[0].Sig[7] ^= 1
	return e.Encode()
}

// An id is used once. Of what else is wrong with another event of that id, the
// earlier code is told.
func TestSubmitSameID(t *testing.T) {
	t.Parallel()
	n, c := newNode(t), newClock(time.Now())
	n.now = c.now
	n.open(t).found(t)
	first := event(bergen, publication(), c.now())
	_, _, err := n.Submit(context.Background(), sealed(first, n.keys[bergen]))
	noError(t, err)

	other := first
	d := publication()
	d.Kind = "product"
	other.Data = d
	_, _, err = n.Submit(context.Background(), sealed(other, n.keys[bergen]))
	wantCode(t, ledger.AlreadyExists, err)
	other.By = ahus
	_, _, err = n.Submit(context.Background(), sealed(other, n.keys[ahus]))
	wantCode(t, ledger.NotAuthorised, err)
	other.By, other.At = bergen, c.now().Add(time.Hour).Truncate(time.Second)
	_, _, err = n.Submit(context.Background(), sealed(other, n.keys[bergen]))
	wantCode(t, ledger.Clock, err)
	other.At = first.At
	n.must(t, authority, &ledger.Revocation{Key: n.keys[bergen].ID(), Reason: "lost"})
	_, _, err = n.Submit(context.Background(), sealed(other, n.keys[bergen]))
	wantCode(t, ledger.RevokedKey, err)
	n.sound(t)
}

// Of several things that are wrong the first in the order of the codes is told.
// Each case here has all that is wrong with those below it.
func TestSubmitOrder(t *testing.T) {
	t.Parallel()
	n, c := newNode(t), newClock(time.Now())
	n.now = c.now
	n.open(t).found(t)
	revoked := n.keys[ahus]
	n.must(t, authority, &ledger.Revocation{Key: revoked.ID(), Reason: "lost"})
	size := n.Size()

	fine := event(ahus, publication(), c.now())
	field := publication()
	field.Links = []string{"http://unsafe.example"}
	badField := fine
	badField.Data = field
	late := badField
	late.At = c.now().Add(time.Hour).Truncate(time.Second)
	elsewhere := late
	elsewhere.Ledger = "other.example/test"

	unknown := forged(t, sealed(fine, seededKey(77)))
	for _, c := range []struct {
		code ledger.Code
		raw  []byte
	}{
		{ledger.TooLarge, bytes.Repeat([]byte("{"), keys.MaxSize+1)},
		{ledger.Malformed, append(forged(t, sealed(elsewhere, seededKey(77))), '}')},
		{ledger.Malformed, nil},
		{ledger.Malformed, []byte(`{"payload":"","payloadType":"application/vnd.spredning.event.v2+json","signatures":[]}`)},
		{ledger.WrongLedger, forged(t, sealed(elsewhere, seededKey(77)))},
		{ledger.Clock, forged(t, sealed(late, seededKey(77)))},
		{ledger.InvalidField, forged(t, sealed(badField, seededKey(77)))},
		{ledger.UnknownKey, unknown},
		{ledger.BadSignature, forged(t, sealed(fine, revoked))},
		{ledger.RevokedKey, sealed(fine, revoked)},
	} {
		_, _, err := n.Submit(context.Background(), c.raw)
		wantCode(t, c.code, err)
	}
	if n.Size() != size || n.Err() != nil {
		t.Errorf("bad input has made %d entries of %d; %v", n.Size(), size, n.Err())
	}
	n.must(t, bergen, publication())
	n.sound(t)
}

// The signer's clock may be 5 minutes ahead and 30 days behind.
func TestSubmitClock(t *testing.T) {
	t.Parallel()
	n, c := newNode(t), newClock(time.Now().Truncate(time.Second))
	n.now = c.now
	n.open(t).found(t)
	for _, off := range []time.Duration{5 * time.Minute, -30 * 24 * time.Hour} {
		_, _, err := n.Submit(context.Background(), n.envelope(bergen, publication(), c.now().Add(off)))
		noError(t, err)
	}
	for _, off := range []time.Duration{5*time.Minute + time.Second, -30*24*time.Hour - time.Second} {
		_, _, err := n.Submit(context.Background(), n.envelope(bergen, publication(), c.now().Add(off)))
		wantCode(t, ledger.Clock, err)
	}
}

// Before the founding there is no ledger, and after it no other founding.
func TestSubmitFounding(t *testing.T) {
	t.Parallel()
	n := newNode(t).open(t)
	_, _, err := n.Submit(context.Background(), n.envelope(bergen, publication(), time.Now()))
	wantCode(t, ledger.UnknownKey, err)
	otherKey, err := ledger.NewLogKey(origin, seededKey(98))
	noError(t, err)
	_, _, err = n.Submit(context.Background(), n.envelope(authority, n.founding(otherKey), time.Now()))
	wantCode(t, ledger.InvalidField, err)
	if n.Size() != 0 {
		t.Fatalf("%d entries before the founding", n.Size())
	}
	first := n.must(t, authority, n.founding(n.logKey))
	n.same(t, first.Entry, first)
	_, _, err = n.Submit(context.Background(), n.envelope(authority, n.founding(n.logKey), time.Now()))
	wantCode(t, ledger.AlreadyExists, err)
	n.sound(t)
}

// A full queue turns submitters away; whoever is in it is answered.
func TestSubmitOverloaded(t *testing.T) {
	t.Parallel()
	n, f := faultyNode(t)
	const room = 8192 // that may wait
	reached, open := f.gate()
	defer open()
	raw := n.envelope(bergen, publication(), time.Now())
	first := n.submitting(raw)
	<-reached
	var overloaded, answered atomic.Int64
	var wait sync.WaitGroup
	for range room + 50 {
		wait.Go(func() {
			if _, _, err := n.Submit(context.Background(), raw); err == nil {
				answered.Add(1)
			} else {
				wantCode(t, ledger.Overloaded, err)
				overloaded.Add(1)
			}
		})
	}
	waitFor(t, "the queue to be full", func() bool { return overloaded.Load() == 50 })
	open()
	wait.Wait()
	noError(t, first.wait().err)
	if answered.Load() != room || overloaded.Load() != 50 {
		t.Errorf("%d of %d in the queue were answered, %d turned away", answered.Load(), room, overloaded.Load())
	}
	n.must(t, bergen, publication())
}

// Who gives up waiting does not know the outcome, and finds out by sending the
// same bytes again.
func TestSubmitGivesUp(t *testing.T) {
	t.Parallel()
	n, f := faultyNode(t)
	reached, open := f.gate()
	defer open()
	raw := n.envelope(bergen, publication(), time.Now())
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-reached; cancel() }()
	_, _, err := n.Submit(ctx, raw)
	wantCode(t, ledger.Unavailable, err)
	open()
	r, again, err := n.Submit(context.Background(), raw)
	noError(t, err)
	if !again {
		t.Error("the event was on its way, and is taken for a new one")
	}
	n.has(t, r, raw)
}

// Close answers everybody: with a receipt that holds, or that the ledger is
// unavailable. Then it takes nothing more.
func TestCloseAnswers(t *testing.T) {
	t.Parallel()
	n, f := faultyNode(t)
	reached, open := f.gate()
	raws := make([][]byte, 500)
	all := make([]*submission, len(raws))
	for i := range raws {
		raws[i] = n.envelope(bergen, publication(), time.Now())
		all[i] = n.submitting(raws[i])
	}
	<-reached
	l, closed := n.Ledger, make(chan struct{})
	go func() { l.Close(); l.Close(); close(closed) }()
	time.Sleep(50 * time.Millisecond)
	open()
	<-closed
	receipts := 0
	for i, s := range all {
		select {
		case <-s.done:
		case <-time.After(10 * time.Second):
			t.Fatal("Close has left a submitter without an answer")
		}
		if s.err == nil {
			receipts++
			n.has(t, s.receipt, raws[i])
		} else {
			wantCode(t, ledger.Unavailable, s.err)
		}
	}
	if receipts == 0 {
		t.Error("nobody who was waiting got a receipt")
	}
	_, _, err := l.Submit(context.Background(), raws[0])
	wantCode(t, ledger.Unavailable, err)
	n.close()
	n.open(t)
	for i, s := range all {
		if s.err == nil {
			r, err := n.Receipt(s.receipt.Index)
			noError(t, err)
			n.has(t, r, raws[i])
		}
	}
	n.sound(t)
}

// What users are told of a failure says what to do.
func TestUnavailableSaysWhatToDo(t *testing.T) {
	t.Parallel()
	n, f := faultyNode(t)
	f.next(unsent)
	_, _, err := n.Submit(context.Background(), n.envelope(bergen, publication(), time.Now()))
	if err == nil || !strings.Contains(err.Error(), "send the same bytes again") {
		t.Errorf("the answer is %v", err)
	}
}
