// Package jetstream keeps a ledger's entries in a NATS JetStream stream: the
// durable order of a [ledger.Ledger].
//
// The stream is SPREDNING with the one subject spredning.events. An entry's
// sequence is its index + 1. Appends go out as one atomic batch (ADR-50) at the
// expected last sequence, so they are all there, in order and durable, or none
// is; one sync pays for the batch.
//
// [Embed] runs a server in this process, without a port, that syncs always.
// [Connect] uses one or more servers elsewhere, which must be configured to
// sync always and should deny the account to change or delete the stream.
//
// Beside the stream lies a key-value bucket of half-signed events, [Drafts], over
// the same connection. Nothing that counts is in it.
//
// [Stream.Objects] keeps the bytes of attachments in an object store beside the
// stream, and [Stream.Shelf] the newest snapshot in another.
//
// JetStream's consumers pass over damaged records in silence, so everything
// read here is checked to follow on what was read before it.
package jetstream
