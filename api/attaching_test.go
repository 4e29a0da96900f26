package api_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"spredning/ledger"
)

// chooses goes to a field of files by the keyboard and chooses some there, by their names.
// The dialogue in between is the system's.
func (a *adviser) chooses(id, dir string, names ...string) {
	a.t.Helper()
	a.tabsTo(id)
	var paths []string
	for _, name := range names {
		paths = append(paths, filepath.Join(dir, name))
	}
	noError(a.t, chromedp.Do(a.ctx, chromedp.SetUploadFiles(chromedp.CSS("#"+id), paths)))
}

// writes puts files into a folder.
func writes(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		noError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir
}

// does evaluates what a test does without the keyboard.
func (a *adviser) does(script string) {
	a.t.Helper()
	noError(a.t, chromedp.Do(a.ctx, chromedp.Evaluate[chromedp.Void](`(() => {`+script+`})()`)))
}

// latest is the data of the newest entry.
func (w *world) latest() ledger.Data {
	w.t.Helper()
	noError(w.t, w.view.Wait(w.t.Context(), w.ledger.Size()))
	return w.receiptOf(w.ok(fmt.Sprintf("/api/v1/events/%d/receipt", w.ledger.Size()-1), nil)).event(w.t).Data
}

// behind puts a function before the server; true: it has answered.
func (w *world) behind(before func(http.ResponseWriter, *http.Request) bool) (base string) {
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !before(rw, r) {
			w.server.Config.Handler.ServeHTTP(rw, r)
		}
	}))
	w.t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}

// isHere checks that a file can be read as it was sent.
func (w *world) isHere(a ledger.Attachment, content string) {
	w.t.Helper()
	if got := w.ok(pathOf(a), nil); string(got.body) != content {
		w.t.Errorf("%s is read as %d bytes, sent were %d", a.MediaType, len(got.body), len(content))
	}
}

const (
	allHere = `document.getElementById("files-status").textContent === "Alle filene er her."`
	states  = `[...document.querySelectorAll("#files-list [data-part=state]")].map(e => e.textContent).join()`
	listed  = `document.querySelectorAll("[data-field=attachments] .file").length`
)

// publishes fills in a publication, all but its title and its files.
const fillPublication = `
	const set = (id, value) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event("input", {bubbles: true})); };
	set("field-summary-nb", "Pasienter følges opp hjemme.");
	document.querySelector("input[name=kind][value=service]").click();
	document.querySelector("input[name=funding][value=own]").click();
	document.querySelector("input[name=regional_initiative][value=false]").click();
	set("field-in_use_since", "2024-02-01");
`

