package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
	"spredning/ledger"
)

// clockFile names, for the program shifted, the file that its clock is put forward by.
const clockFile = "SPREDNING_TEST_CLOCK"

// shifted is the program with a clock that can be put forward and back: the duration in a
// file is added to the time.
func shifted() {
	e := environment()
	e.now = func() time.Time {
		b, err := os.ReadFile(os.Getenv(clockFile))
		if err != nil {
			panic(err)
		}
		by, err := time.ParseDuration(string(b))
		if err != nil {
			panic(err)
		}
		return time.Now().Add(by)
	}
	os.Exit(Main(e))
}

const (
	trialOrigin   = "spredning.example/faults"
	trialHospital = ledger.Orgnr("983974724") // Helse Bergen HF
)

// trial is a ledger that the real program serves, as a process of its own, while
// something happens to it; and what clients were told.
type trial struct {
	t         testing.TB
	name      string
	dir       string
	image     string // file of the disk that the folder is, if it is one
	address   string
	program   string   // spredning, or a variant of TestMain's
	flags     []string // for serve, beside the usual
	env       []string
	client    *http.Client
	authority *keys.Private
	hospital  *keys.Private
	logKey    string
	shift     atomic.Int64 // of the signers' clock, in nanoseconds

	running *exec.Cmd
	said    *lockedBuffer // what the running program said
	up      atomic.Int64  // odd while it is meant to answer; grows with every start and end

	mu       sync.Mutex
	sent     map[[sha256.Size]byte]bool // entries that clients have sent, and sent until they knew
	receipts []ledger.Receipt
	account
}

// account is what happened.
type account struct {
	acknowledged int // receipts
	refused      int // answers 503 or 429
	unknown      int // events whose outcome was not known at first: no answer, or a 503
	stood        int // of those, were in the ledger when sent again
	reads        int // good answers to readers
	starts       int
	lost         int
	peak         int64 // most memory that a process ever had resident, in bytes
}

// newTrial founds a ledger in a folder, with one hospital that reports.
func newTrial(t testing.TB, dir string) *trial {
	t.Helper()
	address, err := freeAddress()
	noError(t, err)
	o := &trial{
		t: t, name: t.Name()[strings.LastIndex(t.Name(), "/")+1:], dir: dir, address: address, program: "spredning", sent: map[[sha256.Size]byte]bool{},
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 100}},
	}
	t.Cleanup(o.client.CloseIdleConnections)
	e := &env{in: os.Stdin, out: io.Discard, err: io.Discard, lang: "nb"}
	logKey, err := e.keyOr(logKeyFile(dir), trialOrigin, nil)
	noError(t, err)
	o.authority, err = keys.Generate()
	noError(t, err)
	o.hospital, err = keys.Generate()
	noError(t, err)
	n, err := openNode(t.Context(), nodeConfig{dir: dir, origin: trialOrigin, logKey: logKey, now: time.Now, logger: quiet(io.Discard)})
	noError(t, err)
	defer n.close()
	o.logKey = n.logKey.String()
	illustrative := true
	measured := 2003
	for _, d := range []ledger.Data{
		&ledger.Founding{Name: "Feil", Illustrative: &illustrative, Authority: demoAuthority, Keys: []ledger.Key{enrolment(o.authority.Public, "admin", ledger.Admin)}, LogKey: o.logKey},
		&ledger.Registration{Organisation: ledger.Organisation{Orgnr: trialHospital, Name: "Helse Bergen HF", Short: "Bergen", Kind: ledger.KindHF, Region: "Helse Vest", MeasuredFrom: &measured}},
		&ledger.Enrolment{Organisation: trialHospital, Key: enrolment(o.hospital.Public, "rådgiver", ledger.Admin, ledger.Report)},
	} {
		_, _, err := n.ledger.Submit(t.Context(), o.sealed(demoAuthority.Orgnr, d, o.authority))
		noError(t, err)
	}
	return o
}

// sealed gives the bytes of a new event, dated by the signers' clock.
func (o *trial) sealed(by ledger.Orgnr, d ledger.Data, key *keys.Private) []byte {
	at := time.Now().Add(time.Duration(o.shift.Load()))
	payload, err := newEvent(trialOrigin, by, at, d).Encode()
	if err != nil {
		panic(err)
	}
	envelope, err := keys.Seal(payload, key)
	if err != nil {
		panic(err)
	}
	raw := envelope.Encode()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent[sha256.Sum256(raw)] = true
	return raw
}

