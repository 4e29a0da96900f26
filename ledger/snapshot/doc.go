// Package snapshot writes down what a fold has in memory and reads it back, so
// that a start need not replay the ledger.
//
// The form follows from the Go types alone, unexported fields included, and is
// not for others to read: a program reads only what one with the same types has
// written. [Shape] names the types' form, so that it can tell.
//
//	var e snapshot.Encoder
//	e.Encode(fold)
//	b := e.Bytes()
//	err := snapshot.Decode(b, NewFold())
//
// The same value gives the same bytes, whatever order its maps are walked in. A
// field tagged `snapshot:"-"` is left out, and left alone when reading. What two
// pointers share they do not share afterwards, so a value must not be changed
// through one of two. Numbers of a fixed size lie as in memory; int is 64 bits,
// on the machines that this is built for.
//
//	bool                one byte, 0 or 1
//	number              as in memory
//	string              length as uvarint, bytes
//	slice               0 if nil, else length + 1, as uvarint; elements
//	map                 the same; keys and values, by the bytes of the key
//	pointer             0 if nil, else 1 and what it points to
//	array, struct       elements or fields, in order
//	BinaryMarshaler     a struct that is one, and whose pointer is a
//	                    BinaryUnmarshaler: as a string
package snapshot
