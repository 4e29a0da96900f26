package main

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spredning/keys"
	"spredning/ledger"
)

func keyCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make, show, enrol, invite to and revoke keys, and change the log's",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(keyNewCommand(e), keyShowCommand(e), keyEnrolCommand(e), keyInviteCommand(e), keyWaitingCommand(e), keyApproveCommand(e), keyRevokeCommand(e), keyLogCommand(e))
	return cmd
}

func keyNewCommand(e *env) *cobra.Command {
	var comment string
	cmd := &cobra.Command{
		Use:   "new FILE",
		Short: "Make a new key",
		Long: `Make an Ed25519 key as an OpenSSH private key file, mode 0600. A passphrase is
asked for on a terminal, or taken from SPREDNING_PASSPHRASE. An existing file is
never overwritten. A key made by ssh-keygen -t ed25519 works just as well.`,
		Example: "  spredning key new keys/bergen",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			words, err := e.newPassphrase()
			if err != nil {
				return err
			}
			k, err := newKey(args[0], comment, words)
			if err != nil {
				return err
			}
			return e.showKey(args[0], k.Public)
		},
	}
	cmd.Flags().StringVar(&comment, "comment", "spredning", "comment in the file; a role, no person's name")
	return cmd
}

func keyShowCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:     "show FILE",
		Short:   "Show a key's id and public bytes",
		Long:    "Show the id and the public bytes of a private key file or an OpenSSH public key (.pub).",
		Example: "  spredning key show keys/bergen",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			k, err := keys.ReadPublic(args[0])
			if err != nil {
				return err
			}
			return e.showKey(args[0], k)
		},
	}
}

func (e *env) showKey(path string, k keys.Public) error {
	public := base64.StdEncoding.EncodeToString(k.Bytes)
	if e.json {
		return e.printJSON(struct {
			KeyID  keys.ID `json:"keyid"`
			Scheme string  `json:"scheme"`
			Public string  `json:"public"`
		}{k.ID(), k.Scheme, public})
	}
	e.pairs([][2]string{{"File", path}, {"Key id", string(k.ID())}, {"Scheme", k.Scheme}, {"Public", public}})
	return nil
}

// change is an event about keys that an admin signs and submits at once.
type change struct {
	by      string
	paths   []string
	yes     bool
	receipt string
}

func (ch *change) flags(cmd *cobra.Command, e *env) {
	cmd.Flags().StringVar(&ch.by, "by", "", "organisation that acts (default: the signing key's)")
	cmd.Flags().StringArrayVar(&ch.paths, "key", nil, "admin's key file that signs (or SPREDNING_KEY)")
	cmd.Flags().BoolVar(&ch.yes, "yes", false, "do not ask before signing")
	receiptFlag(cmd, &ch.receipt)
	urlFlag(cmd, e)
}

// submit signs data by the key's organisation and submits it.
func (ch *change) submit(cmd *cobra.Command, e *env, data func(by ledger.Orgnr) ledger.Data) error {
	return ch.submitFound(cmd, e, func(_ *client, by ledger.Orgnr) (ledger.Data, error) { return data(by), nil })
}

// submitFound is submit for data that the ledger is asked for first.
func (ch *change) submitFound(cmd *cobra.Command, e *env, find func(c *client, by ledger.Orgnr) (ledger.Data, error)) error {
	ctx := cmd.Context()
	c, err := e.client()
	if err != nil {
		return err
	}
	signers, err := e.signers(ch.paths)
	if err != nil {
		return err
	}
	by := ledger.Orgnr(ch.by)
	if by == "" {
		if by, err = c.owner(ctx, signers[0]); err != nil {
			return err
		}
	}
	status, err := c.status(ctx)
	if err != nil {
		return err
	}
	data, err := find(c, by)
	if err != nil {
		return err
	}
	payload, err := newEvent(status.Ledger, by, time.Now(), data).Encode()
	if err != nil {
		return err
	}
	envelope := keys.Envelope{Payload: payload}
	if err := e.sign(&envelope, signers, ch.yes); err != nil {
		return err
	}
	return e.submit(ctx, c, envelope.Encode(), ch.receipt)
}

