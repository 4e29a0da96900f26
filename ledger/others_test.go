package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	fmtlog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"

	"spredning/ledger"
)

// showing is somebody else with a checkpoint.
func showing(checkpoint []byte) ledger.Other {
	return ledger.Other{Name: "a mirror", Checkpoint: func(context.Context) ([]byte, error) { return checkpoint, nil }}
}

// seen is somebody else who has seen a log of some entries.
func seen(t *testing.T, entries [][]byte, key *ledger.LogKey) ledger.Other {
	t.Helper()
	root := rootOf(t, entries)
	text := fmtlog.Checkpoint{Origin: key.Name(), Size: uint64(len(entries)), Hash: root[:]}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, key)
	noError(t, err)
	return showing(signed)
}

// Before anything is signed, what others have seen is compared.
func TestOthers(t *testing.T) {
	t.Parallel()
	// forked has other entries than the ledger from an index on.
	forked := func(n *node, entries [][]byte, from, more int) [][]byte {
		return append(slices.Clone(entries[:from]), n.publications(more, time.Now())...)
	}
	for name, c := range map[string]struct {
		other func(t *testing.T, n *node, entries [][]byte) ledger.Other
		want  string
	}{
		"the same": {func(t *testing.T, n *node, es [][]byte) ledger.Other { return seen(t, es, n.logKey) }, ""},
		"behind":   {func(t *testing.T, n *node, es [][]byte) ledger.Other { return seen(t, es[:3], n.logKey) }, ""},
		"ahead": {
			func(t *testing.T, n *node, es [][]byte) ledger.Other { return seen(t, forked(n, es, 8, 1), n.logKey) },
			"a mirror has a checkpoint of 9 entries, the log on disk has 8",
		},
		"differs": {
			func(t *testing.T, n *node, es [][]byte) ledger.Other { return seen(t, forked(n, es, 7, 1), n.logKey) },
			"a mirror has another checkpoint of 8 entries",
		},
		"differs before": {
			func(t *testing.T, n *node, es [][]byte) ledger.Other { return seen(t, forked(n, es, 5, 1), n.logKey) },
			"a mirror has another checkpoint of 6 entries",
		},
		"ahead by another key": {
			func(t *testing.T, n *node, es [][]byte) ledger.Other {
				return seen(t, forked(n, es, 8, 1), logKey(origin, 98))
			}, "a mirror has a checkpoint of 9 entries, the log on disk has 8",
		},
		"ahead of another ledger": {
			func(t *testing.T, n *node, es [][]byte) ledger.Other {
				return seen(t, forked(n, es, 8, 1), logKey("other.example/test", 98))
			}, "",
		},
		"behind by another key": {
			func(t *testing.T, n *node, es [][]byte) ledger.Other {
				return seen(t, forked(n, es, 5, 1), logKey(origin, 98))
			}, "",
		},
		"no checkpoint": {func(*testing.T, *node, [][]byte) ledger.Other { return showing([]byte("<html>")) }, ""},
		"nobody there": {
			func(*testing.T, *node, [][]byte) ledger.Other {
				return ledger.Other{Name: "a mirror", Checkpoint: func(context.Context) ([]byte, error) { return nil, errInjected }}
			}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, entries := stopped(t)
			n.others = []ledger.Other{showing(nil), c.other(t, n, entries)}
			n.open(t)
			if c.want != "" {
				n.refusesToWrite(t, c.want, 8)
				return
			}
			noError(t, n.Err())
			n.must(t, bergen, publication())
			n.sound(t)
		})
	}
}

// On a shared stream a peer that goes on meanwhile is caught up with, even if it
// never stands still; one that has more than the stream is not.
func TestOthersGoOn(t *testing.T) {
	t.Parallel()
	url := natsServerAt(t, t.TempDir(), -1).ClientURL()
	first := sharedNode(t, url).open(t).found(t)
	second := sharedNode(t, url)
	var lost atomic.Bool
	second.others = []ledger.Other{{Name: "a peer", Checkpoint: func(ctx context.Context) ([]byte, error) {
		first.must(t, bergen, publication())
		if lost.Load() {
			return seen(t, append(first.sound(t), first.publications(1, time.Now())...), first.logKey).Checkpoint(ctx)
		}
		return bytes.Clone(first.log.Checkpoint()), nil
	}}}
	second.open(t)
	noError(t, second.Err())
	second.must(t, bergen, publication())
	second.sound(t)
	second.close()
	lost.Store(true)
	second.open(t)
	if err := second.Err(); !errors.Is(err, ledger.ErrAhead) || !strings.Contains(err.Error(), "a peer") {
		t.Errorf("it signs although a peer is ahead: %v", err)
	}
	lost.Store(false)
	waitFor(t, "the second node to go on", func() bool { return second.Err() == nil })
	second.must(t, bergen, publication())
	second.sound(t)
}
