// Package passkeys has go-webauthn, which nobody here wrote, verify what this ledger
// takes for signatures of passkeys, from the bytes that docs/passkeys.md tells of.
package passkeys

import (
	"bytes"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"

	"spredning/keys"
)

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ours(a authenticator, message, sig []byte) bool {
	return keys.Public{Scheme: keys.WebAuthn, Bytes: a.public}.Verify(message, sig)
}

// All that is said is signed anew in each of these. Where the two differ it is written
// why that is right.
func TestBothSayTheSame(t *testing.T) {
	message := pae([]byte(`{"an":"event"}`))
	whole := cborMap(t)
	for algorithm, a := range authenticators(t) {
		for _, c := range []struct {
			name       string
			change     func(*said)
			ours, them bool
			why        string // they differ
		}{
			{"as it is", func(*said) {}, true, true, ""},
			{"at the other origin", func(s *said) { s.origin = a.Origins[1] }, true, true, ""},
			{"without crossOrigin", func(s *said) { s.after = "" }, true, true, ""},
			{"with members to come", func(s *said) { s.after += `,"new":{"a":[1]}` }, true, true, ""},
			{"a passkey that is backed up", func(s *said) { s.flags |= eligible | backedUp }, true, true, ""},
			{"with a reserved flag", func(s *said) { s.flags |= reserved }, true, true, ""},
			{"with extensions", func(s *said) { s.flags |= extensions; s.data = whole }, true, true, ""},

			{"type: a registration", func(s *said) { s.typ = "webauthn.create" }, false, false, ""},
			{"type: a payment", func(s *said) { s.typ = "payment.get" }, false, false, ""},
			{"type: none", func(s *said) { s.typ = "" }, false, false, ""},
			{"challenge: of another event", func(s *said) { s.challenge = challenge([]byte("another")) }, false, false, ""},
			{"challenge: padded", func(s *said) { s.challenge += "=" }, false, false, ""},
			{"challenge: none", func(s *said) { s.challenge = "" }, false, false, ""},
			{"challenge: shortened", func(s *said) { s.challenge = s.challenge[:42] }, false, false, ""},
			{"origin: another", func(s *said) { s.origin = "https://spredning.example.evil.example" }, false, false, ""},
			{"origin: below", func(s *said) { s.origin = "https://below.spredning.example" }, false, false, ""},
			{"origin: without TLS", func(s *said) { s.origin = "http://spredning.example" }, false, false, ""},
			{"origin: another port", func(s *said) { s.origin += ":8443" }, false, false, ""},
			{"origin: none", func(s *said) { s.origin = "" }, false, false, ""},
			{"in a frame of another", func(s *said) { s.after = `,"crossOrigin":true` }, false, false, ""},
			{"in a frame of another that is named", func(s *said) { s.after = `,"crossOrigin":true,"topOrigin":"https://evil.example"` }, false, false, ""},
			{"in no frame, but of another", func(s *said) { s.after = `,"topOrigin":"https://evil.example"` }, false, false, ""},
			{"client data: no JSON", func(s *said) { s.after = `,` }, false, false, ""},
			{"client data: more than one value", func(s *said) { s.after += `}{` }, false, false, ""},
			{"client data: crossOrigin of a number", func(s *said) { s.after = `,"crossOrigin":0` }, false, false, ""},
			{"rpIdHash: of another", func(s *said) { s.rpID = "evil.example" }, false, false, ""},
			{"rpIdHash: of one below", func(s *said) { s.rpID = "www.spredning.example" }, false, false, ""},
			{"UP: nobody there", func(s *said) { s.flags &^= present }, false, false, ""},
			{"UV: not verified", func(s *said) { s.flags &^= verified }, false, false, ""},
			{"length: no flags", func(s *said) { s.flags, s.counter = 0, nil }, false, false, ""},
			{"length: no counter", func(s *said) { s.counter = nil }, false, false, ""},
			{"length: a counter of three bytes", func(s *said) { s.counter = s.counter[1:] }, false, false, ""},
			{"extra bytes that no flag tells of", func(s *said) { s.data = whole }, false, false, ""},
			{"extensions that are not there", func(s *said) { s.flags |= extensions }, false, false, ""},
			{"credential data that is not there", func(s *said) { s.flags |= credential }, false, false, ""},
			{"counter: 0", func(s *said) { s.counter = make([]byte, 4) }, true, true, ""}, // neither is told the last one
			{"counter: the highest", func(s *said) { s.counter = bytes.Repeat([]byte{255}, 4) }, true, true, ""},
			{"signature: by another key", func(s *said) { s.sign = another(t, algorithm).sign }, false, false, ""},
			{"signature: by a key of the other algorithm", func(s *said) {
				s.sign = another(t, map[string]string{"ES256": "EdDSA", "EdDSA": "ES256"}[algorithm]).sign
			}, false, false, ""},
			{"signature: none", func(s *said) { s.sign = func([]byte) []byte { return nil } }, false, false, ""},
			{"signature: a byte more", func(s *said) { s.sign = func(b []byte) []byte { return append(a.sign(b), 0) } }, false, false, ""},
			{"signature: zeros", func(s *said) { s.sign = func(b []byte) []byte { return make([]byte, len(a.sign(b))) } }, false, false, ""},

			{"origin: with a slash", func(s *said) { s.origin += "/" }, false, true, "an origin has no path (WebAuthn 5.8.1, HTML's serialisation); they compare scheme and host"},
			{"origin: with a path", func(s *said) { s.origin += "/evil" }, false, true, "the same"},
			{"origin: with the usual port", func(s *said) { s.origin += ":443" }, false, true, "serialised, an origin has no usual port"},
			{"origin: with a user", func(s *said) { s.origin = "https://evil@spredning.example" }, false, true, "serialised, an origin has no user"},
			{"origin: in capitals", func(s *said) { s.origin = "https://SPREDNING.example" }, false, true, "browsers write it in lower case"},
			{"type: under another member's name", func(s *said) { s.typ = "x"; s.after += `,"Type":"webauthn.get"` }, false, true, "members differ by case; Go's encoding/json takes either, and the last"},
			{"origin: twice", func(s *said) { s.before = `"origin":"https://evil.example",` }, false, true, "which of two counts is anyone's guess; they take the last"},
			{"client data: not UTF-8", func(s *said) { s.after += ",\"x\":\"\xff\"" }, false, true, "JSON is UTF-8 (RFC 8259, 8.1); they read U+FFFD"},
			{"topOrigin: empty", func(s *said) { s.after += `,"topOrigin":""` }, false, true, "it stands only in frames of others (WebAuthn 5.8.1)"},
			{"topOrigin: null", func(s *said) { s.after += `,"topOrigin":null` }, false, true, "the same"},
			{"client data: 4,097 bytes or more", func(s *said) { s.after += `,"x":"` + strings.Repeat("x", 4096) + `"` }, false, true, "entries have bounds; a browser's is a few hundred bytes"},
			{"extensions: 1,025 bytes or more", func(s *said) { s.flags |= extensions; s.data = cborText(1024) }, false, true, "entries have bounds"},
			{"backed up though it cannot be", func(s *said) { s.flags |= backedUp }, false, true, "WebAuthn 7.2 refuses it; they look later, in ValidateLogin"},
			{"with credential data", func(s *said) { s.flags |= credential; s.data = credentialData(a) }, false, true, "assertions have none (WebAuthn 6.1)"},
			{"extensions: no CBOR", func(s *said) { s.flags |= extensions; s.data = []byte{0xff} }, true, false, "nothing is read from extensions, so no CBOR is parsed; the authenticator signed the bytes"},
			{"extensions: more than a map", func(s *said) { s.flags |= extensions; s.data = append(bytes.Clone(whole), 0) }, true, false, "the same"},
			{"with token binding of no known status", func(s *said) { s.after += `,"tokenBinding":{"status":"x"}` }, true, false, "level 3 has no such member, and others may stand there"},
			{"signature: its other way", func(s *said) { s.sign = a.other }, true, algorithm == "ES256", map[string]string{
				// FIPS 186-5 takes (r, n-s) too.
				"EdDSA": "ZIP 215 says the same everywhere, also in batches; of RFC 8032's two equations Go checks the narrower. Only who has the key can make one",
			}[algorithm]},
		} {
			s := a.says(message)
			c.change(&s)
			sig := s.assertion()
			got, err := ours(a, message, sig), theirs(a.public, message, sig)
			if got != c.ours || (err == nil) != c.them {
				t.Errorf("%s, %s: we say %v, they say %v", algorithm, c.name, got, err)
			}
			if (c.ours != c.them) != (c.why != "") {
				t.Errorf("%s, %s: it is not written why, or there is nothing to write", algorithm, c.name)
			}
		}
	}
}

