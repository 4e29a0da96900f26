package passkeys

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
)

// documented is a key and a signature of scheme webauthn, read as docs/passkeys.md tells
// and with nothing of the product.
type documented struct {
	cose, id                      []byte
	rpID                          string
	origins                       []string
	authenticator, client, signed []byte
}

func read(public, sig []byte) (d documented, err error) {
	p := parts{rest: public}
	d.cose, d.id, d.rpID = p.take(2), p.take(2), string(p.take(1))
	for range p.number(1) {
		d.origins = append(d.origins, string(p.take(2)))
	}
	s := parts{rest: sig}
	d.authenticator, d.client, d.signed = s.take(2), s.take(2), s.rest
	if p.short || s.short || len(p.rest) > 0 {
		return d, errors.New("the bytes are not as documented")
	}
	return d, nil
}

// parts are bytes after their number.
type parts struct {
	rest  []byte
	short bool
}

func (p *parts) number(size int) (n int) {
	for _, b := range p.bytes(size) {
		n = n<<8 + int(b)
	}
	return n
}

func (p *parts) take(size int) []byte { return p.bytes(p.number(size)) }

func (p *parts) bytes(n int) (b []byte) {
	if n > len(p.rest) {
		p.rest, p.short = nil, true
		return nil
	}
	b, p.rest = p.rest[:n], p.rest[n:]
	return b
}

// pae is what is signed of an event (docs/signing.md).
func pae(payload []byte) []byte {
	const kind = "application/vnd.spredning.event.v1+json"
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
}

// theirs is what go-webauthn says of a signature over a message.
func theirs(public, message, sig []byte) error {
	d, err := read(public, sig)
	if err != nil {
		return err
	}
	return d.verify(challenge(message))
}

// verify is what go-webauthn says of a signature whose challenge this is.
func (d documented) verify(challenge string) error {
	id := base64.RawURLEncoding.EncodeToString(d.id)
	response, err := json.Marshal(map[string]any{
		"id": id, "rawId": id, "type": "public-key",
		"response": map[string]string{
			"authenticatorData": base64.RawURLEncoding.EncodeToString(d.authenticator),
			"clientDataJSON":    base64.RawURLEncoding.EncodeToString(d.client),
			"signature":         base64.RawURLEncoding.EncodeToString(d.signed),
		},
	})
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return err
	}
	const appID, crossOrigin, verified, present = "", false, true, true
	return parsed.Verify(challenge, d.rpID, appID, d.origins, nil, nil, protocol.TopOriginExplicitVerificationMode, crossOrigin, verified, present, d.cose, protocol.SignaturePolicy{})
}
