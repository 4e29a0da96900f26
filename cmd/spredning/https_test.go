package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/acme/autocert"

	"spredning/ledger"
)

// certify writes a certificate for spredning.example into a folder.
func certify(t *testing.T, dir string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	noError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"spredning.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	noError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(secret)
	noError(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	noError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	noError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	parsed, err := x509.ParseCertificate(der)
	noError(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return cert, key, pool
}

// browse is a client that finds spredning.example at an address.
func browse(addr string, pool *x509.CertPool) *http.Client {
	var dialer net.Dialer
	return &http.Client{
		Transport: &http.Transport{
			DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", addr) },
			TLSClientConfig:   &tls.Config{RootCAs: pool},
			ForceAttemptHTTP2: true, DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// freePort is an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	noError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// A ledger is served over HTTPS with the certificate in files, also with one that is
// written anew meanwhile, and plain HTTP leads there.
func TestHTTPS(t *testing.T) {
	s := serveDemo(t)
	dir := t.TempDir()
	cert, key, pool := certify(t, dir)
	plain := freePort(t)
	serving := &serving{listen: "127.0.0.1:0", audit: ledger.SelfAudit{Rate: 1}, https: https{cert: cert, key: key, redirect: plain}}
	ctx, stop := context.WithCancel(t.Context())
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- serving.run(ctx, s.node, slog.New(slog.DiscardHandler), func(url string) { listening <- url })
	}()
	url := <-listening
	addr, is := strings.CutPrefix(url, "https://")
	if !is {
		t.Errorf("it listens on %s", url)
	}
	r, err := browse(addr, pool).Get("https://spredning.example/nn")
	noError(t, err)
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK || r.ProtoMajor != 2 || r.Header.Get("Strict-Transport-Security") != "max-age=31536000" {
		t.Errorf("HTTPS answers %s %s %v", r.Proto, r.Status, r.Header)
	}
	catalogue, err := browse(addr, pool).Get("https://spredning.example/catalog.ttl")
	noError(t, err)
	defer catalogue.Body.Close()
	if b, err := io.ReadAll(catalogue.Body); err != nil || !strings.Contains(string(b), "https://spredning.example/data") {
		t.Errorf("addresses in the catalogue are not https: %.300s %v", b, err)
	}
	lead, err := browse(plain, nil).Get("http://spredning.example:80/nn/om?x=1")
	noError(t, err)
	lead.Body.Close()
	if lead.StatusCode != http.StatusMovedPermanently || lead.Header.Get("Location") != "https://spredning.example/nn/om?x=1" {
		t.Errorf("HTTP leads to %s, %s", lead.Header.Get("Location"), lead.Status)
	}
	post, err := browse(plain, nil).Post("http://spredning.example/api/v1/events", "application/json", strings.NewReader("{}"))
	noError(t, err)
	post.Body.Close()
	if post.StatusCode != http.StatusBadRequest {
		t.Errorf("what was sent in the clear is answered with %s", post.Status)
	}
	stop()
	noError(t, <-ended)
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := certify(t, dir)
	c := &certificate{cert: cert, key: key, logger: slog.New(slog.DiscardHandler)}
	first, err := c.get(nil)
	noError(t, err)
	certify(t, dir)
	noError(t, os.Chtimes(cert, time.Now(), time.Now().Add(time.Hour)))
	if soon, err := c.get(nil); err != nil || soon != first {
		t.Errorf("it was read again at once, %v", err)
	}
	c.looked = time.Now().Add(-lookEvery)
	second, err := c.get(nil)
	if err != nil || second == first {
		t.Errorf("the new one is not served, %v", err)
	}
	noError(t, os.WriteFile(cert, []byte("nonsense"), 0o600))
	c.looked = time.Now().Add(-lookEvery)
	if last, err := c.get(nil); err != nil || last != second {
		t.Errorf("with a file of nonsense: %v", err)
	}
	if _, err := (&certificate{cert: cert, key: key}).get(nil); err == nil {
		t.Error("nonsense is served from the start")
	}
}

// What one authority has certified is not served on when another is named.
func TestAuthoritiesAreKeptApart(t *testing.T) {
	for directory, want := range map[string]struct{ asked, kept string }{
		"":                                  {autocert.DefaultACMEDirectory, "data/acme"},
		"https://ca.example:14000/a/dir":    {"https://ca.example:14000/a/dir", "data/acme/ca.example:14000_a_dir"},
		"https://staging.example/directory": {"https://staging.example/directory", "data/acme/staging.example_directory"},
	} {
		m := (&https{domains: []string{"spredning.example"}, directory: directory}).manager("data")
		if kept := m.Cache.(autocert.DirCache); m.Client.DirectoryURL != want.asked || filepath.ToSlash(string(kept)) != want.kept {
			t.Errorf("%q: it asks %s and keeps in %s", directory, m.Client.DirectoryURL, kept)
		}
	}
}

func TestHTTPSMisused(t *testing.T) {
	for name, h := range map[string]https{
		"a certificate without its key": {cert: "c"},
		"a key without its certificate": {key: "k"},
		"both ways":                     {cert: "c", key: "k", domains: []string{"spredning.example"}},
		"nowhere to lead":               {redirect: ":80"},
		"HTTPS here and at the proxy":   {domains: []string{"spredning.example"}, proxies: []string{"10.0.0.1"}},
		"an address as domain":          {domains: []string{"10.0.0.1"}},
		"localhost as domain":           {domains: []string{"localhost"}},
		"a domain without a dot":        {domains: []string{"spredning"}},
		"a domain that ends with a dot": {domains: []string{"spredning.example."}},
		"all domains below one":         {domains: []string{"*.spredning.example"}},
		"an origin as domain":           {domains: []string{"https://spredning.example"}},
		"a domain with a port":          {domains: []string{"spredning.example:443"}},
		"no domain to certify":          {directory: "https://ca.example/directory"},
		"an authority without TLS":      {domains: []string{"spredning.example"}, directory: "http://ca.example/directory"},
		"an authority by name":          {domains: []string{"spredning.example"}, directory: "ca.example"},
		"a proxy by name":               {proxies: []string{"proxy"}},
	} {
		var usage misuseError
		if err := h.check(); !errors.As(err, &usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, h := range []https{
		{},
		{cert: "c", key: "k", redirect: ":80"},
		{domains: []string{"spredning.example", "www.spredning.example"}, redirect: ":80"},
		{domains: []string{"Spredning.example", "blåbær.example"}, directory: "https://ca.example:14000/directory"},
		{proxies: []string{"10.0.0.0/8", "::1", "192.0.2.7"}},
	} {
		if err := h.check(); err != nil {
			t.Errorf("%+v: %v", h, err)
		}
	}
}
