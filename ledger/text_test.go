package ledger

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestTextCharacters(t *testing.T) {
	for _, s := range []string{
		"a", "Blåbærsyltetøy", "čáŋŧž", "👩‍⚕️", "a  b", "1 < 2 & 3", "«a»", "\u00a0a", "a\u200db", "漢字",
	} {
		if err := checkString(s, 80); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for name, s := range map[string]string{
		"nothing":              "",
		"spaces":               " \u00a0\u2003",
		"NUL":                  "a\x00",
		"tab":                  "a\tb",
		"line feed":            "a\nb",
		"carriage return":      "a\rb",
		"escape":               "a\x1bb",
		"delete":               "a\x7fb",
		"next line":            "a\u0085b",
		"decomposed å":         "a\u030a",
		"decomposed, Sámi":     "c\u030c",
		"Ångström sign":        "\u212b",
		"Hangul in parts":      "\u1100\u1161",
		"marks in wrong order": "a\u0301\u0323",
		"invalid UTF-8":        "a\xff",
	} {
		if err := checkString(s, 80); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// Unicode has twelve characters that control the writing direction.
func TestTextBidiControls(t *testing.T) {
	bidi := "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
	for _, r := range bidi {
		if checkString("a"+string(r)+"b", 80) == nil {
			t.Errorf("%U is taken", r)
		}
	}
	for r := rune(0); r < 0xa0; r++ {
		control := r < 0x20 || r >= 0x7f
		if taken := checkString("a"+string(r)+"b", 80) == nil; taken == control {
			t.Errorf("%U: taken %v", r, taken)
		}
	}
}

// A plain text has none of the faults that the quick look passes over.
func TestPlain(t *testing.T) {
	faulty := func(s string) bool {
		return !utf8.ValidString(s) || strings.ContainsFunc(s, forbidden) || !norm.NFC.IsNormalString(s)
	}
	for r := range rune(0x3100) { // alone, and after a letter that it may change
		for _, s := range []string{string(r), "a" + string(r), "å" + string(r) + "b"} {
			if plain(s) && faulty(s) {
				t.Errorf("%q is plain", s)
			}
		}
	}
	for a := range 256 {
		for b := range 256 {
			if s := string([]byte{byte(a), byte(b)}); plain(s) && faulty(s) {
				t.Errorf("%q is plain", s)
			}
		}
	}
	for _, s := range []string{"Blåbærsyltetøy", "ÀÿÆØÅ 1 < 2 ~"} {
		if !plain(s) {
			t.Errorf("%q is not plain", s)
		}
	}
}

func TestTextLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 50).Draw(t, "limit")
		letters := rapid.SliceOfN(rapid.SampledFrom([]rune("aøčЖ漢🙂")), 1, 60).Draw(t, "letters")
		if taken := checkString(string(letters), limit) == nil; taken != (len(letters) <= limit) {
			t.Fatalf("%d characters with limit %d: taken %v", len(letters), limit, taken)
		}
	})
}

func TestTextIn(t *testing.T) {
	nb, en := "Knapp", "Button"
	both, none := Text{NB: &nb, EN: &en}, Text{}
	for _, c := range []struct {
		text  Text
		langs []string
		want  string
	}{
		{both, []string{"en"}, en},
		{both, []string{"nn", "nb", "en"}, nb},
		{both, []string{"se"}, nb}, // else any
		{both, nil, nb},
		{Text{EN: &en}, []string{"nb"}, en},
		{none, []string{"nb"}, ""},
	} {
		if got := c.text.In(c.langs...); got != c.want {
			t.Errorf("In(%v) = %q, want %q", c.langs, got, c.want)
		}
	}
	var langs []string
	for lang := range both.All() {
		langs = append(langs, lang)
	}
	if !slices.Equal(langs, []string{"nb", "en"}) {
		t.Errorf("All gives %v", langs)
	}
}

// Of ten last digits exactly one is the check digit, or none if it would be 10.
func TestTextOrgnr(t *testing.T) {
	for _, o := range []Orgnr{"983974724", "991324968", "883658752", "983658776"} {
		if !o.Valid() {
			t.Errorf("%s is refused", o)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		eight := rapid.StringMatching(`[89][0-9]{7}`).Draw(t, "digits")
		sum := 0
		for i, w := range []int{3, 2, 7, 6, 5, 4, 3, 2} {
			sum += w * int(eight[i]-'0')
		}
		want := (11 - sum%11) % 11
		for last := range 10 {
			if got := Orgnr(eight + strconv.Itoa(last)).Valid(); got != (last == want) {
				t.Fatalf("%s%d: valid %v, the check digit is %d", eight, last, got, want)
			}
		}
	})
}

