package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"spredning/api/site"
)

// What a page may weigh as it comes over the network, a story's pictures apart.
const (
	mostBytes    = 120_000
	mostRequests = 11
)

const (
	telephone = 375 // pixels wide
	desk      = 1440
)

// required tells that the tests of pages in a browser are to run, all of them.
func required() bool { return os.Getenv("SPREDNING_BROWSER") == "required" }

// axe is the source of axe-core, from the file that SPREDNING_AXE names; empty: the
// tests go on without it.
var axe = sync.OnceValues(func() (string, error) {
	path := os.Getenv("SPREDNING_AXE")
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	return string(b), err
})

// browser starts Chromium for a test.
func browser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	source, err := axe()
	noError(t, err)
	switch {
	case os.Getenv("SPREDNING_BROWSER") == "none":
		t.Skip("SPREDNING_BROWSER=none")
	case required() && path == "":
		t.Fatal("SPREDNING_BROWSER=required, and there is no Chromium")
	case required() && source == "":
		t.Fatal("SPREDNING_BROWSER=required, and SPREDNING_AXE does not name axe.min.js")
	case path == "":
		t.Skip("there is no Chromium; SPREDNING_BROWSER=required makes that a failure")
	case testing.Short():
		t.Skip("starts a browser")
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))...)
	t.Cleanup(stop)
	ctx, closeIt := chromedp.NewContext(allocator)
	t.Cleanup(closeIt)
	noError(t, chromedp.Do(ctx))
	return ctx
}

// tab is a tab of the browser, and what was heard of the page in it.
type tab struct {
	ctx context.Context

	mu       sync.Mutex
	document string // its address
	inert    bool   // scripts do not run, and Chromium does not tell that it gave up loading them
	requests map[network.RequestID]*request
	waiting  int
	heard    time.Time // the last of the network
	said     []string  // on the console, and by the browser itself
}

type request struct {
	url      string
	kind     network.ResourceType
	encoding string // of what came
	bytes    int
	done     bool
}

// newTab opens a tab that keeps nothing from one page to the next.
func newTab(t *testing.T, browser context.Context) *tab {
	t.Helper()
	ctx, closeIt := chromedp.NewContext(browser)
	t.Cleanup(closeIt)
	b := &tab{ctx: ctx}
	noError(t, chromedp.Do(ctx))
	noError(t, chromedp.Listen(ctx, b.hear))
	_, err := chromedp.Call(ctx, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
	noError(t, err)
	// Else only the tab in front has a focus.
	_, err = chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	noError(t, err)
	return b
}

func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = time.Now()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if b.requests[e.RequestID] == nil && !(b.inert && e.Type == network.ResourceTypeScript) {
			b.waiting++
		}
		b.requests[e.RequestID] = &request{url: e.Request.URL, kind: e.Type}
	case *network.EventResponseReceived:
		if r := b.requests[e.RequestID]; r != nil {
			r.encoding = header(e.Response.Headers, "Content-Encoding")
		}
	case *network.EventLoadingFinished:
		b.finish(e.RequestID, int(e.EncodedDataLength))
	case *network.EventLoadingFailed:
		if b.finish(e.RequestID, 0); !e.Canceled {
			b.said = append(b.said, "loading failed: "+e.ErrorText)
		}
	case *log.EventEntryAdded:
		// That a page is one of a failure is no fault of it.
		if e.Entry.URL == b.document && strings.Contains(e.Entry.Text, "the server responded with a status of") {
			return
		}
		b.said = append(b.said, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
	case *runtime.EventConsoleAPICalled:
		b.said = append(b.said, fmt.Sprintf("console.%s: %s", e.Type, words(e.Args)))
	case *runtime.EventExceptionThrown:
		b.said = append(b.said, "exception: "+thrown(e.ExceptionDetails))
	}
}

func (b *tab) finish(id network.RequestID, bytes int) {
	r := b.requests[id]
	if r == nil || r.done {
		return
	}
	if r.done, r.bytes = true, bytes; !(b.inert && r.kind == network.ResourceTypeScript) {
		b.waiting--
	}
}

func words(args []*runtime.RemoteObject) (s string) {
	for _, a := range args {
		s += string(a.Value) + " "
	}
	return s
}

func thrown(e *runtime.ExceptionDetails) string {
	if e.Exception == nil {
		return e.Text
	}
	return e.Text + " " + e.Exception.Description
}

func header(h network.Headers, name string) string {
	for k, v := range h {
		if strings.EqualFold(k, name) {
			return fmt.Sprint(v)
		}
	}
	return ""
}

