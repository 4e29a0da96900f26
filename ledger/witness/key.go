package witness

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	fmtnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"spredning/keys"
	"spredning/ledger"
)

// Key signs cosignatures, under the witness's name.
type Key struct {
	private  *keys.Private
	verifier note.Verifier
	vkey     string
}

// NewKey makes a witness's key of an Ed25519 key and the witness's name, a URL
// without scheme such as witness.example/nord.
func NewKey(name string, private *keys.Private) (*Key, error) {
	if err := ledger.CheckOrigin(name); err != nil {
		return nil, fmt.Errorf("the witness's name %q must be a URL without scheme, such as witness.example/nord", name)
	}
	plain, err := ledger.VerifierKey(name, private.Public)
	if err != nil {
		return nil, fmt.Errorf("making the witness's key: %w", err)
	}
	vkey, err := fmtnote.VKeyToCosignatureV1(plain)
	if err != nil {
		return nil, fmt.Errorf("making the witness's key: %w", err)
	}
	verifier, err := fmtnote.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return nil, fmt.Errorf("making the witness's key: %w", err)
	}
	return &Key{private, verifier, vkey}, nil
}

// Name is the witness's.
func (k *Key) Name() string { return k.verifier.Name() }

// String gives the verifier key: <name>+<hash>+<base64(0x04 ‖ public)>.
func (k *Key) String() string { return k.vkey }

// Verifier verifies the key's cosignatures.
func (k *Key) Verifier() note.Verifier { return k.verifier }

// cosign gives the signature line of a cosignature/v1 over a checkpoint's text.
func (k *Key) cosign(text string, at time.Time) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: text}, signer{k, at})
	if err != nil {
		return nil, fmt.Errorf("cosigning: %w", err)
	}
	return signed[len(text)+1:], nil
}

// signer is a key at a time.
type signer struct {
	*Key
	at time.Time
}

func (s signer) KeyHash() uint32 { return s.verifier.KeyHash() }

// Sign gives timestamp ‖ signature, as c2sp.org/tlog-cosignature says.
func (s signer) Sign(text []byte) ([]byte, error) {
	seconds := s.at.Unix()
	message := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", seconds, text)
	return append(binary.BigEndian.AppendUint64(nil, uint64(seconds)), s.private.Sign(message)...), nil
}

// Cosignature is a witness's signature on a checkpoint, verified.
type Cosignature struct {
	Name string    // the witness's
	Key  string    // its verifier key
	At   time.Time // by its clock
}

// Known is a witness that a reader knows.
type Known struct {
	Key      string // verifier key
	verifier note.Verifier
}

// ParseKnown reads a witness's verifier key.
func ParseKnown(vkey string) (Known, error) {
	v, err := fmtnote.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return Known{}, fmt.Errorf("%q is no witness's verifier key: %w", vkey, err)
	}
	return Known{vkey, v}, nil
}

// Name is the witness's.
func (k Known) Name() string { return k.verifier.Name() }

// Cosignatures says which of the known witnesses have cosigned a checkpoint. A
// signature in the name of one that does not hold is an error.
func Cosignatures(checkpoint []byte, known ...Known) (all []Cosignature, err error) {
	for _, k := range known {
		n, err := openNote(checkpoint, k.verifier)
		if err != nil {
			return nil, fmt.Errorf("the cosignature of %s: %w", k.Name(), err)
		}
		for _, s := range n.Sigs {
			at, err := fmtnote.CoSigV1Timestamp(s)
			if err != nil {
				return nil, fmt.Errorf("the cosignature of %s: %w", k.Name(), err)
			}
			all = append(all, Cosignature{k.Name(), k.Key, at.UTC()})
		}
	}
	return all, nil
}

// openNote reads a note, whether the verifier has signed it or not. A signature
// with its key that does not hold is an error.
func openNote(signed []byte, v note.Verifier) (*note.Note, error) {
	n, err := note.Open(signed, note.VerifierList(v))
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		return unverified.Note, nil
	}
	return n, err
}

// unverified reads the signatures of a note without verifying any.
func unverified(signed []byte) (*note.Note, error) {
	_, err := note.Open(signed, note.VerifierList())
	var u *note.UnverifiedNoteError
	if errors.As(err, &u) {
		return u.Note, nil
	}
	return nil, err
}

// Signers gives the names of those in whose name a checkpoint is signed, but for
// the log. Nothing has been verified.
func Signers(checkpoint []byte) (names []string) {
	origin, _, _ := strings.Cut(string(checkpoint), "\n")
	n, err := unverified(checkpoint)
	if err != nil {
		return nil
	}
	for _, s := range n.UnverifiedSigs {
		if s.Name != origin && !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// byLog gives a checkpoint with the signatures in the log's name alone.
func byLog(checkpoint []byte) ([]byte, error) {
	n, err := unverified(checkpoint)
	if err != nil {
		return nil, err
	}
	origin, _, _ := strings.Cut(n.Text, "\n")
	own := slices.DeleteFunc(n.UnverifiedSigs, func(s note.Signature) bool { return s.Name != origin })
	return note.Sign(&note.Note{Text: n.Text, Sigs: own})
}

// lines gives the signature lines of a note.
func lines(sigs []note.Signature) []byte {
	var b strings.Builder
	for _, s := range sigs {
		b.WriteString("— " + s.Name + " " + s.Base64 + "\n")
	}
	return []byte(b.String())
}
