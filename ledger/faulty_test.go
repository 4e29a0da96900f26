package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger"
)

// faulty is a stream that fails as it is told. What it does not fail at is done
// by the real one.
type faulty struct {
	ledger.Stream
	mu        sync.Mutex
	appends   []appendFault // for the next appends, one each
	appended  []span        // what went through
	recovered func()        // called once after the stream recovered
	failing   map[string]error
}

// span is an append: the entries from an index up to but not including another.
type span struct{ from, to int64 }

// appendFault is what happens in the place of an append.
type appendFault func(ctx context.Context, real ledger.Stream, size int64, entries [][]byte) error

var errInjected = fmt.Errorf("%w: injected", ledger.ErrUnknown)

// faultyNode is a founded ledger on a stream that can fail.
func faultyNode(t testing.TB) (*node, *faulty) {
	n, f := newNode(t), &faulty{failing: map[string]error{}}
	n.wrap = f.wrap
	return n.open(t).found(t), f
}

func (f *faulty) wrap(real ledger.Stream) ledger.Stream {
	f.Stream = real
	return f
}

// next has the next appends go wrong, one after the other.
func (f *faulty) next(faults ...appendFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.appends = append(f.appends, faults...)
}

// fail has a method fail until it is told otherwise with nil.
func (f *faulty) fail(method string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failing[method] = err
}

func (f *faulty) err(method string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failing[method]
}

func (f *faulty) Append(ctx context.Context, size int64, entries [][]byte) error {
	f.mu.Lock()
	fault := appendFault(through)
	if len(f.appends) > 0 {
		fault, f.appends = f.appends[0], f.appends[1:]
	}
	f.mu.Unlock()
	err := fault(ctx, f.Stream, size, entries)
	if err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.appended = append(f.appended, span{size, size + int64(len(entries))})
	}
	return err
}

func (f *faulty) Read(ctx context.Context, from int64, fn func(int64, []byte) error) error {
	if err := f.err("Read"); err != nil {
		return err
	}
	return f.Stream.Read(ctx, from, fn)
}

func (f *faulty) Span(ctx context.Context) (ledger.Span, error) {
	if err := f.err("Span"); err != nil {
		return ledger.Span{}, err
	}
	return f.Stream.Span(ctx)
}

func (f *faulty) Recover(ctx context.Context) error {
	if err := f.err("Recover"); err != nil {
		return err
	}
	err := f.Stream.Recover(ctx)
	f.mu.Lock()
	recovered := f.recovered
	f.recovered = nil
	f.mu.Unlock()
	if err == nil && recovered != nil {
		recovered()
	}
	return err
}

func through(ctx context.Context, real ledger.Stream, size int64, entries [][]byte) error {
	return real.Append(ctx, size, entries)
}

// lost appends, and loses the acknowledgement.
func lost(ctx context.Context, real ledger.Stream, size int64, entries [][]byte) error {
	if err := real.Append(ctx, size, entries); err != nil {
		return err
	}
	return errInjected
}

// unsent appends nothing.
func unsent(context.Context, ledger.Stream, int64, [][]byte) error { return errInjected }

// lateAtRecovery appends when the stream has recovered, before it is read.
func (f *faulty) lateAtRecovery(_ context.Context, real ledger.Stream, size int64, entries [][]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.recovered = func() { _ = real.Append(context.Background(), size, entries) }
	return errInjected
}

// lateAtNext appends when the next append comes, before that.
func (f *faulty) lateAtNext(_ context.Context, _ ledger.Stream, size int64, entries [][]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.appends = slices.Insert(f.appends, 0, otherWriter(size, entries...))
	return errInjected
}

// otherWriter appends other entries first, at a place of its own choice.
func otherWriter(at int64, others ...[]byte) appendFault {
	return func(ctx context.Context, real ledger.Stream, size int64, entries [][]byte) error {
		if err := real.Append(ctx, at, others); err != nil {
			return err
		}
		return real.Append(ctx, size, entries)
	}
}

// gate holds the next append up until it is opened, however long that takes.
func (f *faulty) gate() (reached <-chan struct{}, open func()) {
	at, on := make(chan struct{}), make(chan struct{})
	f.next(func(ctx context.Context, real ledger.Stream, size int64, entries [][]byte) error {
		close(at)
		<-on
		return real.Append(context.WithoutCancel(ctx), size, entries)
	})
	return at, sync.OnceFunc(func() { close(on) })
}

