package keys

// SignedBy is the part of verifying an assertion that test vectors of others can be
// tried with.
func (a Assertion) SignedBy(cose []byte) bool { return a.signedBy(cose) }
