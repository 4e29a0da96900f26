package keys_test

import (
	"crypto/sha256"
	"math/big"
	"testing"

	"spredning/keys"
)

// TestCode computes codes another way, from what docs/passkeys.md says.
func TestCode(t *testing.T) {
	for n := range byte(50) {
		id := keys.FromSeed(append(make([]byte, 31), n)).ID()
		sum := sha256.Sum256([]byte("spredning key code\n" + string(id)))
		number := new(big.Int).Rsh(new(big.Int).SetBytes(sum[:]), 256-50)
		want := ""
		for range 10 {
			digit := new(big.Int).And(number, big.NewInt(31)).Int64()
			want = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[digit:digit+1] + want
			number.Rsh(number, 5)
		}
		if got := keys.Code(id); got != want[:5]+"-"+want[5:] {
			t.Errorf("the code of %s is %s, want %s", id, got, want)
		}
	}
	// The example of docs/passkeys.md.
	if got := keys.Code("V5FgHTNvcLgSs4xbaa65XaUJWla6ck-ASuyevzaSwJk"); got != "HMT7T-ET662" {
		t.Errorf("the example's code is %s", got)
	}
}

func TestPlainCode(t *testing.T) {
	for s, want := range map[string]string{
		"01ABC-DEFGH": "01ABC-DEFGH", "oiabc-defgh": "01ABC-DEFGH", " 0labc defgh ": "01ABC-DEFGH", "01ABCDEFGH": "01ABC-DEFGH", "": "", "12": "12",
	} {
		if got := keys.PlainCode(s); got != want {
			t.Errorf("%q is read as %q, want %q", s, got, want)
		}
	}
}

// TestPAEOf has another type's bytes be other bytes, of DSSE's form.
func TestPAEOf(t *testing.T) {
	if got, want := string(keys.PAEOf(keys.InvitationV1, []byte("{}"))), "DSSEv1 44 application/vnd.spredning.invitation.v1+json 2 {}"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := string(keys.PAE([]byte("{}"))), "DSSEv1 39 application/vnd.spredning.event.v1+json 2 {}"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
