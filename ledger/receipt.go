package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
)

// Receipt is all that is needed to check offline that an event stands in a
// ledger: the entry, the keys that signed it, its place, the inclusion proof
// and a checkpoint that covers it.
type Receipt struct {
	Ledger     string
	Index      int64
	Entry      []byte
	Keys       []keys.Public // of the entry's signatures, in their order
	Proof      tlog.RecordProof
	Checkpoint []byte
}

// ErrReceipt is wrapped by every error about a receipt that does not hold.
var ErrReceipt = errors.New("receipt does not hold")

type receiptJSON struct {
	Ledger     string       `json:"ledger"`
	Index      int64        `json:"index"`
	Leaf       string       `json:"leaf"`
	Entry      string       `json:"entry"`
	Keys       []receiptKey `json:"keys"`
	Proof      []string     `json:"proof"`
	Checkpoint string       `json:"checkpoint"`
}

type receiptKey struct {
	Scheme string `json:"scheme"`
	Public string `json:"public"`
}

// MarshalJSON writes the receipt as the API and receipt files have it.
func (r Receipt) MarshalJSON() ([]byte, error) {
	out := receiptJSON{
		Ledger: r.Ledger, Index: r.Index, Leaf: hexOf(tlog.RecordHash(r.Entry)), Entry: string(r.Entry),
		Keys: make([]receiptKey, len(r.Keys)), Proof: make([]string, len(r.Proof)), Checkpoint: string(r.Checkpoint),
	}
	for i, k := range r.Keys {
		out.Keys[i] = receiptKey{k.Scheme, base64.StdEncoding.EncodeToString(k.Bytes)}
	}
	for i, h := range r.Proof {
		out.Proof[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return json.Marshal(out)
}

// ParseReceipt reads a receipt strictly. It checks no more than its form and
// that leaf is the entry's; [Receipt.Verify] does the rest. Errors wrap
// ErrReceipt.
func ParseReceipt(b []byte) (Receipt, error) {
	var in receiptJSON
	if err := json.Unmarshal(b, &in, json.RejectUnknownMembers(true)); err != nil {
		return Receipt{}, fmt.Errorf("%w: it is no receipt: %s", ErrReceipt, malformed(err).Detail)
	}
	r := Receipt{Ledger: in.Ledger, Index: in.Index, Entry: []byte(in.Entry), Checkpoint: []byte(in.Checkpoint)}
	for i, k := range in.Keys {
		public, err := base64.StdEncoding.Strict().DecodeString(k.Public)
		if err != nil {
			return Receipt{}, fmt.Errorf("%w: key %d is not base64", ErrReceipt, i+1)
		}
		r.Keys = append(r.Keys, keys.Public{Scheme: k.Scheme, Bytes: public})
	}
	for i, p := range in.Proof {
		h, err := base64.StdEncoding.Strict().DecodeString(p)
		if err != nil || len(h) != tlog.HashSize {
			return Receipt{}, fmt.Errorf("%w: proof hash %d is not the base64 of 32 bytes", ErrReceipt, i+1)
		}
		r.Proof = append(r.Proof, tlog.Hash(h))
	}
	if leaf := hexOf(tlog.RecordHash(r.Entry)); leaf != in.Leaf {
		return Receipt{}, fmt.Errorf("%w: the entry's hash is %s, the receipt says leaf %q", ErrReceipt, leaf, in.Leaf)
	}
	return r, nil
}

// Verify checks everything that can be checked offline: that the entry is an
// event of this ledger, signed by the keys in the receipt, and that it stands at
// its index in the tree of the checkpoint; and, if the log's verifier keys are
// given, that the log signed the checkpoint. Without them anyone could have made
// it. Errors wrap ErrReceipt and name what does not hold.
func (r Receipt) Verify(logKeys ...string) (Event, Checkpoint, error) {
	event, err := r.verifyEntry()
	if err != nil {
		return event, Checkpoint{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	c, err := r.openCheckpoint(logKeys)
	if err != nil {
		return event, c, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	if c.Origin != r.Ledger || event.Ledger != r.Ledger {
		return event, c, fmt.Errorf("%w: it is of ledger %q, the event of %q, the checkpoint of %q", ErrReceipt, r.Ledger, event.Ledger, c.Origin)
	}
	if r.Index < 0 || r.Index >= c.Size {
		return event, c, fmt.Errorf("%w: index %d is not in the checkpoint's tree of %d entries", ErrReceipt, r.Index, c.Size)
	}
	if err := tlog.CheckRecord(r.Proof, c.Size, c.Root, r.Index, tlog.RecordHash(r.Entry)); err != nil {
		return event, c, fmt.Errorf("%w: the proof does not lead from the entry at index %d to the checkpoint's root", ErrReceipt, r.Index)
	}
	return event, c, nil
}

func (r Receipt) openCheckpoint(logKeys []string) (Checkpoint, error) {
	if len(logKeys) == 0 {
		return ReadCheckpoint(r.Checkpoint)
	}
	return OpenCheckpoint(r.Checkpoint, logKeys...)
}

func (r Receipt) verifyEntry() (Event, error) {
	envelope, err := keys.Parse(r.Entry)
	if err != nil {
		return Event{}, fmt.Errorf("the entry: %w", err)
	}
	event, err := ParseEvent(envelope.Payload)
	if err != nil {
		return event, fmt.Errorf("the event: %w", err)
	}
	if len(r.Keys) != len(envelope.Signatures) {
		return event, fmt.Errorf("the entry has %d signatures, the receipt %d keys", len(envelope.Signatures), len(r.Keys))
	}
	pae := keys.PAE(envelope.Payload)
	for i, s := range envelope.Signatures {
		if r.Keys[i].ID() != s.KeyID {
			return event, fmt.Errorf("key %d is not the one that signature %d names (%s)", i+1, i+1, s.KeyID)
		}
		if !r.Keys[i].Verify(pae, s.Sig) {
			return event, fmt.Errorf("signature %d is not that of key %s over the event", i+1, s.KeyID)
		}
	}
	return event, nil
}

// TLogProof writes the receipt as a c2sp.org/tlog-proof, with the entry as its
// extra data.
func (r Receipt) TLogProof() []byte {
	p := proof.TLogProof{Index: uint64(r.Index), Checkpoint: r.Checkpoint, ExtraData: r.Entry}
	for _, h := range r.Proof {
		p.Hashes = append(p.Hashes, h)
	}
	return p.Marshal()
}

// TLogProofHeader is how a c2sp.org/tlog-proof begins.
const TLogProofHeader = "c2sp.org/tlog-proof@v1\n"

// ParseTLogProof reads a receipt from a c2sp.org/tlog-proof whose extra data is
// the entry. It names no keys: keys gives them by id, from the ledger's entries.
// Errors wrap ErrReceipt.
func ParseTLogProof(b []byte, key func(keys.ID) (keys.Public, bool)) (Receipt, error) {
	var p proof.TLogProof
	if err := p.Unmarshal(b); err != nil || !bytes.Equal(p.Marshal(), b) {
		return Receipt{}, fmt.Errorf("%w: it is not in the form of c2sp.org/tlog-proof", ErrReceipt)
	}
	c, err := ReadCheckpoint(p.Checkpoint)
	if err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	r := Receipt{Ledger: c.Origin, Index: int64(p.Index), Entry: p.ExtraData, Checkpoint: p.Checkpoint}
	for _, h := range p.Hashes {
		r.Proof = append(r.Proof, h)
	}
	envelope, err := keys.Parse(r.Entry)
	if err != nil {
		return r, fmt.Errorf("%w: the entry: %w", ErrReceipt, err)
	}
	for _, s := range envelope.Signatures {
		k, ok := key(s.KeyID)
		if !ok {
			return r, fmt.Errorf("%w: key %s is not known here; give --data or a URL", ErrReceipt, s.KeyID)
		}
		r.Keys = append(r.Keys, k)
	}
	return r, nil
}

// ParseLeaf reads a leaf: 64 hex digits.
func ParseLeaf(s string) (tlog.Hash, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != tlog.HashSize {
		return tlog.Hash{}, errors.New("must be 64 hexadecimal digits")
	}
	return tlog.Hash(b), nil
}
