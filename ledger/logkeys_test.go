package ledger_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger"
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
