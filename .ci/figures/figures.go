package main

import (
	"fmt"
	"strconv"
	"strings"
)

// value is something measured; missing if it was not.
type value struct {
	at      float64
	missing bool
}

// figure is a row: what is measured, against what, and the goal.
type figure struct {
	Name     string   `json:"name"`
	What     string   `json:"what"`
	Against  string   `json:"against"`
	Unit     string   `json:"unit"`
	Goal     float64  `json:"goal"`
	AtMost   bool     `json:"at_most"` // the goal is a ceiling, not a floor
	Absolute bool     `json:"absolute"`
	Measured *float64 `json:"measured"` // null: not measured
	Baseline *float64 `json:"baseline"`
	Ratio    *float64 `json:"ratio"`
	Met      *bool    `json:"met"`
}

// figures are the rows of section 8 of the design, in its order.
func figures(b *bench) (all []figure) {
	most := largest(b)
	growth := fmt.Sprintf("Growth/entries=%d/", most)
	entries := grouped(float64(most))
	row := func(f figure, measured, baseline value) { all = append(all, f.with(measured, baseline)) }
	of := func(name, unit string) value {
		v, ok := b.median(name, unit)
		return value{v, !ok}
	}
	appends := of("Submit/waiting=256", "events/s")
	row(figure{Name: "append", What: "durable signed appends with receipts, in process, 256 waiting", Against: "bare durable JetStream publishes by 16", Unit: "/s", Goal: 4},
		appends, of("BaselinePublish/publishers=16", "events/s"))
	row(figure{Name: "append-tessera", What: "the same", Against: "Tessera POSIX, unsigned entries, 256 waiting", Unit: "/s", Goal: 0.5},
		appends, of("Posix", "entries/s"))
	row(figure{Name: "http", What: "the same through HTTP, client on the same machine", Against: "bare durable JetStream publishes by 16", Unit: "/s", Goal: 1.5},
		of("HTTP", "events/s"), of("HTTP", "bare/s"))
	row(figure{Name: "latency", What: "a single waiting submitter's latency, in process", Against: "one bare durable publish", Unit: "µs", Goal: 3, AtMost: true},
		of("Submit/waiting=1", "ns/op").times(1e-3), of("BaselinePublish/publishers=1", "ns/op").times(1e-3))
	row(figure{Name: "replay", What: "replay of " + entries + " entries from `log/` into state and all projections, hashes checked", Against: "JetStream consume alone, of the same entries", Unit: "/s", Goal: 0.8},
		of(growth+"replay", "entries/s"), of(growth+"replay", "consume/s"))
	row(figure{Name: "audit", What: "full audit of Ed25519 entries (signatures, tree, rules)", Against: "batched Ed25519 verification alone, all processors", Unit: "/s", Goal: 0.7},
		of("Audit", "entries/s"), of("Audit", "alone/s"))
	row(figure{Name: "start", What: "start with " + entries + " entries from a snapshot", Against: "the replay above", Unit: "s", Goal: 0.15, AtMost: true},
		of(growth+"start", "start-s"), of(growth+"replay", "replay-s"))
	for _, r := range []struct{ name, what string }{
		{"innovation", "JSON reads of one innovation"},
		{"innovation-first", "the same, each the first after a new entry"},
		{"points", "JSON reads of a year's points"},
		{"points-first", "the same, each the first after a new entry"},
	} {
		what := r.what
		if size, ok := b.median("Read/"+r.name, "B/read"); ok && !strings.HasPrefix(what, "the same") {
			what += fmt.Sprintf(" (%s bytes)", grouped(size))
		}
		row(figure{Name: "read-" + r.name, What: what, Against: "the same bytes from an echo handler that only writes them", Unit: "/s", Goal: 0.7},
			of("Read/"+r.name, "reads/s"), of("Read/"+r.name, "bare/s"))
	}
	simulation, adoptions := slowest(b)
	row(figure{Name: "simulation", What: "simulation with new rules over " + adoptions + " adoptions, of several rules the slowest", Against: "absolute", Unit: "ms", Goal: 100, AtMost: true, Absolute: true}, simulation, value{})
	process := ""
	if rss, ok := b.median(growth+"open", "rss-B/entry"); ok {
		process = fmt.Sprintf(" (the process, server and all: %s)", number(rss))
	}
	row(figure{Name: "memory", What: "memory at " + entries + " entries: state and projections, after garbage collection" + process, Against: "absolute", Unit: "bytes an entry", Goal: 400, AtMost: true, Absolute: true},
		of(growth+"replay", "heap-B/entry"), value{})
	return all
}

// largest is how many entries the largest ledger had.
func largest(b *bench) int {
	sizes := b.sizes("Growth/entries=")
	if len(sizes) == 0 {
		return 0
	}
	return sizes[len(sizes)-1]
}

// slowest gives the slowest simulation, in milliseconds, and of how many adoptions.
func slowest(b *bench) (longest value, adoptions string) {
	longest.missing = true
	for name := range b.values {
		if ns, ok := b.median(name, "ns/op"); ok && strings.HasPrefix(name, "Simulate/rules=") {
			if ms := ns / 1e6; longest.missing || ms > longest.at {
				longest = value{at: ms}
			}
			n, _ := b.median(name, "adoptions")
			adoptions = grouped(n)
		}
	}
	return longest, adoptions
}

func (v value) times(f float64) value { return value{v.at * f, v.missing} }

// with completes a row with what was measured.
func (f figure) with(measured, baseline value) figure {
	if measured.missing || !f.Absolute && (baseline.missing || baseline.at == 0) {
		return f
	}
	f.Measured = &measured.at
	compared := measured.at
	if !f.Absolute {
		f.Baseline = &baseline.at
		compared /= baseline.at
		f.Ratio = &compared
	}
	met := compared >= f.Goal
	if f.AtMost {
		met = compared <= f.Goal
	}
	f.Met = &met
	return f
}

// goal is the goal in words.
func (f figure) goal() string {
	s := strconv.FormatFloat(f.Goal, 'f', -1, 64)
	switch {
	case f.Absolute:
		s += " " + f.Unit
	default:
		s += " ×"
	}
	if f.AtMost {
		s += " at most"
	}
	return s
}

// table is the rows in Markdown.
func table(all []figure) string {
	var b strings.Builder
	b.WriteString("| what | goal | against | measured | baseline | ratio | |\n| --- | ---: | --- | ---: | ---: | ---: | --- |\n")
	for _, f := range all {
		measured, baseline, ratio, result := "–", "–", "–", "not measured"
		if f.Measured != nil {
			measured = amount(*f.Measured, f.Unit)
			if result = "short"; *f.Met {
				result = "met"
			}
		}
		if f.Ratio != nil {
			baseline, ratio = amount(*f.Baseline, f.Unit), fmt.Sprintf("%.2f ×", *f.Ratio)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", f.What, f.goal(), f.Against, measured, baseline, ratio, result)
	}
	return b.String()
}

func amount(v float64, unit string) string {
	if unit == "/s" {
		return number(v) + "/s"
	}
	return number(v) + " " + unit
}

// number has three digits or more, and no decimals that mean nothing.
func number(v float64) string {
	switch {
	case v >= 100 || v == 0:
		return grouped(v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// grouped is a whole number with its thousands apart.
func grouped(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
