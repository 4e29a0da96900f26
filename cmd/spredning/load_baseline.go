package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hdevalence/ed25519consensus"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"spredning/keys"
)

// bare is what this machine does without a ledger: JetStream, embedded and synced at
// every append, and signatures.
type bare struct {
	js   natsjs.JetStream
	conn *nats.Conn
	body []byte
	end  func()
}

const bareName, bareSubject = "BARE", "bare"

// openBare starts a server in a temporary folder, for messages of a size.
func openBare(ctx context.Context, size int) (*bare, error) {
	dir, err := os.MkdirTemp("", "spredning-bare-")
	if err != nil {
		return nil, err
	}
	b, err := serveBare(dir)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	stop := b.end
	b.end = func() { stop(); _ = os.RemoveAll(dir) }
	b.body = []byte(strings.Repeat("x", size))
	config := natsjs.StreamConfig{Name: bareName, Subjects: []string{bareSubject}, Storage: natsjs.FileStorage, Duplicates: time.Second, AllowAtomicPublish: true}
	if _, err := b.js.CreateStream(ctx, config); err != nil {
		b.end()
		return nil, fmt.Errorf("making a bare stream: %w", err)
	}
	return b, nil
}

// serveBare starts a server on a folder.
func serveBare(dir string) (*bare, error) {
	ns, err := server.NewServer(&server.Options{
		ServerName: "bare", DontListen: true, JetStream: true, StoreDir: dir, SyncAlways: true, NoSigs: true, NoLog: true,
		JetStreamMaxStore: 1 << 50, JetStreamMaxMemory: 64 << 20,
	})
	if err != nil {
		return nil, fmt.Errorf("starting a bare JetStream server: %w", err)
	}
	ns.Start()
	stop := func() { ns.Shutdown(); ns.WaitForShutdown() }
	if !ns.ReadyForConnections(10*time.Second) || !ns.JetStreamEnabled() {
		stop()
		return nil, fmt.Errorf("starting a bare JetStream server: the folder %s cannot be used", dir)
	}
	conn, err := nats.Connect("", nats.InProcessServer(ns), nats.NoReconnect())
	if err != nil {
		stop()
		return nil, fmt.Errorf("connecting to a bare JetStream server: %w", err)
	}
	b := &bare{conn: conn, end: func() { conn.Close(); stop() }}
	if b.js, err = natsjs.New(conn); err != nil {
		b.end()
		return nil, err
	}
	return b, nil
}

// measured is how often something was done, and how long each took.
type measured struct {
	What      string  `json:"what"`
	PerSecond float64 `json:"per_second"`
	Latency   *spread `json:"latency_ms,omitzero"` // of each; none where it says nothing
}

// publish publishes messages one by one, by so many at the same time.
func (b *bare) publish(ctx context.Context, publishers int, lasting time.Duration) (measured, error) {
	var each latencies
	rate, err := repeat(ctx, publishers, lasting, 1, func(ctx context.Context) error {
		start := time.Now()
		_, err := b.js.Publish(ctx, bareSubject, b.body)
		each.add(time.Since(start))
		return err
	})
	return measured{fmt.Sprintf("durable JetStream publishes by %d", publishers), rate, new(each.spread())}, err
}

// batches publishes atomic batches (ADR-50), one after the other.
func (b *bare) batches(ctx context.Context, size int, lasting time.Duration) (measured, error) {
	rate, err := repeat(ctx, 1, lasting, size, func(ctx context.Context) error {
		id := nuid.Next()
		for n := 1; n <= size; n++ {
			m := &nats.Msg{Subject: bareSubject, Data: b.body, Header: nats.Header{"Nats-Batch-Id": {id}, "Nats-Batch-Sequence": {strconv.Itoa(n)}}}
			if n < size {
				if err := b.conn.PublishMsg(m); err != nil {
					return err
				}
				continue
			}
			m.Header["Nats-Batch-Commit"] = []string{"1"}
			if _, err := b.js.PublishMsg(ctx, m, natsjs.WithRetryAttempts(0)); err != nil {
				return err
			}
		}
		return nil
	})
	return measured{fmt.Sprintf("the same in atomic batches of %d", size), rate, nil}, err
}

// pulled is how many messages a consumer asks for at a time.
const pulled = 5000

