package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"spredning/ledger/tiles"
)

// MirroredAttachments counts the attachments that entries name.
type MirroredAttachments struct {
	Stored  int `json:"stored"`
	Missing int `json:"missing"` // not to be had from the source, yet
	Erased  int `json:"erased"`
}

// mirroredFrom is a source that has attachments too.
type mirroredFrom interface {
	Attachment(sha256 string, limit int64) ([]byte, error)
}

// mirroredAttachments are those in a mirror.
type mirroredAttachments struct {
	files *tiles.Mirror
	asked time.Time           // when the missing ones were asked for
	count MirroredAttachments // by then

	mu   sync.Mutex
	held map[string]bool // whose bytes were checked
}

const (
	attachmentsAtOnce = 8
	askAgain          = 5 * time.Minute // for what the source does not have
)

func newMirroredAttachments(files *tiles.Mirror) *mirroredAttachments {
	return &mirroredAttachments{files: files, held: map[string]bool{}}
}

// update removes what is erased and fetches what is named and not here. One that
// cannot be had keeps none of the others back. With nothing new, those that are
// missing are asked for now and then: bytes may come after the entry.
func (a *mirroredAttachments) update(g glance, source tiles.Source, changed bool) (MirroredAttachments, error) {
	if !changed && time.Since(a.asked) < askAgain {
		return a.count, nil
	}
	var count MirroredAttachments
	var errs []error
	var wanted []string
	for _, hash := range slices.Sorted(maps.Keys(g.named)) {
		if !g.erased[hash] {
			wanted = append(wanted, hash)
			continue
		}
		count.Erased++
		delete(a.held, hash)
		errs = append(errs, a.files.Remove(tiles.AttachmentPath(hash)))
	}
	errs = append(errs, a.holdAll(source, wanted))
	count.Stored = len(a.held)
	count.Missing = len(wanted) - count.Stored
	a.asked, a.count = time.Now(), count
	return count, errors.Join(errs...)
}

// holdAll sees to it that those are here that can be had, a few at a time.
func (a *mirroredAttachments) holdAll(source tiles.Source, hashes []string) error {
	from, _ := source.(mirroredFrom)
	errs := make([]error, len(hashes))
	next := make(chan int)
	var all sync.WaitGroup
	for range min(attachmentsAtOnce, len(hashes)) {
		all.Go(func() {
			for i := range next {
				errs[i] = a.hold(from, hashes[i])
			}
		})
	}
	for i := range hashes {
		next <- i
	}
	close(next)
	all.Wait()
	return errors.Join(errs...)
}

// hold sees to it that an attachment is here, if it can be had.
func (a *mirroredAttachments) hold(from mirroredFrom, hash string) error {
	a.mu.Lock()
	held := a.held[hash]
	a.mu.Unlock()
	if held {
		return nil
	}
	if b, err := a.files.Attachment(hash, MaxAttachment); err != nil || hexOf(sha256.Sum256(b)) != hash {
		if from == nil {
			return nil
		}
		b, err := from.Attachment(hash, MaxAttachment)
		if errors.Is(err, tiles.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("attachment: %w", err)
		}
		if got := hexOf(sha256.Sum256(b)); got != hash {
			return fmt.Errorf("attachment %s: the source gives bytes that hash to %s", hash, got)
		}
		if err := a.files.Save(tiles.AttachmentPath(hash), b); err != nil {
			return fmt.Errorf("attachment %s: %w", hash, err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held[hash] = true
	return nil
}
