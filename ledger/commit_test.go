package ledger_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/jetstream"
)

// 256 who submit at the same time share appends; each gets a receipt of its own
// event, and no index is left out.
func TestConcurrentSubmitters(t *testing.T) {
	t.Parallel()
	n, f := faultyNode(t)
	const submitters, each = 256, 4
	receipts := make([]ledger.Receipt, submitters*each)
	before, appends := n.Size(), len(f.appended)
	var wait sync.WaitGroup
	for i := range submitters {
		wait.Go(func() {
			for j := range each {
				raw := n.envelope(bergen, publication(), time.Now())
				r, again, err := n.Submit(context.Background(), raw)
				if err != nil || again {
					t.Errorf("a new event: %v, old: %t", err, again)
					return
				}
				n.has(t, r, raw)
				receipts[i*each+j] = r
			}
		})
	}
	wait.Wait()
	slices.SortFunc(receipts, func(a, b ledger.Receipt) int { return int(a.Index - b.Index) })
	for i, r := range receipts {
		if r.Index != before+int64(i) {
			t.Fatalf("receipt %d is of entry %d, want %d", i, r.Index, before+int64(i))
		}
	}
	if got := len(f.appended) - appends; got > len(receipts)/4 {
		t.Errorf("%d events took %d appends: they do not share them", len(receipts), got)
	}
	n.sound(t)
}

// Events of one batch are decided one after the other: those that rest on an
// earlier one are accepted, those that an earlier one rules out are not.
func TestBatchOrder(t *testing.T) {
	t.Parallel()
	n, f := faultyNode(t)
	published := n.must(t, bergen, publication())
	once := [2]ledger.Event{event(bergen, publication(), time.Now()), event(bergen, publication(), time.Now())}
	once[1].ID = once[0].ID
	once[1].Data.(*ledger.Publication).Kind = "product"

	reached, open := f.gate()
	filler := n.submitting(n.envelope(bergen, publication(), time.Now()))
	<-reached
	sameID := []*submission{
		n.submitting(sealed(once[0], n.keys[bergen])), n.submitting(sealed(once[1], n.keys[bergen])),
	}
	samePair := []*submission{
		n.submitting(n.envelope(ahus, confirmation(published), time.Now())), n.submitting(n.envelope(ahus, confirmation(published), time.Now())),
	}
	chains := make([][]*submission, 10)
	for i := range chains {
		chains[i] = n.submittingChain()
	}
	time.Sleep(200 * time.Millisecond)
	open()
	noError(t, filler.wait().err)

	n.oneOfTwo(t, sameID)
	n.oneOfTwo(t, samePair)
	together := 0
	for _, c := range chains {
		together += n.chained(t, f, c)
	}
	if together == 0 {
		t.Error("no event rested on an earlier one of its batch")
	}
	n.sound(t)
}

// oneOfTwo checks that of two that rule each other out one is accepted.
func (n *node) oneOfTwo(t *testing.T, two []*submission) {
	t.Helper()
	won, other := two[0].wait(), two[1].wait()
	if won.err != nil {
		won, other = other, won
	}
	noError(t, won.err)
	n.verified(t, won.receipt)
	wantCode(t, ledger.AlreadyExists, other.err)
}

// submittingChain submits an innovation and, a little later, its confirmation,
// while neither is in the ledger yet.
func (n *node) submittingChain() []*submission {
	raw := n.envelope(bergen, publication(), time.Now())
	first := n.submitting(raw)
	time.Sleep(10 * time.Millisecond)
	return []*submission{first, n.submitting(n.envelope(ahus, confirmation(ledger.Receipt{Entry: raw}), time.Now()))}
}

// chained checks that the second of two was accepted if it came after the first,
// and counts those that shared an append.
func (n *node) chained(t *testing.T, f *faulty, two []*submission) int {
	t.Helper()
	first, second := two[0].wait(), two[1].wait()
	noError(t, first.err)
	if second.err != nil {
		wantCode(t, ledger.UnknownInnovation, second.err)
		return 0
	}
	if second.receipt.Index <= first.receipt.Index {
		t.Errorf("entry %d rests on entry %d", second.receipt.Index, first.receipt.Index)
	}
	if f.shared(first.receipt.Index, second.receipt.Index) {
		return 1
	}
	return 0
}

