// Package witness has others see how a ledger's log grows, so that its operator
// cannot show different logs to different people.
//
// A [Witness] keeps the newest checkpoint that it has seen of each log, and
// cosigns the next one only after proof that it continues that: the protocol is
// c2sp.org/tlog-witness, its signatures are those of c2sp.org/tlog-cosignature.
// A [Round] is the other side: a ledger's node asks the witnesses of a [Policy]
// (c2sp.org/tlog-policy) for cosignatures of its newest checkpoint, and shows
// readers the newest that meets the policy.
//
// The invariant of a Witness: of one log it never cosigns two checkpoints of
// which neither continues the other. So what it has cosigned is on disk before
// anybody gets the cosignature, one checkpoint of a log is dealt with at a time,
// and no two witnesses have the same folder.
//
// # The folder
//
//	lock                                   keeps a second program out
//	key                                    an OpenSSH private key
//	logs/spredning.example%2Fdemo.json     of each log: the newest checkpoint, cosigned,
//	                                       and the log's keys if they were learned
//	evidence/spredning.example%2Fdemo-120-….json   checkpoints that contradict each other
//
// A request is parsed strictly: what is parsed, written again, is the request.
//
//	request, err := witness.ParseRequest(body)
//	cosignatures, err := w.AddCheckpoint(request)
package witness
