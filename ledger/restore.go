package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"spredning/ledger/tiles"
)

// Restore gives a stream what it lacks of the log on disk: the same entries at
// the same sequences, so that the same checkpoint holds. The stream must be
// empty or begin as the log does; what it has more is left, for [Open] to check
// and take over. Restoring again after an interruption goes on where that was.
//
// The caller keeps every other writer away, and has compared the log with its
// checkpoint and with what others have seen. It is told by added of every batch.
// A stream that holds anything else, or has a gap, gives a *DamageError and is
// not changed: it can only be set aside.
func Restore(ctx context.Context, stream Stream, log *tiles.Log, added func(entries int)) (total int64, err error) {
	from, err := compareAll(ctx, stream, log)
	if err != nil {
		return 0, err
	}
	for size := log.Size(); from+total < size; {
		batch := make([][]byte, 0, maxBatch)
		at := from + total
		err := log.Entries(at, min(at+maxBatch, size), func(_ int64, entry []byte) error {
			batch = append(batch, bytes.Clone(entry))
			return nil
		})
		if err != nil {
			return total, fmt.Errorf("reading the log on disk: %w", err)
		}
		if err := appendOnce(ctx, stream, at, batch); err != nil {
			return total, fmt.Errorf("appending entries from %d on to the stream: %w", at, err)
		}
		total += int64(len(batch))
		added(len(batch))
	}
	return total, nil
}

// appendOnce gives an append its time limit.
func appendOnce(ctx context.Context, stream Stream, at int64, batch [][]byte) error {
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	return stream.Append(ctx, at, batch)
}

// compareAll compares a stream with the log on disk, entry by entry, and gives
// how many it has of the log's.
func compareAll(ctx context.Context, stream Stream, log *tiles.Log) (same int64, err error) {
	span, err := stream.Span(ctx)
	switch {
	case err != nil:
		return 0, fmt.Errorf("asking the stream for its span: %w", err)
	case span.Last < 0 && span.First <= 0:
		return 0, nil
	case span.First != 0 || span.Count != span.Last-span.First+1:
		return 0, &DamageError{fmt.Sprintf("the stream has a gap: %d entries stand between %d and %d", span.Count, span.First, span.Last)}
	}
	errDone := errors.New("compared all")
	err = stream.Read(ctx, 0, func(index int64, entry []byte) error {
		if index >= log.Size() {
			return errDone
		}
		own, err := log.Entry(index)
		if err != nil {
			return fmt.Errorf("reading entry %d of the log on disk: %w", index, err)
		}
		if !bytes.Equal(own, entry) {
			return &DamageError{fmt.Sprintf("the stream's entry %d is not the one in the log on disk", index)}
		}
		same = index + 1
		return nil
	})
	if errors.Is(err, errDone) {
		err = nil
	}
	if err == nil && same < min(span.Count, log.Size()) {
		err = &DamageError{fmt.Sprintf("the stream gave %d of its %d entries", same, span.Count)}
	}
	return same, err
}