// resend submits the same bytes until the ledger knows the outcome.
func (n *node) resend(t testing.TB, raw []byte) (ledger.Receipt, bool, error) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		r, again, err := n.Submit(context.Background(), raw)
		if codeOf(err) != ledger.Unavailable {
			return r, again, err
		}
		if time.Now().After(end) {
			t.Errorf("still unavailable: %v", err)
			return r, again, err
		}
	}
}

func codeOf(err error) ledger.Code {
	var r *ledger.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}

func wantCode(t testing.TB, want ledger.Code, err error) {
	t.Helper()
	if codeOf(err) != want {
		t.Errorf("the answer is %v, want %s", err, want)
	}
}

// verified checks a receipt as anyone can who trusts the log's key.
func (n *node) verified(t testing.TB, r ledger.Receipt) {
	t.Helper()
	if _, _, err := r.Verify(n.logKey.String()); err != nil {
		t.Errorf("the receipt of entry %d: %v", r.Index, err)
	}
}

// sound checks what must hold whatever has happened: stream and second copy are
// the same, no event is there twice, and the checkpoint is over just that. It
// gives the entries.
func (n *node) sound(t testing.TB) (all [][]byte) {
	t.Helper()
	seen := map[ulid.ULID]int64{}
	noError(t, n.stream.Read(context.Background(), 0, func(index int64, entry []byte) error {
		if index != int64(len(all)) {
			return fmt.Errorf("entry %d is read after %d", index, len(all))
		}
		all = append(all, bytes.Clone(entry))
		e, err := ledger.ParseEntry(index, entry)
		if err != nil {
			return err
		}
		if first, ok := seen[e.ID]; ok {
			return fmt.Errorf("event %s is there twice, at %d and %d", e.ID, first, index)
		}
		seen[e.ID] = index
		return nil
	}))
	if n.Size() != int64(len(all)) {
		t.Fatalf("the second copy has %d entries, the stream %d", n.Size(), len(all))
	}
	for i, entry := range all {
		own, err := n.log.Entry(int64(i))
		noError(t, err)
		if !bytes.Equal(own, entry) {
			t.Fatalf("entry %d of the second copy is not that of the stream", i)
		}
	}
	c, err := ledger.OpenCheckpoint(n.log.Checkpoint(), n.logKey.String())
	noError(t, err)
	if want := rootOf(t, all); c.Size != int64(len(all)) || c.Root != want {
		t.Fatalf("the checkpoint is over %d entries and %s, there are %d with %s", c.Size, c.Root, len(all), want)
	}
	return all
}

// rootOf computes the root of a tree from its entries alone.
func rootOf(t testing.TB, entries [][]byte) tlog.Hash {
	t.Helper()
	var hashes []tlog.Hash
	stored := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
		for _, i := range at {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	for i, e := range entries {
		more, err := tlog.StoredHashes(int64(i), e, stored)
		noError(t, err)
		hashes = append(hashes, more...)
	}
	root, err := tlog.TreeHash(int64(len(entries)), stored)
	noError(t, err)
	return root
}

// has checks that a receipt is of the event sent, and of what stands at its index.
func (n *node) has(t testing.TB, r ledger.Receipt, raw []byte) {
	t.Helper()
	n.verified(t, r)
	entry, err := n.log.Entry(r.Index)
	noError(t, err)
	if !bytes.Equal(entry, raw) || !bytes.Equal(r.Entry, raw) {
		t.Errorf("the receipt of entry %d is of another event", r.Index)
	}
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// An acknowledgement that does not come leaves the outcome unknown. Everyone is
// told so, and whoever sends the same bytes again gets the one receipt, whatever
// had become of the append.
func TestLostAcknowledgement(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault func(*faulty) appendFault
		there bool // in the stream before it is sent again
	}{
		"appended":             {func(*faulty) appendFault { return lost }, true},
		"not appended":         {func(*faulty) appendFault { return unsent }, false},
		"appended at recovery": {func(f *faulty) appendFault { return f.lateAtRecovery }, true},
		"appended at the next": {func(f *faulty) appendFault { return f.lateAtNext }, false},
		"cut off":              {func(*faulty) appendFault { return cutOff }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, f := faultyNode(t)
			before := n.Size()
			f.next(c.fault(f))
			raw := n.envelope(bergen, publication(), time.Now())
			_, _, err := n.Submit(context.Background(), raw)
			wantCode(t, ledger.Unavailable, err)
			if n.Err() == nil {
				t.Error("after a lost acknowledgement the ledger does not say that it cannot write")
			}
			waitFor(t, "the ledger to heal", func() bool { return n.Err() == nil })
			if there := n.Size() == before+1; there != c.there {
				t.Errorf("the event is in the ledger: %t, want %t", there, c.there)
			}
			r, again, err := n.resend(t, raw)
			noError(t, err)
			if late := name == "appended at the next"; again != (c.there || late) {
				t.Errorf("the event was taken for an old one: %t", again)
			}
			n.has(t, r, raw)
			if n.Size() != before+1 {
				t.Errorf("%d entries, want %d", n.Size(), before+1)
			}
			n.sound(t)
		})
	}
}

