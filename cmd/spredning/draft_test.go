package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spredning/keys"
	"spredning/ledger"
)

// keeper is a ledger that keeps one draft. What others sign meanwhile, it adds
// when the draft is posted.
type keeper struct {
	draft     map[string]any
	meanwhile *keys.Private
	posted    []string // envelopes
	submitted []string
}

func (k *keeper) serve(t *testing.T) *env {
	t.Helper()
	mux := http.NewServeMux()
	refuse := func(w http.ResponseWriter, code ledger.Code) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"status":403,"code":%q,"detail":"no"}`, code)
	}
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"ledger":"spredning.example/test"}`)
	})
	mux.HandleFunc("GET /api/v1/drafts/{hash}", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(k.draft) })
	mux.HandleFunc("POST /api/v1/drafts", func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		k.posted = append(k.posted, string(raw))
		if k.meanwhile != nil {
			e, err := keys.Open(raw)
			if err == nil {
				err = e.Add(k.meanwhile)
			}
			if err != nil {
				t.Error(err)
			}
			delete(k.draft, "missing")
			k.draft["envelope"] = string(e.Encode())
		}
		_ = json.NewEncoder(w).Encode(k.draft)
	})
	mux.HandleFunc("POST /api/v1/events", func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		k.submitted = append(k.submitted, string(raw))
		refuse(w, ledger.MissingSignature)
	})
	mux.HandleFunc("/", http.NotFound)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &env{url: server.URL, lang: "nb", in: nothing(t)}
}

// nothing is an input that nobody sits at.
func nothing(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func writtenKey(t *testing.T, seed byte) (string, *keys.Private) {
	t.Helper()
	k := keys.FromSeed(append(make([]byte, 31), seed))
	path := filepath.Join(t.TempDir(), "key")
	if err := k.WriteFile(path, "", nil); err != nil {
		t.Fatal(err)
	}
	return path, k
}

// half is an event that one of two has signed, its hash, and the draft of it.
func half(t *testing.T, signer *keys.Private) (keys.Envelope, string, map[string]any) {
	t.Helper()
	i, _ := full()
	_, payload := signed(t, &ledger.Publication{Innovation: i})
	envelope, err := keys.Seal(payload, signer)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(payload)
	hash := hex.EncodeToString(sum[:])
	return envelope, hash, map[string]any{
		"payload_sha256": hash, "envelope": string(envelope.Encode()), "expires": "2026-12-22T10:15:00Z",
		"signed":  []any{map[string]any{"organisation": bergen, "name": "Helse Bergen HF"}},
		"missing": map[string]any{"organisations": []any{map[string]any{"orgnr": stOlav}}},
	}
}

func signsDraft(e *env, hash, key string) (said, printed string, err error) {
	var out, errs bytes.Buffer
	e.out, e.err = &out, &errs
	err = e.signDraft(context.Background(), hash, []string{key}, true, "")
	return errs.String(), out.String(), err
}

// What is signed has the hash that was asked for, whatever the ledger gives.
func TestDraftOfAnotherEventIsNotSigned(t *testing.T) {
	path, _ := writtenKey(t, 2)
	_, first := writtenKey(t, 1)
	envelope, hash, d := half(t, first)
	for name, given := range map[string]string{
		"a changed payload": string(keys.Envelope{Payload: bytes.Replace(envelope.Payload, []byte("667"), []byte("666"), 1), Signatures: envelope.Signatures}.Encode()),
		"no envelope":       "{}",
		"nothing":           "",
	} {
		d["envelope"] = given
		k := &keeper{draft: d}
		if _, _, err := signsDraft(k.serve(t), hash, path); err == nil || len(k.posted)+len(k.submitted) > 0 {
			t.Errorf("%s: %v, sent %q", name, err, append(k.posted, k.submitted...))
		}
	}
}

func TestDraftIsPostedBack(t *testing.T) {
	path, second := writtenKey(t, 2)
	_, first := writtenKey(t, 1)
	envelope, hash, d := half(t, first)
	k := &keeper{draft: d}
	e := k.serve(t)
	said, printed, err := signsDraft(e, hash, path)
	if err != nil {
		t.Fatal(err)
	}
	if err := envelope.Add(second); err != nil {
		t.Fatal(err)
	}
	if want := []string{string(envelope.Encode())}; !slices.Equal(k.submitted, want) || !slices.Equal(k.posted, want) {
		t.Errorf("submitted %q, posted %q", k.submitted, k.posted)
	}
	for _, want := range []string{"  Helse Bergen HF, 983974724\n", "  883974832\n", "innen 2026-12-22", "  spredning sign --key NØKKELFIL \\\n      --url " + e.url + " \\\n      --draft " + hash + "\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q: %s", want, said)
		}
	}
	if printed != hash+"\n" {
		t.Errorf("it prints %q", printed)
	}
	for line := range strings.Lines(said) {
		if len([]rune(line)) > 79 {
			t.Errorf("too long: %q", line)
		}
	}
}

// When the last two sign at the same time, the one whose post completes the draft
// submits what both have signed.
func TestDraftThatAnotherCompletes(t *testing.T) {
	path, _ := writtenKey(t, 2)
	_, first := writtenKey(t, 1)
	_, third := writtenKey(t, 3)
	_, hash, d := half(t, first)
	k := &keeper{draft: d, meanwhile: third}
	_, _, _ = signsDraft(k.serve(t), hash, path)
	if len(k.submitted) != 2 {
		t.Fatalf("%d were submitted", len(k.submitted))
	}
	if e, err := keys.Open([]byte(k.submitted[1])); err != nil || len(e.Signatures) != 3 {
		t.Errorf("%d signatures, %v", len(e.Signatures), err)
	}
}

func TestDraftThatIsOfNoUse(t *testing.T) {
	path, first := writtenKey(t, 1)
	_, hash, d := half(t, first)
	k := &keeper{draft: d}
	if said, _, err := signsDraft(k.serve(t), hash, path); err == nil || !strings.Contains(err.Error(), "has signed this already") || said != "" {
		t.Errorf("signing twice: %v, %s", err, said)
	}
	d["refusal"] = map[string]any{"code": "stale_revision", "detail": "revised", "pointer": "/data/revision"}
	if said, _, err := signsDraft(k.serve(t), hash, path); err == nil || !strings.Contains(err.Error(), "refused (stale_revision): /data/revision revised") || said != "" {
		t.Errorf("an inadmissible one: %v, %s", err, said)
	}
	if len(k.posted)+len(k.submitted) > 0 {
		t.Error("it was sent all the same")
	}
}
