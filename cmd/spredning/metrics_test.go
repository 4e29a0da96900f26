package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"spredning/ledger"
	"spredning/ledger/tiles"
)

// lockedBuffer is what a logger writes to while others read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A served ledger tells on a listener of its own how it is, audits its own log
// meanwhile, and is not ready any more once that is damaged.
func TestMetrics(t *testing.T) {
	s := serveDemo(t)
	var said lockedBuffer
	logger := slog.New(slog.NewTextHandler(&said, nil))
	serving := &serving{listen: "127.0.0.1:0", metrics: "127.0.0.1:0", audit: ledger.SelfAudit{Every: 20 * time.Millisecond, Rate: 1_000_000}}
	ctx, stop := context.WithCancel(t.Context())
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- serving.run(ctx, s.node, logger, func(url string) { listening <- url }) }()
	url := <-listening
	metrics := regexp.MustCompile(`address=(\S+)`).FindStringSubmatch(said.String())[1]

	get := func(url string) (int, string) {
		resp, err := http.Get(url)
		noError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		noError(t, err)
		return resp.StatusCode, string(b)
	}
	says := func(url string, status int, want ...string) bool {
		got, text := get(url)
		for _, w := range want {
			if !regexp.MustCompile("(?m)" + w).MatchString(text) {
				return false
			}
		}
		return got == status
	}
	eventually := func(what, url string, status int, want ...string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !says(url, status, want...); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				_, text := get(url)
				t.Fatalf("%s: %s says\n%s", what, url, text)
			}
		}
	}
	eventually("an audit", url+"/readyz", http.StatusOK, "^ready; 389 entries were audited until 20")
	get(url + "/api/v1/nothing")
	eventually(
		"all is well", metrics, http.StatusOK, "^spredning_entries 389$", "^spredning_checkpoint_size 389$", "^spredning_applied_entries 389$", "^spredning_writable 1$",
		"^spredning_audit_last_good_entries 389$", "^spredning_audit_last_good_timestamp_seconds [1-9]", "^spredning_audit_failures_total 0$",
		`^spredning_http_requests_total{code="404",method="get"} 1$`, "^go_build_info", "^process_cpu_seconds_total",
	)
	if status, _ := get(url + "/metrics"); status != http.StatusNotFound {
		t.Errorf("/metrics is public: %d", status)
	}

	file := filepath.Join(s.dir, "log", filepath.FromSlash(tiles.BundlePath(0, 256)))
	b, err := os.ReadFile(file)
	for end := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		b, err = os.ReadFile(file) // it is written without haste
	}
	noError(t, err)
	// One byte in place: the audit reads meanwhile, and must not see half a file.
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	noError(t, err)
	_, err = f.WriteAt([]byte{b[1000] ^ 1}, 1000)
	noError(t, err)
	noError(t, f.Close())
	eventually("damage", url+"/readyz", http.StatusServiceUnavailable, "the log on disk fails its audit.*"+regexp.QuoteMeta(filepath.Base(file)))
	eventually("damage", metrics, http.StatusOK, "^spredning_writable 0$", "^spredning_audit_failures_total 1$")
	eventually("reading goes on", url+"/api/v1/points/2026", http.StatusOK)
	stop()
	noError(t, <-ended)

	serving.metrics = "127.0.0.1:99999"
	if err := serving.run(t.Context(), s.node, logger, func(string) {}); err == nil {
		t.Error("metrics are served at a port that there is not")
	}
	serving.audit.Rate = 0
	if err := serving.run(t.Context(), s.node, logger, func(string) {}); err == nil {
		t.Error("nothing is audited, for ever")
	}
}