// TestAttachingInABrowser publishes with a story and a picture, by keyboard; then a
// revision leaves one of them out.
func TestAttachingInABrowser(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t).found()
	a := newAdviser(t, ctx, w.local(), true)
	w.signsUp(a, bergen, ledger.Report)

	shown := picture(t, ledger.PNG)
	photo := ledger.AttachmentOf(ledger.PNG, []byte(shown))
	told := "# Hjemme hos pasienten\n\n![Pumpen](" + photo.SHA256 + ")\n"
	story := ledger.AttachmentOf(ledger.Markdown, []byte(told))
	dir := writes(t, map[string]string{"historie.md": told, "bilde.PNG": shown, "samme.md": told})

	a.goes("/skjema/publiser?for=" + string(bergen))
	a.types("field-title-nb", "Hjemmedialyse med pumpe")
	a.does(fillPublication)
	a.chooses("field-attachments", dir, "historie.md", "bilde.PNG", "samme.md")
	a.awaits("two files", listed+` === 2 && document.getElementById("field-attachments-fault").textContent.startsWith("samme.md: Filen er valgt allerede.")`)
	a.accessible("with files")

	// A title is asked for in each language that the rest is in.
	a.presses("sign-button")
	a.awaits("that titles are lacking", visible+`("sign-errors")`)
	if said := a.reads(`document.getElementById("sign-errors").innerText`); strings.Count(said, "Vedlegg, ") != 2 || !strings.Contains(said, "historie.md: Fyll ut dette.") {
		t.Errorf("said is\n%s", said)
	}
	a.accessible("titles are lacking")
	a.types("file-"+story.SHA256+"-nb", "Slik gikk det")
	a.does(`document.querySelector("[data-field=title] details").open = true`)
	a.types("field-title-nn", "Heimedialyse med pumpe")
	a.types("file-"+story.SHA256+"-nn", "Slik gjekk det")
	a.types("file-"+photo.SHA256+"-nb", "Pumpen")
	a.presses("sign-button")
	a.awaits("that one title is lacking", visible+`("sign-errors") && document.querySelectorAll("#sign-errors li").length === 1`)
	if at := a.reads(`document.querySelector("#sign-errors a").getAttribute("href")`); at != "#file-"+photo.SHA256+"-nn" {
		t.Errorf("what is lacking is at %s", at)
	}
	a.types("file-"+photo.SHA256+"-nn", "Pumpa")

	before := a.reads(`document.getElementById("sign-preview").innerText`)
	for _, want := range []string{fmt.Sprintf("Slik gikk det / Slik gjekk det, historie (Markdown), %d\u00a0B, SHA-256 %s", len(told), story.SHA256), "Pumpen / Pumpa, bilde (PNG), "} {
		if !strings.Contains(before, want) {
			t.Errorf("%q is not shown before signing:\n%s", want, before)
		}
	}
	a.presses("sign-button")
	a.awaits("the files", allHere)
	a.accessible("the files are here")
	if at := a.reads("document.activeElement.id"); at != "done-heading" {
		t.Errorf("the focus is at %q", at)
	}
	w.isHere(story, told)
	w.isHere(photo, shown)
	title := func(nb, nn string) ledger.Text { return ledger.Text{NB: &nb, NN: &nn} }
	story.Title, photo.Title = title("Slik gikk det", "Slik gjekk det"), title("Pumpen", "Pumpa")
	published := w.latest().(*ledger.Publication)
	if want := []ledger.Attachment{story, photo}; !reflect.DeepEqual(published.Attachments, want) {
		t.Errorf("the event names\n%+v, want\n%+v", published.Attachments, want)
	}
	id := w.receiptOf(w.ok(fmt.Sprintf("/api/v1/events/%d/receipt", w.ledger.Size()-1), nil)).id()
	a.goes("/innovasjoner/" + id)
	a.awaits("the story with its picture", `document.querySelector(".story h3").textContent === "Hjemme hos pasienten" && document.querySelector(".story img").naturalWidth === 3`)

	a.goes("/skjema/endre?innovasjon=" + id)
	a.awaits("the files that there are", listed+` === 2`)
	a.accessible("revising files")
	a.does(`document.querySelector("#file-` + photo.SHA256 + `-nb").closest(".file").querySelector("button").focus()`)
	noError(t, a.press(kb.Enter))
	a.awaits("that one is left out", listed+` === 1`)
	if at := a.reads(`document.activeElement.closest(".file").dataset.name`); at != "Slik gikk det" {
		t.Errorf("the focus is at %q", at)
	}
	a.presses("sign-button")
	a.awaits("the file that was kept", allHere)
	if got := w.latest().(*ledger.Revision).Attachments; !reflect.DeepEqual(got, []ledger.Attachment{story}) {
		t.Errorf("the revision names %+v", got)
	}
	for _, said := range a.said {
		t.Errorf("the browser says %s", said)
	}
}

