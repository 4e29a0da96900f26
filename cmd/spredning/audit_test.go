package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"spredning/ledger"
)

func TestAudit(t *testing.T) {
	s := serveDemo(t)
	url, state := s.server.URL, stateFile(t)
	first := s.good(t, url, state)
	if first.KeyFrom != "first use" || len(first.Earlier) != 0 || len(first.NotCompared) != 0 || len(first.Compared) != 5 {
		t.Errorf("the first: %+v", first)
	}
	if y := first.Years[0]; y.Year != 2024 || y.Status != "closed" || y.Published != "same" {
		t.Errorf("years: %+v", first.Years)
	}
	second := s.good(t, url+"/log/", state)
	if second.KeyFrom != "seen before" || len(second.Earlier) != 1 {
		t.Errorf("the second: %+v", second)
	}
	mirror, _ := s.mirror(t)
	for _, dir := range []string{s.dir, filepath.Join(s.dir, "log"), mirror} {
		if d := s.good(t, dir, state); len(d.Earlier) != 1 || len(d.NotCompared) != 1 {
			t.Errorf("%s: %+v", dir, d)
		}
	}

	before := s.entries(t)
	s.moves(t)
	if d := s.good(t, url, state); d.Size != first.Size+1 || len(d.Earlier) != 1 {
		t.Errorf("after one more: %+v", d)
	}
	// The mirror is behind. That is no fault of its own, but nothing to build on.
	if d := s.good(t, mirror, state); d.Size != first.Size || !strings.Contains(strings.Join(d.NotProved, "\n"), "it is behind") {
		t.Errorf("behind: %+v", d)
	}
	// A place that showed more before is another matter.
	shrunk := s.folder(t, before)
	s.good(t, shrunk, state)
	noError(t, os.RemoveAll(filepath.Join(shrunk, "log")))
	noError(t, os.Rename(filepath.Join(s.folder(t, before[:370]), "log"), filepath.Join(shrunk, "log")))
	if f, err := s.audits(t, shrunk, state).found("shrunk"); err != nil || !strings.Contains(f.Why, "370 entries where there were 389 before") {
		t.Error(f, err)
	}
	s.good(t, url, state)
}

// moves adds an event.
func (s *served) moves(t testing.TB) {
	t.Helper()
	_, _, err := s.node.ledger.Submit(t.Context(), s.otherEvent(t, 2027))
	noError(t, err)
	noError(t, s.node.view.Wait(t.Context(), s.node.ledger.Size()))
}

// Two checkpoints of one key that contradict each other are caught by whoever has
// seen both, and kept.
func TestAuditSplitView(t *testing.T) {
	s := serveDemo(t)
	entries := s.entries(t)
	last := len(entries) - 1
	for name, other := range map[string][][]byte{
		"of the same size":      append(bytes2(entries[:last]), s.otherEvent(t, 2027)),
		"of another size":       append(bytes2(entries[:last]), s.otherEvent(t, 2027), s.otherEvent(t, 2028)),
		"with a different past": append(bytes2(entries[:last]), s.otherEvent(t, 2027), entries[last]),
	} {
		t.Run(name, func(t *testing.T) {
			state := stateFile(t)
			seen := s.good(t, s.server.URL, state)
			shown := s.folder(t, other)
			d := s.audits(t, shown, state)
			f, err := d.found("fork")
			if err != nil || !strings.Contains(f.Why, "both are signed by the log's key") || len(d.Evidence) != 2 {
				t.Fatal(f, err, d.Evidence)
			}
			for i, want := range []string{seen.Checkpoint, d.Checkpoint} {
				b, err := os.ReadFile(d.Evidence[i])
				noError(t, err)
				if string(b) != want {
					t.Errorf("evidence %d is %q, want %q", i, b, want)
				}
				if _, err := ledger.OpenCheckpoint(b, s.logKey.String()); err != nil {
					t.Error(err)
				}
			}
			if seen.Checkpoint == d.Checkpoint {
				t.Error("the two are one")
			}
			// What was seen stays what is built on; the fork is seen again.
			s.good(t, s.server.URL, state)
			if _, err := s.audits(t, shown, state).found("fork"); err != nil {
				t.Error(err)
			}
			// Whoever has seen only the other notices nothing, and cannot.
			if d := s.audits(t, shown, stateFile(t)); name != "with a different past" && !d.Good {
				t.Error(d.Findings)
			}
		})
	}
}

func bytes2(all [][]byte) [][]byte { return append([][]byte(nil), all...) }

// What is printed fits on a terminal of 80 columns, and says what is wrong.
func TestAuditIsPrinted(t *testing.T) {
	s := serveDemo(t)
	var out bytes.Buffer
	s.env.out = &out
	s.env.showAudited(s.good(t, s.dir, stateFile(t), s.logKey.String()))
	bad := s.audits(t, s.folder(t, append(s.entries(t), s.otherEvent(t, 2027), s.otherEvent(t, 2031))), stateFile(t))
	if f, err := bad.found("entry"); err != nil || *f.Index != 390 {
		t.Error(f, err)
	}
	s.env.showAudited(bad)
	for line := range strings.Lines(out.String()) {
		if utf8.RuneCountInString(line) > 81 && !strings.Contains(line, "/") {
			t.Errorf("too long: %s", line)
		}
	}
	for _, want := range []string{
		"ILLUSTRATIVE", "389 of 389, with 397 signatures", "All of this is as it must be.", "2024  closed", "an event's time is its signer's clock",
		"WRONG:", "entry 390 is not admissible: wrong_state", "390 of 391",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said in\n%s", want, out.String())
		}
	}
}

