package ledger

import (
	"context"
	"errors"
)

var (
	// ErrConflict is returned by Append when another entry stands at the
	// expected place: nothing was appended.
	ErrConflict = errors.New("the stream has moved on")
	// ErrUnknown is wrapped by Append's errors when it is not known whether the
	// entries were, or will still be, appended. Only reading the stream, or
	// another append acknowledged at the same place, settles it.
	ErrUnknown = errors.New("outcome unknown")
)

// Stream is the durable order of entries. Its guarantees are what the ledger's
// are built on:
//
//   - Append is all or nothing, happens at exactly the given place, and is
//     durable when it returns nil.
//   - Read gives every entry in order or fails; it never passes one over.
type Stream interface {
	// Append adds 1 to 1,000 entries after the first size ones.
	Append(ctx context.Context, size int64, entries [][]byte) error
	// Read calls fn for each entry from an index on, up to the last one there is
	// when it is called. It stops at fn's error. A gap is a *DamageError.
	Read(ctx context.Context, from int64, fn func(index int64, entry []byte) error) error
	// Span tells which entries there are; Last is negative when there are none. A
	// stream that may lose entries is a *DamageError.
	Span(ctx context.Context) (Span, error)
	// Watch calls wake with the index of the last entry there is, and of each soon
	// after it is appended, by whomever, until the context ends. So nothing that
	// was appended between a Read and a Watch goes unseen.
	Watch(ctx context.Context, wake func(index int64)) error
	// Recover makes the stream usable again after an error, if that needs doing.
	Recover(ctx context.Context) error
}

// Span is what a stream holds: Count entries from index First to index Last.
type Span struct {
	First, Last, Count int64
	Doubt              error // why there may be newer ones; nil: there are none
}

// DamageError says that a stream or a second copy is not what was written to
// it. Nothing is written until it is repaired.
type DamageError struct{ Problem string }

func (e *DamageError) Error() string { return e.Problem }
