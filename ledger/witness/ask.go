package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// head is a checkpoint to be cosigned, and the tree that proofs are made of.
type head struct {
	size   int64
	signed []byte // by the log alone
	tree   tlog.HashReader
}

// asked is a witness as a log has come to know it.
type asked struct {
	Asked
	http     *http.Client
	size     int64 // that it has seen last, as far as is known
	failures int   // in a row
	nextAt   time.Time
}

// How a witness is asked.
const (
	maxSizes  = 3        // how often one may tell another size in a row
	maxAnswer = 64 << 10 // bytes
	firstWait = time.Second
	longest   = time.Minute // that a witness is left alone after failures
)

// conflict is a witness's answer that it has seen another size last.
type conflict struct{ size int64 }

func (c *conflict) Error() string { return fmt.Sprintf("it has seen %d entries last", c.size) }

// cosignatures asks for a witness's signature lines on a checkpoint, with the
// proof that it wants.
func (w *asked) cosignatures(ctx context.Context, h head) ([]byte, error) {
	for range maxSizes {
		lines, err := w.post(ctx, h)
		var c *conflict
		if !errors.As(err, &c) {
			return lines, err
		}
		switch {
		case c.size > h.size:
			return nil, fmt.Errorf("it has seen %d entries, here are %d: unless another node of this ledger has them, they are missing here; compare with what others have seen (--peer)", c.size, h.size)
		case c.size == w.size && c.size == h.size:
			return nil, fmt.Errorf("it has seen another tree of %d entries: a SPLIT VIEW; stop and compare with what others have seen (--peer)", c.size)
		}
		w.size = c.size
	}
	return nil, errors.New("it tells another size again and again")
}

// post asks once.
func (w *asked) post(ctx context.Context, h head) ([]byte, error) {
	r := Request{Old: w.size, Checkpoint: h.signed}
	if w.size > h.size {
		r.Old = 0 // it tells
	}
	if 0 < r.Old && r.Old < h.size {
		var err error
		if r.Proof, err = tlog.ProveTree(h.size, r.Old, h.tree); err != nil {
			return nil, fmt.Errorf("proving that %d entries continue %d: %w", h.size, r.Old, err)
		}
	}
	body, err := w.send(ctx, r)
	if err != nil {
		return nil, err
	}
	found, err := w.verified(h.signed, body)
	if err == nil {
		w.size = h.size
	}
	return found, err
}

func (w *asked) send(ctx context.Context, r Request) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL+"/add-checkpoint", bytes.NewReader(r.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "spredning")
	response, err := w.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusConflict:
		return nil, conflictOf(response, body)
	case response.StatusCode != http.StatusOK:
		line, _, _ := strings.Cut(string(body), "\n")
		return nil, fmt.Errorf("it answers %s: %.200q", response.Status, line)
	}
	return body, nil
}

func conflictOf(response *http.Response, body []byte) error {
	digits, ended := strings.CutSuffix(string(body), "\n")
	size, err := strconv.ParseInt(digits, 10, 64)
	if !ended || err != nil || size < 0 || response.Header.Get("Content-Type") != "text/x.tlog.size" {
		return fmt.Errorf("it answers %s without a size", response.Status)
	}
	return &conflict{size}
}

// verified gives the lines of an answer that are the witness's cosignatures.
func (w *asked) verified(signed, answer []byte) ([]byte, error) {
	n, err := note.Open(bytes.Join([][]byte{signed, answer}, nil), note.VerifierList(w.verifier))
	if err != nil {
		return nil, fmt.Errorf("its answer holds no cosignature by %s: %w", w.Name(), err)
	}
	return lines(n.Sigs), nil
}

// failed has a witness left alone for a while, longer each time.
func (w *asked) failed(now time.Time) {
	w.nextAt = now.Add(min(firstWait<<min(w.failures, 10), longest))
	w.failures++
}
