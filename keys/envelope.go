package keys

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

const (
	// EventV1 is the payload type of the ledger's events.
	EventV1 = "application/vnd.spredning.event.v1+json"
	// InvitationV1 is the payload type of what an admin signs to invite somebody to
	// make a key. It is never an entry.
	InvitationV1 = "application/vnd.spredning.invitation.v1+json"
	// MaxSize is the number of bytes that an encoded envelope may have.
	MaxSize = 32 << 10
	// MaxSignatures is the number of signatures that an envelope may carry.
	MaxSignatures = 16
)

var (
	// ErrTooLarge is returned for more than MaxSize bytes.
	ErrTooLarge = fmt.Errorf("larger than %d bytes", MaxSize)
	// ErrMalformed is wrapped by every error about the envelope's form.
	ErrMalformed = errors.New("malformed envelope")
)

// Envelope is a DSSE envelope: a payload and the signatures over its PAE.
type Envelope struct {
	Payload    []byte
	Signatures []Signature // ordered by key id, none twice
}

// Signature is a key's signature over the envelope's PAE.
type Signature struct {
	KeyID ID
	Sig   []byte
}

// The envelope's one form is these pieces with base64 between them.
const (
	head    = `{"payload":"`
	middle  = `","payloadType":"` + EventV1 + `","signatures":[`
	sigHead = `{"keyid":"`
	sigMid  = `","sig":"`
	sigTail = `"}`
	tail    = `]}`
)

// base64Std is the only spelling of bytes: standard, padded, zero padding bits.
var base64Std = base64.StdEncoding.Strict()

// PAE is DSSE's pre-authentication encoding of an event payload: the bytes
// that are signed.
func PAE(payload []byte) []byte { return PAEOf(EventV1, payload) }

// PAEOf is DSSE's pre-authentication encoding of a payload of any type. A signature
// over one type is none over another.
func PAEOf(payloadType string, payload []byte) []byte {
	const start = "DSSEv1 "
	b := make([]byte, 0, len(start)+len(payloadType)+16+len(payload))
	b = append(b, start...)
	b = strconv.AppendInt(b, int64(len(payloadType)), 10)
	b = append(b, ' ')
	b = append(b, payloadType...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(payload)), 10)
	b = append(b, ' ')
	return append(b, payload...)
}

// Seal signs a payload with each of the keys.
func Seal(payload []byte, signers ...*Private) (Envelope, error) {
	e := Envelope{Payload: payload}
	for _, s := range signers {
		if err := e.Add(s); err != nil {
			return Envelope{}, err
		}
	}
	return e, nil
}

// Add adds a key's signature in its place. It refuses a second signature of
// the same key and more than MaxSignatures.
func (e *Envelope) Add(signer *Private) error {
	id := signer.ID()
	if slices.ContainsFunc(e.Signatures, func(s Signature) bool { return s.KeyID == id }) {
		return fmt.Errorf("key %s has signed already", id)
	}
	if len(e.Signatures) == MaxSignatures {
		return fmt.Errorf("an envelope carries at most %d signatures", MaxSignatures)
	}
	e.Signatures = append(e.Signatures, Signature{id, signer.Sign(PAE(e.Payload))})
	e.sort()
	return nil
}

func (e *Envelope) sort() {
	slices.SortFunc(e.Signatures, func(a, b Signature) int { return strings.Compare(string(a.KeyID), string(b.KeyID)) })
}

// Encode gives the envelope's one form: the entry that the ledger stores.
func (e Envelope) Encode() []byte {
	size := len(head) + base64Std.EncodedLen(len(e.Payload)) + len(middle) + len(tail)
	for _, s := range e.Signatures {
		size += len(sigHead) + len(s.KeyID) + len(sigMid) + base64Std.EncodedLen(len(s.Sig)) + len(sigTail) + 1
	}
	b := make([]byte, 0, size)
	b = append(b, head...)
	b = base64Std.AppendEncode(b, e.Payload)
	b = append(b, middle...)
	for i, s := range e.Signatures {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, sigHead...), s.KeyID...), sigMid...)
		b = append(base64Std.AppendEncode(b, s.Sig), sigTail...)
	}
	return append(b, tail...)
}

// Parse reads an envelope in its one form, as entries have it: Encode of the
// result is the input. Errors wrap ErrMalformed or are ErrTooLarge.
func Parse(entry []byte) (Envelope, error) {
	if len(entry) > MaxSize {
		return Envelope{}, ErrTooLarge
	}
	e, ok := parse(entry)
	if !ok {
		return Envelope{}, fmt.Errorf("%w: not in the ledger's form", ErrMalformed)
	}
	return e, e.check()
}

