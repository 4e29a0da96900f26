package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"spredning/keys"
)

const (
	// invitationLife is how long an invitation can be used, and its key be waited with,
	// from the request's own time on.
	invitationLife = 7 * 24 * time.Hour
	// InvitationAge is how long an invitation has to be kept: a little longer, as its
	// request may be dated ahead.
	InvitationAge = invitationLife + 24*time.Hour

	// maxInviteAge is how old a request may be: one that was overheard is of no use
	// tomorrow.
	maxInviteAge = time.Hour
	// maxInvite is the number of bytes that a request may have.
	maxInvite = 2 << 10
	// maxInvitations is how many open invitations an organisation may have at a time.
	maxInvitations = 50
	// maxListed is how many are kept of one organisation, with those whose key is
	// enrolled and those that have expired and still lie there.
	maxListed = 200
	// tokenLength is that of 32 bytes as base64url without padding.
	tokenLength = 43
)

// ErrNoInvitation is returned for a token that opens nothing: nobody was invited with
// it, or it has expired. Which of the two, nobody is told.
var ErrNoInvitation = errors.New("no such invitation")

// Invitations keeps one-time invitations to make a key, and the keys that were made
// with them until an admin has enrolled them. They are no part of the ledger and grant
// nothing: only a signed key.enrolled makes a key one of the ledger's. Of the token, which
// opens one, only the hash is known here.
type Invitations struct {
	ledger *Ledger
	store  Store
}

// NewInvitations gives the invitations of a ledger that lie in a store.
func NewInvitations(l *Ledger, s Store) *Invitations { return &Invitations{l, s} }

// KeyInvitation is what somebody is invited to make a key for.
type KeyInvitation struct {
	Organisation Orgnr
	Roles        []Role
	Label        string
	InvitedBy    keys.ID
	Expires      time.Time // UTC, whole seconds
	Used         bool
}

// WaitingKey is a key that was made with an invitation. It may sign nothing.
type WaitingKey struct {
	Organisation Orgnr
	Public       keys.Public
	Roles        []Role // that were invited to
	Label        string
	UsedAt       time.Time // UTC, whole seconds
}

// InviteRequest is what an admin signs, in JSON, to invite somebody; [Invitations.Invite]
// has its form.
type InviteRequest struct {
	Ledger       string `json:"ledger"`
	Organisation Orgnr  `json:"organisation"`
	Roles        []Role `json:"roles"`
	Label        string `json:"label"`
	TokenSHA256  string `json:"token_sha256"` // of the token's 43 characters
	At           string `json:"at"`           // the signer's clock
}

func (i *InviteRequest) check(f *fields) {
	f.orgnr("/organisation", i.Organisation)
	someOf(f, "/roles", i.Roles, roles)
	f.string("/label", i.Label, maxLabel)
	f.hash("/token_sha256", i.TokenSHA256)
	if i.at().IsZero() {
		f.blame("/at", "must be a time like 2026-11-22T10:15:00Z: UTC, whole seconds")
	}
}

func (i *InviteRequest) at() time.Time { return parseAt(&i.At) }

// keptInvitation is an invitation as it lies in the store.
type keptInvitation struct {
	Request string  `json:"request"` // the bytes that were signed
	KeyID   keys.ID `json:"keyid"`
	Public  string  `json:"public,omitzero"` // base64; none: not used yet
	UsedAt  string  `json:"used_at,omitzero"`

	invite InviteRequest
	public []byte
}

func (k *keptInvitation) expires() time.Time { return k.invite.at().Add(invitationLife) }

// use is that of a passkey.
func (k *keptInvitation) use(public []byte, at time.Time) {
	k.public, k.Public, k.UsedAt = public, base64.StdEncoding.EncodeToString(public), at.UTC().Format(time.RFC3339)
}

func (k *keptInvitation) told() KeyInvitation {
	return KeyInvitation{k.invite.Organisation, k.invite.Roles, k.invite.Label, k.KeyID, k.expires(), k.public != nil}
}

func (k *keptInvitation) waiting() WaitingKey {
	return WaitingKey{k.invite.Organisation, k.passkey(), k.invite.Roles, k.invite.Label, parseAt(&k.UsedAt)}
}

func (k *keptInvitation) passkey() keys.Public {
	return keys.Public{Scheme: keys.WebAuthn, Bytes: k.public}
}

