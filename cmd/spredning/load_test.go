package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"spredning/ledger"
	"spredning/ledger/story"
)

// A quantile is what the sorted durations have there, or at most 1/128 more; the
// longest is exact.
func TestLatencies(t *testing.T) {
	for bucket := 1; bucket <= bucketOf(math.MaxInt64); bucket++ {
		if at := bucketOf(ceiling(bucket)); at != bucket {
			t.Fatalf("the longest of bucket %d is in bucket %d", bucket, at)
		}
		if first := ceiling(bucket-1) + 1; bucketOf(first) != bucket || ceiling(bucket)-first > first/perOctave {
			t.Fatalf("bucket %d has %d to %d", bucket, first, ceiling(bucket))
		}
	}
	var l latencies
	if l.quantile(0.5) != 0 {
		t.Error("there are none, but some took time")
	}
	for _, n := range rand.Perm(10_000) {
		l.add(time.Duration(n+1) * time.Microsecond)
	}
	for share, want := range map[float64]time.Duration{0.5: 5_000, 0.99: 9_900, 0.999: 9_990, 1: 10_000} {
		want *= time.Microsecond
		if got := l.quantile(share); got < want || got > want+want/perOctave {
			t.Errorf("the %g quantile is %s, not %s", share, got, want)
		}
	}
	if s := l.spread(); s.Max != 10 {
		t.Errorf("the longest took %g ms", s.Max)
	}
}

func TestMix(t *testing.T) {
	m := usual
	if m.String() != "publish=9,confirm=85,organisation=1,other=5" || m.total() != 100 {
		t.Errorf("the usual mix is %s", &m)
	}
	if err := m.Set("read=3,confirm=1"); err != nil || m != (mix{confirms: 1, reads: 3}) {
		t.Errorf("read as %s, %v", &m, err)
	}
	chance, drawn := rand.New(rand.NewPCG(1, 1)), mix{}
	for range 4000 {
		drawn[m.draw(chance)]++
	}
	if drawn.total() != 4000 || drawn[confirms]+drawn[reads] != 4000 || drawn[confirms] < 900 || drawn[confirms] > 1100 {
		t.Errorf("drawn %s", &drawn)
	}
	for _, bad := range []string{"", "read", "read=-1", "read=x", "write=1", "read=0", "read=1,,"} {
		if err := m.Set(bad); err == nil {
			t.Errorf("%q is read as %s", bad, &m)
		}
	}
}

// under puts what answers under a load, with the clock of a bubble.
func under(t *testing.T, d driving, submit func(n int64) error) driven {
	t.Helper()
	d.mix, d.organisations = usual, story.Fewest
	c, err := newCrowd("spredning.example/test", story.Orgnr(0), story.AuthorityKey(1), &d)
	noError(t, err)
	var sent atomic.Int64
	l := &load{driving: &d, crowd: c, refused: map[ledger.Code]int{}, followers: &followers{}, target: &target{
		submit: func(context.Context, []byte) (int64, error) {
			n := sent.Add(1)
			return n, submit(n)
		},
	}}
	ctx, stop := context.WithCancel(t.Context())
	l.make(ctx, newProgress(io.Discard, "", 0))
	l.start = time.Now()
	l.last = l.start
	if d.rate > 0 {
		l.arrive(ctx)
	} else {
		l.answered(ctx)
	}
	stop()
	return l.sum(nil)
}

// stalling answers after a millisecond, but answers nothing from one second on until
// two.
func stalling() func(int64) error {
	start := time.Now()
	return func(int64) error {
		time.Sleep(time.Millisecond)
		if at := time.Since(start); at >= time.Second && at < 2*time.Second {
			time.Sleep(2*time.Second - at)
		}
		return nil
	}
}

// While the ledger stalls for a second, a closed loop only waits and sees one slow
// answer; in an open loop all that should have been sent meanwhile is slow.
func TestStallIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := under(t, driving{waiting: 1, events: 3000}, stalling())
		if s := closed.Writes.Latency; s.P50 > 2 || s.P99 > 2 || s.Max < 900 {
			t.Errorf("a closed loop sees %+v", s)
		}
		open := under(t, driving{rate: 100, lasting: 10 * time.Second}, stalling())
		if n := open.Writes.Count; n != 1000 {
			t.Errorf("%d of 1000 were sent", n)
		}
		if s := open.Writes.Latency; s.P50 > 2 || s.P99 < 890 || s.P999 < 990 || s.Max != 1000 {
			t.Errorf("an open loop sees %+v", s)
		}
	})
}

// In an open loop times are from when an event was to be sent, also when the client
// itself comes too late.
func TestLateClientIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &load{driving: &driving{rate: 100, lasting: 5 * time.Second}, ready: make(chan sealed), followers: &followers{}, target: &target{
			submit: func(context.Context, []byte) (int64, error) { time.Sleep(time.Millisecond); return 0, nil },
		}}
		go func() {
			defer close(l.ready)
			for n := range 400 {
				if n == 100 {
					time.Sleep(2 * time.Second)
				}
				l.ready <- sealed{kind: confirms}
			}
		}()
		l.start = time.Now()
		l.arrive(t.Context())
		if sum := l.sum(nil); sum.Writes.Count != 400 || sum.Writes.Latency.Max != 1991 || sum.Late != 1990 {
			t.Errorf("seen: %+v, late by %g ms", sum.Writes, sum.Late)
		}
	})
}