// publication is a new innovation of the hospital's.
func (o *trial) publication() []byte {
	no, title, summary := false, "Digital oppfølging", "Pasienter følges opp hjemme."
	return o.sealed(trialHospital, &ledger.Publication{Innovation: ledger.Innovation{
		Title: ledger.Text{NB: &title}, Summary: ledger.Text{NB: &summary}, Kind: "service",
		Originators: []ledger.Originator{{Orgnr: trialHospital, Share: 1000}}, Funding: []ledger.Funding{ledger.Own},
		RegionalInitiative: &no, InUseSince: "2024-01-01",
	}}, o.hospital)
}

// start starts the program and waits until it answers.
func (o *trial) start() {
	o.t.Helper()
	o.launch()
	o.await("the server to answer", func() bool { return o.status("/healthz") == http.StatusOK })
	o.up.Add(1)
}

// launch starts the program, and does not wait.
func (o *trial) launch() {
	o.t.Helper()
	o.said = new(lockedBuffer)
	o.running = exec.Command(o.program, append([]string{"serve", "--data", o.dir, "--listen", o.address, "--read-rate", "0", "--write-rate", "0"}, o.flags...)...)
	o.running.Env = append(os.Environ(), o.env...)
	o.running.Stdout, o.running.Stderr = o.said, o.said
	noError(o.t, o.running.Start())
	o.starts++
	running := o.running
	o.t.Cleanup(func() { _ = running.Process.Kill(); _ = running.Wait() })
}

// end ends the program with a signal, and gives what it ended with.
func (o *trial) end(how os.Signal) error {
	o.t.Helper()
	if o.up.Load()%2 == 1 {
		o.up.Add(1)
	}
	o.measure()
	noError(o.t, o.running.Process.Signal(how))
	return o.running.Wait()
}

// measure takes down the most memory that the process has had.
func (o *trial) measure() {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.running.Process.Pid))
	if err != nil {
		return // no Linux
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			noError(o.t, err)
			o.peak = max(o.peak, kb<<10)
		}
	}
}

// await waits until something is so.
func (o *trial) await(what string, done func() bool) {
	o.t.Helper()
	for end := time.Now().Add(90 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if o.t.Failed() {
			o.t.FailNow() // by those who read and write, who have stopped
		}
		if time.Now().After(end) {
			o.t.Fatalf("waited in vain for %s; the server said\n%s", what, o.said)
		}
	}
}

func (o *trial) url(path string) string { return "http://" + o.address + path }

// status reads an address; 0: there is no answer.
func (o *trial) status(path string) int {
	status, _ := o.look(path)
	return status
}

// look reads an address, and gives the status of a whole answer.
func (o *trial) look(path string) (status int, err error) {
	resp, err := o.client.Get(o.url(path))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, err
	}
	return resp.StatusCode, nil
}

// read gives what is at an address, which must be had.
func (o *trial) read(path string) []byte {
	o.t.Helper()
	resp, err := o.client.Get(o.url(path))
	noError(o.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	noError(o.t, err)
	if resp.StatusCode != http.StatusOK {
		o.t.Fatalf("%s: %d %s", path, resp.StatusCode, b)
	}
	return b
}

// readers read until stopped. While the server is meant to answer, each must be served.
func (o *trial) readers(ctx context.Context) (done *sync.WaitGroup) {
	done = new(sync.WaitGroup)
	for _, path := range []string{"/api/v1/status", "/api/v1/events/0/receipt", "/log/checkpoint", "/log/tile/0/000.p/2", "/api/v1/innovations?limit=3", "/foretak", "/healthz"} {
		done.Go(func() {
			for ctx.Err() == nil {
				before := o.up.Load()
				status, err := o.look(path)
				if status == http.StatusOK {
					o.count(&o.reads)
				} else if before%2 == 1 && o.up.Load() == before {
					o.t.Errorf("a reader of %s is not served: %d, %v; the server said\n%s", path, status, err, o.said)
					return
				}
				time.Sleep(time.Duration(5+rand.IntN(50)) * time.Millisecond)
			}
		})
	}
	return done
}

func (o *trial) count(n *int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	*n++
}

func (o *trial) read1(n *int) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return *n
}

// writers write until stopped, each until it knows what became of its last event.
func (o *trial) writers(ctx context.Context, n int) (done *sync.WaitGroup) {
	done = new(sync.WaitGroup)
	for range n {
		done.Go(func() {
			for ctx.Err() == nil && o.deliver(o.publication()) {
				time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
			}
		})
	}
	return done
}

// load has writers and readers at work until stop is called.
func (o *trial) load(writers int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	writing, reading := o.writers(ctx, writers), o.readers(ctx)
	stop = sync.OnceFunc(func() { cancel(); writing.Wait(); reading.Wait() })
	o.t.Cleanup(stop)
	return stop
}

