package api_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spredning/keys"
	"spredning/ledger"
)

// large is the number of bytes that a submission may have.
const large = 32 << 10

func TestSubmissionIsCreatedWithAReceipt(t *testing.T) {
	w := newWorld(t).found()
	raw := w.sealed(bergen, publication("Digital oppfølging"))
	a := w.submit(raw)
	r := w.receiptOf(a)
	if a.StatusCode != http.StatusCreated || r.Entry != string(raw) || r.Ledger != origin {
		t.Errorf("%d, entry %s", a.StatusCode, r.Entry)
	}
	if want := fmt.Sprintf("/api/v1/events/%d", r.Index); a.Header.Get("Location") != want {
		t.Errorf("Location is %q, want %q", a.Header.Get("Location"), want)
	}
	if entry := w.ok(a.Header.Get("Location"), nil); !bytes.Equal(entry.body, raw) {
		t.Errorf("the entry at Location is %s", entry.body)
	}
}

// spellings gives the same envelope in other JSON spellings, and with its
// signatures the other way round.
func spellings(raw []byte) [][]byte {
	var e struct {
		Payload     string            `json:"payload"`
		PayloadType string            `json:"payloadType"`
		Signatures  []json.RawMessage `json:"signatures"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		panic(err)
	}
	wide, _ := json.MarshalIndent(e, " ", "\t")
	slices.Reverse(e.Signatures)
	signatures, _ := json.Marshal(e.Signatures)
	turned := fmt.Appendf(nil, "\n{\"signatures\": %s, \"payloadType\": %q,\r\n \"payload\": %q}\n", signatures, e.PayloadType, e.Payload)
	return [][]byte{raw, wide, turned}
}

func TestSamePayloadAgainGivesItsReceipt(t *testing.T) {
	w := newWorld(t).found()
	raw := seal(event(bergen, publication("To sykehus", ahus)), w.keys[bergen], w.keys[ahus])
	first := w.post(spellings(raw)[2])
	if first.Entry != string(raw) {
		t.Errorf("the entry is not in its one form: %s", first.Entry)
	}
	w.fill(3)
	size := w.ledger.Size()
	for _, again := range spellings(raw) {
		a := w.submit(again)
		r := w.receiptOf(a)
		if a.StatusCode != http.StatusOK || r.Index != first.Index || r.Entry != first.Entry {
			t.Errorf("again: %d, index %d where %d was first", a.StatusCode, r.Index, first.Index)
		}
	}
	if w.ledger.Size() != size {
		t.Errorf("it was added again: %d entries, were %d", w.ledger.Size(), size)
	}
}

func TestSamePayloadAgainWithABadSignatureIsRefused(t *testing.T) {
	w := newWorld(t).found()
	e := event(bergen, publication("Digital oppfølging"))
	w.post(seal(e, w.keys[bergen]))
	w.refused(w.submit(damaged(seal(e, w.keys[bergen]))), "bad_signature")
	w.refused(w.submit(seal(e, seededKey(50))), "unknown_key")
}

// damaged changes a bit of the first signature.
func damaged(raw []byte) []byte {
	e, err := keys.Parse(raw)
	if err != nil {
		panic(err)
	}
	e.Signatures[0].Sig[7] ^= 1
	return e.Encode()
}

// unissued has the form of a national identity number, check digits included,
// in a range that was never given to anyone.
const unissued = "01010090004"

// refusals is one submission for each code that an event can be refused with,
// in a world with a story in which a key of Ahus has been revoked.
func refusals(w *world, published receipt, revoked *keys.Private) map[string][]byte {
	change := func(by ledger.Orgnr, data ledger.Data, to func(*ledger.Event)) []byte {
		e := event(by, data)
		to(&e)
		return seal(e, w.keys[by])
	}
	personal := publication("Digital oppfølging")
	personal.Summary = norwegian("Pasienten har nummer " + unissued)
	stale := confirmation(published)
	stale.Revision = strings.Repeat("0", 64)
	unknown := confirmation(published)
	unknown.Innovation = "01JQ5T3M8R4W6Y2Z0A1B2C3D4E"
	reason := norwegian("Sluttet med det.")
	disputed := w.post(w.sealed(bergen, publication("Omstridt")))
	w.post(w.sealed(stavanger, confirmation(disputed)))
	w.post(w.sealed(ahus, &ledger.Dispute{Innovation: disputed.id(), Adopter: stavanger, Reason: reason}))
	w.post(w.sealed(stavanger, &ledger.Ending{Innovation: disputed.id(), EndedOn: "2026-03-01", Reason: reason}))
	return map[string][]byte{
		"too_large":            append(w.sealed(bergen, publication("Stor")), bytes.Repeat([]byte(" "), large)...),
		"malformed":            []byte(`{"payload":"`),
		"wrong_ledger":         change(bergen, publication("Feil"), func(e *ledger.Event) { e.Ledger = "spredning.example/other" }),
		"clock":                change(bergen, publication("Fortid"), func(e *ledger.Event) { e.At = e.At.AddDate(0, 0, -31) }),
		"invalid_field":        change(bergen, publication("Feil"), func(e *ledger.Event) { e.By = "123456789" }),
		"personal_data":        w.sealed(bergen, personal),
		"unknown_key":          seal(event(bergen, publication("Ukjent")), seededKey(50)),
		"bad_signature":        damaged(w.sealed(bergen, publication("Feil"))),
		"revoked_key":          seal(event(ahus, publication("Trukket")), revoked),
		"not_authorised":       w.sealed(bergen, registration(stranger, "")),
		"missing_signature":    w.sealed(bergen, publication("Sammen", ahus)),
		"unneeded_signature":   seal(event(bergen, publication("Alene")), w.keys[bergen], w.keys[ahus]),
		"unknown_organisation": w.sealed(bergen, &ledger.Invitation{Innovation: published.id(), Adopter: stranger, Note: reason}),
		"unknown_innovation":   w.sealed(stavanger, unknown),
		"unknown_adoption":     w.sealed(stavanger, &ledger.Ending{Innovation: published.id(), EndedOn: "2026-03-01", Reason: reason}),
		"already_exists":       w.sealed(ahus, confirmation(published)),
		"wrong_state":          w.sealed(authority, &ledger.YearOpening{Year: 2030}),
		"own_innovation":       w.sealed(bergen, confirmation(published)),
		"stale_revision":       w.sealed(stavanger, stale),
		"under_dispute":        w.sealed(stavanger, confirmation(disputed)),
		"year_not_open":        w.sealed(authority, &ledger.YearClosing{Year: 2030}),
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	second := seededKey(60)
	w.post(w.sealed(ahus, &ledger.Enrolment{Organisation: ahus, Key: enrolled(second, ledger.Report)}))
	w.post(w.sealed(ahus, &ledger.Revocation{Key: second.ID(), Reason: "lost"}))
	all := refusals(w, published, second)
	size := w.ledger.Size()
	for _, code := range ledger.Codes {
		raw, provoked := all[string(code)]
		if !provoked {
			t.Errorf("%s is not provoked", code)
			continue
		}
		t.Run(string(code), func(t *testing.T) {
			w := *w.client
			w.t = t
			w.refused(w.submit(raw), string(code))
		})
	}
	if w.ledger.Size() != size {
		t.Errorf("a refused event was added: %d entries, were %d", w.ledger.Size(), size)
	}
}

func TestRefusalsPointAtTheField(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	kind := publication("Feil")
	kind.Kind = "idea"
	early := confirmation(published)
	early.InUseFrom = "2024-12-31"
	for pointer, raw := range map[string][]byte{
		"/data/kind":        w.sealed(bergen, kind),
		"/data/in_use_from": w.sealed(stavanger, early),
	} {
		if p := w.refused(w.submit(raw), "invalid_field"); p.Pointer != pointer {
			t.Errorf("points at %q, not at %q", p.Pointer, pointer)
		}
	}
}

func TestMalformedBodies(t *testing.T) {
	w := newWorld(t).found()
	good := string(w.sealed(bergen, publication("Digital oppfølging")))
	payload := func(s string) string { return string(sealPayload([]byte(s), w.keys[bergen])) }
	for name, body := range map[string]string{
		"empty": "", "white space": " \n", "a list": "[]", "null": "null", "text": "hei", "not UTF-8": "{\"payload\":\"\xff\"}",
		"two": good + good, "a member more": `{"a":1,` + good[1:], "a member twice": `{"payload":"",` + good[1:],
		"half": good[:len(good)/2], "deep": strings.Repeat("[", 20_000),
		"empty payload": payload(""), "null in the payload": payload(`{"ledger":null}`), "a list as payload": payload("[1]"),
		"a member of the payload twice": payload(`{"ledger":"a","ledger":"a"}`), "more behind the payload": payload(`{} {}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := *w.client
			w.t = t
			w.refused(w.submit([]byte(body)), "malformed")
		})
	}
}

func TestBodiesUpToTheLimit(t *testing.T) {
	w := newWorld(t).found()
	padded := func(raw []byte, n int) []byte { return append(raw, bytes.Repeat([]byte("\n"), n-len(raw))...) }
	w.post(padded(w.sealed(bergen, publication("Akkurat")), large))
	w.refused(w.submit(padded(w.sealed(bergen, publication("En for mye")), large+1)), "too_large")

	fits, over := w.largest()
	if r := w.post(fits); len(r.Entry) <= large-4 {
		t.Errorf("the largest entry has %d bytes", len(r.Entry))
	}
	w.refused(w.submit(over), "too_large")
}

// largest gives the envelope that just fits, and one that is the least larger.
func (w *world) largest() (fits, over []byte) {
	euros := strings.Repeat("€", 1950)
	e := event(bergen, nil)
	for n := 400; ; n++ {
		p, rest := publication("Stor"), norwegian(strings.Repeat("x", n))
		p.Summary, p.Replaces = ledger.Text{NB: &euros, NN: &euros, EN: &euros, SE: &euros}, &rest
		e.Data, e.Type = p, ledger.TypeOf(p)
		if over = seal(e, w.keys[bergen]); len(over) > large {
			return fits, over
		}
		fits = over
	}
}

// dripping gives its bytes in pieces, with a pause before each.
type dripping struct {
	left  []byte
	piece int
	pause time.Duration
}

func (d *dripping) Read(b []byte) (int, error) {
	if len(d.left) == 0 {
		return 0, io.EOF
	}
	time.Sleep(d.pause)
	n := copy(b, d.left[:min(d.piece, len(d.left))])
	d.left = d.left[n:]
	return n, nil
}

func TestSlowBodyIsTaken(t *testing.T) {
	w := newWorld(t).found()
	raw := w.sealed(bergen, publication("Langsom"))
	a := w.ask(http.MethodPost, "/api/v1/events", &dripping{raw, 100, 10 * time.Millisecond})
	if a.StatusCode != http.StatusCreated {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestHugeBodyIsTooLarge(t *testing.T) {
	w := newWorld(t).found()
	for range 3 {
		a, err := w.try(http.MethodPost, "/api/v1/events", bytes.NewReader(make([]byte, 10<<20)))
		if err != nil {
			continue // the server may hang up on one who goes on sending
		}
		w.refused(a, "too_large")
	}
	a := w.raw("POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n" + strings.Repeat("x", large+2))
	w.refused(a, "too_large")
	w.post(w.sealed(bergen, publication("Etterpå")))
}

func TestTruncatedBodyIsMalformed(t *testing.T) {
	w := newWorld(t).found()
	raw := w.sealed(bergen, publication("Avkuttet"))
	for _, n := range []int{0, 1, len(raw) / 2, len(raw) - 1} {
		a := w.raw(fmt.Sprintf("POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(raw), raw[:n]))
		w.refused(a, "malformed")
	}
	w.post(raw)
}

func TestStalledBodyIsGivenUp(t *testing.T) {
	w := newWorld(t, patience(200*time.Millisecond)).found()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
	noError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	noError(t, err)
	noError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection is still there: %v", err)
	}
}

// raw sends bytes over a connection of its own, ends its side, and judges the
// answer as one to the method and the path that they begin with.
func (w *world) raw(request string) answer {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
	noError(w.t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, request)
	noError(w.t, err)
	noError(w.t, conn.(*net.TCPConn).CloseWrite())
	line := strings.Fields(request)
	r := &http.Request{Method: line[0], URL: &url.URL{Path: line[1]}}
	response, err := readResponse(conn, r)
	noError(w.t, err)
	a, err := w.judge(r, response)
	noError(w.t, err)
	return a
}

// TestNoInputStopsTheServer sends thousands of envelopes with something changed:
// in the bytes of the body, or in the payload before it is signed.
func TestNoInputStopsTheServer(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	before := w.ledger.Size()
	var accepted, sent atomic.Int64
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 2026))
			for range 300 {
				raw := w.mutated(random, published)
				a, err := w.try(http.MethodPost, "/api/v1/events", bytes.NewReader(raw))
				if err != nil {
					t.Errorf("after %q: %v", raw, err)
					return
				}
				sent.Add(1)
				if a.StatusCode == http.StatusCreated {
					accepted.Add(1)
				} else if a.StatusCode == http.StatusServiceUnavailable {
					t.Errorf("%q: %s", raw, a.body)
				}
			}
		})
	}
	group.Wait()
	if size := w.ledger.Size(); size != before+accepted.Load() {
		t.Errorf("%d entries, were %d, %d were accepted", size, before, accepted.Load())
	}
	if accepted.Load() == 0 || accepted.Load() == sent.Load() {
		t.Errorf("%d of %d were accepted: the changes are not varied", accepted.Load(), sent.Load())
	}
	w.ok("/readyz", nil)
	w.post(w.sealed(bergen, publication("Etterpå")))
}

// mutated is an envelope with something changed.
func (w *world) mutated(random *rand.Rand, published receipt) []byte {
	by, data := bergen, ledger.Data(publication("Digital oppfølging"))
	if random.IntN(3) == 0 {
		by, data = stavanger, confirmation(published)
	}
	payload, err := event(by, data).Encode()
	if err != nil {
		panic(err)
	}
	switch random.IntN(4) {
	case 0:
		return mutate(random, sealPayload(payload, w.keys[by]))
	case 1:
		return mutate(random, mutate(random, sealPayload(payload, w.keys[by])))
	case 2:
		return sealPayload(mutate(random, payload), w.keys[by])
	}
	return sealPayload(otherValue(random, payload), w.keys[by])
}

// mutate changes a few bytes: flips, drops, doubles or inserts.
func mutate(random *rand.Rand, b []byte) []byte {
	at := random.IntN(len(b))
	to := min(at+1+random.IntN(12), len(b))
	switch random.IntN(5) {
	case 0:
		b = slices.Clone(b)
		b[at] ^= 1 << random.IntN(8)
		return b
	case 1:
		return slices.Delete(slices.Clone(b), at, to)
	case 2:
		return slices.Insert(slices.Clone(b), at, b[at:to]...)
	case 3:
		return b[:at]
	}
	odd := []string{"\"", "\\", "{", "}", "[", "null", "\x00", "\xed\xa0\x80", "1e999", "-0", "\\ud800", "\u202e", ",", "9223372036854775808"}
	return slices.Insert(slices.Clone(b), at, []byte(odd[random.IntN(len(odd))])...)
}

// otherValue puts another value in the place of one of a payload's members.
func otherValue(random *rand.Rand, payload []byte) []byte {
	var e map[string]any
	if err := json.Unmarshal(payload, &e); err != nil {
		panic(err)
	}
	in := e
	if random.IntN(4) > 0 {
		in = e["data"].(map[string]any)
	}
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range in {
			if !yield(name) {
				return
			}
		}
	})
	others := []any{
		"", "0", -1, 1e300, 0.5, true,
		[]any{},
		map[string]any{},
		[]any{map[string]any{}},
		strings.Repeat("x", 3000), unissued,
		"2026-02-30", "0000-00-00", "01JQ5T3M8R4W6Y2Z0A1B2C3D4E",
		[]any{"own", "own"},
		map[string]any{"nb": "a\u0007"},
		"adoption.ended", "ledger.founded",
		base64.StdEncoding.EncodeToString([]byte("x")),
	}
	in[names[random.IntN(len(names))]] = others[random.IntN(len(others))]
	changed, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return changed
}
