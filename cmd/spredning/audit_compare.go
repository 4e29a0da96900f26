package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"spredning/ledger/tiles"
	"spredning/projections"
)

// computeYears computes the tables of all years, and compares those of closed ones
// with what was seen before: they never change.
func (d *audited) computeYears(fold *projections.Fold, known *auditState) {
	for _, year := range fold.Years() {
		t, _ := fold.Table(year)
		y := auditedYear{Year: year, Status: t.Status, Total: t.Total, SHA256: sumOf(encoded(t)), Published: "not_compared"}
		if before := known.Closed[strconv.Itoa(year)]; before != "" && t.Status == "closed" && before != y.SHA256 {
			d.find("closed_year", d.Place, fmt.Sprintf("the table of the closed year %d is not what it was: its SHA-256 is %s, it was %s", year, y.SHA256, before))
		}
		d.Years = append(d.Years, y)
	}
}

// encoded gives the JSON of something as the API publishes it.
func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // what a fold gives can always be encoded
	}
	return b
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// comparePublished compares what a server publishes with what the entries give.
func (e *env) comparePublished(ctx context.Context, source tiles.Source, fold *projections.Fold, d *audited) error {
	remote, ok := source.(*tiles.Remote)
	if !ok {
		d.NotCompared = append(d.NotCompared, "what a server publishes: this is a folder")
		return nil
	}
	base, beside := strings.CutSuffix(remote.Base(), "/log")
	s := newSite(base)
	if _, err := s.get(ctx, "/api/v1/years"); !beside || errors.Is(err, errNothingThere) {
		d.NotCompared = append(d.NotCompared, fmt.Sprintf("what a server publishes: there is no API at %s/api/v1", base))
		return nil
	}
	c := comparing{ctx: ctx, site: s, fold: fold, d: d, bar: newProgress(e.err, "Comparing", len(d.Years)+5)}
	defer c.bar.done()
	for i := range d.Years {
		c.year(&d.Years[i])
		c.bar.add(1)
	}
	c.lists()
	return ctx.Err()
}

// comparing is a comparison with one server.
type comparing struct {
	ctx  context.Context
	site *site
	fold *projections.Fold
	d    *audited
	bar  *progress
}

// year compares a year's table at the audited position, and a closed one's
// corrections.
func (c comparing) year(y *auditedYear) {
	t, _ := c.fold.Table(y.Year)
	path := fmt.Sprintf("/api/v1/points/%d?position=%d&min_position=%d", y.Year, c.d.Size, c.d.Size)
	y.Published = "same"
	if !c.same(path, encoded(t), false) {
		y.Published = "differs"
	}
	if corrections, ok := c.fold.Corrections(y.Year); ok {
		c.same(fmt.Sprintf("/api/v1/points/%d/corrections?min_position=%d", y.Year, c.d.Size), encoded(corrections), true)
	}
}

// same compares an answer with the bytes that it must have. If moves is set it is
// one of the newest position, which may have moved on.
func (c comparing) same(path string, want []byte, moves bool) bool {
	a, err := c.site.get(c.ctx, path)
	switch {
	case c.ctx.Err() != nil:
		return false
	case err != nil:
		c.d.find("unanswered", c.site.base+path, fmt.Sprintf("it is not published as the entries give it: %s", err))
		return false
	case moves && a.position != c.d.Size:
		c.movedOn(path)
		return true
	case !bytes.Equal(a.body, want):
		c.d.find("published", c.site.base+path, "what is published is not what the entries give: "+difference(a.body, want))
		return false
	}
	return true
}

func (c comparing) movedOn(path string) {
	c.d.NotCompared = append(c.d.NotCompared, fmt.Sprintf("%s: the ledger has grown meanwhile; audit again", path))
}

// lists compares the lists that the API gives.
func (c comparing) lists() {
	listed(c, "organisations", c.fold.Organisations())
	listed(c, "years", c.fold.ReportingYears())
	listed(c, "rules", c.fold.PublishedRules())
	listed(c, "keys", c.fold.Keys())
	var all []projections.Innovation
	for before, more := int64(-1), true; more; {
		var some []projections.Innovation
		some, more = c.fold.Innovations(projections.Query{}, before, pageSize)
		all = append(all, some...)
		if more {
			before = some[len(some)-1].Index
		}
	}
	listed(c, "innovations", all)
}

const pageSize = 1000

