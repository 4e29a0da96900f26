package ledger

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Text is a text by language: bokmål, nynorsk, English, Northern Sámi. At least
// one is there.
type Text struct {
	NB *string `json:"nb,omitzero"`
	NN *string `json:"nn,omitzero"`
	EN *string `json:"en,omitzero"`
	SE *string `json:"se,omitzero"`
}

// languages gives the texts that are there, each with its language.
func (t Text) languages(yield func(lang, text string) bool) {
	for _, l := range [...]struct {
		lang string
		text *string
	}{{"nb", t.NB}, {"nn", t.NN}, {"en", t.EN}, {"se", t.SE}} {
		if l.text != nil && !yield(l.lang, *l.text) {
			return
		}
	}
}

// All iterates over the texts that are there, with their languages.
func (t Text) All() func(yield func(lang, text string) bool) { return t.languages }

// In gives the text in the first of the languages that it has, or else any.
func (t Text) In(langs ...string) string {
	for _, want := range langs {
		for lang, text := range t.languages {
			if lang == want {
				return text
			}
		}
	}
	for _, text := range t.languages {
		return text
	}
	return ""
}

// The most characters that a text may have.
const (
	maxName    = 200
	maxTitle   = 200
	maxSummary = 2000
	maxReason  = 1000
	maxLabel   = 80
	maxLink    = 500
)

// checkString says what is wrong with a text of at most limit characters: it
// must be NFC, without control and bidirectional-control characters.
func checkString(s string, limit int) error {
	switch n := utf8.RuneCountInString(s); {
	case strings.TrimSpace(s) == "":
		return fmt.Errorf("is empty; write something, or leave the field out if it is optional")
	case n > limit:
		return fmt.Errorf("has %d characters, at most %d are allowed", n, limit)
	case plain(s):
		return nil
	case !utf8.ValidString(s):
		return fmt.Errorf("is not valid UTF-8")
	case strings.ContainsFunc(s, forbidden):
		return fmt.Errorf("has a line break, a control character or a character that turns the writing direction; remove it")
	case !norm.NFC.IsNormalString(s):
		return fmt.Errorf("is not in Unicode's composed form (NFC); normalise it before signing")
	}
	return nil
}

// plain is the quick yes for nearly every text: printable ASCII and the letters of
// Latin-1 (C3 and one more byte), of which none is forbidden and all are composed.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= ' ' && c <= '~':
		case c == 0xC3 && i+1 < len(s) && s[i+1]&0xC0 == 0x80:
			i++
		default:
			return false
		}
	}
	return true
}

func forbidden(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// Orgnr is an organisation number of Enhetsregisteret: nine digits, the last a
// mod-11 check digit.
type Orgnr string

// Valid reports whether the number has nine digits, the last the right check digit.
func (o Orgnr) Valid() bool {
	if len(o) != 9 {
		return false
	}
	sum := 0
	for i, weight := range [...]int{3, 2, 7, 6, 5, 4, 3, 2, 1} {
		if o[i] < '0' || o[i] > '9' {
			return false
		}
		sum += weight * int(o[i]-'0')
	}
	return sum%11 == 0
}

// Date is a day, YYYY-MM-DD. Dates compare as strings.
type Date string

func (d Date) valid() bool {
	_, err := time.Parse(time.DateOnly, string(d))
	return err == nil && d[:4] >= "1000"
}

// Year gives the date's calendar year.
func (d Date) Year() int {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return 0
	}
	return t.Year()
}

// DateOf gives the day of a time, in UTC.
func DateOf(t time.Time) Date { return Date(t.UTC().Format(time.DateOnly)) }

// digits finds what may be a national identity number: eleven digits, perhaps
// parted between date and number.
var digits = regexp.MustCompile(`[0-9]{6}[ \-.\x{00a0}]?[0-9]{5}`)

// hasIdentityNumber reports whether a valid Norwegian national identity number
// or D-number stands in s (Folkeregisteret's two check digits).
func hasIdentityNumber(s string) bool {
	if !manyDigits(s) {
		return false
	}
	for from := 0; ; {
		m := digits.FindStringIndex(s[from:])
		if m == nil {
			return false
		}
		start, end := from+m[0], from+m[1]
		if !digitAt(s, start-1) && !digitAt(s, end) && identityNumber(s[start:start+6]+s[end-5:end]) {
			return true
		}
		from = start + 1
	}
}

// manyDigits is the quick no for nearly every text.
func manyDigits(s string) bool {
	n := 0
	for i := range len(s) {
		if digitAt(s, i) {
			n++
		}
	}
	return n >= 11
}

func digitAt(s string, i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }

func identityNumber(s string) bool {
	weighted := func(weights ...int) (sum int) {
		for i, w := range weights {
			sum += w * int(s[i]-'0')
		}
		return sum
	}
	day, month := int(s[0]-'0')*10+int(s[1]-'0'), int(s[2]-'0')*10+int(s[3]-'0')
	if day > 40 { // a D-number
		day -= 40
	}
	return day >= 1 && day <= 31 && month >= 1 && month <= 12 &&
		weighted(3, 7, 6, 1, 8, 9, 4, 5, 2, 1)%11 == 0 &&
		weighted(5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
}
