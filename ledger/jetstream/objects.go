package jetstream

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"spredning/ledger"
)

const (
	// Bucket names the object store of attachments.
	Bucket = "SPREDNING_ATTACHMENTS"

	// objectChunk is how many bytes of an object one message carries.
	objectChunk = 128 << 10
	// objectStream is the stream that a bucket is.
	objectStream = "OBJ_" + Bucket
)

// Objects keeps the bytes of attachments, by their SHA-256 in hex, in a JetStream
// object store (ADR-20) on the servers of the ledger's stream. Its methods may be
// called at the same time, by several nodes, and while the stream recovers.
//
//   - Put is all or nothing, and durable when it returns: the chunks and what
//     describes them go out as one atomic batch.
//   - What Erase was once called for is never stored again, and whatever Put was on
//     its way leaves no bytes: Erase first leaves a mark in the place that Put wants
//     to find empty.
//   - Erase overwrites the bytes where they lie. Deleting through the object store
//     would purge them, which leaves them in the block file until it is compacted;
//     so purging is denied. On a cluster each server also has them in its Raft log,
//     until it compacts that: every two to three minutes.
type Objects struct{ stream *Stream }

// Objects gives the object store beside the stream. It is made by the first Put.
func (s *Stream) Objects() *Objects { return &Objects{s} }

func objectConfig(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               objectStream,
		Subjects:           []string{"$O." + Bucket + ".C.>", "$O." + Bucket + ".M.>"},
		Storage:            jetstream.FileStorage,
		Discard:            jetstream.DiscardNew,
		MaxMsgs:            -1,
		MaxBytes:           -1,
		MaxMsgsPerSubject:  -1,
		MaxMsgSize:         -1,
		MaxConsumers:       -1,
		Replicas:           replicas,
		Duplicates:         dedupe,
		DenyPurge:          true,
		AllowAtomicPublish: true,
	}
}

// chunksOf is the subject of an object's chunks; metaOf of what describes it.
func chunksOf(name string) string { return "$O." + Bucket + ".C." + name }

func metaOf(name string) string {
	return "$O." + Bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(name))
}

// Put stores an attachment; again tells that it was there before. An error is
// [ledger.ErrErased], or the outcome is unknown and the same may be put again.
func (o *Objects) Put(ctx context.Context, name string, b []byte) (again bool, err error) {
	live, bucket, err := o.make(ctx)
	if err != nil {
		return false, err
	}
	if again, err = isStored(ctx, bucket, name); again || err != nil {
		return again, err
	}
	for attempt := 0; ; attempt++ {
		again, err = live.put(ctx, bucket, name, b)
		if !errors.Is(err, jetstream.ErrNoStreamResponse) || attempt == unheard {
			return again, err
		}
		time.Sleep(unheardPause)
	}
}

func (live *session) put(ctx context.Context, bucket jetstream.Stream, name string, b []byte) (again bool, err error) {
	msgs, err := objectMessages(name, b)
	if err != nil {
		return false, err
	}
	last := len(msgs) - 1
	for _, m := range msgs[:last] {
		if err := live.conn.PublishMsg(m); err != nil {
			return false, fmt.Errorf("storing an attachment: %w", err)
		}
	}
	if _, err := live.js.PublishMsg(ctx, msgs[last], jetstream.WithRetryAttempts(0)); isConflict(err) {
		return isStored(ctx, bucket, name) // another was first
	} else if err != nil {
		return false, fmt.Errorf("storing an attachment: %w", err)
	}
	return false, nil
}

// isStored tells whether an attachment is there; ErrErased: it never will be.
func isStored(ctx context.Context, bucket jetstream.Stream, name string) (bool, error) {
	_, _, err := describe(ctx, bucket, name)
	if errors.Is(err, ledger.ErrNotStored) {
		return false, nil
	}
	return err == nil, err
}

// Has tells whether an attachment's bytes are there to read.
func (o *Objects) Has(ctx context.Context, name string) (bool, error) {
	live, err := o.stream.session()
	if err != nil {
		return false, err
	}
	bucket, err := live.js.Stream(ctx, objectStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("opening the attachments: %w", err)
	}
	has, err := isStored(ctx, bucket, name)
	if errors.Is(err, ledger.ErrErased) {
		err = nil
	}
	return has, err
}

// Read gives an attachment's bytes. An error is [ledger.ErrNotStored],
// [ledger.ErrErased], or says why they cannot be read now.
func (o *Objects) Read(ctx context.Context, name string) ([]byte, error) {
	live, err := o.stream.session()
	if err != nil {
		return nil, err
	}
	bucket, err := live.js.Stream(ctx, objectStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, ledger.ErrNotStored
	}
	if err != nil {
		return nil, fmt.Errorf("opening the attachments: %w", err)
	}
	info, _, err := describe(ctx, bucket, name)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, min(info.Size, ledger.MaxAttachment))
	for seq := uint64(1); uint64(len(b)) < info.Size; {
		m, err := bucket.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(chunksOf(name)))
		if err != nil {
			return nil, fmt.Errorf("reading an attachment: %w", err)
		}
		b, seq = append(b, m.Data...), m.Sequence+1
	}
	return b, nil
}

