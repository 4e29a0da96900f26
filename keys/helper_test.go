package keys_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"spredning/keys"
)

// testKey gives the n-th of a fixed row of keys.
func testKey(n int) *keys.Private {
	return keys.FromSeed(bytes.Repeat([]byte{byte(n)}, 32))
}

// testKeys gives the first n keys of the row.
func testKeys(n int) []*keys.Private {
	all := make([]*keys.Private, n)
	for i := range all {
		all[i] = testKey(i)
	}
	return all
}

// seal signs a payload with the keys.
func seal(t testing.TB, payload string, signers ...*keys.Private) keys.Envelope {
	t.Helper()
	e, err := keys.Seal([]byte(payload), signers...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// swap replaces the only occurrence of old in s.
func swap(t testing.TB, s, old, new string) string {
	t.Helper()
	if n := strings.Count(s, old); n != 1 {
		t.Fatalf("%q stands %d times in %s", old, n, s)
	}
	return strings.Replace(s, old, new, 1)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
