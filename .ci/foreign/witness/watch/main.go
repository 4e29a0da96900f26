// Command watch tells litewitness to watch a log, as its witnessctl does, which
// needs modules that cannot be had everywhere: watch DB LOG-KEY.
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"log"
	"os"

	"golang.org/x/mod/sumdb/note"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

func main() {
	log.SetFlags(0)
	v, err := note.NewVerifier(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	db, err := sqlite.OpenConn(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	empty := sha256.Sum256(nil)
	for _, insert := range []struct {
		query string
		args  []any
	}{
		{"INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", []any{v.Name(), base64.StdEncoding.EncodeToString(empty[:])}},
		{"INSERT INTO key (origin, key) VALUES (?, ?)", []any{v.Name(), os.Args[2]}},
	} {
		if err := sqlitex.Execute(db, insert.query, &sqlitex.ExecOptions{Args: insert.args}); err != nil {
			log.Fatal(err)
		}
	}
}
