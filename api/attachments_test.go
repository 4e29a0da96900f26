package api_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spredning/api"
	"spredning/ledger"
)

// faultyStore is a store whose every call goes through the test first.
type faultyStore struct {
	api.Attachments
	before func(call string) error
	change func([]byte) []byte // of what is read; nil: nothing
}

func (f *faultyStore) Put(ctx context.Context, sha256 string, b []byte) (bool, error) {
	if err := f.before("put"); err != nil {
		return false, err
	}
	return f.Attachments.Put(ctx, sha256, b)
}

func (f *faultyStore) Has(ctx context.Context, sha256 string) (bool, error) {
	if err := f.before("has"); err != nil {
		return false, err
	}
	return f.Attachments.Has(ctx, sha256)
}

func (f *faultyStore) Read(ctx context.Context, sha256 string) ([]byte, error) {
	if err := f.before("read"); err != nil {
		return nil, err
	}
	b, err := f.Attachments.Read(ctx, sha256)
	if f.change != nil && err == nil {
		b = f.change(b)
	}
	return b, err
}

func (f *faultyStore) Erase(ctx context.Context, sha256 string) error {
	if err := f.before("erase"); err != nil {
		return err
	}
	return f.Attachments.Erase(ctx, sha256)
}

// before puts a function before every call to the store.
func before(fn func(call string) error) option {
	return storing(func(a api.Attachments) api.Attachments { return &faultyStore{a, fn, nil} })
}

// picture gives the bytes of a small one.
func picture(t testing.TB, mediaType string) string {
	t.Helper()
	var b bytes.Buffer
	i := image.NewGray(image.Rect(0, 0, 3, 2))
	switch mediaType {
	case ledger.PNG:
		noError(t, png.Encode(&b, i))
	case ledger.JPEG:
		noError(t, jpeg.Encode(&b, i, nil))
	default:
		raw, err := base64.StdEncoding.DecodeString("UklGRhwAAABXRUJQVlA4TA8AAAAvAAAAAAcQEf0PRET/Aw==")
		noError(t, err)
		b.Write(raw)
	}
	return b.String()
}

// publishes publishes an innovation with attachments.
func (w *world) publishes(title string, files ...ledger.Attachment) receipt {
	w.t.Helper()
	d := publication(title)
	d.Attachments = files
	return w.post(w.sealed(bergen, d))
}

func pathOf(a ledger.Attachment) string { return "/api/v1/attachments/" + a.SHA256 }

func (w *world) erases(a ledger.Attachment) receipt {
	w.t.Helper()
	return w.post(w.sealed(authority, &ledger.Erasure{SHA256: a.SHA256, Reason: norwegian("Bildet viste en pasient.")}))
}

func TestAttachments(t *testing.T) {
	w := newWorld(t).found()
	type file struct{ b, contentType, disposition string }
	files := map[string]file{
		ledger.Markdown: {"# Hei\n<script>alert(1)</script>\n", "text/markdown; charset=utf-8", "attachment"},
		ledger.PNG:      {picture(t, ledger.PNG), ledger.PNG, "inline"},
		ledger.JPEG:     {picture(t, ledger.JPEG), ledger.JPEG, "inline"},
		ledger.WebP:     {picture(t, ledger.WebP), ledger.WebP, "inline"},
		ledger.PDF:      {"%PDF-1.7\n", ledger.PDF, "attachment"},
	}
	var named []ledger.Attachment
	for mediaType, f := range files {
		named = append(named, attached(mediaType, f.b))
	}
	published := w.publishes("Med vedlegg", named...)
	for _, a := range named {
		f := files[a.MediaType]
		if p := w.refused(w.get(pathOf(a)), "not_found"); !strings.Contains(p.Detail, fmt.Sprintf("entry %d names this", published.Index)) {
			t.Errorf("before it is stored: %s", p.Detail)
		}
		for _, status := range []int{http.StatusCreated, http.StatusOK, http.StatusOK} {
			if got := w.put(a.SHA256, a.MediaType, f.b); got.StatusCode != status || got.Header.Get("Location") != pathOf(a) {
				t.Errorf("storing %s: %d %s", a.MediaType, got.StatusCode, got.body)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			got := w.ask(method, pathOf(a), nil)
			h := got.Header
			if method == http.MethodGet && string(got.body) != f.b || h.Get("Content-Length") != fmt.Sprint(len(f.b)) {
				t.Errorf("%s: %d other bytes", a.MediaType, len(got.body))
			}
			if h.Get("Content-Type") != f.contentType || !strings.HasPrefix(h.Get("Content-Disposition"), f.disposition+"; ") {
				t.Errorf("%s is served as %s, %s", a.MediaType, h.Get("Content-Type"), h.Get("Content-Disposition"))
			}
			if h.Get("ETag") != `"`+a.SHA256+`"` || h.Get("Cache-Control") != "no-cache" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("%s is served with %v", a.MediaType, h)
			}
		}
	}
	var innovation struct{ Attachments []ledger.Attachment }
	if w.ok("/api/v1/innovations/"+published.id(), &innovation); len(innovation.Attachments) != len(named) || innovation.Attachments[0].SHA256 != named[0].SHA256 {
		t.Errorf("the innovation names %+v", innovation.Attachments)
	}
}

