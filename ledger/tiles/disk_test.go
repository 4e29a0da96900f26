package tiles

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// fullDisk fails where fail says so; a write then stops half way.
type fullDisk struct {
	unsynced
	mu   sync.Mutex
	fail func(op, name string) error
}

func (d *fullDisk) set(fail func(op, name string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = fail
}

func (d *fullDisk) may(op, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail == nil {
		return nil
	}
	return d.fail(op, filepath.Base(name))
}

func (d *fullDisk) writeAt(f *os.File, b []byte, at int64) error {
	if err := d.may("write", f.Name()); err != nil {
		return errors.Join(err, d.osDisk.writeAt(f, b[:len(b)/2], at))
	}
	return d.osDisk.writeAt(f, b, at)
}

func (d *fullDisk) sync(f *os.File) error { return d.may("sync", f.Name()) }

func (d *fullDisk) truncate(f *os.File, size int64) error {
	if err := d.may("truncate", f.Name()); err != nil {
		return err
	}
	return d.osDisk.truncate(f, size)
}

func (d *fullDisk) rename(from, to string) error {
	if err := d.may("rename", to); err != nil {
		return err
	}
	return d.osDisk.rename(from, to)
}

func (d *fullDisk) syncDir(dir string) error { return d.may("syncdir", dir) }

// failing fails the named operations on the named file.
func failing(file, ops string) func(op, name string) error {
	return func(op, name string) error {
		if name == file && strings.Contains(ops, op) {
			return syscall.ENOSPC
		}
		return nil
	}
}

func TestAppendOnFullDisk(t *testing.T) {
	for _, ops := range []string{"write", "sync", "write truncate", "sync truncate"} {
		t.Run(ops, func(t *testing.T) {
			d := new(fullDisk)
			dir, o := t.TempDir(), quick()
			o.disk, o.cutAt = d, 1<<30
			l := mustOpen(t, dir, o)
			growTo(t, l, 300)
			d.set(failing(tailName, ops))
			for range 3 {
				if err := l.Append(entriesFrom(300, 900), note); !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("append on a full disk: %v", err)
				}
			}
			r := new(tree)
			wantSame(t, l, r, 300)
			info, err := os.Stat(filepath.Join(dir, tailName))
			check(t, err)
			if cut := info.Size() == l.tail.end; cut == strings.Contains(ops, "truncate") {
				t.Errorf("tail has %d bytes, its last good end is %d", info.Size(), l.tail.end)
			}
			d.set(nil)
			check(t, l.Append(entriesFrom(300, 500), note))
			wantSame(t, l, r, 500)
			check(t, l.Close())
			wantSame(t, mustOpen(t, dir, o), r, 500)
		})
	}
}

func mustReadOnly(t *testing.T, dir string) *Log {
	t.Helper()
	l, err := OpenReadOnly(dir)
	check(t, err)
	return l
}

func TestWriterOnFullDisk(t *testing.T) {
	for _, c := range []struct{ op, file string }{
		{"write", "003.tmp"},
		{"sync", "003.tmp"},
		{"rename", "003"},
		{"syncdir", "entries"},
		{"write", "tail.tmp"},
		{"sync", "tail.tmp"},
		{"rename", "tail"},
		{"write", "checkpoint.tmp"},
		{"rename", "checkpoint"},
	} {
		t.Run(c.op+" "+c.file, func(t *testing.T) {
			d := new(fullDisk)
			dir, o := t.TempDir(), quick()
			o.disk = d
			l := mustOpen(t, dir, o)
			d.set(failing(c.file, c.op))
			for size := int64(100); size <= 2000; size += 100 {
				growTo(t, l, size)
			}
			for end := time.Now().Add(5 * time.Second); l.Err() == nil && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			if err := l.Err(); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("the writer's error is %v", err)
			}
			r := new(tree)
			wantSame(t, l, r, 2000)
			d.set(nil)
			settle(t, l)
			growTo(t, l, 2300)
			settle(t, l)
			wantSame(t, l, r, 2300)
			check(t, l.Close())
			for path := range snapshot(t, dir) {
				if strings.HasSuffix(path, tempSuffix) {
					t.Errorf("%s is left", path)
				}
			}
			wantSame(t, mustOpen(t, dir, o), r, 2300)
		})
	}
}

// TestTailNameNotSynced fails the sync of the directory after a cut: then the
// old tail could come back, so nothing may be appended to the new one.
func TestTailNameNotSynced(t *testing.T) {
	d := new(fullDisk)
	dir, o := t.TempDir(), quick()
	o.disk = d
	l := withoutWriter(t, dir, o)
	growTo(t, l, 6000)
	for range 2 {
		check(t, l.writeFull())
	}
	d.set(failing(filepath.Base(dir), "syncdir"))
	if err := l.cutTail(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("cut: %v", err)
	}
	if err := l.Append(entriesFrom(6000, 6001), note); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("append: %v", err)
	}
	d.set(nil)
	growTo(t, l, 6001)
	wantSame(t, mustReadOnly(t, dir), new(tree), 6001)
}

