package ledger_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	fmtlog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger"
	"spredning/ledger/jetstream"
	"spredning/ledger/tiles"
)

// The child of TestCrash is told its folder in this variable.
const crashDir = "SPREDNING_TEST_CRASH_DIR"

// TestCrashChild is no test: it is what TestCrash kills. 1,000 submitters submit
// on and on, and print every receipt.
func TestCrashChild(t *testing.T) {
	n := newNode(t)
	if n.dir = os.Getenv(crashDir); n.dir == "" {
		t.Skip("only for TestCrash")
	}
	n.open(t)
	if n.Size() == 0 {
		n.found(t)
	}
	var wait sync.WaitGroup
	for range 1000 {
		wait.Go(func() {
			for {
				r, _, err := n.Submit(context.Background(), n.envelope(bergen, publication(), time.Now()))
				if err != nil {
					fmt.Printf("error %v\n", err)
					return
				}
				line, err := r.MarshalJSON()
				if err != nil {
					panic(err)
				}
				fmt.Printf("receipt %s\n", line)
			}
		})
	}
	wait.Wait()
}

// Whatever moment the process is killed at: what it gave a receipt for is there
// when it is started again.
func TestCrash(t *testing.T) {
	rounds := 3
	if os.Getenv("SPREDNING_LONG") != "" {
		rounds = 30
	}
	n := newNode(t)
	var all []ledger.Receipt
	for range rounds {
		receipts := crash(t, n.dir, 1+rand.IntN(1500))
		all = append(all, receipts...)
		noError(t, n.tryOpen())
		noError(t, n.Err())
		n.sound(t)
		n.keeps(t, all)
		n.must(t, bergen, publication())
		n.close()
	}
	t.Logf("%d rounds, %d receipts", rounds, len(all))
}

// keeps checks that entries and checkpoints of receipts are part of the log.
func (n *node) keeps(t *testing.T, receipts []ledger.Receipt) {
	t.Helper()
	checkpoints := map[string]bool{}
	for _, r := range receipts {
		entry, err := n.log.Entry(r.Index)
		noError(t, err)
		if !bytes.Equal(entry, r.Entry) {
			t.Fatalf("entry %d is another than the one in its receipt", r.Index)
		}
		if key := string(r.Checkpoint); !checkpoints[key] {
			checkpoints[key] = true
			n.verified(t, r)
			n.grew(t, r.Checkpoint)
		}
	}
}

// crash kills a child after some receipts, and gives all that it had printed.
func crash(t *testing.T, dir string, after int) (receipts []ledger.Receipt) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
	child.Env = append(os.Environ(), crashDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	noError(t, err)
	noError(t, child.Start())
	defer child.Process.Kill()
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // a last line without an end was never printed
		}
		noError(t, err)
		raw, ok := strings.CutPrefix(line, "receipt ")
		if !ok {
			t.Fatalf("the child says %q", line)
		}
		r, err := ledger.ParseReceipt([]byte(raw))
		noError(t, err)
		if receipts = append(receipts, r); len(receipts) == after {
			noError(t, child.Process.Kill())
		}
	}
	if err := child.Wait(); err == nil || len(receipts) < after {
		t.Fatalf("the child ended by itself (%v) after %d receipts", err, len(receipts))
	}
	return receipts
}

// stopped makes a ledger of eight entries, closes it and gives them.
func stopped(t *testing.T) (*node, [][]byte) {
	n := newNode(t).open(t).found(t)
	for range 3 {
		n.must(t, bergen, publication())
	}
	entries := n.sound(t)
	n.close()
	return n, entries
}

