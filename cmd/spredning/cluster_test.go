package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"

	stream "spredning/ledger/jetstream"
)

// natsServer is the program nats-server, as its own main has it.
func natsServer() {
	opts, err := server.ConfigureOptions(flag.NewFlagSet("nats-server", flag.ExitOnError), os.Args[1:], server.PrintServerAndExit, func() {}, server.PrintTLSHelpAndDie)
	if err != nil {
		server.PrintAndDie(err.Error())
	}
	s, err := server.NewServer(opts)
	if err != nil {
		server.PrintAndDie(err.Error())
	}
	s.ConfigureLogger()
	if err := server.Run(s); err != nil {
		server.PrintAndDie(err.Error())
	}
	s.WaitForShutdown()
}

// shipped is the folder of what is shipped for a cluster.
const shipped = "../../docs/cluster"

// configure makes certificates in dir/certs, with the program that is shipped for
// it, and a folder for each server, by its name and address, with the files that are
// shipped. Only values in server.conf are others. It may be called again with more.
func configure(dir string, names, addresses []string) error {
	args := []string{filepath.Join(dir, "certs")}
	for i, name := range names {
		args = append(args, name+"="+addresses[i])
	}
	if out, err := exec.Command(filepath.Join(shipped, "certificates"), args...).CombinedOutput(); err != nil {
		return fmt.Errorf("making certificates: %w\n%s", err, out)
	}
	for i, name := range names {
		if err := configureServer(dir, name, addresses[i], addresses); err != nil {
			return err
		}
	}
	return nil
}

func configureServer(dir, name, address string, all []string) error {
	var routes []string
	for _, a := range all {
		routes = append(routes, "nats-route://"+a+":6222")
	}
	cert := func(file string) string { return filepath.Join(dir, "certs", file+".pem") }
	conf, err := substitute(filepath.Join(shipped, "server.conf"), map[string]any{
		"NAME": name, "CLIENTS": address + ":4222", "SERVERS": address + ":6222", "ROUTES": routes, "MONITOR": address + ":8222",
		"STORE": filepath.Join(dir, name, "store"), "STORE_MAX": 100 << 30,
		"CA": cert("ca"), "CERT": cert(name), "KEY": cert(name + "-key"),
		"ROUTE_CA": cert("route-ca"), "ROUTE_CERT": cert(name + "-route"), "ROUTE_KEY": cert(name + "-route-key"),
	})
	if err != nil {
		return err
	}
	same, err := os.ReadFile(filepath.Join(shipped, "nats.conf"))
	return errors.Join(err, os.MkdirAll(filepath.Join(dir, name), 0o700),
		os.WriteFile(filepath.Join(dir, name, "nats.conf"), same, 0o600), os.WriteFile(filepath.Join(dir, name, "server.conf"), conf, 0o600))
}

// substitute gives a file with other values, which must be those that it has.
func substitute(file string, values map[string]any) ([]byte, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		key, _, found := strings.Cut(line, ": ")
		if strings.HasPrefix(line, "#") || !found {
			out.WriteString(line)
			continue
		}
		value, ok := values[key]
		if !ok {
			return nil, fmt.Errorf("%s has %s, which the test does not know", file, key)
		}
		delete(values, key)
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s: %s\n", key, text)
	}
	if len(values) > 0 {
		return nil, fmt.Errorf("%s does not have %v", file, values)
	}
	return []byte(out.String()), nil
}

// loopbacks are addresses of this machine that hardly anyone else uses.
func loopbacks(n int) (all []string) {
	a, b := 1+rand.IntN(254), rand.IntN(255)
	for i := range n {
		all = append(all, fmt.Sprintf("127.%d.%d.%d", a, b, i+1))
	}
	return all
}

// dial connects to servers with a user's certificate; denied gets what the server
// does not permit.
func dial(certs, user string, denied func(error), addresses ...string) (*nats.Conn, error) {
	var urls []string
	for _, a := range addresses {
		urls = append(urls, "nats://"+a+":4222")
	}
	cert := func(file string) string { return filepath.Join(certs, file+".pem") }
	return nats.Connect(strings.Join(urls, ","), nats.RootCAs(cert("ca")), nats.ClientCert(cert(user), cert(user+"-key")), nats.MaxReconnects(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied(err) }))
}