// shared says whether two entries went out in one append.
func (f *faulty) shared(a, b int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.appended, func(s span) bool { return s.from <= a && b < s.to })
}

// natsServer starts a server with JetStream that syncs always.
func natsServer(t testing.TB) *server.Server { return natsServerAt(t, t.TempDir(), -1) }

func natsServerAt(t testing.TB, dir string, port int) *server.Server {
	t.Helper()
	ns, err := server.NewServer(&server.Options{
		ServerName: "shared", Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, SyncAlways: true,
		NoSigs: true, NoLog: true, JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 64 << 20,
	})
	noError(t, err)
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return ns
}

// sharedNode is a node whose stream others may append to.
func sharedNode(t testing.TB, url string) *node {
	n := newNode(t)
	n.url = url
	return n
}

// writer appends to a shared stream what it likes.
func writer(t testing.TB, url string) *jetstream.Stream {
	t.Helper()
	s, err := jetstream.Connect(context.Background(), jetstream.Remote{URL: url}, silent)
	noError(t, err)
	t.Cleanup(s.Close)
	return s
}

// applied remembers what a ledger applies.
type applied struct {
	mu      sync.Mutex
	entries []*ledger.Entry
}

func (a *applied) apply(es []*ledger.Entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entries = append(a.entries, es...)
}

// are checks that exactly these entries were applied, in order.
func (a *applied) are(t *testing.T, want [][]byte) {
	t.Helper()
	waitFor(t, "all entries to be applied", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.entries) >= len(want)
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, e := range a.entries {
		if i >= len(want) || e.Index != int64(i) || !bytes.Equal(e.Bytes, want[i]) {
			t.Fatalf("of %d entries, number %d applied is entry %d or another than in the stream", len(want), i, e.Index)
		}
	}
}

// What others append is taken over without being asked for, and applied in
// order with one's own. That it was signed long ago does not matter in the log.
func TestForeignEntries(t *testing.T) {
	t.Parallel()
	url := natsServer(t).ClientURL()
	n, seen := sharedNode(t, url), &applied{}
	n.apply = seen.apply
	n.open(t).found(t)
	w := writer(t, url)
	for _, count := range []int{1, 3, 1100, 1} {
		size := n.Size()
		for chunk := range slices.Chunk(n.publications(count, time.Now().Add(-year)), 1000) {
			noError(t, w.Append(context.Background(), size, chunk))
			size += int64(len(chunk))
		}
		waitFor(t, "the entries of others", func() bool { return n.Size() == size })
		n.must(t, bergen, publication())
	}
	all := n.sound(t)
	seen.are(t, all)
	for i := int64(0); i < n.Size(); i += 97 {
		r, err := n.Receipt(i)
		noError(t, err)
		n.has(t, r, all[i])
	}
	n.close()
	again := &applied{}
	n.apply = again.apply
	n.open(t)
	again.are(t, all)
}

func (n *node) publications(count int, at time.Time) [][]byte {
	all := make([][]byte, count)
	for i := range all {
		all[i] = n.envelope(bergen, publication(), at)
	}
	return all
}

// What others append comes, too, when the stream does not tell of it; meanwhile the node
// knows that it is behind, if it has heard of it.
func TestForeignEntriesUntold(t *testing.T) {
	t.Parallel()
	url := natsServer(t).ClientURL()
	n, s := sharedNode(t, url), &lateWatch{begin: make(chan struct{})} // for ever
	n.wrap = func(real ledger.Stream) ledger.Stream {
		s.Stream = real
		return s
	}
	n.open(t).found(t)
	size := n.Size()
	if got := n.StreamSize(); got != size {
		t.Errorf("the stream was seen to have %d entries, want %d", got, size)
	}
	noError(t, writer(t, url).Append(context.Background(), size, n.publications(3, time.Now())))
	waitFor(t, "the entries of others", func() bool { return n.Size() == size+3 })
	if got := n.StreamSize(); got != size+3 {
		t.Errorf("the stream was seen to have %d entries, want %d", got, size+3)
	}
	n.sound(t)
}