func TestAuditOfTheKey(t *testing.T) {
	s := serveDemo(t)
	url, key := s.server.URL, s.logKey.String()
	if d := s.good(t, url, stateFile(t), key); d.KeyFrom != "--log-key" {
		t.Error(d.KeyFrom)
	}
	stranger, err := s.keyOr(filepath.Join(t.TempDir(), "stranger"), "stranger", nil)
	noError(t, err)
	other, err := ledger.NewLogKey(demoOrigin, stranger)
	noError(t, err)
	if _, err := s.audits(t, url, stateFile(t), other.String()).found("log_key"); err != nil {
		t.Error(err)
	}

	// Another ledger of the same name, with a key of its own, all of it valid.
	state := stateFile(t)
	s.good(t, url, state)
	impostor := serveDemo(t)
	d := impostor.audits(t, impostor.server.URL, state)
	if f, err := d.found("fork"); err != nil || !strings.Contains(f.Why, "not signed by the log's key as it was known before") {
		t.Error(f, err)
	}

	// A place that shows another ledger than before.
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("HOME", home)
	d = s.good(t, url, "")
	if !strings.HasPrefix(d.State, home) {
		t.Errorf("kept in %s", d.State)
	}
	b, err := os.ReadFile(d.State)
	noError(t, err)
	noError(t, os.Remove(d.State))
	writeFile(t, filepath.Join(filepath.Dir(d.State), "another.json"), bytes.Replace(b, []byte(`"ledger": "`+demoOrigin), []byte(`"ledger": "spredning.example/another`), 1))
	if f, err := s.audits(t, url, "").found("fork"); err != nil || !strings.Contains(f.Why, "showed another log before") {
		t.Error(f, err)
	}
	broken := stateFile(t)
	writeFile(t, broken, []byte("{}"))
	if _, err := s.env.audit(t.Context(), auditing{place: url, state: broken}); err == nil || !strings.Contains(err.Error(), "is not what an audit wrote") {
		t.Errorf("a broken state file: %v", err)
	}
}

// A closed year's table is the same for ever, whatever the entries of today say.
func TestAuditOfAClosedYear(t *testing.T) {
	s := serveDemo(t)
	state := stateFile(t)
	d := s.good(t, s.server.URL, state)
	b, err := os.ReadFile(state)
	noError(t, err)
	writeFile(t, state, bytes.Replace(b, []byte(d.Years[0].SHA256), []byte(sumOf(nil)), 1))
	if f, err := s.audits(t, s.server.URL, state).found("closed_year"); err != nil || !strings.Contains(f.Why, "the closed year 2024 is not what it was") {
		t.Error(f, err)
	}
}

// What a server does not say counts as wrong, too.
func TestAuditOfAnswersThatAreMissing(t *testing.T) {
	s := serveDemo(t)
	s.changed(func(path string, body []byte) []byte {
		if strings.HasPrefix(path, "/api/v1/organisations") {
			return nil
		}
		return body
	}, func() {
		if f, err := s.audits(t, s.server.URL, stateFile(t)).found("unanswered"); err != nil || !strings.Contains(f.Where, "/api/v1/organisations") {
			t.Error(f, err)
		}
	})
	s.changed(func(path string, body []byte) []byte {
		if strings.HasPrefix(path, "/api/v1/keys") {
			return []byte(`{"items":[]}`)
		}
		return body
	}, func() {
		if f, err := s.audits(t, s.server.URL, stateFile(t)).found("published"); err != nil || !strings.Contains(f.Why, "there are 0 keys") {
			t.Error(f, err)
		}
	})
}

// A data folder whose tail has lost its end is noticed by the checkpoint beside it.
func TestAuditOfAShortTail(t *testing.T) {
	s := serveDemo(t)
	dir := s.folder(t, s.entries(t))
	s.good(t, dir, stateFile(t))
	tail := filepath.Join(dir, "log", "tail")
	b, err := os.ReadFile(tail)
	noError(t, err)
	writeFile(t, tail, b[:len(b)-1])
	if f, err := s.audits(t, dir, stateFile(t)).found("file"); err != nil || !strings.Contains(f.Where, "tail") {
		t.Error(f, err)
	}
	checkpoint := filepath.Join(dir, "log", "checkpoint")
	writeFile(t, tail, b)
	s.good(t, dir, stateFile(t))
	shown, err := os.ReadFile(checkpoint)
	noError(t, err)
	for i := range shown {
		spoilt := bytes.Clone(shown)
		spoilt[i] ^= 1
		writeFile(t, checkpoint, spoilt)
		if _, err := s.audits(t, dir, stateFile(t)).found("file"); err != nil {
			t.Errorf("byte %d of the checkpoint file: %v", i, err)
		}
		if i > 5 && !isLong() {
			break
		}
	}
}
