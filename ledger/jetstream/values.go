package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"spredning/ledger"
)

// The names of the key-value buckets.
const (
	// DraftBucket is that of half-signed events.
	DraftBucket = "SPREDNING_DRAFTS"
	// InvitationBucket is that of invitations to make a key.
	InvitationBucket = "SPREDNING_INVITATIONS"
)

const (
	// maxDraftBytes bounds all drafts together; most have 2 KB.
	maxDraftBytes = 256 << 20
	// maxInvitationBytes bounds all invitations together; most have 1 KB, none 8.
	maxInvitationBytes = 16 << 20
)

// Values is a key-value bucket beside the stream. A value's key is a SHA-256, a full
// stop and the organisation whose it is. The bucket is made when it is first used, and
// each use takes the stream's connection of then.
type Values struct {
	stream *Stream
	name   string
	bytes  int64         // that all values may have together
	age    time.Duration // that a value may reach
}

var _ ledger.Store = (*Values)(nil)

// Drafts gives the bucket of drafts beside the stream.
func (s *Stream) Drafts() *Values {
	return &Values{s, DraftBucket, maxDraftBytes, ledger.DraftAge}
}

// Invitations gives the bucket of invitations beside the stream.
func (s *Stream) Invitations() *Values {
	return &Values{s, InvitationBucket, maxInvitationBytes, ledger.InvitationAge}
}

func (b *Values) streamName() string { return "KV_" + b.name }

// subject is that of a key, or of many with * in the place of a part.
func (b *Values) subject(sum, by string) string { return "$KV." + b.name + "." + sum + "." + by }

// config is a key-value bucket as NATS has them (ADR-8), with one value a key, but
// read through the leader, so that a value is there for everyone as soon as it is
// saved.
func (b *Values) config(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              b.streamName(),
		Subjects:          []string{"$KV." + b.name + ".>"},
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardNew,
		MaxMsgs:           -1,
		MaxMsgsPerSubject: 1,
		MaxBytes:          b.bytes,
		MaxAge:            b.age,
		MaxMsgSize:        -1,
		MaxConsumers:      -1,
		Replicas:          replicas,
		Duplicates:        dedupe,
		DenyDelete:        true,
		AllowRollup:       true,
	}
}

func (b *Values) open(ctx context.Context) (jetstream.JetStream, jetstream.Stream, error) {
	live, err := b.stream.session()
	if err != nil {
		return nil, nil, err
	}
	stream, err := live.js.Stream(ctx, b.streamName())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = live.js.CreateStream(ctx, b.config(live.copies))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("opening the bucket %s: %w", b.name, err)
	}
	return live.js, stream, nil
}

// Load gives what is kept under a hash, whosever it is.
func (b *Values) Load(ctx context.Context, sum string) (value []byte, revision uint64, err error) {
	_, stream, err := b.open(ctx)
	if err != nil {
		return nil, 0, err
	}
	return b.last(ctx, stream, b.subject(sum, "*"))
}

// last gives the newest value of a key; revision 0: there is none.
func (b *Values) last(ctx context.Context, stream jetstream.Stream, subject string) (value []byte, revision uint64, err error) {
	m, err := stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading from the bucket %s: %w", b.name, err)
	}
	return m.Data, m.Sequence, nil
}

// Save keeps a value in the place of a revision.
func (b *Values) Save(ctx context.Context, sum string, by ledger.Orgnr, value []byte, revision uint64) error {
	js, _, err := b.open(ctx)
	if err != nil {
		return err
	}
	_, err = js.Publish(ctx, b.subject(sum, string(by)), value, jetstream.WithExpectLastSequencePerSubject(revision), jetstream.WithRetryAttempts(unheard), jetstream.WithRetryWait(unheardPause))
	if err != nil {
		return publishError(err)
	}
	return nil
}

// Count counts what is kept of an organisation.
func (b *Values) Count(ctx context.Context, by ledger.Orgnr) (int, error) {
	_, stream, err := b.open(ctx)
	if err != nil {
		return 0, err
	}
	subjects, err := b.subjects(ctx, stream, by)
	return len(subjects), err
}

// List gives what is kept of an organisation, or of all for [ledger.Anyone], by its hashes, of more than most those
// with the lowest. What changes meanwhile is given as it was before or after.
func (b *Values) List(ctx context.Context, by ledger.Orgnr, most int) (map[string][]byte, error) {
	_, stream, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	subjects, err := b.subjects(ctx, stream, by)
	if err != nil {
		return nil, err
	}
	values := map[string][]byte{}
	for _, subject := range subjects[:min(most, len(subjects))] {
		value, revision, err := b.last(ctx, stream, subject)
		if err != nil {
			return nil, err
		}
		if revision > 0 { // else it has expired meanwhile
			sum, _, _ := strings.Cut(strings.TrimPrefix(subject, "$KV."+b.name+"."), ".")
			values[sum] = value
		}
	}
	return values, nil
}

// subjects are the keys of an organisation, in order.
func (b *Values) subjects(ctx context.Context, stream jetstream.Stream, by ledger.Orgnr) ([]string, error) {
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(b.subject("*", string(by))))
	if err != nil {
		return nil, fmt.Errorf("asking the bucket %s what it has: %w", b.name, err)
	}
	all := make([]string, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		all = append(all, subject)
	}
	slices.Sort(all)
	return all, nil
}
