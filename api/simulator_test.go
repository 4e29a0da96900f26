package api

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"spredning/ledger"
	"spredning/projections"
)

// The third of three simulations waits, and is sent away when that takes too long.
func TestSimulatorHoldsBack(t *testing.T) {
	s := newSimulator()
	for range simulationsAtOnce {
		if err := s.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	var p problem
	if err := s.enter(ctx); !errors.As(err, &p) || p.Code != ledger.Overloaded {
		t.Errorf("got %v", err)
	}
	s.leave()
	if err := s.enter(t.Context()); err != nil {
		t.Error(err)
	}
}

// A page simulates in the same turns as the API, and leaves lines out of what is too
// large for them.
func TestPagesSimulateInTurn(t *testing.T) {
	s := &Server{sims: newSimulator()}
	for range simulationsAtOnce {
		if err := s.sims.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	none := projections.NewFold().Readings()
	var p problem
	if _, err := s.siteSimulate(ctx, none, &projections.Simulation{}); !errors.As(err, &p) || p.status() != http.StatusTooManyRequests {
		t.Errorf("got %v", err)
	}
	s.sims.leave()
	for range 3 { // each gives its turn back
		if all, err := s.siteSimulate(t.Context(), none, &projections.Simulation{}, &projections.Simulation{}); err != nil || len(all) != 2 {
			t.Errorf("got %v, %v", all, err)
		}
	}
}

func TestAffordable(t *testing.T) {
	without := new(bool)
	for _, test := range []struct {
		asked               projections.Simulation
		adoptions, computed int
		pointer             string
	}{
		{projections.Simulation{}, maxWithLines, 2 * maxWithLines, ""},
		{projections.Simulation{}, maxWithLines + 1, 2*maxWithLines + 2, "/lines"},
		{projections.Simulation{Lines: without}, 100 * maxWithLines, 2 * maxComputed, ""},
		{projections.Simulation{Lines: without, Sweep: &projections.Sweep{}}, 1_000_000, maxComputed, ""},
		{projections.Simulation{Lines: without, Sweep: &projections.Sweep{}}, 1_000_000, maxComputed + 1, "/sweep/step"},
	} {
		var p problem
		if err := affordable(&test.asked, test.adoptions, test.computed); err != nil && !errors.As(err, &p) || p.Pointer != test.pointer {
			t.Errorf("%+v: got %v", test, err)
		}
	}
}