// What is refused is counted by its code, what failed apart, neither as an answer.
func TestRefusalsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sum := under(t, driving{waiting: 4, events: 1000}, func(n int64) error {
			switch {
			case n%10 == 0:
				return fmt.Errorf("over HTTP: %w", &answerError{Code: ledger.Overloaded})
			case n%10 == 1:
				return &ledger.Refusal{Code: ledger.StaleRevision}
			case n%100 == 2:
				return errors.New("nobody is there")
			}
			return nil
		})
		if sum.Refused[ledger.Overloaded] != 100 || sum.Refused[ledger.StaleRevision] != 100 || len(sum.Refused) != 2 || sum.Failed != 10 || sum.Writes.Count != 790 {
			t.Errorf("counted %v, %d failed, %d accepted", sum.Refused, sum.Failed, sum.Writes.Count)
		}
		if err := sum.failure(); err == nil || !strings.Contains(err.Error(), "nobody is there") {
			t.Errorf("it ends with %v", err)
		}
		if sum.Failed = 0; sum.failure() != nil {
			t.Errorf("refusals are taken for failures: %v", sum.failure())
		}
	})
}

// Followers see what comes twice, in another order or not at all.
func TestFollowersCheck(t *testing.T) {
	for sent, want := range map[string]string{
		"5 6 7 8": "", "5 6 8": "entry 8 came where 7 should", "5 6 6": "entry 6 came where 7 should",
		"6": "entry 6 came where 5 should", "5 6": "entries 7 to 8 have not come", "": "entries 5 to 8 have not come",
		"5 6 end": "the server ended the stream after entry 6",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("after") != "4" || r.Header.Get("Accept") != "text/event-stream" {
				http.Error(w, "asked for something else", http.StatusBadRequest)
				return
			}
			for id := range strings.FieldsSeq(sent) {
				if id == "end" {
					return
				}
				_, _ = fmt.Fprintf(w, ":\n\nid: %s\ndata: {}\n\n", id)
			}
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}))
		f := follow(t.Context(), server.URL, 5, 2)
		f.tell(8, time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		if strings.Contains(want, "have not come") { // nor will they
			for f.entries() < int64(2*len(strings.Fields(sent))) {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}
		faults := f.finish(ctx)
		cancel()
		server.Close()
		if want == "" && len(faults) == 0 && f.entries() == 8 {
			continue
		}
		if want == "" || len(faults) != 2 || !strings.Contains(faults[0], want) || !strings.Contains(faults[1], want) {
			t.Errorf("of %q they say %q", sent, faults)
		}
	}
}

// What a crowd makes is admissible in the order in which it is made, of the size asked
// for, and in the mix.
func TestCrowd(t *testing.T) {
	const size = 1500
	world, err := story.Found("spredning.example/crowd", "Prøve", "a test, no secret:", time.Now().UTC().Truncate(time.Second))
	noError(t, err)
	c, err := newCrowd("spredning.example/crowd", world.Authority, world.Admins[world.Authority], &driving{seed: 3, mix: usual, size: size, organisations: story.Fewest})
	noError(t, err)
	state := ledger.NewState()
	ledger.Evolve(state, world.Entries[0])
	count, drawn := mix{}, 0
	add := func(i intent) {
		t.Helper()
		m, err := c.seal(i)
		noError(t, err)
		e, err := ledger.ParseEntry(state.Position(), m.entry)
		noError(t, err)
		if err := ledger.Decide(state, &e.Signed); err != nil {
			t.Fatalf("entry %d, %s: %v", e.Index, e.Type, err)
		}
		ledger.Evolve(state, e)
		if m.kind == publishes {
			m.new.index = e.Index
			c.took(m.new)
		}
		if drawn > 0 {
			count[m.kind]++
			if n := len(m.entry); m.kind != organises && (n < size-40 || n > size+40) {
				t.Errorf("a %s is %d bytes long", e.Type, n)
			}
		}
	}
	for _, i := range append(c.opening(), c.joining()...) {
		add(i)
	}
	for drawn = 1; drawn <= 2000; drawn++ {
		add(c.next())
	}
	// Nine publications for 85 confirmations by eight each are too few.
	if count[publishes] < 180 || count[confirms] < 1400 || count[organises] < 8 || count[others] < 60 {
		t.Errorf("made %s", &count)
	}
	c.mix = mix{reads: 1}
	if i := c.next(); i.kind != reads || !strings.HasPrefix(i.path, "/api/v1/") {
		t.Errorf("a read is %+v", i)
	}
}

// Whoever calls it in another way than it can be called is told so: exit code 2.
func TestLoadMisused(t *testing.T) {
	for _, args := range []string{
		"--waiting 0", "--waiting 9000", "--rate -1", "--rate 0", "--rate 10 --waiting 3", "--for 0s", "--events 0", "--mix read", "--mix read=0",
		"--followers -1", "--size 7000", "--organisations 9", "--key x", "--baseline --no-baseline", "--baseline http://127.0.0.1:1", "--origin x",
		"http://127.0.0.1:1 --in-process", "a b", "nowhere", "--story random --data x --rate 3", "--story random --data x http://127.0.0.1:1", "--data x --baseline",
		"--nothing",
	} {
		cmd := root(quietly())
		cmd.SetErr(io.Discard)
		cmd.SetArgs(append([]string{"load"}, strings.Fields(args)...))
		var misuse misuseError
		if err := cmd.ExecuteContext(t.Context()); !errors.As(err, &misuse) {
			t.Errorf("load %s: %v", args, err)
		}
	}
}
