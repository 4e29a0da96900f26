package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"spredning/ledger/tiles"
)

// SelfAudit is how a node audits its own log on disk, slowly, in the background.
type SelfAudit struct {
	Every time.Duration // from the end of one audit to the beginning of the next
	Rate  int           // entries a second
}

// SelfAudited tells how far that is.
type SelfAudited struct {
	Position int64     // entries that the audit going on has found in order
	Size     int64     // entries that it is about; 0: none is going on
	Entries  int64     // entries that the last good one was about
	At       time.Time // when that ended; zero: none has yet
	Failures int64     // audits that have failed or could not be done
	Err      error     // what the last one failed with; nil: it was good, or none has ended
}

// auditAgain is how soon an audit that could not be done is tried again, and one
// that had nothing to do.
const auditAgain = time.Minute

// Audit audits the log on disk, again and again, until the context ends. One that
// finds something wrong is the last: from then on nothing is written, and
// [Ledger.Err] says why.
func (l *Ledger) Audit(ctx context.Context, how SelfAudit) {
	for ctx.Err() == nil {
		pause := how.Every
		if l.Size() == 0 {
			pause = min(pause, auditAgain)
		} else if err := l.auditOnce(ctx, how.Rate); err != nil && ctx.Err() == nil {
			if l.selfAudit.fail(err) {
				l.cfg.Logger.Error("the ledger has stopped writing: its log fails the audit", "reason", err)
				return
			}
			l.cfg.Logger.Warn("the log on disk could not be audited", "reason", err)
			pause = min(pause, auditAgain)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (l *Ledger) auditOnce(ctx context.Context, perSecond int) error {
	p, err := ReadPublished(OnDisk{l.cfg.Log})
	if err != nil {
		return asDamage(err)
	}
	l.selfAudit.begin(p.Size)
	pace := rate.NewLimiter(rate.Limit(perSecond), chunk)
	_, err = Auditor{Workers: 1, Each: func(entries []*Entry) error {
		l.selfAudit.add(len(entries))
		return pace.WaitN(ctx, len(entries))
	}}.Audit(ctx, p)
	if err != nil {
		return asDamage(err)
	}
	l.selfAudit.end(l.cfg.Now())
	return nil
}

// OnDisk is a log's files as they lie on disk now, past all that is kept in memory
// or in the tail; from there comes only what is no file yet, or need not be one.
// So an audit of it is one of the files.
type OnDisk struct{ *tiles.Log }

// Resource reads the file of a path, if there is one.
func (d OnDisk) Resource(path string) ([]byte, error) {
	if path == "checkpoint" {
		return d.Log.Resource(path) // its file is a moment late
	}
	b, err := os.ReadFile(d.Place(path))
	if errors.Is(err, fs.ErrNotExist) {
		return d.Log.Resource(path)
	}
	return b, err
}

// SelfAudited tells how far the audit of the log on disk is.
func (l *Ledger) SelfAudited() SelfAudited {
	l.selfAudit.mu.Lock()
	defer l.selfAudit.mu.Unlock()
	return l.selfAudit.SelfAudited
}

// selfAudit is what the audit tells, and what it has found wrong.
type selfAudit struct {
	mu sync.Mutex
	SelfAudited
	damage error
}

func (a *selfAudit) begin(size int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Position, a.Size = 0, size
}

func (a *selfAudit) add(entries int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Position += int64(entries)
}

func (a *selfAudit) end(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Entries, a.At, a.Err = a.Size, at, nil
	a.Position, a.Size = 0, 0
}

// fail tells whether it is for good: the log is not as it must be, as opposed to
// not being readable just now.
func (a *selfAudit) fail(err error) (forGood bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Failures++
	a.Err = err
	a.Position, a.Size = 0, 0
	var damage *DamageError
	if forGood = errors.As(err, &damage); forGood {
		a.damage = &DamageError{fmt.Sprintf("the log on disk fails its audit: %s", damage.Problem)}
	}
	return forGood
}

// found is what is wrong with the log on disk, once an audit has found it.
func (a *selfAudit) found() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.damage
}
