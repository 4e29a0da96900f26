// Command spredning is the one program of the ledger: it founds and serves
// ledgers, signs and submits events, and checks receipts.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() { os.Exit(Main(environment())) }

// Exit codes.
const (
	good    = 0
	failed  = 1 // refused, not valid, or could not be done
	misused = 2 // unknown command or flag, missing argument
)

// Main runs the program in an environment and gives its exit code.
func Main(e *env) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := root(e).ExecuteContext(ctx)
	var misuse misuseError
	switch {
	case err == nil:
		return good
	case errors.As(err, &misuse):
		fmt.Fprintf(os.Stderr, "spredning: %s\n", err)
		return misused
	}
	fmt.Fprintf(os.Stderr, "spredning: %s\n", err)
	return failed
}

// misuseError is about how the program was called.
type misuseError struct{ error }

func misuse(format string, args ...any) error { return misuseError{fmt.Errorf(format, args...)} }

// env is what commands take from the environment, read here and nowhere else.
type env struct {
	now        func() time.Time // the clock of a ledger that is served
	in         *os.File
	lines      *bufio.Reader // of in, for answers
	out, err   io.Writer
	passphrase string // SPREDNING_PASSPHRASE
	url        string // SPREDNING_URL
	key        string // SPREDNING_KEY
	json       bool   // --json
	lang       string // --lang
}

// environment reads it.
func environment() *env {
	e := &env{
		now: time.Now, in: os.Stdin, lines: bufio.NewReader(os.Stdin), out: os.Stdout, err: os.Stderr,
		passphrase: os.Getenv("SPREDNING_PASSPHRASE"), url: os.Getenv("SPREDNING_URL"), key: os.Getenv("SPREDNING_KEY"),
	}
	if e.url == "" {
		e.url = "http://127.0.0.1:8080"
	}
	return e
}

func root(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "spredning",
		Short: "A ledger of where innovations made in Norwegian hospitals have spread",
		Long: `A ledger of where innovations made in Norwegian hospitals have spread.

A hospital that made a solution publishes it; a hospital that takes it into use
confirms that with its own signature; points follow from the confirmations, and
anyone can check every one of them.

Try it:        spredning demo
Run it:        spredning found, then spredning serve
Take part:     spredning key new, then spredning publish and spredning confirm
Check it:      spredning verify, spredning audit, spredning points
Keep a copy:   spredning mirror, then spredning serve --mirror`,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return misuse("there is no command %q; see spredning --help", args[0])
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	cmd.CompletionOptions.HiddenDefaultCmd = true
	cmd.SetOut(e.out)
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return misuse("%w; see %s --help", err, c.CommandPath()) })
	cmd.PersistentFlags().BoolVar(&e.json, "json", false, "print JSON for programs")
	cmd.PersistentFlags().StringVar(&e.lang, "lang", "nb", "language of what is shown before signing: nb, nn or en")
	cmd.AddCommand(
		demoCommand(e), serveCommand(e), foundCommand(e), keyCommand(e), signCommand(e), submitCommand(e),
		publishCommand(e), confirmCommand(e), pointsCommand(e), simulateCommand(e), verifyCommand(e), auditCommand(e),
		mirrorCommand(e), restoreCommand(e), witnessCommand(e), loadCommand(e),
		exportCommand(e),
	)
	return cmd
}

// args wraps a check of arguments so that failing it is misuse.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return misuse("%w; usage: %s", err, cmd.UseLine())
		}
		return nil
	}
}
