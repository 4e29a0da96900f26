package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Encoder writes values one after the other. Its zero value is ready.
type Encoder struct {
	b        []byte
	unsorted []records
}

// Encode writes what a pointer points to. It panics for types that have no form:
// interfaces, functions and channels.
func (e *Encoder) Encode(pointer any) {
	v := reflect.ValueOf(pointer)
	planOf(v.Type().Elem()).encode(e, v.UnsafePointer())
}

// Grow makes room for so many bytes at once, so that less is copied on the way.
func (e *Encoder) Grow(n int) { e.b = slices.Grow(e.b, n) }

// Bytes gives what was written. It takes longer than the writing where there are
// large maps, and needs no value any more.
func (e *Encoder) Bytes() []byte {
	for _, r := range e.unsorted {
		r.sort(e.b)
	}
	e.unsorted = nil
	return e.b
}

func (e *Encoder) count(n int) { e.b = binary.AppendUvarint(e.b, uint64(n)) }

// ErrForm is wrapped by errors about bytes that no value is written as.
var ErrForm = errors.New("not what a snapshot is written as")

// Decode reads what one Encode wrote into a value of the same type, which is as
// if new but for what is left out. After an error, which wraps ErrForm, the value
// is of no use.
func Decode(b []byte, pointer any) error {
	v := reflect.ValueOf(pointer)
	d := decoder{b: b}
	planOf(v.Type().Elem()).decode(&d, v.UnsafePointer())
	if d.err == nil && len(d.b) > 0 {
		d.fail(fmt.Errorf("%d bytes are left over", len(d.b)))
	}
	return d.err
}

// decoder reads what is left of some bytes. After an error everything is zero.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(err error) {
	if err != nil && d.err == nil {
		d.b, d.err = nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
}

var errShort = errors.New("it ends too soon")

func (d *decoder) take(n int) []byte {
	if n > len(d.b) {
		d.fail(errShort)
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

// flag reads a byte that is 0 or 1.
func (d *decoder) flag() bool {
	b := d.take(1)
	if len(b) == 1 && b[0] > 1 {
		d.fail(errors.New("a flag is neither 0 nor 1"))
	}
	return len(b) == 1 && b[0] == 1
}

// count reads a number of things that take so many bytes each, at least: no more
// than what is left can hold, so that no memory is taken for what is not there.
func (d *decoder) count(each int) int {
	n, size := binary.Uvarint(d.b)
	if size <= 0 || size > 1 && d.b[size-1] == 0 {
		d.fail(errors.New("a length is none"))
		return 0
	}
	d.b = d.b[size:]
	if n > uint64(len(d.b))/uint64(max(each, 1))+1 {
		d.fail(errShort)
		return 0
	}
	return int(n)
}

// length reads that of a slice or map; -1: it is nil.
func (d *decoder) length(each int) int { return d.count(each) - 1 }
