package story

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"spredning/ledger"
)

// Config says what a story is to be like.
type Config struct {
	Origin string
	Seed   uint64 // of all keys, and of chance
	Chance Chance // what decides; nil: a generator that Seed starts

	// Organisations are registered in the end, the authority not counted. Four
	// are the committee, one in each region. At least [Fewest].
	Organisations int
	// Entries the ledger has in the end, those of the founding and of the
	// registrations included. At least [Least].
	Entries int

	// Hasty: the clock stands still at the end of 2027, and what is rare happens
	// as often as everything else; so a hundred entries have in them what else
	// takes thousands. Otherwise the story runs from January 2019 to September
	// 2025, and most of what happens are adoptions.
	Hasty bool
	// Plain: all rules count each adoption of each branch, without limits.
	Plain bool
	// Quiet: nothing is merged, assessed, disputed, succeeded or closed.
	Quiet bool
}

// Chance draws numbers: *rand.Rand of math/rand/v2, or what a property test
// draws, so that a ledger that breaks it shrinks.
type Chance interface {
	// IntN draws one of 0 to n-1.
	IntN(n int) int
}

// Fewest is the least number of organisations: less cannot make, adopt and judge.
const Fewest = 10

// Least is the least number of entries for so many organisations: what it takes
// to register them, and some more.
func Least(organisations int) int { return 3*organisations + 20 }

// Story is a World in which chance says what happens.
type Story struct {
	*World
	Refused map[ledger.Code]int // what chance proposed in vain, by why

	cfg         Config
	chance      Chance
	weights     []int                 // of the acts
	free        []ledger.Orgnr        // not registered yet
	waiting     int                   // of them when the story began
	orgs        []ledger.Organisation // as they are now, without authority and committee
	committee   []ledger.Organisation // who adopt and make nothing
	succeeded   []ledger.Orgnr
	successions int
	innovations []*innovation
	pairs       []pair        // that were ever confirmed
	standing    map[pair]bool // those that are confirmed now
	invited     []pair
	disputes    []dispute // that were ever raised
	files       []ledger.Attachment
	rules       int     // published
	ways        []way   // in hand
	limits      []limit // in hand
	firstYear   int     // that was opened; 0: none
	lastYear    int
	closed      int // the last that is closed; 0: none
}

// act is something that can happen. It says an event or a few, or errNothing.
type act struct {
	do    func(*Story) error
	hasty int  // how often in a hasty story, of all that are listed
	often int  // how often in others
	loud  bool // never in a quiet one
}

// acts are all that can happen beside the founding. A new type of event needs a
// function and a line here; TestEveryType fails until it has them.
var acts = []act{
	{(*Story).publish, 8, 75, false},
	{(*Story).revise, 8, 70, false},
	{(*Story).withdraw, 1, 10, false},
	{(*Story).merge, 5, 16, true},
	{(*Story).request, 2, 15, true},
	{(*Story).assess, 6, 32, true},
	{(*Story).invite, 4, 50, false},
	{(*Story).decline, 4, 25, false},
	{(*Story).confirm, 75, 540, false},
	{(*Story).end, 3, 25, false},
	{(*Story).retract, 5, 40, false},
	{(*Story).dispute, 7, 35, true},
	{(*Story).withdrawDispute, 2, 12, true},
	{(*Story).decide, 9, 40, true},
	{(*Story).publishRules, 3, 3, false},
	{(*Story).openYear, 6, 20, false},
	{(*Story).closeYear, 3, 20, true},
	{(*Story).amend, 3, 14, false},
	{(*Story).enter, 2, 0, false}, // in others as time goes by: see late
	{(*Story).succeed, 2, 4, true},
	{(*Story).renew, 2, 18, false},
	{(*Story).rekey, 1, 6, false},
	{(*Story).erase, 2, 5, false},
}

// errNothing is returned by an act that has nothing to act on.
var errNothing = errors.New("nothing to act on")

// The clock runs between the first two; in a hasty story it stands still.
var (
	begins = time.Date(2019, 1, 2, 8, 0, 0, 0, time.UTC)
	ends   = time.Date(2025, 9, 1, 16, 0, 0, 0, time.UTC)
	stands = time.Date(2027, 12, 31, 12, 0, 0, 0, time.UTC)
)

// New founds a ledger, seats the committee, registers most of the organisations
// and publishes the first rules.
func New(cfg Config) (*Story, error) {
	if least := Least(cfg.Organisations); cfg.Organisations < Fewest || cfg.Entries < least {
		return nil, fmt.Errorf("a story needs %d organisations or more, and for %d at least %d entries", Fewest, cfg.Organisations, least)
	}
	s := &Story{
		Refused: map[ledger.Code]int{}, cfg: cfg, chance: cfg.Chance, standing: map[pair]bool{},
	}
	if s.chance == nil {
		s.chance = rand.New(rand.NewPCG(cfg.Seed, 0))
	}
	begin := begins
	if cfg.Hasty {
		begin = stands
	}
	var err error
	s.World, err = Found(cfg.Origin, fmt.Sprintf("Tilfeldig register %d", cfg.Seed), secretOf(cfg.Seed), begin)
	if err != nil {
		return nil, err
	}
	s.most = cfg.Entries
	return s, s.prepare()
}

