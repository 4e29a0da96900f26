package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/hdevalence/ed25519consensus"
)

// WebAuthn is the scheme of passkeys (W3C Web Authentication, level 3). The public
// bytes are those of [Passkey.Public], a signature those of [Assertion.Bytes]. It is
// valid over a message if the assertion's challenge is the message's SHA-256, it was
// made at one of the key's origins, the authenticator has verified the user, and the
// credential's key signed it.
const WebAuthn = "webauthn"

// Passkey is a credential that an organisation's adviser signs with, and where it may
// be used. docs/passkeys.md tells its encoding byte for byte.
type Passkey struct {
	COSE    []byte   // the credential's public key, a COSE_Key in CTAP2's canonical CBOR: ES256 or EdDSA
	ID      []byte   // credential id, 1 to 1023 bytes
	RPID    string   // relying party id, a domain in lower case
	Origins []string // where it may sign, 1 to 8, in ascending order
}

// Assertion is what an authenticator gives for a signature.
type Assertion struct {
	AuthenticatorData []byte
	ClientData        []byte // JSON, the exact bytes
	Signature         []byte // ES256: ASN.1 DER; EdDSA: 64 bytes
}

// The most bytes of each part.
const (
	maxCredentialID      = 1023 // WebAuthn 4, "Credential ID"
	maxRPID              = 253  // of a domain name
	maxOrigins           = 8
	maxAuthenticatorData = 1 << 10
	maxClientData        = 4 << 10
	maxSignature         = 72 // of two 33-byte integers in DER
)

// What stands before the coordinates in the only two COSE keys that there are.
var (
	es256Head = []byte{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32} // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
	es256Mid  = []byte{0x22, 0x58, 32}
	eddsaHead = []byte{0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32} // {1: 1, 3: -8, -1: 6, -2: x}
)

// ES256COSE gives the COSE_Key of a point of P-256, x and y of 32 bytes each.
func ES256COSE(x, y []byte) []byte {
	return slices.Concat(es256Head, x, es256Mid, y)
}

// EdDSACOSE gives the COSE_Key of an Ed25519 key of 32 bytes.
func EdDSACOSE(x []byte) []byte { return slices.Concat(eddsaHead, x) }

// es256 gives the point of an ES256 key, x and y.
func es256(cose []byte) (point []byte, ok bool) {
	const at = 10
	if len(cose) != at+32+3+32 || !bytes.HasPrefix(cose, es256Head) || !bytes.Equal(cose[at+32:at+35], es256Mid) {
		return nil, false
	}
	return slices.Concat(cose[at:at+32], cose[at+35:]), true
}

// eddsa gives the 32 bytes of an EdDSA key.
func eddsa(cose []byte) (public []byte, ok bool) {
	public, ok = bytes.CutPrefix(cose, eddsaHead)
	return public, ok && len(public) == 32
}

// Public gives the key as it is enrolled. The error, which wraps ErrInvalidKey, says what
// is wrong with it.
func (p Passkey) Public() (Public, error) {
	if err := p.check(); err != nil {
		return Public{}, err
	}
	b := binary.BigEndian.AppendUint16(nil, uint16(len(p.COSE)))
	b = append(b, p.COSE...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.ID)))
	b = append(b, p.ID...)
	b = append(b, byte(len(p.RPID)))
	b = append(b, p.RPID...)
	b = append(b, byte(len(p.Origins)))
	for _, o := range p.Origins {
		b = binary.BigEndian.AppendUint16(b, uint16(len(o)))
		b = append(b, o...)
	}
	return Public{WebAuthn, b}, nil
}

// ParsePasskey reads the public bytes of a key of scheme WebAuthn.
func ParsePasskey(public []byte) (Passkey, error) {
	r := parts{public, true}
	p := Passkey{COSE: r.take(2), ID: r.take(2), RPID: string(r.take(1))}
	for range r.number(1) {
		p.Origins = append(p.Origins, string(r.take(2)))
	}
	if !r.whole || len(r.rest) > 0 {
		return Passkey{}, fmt.Errorf("%w: the bytes are not the parts of a passkey, each after its length", ErrInvalidKey)
	}
	return p, p.check()
}

// parts reads bytes that stand after their number.
type parts struct {
	rest  []byte
	whole bool
}

func (r *parts) number(size int) (n int) {
	if len(r.rest) < size {
		r.rest, r.whole = nil, false
		return 0
	}
	for _, b := range r.rest[:size] {
		n = n<<8 | int(b)
	}
	r.rest = r.rest[size:]
	return n
}

func (r *parts) take(size int) (part []byte) {
	n := r.number(size)
	if len(r.rest) < n {
		r.rest, r.whole = nil, false
		return nil
	}
	part, r.rest = r.rest[:n:n], r.rest[n:]
	return part
}

func (p Passkey) check() error {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrInvalidKey}, args...)...)
	}
	if err := checkCOSE(p.COSE); err != nil {
		return err
	}
	if len(p.ID) < 1 || len(p.ID) > maxCredentialID {
		return invalid("a credential id has 1 to %d bytes, this one %d", maxCredentialID, len(p.ID))
	}
	if !isDomain(p.RPID) {
		return invalid("the relying party id %q is not a domain in lower case", p.RPID)
	}
	if len(p.Origins) < 1 || len(p.Origins) > maxOrigins {
		return invalid("a passkey has 1 to %d origins, this one %d", maxOrigins, len(p.Origins))
	}
	for k, o := range p.Origins {
		if !isOriginOf(o, p.RPID) {
			return invalid("%q is not an origin of %s: https://, its domain or one below it, and a port if it is another than 443", o, p.RPID)
		}
		if k > 0 && p.Origins[k-1] >= o {
			return invalid("origins stand in ascending order, none twice")
		}
	}
	return nil
}

