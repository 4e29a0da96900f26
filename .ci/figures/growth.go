package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// point is what a ledger of so many entries takes and gives; what was not measured
// is 0.
type point struct {
	Entries float64 `json:"entries"`
	Appends float64 `json:"appends_per_second"`
	Read    float64 `json:"read_us"`       // of one innovation, that is not kept yet
	Points  float64 `json:"points_ms"`     // of a year, that are not kept yet
	First   float64 `json:"first_start_s"` // without a snapshot
	Start   float64 `json:"start_s"`       // from one
	Replay  float64 `json:"replay_s"`
	Heap    float64 `json:"heap_bytes_per_entry"`     // state and projections
	RSS     float64 `json:"resident_bytes_per_entry"` // of the process, the server in it
	Log     float64 `json:"log_bytes_per_entry"`
	Stream  float64 `json:"stream_bytes_per_entry"`
	Kept    float64 `json:"snapshot_bytes_per_entry"`
}

func growth(b *bench) (all []point) {
	for _, n := range b.sizes("Growth/entries=") {
		at := func(part, unit string) float64 {
			v, _ := b.median(fmt.Sprintf("Growth/entries=%d/%s", n, part), unit)
			return v
		}
		all = append(all, point{
			Entries: float64(n), Appends: at("open", "appends/s"), Read: at("open", "read-µs"), Points: at("open", "points-ms"),
			First: at("open", "first-s"), Start: at("start", "start-s"), Replay: at("replay", "replay-s"), Heap: at("replay", "heap-B/entry"),
			RSS: at("open", "rss-B/entry"), Log: at("disk", "log-B/entry"), Stream: at("disk", "stream-B/entry"), Kept: at("start", "snapshot-B/entry"),
		})
	}
	return all
}

const mega = 1 << 20

func growthTable(all []point) string {
	var b strings.Builder
	b.WriteString("| entries | appends | one innovation | a year's points | start | without a snapshot | replay | memory | process | `log/` | `jetstream/` | `snapshots/` |\n" +
		"| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, p := range all {
		fmt.Fprintf(&b, "| %s | %s/s | %s µs | %s ms | %s s | %s s | %s s | %s MB | %s MB | %s MB | %s MB | %s MB |\n", grouped(p.Entries), number(p.Appends), number(p.Read),
			number(p.Points), number(p.Start), number(p.First), number(p.Replay), number(p.Heap*p.Entries/mega), number(p.RSS*p.Entries/mega), number(p.Log*p.Entries/mega), number(p.Stream*p.Entries/mega), number(p.Kept*p.Entries/mega))
	}
	return b.String()
}

// What is assumed of Europe.
const (
	hospitals = 15_000
	entries   = 100_000_000
	years     = 10  // in which they come
	countries = 30  // each with a stream of its own
	adopting  = .85 // of all entries confirm an adoption
	memory    = 64  // GB of a machine

	lastDay  = .1     // of a year's entries come on its last day,
	worktime = 8      // in so many hours
	peers    = 20     // people at each hospital
	looks    = 10     // addresses that each of them asks for in a day,
	busiest  = 1. / 8 // of them in the busiest hour
)

