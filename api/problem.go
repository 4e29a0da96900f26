package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"spredning/ledger"
)

// The codes of reads, beside those of submissions.
const (
	notFoundCode     ledger.Code = "not_found"
	invalidQueryCode ledger.Code = "invalid_query"
)

// statuses gives a code's HTTP status. Codes that are not listed are 422.
var statuses = map[ledger.Code]int{
	ledger.TooLarge:          http.StatusRequestEntityTooLarge,
	ledger.Malformed:         http.StatusBadRequest,
	ledger.UnknownKey:        http.StatusForbidden,
	ledger.BadSignature:      http.StatusForbidden,
	ledger.RevokedKey:        http.StatusForbidden,
	ledger.NotAuthorised:     http.StatusForbidden,
	ledger.MissingSignature:  http.StatusForbidden,
	ledger.UnneededSignature: http.StatusForbidden,
	ledger.AlreadyExists:     http.StatusConflict,
	ledger.WrongState:        http.StatusConflict,
	ledger.OwnInnovation:     http.StatusConflict,
	ledger.StaleRevision:     http.StatusConflict,
	ledger.UnderDispute:      http.StatusConflict,
	ledger.YearNotOpen:       http.StatusConflict,
	ledger.Overloaded:        http.StatusTooManyRequests,
	ledger.Unavailable:       http.StatusServiceUnavailable,
	notFoundCode:             http.StatusNotFound,
	invalidQueryCode:         http.StatusBadRequest,
}

// problem is an RFC 9457 problem as an error.
type problem struct {
	Code    ledger.Code
	Detail  string
	Pointer string
}

func (p problem) Error() string { return string(p.Code) + ": " + p.Detail }

func (p problem) status() int {
	if status, ok := statuses[p.Code]; ok {
		return status
	}
	return http.StatusUnprocessableEntity
}

func notFound(detail string) problem { return problem{Code: notFoundCode, Detail: detail} }

func invalidQuery(detail string) problem { return problem{Code: invalidQueryCode, Detail: detail} }

// MarshalJSON writes the problem with the members that the API fixes.
func (p problem) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type    string      `json:"type"`
		Title   string      `json:"title"`
		Status  int         `json:"status"`
		Detail  string      `json:"detail"`
		Code    ledger.Code `json:"code"`
		Pointer string      `json:"pointer,omitzero"`
	}{"/problems/" + string(p.Code), title(p.Code), p.status(), p.Detail, p.Code, p.Pointer})
}

// title is a code in words: "Unknown key".
func title(c ledger.Code) string {
	words := strings.ReplaceAll(string(c), "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// fail answers with the problem that an error is.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	p := s.problem(err, c)
	body, err := json.Marshal(p)
	if err != nil {
		s.cfg.Logger.Error("writing a problem", "error", err)
	}
	h := c.Response().Header()
	if status := p.status(); status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "2")
	}
	h.Set("Cache-Control", "no-store")
	if wantsPage(c.Request()) && s.failPage(c, p) == nil {
		return
	}
	_ = c.Blob(p.status(), "application/problem+json", body)
}

func (s *Server) problem(err error, c echo.Context) problem {
	var p problem
	var refusal *ledger.Refusal
	var he *echo.HTTPError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &refusal):
		return problem{refusal.Code, refusal.Detail, refusal.Pointer}
	case errors.As(err, &he) && he.Code < http.StatusInternalServerError:
		return notFound("there is nothing at this address, or not with this method")
	}
	s.cfg.Logger.Error("a request failed", "path", c.Request().URL.Path, "error", err)
	return problem{Code: ledger.Unavailable, Detail: "this request cannot be answered now; the failure has been logged"}
}
