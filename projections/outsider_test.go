package projections_test

// The check that anyone can do with the program and the API alone: fill a folder, serve it, fetch the entries, fold them
// by the rules, and compare with the points that the server gives.

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestOutsider runs the built program. Its long form runs with SPREDNING_LONG=1.
func TestOutsider(t *testing.T) {
	if testing.Short() || underRace() {
		t.Skip("builds and runs the program")
	}
	t.Parallel()
	seeds, events, positions := 1, 600, 3
	if longForm() {
		seeds, events, positions = 3, 5000, 10
	}
	o := outsider{t, filepath.Join(t.TempDir(), "spredning")}
	o.run("go", "build", "-o", o.program, "spredning/cmd/spredning")
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			o, data := outsider{t, o.program}, filepath.Join(t.TempDir(), "data")
			o.run(o.program, "load", "--story", "random", "--seed", fmt.Sprint(seed), "--events", fmt.Sprint(events), "--data", data)
			url := o.serve(data)
			entries := o.entries(url)
			if len(entries) != events {
				t.Fatalf("got %d entries, want %d", len(entries), events)
			}
			chance := rand.New(rand.NewPCG(uint64(seed), 1))
			checked := 0
			for _, position := range append(chance.Perm(events)[:positions], events) {
				for _, y := range naiveAll(entries[:position]) {
					if got, want := o.points(url, y.year, position), y.table(); !reflect.DeepEqual(got, want) {
						t.Errorf("position %d, %d:\n%s", position, y.year, differ(got, want))
					}
					checked++
				}
			}
			if checked < positions {
				t.Errorf("only %d tables were compared", checked)
			}
		})
	}
}

// outsider has nothing but the program.
type outsider struct {
	*testing.T
	program string
}

func (o outsider) run(name string, args ...string) {
	o.Helper()
	if out, err := exec.CommandContext(o.Context(), name, args...).CombinedOutput(); err != nil {
		o.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// serve serves a data folder until the test ends and gives the address.
func (o outsider) serve(data string) string {
	o.Helper()
	cmd := exec.Command(o.program, "serve", "--data", data, "--listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		o.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		o.Fatal(err)
	}
	o.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			o.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			o.Errorf("serving: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url := regexp.MustCompile(`http://\S+`).FindString(line)
	if url == "" {
		o.Fatalf("serve said %q, %v", line, err)
	}
	return url
}

// fetch gets a page of the API; 429 and 503 are asked again.
func (o outsider) fetch(url string) []byte {
	o.Helper()
	for range 50 {
		resp, err := http.Get(url)
		if err != nil {
			o.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		switch {
		case err != nil:
			o.Fatalf("%s: %v", url, err)
		case resp.StatusCode == http.StatusOK:
			return body
		case resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable:
			o.Fatalf("%s: %s\n%s", url, resp.Status, body)
		}
		time.Sleep(100 * time.Millisecond)
	}
	o.Fatalf("%s: the server is busy for too long", url)
	return nil
}

// entries gets all entries, one a line.
func (o outsider) entries(url string) (entries [][]byte) {
	o.Helper()
	for line := range strings.Lines(string(o.fetch(url + "/api/v1/events"))) {
		entries = append(entries, []byte(strings.TrimSuffix(line, "\n")))
	}
	return entries
}

// toldPoints is the answer of GET /points/{year}.
type toldPoints struct {
	Year     int
	Rules    struct{ ID string }
	Position int
	Status   string
	Rows     []struct {
		Orgnr, Name, Region string
		toldSums
		Lines []struct {
			Index                            int
			Innovation, Adopter, Role, Reach string
			Points                           json.Number
		}
	}
	Regions []struct {
		Region string
		toldSums
	}
	Total json.Number
}

type toldSums struct{ Originated, Adopted, Total json.Number }

// points gets a year's table at a position, in the naive fold's form.
func (o outsider) points(url string, year, position int) naivePoints {
	o.Helper()
	told := naiveDecode[toldPoints](o.fetch(fmt.Sprintf("%s/api/v1/points/%d?position=%d", url, year, position)))
	n := naivePoints{
		Year: told.Year, Rules: told.Rules.ID, Position: told.Position, Status: told.Status,
		Rows: []naiveRow{}, Regions: []naiveRegion{}, Total: o.thousandths(told.Total),
	}
	for _, r := range told.Rows {
		row := naiveRow{
			Orgnr: r.Orgnr, Name: r.Name, Region: r.Region,
			Originated: o.thousandths(r.Originated), Adopted: o.thousandths(r.Adopted), Total: o.thousandths(r.Total),
		}
		for _, l := range r.Lines {
			row.Lines = append(row.Lines, naiveLine{l.Index, l.Innovation, l.Adopter, l.Role, l.Reach, o.thousandths(l.Points)})
		}
		n.Rows = append(n.Rows, row)
	}
	for _, r := range told.Regions {
		n.Regions = append(n.Regions, naiveRegion{r.Region, o.thousandths(r.Originated), o.thousandths(r.Adopted), o.thousandths(r.Total)})
	}
	return n
}

// thousandths reads points exactly.
func (o outsider) thousandths(points json.Number) int {
	o.Helper()
	value, ok := new(big.Rat).SetString(points.String())
	if ok {
		value.Mul(value, big.NewRat(1000, 1))
	}
	if !ok || !value.IsInt() {
		o.Fatalf("%q is no number with three decimals", points)
	}
	return int(value.Num().Int64())
}
