package projections_test

// Tests that pin the naive fold itself, each with its table worked out by hand.

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The organisations of every story. Haraldsplass is a private non-profit hospital, Utenfor has no region.
const (
	naiveAuthority    = "983887406"
	naiveBergen       = "983974724" // Helse Vest
	naiveStavanger    = "983974678" // Helse Vest
	naiveStOlav       = "883974832" // Helse Midt-Norge
	naiveUNN          = "983974899" // Helse Nord
	naiveHaraldsplass = "984027737" // Helse Vest
	naiveUtenfor      = "987554401"
	naiveNewcomer     = "919865636" // registered only where a story needs a successor
)

var naiveShort = map[string]string{
	naiveBergen: "bergen", naiveStavanger: "stavanger", naiveStOlav: "stolav", naiveUNN: "unn",
	naiveHaraldsplass: "haraldsplass", naiveUtenfor: "utenfor", naiveNewcomer: "newcomer",
}

// Five innovations.
const (
	naiveA = "01K0000000000000000000000A"
	naiveB = "01K0000000000000000000000B"
	naiveC = "01K0000000000000000000000C"
	naiveD = "01K0000000000000000000000D"
	naiveE = "01K0000000000000000000000E"
)

// naiveFields are the data of an event, or what a test changes in it.
type naiveFields map[string]any

func (f naiveFields) with(changes naiveFields) naiveFields {
	f = maps.Clone(f)
	maps.Copy(f, changes)
	return f
}

// naiveStory is a ledger in the making. Its first nine entries, 0 to 8, are the same in every test.
type naiveStory struct{ entries [][]byte }

func newNaiveStory() *naiveStory {
	s := &naiveStory{}
	s.say("ledger.founded", naiveAuthority, naiveFields{"authority": naiveHospital(naiveAuthority, "").with(naiveFields{"kind": "authority"})})
	s.register(naiveHospital(naiveBergen, "Helse Vest"))
	s.register(naiveHospital(naiveStavanger, "Helse Vest"))
	s.register(naiveHospital(naiveStOlav, "Helse Midt-Norge"))
	s.register(naiveHospital(naiveUNN, "Helse Nord"))
	s.register(naiveHospital(naiveHaraldsplass, "Helse Vest").with(naiveFields{"kind": "private_nonprofit"}))
	s.register(naiveHospital(naiveUtenfor, ""))
	s.rules(nil)
	s.open(2026)
	return s
}

// say appends an event as an envelope that nobody signed.
func (s *naiveStory) say(kind, by string, data naiveFields) {
	s.sayAs(fmt.Sprintf("01K%023d", len(s.entries)), kind, by, data)
}

func (s *naiveStory) sayAs(id, kind, by string, data naiveFields) {
	payload := naiveJSON(naiveFields{"ledger": "test", "id": id, "type": kind, "by": by, "at": "2026-11-22T10:15:00Z", "data": data})
	s.entries = append(s.entries, naiveJSON(naiveFields{
		"payload":     base64.StdEncoding.EncodeToString(payload),
		"payloadType": "application/vnd.spredning.event.v1+json",
		"signatures":  []any{},
	}))
}

