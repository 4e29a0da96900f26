package witness

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"spredning/ledger"
)

// Split is the evidence of a split view: two checkpoints that the log's key has
// signed, of which neither continues the other. Of one size, they need nothing
// else to be believed.
type Split struct {
	Origin  string    `json:"origin"`
	Found   time.Time `json:"found"`
	Seen    string    `json:"seen"`    // the checkpoint that this witness has cosigned
	Refused string    `json:"refused"` // the other one
}

// maxSplits is how many are kept of one log: one proves it already.
const maxSplits = 16

// split keeps the evidence that a signed checkpoint contradicts the newest. The
// log is locked.
func (w *Witness) split(l *log, signed []byte) error {
	newest, err := l.newest()
	if err != nil {
		return err
	}
	conflict := &ConflictError{Size: newest.Size, Split: true}
	s := Split{Origin: l.Origin, Found: w.cfg.Now().UTC().Truncate(time.Second), Seen: l.Checkpoint, Refused: string(signed)}
	for _, known := range l.splits {
		if known.Refused == s.Refused {
			return conflict
		}
	}
	c, err := ledger.ReadCheckpoint(signed)
	if err != nil {
		return err
	}
	path := filepath.Join(w.cfg.Dir, evidenceDir, fmt.Sprintf("%s-%d-%x%s", fileName(l.Origin), c.Size, c.Root[:8], suffix))
	w.cfg.Logger.Error("SPLIT VIEW: the log's key has signed two checkpoints that contradict each other", "log", l.Origin, "size", c.Size, "evidence", path, "seen", s.Seen, "refused", s.Refused)
	if len(l.splits) == maxSplits {
		return conflict
	}
	b, err := json.Marshal(s, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	if err := writeFile(path, append(b, '\n')); err != nil {
		return fmt.Errorf("keeping the evidence of a split view: %w", err)
	}
	l.splits = append(l.splits, s)
	return conflict
}

// loadSplits reads the evidence that was kept.
func (w *Witness) loadSplits() error {
	dir := filepath.Join(w.cfg.Dir, evidenceDir)
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), suffix) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		var s Split
		if err := json.Unmarshal(b, &s); err != nil {
			return fmt.Errorf("%s is damaged: %w", filepath.Join(dir, f.Name()), err)
		}
		l := w.log(s.Origin)
		l.splits = append(l.splits, s)
	}
	return nil
}
