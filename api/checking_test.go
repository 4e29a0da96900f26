package api_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"spredning/ledger"
	"spredning/ledger/witness"
)

// inNode runs the check page's own script on cases from standard input, and prints how
// each ends: the steps gone through, and the fault or nothing.
const inNode = `
const fs = require("node:fs");
require("node:vm").runInThisContext(fs.readFileSync("site/static/check.js", "utf8"));
(async () => {
  if (!await capable()) throw new Error("this node cannot check Ed25519");
  const out = [];
  for (const c of JSON.parse(fs.readFileSync(0, "utf8"))) {
    const r = { steps: [], fault: "", by: [] };
    const said = await checkReceipt(c.text, c, (name, fault) => { r.steps.push(name); r.fault ||= fault ?? ""; });
    if (said) r.by = said.witnessed.by.map((w) => w.name);
    out.push(r);
  }
  console.log(JSON.stringify(out));
})();`

type checkingKey struct {
	Key  string `json:"key"`
	From int64  `json:"from"`
}

type checkingCase struct {
	Name      string        `json:"-"`
	Fault     string        `json:"-"` // wanted; empty: none
	Text      string        `json:"text"`
	LogKeys   []checkingKey `json:"logKeys"`
	Witnesses []string      `json:"witnesses"`
}

type checkingResult struct {
	Steps []string
	Fault string
	By    []string
}

func check(t *testing.T, cases []checkingCase) (results []checkingResult) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node here, in which the page's script is run")
	}
	in, err := json.Marshal(cases)
	noError(t, err)
	cmd := exec.Command(node, "-e", inNode)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.String())
	}
	noError(t, json.Unmarshal(out, &results))
	return results
}

// parts are a receipt's fields, each of which can be changed by itself.
type parts struct {
	Ledger     string    `json:"ledger"`
	Index      int64     `json:"index"`
	Leaf       string    `json:"leaf"`
	Entry      string    `json:"entry"`
	Keys       []partKey `json:"keys"`
	Proof      []string  `json:"proof"`
	Checkpoint string    `json:"checkpoint"`
	More       any       `json:"more,omitempty"`
}

type partKey struct {
	Scheme string `json:"scheme"`
	Public string `json:"public"`
}

type partEntry struct {
	Payload     string          `json:"payload"`
	PayloadType string          `json:"payloadType"`
	Signatures  []partSignature `json:"signatures"`
}

type partSignature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// flipped changes a bit in what a text in base64 stands for.
func flipped(t *testing.T, text string, at int) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	noError(t, err)
	b[at] ^= 1
	return base64.StdEncoding.EncodeToString(b)
}

// changed gives a receipt with a change.
func changed(t *testing.T, receipt []byte, change func(*parts)) string {
	t.Helper()
	var p parts
	noError(t, json.Unmarshal(receipt, &p))
	change(&p)
	b, err := json.Marshal(p)
	noError(t, err)
	return string(b)
}

// inEntry changes the envelope, and the leaf with it unless it is kept.
func inEntry(t *testing.T, change func(*partEntry)) func(*parts) {
	return func(p *parts) {
		var e partEntry
		noError(t, json.Unmarshal([]byte(p.Entry), &e))
		change(&e)
		b, err := json.Marshal(e)
		noError(t, err)
		p.Entry = string(b)
		leaf := leafHash(b)
		p.Leaf = hex.EncodeToString(leaf[:])
	}
}

