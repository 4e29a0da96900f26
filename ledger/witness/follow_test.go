package witness_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"spredning/ledger"
	"spredning/ledger/witness"
)

func listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }

func (s *server) follow(place string) error {
	s.t.Helper()
	return witness.Follower{Witness: s.Witness, Place: place, Every: time.Minute}.Look(s.t.Context())
}

func (s *server) seen() int64 {
	l, _ := s.Log(origin)
	return l.Size
}

// A witness that fetches: it learns the keys, follows them, and cosigns.
func TestFollow(t *testing.T) {
	t.Parallel()
	n := newNode(t, false)
	s := newServer(t, "witness.example/w", 50)
	n.grow(2)
	noError(t, s.follow(n.http.URL))
	if s.seen() != 3 {
		t.Fatalf("seen are %d entries", s.seen())
	}
	g := s.get("/" + origin + "/checkpoint")
	if g.status != 200 || !strings.Contains(g.body, "— witness.example/w ") {
		t.Fatalf("shown is %+v", g)
	}
	noError(t, s.follow(n.http.URL)) // nothing new
	if again := s.get("/" + origin + "/checkpoint"); again.body != g.body {
		t.Errorf("nothing is new, and yet shown is\n%s", again.body)
	}
	s.reopen()
	n.grow(300)
	noError(t, s.follow(n.http.URL))
	if s.seen() != 303 {
		t.Fatalf("seen are %d entries", s.seen())
	}
	// What was pulled can be asked for, too: its key is known now.
	n.grow(1)
	request := witness.Request{Old: 303, Checkpoint: n.log.Checkpoint()}
	if g := s.post(request.Encode()); g.status != 422 {
		t.Errorf("asked without a proof: %+v", g)
	}
}

// The log's key changes: a witness that learned the first one learns the next, from
// an entry that the authority signed, and nothing but that.
func TestFollowKeyChange(t *testing.T) {
	t.Parallel()
	n := newNode(t, false)
	s := newServer(t, "witness.example/w", 50)
	noError(t, s.follow(n.http.URL))
	n.next = logKey(t, 98)
	n.reopen()
	n.submit(&ledger.LedgerAmendment{LogKey: n.next.String()})
	n.grow(1)
	noError(t, s.follow(n.http.URL))
	if s.seen() != 3 {
		t.Fatalf("seen are %d entries", s.seen())
	}
	s.reopen() // what was learned is kept
	n.grow(1)
	noError(t, s.follow(n.http.URL))

	// Another ledger of the same name, founded by another with another key.
	other := newNode(t, false)
	other.close()
	other.dir, other.key, other.admin = t.TempDir(), logKey(t, 97), seededKey(7)
	other.open()
	yes := true
	other.submit(&ledger.Founding{
		Name: "Test", Illustrative: &yes, LogKey: other.key.String(),
		Authority: ledger.Organisation{Orgnr: authority, Name: "En annen", Short: "A", Kind: ledger.KindAuthority},
		Keys:      []ledger.Key{enrolled(other.admin, ledger.Admin)},
	})
	other.grow(9)
	if err := s.follow(other.http.URL); err == nil || !strings.Contains(err.Error(), "names other log keys than before") {
		t.Errorf("an impostor: %v", err)
	}
	if s.seen() != 4 {
		t.Errorf("seen are %d entries", s.seen())
	}
}

// A ledger that shows one view to one and another to another.
func TestFollowSplitView(t *testing.T) {
	t.Parallel()
	n := newNode(t, false)
	n.grow(2)
	fork := &node{t: t, dir: n.backup(), key: n.key, admin: n.admin, stop: func() {}}
	fork.open()
	t.Cleanup(fork.close)
	s := newServer(t, "witness.example/w", 50)
	n.grow(2)
	noError(t, s.follow(n.http.URL))
	fork.grow(1)
	if err := s.follow(fork.http.URL); !errors.Is(err, ledger.ErrShrunk) {
		t.Errorf("fewer entries: %v", err)
	}
	fork.grow(3)
	var conflict *witness.ConflictError
	if err := s.follow(fork.http.URL); !errors.As(err, &conflict) || !conflict.Split {
		t.Errorf("another view: %v", err)
	}
	if l, _ := s.Log(origin); l.Size != 5 || len(l.Splits) != 1 {
		t.Errorf("seen are %d entries, %d splits", l.Size, len(l.Splits))
	}
	noError(t, s.follow(n.http.URL))
}

// With keys alone nothing is cosigned but what the log asks for.
func TestKeysOnly(t *testing.T) {
	t.Parallel()
	n := newNode(t, true)
	s := newServer(t, "witness.example/w", 50)
	noError(t, witness.Follower{Witness: s.Witness, Place: n.http.URL, Every: time.Minute, KeysOnly: true}.Look(t.Context()))
	if s.seen() != 0 {
		t.Fatalf("seen are %d entries", s.seen())
	}
	n.rounds(policyOf(1, s))
	n.grow(1)
	n.witnessedBy(2, 1)
}
