package ledger

import "sync"

// growth tells those who wait that there are more entries.
type growth struct {
	grown   sync.Mutex
	growing chan struct{} // closed and replaced when entries are added
}

// Grown gives a channel that is closed once there are more entries than now.
func (g *growth) Grown() <-chan struct{} {
	g.grown.Lock()
	defer g.grown.Unlock()
	return g.growing
}

func (g *growth) grow() {
	g.grown.Lock()
	defer g.grown.Unlock()
	close(g.growing)
	g.growing = make(chan struct{})
}
