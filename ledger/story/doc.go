// Package story draws ledgers by chance: valid ones, event by event, in which
// everything happens that may happen.
//
// A [World] is a ledger in memory together with everyone's private keys: what is
// said in it is sealed with the keys that must sign, decided by [ledger.Decide]
// and, if admissible, appended. A [Story] is a World in which chance says what
// happens next. Invariant: its entries are those of a ledger that was founded,
// every one admissible where it stands; what chance proposes and the rules
// refuse leaves no trace in them.
//
//	s, err := story.New(story.Config{Origin: "spredning.example/random-7", Seed: 7, Organisations: 50, Entries: 5000})
//	err = s.Tell(func(e *ledger.Entry) error { … })
//
// The same Config gives the same bytes. All keys follow from the seed, so none of
// them is a secret and nothing in such a ledger is anybody's word: it is marked
// illustrative.
//
// What can happen is the table of acts: one function for each, and how often.
package story
