package site

import (
	"net/url"
	"slices"
	"strconv"
)

// paging is where a page of a list stands among the others.
type paging struct {
	Page, Pages     int
	Previous, Next  string // addresses; none: there is no such page
	From, To, Total int    // of what is shown, counted from 1
}

// pageAsked is the page of a list that the address asks for, from 1.
func (v *visit) pageAsked() (int, error) {
	asked := v.Query().Get("page")
	if asked == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(asked)
	if err != nil || n < 1 || n > 1_000_000 {
		return 0, ErrInvalid
	}
	return n, nil
}

// paging tells where a page of so many things each stands. A page beyond the last
// is none.
func (v *visit) paging(page, each, total int) (paging, error) {
	p := paging{Page: page, Pages: max(1, (total+each-1)/each), Total: total, From: min(total, (page-1)*each+1), To: min(total, page*each)}
	if page > p.Pages {
		return p, ErrNotFound
	}
	if page > 1 {
		p.Previous = v.at("page", strconv.Itoa(page-1))
	}
	if page < p.Pages {
		p.Next = v.at("page", strconv.Itoa(page+1))
	}
	return p, nil
}

// at is this address with another value in the query; the first page and what is
// empty are left out.
func (v *visit) at(name, value string) string {
	q := url.Values{}
	for k, values := range v.Query() {
		if k != name && !slices.Equal(values, []string{""}) {
			q[k] = values
		}
	}
	if value != "" && (name != "page" || value != "1") {
		q.Set(name, value)
	}
	u := url.URL{Path: v.URL.Path, RawQuery: q.Encode()}
	return u.String()
}

// choice reads a value of the query that must be one of some, or empty.
func (v *visit) choice(name string, of []string) (string, error) {
	value := v.Query().Get(name)
	if value != "" && !slices.Contains(of, value) {
		return "", ErrInvalid
	}
	return value, nil
}
