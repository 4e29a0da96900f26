package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/acme/autocert"
)

// https is how a server is reached safely: with a certificate that it is given, with one
// that it gets itself (RFC 8555), or behind proxies that see to that.
type https struct {
	cert, key string // files
	domains   []string
	redirect  string // address where plain HTTP is led to HTTPS; empty: nowhere
	proxies   []string
}

func (h *https) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&h.cert, "tls-cert", "", "serve HTTPS with the certificates in this PEM file; it is read anew when it changes")
	cmd.Flags().StringVar(&h.key, "tls-key", "", "PEM file with the key of --tls-cert")
	cmd.Flags().StringArrayVar(&h.domains, "domain", nil, "serve HTTPS for this domain with a certificate of Let's Encrypt, whose terms you accept by this; may be given again; --listen must be port 443 for the world")
	cmd.Flags().StringVar(&h.redirect, "redirect", "", "lead plain HTTP on this address, such as :80, to HTTPS")
	cmd.Flags().StringArrayVar(&h.proxies, "proxy", nil, "address or network of a proxy in front, whose X-Forwarded-For and X-Forwarded-Proto are believed; may be given again")
}

// on reports whether HTTPS is served.
func (h *https) on() bool { return h.cert != "" || len(h.domains) > 0 }

func (h *https) scheme() string {
	if h.on() {
		return "https"
	}
	return "http"
}

// check says how the flags were misused.
func (h *https) check() error {
	switch {
	case (h.cert == "") != (h.key == ""):
		return misuse("--tls-cert and --tls-key go together")
	case h.cert != "" && len(h.domains) > 0:
		return misuse("--domain gets certificates by itself: leave out --tls-cert and --tls-key")
	case h.redirect != "" && !h.on():
		return misuse("--redirect leads to HTTPS: give --tls-cert and --tls-key, or --domain")
	case h.on() && len(h.proxies) > 0:
		return misuse("with --proxy HTTPS ends at the proxy: leave out --tls-cert, --tls-key and --domain")
	}
	for _, d := range h.domains {
		if net.ParseIP(d) != nil || d == "localhost" {
			return misuse("--domain %s: certificates are for names in the DNS; for trying, http://localhost:PORT needs none", d)
		}
	}
	_, err := h.networks()
	return err
}

// networks are those of the proxies.
func (h *https) networks() (all []*net.IPNet, err error) {
	for _, p := range h.proxies {
		if ip := net.ParseIP(p); ip != nil {
			all = append(all, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
			continue
		}
		_, network, err := net.ParseCIDR(p)
		if err != nil {
			return nil, misuse("--proxy must be an address or a network such as 10.0.0.0/8, not %q", p)
		}
		all = append(all, network)
	}
	return all, nil
}

// wrap serves TLS on a listener, and keeps what certificates need in a folder. Stop must
// be called in the end.
func (h *https) wrap(listener net.Listener, dir string, logger *slog.Logger) (_ net.Listener, stop func(), err error) {
	if !h.on() {
		return listener, func() {}, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	lead := http.Handler(http.HandlerFunc(toHTTPS))
	if h.cert != "" {
		files := &certificate{cert: h.cert, key: h.key, logger: logger}
		if err := files.look(); err != nil {
			return nil, nil, fmt.Errorf("reading --tls-cert and --tls-key: %w", err)
		}
		config.GetCertificate = files.get
	} else {
		m := &autocert.Manager{Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(h.domains...), Cache: autocert.DirCache(filepath.Join(dir, "acme"))}
		config = m.TLSConfig()
		config.MinVersion = tls.VersionTLS12
		lead = m.HTTPHandler(lead)
	}
	stop = func() {}
	if h.redirect != "" {
		if stop, err = leading(h.redirect, lead); err != nil {
			return nil, nil, err
		}
	}
	return tls.NewListener(listener, config), stop, nil
}

// leading serves what leads from HTTP to HTTPS.
func leading(address string, lead http.Handler) (stop func(), err error) {
	plain, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	hs := &http.Server{Handler: lead, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = hs.Serve(plain) // ends by Close
	}()
	return func() { _ = hs.Close(); <-done }, nil
}

// toHTTPS leads a reader to the same address with HTTPS. What has a body was sent in the
// clear already, and is refused.
func toHTTPS(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "use https", http.StatusBadRequest)
		return
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusMovedPermanently)
}

// certificate is one that is kept in files, and renewed there by others.
type certificate struct {
	cert, key string
	logger    *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	written time.Time // of the file that pair was read from
	looked  time.Time
}

// lookEvery is how often it is looked whether the file was written anew.
const lookEvery = 10 * time.Second

// get gives the certificate. Who renews it need not tell; one that cannot be read is no
// reason to stop serving with the last one.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= lookEvery {
		if err := c.look(); err != nil {
			if c.pair == nil {
				return nil, err
			}
			c.logger.Error("the certificate cannot be read again, so the last one is served", "error", err)
		}
	}
	return c.pair, nil
}

func (c *certificate) look() error {
	c.looked = time.Now()
	info, err := os.Stat(c.cert)
	if err != nil || c.pair != nil && info.ModTime().Equal(c.written) {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return err
	}
	c.pair, c.written = &pair, info.ModTime()
	return nil
}
