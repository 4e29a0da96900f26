package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"spredning/keys"
)

// commitAll is the committer: it takes all that waits, appends it, and hands it
// on to persistAll. It ends when the entrance is closed and nothing waits.
func (l *Ledger) commitAll() {
	defer close(l.persists)
	tick, look := time.NewTicker(retry/4), time.NewTicker(lookEvery)
	defer tick.Stop()
	defer look.Stop()
	for {
		select {
		case first, ok := <-l.requests:
			if !ok {
				l.snapshotAtEnd()
				return
			}
			l.commitGroup(l.gather([]*request{first}))
		case <-tick.C:
			l.tryHeal()
		case <-look.C:
			l.look()
		}
	}
}

// look sees whether the stream still has what was appended: somebody else may
// have trimmed or deleted it; and takes over what others have appended, should the
// stream have failed to tell. A few entries are compared each time, so that sooner
// or later all are.
func (l *Ledger) look() {
	if l.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(l.life, appendTimeout)
	defer cancel()
	l.idle.Wait()
	err := l.follow(ctx)
	if err == nil {
		err = l.compareSome(ctx)
	}
	if err != nil && l.life.Err() == nil {
		l.stop(err)
	}
	l.snapshotSometimes()
}

// lookAt is how many entries are compared at a time: those who submit meanwhile
// wait for it.
const lookAt = 1000

// compareSome compares the next entries of the stream with the log on disk. If
// they cannot be read, all are compared before anything is written again.
func (l *Ledger) compareSome(ctx context.Context) error {
	if l.lookedAt >= l.cfg.Log.Size() {
		l.lookedAt = 0
	}
	to := min(l.lookedAt+lookAt, l.cfg.Log.Size())
	errDone := errors.New("compared some")
	err := l.cfg.Stream.Read(ctx, l.lookedAt, func(index int64, entry []byte) error {
		if index >= to {
			return errDone
		}
		l.lookedAt = index + 1
		return l.sameEntry(index, entry)
	})
	if err == nil || errors.Is(err, errDone) {
		return nil
	}
	l.compared, l.sure = false, 0
	return err
}

// gather adds those who wait already, without waiting for more.
func (l *Ledger) gather(waiting []*request) []*request {
	for len(waiting) < maxBatch {
		select {
		case r, ok := <-l.requests:
			if !ok {
				return waiting
			}
			waiting = append(waiting, r)
		default:
			return waiting
		}
	}
	return waiting
}

// A batch costs the embedded server a file store, some milliseconds whatever is in it.
const (
	// fewWaiting are appended faster one by one, each for itself.
	fewWaiting = 14
	// together is how long those who were answered at the same time take to come again.
	together = 500 * time.Microsecond
	// manyWaiting need not be joined by those who come while the batch before is synced.
	manyWaiting = maxBatch / 2
)

// commitGroup commits those who wait: few one after the other, others together with
// those who come meanwhile. On servers elsewhere an append takes a round among them, and
// batches are cheap, so all go at once.
func (l *Ledger) commitGroup(waiting []*request) {
	if l.cfg.Shared {
		l.commit(waiting)
		return
	}
	if l.crowded {
		time.Sleep(together)
		waiting = l.gather(waiting)
	}
	l.crowded = len(waiting) >= fewWaiting
	if !l.crowded {
		for _, r := range waiting {
			l.commit([]*request{r})
		}
		return
	}
	if len(waiting) < manyWaiting {
		l.idle.Wait()
		waiting = l.gather(waiting)
	}
	l.commit(waiting)
}

// commit decides and appends what waits. After a conflict it catches up and
// decides anew; refusals are told only when what they were decided on is sure.
func (l *Ledger) commit(waiting []*request) {
	for range maxConflicts {
		l.giveWay()
		l.tryHeal()
		if err := l.Err(); err != nil {
			answerAll(waiting, unavailable(err))
			return
		}
		if waiting = l.settleAsked(waiting); len(waiting) == 0 {
			return
		}
		b, refused := l.decide(waiting)
		switch err := l.append(b, refused); {
		case err == nil:
			l.first = len(b.entries) > 0
			l.accept(b, refused)
			return
		case errors.Is(err, ErrConflict):
			l.state.Drop()
			l.lost()
			size := l.cfg.Log.Size()
			if err := l.follow(context.Background()); err != nil {
				l.stop(err)
			} else if l.cfg.Log.Size() == size {
				time.Sleep(headStart) // it is on its way, and cannot be read yet
			}
		case errors.Is(err, errDoubt):
			l.state.Drop() // nothing was to be written, and others may write
			answerAll(waiting, unavailable(err))
			return
		default:
			l.state.Drop()
			l.stop(err)
			answerAll(waiting, unavailable(err))
			return
		}
	}
	err := fmt.Errorf("%w: %d conflicts one after the other", ErrUnknown, maxConflicts)
	l.stop(err)
	answerAll(waiting, unavailable(err))
}

