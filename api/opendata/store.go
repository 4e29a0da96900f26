package opendata

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"spredning/projections"
)

// The ways in which a Store does not give a file.
var (
	ErrNotListed = errors.New("there are no files of this size")
	ErrBusy      = errors.New("files of other sizes are being made")
	ErrMaking    = errors.New("the files are being made")
	ErrClosed    = errors.New("no more files are made")
)

// How long one who asks waits: for others' files to be made, for the own ones;
// and how long a file that was read and found whole is trusted.
const (
	slotPatience = 2 * time.Second
	patience     = 20 * time.Second
	trusted      = 10 * time.Minute
)

// StoreConfig says what a Store keeps and where. All but Days are needed.
type StoreConfig struct {
	Dir    string
	Log    Log
	View   *projections.View
	Days   int // how many days' sizes are kept; 0: 30
	Now    func() time.Time
	Logger *slog.Logger
}

// Store keeps the files of the listed sizes in a folder. They are made when they
// are first asked for, one size at a time, and made anew when they are missing or
// damaged: a file is only given after its bytes had the hash that was kept.
type Store struct {
	cfg    StoreConfig
	ctx    context.Context
	cancel context.CancelFunc
	slot   chan struct{} // who makes files
	makers singleflight.Group
	checks singleflight.Group
	work   sync.WaitGroup

	mu        sync.Mutex
	picked    designated
	manifests map[int64]*Manifest
	times     map[int64]time.Time
	whole     map[string]seen // by path
}

// seen is a file as it was when its bytes were right.
type seen struct {
	size     int64
	modified time.Time
	at       time.Time
}

// Listed is a size whose files are there or can be made.
type Listed struct {
	Size    int64
	Reasons []Reason
	Time    time.Time // in the last entry
	Made    *Manifest // nil: nobody has asked for it yet
}

