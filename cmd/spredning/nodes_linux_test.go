package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
	"spredning/ledger"
	stream "spredning/ledger/jetstream"
	"spredning/ledger/tiles"
)

// Several nodes write to one cluster while what can fail does: each server and node
// is a process on a host of its own. Whatever happens, nothing that was acknowledged
// is lost, nothing is there twice, and no two checkpoints contradict each other.
//
// By itself it runs on the loopback and kills what ends soonest. With
// SPREDNING_CLUSTER=1 each host is a network namespace and all scenarios are played;
// with SPREDNING_LONG=1 again and again:
//
//	SPREDNING_LONG=1 go test ./cmd/spredning -run TestSeveralNodes -v -timeout 60m
func TestSeveralNodes(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed here")
	}
	t.Parallel()
	all := isLong() || os.Getenv("SPREDNING_CLUSTER") != ""
	c := newCluster(t, all)
	rounds := 1
	if isLong() {
		rounds = 10
	}
	for range rounds {
		c.play("all at once", nil, nil)
		c.killNode()
		if all {
			c.upgradeNode()
			c.killServer()
		}
		c.killLeader()
		if all {
			c.splitMinority()
			c.splitLeader()
			c.splitLeaderWithNode()
		}
	}
	t.Logf("what happened:\n%s", c.aligned())
}

const (
	clusterOrigin = "spredning.example/nodes"
	submitters    = 6
	// grace is how long a submitter waits for one, and settled for its last.
	grace, settled = 15 * time.Second, 3 * time.Minute
)

// cluster is three servers and three nodes, and all that was said to and by them.
type cluster struct {
	*network
	t        *testing.T
	dir      string
	servers  []*process
	nodes    []*process
	clients  []*client // of the nodes
	js       jetstream.JetStream
	remote   stream.Remote
	logKey   string
	year     int
	keys     map[ledger.Orgnr]*keys.Private
	adopters []ledger.Orgnr

	mu       sync.Mutex
	accepted map[int64][]byte
	shown    map[int64]map[tlog.Hash]string // roots of checkpoints by size, and who showed them
	largest  map[string]int64               // what each has shown
	tally    tally

	table bytes.Buffer
}

// tally is what became of submissions in a scenario.
type tally struct {
	acknowledged, refused int
	unknown               int         // of both, those that had no answer at first
	wrote                 []time.Time // by node: when the last one began that it acknowledged
}

func newCluster(t *testing.T, apart bool) *cluster {
	c := &cluster{
		t: t, dir: t.TempDir(), year: time.Now().UTC().Year(), keys: map[ledger.Orgnr]*keys.Private{},
		accepted: map[int64][]byte{}, shown: map[int64]map[tlog.Hash]string{}, largest: map[string]int64{},
	}
	names := []string{"n1", "n2", "n3", "a", "b", "c"}
	if apart {
		c.network = newNetwork(t, names...)
	} else {
		c.network = loopback(names...)
	}
	t.Cleanup(func() {
		for _, p := range append(slices.Clone(c.servers), c.nodes...) {
			said, err := os.ReadFile(p.said)
			if err != nil || bytes.Contains(said, []byte("DATA RACE")) || bytes.Contains(said, []byte("\npanic: ")) {
				t.Errorf("%s has raced or panicked, or said nothing: %v", p.name, err)
			}
			if t.Failed() {
				t.Logf("the last words of %s:\n%s", p.name, p.tail())
			}
		}
	})
	c.startServers()
	c.found()
	for i := range c.nodes {
		c.nodes[i].start(t)
	}
	for i := range c.nodes {
		c.up(i)
	}
	c.enrol()
	for i := range c.nodes {
		c.watch(i)
	}
	fmt.Fprint(&c.table, "scenario\tacknowledged\trefused\tno answer, then resolved\tlost\ttwice\tothers write again\tall write again\n")
	return c
}

func (c *cluster) startServers() {
	var names, addresses, urls []string
	for _, h := range c.hosts[:3] {
		names, addresses, urls = append(names, h.name), append(addresses, h.ip), append(urls, "nats://"+h.ip+":4222")
	}
	noError(c.t, configure(c.dir, names, addresses))
	for _, h := range c.hosts[:3] {
		p := h.process(c.dir, "nats-server", "-c", filepath.Join(c.dir, h.name, "nats.conf"))
		p.start(c.t)
		c.servers = append(c.servers, p)
	}
	for _, h := range c.hosts[:3] {
		until(c.t, h.name+" to be healthy", time.Minute, func() bool { return c.healthy(h) })
	}
	cert := func(file string) string { return filepath.Join(c.dir, "certs", file+".pem") }
	c.remote = stream.Remote{URL: strings.Join(urls, ","), CA: cert("ca"), Cert: cert("node"), Key: cert("node-key")}
	conn, err := dial(filepath.Join(c.dir, "certs"), "operator", func(error) {}, addresses...)
	noError(c.t, err)
	c.t.Cleanup(conn.Close)
	c.js, err = jetstream.New(conn)
	noError(c.t, err)
}

