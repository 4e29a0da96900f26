package api_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

// behind has a proxy in front whose word is taken, if the network is 127.0.0.1's.
func behind(network string) func(*world) {
	return func(w *world) {
		_, n, err := net.ParseCIDR(network)
		if err != nil {
			panic(err)
		}
		w.proxies = []*net.IPNet{n}
		w.readRate = 0.2 // one request in five seconds
	}
}

// TestAddressesSayTheScheme: what a feed links to is as its reader came, whoever asked before.
func TestAddressesSayTheScheme(t *testing.T) {
	w := newWorld(t, behind("127.0.0.0/8"), func(w *world) { w.readRate = 0 }).found()
	for _, scheme := range []string{"http", "https", "http"} {
		a, body := w.look("/feed.atom", http.Header{"X-Forwarded-Proto": {scheme}})
		if other := map[string]string{"http": "https", "https": "http"}[scheme]; a.StatusCode != http.StatusOK || !strings.Contains(body, `"`+scheme+`://127.0.0.1`) || strings.Contains(body, `"`+other+`://127.0.0.1`) {
			t.Errorf("by %s: %d %s", scheme, a.StatusCode, body)
		}
	}
}

// Limits count for those whom a trusted proxy names, and for nobody else's say-so.
func TestProxies(t *testing.T) {
	asks := func(w *world, from string) int {
		a, _ := w.look("/api/v1/status", http.Header{"X-Forwarded-For": {from}, "X-Forwarded-Proto": {"https"}})
		if secure := a.Header.Get("Strict-Transport-Security") != ""; secure != (w.proxies[0].String() == "127.0.0.0/8") {
			t.Errorf("%s: secure is %v", w.proxies[0], secure)
		}
		return a.StatusCode
	}
	w := newWorld(t, behind("127.0.0.0/8")).found()
	for _, from := range []string{"192.0.2.1", "192.0.2.2", "198.51.100.9, 192.0.2.3"} {
		if got := asks(w, from); got != http.StatusOK {
			t.Errorf("the first request of %s: %d", from, got)
		}
	}
	for _, from := range []string{"192.0.2.1", "203.0.113.7, 192.0.2.3"} {
		if got := asks(w, from); got != http.StatusTooManyRequests {
			t.Errorf("the second request of %s: %d", from, got)
		}
	}
	w = newWorld(t, behind("10.0.0.0/8")).found()
	asks(w, "192.0.2.1")
	if got := asks(w, "192.0.2.2"); got != http.StatusTooManyRequests {
		t.Errorf("who is no proxy names another: %d", got)
	}
}
