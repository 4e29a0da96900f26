package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"spredning/api"
	"spredning/ledger"
)

// metrics are what a node tells those who watch over it, in the form of
// Prometheus, on a listener of its own.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
}

func newMetrics(cfg api.Config) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "spredning_http_requests_total", Help: "Requests answered, by status and method."}, []string{"code", "method"}),
	}
	m.registry.MustRegister(m.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	m.gauge("spredning_entries", "Entries that are durable here and can be proved.", func() float64 { return float64(cfg.Log.Size()) })
	m.gauge("spredning_checkpoint_size", "Entries that the checkpoint speaks of which readers are shown.", func() float64 {
		size, _ := cfg.Ledger.Published()
		return float64(size)
	})
	m.gauge("spredning_applied_entries", "Entries that readers see.", func() float64 { return float64(cfg.View.Position()) })
	if cfg.StreamSize != nil {
		m.gauge("spredning_stream_entries", "Entries that the stream was last seen to have; more than spredning_entries: this node is behind.", func() float64 { return float64(cfg.StreamSize()) })
	}
	m.gauge("spredning_writable", "1 while events are taken, 0 while not; /readyz says why.", func() float64 { return oneIf(!cfg.Mirror && cfg.Ledger.Err() == nil) })
	if cfg.SelfAudited != nil {
		m.audit(cfg.SelfAudited)
	}
	return m
}

// audit tells of a node's audit of its own log.
func (m *metrics) audit(audited func() ledger.SelfAudited) {
	m.gauge("spredning_audit_position", "Entries that the audit of the node's own log that is going on has found in order; 0: none is going on.", func() float64 { return float64(audited().Position) })
	m.gauge("spredning_audit_last_good_entries", "Entries that the last good audit was about.", func() float64 { return float64(audited().Entries) })
	m.gauge("spredning_audit_last_good_timestamp_seconds", "When the last good audit ended, in Unix time; 0: none has yet.", func() float64 {
		at := audited().At
		if at.IsZero() {
			return 0
		}
		return float64(at.UnixMilli()) / 1000
	})
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "spredning_audit_failures_total", Help: "Audits that found damage or could not be done."}, func() float64 {
		return float64(audited().Failures)
	}))
}

func (m *metrics) gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// counted counts the answers of a handler.
func (m *metrics) counted(h http.Handler) http.Handler {
	return promhttp.InstrumentHandlerCounter(m.requests, h)
}

// serve serves /metrics on an address until stop is called.
func (m *metrics) serve(addr string, logger *slog.Logger) (stop func(), err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s for metrics: %w", addr, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	hs := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	go func() {
		if err := hs.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("serving metrics", "error", err)
		}
	}()
	logger.Info("serving metrics", "address", "http://"+listener.Addr().String()+"/metrics")
	return func() { _ = hs.Close() }, nil
}

// auditing audits a node's own log in the background, until stop is called.
func (s *serving) auditing(ctx context.Context, l *ledger.Ledger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Audit(ctx, s.audit)
	}()
	return func() { cancel(); <-done }
}
