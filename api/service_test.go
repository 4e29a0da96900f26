package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spredning/api"
	"spredning/ledger"
)

// faulty is a stream whose every call goes through the test first.
type faulty struct {
	ledger.Stream
	before func(call string) error
}

func (f *faulty) Append(ctx context.Context, size int64, entries [][]byte) error {
	if err := f.before("append"); err != nil {
		return err
	}
	return f.Stream.Append(ctx, size, entries)
}

func (f *faulty) Read(ctx context.Context, from int64, fn func(int64, []byte) error) error {
	if err := f.before("read"); err != nil {
		return err
	}
	return f.Stream.Read(ctx, from, fn)
}

func (f *faulty) Span(ctx context.Context) (ledger.Span, error) {
	if err := f.before("span"); err != nil {
		return ledger.Span{}, err
	}
	return f.Stream.Span(ctx)
}

func (f *faulty) Watch(ctx context.Context, wake func(int64)) error {
	if err := f.before("watch"); err != nil {
		return err
	}
	return f.Stream.Watch(ctx, wake)
}

func (f *faulty) Recover(ctx context.Context) error {
	if err := f.before("recover"); err != nil {
		return err
	}
	return f.Stream.Recover(ctx)
}

// asking puts a function before every call to the stream.
func asking(before func(call string) error) option {
	return through(func(s ledger.Stream) ledger.Stream { return &faulty{s, before} })
}

// breaking gives a stream that fails while down is set.
func breaking(down *atomic.Bool) option {
	return asking(func(string) error {
		if down.Load() {
			return fmt.Errorf("%w: no stream today", ledger.ErrUnknown)
		}
		return nil
	})
}

func TestHealthAndReadiness(t *testing.T) {
	var down atomic.Bool
	w := newWorld(t, breaking(&down)).found()
	published := w.story()
	w.ok("/healthz", nil)
	w.ok("/readyz", nil)

	down.Store(true)
	raw := w.sealed(bergen, publication("Mens den er nede"))
	a := w.submit(raw)
	w.refused(a, "unavailable")
	hasRetryAfter(t, a)
	w.ok("/healthz", nil)
	if p := w.refused(w.get("/readyz"), "unavailable"); !strings.Contains(p.Detail, "no stream today") {
		t.Errorf("the reason is not told: %s", p.Detail)
	}
	var status struct {
		Writable bool
		Reason   string
	}
	if w.ok("/api/v1/status", &status); status.Writable || !strings.Contains(status.Reason, "no stream today") {
		t.Errorf("status: %+v", status)
	}
	for _, path := range reads(w, published) {
		w.ok(path, nil)
	}

	down.Store(false)
	eventually(t, "the ledger takes events again", func() bool { return w.ledger.Err() == nil })
	w.ok("/readyz", nil)
	w.post(raw)
}

// Who asks whether a node is ready is told of its audit of its own log, too.
func TestReadinessTellsOfTheAudit(t *testing.T) {
	var audited ledger.SelfAudited
	w := newWorld(t, func(w *world) { w.audited = func() ledger.SelfAudited { return audited } }).found()
	for _, c := range []struct {
		audited ledger.SelfAudited
		want    string
	}{
		{ledger.SelfAudited{Position: 3, Size: 7}, "ready; not audited yet\n"},
		{ledger.SelfAudited{Entries: 7, At: time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)}, "ready; 7 entries were audited until 2026-11-25T03:00:00Z\n"},
		{ledger.SelfAudited{Failures: 1, Err: errors.New("no such file")}, "ready; the log on disk could not be audited, which is tried again\n"},
	} {
		audited = c.audited
		if a := w.ok("/readyz", nil); string(a.body) != c.want {
			t.Errorf("%+v: %q, want %q", c.audited, a.body, c.want)
		}
	}
}

func hasRetryAfter(t testing.TB, a answer) {
	t.Helper()
	if a.Header.Get("Retry-After") == "" {
		t.Errorf("%d without Retry-After", a.StatusCode)
	}
}

func TestClosedLedgerIsStillRead(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	w.ledger.Close()
	w.refused(w.submit(w.sealed(bergen, publication("For sent"))), "unavailable")
	for _, path := range reads(w, published) {
		w.ok(path, nil)
	}
}