// TestAttachmentIsStoredAtOnce sends a file with its event's answer, before reads
// may tell of it.
func TestAttachmentIsStoredAtOnce(t *testing.T) {
	w := newWorld(t).found()
	for i := range 50 {
		b := fmt.Sprintf("historie %d", i)
		d := publication(b)
		d.Attachments = []ledger.Attachment{attached(ledger.Markdown, b)}
		w.client.post(w.sealed(bergen, d))
		w.stores(b, ledger.Markdown+"; charset=UTF-8")
	}
}

func TestAttachmentsAreRefused(t *testing.T) {
	w := newWorld(t).found()
	told, shown := "En historie.", picture(t, ledger.PNG)
	control, personal := "a\x00b", "Pasienten har nummer "+unissued
	noPicture := "<script>alert(1)</script>"
	huge := strings.Repeat("x", ledger.MaxAttachment)
	w.publishes("Mange", attached(ledger.Markdown, told), attached(ledger.PNG, shown), attached(ledger.Markdown, control), attached(ledger.Markdown, personal), attached(ledger.PNG, noPicture), attached(ledger.Markdown, huge))
	sha := func(b string) string { return ledger.AttachmentOf("", []byte(b)).SHA256 }
	for name, c := range map[string]struct{ sha256, mediaType, b, code, detail string }{
		"not named":           {sha("annet"), ledger.Markdown, "annet", "not_found", "no entry names"},
		"no hash":             {"x", ledger.Markdown, told, "not_found", "no entry names"},
		"in upper case":       {strings.ToUpper(sha(told)), ledger.Markdown, told, "not_found", "no entry names"},
		"another type":        {sha(told), ledger.PDF, told, "invalid_field", "as text/markdown"},
		"no type":             {sha(told), "", told, "invalid_field", "as text/markdown"},
		"HTML":                {sha(told), "text/html", told, "invalid_field", "as text/markdown"},
		"a type that is none": {sha(told), "text/;;", told, "invalid_field", "as text/markdown"},
		"Latin-1":             {sha(told), "text/markdown; charset=iso-8859-1", told, "invalid_field", "UTF-8"},
		"nothing":             {sha(told), ledger.Markdown, "", "invalid_field", "has 12 bytes, these are 0"},
		"shorter":             {sha(told), ledger.Markdown, told[1:], "invalid_field", "has 12 bytes, these are 11"},
		"longer":              {sha(told), ledger.Markdown, told + "x", "invalid_field", "has 12 bytes, these are 13"},
		"other bytes":         {sha(told), ledger.Markdown, "en historie.", "invalid_field", "SHA-256 of these bytes is"},
		"no picture":          {sha(noPicture), ledger.PNG, noPicture, "invalid_field", "cannot be read as image/png"},
		"control characters":  {sha(control), ledger.Markdown, control, "invalid_field", "control character"},
		"personal data":       {sha(personal), ledger.Markdown, personal, "personal_data", "identity number"},
	} {
		if p := w.refused(w.put(c.sha256, c.mediaType, c.b), c.code); !strings.Contains(p.Detail, c.detail) {
			t.Errorf("%s: %s", name, p.Detail)
		}
		if c.code != "not_found" {
			w.refused(w.get("/api/v1/attachments/"+c.sha256), "not_found")
		}
	}
	w.refused(w.ask(http.MethodPut, "/api/v1/attachments/"+sha(told)+"?min_position=x", nil, "Content-Type", ledger.Markdown), "invalid_query")
	w.refused(w.raw("PUT /api/v1/attachments/"+sha(told)+" HTTP/1.1\r\nHost: x\r\nContent-Type: text/markdown\r\nContent-Length: 12\r\n\r\nEn his"), "malformed")
	w.refused(w.raw("PUT /api/v1/attachments/"+sha(told)+" HTTP/1.1\r\nHost: x\r\nContent-Type: text/markdown\r\nContent-Length: 5242881\r\n\r\nEn historie."), "too_large")
	w.refused(w.raw(fmt.Sprintf("PUT /api/v1/attachments/%s HTTP/1.1\r\nHost: x\r\nContent-Type: text/markdown\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", sha(huge), len(huge)+1, huge+"x")), "too_large")
	w.stores(huge, ledger.Markdown)
	w.stores(told, ledger.Markdown)
}

