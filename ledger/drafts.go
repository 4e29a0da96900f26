package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"spredning/keys"
)

// DraftAge is how long a draft has to be kept: until the clock refuses its event,
// which may be dated a little ahead.
const DraftAge = maxAge + maxAhead

const (
	// maxDrafts is how many drafts one organisation may have at a time.
	maxDrafts = 200
	// maxLooked is how many drafts are looked through for those that wait for one.
	maxLooked = 500
	// maxRaces is how often in a row others may add a signature first.
	maxRaces = 50
	// raceWait is how long to wait after that; longer each time.
	raceWait = time.Millisecond
)

// Store is where lies what is no part of the ledger, drafts or invitations: values, each
// with a revision, by a SHA-256. It may be shared with other nodes. Nothing in it is trusted.
type Store interface {
	// Load gives the newest value under a hash, and its revision; 0: there is none.
	Load(ctx context.Context, sum string) (value []byte, revision uint64, err error)
	// Save puts a value in the place of a revision, 0 for a new one of an organisation; it
	// is durable when that returns nil. ErrConflict: another revision is the newest, and
	// nothing was changed.
	Save(ctx context.Context, sum string, by Orgnr, value []byte, revision uint64) error
	// Count tells how many values an organisation has.
	Count(ctx context.Context, by Orgnr) (int, error)
	// List gives an organisation's values by their hashes; those of all for [Anyone]. Of
	// more than most some are left out.
	List(ctx context.Context, by Orgnr, most int) (map[string][]byte, error)
}

// Anyone stands for every organisation where values are listed.
const Anyone Orgnr = "*"

// ErrNoDraft is returned for a payload that no draft is kept of.
var ErrNoDraft = errors.New("no such draft")

// Drafts keeps events that some, but not all, have signed who must, so that the
// others find them by the hash of their payload. They are no part of the ledger
// and count for nothing.
type Drafts struct {
	ledger *Ledger
	store  Store
}

// NewDrafts gives the drafts of a ledger that lie in a store.
func NewDrafts(l *Ledger, s Store) *Drafts { return &Drafts{l, s} }

// Draft is an event that waits for signatures, as the ledger would take it now.
type Draft struct {
	Signed
	Trial
	Refusal *Refusal // why it is not admissible any more, whoever signs; nil: it is
}

// Sum is the SHA-256 of the payload, 64 hex digits: what a draft is found by.
func (d *Draft) Sum() string { return sumOf(d.Envelope.Payload) }

// Expires is when the draft is of no use any more: its event is too old then.
func (d *Draft) Expires() time.Time { return d.At.Add(maxAge) }

func sumOf(payload []byte) string {
	sum := sha256.Sum256(payload)
	return hex.EncodeToString(sum[:])
}

// Draft gives the draft of a payload, by its hash. Errors are ErrNoDraft or a
// *Refusal that says nothing about the event.
func (d *Drafts) Draft(ctx context.Context, sum string) (Draft, error) {
	kept, _, err := d.load(ctx, sum)
	if err != nil {
		return Draft{}, err
	}
	if len(kept.Signatures) == 0 {
		return Draft{}, ErrNoDraft
	}
	draft, err := d.try(ctx, kept)
	if r, ok := err.(*Refusal); ok && slices.Contains(Codes, r.Code) {
		draft.Refusal = r
		return draft, nil
	}
	return draft, err
}

// Waiting gives the drafts that lack a signature, those that expire first first: for an
// organisation that must sign, and those of which the rule leaves open who does. Of very
// many, some are left out.
func (d *Drafts) Waiting(ctx context.Context, o Orgnr) (all []Draft, err error) {
	kept, err := d.store.List(ctx, Anyone, maxLooked)
	if err != nil {
		return nil, d.trouble(err)
	}
	for sum, value := range kept {
		e, err := keys.Parse(value)
		if err != nil || sumOf(e.Payload) != sum {
			continue // nothing in the store is trusted
		}
		draft, err := d.try(ctx, e)
		if r, ok := err.(*Refusal); ok && slices.Contains(Codes, r.Code) {
			continue // nobody can complete it any more
		}
		if err != nil {
			return nil, err
		}
		if m := draft.Missing; m != nil && draft.Index < 0 && (len(m.Organisations) == 0 || slices.Contains(m.Organisations, o)) {
			all = append(all, draft)
		}
	}
	slices.SortFunc(all, func(a, b Draft) int { return a.At.Compare(b.At) })
	return all, nil
}

