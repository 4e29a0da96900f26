package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"spredning/ledger"
)

// The most memory that a node may have resident while it is treated like this, and more for
// each entry that it holds.
const (
	memory      = 192 << 20
	memoryCrowd = 512 << 20 // with 10,000 connections
	memoryEntry = 3 << 10
)

// times gives the rounds of the short form, or those of the long one.
func times(short, long int) int {
	if isLong() {
		return long
	}
	return short
}

// TestFaults has the real program, as a process of its own, suffer what may befall one node,
// while clients write and read. In each trial nothing that was acknowledged may be lost, no
// event be there twice, readers be served whenever there is a process to serve them, memory
// stay bounded, and the node recover by itself. With -v it ends with a table of what
// happened. The long form runs with SPREDNING_LONG=1.
func TestFaults(t *testing.T) {
	var trials errgroup.Group // not by t.Parallel, which has as many at a time as there are cores: most of them wait
	trials.SetLimit(4)
	for name, try := range map[string]func(*testing.T){
		"killed": killed, "stopped": stopped, "disk full": diskFull, "clock jumps": clockJumps,
		"power cut": powerCut, "disk read-only": diskReadOnly, "disk slow": diskSlow, "disk failing": diskFailing,
		"slow clients": slowClients, "idle connections": idleConnections, "malformed": malformed,
	} {
		trials.Go(func() error {
			t.Run(name, try)
			return nil
		})
	}
	noError(t, trials.Wait())
	t.Logf("what happened:\n%s", table())
}

// killed: kill -9 at any moment, also while it starts.
func killed(t *testing.T) {
	o := newTrial(t, folder(t))
	stop := o.load(32)
	for range times(3, 60) {
		if rand.IntN(3) == 0 {
			o.launch()
			time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
			if o.end(syscall.SIGKILL) == nil {
				t.Error("it ended well")
			}
		}
		o.start()
		o.serves(3)
		o.writes(1 + rand.IntN(1500))
		if o.end(syscall.SIGKILL) == nil {
			t.Error("it ended well")
		}
	}
	o.start()
	o.writes(100) // whoever was left without an answer gets one
	stop()
	o.finish(memory)
}

// stopped: SIGTERM under load. It ends well; every request is answered or was never taken.
func stopped(t *testing.T) {
	o := newTrial(t, folder(t))
	for range times(2, 20) {
		o.start()
		ctx, cancel := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		var mu sync.Mutex
		var cut [][]byte // events that were sent without an answer
		for range 64 {
			clients.Go(func() {
				for ctx.Err() == nil {
					raw := o.publication()
					status, body, err := o.post(raw)
					switch {
					case err != nil:
						mu.Lock()
						cut = append(cut, raw)
						mu.Unlock()
						return
					case status == http.StatusCreated:
						o.acknowledge(raw, body)
					default:
						t.Errorf("%d %s", status, body)
						return
					}
				}
			})
		}
		o.writes(1 + rand.IntN(1500))
		if err := o.end(syscall.SIGTERM); err != nil {
			t.Errorf("it ended with %v", err)
		}
		clients.Wait()
		cancel()
		o.start()
		for _, raw := range cut {
			status, body, err := o.post(raw)
			noError(t, err)
			if status != http.StatusCreated {
				t.Errorf("an event was taken, and its sender not answered: %d", status)
			}
			o.unknown++
			o.acknowledge(raw, body)
		}
		o.holds()
		noError(t, o.end(syscall.SIGTERM))
	}
	o.start()
	o.finish(memory)
}

// diskFull: no space, then space again; and started while there is none.
func diskFull(t *testing.T) {
	dir := folder(t)
	disk(t, dir, "-t", "tmpfs", "-o", "size=64m", "none")
	o := newTrial(t, dir)
	o.start()
	stop := o.load(8)
	ballast := filepath.Join(dir, "ballast")
	for round := range times(1, 10) {
		o.writes(50)
		for end := time.Now().Add(2500 * time.Millisecond); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			fill(t, ballast) // again: what is closed frees some
		}
		o.refuses()
		if round%2 == 1 {
			if o.end(syscall.SIGKILL) == nil {
				t.Error("it ended well")
			}
			fill(t, ballast)
			o.start()
			o.refuses()
		}
		o.serves(20)
		noError(t, os.Remove(ballast))
		o.heals()
		o.writes(50)
	}
	stop()
	o.finish(memory)
}

