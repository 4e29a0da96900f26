package projections_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// BenchmarkSimulate simulates new rules over a million adoptions (a tenth of that with -short): sums by organisation,
// region and year, without lines. Beside it stands what it rests on: folding the ledger, and reading its years.
func BenchmarkSimulate(b *testing.B) {
	adoptions := 1_000_000
	if testing.Short() {
		adoptions = 100_000
	}
	before := heap()
	f := crowd(adoptions)
	f.Readings()
	perEntry := float64(heap()-before) / float64(f.Position)
	b.Run("Readings", func(b *testing.B) {
		before := processorTime()
		for b.Loop() {
			f.Reread()
		}
		b.ReportMetric((processorTime()-before).Seconds()*1000/float64(b.N), "cpu-ms/op")
		b.ReportMetric(perEntry, "fold-B/entry")
		b.ReportMetric(float64(f.ReadingBytes())/float64(f.Position), "readings-B/entry")
	})
	readings := f.Readings()
	for _, r := range crowdRules {
		b.Run("rules="+r.name, func(b *testing.B) {
			rules := plainRules()
			r.change(&rules)
			var total ledger.Milli
			before := processorTime()
			for b.Loop() {
				for _, y := range readings.Simulate(&rules, false) {
					total += y.Total
				}
			}
			if total == 0 {
				b.Error("nobody has got points")
			}
			b.ReportMetric((processorTime()-before).Seconds()*1000/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(readings.Adoptions()), "adoptions")
		})
	}
	runtime.KeepAlive(f)
}

// crowdRules are what is simulated.
var crowdRules = []struct {
	name   string
	change func(*ledger.Rules)
}{
	{"values", func(r *ledger.Rules) { r.Adopter.SameRegion = new(ledger.Milli(100)) }},
	{"project", project},
	{"lineage", once},
	{"limits", func(r *ledger.Rules) { r.MaxAdoptionsPerInnovation, r.MaxPerOriginatorAdopter = new(5), new(3) }},
	{"all", func(r *ledger.Rules) {
		project(r)
		once(r)
		r.MaxAdoptionsPerInnovation, r.MaxPerOriginatorAdopter, r.OwnFundingOnly = new(5), new(3), new(false)
	}},
}

func plainRules() ledger.Rules {
	return ledger.Rules{
		ID: "plain", FromYear: 2020, Basis: ledger.BasisAdoption, Lineage: ledger.LineageEach,
		Originator:    ledger.Values{SameRegion: new(ledger.Milli(1000)), OtherRegion: new(ledger.Milli(1000))},
		Adopter:       ledger.Values{SameRegion: new(ledger.Milli(250)), OtherRegion: new(ledger.Milli(250))},
		EligibleKinds: []ledger.Kind{ledger.KindHF, ledger.KindPrivateNonprofit}, OwnFundingOnly: new(true), ExcludeRegionalInitiatives: new(true),
		MaxAdoptionsPerInnovation: new(0), MaxPerOriginatorAdopter: new(0), Illustrative: new(true),
	}
}

