package site

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/html"

	"spredning/ledger"
	"spredning/ledger/story"
	"spredning/projections"
)

// tellLong is a site of a long story, most of which are adoptions.
func tellLong(organisations, length int) *Site {
	s, err := story.New(story.Config{Origin: "spredning.example/long", Seed: 3, Organisations: organisations, Entries: length})
	if err != nil {
		panic(err)
	}
	var es entries
	if err := s.Tell(func(e *ledger.Entry) error { es = append(es, e); return nil }); err != nil {
		panic(err)
	}
	return siteOf(es)
}

// TestPagesStayBounded looks at the longest pages of a ledger much larger than any
// page: each has so many rows and no more, and little weight.
func TestPagesStayBounded(t *testing.T) {
	s := tellLong(60, 16_000)
	const mostRows, mostZipped = 200, 90_000
	longest := map[string]int{}
	for _, path := range append(mostSpread(s), addresses(s)...) {
		a, err := ask(s, path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		longest[kindOf(path)] = max(longest[kindOf(path)], len(a.Body))
		if zipped := len(gzipped(a.Body)); zipped > mostZipped {
			t.Errorf("%s has %d bytes, compressed", path, zipped)
		}
		doc, err := html.Parse(bytes.NewReader(a.Body))
		if err != nil {
			t.Fatal(err)
		}
		elements(doc, func(n *html.Node) {
			rows := 0
			for c := n.FirstChild; c != nil; c = c.NextSibling {
				if c.Type == html.ElementNode {
					rows++
				}
			}
			if rows > mostRows && path != "/data/api" { // which is as long as the API is
				t.Errorf("%s has %d elements in %s", path, rows, n.Data)
			}
		})
	}
	s.View.Read(func(f *projections.Fold) {
		if n := f.Figures(); n.Innovations < 20*innovationsEach || n.Adoptions < 10*mostAdoptions {
			t.Errorf("the ledger is not large: %+v", n)
		}
	})
	t.Log(longest)
	adoptionsArePaged(t, s)
}

// adoptionsArePaged goes through the pages of the most spread innovation: each of its
// adoptions stands on one of them.
func adoptionsArePaged(t *testing.T, s *Site) {
	t.Helper()
	path := mostSpread(s)[0]
	var pairs []projections.Pair
	s.View.Read(func(f *projections.Fold) { pairs, _ = f.Pairs(strings.TrimPrefix(path, "/innovasjoner/")) })
	receipts, shown := regexp.MustCompile(`/api/v1/events/(\d+)/receipt`), map[string]int{}
	last := (len(pairs) + adoptionsEach - 1) / adoptionsEach
	for page := 1; page <= last; page++ {
		a, err := ask(s, fmt.Sprintf("%s?page=%d", path, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range receipts.FindAllStringSubmatch(string(a.Body), -1) {
			shown[m[1]]++
		}
	}
	if last < 2 {
		t.Errorf("it has only %d adoptions", len(pairs))
	}
	for _, pair := range pairs {
		for _, c := range pair.Confirmations {
			if n := shown[fmt.Sprint(c.Index)]; n != 1 {
				t.Errorf("confirmation %d stands on the pages %d times", c.Index, n)
			}
		}
	}
	if _, err := ask(s, fmt.Sprintf("%s?page=%d", path, last+1)); err != ErrNotFound {
		t.Errorf("a page beyond the last: %v", err)
	}
}

// BenchmarkPages makes the HTML of every page of a ledger with 100,000 adoptions, of
// many pages of a kind the one that takes longest.
func BenchmarkPages(b *testing.B) {
	s := tellLong(200, 270_000)
	s.View.Prepare()
	s.View.Read(func(f *projections.Fold) { b.Logf("%d entries, %+v", f.Position, f.Figures()) })
	slowest, took := map[string]string{}, map[string]time.Duration{}
	var order []string
	seen := map[string]int{}
	for _, path := range append(mostSpread(s), addresses(s)...) {
		kind := kindOf(path)
		if seen[kind]++; seen[kind] > 60 || strings.Contains(path, "position=") {
			continue // many of a kind; what was once is kept by package api
		}
		if took[kind] == 0 {
			order = append(order, kind)
		}
		if d := quickest(b, s, path); d > took[kind] {
			slowest[kind], took[kind] = path, d
		}
	}
	for _, kind := range order {
		path := slowest[kind]
		b.Run(strings.ReplaceAll(kind, "/", "|"), func(b *testing.B) {
			var body []byte
			before := processorTime()
			for b.Loop() {
				a, err := ask(s, path)
				if err != nil {
					b.Fatal(path, err)
				}
				body = a.Body
			}
			b.ReportMetric((processorTime()-before).Seconds()*1000/float64(b.N), "cpu-ms/page")
			b.ReportMetric(float64(len(body)), "B/page")
			b.ReportMetric(float64(len(gzipped(body))), "zipped-B/page")
		})
	}
}

// mostSpread is the page of the innovation that has come furthest.
func mostSpread(s *Site) (all []string) {
	s.View.Read(func(f *projections.Fold) {
		for _, i := range f.Find(projections.Search{MostSpread: true, Limit: 1}).Innovations {
			all = append(all, "/innovasjoner/"+i.ID)
		}
	})
	return all
}

// kindOf is what pages of an address are like: its page, and whether it asks for more.
func kindOf(address string) string {
	path, query, _ := strings.Cut(address, "?")
	for _, p := range pages {
		if _, ok := match(p.path, path); ok {
			if query != "" {
				return p.path + "?" + query
			}
			return p.path
		}
	}
	return path
}

// processorTime is what the program has used, of all processors: what tells when
// others share them.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// quickest is the shortest of a few times that a page takes.
func quickest(tb testing.TB, s *Site, path string) time.Duration {
	tb.Helper()
	least := time.Hour
	for range 3 {
		start := time.Now()
		if _, err := ask(s, path); err != nil {
			tb.Fatalf("%s: %v", path, err)
		}
		least = min(least, time.Since(start))
	}
	return least
}
