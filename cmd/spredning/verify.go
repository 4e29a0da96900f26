package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

func verifyCommand(e *env) *cobra.Command {
	var logKey, dir, from string
	var seen byWitnesses
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a receipt offline, and say what it proves",
		Long: `Check a receipt (JSON or c2sp.org/tlog-proof, - for standard input), offline, and
say in plain words what it proves and what it does not.

Whose log it is, is only proved with the log's verifier key: give it with
--log-key, or let --data take it from a copy of the ledger, or --url from a
server that you trust. The last two also tell whose keys have signed.

That others see the same log, is only proved by witnesses: with --witness or
--witness-policy it says which of them have cosigned the checkpoint, and when.
A new receipt is not yet witnessed; fetch it again a little later.`,
		Example: "  spredning verify receipt-12.json --log-key spredning.example/demo+1f2e3d4c+AQ…\n  spredning verify receipt-12.json --url https://spredning.example",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := e.readInput(args[0])
			if err != nil {
				return err
			}
			if logKey != "" {
				if err := checkLogKey(logKey); err != nil {
					return misuseError{err}
				}
			}
			if err := seen.read(); err != nil {
				return err
			}
			known, err := e.knowledge(cmd.Context(), logKey, dir, from)
			if err != nil {
				return err
			}
			known.witnesses = seen
			return e.verify(args[0], raw, known)
		},
	}
	cmd.Flags().StringVar(&logKey, "log-key", "", "the log's verifier key that you trust")
	cmd.Flags().StringVar(&dir, "data", "", "take the log's key, and whose keys these are, from this copy of the ledger")
	cmd.Flags().StringVar(&from, "url", "", "take them from this server")
	seen.flags(cmd)
	return cmd
}

// knowledge is what a receipt is checked with.
type knowledge struct {
	logKeys ledger.LogKeys // none: nothing is known of the log
	source  string

	witnesses byWitnesses
	key       func(keys.ID) (projections.Key, string, bool) // with the organisation's name; nil: nothing is known of keys
}

func (e *env) knowledge(ctx context.Context, logKey, dir, from string) (k knowledge, err error) {
	switch {
	case dir != "":
		k, err = knowledgeOf(dir)
	case from != "":
		e.url = from
		k, err = e.askKnowledge(ctx)
	}
	if err == nil && logKey != "" {
		k.logKeys, k.source = ledger.LogKeys{{Key: logKey}}, "--log-key"
	}
	return k, err
}

// policyKey checks that a log of the witness policy has signed a checkpoint, if it
// names any, and takes its key where no other is known.
func (k *knowledge) policyKey(checkpoint []byte) error {
	logKeys, err := k.witnesses.logKey(checkpoint)
	if len(k.logKeys) == 0 && len(logKeys) > 0 {
		k.logKeys, k.source = logKeys, k.witnesses.file
	}
	return err
}

func knowledgeOf(dir string) (knowledge, error) {
	f, log, err := foldOf(dir)
	if err != nil {
		return knowledge{}, err
	}
	return knowledge{
		logKeys: f.LogKeys, source: dir,
		key: func(id keys.ID) (projections.Key, string, bool) {
			k, ok := f.Key(id)
			o, _ := f.Organisation(k.Organisation)
			return k, o.Name, ok
		},
	}, log.Close()
}

func (e *env) askKnowledge(ctx context.Context) (knowledge, error) {
	c, err := e.client()
	if err != nil {
		return knowledge{}, err
	}
	status, err := c.status(ctx)
	return knowledge{
		logKeys: status.LogKeys, source: c.base,
		key: func(id keys.ID) (projections.Key, string, bool) {
			k, err := c.key(ctx, id)
			if err != nil {
				return k, "", false
			}
			o, err := c.organisation(ctx, k.Organisation)
			return k, o.Name, err == nil
		},
	}, err
}

// verified is the result for programs.
type verified struct {
	Verified   bool         `json:"verified"`
	Ledger     string       `json:"ledger"`
	Index      int64        `json:"index"`
	Size       int64        `json:"size"`
	Type       ledger.Type  `json:"type"`
	By         ledger.Orgnr `json:"by"`
	At         string       `json:"at"`
	LogKey     string       `json:"log_key,omitzero"` // the key that the checkpoint was verified with; none: it was not
	SignedBy   []signedBy   `json:"signed_by"`
	Witnessed  *bool        `json:"witnessed,omitzero"` // none: no witness was named
	Witnesses  []cosignedBy `json:"witnesses,omitzero"`
	Unverified []string     `json:"unverified,omitzero"`
}

type signedBy struct {
	KeyID        keys.ID      `json:"keyid"`
	Organisation ledger.Orgnr `json:"organisation,omitzero"`
	Name         string       `json:"name,omitzero"`
}

