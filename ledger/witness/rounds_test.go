package witness_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spredning/ledger"
	"spredning/ledger/tiles"
	"spredning/ledger/witness"
)

// policyOf asks for some of several witnesses.
func policyOf(some int, all ...*server) string {
	text, names := "", ""
	for i, s := range all {
		text += fmt.Sprintf("witness w%d %s %s\n", i, s.key, s.url)
		names += fmt.Sprintf(" w%d", i)
	}
	return text + fmt.Sprintf("group g %d%s\nquorum g\n", some, names)
}

// witnessed waits until readers are shown so many entries, cosigned by so many.
func (n *node) witnessedBy(size int64, count int) (checkpoint []byte) {
	n.t.Helper()
	waitFor(n.t, fmt.Sprintf("%d entries cosigned by %d", size, count), func() bool {
		w, _ := n.Witnessed()
		return w.Size == size && len(w.By) == count
	})
	_, checkpoint = n.Published()
	return checkpoint
}

func servers(t testing.TB, n *node) (all []*server) {
	for i, name := range []string{"nord.example", "vest.example/w", "sor.example"} {
		all = append(all, newServer(t, name, byte(60+i), n.key.String()))
	}
	return all
}

// Two of three witnesses are enough; one is dead, then it comes back.
func TestQuorum(t *testing.T) {
	t.Parallel()
	n := newNode(t, true)
	ws := servers(t, n)
	p, err := witness.ParsePolicy([]byte(policyOf(2, ws...)))
	noError(t, err)
	address := strings.TrimPrefix(ws[2].url, "http://")
	ws[2].http.Close()
	n.rounds(policyOf(2, ws...))
	signed := n.witnessedBy(1, 2)
	if !p.Met(signed) {
		t.Fatalf("shown is\n%s", signed)
	}
	last := n.grow(20)
	if !strings.HasPrefix(string(last.Checkpoint), origin+"\n21\n") || strings.Contains(string(last.Checkpoint), "nord.example") {
		t.Errorf("the receipt of a submission has\n%s", last.Checkpoint)
	}
	signed = n.witnessedBy(21, 2)
	if !p.Met(signed) {
		t.Fatalf("shown is\n%s", signed)
	}
	receipt, err := n.Receipt(20)
	noError(t, err)
	if string(receipt.Checkpoint) != string(signed) {
		t.Errorf("a later receipt has\n%s", receipt.Checkpoint)
	}
	_, _, err = receipt.Verify(n.key.String())
	noError(t, err)

	revived := httptest.NewUnstartedServer(ws[2].Handler())
	listener, err := listen(address)
	if err != nil {
		t.Skipf("its address is taken: %v", err)
	}
	revived.Listener = listener
	revived.Start()
	defer revived.Close()
	n.witnessedBy(21, 3) // nothing is added meanwhile
	if w, _ := n.Witnessed(); !slices.Equal(w.By, []string{"nord.example", "vest.example/w", "sor.example"}) {
		t.Errorf("by %v", w.By)
	}
}

// Without enough witnesses readers are shown what they were shown, and submissions
// go on.
func TestNoQuorum(t *testing.T) {
	t.Parallel()
	n := newNode(t, true)
	ws := servers(t, n)
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or nobody would notice that the client leaves
		<-r.Context().Done()
	}))
	defer hanging.Close()
	policy := policyOf(2, ws...)
	for _, w := range ws[1:] {
		policy = strings.Replace(policy, w.url, hanging.URL, 1)
	}
	n.rounds(policy)
	start := time.Now()
	n.grow(20)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("20 submissions took %s", took)
	}
	time.Sleep(time.Second)
	if size, signed := n.Published(); size != 1 || strings.Contains(string(signed), "nord") {
		t.Errorf("shown is\n%s", signed)
	}
	if w, asked := n.Witnessed(); !asked || w.Size != 0 || len(w.By) != 0 {
		t.Errorf("witnessed is %+v", w)
	}
	receipt, err := n.Receipt(20) // which what is shown does not have
	noError(t, err)
	_, c, err := receipt.Verify(n.key.String())
	noError(t, err)
	if c.Size != 21 {
		t.Errorf("the receipt is of %d entries", c.Size)
	}
	n.stop()
	n.rounds(policyOf(2, ws...))
	n.witnessedBy(21, 3)
}