// deliver sends an event again and again until its outcome is known.
func (o *trial) deliver(raw []byte) bool {
	unknown := false
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end) && !o.t.Failed(); time.Sleep(20 * time.Millisecond) {
		status, body, err := o.post(raw)
		switch {
		case err != nil || status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
			if err == nil {
				o.count(&o.refused)
			}
			if !unknown {
				unknown = true
				o.count(&o.unknown)
			}
		case status == http.StatusCreated || status == http.StatusOK && unknown:
			if status == http.StatusOK {
				o.count(&o.stood)
			}
			return o.acknowledge(raw, body)
		default:
			o.t.Errorf("the answer to a good event is %d %s", status, body)
			return false
		}
	}
	if o.t.Failed() {
		return false
	}
	o.t.Errorf("nobody can tell what became of an event; the server said\n%s", o.said)
	return false
}

// acknowledge keeps a receipt.
func (o *trial) acknowledge(raw, body []byte) bool {
	r, err := ledger.ParseReceipt(body)
	if err != nil || !bytes.Equal(r.Entry, raw) {
		o.t.Errorf("the receipt is of something else, or none: %v", err)
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.acknowledged++
	o.receipts = append(o.receipts, r)
	return true
}

// post sends an event once. A refusal must be a problem that says when to come back.
func (o *trial) post(raw []byte) (status int, body []byte, err error) {
	resp, err := o.client.Post(o.url("/api/v1/events"), "application/json", bytes.NewReader(raw))
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		return 0, nil, err
	}
	var p struct{ Code string }
	if resp.StatusCode >= 500 {
		if err := json.Unmarshal(body, &p); err != nil || p.Code != "unavailable" || resp.Header.Get("Retry-After") == "" {
			o.t.Errorf("%d with Retry-After %q and %s", resp.StatusCode, resp.Header.Get("Retry-After"), body)
		}
	}
	return resp.StatusCode, body, nil
}

// writes waits until so many more events have been acknowledged.
func (o *trial) writes(more int) {
	o.t.Helper()
	want := o.read1(&o.acknowledged) + more
	o.await("more receipts", func() bool { return o.read1(&o.acknowledged) >= want })
}

// serves waits until readers have been served so often again.
func (o *trial) serves(more int) {
	o.t.Helper()
	want := o.read1(&o.reads) + more
	o.await("readers to be served", func() bool { return o.read1(&o.reads) >= want })
}

// refuses waits until writes are refused, and go on being so.
func (o *trial) refuses() {
	o.t.Helper()
	o.await("writes to be unavailable", func() bool { return o.status("/readyz") == http.StatusServiceUnavailable })
	want := o.read1(&o.refused) + 5
	o.await("writes to be refused", func() bool { return o.read1(&o.refused) >= want })
}

// heals waits until the server is ready again.
func (o *trial) heals() {
	o.t.Helper()
	o.await("the server to heal", func() bool { return o.status("/readyz") == http.StatusOK })
}

// holds checks what clients were told against what the log holds: every receipt is of what
// stands there, under a checkpoint of the same tree; and every event that was ever sent is
// there, once. Nobody is writing meanwhile.
func (o *trial) holds() {
	o.t.Helper()
	entries := o.entries()
	var hashes []tlog.Hash
	tree := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
		for _, i := range at {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	there := map[[sha256.Size]byte]int{}
	for i, e := range entries {
		more, err := tlog.StoredHashes(int64(i), e, tree)
		noError(o.t, err)
		hashes = append(hashes, more...)
		there[sha256.Sum256(e)]++
	}
	checked := map[string]bool{}
	for _, r := range o.receipts {
		if r.Index >= int64(len(entries)) || !bytes.Equal(entries[r.Index], r.Entry) {
			o.lost++
			continue
		}
		if key := string(r.Checkpoint); !checked[key] {
			checked[key] = true
			_, _, err := r.Verify(o.logKey)
			noError(o.t, err)
			c, err := ledger.OpenCheckpoint(r.Checkpoint, o.logKey)
			noError(o.t, err)
			root, err := tlog.TreeHash(c.Size, tree)
			noError(o.t, err)
			if root != c.Root {
				o.t.Errorf("a receipt has a checkpoint of %d entries that is of another tree", c.Size)
			}
		}
	}
	if o.lost > 0 {
		o.t.Errorf("%d of %d acknowledged events are lost", o.lost, len(o.receipts))
	}
	for sum := range o.sent {
		if there[sum] != 1 {
			o.t.Errorf("an event stands in the ledger %d times", there[sum])
		}
	}
}

// entries reads the ledger.
func (o *trial) entries() (all [][]byte) {
	o.t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(o.read("/api/v1/events")))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		all = append(all, bytes.Clone(lines.Bytes()))
	}
	noError(o.t, lines.Err())
	return all
}