// Invite takes a request to invite somebody, strict JSON:
//
//	{"ledger":"spredning.example/2026","organisation":"983971636","roles":["report"],
//	 "label":"innovasjonsrådgiver","token_sha256":"<64 hex digits>","at":"2026-11-22T10:15:00Z"}
//
// signed, over keys.PAEOf(keys.InvitationV1, request), by a key that may enrol such a
// key now: an admin's of the organisation or of the authority. known tells that the very
// same request was taken before; it is answered alike, whatever the clock and the keys
// say by now. Errors are a *Refusal, with pointers into the request.
func (i *Invitations) Invite(ctx context.Context, request []byte, keyid keys.ID, sig []byte) (invitation KeyInvitation, known bool, err error) {
	asked, late, err := i.read(request)
	if err != nil {
		return invitation, false, err
	}
	signed, err := asked.signed(request, keyid, sig)
	if err == nil {
		err = i.ledger.verifyAs(ctx, signed, keys.InvitationV1)
	}
	if err != nil {
		return invitation, false, orLate(late, err)
	}
	for race := range maxRaces {
		kept, revision, err := i.load(ctx, asked.TokenSHA256)
		if err != nil {
			return invitation, false, err
		}
		if kept.Request == string(request) {
			return kept.told(), true, nil
		}
		if err := i.wanted(ctx, asked, signed, kept, late); err != nil {
			return invitation, false, err
		}
		kept = keptInvitation{Request: string(request), KeyID: keyid, invite: *asked}
		if err = i.save(ctx, &kept, revision); !errors.Is(err, ErrConflict) {
			return kept.told(), false, i.trouble(err)
		}
		time.Sleep(time.Duration(race) * raceWait)
	}
	return invitation, false, errInvitationRace()
}

// read reads a request. That it is dated wrongly is told late: one that was taken
// before may be as old as it likes.
func (i *Invitations) read(request []byte) (asked *InviteRequest, late *Refusal, err error) {
	if len(request) > maxInvite {
		return nil, nil, refuse(TooLarge, "a request to invite has at most %d bytes; shorten the label", maxInvite)
	}
	asked = &InviteRequest{}
	if err := strict(request, asked); err != nil {
		return nil, nil, err
	}
	if origin := i.ledger.Origin(); asked.Ledger != origin {
		return nil, nil, refuse(WrongLedger, "the invitation is for %q, this ledger is %q", asked.Ledger, origin).at("/ledger")
	}
	late = i.clock(asked.at())
	f := &fields{}
	asked.check(f)
	if err := f.refusal(); err != nil {
		return nil, nil, orLate(late, err)
	}
	return asked, late, nil
}

func orLate(late *Refusal, err error) error {
	if late != nil {
		return late
	}
	return err
}

func (i *Invitations) clock(at time.Time) *Refusal {
	now := i.ledger.cfg.Now()
	switch {
	case at.IsZero():
		return nil // no time at all: an invalid field
	case at.After(now.Add(maxAhead)):
		return refuse(Clock, "the invitation's time is more than 5 minutes ahead of the server's, %s; set the clock and sign again", now.UTC().Format(time.RFC3339)).at("/at")
	case at.Before(now.Add(-maxInviteAge)):
		return refuse(Clock, "the invitation's time is more than an hour ago; sign again").at("/at")
	}
	return nil
}

// signed is the request as what the ledger decides on: would the signer be allowed to
// enrol such a key now?
func (i *InviteRequest) signed(request []byte, keyid keys.ID, sig []byte) (*Signed, error) {
	if _, err := keys.ParseID(string(keyid)); err != nil {
		return nil, refuse(Malformed, "%s", err).at("/keyid")
	}
	d := &inviting{Enrolment{i.Organisation, Key{Scheme: keys.WebAuthn, Roles: i.Roles, Label: i.Label}}}
	envelope := keys.Envelope{Payload: request, Signatures: []keys.Signature{{KeyID: keyid, Sig: sig}}}
	return &Signed{Event: Event{Ledger: i.Ledger, Type: KeyEnrolled, At: i.at(), Data: d}, Envelope: envelope}, nil
}

// inviting is the enrolment of a key that nobody has made yet. It is only ever tried.
// Who acts is whose key has signed.
type inviting struct{ Enrolment }