func (c *cluster) healthy(h *host) bool {
	resp, err := http.Get("http://" + h.ip + ":8222/healthz")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// found founds the ledger as the operator, and gives each node its folder.
func (c *cluster) found() {
	authority := demoAuthority.Orgnr
	c.keys[authority] = keys.FromSeed(bytes.Repeat([]byte{1}, 32))
	file := filepath.Join(c.dir, "authority")
	noError(c.t, c.keys[authority].WriteFile(file, "authority", nil))
	nats := []string{"--nats", c.remote.URL, "--nats-ca", c.remote.CA, "--nats-cert", strings.Replace(c.remote.Cert, "node", "operator", 1), "--nats-key", strings.Replace(c.remote.Key, "node", "operator", 1)}
	first := filepath.Join(c.dir, "a")
	out, err := exec.Command("spredning", append([]string{"found", "--data", first, "--origin", clusterOrigin, "--illustrative", "--key", file}, nats...)...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("founding: %v\n%s", err, out)
	}
	private, err := (&env{}).readKey(logKeyFile(first))
	noError(c.t, err)
	logKey, err := ledger.NewLogKey(clusterOrigin, private)
	noError(c.t, err)
	c.logKey = logKey.String()
	for _, h := range c.hosts[3:] {
		dir := filepath.Join(c.dir, h.name)
		if h.name != "a" {
			noError(c.t, private.WriteFile(logKeyFile(dir), clusterOrigin, nil))
		}
		args := []string{
			"spredning", "serve", "--data", dir, "--origin", clusterOrigin, "--listen", h.listen(), "--read-rate", "0", "--write-rate", "0",
			"--nats", c.remote.URL, "--nats-ca", c.remote.CA, "--nats-cert", c.remote.Cert, "--nats-key", c.remote.Key,
		}
		for _, other := range c.hosts[3:] {
			if other != h {
				args = append(args, "--peer", "http://"+other.ip+":8080")
			}
		}
		c.nodes = append(c.nodes, h.process(c.dir, args...))
		c.clients = append(c.clients, &client{"http://" + h.seen + ":8080", &http.Client{Timeout: grace}})
	}
}

// listen is where a node is served: to the other hosts and to the test.
func (h *host) listen() string {
	if h.space != "" {
		return ":8080"
	}
	return h.ip + ":8080"
}

// up waits until a node serves.
func (c *cluster) up(i int) {
	until(c.t, c.nodes[i].name+" to serve", time.Minute, func() bool {
		_, status, _ := c.clients[i].do(c.t.Context(), http.MethodGet, "/healthz", nil)
		return status == http.StatusOK
	})
}

// enrol registers hospitals, and opens a year with rules.
func (c *cluster) enrol() {
	yes, no, one, part, none, from := true, false, ledger.Milli(1000), ledger.Milli(250), 0, 2003
	c.must(&ledger.RulesPublication{Rules: ledger.Rules{
		ID: "a", FromYear: c.year, Basis: ledger.BasisAdoption, Originator: ledger.Values{SameRegion: &one, OtherRegion: &one},
		Adopter: ledger.Values{SameRegion: &part, OtherRegion: &part}, EligibleKinds: []ledger.Kind{ledger.KindHF},
		OwnFundingOnly: &yes, ExcludeRegionalInitiatives: &no, Lineage: ledger.LineageEach,
		MaxAdoptionsPerInnovation: &none, MaxPerOriginatorAdopter: &none, Illustrative: &yes,
	}})
	c.must(&ledger.YearOpening{Year: c.year})
	for i, o := range []ledger.Orgnr{bergen, stOlav, "983971636", "983974899"} {
		c.adopters = append(c.adopters, o)
		c.keys[o] = keys.FromSeed(bytes.Repeat([]byte{byte(i + 2)}, 32))
		c.must(&ledger.Registration{Organisation: ledger.Organisation{Orgnr: o, Name: "Sykehus " + string(o), Short: string(o), Kind: ledger.KindHF, MeasuredFrom: &from}})
		c.must(&ledger.Enrolment{Organisation: o, Key: enrolment(c.keys[o].Public, "innovasjon", ledger.Report)})
	}
}

// must has the authority submit.
func (c *cluster) must(data ledger.Data) {
	c.t.Helper()
	c.tally = tally{wrote: make([]time.Time, len(c.nodes))}
	if _, code := c.send(0, c.envelope(demoAuthority.Orgnr, data)); code != "" {
		c.t.Fatalf("setting up: %s", code)
	}
}

func (c *cluster) envelope(by ledger.Orgnr, data ledger.Data) []byte {
	payload, err := newEvent(clusterOrigin, by, time.Now(), data).Encode()
	if err != nil {
		panic(err)
	}
	envelope, err := keys.Seal(payload, c.keys[by])
	if err != nil {
		panic(err)
	}
	return envelope.Encode()
}

// send submits at a node and, as long as there is no answer, the same bytes at the
// next: as everyone is told to. It gives the receipt, or the code of a refusal.
func (c *cluster) send(node int, raw []byte) (ledger.Receipt, ledger.Code) {
	unknown := false
	for end := time.Now().Add(settled); time.Now().Before(end) && !c.t.Failed(); node = (node + 1) % len(c.nodes) {
		began := time.Now()
		receipt, _, _, err := c.clients[node].submit(context.Background(), raw)
		var problem *answerError
		errors.As(err, &problem)
		if err == nil {
			c.acknowledge(node, began, unknown, receipt, raw)
			return receipt, ""
		}
		if problem != nil && problem.Code != ledger.Unavailable && problem.Code != ledger.Overloaded {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.tally.refused++
			if unknown {
				c.tally.unknown++
			}
			return receipt, problem.Code
		}
		unknown = true
		time.Sleep(100 * time.Millisecond)
	}
	if !c.t.Failed() {
		c.t.Errorf("an event has no answer after %s", settled)
	}
	return ledger.Receipt{}, ledger.Unavailable
}

// acknowledge keeps what a node has promised.
func (c *cluster) acknowledge(node int, began time.Time, unknown bool, r ledger.Receipt, raw []byte) {
	if _, _, err := r.Verify(c.logKey); err != nil || !bytes.Equal(r.Entry, raw) {
		c.t.Errorf("%s gives a receipt that does not hold, or is of another event: %v", c.nodes[node].name, err)
		return
	}
	c.see(c.nodes[node].name+", in a receipt,", r.Checkpoint)
	c.mu.Lock()
	defer c.mu.Unlock()
	if before, ok := c.accepted[r.Index]; ok && !bytes.Equal(before, raw) {
		c.t.Errorf("%s says that entry %d is another than was acknowledged before", c.nodes[node].name, r.Index)
	}
	c.accepted[r.Index] = raw
	c.tally.acknowledged++
	if unknown {
		c.tally.unknown++
	}
	if began.After(c.tally.wrote[node]) {
		c.tally.wrote[node] = began
	}
}

// see keeps a checkpoint that was shown, to compare it with what is there in the end.
func (c *cluster) see(who string, signed []byte) int64 {
	checkpoint, err := ledger.OpenCheckpoint(signed, c.logKey)
	if err != nil {
		c.t.Errorf("%s shows what is no checkpoint of this log: %v", who, err)
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shown[checkpoint.Size] == nil {
		c.shown[checkpoint.Size] = map[tlog.Hash]string{}
	}
	for root, other := range c.shown[checkpoint.Size] {
		if root != checkpoint.Root {
			c.t.Errorf("%s showed a checkpoint of %d entries that contradicts the one of %s", who, checkpoint.Size, other)
		}
	}
	c.shown[checkpoint.Size][checkpoint.Root] = who
	return checkpoint.Size
}

// watch keeps every checkpoint that a node shows, all the time, and sees that it
// never shows a smaller one.
func (c *cluster) watch(i int) {
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	name, from := c.nodes[i].name, &client{c.clients[i].base, &http.Client{Timeout: 2 * time.Second}}
	done.Go(func() {
		var last []byte
		for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
			signed, _, err := from.do(ctx, http.MethodGet, "/log/checkpoint", nil)
			if err != nil || bytes.Equal(signed, last) {
				continue // it is down, or has shown that already
			}
			last = signed
			size := c.see(name, signed)
			c.mu.Lock()
			if size < c.largest[name] {
				c.t.Errorf("%s showed %d entries, and now %d", name, c.largest[name], size)
			}
			c.largest[name] = max(c.largest[name], size)
			c.mu.Unlock()
		}
	})
	c.t.Cleanup(func() { stop(); done.Wait() })
}

// submitting publishes innovations at any node, and has two hospitals' statements on
// each, that it is in use there, race each other at two nodes: one is first, the other
// is refused.
func (c *cluster) submitting(ctx context.Context) {
	for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		at := rand.Perm(len(c.nodes))
		by := rand.Perm(len(c.adopters))
		published, code := c.send(at[0], c.envelope(c.adopters[by[0]], c.publication(c.adopters[by[0]])))
		if code != "" {
			if !c.t.Failed() {
				c.t.Errorf("a publication is refused: %s", code)
			}
			return
		}
		codes := make([]ledger.Code, 2)
		var both sync.WaitGroup
		for i := range codes {
			both.Go(func() {
				_, codes[i] = c.send(at[i+1], c.envelope(c.adopters[by[1]], c.confirmation(published)))
			})
		}
		both.Wait()
		slices.Sort(codes)
		if want := []ledger.Code{"", ledger.AlreadyExists}; !slices.Equal(codes, want) && !c.t.Failed() {
			c.t.Errorf("of two confirmations of one adoption the answers are %q, want %q", codes, want)
			return
		}
	}
}