// rivalry is between nodes that append to one stream at the same time. Whoever was
// first decides on at once, while the others must catch up before they try again: it
// would be first for ever, and they would give up.
type rivalry struct {
	first bool      // this node has appended last, as far as it knows
	at    time.Time // another was last seen to be first
}

const (
	// rivals is for how long others are thought of after they were first.
	rivals = time.Second
	// headStart is what they are given then: about what catching up takes.
	headStart = 20 * time.Millisecond
)

// lost notes that another was first.
func (r *rivalry) lost() { r.first, r.at = false, time.Now() }

// giveWay lets others be first, by turns, while there are any. What waits here
// meanwhile goes out together.
func (r *rivalry) giveWay() {
	if r.first && time.Since(r.at) < rivals {
		time.Sleep(headStart)
		r.first = false
	}
}

// settleAsked catches up with the stream if any only asked for that, answers
// them and gives the others.
func (l *Ledger) settleAsked(waiting []*request) (rest []*request) {
	var asked []*request
	for _, r := range waiting {
		if r.nudge {
			l.nudged.Store(false)
		}
		if r.signed == nil {
			asked = append(asked, r)
		} else {
			rest = append(rest, r)
		}
	}
	if len(asked) == 0 {
		return rest
	}
	if err := l.catchUp(context.Background()); err != nil {
		l.stop(err)
		answerAll(asked, unavailable(err))
		return rest
	}
	if slices.ContainsFunc(asked, func(r *request) bool { return !r.nudge }) && l.cfg.Shared {
		ctx, cancel := context.WithTimeout(context.Background(), appendTimeout)
		defer cancel()
		if err := l.unmoved(ctx); err != nil && !errors.Is(err, ErrConflict) {
			answerAll(asked, unavailable(err))
			return rest
		}
	}
	answerAll(asked, nil)
	return rest
}

// refusal is an answer that waits for the batch to be sure; without an error it
// is that to a trial.
type refusal struct {
	*request
	err error
}

// decide decides each of those who wait on the state as the earlier ones leave
// it.
func (l *Ledger) decide(waiting []*request) (b *batch, refused []refusal) {
	b = &batch{}
	for _, r := range waiting {
		err := r.refused(l.state)
		if index, used := l.state.Find(r.signed.ID); used {
			b.again = append(b.again, again{r, index, err})
			continue
		}
		if err != nil || r.try {
			refused = append(refused, refusal{r, err})
			continue
		}
		e := &Entry{*r.signed, l.state.position, r.entry}
		Evolve(l.state, e)
		b.entries, b.waiting = append(b.entries, e), append(b.waiting, r)
	}
	return b, refused
}

// refused is why the event is not admissible now; nil: it is.
func (r *request) refused(s *State) error {
	if r.late != nil {
		return r.late
	}
	if r.try {
		r.signed.lacking = new(Missing)
	}
	return Decide(s, r.signed)
}

// append makes a batch durable in the stream, at the expected place. When it is
// all refusals, that no other has appended is what makes them sure.
func (l *Ledger) append(b *batch, refused []refusal) error {
	ctx, cancel := context.WithTimeout(context.Background(), appendTimeout)
	defer cancel()
	switch {
	case len(b.entries) > 0:
		return l.cfg.Stream.Append(ctx, b.entries[0].Index, bytesOf(b.entries))
	case len(refused) > 0 && l.cfg.Shared:
		return l.unmoved(ctx)
	}
	return nil
}

// unmoved gives ErrConflict if the stream does not end where the state does, and wraps
// errDoubt if that is not sure.
func (l *Ledger) unmoved(ctx context.Context) error {
	span, err := l.span(ctx)
	switch {
	case err != nil:
		return err
	case span.Last+1 != l.state.position:
		return ErrConflict
	case span.Doubt != nil:
		return fmt.Errorf("%w: %w", errDoubt, span.Doubt)
	}
	return nil
}

// errDoubt is wrapped when it is not sure that what a refusal rests on is all there is.
var errDoubt = errors.New("the newest entries may not be known here")

func bytesOf(entries []*Entry) [][]byte {
	all := make([][]byte, len(entries))
	for i, e := range entries {
		all[i] = e.Bytes
	}
	return all
}

// accept keeps the new state and hands the batch on.
func (l *Ledger) accept(b *batch, refused []refusal) {
	l.keep(b.entries)
	b.logKey = l.state.LogKey()
	for _, r := range refused {
		r.answer <- answer{err: r.err}
	}
	if len(b.entries)+len(b.again) > 0 {
		l.idle.Add(1)
		l.persists <- b
	}
}

