package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	formats "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
)

// What follows is RFC 6962 section 2.1 written down from its definitions, so
// that the log is not measured with its own rule.

type hash = [sha256.Size]byte

func leafHash(entry []byte) hash { return sha256.Sum256(append([]byte{0}, entry...)) }

func nodeHash(left, right hash) hash {
	return sha256.Sum256(bytes.Join([][]byte{{1}, left[:], right[:]}, nil))
}

// split is the largest power of two below n.
func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

// treeHash is MTH(D[n]) of leaf hashes.
func treeHash(leaves []hash) hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := split(len(leaves))
	return nodeHash(treeHash(leaves[:k]), treeHash(leaves[k:]))
}

// path is PATH(m, D[n]): the inclusion proof of leaf m.
func path(m int, leaves []hash) []hash {
	if len(leaves) <= 1 {
		return nil
	}
	if k := split(len(leaves)); m < k {
		return append(path(m, leaves[:k]), treeHash(leaves[k:]))
	} else {
		return append(path(m-k, leaves[k:]), treeHash(leaves[:k]))
	}
}

// checkpoint reads and verifies one with another's code.
func (w *world) checkpoint(signed []byte) *formats.Checkpoint {
	w.t.Helper()
	verifier, err := note.NewVerifier(w.logKey.String())
	noError(w.t, err)
	c, _, _, err := formats.ParseCheckpoint(signed, origin, verifier)
	noError(w.t, err)
	return c
}

// bundle parses an entry bundle (c2sp.org/tlog-tiles).
func bundle(t testing.TB, b []byte) (entries [][]byte) {
	t.Helper()
	for len(b) > 0 {
		if len(b) < 2 || len(b) < 2+int(binary.BigEndian.Uint16(b)) {
			t.Fatal("a bundle ends early")
		}
		end := 2 + int(binary.BigEndian.Uint16(b))
		entries, b = append(entries, b[2:end]), b[end:]
	}
	return entries
}

// tile parses a tile of hashes.
func tile(t testing.TB, b []byte) (hashes []hash) {
	t.Helper()
	if len(b)%sha256.Size != 0 {
		t.Fatalf("a tile has %d bytes", len(b))
	}
	for ; len(b) > 0; b = b[sha256.Size:] {
		hashes = append(hashes, hash(b[:sha256.Size]))
	}
	return hashes
}

func leavesOf(entries [][]byte) []hash {
	leaves := make([]hash, len(entries))
	for i, e := range entries {
		leaves[i] = leafHash(e)
	}
	return leaves
}

func TestLogHashesToItsCheckpoint(t *testing.T) {
	w := newWorld(t).found()
	w.fill(560)
	c := w.checkpoint(w.ok("/log/checkpoint", nil).body)
	size := int(c.Size)
	if c.Size != uint64(w.ledger.Size()) || size <= 512 || size >= 768 {
		t.Fatalf("the checkpoint is of %d entries, the ledger has %d", size, w.ledger.Size())
	}
	var entries [][]byte
	var hashes []hash
	for n := range 3 {
		width := ""
		if n == 2 {
			width = fmt.Sprintf(".p/%d", size-512)
		}
		entries = append(entries, bundle(t, w.ok(fmt.Sprintf("/log/tile/entries/%03d%s", n, width), nil).body)...)
		hashes = append(hashes, tile(t, w.ok(fmt.Sprintf("/log/tile/0/%03d%s", n, width), nil).body)...)
	}
	if len(entries) != size || !bytes.Equal(lines(entries), w.ok("/api/v1/events", nil).body) {
		t.Errorf("%d entries in the bundles, not the %d of the events", len(entries), size)
	}
	leaves := leavesOf(entries)
	if fmt.Sprint(leaves) != fmt.Sprint(hashes) {
		t.Error("the tiles of level 0 are not the entries' hashes")
	}
	if root := treeHash(leaves); !bytes.Equal(root[:], c.Hash) {
		t.Error("the entries hash to another root than the checkpoint's")
	}
	level1 := tile(t, w.ok("/log/tile/1/000.p/2", nil).body)
	if len(level1) != 2 || level1[0] != treeHash(leaves[:256]) || level1[1] != treeHash(leaves[256:512]) {
		t.Error("the tile of level 1 is not the roots of those below")
	}
}