func (c *cluster) publication(by ledger.Orgnr) *ledger.Publication {
	no := false
	return &ledger.Publication{Innovation: ledger.Innovation{
		Title: text("Digital oppfølging", "Digital oppfølging"), Summary: text("Pasienter følges opp hjemme.", "Pasientar blir følgde opp heime."), Kind: "service",
		Originators: []ledger.Originator{{Orgnr: by, Share: 1000}}, Funding: []ledger.Funding{ledger.Own}, RegionalInitiative: &no, InUseSince: "2020-01-01",
	}}
}

func (c *cluster) confirmation(of ledger.Receipt) *ledger.Confirmation {
	e, err := ledger.ParseEntry(of.Index, of.Entry)
	if err != nil {
		panic(err)
	}
	leaf := tlog.RecordHash(of.Entry)
	return &ledger.Confirmation{
		Innovation: e.ID.String(), Revision: hex.EncodeToString(leaf[:]), InUseFrom: ledger.Date(fmt.Sprintf("%d-01-01", c.year)),
		Extent: "hospital", Form: "as_is", Funding: []ledger.Funding{ledger.Own},
	}
}

// play submits at all nodes while something happens and is put right again, waits
// until all nodes write again, and then checks everything there is. What happens
// gives the nodes that must write nevertheless.
func (c *cluster) play(scenario string, happens func() (others []int), right func()) {
	c.t.Helper()
	c.mu.Lock()
	c.tally = tally{wrote: make([]time.Time, len(c.nodes))}
	c.mu.Unlock()
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	defer func() { stop(); all.Wait() }()
	for range submitters {
		all.Go(func() { c.submitting(ctx) })
	}
	hold := 500 * time.Millisecond
	if isLong() {
		hold = rand.N(20 * time.Second)
	}
	everyone := []int{0, 1, 2}
	c.writing(time.Now(), everyone)
	others, again := time.Duration(0), time.Duration(0)
	if happens != nil {
		nodes := happens()
		others = c.writing(time.Now(), nodes)
		time.Sleep(hold)
		right()
		again = c.writing(time.Now(), everyone)
	} else {
		time.Sleep(4 * hold)
	}
	stop()
	all.Wait()
	lost, twice := c.check()
	fmt.Fprintf(&c.table, "%s\t%d\t%d\t%d\t%d\t%d\t%.1f s\t%.1f s\n", scenario, c.tally.acknowledged, c.tally.refused, c.tally.unknown, lost, twice, others.Seconds(), again.Seconds())
	if c.t.Failed() {
		c.t.Fatalf("so far:\n%s", c.aligned())
	}
}