// TestReadersDoNotTouchTheStream asks for everything that there is to read, and
// counts the calls that reach the stream meanwhile.
func TestReadersDoNotTouchTheStream(t *testing.T) {
	var calls atomic.Int64
	var armed atomic.Bool
	w := newWorld(t, asking(func(call string) error {
		if armed.Load() {
			calls.Add(1)
			return errors.New("a reader has no business here: " + call)
		}
		return nil
	})).found()
	published := w.story()
	w.fill(300)
	w.reopen(t) // nothing of it is in memory by chance
	armed.Store(true)
	for operation, path := range reads(w, published) {
		a := w.ok(path, nil)
		w.ok(path, nil, "If-None-Match", `"other"`)
		if etag := a.Header.Get("ETag"); etag != "" {
			w.get(path, "If-None-Match", etag)
		}
		if waits(operation) {
			w.ok(fmt.Sprintf("%s?min_position=%d", path, w.ledger.Size()), nil)
		}
		if pages(operation) {
			w.walk(path+"?limit=1", "id")
		}
	}
	for _, path := range []string{
		"/api/v1/points/2026?position=12", "/api/v1/events/200/receipt", "/api/v1/innovations?query=digital", "/log/tile/entries/000", "/log/tile/1/000.p/1", "/healthz", "/readyz",
	} {
		w.ok(path, nil)
	}
	w.get("/api/v1/events/100000")
	l := w.follow("/api/v1/events?limit=300")
	l.ended()
	if n := calls.Load(); n != 0 {
		t.Errorf("%d calls reached the stream", n)
	}
	armed.Store(false)
}

func TestReadRate(t *testing.T) {
	open := newWorld(t).found()
	published := open.story()
	for _, path := range reads(open, published) {
		w := newWorld(t, rates(0.001, 0))
		w.get("/log/checkpoint") // the one that is allowed
		a := w.get(path)
		w.refused(a, "overloaded")
		hasRetryAfter(t, a)
		w.ok("/healthz", nil)
		w.ok("/readyz", nil)
		w.refused(w.submit(w.sealed(bergen, publication("Skriving er noe annet"))), "unknown_key")
	}
}

func TestWriteRate(t *testing.T) {
	w := newWorld(t).found()
	w.writeRate = 1 // five at once
	w.reopen(t)
	accepted := 0
	var limited []answer
	for range 12 {
		if a := w.submit(w.sealed(bergen, publication("Mange"))); a.StatusCode == http.StatusCreated {
			accepted++
		} else {
			limited = append(limited, a)
		}
	}
	if accepted < 5 || len(limited) == 0 {
		t.Errorf("%d were accepted, %d held back", accepted, len(limited))
	}
	for _, a := range limited {
		w.refused(a, "overloaded")
		hasRetryAfter(t, a)
	}
	for range 20 {
		w.ok("/api/v1/status", nil)
	}
	eventually(t, "one who waits is served again", func() bool {
		return w.submit(w.sealed(bergen, publication("Etterpå"))).StatusCode == http.StatusCreated
	})
}