// paper computes from the largest ledger what Europe would need.
func paper(all []point, b *bench) string {
	if len(all) == 0 {
		return "Not measured.\n"
	}
	p := all[len(all)-1]
	reads, _ := b.median("Read/innovation", "reads/s")
	scale := entries / p.Entries
	part := scale / countries
	gb := func(bytes float64) string { return number(bytes/(1<<30)) + " GB" }
	perYear := p.Entries * adopting // all of the measured ledger's adoptions are of one year
	pointsOf := func(adoptions float64) string { return number(p.Points/1000*adoptions/perYear) + " s" }
	peakWrites := entries / years * lastDay / (worktime * 3600)
	peakReads := hospitals * peers * looks * busiest / 3600.
	var t strings.Builder
	fmt.Fprintf(&t, "| what | measured, %s entries | one ledger of %s | each of %d countries | how |\n| --- | ---: | ---: | ---: | --- |\n", grouped(p.Entries), grouped(entries), countries)
	row := func(what, measured, whole, each, how string) {
		fmt.Fprintf(&t, "| %s | %s | %s | %s | %s |\n", what, measured, whole, each, how)
	}
	row("memory, state and projections", gb(p.Heap*p.Entries), gb(p.Heap*entries), gb(p.Heap*entries/countries), fmt.Sprintf("%s bytes an entry", number(p.Heap)))
	row("memory of the process", gb(p.RSS*p.Entries), gb(p.RSS*entries), gb(p.RSS*entries/countries), fmt.Sprintf("%s bytes an entry", number(p.RSS)))
	row("disk, `log/`", gb(p.Log*p.Entries), gb(p.Log*entries), gb(p.Log*entries/countries), fmt.Sprintf("%s bytes an entry", number(p.Log)))
	row("disk, `jetstream/`", gb(p.Stream*p.Entries), gb(p.Stream*entries), gb(p.Stream*entries/countries), fmt.Sprintf("%s bytes an entry", number(p.Stream)))
	row("replay from entry 0", number(p.Replay)+" s", number(p.Replay*scale/60)+" min", number(p.Replay*part)+" s", "as many times longer")
	row("disk, `snapshots/`", gb(p.Kept*p.Entries), gb(p.Kept*entries), gb(p.Kept*entries/countries), fmt.Sprintf("%s bytes an entry, two of them", number(p.Kept)))
	row("start from a snapshot", number(p.Start)+" s", number(p.Start*scale/60)+" min", number(p.Start*part)+" s", "as many times longer")
	row("a year's points, first read", number(p.Points)+" ms", pointsOf(entries*adopting/years), pointsOf(entries*adopting/years/countries), fmt.Sprintf("%s ms for 1,000 adoptions", number(p.Points/perYear*1000)))
	row("writes in the busiest hour", number(p.Appends)+"/s can be taken", number(peakWrites)+"/s come", number(peakWrites/countries)+"/s come", fmt.Sprintf("%.0f %% of a year's entries on its last day, in %d hours", lastDay*100, worktime))
	if reads > 0 {
		row("reads in the busiest hour", number(reads)+"/s can be given", number(peakReads)+"/s come", number(peakReads/countries)+"/s come", fmt.Sprintf("%d people at each of %s hospitals, %d addresses a day, an eighth in one hour", peers, grouped(hospitals), looks))
	}
	t.WriteString("\n" + limits(p))
	return t.String()
}

// What is taken for too much.
const (
	tooSlow  = 5   // seconds for a year's points
	tooLate  = 600 // seconds for a start
	disk     = 1   // TB of a machine
	numbered = 1 << 32
)

// limits tells at which size of one ledger each thing is too much, the first first.
func limits(p point) string {
	type limit struct {
		what string
		at   float64
	}
	all := []limit{
		{fmt.Sprintf("the first read of a year's points after an entry takes %d s", tooSlow), years * p.Entries * tooSlow / (p.Points / 1000)},
		{fmt.Sprintf("the process takes %d GB of memory", memory), memory * (1 << 30) / p.RSS},
		{fmt.Sprintf("a start takes %d minutes", tooLate/60), p.Entries * tooLate / p.Start},
		{fmt.Sprintf("`log/` and `jetstream/` take %d TB of disk", disk), disk * (1 << 40) / (p.Log + p.Stream)},
		{"the busiest hour brings more events than are taken", p.Appends * years * worktime * 3600 / lastDay},
		{"projections run out of numbers for entries, which have 32 bits there", numbered},
	}
	all = slices.DeleteFunc(all, func(l limit) bool { return l.at == 0 || math.IsInf(l.at, 0) }) // not measured
	slices.SortFunc(all, func(a, b limit) int { return cmp.Compare(a.at, b.at) })
	var t strings.Builder
	t.WriteString("| what breaks, in this order | at entries |\n| --- | ---: |\n")
	for _, l := range all {
		fmt.Fprintf(&t, "| %s | %s million |\n", l.what, number(l.at/1e6))
	}
	return t.String()
}
