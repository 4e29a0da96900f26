package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

// webp1x1 is a lossless WebP of one pixel, by its specification.
var webp1x1, _ = base64.StdEncoding.DecodeString("UklGRhwAAABXRUJQVlA4TA8AAAAvAAAAAAcQEf0PRET/Aw==")

func picture(t *testing.T, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pictures(t *testing.T) map[string][]byte {
	return map[string][]byte{
		PNG:  picture(t, func(b *bytes.Buffer, i image.Image) error { return png.Encode(b, i) }),
		JPEG: picture(t, func(b *bytes.Buffer, i image.Image) error { return jpeg.Encode(b, i, nil) }),
		WebP: webp1x1,
	}
}

// measures gives a PNG of other measures than it has pixels for: 0 to 2^31 - 1.
func measures(t *testing.T, width, height uint32) []byte {
	b := bytes.Clone(pictures(t)[PNG])
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func TestCheckAttachment(t *testing.T) {
	good := pictures(t)
	good[Markdown] = []byte("# Hjemme\r\n\n\tVi *følger* opp hjemme. Telefon 22 22 55 55 🙂\n")
	good[PDF] = []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	for mediaType, b := range good {
		if err := CheckAttachment(mediaType, b); err != nil {
			t.Errorf("%s: %v", mediaType, err)
		}
		for other := range good {
			text := mediaType == Markdown || other == Markdown
			if err := CheckAttachment(other, b); err == nil && other != mediaType && !text {
				t.Errorf("%s is taken for %s", mediaType, other)
			}
		}
	}
	for name, c := range map[string]struct {
		mediaType string
		b         []byte
		code      Code
	}{
		"nothing":              {Markdown, nil, InvalidField},
		"too much":             {Markdown, bytes.Repeat([]byte("x"), MaxAttachment+1), TooLarge},
		"another type":         {"text/html", []byte("<p>"), InvalidField},
		"SVG":                  {"image/svg+xml", []byte("<svg/>"), InvalidField},
		"a picture as a story": {Markdown, good[PNG], InvalidField},
		"Latin-1":              {Markdown, []byte("bl\xe5"), InvalidField},
		"NUL":                  {Markdown, []byte("a\x00b"), InvalidField},
		"an escape":            {Markdown, []byte("a\x1b[2Jb"), InvalidField},
		"a C1 control":         {Markdown, []byte("a\u0085b"), InvalidField},
		"turned around":        {Markdown, []byte("a\u202eb"), InvalidField},
		"an identity number":   {Markdown, []byte("Pasienten " + evIdentityNumber("010139") + " ble bedre."), PersonalData},
		"no PDF":               {PDF, []byte("<script>%PDF-1.7"), InvalidField},
		"half a PNG":           {PNG, good[PNG][:20], InvalidField},
		"no width":             {PNG, measures(t, 0, 1), InvalidField},
		"too wide":             {PNG, measures(t, maxSide+1, 1), InvalidField},
		"too high":             {PNG, measures(t, 1, maxSide+1), InvalidField},
		"too large a picture":  {PNG, measures(t, maxSide, maxSide), InvalidField},
		"HTML as a PNG":        {PNG, []byte("<script>alert(1)</script>"), InvalidField},
		"half a JPEG":          {JPEG, good[JPEG][:8], InvalidField},
		"half a WebP":          {WebP, good[WebP][:14], InvalidField},
	} {
		err := CheckAttachment(c.mediaType, c.b)
		var r *Refusal
		if !errors.As(err, &r) || r.Code != c.code || r.Detail == "" {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if err := CheckAttachment(PNG, measures(t, maxSide, maxPixels/maxSide)); err != nil {
		t.Errorf("the largest picture: %v", err)
	}
	if err := CheckAttachment(Markdown, bytes.Repeat([]byte("x"), MaxAttachment)); err != nil {
		t.Errorf("the longest story: %v", err)
	}
}

func TestAttachmentOf(t *testing.T) {
	a := AttachmentOf(Markdown, []byte("abc")) // FIPS 180-4's example
	if a.SHA256 != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" || a.Size != 3 || a.MediaType != Markdown {
		t.Errorf("%+v", a)
	}
}

func FuzzCheckAttachment(f *testing.F) {
	for _, b := range [][]byte{webp1x1, []byte("%PDF-1.4"), []byte("# Hei\n"), []byte("\x89PNG\r\n\x1a\n"), {0xff, 0xd8, 0xff, 0xe0}} {
		for i := range MediaTypes {
			f.Add(byte(i), b)
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		mediaType := MediaTypes[int(kind)%len(MediaTypes)]
		err := CheckAttachment(mediaType, b)
		if r, ok := err.(*Refusal); err != nil && (!ok || r.Detail == "" || strings.ContainsAny(r.Detail, "\x00\n")) {
			t.Errorf("%s: %v", mediaType, err)
		}
	})
}
