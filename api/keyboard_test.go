package api_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// stops notes what the Tab key should come to, in the order of the page, and how each
// looks without the focus. Of radio buttons of one name it comes to one.
const stops = `(() => {
	const look = e => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth, s.boxShadow].join() };
	const radios = new Set();
	window.stops = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]')]
		.filter(e => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true}))
		.filter(e => e.type !== 'radio' || (e.checked || !document.querySelector('input[type=radio]:checked[name="' + e.name + '"]')) && !radios.has(e.name) && radios.add(e.name));
	window.looks = new Map(window.stops.map(e => [e, look(e)]));
	window.look = look;
	return window.stops.length;
})()`

// preceding is the last stop before where the focus is.
const preceding = `(() => {
	const at = document.activeElement;
	if (!at || at === document.body) return -1;
	return window.stops.filter(e => at.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_PRECEDING).length - 1;
})()`

// stopped tells where the focus is: its place among the stops (-1: nowhere, -2: at
// something else), and whether it can be seen to be there.
const stopped = `(() => {
	const e = document.activeElement;
	if (!e || e === document.body || e === document.documentElement) return {place: -1};
	const r = e.getClientRects()[0] || new DOMRect();
	const inside = r.width > 0 && r.top < innerHeight && r.bottom > 0 && r.left < innerWidth && r.right > 0;
	const x = (Math.max(r.left, 0) + Math.min(r.right, innerWidth)) / 2, y = (Math.max(r.top, 0) + Math.min(r.bottom, innerHeight)) / 2;
	const there = document.elementFromPoint(x, y);
	const place = window.stops.indexOf(e);
	return {
		place: place < 0 ? -2 : place, parts: e.type === 'date', name: e.outerHTML.slice(0, 120), scrolls: e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight,
		marked: place < 0 || window.look(e) !== window.looks.get(e), inside,
		covered: inside && !(there && (e === there || e.contains(there) || there.contains(e))),
	};
})()`

type stop struct {
	Place                            int
	Name                             string
	Parts                            bool // Tab goes through them: day, month, year
	Scrolls, Marked, Inside, Covered bool
}

// walk goes through a page by the Tab key, from its beginning to its end, and gives
// what is wrong: stops that are left out, come in another order than they are read,
// cannot be seen or cannot be left.
func (b *tab) walk(v visit) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if _, err := b.open(v.address, v.width); err != nil {
		return []string{err.Error()}
	}
	number, err := eval[int](b, stops)
	if err != nil {
		return []string{err.Error()}
	}
	// Where a script has taken the focus to, Tab goes on.
	last, err := eval[int](b, preceding)
	if err != nil {
		return []string{err.Error()}
	}
	for presses := 0; presses < 2*number+10; presses++ {
		if err := b.press(kb.Tab); err != nil {
			return append(faults, err.Error())
		}
		at, err := eval[stop](b, stopped)
		if err != nil {
			return append(faults, err.Error())
		}
		if at.Place == -1 || at.Place == 0 && last == number-1 {
			break // the end, from where a browser goes to its own bars
		}
		switch {
		case at.Place == -2 && !at.Scrolls:
			fault("Tab comes to %s", at.Name)
		case at.Place >= 0 && at.Place <= last && !(at.Parts && at.Place == last):
			fault("Tab comes back to %s", at.Name)
			return faults
		case at.Place > last+1:
			fault("Tab leaves out %d before %s", at.Place-last-1, at.Name)
		}
		if !at.Marked {
			fault("the focus does not show at %s", at.Name)
		}
		if !at.Inside || at.Covered {
			fault("the focus is hidden at %s", at.Name)
		}
		last = max(last, at.Place)
	}
	if last != number-1 {
		fault("Tab comes to %d of %d stops", last+1, number)
	}
	return faults
}

func (b *tab) press(keys string) error {
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	return chromedp.Do(ctx, chromedp.KeyEvent(keys))
}

// TestPagesByKeyboardAlone goes through every page by the Tab key.
func TestPagesByKeyboardAlone(t *testing.T) {
	ctx := browser(t)
	w := tellAll(t)
	most := 2
	if !required() {
		most = 1
	}
	var all []visit
	for _, l := range telling(t, w.crawl(), most) {
		all = append(all, visit{w.base + l.path, telephone})
		if required() {
			all = append(all, visit{w.base + l.path, desk})
		}
	}
	tabs(t, ctx, all, func(b *tab, v visit) {
		if err := b.prefers("light"); err != nil {
			t.Error(err)
		}
		for _, f := range b.walk(v) {
			t.Errorf("%s at %d: %s", v.address, v.width, f)
		}
	})
}

// typist is someone without a mouse.
type typist struct {
	*testing.T
	*tab
}

// press presses a key that must do.
func (p typist) press(keys string) {
	p.Helper()
	noError(p, p.tab.press(keys))
}

