package api_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spredning/api"
	"spredning/keys"
	"spredning/ledger"
)

// invited is an invitation as the API gives it.
type invited struct {
	Organisation, Name, Label string
	Roles                     []string
	Expires                   time.Time
	Used                      *bool
}

// made is a key that was made with one, also as it waits.
type made struct {
	KeyID, Code, Organisation, Name, Label, Scheme, Public string
	Roles                                                  []string
	UsedAt                                                 time.Time `json:"used_at"`
}

// newToken makes one, and its hash.
func newToken() (token, sum string) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	token = base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(token))
	return token, hex.EncodeToString(hash[:])
}

// request is one to invite for an organisation.
func asked(o ledger.Orgnr, sum string, roles ...string) string {
	b, _ := json.Marshal(roles)
	return fmt.Sprintf(`{"ledger":%q,"organisation":%q,"roles":%s,"label":"innovasjonsrådgiver","token_sha256":%q,"at":%q}`,
		origin, o, b, sum, time.Now().UTC().Format("2006-01-02T15:04:05Z"))
}

func (c *client) sends(path string, v any) answer {
	c.t.Helper()
	body, err := json.Marshal(v)
	noError(c.t, err)
	return c.ask(http.MethodPost, "/api/v1/invitations"+path, bytes.NewReader(body), "Content-Type", "application/json")
}

func (c *client) invite(request string, k *keys.Private) answer {
	c.t.Helper()
	return c.sends("", map[string]any{"request": request, "keyid": k.ID(), "sig": k.Sign(keys.PAEOf(keys.InvitationV1, []byte(request)))})
}

func (c *client) opens(token string) answer {
	c.t.Helper()
	return c.sends("/open", map[string]any{"token": token})
}

func (c *client) uses(token string, public []byte) answer {
	c.t.Helper()
	return c.sends("/use", map[string]any{"token": token, "public": public})
}

// answered reads an answer of a status.
func answered[T any](t testing.TB, a answer, status int) (v T) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%d %s, want %d", a.StatusCode, a.body, status)
	}
	if cache := a.Header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("it may be kept: %q", cache)
	}
	noError(t, json.Unmarshal(a.body, &v))
	return v
}

func (c *client) waits(o ledger.Orgnr, query string, want int) (list struct{ Items []made }) {
	c.t.Helper()
	c.ok("/api/v1/organisations/"+string(o)+"/waiting"+query, &list)
	if len(list.Items) != want {
		c.t.Fatalf("%d keys wait for %s, want %d", len(list.Items), o, want)
	}
	return list
}

