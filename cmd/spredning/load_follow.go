package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// followers follow a ledger live, as server-sent events, each for itself, and check
// that every entry comes once and in order.
type followers struct {
	all  []*follower
	lag  latencies // from the answer to who submitted an entry until it is here
	stop context.CancelFunc
	wait sync.WaitGroup

	mu       sync.Mutex
	first    int64
	answered []int64 // when, in nanoseconds, by index from first on; 0: not known here
}

// follower is one of them.
type follower struct {
	next  atomic.Int64 // the index that must come next
	fault atomic.Pointer[string]
}

// follow starts to follow from an index on.
func follow(ctx context.Context, base string, from int64, n int) *followers {
	f := &followers{first: from}
	ctx, f.stop = context.WithCancel(ctx)
	for range n {
		one := &follower{}
		one.next.Store(from)
		f.all = append(f.all, one)
		f.wait.Go(func() {
			if err := f.run(ctx, base, one); err != nil && ctx.Err() == nil {
				one.fault.Store(new(err.Error()))
			}
		})
	}
	return f
}

// run follows until the context ends.
func (f *followers) run(ctx context.Context, base string, one *follower) error {
	url := fmt.Sprintf("%s/api/v1/events?after=%d", base, f.first-1)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "text/event-stream")
	transport := &http.Transport{} // a connection of its own
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		id, ok := strings.CutPrefix(lines.Text(), "id: ")
		if !ok {
			continue
		}
		index, err := strconv.ParseInt(id, 10, 64)
		if want := one.next.Load(); err != nil || index != want {
			return fmt.Errorf("entry %s came where %d should", id, want)
		}
		f.lag.add(f.since(index))
		one.next.Store(index + 1)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("after entry %d: %w", one.next.Load()-1, err)
	}
	return fmt.Errorf("the server ended the stream after entry %d", one.next.Load()-1)
}

// tell notes that an entry's submitter has its answer.
func (f *followers) tell(index int64, at time.Time) {
	if index < f.first {
		return // it was there before
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for int64(len(f.answered)) <= index-f.first {
		f.answered = append(f.answered, 0)
	}
	f.answered[index-f.first] = at.UnixNano()
}

// since tells how long ago an entry's submitter got its answer; 0: not yet.
func (f *followers) since(index int64) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at := index - f.first; at < int64(len(f.answered)) && f.answered[at] > 0 {
		return time.Duration(time.Now().UnixNano() - f.answered[at])
	}
	return 0
}

// patience is how long followers may take to get the last entries.
const patience = 10 * time.Second

// finish waits until all have come to where the ledger is, and gives what was wrong.
func (f *followers) finish(ctx context.Context) (faults []string) {
	f.mu.Lock()
	end := f.first + int64(len(f.answered))
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for waiting := true; waiting; {
		waiting = false
		for _, one := range f.all {
			waiting = waiting || one.fault.Load() == nil && one.next.Load() < end
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			waiting = false
		}
	}
	for n, one := range f.all {
		if fault := one.fault.Load(); fault != nil {
			faults = append(faults, fmt.Sprintf("follower %d: %s", n+1, *fault))
		} else if next := one.next.Load(); next < end {
			faults = append(faults, fmt.Sprintf("follower %d: entries %d to %d have not come", n+1, next, end-1))
		}
	}
	f.stop()
	f.wait.Wait()
	return faults
}

// entries is how many have come, of all followers.
func (f *followers) entries() (sum int64) {
	for _, one := range f.all {
		sum += one.next.Load() - f.first
	}
	return sum
}
