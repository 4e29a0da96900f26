package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"spredning/keys"
	"spredning/ledger/tiles"
)

// Whoever holds the log's key can sign a tree over anything. Every kind of refusal
// is found there, by index and code, but for the clock's: nothing in a log proves
// when an event was submitted.
func TestAuditNamesEveryRefusal(t *testing.T) {
	published := wGiven(wMaker.publishes("a"))
	confirmed := wAnd(published, wAdopter.confirms("a"))
	foreign := wMaker.publishes("b").onLedger("spredning.example/elsewhere")
	personal := wMaker.withdraws("a")
	personal.data = &Withdrawal{wID("a").String(), wText("Spør 01010750160 om det.")}
	invalid := wMaker.withdraws("a")
	invalid.data = &Withdrawal{wID("a").String(), wText(strings.Repeat("x", 1001))}
	for code, c := range map[Code]struct {
		given []wAct
		when  wAct
		spoil func([]byte) []byte // nil: as it is sealed
	}{
		Malformed:           {published, wMaker.withdraws("a"), func(b []byte) []byte { return append(b, ' ') }},
		WrongLedger:         {published, foreign, nil},
		InvalidField:        {published, invalid, nil},
		PersonalData:        {published, personal, nil},
		UnknownKey:          {published, wMaker.withdraws("a").signedBy(wMaker.key(Report, "never enrolled")), nil},
		BadSignature:        {published, wMaker.withdraws("a"), otherSignature},
		RevokedKey:          {wAnd(published, wMaker.revokes(wMaker.key(Report))), wMaker.withdraws("a"), nil},
		NotAuthorised:       {published, wOther.withdraws("a"), nil},
		MissingSignature:    {nil, wMaker.publishes("b", wBy(wMaker, wPartner)).signedBy(wMaker.key(Report)), nil},
		UnneededSignature:   {published, wMaker.withdraws("a").alsoSignedBy(wOther.key(Report)), nil},
		UnknownOrganisation: {published, wMaker.invites("a", wNewcomer), nil},
		UnknownInnovation:   {nil, wAdopter.confirms("x"), nil},
		UnknownAdoption:     {published, wAdopter.ends("a"), nil},
		AlreadyExists:       {confirmed, wAdopter.confirms("a"), nil},
		WrongState:          {wAnd(published, wMaker.withdraws("a")), wMaker.withdraws("a"), nil},
		OwnInnovation:       {published, wMaker.confirms("a"), nil},
		StaleRevision:       {published, wAdopter.confirms("a", wStale), nil},
		UnderDispute:        {wAnd(confirmed, wAdopter.ends("a"), wOther.disputes("a", wAdopter)), wAdopter.confirms("a"), nil},
		YearNotOpen:         {nil, wAuthority.closes(2026), nil},
	} {
		t.Run(string(code), func(t *testing.T) {
			w := newWorld(t)
			w.given(c.given...)
			bad := w.seal(c.when)
			if c.spoil != nil {
				bad = c.spoil(bad)
			}
			// What comes after it is as good as if it had not been there.
			after := w.seal(wAuthority.opens(2031))
			_, err := audit(t, w.logKey(), append(w.bytes(), bad, after))
			var found *EntryError
			if !errors.As(err, &found) || found.Index != int64(len(w.entries)) || !bytes.Equal(found.Entry, bad) {
				t.Fatalf("entry %d is not named: %v", len(w.entries), err)
			}
			if got := codeOf(found.Err); got != code {
				t.Errorf("found %s: %v", got, err)
			}
			for _, known := range Codes {
				if known == code {
					return
				}
			}
			t.Errorf("%s is no code", code)
		})
	}
}

// codeOf gives the code of a refusal, or malformed for an envelope's form.
func codeOf(err error) Code {
	var r *Refusal
	switch {
	case errors.As(err, &r):
		return r.Code
	case errors.Is(err, keys.ErrMalformed):
		return Malformed
	}
	return ""
}

// otherSignature puts a good signature over something else into an envelope.
func otherSignature(b []byte) []byte {
	e, err := keys.Parse(b)
	if err != nil {
		panic(err)
	}
	e.Signatures[0].Sig = wMaker.key(Report).Sign([]byte("something else"))
	return e.Encode()
}

// longLog is a log over several chunks: every hospital's keys are used in the chunk
// that enrols them, and one is enrolled in a later chunk.
func longLog(t testing.TB, n int) *world {
	w := newWorld(t)
	for i := 0; len(w.entries) < n; i++ {
		k := wMaker.key(Report, "of entry", fmt.Sprint(i))
		w.given(wMaker.enrols(wMaker, k, Report), wMaker.publishes(fmt.Sprint("innovation ", i)).signedBy(k))
	}
	return w
}

