package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"spredning/ledger/snapshot"
)

// Snapshots says of what and where snapshots are kept, from which a start goes on
// instead of replaying everything.
//
// A snapshot is the state and what [Config.Apply] has folded, at one position. Its
// head is a signed note (c2sp.org/signed-note) by the log's key:
//
//	spredning snapshot 1
//	<origin>
//	<position>
//	<root of the tree at that position, base64>
//	<form, 64 hexadecimal digits>
//	<SHA-256 of the body, base64>
//
// and the body, as package snapshot writes it, follows: the length of the state as
// uvarint, the state, the fold. A snapshot is taken only if the signature and the
// hash hold, this program writes the same form, and the log on disk has the same
// root there; otherwise it is ignored, with a message, and made anew.
type Snapshots struct {
	Dir    string // has a file for each, named by its position
	Folded Folded
	Shelf  Shelf // where the nodes of a cluster find each other's; nil: nowhere
	// Every is how many entries there are between two, at least; 0: 10,000. When an
	// eighth of all entries is more, it is that, so that all that is ever written is
	// a few times what there is.
	Every int64
}

// Folded is what entries are folded into beside the state.
type Folded interface {
	// Form changes whenever what is written could be read as something else.
	Form() string
	// EncodeTo writes what it is now.
	EncodeTo(*snapshot.Encoder)
	// Decode makes it what was written, or leaves it as it was.
	Decode([]byte) error
}

// Shelf holds the newest snapshot for others.
type Shelf interface {
	// Put replaces it, unless that there is as new.
	Put(ctx context.Context, position int64, r io.Reader) error
	// Newest gives it; nil: there is none.
	Newest(ctx context.Context) ([]byte, error)
}

// StateVersion is part of the form of snapshots: it is raised when the same fields
// of [State] come to mean something else.
const StateVersion = 1

const (
	snapshotEvery  = 10_000
	snapshotGrowth = 8
	// snapshotsKept is how many files are kept.
	snapshotsKept = 2
)

const snapshotTitle = "spredning snapshot 1"

// snapshots is what the committer knows of them.
type snapshots struct {
	last    int64       // position of the newest that holds
	sizes   [2]int      // of its state and fold, in bytes
	writing atomic.Bool // one is on its way to the disk
}

// form is that of what this program writes.
func (s *Snapshots) form() string {
	sum := sha256.Sum256(fmt.Append(nil, StateVersion, snapshot.Shape(State{}), s.Folded.Form()))
	return hex.EncodeToString(sum[:])
}

func (s *Snapshots) every() int64 {
	if s.Every > 0 {
		return s.Every
	}
	return snapshotEvery
}

// atEnd is for how many new entries one is made on closing, or taken from others.
func (s *Snapshots) atEnd() int64 { return s.every() / 10 }

// held is a snapshot whose head and hash have been checked.
type held struct {
	position int64
	root     tlog.Hash
	state    []byte
	fold     []byte
}

var errOtherForm = errors.New("another version of the program has written it")

// sealed is a snapshot as it is written: its head and the parts of its body, which are
// not put together, for they take as much memory as all that is kept.
type sealed [][]byte

func (s *Snapshots) seal(h held, key *LogKey) (sealed, error) {
	body := sealed{binary.AppendUvarint(nil, uint64(len(h.state))), h.state, h.fold}
	sum := sha256.New()
	for _, part := range body {
		sum.Write(part)
	}
	lines := []string{snapshotTitle, key.Name(), strconv.FormatInt(h.position, 10), h.root.String(), s.form(), base64.StdEncoding.EncodeToString(sum.Sum(nil))}
	head, err := note.Sign(&note.Note{Text: strings.Join(lines, "\n") + "\n"}, key)
	return append(sealed{head}, body...), err
}

func (s sealed) size() (n int) {
	for _, part := range s {
		n += len(part)
	}
	return n
}

func (s sealed) reader() io.Reader {
	var all []io.Reader
	for _, part := range s {
		all = append(all, bytes.NewReader(part))
	}
	return io.MultiReader(all...)
}

