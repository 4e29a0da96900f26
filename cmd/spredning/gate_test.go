package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

// A crowd that comes at once pushes nobody out who has only just come: the next ones wait,
// each until somebody leaves, has been answered, or could have asked and did not.
func TestGateHearsWhoHasJustCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := newGate(2)
		var came atomic.Int64
		closed := make(chan net.Conn, 10)
		comes := func() net.Conn {
			conn := leaver{closed: closed}
			conn.Conn, _ = net.Pipe()
			go func() {
				gate.watch(&conn, http.StateNew)
				came.Add(1)
			}()
			synctest.Wait()
			return &conn
		}
		in := func(n int64, gone ...net.Conn) {
			t.Helper()
			synctest.Wait()
			if came.Load() != n || len(closed) != len(gone) {
				t.Fatalf("%d have come and %d were closed, want %d and %d", came.Load(), len(closed), n, len(gone))
			}
			for _, want := range gone {
				if got := <-closed; got != want {
					t.Fatal("somebody else was closed")
				}
			}
		}
		first, second := comes(), comes()
		in(2)
		third := comes()
		time.Sleep(toBeHeard - time.Millisecond)
		in(2)
		gate.watch(first, http.StateActive)
		gate.watch(first, http.StateIdle)
		in(3, first) // which was answered, and is quiet since
		gate.watch(second, http.StateActive)
		fourth := comes()
		time.Sleep(toBeHeard - time.Millisecond) // since the third was let in
		in(3)
		gate.watch(second, http.StateClosed)
		in(4)
		fifth := comes()
		time.Sleep(time.Millisecond)
		in(5, third) // with nothing to ask
		gate.watch(fourth, http.StateActive)
		gate.watch(fifth, http.StateActive)
		sixth := comes()
		time.Sleep(toBeHeard - time.Millisecond)
		in(5)
		time.Sleep(time.Millisecond)
		in(6, sixth) // all others are being answered
	})
}

// leaver is a connection that says when it is closed.
type leaver struct {
	net.Conn
	closed chan net.Conn
}

func (l *leaver) Close() error {
	l.closed <- l
	return l.Conn.Close()
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