// aligned is the table for people.
func (c *cluster) aligned() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = w.Write(c.table.Bytes())
	_ = w.Flush()
	return b.String()
}

// writing waits until each of some nodes has acknowledged what was sent after a time,
// and tells how long that took.
func (c *cluster) writing(after time.Time, nodes []int) time.Duration {
	c.t.Helper()
	until(c.t, "all nodes to write", 2*time.Minute, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return !slices.ContainsFunc(nodes, func(i int) bool { return c.tally.wrote[i].Before(after) })
	})
	return time.Since(after)
}

// check compares the nodes with each other, with the stream, with every checkpoint
// that was ever shown and with every receipt.
func (c *cluster) check() (lost, twice int) {
	c.t.Helper()
	size := c.settle()
	entries := c.streamed()
	if int64(len(entries)) != size {
		c.t.Fatalf("the nodes have %d entries, the stream %d", size, len(entries))
	}
	for i := range c.nodes {
		c.same(i, entries)
	}
	c.compareShown(entries)
	seen := map[ulid.ULID]bool{}
	for i, b := range entries {
		e, err := ledger.ParseEntry(int64(i), b)
		noError(c.t, err)
		if seen[e.ID] {
			twice++
		}
		seen[e.ID] = true
	}
	for index, raw := range c.accepted {
		if index >= size || !bytes.Equal(entries[index], raw) {
			lost++
		}
	}
	if more := len(entries) - 1 - len(c.accepted); lost > 0 || twice > 0 || more != 0 { // entry 0 was sent by found
		c.t.Errorf("%d entries were lost, %d are there twice, %d are there that nobody has a receipt for", lost, twice, more)
	}
	return lost, twice
}