// unseal reads a snapshot that one of the keys has signed.
func (s *Snapshots) unseal(b []byte, keys ...*LogKey) (h held, err error) {
	head, body, err := cutHead(b)
	if err != nil {
		return h, err
	}
	var verifiers []note.Verifier
	for _, k := range keys {
		verifiers = append(verifiers, k.verifier)
	}
	n, err := note.Open(head, note.VerifierList(verifiers...))
	if err != nil {
		return h, fmt.Errorf("the log's key has not signed it: %w", err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 7 || lines[0] != snapshotTitle || lines[1] != keys[0].Name() {
		return h, errors.New("its head is none")
	}
	if lines[4] != s.form() {
		return h, errOtherForm
	}
	if sum := sha256.Sum256(body); lines[5] != base64.StdEncoding.EncodeToString(sum[:]) {
		return h, errors.New("it is not what was signed")
	}
	if h.position, err = strconv.ParseInt(lines[2], 10, 64); err != nil {
		return h, err
	}
	if h.root, err = tlog.ParseHash(lines[3]); err != nil {
		return h, err
	}
	length, n1 := binary.Uvarint(body)
	if n1 <= 0 || length > uint64(len(body)-n1) {
		return h, errors.New("its state is cut short")
	}
	h.state, h.fold = body[n1:n1+int(length)], body[n1+int(length):]
	return h, nil
}

// cutHead cuts the signed note off, which ends with its only signature.
func cutHead(b []byte) (head, body []byte, err error) {
	text := bytes.Index(b, []byte("\n\n"))
	if text < 0 {
		return nil, nil, errors.New("it has no head")
	}
	line := bytes.IndexByte(b[text+2:], '\n')
	if line < 0 {
		return nil, nil, errors.New("it has no head")
	}
	end := text + 2 + line + 1
	return b[:end], b[end:], nil
}

// ownKeys are the log keys that this node holds.
func (l *Ledger) ownKeys() []*LogKey {
	return slices.DeleteFunc([]*LogKey{l.cfg.LogKey, l.cfg.NextLogKey}, func(k *LogKey) bool { return k == nil })
}

// fromSnapshot goes on from the newest snapshot that holds, and gives its position.
func (l *Ledger) fromSnapshot() int64 {
	s := l.cfg.Snapshots
	if s == nil {
		return 0
	}
	files, err := s.files()
	if err != nil {
		l.cfg.Logger.Warn("snapshots cannot be read; the log is read instead", "reason", err)
	}
	for _, file := range slices.Backward(files) {
		position, err := l.takeSnapshot(file)
		if err == nil {
			l.snapshots.last = position
			l.cfg.Logger.Info("started from a snapshot", "position", position, "entries", l.cfg.Log.Size())
			return position
		}
		l.cfg.Logger.Warn("a snapshot is ignored; the log is read instead", "file", file, "reason", err)
	}
	return 0
}

// takeSnapshot makes state and fold what a file says, if it holds here.
func (l *Ledger) takeSnapshot(file string) (int64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	h, err := l.cfg.Snapshots.unseal(b, l.ownKeys()...)
	if err != nil {
		return 0, err
	}
	if size := l.cfg.Log.Size(); h.position > size {
		return 0, fmt.Errorf("it has %d entries, the log %d", h.position, size)
	}
	root, err := tlog.TreeHash(h.position, l.cfg.Log)
	if err != nil {
		return 0, err
	}
	if root != h.root {
		return 0, fmt.Errorf("its root of %d entries is %s, that of the log %s", h.position, h.root, root)
	}
	return h.position, l.become(h)
}

// become decodes both at the same time, and takes them if both are whole.
func (l *Ledger) become(h held) error {
	var state *State
	var both errgroup.Group
	both.Go(func() (err error) { state, err = decodeState(h.state); return err })
	both.Go(func() error { return l.cfg.Snapshots.Folded.Decode(h.fold) })
	if err := both.Wait(); err != nil {
		return err
	}
	l.state, l.snapshots.sizes = state, [2]int{len(h.state), len(h.fold)}
	for id, k := range state.keys.m {
		l.known.Store(id, k.public)
	}
	return nil
}

func decodeState(b []byte) (*State, error) {
	s := NewState()
	if err := snapshot.Decode(b, s); err != nil {
		return nil, fmt.Errorf("reading its state: %w", err)
	}
	s.Keep()
	return s, nil
}

// snapshotSometimes writes one if there are many new entries.
func (l *Ledger) snapshotSometimes() {
	if s := l.cfg.Snapshots; s != nil {
		l.snapshot(max(s.every(), l.snapshots.last/snapshotGrowth))
	}
}

// snapshotAtEnd writes one if a start would take longer without.
func (l *Ledger) snapshotAtEnd() {
	if s := l.cfg.Snapshots; s != nil {
		l.snapshot(s.atEnd())
	}
}

// snapshot writes one if there are so many new entries. The state is written here,
// between two batches; the fold when all before has been applied to it; and what
// takes longest, when nobody waits for either.
func (l *Ledger) snapshot(grown int64) {
	s := &l.snapshots
	if l.Err() != nil || l.state.position < s.last+grown || !s.writing.CompareAndSwap(false, true) {
		return
	}
	l.idle.Wait()
	h := held{position: l.state.position, root: l.cfg.Log.Root()}
	if h.position != l.cfg.Log.Size() {
		s.writing.Store(false)
		return
	}
	s.last = h.position
	key := l.signer(l.state.LogKey())
	var state, fold snapshot.Encoder
	state.Grow(s.sizes[0] * 5 / 4)
	state.Encode(l.state)
	l.applies <- applied{then: func() {
		fold.Grow(s.sizes[1] * 5 / 4)
		l.cfg.Snapshots.Folded.EncodeTo(&fold)
		l.done.Go(func() {
			defer s.writing.Store(false)
			h.state, h.fold = state.Bytes(), fold.Bytes()
			s.sizes = [2]int{len(h.state), len(h.fold)}
			l.keepSnapshot(h, key)
		})
	}}
}

// keepSnapshot stores one; if that fails, a start takes longer, and that is all.
func (l *Ledger) keepSnapshot(h held, key *LogKey) {
	s := l.cfg.Snapshots
	b, err := s.seal(h, key)
	if err == nil {
		err = s.save(h.position, b.reader())
	}
	if err != nil {
		l.cfg.Logger.Warn("a snapshot was not kept", "position", h.position, "reason", err)
		return
	}
	l.cfg.Logger.Info("kept a snapshot", "position", h.position, "bytes", b.size())
	if s.Shelf == nil {
		return
	}
	if err := s.Shelf.Put(l.life, h.position, b.reader()); err != nil && l.life.Err() == nil {
		l.cfg.Logger.Warn("a snapshot was not kept for other nodes", "position", h.position, "reason", err)
	}
}

func (s *Snapshots) file(position int64) string {
	return filepath.Join(s.Dir, fmt.Sprintf("%016d", position))
}

// files are those of snapshots, the newest last.
func (s *Snapshots) files() (all []string, err error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if _, err := strconv.ParseInt(e.Name(), 10, 64); err == nil {
			all = append(all, filepath.Join(s.Dir, e.Name()))
		}
	}
	return all, err
}

// save writes a snapshot's file, all or nothing, and removes those that it makes
// superfluous.
func (s *Snapshots) save(position int64, from io.Reader) error {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	temp := filepath.Join(s.Dir, "new")
	f, err := os.Create(temp)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, s.file(position)); err != nil {
		return err
	}
	return s.prune(position)
}

// prune removes all but the newest up to a position: what is beyond it is not of
// this log.
func (s *Snapshots) prune(position int64) error {
	files, err := s.files()
	at := slices.Index(files, s.file(position))
	for i, file := range files {
		if i > at || i <= at-snapshotsKept {
			err = errors.Join(err, os.Remove(file))
		}
	}
	return err
}
