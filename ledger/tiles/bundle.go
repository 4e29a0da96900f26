package tiles

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// MaxEntry is the most bytes an entry can have; the least is 1.
const MaxEntry = 32768

// bundle is 256 consecutive entries, of which a reader uses those below the
// size it knows.
type bundle [tileWidth][]byte

// ParseBundle reads an entry bundle of 1 to 256 entries of 1 to 32,768 bytes
// each (c2sp.org/tlog-tiles). The entries share b's memory. The lengths and
// entries read, written again, are b.
func ParseBundle(b []byte) ([][]byte, error) {
	entries, err := parseBundle(nil, b)
	if err != nil {
		return nil, fmt.Errorf("parsing entry bundle: %w", err)
	}
	return entries, nil
}

// parseBundle is ParseBundle into the memory of dst.
func parseBundle(dst [][]byte, b []byte) ([][]byte, error) {
	if len(b) == 0 {
		return nil, errors.New("no entries")
	}
	for len(b) > 0 {
		if len(dst) == tileWidth {
			return nil, fmt.Errorf("more than %d entries", tileWidth)
		}
		entry, rest, err := cutEntry(b)
		if err != nil {
			return nil, fmt.Errorf("entry %d of the bundle: %w", len(dst), err)
		}
		dst, b = append(dst, entry), rest
	}
	return dst, nil
}

// cutEntry takes one entry and its length off the front of b.
func cutEntry(b []byte) (entry, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, errors.New("length is cut short")
	}
	n := int(binary.BigEndian.Uint16(b))
	if err := checkLength(n); err != nil {
		return nil, nil, err
	}
	b = b[2:]
	if len(b) < n {
		return nil, nil, fmt.Errorf("has %d of %d bytes", len(b), n)
	}
	return b[:n:n], b[n:], nil
}

// appendEntries adds entries, each behind its length, to dst.
func appendEntries(dst []byte, entries [][]byte) []byte {
	dst = slices.Grow(dst, encodedSize(entries))
	for _, entry := range entries {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(entry)))
		dst = append(dst, entry...)
	}
	return dst
}

// encodedSize is how many bytes appendEntries adds.
func encodedSize(entries [][]byte) int {
	size := 2 * len(entries)
	for _, entry := range entries {
		size += len(entry)
	}
	return size
}

func checkLength(n int) error {
	if n < 1 || n > MaxEntry {
		return fmt.Errorf("is %d bytes, want 1 to %d", n, MaxEntry)
	}
	return nil
}
