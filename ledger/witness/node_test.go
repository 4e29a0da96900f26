package witness_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/jetstream"
	"spredning/ledger/tiles"
	"spredning/ledger/witness"
)

const authority = ledger.Orgnr("983887406")

// node is a ledger on the real embedded server, whose log is served.
type node struct {
	*ledger.Ledger
	t         testing.TB
	dir       string
	log       *tiles.Log
	stream    *jetstream.Stream
	key       *ledger.LogKey
	next      *ledger.LogKey
	admin     *keys.Private
	witnessed bool
	others    []ledger.Other
	http      *httptest.Server
	stop      func() // ends the rounds
}

// newNode founds a ledger. The seed makes it another one with the same keys.
func newNode(t testing.TB, witnessed bool) *node {
	t.Helper()
	n := &node{t: t, dir: t.TempDir(), admin: seededKey(1), witnessed: witnessed, stop: func() {}}
	n.key = logKey(t, 99)
	n.open()
	t.Cleanup(n.close)
	yes := true
	n.submit(&ledger.Founding{
		Name: "Test", Illustrative: &yes, LogKey: n.key.String(),
		Authority: ledger.Organisation{Orgnr: authority, Name: "Helse- og omsorgsdepartementet", Short: "HOD", Kind: ledger.KindAuthority},
		Keys:      []ledger.Key{enrolled(n.admin, ledger.Admin)},
	})
	return n
}

func logKey(t testing.TB, seed byte) *ledger.LogKey {
	t.Helper()
	k, err := ledger.NewLogKey(origin, seededKey(seed))
	noError(t, err)
	return k
}

func enrolled(k *keys.Private, roles ...ledger.Role) ledger.Key {
	return ledger.Key{Scheme: k.Scheme, Public: base64.StdEncoding.EncodeToString(k.Bytes), Roles: roles, Label: "innovasjon"}
}

func (n *node) open() {
	n.t.Helper()
	var err error
	n.log, err = tiles.Open(filepath.Join(n.dir, "log"))
	noError(n.t, err)
	n.stream, err = jetstream.Embed(context.Background(), filepath.Join(n.dir, "jetstream"), silent)
	noError(n.t, err)
	n.Ledger, err = ledger.Open(context.Background(), ledger.Config{
		Log: n.log, Stream: n.stream, LogKey: n.key, NextLogKey: n.next, Witnessed: n.witnessed, Others: n.others, Now: time.Now, Logger: silent,
	})
	noError(n.t, err)
	n.http = httptest.NewServer(http.HandlerFunc(n.serve))
}

func (n *node) close() {
	n.stop()
	n.stop = func() {}
	n.http.Close()
	n.Ledger.Close()
	n.stream.Close()
	_ = n.log.Close()
}

func (n *node) reopen() {
	n.t.Helper()
	n.close()
	n.open()
}

// serve is the log's public addresses.
func (n *node) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	b, err := n.log.Resource(path)
	if path == "checkpoint" {
		_, b = n.Published()
	}
	if err != nil {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(b)
}

// rounds asks the witnesses of a policy, quickly.
func (n *node) rounds(policy string) {
	n.t.Helper()
	p, err := witness.ParsePolicy([]byte(policy))
	noError(n.t, err)
	noError(n.t, p.Reachable())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	r := &witness.Rounds{Ledger: n.Ledger, Log: n.log, Policy: p, Logger: silent, Pace: 10 * time.Millisecond, Timeout: 500 * time.Millisecond}
	go func() { r.Run(ctx); close(done) }()
	n.stop = func() { cancel(); <-done }
}

func (n *node) submit(data ledger.Data) ledger.Receipt {
	n.t.Helper()
	now := time.Now()
	payload, err := ledger.Event{
		Ledger: origin, ID: ulid.MustNew(ulid.Timestamp(now), rand.Reader), Type: ledger.TypeOf(data), By: authority,
		At: now.UTC().Truncate(time.Second), Data: data,
	}.Encode()
	noError(n.t, err)
	envelope, err := keys.Seal(payload, n.admin)
	noError(n.t, err)
	r, _, err := n.Submit(context.Background(), envelope.Encode())
	noError(n.t, err)
	return r
}

// grow adds entries.
func (n *node) grow(count int) (last ledger.Receipt) {
	n.t.Helper()
	for range count {
		k, err := keys.Generate()
		noError(n.t, err)
		last = n.submit(&ledger.Enrolment{Organisation: authority, Key: enrolled(k, ledger.Admin)})
	}
	return last
}

// copyDir is what a backup of the closed folder has.
func (n *node) backup() (dir string) {
	n.t.Helper()
	dir = n.t.TempDir()
	n.close()
	noError(n.t, os.CopyFS(dir, os.DirFS(n.dir)))
	n.open()
	return dir
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}
