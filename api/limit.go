package api

import (
	"net/netip"
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
		if !l.allow(client(c), time.Now()) {
			return problem{Code: ledger.Overloaded, Detail: "too many requests from your address; wait a moment"}
		}
		return next(c)
	}
}

// client is whom limits count for: an address or, of IPv6, the network of 64 bits that
// whoever has one address in it has all of.
func client(c echo.Context) string {
	ip, err := netip.ParseAddr(c.RealIP())
	if err != nil || ip.Unmap().Is4() {
		return c.RealIP()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}

// places bounds how much goes on at the same time: in all, and for each client, so that
// one that is slow leaves some to the others.
type places struct {
	most, each int

	mu    sync.Mutex
	taken map[string]int // by client
	all   int
}

func newPlaces(most, each int) *places {
	return &places{most: most, each: each, taken: map[string]int{}}
}

// take takes a place, to be left later; false: there is none.
func (p *places) take(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == p.most || p.taken[client] == p.each {
		return false
	}
	p.all++
	p.taken[client]++
	return true
}

func (p *places) leave(client string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all--
	if p.taken[client]--; p.taken[client] == 0 {
		delete(p.taken, client)
	}
}
