package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"spredning/ledger"
)

// reply is a whole answer to a read.
type reply struct {
	body        []byte
	gzipped     []byte // the same, compressed, if it is sent so to who takes it
	contentType string
	etag        string
	next        string // the cursor of the next page, if any
	position    int64  // what it was read at; 0: any position gives the same
	immutable   bool   // never changes, at any position
	volatile    bool   // may change at the same position
}

// read makes a handler of a read: the client's rate, min_position, the cache, an
// ETag and 304.
func (s *Server) read(fn func(echo.Context) (reply, error)) echo.HandlerFunc {
	return s.limited(s.reads, func(c echo.Context) error {
		if err := s.wait(c); err != nil {
			return err
		}
		asked := c.Request()
		key := asked.Host + asked.URL.RequestURI() + "\n" + asked.Header.Get("Accept")
		if s.secure(asked) {
			key = "https " + key // which links may say
		}
		position := s.cfg.View.Position()
		if r, ok := s.replies.lookup(key, position); ok {
			return s.send(c, r)
		}
		r, err := fn(c)
		if err != nil {
			return err
		}
		if r.etag == "" {
			r.etag = hashTag(r.body)
		}
		if r.position == 0 {
			r.position = position
		}
		if !r.volatile {
			s.replies.keep(key, r, position)
		}
		return s.send(c, r)
	})
}

// wait waits for min_position: a reader's own writes.
func (s *Server) wait(c echo.Context) error {
	position, given, err := number(c, "min_position", 0)
	if err != nil || !given {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), waitTimeout)
	defer cancel()
	if err := s.cfg.View.Wait(ctx, position); err != nil {
		return problem{Code: ledger.Unavailable, Detail: "position " + strconv.FormatInt(position, 10) + " is not reached yet; ask again"}
	}
	return nil
}

func (s *Server) send(c echo.Context, r reply) error {
	h := c.Response().Header()
	body, tag := r.body, r.etag
	if len(r.gzipped) > 0 {
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(c.Request().Header.Get("Accept-Encoding")) {
			body, tag = r.gzipped, strings.TrimSuffix(r.etag, `"`)+`-gzip"`
			h.Set("Content-Encoding", "gzip")
		}
	}
	if r.contentType == htmlType {
		pageHeaders(h)
	}
	h.Set("ETag", tag)
	h.Add("Vary", "Accept")
	h.Set("Spredning-Position", strconv.FormatInt(r.position, 10))
	h.Set("Cache-Control", "no-cache")
	if r.immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.next != "" {
		h.Set("Link", "<"+nextPage(c.Request().URL, r.next)+`>; rel="next"`)
	}
	if matches(c.Request().Header.Get("If-None-Match"), tag) {
		h.Del("Content-Encoding")
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, r.contentType, body)
}

// nextPage is the address of the next page.
func nextPage(u *url.URL, cursor string) string {
	q := u.Query()
	q.Set("cursor", cursor)
	return u.Path + "?" + q.Encode()
}

// matches reports whether an If-None-Match names the tag (RFC 9110 13.1.2).
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

func hashTag(b []byte) string {
	sum := sha256.Sum256(b)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
}

func jsonReply(v any, position int64) (reply, error) {
	body, err := json.Marshal(v)
	return reply{body: body, contentType: echo.MIMEApplicationJSON, position: position}, err
}

// The parameters of lists.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// list is a page of items as the API has it.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitzero"`
}

// page cuts a page out of all items, by the cursor and limit that were asked
// for. key is an item's cursor.
func page[T any](c echo.Context, items []T, key func(T) string) (list[T], error) {
	limit, err := limitOf(c)
	if err != nil {
		return list[T]{}, err
	}
	from := 0
	if cursor := c.QueryParam("cursor"); cursor != "" {
		for from < len(items) && key(items[from]) != cursor {
			from++
		}
		if from++; from > len(items) {
			return list[T]{}, invalidQuery("cursor is not one that this list gave")
		}
	}
	p := list[T]{Items: items[from:min(from+limit, len(items))]}
	if from+limit < len(items) {
		p.Next = key(p.Items[len(p.Items)-1])
	}
	return p, nil
}

func limitOf(c echo.Context) (int, error) {
	limit, given, err := number(c, "limit", 1)
	if err != nil || !given {
		return defaultLimit, err
	}
	if limit > maxLimit {
		return 0, invalidQuery("limit is at most 1000")
	}
	return int(limit), nil
}

func listReply[T any](p list[T], position int64) (reply, error) {
	if p.Items == nil {
		p.Items = []T{}
	}
	r, err := jsonReply(p, position)
	r.next = p.Next
	return r, err
}

// number reads a whole number of the query, at least min.
func number(c echo.Context, name string, least int64) (n int64, given bool, err error) {
	s := c.QueryParam(name)
	if s == "" {
		return 0, c.QueryParams().Has(name), emptyNumber(c, name)
	}
	n, err = whole(name, s, least)
	return n, true, err
}

// maxNumber is the largest that every JSON reader knows exactly. It leaves room
// to add to one.
const maxNumber = 1 << 53

func whole(name, s string, least int64) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < least || n > maxNumber || strconv.FormatInt(n, 10) != s {
		return 0, invalidQuery(fmt.Sprintf("%s must be a whole number from %d to %d", name, least, maxNumber))
	}
	return n, nil
}

func emptyNumber(c echo.Context, name string) error {
	if c.QueryParams().Has(name) {
		return invalidQuery(name + " is empty; give a number or leave it out")
	}
	return nil
}

// cache keeps the answers that were given at the newest position.
type cache struct {
	mu       sync.Mutex
	position int64
	size     int
	replies  map[string]reply
}

// maxCached is the number of bytes that the cache may hold.
const maxCached = 64 << 20

func newCache() *cache { return &cache{replies: map[string]reply{}} }

func (c *cache) lookup(key string, position int64) (reply, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if position != c.position {
		return reply{}, false
	}
	r, ok := c.replies[key]
	return r, ok
}

// keep keeps an answer that was given at a position, and forgets all others if it
// is newer than they are or they are too many.
func (c *cache) keep(key string, r reply, position int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	size := len(key) + len(r.body) + len(r.gzipped) + 256
	if position < c.position || size > maxCached/4 {
		return
	}
	if position > c.position || c.size+size > maxCached {
		clear(c.replies)
		c.position, c.size = position, 0
	}
	c.replies[key] = r
	c.size += size
}
