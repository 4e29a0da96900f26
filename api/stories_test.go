package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"spredning/ledger"
)

// aStory is one as the API gives it.
type aStory struct {
	SHA256, By, Status string
	Title              map[string]string
	Index              int64
	Erased             *int64
	HTML               *string
}

func (w *world) stories(of receipt) (all []aStory) {
	w.t.Helper()
	var list struct{ Items []aStory }
	w.ok("/api/v1/innovations/"+of.id()+"/stories", &list)
	return list.Items
}

func TestStories(t *testing.T) {
	w := newWorld(t).found()
	shown := picture(t, ledger.PNG)
	photo := attached(ledger.PNG, shown)
	told := "# Hjemme\n\n![Pumpen](" + photo.SHA256 + ") <script>alert(1)</script> [mer](https://a.no) [vondt](javascript:x)\n\n![Utenfra](https://a.no/x.png)\n"
	long := strings.Repeat("x", 64<<10+1)
	files := []ledger.Attachment{attached(ledger.Markdown, told), photo, attached(ledger.PDF, "%PDF-1.7"), attached(ledger.Markdown, long)}
	published := w.publishes("Med historier", files...)
	c := confirmation(published)
	c.Attachments = []ledger.Attachment{attached(ledger.Markdown, "Hos oss gikk det bra.")}
	confirmed := w.post(w.sealed(ahus, c))

	want := []aStory{
		{SHA256: files[0].SHA256, By: string(bergen), Status: "missing", Index: published.Index},
		{SHA256: files[3].SHA256, By: string(bergen), Status: "missing", Index: published.Index},
		{SHA256: c.Attachments[0].SHA256, By: string(ahus), Status: "missing", Index: confirmed.Index},
	}
	wantStories(t, w.stories(published), want)
	wantStories(t, w.stories(published), want)
	w.stores(told, ledger.Markdown)
	w.stores(long, ledger.Markdown)
	w.stores("Hos oss gikk det bra.", ledger.Markdown)
	for i, html := range []string{
		"<h3>Hjemme</h3>\n<p><img src=\"/api/v1/attachments/" + photo.SHA256 + "\" alt=\"Pumpen\"> alert(1) <a href=\"https://a.no\" rel=\"nofollow noopener\">mer</a> vondt</p>\n<p>Utenfra</p>\n",
		"", "<p>Hos oss gikk det bra.</p>\n",
	} {
		want[i].Status, want[i].HTML = "shown", &html
	}
	want[1].Status, want[1].HTML = "too_long", nil
	wantStories(t, w.stories(published), want)

	// What is erased is shown no more, a picture in a story either.
	erased := w.erases(photo)
	w.erases(c.Attachments[0])
	second := erased.Index + 1
	want[2].Status, want[2].HTML, want[2].Erased = "erased", nil, &second
	without := strings.Replace(*want[0].HTML, "<img src=\"/api/v1/attachments/"+photo.SHA256+"\" alt=\"Pumpen\">", "Pumpen", 1)
	want[0].HTML = &without
	wantStories(t, w.stories(published), want)

	w.post(w.sealed(ahus, &ledger.Retraction{Innovation: published.id(), Reason: norwegian("En feil.")}))
	wantStories(t, w.stories(published), want[:2])
	d := publication("Uten historier")
	w.post(w.sealed(bergen, &ledger.Revision{Of: published.id(), Innovation: d.Innovation}))
	wantStories(t, w.stories(published), nil)
}

func wantStories(t *testing.T, got, want []aStory) {
	t.Helper()
	same := slices.EqualFunc(got, want, func(a, b aStory) bool {
		return a.SHA256 == b.SHA256 && a.By == b.By && a.Status == b.Status && a.Index == b.Index && a.Title["nb"] == "Slik gikk det" &&
			equal(a.HTML, b.HTML) && equal(a.Erased, b.Erased)
	})
	if !same {
		t.Errorf("stories are\n%s\nwant\n%s", tell(got), tell(want))
	}
}

func equal[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

func tell(all []aStory) (s string) {
	for _, a := range all {
		s += fmt.Sprintf("%d %s %.8s %s", a.Index, a.By, a.SHA256, a.Status)
		if a.Erased != nil {
			s += fmt.Sprintf(" by %d", *a.Erased)
		}
		if a.HTML != nil {
			s += fmt.Sprintf("\n    %q", *a.HTML)
		}
		s += "\n"
	}
	return s
}

// TestNoStory: a picture that one entry calls a story is none.
func TestNoStory(t *testing.T) {
	w := newWorld(t).found()
	shown := picture(t, ledger.PNG)
	w.publishes("Med bilde", attached(ledger.PNG, shown))
	published := w.publishes("Med feil", attached(ledger.Markdown, shown))
	w.stores(shown, ledger.PNG)
	if got := w.stories(published); len(got) != 1 || got[0].Status != "missing" {
		t.Errorf("stories are %s", tell(got))
	}
}

// TestStoriesInPages: a page ends by its number of stories, or by their bytes.
func TestStoriesInPages(t *testing.T) {
	w := newWorld(t).found()
	var files []ledger.Attachment
	paragraph := strings.Repeat("x", 8000) + "\n\n"
	for i := range 10 {
		told := strings.Repeat(paragraph, 7) + fmt.Sprint(i)
		files = append(files, attached(ledger.Markdown, told))
	}
	published := w.publishes("Lang", files...)
	for i := range files {
		w.stores(strings.Repeat(paragraph, 7)+fmt.Sprint(i), ledger.Markdown)
	}
	path := "/api/v1/innovations/" + published.id() + "/stories"
	for _, query := range []string{"", "?limit=1", "?limit=3", "?limit=1000"} {
		var want []string
		for _, f := range files {
			want = append(want, f.SHA256)
		}
		if got := w.walk(path+query, "sha256"); !slices.Equal(got, want) {
			t.Errorf("%s gives %d stories, or in another order", query, len(got))
		}
	}
	var page struct{ Items []aStory }
	if w.ok(path, &page); len(page.Items) != 4 {
		t.Errorf("the first page has %d stories of 56 KB", len(page.Items))
	}
	for _, cursor := range []string{"0-0", fmt.Sprintf("%d-", published.Index), fmt.Sprintf("%d-10", published.Index), fmt.Sprintf("%d-x", published.Index), "x"} {
		w.refused(w.get(path+"?cursor="+cursor), "invalid_query")
	}
	if a := w.get(path, "If-None-Match", w.ok(path, nil).Header.Get("ETag")); a.StatusCode != http.StatusNotModified {
		t.Errorf("asked for again: %d", a.StatusCode)
	}
}
