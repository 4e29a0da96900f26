package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"spredning/keys"
	"spredning/ledger"
)

func submitCommand(e *env) *cobra.Command {
	var receipt string
	var attach []string
	cmd := &cobra.Command{
		Use:   "submit FILE [--attach FILE]…",
		Short: "Submit a signed event and keep its receipt",
		Long: `Submit an envelope, as spredning sign prints it (- for standard input), to the
ledger at --url, check the receipt and write it to a file. Submitting the same
event again is no error: the ledger answers with the first receipt.

With --attach the files that the event names are sent once it is accepted. FILE may
also be the receipt of an event that was accepted before, for sending files later;
in a browser that is done at /vedlegg/INDEX.`,
		Example: `  spredning submit confirmation.json --url https://spredning.example
  spredning submit innovation.json --attach story.md --attach photo.jpg
  spredning submit receipt-12.json --attach story.md`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := e.readInput(args[0])
			if err != nil {
				return err
			}
			envelope := envelopeIn(raw)
			attached, err := attachedTo(envelope, attach)
			if err != nil {
				return err
			}
			c, err := e.client()
			if err != nil {
				return err
			}
			return e.submitWith(cmd.Context(), c, envelope, receipt, attached)
		},
	}
	cmd.Flags().StringArrayVar(&attach, "attach", nil, "file that the event names, to be sent with it; may be given again")
	receiptFlag(cmd, &receipt)
	urlFlag(cmd, e)
	return cmd
}

// envelopeIn gives the envelope that a file holds: alone, or in a receipt.
func envelopeIn(raw []byte) []byte {
	raw = bytes.TrimSpace(raw)
	if r, err := ledger.ParseReceipt(raw); err == nil {
		return r.Entry
	}
	return raw
}

// attachedTo reads the files that are to be sent with an envelope.
func attachedTo(envelope []byte, paths []string) (files, error) {
	if len(paths) == 0 {
		return nil, nil // what is wrong with the envelope the ledger says
	}
	opened, err := keys.Open(envelope)
	if err != nil {
		return nil, err
	}
	event, err := ledger.ParseEvent(opened.Payload)
	if err != nil {
		return nil, err
	}
	return filesFor(event.Data, paths)
}

func receiptFlag(cmd *cobra.Command, receipt *string) {
	cmd.Flags().StringVar(receipt, "receipt", "", "file to write the receipt to (default receipt-INDEX.json)")
}

// submit sends an envelope, checks the receipt against the log's key as the
// ledger states it, and writes it to a file.
func (e *env) submit(ctx context.Context, c *client, envelope []byte, file string) error {
	return e.submitWith(ctx, c, envelope, file, nil)
}

// submitWith is submit for an event with attached files, which are sent once it is
// accepted.
func (e *env) submitWith(ctx context.Context, c *client, envelope []byte, file string, attached files) error {
	status, err := c.status(ctx)
	if err != nil {
		return err
	}
	receipt, raw, again, err := c.submit(ctx, envelope)
	if err != nil {
		return err
	}
	event, _, err := receipt.Verify()
	if d, ok := event.Data.(*ledger.LedgerAmendment); ok {
		status.LogKeys = append(status.LogKeys, ledger.LogKeyFrom{Key: d.LogKey, From: receipt.Index + 1})
	}
	if err == nil {
		_, err = status.LogKeys.Open(receipt.Checkpoint)
	}
	if err != nil {
		return fmt.Errorf("the ledger gave a receipt that does not hold: %w", err)
	}
	if file == "" {
		file = fmt.Sprintf("receipt-%d.json", receipt.Index)
	}
	if err := e.writeOutput(file, raw); err != nil {
		return err
	}
	if e.json {
		err = e.printJSON(receipt)
	} else {
		err = e.submitted(receipt, status, again, file)
	}
	if err != nil {
		return err
	}
	return e.upload(ctx, c, receipt, attached, file)
}

// submitted tells where the event stands now and where its receipt is.
func (e *env) submitted(receipt ledger.Receipt, status ledgerStatus, again bool, file string) error {
	l, err := e.language()
	if err != nil {
		return err
	}
	where := accepted
	if again {
		where = acceptedBefore
	}
	e.tell(l.say(where, receipt.Index, status.Ledger))
	e.tell(l.say(receiptKept, file))
	fmt.Fprintf(e.err, "  spredning verify %s\n", file)
	if status.Illustrative {
		e.tell(l.say(demonstration))
	}
	return nil
}
