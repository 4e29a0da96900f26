package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"spredning/ledger"
)

const (
	// Name is the stream's name.
	Name = "SPREDNING"
	// Subject is the one subject that entries are published on.
	Subject = "spredning.events"

	// pull is how many messages a read asks for at a time. With 50,000 and more
	// pulls were seen to hang.
	pull = 5000
	// patience is how long a read waits for the next message before it gives up.
	patience = 10 * time.Second
	// newest is how many entries are asked of the leader, and askAtOnce how many of
	// them at the same time.
	newest, askAtOnce = 512, 64
	// A bucket that was made just now may not be known at every server of a cluster:
	// what is published to it then reaches nobody, and is published again, so often and
	// after such a pause.
	unheard, unheardPause = 20, 100 * time.Millisecond
	// dedupe is the stream's window for message ids, of which there are none. A
	// long one makes starts slow.
	dedupe = time.Second
)

// Stream is a JetStream stream as a [ledger.Stream].
type Stream struct {
	logger *slog.Logger
	open   func() (*nats.Conn, func(), error) // connects; the func ends what it started
	conn   *nats.Conn
	js     jetstream.JetStream
	copies int // replicas of a stream on these servers
	end    func()
	live   atomic.Pointer[session] // conn and js, for others than the ledger
	why    error                   // it is not connected
}

// session is a connection while it lasts: when an embedded server is closed and
// opened again there is another.
type session struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	copies int
}

var _ ledger.Stream = (*Stream)(nil)

// config is the stream's configuration. One that differs is refused.
func config(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               Name,
		Subjects:           []string{Subject},
		Storage:            jetstream.FileStorage,
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardNew,
		MaxMsgs:            -1,
		MaxBytes:           -1,
		MaxMsgsPerSubject:  -1,
		MaxMsgSize:         -1,
		MaxConsumers:       -1,
		Replicas:           replicas,
		Duplicates:         dedupe,
		DenyDelete:         true,
		DenyPurge:          true,
		AllowAtomicPublish: true,
	}
}

// Start connects and makes sure of the stream. After an error it is not connected, and
// says why when it is used.
func (s *Stream) Start(ctx context.Context) error {
	s.why = s.start(ctx)
	return s.why
}

func (s *Stream) start(ctx context.Context) error {
	conn, end, err := s.open()
	if err != nil {
		return err
	}
	s.conn, s.end, s.copies = conn, end, replicas(conn)
	if !conn.IsConnected() {
		s.Close()
		return errors.New("the NATS server was lost again at once")
	}
	if s.js, err = jetstream.New(conn); err != nil {
		s.Close()
		return fmt.Errorf("using JetStream: %w", err)
	}
	if err := s.ensure(ctx); err != nil {
		s.Close()
		return err
	}
	s.live.Store(&session{s.conn, s.js, s.copies})
	return nil
}

// ensure makes the stream if there is none. On a cluster that is for its operator,
// and others get no answer.
func (s *Stream) ensure(ctx context.Context) error {
	_, err := s.js.Stream(ctx, Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if _, err = s.js.CreateStream(ctx, config(s.copies)); err != nil {
			return fmt.Errorf("there is no stream %s, and making it failed: %w; on a cluster spredning restore or found makes it with the operator's credentials, see docs/cluster.md", Name, err)
		}
	}
	if err != nil {
		return fmt.Errorf("opening the stream %s: %w", Name, err)
	}
	return nil
}

// disconnected is the error of what needs a connection when there is none.
func (s *Stream) disconnected() error {
	if s.why != nil {
		return fmt.Errorf("not connected: %w", s.why)
	}
	return errors.New("not connected")
}

// session gives the connection to what lies beside the stream, for one use.
func (s *Stream) session() (*session, error) {
	live := s.live.Load()
	if live == nil {
		return nil, errors.New("not connected")
	}
	return live, nil
}

// replicas is how many copies of a stream there are to be. It is asked once: while
// the connection is lost it would seem that there is no cluster.
func replicas(conn *nats.Conn) int {
	if conn.ConnectedClusterName() != "" {
		return 3
	}
	return 1
}

func compare(have, want jetstream.StreamConfig) error {
	for _, c := range []struct {
		name       string
		have, want any
	}{
		{"subjects", fmt.Sprint(have.Subjects), fmt.Sprint(want.Subjects)},
		{"storage", have.Storage, want.Storage},
		{"retention", have.Retention, want.Retention},
		{"max_msgs", have.MaxMsgs, want.MaxMsgs},
		{"max_bytes", have.MaxBytes, want.MaxBytes},
		{"max_age", have.MaxAge, want.MaxAge},
		{"max_msgs_per_subject", have.MaxMsgsPerSubject, want.MaxMsgsPerSubject},
		{"max_msg_size", have.MaxMsgSize, want.MaxMsgSize},
		{"num_replicas", have.Replicas, want.Replicas},
		{"duplicate_window", have.Duplicates <= want.Duplicates, true},
		{"deny_delete", have.DenyDelete, true},
		{"deny_purge", have.DenyPurge, true},
		{"allow_atomic", have.AllowAtomicPublish, true},
		{"sealed", have.Sealed, false},
		{"mirror", have.Mirror != nil, false},
		{"sources", len(have.Sources), 0},
		{"persist_mode", have.PersistMode, want.PersistMode},
		{"allow_msg_ttl", have.AllowMsgTTL, false},
	} {
		if c.have != c.want {
			return &ledger.DamageError{Problem: fmt.Sprintf("the stream %s is configured in another way: %s is %v, must be %v", Name, c.name, c.have, c.want)}
		}
	}
	return nil
}

