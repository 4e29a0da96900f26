package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"spredning/api/opendata"
	"spredning/api/site"
	"spredning/ledger"
	"spredning/projections"
)

// newSite gives the public pages of what is served.
func (s *Server) newSite() *site.Site {
	var waiting func(context.Context, ledger.Orgnr) ([]ledger.WaitingKey, error)
	if s.cfg.Invitations != nil {
		waiting = s.cfg.Invitations.Waiting
	}
	var drafts func(context.Context, ledger.Orgnr) ([]ledger.Draft, error)
	if s.cfg.Drafts != nil {
		drafts = s.cfg.Drafts.Waiting
	}
	return site.New(site.Config{
		View: s.cfg.View, Log: s.cfg.Log, Ledger: s.cfg.Ledger, Stories: s.siteStories, Past: s.past.at, Simulate: s.siteSimulate, Witnesses: s.cfg.Witnesses,
		Editions: s.editions, Reference: reference(), Waiting: waiting, Drafts: drafts, Stored: s.isStored,
	})
}

// reference is made of what is part of the program, so it can be read.
var reference = sync.OnceValue(func() *site.Reference {
	r, err := site.ReadReference(openAPI)
	if err != nil {
		panic(err)
	}
	return r
})

// editions are the sizes of open data, for the page about it.
func (s *Server) editions() (all []site.Edition, err error) {
	if s.cfg.Data.Files == nil {
		return nil, nil
	}
	sizes, err := s.cfg.Data.Files.Sizes()
	for _, size := range sizes {
		e := site.Edition{Size: size.Size, Time: size.Time}
		for _, why := range size.Reasons {
			e.Newest = e.Newest || why.Reason == opendata.ReasonNewest
			e.Year, e.Day = max(e.Year, why.Year), max(e.Day, why.Day)
		}
		if size.Made != nil {
			for _, f := range size.Made.Files {
				e.Files = append(e.Files, site.DataFile{Table: f.Table, Format: f.Format, Bytes: f.Size})
			}
		}
		all = append(all, e)
	}
	return all, err
}

// pages gives the addresses of the public pages and of what they load.
func (s *Server) pages() []route {
	all := []route{{reading, site.StaticPath + ":file", s.limited(s.reads, s.static)}}
	for _, r := range s.site.Routes() {
		all = append(all, route{reading, r.Path, s.read(func(c echo.Context) (reply, error) { return sitePage(c, r) })})
		if r.Post {
			all = append(all, route{writing, r.Path, s.limited(s.reads, func(c echo.Context) error {
				p, err := sitePage(c, r)
				if err != nil {
					return err
				}
				return s.send(c, p)
			})})
		}
	}
	return all
}

const htmlType = "text/html; charset=utf-8"

// sitePage makes a page, and compresses it once for all who read it.
func sitePage(c echo.Context, r site.Route) (reply, error) {
	a, err := r.Show(&site.Request{Request: c.Request(), Param: c.Param})
	switch {
	case errors.Is(err, site.ErrNotFound):
		return reply{}, notFound("there is nothing at this address")
	case errors.Is(err, site.ErrInvalid):
		return reply{}, invalidQuery("this address asks for something that cannot be")
	case errors.Is(err, site.ErrTooLarge):
		return reply{}, problem{Code: ledger.TooLarge, Detail: "the form is too large"}
	case err != nil:
		return reply{}, err
	}
	return reply{
		body: a.Body, gzipped: compress(a.Body), contentType: htmlType, etag: hashTag(a.Body), position: a.Position, volatile: a.Volatile,
	}, nil
}

func compress(b []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed) // the level is one
	_, _ = w.Write(b)                                 // memory takes all
	_ = w.Close()
	return out.Bytes()
}

// static is a file that pages load.
func (s *Server) static(c echo.Context) error {
	a, ok := site.File(c.Param("file"))
	if !ok {
		return notFound("there is no such file")
	}
	return s.send(c, reply{body: a.Body, gzipped: a.Gzipped, contentType: a.ContentType, etag: hashTag(a.Body), immutable: true})
}

// siteStories gives the first page of an innovation's stories.
func (s *Server) siteStories(ctx context.Context, id string) (all []site.Story, more bool, err error) {
	var entries []int64
	s.cfg.View.Read(func(f *projections.Fold) { entries, _ = f.Stories(id) })
	p, err := s.storyPage(entries, "", defaultLimit)
	if err == nil {
		err = s.show(ctx, p.Items)
	}
	for _, t := range p.Items {
		story := site.Story{Title: t.Title, Index: t.Index, By: t.By, Status: t.Status}
		if t.HTML != nil {
			story.HTML = template.HTML(*t.HTML)
		}
		all = append(all, story)
	}
	return all, p.Next != "", err
}

// forPrograms are where no people look: problems there are answered as JSON.
var forPrograms = []string{"/api/", "/log/", "/data/", "/catalog", "/healthz", "/readyz", "/static/"}

// wantsPage reports whether a problem is answered as a page: to who takes HTML, as
// browsers do, at an address that is not for programs.
func wantsPage(r *http.Request) bool {
	path := r.URL.Path
	return strings.Contains(r.Header.Get("Accept"), echo.MIMETextHTML) && !strings.HasSuffix(path, ".atom") &&
		!slices.ContainsFunc(forPrograms, func(p string) bool { return strings.HasPrefix(path, p) })
}

// failPage answers with a problem as a page.
func (s *Server) failPage(c echo.Context, p problem) error {
	body, err := s.site.Failure(c.Request(), p.status())
	if err != nil {
		return err
	}
	pageHeaders(c.Response().Header())
	return c.Blob(p.status(), htmlType, body)
}

// pageHeaders are those of pages, which load files of their own.
func pageHeaders(h http.Header) { h.Set("Content-Security-Policy", site.CSP) }
