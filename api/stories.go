package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"spredning/api/markdown"
	"spredning/ledger"
	"spredning/projections"
)

const (
	// storiesAtOnce is how many requests have stories turned into HTML at a time.
	storiesAtOnce = 2
	// maxStories is the number of bytes of Markdown on a page of stories.
	maxStories = 256 << 10
)

// told is a story as it is read.
type told struct {
	SHA256 string       `json:"sha256"`
	Title  ledger.Text  `json:"title"`
	Index  int64        `json:"index"` // of the entry that names it
	By     ledger.Orgnr `json:"by"`
	Status string       `json:"status"` // shown, erased, missing or too_long
	Erased *int64       `json:"erased,omitzero"`
	HTML   *string      `json:"html,omitzero"`

	size   int64
	cursor string
}

// stories is GET /innovations/{id}/stories: the stories of the innovation's latest
// revision and of its confirmations, as HTML.
func (s *Server) stories(c echo.Context) (reply, error) {
	limit, err := limitOf(c)
	if err != nil {
		return reply{}, err
	}
	var entries []int64
	var ok bool
	var position int64
	s.cfg.View.Read(func(f *projections.Fold) {
		entries, ok = f.Stories(c.Param("id"))
		position = f.Position
	})
	if !ok {
		return reply{}, notFound("there is no innovation with this id")
	}
	p, err := s.storyPage(entries, c.QueryParam("cursor"), limit)
	if err != nil {
		return reply{}, err
	}
	if err := s.show(c.Request().Context(), p.Items); err != nil {
		return reply{}, err
	}
	r, err := listReply(p, position)
	r.volatile = slices.ContainsFunc(p.Items, func(t told) bool { return t.Status == "missing" }) // it may come
	return r, err
}

// storyPage cuts a page out of the stories that entries name: as many as were
// asked for, and no more bytes than maxStories.
func (s *Server) storyPage(entries []int64, cursor string, limit int) (p list[told], err error) {
	for cursor != "" && len(entries) > 0 && !strings.HasPrefix(cursor, storyCursor(entries[0], -1)) {
		entries = entries[1:]
	}
	if cursor != "" && len(entries) == 0 {
		return p, invalidQuery("cursor is not one that this list gave")
	}
	size, open := int64(0), cursor == ""
	for _, index := range entries {
		all, err := s.storiesOf(index)
		if err != nil {
			return p, err
		}
		for _, t := range all {
			if !open {
				open = t.cursor == cursor
				continue
			}
			if size += t.size; len(p.Items) == limit || size > maxStories && len(p.Items) > 0 {
				p.Next = p.Items[len(p.Items)-1].cursor
				return p, nil
			}
			p.Items = append(p.Items, t)
		}
		if !open {
			return p, invalidQuery("cursor is not one that this list gave")
		}
	}
	return p, nil
}

// storyCursor is that of an entry's nth attachment; -1: how those of the entry begin.
func storyCursor(index int64, n int) string {
	if n < 0 {
		return fmt.Sprintf("%d-", index)
	}
	return fmt.Sprintf("%d-%d", index, n)
}

// storiesOf gives the stories that an entry names.
func (s *Server) storiesOf(index int64) (all []told, err error) {
	b, err := s.cfg.Log.Entry(index)
	if err != nil {
		return nil, err
	}
	e, err := ledger.ParseEntry(index, b)
	if err != nil {
		return nil, err
	}
	for n, file := range ledger.AttachmentsOf(e.Data) {
		if file.MediaType == ledger.Markdown {
			all = append(all, told{SHA256: file.SHA256, Title: file.Title, Index: index, By: e.By, size: min(file.Size, markdown.MaxSize), cursor: storyCursor(index, n)})
		}
	}
	return all, nil
}

// show turns stories into HTML, for a few requests at a time.
func (s *Server) show(ctx context.Context, all []told) error {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	select {
	case s.showing <- struct{}{}:
		defer func() { <-s.showing }()
	case <-ctx.Done():
		return problem{Code: ledger.Overloaded, Detail: "too many stories are being read; ask again in a moment"}
	}
	for k := range all {
		if err := s.showOne(ctx, &all[k]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) showOne(ctx context.Context, t *told) error {
	n, err := s.naming(t.SHA256)
	if err != nil {
		return err
	}
	if t.Erased = n.Erased; t.Erased != nil {
		t.Status = "erased"
		return nil
	}
	b, err := s.bytes(ctx, t.SHA256)
	if errors.Is(err, ledger.ErrNotStored) || err == nil && ledger.CheckAttachment(ledger.Markdown, b) != nil {
		t.Status = "missing"
		return nil
	}
	if err != nil {
		return err
	}
	html, ok := markdown.HTML(b, s.isPicture)
	if !ok {
		t.Status = "too_long"
		return nil
	}
	t.Status, t.HTML = "shown", &html
	return nil
}

// isPicture tells whether entries name a picture that may be shown.
func (s *Server) isPicture(sha256 string) bool {
	n, err := s.naming(sha256)
	return err == nil && n.Erased == nil && strings.HasPrefix(n.As[0].MediaType, "image/")
}
