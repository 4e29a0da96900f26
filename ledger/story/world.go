package story

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"spredning/keys"
	"spredning/ledger"
)

// World is a ledger in the making, with the private keys of everyone in it. It
// holds only what the rules of admission let through.
type World struct {
	Entries    []*ledger.Entry
	Clock      time.Time     // when the next event is said to be signed; whole seconds
	LogKey     *keys.Private // that signs checkpoints from the founding on
	NextLogKey *keys.Private // that does so after ledger.amended
	Rekeyed    bool          // that it does
	Authority  ledger.Orgnr
	// The keys that sign now, by organisation: those that enrol and revoke,
	// those that report, and those with a seat in the committee. Those of an
	// organisation that was succeeded stay here, dead as they are.
	Admins, Reporters, Assessors map[ledger.Orgnr]*keys.Private

	origin string
	secret string // what all keys and ids are derived from
	state  *ledger.State
	heirs  map[ledger.Orgnr]ledger.Orgnr // by predecessor
	most   int                           // entries; 0: no end
	said   int                           // events, refused ones too
	keys   int
}

// errEnough is returned for what would be said after the last entry.
var errEnough = errors.New("the story is told")

// Found founds an illustrative ledger at a time. Keys and ids follow from the
// secret, which is therefore none.
func Found(origin, name, secret string, at time.Time) (*World, error) {
	w := &World{
		Clock: at, Authority: Orgnr(0), origin: origin, secret: secret,
		Admins: map[ledger.Orgnr]*keys.Private{}, Reporters: map[ledger.Orgnr]*keys.Private{}, Assessors: map[ledger.Orgnr]*keys.Private{},
		state: ledger.NewState(), heirs: map[ledger.Orgnr]ledger.Orgnr{},
	}
	w.LogKey, w.NextLogKey = w.NewKey(), w.NewKey()
	w.Admins[w.Authority] = w.NewKey()
	logKey, err := ledger.NewLogKey(origin, w.LogKey)
	if err != nil {
		return nil, err
	}
	_, err = w.Say(w.Authority, &ledger.Founding{
		Name: name, Illustrative: new(true), LogKey: logKey.String(),
		Authority: ledger.Organisation{Orgnr: w.Authority, Name: "Myndigheten", Short: "authority", Kind: ledger.KindAuthority},
		Keys:      []ledger.Key{enrolled(w.Admins[w.Authority], ledger.Admin)},
	}, w.Admins[w.Authority])
	if err != nil {
		return nil, fmt.Errorf("founding %s: %w", origin, err)
	}
	return w, nil
}

// Say seals an event and appends it, if it is admissible; else the error is, or
// wraps, a *ledger.Refusal, and nothing has changed.
func (w *World) Say(by ledger.Orgnr, d ledger.Data, signers ...*keys.Private) (*ledger.Entry, error) {
	if w.most > 0 && len(w.Entries) >= w.most {
		return nil, errEnough
	}
	e, err := w.seal(by, d, signers)
	if err != nil {
		return nil, err
	}
	if err := ledger.Decide(w.state, &e.Signed); err != nil {
		return nil, err
	}
	ledger.Evolve(w.state, e)
	w.state.Keep()
	w.Entries = append(w.Entries, e)
	return e, nil
}

// seal makes the entry that an event would be next.
func (w *World) seal(by ledger.Orgnr, d ledger.Data, signers []*keys.Private) (*ledger.Entry, error) {
	w.said++
	event := ledger.Event{Ledger: w.origin, ID: w.id(), Type: ledger.TypeOf(d), By: by, At: w.Clock, Data: d}
	payload, err := event.Encode()
	if err != nil {
		return nil, err
	}
	envelope, err := keys.Seal(payload, signers...)
	if err != nil {
		return nil, err
	}
	return ledger.ParseEntry(int64(len(w.Entries)), envelope.Encode())
}

// id gives the next event's id: its time, and a hash of its number.
func (w *World) id() ulid.ULID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s event %d", w.secret, w.said))
	return ulid.MustNew(ulid.Timestamp(w.Clock), bytes.NewReader(sum[:]))
}

// NewKey makes the next key that the secret gives.
func (w *World) NewKey() *keys.Private {
	w.keys++
	return keyOf(w.secret, w.keys)
}

