package projections_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"spredning/ledger"
	"spredning/projections"
)

// file is what an entry says of a file.
func file(mediaType, contents string) ledger.Attachment {
	a := ledger.AttachmentOf(mediaType, []byte(contents))
	a.Title = worldText(contents)
	return a
}

func (s *story) attaches(files ...ledger.Attachment) func(*ledger.Innovation) {
	return func(d *ledger.Innovation) { d.Attachments = files }
}

func (s *story) confirmsWith(i *draft, adopter ledger.Orgnr, files ...ledger.Attachment) int64 {
	return must(s.report(&ledger.Confirmation{
		Innovation: i.id, Revision: i.leaf, InUseFrom: "2026-02-01", Extent: "hospital", Form: "adapted", Funding: []ledger.Funding{"rhf"}, Attachments: files,
	}, adopter)).Index
}

func (s *story) erases(a ledger.Attachment) int64 {
	return must(s.byAuthority(&ledger.Erasure{SHA256: a.SHA256, Reason: worldText("Bildet viste en pasient.")})).Index
}

func (s *story) wantNaming(t *testing.T, a ledger.Attachment, want projections.Naming) {
	t.Helper()
	got, ok := s.now().Naming(a.SHA256)
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%s is named %+v, %t, want %+v", a.Title.In("nb"), got, ok, want)
	}
}

// TestAttachmentsAreNamed asks for what entries say of a file, the same or another
// thing, and who erased it.
func TestAttachmentsAreNamed(t *testing.T) {
	s := newStory()
	picture, told := file(ledger.PNG, "bilde"), file(ledger.Markdown, "historie")
	i := s.publishes(s.attaches(picture, told), maker)
	first := int64(len(s.entries) - 1)
	otherwise := picture
	otherwise.MediaType, otherwise.Size = ledger.WebP, ledger.MaxAttachment
	s.confirmsWith(i, north, otherwise, otherwise)
	s.confirmsWith(i, partner, picture, otherwise)
	want := projections.Naming{Index: first, As: []projections.As{{MediaType: ledger.PNG, Size: 5}, {MediaType: ledger.WebP, Size: ledger.MaxAttachment}}}
	s.wantNaming(t, picture, want)
	s.wantNaming(t, told, projections.Naming{Index: first, As: []projections.As{{MediaType: ledger.Markdown, Size: 8}}})

	at := s.erases(picture)
	want.Erased = &at
	s.wantNaming(t, picture, want)
	s.revises(i, s.attaches(picture, told)) // naming it again brings nothing back
	s.wantNaming(t, picture, want)
	again := s.erases(told)
	f := s.now()
	if got := f.Erased(0); !slices.Equal(got, []string{picture.SHA256, told.SHA256}) {
		t.Errorf("erased are %v", got)
	}
	if got := f.Erased(1); !slices.Equal(got, []string{told.SHA256}) || len(f.Erased(2)) != 0 {
		t.Errorf("erased after the first are %v, then %v", got, f.Erased(2))
	}
	in, _ := f.Innovation(i.id)
	if len(in.Attachments) != 2 || *in.Attachments[0].Erased != at || *in.Attachments[1].Erased != again {
		t.Errorf("the innovation says of its attachments %+v", in.Attachments)
	}
	for _, sha256 := range []string{"", "ab", told.SHA256[1:], told.SHA256 + "00", strings.ToUpper(told.SHA256), file(ledger.PNG, "annet").SHA256} {
		if n, ok := f.Naming(sha256); ok {
			t.Errorf("%q is named: %+v", sha256, n)
		}
	}
}

func (s *story) wantStories(t *testing.T, i *draft, want ...int64) {
	t.Helper()
	if got, ok := s.now().Stories(i.id); !ok || !slices.Equal(got, want) {
		t.Errorf("entries %v tell stories, %t, want %v", got, ok, want)
	}
}

// TestStories follows which entries tell stories of an innovation.
func TestStories(t *testing.T) {
	u := &undue{newStory(), t}
	s := u.story
	picture, told := file(ledger.PNG, "bilde"), file(ledger.Markdown, "historie")
	i, other := s.publishes(s.attaches(picture), maker), s.publishes(s.attaches(told), maker)
	s.wantStories(t, i)
	s.confirmsWith(i, partner, picture)
	s.wantStories(t, i)
	north1 := s.confirmsWith(i, north, picture, told)
	s.wantStories(t, i, north1)
	revised := s.revises(i, s.attaches(told))
	s.wantStories(t, i, revised, north1)
	s.retracts(i, north)
	s.wantStories(t, i, revised)
	north2 := s.confirmsWith(i, north, told)
	s.wantStories(t, i, revised, north2)

	// Merged innovations have the stories of their adopters, and the final one's own.
	middle1 := s.confirmsWith(other, middle, told)
	u.merges(i, other)
	published := slices.IndexFunc(s.entries, func(e *ledger.Entry) bool { return e.ID.String() == other.id })
	s.wantStories(t, i, int64(published), north2, middle1)
	s.wantStories(t, other, int64(published), north2, middle1)
	if _, ok := s.now().Stories("01GPGCMYTR0000000000000000"); ok {
		t.Error("an unknown innovation has stories")
	}
}
