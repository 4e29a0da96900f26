package witness

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// Request is the body of add-checkpoint (c2sp.org/tlog-witness).
type Request struct {
	Old        int64          // size of the checkpoint that the witness has seen last; 0: none
	Proof      tlog.TreeProof // that Checkpoint continues the one of that size; empty for 0
	Checkpoint []byte         // a signed note, not parsed
}

// The most that a request may have.
const (
	maxProof   = 63
	maxRequest = 80 << 10 // bytes: a checkpoint with hundreds of signatures, and the proof
)

// ErrRequest is wrapped by errors about a request that is not in the form of
// add-checkpoint.
var ErrRequest = errors.New("the request is not in the form of c2sp.org/tlog-witness add-checkpoint")

// Encode writes the body.
func (r Request) Encode() []byte {
	b := fmt.Appendf(nil, "old %d\n", r.Old)
	for _, h := range r.Proof {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	b = append(b, '\n')
	return append(b, r.Checkpoint...)
}

// ParseRequest reads a body. What it reads, written again by Encode, is b. Errors
// wrap ErrRequest. The checkpoint shares b's memory.
func ParseRequest(b []byte) (r Request, err error) {
	if len(b) > maxRequest {
		return r, fmt.Errorf("%w: it is longer than %d bytes", ErrRequest, maxRequest)
	}
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	if r.Old, err = parseOld(line); err != nil {
		return r, err
	}
	for {
		var ended bool
		if line, rest, ended = bytes.Cut(rest, []byte("\n")); !ended {
			return r, fmt.Errorf("%w: no empty line ends the proof", ErrRequest)
		}
		if len(line) == 0 {
			break
		}
		if len(r.Proof) == maxProof {
			return r, fmt.Errorf("%w: the proof has more than %d hashes", ErrRequest, maxProof)
		}
		h, err := base64.StdEncoding.Strict().DecodeString(string(line))
		if err != nil || len(h) != tlog.HashSize || bytes.ContainsRune(line, '\r') {
			return r, fmt.Errorf("%w: proof line %d is not the base64 of 32 bytes", ErrRequest, len(r.Proof)+1)
		}
		r.Proof = append(r.Proof, tlog.Hash(h))
	}
	if len(rest) == 0 {
		return r, fmt.Errorf("%w: the checkpoint is missing", ErrRequest)
	}
	r.Checkpoint = rest
	return r, nil
}

// parseOld reads the first line: "old 20852014".
func parseOld(line []byte) (int64, error) {
	digits, ok := bytes.CutPrefix(line, []byte("old "))
	old, err := strconv.ParseInt(string(digits), 10, 64)
	if !ok || err != nil || old < 0 || strconv.FormatInt(old, 10) != string(digits) {
		return 0, fmt.Errorf("%w: the first line must be old and a size, such as: old 120", ErrRequest)
	}
	return old, nil
}
