package main

// What the pages docs/figures.md and docs/growth.md are made of, by .ci/figures/run:
// benchmarks, each with its baseline measured beside it.

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	fmtlog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/api"
	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/jetstream"
	"spredning/ledger/story"
	"spredning/ledger/tiles"
	"spredning/projections"
)

// quietly is the environment of a benchmark.
func quietly() *env { return &env{out: io.Discard, err: io.Discard, lang: "nb"} }

// BenchmarkHTTP submits b.N signed events over HTTP, 256 waiting, server and client in
// this process, and then measures what 16 bare durable publishers reach.
func BenchmarkHTTP(b *testing.B) {
	d := &driving{seed: 1, waiting: 256, events: b.N, mix: usual, size: 1024, organisations: 50}
	target, err := quietly().embedded(b.Context(), d)
	noError(b, err)
	stop := profiling(b)
	sum, err := quietly().underLoad(b.Context(), d, target)
	stop()
	target.close()
	noError(b, err)
	if sum.Writes.Count != int64(b.N) {
		b.Fatalf("%d of %d were accepted; refused %v, %s", sum.Writes.Count, b.N, sum.Refused, sum.Failure)
	}
	d.lasting = baselineLasting
	bare, err := compared(b.Context(), d, sum)
	noError(b, err)
	b.ReportMetric(sum.Writes.PerSecond, "events/s")
	b.ReportMetric(sum.Writes.Latency.P50, "p50-ms")
	b.ReportMetric(sum.Writes.Latency.P99, "p99-ms")
	b.ReportMetric(bare.PerSecond, "bare/s")
	b.ReportMetric(bare.Ratio, "×bare")
}

// profiling writes a processor profile of what is measured, without what is prepared
// for it, into the folder that SPREDNING_PROFILES names, until it is stopped.
func profiling(b *testing.B) (stop func()) {
	dir := os.Getenv("SPREDNING_PROFILES")
	if dir == "" {
		return func() {}
	}
	f, err := os.Create(filepath.Join(dir, strings.ReplaceAll(b.Name(), "/", "-")+".prof"))
	noError(b, err)
	noError(b, pprof.StartCPUProfile(f))
	return func() { pprof.StopCPUProfile(); _ = f.Close() }
}

// keepHeap writes a profile of the heap beside that of the processor.
func keepHeap(b *testing.B) {
	dir := os.Getenv("SPREDNING_PROFILES")
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, strings.ReplaceAll(b.Name(), "/", "-")+".heap"))
	noError(b, err)
	noError(b, pprof.WriteHeapProfile(f))
	noError(b, f.Close())
}

// entriesAsked is how many entries the largest ledger has: SPREDNING_ENTRIES, or 20,000.
func entriesAsked(b *testing.B) int {
	s := os.Getenv("SPREDNING_ENTRIES")
	if s == "" {
		return 20_000
	}
	n, err := strconv.Atoi(s)
	noError(b, err)
	return n
}

// grownLedger is a data folder with a ledger of many entries in the usual mix, each
// admissible and signed.
type grownLedger struct {
	dir    string
	size   int64
	logKey *keys.Private
	crowd  *crowd
	log    *tiles.Log // while it is written
	sign   func(int64, tlog.Hash) ([]byte, error)
}

