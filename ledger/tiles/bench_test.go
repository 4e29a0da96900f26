package tiles

import (
	"bytes"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const benchBatch = 256

// timedDisk measures what the tail's writes and syncs take.
type timedDisk struct {
	osDisk
	skipSync    bool
	write, wait atomic.Int64 // nanoseconds
}

func (d *timedDisk) writeAt(f *os.File, b []byte, at int64) error {
	defer add(&d.write, f, time.Now())
	return d.osDisk.writeAt(f, b, at)
}

func (d *timedDisk) sync(f *os.File) error {
	defer add(&d.wait, f, time.Now())
	if d.skipSync {
		return nil
	}
	return d.osDisk.sync(f)
}

func (d *timedDisk) syncDir(dir string) error {
	if d.skipSync {
		return nil
	}
	return d.osDisk.syncDir(dir)
}

func add(sum *atomic.Int64, f *os.File, start time.Time) {
	if len(f.Name()) >= 4 && f.Name()[len(f.Name())-4:] == tailName {
		sum.Add(int64(time.Since(start)))
	}
}

// benchEntries is a batch of entries of 1.4 KB, no two alike.
func benchEntries(from int64) [][]byte {
	entries := make([][]byte, benchBatch)
	for i := range entries {
		entries[i] = append(fmt.Appendf(nil, "%d", from+int64(i)), bytes.Repeat([]byte{'a'}, 1400)...)
	}
	return entries
}

// BenchmarkAppend appends batches of 256 entries of 1.4 KB, one operation an
// entry, with the files written in the background. write-ns and sync-ns are
// the tail's part of ns/op; the rest is hashing, copying and waiting for the
// background. nosync leaves the syncs out, tail also the background.
func BenchmarkAppend(b *testing.B) {
	for _, mode := range []string{"sync", "nosync", "tail"} {
		b.Run(mode, func(b *testing.B) {
			d := &timedDisk{skipSync: mode != "sync"}
			o := defaults()
			o.disk = d
			if mode == "tail" {
				o.pace = time.Hour
			}
			l := mustOpen(b, b.TempDir(), o)
			batches := make([][][]byte, 16)
			for i := range batches {
				batches[i] = benchEntries(int64(i) * benchBatch)
			}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%benchBatch == 0 {
					check(b, l.Append(batches[n/benchBatch%len(batches)], note))
				}
			}
			b.ReportMetric(float64(d.write.Load())/float64(b.N), "write-ns")
			b.ReportMetric(float64(d.wait.Load())/float64(b.N), "sync-ns")
		})
	}
}

// BenchmarkSingle appends one entry of 1.4 KB at a time.
func BenchmarkSingle(b *testing.B) {
	l := mustOpen(b, b.TempDir(), defaults())
	batch := benchEntries(0)[:1]
	for b.Loop() {
		check(b, l.Append(batch, note))
	}
}

// BenchmarkProve proves every entry of a batch just appended to a large log.
func BenchmarkProve(b *testing.B) {
	l := large(b)
	size := l.Size()
	b.ReportAllocs()
	for n := int64(0); b.Loop(); n++ {
		if _, err := tlog.ProveRecord(size, size-1-n%benchBatch, l); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkProveAny proves entries from all over a large log.
func BenchmarkProveAny(b *testing.B) {
	l := large(b)
	size := l.Size()
	for n := int64(0); b.Loop(); n = (n + 7919*benchBatch) % size {
		if _, err := tlog.ProveRecord(size, n, l); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEntries reads a log from its files, one operation an entry.
func BenchmarkEntries(b *testing.B) {
	l := large(b)
	var n int64
	for b.Loop() {
		if n%l.Size() == 0 {
			check(b, l.Entries(0, l.Size(), func(int64, []byte) error { return nil }))
		}
		n++
	}
}

// BenchmarkOpen opens and closes a large log.
func BenchmarkOpen(b *testing.B) {
	dir := large(b).dir
	for b.Loop() {
		l, err := OpenReadOnly(dir)
		check(b, err)
		check(b, l.Close())
	}
}

// large is a log of 200,100 entries of 1.4 KB, in files.
func large(b *testing.B) *Log {
	b.Helper()
	o := defaults()
	o.disk, o.pace = unsynced{}, time.Millisecond
	l := mustOpen(b, b.TempDir(), o)
	for l.Size() < 200_000 {
		check(b, l.Append(benchEntries(l.Size()), note))
	}
	check(b, l.Append(benchEntries(l.Size())[:100], note))
	settle(b, l)
	return l
}
