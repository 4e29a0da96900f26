// Package acme has Pebble, the certificate authority that Let's Encrypt gives for
// testing and that nobody here wrote, certify a served ledger.
package acme

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

const (
	domain = "spredning.example"
	second = "www.spredning.example"
)

// authority is a Pebble that looks for all names at 127.0.0.1.
type authority struct {
	directory string         // its address
	trusted   string         // file with the certificate of the address
	roots     *x509.CertPool // what it certifies with
	orders    atomic.Int32   // that it has taken
	said      said
}

// certifying starts an authority that tries tls-alpn-01 and http-01 at these ports, and
// whose certificates are valid for some seconds.
func certifying(t *testing.T, tlsPort, httpPort int, seconds uint64) *authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_AUTHZREUSE", "0") // each order is validated
	a := &authority{roots: x509.NewCertPool()}
	says := log.New(&a.said, "", 0)
	t.Cleanup(func() { a.said.tell(t, "the authority") })
	names := freePort(t)
	dns, err := challtestsrv.New(challtestsrv.Config{DNSAddrs: []string{local(names)}, Log: says})
	noError(t, err)
	dns.SetDefaultDNSIPv4("127.0.0.1")
	dns.SetDefaultDNSIPv6("")
	go dns.Run()
	t.Cleanup(dns.Shutdown)

	store := db.NewMemoryStore()
	issuer := ca.New(says, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: seconds}})
	validator := va.New(says, httpPort, tlsPort, true, local(names), store)
	front := wfe.New(says, store, validator, issuer, []string{"pebble.example"}, true, false, 1, 1)
	server := httptest.NewUnstartedServer(a.counting(front.Handler()))
	server.Config.ErrorLog = says
	server.StartTLS()
	t.Cleanup(server.Close)
	a.directory = server.URL + wfe.DirectoryPath
	a.trusted = filepath.Join(t.TempDir(), "root.pem")
	noError(t, os.WriteFile(a.trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	root, err := x509.ParseCertificate(issuer.GetRootCert(0).DER)
	noError(t, err)
	a.roots.AddCert(root)
	return a
}

// counting counts the orders that were taken. Some requests are refused on purpose, so
// that clients learn to come again.
func (a *authority) counting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := &status{ResponseWriter: w}
		next.ServeHTTP(kept, r)
		if r.URL.Path == "/order-plz" && kept.code == http.StatusCreated {
			a.orders.Add(1)
		}
	})
}

type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

func (a *authority) took(t *testing.T, orders int32) {
	t.Helper()
	if n := a.orders.Load(); n != orders {
		t.Errorf("the authority took %d orders, not %d", n, orders)
	}
}

// ledger is a folder with one, and where it is served.
type ledger struct {
	dir         string
	port, plain int // of HTTPS, and of HTTP if it is led from there
}

func found(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{dir: filepath.Join(t.TempDir(), "ledger"), port: freePort(t)}
	out, err := exec.Command(program(t), "found", "--data", l.dir, "--origin", "spredning.example/acme", "--illustrative").CombinedOutput()
	if err != nil {
		t.Fatalf("found: %v\n%s", err, out)
	}
	return l
}

// served is a program that serves a ledger.
type served struct {
	cmd  *exec.Cmd
	said said
}

// serve starts the program and waits until it serves. It trusts the certificates in a file.
func (l *ledger) serve(t *testing.T, trusted string, flags ...string) *served {
	t.Helper()
	flags = append([]string{"serve", "--data", l.dir, "--listen", local(l.port)}, flags...)
	if l.plain != 0 {
		flags = append(flags, "--redirect", local(l.plain))
	}
	s := &served{cmd: exec.Command(program(t), flags...)}
	s.cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+trusted)
	s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
	noError(t, s.cmd.Start())
	t.Cleanup(func() { s.stop(t) })
	await(t, "the program serves", func() bool { return strings.Contains(s.said.String(), "on https://"+local(l.port)) })
	return s
}

func (s *served) stop(t *testing.T) {
	if s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(os.Interrupt)
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("the program ends with %v", err)
	}
	s.said.tell(t, "the program")
}

// said is what a program writes.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// tell tells what was said if the test has failed.
func (s *said) tell(t *testing.T, who string) {
	if t.Failed() {
		t.Logf("%s said\n%s", who, s.String())
	}
}

// visit asks a ledger by a name, as a browser does that trusts the authority, and gives
// the certificate it was shown.
func (l *ledger) visit(a *authority, name string) (*x509.Certificate, error) {
	var dialer net.Dialer
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", local(l.port))
		},
		TLSClientConfig:   &tls.Config{RootCAs: a.roots},
		ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}}
	resp, err := client.Get("https://" + name + "/healthz")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		return nil, errors.New("the answer is " + resp.Proto + " " + resp.Status)
	}
	leaf := resp.TLS.PeerCertificates[0]
	if !slices.Equal(leaf.DNSNames, []string{name}) {
		return nil, errors.New("the certificate is for " + strings.Join(leaf.DNSNames, ", "))
	}
	return leaf, nil
}

func (l *ledger) mustVisit(t *testing.T, a *authority, name string) *x509.Certificate {
	t.Helper()
	leaf, err := l.visit(a, name)
	noError(t, err)
	return leaf
}

