package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"spredning/keys"
	"spredning/ledger"
)

func signCommand(e *env) *cobra.Command {
	var paths []string
	var out string
	var yes bool
	cmd := &cobra.Command{
		Use:   "sign [--key FILE]… FILE",
		Short: "Sign an event, or add a signature to one that has some",
		Long: `Sign an event and print its envelope, ready for spredning submit.

FILE (- for standard input) is one of two:

  an event, as YAML or JSON: type, by and data as the API describes them, and
  perhaps ledger, id and at. What is missing is filled in: the ledger from --url,
  a new id, the time now.

  an envelope that others have signed already: the signature is added, the event
  stays byte for byte what they signed.

What is signed is shown first.`,
		Example: `  spredning sign --key keys/hod organisation.yaml | spredning submit -
  spredning sign --key keys/bergen publication.json --out publication.json`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := e.readInput(args[0])
			if err != nil {
				return err
			}
			envelope, err := e.unsigned(cmd.Context(), raw)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			signers, err := e.signers(paths)
			if err != nil {
				return err
			}
			if err := e.sign(&envelope, signers, yes); err != nil {
				return err
			}
			return e.writeOutput(out, append(envelope.Encode(), '\n'))
		},
	}
	cmd.Flags().StringArrayVar(&paths, "key", nil, "key file that signs; may be given again (or SPREDNING_KEY)")
	cmd.Flags().StringVar(&out, "out", "-", "file to write the envelope to; - prints it")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask before signing")
	urlFlag(cmd, e)
	return cmd
}

func urlFlag(cmd *cobra.Command, e *env) {
	cmd.Flags().StringVar(&e.url, "url", e.url, "address of the ledger (or SPREDNING_URL)")
}

// readInput reads a file, or standard input for -.
func (e *env) readInput(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(e.in)
	}
	return os.ReadFile(path)
}

func (e *env) writeOutput(path string, b []byte) error {
	if path == "-" {
		_, err := e.out.Write(b)
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

// unsigned gives the envelope to sign: the one that was given, or a new one
// around the event that was given.
func (e *env) unsigned(ctx context.Context, raw []byte) (keys.Envelope, error) {
	if envelope, err := keys.Open(bytes.TrimSpace(raw)); err == nil {
		return envelope, nil
	} else if bytes.Contains(raw, []byte(`"payloadType"`)) {
		return keys.Envelope{}, err
	}
	payload, err := e.fill(ctx, raw)
	if err != nil {
		return keys.Envelope{}, err
	}
	if _, err := ledger.ParseEvent(payload); err != nil {
		return keys.Envelope{}, err
	}
	return keys.Envelope{Payload: payload}, nil
}

// eventFile is an event as people write it.
type eventFile struct {
	Ledger string         `json:"ledger,omitzero"`
	ID     string         `json:"id,omitzero"`
	Type   string         `json:"type"`
	By     string         `json:"by"`
	At     string         `json:"at,omitzero"`
	Data   map[string]any `json:"data"`
}

// fill reads an event and fills in what is missing.
func (e *env) fill(ctx context.Context, raw []byte) ([]byte, error) {
	var f eventFile
	if err := readYAML(raw, &f); err != nil {
		return nil, err
	}
	if f.Ledger == "" {
		c, err := e.client()
		if err != nil {
			return nil, err
		}
		status, err := c.status(ctx)
		if err != nil {
			return nil, err
		}
		f.Ledger = status.Ledger
	}
	if f.ID == "" {
		f.ID = ulid.MustNew(ulid.Now(), rand.Reader).String()
	}
	if f.At == "" {
		f.At = time.Now().UTC().Format("2006-01-02T15:04:05Z")
	}
	return json.Marshal(f)
}

// readYAML reads YAML, of which JSON is a part, strictly into v by its JSON
// names. Dates stay as they are written.
func readYAML(raw []byte, v any) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("neither YAML nor JSON: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	asWritten(&doc)
	var any any
	if err := doc.Decode(&any); err != nil {
		return fmt.Errorf("reading YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	b, err := json.Marshal(any)
	if err != nil {
		return fmt.Errorf("reading YAML: %w", err)
	}
	if err := json.Unmarshal(b, v, json.RejectUnknownMembers(true)); err != nil {
		var semantic *json.SemanticError
		if errors.As(err, &semantic) {
			return fmt.Errorf("%s does not belong there: see the field's description in the API", semantic.JSONPointer)
		}
		return err
	}
	return nil
}

// asWritten keeps YAML from turning 2026-11-22 into a point in time, and an
// organisation number or a municipality's code into a number.
func asWritten(n *yaml.Node) {
	isCode := len(n.Value) == 9 || strings.HasPrefix(n.Value, "0") && len(n.Value) > 1
	if tag := n.ShortTag(); n.Kind == yaml.ScalarNode && (tag == "!!timestamp" || tag == "!!int" && isCode) {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		asWritten(c)
	}
}

// sign shows what is about to be signed, asks on a terminal, and signs exactly
// the envelope's bytes with each key.
func (e *env) sign(envelope *keys.Envelope, signers []*keys.Private, yes bool) error {
	event, err := ledger.ParseEvent(envelope.Payload)
	if err != nil {
		return err
	}
	if err := e.show(event); err != nil {
		return err
	}
	if !yes && e.terminal() {
		l, err := e.language()
		if err != nil {
			return err
		}
		ok, err := e.yesNo(l.say(signThis, len(signers)))
		if err != nil {
			return err
		}
		if !ok {
			return errors.New("nothing was signed")
		}
	}
	for _, k := range signers {
		if err := envelope.Add(k); err != nil {
			return err
		}
	}
	return nil
}

// show prints an event as it will be read, in plain language, from the very bytes
// that are signed.
func (e *env) show(event ledger.Event) error {
	l, err := e.language()
	if err != nil {
		return err
	}
	lines, err := statement(l, event, e.lookUp(event))
	if err != nil {
		return err
	}
	fmt.Fprintf(e.err, "\n%s\n", strings.Join(lines, "\n"))
	return nil
}
