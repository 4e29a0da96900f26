package jetstream

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// ready is how long an embedded server may take to start. Without its index
// file a store takes a second or so for each million messages.
const ready = 5 * time.Minute

// maxStore bounds the embedded store at what no disk has, so that the disk
// itself is the limit and not a share of it.
const maxStore = 1 << 50

// ping is how often a server elsewhere is asked for a sign of life. Of a connection
// that was cut without a word nothing else tells; after three it is lost.
const ping = 5 * time.Second

// answer is how long servers elsewhere may take to say that the stream is there. What is
// asked of them while they choose its leader is never answered, so it is asked again.
const answer = 3 * time.Second

// Embed opens the stream of a server in this process: no port, file storage in
// dir, every append synced before it is acknowledged. The caller must hold a
// lock on the folder: the store has none, and two servers on one folder lose
// entries.
func Embed(ctx context.Context, dir string, logger *slog.Logger) (*Stream, error) {
	return started(ctx, Embedded(dir, logger))
}

// Embedded is Embed for those who can do without at first: the stream is not
// connected until [Stream.Start] or [Stream.Recover] succeeds.
func Embedded(dir string, logger *slog.Logger) *Stream {
	return &Stream{logger: logger, open: func() (*nats.Conn, func(), error) { return embed(dir, logger) }}
}

func started(ctx context.Context, s *Stream) (*Stream, error) {
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func embed(dir string, logger *slog.Logger) (*nats.Conn, func(), error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("making the stream's folder: %w", err)
	}
	ns, err := server.NewServer(&server.Options{
		ServerName:         "spredning",
		DontListen:         true,
		JetStream:          true,
		StoreDir:           dir,
		SyncAlways:         true,
		NoSigs:             true,
		NoLog:              true,
		JetStreamMaxStore:  maxStore,
		JetStreamMaxMemory: 64 << 20,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("starting the embedded server: %w", err)
	}
	heard := &listener{logger: logger}
	ns.SetLogger(heard, false, false)
	ns.Start()
	stop := func() { ns.Shutdown(); ns.WaitForShutdown() }
	if why := heard.fatal.Load(); why != nil { // it has given up, and would never be ready
		stop()
		return nil, nil, fmt.Errorf("starting the embedded server: %s", *why)
	}
	if !ns.ReadyForConnections(ready) || !ns.JetStreamEnabled() {
		stop()
		return nil, nil, fmt.Errorf("starting the embedded server: the folder %s cannot be used; is it writable, and is there space left?", dir)
	}
	conn, err := nats.Connect("", nats.InProcessServer(ns), nats.NoReconnect())
	if err != nil {
		stop()
		return nil, nil, fmt.Errorf("connecting to the embedded server: %w", err)
	}
	return conn, stop, nil
}

// listener hears what an embedded server says: why it cannot start, and what goes wrong
// later, of which whoever publishes only notices that no answer comes.
type listener struct {
	logger *slog.Logger
	fatal  atomic.Pointer[string]
}

func (l *listener) Fatalf(format string, v ...any) {
	why := fmt.Sprintf(format, v...)
	l.fatal.CompareAndSwap(nil, &why)
}

func (l *listener) Errorf(format string, v ...any) {
	l.logger.Warn("the embedded server", "error", fmt.Sprintf(format, v...))
}

func (*listener) Noticef(string, ...any) {}
func (*listener) Warnf(string, ...any)   {}
func (*listener) Debugf(string, ...any)  {}
func (*listener) Tracef(string, ...any)  {}

// Remote says how to reach servers elsewhere.
type Remote struct {
	URL         string // nats://host:4222, several separated by commas
	Credentials string // file, optional
	CA          string // file of certificates to trust, optional
	Cert, Key   string // files of a client certificate, optional
}

// Connect opens the stream of servers elsewhere.
func Connect(ctx context.Context, r Remote, logger *slog.Logger) (*Stream, error) {
	return started(ctx, Connected(r, logger))
}

// Connected is Connect for those who can do without at first: the stream is not
// connected until [Stream.Start] or [Stream.Recover] succeeds.
func Connected(r Remote, logger *slog.Logger) *Stream {
	return &Stream{logger: logger, open: func() (*nats.Conn, func(), error) { return connect(r, logger) }}
}

func connect(r Remote, logger *slog.Logger) (*nats.Conn, func(), error) {
	options := []nats.Option{
		nats.Name("spredning"),
		nats.MaxReconnects(-1),
		// While it is not connected an append fails at once instead of waiting in
		// a buffer to be published later.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(ping),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { logger.Warn("lost the NATS server", "error", err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			logger.Warn("the NATS server complains", "error", err)
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { logger.Info("back at a NATS server", "url", c.ConnectedUrlRedacted()) }),
	}
	if r.Credentials != "" {
		options = append(options, nats.UserCredentials(r.Credentials))
	}
	if r.CA != "" {
		options = append(options, nats.RootCAs(r.CA))
	}
	if r.Cert != "" {
		options = append(options, nats.ClientCert(r.Cert, r.Key))
	}
	conn, err := nats.Connect(r.URL, options...)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to NATS at %s: %w", redacted(r.URL), err)
	}
	return conn, nil, nil
}

// redacted leaves passwords out of server addresses.
func redacted(servers string) string {
	all := strings.Split(servers, ",")
	for i, s := range all {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil {
			return "an address that is no URL"
		}
		all[i] = u.Redacted()
	}
	return strings.Join(all, ",")
}

// Recover makes the stream usable again. An embedded server that failed a write
// does not recover on its own, so it is closed and opened again. A connection to
// others reconnects by itself; if the server is there and of no use, it may be cut
// off from the others, and the next one is tried.
func (s *Stream) Recover(ctx context.Context) error {
	if s.conn != nil && s.end == nil {
		if !s.conn.IsConnected() {
			return errors.New("not connected to a NATS server")
		}
		ctx, cancel := context.WithTimeout(ctx, answer)
		defer cancel()
		err := s.ensure(ctx)
		if err != nil {
			err = errors.Join(err, s.conn.ForceReconnect())
		}
		return err
	}
	s.logger.Warn("opening the stream again")
	s.Close()
	return s.Start(ctx)
}

// SetAside moves the stream's files out of an embedded server's folder, which
// nobody has open, so that another stream can be made in its place; what else
// the server keeps stays. None there is no error.
func SetAside(dir, to string) error {
	from := filepath.Join(dir, server.JetStreamStoreDir, server.DEFAULT_GLOBAL_ACCOUNT, "streams", Name)
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("setting the stream aside: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("setting the stream aside: %w", err)
	}
	return nil
}
