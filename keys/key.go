package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"filippo.io/edwards25519"
	"github.com/hdevalence/ed25519consensus"
)

// Ed25519 is the scheme of plain Ed25519 keys: the public bytes are the 32
// bytes of RFC 8032, a signature is valid when ZIP 215 says so. ZIP 215 is a
// superset of what OpenSSL and WebCrypto accept: they refuse a few encodings
// that no honest signer makes.
const Ed25519 = "ed25519"

// ErrInvalidKey is wrapped by every error about public bytes or key files that
// are not a usable key.
var ErrInvalidKey = errors.New("invalid key")

// ErrUnknownScheme is wrapped, with ErrInvalidKey, for a key of a scheme that
// is not known.
var ErrUnknownScheme = errors.New("unknown scheme")

// Public is a public key: a scheme and the bytes which that scheme defines.
type Public struct {
	Scheme string
	Bytes  []byte
}

// ID is a key id: 43 characters of base64url without padding, the SHA-256 of
// the scheme, a newline and the public bytes.
type ID string

// scheme is what one signature scheme must answer.
type scheme struct {
	check  func(public []byte) error
	verify func(public, message, sig []byte) bool
}

// schemes lists the signature schemes by name. It is the one place that knows
// them.
var schemes = map[string]scheme{
	Ed25519: {checkEd25519, func(public, message, sig []byte) bool {
		return ed25519consensus.Verify(public, message, sig)
	}},
	WebAuthn: {checkWebAuthn, verifyWebAuthn},
}

// ID gives the key's id.
func (p Public) ID() ID {
	h := sha256.New()
	h.Write([]byte(p.Scheme))
	h.Write([]byte("\n"))
	h.Write(p.Bytes)
	return ID(base64.RawURLEncoding.EncodeToString(h.Sum(nil)))
}

// Check says why a key cannot be enrolled: an unknown scheme, bytes that are
// not a key of it, or a key whose signatures prove nothing. The error wraps
// ErrInvalidKey.
func (p Public) Check() error {
	s, ok := schemes[p.Scheme]
	if !ok {
		return fmt.Errorf("%w: %w %q", ErrInvalidKey, ErrUnknownScheme, p.Scheme)
	}
	return s.check(p.Bytes)
}

// Verify reports whether sig is the key's signature over message.
func (p Public) Verify(message, sig []byte) bool {
	s, ok := schemes[p.Scheme]
	return ok && s.verify(p.Bytes, message, sig)
}

// checkEd25519 refuses what is no curve point and the points of small order,
// for which a signature over one message is valid for others too.
func checkEd25519(public []byte) error {
	if len(public) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: an ed25519 key has 32 bytes, this one %d", ErrInvalidKey, len(public))
	}
	point, err := new(edwards25519.Point).SetBytes(public)
	if err != nil {
		return fmt.Errorf("%w: not a point of edwards25519", ErrInvalidKey)
	}
	if point.MultByCofactor(point).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return fmt.Errorf("%w: a point of small order", ErrInvalidKey)
	}
	return nil
}

// ParseID checks that s has the form of a key id.
func ParseID(s string) (ID, error) {
	if len(s) != 43 {
		return "", fmt.Errorf("a key id has 43 characters, this one %d", len(s))
	}
	// The decoder passes over line breaks; with them fewer bytes are left.
	if b, err := base64.RawURLEncoding.Strict().DecodeString(s); err != nil || len(b) != sha256.Size {
		return "", errors.New("a key id is base64url without padding")
	}
	return ID(s), nil
}

// Private is an Ed25519 key pair that can sign.
type Private struct {
	Public
	secret ed25519.PrivateKey
}

// Generate makes a new Ed25519 key from the system's randomness.
func Generate() (*Private, error) {
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	return FromSeed(secret.Seed()), nil
}

// FromSeed gives the key that RFC 8032 derives from a 32-byte seed.
func FromSeed(seed []byte) *Private {
	secret := ed25519.NewKeyFromSeed(seed)
	return &Private{Public{Ed25519, secret.Public().(ed25519.PublicKey)}, secret}
}

// Sign gives the 64-byte signature over message.
func (p *Private) Sign(message []byte) []byte { return ed25519.Sign(p.secret, message) }
