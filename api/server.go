package api

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"spredning/api/site"
	"spredning/ledger"
	"spredning/projections"
)

//go:embed openapi.json
var openAPI []byte

// Ledger is what is served: a *ledger.Ledger, or a *ledger.Copy of one.
type Ledger interface {
	Submit(ctx context.Context, raw []byte) (receipt ledger.Receipt, again bool, err error)
	Receipt(index int64) (ledger.Receipt, error)
	Published() (size int64, checkpoint []byte)
	Witnessed() (ledger.Witnessed, bool)
	Grown() <-chan struct{}
	Origin() string
	Err() error
	// Suspect tells that what lies beside the stream has failed.
	Suspect(err error)
}

// Log is its log: a *tiles.Log, or a *tiles.Shown of a mirror's.
type Log interface {
	ledger.Entries
	Size() int64
	Checkpoint() []byte
	Entry(index int64) ([]byte, error)
	Resource(path string) ([]byte, error)
	Err() error
}

// Config is what a server serves. Ledger, View, Log, Attachments and Logger are
// needed.
type Config struct {
	Ledger      Ledger
	Drafts      *ledger.Drafts      // none: a mirror, which keeps none
	Invitations *ledger.Invitations // none: a mirror, which keeps none
	View        *projections.View
	Log         Log
	Attachments Attachments
	Logger      *slog.Logger
	Data        OpenData

	// Mirror tells that this is a copy, which is ready when it can be read.
	Mirror bool

	// SelfAudited tells of the node's audit of its own log; nil: it makes none.
	SelfAudited func() ledger.SelfAudited

	// StreamSize tells how many entries the stream has; nil: there is none.
	StreamSize func() int64

	// Witnesses are the verifier keys of those who are asked to cosign checkpoints.
	Witnesses []string

	// Proxies are networks of those in front that say who asks, and whether over HTTPS.
	Proxies []*net.IPNet

	// ReadRate and WriteRate are requests a second from one address; 0: no limit.
	ReadRate, WriteRate float64
	// TokenRate is how often a second one address may ask what a token opens, besides.
	TokenRate float64
}

// Server is an http.Handler for a ledger.
type Server struct {
	*echo.Echo
	cfg     Config
	closing chan struct{}
	close   func()
	replies *cache
	past    *past
	sims    *simulator
	site    *site.Site
	reads   *limits
	writes  *limits
	tokens  *limits
	uploads *places
	showing chan struct{} // one for each request that has stories turned into HTML

	viewLag, streamLag lag
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
		Echo: echo.New(), cfg: cfg, closing: make(chan struct{}), replies: newCache(), past: newPast(cfg.Log), sims: newSimulator(),
		reads: newLimits(cfg.ReadRate), writes: newLimits(cfg.WriteRate), tokens: newLimits(cfg.TokenRate),
		uploads: newPlaces(uploadsAtOnce, uploadsEach), showing: make(chan struct{}, storiesAtOnce),
	}
	s.site = s.newSite()
	s.close = sync.OnceFunc(func() { close(s.closing) })
	s.HideBanner, s.HidePort = true, true
	s.HTTPErrorHandler = s.fail
	s.IPExtractor = trusting(cfg.Proxies)
	s.Use(s.recover, s.headers)
	for _, r := range append(s.routes(), s.pages()...) {
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
	putting = []string{http.MethodPut}
)

