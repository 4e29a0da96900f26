package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"spredning/keys"
	"spredning/ledger"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"spredning": main, "spredning-shifted": shifted, "spredning-few": few, "nats-server": natsServer})
}

// TestScript runs the program as a user would, from the scripts in
// testdata/script. In them, $ADDR, $NORD and $VEST are free addresses and `up` waits
// for the server on the first.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/script",
		Setup: func(e *testscript.Env) error {
			err := address(e)
			for _, name := range []string{"NORD", "VEST"} {
				addr, err2 := freeAddress()
				e.Setenv(name, addr)
				err = errors.Join(err, err2)
			}
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"up": up, "flip": flip, "read": read, "keyid": keyID, "await": await, "get": get, "id": id, "passkey": passkey, "expand": expand, "fetch": fetch},
	})
}

// address gives a script a free address for its server, as the program expects it, and
// what the race detector is told; otherwise a script sees nothing of the environment.
func address(e *testscript.Env) error {
	addr, err := freeAddress()
	e.Setenv("GORACE", os.Getenv("GORACE"))
	e.Setenv("ADDR", addr)
	e.Setenv("SPREDNING_URL", "http://"+addr)
	return err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// up waits until the server answers.
func up(ts *testscript.TestScript, _ bool, _ []string) {
	url := ts.Getenv("SPREDNING_URL") + "/healthz"
	for range 600 {
		if resp, err := http.Get(url); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("nothing answers at %s", url)
}

// await waits until a file holds a text, in which \n is the end of a line.
func await(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: await FILE TEXT")
	}
	path, text := ts.MkAbs(args[0]), strings.ReplaceAll(args[1], `\n`, "\n")
	for range 600 {
		if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), text) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s does not come to hold %q", args[0], text)
}

// flip replaces the first occurrence of a text in a file by another.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: flip FILE OLD NEW")
	}
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	if !strings.Contains(string(b), args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, []byte(strings.Replace(string(b), args[1], args[2], 1)), 0o600))
}

// read sets a variable to what a file, or stdout, holds.
func read(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: read VARIABLE FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// keyID sets a variable to the key id in what key show --json printed.
func keyID(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: keyid VARIABLE FILE")
	}
	var k struct{ KeyID string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &k))
	ts.Setenv(args[0], k.KeyID)
}

// get reads an address of the ledger: status and body go to standard output.
func get(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: get PATH")
	}
	resp, err := http.Get(ts.Getenv("SPREDNING_URL") + args[0])
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	_, err = fmt.Fprintf(ts.Stdout(), "%d %s\n", resp.StatusCode, body)
	ts.Check(err)
}

// passkey makes one with the link in a file, as the page does, and sets variables to its
// code and to the token.
func passkey(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: passkey FILE CODE TOKEN")
	}
	k, err := keys.Generate()
	ts.Check(err)
	public, err := keys.Passkey{COSE: keys.EdDSACOSE(k.Bytes), ID: []byte("credential"), RPID: "localhost", Origins: []string{"http://localhost:8080"}}.Public()
	ts.Check(err)
	address, token, ok := strings.Cut(strings.TrimSpace(ts.ReadFile(args[0])), "/nokkel#")
	if !ok || len(token) != 43 {
		ts.Fatalf("%s holds no link", args[0])
	}
	body, err := json.Marshal(map[string]any{"token": token, "public": public.Bytes})
	ts.Check(err)
	resp, err := http.Post(address+"/api/v1/invitations/use", "application/json", bytes.NewReader(body))
	ts.Check(err)
	_ = resp.Body.Close()
	if (resp.StatusCode == http.StatusCreated) == neg {
		ts.Fatalf("the answer is %s", resp.Status)
	}
	ts.Setenv(args[1], keys.Code(public.ID()))
	ts.Setenv(args[2], token)
}

// id sets a variable to the id of the event that a receipt is of.
func id(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: id VARIABLE RECEIPT")
	}
	r, err := ledger.ParseReceipt([]byte(ts.ReadFile(args[1])))
	ts.Check(err)
	entry, err := ledger.ParseEntry(r.Index, r.Entry)
	ts.Check(err)
	ts.Setenv(args[0], entry.ID.String())
}

// TestDemo holds the story to what its README says of it.
func TestDemo(t *testing.T) {
	steps, err := demoSteps()
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, s := range steps {
		count[string(s.Type)]++
	}
	if count["innovation.published"] < 25 || count["adoption.confirmed"] < 80 {
		t.Errorf("the story has %d innovations and %d confirmations", count["innovation.published"], count["adoption.confirmed"])
	}
	for _, s := range steps {
		told, err := attachTold(s.Data)
		if err != nil {
			t.Error(err)
		}
		for _, b := range told {
			if count["told"]++; ledger.CheckAttachment(ledger.Markdown, b) != nil || !bytes.Contains(b, []byte("oppdikt")) {
				t.Errorf("a story of %s is none, or does not say that it is made up", s.By)
			}
		}
	}
	if count["told"] != 3 {
		t.Errorf("%d stories are told", count["told"])
	}
	orgs, err := demoOrganisations()
	if err != nil || len(orgs) != 36 {
		t.Errorf("%d organisations, %v", len(orgs), err)
	}
	seen := map[string]bool{}
	for _, o := range orgs {
		if name := fileName(o.Short); seen[name] {
			t.Errorf("two organisations have the key file %s", name)
		} else {
			seen[name] = true
		}
	}
}

// expand puts variables into a file.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: expand FILE")
	}
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// fetch gets an address into a file, again and again until it holds a text.
func fetch(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: fetch URL ACCEPT FILE TEXT")
	}
	var body []byte
	for range 400 {
		body = ask(ts, args[0], args[1])
		if strings.Contains(string(body), args[3]) {
			ts.Check(os.WriteFile(ts.MkAbs(args[2]), body, 0o600))
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s has %q, not %q", args[0], body, args[3])
}

// ask asks once; nil: nobody answers.
func ask(ts *testscript.TestScript, url, accept string) []byte {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	ts.Check(err)
	request.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	return body
}