// TestAttachmentNamedTwoWays: of what entries say of a file the bytes decide.
func TestAttachmentNamedTwoWays(t *testing.T) {
	w := newWorld(t).found()
	b := picture(t, ledger.PNG)
	wrong := attached(ledger.Markdown, b)
	wrong.Size = 7
	w.publishes("Feil", wrong)
	right := attached(ledger.PNG, b)
	w.publishes("Riktig", right)
	w.refused(w.put(right.SHA256, ledger.Markdown, b), "invalid_field")
	w.refused(w.put(right.SHA256, ledger.JPEG, b), "invalid_field")
	if got := w.ok(w.stores(b, ledger.PNG), nil); got.Header.Get("Content-Type") != ledger.PNG {
		t.Errorf("served as %s", got.Header.Get("Content-Type"))
	}
}

// left counts the files below a folder that hold a marker.
func left(t testing.TB, dir, marker string) (n int) {
	t.Helper()
	noError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || d != nil && d.IsDir() {
			return nil
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(marker)) {
			n++
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		return err
	}))
	return n
}

// proofs are all receipts and all entries of a ledger.
func (w *world) proofs() (all []string) {
	w.t.Helper()
	for i := range w.ledger.Size() {
		w.receiptOf(w.ok(fmt.Sprintf("/api/v1/events/%d/receipt", i), nil))
		all = append(all, string(w.ok(fmt.Sprintf("/api/v1/events/%d", i), nil).body))
	}
	return append(all, string(w.ok("/log/tile/0/000.p/9", nil).body))
}

// TestErasure removes the bytes of a file for good, and nothing else.
func TestErasure(t *testing.T) {
	w := newWorld(t).found()
	const marker = "PASIENTEN-PÅ-BILDET"
	told, kept := marker+" ble bedre.", "En annen ble også bedre."
	a, b := attached(ledger.Markdown, told), attached(ledger.Markdown, kept)
	published := w.publishes("Med en pasient", a, b)
	c := confirmation(published)
	c.Attachments = []ledger.Attachment{a}
	w.post(w.sealed(ahus, c))
	w.stores(told, ledger.Markdown)
	w.stores(kept, ledger.Markdown)
	etag := w.ok(pathOf(a), nil).Header.Get("ETag")
	before := w.proofs()
	receiptBefore := w.receiptOf(w.ok(fmt.Sprintf("/api/v1/events/%d/receipt", published.Index), nil))
	if left(t, w.dir, marker) == 0 {
		t.Fatal("the marker stands in no file: the test would find nothing")
	}

	erased := w.erases(a)
	by := fmt.Sprintf("entry %d has erased", erased.Index)
	for range 2 {
		for _, headers := range [][]string{nil, {"If-None-Match", etag}} {
			if p := w.refused(w.get(pathOf(a), headers...), "not_found"); !strings.Contains(p.Detail, by) {
				t.Errorf("reading what is erased: %s", p.Detail)
			}
		}
		if p := w.refused(w.put(a.SHA256, ledger.Markdown, told), "wrong_state"); !strings.Contains(p.Detail, by) {
			t.Errorf("storing what is erased: %s", p.Detail)
		}
		w.ok(pathOf(b), nil)
		eventually(t, "the bytes are gone", func() bool { return left(t, w.dir, marker) == 0 })
		w.sawErased(published, a, erased.Index)
		w.reopen(t)
	}
	for i, entry := range w.proofs()[:len(before)-1] {
		if entry != before[i] {
			t.Errorf("entry %d has changed", i)
		}
	}
	if got, err := ledger.ParseReceipt(receiptBefore.raw); err != nil || string(got.Entry) != before[published.Index] {
		t.Errorf("a receipt from before: %v", err)
	} else if _, _, err := got.Verify(w.logKey.String()); err != nil {
		t.Errorf("a receipt from before holds no more: %v", err)
	}
	if got := w.proofs(); got[len(got)-1] != before[len(before)-1] {
		t.Error("a tile has changed")
	}
	w.refused(w.submit(w.sealed(authority, &ledger.Erasure{SHA256: a.SHA256, Reason: norwegian("En gang til.")})), "wrong_state")
}

