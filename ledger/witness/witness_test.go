package witness_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger"
	"spredning/ledger/witness"
)

// TestAddCheckpoint goes through every answer of c2sp.org/tlog-witness. The
// witness has seen 5 entries of a log of 9.
func TestAddCheckpoint(t *testing.T) {
	t.Parallel()
	log := newTree(t, origin, 1).growTo(9, "a")
	other := newTree(t, "elsewhere.example", 2).growTo(9, "a")
	impostor := newTree(t, origin, 3).growTo(9, "a")
	fork := newTree(t, origin, 1).growTo(9, "b")
	good := log.request(5, 9)
	with := func(change func(*witness.Request)) []byte {
		r := good
		r.Proof = append(tlog.TreeProof(nil), good.Proof...)
		change(&r)
		return r.Encode()
	}
	for name, c := range map[string]struct {
		body   []byte
		status int
		answer string // exact for 409, a part else
	}{
		"grown":                {good.Encode(), 200, "— witness.example/w "},
		"the same again":       {log.request(5, 5).Encode(), 200, "— witness.example/w "},
		"signed by others too": {with(func(r *witness.Request) { r.Checkpoint = append(r.Checkpoint, impostorLine(impostor.at(9))...) }), 200, "— witness.example/w "},
		"no body":              {nil, 400, "first line"},
		"no old":               {with(func(r *witness.Request) { r.Old = -1 }), 400, "first line"},
		"no checkpoint":        {with(func(r *witness.Request) { r.Checkpoint = nil }), 400, "checkpoint is missing"},
		"no note":              {with(func(r *witness.Request) { r.Checkpoint = []byte("hello\n") }), 400, "no signed note"},
		"no tree head": {with(func(r *witness.Request) {
			r.Checkpoint = bytes.Replace(r.Checkpoint, []byte("\n9\n"), []byte("\n09\n"), 1)
		}), 400, "form of c2sp.org/tlog-checkpoint"},
		"too long a proof": {with(func(r *witness.Request) { r.Proof = make(tlog.TreeProof, 64) }), 400, "more than 63"},
		"too long":         {append(good.Encode(), bytes.Repeat([]byte("x"), 1<<20)...), 400, "longer than"},
		"old above size":   {with(func(r *witness.Request) { r.Old = 10 }), 400, "old size 10 is larger"},
		"another log":      {other.request(0, 9).Encode(), 404, "does not watch the log elsewhere.example"},
		"another key":      {impostor.request(5, 9).Encode(), 403, "none of the log's keys"},
		"signature changed": {with(func(r *witness.Request) {
			r.Checkpoint = bytes.Replace(r.Checkpoint, []byte("\n9\n"), []byte("\n8\n"), 1)
		}), 403, "none of the log's keys"},
		"old behind":            {log.request(4, 9).Encode(), 409, "5\n"},
		"old ahead":             {log.request(6, 9).Encode(), 409, "5\n"},
		"old zero":              {log.request(0, 9).Encode(), 409, "5\n"},
		"shrunk":                {log.request(4, 4).Encode(), 409, "5\n"},
		"another root":          {fork.request(5, 5).Encode(), 409, "5\n"},
		"no proof":              {with(func(r *witness.Request) { r.Proof = nil }), 422, "not proved"},
		"another proof":         {with(func(r *witness.Request) { r.Proof[1][3] ^= 1 }), 422, "not proved"},
		"a hash too many":       {with(func(r *witness.Request) { r.Proof = append(r.Proof, r.Proof[0]) }), 422, "not proved"},
		"a fork":                {fork.request(5, 9).Encode(), 422, "not proved"},
		"proof to the same":     {witness.Request{Old: 5, Proof: good.Proof[:1], Checkpoint: log.at(5)}.Encode(), 422, "not proved"},
		"old and extra newline": {bytes.Replace(good.Encode(), []byte("\n\n"), []byte("\n\n\n"), 1), 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "witness.example/w", 50, log.key.String())
			if g := s.post(log.request(0, 5).Encode()); g.status != 200 {
				t.Fatalf("the first: %+v", g)
			}
			before := s.get("/" + origin + "/checkpoint").body
			g := s.post(c.body)
			if g.status != c.status || !strings.Contains(g.body, c.answer) {
				t.Fatalf("got %d %q, want %d %q", g.status, g.body, c.status, c.answer)
			}
			if g.status == 409 && (g.body != c.answer || g.kind != "text/x.tlog.size") {
				t.Errorf("a conflict is %q as %s", g.body, g.kind)
			}
			after := s.get("/" + origin + "/checkpoint").body
			if g.status != 200 {
				if after != before {
					t.Errorf("refused, and yet shown:\n%s", after)
				}
				return
			}
			r, err := witness.ParseRequest(c.body)
			noError(t, err)
			if age := time.Since(s.cosigned(r.Checkpoint, g.body)); age < -time.Minute || age > time.Minute {
				t.Errorf("cosigned %s ago", age)
			}
			if !strings.HasSuffix(after, g.body) {
				t.Errorf("shown is\n%s", after)
			}
		})
	}
}

