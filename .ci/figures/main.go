// Command figures reads what benchmarks printed from standard input and writes it, in
// a folder, into figures.md and growth.md between their markers, into growth.svg, and
// all of it into figures.json. .ci/figures/run calls it.
//
//	figures DIR <printed
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: figures DIR <what go test -bench printed")
		os.Exit(2)
	}
	if err := write(os.Stdin, os.Args[1], time.Now()); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

// machine is where and when it was measured.
type machine struct {
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	Go      string `json:"go"`
	System  string `json:"system"`
	Date    string `json:"date"`
	Entries int    `json:"entries"` // of the largest ledger
}

// whole is how many entries the largest ledger has when it is all measured.
const whole = 1_000_000

func (m machine) String() string {
	s := fmt.Sprintf("Measured on %s on %d processors (%s), %s, %s, with up to %s entries.\n", m.Date, m.Cores, m.CPU, m.Go, m.System, grouped(float64(m.Entries)))
	if m.Entries < whole {
		s += "\n**This is the short form: it shows that all of it works, not how fast it is.**\n"
	}
	return s
}

func write(printed io.Reader, dir string, at time.Time) error {
	b, err := parse(printed)
	if err != nil {
		return err
	}
	if len(b.values) == 0 {
		return fmt.Errorf("no benchmark has printed anything")
	}
	m := machine{b.cpu, b.cores, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, at.UTC().Format(time.DateOnly), largest(b)}
	rows, points := figures(b), growth(b)
	if err := replace(filepath.Join(dir, "figures.md"), "figures", m.String()+"\n"+table(rows)); err != nil {
		return err
	}
	page := filepath.Join(dir, "growth.md")
	if err := replace(page, "growth", m.String()+"\n"+growthTable(points)); err != nil {
		return err
	}
	if err := replace(page, "paper", paper(points, b)); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "growth.svg"), []byte(plot(points)), 0o644); err != nil {
		return err
	}
	all, err := json.MarshalIndent(struct {
		Machine machine  `json:"machine"`
		Figures []figure `json:"figures"`
		Growth  []point  `json:"growth"`
	}{m, rows, points}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "figures.json"), append(all, '\n'), 0o644)
}

// replace puts a text between the two markers of a name in a page.
func replace(page, name, text string) error {
	b, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	before, rest, ok := strings.Cut(string(b), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no place between %s and %s", page, strings.TrimSpace(begin), end)
	}
	return os.WriteFile(page, []byte(before+begin+text+end+after), 0o644)
}