// What readers are shown does not go back: not when the node is started again, nor
// when the witnesses are gone or another policy is asked for.
func TestRestart(t *testing.T) {
	t.Parallel()
	n := newNode(t, true)
	ws := servers(t, n)
	n.rounds(policyOf(3, ws...))
	n.grow(4)
	signed := n.witnessedBy(5, 3)
	n.stop()
	n.stop = func() {}
	n.grow(3)
	n.reopen()
	if size, now := n.Published(); size != 5 || string(now) != string(signed) {
		t.Fatalf("after a restart readers are shown\n%s", now)
	}
	if err := n.Publish(n.log.Checkpoint()[:0]); err == nil {
		t.Error("nothing is shown")
	}
	older, err := n.Receipt(0)
	noError(t, err)
	n.rounds(policyOf(3, ws...)) // which have seen 5, and must be told that from nothing
	n.witnessedBy(8, 3)
	if err := n.Publish(older.Checkpoint); err == nil {
		t.Error("readers are shown fewer entries")
	}
	for _, w := range ws {
		if l, _ := w.Log(origin); l.Size != 8 {
			t.Errorf("%s has seen %d", w.key.Name(), l.Size)
		}
	}
	// Without witnesses, and later with them again.
	n.witnessed = false
	n.reopen()
	n.grow(2)
	if size, _ := n.Published(); size != 10 {
		t.Errorf("without witnesses readers are shown %d entries", size)
	}
	if _, asked := n.Witnessed(); asked {
		t.Error("witnesses are asked")
	}
	n.witnessed = true
	n.reopen()
	if size, _ := n.Published(); size != 10 {
		t.Errorf("with witnesses again readers are shown %d entries, they had seen 10", size)
	}
	n.rounds(policyOf(3, ws...))
	n.witnessedBy(10, 3)
}

// Readers who were shown fewer entries than there are find the tiles for them.
func TestTilesOfWitnessed(t *testing.T) {
	t.Parallel()
	n := newNode(t, true)
	n.rounds(policyOf(3, servers(t, n)...))
	n.grow(4)
	n.witnessedBy(5, 3)
	n.stop()
	n.stop = func() {}
	n.grow(300)
	source, err := tiles.NewRemote(t.Context(), n.http.URL)
	noError(t, err)
	p, err := ledger.ReadPublished(source, n.key.String())
	noError(t, err)
	if p.Size != 5 {
		t.Fatalf("shown are %d entries", p.Size)
	}
	read := 0
	noError(t, ledger.Replay(p.Tree, 0, p.Size, func(es []*ledger.Entry) error { read += len(es); return nil }))
	if read != 5 {
		t.Errorf("read %d", read)
	}
}

// An older copy of a whole data folder is put back: a witness has seen more.
func TestWitnessAhead(t *testing.T) {
	t.Parallel()
	n := newNode(t, true)
	ws := servers(t, n)[:1]
	n.grow(2)
	backup := n.backup()
	n.rounds(policyOf(1, ws...))
	n.grow(2)
	n.witnessedBy(5, 1)
	n.close()

	// The witness shows it at its address, as --peer reads it.
	peer := ws[0].url + "/" + origin
	n.dir = backup
	n.others = []ledger.Other{{Name: peer, Checkpoint: func(ctx context.Context) ([]byte, error) {
		source, err := tiles.OpenSource(ctx, peer)
		if err != nil {
			return nil, err
		}
		return source.Resource("checkpoint")
	}}}
	n.open()
	if err := n.Err(); err == nil || !strings.Contains(err.Error(), "has a checkpoint of 5 entries, the log on disk has 3") {
		t.Errorf("the node says %v", err)
	}
}

// The witnessed checkpoint outlives a log that has lost its end, and speaks up.
func TestWitnessedFileAhead(t *testing.T) {
	t.Parallel()
	n := newNode(t, true)
	ws := servers(t, n)[:1]
	n.grow(2)
	backup := n.backup()
	n.rounds(policyOf(1, ws...))
	n.grow(2)
	signed := n.witnessedBy(5, 1)
	n.close()
	n.dir = backup
	log, err := tiles.Open(filepath.Join(backup, "log"))
	noError(t, err)
	noError(t, log.KeepWitnessed(signed))
	noError(t, log.Close())
	n.open()
	if err := n.Err(); err == nil || !strings.Contains(err.Error(), "shorter than the last checkpoint") {
		t.Errorf("the node says %v", err)
	}
}

// The log's key changes while witnesses watch: what they cosigned under the old one
// is shown until they cosign under the new one, also by a node that has only that.
func TestKeyChange(t *testing.T) {
	t.Parallel()
	n := newNode(t, true)
	n.next = logKey(t, 98)
	n.reopen()
	w := newServer(t, "nord.example", 60, n.key.String())
	n.rounds(policyOf(1, w))
	n.grow(1)
	n.witnessedBy(2, 1)
	n.submit(&ledger.LedgerAmendment{LogKey: n.next.String()})
	n.grow(1)
	n.stop()
	n.stop = func() {}
	if size, _ := n.Published(); size != 2 {
		t.Fatalf("a key that the witness does not know: shown are %d entries", size)
	}
	n.key, n.next = n.next, nil
	n.reopen()
	if size, _ := n.Published(); size != 2 {
		t.Fatalf("after the change shown are %d entries", size)
	}
	w.logs = append(w.logs, n.key.String())
	w.reopen()
	n.rounds(policyOf(1, w))
	n.witnessedBy(4, 1)
	receipt, err := n.Receipt(0)
	noError(t, err)
	_, _, err = receipt.Verify(n.key.String())
	noError(t, err)
}