// settle waits until all nodes show the same checkpoint.
func (c *cluster) settle() (size int64) {
	c.t.Helper()
	until(c.t, "all nodes to show the same", time.Minute, func() bool {
		sizes := map[int64]bool{}
		for i := range c.nodes {
			signed, _, err := c.clients[i].do(c.t.Context(), http.MethodGet, "/log/checkpoint", nil)
			if err != nil {
				return false
			}
			size = c.see(c.nodes[i].name, signed)
			sizes[size] = true
		}
		return len(sizes) == 1
	})
	return size
}

// streamed gives what the servers have, once the one that is asked is back among them.
func (c *cluster) streamed() (entries [][]byte) {
	c.t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		if entries, err = c.read(); err == nil {
			return entries
		}
	}
	c.t.Fatalf("the stream cannot be read: %v", err)
	return nil
}

func (c *cluster) read() (entries [][]byte, err error) {
	s, err := stream.Connect(c.t.Context(), c.remote, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	err = s.Read(c.t.Context(), 0, func(index int64, entry []byte) error {
		if index != int64(len(entries)) {
			return fmt.Errorf("entry %d is read after %d", index, len(entries))
		}
		entries = append(entries, bytes.Clone(entry))
		return nil
	})
	return entries, err
}

// same checks that a node shows just these entries, in its open log and through the
// API, and the points that the first node computes from them.
func (c *cluster) same(i int, entries [][]byte) {
	c.t.Helper()
	ctx, name := c.t.Context(), c.nodes[i].name
	source, err := tiles.OpenSource(ctx, c.clients[i].base)
	noError(c.t, err)
	published, err := ledger.ReadPublished(source, c.logKey)
	noError(c.t, err)
	var open [][]byte
	noError(c.t, ledger.Replay(tiles.NewShown(published.Tree, published.Signed), 0, published.Size, func(es []*ledger.Entry) error {
		for _, e := range es {
			open = append(open, e.Bytes)
		}
		return nil
	}))
	if !slices.EqualFunc(open, entries, bytes.Equal) {
		c.t.Errorf("the open log of %s has %d entries that are not the %d of the stream", name, len(open), len(entries))
	}
	if told := c.told(i); !slices.EqualFunc(told, entries, bytes.Equal) {
		c.t.Errorf("%s gives %d entries that are not the %d of the stream", name, len(told), len(entries))
	}
	points := fmt.Sprintf("/api/v1/points/%d?position=%d", c.year, len(entries))
	want, _, err := c.clients[0].do(ctx, http.MethodGet, points, nil)
	noError(c.t, err)
	got, _, err := c.clients[i].do(ctx, http.MethodGet, points, nil)
	noError(c.t, err)
	if !bytes.Equal(got, want) || len(entries) > 20 && !bytes.Contains(got, []byte(`"lines":[{`)) {
		c.t.Errorf("%s computes other points than %s: %d bytes, %d", name, c.nodes[0].name, len(got), len(want))
	}
}

// told gives the entries as the API lists them.
func (c *cluster) told(i int) (entries [][]byte) {
	resp, err := http.Get(c.clients[i].base + "/api/v1/events")
	noError(c.t, err)
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			entries = append(entries, bytes.TrimSuffix(line, []byte("\n")))
		}
		if err == io.EOF {
			return entries
		}
		noError(c.t, err)
	}
}

