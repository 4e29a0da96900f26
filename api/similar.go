package api

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"spredning/ledger"
	"spredning/projections"
)

// The parameters of lists of similar innovations.
const (
	defaultSimilar = 10
	maxSimilar     = 100
)

// likeness is the answer about similar innovations.
type likeness struct {
	Items    []projections.Similar `json:"items"`
	Position int64                 `json:"position"`
}

// similar is POST /innovations/similar. It keeps nothing of the draft.
func (s *Server) similar(c echo.Context) error {
	if err := s.wait(c); err != nil {
		return err
	}
	limit, err := similarLimit(c)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, ledger.MaxDraft+1))
	var large *http.MaxBytesError
	if err != nil && !errors.As(err, &large) {
		return problem{Code: ledger.Malformed, Detail: "the request's body ended early"}
	}
	draft, err := ledger.ParseDraft(raw)
	if err != nil {
		return err
	}
	var out likeness
	s.cfg.View.Read(func(f *projections.Fold) { out = likeness{f.Similar(draft, limit), f.Position} })
	body, err := json.Marshal(out)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Spredning-Position", strconv.FormatInt(out.Position, 10))
	h.Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, body)
}

// similarTo is GET /innovations/{id}/similar.
func (s *Server) similarTo(c echo.Context) (reply, error) {
	limit, err := similarLimit(c)
	if err != nil {
		return reply{}, err
	}
	return found(s, "innovation with this id", func(f *projections.Fold) (likeness, bool) {
		items, ok := f.SimilarTo(c.Param("id"), limit)
		return likeness{items, f.Position}, ok
	})
}

func similarLimit(c echo.Context) (int, error) {
	limit, given, err := number(c, "limit", 1)
	if err != nil || !given {
		return defaultSimilar, err
	}
	if limit > maxSimilar {
		return 0, invalidQuery("limit is at most " + strconv.Itoa(maxSimilar))
	}
	return int(limit), nil
}
