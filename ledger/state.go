package ledger

import (
	"slices"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
)

// State is what [Decide] needs to know of all entries so far. It is a pure fold
// of them. Only [Evolve] changes it; what was evolved since the last Keep can
// be dropped again, which is how a batch that was not appended is undone.
type State struct {
	facts
	kept facts `snapshot:"-"`

	ids         table[ulid.ULID, uint32] // every event's index
	keys        table[keys.ID, *key]
	orgs        table[Orgnr, organisation]
	innovations table[ulid.ULID, *innovation]
	pairs       table[pairKey, pair]
	disputes    table[disputeKey, dispute]
	rules       table[string, struct{}] // ids of published rules
	attachments table[tlog.Hash, bool]  // that entries name, by SHA-256; true: erased
}

// facts are the small things, copied as a whole.
type facts struct {
	position  int64  // entries applied
	origin    string // empty before the founding
	authority Orgnr
	logKeys   LogKeys
	firstYear int // opened; 0: none
	lastYear  int
	closed    int // the last closed; 0: none
}

type key struct {
	public  keys.Public
	org     Orgnr
	roles   []Role
	revoked bool
}

// organisation is replaced, never changed, when something happens to it.
type organisation struct {
	number    uint32 // in order of registration
	region    string
	successor Orgnr    // empty: it acts for itself
	members   []uint32 // its own number and those of all that it has succeeded
}

// innovation is replaced, never changed, when something happens to it.
type innovation struct {
	number      uint32 // in order of publication
	originators []Originator
	ever        []Orgnr   // all that are or were originators, of those merged into it too
	revision    tlog.Hash // leaf of the latest published or revised entry
	revised     uint32    // its index
	inUseSince  Date
	derivedFrom ulid.ULID // zero: from none
	withdrawn   bool
	mergedInto  ulid.ULID   // zero: into none
	merged      []ulid.ULID // all that were merged into it, directly or not
}

// pairKey is an innovation and an adopter, by their numbers.
type pairKey struct{ innovation, adopter uint32 }

// pair is what has happened between an innovation and an adopter. After mergers
// one pair has several of these, its members; [State.pair] reads them as one.
type pair struct {
	invited   uint32 // index + 1 of the last invitation; 0: none
	declined  uint32 // index + 1 of the last answer no; 0: none
	open      bool   // an invitation waits for an answer
	standing  standing
	upheld    bool   // the last decision upheld a dispute
	disputes  uint16 // that wait for a decision
	decided   uint32 // index + 1 of the last decision; 0: none
	inUseFrom day    // of the last confirmation
}

// disputeKey is a pair's member and who disputes it, by number.
type disputeKey struct {
	pair     pairKey
	disputer uint32
}

// dispute is open until the pair is decided after it, or it is withdrawn.
type dispute struct {
	index     uint32
	withdrawn bool
}

// day is a date in a few bytes: year, month and day as digits of one number.
type day int32

func (d Date) day() (n day) {
	for _, c := range []byte(d) {
		if c != '-' {
			n = n*10 + day(c-'0')
		}
	}
	return n
}

// standing is where a pair stands.
type standing uint8

const (
	unconfirmed standing = iota
	confirmed
	ended
	retracted
)

// NewState gives the state before the first entry.
func NewState() *State {
	return &State{
		ids:         newTable[ulid.ULID, uint32](),
		keys:        newTable[keys.ID, *key](),
		orgs:        newTable[Orgnr, organisation](),
		innovations: newTable[ulid.ULID, *innovation](),
		pairs:       newTable[pairKey, pair](),
		disputes:    newTable[disputeKey, dispute](),
		rules:       newTable[string, struct{}](),
		attachments: newTable[tlog.Hash, bool](),
	}
}

// Position is the number of entries applied.
func (s *State) Position() int64 { return s.position }

// Origin names the ledger; it is empty before the founding.
func (s *State) Origin() string { return s.origin }

// LogKey is the verifier key that signs checkpoints from here on.
func (s *State) LogKey() string { return s.logKeys.At(s.position) }

// LogKeys are all that have signed checkpoints, with from which size on. They
// are not to be modified.
func (s *State) LogKeys() LogKeys { return s.logKeys }

// Find gives the index of the entry with an event id.
func (s *State) Find(id ulid.ULID) (index int64, ok bool) {
	i, ok := s.ids.at(id)
	return int64(i), ok
}

// Key gives the public key that a key id names, revoked or not.
func (s *State) Key(id keys.ID) (keys.Public, bool) {
	k, ok := s.keys.at(id)
	if !ok {
		return keys.Public{}, false
	}
	return k.public, true
}

// Keep makes what was evolved since the last Keep final.
func (s *State) Keep() {
	s.kept = s.facts
	s.ids.keep()
	s.keys.keep()
	s.orgs.keep()
	s.innovations.keep()
	s.pairs.keep()
	s.disputes.keep()
	s.rules.keep()
	s.attachments.keep()
}

// Drop undoes what was evolved since the last Keep.
func (s *State) Drop() {
	s.facts = s.kept
	s.ids.drop()
	s.keys.drop()
	s.orgs.drop()
	s.innovations.drop()
	s.pairs.drop()
	s.disputes.drop()
	s.rules.drop()
	s.attachments.drop()
}

// table is a map whose changes since the last keep can be dropped. Its values
// are replaced, never changed in place.
type table[K comparable, V any] struct {
	m   map[K]V
	old []before[K, V] `snapshot:"-"` // what stood there before each change, in order
}

type before[K comparable, V any] struct {
	key   K
	value V
	was   bool
}

func newTable[K comparable, V any]() table[K, V] { return table[K, V]{m: map[K]V{}} }

func (t *table[K, V]) at(k K) (V, bool) {
	v, ok := t.m[k]
	return v, ok
}

func (t *table[K, V]) set(k K, v V) {
	value, was := t.m[k]
	t.old = append(t.old, before[K, V]{k, value, was})
	t.m[k] = v
}

func (t *table[K, V]) keep() {
	clear(t.old)
	t.old = t.old[:0]
}

func (t *table[K, V]) drop() {
	for _, b := range slices.Backward(t.old) {
		if b.was {
			t.m[b.key] = b.value
		} else {
			delete(t.m, b.key)
		}
	}
	t.keep()
}

func (t *table[K, V]) len() int { return len(t.m) }
