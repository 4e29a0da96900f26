package keys

import (
	"runtime"
	"sync"

	"github.com/hdevalence/ed25519consensus"
)

// Check is one question to a Verifier: is Sig the signature of Key over Message?
type Check struct {
	Key     Public
	Message []byte
	Sig     []byte
}

// VerifyAll reports whether every check holds. Ed25519 checks are verified as a
// batch, which takes about half the time of one after the other and gives the
// same answers (ZIP 215).
func VerifyAll(checks []Check) bool {
	if len(checks) < minBatch {
		return verifyEach(checks)
	}
	batch := ed25519consensus.NewPreallocatedBatchVerifier(len(checks))
	batched := 0
	for _, c := range checks {
		if c.Key.Scheme == Ed25519 {
			batch.Add(c.Key.Bytes, c.Message, c.Sig)
			batched++
		} else if !c.Key.Verify(c.Message, c.Sig) {
			return false
		}
	}
	return batched == 0 || batch.Verify()
}

func verifyEach(checks []Check) bool {
	for _, c := range checks {
		if !c.Key.Verify(c.Message, c.Sig) {
			return false
		}
	}
	return true
}

// minBatch is the size below which a batch gains nothing; maxBatch the one
// above which it gains little more and only delays those in it.
const (
	minBatch = 4
	maxBatch = 64
)

// Verifier checks signatures for many callers at once: those who wait at the
// same time share a batch. Under load it verifies twice as many signatures a
// second as its callers could on their own; a single caller waits no longer.
type Verifier struct {
	jobs chan *job
	wait sync.WaitGroup
}

type job struct {
	checks []Check
	done   chan bool
}

// NewVerifier starts a verifier with a worker per processor but one, which is
// left to those who do something with the answers: a batch keeps a processor for
// a millisecond or two, and an append that has to wait for one at each of its
// steps is slow.
func NewVerifier() *Verifier {
	v := &Verifier{jobs: make(chan *job, 1024)}
	for range max(1, runtime.GOMAXPROCS(0)-1) {
		v.wait.Go(v.work)
	}
	return v
}

// Verify reports whether every check holds. It must not be called after Close.
func (v *Verifier) Verify(checks ...Check) bool {
	j := &job{checks, make(chan bool, 1)}
	v.jobs <- j
	return <-j.done
}

// Close ends the workers once all who called Verify have their answer.
func (v *Verifier) Close() {
	close(v.jobs)
	v.wait.Wait()
}

func (v *Verifier) work() {
	for first := range v.jobs {
		jobs := v.gather(first)
		if len(jobs) > 1 && VerifyAll(flatten(jobs)) {
			for _, j := range jobs {
				j.done <- true
			}
			continue
		}
		// One of them is wrong, or there is only one: each by itself.
		for _, j := range jobs {
			j.done <- verifyEach(j.checks)
		}
	}
}

// gather takes those who wait already, without waiting for more. It lets other
// goroutines run first: those on their way here join the batch, and when there
// are none it costs nothing.
func (v *Verifier) gather(first *job) []*job {
	runtime.Gosched()
	jobs := []*job{first}
	for len(jobs) < maxBatch {
		select {
		case j, ok := <-v.jobs:
			if !ok {
				return jobs
			}
			jobs = append(jobs, j)
		default:
			return jobs
		}
	}
	return jobs
}

func flatten(jobs []*job) []Check {
	all := make([]Check, 0, len(jobs))
	for _, j := range jobs {
		all = append(all, j.checks...)
	}
	return all
}
