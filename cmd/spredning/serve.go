package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"spredning/api"
	"spredning/api/opendata"
	"spredning/ledger/jetstream"
)

// serving is how a ledger is served.
type serving struct {
	listen              string
	readRate, writeRate float64
	giving              giving
	keptDays            int
}

func (s *serving) flags(cmd *cobra.Command, listen string) {
	cmd.Flags().StringVar(&s.listen, "listen", listen, "address to serve on")
	cmd.Flags().Float64Var(&s.readRate, "read-rate", 2000, "reads a second from one address; 0: no limit")
	cmd.Flags().Float64Var(&s.writeRate, "write-rate", 1000, "submissions a second from one address; 0: no limit")
	cmd.Flags().IntVar(&s.keptDays, "export-days", 30, "for how many days the open data files of one size a day are kept, beside those of closed years")
	s.giving.flags(cmd)
}

func serveCommand(e *env) *cobra.Command {
	var s serving
	var dir, origin string
	var peers []string
	var remote jetstream.Remote
	cmd := &cobra.Command{
		Use:   "serve --data DIR",
		Short: "Serve a ledger: API, log and open data",
		Long: `Serve the ledger in a data folder that spredning found has made.

Everything is kept in the folder: the stream (JetStream, embedded), its second
copy (log/, in the form of c2sp.org/tlog-tiles) and the log's key. With --nats
the stream is one of NATS servers elsewhere, and the folder keeps the rest.

SIGINT or SIGTERM ends it: everyone who was promised an answer gets it first.`,
		Example: "  spredning serve --data /var/lib/spredning --listen 127.0.0.1:8080",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return misuse("--data is required: the folder that spredning found has made")
			}
			if err := hasKey(dir); err != nil {
				return err
			}
			logger := slog.New(slog.NewTextHandler(e.err, nil))
			key, err := e.readKey(logKeyFile(dir))
			if err != nil {
				return err
			}
			next, err := e.nextLogKey(dir)
			if err != nil {
				return err
			}
			n, err := openNode(cmd.Context(), nodeConfig{dir: dir, origin: origin, remote: remote, logKey: key, next: next, others: othersOf(peers), now: time.Now, logger: logger})
			if err != nil {
				return err
			}
			defer n.close()
			return s.run(cmd.Context(), n, logger, func(addr string) {
				fmt.Fprintf(e.out, "Serving %s (%d entries) on http://%s\n", n.ledger.Origin(), n.ledger.Size(), addr)
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

// closeTimeout is how long those who were promised an answer are waited for.
const closeTimeout = 20 * time.Second

// run serves a node until the context ends, and then ends gently.
func (s *serving) run(ctx context.Context, n *node, logger *slog.Logger, listening func(addr string)) error {
	if err := s.giving.check(); err != nil {
		return err
	}
	files, err := opendata.OpenStore(opendata.StoreConfig{
		Dir: n.exports, Log: n.log, View: n.view, Days: s.keptDays, Now: time.Now, Logger: logger,
	})
	if err != nil {
		return err
	}
	defer files.Close()
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", s.listen, err)
	}
	hs := api.New(api.Config{
		Ledger: n.ledger, Drafts: n.drafts, View: n.view, Log: n.log, Logger: logger, ReadRate: s.readRate, WriteRate: s.writeRate,
		Data: api.OpenData{Files: files, PublicURL: s.giving.publicURL, Publisher: s.giving.publisher, Contact: s.giving.contact},
	}).HTTP()
	served := make(chan error, 1)
	go func() { served <- hs.Serve(listener) }()
	listening(listener.Addr().String())
	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := hs.Shutdown(ctx); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("ending: %w", err)
	}
	return nil
}

// quiet logs nothing below errors.
func quiet(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError}))
}