func TestTextDate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		year, month, day := rapid.IntRange(0, 10100).Draw(t, "year"), rapid.IntRange(0, 13).Draw(t, "month"), rapid.IntRange(0, 32).Draw(t, "day")
		d := Date(fmt.Sprintf("%04d-%02d-%02d", year, month, day))
		real := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
		want := year >= 1000 && year <= 9999 && real.Year() == year && real.Month() == time.Month(month) && real.Day() == day
		if d.valid() != want {
			t.Fatalf("%s: valid %v, want %v", d, d.valid(), want)
		}
		if want && (d.Year() != year || DateOf(real) != d) {
			t.Fatalf("%s: year %d, as time %s", d, d.Year(), DateOf(real))
		}
	})
	if late := time.Date(2026, 1, 1, 0, 30, 0, 0, time.FixedZone("CET", 3600)); DateOf(late) != "2025-12-31" {
		t.Errorf("half past midnight in Norway is %s in UTC", DateOf(late))
	}
	if y := Date("x").Year(); y != 0 {
		t.Errorf("no date has the year %d", y)
	}
}

// The numbers are made for 2039: they are nobody's.
func TestTextIdentityNumber(t *testing.T) {
	fnr, dnr := evIdentityNumber("311239"), evIdentityNumber("711239")
	for name, s := range map[string]string{
		"alone":              fnr,
		"a D-number":         dnr,
		"in a text":          "pasient " + fnr + ", innlagt",
		"at the end":         "fnr:" + fnr,
		"between letters":    "x" + fnr + "y",
		"parted by a space":  fnr[:6] + " " + fnr[6:],
		"by a hyphen":        fnr[:6] + "-" + fnr[6:],
		"by a full stop":     fnr[:6] + "." + fnr[6:],
		"by a hard space":    fnr[:6] + "\u00a0" + fnr[6:],
		"a D-number, parted": "(" + dnr[:6] + " " + dnr[6:] + ")",
		"after another":      "12345678901 " + fnr,
		"after six digits":   "123456 " + fnr,
		"after a short run":  "12345 " + fnr[:6] + " " + fnr[6:],
		"in a link":          "https://a.no/?id=" + fnr,
		"on the second try":  evOff(fnr, 10) + "-" + fnr,
	} {
		if !hasIdentityNumber(s) {
			t.Errorf("%s: %q is let through", name, s)
		}
	}
	for name, s := range map[string]string{
		"nothing":               "",
		"a digit before":        "1" + fnr,
		"a digit after":         fnr + "1",
		"in a longer run":       "99" + fnr + "99",
		"parted, digit before":  "1" + fnr[:6] + " " + fnr[6:],
		"parted, digit after":   fnr[:6] + " " + fnr[6:] + "1",
		"last check digit off":  evOff(fnr, 10),
		"first check digit off": evOff(fnr, 9),
		"parted by two spaces":  fnr[:6] + "  " + fnr[6:],
		"parted elsewhere":      fnr[:5] + " " + fnr[5:],
		"ten digits":            fnr[:10],
		"month 13":              evIdentityNumber("311339"),
		"month 0":               evIdentityNumber("310039"),
		"day 32":                evIdentityNumber("321239"),
		"day 0":                 evIdentityNumber("001239"),
		"day 40":                evIdentityNumber("401239"),
		"day 72":                evIdentityNumber("721239"),
		"organisation numbers":  "983974724 983971636",
		"a telephone number":    "+47 55 97 50 00",
	} {
		if hasIdentityNumber(s) {
			t.Errorf("%s: %q is refused", name, s)
		}
	}
}

// evOff changes the digit at i.
func evOff(s string, i int) string {
	return s[:i] + string('0'+(s[i]-'0'+1)%10) + s[i+1:]
}

// FuzzIdentityNumber compares with a search that takes no short cuts.
func FuzzIdentityNumber(f *testing.F) {
	fnr, dnr := evIdentityNumber("311239"), evIdentityNumber("711239")
	for _, s := range []string{
		"", "x", fnr, dnr, fnr[:6] + " " + fnr[6:], fnr[:6] + "\u00a0" + fnr[6:], "1" + fnr, fnr + "1", fnr + fnr, evOff(fnr, 3) + " " + dnr,
		"123456 " + fnr, "12345678901-" + fnr, fnr[:6] + "\xa0" + fnr[6:], "\xc2" + fnr,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := hasIdentityNumber(s), evSlowSearch(s); got != want {
			t.Fatalf("%q: %v, the slow search says %v", s, got, want)
		}
	})
}

