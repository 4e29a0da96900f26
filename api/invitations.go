package api

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// maxInvitationBody is the number of bytes that a request about an invitation may have:
// a signature or a key of a passkey has at most 8 KB in base64.
const maxInvitationBody = 16 << 10

// invited is what somebody is invited to make a key for.
type invited struct {
	Organisation ledger.Orgnr  `json:"organisation"`
	Name         string        `json:"name"`
	Roles        []ledger.Role `json:"roles"`
	Label        string        `json:"label"`
	Expires      string        `json:"expires"`
	Used         *bool         `json:"used,omitzero"` // to whoever has the token
}

// made is a key that was made with an invitation.
type made struct {
	KeyID        keys.ID       `json:"keyid"`
	Code         string        `json:"code"`
	Organisation ledger.Orgnr  `json:"organisation"`
	Name         string        `json:"name"`
	Roles        []ledger.Role `json:"roles"`
	Label        string        `json:"label"`
}

// waiting is a key that waits for an admin.
type waiting struct {
	KeyID  keys.ID       `json:"keyid"`
	Code   string        `json:"code"`
	Scheme string        `json:"scheme"`
	Public string        `json:"public"`
	Roles  []ledger.Role `json:"roles"`
	Label  string        `json:"label"`
	UsedAt string        `json:"used_at"`
}

// invite is POST /invitations: 201, or 200 for one that is known.
func (s *Server) invite(c echo.Context) error {
	var in struct {
		Request string  `json:"request"`
		KeyID   keys.ID `json:"keyid"`
		Sig     string  `json:"sig"`
	}
	ctx, cancel, err := s.aboutInvitations(c, &in)
	if err != nil {
		return err
	}
	defer cancel()
	sig, err := bytesOf("/sig", in.Sig)
	if err != nil {
		return err
	}
	i, known, err := s.cfg.Invitations.Invite(ctx, []byte(in.Request), in.KeyID, sig)
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if known {
		status = http.StatusOK
	}
	return tellOnce(c, status, s.tellInvitation(i))
}

// openInvitation is POST /invitations/open. It is no GET, so that the token stands in
// no address.
func (s *Server) openInvitation(c echo.Context) error {
	var in struct {
		Token string `json:"token"`
	}
	ctx, cancel, err := s.aboutInvitations(c, &in)
	if err != nil {
		return err
	}
	defer cancel()
	i, err := s.cfg.Invitations.Open(ctx, in.Token)
	if err != nil {
		return orNotInvited(err)
	}
	out := s.tellInvitation(i)
	out.Used = &i.Used
	return tellOnce(c, http.StatusOK, out)
}

// useInvitation is POST /invitations/use.
func (s *Server) useInvitation(c echo.Context) error {
	var in struct {
		Token  string `json:"token"`
		Public string `json:"public"`
	}
	ctx, cancel, err := s.aboutInvitations(c, &in)
	if err != nil {
		return err
	}
	defer cancel()
	public, err := bytesOf("/public", in.Public)
	if err != nil {
		return err
	}
	k, err := s.cfg.Invitations.Use(ctx, in.Token, public)
	if err != nil {
		return orNotInvited(err)
	}
	id := k.Public.ID()
	return tellOnce(c, http.StatusCreated, made{id, keys.Code(id), k.Organisation, s.nameOf(k.Organisation), k.Roles, k.Label})
}

// waiting is GET /organisations/{orgnr}/waiting.
func (s *Server) waiting(c echo.Context) (reply, error) {
	if s.cfg.Invitations == nil {
		return reply{}, noInvitations()
	}
	o := ledger.Orgnr(c.Param("orgnr"))
	registered := false
	s.cfg.View.Read(func(f *projections.Fold) { _, registered = f.Organisation(o) })
	if !registered {
		return reply{}, notFound("there is no organisation with this number")
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), waitTimeout)
	defer cancel()
	all, err := s.cfg.Invitations.Waiting(ctx, o)
	if err != nil {
		return reply{}, err
	}
	var p list[waiting]
	for _, k := range all {
		id, public := k.Public.ID(), base64.StdEncoding.EncodeToString(k.Public.Bytes)
		p.Items = append(p.Items, waiting{id, keys.Code(id), k.Public.Scheme, public, k.Roles, k.Label, k.UsedAt.UTC().Format(time.RFC3339)})
	}
	r, err := listReply(p, 0)
	r.volatile = true
	return r, err
}

// aboutInvitations reads a request's body into a struct, and gives it the time that
// writing may take.
func (s *Server) aboutInvitations(c echo.Context, into any) (context.Context, context.CancelFunc, error) {
	if s.cfg.Invitations == nil {
		return nil, nil, noInvitations()
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, maxInvitationBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, nil, problem{Code: ledger.TooLarge, Detail: "a request about an invitation has at most 16384 bytes"}
	case err != nil:
		return nil, nil, problem{Code: ledger.Malformed, Detail: "the request's body ended early"}
	}
	if err := ledger.Strict(raw, into); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), submitTimeout)
	return ctx, cancel, nil
}

func noInvitations() problem {
	return problem{Code: ledger.Unavailable, Detail: "this is a mirror, which keeps no invitations; ask the ledger itself"}
}

// orNotInvited gives an unknown and an expired token the same answer.
func orNotInvited(err error) error {
	if errors.Is(err, ledger.ErrNoInvitation) {
		return notFound("there is no such invitation, or it has expired; ask whoever invited you for a new one")
	}
	return err
}

// bytesOf reads standard base64 with padding.
func bytesOf(pointer, s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") { // which the decoder passes over
		return nil, problem{Code: ledger.Malformed, Detail: "must be standard base64 with padding", Pointer: pointer}
	}
	return b, nil
}

func (s *Server) tellInvitation(i ledger.KeyInvitation) invited {
	return invited{Organisation: i.Organisation, Name: s.nameOf(i.Organisation), Roles: i.Roles, Label: i.Label, Expires: i.Expires.Format(time.RFC3339)}
}

// nameOf gives an organisation's name, or its number for a moment after it was
// registered.
func (s *Server) nameOf(o ledger.Orgnr) (name string) {
	s.cfg.View.Read(func(f *projections.Fold) {
		org, _ := f.Organisation(o)
		name = org.Name
	})
	if name == "" {
		return string(o)
	}
	return name
}

// tellOnce answers with what nobody on the way is to keep.
func tellOnce(c echo.Context, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Blob(status, echo.MIMEApplicationJSON, body)
}
