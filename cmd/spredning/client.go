package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// client talks to a ledger's API.
type client struct {
	base string
	http *http.Client
}

// client gives the API at --url.
func (e *env) client() (*client, error) {
	u, err := url.Parse(e.url)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, misuse("%q is no address of a ledger; give --url http://HOST:PORT", e.url)
	}
	return &client{strings.TrimSuffix(e.url, "/"), &http.Client{Timeout: time.Minute}}, nil
}

// answerError is a problem that the server answered with.
type answerError struct {
	Status  int         `json:"status"`
	Code    ledger.Code `json:"code"`
	Detail  string      `json:"detail"`
	Pointer string      `json:"pointer"`
}

func (p *answerError) Error() string {
	if p.Pointer != "" {
		return fmt.Sprintf("refused (%s): %s %s", p.Code, p.Pointer, p.Detail)
	}
	return fmt.Sprintf("refused (%s): %s", p.Code, p.Detail)
}

func (c *client) do(ctx context.Context, method, path string, body []byte) ([]byte, int, error) {
	return c.send(ctx, method, path, "application/json", body)
}

// send is do for a body of any type.
func (c *client) send(ctx context.Context, method, path, contentType string, body []byte) ([]byte, int, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot reach the ledger at %s: %w; is it running, and is --url right?", c.base, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the answer of %s: %w", c.base+path, err)
	}
	if resp.StatusCode >= 400 {
		var p answerError
		if json.Unmarshal(answer, &p) != nil || p.Code == "" {
			return nil, resp.StatusCode, fmt.Errorf("%s answered %s", c.base+path, resp.Status)
		}
		return nil, resp.StatusCode, &p
	}
	return answer, resp.StatusCode, nil
}

func (c *client) read(ctx context.Context, path string, into any) error {
	b, _, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s did not answer as a ledger does: %w", c.base+path, err)
	}
	return nil
}

// ledgerStatus is the part of GET /status that commands need.
type ledgerStatus struct {
	Ledger       string         `json:"ledger"`
	Name         string         `json:"name"`
	Illustrative bool           `json:"illustrative"`
	Authority    ledger.Orgnr   `json:"authority"`
	LogKey       string         `json:"log_key"`
	LogKeys      ledger.LogKeys `json:"log_keys"`
}

func (c *client) status(ctx context.Context) (s ledgerStatus, err error) {
	return s, c.read(ctx, "/api/v1/status", &s)
}

func (c *client) innovation(ctx context.Context, id string) (i projections.Innovation, err error) {
	return i, c.read(ctx, "/api/v1/innovations/"+url.PathEscape(id), &i)
}

func (c *client) organisation(ctx context.Context, o ledger.Orgnr) (out projections.Organisation, err error) {
	return out, c.read(ctx, "/api/v1/organisations/"+url.PathEscape(string(o)), &out)
}

// key gives an enrolled key and whose it is.
func (c *client) key(ctx context.Context, id keys.ID) (k projections.Key, err error) {
	return k, c.read(ctx, "/api/v1/keys/"+url.PathEscape(string(id)), &k)
}

// owner gives the organisation that a key is enrolled for.
func (c *client) owner(ctx context.Context, k *keys.Private) (ledger.Orgnr, error) {
	found, err := c.key(ctx, k.ID())
	var p *answerError
	if errors.As(err, &p) && p.Status == http.StatusNotFound {
		return "", fmt.Errorf("key %s is not enrolled at %s; an admin of your organisation enrols it with spredning key enrol", k.ID(), c.base)
	}
	return found.Organisation, err
}

// submit sends an envelope and gives the receipt, checked; again tells that the
// ledger had the event already.
func (c *client) submit(ctx context.Context, envelope []byte) (r ledger.Receipt, raw []byte, again bool, err error) {
	raw, status, err := c.do(ctx, http.MethodPost, "/api/v1/events", envelope)
	if err != nil {
		return r, nil, false, err
	}
	if r, err = ledger.ParseReceipt(raw); err != nil {
		return r, raw, false, err
	}
	return r, raw, status == http.StatusOK, nil
}
