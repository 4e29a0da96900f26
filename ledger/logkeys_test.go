package ledger_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	fmtlog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger"
	"spredning/ledger/tiles"
)

// nextLogKey is the one that the tests change to.
func nextLogKey() *ledger.LogKey { return logKey(origin, 98) }

// After ledger.amended the new key signs, old receipts stay valid, and each key
// only proves trees of its own time.
func TestLogKeyChanges(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.next = nextLogKey()
	n.open(t).found(t)
	early := n.must(t, bergen, publication())
	change := n.must(t, authority, &ledger.LedgerAmendment{LogKey: n.next.String()})
	late := n.must(t, bergen, publication())
	known := ledger.LogKeys{{Key: n.logKey.String(), From: 1}, {Key: n.next.String(), From: change.Index + 1}}
	for name, r := range map[string]ledger.Receipt{"before": early, "the change": change, "after": late} {
		if _, _, err := r.Verify(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := known.Open(r.Checkpoint); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		checkpoint []byte
		by         string
	}{"before": {early.Checkpoint, n.logKey.String()}, "the change": {change.Checkpoint, n.next.String()}, "after": {late.Checkpoint, n.next.String()}} {
		if _, err := ledger.OpenCheckpoint(c.checkpoint, c.by); err != nil {
			t.Errorf("%s: signed by another key: %v", name, err)
		}
	}
	// The old key in wrong hands signs a later tree.
	forged := ledger.LogKeys{{Key: n.next.String(), From: 1}, {Key: n.logKey.String(), From: change.Index + 1}}
	if _, err := forged.Open(late.Checkpoint); !errors.Is(err, ledger.ErrCheckpoint) {
		t.Errorf("a key proves what another signs: %v", err)
	}
	then, err := known.Open(early.Checkpoint)
	noError(t, err)
	now, err := known.Open(n.log.Checkpoint())
	noError(t, err)
	proof, err := tlog.ProveTree(now.Size, then.Size, n.log)
	noError(t, err)
	noError(t, tlog.CheckTree(proof, now.Size, now.Root, then.Size, then.Root))
}

// A node goes on after a restart, with the keys under their old names and under
// their new ones, and not without the new key.
func TestLogKeyAfterRestart(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.next = nextLogKey()
	n.open(t).found(t)
	n.must(t, authority, &ledger.LedgerAmendment{LogKey: n.next.String()})
	n.must(t, bergen, publication())
	for _, keys := range [][2]*ledger.LogKey{{logKey(origin, 99), nextLogKey()}, {nextLogKey(), nil}} {
		n.close()
		n.logKey, n.next = keys[0], keys[1]
		n.open(t)
		noError(t, n.Err())
		n.must(t, bergen, publication())
	}
	n.close()
	n.logKey = logKey(origin, 99)
	var damage *ledger.DamageError
	if err := n.tryOpen(); !errors.As(err, &damage) || !strings.Contains(err.Error(), "are signed with "+nextLogKey().String()) {
		t.Errorf("opened without the new key: %v", err)
	}
}

// A key that the node does not hold is refused before anything happens.
func TestLogKeyNotHeld(t *testing.T) {
	t.Parallel()
	n := newNode(t).open(t).found(t)
	_, _, err := n.Submit(context.Background(), n.envelope(authority, &ledger.LedgerAmendment{LogKey: nextLogKey().String()}, time.Now()))
	wantCode(t, ledger.InvalidField, err)
	n.must(t, bergen, publication())
	n.sound(t)
}

// Of two nodes on one stream, the one without the new key stops before the
// change, signs nothing after it, and goes on once it has the key.
func TestLogKeyOfAnotherNode(t *testing.T) {
	t.Parallel()
	ns := natsServerAt(t, t.TempDir(), -1)
	first := sharedNode(t, ns.ClientURL())
	first.next = nextLogKey()
	first.open(t).found(t)
	second := sharedNode(t, ns.ClientURL()).open(t)
	waitFor(t, "the second node to follow", func() bool { return second.Size() == 5 })
	first.must(t, authority, &ledger.LedgerAmendment{LogKey: first.next.String()})
	first.must(t, bergen, publication())
	waitFor(t, "the second node to stop", func() bool { return second.Err() != nil })
	if err := second.Err(); !strings.Contains(err.Error(), "are signed with "+first.next.String()) {
		t.Errorf("it stopped for another reason: %v", err)
	}
	if second.Size() != 5 {
		t.Errorf("it has a checkpoint of %d entries", second.Size())
	}
	second.close()
	second.next = nextLogKey()
	second.open(t)
	noError(t, second.Err())
	second.must(t, bergen, publication())
	waitFor(t, "the first node to follow", func() bool { return first.Size() == second.Size() })
}

// A mirror goes along with the change, and so does who serves it: both one that
// was there before and one that begins after it. What the old key signs after it
// is refused.
func TestLogKeyChangesInMirrors(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.next = nextLogKey()
	n.open(t).found(t)
	dir, m := n.mirrorOf(t)
	c, err := ledger.OpenCopy(ledger.CopyConfig{Dir: dir, Logger: silent})
	noError(t, err)
	n.must(t, authority, &ledger.LedgerAmendment{LogKey: n.next.String()})
	n.must(t, bergen, publication())
	if done := update(t, m, n.log); done.LogKey != n.next.String() || done.Size != n.Size() {
		t.Errorf("the mirror has %+v", done)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); c.Follow(ctx, time.Millisecond) }()
	waitFor(t, "the copy to follow", func() bool { return c.Log().Size() == n.Size() })
	stop()
	<-ended
	late, _ := n.mirrorOf(t)
	for _, dir := range []string{dir, late} {
		again, err := ledger.OpenCopy(ledger.CopyConfig{Dir: dir, Logger: silent})
		noError(t, err)
		r, err := again.Receipt(n.Size() - 1)
		noError(t, err)
		if _, _, err := r.Verify(n.next.String()); err != nil {
			t.Error(err)
		}
	}
	n.must(t, bergen, publication())
	refuses(t, dir, "", resigned(t, n, n.logKey), "not signed by the log's key")
	fresh := t.TempDir()
	if _, err := openMirror(t, fresh).Update(resigned(t, n, n.logKey)); err == nil || !strings.Contains(err.Error(), "the entries name the key") {
		t.Errorf("a new mirror takes the old key's word: %v", err)
	}
	if _, err := os.Stat(filepath.Join(fresh, "checkpoint")); err == nil {
		t.Error("and shows it")
	}
}

// resigned is a node's log with a checkpoint by another key.
func resigned(t *testing.T, n *node, key *ledger.LogKey) tiles.Source {
	t.Helper()
	c, err := ledger.ReadCheckpoint(n.log.Checkpoint())
	noError(t, err)
	text := fmtlog.Checkpoint{Origin: c.Origin, Size: uint64(c.Size), Hash: c.Root[:]}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, key)
	noError(t, err)
	return otherCheckpoint{n.log, signed}
}

// otherCheckpoint is a source with another checkpoint than its own.
type otherCheckpoint struct {
	tiles.Source
	checkpoint []byte
}

func (s otherCheckpoint) Resource(path string) ([]byte, error) {
	if path == "checkpoint" {
		return s.checkpoint, nil
	}
	return s.Source.Resource(path)
}
