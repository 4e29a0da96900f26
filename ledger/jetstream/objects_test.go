package jetstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"spredning/ledger"
)

// file makes a file of a size that holds a marker every 64 bytes, and its name.
func file(marker string, size int) (name string, b []byte) {
	for i := byte(0); len(b) < size; i++ {
		b = append(b, marker...)
		for len(b)%64 != 0 {
			b = append(b, i^byte(len(b)>>8))
		}
	}
	b = b[:size]
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), b
}

func put(t testing.TB, o *Objects, name string, b []byte, before bool) {
	t.Helper()
	again, err := o.Put(patient(t), name, b)
	noError(t, err)
	if again != before {
		t.Errorf("stored before: %t, want %t", again, before)
	}
}

func gives(t testing.TB, o *Objects, name string, want []byte) {
	t.Helper()
	got, err := o.Read(patient(t), name)
	noError(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("%d other bytes are read than the %d that were stored", len(got), len(want))
	}
	has(t, o, name, true)
}

func has(t testing.TB, o *Objects, name string, want bool) {
	t.Helper()
	got, err := o.Has(patient(t), name)
	noError(t, err)
	if got != want {
		t.Errorf("stored: %t, want %t", got, want)
	}
}

func refuses(t testing.TB, o *Objects, name string, want error) {
	t.Helper()
	if b, err := o.Read(patient(t), name); !errors.Is(err, want) || b != nil {
		t.Errorf("reading gives %d bytes, %v; want %v", len(b), err, want)
	}
	if want == ledger.ErrNotStored || want == ledger.ErrErased {
		has(t, o, name, false)
	}
}

// left counts the files below a folder that hold a marker.
func left(t testing.TB, dir, marker string) (n int) {
	t.Helper()
	noError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || d != nil && d.IsDir() {
			return nil
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if bytes.Contains(b, []byte(marker)) {
			n++
		}
		return err
	}))
	return n
}

func TestObjects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := embedIn(t, dir)
	o := s.Objects()
	refuses(t, o, "ab", ledger.ErrNotStored) // there is no bucket yet
	sizes := []int{1, objectChunk - 1, objectChunk, objectChunk + 1, ledger.MaxAttachment}
	for _, size := range sizes {
		name, b := file("MARK", size)
		put(t, o, name, b, false)
		put(t, o, name, b, true)
		gives(t, o, name, b)
	}
	refuses(t, o, "ab", ledger.ErrNotStored)
	fill(t, s, 10) // the ledger beside it
	s.Close()
	s = embedIn(t, dir)
	for _, size := range sizes {
		name, b := file("MARK", size)
		gives(t, s.Objects(), name, b)
	}
	holds(t, s, entries(0, 10))
}

// Anyone's client reads what is stored, but cannot delete it past the ledger.
func TestObjectsAreAnObjectStore(t *testing.T) {
	t.Parallel()
	ns := natsServer(t, t.TempDir(), -1)
	o := connectTo(t, ns).Objects()
	name, b := file("MARK", 3*objectChunk+17)
	put(t, o, name, b, false)
	bucket, err := admin(t, ns).ObjectStore(patient(t), Bucket)
	noError(t, err)
	got, err := bucket.GetBytes(patient(t), name) // which checks size and digest
	noError(t, err)
	if !bytes.Equal(got, b) {
		t.Error("another client reads other bytes")
	}
	if err := bucket.Delete(patient(t), name); err == nil {
		t.Error("another client could purge an attachment, which leaves its bytes on disk")
	}
	name, b = file("MORE", 100)
	put(t, o, name, b, false)
	noError(t, o.Erase(patient(t), name))
	if _, err := bucket.GetBytes(patient(t), name); !errors.Is(err, jetstream.ErrObjectNotFound) {
		t.Errorf("another client sees of an erased attachment: %v", err)
	}
}

// What is erased is in no file any more; all else is as it was, after a restart
// too.
func TestErase(t *testing.T) {
	t.Parallel()
	ctx, dir := patient(t), t.TempDir()
	s := embedIn(t, dir)
	o := s.Objects()
	markers := []string{"FIRST-MARK", "SECOND-MARK", "THIRD-MARK", "FOURTH-MARK", "LAST-MARK"}
	for i, m := range markers {
		name, b := file(m, 1+i*500_000)
		if i == 0 {
			name, b = file(m, len(m))
		}
		put(t, o, name, b, false)
		put(t, o, name, b, true)
	}
	fill(t, s, 10)
	check := func(erased ...int) {
		t.Helper()
		for i, m := range markers {
			name, b := file(m, max(1+i*500_000, len(m)))
			if slices.Contains(erased, i) {
				refuses(t, o, name, ledger.ErrErased)
				if n := left(t, dir, m); n > 0 {
					t.Errorf("%s still stands in %d files", m, n)
				}
				if _, err := o.Put(ctx, name, b); !errors.Is(err, ledger.ErrErased) {
					t.Errorf("putting what is erased gives %v", err)
				}
				continue
			}
			gives(t, o, name, b)
			if left(t, dir, m) == 0 {
				t.Errorf("%s stands in no file: the test would find nothing", m)
			}
		}
		holds(t, s, entries(0, 10))
	}
	check()
	for done, i := range []int{2, 0, 4} {
		name, _ := file(markers[i], max(1+i*500_000, len(markers[i])))
		noError(t, o.Erase(ctx, name))
		noError(t, o.Erase(ctx, name))
		check([]int{2, 0, 4}[:done+1]...)
	}
	s.Close()
	s = embedIn(t, dir)
	o = s.Objects()
	check(2, 0, 4)
}

