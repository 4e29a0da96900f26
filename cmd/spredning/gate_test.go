package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Beyond the most connections, whoever has been quiet longest makes room, never one that is
// being answered.
func TestGate(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			entered <- struct{}{}
			<-leave
		}
		_, _ = io.WriteString(w, "ok")
	}))
	gate := newGate(3)
	quiet := func(n int) { // what a client sees may be a moment ahead of it
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			gate.mu.Lock()
			got := gate.quiet.Len()
			gate.mu.Unlock()
			if got == n {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%d connections are quiet, want %d", got, n)
			}
		}
	}
	server.Config.ConnState = gate.watch
	server.Start()
	defer server.Close()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		noError(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	ask := func(c net.Conn, path string) {
		_, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		noError(t, err)
	}
	answered := func(c net.Conn) bool {
		b := make([]byte, 8)
		_, err := io.ReadFull(c, b)
		return err == nil && string(b) == "HTTP/1.1"
	}
	busy := dial()
	ask(busy, "/slow")
	<-entered
	first := dial()
	ask(first, "/")
	if !answered(first) {
		t.Fatal("the first is not answered")
	}
	quiet(1)
	second := dial()
	quiet(2)
	third := dial()
	ask(third, "/slow")
	<-entered // in the place of the first
	quiet(1)
	ask(second, "/slow")
	<-entered
	fourth := dial()
	if err := waitClosed(fourth, 20*time.Second); err != nil {
		t.Errorf("there is room for a fourth while three are being answered: %v", err)
	}
	close(leave)
	for name, c := range map[string]net.Conn{"busy": busy, "second": second, "third": third} {
		if !answered(c) {
			t.Errorf("%s is cut off while it is being answered", name)
		}
	}
	quiet(3)
	last := dial()
	ask(last, "/")
	if !answered(last) {
		t.Error("who comes later finds no room")
	}
}

func TestRoomFor(t *testing.T) {
	for _, c := range []struct {
		asked int
		files uint64
		want  int
	}{
		{10_000, 0, 10_000}, {10_000, 1 << 20, 10_000}, {10_000, 10_256, 10_000}, {10_000, 10_255, 9_999}, {10_000, 1024, 768}, {10_000, 300, 150}, {10, 300, 10},
	} {
		if got := roomFor(c.asked, c.files); got != c.want {
			t.Errorf("%d connections with %d files: %d, want %d", c.asked, c.files, got, c.want)
		}
	}
}
