package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"spredning/ledger"
	"spredning/ledger/story"
)

// driving is how a ledger is put under load.
type driving struct {
	url, key      string // empty url: a ledger of its own
	seed          uint64
	waiting       int
	rate          float64 // arrivals a second; 0: as answers come
	lasting       time.Duration
	events        int // 0: as many as there is time for
	mix           mix
	followers     int
	size          int
	organisations int
	inProcess     bool
	baseline      bool // nothing but that
	noBaseline    bool
}

// Bounds of what can be asked for.
const (
	maxSize    = 6000
	maxWaiters = 8192
	// openConnections is how many connections an open loop has. Arrivals beyond wait
	// for one, and their waiting counts.
	openConnections = 512
	// signedAhead is how many events are signed before the clock starts, at most.
	signedAhead = 50_000
)

// check says what cannot be done.
func (d *driving) check() error {
	switch {
	case d.waiting < 1 || d.waiting > maxWaiters:
		return misuse("--waiting must be from 1 to %d", maxWaiters)
	case d.rate < 0:
		return misuse("--rate must not be negative")
	case d.events < 0 || d.lasting < 0 || d.events == 0 && d.lasting == 0:
		return misuse("--for and --events must not be negative, and one of them more than nothing")
	case d.followers < 0:
		return misuse("--followers must not be negative")
	case d.size < 0 || d.size > maxSize:
		return misuse("--size must be from 0 to %d bytes", maxSize)
	case d.organisations < story.Fewest:
		return misuse("--organisations must be %d or more", story.Fewest)
	case d.inProcess && d.url != "":
		return misuse("--in-process is for a ledger of its own: leave the URL out")
	case d.key != "" && d.url == "":
		return misuse("--key is for a ledger that is served elsewhere: give its URL")
	case d.baseline && (d.url != "" || d.noBaseline):
		return misuse("--baseline measures this machine alone: it goes with neither a URL nor --no-baseline")
	}
	return nil
}

// connections is how many are needed to the ledger's API, followers' not counted.
func (d *driving) connections() int {
	if d.rate > 0 {
		return openConnections
	}
	return d.waiting
}

// publishers is how many publish in the baseline that this load is compared with.
func (d *driving) publishers() int {
	if d.rate == 0 && d.waiting == 1 {
		return 1
	}
	return manyPublishers
}

// drive puts a ledger under load and shows how it bore it.
func (e *env) drive(ctx context.Context, d *driving) error {
	open := e.running
	if d.url == "" {
		open = e.embedded
	}
	t, err := open(ctx, d)
	if err != nil {
		return err
	}
	sum, err := e.underLoad(ctx, d, t)
	t.close()
	if err == nil && !d.noBaseline {
		sum.Baseline, err = compared(ctx, d, sum)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted before it was measured")
	}
	if err != nil {
		return err
	}
	if e.json {
		err = e.printJSON(sum)
	} else {
		e.showDriven(sum)
	}
	return errors.Join(err, sum.failure())
}

// load is a load on its way.
type load struct {
	*driving
	target    *target
	crowd     *crowd
	followers *followers
	ready     chan sealed // to be sent
	start     time.Time
	begun     atomic.Int64 // how many were begun

	writes, reads latencies
	late          atomic.Int64 // nanoseconds, by which the client was late at most

	mu      sync.Mutex
	refused map[ledger.Code]int
	failed  int
	first   error // of those that failed
	last    time.Time
}

// underLoad makes the hospitals known, and drives.
func (e *env) underLoad(ctx context.Context, d *driving, t *target) (driven, error) {
	c, err := newCrowd(t.name, t.authority, t.admin, d)
	if err != nil {
		return driven{}, err
	}
	l := &load{driving: d, target: t, crowd: c, refused: map[ledger.Code]int{}}
	if err := l.prepare(ctx, e); err != nil {
		return driven{}, fmt.Errorf("preparing the load: %w", err)
	}
	from, err := t.size(ctx)
	if err != nil {
		return driven{}, err
	}
	l.followers = follow(ctx, t.client.base, from, d.followers)
	making, stop := context.WithCancel(ctx)
	defer stop()
	l.make(making, newProgress(e.err, "Signing", l.ahead()))
	l.start = time.Now()
	l.last = l.start
	showing := l.show(making, e)
	if d.rate > 0 {
		l.arrive(ctx)
	} else {
		l.answered(ctx)
	}
	stop()
	<-showing
	faults := l.followers.finish(ctx)
	return l.sum(faults), ctx.Err()
}

// ahead is how many events are signed before the clock starts.
func (l *load) ahead() int {
	n := l.events
	if n == 0 {
		n = signedAhead
		if l.rate > 0 {
			n = int(l.rate * l.lasting.Seconds())
		}
	}
	return min(n, signedAhead)
}

