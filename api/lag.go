package api

import (
	"fmt"
	"sync"
	"time"
)

// lagPatience is how long what has come may take to be shown before a node says that it
// is behind. A whole batch takes milliseconds.
const lagPatience = 10 * time.Second

// lag tells whether something has stood still: what was wanted some time ago is still not
// there. It learns when it is asked.
type lag struct {
	mu    sync.Mutex
	goal  int64
	since time.Time
}

// behind reports whether an earlier goal has not been reached for so long; has and want
// are numbers of entries.
func (l *lag) behind(has, want int64, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if has >= l.goal {
		l.goal, l.since = want, now
	}
	return has < l.goal && now.Sub(l.since) >= lagPatience
}

// late says how the node is behind; empty: it is not.
func (s *Server) late(now time.Time) string {
	shown, size := s.cfg.View.Position(), s.cfg.Log.Size()
	if s.viewLag.behind(shown, size, now) {
		return fmt.Sprintf("this node is behind: readers see %d of its %d entries", shown, size)
	}
	if s.cfg.StreamSize == nil {
		return ""
	}
	if all := s.cfg.StreamSize(); s.streamLag.behind(size, all, now) {
		return fmt.Sprintf("this node is behind: it has %d of the stream's %d entries", size, all)
	}
	return ""
}
