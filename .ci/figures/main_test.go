package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const printed = `goos: linux
cpu: A Processor 9000
BenchmarkBaselinePublish/publishers=16-2   	   50000	    150000 ns/op	      6000 events/s
BenchmarkBaselinePublish/publishers=16-2   	   50000	    150000 ns/op	      5000 events/s
BenchmarkBaselinePublish/publishers=16-2   	   50000	    150000 ns/op	      9000 events/s
BenchmarkSubmit/waiting=256-2   	   50000	    150000 ns/op	      27000 events/s
BenchmarkPosix-2   	   50000	    150000 ns/op	      60000 entries/s
BenchmarkSubmit/waiting=1-2   	   50000	    400000 ns/op	      2500 events/s
BenchmarkBaselinePublish/publishers=1-2   	   50000	    200000 ns/op	      5000 events/s
BenchmarkRead/points-2 	       1	  6231242440 ns/op	   4471184 B/read	       200 bare/s	       250 reads/s	         1.25 ×bare
BenchmarkSimulate/rules=values-2   	      10	  40000000 ns/op	 1000000 adoptions
BenchmarkSimulate/rules=all-2      	      10	 120000000 ns/op	 1000000 adoptions
BenchmarkSimulate/Readings-2       	      10	 990000000 ns/op	 1000000 adoptions
BenchmarkGrowth/entries=1000/disk-2    	       1	    376290 ns/op	      1752 log-B/entry	      1107 stream-B/entry
BenchmarkGrowth/entries=1000/replay-2  	       1	  46844393 ns/op	    400000 consume/s	      1000 entries	     50000 entries/s	       500 heap-B/entry	         0.02 replay-s
BenchmarkGrowth/entries=1000/open-2    	       1	10095040626 ns/op	     24000 appends/s	         2.7 points-ms	        79 read-µs	      4000 rss-B/entry	         0.1 first-s
BenchmarkGrowth/entries=1000/start-2    	       1	10095040626 ns/op	       400 snapshot-B/entry	         0.01 start-s
BenchmarkGrowth/entries=1000000/disk-2    	       1	    376290 ns/op	      1100 log-B/entry	      1107 stream-B/entry
BenchmarkGrowth/entries=1000000/replay-2  	       1	  46844393 ns/op	    400000 consume/s	      1000000 entries	     200000 entries/s	       300 heap-B/entry	         5 replay-s
BenchmarkGrowth/entries=1000000/open-2    	       1	10095040626 ns/op	     20000 appends/s	         8500 points-ms	        90 read-µs	      800 rss-B/entry	         7 first-s
BenchmarkGrowth/entries=1000000/start-2    	       1	10095040626 ns/op	       400 snapshot-B/entry	         0.5 start-s
PASS
`

// pages are written from what was printed, and what was not is said to be missing.
func pages(t *testing.T, printed string) (dir, figures, growth string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"figures.md", "growth.md"} {
		b, err := os.ReadFile(filepath.Join("../../docs", name))
		noError(t, err)
		noError(t, os.WriteFile(filepath.Join(dir, name), b, 0o644))
	}
	noError(t, write(strings.NewReader(printed), dir, time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)))
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		noError(t, err)
		return string(b)
	}
	return dir, read("figures.md"), read("growth.md")
}

func TestPages(t *testing.T) {
	dir, figures, growth := pages(t, printed)
	for _, want := range []string{
		"Measured on 2026-11-29 on 2 processors (A Processor 9000), go1.",
		"| 4 × | bare durable JetStream publishes by 16 | 27,000/s | 6,000/s | 4.50 × | met |",
		"| 0.5 × | Tessera POSIX, unsigned entries, 256 waiting | 27,000/s | 60,000/s | 0.45 × | short |",
		"| 1.5 × | bare durable JetStream publishes by 16 | – | – | – | not measured |",
		"| 3 × at most | one bare durable publish | 400 µs | 200 µs | 2.00 × | met |",
		"| replay of 1,000,000 entries from `log/` into state and all projections, hashes checked | 0.8 × |",
		"| 200,000/s | 400,000/s | 0.50 × | short |",
		"| 0.15 × at most | the replay above | 0.50 s | 5.00 s | 0.10 × | met |",
		"| JSON reads of a year's points (4,471,184 bytes) | 0.7 × |",
		"over 1,000,000 adoptions, of several rules the slowest | 100 ms at most | absolute | 120 ms | – | – | short |",
		"| 400 bytes an entry at most | absolute | 300 bytes an entry | – | – | met |",
	} {
		if !strings.Contains(figures, want) {
			t.Errorf("figures.md does not have %q:\n%s", want, figures)
		}
	}
	for _, want := range []string{
		"| 1,000 | 24,000/s | 79.0 µs | 2.70 ms | 0.010 s | 0.10 s | 0.020 s | 0.48 MB |",
		"| 1,000,000 | 20,000/s | 90.0 µs | 8,500 ms | 0.50 s | 7.00 s | 5.00 s | 286 MB |",
		"| memory, state and projections | 0.28 GB | 27.9 GB | 0.93 GB | 300 bytes an entry |",
		"| replay from entry 0 | 5.00 s | 8.33 min | 16.7 s |",
		"| a year's points, first read | 8,500 ms | 85.0 s | 2.83 s | 10.0 ms for 1,000 adoptions |",
		"in this order | at entries |\n| --- | ---: |\n| the first read of a year's points after an entry takes 5 s | 5.88 million |",
		"| the process takes 64 GB of memory | 85.9 million |\n",
		"| a start takes 10 minutes | 1,200 million |\n",
	} {
		if !strings.Contains(growth, want) {
			t.Errorf("growth.md does not have %q:\n%s", want, growth)
		}
	}
	if strings.Contains(figures+growth, "short form: it") {
		t.Error("a whole run is taken for the short form")
	}
	if _, figures, growth := pages(t, strings.ReplaceAll(printed, "=1000000/", "=20000/")); !strings.Contains(figures, "short form: it") || !strings.Contains(growth, "short form: it") {
		t.Errorf("the short form is not told from a whole run:\n%s", figures)
	}
	drawing, err := os.ReadFile(filepath.Join(dir, "growth.svg"))
	noError(t, err)
	elements := map[string]int{}
	for decoder := xml.NewDecoder(strings.NewReader(string(drawing))); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		noError(t, err)
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
		}
	}
	if elements["polyline"] != 9 || elements["circle"] != 18 {
		t.Errorf("growth.svg has %v", elements)
	}
	var all struct {
		Machine machine
		Figures []figure
		Growth  []point
	}
	b, err := os.ReadFile(filepath.Join(dir, "figures.json"))
	noError(t, err)
	noError(t, json.Unmarshal(b, &all))
	if all.Machine.Entries != 1_000_000 || len(all.Figures) != 13 || *all.Figures[0].Ratio != 4.5 || all.Figures[2].Met != nil || len(all.Growth) != 2 {
		t.Errorf("figures.json has %s", b)
	}
}

func TestNothingPrinted(t *testing.T) {
	if err := write(strings.NewReader("PASS\n"), t.TempDir(), time.Now()); err == nil {
		t.Error("a page is written from nothing")
	}
	dir := t.TempDir()
	noError(t, os.WriteFile(filepath.Join(dir, "figures.md"), []byte("no markers"), 0o644))
	if err := write(strings.NewReader(printed), dir, time.Now()); err == nil {
		t.Error("a page without markers is overwritten")
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
