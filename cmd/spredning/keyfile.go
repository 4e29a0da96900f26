package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"

	"spredning/keys"
	"spredning/ledger"
)

// terminal reports whether someone sits at the input.
func (e *env) terminal() bool { return term.IsTerminal(int(e.in.Fd())) }

// readKey reads a key file, and asks for its passphrase if it has one.
func (e *env) readKey(path string) (*keys.Private, error) {
	return keys.ReadFile(path, func(path string) ([]byte, error) {
		if e.passphrase != "" {
			return []byte(e.passphrase), nil
		}
		if !e.terminal() {
			return nil, fmt.Errorf("%s needs a passphrase: set SPREDNING_PASSPHRASE, or run this on a terminal", path)
		}
		return e.secret("Passphrase for " + path + ": ")
	})
}

// signers reads the key files that are to sign.
func (e *env) signers(paths []string) ([]*keys.Private, error) {
	if len(paths) == 0 && e.key != "" {
		paths = []string{e.key}
	}
	if len(paths) == 0 {
		return nil, misuse("--key is required: the file of the key that signs (or set SPREDNING_KEY)")
	}
	var all []*keys.Private
	for _, p := range paths {
		k, err := e.readKey(p)
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	return all, nil
}

func (e *env) secret(prompt string) ([]byte, error) {
	fmt.Fprint(e.err, prompt)
	words, err := term.ReadPassword(int(e.in.Fd()))
	fmt.Fprintln(e.err)
	if err != nil {
		return nil, fmt.Errorf("reading the passphrase: %w", err)
	}
	return words, nil
}

// newPassphrase asks twice for the passphrase of a new key. None is a choice,
// too: an empty line on a terminal, or no SPREDNING_PASSPHRASE elsewhere.
func (e *env) newPassphrase() ([]byte, error) {
	if e.passphrase != "" || !e.terminal() {
		return []byte(e.passphrase), nil
	}
	first, err := e.secret("New passphrase (empty: none): ")
	if err != nil {
		return nil, err
	}
	second, err := e.secret("The same once more: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passphrases differ; nothing was written")
	}
	return first, nil
}

// newKey makes a key file.
func newKey(path, comment string, passphrase []byte) (*keys.Private, error) {
	k, err := keys.Generate()
	if err != nil {
		return nil, err
	}
	return k, k.WriteFile(path, comment, passphrase)
}

// keyOr reads a key file, or makes one where there is none.
func (e *env) keyOr(path, comment string, passphrase []byte) (*keys.Private, error) {
	if _, err := os.Stat(path); err == nil {
		return e.readKey(path)
	}
	return newKey(path, comment, passphrase)
}

// enrolment is a key as key.enrolled has it.
func enrolment(k keys.Public, label string, roles ...ledger.Role) ledger.Key {
	return ledger.Key{Scheme: k.Scheme, Public: base64.StdEncoding.EncodeToString(k.Bytes), Roles: roles, Label: label}
}
