package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	fmtlog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/api"
	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/tiles"
)

// served is the demo's ledger, with a closed year in it, behind a proxy that can
// change what it says.
type served struct {
	*teller
	logKey *ledger.LogKey
	server *httptest.Server

	mu     sync.Mutex
	change func(path string, body []byte) []byte // nil: nothing is changed
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serveDemo tells the demo's story and serves it.
func serveDemo(t *testing.T) *served {
	t.Helper()
	e := &env{in: os.Stdin, out: io.Discard, err: io.Discard, lang: "nb"}
	dir := t.TempDir()
	s := &served{teller: &teller{env: e, dir: dir, keys: map[ledger.Orgnr]*keys.Private{}, orgnrs: map[string]ledger.Orgnr{demoShort: demoAuthority.Orgnr}}}
	private, err := e.keyOr(logKeyFile(dir), demoOrigin, nil)
	noError(t, err)
	s.logKey, err = ledger.NewLogKey(demoOrigin, private)
	noError(t, err)
	logger := slog.New(slog.DiscardHandler)
	s.node, err = openNode(t.Context(), nodeConfig{dir: dir, origin: demoOrigin, logKey: private, now: s.now, logger: logger})
	noError(t, err)
	t.Cleanup(s.node.close)
	noError(t, s.tell(t.Context()))
	noError(t, s.node.view.Wait(t.Context(), s.node.ledger.Size()))
	real := api.New(api.Config{Ledger: s.node.ledger, Drafts: s.node.drafts, Invitations: s.node.invitations, View: s.node.view, Log: s.node.log, Attachments: s.node.attachments, Logger: logger})
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		change := s.change
		s.mu.Unlock()
		recorded := httptest.NewRecorder()
		real.ServeHTTP(recorded, r)
		body := recorded.Body.Bytes()
		if change != nil {
			body = change(r.URL.RequestURI(), bytes.Clone(body))
		}
		for _, h := range []string{"Content-Type", "Spredning-Position"} {
			w.Header().Set(h, recorded.Header().Get(h))
		}
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(body)
	}))
	t.Cleanup(s.server.Close)
	return s
}

// changed lets the proxy change what is said while fn runs.
func (s *served) changed(change func(path string, body []byte) []byte, fn func()) {
	set := func(c func(string, []byte) []byte) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.change = c
	}
	set(change)
	defer set(nil)
	fn()
}

// audits audits a place with a state file, and gives what was found.
func (s *served) audits(t testing.TB, place, state string, logKey ...string) *audited {
	t.Helper()
	d, err := s.env.audit(context.Background(), auditing{place: place, state: state, logKey: strings.Join(logKey, "")})
	noError(t, err)
	return d
}

// good audits what must be good.
func (s *served) good(t testing.TB, place, state string, logKey ...string) *audited {
	t.Helper()
	d := s.audits(t, place, state, logKey...)
	if !d.Good || d.err() != nil || d.Entries != d.Size {
		t.Fatalf("%s is not good: %+v", place, d.Findings)
	}
	return d
}

// paths are the log's files.
func (s *served) paths() []string {
	size := s.node.ledger.Size()
	all := []string{"checkpoint"}
	for level := 0; size>>(8*level) > 0; level++ {
		for n := int64(0); n<<8 < size>>(8*level); n++ {
			width := int(min(256, size>>(8*level)-n<<8))
			all = append(all, tiles.TilePath(level, n, width))
			if level == 0 {
				all = append(all, tiles.BundlePath(n, width))
			}
		}
	}
	return all
}

// mirror writes the log's files into a folder, as any mirror has them, and those of
// an earlier size.
func (s *served) mirror(t testing.TB) (dir string, paths []string) {
	t.Helper()
	dir, paths = t.TempDir(), append(s.paths(), tiles.TilePath(0, 1, 7), tiles.BundlePath(1, 7), tiles.BundlePath(1, 44))
	for _, path := range paths {
		b, err := s.node.log.Resource(path)
		noError(t, err)
		writeFile(t, filepath.Join(dir, filepath.FromSlash(path)), b)
	}
	attachment := "attachments/" + sumOf([]byte("en fortelling"))
	writeFile(t, filepath.Join(dir, attachment), []byte("en fortelling"))
	return dir, append(paths, attachment)
}

func writeFile(t testing.TB, file string, b []byte) {
	t.Helper()
	noError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	noError(t, os.WriteFile(file, b, 0o644))
}

// entries are all of the ledger's.
func (s *served) entries(t testing.TB) (all [][]byte) {
	t.Helper()
	noError(t, s.node.log.Entries(0, s.node.log.Size(), func(_ int64, b []byte) error {
		all = append(all, bytes.Clone(b))
		return nil
	}))
	return all
}

// folder makes a data folder of any entries, signed with the log's key.
func (s *served) folder(t testing.TB, entries [][]byte) string {
	t.Helper()
	return folderBy(t, s.logKey, entries)
}

// folderBy makes one that a key has signed.
func folderBy(t testing.TB, key *ledger.LogKey, entries [][]byte) string {
	t.Helper()
	dir := t.TempDir()
	log, err := tiles.Open(filepath.Join(dir, "log"))
	noError(t, err)
	noError(t, log.Append(entries, func(size int64, root tlog.Hash) ([]byte, error) {
		text := fmtlog.Checkpoint{Origin: demoOrigin, Size: uint64(size), Hash: root[:]}.Marshal()
		return note.Sign(&note.Note{Text: string(text)}, key)
	}))
	noError(t, log.Close())
	return dir
}

// otherEvent is an admissible event that is not in the ledger.
func (s *served) otherEvent(t testing.TB, year int) []byte {
	t.Helper()
	return s.byAuthority(t, &ledger.YearOpening{Year: year})
}

// byAuthority is an event of the authority, signed.
func (s *served) byAuthority(t testing.TB, d ledger.Data) []byte {
	t.Helper()
	payload, err := newEvent(demoOrigin, demoAuthority.Orgnr, s.clock, d).Encode()
	noError(t, err)
	e, err := keys.Seal(payload, s.keys[demoAuthority.Orgnr])
	noError(t, err)
	return e.Encode()
}

// stateFile is one that is not there yet.
func stateFile(t testing.TB) string { return filepath.Join(t.TempDir(), "state.json") }

// found gives the one thing that was found, of a kind.
func (d *audited) found(what string) (finding, error) {
	if d.Good || d.err() == nil || len(d.Findings) == 0 {
		return finding{}, errors.New("nothing was found")
	}
	f := d.Findings[0]
	if f.What != what {
		return f, fmt.Errorf("found %+v, want %s", f, what)
	}
	return f, nil
}