// prepare submits what the load rests on: hospitals with their keys, and innovations.
func (l *load) prepare(ctx context.Context, e *env) error {
	first := l.crowd.joining()
	if l.target.new {
		first = slices.Concat(l.crowd.opening(), first)
	}
	publications := l.crowd.publishedFor(l.ahead())
	bar := newProgress(e.err, "Preparing", len(first)+publications)
	defer bar.done()
	for _, d := range first { // each rests on the one before
		if err := l.submit(ctx, d); err != nil && codeOf(err) != ledger.AlreadyExists {
			return err
		}
		bar.add(1)
	}
	var left atomic.Int64
	left.Store(int64(publications))
	return atOnce(min(64, l.connections()), func() error {
		for left.Add(-1) >= 0 {
			l.crowd.mu.Lock()
			l.crowd.drawn++
			d := l.crowd.publish()
			l.crowd.mu.Unlock()
			if err := l.submit(ctx, d); err != nil {
				return err
			}
			l.mu.Lock()
			bar.add(1)
			l.mu.Unlock()
		}
		return nil
	})
}

// submit submits what a load rests on; where the ledger is too busy, again.
func (l *load) submit(ctx context.Context, d intent) error {
	m, err := l.crowd.seal(d)
	if err != nil {
		return err
	}
	for {
		index, err := l.target.submit(ctx, m.entry)
		if codeOf(err) == ledger.Overloaded {
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err == nil && d.kind == publishes {
			m.new.index = index
			l.crowd.took(m.new)
		}
		return err
	}
}

// codeOf is what an event was refused with; empty: it was not.
func codeOf(err error) ledger.Code {
	var answered *answerError
	var refused *ledger.Refusal
	switch {
	case errors.As(err, &answered):
		return answered.Code
	case errors.As(err, &refused):
		return refused.Code
	}
	return ""
}

// atOnce runs so many of the same at once and gives the first error.
func atOnce(n int, do func() error) error {
	var all errgroup.Group
	for range n {
		all.Go(do)
	}
	return all.Wait()
}

// make draws and signs what is to be sent, as many ahead as may be, and returns when
// those are there.
func (l *load) make(ctx context.Context, bar *progress) {
	defer bar.done()
	ahead := l.ahead()
	l.ready = make(chan sealed, max(1, ahead))
	var drawn, signed atomic.Int64
	var making sync.WaitGroup
	enough := make(chan struct{})
	for range runtime.GOMAXPROCS(0) {
		making.Go(func() {
			for ctx.Err() == nil && (l.events == 0 || drawn.Add(1) <= int64(l.events)) {
				m, err := l.crowd.seal(l.crowd.next())
				if err != nil {
					l.fail(err)
					return
				}
				select {
				case l.ready <- m:
				case <-ctx.Done():
					return
				}
				if signed.Add(1) == int64(ahead) {
					close(enough)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { making.Wait(); close(l.ready); close(done) }()
	tick := time.NewTicker(time.Second / 10)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			bar.add(int(signed.Load()) - bar.at)
		case <-enough:
			return
		case <-done:
			return
		}
	}
}

// over reports whether the time for this load has run out.
func (l *load) over(at time.Time) bool {
	return l.lasting > 0 && at.Sub(l.start) >= l.lasting
}

// answered sends the next as soon as one is answered: a closed loop.
func (l *load) answered(ctx context.Context) {
	_ = atOnce(l.waiting, func() error {
		for ctx.Err() == nil && !l.over(time.Now()) {
			m, ok := <-l.ready
			if !ok {
				return nil
			}
			l.send(ctx, m, time.Now())
		}
		return nil
	})
}

// arrive sends one after the other at even distances, whatever is answered: an open
// loop. What an event waits because others before it are slow is in its time.
func (l *load) arrive(ctx context.Context) {
	var sent sync.WaitGroup
	defer sent.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n++ {
		due := l.start.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
		if l.over(due) {
			return
		}
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		m, ok := <-l.ready
		if !ok {
			return
		}
		l.late.Store(max(l.late.Load(), int64(time.Since(due))))
		sent.Go(func() { l.send(ctx, m, due) })
	}
}

// send sends one and counts what came of it, from when it was to be sent.
func (l *load) send(ctx context.Context, m sealed, due time.Time) {
	l.begun.Add(1)
	if m.kind == reads {
		err := l.target.get(ctx, m.path)
		l.count(ctx, &l.reads, time.Since(due), err)
		return
	}
	index, err := l.target.submit(ctx, m.entry)
	now := time.Now()
	if err == nil && l.followers != nil && len(l.followers.all) > 0 {
		l.followers.tell(index, now)
	}
	if err == nil && m.kind == publishes {
		m.new.index = index
		l.crowd.took(m.new)
	}
	l.count(ctx, &l.writes, now.Sub(due), err)
}

func (l *load) count(ctx context.Context, of *latencies, took time.Duration, err error) {
	switch code := codeOf(err); {
	case err == nil:
		of.add(took)
	case code != "":
		l.mu.Lock()
		l.refused[code]++
		l.mu.Unlock()
	case ctx.Err() == nil:
		l.fail(err)
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.After(l.last) {
		l.last = now
	}
}

func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed++
	if l.first == nil {
		l.first = err
	}
}

// show moves a bar until the context ends, and then closes what it gives.
func (l *load) show(ctx context.Context, e *env) <-chan struct{} {
	total := l.events
	if total == 0 {
		total = int(l.lasting / time.Second)
	}
	bar, done := newProgress(e.err, "Under load", total), make(chan struct{})
	go func() {
		defer close(done)
		defer bar.done()
		tick := time.NewTicker(time.Second / 10)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			at := int(l.begun.Load())
			if l.events == 0 {
				at = int(time.Since(l.start) / time.Second)
			}
			bar.add(min(at, total) - bar.at)
		}
	}()
	return done
}

// driven is how a ledger bore a load.
type driven struct {
	Ledger    string              `json:"ledger"`
	Where     string              `json:"where"`
	How       string              `json:"how"` // http, or in_process
	Loop      string              `json:"loop"`
	Waiting   int                 `json:"waiting,omitzero"` // in a closed loop
	Rate      float64             `json:"rate,omitzero"`    // arrivals a second, in an open one
	Seed      uint64              `json:"seed"`
	Size      int                 `json:"size"` // bytes of an entry, about
	Mix       map[string]int      `json:"mix"`
	Seconds   float64             `json:"seconds"` // from the start to the last answer
	Writes    answers             `json:"writes"`
	Reads     *answers            `json:"reads,omitzero"`
	Refused   map[ledger.Code]int `json:"refused"`
	Failed    int                 `json:"failed"` // without an answer, or one that is none of a ledger
	Failure   string              `json:"failure,omitzero"`
	Late      float64             `json:"client_late_ms,omitzero"` // by which the client itself began too late, at most
	Followers *following          `json:"followers,omitzero"`
	Baseline  *baseline           `json:"baseline,omitzero"`
}

// answers are those that were good.
type answers struct {
	Count     int64   `json:"count"`
	PerSecond float64 `json:"per_second"`
	Latency   spread  `json:"latency_ms"`
}

type following struct {
	Count   int      `json:"count"`
	Entries int64    `json:"entries"` // that came, of all
	Lag     spread   `json:"lag_ms"`  // after the answer to who submitted it; 0: before it
	Faults  []string `json:"faults"`
}

// baseline is what the load is compared with.
type baseline struct {
	measured
	// Ratio is the writes a second over it; with one waiting, the median time over it.
	Ratio float64 `json:"ratio"`
	Of    string  `json:"ratio_of"` // per_second, or p50
}

func (l *load) sum(faults []string) driven {
	took := l.last.Sub(l.start).Seconds()
	of := func(a *latencies) answers {
		n := a.count.Load()
		return answers{n, rounded(float64(n) / max(took, 1e-9)), a.spread()}
	}
	sum := driven{
		Ledger: l.target.name, Where: l.target.where, How: "http", Loop: "closed", Waiting: l.waiting, Seed: l.seed, Size: l.size,
		Mix: map[string]int{}, Seconds: float64(l.last.Sub(l.start).Milliseconds()) / 1000, Writes: of(&l.writes), Refused: l.refused, Failed: l.failed,
	}
	if l.inProcess {
		sum.How = "in_process"
	}
	if l.rate > 0 {
		sum.Loop, sum.Waiting, sum.Rate, sum.Late = "open", 0, l.rate, milliseconds(time.Duration(l.late.Load()))
	}
	for k, weight := range l.mix {
		sum.Mix[kind(k).String()] = weight
	}
	if l.mix[reads] > 0 {
		sum.Reads = new(of(&l.reads))
	}
	if l.first != nil {
		sum.Failure = l.first.Error()
	}
	if n := len(l.followers.all); n > 0 {
		sum.Followers = &following{n, l.followers.entries(), l.followers.lag.spread(), append([]string{}, faults...)}
	}
	return sum
}

func rounded(f float64) float64 { return float64(int64(f*100+0.5)) / 100 }

// failure is what makes a load end with an error: answers that were none, and entries
// that did not come to followers as they should. Refusals do not.
func (d *driven) failure() error {
	var errs []error
	if d.Failed > 0 {
		errs = append(errs, fmt.Errorf("%d got no answer, the first because: %s", d.Failed, d.Failure))
	}
	if d.Followers != nil && len(d.Followers.Faults) > 0 {
		errs = append(errs, errors.New(strings.Join(d.Followers.Faults, "; ")))
	}
	return errors.Join(errs...)
}

// baselineLasting is how long a load's baseline is measured.
const baselineLasting = 2 * time.Second

// compared measures what bare durable publishes reach here, right after the load.
func compared(ctx context.Context, d *driving, sum driven) (*baseline, error) {
	b, err := openBare(ctx, max(1, d.size))
	if err != nil {
		return nil, err
	}
	defer b.end()
	m, err := b.publish(ctx, d.publishers(), min(baselineLasting, max(d.lasting, baselineLasting/10)))
	if err != nil {
		return nil, err
	}
	if d.publishers() == 1 && m.Latency.P50 > 0 {
		return &baseline{m, rounded(sum.Writes.Latency.P50 / m.Latency.P50), "p50"}, nil
	}
	return &baseline{m, rounded(sum.Writes.PerSecond / max(1, m.PerSecond)), "per_second"}, nil
}