func TestPartialTilesOfEveryWidth(t *testing.T) {
	w := newWorld(t).found()
	w.fill(290)
	all, leaves := w.entries(), leavesOf(w.entries())
	rest := len(all) - 256
	for _, at := range []struct{ n, widths, first int }{{0, 255, 0}, {1, rest, 256}} {
		for width := 1; width <= at.widths; width += 1 + width/9 {
			part := fmt.Sprintf("%03d.p/%d", at.n, width)
			if got := bundle(t, w.ok("/log/tile/entries/"+part, nil).body); !bytes.Equal(lines(got), lines(all[at.first:at.first+width])) {
				t.Errorf("bundle %s has %d other entries", part, len(got))
			}
			if got := tile(t, w.ok("/log/tile/0/"+part, nil).body); fmt.Sprint(got) != fmt.Sprint(leaves[at.first:at.first+width]) {
				t.Errorf("tile %s has %d other hashes", part, len(got))
			}
		}
	}
	for _, none := range []string{
		"entries/001", "0/001", fmt.Sprintf("entries/001.p/%d", rest+1), fmt.Sprintf("0/001.p/%d", rest+1), "entries/002.p/1", "0/002.p/1",
		"1/000", "1/000.p/2", "2/000.p/1", "0/000.p/256", "0/000.p/01", "entries/000.p/0", "0/0", "0/x000/000", "63/000.p/1", "64/000.p/1", "-1/000", "entries/000/",
	} {
		w.refused(w.get("/log/tile/"+none), "not_found")
	}
}

// TestReceiptsAreInclusionProofs checks receipts of all entries, at every size of
// a growing log, in both forms.
func TestReceiptsAreInclusionProofs(t *testing.T) {
	w := newWorld(t).found()
	for range 4 {
		w.fill(3)
		entries := w.entries()
		leaves := leavesOf(entries)
		for index := range entries {
			at := fmt.Sprintf("/api/v1/events/%d/receipt", index)
			r := w.receiptOf(w.ok(at, nil))
			w.proves(r.Checkpoint, r.Proof, index, leaves)
			if r.Entry != string(entries[index]) || r.Index != int64(index) {
				t.Errorf("the receipt of entry %d is of another", index)
			}
			w.provesAsText(w.ok(at, nil, "Accept", "text/plain").body, index, entries)
		}
	}
}

func (w *world) proves(checkpoint string, hashes []string, index int, leaves []hash) {
	w.t.Helper()
	c := w.checkpoint([]byte(checkpoint))
	root := treeHash(leaves[:c.Size])
	if !bytes.Equal(c.Hash, root[:]) {
		w.t.Errorf("the checkpoint at %d has another root", c.Size)
	}
	var want []string
	for _, h := range path(index, leaves[:c.Size]) {
		want = append(want, base64.StdEncoding.EncodeToString(h[:]))
	}
	if strings.Join(hashes, " ") != strings.Join(want, " ") {
		w.t.Errorf("the proof of entry %d at size %d is %v, not %v", index, c.Size, hashes, want)
	}
}

// provesAsText checks a c2sp.org/tlog-proof with another's parser.
func (w *world) provesAsText(text []byte, index int, entries [][]byte) {
	w.t.Helper()
	var p proof.TLogProof
	noError(w.t, p.Unmarshal(text))
	if !bytes.Equal(p.Marshal(), text) || p.Index != uint64(index) || !bytes.Equal(p.ExtraData, entries[index]) {
		w.t.Errorf("the proof of entry %d is another's, or not in its one form", index)
	}
	var hashes []string
	for _, h := range p.Hashes {
		hashes = append(hashes, base64.StdEncoding.EncodeToString(h[:]))
	}
	w.proves(string(p.Checkpoint), hashes, index, leavesOf(entries))
}

func TestStatusTellsTheCheckpoint(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	var s struct {
		Ledger, Checkpoint, Name string
		LogKey                   string `json:"log_key"`
		Entries, Position        int64
		Illustrative, Writable   bool
	}
	noError(t, json.Unmarshal(w.ok("/api/v1/status", nil).body, &s))
	c := w.checkpoint([]byte(s.Checkpoint))
	if s.Ledger != origin || s.LogKey != w.logKey.String() || !s.Illustrative || !s.Writable || s.Entries != int64(c.Size) || s.Position != s.Entries {
		t.Errorf("%+v", s)
	}
	if s.Checkpoint != string(w.ok("/log/checkpoint", nil).body) {
		t.Error("the status has another checkpoint than the log")
	}
}