// TestInvitations goes the whole way: invited, opened, made, compared, enrolled, signed
// with.
func TestInvitations(t *testing.T) {
	w := newWorld(t).found()
	token, sum := newToken()
	r := asked(bergen, sum, "report")
	size := w.ledger.Size()
	i := answered[invited](t, w.invite(r, w.keys[bergen]), http.StatusCreated)
	if i.Organisation != string(bergen) || i.Name != "Sykehus "+string(bergen) || !slices.Equal(i.Roles, []string{"report"}) || i.Label != "innovasjonsrådgiver" ||
		time.Until(i.Expires) < 7*24*time.Hour-time.Minute || time.Until(i.Expires) > 7*24*time.Hour || i.Used != nil {
		t.Errorf("invited: %+v", i)
	}
	if again := answered[invited](t, w.invite(r, w.keys[bergen]), http.StatusOK); fmt.Sprint(again) != fmt.Sprint(i) {
		t.Errorf("again: %+v", again)
	}
	if open := answered[invited](t, w.opens(token), http.StatusOK); open.Used == nil || *open.Used || open.Name != i.Name || !open.Expires.Equal(i.Expires) {
		t.Errorf("opened: %+v", open)
	}
	w.waits(bergen, "", 0)

	p := newPasskey(t, "ES256")
	m := answered[made](t, w.uses(token, p.Bytes), http.StatusCreated)
	if m.KeyID != string(p.ID()) || m.Code != keys.Code(p.ID()) || m.Organisation != string(bergen) || m.Name != i.Name || !slices.Equal(m.Roles, i.Roles) || m.Label != i.Label {
		t.Errorf("made: %+v", m)
	}
	if open := answered[invited](t, w.opens(token), http.StatusOK); open.Used == nil || !*open.Used {
		t.Errorf("opened after use: %+v", open)
	}
	answered[made](t, w.uses(token, p.Bytes), http.StatusCreated)
	w.refused(w.uses(token, newPasskey(t, "EdDSA").Bytes), "wrong_state")
	path := "/api/v1/organisations/" + string(bergen) + "/waiting"
	waiting := w.waits(bergen, "", 1).Items[0]
	if waiting.KeyID != m.KeyID || waiting.Code != m.Code || waiting.Scheme != "webauthn" || waiting.Public != base64.StdEncoding.EncodeToString(p.Bytes) ||
		waiting.Label != i.Label || time.Since(waiting.UsedAt) > time.Minute {
		t.Errorf("waiting: %+v", waiting)
	}
	w.waits(ahus, "", 0)
	a := w.ok(path, nil)
	if same := w.get(path, "If-None-Match", a.Header.Get("ETag")); same.StatusCode != http.StatusNotModified {
		t.Errorf("the same: %d", same.StatusCode)
	}
	if w.ledger.Size() != size {
		t.Error("something is in the ledger")
	}

	// It signs nothing until Bergen's admin has enrolled it; nobody else's can.
	early := event(bergen, publication("For tidlig"))
	w.refused(w.client.submit(p.envelope(early)), "unknown_key")
	approval := &ledger.Enrolment{Organisation: bergen, Key: ledger.Key{Scheme: waiting.Scheme, Public: waiting.Public, Roles: []ledger.Role{ledger.Report}, Label: waiting.Label}}
	w.refused(w.client.submit(w.sealed(ahus, approval)), "not_authorised")
	enrolled := w.client.post(w.sealed(bergen, approval))
	w.waits(bergen, fmt.Sprintf("?min_position=%d", enrolled.Index+1), 0)
	w.post(p.envelope(early))
	token, sum = newToken()
	answered[invited](t, w.invite(asked(bergen, sum, "report"), w.keys[bergen]), http.StatusCreated)
	w.refused(w.uses(token, p.Bytes), "already_exists")

	// A passkey with the role admin invites, too.
	token, sum = newToken()
	answered[invited](t, w.invite(asked(bergen, sum, "admin", "report"), w.keys[authority]), http.StatusCreated)
	boss := newPasskey(t, "EdDSA")
	answered[made](t, w.uses(token, boss.Bytes), http.StatusCreated)
	approval = &ledger.Enrolment{Organisation: bergen, Key: ledger.Key{Scheme: boss.Scheme, Public: base64.StdEncoding.EncodeToString(boss.Bytes), Roles: []ledger.Role{ledger.Admin}, Label: "leder"}}
	w.post(w.sealed(bergen, approval))
	_, sum = newToken()
	r = asked(bergen, sum, "report")
	answered[invited](t, w.sends("", map[string]any{"request": r, "keyid": boss.ID(), "sig": boss.assertOver(keys.PAEOf(keys.InvitationV1, []byte(r)))}), http.StatusCreated)
	_, sum = newToken()
	r = asked(bergen, sum, "report")
	w.refused(w.sends("", map[string]any{"request": r, "keyid": boss.ID(), "sig": boss.assert([]byte(r))}), "bad_signature")
}