// finish ends the trial: all that was acknowledged is there, the ledger takes one more
// event, an audit of what it left on disk finds nothing wrong, and it took no more memory
// than that.
func (o *trial) finish(memory int64) {
	o.t.Helper()
	o.heals()
	o.holds()
	memory += int64(len(o.sent)) * memoryEntry
	o.deliver(o.publication())
	noError(o.t, o.end(os.Interrupt))
	e := &env{in: os.Stdin, out: io.Discard, err: io.Discard, lang: "nb"}
	d, err := e.audit(context.Background(), auditing{place: o.dir, logKey: o.logKey, state: filepath.Join(o.t.TempDir(), "audited.json")})
	noError(o.t, err)
	if !d.Good || d.err() != nil {
		o.t.Errorf("the audit of what is left: %+v", d.Findings)
	}
	if o.peak > memory && !raceEnabled {
		o.t.Errorf("the server had %d MiB resident, more than %d", o.peak>>20, memory>>20)
	}
	o.told(fmt.Sprintf("< %d MiB", memory>>20))
}

// accounts are the rows of the table that TestFaults ends with.
var accounts struct {
	sync.Mutex
	rows []string
}

// told adds a row to the table.
func (o *trial) told(bound string) {
	accounts.Lock()
	defer accounts.Unlock()
	accounts.rows = append(accounts.rows, fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d MiB\t%s",
		o.name, o.starts, o.acknowledged, o.refused, o.unknown, o.stood, o.lost, o.reads, o.peak>>20, bound))
}

// table shows what happened.
func table() string {
	accounts.Lock()
	defer accounts.Unlock()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "fault\tstarts\tacknowledged\trefused\tunknown at first\tof them, were there\tlost\treads\tpeak memory\tbound\t")
	for _, r := range accounts.rows {
		fmt.Fprintln(w, r+"\t")
	}
	noErrorOf(w.Flush())
	return b.String()
}

func noErrorOf(err error) {
	if err != nil {
		panic(err)
	}
}

// disk makes a folder a disk of its own; options are those of mount.
func disk(t testing.TB, dir string, options ...string) {
	t.Helper()
	noError(t, os.MkdirAll(dir, 0o755))
	if out, err := exec.Command("mount", append(options, dir)...).CombinedOutput(); err != nil {
		t.Skipf("a disk cannot be mounted here (that takes root on Linux): %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "--lazy", dir).Run() })
}

// fill takes all the space there is left.
func fill(t testing.TB, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	noError(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

// dial opens a connection that says nothing by itself.
func (o *trial) dial() (net.Conn, error) {
	return net.DialTimeout("tcp", o.address, 30*time.Second)
}

var errOpen = errors.New("it is still open")

// waitClosed reads from a connection until the other side closes it.
func waitClosed(c net.Conn, wait time.Duration) error {
	noErrorOf(c.SetReadDeadline(time.Now().Add(wait)))
	_, err := io.Copy(io.Discard, c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errOpen
	}
	return nil
}

func folder(t testing.TB) string { return filepath.Join(t.TempDir(), "data") }

// forget takes an event back that is not meant to be in the ledger.
func (o *trial) forget(raw []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.sent, sha256.Sum256(raw))
}

// invitation has the hospital invite somebody to make a key, and gives the token.
func (o *trial) invitation() (token string) {
	o.t.Helper()
	token = newToken()
	sum := sha256.Sum256([]byte(token))
	c := &client{o.url(""), o.client}
	_, err := c.invite(context.Background(), ledger.InviteRequest{
		Ledger: trialOrigin, Organisation: trialHospital, Roles: []ledger.Role{ledger.Report}, Label: "rådgiver",
		TokenSHA256: hex.EncodeToString(sum[:]), At: time.Now().UTC().Format(time.RFC3339),
	}, o.hospital)
	noError(o.t, err)
	return token
}

// opens asks what a token is an invitation to.
func (o *trial) opens(token string, want int) {
	o.t.Helper()
	resp, err := o.client.Post(o.url("/api/v1/invitations/open"), "application/json", strings.NewReader(`{"token":"`+token+`"}`))
	noError(o.t, err)
	_ = resp.Body.Close()
	if resp.StatusCode != want {
		o.t.Errorf("an invitation's token gives %d, want %d", resp.StatusCode, want)
	}
}

// now is the clock of a node.
func (o *trial) now() time.Time { return time.Now() }
