package ledger_test

import (
	"bytes"
	"fmt"
	"testing"

	"spredning/ledger"
)

// BenchmarkMirror copies a log of b.N entries of 1 KB over HTTP, everything
// checked and synced; the baseline gets the same files, one after the other, and
// forgets them.
func BenchmarkMirror(b *testing.B) {
	for _, c := range []struct {
		name string
		run  func(*testing.B, *copied)
	}{
		{"baseline=get", func(b *testing.B, c *copied) {
			s := c.served(b)
			b.ResetTimer()
			for _, path := range tilePaths(c.Size()) {
				_, err := s.Resource(path)
				noError(b, err)
			}
		}},
		{"mirror", func(b *testing.B, c *copied) {
			s := c.served(b)
			m, err := ledger.OpenMirror(ledger.MirrorConfig{Dir: b.TempDir()})
			noError(b, err)
			b.ResetTimer()
			update(b, m, s)
		}},
		{"again", func(b *testing.B, c *copied) { // what a start costs
			dir := b.TempDir()
			update(b, openMirror(b, dir), c)
			b.ResetTimer()
			update(b, openMirror(b, dir), c)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			run, c := c.run, newCopied(b, 1)
			for c.Size() < int64(b.N) {
				batch := make([][]byte, min(1000, int64(b.N)-c.Size()))
				for i := range batch {
					batch[i] = c.event(b, "adoption.confirmed", fmt.Sprintf(`{"innovation":"%d","note":%q}`, c.Size()+int64(i), bytes.Repeat([]byte("x"), 450)))
				}
				c.add(b, batch...)
			}
			run(b, c)
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
