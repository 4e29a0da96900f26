package passkeys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"slices"
	"testing"

	"filippo.io/edwards25519"

	"spredning/keys"
)

// authenticator is a passkey in software.
type authenticator struct {
	keys.Passkey
	public []byte // as it is enrolled
	sign   func(message []byte) []byte
	other  func(message []byte) []byte // the same key's other way to sign
}

func authenticators(t *testing.T) map[string]authenticator {
	t.Helper()
	return map[string]authenticator{"ES256": newES256(t), "EdDSA": newEdDSA(t)}
}

// newES256 makes a passkey on P-256. Its other signature has the other s.
func newES256(t *testing.T) authenticator {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	noError(t, err)
	point, err := secret.PublicKey.Bytes()
	noError(t, err)
	sign := func(message []byte) []byte {
		digest := sha256.Sum256(message)
		sig, err := ecdsa.SignASN1(rand.Reader, secret, digest[:])
		noError(t, err)
		return sig
	}
	other := func(message []byte) []byte {
		rs := integers(t, sign(message))
		rs.S.Sub(order, rs.S)
		return der(t, rs)
	}
	return enrolled(t, keys.ES256COSE(point[1:33], point[33:]), sign, other)
}

// pair is an ECDSA signature.
type pair struct{ R, S *big.Int }

var order = elliptic.P256().Params().N

func integers(t *testing.T, sig []byte) (rs pair) {
	t.Helper()
	_, err := asn1.Unmarshal(sig, &rs)
	noError(t, err)
	return rs
}

func der(t *testing.T, rs pair) []byte {
	t.Helper()
	b, err := asn1.Marshal(rs)
	noError(t, err)
	return b
}

// newEdDSA makes a passkey on Ed25519. Its other signature has a point outside the
// group's prime part, which ZIP 215 lets pass.
func newEdDSA(t *testing.T) authenticator {
	t.Helper()
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	noError(t, err)
	expanded := sha512.Sum512(secret.Seed())
	a, err := edwards25519.NewScalar().SetBytesWithClamping(expanded[:32])
	noError(t, err)
	order8, err := hex.DecodeString("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
	noError(t, err)
	torsion, err := new(edwards25519.Point).SetBytes(order8)
	noError(t, err)
	hashed := func(parts ...[]byte) *edwards25519.Scalar {
		h := sha512.Sum512(slices.Concat(parts...))
		s, err := edwards25519.NewScalar().SetUniformBytes(h[:])
		noError(t, err)
		return s
	}
	other := func(message []byte) []byte {
		r := hashed(expanded[32:], message)
		point := new(edwards25519.Point).ScalarBaseMult(r)
		point.Add(point, torsion)
		k := hashed(point.Bytes(), public, message)
		return append(point.Bytes(), k.MultiplyAdd(k, a, r).Bytes()...)
	}
	return enrolled(t, keys.EdDSACOSE(public), func(message []byte) []byte { return ed25519.Sign(secret, message) }, other)
}

func enrolled(t *testing.T, cose []byte, sign, other func([]byte) []byte) authenticator {
	t.Helper()
	a := authenticator{sign: sign, other: other, Passkey: keys.Passkey{
		COSE: cose, ID: []byte("credential"), RPID: "spredning.example",
		Origins: []string{"https://spredning.example", "https://www.spredning.example:8443"},
	}}
	public, err := a.Public()
	noError(t, err)
	a.public = public.Bytes
	return a
}

// said is what goes into an assertion, and how it is signed.
type said struct {
	before                 string // members of the client data, each with its comma
	typ, challenge, origin string
	after                  string // with commas before each
	rpID                   string
	flags                  byte
	counter                []byte
	data                   []byte // what follows the authenticator data's head
	sign                   func([]byte) []byte
}

func (a authenticator) says(message []byte) said {
	return said{
		typ: "webauthn.get", challenge: challenge(message), origin: a.Origins[0], after: `,"crossOrigin":false`,
		rpID: a.RPID, flags: present | verified, counter: []byte{0, 0, 0, 7}, sign: a.sign,
	}
}

func challenge(message []byte) string {
	h := sha256.Sum256(message)
	return base64.RawURLEncoding.EncodeToString(h[:])
}

// Flags of authenticator data (WebAuthn 6.1).
const (
	present    = 1 << 0
	reserved   = 1 << 1
	verified   = 1 << 2
	eligible   = 1 << 3
	backedUp   = 1 << 4
	credential = 1 << 6
	extensions = 1 << 7
)

// assertion makes one that says this, as it stands in an envelope.
func (s said) assertion() []byte {
	rp := sha256.Sum256([]byte(s.rpID))
	a := keys.Assertion{
		AuthenticatorData: slices.Concat(rp[:], []byte{s.flags}, s.counter, s.data),
		ClientData:        []byte(`{` + s.before + `"type":"` + s.typ + `","challenge":"` + s.challenge + `","origin":"` + s.origin + `"` + s.after + `}`),
	}
	hash := sha256.Sum256(a.ClientData)
	a.Signature = s.sign(slices.Concat(a.AuthenticatorData, hash[:]))
	return a.Bytes()
}