// What is wrong with the stream at the start is named. The ledger serves readers
// and refuses to write.
func TestStartWithDamagedStream(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, n *node, entries [][]byte)
		want  string
	}{
		"deleted": {
			func(t *testing.T, n *node, _ [][]byte) { noError(t, os.RemoveAll(n.streamDir())) },
			"the stream is empty, the last checkpoint has 8 entries",
		},
		"emptied": {
			func(t *testing.T, n *node, _ [][]byte) { n.anotherStream(t, nil) },
			"the stream is empty, the last checkpoint has 8 entries",
		},
		"shorter": {
			func(t *testing.T, n *node, es [][]byte) { n.anotherStream(t, es[:6]) },
			"the stream is shorter than the last checkpoint: 6 entries, the checkpoint has 8",
		},
		"begins later": {
			func(t *testing.T, n *node, es [][]byte) { n.gappedStream(t, 2, es[1:], 0) },
			"the stream has a gap: it begins at entry 1, not at 0",
		},
		"one is missing": {
			func(t *testing.T, n *node, es [][]byte) { n.gappedStream(t, 1, es, 4) },
			"the stream has a gap: 7 entries stand between 0 and 7",
		},
		"another entry": {
			func(t *testing.T, n *node, es [][]byte) {
				n.anotherStream(t, slices.Replace(es, 6, 7, n.publications(1, time.Now())...))
			},
			"the stream hashes to another root: its entry 6",
		},
		"another order": {
			func(t *testing.T, n *node, es [][]byte) { n.anotherStream(t, append(es[:6:6], es[7], es[6])) },
			"the stream hashes to another root: its entry 6",
		},
		"another last entry, and more": {
			func(t *testing.T, n *node, es [][]byte) {
				n.anotherStream(t, append(es[:7:7], n.publications(4, time.Now())...))
			},
			"the stream hashes to another root: its entry 7",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, entries := stopped(t)
			c.spoil(t, n, slices.Clone(entries))
			n.open(t)
			n.refusesToWrite(t, c.want, 8)
			n.close()
			n.anotherStream(t, entries) // repaired
			n.open(t)
			noError(t, n.Err())
			n.must(t, bergen, publication())
			n.sound(t)
		})
	}
}

func (n *node) streamDir() string { return filepath.Join(n.dir, "jetstream") }
func (n *node) logDir() string    { return filepath.Join(n.dir, "log") }

// anotherStream puts another stream in the place of the node's.
func (n *node) anotherStream(t *testing.T, entries [][]byte) {
	t.Helper()
	noError(t, os.RemoveAll(n.streamDir()))
	s, err := jetstream.Embed(context.Background(), n.streamDir(), silent)
	noError(t, err)
	defer s.Close()
	if len(entries) > 0 {
		noError(t, s.Append(context.Background(), 0, entries))
	}
}

// gappedStream is one that begins at a sequence, and in which one is deleted.
func (n *node) gappedStream(t *testing.T, first uint64, entries [][]byte, deleted uint64) {
	t.Helper()
	noError(t, os.RemoveAll(n.streamDir()))
	ns, err := server.NewServer(&server.Options{
		ServerName: "spoiler", DontListen: true, JetStream: true, StoreDir: n.streamDir(), NoSigs: true, NoLog: true, JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 1 << 26,
	})
	noError(t, err)
	ns.Start()
	defer func() { ns.Shutdown(); ns.WaitForShutdown() }()
	if !ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	conn, err := nats.Connect("", nats.InProcessServer(ns))
	noError(t, err)
	defer conn.Close()
	js, err := natsjs.New(conn)
	noError(t, err)
	config := natsjs.StreamConfig{
		Name: jetstream.Name, Subjects: []string{jetstream.Subject}, FirstSeq: first, Discard: natsjs.DiscardNew,
		Duplicates: time.Second, DenyPurge: true, AllowAtomicPublish: true,
	}
	stream, err := js.CreateStream(context.Background(), config)
	noError(t, err)
	for _, e := range entries {
		_, err := js.Publish(context.Background(), jetstream.Subject, e)
		noError(t, err)
	}
	if deleted > 0 {
		noError(t, stream.DeleteMsg(context.Background(), deleted))
	}
	config.DenyDelete = true
	_, err = js.UpdateStream(context.Background(), config)
	noError(t, err)
}

