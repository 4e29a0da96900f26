package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"spredning/keys"
	"spredning/ledger"
)

// adviser is somebody at a browser, with an authenticator that needs no hand.
type adviser struct {
	*tab
	t    *testing.T
	base string
}

// newAdviser opens a tab with an authenticator.
func newAdviser(t *testing.T, browser context.Context, base string, verified bool) *adviser {
	t.Helper()
	b := newTab(t, browser)
	_, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
	noError(t, err)
	_, err = chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: verified, AutomaticPresenceSimulation: true,
	}})
	noError(t, err)
	return &adviser{b, t, base}
}

// goes opens a page.
func (a *adviser) goes(path string) {
	a.t.Helper()
	// An address that differs after # alone would be no new page.
	_, err := a.open("about:blank", desk)
	noError(a.t, err)
	_, err = a.open(a.base+path, desk)
	noError(a.t, err)
}

// reads evaluates an expression to a text.
func (a *adviser) reads(expression string) string {
	a.t.Helper()
	s, err := eval[string](a.tab, "String("+expression+")")
	noError(a.t, err)
	return s
}

// awaits waits until the page is there and an expression holds.
func (a *adviser) awaits(what, expression string) {
	a.t.Helper()
	if err := a.comes(expression); err != nil {
		a.mu.Lock()
		said := strings.Join(a.said, "\n")
		a.mu.Unlock()
		a.t.Fatalf("%s: %v; the page says\n%s\n%s", what, err, a.reads("document.querySelector('main').innerText"), said)
	}
}

// tabsTo presses Tab until an element has the focus.
func (a *adviser) tabsTo(id string) {
	a.t.Helper()
	for range 80 {
		if a.reads("document.activeElement?.id") == id {
			return
		}
		noError(a.t, a.press(kb.Tab))
	}
	a.t.Fatalf("Tab does not come to %s", id)
}

// presses goes to a button by the keyboard and presses it.
func (a *adviser) presses(id string) {
	a.t.Helper()
	a.tabsTo(id)
	noError(a.t, a.press(kb.Enter))
}

// types writes into a field that is gone to by the keyboard.
func (a *adviser) types(id, text string) {
	a.t.Helper()
	a.tabsTo(id)
	noError(a.t, a.press(text))
}

// accessible lets axe-core look at the page as it stands.
func (a *adviser) accessible(state string) {
	a.t.Helper()
	for _, f := range a.examine() {
		a.t.Errorf("%s: %s", state, f)
	}
	noError(a.t, a.prefers("light"))
}

const visible = `(id => { const e = document.getElementById(id); return e && e.checkVisibility() && !e.hidden })`

// invited makes an invitation with a key file, and gives the address it leads to.
func (w *world) invites(o ledger.Orgnr, roles ...string) (path string) {
	w.t.Helper()
	token, sum := newToken()
	answered[invited](w.t, w.invite(asked(o, sum, roles...), w.keys[o]), http.StatusCreated)
	return "/nokkel#" + token
}

// enrols has the adviser make a passkey by invitation, and gives its code.
func (a *adviser) enrols(path string) (code string) {
	a.t.Helper()
	a.goes(path)
	a.awaits("the invitation", visible+`("enrol-button")`)
	a.accessible("invited")
	a.presses("enrol-button")
	a.awaits("the key", `document.querySelector('[data-state-is=waits]:not([hidden]) [data-fill=code]')?.textContent`)
	a.accessible("the key is made")
	if left := a.reads("location.hash"); left != "" {
		a.t.Errorf("the token stays in the address: %s", left)
	}
	return a.reads(`document.querySelector('[data-fill=code]').textContent`)
}

// waitingFor gives the keys that wait for an organisation.
func (w *world) waitingFor(o ledger.Orgnr) (all []struct{ KeyID, Code, Public, Label string }) {
	w.t.Helper()
	var p struct {
		Items []struct{ KeyID, Code, Public, Label string }
	}
	w.ok("/api/v1/organisations/"+string(o)+"/waiting", &p)
	return p.Items
}

// signsUp gives the adviser an approved passkey for an organisation.
func (w *world) signsUp(a *adviser, o ledger.Orgnr, roles ...ledger.Role) (public string) {
	w.t.Helper()
	var names []string
	for _, r := range roles {
		names = append(names, string(r))
	}
	code := a.enrols(w.invites(o, names...))
	all := w.waitingFor(o)
	if len(all) != 1 || all[0].Code != code {
		w.t.Fatalf("the adviser reads %s, waiting are %v", code, all)
	}
	w.post(w.sealed(o, &ledger.Enrolment{Organisation: o, Key: ledger.Key{Scheme: keys.WebAuthn, Public: all[0].Public, Roles: roles, Label: all[0].Label}}))
	return all[0].Public
}

