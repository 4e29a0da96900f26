package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"spredning/keys"
	"spredning/ledger"
)

// draft is a half-signed event as the ledger keeps it.
type draft struct {
	SHA256   string `json:"payload_sha256"`
	Envelope string `json:"envelope"`
	Signed   []struct {
		Organisation ledger.Orgnr `json:"organisation"`
		Name         string       `json:"name"`
	} `json:"signed"`
	Missing *struct {
		Organisations []struct {
			Orgnr ledger.Orgnr `json:"orgnr"`
			Name  string       `json:"name"`
		} `json:"organisations"`
	} `json:"missing"` // nil: all have signed
	Index   *int64       `json:"index"`
	Refusal *answerError `json:"refusal"`
	Expires time.Time    `json:"expires"`
	raw     []byte
}

func (c *client) draft(ctx context.Context, hash string) (d draft, err error) {
	d.raw, _, err = c.do(ctx, http.MethodGet, "/api/v1/drafts/"+url.PathEscape(hash), nil)
	if notFound(err) {
		return d, fmt.Errorf("there is no draft %s at %s; it may have expired, or lie at another ledger", hash, c.base)
	}
	return d, c.readDraft(&d, err)
}

func (c *client) postDraft(ctx context.Context, envelope []byte) (d draft, err error) {
	d.raw, _, err = c.do(ctx, http.MethodPost, "/api/v1/drafts", envelope)
	return d, c.readDraft(&d, err)
}

func (c *client) readDraft(d *draft, err error) error {
	if err != nil {
		return err
	}
	if err := json.Unmarshal(d.raw, d); err != nil {
		return fmt.Errorf("%s did not answer as a ledger does: %w", c.base, err)
	}
	return nil
}

// open gives the envelope, if its payload is the one that was asked for: the
// ledger is not trusted with what is signed.
func (d draft) open(hash string) (keys.Envelope, error) {
	envelope, err := keys.Open([]byte(d.Envelope))
	if err != nil {
		return envelope, fmt.Errorf("the draft is no envelope: %w", err)
	}
	if sum := sha256.Sum256(envelope.Payload); hex.EncodeToString(sum[:]) != hash {
		return envelope, fmt.Errorf("the ledger gave another event than the one with the hash %s; nothing was signed", hash)
	}
	return envelope, nil
}

// signDraft adds signatures to a draft, and submits it once all have signed.
func (e *env) signDraft(ctx context.Context, hash string, paths []string, yes bool, receipt string) error {
	c, err := e.client()
	if err != nil {
		return err
	}
	d, err := c.draft(ctx, hash)
	if err != nil {
		return err
	}
	envelope, err := d.open(hash)
	if err != nil {
		return err
	}
	if d.Refusal != nil {
		return fmt.Errorf("the ledger would not take this draft any more, whoever signs: %w", d.Refusal)
	}
	if d.Index != nil || d.Missing == nil {
		return e.submit(ctx, c, envelope.Encode(), receipt) // nothing is left to sign
	}
	signers, err := e.signers(paths)
	if err != nil {
		return err
	}
	if err := unused(envelope, signers); err != nil {
		return err
	}
	if err := e.tellSigned(d); err != nil {
		return err
	}
	if err := e.sign(&envelope, signers, yes); err != nil {
		return err
	}
	return e.passOn(ctx, c, envelope, receipt)
}

// unused refuses keys that have signed already, before anyone is asked.
func unused(envelope keys.Envelope, signers []*keys.Private) error {
	for _, k := range signers {
		for _, s := range envelope.Signatures {
			if s.KeyID == k.ID() {
				return fmt.Errorf("key %s has signed this already; another organisation must sign", k.ID())
			}
		}
	}
	return nil
}

// passOn submits an event if all have signed, or else posts it for the others.
// Only the ledger knows whether all have: another may have signed meanwhile.
func (e *env) passOn(ctx context.Context, c *client, envelope keys.Envelope, receipt string) error {
	err := e.submit(ctx, c, envelope.Encode(), receipt)
	var answer *answerError
	if !errors.As(err, &answer) || answer.Code != ledger.MissingSignature {
		return err
	}
	d, err := c.postDraft(ctx, envelope.Encode())
	if err != nil {
		return err
	}
	if d.Missing == nil {
		return e.submit(ctx, c, []byte(d.Envelope), receipt)
	}
	return e.tellDraft(d)
}

// share posts a half-signed event for the others to sign.
func (e *env) share(ctx context.Context, c *client, envelope keys.Envelope) error {
	d, err := c.postDraft(ctx, envelope.Encode())
	if err != nil {
		return err
	}
	return e.tellDraft(d)
}

var (
	signedSoFar = put("Signert så langt av:", "Signert så langt av:", "Signed so far by:")
	draftKept   = put(
		"Signert og lagt ut som utkast, som ikke teller før alle har signert. Disse må også signere:",
		"Signert og lagt ut som utkast, som ikkje tel før alle har signert. Desse må òg signere:",
		"Signed and posted as a draft, which counts for nothing until all have signed. These must sign, too:")
	draftForCommittee = put(
		"Signert og lagt ut som utkast, som ikke teller før flere har signert.",
		"Signert og lagt ut som utkast, som ikkje tel før fleire har signert.",
		"Signed and posted as a draft, which counts for nothing until more have signed.")
	signDraftLikeThis = put(
		"Send kommandoen under til dem som skal signere, innen %s. Den siste sender inn:",
		"Send kommandoen under til dei som skal signere, innan %s. Den siste sender inn:",
		"Send the command below to those who are to sign, by %s. The last one submits:")
)

// tellSigned tells who has signed a draft, as the ledger says.
func (e *env) tellSigned(d draft) error {
	l, err := e.language()
	if err != nil {
		return err
	}
	e.tell(l.say(signedSoFar))
	for _, s := range d.Signed {
		e.tell("  " + nameAnd(s.Name, s.Organisation))
	}
	return nil
}

// tellDraft prints the hash of a draft, and tells who must sign it and how.
func (e *env) tellDraft(d draft) error {
	if e.json {
		return e.printJSON(jsontext.Value(d.raw))
	}
	l, err := e.language()
	if err != nil {
		return err
	}
	if d.Missing != nil && len(d.Missing.Organisations) > 0 {
		e.tell(l.say(draftKept))
		for _, o := range d.Missing.Organisations {
			e.tell("  " + nameAnd(o.Name, o.Orgnr))
		}
	} else {
		e.tell(l.say(draftForCommittee))
		e.tell(l.say(committeeSigns))
	}
	e.tell(l.say(signDraftLikeThis, d.Expires.Format(time.DateOnly)))
	fmt.Fprintf(e.err, "  spredning sign --key %s \\\n      --url %s \\\n      --draft %s\n", l.say(wordKeyFile), e.url, d.SHA256)
	fmt.Fprintln(e.out, d.SHA256)
	return nil
}

func nameAnd(name string, o ledger.Orgnr) string {
	if name == "" {
		return string(o)
	}
	return name + ", " + string(o)
}
