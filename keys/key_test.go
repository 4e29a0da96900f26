package keys_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"filippo.io/edwards25519"

	"spredning/keys"
)

// The keys and the first signature are those of RFC 8032, 7.1; the ids were
// computed outside of Go, as base64url of SHA-256.
func TestKeyID(t *testing.T) {
	for _, c := range []struct{ seed, public, id string }{
		{
			"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
			"Yy10t7GluZEbe0PplwH74n5yEaCqvoxbIRt1Is1ubJY",
		},
		{
			"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
			"iecS_Z9-G02gjeFQD9HoTBnLbHFgng1Dtoy343tbZmc",
		},
	} {
		k := keys.FromSeed(unhex(t, c.seed))
		if got := hex.EncodeToString(k.Bytes); got != c.public {
			t.Errorf("public key %s, want %s", got, c.public)
		}
		if got := string(k.ID()); got != c.id {
			t.Errorf("id %s, want %s", got, c.id)
		}
		if id, err := keys.ParseID(c.id); err != nil || id != k.ID() {
			t.Errorf("ParseID(%s) = %q, %v", c.id, id, err)
		}
	}
	other := keys.Public{Scheme: "webauthn", Bytes: testKey(1).Bytes}
	if other.ID() == testKey(1).ID() {
		t.Error("keys of two schemes share an id")
	}
}

