package api_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/api"
	"spredning/api/opendata"
	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/jetstream"
	"spredning/ledger/tiles"
	"spredning/projections"
)

const (
	origin    = "spredning.example/test"
	authority = ledger.Orgnr("983887406")
	bergen    = ledger.Orgnr("983974724") // Helse Vest
	ahus      = ledger.Orgnr("983971636") // Helse Sør-Øst
	stavanger = ledger.Orgnr("983974678") // Helse Vest
	stranger  = ledger.Orgnr("974760673") // in no ledger
)

// world is a served ledger on the real embedded stream, in a folder of its own.
type world struct {
	*client
	dir    string
	ledger *ledger.Ledger
	view   *projections.View
	log    *tiles.Log
	stream *jetstream.Stream
	server *httptest.Server
	logKey *ledger.LogKey
	next   *ledger.LogKey   // nil: no other will sign checkpoints
	now    func() time.Time // nil: everyone's clock
	keys   map[ledger.Orgnr]*keys.Private

	files  *opendata.Store
	data   api.OpenData                    // but for the files
	source func(opendata.Log) opendata.Log // what the files are made from; nil: the log

	wrap                func(ledger.Stream) ledger.Stream
	objects             func(api.Attachments) api.Attachments
	readRate, writeRate float64
	proxies             []*net.IPNet
	patience            time.Duration // 0: as the server has it
	audited             func() ledger.SelfAudited
	witnessed           bool
	stopErasing         func()
}

type option func(*world)

// through puts a stream of the test's own before the real one.
func through(wrap func(ledger.Stream) ledger.Stream) option {
	return func(w *world) { w.wrap = wrap }
}

// storing puts a store of the test's own before the real one.
func storing(wrap func(api.Attachments) api.Attachments) option {
	return func(w *world) { w.objects = wrap }
}

// rates sets the limits on reads and writes a second.
func rates(read, write float64) option {
	return func(w *world) { w.readRate, w.writeRate = read, write }
}

// patience is how long the server waits for a request to be read, and for an
// answer to be taken.
func patience(d time.Duration) option {
	return func(w *world) { w.patience = d }
}

// byWitnesses shows readers what is published.
func byWitnesses(w *world) { w.witnessed = true }

// newWorld serves an empty ledger.
func newWorld(t testing.TB, options ...option) *world {
	t.Helper()
	w := &world{
		dir: t.TempDir(), keys: map[ledger.Orgnr]*keys.Private{}, wrap: func(s ledger.Stream) ledger.Stream { return s },
		objects: func(a api.Attachments) api.Attachments { return a },
	}
	for i, o := range []ledger.Orgnr{authority, bergen, ahus, stavanger, stranger} {
		w.keys[o] = seededKey(byte(i + 1))
	}
	for _, option := range options {
		option(w)
	}
	if w.logKey == nil {
		w.logKey = logKeyOf(t, seededKey(99))
	}
	if w.now == nil {
		w.now = time.Now
	}
	w.open(t)
	t.Cleanup(w.close)
	return w
}

func logKeyOf(t testing.TB, k *keys.Private) *ledger.LogKey {
	t.Helper()
	logKey, err := ledger.NewLogKey(origin, k)
	noError(t, err)
	return logKey
}

// open opens the folder and serves it.
func (w *world) open(t testing.TB) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	var err error
	w.log, err = tiles.Open(filepath.Join(w.dir, "log"))
	noError(t, err)
	w.stream, err = jetstream.Embed(t.Context(), filepath.Join(w.dir, "jetstream"), logger)
	noError(t, err)
	w.view = projections.NewView()
	w.ledger, err = ledger.Open(t.Context(), ledger.Config{
		Log: w.log, Stream: w.wrap(w.stream), LogKey: w.logKey, NextLogKey: w.next, Witnessed: w.witnessed, Apply: w.view.Apply, Now: w.now, Logger: logger,
	})
	noError(t, err)
	noError(t, w.view.Wait(t.Context(), w.ledger.Size()))
	w.serve(t, logger)
}

