package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger/witness"
)

// cosign has a witness cosign the newest checkpoint, and readers be shown that.
func (w *world) cosign(with *witness.Witness, old int64) (signed string) {
	w.t.Helper()
	size, checkpoint := w.log.Head()
	r := witness.Request{Old: old, Checkpoint: checkpoint}
	if old > 0 {
		var err error
		r.Proof, err = tlog.ProveTree(size, old, w.log)
		noError(w.t, err)
	}
	line, err := with.AddCheckpoint(r)
	noError(w.t, err)
	signed = string(checkpoint) + string(line)
	noError(w.t, w.ledger.Publish([]byte(signed)))
	return signed
}

// Readers are shown what witnesses have cosigned, and how far that is.
func TestWitnessed(t *testing.T) {
	w := newWorld(t, byWitnesses).found()
	key, err := witness.NewKey("witness.example/w", seededKey(77))
	noError(t, err)
	watching, err := witness.Open(witness.Config{Dir: t.TempDir(), Key: key, Logs: []string{w.logKey.String()}, Now: time.Now})
	noError(t, err)
	status := func() (checkpoint, witnessed string) {
		var s struct {
			Checkpoint string
			Witnessed  *struct {
				Size int64
				By   []string
			}
		}
		w.ok("/api/v1/status", &s)
		return s.Checkpoint, fmt.Sprintf("%d %q", s.Witnessed.Size, s.Witnessed.By)
	}
	shows := func(signed, witnessed, ready string) {
		t.Helper()
		if c, by := status(); c != signed || by != witnessed {
			t.Errorf("the status has %s and\n%s", by, c)
		}
		if a := w.ok("/log/checkpoint", nil); string(a.body) != signed {
			t.Errorf("the checkpoint is\n%s", a.body)
		}
		if a := w.ok("/readyz", nil); string(a.body) != ready {
			t.Errorf("ready is %q", a.body)
		}
	}
	first := w.ok("/log/checkpoint", nil)
	if !strings.HasPrefix(string(first.body), origin+"\n1\n") {
		t.Fatalf("before anything is witnessed shown is\n%s", first.body)
	}
	shows(string(first.body), "0 []", "ready; not witnessed yet\n")

	seven := w.cosign(watching, 0)
	shows(seven, `7 ["witness.example/w"]`, "ready; 7 of 7 entries are witnessed, by witness.example/w\n")
	if a := w.get("/log/checkpoint", "If-None-Match", first.Header.Get("ETag")); a.StatusCode != 200 {
		t.Errorf("another checkpoint with the same tag: %s", a.Status)
	}

	// An event more: its receipt is by the log alone, until it is witnessed too.
	posted := w.post(w.sealed(bergen, publication("Digital oppfølging")))
	eventually(t, "the view has it", func() bool { return w.view.Position() == 8 })
	shows(seven, `7 ["witness.example/w"]`, "ready; 7 of 8 entries are witnessed, by witness.example/w\n")
	if strings.Contains(posted.Checkpoint, "witness.example") {
		t.Errorf("the answer to a submission is witnessed:\n%s", posted.Checkpoint)
	}
	for path, want := range map[string]string{"/api/v1/events/6/receipt": seven, "/api/v1/events/7/receipt": string(w.log.Checkpoint())} {
		if r := w.receiptOf(w.ok(path, nil)); r.Checkpoint != want {
			t.Errorf("%s has\n%s", path, r.Checkpoint)
		}
	}
	eight := w.cosign(watching, 7) // at the same position
	for _, path := range []string{"/api/v1/events/6/receipt", "/api/v1/events/7/receipt"} {
		if r := w.receiptOf(w.ok(path, nil)); r.Checkpoint != eight {
			t.Errorf("%s has\n%s", path, r.Checkpoint)
		}
	}
	if a := w.ok("/api/v1/events/7/receipt", nil, "Accept", "text/plain"); !strings.HasSuffix(string(a.body), eight) {
		t.Errorf("the proof is\n%s", a.body)
	}
	w.reopen(t)
	shows(eight, `8 ["witness.example/w"]`, "ready; 8 of 8 entries are witnessed, by witness.example/w\n")
}
