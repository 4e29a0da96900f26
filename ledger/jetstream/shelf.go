package jetstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"spredning/ledger"
)

const (
	// SnapshotBucket names the object store of snapshots.
	SnapshotBucket = "SPREDNING_SNAPSHOTS"

	// theSnapshot is the only object in it; its metadata say the position.
	theSnapshot    = "newest"
	positionHeader = "position"
)

// Shelf keeps the newest snapshot in a JetStream object store (ADR-20) on the
// servers of the ledger's stream, for nodes that have none. Nothing depends on it:
// whoever takes a snapshot from it checks it.
type Shelf struct{ stream *Stream }

var _ ledger.Shelf = (*Shelf)(nil)

// Shelf gives the object store of snapshots beside the stream. It is made by the
// first Put.
func (s *Stream) Shelf() *Shelf { return &Shelf{s} }

// Put replaces the snapshot, unless that there is as new. Of two at the same time
// one stays.
func (s *Shelf) Put(ctx context.Context, position int64, from io.Reader) error {
	live, err := s.stream.session()
	if err != nil {
		return err
	}
	store, err := live.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: SnapshotBucket, Storage: jetstream.FileStorage, Replicas: live.copies})
	if err != nil {
		return fmt.Errorf("opening the bucket of snapshots: %w", err)
	}
	there, err := store.GetInfo(ctx, theSnapshot)
	if err == nil && positionOf(there) >= position {
		return nil
	}
	if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("looking the snapshot up: %w", err)
	}
	_, err = store.Put(ctx, jetstream.ObjectMeta{Name: theSnapshot, Metadata: map[string]string{positionHeader: strconv.FormatInt(position, 10)}}, from)
	if err != nil {
		return fmt.Errorf("storing the snapshot: %w", err)
	}
	return nil
}

func positionOf(info *jetstream.ObjectInfo) int64 {
	position, err := strconv.ParseInt(info.Metadata[positionHeader], 10, 64)
	if err != nil {
		return -1
	}
	return position
}

// Newest gives the snapshot; nil: there is none.
func (s *Shelf) Newest(ctx context.Context) ([]byte, error) {
	live, err := s.stream.session()
	if err != nil {
		return nil, err
	}
	store, err := live.js.ObjectStore(ctx, SnapshotBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening the bucket of snapshots: %w", err)
	}
	b, err := store.GetBytes(ctx, theSnapshot)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the snapshot: %w", err)
	}
	return b, nil
}