func (d *inviting) decide(s *State, e *Signed) error {
	if k, ok := s.keys.at(e.Envelope.Signatures[0].KeyID); ok {
		e.By = k.org
	}
	err := d.Enrolment.decide(s, e)
	if r, ok := err.(*Refusal); ok { // the request has its own fields
		r.Pointer = strings.TrimPrefix(strings.TrimPrefix(r.Pointer, "/data"), "/key")
		r.Pointer = strings.TrimPrefix(r.Pointer, "/by")
	}
	return err
}

// wanted refuses an invitation that may not be given, and more than one may have.
func (i *Invitations) wanted(ctx context.Context, asked *InviteRequest, signed *Signed, kept keptInvitation, late *Refusal) error {
	if late != nil {
		return late
	}
	if err := i.ledger.allows(ctx, signed); err != nil {
		return err
	}
	if kept.Request != "" {
		return refuse(AlreadyExists, "another invitation has this token; make a new one and sign again").at("/token_sha256")
	}
	all, listed, err := i.list(ctx, asked.Organisation)
	if err != nil {
		return err
	}
	open := 0
	for _, k := range all {
		if _, enrolled := i.ledger.knows(k.passkey().ID()); k.public == nil || !enrolled {
			open++
		}
	}
	if open >= maxInvitations || listed >= maxListed {
		return refuse(Overloaded, "%s has %d open invitations already; enrol the keys that wait, or wait until some have expired", asked.Organisation, open)
	}
	return nil
}

// Open gives what a token, 43 characters, is an invitation to. Errors are
// ErrNoInvitation or a *Refusal that says that it cannot be known now.
func (i *Invitations) Open(ctx context.Context, token string) (KeyInvitation, error) {
	kept, _, err := i.find(ctx, token)
	return kept.told(), err
}

// find gives the invitation that a token opens.
func (i *Invitations) find(ctx context.Context, token string) (kept keptInvitation, revision uint64, err error) {
	if len(token) != tokenLength {
		return kept, 0, ErrNoInvitation
	}
	kept, revision, err = i.load(ctx, sumOf([]byte(token)))
	if err == nil && (kept.Request == "" || i.expired(kept)) {
		err = ErrNoInvitation
	}
	return kept, revision, err
}

func (i *Invitations) expired(k keptInvitation) bool { return !i.ledger.cfg.Now().Before(k.expires()) }

// Use makes the public bytes of a passkey wait for an admin. A token is used once: with
// the same bytes again the answer is the same, with others it is wrong_state. Errors are
// ErrNoInvitation or a *Refusal, with pointers into {"public"}.
func (i *Invitations) Use(ctx context.Context, token string, public []byte) (WaitingKey, error) {
	passkey := keys.Public{Scheme: keys.WebAuthn, Bytes: public}
	if err := passkey.Check(); err != nil {
		return WaitingKey{}, refuse(InvalidField, "%s", err).at("/public")
	}
	for race := range maxRaces {
		kept, revision, err := i.find(ctx, token)
		switch {
		case err != nil:
			return WaitingKey{}, err
		case bytes.Equal(kept.public, public):
			return kept.waiting(), nil
		case kept.public != nil:
			return WaitingKey{}, refuse(WrongState, "it has been used; if not by you, tell whoever invited you, and ask for a new invitation")
		}
		if err := i.fresh(ctx, kept.invite.Organisation, passkey.ID()); err != nil {
			return WaitingKey{}, err
		}
		kept.use(public, i.ledger.cfg.Now())
		if err = i.save(ctx, &kept, revision); !errors.Is(err, ErrConflict) {
			return kept.waiting(), i.trouble(err)
		}
		time.Sleep(time.Duration(race) * raceWait)
	}
	return WaitingKey{}, errInvitationRace()
}

func errInvitationRace() *Refusal {
	return refuse(Overloaded, "many are doing this at the same time; send the same again in a moment")
}

// fresh refuses a key that was enrolled or waits already, so that a code names one.
func (i *Invitations) fresh(ctx context.Context, o Orgnr, id keys.ID) error {
	enrolled, err := i.ledger.enrolled(ctx, id)
	if err != nil {
		return err
	}
	if enrolled {
		return refuse(AlreadyExists, "the key is or was enrolled; a key is enrolled once ever").at("/public")
	}
	all, _, err := i.list(ctx, o)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(k keptInvitation) bool { return k.public != nil && k.passkey().ID() == id }) {
		return refuse(AlreadyExists, "the key waits already, made with another invitation").at("/public")
	}
	return nil
}

