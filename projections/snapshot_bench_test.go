package projections_test

import (
	"runtime"
	"testing"

	"spredning/ledger/snapshot"
	"spredning/projections"
)

// BenchmarkSnapshot writes and reads a fold of a million adoptions (a tenth of that
// with -short). Write is how long the fold is held; Finish is done when nobody waits.
func BenchmarkSnapshot(b *testing.B) {
	adoptions := 1_000_000
	if testing.Short() {
		adoptions = 100_000
	}
	f := crowd(adoptions)
	f.Founded = nil // it is no real one
	var written snapshot.Encoder
	b.Run("Write", func(b *testing.B) {
		for b.Loop() {
			size := len(written.Bytes())
			written = snapshot.Encoder{}
			written.Grow(size)
			written.Encode(f)
		}
	})
	var bytes []byte
	b.Run("Finish", func(b *testing.B) {
		for b.Loop() {
			bytes = written.Bytes()
		}
		b.ReportMetric(float64(len(bytes))/float64(f.Position), "B/entry")
	})
	b.Run("Read", func(b *testing.B) {
		for b.Loop() {
			if err := snapshot.Decode(bytes, projections.NewFold()); err != nil {
				b.Fatal(err)
			}
		}
	})
	runtime.KeepAlive(f)
}
