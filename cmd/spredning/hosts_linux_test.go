package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// host is a machine of a test: a network namespace or, where there can be none, an
// address on the loopback.
type host struct {
	name  string
	space string // network namespace; empty: none
	ip    string // where other hosts reach it
	seen  string // where the test reaches it, whatever the hosts can reach
	cable string // its end at the switch; empty: none
}

// network is hosts and two switches: those at the same one reach each other. The test
// is at the first, and reaches all hosts through a third besides.
type network struct {
	hosts            []*host
	one, other, test string
}

// newNetwork makes a network of hosts. Without the right to make namespaces they
// share the loopback.
func newNetwork(t *testing.T, names ...string) *network {
	t.Helper()
	n := &network{}
	if err := n.switches(t); err != nil {
		t.Logf("no network namespaces can be made here: %v", err)
		return loopback(names...)
	}
	for i, name := range names {
		n.plug(t, name, i+11)
	}
	return n
}

// loopback is hosts that cannot be cut off from each other.
func loopback(names ...string) *network {
	n := &network{}
	for i, a := range loopbacks(len(names)) {
		n.hosts = append(n.hosts, &host{name: names[i], ip: a, seen: a})
	}
	return n
}

// splits tells whether hosts can be cut off.
func (n *network) splits() bool { return n.one != "" }

// ip runs the program of that name.
func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// third is the third number of addresses of this run: 198.18.0.0/15 is for tests of
// networks (RFC 2544).
var third = rand.IntN(127) * 2

func (n *network) switches(t *testing.T) error {
	mark := fmt.Sprintf("sp%d", rand.IntN(1_000_000))
	n.one, n.other, n.test = mark+"a", mark+"b", mark+"t"
	for _, s := range []string{n.one, n.other, n.test} {
		if err := ip("link", "add", s, "type", "bridge"); err != nil {
			return err
		}
		t.Cleanup(func() { _ = ip("link", "del", s) })
		if err := ip("link", "set", s, "up"); err != nil {
			return err
		}
	}
	space := mark + "-probe"
	if err := ip("netns", "add", space); err != nil {
		return err
	}
	return firstError(ip("netns", "del", space),
		ip("addr", "add", fmt.Sprintf("198.18.%d.1/24", third), "dev", n.test),
		ip("addr", "add", fmt.Sprintf("198.18.%d.1/24", third+1), "dev", n.one))
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// plug makes a host with two cables: one to the other hosts, one to the test.
func (n *network) plug(t *testing.T, name string, last int) {
	t.Helper()
	h := &host{
		name: name, space: n.one + "-" + name, cable: n.one + name,
		ip: fmt.Sprintf("198.18.%d.%d", third+1, last), seen: fmt.Sprintf("198.18.%d.%d", third, last),
	}
	noError(t, ip("netns", "add", h.space))
	t.Cleanup(func() { _ = ip("netns", "del", h.space) })
	tests := n.test + name
	noError(t, firstError(
		ip("link", "add", h.cable, "type", "veth", "peer", "name", "hosts", "netns", h.space),
		ip("link", "add", tests, "type", "veth", "peer", "name", "test", "netns", h.space),
		ip("link", "set", h.cable, "master", n.one, "up"),
		ip("link", "set", tests, "master", n.test, "up"),
		ip("-n", h.space, "addr", "add", h.ip+"/24", "dev", "hosts"),
		ip("-n", h.space, "addr", "add", h.seen+"/24", "dev", "test"),
		ip("-n", h.space, "link", "set", "hosts", "up"),
		ip("-n", h.space, "link", "set", "test", "up"),
		ip("-n", h.space, "link", "set", "lo", "up"),
	))
	// A namespace may live on for a while, and its cables with it.
	t.Cleanup(func() { _, _ = ip("link", "del", h.cable), ip("link", "del", tests) })
	n.hosts = append(n.hosts, h)
}

// split moves hosts to the other switch: they reach each other, and none of the rest.
func (n *network) split(t *testing.T, hosts ...*host) {
	t.Helper()
	for _, h := range hosts {
		noError(t, ip("link", "set", h.cable, "master", n.other))
	}
}

// heal moves them back.
func (n *network) heal(t *testing.T, hosts ...*host) {
	t.Helper()
	for _, h := range hosts {
		noError(t, ip("link", "set", h.cable, "master", n.one))
	}
}

// process is a program on a host, which can be killed and started again.
type process struct {
	*host
	args []string
	said string // file of all that it ever said
	cmd  *exec.Cmd
}

func (h *host) process(dir string, args ...string) *process {
	return &process{host: h, args: args, said: filepath.Join(dir, h.name+".said")}
}

// start starts it; the test's end kills it.
func (p *process) start(t *testing.T) {
	t.Helper()
	args := p.args
	if p.space != "" {
		args = append([]string{"ip", "netns", "exec", p.space}, args...)
	}
	said, err := os.OpenFile(p.said, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	noError(t, err)
	defer said.Close()
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = said, said
	// Should the test itself be killed, nothing of it is left.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	noError(t, p.cmd.Start())
	cmd := p.cmd
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// kill ends it without a warning.
func (p *process) kill(t *testing.T) {
	t.Helper()
	noError(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
}

// end asks it to end, which it must do well.
func (p *process) end(t *testing.T) {
	t.Helper()
	noError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%s has not ended well: %s\n%s", p.name, err, p.tail())
	}
}

// tail gives the end of what it said.
func (p *process) tail() string {
	b, err := os.ReadFile(p.said)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(b), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

// until waits for something that is asked for now and then.
func until(t *testing.T, what string, most time.Duration, done func() bool) {
	t.Helper()
	for end := time.Now().Add(most); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
