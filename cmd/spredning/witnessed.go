package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spredning/ledger"
	"spredning/ledger/witness"
)

// byWitnesses is what a receipt's cosignatures are checked with.
type byWitnesses struct {
	file    string // of a policy
	vkeys   []string
	require bool

	policy *witness.Policy // nil: none
	known  []witness.Known // of the policy, and those named beside it
}

func (b *byWitnesses) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&b.file, "witness-policy", "", "file of the policy (c2sp.org/tlog-policy) that says whose cosignatures count")
	cmd.Flags().StringArrayVar(&b.vkeys, "witness", nil, "verifier key of a witness whose cosignature is needed; may be given again")
	cmd.Flags().BoolVar(&b.require, "require-witness", false, "refuse what is not witnessed yet")
}

// read reads the policy and the keys.
func (b *byWitnesses) read() (err error) {
	if b.require && b.file == "" && len(b.vkeys) == 0 {
		return misuse("--require-witness needs to know whose: give --witness or --witness-policy")
	}
	if b.policy, err = readPolicy(b.file); err != nil {
		return err
	}
	if b.policy != nil {
		b.known = b.policy.Known()
	}
	for _, vkey := range b.vkeys {
		k, err := witness.ParseKnown(vkey)
		if err != nil {
			return misuse("--witness must be a verifier key that spredning witness prints: %w", err)
		}
		b.known = append(b.known, k)
	}
	return nil
}

// logKey gives the log key of the policy that has signed a checkpoint; a policy
// that names no log gives none.
func (b *byWitnesses) logKey(checkpoint []byte) (keys ledger.LogKeys, err error) {
	if b.policy == nil {
		return nil, nil
	}
	for _, vkey := range b.policy.Logs {
		if _, err = ledger.OpenCheckpoint(checkpoint, vkey); err == nil {
			return ledger.LogKeys{{Key: vkey}}, nil
		}
	}
	if err != nil {
		err = fmt.Errorf("%w: no log of %s has signed it: %w", ledger.ErrReceipt, b.file, err)
	}
	return nil, err
}

// cosignedBy is a witness that has cosigned, for programs.
type cosignedBy struct {
	Name string `json:"name"`
	Key  string `json:"key"`
	At   string `json:"at"`
}

// cosigned says which witnesses have cosigned a receipt's checkpoint, and whether
// they are enough.
func (v *verified) cosigned(checkpoint []byte, by byWitnesses) error {
	found, err := witness.Cosignatures(checkpoint, by.known...)
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrReceipt, err)
	}
	var names []string
	for _, c := range found {
		names = append(names, c.Name)
		v.Witnesses = append(v.Witnesses, cosignedBy{c.Name, c.Key, c.At.Format("2006-01-02T15:04:05Z")})
	}
	if len(by.known) > 0 || by.policy != nil {
		met, lack := by.met(checkpoint, found)
		v.Witnessed = &met
		if !met && by.require {
			return fmt.Errorf("%w: it is not yet witnessed: %s", ledger.ErrReceipt, lack)
		}
		if !met {
			v.Unverified = append(v.Unverified, "that others see the same log: not yet witnessed, "+lack)
		}
	}
	signers := witness.Signers(checkpoint)
	if v.Witnessed == nil && len(signers) == 0 {
		v.Unverified = append(v.Unverified, "that others see the same log: not yet witnessed")
	}
	for _, name := range signers {
		if !slices.Contains(names, name) {
			v.Unverified = append(v.Unverified, "that "+name+" has cosigned: its key was not given (--witness)")
		}
	}
	return nil
}

// met says whether the cosignatures are enough, and what is lacking: those that the
// policy asks for, and all that are named beside it.
func (b *byWitnesses) met(checkpoint []byte, found []witness.Cosignature) (met bool, lack string) {
	var missing []string
	for _, k := range b.known {
		if !slices.ContainsFunc(found, func(c witness.Cosignature) bool { return c.Key == k.Key }) {
			missing = append(missing, k.Name())
		}
	}
	if b.policy != nil && !b.policy.Met(checkpoint) {
		return false, fmt.Sprintf("the policy in %s is not met without %s", b.file, strings.Join(missing, ", "))
	}
	for _, vkey := range b.vkeys {
		if !slices.ContainsFunc(found, func(c witness.Cosignature) bool { return c.Key == vkey }) {
			return false, "there is no cosignature of " + strings.Join(missing, ", ")
		}
	}
	return true, ""
}