func (w *world) serve(t testing.TB, logger *slog.Logger) {
	var source opendata.Log = w.log
	if w.source != nil {
		source = w.source(w.log)
	}
	var err error
	w.files, err = opendata.OpenStore(opendata.StoreConfig{Dir: filepath.Join(w.dir, "exports"), Log: source, View: w.view, Now: time.Now, Logger: logger})
	noError(t, err)
	data := w.data
	data.Files = w.files
	w.server = httptest.NewUnstartedServer(nil)
	served := api.New(api.Config{
		Ledger: w.ledger, Drafts: ledger.NewDrafts(w.ledger, w.stream.Drafts()), View: w.view, Log: w.log, Attachments: w.objects(w.stream.Objects()), Logger: logger, SelfAudited: w.audited, ReadRate: w.readRate, WriteRate: w.writeRate, Proxies: w.proxies,
		Data: data,
	})
	w.server.Config = served.HTTP()
	ctx, cancel := context.WithCancel(context.Background())
	erasing := make(chan struct{})
	go func() { served.Erase(ctx); close(erasing) }()
	w.stopErasing = func() { cancel(); <-erasing }
	if w.patience > 0 {
		hs := w.server.Config
		hs.ReadTimeout, hs.ReadHeaderTimeout, hs.WriteTimeout = w.patience, w.patience, w.patience
	}
	w.server.Start()
	w.client = &client{t: t, base: w.server.URL, http: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	w.document = documentOf(t, w.base)
}

func (w *world) close() {
	w.client.http.CloseIdleConnections()
	w.server.Close()
	w.files.Close()
	w.stopErasing()
	w.ledger.Close()
	w.stream.Close()
	_ = w.log.Close()
}

func (w *world) reopen(t testing.TB) {
	t.Helper()
	w.close()
	w.open(t)
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

// found founds the ledger and registers three hospitals, each with a key.
func (w *world) found() *world {
	yes := true
	w.post(w.sealed(authority, &ledger.Founding{
		Name: "Test", Illustrative: &yes,
		Authority: ledger.Organisation{Orgnr: authority, Name: "Helse- og omsorgsdepartementet", Short: "HOD", Kind: ledger.KindAuthority},
		Keys:      []ledger.Key{enrolled(w.keys[authority], ledger.Admin)},
		LogKey:    w.logKey.String(),
	}))
	for _, h := range []struct {
		orgnr  ledger.Orgnr
		region string
	}{{bergen, "Helse Vest"}, {ahus, "Helse Sør-Øst"}, {stavanger, "Helse Vest"}} {
		w.post(w.sealed(authority, registration(h.orgnr, h.region)))
		w.post(w.sealed(authority, &ledger.Enrolment{Organisation: h.orgnr, Key: enrolled(w.keys[h.orgnr], ledger.Admin, ledger.Report)}))
	}
	return w
}

func registration(o ledger.Orgnr, region string) *ledger.Registration {
	from := 2003
	return &ledger.Registration{Organisation: ledger.Organisation{
		Orgnr: o, Name: "Sykehus " + string(o), Short: string(o), Kind: ledger.KindHF, Region: region, MeasuredFrom: &from,
	}}
}

func enrolled(k *keys.Private, roles ...ledger.Role) ledger.Key {
	return ledger.Key{Scheme: k.Scheme, Public: base64.StdEncoding.EncodeToString(k.Bytes), Roles: roles, Label: "innovasjon"}
}

// story adds rules, a closed and an open year, and an innovation that spreads, and returns the
// innovation's receipt.
func (w *world) story() receipt {
	yes, one, quarter, none := true, ledger.Milli(1000), ledger.Milli(250), 0
	w.post(w.sealed(authority, &ledger.RulesPublication{Rules: ledger.Rules{
		ID: "2026-a", FromYear: 2026, Basis: ledger.BasisAdoption, Originator: ledger.Values{SameRegion: &one, OtherRegion: &one},
		Adopter: ledger.Values{SameRegion: &quarter, OtherRegion: &quarter}, EligibleKinds: []ledger.Kind{ledger.KindHF},
		OwnFundingOnly: &yes, ExcludeRegionalInitiatives: &yes, Lineage: ledger.LineageEach,
		MaxAdoptionsPerInnovation: &none, MaxPerOriginatorAdopter: &none, Illustrative: &yes,
	}}))
	w.post(w.sealed(authority, &ledger.YearOpening{Year: 2025}))
	w.post(w.sealed(authority, &ledger.YearClosing{Year: 2025}))
	w.post(w.sealed(authority, &ledger.YearOpening{Year: 2026, ReportBy: "2027-02-01"}))
	d := publication("Digital oppfølging")
	d.Attachments = []ledger.Attachment{attached(ledger.Markdown, theStory)}
	published := w.post(w.sealed(bergen, d))
	w.post(w.sealed(bergen, &ledger.Invitation{Innovation: published.id(), Adopter: stavanger, Note: norwegian("Er den i bruk hos dere?")}))
	w.post(w.sealed(ahus, confirmation(published)))
	w.stores(theStory, ledger.Markdown)
	return published
}

// theStory is what is told of the innovation of the story.
const theStory = "# Hjemme\n\nPasientene følges opp hjemme.\n"

// attached is what an event says of a file.
func attached(mediaType, b string) ledger.Attachment {
	a := ledger.AttachmentOf(mediaType, []byte(b))
	a.Title = norwegian("Slik gikk det")
	return a
}

func norwegian(s string) ledger.Text { return ledger.Text{NB: &s} }

// publication is an innovation by Bergen alone, unless others are named.
func publication(title string, with ...ledger.Orgnr) *ledger.Publication {
	no := false
	makers := []ledger.Originator{{Orgnr: bergen, Share: 1000 - 100*len(with)}}
	for _, o := range with {
		makers = append(makers, ledger.Originator{Orgnr: o, Share: 100})
	}
	return &ledger.Publication{Innovation: ledger.Innovation{
		Title: norwegian(title), Summary: norwegian("Pasienter følges opp hjemme."), Kind: "service",
		Originators: makers, Funding: []ledger.Funding{ledger.Own}, RegionalInitiative: &no, InUseSince: "2025-01-01",
	}}
}

// confirmation is one of an innovation as its entry has it.
func confirmation(of receipt) *ledger.Confirmation {
	return &ledger.Confirmation{
		Innovation: of.id(), Revision: of.Leaf, InUseFrom: "2026-02-01", Extent: "hospital", Form: "as_is", Funding: []ledger.Funding{ledger.Own},
	}
}

// event is one of now, with an id of its own.
func event(by ledger.Orgnr, data ledger.Data) ledger.Event {
	now := time.Now()
	return ledger.Event{
		Ledger: origin, ID: ulid.MustNew(ulid.Timestamp(now), rand.Reader), Type: ledger.TypeOf(data), By: by, At: now.UTC().Truncate(time.Second), Data: data,
	}
}

// sealed is an event's envelope, signed by whom it is by.
func (w *world) sealed(by ledger.Orgnr, data ledger.Data) []byte {
	return seal(event(by, data), w.keys[by])
}

func seal(e ledger.Event, signers ...*keys.Private) []byte {
	payload, err := e.Encode()
	if err != nil {
		panic(err)
	}
	return sealPayload(payload, signers...)
}

func sealPayload(payload []byte, signers ...*keys.Private) []byte {
	e, err := keys.Seal(payload, signers...)
	if err != nil {
		panic(err)
	}
	return e.Encode()
}

// post submits what must be accepted as new, and waits until it can be read.
func (w *world) post(raw []byte) receipt {
	w.t.Helper()
	r := w.client.post(raw)
	noError(w.t, w.view.Wait(w.t.Context(), r.Index+1))
	return r
}

// fill submits n innovations past HTTP, many at once.
func (w *world) fill(n int) {
	w.t.Helper()
	failed := make(chan error, n)
	for i := range n {
		raw := w.sealed(bergen, publication("Innovasjon "+hex.EncodeToString([]byte{byte(i >> 8), byte(i)})))
		go func() {
			_, _, err := w.ledger.Submit(context.Background(), raw)
			failed <- err
		}()
	}
	for range n {
		noError(w.t, <-failed)
	}
	noError(w.t, w.view.Wait(w.t.Context(), w.ledger.Size()))
}

// receipt is one as the API gives it.
type receipt struct {
	Ledger, Leaf, Entry, Checkpoint string
	Index                           int64
	Proof                           []string
	raw                             []byte
}

// id is that of the receipt's event, an innovation's too.
func (r receipt) id() string {
	e, err := ledger.ParseEntry(r.Index, []byte(r.Entry))
	if err != nil {
		panic(err)
	}
	return e.ID.String()
}

// client asks a server. Every answer must be as the document says.
type client struct {
	t        testing.TB
	base     string
	http     *http.Client
	document *document
}

// answer is a whole answer.
type answer struct {
	*http.Response
	body []byte
}

// ask sends a request with headers, given as names and values in turn.
func (c *client) ask(method, path string, body io.Reader, headers ...string) answer {
	c.t.Helper()
	a, err := c.try(method, path, body, headers...)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
	}
	return a
}

// try is ask for when the connection may fail, or from other goroutines.
func (c *client) try(method, path string, body io.Reader, headers ...string) (answer, error) {
	request, err := c.request(method, path, body, headers...)
	if err != nil {
		return answer{&http.Response{}, nil}, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{&http.Response{}, nil}, err
	}
	return c.judge(request, response)
}

func (c *client) request(method, path string, body io.Reader, headers ...string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return request, nil
}

// judge reads an answer to its end and holds it against the document.
func (c *client) judge(request *http.Request, response *http.Response) (answer, error) {
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{response, read}, err
	}
	if err := c.document.check(request.Method, request.URL.Path, response, read); err != nil {
		c.t.Errorf("%s %s: %d is not as described: %v\n%.500s", request.Method, request.URL.Path, response.StatusCode, err, read)
	}
	return answer{response, read}, nil
}

