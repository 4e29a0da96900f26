package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"spredning/ledger/tiles"
)

// submit is POST /events: 201 and a receipt, 200 if the event was there before.
func (s *Server) submit(c echo.Context) error {
	raw, err := envelopeOf(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), submitTimeout)
	defer cancel()
	receipt, again, err := s.cfg.Ledger.Submit(ctx, raw)
	if err != nil {
		return err
	}
	body, err := json.Marshal(receipt)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", "/api/v1/events/"+strconv.FormatInt(receipt.Index, 10))
	status := http.StatusCreated
	if again {
		status = http.StatusOK
	}
	return c.Blob(status, echo.MIMEApplicationJSON, body)
}

// index reads the index in the path of an entry that there is.
func (s *Server) index(c echo.Context) (int64, error) {
	p := c.Param("index")
	index, err := strconv.ParseInt(p, 10, 64)
	if err != nil || index < 0 || strconv.FormatInt(index, 10) != p || index >= s.cfg.Log.Size() {
		return 0, notFound("there is no entry " + p)
	}
	return index, nil
}

// event is GET /events/{index}: the entry's exact bytes.
func (s *Server) event(c echo.Context) (reply, error) {
	index, err := s.index(c)
	if err != nil {
		return reply{}, err
	}
	entry, err := s.cfg.Log.Entry(index)
	return reply{body: entry, contentType: echo.MIMEApplicationJSON, immutable: true}, err
}

// receipt is GET /events/{index}/receipt, against the checkpoint that /log/checkpoint
// shows, or a newer one if that does not have the entry yet.
func (s *Server) receipt(c echo.Context) (reply, error) {
	index, err := s.index(c)
	if err != nil {
		return reply{}, err
	}
	receipt, err := s.cfg.Ledger.Receipt(index)
	if err != nil {
		return reply{}, err
	}
	// Witnesses cosign what it is proved against without another entry coming.
	_, volatile := s.cfg.Ledger.Witnessed()
	if strings.HasPrefix(c.Request().Header.Get("Accept"), "text/plain") {
		return reply{body: receipt.TLogProof(), contentType: echo.MIMETextPlainCharsetUTF8, volatile: volatile}, nil
	}
	r, err := jsonReply(receipt, 0)
	r.volatile = volatile
	return r, err
}

// after reads where GET /events begins.
func after(c echo.Context) (from int64, err error) {
	last, given, err := number(c, "after", 0)
	if err != nil {
		return 0, err
	}
	if id := c.Request().Header.Get("Last-Event-ID"); id != "" {
		last, err = whole("Last-Event-ID", id, 0)
		given = true
	}
	if err != nil || !given {
		return 0, err
	}
	return last + 1, nil
}

// events is GET /events: entries one a line, or live as server-sent events.
func (s *Server) events(c echo.Context) error {
	if err := s.wait(c); err != nil {
		return err
	}
	from, err := after(c)
	if err != nil {
		return err
	}
	limit, given, err := number(c, "limit", 1)
	if err != nil {
		return err
	}
	size := s.cfg.Log.Size()
	h := c.Response().Header()
	h.Set("Spredning-Position", strconv.FormatInt(size, 10))
	h.Set("Vary", "Accept")
	h.Set("Cache-Control", "no-cache")
	to := int64(math.MaxInt64)
	if given {
		to = from + limit
	}
	if c.Request().Method == http.MethodHead {
		to = from
	}
	if strings.Contains(c.Request().Header.Get("Accept"), "text/event-stream") {
		return s.live(c, from, to)
	}
	to = min(to, size)
	h.Set(echo.HeaderContentType, "application/x-ndjson")
	c.Response().WriteHeader(http.StatusOK)
	out := newSlowWriter(c)
	return s.cfg.Log.Entries(min(from, to), to, func(_ int64, entry []byte) error {
		if _, err := out.Write(entry); err != nil {
			return err
		}
		_, err := out.Write([]byte{'\n'})
		return err
	})
}

// heartbeat is how often a live connection with nothing to tell is kept open.
const heartbeat = 15 * time.Second

// live sends the entries from one index up to another as they come, until all
// are sent or the client or the server leaves.
func (s *Server) live(c echo.Context, from, to int64) error {
	c.Response().Header().Set(echo.HeaderContentType, "text/event-stream")
	c.Response().WriteHeader(http.StatusOK)
	out := newSlowWriter(c)
	for {
		grown := s.cfg.Ledger.Grown()
		size := min(s.cfg.Log.Size(), to)
		err := s.cfg.Log.Entries(min(from, size), size, func(index int64, entry []byte) error {
			_, err := fmt.Fprintf(out, "id: %d\ndata: %s\n\n", index, entry)
			return err
		})
		if err != nil {
			return nil // the client has left
		}
		from = max(from, size)
		c.Response().Flush()
		if from >= to {
			return nil
		}
		select {
		case <-grown:
		case <-time.After(heartbeat):
			if _, err := io.WriteString(out, ":\n\n"); err != nil {
				return nil
			}
		case <-c.Request().Context().Done():
			return nil
		case <-s.closing:
			return nil
		}
	}
}

// slowWriter gives each write its own time limit, so that a long answer is not
// cut off while its reader reads.
type slowWriter struct {
	w       io.Writer
	control *http.ResponseController
	next    time.Time
}

func newSlowWriter(c echo.Context) *slowWriter {
	return &slowWriter{w: c.Response(), control: http.NewResponseController(c.Response())}
}

func (w *slowWriter) Write(b []byte) (int, error) {
	if now := time.Now(); now.After(w.next) {
		_ = w.control.SetWriteDeadline(now.Add(writeTimeout)) // a recorder in a test has none
		w.next = now.Add(time.Second)
	}
	return w.w.Write(b)
}

// log is GET /log/…, as c2sp.org/tlog-tiles says.
func (s *Server) log(c echo.Context) error {
	path := c.Param("*")
	if path == "checkpoint" {
		return s.checkpoint(c)
	}
	body, err := s.cfg.Log.Resource(path)
	if errors.Is(err, tiles.ErrNotFound) {
		return notInLog()
	}
	if err != nil {
		return err
	}
	return s.send(c, reply{body: body, contentType: echo.MIMEOctetStream, etag: hashTag(body), immutable: true, position: s.cfg.Log.Size()})
}

// checkpoint is GET /log/checkpoint: the newest or, where witnesses are asked, the
// newest that meets the policy.
func (s *Server) checkpoint(c echo.Context) error {
	size, body := s.cfg.Ledger.Published()
	if body == nil {
		return notInLog()
	}
	return s.send(c, reply{body: body, contentType: echo.MIMETextPlainCharsetUTF8, etag: hashTag(body), position: size})
}

func notInLog() error { return notFound("the log has no such checkpoint, tile or entry bundle") }