// goTo presses Tab until the focus is at what a selector says.
func (p typist) goTo(selector string) {
	p.Helper()
	for range 200 {
		p.press(kb.Tab)
		if p.at(selector) {
			return
		}
	}
	p.Fatalf("Tab never comes to %s", selector)
}

// at tells whether the focus is at what a selector says.
func (p typist) at(selector string) bool {
	p.Helper()
	is, err := eval[bool](p.tab, fmt.Sprintf("document.activeElement.matches(%q)", selector))
	noError(p, err)
	return is
}

// comes waits until the page is there and an expression holds.
func (p typist) comes(expression string) {
	p.Helper()
	if err := p.tab.comes(expression); err != nil {
		where, _ := eval[string](p.tab, "location.href")
		p.Fatalf("at %s: %v: %s", where, err, expression)
	}
}

// TestSearchByKeyboardAlone finds an innovation from the front page without a mouse,
// with scripts and without.
func TestSearchByKeyboardAlone(t *testing.T) {
	ctx := browser(t)
	w := tellAll(t)
	b := newTab(t, ctx)
	p := typist{t, b}
	noError(t, b.prefers("light"))
	for _, scripts := range []bool{true, false} {
		noError(t, b.scripts(scripts))
		_, err := b.open(w.base+"/", telephone)
		noError(t, err)

		p.press(kb.Tab)
		if !p.at("a.skip") {
			t.Fatal("the first stop is not the link past the menu")
		}
		p.comes("document.activeElement.getBoundingClientRect().top >= 0")
		p.press(kb.Enter)
		p.comes("location.hash === '#content' && document.activeElement.id === 'content'")
		p.press(kb.Tab)
		if !p.at("main *") {
			t.Error("past the menu is not what the page is about")
		}

		_, err = b.open(w.base+"/", telephone)
		noError(t, err)
		p.goTo(`.menu a[href="/innovasjoner"]`)
		p.press(kb.Enter)
		p.comes("location.pathname === '/innovasjoner'")

		p.goTo("#q")
		p.press("Hjemmeoppfølging")
		p.press(kb.Enter)
		p.comes("new URLSearchParams(location.search).get('q') === 'Hjemmeoppfølging' && document.querySelector('.result a').innerText.startsWith('Hjemmeoppfølging')")

		_, err = b.open(w.base+"/innovasjoner", telephone)
		noError(t, err)
		p.goTo("summary")
		p.press(kb.Enter)
		p.comes("document.querySelector('details').open")
		p.goTo("#f-region")
		p.press(kb.ArrowDown)
		p.comes("document.querySelector('#f-region').value !== ''")
		p.goTo("details button")
		p.press(kb.Enter)
		p.comes("new URLSearchParams(location.search).get('region') && document.querySelector('#f-region').value === new URLSearchParams(location.search).get('region') && document.querySelector('.result')")
		p.goTo(".result a")
		p.press(kb.Enter)
		p.comes("location.pathname.startsWith('/innovasjoner/') && document.querySelector('h1').innerText.length > 0")
	}
}

// TestPagesWithoutScripts reads every page with scripts and without: it says the same,
// or tells who has none what it needs them for, in a noscript element or one that
// scripts hide.
func TestPagesWithoutScripts(t *testing.T) {
	ctx := browser(t)
	w := tellAll(t)
	most, languages := 2, 3
	if !required() {
		most, languages = 1, 1
	}
	var all []visit
	for _, l := range telling(t, w.crawl(), most) {
		for _, path := range inLanguages(l.path)[:languages] {
			all = append(all, visit{w.base + path, telephone})
		}
	}
	// A button that does nothing without scripts is there only with them.
	const read = `(() => {
		const main = document.querySelector('main');
		main.querySelectorAll('button[type=button]').forEach(b => b.remove());
		return main.innerText.split('\n').map(l => l.trim()).filter(l => l !== '');
	})()`
	tabs(t, ctx, all, func(b *tab, v visit) {
		var said [2][]string
		for k, on := range []bool{true, false} {
			err := b.scripts(on)
			if err == nil {
				_, err = b.open(v.address, v.width)
			}
			if err == nil {
				said[k], err = eval[[]string](b, read)
			}
			if err != nil {
				t.Errorf("%s: %v", v.address, err)
			}
		}
		excused, err := eval[bool](b, "[...document.querySelectorAll('main noscript, main [data-unscripted]')].some(e => e.innerText.trim() !== '')")
		if err != nil || len(said[1]) == 0 {
			t.Errorf("%s says nothing without scripts: %v", v.address, err)
		}
		if !excused && !slices.Equal(said[0], said[1]) {
			t.Errorf("%s says with scripts\n%q\nand without them\n%q", v.address, without(said[0], said[1]), without(said[1], said[0]))
		}
	})
}

// without gives the lines that others do not have.
func without(lines, others []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return slices.Contains(others, l) })
}
