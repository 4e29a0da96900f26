package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
)

// ParseEntry reads an entry's bytes as stored at an index. It checks form and
// fields, not signatures.
func ParseEntry(index int64, b []byte) (*Entry, error) {
	e, err := parseEntry(index, b)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", index, err)
	}
	return e, nil
}

func parseEntry(index int64, b []byte) (*Entry, error) {
	envelope, err := keys.Parse(b)
	if err != nil {
		return nil, err
	}
	event, err := ParseEvent(envelope.Payload)
	if err != nil {
		return nil, err
	}
	return &Entry{Signed{Event: event, Envelope: envelope}, index, b}, nil
}

// MarshalBinary writes the index and the bytes, which say all.
func (e *Entry) MarshalBinary() ([]byte, error) {
	return append(binary.AppendUvarint(nil, uint64(e.Index)), e.Bytes...), nil
}

// UnmarshalBinary parses what MarshalBinary wrote.
func (e *Entry) UnmarshalBinary(b []byte) error {
	index, n := binary.Uvarint(b)
	if n <= 0 {
		return errors.New("an entry without its index")
	}
	read, err := ParseEntry(int64(index), bytes.Clone(b[n:]))
	if err == nil {
		*e = *read
	}
	return err
}

// Entries is where entries can be read in order, and what they must hash to,
// such as *tiles.Log.
type Entries interface {
	Entries(from, to int64, fn func(index int64, entry []byte) error) error
	Leaf(index int64) (tlog.Hash, error)
}

// chunk is how many entries are read and parsed together.
const chunk = 256

type parsed struct {
	entries []*Entry
	err     error
}

// Replay reads the entries from an index up to another and calls fn with them,
// in order and a chunk at a time. They are hashed and parsed on all processors,
// ahead of fn. An entry that does not have its leaf hash is a *DamageError.
func Replay(log Entries, from, to int64, fn func([]*Entry) error) error {
	ahead := make(chan chan parsed, 2*runtime.GOMAXPROCS(0))
	stop := make(chan struct{})
	defer close(stop)
	go readAhead(log, from, to, ahead, stop)
	for result := range ahead {
		p := <-result
		if p.err != nil {
			return p.err
		}
		if err := fn(p.entries); err != nil {
			return err
		}
	}
	return nil
}

// readAhead hands chunks to parsers; the channel of results keeps their order.
func readAhead(log Entries, from, to int64, ahead chan<- chan parsed, stop <-chan struct{}) {
	defer close(ahead)
	for ; from < to; from += chunk {
		raw := make([][]byte, 0, chunk)
		first := from
		err := log.Entries(from, min(from+chunk, to), func(_ int64, b []byte) error {
			raw = append(raw, append([]byte(nil), b...))
			return nil
		})
		result := make(chan parsed, 1)
		select {
		case ahead <- result:
		case <-stop:
			return
		}
		if err != nil {
			result <- parsed{err: err}
			return
		}
		go func() { result <- parseChunk(log, first, raw) }()
	}
}

func parseChunk(log Entries, first int64, raw [][]byte) (p parsed) {
	p.entries = make([]*Entry, len(raw))
	for i, b := range raw {
		index := first + int64(i)
		if p.err = checkLeaf(log, index, b); p.err != nil {
			return p
		}
		if p.entries[i], p.err = ParseEntry(index, b); p.err != nil {
			return p
		}
	}
	return p
}

func checkLeaf(log Entries, index int64, b []byte) error {
	leaf, err := log.Leaf(index)
	if err != nil {
		return fmt.Errorf("reading the hash of entry %d: %w", index, err)
	}
	if tlog.RecordHash(b) != leaf {
		return &DamageError{fmt.Sprintf("entry %d does not have its leaf hash", index)}
	}
	return nil
}
