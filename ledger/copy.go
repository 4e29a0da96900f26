package ledger

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"spredning/keys"
	"spredning/ledger/tiles"
)

// Copy is a ledger as a mirror of it shows it: it answers readers as a [Ledger]
// does, and takes no events. It signs nothing: checkpoints are the log's own.
// When the mirror in its folder grows, so does what is shown.
type Copy struct {
	cfg     CopyConfig
	log     *tiles.Shown
	origin  string
	source  string // where the mirror was copied from, if it knows
	logKey  string // that signs checkpoints by now
	applied int64  // entries

	known sync.Map // keys.ID to keys.Public: every key ever enrolled
	growth
}

// CopyConfig says which mirror to show.
type CopyConfig struct {
	Dir    string
	Apply  func([]*Entry) // is called with every entry in order, those there are when opening included; may be nil
	Logger *slog.Logger   // of Follow
}

// OpenCopy reads the mirror in a folder: every entry is hashed, and the checkpoint
// must be signed by the key that the entries name. Errors wrap ErrCheckpoint,
// a *tiles.DamagedError or what reading the files gave.
func OpenCopy(cfg CopyConfig) (*Copy, error) {
	c := &Copy{cfg: cfg, growth: growth{growing: make(chan struct{})}, source: sourceOf(cfg.Dir)}
	p, err := ReadPublished(tiles.Folder(cfg.Dir))
	if err != nil {
		return nil, err
	}
	if c.logKey, err = foundingKey(p.Tree); err != nil {
		return nil, fmt.Errorf("reading the mirror in %s: %w", cfg.Dir, err)
	}
	c.origin, c.log = p.Origin, tiles.NewShown(p.Tree, p.Signed)
	if err := c.take(p); err != nil {
		return nil, fmt.Errorf("reading the mirror in %s: %w", cfg.Dir, err)
	}
	return c, nil
}

// take shows what the mirror has by now, after it has seen that the log's key has
// signed it.
func (c *Copy) take(p Published) error {
	key, err := c.signer(p)
	if err != nil {
		return err
	}
	c.logKey = key
	c.log.Show(p.Tree, p.Signed)
	defer c.grow()
	return Replay(p.Tree, c.applied, p.Size, func(entries []*Entry) error {
		c.apply(entries)
		return nil
	})
}

func (c *Copy) apply(entries []*Entry) {
	for _, e := range entries {
		switch d := e.Data.(type) {
		case *Founding:
			for _, k := range d.Keys {
				c.know(k)
			}
		case *Enrolment:
			c.know(d.Key)
		}
	}
	if c.cfg.Apply != nil {
		c.cfg.Apply(entries)
	}
	c.applied += int64(len(entries))
}

func (c *Copy) know(k Key) {
	public := k.PublicKey()
	c.known.Store(public.ID(), public)
}

// signer gives the key that has signed a checkpoint: the one of before or, if the
// entries that have come since name another, that one.
func (c *Copy) signer(p Published) (string, error) {
	g := newGlance()
	g.position, g.logKey = c.applied, c.logKey
	_, err := OpenCheckpoint(p.Signed, c.logKey)
	if err == nil {
		return c.logKey, nil
	}
	if err := p.Tree.Entries(c.applied, p.Size, func(index int64, entry []byte) error {
		g.at(index, entry)
		return nil
	}); err != nil {
		return "", err
	}
	_, err = OpenCheckpoint(p.Signed, g.logKey)
	return g.logKey, err
}

// Follow shows what the mirror gets, looking as often as it is told, until the
// context ends. What is wrong is logged and told by the log's Err, and does not
// end it: the mirror is repaired by whoever keeps it.
func (c *Copy) Follow(ctx context.Context, every time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		err := c.refresh()
		if old := c.log.Err(); err != nil && (old == nil || old.Error() != err.Error()) {
			c.cfg.Logger.Error("the mirror cannot be read further", "reason", err)
		}
		c.log.Fail(err)
	}
}

// refresh looks for a newer checkpoint.
func (c *Copy) refresh() error {
	p, err := readCheckpointOf(tiles.Folder(c.cfg.Dir))
	if err != nil || bytes.Equal(p.Signed, c.log.Checkpoint()) && c.applied == p.Size {
		return err
	}
	if p.Tree, err = tiles.NewTree(p.Size, p.Root, tiles.Folder(c.cfg.Dir)); err != nil {
		return err
	}
	shown, err := ReadCheckpoint(c.log.Checkpoint())
	if err != nil {
		return err
	}
	if err := p.Extends(Published{Checkpoint: shown, Signed: c.log.Checkpoint()}); err != nil {
		return err
	}
	return c.take(p)
}

// Log is what is shown of the log.
func (c *Copy) Log() *tiles.Shown { return c.log }

// Origin names the ledger.
func (c *Copy) Origin() string { return c.origin }

// Receipt proves an entry against the newest checkpoint.
func (c *Copy) Receipt(index int64) (Receipt, error) {
	return ReceiptFrom(c.log, index, func(id keys.ID) (keys.Public, bool) {
		k, ok := c.known.Load(id)
		if !ok {
			return keys.Public{}, false
		}
		return k.(keys.Public), true
	})
}

// Published gives the newest checkpoint that the mirror has.
func (c *Copy) Published() (size int64, checkpoint []byte) { return c.log.Head() }

// Witnessed has nothing to tell: who copies a ledger asks no witnesses. What the
// ledger's have cosigned stands in the checkpoint.
func (c *Copy) Witnessed() (Witnessed, bool) { return Witnessed{}, false }

// Submit refuses: a mirror takes no events. It says where the ledger is.
func (c *Copy) Submit(context.Context, []byte) (Receipt, bool, error) {
	return Receipt{}, false, refuse(Unavailable, "%s", c.Err())
}

// Err says that nothing is written here, and where it is.
func (c *Copy) Err() error {
	from := ""
	if c.source != "" {
		from = ", copied from " + c.source
	}
	return fmt.Errorf("this is a mirror%s; send events to the ledger itself", from)
}

// sourceOf is where a mirror was copied from, if it knows.
func sourceOf(dir string) string {
	var p pin
	b, err := os.ReadFile(filepath.Join(dir, pinFile))
	if err != nil || json.Unmarshal(b, &p) != nil {
		return ""
	}
	return p.Source
}

// Suspect has nothing to do: a copy has no servers that could fail.
func (c *Copy) Suspect(error) {}