// grow makes one, past the commit path: the entries go into log/, and from there into
// the stream as spredning restore does it.
func grow(b *testing.B, entries int) *grownLedger {
	b.Helper()
	world, err := story.Found(loadOrigin, "Belastning", "spredning growth, no secret:", time.Now().UTC().Truncate(time.Second))
	noError(b, err)
	g := &grownLedger{dir: b.TempDir(), logKey: world.LogKey}
	key, err := ledger.NewLogKey(loadOrigin, g.logKey)
	noError(b, err)
	g.sign = func(size int64, root tlog.Hash) ([]byte, error) {
		return note.Sign(&note.Note{Text: string(fmtlog.Checkpoint{Origin: loadOrigin, Size: uint64(size), Hash: root[:]}.Marshal())}, key)
	}
	g.crowd, err = newCrowd(loadOrigin, world.Authority, world.Admins[world.Authority], &driving{seed: 1, mix: usual, size: 1024, organisations: 50})
	noError(b, err)
	g.log, err = tiles.Open(filepath.Join(g.dir, "log"))
	noError(b, err)
	noError(b, g.log.Append([][]byte{world.Entries[0].Bytes}, g.sign))
	g.append(b, slices.Concat(g.crowd.opening(), g.crowd.joining()))
	first := make([]intent, 0, 100)
	for range min(100, entries/20) {
		g.crowd.drawn++
		first = append(first, g.crowd.publish())
	}
	g.append(b, first)
	for int(g.log.Size()) < entries {
		next := make([]intent, min(5000, entries-int(g.log.Size())))
		for i := range next {
			next[i] = g.crowd.next()
		}
		g.append(b, next)
	}
	g.size = g.log.Size()
	stream, err := jetstream.Embed(b.Context(), filepath.Join(g.dir, "jetstream"), slog.New(slog.DiscardHandler))
	noError(b, err)
	_, err = ledger.Restore(b.Context(), stream, g.log, func(int) {})
	noError(b, err)
	stream.Close()
	noError(b, g.log.Close())
	return g
}

// append signs events on all processors and puts them into the log.
func (g *grownLedger) append(b *testing.B, all []intent) {
	b.Helper()
	made := make([]sealed, len(all))
	var next atomic.Int64
	noError(b, atOnce(runtime.GOMAXPROCS(0), func() (err error) {
		for i := next.Add(1) - 1; int(i) < len(all) && err == nil; i = next.Add(1) - 1 {
			made[i], err = g.crowd.seal(all[i])
		}
		return err
	}))
	entries := make([][]byte, len(made))
	at := g.log.Size()
	for i, m := range made {
		entries[i] = m.entry
		if m.kind == publishes {
			m.new.index = at + int64(i)
			g.crowd.took(m.new)
		}
	}
	noError(b, g.log.Append(entries, g.sign))
}

func (g *grownLedger) open(b *testing.B) *node {
	b.Helper()
	n, err := openNode(b.Context(), nodeConfig{dir: g.dir, logKey: g.logKey, now: time.Now, logger: slog.New(slog.DiscardHandler)})
	noError(b, err)
	return n
}

// consumed is how many entries a second JetStream gives to a consumer that does
// nothing with them.
func (g *grownLedger) consumed(b *testing.B) float64 {
	b.Helper()
	bare, err := serveBare(filepath.Join(g.dir, "jetstream"))
	noError(b, err)
	defer bare.end()
	rate, err := bare.consume(b.Context(), jetstream.Name)
	noError(b, err)
	return rate
}

// replayed replays log/ into a state and all projections, hashes checked, as a ledger
// does when it opens.
func (g *grownLedger) replayed(b *testing.B) (state *ledger.State, view *projections.View, took time.Duration) {
	b.Helper()
	log, err := tiles.OpenReadOnly(filepath.Join(g.dir, "log"))
	noError(b, err)
	defer log.Close()
	state, view = ledger.NewState(), projections.NewView()
	applies, applied := make(chan []*ledger.Entry, 64), make(chan struct{})
	start := time.Now()
	go func() {
		defer close(applied)
		for es := range applies {
			view.Apply(es)
		}
	}()
	noError(b, ledger.Replay(log, 0, log.Size(), func(es []*ledger.Entry) error {
		for _, e := range es {
			ledger.Evolve(state, e)
		}
		state.Keep()
		applies <- es
		return nil
	}))
	close(applies)
	<-applied
	return state, view, time.Since(start)
}

// inUse is the heap after everything that nobody has any more is gone.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// resident is the memory of this process, in bytes; 0 where the system does not tell.
func resident() int64 {
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	kilobytes, _ := strconv.ParseInt(strings.Fields(rest + " 0")[0], 10, 64)
	return kilobytes << 10
}

