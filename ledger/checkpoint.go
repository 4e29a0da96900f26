package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"

	fmtlog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
)

// Checkpoint is a signed tree head (c2sp.org/tlog-checkpoint), read.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// ErrCheckpoint is wrapped by every error about a checkpoint that is not what
// it should be.
var ErrCheckpoint = errors.New("checkpoint")

// LogKey signs a ledger's checkpoints: a [note.Signer] whose name is the origin.
type LogKey struct {
	private  *keys.Private
	verifier note.Verifier
	vkey     string
}

// origins are schema-less URLs, as c2sp.org/tlog-checkpoint recommends.
var originForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?(/[A-Za-z0-9._~-]+)*$`)

// CheckOrigin says what is wrong with a ledger's origin; nil: nothing.
func CheckOrigin(origin string) error {
	if len(origin) > maxName || !originForm.MatchString(origin) {
		return fmt.Errorf("origin %q must be a URL without scheme, such as spredning.example/demo", origin)
	}
	return nil
}

// NewLogKey makes a log key of an Ed25519 key and the ledger's origin.
func NewLogKey(origin string, private *keys.Private) (*LogKey, error) {
	if err := CheckOrigin(origin); err != nil {
		return nil, err
	}
	vkey, err := VerifierKey(origin, private.Public)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("making the log key: %w", err)
	}
	return &LogKey{private, verifier, vkey}, nil
}

// VerifierKey gives the note verifier key of a log key:
// <origin>+<hash>+<base64(0x01 ‖ public)>.
func VerifierKey(origin string, public keys.Public) (string, error) {
	vkey, err := note.NewEd25519VerifierKey(origin, ed25519.PublicKey(public.Bytes))
	if err != nil {
		return "", fmt.Errorf("making the log key: %w", err)
	}
	return vkey, nil
}

// Name is the ledger's origin.
func (k *LogKey) Name() string { return k.verifier.Name() }

// KeyHash is the note key hash.
func (k *LogKey) KeyHash() uint32 { return k.verifier.KeyHash() }

// Sign signs a note's text.
func (k *LogKey) Sign(msg []byte) ([]byte, error) { return k.private.Sign(msg), nil }

// String gives the note verifier key: <origin>+<hash>+<base64(0x01 ‖ public)>.
func (k *LogKey) String() string { return k.vkey }

// checkpoint signs a tree head.
func (k *LogKey) checkpoint(size int64, root tlog.Hash) ([]byte, error) {
	body := fmtlog.Checkpoint{Origin: k.Name(), Size: uint64(size), Hash: root[:]}.Marshal()
	return note.Sign(&note.Note{Text: string(body)}, k)
}

// OpenCheckpoint reads a checkpoint and verifies it with one of the log's
// verifier keys. Errors wrap ErrCheckpoint.
func OpenCheckpoint(signed []byte, vkeys ...string) (Checkpoint, error) {
	var known []note.Verifier
	for _, k := range vkeys {
		v, err := note.NewVerifier(k)
		if err != nil {
			return Checkpoint{}, fmt.Errorf("%w: %q is no verifier key", ErrCheckpoint, k)
		}
		known = append(known, v)
	}
	n, err := note.Open(signed, note.VerifierList(known...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w is not signed by the log's key: %s", ErrCheckpoint, err)
	}
	if err := oneSpelling(n); err != nil {
		return Checkpoint{}, err
	}
	c, err := parseCheckpoint([]byte(n.Text))
	if err == nil && c.Origin != known[0].Name() {
		err = fmt.Errorf("%w is of another origin: %s", ErrCheckpoint, c.Origin)
	}
	return c, err
}

// oneSpelling refuses signatures that are spelled in another way than they were
// written: the last character of their base64 has bits that decoders pass over, so
// that a changed checkpoint would still hold.
func oneSpelling(n *note.Note) error {
	for _, s := range slices.Concat(n.Sigs, n.UnverifiedSigs) {
		if b, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil || base64.StdEncoding.EncodeToString(b) != s.Base64 {
			return fmt.Errorf("%w: the signature of %s is not in standard base64", ErrCheckpoint, s.Name)
		}
	}
	return nil
}

// ReadCheckpoint reads a checkpoint without verifying who signed it.
func ReadCheckpoint(signed []byte) (Checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		n = unverified.Note
	} else if err != nil {
		return Checkpoint{}, fmt.Errorf("%w is no signed note: %s", ErrCheckpoint, err)
	}
	return parseCheckpoint([]byte(n.Text))
}

func parseCheckpoint(text []byte) (Checkpoint, error) {
	var c fmtlog.Checkpoint
	rest, err := c.Unmarshal(text)
	// Marshal again: one checkpoint has one spelling.
	if err != nil || len(rest) > 0 || len(c.Hash) != tlog.HashSize || c.Size > 1<<62 || string(c.Marshal()) != string(text) {
		return Checkpoint{}, fmt.Errorf("%w is not in the form of c2sp.org/tlog-checkpoint", ErrCheckpoint)
	}
	return Checkpoint{c.Origin, int64(c.Size), tlog.Hash(c.Hash)}, nil
}