func checkCOSE(cose []byte) error {
	if point, ok := es256(cose); ok {
		if _, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, point...)); err != nil {
			return fmt.Errorf("%w: not a point of P-256", ErrInvalidKey)
		}
		return nil
	}
	if public, ok := eddsa(cose); ok {
		return checkEd25519(public)
	}
	return fmt.Errorf("%w: the credential's key must be a COSE_Key in canonical CBOR, ES256 on P-256 or EdDSA on Ed25519", ErrInvalidKey)
}

// isDomain tells whether a relying party can have this id. An address is none.
func isDomain(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil || len(s) > maxRPID {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}

// isOriginOf tells whether a browser can name this origin in an assertion for the relying
// party (WebAuthn 5.1.4.1). Without TLS browsers do this for localhost alone.
func isOriginOf(origin, rpID string) bool {
	host, secure := strings.CutPrefix(origin, "https://")
	usual := "443"
	if !secure {
		var plain bool
		if host, plain = strings.CutPrefix(origin, "http://"); !plain || rpID != "localhost" {
			return false
		}
		usual = "80"
	}
	host, port, ported := strings.Cut(host, ":")
	if n, err := strconv.ParseUint(port, 10, 16); ported && (err != nil || n == 0 || strconv.FormatUint(n, 10) != port || port == usual) {
		return false
	}
	return isDomain(host) && (host == rpID || strings.HasSuffix(host, "."+rpID))
}

// Bytes gives the assertion as a signature in an envelope.
func (a Assertion) Bytes() []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(a.AuthenticatorData)))
	b = append(b, a.AuthenticatorData...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(a.ClientData)))
	b = append(b, a.ClientData...)
	return append(b, a.Signature...)
}

// ParseAssertion reads a signature of scheme WebAuthn; ok is false if it is none.
func ParseAssertion(sig []byte) (a Assertion, ok bool) {
	r := parts{sig, true}
	a = Assertion{AuthenticatorData: r.take(2), ClientData: r.take(2), Signature: r.rest}
	ok = r.whole && len(a.AuthenticatorData) <= maxAuthenticatorData && len(a.ClientData) <= maxClientData && len(a.Signature) <= maxSignature
	return a, ok
}

// Flags of authenticator data (WebAuthn 6.1).
const (
	userPresent    = 1 << 0
	userVerified   = 1 << 2
	backupEligible = 1 << 3
	backedUp       = 1 << 4
	credentialData = 1 << 6
	extensionData  = 1 << 7

	authenticatorHead = sha256.Size + 1 + 4 // the rp id's hash, flags, counter
)

// clientData is what the browser says (WebAuthn 5.8.1). Others' members may stand there.
type clientData struct {
	Type        string         `json:"type"`
	Challenge   string         `json:"challenge"`
	Origin      string         `json:"origin"`
	CrossOrigin bool           `json:"crossOrigin"`
	TopOrigin   jsontext.Value `json:"topOrigin"`
}

func checkWebAuthn(public []byte) error {
	_, err := ParsePasskey(public)
	return err
}

// verifyWebAuthn is WebAuthn 7.2, verifying an authentication assertion, steps 11 to 21
// as far as they can be taken offline. The counter proves nothing here: a copied passkey
// is revoked, and passkeys that are kept in several places count nothing.
func verifyWebAuthn(public, message, sig []byte) bool {
	p, err := ParsePasskey(public)
	if err != nil {
		return false
	}
	a, ok := ParseAssertion(sig)
	return ok && a.saysFor(p, message) && a.authenticated(p) && a.signedBy(p.COSE)
}

// signedBy reports whether the credential's key has signed the two data of the assertion.
func (a Assertion) signedBy(cose []byte) bool {
	hash := sha256.Sum256(a.ClientData)
	signed := slices.Concat(a.AuthenticatorData, hash[:])
	if point, ok := es256(cose); ok {
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, point...))
		digest := sha256.Sum256(signed)
		return err == nil && ecdsa.VerifyASN1(key, digest[:], a.Signature)
	}
	public, ok := eddsa(cose)
	return ok && len(a.Signature) == ed25519.SignatureSize && ed25519consensus.Verify(public, signed, a.Signature)
}

// saysFor reports whether the browser says that the assertion is one for the message, at
// an origin of the key.
func (a Assertion) saysFor(p Passkey, message []byte) bool {
	var c clientData
	if err := json.Unmarshal(a.ClientData, &c); err != nil {
		return false
	}
	challenge := sha256.Sum256(message)
	return c.Type == "webauthn.get" && c.Challenge == base64.RawURLEncoding.EncodeToString(challenge[:]) &&
		slices.Contains(p.Origins, c.Origin) && !c.CrossOrigin && c.TopOrigin == nil
}

// authenticated reports whether the authenticator says that it made the assertion for the
// relying party, with the user there and verified.
func (a Assertion) authenticated(p Passkey) bool {
	d := a.AuthenticatorData
	if len(d) < authenticatorHead {
		return false
	}
	rp, flags := sha256.Sum256([]byte(p.RPID)), d[sha256.Size]
	switch {
	case !bytes.Equal(d[:sha256.Size], rp[:]):
		return false
	case flags&userPresent == 0 || flags&userVerified == 0:
		return false
	case flags&backedUp != 0 && flags&backupEligible == 0:
		return false
	case flags&credentialData != 0: // stands in registrations alone
		return false
	}
	return (len(d) > authenticatorHead) == (flags&extensionData != 0)
}
