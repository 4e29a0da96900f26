package api

import (
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"spredning/ledger"
)

// burst is how many seconds' worth of requests may come at once.
const burst = 5

// limits holds each client to a rate of requests. It forgets clients that have
// been quiet.
type limits struct {
	rate    rate.Limit
	mu      sync.Mutex
	clients map[string]*visitor
	swept   time.Time
}

type visitor struct {
	*rate.Limiter
	seen time.Time
}

// newLimits allows perSecond requests from each address; 0: any number.
func newLimits(perSecond float64) *limits {
	return &limits{rate: rate.Limit(perSecond), clients: map[string]*visitor{}}
}

func (l *limits) allow(client string, now time.Time) bool {
	if l.rate == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	v := l.clients[client]
	if v == nil {
		v = &visitor{Limiter: rate.NewLimiter(l.rate, max(1, int(l.rate*burst)))}
		l.clients[client] = v
	}
	v.seen = now
	return v.AllowN(now, 1)
}

// sweep forgets those whose allowance is full again, at most once a minute.
func (l *limits) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Minute {
		return
	}
	l.swept = now
	for client, v := range l.clients {
		if now.Sub(v.seen) > burst*time.Second {
			delete(l.clients, client)
		}
	}
}

// limited answers overloaded to a client that asks too often.
func (s *Server) limited(l *limits, next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !l.allow(c.RealIP(), time.Now()) {
			return problem{Code: ledger.Overloaded, Detail: "too many requests from your address; wait a moment"}
		}
		return next(c)
	}
}
