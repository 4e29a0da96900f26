package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/jetstream"
)

// founding is what a ledger is founded with.
type founding struct {
	dir, origin, name string
	illustrative      bool
	authority         ledger.Organisation
	key               string // file of the authority's first admin key
	remote            jetstream.Remote
}

func foundCommand(e *env) *cobra.Command {
	f := founding{authority: ledger.Organisation{Kind: ledger.KindAuthority}}
	cmd := &cobra.Command{
		Use:   "found --data DIR --origin ORIGIN",
		Short: "Found a new ledger in a folder",
		Long: `Found a new ledger: make the log's key, and write entry 0, which names the
authority and its first key. The origin is the ledger's name for ever, a URL
without scheme such as spredning.example/2026.

Key files are made where they are missing, never overwritten. Keep a copy of
keys/log and of the authority's key elsewhere: without them nobody can continue
the ledger.`,
		Example: "  spredning found --data /var/lib/spredning --origin spredning.example/2026 --name Spredning",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.dir == "" || f.origin == "" {
				return misuse("--data and --origin are required")
			}
			if err := ledger.CheckOrigin(f.origin); err != nil {
				return misuse("%w", err)
			}
			return e.found(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dir, "data", "", "data folder to make")
	flags.StringVar(&f.origin, "origin", "", "the ledger's name, a URL without scheme")
	flags.StringVar(&f.name, "name", "Spredning", "what people call it")
	flags.BoolVar(&f.illustrative, "illustrative", false, "a demonstration: marked so for ever, everywhere")
	flags.StringVar(&f.key, "key", "", "file of the authority's admin key (default DIR/keys/authority, made if missing)")
	flags.StringVar((*string)(&f.authority.Orgnr), "authority", "983887406", "the authority's organisation number")
	flags.StringVar(&f.authority.Name, "authority-name", "Helse- og omsorgsdepartementet", "the authority's name")
	flags.StringVar(&f.authority.Short, "authority-short", "HOD", "the authority's short name")
	natsFlags(cmd, &f.remote)
	return cmd
}

func (e *env) found(ctx context.Context, f founding) error {
	if f.key == "" {
		f.key = filepath.Join(f.dir, "keys", "authority")
	}
	logKey, err := e.keyOr(logKeyFile(f.dir), f.origin, []byte(e.passphrase))
	if err != nil {
		return err
	}
	admin, err := e.keyOr(f.key, string(f.authority.Orgnr), []byte(e.passphrase))
	if err != nil {
		return err
	}
	n, err := openNode(ctx, nodeConfig{dir: f.dir, origin: f.origin, remote: f.remote, logKey: logKey, now: time.Now, logger: quiet(e.err)})
	if err != nil {
		return err
	}
	defer n.close()
	if n.ledger.Size() > 0 {
		return fmt.Errorf("there is a ledger in %s already: %s with %d entries", f.dir, f.origin, n.ledger.Size())
	}
	receipt, err := f.submit(ctx, n, admin, time.Now())
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(receipt)
	}
	fmt.Fprintf(e.out, "Founded %s.\n\n", f.origin)
	e.pairs([][2]string{
		{"Log key", n.logKey.String()},
		{"Authority", string(f.authority.Orgnr) + " " + f.authority.Name},
		{"Its admin key", f.key + " (" + string(admin.ID()) + ")"},
	})
	fmt.Fprintf(e.out, "\nNext: spredning serve --data %s\n", f.dir)
	return nil
}

// submit writes entry 0.
func (f founding) submit(ctx context.Context, n *node, admin *keys.Private, at time.Time) (ledger.Receipt, error) {
	payload, err := newEvent(f.origin, f.authority.Orgnr, at, &ledger.Founding{
		Name: f.name, Illustrative: &f.illustrative, Authority: f.authority,
		Keys: []ledger.Key{enrolment(admin.Public, "admin", ledger.Admin)}, LogKey: n.logKey.String(),
	}).Encode()
	if err != nil {
		return ledger.Receipt{}, err
	}
	envelope, err := keys.Seal(payload, admin)
	if err != nil {
		return ledger.Receipt{}, err
	}
	receipt, _, err := n.ledger.Submit(ctx, envelope.Encode())
	return receipt, err
}

// newEvent is an event with a new id.
func newEvent(origin string, by ledger.Orgnr, at time.Time, data ledger.Data) ledger.Event {
	return ledger.Event{
		Ledger: origin, ID: ulid.MustNew(ulid.Timestamp(at), rand.Reader), Type: ledger.TypeOf(data), By: by,
		At: at.UTC().Truncate(time.Second), Data: data,
	}
}
