package ledger_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spredning/keys"
	"spredning/ledger"
)

// asking is a request to invite.
type asking struct {
	Ledger       string   `json:"ledger"`
	Organisation string   `json:"organisation"`
	Roles        []string `json:"roles"`
	Label        string   `json:"label"`
	TokenSHA256  string   `json:"token_sha256"`
	At           string   `json:"at"`
}

// ask is one for Bergen's adviser, and its token.
func ask(at time.Time) (asking, string) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	token := base64.RawURLEncoding.EncodeToString(secret)
	sum := sha256.Sum256([]byte(token))
	return asking{
		Ledger: origin, Organisation: string(bergen), Roles: []string{"report"}, Label: "innovasjonsrådgiver",
		TokenSHA256: hex.EncodeToString(sum[:]), At: at.UTC().Format("2006-01-02T15:04:05Z"),
	}, token
}

func (a asking) bytes() []byte {
	b, err := json.Marshal(a)
	if err != nil {
		panic(err)
	}
	return b
}

// inviter is a node's invitations, and who asks for them.
type inviter struct {
	*ledger.Invitations
	t   *testing.T
	now func() time.Time // by which they are dated
}

func (i inviter) invite(a asking, k *keys.Private) (ledger.KeyInvitation, bool, error) {
	return i.Invite(context.Background(), a.bytes(), k.ID(), k.Sign(keys.PAEOf(keys.InvitationV1, a.bytes())))
}

// must invites, and gives the token.
func (i inviter) must(k *keys.Private, change ...func(*asking)) string {
	i.t.Helper()
	a, token := ask(i.now())
	for _, c := range change {
		c(&a)
	}
	_, known, err := i.invite(a, k)
	noError(i.t, err)
	if known {
		i.t.Error("a new invitation was known")
	}
	return token
}

func (i inviter) refuses(a asking, k *keys.Private, code ledger.Code) {
	i.t.Helper()
	_, _, err := i.invite(a, k)
	refusedWith(i.t, err, code)
}

// passkey is the public half of one, by a number.
func passkey(n byte) keys.Public {
	p, err := keys.Passkey{COSE: keys.EdDSACOSE(seededKey(n).Bytes), ID: []byte{n}, RPID: "spredning.example", Origins: []string{"https://spredning.example"}}.Public()
	if err != nil {
		panic(err)
	}
	return p
}

func inviting(t *testing.T, n *node) inviter {
	return inviter{ledger.NewInvitations(n.Ledger, n.stream.Invitations()), t, time.Now}
}

// waiting are the key ids that wait for an organisation.
func (i inviter) waiting(o ledger.Orgnr, want ...keys.Public) []ledger.WaitingKey {
	i.t.Helper()
	got, err := i.Waiting(context.Background(), o)
	noError(i.t, err)
	if len(got) != len(want) {
		i.t.Fatalf("%d keys wait for %s, want %d", len(got), o, len(want))
	}
	for _, w := range want {
		found := false
		for _, g := range got {
			found = found || g.Public.ID() == w.ID()
		}
		if !found {
			i.t.Errorf("key %s does not wait", w.ID())
		}
	}
	return got
}

// approval enrols a waiting key as it was invited.
func approval(w ledger.WaitingKey) *ledger.Enrolment {
	return &ledger.Enrolment{Organisation: w.Organisation, Key: ledger.Key{
		Scheme: w.Public.Scheme, Public: base64Of(w.Public.Bytes), Roles: w.Roles, Label: w.Label,
	}}
}