// Close drains the connection and stops an embedded server.
func (s *Stream) Close() {
	s.live.Store(nil)
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
	if s.end != nil {
		s.end()
		s.end = nil
	}
}

// Append publishes entries after the first size ones: one as a plain publish,
// more as one atomic batch. Its errors are [ledger.ErrConflict] or wrap
// [ledger.ErrUnknown].
func (s *Stream) Append(ctx context.Context, size int64, entries [][]byte) error {
	if s.conn == nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnknown, s.disconnected())
	}
	msgs := messages(size, entries)
	last := len(msgs) - 1
	for _, m := range msgs[:last] {
		if err := s.conn.PublishMsg(m); err != nil {
			return fmt.Errorf("%w: publishing: %w", ledger.ErrUnknown, err)
		}
	}
	ack, err := s.js.PublishMsg(ctx, msgs[last], jetstream.WithRetryAttempts(0))
	if err != nil {
		return publishError(err)
	}
	if want := uint64(size) + uint64(len(entries)); ack.Stream != Name || ack.Sequence != want {
		return fmt.Errorf("%w: acknowledged sequence %d of %s, expected %d", ledger.ErrUnknown, ack.Sequence, ack.Stream, want)
	}
	return nil
}

// messages makes the messages of an append, with the headers of ADR-50 if there
// is more than one.
func messages(size int64, entries [][]byte) []*nats.Msg {
	msgs := make([]*nats.Msg, len(entries))
	for i, e := range entries {
		msgs[i] = &nats.Msg{Subject: Subject, Data: e, Header: nats.Header{}}
	}
	msgs[0].Header["Nats-Expected-Last-Sequence"] = []string{strconv.FormatInt(size, 10)}
	if len(entries) > 1 {
		return batched(msgs)
	}
	return msgs
}

// batched adds the headers that make messages one atomic batch.
func batched(msgs []*nats.Msg) []*nats.Msg {
	id := nuid.Next()
	for i, m := range msgs {
		m.Header["Nats-Batch-Id"] = []string{id}
		m.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i + 1)}
	}
	msgs[len(msgs)-1].Header["Nats-Batch-Commit"] = []string{"1"}
	return msgs
}

// The error codes of a failed check of the expected last sequence; the second
// comes from a raced replicated stream.
const (
	wrongLastSequence     jetstream.ErrorCode = 10071
	wrongLastSequenceRace jetstream.ErrorCode = 10164
)

func isConflict(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == wrongLastSequence || api.ErrorCode == wrongLastSequenceRace)
}

func publishError(err error) error {
	if isConflict(err) {
		return ledger.ErrConflict
	}
	return fmt.Errorf("%w: publishing: %w", ledger.ErrUnknown, err)
}

// Span tells first and last index and the count, as the stream's leader sees
// them, and whether that can be doubted. A stream that is configured in another way is a *ledger.DamageError: it
// could lose entries.
func (s *Stream) Span(ctx context.Context) (ledger.Span, error) {
	stream, err := s.stream(ctx)
	if err != nil {
		return ledger.Span{}, err
	}
	info := stream.CachedInfo()
	state := info.State
	return ledger.Span{First: int64(state.FirstSeq) - 1, Last: int64(state.LastSeq) - 1, Count: int64(state.Msgs), Doubt: leads(info.Cluster, info.TimeStamp)}, nil
}

// lease is for how long after it has heard from the leader a server chooses no other.
const lease = 4 * time.Second

// leads tells why a leader may not know the newest entries: it is cut off, so that others
// may have chosen another; or it leads for so short a time that it may not yet have taken
// over what was appended before.
func leads(cluster *jetstream.ClusterInfo, now time.Time) error {
	if cluster == nil || len(cluster.Replicas) == 0 {
		return nil
	}
	heard := 1 // itself
	for _, r := range cluster.Replicas {
		if !r.Offline && r.Active < lease {
			heard++
		}
	}
	if all := len(cluster.Replicas) + 1; heard <= all/2 {
		return fmt.Errorf("the stream's leader, %s, has heard from %d of %d servers: it may be cut off from the others", cluster.Leader, heard, all)
	}
	if since := cluster.LeaderSince; since == nil || now.Sub(*since) < lease {
		return fmt.Errorf("the stream's leader, %s, was chosen just now: it may not know the newest entries yet", cluster.Leader)
	}
	return nil
}

