package main

import (
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"spredning/api"
	"spredning/ledger"
)

// part gives what stands under a heading of docs/operations.md.
func part(t testing.TB, heading string) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/operations.md")
	noError(t, err)
	_, rest, ok := strings.Cut(string(b), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/operations.md has no heading %q", heading)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// commands gives the commands under a heading.
func commands(t testing.TB, heading string) string {
	t.Helper()
	_, rest, _ := strings.Cut(part(t, heading), "```sh\n")
	script, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatalf("docs/operations.md has no commands under %q", heading)
	}
	return script
}

// The list of metrics in docs/operations.md is what is served, word for word, and its
// alarms are about nothing else.
func TestOperationsNameEveryMetric(t *testing.T) {
	s := serveDemo(t)
	m := newMetrics(api.Config{Ledger: s.node.ledger, Log: s.node.log, View: s.node.view, SelfAudited: s.node.ledger.SelfAudited, StreamSize: s.node.ledger.StreamSize})
	m.counted(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	served := httptest.NewRecorder()
	promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}).ServeHTTP(served, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	var rows []string
	names := map[string]bool{"up": true}
	for _, f := range regexp.MustCompile(`(?m)^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$`).FindAllStringSubmatch(served.Body.String(), -1) {
		name, help, kind := f[1], f[2], f[3]
		names[name] = true
		if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |", name, kind, help))
		}
	}
	text := part(t, "Metrics")
	listed := regexp.MustCompile("(?m)^\\| `spredning_.*$").FindAllString(text, -1)
	if !slices.Equal(listed, rows) {
		t.Errorf("docs/operations.md lists\n%s\nserved are\n%s", strings.Join(listed, "\n"), strings.Join(rows, "\n"))
	}
	for _, name := range regexp.MustCompile(`\b(spredning|process|go)_[a-z_]+\w`).FindAllString(text, -1) {
		if !names[name] {
			t.Errorf("docs/operations.md names %s, which is not served", name)
		}
	}
}

// The messages that docs/operations.md explains are those of the program.
func TestOperationsKnowTheMessages(t *testing.T) {
	var source strings.Builder
	noError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			b, err := os.ReadFile(path)
			source.Write(b)
			return err
		}
		return err
	}))
	messages := regexp.MustCompile("(?m)^\\| (Error|Warn|Info|ERROR|WARN|INFO) (`.*)").FindAllStringSubmatch(part(t, "Messages"), -1)
	if len(messages) < 10 {
		t.Fatalf("docs/operations.md explains %d messages", len(messages))
	}
	for _, m := range messages {
		column, _, _ := strings.Cut(m[2], " |")
		for _, message := range regexp.MustCompile("`[^`]+`").FindAllString(column, -1) {
			word := strings.Trim(message, "`")
			if word == "heals" || word == "true" || word == "false" {
				continue
			}
			method := strings.ToUpper(m[1][:1]) + strings.ToLower(m[1][1:])
			if !regexp.MustCompile(`ogger\.` + method + `\("` + regexp.QuoteMeta(word) + `"`).MatchString(source.String()) {
				t.Errorf("no part of the program says %q at level %s", word, m[1])
			}
		}
	}
	for _, begin := range regexp.MustCompile("(?m)^\\| `([a-z ]+)[:N…]").FindAllStringSubmatch(part(t, "Health"), -1) {
		if !strings.Contains(source.String(), strings.TrimSpace(begin[1])) {
			t.Errorf("no part of the program says %q", begin[1])
		}
	}
}

// A copy that is made as docs/operations.md says, while clients write, has all that was
// acknowledged before it began, and the commands there make a node of it.
func TestBackup(t *testing.T) {
	o := newTrial(t, folder(t))
	o.start()
	stop := o.load(16)
	for range times(2, 20) {
		o.writes(200)
		o.mu.Lock()
		told := slices.Clone(o.receipts)
		o.mu.Unlock()
		backup := folder(t)
		run := func(script string) {
			cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
			cmd.Env = append(os.Environ(), "DATA="+o.dir, "BACKUP="+backup)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		run(commands(t, "Backup"))
		run(commands(t, "Restoring"))
		e := &env{in: os.Stdin, out: io.Discard, err: io.Discard, lang: "nb"}
		key, err := e.readKey(logKeyFile(backup))
		noError(t, err)
		n, err := openNode(t.Context(), nodeConfig{dir: backup, logKey: key, now: o.now, logger: slog.New(slog.DiscardHandler)})
		noError(t, err)
		noError(t, n.ledger.Err())
		for _, r := range told {
			entry, err := n.log.Entry(r.Index)
			if err != nil || string(entry) != string(r.Entry) {
				t.Errorf("entry %d is not in the copy of %d entries, or another: %v", r.Index, n.log.Size(), err)
				break
			}
		}
		d, err := e.audit(t.Context(), auditing{place: backup, logKey: o.logKey, state: filepath.Join(t.TempDir(), "audited.json")})
		noError(t, err)
		if !d.Good {
			t.Errorf("the audit of a copy: %+v", d.Findings)
		}
		n.close()
	}
	stop()
	noError(t, o.end(syscall.SIGTERM))
}

// Messages are JSON for programs that read them.
func TestLogFormat(t *testing.T) {
	var said strings.Builder
	logger, err := (&serving{logFormat: "json"}).logger(&said, slog.LevelInfo)
	noError(t, err)
	logger.Debug("unsaid")
	logger.Error("the ledger has stopped writing", "reason", &ledger.DamageError{Problem: "a gap"}, "heals", false)
	if !regexp.MustCompile(`^\{"time":"[^"]+","level":"ERROR","msg":"the ledger has stopped writing","reason":"[^"]*a gap","heals":false\}\n$`).MatchString(said.String()) {
		t.Errorf("it says %s", said.String())
	}
	if _, err := (&serving{logFormat: "xml"}).logger(&said, slog.LevelInfo); err == nil {
		t.Error("messages are written in a format that there is not")
	}
}
