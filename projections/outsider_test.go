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
	if long() {
		seeds, events, positions = 3, 5000, 10
	}
	program := build(t)
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			run(t, program, "load", "--story", "random", "--seed", fmt.Sprint(seed), "--events", fmt.Sprint(events), "--data", data)
			url := serve(t, program, data)
			entries := fetchEntries(t, url)
			if len(entries) != events {
				t.Fatalf("got %d entries, want %d", len(entries), events)
			}
			chance := rand.New(rand.NewPCG(uint64(seed), 1))
			checked := 0
			for _, position := range append(chance.Perm(events)[:positions], events) {
				for _, y := range naiveAll(entries[:position]) {
					if got, want := fetchPoints(t, url, y.year, position), y.table(); !reflect.DeepEqual(got, want) {
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

// build builds the program.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "spredning")
	run(t, "go", "build", "-o", program, "spredning/cmd/spredning")
	return program
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// serve serves a data folder until the test ends and gives the address.
func serve(t *testing.T, program, data string) string {
	t.Helper()
	cmd := exec.Command(program, "serve", "--data", data, "--listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url := regexp.MustCompile(`http://\S+`).FindString(line)
	if url == "" {
		t.Fatalf("serve said %q, %v", line, err)
	}
	return url
}

// fetch gets a page of the API; 429 and 503 are asked again.
func fetch(t *testing.T, url string) []byte {
	t.Helper()
	for range 50 {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		switch {
		case err != nil:
			t.Fatalf("%s: %v", url, err)
		case resp.StatusCode == http.StatusOK:
			return body
		case resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable:
			t.Fatalf("%s: %s\n%s", url, resp.Status, body)
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s: the server is busy for too long", url)
	return nil
}

// fetchEntries gets all entries, one a line.
func fetchEntries(t *testing.T, url string) (entries [][]byte) {
	t.Helper()
	for line := range strings.Lines(string(fetch(t, url+"/api/v1/events"))) {
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

// fetchPoints gets a year's table at a position, in the naive fold's form.
func fetchPoints(t *testing.T, url string, year, position int) naivePoints {
	t.Helper()
	told := naiveDecode[toldPoints](fetch(t, fmt.Sprintf("%s/api/v1/points/%d?position=%d", url, year, position)))
	n := naivePoints{
		Year: told.Year, Rules: told.Rules.ID, Position: told.Position, Status: told.Status,
		Rows: []naiveRow{}, Regions: []naiveRegion{}, Total: thousandths(t, told.Total),
	}
	for _, r := range told.Rows {
		row := naiveRow{
			Orgnr: r.Orgnr, Name: r.Name, Region: r.Region,
			Originated: thousandths(t, r.Originated), Adopted: thousandths(t, r.Adopted), Total: thousandths(t, r.Total),
		}
		for _, l := range r.Lines {
			row.Lines = append(row.Lines, naiveLine{l.Index, l.Innovation, l.Adopter, l.Role, l.Reach, thousandths(t, l.Points)})
		}
		n.Rows = append(n.Rows, row)
	}
	for _, r := range told.Regions {
		n.Regions = append(n.Regions, naiveRegion{r.Region, thousandths(t, r.Originated), thousandths(t, r.Adopted), thousandths(t, r.Total)})
	}
	return n
}

// thousandths reads points exactly.
func thousandths(t *testing.T, points json.Number) int {
	t.Helper()
	value, ok := new(big.Rat).SetString(points.String())
	if ok {
		value.Mul(value, big.NewRat(1000, 1))
	}
	if !ok || !value.IsInt() {
		t.Fatalf("%q is no number with three decimals", points)
	}
	return int(value.Num().Int64())
}