// open opens a page, and waits until it and all that it loads is there.
func (b *tab) open(address string, width int64) (*network.Response, error) {
	b.mu.Lock()
	b.requests, b.waiting, b.said, b.document = map[network.RequestID]*request{}, 0, nil, address
	b.mu.Unlock()
	if err := b.resize(width); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	r, err := chromedp.Run(ctx, chromedp.NavigateResponse(address))
	for err == nil && b.loading() {
		time.Sleep(5 * time.Millisecond)
		err = ctx.Err()
	}
	if err == nil && !b.inert {
		_, err = eval[bool](b, stillness)
	}
	return r, err
}

// stillness comes when scripts of the page, if it has any, have changed nothing for a while.
const stillness = `document.scripts.length === 0 || new Promise(done => {
	let end = setTimeout(done, 200, true);
	new MutationObserver(() => { clearTimeout(end); end = setTimeout(done, 200, true); })
		.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
})`

// loading reports whether something is on its way. Chromium does not tell the end of all
// that it gives up; what has said nothing for long is not waited for.
func (b *tab) loading() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting > 0 && time.Since(b.heard) < 5*time.Second
}

func (b *tab) resize(width int64) error {
	_, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1})
	return err
}

// prefers has pages shown in a colour scheme.
func (b *tab) prefers(scheme string) error {
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	return err
}

func (b *tab) scripts(on bool) error {
	b.mu.Lock()
	b.inert = !on
	b.mu.Unlock()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	return err
}

// eval asks the page in the way of a debugger, which no policy of the page hinders.
func eval[T any](b *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// comes waits until the page is there and an expression holds. One that cannot be
// evaluated does not hold yet: in the middle of going to another page there is nobody
// to ask.
func (b *tab) comes(expression string) error {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		holds, err := eval[bool](b, "document.readyState === 'complete' && Boolean("+expression+")")
		switch {
		case err == nil && holds:
			return nil
		case time.Now().Before(end):
		case err != nil:
			return fmt.Errorf("it does not come: %w", err)
		default:
			return errors.New("it does not come")
		}
	}
}

// visit is a page that is looked at, at one width.
type visit struct {
	address string
	width   int64
}

// look gives all that is wrong with a page.
func (b *tab) look(v visit) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if err := b.prefers("light"); err != nil {
		fault("%v", err)
	}
	r, err := b.open(v.address, v.width)
	if err != nil {
		return append(faults, err.Error())
	}
	if csp := header(r.Headers, "Content-Security-Policy"); csp != site.CSP || strings.Contains(csp, "unsafe") {
		fault("the policy is %q", csp)
	}
	wide, err := eval[int](b, "document.documentElement.scrollWidth")
	if err != nil || wide > int(v.width) {
		fault("it is %d pixels wide: %v", wide, err)
	}
	faults = append(faults, b.weigh()...)
	faults = append(faults, b.examine()...)
	b.mu.Lock()
	defer b.mu.Unlock()
	return append(faults, b.said...)
}