func TestInvitation(t *testing.T) {
	t.Parallel()
	ctx, n := context.Background(), newNode(t).open(t).found(t)
	i := inviting(t, n)
	size := n.Size()
	a, token := ask(time.Now())
	invited, known, err := i.invite(a, n.keys[bergen])
	noError(t, err)
	at, err := time.Parse(time.RFC3339, a.At)
	noError(t, err)
	if known || invited.Organisation != bergen || fmt.Sprint(invited.Roles) != "[report]" || invited.Label != "innovasjonsrådgiver" ||
		invited.InvitedBy != n.keys[bergen].ID() || !invited.Expires.Equal(at.Add(7*24*time.Hour)) || invited.Used {
		t.Errorf("known: %t, %+v", known, invited)
	}
	if again, known, err := i.invite(a, n.keys[bergen]); err != nil || !known || fmt.Sprint(again) != fmt.Sprint(invited) {
		t.Errorf("the same again: %t, %+v, %v", known, again, err)
	}
	if open, err := i.Open(ctx, token); err != nil || fmt.Sprint(open) != fmt.Sprint(invited) {
		t.Errorf("opened: %+v, %v", open, err)
	}
	i.waiting(bergen)

	used, err := i.Use(ctx, token, passkey(1).Bytes)
	noError(t, err)
	if used.Public.ID() != passkey(1).ID() || used.Organisation != bergen || used.Label != invited.Label || time.Since(used.UsedAt) > time.Minute {
		t.Errorf("used: %+v", used)
	}
	if open, err := i.Open(ctx, token); err != nil || !open.Used {
		t.Errorf("opened after use: %+v, %v", open, err)
	}
	if again, err := i.Use(ctx, token, passkey(1).Bytes); err != nil || fmt.Sprint(again) != fmt.Sprint(used) {
		t.Errorf("the same passkey again: %+v, %v", again, err)
	}
	_, err = i.Use(ctx, token, passkey(2).Bytes)
	refusedWith(t, err, ledger.WrongState)
	if !strings.Contains(err.Error(), "it has been used") {
		t.Errorf("another passkey: %v", err)
	}
	i.waiting(ahus)
	w := i.waiting(bergen, passkey(1))[0]
	if n.Size() != size {
		t.Error("an invitation is in the ledger")
	}

	// It grants nothing: only key.enrolled does, by who may.
	_, _, err = n.Submit(ctx, n.envelope(ahus, approval(w), time.Now()))
	refusedWith(t, err, ledger.NotAuthorised)
	i.waiting(bergen, passkey(1))
	n.must(t, bergen, approval(w))
	i.waiting(bergen)
	if again, err := i.Use(ctx, token, passkey(1).Bytes); err != nil || fmt.Sprint(again) != fmt.Sprint(used) {
		t.Errorf("the same passkey once it is enrolled: %+v, %v", again, err)
	}
	_, err = i.Use(ctx, i.must(n.keys[bergen]), passkey(1).Bytes)
	refusedWith(t, err, ledger.AlreadyExists)
	n.must(t, bergen, &ledger.Revocation{Key: passkey(1).ID(), Reason: "lost"})
	i.waiting(bergen)

	// The request says more than what is asked, and is taken again when it is old and
	// its key revoked.
	second := seededKey(60)
	n.must(t, bergen, &ledger.Enrolment{Organisation: bergen, Key: enrolled(second, ledger.Admin)})
	b, _ := ask(time.Now())
	_, _, err = i.invite(b, second)
	noError(t, err)
	n.must(t, bergen, &ledger.Revocation{Key: second.ID(), Reason: "left"})
	if _, known, err := i.invite(b, second); err != nil || !known {
		t.Errorf("the same again by a revoked key: %t, %v", known, err)
	}
	n.sound(t)
}

