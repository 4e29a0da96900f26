package jetstream

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"spredning/ledger"
)

func TestEmptyStream(t *testing.T) {
	t.Parallel()
	s := embedIn(t, t.TempDir())
	span, err := s.Span(patient(t))
	noError(t, err)
	if span.Last >= 0 || span.Count != 0 {
		t.Errorf("an empty stream spans %+v", span)
	}
	if got := read(t, s, 0); got != nil {
		t.Errorf("an empty stream has entries: %q", got)
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	ctx, s := patient(t), embedIn(t, t.TempDir())
	noError(t, s.Append(ctx, 0, entries(0, 1)))
	noError(t, s.Append(ctx, 1, entries(1, 3)))
	noError(t, s.Append(ctx, 3, entries(3, 4)))
	noError(t, s.Append(ctx, 4, entries(4, 1004)))
	noError(t, s.Append(ctx, 1004, entries(1004, 1005)))
	holds(t, s, entries(0, 1005))
}

// An append at any other place than the end is a conflict and leaves nothing,
// and the next one at the right place succeeds.
func TestAppendConflict(t *testing.T) {
	t.Parallel()
	for name, count := range map[string]int64{"single": 1, "two": 2, "batch": 1000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, s := patient(t), embedIn(t, t.TempDir())
			fill(t, s, 10)
			for _, size := range []int64{0, 9, 11, 5000} {
				if err := s.Append(ctx, size, entries(size, size+count)); !errors.Is(err, ledger.ErrConflict) {
					t.Errorf("appending after %d of 10 entries gives %v, want a conflict", size, err)
				}
			}
			holds(t, s, entries(0, 10))
			noError(t, s.Append(ctx, 10, entries(10, 10+count)))
			holds(t, s, entries(0, 10+count))
		})
	}
}

// The same bytes may be appended twice: what is a duplicate is for the ledger
// to say.
func TestAppendTwice(t *testing.T) {
	t.Parallel()
	ctx, s := patient(t), embedIn(t, t.TempDir())
	same := [][]byte{[]byte("same"), []byte("same")}
	noError(t, s.Append(ctx, 0, same))
	noError(t, s.Append(ctx, 2, same[:1]))
	holds(t, s, append(same, same[0]))
}

// The largest append there can be: 1,000 entries of 32 KiB.
func TestAppendLargest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := embedIn(t, dir)
	large := make([][]byte, 1000)
	for i := range large {
		large[i] = bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 16<<10)
	}
	noError(t, s.Append(patient(t), 0, large))
	if err := s.Append(patient(t), 0, large); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("appending them again gives %v, want a conflict", err)
	}
	noError(t, s.Append(patient(t), 1000, large[:1]))
	s.Close()
	holds(t, embedIn(t, dir), append(large, large[0]))
}

// Of two who append at the same place one succeeds, whatever they append.
func TestAppendRace(t *testing.T) {
	t.Parallel()
	ns := natsServer(t, t.TempDir(), -1)
	one, other := connectTo(t, ns), connectTo(t, ns)
	for size := int64(0); size < 60; size += 3 {
		outcomes := make(chan error, 2)
		for _, s := range []*Stream{one, other} {
			go func() { outcomes <- s.Append(patient(t), size, entries(size, size+3)) }()
		}
		a, b := <-outcomes, <-outcomes
		if (a == nil) == (b == nil) || (!errors.Is(a, ledger.ErrConflict) && !errors.Is(b, ledger.ErrConflict)) {
			t.Fatalf("two appends at %d give %v and %v", size, a, b)
		}
	}
	holds(t, one, entries(0, 60))
}

func TestRead(t *testing.T) {
	t.Parallel()
	const size = 12000
	s := embedIn(t, t.TempDir())
	fill(t, s, size)
	for _, from := range []int64{0, 1, 4999, 5000, 5001, 7777, size - 1, size, size + 1} {
		want := entries(min(from, size), size)
		if got := read(t, s, from); !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("reading from %d of %d gives %d entries, or others than were appended", from, size, len(got))
		}
	}
}

// Read ends with the last entry there was when it was called.
func TestReadEnds(t *testing.T) {
	t.Parallel()
	s := embedIn(t, t.TempDir())
	fill(t, s, 3)
	count := int64(0)
	noError(t, s.Read(patient(t), 0, func(int64, []byte) error {
		count++
		fill(t, s, 3+count)
		return nil
	}))
	if count != 3 {
		t.Errorf("%d entries are read, want the 3 there were", count)
	}
}

