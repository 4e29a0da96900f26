package jetstream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"spredning/ledger"
)

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patient bounds what a test waits for.
func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func embedIn(t testing.TB, dir string) *Stream {
	t.Helper()
	s, err := Embed(patient(t), dir, silent)
	noError(t, err)
	t.Cleanup(s.Close)
	return s
}

// natsServer starts a server that syncs always on a loopback port; port -1
// takes a free one.
func natsServer(t testing.TB, dir string, port int) *server.Server {
	t.Helper()
	ns, err := server.NewServer(&server.Options{
		ServerName: "elsewhere", Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, SyncAlways: true,
		NoSigs: true, NoLog: true, JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 64 << 20,
	})
	noError(t, err)
	ns.Start()
	stop := func() { ns.Shutdown(); ns.WaitForShutdown() }
	t.Cleanup(stop)
	if !ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return ns
}

func portOf(t testing.TB, ns *server.Server) int {
	u, err := url.Parse(ns.ClientURL())
	noError(t, err)
	port, err := strconv.Atoi(u.Port())
	noError(t, err)
	return port
}

func connectTo(t testing.TB, ns *server.Server) *Stream {
	t.Helper()
	s, err := Connect(patient(t), Remote{URL: ns.ClientURL()}, silent)
	noError(t, err)
	t.Cleanup(s.Close)
	return s
}

// admin is a client of the server that is bound by nothing.
func admin(t testing.TB, ns *server.Server) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(ns.ClientURL())
	noError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	noError(t, err)
	return js
}

// entries makes the entries from index from up to but not including to.
func entries(from, to int64) [][]byte {
	all := make([][]byte, 0, to-from)
	for i := from; i < to; i++ {
		all = append(all, fmt.Appendf(nil, "entry %d", i))
	}
	return all
}

// fill appends entries from the end of the stream up to a size.
func fill(t testing.TB, s *Stream, to int64) {
	t.Helper()
	span, err := s.Span(patient(t))
	noError(t, err)
	for at := span.Last + 1; at < to; {
		next := min(at+1000, to)
		noError(t, s.Append(patient(t), at, entries(at, next)))
		at = next
	}
}

// holds checks that the stream holds exactly these entries.
func holds(t testing.TB, s *Stream, want [][]byte) {
	t.Helper()
	got := read(t, s, 0)
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("the stream holds %d entries that are not the %d appended ones", len(got), len(want))
	}
	n := int64(len(want))
	if n == 0 {
		return
	}
	span, err := s.Span(patient(t))
	noError(t, err)
	if span != (ledger.Span{First: 0, Last: n - 1, Count: n}) {
		t.Fatalf("%d entries span %+v", n, span)
	}
}

// read gives the entries from an index on, and checks that they come in order.
func read(t testing.TB, s *Stream, from int64) (all [][]byte) {
	t.Helper()
	next := from
	noError(t, s.Read(patient(t), from, func(index int64, entry []byte) error {
		if index != next {
			t.Fatalf("entry %d is read where %d should be", index, next)
		}
		next++
		all = append(all, bytes.Clone(entry))
		return nil
	}))
	return all
}
