package main

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// latencies counts durations. It keeps each to within 1/128 of its value, the
// longest exactly, in the same 60 KB however many there are. Its methods may be
// called at the same time.
type latencies struct {
	buckets [64 * perOctave]atomic.Int64
	count   atomic.Int64
	longest atomic.Int64
}

// perOctave is how many buckets there are from a duration to twice as much.
const perOctave = 128

func (l *latencies) add(d time.Duration) {
	d = max(0, d)
	l.buckets[bucketOf(d)].Add(1)
	l.count.Add(1)
	for {
		longest := l.longest.Load()
		if int64(d) <= longest || l.longest.CompareAndSwap(longest, int64(d)) {
			return
		}
	}
}

// bucketOf gives a bucket to each nanosecond below 128, and above that 128 buckets
// to each doubling.
func bucketOf(d time.Duration) int {
	if d < perOctave {
		return int(d)
	}
	shift := bits.Len64(uint64(d)) - 8
	return shift*perOctave + int(d>>shift)
}

// ceiling is the longest duration in a bucket.
func ceiling(bucket int) time.Duration {
	if bucket < 2*perOctave {
		return time.Duration(bucket)
	}
	shift := bucket/perOctave - 1
	return time.Duration(bucket-shift*perOctave+1)<<shift - 1
}

// quantile gives the duration that a share of all do not exceed; 0: there are none.
func (l *latencies) quantile(share float64) time.Duration {
	rank := int64(math.Ceil(share * float64(l.count.Load())))
	seen := int64(0)
	for bucket := range l.buckets {
		if seen += l.buckets[bucket].Load(); seen >= rank && seen > 0 {
			return min(ceiling(bucket), time.Duration(l.longest.Load()))
		}
	}
	return 0
}

// spread is how long things took, in milliseconds.
type spread struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

func (l *latencies) spread() spread {
	return spread{milliseconds(l.quantile(0.5)), milliseconds(l.quantile(0.99)), milliseconds(l.quantile(0.999)), milliseconds(time.Duration(l.longest.Load()))}
}

// milliseconds has microseconds as its last decimals.
func milliseconds(d time.Duration) float64 { return float64(d.Round(time.Microsecond)) / 1e6 }
