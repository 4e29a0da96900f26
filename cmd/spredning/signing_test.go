package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"spredning/api"
	"spredning/keys"
	"spredning/ledger"
)

// The commands that docs/signing.md gives to a hospital's own systems confirm an
// adoption.
func TestSigningByHand(t *testing.T) {
	for _, tool := range []string{"bash", "jq", "openssl", "curl", "base64", "od"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed here", tool)
		}
	}
	b, err := os.ReadFile("../../docs/signing.md")
	noError(t, err)
	blocks := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)```sh (\\w+)\n(.*?)```\n").FindAllStringSubmatch(string(b), -1) {
		blocks[m[1]] = m[2]
	}

	// The demo's ledger, at the time that is now.
	s := serveDemo(t)
	s.server.Close()
	s.node.close()
	logger := slog.New(slog.DiscardHandler)
	private, err := s.keyOr(logKeyFile(s.dir), demoOrigin, nil)
	noError(t, err)
	s.node, err = openNode(t.Context(), nodeConfig{dir: s.dir, logKey: private, now: time.Now, logger: logger})
	noError(t, err)
	server := httptest.NewServer(api.New(api.Config{Ledger: s.node.ledger, Drafts: s.node.drafts, Invitations: s.node.invitations, View: s.node.view, Log: s.node.log, Attachments: s.node.attachments, Logger: logger}))
	t.Cleanup(server.Close)

	dir := t.TempDir()
	var innovation string
	adopter := s.orgnrs["Sunnaas"]
	run := func(block string) {
		t.Helper()
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", blocks[block])
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "URL="+server.URL, "ORGNR="+string(adopter), "INNOVATION="+innovation)
		if said, err := cmd.CombinedOutput(); err != nil || blocks[block] == "" {
			receipt, _ := os.ReadFile(filepath.Join(dir, "receipt.json"))
			t.Fatalf("%s: %v\n%s\n%s", block, err, said, receipt)
		}
	}
	run("key")
	key, err := keys.ReadPublic(filepath.Join(dir, "system.pub"))
	noError(t, err)
	submit := func(by ledger.Orgnr, data ledger.Data) {
		t.Helper()
		now := time.Now()
		e := ledger.Event{Ledger: demoOrigin, ID: ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()), Type: ledger.TypeOf(data), By: by, At: now.UTC().Truncate(time.Second), Data: data}
		payload, err := e.Encode()
		noError(t, err)
		envelope, err := keys.Seal(payload, s.keys[by])
		noError(t, err)
		_, _, err = s.node.ledger.Submit(context.Background(), envelope.Encode())
		noError(t, err)
	}
	submit(demoAuthority.Orgnr, &ledger.Enrolment{Organisation: adopter, Key: ledger.Key{Scheme: key.Scheme, Public: base64.StdEncoding.EncodeToString(key.Bytes), Roles: []ledger.Role{ledger.Report}, Label: "innovasjonssystem"}})
	innovation = s.made["emeistring"].id.String()
	noError(t, s.node.view.Wait(t.Context(), s.node.ledger.Size()))

	run("confirm")
	receipt, err := os.ReadFile(filepath.Join(dir, "receipt.json"))
	noError(t, err)
	r, err := ledger.ParseReceipt(receipt)
	noError(t, err)
	event, _, err := r.Verify(s.logKey.String())
	noError(t, err)
	if c, is := event.Data.(*ledger.Confirmation); !is || event.By != adopter || c.Innovation != innovation {
		said, _ := json.Marshal(event)
		t.Errorf("the receipt is of %s", said)
	}
}
