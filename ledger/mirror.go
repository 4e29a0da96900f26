package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"spredning/ledger/tiles"
)

// Mirror keeps a complete copy of a ledger's log in a folder, as plain files
// that any file server can serve, and the attachments that its entries name.
//
// A checkpoint that is taken over was signed by the log's key, the log has only
// grown since the newest one that was ever seen, and every entry and tile has
// been hashed. Whatever is wrong is refused before the mirror's checkpoint moves.
//
// Whose log it is, is known from the key that the mirror is given, or else is
// taken on trust the first time, from entry 0, and pinned. A new key of the log is
// taken over when all entries since the newest checkpoint are admissible events
// and name it.
//
//	checkpoint, tile/…     the log (c2sp.org/tlog-tiles)
//	attachments/<sha256>   bytes that entries name and no entry has erased
//	mirror.json            the pinned keys, and the newest checkpoint seen
type Mirror struct {
	files    *tiles.Mirror
	progress func(done, total int64)

	pinned pin
	logKey string    // given from outside, and not pinned yet
	seen   Published // the newest checkpoint that was verified; with its tree if the mirror shows it
	shown  int64     // entries that the mirror shows
	copied int64     // entries that were read and saved since OpenMirror

	glance glance
	held   *mirroredAttachments
}

// pinFile holds a pin. It comes into being before anything else in the mirror.
const pinFile = "mirror.json"

// pin is what a mirror has to remember, besides the log itself.
type pin struct {
	Ledger  string   `json:"ledger"`
	LogKeys []string `json:"log_keys"` // as they followed each other; the last is the one of now
	Given   bool     `json:"given"`    // the first was not taken on trust
	Seen    string   `json:"seen"`     // the newest checkpoint that was verified
	Source  string   `json:"source"`   // whose that is: address or folder
}

func (p pin) key() string {
	if len(p.LogKeys) == 0 {
		return ""
	}
	return p.LogKeys[len(p.LogKeys)-1]
}

// MirrorConfig says what to keep where.
type MirrorConfig struct {
	Dir      string
	LogKey   string                  // the log's verifier key; empty: as pinned, or on trust at first
	Progress func(done, total int64) // entries; may be nil
}

// OpenMirror opens a mirror, or makes one in a folder that is empty or not
// there. Nobody else may have it open.
func OpenMirror(cfg MirrorConfig) (*Mirror, error) {
	if err := MayMirror(cfg.Dir); err != nil {
		return nil, err
	}
	files, err := tiles.OpenMirror(cfg.Dir)
	if err != nil {
		return nil, err
	}
	m := &Mirror{files: files, progress: cfg.Progress, glance: newGlance(), held: newMirroredAttachments(files)}
	if m.progress == nil {
		m.progress = func(int64, int64) {}
	}
	if err := m.remember(); err != nil {
		return nil, err
	}
	if slices.Contains(m.pinned.LogKeys, cfg.LogKey) {
		m.pinned.Given = true
	} else {
		m.logKey = cfg.LogKey
	}
	return m, nil
}

// MayMirror says what keeps a folder from being a mirror's: that something else is
// in it. It changes nothing there.
func MayMirror(dir string) error {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	foreign := ""
	mirror := false
	for _, f := range files {
		switch name := f.Name(); {
		case name == "tail":
			return fmt.Errorf("%s is the log of a ledger itself; give another folder", dir)
		case name == pinFile || name == "checkpoint":
			mirror = true
		case name != "lock" && !strings.HasPrefix(name, pinFile):
			foreign = name
		}
	}
	if foreign != "" && !mirror {
		return fmt.Errorf("%s is no mirror, and not empty: %s is in it; give another folder", dir, foreign)
	}
	return nil
}

// remember reads what the mirror was left with.
func (m *Mirror) remember() error {
	if err := m.recallPin(); err != nil {
		return err
	}
	own, err := ReadPublished(m.files.Folder)
	if err != nil {
		return nil // nothing is shown yet, or it is damaged and will be replaced
	}
	m.shown = own.Size
	if m.seen.Signed == nil || bytes.Equal(m.seen.Signed, own.Signed) {
		m.seen = own
	}
	return nil
}

