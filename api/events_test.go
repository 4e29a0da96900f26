package api_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// entries are the bytes of all entries of a world, in order.
func (w *world) entries() (all [][]byte) {
	w.t.Helper()
	noError(w.t, w.log.Entries(0, w.log.Size(), func(_ int64, entry []byte) error {
		all = append(all, bytes.Clone(entry))
		return nil
	}))
	return all
}

// lines joins entries as GET /events gives them.
func lines(entries [][]byte) []byte {
	var all []byte
	for _, e := range entries {
		all = append(append(all, e...), '\n')
	}
	return all
}

func TestEventsAreTheExactBytes(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	w.fill(510) // more than two bundles
	all := w.entries()
	n := len(all)
	for query, want := range map[string][][]byte{
		"":                                all,
		"?after=0":                        all[1:],
		"?after=254":                      all[255:],
		"?after=255&limit=2":              all[256:258],
		"?limit=1":                        all[:1],
		"?limit=257":                      all[:257],
		"?after=3&limit=100000":           all[4:],
		"?limit=9007199254740992":         all,
		"?after=7&limit=9007199254740992": all[8:],
		fmt.Sprintf("?after=%d", n-2):     all[n-1:],
		fmt.Sprintf("?after=%d", n-1):     nil,
		fmt.Sprintf("?after=%d", n):       nil,
		"?after=9007199254740992":         nil,
	} {
		if a := w.ok("/api/v1/events"+query, nil); !bytes.Equal(a.body, lines(want)) {
			t.Errorf("%q: %d bytes, not the %d of %d entries", query, len(a.body), len(lines(want)), len(want))
		}
	}
	w.refused(w.get("/api/v1/events?after=9223372036854775807"), "invalid_query")
	w.refused(w.get("/api/v1/events?limit=9223372036854775807"), "invalid_query")
	for i := range all {
		if i%97 == 0 || i == n-1 {
			if a := w.ok(fmt.Sprintf("/api/v1/events/%d", i), nil); !bytes.Equal(a.body, all[i]) {
				t.Errorf("entry %d is other bytes", i)
			}
		}
	}
}

func TestEntriesNeverChange(t *testing.T) {
	w := newWorld(t).found()
	if got := w.ok("/api/v1/events/0", nil).Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("an entry may be kept: %q", got)
	}
	if got := w.ok("/log/tile/entries/000.p/1", nil).Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("a bundle may be kept: %q", got)
	}
	for _, path := range []string{"/api/v1/events/0/receipt", "/api/v1/status", "/log/checkpoint", "/api/v1/events"} {
		if got := w.ok(path, nil).Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s may be kept: %q", path, got)
		}
	}
}

// live is an open stream of server-sent events.
type live struct {
	t     testing.TB
	body  io.ReadCloser
	lines *bufio.Reader
	read  bytes.Buffer // all of it, for the document to judge
	judge func([]byte)
}

// follow opens a stream. It is judged as a whole when it ends.
func (w *world) follow(path string, headers ...string) *live {
	w.t.Helper()
	request, err := w.request(http.MethodGet, path, nil, append(headers, "Accept", "text/event-stream")...)
	noError(w.t, err)
	response, err := w.http.Do(request)
	noError(w.t, err)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		w.t.Fatalf("GET %s: %d %s", path, response.StatusCode, response.Header.Get("Content-Type"))
	}
	l := &live{t: w.t, body: response.Body, judge: func(body []byte) {
		if err := w.document.check(http.MethodGet, request.URL.Path, response, body); err != nil {
			w.t.Errorf("GET %s: %v", path, err)
		}
	}}
	l.lines = bufio.NewReader(io.TeeReader(response.Body, &l.read))
	return l
}

// next is the next event: its id and data.
func (l *live) next() (id, data string) {
	l.t.Helper()
	type event struct{ id, data string }
	got := make(chan event, 1)
	go func() {
		var e event
		for {
			line, err := l.lines.ReadString('\n')
			switch {
			case err != nil, line == "\n" && e.data != "":
				got <- e
				return
			case strings.HasPrefix(line, "id: "):
				e.id = strings.TrimSpace(line[4:])
			case strings.HasPrefix(line, "data: "):
				e.data = strings.TrimSuffix(line[6:], "\n")
			}
		}
	}()
	select {
	case e := <-got:
		return e.id, e.data
	case <-time.After(10 * time.Second):
		l.t.Fatal("no event came")
		return "", ""
	}
}

