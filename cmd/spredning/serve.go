package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"spredning/api"
	"spredning/api/opendata"
	"spredning/ledger"
	"spredning/ledger/jetstream"
)

// serving is how a ledger is served.
type serving struct {
	listen              string
	readRate, writeRate float64
	connections         int
	metrics             string // address to serve metrics on; empty: none
	audit               ledger.SelfAudit
	giving              giving
	keptDays            int
	https               https
	logFormat           string // text or json
}

func (s *serving) flags(cmd *cobra.Command, listen string) {
	cmd.Flags().StringVar(&s.listen, "listen", listen, "address to serve on")
	cmd.Flags().Float64Var(&s.readRate, "read-rate", 2000, "reads a second from one address; 0: no limit")
	cmd.Flags().Float64Var(&s.writeRate, "write-rate", 1000, "submissions a second from one address; 0: no limit")
	cmd.Flags().IntVar(&s.connections, "connections", 10_000, "connections at the same time, or fewer if the process may not have so many files open; those that have been quiet longest make room for others, not within two seconds of coming; 0: no limit")
	cmd.Flags().StringVar(&s.metrics, "metrics", "", "serve metrics for Prometheus on this address, at /metrics")
	cmd.Flags().DurationVar(&s.audit.Every, "audit-every", 24*time.Hour, "audit the log on disk this long after the last audit of it; 0: never")
	cmd.Flags().IntVar(&s.audit.Rate, "audit-rate", 1000, "entries a second that are audited, at most")
	cmd.Flags().IntVar(&s.keptDays, "export-days", 30, "for how many days the open data files of one size a day are kept, beside those of closed years")
	cmd.Flags().StringVar(&s.logFormat, "log-format", "text", "how messages are written to standard error: text, or json for programs")
	s.giving.flags(cmd)
	s.https.flags(cmd)
}

// logger writes messages of a level and above in the format that was asked for.
func (s *serving) logger(w io.Writer, level slog.Level) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: level}
	switch s.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, misuse("--log-format must be text or json, not %q", s.logFormat)
}

// check says how the flags were misused.
func (s *serving) check() error {
	if s.audit.Rate < 1 || s.audit.Every < 0 {
		return misuse("--audit-rate must be at least 1, and --audit-every not negative")
	}
	return nil
}

func serveCommand(e *env) *cobra.Command {
	var s serving
	var dir, origin, mirror, policyFile string
	var peers []string
	var remote jetstream.Remote
	cmd := &cobra.Command{
		Use:   "serve --data DIR | --mirror DIR",
		Short: "Serve a ledger: API, log and open data",
		Long: `Serve the ledger in a data folder that spredning found has made.

Everything is kept in the folder: the stream (JetStream, embedded), its second
copy (log/, in the form of c2sp.org/tlog-tiles) and the log's key. With --nats
the stream is one of NATS servers elsewhere, and the folder keeps the rest. Any
number of nodes may share them; see docs/cluster.md.

With --mirror it serves, for reading, a copy that spredning mirror keeps, and
follows it as it grows.

SIGINT or SIGTERM ends it: everyone who was promised an answer gets it first.`,
		Example: "  spredning serve --data /var/lib/spredning --listen 127.0.0.1:8080",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := s.logger(e.err, slog.LevelInfo)
			if err != nil {
				return err
			}
			switch {
			case mirror != "" && (dir != "" || remote.URL != ""):
				return misuse("--mirror goes with neither --data nor --nats: a mirror is served as it is")
			case mirror != "":
				return e.serveMirror(cmd.Context(), &s, mirror, logger)
			case dir == "":
				return misuse("--data is required: the folder that spredning found has made; or --mirror")
			}
			if err := hasKey(dir); err != nil {
				return err
			}
			key, err := e.readKey(logKeyFile(dir))
			if err != nil {
				return err
			}
			next, err := e.nextLogKey(dir)
			if err != nil {
				return err
			}
			policy, err := servedPolicy(policyFile)
			if err != nil {
				return err
			}
			n, err := openNode(cmd.Context(), nodeConfig{dir: dir, origin: origin, remote: remote, logKey: key, next: next, others: othersOf(peers), witnessed: policy != nil, now: e.now, logger: logger})
			if err != nil {
				return err
			}
			defer n.close()
			if key := n.signsWith(); policy != nil && !policy.Trusts(key) {
				return fmt.Errorf("%s is for other logs: this ledger's key is %s", policyFile, key)
			}
			stop := askWitnesses(cmd.Context(), n, policy, logger)
			defer stop()
			if policy != nil {
				for _, w := range policy.Witnesses {
					n.witnesses = append(n.witnesses, w.Key)
				}
			}
			return s.run(cmd.Context(), n, logger, func(url string) {
				fmt.Fprintf(e.out, "Serving %s (%d entries) on %s\n", n.ledger.Origin(), n.ledger.Size(), url)
				if err := n.ledger.Err(); err != nil {
					fmt.Fprintf(e.err, "It is read-only: %s\n", err)
				}
			})
		},
	}
	s.flags(cmd, "127.0.0.1:8080")
	cmd.Flags().StringVar(&dir, "data", "", "data folder")
	cmd.Flags().StringVar(&origin, "origin", "", "the ledger to join with --nats, for a folder that has no copy of it yet")
	peersFlag(cmd, &peers)
	cmd.Flags().StringVar(&policyFile, "witness-policy", "", "show readers what the witnesses of this policy have cosigned, and ask them to; see docs/witness.md")
	cmd.Flags().StringVar(&mirror, "mirror", "", "serve this mirror, for reading only")
	natsFlags(cmd, &remote)
	return cmd
}