// sawErased checks that all views tell by which entry a file was erased.
func (w *world) sawErased(of receipt, a ledger.Attachment, index int64) {
	w.t.Helper()
	type files []struct {
		SHA256 string
		Erased *int64
	}
	var innovation struct{ Attachments files }
	w.ok("/api/v1/innovations/"+of.id(), &innovation)
	var adoptions struct {
		Items []struct{ Confirmations []struct{ Attachments files } }
	}
	w.ok("/api/v1/innovations/"+of.id()+"/adoptions", &adoptions)
	seen := append(innovation.Attachments, adoptions.Items[0].Confirmations[0].Attachments...)
	for _, f := range seen {
		if (f.Erased != nil) != (f.SHA256 == a.SHA256) || f.Erased != nil && *f.Erased != index {
			w.t.Errorf("%s is told to be erased: %v", f.SHA256, f.Erased)
		}
	}
	if len(seen) != 3 {
		w.t.Errorf("%d files are seen, want 3", len(seen))
	}
}

// TestErasureAfterCrash ends between the entry and the removal: it is done at the
// next start.
func TestErasureAfterCrash(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	w := newWorld(t, before(func(call string) error {
		if call == "erase" && down.Load() {
			return errors.New("no erasing today")
		}
		return nil
	})).found()
	const marker = "PASIENTEN-PÅ-BILDET"
	a := attached(ledger.Markdown, marker)
	w.publishes("Med en pasient", a)
	w.stores(marker, ledger.Markdown)
	w.erases(a)
	w.refused(w.get(pathOf(a)), "not_found")
	w.reopen(t)
	if left(t, w.dir, marker) == 0 {
		t.Fatal("the bytes are gone already")
	}
	down.Store(false)
	w.reopen(t)
	eventually(t, "the bytes are gone", func() bool { return left(t, w.dir, marker) == 0 })
}

// TestErasureIsTriedAgain fails a few times and succeeds without a restart.
func TestErasureIsTriedAgain(t *testing.T) {
	var tries atomic.Int64
	w := newWorld(t, before(func(call string) error {
		if call == "erase" && tries.Add(1) < 3 {
			return errors.New("not yet")
		}
		return nil
	})).found()
	const marker = "PASIENTEN-PÅ-BILDET"
	a := attached(ledger.Markdown, marker)
	w.publishes("Med en pasient", a)
	w.stores(marker, ledger.Markdown)
	w.erases(a)
	eventually(t, "the bytes are gone", func() bool { return left(t, w.dir, marker) == 0 })
}

// TestPutAndEraseRace stores and erases at once, again and again: no bytes stay.
func TestPutAndEraseRace(t *testing.T) {
	w := newWorld(t, before(func(string) error { time.Sleep(rand.N(3 * time.Millisecond)); return nil })).found()
	const rounds, marker = 15, "PASIENTEN-PÅ-BILDET"
	for i := range rounds {
		told := fmt.Sprintf("%s %d", marker, i)
		a := attached(ledger.Markdown, told)
		w.publishes(told, a)
		erasing := w.sealed(authority, &ledger.Erasure{SHA256: a.SHA256, Reason: norwegian("Feil.")})
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				time.Sleep(rand.N(10 * time.Millisecond))
				got, err := w.try(http.MethodPut, pathOf(a), strings.NewReader(told), "Content-Type", ledger.Markdown)
				if err != nil || got.StatusCode != http.StatusOK && got.StatusCode != http.StatusCreated && got.StatusCode != http.StatusConflict {
					t.Errorf("storing: %d %s, %v", got.StatusCode, got.body, err)
				}
			})
		}
		time.Sleep(rand.N(10 * time.Millisecond))
		w.post(erasing)
		group.Wait()
		w.refused(w.get(pathOf(a)), "not_found")
	}
	eventually(t, "the bytes are gone", func() bool { return left(t, w.dir, marker) == 0 })
}

