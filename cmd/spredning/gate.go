package main

import (
	"container/list"
	"net"
	"net/http"
	"sync"
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

// gate keeps the connections of a server down to a number. Beyond it, whoever has waited
// longest without asking for anything makes room; if all are being answered, the one who
// came last.
type gate struct {
	most int

	mu    sync.Mutex
	open  map[net.Conn]*list.Element // nil for those that are being answered
	quiet list.List                  // of connections, those that have waited longest first
}

func newGate(most int) *gate { return &gate{most: most, open: map[net.Conn]*list.Element{}} }

// watch is the server's ConnState.
func (g *gate) watch(conn net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := g.open[conn]; at != nil {
		g.quiet.Remove(at)
	}
	switch state {
	case http.StateNew, http.StateIdle:
		g.open[conn] = g.quiet.PushBack(conn)
	case http.StateActive:
		g.open[conn] = nil
	default: // closed, or no longer the server's
		delete(g.open, conn)
	}
	if len(g.open) > g.most && state == http.StateNew {
		g.makeRoom()
	}
}

func (g *gate) makeRoom() {
	conn := g.quiet.Remove(g.quiet.Front()).(net.Conn) // the new one is in it, if no other is
	delete(g.open, conn)
	go conn.Close() // TLS says goodbye, which may take time
}
