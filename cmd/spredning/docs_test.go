package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spredning/ledger"
)

// byHand gives the commands of docs/verify.md that check a receipt with stock
// tools.
func byHand(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/verify.md")
	noError(t, err)
	var script strings.Builder
	inside := false
	for line := range strings.Lines(string(b)) {
		switch {
		case line == "```sh\n":
			inside = true
		case line == "```\n":
			inside = false
		case inside:
			script.WriteString(line)
		}
	}
	if script.Len() == 0 {
		t.Fatal("docs/verify.md has no commands")
	}
	return script.String()
}

// The commands that docs/verify.md gives to outsiders accept the ledger's receipts,
// and nothing that was changed.
func TestReceiptsByHand(t *testing.T) {
	for _, tool := range []string{"bash", "jq", "openssl", "sha256sum", "base64", "od"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed here", tool)
		}
	}
	script, s := byHand(t), serveDemo(t)
	check := func(receipt []byte, logKey string) ([]byte, error) {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "receipt.json"), receipt)
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "LOG_KEY="+logKey)
		return cmd.CombinedOutput()
	}
	fetch := func(index int64) []byte {
		resp, err := http.Get(fmt.Sprintf("%s/api/v1/events/%d/receipt", s.server.URL, index))
		noError(t, err)
		defer resp.Body.Close()
		var b bytes.Buffer
		_, err = b.ReadFrom(resp.Body)
		noError(t, err)
		return b.Bytes()
	}
	key := s.logKey.String()
	last := s.node.ledger.Size() - 1
	for _, index := range []int64{0, 1, 117, 255, 256, last - 1, last} {
		if said, err := check(fetch(index), key); err != nil {
			t.Errorf("the receipt of entry %d is refused: %v\n%s", index, err, said)
		}
	}
	several := int64(-1) // signed by more than one
	for i := range last {
		if b := fetch(i); bytes.Count(b, []byte(`"scheme"`)) > 1 {
			several = i
			break
		}
	}
	if said, err := check(fetch(several), key); err != nil {
		t.Errorf("one with several signatures is refused: %v\n%s", err, said)
	}

	whole := fetch(200)
	other := fetch(201)
	member := func(b []byte, name string) string {
		_, rest, _ := strings.Cut(string(b), `"`+name+`":`)
		value, _, _ := strings.Cut(rest, `,"`)
		return `"` + name + `":` + value
	}
	for _, name := range []string{"index", "leaf"} {
		from, to := member(whole, name), member(other, name)
		changed := bytes.Replace(whole, []byte(from), []byte(to), 1)
		if bytes.Equal(changed, whole) {
			t.Fatalf("%s was not changed", name)
		}
		if said, err := check(changed, key); err == nil {
			t.Errorf("another %s is accepted:\n%s", name, said)
		}
	}
	for name, at := range map[string]string{
		"ledger": `"ledger":"spredning`, "entry": `{\"payload\":\"eyJ`, "signature": `\"sig\":\"`, "key": `"public":"`, "proof": `"proof":["`, "root": "", "checkpoint": "— spredning.example/demo ",
	} {
		i := bytes.Index(whole, []byte(at))
		if name == "root" {
			i, at = bytes.Index(whole, fmt.Appendf(nil, "\\n%d\\n", last+1)), fmt.Sprintf("\\n%d\\n", last+1)
		}
		if i < 0 {
			t.Fatalf("%q is not in the receipt: %s", at, whole)
		}
		changed := bytes.Clone(whole)
		if c := &changed[i+len(at)+7]; *c == 'A' {
			*c = 'B'
		} else {
			*c = 'A'
		}
		if said, err := check(changed, key); err == nil {
			t.Errorf("with another byte in its %s it is accepted:\n%s", name, said)
		}
	}
	stranger, err := ledger.NewLogKey(demoOrigin, s.keys[demoAuthority.Orgnr])
	noError(t, err)
	if said, err := check(whole, stranger.String()); err == nil {
		t.Errorf("with another log key it is accepted:\n%s", said)
	}
}
