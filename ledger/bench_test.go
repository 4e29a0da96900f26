package ledger_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/jetstream"
	"spredning/ledger/tiles"
)

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// The baseline of every append benchmark: durable JetStream publishes of 1 KB by
// 16 publishers, or by one, nothing else.
func BenchmarkBaselinePublish(b *testing.B) {
	for _, publishers := range []int{1, 16} {
		b.Run(fmt.Sprintf("publishers=%d", publishers), func(b *testing.B) {
			js := bareStream(b)
			body := []byte(strings.Repeat("x", 1024))
			inParallel(b, publishers, func(int) error {
				_, err := js.Publish(context.Background(), "bare", body)
				return err
			})
		})
	}
}

func bareStream(b *testing.B) natsjs.JetStream {
	ns, err := server.NewServer(&server.Options{ServerName: "bare", DontListen: true, JetStream: true, StoreDir: b.TempDir(), SyncAlways: true, NoSigs: true, NoLog: true, JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 1 << 26})
	noError(b, err)
	ns.Start()
	b.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	ns.ReadyForConnections(10 * time.Second)
	conn, err := nats.Connect("", nats.InProcessServer(ns))
	noError(b, err)
	b.Cleanup(conn.Close)
	js, err := natsjs.New(conn)
	noError(b, err)
	_, err = js.CreateStream(context.Background(), natsjs.StreamConfig{Name: "BARE", Subjects: []string{"bare"}, Storage: natsjs.FileStorage})
	noError(b, err)
	return js
}

// inParallel runs b.N calls over n callers and reports calls a second.
func inParallel(b *testing.B, n int, call func(i int) error) {
	b.ReportAllocs()
	defer profiling(b)()
	b.ResetTimer()
	before := cpuTime()
	var next atomic.Int64
	var wait sync.WaitGroup
	for range n {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				if err := call(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64((cpuTime()-before).Microseconds())/float64(b.N), "cpu-µs/event")
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

// Durable signed appends with receipts, through everything but HTTP. Compare
// with BenchmarkBaselinePublish in the same run: the goal is 4 × at 256 waiting,
// and at most 3 × the time with 1.
func BenchmarkSubmit(b *testing.B) {
	for _, waiting := range []int{1, 4, 8, 16, 32, 64, 256, 1024} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			n := newNode(b).open(b).found(b)
			envelopes := workload(b, n, b.N)
			inParallel(b, waiting, func(i int) error {
				_, _, err := n.Submit(context.Background(), envelopes[i])
				var r *ledger.Refusal
				if errors.As(err, &r) && r.Code == ledger.AlreadyExists {
					return nil // an invitation made twice
				}
				return err
			})
		})
	}
}

// workload makes events of about 1 KB in the mix of the design: 1 %
// organisations and keys, 9 % innovations, 85 % confirmations, 5 % others.
func workload(b *testing.B, n *node, count int) [][]byte {
	const hospitals = 50
	for i := range hospitals {
		n.keys[benchOrgnr(i)] = seededKey(byte(100 + i))
		n.hospital(b, benchOrgnr(i), ledger.Regions[i%4])
	}
	published := make([]ledger.Receipt, count*85/100/hospitals+1)
	inParallelDo(64, len(published), func(i int) { published[i] = n.must(b, bergen, publication()) })
	all := make([][]byte, count)
	confirmed := 0
	summary := strings.Repeat("Erstatter en eldre løsning ved poliklinikken. ", 3)
	for i := range all {
		switch k := i % 100; {
		case k == 0:
			all[i] = n.envelope(authority, &ledger.Enrolment{Organisation: bergen, Key: enrolled(seededKey16(i), ledger.Report)}, time.Now())
		case k < 10:
			p := publication()
			p.Summary.NB = &summary
			all[i] = n.envelope(bergen, p, time.Now())
		case k < 15:
			at := published[i%len(published)]
			all[i] = n.envelope(bergen, &ledger.Invitation{Innovation: idOf(at), Adopter: ahus, Note: ledger.Text{NB: &summary}}, time.Now())
		default:
			c := confirmation(published[confirmed/hospitals])
			c.Replaces = &ledger.Text{NB: &summary}
			all[i] = n.envelope(benchOrgnr(confirmed%hospitals), c, time.Now())
			confirmed++
		}
	}
	return all
}

// cpuTime is what the processors have spent on this process, which tells more
// than the clock on a machine that does other things too.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func inParallelDo(n, count int, do func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range n {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wait.Wait()
}

