package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"spredning/ledger"
	"spredning/projections"
)

// CSP is the Content-Security-Policy of every page.
const CSP = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ErrNotFound is returned for a page of what is not there.
var ErrNotFound = errors.New("there is nothing at this address")

// ErrTooLarge is returned for a form that is larger than can be read.
var ErrTooLarge = errors.New("the form is too large")

// ErrInvalid is returned for a page whose address asks for what cannot be.
var ErrInvalid = errors.New("the address asks for something that cannot be")

// Log is where entries are read: a *tiles.Log, or a *tiles.Shown of a mirror's.
type Log interface {
	Entry(index int64) ([]byte, error)
}

// Ledger is whose pages they are: a *ledger.Ledger, or a *ledger.Copy of one.
type Ledger interface {
	Origin() string
	Published() (size int64, checkpoint []byte)
	Witnessed() (ledger.Witnessed, bool)
}

// Config is what pages are made from.
type Config struct {
	View    *projections.View
	Log     Log
	Ledger  Ledger
	Stories func(ctx context.Context, innovation string) (stories []Story, more bool, err error)
	// Past gives the fold as it was at an earlier position, which must not be changed.
	Past func(ctx context.Context, position int64) (*projections.Fold, error)
	// Simulate simulates one thing after the other, when it is this one's turn. It
	// leaves lines out where there are too many.
	Simulate func(ctx context.Context, readings *projections.Readings, asked ...*projections.Simulation) ([]*projections.Simulated, error)
	// Witnesses are the verifier keys of those who are asked to cosign, if any.
	Witnesses []string
	// Editions are the sizes that there are files of open data for, newest first; none: no
	// files are kept.
	Editions func() ([]Edition, error)
	// Waiting gives the keys that wait for an organisation's approval; nil: none ever do.
	Waiting func(ctx context.Context, organisation ledger.Orgnr) ([]ledger.WaitingKey, error)
	// Drafts gives the events that wait for an organisation's signature; nil: none ever do.
	Drafts func(ctx context.Context, organisation ledger.Orgnr) ([]ledger.Draft, error)
	// Stored tells whether the bytes of a file that an entry names are here, by their SHA-256.
	Stored func(ctx context.Context, sha256 string) bool
	// Reference describes the API.
	Reference *Reference
}

// Site makes pages.
type Site struct {
	Config
	references map[*language]func() (template.HTML, error)
}

// New gives a site.
func New(cfg Config) *Site {
	s := &Site{cfg, map[*language]func() (template.HTML, error){}}
	assets() // all that pages need is there before the first is asked for
	for _, l := range languages {
		l.texts()
		l.templates()
		s.references[l] = sync.OnceValues(func() (template.HTML, error) { return l.reference(cfg.Reference) })
	}
	return s
}

// Route is an address of the site, and how it is answered.
type Route struct {
	Path string // as echo writes it
	Post bool   // takes a form as well; what is answered to one is never kept
	Show func(*Request) (Answer, error)
}

// Request asks for a page.
type Request struct {
	*http.Request
	Param func(name string) string // of the path
}

// Answer is a page as it goes out.
type Answer struct {
	Body     []byte
	Position int64 // at which it was read
	Volatile bool  // may change at the same position
}

// Routes gives the addresses of all pages in all languages.
func (s *Site) Routes() (all []Route) {
	for _, p := range pages {
		for _, l := range languages {
			all = append(all, Route{Path: l.path(p.path), Post: p.post, Show: func(r *Request) (Answer, error) { return s.show(p, l, r) }})
		}
	}
	return all
}

// page is a page in all languages.
type page struct {
	path string // in bokmål
	name string // of its template and of its texts
	menu bool   // stands in the menu
	post bool   // takes a form
	// titled pages give their title themselves: there is no text NAME.title.
	titled bool
	show   func(*visit) (shown, error)
}

// shown is what a page shows. Zero fields are as for most pages.
type shown struct {
	Data     any
	Title    string  // for NAME.title
	Lang     string  // of Title, if it is not the page's
	Lead     string  // for NAME.lead; a page may have neither
	Crumbs   []crumb // where it stands, from the front page down
	Scripts  []string
	Feed     string // address of an Atom feed
	Query    string // of the page that an address in other languages leads to; empty: as it was asked
	Volatile bool
	NoIndex  bool // not for search engines: one of many views of the same
}

// crumb is a page above another.
type crumb struct{ Path, Title string }