func (s *Story) prepare() error {
	for _, n := range s.shuffled(s.cfg.Organisations - len(ledger.Regions)) {
		s.free = append(s.free, Orgnr(1+len(ledger.Regions)+n))
	}
	for n, region := range ledger.Regions {
		if err := s.sit(Orgnr(1+n), region); err != nil {
			return err
		}
	}
	for range s.first() {
		if err := s.enter(); err != nil {
			return err
		}
	}
	s.waiting = len(s.free)
	s.weigh()
	for range 2 {
		if err := s.publishRules(); err != nil {
			return err
		}
	}
	if s.cfg.Hasty && s.percent(70) {
		return s.openYear()
	}
	return nil
}

// first is how many organisations are there from the beginning.
func (s *Story) first() int {
	if s.cfg.Hasty {
		return len(s.free)/2 + s.chance.IntN(4)
	}
	return len(s.free) * 4 / 5
}

// weigh gives the acts their weights; in a hasty story no two are alike.
func (s *Story) weigh() {
	for _, a := range acts {
		weight := a.often
		if s.cfg.Hasty {
			weight = a.hasty * (1 + s.chance.IntN(3))
		}
		if a.loud && s.cfg.Quiet {
			weight = 0
		}
		s.weights = append(s.weights, weight)
	}
}

// Tell tells the story to its end and calls each with every entry, in order and
// as soon as it stands. An error of each ends it. Afterwards more may be said.
func (s *Story) Tell(each func(*ledger.Entry) error) error {
	for told := 0; ; told++ {
		for told == len(s.Entries) {
			if told == s.cfg.Entries {
				s.most = 0 // others may say more
				return nil
			}
			if err := s.Act(); err != nil {
				return fmt.Errorf("after entry %d: %w", told-1, err)
			}
		}
		if err := each(s.Entries[told]); err != nil {
			return err
		}
	}
}

// Act lets chance choose what happens next. Often that is nothing, because there
// is nothing to act on or the rules refuse it: then the ledger stays as it is.
func (s *Story) Act() error {
	s.tick()
	do := s.draw()
	if s.late() {
		do = (*Story).enter
	}
	err := do(s)
	var refusal *ledger.Refusal
	switch {
	case errors.As(err, &refusal):
		s.Refused[refusal.Code]++
	case err != nil && err != errNothing && err != errEnough:
		return err
	}
	return nil
}

// tick sets the clock to where the story is.
func (s *Story) tick() {
	if !s.cfg.Hasty {
		span := ends.Sub(begins) / time.Duration(s.cfg.Entries)
		s.Clock = begins.Add(span * time.Duration(len(s.Entries))).Truncate(time.Second)
	}
}

// late reports whether it is time for another organisation to enter: all are
// there when three quarters are told.
func (s *Story) late() bool {
	all := 3 * s.cfg.Entries
	return !s.cfg.Hasty && len(s.free)*all > s.waiting*max(0, all-4*len(s.Entries))
}

func (s *Story) draw() func(*Story) error {
	total := 0
	for _, w := range s.weights {
		total += w
	}
	at := s.chance.IntN(total)
	for i, w := range s.weights {
		if at < w {
			return acts[i].do
		}
		at -= w
	}
	panic("unreachable: at is below the sum of the weights")
}

func pick[T any](s *Story, of ...T) T { return of[s.chance.IntN(len(of))] }

// percent is true so many times of a hundred.
func (s *Story) percent(n int) bool { return s.chance.IntN(100) < n }

// shuffled gives the numbers 0 to n-1 in some order.
func (s *Story) shuffled(n int) []int {
	all := make([]int, n)
	for i := range all {
		j := s.chance.IntN(i + 1)
		all[i] = all[j]
		all[j] = i
	}
	return all
}

// some draws up to n different ones, in some order.
func some[T any](s *Story, n int, of []T) []T {
	var drawn []T
	for _, at := range s.shuffled(len(of))[:min(n, len(of))] {
		drawn = append(drawn, of[at])
	}
	return drawn
}

// today is the day that the clock shows.
func (s *Story) today() ledger.Date { return ledger.DateOf(s.Clock) }

// ago is the day so many years before.
func (s *Story) ago(years int) ledger.Date { return ledger.DateOf(s.Clock.AddDate(-years, 0, 0)) }

// day draws a day between two, both included; the second if it is not after the first.
func (s *Story) day(from, to ledger.Date) ledger.Date {
	first, err := time.Parse(time.DateOnly, string(from))
	if err != nil || from >= to {
		return to
	}
	last, err := time.Parse(time.DateOnly, string(to))
	if err != nil {
		return to
	}
	return ledger.DateOf(first.AddDate(0, 0, s.chance.IntN(int(last.Sub(first).Hours()/24)+1)))
}
