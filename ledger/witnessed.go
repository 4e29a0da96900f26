package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Witnessed is how far witnesses have cosigned what readers are shown.
type Witnessed struct {
	Size int64    `json:"size"` // of the checkpoint that readers are shown; 0: no witness has cosigned it
	By   []string `json:"by"`   // names of the witnesses that have
}

// published is a checkpoint that readers are shown.
type published struct {
	Checkpoint
	signed []byte
}

// Published gives what readers are shown: the newest checkpoint or, with
// Config.Witnessed, the one that [Ledger.Publish] was given last, and before there
// is one the newest as it was when the ledger was opened. It never shrinks. A nil
// checkpoint: there is none yet.
func (l *Ledger) Published() (size int64, checkpoint []byte) {
	size, checkpoint = l.cfg.Log.Head()
	p := l.published.Load()
	if p == nil || p.Size > size {
		return size, checkpoint // the end of the log on disk is missing, if there is one
	}
	return p.Size, p.signed
}

// showFirst shows readers the newest checkpoint as long as witnesses have not
// cosigned any: not a newer one, for the first that they have must not be smaller.
func (l *Ledger) showFirst() {
	if !l.cfg.Witnessed || l.published.Load() != nil {
		return
	}
	_, signed := l.cfg.Log.Head()
	if c, err := ReadCheckpoint(signed); err == nil {
		l.published.CompareAndSwap(nil, &published{c, signed})
	}
}

// ErrNotShown is wrapped by Publish for a checkpoint that readers cannot be shown:
// of another tree than here, or of fewer entries than they have seen.
var ErrNotShown = errors.New("readers cannot be shown this checkpoint")

// Publish shows readers a checkpoint of this log, one that meets the witness
// policy: it is the log's own with cosignatures. It is on disk before it is shown.
func (l *Ledger) Publish(signed []byte) error {
	c, err := ReadCheckpoint(signed)
	if err != nil {
		return err
	}
	l.publishing.Lock()
	defer l.publishing.Unlock()
	shown, _ := l.Published()
	switch {
	case !l.cfg.Witnessed || c.Origin != l.Origin():
		return fmt.Errorf("%w: it is of %s", ErrNotShown, c.Origin)
	case c.Size < shown:
		return fmt.Errorf("%w: it has %d entries, they have seen %d", ErrNotShown, c.Size, shown)
	case c.Size > l.Size():
		return fmt.Errorf("%w: it has %d entries, the log on disk %d", ErrNotShown, c.Size, l.Size())
	}
	if err := l.sameTree(c); err != nil {
		return fmt.Errorf("%w: %w", ErrNotShown, err)
	}
	if err := l.cfg.Log.KeepWitnessed(signed); err != nil {
		return err
	}
	l.published.Store(&published{c, signed})
	return nil
}

// sameTree checks that a checkpoint is of a tree that the log on disk begins with.
func (l *Ledger) sameTree(c Checkpoint) error {
	if c.Size == 0 {
		return nil
	}
	root, err := tlog.TreeHash(c.Size, l.cfg.Log)
	if err == nil && root != c.Root {
		err = &DamageError{fmt.Sprintf("a checkpoint of %d entries has root %s, here it is %s", c.Size, c.Root, root)}
	}
	return err
}

// openWitnessed takes up what readers were shown of witnesses before. It may be
// ahead of the log on disk, if the end of the tail was lost; that it is of the same
// tree is compared before anything is signed. Without witnesses it is forgotten:
// readers are shown more from now on.
func (l *Ledger) openWitnessed() error {
	if !l.cfg.Witnessed {
		return l.cfg.Log.KeepWitnessed(nil)
	}
	signed, err := l.cfg.Log.Witnessed()
	if err != nil {
		return fmt.Errorf("reading the witnessed checkpoint: %w", err)
	}
	c, err := l.state.logKeys.Open(signed)
	if err != nil {
		return nil // none, or not of this log
	}
	if c.Size > l.shown.Size {
		l.shown = c
	} else if err := l.sameTree(c); c.Size <= l.Size() && err != nil {
		return err
	}
	l.published.Store(&published{c, signed})
	return nil
}

// Witnessed tells how far witnesses have cosigned what readers are shown; false:
// none are asked.
func (l *Ledger) Witnessed() (Witnessed, bool) {
	if !l.cfg.Witnessed {
		return Witnessed{}, false
	}
	size, signed := l.Published()
	w := Witnessed{By: cosigners(l.Origin(), signed)}
	if len(w.By) > 0 {
		w.Size = size
	}
	return w, true
}

// cosigners gives the names under a checkpoint that are not the log's. Who put it
// together has verified the signatures.
func cosigners(origin string, signed []byte) []string {
	names := []string{}
	_, err := note.Open(signed, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		for _, s := range unverified.Note.UnverifiedSigs {
			if s.Name != origin && !slices.Contains(names, s.Name) {
				names = append(names, strings.Clone(s.Name))
			}
		}
	}
	return names
}