func TestInvitationsAreRefused(t *testing.T) {
	w := newWorld(t).found()
	_, sum := newToken()
	good := asked(bergen, sum, "report")
	for name, c := range map[string]struct {
		request string
		by      ledger.Orgnr
		code    string
		pointer string
	}{
		"another's admin": {good, ahus, "not_authorised", ""},
		"a stranger":      {good, stranger, "unknown_key", ""},
		"assess":          {asked(bergen, sum, "assess"), bergen, "not_authorised", "/roles"},
		"no such role":    {asked(bergen, sum, "root"), bergen, "invalid_field", "/roles/0"},
		"unregistered":    {asked(stranger, sum, "report"), authority, "unknown_organisation", "/organisation"},
		"another ledger":  {strings.Replace(good, origin, "spredning.example/demo", 1), bergen, "wrong_ledger", "/ledger"},
		"old":             {strings.Replace(good, `"at":"20`, `"at":"19`, 1), bergen, "clock", "/at"},
		"a number":        {strings.Replace(good, "innovasjonsrådgiver", "01010090004", 1), bergen, "personal_data", "/label"},
		"a name":          {strings.Replace(good, "{", `{"name":"Kari",`, 1), bergen, "malformed", "/name"},
		"nothing":         {"", bergen, "malformed", ""},
		"too large":       {good + strings.Repeat(" ", 2048), bergen, "too_large", ""},
	} {
		if p := w.refused(w.invite(c.request, w.keys[c.by]), c.code); p.Pointer != c.pointer {
			t.Errorf("%s: it points to %q", name, p.Pointer)
		}
	}
	k := w.keys[bergen]
	w.refused(w.sends("", map[string]any{"request": good, "keyid": k.ID(), "sig": k.Sign(keys.PAE([]byte(good)))}), "bad_signature")
	answered[invited](t, w.invite(good, k), http.StatusCreated)
	w.refused(w.invite(strings.Replace(good, "rådgiver", "leder", 1), k), "already_exists")

	long := strings.Repeat("x", 17<<10)
	for path, bodies := range map[string]map[string]string{
		"": {
			"": "malformed", "[]": "malformed", "{}": "malformed", `{"request":"{}","keyid":"x","sig":"!"}`: "malformed", `{"request":"{}","keyid":"x","sig":"AA==","more":1}`: "malformed",
			`{"request":` + "\"" + long + `"}`: "too_large",
		},
		"/open": {
			"": "malformed", `{"token":1}`: "malformed", `{"token":"x","token":"y"}`: "malformed", `{"token":null}`: "malformed", `{}`: "not_found", `{"token":"*"}`: "not_found",
			`{"token":"` + strings.Repeat(">", 43) + `"}`: "not_found", `{"token":"` + long + `"}`: "too_large",
		},
		"/use": {
			"": "malformed", `{"token":"x","public":"AA=\n="}`: "malformed", `{"token":"x","public":"AB=="}`: "malformed", `{"token":"x","public":""}`: "invalid_field",
			`{"token":"x","public":"AAAA"}`: "invalid_field", `{"token":"` + long + `"}`: "too_large",
		},
	} {
		for body, code := range bodies {
			a := w.ask(http.MethodPost, "/api/v1/invitations"+path, strings.NewReader(body))
			if w.refused(a, code); a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %.40s may be kept", path, body)
			}
		}
	}
	token, _ := newToken()
	w.refused(w.opens(token), "not_found")
	w.refused(w.uses(token, newPasskey(t, "ES256").Bytes), "not_found")
	for _, o := range []string{string(stranger), "*", ">", "%3E", "x", "983974724."} {
		w.refused(w.get("/api/v1/organisations/"+o+"/waiting"), "not_found")
	}
	w.refused(w.get("/api/v1/organisations/"+string(bergen)+"/waiting?min_position=x"), "invalid_query")
	for _, path := range []string{"", "/open", "/use"} { // nothing of it is for reading
		w.refused(w.get("/api/v1/invitations"+path), "not_found")
	}
}

// Whoever tries tokens is slowed down, on its own account.
func TestTokensAtARate(t *testing.T) {
	w := newWorld(t, func(w *world) { w.tokenRate = 1 }).found()
	token, _ := newToken()
	p := newPasskey(t, "ES256")
	tries := 0
	eventually(t, "tokens are too many", func() bool { tries++; return w.opens(token).StatusCode == http.StatusTooManyRequests })
	if tries < 5 || tries > 12 {
		t.Errorf("after %d tries", tries)
	}
	eventually(t, "uses are too many", func() bool { return w.uses(token, p.Bytes).StatusCode == http.StatusTooManyRequests })
	w.waits(bergen, "", 0)
	_, sum := newToken()
	answered[invited](t, w.invite(asked(bergen, sum, "report"), w.keys[bergen]), http.StatusCreated)

	w = newWorld(t, rates(1, 1))
	eventually(t, "invitations are too many", func() bool { return w.sends("", 1).StatusCode == http.StatusTooManyRequests })
	path := "/api/v1/organisations/" + string(bergen) + "/waiting"
	eventually(t, "reads are too many", func() bool { return w.get(path).StatusCode == http.StatusTooManyRequests })
}

