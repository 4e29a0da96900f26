package main

import (
	"fmt"
	"math"
	"strings"
)

// curve is one line of a plot.
type curve struct {
	name string
	of   func(point) float64
}

// panel is one plot: what, in which unit, and its lines.
type panel struct {
	title  string
	curves []curve
}

var panels = []panel{
	{"appends a second", []curve{{"256 waiting", func(p point) float64 { return p.Appends }}}},
	{"reading an innovation, µs", []curve{{"not kept yet", func(p point) float64 { return p.Read }}}},
	{"a year's points, ms", []curve{{"not kept yet", func(p point) float64 { return p.Points }}}},
	{"opening a ledger, s", []curve{
		{"start", func(p point) float64 { return p.Start }},
		{"replay", func(p point) float64 { return p.Replay }},
	}},
	{"memory, MB", []curve{
		{"process", func(p point) float64 { return p.RSS * p.Entries / mega }},
		{"state and projections", func(p point) float64 { return p.Heap * p.Entries / mega }},
	}},
	{"disk, MB", []curve{
		{"log/", func(p point) float64 { return p.Log * p.Entries / mega }},
		{"jetstream/", func(p point) float64 { return p.Stream * p.Entries / mega }},
	}},
}

// The measures of a panel, in pixels: of its plot, and of what stands around it.
const (
	plotWidth, plotHeight   = 236, 170
	left, above, below, gap = 54, 34, 44, 28
	perRow                  = 3
)

const style = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .tick { font-size: 11px; fill: #59636e; }
  .grid { stroke: #d1d9e0; stroke-width: 1; }
  .ground { fill: #ffffff; }
  .a { stroke: #0b62c4; fill: #0b62c4; }
  .b { stroke: #b45309; fill: #b45309; stroke-dasharray: 5 3; }
  text.a, text.b { stroke: none; }
  polyline { fill: none !important; stroke-width: 2; }
  circle { stroke: none !important; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .tick { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .ground { fill: #0d1117; }
    .a { stroke: #6cb6ff; fill: #6cb6ff; }
    .b { stroke: #f0a85c; fill: #f0a85c; }
  }
`

// plot draws all panels, both axes logarithmic, as SVG.
func plot(all []point) string {
	width, height := perRow*(left+plotWidth+gap), (len(panels)+perRow-1)/perRow*(above+plotHeight+below)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<title id=\"title\">What a ledger takes and gives as it grows, both axes logarithmic</title>\n<style>%s</style>\n", style)
	fmt.Fprintf(&b, `<rect class="ground" width="%d" height="%d"/>`+"\n", width, height)
	for i, p := range panels {
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n%s</g>\n", i%perRow*(left+plotWidth+gap)+left, i/perRow*(above+plotHeight+below)+above, p.draw(all))
	}
	return b.String() + "</svg>\n"
}

// axis is a logarithmic axis of whole decades, from one power of ten to another.
type axis struct{ from, to int }

func axisOf(values []float64) axis {
	least, most := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v > 0 {
			least, most = min(least, v), max(most, v)
		}
	}
	if least > most {
		return axis{0, 1}
	}
	a := axis{int(math.Floor(math.Log10(least))), int(math.Ceil(math.Log10(most)))}
	a.to = max(a.to, a.from+1)
	return a
}

// at is where a value lies, from 0 to 1.
func (a axis) at(v float64) float64 {
	return (math.Log10(v) - float64(a.from)) / float64(a.to-a.from)
}

func (p panel) draw(all []point) string {
	var xs, ys []float64
	for _, at := range all {
		xs = append(xs, at.Entries)
		for _, c := range p.curves {
			ys = append(ys, c.of(at))
		}
	}
	x, y := axisOf(xs), axisOf(ys)
	var b strings.Builder
	fmt.Fprintf(&b, `<text class="title" x="0" y="-12">%s</text>`+"\n", p.title)
	for e := x.from; e <= x.to; e++ {
		at := x.at(math.Pow10(e)) * plotWidth
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" x2="%.1f" y1="0" y2="%d"/><text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", at, at, plotHeight, at, plotHeight+15, power(e))
	}
	for e := y.from; e <= y.to; e++ {
		at := (1 - y.at(math.Pow10(e))) * plotHeight
		fmt.Fprintf(&b, `<line class="grid" x1="0" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="-6" y="%.1f" text-anchor="end">%s</text>`+"\n", plotWidth, at, at, at+4, power(e))
	}
	fmt.Fprintf(&b, `<text class="tick" x="%d" y="%d" text-anchor="middle">entries</text>`+"\n", plotWidth/2, plotHeight+31)
	for i, c := range p.curves {
		class := string(rune('a' + i))
		var line []string
		for _, at := range all {
			if v := c.of(at); v > 0 {
				cx, cy := x.at(at.Entries)*plotWidth, (1-y.at(v))*plotHeight
				line = append(line, fmt.Sprintf("%.1f,%.1f", cx, cy))
				fmt.Fprintf(&b, `<circle class="%s" cx="%.1f" cy="%.1f" r="3.5"><title>%s at %s entries: %s</title></circle>`+"\n", class, cx, cy, c.name, grouped(at.Entries), number(v))
			}
		}
		fmt.Fprintf(&b, `<polyline class="%s" points="%s"/>`+"\n", class, strings.Join(line, " "))
		fmt.Fprintf(&b, `<text class="%s" x="%d" y="%d" text-anchor="end">%s</text>`+"\n", class, plotWidth-6, plotHeight-10-15*(len(p.curves)-1-i), c.name)
	}
	return b.String()
}

// power writes a power of ten.
func power(e int) string {
	switch {
	case e >= 6:
		return fmt.Sprintf("%s M", grouped(math.Pow10(e-6)))
	case e >= 0:
		return grouped(math.Pow10(e))
	}
	return fmt.Sprintf("%.*f", -e, math.Pow10(e))
}
