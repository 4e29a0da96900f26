package api

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"spredning/ledger"
	"spredning/projections"
)

// A node is behind when it has stood still short of an earlier goal, not while it follows.
func TestLag(t *testing.T) {
	var l lag
	at := time.Unix(0, 0)
	for i, c := range []struct {
		after     time.Duration
		has, want int64
		behind    bool
	}{
		{0, 5, 5, false},
		{time.Minute, 5, 9, false}, // they have just come, as far as anyone knows
		{9 * time.Second, 6, 12, false},
		{2 * time.Second, 8, 12, true},
		{time.Minute, 8, 500, true},
		{time.Second, 9, 500, false}, // the goal is reached, and there is another
		{11 * time.Second, 499, 600, true},
		{time.Second, 600, 600, false},
		{time.Hour, 600, 600, false},
	} {
		at = at.Add(c.after)
		if got := l.behind(c.has, c.want, at); got != c.behind {
			t.Errorf("%d: behind with %d of %d is %t", i, c.has, c.want, got)
		}
	}
}

// still is a ledger and a log of a number of entries, in order but for that.
type still struct {
	Ledger
	Log
	size int64
}

func (s *still) Err() error                          { return nil }
func (s *still) Size() int64                         { return s.size }
func (s *still) Witnessed() (ledger.Witnessed, bool) { return ledger.Witnessed{}, false }

// Who asks whether a node is ready is told, as a problem, what is missing here.
func TestReadinessTellsWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		size, stream int64
		mirror       bool
		want         string
	}{
		"not shown":        {7, 7, false, "readers see 0 of its 7 entries"},
		"a mirror's":       {7, 7, true, "readers see 0 of its 7 entries"},
		"not here":         {0, 7, false, "it has 0 of the stream's 7 entries"},
		"all is well":      {0, 0, false, ""},
		"a mirror is well": {0, 0, true, ""},
	} {
		node := &still{size: c.size}
		s := New(Config{Ledger: node, Log: node, View: projections.NewView(), Logger: slog.New(slog.DiscardHandler), Mirror: c.mirror, StreamSize: func() int64 { return c.stream }})
		ask := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
			return w
		}
		if w := ask(); w.Code != http.StatusOK {
			t.Errorf("%s: at once it is %d %s", name, w.Code, w.Body)
		}
		for _, l := range []*lag{&s.viewLag, &s.streamLag} {
			l.since = l.since.Add(-lagPatience)
		}
		w := ask()
		if ok := w.Code == http.StatusOK; ok != (c.want == "") || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: later it is %d %s, want %q", name, w.Code, w.Body, c.want)
		}
		if kind := w.Header().Get("Content-Type"); c.want != "" && kind != "application/problem+json" {
			t.Errorf("%s: it is told as %s", name, kind)
		}
	}
}
