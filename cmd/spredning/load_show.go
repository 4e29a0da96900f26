package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// showDriven prints how a ledger bore a load.
func (e *env) showDriven(d driven) {
	loop := fmt.Sprintf("closed loop, %d waiting", d.Waiting)
	if d.Loop == "open" {
		loop = fmt.Sprintf("open loop, %g arrivals a second", d.Rate)
	}
	how := map[string]string{"http": "over HTTP", "in_process": "in process"}[d.How]
	e.paragraph(fmt.Sprintf("%s %s, %s: %s, %.1f s, entries of %d bytes, mix %s.", d.Ledger, d.Where, how, loop, d.Seconds, d.Size, mixOf(d.Mix)))
	fmt.Fprintln(e.out)
	header := []string{"What", ">Number", ">/s", ">p50 ms", ">p99 ms", ">p99.9 ms", ">max ms"}
	var rows [][]string
	if w := d.Writes; w.Count > 0 || d.Reads == nil {
		rows = append(rows, answersRow("events", w.Count, w.PerSecond, w.Latency))
	}
	if r := d.Reads; r != nil {
		rows = append(rows, answersRow("reads", r.Count, r.PerSecond, r.Latency))
	}
	if f := d.Followers; f != nil {
		rows = append(rows, answersRow(fmt.Sprintf("lag of %d followers", f.Count), f.Entries, float64(f.Entries)/max(d.Seconds, 1e-9), f.Lag))
	}
	e.table(header, rows)
	e.showRefused(d)
	if b := d.Baseline; b != nil {
		what := map[string]string{"per_second": ">Ratio", "p50": ">Ratio of p50"}[b.Of]
		fmt.Fprintln(e.out)
		e.table([]string{"Beside it, bare, on this machine", ">/s", ">p50 ms", what},
			[][]string{{b.What, fmt.Sprintf("%.0f", b.PerSecond), fmt.Sprintf("%.2f", b.Latency.P50), fmt.Sprintf("%.2f ×", b.Ratio)}})
	}
	if d.Loop == "open" {
		fmt.Fprintln(e.out)
		e.paragraph(fmt.Sprintf("Times are from when an event was to be sent. The client began %.2f ms late at most.", d.Late))
	}
	if f := d.Followers; f != nil && len(f.Faults) == 0 {
		fmt.Fprintln(e.out)
		e.paragraph("Every follower got every entry once, in order. Lag is from the answer to who submitted it.")
	}
}

// paragraph prints a paragraph.
func (e *env) paragraph(s string) {
	for _, line := range wrap(s, columns) {
		fmt.Fprintln(e.out, line)
	}
}

func mixOf(weights map[string]int) string {
	var m mix
	for name, weight := range weights {
		m[slices.Index(kindNames[:], name)] = weight
	}
	return strings.ReplaceAll(m.String(), ",", ", ")
}

func answersRow(what string, count int64, rate float64, s spread) []string {
	row := []string{what, fmt.Sprint(count), fmt.Sprintf("%.0f", rate)}
	for _, ms := range []float64{s.P50, s.P99, s.P999, s.Max} {
		row = append(row, fmt.Sprintf("%.2f", ms))
	}
	return row
}

// showRefused prints what got no receipt, and why.
func (e *env) showRefused(d driven) {
	var rows [][]string
	for _, code := range slices.Sorted(maps.Keys(d.Refused)) {
		rows = append(rows, []string{string(code), fmt.Sprint(d.Refused[code])})
	}
	if d.Failed > 0 {
		rows = append(rows, []string{"no answer", fmt.Sprint(d.Failed)})
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprintln(e.out)
	e.table([]string{"Refused", ">Number"}, rows)
	if d.Refused["overloaded"] > 0 && d.Where != "in a temporary folder" {
		fmt.Fprintln(e.out)
		e.paragraph("overloaded: a server takes so many a second from one address; spredning serve --write-rate 0 --read-rate 0 lifts that.")
	}
}

// showBaseline measures and prints what this machine can do bare.
func (e *env) showBaseline(ctx context.Context, size int, lasting time.Duration) error {
	all, err := e.baselines(ctx, size, lasting)
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(struct {
			Size int        `json:"size"`
			Bare []measured `json:"bare"`
		}{size, all})
	}
	e.paragraph(fmt.Sprintf("What this machine can do without a ledger, with messages of %d bytes, synced at every append (JetStream, embedded):", size))
	fmt.Fprintln(e.out)
	var rows [][]string
	for _, m := range all {
		row := []string{m.What, fmt.Sprintf("%.0f", m.PerSecond), "", ""}
		if m.Latency != nil {
			row[2], row[3] = fmt.Sprintf("%.2f", m.Latency.P50), fmt.Sprintf("%.2f", m.Latency.P99)
		}
		rows = append(rows, row)
	}
	e.table([]string{"Bare", ">/s", ">p50 ms", ">p99 ms"}, rows)
	return nil
}
