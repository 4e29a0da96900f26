package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"spredning/ledger"
	"spredning/projections"
)

// Attachments keeps the bytes of attachments, by their SHA-256 in hex. What it was
// once told to erase it never keeps again.
type Attachments interface {
	// Put stores bytes, all or nothing; again tells that they were there before.
	// ledger.ErrErased says that they never will be.
	Put(ctx context.Context, sha256 string, b []byte) (again bool, err error)
	// Has tells whether there is something to read.
	Has(ctx context.Context, sha256 string) (bool, error)
	// Read gives what was put, or ledger.ErrNotStored or ledger.ErrErased.
	Read(ctx context.Context, sha256 string) ([]byte, error)
	// Erase removes the bytes for good. It may be called again, and for what was
	// never stored.
	Erase(ctx context.Context, sha256 string) error
}

const (
	// storeTimeout is how long storing and reading may take.
	storeTimeout = 10 * time.Second
	// eraseTimeout is how long an attempt to erase may take: a file's messages are
	// overwritten one by one.
	eraseTimeout = time.Minute
	// eraseRetry is how long an erasure that failed waits.
	eraseRetry = time.Second
	// uploadsAtOnce bounds the memory that uploads take, uploadsEach of one client.
	uploadsAtOnce = 32
	uploadsEach   = 8
)

// Erase removes the bytes of every attachment that the ledger says is erased, of
// those of before the start too, until the context ends. Each node runs it while it
// serves.
func (s *Server) Erase(ctx context.Context) {
	for done := 0; ; {
		var erased []string
		var position int64
		s.cfg.View.Read(func(f *projections.Fold) { erased, position = f.Erased(done), f.Position })
		for _, sha256 := range erased {
			if !s.erase(ctx, sha256) {
				return
			}
		}
		done += len(erased)
		if s.cfg.View.Wait(ctx, position+1) != nil {
			return
		}
	}
}

