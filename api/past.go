package api

import (
	"context"
	"sync"

	"github.com/labstack/echo/v4"

	"spredning/ledger"
	"spredning/projections"
)

// past gives the fold as it was at earlier positions. Each is folded anew from
// the log, a few at a time, and the last few are kept.
type past struct {
	log   ledger.Entries
	slots chan struct{}
	mu    sync.Mutex
	kept  []*projections.Fold // newest use last
}

const (
	pastAtOnce = 2
	pastKept   = 4
)

func newPast(log ledger.Entries) *past {
	return &past{log: log, slots: make(chan struct{}, pastAtOnce)}
}

// at gives the fold of the first position entries. It must not be changed.
func (p *past) at(ctx context.Context, position int64) (*projections.Fold, error) {
	if f := p.lookup(position); f != nil {
		return f, nil
	}
	turn, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-turn.Done():
		return nil, problem{Code: ledger.Overloaded, Detail: "too many earlier positions are being computed; ask again in a moment"}
	}
	if f := p.lookup(position); f != nil {
		return f, nil
	}
	f := projections.NewFold()
	err := ledger.Replay(p.log, 0, position, func(entries []*ledger.Entry) error {
		for _, e := range entries {
			f.Apply(e)
		}
		return ctx.Err() // nobody waits for it any more
	})
	if ctx.Err() != nil {
		return nil, problem{Code: ledger.Unavailable, Detail: "the request was given up"}
	}
	if err != nil {
		return nil, err
	}
	p.keep(f)
	return f, nil
}

func (p *past) lookup(position int64) *projections.Fold {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.kept {
		if f.Position == position {
			return f
		}
	}
	return nil
}

func (p *past) keep(f *projections.Fold) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept = append(p.kept, f); len(p.kept) > pastKept {
		p.kept = p.kept[1:]
	}
}

// asOf answers with one thing of the fold as it is now, or as it stood at the
// position that was asked for.
func asOf[T any](s *Server, c echo.Context, what string, look func(*projections.Fold) (T, bool)) (reply, error) {
	position, given, err := s.position(c)
	if err != nil {
		return reply{}, err
	}
	if !given || position == s.cfg.View.Position() {
		r, err := found(s, what, look)
		if !given || err != nil || r.position == position {
			return r, err
		} // else it has moved on meanwhile
	}
	f, err := s.past.at(c.Request().Context(), position)
	if err != nil {
		return reply{}, err
	}
	thing, ok := look(f)
	if !ok {
		return reply{}, notFound("there is no " + what)
	}
	return jsonReply(thing, position)
}
