package opendata

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"spredning/projections"
)

// Reasons for which a size is listed.
const (
	ReasonClosing = "closing" // a year closed with its last entry
	ReasonDay     = "day"     // the first that was asked for on a day
	ReasonNewest  = "newest"
	ReasonRecent  = "recent" // was the newest a moment ago: downloads of it may be under way
)

// Reason is why a size is listed.
type Reason struct {
	Reason string `json:"reason"`
	Year   int    `json:"year,omitzero"` // that closed
	Day    string `json:"day,omitzero"`  // by this node's clock, in UTC
}

// How often there is a newest size, and how many that were it are still served.
const (
	newestEvery = 10 * time.Minute
	recentKept  = 6
)

// designated are the sizes that time has picked, as they are remembered.
type designated struct {
	Days   []dayOf    `json:"days"`   // oldest first
	Newest []newestAt `json:"newest"` // the last one is
}

type dayOf struct {
	Day  string `json:"day"`
	Size int64  `json:"size"`
}

type newestAt struct {
	Size int64     `json:"size"`
	At   time.Time `json:"at"`
}

// designate lets time pick sizes at a position, and tells whether anything
// changed: once a day, and once every ten minutes.
func (d *designated) designate(now time.Time, position int64, days int) (changed bool) {
	changed = d.forget(position)
	if n := len(d.Newest); n == 0 || position > d.Newest[n-1].Size && elapsed(d.Newest[n-1].At, now) {
		d.Newest = append(d.Newest, newestAt{position, now.UTC().Truncate(time.Second)})
		changed = true
	}
	newest := d.Newest[len(d.Newest)-1].Size
	today := now.UTC().Format(time.DateOnly)
	if n := len(d.Days); n == 0 || d.Days[n-1].Day < today && d.Days[n-1].Size < newest {
		d.Days = append(d.Days, dayOf{today, newest})
		changed = true
	}
	if n := len(d.Newest) - 1 - recentKept; n > 0 {
		d.Newest = slices.Delete(d.Newest, 0, n)
	}
	if n := len(d.Days) - days; n > 0 {
		d.Days, changed = slices.Delete(d.Days, 0, n), true
	}
	return changed
}

// forget drops sizes that the ledger does not have: another one was here before.
func (d *designated) forget(position int64) bool {
	before := len(d.Days) + len(d.Newest)
	d.Days = slices.DeleteFunc(d.Days, func(x dayOf) bool { return x.Size > position || x.Size < 1 })
	d.Newest = slices.DeleteFunc(d.Newest, func(x newestAt) bool { return x.Size > position || x.Size < 1 })
	return len(d.Days)+len(d.Newest) != before
}

// elapsed also holds when the clock was set back.
func elapsed(since, now time.Time) bool {
	d := now.Sub(since)
	return d >= newestEvery || d < 0
}

// reasons gives the listed sizes with why, newest first.
func (d *designated) reasons(closed []projections.Year) []Listed {
	reasons := map[int64][]Reason{}
	for _, n := range d.Newest {
		reasons[n.Size] = []Reason{{Reason: ReasonRecent}}
	}
	for _, y := range closed {
		if y.Closed != nil {
			size := *y.Closed + 1
			reasons[size] = append(reasons[size], Reason{Reason: ReasonClosing, Year: y.Year})
		}
	}
	for _, day := range d.Days {
		reasons[day.Size] = append(reasons[day.Size], Reason{Reason: ReasonDay, Day: day.Day})
	}
	all := make([]Listed, 0, len(reasons))
	for size, why := range reasons {
		all = append(all, Listed{Size: size, Reasons: why})
	}
	slices.SortFunc(all, func(a, b Listed) int { return int(b.Size - a.Size) })
	if len(all) > 0 {
		others := slices.DeleteFunc(all[0].Reasons, func(r Reason) bool { return r.Reason == ReasonRecent })
		all[0].Reasons = append([]Reason{{Reason: ReasonNewest}}, others...)
	}
	return all
}

const designatedName = "sizes.json"

// load reads what is remembered. Nothing but the days' list hangs on it, so a
// file that cannot be read is begun anew.
func (d *designated) load(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, designatedName))
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, d)
	}
	if err != nil {
		*d = designated{}
	}
	return err
}

func (d *designated) save(dir string) error {
	b, err := json.Marshal(d, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	draft := filepath.Join(dir, "."+designatedName)
	if err := os.WriteFile(draft, append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(draft, filepath.Join(dir, designatedName))
}

// sizeOf reads a size as addresses and folders have it.
func sizeOf(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatInt(n, 10) == s
}