// keyOf gives the nth key of a secret, counted from 1.
func keyOf(secret string, n int) *keys.Private {
	seed := sha256.Sum256(fmt.Appendf(nil, "%s key %d", secret, n))
	return keys.FromSeed(seed[:])
}

// AuthorityKey gives the authority's admin key in the stories of a seed, which is
// never revoked: with it anybody can go on with such a ledger.
func AuthorityKey(seed uint64) *keys.Private { return keyOf(secretOf(seed), 3) }

// secretOf is what all keys of a seed's stories are derived from.
func secretOf(seed uint64) string { return fmt.Sprintf("spredning story %d, no secret:", seed) }

// enrolled is a key as it is enrolled.
func enrolled(k *keys.Private, roles ...ledger.Role) ledger.Key {
	return ledger.Key{Scheme: k.Scheme, Public: base64.StdEncoding.EncodeToString(k.Bytes), Roles: roles, Label: "no secret, follows from a seed"}
}

// Orgnr gives the nth organisation number with a check digit, counted from one
// that is nobody's: Enhetsregisteret gives out none that begin with 1.
func Orgnr(n int) ledger.Orgnr {
	for first := 10000000; ; first++ {
		sum, digits := 0, first
		for _, weight := range [...]int{2, 3, 4, 5, 6, 7, 2, 3} { // from the last digit on
			sum += weight * (digits % 10)
			digits /= 10
		}
		check := (11 - sum%11) % 11
		if check == 10 {
			continue
		}
		if n == 0 {
			return ledger.Orgnr(fmt.Sprint(first*10 + check))
		}
		n--
	}
}

// ByAuthority says something that the authority's admin signs.
func (w *World) ByAuthority(d ledger.Data) (*ledger.Entry, error) {
	return w.Say(w.Authority, d, w.Admins[w.Authority])
}

// Register registers an organisation and enrols a key for all that it does.
func (w *World) Register(o ledger.Organisation) error {
	if _, err := w.ByAuthority(&ledger.Registration{Organisation: o}); err != nil {
		return err
	}
	k := w.NewKey()
	_, err := w.ByAuthority(&ledger.Enrolment{Organisation: o.Orgnr, Key: enrolled(k, ledger.Admin, ledger.Report)})
	if err == nil {
		w.Admins[o.Orgnr], w.Reporters[o.Orgnr] = k, k
	}
	return err
}

// Seat gives an organisation a seat in the committee.
func (w *World) Seat(o ledger.Orgnr) error {
	k := w.NewKey()
	_, err := w.ByAuthority(&ledger.Enrolment{Organisation: o, Key: enrolled(k, ledger.Assess)})
	if err == nil {
		w.Assessors[o] = k
	}
	return err
}

// Report says something that the reporters of one or more organisations sign, or
// of those that act in their place.
func (w *World) Report(d ledger.Data, by ledger.Orgnr, others ...ledger.Orgnr) (*ledger.Entry, error) {
	signers := []*keys.Private{w.Reporters[w.Heir(by)]}
	for _, o := range others {
		if k := w.Reporters[w.Heir(o)]; !slices.Contains(signers, k) {
			signers = append(signers, k)
		}
	}
	return w.Say(w.Heir(by), d, signers...)
}

// Assess says something that assessors sign, the first of them as the acting one.
func (w *World) Assess(d ledger.Data, by ...ledger.Orgnr) (*ledger.Entry, error) {
	var signers []*keys.Private
	for _, o := range by {
		signers = append(signers, w.Assessors[o])
	}
	return w.Say(by[0], d, signers...)
}

// Succeed lets one organisation act in the place of others.
func (w *World) Succeed(successor ledger.Orgnr, predecessors ...ledger.Orgnr) (*ledger.Entry, error) {
	e, err := w.ByAuthority(&ledger.Succession{Predecessors: predecessors, Successor: successor})
	if err == nil {
		for _, o := range predecessors {
			w.heirs[o] = successor
		}
	}
	return e, err
}

// Heir gives the organisation that acts in an organisation's place now.
func (w *World) Heir(o ledger.Orgnr) ledger.Orgnr {
	for w.heirs[o] != "" {
		o = w.heirs[o]
	}
	return o
}

// leaf is an entry's hash as events name it.
func leaf(e *ledger.Entry) string {
	hash := e.Leaf()
	return hex.EncodeToString(hash[:])
}