// evSlowSearch tries every place: six digits, perhaps a separator, five digits,
// and no digit on either side.
func evSlowSearch(s string) bool {
	padded := []rune("x" + s + "x") // so that there always is a neighbour
	for i := 1; i < len(padded); i++ {
		for _, gap := range []int{0, 1} {
			end := i + 11 + gap
			if end >= len(padded) || gap == 1 && !strings.ContainsRune(" -.\u00a0", padded[i+6]) {
				continue
			}
			number := string(padded[i:i+6]) + string(padded[i+6+gap:end])
			if evDigits(number) && !evDigits(string(padded[i-1])) && !evDigits(string(padded[end])) && evValidNumber(number) {
				return true
			}
		}
	}
	return false
}

func evDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// evValidNumber computes the check digits anew.
func evValidNumber(s string) bool {
	day, _ := strconv.Atoi(s[:2])
	month, _ := strconv.Atoi(s[2:4])
	if day > 40 {
		day -= 40
	}
	check := func(weights ...int) int {
		sum := 0
		for i, w := range weights {
			sum += w * int(s[i]-'0')
		}
		return (11 - sum%11) % 11
	}
	return day >= 1 && day <= 31 && month >= 1 && month <= 12 &&
		check(3, 7, 6, 1, 8, 9, 4, 5, 2) == int(s[9]-'0') && check(5, 4, 3, 2, 7, 6, 5, 4, 3, 2) == int(s[10]-'0')
}

func TestMilliString(t *testing.T) {
	for m, want := range map[Milli]string{
		0: "0", 1: "0.001", 10: "0.01", 100: "0.1", 250: "0.25", 999: "0.999", 1000: "1", 1001: "1.001", 1010: "1.01",
		12005: "12.005", 1000000: "1000", -1: "-0.001", -1250: "-1.25", -3000: "-3",
	} {
		if got := m.String(); got != want {
			t.Errorf("Milli(%d) is written %s, want %s", int64(m), got, want)
		}
	}
}

func TestMilliRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Milli(rapid.Int64Range(0, 999_999_999_999_999).Draw(t, "m"))
		if got, err := ParseMilli(m.String()); err != nil || got != m {
			t.Fatalf("ParseMilli(%s) = %d, %v, want %d", m, int64(got), err, int64(m))
		}
		b, err := json.Marshal(m)
		if err != nil || string(b) != m.String() {
			t.Fatalf("as JSON: %s, %v, want %s", b, err, m)
		}
		var back Milli
		if err := json.Unmarshal(b, &back); err != nil || back != m {
			t.Fatalf("from JSON %s: %d, %v, want %d", b, int64(back), err, int64(m))
		}
		// The value is exactly that of the decimal number.
		value, ok := new(big.Rat).SetString(m.String())
		if !ok || value.Cmp(big.NewRat(int64(m), 1000)) != 0 {
			t.Fatalf("%s is written for %d thousandths", m, int64(m))
		}
	})
}

// Trailing zeros are harmless, everything else must be as String writes it.
func TestMilliParse(t *testing.T) {
	for s, want := range map[string]Milli{"0": 0, "1": 1000, "0.5": 500, "0.500": 500, "0.050": 50, "1000": 1_000_000, "0.001": 1} {
		if got, err := ParseMilli(s); err != nil || got != want {
			t.Errorf("ParseMilli(%s) = %d, %v, want %d", s, int64(got), err, int64(want))
		}
	}
	for _, s := range []string{
		"", ".", "1.", ".5", "-1", "+1", "1e3", "1E0", "0.0001", "1.0000", "1.2.3", "0x1", " 1", "1 ", "1,5", "1_0", "１", "null", "99999999999999999999",
	} {
		if got, err := ParseMilli(s); err == nil {
			t.Errorf("ParseMilli(%q) = %d", s, int64(got))
		}
	}
}

// Rules from elsewhere than an event, as for a simulation, are checked alike.
func TestTextRulesCheck(t *testing.T) {
	var r Rules
	if err := json.Unmarshal([]byte(evExamples[RulesPublished][len(`{"rules":`):len(evExamples[RulesPublished])-1]), &r); err != nil {
		t.Fatal(err)
	}
	if err := r.Check(); err != nil {
		t.Errorf("good rules: %v", err)
	}
	r.Adopter.SameRegion = r.Originator.SameRegion
	var refusal *Refusal
	if err := r.Check(); !errors.As(err, &refusal) || refusal.Code != InvalidField || refusal.Pointer != "/adopter" {
		t.Errorf("an adopter's value like the originator's: %v", err)
	}
	if err := new(Rules).Check(); !errors.As(err, &refusal) || refusal.Pointer != "/id" {
		t.Errorf("empty rules: %v", err)
	}
	if !unicode.IsDigit(rune(r.String()[0])) || !strings.Contains(r.String(), "2026") {
		t.Errorf("rules are named %q", r)
	}
}
