package api

import (
	_ "embed"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"spredning/ledger"
	"spredning/ledger/tiles"
	"spredning/projections"
)

//go:embed openapi.json
var openAPI []byte

// Config is what a server serves. Ledger, Drafts, View, Log and Logger are needed.
type Config struct {
	Ledger *ledger.Ledger
	Drafts *ledger.Drafts
	View   *projections.View
	Log    *tiles.Log
	Logger *slog.Logger
	Data   OpenData

	// ReadRate and WriteRate are requests a second from one address; 0: no limit.
	ReadRate, WriteRate float64
}

// Server is an http.Handler for a ledger.
type Server struct {
	*echo.Echo
	cfg     Config
	closing chan struct{}
	close   func()
	replies *cache
	past    *past
	reads   *limits
	writes  *limits
}

// How long things may take.
const (
	submitTimeout = 30 * time.Second
	waitTimeout   = 5 * time.Second // for min_position
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 2 * time.Minute
)

// New makes the handler.
func New(cfg Config) *Server {
	s := &Server{
		Echo: echo.New(), cfg: cfg, closing: make(chan struct{}), replies: newCache(), past: newPast(cfg.Log),
		reads: newLimits(cfg.ReadRate), writes: newLimits(cfg.WriteRate),
	}
	s.close = sync.OnceFunc(func() { close(s.closing) })
	s.HideBanner, s.HidePort = true, true
	s.HTTPErrorHandler = s.fail
	s.IPExtractor = echo.ExtractIPDirect()
	s.Use(s.recover, s.headers)
	for _, r := range s.routes() {
		s.Match(r.methods, r.path, r.handler)
	}
	for _, path := range []string{"/*", "/log/*"} {
		s.RouteNotFound(path, func(echo.Context) error { return notFound("there is nothing at this address, or not with this method") })
	}
	return s
}

type route struct {
	methods []string
	path    string
	handler echo.HandlerFunc
}

var (
	reading = []string{http.MethodGet, http.MethodHead}
	writing = []string{http.MethodPost}
)

// routes is every address that is served.
func (s *Server) routes() []route {
	return []route{
		{writing, "/api/v1/events", s.limited(s.writes, s.submit)},
		{reading, "/api/v1/events", s.limited(s.reads, s.events)},
		{reading, "/api/v1/events/:index", s.read(s.event)},
		{reading, "/api/v1/events/:index/receipt", s.read(s.receipt)},
		{writing, "/api/v1/drafts", s.limited(s.writes, s.postDraft)},
		{reading, "/api/v1/drafts/:hash", s.read(s.draft)},
		{reading, "/api/v1/innovations", s.read(s.innovations)},
		{reading, "/api/v1/innovations/:id", s.read(s.innovation)},
		{reading, "/api/v1/innovations/:id/adoptions", s.read(s.adoptions)},
		{reading, "/api/v1/innovations/:id/lineage", s.read(s.lineage)},
		{reading, "/api/v1/organisations", s.read(s.organisations)},
		{reading, "/api/v1/organisations/:orgnr", s.read(s.organisation)},
		{reading, "/api/v1/points", s.read(s.pointsYears)},
		{reading, "/api/v1/points/:year", s.read(s.points)},
		{reading, "/api/v1/points/:year/corrections", s.read(s.corrections)},
		{reading, "/api/v1/points/:year/organisations", s.read(s.today)},
		{reading, "/api/v1/points/:year/patterns", s.read(s.patterns)},
		{reading, "/api/v1/rules", s.read(s.rules)},
		{reading, "/api/v1/years", s.read(s.years)},
		{reading, "/api/v1/years/:year/open", s.read(s.open)},
		{reading, "/api/v1/disputes", s.read(s.disputes)},
		{reading, "/api/v1/requests", s.read(s.requests)},
		{reading, "/api/v1/keys", s.read(s.keys)},
		{reading, "/api/v1/keys/:keyid", s.read(s.key)},
		{reading, "/api/v1/status", s.read(s.status)},
		{reading, "/api/v1/openapi.json", s.limited(s.reads, s.openAPI)},
		{reading, "/data/index.json", s.read(s.dataIndex)},
		{reading, "/data/latest/:file", s.limited(s.reads, s.latestData)},
		{reading, "/data/:size/:file", s.limited(s.reads, s.dataFile)},
		{reading, "/catalog.ttl", s.read(s.catalogueTurtle)},
		{reading, "/catalog.jsonld", s.read(s.catalogueJSONLD)},
		{reading, "/feed.atom", s.read(s.feed)},
		{reading, "/innovasjoner/:id/feed.atom", s.read(s.innovationFeed)},
		{reading, "/foretak/:orgnr/feed.atom", s.read(s.organisationFeed)},
		{reading, "/log/*", s.limited(s.reads, s.log)},
		{reading, "/healthz", s.healthy},
		{reading, "/readyz", s.ready},
		{reading, "/", s.front},
	}
}

// HTTP gives a server with time limits, for the caller to run and shut down.
func (s *Server) HTTP() *http.Server {
	hs := &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}
	hs.RegisterOnShutdown(s.close)
	return hs
}

// headers are the same on every answer.
func (s *Server) headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		if m := c.Request().Method; m == http.MethodGet || m == http.MethodHead {
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Access-Control-Expose-Headers", "ETag, Link, Spredning-Position, Retry-After, Repr-Digest, Content-Digest, Content-Range")
		}
		return next(c)
	}
}

// recover turns a panic into a problem: no input makes the server exit.
func (s *Server) recover(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if p := recover(); p != nil {
				s.cfg.Logger.Error("a handler failed", "path", c.Request().URL.Path, "panic", p)
				err = problem{Code: ledger.Unavailable, Detail: "this request cannot be answered now; the failure has been logged"}
			}
		}()
		return next(c)
	}
}

func (s *Server) healthy(c echo.Context) error {
	return c.String(http.StatusOK, "ok\n")
}

func (s *Server) ready(c echo.Context) error {
	if err := s.cfg.Ledger.Err(); err != nil {
		return problem{Code: ledger.Unavailable, Detail: "the ledger takes no events: " + err.Error()}
	}
	if err := s.cfg.Log.Err(); err != nil {
		return problem{Code: ledger.Unavailable, Detail: "the log on disk is behind: " + err.Error()}
	}
	return c.String(http.StatusOK, "ready\n")
}

func (s *Server) openAPI(c echo.Context) error {
	return s.send(c, reply{body: openAPI, contentType: echo.MIMEApplicationJSON, etag: hashTag(openAPI)})
}

// client is the address that limits count for.
func client(c echo.Context) string {
	host, _, err := net.SplitHostPort(c.Request().RemoteAddr)
	if err != nil {
		return c.Request().RemoteAddr
	}
	return host
}
