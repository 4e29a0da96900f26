package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger/tiles"
)

// memoryLog is a log's public files, as a [tiles.Source].
type memoryLog map[string][]byte

func (m memoryLog) Place(path string) string { return "memory/" + path }

func (m memoryLog) Resource(path string) ([]byte, error) {
	b, ok := m[path]
	if !ok {
		return nil, fmt.Errorf("%s: %w", path, tiles.ErrNotFound)
	}
	return b, nil
}

// newMemoryLog makes the files of a log of any entries, and signs it.
func newMemoryLog(t testing.TB, key *LogKey, entries [][]byte) memoryLog {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (hashes []tlog.Hash, err error) {
		for _, i := range indexes {
			hashes = append(hashes, stored[i])
		}
		return hashes, nil
	})
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, b := range entries {
		hashes, err := tlog.StoredHashes(int64(i), b, reader)
		must(err)
		stored = append(stored, hashes...)
	}
	m := memoryLog{}
	size := int64(len(entries))
	for level := 0; size>>(8*level) > 0; level++ {
		for n := int64(0); n<<8 < size>>(8*level); n++ {
			width := min(256, size>>(8*level)-n<<8)
			var tile, bundle []byte
			for i := n << 8; i < n<<8+width; i++ {
				h := stored[tlog.StoredHashIndex(8*level, i)]
				tile = append(tile, h[:]...)
				if level == 0 {
					bundle = append(append(bundle, byte(len(entries[i])>>8), byte(len(entries[i]))), entries[i]...)
				}
			}
			m[tiles.TilePath(level, n, int(width))] = tile
			if level == 0 {
				m[tiles.BundlePath(n, int(width))] = bundle
			}
		}
	}
	root, err := tlog.TreeHash(size, reader)
	must(err)
	m["checkpoint"], err = key.checkpoint(size, root)
	must(err)
	return m
}

// audit audits a log of any entries that a key has signed.
func audit(t testing.TB, key *LogKey, entries [][]byte) (Audited, error) {
	t.Helper()
	p, err := ReadPublished(newMemoryLog(t, key, entries))
	if err != nil {
		t.Fatal(err)
	}
	return Auditor{}.Audit(context.Background(), p)
}

// audited puts an event into a log that the log's key signs, whatever Decide says,
// and lets an audit find it.
func (w *world) audited(a wAct, want Code) {
	w.Helper()
	good := w.bytes()
	if want == wAccepted {
		done, err := audit(&testing.T{}, w.logKey(), good)
		if err != nil || done.Entries != int64(len(good)) {
			w.Errorf("of %d admissible entries %d were audited: %v", len(good), done.Entries, err)
		}
		return
	}
	bad := w.seal(a)
	_, err := audit(&testing.T{}, w.logKey(), append(slices.Clone(good), bad))
	var found *EntryError
	var refusal *Refusal
	if !errors.As(err, &found) || found.Index != int64(len(good)) || string(found.Entry) != string(bad) {
		w.Errorf("an audit says %v of entry %d, which breaks a rule", err, len(good))
	} else if !errors.As(err, &refusal) || refusal.Code != want {
		w.Errorf("an audit says %v, want %s", err, want)
	}
}

// logKey is the key that signs checkpoints by now.
func (w *world) logKey() *LogKey {
	w.Helper()
	for _, name := range [][]string{nil, {"2"}, {"3"}} {
		k, err := NewLogKey(wOrigin, wAuthority.key("log", name...))
		if err == nil && k.String() == w.state.LogKey() {
			return k
		}
	}
	w.Fatalf("no key here is %s", w.state.LogKey())
	return nil
}
