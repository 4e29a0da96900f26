package ledger

import (
	"context"
	"errors"
	"time"

	"spredning/keys"
)

// The signer's clock may be this far off when an event is submitted.
const (
	maxAhead = 5 * time.Minute
	maxAge   = 30 * 24 * time.Hour
)

// Submit is the only entrance. It takes an envelope's bytes, makes the event
// durable and gives its receipt; again tells that the very same event stood in
// the ledger before. An error is a *Refusal. After one with code unavailable
// the outcome may be unknown; the same bytes may be sent again.
func (l *Ledger) Submit(ctx context.Context, raw []byte) (receipt Receipt, again bool, err error) {
	r, err := l.request(ctx, raw, false)
	if err != nil {
		return Receipt{}, false, err
	}
	select {
	case a := <-r.answer:
		if a.err != nil {
			return Receipt{}, false, a.err
		}
		if a.again {
			receipt, err = l.Receipt(a.index)
		} else {
			size, signed := l.cfg.Log.Head() // by the log alone: witnesses come after
			receipt, err = prove(l.cfg.Log, size, signed, a.index, r.entry, r.signed.Envelope, l.knows)
		}
		if err != nil {
			l.cfg.Logger.Error("making a receipt", "index", a.index, "error", err)
			return Receipt{}, false, refuse(Unavailable, "the event is in the ledger, its receipt cannot be made right now; send the same bytes again")
		}
		return receipt, a.again, nil
	case <-ctx.Done():
		return Receipt{}, false, refuse(Unavailable, "gave up waiting; the outcome is unknown, send the same bytes again")
	}
}

// request opens, checks and verifies an envelope and hands it to the committer,
// to be appended or only to be tried.
func (l *Ledger) request(ctx context.Context, raw []byte, try bool) (*request, error) {
	leave, err := l.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	signed, err := openEvent(raw)
	if err != nil {
		return nil, err
	}
	r := &request{signed: signed.Signed, late: l.clock(signed.Signed), try: try, answer: make(chan answer, 1)}
	if err := l.checkEvent(signed, r.late); err != nil {
		return nil, err
	}
	if err := l.verify(ctx, signed.Signed, keys.EventV1); err != nil {
		if r.late != nil {
			return nil, r.late
		}
		return nil, err
	}
	r.entry = signed.Envelope.Encode()
	return r, l.enqueue(r)
}

// enter keeps the ledger from closing until the one who entered leaves.
func (l *Ledger) enter() (leave func(), err error) {
	l.entrance.RLock()
	if l.closed {
		l.entrance.RUnlock()
		return nil, refuse(Unavailable, "the ledger is closing; send the same bytes again in a moment")
	}
	return l.entrance.RUnlock, nil
}

// enqueue hands a request to the committer. Only who has entered does.
func (l *Ledger) enqueue(r *request) error {
	select {
	case l.requests <- r:
		return nil
	default:
		return refuse(Overloaded, "%d events wait already; send the same bytes again in a moment", maxWaiting)
	}
}

// opened is an event with what is wrong with its fields, which is only told
// after what goes before.
type opened struct {
	*Signed
	fields error
}

func openEvent(raw []byte) (opened, error) {
	envelope, err := openEnvelope(raw)
	if err != nil {
		return opened{}, err
	}
	event, err := ParseEvent(envelope.Payload)
	if r, ok := err.(*Refusal); ok && r.Code == Malformed {
		return opened{}, r
	}
	return opened{&Signed{Event: event, Envelope: envelope}, err}, nil
}

func openEnvelope(raw []byte) (keys.Envelope, error) {
	envelope, err := keys.Open(raw)
	if errors.Is(err, keys.ErrTooLarge) {
		return envelope, refuse(TooLarge, "an event with its signatures has at most %d bytes; move long texts to an attachment", keys.MaxSize)
	}
	if err != nil {
		return envelope, refuse(Malformed, "%s", err)
	}
	return envelope, nil
}