// routes is every address that is served, but for the pages that s.site lists.
func (s *Server) routes() []route {
	return []route{
		{writing, "/api/v1/events", s.limited(s.writes, s.submit)},
		{reading, "/api/v1/events", s.limited(s.reads, s.events)},
		{reading, "/api/v1/events/:index", s.read(s.event)},
		{reading, "/api/v1/events/:index/receipt", s.read(s.receipt)},
		{writing, "/api/v1/drafts", s.limited(s.writes, s.postDraft)},
		{reading, "/api/v1/drafts/:hash", s.read(s.draft)},
		{writing, "/api/v1/invitations", s.limited(s.writes, s.invite)},
		{writing, "/api/v1/invitations/open", s.limited(s.reads, s.limited(s.tokens, s.openInvitation))},
		{writing, "/api/v1/invitations/use", s.limited(s.writes, s.limited(s.tokens, s.useInvitation))},
		{reading, "/api/v1/innovations", s.read(s.innovations)},
		{writing, "/api/v1/innovations/similar", s.limited(s.reads, s.similar)},
		{reading, "/api/v1/innovations/:id", s.read(s.innovation)},
		{reading, "/api/v1/innovations/:id/adoptions", s.read(s.adoptions)},
		{reading, "/api/v1/innovations/:id/similar", s.read(s.similarTo)},
		{reading, "/api/v1/innovations/:id/lineage", s.read(s.lineage)},
		{reading, "/api/v1/innovations/:id/stories", s.read(s.stories)},
		{putting, "/api/v1/attachments/:sha256", s.limited(s.writes, s.upload)},
		{reading, "/api/v1/attachments/:sha256", s.limited(s.reads, s.attachment)},
		{reading, "/api/v1/organisations", s.read(s.organisations)},
		{reading, "/api/v1/organisations/:orgnr", s.read(s.organisation)},
		{reading, "/api/v1/organisations/:orgnr/waiting", s.read(s.waiting)},
		{reading, "/api/v1/points", s.read(s.pointsYears)},
		{reading, "/api/v1/points/:year", s.read(s.points)},
		{reading, "/api/v1/points/:year/corrections", s.read(s.corrections)},
		{reading, "/api/v1/points/:year/organisations", s.read(s.today)},
		{reading, "/api/v1/points/:year/patterns", s.read(s.patterns)},
		{writing, "/api/v1/simulations", s.limited(s.reads, s.simulations)},
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
		if s.secure(c.Request()) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
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
	if s.cfg.Mirror {
		return s.readyMirror(c)
	}
	if err := s.cfg.Ledger.Err(); err != nil {
		return problem{Code: ledger.Unavailable, Detail: "the ledger takes no events: " + err.Error()}
	}
	if err := s.cfg.Log.Err(); err != nil {
		return problem{Code: ledger.Unavailable, Detail: "the log on disk is behind: " + err.Error()}
	}
	if late := s.late(time.Now()); late != "" {
		return problem{Code: ledger.Unavailable, Detail: late}
	}
	return c.String(http.StatusOK, "ready"+s.behind()+s.audited()+"\n")
}

// audited tells of the last audit of the log on disk. One that finds damage stops
// the ledger, which then is not ready; one that could not be done keeps nobody from
// reading and writing.
func (s *Server) audited() string {
	if s.cfg.SelfAudited == nil {
		return ""
	}
	switch a := s.cfg.SelfAudited(); {
	case a.Err != nil:
		return "; the log on disk could not be audited, which is tried again"
	case a.At.IsZero():
		return "; not audited yet"
	default:
		return fmt.Sprintf("; %d entries were audited until %s", a.Entries, a.At.UTC().Format(time.RFC3339))
	}
}

// behind tells how far witnesses are: what they have not cosigned keeps nobody from
// reading and writing.
func (s *Server) behind() string {
	w, asked := s.cfg.Ledger.Witnessed()
	switch {
	case !asked:
		return ""
	case w.Size == 0:
		return "; not witnessed yet"
	}
	return fmt.Sprintf("; %d of %d entries are witnessed, by %s", w.Size, s.cfg.Log.Size(), strings.Join(w.By, ", "))
}

// readyMirror tells how far a mirror is, and what keeps it from going on.
func (s *Server) readyMirror(c echo.Context) error {
	if err := s.cfg.Log.Err(); err != nil {
		s.cfg.Logger.Warn("the mirror is behind", "reason", err)
		return problem{Code: ledger.Unavailable, Detail: fmt.Sprintf("a mirror of %d entries, which cannot read what has come since; its log says why", s.cfg.Log.Size())}
	}
	if late := s.late(time.Now()); late != "" {
		return problem{Code: ledger.Unavailable, Detail: late}
	}
	return c.String(http.StatusOK, fmt.Sprintf("ready: a mirror of %d entries\n", s.cfg.Log.Size()))
}

func (s *Server) openAPI(c echo.Context) error {
	return s.send(c, reply{body: openAPI, contentType: echo.MIMEApplicationJSON, etag: hashTag(openAPI)})
}

// trusting finds a client's address: the connection's or, if that is a proxy's, the last
// one in X-Forwarded-For that is none.
func trusting(proxies []*net.IPNet) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		options = append(options, echo.TrustIPRange(p))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

// secure reports whether the client came over HTTPS, to here or to a proxy.
func (s *Server) secure(r *http.Request) bool {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") != "https" {
		return r.TLS != nil
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && slices.ContainsFunc(s.cfg.Proxies, func(p *net.IPNet) bool { return p.Contains(ip) })
}