func TestInvitationsAreRefused(t *testing.T) {
	t.Parallel()
	ctx, n := context.Background(), newNode(t).open(t).found(t)
	i := inviting(t, n)
	reporter, revoked := seededKey(50), seededKey(51)
	n.must(t, bergen, &ledger.Enrolment{Organisation: bergen, Key: enrolled(reporter, ledger.Report)})
	n.must(t, bergen, &ledger.Enrolment{Organisation: bergen, Key: enrolled(revoked, ledger.Admin)})
	n.must(t, bergen, &ledger.Revocation{Key: revoked.ID(), Reason: "lost"})
	now := time.Now()
	stamp := func(d time.Duration) func(*asking) {
		return func(a *asking) { a.At = now.Add(d).UTC().Format("2006-01-02T15:04:05Z") }
	}
	for name, c := range map[string]struct {
		change  func(*asking)
		by      *keys.Private
		code    ledger.Code
		pointer string
	}{
		"another's admin":        {nil, n.keys[ahus], ledger.NotAuthorised, ""},
		"no admin":               {nil, reporter, ledger.NotAuthorised, ""},
		"a revoked key":          {nil, revoked, ledger.RevokedKey, ""},
		"an unknown key":         {nil, seededKey(77), ledger.UnknownKey, ""},
		"another ledger":         {func(a *asking) { a.Ledger = "spredning.example/other" }, n.keys[bergen], ledger.WrongLedger, "/ledger"},
		"another ledger, old":    {func(a *asking) { a.Ledger = ""; stamp(-2 * time.Hour)(a) }, n.keys[bergen], ledger.WrongLedger, "/ledger"},
		"too old":                {stamp(-61 * time.Minute), n.keys[bergen], ledger.Clock, "/at"},
		"ahead":                  {stamp(6 * time.Minute), n.keys[bergen], ledger.Clock, "/at"},
		"too old, by a stranger": {stamp(-61 * time.Minute), seededKey(77), ledger.Clock, "/at"},
		"no time":                {func(a *asking) { a.At = "" }, n.keys[bergen], ledger.InvalidField, "/at"},
		"a zone":                 {func(a *asking) { a.At = "2026-11-22T10:15:00+01:00" }, n.keys[bergen], ledger.InvalidField, "/at"},
		"assess":                 {func(a *asking) { a.Roles = []string{"assess"} }, n.keys[bergen], ledger.NotAuthorised, "/roles"},
		"no roles":               {func(a *asking) { a.Roles = []string{} }, n.keys[bergen], ledger.InvalidField, "/roles"},
		"a role twice":           {func(a *asking) { a.Roles = []string{"report", "report"} }, n.keys[bergen], ledger.InvalidField, "/roles/1"},
		"no such role":           {func(a *asking) { a.Roles = []string{"root"} }, n.keys[bergen], ledger.InvalidField, "/roles/0"},
		"no label":               {func(a *asking) { a.Label = "" }, n.keys[bergen], ledger.InvalidField, "/label"},
		"a long label":           {func(a *asking) { a.Label = strings.Repeat("å", 81) }, n.keys[bergen], ledger.InvalidField, "/label"},
		"an identity number":     {func(a *asking) { a.Label = "01010090004" }, n.keys[bergen], ledger.PersonalData, "/label"},
		"no token":               {func(a *asking) { a.TokenSHA256 = strings.ToUpper(a.TokenSHA256) }, n.keys[bergen], ledger.InvalidField, "/token_sha256"},
		"no organisation":        {func(a *asking) { a.Organisation = "*" }, n.keys[bergen], ledger.InvalidField, "/organisation"},
		"unregistered":           {func(a *asking) { a.Organisation = string(third) }, n.keys[authority], ledger.UnknownOrganisation, "/organisation"},
		"for the authority":      {func(a *asking) { a.Organisation = string(authority) }, n.keys[bergen], ledger.NotAuthorised, ""},
		"too large":              {func(a *asking) { a.Label = strings.Repeat("x", 2000) }, n.keys[bergen], ledger.TooLarge, ""},
	} {
		a, token := ask(now)
		if c.change != nil {
			c.change(&a)
		}
		_, _, err := i.invite(a, c.by)
		var r *ledger.Refusal
		if !errors.As(err, &r) || r.Code != c.code || r.Pointer != c.pointer || r.Detail == "" {
			t.Errorf("%s: %v, want %s at %q", name, err, c.code, c.pointer)
		}
		if _, err := i.Open(ctx, token); err != ledger.ErrNoInvitation {
			t.Errorf("%s: it was taken all the same, %v", name, err)
		}
	}

	// A signature over anything else is none.
	a, _ := ask(now)
	other, _ := ask(now)
	admin := n.keys[bergen]
	for name, sig := range map[string][]byte{
		"as an event":   admin.Sign(keys.PAE(a.bytes())),
		"bare":          admin.Sign(a.bytes()),
		"of another":    admin.Sign(keys.PAEOf(keys.InvitationV1, other.bytes())),
		"another's key": n.keys[ahus].Sign(keys.PAEOf(keys.InvitationV1, a.bytes())),
		"nothing":       nil,
	} {
		if _, _, err := i.Invite(ctx, a.bytes(), admin.ID(), sig); err == nil {
			t.Errorf("signed %s: it was taken", name)
		} else {
			refusedWith(t, err, ledger.BadSignature)
		}
	}
	for name, request := range map[string]string{
		"nothing": "", "no JSON": "nei", "a list": "[]", "more": string(a.bytes()) + "{}", "null": strings.Replace(string(a.bytes()), `"innovasjonsrådgiver"`, "null", 1),
		"unknown": strings.Replace(string(a.bytes()), "{", `{"name":"Kari",`, 1), "twice": strings.Replace(string(a.bytes()), "{", `{"label":"en annen",`, 1),
	} {
		_, _, err := i.Invite(ctx, []byte(request), admin.ID(), admin.Sign(keys.PAEOf(keys.InvitationV1, []byte(request))))
		if r, ok := err.(*ledger.Refusal); !ok || r.Code != ledger.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := i.Invite(ctx, a.bytes(), "short", nil)
	refusedWith(t, err, ledger.Malformed)

	// And a signed invitation is no event.
	envelope := keys.Envelope{Payload: a.bytes(), Signatures: []keys.Signature{{KeyID: admin.ID(), Sig: admin.Sign(keys.PAEOf(keys.InvitationV1, a.bytes()))}}}
	if _, _, err := n.Submit(ctx, envelope.Encode()); err == nil {
		t.Error("an invitation was submitted")
	}

	// Who may: the authority for anyone, committee members too, and for itself.
	i.must(n.keys[authority], func(a *asking) { a.Roles = []string{"assess", "report", "admin"} })
	i.must(n.keys[authority], func(a *asking) { a.Organisation = string(authority); a.Roles = []string{"admin"} })

	// One's token is nobody else's, nor for anything else.
	_, _, err = i.invite(a, admin)
	noError(t, err)
	a.Label = "en annen rolle"
	i.refuses(a, admin, ledger.AlreadyExists)
	a.Organisation = string(ahus)
	i.refuses(a, n.keys[ahus], ledger.AlreadyExists)
}

// A successor invites as itself; whom it succeeded can invite nobody, and nobody is
// invited for it.
func TestInvitationsAfterASuccession(t *testing.T) {
	t.Parallel()
	ctx, n := context.Background(), newNode(t).open(t).found(t)
	i := inviting(t, n)
	before := i.must(n.keys[bergen])
	n.must(t, authority, &ledger.Succession{Predecessors: []ledger.Orgnr{bergen}, Successor: ahus})
	a, _ := ask(time.Now())
	i.refuses(a, n.keys[bergen], ledger.RevokedKey)
	i.refuses(a, n.keys[ahus], ledger.WrongState)
	_, err := i.Use(ctx, before, passkey(1).Bytes)
	noError(t, err)
	_, _, err = n.Submit(ctx, n.envelope(ahus, approval(i.waiting(bergen, passkey(1))[0]), time.Now()))
	refusedWith(t, err, ledger.WrongState)
	i.must(n.keys[ahus], func(a *asking) { a.Organisation = string(ahus) })
}

func TestTokens(t *testing.T) {
	t.Parallel()
	ctx, n, now := context.Background(), newNode(t), newClock(time.Now())
	n.now = now.now
	n.open(t).found(t)
	i := inviting(t, n)
	i.now = now.now
	token := i.must(n.keys[bergen])
	used := i.must(n.keys[bergen])
	_, err := i.Use(ctx, used, passkey(1).Bytes)
	noError(t, err)
	sum := sha256.Sum256([]byte(token))
	for name, guess := range map[string]string{
		"nothing": "", "zeros": strings.Repeat("A", 43), "the hash": hex.EncodeToString(sum[:]), "a wildcard": "*", "padded": token + "=",
		"short": token[:42], "another last": token[:42] + string(token[42]^1), "spaces": " " + token[1:],
	} {
		if _, err := i.Open(ctx, guess); err != ledger.ErrNoInvitation {
			t.Errorf("opening with %s: %v", name, err)
		}
		if _, err := i.Use(ctx, guess, passkey(2).Bytes); err != ledger.ErrNoInvitation {
			t.Errorf("using %s: %v", name, err)
		}
	}
	for name, public := range map[string][]byte{
		"nothing": nil, "an ed25519 key": seededKey(1).Bytes, "cut": passkey(2).Bytes[:50], "more": append(passkey(2).Bytes, 0), "much": make([]byte, 1<<16),
	} {
		_, err := i.Use(ctx, token, public)
		t.Run(name, func(t *testing.T) { refusedWith(t, err, ledger.InvalidField) })
	}
	_, err = i.Use(ctx, token, passkey(1).Bytes)
	refusedWith(t, err, ledger.AlreadyExists) // one code, one key
	i.waiting(bergen, passkey(1))
	i.waiting("*")
	i.waiting(">")

	now.forward(7*24*time.Hour - 2*time.Second)
	_, err = i.Open(ctx, token)
	noError(t, err)
	now.forward(2 * time.Second)
	for _, token := range []string{token, used} {
		if _, err := i.Open(ctx, token); err != ledger.ErrNoInvitation {
			t.Errorf("opening an expired one: %v", err)
		}
		if _, err := i.Use(ctx, token, passkey(1).Bytes); err != ledger.ErrNoInvitation {
			t.Errorf("using an expired one: %v", err)
		}
	}
	i.waiting(bergen)
}

// An invitation is used once, on whichever nodes it is tried at the same time, and all
// of them know it.
func TestInvitationsOfManyNodes(t *testing.T) {
	t.Parallel()
	ctx, url := context.Background(), natsServer(t).ClientURL()
	a := sharedNode(t, url).open(t).found(t)
	b := sharedNode(t, url).open(t)
	nodes := []inviter{inviting(t, a), inviting(t, b)}
	token := nodes[0].must(a.keys[bergen])
	_, err := nodes[1].Open(ctx, token)
	noError(t, err)
	var winners atomic.Int64
	var winner atomic.Value
	var group sync.WaitGroup
	for k := range byte(8) {
		group.Go(func() {
			w, err := nodes[k%2].Use(ctx, token, passkey(10+k).Bytes)
			if err == nil {
				winners.Add(1)
				winner.Store(w)
				return
			}
			refusedWith(t, err, ledger.WrongState)
		})
	}
	group.Wait()
	if winners.Load() != 1 {
		t.Fatalf("it was used %d times", winners.Load())
	}
	w := winner.Load().(ledger.WaitingKey)
	nodes[0].waiting(bergen, w.Public)
	nodes[1].waiting(bergen, w.Public)
	// What one node has just enrolled, the other knows.
	a.must(t, bergen, approval(w))
	_, err = nodes[1].Use(ctx, nodes[1].must(a.keys[bergen]), w.Public.Bytes)
	refusedWith(t, err, ledger.AlreadyExists)
	nodes[1].waiting(bergen)

	// The same request at both at the same time is one invitation.
	same, _ := ask(time.Now())
	for k := range 8 {
		group.Go(func() {
			if _, _, err := nodes[k%2].invite(same, a.keys[bergen]); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestInvitationsAreLimited(t *testing.T) {
	t.Parallel()
	ctx, n, now := context.Background(), newNode(t), newClock(time.Now())
	n.now = now.now
	n.open(t).found(t)
	i := inviting(t, n)
	i.now = now.now
	token := ""
	for range 50 {
		token = i.must(n.keys[bergen])
	}
	a, _ := ask(now.now())
	i.refuses(a, n.keys[bergen], ledger.Overloaded)
	i.refuses(a, n.keys[authority], ledger.Overloaded) // it is for Bergen all the same
	i.must(n.keys[ahus], func(a *asking) { a.Organisation = string(ahus) })

	// One whose key is enrolled makes room; one that only was used does not.
	_, err := i.Use(ctx, token, passkey(1).Bytes)
	noError(t, err)
	i.refuses(a, n.keys[bergen], ledger.Overloaded)
	n.must(t, bergen, approval(i.waiting(bergen, passkey(1))[0]))
	_, _, err = i.invite(a, n.keys[bergen])
	noError(t, err)
	now.forward(7*24*time.Hour + time.Second)
	later, _ := ask(now.now())
	_, _, err = i.invite(later, n.keys[bergen])
	noError(t, err)
}

// A store that fails, or whose acknowledgement is lost, loses nothing; what others put
// there is no invitation.
func TestInvitationsOnAFaultyStore(t *testing.T) {
	t.Parallel()
	ctx, n := context.Background(), newNode(t).open(t).found(t)
	store := &shaky{Store: n.stream.Invitations()}
	i := inviter{ledger.NewInvitations(n.Ledger, store), t, time.Now}
	a, token := ask(time.Now())

	store.before.Store(true)
	i.refuses(a, n.keys[bergen], ledger.Unavailable)
	_, err := i.Open(ctx, token)
	refusedWith(t, err, ledger.Unavailable)
	_, err = i.Use(ctx, token, passkey(1).Bytes)
	refusedWith(t, err, ledger.Unavailable)
	_, err = i.Waiting(ctx, bergen)
	refusedWith(t, err, ledger.Unavailable)
	store.before.Store(false)

	store.after.Store(true)
	i.refuses(a, n.keys[bergen], ledger.Unavailable)
	_, err = i.Use(ctx, token, passkey(1).Bytes)
	refusedWith(t, err, ledger.Unavailable)
	store.after.Store(false)
	if _, known, err := i.invite(a, n.keys[bergen]); err != nil || !known {
		t.Errorf("after a lost acknowledgement: known is %t, %v", known, err)
	}
	_, err = i.Use(ctx, token, passkey(1).Bytes)
	noError(t, err)
	i.waiting(bergen, passkey(1))

	_, revision, err := store.Load(ctx, a.TokenSHA256)
	noError(t, err)
	good, _, err := store.Load(ctx, a.TokenSHA256)
	noError(t, err)
	other, _ := ask(time.Now())
	for name, junk := range map[string][]byte{
		"junk": []byte("junk"), "empty": []byte("{}"), "of another token": fmt.Appendf(nil, `{"request":%q,"keyid":"x"}`, other.bytes()),
		"no request": []byte(`{"request":"{}","keyid":"x"}`), "no passkey": []byte(strings.Replace(string(good), `"public":"`, `"public":"AAAA`, 1)),
	} {
		noError(t, store.Save(ctx, a.TokenSHA256, bergen, junk, revision))
		if _, err := i.Open(ctx, token); err != ledger.ErrNoInvitation {
			t.Errorf("%s opens as %v", name, err)
		}
		i.waiting(bergen)
		if _, known, err := i.invite(a, n.keys[bergen]); err != nil || known {
			t.Errorf("over %s: known is %t, %v", name, known, err)
		}
		_, revision, err = store.Load(ctx, a.TokenSHA256)
		noError(t, err)
	}
	n.Close()
	i.refuses(other, n.keys[bergen], ledger.Unavailable)
}