// keep makes the state final, and its new keys known to those who verify.
func (l *Ledger) keep(entries []*Entry) {
	l.state.Keep()
	for _, e := range entries {
		switch d := e.Data.(type) {
		case *Founding:
			for _, k := range d.Keys {
				l.know(k)
			}
		case *Enrolment:
			l.know(d.Key)
		}
	}
}

func (l *Ledger) know(k Key) {
	public := k.PublicKey()
	l.known.Store(public.ID(), public)
}

func unavailable(err error) *Refusal {
	return refuse(Unavailable, "the ledger cannot write now (%s); send the same bytes again later", err)
}

func answerAll(waiting []*request, err error) {
	for _, r := range waiting {
		r.answer <- answer{err: err}
	}
}

// persistAll extends the second copy with each batch, and then tells those who
// wait for it. It runs beside the committer: while one batch is synced here, the
// next is on its way into the stream.
func (l *Ledger) persistAll() {
	defer close(l.applies)
	for b := range l.persists {
		l.persist(b)
		l.idle.Done()
	}
}

func (l *Ledger) persist(b *batch) {
	if err := l.extend(b.entries, b.logKey); err != nil {
		// In the stream, yet not provable here: the committer reads it again.
		l.stop(err)
		answerAll(b.waiting, unavailable(err))
		for _, a := range b.again {
			a.answer <- answer{err: unavailable(err)}
		}
		return
	}
	for i, r := range b.waiting {
		r.answer <- answer{index: b.entries[i].Index}
	}
	for _, a := range b.again {
		a.answer <- l.same(a)
	}
	l.apply(b.entries)
}

// extend appends entries to the second copy with a new checkpoint, signed with
// the log key after them. That the stream has all that was ever shown, begin has
// made sure of before.
func (l *Ledger) extend(entries []*Entry, logKey string) error {
	if len(entries) == 0 {
		return nil
	}
	if at := l.cfg.Log.Size(); entries[0].Index != at {
		return fmt.Errorf("%w: the log on disk ends at entry %d, the next would be %d", ErrUnknown, at, entries[0].Index)
	}
	if err := l.cfg.Log.Append(bytesOf(entries), l.signer(logKey).checkpoint); err != nil {
		return fmt.Errorf("extending the log on disk: %w", err)
	}
	l.showFirst()
	l.grow()
	return nil
}

// same answers a request whose id is in the ledger: the first receipt if it is
// the same event, a refusal if it is another.
func (l *Ledger) same(a again) answer {
	stored, err := l.cfg.Log.Entry(a.index)
	if err != nil {
		return answer{err: unavailable(err)}
	}
	envelope, err := keys.Parse(stored)
	if err != nil {
		return answer{err: unavailable(err)}
	}
	if bytes.Equal(envelope.Payload, a.signed.Envelope.Payload) {
		return answer{index: a.index, again: true}
	}
	return answer{err: a.err}
}

// apply hands entries to the projections.
func (l *Ledger) apply(entries []*Entry) {
	if l.cfg.Apply != nil && len(entries) > 0 {
		l.applies <- applied{entries: entries}
	}
}

func (l *Ledger) applyAll() {
	for a := range l.applies {
		if a.then != nil {
			a.then()
			continue
		}
		l.cfg.Apply(a.entries)
	}
}

// tryHeal goes on after a failure that may have passed: it lets the stream
// recover, compares its span and reads what is missing here.
func (l *Ledger) tryHeal() {
	s := l.stopped.Load()
	if s == nil || !s.heals || time.Now().Before(s.nextAt) {
		return
	}
	l.idle.Wait()
	l.nudged.Store(false) // one that came meanwhile was dropped
	err := l.recover()
	if err == nil {
		err = l.begin(l.life)
	}
	if err != nil {
		l.stop(err)
		return
	}
	l.stopped.Store(nil)
	l.cfg.Logger.Info("the ledger writes again", "entries", l.Size())
}

// Suspect says that the server of the stream has failed someone else. Nothing is
// written until it has recovered, as after an append that failed. Servers that are
// shared recover by themselves, and may have refused the other one alone.
func (l *Ledger) Suspect(err error) {
	if !l.cfg.Shared {
		l.stop(err)
	}
}

func (l *Ledger) recover() error {
	ctx, cancel := context.WithTimeout(l.life, appendTimeout)
	defer cancel()
	return l.cfg.Stream.Recover(ctx)
}

// begin compares what was shown, the second copy and the stream, if that is
// still to be done, and takes over what the stream has more.
func (l *Ledger) begin(ctx context.Context) error {
	if !l.compared {
		if err := l.compareShown(l.cfg.Log.Size(), l.cfg.Log); err != nil {
			return err
		}
		if err := l.compareStream(ctx); err != nil {
			return err
		}
		l.compared = true
	}
	if err := l.follow(ctx); err != nil {
		return err
	}
	return l.compareOthers(ctx)
}