func naiveJSON(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

func naiveHospital(orgnr, region string) naiveFields {
	return naiveFields{"orgnr": orgnr, "name": naiveShort[orgnr], "kind": "hf", "region": region, "measured_from": 2003}
}

func (s *naiveStory) register(organisation naiveFields) {
	s.say("organisation.registered", naiveAuthority, organisation)
}

// rules publishes values that tell reach and role apart: 1 or 0.6 to originators, 0.25 or 0.15 to adopters.
func (s *naiveStory) rules(changes naiveFields) {
	s.say("rules.published", naiveAuthority, naiveFields{"rules": naiveFields{
		"id": "test", "from_year": 2026, "basis": "adoption",
		"originator":     naiveFields{"same_region": 0.6, "other_region": 1},
		"adopter":        naiveFields{"same_region": 0.15, "other_region": 0.25},
		"eligible_kinds": []string{"hf", "private_nonprofit"}, "own_funding_only": true, "exclude_regional_initiatives": true,
		"lineage": "each", "max_adoptions_per_innovation": 0, "max_per_originator_adopter": 0, "illustrative": true,
	}.with(changes)})
}

func (s *naiveStory) open(year int) { s.say("year.opened", naiveAuthority, naiveFields{"year": year}) }

func (s *naiveStory) close(year int) { s.say("year.closed", naiveAuthority, naiveFields{"year": year}) }

// naiveOrigin is an innovation's data with the originators, written as orgnr and share in turn.
func naiveOrigin(shares ...any) naiveFields {
	var originators []naiveFields
	for pair := range slices.Chunk(shares, 2) {
		originators = append(originators, naiveFields{"orgnr": pair[0], "share": pair[1]})
	}
	return naiveFields{"originators": originators, "funding": []string{"own"}, "regional_initiative": false}
}

var naiveOfBergen = naiveOrigin(naiveBergen, 1000)

func (s *naiveStory) publish(id string, innovation naiveFields) {
	s.sayAs(id, "innovation.published", naiveBergen, innovation)
}

func (s *naiveStory) revise(id string, innovation naiveFields) {
	s.say("innovation.revised", naiveBergen, innovation.with(naiveFields{"innovation": id}))
}

func (s *naiveStory) assess(id string, eligible bool) {
	s.say("innovation.assessed", naiveUNN, naiveFields{"innovation": id, "eligible": eligible})
}

func (s *naiveStory) merge(id, into string) {
	s.say("innovation.merged", naiveBergen, naiveFields{"innovation": id, "into": into})
}

func (s *naiveStory) succeed(successor string, predecessors ...string) {
	s.say("organisation.succeeded", naiveAuthority, naiveFields{"predecessors": predecessors, "successor": successor})
}

func (s *naiveStory) confirm(id, adopter, inUseFrom string) {
	s.say("adoption.confirmed", adopter, naiveFields{"innovation": id, "in_use_from": inUseFrom, "funding": []string{"rhf"}})
}

func (s *naiveStory) retract(id, adopter string) {
	s.say("adoption.retracted", adopter, naiveFields{"innovation": id})
}

func (s *naiveStory) dispute(id, adopter, by string) {
	s.say("adoption.disputed", by, naiveFields{"innovation": id, "adopter": adopter})
}

func (s *naiveStory) withdrawDispute(id, adopter, by string) {
	s.say("dispute.withdrawn", by, naiveFields{"innovation": id, "adopter": adopter})
}

func (s *naiveStory) decide(id, adopter string, upheld bool) {
	s.say("dispute.decided", naiveUNN, naiveFields{"innovation": id, "adopter": adopter, "upheld": upheld})
}

// naiveLines writes each line of a table as "index organisation role reach points", sorted.
func naiveLines(table naivePoints) []string {
	lines := []string{}
	for _, row := range table.Rows {
		for _, line := range row.Lines {
			reach := strings.TrimSuffix(line.Reach, "_region")
			lines = append(lines, fmt.Sprintf("%02d %s %s %s %d", line.Index, naiveShort[row.Orgnr], line.Role, reach, line.Points))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestNaiveLines tells short stories, from entry 9 on, and compares the lines of each opened year.
func TestNaiveLines(t *testing.T) {
	type years map[int][]string
	none := []string{}
	tests := []struct {
		name string
		tell func(s *naiveStory)
		want years
	}{
		{
			"shares of two originators, and each its own reach",
			func(s *naiveStory) {
				s.publish(naiveA, naiveOrigin(naiveBergen, 600, naiveStOlav, 400))
				s.confirm(naiveA, naiveStavanger, "2026-02-01") // 0.6 of 600 and 0.4 of 1000
				s.confirm(naiveA, naiveUNN, "2026-02-01")
			},
			years{2026: {
				"10 bergen originator same 360", "10 stavanger adopter same 150", "10 stolav originator other 400",
				"11 bergen originator other 600", "11 stolav originator other 400", "11 unn adopter other 250",
			}},
		},
		{
			"a third's remainder goes to the largest",
			func(s *naiveStory) {
				s.rules(naiveFields{"originator": naiveFields{"same_region": 0.1, "other_region": 0.25}})
				s.publish(naiveA, naiveOrigin(naiveStavanger, 333, naiveBergen, 333, naiveStOlav, 334))
				s.confirm(naiveA, naiveUNN, "2026-02-01") // 83.25 + 83.25 + 83.5 = 250
			},
			years{2026: {
				"11 bergen originator other 83", "11 stavanger originator other 83", "11 stolav originator other 84",
				"11 unn adopter other 250",
			}},
		},
		{
			"a lapsed share is not shared out, a half rounds up, a tie goes to the lower orgnr",
			func(s *naiveStory) {
				s.rules(naiveFields{"originator": naiveFields{"same_region": 0.1, "other_region": 0.25}, "eligible_kinds": []string{"hf"}})
				s.publish(naiveA, naiveOrigin(naiveBergen, 333, naiveStavanger, 333, naiveHaraldsplass, 334))
				s.confirm(naiveA, naiveUNN, "2026-02-01") // 83.25 + 83.25 = 166.5, so 167; Stavanger is 983974678
			},
			years{2026: {"11 bergen originator other 83", "11 stavanger originator other 84", "11 unn adopter other 250"}},
		},
		{
			"basis adoption gives a line each time",
			naiveFourAdoptions(nil),
			years{2026: {
				"11 bergen originator same 600", "11 stavanger adopter same 150",
				"12 bergen originator other 1000", "12 stolav adopter other 250",
				"13 bergen originator same 600", "13 haraldsplass adopter same 150",
				"14 bergen originator other 1000", "14 unn adopter other 250",
			}},
		},
		{
			"basis project gives an originator one line a reach, ever; adopters always",
			naiveFourAdoptions(naiveFields{"basis": "project"}),
			years{2026: {
				"11 bergen originator same 600", "11 stavanger adopter same 150",
				"12 bergen originator other 1000", "12 stolav adopter other 250",
				"13 haraldsplass adopter same 150",
				"14 unn adopter other 250",
			}},
		},
		{
			"basis project remembers earlier years, and gives a new originator, once an adopter, its own line",
			func(s *naiveStory) {
				s.rules(naiveFields{"basis": "project"})
				s.publish(naiveA, naiveOfBergen)
				s.confirm(naiveA, naiveStOlav, "2026-02-01") // 11
				s.close(2026)
				s.open(2027)
				s.revise(naiveA, naiveOrigin(naiveBergen, 500, naiveStOlav, 500))
				s.confirm(naiveA, naiveUNN, "2027-02-01") // 15
			},
			years{
				2026: {"11 bergen originator other 1000", "11 stolav adopter other 250"},
				2027: {"15 stolav originator other 500", "15 unn adopter other 250"},
			},
		},
		{
			"other funding and initiatives are not eligible unless assessed so",
			func(s *naiveStory) {
				s.publish(naiveA, naiveOfBergen.with(naiveFields{"funding": []string{"own", "eu"}}))
				s.publish(naiveB, naiveOfBergen.with(naiveFields{"regional_initiative": true}))
				s.publish(naiveC, naiveOfBergen)
				s.confirm(naiveA, naiveUNN, "2026-02-01")
				s.confirm(naiveB, naiveUNN, "2026-02-01") // 13
				s.confirm(naiveC, naiveUNN, "2026-02-01")
				s.assess(naiveB, true)
				s.assess(naiveC, false)
			},
			years{2026: {"13 bergen originator other 1000", "13 unn adopter other 250"}},
		},
		{
			"rules may let other funding and initiatives in",
			func(s *naiveStory) {
				s.rules(naiveFields{"own_funding_only": false, "exclude_regional_initiatives": false})
				s.publish(naiveA, naiveOfBergen.with(naiveFields{"funding": []string{"rhf"}, "regional_initiative": true}))
				s.confirm(naiveA, naiveUNN, "2026-02-01")
			},
			years{2026: {"11 bergen originator other 1000", "11 unn adopter other 250"}},
		},
		{
			"an assessment outlives a new title and ends for good with the funding, the shares or the initiative",
			func(s *naiveStory) {
				external := naiveOfBergen.with(naiveFields{"funding": []string{"eu", "own"}})
				for _, id := range []string{naiveA, naiveB, naiveC, naiveD} {
					s.publish(id, naiveOfBergen)
					s.revise(id, external)
					s.confirm(id, naiveUNN, "2026-02-01") // 11 is of A
					s.assess(id, true)
				}
				s.revise(naiveA, external.with(naiveFields{"funding": []string{"own", "eu", "eu"}, "kind": "process"}))
				s.revise(naiveB, external.with(naiveFields{"funding": []string{"rhf"}}))
				s.revise(naiveC, external.with(naiveOrigin(naiveBergen, 999, naiveStavanger, 1)).with(naiveFields{"funding": []string{"eu", "own"}}))
				s.revise(naiveD, external.with(naiveFields{"regional_initiative": true}))
				for _, id := range []string{naiveB, naiveC, naiveD} {
					s.revise(id, external)
				}
			},
			years{2026: {"11 bergen originator other 1000", "11 unn adopter other 250"}},
		},
		{
			"withdrawn counts no more in an open year",
			func(s *naiveStory) {
				s.publish(naiveA, naiveOfBergen)
				s.confirm(naiveA, naiveUNN, "2026-02-01")
				s.say("innovation.withdrawn", naiveBergen, naiveFields{"innovation": naiveA})
			},
			years{2026: none},
		},
		{
			"ended still counts; retracted counts from the new confirmation",
			func(s *naiveStory) {
				s.publish(naiveA, naiveOfBergen)
				s.confirm(naiveA, naiveStOlav, "2026-02-01") // 10
				s.say("adoption.ended", naiveStOlav, naiveFields{"innovation": naiveA, "ended_on": "2026-03-01"})
				s.confirm(naiveA, naiveUNN, "2026-02-01")
				s.retract(naiveA, naiveUNN)
				s.confirm(naiveA, naiveUNN, "2026-02-01") // 14
			},
			years{2026: {
				"10 bergen originator other 1000", "10 stolav adopter other 250",
				"14 bergen originator other 1000", "14 unn adopter other 250",
			}},
		},
		{
			"confirmed late scores next year; what scored stays and scores once",
			func(s *naiveStory) {
				s.publish(naiveA, naiveOfBergen)
				s.confirm(naiveA, naiveUNN, "2026-02-01") // 10
				s.close(2026)
				s.open(2027)
				s.retract(naiveA, naiveUNN)
				s.confirm(naiveA, naiveUNN, "2026-02-01")    // scored in 2026
				s.confirm(naiveA, naiveStOlav, "2026-02-01") // 15
				s.open(2028)
				s.confirm(naiveA, naiveStavanger, "2028-02-01") // 17
			},
			years{
				2026: {"10 bergen originator other 1000", "10 unn adopter other 250"},
				2027: {"15 bergen originator other 1000", "15 stolav adopter other 250"},
				2028: {"17 bergen originator same 600", "17 stavanger adopter same 150"},
			},
		},
		{
			"use before the first opened year is history, however late it is confirmed",
			func(s *naiveStory) {
				s.publish(naiveA, naiveOfBergen)
				s.confirm(naiveA, naiveUNN, "2025-12-31")
				s.close(2026)
				s.open(2027)
				s.confirm(naiveA, naiveStOlav, "2025-12-31")
			},
			years{2026: none, 2027: none},
		},
		{
			"open and upheld disputes do not count; rejected, withdrawn and redecided ones do",
			func(s *naiveStory) {
				s.publish(naiveA, naiveOfBergen)
				for _, adopter := range []string{naiveUNN, naiveStOlav, naiveStavanger, naiveHaraldsplass, naiveUtenfor} {
					s.confirm(naiveA, adopter, "2026-02-01") // 10, 12, 14, 16, 18
					s.dispute(naiveA, adopter, naiveBergen)
				}
				s.decide(naiveA, naiveStOlav, true)
				s.decide(naiveA, naiveStavanger, false)
				s.withdrawDispute(naiveA, naiveHaraldsplass, naiveBergen)
				s.decide(naiveA, naiveUtenfor, true)
				s.decide(naiveA, naiveUtenfor, false)
			},
			years{2026: {
				"14 bergen originator same 600", "14 stavanger adopter same 150",
				"16 bergen originator same 600", "16 haraldsplass adopter same 150",
				"18 bergen originator other 1000", "18 utenfor adopter other 250",
			}},
		},
		{
			"only its own disputer withdraws a dispute, and a decision settles those before it",
			func(s *naiveStory) {
				s.publish(naiveA, naiveOfBergen)
				s.confirm(naiveA, naiveUNN, "2026-02-01")
				s.dispute(naiveA, naiveUNN, naiveStavanger)
				s.dispute(naiveA, naiveUNN, naiveStOlav)
				s.withdrawDispute(naiveA, naiveUNN, naiveStOlav)
				s.confirm(naiveA, naiveStOlav, "2026-02-01")
				s.dispute(naiveA, naiveStOlav, naiveStavanger)
				s.decide(naiveA, naiveStOlav, false)
				s.dispute(naiveA, naiveStOlav, naiveUNN)
			},
			years{2026: none},
		},
		{
			"a successor withdraws its predecessor's dispute",
			func(s *naiveStory) {
				s.register(naiveHospital(naiveNewcomer, "Helse Nord"))
				s.publish(naiveA, naiveOfBergen)
				s.confirm(naiveA, naiveUNN, "2026-02-01") // 11
				s.dispute(naiveA, naiveUNN, naiveStOlav)
				s.succeed(naiveNewcomer, naiveStOlav)
				s.withdrawDispute(naiveA, naiveUNN, naiveNewcomer)
			},
			years{2026: {"11 bergen originator other 1000", "11 unn adopter other 250"}},
		},
		{
			"decided or assessed after the closing scores next year; a dispute withdrawn or a merger then does not",
			func(s *naiveStory) {
				external := naiveOfBergen.with(naiveFields{"funding": []string{"eu"}})
				s.publish(naiveA, naiveOfBergen)
				s.publish(naiveB, external)
				s.publish(naiveC, external)
				s.confirm(naiveA, naiveUNN, "2026-02-01") // 12
				s.dispute(naiveA, naiveUNN, naiveBergen)
				s.confirm(naiveA, naiveStOlav, "2026-02-01")
				s.dispute(naiveA, naiveStOlav, naiveBergen)
				s.confirm(naiveB, naiveUtenfor, "2026-02-01") // 16
				s.confirm(naiveC, naiveStavanger, "2026-02-01")
				s.close(2026)
				s.open(2027)
				s.decide(naiveA, naiveUNN, false)
				s.withdrawDispute(naiveA, naiveStOlav, naiveBergen)
				s.assess(naiveB, true)
				s.revise(naiveC, naiveOfBergen)
				s.merge(naiveC, naiveA)
			},
			years{2026: none, 2027: {
				"12 bergen originator other 1000", "12 unn adopter other 250",
				"16 bergen originator other 1000", "16 utenfor adopter other 250",
			}},
		},
		{
			"duplicates with the same adopter are one pair, entered by the earliest",
			func(s *naiveStory) {
				s.publish(naiveA, naiveOfBergen)
				s.publish(naiveB, naiveOrigin(naiveStavanger, 1000))
				s.confirm(naiveA, naiveUNN, "2026-02-01") // 11
				s.confirm(naiveB, naiveUNN, "2026-02-01")
				s.merge(naiveA, naiveB)
			},
			years{2026: {"11 stavanger originator other 1000", "11 unn adopter other 250"}},
		},
		{
			"a merger carries what scored in a closed year with it, in both bases",
			func(s *naiveStory) {
				s.publish(naiveA, naiveOfBergen)
				s.publish(naiveB, naiveOfBergen)
				s.confirm(naiveA, naiveUNN, "2026-02-01") // 11
				s.close(2026)
				s.open(2027)
				s.rules(naiveFields{"from_year": 2027, "basis": "project"})
				s.confirm(naiveB, naiveUNN, "2027-02-01")
				s.confirm(naiveB, naiveStOlav, "2027-02-01") // 16
				s.merge(naiveA, naiveB)
			},
			years{
				2026: {"11 bergen originator other 1000", "11 unn adopter other 250"},
				2027: {"16 stolav adopter other 250"},
			},
		},
		{
			"an originator of a merged one cannot adopt, and one that is not eligible stops all",
			func(s *naiveStory) {
				s.publish(naiveA, naiveOrigin(naiveStavanger, 1000))
				s.revise(naiveA, naiveOfBergen)
				s.publish(naiveB, naiveOfBergen)
				s.confirm(naiveB, naiveStavanger, "2026-02-01")
				s.confirm(naiveB, naiveUNN, "2026-02-01") // 13
				s.merge(naiveA, naiveB)
				s.publish(naiveC, naiveOfBergen)
				s.confirm(naiveC, naiveUNN, "2026-02-01")
				s.publish(naiveD, naiveOfBergen.with(naiveFields{"funding": []string{"nfr"}}))
				s.merge(naiveD, naiveC)
				s.publish(naiveE, naiveOfBergen)
				s.merge(naiveB, naiveE)
			},
			years{2026: {"13 bergen originator other 1000", "13 unn adopter other 250"}},
		},
		{
			"after the closing, an assessment of a merged one settles anew; a later confirmation of a duplicate does not",
			func(s *naiveStory) {
				external := naiveOfBergen.with(naiveFields{"funding": []string{"eu"}})
				s.publish(naiveA, naiveOfBergen)
				s.publish(naiveB, external)
				s.confirm(naiveA, naiveUNN, "2026-02-01") // 11
				s.merge(naiveB, naiveA)
				s.publish(naiveC, external)
				s.publish(naiveD, naiveOfBergen)
				s.confirm(naiveC, naiveStOlav, "2026-02-01")
				s.close(2026)
				s.open(2027)
				s.assess(naiveB, true)
				s.revise(naiveC, naiveOfBergen)
				s.confirm(naiveD, naiveStOlav, "2027-02-01")
				s.merge(naiveC, naiveD)
			},
			years{2026: none, 2027: {"11 bergen originator other 1000", "11 unn adopter other 250"}},
		},
		{
			"a retraction strikes the pair as it is then",
			func(s *naiveStory) {
				s.publish(naiveA, naiveOfBergen)
				s.publish(naiveB, naiveOfBergen)
				s.confirm(naiveA, naiveUNN, "2026-02-01")
				s.confirm(naiveB, naiveUNN, "2026-02-01") // 12
				s.confirm(naiveA, naiveStOlav, "2026-02-01")
				s.confirm(naiveB, naiveStOlav, "2026-02-01")
				s.retract(naiveA, naiveUNN)
				s.merge(naiveA, naiveB)
				s.retract(naiveA, naiveStOlav)
			},
			years{2026: {"12 bergen originator other 1000", "12 unn adopter other 250"}},
		},
		{
			"a merger leaves an open dispute open, and of all decisions the last holds",
			func(s *naiveStory) {
				s.publish(naiveA, naiveOfBergen)
				s.publish(naiveB, naiveOfBergen)
				for _, adopter := range []string{naiveUNN, naiveStOlav} {
					s.confirm(naiveA, adopter, "2026-02-01") // 11, 15
					s.confirm(naiveB, adopter, "2026-02-01")
					s.dispute(naiveA, adopter, naiveBergen)
					s.dispute(naiveB, adopter, naiveBergen)
				}
				s.decide(naiveB, naiveUNN, false)
				s.decide(naiveA, naiveStOlav, true)
				s.decide(naiveB, naiveStOlav, false)
				s.merge(naiveA, naiveB)
			},
			years{2026: {"15 bergen originator other 1000", "15 stolav adopter other 250"}},
		},
		{
			"a limit for the innovation takes the first, each year",
			func(s *naiveStory) {
				s.rules(naiveFields{"max_adoptions_per_innovation": 1})
				s.publish(naiveA, naiveOfBergen)
				s.confirm(naiveA, naiveUNN, "2026-02-01") // 11
				s.confirm(naiveA, naiveStOlav, "2026-02-01")
				s.close(2026)
				s.open(2027)
				s.confirm(naiveA, naiveStavanger, "2027-02-01") // 15
			},
			years{
				2026: {"11 bergen originator other 1000", "11 unn adopter other 250"},
				2027: {"15 bergen originator same 600", "15 stavanger adopter same 150"},
			},
		},
		{
			"a limit for originator and adopter counts originators without a line",
			func(s *naiveStory) {
				s.rules(naiveFields{"max_per_originator_adopter": 2, "basis": "project", "lineage": "each"})
				s.publish(naiveA, naiveOfBergen)
				s.publish(naiveB, naiveOfBergen)
				s.publish(naiveC, naiveOrigin(naiveStavanger, 500, naiveBergen, 500))
				s.confirm(naiveA, naiveStOlav, "2026-02-01") // 13
				s.confirm(naiveA, naiveUNN, "2026-02-01")    // 14, no line for Bergen
				s.confirm(naiveB, naiveUNN, "2026-02-01")    // 15
				s.confirm(naiveC, naiveUNN, "2026-02-01")    // Bergen has had two from UNN
				s.confirm(naiveC, naiveStOlav, "2026-02-01") // 17
			},
			years{2026: {
				"13 bergen originator other 1000", "13 stolav adopter other 250",
				"14 unn adopter other 250",
				"15 bergen originator other 1000", "15 unn adopter other 250",
				"17 bergen originator other 500", "17 stavanger originator other 500", "17 stolav adopter other 250",
			}},
		},
		{
			"lineage each: a branch scores beside its root",
			naiveBranches(naiveFields{"lineage": "each"}),
			years{2026: {
				"13 stavanger originator other 1000", "13 unn adopter other 250",
				"14 bergen originator other 1000", "14 unn adopter other 250",
				"15 bergen originator other 1000", "15 stolav adopter other 250",
			}},
		},
		{
			"lineage once: the root and its branches score once an adopter",
			naiveBranches(naiveFields{"lineage": "once"}),
			years{2026: {
				"13 stavanger originator other 1000", "13 unn adopter other 250",
				"15 bergen originator other 1000", "15 stolav adopter other 250",
			}},
		},
		{
			"lineage once and basis project: an originator has one line a reach for the whole lineage",
			func(s *naiveStory) {
				s.rules(naiveFields{"lineage": "once", "basis": "project"})
				s.publish(naiveA, naiveOfBergen)
				s.publish(naiveB, naiveOfBergen.with(naiveFields{"derived_from": naiveA}))
				s.confirm(naiveB, naiveUNN, "2026-02-01") // 12
				s.confirm(naiveA, naiveStOlav, "2026-02-01")
			},
			years{2026: {
				"12 bergen originator other 1000", "12 unn adopter other 250",
				"13 stolav adopter other 250",
			}},
		},
		{
			"who is measured, of which kind, and where",
			func(s *naiveStory) {
				s.rules(naiveFields{"eligible_kinds": []string{"hf"}})
				amended := func(orgnr, region string, changes naiveFields) {
					s.say("organisation.amended", naiveAuthority, naiveHospital(orgnr, region).with(changes))
				}
				amended(naiveStOlav, "Helse Midt-Norge", naiveFields{"measured_to": 2025})
				amended(naiveUNN, "Helse Nord", naiveFields{"measured_from": 2026, "measured_to": 2026})
				s.register(naiveFields{"orgnr": naiveNewcomer, "name": "newcomer", "kind": "hf", "region": ""})
				s.publish(naiveA, naiveOrigin(naiveUtenfor, 700, naiveHaraldsplass, 300))
				for _, adopter := range []string{naiveStOlav, naiveUNN, naiveHaraldsplass, naiveNewcomer} {
					s.confirm(naiveA, adopter, "2026-02-01") // 15 is of UNN
				}
				amended(naiveUtenfor, "", naiveFields{"measured_to": 2026})
				s.publish(naiveB, naiveOrigin(naiveHaraldsplass, 1000))
				s.confirm(naiveB, naiveUNN, "2026-02-01")
				amended(naiveHaraldsplass, "", naiveFields{})
				s.confirm(naiveA, naiveBergen, "2026-02-01") // 22
				s.publish(naiveC, naiveOrigin(naiveNewcomer, 1000))
				s.confirm(naiveC, naiveBergen, "2026-02-01") // nobody measured made it
				s.open(2027)
				s.confirm(naiveA, naiveStavanger, "2027-02-01") // 26, the only originator left is Haraldsplass
			},
			years{
				2026: {
					"15 haraldsplass originator other 300", "15 unn adopter other 250", "15 utenfor originator other 700",
					"20 haraldsplass originator other 1000", "20 unn adopter other 250",
					"22 bergen adopter other 250", "22 haraldsplass originator other 300", "22 utenfor originator other 700",
				},
				2027: {"26 haraldsplass originator other 300", "26 stavanger adopter other 250"},
			},
		},
		{
			"organisations without a region are not in the same one",
			func(s *naiveStory) {
				s.register(naiveHospital(naiveNewcomer, ""))
				s.publish(naiveA, naiveOrigin(naiveUtenfor, 1000))
				s.confirm(naiveA, naiveNewcomer, "2026-02-01") // 11
			},
			years{2026: {"11 newcomer adopter other 250", "11 utenfor originator other 1000"}},
		},
		{
			"two adopters that become one are one pair, and no originator's successor adopts",
			func(s *naiveStory) {
				s.register(naiveHospital(naiveNewcomer, "Helse Nord"))
				s.publish(naiveA, naiveOfBergen)
				s.publish(naiveB, naiveOrigin(naiveStavanger, 1000))
				s.confirm(naiveA, naiveUNN, "2026-02-01") // 12
				s.confirm(naiveA, naiveStOlav, "2026-02-01")
				s.confirm(naiveB, naiveUNN, "2026-02-01")
				s.succeed(naiveNewcomer, naiveUNN, naiveStOlav, naiveStavanger)
			},
			years{2026: {"12 bergen originator other 1000", "12 unn adopter other 250"}},
		},
		{
			"a successor's confirmation is its predecessor's pair, scored or retracted",
			func(s *naiveStory) {
				s.register(naiveHospital(naiveNewcomer, "Helse Nord"))
				s.publish(naiveA, naiveOfBergen)
				s.publish(naiveB, naiveOfBergen)
				s.confirm(naiveA, naiveUNN, "2026-02-01") // 12
				s.close(2026)
				s.open(2027)
				s.confirm(naiveB, naiveUNN, "2027-02-01")
				s.succeed(naiveNewcomer, naiveUNN)
				s.retract(naiveB, naiveNewcomer)
				s.retract(naiveA, naiveNewcomer)
				s.confirm(naiveB, naiveNewcomer, "2027-02-01") // 19
				s.confirm(naiveA, naiveNewcomer, "2027-02-01")
			},
			years{
				2026: {"12 bergen originator other 1000", "12 unn adopter other 250"},
				2027: {"19 bergen originator other 1000", "19 newcomer adopter other 250"},
			},
		},
		{
			"the rules in force: the greatest from_year not after, the latest published, and a closed year keeps its own",
			func(s *naiveStory) {
				s.rules(naiveFields{"from_year": 2027, "adopter": naiveFields{"same_region": 0, "other_region": 0.125}})
				s.rules(naiveFields{"adopter": naiveFields{"same_region": 0, "other_region": 0}})
				s.publish(naiveA, naiveOfBergen)
				s.confirm(naiveA, naiveUNN, "2026-02-01") // 12
				s.close(2026)
				s.rules(naiveFields{"adopter": naiveFields{"same_region": 0, "other_region": 0.5}})
				s.open(2027)
				s.confirm(naiveA, naiveStOlav, "2027-02-01") // 16
			},
			years{
				2026: {"12 bergen originator other 1000", "12 unn adopter other 0"},
				2027: {"16 bergen originator other 1000", "16 stolav adopter other 125"},
			},
		},
		{
			"without rules in force nothing scores",
			func(s *naiveStory) {
				s.entries = s.entries[:7] // before rules and year
				s.rules(naiveFields{"from_year": 2026})
				s.open(2025)
				s.publish(naiveA, naiveOfBergen)
				s.confirm(naiveA, naiveUNN, "2025-02-01")
			},
			years{2025: none},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newNaiveStory()
			test.tell(s)
			for year, want := range test.want {
				table, ok := naiveTable(s.entries, year)
				if got := naiveLines(table); !ok || !slices.Equal(got, want) {
					t.Errorf("%d: got %q, want %q", year, got, want)
				}
			}
			if got, want := naiveYears(s.entries), slices.Sorted(maps.Keys(test.want)); !slices.Equal(got, want) {
				t.Errorf("years: got %v, want %v", got, want)
			}
		})
	}
}

// naiveFourAdoptions has Bergen's innovation adopted twice in its region and twice outside.
func naiveFourAdoptions(rules naiveFields) func(s *naiveStory) {
	return func(s *naiveStory) {
		s.rules(rules)
		s.publish(naiveA, naiveOfBergen)
		for _, adopter := range []string{naiveStavanger, naiveStOlav, naiveHaraldsplass, naiveUNN} {
			s.confirm(naiveA, adopter, "2026-02-01") // 11 to 14
		}
	}
}

// naiveBranches has a root and its branch's branch adopted by UNN, the branch first, and the root by St. Olav.
func naiveBranches(rules naiveFields) func(s *naiveStory) {
	return func(s *naiveStory) {
		s.rules(rules)
		s.publish(naiveA, naiveOfBergen)
		s.publish(naiveB, naiveOfBergen.with(naiveFields{"derived_from": naiveA}))
		s.publish(naiveC, naiveOrigin(naiveStavanger, 1000).with(naiveFields{"derived_from": naiveB}))
		s.confirm(naiveC, naiveUNN, "2026-02-01")    // 13
		s.confirm(naiveA, naiveUNN, "2026-02-01")    // 14
		s.confirm(naiveA, naiveStOlav, "2026-02-01") // 15
	}
}

// TestNaiveTable compares a whole table: of a closed year, read when its organisations have been renamed and succeeded.
func TestNaiveTable(t *testing.T) {
	s := newNaiveStory()
	s.register(naiveHospital(naiveNewcomer, "Helse Nord"))
	s.publish(naiveA, naiveOrigin(naiveBergen, 600, naiveStavanger, 400))
	s.confirm(naiveA, naiveStOlav, "2026-02-01") // 11
	s.publish(naiveB, naiveOrigin(naiveStOlav, 1000))
	s.confirm(naiveB, naiveBergen, "2026-02-01") // 13
	s.succeed(naiveNewcomer, naiveStOlav)
	s.close(2026)
	s.say("organisation.amended", naiveAuthority, naiveHospital(naiveBergen, "Helse Nord").with(naiveFields{"name": "renamed"}))
	s.succeed(naiveNewcomer, naiveStavanger)

	want := naivePoints{
		Year: 2026, Rules: "test", Position: 16, Status: "closed", Total: 2500,
		Rows: []naiveRow{
			{
				Orgnr: naiveStOlav, Name: "stolav", Region: "Helse Midt-Norge", Originated: 1000, Adopted: 250, Total: 1250,
				Lines: []naiveLine{
					{Index: 11, Innovation: naiveA, Adopter: naiveStOlav, Role: "adopter", Reach: "other_region", Points: 250},
					{Index: 13, Innovation: naiveB, Adopter: naiveBergen, Role: "originator", Reach: "other_region", Points: 1000},
				},
			},
			{
				Orgnr: naiveStavanger, Name: "stavanger", Region: "Helse Vest", Originated: 400, Total: 400,
				Lines: []naiveLine{
					{Index: 11, Innovation: naiveA, Adopter: naiveStOlav, Role: "originator", Reach: "other_region", Points: 400},
				},
			},
			{
				Orgnr: naiveBergen, Name: "bergen", Region: "Helse Vest", Originated: 600, Adopted: 250, Total: 850,
				Lines: []naiveLine{
					{Index: 11, Innovation: naiveA, Adopter: naiveStOlav, Role: "originator", Reach: "other_region", Points: 600},
					{Index: 13, Innovation: naiveB, Adopter: naiveBergen, Role: "adopter", Reach: "other_region", Points: 250},
				},
			},
		},
		Regions: []naiveRegion{
			{Region: "Helse Nord", Originated: 1000, Adopted: 250, Total: 1250}, // St. Olav had been succeeded by the closing
			{Region: "Helse Vest", Originated: 1000, Adopted: 250, Total: 1250},
		},
	}
	if got, ok := naiveTable(s.entries, 2026); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestNaiveYearNotOpened reads a year that is opened by a later entry only.
func TestNaiveYearNotOpened(t *testing.T) {
	s := newNaiveStory()
	if _, ok := naiveTable(s.entries[:8], 2026); ok {
		t.Error("2026 has a table before its opening")
	}
	if years := naiveYears(s.entries[:8]); len(years) != 0 {
		t.Errorf("got %v before any opening", years)
	}
	want := naivePoints{Year: 2026, Rules: "test", Position: 9, Status: "open", Rows: []naiveRow{}, Regions: []naiveRegion{}}
	if got, ok := naiveTable(s.entries, 2026); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
