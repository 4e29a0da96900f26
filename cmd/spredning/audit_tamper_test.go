package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"spredning/ledger"
)

// isLong tells whether there is time: SPREDNING_LONG=1.
func isLong() bool { return os.Getenv("SPREDNING_LONG") != "" }

// tries is how often something is changed at random.
func tries(short int) int {
	if isLong() {
		return 40 * short
	}
	return short
}

// otherByte changes one byte at random, and says which.
func otherByte(r *rand.Rand, b []byte) (changed []byte, what string) {
	changed = bytes.Clone(b)
	i := r.IntN(len(b))
	changed[i] ^= byte(1 + r.IntN(255))
	return changed, fmt.Sprintf("byte %d of %d: %q to %q", i, len(b), b[i], changed[i])
}

// leaf is a value in a JSON document that is no object or array.
type leaf struct {
	at       string // JSON pointer
	from, to int    // its bytes
}

// leaves finds all of a document.
func leaves(t testing.TB, b []byte) (all []leaf) {
	t.Helper()
	d := jsontext.NewDecoder(bytes.NewReader(b))
	for {
		token, err := d.ReadToken()
		if err == io.EOF {
			return all
		}
		noError(t, err)
		kind, n := d.StackIndex(d.StackDepth())
		isName := kind == jsontext.KindBeginObject && n%2 == 1
		if k := token.Kind(); isName || k != jsontext.KindString && k != jsontext.KindNumber && k != jsontext.KindTrue && k != jsontext.KindFalse {
			continue
		}
		to := int(d.InputOffset())
		// There is no white space: it begins after the last comma, colon or bracket.
		raw, err := json.Marshal(jsontext.Value(lastLiteral(b[:to])))
		noError(t, err)
		all = append(all, leaf{string(d.StackPointer()), to - len(raw), to})
	}
}

// lastLiteral gives the number, boolean or string that a text ends with.
func lastLiteral(b []byte) []byte {
	if b[len(b)-1] != '"' {
		return b[bytes.LastIndexAny(b, ",:[{")+1:]
	}
	for i := len(b) - 2; ; i-- {
		if b[i] == '"' && (len(b[:i])-len(bytes.TrimRight(b[:i], "\\")))%2 == 0 {
			return b[i:]
		}
	}
}

// otherValue changes one value of a JSON document at random, and says where.
func otherValue(t testing.TB, r *rand.Rand, b []byte) (changed []byte, at string) {
	t.Helper()
	all := leaves(t, b)
	one := all[r.IntN(len(all))]
	var value any
	noError(t, json.Unmarshal(b[one.from:one.to], &value))
	switch was := value.(type) {
	case bool:
		value = !was
	case float64:
		value = was + []float64{-1, 1, 0.001, 1000}[r.IntN(4)]
	case string:
		value = otherText(r, was)
	default:
		t.Fatalf("%T in %s", was, one.at)
	}
	other, err := json.Marshal(value)
	noError(t, err)
	return slices.Concat(b[:one.from], other, b[one.to:]), one.at
}

// otherText puts another character in the place of one.
func otherText(r *rand.Rand, s string) string {
	characters := []rune(s)
	if len(characters) == 0 {
		return "x"
	}
	i := r.IntN(len(characters))
	for was := characters[i]; characters[i] == was; {
		characters[i] = rune("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/=-_ \n"[r.IntN(69)])
	}
	return string(characters)
}