// natsFlags are about a stream that is kept elsewhere.
func natsFlags(cmd *cobra.Command, r *jetstream.Remote) {
	cmd.Flags().StringVar(&r.URL, "nats", "", "use the stream of NATS servers elsewhere, nats://HOST:4222,…")
	cmd.Flags().StringVar(&r.Credentials, "nats-creds", "", "credentials file for --nats")
	cmd.Flags().StringVar(&r.CA, "nats-ca", "", "file of certificates to trust for --nats")
	cmd.Flags().StringVar(&r.Cert, "nats-cert", "", "file with a client certificate for --nats")
	cmd.Flags().StringVar(&r.Key, "nats-key", "", "file with the client certificate's key")
}

// tokenRate is how often a second an address may try a token: nobody has many.
const tokenRate = 1

// closeTimeout is how long those who were promised an answer are waited for.
const closeTimeout = 20 * time.Second

// run serves a node until the context ends, and then ends gently.
func (s *serving) run(ctx context.Context, n *node, logger *slog.Logger, listening func(url string)) error {
	if err := s.check(); err != nil {
		return err
	}
	cfg := api.Config{Ledger: n.ledger, Drafts: n.drafts, Invitations: n.invitations, View: n.view, Log: n.log, Attachments: n.attachments, Logger: logger, Witnesses: n.witnesses, StreamSize: n.ledger.StreamSize}
	if s.audit.Every > 0 {
		cfg.SelfAudited = n.ledger.SelfAudited
		stop := s.auditing(ctx, n.ledger)
		defer stop()
	}
	return s.serve(ctx, n.dir, cfg, listening)
}

// serve serves until the context ends; listening is told the address when it begins.
func (s *serving) serve(ctx context.Context, dir string, cfg api.Config, listening func(url string)) error {
	if err := s.giving.check(); err != nil {
		return err
	}
	if err := s.https.check(); err != nil {
		return err
	}
	var err error
	if cfg.Proxies, err = s.https.networks(); err != nil {
		return err
	}
	files := s.files(filepath.Join(dir, exportsName), cfg)
	if files != nil {
		defer files.Close()
	}
	cfg.Data = api.OpenData{Files: files, PublicURL: s.giving.publicURL, Publisher: s.giving.publisher, Contact: s.giving.contact}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", s.listen, err)
	}
	safe, end, err := s.https.wrap(listener, dir, cfg.Logger)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer end()
	cfg.ReadRate, cfg.WriteRate, cfg.TokenRate = s.readRate, s.writeRate, tokenRate
	server := api.New(cfg)
	erasing, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	if !cfg.Mirror {
		beside.Go(func() { server.Erase(erasing) })
	}
	defer func() { stop(); beside.Wait() }()
	go cfg.View.Prepare()
	hs := server.HTTP()
	if s.connections > 0 {
		hs.ConnState = newGate(roomFor(s.connections, mostFiles())).watch
	}
	if s.metrics != "" {
		m := newMetrics(cfg)
		end, err := m.serve(s.metrics, cfg.Logger)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		defer end()
		hs.Handler = m.counted(hs.Handler)
	}
	listening(s.https.scheme() + "://" + listener.Addr().String())
	return serveUntil(ctx, hs, safe)
}

// exportsName is the folder of open data files, in a data folder or a mirror.
const exportsName = "exports"

// files opens the folder of open data files; nil: it cannot be written, so there
// are none.
func (s *serving) files(dir string, cfg api.Config) *opendata.Store {
	files, err := opendata.OpenStore(opendata.StoreConfig{Dir: dir, Log: cfg.Log, View: cfg.View, Days: s.keptDays, Now: time.Now, Logger: cfg.Logger})
	if err != nil {
		cfg.Logger.Warn("no open data files are kept", "reason", err)
		return nil
	}
	return files
}

// quiet logs nothing below errors.
func quiet(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError}))
}
