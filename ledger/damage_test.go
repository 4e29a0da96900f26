package ledger_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"spredning/ledger"
	"spredning/ledger/jetstream"
)

// What somebody else does to a stream that denies deletes and purges is noticed
// soon, also when nobody writes; readers are served all the while.
func TestStreamSpoiledWhileRunning(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(ctx context.Context, js natsjs.JetStream) error
		want  string // at once
		later string // when it is opened again
	}{
		"trimmed by a limit that stays": {func(ctx context.Context, js natsjs.JetStream) error {
			s, err := js.Stream(ctx, jetstream.Name)
			if err != nil {
				return err
			}
			config := s.CachedInfo().Config
			config.MaxMsgs, config.Discard = 3, natsjs.DiscardOld
			_, err = js.UpdateStream(ctx, config)
			return err
		}, "the stream SPREDNING is configured in another way: max_msgs is 3, must be -1", ""},
		"trimmed by a limit that is lifted again": {func(ctx context.Context, js natsjs.JetStream) error {
			s, err := js.Stream(ctx, jetstream.Name)
			if err != nil {
				return err
			}
			config := s.CachedInfo().Config
			lowered := config
			lowered.MaxMsgs, lowered.Discard = 3, natsjs.DiscardOld
			_, err = js.UpdateStream(ctx, lowered)
			if err == nil {
				_, err = js.UpdateStream(ctx, config)
			}
			return err
		}, "", "the stream has a gap: it begins at entry 2"}, // it may see the limit in between
		"deleted": {func(ctx context.Context, js natsjs.JetStream) error {
			return js.DeleteStream(ctx, jetstream.Name)
		}, "the stream is empty, the last checkpoint has 5 entries", ""},
		"an entry slipped in": {func(ctx context.Context, js natsjs.JetStream) error {
			_, err := js.Publish(ctx, jetstream.Subject, []byte("an entry of nobody"))
			return err
		}, "entry 5 in the stream is not admissible", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := natsServerAt(t, t.TempDir(), -1)
			n := sharedNode(t, ns.ClientURL()).open(t).found(t)
			conn, err := nats.Connect(ns.ClientURL())
			noError(t, err)
			defer conn.Close()
			js, err := natsjs.New(conn)
			noError(t, err)
			noError(t, c.spoil(t.Context(), js))
			var damage *ledger.DamageError
			waitFor(t, "the damage to be noticed", func() bool { return errors.As(n.Err(), &damage) })
			n.refusesToWrite(t, c.want, 5)
			n.close()
			n.open(t)
			n.refusesToWrite(t, c.later, 5)
		})
	}
}

// A stream that has been put back as it was before is noticed when it is opened,
// and restored from the log with nothing lost.
func TestOlderStream(t *testing.T) {
	t.Parallel()
	n, entries := stopped(t)
	older := t.TempDir()
	copyDir(t, n.streamDir(), older)
	n.open(t)
	for range 3 {
		n.must(t, bergen, publication())
	}
	n.close()
	copyDir(t, older, n.streamDir())
	n.open(t)
	n.refusesToWrite(t, "the stream is shorter than the last checkpoint: 8 entries, the checkpoint has 11", 11)
	n.close()
	added, err := n.restore(t)
	if err != nil || added != 3 {
		t.Fatalf("%d entries were added, %v", added, err)
	}
	n.open(t)
	noError(t, n.Err())
	if all := n.sound(t); len(all) != 11 || string(all[7]) != string(entries[7]) {
		t.Errorf("%d entries", len(all))
	}
}

// An older copy of the whole data folder is consistent in itself: only others
// know better.
func TestOlderFolder(t *testing.T) {
	t.Parallel()
	n, _ := stopped(t)
	older := t.TempDir()
	copyDir(t, n.dir, older)
	n.open(t)
	n.must(t, bergen, publication())
	newest := n.log.Checkpoint()
	n.close()
	copyDir(t, older, n.dir)
	n.others = []ledger.Other{showing(newest)}
	n.open(t)
	n.refusesToWrite(t, "a mirror has a checkpoint of 9 entries, the log on disk has 8", 8)
}

// One flipped byte in a block of the stream's store, with its index file and
// without: whatever JetStream makes of it is noticed, and restored.
func TestFlippedByte(t *testing.T) {
	t.Parallel()
	for name, index := range map[string]bool{"with the index file": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, entries := stopped(t)
			flipMiddle(t, filesNamed(t, n.streamDir(), "*.blk")[0])
			if !index {
				for _, path := range filesNamed(t, n.streamDir(), "index.db") {
					noError(t, os.Remove(path))
				}
			}
			n.open(t)
			waitFor(t, "the damage to be noticed", func() bool {
				var damage *ledger.DamageError
				return errors.As(n.Err(), &damage)
			})
			n.refusesToWrite(t, "the stream", 8)
			n.close()
			if _, err := n.restore(t); err != nil {
				noError(t, jetstream.SetAside(n.streamDir(), n.dir+"/damaged/stream"))
				_, err = n.restore(t)
				noError(t, err)
			}
			n.open(t)
			noError(t, n.Err())
			if all := n.sound(t); len(all) != len(entries) {
				t.Errorf("%d entries, want %d", len(all), len(entries))
			}
			n.must(t, bergen, publication())
		})
	}
}

// copyDir puts a copy of a folder in the place of another.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	noError(t, os.RemoveAll(to))
	noError(t, os.CopyFS(to, os.DirFS(from)))
}

// filesNamed are the files of a folder and those below it that have a name.
func filesNamed(t *testing.T, dir, pattern string) (paths []string) {
	t.Helper()
	noError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ok, _ := filepath.Match(pattern, d.Name()); err == nil && ok {
			paths = append(paths, path)
		}
		return err
	}))
	if len(paths) == 0 {
		t.Fatalf("there is no %s in %s", pattern, dir)
	}
	return paths
}

// flipMiddle changes the byte in the middle of a file.
func flipMiddle(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	noError(t, err)
	b[len(b)/2] ^= 1
	noError(t, os.WriteFile(path, b, 0o600))
}
