package keys_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"spredning/keys"
)

// authenticator is a passkey in software.
type authenticator struct {
	keys.Passkey
	sign func(message []byte) []byte
}

func es256Authenticator(t testing.TB) authenticator {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := secret.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return authenticator{at(keys.ES256COSE(point[1:33], point[33:])), func(message []byte) []byte {
		digest := sha256.Sum256(message)
		sig, err := ecdsa.SignASN1(rand.Reader, secret, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}}
}

func eddsaAuthenticator(t testing.TB) authenticator {
	t.Helper()
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return authenticator{at(keys.EdDSACOSE(public)), func(message []byte) []byte { return ed25519.Sign(secret, message) }}
}

// at is a passkey for two addresses.
func at(cose []byte) keys.Passkey {
	return keys.Passkey{
		COSE: cose, ID: []byte("credential"), RPID: "spredning.example",
		Origins: []string{"https://spredning.example", "https://www.spredning.example:8443"},
	}
}

// said is what goes into an assertion.
type said struct {
	typ, challenge, origin, more string
	rpID                         string
	flags                        byte
	after                        []byte // the authenticator data's head
}

func (a authenticator) says(message []byte) said {
	h := sha256.Sum256(message)
	return said{typ: "webauthn.get", challenge: base64.RawURLEncoding.EncodeToString(h[:]), origin: a.Origins[0], more: `,"crossOrigin":false`, rpID: a.RPID, flags: 1<<0 | 1<<2}
}

func (a authenticator) asserts(s said) keys.Assertion {
	rp := sha256.Sum256([]byte(s.rpID))
	out := keys.Assertion{
		AuthenticatorData: slices.Concat(rp[:], []byte{s.flags, 0, 0, 0, 7}, s.after),
		ClientData:        []byte(`{"type":"` + s.typ + `","challenge":"` + s.challenge + `","origin":"` + s.origin + `"` + s.more + `}`),
	}
	hash := sha256.Sum256(out.ClientData)
	out.Signature = a.sign(slices.Concat(out.AuthenticatorData, hash[:]))
	return out
}

// Everything that an assertion says is signed anew in each of these: only what is said is
// wrong.
func TestPasskeys(t *testing.T) {
	message := []byte("what is signed")
	for name, a := range map[string]authenticator{"ES256": es256Authenticator(t), "EdDSA": eddsaAuthenticator(t)} {
		public, err := a.Public()
		if err != nil {
			t.Fatal(err)
		}
		if err := public.Check(); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name   string
			change func(*said)
			good   bool
		}{
			{"as it is", func(*said) {}, true},
			{"at the other origin", func(s *said) { s.origin = a.Origins[1] }, true},
			{"without crossOrigin", func(s *said) { s.more = "" }, true},
			{"with members to come", func(s *said) { s.more += `,"new":{"a":[1]}` }, true},
			{"a passkey that is backed up", func(s *said) { s.flags |= 1<<3 | 1<<4 }, true},
			{"with extensions", func(s *said) { s.flags |= 1 << 7; s.after = []byte{0xa0} }, true},
			{"a registration", func(s *said) { s.typ = "webauthn.create" }, false},
			{"a payment", func(s *said) { s.typ = "payment.get" }, false},
			{"another message", func(s *said) { s.challenge = a.says([]byte("another")).challenge }, false},
			{"the challenge padded", func(s *said) { s.challenge += "=" }, false},
			{"no challenge", func(s *said) { s.challenge = "" }, false},
			{"another origin", func(s *said) { s.origin = "https://spredning.example.evil.example" }, false},
			{"the origin without TLS", func(s *said) { s.origin = "http://spredning.example" }, false},
			{"the origin with a slash", func(s *said) { s.origin += "/" }, false},
			{"in a frame of another", func(s *said) { s.more = `,"crossOrigin":true` }, false},
			{"in a frame of another that is named", func(s *said) { s.more = `,"topOrigin":"https://evil.example"` }, false},
			{"origin twice", func(s *said) { s.more = `,"origin":"https://evil.example"` }, false},
			{"type in capitals", func(s *said) { s.more = `,"Type":"webauthn.get"`; s.typ = "x" }, false},
			{"no JSON", func(s *said) { s.more = `,` }, false},
			{"another relying party", func(s *said) { s.rpID = "evil.example" }, false},
			{"nobody there", func(s *said) { s.flags &^= 1 << 0 }, false},
			{"the user not verified", func(s *said) { s.flags &^= 1 << 2 }, false},
			{"backed up though it cannot be", func(s *said) { s.flags |= 1 << 4 }, false},
			{"the data of a registration", func(s *said) { s.flags |= 1 << 6; s.after = make([]byte, 90) }, false},
			{"extensions that are not there", func(s *said) { s.flags |= 1 << 7 }, false},
			{"more than is told", func(s *said) { s.after = []byte{0xa0} }, false},
			{"extensions beyond measure", func(s *said) { s.flags |= 1 << 7; s.after = make([]byte, 1024) }, false},
			{"client data beyond measure", func(s *said) { s.more = `,"x":"` + strings.Repeat("x", 4096) + `"` }, false},
		} {
			s := a.says(message)
			c.change(&s)
			if got := public.Verify(message, a.asserts(s).Bytes()); got != c.good {
				t.Errorf("%s, %s: %v", name, c.name, got)
			}
		}

		good := a.asserts(a.says(message))
		whole := good.Bytes()
		if public.Verify([]byte("something else"), whole) {
			t.Errorf("%s: it is a signature of something else too", name)
		}
		for k := range whole {
			harmed := bytes.Clone(whole)
			harmed[k] ^= 1
			if public.Verify(message, harmed) {
				t.Errorf("%s: byte %d can be changed", name, k)
			}
			if public.Verify(message, whole[:k]) {
				t.Errorf("%s: the first %d bytes are enough", name, k)
			}
		}
		if public.Verify(message, append(bytes.Clone(whole), 0)) {
			t.Errorf("%s: a byte more", name)
		}
		other := es256Authenticator(t)
		if name == "EdDSA" {
			other = eddsaAuthenticator(t)
		}
		if public.Verify(message, other.asserts(other.says(message)).Bytes()) {
			t.Errorf("%s: another's passkey signs for it", name)
		}
		if plain := (keys.Public{Scheme: keys.Ed25519, Bytes: public.Bytes}); plain.Check() == nil || plain.Verify(message, whole) {
			t.Errorf("%s: it passes for a plain key", name)
		}
	}
}

