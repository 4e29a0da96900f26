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

// signing is what spredning sign was called with.
type signing struct {
	paths               []string
	out, draft, receipt string
	share, yes          bool
}

func signCommand(e *env) *cobra.Command {
	var s signing
	cmd := &cobra.Command{
		Use:   "sign [--key FILE]… FILE | sign [--key FILE]… --draft HASH",
		Short: "Sign an event, or add a signature to one that has some",
		Long: `Sign an event and print its envelope, ready for spredning submit.

FILE (- for standard input) is one of two:

  an event, as YAML or JSON: type, by and data as the API describes them, and
  perhaps ledger, id and at. What is missing is filled in: the ledger from --url,
  a new id, the time now.

  an envelope that others have signed already: the signature is added, the event
  stays byte for byte what they signed.

What others must sign, too, can wait for them at the ledger: --share posts the
half-signed event as a draft and prints its hash; each of the others signs it with
--draft HASH. Whoever is the last submits it so and keeps the receipt. A draft
counts for nothing, and waits until its event is 30 days old.

What is signed is shown first, in plain language.`,
		Example: `  spredning sign --key keys/hod organisation.yaml | spredning submit -
  spredning sign --key keys/bergen publication.json --out publication.json
  spredning sign --key keys/ahus-assess --share assessment.yaml
  spredning sign --key keys/tromso-assess --draft a9678b4a54c5…`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd, args); err != nil {
				return err
			}
			if s.draft != "" {
				return e.signDraft(cmd.Context(), s.draft, s.paths, s.yes, s.receipt)
			}
			return s.file(cmd.Context(), e, args[0])
		},
	}
	cmd.Flags().StringArrayVar(&s.paths, "key", nil, "key file that signs; may be given again (or SPREDNING_KEY)")
	cmd.Flags().StringVar(&s.out, "out", "-", "file to write the envelope to; - prints it")
	cmd.Flags().StringVar(&s.draft, "draft", "", "`HASH` of a draft to sign: what --share printed")
	cmd.Flags().BoolVar(&s.share, "share", false, "post the half-signed event as a draft for the others to sign")
	cmd.Flags().BoolVar(&s.yes, "yes", false, "do not ask before signing")
	receiptFlag(cmd, &s.receipt)
	urlFlag(cmd, e)
	return cmd
}

// check refuses what does not go together.
func (s *signing) check(cmd *cobra.Command, args []string) error {
	out, receipt := cmd.Flags().Changed("out"), cmd.Flags().Changed("receipt")
	switch {
	case s.draft == "" && len(args) == 0:
		return misuse("FILE is required, or --draft HASH; usage: %s", cmd.UseLine())
	case s.draft != "" && (len(args) > 0 || s.share || out):
		return misuse("--draft goes without FILE, --share and --out: the draft lies at the ledger already")
	case s.share && out:
		return misuse("--share goes without --out: the event is posted, not written to a file")
	case s.draft == "" && receipt:
		return misuse("--receipt is for --draft; spredning submit takes it, too")
	}
	return nil
}

// file signs the event in a file.
func (s *signing) file(ctx context.Context, e *env, path string) error {
	raw, err := e.readInput(path)
	if err != nil {
		return err
	}
	envelope, err := e.unsigned(ctx, raw)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	signers, err := e.signers(s.paths)
	if err != nil {
		return err
	}
	if err := e.sign(&envelope, signers, s.yes); err != nil {
		return err
	}
	if !s.share {
		return e.writeOutput(s.out, append(envelope.Encode(), '\n'))
	}
	c, err := e.client()
	if err != nil {
		return err
	}
	return e.share(ctx, c, envelope)
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
	l, err := e.language()
	if err != nil {
		return err
	}
	if err := e.confirm(l, len(signers), yes); err != nil {
		return err
	}
	for _, k := range signers {
		if err := envelope.Add(k); err != nil {
			return err
		}
	}
	return nil
}

// confirm asks on a terminal whether to sign what was shown, with so many keys.
func (e *env) confirm(l language, signers int, yes bool) error {
	if yes || !e.terminal() {
		return nil
	}
	ok, err := e.yesNo(l.say(signThis, signers))
	if err == nil && !ok {
		err = errors.New("nothing was signed")
	}
	return err
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
