package keys_test

import (
	"bytes"
	"errors"
	"testing"

	"spredning/keys"
)

// seedEnvelopes adds real envelopes and every deviation of the profile.
func seedEnvelopes(f *testing.F) {
	two := seal(f, "a?>~", testKey(1), testKey(2)).Encode()
	f.Add(two)
	f.Add(seal(f, `{"ledger":"spredning.example/demo","type":"adoption.declined","data":{}}`, testKey(3)).Encode())
	f.Add(seal(f, "", testKeys(keys.MaxSignatures)...).Encode())
	for _, d := range profile {
		f.Add([]byte(d.edit(f, string(two))))
	}
}

// The law of Parse: what it takes is the one form of what it gives.
func FuzzParse(f *testing.F) {
	seedEnvelopes(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := keys.Parse(raw)
		if err != nil {
			assertEnvelopeError(t, err)
			return
		}
		if !bytes.Equal(e.Encode(), raw) {
			t.Fatalf("Parse takes %q, which is not the form of what it gives:\n%q", raw, e.Encode())
		}
		assertInvariant(t, e)
		again, err := keys.Open(raw)
		if err != nil || !bytes.Equal(again.Encode(), raw) {
			t.Fatalf("Open of what Parse takes: %q, %v", again.Encode(), err)
		}
	})
}

// The law of Open: what it gives has a form that Parse and Open read back as
// the same.
func FuzzOpen(f *testing.F) {
	seedEnvelopes(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := keys.Open(raw)
		if err != nil {
			assertEnvelopeError(t, err)
			return
		}
		assertInvariant(t, e)
		entry := e.Encode()
		if len(entry) > len(raw) {
			t.Fatalf("the one form has %d bytes, more than the %d that came", len(entry), len(raw))
		}
		for name, read := range readers {
			again, err := read(entry)
			if err != nil {
				t.Fatalf("%s of an encoded envelope: %v", name, err)
			}
			if !bytes.Equal(again.Payload, e.Payload) || !bytes.Equal(again.Encode(), entry) {
				t.Fatalf("%s reads %q from %q", name, again.Encode(), entry)
			}
		}
	})
}

func assertEnvelopeError(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, keys.ErrMalformed) && !errors.Is(err, keys.ErrTooLarge) {
		t.Fatalf("an error of another kind: %v", err)
	}
}

// assertInvariant holds an envelope to what the package promises of it.
func assertInvariant(t *testing.T, e keys.Envelope) {
	t.Helper()
	if n := len(e.Signatures); n < 1 || n > keys.MaxSignatures {
		t.Fatalf("%d signatures", n)
	}
	for i, s := range e.Signatures {
		if _, err := keys.ParseID(string(s.KeyID)); err != nil {
			t.Fatalf("key id %q: %v", s.KeyID, err)
		}
		if bytes.ContainsAny([]byte(s.KeyID), "\r\n") {
			t.Fatalf("key id %q has a line break", s.KeyID)
		}
		if i > 0 && e.Signatures[i-1].KeyID >= s.KeyID {
			t.Fatalf("signature %d is out of order", i)
		}
	}
}
