package ledger

import "spredning/ledger/snapshot"

// StateBytes is the committer's state once the ledger is closed.
func (l *Ledger) StateBytes() []byte { return l.state.Snapshot() }

// Snapshot is a state as it is written.
func (s *State) Snapshot() []byte {
	var e snapshot.Encoder
	e.Encode(s)
	return e.Bytes()
}

// DecodeState reads what Snapshot gave.
func DecodeState(b []byte) (*State, error) { return decodeState(b) }
