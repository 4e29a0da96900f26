package keys_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spredning/keys"
)

// The PAE as github.com/secure-systems-lab/dsse writes it: lengths in bytes.
func TestPAE(t *testing.T) {
	for payload, want := range map[string]string{
		"":            "DSSEv1 39 application/vnd.spredning.event.v1+json 0 ",
		"hello world": "DSSEv1 39 application/vnd.spredning.event.v1+json 11 hello world",
		"blåbær":      "DSSEv1 39 application/vnd.spredning.event.v1+json 8 blåbær",
	} {
		if got := string(keys.PAE([]byte(payload))); got != want {
			t.Errorf("PAE(%q) = %q, want %q", payload, got, want)
		}
	}
	if len(keys.EventV1) != 39 {
		t.Errorf("the payload type has %d bytes, the PAE says 39", len(keys.EventV1))
	}
}

func TestEnvelopeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "payload")
		signers := rapid.Permutation(testKeys(keys.MaxSignatures)).Draw(t, "signers")
		signers = signers[:rapid.IntRange(1, len(signers)).Draw(t, "signatures")]
		sealed, err := keys.Seal(payload, signers...)
		if err != nil {
			t.Fatal(err)
		}
		entry := sealed.Encode()
		for name, read := range map[string]func([]byte) (keys.Envelope, error){"Parse": keys.Parse, "Open": keys.Open} {
			got, err := read(entry)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !bytes.Equal(got.Payload, payload) || !reflect.DeepEqual(got.Signatures, sealed.Signatures) {
				t.Fatalf("%s gives %v, want %v", name, got, sealed)
			}
			if !bytes.Equal(got.Encode(), entry) {
				t.Fatalf("%s, encoded again: %s, want %s", name, got.Encode(), entry)
			}
		}
		for _, s := range sealed.Signatures {
			i := slices.IndexFunc(signers, func(p *keys.Private) bool { return p.ID() == s.KeyID })
			if i < 0 || !signers[i].Verify(keys.PAE(payload), s.Sig) {
				t.Fatalf("the signature of %s does not verify", s.KeyID)
			}
		}
	})
}

// The form is fixed to the byte: other programs and stored entries rely on it.
func TestEnvelopeForm(t *testing.T) {
	e := keys.Envelope{
		Payload: []byte("hello world"),
		Signatures: []keys.Signature{
			{KeyID: keys.ID(strings.Repeat("A", 43)), Sig: []byte{1, 2, 3, 4}},
			{KeyID: keys.ID(strings.Repeat("B", 42) + "A"), Sig: []byte{255}},
		},
	}
	want := `{"payload":"aGVsbG8gd29ybGQ=","payloadType":"application/vnd.spredning.event.v1+json","signatures":[` +
		`{"keyid":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","sig":"AQIDBA=="},` +
		`{"keyid":"BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA","sig":"/w=="}]}`
	if got := string(e.Encode()); got != want {
		t.Errorf("Encode gives\n%s, want\n%s", got, want)
	}
}

// deviation is another spelling of an envelope than its one form.
type deviation struct {
	name  string
	edit  func(t testing.TB, entry string) string
	taken bool // by Open, which gives the one form; Parse takes none
}

