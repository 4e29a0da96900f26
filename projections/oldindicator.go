package projections

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"math/big"
	"slices"
	"strconv"

	"spredning/ledger"
)

// OldYear is a year of the old, phase-based indicator: activity points of each
// RHF with its hospital trusts, as annex 2 of the report prints them.
type OldYear struct {
	Year    int         `json:"year"`
	Regions []OldRegion `json:"regions"` // all four, by name
	Total   int64       `json:"total"`
}

// OldRegion is what an RHF had.
type OldRegion struct {
	Region string `json:"region"`
	Points int64  `json:"points"`
	Share  Ratio  `json:"share"` // of the year's points, without averaging
}

//go:embed old/aktivitetspoeng_2015_2023.csv
var oldPoints []byte

// oldRegions are the RHFs by number. They are those of the annex, whether a
// ledger knows them or not.
var oldRegions = map[string]string{
	"991324968": "Helse Sør-Øst", "983658725": "Helse Vest", "983658776": "Helse Midt-Norge", "883658752": "Helse Nord",
}

// OldIndicator gives the years 2015 to 2023.
func OldIndicator() []OldYear {
	regions := slices.Sorted(slices.Values(ledger.Regions))
	all := []OldYear{}
	for _, row := range oldRows() {
		if row.kind != "rhf" {
			continue
		}
		k := slices.IndexFunc(all, func(y OldYear) bool { return y.Year == row.year })
		if k < 0 {
			k = len(all)
			all = append(all, OldYear{Year: row.year, Regions: make([]OldRegion, len(regions))})
		}
		at := slices.Index(regions, oldRegions[row.rhf])
		all[k].Regions[at] = OldRegion{Region: regions[at], Points: row.points}
		all[k].Total += row.points
	}
	for _, y := range all {
		for k := range y.Regions {
			y.Regions[k].Share = toRatio(new(big.Rat).SetFrac64(y.Regions[k].Points, y.Total))
		}
	}
	return all
}

type oldRow struct {
	rhf, kind string
	year      int
	points    int64
}

// oldRows reads the file, which is the program's own: a test sees that it can be
// read.
func oldRows() (rows []oldRow) {
	lines, _ := csv.NewReader(bytes.NewReader(oldPoints)).ReadAll()
	for _, l := range lines[1:] {
		year, _ := strconv.Atoi(l[4])
		points, _ := strconv.ParseInt(l[5], 10, 64)
		rows = append(rows, oldRow{l[2], l[3], year, points})
	}
	return rows
}
