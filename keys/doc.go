// Package keys owns who can sign and how a signature is carried: keys and
// their ids, key files, and the DSSE envelope.
//
// A [Public] key is a scheme and the bytes that the scheme defines. Its [ID] is
// a hash of both, so an id names exactly one key and a signature can be checked
// before anyone asks whether the key may sign. The scheme belongs to the key,
// never to the envelope: nothing that a sender writes can choose how strictly
// his signature is checked. A new scheme is one more case in [schemes].
//
// An [Envelope] is a DSSE envelope (github.com/secure-systems-lab/dsse) in a
// profile with one single form: [Envelope.Encode] of what [Parse] accepts is
// the input, byte for byte. [Open] is for what comes from outside: it takes
// other JSON spellings of the same envelope, still strictly.
//
// Invariant: an Envelope that Parse or Open returned has a known payload type,
// 1 to [MaxSignatures] signatures ordered by key id, none twice.
package keys