// TestFilesThatAreRefusedInABrowser: what the ledger would refuse is not named, which is
// said at the field, and nothing that was typed is lost.
func TestFilesThatAreRefusedInABrowser(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t).found()
	a := newAdviser(t, ctx, w.local(), true)
	w.signsUp(a, bergen, ledger.Report)
	refused := []struct{ name, content, problem string }{
		{"notat.docx", "PK", "file_type"},
		{"constructor", "x", "file_type"},
		{"stor.pdf", "%PDF-" + strings.Repeat("x", ledger.MaxAttachment), "file_large"},
		{"tom.md", "", "file_empty"},
		{"latin.md", "p\xe5 sykehuset", "file_text"},
		{"styring.md", "a\x00b", "file_control"},
		{"retning.md", "a\u202eb", "file_control"},
		{"person.md", "Pasienten har nummer " + unissued, "personal_data"},
		{"byttet.jpg", picture(t, ledger.PNG), "file_picture"},
		{"odelagt.png", picture(t, ledger.PNG)[:20], "file_picture"},
		{"ingen.pdf", "<script>", "file_pdf"},
	}
	webp, err := base64.StdEncoding.DecodeString("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA") // one pixel, whole
	noError(t, err)
	good := map[string]string{"a.md": "# Hei\r\n\tæøå ✓", "b.jpeg": picture(t, ledger.JPEG), "c.webp": string(webp), "d.pdf": "%PDF-1.7"}
	for n := range 7 {
		good[fmt.Sprintf("e%d.markdown", n)] = fmt.Sprint("Historie ", n)
	}
	contents := map[string]string{}
	var names []string
	for _, c := range refused {
		contents[c.name] = c.content
		names = append(names, c.name)
		// The page refuses nothing that the ledger would take, and names nothing that it would not.
		types := map[string]string{".md": ledger.Markdown, ".jpg": ledger.JPEG, ".png": ledger.PNG, ".pdf": ledger.PDF}
		if ledger.CheckAttachment(types[filepath.Ext(c.name)], []byte(c.content)) == nil {
			t.Errorf("the ledger takes %s", c.name)
		}
	}
	var taken []string
	for name, content := range good {
		contents[name] = content
		taken = append(taken, name)
	}
	slices.Sort(taken)
	dir := writes(t, contents)

	a.goes("/nn/skjema/publiser?for=" + string(bergen))
	a.types("field-title-nn", "Heimedialyse med pumpe")
	a.chooses("field-attachments", dir, names...)
	a.awaits("what is wrong", `document.getElementById("field-attachments-fault").checkVisibility()`)
	said := strings.Split(a.reads(`document.getElementById("field-attachments-fault").textContent`), "\n")
	for k, c := range refused {
		if want := c.name + ": " + a.reads(`document.querySelector('[data-word="problem.`+c.problem+`"]').textContent`); k >= len(said) || said[k] != want {
			t.Errorf("of %s is said %q, want %q", c.name, said, want)
		}
	}
	if a.reads(listed) != "0" || a.reads(`document.getElementById("field-attachments").getAttribute("aria-invalid")`) != "true" {
		t.Error("a refused file is listed, or its field is not marked")
	}
	a.accessible("refused files")
	a.chooses("field-attachments", dir, taken...)
	a.awaits("ten files and no more", listed+` === 10 && document.getElementById("field-attachments-fault").textContent.startsWith("`+taken[10]+`: ")`)
	if kept := a.reads(`document.getElementById("field-title-nn").value`); kept != "Heimedialyse med pumpe" {
		t.Errorf("what was typed is lost: %q", kept)
	}
	a.does(`document.querySelector("[data-field=attachments] .file button").focus()`)
	noError(t, a.press(kb.Enter))
	a.chooses("field-attachments", dir, taken[10])
	a.awaits("that there is room again", listed+` === 10 && !document.getElementById("field-attachments-fault").checkVisibility()`)
}

