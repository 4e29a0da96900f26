package opendata_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spredning/api/opendata"
	"spredning/projections"
)

// counting is a log that counts how often it is read from the beginning, and can
// hold that up.
type counting struct {
	*teller
	replays atomic.Int64
	gate    func()
}

func (c *counting) Entries(from, to int64, fn func(int64, []byte) error) error {
	if from == 0 {
		c.replays.Add(1)
		if c.gate != nil {
			c.gate()
		}
	}
	return c.teller.Entries(from, to, fn)
}

// clock is one that the test moves.
type clock struct{ atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.Add(int64(d)) }

type shop struct {
	*opendata.Store
	t     *testing.T
	log   *counting
	clock *clock
	dir   string
	days  int
}

func newShop(t *testing.T, days int) *shop {
	x := &shop{t: t, log: &counting{teller: story(t)}, clock: &clock{}, dir: t.TempDir(), days: days}
	x.clock.Store(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixNano())
	x.open()
	return x
}

func (x *shop) open() {
	x.t.Helper()
	store, err := opendata.OpenStore(opendata.StoreConfig{Dir: x.dir, Log: x.log, View: x.log.view, Days: x.days, Now: x.clock.now, Logger: slog.New(slog.DiscardHandler)})
	noError(x.t, err)
	x.Store = store
	x.t.Cleanup(store.Close)
}

func (x *shop) position() int64 { return x.log.view.Position() }

// read reads a whole file.
func (x *shop) read(size int64, name string, compressed bool) []byte {
	x.t.Helper()
	f, _, err := x.Open(x.t.Context(), size, name, compressed)
	noError(x.t, err)
	defer f.Close()
	b, err := io.ReadAll(f)
	noError(x.t, err)
	return b
}

// listed gives the sizes with their reasons.
func (x *shop) listed() (all []string) {
	x.t.Helper()
	sizes, err := x.Sizes()
	noError(x.t, err)
	for _, s := range sizes {
		line := strconv.FormatInt(s.Size, 10)
		for _, r := range s.Reasons {
			line += " " + r.Reason + r.Day
			if r.Year != 0 {
				line += strconv.Itoa(r.Year)
			}
		}
		all = append(all, line)
	}
	return all
}

func (x *shop) lists(want ...string) {
	x.t.Helper()
	if got := x.listed(); !slices.Equal(got, want) {
		x.t.Errorf("listed are %q, not %q", got, want)
	}
}

func TestSizesThatTimePicks(t *testing.T) {
	x := newShop(t, 2)
	closing := int64(0)
	x.log.view.Read(func(f *projections.Fold) { closing = *f.ReportingYears()[0].Closed + 1 })
	n := x.position()
	closed := fmt.Sprintf("%d closing2025", closing)
	x.lists(fmt.Sprintf("%d newest day2026-11-22", n), closed)

	x.log.publish("Ny")
	x.clock.advance(9 * time.Minute)
	x.lists(fmt.Sprintf("%d newest day2026-11-22", n), closed)
	x.clock.advance(time.Minute)
	x.lists(fmt.Sprintf("%d newest", n+1), fmt.Sprintf("%d recent day2026-11-22", n), closed)

	x.clock.advance(24 * time.Hour) // and nothing new
	x.lists(fmt.Sprintf("%d newest day2026-11-23", n+1), fmt.Sprintf("%d recent day2026-11-22", n), closed)
	x.read(n, "points.csv", false)

	x.Close() // remembered
	x.open()
	x.lists(fmt.Sprintf("%d newest day2026-11-23", n+1), fmt.Sprintf("%d recent day2026-11-22", n), closed)

	for day := range 8 {
		x.log.publish("Ny " + strconv.Itoa(day))
		x.clock.advance(24 * time.Hour)
		x.listed()
	}
	x.lists(
		fmt.Sprintf("%d newest day2026-12-01", n+9), fmt.Sprintf("%d recent day2026-11-30", n+8), fmt.Sprintf("%d recent", n+7), fmt.Sprintf("%d recent", n+6),
		fmt.Sprintf("%d recent", n+5), fmt.Sprintf("%d recent", n+4), fmt.Sprintf("%d recent", n+3), closed,
	)
	if _, err := os.Stat(filepath.Join(x.dir, strconv.FormatInt(n, 10))); !os.IsNotExist(err) {
		t.Errorf("the files of a day long gone are still there: %v", err)
	}
	x.read(closing, "points.csv", false)
	x.log.publish("Ny")
	x.clock.advance(100 * 24 * time.Hour)
	x.listed()
	if _, err := os.Stat(filepath.Join(x.dir, strconv.FormatInt(closing, 10), "points.csv")); err != nil {
		t.Errorf("the files of a closing are gone: %v", err)
	}
}

func TestListThatCannotBeReadIsBegunAnew(t *testing.T) {
	x := newShop(t, 2)
	before := x.listed()
	x.Close()
	noError(t, os.WriteFile(filepath.Join(x.dir, "sizes.json"), []byte("{"), 0o600))
	x.open()
	x.lists(before...)
	x.Close()
	noError(t, os.WriteFile(filepath.Join(x.dir, "sizes.json"), []byte(`{"days":[{"day":"2020-01-01","size":100000},{"day":"2021-01-01","size":-1}],"newest":[]}`), 0o600))
	x.open()
	x.lists(before...)
}

