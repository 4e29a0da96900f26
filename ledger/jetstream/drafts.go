package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"spredning/ledger"
)

const (
	// DraftBucket is the name of the key-value bucket that drafts lie in.
	DraftBucket = "SPREDNING_DRAFTS"
	// maxDraftBytes bounds all drafts together; most have 2 KB.
	maxDraftBytes = 256 << 20

	draftStream   = "KV_" + DraftBucket
	draftSubjects = "$KV." + DraftBucket + "."
)

// Drafts is a bucket of half-signed events beside the stream, as a
// [ledger.DraftStore]. A draft's key is the hash of its payload, a full stop and
// the organisation that the event is by. It is made when it is first used, and
// each use takes the stream's connection of then.
type Drafts struct{ stream *Stream }

var _ ledger.DraftStore = (*Drafts)(nil)

// Drafts gives the bucket of drafts beside the stream.
func (s *Stream) Drafts() *Drafts { return &Drafts{s} }

// draftConfig is a key-value bucket as NATS has them (ADR-8), with one value a
// key, but read through the leader, so that a draft is there for everyone as soon
// as it is posted.
func draftConfig(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              draftStream,
		Subjects:          []string{draftSubjects + ">"},
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardNew,
		MaxMsgs:           -1,
		MaxMsgsPerSubject: 1,
		MaxBytes:          maxDraftBytes,
		MaxAge:            ledger.DraftAge,
		MaxMsgSize:        -1,
		MaxConsumers:      -1,
		Replicas:          replicas,
		Duplicates:        dedupe,
		DenyDelete:        true,
		AllowRollup:       true,
	}
}

func (d *Drafts) open(ctx context.Context) (jetstream.JetStream, jetstream.Stream, error) {
	live, err := d.stream.session()
	if err != nil {
		return nil, nil, err
	}
	stream, err := live.js.Stream(ctx, draftStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = live.js.CreateStream(ctx, draftConfig(replicas(live.conn)))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("opening the bucket %s: %w", DraftBucket, err)
	}
	return live.js, stream, nil
}

// Load gives what is kept of a payload.
func (d *Drafts) Load(ctx context.Context, sum string) (envelope []byte, revision uint64, err error) {
	_, stream, err := d.open(ctx)
	if err != nil {
		return nil, 0, err
	}
	m, err := stream.GetLastMsgForSubject(ctx, draftSubjects+sum+".*")
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading a draft: %w", err)
	}
	return m.Data, m.Sequence, nil
}

// Save keeps an envelope in the place of a revision.
func (d *Drafts) Save(ctx context.Context, sum string, by ledger.Orgnr, envelope []byte, revision uint64) error {
	js, _, err := d.open(ctx)
	if err != nil {
		return err
	}
	_, err = js.Publish(ctx, draftSubjects+sum+"."+string(by), envelope, jetstream.WithExpectLastSequencePerSubject(revision), jetstream.WithRetryAttempts(0))
	if err != nil {
		return publishError(err)
	}
	return nil
}

// Count counts what is kept of an organisation.
func (d *Drafts) Count(ctx context.Context, by ledger.Orgnr) (int, error) {
	_, stream, err := d.open(ctx)
	if err != nil {
		return 0, err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(draftSubjects+"*."+string(by)))
	if err != nil {
		return 0, fmt.Errorf("counting drafts: %w", err)
	}
	return len(info.State.Subjects), nil
}
