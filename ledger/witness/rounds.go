package witness

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"spredning/ledger"
	"spredning/ledger/tiles"
)

// Rounds has the witnesses of a policy cosign a ledger's checkpoints, off the
// commit path: a round asks all of them for the newest, at the same time, and the
// next takes what has come meanwhile. As soon as the policy is met readers are
// shown that checkpoint, and again with each cosignature that comes after.
type Rounds struct {
	Ledger *ledger.Ledger // opened with Config.Witnessed
	Log    *tiles.Log     // of the ledger
	Policy *Policy        // whose witnesses can all be reached
	Logger *slog.Logger

	// Pace is the time from one round to the next, at least; 0: a second.
	Pace time.Duration
	// Timeout is how long a round waits for witnesses; 0: five seconds.
	Timeout time.Duration

	witnesses []*asked
	head      head
	lines     [][]byte // cosignatures of head, by witness; nil: none yet
	shown     int      // how many of them readers are shown
}

const (
	defaultPace    = time.Second
	defaultTimeout = 5 * time.Second
)

// Run holds rounds until the context ends.
func (r *Rounds) Run(ctx context.Context) {
	r.begin()
	for ctx.Err() == nil {
		grown := r.Ledger.Grown()
		r.take()
		wait := r.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.Pace):
		}
		select {
		case <-ctx.Done():
		case <-grown:
		case <-time.After(wait):
		}
	}
}

func (r *Rounds) begin() {
	if r.Pace == 0 {
		r.Pace = defaultPace
	}
	if r.Timeout == 0 {
		r.Timeout = defaultTimeout
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, w := range r.Policy.Witnesses {
		r.witnesses = append(r.witnesses, &asked{Asked: w, http: client})
	}
}

// take takes the newest checkpoint, if it is of more entries than the last one.
func (r *Rounds) take() {
	size, signed := r.Log.Head()
	if signed == nil || size == r.head.size {
		return
	}
	alone, err := byLog(signed)
	if err != nil {
		r.Logger.Error("reading the newest checkpoint", "error", err)
		return
	}
	r.head = head{size, alone, r.Log}
	r.lines, r.shown = make([][]byte, len(r.witnesses)), -1
}

// answered is what a witness has answered.
type answered struct {
	witness int
	lines   []byte
	err     error
}

// round asks those who have not cosigned the head yet and are not to be left alone,
// and tells how long there is nothing more to do unless the ledger grows.
func (r *Rounds) round(ctx context.Context) time.Duration {
	if r.head.signed == nil {
		return longest
	}
	asking, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	answers, open := r.ask(asking)
	// Once the policy is met the others get a moment more, not all the time there is.
	enough := sync.OnceFunc(func() { time.AfterFunc(r.Timeout/5, cancel) })
	if r.show() {
		enough()
	}
	for ; open > 0; open-- {
		if a := <-answers; ctx.Err() == nil {
			r.note(a)
		}
		if r.show() {
			enough()
		}
	}
	return r.pause()
}

// ask asks several witnesses at the same time, and tells how many.
func (r *Rounds) ask(ctx context.Context) (answers chan answered, open int) {
	answers = make(chan answered, len(r.witnesses))
	for i, w := range r.witnesses {
		if r.lines[i] != nil || time.Now().Before(w.nextAt) {
			continue
		}
		open++
		go func() {
			lines, err := w.cosignatures(ctx, r.head)
			answers <- answered{i, lines, err}
		}()
	}
	return answers, open
}

// note keeps what a witness has answered.
func (r *Rounds) note(a answered) {
	w := r.witnesses[a.witness]
	if a.err != nil {
		w.failed(time.Now())
		r.Logger.Warn("a witness has not cosigned", "witness", w.Label, "url", w.URL, "size", r.head.size, "error", a.err, "again_in", time.Until(w.nextAt).Round(time.Second))
		return
	}
	w.failures, w.nextAt = 0, time.Time{}
	r.lines[a.witness] = a.lines
}

// show shows readers the head with its cosignatures, if they meet the policy and
// there are more of them than before. It tells whether they meet it.
func (r *Rounds) show() bool {
	signed := append(bytes.Clone(r.head.signed), bytes.Join(r.lines, nil)...)
	if !r.Policy.Met(signed) {
		return false
	}
	count := 0
	for _, l := range r.lines {
		if l != nil {
			count++
		}
	}
	if count == r.shown {
		return true
	}
	if err := r.Ledger.Publish(signed); err != nil {
		r.Logger.Error("showing the checkpoint that witnesses have cosigned", "size", r.head.size, "error", err)
		return true
	}
	r.shown = count
	return true
}

// pause is the time until a witness may be asked again that has not cosigned.
func (r *Rounds) pause() time.Duration {
	wait := longest
	for i, w := range r.witnesses {
		if r.lines[i] == nil {
			wait = min(wait, max(time.Until(w.nextAt), 0))
		}
	}
	return wait
}