// TestClusterScript goes from one machine to a cluster, as docs/cluster.md tells it.
// In the script $N1, $N2, $N3 and $N4 are addresses of servers.
func TestClusterScript(t *testing.T) {
	t.Parallel() // beside the other one with three servers
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed here")
	}
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/script/cluster",
		Setup: func(e *testscript.Env) error {
			err := address(e)
			addresses := loopbacks(4)
			for i, a := range addresses {
				e.Setenv(fmt.Sprintf("N%d", i+1), a)
			}
			e.Setenv("NATS", "nats://"+strings.Join(addresses[:3], ":4222,nats://")+":4222")
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"up": up, "read": read, "id": id, "get": get, "passkey": passkey, "configure": configureIn, "healthy": healthy, "denied": denied, "shelves": shelves, "nopeer": noPeer, "evict": evict, "placed": placed, "eventually": eventually,
		},
	})
}

// shelves lets a node keep a snapshot for others, and find it.
func shelves(ts *testscript.TestScript, _ bool, _ []string) {
	certs := ts.MkAbs("certs")
	s, err := stream.Connect(context.Background(), stream.Remote{
		URL: "nats://" + ts.Getenv("N1") + ":4222", CA: filepath.Join(certs, "ca.pem"), Cert: filepath.Join(certs, "node.pem"), Key: filepath.Join(certs, "node-key.pem"),
	}, slog.New(slog.DiscardHandler))
	ts.Check(err)
	defer s.Close()
	for position := range int64(2) { // the second takes the place of the first
		ts.Check(s.Shelf().Put(context.Background(), 1000+position, strings.NewReader(fmt.Sprint("no snapshot ", position))))
	}
	b, err := s.Shelf().Newest(context.Background())
	ts.Check(err)
	if string(b) != "no snapshot 1" {
		ts.Fatalf("the newest snapshot is %q", b)
	}
}

