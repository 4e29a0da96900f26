package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger/tiles"
)

// Other is somebody else who has seen this ledger's checkpoints: a peer, a
// mirror or a witness.
type Other struct {
	Name       string // for people: an address or a folder
	Checkpoint func(context.Context) ([]byte, error)
}

// ErrAhead is wrapped by errors that tell of a checkpoint of others with more
// entries than there are here. Nothing is signed while there is one: it would
// say that the ledger goes on in another way than others have seen it go on.
var ErrAhead = errors.New("entries are missing here")

// othersTimeout is how long others may take to show their checkpoint.
const othersTimeout = 5 * time.Second

// Compare compares a log with what others have seen of it: every checkpoint that
// can be reached and is signed by the log's key must be of a tree that this log
// has or begins with. One that says more entries than there are here counts
// whoever signed it: the log may have changed its key in just those entries. An
// error wraps ErrAhead, or is a *DamageError when a checkpoint differs. Others
// that cannot be reached, or show something else than a checkpoint of this log,
// are told to skip.
func Compare(ctx context.Context, others []Other, log *tiles.Log, logKeys LogKeys, skip func(name string, why error)) error {
	return see(ctx, others).compare(log, logKeys, skip)
}

// sight is what others have shown, at the same time.
type sight []shownBy

// shownBy is the signed checkpoint of one, or why there is none.
type shownBy struct {
	Other
	signed []byte
	err    error
}

func see(ctx context.Context, others []Other) sight {
	ctx, cancel := context.WithTimeout(ctx, othersTimeout)
	defer cancel()
	seen := make(sight, len(others))
	var all sync.WaitGroup
	for i, o := range others {
		all.Go(func() {
			signed, err := o.Checkpoint(ctx)
			seen[i] = shownBy{o, signed, err}
		})
	}
	all.Wait()
	return seen
}

func (seen sight) compare(log *tiles.Log, logKeys LogKeys, skip func(name string, why error)) error {
	var differ []error
	for _, s := range seen {
		c, err := s.open(log.Size(), logKeys)
		if err != nil {
			skip(s.Name, err)
			continue
		}
		differ = append(differ, s.Other.compare(c, log))
	}
	return errors.Join(differ...)
}

func (s shownBy) open(size int64, logKeys LogKeys) (Checkpoint, error) {
	if s.err != nil {
		return Checkpoint{}, s.err
	}
	c, err := ReadCheckpoint(s.signed)
	if err == nil && c.Size > size && c.Origin == logKeys.name() {
		return c, nil
	}
	return logKeys.Open(s.signed)
}

// compare checks a checkpoint of others, whose size may be 0.
func (o Other) compare(c Checkpoint, log *tiles.Log) error {
	switch size := log.Size(); {
	case c.Size > size:
		return fmt.Errorf("%w: %s has a checkpoint of %d entries, the log on disk has %d", ErrAhead, o.Name, c.Size, size)
	case c.Size == 0:
		return nil
	}
	root, err := tlog.TreeHash(c.Size, log)
	if err != nil {
		return fmt.Errorf("comparing with %s: %w", o.Name, err)
	}
	if root != c.Root {
		return &DamageError{fmt.Sprintf("%s has another checkpoint of %d entries: its root is %s, here it is %s", o.Name, c.Size, c.Root, root)}
	}
	return nil
}

// compareOthers compares with the checkpoints of others, once the stream has been
// followed. On a shared stream a peer goes on meanwhile, so that following it once more
// settles what was seen; whoever is alone cannot be behind others but by having lost
// entries.
func (l *Ledger) compareOthers(ctx context.Context) error {
	if len(l.cfg.Others) == 0 || l.state.origin == "" {
		return nil
	}
	seen := see(ctx, l.cfg.Others)
	err := l.compareSeen(seen)
	if !errors.Is(err, ErrAhead) {
		return err
	}
	if !l.cfg.Shared {
		return &DamageError{strings.TrimSpace(err.Error()) + "; spredning restore takes them over"}
	}
	if err := l.follow(ctx); err != nil {
		return err
	}
	return l.compareSeen(seen)
}

func (l *Ledger) compareSeen(seen sight) error {
	return seen.compare(l.cfg.Log, l.state.logKeys, func(name string, why error) {
		l.cfg.Logger.Warn("a checkpoint of others was not compared", "with", name, "reason", why)
	})
}
