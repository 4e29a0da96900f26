package snapshot

import (
	"encoding"
	"fmt"
	"reflect"
	"sync"
	"unsafe"
)

// plan is how values of a type are written and read where they lie in memory:
// reflection alone neither sets unexported fields nor is fast enough for a
// million of them.
type plan struct {
	size   int  // of what is written; -1: it differs from value to value
	plain  bool // any bytes of that size are a value, which they are in memory
	encode func(e *Encoder, p unsafe.Pointer)
	decode func(d *decoder, p unsafe.Pointer)
}

var plans sync.Map // reflect.Type to *plan

// planOf makes a type's plan once. It panics for a type that has none, which is a
// mistake in the program.
func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := makePlan(t)
	plans.Store(t, p)
	return p
}

func makePlan(t reflect.Type) *plan {
	if encodesItself(t) {
		return marshalled(t)
	}
	switch t.Kind() {
	case reflect.Bool:
		return boolean()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64:
		return run(int(t.Size()))
	case reflect.String:
		return text()
	case reflect.Array:
		return array(t)
	case reflect.Slice:
		return slice(t)
	case reflect.Map:
		return mapping(t)
	case reflect.Pointer:
		return pointer(t)
	case reflect.Struct:
		return structure(t)
	}
	panic(fmt.Sprintf("snapshot: there is no form for %s", t))
}

var (
	marshaler   = reflect.TypeFor[encoding.BinaryMarshaler]()
	unmarshaler = reflect.TypeFor[encoding.BinaryUnmarshaler]()
)

// encodesItself tells of a struct that has a form of its own.
func encodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Kind() == reflect.Struct && p.Implements(marshaler) && p.Implements(unmarshaler)
}

func marshalled(t reflect.Type) *plan {
	return &plan{
		size: -1,
		encode: func(e *Encoder, p unsafe.Pointer) {
			b, err := reflect.NewAt(t, p).Interface().(encoding.BinaryMarshaler).MarshalBinary()
			if err != nil {
				panic(fmt.Sprintf("snapshot: writing a %s: %s", t, err))
			}
			e.count(len(b))
			e.b = append(e.b, b...)
		},
		decode: func(d *decoder, p unsafe.Pointer) {
			if b := d.take(d.count(1)); d.err == nil {
				d.fail(reflect.NewAt(t, p).Interface().(encoding.BinaryUnmarshaler).UnmarshalBinary(b))
			}
		},
	}
}

func boolean() *plan {
	return &plan{
		size: 1,
		encode: func(e *Encoder, p unsafe.Pointer) {
			var b byte
			if *(*bool)(p) {
				b = 1
			}
			e.b = append(e.b, b)
		},
		decode: func(d *decoder, p unsafe.Pointer) { *(*bool)(p) = d.flag() },
	}
}

// run is bytes as they lie in memory.
func run(size int) *plan {
	return &plan{
		size: size, plain: true,
		encode: func(e *Encoder, p unsafe.Pointer) { e.b = append(e.b, unsafe.Slice((*byte)(p), size)...) },
		decode: func(d *decoder, p unsafe.Pointer) { copy(unsafe.Slice((*byte)(p), size), d.take(size)) },
	}
}

func text() *plan {
	return &plan{
		size: -1,
		encode: func(e *Encoder, p unsafe.Pointer) {
			s := *(*string)(p)
			e.count(len(s))
			e.b = append(e.b, s...)
		},
		decode: func(d *decoder, p unsafe.Pointer) { *(*string)(p) = string(d.take(d.count(1))) },
	}
}

func array(t reflect.Type) *plan {
	of, step, n := planOf(t.Elem()), t.Elem().Size(), t.Len()
	if of.plain && of.size == int(step) {
		return run(int(t.Size()))
	}
	size := of.size * n
	if of.size < 0 {
		size = -1
	}
	return &plan{
		size: size,
		encode: func(e *Encoder, p unsafe.Pointer) {
			for i := range n {
				of.encode(e, unsafe.Add(p, uintptr(i)*step))
			}
		},
		decode: func(d *decoder, p unsafe.Pointer) {
			for i := range n {
				of.decode(d, unsafe.Add(p, uintptr(i)*step))
			}
		},
	}
}

func slice(t reflect.Type) *plan {
	of, step := planOf(t.Elem()), t.Elem().Size()
	raw := of.plain && of.size == int(step)
	return &plan{
		size: -1,
		encode: func(e *Encoder, p unsafe.Pointer) {
			s := reflect.NewAt(t, p).Elem()
			n, first := s.Len(), s.UnsafePointer()
			switch {
			case s.IsNil():
				e.count(0)
				return
			case raw:
				e.count(n + 1)
				e.b = append(e.b, unsafe.Slice((*byte)(first), n*int(step))...)
				return
			}
			e.count(n + 1)
			for i := range n {
				of.encode(e, unsafe.Add(first, uintptr(i)*step))
			}
		},
		decode: func(d *decoder, p unsafe.Pointer) {
			n := d.length(of.size)
			if n < 0 {
				return
			}
			s := reflect.MakeSlice(t, n, n)
			reflect.NewAt(t, p).Elem().Set(s)
			first := s.UnsafePointer()
			if raw {
				copy(unsafe.Slice((*byte)(first), n*int(step)), d.take(n*int(step)))
				return
			}
			for i := 0; i < n && d.err == nil; i++ {
				of.decode(d, unsafe.Add(first, uintptr(i)*step))
			}
		},
	}
}

func pointer(t reflect.Type) *plan {
	to := lazy(t.Elem())
	return &plan{
		size: -1,
		encode: func(e *Encoder, p unsafe.Pointer) {
			target := *(*unsafe.Pointer)(p)
			if target == nil {
				e.b = append(e.b, 0)
				return
			}
			e.b = append(e.b, 1)
			to().encode(e, target)
		},
		decode: func(d *decoder, p unsafe.Pointer) {
			if !d.flag() || d.err != nil {
				return
			}
			target := reflect.New(t.Elem())
			*(*unsafe.Pointer)(p) = target.UnsafePointer()
			to().decode(d, target.UnsafePointer())
		},
	}
}

// lazy gives a type's plan when it is first needed: a type may point to itself.
func lazy(t reflect.Type) func() *plan { return sync.OnceValue(func() *plan { return planOf(t) }) }

// step is what is done with a part of a struct.
type step struct {
	*plan
	at uintptr
}

// structure takes fields that lie side by side together where it can.
func structure(t reflect.Type) *plan {
	var steps []step
	size, plain := 0, true
	for _, f := range keptFields(t) {
		of := planOf(f.Type)
		whole := of.plain && of.size == int(f.Type.Size())
		if size >= 0 {
			size += of.size
		}
		if of.size < 0 {
			size = -1
		}
		plain = plain && whole
		if last := len(steps) - 1; whole && last >= 0 && steps[last].plain && steps[last].at+uintptr(steps[last].size) == f.Offset {
			steps[last].plan = run(steps[last].size + of.size)
			continue
		}
		steps = append(steps, step{of, f.Offset})
	}
	return &plan{
		size: size, plain: plain && size == int(t.Size()),
		encode: func(e *Encoder, p unsafe.Pointer) {
			for _, s := range steps {
				s.encode(e, unsafe.Add(p, s.at))
			}
		},
		decode: func(d *decoder, p unsafe.Pointer) {
			for _, s := range steps {
				s.decode(d, unsafe.Add(p, s.at))
			}
		},
	}
}