// OpenStore opens the folder, which is made if it is not there.
func OpenStore(cfg StoreConfig) (*Store, error) {
	if cfg.Days <= 0 {
		cfg.Days = 30
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of exports: %w", err)
	}
	s := &Store{
		cfg: cfg, slot: make(chan struct{}, 1), manifests: map[int64]*Manifest{}, times: map[int64]time.Time{}, whole: map[string]seen{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.picked.load(cfg.Dir); err != nil {
		cfg.Logger.Warn("the list of exported sizes cannot be read and is begun anew", "error", err)
	}
	drafts, err := filepath.Glob(filepath.Join(cfg.Dir, ".making-*"))
	if err != nil {
		return nil, err
	}
	for _, d := range drafts { // left behind by a program that was ended
		if err := os.RemoveAll(d); err != nil {
			return nil, fmt.Errorf("clearing the folder of exports: %w", err)
		}
	}
	return s, nil
}

// Close ends what is being made.
func (s *Store) Close() {
	s.mu.Lock()
	s.cancel()
	s.mu.Unlock()
	s.work.Wait()
}

// Sizes gives the listed sizes, newest first.
func (s *Store) Sizes() ([]Listed, error) {
	var years []projections.Year
	var position int64
	s.cfg.View.Read(func(f *projections.Fold) { years, position = f.ReportingYears(), f.Position })
	if position == 0 {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.picked.designate(s.cfg.Now(), position, s.cfg.Days) {
		if err := s.picked.save(s.cfg.Dir); err != nil {
			return nil, fmt.Errorf("remembering the exported sizes: %w", err)
		}
		s.prune(s.picked.reasons(years))
	}
	all := s.picked.reasons(years)
	for k := range all {
		var err error
		if all[k].Time, err = s.timeOf(all[k].Size); err != nil {
			return nil, err
		}
		all[k].Made = s.manifest(all[k].Size)
	}
	return all, nil
}

// Newest is the size that latest means.
func (s *Store) Newest() (int64, error) {
	all, err := s.Sizes()
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return 0, ErrNotListed
	}
	return all[0].Size, nil
}

// timeOf is the time in a size's last entry.
func (s *Store) timeOf(size int64) (time.Time, error) {
	if at, ok := s.times[size]; ok {
		return at, nil
	}
	e, err := Source{Log: s.cfg.Log}.Entry(size - 1)
	if err != nil {
		return time.Time{}, err
	}
	s.times[size] = e.At.UTC()
	return s.times[size], nil
}

// manifest gives what is kept of a size; nil: nothing, or what is there is not of
// this ledger.
func (s *Store) manifest(size int64) *Manifest {
	if m, ok := s.manifests[size]; ok {
		return m
	}
	m, err := readManifest(s.folder(size))
	if err == nil {
		var leaf [32]byte
		if leaf, err = s.cfg.Log.Leaf(size - 1); err == nil && (m.Leaf != hex.EncodeToString(leaf[:]) || m.Size != size) {
			err = errors.New("it is of another ledger")
		}
	}
	if err != nil {
		if !os.IsNotExist(err) {
			s.cfg.Logger.Warn("kept exports are not used", "size", size, "error", err)
		}
		return nil
	}
	s.manifests[size] = m
	return m
}

// prune removes the files of sizes that are not listed any more.
func (s *Store) prune(listed []Listed) {
	keep := map[int64]bool{}
	for _, l := range listed {
		keep[l.Size] = true
	}
	folders, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		s.cfg.Logger.Warn("old exports are not removed", "error", err)
		return
	}
	for _, f := range folders {
		size, ok := sizeOf(f.Name())
		if !ok || keep[size] {
			continue
		}
		delete(s.manifests, size)
		if err := os.RemoveAll(s.folder(size)); err != nil {
			s.cfg.Logger.Warn("an old export is not removed", "size", size, "error", err)
		}
	}
}

func (s *Store) folder(size int64) string {
	return filepath.Join(s.cfg.Dir, strconv.FormatInt(size, 10))
}

// Manifest gives what the files of a listed size are, and makes them first if
// they are not there. It returns ErrNotListed, ErrBusy when others' files are
// being made, or ErrMaking when these take long: ask again.
func (s *Store) Manifest(ctx context.Context, size int64) (*Manifest, error) {
	all, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		switch {
		case l.Size != size:
		case l.Made != nil:
			return l.Made, nil
		default:
			return s.make(ctx, size, nil)
		}
	}
	return nil, ErrNotListed
}

// Open gives a file of a listed size, whole, compressed if that is wanted and it
// is kept so; its name must be one of Names. Errors as Manifest's.
func (s *Store) Open(ctx context.Context, size int64, name string, compressed bool) (*os.File, File, error) {
	m, err := s.Manifest(ctx, size)
	if err != nil {
		return nil, File{}, err
	}
	file, f, err := s.open(size, m, name, compressed)
	if err == nil {
		return file, f, nil
	}
	s.cfg.Logger.Warn("an exported file is damaged or missing and is made anew", "size", size, "file", name, "error", err)
	if m, err = s.make(ctx, size, m); err != nil {
		return nil, File{}, err
	}
	return s.open(size, m, name, compressed)
}

// open opens a file and sees to it that it is whole.
func (s *Store) open(size int64, m *Manifest, name string, compressed bool) (*os.File, File, error) {
	f, ok := m.File(name)
	if !ok {
		return nil, f, fmt.Errorf("the manifest has no %s", name)
	}
	path, part := filepath.Join(s.folder(size), name), f.Part
	if compressed && f.Gzip != nil {
		path, part = path+gzipped, *f.Gzip
	} else {
		f.Gzip = nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, f, err
	}
	if err := s.check(file, path, part); err != nil {
		_ = file.Close()
		return nil, f, err
	}
	return file, f, nil
}

