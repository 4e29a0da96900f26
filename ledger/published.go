package ledger

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger/tiles"
)

// Published is what a log shows the public: its newest checkpoint, and the tree
// that this speaks of.
type Published struct {
	Checkpoint
	Signed []byte // the checkpoint as it was signed
	Tree   *tiles.Tree
}

// ReadPublished reads what a source shows. With the log's verifier keys the
// checkpoint must be signed by one of them; without, anyone could have made it.
// All that the tree then gives is checked against the checkpoint's root. Errors
// wrap ErrCheckpoint, a *tiles.DamagedError or what kept the source from
// answering, and name the address or file.
func ReadPublished(source tiles.Source, logKeys ...string) (Published, error) {
	p, err := readCheckpointOf(source, logKeys...)
	if err != nil {
		return Published{}, err
	}
	p.Tree, err = tiles.NewTree(p.Size, p.Root, source)
	return p, err
}

// readCheckpointOf reads what a source shows, but for the tree.
func readCheckpointOf(source tiles.Source, logKeys ...string) (p Published, err error) {
	if p.Signed, err = source.Resource("checkpoint"); err != nil {
		return p, fmt.Errorf("reading the checkpoint: %w", err)
	}
	if len(logKeys) > 0 {
		p.Checkpoint, err = OpenCheckpoint(p.Signed, logKeys...)
	} else {
		p.Checkpoint, err = ReadCheckpoint(p.Signed)
	}
	if err != nil {
		return p, fmt.Errorf("%s: %w", source.Place("checkpoint"), err)
	}
	return p, nil
}

// ErrShrunk is wrapped when a log shows fewer entries than it has shown before.
var ErrShrunk = errors.New("the log has shrunk")

// ForkError says that two checkpoints contradict each other: no log that only
// grows has both. If its key signed both, they are all the evidence there needs
// to be that it shows different logs to different people.
type ForkError struct{ Earlier, Later Published }

func (e *ForkError) Error() string {
	if e.Earlier.Origin != e.Later.Origin {
		return fmt.Sprintf("the log is another one: %s, not %s", e.Later.Origin, e.Earlier.Origin)
	}
	return fmt.Sprintf("the log has forked: of its checkpoints of %d entries with root %s and of %d entries with root %s at least one is not of this log",
		e.Earlier.Size, e.Earlier.Root, e.Later.Size, e.Later.Root)
}

// Extends says what is wrong with a checkpoint that was shown earlier; nil: the
// log has grown from it. The earlier one needs no tree, nor p if it is not larger. Errors are a *ForkError,
// wrap ErrShrunk, or are about reading the tree.
func (p Published) Extends(earlier Published) error {
	switch {
	case earlier.Signed == nil:
		return nil
	case earlier.Origin != p.Origin:
		return &ForkError{earlier, p}
	case earlier.Size > p.Size:
		return p.shrunk(earlier)
	case earlier.Size == p.Size && earlier.Root == p.Root:
		return nil
	case earlier.Size == p.Size:
		return &ForkError{earlier, p}
	}
	root, err := tlog.TreeHash(earlier.Size, p.Tree)
	if err != nil {
		return fmt.Errorf("comparing with the checkpoint of %d entries: %w", earlier.Size, err)
	}
	if root != earlier.Root {
		return &ForkError{earlier, p}
	}
	return nil
}

// shrunk tells whether p is an older state, if that can be known, or another.
func (p Published) shrunk(earlier Published) error {
	shrunk := fmt.Errorf("%w: it shows %d entries where there were %d before", ErrShrunk, p.Size, earlier.Size)
	if earlier.Tree == nil {
		return shrunk
	}
	switch root, err := tlog.TreeHash(p.Size, earlier.Tree); {
	case err != nil:
		return fmt.Errorf("%w; comparing the two: %w", shrunk, err)
	case root != p.Root:
		return &ForkError{p, earlier}
	}
	return shrunk
}
