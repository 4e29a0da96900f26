package witness_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	fmtlog "github.com/transparency-dev/formats/log"
	fmtnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/witness"
)

const origin = "spredning.example/test"

var silent = slog.New(slog.DiscardHandler)

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

// tree is a log of short texts in memory, signed with a key.
type tree struct {
	t      testing.TB
	key    *ledger.LogKey
	hashes []tlog.Hash
	size   int64
}

func newTree(t testing.TB, name string, key byte) *tree {
	t.Helper()
	k, err := ledger.NewLogKey(name, seededKey(key))
	noError(t, err)
	return &tree{t: t, key: k}
}

func (l *tree) ReadHashes(indexes []int64) (hashes []tlog.Hash, err error) {
	for _, i := range indexes {
		hashes = append(hashes, l.hashes[i])
	}
	return hashes, nil
}

func (l *tree) grow(texts ...string) *tree {
	for _, s := range texts {
		hashes, err := tlog.StoredHashes(l.size, []byte(s), l)
		noError(l.t, err)
		l.hashes, l.size = append(l.hashes, hashes...), l.size+1
	}
	return l
}

// growTo appends entries that begin with a letter until there are so many.
func (l *tree) growTo(size int64, letter string) *tree {
	for l.size < size {
		l.grow(fmt.Sprint(letter, l.size))
	}
	return l
}

// fork is a copy that goes on by itself.
func (l *tree) fork() *tree {
	f := *l
	f.hashes = append([]tlog.Hash(nil), l.hashes...)
	return &f
}

// at is the signed checkpoint of a size.
func (l *tree) at(size int64) []byte {
	root, err := tlog.TreeHash(size, l)
	noError(l.t, err)
	return l.sign(size, root)
}

func (l *tree) sign(size int64, root tlog.Hash) []byte {
	text := fmtlog.Checkpoint{Origin: l.key.Name(), Size: uint64(size), Hash: root[:]}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, l.key)
	noError(l.t, err)
	return signed
}

// request asks for a cosignature of size, from old.
func (l *tree) request(old, size int64) witness.Request {
	r := witness.Request{Old: old, Checkpoint: l.at(size)}
	if 0 < old && old < size {
		var err error
		r.Proof, err = tlog.ProveTree(size, old, l)
		noError(l.t, err)
	}
	return r
}

// server is a witness that is served.
type server struct {
	*witness.Witness
	t    testing.TB
	dir  string
	key  *witness.Key
	logs []string
	url  string
	http *httptest.Server
	now  func() time.Time
	log  strings.Builder
}

// newServer serves a witness of logs with these verifier keys.
func newServer(t testing.TB, name string, key byte, logs ...string) *server {
	t.Helper()
	k, err := witness.NewKey(name, seededKey(key))
	noError(t, err)
	s := &server{t: t, dir: t.TempDir(), key: k, logs: logs, now: time.Now}
	s.open()
	t.Cleanup(func() { s.http.Close() })
	return s
}

func (s *server) open() {
	s.t.Helper()
	var err error
	s.Witness, err = witness.Open(s.config())
	noError(s.t, err)
	s.http = httptest.NewServer(s.Handler())
	s.url = s.http.URL
}

func (s *server) config() witness.Config {
	return witness.Config{Dir: s.dir, Key: s.key, Logs: s.logs, Now: s.now, Logger: slog.New(slog.NewTextHandler(&s.log, nil))}
}

// reopen is what a restart does, or a crash: nothing is flushed.
func (s *server) reopen() {
	s.http.Close()
	s.open()
}

type got struct {
	status int
	kind   string // content type
	body   string
}

func (s *server) post(body []byte) got {
	s.t.Helper()
	resp, err := http.Post(s.url+"/add-checkpoint", "", strings.NewReader(string(body)))
	noError(s.t, err)
	return read(s.t, resp)
}

func (s *server) get(path string) got {
	s.t.Helper()
	resp, err := http.Get(s.url + path)
	noError(s.t, err)
	return read(s.t, resp)
}

func read(t testing.TB, resp *http.Response) got {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	noError(t, err)
	return got{resp.StatusCode, resp.Header.Get("Content-Type"), string(b)}
}

// cosigned checks that a note is signed by the log and by the witness, and gives
// the time.
func (s *server) cosigned(checkpoint []byte, cosignature string) time.Time {
	s.t.Helper()
	v, err := fmtnote.NewVerifierForCosignatureV1(s.key.String())
	noError(s.t, err)
	n, err := note.Open(append(append([]byte(nil), checkpoint...), cosignature...), note.VerifierList(v))
	noError(s.t, err)
	at, err := fmtnote.CoSigV1Timestamp(n.Sigs[0])
	noError(s.t, err)
	return at
}