// Waiting gives the keys that were made with an organisation's invitations and are not
// enrolled, the earliest made first. They are forgotten when their invitations expire.
// The error is a *Refusal that says that it cannot be known now.
func (i *Invitations) Waiting(ctx context.Context, o Orgnr) ([]WaitingKey, error) {
	if !o.Valid() {
		return nil, nil // it has no keys, and is no part of a place to look at
	}
	all, _, err := i.list(ctx, o)
	if err != nil {
		return nil, err
	}
	var waiting []WaitingKey
	for _, k := range all {
		if _, enrolled := i.ledger.knows(k.passkey().ID()); k.public != nil && !enrolled {
			waiting = append(waiting, k.waiting())
		}
	}
	slices.SortFunc(waiting, func(a, b WaitingKey) int {
		if c := a.UsedAt.Compare(b.UsedAt); c != 0 {
			return c
		}
		return strings.Compare(string(a.Public.ID()), string(b.Public.ID()))
	})
	return waiting, nil
}

// list gives an organisation's invitations that have not expired, and how many lie
// there with the others.
func (i *Invitations) list(ctx context.Context, o Orgnr) (all []keptInvitation, listed int, err error) {
	values, err := i.store.List(ctx, o, maxListed)
	if err != nil {
		return nil, 0, i.trouble(err)
	}
	for sum, value := range values {
		if k, ok := parseInvitation(sum, value); ok && k.invite.Organisation == o && !i.expired(k) {
			all = append(all, k)
		}
	}
	return all, len(values), nil
}

// load gives the invitation under a hash, without a request if there is none: what lies
// there and is no invitation is overwritten.
func (i *Invitations) load(ctx context.Context, sum string) (keptInvitation, uint64, error) {
	value, revision, err := i.store.Load(ctx, sum)
	if err != nil {
		return keptInvitation{}, 0, i.trouble(err)
	}
	k, _ := parseInvitation(sum, value)
	return k, revision, nil
}

// parseInvitation reads what lies in the store under a hash.
func parseInvitation(sum string, value []byte) (k keptInvitation, ok bool) {
	if err := strict(value, &k); err != nil {
		return keptInvitation{}, false
	}
	f := &fields{}
	if err := strict([]byte(k.Request), &k.invite); err != nil {
		return keptInvitation{}, false
	}
	k.invite.check(f)
	if f.refusal() != nil || k.invite.TokenSHA256 != sum {
		return keptInvitation{}, false
	}
	if k.Public == "" {
		return k, true
	}
	k.public = Key{Scheme: keys.WebAuthn, Public: k.Public}.PublicKey().Bytes
	if k.passkey().Check() != nil || parseAt(&k.UsedAt).IsZero() {
		return keptInvitation{}, false
	}
	return k, true
}

// save keeps an invitation in the place of a revision.
func (i *Invitations) save(ctx context.Context, k *keptInvitation, revision uint64) error {
	value, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return i.store.Save(ctx, k.invite.TokenSHA256, k.invite.Organisation, value, revision)
}

// verifyAs is verify for who comes from outside.
func (l *Ledger) verifyAs(ctx context.Context, e *Signed, payloadType string) error {
	leave, err := l.enter()
	if err != nil {
		return err
	}
	defer leave()
	return l.verify(ctx, e, payloadType)
}

// allows decides what is only ever tried, on the newest state.
func (l *Ledger) allows(ctx context.Context, e *Signed) error {
	leave, err := l.enter()
	if err != nil {
		return err
	}
	r := &request{signed: e, try: true, answer: make(chan answer, 1)}
	err = l.enqueue(r)
	leave()
	if err != nil {
		return err
	}
	select {
	case a := <-r.answer:
		return a.err
	case <-ctx.Done():
		return refuse(Unavailable, "gave up waiting; ask again")
	}
}

// enrolled reports whether a key is or was enrolled, by another node just now too.
func (l *Ledger) enrolled(ctx context.Context, id keys.ID) (bool, error) {
	if _, ok := l.knows(id); ok || !l.cfg.Shared {
		return ok, nil
	}
	leave, err := l.enter()
	if err != nil {
		return false, err
	}
	defer leave()
	if err := l.settle(ctx); err != nil {
		return false, err
	}
	_, ok := l.knows(id)
	return ok, nil
}

func (i *Invitations) trouble(err error) error { return i.ledger.trouble("invitations", err) }