// lateWatch begins to watch only when it is told to.
type lateWatch struct {
	ledger.Stream
	begin chan struct{}
}

func (s *lateWatch) Watch(ctx context.Context, wake func(int64)) error {
	select {
	case <-s.begin:
		return s.Stream.Watch(ctx, wake)
	case <-ctx.Done():
		return nil
	}
}

// What is appended after the stream was read and before it is watched is seen.
func TestForeignEntryBeforeWatch(t *testing.T) {
	t.Parallel()
	url := natsServer(t).ClientURL()
	n, begin := sharedNode(t, url), make(chan struct{})
	n.wrap = func(s ledger.Stream) ledger.Stream { return &lateWatch{s, begin} }
	n.open(t).found(t)
	size := n.Size()
	noError(t, writer(t, url).Append(context.Background(), size, n.publications(1, time.Now())))
	close(begin)
	waitFor(t, "the entry of another", func() bool { return n.Size() == size+1 })
	n.sound(t)
}

// A node that could not write for a while follows the others as before.
func TestForeignEntryAfterHealing(t *testing.T) {
	t.Parallel()
	url := natsServer(t).ClientURL()
	n, f, w := sharedNode(t, url), &faulty{failing: map[string]error{}}, writer(t, url)
	n.wrap = f.wrap
	n.open(t).found(t)
	f.fail("Recover", errInjected)
	f.next(unsent)
	_, _, err := n.Submit(context.Background(), n.envelope(bergen, publication(), time.Now()))
	wantCode(t, ledger.Unavailable, err)
	size := n.Size()
	noError(t, w.Append(context.Background(), size, n.publications(1, time.Now())))
	time.Sleep(500 * time.Millisecond) // the node is told, and can do nothing
	f.fail("Recover", nil)
	waitFor(t, "the ledger to heal", func() bool { return n.Err() == nil })
	noError(t, w.Append(context.Background(), size+1, n.publications(1, time.Now())))
	waitFor(t, "the entries of others", func() bool { return n.Size() == size+2 })
	n.sound(t)
}

// A node stops before the first entry that is not admissible, and says so. It is
// never checkpointed; readers are served.
func TestInadmissibleForeignEntry(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]func(*node) []byte{
		"malformed":          func(*node) []byte { return []byte("no envelope") },
		"another spelling":   func(n *node) []byte { return append(n.publications(1, time.Now())[0], '\n') },
		"bad signature":      func(n *node) []byte { return forged(t, n.publications(1, time.Now())[0]) },
		"unknown key":        func(*node) []byte { return sealed(event(bergen, publication(), time.Now()), seededKey(77)) },
		"against the rules":  func(n *node) []byte { return n.envelope(ahus, publication(), time.Now()) },
		"an invalid field":   func(n *node) []byte { return n.envelope(bergen, invalid(), time.Now()) },
		"a second founding":  func(n *node) []byte { return n.envelope(authority, n.founding(n.logKey), time.Now()) },
		"of another ledger":  func(n *node) []byte { return elsewhere(n) },
		"a later version":    func(n *node) []byte { return laterVersion(n) },
		"an event once more": func(n *node) []byte { e, _ := n.log.Entry(4); return e },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := natsServer(t).ClientURL()
			n, seen := sharedNode(t, url), &applied{}
			n.apply = seen.apply
			n.open(t).found(t)
			size := n.Size()
			good := n.publications(2, time.Now())
			noError(t, writer(t, url).Append(context.Background(), size, [][]byte{good[0], bad(n), good[1]}))
			n.refusesToWrite(t, fmt.Sprintf("entry %d in the stream is not admissible", size+1), size+1)
			n.close()
			*seen = applied{}
			n.open(t)
			n.refusesToWrite(t, fmt.Sprintf("entry %d in the stream is not admissible", size+1), size+1)
			seen.are(t, n.own(t))
		})
	}
}