// What could not be compared at the start is compared before anything is
// written.
func TestStartUncompared(t *testing.T) {
	t.Parallel()
	n, entries := stopped(t)
	n.anotherStream(t, slices.Replace(entries, 6, 7, n.publications(1, time.Now())...))
	f := &faulty{failing: map[string]error{"Read": errInjected}}
	n.wrap = f.wrap
	n.open(t)
	_, _, err := n.Submit(context.Background(), n.envelope(bergen, publication(), time.Now()))
	wantCode(t, ledger.Unavailable, err)
	f.fail("Read", nil)
	waitFor(t, "the stream to be compared", func() bool { return !errors.Is(n.Err(), ledger.ErrUnknown) })
	n.refusesToWrite(t, "the stream hashes to another root: its entry 6", 8)
}

// A second copy that has lost its end gets it back from the stream, and signs
// nothing if the stream does not have what was shown.
func TestStartWithLostTail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stream func(n *node, entries [][]byte) [][]byte
		want   string
	}{
		"all there":       {func(_ *node, es [][]byte) [][]byte { return es }, ""},
		"and more":        {func(n *node, es [][]byte) [][]byte { return append(es, n.publications(2, time.Now())...) }, ""},
		"lost everywhere": {func(_ *node, es [][]byte) [][]byte { return es[:7] }, "the stream is shorter than the last checkpoint: 7 entries, the checkpoint has 8"},
		"another": {
			func(n *node, es [][]byte) [][]byte { return append(es[:7:7], n.publications(1, time.Now())...) },
			"another checkpoint of 8 entries was shown",
		},
		"another, and more": {
			func(n *node, es [][]byte) [][]byte { return append(es[:7:7], n.publications(3, time.Now())...) },
			"another checkpoint of 8 entries was shown",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, entries := stopped(t)
			shown, err := os.ReadFile(filepath.Join(n.logDir(), "checkpoint"))
			noError(t, err)
			n.tearTail(t)
			stream := c.stream(n, slices.Clone(entries))
			n.anotherStream(t, stream)
			for range 2 { // the second start finds what the first one left
				n.open(t)
				if c.want == "" {
					noError(t, n.Err())
					if got := n.sound(t); !slices.EqualFunc(got, stream, bytes.Equal) {
						t.Errorf("%d entries, want the %d of the stream", len(got), len(stream))
					}
					n.grew(t, shown)
				} else {
					n.refusesToWrite(t, c.want, 7)
				}
				n.close()
			}
		})
	}
}

// tearTail cuts the tail off in its last frame.
func (n *node) tearTail(t *testing.T) {
	t.Helper()
	tail := filepath.Join(n.logDir(), "tail")
	b, err := os.ReadFile(tail)
	noError(t, err)
	last := bytes.LastIndex(b, []byte("\xf5SPT"))
	noError(t, os.Truncate(tail, int64(last)+20))
}

// The second copy alone is rebuilt from the stream, in any number of batches,
// and comes to the same tree.
func TestStartWithoutSecondCopy(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("checkpoint kept %t", keep), func(t *testing.T) {
			t.Parallel()
			n := newNode(t).open(t).found(t)
			noError(t, n.stream.Append(context.Background(), 5, n.publications(600, time.Now())))
			noError(t, n.stream.Append(context.Background(), 605, n.publications(999, time.Now())))
			n.close()
			n.open(t) // takes them over
			entries, root := n.sound(t), n.log.Root()
			shown := bytes.Clone(n.log.Checkpoint())
			n.close()
			noError(t, os.RemoveAll(n.logDir()))
			if keep {
				noError(t, os.Mkdir(n.logDir(), 0o755))
				noError(t, os.WriteFile(filepath.Join(n.logDir(), "checkpoint"), shown, 0o644))
			}
			n.open(t)
			noError(t, n.Err())
			if got := n.sound(t); len(got) != len(entries) || n.log.Root() != root {
				t.Errorf("%d entries came back of %d, or others", len(got), len(entries))
			}
			n.grew(t, shown)
		})
	}
}

// The stream of another ledger is not taken over.
func TestStartWithForeignStream(t *testing.T) {
	t.Parallel()
	n, _ := stopped(t)
	noError(t, os.RemoveAll(n.logDir()))
	var err error
	n.logKey, err = ledger.NewLogKey("other.example/test", seededKey(99))
	noError(t, err)
	n.open(t)
	var damage *ledger.DamageError
	if err := n.Err(); !errors.As(err, &damage) || !strings.Contains(damage.Problem, `the log key of "other.example/test"`) {
		t.Errorf("the ledger says %v", err)
	}
	if n.Size() != 0 || n.log.Checkpoint() != nil {
		t.Errorf("%d entries of another ledger were taken over", n.Size())
	}
}