// TestRoundDuringAppend writes files between the beginning of an append and
// its end: what has left memory must not come back.
func TestRoundDuringAppend(t *testing.T) {
	l := withoutWriter(t, t.TempDir(), quick())
	growTo(t, l, 1000)
	check(t, l.Append(entriesFrom(1000, 1600), func(size int64, root tlog.Hash) ([]byte, error) {
		check(t, l.writeFull())
		return note(size, root)
	}))
	if v := l.view.Load(); v.filed != 768 || v.bundles.first != 3 || len(v.bundles.items) != 4 || cap(v.bundles.items) > 4 {
		t.Errorf("%d entries are in files, %d bundles from %d on are in memory", v.filed, len(v.bundles.items), v.bundles.first)
	}
	wantSame(t, l, new(tree), 1600)
}

// withoutWriter makes a log whose rounds are left to the test.
func withoutWriter(t *testing.T, dir string, o options) *Log {
	t.Helper()
	l := newLog(dir, o)
	check(t, l.create())
	end, err := l.load()
	check(t, err)
	l.tail, err = openTail(o.disk, l.file(tailName), end)
	check(t, err)
	t.Cleanup(func() { l.tail.file.Close() })
	return l
}

// errPower is what every operation gives after the power cut.
var errPower = errors.New("no power")

// powerDisk is a disk that loses power after some operations, and then keeps
// of what was not synced whatever chance decides: bytes and names alike.
type powerDisk struct {
	osDisk
	mu     sync.Mutex
	left   int            // operations until the power cut
	synced func(*os.File) // called after the first sync of a file
	open   map[*os.File]*inode
	names  map[string]*inode // as programs see them
	kept   map[string]*inode // as the disk has them for certain
	dirs   map[string]bool   // directories that the disk has for certain
}

type inode struct{ seen, kept []byte }

func newPowerDisk(operations int) *powerDisk {
	return &powerDisk{
		left:  operations,
		open:  make(map[*os.File]*inode),
		names: make(map[string]*inode),
		kept:  make(map[string]*inode),
		dirs:  make(map[string]bool),
	}
}

// begin counts an operation, and finds the file it is on.
func (d *powerDisk) begin(f *os.File) (*inode, error) {
	if d.left--; d.left < 0 {
		return nil, errPower
	}
	if f == nil {
		return nil, nil
	}
	i, ok := d.open[f]
	if !ok && !strings.HasSuffix(f.Name(), tempSuffix) {
		i, ok = d.names[f.Name()]
	}
	if !ok {
		i = new(inode)
		d.names[f.Name()] = i
	}
	d.open[f] = i
	return i, nil
}

func (d *powerDisk) writeAt(f *os.File, b []byte, at int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.begin(f)
	if err != nil {
		return err
	}
	i.seen = append(i.seen[:at:at], b...)
	return d.osDisk.writeAt(f, b, at)
}

func (d *powerDisk) sync(f *os.File) error {
	d.mu.Lock()
	i, err := d.begin(f)
	if err != nil {
		d.mu.Unlock()
		return err
	}
	first := i.kept == nil
	i.kept = i.seen
	d.mu.Unlock()
	if first && d.synced != nil {
		d.synced(f)
	}
	return nil
}

func (d *powerDisk) truncate(f *os.File, size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.begin(f)
	if err != nil {
		return err
	}
	i.seen = i.seen[:size:size]
	return d.osDisk.truncate(f, size)
}

func (d *powerDisk) rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.begin(nil); err != nil {
		return err
	}
	d.names[to] = d.names[from]
	delete(d.names, from)
	return d.osDisk.rename(from, to)
}

func (d *powerDisk) syncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.begin(nil); err != nil {
		return err
	}
	for name, i := range d.names {
		if filepath.Dir(name) == dir {
			d.kept[name] = i
		}
	}
	below, err := os.ReadDir(dir)
	for _, entry := range below {
		d.dirs[filepath.Join(dir, entry.Name())] = true
	}
	return err
}

// reachable says whether the disk has the directories above name for certain.
func (d *powerDisk) reachable(dir, name string) bool {
	for up := filepath.Dir(name); up != dir; up = filepath.Dir(up) {
		if !d.dirs[up] {
			return false
		}
	}
	return true
}

// after writes into a new folder what the disk may hold when power is back.
func (d *powerDisk) after(t *testing.T, dir, fresh string, rnd *rand.Rand) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	names := make(map[string]*inode)
	for name, i := range d.kept {
		if d.reachable(dir, name) {
			names[name] = i
		}
	}
	for name, i := range d.names {
		if rnd.IntN(2) == 0 {
			names[name] = i
		}
	}
	for name, i := range names {
		rel, err := filepath.Rel(dir, name)
		check(t, err)
		path := filepath.Join(fresh, rel)
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		b := i.kept
		if len(i.seen) > len(b) && bytes.HasPrefix(i.seen, b) {
			b = i.seen[:len(b)+rnd.IntN(len(i.seen)-len(b)+1)]
		}
		check(t, os.WriteFile(path, b, 0o644))
	}
}