func TestSignature(t *testing.T) {
	k := keys.FromSeed(unhex(t, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
	want := "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
		"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
	sig := k.Sign(nil)
	if got := hex.EncodeToString(sig); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	if !k.Verify(nil, sig) {
		t.Error("the signature does not verify")
	}
	for name, ok := range map[string]bool{
		"another message": k.Verify([]byte("x"), sig),
		"another key":     testKey(1).Verify(nil, sig),
		"a longer one":    k.Verify(nil, append(slices.Clone(sig), 0)),
		"nothing":         k.Verify(nil, nil),
		"another scheme":  keys.Public{Scheme: "rsa", Bytes: k.Bytes}.Verify(nil, sig),
		"no key":          keys.Public{Scheme: keys.Ed25519}.Verify(nil, sig),
	} {
		if ok {
			t.Errorf("the signature verifies for %s", name)
		}
	}
}

func TestGenerate(t *testing.T) {
	a, errA := keys.Generate()
	b, errB := keys.Generate()
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if a.ID() == b.ID() {
		t.Error("two new keys are the same")
	}
	if err := a.Check(); err != nil {
		t.Errorf("a new key is refused: %v", err)
	}
}

func TestParseID(t *testing.T) {
	for name, s := range map[string]string{
		"empty":           "",
		"short":           anID[1:],
		"long":            anID + "A",
		"padded":          anID[1:] + "=",
		"standard base64": "+" + anID[1:],
		"bits beyond":     anID[1:] + "B",
		"line feed":       anID[1:] + "\n",
		"carriage return": "\r" + anID[1:],
		"line feeds":      anID[4:] + "\n\n\n\n",
		"not ASCII":       anID[2:] + "ø",
	} {
		if id, err := keys.ParseID(s); err == nil || id != "" {
			t.Errorf("%s: ParseID(%q) = %q, %v", name, s, id, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	bad := map[string]keys.Public{
		"no scheme":      {Bytes: testKey(1).Bytes},
		"unknown scheme": {Scheme: "Ed25519", Bytes: testKey(1).Bytes},
		"no bytes":       {Scheme: keys.Ed25519},
		"31 bytes":       {Scheme: keys.Ed25519, Bytes: testKey(1).Bytes[:31]},
		"33 bytes":       {Scheme: keys.Ed25519, Bytes: append(slices.Clone(testKey(1).Bytes), 0)},
		"off the curve":  {Scheme: keys.Ed25519, Bytes: offCurve(t)},
	}
	for _, p := range smallOrder(t) {
		bad["small order "+hex.EncodeToString(p)] = keys.Public{Scheme: keys.Ed25519, Bytes: p}
	}
	for name, p := range bad {
		if err := p.Check(); !errors.Is(err, keys.ErrInvalidKey) {
			t.Errorf("%s: %v, want ErrInvalidKey", name, err)
		}
	}
	if err := testKey(1).Check(); err != nil {
		t.Errorf("a good key: %v", err)
	}
}

// ZIP 215 fixes what other definitions leave open: with S = 0 the equation
// holds for every pair of small-order points, in each of their encodings.
func TestZIP215(t *testing.T) {
	vectors := zip215(t)
	if len(vectors) != 196 {
		t.Fatalf("%d vectors, ZIP 215 has 196", len(vectors))
	}
	stricter := 0
	for i, c := range vectors {
		if !c.Key.Verify(c.Message, c.Sig) {
			t.Errorf("key %x, R %x is refused", c.Key.Bytes, c.Sig[:32])
		}
		if !ed25519.Verify(c.Key.Bytes, c.Message, c.Sig) {
			stricter++
		}
		if batch := vectors[i/14*14 : i/14*14+14]; i%14 == 0 && !keys.VerifyAll(batch) {
			t.Errorf("the batch of key %x is refused", c.Key.Bytes)
		}
	}
	if !keys.VerifyAll(vectors) {
		t.Error("all of them as a batch are refused")
	}
	if stricter == 0 {
		t.Error("crypto/ed25519 takes them all: these vectors prove nothing")
	}
}

// S must be below the group's order, or a signature could be respelt.
func TestMalleableSignature(t *testing.T) {
	k, message := testKey(1), []byte("Zcash")
	sig := k.Sign(message)
	s := new(big.Int).SetBytes(reversed(sig[32:]))
	s.Add(s, order)
	respelt := append(slices.Clone(sig[:32]), reversed(s.FillBytes(make([]byte, 32)))...)
	bad := keys.Check{Key: k.Public, Message: message, Sig: respelt}
	if k.Verify(message, respelt) {
		t.Error("S + L verifies")
	}
	if keys.VerifyAll(append(zip215(t)[:10], bad)) {
		t.Error("S + L verifies in a batch")
	}
}

var (
	prime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	order = fromDecimal("7237005577332262213973186563042994240857116359379907606001950938285454250989")
)

func fromDecimal(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic("not a number: " + s)
	}
	return n
}

// zip215 gives a check for each pair of encodings of small-order points, all
// valid.
func zip215(t *testing.T) []keys.Check {
	t.Helper()
	var checks []keys.Check
	for _, a := range smallOrder(t) {
		for _, r := range smallOrder(t) {
			sig := append(slices.Clone(r), make([]byte, 32)...) // S = 0
			checks = append(checks, keys.Check{Key: keys.Public{Scheme: keys.Ed25519, Bytes: a}, Message: []byte("Zcash"), Sig: sig})
		}
	}
	return checks
}

// smallOrder gives the 14 encodings of the eight points of small order: y or,
// where it fits in 255 bits, y + p, each with both signs of x.
func smallOrder(t *testing.T) [][]byte {
	t.Helper()
	var found []string
	for _, p := range torsion(t) {
		b := p.Bytes()
		b[31] &= 0x7f
		y := new(big.Int).SetBytes(reversed(b))
		for _, y := range []*big.Int{y, new(big.Int).Add(y, prime)} {
			for _, sign := range []byte{0, 0x80} {
				if y.BitLen() > 255 {
					continue
				}
				e := reversed(y.FillBytes(make([]byte, 32)))
				e[31] |= sign
				found = append(found, string(e))
			}
		}
	}
	slices.Sort(found)
	var encodings [][]byte
	for _, e := range slices.Compact(found) {
		encodings = append(encodings, []byte(e))
	}
	if len(encodings) != 14 {
		t.Fatalf("%d encodings of small-order points, there are 14", len(encodings))
	}
	return encodings
}

// torsion gives the eight points of small order: the multiples of one of order
// eight, which is L times a point that has such a part.
func torsion(t *testing.T) []*edwards25519.Point {
	t.Helper()
	for y := range byte(255) {
		p, err := new(edwards25519.Point).SetBytes(append([]byte{y}, make([]byte, 31)...))
		if err != nil {
			continue
		}
		// L - 1 is the largest scalar; the last time is added.
		generator := new(edwards25519.Point).ScalarMult(minusOne(), p)
		generator.Add(generator, p)
		points := []*edwards25519.Point{edwards25519.NewIdentityPoint()}
		for next := generator; next.Equal(points[0]) == 0; next = new(edwards25519.Point).Add(next, generator) {
			points = append(points, next)
		}
		if len(points) == 8 {
			return points
		}
	}
	t.Fatal("no point of order eight")
	return nil
}

func minusOne() *edwards25519.Scalar {
	one, err := new(edwards25519.Scalar).SetCanonicalBytes(append([]byte{1}, make([]byte, 31)...))
	if err != nil {
		panic(err)
	}
	return one.Negate(one)
}

// offCurve gives 32 bytes that encode no point: about half of all do.
func offCurve(t *testing.T) []byte {
	t.Helper()
	for y := range byte(255) {
		b := append([]byte{y}, make([]byte, 31)...)
		if _, err := new(edwards25519.Point).SetBytes(b); err != nil {
			return b
		}
	}
	t.Fatal("every y is on the curve")
	return nil
}

func reversed(b []byte) []byte {
	b = slices.Clone(b)
	slices.Reverse(b)
	return b
}

// Errors tell a user what to do, not only that something is wrong.
func TestCheckNamesTheFault(t *testing.T) {
	short := keys.Public{Scheme: keys.Ed25519, Bytes: make([]byte, 3)}
	if err := short.Check(); err == nil || !strings.Contains(err.Error(), "32 bytes, this one 3") {
		t.Errorf("three bytes: %v", err)
	}
	unknown := keys.Public{Scheme: "dsa"}
	if err := unknown.Check(); err == nil || !strings.Contains(err.Error(), `"dsa"`) {
		t.Errorf("unknown scheme: %v", err)
	}
}
