package tiles_test

import (
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger/tiles"
)

func Example() {
	dir, err := os.MkdirTemp("", "log")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	log, err := tiles.Open(dir)
	if err != nil {
		panic(err)
	}
	defer log.Close()

	// A real checkpoint is signed; see golang.org/x/mod/sumdb/note.
	sign := func(size int64, root tlog.Hash) ([]byte, error) {
		return fmt.Appendf(nil, "spredning.example/demo\n%d\n%s\n", size, root), nil
	}
	entries := [][]byte{[]byte("published"), []byte("confirmed"), []byte("ended")}
	if err := log.Append(entries, sign); err != nil {
		panic(err)
	}
	fmt.Printf("%s", log.Checkpoint())

	proof, err := tlog.ProveRecord(log.Size(), 1, log)
	if err != nil {
		panic(err)
	}
	fmt.Println(tlog.CheckRecord(proof, log.Size(), log.Root(), 1, tlog.RecordHash(entries[1])))

	bundle, err := log.Resource(tiles.BundlePath(0, 2))
	if err != nil {
		panic(err)
	}
	fmt.Printf("%q\n", bundle)
	// Output:
	// spredning.example/demo
	// 3
	// pRXE/kjRDZ3VhcCEaaz8YFvdjvR34k0iYr3Xjj7pCj0=
	// <nil>
	// "\x00\tpublished\x00\tconfirmed"
}