// One domain after the other is certified when it is first asked for, and never again,
// also by a program that was started anew.
func TestCertificatesAreOrderedAndKept(t *testing.T) {
	l := found(t)
	l.plain = freePort(t)
	a := certifying(t, l.port, nobody(t), 90*24*3600)
	flags := []string{"--domain", domain, "--domain", second, "--acme-directory", a.directory}
	s := l.serve(t, a.trusted, flags...)
	a.took(t, 0)
	first := l.mustVisit(t, a, domain)
	if again := l.mustVisit(t, a, domain); !again.Equal(first) {
		t.Error("the second visitor sees another certificate")
	}
	a.took(t, 1)
	l.mustVisit(t, a, second)
	a.took(t, 2)
	for _, name := range []string{"other.example", "sub." + domain, "127.0.0.1"} {
		if _, err := l.visit(a, name); err == nil {
			t.Errorf("it is served as %s", name)
		}
	}
	a.took(t, 2)
	l.leads(t)
	l.keeps(t, a)

	s.stop(t)
	l.serve(t, a.trusted, flags...)
	if again := l.mustVisit(t, a, domain); !again.Equal(first) {
		t.Error("after a restart it serves another certificate")
	}
	a.took(t, 2)
}

// leads checks what plain HTTP answers.
func (l *ledger) leads(t *testing.T) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, c := range []struct {
		host, path string
		code       int
		to         string
	}{
		{domain, "/nn/om?x=1", http.StatusMovedPermanently, "https://" + domain + "/nn/om?x=1"},
		{domain, "/.well-known/acme-challenge/none", http.StatusNotFound, ""},
		{"other.example", "/.well-known/acme-challenge/none", http.StatusForbidden, ""},
	} {
		r, err := http.NewRequest(http.MethodGet, "http://"+local(l.plain)+c.path, nil)
		noError(t, err)
		r.Host = c.host
		resp, err := client.Do(r)
		noError(t, err)
		resp.Body.Close()
		if resp.StatusCode != c.code || resp.Header.Get("Location") != c.to {
			t.Errorf("http://%s%s: %s, %q", c.host, c.path, resp.Status, resp.Header.Get("Location"))
		}
	}
}

// keeps checks the folder of certificates: whole, for nobody else to read, and with
// nothing left of the challenges.
func (l *ledger) keeps(t *testing.T, a *authority) {
	t.Helper()
	u, err := url.Parse(a.directory)
	noError(t, err)
	dir := filepath.Join(l.dir, "acme", u.Host+"_dir")
	want := []string{"acme_account+key", domain, second}
	names := func() (all []string) {
		entries, err := os.ReadDir(dir)
		noError(t, err)
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return all
	}
	await(t, dir+" holds "+strings.Join(want, ", "), func() bool { return slices.Equal(names(), want) })
	noError(t, filepath.WalkDir(filepath.Join(l.dir, "acme"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := d.Info(); err != nil || info.Mode()&0o077 != 0 {
			t.Errorf("%s can be read by others: %v, %v", path, info.Mode(), err)
		}
		return nil
	}))
}

// Where the authority cannot reach HTTPS, the answer is found by plain HTTP.
func TestCertifiedByHTTP(t *testing.T) {
	l := found(t)
	l.plain = freePort(t)
	a := certifying(t, nobody(t), l.at80(t), 90*24*3600)
	l.serve(t, a.trusted, "--domain", domain, "--acme-directory", a.directory)
	l.mustVisit(t, a, domain)
	a.took(t, 2) // the first was tried by tls-alpn-01
}

// at80 leads to the ledger's plain HTTP in the manner of port 80, which is the one that
// authorities ask at: the name that is asked for stands there without a port.
func (l *ledger) at80(t *testing.T) (port int) {
	t.Helper()
	to := &url.URL{Scheme: "http", Host: local(l.plain)}
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		host, _, _ := net.SplitHostPort(r.In.Host)
		r.SetURL(to)
		r.Out.Host = host
	}})
	t.Cleanup(server.Close)
	return server.Listener.Addr().(*net.TCPAddr).Port
}

// A certificate is renewed before it ends, without a restart.
func TestCertificatesAreRenewed(t *testing.T) {
	l := found(t)
	a := certifying(t, l.port, nobody(t), 12)
	l.serve(t, a.trusted, "--domain", domain, "--acme-directory", a.directory)
	first := l.mustVisit(t, a, domain)
	await(t, "there is a new certificate", func() bool {
		leaf, err := l.visit(a, domain)
		return err == nil && !leaf.Equal(first)
	})
}

// An authority that is not trusted is told nothing, and the log says why there is no
// certificate.
func TestUntrustedAuthority(t *testing.T) {
	l := found(t)
	a, other := certifying(t, l.port, nobody(t), 3600), filepath.Join(t.TempDir(), "none.pem")
	noError(t, os.WriteFile(other, nil, 0o600))
	s := l.serve(t, other, "--domain", domain, "--acme-directory", a.directory)
	if _, err := l.visit(a, domain); err == nil {
		t.Error("it is served all the same")
	}
	a.took(t, 0)
	await(t, "the log says why", func() bool {
		said := s.said.String()
		return strings.Contains(said, `msg="there is no certificate to serve" domain=`+domain) && strings.Contains(said, "certificate signed by unknown authority")
	})
}

// A name that an authority refuses is no reason to stop, and is said.
func TestAuthorityThatFindsNobody(t *testing.T) {
	l := found(t)
	a := certifying(t, nobody(t), nobody(t), 3600)
	s := l.serve(t, a.trusted, "--domain", domain, "--acme-directory", a.directory)
	if _, err := l.visit(a, domain); err == nil {
		t.Error("it is served all the same")
	}
	a.took(t, 2)
	await(t, "the log says why", func() bool { return strings.Contains(s.said.String(), "there is no certificate to serve") })
}

// program gives the program that is tried.
func program(t *testing.T) string {
	t.Helper()
	return cmp.Or(os.Getenv("SPREDNING"), "spredning")
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePort is a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", local(0))
	noError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// nobody is a port where every connection is closed at once.
func nobody(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", local(0))
	noError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// await asks until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for range 600 {
		if so() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("in vain: %s", what)
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