// profile edits the entry of TestProfile: its payload is "a?>~" and it is
// signed by two keys.
var profile = []deviation{
	{"white space between members", swapped(`,"payloadType"`, ",\n \"payloadType\""), true},
	{"white space around", func(_ testing.TB, s string) string { return " " + s + "\r\n" }, true},
	{"member order", typeFirst, true},
	{"member order in signatures", sigFirst, true},
	{"escaped member name", swapped(`"payload":`, `"\u0070ayload":`), true},
	{"escaped slash", swapped(`application/vnd`, `application\/vnd`), true},
	{"escaped base64", swapped(`=","payloadType"`, `\u003d","payloadType"`), true},
	{"escaped keyid", escapedID, true},
	{"signature order", turned, true},

	{"url-safe base64", swapped(`YT8+fg==`, `YT8-fg==`), false},
	{"no padding", swapped(`YT8+fg==`, `YT8+fg`), false},
	{"part of the padding", swapped(`YT8+fg==`, `YT8+fg=`), false},
	{"too much padding", swapped(`YT8+fg==`, `YT8+fg===`), false},
	{"padding bits", swapped(`YT8+fg==`, `YT8+fh==`), false},
	{"padding bits in a signature", sigBits, false},
	{"line break in base64", swapped(`YT8+fg==`, "YT8+\nfg=="), false},
	{"escaped line break in base64", swapped(`YT8+fg==`, `YT8+\nfg==`), false},
	{"escaped carriage return in base64", swapped(`YT8+fg==`, `YT8+\rfg==`), false},
	{"space in base64", swapped(`YT8+fg==`, `YT8+ fg==`), false},
	{"line break in a signature", inSig("\n"), false},
	{"escaped line break in a signature", inSig(`\n`), false},
	{"empty signature", emptySig, false},

	{"unknown member", swapped(`{"payload":`, `{"extra":1,"payload":`), false},
	{"unknown member in a signature", first(`{"keyid":`, `{"cert":"","keyid":`), false},
	{"member in another case", swapped(`"payload":`, `"Payload":`), false},
	{"repeated member", swapped(`{"payload":`, `{"payload":"YT8+fg==","payload":`), false},
	{"repeated member, escaped", swapped(`{"payload":`, `{"p\u0061yload":"YT8+fg==","payload":`), false},
	{"repeated payloadType", swapped(`{"payload":`, `{"payloadType":"`+keys.EventV1+`","payload":`), false},
	{"repeated member in a signature", first(`{"keyid":`, `{"sig":"AA==","keyid":`), false},

	{"trailing object", func(_ testing.TB, s string) string { return s + "{}" }, false},
	{"trailing comma", func(_ testing.TB, s string) string { return s + "," }, false},
	{"trailing zero byte", func(_ testing.TB, s string) string { return s + "\x00" }, false},
	{"byte order mark", func(_ testing.TB, s string) string { return "\ufeff" + s }, false},
	{"cut short", func(_ testing.TB, s string) string { return s[:len(s)-1] }, false},
	{"nothing", literal(""), false},
	{"null", literal("null"), false},
	{"an array", func(_ testing.TB, s string) string { return "[" + s + "]" }, false},

	{"another payload type", swapped("event.v1+json", "event.v2+json"), false},
	{"no payload type", swapped(`"payloadType":"`+keys.EventV1+`",`, ""), false},
	{"no payload", swapped(`"payload":"YT8+fg==",`, ""), false},
	{"null payload", swapped(`"YT8+fg=="`, "null"), false},
	{"payload is a number", swapped(`"YT8+fg=="`, "1"), false},
	{"invalid UTF-8", swapped(`"YT8+fg=="`, "\"YT8+fg==\xff\""), false},

	{"no signatures", literal(unsigned + `"signatures":[]}`), false},
	{"signatures absent", literal(strings.TrimSuffix(unsigned, ",") + `}`), false},
	{"signatures null", literal(unsigned + `"signatures":null}`), false},
	{"signature null", literal(unsigned + `"signatures":[null]}`), false},
	{"signatures are an object", literal(unsigned + `"signatures":{}}`), false},
	{"trailing comma in signatures", swapped(`]}`, `,]}`), false},
	{"17 signatures", func(testing.TB, string) string { return string(signedBy(17).Encode()) }, false},
	{"repeated keyid", func(testing.TB, string) string {
		e := signedBy(1)
		e.Signatures = append(e.Signatures, e.Signatures[0])
		return string(e.Encode())
	}, false},
	{"keyid absent", literal(unsigned + `"signatures":[{"sig":"AA=="}]}`), false},
	{"sig absent", literal(unsigned + `"signatures":[{"keyid":"` + anID + `"}]}`), false},
	{"sig null", literal(unsigned + `"signatures":[{"keyid":"` + anID + `","sig":null}]}`), false},
	{"empty keyid", withID(""), false},
	{"short keyid", withID(anID[1:]), false},
	{"padded keyid", withID(anID + "="), false},
	{"long keyid", withID(anID + "A"), false},
	{"keyid in standard base64", withID("+" + anID[1:]), false},
	{"bits beyond the hash in keyid", withID(anID[:42] + "B"), false},
	{"line break in keyid", withID(anID[:42] + "\n"), false},
	{"escaped line break in keyid", withID(anID[:42] + `\n`), false},
}

const (
	anID     = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	unsigned = `{"payload":"YT8+fg==","payloadType":"` + keys.EventV1 + `",`
)