// cutOff has the answer to an append that is refused never come.
func cutOff(ctx context.Context, real ledger.Stream, size int64, entries [][]byte) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if err := real.Append(ctx, size+1000, entries); err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnknown, err)
	}
	return nil
}

// Once another append is acknowledged at the same place, the lost one can never
// come any more.
func TestLostForGood(t *testing.T) {
	t.Parallel()
	n, f := faultyNode(t)
	size, raw := n.Size(), n.envelope(bergen, publication(), time.Now())
	f.next(unsent)
	_, _, err := n.Submit(context.Background(), raw)
	wantCode(t, ledger.Unavailable, err)
	waitFor(t, "the ledger to heal", func() bool { return n.Err() == nil })
	n.must(t, bergen, publication())
	if err := n.stream.Append(context.Background(), size, [][]byte{raw}); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("the late append gives %v, want a conflict", err)
	}
	r, again, err := n.Submit(context.Background(), raw)
	noError(t, err)
	if again || r.Index != size+1 {
		t.Errorf("what was lost and sent again is entry %d, old: %t", r.Index, again)
	}
	n.sound(t)
}

// A refusal that rests on what may not be there is not told: an event that
// needs a key whose enrolment was lost is not refused for good.
func TestLostEnrolment(t *testing.T) {
	t.Parallel()
	n, f := faultyNode(t)
	key := seededKey(50)
	enrolment := n.envelope(authority, &ledger.Enrolment{Organisation: bergen, Key: enrolled(key, ledger.Report)}, time.Now())
	f.next(lost)
	_, _, err := n.Submit(context.Background(), enrolment)
	wantCode(t, ledger.Unavailable, err)
	raw := sealed(event(bergen, publication(), time.Now()), key)
	_, _, err = n.Submit(context.Background(), raw)
	wantCode(t, ledger.Unavailable, err)
	r, _, err := n.resend(t, raw)
	noError(t, err)
	n.has(t, r, raw)
}

// Many submitters, each sending the same bytes until it has a receipt, while
// appends fail in all ways: everyone gets one, nothing is there twice, nothing
// is lost.
func TestUnreliableStream(t *testing.T) {
	t.Parallel()
	n, f := faultyNode(t)
	before := n.Size()
	const submitters, each, faults = 40, 5, 6
	kinds := []appendFault{lost, unsent, f.lateAtRecovery, f.lateAtNext, cutOff}
	for range faults {
		f.next(kinds[rand.IntN(len(kinds))])
		for range rand.IntN(3) {
			f.next(through)
		}
	}
	var wait sync.WaitGroup
	for range submitters {
		wait.Go(func() {
			for range each {
				raw := n.envelope(bergen, publication(), time.Now())
				r, _, err := n.resend(t, raw)
				if err != nil {
					t.Error(err)
					return
				}
				n.has(t, r, raw)
			}
		})
	}
	wait.Wait()
	if got := n.Size() - before; got != submitters*each {
		t.Errorf("%d entries came of %d events", got, submitters*each)
	}
	n.sound(t)
}