func TestInvitationsWithoutTheirStore(t *testing.T) {
	w := newWorld(t).found()
	token, sum := newToken()
	r := asked(bergen, sum, "report")
	answered[invited](t, w.invite(r, w.keys[bergen]), http.StatusCreated)
	p := newPasskey(t, "ES256")
	path := "/api/v1/organisations/" + string(bergen) + "/waiting"
	w.stream.Close()
	all := []answer{w.invite(r, w.keys[bergen]), w.opens(token), w.uses(token, p.Bytes), w.get(path)}
	w.refused(all[0], "unavailable")
	hasRetryAfter(t, all[0])
	eventually(t, "the invitations are back", func() bool { return w.opens(token).StatusCode == http.StatusOK })
	answered[made](t, w.uses(token, p.Bytes), http.StatusCreated)

	m := w.mirrored()
	for _, a := range []answer{m.invite(r, w.keys[bergen]), m.opens(token), m.uses(token, p.Bytes), m.get(path)} {
		if p := m.refused(a, "unavailable"); !strings.Contains(p.Detail, "ask the ledger itself") {
			t.Errorf("it does not say where to: %s", p.Detail)
		}
		hasRetryAfter(t, a)
	}
}

// An invitation is used once, however many try at the same time.
func TestInvitationsOfManyAtOnce(t *testing.T) {
	w := newWorld(t).found()
	token, sum := newToken()
	answered[invited](t, w.invite(asked(bergen, sum, "report"), w.keys[bergen]), http.StatusCreated)
	statuses := make([]int, 8)
	var group sync.WaitGroup
	for k := range statuses {
		body, err := json.Marshal(map[string]any{"token": token, "public": newPasskey(t, "ES256").Bytes})
		noError(t, err)
		group.Go(func() {
			a, err := w.try(http.MethodPost, "/api/v1/invitations/use", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
			}
			statuses[k] = a.StatusCode
		})
	}
	group.Wait()
	slices.Sort(statuses)
	if statuses[0] != http.StatusCreated || statuses[1] != http.StatusConflict {
		t.Errorf("%v", statuses)
	}
	w.waits(bergen, "", 1)
}

// A token is in no log, whatever comes of it.
func TestTokensAreNotLogged(t *testing.T) {
	w := newWorld(t).found()
	token, sum := newToken()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	server := httptest.NewServer(api.New(api.Config{
		Ledger: w.ledger, Invitations: ledger.NewInvitations(w.ledger, w.stream.Invitations()), View: w.view, Log: w.log, Logger: logger,
	}))
	defer server.Close()
	c := *w.client
	c.base = server.URL
	answered[invited](t, c.invite(asked(bergen, sum, "report"), w.keys[bergen]), http.StatusCreated)
	answered[invited](t, c.opens(token), http.StatusOK)
	p := newPasskey(t, "ES256")
	said := [][]byte{c.uses(token, p.Bytes).body, c.uses(token, newPasskey(t, "ES256").Bytes).body, c.opens(token + "x").body}
	w.stream.Close()
	said = append(said, c.opens(token).body, c.uses(token, p.Bytes).body, log.Bytes())
	for _, b := range said {
		if bytes.Contains(b, []byte(token)) {
			t.Errorf("the token stands in %s", b)
		}
	}
}

func TestKeysOfAnOrganisation(t *testing.T) {
	w := newWorld(t).found()
	second := seededKey(70)
	w.post(w.sealed(ahus, &ledger.Enrolment{Organisation: ahus, Key: enrolled(second, ledger.Report)}))
	var list struct {
		Items []struct{ KeyID, Organisation string }
		Next  string
	}
	w.ok("/api/v1/keys?organisation="+string(ahus), &list)
	if len(list.Items) != 2 || list.Items[0].KeyID != string(w.keys[ahus].ID()) || list.Items[1].KeyID != string(second.ID()) {
		t.Errorf("%+v", list)
	}
	a := w.ok("/api/v1/keys?limit=1&organisation="+string(ahus), &list)
	if len(list.Items) != 1 || !strings.Contains(a.Header.Get("Link"), "organisation="+string(ahus)) {
		t.Errorf("a page: %+v, %s", list, a.Header.Get("Link"))
	}
	w.ok("/api/v1/keys?limit=1&organisation="+string(ahus)+"&cursor="+list.Next, &list)
	if len(list.Items) != 1 || list.Items[0].KeyID != string(second.ID()) {
		t.Errorf("the next: %+v", list)
	}
	w.ok("/api/v1/keys?organisation="+string(stranger), &list)
	if len(list.Items) != 0 {
		t.Errorf("of a stranger: %+v", list)
	}
	for _, o := range []string{"", "*", "983971637"} {
		w.refused(w.get("/api/v1/keys?organisation="+o), "invalid_query")
	}
}