// A signature in another encoding is none.
func TestSignaturesHaveOneForm(t *testing.T) {
	message := pae([]byte(`{"an":"event"}`))
	a := newES256(t)
	for name, form := range map[string]func(rs pair) []byte{
		"r and s of 32 bytes": func(rs pair) []byte {
			return append(rs.R.FillBytes(make([]byte, 32)), rs.S.FillBytes(make([]byte, 32))...)
		},
		"s beyond the order": func(rs pair) []byte { rs.S.Add(rs.S, order); return der(t, rs) },
		"s negative":         func(rs pair) []byte { rs.S.Neg(rs.S); return der(t, rs) },
		"a length in long form": func(rs pair) []byte {
			short := der(t, rs)
			return slices.Concat([]byte{0x30, 0x81}, short[1:])
		},
		"a third integer": func(rs pair) []byte {
			b, err := asn1.Marshal(struct{ R, S, X *big.Int }{rs.R, rs.S, big.NewInt(1)})
			noError(t, err)
			return b
		},
	} {
		s := a.says(message)
		s.sign = func(b []byte) []byte { return form(integers(t, a.sign(b))) }
		if sig := s.assertion(); ours(a, message, sig) || theirs(a.public, message, sig) == nil {
			t.Errorf("%s: we say %v, they say %v", name, ours(a, message, sig), theirs(a.public, message, sig))
		}
	}
}

// Whatever is changed after it was signed, both refuse.
func TestNothingCanBeChanged(t *testing.T) {
	message := pae([]byte(`{"an":"event"}`))
	for algorithm, a := range authenticators(t) {
		whole := a.says(message).assertion()
		refused := func(what string, k int, message, sig []byte) {
			if err := theirs(a.public, message, sig); ours(a, message, sig) || err == nil {
				t.Errorf("%s, %s %d: we say %v, they say %v", algorithm, what, k, ours(a, message, sig), err)
			}
		}
		for k := range whole {
			for bit := range 8 {
				harmed := bytes.Clone(whole)
				harmed[k] ^= 1 << bit
				refused("a bit of byte", k, message, harmed)
			}
			refused("up to byte", k, message, whole[:k])
		}
		refused("more than byte", len(whole), message, append(bytes.Clone(whole), 0))
		for k := range message {
			harmed := bytes.Clone(message)
			harmed[k] ^= 1
			refused("the message's byte", k, harmed, whole)
		}
	}
}

func another(t *testing.T, algorithm string) authenticator { return authenticators(t)[algorithm] }