// weigh gives what is wrong with what a page has loaded.
func (b *tab) weigh() (faults []string) {
	lazy, err := eval[[]string](b, "[...document.querySelectorAll('img[loading=lazy]')].map(i => i.src)")
	if err != nil {
		faults = append(faults, err.Error())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	own, err := url.Parse(b.document)
	if err != nil {
		return append(faults, err.Error())
	}
	bytes, number := 0, 0
	for _, r := range b.requests {
		to, err := url.Parse(r.url)
		if err == nil && to.Scheme == "data" {
			continue // a picture of the browser's own, for a date
		}
		if err != nil || to.Host != own.Host || to.Scheme != own.Scheme {
			faults = append(faults, "it asks "+r.url)
			continue
		}
		if slices.Contains(lazy, r.url) {
			continue
		}
		bytes, number = bytes+r.bytes, number+1
		if packed := r.kind == network.ResourceTypeDocument || r.kind == network.ResourceTypeStylesheet || r.kind == network.ResourceTypeScript; packed && r.bytes > 4000 && r.encoding != "gzip" {
			faults = append(faults, fmt.Sprintf("%s comes as %d bytes that are not compressed", r.url, r.bytes))
		}
	}
	if bytes > mostBytes || number > mostRequests {
		faults = append(faults, fmt.Sprintf("it takes %d bytes and %d requests", bytes, number))
	}
	return faults
}

// examined is what axe-core finds.
type examined struct {
	Ran        []string
	Violations []struct {
		Rule, Help string
		Nodes      []string
	}
}

// examining runs axe-core with options. Target sizes are of WCAG 2.2, which axe leaves
// out unless told.
const examining = `axe.run(document, %s).then(r => ({
	ran: ['passes', 'violations', 'incomplete', 'inapplicable'].flatMap(k => r[k].map(v => v.id)),
	violations: r.violations.map(v => ({rule: v.id, help: v.help, nodes: v.nodes.slice(0, 4).map(n => n.target.join(' ') + ': ' + n.failureSummary)})),
}))`

const (
	allRules = `{runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}, rules: {'target-size': {enabled: true}}, resultTypes: ['violations']}`
	contrast = `{runOnly: {type: 'rule', values: ['color-contrast']}, resultTypes: ['violations']}`
)

// examine lets axe-core look at the page, in light and in dark.
func (b *tab) examine() (faults []string) {
	source, _ := axe()
	if source == "" {
		return nil
	}
	if _, err := eval[chromedp.Void](b, source); err != nil {
		return []string{err.Error()}
	}
	for _, run := range []struct{ scheme, options, must string }{{"light", allRules, "target-size"}, {"dark", contrast, "color-contrast"}} {
		if err := b.prefers(run.scheme); err != nil {
			faults = append(faults, err.Error())
		}
		found, err := eval[examined](b, fmt.Sprintf(examining, run.options))
		if err != nil || !slices.Contains(found.Ran, run.must) {
			faults = append(faults, fmt.Sprintf("axe ran %v: %v", found.Ran, err))
		}
		for _, v := range found.Violations {
			faults = append(faults, fmt.Sprintf("%s, %s: %s\n\t%s", run.scheme, v.Rule, v.Help, strings.Join(v.Nodes, "\n\t")))
		}
	}
	return faults
}

// tabs do the work that is given to them, a few at a time.
func tabs[T any](t *testing.T, browser context.Context, jobs []T, do func(*tab, T)) {
	t.Helper()
	todo := make(chan T)
	var all sync.WaitGroup
	for range 3 {
		b := newTab(t, browser)
		all.Go(func() {
			for job := range todo {
				do(b, job)
			}
		})
	}
	for _, job := range jobs {
		todo <- job
	}
	close(todo)
	all.Wait()
}

// failing answers with the page of a failure, which the address ends in.
func (w *world) failing() *httptest.Server {
	s := site.New(site.Config{View: w.view, Log: w.log, Ledger: w.ledger})
	return httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		status, err := strconv.Atoi(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
		if err != nil {
			w.server.Config.Handler.ServeHTTP(rw, r)
			return
		}
		body, err := s.Failure(r, status)
		if err != nil {
			w.t.Error(err)
		}
		rw.Header().Set("Content-Security-Policy", site.CSP)
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		rw.WriteHeader(status)
		_, _ = rw.Write(body)
	}))
}

// visits are all that is looked at: pages that show everything there is, and those of
// failures, in three languages and two widths; a few of them unless all are required.
func (w *world) visits(failures string) (all []visit) {
	w.t.Helper()
	most, languages := 4, 3
	if !required() {
		most, languages = 1, 1
	}
	for _, l := range telling(w.t, w.crawl(), most) {
		for _, path := range inLanguages(l.path)[:languages] {
			all = append(all, visit{w.base + path, telephone}, visit{w.base + path, desk})
		}
	}
	for _, status := range []string{"/400", "/404", "/429", "/500", "/503"} {
		for _, path := range inLanguages("/x" + status)[:languages] {
			all = append(all, visit{failures + path, telephone}, visit{failures + path, desk})
		}
	}
	for _, path := range []string{"/finnes/ikke", "/nn/innovasjoner?page=0"} {
		all = append(all, visit{w.base + path, telephone})
	}
	return all
}

// TestPagesInABrowser looks at every page in Chromium: it is accessible by axe-core's
// rules, the browser has nothing to complain of, and it is no wider than the window,
// weighs little and asks nobody else.
func TestPagesInABrowser(t *testing.T) {
	ctx := browser(t)
	w := tellAll(t)
	failures := w.failing()
	defer failures.Close()
	all := w.visits(failures.URL)
	tabs(t, ctx, all, func(b *tab, v visit) {
		for _, f := range b.look(v) {
			t.Errorf("%s at %d: %s", v.address, v.width, f)
		}
	})
	t.Logf("%d visits", len(all))
}