// check reads a file through, unless it was read a moment ago and has not been
// written since.
func (s *Store) check(file *os.File, path string, part Part) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	s.mu.Lock()
	was, ok := s.whole[path]
	s.mu.Unlock()
	if age := now.Sub(was.at); ok && was.size == info.Size() && was.modified.Equal(info.ModTime()) && age >= 0 && age < trusted {
		return nil
	}
	_, err, _ = s.checks.Do(path, func() (any, error) { return nil, hashes(path, part) })
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.whole) > 4096 {
		clear(s.whole)
	}
	s.whole[path] = seen{info.Size(), info.ModTime(), now}
	return nil
}

// hashes reports whether a file has the bytes it should have.
func hashes(path string, part Part) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, f)
	if err != nil {
		return err
	}
	if n != part.Size || hex.EncodeToString(hash.Sum(nil)) != part.SHA256 {
		return fmt.Errorf("%s does not have the bytes that were written", path)
	}
	return nil
}

// make makes the files of a size, once for all who wait, unless others than those
// of before are there by now. It goes on when they leave.
func (s *Store) make(ctx context.Context, size int64, before *Manifest) (*Manifest, error) {
	made := s.makers.DoChan(strconv.FormatInt(size, 10), func() (any, error) { return s.makeAlone(size, before) })
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case r := <-made:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*Manifest), nil
	case <-timer.C:
		return nil, ErrMaking
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *Store) makeAlone(size int64, before *Manifest) (m *Manifest, err error) {
	defer func() { // it runs in a goroutine of its own
		if p := recover(); p != nil {
			err = fmt.Errorf("making the files failed: %v", p)
		}
	}()
	if !s.begin() {
		return nil, ErrClosed
	}
	defer s.work.Done()
	timer := time.NewTimer(slotPatience)
	defer timer.Stop()
	select {
	case s.slot <- struct{}{}:
		defer func() { <-s.slot }()
	case <-timer.C:
		return nil, ErrBusy
	case <-s.ctx.Done():
		return nil, ErrClosed
	}
	s.mu.Lock()
	m = s.manifests[size]
	s.mu.Unlock()
	if m != before {
		return m, nil
	}
	start := time.Now()
	if m, err = s.write(size); err != nil {
		return nil, fmt.Errorf("making the files of %d entries: %w", size, err)
	}
	s.cfg.Logger.Info("exported", "size", size, "took", time.Since(start).Round(time.Millisecond))
	s.mu.Lock()
	s.manifests[size] = m
	s.mu.Unlock()
	return m, nil
}

// begin reports whether work may still begin.
func (s *Store) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.work.Add(1)
	return true
}

// write writes the files beside their place and moves them there one by one, the
// manifest last: until it is there, nothing is. What a crash leaves incomplete is
// found by its hash.
func (s *Store) write(size int64) (*Manifest, error) {
	src, err := SourceAt(s.ctx, s.cfg.Log, size)
	if err != nil {
		return nil, err
	}
	draft, err := os.MkdirTemp(s.cfg.Dir, ".making-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(draft)
	m, err := Write(s.ctx, draft, src, Options{Gzip: true})
	if err != nil {
		return nil, err
	}
	if err := m.save(draft); err != nil {
		return nil, err
	}
	folder := s.folder(size)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		if err := move(draft, folder, f.Name); err != nil {
			return nil, err
		}
		if f.Gzip == nil {
			continue
		}
		if err := move(draft, folder, f.Name+gzipped); err != nil {
			return nil, err
		}
	}
	return m, move(draft, folder, manifestName)
}

// move moves a file to its place, whatever is there.
func move(from, to, name string) error {
	place := filepath.Join(to, name)
	err := os.Rename(filepath.Join(from, name), place)
	if info, there := os.Stat(place); err != nil && there == nil && info.IsDir() {
		if err := os.RemoveAll(place); err != nil {
			return err
		}
		return os.Rename(filepath.Join(from, name), place)
	}
	return err
}