func TestRatesAreByAddress(t *testing.T) {
	w := newWorld(t, rates(0.001, 0)).found()
	w.ok("/api/v1/status", nil)
	w.refused(w.get("/api/v1/status"), "overloaded")
	w.refused(w.get("/api/v1/status", "X-Forwarded-For", "192.0.2.1", "X-Real-IP", "192.0.2.1"), "overloaded")
	other := *w.client
	other.http = &http.Client{Transport: &http.Transport{
		DialContext:       (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext,
		DisableKeepAlives: true,
	}}
	other.ok("/api/v1/status", nil)
}

// outcome is what became of a submission.
type outcome struct {
	answer
	err error
}

// TestShutdownAnswersEveryone ends the server with submissions in flight: each
// has a receipt for what is in the log, or is told that it was not taken.
func TestShutdownAnswersEveryone(t *testing.T) {
	begun := make(chan struct{}, 1000)
	var slow atomic.Bool
	w := newWorld(t, asking(func(call string) error {
		if call == "append" && slow.Load() {
			begun <- struct{}{}
			time.Sleep(50 * time.Millisecond)
		}
		return nil
	})).found()
	slow.Store(true)
	const n = 200
	raws, outcomes := make([][]byte, n), make(chan outcome, n)
	for i := range raws {
		raws[i] = w.sealed(bergen, publication(fmt.Sprintf("Innovasjon %d", i)))
	}
	for _, raw := range raws {
		go func() {
			a, err := w.try(http.MethodPost, "/api/v1/events", bytes.NewReader(raw))
			outcomes <- outcome{a, err}
		}()
	}
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	noError(t, w.server.Config.Shutdown(ctx))
	w.ledger.Close()

	accepted := 0
	for range n {
		select {
		case o := <-outcomes:
			accepted += w.settled(o)
		case <-ctx.Done():
			t.Fatal("a submission hangs")
		}
	}
	if size := int(w.log.Size()); accepted == 0 || size < accepted+7 || size > n+7 {
		t.Errorf("%d were accepted, the log has %d entries, 7 of them from before", accepted, size)
	}
}

// settled checks an outcome and tells whether it is a receipt.
func (w *world) settled(o outcome) int {
	w.t.Helper()
	switch {
	case o.err != nil:
		return 0 // never taken in, or cut off: the connection says so
	case o.StatusCode != http.StatusCreated:
		w.refused(o.answer, "unavailable")
		return 0
	}
	r := w.receiptOf(o.answer)
	if entry, err := w.log.Entry(r.Index); err != nil || string(entry) != r.Entry {
		w.t.Errorf("receipt %d is for what the log does not have: %v", r.Index, err)
	}
	return 1
}

// TestCloseAnswersThoseInFlight closes the ledger under a server that goes on.
func TestCloseAnswersThoseInFlight(t *testing.T) {
	w := newWorld(t).found()
	const n = 200
	var group sync.WaitGroup
	var accepted atomic.Int64
	half := make(chan struct{}, n)
	for i := range n {
		raw := w.sealed(bergen, publication(fmt.Sprintf("Innovasjon %d", i)))
		group.Go(func() {
			a, err := w.try(http.MethodPost, "/api/v1/events", bytes.NewReader(raw))
			accepted.Add(int64(w.settled(outcome{a, err})))
			half <- struct{}{}
		})
	}
	for range n / 4 {
		<-half
	}
	w.ledger.Close()
	group.Wait()
	if size := w.log.Size(); size != accepted.Load()+7 {
		t.Errorf("%d were accepted, the log has %d entries, 7 of them from before", accepted.Load(), size)
	}
}

// TestPanicIsAProblem breaks a server so that its handlers panic: it has no ledger
// and no log.
func TestPanicIsAProblem(t *testing.T) {
	w := newWorld(t).found()
	server := httptest.NewServer(api.New(api.Config{View: w.view, Logger: slog.New(slog.DiscardHandler)}))
	defer server.Close()
	c := &client{t: t, base: server.URL, http: server.Client(), document: w.document}
	for _, path := range []string{"/log/checkpoint", "/log/tile/0/000.p/1", "/api/v1/events/0"} {
		a := c.get(path)
		if p := c.refused(a, "unavailable"); strings.Contains(p.Detail, "nil") {
			t.Errorf("%s: the problem tells of the inside: %s", path, p.Detail)
		}
		hasRetryAfter(t, a)
	}
	c.ok("/api/v1/innovations", nil)
}

// TestDamagedFileIsUnavailable spoils full tiles on disk: who asks for them is
// told so, or gets the right bytes from memory, and never wrong ones.
func TestDamagedFileIsUnavailable(t *testing.T) {
	w := newWorld(t).found()
	w.fill(600)
	w.reopen(t)
	before := map[string][]byte{}
	for _, path := range []string{"/log/tile/0/000", "/log/tile/0/000.p/7", "/api/v1/events/3", "/api/v1/events/3/receipt", "/api/v1/events/590"} {
		before[path] = w.ok(path, nil).body
	}
	for _, file := range []string{"tile/entries/000", "tile/0/000"} {
		noError(t, os.WriteFile(filepath.Join(w.dir, "log", file), []byte("spoilt"), 0o600))
	}
	a := w.get("/log/tile/entries/000")
	if p := w.refused(a, "unavailable"); strings.Contains(p.Detail, w.dir) {
		t.Errorf("the problem tells what only the operator should know: %s", p.Detail)
	}
	hasRetryAfter(t, a)
	for path, want := range before {
		if a := w.get(path); a.StatusCode == http.StatusOK && !bytes.Equal(a.body, want) {
			t.Errorf("%s has other bytes than before", path)
		}
	}
	w.ok("/api/v1/innovations", nil)
}
