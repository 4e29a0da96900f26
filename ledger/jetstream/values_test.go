package jetstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"spredning/ledger"
)

const bergen, ahus = ledger.Orgnr("983974724"), ledger.Orgnr("983971636")

// sum is a payload's hash, by a digit.
func sum(n int) string {
	return strings.Repeat(fmt.Sprint(n%10), 64-len(fmt.Sprint(n))) + fmt.Sprint(n)
}

func loads(t *testing.T, d *Values, sum, want string) (revision uint64) {
	t.Helper()
	got, revision, err := d.Load(patient(t), sum)
	noError(t, err)
	if string(got) != want || (revision == 0) != (want == "") {
		t.Errorf("%q is kept, revision %d; want %q", got, revision, want)
	}
	return revision
}

func counts(t *testing.T, d *Values, by ledger.Orgnr, want int) {
	t.Helper()
	if n, err := d.Count(patient(t), by); err != nil || n != want {
		t.Errorf("%s has %d drafts, %v; want %d", by, n, err, want)
	}
}

func TestDrafts(t *testing.T) {
	t.Parallel()
	ctx, s := patient(t), embedIn(t, t.TempDir())
	d := s.Drafts()
	loads(t, d, sum(1), "")
	counts(t, d, bergen, 0)
	noError(t, d.Save(ctx, sum(1), bergen, []byte("one"), 0))
	noError(t, d.Save(ctx, sum(2), bergen, []byte("two"), 0))
	noError(t, d.Save(ctx, sum(3), ahus, []byte("three"), 0))
	revision := loads(t, d, sum(1), "one")
	noError(t, d.Save(ctx, sum(1), bergen, []byte("more"), revision))
	loads(t, d, sum(1), "more")
	loads(t, d, sum(2), "two")
	counts(t, d, bergen, 2)
	counts(t, d, ahus, 1)
	for _, stale := range []uint64{0, revision, revision + 100} {
		if err := d.Save(ctx, sum(1), bergen, []byte("lost"), stale); err != ledger.ErrConflict {
			t.Errorf("saving over revision %d gives %v", stale, err)
		}
	}
	loads(t, d, sum(1), "more")
	holds(t, s, nil) // nothing of it is in the ledger
}

// Of those who save over one revision at the same time, one does.
func TestDraftsRace(t *testing.T) {
	t.Parallel()
	ns := natsServer(t, t.TempDir(), -1)
	nodes := []*Values{connectTo(t, ns).Drafts(), connectTo(t, ns).Drafts()}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for {
				have, revision, err := nodes[i%2].Load(context.Background(), sum(1))
				if err == nil {
					err = nodes[i%2].Save(context.Background(), sum(1), bergen, append(bytes.Clone(have), byte('a'+i)), revision)
				}
				if err == nil {
					return
				}
				if !errors.Is(err, ledger.ErrConflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	got, _, err := nodes[0].Load(patient(t), sum(1))
	if err != nil || len(got) != 8 {
		t.Errorf("%q is kept of eight, %v", got, err)
	}
}

// Drafts are kept over a restart, and over an embedded server that is closed and
// opened again under those who use them.
func TestDraftsSurvive(t *testing.T) {
	t.Parallel()
	ctx, dir := patient(t), t.TempDir()
	s := embedIn(t, dir)
	d := s.Drafts()
	noError(t, d.Save(ctx, sum(1), bergen, []byte("one"), 0))
	s.Close()
	if _, _, err := d.Load(ctx, sum(1)); err == nil {
		t.Error("a closed bucket can be read")
	}
	if err := d.Save(ctx, sum(2), bergen, []byte("two"), 0); err == nil || errors.Is(err, ledger.ErrConflict) {
		t.Errorf("saving when closed gives %v", err)
	}
	if _, err := d.Count(ctx, bergen); err == nil {
		t.Error("what is in a closed bucket can be counted")
	}

	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_, _, _ = d.Load(ctx, sum(1)) // fails or not, but never for good
			}
		}
	})
	for range 3 {
		noError(t, s.Recover(ctx))
		loads(t, d, sum(1), "one")
	}
	close(stop)
	group.Wait()
	s.Close()
	loads(t, embedIn(t, dir).Drafts(), sum(1), "one")
}

// Without the server it says so soon, and goes on when it is back.
func TestDraftsWithoutServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ns := natsServer(t, dir, -1)
	s, port := connectTo(t, ns), portOf(t, ns)
	d := s.Drafts()
	noError(t, d.Save(patient(t), sum(1), bergen, []byte("one"), 0))
	ns.Shutdown()
	ns.WaitForShutdown()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if _, _, err := d.Load(ctx, sum(1)); err == nil {
		t.Error("a draft was read without a server")
	}
	if err := d.Save(ctx, sum(2), bergen, []byte("two"), 0); err == nil || errors.Is(err, ledger.ErrConflict) {
		t.Errorf("saving without a server gives %v", err)
	}
	natsServer(t, dir, port)
	waitFor(t, "the drafts to be back", func() bool { _, revision, err := d.Load(patient(t), sum(1)); return err == nil && revision > 0 })
}

