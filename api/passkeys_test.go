package api_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"spredning/keys"
	"spredning/ledger"
)

// passkey is one in software.
type passkey struct {
	keys.Public
	sign   func(message []byte) []byte
	rpID   string
	origin string
	flags  byte
}

// newPasskey makes one for localhost.
func newPasskey(t *testing.T, algorithm string) *passkey {
	t.Helper()
	p := &passkey{rpID: "localhost", origin: "http://localhost:8080", flags: 5}
	var cose []byte
	switch algorithm {
	case "ES256":
		secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		noError(t, err)
		point, err := secret.PublicKey.Bytes()
		noError(t, err)
		cose = keys.ES256COSE(point[1:33], point[33:])
		p.sign = func(message []byte) []byte {
			digest := sha256.Sum256(message)
			sig, err := ecdsa.SignASN1(rand.Reader, secret, digest[:])
			noError(t, err)
			return sig
		}
	case "EdDSA":
		public, secret, err := ed25519.GenerateKey(rand.Reader)
		noError(t, err)
		cose = keys.EdDSACOSE(public)
		p.sign = func(message []byte) []byte { return ed25519.Sign(secret, message) }
	}
	var err error
	p.Public, err = keys.Passkey{COSE: cose, ID: []byte("credential " + algorithm), RPID: p.rpID, Origins: []string{p.origin}}.Public()
	noError(t, err)
	return p
}

// assert is what the browser and the authenticator make of a payload that is to be signed.
func (p *passkey) assert(payload []byte) []byte { return p.assertOver(keys.PAE(payload)) }

func (p *passkey) assertOver(message []byte) []byte {
	challenge := sha256.Sum256(message)
	clientData := fmt.Appendf(nil, `{"type":"webauthn.get","challenge":%q,"origin":%q,"crossOrigin":false}`, base64.RawURLEncoding.EncodeToString(challenge[:]), p.origin)
	rp, hash := sha256.Sum256([]byte(p.rpID)), sha256.Sum256(clientData)
	data := append(rp[:], p.flags, 0, 0, 0, 0)
	return keys.Assertion{AuthenticatorData: data, ClientData: clientData, Signature: p.sign(slices.Concat(data, hash[:]))}.Bytes()
}

// envelope is an event signed with the passkey.
func (p *passkey) envelope(e ledger.Event) []byte {
	payload, err := e.Encode()
	if err != nil {
		panic(err)
	}
	return keys.Envelope{Payload: payload, Signatures: []keys.Signature{{KeyID: p.ID(), Sig: p.assert(payload)}}}.Encode()
}