// BenchmarkGrowth makes ledgers of 1,000 entries and ten times as many again and
// again, up to SPREDNING_ENTRIES, which is measured too, and measures what they take
// and what they give.
func BenchmarkGrowth(b *testing.B) {
	most := entriesAsked(b)
	for entries := 1000; ; entries *= 10 {
		entries = min(entries, most)
		b.Run(fmt.Sprintf("entries=%d", entries), func(b *testing.B) {
			g := grow(b, entries)
			b.Run("disk", g.disk)
			b.Run("replay", g.replay)
			b.Run("open", g.opened)
			b.Run("start", g.started)
		})
		if entries == most {
			return
		}
	}
}

// disk measures what the files take.
func (g *grownLedger) disk(b *testing.B) {
	b.ReportMetric(float64(bytesIn(b, filepath.Join(g.dir, "log")))/float64(g.size), "log-B/entry")
	b.ReportMetric(float64(bytesIn(b, filepath.Join(g.dir, "jetstream")))/float64(g.size), "stream-B/entry")
}

// replay replays the ledger, and beside it lets JetStream alone give the same entries.
func (g *grownLedger) replay(b *testing.B) {
	bare := g.consumed(b)
	before := inUse()
	stop := profiling(b)
	b.ResetTimer()
	state, view, took := g.replayed(b)
	b.StopTimer()
	stop()
	heap := inUse() - before
	keepHeap(b)
	runtime.KeepAlive(state)
	runtime.KeepAlive(view)
	rate := float64(g.size) / took.Seconds()
	b.ReportMetric(rate, "entries/s")
	b.ReportMetric(bare, "consume/s")
	b.ReportMetric(rate/bare, "×consume")
	b.ReportMetric(took.Seconds(), "replay-s")
	b.ReportMetric(float64(heap)/float64(g.size), "heap-B/entry")
	b.ReportMetric(float64(g.size), "entries")
}

// opened opens the ledger as a server does, reads from it and appends to it.
func (g *grownLedger) opened(b *testing.B) {
	before := resident()
	b.ResetTimer()
	start := time.Now()
	n := g.open(b)
	b.ReportMetric(time.Since(start).Seconds(), "first-s")
	defer n.close()
	b.ReportMetric(float64(resident()-before)/float64(g.size), "rss-B/entry")
	g.readFrom(b, n)
	b.ReportMetric(g.appendTo(b, n), "appends/s")
}

// started opens it from the snapshot that was kept when it was closed.
func (g *grownLedger) started(b *testing.B) {
	runtime.GC()
	stop := profiling(b)
	b.ResetTimer()
	start := time.Now()
	n := g.open(b)
	took := time.Since(start)
	b.StopTimer()
	stop()
	n.close()
	b.ReportMetric(took.Seconds(), "start-s")
	b.ReportMetric(float64(bytesIn(b, filepath.Join(g.dir, "snapshots")))/float64(g.size), "snapshot-B/entry")
}

// readFrom measures answers that are not there yet: an innovation's, a year's points.
func (g *grownLedger) readFrom(b *testing.B, n *node) {
	b.Helper()
	handler := api.New(api.Config{Ledger: n.ledger, Drafts: n.drafts, Invitations: n.invitations, View: n.view, Log: n.log, Attachments: n.attachments, Logger: slog.New(slog.DiscardHandler)})
	count := 0
	each := func(path func(k int) string, most int) time.Duration {
		start := time.Now()
		for count = 0; count < most && (count < 3 || time.Since(start) < time.Second); count++ {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path(count), nil))
			if w.Code != http.StatusOK {
				b.Fatalf("%s: %d %s", path(count), w.Code, w.Body)
			}
		}
		return time.Since(start) / time.Duration(count)
	}
	took := each(func(k int) string { return "/api/v1/innovations/" + g.crowd.published[k].id }, len(g.crowd.published))
	b.ReportMetric(float64(took.Nanoseconds())/1000, "read-µs")
	took = each(func(k int) string {
		return fmt.Sprintf("/api/v1/points/%d?min_position=%d", time.Now().UTC().Year(), k)
	}, 1000)
	b.ReportMetric(milliseconds(took), "points-ms")
}