func TestEraseWhatWasNeverStored(t *testing.T) {
	t.Parallel()
	o := embedIn(t, t.TempDir()).Objects()
	name, b := file("MARK", 100)
	noError(t, o.Erase(patient(t), name))
	if _, err := o.Put(patient(t), name, b); !errors.Is(err, ledger.ErrErased) {
		t.Errorf("putting what is erased gives %v", err)
	}
	refuses(t, o, name, ledger.ErrErased)
}

// A crash may come between the mark and the overwriting: erasing again goes on.
func TestEraseGoesOn(t *testing.T) {
	t.Parallel()
	ctx, dir := patient(t), t.TempDir()
	o := embedIn(t, dir).Objects()
	name, b := file("MARK", 300_000)
	put(t, o, name, b, false)
	live, bucket, err := o.make(ctx)
	noError(t, err)
	mark, err := markErased(ctx, live.js, bucket, name)
	noError(t, err)
	m, err := bucket.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(chunksOf(name)))
	noError(t, err)
	noError(t, bucket.SecureDeleteMsg(ctx, m.Sequence))
	if left(t, dir, "MARK") == 0 {
		t.Fatal("nothing is left to erase")
	}
	noError(t, o.Erase(ctx, name))
	if again, err := markErased(ctx, live.js, bucket, name); err != nil || again != mark {
		t.Errorf("erasing again leaves a second mark: %d, %d, %v", mark, again, err)
	}
	if n := left(t, dir, "MARK"); n > 0 {
		t.Errorf("the bytes still stand in %d files", n)
	}
}

// A Put that was on its way when the erasure came stores nothing.
func TestPutAfterErase(t *testing.T) {
	t.Parallel()
	ctx, dir := patient(t), t.TempDir()
	o := embedIn(t, dir).Objects()
	name, b := file("MARK", 300_000)
	msgs, err := objectMessages(name, b)
	noError(t, err)
	noError(t, o.Erase(ctx, name))
	live, err := o.stream.session()
	noError(t, err)
	last := len(msgs) - 1
	for _, m := range msgs[:last] {
		noError(t, live.conn.PublishMsg(m))
	}
	if _, err := live.js.PublishMsg(ctx, msgs[last]); !isConflict(err) {
		t.Errorf("a late batch gives %v", err)
	}
	waitFor(t, "the staged bytes to go", func() bool { return left(t, dir, "MARK") == 0 })
	refuses(t, o, name, ledger.ErrErased)
}

// However many put and erase at once: after the last has ended there are no bytes.
func TestPutAndEraseRace(t *testing.T) {
	t.Parallel()
	ctx, dir := patient(t), t.TempDir()
	ns := natsServer(t, dir, -1)
	nodes := []*Objects{connectTo(t, ns).Objects(), connectTo(t, ns).Objects()}
	for round := range 10 {
		name, b := file("MARK", 200_000+round)
		var group sync.WaitGroup
		for i := range 6 {
			group.Go(func() {
				time.Sleep(rand.N(4 * time.Millisecond))
				if i == 5 {
					if err := nodes[0].Erase(ctx, name); err != nil {
						t.Errorf("erasing: %v", err)
					}
				} else if _, err := nodes[i%2].Put(ctx, name, b); err != nil && !errors.Is(err, ledger.ErrErased) {
					t.Errorf("putting: %v", err)
				}
			})
		}
		group.Wait()
		refuses(t, nodes[1], name, ledger.ErrErased)
	}
	waitFor(t, "the staged bytes to go", func() bool { return left(t, dir, "MARK") == 0 })
}

// The store lives through an embedded server that is closed and opened again, and
// says so while it is closed.
func TestObjectsRecover(t *testing.T) {
	t.Parallel()
	s := embedIn(t, t.TempDir())
	o := s.Objects()
	name, b := file("MARK", 100_000)
	put(t, o, name, b, false)
	s.Close()
	if _, err := o.Read(patient(t), name); err == nil {
		t.Error("a closed store can be read")
	}
	if _, err := o.Put(patient(t), name, b); err == nil {
		t.Error("a closed store can be written")
	}
	if err := o.Erase(patient(t), name); err == nil {
		t.Error("a closed store can be erased from")
	}
	noError(t, s.Recover(patient(t)))
	gives(t, o, name, b)
	noError(t, o.Erase(patient(t), name))
}

func TestObjectsWithoutServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ns := natsServer(t, dir, -1)
	s, port := connectTo(t, ns), portOf(t, ns)
	o := s.Objects()
	name, b := file("MARK", 100_000)
	put(t, o, name, b, false)
	ns.Shutdown()
	ns.WaitForShutdown()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := o.Read(ctx, name); err == nil || errors.Is(err, ledger.ErrNotStored) {
		t.Errorf("reading without a server gives %v", err)
	}
	if _, err := o.Put(ctx, name, b); err == nil || errors.Is(err, ledger.ErrErased) {
		t.Errorf("putting without a server gives %v", err)
	}
	natsServer(t, dir, port)
	waitFor(t, "the stream to recover", func() bool { return s.Recover(patient(t)) == nil })
	gives(t, o, name, b)
}

// A bucket that could lose bytes by itself, or keep erased ones, is refused.
func TestForeignBucket(t *testing.T) {
	t.Parallel()
	ns := natsServer(t, t.TempDir(), -1)
	_, err := admin(t, ns).CreateObjectStore(patient(t), jetstream.ObjectStoreConfig{Bucket: Bucket, TTL: time.Hour})
	noError(t, err)
	name, b := file("MARK", 100)
	if _, err := connectTo(t, ns).Objects().Put(patient(t), name, b); !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		t.Errorf("putting into a foreign bucket gives %v", err)
	}
}

// cluster starts three servers that share JetStream, in folders below one.
func cluster(t *testing.T, dir string) (servers []*server.Server) {
	t.Helper()
	var routes []*url.URL
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		noError(t, err)
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
		noError(t, l.Close())
	}
	for i, r := range routes {
		port, err := strconv.Atoi(r.Port())
		noError(t, err)
		ns, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprint("server-", i), Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: filepath.Join(dir, fmt.Sprint(i)), SyncAlways: true,
			NoSigs: true, NoLog: true, JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 64 << 20,
			Cluster: server.ClusterOpts{Name: "three", Host: "127.0.0.1", Port: port}, Routes: routes,
		})
		noError(t, err)
		ns.Start()
		t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
		servers = append(servers, ns)
	}
	waitFor(t, "the servers to meet", func() bool {
		return !slices.ContainsFunc(servers, func(ns *server.Server) bool { return !ns.JetStreamIsCurrent() || !ns.ReadyForConnections(time.Second) })
	})
	return servers
}

// On a cluster there are three copies, and all of them are erased.
func TestObjectsOnCluster(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	servers := cluster(t, dir)
	var s *Stream
	waitFor(t, "the stream", func() (ok bool) {
		var err error
		s, err = Connect(patient(t), Remote{URL: servers[0].ClientURL()}, silent)
		return err == nil
	})
	t.Cleanup(s.Close)
	o, other := s.Objects(), connectTo(t, servers[2]).Objects()
	name, b := file("MARK", 1<<20)
	kept, c := file("KEPT", 1<<20)
	waitFor(t, "the bucket to have a leader", func() bool { _, err := o.Put(patient(t), kept, c); return err == nil })
	put(t, o, name, b, false)
	put(t, other, name, b, true)
	gives(t, other, name, b)
	stores := func(marker string) (n int) {
		for i := range servers {
			n += min(1, left(t, filepath.Join(dir, fmt.Sprint(i), "jetstream", "$G"), marker))
		}
		return n
	}
	waitFor(t, "three copies", func() bool { return stores("MARK") == 3 })
	noError(t, o.Erase(patient(t), name))
	refuses(t, other, name, ledger.ErrErased)
	if _, err := other.Put(patient(t), name, b); !errors.Is(err, ledger.ErrErased) {
		t.Errorf("putting what is erased gives %v", err)
	}
	waitFor(t, "all copies to go", func() bool { return stores("MARK") == 0 })
	gives(t, other, kept, c)
	if stores("KEPT") != 3 {
		t.Errorf("%d copies are left of the other", stores("KEPT"))
	}
}

// On a full disk nothing is stored and what is stored can be read. With space
// freed and the server opened again it goes on.
func TestObjectsOnFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=32m", "none", dir).CombinedOutput(); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "--lazy", dir).Run() })
	s := embedIn(t, dir)
	o := s.Objects()
	kept, b := file("KEPT", 200_000)
	put(t, o, kept, b, false)
	for size := 4 << 20; ; size++ {
		name, more := file("MORE", size)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		_, err := o.Put(ctx, name, more)
		cancel()
		if err != nil {
			break
		}
	}
	noError(t, s.Recover(patient(t)))
	gives(t, o, kept, b)
	noError(t, exec.Command("mount", "-o", "remount,size=64m", dir).Run())
	noError(t, s.Recover(patient(t)))
	gives(t, o, kept, b)
	name, more := file("AFTER", 4<<20)
	put(t, o, name, more, false)
}