func TestProfile(t *testing.T) {
	entry := string(seal(t, "a?>~", testKey(1), testKey(2)).Encode())
	if _, err := keys.Parse([]byte(entry)); err != nil {
		t.Fatalf("the entry to deviate from: %v", err)
	}
	for _, d := range profile {
		t.Run(d.name, func(t *testing.T) {
			raw := d.edit(t, entry)
			if raw == entry {
				t.Fatal("deviates in nothing")
			}
			if _, err := keys.Parse([]byte(raw)); !errors.Is(err, keys.ErrMalformed) {
				t.Errorf("Parse(%q): %v, want ErrMalformed", raw, err)
			}
			e, err := keys.Open([]byte(raw))
			switch {
			case !d.taken && !errors.Is(err, keys.ErrMalformed):
				t.Errorf("Open(%q): %v, want ErrMalformed", raw, err)
			case d.taken && err != nil:
				t.Errorf("Open(%q): %v", raw, err)
			case d.taken && string(e.Encode()) != entry:
				t.Errorf("Open, encoded: %s, want %s", e.Encode(), entry)
			}
		})
	}
}

// Users read these messages: no library's name in them, and where to look.
func TestOpenErrors(t *testing.T) {
	for raw, want := range map[string]string{
		`{"payload":"YQ"}`:          "payloadType",
		unsigned + `"extra":1}`:     "extra",
		unsigned + `"signatures":[`: "EOF",
		strings.Replace(unsigned, "v1+json", "v2+json", 1) + `"signatures":[]}`: keys.EventV1,
		unsigned + `"signatures":[{"keyid":"` + anID + `","sig":"A"}]}`:         "signature 1",
		unsigned + `"signatures":[{"keyid":"x","sig":"AAAA"}]}`:                 "43 characters",
		unsigned + `"signatures":[]}`:                                           "1 to 16",
	} {
		_, err := keys.Open([]byte(raw))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s): %v, want it to name %q", raw, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "json: ") {
			t.Errorf("Open(%s): %v names the library", raw, err)
		}
	}
}

func TestEnvelopeSizeLimit(t *testing.T) {
	e := exactly(t, keys.MaxSize)
	entry := e.Encode()
	for name, read := range readers {
		if got, err := read(entry); err != nil || !bytes.Equal(got.Encode(), entry) {
			t.Errorf("%s refuses %d bytes: %v", name, len(entry), err)
		}
		if _, err := read(append(bytes.Clone(entry), ' ')); !errors.Is(err, keys.ErrTooLarge) {
			t.Errorf("%s of %d bytes: %v, want ErrTooLarge", name, len(entry)+1, err)
		}
	}
	e.Payload = append(e.Payload, "one"...)
	for name, read := range readers {
		if _, err := read(e.Encode()); !errors.Is(err, keys.ErrTooLarge) {
			t.Errorf("%s of %d bytes: %v, want ErrTooLarge", name, len(e.Encode()), err)
		}
	}
	// The limit holds for what comes in, white space and all.
	small := exactly(t, keys.MaxSize-4)
	if _, err := keys.Open(append(small.Encode(), "    "...)); err != nil {
		t.Errorf("Open of %d bytes with white space: %v", keys.MaxSize, err)
	}
	if _, err := keys.Open(append(small.Encode(), "     "...)); !errors.Is(err, keys.ErrTooLarge) {
		t.Errorf("Open of %d bytes with white space: %v, want ErrTooLarge", keys.MaxSize+1, err)
	}
}

func TestSealRefuses(t *testing.T) {
	if _, err := keys.Seal([]byte("x"), testKey(1), testKey(2), testKey(1)); err == nil {
		t.Error("a key signed twice")
	}
	e := seal(t, "x", testKeys(keys.MaxSignatures)...)
	before := e.Encode()
	if err := e.Add(testKey(keys.MaxSignatures)); err == nil {
		t.Error("a 17th signature was added")
	}
	if !bytes.Equal(e.Encode(), before) {
		t.Error("a refused signature changed the envelope")
	}
}

var readers = map[string]func([]byte) (keys.Envelope, error){"Parse": keys.Parse, "Open": keys.Open}

