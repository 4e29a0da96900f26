package main

import (
	"bufio"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// bench is what benchmarks printed: by name, without Benchmark and the processors,
// and by unit, all values there were.
type bench struct {
	values map[string]map[string][]float64
	cpu    string
	cores  int
}

var processors = regexp.MustCompile(`-(\d+)$`)

// parse reads what go test -bench prints; other lines are passed over.
func parse(r io.Reader) (*bench, error) {
	b := &bench{values: map[string]map[string][]float64{}, cores: 1}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if cpu, ok := strings.CutPrefix(lines.Text(), "cpu: "); ok {
			b.cpu = cpu
			continue
		}
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(fields[0], "Benchmark")
		if m := processors.FindStringSubmatch(name); m != nil {
			name = strings.TrimSuffix(name, m[0])
			b.cores, _ = strconv.Atoi(m[1]) // digits
		}
		if b.values[name] == nil {
			b.values[name] = map[string][]float64{}
		}
		for i := 2; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				b.values[name][fields[i+1]] = append(b.values[name][fields[i+1]], v)
			}
		}
	}
	return b, lines.Err()
}

// median gives the median of what was measured; false: it was not.
func (b *bench) median(name, unit string) (float64, bool) {
	v := slices.Sorted(slices.Values(b.values[name][unit]))
	if len(v) == 0 {
		return 0, false
	}
	return v[len(v)/2], true
}

// sizes gives the numbers in the names that begin with a prefix, in order.
func (b *bench) sizes(prefix string) (all []int) {
	for name := range b.values {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		digits, _, _ := strings.Cut(rest, "/")
		if n, err := strconv.Atoi(digits); err == nil && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}
