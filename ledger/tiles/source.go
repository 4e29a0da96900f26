package tiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Source is where the files of a log are, under the paths of c2sp.org/tlog-tiles.
// What it gives has not been checked: a [Tree] does that. There are three: the
// public addresses of a log ([Remote]), a folder of plain files ([Folder]), and
// the log that a ledger keeps itself ([Log]).
type Source interface {
	// Resource gives the bytes of a path, such as "checkpoint" or "tile/0/x001/234".
	// ErrNotFound is wrapped when there is nothing under it. Of a partial tile or
	// bundle that has become full there may be the full one alone.
	Resource(path string) ([]byte, error)
	// Place is the address or file of a path, for messages.
	Place(path string) string
}

// Place is the file that a path has, or will have once it is full.
func (l *Log) Place(path string) string { return l.file(path) }

// OpenSource opens a log by its address or folder. An address is that of a
// ledger, of its log or of a mirror that a file server serves; the context ends
// its requests. A folder is a ledger's data folder, the log in it, which may be
// in use, or a mirror. What is opened needs no closing.
func OpenSource(ctx context.Context, place string) (Source, error) {
	if strings.Contains(place, "://") {
		return FindRemote(ctx, place)
	}
	for _, dir := range []string{place, filepath.Join(place, "log")} {
		if isFile(filepath.Join(dir, tailName)) {
			return OpenReadOnly(dir)
		}
		if isFile(filepath.Join(dir, checkpointName)) {
			return Folder(dir), nil
		}
	}
	if _, err := os.Stat(place); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s holds no log: neither a ledger's data folder nor a mirror", place)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// Folder is a log as plain files, such as a mirror's.
type Folder string

// Place is the file of a path.
func (f Folder) Place(path string) string {
	return filepath.Join(string(f), filepath.FromSlash(path))
}

// Resource reads the file of a path.
func (f Folder) Resource(path string) ([]byte, error) { return f.read(path, maxBytes(path)) }

// Attachment reads a file that entries name by its hash; ErrNotFound is wrapped
// when it is not there.
func (f Folder) Attachment(sha256 string, limit int64) ([]byte, error) {
	return f.read(AttachmentPath(sha256), limit)
}

func (f Folder) read(path string, limit int64) ([]byte, error) {
	if !fs.ValidPath(path) {
		return nil, fmt.Errorf("%q: %w", path, ErrNotFound)
	}
	file, err := os.Open(f.Place(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", f.Place(path), ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readLimited(file, f.Place(path), limit)
}

// AttachmentPath is where a mirror has an attachment's bytes.
func AttachmentPath(sha256 string) string { return "attachments/" + sha256 }

// The most bytes that a resource may have.
const (
	maxCheckpoint = 64 << 10 // room for hundreds of cosignatures
	maxBundle     = tileWidth * (2 + MaxEntry)
)

func maxBytes(path string) int64 {
	p, ok := parsePath(path)
	switch {
	case !ok:
		return maxCheckpoint
	case p.level == entryLevel:
		return maxBundle
	}
	return tileBytes
}

// readLimited reads all of r, which must not be more than limit bytes.
func readLimited(r io.Reader, place string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, &DamagedError{File: place, Reason: fmt.Sprintf("it is longer than %d bytes, the most there can be here", limit)}
	}
	return b, nil
}