// powerCut: what the operating system had not written yet is gone.
func powerCut(t *testing.T) {
	o, mount := ext4(t)
	o.start()
	stop := o.load(16)
	for range times(2, 30) {
		o.writes(1 + rand.IntN(500))
		if o.up.Add(1); cutPower(o.dir) != nil {
			t.Skip("no file system can be shut down here")
		}
		if o.end(syscall.SIGKILL) == nil {
			t.Error("it ended well")
		}
		mount("umount")
		mount("mount", "-o", "loop", o.image)
		o.start()
	}
	o.writes(50)
	stop()
	o.finish(memory)
}

// diskReadOnly: an ext4 disk that the kernel makes read-only, as after an error; and a node
// that is started on a read-only disk, which is then made writable.
func diskReadOnly(t *testing.T) {
	o, mount := ext4(t)
	o.start()
	stop := o.load(8)
	for range times(1, 10) {
		o.writes(50)
		mount("mount", "-o", "remount,abort")
		o.refuses()
		o.serves(20)
		_ = o.end(os.Interrupt) // which may say that it could not write
		mount("umount")
		_ = exec.Command("e2fsck", "-p", o.image).Run() // says with its exit code that it has mended something
		mount("mount", "-o", "loop", o.image)
		mount("mount", "-o", "remount,ro")
		o.start()
		o.refuses()
		o.serves(20)
		mount("mount", "-o", "remount,rw")
		o.heals()
	}
	o.writes(50)
	stop()
	o.finish(memory)
}

// ext4 makes a ledger on a disk of its own, and gives what changes how that is mounted.
func ext4(t *testing.T) (o *trial, mount func(command string, args ...string)) {
	image, dir := filepath.Join(t.TempDir(), "image"), folder(t)
	noError(t, os.WriteFile(image, nil, 0o600))
	noError(t, os.Truncate(image, 64<<20))
	if out, err := exec.Command("mkfs.ext4", "-q", image).CombinedOutput(); err != nil {
		t.Skipf("no ext4 can be made here: %v: %s", err, out)
	}
	disk(t, dir, "-o", "loop", image)
	o = newTrial(t, dir)
	o.image = image
	return o, func(command string, args ...string) {
		t.Helper()
		if out, err := exec.Command(command, append(args, dir)...).CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v: %s", command, args, err, out)
		}
	}
}

// diskSlow: each sync takes its time; in the long form so long that nobody waits for it.
func diskSlow(t *testing.T) {
	o := newTrial(t, folder(t))
	o.start()
	stop := o.load(16)
	o.writes(50)
	fast := o.tamper("fsync,fdatasync:delay_exit=200000")
	o.writes(40)
	o.serves(40)
	fast()
	if isLong() {
		fast := o.tamper("fsync,fdatasync:delay_exit=15000000")
		o.refuses()
		o.serves(40)
		fast()
		o.heals()
	}
	o.writes(50)
	stop()
	o.finish(memory)
}

// diskFailing: each sync fails with an input/output error.
func diskFailing(t *testing.T) {
	o := newTrial(t, folder(t))
	o.start()
	stop := o.load(16)
	for range times(1, 10) {
		o.writes(50)
		good := o.tamper("fsync,fdatasync:error=EIO")
		o.refuses()
		o.serves(20)
		good()
		o.heals()
	}
	o.writes(50)
	stop()
	o.finish(memory)
}

// tamper has system calls of the running program go wrong, as strace's inject says, until
// it is called off.
func (o *trial) tamper(inject string) (stop func()) {
	o.t.Helper()
	calls, _, _ := strings.Cut(inject, ":")
	strace := exec.Command("strace", "-f", "-qq", "-o", os.DevNull, "-e", "trace="+calls, "-e", "inject="+inject, "-p", fmt.Sprint(o.running.Process.Pid))
	var said lockedBuffer
	strace.Stderr = &said
	if err := strace.Start(); err != nil {
		o.t.Skipf("no system call can go wrong here: %v", err)
	}
	stop = sync.OnceFunc(func() { _ = strace.Process.Signal(os.Interrupt); _ = strace.Wait() })
	o.t.Cleanup(stop)
	o.await("strace", func() bool {
		if said.String() != "" {
			o.t.Skipf("no system call can go wrong here: %s", said.String())
		}
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.running.Process.Pid))
		return err == nil && strings.Contains(string(b), fmt.Sprintf("TracerPid:\t%d\n", strace.Process.Pid))
	})
	return stop
}