// consume reads a stream from its first message to the last, with an ordered
// consumer, and gives messages a second.
func (b *bare) consume(ctx context.Context, stream string) (rate float64, err error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	consumer, err := b.js.OrderedConsumer(ctx, stream, natsjs.OrderedConsumerConfig{DeliverPolicy: natsjs.DeliverAllPolicy})
	if err != nil {
		return 0, err
	}
	messages, err := consumer.Messages(natsjs.PullMaxMessages(pulled))
	if err != nil {
		return 0, err
	}
	defer messages.Stop()
	count := s.CachedInfo().State.Msgs
	start := time.Now()
	for range count {
		if _, err := messages.Next(natsjs.NextContext(ctx)); err != nil {
			return 0, err
		}
	}
	return float64(count) / time.Since(start).Seconds(), nil
}

// verifiedTogether is how many signatures are verified as one batch.
const verifiedTogether = 64

// verify verifies signatures over a payload of about 500 bytes, one by one or in
// batches, on so many processors.
func verify(ctx context.Context, batched bool, processors int, lasting time.Duration) (measured, error) {
	type signed struct{ key, message, sig []byte }
	all := make([]signed, verifiedTogether)
	for n := range all {
		seed := sha256.Sum256([]byte{byte(n)})
		k := keys.FromSeed(seed[:])
		message := []byte(strings.Repeat(string(rune('a'+n%26)), 500))
		all[n] = signed{k.Bytes, message, k.Sign(message)}
	}
	one := func(context.Context) error {
		for _, s := range all {
			if !ed25519consensus.Verify(s.key, s.message, s.sig) {
				return fmt.Errorf("a signature does not hold")
			}
		}
		return nil
	}
	how := "one by one"
	if batched {
		how = fmt.Sprintf("in batches of %d", verifiedTogether)
		one = func(context.Context) error {
			v := ed25519consensus.NewPreallocatedBatchVerifier(len(all))
			for _, s := range all {
				v.Add(s.key, s.message, s.sig)
			}
			if !v.Verify() {
				return fmt.Errorf("a signature does not hold")
			}
			return nil
		}
	}
	rate, err := repeat(ctx, processors, lasting, len(all), one)
	return measured{fmt.Sprintf("Ed25519 verifications %s, %s", how, counting(processors, "processor")), rate, nil}, err
}

func counting(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// repeat does something again and again for a time, by so many at once, and gives how
// much was done a second if each time it is so much.
func repeat(ctx context.Context, at int, lasting time.Duration, each int, do func(context.Context) error) (float64, error) {
	var done atomic.Int64
	var failure atomic.Pointer[error]
	var all sync.WaitGroup
	start := time.Now()
	for range at {
		all.Go(func() {
			for time.Since(start) < lasting && ctx.Err() == nil && failure.Load() == nil {
				if err := do(ctx); err != nil {
					failure.Store(&err)
					return
				}
				done.Add(int64(each))
			}
		})
	}
	all.Wait()
	rate := float64(done.Load()) / time.Since(start).Seconds()
	if err := failure.Load(); err != nil {
		return 0, fmt.Errorf("measuring what this machine can do: %w", *err)
	}
	return rounded(rate), ctx.Err()
}

// baselines measures all of it, one after the other.
func (e *env) baselines(ctx context.Context, size int, lasting time.Duration) (all []measured, err error) {
	b, err := openBare(ctx, size)
	if err != nil {
		return nil, err
	}
	defer b.end()
	processors := []int{1}
	if n := runtime.GOMAXPROCS(0); n > 1 {
		processors = append(processors, n)
	}
	steps := []func() (measured, error){
		func() (measured, error) { return b.publish(ctx, 1, lasting) },
		func() (measured, error) { return b.publish(ctx, manyPublishers, lasting) },
		func() (measured, error) { return b.batches(ctx, 100, lasting) },
		func() (measured, error) { return b.batches(ctx, 1000, lasting) },
		func() (measured, error) {
			rate, err := b.consume(ctx, bareName)
			return measured{"consuming them, with an ordered consumer", rounded(rate), nil}, err
		},
	}
	for _, batched := range []bool{false, true} {
		for _, n := range processors {
			steps = append(steps, func() (measured, error) { return verify(ctx, batched, n, lasting) })
		}
	}
	bar := newProgress(e.err, "Measuring", len(steps))
	defer bar.done()
	for _, step := range steps {
		m, err := step()
		if err != nil {
			return nil, err
		}
		all = append(all, m)
		bar.add(1)
	}
	return all, nil
}

// manyPublishers is how many publish in the baseline of a load.
const manyPublishers = 16
