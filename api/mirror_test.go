package api_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spredning/api"
	"spredning/api/opendata"
	"spredning/ledger"
	"spredning/ledger/tiles"
	"spredning/projections"
)

// mirrored is a mirror of a world, and a server that serves it.
type mirrored struct {
	*client
	dir  string
	keep *ledger.Mirror
	from tiles.Source
	copy *ledger.Copy
	view *projections.View
}

func (w *world) mirrored() *mirrored {
	w.t.Helper()
	m := &mirrored{dir: w.t.TempDir(), view: projections.NewView()}
	var err error
	m.from, err = tiles.OpenSource(w.t.Context(), w.base)
	noError(w.t, err)
	m.keep, err = ledger.OpenMirror(ledger.MirrorConfig{Dir: m.dir, LogKey: w.logKey.String()})
	noError(w.t, err)
	m.update(w.t)
	logger := slog.New(slog.DiscardHandler)
	m.copy, err = ledger.OpenCopy(ledger.CopyConfig{Dir: m.dir, Apply: m.view.Apply, Logger: logger})
	noError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.copy.Follow(ctx, 5*time.Millisecond)
	}()
	w.t.Cleanup(func() { cancel(); <-ended })
	files, err := opendata.OpenStore(opendata.StoreConfig{Dir: filepath.Join(m.dir, "exports"), Log: m.copy.Log(), View: m.view, Now: time.Now, Logger: logger})
	noError(w.t, err)
	w.t.Cleanup(files.Close)
	s := api.New(api.Config{
		Ledger: m.copy, View: m.view, Log: m.copy.Log(), Attachments: w.objects(w.stream.Objects()), Logger: logger, Mirror: true,
		Data: api.OpenData{Files: files, PublicURL: w.base},
	})
	server := httptest.NewUnstartedServer(nil)
	server.Config = s.HTTP()
	server.Start()
	m.client = &client{t: w.t, base: server.URL, http: &http.Client{Transport: &http.Transport{DisableCompression: true}}, document: w.document}
	w.t.Cleanup(func() { m.client.http.CloseIdleConnections(); server.Close() })
	return m
}

func (m *mirrored) update(t testing.TB) {
	t.Helper()
	_, err := m.keep.Update(m.from)
	noError(t, err)
}

// TestMirrorIsServed asks a mirror for everything that there is to read: it gives
// the same bytes as the ledger.
func TestMirrorIsServed(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	w.fill(600)
	m := w.mirrored()
	w.sameAs(m, published)

	// It grows with the ledger; who waits for news is told.
	l := m.asWorld().follow(fmt.Sprintf("/api/v1/events?after=%d&limit=1", w.log.Size()-1))
	w.fill(300)
	m.update(t)
	entry, err := w.log.Entry(w.log.Size() - 300)
	noError(t, err)
	l.expect(int(w.log.Size()-300), [][]byte{entry})
	l.ended()
	m.ok(fmt.Sprintf("/api/v1/innovations?min_position=%d", w.log.Size()), nil)
	w.sameAs(m, published)

	a := m.ok("/readyz", nil)
	if want := fmt.Sprintf("ready: a mirror of %d entries\n", w.log.Size()); string(a.body) != want {
		t.Errorf("ready: %q, want %q", a.body, want)
	}
	a = m.submit(w.sealed(bergen, publication("Til feil sted")))
	if p := m.refused(a, "unavailable"); !strings.Contains(p.Detail, "this is a mirror, copied from "+w.base+";") {
		t.Errorf("it does not say where to: %s", p.Detail)
	}
	hasRetryAfter(t, a)
	var status struct {
		Entries  int64
		Writable bool
		Reason   string
	}
	if m.ok("/api/v1/status", &status); status.Entries != w.log.Size() || status.Writable || !strings.Contains(status.Reason, "mirror") {
		t.Errorf("status: %+v", status)
	}
}

// asWorld lends a mirror the tests' way of following.
func (m *mirrored) asWorld() *world { return &world{client: m.client} }

func (w *world) sameAs(m *mirrored, published receipt) {
	w.t.Helper()
	paths := reads(w, published)
	delete(paths, "/status") // tells that it is a mirror
	for _, of := range []string{"/data/index.json", "/catalog.ttl", "/catalog.jsonld"} {
		delete(paths, of) // tell which sizes a node has picked
	}
	for _, path := range []string{"/api/v1/events/400/receipt", "/api/v1/points/2026?position=12", "/log/tile/0/000", "/log/tile/entries/001", "/log/tile/1/000.p/2", "/log/tile/0/002.p/9"} {
		paths[path] = path
	}
	for _, path := range paths {
		if a, b := w.ok(path, nil), m.ok(path, nil); !bytes.Equal(a.body, b.body) || a.Header.Get("ETag") != b.Header.Get("ETag") {
			w.t.Errorf("%s is not the same in the mirror", path)
		}
	}
	for _, path := range []string{"/api/v1/events/100000", "/log/tile/0/777", "/log/tile/0/777.p/3", "/log/tail", "/log/mirror.json"} {
		m.refused(m.get(path), "not_found")
	}
}

// TestServedMirrorIsDamaged spoils a mirror's files under a server.
func TestServedMirrorIsDamaged(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	w.fill(500)
	m := w.mirrored()
	good := m.ok("/log/checkpoint", nil).body

	// A checkpoint that is not the log's, or of another tree, is not shown.
	spoilt := bytes.Replace(good, []byte("\n514\n"), []byte("\n515\n"), 1)
	if bytes.Equal(spoilt, good) {
		t.Fatalf("the checkpoint is another: %s", good)
	}
	for _, c := range [][]byte{spoilt, []byte("nonsense"), nil} {
		noError(t, os.WriteFile(filepath.Join(m.dir, "checkpoint"), c, 0o600))
		eventually(t, "it says that it is behind", func() bool { return m.get("/readyz").StatusCode == http.StatusServiceUnavailable })
		m.refused(m.get("/readyz"), "unavailable")
		if a := m.ok("/log/checkpoint", nil); !bytes.Equal(a.body, good) {
			t.Errorf("it shows %s", a.body)
		}
		for _, path := range reads(w, published) {
			m.ok(path, nil)
		}
		noError(t, os.WriteFile(filepath.Join(m.dir, "checkpoint"), good, 0o600))
		eventually(t, "it is ready again", func() bool { return m.get("/readyz").StatusCode == http.StatusOK })
	}
	w.fill(20)
	m.update(t)
	eventually(t, "it has grown", func() bool { return m.view.Position() == w.log.Size() })
	w.sameAs(m, published)
}