// A conflict: what another writer has appended is taken over, and each that
// waits is decided again on it.
func TestConflict(t *testing.T) {
	t.Parallel()
	n, f := faultyNode(t)
	published := n.must(t, bergen, publication())
	mine := n.envelope(ahus, confirmation(published), time.Now())
	theirs := n.envelope(ahus, confirmation(published), time.Now())
	same := n.envelope(bergen, publication(), time.Now())
	free := n.envelope(bergen, publication(), time.Now())
	size := n.Size()
	reached, open := f.gate()
	filler := n.submitting(n.envelope(bergen, publication(), time.Now()))
	<-reached
	f.next(otherWriter(size+1, theirs, same))
	waiting := []*submission{n.submitting(mine), n.submitting(same), n.submitting(free)}
	time.Sleep(100 * time.Millisecond) // so that they share a batch, as a rule
	open()
	noError(t, filler.wait().err)
	wantCode(t, ledger.AlreadyExists, waiting[0].wait().err)
	if got := waiting[1].wait(); got.err != nil || !got.again || got.receipt.Index != size+2 {
		t.Errorf("what the other writer appended is entry %d, old %t, %v", got.receipt.Index, got.again, got.err)
	}
	if got := waiting[2].wait(); got.err != nil || got.again || got.receipt.Index != size+3 {
		t.Errorf("what has nothing to do with the conflict is entry %d, old %t, %v", got.receipt.Index, got.again, got.err)
	}
	n.sound(t)
}

// submission is a Submit under way.
type submission struct {
	done    chan struct{}
	receipt ledger.Receipt
	again   bool
	err     error
}

func (n *node) submitting(raw []byte) *submission {
	s := &submission{done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.receipt, s.again, s.err = n.Submit(context.Background(), raw)
	}()
	return s
}

func (s *submission) wait() *submission {
	<-s.done
	return s
}

// After a conflict the stream must be read before anything is decided on it.
// While that fails the outcome is unknown.
func TestConflictUnread(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"Read", "Span"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			n, f := faultyNode(t)
			theirs := n.envelope(bergen, publication(), time.Now())
			f.next(otherWriter(n.Size(), theirs))
			f.fail(method, errInjected)
			mine := n.envelope(bergen, publication(), time.Now())
			_, _, err := n.Submit(context.Background(), mine)
			wantCode(t, ledger.Unavailable, err)
			time.Sleep(1500 * time.Millisecond)
			if n.Err() == nil {
				t.Error("the ledger goes on, though the stream cannot be read")
			}
			f.fail(method, nil)
			r, again, err := n.resend(t, mine)
			noError(t, err)
			if again {
				t.Error("a new event was taken for an old one")
			}
			n.has(t, r, mine)
			n.sound(t)
		})
	}
}

// While the stream does not recover the ledger serves readers and answers
// unavailable; then it goes on by itself.
func TestSlowRecovery(t *testing.T) {
	t.Parallel()
	n, f := faultyNode(t)
	f.next(lost)
	f.fail("Recover", errInjected)
	raw := n.envelope(bergen, publication(), time.Now())
	for range 3 {
		_, _, err := n.Submit(context.Background(), raw)
		wantCode(t, ledger.Unavailable, err)
		time.Sleep(600 * time.Millisecond)
		r, err := n.Receipt(0)
		noError(t, err)
		n.verified(t, r)
	}
	f.fail("Recover", nil)
	r, again, err := n.resend(t, raw)
	noError(t, err)
	if !again {
		t.Error("the event was in the stream, and is taken for a new one")
	}
	n.has(t, r, raw)
	n.sound(t)
}

// Slow appends make others wait, and those share the next one.
func TestSlowAppend(t *testing.T) {
	t.Parallel()
	n, f := faultyNode(t)
	slow := func(ctx context.Context, real ledger.Stream, size int64, entries [][]byte) error {
		time.Sleep(300 * time.Millisecond)
		return real.Append(ctx, size, entries)
	}
	f.next(slow, slow, slow)
	var all []*submission
	for range 100 {
		all = append(all, n.submitting(n.envelope(bergen, publication(), time.Now())))
	}
	for _, s := range all {
		noError(t, s.wait().err)
		n.verified(t, s.receipt)
	}
	n.sound(t)
}

