package api

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"spredning/api/opendata"
	"spredning/ledger"
	"spredning/projections"
)

// OpenData is how the open data is given away.
type OpenData struct {
	Files     *opendata.Store    // nil: this node keeps none
	PublicURL string             // of this server, for absolute addresses; empty: as the request has it
	Publisher opendata.Publisher // empty fields: the authority
	Contact   opendata.Contact   // the same
}

// listedSize is a size in GET /data/index.json.
type listedSize struct {
	Size    int64             `json:"size"`
	Time    time.Time         `json:"time"`
	Reasons []opendata.Reason `json:"reasons"`
	Made    bool              `json:"made"`
	Files   []listedFile      `json:"files"`
}

type listedFile struct {
	URL       string `json:"url"`
	Table     string `json:"table,omitzero"`
	Format    string `json:"format"`
	MediaType string `json:"media_type"`
	Rows      *int64 `json:"rows,omitzero"`
	Bytes     *int64 `json:"bytes,omitzero"`
	SHA256    string `json:"sha256,omitzero"`
}

// dataIndex is GET /data/index.json: the sizes that there are files of.
func (s *Server) dataIndex(echo.Context) (reply, error) {
	sizes, err := s.sizes()
	if err != nil {
		return reply{}, err
	}
	founded, err := s.founded()
	if err != nil {
		return reply{}, err
	}
	out := struct {
		Ledger       string       `json:"ledger"`
		Illustrative bool         `json:"illustrative"`
		Licence      string       `json:"licence"`
		Latest       int64        `json:"latest"`
		Items        []listedSize `json:"items"`
	}{Ledger: founded.origin, Illustrative: founded.illustrative, Licence: opendata.LicencePage, Latest: sizes[0].Size, Items: []listedSize{}}
	for _, size := range sizes {
		out.Items = append(out.Items, listed(size))
	}
	r, err := jsonReply(out, sizes[0].Size)
	r.volatile = true
	return r, err
}

func listed(size opendata.Listed) listedSize {
	out := listedSize{Size: size.Size, Time: size.Time, Reasons: size.Reasons, Made: size.Made != nil, Files: []listedFile{}}
	at := fmt.Sprintf("/data/%d/", size.Size)
	if size.Made == nil {
		for _, name := range opendata.Names {
			f := opendata.Unmade(name)
			out.Files = append(out.Files, listedFile{URL: at + name, Table: f.Table, Format: f.Format, MediaType: f.MediaType})
		}
		return out
	}
	for _, f := range size.Made.Files {
		out.Files = append(out.Files, listedFile{at + f.Name, f.Table, f.Format, f.MediaType, f.Rows, &f.Size, f.SHA256})
	}
	return out
}

// sizes gives the listed sizes, at least one.
func (s *Server) sizes() ([]opendata.Listed, error) {
	if s.cfg.Data.Files == nil {
		return nil, problem{Code: ledger.Unavailable, Detail: "this node keeps no open data files; ask another one, or compute them from the log with spredning export"}
	}
	all, err := s.cfg.Data.Files.Sizes()
	if err == nil && len(all) == 0 {
		err = problem{Code: ledger.Unavailable, Detail: "the ledger is not founded yet"}
	}
	return all, err
}

// latestData is GET /data/latest/{file}: to the newest size.
func (s *Server) latestData(c echo.Context) error {
	name := c.Param("file")
	if !slices.Contains(opendata.Names, name) {
		return notFound("there is no file " + name + " in the open data; see /data/index.json")
	}
	sizes, err := s.sizes()
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "public, max-age=60")
	return c.Redirect(http.StatusFound, fmt.Sprintf("/data/%d/%s", sizes[0].Size, name))
}

// dataFile is GET /data/{size}/{file}: a file that never changes, from disk.
func (s *Server) dataFile(c echo.Context) error {
	size, err := strconv.ParseInt(c.Param("size"), 10, 64)
	name := c.Param("file")
	if err != nil || strconv.FormatInt(size, 10) != c.Param("size") || !slices.Contains(opendata.Names, name) {
		return notFound("there is no such file in the open data; see /data/index.json")
	}
	if _, err := s.sizes(); err != nil {
		return err
	}
	file, f, err := s.cfg.Data.Files.Open(c.Request().Context(), size, name, acceptsGzip(c.Request().Header.Get("Accept-Encoding")))
	if err != nil {
		return dataProblem(err, size)
	}
	defer file.Close()
	h := c.Response().Header()
	h.Set("Content-Type", contentType(f))
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Spredning-Position", strconv.FormatInt(size, 10))
	h.Set("Content-Disposition", `attachment; filename="`+s.fileName(f, size)+`"`)
	part := f.Part
	if f.Gzip != nil {
		part = *f.Gzip
		h.Set("Content-Encoding", "gzip")
	}
	sum, err := hex.DecodeString(part.SHA256)
	if err != nil {
		return err
	}
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum) + ":"
	h.Set("ETag", `"`+part.SHA256+`"`)
	h.Set("Repr-Digest", digest)
	if f.Format == "csv" {
		h.Set("Link", "<"+opendata.TableMetadata(f.Table)+`>; rel="describedby"; type="application/csvm+json"`)
	}
	w := &slowResponse{ResponseWriter: c.Response(), slow: newSlowWriter(c), whole: func(h http.Header) {
		h.Set("Content-Digest", digest)
		h.Set("Content-Length", strconv.FormatInt(part.Size, 10))
	}}
	if r := c.Request().Header; !strings.HasPrefix(r.Get("Range"), "bytes=") {
		r.Del("Range") // of a unit that nobody knows
	}
	http.ServeContent(w, c.Request(), "", time.Time{}, file)
	return nil
}

