package ledger_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	fmtlog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger"
	"spredning/ledger/tiles"
)

// logOf is a log of n entries that are no events, those from an index on others
// than those of other words, and a checkpoint of the key over them.
func logOf(t testing.TB, key *ledger.LogKey, n, from int, word string) *tiles.Log {
	t.Helper()
	l, err := tiles.Open(filepath.Join(t.TempDir(), "log"))
	noError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	entries := make([][]byte, n)
	for i := range entries {
		entries[i] = fmt.Appendf(nil, "entry %d", i)
		if i >= from {
			entries[i] = append(entries[i], word...)
		}
	}
	noError(t, l.Append(entries, func(size int64, root tlog.Hash) ([]byte, error) {
		text := fmtlog.Checkpoint{Origin: key.Name(), Size: uint64(size), Hash: root[:]}.Marshal()
		return note.Sign(&note.Note{Text: string(text)}, key)
	}))
	return l
}

func published(t testing.TB, key *ledger.LogKey, l tiles.Source) ledger.Published {
	t.Helper()
	p, err := ledger.ReadPublished(l, key.String())
	noError(t, err)
	return p
}

func TestPublishedExtends(t *testing.T) {
	key := logKey(origin, 99)
	all := published(t, key, logOf(t, key, 700, 700, ""))
	for name, c := range map[string]struct {
		n, from int
		word    string
		origin  string
		want    string
	}{
		"a part of it":                  {n: 300, from: 300},
		"itself":                        {n: 700, from: 700},
		"one entry":                     {n: 1, from: 1},
		"another last entry":            {n: 700, from: 699, word: "!", want: "forked"},
		"another entry long ago":        {n: 300, from: 17, word: "!", want: "forked"},
		"more":                          {n: 701, from: 701, want: "shrunk"},
		"more, with another last entry": {n: 800, from: 699, word: "!", want: "forked"},
		"of another ledger":             {n: 300, from: 300, origin: "spredning.example/other", want: "another one"},
	} {
		t.Run(name, func(t *testing.T) {
			other := key
			if c.origin != "" {
				other = logKey(c.origin, 99)
			}
			err := all.Extends(published(t, other, logOf(t, other, c.n, c.from, c.word)))
			var fork *ledger.ForkError
			switch c.want {
			case "":
				noError(t, err)
			case "shrunk":
				if !errors.Is(err, ledger.ErrShrunk) || errors.As(err, &fork) {
					t.Error(err)
				}
			default:
				if !errors.As(err, &fork) || fork.Earlier.Signed == nil || fork.Later.Signed == nil {
					t.Error(err)
				}
			}
		})
	}
	noError(t, all.Extends(ledger.Published{}))
	longer := published(t, key, logOf(t, key, 701, 701, ""))
	longer.Tree = nil
	if err := all.Extends(longer); !errors.Is(err, ledger.ErrShrunk) {
		t.Errorf("without its tree: %v", err)
	}
}

func TestReadPublished(t *testing.T) {
	key := logKey(origin, 99)
	l := logOf(t, key, 300, 300, "")
	p, err := ledger.ReadPublished(l)
	noError(t, err)
	if p.Size != 300 || p.Root != l.Root() || p.Origin != origin || string(p.Signed) != string(l.Checkpoint()) || p.Tree.Size() != 300 {
		t.Errorf("published: %+v", p.Checkpoint)
	}
	if _, err := ledger.ReadPublished(l, logKey(origin, 98).String()); !errors.Is(err, ledger.ErrCheckpoint) {
		t.Errorf("with another key: %v", err)
	}
	if _, err := ledger.ReadPublished(tiles.Folder(t.TempDir())); !errors.Is(err, tiles.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
}
