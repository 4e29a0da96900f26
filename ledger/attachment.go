package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/webp"
)

// The media types of attachments, none of which a browser would run.
const (
	Markdown = "text/markdown"
	PNG      = "image/png"
	JPEG     = "image/jpeg"
	WebP     = "image/webp"
	PDF      = "application/pdf"
)

// MediaTypes are what an attachment may be.
var MediaTypes = []string{Markdown, PNG, JPEG, WebP, PDF}

// What a store of attachments answers when it has no bytes to give.
var (
	ErrNotStored = errors.New("the attachment is not stored")
	ErrErased    = errors.New("the attachment is erased")
)

// MaxAttachment is the number of bytes that an attachment may have.
const MaxAttachment = 5 << 20

// The largest picture: so many pixels along a side, and in all. What a few
// kilobytes unfold to must not exhaust who looks at them.
const (
	maxSide   = 16_384
	maxPixels = 64_000_000
)

// AttachmentOf gives what an event says of a file, all but its title.
func AttachmentOf(mediaType string, b []byte) Attachment {
	sum := sha256.Sum256(b)
	return Attachment{SHA256: hex.EncodeToString(sum[:]), MediaType: mediaType, Size: int64(len(b))}
}

// AttachmentsOf gives the files that an event names.
func AttachmentsOf(d Data) []Attachment {
	switch d := d.(type) {
	case *Publication:
		return d.Attachments
	case *Revision:
		return d.Attachments
	case *Confirmation:
		return d.Attachments
	}
	return nil
}

// CheckAttachment says what is wrong with a file's bytes by themselves: nil, or a
// *Refusal of code too_large, invalid_field or personal_data. A picture's header
// must be readable and its measures sane, a story must be text.
func CheckAttachment(mediaType string, b []byte) error {
	switch {
	case len(b) > MaxAttachment:
		return refuse(TooLarge, "an attachment has at most %d bytes", MaxAttachment)
	case len(b) == 0:
		return refuse(InvalidField, "the file is empty")
	}
	switch mediaType {
	case Markdown:
		return checkStory(b)
	case PNG:
		return checkPicture(mediaType, png.DecodeConfig, b)
	case JPEG:
		return checkPicture(mediaType, jpeg.DecodeConfig, b)
	case WebP:
		return checkPicture(mediaType, webp.DecodeConfig, b)
	case PDF:
		if !bytes.HasPrefix(b, []byte("%PDF-")) {
			return refuse(InvalidField, "the file is no PDF: it does not begin with %%PDF-")
		}
		return nil
	}
	return refuse(InvalidField, "a file of type %q cannot be attached, but one of %s", mediaType, list(MediaTypes))
}

func checkStory(b []byte) error {
	if !utf8.Valid(b) {
		return refuse(InvalidField, "the story is not UTF-8; save it as UTF-8 text")
	}
	text := string(b)
	for at, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return refuse(InvalidField, "the story has the control character %U at byte %d; take it out", r, at)
		}
	}
	if hasIdentityNumber(text) {
		return refuse(PersonalData, "the story holds a national identity number; write it without personal data")
	}
	return nil
}

func checkPicture(mediaType string, decode func(io.Reader) (image.Config, error), b []byte) error {
	c, err := decode(bytes.NewReader(b))
	switch {
	case err != nil:
		return refuse(InvalidField, "the file cannot be read as %s: %s", mediaType, err)
	case c.Width < 1 || c.Height < 1 || c.Width > maxSide || c.Height > maxSide || c.Width*c.Height > maxPixels:
		return refuse(InvalidField, "the picture measures %d × %d; at most %d along a side and %d pixels in all are taken", c.Width, c.Height, maxSide, maxPixels)
	}
	return nil
}
