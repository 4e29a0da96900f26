package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"spredning/keys"
	"spredning/ledger"
)

// draft is one as the API gives it.
type draft struct {
	SHA256   string `json:"payload_sha256"`
	Envelope string
	Type, By string
	ID       string
	Signed   []struct{ KeyID, Organisation, Name string }
	Missing  *struct {
		Organisations []struct{ Orgnr, Name string }
		Detail        string
	}
	Index   *int64
	Refusal *struct{ Code, Detail, Pointer string }
	Expires time.Time
}

func (c *client) postDraft(raw []byte) answer {
	c.t.Helper()
	return c.ask(http.MethodPost, "/api/v1/drafts", bytes.NewReader(raw), "Content-Type", "application/json")
}

// drafted posts what must be taken, and reads the answer.
func (c *client) drafted(raw []byte, status int) (d draft) {
	c.t.Helper()
	a := c.postDraft(raw)
	if a.StatusCode != status {
		c.t.Fatalf("POST a draft: %d %s, want %d", a.StatusCode, a.body, status)
	}
	noError(c.t, json.Unmarshal(a.body, &d))
	if want := "/api/v1/drafts/" + d.SHA256; a.Header.Get("Location") != want {
		c.t.Errorf("Location is %q, want %q", a.Header.Get("Location"), want)
	}
	e, err := keys.Parse([]byte(d.Envelope))
	noError(c.t, err)
	if sum := sha256.Sum256(e.Payload); hex.EncodeToString(sum[:]) != d.SHA256 {
		c.t.Errorf("%s is not the hash of the payload", d.SHA256)
	}
	return d
}

func (c *client) draft(hash string) (d draft) {
	c.t.Helper()
	c.ok("/api/v1/drafts/"+hash, &d)
	return d
}

func TestDraftIsSignedByOneAfterTheOther(t *testing.T) {
	w := newWorld(t).found()
	e := event(bergen, publication("Sammen", ahus, stavanger))
	size := w.ledger.Size()
	raw := seal(e, w.keys[bergen])
	d := w.drafted(spellings(raw)[1], http.StatusCreated)
	switch {
	case d.Envelope != string(raw) || d.ID != e.ID.String() || d.Type != "innovation.published" || d.By != string(bergen):
		t.Errorf("it is another event: %+v", d)
	case len(d.Signed) != 1 || d.Signed[0].KeyID != string(w.keys[bergen].ID()) || d.Signed[0].Organisation != string(bergen) || d.Signed[0].Name != "Sykehus "+string(bergen):
		t.Errorf("signed is %+v", d.Signed)
	case d.Missing == nil || len(d.Missing.Organisations) != 2 || d.Missing.Organisations[0].Name != "Sykehus "+string(ahus) || !strings.Contains(d.Missing.Detail, string(stavanger)):
		t.Errorf("missing is %+v", d.Missing)
	case !d.Expires.Equal(e.At.AddDate(0, 0, 30)):
		t.Errorf("it expires %s", d.Expires)
	}
	// Alone, or with those that are there.
	if d = w.drafted(seal(e, w.keys[ahus]), http.StatusOK); len(d.Signed) != 2 || len(d.Missing.Organisations) != 1 {
		t.Errorf("after the second: %+v", d)
	}
	w.refused(w.submit([]byte(d.Envelope)), "missing_signature")
	w.drafted(raw, http.StatusOK) // nothing is lost by one who posts the first again
	if d = w.drafted(seal(e, w.keys[stavanger]), http.StatusOK); d.Missing != nil || len(d.Signed) != 3 {
		t.Errorf("after the last: %+v", d)
	}
	if w.ledger.Size() != size {
		t.Error("a draft is in the ledger")
	}
	r := w.post([]byte(d.Envelope))
	if d = w.draft(d.SHA256); d.Index == nil || *d.Index != r.Index || d.Missing != nil || d.Refusal != nil {
		t.Errorf("once submitted: %+v", d)
	}
	p := w.refused(w.postDraft(raw), "already_exists")
	if !strings.Contains(p.Detail, fmt.Sprintf("entry %d", r.Index)) {
		t.Errorf("it does not say where: %s", p.Detail)
	}
}