func invalid() *ledger.Publication {
	d := publication()
	d.InUseSince = "2024-02-31"
	return d
}

func elsewhere(n *node) []byte {
	e := event(bergen, publication(), time.Now())
	e.Ledger = "other.example/test"
	return sealed(e, n.keys[bergen])
}

// laterVersion is signed over another payload type, as it should be.
func laterVersion(n *node) []byte {
	raw := n.envelope(bergen, publication(), time.Now())
	return bytes.Replace(raw, []byte(keys.EventV1), []byte(strings.Replace(keys.EventV1, "v1", "v2", 1)), 1)
}

// own gives the entries of the second copy.
func (n *node) own(t *testing.T) (all [][]byte) {
	noError(t, n.log.Entries(0, n.Size(), func(_ int64, e []byte) error {
		all = append(all, bytes.Clone(e))
		return nil
	}))
	return all
}

// refusesToWrite checks that the ledger has stopped, for a reason that does not
// pass, at a size; and that it serves readers.
func (n *node) refusesToWrite(t *testing.T, reason string, size int64) {
	t.Helper()
	waitFor(t, "the ledger to stop", func() bool { return n.Err() != nil })
	_, _, err := n.Submit(context.Background(), n.envelope(bergen, publication(), time.Now()))
	wantCode(t, ledger.Unavailable, err)
	var damage *ledger.DamageError
	if err := n.Err(); !errors.As(err, &damage) || !strings.Contains(damage.Problem, reason) {
		t.Errorf("the ledger says %q, want %q", err, reason)
	}
	if n.Size() != size {
		t.Errorf("the ledger has %d entries, want %d", n.Size(), size)
	}
	c, err := ledger.OpenCheckpoint(n.log.Checkpoint(), n.logKey.String())
	noError(t, err)
	if c.Size != size {
		t.Errorf("the checkpoint is over %d entries, want %d", c.Size, size)
	}
	for i := range size {
		r, err := n.Receipt(i)
		noError(t, err)
		n.verified(t, r)
	}
}

// skipping is a stream that passes over an entry in silence.
type skipping struct {
	ledger.Stream
	missing int64
}

func (s *skipping) Read(ctx context.Context, from int64, fn func(int64, []byte) error) error {
	return s.Stream.Read(ctx, from, func(index int64, entry []byte) error {
		if index == s.missing {
			return nil
		}
		return fn(index, entry)
	})
}

// A node stops before a gap.
func TestForeignGap(t *testing.T) {
	t.Parallel()
	url := natsServer(t).ClientURL()
	n := sharedNode(t, url)
	n.wrap = func(s ledger.Stream) ledger.Stream { return &skipping{s, 7} }
	n.open(t).found(t)
	noError(t, writer(t, url).Append(context.Background(), 5, n.publications(4, time.Now())))
	const gap = "the stream has a gap: entry 8 follows where 7 should"
	n.refusesToWrite(t, gap, 7)
	time.Sleep(1500 * time.Millisecond) // in which it would have tried again
	n.refusesToWrite(t, gap, 7)
}

// behind is a stream as a server gives it that does not know the newest entries.
type behind struct {
	ledger.Stream
	hidden atomic.Int64
}

func (s *behind) Span(ctx context.Context) (ledger.Span, error) {
	span, err := s.Stream.Span(ctx)
	span.Last, span.Count = span.Last-s.hidden.Load(), span.Count-s.hidden.Load()
	return span, err
}