// A full bucket, or one that is full of another's, keeps what it has.
func TestDraftsFull(t *testing.T) {
	t.Parallel()
	ns := natsServer(t, t.TempDir(), -1)
	d, js := connectTo(t, ns).Drafts(), admin(t, ns)
	small := d.config(1)
	small.MaxBytes = 4 << 10
	_, err := js.CreateStream(patient(t), small)
	noError(t, err)
	noError(t, d.Save(patient(t), sum(1), bergen, []byte("one"), 0))
	err = d.Save(patient(t), sum(2), bergen, make([]byte, 8<<10), 0)
	if err == nil || errors.Is(err, ledger.ErrConflict) {
		t.Errorf("saving into a full bucket gives %v", err)
	}
	loads(t, d, sum(1), "one")
	loads(t, d, sum(2), "")
	noError(t, d.Save(patient(t), sum(3), bergen, []byte("three"), 0))
}

// What an operator sees with the tools of NATS is a bucket.
func TestDraftsAreABucket(t *testing.T) {
	t.Parallel()
	ns := natsServer(t, t.TempDir(), -1)
	d, js := connectTo(t, ns).Drafts(), admin(t, ns)
	noError(t, d.Save(patient(t), sum(1), bergen, []byte("one"), 0))
	kv, err := js.KeyValue(patient(t), DraftBucket)
	noError(t, err)
	status, err := kv.Status(patient(t))
	noError(t, err)
	if status.TTL() != ledger.DraftAge || status.History() != 1 || status.Values() != 1 {
		t.Errorf("a bucket of %s, history %d, %d values", status.TTL(), status.History(), status.Values())
	}
	entry, err := kv.Get(patient(t), sum(1)+"."+string(bergen))
	noError(t, err)
	if string(entry.Value()) != "one" {
		t.Errorf("the value is %q", entry.Value())
	}
}

// In a cluster every node has every draft as soon as it is saved.
func TestDraftsInACluster(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, t.TempDir())
	var all []*Values
	for _, ns := range nodes {
		all = append(all, connectTo(t, ns).Drafts())
	}
	var revision uint64
	for i := range 9 {
		value := strings.Repeat("x", i+1)
		noError(t, all[i%3].Save(patient(t), sum(1), bergen, []byte(value), revision))
		revision = loads(t, all[(i+1)%3], sum(1), value)
	}
	stream, err := admin(t, nodes[0]).Stream(patient(t), all[0].streamName())
	noError(t, err)
	if n := stream.CachedInfo().Config.Replicas; n != 3 {
		t.Errorf("%d servers keep a copy", n)
	}
	nodes[1].Shutdown()
	waitFor(t, "the others to go on", func() bool {
		// One that the lost server took with it is never answered.
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := all[0].Save(ctx, sum(2), ahus, []byte("two"), 0)
		return err == nil || errors.Is(err, ledger.ErrConflict)
	})
	waitFor(t, "the others to have it", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, revision, err := all[2].Load(ctx, sum(2))
		return err == nil && revision > 0
	})
}

// TestInvitationsAreListed gives one organisation's values, and only those.
func TestInvitationsAreListed(t *testing.T) {
	t.Parallel()
	ctx, s := patient(t), embedIn(t, t.TempDir())
	b := s.Invitations()
	listed := func(by ledger.Orgnr, most int, want map[string]string) {
		t.Helper()
		got, err := b.List(ctx, by, most)
		noError(t, err)
		texts := map[string]string{}
		for sum, value := range got {
			texts[sum] = string(value)
		}
		if !maps.Equal(texts, want) {
			t.Errorf("%s has %v, want %v", by, texts, want)
		}
	}
	listed(bergen, 10, nil)
	noError(t, b.Save(ctx, sum(1), bergen, []byte("one"), 0))
	noError(t, b.Save(ctx, sum(3), ahus, []byte("three"), 0))
	noError(t, b.Save(ctx, sum(2), bergen, []byte("two"), 0))
	noError(t, b.Save(ctx, sum(1), bergen, []byte("more"), loads(t, b, sum(1), "one")))
	listed(bergen, 10, map[string]string{sum(1): "more", sum(2): "two"})
	listed(bergen, 2, map[string]string{sum(1): "more", sum(2): "two"})
	listed(bergen, 1, map[string]string{sum(1): "more"})
	listed(ahus, 10, map[string]string{sum(3): "three"})
	counts(t, b, bergen, 2)

	// Drafts lie elsewhere, though the hash may be the same.
	loads(t, s.Drafts(), sum(1), "")
	noError(t, s.Drafts().Save(ctx, sum(1), bergen, []byte("a draft"), 0))
	listed(bergen, 10, map[string]string{sum(1): "more", sum(2): "two"})
	counts(t, s.Drafts(), bergen, 1)

	config := b.config(1)
	if config.Name != "KV_SPREDNING_INVITATIONS" || config.MaxAge != 8*24*time.Hour || config.MaxBytes != 16<<20 {
		t.Errorf("the bucket is %+v", config)
	}
	s.Close()
	if _, err := b.List(ctx, bergen, 10); err == nil {
		t.Error("a closed bucket can be listed")
	}
}
