package snapshot_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"spredning/ledger/snapshot"
)

// everything has a field of every form.
type everything struct {
	yes      bool
	small    int8
	between  uint16 // after a gap
	number   int64
	hash     [32]byte
	flags    [3]bool
	name     string
	names    []string
	pairs    []pair
	raw      []byte
	nested   [][]int32
	counts   map[pair]uint32
	byName   map[string][]int64
	pointers map[[16]byte]*pair
	set      map[uint8]struct{}
	next     *everything
	at       time.Time
	pair
	left *int `snapshot:"-"`
}

type pair struct {
	a, b  int32
	state bool
}

// drawn gives a value of everything.
func drawn(t *rapid.T, depth int) *everything {
	pairs := rapid.Custom(func(t *rapid.T) pair {
		return pair{rapid.Int32().Draw(t, "a"), rapid.Int32().Draw(t, "b"), rapid.Bool().Draw(t, "state")}
	})
	v := &everything{
		yes: rapid.Bool().Draw(t, "yes"), small: rapid.Int8().Draw(t, "small"), between: rapid.Uint16().Draw(t, "between"),
		number: rapid.Int64().Draw(t, "number"), name: rapid.String().Draw(t, "name"),
		names: rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "names"), pairs: rapid.SliceOfN(pairs, 0, 3).Draw(t, "pairs"),
		raw:    rapid.SliceOf(rapid.Byte()).Draw(t, "raw"),
		nested: rapid.SliceOf(rapid.SliceOf(rapid.Int32())).Draw(t, "nested"),
		counts: rapid.MapOf(pairs, rapid.Uint32()).Draw(t, "counts"),
		byName: rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.Int64())).Draw(t, "byName"),
		set:    map[uint8]struct{}{},
		at:     time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 0).UTC(),
		pair:   pairs.Draw(t, "pair"),
	}
	for i := range v.hash {
		v.hash[i] = rapid.Byte().Draw(t, "hash")
	}
	v.flags[1] = rapid.Bool().Draw(t, "flag")
	v.set[rapid.Uint8().Draw(t, "member")] = struct{}{}
	if rapid.Bool().Draw(t, "pointers") {
		v.pointers = map[[16]byte]*pair{{1}: {a: 1}, {2}: nil}
	}
	if depth > 0 && rapid.Bool().Draw(t, "next") {
		v.next = drawn(t, depth-1)
	}
	return v
}

func encoded(v *everything) []byte {
	var e snapshot.Encoder
	e.Encode(v)
	return e.Bytes()
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, left := drawn(t, 2), 7
		b := encoded(before)
		after := &everything{left: &left}
		if err := snapshot.Decode(b, after); err != nil {
			t.Fatal(err)
		}
		if after.left != &left {
			t.Error("what is left out was not left alone")
		}
		if again := encoded(after); !bytes.Equal(b, again) {
			t.Error("the same value gives other bytes")
		}
		after.left = nil
		if !reflect.DeepEqual(before, after) {
			t.Errorf("read %+v, written %+v", after, before)
		}
	})
}

// The order in which maps are walked is another each time.
func TestMapsInOneOrder(t *testing.T) {
	v := &everything{counts: map[pair]uint32{}, byName: map[string][]int64{}}
	for i := range int32(100) {
		v.counts[pair{a: i, b: -i}], v.byName[fmt.Sprint(i)] = uint32(i), []int64{int64(i)}
	}
	first := encoded(v)
	for range 5 {
		if !bytes.Equal(first, encoded(v)) {
			t.Fatal("the same value gives other bytes")
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	b := encoded(&everything{name: "x", pairs: []pair{{1, 2, true}}, counts: map[pair]uint32{{}: 1}, next: &everything{}})
	for n := range b {
		if err := snapshot.Decode(b[:n], &everything{}); !errors.Is(err, snapshot.ErrForm) {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
	if err := snapshot.Decode(append(bytes.Clone(b), 0), &everything{}); !errors.Is(err, snapshot.ErrForm) {
		t.Errorf("a byte more: %v", err)
	}
	bad := bytes.Clone(b)
	bad[0] = 2
	if err := snapshot.Decode(bad, &everything{}); !errors.Is(err, snapshot.ErrForm) || !strings.Contains(err.Error(), "flag") {
		t.Errorf("a flag of 2: %v", err)
	}
}

func TestShape(t *testing.T) {
	type one struct{ A, B int32 }
	type moved struct{ B, A int32 }
	type retyped struct{ A, B uint32 }
	type more struct {
		A, B int32
		C    *int `snapshot:"-"`
	}
	seen := map[string]string{}
	for _, v := range []any{one{}, moved{}, retyped{}, []one{}, map[int32]one{}, [2]one{}, [3]one{}, everything{}} {
		shape := snapshot.Shape(v)
		if other, ok := seen[shape]; ok {
			t.Errorf("%T has the shape of %s", v, other)
		}
		seen[shape] = fmt.Sprintf("%T", v)
	}
	if snapshot.Shape(one{}, moved{}) == snapshot.Shape(moved{}, one{}) {
		t.Error("two values have the shape of the two in another order")
	}
	if first, again := snapshot.Shape(everything{}), snapshot.Shape(everything{}); first != again {
		t.Error("a type has two shapes")
	}
	var left more
	left.C = new(int)
	var e snapshot.Encoder
	e.Encode(&left)
	if len(e.Bytes()) != 8 {
		t.Errorf("two numbers take %d bytes", len(e.Bytes()))
	}
}

// What has no form is found when the program starts, not when it is first written.
func TestNoForm(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a function has a form")
		}
	}()
	snapshot.Shape(struct{ to *struct{ f func() } }{})
}

// Whatever bytes come, reading them neither fails badly nor takes more memory than
// they could fill; and what was read is written in one way.
func FuzzDecode(f *testing.F) {
	f.Add(encoded(&everything{}))
	f.Add(encoded(&everything{
		name: "navn", names: []string{"a", ""}, pairs: []pair{{1, 2, true}}, raw: []byte{1}, nested: [][]int32{nil, {1}},
		counts: map[pair]uint32{{1, 2, false}: 3}, byName: map[string][]int64{"x": {1}}, pointers: map[[16]byte]*pair{{}: {}},
		set: map[uint8]struct{}{1: {}}, next: &everything{at: time.Unix(1, 0)},
	}))
	f.Fuzz(func(t *testing.T, b []byte) {
		v := &everything{}
		if err := snapshot.Decode(b, v); err != nil {
			return
		}
		once := encoded(v)
		again := &everything{}
		if err := snapshot.Decode(once, again); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(once, encoded(again)) {
			t.Error("the same value gives other bytes")
		}
	})
}
