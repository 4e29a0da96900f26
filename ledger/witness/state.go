package witness

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"spredning/ledger"
)

// state is what a witness keeps of a log, as it is on disk.
type state struct {
	Origin     string         `json:"origin"`
	Place      string         `json:"place,omitzero"`      // where the keys were learned
	LogKeys    ledger.LogKeys `json:"log_keys,omitzero"`   // learned; none: they are given
	Checkpoint string         `json:"checkpoint,omitzero"` // the newest, cosigned; none yet: empty
}

// newest reads the newest checkpoint; of an empty tree while there is none.
func (s state) newest() (ledger.Checkpoint, error) {
	if s.Checkpoint == "" {
		return ledger.Checkpoint{Origin: s.Origin, Root: emptyRoot}, nil
	}
	c, err := ledger.ReadCheckpoint([]byte(s.Checkpoint))
	if err == nil && c.Origin != s.Origin {
		err = fmt.Errorf("it is of %s", c.Origin)
	}
	return c, err
}

const (
	logsDir     = "logs"
	evidenceDir = "evidence"
	suffix      = ".json"
)

// fileName is a log's origin as the name of a file.
func fileName(origin string) string { return url.PathEscape(origin) }

// save makes a log's state durable.
func (s state) save(dir string) error {
	b, err := json.Marshal(s, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, logsDir, fileName(s.Origin)+suffix), append(b, '\n'))
}

// load reads the states of all logs. Anything that cannot be read is an error: a
// witness that has forgotten what it cosigned must not cosign.
func load(dir string) (all []state, err error) {
	files, err := os.ReadDir(filepath.Join(dir, logsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), suffix) {
			continue // what a crash left of a file that was being written
		}
		s, err := loadFile(filepath.Join(dir, logsDir, f.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func loadFile(path string) (s state, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &s, json.RejectUnknownMembers(true)); err != nil {
		return s, fmt.Errorf("%s is damaged: %w", path, err)
	}
	if fileName(s.Origin)+suffix != filepath.Base(path) {
		return s, fmt.Errorf("%s is damaged: it is of log %q", path, s.Origin)
	}
	if _, err := s.newest(); err != nil {
		return s, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return s, nil
}

// writeFile puts bytes under a name, for good when it returns: a crash at any
// moment leaves either what was there before or all of the new.
func writeFile(path string, b []byte) error {
	dir := filepath.Dir(path)
	if err := makeDir(dir); err != nil {
		return err
	}
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// makeDir makes a folder whose name lasts.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
