package ledger_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/jetstream"
	"spredning/ledger/tiles"
)

const (
	origin    = "spredning.example/test"
	authority = ledger.Orgnr("983887406")
	bergen    = ledger.Orgnr("983974724")
	ahus      = ledger.Orgnr("983971636")
)

// node is a ledger on the real server, embedded in a folder of its own or, with
// a URL, shared with others.
type node struct {
	*ledger.Ledger
	dir    string
	url    string
	log    *tiles.Log
	stream *jetstream.Stream
	logKey *ledger.LogKey
	next   *ledger.LogKey // that signs after a ledger.amended
	others []ledger.Other
	keys   map[ledger.Orgnr]*keys.Private
	apply  func([]*ledger.Entry)
	wrap   func(ledger.Stream) ledger.Stream
	now    func() time.Time

	snapshots *ledger.Snapshots
	shelf     func(*jetstream.Stream) ledger.Shelf
	logger    *slog.Logger // nil: silent
}

func newNode(t testing.TB) *node {
	n := &node{dir: t.TempDir(), keys: map[ledger.Orgnr]*keys.Private{}, now: time.Now}
	for i, o := range []ledger.Orgnr{authority, bergen, ahus} {
		n.keys[o] = seededKey(byte(i + 1))
	}
	var err error
	n.logKey, err = ledger.NewLogKey(origin, seededKey(99))
	noError(t, err)
	return n
}

func seededKey(n byte) *keys.Private {
	seed := make([]byte, 32)
	seed[0] = n
	return keys.FromSeed(seed)
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens the node and closes it when the test ends.
func (n *node) open(t testing.TB) *node {
	t.Helper()
	noError(t, n.tryOpen())
	t.Cleanup(n.close)
	return n
}

func (n *node) tryOpen() (err error) {
	defer func() {
		if err != nil {
			n.close()
		}
	}()
	if n.log, err = tiles.Open(filepath.Join(n.dir, "log")); err != nil {
		return err
	}
	if n.stream, err = n.openStream(); err != nil {
		return err
	}
	if n.shelf != nil {
		n.snapshots.Shelf = n.shelf(n.stream)
	}
	var stream ledger.Stream = n.stream
	if n.wrap != nil {
		stream = n.wrap(stream)
	}
	n.Ledger, err = ledger.Open(context.Background(), ledger.Config{
		Log: n.log, Stream: stream, LogKey: n.logKey, NextLogKey: n.next, Others: n.others, Shared: n.url != "", Apply: n.apply, Now: n.now, Logger: cmp.Or(n.logger, silent), Snapshots: n.snapshots,
	})
	return err
}

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

func (n *node) openStream() (*jetstream.Stream, error) {
	if n.url != "" {
		return jetstream.Connect(context.Background(), jetstream.Remote{URL: n.url}, silent)
	}
	return jetstream.Embed(context.Background(), filepath.Join(n.dir, "jetstream"), silent)
}

func (n *node) close() {
	if n.Ledger != nil {
		n.Ledger.Close()
		n.Ledger = nil
	}
	if n.stream != nil {
		n.stream.Close()
		n.stream = nil
	}
	if n.log != nil {
		n.log.Close()
		n.log = nil
	}
}

// found founds the ledger and registers the two hospitals with their keys.
func (n *node) found(t testing.TB) *node {
	t.Helper()
	n.must(t, authority, n.founding(n.logKey))
	n.hospital(t, bergen, "Helse Vest")
	n.hospital(t, ahus, "Helse Sør-Øst")
	return n
}

func (n *node) founding(logKey *ledger.LogKey) *ledger.Founding {
	yes := true
	return &ledger.Founding{
		Name: "Test", Illustrative: &yes,
		Authority: ledger.Organisation{Orgnr: authority, Name: "Helse- og omsorgsdepartementet", Short: "HOD", Kind: ledger.KindAuthority},
		Keys:      []ledger.Key{enrolled(n.keys[authority], ledger.Admin)},
		LogKey:    logKey.String(),
	}
}

func enrolled(k *keys.Private, roles ...ledger.Role) ledger.Key {
	return ledger.Key{Scheme: k.Scheme, Public: base64Of(k.Bytes), Roles: roles, Label: "innovasjon"}
}

func (n *node) hospital(t testing.TB, o ledger.Orgnr, region string) {
	t.Helper()
	from := 2003
	n.must(t, authority, &ledger.Registration{Organisation: ledger.Organisation{Orgnr: o, Name: "Sykehus " + string(o), Short: string(o), Kind: ledger.KindHF, Region: region, MeasuredFrom: &from}})
	n.must(t, authority, &ledger.Enrolment{Organisation: o, Key: enrolled(n.keys[o], ledger.Admin, ledger.Report)})
}

// envelope makes an event of data and signs it.
func (n *node) envelope(by ledger.Orgnr, data ledger.Data, at time.Time) []byte {
	return sealed(event(by, data, at), n.keys[by])
}

// event makes an event with a new id.
func event(by ledger.Orgnr, data ledger.Data, at time.Time) ledger.Event {
	return ledger.Event{
		Ledger: origin, ID: ulid.MustNew(ulid.Timestamp(at), rand.Reader), Type: ledger.TypeOf(data), By: by, At: at.UTC().Truncate(time.Second), Data: data,
	}
}

func sealed(e ledger.Event, signers ...*keys.Private) []byte {
	payload, err := e.Encode()
	if err != nil {
		panic(err)
	}
	envelope, err := keys.Seal(payload, signers...)
	if err != nil {
		panic(err)
	}
	return envelope.Encode()
}

func (n *node) must(t testing.TB, by ledger.Orgnr, data ledger.Data) ledger.Receipt {
	t.Helper()
	r, again, err := n.Submit(context.Background(), n.envelope(by, data, n.now()))
	noError(t, err)
	if again {
		t.Fatal("a new event was taken for an old one")
	}
	return r
}

// publication is an innovation by Bergen.
func publication() *ledger.Publication {
	no, title, summary := false, "Digital oppfølging", "Pasienter følges opp hjemme."
	return &ledger.Publication{Innovation: ledger.Innovation{
		Title: ledger.Text{NB: &title}, Summary: ledger.Text{NB: &summary}, Kind: "service",
		Originators: []ledger.Originator{{Orgnr: bergen, Share: 1000}}, Funding: []ledger.Funding{ledger.Own},
		RegionalInitiative: &no, InUseSince: "2024-01-01",
	}}
}

// confirmation is one of an innovation's published entry.
func confirmation(of ledger.Receipt) *ledger.Confirmation {
	e, err := ledger.ParseEntry(of.Index, of.Entry)
	if err != nil {
		panic(err)
	}
	leaf := tlog.RecordHash(of.Entry)
	return &ledger.Confirmation{
		Innovation: e.ID.String(), Revision: hex.EncodeToString(leaf[:]), InUseFrom: "2025-01-01",
		Extent: "hospital", Form: "as_is", Funding: []ledger.Funding{ledger.Own},
	}
}