// TestPowerCut cuts the power after every number of operations that a life of
// the log takes. What Append had said yes to must be there afterwards.
func TestPowerCut(t *testing.T) {
	r := new(tree)
	for operations := 0; ; operations++ {
		d := newPowerDisk(operations)
		disk, fresh := t.TempDir(), t.TempDir()
		acknowledged, finished := liveUntilPowerCut(t, d, filepath.Join(disk, "log"))
		d.after(t, disk, fresh, rand.New(rand.NewPCG(1, uint64(operations))))
		l, err := open(filepath.Join(fresh, "log"), quick())
		if err != nil {
			t.Fatalf("power cut after %d operations: %v", operations, err)
		}
		if l.Size() < acknowledged || noteSize(l.Published()) > l.Size() {
			t.Fatalf("power cut after %d operations: %d entries, %d acknowledged, %d published",
				operations, l.Size(), acknowledged, noteSize(l.Published()))
		}
		wantSame(t, l, r, l.Size())
		growTo(t, l, l.Size()+200)
		wantSame(t, l, r, l.Size())
		check(t, l.Close())
		if finished {
			t.Logf("a life of %d operations", operations)
			return
		}
	}
}

// liveUntilPowerCut makes a log and appends until the power is gone or 1,000
// entries are there. It does the rounds itself, for the same life each time.
func liveUntilPowerCut(t *testing.T, d *powerDisk, dir string) (acknowledged int64, finished bool) {
	t.Helper()
	l := newLog(dir, options{disk: d, cutAt: 4 << 10})
	if err := l.create(); err != nil {
		return 0, false
	}
	end, err := l.load()
	check(t, err)
	if l.tail, err = openTail(d, l.file(tailName), end); err != nil {
		return 0, false
	}
	defer func() { l.tail.file.Close() }()
	d.synced = func(f *os.File) {
		if filepath.Base(f.Name()) == tailName+tempSuffix {
			l.Append(entriesFrom(l.Size(), l.Size()+17), note) // in the middle of a cut
		}
	}
	rounds := 0
	for l.Size() < 1000 {
		if err := l.Append(entriesFrom(l.Size(), l.Size()+90), note); err != nil {
			return l.Size(), false
		}
		if rounds++; rounds%2 == 0 {
			if err := l.round(); err != nil {
				return l.Size(), false
			}
		}
	}
	return l.Size(), true
}

// TestCopies opens copies of the folder taken while the log is at work.
func TestCopies(t *testing.T) {
	dir, r := t.TempDir(), new(tree)
	l := mustOpen(t, dir, quick())
	growTo(t, l, 1000)
	settle(t, l)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for batch := int64(1); l.Size() < 12_000; batch = batch%300 + 41 {
			if err := l.Append(entriesFrom(l.Size(), l.Size()+batch), note); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for range 12 {
		before, dir2 := l.Size(), t.TempDir()
		// The tail first: files only ever come to be before it is cut.
		copyFile(t, filepath.Join(dir, tailName), filepath.Join(dir2, tailName))
		copyTiles(t, dir, dir2)
		l2 := mustOpen(t, dir2, quick())
		if l2.Size() < before {
			t.Fatalf("the copy has %d entries, %d were durable", l2.Size(), before)
		}
		wantSame(t, l2, r, l2.Size())
		check(t, l2.Close())
	}
	<-done
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	check(t, err)
	check(t, os.WriteFile(to, b, 0o644))
}

// copyTiles copies the files of dir that have their final names.
func copyTiles(t *testing.T, from, to string) {
	t.Helper()
	check(t, filepath.WalkDir(filepath.Join(from, "tile"), func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, tempSuffix) {
			return nil // perhaps gone by now
		}
		rel, _ := filepath.Rel(from, path)
		if d.IsDir() {
			return errors.Join(err, os.MkdirAll(filepath.Join(to, rel), 0o755))
		}
		copyFile(t, path, filepath.Join(to, rel))
		return err
	}))
}

const killedDir = "SPREDNING_TILES_KILLED_DIR"

// TestKill kills a process that appends, at moments of no choosing.
func TestKill(t *testing.T) {
	if dir := os.Getenv(killedDir); dir != "" {
		appendForEver(dir)
	}
	dir, r := t.TempDir(), new(tree)
	for i := range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), killedDir+"="+dir)
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		var told int64
		lines := bufio.NewScanner(out)
		for n := 0; n < 40+7*i && lines.Scan(); n++ {
			_, err := fmt.Sscan(lines.Text(), &told)
			check(t, err)
		}
		check(t, cmd.Process.Kill())
		for lines.Scan() {
			fmt.Sscan(lines.Text(), &told)
		}
		cmd.Wait()
		l := mustOpen(t, dir, quick())
		if told == 0 || l.Size() < told {
			t.Fatalf("%d entries, %d were told", l.Size(), told)
		}
		wantSame(t, l, r, l.Size())
		check(t, l.Close())
	}
}

// appendForEver is the process that is killed: it tells every size it reached.
func appendForEver(dir string) {
	l, err := open(dir, quick())
	for err == nil {
		if err = l.Append(entriesFrom(l.Size(), l.Size()+1+l.Size()%130), note); err == nil {
			fmt.Println(l.Size())
		}
	}
	fmt.Println(err)
	os.Exit(1)
}