// stream gives the stream as its leader sees it now.
func (s *Stream) stream(ctx context.Context) (jetstream.Stream, error) {
	if s.conn == nil {
		return nil, s.disconnected()
	}
	stream, err := s.js.Stream(ctx, Name)
	if err != nil {
		return nil, fmt.Errorf("asking for the stream %s: %w", Name, err)
	}
	return stream, compare(stream.CachedInfo().Config, config(s.copies))
}

// Read calls fn for each entry from an index on, up to the last one there is
// now. The newest ones on servers elsewhere are asked of the stream's leader, one by
// one: a consumer must first be agreed upon by the servers, may be at one that is
// behind, and was seen to wait for what it had already.
func (s *Stream) Read(ctx context.Context, from int64, fn func(index int64, entry []byte) error) error {
	stream, err := s.stream(ctx)
	if err != nil {
		return err
	}
	state := stream.CachedInfo().State
	last := int64(state.LastSeq) - 1
	if from > last || state.Msgs == 0 {
		return nil
	}
	if s.end != nil {
		return s.consume(ctx, from, last, fn)
	}
	if last-from >= newest {
		if err := s.consume(ctx, from, last-newest, fn); err != nil {
			return err
		}
		from = last - newest + 1
	}
	return ask(ctx, stream, from, last, fn)
}

// consume reads entries up to a last one through a consumer.
func (s *Stream) consume(ctx context.Context, from, last int64, fn func(index int64, entry []byte) error) error {
	messages, err := s.follow(ctx, from)
	if err != nil {
		return err
	}
	defer messages.Stop()
	for next := from; next <= last; next++ {
		index, entry, err := receive(ctx, messages)
		if err != nil {
			return fmt.Errorf("reading entry %d of the stream: %w", next, err)
		}
		if index != next {
			return &ledger.DamageError{Problem: fmt.Sprintf("the stream has a gap: entry %d cannot be read, the next is %d", next, index)}
		}
		if err := fn(index, entry); err != nil {
			return err
		}
	}
	return nil
}

// ask reads entries up to a last one from the stream's leader, some at a time.
func ask(ctx context.Context, stream jetstream.Stream, from, last int64, fn func(index int64, entry []byte) error) error {
	for ; from <= last; from += askAtOnce {
		entries := make([][]byte, min(askAtOnce, last-from+1))
		errs := make([]error, len(entries))
		var all sync.WaitGroup
		for i := range entries {
			all.Go(func() { entries[i], errs[i] = askFor(ctx, stream, from+int64(i)) })
		}
		all.Wait()
		for i, entry := range entries {
			if errs[i] != nil {
				return errs[i]
			}
			if err := fn(from+int64(i), entry); err != nil {
				return err
			}
		}
	}
	return nil
}

// askFor gives one entry. That the leader has none there may be for its having come to
// lead just now; it is a gap if it has later ones, and still not this.
func askFor(ctx context.Context, stream jetstream.Stream, index int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	sequence := uint64(index) + 1
	m, err := stream.GetMsg(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		if info, infoErr := stream.Info(ctx); infoErr == nil && info.State.LastSeq >= sequence {
			if m, err = stream.GetMsg(ctx, sequence); errors.Is(err, jetstream.ErrMsgNotFound) {
				return nil, &ledger.DamageError{Problem: fmt.Sprintf("the stream has a gap: entry %d cannot be read", index)}
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading entry %d of the stream: %w", index, err)
	}
	return m.Data, nil
}

func (s *Stream) follow(ctx context.Context, from int64) (jetstream.MessagesContext, error) {
	consumer, err := s.js.OrderedConsumer(ctx, Name, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   uint64(from) + 1,
	})
	if err != nil {
		return nil, fmt.Errorf("reading the stream: %w", err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(pull))
	if err != nil {
		return nil, fmt.Errorf("reading the stream: %w", err)
	}
	return messages, nil
}

func receive(ctx context.Context, messages jetstream.MessagesContext) (index int64, entry []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m, err := messages.Next(jetstream.NextContext(ctx))
	if err != nil {
		return 0, nil, err
	}
	meta, err := m.Metadata()
	if err != nil {
		return 0, nil, err
	}
	return int64(meta.Sequence.Stream) - 1, m.Data(), nil
}

// Watch calls wake with the index of the last entry there is and of each that
// is appended from now on, by whomever, until the context ends.
func (s *Stream) Watch(ctx context.Context, wake func(index int64)) error {
	live, err := s.session() // the ledger may be opening it meanwhile
	if err != nil {
		return fmt.Errorf("watching the stream: %w", err)
	}
	consumer, err := live.js.OrderedConsumer(ctx, Name, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverLastPolicy,
		HeadersOnly:   true,
	})
	if err != nil {
		return fmt.Errorf("watching the stream: %w", err)
	}
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		if meta, err := m.Metadata(); err == nil {
			wake(int64(meta.Sequence.Stream) - 1)
		}
	})
	if err != nil {
		return fmt.Errorf("watching the stream: %w", err)
	}
	defer consuming.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-consuming.Closed():
		return errors.New("watching the stream: the consumer has ended")
	}
}
