package tiles

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ErrUnreachable is wrapped by errors about a server that does not answer, or
// not as it should: trying again later may help.
var ErrUnreachable = errors.New("not to be had now")

// How a Remote asks.
const (
	remoteTries   = 6
	remotePause   = 250 * time.Millisecond // before the second try, doubled before each further one
	remoteTimeout = 2 * time.Minute        // for one try
	answerTimeout = 30 * time.Second       // until a server begins to answer
	maxRetryAfter = 30 * time.Second       // a server that wants more time is waited for no longer
	remoteConns   = 16
)

// Remote is a log's public addresses. A failed request is tried again, for about
// ten seconds. Redirects are not followed: content from elsewhere would be as
// good, but a server shall not choose what is asked on its behalf.
type Remote struct {
	ctx   context.Context // ends all requests; a Source has no other way in
	base  string          // without a slash at the end
	http  *http.Client
	pause time.Duration
}

// NewRemote gives the log at an address, below which its checkpoint and tiles
// lie. Nothing is asked yet.
func NewRemote(ctx context.Context, base string) (*Remote, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is no address of a log: give http://HOST or https://HOST, with a path if need be", base)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = remoteConns
	transport.ResponseHeaderTimeout = answerTimeout
	return &Remote{ctx: ctx, base: strings.TrimRight(base, "/"), pause: remotePause, http: &http.Client{
		Transport: transport, Timeout: remoteTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// FindRemote gives the log of a ledger, or of a mirror, by an address: its
// checkpoint lies below it, or below log/.
func FindRemote(ctx context.Context, address string) (*Remote, error) {
	r, err := NewRemote(ctx, address)
	if err != nil {
		return nil, err
	}
	_, err = r.checkpoint()
	switch {
	case err == nil:
		return r, nil
	case errors.Is(err, ErrUnreachable) || strings.HasSuffix(r.base, "/log"):
		return nil, err
	}
	below := *r
	below.base += "/log"
	if _, err2 := below.checkpoint(); err2 != nil {
		return nil, fmt.Errorf("there is no log at %s: %w; %w", r.base, err, err2)
	}
	return &below, nil
}

// checkpoint asks for the checkpoint and looks whether it may be one.
func (r *Remote) checkpoint() ([]byte, error) {
	b, err := r.Resource(checkpointName)
	if err == nil && noteSize(b) < 0 {
		err = &DamagedError{File: r.Place(checkpointName), Reason: "it is no checkpoint"}
	}
	return b, err
}

// Base is the address below which the log lies, without a slash at the end.
func (r *Remote) Base() string { return r.base }

// Place is the address of a path.
func (r *Remote) Place(path string) string { return r.base + "/" + path }

// Resource fetches a path.
func (r *Remote) Resource(path string) ([]byte, error) {
	return r.fetch(r.Place(path), maxBytes(path))
}

// Attachment fetches a file that entries name by its hash: from the API beside a
// ledger's log, or from a mirror's files.
func (r *Remote) Attachment(sha256 string, limit int64) ([]byte, error) {
	if ledger, ok := strings.CutSuffix(r.base, "/log"); ok {
		return r.fetch(ledger+"/api/v1/attachments/"+sha256, limit)
	}
	return r.fetch(r.Place(AttachmentPath(sha256)), limit)
}

// fetch gets an address, again and again if that may help.
func (r *Remote) fetch(address string, limit int64) ([]byte, error) {
	pause := r.pause
	for try := 1; ; try++ {
		b, again, err := r.get(address, limit)
		if err == nil || !errors.Is(err, ErrUnreachable) || try == remoteTries {
			return b, err
		}
		select {
		case <-r.ctx.Done():
			return nil, fmt.Errorf("%s: %w", address, r.ctx.Err())
		case <-time.After(max(again, pause/2+rand.N(pause/2+1))):
		}
		pause *= 2
	}
}

// get asks once; again is how long the server wants to be left alone.
func (r *Remote) get(address string, limit int64) (b []byte, again time.Duration, err error) {
	request, err := http.NewRequestWithContext(r.ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("User-Agent", "spredning")
	response, err := r.http.Do(request)
	if err != nil {
		return nil, 0, r.unreachable(address, err)
	}
	defer response.Body.Close()
	if err := statusError(address, response); err != nil {
		return nil, retryAfter(response.Header), err
	}
	if b, err = readLimited(response.Body, address, limit); err != nil && !isDamage(err) {
		err = r.unreachable(address, err)
	}
	return b, 0, err
}

// unreachable makes the error of a request; one that was called off is another.
func (r *Remote) unreachable(address string, err error) error {
	if r.ctx.Err() != nil {
		return fmt.Errorf("%s: %w", address, r.ctx.Err())
	}
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err // without the address, which is told anyway
	}
	return fmt.Errorf("%s: %w: %w", address, ErrUnreachable, err)
}

func statusError(address string, response *http.Response) error {
	switch s := response.StatusCode; {
	case s == http.StatusOK:
		return nil
	case s == http.StatusNotFound || s == http.StatusGone:
		return fmt.Errorf("%s: %w", address, ErrNotFound)
	case s >= 300 && s < 400:
		return fmt.Errorf("%s sends on to %q, which is not followed; give the log's own address", address, response.Header.Get("Location"))
	case s == http.StatusTooManyRequests || s >= http.StatusInternalServerError:
		return fmt.Errorf("%s: %w: it answers %s", address, ErrUnreachable, response.Status)
	}
	return fmt.Errorf("%s answers %s", address, response.Status)
}

// retryAfter reads Retry-After in seconds (RFC 9110 10.2.3); 0: none.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}
