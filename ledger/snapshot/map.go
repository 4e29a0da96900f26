package snapshot

import (
	"bytes"
	"reflect"
	"slices"
	"sort"
	"unsafe"
)

func mapping(t reflect.Type) *plan {
	key, value := planOf(t.Key()), planOf(t.Elem())
	p := &plan{size: -1, encode: func(e *Encoder, p unsafe.Pointer) {
		m := reflect.NewAt(t, p).Elem()
		switch {
		case m.IsNil():
			e.count(0)
		case key.size >= 0 && value.size >= 0:
			e.count(m.Len() + 1)
			e.pairs(m, key, value)
		default:
			e.count(m.Len() + 1)
			e.sortedPairs(m, key, value)
		}
	}}
	least := max(key.size, 0) + max(value.size, 0)
	p.decode = func(d *decoder, p unsafe.Pointer) {
		n := d.length(least)
		if n < 0 {
			return
		}
		m := reflect.MakeMapWithSize(t, n)
		reflect.NewAt(t, p).Elem().Set(m)
		k, v := reflect.New(t.Key()), reflect.New(t.Elem())
		for ; n > 0 && d.err == nil; n-- {
			k.Elem().SetZero()
			v.Elem().SetZero()
			key.decode(d, k.UnsafePointer())
			value.decode(d, v.UnsafePointer())
			m.SetMapIndex(k.Elem(), v.Elem())
		}
	}
	return p
}

// pairs writes a map whose keys and values have a fixed size, in whatever order
// it is walked; [Encoder.Bytes] sorts them, when nobody waits any more.
func (e *Encoder) pairs(m reflect.Value, key, value *plan) {
	r := records{from: len(e.b), key: key.size, size: key.size + value.size}
	e.walk(m, func(k, v unsafe.Pointer) {
		key.encode(e, k)
		value.encode(e, v)
	})
	r.to = len(e.b)
	e.unsorted = append(e.unsorted, r)
}

// sortedPairs writes the pairs of another map in order.
func (e *Encoder) sortedPairs(m reflect.Value, key, value *plan) {
	type pair struct{ key, value []byte }
	var all []pair
	e.walk(m, func(k, v unsafe.Pointer) {
		var one, other Encoder
		key.encode(&one, k)
		value.encode(&other, v)
		all = append(all, pair{one.Bytes(), other.Bytes()})
	})
	slices.SortFunc(all, func(a, b pair) int { return bytes.Compare(a.key, b.key) })
	for _, p := range all {
		e.b = append(append(e.b, p.key...), p.value...)
	}
}

// walk calls fn with a copy of every key and value.
func (e *Encoder) walk(m reflect.Value, fn func(k, v unsafe.Pointer)) {
	k, v := reflect.New(m.Type().Key()), reflect.New(m.Type().Elem())
	for i := m.MapRange(); i.Next(); {
		k.Elem().SetIterKey(i)
		v.Elem().SetIterValue(i)
		fn(k.UnsafePointer(), v.UnsafePointer())
	}
}

// records are pairs of one size, from one place in what is written up to another.
type records struct{ from, to, key, size int }

// sort sorts them by key.
func (r records) sort(b []byte) {
	if r.size == 0 {
		return
	}
	sort.Sort(&sorting{b[r.from:r.to], r.key, r.size, make([]byte, r.size)})
}

type sorting struct {
	b         []byte
	key, size int
	spare     []byte
}

func (s *sorting) at(i int) []byte { return s.b[i*s.size : (i+1)*s.size] }

func (s *sorting) Len() int           { return len(s.b) / s.size }
func (s *sorting) Less(i, j int) bool { return bytes.Compare(s.at(i)[:s.key], s.at(j)[:s.key]) < 0 }
func (s *sorting) Swap(i, j int) {
	copy(s.spare, s.at(i))
	copy(s.at(i), s.at(j))
	copy(s.at(j), s.spare)
}