func keyEnrolCommand(e *env) *cobra.Command {
	var ch change
	var org, label, roles string
	cmd := &cobra.Command{
		Use:   "enrol FILE",
		Short: "Enrol a key for an organisation",
		Long: `Enrol a key: from then on it signs for its organisation. FILE is the key's
private or public (.pub) file; only the public part is sent. An admin of the
organisation signs, or the authority.`,
		Example: `  spredning key enrol bergen-report.pub --role report --label innovasjonsrådgiver --key keys/bergen-admin
  spredning key enrol ahus.pub --org 983971636 --role admin,report --label administrator --key keys/authority`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if roles == "" || label == "" {
				return misuse("--role and --label are required")
			}
			public, err := keys.ReadPublic(args[0])
			if err != nil {
				return err
			}
			return ch.submit(cmd, e, func(by ledger.Orgnr) ledger.Data {
				if org != "" {
					by = ledger.Orgnr(org)
				}
				return &ledger.Enrolment{Organisation: by, Key: enrolment(public, label, rolesOf(roles)...)}
			})
		},
	}
	cmd.Flags().StringVar(&org, "org", "", "organisation the key is for (default: the one that acts)")
	cmd.Flags().StringVar(&roles, "role", "", "what it may do: admin, report, assess; several separated by commas")
	cmd.Flags().StringVar(&label, "label", "", "a role such as innovasjonsrådgiver, never a person's name")
	ch.flags(cmd, e)
	return cmd
}

func rolesOf(s string) (roles []ledger.Role) {
	for r := range strings.SplitSeq(s, ",") {
		roles = append(roles, ledger.Role(strings.TrimSpace(r)))
	}
	return roles
}

func keyRevokeCommand(e *env) *cobra.Command {
	var ch change
	var reason string
	var from int64
	cmd := &cobra.Command{
		Use:   "revoke KEYID",
		Short: "Revoke a key",
		Long: `Revoke a key: from then on it signs nothing. What it has signed before stays
valid; with --compromised-from it is marked for readers from that entry on.`,
		Example: "  spredning key revoke KEYID --reason rotated --key keys/bergen-admin",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := keys.ParseID(args[0])
			if err != nil {
				return misuse("%w; spredning key show FILE tells it", err)
			}
			if reason == "" {
				return misuse("--reason is required: lost, left, compromised or rotated")
			}
			return ch.submit(cmd, e, func(ledger.Orgnr) ledger.Data {
				d := &ledger.Revocation{Key: id, Reason: reason}
				if from >= 0 {
					d.CompromisedFrom = &from
				}
				return d
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "lost, left, compromised or rotated")
	cmd.Flags().Int64Var(&from, "compromised-from", -1, "index of the first entry that may not be genuine")
	ch.flags(cmd, e)
	return cmd
}

func keyLogCommand(e *env) *cobra.Command {
	var ch change
	cmd := &cobra.Command{
		Use:   "log FILE",
		Short: "Have another key sign the log's checkpoints",
		Long: `Have another key sign the log's checkpoints from the next entry on; receipts from
before stay valid. Every node must hold the new key first:

  1. Make it:        spredning key new DIR/keys/log.next
  2. Start again:    spredning serve, so that it reads keys/log.next
  3. Announce it:    spredning key log DIR/keys/log.next --key DIR/keys/authority
  4. Afterwards:     rename keys/log to keys/log.old and keys/log.next to keys/log

FILE is the new key's private or public (.pub) file; only the public part is
sent. An admin of the authority signs.`,
		Example: "  spredning key log /var/lib/spredning/keys/log.next --key keys/authority",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			public, err := keys.ReadPublic(args[0])
			if err != nil {
				return err
			}
			c, err := e.client()
			if err != nil {
				return err
			}
			status, err := c.status(cmd.Context())
			if err != nil {
				return err
			}
			vkey, err := ledger.VerifierKey(status.Ledger, public)
			if err != nil {
				return err
			}
			return ch.submit(cmd, e, func(ledger.Orgnr) ledger.Data { return &ledger.LedgerAmendment{LogKey: vkey} })
		},
	}
	ch.flags(cmd, e)
	return cmd
}