func TestOtherSizesAreNotGiven(t *testing.T) {
	x := newShop(t, 2)
	for _, size := range []int64{0, -1, 1, x.position() - 1, x.position() + 1, 1 << 60} {
		if _, _, err := x.Open(t.Context(), size, "points.csv", false); !errors.Is(err, opendata.ErrNotListed) {
			t.Errorf("size %d: %v", size, err)
		}
	}
	if n := x.log.replays.Load(); n != 0 {
		t.Errorf("the log was replayed %d times for nothing", n)
	}
}

// TestMadeOnce has many ask for many files of one size at the same time.
func TestMadeOnce(t *testing.T) {
	x := newShop(t, 2)
	var group sync.WaitGroup
	for k := range 64 {
		group.Go(func() {
			f, _, err := x.Open(t.Context(), x.position(), opendata.Names[k%len(opendata.Names)], k%2 == 0)
			if err != nil {
				t.Error(err)
				return
			}
			_ = f.Close()
		})
	}
	group.Wait()
	if n := x.log.replays.Load(); n != 1 {
		t.Errorf("the files were made %d times", n)
	}
	x.Close()
	x.open()
	x.read(x.position(), "points.csv", false)
	if n := x.log.replays.Load(); n != 1 {
		t.Errorf("kept files were made again: %d times", n)
	}
}

// TestDamageIsMended spoils what is kept, in every way, with the store open and
// anew: the right bytes are given all the same.
func TestDamageIsMended(t *testing.T) {
	x := newShop(t, 2)
	size := x.position()
	folder := filepath.Join(x.dir, strconv.FormatInt(size, 10))
	want := map[string][]byte{}
	for _, name := range opendata.Names {
		want[name] = x.read(size, name, false)
	}
	packed := x.read(size, "adoptions.csv", true)
	for name, spoil := range map[string]func(path string) error{
		"a flipped bit": func(path string) error {
			b, err := os.ReadFile(path)
			noError(t, err)
			b[len(b)/2] ^= 1
			return os.WriteFile(path, b, 0o600)
		},
		"cut":       func(path string) error { return os.Truncate(path, 10) },
		"longer":    func(path string) error { return os.WriteFile(path, append(want[filepath.Base(path)], 'x'), 0o600) },
		"missing":   os.Remove,
		"a folder":  func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"an orphan": func(string) error { return os.RemoveAll(filepath.Join(folder, "manifest.json")) },
		"no json":   func(string) error { return os.WriteFile(filepath.Join(folder, "manifest.json"), []byte("{"), 0o600) },
		"of another": func(string) error {
			return os.WriteFile(filepath.Join(folder, "manifest.json"), []byte(`{"version":1,"leaf":"00","files":[]}`), 0o600)
		},
		"all gone": func(string) error { return os.RemoveAll(folder) },
	} {
		for _, anew := range []bool{false, true} {
			for _, file := range []string{"adoptions.csv", "points.parquet", "datapackage.json"} {
				noError(t, spoil(filepath.Join(folder, file)))
				if anew {
					x.Close()
					x.open()
				}
				if got := x.read(size, file, false); string(got) != string(want[file]) {
					t.Errorf("%s, anew %t: %s has other bytes", name, anew, file)
				}
			}
		}
	}
	noError(t, os.WriteFile(filepath.Join(folder, "adoptions.csv.gz"), []byte("spoilt"), 0o600))
	if got := x.read(size, "adoptions.csv", true); string(got) != string(packed) {
		t.Error("the compressed file has other bytes")
	}
	left, err := filepath.Glob(filepath.Join(x.dir, ".making-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestOneAtATime holds one size up: another is told to wait, and the first comes
// in the end, also for one who had left.
func TestOneAtATime(t *testing.T) {
	x := newShop(t, 2)
	x.listed()
	closing := int64(0)
	x.log.view.Read(func(f *projections.Fold) { closing = *f.ReportingYears()[0].Closed + 1 })
	begun, goOn := make(chan struct{}, 2), make(chan struct{})
	x.log.gate = func() {
		begun <- struct{}{}
		<-goOn
	}
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := x.Manifest(ctx, x.position())
		left <- err
	}()
	<-begun
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("one who left was told %v", err)
	}
	if _, err := x.Manifest(t.Context(), closing); !errors.Is(err, opendata.ErrBusy) {
		t.Errorf("another size: %v", err)
	}
	close(goOn)
	if _, err := x.Manifest(t.Context(), x.position()); err != nil {
		t.Error(err)
	}
	if n := x.log.replays.Load(); n != 1 {
		t.Errorf("the files were made %d times", n)
	}
}

// TestFailureIsNotTheEnd fails to make files, and then
// does not.
func TestFailureIsNotTheEnd(t *testing.T) {
	x := newShop(t, 2)
	whole := x.log.entries
	x.listed()
	x.log.entries = slices.Clone(whole)
	x.log.entries[2] = []byte("spoilt")
	if _, err := x.Manifest(t.Context(), x.position()); err == nil {
		t.Error("files were made of a spoilt log")
	}
	x.log.entries = whole
	if _, err := x.Manifest(t.Context(), x.position()); err != nil {
		t.Errorf("nor of a whole one: %v", err)
	}
}

func TestClosedStoreMakesNothing(t *testing.T) {
	x := newShop(t, 2)
	x.Close()
	if _, err := x.Manifest(t.Context(), x.position()); !errors.Is(err, opendata.ErrClosed) {
		t.Errorf("%v", err)
	}
}
