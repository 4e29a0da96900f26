package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"spredning/ledger"
)

// auditState is what an auditor remembers of a ledger from one audit to the next.
type auditState struct {
	Origin  string            `json:"ledger"`
	LogKeys ledger.LogKeys    `json:"log_keys"` // trusted
	Seen    []seenCheckpoint  `json:"seen"`     // the largest, and those of which it is not known yet that it continues them
	Shown   map[string]int64  `json:"shown"`    // the most entries that each place has shown
	Closed  map[string]string `json:"closed"`   // SHA-256 of the tables of closed years, by year

	file      string
	elsewhere []*auditState // of other ledgers, in the same folder
}

// seenCheckpoint is a checkpoint that was shown somewhere, sometime.
type seenCheckpoint struct {
	Place      string    `json:"place"`
	At         time.Time `json:"at"` // by the auditor's clock
	Checkpoint string    `json:"checkpoint"`
}

func (s seenCheckpoint) published() (ledger.Published, error) {
	c, err := ledger.ReadCheckpoint([]byte(s.Checkpoint))
	return ledger.Published{Checkpoint: c, Signed: []byte(s.Checkpoint)}, err
}

// openAuditState reads what is remembered of a ledger: from a file, or from the
// usual one.
func openAuditState(file, origin string) (*auditState, error) {
	usual := file == ""
	if usual {
		dir, err := os.UserConfigDir()
		if err != nil {
			return nil, fmt.Errorf("%w; say with --state where to keep what was seen", err)
		}
		file = filepath.Join(dir, "spredning", "audit", url.PathEscape(origin)+".json")
	}
	s, err := readAuditState(file)
	if errors.Is(err, fs.ErrNotExist) {
		s, err = &auditState{Origin: origin, Shown: map[string]int64{}, Closed: map[string]string{}, file: file}, nil
	}
	if err == nil && usual {
		s.elsewhere, err = otherAuditStates(file)
	}
	return s, err
}

func readAuditState(file string) (*auditState, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s := auditState{file: file}
	if err := json.Unmarshal(b, &s, json.RejectUnknownMembers(true)); err != nil || s.Origin == "" || len(s.Seen) == 0 || s.Shown == nil || s.Closed == nil {
		return nil, fmt.Errorf("%s is not what an audit wrote; put it back, or remove it and begin anew", file)
	}
	return &s, nil
}

// otherAuditStates reads those of other ledgers beside a file.
func otherAuditStates(file string) (all []*auditState, err error) {
	files, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.json"))
	for _, f := range files {
		if f == file {
			continue
		}
		s, err := readAuditState(f)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, err
}

// save remembers what an audit has seen and found in order.
func (s *auditState) save(d *audited) error {
	s.Seen = slices.DeleteFunc(s.Seen, func(c seenCheckpoint) bool {
		p, err := c.published()
		return err == nil && p.Size <= d.Size // it continues those
	})
	s.Seen = append(s.Seen, seenCheckpoint{d.where, time.Now().UTC().Truncate(time.Second), d.Checkpoint})
	s.Shown[d.where] = d.Size
	if len(s.LogKeys) < len(d.LogKeys) {
		s.LogKeys = d.LogKeys
	}
	for _, y := range d.Years {
		if year := strconv.Itoa(y.Year); y.Status == "closed" && s.Closed[year] == "" {
			s.Closed[year] = y.SHA256
		}
	}
	b, err := json.Marshal(s, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	if err := writeWhole(s.file, append(b, '\n')); err != nil {
		return fmt.Errorf("keeping what was seen: %w", err)
	}
	return nil
}

// saveEvidence keeps two checkpoints that contradict each other beside the file.
func (s *auditState) saveEvidence(fork *ledger.ForkError) (files []string, err error) {
	for _, p := range []ledger.Published{fork.Earlier, fork.Later} {
		file := filepath.Join(strings.TrimSuffix(s.file, ".json")+"-fork", fmt.Sprintf("%d-%x.checkpoint", p.Size, p.Root[:8]))
		if err := writeWhole(file, p.Signed); err != nil {
			return files, err
		}
		files = append(files, file)
	}
	return files, nil
}

// writeWhole puts bytes into a file, all or none of them.
func writeWhole(file string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
