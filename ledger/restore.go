package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

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
		err := log.Entries(at, min(at+maxBatch, size), func(index int64, entry []byte) error {
			batch = append(batch, bytes.Clone(entry))
			return checkLeaf(log, index, entry)
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

// TakeOver extends a log on disk, which may be empty, with what a mirror or the
// ledger's own addresses show more. The log must be the beginning of what they
// show, and its newest checkpoint becomes theirs: the same one, not signed anew.
// It is told by added of every batch; after an interruption it goes on where that
// was. A log that is not the beginning gives a *DamageError.
func TakeOver(log *tiles.Log, from Published, added func(entries int)) error {
	size := log.Size()
	if size > from.Size {
		return &DamageError{fmt.Sprintf("the log on disk has %d entries, more than the %d shown there", size, from.Size)}
	}
	if root, err := tlog.TreeHash(size, from.Tree); size > 0 && (err != nil || root != log.Root()) {
		return errors.Join(err, &DamageError{fmt.Sprintf("the log on disk is not the beginning of what is shown there: its root of %d entries is %s, there it is %s", size, log.Root(), root)})
	}
	theirs := func(int64, tlog.Hash) ([]byte, error) { return from.Signed, nil }
	var batch [][]byte
	flush := func() error {
		if err := log.Append(batch, theirs); err != nil {
			return fmt.Errorf("extending the log on disk: %w", err)
		}
		added(len(batch))
		batch = nil
		return nil
	}
	err := from.Tree.Entries(size, from.Size, func(_ int64, entry []byte) error {
		if batch = append(batch, entry); len(batch) < maxBatch {
			return nil
		}
		return flush()
	})
	if err == nil && (len(batch) > 0 || size == from.Size) {
		err = flush()
	}
	return err
}

// ReplayState audits a log on disk, which may come from elsewhere, and gives the
// state after it. It is told by read of every chunk. Errors are of reading the
// log, wrap ErrCheckpoint or are a *DamageError.
func ReplayState(log *tiles.Log, read func(entries int)) (*State, error) {
	p, err := readHead(log)
	if err != nil {
		return nil, err
	}
	done, err := Auditor{Each: func(entries []*Entry) error { read(len(entries)); return nil }}.Audit(context.Background(), p)
	if err != nil {
		return nil, asDamage(err)
	}
	return done.State, nil
}

// readHead reads a log on disk as it is published: up to a checkpoint of all that
// it has.
func readHead(log *tiles.Log) (Published, error) {
	c, err := ReadCheckpoint(log.Checkpoint())
	if err != nil {
		return Published{}, err
	}
	if err := sameHead(log, c); err != nil {
		return Published{}, err
	}
	return ReadPublished(log)
}

// checkHead compares a log with its checkpoint.
func checkHead(s *State, log *tiles.Log) error {
	c, err := s.logKeys.Open(log.Checkpoint())
	if err != nil {
		return err
	}
	return sameHead(log, c)
}

func sameHead(log *tiles.Log, c Checkpoint) error {
	size, root := log.Size(), log.Root()
	if c.Size != size || c.Root != root {
		return &DamageError{fmt.Sprintf("the log on disk has %d entries and root %s, its checkpoint says %d and %s", size, root, c.Size, c.Root)}
	}
	return nil
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
