package passkeys

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// cborMap is a map of extension outputs, as an authenticator gives it.
func cborMap(t *testing.T) []byte {
	t.Helper()
	b, err := webauthncbor.Marshal(map[string]any{"credProtect": 2})
	noError(t, err)
	return b
}

// cborText is a map {"x": a text of n bytes}.
func cborText(n int) []byte {
	head := binary.BigEndian.AppendUint16([]byte{0xa1, 0x61, 'x', 0x79}, uint16(n))
	return append(head, bytes.Repeat([]byte{'x'}, n)...)
}

// credentialData is what stands in a registration: AAGUID, credential id and key.
func credentialData(a authenticator) []byte {
	id := binary.BigEndian.AppendUint16(make([]byte, 16), uint16(len(a.ID)))
	return slices.Concat(id, a.ID, a.COSE)
}