func TestDraftsAreRead(t *testing.T) {
	w := newWorld(t).found()
	d := w.drafted(seal(event(bergen, publication("Sammen", ahus)), w.keys[bergen]), http.StatusCreated)
	path := "/api/v1/drafts/" + d.SHA256
	a := w.ok(path, nil)
	same := w.get(path, "If-None-Match", a.Header.Get("ETag"))
	if same.StatusCode != http.StatusNotModified {
		t.Errorf("again: %d", same.StatusCode)
	}
	if head := w.ask(http.MethodHead, path, nil); head.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %d", head.StatusCode)
	}
	w.refused(w.get(path+"?min_position=x"), "invalid_query")
	for _, hash := range []string{strings.Repeat("0", 64), strings.ToUpper(d.SHA256), d.SHA256[:63], d.SHA256 + "0", "*", "%2e", strings.Repeat("*", 64), strings.Repeat(".", 64)} {
		w.refused(w.get("/api/v1/drafts/"+hash), "not_found")
	}
	// The draft changes, and so does its tag, though no entry was added.
	w.post(w.sealed(ahus, &ledger.Enrolment{Organisation: ahus, Key: enrolled(seededKey(70), ledger.Report)}))
	w.post(w.sealed(bergen, &ledger.Revocation{Key: w.keys[bergen].ID(), Reason: "rotated"}))
	gone := w.get(path, "If-None-Match", a.Header.Get("ETag"))
	noError(t, json.Unmarshal(gone.body, &d))
	if gone.StatusCode != http.StatusOK || d.Refusal == nil || d.Refusal.Code != "revoked_key" {
		t.Errorf("with a revoked key: %d %s", gone.StatusCode, gone.body)
	}
}

func TestDraftsAreRefusedAsSubmissions(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	second := seededKey(60)
	w.post(w.sealed(ahus, &ledger.Enrolment{Organisation: ahus, Key: enrolled(second, ledger.Report)}))
	w.post(w.sealed(ahus, &ledger.Revocation{Key: second.ID(), Reason: "lost"}))
	all := refusals(w, published, second)
	size := w.ledger.Size()
	for code, raw := range all {
		t.Run(code, func(t *testing.T) {
			w := *w.client
			w.t = t
			if code == "missing_signature" {
				w.drafted(raw, http.StatusCreated)
				return
			}
			w.refused(w.postDraft(raw), code)
		})
	}
	p := w.refused(w.postDraft(w.sealed(bergen, publication("Alene"))), "wrong_state")
	if !strings.Contains(p.Detail, "/api/v1/events") {
		t.Errorf("it does not say what to do: %s", p.Detail)
	}
	for name, body := range map[string]string{"empty": "", "half": string(w.sealed(bergen, publication("Alene"))[:100]), "deep": strings.Repeat("[", 20_000)} {
		if a := w.postDraft([]byte(body)); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, a.StatusCode)
		}
	}
	if w.ledger.Size() != size {
		t.Error("something was added")
	}
}

// Two who sign at the same time lose nothing.
func TestDraftsOfManyAtOnce(t *testing.T) {
	w := newWorld(t).found()
	e := event(bergen, publication("Sammen", ahus, stavanger))
	d := w.drafted(seal(e, w.keys[bergen]), http.StatusCreated)
	var group sync.WaitGroup
	for _, o := range []ledger.Orgnr{ahus, stavanger} {
		for range 4 {
			group.Go(func() {
				a, err := w.try(http.MethodPost, "/api/v1/drafts", bytes.NewReader(seal(e, w.keys[bergen], w.keys[o])))
				if err != nil || a.StatusCode != http.StatusOK {
					t.Errorf("%d %s, %v", a.StatusCode, a.body, err)
				}
			})
		}
	}
	group.Wait()
	if d = w.draft(d.SHA256); d.Missing != nil || len(d.Signed) != 3 {
		t.Errorf("a signature is lost: %+v", d)
	}
}

func TestDraftsAreLimited(t *testing.T) {
	w := newWorld(t).found()
	for range 200 {
		w.drafted(seal(event(bergen, publication("Sammen", ahus)), w.keys[bergen]), http.StatusCreated)
	}
	a := w.postDraft(seal(event(bergen, publication("En for mye", ahus)), w.keys[bergen]))
	w.refused(a, "overloaded")
	hasRetryAfter(t, a)
	w.drafted(seal(event(ahus, publication("En annens", ahus)), w.keys[ahus]), http.StatusCreated)
	w.post(w.sealed(bergen, publication("Innsending går som før")))
}

func TestDraftsWithoutTheirStore(t *testing.T) {
	w := newWorld(t).found()
	raw := seal(event(bergen, publication("Sammen", ahus)), w.keys[bergen])
	d := w.drafted(raw, http.StatusCreated)
	w.stream.Close()
	for _, a := range []answer{w.postDraft(raw), w.get("/api/v1/drafts/" + d.SHA256)} {
		w.refused(a, "unavailable")
		hasRetryAfter(t, a)
	}
	w.ok("/api/v1/organisations", nil)
	eventually(t, "the drafts are back", func() bool { return w.get("/api/v1/drafts/"+d.SHA256).StatusCode == http.StatusOK })
	if again := w.draft(d.SHA256); again.Envelope != string(raw) {
		t.Errorf("it is another: %+v", again)
	}
}

func TestDraftsAtARate(t *testing.T) {
	w := newWorld(t, rates(1, 1))
	path := "/api/v1/drafts/" + strings.Repeat("0", 64)
	eventually(t, "reads are too many", func() bool { return w.get(path).StatusCode == http.StatusTooManyRequests })
	eventually(t, "drafts are too many", func() bool { return w.postDraft([]byte("{}")).StatusCode == http.StatusTooManyRequests })
}