// processorTime is what the program has used, of all processors: what tells when others share them.
func processorTime() time.Duration {
	var u syscall.Rusage
	must(nil, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// crowd folds a ledger of many adoptions that nobody has signed: a thousand organisations, an innovation for ten
// adoptions, a fifth of them with two or three originators, a tenth branches; six years, of which four are closed, and
// some assessments, decisions, mergers and successions.
func crowd(adoptions int) *projections.Fold {
	c := &crowded{Fold: projections.NewFold(), Rand: rand.New(rand.NewPCG(1, 2)), adopters: map[string][]ledger.Orgnr{}}
	c.found()
	const years = 6
	for year := range years {
		c.say(c.orgs[0], &ledger.YearOpening{Year: 2020 + year})
		for range adoptions / 10 / years {
			c.publish()
		}
		for range adoptions / years {
			c.confirm(2020 + year)
		}
		c.disturb(adoptions / 1000 / years)
		if year < years-2 {
			c.say(c.orgs[0], &ledger.YearClosing{Year: 2020 + year})
		}
	}
	return c.Fold
}

type crowded struct {
	*projections.Fold
	*rand.Rand
	orgs     []ledger.Orgnr
	ids      []string
	makers   map[string][]ledger.Originator
	adopters map[string][]ledger.Orgnr
}

func (c *crowded) say(by ledger.Orgnr, d ledger.Data) string {
	var id ulid.ULID
	must(nil, id.SetTime(uint64(1_600_000_000_000+c.Position)))
	c.Apply(&ledger.Entry{
		Signed: ledger.Signed{Event: ledger.Event{ID: id, Type: ledger.TypeOf(d), By: by, At: time.Unix(1_600_000_000, 0), Data: d}, Envelope: keys.Envelope{}},
		Index:  c.Position,
	})
	return id.String()
}

func (c *crowded) found() {
	first := 10_000_000
	for len(c.orgs) < 1000 {
		for check := range 10 {
			if o := ledger.Orgnr(fmt.Sprint(first, check)[:8] + fmt.Sprint(check)); o.Valid() {
				c.orgs = append(c.orgs, o)
			}
		}
		first++
	}
	c.say(c.orgs[0], &ledger.Founding{Illustrative: new(true), Authority: ledger.Organisation{Orgnr: c.orgs[0], Kind: ledger.KindAuthority}})
	for n, o := range c.orgs[1:] {
		kind := ledger.KindHF
		if n%10 == 0 {
			kind = ledger.KindMunicipality
		}
		c.say(c.orgs[0], &ledger.Registration{Organisation: ledger.Organisation{
			Orgnr: o, Name: "Hospital " + string(o), Kind: kind, Region: ledger.Regions[n%4], MeasuredFrom: new(2003),
		}})
	}
	rules := plainRules()
	c.say(c.orgs[0], &ledger.RulesPublication{Rules: rules})
	c.makers = map[string][]ledger.Originator{}
}

func (c *crowded) org() ledger.Orgnr { return c.orgs[1+c.IntN(len(c.orgs)-1)] }

func (c *crowded) publish() {
	makers := []ledger.Originator{{Orgnr: c.org(), Share: 1000}}
	if n := c.IntN(10); n < 2 {
		makers = []ledger.Originator{{Orgnr: c.orgs[1+c.IntN(500)], Share: 333}, {Orgnr: c.orgs[501+c.IntN(499)], Share: 667}}
	}
	d := &ledger.Publication{Innovation: ledger.Innovation{
		Title: worldText("An innovation"), Summary: worldText("What it does."), Kind: "service", Originators: makers,
		Funding: []ledger.Funding{ledger.Own}, RegionalInitiative: new(c.IntN(20) == 0), InUseSince: "2019-01-01",
	}}
	if c.IntN(10) == 0 {
		d.Funding = []ledger.Funding{"eu"}
	}
	if len(c.ids) > 0 && c.IntN(10) == 0 {
		d.DerivedFrom = c.ids[c.IntN(len(c.ids))]
	}
	id := c.say(makers[0].Orgnr, d)
	c.ids, c.makers[id] = append(c.ids, id), makers
}

func (c *crowded) confirm(year int) {
	id := c.ids[c.IntN(len(c.ids))]
	adopter := c.org()
	if slices.Contains(c.adopters[id], adopter) || slices.ContainsFunc(c.makers[id], func(o ledger.Originator) bool { return o.Orgnr == adopter }) {
		c.confirm(year)
		return
	}
	c.adopters[id] = append(c.adopters[id], adopter)
	c.say(adopter, &ledger.Confirmation{Innovation: id, InUseFrom: ledger.Date(fmt.Sprintf("%d-02-01", year)), Extent: "hospital", Form: "as_is", Funding: []ledger.Funding{ledger.Own}})
}

// disturb lets some of what is rare happen.
func (c *crowded) disturb(times int) {
	for range times {
		id := c.ids[c.IntN(len(c.ids))]
		if of := c.adopters[id]; len(of) > 0 {
			c.say(c.orgs[1], &ledger.Decision{Innovation: id, Adopter: of[0], Upheld: new(c.IntN(2) == 0), Reason: worldText("So.")})
		}
		c.say(c.orgs[1], &ledger.Assessment{Innovation: id, Eligible: new(true), Reason: worldText("So.")})
	}
	for range times / 10 {
		last := c.ids[len(c.ids)-1]
		c.ids = c.ids[:len(c.ids)-1]
		c.say(c.orgs[1], &ledger.Merger{Innovation: last, Into: c.ids[c.IntN(len(c.ids)/2)], Reason: worldText("The same.")})
	}
}