func TestPasskeysHaveOneForm(t *testing.T) {
	a := es256Authenticator(t)
	public, err := a.Public()
	if err != nil {
		t.Fatal(err)
	}
	again, err := keys.ParsePasskey(public.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := again.Public(); err != nil || !bytes.Equal(back.Bytes, public.Bytes) {
		t.Errorf("read and written it is %x, %v", back.Bytes, err)
	}
	for k := range public.Bytes {
		if (keys.Public{Scheme: keys.WebAuthn, Bytes: public.Bytes[:k]}).Check() == nil {
			t.Errorf("the first %d bytes are a key", k)
		}
	}
	if (keys.Public{Scheme: keys.WebAuthn, Bytes: append(bytes.Clone(public.Bytes), 0)}).Check() == nil {
		t.Error("a byte more is a key")
	}
	identity := make([]byte, 32)
	identity[0] = 1
	for name, change := range map[string]func(*keys.Passkey){
		"no point of P-256":              func(p *keys.Passkey) { p.COSE[20] ^= 1 },
		"another algorithm":              func(p *keys.Passkey) { p.COSE[4] ^= 1 },
		"y under another label":          func(p *keys.Passkey) { p.COSE[42] ^= 1 },
		"a COSE key with a byte more":    func(p *keys.Passkey) { p.COSE = append(p.COSE, 0) },
		"an Ed25519 key of small order":  func(p *keys.Passkey) { p.COSE = keys.EdDSACOSE(identity) },
		"an Ed25519 key of 31 bytes":     func(p *keys.Passkey) { p.COSE = keys.EdDSACOSE(identity[1:]) },
		"no key":                         func(p *keys.Passkey) { p.COSE = nil },
		"no credential id":               func(p *keys.Passkey) { p.ID = nil },
		"a credential id of 1,024 bytes": func(p *keys.Passkey) { p.ID = make([]byte, 1024) },
		"no relying party":               func(p *keys.Passkey) { p.RPID = "" },
		"a relying party in capitals":    func(p *keys.Passkey) { p.RPID = "Spredning.example" },
		"a relying party with a port":    func(p *keys.Passkey) { p.RPID = "spredning.example:443" },
		"a relying party that is an address": func(p *keys.Passkey) {
			p.RPID, p.Origins = "127.0.0.1", []string{"https://127.0.0.1"}
		},
		"a longer relying party than is": func(p *keys.Passkey) {
			p.RPID = strings.Repeat("abcdefg.", 40) + "example"
			p.Origins = []string{"https://" + p.RPID}
		},
		"no origin":                       func(p *keys.Passkey) { p.Origins = nil },
		"too many origins":                func(p *keys.Passkey) { p.Origins = manyOrigins(9) },
		"origins out of order":            func(p *keys.Passkey) { slices.Reverse(p.Origins) },
		"an origin twice":                 func(p *keys.Passkey) { p.Origins[1] = p.Origins[0] },
		"an origin elsewhere":             func(p *keys.Passkey) { p.Origins = []string{"https://notspredning.example"} },
		"an origin above":                 func(p *keys.Passkey) { p.Origins = []string{"https://example"} },
		"an origin without TLS":           func(p *keys.Passkey) { p.Origins = []string{"http://spredning.example"} },
		"an origin with a path":           func(p *keys.Passkey) { p.Origins = []string{"https://spredning.example/"} },
		"an origin with the usual port":   func(p *keys.Passkey) { p.Origins = []string{"https://spredning.example:443"} },
		"an origin with port 08443":       func(p *keys.Passkey) { p.Origins = []string{"https://spredning.example:08443"} },
		"an origin with an empty port":    func(p *keys.Passkey) { p.Origins = []string{"https://spredning.example:"} },
		"an origin with a port too large": func(p *keys.Passkey) { p.Origins = []string{"https://spredning.example:65536"} },
		"an origin that is a name alone":  func(p *keys.Passkey) { p.Origins = []string{"spredning.example"} },
		"an origin with a user":           func(p *keys.Passkey) { p.Origins = []string{"https://x@spredning.example"} },
	} {
		p := a.Passkey
		p.COSE, p.Origins = bytes.Clone(p.COSE), slices.Clone(p.Origins)
		change(&p)
		if _, err := p.Public(); !errors.Is(err, keys.ErrInvalidKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, origins := range [][]string{{"http://localhost:8080"}, {"http://localhost"}, {"https://localhost"}} {
		p := a.Passkey
		p.RPID, p.Origins = "localhost", origins
		if _, err := p.Public(); err != nil {
			t.Errorf("%q: %v", origins, err)
		}
	}
	p := a.Passkey
	if p.Origins = manyOrigins(8); !slices.IsSorted(p.Origins) {
		t.Fatal("the origins are not in order")
	}
	if _, err := p.Public(); err != nil {
		t.Error(err)
	}
}

func manyOrigins(n int) (all []string) {
	for k := range n {
		all = append(all, "https://"+string(rune('a'+k))+".spredning.example")
	}
	return all
}

// TestVectorsOfTheStandard tries the assertions of W3C Web Authentication level 3, 16.2,
// 16.3 and 16.11: their signatures hold. They are no signatures of this scheme, for nobody verified
// the user, and their challenges are no message's hash.
func TestVectorsOfTheStandard(t *testing.T) {
	for _, v := range []struct{ name, x, y, authenticatorData, clientData, signature string }{
		{
			"16.2", "afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61", "930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
			"bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000",
			"7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
			"3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87",
		},
		{
			"16.3", "eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5", "927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2",
			"bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50900000000",
			"7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a225248696843784e534e493352594d45314f7731476d3132786e726b634a5f6666707637546e2d4a71386773222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a206754623533727a36456853576f6d58477a696d433151227d",
			"304402203310b9431903c401f1be2bdc8d23a4007682dbbddcf846994947b7f465daf84002204e94dd00047b316061b3b99772b7efd95994a83ef584b3b6b825ea3550251b66",
		},
		{
			"16.11", "44e06ddd331c36a8dc667bab52bcae63486c916aa5e339e6acebaa84934bf832", "",
			"bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50100000000",
			"7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a2269566c583442786a4f6d6d44534b4c596f7870557439736e364d48454f7943413135726947514a6e763949222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
			"f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cfdfc48f85393bc0d40b011f0d6fecb097d6607525713223a0dc0d453993dae00b",
		},
	} {
		decoded := func(s string) []byte {
			b, err := hex.DecodeString(s)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		cose := keys.ES256COSE(decoded(v.x), decoded(v.y))
		if v.y == "" {
			cose = keys.EdDSACOSE(decoded(v.x))
		}
		a := keys.Assertion{AuthenticatorData: decoded(v.authenticatorData), ClientData: decoded(v.clientData), Signature: decoded(v.signature)}
		if !a.SignedBy(cose) {
			t.Errorf("%s: the signature does not hold", v.name)
		}
		for _, part := range [][]byte{a.AuthenticatorData, a.ClientData, a.Signature} {
			part[len(part)/2] ^= 1
			if a.SignedBy(cose) {
				t.Errorf("%s: it holds with a bit changed", v.name)
			}
			part[len(part)/2] ^= 1
		}
		public, err := keys.Passkey{COSE: cose, ID: []byte{1}, RPID: "example.org", Origins: []string{"https://example.org"}}.Public()
		if err != nil || public.Verify(nil, a.Bytes()) {
			t.Errorf("%s: it passes, %v", v.name, err)
		}
	}
}

func FuzzPasskey(f *testing.F) {
	a := es256Authenticator(f)
	public, err := a.Public()
	if err != nil {
		f.Fatal(err)
	}
	message := []byte("what is signed")
	f.Add(public.Bytes, a.asserts(a.says(message)).Bytes())
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, public, sig []byte) {
		p, err := keys.ParsePasskey(public)
		if err == nil {
			back, err := p.Public()
			if err != nil || !bytes.Equal(back.Bytes, public) {
				t.Errorf("%x is read, and written as %x, %v", public, back.Bytes, err)
			}
		}
		if a, ok := keys.ParseAssertion(sig); ok && !bytes.Equal(a.Bytes(), sig) {
			t.Errorf("%x is read, and written as %x", sig, a.Bytes())
		}
		(keys.Public{Scheme: keys.WebAuthn, Bytes: public}).Verify(message, sig)
	})
}

func BenchmarkVerifyPasskey(b *testing.B) {
	message := []byte("what is signed")
	for name, a := range map[string]authenticator{"ES256": es256Authenticator(b), "EdDSA": eddsaAuthenticator(b)} {
		b.Run(name, func(b *testing.B) {
			public, err := a.Public()
			if err != nil {
				b.Fatal(err)
			}
			sig := a.asserts(a.says(message)).Bytes()
			for b.Loop() {
				if !public.Verify(message, sig) {
					b.Fatal("it does not hold")
				}
			}
		})
	}
	b.Run("baseline: plain Ed25519", func(b *testing.B) {
		key := testKey(1)
		sig := key.Sign(message)
		for b.Loop() {
			if !key.Verify(message, sig) {
				b.Fatal("it does not hold")
			}
		}
	})
}
