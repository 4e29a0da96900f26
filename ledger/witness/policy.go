package witness

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	fmtwitness "github.com/transparency-dev/formats/witness"
	"golang.org/x/mod/sumdb/note"
)

// Policy says which witnesses must have cosigned a checkpoint
// (c2sp.org/tlog-policy):
//
//	log spredning.example/2026+1f2e3d4c+AQ…
//	witness nord witness.example/nord+5a6b7c8d+BA… https://witness.example
//	witness vest vitne.example+9e8f7a6b+BA… https://vitne.example
//	witness sør  sor.example+0a1b2c3d+BA… https://sor.example
//	group regionene 2 nord vest sør
//	quorum regionene
type Policy struct {
	Logs      []string // verifier keys; none: any log
	Witnesses []Asked
	quorum    fmtwitness.Group
}

// Asked is a witness of a policy.
type Asked struct {
	Known
	Label string // its name in the policy
	URL   string // submission prefix; empty: not known
}

// ErrPolicy is wrapped by errors about a policy that is not in the form of
// c2sp.org/tlog-policy; they name the line.
var ErrPolicy = errors.New("the witness policy is not in the form of c2sp.org/tlog-policy")

// ParsePolicy reads a policy. It holds to the limits of the form that keep a
// witness from counting twice: no key and no name is given again, a quorum of at
// least one unless it is none.
func ParsePolicy(b []byte) (*Policy, error) {
	p := &Policy{}
	r := policyReader{Policy: p, seen: map[string]bool{}}
	var normal []string
	for i, line := range strings.Split(string(b), "\n") {
		line, err := r.line(line)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrPolicy, i+1, err)
		}
		normal = append(normal, line)
	}
	if r.quorums != 1 {
		return nil, fmt.Errorf("%w: it must have one quorum line, it has %d", ErrPolicy, r.quorums)
	}
	var err error
	if p.quorum, err = fmtwitness.ParsePolicy([]byte(strings.Join(normal, "\n"))); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	return p, nil
}

// policyReader reads the lines of a policy.
type policyReader struct {
	*Policy
	seen    map[string]bool // keys, and who is a member of a group already
	quorums int
}

// nowhere is where a witness is whose address is not known.
const nowhere = "https://unknown.invalid"

// line checks a line and gives it as package formats reads it.
func (r *policyReader) line(line string) (string, error) {
	for _, c := range []byte(line) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return "", fmt.Errorf("it has the control character %#x; lines end with a newline alone", c)
		}
	}
	fields := strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' })
	if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
		return "", nil
	}
	var err error
	switch fields[0] {
	case "log":
		err = r.log(fields)
	case "witness":
		fields, err = r.witness(fields)
	case "group":
		err = r.group(fields)
	case "quorum":
		r.quorums++
	}
	return strings.Join(fields, " "), err
}

func (r *policyReader) log(fields []string) error {
	if len(fields) < 2 || len(fields) > 3 {
		return errors.New("must be: log VKEY [URL]")
	}
	if _, err := note.NewVerifier(fields[1]); err != nil {
		return fmt.Errorf("%q is no log's verifier key", fields[1])
	}
	r.Logs = append(r.Logs, fields[1])
	return r.once("the log key", fields[1])
}

func (r *policyReader) witness(fields []string) ([]string, error) {
	if len(fields) < 3 || len(fields) > 4 {
		return nil, errors.New("must be: witness NAME VKEY [URL]")
	}
	known, err := ParseKnown(fields[2])
	if err != nil {
		return nil, err
	}
	w := Asked{Known: known, Label: fields[1]}
	if len(fields) == 4 {
		u, err := url.Parse(fields[3])
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || strings.Contains(fields[3], "#") {
			return nil, fmt.Errorf("%q is no address of a witness: https://HOST, with a path if need be", fields[3])
		}
		w.URL = strings.TrimRight(fields[3], "/")
	} else {
		fields = append(fields, nowhere)
	}
	r.Witnesses = append(r.Witnesses, w)
	// The public key alone tells who it is, whatever the name.
	return fields, r.once("the key of witness", fields[2][strings.LastIndex(fields[2], "+")+1:])
}

// group checks that nobody is a member of two groups, or twice of one.
func (r *policyReader) group(fields []string) error {
	if len(fields) < 4 {
		return errors.New("must be: group NAME all|any|NUMBER MEMBER…")
	}
	if strings.Trim(fields[2], "0") == "" {
		return errors.New("a group of 0 members would be met by nobody's cosignature")
	}
	for _, member := range fields[3:] {
		if err := r.once("group member", "member "+member); err != nil {
			return err
		}
	}
	return nil
}

func (r *policyReader) once(what, key string) error {
	if r.seen[key] {
		return fmt.Errorf("%s %s stands here for the second time", what, strings.TrimPrefix(key, "member "))
	}
	r.seen[key] = true
	return nil
}

// Known gives the policy's witnesses.
func (p *Policy) Known() (all []Known) {
	for _, w := range p.Witnesses {
		all = append(all, w.Known)
	}
	return all
}

// Met says whether a checkpoint has the cosignatures that the policy asks for.
func (p *Policy) Met(checkpoint []byte) bool { return p.quorum.Satisfied(checkpoint) }

// Trusts says whether the policy is for a log with this verifier key.
func (p *Policy) Trusts(logKey string) bool {
	return len(p.Logs) == 0 || slices.Contains(p.Logs, logKey)
}

// Reachable says what keeps a log from asking the witnesses; nil: nothing.
func (p *Policy) Reachable() error {
	for _, w := range p.Witnesses {
		if w.URL == "" {
			return fmt.Errorf("%w: witness %s has no address to ask it at", ErrPolicy, w.Label)
		}
	}
	return nil
}