// visit is a page that is being made, for whom it is.
type visit struct {
	*Site
	*language
	*Request
	page     page
	position int64
	storing  context.Context // for as long as the store may be asked
}

func (s *Site) show(p page, l *language, r *Request) (Answer, error) {
	storing, cancel := context.WithTimeout(r.Context(), storedTimeout)
	defer cancel()
	v := &visit{Site: s, language: l, Request: r, page: p, storing: storing}
	data, err := p.show(v)
	if err != nil {
		return Answer{}, err
	}
	body, err := v.render(data)
	return Answer{Body: body, Position: v.position, Volatile: data.Volatile}, err
}

// read reads the fold. The page is of the position that it is first read at.
func (v *visit) read(fn func(*projections.Fold)) {
	v.View.Read(func(f *projections.Fold) {
		if v.position == 0 {
			v.position = f.Position
		}
		fn(f)
	})
}

// telling reads entries from the log, for one who wants to know what they say.
func (v *visit) telling(indexes []int64, tell func(*ledger.Entry)) error {
	for _, index := range indexes {
		b, err := v.Log.Entry(index)
		if err != nil {
			return fmt.Errorf("reading entry %d: %w", index, err)
		}
		e, err := ledger.ParseEntry(index, b)
		if err != nil {
			return fmt.Errorf("reading entry %d: %w", index, err)
		}
		tell(e)
	}
	return nil
}

// signedAt is the time that an entry's signer gives it.
func (v *visit) signedAt(index int64) (at string, err error) {
	err = v.telling([]int64{index}, func(e *ledger.Entry) { at = e.At.UTC().Format(time.RFC3339) })
	return at, err
}

// Query is the address's query.
func (v *visit) Query() url.Values { return v.URL.Query() }

// screen is what the layout shows around a page.
type screen struct {
	shown
	L            *language
	Page         string
	Path         string // in bokmål, without a query
	Name         string // of the ledger
	Origin       string
	Illustrative bool
	Position     int
	Menu         []item
	Languages    []item
}

type item struct {
	Lang, Title, URL string
	Here             bool
}

func (v *visit) render(data shown) ([]byte, error) {
	sc := screen{shown: data, L: v.language, Page: v.page.name, Origin: v.Ledger.Origin()}
	if sc.Title == "" {
		sc.Title = v.t(v.page.name + ".title")
	}
	v.read(func(f *projections.Fold) {
		if d := f.Founding(); d != nil {
			sc.Name, sc.Illustrative = d.Name, *d.Illustrative
		}
	})
	sc.Position = int(v.position)
	sc.Path = v.language.strip(v.URL.Path)
	sc.Menu, sc.Languages = v.menu(sc.Path), v.switches(sc.Path, data.Query)
	var b bytes.Buffer
	if err := v.language.templates()[v.page.name].ExecuteTemplate(&b, "layout", sc); err != nil {
		return nil, fmt.Errorf("making page %s: %w", v.page.name, err)
	}
	return b.Bytes(), nil
}

func (v *visit) menu(path string) (all []item) {
	for _, p := range pages {
		if p.menu {
			here := path == p.path || strings.HasPrefix(path, p.path+"/")
			all = append(all, item{Title: v.t(p.name + ".menu"), URL: v.path(p.path), Here: here})
		}
	}
	return all
}

// switches gives the same page in each language, query and all.
func (v *visit) switches(path, query string) (all []item) {
	for _, l := range languages {
		to := url.URL{Path: l.path(path), RawQuery: query}
		if v.Method == http.MethodGet || v.Method == http.MethodHead {
			to.RawQuery = v.URL.RawQuery
		}
		all = append(all, item{Lang: l.tag, Title: l.t("language.name"), URL: to.String(), Here: l == v.language})
	}
	return all
}

// Failure gives the page for an answer that is none, in the language of the
// address: 400, 404, 413, 429, 500 or 503.
func (s *Site) Failure(r *http.Request, status int) ([]byte, error) {
	v := &visit{Site: s, language: languageOf(r.URL.Path), Request: &Request{Request: r}, page: failure}
	kind := "unavailable"
	switch status {
	case http.StatusNotFound:
		kind = "missing"
	case http.StatusTooManyRequests:
		kind = "busy"
	case http.StatusBadRequest:
		kind = "invalid"
	case http.StatusRequestEntityTooLarge:
		kind = "large"
	case http.StatusMethodNotAllowed:
		kind = "missing"
	}
	return v.render(shown{Title: v.word("failure", kind), Data: kind, NoIndex: true})
}