func TestAuditOfALongLog(t *testing.T) {
	w := longLog(t, 3*chunk+40)
	good := w.bytes()
	var told []*Entry
	key := w.logKey()
	p, err := ReadPublished(newMemoryLog(t, key, good))
	noErrorIn(t, err)
	for _, workers := range []int{0, 1, 3} {
		told = nil
		done, err := Auditor{Workers: workers, Each: func(es []*Entry) error { told = append(told, es...); return nil }}.Audit(context.Background(), p)
		noErrorIn(t, err)
		if done.Entries != int64(len(good)) || done.Signatures != int64(len(good)) {
			t.Errorf("%d entries, %d signatures", done.Entries, done.Signatures)
		}
		wSame(t, done.State, w.state)
		if !slices.EqualFunc(told, good, func(e *Entry, b []byte) bool { return bytes.Equal(e.Bytes, b) }) {
			t.Errorf("%d workers: not all entries were told in order", workers)
		}
	}
	publishedAfter := func(i int) []byte {
		i += slices.IndexFunc(w.entries[i:], func(e *Entry) bool { return e.Type == InnovationPublished })
		return good[i]
	}
	for name, c := range map[string]struct {
		at    []int // spoilt, the first is named
		spoil func([]byte) []byte
		want  Code
	}{
		"a signature":                         {[]int{2*chunk + 131}, otherSignature, BadSignature},
		"the last signature of a chunk":       {[]int{2*chunk - 1}, otherSignature, BadSignature},
		"the first of a chunk":                {[]int{2 * chunk}, otherSignature, BadSignature},
		"the last of all":                     {[]int{len(good) - 1}, otherSignature, BadSignature},
		"two in a batch":                      {[]int{chunk + 3, chunk + 5}, otherSignature, BadSignature},
		"two in different chunks":             {[]int{chunk + 200, 3 * chunk}, otherSignature, BadSignature},
		"the form":                            {[]int{chunk + 77}, func(b []byte) []byte { return b[:len(b)-1] }, Malformed},
		"the same event twice":                {[]int{chunk + 9}, func([]byte) []byte { return good[chunk+7] }, AlreadyExists},
		"one signed before its key is there":  {[]int{chunk + 9}, func([]byte) []byte { return publishedAfter(chunk + 20) }, UnknownKey},
		"signed by a key of a later chunk":    {[]int{chunk + 9}, func([]byte) []byte { return publishedAfter(3 * chunk) }, UnknownKey},
		"something else after what is broken": {[]int{40, 44}, func(b []byte) []byte { return append(b, ' ') }, Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			bad := slices.Clone(good)
			for _, i := range c.at {
				bad[i] = c.spoil(slices.Clone(bad[i]))
			}
			_, err := audit(t, key, bad)
			var found *EntryError
			if !errors.As(err, &found) || found.Index != int64(c.at[0]) || codeOf(found.Err) != c.want {
				t.Errorf("%v, want entry %d and %s", err, c.at[0], c.want)
			}
		})
	}
}

func noErrorIn(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Who may have signed a checkpoint, the entries tell.
func TestAuditOfACheckpoint(t *testing.T) {
	w := newWorld(t)
	first := w.logKey()
	stranger, err := NewLogKey(wOrigin, wOther.key("log"))
	noErrorIn(t, err)
	elsewhere, err := NewLogKey("spredning.example/elsewhere", wAuthority.key("log"))
	noErrorIn(t, err)
	before := w.bytes()
	w.given(wAuthority.rekeys("2"))
	for name, c := range map[string]struct {
		key     *LogKey
		entries [][]byte
		good    bool
	}{
		"by the founding's key":           {first, before, true},
		"by another key":                  {stranger, before, false},
		"by the key of a later time":      {w.logKey(), before, false},
		"by the key of an earlier time":   {first, w.bytes(), false},
		"by the key that the entry names": {w.logKey(), w.bytes(), true},
		"of another origin":               {elsewhere, before, false},
		"of nothing":                      {first, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := audit(t, c.key, c.entries); (err == nil) != c.good || err != nil && !errors.Is(err, ErrCheckpoint) {
				t.Error(err)
			}
		})
	}
}

// A file that is not as the tree says is named, whatever else is wrong.
func TestAuditOfDamagedFiles(t *testing.T) {
	w := longLog(t, 3*chunk+40)
	whole := newMemoryLog(t, w.logKey(), w.bytes())
	for path, b := range whole {
		t.Run(path, func(t *testing.T) {
			for name, spoilt := range map[string][]byte{
				"a byte":  func() []byte { b := bytes.Clone(b); b[len(b)/2] ^= 1; return b }(),
				"shorter": b[:len(b)-1], "longer": append(bytes.Clone(b), 0), "empty": {},
			} {
				m := memoryLog{}
				for p, b := range whole {
					m[p] = b
				}
				m[path] = spoilt
				p, err := ReadPublished(m)
				if err == nil {
					_, err = Auditor{}.Audit(context.Background(), p)
				}
				var damage *tiles.DamagedError
				if !errors.As(err, &damage) && !errors.Is(err, ErrCheckpoint) || path != "checkpoint" && !strings.Contains(err.Error(), m.Place(path)) {
					t.Errorf("%s: %v", name, err)
				}
			}
			m := memoryLog{}
			for p, b := range whole {
				if p != path {
					m[p] = b
				}
			}
			p, err := ReadPublished(m)
			if err == nil {
				_, err = Auditor{}.Audit(context.Background(), p)
			}
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("missing: %v", err)
			}
		})
	}
}

func TestAuditIsCalledOff(t *testing.T) {
	w := longLog(t, 2*chunk)
	p, err := ReadPublished(newMemoryLog(t, w.logKey(), w.bytes()))
	noErrorIn(t, err)
	enough := errors.New("enough")
	if _, err := (Auditor{Each: func([]*Entry) error { return enough }}).Audit(context.Background(), p); !errors.Is(err, enough) {
		t.Errorf("Each's error: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := (Auditor{Each: func([]*Entry) error { cancel(); return nil }}).Audit(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("called off: %v", err)
	}
}