// eventually runs a program until it succeeds.
func eventually(ts *testscript.TestScript, _ bool, args []string) {
	var err error
	for range 120 {
		if err = ts.Exec(args[0], args[1:]...); err == nil {
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
	ts.Check(err)
}

// configureIn configures servers: NAME=ADDRESS…, the first ones may be there already.
func configureIn(ts *testscript.TestScript, _ bool, args []string) {
	var names, addresses []string
	for _, a := range args {
		name, address, _ := strings.Cut(a, "=")
		names, addresses = append(names, name), append(addresses, address)
	}
	ts.Check(configure(ts.MkAbs("."), names, addresses))
}

// healthy waits until servers have caught up.
func healthy(ts *testscript.TestScript, _ bool, addresses []string) {
	for _, a := range addresses {
		var answer []byte
		for range 600 {
			if answer = ask(ts, "http://"+a+":8222/healthz", ""); strings.Contains(string(answer), `"ok"`) {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if !strings.Contains(string(answer), `"ok"`) {
			ts.Fatalf("the server at %s is not healthy: %s", a, answer)
		}
	}
}

// evict takes a server that is gone out of the cluster, as soon as that has a leader.
func evict(ts *testscript.TestScript, _ bool, args []string) {
	conn, err := dial(ts.MkAbs("certs"), "system", func(error) {}, ts.Getenv("N1"), ts.Getenv("N2"))
	ts.Check(err)
	defer conn.Close()
	var answer *nats.Msg
	for range 60 {
		answer, err = conn.Request("$JS.API.SERVER.REMOVE", fmt.Appendf(nil, `{"peer":%q}`, args[0]), time.Second)
		if err == nil && strings.Contains(string(answer.Data), `"success":true`) {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	ts.Fatalf("%s cannot be taken out of the cluster: %v, %v", args[0], answer, err)
}

// placed waits until a server holds a copy of the stream and of each bucket that has
// everything.
func placed(ts *testscript.TestScript, _ bool, args []string) {
	conn, err := dial(ts.MkAbs("certs"), "operator", func(error) {}, ts.Getenv("N1"), ts.Getenv("N2"))
	ts.Check(err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	ts.Check(err)
	var left string
	for range 1200 {
		if left = unplaced(js, args[0]); left == "" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s does not come to hold %s", args[0], left)
}

// unplaced names a stream that a server does not hold yet.
func unplaced(js jetstream.JetStream, name string) string {
	all := js.ListStreams(context.Background())
	for info := range all.Info() {
		holds := info.Cluster != nil && info.Cluster.Leader == name
		for _, peer := range info.Cluster.Replicas {
			holds = holds || peer.Name == name && peer.Current
		}
		if !holds {
			return info.Config.Name
		}
	}
	return fmt.Sprint(strings.TrimPrefix(fmt.Sprint(all.Err()), "<nil>"))
}

// forbidden are the calls that could take entries out of the stream, or make it
// another one, and what each is asked with.
var forbidden = map[string]string{
	"$JS.API.STREAM.CREATE.SPREDNING":        `{"name":"SPREDNING","subjects":["spredning.events"]}`,
	"$JS.API.STREAM.UPDATE.SPREDNING":        `{"name":"SPREDNING","subjects":["spredning.events"],"max_msgs":1,"discard":"old"}`,
	"$JS.API.STREAM.DELETE.SPREDNING":        "",
	"$JS.API.STREAM.PURGE.SPREDNING":         "",
	"$JS.API.STREAM.RESTORE.SPREDNING":       `{}`,
	"$JS.API.STREAM.MSG.DELETE.SPREDNING":    `{"seq":2}`,
	"$JS.API.STREAM.PEER.REMOVE.SPREDNING":   `{"peer":"n3"}`,
	"$JS.API.STREAM.PEER.EVACUATE.SPREDNING": `{"peer":"n3"}`,
}

// denied tries every forbidden call as a node: the servers refuse each, and the
// stream is what it was. That they would answer the operator, is seen too.
func denied(ts *testscript.TestScript, _ bool, _ []string) {
	certs, ctx := ts.MkAbs("certs"), context.Background()
	refused := make(chan error, len(forbidden))
	node, err := dial(certs, "node", func(err error) { refused <- err }, ts.Getenv("N1"))
	ts.Check(err)
	defer node.Close()
	answers, err := node.SubscribeSync(node.NewInbox())
	ts.Check(err)
	js, err := jetstream.New(node)
	ts.Check(err)
	before, err := js.Stream(ctx, stream.Name)
	ts.Check(err)
	for subject, body := range forbidden {
		ts.Check(node.PublishRequest(subject, answers.Subject, []byte(body)))
		select {
		case err := <-refused:
			if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(`permissions violation for publish to "`+subject+`"`)) {
				ts.Fatalf("of %s the server says: %v", subject, err)
			}
			ts.Logf("refused to a node: %s", subject)
		case <-time.After(10 * time.Second):
			ts.Fatalf("nobody refuses %s to a node", subject)
		}
	}
	if n, _, err := answers.Pending(); n > 0 || err != nil {
		ts.Fatalf("a node was given %d answers to what it may not ask, %v", n, err)
	}
	after, err := js.Stream(ctx, stream.Name)
	ts.Check(err)
	had, has := before.CachedInfo(), after.CachedInfo()
	if had.State.Msgs != has.State.Msgs || had.State.FirstSeq != has.State.FirstSeq || fmt.Sprint(had.Config) != fmt.Sprint(has.Config) {
		ts.Fatalf("the stream has changed: %+v, %+v", had, has)
	}
	operator, err := dial(certs, "operator", func(error) {}, ts.Getenv("N1"))
	ts.Check(err)
	defer operator.Close()
	for _, subject := range []string{"CREATE", "UPDATE", "PURGE", "RESTORE", "MSG.DELETE"} {
		answer, err := operator.Request("$JS.API.STREAM."+subject+".SPREDNING", []byte(`{"name":"ANOTHER","seq":4711000}`), 5*time.Second)
		ts.Check(err) // an error of the call itself, but an answer
		ts.Logf("the operator is answered at %s: %s", subject, answer.Data)
	}
}

// noPeer checks that no user's certificate lets anyone in as a server.
func noPeer(ts *testscript.TestScript, _ bool, users []string) {
	for _, user := range users {
		err := route(ts.MkAbs("certs"), ts.Getenv("N1"), user)
		if allowed := strings.HasSuffix(user, "-route"); allowed != (err == nil) {
			ts.Fatalf("with the certificate of %s: %v", user, err)
		}
	}
}

// route opens a connection as other servers do, and reads what the server says first.
func route(certs, address, user string) error {
	pem, err := os.ReadFile(filepath.Join(certs, "route-ca.pem"))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	cert, err := tls.LoadX509KeyPair(filepath.Join(certs, user+".pem"), filepath.Join(certs, user+"-key.pem"))
	if err != nil {
		return err
	}
	conn, err := net.DialTimeout("tcp", address+":6222", 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	secure := tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: address, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &cert, nil // whichever CA the server asks for
	}})
	_ = secure.SetDeadline(time.Now().Add(5 * time.Second))
	_, err = secure.Read(make([]byte, 1))
	return err
}