// TestFilesThatDoNotComeInABrowser: what is signed stays signed when a file does not come
// through; it is sent again, at once or by whoever has it later.
func TestFilesThatDoNotComeInABrowser(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t).found()
	published := w.post(w.sealed(bergen, publication("Digital oppfølging hjemme")))
	var failing atomic.Int64
	let := make(chan struct{}, 1) // one for each file that may come
	base := w.behind(func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		<-let
		if failing.Add(-1) < 0 {
			return false
		}
		rw.Header().Set("Content-Type", "application/problem+json")
		rw.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(rw, `{"code":"unavailable","detail":"the file cannot be stored now; send it again later"}`)
		return true
	})
	a := newAdviser(t, ctx, base, true)
	w.signsUp(a, ahus, ledger.Report)
	told := "Hos oss gikk det bra."
	story := ledger.AttachmentOf(ledger.Markdown, []byte(told))
	dir := writes(t, map[string]string{"hos-oss.md": told, "annet.md": told + " Ja."})

	confirm := func() (index int64) {
		a.goes("/bekreft/" + published.id())
		a.chooses("field-attachments", dir, "hos-oss.md")
		a.awaits("the file", listed+` === 1`)
		a.types("file-"+story.SHA256+"-nb", "Hos oss")
		let <- struct{}{}
		a.presses("sign-button")
		a.awaits("that the file does not come", states+` === "kom ikke fram"`)
		c, is := w.latest().(*ledger.Confirmation)
		if !is || len(c.Attachments) != 1 || c.Attachments[0].SHA256 != story.SHA256 {
			t.Fatalf("in the ledger is %+v", w.latest())
		}
		w.refused(w.get(pathOf(story)), "not_found")
		return w.ledger.Size() - 1
	}

	// The second time it comes.
	failing.Store(1)
	index := confirm()
	a.accessible("a file that did not come")
	if said := a.reads(`document.querySelector("#files-list .fault").innerText`); !strings.Contains(said, "Send den igjen") || strings.Contains(said, "send it again") {
		t.Errorf("said is %q", said)
	}
	if a.reads(visible+`("sign-done")`) != "true" {
		t.Error("that it is signed is not said")
	}

	// The innovation's page and the desk say that the file is missing, and where to send it.
	missing := fmt.Sprintf("/vedlegg/%d", index)
	for _, path := range []string{"/innovasjoner/" + published.id(), "/foretak/" + string(ahus) + "/arbeid"} {
		if _, body := w.browse(path); !strings.Contains(body, `href="`+missing+`"`) {
			t.Errorf("%s does not lead to the page of the missing file", path)
		}
	}
	a.presses("files-retry")
	a.awaits("that it is on its way", states+` === "sendes" && document.querySelector("#files-list progress").checkVisibility()`)
	a.accessible("a file on its way")
	let <- struct{}{}
	a.awaits("the file", allHere)
	a.accessible("a file that came at last")
	w.isHere(story, told)
	if w.ledger.Size() != index+1 {
		t.Error("something was signed for it")
	}
	for _, path := range []string{"/innovasjoner/" + published.id(), "/foretak/" + string(ahus) + "/arbeid"} {
		if _, body := w.browse(path); strings.Contains(body, missing) {
			t.Errorf("%s says that a file is missing that is here", path)
		}
	}

	// Another comes with it later.
	told = "Hos oss gikk det enda bedre."
	story = ledger.AttachmentOf(ledger.Markdown, []byte(told))
	noError(t, os.WriteFile(filepath.Join(dir, "hos-oss.md"), []byte(told), 0o600))
	w.post(w.sealed(ahus, &ledger.Retraction{Innovation: published.id(), Reason: norwegian("En feil.")}))
	noError(t, w.view.Wait(t.Context(), w.ledger.Size()))
	failing.Store(1)
	index = confirm()
	other := newAdviser(t, ctx, w.local(), true)
	for _, lang := range []string{"/en", ""} {
		other.goes(lang + "/innovasjoner/" + published.id())
		path := fmt.Sprintf("%s/vedlegg/%d", lang, index)
		other.does(`document.querySelector('a[href="` + path + `"]').click()`)
		other.awaits("the page of the files", `location.pathname === "`+path+`" && `+visible+`("files-choose")`)
		other.accessible("a missing file")
	}
	other.chooses("files-input", dir, "annet.md")
	other.awaits("that it is another", `document.getElementById("files-fault").textContent.startsWith("annet.md: Dette er ingen av filene")`)
	other.accessible("another file")
	noError(t, os.Rename(filepath.Join(dir, "hos-oss.md"), filepath.Join(dir, "omdøpt.txt")))
	other.chooses("files-input", dir, "omdøpt.txt")
	other.awaits("the file", allHere)
	w.isHere(story, told)
	other.goes(fmt.Sprintf("/vedlegg/%d", index))
	other.awaits("that nothing is missing", allHere+` && !`+visible+`("files-choose")`)
	other.accessible("nothing is missing")
}

