package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"spredning/ledger"
)

func submitCommand(e *env) *cobra.Command {
	var receipt string
	cmd := &cobra.Command{
		Use:   "submit FILE",
		Short: "Submit a signed event and keep its receipt",
		Long: `Submit an envelope, as spredning sign prints it (- for standard input), to the
ledger at --url, check the receipt and write it to a file. Submitting the same
event again is no error: the ledger answers with the first receipt.`,
		Example: "  spredning submit confirmation.json --url https://spredning.example",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := e.readInput(args[0])
			if err != nil {
				return err
			}
			c, err := e.client()
			if err != nil {
				return err
			}
			return e.submit(cmd.Context(), c, bytes.TrimSpace(raw), receipt)
		},
	}
	receiptFlag(cmd, &receipt)
	urlFlag(cmd, e)
	return cmd
}

func receiptFlag(cmd *cobra.Command, receipt *string) {
	cmd.Flags().StringVar(receipt, "receipt", "", "file to write the receipt to (default receipt-INDEX.json)")
}

// submit sends an envelope, checks the receipt against the log's key as the
// ledger states it, and writes it to a file.
func (e *env) submit(ctx context.Context, c *client, envelope []byte, file string) error {
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
		return e.printJSON(receipt)
	}
	return e.submitted(receipt, status, again, file)
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