// A second copy that is not what this node wrote is an error: nothing can be
// served from it.
func TestStartWithDamagedLog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, n *node, entries [][]byte)
		want  string
	}{
		"another log key": {
			func(_ *testing.T, n *node, _ [][]byte) { n.logKey = logKey(origin, 98) },
			"this node's log key is",
		},
		"another ledger": {
			func(_ *testing.T, n *node, _ [][]byte) { n.logKey = logKey("other.example/test", 99) },
			`the log key of "other.example/test"`,
		},
		"a checkpoint of another key": {
			func(t *testing.T, n *node, es [][]byte) { n.anotherLog(t, es, logKey(origin, 98), 0) },
			"not signed by the log's key",
		},
		"a checkpoint of another size": {
			func(t *testing.T, n *node, es [][]byte) { n.anotherLog(t, es, n.logKey, 1) },
			"its checkpoint says 9",
		},
		"a changed entry": {
			func(t *testing.T, n *node, _ [][]byte) { n.flip(t, "tile/entries/000", 1000) },
			"leaf hash",
		},
		"a changed hash": {
			func(t *testing.T, n *node, _ [][]byte) { n.flip(t, "tile/0/000", 1000) },
			"leaf hash",
		},
		"a changed tail": {
			func(t *testing.T, n *node, _ [][]byte) { n.flip(t, "tail", 500) },
			"damaged",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, entries := stopped(t)
			if strings.HasPrefix(name, "a changed") && name != "a changed tail" {
				n.fillBundle(t)
			}
			c.spoil(t, n, entries)
			err := n.tryOpen()
			if err == nil {
				defer n.close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("opening gives %v, want %q", err, c.want)
			}
		})
	}
}

func logKey(origin string, seed byte) *ledger.LogKey {
	k, err := ledger.NewLogKey(origin, seededKey(seed))
	if err != nil {
		panic(err)
	}
	return k
}

// anotherLog puts another second copy in the place of the node's, with a
// checkpoint of a key that says some more entries than there are.
func (n *node) anotherLog(t *testing.T, entries [][]byte, key *ledger.LogKey, more int64) {
	t.Helper()
	noError(t, os.RemoveAll(n.logDir()))
	log, err := tiles.Open(n.logDir())
	noError(t, err)
	defer log.Close()
	noError(t, log.Append(entries, func(size int64, root tlog.Hash) ([]byte, error) {
		text := fmtlog.Checkpoint{Origin: key.Name(), Size: uint64(size + more), Hash: root[:]}.Marshal()
		return note.Sign(&note.Note{Text: string(text)}, key)
	}))
}

// fillBundle makes the log so long that its first entries are in a bundle alone,
// no longer in the tail.
func (n *node) fillBundle(t *testing.T) {
	t.Helper()
	d, long := publication(), strings.Repeat("lang ", 400)
	d.Summary = ledger.Text{NB: &long, NN: &long, EN: &long, SE: &long}
	all := make([][]byte, 510)
	for i := range all {
		all[i] = n.envelope(bergen, d, time.Now())
	}
	n.open(t)
	noError(t, n.stream.Append(context.Background(), n.Size(), all))
	n.must(t, bergen, publication())
	n.close()
	noError(t, n.tryOpen())
	n.close()
	if info, err := os.Stat(filepath.Join(n.logDir(), "tail")); err != nil || info.Size() > 4<<20 {
		t.Fatalf("the tail has not been cut: %v, %v", info.Size(), err)
	}
}

// flip changes a byte of a file of the second copy.
func (n *node) flip(t *testing.T, path string, at int) {
	t.Helper()
	file := filepath.Join(n.logDir(), filepath.FromSlash(path))
	b, err := os.ReadFile(file)
	noError(t, err)
	b[at] ^= 1
	noError(t, os.WriteFile(file, b, 0o644))
}