// slowResponse gives each write its own time limit, and adds headers to an answer
// with the whole content.
type slowResponse struct {
	http.ResponseWriter
	slow  *slowWriter
	whole func(http.Header)
}

func (w *slowResponse) WriteHeader(status int) {
	if status == http.StatusOK {
		w.whole(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *slowResponse) Write(b []byte) (int, error) { return w.slow.Write(b) }

// fileName is what a browser saves a file as: it tells what a file that has left
// its place is of.
func (s *Server) fileName(f opendata.File, size int64) string {
	name := fmt.Sprintf("spredning-%d-%s", size, f.Name)
	if founded, err := s.founded(); err == nil && founded.illustrative {
		name = "illustrative-" + name
	}
	return name
}

func contentType(f opendata.File) string {
	switch f.Format {
	case "csv":
		return "text/csv; charset=utf-8; header=present"
	case "jsonl":
		return f.MediaType + "; charset=utf-8"
	}
	return f.MediaType
}

// acceptsGzip reads an Accept-Encoding (RFC 9110 12.5.3).
func acceptsGzip(header string) bool {
	for one := range strings.SplitSeq(header, ",") {
		coding, parameters, _ := strings.Cut(one, ";")
		if coding = strings.TrimSpace(coding); strings.EqualFold(coding, "gzip") || coding == "*" {
			q, given := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q=")
			weight, err := strconv.ParseFloat(q, 64)
			return !given || err == nil && weight > 0
		}
	}
	return false
}

// dataProblem says why there is no file.
func dataProblem(err error, size int64) error {
	switch {
	case errors.Is(err, opendata.ErrNotListed):
		return notFound(fmt.Sprintf("there are no files of %d entries; see /data/index.json for the sizes there are", size))
	case errors.Is(err, opendata.ErrBusy):
		return problem{Code: ledger.Overloaded, Detail: "files of other sizes are being made; ask again in a moment"}
	case errors.Is(err, opendata.ErrMaking), errors.Is(err, opendata.ErrClosed):
		return problem{Code: ledger.Unavailable, Detail: fmt.Sprintf("the files of %d entries are being made; ask again in a moment", size)}
	}
	return err
}

// catalogueTurtle is GET /catalog.ttl.
func (s *Server) catalogueTurtle(c echo.Context) (reply, error) {
	catalogue, err := s.catalogue(c)
	if err != nil {
		return reply{}, err
	}
	return reply{body: catalogue.Turtle(), contentType: "text/turtle; charset=utf-8", position: catalogue.Sizes[0].Size, volatile: true}, nil
}

// catalogueJSONLD is GET /catalog.jsonld.
func (s *Server) catalogueJSONLD(c echo.Context) (reply, error) {
	catalogue, err := s.catalogue(c)
	if err != nil {
		return reply{}, err
	}
	body, err := catalogue.JSONLD()
	return reply{body: body, contentType: "application/ld+json", position: catalogue.Sizes[0].Size, volatile: true}, err
}

// catalogue describes the closings and the newest size, whose files are made
// first if they are not there yet: their checksums are in it.
func (s *Server) catalogue(c echo.Context) (out opendata.Catalogue, err error) {
	if out.Base, err = s.base(c); err != nil {
		return out, err
	}
	sizes, err := s.sizes()
	if err != nil {
		return out, err
	}
	for _, size := range sizes {
		if !slices.ContainsFunc(size.Reasons, func(r opendata.Reason) bool {
			return r.Reason == opendata.ReasonClosing || r.Reason == opendata.ReasonNewest
		}) {
			continue
		}
		m, err := s.cfg.Data.Files.Manifest(c.Request().Context(), size.Size)
		if err != nil {
			return out, dataProblem(err, size.Size)
		}
		out.Sizes = append(out.Sizes, m)
	}
	s.cfg.View.Read(func(f *projections.Fold) {
		authority, _ := f.Organisation(f.Authority())
		out.Publisher, out.Contact = opendata.Responsible(s.cfg.Data.Publisher, s.cfg.Data.Contact, authority, out.Base)
	})
	return out, nil
}

// host is what may stand in a Host header: letters, digits, hyphens and dots, or
// an IPv6 address, and a port.
var host = regexp.MustCompile(`^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

// base is the server's address in absolute links.
func (s *Server) base(c echo.Context) (string, error) {
	if s.cfg.Data.PublicURL != "" {
		return strings.TrimRight(s.cfg.Data.PublicURL, "/"), nil
	}
	r := c.Request()
	if !host.MatchString(r.Host) {
		return "", invalidQuery("the Host header is no name of a server")
	}
	scheme := "http"
	if s.secure(r) {
		scheme = "https"
	}
	return scheme + "://" + r.Host, nil
}

// foundedAs is what everything given away says of the ledger.
type foundedAs struct {
	origin, name string
	illustrative bool
	at           time.Time
}

func (s *Server) founded() (out foundedAs, err error) {
	err = problem{Code: ledger.Unavailable, Detail: "the ledger is not founded yet"}
	s.cfg.View.Read(func(f *projections.Fold) {
		if f.Founded != nil {
			out, err = foundedAs{f.Founded.Ledger, f.Founding().Name, f.Illustrated, f.Founded.At}, nil
		}
	})
	return out, err
}

// feed is GET /feed.atom: all confirmations.
func (s *Server) feed(c echo.Context) (reply, error) {
	return s.feedOf(c, projections.NewsQuery{}, "", func(*projections.Fold, string) string { return "" })
}

// innovationFeed is GET /innovasjoner/{id}/feed.atom.
func (s *Server) innovationFeed(c echo.Context) (reply, error) {
	q := projections.NewsQuery{Innovation: c.Param("id")}
	return s.feedOf(c, q, "innovation with this id", func(f *projections.Fold, lang string) string {
		i, _ := f.Innovation(q.Innovation)
		return i.Title.In(lang, "nb", "nn", "en", "se")
	})
}

// organisationFeed is GET /foretak/{orgnr}/feed.atom: what it has adopted, and
// where what it has made was adopted.
func (s *Server) organisationFeed(c echo.Context) (reply, error) {
	q := projections.NewsQuery{Organisation: ledger.Orgnr(c.Param("orgnr"))}
	return s.feedOf(c, q, "organisation with this number", func(f *projections.Fold, _ string) string {
		o, _ := f.Organisation(q.Organisation)
		return o.Name
	})
}

// feedNews is how many confirmations are on a page of a feed.
const feedNews = 100

func (s *Server) feedOf(c echo.Context, q projections.NewsQuery, what string, of func(f *projections.Fold, lang string) string) (reply, error) {
	f, query, err := s.newFeed(c)
	if err != nil {
		return reply{}, err
	}
	before, given, err := number(c, "before", 0)
	if err != nil {
		return reply{}, err
	}
	if !given {
		before = -1
	}
	var news []projections.News
	var more, ok bool
	var position int64
	s.cfg.View.Read(func(fold *projections.Fold) {
		if news, more, ok = fold.News(q, before, feedNews); ok {
			f.Of = of(fold, f.Lang)
		}
		position = fold.Position
	})
	if !ok {
		return reply{}, notFound("there is no " + what)
	}
	path := f.Path
	f.Path = withQuery(path, query)
	if more {
		query.Set("before", strconv.FormatInt(news[len(news)-1].Index, 10))
		f.Next = withQuery(path, query)
	}
	if err := f.Read(s.cfg.Log, news); err != nil {
		return reply{}, err
	}
	body, err := f.Atom()
	return reply{body: body, contentType: "application/atom+xml; charset=utf-8", position: position}, err
}

// newFeed is a feed without news, in the language that was asked for, with the
// query that its address has.
func (s *Server) newFeed(c echo.Context) (f opendata.Feed, query url.Values, err error) {
	base, err := s.base(c)
	if err != nil {
		return f, nil, err
	}
	founded, err := s.founded()
	if err != nil {
		return f, nil, err
	}
	query = url.Values{}
	for _, name := range []string{"lang", "before"} {
		if v := c.QueryParam(name); v != "" {
			query.Set(name, v)
		}
	}
	f = opendata.Feed{
		Base: base, Path: c.Request().URL.EscapedPath(), Lang: query.Get("lang"),
		Ledger: founded.origin, Name: founded.name, Illustrative: founded.illustrative, Founded: founded.at,
	}
	if f.Lang == "" {
		f.Lang = opendata.FeedLanguages[0]
	}
	if !slices.Contains(opendata.FeedLanguages, f.Lang) {
		return f, nil, invalidQuery(fmt.Sprintf("lang must be one of %q", opendata.FeedLanguages))
	}
	return f, query, nil
}

func withQuery(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