// listed compares all pages of a list.
func listed[T any](c comparing, name string, want []T) {
	defer c.bar.add(1)
	cursor, at := "", 0
	for {
		path := fmt.Sprintf("/api/v1/%s?limit=%d&min_position=%d", name, pageSize, c.d.Size)
		if cursor != "" {
			path += "&cursor=" + cursor
		}
		a, err := c.site.get(c.ctx, path)
		var page struct {
			Items []jsontext.Value `json:"items"`
			Next  string           `json:"next"`
		}
		if err == nil {
			err = json.Unmarshal(a.body, &page, json.RejectUnknownMembers(true))
		}
		switch {
		case c.ctx.Err() != nil:
			return
		case err != nil:
			c.d.find("unanswered", c.site.base+path, fmt.Sprintf("it is not published as the entries give it: %s", err))
			return
		case a.position != c.d.Size:
			c.movedOn(path)
			return
		}
		for _, item := range page.Items {
			if at == len(want) {
				c.d.find("published", c.site.base+path, fmt.Sprintf("there are more %s than the entries give: %.200s", name, item))
				return
			}
			if own := encoded(want[at]); !bytes.Equal(item, own) {
				c.d.find("published", c.site.base+path, fmt.Sprintf("item %d of %s is not what the entries give: %s", at, name, difference(item, own)))
				return
			}
			at++
		}
		if page.Next == "" || len(page.Items) == 0 {
			break
		}
		cursor = page.Next
	}
	if at < len(want) {
		c.d.find("published", c.site.base+"/api/v1/"+name, fmt.Sprintf("there are %d %s, the entries give %d; the first that is missing: %.200s", at, name, len(want), encoded(want[at])))
		return
	}
	c.d.Compared = append(c.d.Compared, name)
}

// difference says where a published JSON is not what it must be.
func difference(published, own []byte) string {
	var a, b any
	if err := json.Unmarshal(published, &a); err != nil {
		return fmt.Sprintf("it is no JSON: %s", err)
	}
	if json.Unmarshal(own, &b) != nil {
		return "it has other bytes"
	}
	if where := differs("", a, b); where != "" {
		return where
	}
	at := 0
	for at < min(len(published), len(own)) && published[at] == own[at] {
		at++
	}
	return fmt.Sprintf("the same values are written in another way, from byte %d on", at)
}

// differs gives the first place where two values differ, as a JSON pointer, and
// both; empty: none.
func differs(at string, published, own any) string {
	switch own := own.(type) {
	case map[string]any:
		p, ok := published.(map[string]any)
		if !ok {
			break
		}
		for _, name := range sortedNames(own, p) {
			if where := differs(at+"/"+name, p[name], own[name]); where != "" {
				return where
			}
		}
		return ""
	case []any:
		p, ok := published.([]any)
		if !ok {
			break
		}
		for i := range max(len(p), len(own)) {
			if where := differs(at+"/"+strconv.Itoa(i), element(p, i), element(own, i)); where != "" {
				return where
			}
		}
		return ""
	default:
		if published == own {
			return ""
		}
	}
	return fmt.Sprintf("%s is %s, must be %s", at, brief(published), brief(own))
}

// sortedNames gives the names of members of both, each once.
func sortedNames(a, b map[string]any) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func element(all []any, i int) any {
	if i < len(all) {
		return all[i]
	}
	return nil
}

func brief(v any) string {
	if v == nil {
		return "missing"
	}
	return fmt.Sprintf("%.80s", encoded(v))
}

// errNothingThere is for 404.
var errNothingThere = errors.New("there is nothing at this address")

// site is a server's public API. Unlike a client it takes what comes: the answers
// are what is checked.
type site struct {
	base string
	http *http.Client
}

func newSite(base string) *site {
	return &site{base, &http.Client{
		Timeout:       2 * time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what a server says, and the position that it says it at.
type answer struct {
	body     []byte
	position int64
}

// How a site is asked.
const (
	siteTries = 4
	maxAnswer = 1 << 30 // bytes
)

// get asks for a path, again if the server says that it may help.
func (s *site) get(ctx context.Context, path string) (a answer, err error) {
	for try := 1; ; try++ {
		var wait time.Duration
		if a, wait, err = s.once(ctx, path); err == nil || wait == 0 || try == siteTries {
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (s *site) once(ctx context.Context, path string) (a answer, wait time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return a, 0, err
	}
	request.Header.Set("User-Agent", "spredning")
	response, err := s.http.Do(request)
	if err != nil {
		return a, time.Second, err
	}
	defer response.Body.Close()
	switch code := response.StatusCode; {
	case code == http.StatusNotFound:
		return a, 0, errNothingThere
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return a, time.Duration(min(max(seconds, 1), 30)) * time.Second, fmt.Errorf("it answers %s", response.Status)
	case code != http.StatusOK:
		return a, 0, fmt.Errorf("it answers %s", response.Status)
	}
	if a.body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer)); err != nil {
		return a, time.Second, err
	}
	a.position, _ = strconv.ParseInt(response.Header.Get("Spredning-Position"), 10, 64)
	return a, 0, nil
}