// clockJumps: the node's clock is put forward and back. What is refused is refused for its
// time, what is accepted stays, and what waits for others expires and comes back.
func clockJumps(t *testing.T) {
	o := newTrial(t, folder(t))
	file := filepath.Join(t.TempDir(), "clock")
	o.program, o.env = "spredning-shifted", []string{clockFile + "=" + file}
	set := func(node, signers time.Duration) {
		temporary := file + ".new"
		writeFile(t, temporary, []byte(node.String()))
		noError(t, os.Rename(temporary, file))
		o.shift.Store(int64(signers))
	}
	const day = 24 * time.Hour
	set(0, 0)
	o.start()
	o.year(2026)
	link := o.invitation()
	o.opens(link, http.StatusOK)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reading := o.readers(ctx)
	for _, jump := range []time.Duration{0, 8 * day, 400 * day, -2 * time.Hour, -400 * day, -20 * 365 * day, 30 * 365 * day, 0} {
		for _, restarted := range []bool{false, true} {
			set(jump, jump)
			if restarted {
				noError(t, o.end(os.Interrupt))
				o.start()
			}
			o.deliver(o.publication())
			// One whose signer's clock goes with the old time, when the node's is far off.
			set(jump, 0)
			if jump > 30*day || jump < 0 {
				o.wrongTime()
			}
			want := http.StatusOK
			if jump >= 7*day {
				want = http.StatusNotFound
			}
			if restarted { // which makes the limit on tokens begin anew
				o.opens(link, want)
			}
		}
	}
	o.year(2027) // years follow each other in the ledger, whatever any clock says
	o.serves(20)
	cancel()
	reading.Wait()
	o.finish(memory)
}

// year opens a reporting year, and sees that it is open.
func (o *trial) year(year int) {
	o.t.Helper()
	o.deliver(o.sealed(demoAuthority.Orgnr, &ledger.YearOpening{Year: year}, o.authority))
	o.await("the year", func() bool { return o.status(fmt.Sprintf("/api/v1/points/%d", year)) == http.StatusOK })
}

// wrongTime sends what the node must refuse for its time alone.
func (o *trial) wrongTime() {
	o.t.Helper()
	raw := o.publication()
	status, body, err := o.post(raw)
	noError(o.t, err)
	var p struct{ Code string }
	if err := json.Unmarshal(body, &p); err != nil || status != http.StatusUnprocessableEntity || p.Code != "clock" {
		o.t.Errorf("an event of another time: %d %s", status, body)
	}
	o.forget(raw)
}

