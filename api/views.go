package api

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"spredning/projections"
)

// lineage is GET /innovations/{id}/lineage.
func (s *Server) lineage(c echo.Context) (reply, error) {
	return found(s, "innovation with this id", func(f *projections.Fold) (projections.Lineage, bool) { return f.Lineage(c.Param("id")) })
}

// yearly answers with one thing of the year in the path, now or as it stood at a
// position.
func yearly[T any](s *Server, c echo.Context, look func(*projections.Fold, int) (T, bool)) (reply, error) {
	year, err := yearOf(c)
	if err != nil {
		return reply{}, err
	}
	return asOf(s, c, fmt.Sprintf("reporting year %d at this position", year), func(f *projections.Fold) (T, bool) { return look(f, year) })
}

// today is GET /points/{year}/organisations.
func (s *Server) today(c echo.Context) (reply, error) { return yearly(s, c, (*projections.Fold).Today) }

// patterns is GET /points/{year}/patterns.
func (s *Server) patterns(c echo.Context) (reply, error) {
	return yearly(s, c, (*projections.Fold).Patterns)
}

// open is GET /years/{year}/open. The disputes' reasons are read from the log.
func (s *Server) open(c echo.Context) (reply, error) {
	year, err := yearOf(c)
	if err != nil {
		return reply{}, err
	}
	var o projections.Open
	var ok bool
	s.cfg.View.Read(func(f *projections.Fold) { o, ok = f.Open(year) })
	if !ok {
		return reply{}, notFound(fmt.Sprintf("there is no reporting year %d", year))
	}
	for k := range o.Disputes {
		if d := &o.Disputes[k]; err == nil {
			err = s.telling(d.Entries(), d.Tell)
		}
	}
	if err != nil {
		return reply{}, err
	}
	return jsonReply(o, o.Position)
}

// The statuses that the lists of disputes and requests can be asked for.
var (
	disputeStatuses = []string{projections.DisputeOpen, projections.DisputeWithdrawn, projections.DisputeDecided}
	requestStatuses = []string{projections.RequestOpen, projections.RequestAssessed}
)

// disputes is GET /disputes. Their reasons are read from the log.
func (s *Server) disputes(c echo.Context) (reply, error) {
	status, err := statusOf(c, disputeStatuses)
	if err != nil {
		return reply{}, err
	}
	year, err := yearAsked(c)
	if err != nil {
		return reply{}, err
	}
	var items []projections.DisputeItem
	var position int64
	s.cfg.View.Read(func(f *projections.Fold) { items, position = f.Disputes(status, year), f.Position })
	p, err := pageAfter(c, items, func(d projections.DisputeItem) int64 { return d.Index })
	if err != nil {
		return reply{}, err
	}
	for k := range p.Items {
		if err := s.telling(p.Items[k].Entries(), p.Items[k].Tell); err != nil {
			return reply{}, err
		}
	}
	return listReply(p, position)
}

// requests is GET /requests.
func (s *Server) requests(c echo.Context) (reply, error) {
	status, err := statusOf(c, requestStatuses)
	if err != nil {
		return reply{}, err
	}
	var items []projections.RequestItem
	var position int64
	s.cfg.View.Read(func(f *projections.Fold) { items, position = f.Requests(status), f.Position })
	p, err := pageAfter(c, items, func(r projections.RequestItem) int64 { return r.Index })
	if err != nil {
		return reply{}, err
	}
	return listReply(p, position)
}

// pageAfter cuts a page out of items in order of index. Its cursor is an index:
// what the last page ended with may have got another status since.
func pageAfter[T any](c echo.Context, items []T, index func(T) int64) (list[T], error) {
	limit, err := limitOf(c)
	if err != nil {
		return list[T]{}, err
	}
	if cursor := c.QueryParam("cursor"); cursor != "" {
		after, err := strconv.ParseInt(cursor, 10, 64)
		if err != nil || after < 0 {
			return list[T]{}, invalidQuery("cursor is not one that this list gave")
		}
		from := slices.IndexFunc(items, func(item T) bool { return index(item) > after })
		if from < 0 {
			from = len(items)
		}
		items = items[from:]
	}
	p := list[T]{Items: items[:min(limit, len(items))]}
	if len(items) > limit {
		p.Next = strconv.FormatInt(index(items[limit-1]), 10)
	}
	return p, nil
}

// statusOf reads the status that is asked for; empty: any.
func statusOf(c echo.Context, of []string) (string, error) {
	status := c.QueryParam("status")
	if status != "" && !slices.Contains(of, status) {
		return "", invalidQuery(fmt.Sprintf("status must be one of %q", of))
	}
	return status, nil
}

// yearAsked reads the year that a list is asked for; 0: any.
func yearAsked(c echo.Context) (int, error) {
	year, _, err := number(c, "year", 1000)
	if year > 9999 {
		return 0, invalidQuery("year must be a year of four digits")
	}
	return int(year), err
}