func (e *env) verify(file string, raw []byte, known knowledge) error {
	r, err := parseProof(raw, known)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	event, checkpoint, err := r.Verify()
	if err == nil {
		err = known.policyKey(r.Checkpoint)
	}
	if err == nil && len(known.logKeys) > 0 {
		if _, err = known.logKeys.Open(r.Checkpoint); err != nil {
			err = fmt.Errorf("%w: %w", ledger.ErrReceipt, err)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	v := verified{
		Verified: true, Ledger: r.Ledger, Index: r.Index, Size: checkpoint.Size,
		Type: event.Type, By: event.By, At: event.At.Format("2006-01-02T15:04:05Z"),
	}
	if len(known.logKeys) > 0 {
		v.LogKey = known.logKeys.At(checkpoint.Size)
	} else {
		v.Unverified = append(v.Unverified, "whose log this is: no log key was given (--log-key, --data or --url), so anyone could have made this checkpoint")
	}
	if err := v.holders(r, known); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := v.cosigned(r.Checkpoint, known.witnesses); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if e.json {
		return e.printJSON(v)
	}
	e.showVerified(file, v, known)
	return nil
}

func parseProof(raw []byte, known knowledge) (ledger.Receipt, error) {
	if !bytes.HasPrefix(raw, []byte(ledger.TLogProofHeader)) {
		return ledger.ParseReceipt(bytes.TrimSpace(raw))
	}
	return ledger.ParseTLogProof(raw, func(id keys.ID) (keys.Public, bool) {
		if known.key == nil {
			return keys.Public{}, false
		}
		k, _, ok := known.key(id)
		return ledger.Key{Scheme: k.Scheme, Public: k.Public}.PublicKey(), ok
	})
}

// holders says whose keys have signed, and checks that they were enrolled and
// not revoked at that place in the log.
func (v *verified) holders(r ledger.Receipt, known knowledge) error {
	if known.key == nil {
		v.Unverified = append(v.Unverified, "whose keys these are: only the ledger's entries tell (--data or --url)")
		for _, k := range r.Keys {
			v.SignedBy = append(v.SignedBy, signedBy{KeyID: k.ID()})
		}
		return nil
	}
	var organisations []ledger.Orgnr
	for _, public := range r.Keys {
		k, name, ok := known.key(public.ID())
		switch {
		case !ok:
			return fmt.Errorf("%w: key %s is not enrolled according to %s", ledger.ErrReceipt, public.ID(), known.source)
		case k.Enrolled > r.Index || k.Enrolled == r.Index && r.Index > 0:
			return fmt.Errorf("%w: key %s was enrolled later, in entry %d", ledger.ErrReceipt, k.KeyID, k.Enrolled)
		case k.Revoked != nil && *k.Revoked < r.Index:
			return fmt.Errorf("%w: key %s had been revoked, in entry %d", ledger.ErrReceipt, k.KeyID, *k.Revoked)
		}
		organisations = append(organisations, k.Organisation)
		v.SignedBy = append(v.SignedBy, signedBy{k.KeyID, k.Organisation, name})
	}
	if !slices.Contains(organisations, v.By) {
		return fmt.Errorf("%w: no key of %s, the acting organisation, has signed", ledger.ErrReceipt, v.By)
	}
	return nil
}

func (e *env) showVerified(file string, v verified, known knowledge) {
	fmt.Fprintf(e.out, "%s holds.\n\n", file)
	e.pairs([][2]string{
		{"Event", string(v.Type) + " by " + string(v.By)},
		{"Signed", v.At + " (the signer's clock)"},
		{"Place", fmt.Sprintf("entry %d of %d in %s", v.Index, v.Size, v.Ledger)},
	})
	fmt.Fprintln(e.out, "\nProved:")
	for _, s := range v.SignedBy {
		e.point("exactly this event was signed with key " + string(s.KeyID) + whose(s))
	}
	e.point(fmt.Sprintf("it stands at entry %d, for ever, in every copy of the log that has the checkpoint's root", v.Index))
	if v.LogKey != "" {
		e.point("the log signed that checkpoint, with the key known from " + known.source + ": " + v.LogKey)
	}
	for _, w := range v.Witnesses {
		e.point("witness " + w.Name + " has seen the log with this checkpoint, and none that contradicts it, until " + w.At + " (its clock)")
	}
	if len(v.Unverified) > 0 {
		fmt.Fprintln(e.out, "\nNot proved:")
	}
	for _, u := range v.Unverified {
		e.point(u)
	}
}

func whose(s signedBy) string {
	if s.Name == "" {
		return ""
	}
	return ", enrolled for " + s.Name + " (" + string(s.Organisation) + ")"
}

// point prints a text as an item of a list, wrapped for a terminal.
func (e *env) point(text string) {
	line := "  -"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 79 && line != "   " {
			fmt.Fprintln(e.out, line)
			line = "   "
		}
		line += " " + word
	}
	fmt.Fprintln(e.out, line)
}

// checkLogKey says what is wrong with a verifier key.
func checkLogKey(s string) error {
	if _, err := note.NewVerifier(s); err != nil {
		return errors.New("--log-key must be a verifier key: <origin>+<hash>+<base64>")
	}
	return nil
}