// Post takes an envelope with some of the signatures that its event needs, and
// keeps them beside those that others have posted; known tells that there were
// any. Only what they lack may be missing from the event: an error is the
// *Refusal that is left. When nothing is missing any more the draft is kept all
// the same, for whoever submits it.
func (d *Drafts) Post(ctx context.Context, raw []byte) (draft Draft, known bool, err error) {
	posted, err := openEnvelope(raw)
	if err != nil {
		return Draft{}, false, err
	}
	sum := sumOf(posted.Payload)
	for race := range maxRaces {
		kept, revision, err := d.load(ctx, sum)
		if err != nil {
			return Draft{}, false, err
		}
		united := unite(kept, posted)
		if draft, err = d.try(ctx, united); err != nil {
			return Draft{}, false, err
		}
		known = len(kept.Signatures) > 0
		if err := d.wanted(ctx, draft, posted, known); err != nil {
			return Draft{}, false, err
		}
		encoded := united.Encode()
		if known && bytes.Equal(encoded, kept.Encode()) {
			return draft, true, nil
		}
		err = d.store.Save(ctx, sum, draft.By, encoded, revision)
		if !errors.Is(err, ErrConflict) {
			return draft, known, d.trouble(err)
		}
		time.Sleep(time.Duration(race) * raceWait)
	}
	return Draft{}, false, refuse(Overloaded, "many are signing this at the same time; send the same bytes again in a moment")
}

// wanted refuses what is no draft, and more drafts than one may have.
func (d *Drafts) wanted(ctx context.Context, draft Draft, posted keys.Envelope, known bool) error {
	complete := draft.Missing == nil && len(draft.Envelope.Signatures) == len(posted.Signatures)
	switch {
	case draft.Index >= 0:
		return refuse(AlreadyExists, "the event is in the ledger already, as entry %d", draft.Index)
	case complete:
		return refuse(WrongState, "all who must sign have signed: it is no draft any more, submit it to /api/v1/events")
	case known:
		return nil
	}
	n, err := d.store.Count(ctx, draft.By)
	if err == nil && n >= maxDrafts {
		return refuse(Overloaded, "%s has %d drafts already; sign and submit those, or wait until some have expired", draft.By, n)
	}
	return d.trouble(err)
}

// try gives a draft as the ledger would take it now.
func (d *Drafts) try(ctx context.Context, e keys.Envelope) (Draft, error) {
	event, _ := ParseEvent(e.Payload) // what is wrong with it Try says, in its order
	trial, err := d.ledger.Try(ctx, e.Encode())
	return Draft{Signed: Signed{Event: event, Envelope: e}, Trial: trial}, err
}

// load gives the envelope that is kept of a payload, without signatures if there
// is none: what lies there and is no such envelope is overwritten.
func (d *Drafts) load(ctx context.Context, sum string) (keys.Envelope, uint64, error) {
	b, revision, err := d.store.Load(ctx, sum)
	if err != nil {
		return keys.Envelope{}, 0, d.trouble(err)
	}
	if e, err := keys.Parse(b); err == nil && sumOf(e.Payload) == sum {
		return e, revision, nil
	}
	return keys.Envelope{}, revision, nil
}

func (d *Drafts) trouble(err error) error { return d.ledger.trouble("drafts", err) }

// trouble is what a store of values failed with, as a refusal. The stream may have the
// same trouble and heal from it, so the committer is asked to look.
func (l *Ledger) trouble(what string, err error) error {
	if err == nil {
		return nil
	}
	l.cfg.Logger.Warn("keeping "+what, "error", err)
	l.nudge()
	return refuse(Unavailable, "%s cannot be kept or read right now; try again in a moment", what)
}

// unite gives an envelope with the signatures of both. Of one key the posted one
// is taken, so that it is verified.
func unite(kept, posted keys.Envelope) keys.Envelope {
	all := keys.Envelope{Payload: posted.Payload, Signatures: slices.Clone(posted.Signatures)}
	for _, s := range kept.Signatures {
		if !slices.ContainsFunc(all.Signatures, func(p keys.Signature) bool { return p.KeyID == s.KeyID }) {
			all.Signatures = append(all.Signatures, s)
		}
	}
	slices.SortFunc(all.Signatures, func(a, b keys.Signature) int { return bytes.Compare([]byte(a.KeyID), []byte(b.KeyID)) })
	return all
}