// checkEvent refuses what needs no state: another ledger, then the clock and
// fields. The clock alone is told later: an event that is in the ledger already
// may be as old as it likes.
func (l *Ledger) checkEvent(o opened, late *Refusal) error {
	if o.Ledger != l.Origin() {
		return refuse(WrongLedger, "the event is for %q, this ledger is %q", o.Ledger, l.Origin()).at("/ledger")
	}
	if o.fields != nil && late != nil {
		return late
	}
	if o.fields != nil {
		return o.fields
	}
	switch d := o.Data.(type) {
	case *Founding:
		if d.LogKey != l.cfg.LogKey.String() {
			return refuse(InvalidField, "must be this node's log key, %s", l.cfg.LogKey).at("/data/log_key")
		}
	case *LedgerAmendment:
		if l.signer(d.LogKey) == nil {
			return refuse(InvalidField, "this node does not hold that key; put its file in keys/log.next on every node and start them again first").at("/data/log_key")
		}
	}
	return nil
}

func (l *Ledger) clock(e *Signed) *Refusal {
	now := l.cfg.Now()
	switch {
	case e.At.IsZero():
		return nil // no time at all: an invalid field
	case e.At.After(now.Add(maxAhead)):
		return refuse(Clock, "the event's time is more than 5 minutes ahead of the server's, %s; set the clock and sign again", now.UTC().Format(time.RFC3339)).at("/at")
	case e.At.Before(now.Add(-maxAge)):
		return refuse(Clock, "the event's time is more than 30 days ago; sign again").at("/at")
	}
	return nil
}

// verify checks every signature, over a payload of this type, against the key that its
// id names.
func (l *Ledger) verify(ctx context.Context, e *Signed, payloadType string) error {
	checks, err := l.checks(ctx, e, payloadType)
	if err != nil {
		return err
	}
	if l.verifier.Verify(checks...) {
		return nil
	}
	for i, c := range checks {
		if !c.Key.Verify(c.Message, c.Sig) {
			return refuse(BadSignature, "the signature of key %s is not over this; sign the DSSE encoding (PAE) of exactly these bytes, of type %s", e.Envelope.Signatures[i].KeyID, payloadType)
		}
	}
	return nil
}

func (l *Ledger) checks(ctx context.Context, e *Signed, payloadType string) ([]keys.Check, error) {
	pae := keys.PAEOf(payloadType, e.Envelope.Payload)
	checks := make([]keys.Check, len(e.Envelope.Signatures))
	caughtUp := false
	for i, s := range e.Envelope.Signatures {
		public, ok := l.keyFor(e, s.KeyID)
		if !ok && !caughtUp && (l.cfg.Shared || l.Err() != nil) {
			// Another node may have just enrolled it, or an append whose outcome
			// is unknown.
			if err := l.settle(ctx); err != nil {
				return nil, err
			}
			caughtUp = true
			public, ok = l.keyFor(e, s.KeyID)
		}
		if !ok {
			return nil, refuse(UnknownKey, "key %s is not enrolled; an admin of your organisation or the authority enrols it", s.KeyID)
		}
		checks[i] = keys.Check{Key: public, Message: pae, Sig: s.Sig}
	}
	return checks, nil
}

// keyFor finds the key that a signature names. The founding brings its own.
func (l *Ledger) keyFor(e *Signed, id keys.ID) (keys.Public, bool) {
	if d, ok := e.Data.(*Founding); ok {
		for _, k := range d.Keys {
			if public := k.PublicKey(); public.ID() == id {
				return public, true
			}
		}
	}
	return l.knows(id)
}

// settle waits until the committer has caught up with the stream.
func (l *Ledger) settle(ctx context.Context) error {
	r := &request{answer: make(chan answer, 1)}
	if err := l.enqueue(r); err != nil {
		return err
	}
	select {
	case a := <-r.answer:
		return a.err
	case <-ctx.Done():
		return refuse(Unavailable, "gave up waiting for the stream; send the same bytes again")
	}
}