// Whatever is changed in what is published, an audit says so, and where; in a
// receipt or a proof, verify does. Places are chosen at random.
//
// No bit is passed over. What could be written in another way and mean the same is
// refused: base64 with other padding bits, in the signature of a checkpoint too,
// and JSON with other white space where bytes are promised. In receipts white
// space around the whole is no part of it, and not changed here.
func TestTampering(t *testing.T) {
	s := serveDemo(t)
	url := s.server.URL
	s.good(t, url, stateFile(t), s.logKey.String())
	seed := rand.Uint64()
	random := func(t *testing.T) *rand.Rand {
		t.Logf("seed %d", seed)
		return rand.New(rand.NewPCG(seed, 0))
	}

	t.Run("log over HTTP", func(t *testing.T) {
		r := random(t)
		paths := s.paths()
		for range tries(80) {
			path := paths[r.IntN(len(paths))]
			var what string
			s.changed(func(asked string, body []byte) []byte {
				if asked == "/log/"+path {
					body, what = otherByte(rand.New(rand.NewPCG(r.Uint64(), 1)), body)
				}
				return body
			}, func() {
				d, err := s.env.audit(t.Context(), auditing{place: url, state: stateFile(t)})
				if err != nil && path == "checkpoint" {
					return // it is no checkpoint any more: there is no log at this address
				}
				noError(t, err)
				namesFile(t, d, path, what)
			})
		}
	})

	t.Run("size of the checkpoint", func(t *testing.T) {
		size := strconv.FormatInt(s.node.ledger.Size(), 10)
		for i := range size {
			changed := []byte(size)
			changed[i] = '0' + (changed[i]-'0'+1)%10
			if changed[0] == '0' {
				changed[0] = '1'
			}
			s.changed(func(asked string, body []byte) []byte {
				if asked == "/log/checkpoint" {
					body = bytes.Replace(body, []byte("\n"+size+"\n"), []byte("\n"+string(changed)+"\n"), 1)
				}
				return body
			}, func() {
				namesFile(t, s.audits(t, url, stateFile(t)), "checkpoint", "the size is "+string(changed))
			})
		}
	})

	t.Run("mirror", func(t *testing.T) {
		r := random(t)
		dir, paths := s.mirror(t)
		s.good(t, dir, stateFile(t))
		for range tries(80) {
			path := paths[r.IntN(len(paths))]
			file := filepath.Join(dir, filepath.FromSlash(path))
			whole, err := os.ReadFile(file)
			noError(t, err)
			changed, what := otherByte(r, whole)
			writeFile(t, file, changed)
			namesFile(t, s.audits(t, dir, stateFile(t)), path, what)
			writeFile(t, file, whole)
		}
		s.good(t, dir, stateFile(t))
	})

	t.Run("what is published", func(t *testing.T) {
		r := random(t)
		size := s.node.ledger.Size()
		var paths []string
		for _, y := range []int{2024, 2025, 2026} {
			paths = append(paths, fmt.Sprintf("/api/v1/points/%d?position=%d&min_position=%d", y, size, size))
		}
		paths = append(paths, fmt.Sprintf("/api/v1/points/2024/corrections?min_position=%d", size))
		for _, list := range []string{"organisations", "years", "rules", "keys", "innovations"} {
			paths = append(paths, fmt.Sprintf("/api/v1/%s?limit=1000&min_position=%d", list, size))
		}
		for range tries(60) {
			path := paths[r.IntN(len(paths))]
			if r.IntN(2) == 0 {
				path = paths[r.IntN(3)] // points, mostly
			}
			var at string
			s.changed(func(asked string, body []byte) []byte {
				if asked == path {
					body, at = otherValue(t, r, body)
				}
				return body
			}, func() {
				d := s.audits(t, url, stateFile(t))
				f, err := d.found("published")
				// An item of a list is named by its number, what is in it by its pointer.
				inner := at
				if rest, ok := strings.CutPrefix(at, "/items/"); ok {
					number, pointer, _ := strings.Cut(rest, "/")
					inner = "/" + pointer
					if err == nil && !strings.Contains(f.Why, "item "+number+" of") {
						t.Errorf("%s of %s was changed, and the item is not named: %+v", at, path, f)
					}
				}
				if err != nil || f.Where != url+path || !strings.Contains(f.Why, inner+" is ") {
					t.Errorf("%s of %s was changed: %+v, %v", at, path, f, err)
				}
			})
		}
	})

	known, err := knowledgeOf(s.dir)
	noError(t, err)
	receipt := func(t *testing.T, r *rand.Rand, accept string) []byte {
		request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/api/v1/events/%d/receipt", url, r.Int64N(s.node.ledger.Size())), nil)
		noError(t, err)
		request.Header.Set("Accept", accept)
		recorded := httptest.NewRecorder()
		s.server.Config.Handler.ServeHTTP(recorded, request)
		if err := s.env.verify("receipt", recorded.Body.Bytes(), known); err != nil {
			t.Fatal(err)
		}
		return recorded.Body.Bytes()
	}
	alone := knowledge{logKeys: ledger.LogKeys{{Key: s.logKey.String()}}, source: "--log-key"}
	for name, c := range map[string]struct {
		accept string
		change func(*testing.T, *rand.Rand, []byte) ([]byte, string)
		known  knowledge
	}{
		"values of receipts": {"application/json", func(t *testing.T, r *rand.Rand, b []byte) ([]byte, string) { return otherValue(t, r, b) }, alone},
		"bytes of receipts":  {"application/json", func(_ *testing.T, r *rand.Rand, b []byte) ([]byte, string) { return otherByte(r, b) }, alone},
		"bytes of proofs":    {"text/plain", func(_ *testing.T, r *rand.Rand, b []byte) ([]byte, string) { return otherByte(r, b) }, known},
	} {
		t.Run(name, func(t *testing.T) {
			r := random(t)
			for range tries(150) {
				whole := receipt(t, r, c.accept)
				changed, what := c.change(t, r, whole)
				if err := s.env.verify("receipt", changed, c.known); err == nil {
					t.Errorf("%s: verify says nothing:\n%s", what, changed)
				}
			}
		})
	}
}

// namesFile checks that an audit has found a changed file, and names it. A changed
// checkpoint shows in what it speaks of.
func namesFile(t testing.TB, d *audited, path, what string) {
	t.Helper()
	if d.Good || len(d.Findings) == 0 {
		t.Errorf("%s, %s: nothing was found", path, what)
		return
	}
	f := d.Findings[0]
	if said := f.Where + " " + f.Why; !strings.Contains(said, path) {
		t.Errorf("%s, %s: it is not named: %+v", path, what, f)
	}
}
