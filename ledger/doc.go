// Package ledger is the log of signed events: what an event is, which ones are
// admissible, how they become durable, and how anyone can check that.
//
// An event reaches the ledger through [Ledger.Submit] alone. Its envelope is
// opened and verified, [Decide] asks whether it is admissible after all entries
// before it, and [Evolve] gives the state after it. Both are pure: no clock, no
// randomness, no I/O. One committer appends what was accepted to the [Stream]
// as one atomic batch, extends the second copy on disk (package tiles) and its
// Merkle tree (RFC 6962), signs one checkpoint (c2sp.org/tlog-checkpoint), and
// only then answers with a [Receipt].
//
// Invariants: indexes are contiguous from 0; the JetStream sequence is the
// index + 1; an entry never changes; every entry was admissible when appended;
// what a receipt speaks of is on disk twice.
package ledger