// TestChecking changes each field of a receipt in turn, and each part of its checkpoint:
// the page's script must name the step that fails, and the program must refuse it too.
func TestChecking(t *testing.T) {
	w := newWorld(t, byWitnesses).found()
	posted := w.post(w.sealed(bergen, publication("Digital oppfølging")))
	w.post(w.sealed(bergen, publication("Hjemmesykehus")))
	key, err := witness.NewKey("witness.example/w", seededKey(77))
	noError(t, err)
	other, err := witness.NewKey("witness.example/other", seededKey(78))
	noError(t, err)
	watching, err := witness.Open(witness.Config{Dir: t.TempDir(), Key: key, Logs: []string{w.logKey.String()}, Now: time.Now})
	noError(t, err)
	w.cosign(watching, 0)
	good := w.ok(fmt.Sprintf("/api/v1/events/%d/receipt", posted.Index), nil).body
	unwitnessed := changed(t, good, func(p *parts) {
		p.Checkpoint = strings.Join(strings.SplitAfter(p.Checkpoint, "\n")[:5], "")
	})
	otherLog, err := ledger.NewLogKey(origin, seededKey(98))
	noError(t, err)
	elsewhere, err := ledger.NewLogKey("spredning.example/elsewhere", seededKey(99))
	noError(t, err)

	logKeys, witnesses := []checkingKey{{w.logKey.String(), 1}}, []string{key.String(), other.String()}
	cases := []checkingCase{
		{"good", "", string(good), logKeys, witnesses},
		{"good, no witness known", "", string(good), logKeys, []string{}},
		{"good, not witnessed", "", unwitnessed, logKeys, witnesses},
		{"good, a later key", "", string(good), []checkingKey{logKeys[0], {otherLog.String(), 1000}}, witnesses},
		{"no log key", "checkpoint.nokey", string(good), []checkingKey{}, witnesses},
		{"a spoilt log key", "checkpoint.nokey", string(good), []checkingKey{{strings.Replace(w.logKey.String(), "+", "+0", 1), 1}}, witnesses},
		{"a log key of another name", "checkpoint.otherkey", string(good), []checkingKey{{elsewhere.String(), 1}}, witnesses},
		{"a log key that did not sign", "checkpoint.unsigned", string(good), []checkingKey{{otherLog.String(), 1}}, witnesses},
		{"a log key that had been replaced", "checkpoint.unsigned", string(good), []checkingKey{logKeys[0], {otherLog.String(), 2}}, witnesses},
		{"a witness's key that is the log's", "witnesses.key", string(good), logKeys, []string{w.logKey.String()}},
		{"nothing", "form.json", "", logKeys, witnesses},
		{"half of it", "form.json", string(good[:len(good)/2]), logKeys, witnesses},
		{"a tlog-proof", "form.tlog", string(w.ok(fmt.Sprintf("/api/v1/events/%d/receipt", posted.Index), nil, "Accept", "text/plain").body), logKeys, witnesses},
	}
	text := func(from, to string) func(*parts) {
		return func(p *parts) {
			if !strings.Contains(p.Checkpoint, from) {
				t.Fatalf("the checkpoint has no %q", from)
			}
			p.Checkpoint = strings.Replace(p.Checkpoint, from, to, 1)
		}
	}
	line := func(n, at int) func(*parts) { // a bit of a signature's bytes, in line n
		return func(p *parts) {
			lines := strings.Split(p.Checkpoint, "\n")
			words := strings.Split(lines[n], " ")
			words[len(words)-1] = flipped(t, words[len(words)-1], at)
			lines[n] = strings.Join(words, " ")
			p.Checkpoint = strings.Join(lines, "\n")
		}
	}
	payload := func(from, to string) func(*parts) {
		return inEntry(t, func(e *partEntry) {
			b, err := base64.StdEncoding.DecodeString(e.Payload)
			noError(t, err)
			if !bytes.Contains(b, []byte(from)) {
				t.Fatalf("the event has no %q: %s", from, b)
			}
			e.Payload = base64.StdEncoding.EncodeToString(bytes.Replace(b, []byte(from), []byte(to), 1))
		})
	}
	for _, c := range []struct {
		name, fault string
		change      func(*parts)
	}{
		{"ledger", "event.ledger", func(p *parts) { p.Ledger += "x" }},
		{"index down", "place.proof", func(p *parts) { p.Index-- }},
		{"index out of the tree", "place.index", func(p *parts) { p.Index = 1 << 40 }},
		{"index below zero", "form.fields", func(p *parts) { p.Index = -1 }},
		{"leaf", "place.leaf", func(p *parts) { p.Leaf = strings.Repeat("0", 64) }},
		{"a field more", "form.fields", func(p *parts) { p.More = 1 }},
		{"no keys", "signatures.count", func(p *parts) { p.Keys = []partKey{} }},
		{"a key too many", "signatures.count", func(p *parts) { p.Keys = append(p.Keys, p.Keys[0]) }},
		{"scheme", "signatures.scheme", func(p *parts) { p.Keys[0].Scheme = "rsa" }},
		{"key", "signatures.key", func(p *parts) { p.Keys[0].Public = flipped(t, p.Keys[0].Public, 7) }},
		{"key not base64", "form.fields", func(p *parts) { p.Keys[0].Public += "=" }},
		{"proof hash", "place.proof", func(p *parts) { p.Proof[0] = flipped(t, p.Proof[0], 0) }},
		{"last proof hash", "place.proof", func(p *parts) { p.Proof[len(p.Proof)-1] = flipped(t, p.Proof[len(p.Proof)-1], 31) }},
		{"proof too short", "place.proof", func(p *parts) { p.Proof = p.Proof[1:] }},
		{"proof too long", "place.proof", func(p *parts) { p.Proof = append(p.Proof, p.Proof[0]) }},
		{"proof hash of 31 bytes", "form.fields", func(p *parts) { p.Proof[0] = base64.StdEncoding.EncodeToString(make([]byte, 31)) }},
		{"entry, as JSON with a space", "event.envelope", func(p *parts) { p.Entry = strings.Replace(p.Entry, ",", ", ", 1) }},
		{"entry cut", "event.envelope", func(p *parts) { p.Entry = p.Entry[1:] }},
		{"payload type", "event.envelope", inEntry(t, func(e *partEntry) { e.PayloadType += "x" })},
		{"no signatures", "event.envelope", inEntry(t, func(e *partEntry) { e.Signatures = []partSignature{} })},
		{"key id", "signatures.key", inEntry(t, func(e *partEntry) { e.Signatures[0].KeyID = strings.Repeat("A", 43) })},
		{"signature", "signatures.wrong", inEntry(t, func(e *partEntry) { e.Signatures[0].Sig = flipped(t, e.Signatures[0].Sig, 3) })},
		{"signature's second half", "signatures.wrong", inEntry(t, func(e *partEntry) { e.Signatures[0].Sig = flipped(t, e.Signatures[0].Sig, 40) })},
		{"event's type", "signatures.wrong", payload("innovation.published", "innovation.withdrawn")},
		{"event's organisation", "signatures.wrong", payload(string(bergen), string(bergen[:8])+"0")},
		{"event's title", "signatures.wrong", payload("Digital", "digital")},
		{"event's time", "signatures.wrong", payload(`"at":"2`, `"at":"1`)},
		{"event's ledger", "event.ledger", payload(origin, origin+"x")},
		{"event no JSON", "event.payload", payload(`"at"`, `"at`)},
		{"event with a field more", "event.payload", payload(`"at"`, `"more":1,"at"`)},
		{"checkpoint's origin", "checkpoint.origin", text(origin+"\n", origin+"x\n")},
		{"checkpoint's size", "checkpoint.wrong", text("\n"+fmt.Sprint(posted.Index+2)+"\n", "\n"+fmt.Sprint(posted.Index+3)+"\n")},
		{"checkpoint's size 010", "place.form", text("\n"+fmt.Sprint(posted.Index+2)+"\n", "\n0"+fmt.Sprint(posted.Index+2)+"\n")},
		{"checkpoint's root", "place.proof", func(p *parts) {
			lines := strings.Split(p.Checkpoint, "\n")
			lines[2] = flipped(t, lines[2], 9)
			p.Checkpoint = strings.Join(lines, "\n")
		}},
		{"checkpoint with a line more", "place.form", text("\n\n", "\nmore\n\n")},
		{"checkpoint without a signature", "place.form", func(p *parts) { p.Checkpoint = strings.SplitAfter(p.Checkpoint, "\n\n")[0] }},
		{"log's signature", "checkpoint.wrong", line(4, 20)},
		{"log's key hash", "checkpoint.unsigned", line(4, 0)},
		{"witness's signature", "witnesses.wrong", line(5, 60)},
		{"witness's time", "witnesses.wrong", line(5, 11)},
	} {
		cases = append(cases, checkingCase{c.name, c.fault, changed(t, good, c.change), logKeys, witnesses})
	}

	for i, r := range check(t, cases) {
		c := cases[i]
		if step, _, _ := strings.Cut(c.Fault, "."); r.Fault != c.Fault || c.Fault != "" && r.Steps[len(r.Steps)-1] != step || c.Fault == "" && len(r.Steps) != 6 {
			t.Errorf("%s: the page says %q after %q, want %q", c.Name, r.Fault, r.Steps, c.Fault)
		}
		if want := c.Fault == "" && len(c.Witnesses) > 0 && c.Text == string(good); want != (len(r.By) == 1) {
			t.Errorf("%s: witnessed by %q", c.Name, r.By)
		}
		if err := asTheProgram(c); err == nil && c.Fault != "" && c.Fault != "witnesses.key" || err != nil && c.Fault == "" {
			t.Errorf("%s: the program says %v, the page %q", c.Name, err, r.Fault)
		}
	}
}

// asTheProgram checks a receipt as spredning verify does.
func asTheProgram(c checkingCase) error {
	r, err := ledger.ParseReceipt([]byte(c.Text))
	if err != nil {
		return err
	}
	var logKeys ledger.LogKeys
	for _, k := range c.LogKeys {
		logKeys = append(logKeys, ledger.LogKeyFrom{Key: k.Key, From: k.From})
	}
	if _, _, err := r.Verify(); err != nil {
		return err
	}
	if _, err := logKeys.Open(r.Checkpoint); err != nil {
		return err
	}
	var known []witness.Known
	for _, vkey := range c.Witnesses {
		k, err := witness.ParseKnown(vkey)
		if err != nil {
			return err
		}
		known = append(known, k)
	}
	_, err = witness.Cosignatures(r.Checkpoint, known...)
	return err
}