func idOf(r ledger.Receipt) string {
	e, err := ledger.ParseEntry(r.Index, r.Entry)
	if err != nil {
		panic(err)
	}
	return e.ID.String()
}

func seededKey16(n int) *keys.Private {
	seed := make([]byte, 32)
	seed[0], seed[1], seed[2], seed[3] = 1, byte(n), byte(n>>8), byte(n>>16)
	return keys.FromSeed(seed)
}

// benchOrgnr makes valid organisation numbers.
func benchOrgnr(i int) ledger.Orgnr {
	for o, left := 800000000, i; ; o++ {
		if n := ledger.Orgnr(fmt.Sprint(o)); n.Valid() {
			if left == 0 {
				return n
			}
			left--
		}
	}
}

// What a submission costs, stage by stage, in batches of 256 where the commit
// path has batches. The metric is µs of processor time an event; the sum is what
// BenchmarkSubmit cannot go below on these processors.
func BenchmarkStage(b *testing.B) {
	const size = 256
	n := newNode(b).open(b).found(b)
	raw := workload(b, n, size*8)
	state, entries := n.entriesOf(b, raw)
	stage := func(name string, do func(batch []*ledger.Entry)) {
		b.Run(name, func(b *testing.B) {
			b.ResetTimer()
			before := cpuTime()
			for i := range b.N {
				from := i * size % len(entries)
				do(entries[from : from+size])
			}
			b.StopTimer()
			b.ReportMetric(float64((cpuTime()-before).Microseconds())/float64(b.N*size), "cpu-µs/event")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "µs/event")
		})
	}
	stage("parse", func(batch []*ledger.Entry) {
		for _, e := range batch {
			envelope, err := keys.Open(e.Bytes)
			noError(b, err)
			_, err = ledger.ParseEvent(envelope.Payload)
			noError(b, err)
		}
	})
	stage("verify", func(batch []*ledger.Entry) {
		for from := 0; from < size; from += 64 {
			if !keys.VerifyAll(checksOf(n, batch[from:from+64])) {
				b.Fatal("a signature does not hold")
			}
		}
	})
	stage("decide", func(batch []*ledger.Entry) {
		for _, e := range batch {
			noError(b, ledger.Decide(state, &e.Signed))
			ledger.Evolve(state, e)
		}
		state.Drop()
	})
	publishTo := int64(0)
	stream, err := jetstream.Embed(context.Background(), b.TempDir(), slog.New(slog.DiscardHandler))
	noError(b, err)
	b.Cleanup(stream.Close)
	stage("publish", func(batch []*ledger.Entry) {
		noError(b, stream.Append(context.Background(), publishTo, bytesOf(batch)))
		publishTo += size
	})
	log, err := tiles.Open(b.TempDir())
	noError(b, err)
	b.Cleanup(func() { log.Close() })
	stage("tail and tree", func(batch []*ledger.Entry) {
		noError(b, log.Append(bytesOf(batch), func(int64, tlog.Hash) ([]byte, error) { return []byte("checkpoint"), nil }))
	})
	stage("proof", func([]*ledger.Entry) {
		for i := range int64(size) {
			_, err := tlog.ProveRecord(log.Size(), log.Size()-size+i, log)
			noError(b, err)
		}
	})
}

func bytesOf(batch []*ledger.Entry) [][]byte {
	all := make([][]byte, len(batch))
	for i, e := range batch {
		all[i] = e.Bytes
	}
	return all
}

func checksOf(n *node, batch []*ledger.Entry) []keys.Check {
	checks := make([]keys.Check, len(batch))
	for i, e := range batch {
		s := e.Envelope.Signatures[0]
		checks[i] = keys.Check{Key: n.keys[e.By].Public, Message: keys.PAE(e.Envelope.Payload), Sig: s.Sig}
	}
	return checks
}

// entriesOf gives the state that the node's entries leave, and those of the
// envelopes that are admissible after it, one by one.
func (n *node) entriesOf(b *testing.B, raw [][]byte) (*ledger.State, []*ledger.Entry) {
	state := ledger.NewState()
	noError(b, ledger.Replay(n.log, 0, n.log.Size(), func(entries []*ledger.Entry) error {
		for _, e := range entries {
			ledger.Evolve(state, e)
		}
		return nil
	}))
	state.Keep()
	var entries []*ledger.Entry
	for _, r := range raw {
		e, err := ledger.ParseEntry(state.Position(), r)
		noError(b, err)
		if ledger.Decide(state, &e.Signed) == nil {
			ledger.Evolve(state, e)
			entries = append(entries, e)
		}
	}
	state.Drop()
	return state, entries[:len(entries)/256*256]
}