// slowClients: who sends a byte a second, in the headers or the body, is cut off; a good
// client is served meanwhile.
func slowClients(t *testing.T) {
	o := newTrial(t, folder(t))
	o.start()
	stop := o.load(4)
	raw := o.publication()
	o.forget(raw)
	head := fmt.Sprintf("POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(raw))
	slow := func(at string) (connections []net.Conn) {
		for range times(100, 1000) {
			c, err := o.dial()
			noError(t, err)
			_, err = c.Write([]byte(at))
			noError(t, err)
			connections = append(connections, c)
			go func() { // a byte a second, until it is cut off
				for i := 0; ; i++ {
					if _, err := c.Write([]byte{"a"[0]}); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
		}
		return connections
	}
	headers, bodies := slow("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "), slow(head)
	o.serves(50)
	o.writes(50)
	cutOff := func(what string, all []net.Conn) {
		for _, c := range all {
			if err := waitClosed(c, time.Minute); err != nil {
				t.Fatalf("who is slow with %s is not cut off: %v", what, err)
			}
			c.Close()
		}
	}
	cutOff("headers", headers)
	if isLong() {
		cutOff("bodies", bodies)
	}
	for _, c := range bodies {
		c.Close()
	}
	o.serves(50)
	o.writes(50)
	stop()
	o.finish(memory)
}

// idleConnections: very many that say nothing, and as many that have asked once and stay;
// also where the process may have fewer files open than that.
func idleConnections(t *testing.T) {
	crowded(t, "spredning-few", memory)
	if isLong() {
		crowded(t, "spredning", memoryCrowd)
	}
}

func crowded(t *testing.T, program string, memory int64) {
	o := newTrial(t, folder(t))
	o.program = program
	o.start()
	stop := o.load(4)
	all := make([]net.Conn, times(3_000, 10_000))
	defer func() {
		for _, c := range all {
			if c != nil {
				c.Close()
			}
		}
	}()
	end := time.Now().Add(90 * time.Second)
	var crowd errgroup.Group
	crowd.SetLimit(1000) // more than there is room for: those who ask in between are to be heard all the same
	for i := range all {
		crowd.Go(func() (err error) {
			if time.Now().After(end) {
				return fmt.Errorf("waited in vain for connections to be taken: %d were", i)
			}
			if all[i], err = o.dial(); err == nil && i%2 == 0 {
				_, _ = all[i].Write([]byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
			}
			return err
		})
	}
	err := crowd.Wait()
	if errors.Is(err, syscall.EMFILE) {
		t.Skipf("fewer than %d files may be open here at the same time (ulimit -n)", len(all))
	}
	noError(t, err)
	o.serves(50)
	o.writes(50)
	stop()
	o.name += ", " + program
	o.finish(memory)
}

// malformed: requests that are none, or say nothing sensible.
func malformed(t *testing.T) {
	o := newTrial(t, folder(t))
	o.start()
	stop := o.load(4)
	good := o.publication()
	o.forget(good)
	kinds := badRequests(good)
	var clients sync.WaitGroup
	var answered [6]atomic.Int64 // by the first digit of the status; 0: the connection was closed
	const senders = 16
	for sender := range senders {
		clients.Go(func() {
			dice := rand.New(rand.NewPCG(1, uint64(sender)))
			for range times(10_000, 100_000) / senders {
				answered[o.hurl(kinds[dice.IntN(len(kinds))](dice))].Add(1)
			}
		})
	}
	clients.Wait()
	o.serves(20)
	o.writes(20)
	if answered[2].Load() > 0 || answered[5].Load() > 0 || answered[4].Load() == 0 {
		t.Errorf("malformed requests were answered with 2xx, 4xx, 5xx: %d, %d, %d", answered[2].Load(), answered[4].Load(), answered[5].Load())
	}
	stop()
	o.finish(memory)
}

// badRequests are kinds of requests that are malformed, each drawn anew.
func badRequests(good []byte) []func(*rand.Rand) string {
	post := func(path string, body []byte) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", path, len(body), body)
	}
	get := func(path string) string {
		return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
	}
	noise := func(r *rand.Rand, n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.UintN(256))
		}
		return b
	}
	return []func(*rand.Rand) string{
		func(r *rand.Rand) string { return string(noise(r, 1+r.IntN(300))) + "\r\n\r\n" },
		func(r *rand.Rand) string { return post("/api/v1/events", noise(r, r.IntN(4000))) },
		func(r *rand.Rand) string { return post("/api/v1/events", good[:r.IntN(len(good))]) },
		func(r *rand.Rand) string { // one byte is another
			b := bytes.Clone(good)
			b[r.IntN(len(b))] ^= byte(1 + r.UintN(255))
			return post("/api/v1/events", b)
		},
		func(r *rand.Rand) string {
			return post("/api/v1/events", []byte(strings.Repeat("[", 1+r.IntN(40_000))))
		},
		func(r *rand.Rand) string { return post("/api/v1/events", make([]byte, 33<<10+r.IntN(100_000))) },
		func(r *rand.Rand) string { return post("/api/v1/drafts", noise(r, r.IntN(2000))) },
		func(r *rand.Rand) string {
			return post("/api/v1/simulations", []byte(`{"rules":`+string(noise(r, 50))))
		},
		func(r *rand.Rand) string { return post("/api/v1/innovations/similar", noise(r, r.IntN(2000))) },
		func(r *rand.Rand) string { return post("/api/v1/invitations/use", noise(r, r.IntN(2000))) },
		func(r *rand.Rand) string { return get("/api/v1/innovations?limit=" + fmt.Sprint(-1-r.IntN(1000))) },
		func(r *rand.Rand) string { return get("/api/v1/points/" + fmt.Sprintf("%x", noise(r, 40))) },
		func(r *rand.Rand) string { return get("/log/tile/" + strings.Repeat("../", r.IntN(20)) + "keys/log") },
		func(r *rand.Rand) string { return get("/" + fmt.Sprintf("%x", noise(r, 4000+r.IntN(8000)))) },
		func(r *rand.Rand) string {
			return "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("a", 30_000+r.IntN(30_000)) + "\r\nConnection: close\r\n\r\n"
		},
		func(r *rand.Rand) string {
			return "POST /api/v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n" + string(noise(r, 20)) + "\r\n"
		},
		func(r *rand.Rand) string {
			return fmt.Sprintf("PUT /api/v1/attachments/%x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", noise(r, 32))
		},
	}
}

// hurl sends bytes and gives the first digit of the answer's status; 0: there is none.
func (o *trial) hurl(request string) int {
	c, err := o.dial()
	if err != nil {
		return 0
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	_, _ = c.Write([]byte(request))
	_ = c.(*net.TCPConn).CloseWrite()
	var status [12]byte
	n, _ := c.Read(status[:])
	if n < 10 || string(status[:7]) != "HTTP/1." {
		return 0
	}
	return int(status[9] - '0')
}
