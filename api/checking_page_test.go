package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestCheckingInABrowser: the page says that a good receipt is verified, fetched by its
// entry's number or pasted, and names the step at which a changed one fails.
func TestCheckingInABrowser(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t).found()
	posted := w.post(w.sealed(bergen, publication("Digital oppfølging")))
	w.post(w.sealed(bergen, publication("Hjemmesykehus")))
	a := newAdviser(t, ctx, w.local(), true)
	verdict := func() string {
		a.awaits("a verdict", `[...document.querySelectorAll('#check-heading [data-verdict]')].some(e => !e.hidden && e.dataset.verdict !== 'waiting')`)
		return a.reads(`[...document.querySelectorAll('#check-heading [data-verdict]')].find(e => !e.hidden).dataset.verdict`)
	}
	for _, c := range []struct{ path, want string }{{"", "Verifisert"}, {"/nn", "Verifisert"}, {"/en", "Verified"}} {
		a.goes(fmt.Sprintf("%s/kontroll?post=%d", c.path, posted.Index))
		if got := verdict(); got != "good" {
			t.Errorf("%s/kontroll says %s", c.path, got)
		}
		if said := a.reads(`document.getElementById("check-heading").innerText`); !strings.Contains(said, c.want) {
			t.Errorf("%s/kontroll says %q, not %q", c.path, said, c.want)
		}
	}
	a.accessible("a good receipt")
	if at := a.reads("document.activeElement.id"); at != "check-heading" {
		t.Errorf("the focus is at %q", at)
	}
	shown := a.reads(`document.getElementById("check-result").innerText`)
	for _, want := range []string{"An innovation was published", string(bergen), fmt.Sprint(posted.Index)} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not shown:\n%s", want, shown)
		}
	}

	good := w.ok(fmt.Sprintf("/api/v1/events/%d/receipt", posted.Index), nil).body
	pasted := func(text string) {
		t.Helper()
		quoted, err := json.Marshal(text)
		noError(t, err)
		noError(t, chromedp.Do(a.ctx, chromedp.Evaluate[chromedp.Void](`document.getElementById("receipt-text").value = `+string(quoted)+`; document.getElementById("receipt-paste").requestSubmit()`)))
	}
	a.goes("/en/kontroll")
	for step, change := range map[string]func(*parts){
		"form":       func(p *parts) { p.More = 1 },
		"event":      func(p *parts) { p.Ledger += "x" },
		"signatures": inEntry(t, func(e *partEntry) { e.Signatures[0].Sig = flipped(t, e.Signatures[0].Sig, 3) }),
		"place":      func(p *parts) { p.Index-- },
		"checkpoint": func(p *parts) {
			before, sig, _ := strings.Cut(p.Checkpoint, "— "+origin+" ")
			p.Checkpoint = before + "— " + origin + " " + flipped(t, strings.TrimSpace(sig), 20) + "\n"
		},
	} {
		pasted(changed(t, good, change))
		a.awaits("that the step "+step+" fails", `document.querySelector('[data-step="`+step+`"]').dataset.state === 'bad' && !document.querySelector('[data-verdict=bad]').hidden`)
		if text := a.reads(`document.querySelector('[data-step="` + step + `"] .fault:not([hidden])').innerText`); text == "" {
			t.Errorf("%s: the fault is not told", step)
		}
		if bad := a.reads(`document.querySelectorAll('[data-state=bad]').length`); bad != "1" {
			t.Errorf("%s: %s steps are marked", step, bad)
		}
	}
	a.accessible("a changed receipt")
	pasted(string(good))
	a.awaits("that the good one holds", `!document.querySelector('[data-verdict=good]').hidden`)
}
