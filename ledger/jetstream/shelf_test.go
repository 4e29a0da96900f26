package jetstream

import (
	"bytes"
	"strings"
	"testing"
)

// A snapshot is replaced by a newer one alone, and every node finds it.
func TestShelf(t *testing.T) {
	ns := natsServer(t, t.TempDir(), -1)
	one, other := connectTo(t, ns).Shelf(), connectTo(t, ns).Shelf()
	ctx := patient(t)
	if b, err := one.Newest(ctx); b != nil || err != nil {
		t.Fatalf("an empty shelf has %d bytes, %v", len(b), err)
	}
	large := bytes.Repeat([]byte("snapshot"), 100_000) // several chunks
	noError(t, one.Put(ctx, 10, strings.NewReader("ten")))
	noError(t, other.Put(ctx, 20, bytes.NewReader(large)))
	noError(t, one.Put(ctx, 15, strings.NewReader("fifteen")))
	for _, s := range []*Shelf{one, other} {
		b, err := s.Newest(ctx)
		noError(t, err)
		if !bytes.Equal(b, large) {
			t.Errorf("%d bytes, not those of the newest", len(b))
		}
	}
}