// TestFilesOfSeveralInABrowser: the first who signs is told to keep the files, and once
// the last has signed they can be sent in.
func TestFilesOfSeveralInABrowser(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t).found()
	one, other := newAdviser(t, ctx, w.local(), true), newAdviser(t, ctx, w.local(), true)
	w.signsUp(one, ahus, ledger.Report)
	w.signsUp(other, bergen, ledger.Report)
	told, pdf := "Vi lærte opp pasienter sammen.", "%PDF-1.7 plan"
	story, plan := ledger.AttachmentOf(ledger.Markdown, []byte(told)), ledger.AttachmentOf(ledger.PDF, []byte(pdf))
	dir := writes(t, map[string]string{"felles.md": told, "plan.pdf": pdf})

	one.goes("/skjema/publiser?for=" + string(ahus))
	one.types("field-title-nb", "Felles opplæring i hjemmedialyse")
	one.does(fillPublication + `set("originator-0", "` + string(ahus) + `"); set("share-0", "60"); set("originator-1", "` + string(bergen) + `"); set("share-1", "40");`)
	one.chooses("field-attachments", dir, "felles.md", "plan.pdf")
	one.awaits("the files", listed+` === 2`)
	one.types("file-"+story.SHA256+"-nb", "Felles")
	one.types("file-"+plan.SHA256+"-nb", "Planen")
	one.presses("sign-button")
	one.awaits("the draft, and that files wait with it", visible+`("sign-waits") && `+visible+`("waits-files")`)
	one.accessible("files that wait for others")
	w.refused(w.put(story.SHA256, ledger.Markdown, told), "not_found") // no entry names it yet
	link := strings.TrimPrefix(one.reads(`document.getElementById("waits-link").href`), w.local())

	other.goes(link)
	other.awaits("the draft", visible+`("sign-button") && `+visible+`("draft-files")`)
	other.accessible("a draft with files")
	if before := other.reads(`document.getElementById("sign-preview").innerText`); !strings.Contains(before, "SHA-256 "+story.SHA256) {
		t.Errorf("shown is\n%s", before)
	}
	other.presses("sign-button")
	other.awaits("the receipt, and that files are missing", visible+`("sign-done") && `+states+` === "mangler,mangler" && `+visible+`("files-choose")`)
	other.accessible("files that are missing after the last signature")
	other.chooses("files-input", dir, "plan.pdf")
	other.awaits("one of them", states+` === "mangler,er her"`)
	w.isHere(plan, pdf)

	one.goes(link)
	one.awaits("what is missing", `document.querySelector('[data-state-is=whole]:not([hidden])') && `+states+` === "mangler,er her"`)
	one.accessible("a draft that all have signed, with a missing file")
	one.chooses("files-input", dir, "felles.md")
	one.awaits("both", allHere)
	w.isHere(story, told)
}

// TestFilesThatAreErasedInABrowser: a revision keeps a file that is erased as what it is,
// and nobody is asked for it.
func TestFilesThatAreErasedInABrowser(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t).found()
	told := "En historie som er slettet."
	file := attached(ledger.Markdown, told)
	published := w.publishes("Med en historie", file)
	w.stores(told, ledger.Markdown)
	w.erases(file)
	a := newAdviser(t, ctx, w.local(), true)
	w.signsUp(a, bergen, ledger.Report)
	a.goes("/skjema/endre?innovasjon=" + published.id())
	a.awaits("that it is erased", `document.querySelector("[data-part=erased]").checkVisibility()`)
	a.presses("sign-button")
	a.awaits("that nothing is missing", states+` === "slettet" && document.getElementById("files-status").textContent === "Alle filene er slettet." && !`+visible+`("files-choose")`)
	a.goes(fmt.Sprintf("/vedlegg/%d", w.ledger.Size()-1))
	a.awaits("the same of the page of the files", states+` === "slettet" && !`+visible+`("files-choose")`)
	a.accessible("an erased file")
}

// TestIdentityNumbersInABrowser holds the page's rule to the ledger's, over texts that are
// drawn from the parts that matter.
func TestIdentityNumbersInABrowser(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t).found()
	a := newAdviser(t, ctx, w.local(), true)
	a.goes("/skjema/publiser")
	date, rest := unissued[:6], unissued[len(unissued)-5:]
	wrong := rest[:4] + string('0'+(rest[4]-'0'+1)%10)
	seen := map[bool]int{}
	for _, before := range []string{"", "a", "1", " ", "0101 "} {
		for _, between := range []string{"", " ", "-", ".", "\u00a0", "/", "  ", "\n"} {
			for _, end := range []string{rest, wrong} {
				for _, after := range []string{"", "0", "x", " 1"} {
					text := before + date + between + end + after
					want := ledger.CheckAttachment(ledger.Markdown, []byte(text)) != nil
					seen[want]++
					got := a.reads(`hasIdentityNumber(new TextDecoder().decode(fromBase64("` + base64.StdEncoding.EncodeToString([]byte(text)) + `")))`)
					if got != fmt.Sprint(want) {
						t.Errorf("%q: the page says %s, the ledger %v", text, got, want)
					}
				}
			}
		}
	}
	if seen[true] < 20 || seen[false] < 20 {
		t.Errorf("seen were %v", seen)
	}
}