// A server that does not know the newest entries is believed in nothing, and when
// they turn up the node goes on by itself. When others stand in their place, never.
func TestServerBehind(t *testing.T) {
	t.Parallel()
	for _, turnUp := range []bool{true, false} {
		t.Run(fmt.Sprintf("turn up %t", turnUp), func(t *testing.T) {
			t.Parallel()
			n, f, late := sharedNode(t, natsServer(t).ClientURL()), &faulty{failing: map[string]error{}}, &behind{}
			n.wrap = func(s ledger.Stream) ledger.Stream {
				late.Stream = f.wrap(s)
				return late
			}
			n.open(t).found(t)
			for range 3 {
				n.must(t, bergen, publication())
			}
			entries := n.sound(t)
			late.hidden.Store(2)
			f.next(unsent)
			raw := n.envelope(bergen, publication(), time.Now())
			_, _, err := n.Submit(context.Background(), raw)
			wantCode(t, ledger.Unavailable, err)
			waitFor(t, "the entries to be missed", func() bool { err := n.Err(); return err != nil && strings.Contains(err.Error(), "6 entries") })
			if turnUp {
				late.hidden.Store(0)
				r, _, err := n.resend(t, raw)
				noError(t, err)
				n.has(t, r, raw)
				n.sound(t)
				return
			}
			elsewhere := writer(t, natsServer(t).ClientURL())
			noError(t, elsewhere.Append(context.Background(), 0, append(entries[:6:6], n.publications(4, time.Now())...)))
			f.mu.Lock()
			f.Stream = elsewhere
			f.mu.Unlock()
			late.hidden.Store(0)
			waitFor(t, "the other entries to be seen", func() bool { return errors.As(n.Err(), new(*ledger.DamageError)) })
			n.refusesToWrite(t, "the stream hashes to another root: its entry 6", 8)
		})
	}
}

// doubtful is a stream of which it is not sure that all is known.
type doubtful struct {
	ledger.Stream
	doubt atomic.Bool
}

func (s *doubtful) Span(ctx context.Context) (ledger.Span, error) {
	span, err := s.Stream.Span(ctx)
	if s.doubt.Load() {
		span.Doubt = errors.New("the leader is new")
	}
	return span, err
}

// While what is known can be doubted nothing is refused for good; what is admissible is
// appended, which leaves no doubt.
func TestDoubt(t *testing.T) {
	t.Parallel()
	n, s := sharedNode(t, natsServer(t).ClientURL()), &doubtful{}
	n.wrap = func(real ledger.Stream) ledger.Stream { s.Stream = real; return s }
	n.open(t).found(t)
	unknown := n.envelope(ahus, confirmation(ledger.Receipt{Entry: n.envelope(bergen, publication(), time.Now())}), time.Now())
	stranger := sealed(event(bergen, publication(), time.Now()), seededKey(77))
	s.doubt.Store(true)
	for _, raw := range [][]byte{unknown, stranger} {
		_, _, err := n.Submit(context.Background(), raw)
		wantCode(t, ledger.Unavailable, err)
	}
	noError(t, n.Err())
	n.must(t, bergen, publication())
	s.doubt.Store(false)
	_, _, err := n.Submit(context.Background(), unknown)
	wantCode(t, ledger.UnknownInnovation, err)
	_, _, err = n.Submit(context.Background(), stranger)
	wantCode(t, ledger.UnknownKey, err)
	n.sound(t)
}

// Two ledgers on one server make one log, whoever submits where.
func TestTwoLedgers(t *testing.T) {
	t.Parallel()
	url := natsServer(t).ClientURL()
	seen := [2]applied{}
	one, other := sharedNode(t, url), sharedNode(t, url)
	one.apply, other.apply = seen[0].apply, seen[1].apply
	one.open(t).found(t)
	other.open(t)
	const submitters, each = 32, 5
	before := one.Size()
	var wait sync.WaitGroup
	for i := range submitters {
		wait.Go(func() {
			here, there := one, other
			if i%2 == 0 {
				here, there = other, one
			}
			for range each {
				raw := here.envelope(bergen, publication(), time.Now())
				r, _, err := here.resend(t, raw)
				if err != nil {
					t.Error(err)
					return
				}
				here.has(t, r, raw)
				again, old, err := there.resend(t, raw)
				if err != nil || !old || again.Index != r.Index {
					t.Errorf("the event is entry %d here, %d there (old: %t), %v", r.Index, again.Index, old, err)
				}
			}
		})
	}
	wait.Wait()
	size := before + submitters*each
	waitFor(t, "both to have all", func() bool { return one.Size() == size && other.Size() == size })
	all := one.sound(t)
	if !slices.EqualFunc(all, other.sound(t), bytes.Equal) || one.log.Root() != other.log.Root() {
		t.Error("the two have different logs")
	}
	seen[0].are(t, all)
	seen[1].are(t, all)
}