// A stream that goes back while the ledger runs: nothing is appended to it.
func TestStreamShrinks(t *testing.T) {
	t.Parallel()
	n, f := faultyNode(t)
	shorter := newNode(t).open(t) // an empty one
	f.mu.Lock()
	f.Stream = shorter.stream
	f.mu.Unlock()
	raw := n.envelope(bergen, publication(), time.Now())
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _, err := n.Submit(ctx, raw)
	wantCode(t, ledger.Unavailable, err)
	var damage *ledger.DamageError
	if err := n.Err(); !errors.As(err, &damage) || !strings.Contains(damage.Problem, "the stream is empty") {
		t.Errorf("the ledger says %v, want that the stream is empty", err)
	}
	if _, err := n.Receipt(n.Size() - 1); err != nil {
		t.Errorf("readers are not served: %v", err)
	}
}

// A full disk: writes are unavailable, reads go on, and with space freed the
// ledger writes again by itself, with everything it ever acknowledged.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"everything": ".", "stream": "jetstream", "second copy": "log"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			smallDisk(t, filepath.Join(n.dir, dir))
			n.open(t).found(t)
			n.survivesFullDisk(t, filepath.Join(n.dir, dir, "ballast"))
			n.close()
			n.open(t)
			noError(t, n.Err())
			n.sound(t)
		})
	}
}

// survivesFullDisk submits while a file takes all the space there is, and after
// it is gone.
func (n *node) survivesFullDisk(t *testing.T, ballast string) {
	t.Helper()
	sent := map[string]bool{} // and whether it was acknowledged
	send := func() (failed bool) {
		raw := n.envelope(bergen, publication(), time.Now())
		_, _, err := n.Submit(context.Background(), raw)
		if sent[string(raw)] = err == nil; err != nil {
			wantCode(t, ledger.Unavailable, err)
		}
		return err != nil
	}
	for range 20 {
		send()
	}
	var failed time.Time
	waitFor(t, "writes to fail, and healing in vain", func() bool {
		fillDisk(t, ballast) // again: a server that is closed frees some space
		if send() && failed.IsZero() {
			failed = time.Now()
		}
		return !failed.IsZero() && time.Since(failed) > 2500*time.Millisecond
	})
	for i := range n.Size() {
		r, err := n.Receipt(i)
		noError(t, err)
		n.verified(t, r)
	}
	noError(t, os.Remove(ballast))
	for raw, acknowledged := range sent {
		r, again, err := n.resend(t, []byte(raw))
		noError(t, err)
		if acknowledged && !again {
			t.Error("an acknowledged event was lost")
		}
		n.has(t, r, []byte(raw))
	}
	noError(t, n.Err())
	if got, want := len(n.sound(t)), 5+len(sent); got != want {
		t.Errorf("%d entries, want %d", got, want)
	}
}

// smallDisk makes a folder a disk of its own.
func smallDisk(t *testing.T, dir string) {
	t.Helper()
	noError(t, os.MkdirAll(dir, 0o755))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=48m", "none", dir).CombinedOutput(); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "--lazy", dir).Run() })
}

// fillDisk takes all the space there is left.
func fillDisk(t *testing.T, path string) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	noError(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

// An embedded server that has failed someone else is opened again before anything
// is written to it; shared ones are others' to judge.
func TestSuspect(t *testing.T) {
	t.Parallel()
	failed := errors.New("a file could not be stored")
	n := newNode(t).open(t).found(t)
	store := n.stream.Objects()
	n.Suspect(failed)
	if err := n.Err(); !errors.Is(err, failed) {
		t.Errorf("the ledger says %v", err)
	}
	_, _, err := n.Submit(context.Background(), n.envelope(bergen, publication(), time.Now()))
	wantCode(t, ledger.Unavailable, err)
	waitFor(t, "the ledger to heal", func() bool { return n.Err() == nil })
	n.must(t, bergen, publication())
	if _, err := store.Put(context.Background(), "ab", []byte("x")); err != nil {
		t.Errorf("the store is not back: %v", err)
	}
	shared := sharedNode(t, natsServer(t).ClientURL()).open(t)
	shared.Suspect(failed)
	noError(t, shared.Err())
}