// follow takes over what the stream has more, once it is sure that it does not
// have less.
func (l *Ledger) follow(ctx context.Context) error {
	if err := l.compareSpan(ctx); err != nil {
		return err
	}
	return l.catchUp(ctx)
}

// catchUp takes over what the stream has more than the second copy, up to the
// first entry that is missing or not admissible, where it stops for good.
func (l *Ledger) catchUp(ctx context.Context) error {
	l.idle.Wait()
	var taken []*Entry
	flush := func() error {
		l.keep(taken)
		err := l.extend(taken, l.state.LogKey())
		if err == nil {
			l.apply(taken)
		}
		taken = nil
		return err
	}
	next := l.cfg.Log.Size()
	err := l.cfg.Stream.Read(ctx, next, func(index int64, b []byte) error {
		l.lost()
		if index != next {
			return &DamageError{fmt.Sprintf("the stream has a gap: entry %d follows where %d should", index, next)}
		}
		e, err := l.take(index, bytes.Clone(b))
		if err != nil {
			return err
		}
		taken, next = append(taken, e), next+1
		if next == l.shown.Size || len(taken) >= maxBatch && next > l.shown.Size {
			return flush()
		}
		return nil
	})
	if len(taken) > 0 {
		err = errors.Join(flush(), err)
	}
	return err
}

// take checks an entry that stands in the stream as if it were submitted, but
// for the clock, and evolves the state with it. One that this node appended
// itself, and could not extend its second copy with, is in the state already.
func (l *Ledger) take(index int64, b []byte) (*Entry, error) {
	e, err := ParseEntry(index, b)
	if err == nil && index >= l.state.position {
		err = l.admit(e)
	}
	var damage *DamageError
	if err != nil && !errors.As(err, &damage) {
		err = &DamageError{fmt.Sprintf("entry %d in the stream is not admissible: %s", index, err)}
	}
	return e, err
}

func (l *Ledger) admit(e *Entry) error {
	if err := VerifyEntry(e, l.state.Key); err != nil {
		return err
	}
	if err := Decide(l.state, &e.Signed); err != nil {
		return err
	}
	if err := l.signable(e); err != nil {
		return err
	}
	Evolve(l.state, e)
	return nil
}

// signable checks that this node can sign checkpoints after an entry.
func (l *Ledger) signable(e *Entry) error {
	switch d := e.Data.(type) {
	case *Founding:
		if e.Ledger != l.cfg.LogKey.Name() {
			return &DamageError{fmt.Sprintf("the entries are of ledger %q, the log key of %q", e.Ledger, l.cfg.LogKey.Name())}
		}
		return l.holds(d.LogKey)
	case *LedgerAmendment:
		return l.holds(d.LogKey)
	}
	return nil
}

// VerifyEntry checks the entry's signatures against the keys of a state; the
// founding's against those that it lists.
func VerifyEntry(e *Entry, key func(keys.ID) (keys.Public, bool)) error {
	if d, ok := e.Data.(*Founding); ok {
		key = d.key
	}
	pae := keys.PAE(e.Envelope.Payload)
	for _, s := range e.Envelope.Signatures {
		k, ok := key(s.KeyID)
		if !ok {
			return refuse(UnknownKey, "key %s is not enrolled", s.KeyID)
		}
		if !k.Verify(pae, s.Sig) {
			return refuse(BadSignature, "the signature of key %s is not over this event", s.KeyID)
		}
	}
	return nil
}

// key finds a key that the founding lists.
func (d *Founding) key(id keys.ID) (keys.Public, bool) {
	for _, k := range d.Keys {
		if public := k.PublicKey(); public.ID() == id {
			return public, true
		}
	}
	return keys.Public{}, false
}

// watch asks the committer to catch up whenever others have appended.
func (l *Ledger) watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := l.cfg.Stream.Watch(ctx, func(index int64) {
			l.sawStream(index + 1)
			if index >= l.Size() {
				l.nudge()
			}
		})
		if err != nil && ctx.Err() == nil {
			l.cfg.Logger.Warn("watching the stream", "error", err)
			time.Sleep(retry)
		}
	}
}

// nudge asks the committer to catch up, without waiting for it.
func (l *Ledger) nudge() {
	l.entrance.RLock()
	defer l.entrance.RUnlock()
	if l.closed || !l.nudged.CompareAndSwap(false, true) {
		return
	}
	select {
	case l.requests <- &request{answer: make(chan answer, 1), nudge: true}:
	default: // it is busy, and the next entry nudges again
		l.nudged.Store(false)
	}
}
