package site

import (
	"slices"
	"strconv"
	"strings"

	"spredning/ledger"
	"spredning/projections"
)

// checkSteps are the steps that check.js takes, each with the faults that end it.
var checkSteps = []checkStep{
	{"form", []string{"tlog", "json", "fields"}},
	{"event", []string{"envelope", "payload", "ledger"}},
	{"signatures", []string{"count", "scheme", "key", "wrong"}},
	{"place", []string{"form", "leaf", "index", "proof"}},
	{"checkpoint", []string{"origin", "nokey", "otherkey", "unsigned", "wrong"}},
	{"witnesses", []string{"key", "wrong"}},
}

type checkStep struct {
	Name   string
	Faults []string
}

type checkPage struct {
	Entry      string // whose receipt is asked for; empty: none
	Steps      []checkStep
	Types      []ledger.Type
	LogKeys    ledger.LogKeys
	Size       int64
	Checkpoint string
	Witnessed  ledger.Witnessed
	Witnesses  []knownWitness
}

type knownWitness struct {
	Name, Key string
	Cosigned  bool // what is shown
}

// checkingPage is where receipts are checked, in the browser.
func (v *visit) checkingPage() (shown, error) {
	p := checkPage{Steps: checkSteps, Types: ledger.Types(), Entry: v.Query().Get("post")}
	if n, err := strconv.ParseInt(p.Entry, 10, 64); p.Entry != "" && (err != nil || n < 0 || strconv.FormatInt(n, 10) != p.Entry) {
		return shown{}, ErrInvalid
	}
	v.read(func(f *projections.Fold) { p.LogKeys = slices.Clone(f.LogKeys) })
	size, checkpoint := v.Ledger.Published()
	p.Size, p.Checkpoint = size, string(checkpoint)
	p.Witnessed, _ = v.Ledger.Witnessed()
	for _, key := range v.Witnesses {
		name, _, _ := strings.Cut(key, "+")
		p.Witnesses = append(p.Witnesses, knownWitness{name, key, slices.Contains(p.Witnessed.By, name)})
	}
	// A checkpoint is cosigned without another entry coming.
	return shown{Data: p, Lead: v.t("check.lead"), Scripts: []string{"check.js"}, NoIndex: p.Entry != "", Volatile: true}, nil
}