// expect reads events that must be the entries from an index on.
func (l *live) expect(from int, entries [][]byte) {
	l.t.Helper()
	for i, want := range entries {
		if id, data := l.next(); id != fmt.Sprint(from+i) || data != string(want) {
			l.t.Fatalf("event %q with %d bytes, where entry %d was due", id, len(data), from+i)
		}
	}
}

// ended reads to the end, which the server must bring.
func (l *live) ended() {
	l.t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, l.lines)
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			l.t.Errorf("the stream was cut off: %v", err)
		}
		l.judge(l.read.Bytes())
	case <-time.After(10 * time.Second):
		l.t.Error("the stream does not end")
	}
	l.body.Close()
}

func TestLiveEvents(t *testing.T) {
	w := newWorld(t).found()
	w.fill(300)
	all := w.entries()
	l := w.follow("/api/v1/events")
	defer l.body.Close()
	l.expect(0, all)
	for i := range 5 {
		raw := w.sealed(bergen, publication(fmt.Sprintf("Ny %d", i)))
		r := w.post(raw)
		l.expect(int(r.Index), [][]byte{raw})
	}
	w.fill(50)
	l.expect(len(all)+5, w.entries()[len(all)+5:])
}

func TestLiveEventsResume(t *testing.T) {
	w := newWorld(t).found()
	w.fill(20)
	all := w.entries()
	for _, last := range []int{0, 5, len(all) - 2} {
		for _, resumed := range []*live{
			w.follow("/api/v1/events", "Last-Event-ID", fmt.Sprint(last)),
			w.follow(fmt.Sprintf("/api/v1/events?after=%d", last)),
			w.follow("/api/v1/events?after=1", "Last-Event-ID", fmt.Sprint(last)), // a browser keeps the address it began with
		} {
			resumed.expect(last+1, all[last+1:])
			resumed.body.Close()
		}
	}
	l := w.follow("/api/v1/events", "Last-Event-ID", fmt.Sprint(len(all)-1))
	defer l.body.Close()
	raw := w.sealed(bergen, publication("Ny"))
	w.post(raw)
	l.expect(len(all), [][]byte{raw})
}

func TestLiveEventsEndAtTheLimit(t *testing.T) {
	w := newWorld(t).found()
	all := w.entries()
	l := w.follow("/api/v1/events?after=1&limit=2")
	l.expect(2, all[2:4])
	l.ended()

	l = w.follow(fmt.Sprintf("/api/v1/events?after=%d&limit=2", len(all)-2))
	l.expect(len(all)-1, all[len(all)-1:])
	raw := w.sealed(bergen, publication("Ny"))
	w.post(raw)
	l.expect(len(all), [][]byte{raw})
	l.ended()
}

func TestLiveEventsEndAtOnceForHEAD(t *testing.T) {
	w := newWorld(t).found()
	a := w.ask(http.MethodHead, "/api/v1/events?after=1000", nil, "Accept", "text/event-stream")
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%d %s", a.StatusCode, a.Header.Get("Content-Type"))
	}
	eventually(t, "HEAD is done with", nobodyFollows)
}

// TestLiveEventsOutlastTheTimeouts: the time that a request may take to be read,
// or an answer to be written, is not how long a stream may last.
func TestLiveEventsOutlastTheTimeouts(t *testing.T) {
	w := newWorld(t, patience(200*time.Millisecond)).found()
	all := w.entries()
	l := w.follow("/api/v1/events")
	defer l.body.Close()
	l.expect(0, all)
	time.Sleep(600 * time.Millisecond)
	raw := w.sealed(bergen, publication("Ny"))
	w.post(raw)
	l.expect(len(all), [][]byte{raw})
}

func TestLiveEventsEndOnShutdown(t *testing.T) {
	w := newWorld(t).found()
	var streams []*live
	for range 5 {
		l := w.follow("/api/v1/events")
		l.expect(0, w.entries())
		streams = append(streams, l)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	noError(t, w.server.Config.Shutdown(ctx))
	for _, l := range streams {
		l.ended()
	}
	noError(t, w.server.Config.Shutdown(ctx)) // once more does no harm
}

func TestReaderThatLeavesIsLetGo(t *testing.T) {
	w := newWorld(t).found()
	for range 50 {
		l := w.follow("/api/v1/events")
		l.next()
		l.body.Close()
	}
	eventually(t, "those who left are no longer served", nobodyFollows)
}

// nobodyFollows looks for handlers that still stream.
func nobodyFollows() bool {
	stacks := make([]byte, 1<<22)
	return !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("api.(*Server).live"))
}

// eventually waits for what must come true soon.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come true that %s", what)
		}
	}
}