// Erase removes an attachment's bytes for good. It may be called again, and for
// what was never stored.
func (o *Objects) Erase(ctx context.Context, name string) error {
	live, bucket, err := o.make(ctx)
	if err != nil {
		return err
	}
	mark, err := markErased(ctx, live.js, bucket, name)
	if err != nil {
		return fmt.Errorf("marking an attachment as erased: %w", err)
	}
	for _, subject := range []string{chunksOf(name), metaOf(name)} {
		if err := overwrite(ctx, bucket, subject, mark); err != nil {
			return fmt.Errorf("erasing an attachment: %w", err)
		}
	}
	return nil
}

// markErased puts a mark in the place of what describes an attachment, unless it
// stands there already, and gives its sequence. Put wants that place empty.
func markErased(ctx context.Context, js jetstream.JetStream, bucket jetstream.Stream, name string) (uint64, error) {
	for {
		_, seq, err := describe(ctx, bucket, name)
		if errors.Is(err, ledger.ErrErased) {
			return seq, nil
		}
		if err != nil && !errors.Is(err, ledger.ErrNotStored) {
			return 0, err
		}
		m, err := metaMessage(jetstream.ObjectInfo{ObjectMeta: jetstream.ObjectMeta{Name: name}, Bucket: Bucket, NUID: name, Deleted: true}, seq)
		if err != nil {
			return 0, err
		}
		ack, err := js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(unheard), jetstream.WithRetryWait(unheardPause))
		if err == nil {
			return ack.Sequence, nil
		}
		if !isConflict(err) {
			return 0, err
		}
	}
}

// overwrite removes the messages of a subject before a sequence, and overwrites
// what the store has of them.
func overwrite(ctx context.Context, bucket jetstream.Stream, subject string, before uint64) error {
	for {
		m, err := bucket.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && m.Sequence >= before {
			return nil
		}
		if err != nil {
			return err
		}
		if err := bucket.SecureDeleteMsg(ctx, m.Sequence); err != nil {
			return err
		}
	}
}

// make makes sure of the bucket. One that is configured in another way is refused
// by the server.
func (o *Objects) make(ctx context.Context) (*session, jetstream.Stream, error) {
	live, err := o.stream.session()
	if err != nil {
		return nil, nil, err
	}
	bucket, err := live.js.CreateStream(ctx, objectConfig(live.copies))
	if err != nil {
		return nil, nil, fmt.Errorf("opening the attachments: %w", err)
	}
	return live, bucket, nil
}

// describe reads what describes an attachment, and the sequence of that, which is
// 0 if there is nothing.
func describe(ctx context.Context, bucket jetstream.Stream, name string) (info jetstream.ObjectInfo, seq uint64, err error) {
	m, err := bucket.GetLastMsgForSubject(ctx, metaOf(name))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return info, 0, ledger.ErrNotStored
	}
	if err != nil {
		return info, 0, fmt.Errorf("looking an attachment up: %w", err)
	}
	if err := json.Unmarshal(m.Data, &info); err != nil {
		return info, m.Sequence, fmt.Errorf("looking an attachment up: %w", err)
	}
	if info.Deleted {
		return info, m.Sequence, ledger.ErrErased
	}
	return info, m.Sequence, nil
}

// objectMessages makes the atomic batch of an object: its chunks, and last what
// describes it.
func objectMessages(name string, b []byte) ([]*nats.Msg, error) {
	sum := sha256.Sum256(b)
	info := jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: name}, Bucket: Bucket, NUID: name, Size: uint64(len(b)),
		Digest: "SHA-256=" + base64.URLEncoding.EncodeToString(sum[:]),
	}
	var msgs []*nats.Msg
	for ; len(b) > 0; b = b[min(len(b), objectChunk):] {
		msgs = append(msgs, &nats.Msg{Subject: chunksOf(name), Data: b[:min(len(b), objectChunk)], Header: nats.Header{}})
	}
	info.Chunks = uint32(len(msgs))
	meta, err := metaMessage(info, 0)
	if err != nil {
		return nil, err
	}
	return batched(append(msgs, meta)), nil
}

// metaMessage is published only after a sequence of its own subject.
func metaMessage(info jetstream.ObjectInfo, after uint64) (*nats.Msg, error) {
	b, err := json.Marshal(info)
	if err != nil {
		return nil, fmt.Errorf("describing an attachment: %w", err)
	}
	return &nats.Msg{
		Subject: metaOf(info.Name), Data: b,
		Header: nats.Header{"Nats-Expected-Last-Subject-Sequence": {strconv.FormatUint(after, 10)}},
	}, nil
}
