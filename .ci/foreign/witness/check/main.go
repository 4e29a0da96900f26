// Command check verifies a c2sp.org/tlog-proof with libraries of others alone:
// check PROOF LOG-KEY WITNESS-KEY….
package main

import (
	"fmt"
	"log"
	"os"

	fmtlog "github.com/transparency-dev/formats/log"
	fmtnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	log.SetFlags(0)
	b, err := os.ReadFile(os.Args[1])
	must(err)
	var p proof.TLogProof
	must(p.Unmarshal(b))
	var witnesses []note.Verifier
	for _, vkey := range os.Args[3:] {
		v, err := fmtnote.NewVerifierForCosignatureV1(vkey)
		must(err)
		witnesses = append(witnesses, v)
	}
	logKey, err := fmtnote.NewVerifier(os.Args[2])
	must(err)
	c, _, n, err := fmtlog.ParseCheckpoint(p.Checkpoint, logKey.Name(), logKey, witnesses...)
	must(err)
	if len(n.Sigs) != 1+len(witnesses) {
		log.Fatalf("%d signatures hold, want that of the log and of %d witnesses:\n%s", len(n.Sigs), len(witnesses), p.Checkpoint)
	}
	var hashes tlog.RecordProof
	for _, h := range p.Hashes {
		hashes = append(hashes, h)
	}
	must(tlog.CheckRecord(hashes, int64(c.Size), tlog.Hash(c.Hash), int64(p.Index), tlog.RecordHash(p.ExtraData)))
	for _, s := range n.Sigs[1:] {
		at, err := fmtnote.CoSigV1Timestamp(s)
		must(err)
		fmt.Println(s.Name, "has cosigned at", at.UTC())
	}
	fmt.Printf("entry %d of %d in %s is proved\n", p.Index, c.Size, c.Origin)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
