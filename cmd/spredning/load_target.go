package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"spredning/api"
	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/story"
)

// target is the ledger that is put under load. It is illustrative.
type target struct {
	name      string
	where     string // for people
	authority ledger.Orgnr
	admin     *keys.Private // of the authority
	client    *client
	// submit hands over an event and gives its index. A refusal is an *answerError or
	// a *ledger.Refusal.
	submit func(ctx context.Context, entry []byte) (index int64, err error)
	new    bool // founded for this load
	close  func()
}

// requestTimeout is how long an answer may take.
const requestTimeout = time.Minute

// connected is a client with so many connections at most.
func connected(most int) *http.Client {
	return &http.Client{Timeout: requestTimeout, Transport: &http.Transport{MaxConnsPerHost: most, MaxIdleConnsPerHost: most}}
}

// running finds a ledger that is served elsewhere. It refuses one that is not
// illustrative, and one whose authority's key it does not have.
func (e *env) running(ctx context.Context, d *driving) (*target, error) {
	e.url = d.url
	c, err := e.client()
	if err != nil {
		return nil, err
	}
	status, err := c.status(ctx)
	if err != nil {
		return nil, err
	}
	if !status.Illustrative {
		return nil, fmt.Errorf("%s at %s is not marked illustrative: what is written there cannot be taken out, so it is not put under load", status.Ledger, c.base)
	}
	admin, what := story.AuthorityKey(d.seed), fmt.Sprintf("seed %d", d.seed)
	if d.key != "" {
		if admin, err = e.readKey(d.key); err != nil {
			return nil, err
		}
		what = d.key
	}
	if err := c.isAdmin(ctx, admin, status.Authority); err != nil {
		return nil, fmt.Errorf("the key of %s cannot write in %s at %s: %w; put a ledger under load that spredning load --story random --seed N has made, with the same --seed, or name its authority's admin key with --key", what, status.Ledger, c.base, err)
	}
	t := &target{
		name: status.Ledger, where: "at " + c.base, authority: status.Authority, admin: admin,
		client: &client{c.base, connected(d.connections())}, close: func() {},
	}
	t.submit = t.post
	return t, nil
}

// isAdmin checks that a key is an admin key of an organisation, and not revoked.
func (c *client) isAdmin(ctx context.Context, k *keys.Private, o ledger.Orgnr) error {
	found, err := c.key(ctx, k.ID())
	var p *answerError
	switch {
	case errors.As(err, &p) && p.Status == http.StatusNotFound:
		return fmt.Errorf("it is not enrolled there")
	case err != nil:
		return err
	case found.Revoked != nil:
		return fmt.Errorf("it is revoked")
	case found.Organisation != o:
		return fmt.Errorf("it is enrolled for %s, not for the authority", found.Organisation)
	}
	if !slices.Contains(found.Roles, ledger.Admin) {
		return errors.New("it is no admin key")
	}
	return nil
}

const loadOrigin = "spredning.example/load"

// embedded founds a ledger in a temporary folder and serves it on a free port of this
// machine, without limits.
func (e *env) embedded(ctx context.Context, d *driving) (t *target, err error) {
	var opened closers
	defer func() {
		if err != nil {
			opened.close()
		}
	}()
	dir, err := os.MkdirTemp("", "spredning-load-")
	if err != nil {
		return nil, err
	}
	opened.add(func() { _ = os.RemoveAll(dir) })
	world, err := story.Found(loadOrigin, "Belastning", fmt.Sprintf("spredning load %d, no secret:", d.seed), time.Now().UTC().Truncate(time.Second))
	if err != nil {
		return nil, err
	}
	logger := quiet(e.err)
	n, err := openNode(ctx, nodeConfig{dir: dir, origin: loadOrigin, logKey: world.LogKey, now: time.Now, logger: logger})
	if err != nil {
		return nil, err
	}
	opened.add(n.close)
	if _, _, err := n.ledger.Submit(ctx, world.Entries[0].Bytes); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	hs := api.New(api.Config{Ledger: n.ledger, Drafts: n.drafts, Invitations: n.invitations, View: n.view, Log: n.log, Attachments: n.attachments, Logger: logger}).HTTP()
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- serveUntil(serving, hs, listener) }()
	opened.add(func() { stop(); <-served })
	t = &target{
		name: loadOrigin, where: "in a temporary folder", authority: world.Authority, admin: world.Admins[world.Authority],
		client: &client{"http://" + listener.Addr().String(), connected(d.connections())}, new: true, close: opened.close,
	}
	t.submit = t.post
	if d.inProcess {
		t.submit = func(ctx context.Context, entry []byte) (int64, error) {
			receipt, _, err := n.ledger.Submit(ctx, entry)
			return receipt.Index, err
		}
	}
	return t, nil
}

// post submits over HTTP.
func (t *target) post(ctx context.Context, entry []byte) (int64, error) {
	var receipt struct {
		Index int64 `json:"index"`
	}
	body, _, err := t.client.do(ctx, http.MethodPost, "/api/v1/events", entry)
	if err == nil {
		err = json.Unmarshal(body, &receipt)
	}
	return receipt.Index, err
}

// get reads an address, and forgets what it says.
func (t *target) get(ctx context.Context, path string) error {
	_, _, err := t.client.do(ctx, http.MethodGet, path, nil)
	return err
}

// size is how many entries the ledger has.
func (t *target) size(ctx context.Context) (int64, error) {
	var s struct {
		Entries int64 `json:"entries"`
	}
	return s.Entries, t.client.read(ctx, "/api/v1/status", &s)
}
