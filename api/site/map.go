package site

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"spredning/ledger"
)

// helseregioner.geojson: the four health regions, derived from Kartverket's county
// borders 2024, CC BY 4.0, © Kartverket, which every map says.
//
//go:embed helseregioner.geojson
var regionOutlines []byte

// The map's units.
const (
	mapWidth  = 720
	mapMargin = 14
)

// Map is Norway with the health regions, hospitals as dots, and spread as arcs. It
// is a picture: whoever shows it says the same in a table beside it.
type Map struct {
	Label string // what it shows
	Dots  []Dot
	Arcs  []Arc
}

// Dot is a hospital on a map.
type Dot struct {
	Name, Region string
	X, Y         float64
	Made         bool // drawn as a square: where it was made
	Faint        bool // has no part in what the map shows
}

// Left and Top are those of a square around the dot.
func (d Dot) Left() string { return fmt.Sprintf("%.1f", d.X-7.5) }

// Top is its upper side.
func (d Dot) Top() string { return fmt.Sprintf("%.1f", d.Y-7.5) }

// Arc is spread from one place to another.
type Arc struct {
	Region string // whose colour it has
	Path   string
	Faint  bool
}

// dotOf gives a hospital's dot; false: nobody knows where it is.
func dotOf(o ledger.Organisation) (Dot, bool) {
	if o.Lat == nil || o.Lon == nil {
		return Dot{}, false
	}
	x, y := norway.place(*o.Lon, *o.Lat)
	x, y = math.Round(x*10)/10, math.Round(y*10)/10
	return Dot{Name: o.Name, Region: o.Region, X: x, Y: y}, true
}

// arcOf gives an arc between two dots, bent so that one back is not the same.
func arcOf(from, to Dot) Arc {
	dx, dy := to.X-from.X, to.Y-from.Y
	cx, cy := (from.X+to.X)/2+dy*0.22, (from.Y+to.Y)/2-dx*0.22
	return Arc{Region: from.Region, Path: fmt.Sprintf("M%.0f %.0fQ%.0f %.0f %.0f %.0f", from.X, from.Y, cx, cy, to.X, to.Y)}
}

// ViewBox is the map's extent.
func (Map) ViewBox() string { return fmt.Sprintf("0 0 %d %.0f", mapWidth, norway.height) }

// Land gives the regions' outlines.
func (Map) Land() []Outline { return norway.land }

// Made tells whether the map shows where something was made.
func (m Map) Made() bool {
	return slices.ContainsFunc(m.Dots, func(d Dot) bool { return d.Made })
}

// Outline is a region's outline as an SVG path.
type Outline struct{ Region, Path string }

// regionClass is the class that gives a region its colour.
func regionClass(region string) string {
	switch region {
	case "Helse Sør-Øst":
		return "region-so"
	case "Helse Vest":
		return "region-v"
	case "Helse Midt-Norge":
		return "region-m"
	case "Helse Nord":
		return "region-n"
	}
	return "region-none"
}

// norway is the map that all are drawn on.
var norway = newChart(regionOutlines)

// chart places degrees on a map in Lambert's conformal conic projection, in which
// the country looks as on Norwegian maps of it.
type chart struct {
	scale, left, top float64 // from the projection's units
	height           float64
	land             []Outline
}

type outlines struct {
	Features []struct {
		Properties struct {
			Region string `json:"region"`
		} `json:"properties"`
		Geometry struct {
			Coordinates [][][][2]float64 `json:"coordinates"`
		} `json:"geometry"`
	} `json:"features"`
}

func newChart(geojson []byte) *chart {
	var o outlines
	if err := json.Unmarshal(geojson, &o); err != nil {
		panic("helseregioner.geojson: " + err.Error())
	}
	c := &chart{scale: 1}
	left, top, right, bottom := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, f := range o.Features {
		for _, polygon := range f.Geometry.Coordinates {
			for _, p := range polygon[0] {
				x, y := conic(p[0], p[1])
				left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
			}
		}
	}
	c.scale = (mapWidth - 2*mapMargin) / (right - left)
	c.left, c.top = left, top
	c.height = math.Ceil((bottom-top)*c.scale + 2*mapMargin)
	for _, f := range o.Features {
		c.land = append(c.land, Outline{f.Properties.Region, c.outline(f.Geometry.Coordinates)})
	}
	slices.SortFunc(c.land, func(a, b Outline) int {
		return slices.Index(ledger.Regions, a.Region) - slices.Index(ledger.Regions, b.Region)
	})
	return c
}

// place gives a place in the map's units.
func (c *chart) place(lon, lat float64) (x, y float64) {
	x, y = conic(lon, lat)
	return (x-c.left)*c.scale + mapMargin, (y-c.top)*c.scale + mapMargin
}

// outline draws polygons in whole units. What is smaller than a few of them is left
// out.
func (c *chart) outline(polygons [][][][2]float64) string {
	var b strings.Builder
	for _, polygon := range polygons {
		ring := c.ring(polygon[0])
		if len(ring) < 4 {
			continue
		}
		fmt.Fprintf(&b, "M%d %dl", ring[0][0], ring[0][1])
		for k := 1; k < len(ring); k++ {
			if k > 1 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(&b, "%d %d", ring[k][0]-ring[k-1][0], ring[k][1]-ring[k-1][1])
		}
		b.WriteByte('z')
	}
	return b.String()
}

func (c *chart) ring(points [][2]float64) (ring [][2]int) {
	for _, p := range points {
		x, y := c.place(p[0], p[1])
		at := [2]int{int(math.Round(x)), int(math.Round(y))}
		if len(ring) == 0 || at != ring[len(ring)-1] {
			ring = append(ring, at)
		}
	}
	return ring
}

// The projection's standard parallels and middle meridian, in degrees.
const (
	southParallel  = 60
	northParallel  = 69
	middleMeridian = 15
)

var coneN, coneF = cone()

func cone() (n, f float64) {
	south, north := radians(southParallel), radians(northParallel)
	n = math.Log(math.Cos(south)/math.Cos(north)) / math.Log(math.Tan(math.Pi/4+north/2)/math.Tan(math.Pi/4+south/2))
	return n, math.Cos(south) * math.Pow(math.Tan(math.Pi/4+south/2), n) / n
}

// conic is Lambert's conformal conic projection of the unit sphere (Snyder, Map
// Projections, 15-1 to 15-4), y downwards.
func conic(lon, lat float64) (x, y float64) {
	rho := coneF / math.Pow(math.Tan(math.Pi/4+radians(lat)/2), coneN)
	theta := coneN * radians(lon-middleMeridian)
	return rho * math.Sin(theta), rho * math.Cos(theta)
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }
