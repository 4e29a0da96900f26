package ledger

import "context"

// Missing is what an event lacks that not all have signed who must.
type Missing struct {
	// Organisations are those that must sign too. There are none where the rule
	// leaves open who: the committee's events.
	Organisations []Orgnr
	Detail        string // who must sign, in plain words
}

// Trial is what would come of submitting an event now.
type Trial struct {
	Index   int64    // of its entry, if the very same event is in the ledger already; else -1
	Missing *Missing // the signatures that it lacks; nil: none
}

// Try says what would come of an event if it were submitted now, and appends
// nothing. It is checked and decided as by Submit, on a state that is as sure,
// and then as if those who must sign too had signed: an error is the *Refusal
// that is left whoever else signs, or says that it cannot be known now.
func (l *Ledger) Try(ctx context.Context, raw []byte) (Trial, error) {
	r, err := l.request(ctx, raw, true)
	if err != nil {
		return Trial{}, err
	}
	select {
	case a := <-r.answer:
		if a.err != nil {
			return Trial{}, a.err
		}
		if a.again {
			return Trial{Index: a.index}, nil
		}
		t := Trial{Index: -1}
		if r.signed.lacking.Detail != "" {
			t.Missing = r.signed.lacking
		}
		return t, nil
	case <-ctx.Done():
		return Trial{}, refuse(Unavailable, "gave up waiting; ask again")
	}
}