func (m *Mirror) recallPin() error {
	path := m.files.Place(pinFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err = json.Unmarshal(b, &m.pinned, json.RejectUnknownMembers(true)); err == nil {
		m.seen.Signed = []byte(m.pinned.Seen)
		m.seen.Checkpoint, err = OpenCheckpoint(m.seen.Signed, m.pinned.key())
	}
	if err != nil {
		return fmt.Errorf("%s is damaged: %w; remove it, and give --log-key", path, err)
	}
	return nil
}

// Mirrored is what an update has led to.
type Mirrored struct {
	Checkpoint
	Signed      []byte
	LogKey      string // that signed the checkpoint
	OnTrust     bool   // the first key was, or is now, taken on trust
	FirstUse    bool   // it is now
	Added       int64  // entries that the mirror did not show before
	Attachments MirroredAttachments
}

// KeyError says that a checkpoint is not signed by the key that it should be.
type KeyError struct {
	Place string // where the checkpoint is from
	Err   error
}

func (e *KeyError) Error() string { return e.Place + ": " + e.Err.Error() }
func (e *KeyError) Unwrap() error { return e.Err }

// Update takes over what a source shows. The first update after OpenMirror reads
// the whole mirror and replaces what is damaged in it; those after it read only
// what is new. Errors are a *ForkError or a *KeyError, wrap ErrShrunk, or are
// about reading the source or writing the mirror: then the mirror shows what it
// has shown before. One about attachments comes last, when all else is done.
func (m *Mirror) Update(source tiles.Source) (Mirrored, error) {
	p, err := readCheckpointOf(source)
	if err != nil {
		return Mirrored{}, err
	}
	if p.Size == 0 {
		return Mirrored{}, fmt.Errorf("%s: the log is empty", source.Place("checkpoint"))
	}
	done := Mirrored{Checkpoint: p.Checkpoint, Signed: p.Signed, FirstUse: m.pinned.key() == "" && m.logKey == ""}
	changed := m.copied < p.Size || !bytes.Equal(p.Signed, m.seen.Signed)
	if changed {
		if err := m.take(p, source); err != nil {
			return Mirrored{}, err
		}
	}
	done.LogKey, done.OnTrust = m.pinned.key(), !m.pinned.Given
	done.Added, m.shown = p.Size-m.shown, p.Size
	done.Attachments, err = m.held.update(m.glance, source, changed)
	return done, err
}

// take copies what a checkpoint speaks of, and then shows it.
func (m *Mirror) take(p Published, source tiles.Source) error {
	copying, key, err := m.judge(&p, source)
	if err != nil {
		return err
	}
	if err := m.pin(p, key, source); err != nil {
		return err
	}
	if err := m.copy(copying, p.Size); err != nil {
		return errors.Join(err, copying.Save())
	}
	if m.glance.logKey != key {
		return &KeyError{source.Place("checkpoint"), fmt.Errorf("%w is signed with %s, the entries name the key %s", ErrCheckpoint, key, m.glance.logKey)}
	}
	if err := copying.Publish(p.Signed); err != nil {
		return err
	}
	m.seen, m.copied = p, p.Size
	return nil
}

// judge decides whether a checkpoint is to be taken over, and by which key. It
// changes nothing.
func (m *Mirror) judge(p *Published, source tiles.Source) (*tiles.Copying, string, error) {
	key, unsigned := m.keyOf(*p)
	known := m.logKey != "" || m.pinned.key() != ""
	if unsigned != nil && (m.logKey != "" || known && p.Size <= m.seen.Size) {
		return nil, "", &KeyError{source.Place("checkpoint"), unsigned}
	}
	if p.Size <= m.seen.Size {
		if err := p.Extends(m.seen); err != nil {
			return nil, "", err
		}
	}
	copying, err := m.files.Begin(p.Size, p.Root, source)
	if err != nil && known && unsigned != nil {
		err = fmt.Errorf("%s: %w, and its tree cannot be read: %w", source.Place("checkpoint"), unsigned, err)
	}
	if err != nil {
		return nil, "", err
	}
	p.Tree = copying.Tree
	err = p.Extends(m.seen)
	switch {
	case err != nil && known && unsigned != nil:
		return nil, "", &KeyError{source.Place("checkpoint"), unsigned} // no word of the log's, whatever it says
	case err != nil:
		return nil, "", err
	case unsigned == nil:
		return copying, key, nil
	}
	if key, err = m.laterKey(*p, source); err != nil {
		return nil, "", &KeyError{source.Place("checkpoint"), err}
	}
	return copying, key, nil
}

// keyOf gives the key that must have signed, if it has.
func (m *Mirror) keyOf(p Published) (string, error) {
	key := m.logKey
	if key == "" {
		key = m.pinned.key()
	}
	if key == "" {
		return "", fmt.Errorf("%w: no key of the log is known yet", ErrCheckpoint)
	}
	_, err := OpenCheckpoint(p.Signed, key)
	return key, err
}

// laterKey gives the key that the entries name, if it has signed: at first use
// the founding's, or one that followed. Every entry since the newest checkpoint
// must be admissible, for an event that names a key is believed. A key that was
// given from outside is not got around like this, unless a checkpoint was seen
// that it has signed.
func (m *Mirror) laterKey(p Published, source tiles.Source) (string, error) {
	if m.pinned.key() == "" {
		key, err := foundingKey(p.Tree)
		if err != nil {
			return "", err
		}
		if _, err := OpenCheckpoint(p.Signed, key); err == nil {
			return key, nil
		}
	}
	tree, err := tiles.NewTree(p.Size, p.Root, m.files.Folder, source)
	if err != nil {
		return "", err
	}
	state, err := admitted(tree, m.seen.Size)
	if err != nil {
		return "", fmt.Errorf("%w is not signed by the key that is known, and what the log has now does not lead to another: %w", ErrCheckpoint, err)
	}
	_, err = OpenCheckpoint(p.Signed, state.LogKey())
	return state.LogKey(), err
}

// foundingKey is the log's first key.
func foundingKey(tree *tiles.Tree) (string, error) {
	b, err := tree.Entry(0)
	if err != nil {
		return "", err
	}
	e, err := ParseEntry(0, b)
	if err != nil {
		return "", err
	}
	d, ok := e.Data.(*Founding)
	if !ok {
		return "", fmt.Errorf("entry 0 is %s, not %s", e.Type, LedgerFounded)
	}
	return d.LogKey, nil
}

// admitted gives the state after all entries, of which those since an index must
// be signed and admissible.
func admitted(tree *tiles.Tree, since int64) (*State, error) {
	s := NewState()
	return s, Replay(tree, 0, tree.Size(), func(entries []*Entry) error {
		for _, e := range entries {
			if e.Index >= since {
				if err := errors.Join(VerifyEntry(e, s.Key), Decide(s, &e.Signed)); err != nil {
					return fmt.Errorf("entry %d: %w", e.Index, err)
				}
			}
			Evolve(s, e)
		}
		s.Keep()
		return nil
	})
}

// pin remembers a verified checkpoint and its key, before anything is copied.
func (m *Mirror) pin(p Published, key string, source tiles.Source) error {
	if m.pinned.key() == key && bytes.Equal(m.seen.Signed, p.Signed) && m.pinned.Seen != "" {
		return nil
	}
	next := m.pinned
	next.Ledger, next.Seen = p.Origin, string(p.Signed)
	next.Source = strings.TrimSuffix(strings.TrimSuffix(source.Place("checkpoint"), "/checkpoint"), "/log")
	if len(next.LogKeys) == 0 || m.logKey != "" {
		next.Given = m.logKey != ""
	}
	if next.key() != key {
		next.LogKeys = append(slices.Clone(next.LogKeys), key)
	}
	b, err := json.Marshal(next, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	if err := m.files.Save(pinFile, append(b, '\n')); err != nil {
		return fmt.Errorf("pinning the checkpoint: %w", err)
	}
	m.pinned, m.logKey = next, ""
	m.seen = Published{Checkpoint: p.Checkpoint, Signed: p.Signed}
	return nil
}

// copy copies all entries that were not read and saved yet, and looks at each
// once.
func (m *Mirror) copy(copying *tiles.Copying, size int64) error {
	// Whole bundles, which is what a chunk is: one that was partial comes anew.
	for from := m.copied - m.copied%chunk; from < size; from += chunk {
		err := copying.Entries(from, min(from+chunk, size), func(index int64, entry []byte) error {
			m.glance.at(index, entry)
			return nil
		})
		if err != nil {
			return err
		}
		m.progress(min(from+chunk, size), size)
	}
	return nil
}
