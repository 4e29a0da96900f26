package snapshot

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
)

// Shape names the form of values' types: 64 hexadecimal digits that change when a
// field is added, renamed, moved or retyped anywhere in them, or when numbers lie
// otherwise in memory. What fields mean it cannot see. It panics, as [Encoder.Encode]
// does, for types that have no form, wherever they stand.
func Shape(values ...any) string {
	h := sha256.New()
	var order [2]byte
	binary.NativeEndian.PutUint16(order[:], 1)
	fmt.Fprintf(h, "%x %d\n", order, reflect.TypeFor[int]().Size())
	for _, v := range values {
		describe(h, reflect.TypeOf(v), map[reflect.Type]bool{})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// describe writes a type down; within is what it stands in.
func describe(w io.Writer, t reflect.Type, within map[reflect.Type]bool) {
	planOf(t) // or it says at once that there is none
	fmt.Fprintf(w, "%s %s", t, t.Kind())
	if within[t] || encodesItself(t) {
		fmt.Fprintln(w, " itself")
		return
	}
	within[t] = true
	defer delete(within, t)
	switch t.Kind() {
	case reflect.Struct:
		for _, f := range keptFields(t) {
			fmt.Fprintf(w, " %s ", f.Name)
			describe(w, f.Type, within)
		}
	case reflect.Map:
		describe(w, t.Key(), within)
		describe(w, t.Elem(), within)
	case reflect.Array:
		fmt.Fprintf(w, " %d ", t.Len())
		describe(w, t.Elem(), within)
	case reflect.Slice, reflect.Pointer:
		describe(w, t.Elem(), within)
	}
	fmt.Fprintln(w)
}

// keptFields are those that are written.
func keptFields(t reflect.Type) (kept []reflect.StructField) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("snapshot") != "-" && f.Name != "_" {
			kept = append(kept, f)
		}
	}
	return kept
}
