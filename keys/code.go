package keys

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// crockford is the alphabet of Douglas Crockford's base 32: without I, L, O and U.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// Code is a short form of a key id, such as HMT7T-ET662, that two people can compare over
// the telephone: the first 50 bits of the SHA-256 of "spredning key code", a newline and
// the key id, most significant first, in Crockford's base 32. It is for comparing, not
// for finding a key: 50 bits do not keep a patient stranger from making another key of
// the same code.
func Code(id ID) string {
	sum := sha256.Sum256([]byte("spredning key code\n" + string(id)))
	s := crockford.EncodeToString(sum[:])
	return s[:5] + "-" + s[5:10]
}

// PlainCode gives a code as Code writes it, however somebody wrote it down: in lower
// case, with O for 0, I or L for 1, and with or without the hyphen. What is no code
// stays something that no key has.
func PlainCode(s string) string {
	s = strings.NewReplacer("O", "0", "I", "1", "L", "1", "-", "", " ", "").Replace(strings.ToUpper(s))
	if len(s) != 10 {
		return s
	}
	return s[:5] + "-" + s[5:]
}
