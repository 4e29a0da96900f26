package keys_test

import (
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"spredning/keys"
)

// spoil lists what can be wrong with a check, each with what it does to a good
// one. Slices are shared between checks: cloned before they are changed.
var spoil = map[string]func(*keys.Check){
	"nothing": func(*keys.Check) {},
	"message": func(c *keys.Check) { c.Message = append(slices.Clone(c.Message), '!') },
	"R":       func(c *keys.Check) { c.Sig = slices.Clone(c.Sig); c.Sig[0] ^= 1 },
	"S":       func(c *keys.Check) { c.Sig = slices.Clone(c.Sig); c.Sig[32] ^= 1 },
	"large S": func(c *keys.Check) { c.Sig = slices.Clone(c.Sig); c.Sig[63] |= 0xe0 },
	"key":     func(c *keys.Check) { c.Key = testKey(99).Public },
	"short signature": func(c *keys.Check) {
		c.Sig = c.Sig[:63]
	},
	"no signature": func(c *keys.Check) { c.Sig = nil },
	"short key":    func(c *keys.Check) { c.Key.Bytes = c.Key.Bytes[:31] },
	"no key":       func(c *keys.Check) { c.Key.Bytes = nil },
	"scheme":       func(c *keys.Check) { c.Key.Scheme = "none" },
}

// drawChecks draws checks of which a part is spoilt, and whether none is.
func drawChecks(t *rapid.T, most int) (checks []keys.Check, good bool) {
	names := make([]string, 0, len(spoil))
	for name := range spoil {
		names = append(names, name)
	}
	slices.Sort(names)
	good = true
	honest := rapid.Bool().Draw(t, "honest")
	for range rapid.IntRange(1, most).Draw(t, "checks") {
		k := testKey(rapid.IntRange(0, 3).Draw(t, "key"))
		message := []byte(rapid.StringN(0, 20, -1).Draw(t, "message"))
		c := keys.Check{Key: k.Public, Message: message, Sig: k.Sign(message)}
		if !honest {
			how := rapid.SampledFrom(names).Draw(t, "spoilt")
			spoil[how](&c)
			good = good && how == "nothing"
		}
		checks = append(checks, c)
	}
	return checks, good
}

func one(checks []keys.Check) bool {
	for _, c := range checks {
		if !c.Key.Verify(c.Message, c.Sig) {
			return false
		}
	}
	return true
}

// A batch answers as one signature after the other would, and rightly.
func TestVerifyAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checks, good := drawChecks(t, 10)
		if got := one(checks); got != good {
			t.Fatalf("singly: %v, want %v", got, good)
		}
		if got := keys.VerifyAll(checks); got != good {
			t.Fatalf("as a batch: %v, want %v", got, good)
		}
	})
}

// A single bad signature is found wherever it stands in a batch.
func TestVerifyAllFindsTheBadOne(t *testing.T) {
	for at := range 9 {
		for name, spoil := range spoil {
			var checks []keys.Check
			for n := range 9 {
				k := testKey(n)
				checks = append(checks, keys.Check{Key: k.Public, Message: []byte("m"), Sig: k.Sign([]byte("m"))})
			}
			spoil(&checks[at])
			if got, want := keys.VerifyAll(checks), name == "nothing"; got != want {
				t.Errorf("spoilt %s at %d: %v, want %v", name, at, got, want)
			}
		}
	}
}

// Callers who wait together share batches; each still gets its own answer.
func TestVerifier(t *testing.T) {
	v := keys.NewVerifier()
	defer v.Close()
	rapid.Check(t, func(t *rapid.T) {
		type question struct {
			checks    []keys.Check
			good, got bool
		}
		questions := make([]question, rapid.IntRange(1, 40).Draw(t, "callers"))
		for i := range questions {
			questions[i].checks, questions[i].good = drawChecks(t, 3)
		}
		var callers sync.WaitGroup
		for i := range questions {
			callers.Go(func() { questions[i].got = v.Verify(questions[i].checks...) })
		}
		callers.Wait()
		for i, q := range questions {
			if q.got != q.good {
				t.Fatalf("caller %d: %v, want %v", i, q.got, q.good)
			}
		}
	})
}

// More callers than a batch or the queue takes: all are answered.
func TestVerifierAnswersAll(t *testing.T) {
	v := keys.NewVerifier()
	k, message := testKey(1), []byte("m")
	good := keys.Check{Key: k.Public, Message: message, Sig: k.Sign(message)}
	bad := keys.Check{Key: k.Public, Message: []byte("n"), Sig: good.Sig}
	var callers sync.WaitGroup
	for i := range 1500 {
		callers.Go(func() {
			if i%100 == 0 {
				if v.Verify(good, bad) {
					t.Errorf("caller %d: a bad signature verified", i)
				}
			} else if !v.Verify(good) {
				t.Errorf("caller %d: a good signature was refused", i)
			}
		})
	}
	callers.Wait()
	v.Close()
}
