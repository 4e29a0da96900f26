package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
	"golang.org/x/net/idna"
	"golang.org/x/time/rate"
)

// https is how a server is reached safely: with a certificate that it is given, with one
// that it gets itself (RFC 8555), or behind proxies that see to that.
type https struct {
	cert, key string // files
	domains   []string
	directory string // address of the authority that certifies them; empty: Let's Encrypt's
	redirect  string // address where plain HTTP is led to HTTPS; empty: nowhere
	proxies   []string
}

func (h *https) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&h.cert, "tls-cert", "", "serve HTTPS with the certificates in this PEM file; it is read anew when it changes")
	cmd.Flags().StringVar(&h.key, "tls-key", "", "PEM file with the key of --tls-cert")
	cmd.Flags().StringArrayVar(&h.domains, "domain", nil, "serve HTTPS for this domain with a certificate of Let's Encrypt, whose terms you accept by this; may be given again; --listen must be port 443 for the world")
	cmd.Flags().StringVar(&h.directory, "acme-directory", "", "ask the certificate authority with this ACME directory (RFC 8555), such as your own, instead of Let's Encrypt; its terms you accept too. Its root must be among the system's, or in the file that SSL_CERT_FILE names")
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
	case h.directory != "" && len(h.domains) == 0:
		return misuse("--acme-directory is where --domain gets certificates: give --domain")
	case h.redirect != "" && !h.on():
		return misuse("--redirect leads to HTTPS: give --tls-cert and --tls-key, or --domain")
	case h.on() && len(h.proxies) > 0:
		return misuse("with --proxy HTTPS ends at the proxy: leave out --tls-cert, --tls-key and --domain")
	}
	if u, err := url.Parse(h.directory); h.directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return misuse("--acme-directory must be an address with https://, not %q", h.directory)
	}
	for _, d := range h.domains {
		if !isCertifiable(d) {
			return misuse("--domain %s: certificates are for names in the DNS; for trying, http://localhost:PORT needs none", d)
		}
	}
	_, err := h.networks()
	return err
}

// isCertifiable tells whether a domain can be had a certificate for. autocert leaves out
// what it cannot read, and never gets one for a name without a dot.
func isCertifiable(domain string) bool {
	name, err := idna.Lookup.ToASCII(domain)
	return err == nil && net.ParseIP(domain) == nil && strings.Contains(name, ".") && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".")
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
		m := h.manager(dir)
		config = m.TLSConfig()
		config.MinVersion = tls.VersionTLS12
		config.GetCertificate = telling(m, logger)
		if h.redirect != "" { // else the authority is not asked to look there
			lead = m.HTTPHandler(lead)
		}
	}
	stop = func() {}
	if h.redirect != "" {
		if stop, err = leading(h.redirect, lead); err != nil {
			return nil, nil, err
		}
	}
	return tls.NewListener(listener, config), stop, nil
}

// manager gets certificates and keeps them in a folder. Those of another authority than
// Let's Encrypt have one of their own, so that changing the authority takes effect at once.
func (h *https) manager(dir string) *autocert.Manager {
	dir = filepath.Join(dir, "acme")
	client := &acme.Client{DirectoryURL: autocert.DefaultACMEDirectory, UserAgent: "spredning"}
	if u, err := url.Parse(h.directory); err == nil && h.directory != "" {
		client.DirectoryURL = h.directory
		dir = filepath.Join(dir, strings.ReplaceAll(u.Host+u.Path, "/", "_"))
	}
	return &autocert.Manager{Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(h.domains...), Cache: autocert.DirCache(dir), Client: client}
}

// telling gives a manager's certificates, and logs why one of our domains has none: else
// only the reader learns that something is wrong. Once a minute is often enough.
func telling(m *autocert.Manager, logger *slog.Logger) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	sometimes := &rate.Sometimes{Interval: time.Minute}
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := m.GetCertificate(hello)
		if err != nil && m.HostPolicy(hello.Context(), strings.ToLower(hello.ServerName)) == nil {
			sometimes.Do(func() { logger.Error("there is no certificate to serve", "domain", hello.ServerName, "reason", err) })
		}
		return pair, err
	}
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