func TestReadStops(t *testing.T) {
	t.Parallel()
	s := embedIn(t, t.TempDir())
	fill(t, s, 10)
	errEnough, count := errors.New("enough"), 0
	err := s.Read(patient(t), 2, func(int64, []byte) error {
		if count++; count == 3 {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) || count != 3 {
		t.Errorf("after the caller's error %d entries were read, the error is %v", count, err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Read(ended, 0, func(int64, []byte) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("reading with an ended context gives %v", err)
	}
}

// A stream in which entries are missing is damaged: nothing is read beyond.
func TestReadGap(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*testing.T, jetstream.JetStream)
		good  int
		span  ledger.Span
	}{
		"one in the middle": {
			func(t *testing.T, js jetstream.JetStream) { spoiled(t, js, 0, 10, 6) }, 5, ledger.Span{First: 0, Last: 9, Count: 9},
		},
		"the first": {
			func(t *testing.T, js jetstream.JetStream) { spoiled(t, js, 0, 10, 1) }, 0, ledger.Span{First: 1, Last: 9, Count: 9},
		},
		"begun later": {
			func(t *testing.T, js jetstream.JetStream) { spoiled(t, js, 4, 7) }, 0, ledger.Span{First: 3, Last: 9, Count: 7},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := natsServer(t, t.TempDir(), -1)
			c.spoil(t, admin(t, ns))
			s := connectTo(t, ns)
			count := 0
			err := s.Read(patient(t), 0, func(int64, []byte) error { count++; return nil })
			var damage *ledger.DamageError
			if !errors.As(err, &damage) || !strings.Contains(damage.Problem, "gap") || count != c.good {
				t.Errorf("%d entries are read, then %v; want %d and a gap", count, err, c.good)
			}
			span, err := s.Span(patient(t))
			noError(t, err)
			if span != c.span {
				t.Errorf("its span is %+v, want %+v", span, c.span)
			}
		})
	}
}

// spoiled makes the stream by hand: its first sequence, how many messages, and
// which of them is deleted.
func spoiled(t *testing.T, js jetstream.JetStream, first uint64, count int, deleted ...uint64) {
	t.Helper()
	open := config(1)
	open.FirstSeq, open.DenyDelete = first, false
	stream, err := js.CreateStream(patient(t), open)
	noError(t, err)
	for range count {
		_, err := js.Publish(patient(t), Subject, []byte("entry"))
		noError(t, err)
	}
	for _, seq := range deleted {
		noError(t, stream.DeleteMsg(patient(t), seq))
	}
	open.DenyDelete = true
	_, err = js.UpdateStream(patient(t), open)
	noError(t, err)
}

func TestWatch(t *testing.T) {
	t.Parallel()
	ns := natsServer(t, t.TempDir(), -1)
	writer, watcher := connectTo(t, ns), connectTo(t, ns)
	fill(t, writer, 5)
	ctx, cancel := context.WithCancel(patient(t))
	woken, ended := make(chan int64, 100), make(chan error, 1)
	go func() { ended <- watcher.Watch(ctx, func(index int64) { woken <- index }) }()
	// The last there is comes first, so nothing that is appended between a Read
	// and a Watch goes unseen.
	wakes(t, woken, 4)
	noError(t, writer.Append(patient(t), 5, entries(5, 6)))
	wakes(t, woken, 5)
	noError(t, writer.Append(patient(t), 6, entries(6, 9)))
	wakes(t, woken, 6, 7, 8)
	cancel()
	select {
	case err := <-ended:
		noError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("Watch does not end with its context")
	}
}

func wakes(t *testing.T, woken <-chan int64, want ...int64) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-woken:
			if got != w {
				t.Fatalf("woken for entry %d, want %d", got, w)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("not woken for entry %d", w)
		}
	}
}

// A leader is believed only while it hears from so many that no other can lead, and not
// as soon as it is chosen.
func TestLeads(t *testing.T) {
	t.Parallel()
	now := time.Now()
	peer := func(active time.Duration, offline bool) *jetstream.PeerInfo {
		return &jetstream.PeerInfo{Active: active, Offline: offline}
	}
	here, silent, gone := peer(time.Second, false), peer(lease, false), peer(0, true)
	for name, c := range map[string]struct {
		replicas []*jetstream.PeerInfo
		leads    bool
	}{
		"alone":              {nil, true},
		"all":                {[]*jetstream.PeerInfo{here, here}, true},
		"two of three":       {[]*jetstream.PeerInfo{silent, here}, true},
		"one of three":       {[]*jetstream.PeerInfo{silent, gone}, false},
		"one of two":         {[]*jetstream.PeerInfo{silent}, false},
		"two of five":        {[]*jetstream.PeerInfo{silent, gone, silent, here}, false},
		"both are not there": {[]*jetstream.PeerInfo{gone, gone}, false},
	} {
		for led, long := range map[time.Duration]bool{lease: true, lease - 1: false} {
			since := now.Add(-led)
			err := leads(&jetstream.ClusterInfo{Replicas: c.replicas, LeaderSince: &since}, now)
			if want := c.leads && (long || c.replicas == nil); (err == nil) != want {
				t.Errorf("%s, leading for %s: %v", name, led, err)
			}
		}
	}
	if err := leads(&jetstream.ClusterInfo{Replicas: []*jetstream.PeerInfo{here, here}}, now); err == nil {
		t.Error("one that does not say since when it leads is believed")
	}
}