// impostorLine is the signature line of a checkpoint.
func impostorLine(signed []byte) []byte {
	return signed[bytes.Index(signed, []byte("\n\n"))+2:]
}

// The first request about a log comes from nothing.
func TestFirstCheckpoint(t *testing.T) {
	t.Parallel()
	log := newTree(t, origin, 1).growTo(3, "a")
	for name, c := range map[string]struct {
		request witness.Request
		status  int
	}{
		"some entries":          {log.request(0, 3), 200},
		"none":                  {log.request(0, 0), 200},
		"none with a root":      {witness.Request{Checkpoint: log.sign(0, tlog.Hash{1})}, 422},
		"a proof from nothing":  {witness.Request{Proof: make(tlog.TreeProof, 1), Checkpoint: log.at(3)}, 422},
		"the witness forgot it": {log.request(2, 3), 409},
	} {
		s := newServer(t, "witness.example/w", 50, log.key.String())
		if g := s.post(c.request.Encode()); g.status != c.status || c.status == 409 && g.body != "0\n" {
			t.Errorf("%s: got %+v, want %d", name, g, c.status)
		}
	}
	s := newServer(t, "witness.example/w", 50, log.key.String())
	if g := s.get("/" + origin + "/checkpoint"); g.status != 404 {
		t.Errorf("nothing seen, and yet %+v", g)
	}
}

// What was cosigned is on disk before the answer: a crash before it is sent costs
// no more than asking again.
func TestCrashBeforeAnswer(t *testing.T) {
	t.Parallel()
	log := newTree(t, origin, 1).growTo(9, "a")
	s := newServer(t, "witness.example/w", 50, log.key.String())
	_, err := s.AddCheckpoint(log.request(0, 5)) // and nobody gets the answer
	noError(t, err)
	noError(t, os.WriteFile(filepath.Join(s.dir, "logs", "torn.json.tmp"), []byte("{"), 0o600))
	s.reopen()
	if g := s.post(log.request(0, 5).Encode()); g.status != 409 || g.body != "5\n" {
		t.Fatalf("after the crash: %+v", g)
	}
	if g := s.post(log.request(5, 5).Encode()); g.status != 200 {
		t.Fatalf("the same again: %+v", g)
	}
	fork := newTree(t, origin, 1).growTo(9, "b")
	if g := s.post(fork.request(0, 5).Encode()); g.status != 409 {
		t.Fatalf("another history: %+v", g)
	}
	if g := s.post(log.request(5, 9).Encode()); g.status != 200 {
		t.Fatalf("growing: %+v", g)
	}
}

// What cannot be kept is not cosigned.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	log := newTree(t, origin, 1).growTo(9, "a")
	s := newServer(t, "witness.example/w", 50, log.key.String())
	noError(t, os.WriteFile(filepath.Join(s.dir, "logs"), nil, 0o600)) // where the folder should be
	if g := s.post(log.request(0, 5).Encode()); g.status != 500 || strings.Contains(g.body, "—") {
		t.Fatalf("got %+v", g)
	}
	noError(t, os.Remove(filepath.Join(s.dir, "logs")))
	if g := s.post(log.request(0, 4).Encode()); g.status != 200 {
		t.Fatalf("after healing: %+v", g)
	}
}

