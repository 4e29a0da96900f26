package witness_test

import (
	"bytes"
	"errors"
	"testing"

	"spredning/ledger/witness"
)

// What is parsed, written again, is what was parsed.
func FuzzParseRequest(f *testing.F) {
	log := newTree(f, origin, 1).growTo(9, "a")
	for _, r := range []witness.Request{log.request(0, 9), log.request(5, 9), log.request(9, 9)} {
		f.Add(r.Encode())
	}
	f.Add([]byte("old 007\n\nx\n"))
	f.Add([]byte("old 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\nx\n"))
	f.Add([]byte("old 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n\nx\n"))
	f.Add([]byte("old 9223372036854775808\n\nx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := witness.ParseRequest(b)
		if err != nil {
			if !errors.Is(err, witness.ErrRequest) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		if got := r.Encode(); !bytes.Equal(got, b) {
			t.Fatalf("read %q, wrote %q", b, got)
		}
	})
}

// No body makes a witness do anything but answer.
func FuzzAddCheckpoint(f *testing.F) {
	log := newTree(f, origin, 1).growTo(9, "a")
	s := newServer(f, "witness.example/w", 50, log.key.String())
	_, err := s.AddCheckpoint(log.request(0, 5))
	noError(f, err)
	f.Add(log.request(5, 9).Encode())
	f.Add(log.request(5, 5).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := witness.ParseRequest(b)
		if err != nil {
			return
		}
		before, _ := s.Log(origin)
		_, err = s.AddCheckpoint(r)
		after, _ := s.Log(origin)
		if err != nil && !bytes.Equal(before.Checkpoint, after.Checkpoint) || after.Size < before.Size {
			t.Fatalf("%v, and yet it went from %d to %d", err, before.Size, after.Size)
		}
	})
}
