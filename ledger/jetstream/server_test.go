package jetstream

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"spredning/ledger"
)

func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for size := int64(0); size < 9; size += 3 {
		s := embedIn(t, dir)
		holds(t, s, entries(0, size))
		noError(t, s.Append(patient(t), size, entries(size, size+3)))
		s.Close()
	}
	holds(t, embedIn(t, dir), entries(0, 9))
}

// After Close nothing works, nothing panics, and Recover opens it again.
func TestClose(t *testing.T) {
	t.Parallel()
	ctx, s := patient(t), embedIn(t, t.TempDir())
	fill(t, s, 3)
	s.Close()
	s.Close()
	if err := s.Append(ctx, 3, entries(3, 5)); !errors.Is(err, ledger.ErrUnknown) {
		t.Errorf("appending when closed gives %v", err)
	}
	if _, err := s.Span(ctx); err == nil {
		t.Error("a closed stream has a span")
	}
	if err := s.Read(ctx, 0, func(int64, []byte) error { return nil }); err == nil {
		t.Error("a closed stream can be read")
	}
	if err := s.Watch(ctx, func(int64) {}); err == nil {
		t.Error("a closed stream can be watched")
	}
	noError(t, s.Recover(ctx))
	holds(t, s, entries(0, 3))
}

// An embedded server is closed and opened again, with all it had.
func TestRecoverEmbedded(t *testing.T) {
	t.Parallel()
	ctx, s := patient(t), embedIn(t, t.TempDir())
	fill(t, s, 1500)
	for size := int64(1500); size < 1503; size++ {
		noError(t, s.Recover(ctx))
		noError(t, s.Append(ctx, size, entries(size, size+1)))
	}
	holds(t, s, entries(0, 1503))
}

// Without the server an append says soon that its outcome is unknown. When the
// server is back the stream is, too, and nothing was published meanwhile.
func TestLostServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ns := natsServer(t, dir, -1)
	s, port := connectTo(t, ns), portOf(t, ns)
	fill(t, s, 4)
	ns.Shutdown()
	ns.WaitForShutdown()
	for _, count := range []int64{1, 2} {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		err := s.Append(ctx, 4, entries(4, 4+count))
		cancel()
		if !errors.Is(err, ledger.ErrUnknown) {
			t.Errorf("appending %d without a server gives %v", count, err)
		}
	}
	waitFor(t, "the loss to be noticed", func() bool { return s.Recover(patient(t)) != nil })
	natsServer(t, dir, port)
	waitFor(t, "the stream to recover", func() bool { return s.Recover(patient(t)) == nil })
	holds(t, s, entries(0, 4))
	noError(t, s.Append(patient(t), 4, entries(4, 6)))
	holds(t, s, entries(0, 6))
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// A stream of that name which could lose entries says so instead of its span, by
// name of the setting.
func TestForeignConfiguration(t *testing.T) {
	t.Parallel()
	for setting, change := range map[string]func(*jetstream.StreamConfig){
		"subjects":             func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "spredning.more") },
		"storage":              func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"retention":            func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy },
		"max_msgs":             func(c *jetstream.StreamConfig) { c.MaxMsgs = 1000 },
		"max_bytes":            func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 30 },
		"max_age":              func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"max_msgs_per_subject": func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1000 },
		"max_msg_size":         func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1024 },
		"duplicate_window":     func(c *jetstream.StreamConfig) { c.Duplicates = time.Minute },
		"deny_delete":          func(c *jetstream.StreamConfig) { c.DenyDelete = false },
		"deny_purge":           func(c *jetstream.StreamConfig) { c.DenyPurge = false },
		"allow_atomic":         func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false },
		"sealed":               func(c *jetstream.StreamConfig) { c.Sealed = true },
		"allow_msg_ttl":        func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true },
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			ns := natsServer(t, t.TempDir(), -1)
			other := config(1)
			change(&other)
			js := admin(t, ns)
			if setting == "sealed" { // only an existing stream can be
				_, err := js.CreateStream(patient(t), config(1))
				noError(t, err)
				_, err = js.UpdateStream(patient(t), other)
				noError(t, err)
			} else {
				_, err := js.CreateStream(patient(t), other)
				noError(t, err)
			}
			_, err := connectTo(t, ns).Span(patient(t))
			var damage *ledger.DamageError
			if !errors.As(err, &damage) || !strings.Contains(damage.Problem, setting+" is") {
				t.Errorf("a stream with another %s gives %v", setting, err)
			}
		})
	}
}

// What cannot be opened yet says why when it is used, and is opened later.
func TestNotYet(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	noError(t, os.WriteFile(file, nil, 0o600))
	gone := natsServer(t, t.TempDir(), -1)
	port := portOf(t, gone)
	gone.Shutdown()
	gone.WaitForShutdown()
	for name, c := range map[string]struct {
		stream *Stream
		why    string
		mend   func()
	}{
		"embedded":  {Embedded(file, silent), "making the stream's folder", func() { noError(t, os.Remove(file)) }},
		"elsewhere": {Connected(Remote{URL: gone.ClientURL()}, silent), "connecting to NATS at " + gone.ClientURL(), func() { natsServer(t, t.TempDir(), port) }},
	} {
		ctx, s := patient(t), c.stream
		t.Cleanup(s.Close)
		if err := s.Start(ctx); err == nil {
			t.Errorf("%s: it was opened", name)
		}
		_, span := s.Span(ctx)
		for what, err := range map[string]error{
			"span": span, "append": s.Append(ctx, 0, entries(0, 1)), "read": s.Read(ctx, 0, func(int64, []byte) error { return nil }), "watch": s.Watch(ctx, func(int64) {}),
		} {
			if err == nil || !strings.Contains(err.Error(), "not connected") || what != "watch" && !strings.Contains(err.Error(), c.why) {
				t.Errorf("%s: %s gives %v", name, what, err)
			}
		}
		if err := s.Recover(ctx); err == nil {
			t.Errorf("%s: it has recovered from nothing", name)
		}
		c.mend()
		noError(t, s.Recover(ctx))
		noError(t, s.Append(ctx, 0, entries(0, 2)))
		holds(t, s, entries(0, 2))
	}
}

// Embed says soon that a folder cannot be used.
func TestEmbedNowhere(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	noError(t, os.WriteFile(file, nil, 0o600))
	for _, dir := range []string{file, filepath.Join(file, "jetstream")} {
		if s, err := Embed(patient(t), dir, silent); err == nil {
			s.Close()
			t.Errorf("a stream was opened in %s", dir)
		}
	}
}

// Connect says that there is no server.
func TestConnectNowhere(t *testing.T) {
	t.Parallel()
	ns := natsServer(t, t.TempDir(), -1)
	gone := ns.ClientURL()
	ns.Shutdown()
	if _, err := Connect(patient(t), Remote{URL: gone}, silent); err == nil || !strings.Contains(err.Error(), gone) {
		t.Errorf("connecting to no server gives %v", err)
	}
}

// A password in an address does not reach a log or a terminal.
func TestPasswordsAreNotTold(t *testing.T) {
	_, err := Connect(context.Background(), Remote{URL: "nats://sp:hemmelig@127.0.0.1:1,nats://sp:hemmelig@127.0.0.1:2"}, slog.New(slog.DiscardHandler))
	if err == nil || strings.Contains(err.Error(), "hemmelig") || !strings.Contains(err.Error(), "127.0.0.1:2") {
		t.Errorf("got %v", err)
	}
}
