package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"spredning/ledger"
	"spredning/projections"
)

// What a simulation may ask for.
const (
	maxSimulation = 4 << 20    // bytes of a request
	maxWithLines  = 50_000     // adoptions in the ledger, for an answer with every line
	maxComputed   = 50_000_000 // adoptions, over and over
)

// simulator lets a few simulations run at a time.
type simulator struct{ slots chan struct{} }

const simulationsAtOnce = 2

func newSimulator() *simulator { return &simulator{make(chan struct{}, simulationsAtOnce)} }

// enter waits for a turn; leave gives it back.
func (s *simulator) enter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return problem{Code: ledger.Overloaded, Detail: "too many simulations are being computed; ask again in a moment"}
	}
}

func (s *simulator) leave() { <-s.slots }

// simulations is POST /simulations: tables under other rules, and what else was
// asked for. Nothing is written.
func (s *Server) simulations(c echo.Context) error {
	if err := s.wait(c); err != nil {
		return err
	}
	asked, err := readSimulation(c)
	if err != nil {
		return err
	}
	if err := s.sims.enter(c.Request().Context()); err != nil {
		return err
	}
	defer s.sims.leave()
	readings, err := s.readings(c)
	if err != nil {
		return err
	}
	if err := affordable(asked, readings.Adoptions(), readings.Cost(asked)); err != nil {
		return err
	}
	simulated, err := readings.Run(asked)
	if err != nil {
		return err
	}
	body, err := json.Marshal(simulated)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Spredning-Position", strconv.FormatInt(readings.Position, 10))
	h.Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, body)
}

// siteSimulate simulates for a page, in one turn.
func (s *Server) siteSimulate(ctx context.Context, readings *projections.Readings, asked ...*projections.Simulation) (all []*projections.Simulated, err error) {
	if err := s.sims.enter(ctx); err != nil {
		return nil, err
	}
	defer s.sims.leave()
	for _, a := range asked {
		if readings.Adoptions() > maxWithLines {
			a.Lines = new(bool)
		}
		simulated, err := readings.Run(a)
		if err != nil {
			return nil, err
		}
		all = append(all, simulated)
	}
	return all, nil
}

func readSimulation(c echo.Context) (*projections.Simulation, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, maxSimulation))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, problem{Code: ledger.TooLarge, Detail: fmt.Sprintf("a simulation is asked for in at most %d bytes; sum rows up by hospital and year", maxSimulation)}
	}
	if err != nil {
		return nil, problem{Code: ledger.Malformed, Detail: "the request's body ended early"}
	}
	asked := new(projections.Simulation)
	if err := ledger.Strict(raw, asked); err != nil {
		return nil, err
	}
	return asked, asked.Check()
}

// readings gives the years now, or as they were at a position.
func (s *Server) readings(c echo.Context) (readings *projections.Readings, err error) {
	position, given, err := s.position(c)
	if err != nil {
		return nil, err
	}
	if !given || position == s.cfg.View.Position() {
		s.cfg.View.Read(func(f *projections.Fold) { readings = f.Readings() })
		if !given || readings.Position == position {
			return readings, nil
		} // else it has moved on meanwhile
	}
	f, err := s.past.at(c.Request().Context(), position)
	if err != nil {
		return nil, err
	}
	return f.Readings(), nil
}

// affordable refuses what would take too long or too much: the ledger has so many
// adoptions, and so many are computed.
func affordable(asked *projections.Simulation, adoptions, computed int) error {
	if lines := asked.Lines == nil || *asked.Lines; lines && adoptions > maxWithLines {
		return problem{ledger.InvalidField, fmt.Sprintf("this ledger has %d adoptions; over %d, ask with \"lines\": false", adoptions, maxWithLines), "/lines"}
	}
	if asked.Sweep != nil && computed > maxComputed {
		return problem{ledger.InvalidField, fmt.Sprintf("too many steps for the %d adoptions of this ledger; take larger ones, or use spredning simulate --data", adoptions), "/sweep/step"}
	}
	return nil
}