// What one has accepted counts at once at the other, a key or an innovation,
// even if that is slow to hear of it.
func TestTwoLedgersAtOnce(t *testing.T) {
	t.Parallel()
	url := natsServer(t).ClientURL()
	one, other := sharedNode(t, url), sharedNode(t, url)
	deaf := func(s ledger.Stream) ledger.Stream { return &lateWatch{s, nil} }
	one.wrap, other.wrap = deaf, deaf
	one.open(t).found(t)
	other.open(t)
	for i := range 5 {
		key := seededKey16(i + 1000)
		one.must(t, authority, &ledger.Enrolment{Organisation: bergen, Key: enrolled(key, ledger.Report)})
		raw := sealed(event(bergen, publication(), time.Now()), key)
		r, _, err := other.Submit(context.Background(), raw)
		noError(t, err)
		other.has(t, r, raw)
		one.must(t, ahus, confirmation(r))
		_, _, err = other.Submit(context.Background(), other.envelope(ahus, confirmation(r), time.Now()))
		wantCode(t, ledger.AlreadyExists, err)
	}
	other.sound(t)
}

// Without the server an event gets unavailable, be it good or bad; readers are
// served; when the server is back the ledger writes again.
func TestServerLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ns := natsServerAt(t, dir, -1)
	n := sharedNode(t, ns.ClientURL()).open(t).found(t)
	port := ns.Addr().(*net.TCPAddr).Port
	ns.Shutdown()
	ns.WaitForShutdown()
	raw := n.envelope(bergen, publication(), time.Now())
	unknown := n.envelope(ahus, confirmation(ledger.Receipt{Entry: raw}), time.Now())
	for _, raw := range [][]byte{raw, unknown} {
		_, _, err := n.Submit(context.Background(), raw)
		wantCode(t, ledger.Unavailable, err)
	}
	r, err := n.Receipt(4)
	noError(t, err)
	n.verified(t, r)
	natsServerAt(t, dir, port)
	for _, raw := range [][]byte{raw, unknown} {
		r, _, err := n.resend(t, raw)
		noError(t, err)
		n.has(t, r, raw)
	}
	noError(t, writer(t, n.url).Append(context.Background(), 7, n.publications(1, time.Now())))
	waitFor(t, "the entry of another", func() bool { return n.Size() == 8 })
	n.sound(t)
}

// Receipts and indexes are those of the tree: a receipt taken early proves the
// same after the log has grown.
func TestReceiptsStayTrue(t *testing.T) {
	t.Parallel()
	n := newNode(t).open(t).found(t)
	early := n.must(t, bergen, publication())
	for range 300 {
		n.must(t, bergen, publication())
	}
	n.verified(t, early)
	late, err := n.Receipt(early.Index)
	noError(t, err)
	n.verified(t, late)
	if bytes.Equal(early.Checkpoint, late.Checkpoint) || !bytes.Equal(early.Entry, late.Entry) {
		t.Error("the receipt does not move on with the log, or the entry does")
	}
	n.grew(t, early.Checkpoint)
}

// grew checks that the log of now is the one of a checkpoint, and more.
func (n *node) grew(t testing.TB, checkpoint []byte) {
	t.Helper()
	then, err := ledger.OpenCheckpoint(checkpoint, n.logKey.String())
	noError(t, err)
	now, err := ledger.OpenCheckpoint(n.log.Checkpoint(), n.logKey.String())
	noError(t, err)
	if then.Size > now.Size {
		t.Fatalf("the log has shrunk from %d to %d entries", then.Size, now.Size)
	}
	proof, err := tlog.ProveTree(now.Size, then.Size, n.log)
	noError(t, err)
	if err := tlog.CheckTree(proof, now.Size, now.Root, then.Size, then.Root); err != nil {
		t.Errorf("the log of %d entries, %s, is not a part of the one of %d: %v", then.Size, hex.EncodeToString(then.Root[:]), now.Size, err)
	}
}