// local is the server's address by a name, for passkeys are for no addresses.
func (w *world) local() string { return strings.Replace(w.base, "127.0.0.1", "localhost", 1) }

// TestConfirmingInABrowser goes from an invitation to a first confirmation from a cold
// start, all by keyboard, and to a second one in three actions.
func TestConfirmingInABrowser(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t).found()
	first := w.post(w.sealed(bergen, publication("Digital oppfølging hjemme")))
	second := w.post(w.sealed(bergen, publication("Psykiatrisk ambulanse")))
	a := newAdviser(t, ctx, w.local(), true)
	w.signsUp(a, ahus, ledger.Report)

	// What is refused is kept, and said at its field.
	a.goes("/bekreft/" + first.event(t).ID.String())
	a.awaits("the form", visible+`("sign")`)
	a.accessible("the form")
	if by := a.reads(`document.getElementById("by").value`); by != string(ahus) {
		t.Errorf("the form is for %q", by)
	}
	a.types("field-replaces-nb", "Mannen het 01010112377 og lå på rom 4.")
	noError(t, chromedp.Do(a.ctx, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("[data-field=funding] input").forEach(i => { i.checked = false })`)))
	a.presses("sign-button")
	a.awaits("a refusal", visible+`("sign-errors")`)
	if at := a.reads("document.activeElement.id"); at != "sign-errors" {
		t.Errorf("the focus is at %q", at)
	}
	if a.reads(`document.querySelector("[data-field=funding] .fault").checkVisibility()`) != "true" {
		t.Error("what is lacking is not said at its field")
	}
	a.accessible("refused by the page")
	noError(t, chromedp.Do(a.ctx, chromedp.Evaluate[chromedp.Void](`document.querySelector("[data-field=funding] input").click()`)))
	a.presses("sign-button")
	a.awaits("the ledger's refusal", `document.querySelector("#field-replaces-fault")?.textContent.includes("fødselsnummer")`)
	a.accessible("refused by the ledger")
	if kept := a.reads(`document.getElementById("field-replaces-nb").value`); !strings.HasPrefix(kept, "Mannen") {
		t.Errorf("what was typed is lost: %q", kept)
	}
	a.tabsTo("field-replaces-nb")
	noError(t, chromedp.Do(a.ctx, chromedp.Evaluate[chromedp.Void](`document.activeElement.select()`)))
	noError(t, a.press("Oppmøte på sykehuset tre ganger i uken."))
	shown := a.reads(`document.getElementById("sign-preview").innerText`)
	for _, want := range []string{" (" + string(ahus) + ")", "Oppmøte på sykehuset", "Digital oppfølging hjemme", "egne midler"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not shown before signing:\n%s", want, shown)
		}
	}
	hash := a.reads(`document.getElementById("sign-hash").textContent`)
	a.presses("sign-button")
	a.awaits("the receipt", visible+`("sign-done")`)
	a.accessible("done")
	w.confirmed(a, first.event(t).ID.String(), hash)

	// The second takes three actions: open, touch, done.
	a.goes("/bekreft/" + second.event(t).ID.String())
	a.presses("sign-button")
	a.awaits("the second receipt", visible+`("sign-done")`)
	w.confirmed(a, second.event(t).ID.String(), "")
	for _, said := range a.said {
		t.Errorf("the browser says %s", said)
	}
}

// confirmed checks what has come into the ledger, with a program that shares no code with it.
func (w *world) confirmed(a *adviser, innovation, hash string) {
	w.t.Helper()
	body := w.ok(fmt.Sprintf("/api/v1/events/%d/receipt", w.ledger.Size()-1), nil).body
	if err := asAStranger(body); err != nil {
		w.t.Errorf("a stranger says %v", err)
	}
	r, err := ledger.ParseReceipt(body)
	noError(w.t, err)
	event, _, err := r.Verify(w.logKey.String())
	noError(w.t, err)
	c, is := event.Data.(*ledger.Confirmation)
	if !is || event.By != ahus || c.Innovation != innovation {
		w.t.Errorf("in the ledger is %+v", event)
	}
	e, err := keys.Parse(r.Entry)
	noError(w.t, err)
	if got := fmt.Sprintf("%x", sha256.Sum256(e.Payload)); hash != "" && got != hash {
		w.t.Errorf("signed was %s, shown %s", got, hash)
	}
	if href := a.reads(`document.getElementById("done-receipt").getAttribute("href")`); href != fmt.Sprintf("/api/v1/events/%d/receipt", r.Index) {
		w.t.Errorf("the receipt to download is %s", href)
	}
}

// TestKeysInABrowser has an admin with a passkey invite, and approve with a touch what
// was made; and revoke it.
func TestKeysInABrowser(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t).found()
	a := newAdviser(t, ctx, w.local(), true)
	w.signsUp(a, ahus, ledger.Admin, ledger.Report)

	a.goes("/foretak/" + string(ahus) + "/nokler")
	a.awaits("the form", visible+`("invite-button")`)
	a.accessible("an admin's keys")
	a.types("invite-label", "innovasjonsrådgiver")
	a.presses("invite-button")
	a.awaits("the link", visible+`("invite-link")`)
	a.accessible("an invitation")
	link := a.reads(`document.getElementById("invite-link").value`)
	code := a.enrols(strings.TrimPrefix(link, w.local()))

	a.goes("/nn/foretak/" + string(ahus) + "/nokler")
	if shown := a.reads("document.querySelector('main').innerText"); !strings.Contains(shown, code) {
		t.Errorf("the code %s is not shown to the admin:\n%s", code, shown)
	}
	path := a.reads(`document.querySelector('a[href*="/skjema/godkjenn"]').getAttribute("href")`)
	a.goes(path)
	a.awaits("the code of the key that is signed for", `document.getElementById("sign-code").textContent`)
	if got := a.reads(`document.getElementById("sign-code").textContent`); got != code {
		t.Errorf("the key that is approved has the code %s, the adviser's %s", got, code)
	}
	a.accessible("approving")
	a.presses("sign-button")
	a.awaits("the receipt", visible+`("sign-done")`)
	if left := w.waitingFor(ahus); len(left) != 0 {
		t.Errorf("after the approval wait %v", left)
	}

	// The invitation cannot be used again.
	a.goes(strings.TrimPrefix(link, w.local()))
	a.awaits("that it was used", `document.querySelector('[data-state-is=used]:not([hidden])')`)
	a.accessible("a used invitation")
	a.goes("/nokkel#" + strings.Repeat("A", 43))
	a.awaits("that there is none", `document.querySelector('[data-state-is=gone]:not([hidden])')`)

	noError(t, w.view.Wait(t.Context(), w.ledger.Size()))
	a.goes("/foretak/" + string(ahus) + "/nokler")
	path = a.reads(`[...document.querySelectorAll('a[href*="/skjema/tilbakekall"]')].at(-1).getAttribute("href")`)
	a.goes(path)
	a.awaits("the form", visible+`("sign-button")`)
	noError(t, chromedp.Do(a.ctx, chromedp.Evaluate[chromedp.Void](`document.querySelector("input[value=lost]").click()`)))
	a.presses("sign-button")
	a.awaits("the receipt", visible+`("sign-done")`)
}

// TestRevisingInABrowser: what a form does not ask for stays as it is, and what is much
// like something else is published only when that was seen.
func TestRevisingInABrowser(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t).found()
	d := publication("Hjemmedialyse med videostøtte")
	d.Attachments = []ledger.Attachment{attached(ledger.Markdown, "# Slik gikk det")}
	d.Links = []string{"https://www.helse-bergen.no/"}
	published := w.post(w.sealed(bergen, d))
	id := published.event(t).ID.String()
	a := newAdviser(t, ctx, w.local(), true)
	w.signsUp(a, bergen, ledger.Report)

	a.goes("/skjema/endre?innovasjon=" + id)
	a.awaits("the form", visible+`("sign-button")`)
	a.tabsTo("field-title-nb")
	noError(t, chromedp.Do(a.ctx, chromedp.Evaluate[chromedp.Void](`document.activeElement.select()`)))
	noError(t, a.press("Hjemmedialyse, nå i hele landet"))
	a.presses("sign-button")
	a.awaits("the receipt", visible+`("sign-done")`)
	e, err := keys.Parse([]byte(w.receiptOf(w.ok(fmt.Sprintf("/api/v1/events/%d/receipt", w.ledger.Size()-1), nil)).Entry))
	noError(t, err)
	event, err := ledger.ParseEvent(e.Payload)
	noError(t, err)
	got := event.Data.(*ledger.Revision)
	want := ledger.Revision{Of: id, Innovation: d.Innovation}
	title := "Hjemmedialyse, nå i hele landet"
	want.Title.NB = &title
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("revised to\n%+v, want\n%+v", *got, want)
	}

	noError(t, w.view.Wait(t.Context(), w.ledger.Size()))
	a.goes("/skjema/publiser?for=" + string(bergen))
	a.types("field-title-nb", title)
	a.types("field-summary-nb", *d.Summary.NB)
	noError(t, chromedp.Do(a.ctx, chromedp.Evaluate[chromedp.Void](`(() => {
		document.querySelector("input[name=kind][value=service]").click();
		document.querySelector("input[name=funding][value=own]").click();
		document.querySelector("input[name=regional_initiative][value=false]").click();
		document.getElementById("field-in_use_since").value = "2024-02-01";
	})()`)))
	size := w.ledger.Size()
	a.presses("sign-button")
	a.awaits("what is similar", visible+`("sign-similar")`)
	a.accessible("similar innovations")
	if to := a.reads(`document.querySelector("#sign-similar li a").getAttribute("href")`); to != "/innovasjoner/"+id {
		t.Errorf("what is similar is at %s", to)
	}
	if w.ledger.Size() != size {
		t.Error("it was published before that was seen")
	}
	noError(t, chromedp.Do(a.ctx, chromedp.Evaluate[chromedp.Void](`document.getElementById("not-similar").click()`)))
	a.presses("sign-button")
	a.awaits("the receipt", visible+`("sign-done")`)
}

// TestDraftsInABrowser has two originators publish together, each with a touch, and shows
// that a draft which is not what its address says is not signed.
func TestDraftsInABrowser(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t).found()
	one, other := newAdviser(t, ctx, w.local(), true), newAdviser(t, ctx, w.local(), true)
	w.signsUp(one, ahus, ledger.Report)
	w.signsUp(other, bergen, ledger.Report)

	one.goes("/skjema/publiser?for=" + string(ahus))
	one.awaits("the form", visible+`("sign-button")`)
	one.accessible("publishing")
	one.types("field-title-nb", "Felles opplæring i hjemmedialyse")
	one.types("field-summary-nb", "Sykehusene lærer opp pasienter sammen, over video og hjemme hos pasienten.")
	noError(t, chromedp.Do(one.ctx, chromedp.Evaluate[chromedp.Void](`(() => {
		const set = (id, value) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event("input", {bubbles: true})); };
		document.querySelector("input[name=kind][value=service]").click();
		document.querySelector("input[name=funding][value=own]").click();
		document.querySelector("input[name=regional_initiative][value=false]").click();
		set("field-in_use_since", "2024-02-01"); set("originator-0", "`+string(ahus)+`"); set("share-0", "60"); set("originator-1", "`+string(bergen)+`"); set("share-1", "40");
	})()`)))
	one.presses("sign-button")
	one.awaits("the draft", visible+`("sign-waits")`)
	one.accessible("waiting for others")
	link := one.reads(`document.getElementById("waits-link").href`)
	own := func(o ledger.Orgnr) bool {
		_, body := w.look("/foretak/"+string(o)+"/arbeid", nil)
		return strings.Contains(body, strings.TrimPrefix(link, w.local()))
	}
	if !own(bergen) || own(ahus) {
		t.Errorf("the draft waits on the desk of who must sign: %v, and of who has signed: %v", own(bergen), own(ahus))
	}

	other.goes(strings.TrimPrefix(link, w.local()))
	other.awaits("the draft", visible+`("sign-button")`)
	other.accessible("a draft")
	if shown := other.reads(`document.getElementById("sign-preview").innerText`); !strings.Contains(shown, "Felles opplæring i hjemmedialyse") || !strings.Contains(shown, "60") {
		t.Errorf("shown is\n%s", shown)
	}
	size := w.ledger.Size()
	other.presses("sign-button")
	other.awaits("the receipt", visible+`("sign-done")`)
	if w.ledger.Size() != size+1 {
		t.Errorf("the ledger has %d entries, had %d", w.ledger.Size(), size)
	}
	noError(t, w.view.Wait(t.Context(), w.ledger.Size()))
	if own(bergen) {
		t.Error("the draft waits on the desk after all have signed")
	}
	other.goes(strings.TrimPrefix(link, w.local()))
	other.awaits("that all have signed", `document.querySelector('[data-state-is=whole]:not([hidden])')`)

	// A server that gives another event under the same address is found out.
	lying := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/v1/drafts/") {
			w.server.Config.Handler.ServeHTTP(rw, r)
			return
		}
		recorded := httptest.NewRecorder()
		w.server.Config.Handler.ServeHTTP(recorded, r)
		var draft map[string]any
		noError(t, json.Unmarshal(recorded.Body.Bytes(), &draft))
		draft["envelope"] = string(w.sealed(bergen, publication("Noe annet")))
		noError(t, json.NewEncoder(rw).Encode(draft))
	}))
	defer lying.Close()
	other.base = strings.Replace(lying.URL, "127.0.0.1", "localhost", 1)
	other.goes(strings.TrimPrefix(link, w.local()))
	other.awaits("that it is another", `document.querySelector('[data-state-is=other]:not([hidden])')`)
	if other.reads(visible+`("sign-button")`) == "true" {
		t.Error("it can be signed all the same")
	}
}

// TestSigningThatMustFail: without verifying the user nothing is signed, and no page lets
// itself be shown in another.
func TestSigningThatMustFail(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t).found()
	published := w.post(w.sealed(bergen, publication("Digital oppfølging")))
	a := newAdviser(t, ctx, w.local(), false)
	a.goes(w.invites(ahus, "report"))
	a.awaits("the invitation", visible+`("enrol-button")`)
	a.presses("enrol-button")
	a.awaits("a refusal", visible+`("sign-errors")`)
	if left := w.waitingFor(ahus); len(left) != 0 {
		t.Errorf("a key was made without verifying the user: %v", left)
	}

	// A hospital without passkeys is told what to do.
	a.goes("/bekreft/" + published.event(t).ID.String() + "?for=" + string(ahus))
	a.presses("sign-button")
	a.awaits("that there is no passkey", `document.getElementById("by-fault")?.checkVisibility()`)

	// At an address of numbers there are no passkeys, which the page explains.
	a.base = w.base
	a.goes(w.invites(ahus, "report"))
	a.awaits("the invitation", visible+`("enrol-button")`)
	a.presses("enrol-button")
	a.awaits("what to do instead", `document.getElementById("sign-errors").innerText.includes("http://localhost:")`)

	framing := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(rw, `<!doctype html><title>x</title><iframe src="%s/bekreft/%s"></iframe>`, w.local(), published.event(t).ID)
	}))
	defer framing.Close()
	a.base = framing.URL
	a.goes("/")
	a.awaits("that it is not framed", "true")
	a.mu.Lock()
	said := strings.Join(a.said, "\n")
	a.mu.Unlock()
	if !strings.Contains(said, "frame-ancestors") {
		t.Errorf("a page is shown in a frame of another; the browser says %q", said)
	}
}

// TestFormsInABrowser lets axe-core look at every form as it is empty, and as it is
// refused.
func TestFormsInABrowser(t *testing.T) {
	ctx := browser(t)
	if !required() {
		t.Skip("every form is looked at where SPREDNING_BROWSER=required")
	}
	w := newWorld(t).found()
	w.story()
	w.publishes("Med en fil som ikke er kommet", attached(ledger.PDF, "%PDF-1.7"))
	a := newAdviser(t, ctx, w.local(), true)
	seen := 0
	for _, l := range w.crawl() {
		if l.route != "/skjema/:form" {
			continue
		}
		seen++
		for _, path := range inLanguages(l.path) {
			a.goes(path)
			if a.reads(visible+`("sign")`) != "true" {
				a.accessible(path + ", that nobody can sign")
				continue
			}
			a.accessible(path + ", empty")
			noError(t, chromedp.Do(a.ctx, chromedp.Evaluate[chromedp.Void](`document.getElementById("by").value = ""; document.getElementById("sign-button").click()`)))
			a.awaits("a refusal of "+path, visible+`("sign-errors")`)
			a.accessible(path + ", refused")
		}
	}
	if seen < 10 {
		t.Errorf("only %d forms were found", seen)
	}
}

// event is the event in a receipt.
func (r receipt) event(t testing.TB) ledger.Event {
	t.Helper()
	e, err := keys.Parse([]byte(r.Entry))
	noError(t, err)
	event, err := ledger.ParseEvent(e.Payload)
	noError(t, err)
	return event
}