func parse(b []byte) (e Envelope, ok bool) {
	if b, ok = bytes.CutPrefix(b, []byte(head)); !ok {
		return e, false
	}
	if e.Payload, b, ok = cutBase64(b); !ok {
		return e, false
	}
	if b, ok = bytes.CutPrefix(b, []byte(middle)); !ok {
		return e, false
	}
	for {
		var s Signature
		if s, b, ok = cutSignature(b); !ok {
			return e, false
		}
		e.Signatures = append(e.Signatures, s)
		if len(b) > 0 && b[0] == ',' && len(e.Signatures) < MaxSignatures {
			b = b[1:]
			continue
		}
		return e, string(b) == tail
	}
}

func cutSignature(b []byte) (s Signature, rest []byte, ok bool) {
	if b, ok = bytes.CutPrefix(b, []byte(sigHead)); !ok {
		return s, nil, false
	}
	id, b, ok := bytes.Cut(b, []byte(sigMid))
	if !ok {
		return s, nil, false
	}
	var err error
	if s.KeyID, err = ParseID(string(id)); err != nil {
		return s, nil, false // or it has escaped characters: Open looks again
	}
	if s.Sig, b, ok = cutBase64(b); !ok {
		return s, nil, false
	}
	rest, ok = bytes.CutPrefix(b, []byte(sigTail))
	return s, rest, ok
}

// cutBase64 decodes up to the next quotation mark. The decoder passes over line
// breaks, which the one form does not have: with them it is longer than its data.
func cutBase64(b []byte) (data, rest []byte, ok bool) {
	end := bytes.IndexByte(b, '"')
	if end < 0 {
		return nil, nil, false
	}
	data, err := base64Std.AppendDecode(make([]byte, 0, end/4*3), b[:end])
	return data, b[end:], err == nil && base64Std.EncodedLen(len(data)) == end
}

// Open reads an envelope as it comes from outside. Members may stand in any
// order and with white space between them, signatures in any order; unknown or
// repeated members, other base64 and trailing data are refused. Errors wrap
// ErrMalformed or are ErrTooLarge.
func Open(raw []byte) (Envelope, error) {
	if len(raw) > MaxSize {
		return Envelope{}, ErrTooLarge
	}
	e, ok := parse(raw)
	if !ok {
		var err error
		if e, err = openJSON(raw); err != nil {
			return Envelope{}, fmt.Errorf("%w: %s", ErrMalformed, err)
		}
	}
	e.sort()
	return e, e.check() // the one form is the shortest, so it is not too large
}

func openJSON(raw []byte) (Envelope, error) {
	var in struct {
		Payload     *string `json:"payload"`
		PayloadType *string `json:"payloadType"`
		Signatures  []struct {
			KeyID *string `json:"keyid"`
			Sig   *string `json:"sig"`
		} `json:"signatures"`
	}
	if err := json.Unmarshal(raw, &in, json.RejectUnknownMembers(true)); err != nil {
		return Envelope{}, plainJSON(err)
	}
	if in.Payload == nil || in.PayloadType == nil {
		return Envelope{}, errors.New("payload, payloadType and signatures are required")
	}
	if *in.PayloadType != EventV1 {
		return Envelope{}, fmt.Errorf("payloadType must be %s", EventV1)
	}
	payload, ok := decodeBase64(*in.Payload)
	if !ok {
		return Envelope{}, errors.New("payload must be standard base64 with padding")
	}
	e := Envelope{Payload: payload}
	for i, s := range in.Signatures {
		if s.KeyID == nil || s.Sig == nil {
			return Envelope{}, fmt.Errorf("signature %d: keyid and sig are required", i+1)
		}
		sig, ok := decodeBase64(*s.Sig)
		if !ok {
			return Envelope{}, fmt.Errorf("signature %d: sig must be standard base64 with padding", i+1)
		}
		e.Signatures = append(e.Signatures, Signature{ID(*s.KeyID), sig})
	}
	return e, nil
}

func decodeBase64(s string) ([]byte, bool) {
	data, rest, ok := cutBase64([]byte(s + `"`))
	return data, ok && len(rest) == 1
}

// plainJSON cuts the library's name off its message: users never see internals.
func plainJSON(err error) error {
	s := err.Error()
	for _, prefix := range []string{"json: ", "jsontext: "} {
		s = strings.TrimPrefix(s, prefix)
	}
	return errors.New(s)
}

// check holds the envelope to the package's invariant.
func (e Envelope) check() error {
	if n := len(e.Signatures); n == 0 || n > MaxSignatures {
		return fmt.Errorf("%w: %d signatures, there must be 1 to %d", ErrMalformed, n, MaxSignatures)
	}
	for i, s := range e.Signatures {
		if _, err := ParseID(string(s.KeyID)); err != nil {
			return fmt.Errorf("%w: signature %d: %s", ErrMalformed, i+1, err)
		}
		if i > 0 && s.KeyID <= e.Signatures[i-1].KeyID {
			return fmt.Errorf("%w: signatures must be ordered by keyid, none twice", ErrMalformed)
		}
		if len(s.Sig) == 0 {
			return fmt.Errorf("%w: signature %d is empty", ErrMalformed, i+1)
		}
	}
	return nil
}
