package passkeys

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	authority = "983887406"
	hospital  = "983974724"
)

// program runs the ledger's program.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(cmp.Or(os.Getenv("SPREDNING"), "spredning"), args...)
	cmd.Dir = t.TempDir() // receipts are kept there
	return cmd
}

// node is a served ledger.
type node struct {
	url, dir string
	signed   int
}

func serve(t *testing.T) *node {
	t.Helper()
	n := &node{dir: t.TempDir()}
	data := filepath.Join(n.dir, "ledger")
	run(t, program(t, "found", "--data", data, "--origin", "spredning.example/passkeys", "--illustrative"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	noError(t, err)
	address := l.Addr().String()
	noError(t, l.Close())
	n.url = "http://" + address
	var said bytes.Buffer
	server := program(t, "serve", "--data", data, "--listen", address)
	server.Stdout, server.Stderr = &said, &said
	noError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		if err := server.Wait(); err != nil {
			t.Errorf("the server ends with %v", err)
		}
		if t.Failed() {
			t.Logf("the server said\n%s", said.String())
		}
	})
	for range 600 {
		if resp, err := http.Get(n.url + "/healthz"); err == nil {
			_ = resp.Body.Close()
			return n
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the server does not answer")
	return nil
}

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// submit has the authority sign and submit an event of this type and data.
func (n *node) submit(t *testing.T, kind string, data any) {
	t.Helper()
	event, err := json.Marshal(map[string]any{"type": kind, "by": authority, "data": data})
	noError(t, err)
	n.signed++
	file := filepath.Join(n.dir, fmt.Sprint("event", n.signed))
	noError(t, os.WriteFile(file, event, 0o600))
	key := filepath.Join(n.dir, "ledger", "keys", "authority")
	run(t, program(t, "sign", "--url", n.url, "--key", key, "--out", file+".signed", file))
	run(t, program(t, "submit", "--url", n.url, file+".signed"))
}

func enrolment(scheme string, public []byte, roles ...string) map[string]any {
	return map[string]any{"organisation": hospital, "key": map[string]any{"scheme": scheme, "public": public, "roles": roles, "label": "innovasjon"}}
}

// event is one of the hospital's, as docs/signing.md has it: it enrols a key.
func event(t *testing.T) []byte {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	noError(t, err)
	at := time.Now().UTC()
	b := fmt.Appendf(nil, `{"ledger":"spredning.example/passkeys","id":"%s","type":"key.enrolled","by":"%s","at":"%s","data":{"organisation":"%[2]s","key":{"scheme":"ed25519","public":"%[4]s","roles":["report"],"label":"innovasjon"}}}`,
		ulid(at), hospital, at.Format("2006-01-02T15:04:05Z"), base64.StdEncoding.EncodeToString(public))
	return b
}

// ulid is a new id of a time.
func ulid(at time.Time) string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	id := make([]byte, 26)
	_, _ = rand.Read(id) // never fails
	for k := range id {
		id[k] = digits[id[k]&31]
	}
	for k, ms := 9, at.UnixMilli(); k >= 0; k, ms = k-1, ms>>5 {
		id[k] = digits[ms&31]
	}
	return string(id)
}

// post sends an event with a passkey's signature.
func (n *node) post(t *testing.T, a authenticator, payload, sig []byte) (status int, answer []byte) {
	t.Helper()
	id := sha256.Sum256(append([]byte("webauthn\n"), a.public...))
	envelope, err := json.Marshal(map[string]any{
		"payload": payload, "payloadType": "application/vnd.spredning.event.v1+json",
		"signatures": []any{map[string]any{"keyid": base64.RawURLEncoding.EncodeToString(id[:]), "sig": sig}},
	})
	noError(t, err)
	resp, err := http.Post(n.url+"/api/v1/events", "application/json", bytes.NewReader(envelope))
	noError(t, err)
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	noError(t, err)
	return resp.StatusCode, answer
}

// receipt is what the ledger gives of an entry, as docs/verify.md tells.
type receipt struct {
	Entry string `json:"entry"`
	Keys  []struct {
		Scheme string `json:"scheme"`
		Public []byte `json:"public"`
	} `json:"keys"`
}

type envelope struct {
	Payload    []byte `json:"payload"`
	Signatures []struct {
		Sig []byte `json:"sig"`
	} `json:"signatures"`
}

// A ledger takes events that passkeys have signed. From its receipts alone they verify
// in go-webauthn too. What an authenticator says wrongly is refused.
func TestLedgerAcceptsWhatTheyVerify(t *testing.T) {
	n := serve(t)
	n.submit(t, "organisation.registered", map[string]any{"orgnr": hospital, "name": "Helse Bergen HF", "short": "Helse Bergen", "kind": "hf", "region": "Helse Vest", "measured_from": 2003})
	for algorithm, a := range authenticators(t) {
		n.submit(t, "key.enrolled", enrolment("webauthn", a.public, "admin", "report"))
		payload := event(t)
		for name, change := range map[string]func(*said){
			"for another event":     func(s *said) { s.challenge = challenge([]byte("another")) },
			"at another origin":     func(s *said) { s.origin = "https://evil.example" },
			"the user not verified": func(s *said) { s.flags &^= verified },
			"by another key":        func(s *said) { s.sign = another(t, algorithm).sign },
		} {
			s := a.says(pae(payload))
			change(&s)
			if status, answer := n.post(t, a, payload, s.assertion()); status != http.StatusForbidden {
				t.Errorf("%s, %s: the ledger answers %d %s", algorithm, name, status, answer)
			}
		}
		status, answer := n.post(t, a, payload, a.says(pae(payload)).assertion())
		if status != http.StatusCreated {
			t.Errorf("%s: the ledger answers %d %s", algorithm, status, answer)
			continue
		}
		var r receipt
		noError(t, json.Unmarshal(answer, &r))
		var e envelope
		noError(t, json.Unmarshal([]byte(r.Entry), &e))
		if len(e.Signatures) != 1 || len(r.Keys) != 1 || r.Keys[0].Scheme != "webauthn" || !bytes.Equal(e.Payload, payload) {
			t.Errorf("%s: the receipt is of something else: %s", algorithm, answer)
			continue
		}
		if err := theirs(r.Keys[0].Public, pae(e.Payload), e.Signatures[0].Sig); err != nil {
			t.Errorf("%s: the ledger accepted it, they say %v", algorithm, err)
		}
	}
}