// appendTo gives how many further events a second it takes, 256 waiting, in process.
func (g *grownLedger) appendTo(b *testing.B, n *node) float64 {
	b.Helper()
	const more = 10_000
	events := make([]sealed, more)
	for i := range events {
		var err error
		events[i], err = g.crowd.seal(g.crowd.next())
		noError(b, err)
	}
	var next atomic.Int64
	start := time.Now()
	noError(b, atOnce(256, func() error {
		for i := next.Add(1) - 1; i < more; i = next.Add(1) - 1 {
			if _, _, err := n.ledger.Submit(context.Background(), events[i].entry); err != nil {
				return err
			}
		}
		return nil
	}))
	return more / time.Since(start).Seconds()
}

// bytesIn is what the files below a folder take.
func bytesIn(b *testing.B, dir string) (sum int64) {
	b.Helper()
	noError(b, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	}))
	return sum
}

// BenchmarkRead reads over HTTP, 16 at a time, one innovation and a year's points of a
// ledger of 20,000 entries: again and again the same, and each time as after a new
// entry, when nothing is kept. Beside it echo writes the same bytes.
func BenchmarkRead(b *testing.B) {
	g := grow(b, min(20_000, entriesAsked(b)))
	n := g.open(b)
	defer n.close()
	served := httptest.NewServer(api.New(api.Config{Ledger: n.ledger, Drafts: n.drafts, Invitations: n.invitations, View: n.view, Log: n.log, Attachments: n.attachments, Logger: slog.New(slog.DiscardHandler)}))
	defer served.Close()
	client := connected(readers)
	lasting := time.Second / 5
	if testing.Short() {
		lasting /= 10
	}
	for _, r := range []struct{ name, path string }{
		{"innovation", "/api/v1/innovations/" + g.crowd.published[0].id},
		{"points", fmt.Sprintf("/api/v1/points/%d", time.Now().UTC().Year())},
	} {
		body, contentType := bodyOf(b, client, served.URL+r.path)
		e := echo.New()
		e.GET("/*", func(c echo.Context) error { return c.Blob(http.StatusOK, contentType, body) })
		bare := httptest.NewServer(e)
		defer bare.Close()
		for _, fresh := range []bool{false, true} {
			name := r.name
			if fresh {
				name += "-first"
			}
			b.Run(name, func(b *testing.B) {
				var asked atomic.Int64
				ours, theirs := make([]float64, 0, rounds), make([]float64, 0, rounds)
				b.ResetTimer()
				defer profiling(b)()
				for range rounds {
					theirs = append(theirs, readRate(b, client, lasting, func() string { return bare.URL + r.path }))
					ours = append(ours, readRate(b, client, lasting, func() string {
						if fresh {
							return fmt.Sprintf("%s%s?min_position=%d", served.URL, r.path, asked.Add(1)%g.size)
						}
						return served.URL + r.path
					}))
				}
				b.ReportMetric(median(ours), "reads/s")
				b.ReportMetric(median(theirs), "bare/s")
				b.ReportMetric(median(ours)/median(theirs), "×bare")
				b.ReportMetric(float64(len(body)), "B/read")
			})
		}
	}
}

const (
	readers = 16
	rounds  = 15 // in turn, so that what else the machine does meets both
)

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

func bodyOf(b *testing.B, client *http.Client, url string) (body []byte, contentType string) {
	b.Helper()
	response, err := client.Get(url)
	noError(b, err)
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	noError(b, err)
	if response.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s %s", url, response.Status, body)
	}
	return body, response.Header.Get("Content-Type")
}

// readRate reads for a time and gives reads a second.
func readRate(b *testing.B, client *http.Client, lasting time.Duration, url func() string) float64 {
	b.Helper()
	rate, err := repeat(b.Context(), readers, lasting, 1, func(context.Context) error {
		response, err := client.Get(url())
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", response.Request.URL, response.Status)
		}
		_, err = io.Copy(io.Discard, response.Body)
		return err
	})
	noError(b, err)
	return rate
}