// compareShown checks that every checkpoint ever shown is of a tree that these entries
// begin with.
func (c *cluster) compareShown(entries [][]byte) {
	c.t.Helper()
	var hashes []tlog.Hash
	stored := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
		for _, i := range at {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	for i, e := range entries {
		more, err := tlog.StoredHashes(int64(i), e, stored)
		noError(c.t, err)
		hashes = append(hashes, more...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for size, roots := range c.shown {
		if size > int64(len(entries)) {
			c.t.Errorf("a checkpoint of %d entries was shown, there are %d: %v", size, len(entries), roots)
			continue
		}
		want, err := tlog.TreeHash(size, stored)
		noError(c.t, err)
		for root, who := range roots {
			if root != want {
				c.t.Errorf("%s showed a checkpoint of %d entries with root %s, the tree has %s", who, size, root, want)
			}
		}
	}
}

// leader gives the server that leads the ledger's stream, and two others.
func (c *cluster) leader() (leads, follows, last int) {
	c.t.Helper()
	s, err := c.js.Stream(c.t.Context(), stream.Name)
	noError(c.t, err)
	leads = slices.IndexFunc(c.servers, func(p *process) bool { return p.name == s.CachedInfo().Cluster.Leader })
	if leads < 0 {
		c.t.Fatalf("the stream is led by %q", s.CachedInfo().Cluster.Leader)
	}
	return leads, (leads + 1) % 3, (leads + 2) % 3
}

// whole waits until every server has every entry: another may fail then.
func (c *cluster) whole() {
	c.t.Helper()
	until(c.t, "all servers to have everything", time.Minute, func() bool {
		s, err := c.js.Stream(c.t.Context(), stream.Name)
		if err != nil {
			return false
		}
		info := s.CachedInfo().Cluster
		return len(info.Replicas) == 2 && info.Replicas[0].Current && info.Replicas[1].Current
	})
}

func (c *cluster) killNode() {
	c.play("kill -9 of a node", func() []int {
		c.nodes[1].kill(c.t)
		return []int{0, 2}
	}, func() { c.nodes[1].start(c.t) })
}

// upgradeNode ends a node gently and starts it, as for a new version.
func (c *cluster) upgradeNode() {
	c.play("a node is upgraded", func() []int {
		c.nodes[1].end(c.t)
		return []int{0, 2}
	}, func() { c.nodes[1].start(c.t) })
}

func (c *cluster) killServer() {
	c.whole()
	_, follows, _ := c.leader()
	c.kill("kill -9 of a NATS server", c.servers[follows])
}

func (c *cluster) killLeader() {
	c.whole()
	leads, _, _ := c.leader()
	c.kill("kill -9 of the stream's leader", c.servers[leads])
}

func (c *cluster) kill(scenario string, server *process) {
	c.play(scenario, func() []int {
		server.kill(c.t)
		return []int{0, 1, 2}
	}, func() { server.start(c.t) })
}

// splitMinority cuts a server off together with a node.
func (c *cluster) splitMinority() {
	c.whole()
	_, follows, _ := c.leader()
	c.cut("a split: a node with one server", []*host{c.servers[follows].host, c.nodes[2].host}, 0, 1)
}

// splitLeader cuts off the server that leads the stream.
func (c *cluster) splitLeader() {
	c.whole()
	leads, _, _ := c.leader()
	c.cut("a split: the stream's leader alone", []*host{c.servers[leads].host}, 0, 1, 2)
}

// splitLeaderWithNode cuts it off together with a node, which for a while does not
// know that others write.
func (c *cluster) splitLeaderWithNode() {
	c.whole()
	leads, _, _ := c.leader()
	c.cut("a split: a node with the stream's leader", []*host{c.servers[leads].host, c.nodes[2].host}, 0, 1)
}

// cut cuts hosts off while others go on writing.
func (c *cluster) cut(scenario string, hosts []*host, others ...int) {
	if !c.splits() {
		c.t.Logf("%s: left out, for hosts on the loopback cannot be cut off from each other", scenario)
		return
	}
	c.play(scenario, func() []int {
		c.split(c.t, hosts...)
		for i := range c.nodes { // readers are served everywhere
			_, _, err := c.clients[i].do(c.t.Context(), http.MethodGet, fmt.Sprintf("/api/v1/points/%d", c.year), nil)
			noError(c.t, err)
		}
		return others
	}, func() { c.heal(c.t, hosts...) })
}
