package main

import (
	"container/list"
	"net"
	"net/http"
	"sync"
	"time"
)

// spareFiles is how many files of those that the process may have open are left to the
// ledger: without them it could not write.
const spareFiles = 256

// roomFor is how many connections there may be, of as many as were asked for, when the
// process may have so many files open; 0: any number.
func roomFor(asked int, files uint64) int {
	if files == 0 || uint64(asked)+spareFiles <= files {
		return asked
	}
	return int(max(files-min(files, spareFiles), files/2))
}

// toBeHeard is how long somebody who has just come may take to ask, also where others want
// the place.
const toBeHeard = 2 * time.Second

// gate keeps the connections of a server down to a number. Beyond it, whoever has been
// quiet longest makes room, but nobody who has just come and was not yet heard: a crowd
// that comes faster than the server can listen would push out those who do ask. Until
// there is room the server takes no other connection; they wait in the system's queue.
type gate struct {
	most int

	mu    sync.Mutex
	moved sync.Cond
	open  map[net.Conn]*list.Element // nil for those that are being answered
	quiet list.List                  // of caller, those that have waited longest first
}

// caller is a connection that asks for nothing, and when it may be closed.
type caller struct {
	net.Conn
	until time.Time
}

func newGate(most int) *gate {
	g := &gate{most: most, open: map[net.Conn]*list.Element{}}
	g.moved.L = &g.mu
	return g
}

// watch is the server's ConnState. It is called with a new connection before the server
// listens to it, or takes the next.
func (g *gate) watch(conn net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := g.open[conn]; at != nil {
		g.quiet.Remove(at)
	}
	switch state {
	case http.StateNew:
		g.admit(conn)
	case http.StateIdle:
		g.open[conn] = g.quiet.PushBack(caller{conn, time.Now()})
	case http.StateActive:
		g.open[conn] = nil
	default: // closed, or no longer the server's
		delete(g.open, conn)
	}
	g.moved.Broadcast()
}

// admit lets a connection in as soon as there is room, or closes it if all others are
// being answered and go on being so.
func (g *gate) admit(conn net.Conn) {
	end := time.Now().Add(toBeHeard)
	for len(g.open) >= g.most {
		at, until := g.longest()
		if at == nil {
			until = end
		}
		switch wait := time.Until(until); {
		case wait > 0:
			due := time.AfterFunc(wait, g.moved.Broadcast)
			g.moved.Wait()
			due.Stop()
		case at == nil:
			go conn.Close() // TLS says goodbye, which may take time
			return
		default:
			longest := g.quiet.Remove(at).(caller).Conn
			delete(g.open, longest)
			go longest.Close()
		}
	}
	g.open[conn] = g.quiet.PushBack(caller{conn, time.Now().Add(toBeHeard)})
}

// longest gives the one to be closed first, and until when it may stay; nil: nobody is
// quiet.
func (g *gate) longest() (at *list.Element, until time.Time) {
	now := time.Now()
	for at = g.quiet.Front(); at != nil; at = at.Next() {
		if until = at.Value.(caller).until; !until.After(now) {
			return at, until
		}
	}
	if at = g.quiet.Front(); at != nil { // all have just come, this one first
		until = at.Value.(caller).until
	}
	return at, until
}
