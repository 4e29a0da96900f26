package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// draft is one as the API tells it.
type draft struct {
	PayloadSHA256 string       `json:"payload_sha256"`
	Envelope      string       `json:"envelope"` // its exact bytes
	Type          ledger.Type  `json:"type"`
	By            ledger.Orgnr `json:"by"`
	ID            string       `json:"id"`
	Signed        []signer     `json:"signed"`
	Missing       *missing     `json:"missing,omitzero"` // none: all have signed
	Index         *int64       `json:"index,omitzero"`   // of its entry, once it was submitted
	Refusal       *refusal     `json:"refusal,omitzero"` // why it cannot be submitted any more
	Expires       string       `json:"expires"`
}

// signer is a key that has signed, and whose it is.
type signer struct {
	KeyID        keys.ID      `json:"keyid"`
	Organisation ledger.Orgnr `json:"organisation,omitzero"`
	Name         string       `json:"name,omitzero"`
}

// missing is who must sign too.
type missing struct {
	Organisations []party `json:"organisations"` // none: the rule leaves open who
	Detail        string  `json:"detail"`
}

type party struct {
	Orgnr ledger.Orgnr `json:"orgnr"`
	Name  string       `json:"name,omitzero"` // none: it is not registered
}

// refusal is what submitting would be refused with.
type refusal struct {
	Code    ledger.Code `json:"code"`
	Detail  string      `json:"detail"`
	Pointer string      `json:"pointer,omitzero"`
}

// postDraft is POST /drafts: 201 for a new draft, 200 for one that is known, with
// the signatures of both.
func (s *Server) postDraft(c echo.Context) error {
	if s.cfg.Drafts == nil {
		return problem{Code: ledger.Unavailable, Detail: "this is a mirror, which keeps no drafts; post it to the ledger itself"}
	}
	raw, err := envelopeOf(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), submitTimeout)
	defer cancel()
	d, known, err := s.cfg.Drafts.Post(ctx, raw)
	if err != nil {
		return err
	}
	body, err := json.Marshal(s.tellDraft(d))
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Location", "/api/v1/drafts/"+d.Sum())
	h.Set("ETag", hashTag(body))
	status := http.StatusCreated
	if known {
		status = http.StatusOK
	}
	return c.Blob(status, echo.MIMEApplicationJSON, body)
}

// draft is GET /drafts/{hash}.
func (s *Server) draft(c echo.Context) (reply, error) {
	ctx, cancel := context.WithTimeout(c.Request().Context(), waitTimeout)
	defer cancel()
	sum := c.Param("hash")
	if !isSum(sum) {
		return reply{}, notFound("a draft is found by the SHA-256 of its payload: 64 lower-case hexadecimal digits")
	}
	if s.cfg.Drafts == nil {
		return reply{}, notFound("this is a mirror, which keeps no drafts; ask the ledger itself")
	}
	d, err := s.cfg.Drafts.Draft(ctx, sum)
	if errors.Is(err, ledger.ErrNoDraft) {
		return reply{}, notFound("there is no such draft; drafts are kept until their events are 30 days old")
	}
	if err != nil {
		return reply{}, err
	}
	r, err := jsonReply(s.tellDraft(d), 0)
	r.volatile = true
	return r, err
}

// tellDraft adds to a draft whose keys have signed, and names.
func (s *Server) tellDraft(d ledger.Draft) draft {
	out := draft{
		PayloadSHA256: d.Sum(), Envelope: string(d.Envelope.Encode()), Type: d.Type, By: d.By, ID: d.ID.String(),
		Expires: d.Expires().Format(time.RFC3339),
	}
	if d.Index >= 0 && d.Refusal == nil {
		out.Index = &d.Index
	}
	if r := d.Refusal; r != nil {
		out.Refusal = &refusal{r.Code, r.Detail, r.Pointer}
	}
	s.cfg.View.Read(func(f *projections.Fold) {
		name := func(o ledger.Orgnr) string { org, _ := f.Organisation(o); return org.Name }
		for _, sig := range d.Envelope.Signatures {
			k, _ := f.Key(sig.KeyID)
			out.Signed = append(out.Signed, signer{sig.KeyID, k.Organisation, name(k.Organisation)})
		}
		if d.Missing == nil {
			return
		}
		out.Missing = &missing{Organisations: []party{}, Detail: d.Missing.Detail}
		for _, o := range d.Missing.Organisations {
			out.Missing.Organisations = append(out.Missing.Organisations, party{o, name(o)})
		}
	})
	return out
}

// isSum reports whether s has the form of a SHA-256.
func isSum(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 64
}

// envelopeOf reads a request's body, up to what is too large for an envelope.
func envelopeOf(c echo.Context) ([]byte, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, keys.MaxSize+1))
	var large *http.MaxBytesError
	if err != nil && !errors.As(err, &large) {
		return nil, problem{Code: ledger.Malformed, Detail: "the request's body ended early"}
	}
	return raw, nil
}