// exactly makes an envelope whose encoding has size bytes. Base64 comes in
// fours, so the number of signatures, each of which adds an odd number of
// bytes, makes the rest.
func exactly(t *testing.T, size int) keys.Envelope {
	t.Helper()
	for n := 1; n <= 4; n++ {
		e := signedBy(n)
		e.Payload = nil
		if room := size - len(e.Encode()); room%4 == 0 {
			e.Payload = bytes.Repeat([]byte("p"), room/4*3)
			if got := len(e.Encode()); got != size {
				t.Fatalf("made %d bytes, want %d", got, size)
			}
			return e
		}
	}
	t.Fatalf("no envelope has %d bytes", size)
	return keys.Envelope{}
}

// signedBy gives an envelope with n signatures in order, also more than Seal
// would make. None of them is valid: Parse and Open do not ask.
func signedBy(n int) keys.Envelope {
	e := keys.Envelope{Payload: []byte("a?>~")}
	for i := range n {
		e.Signatures = append(e.Signatures, keys.Signature{KeyID: testKey(i).ID(), Sig: make([]byte, 64)})
	}
	slices.SortFunc(e.Signatures, func(a, b keys.Signature) int { return strings.Compare(string(a.KeyID), string(b.KeyID)) })
	return e
}

// swapped replaces the only occurrence of old.
func swapped(old, new string) func(testing.TB, string) string {
	return func(t testing.TB, s string) string { return swap(t, s, old, new) }
}

// first replaces the first occurrence of old.
func first(old, new string) func(testing.TB, string) string {
	return func(_ testing.TB, s string) string { return strings.Replace(s, old, new, 1) }
}

func literal(s string) func(testing.TB, string) string {
	return func(testing.TB, string) string { return s }
}

// withID gives an envelope with this key id in its one signature.
func withID(id string) func(testing.TB, string) string {
	return literal(unsigned + `"signatures":[{"keyid":"` + id + `","sig":"AAAA"}]}`)
}

// inSig inserts s into the first signature.
func inSig(s string) func(testing.TB, string) string {
	return first(`"sig":"`, `"sig":"`+s)
}

// signatureObjects cuts an entry into what stands before the signatures and the
// two of them.
func signatureObjects(t testing.TB, entry string) (before, a, b string) {
	t.Helper()
	before, rest, ok := strings.Cut(entry, "[")
	a, b, ok2 := strings.Cut(strings.TrimSuffix(rest, "]}"), "},")
	if !ok || !ok2 {
		t.Fatalf("no two signatures in %s", entry)
	}
	return before + "[", a + "}", b
}

func turned(t testing.TB, entry string) string {
	before, a, b := signatureObjects(t, entry)
	return before + b + "," + a + "]}"
}

func sigFirst(t testing.TB, entry string) string {
	before, a, b := signatureObjects(t, entry)
	id, sig, ok := strings.Cut(strings.Trim(a, "{}"), ",")
	if !ok {
		t.Fatalf("no two members in %s", a)
	}
	return before + "{" + sig + "," + id + "}," + b + "]}"
}

func typeFirst(t testing.TB, entry string) string {
	payload, payloadType := `"payload":"YT8+fg=="`, `"payloadType":"`+keys.EventV1+`"`
	return swap(t, entry, payload+","+payloadType, payloadType+","+payload)
}

func escapedID(t testing.TB, entry string) string {
	before, a, b := signatureObjects(t, entry)
	id := strings.TrimPrefix(a, `{"keyid":"`)
	return before + fmt.Sprintf(`{"keyid":"\u%04x`, id[0]) + id[1:] + "," + b + "]}"
}

func emptySig(t testing.TB, entry string) string {
	before, a, b := signatureObjects(t, entry)
	id, _, _ := strings.Cut(a, ",")
	return before + id + `,"sig":""},` + b + "]}"
}

// sigBits sets a padding bit of the first signature: 64 bytes leave four, in
// the last character before "==".
func sigBits(t testing.TB, entry string) string {
	before, a, b := signatureObjects(t, entry)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	at := strings.Index(a, `=="}`) - 1
	changed := a[:at] + string(alphabet[strings.IndexByte(alphabet, a[at])+1]) + a[at+1:]
	sig := changed[strings.LastIndex(changed, `:"`)+2 : len(changed)-2]
	if lax, err := base64.StdEncoding.DecodeString(sig); err != nil || len(lax) != 64 {
		t.Fatalf("%s would be refused for another reason: %v", sig, err)
	}
	return before + changed + "," + b + "]}"
}