func (c *client) get(path string, headers ...string) answer {
	c.t.Helper()
	return c.ask(http.MethodGet, path, nil, headers...)
}

// ok gets what must be there, and decodes JSON into v unless that is nil.
func (c *client) ok(path string, v any, headers ...string) answer {
	c.t.Helper()
	a := c.get(path, headers...)
	if a.StatusCode != http.StatusOK {
		c.t.Fatalf("GET %s: %d %s", path, a.StatusCode, a.body)
	}
	if v != nil {
		noError(c.t, json.Unmarshal(a.body, v))
	}
	return a
}

func (c *client) submit(raw []byte) answer {
	c.t.Helper()
	return c.ask(http.MethodPost, "/api/v1/events", bytes.NewReader(raw), "Content-Type", "application/json")
}

// post submits what must be accepted as new. It may be a moment until reads tell
// of it.
func (c *client) post(raw []byte) receipt {
	c.t.Helper()
	a := c.submit(raw)
	if a.StatusCode != http.StatusCreated {
		c.t.Fatalf("POST: %d %s", a.StatusCode, a.body)
	}
	return c.receiptOf(a)
}

// put sends the bytes of an attachment.
func (c *client) put(sha256, mediaType, b string) answer {
	c.t.Helper()
	return c.ask(http.MethodPut, "/api/v1/attachments/"+sha256, strings.NewReader(b), "Content-Type", mediaType)
}

