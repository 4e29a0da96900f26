// Package posix measures what Tessera's POSIX log, which nobody here wrote, takes on
// this machine: what the ledger's appends are compared with in docs/figures.md.
package posix

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"
)

const (
	waiting = 256
	size    = 1024
)

// BenchmarkPosix adds b.N entries of 1 KB that nobody has signed, 256 waiting for
// their indexes, which Tessera gives once they are durable. A batch is what all of
// them bring, or 5 ms.
func BenchmarkPosix(b *testing.B) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	private, _, err := note.GenerateKey(rand.Reader, "example.org/posix")
	noError(b, err)
	signer, err := note.NewSigner(private)
	noError(b, err)
	driver, err := posix.New(b.Context(), posix.Config{Path: b.TempDir()})
	noError(b, err)
	appender, shutdown, _, err := tessera.NewAppender(b.Context(), driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).WithBatching(waiting, 5*time.Millisecond).WithCheckpointInterval(time.Second))
	noError(b, err)
	filler := []byte(strings.Repeat("x", size))
	var next atomic.Int64
	var wait sync.WaitGroup
	b.ResetTimer()
	for range waiting {
		wait.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				entry := append([]byte(nil), filler...)
				binary.BigEndian.PutUint64(entry, uint64(i)) // no two alike
				if _, err := appender.Add(b.Context(), tessera.NewEntry(entry))(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	noError(b, shutdown(b.Context()))
}

func noError(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