// TestPasskeysSign has passkeys enrolled, publish, and be verified by everyone who may
// have to: the ledger, the program, the check page, and a stranger with the documented
// bytes alone.
func TestPasskeysSign(t *testing.T) {
	w := newWorld(t).found()
	var cases []checkingCase
	for _, algorithm := range []string{"ES256", "EdDSA"} {
		p := newPasskey(t, algorithm)
		w.post(w.sealed(bergen, &ledger.Enrolment{Organisation: bergen, Key: ledger.Key{Scheme: p.Scheme, Public: base64.StdEncoding.EncodeToString(p.Bytes), Roles: []ledger.Role{ledger.Report}, Label: "rådgiver"}}))
		w.post(p.envelope(event(bergen, publication("Signert med "+algorithm))))
		body := w.ok(fmt.Sprintf("/api/v1/events/%d/receipt", w.ledger.Size()-1), nil).body

		r, err := ledger.ParseReceipt(body)
		noError(t, err)
		if _, _, err := r.Verify(w.logKey.String()); err != nil {
			t.Errorf("%s: the program says %v", algorithm, err)
		}
		if err := asAStranger(body); err != nil {
			t.Errorf("%s: a stranger says %v", algorithm, err)
		}
		logKeys := []checkingKey{{w.logKey.String(), 1}}
		cases = append(cases, checkingCase{algorithm, "", string(body), logKeys, []string{}})
		sig := func(t *testing.T, change func([]byte) []byte) string {
			return changed(t, body, inEntry(t, func(e *partEntry) {
				b, err := base64.StdEncoding.DecodeString(e.Signatures[0].Sig)
				noError(t, err)
				e.Signatures[0].Sig = base64.StdEncoding.EncodeToString(change(b))
			}))
		}
		for at := 0; at < 300; at += 7 {
			text := sig(t, func(b []byte) []byte { b[at%len(b)] ^= 1; return b })
			cases = append(cases, checkingCase{fmt.Sprintf("%s, byte %d", algorithm, at), "signatures.wrong", text, logKeys, []string{}})
			if asAStranger([]byte(text)) == nil {
				t.Errorf("%s: a stranger takes it with byte %d changed", algorithm, at)
			}
		}
		cases = append(
			cases,
			checkingCase{algorithm + ", a byte less", "signatures.wrong", sig(t, func(b []byte) []byte { return b[:len(b)-1] }), logKeys, []string{}},
			checkingCase{algorithm + ", a byte more", "signatures.wrong", sig(t, func(b []byte) []byte { return append(b, 0) }), logKeys, []string{}},
			checkingCase{algorithm + ", of nothing", "signatures.wrong", sig(t, func([]byte) []byte { return []byte{0, 0, 0, 0} }), logKeys, []string{}},
		)
	}
	for i, r := range check(t, cases) {
		if r.Fault != cases[i].Fault {
			t.Errorf("%s: the page says %q after %q, want %q", cases[i].Name, r.Fault, r.Steps, cases[i].Fault)
		}
		if err := asTheProgram(cases[i]); (err == nil) != (cases[i].Fault == "") {
			t.Errorf("%s: the program says %v", cases[i].Name, err)
		}
	}
}

// TestPasskeysDoNotSign tries what must be refused.
func TestPasskeysDoNotSign(t *testing.T) {
	w := newWorld(t).found()
	p := newPasskey(t, "ES256")
	roles := []ledger.Role{ledger.Report}
	enrolment := func(o ledger.Orgnr, p *passkey) *ledger.Enrolment {
		return &ledger.Enrolment{Organisation: o, Key: ledger.Key{Scheme: p.Scheme, Public: base64.StdEncoding.EncodeToString(p.Bytes), Roles: roles, Label: "rådgiver"}}
	}
	unknown := event(bergen, publication("Fra en ukjent"))
	w.refused(w.client.submit(p.envelope(unknown)), "unknown_key")
	w.refused(w.client.submit(w.sealed(ahus, enrolment(bergen, p))), "not_authorised")
	w.post(w.sealed(bergen, enrolment(bergen, p)))

	good := event(bergen, publication("God"))
	payload, err := good.Encode()
	noError(t, err)
	other, err := event(bergen, publication("En annen")).Encode()
	noError(t, err)
	for name, change := range map[string]func(p *passkey) (payload, sig []byte){
		"for another event": func(p *passkey) ([]byte, []byte) { return payload, p.assert(other) },
		"at another origin": func(p *passkey) ([]byte, []byte) {
			p.origin = "https://localhost.example"
			return payload, p.assert(payload)
		},
		"for another party":     func(p *passkey) ([]byte, []byte) { p.rpID = "localhost.example"; return payload, p.assert(payload) },
		"the user not verified": func(p *passkey) ([]byte, []byte) { p.flags = 1; return payload, p.assert(payload) },
		"nobody there":          func(p *passkey) ([]byte, []byte) { p.flags = 4; return payload, p.assert(payload) },
		"by another passkey":    func(*passkey) ([]byte, []byte) { return payload, newPasskey(t, "ES256").assert(payload) },
		"a plain signature":     func(*passkey) ([]byte, []byte) { return payload, seededKey(3).Sign(keys.PAE(payload)) },
	} {
		bad := *p
		payload, sig := change(&bad)
		raw := keys.Envelope{Payload: payload, Signatures: []keys.Signature{{KeyID: p.ID(), Sig: sig}}}.Encode()
		if problem := w.refused(w.client.submit(raw), "bad_signature"); problem.Detail == "" {
			t.Errorf("%s: the problem says nothing", name)
		}
	}
	size := w.ledger.Size()
	w.post(p.envelope(good))
	// Replayed, it is the same event and no other; the key says so only once.
	again := w.client.submit(p.envelope(good))
	if again.StatusCode != 200 || w.ledger.Size() != size+1 {
		t.Errorf("replayed: %s, the ledger has %d entries, had %d", again.Status, w.ledger.Size(), size)
	}
	w.post(w.sealed(bergen, &ledger.Revocation{Key: p.ID(), Reason: "left"}))
	w.refused(w.client.submit(p.envelope(event(bergen, publication("Etter at nøkkelen ble trukket tilbake")))), "revoked_key")
}

