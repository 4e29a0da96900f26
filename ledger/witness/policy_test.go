package witness_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"spredning/ledger/witness"
)

// three are verifier keys of witnesses, with their keys.
func three(t testing.TB) (vkeys []string, all []*witness.Key) {
	t.Helper()
	for i, name := range []string{"nord.example", "vest.example/w", "sor.example"} {
		k, err := witness.NewKey(name, seededKey(byte(60+i)))
		noError(t, err)
		vkeys, all = append(vkeys, k.String()), append(all, k)
	}
	return vkeys, all
}

const twoOfThree = `# who watches
log LOG https://spredning.example
witness	nord W0   https://nord.example/
witness vest W1 http://127.0.0.1:8090/w
witness sør W2

group regionene 2 nord vest sør
quorum regionene
`

func fill(text string, logKey string, vkeys []string) []byte {
	return []byte(strings.NewReplacer("LOG", logKey, "W0", vkeys[0], "W1", vkeys[1], "W2", vkeys[2]).Replace(text))
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	vkeys, _ := three(t)
	log := newTree(t, origin, 1).growTo(9, "a")
	p, err := witness.ParsePolicy(fill(twoOfThree, log.key.String(), vkeys))
	noError(t, err)
	if len(p.Witnesses) != 3 || p.Witnesses[0].URL != "https://nord.example" || p.Witnesses[1].Label != "vest" || p.Witnesses[2].URL != "" {
		t.Errorf("witnesses are %+v", p.Witnesses)
	}
	if !p.Trusts(log.key.String()) || p.Trusts(newTree(t, origin, 2).key.String()) {
		t.Error("another log is trusted")
	}
	if err := p.Reachable(); err == nil || !strings.Contains(err.Error(), "sør") {
		t.Errorf("all can be reached? %v", err)
	}
	// Who cosigns: by servers, as it is done.
	var lines []string
	for i, name := range []string{"nord.example", "vest.example/w", "sor.example"} {
		s := newServer(t, name, byte(60+i), log.key.String())
		lines = append(lines, s.post(log.request(0, 9).Encode()).body)
	}
	wrong := newServer(t, "vest.example/w", 77, log.key.String()).post(log.request(0, 9).Encode()).body // another key
	for _, c := range []struct {
		lines []string
		met   bool
		found int // -1: an error
	}{
		{nil, false, 0},
		{lines[:1], false, 1},
		{lines[:2], true, 2},
		{lines[1:], true, 2},
		{lines, true, 3},
		{[]string{lines[0], lines[0]}, false, 1},
		{[]string{lines[0], wrong}, false, 1},
		{[]string{lines[0], flipped(lines[1])}, false, -1},
	} {
		signed := []byte(string(log.at(9)) + strings.Join(c.lines, ""))
		if p.Met(signed) != c.met {
			t.Errorf("with %q: met is %v", c.lines, !c.met)
		}
		found, err := witness.Cosignatures(signed, p.Known()...)
		if (err != nil) != (c.found < 0) || err == nil && len(found) != c.found {
			t.Errorf("with %q: found %v, %v", c.lines, found, err)
		}
		for _, f := range found {
			if age := time.Since(f.At); age < -time.Minute || age > time.Minute {
				t.Errorf("%s cosigned at %s", f.Name, f.At)
			}
		}
	}
}

// flipped changes a signature line in its middle.
func flipped(line string) string {
	at := len(line) - 20
	c := byte('A')
	if line[at] == c {
		c = 'B'
	}
	return line[:at] + string(c) + line[at+1:]
}

// What would let a witness count twice, or nobody count, is no policy.
func TestPolicyRefused(t *testing.T) {
	t.Parallel()
	vkeys, _ := three(t)
	log := newTree(t, origin, 1).key.String()
	sameKey, err := witness.NewKey("other.example", seededKey(60))
	noError(t, err)
	for name, text := range map[string]string{
		"no quorum":          "witness nord W0\n",
		"two quorums":        twoOfThree + "quorum nord\n",
		"unknown quorum":     strings.Replace(twoOfThree, "quorum regionene", "quorum x", 1),
		"same key":           strings.Replace(twoOfThree, "W1", "W0", 1),
		"same key renamed":   strings.Replace(twoOfThree, "W1", sameKey.String(), 1),
		"same log":           "log LOG\n" + twoOfThree,
		"same name":          strings.Replace(twoOfThree, "witness vest", "witness nord", 1),
		"member twice":       strings.Replace(twoOfThree, "nord vest sør\n", "nord nord sør\n", 1),
		"member of two":      strings.Replace(twoOfThree, "quorum", "group g any nord\ngroup h all g regionene\nquorum", 1),
		"group of none":      strings.Replace(twoOfThree, " 2 ", " 0 ", 1),
		"group of four":      strings.Replace(twoOfThree, " 2 ", " 4 ", 1),
		"empty group":        strings.Replace(twoOfThree, " nord vest sør\n", "\n", 1),
		"member not known":   strings.Replace(twoOfThree, " nord vest sør\n", " nord x\n", 1),
		"log key":            strings.Replace(twoOfThree, "LOG", "x", 1),
		"witness key":        strings.Replace(twoOfThree, "W1", "x+1+2", 1),
		"witness of log key": strings.Replace(twoOfThree, "W1", strings.Replace(log, "+A", "+?", 1), 1),
		"address":            strings.Replace(twoOfThree, "https://nord", "ftp://nord", 1),
		"word":               twoOfThree + "vote all\n",
		"carriage return":    strings.Replace(twoOfThree, "quorum regionene\n", "quorum regionene\r\n", 1),
	} {
		if _, err := witness.ParsePolicy(fill(text, log, vkeys)); !errors.Is(err, witness.ErrPolicy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := witness.ParsePolicy([]byte("quorum none\n")); err != nil {
		t.Errorf("a policy without witnesses: %v", err)
	}
}

// No policy makes the reader panic, and what it takes it takes again.
func FuzzParsePolicy(f *testing.F) {
	vkeys, _ := three(f)
	f.Add(fill(twoOfThree, newTree(f, origin, 1).key.String(), vkeys))
	f.Add([]byte("quorum none"))
	f.Add([]byte("group g 300 g\nquorum g"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := witness.ParsePolicy(b)
		if err != nil && !errors.Is(err, witness.ErrPolicy) {
			t.Fatalf("another error: %v", err)
		}
		if err == nil {
			p.Met([]byte("x\n1\n\n\n"))
		}
	})
}