// stores sends the bytes of an attachment that must be accepted as new.
func (c *client) stores(b, mediaType string) (path string) {
	c.t.Helper()
	sha256 := ledger.AttachmentOf(mediaType, []byte(b)).SHA256
	if a := c.put(sha256, mediaType, b); a.StatusCode != http.StatusCreated {
		c.t.Fatalf("PUT: %d %s", a.StatusCode, a.body)
	}
	return "/api/v1/attachments/" + sha256
}

// receiptOf reads a receipt and checks it: by its own rules, and by the hash of
// its entry.
func (c *client) receiptOf(a answer) (r receipt) {
	c.t.Helper()
	parsed, err := ledger.ParseReceipt(a.body)
	noError(c.t, err)
	logKey, err := ledger.NewLogKey(origin, seededKey(99))
	noError(c.t, err)
	if _, _, err := parsed.Verify(logKey.String()); err != nil {
		c.t.Errorf("a receipt does not hold: %v", err)
	}
	noError(c.t, json.Unmarshal(a.body, &r))
	if leaf := tlog.RecordHash([]byte(r.Entry)); hex.EncodeToString(leaf[:]) != r.Leaf {
		c.t.Errorf("leaf %s is not the entry's hash", r.Leaf)
	}
	r.raw = a.body
	return r
}

// problem is a refusal as the API gives it.
type problem struct{ Code, Detail, Pointer string }

// refused checks that an answer is a problem of a code.
func (c *client) refused(a answer, code string) problem {
	c.t.Helper()
	var p problem
	if err := json.Unmarshal(a.body, &p); err != nil || p.Code != code {
		c.t.Errorf("%d %.300s where %s was due", a.StatusCode, a.body, code)
	}
	return p
}

// readResponse reads an answer from a connection.
func readResponse(conn io.Reader, to *http.Request) (*http.Response, error) {
	return http.ReadResponse(bufio.NewReader(conn), to)
}