// A witness that cannot read what it has cosigned does not go on.
func TestDamagedState(t *testing.T) {
	t.Parallel()
	log := newTree(t, origin, 1).growTo(9, "a")
	for name, damage := range map[string]func(b []byte) []byte{
		"cut":       func(b []byte) []byte { return b[:len(b)/2] },
		"empty":     func([]byte) []byte { return nil },
		"other log": func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(origin), []byte("x.example")) },
		"no size":   func(b []byte) []byte { return bytes.Replace(b, []byte(`\n5\n`), []byte(`\nx\n`), 1) },
		"other note": func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"checkpoint": "`), []byte(`"checkpoint": "x`), 1)
		},
	} {
		s := newServer(t, "witness.example/w", 50, log.key.String())
		_, err := s.AddCheckpoint(log.request(0, 5))
		noError(t, err)
		path := filepath.Join(s.dir, "logs", "spredning.example%2Ftest.json")
		b, err := os.ReadFile(path)
		noError(t, err)
		noError(t, os.WriteFile(path, damage(b), 0o600))
		if _, err := witness.Open(s.config()); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of any two that contradict each other at most one is cosigned, whoever asks at
// the same time.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	base := newTree(t, origin, 1).growTo(5, "a")
	s := newServer(t, "witness.example/w", 50, base.key.String())
	_, err := s.AddCheckpoint(base.request(0, 5))
	noError(t, err)
	var all sync.WaitGroup
	var mu sync.Mutex
	var won []*tree
	for i := range 24 {
		fork := base.fork().growTo(6+int64(i%3), fmt.Sprintf("fork%d-", i))
		request := fork.request(5, fork.size)
		all.Go(func() {
			if _, err := s.AddCheckpoint(request); err == nil {
				mu.Lock()
				defer mu.Unlock()
				won = append(won, fork)
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Fatalf("%d forks were cosigned", len(won))
	}
	// One log that grows, asked for by many: all cosigned are of it, the newest is last.
	log := won[0].growTo(40, "z")
	for i := log.size - 34; i <= log.size; i++ {
		all.Go(func() {
			for old := int64(0); ; {
				_, err := s.AddCheckpoint(log.request(old, i))
				conflict, ok := err.(*witness.ConflictError)
				if !ok || conflict.Size > i {
					return
				}
				old = conflict.Size
			}
		})
	}
	all.Wait()
	if l, _ := s.Log(origin); l.Size != 40 {
		t.Errorf("the newest is of %d entries", l.Size)
	}
	s.reopen()
	if l, _ := s.Log(origin); l.Size != 40 {
		t.Errorf("after a restart the newest is of %d entries", l.Size)
	}
}

// A split view: one size, two roots, both signed by the log's key.
func TestSplitView(t *testing.T) {
	t.Parallel()
	log, fork := newTree(t, origin, 1).growTo(9, "a"), newTree(t, origin, 1).growTo(9, "b")
	s := newServer(t, "witness.example/w", 50, log.key.String())
	if g := s.post(log.request(0, 9).Encode()); g.status != 200 {
		t.Fatal(g)
	}
	if g := s.get("/" + origin + "/evidence"); g.body != "[]" {
		t.Errorf("before: %q", g.body)
	}
	for _, r := range []witness.Request{fork.request(9, 9), fork.request(0, 9), fork.request(9, 9)} {
		if g := s.post(r.Encode()); g.status != 409 || g.body != "9\n" {
			t.Fatalf("the other view: %+v", g)
		}
	}
	if !strings.Contains(s.log.String(), "SPLIT VIEW") {
		t.Error("the log does not say it")
	}
	s.reopen()
	if front := s.get("/").body; !strings.Contains(front, "SPLIT VIEW") || !strings.Contains(front, s.key.String()) {
		t.Errorf("the front says\n%s", front)
	}
	var splits []witness.Split
	noError(t, json.Unmarshal([]byte(s.get("/"+origin+"/evidence").body), &splits))
	if len(splits) != 1 {
		t.Fatalf("%d pieces of evidence", len(splits))
	}
	// Anyone who knows the log's key can see that it signed both.
	a, err := ledger.OpenCheckpoint([]byte(splits[0].Seen), log.key.String())
	noError(t, err)
	b, err := ledger.OpenCheckpoint([]byte(splits[0].Refused), log.key.String())
	noError(t, err)
	if a.Size != b.Size || a.Root == b.Root {
		t.Errorf("%+v and %+v prove nothing", a, b)
	}
	// The log that it has seen can go on.
	if g := s.post(log.growTo(10, "a").request(9, 10).Encode()); g.status != 200 {
		t.Errorf("going on: %+v", g)
	}
}

// A log's key changes: the operator gives the new one beside the old.
func TestGivenKeys(t *testing.T) {
	t.Parallel()
	before, after := newTree(t, origin, 1).growTo(9, "a"), newTree(t, origin, 2).growTo(9, "a")
	s := newServer(t, "witness.example/w", 50, before.key.String())
	_, err := s.AddCheckpoint(before.request(0, 5))
	noError(t, err)
	if g := s.post(after.request(5, 9).Encode()); g.status != 403 {
		t.Fatalf("a key that nobody gave: %+v", g)
	}
	s.logs = append(s.logs, after.key.String())
	s.reopen()
	if g := s.post(after.request(5, 9).Encode()); g.status != 200 {
		t.Fatalf("the new key: %+v", g)
	}
	s.logs = nil
	s.reopen()
	if g := s.post(after.request(9, 9).Encode()); g.status != 404 {
		t.Fatalf("a log that is not watched any more: %+v", g)
	}
	if g := s.get("/" + origin + "/checkpoint"); g.status != 200 {
		t.Errorf("what was seen of it: %+v", g)
	}
}