// erase tries until it succeeds; false: the context has ended before.
func (s *Server) erase(ctx context.Context, sha256 string) bool {
	for {
		limited, cancel := context.WithTimeout(ctx, eraseTimeout)
		err := s.cfg.Attachments.Erase(limited, sha256)
		cancel()
		if err == nil {
			s.cfg.Logger.Info("an attachment's bytes are erased", "sha256", sha256)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		s.cfg.Logger.Warn("an attachment's bytes are not erased yet", "sha256", sha256, "error", err)
		s.cfg.Ledger.Suspect(err)
		select {
		case <-time.After(eraseRetry):
		case <-ctx.Done():
			return false
		}
	}
}

// stored is what PUT /attachments/{sha256} answers.
type stored struct {
	SHA256    string `json:"sha256"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
}

// upload is PUT /attachments/{sha256}: 201, or 200 if the bytes were there before.
func (s *Server) upload(c echo.Context) error {
	if s.cfg.Mirror {
		return problem{Code: ledger.Unavailable, Detail: "this is a mirror, which takes no files; send it to the ledger itself"}
	}
	if err := s.waitForNaming(c); err != nil {
		return err
	}
	sha256 := c.Param("sha256")
	n, err := s.naming(sha256)
	if err != nil {
		return err
	}
	if n.Erased != nil {
		return problem{Code: ledger.WrongState, Detail: fmt.Sprintf("entry %d has erased this attachment; its bytes are never taken again", *n.Erased)}
	}
	as, err := ofType(n, c.Request().Header.Get(echo.HeaderContentType))
	if err != nil {
		return err
	}
	if !s.uploads.take(client(c)) {
		return problem{Code: ledger.Overloaded, Detail: "too many files are on their way; send this one again in a moment"}
	}
	defer s.uploads.leave(client(c))
	b, err := body(c)
	if err != nil {
		return err
	}
	if err := check(sha256, as, b); err != nil {
		return err
	}
	return s.store(c, stored{sha256, as[0].MediaType, int64(len(b))}, b)
}

// waitForNaming waits until all that is in the ledger can be read: who has just
// submitted an event sends its files at once.
func (s *Server) waitForNaming(c echo.Context) error {
	if err := s.wait(c); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), waitTimeout)
	defer cancel()
	if err := s.cfg.View.Wait(ctx, s.cfg.Log.Size()); err != nil {
		return problem{Code: ledger.Unavailable, Detail: "the newest entries cannot be read yet; send the file again in a moment"}
	}
	return nil
}

// naming is what entries say of a file.
func (s *Server) naming(sha256 string) (n projections.Naming, err error) {
	var ok bool
	s.cfg.View.Read(func(f *projections.Fold) { n, ok = f.Naming(sha256) })
	if !ok {
		return n, notFound("no entry names an attachment with this SHA-256; an event that does so goes first")
	}
	return n, nil
}

// ofType gives what entries say of a file of a content type.
func ofType(n projections.Naming, contentType string) ([]projections.As, error) {
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	as := slices.DeleteFunc(slices.Clone(n.As), func(a projections.As) bool { return a.MediaType != mediaType })
	charset, given := parameters["charset"]
	switch {
	case err != nil || len(as) == 0:
		return nil, problem{Code: ledger.InvalidField, Detail: fmt.Sprintf("entry %d names this attachment as %s; send that as Content-Type, not %q", n.Index, n.As[0].MediaType, contentType)}
	case given && !strings.EqualFold(charset, "utf-8"):
		return nil, problem{Code: ledger.InvalidField, Detail: "stories are UTF-8; send the file so, not as " + charset}
	}
	return as, nil
}

// body reads the bytes of a file.
func body(c echo.Context) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, ledger.MaxAttachment))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large) || c.Request().ContentLength > ledger.MaxAttachment:
		return nil, problem{Code: ledger.TooLarge, Detail: fmt.Sprintf("an attachment has at most %d bytes", ledger.MaxAttachment)}
	case err != nil:
		return nil, problem{Code: ledger.Malformed, Detail: "the request's body ended early"}
	}
	return b, nil
}

// check says why bytes are not those that entries name.
func check(sha256 string, as []projections.As, b []byte) error {
	got := ledger.AttachmentOf(as[0].MediaType, b)
	switch {
	case !slices.Contains(as, projections.As{MediaType: got.MediaType, Size: got.Size}):
		return problem{Code: ledger.InvalidField, Detail: fmt.Sprintf("the ledger says that the file has %d bytes, these are %d", as[0].Size, got.Size)}
	case got.SHA256 != sha256:
		return problem{Code: ledger.InvalidField, Detail: fmt.Sprintf("the SHA-256 of these bytes is %s; send the file that was named", got.SHA256)}
	}
	return ledger.CheckAttachment(got.MediaType, b)
}

// store waits for the outcome even if the client leaves: it does not decide what
// an error says of the store.
func (s *Server) store(c echo.Context, file stored, b []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), storeTimeout)
	defer cancel()
	again, err := s.cfg.Attachments.Put(ctx, file.SHA256, b)
	switch {
	case errors.Is(err, ledger.ErrErased):
		return problem{Code: ledger.WrongState, Detail: "this attachment is erased; its bytes are never taken again"}
	case err != nil:
		s.cfg.Logger.Error("storing an attachment", "sha256", file.SHA256, "error", err)
		s.cfg.Ledger.Suspect(err)
		return problem{Code: ledger.Unavailable, Detail: "the file cannot be stored now; send it again later"}
	}
	answer, err := json.Marshal(file)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", "/api/v1/attachments/"+file.SHA256)
	status := http.StatusCreated
	if again {
		status = http.StatusOK
	}
	return c.Blob(status, echo.MIMEApplicationJSON, answer)
}

// served is how a type of file is served: its extension, and as what.
type served struct{ extension, contentType, disposition string }

// servedAs says that pictures are shown, and that all else is downloaded.
var servedAs = map[string]served{
	ledger.Markdown: {"md", "text/markdown; charset=utf-8", "attachment"},
	ledger.PNG:      {"png", ledger.PNG, "inline"},
	ledger.JPEG:     {"jpg", ledger.JPEG, "inline"},
	ledger.WebP:     {"webp", ledger.WebP, "inline"},
	ledger.PDF:      {"pdf", ledger.PDF, "attachment"},
}

// attachment is GET /attachments/{sha256}. What is served can be erased at any
// time, so whoever keeps a copy asks each time whether it may still be shown.
func (s *Server) attachment(c echo.Context) error {
	if err := s.wait(c); err != nil {
		return err
	}
	sha256 := c.Param("sha256")
	position := s.cfg.View.Position()
	n, err := s.naming(sha256)
	if err != nil {
		return err
	}
	if n.Erased != nil {
		return erasedBy(*n.Erased)
	}
	b, err := s.bytes(c.Request().Context(), sha256)
	if err != nil && !errors.Is(err, ledger.ErrNotStored) {
		return err
	}
	as, ok := fitting(n.As, b)
	if !ok {
		return notFound(fmt.Sprintf("entry %d names this attachment, but its bytes are not here", n.Index))
	}
	how := servedAs[as.MediaType]
	h := c.Response().Header()
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	h.Set(echo.HeaderContentDisposition, fmt.Sprintf("%s; filename=%q", how.disposition, sha256[:16]+"."+how.extension))
	return s.send(c, reply{body: b, contentType: how.contentType, etag: `"` + sha256 + `"`, position: position})
}

func erasedBy(index int64) problem {
	return notFound(fmt.Sprintf("entry %d has erased this attachment", index))
}

// bytes reads an attachment and checks its hash again. An error may be
// ledger.ErrNotStored.
func (s *Server) bytes(ctx context.Context, sha256 string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	b, err := s.cfg.Attachments.Read(ctx, sha256)
	switch {
	case errors.Is(err, ledger.ErrNotStored) || errors.Is(err, ledger.ErrErased): // by another node, ahead of this one's view
		return nil, ledger.ErrNotStored
	case err != nil:
		return nil, fmt.Errorf("reading attachment %s: %w", sha256, err)
	}
	if got := ledger.AttachmentOf("", b).SHA256; got != sha256 {
		return nil, fmt.Errorf("attachment %s is damaged: its bytes hash to %s", sha256, got)
	}
	return b, nil
}

// isStored tells whether a file's bytes are here. What cannot be known in time is taken to
// be: who asks for it is told more.
func (s *Server) isStored(ctx context.Context, sha256 string) bool {
	if ctx.Err() != nil {
		return true // the one before has said so
	}
	has, err := s.cfg.Attachments.Has(ctx, sha256)
	if err != nil {
		s.cfg.Logger.Warn("whether an attachment is stored is not known", "sha256", sha256, "error", err)
	}
	return has || err != nil
}

// fitting gives the first that entries say of a file that its bytes bear out.
func fitting(as []projections.As, b []byte) (projections.As, bool) {
	for _, a := range as {
		if a.Size == int64(len(b)) && ledger.CheckAttachment(a.MediaType, b) == nil {
			return a, true
		}
	}
	return projections.As{}, false
}