// TestStoreIsDown: without the store its files are unavailable, and only they.
func TestStoreIsDown(t *testing.T) {
	var down atomic.Bool
	w := newWorld(t, before(func(string) error {
		if down.Load() {
			return errors.New("no store today")
		}
		return nil
	})).found()
	published := w.story()
	late := attached(ledger.Markdown, "En sen historie.")
	w.publishes("Sen", late)
	down.Store(true)
	a := w.put(late.SHA256, ledger.Markdown, "En sen historie.")
	if p := w.refused(a, "unavailable"); strings.Contains(p.Detail, "no store") {
		t.Errorf("the problem tells of the inside: %s", p.Detail)
	}
	hasRetryAfter(t, a)
	for operation, path := range reads(w, published) {
		if operation == "/attachments/{sha256}" {
			w.refused(w.get(path), "unavailable")
		} else if operation != "/innovations/{id}/stories" { // which may have been kept
			w.ok(path, nil)
		}
	}
	eventually(t, "the ledger takes events all the same", func() bool {
		return w.submit(w.sealed(bergen, publication("Imens"))).StatusCode == http.StatusCreated
	})
	w.refused(w.get("/api/v1/innovations/"+published.id()+"/stories"), "unavailable")
	// A page that only names files is there, and takes them to be.
	shown := w.publishes("Med bilde", attached(ledger.PNG, picture(t, ledger.PNG)))
	if status, page := w.browse("/innovasjoner/" + shown.id()); status != http.StatusOK || strings.Contains(page, "/vedlegg/") {
		t.Errorf("the page of an innovation with a picture: %d", status)
	}
	down.Store(false)
	w.stores("En sen historie.", ledger.Markdown)
	w.ok("/api/v1/innovations/"+published.id()+"/stories", nil)
}

// TestStoreFailureRecoversTheStream: an embedded server that failed a file does not
// recover by itself, so the ledger has it closed and opened again.
func TestStoreFailureRecoversTheStream(t *testing.T) {
	var down atomic.Bool
	var recovered atomic.Int64
	w := newWorld(t, before(func(call string) error {
		if call == "put" && down.Load() {
			return errors.New("no space left")
		}
		return nil
	}), asking(func(call string) error {
		if call == "recover" {
			recovered.Add(1)
			down.Store(false)
		}
		return nil
	})).found()
	const told = "En historie."
	a := attached(ledger.Markdown, told)
	w.publishes("Full disk", a)
	down.Store(true)
	w.refused(w.put(a.SHA256, ledger.Markdown, told), "unavailable")
	eventually(t, "the stream is recovered", func() bool { return recovered.Load() > 0 && w.ledger.Err() == nil })
	w.stores(told, ledger.Markdown)
	w.post(w.sealed(bergen, publication("Etterpå")))
}

// TestDamagedAttachmentIsUnavailable: wrong bytes are never served.
func TestDamagedAttachmentIsUnavailable(t *testing.T) {
	var damage atomic.Bool
	w := newWorld(t, storing(func(a api.Attachments) api.Attachments {
		return &faultyStore{a, func(string) error { return nil }, func(b []byte) []byte {
			if damage.Load() {
				return bytes.Replace(b, []byte("P"), []byte("Q"), 1)
			}
			return b
		}}
	})).found()
	all := reads(w, w.story())
	w.ok(all["/attachments/{sha256}"], nil)
	damage.Store(true)
	w.refused(w.get(all["/attachments/{sha256}"]), "unavailable")
	w.refused(w.get(all["/innovations/{id}/stories"]), "unavailable")
}

// TestTooManyUploads holds uploads up: whoever comes on top is told to wait, and one client
// alone leaves places to the others.
func TestTooManyUploads(t *testing.T) {
	release := make(chan struct{})
	begun := make(chan struct{}, 100)
	w := newWorld(t, behind("127.0.0.0/8"), rates(0, 0), before(func(call string) error {
		if call == "put" {
			begun <- struct{}{}
			<-release
		}
		return nil
	})).found()
	const told = "En historie."
	a := attached(ledger.Markdown, told)
	w.publishes("Populær", a)
	var group sync.WaitGroup
	send := func(from string) (answer, error) {
		return w.try(http.MethodPut, pathOf(a), strings.NewReader(told), "Content-Type", ledger.Markdown, "X-Forwarded-For", from)
	}
	sends := func(from string) {
		group.Go(func() {
			if got, err := send(from); err != nil || got.StatusCode >= 300 {
				t.Errorf("%s: %d %s, %v", from, got.StatusCode, got.body, err)
			}
		})
		<-begun
	}
	isOver := func(from string) {
		t.Helper()
		over, err := send(from)
		noError(t, err)
		w.refused(over, "overloaded")
		hasRetryAfter(t, over)
	}
	for n := range 8 {
		sends(fmt.Sprintf("2001:db8::%d:%d", n, n)) // addresses of one network
	}
	isOver("2001:db8:0:0:9::9")
	for n := range 24 {
		sends([]string{"192.0.2.1", "192.0.2.2", "2001:db8:0:1::1"}[n%3])
	}
	isOver("198.51.100.1")
	close(release)
	group.Wait()
	if got, err := send("2001:db8::1"); err != nil || got.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %d %s, %v", got.StatusCode, got.body, err)
	}
	w.ok(pathOf(a), nil)
}