// asAStranger verifies the only signature in a receipt's entry from what
// docs/passkeys.md says, with the standard library alone.
func asAStranger(receipt []byte) error {
	var r struct {
		Entry string
		Keys  []struct{ Scheme, Public string }
	}
	if err := json.Unmarshal(receipt, &r); err != nil {
		return err
	}
	var e struct {
		Payload     []byte
		PayloadType string
		Signatures  []struct {
			KeyID string
			Sig   []byte
		}
	}
	if err := json.Unmarshal([]byte(r.Entry), &e); err != nil {
		return err
	}
	public, err := base64.StdEncoding.DecodeString(r.Keys[0].Public)
	if err != nil {
		return err
	}
	id := sha256.Sum256(append([]byte(r.Keys[0].Scheme+"\n"), public...))
	if base64.RawURLEncoding.EncodeToString(id[:]) != e.Signatures[0].KeyID || r.Keys[0].Scheme != "webauthn" {
		return fmt.Errorf("the key is not the one that is named")
	}
	take := func(b *[]byte, size int) (part []byte) {
		n := 0
		if len(*b) < size {
			return nil
		}
		if size == 2 {
			n = int(binary.BigEndian.Uint16(*b))
		} else {
			n = int((*b)[0])
		}
		if len(*b) < size+n {
			*b = nil
			return nil
		}
		part, *b = (*b)[size:size+n], (*b)[size+n:]
		return part
	}
	cose, _, rpID := take(&public, 2), take(&public, 2), take(&public, 1)
	origins := map[string]bool{}
	n := public[0]
	for public = public[1:]; n > 0; n-- {
		origins[string(take(&public, 2))] = true
	}
	sig := e.Signatures[0].Sig
	data, client := take(&sig, 2), take(&sig, 2)
	var said struct {
		Type, Challenge, Origin string
		CrossOrigin             bool
		TopOrigin               *string
	}
	if err := json.Unmarshal(client, &said); err != nil {
		return err
	}
	challenge := sha256.Sum256(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(e.Payload), e.Payload))
	rp, hash := sha256.Sum256(rpID), sha256.Sum256(client)
	switch {
	case said.Type != "webauthn.get" || said.Challenge != base64.RawURLEncoding.EncodeToString(challenge[:]) || !origins[said.Origin] || said.CrossOrigin || said.TopOrigin != nil:
		return fmt.Errorf("the client data does not say so: %s", client)
	case len(data) < 37 || !bytes.Equal(data[:32], rp[:]) || data[32]&5 != 5 || data[32]&0x58 == 0x10 || data[32]&0x40 != 0 || (len(data) > 37) != (data[32]&0x80 != 0):
		return fmt.Errorf("the authenticator does not say so: %x", data)
	}
	signed := slices.Concat(data, hash[:])
	switch head := hex.EncodeToString(cose[:10]); {
	case head == "a5010203262001215820" && len(cose) == 77:
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, cose[10:42], cose[45:]))
		if err != nil {
			return err
		}
		if digest := sha256.Sum256(signed); !ecdsa.VerifyASN1(key, digest[:], sig) {
			return fmt.Errorf("the signature is not the key's")
		}
	case head == "a4010103272006215820" && len(cose) == 42:
		if !ed25519.Verify(cose[10:], signed, sig) {
			return fmt.Errorf("the signature is not the key's")
		}
	default:
		return fmt.Errorf("a COSE key of another kind: %x", cose)
	}
	return nil
}
