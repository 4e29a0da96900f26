package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spredning/ledger"
)

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{"a.md": ledger.Markdown, "B.MD": ledger.Markdown, "c.markdown": ledger.Markdown, "d.pdf": ledger.PDF} {
		f, err := readFile(write(t, dir, name, "%PDF-1.7"))
		if err != nil || f.named.MediaType != want || f.named.Size != 8 || string(f.bytes) != "%PDF-1.7" {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.md"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "nowhere.md"):                                   "nowhere.md: there is no such file",
		filepath.Join(dir, "folder.md"):                                    "folder.md: is no file",
		write(t, dir, "page.html", "<p>"):                                  "page.html: what can be attached",
		write(t, dir, "none", "x"):                                         "none: what can be attached",
		write(t, dir, "empty.md", ""):                                      "empty.md: the file is empty",
		write(t, dir, "x.png", "%PDF-1.7"):                                 "x.png: the file cannot be read as image/png",
		write(t, dir, "l.md", "bl\xe5"):                                    "l.md: the story is not UTF-8",
		write(t, dir, "b.md", strings.Repeat("x", ledger.MaxAttachment+1)): "b.md: has 5242881 bytes; at most 5242880",
	} {
		if _, err := readFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestAttachFiles(t *testing.T) {
	dir := t.TempDir()
	story := write(t, dir, "story.md", "Hei.")
	read, err := readFile(story)
	if err != nil {
		t.Fatal(err)
	}
	other := `{sha256: ` + strings.Repeat("ab", 32) + `, media_type: image/png, size: 7, title: {nb: Bilde}}`
	for _, name := range []string{"story.md", story} {
		raw, all, err := attachFiles([]byte("in_use_from: 2026-02-01\nattachments: [{file: "+name+", title: {nb: Historie}}, "+other+"]\n"), dir)
		if err != nil {
			t.Fatal(err)
		}
		var d ledger.Confirmation
		if err := overlay(&d, raw); err != nil {
			t.Fatal(err)
		}
		want := read.named
		want.Title = d.Attachments[0].Title
		if len(d.Attachments) != 2 || d.Attachments[0] != want || *want.Title.NB != "Historie" || d.Attachments[1].Size != 7 || d.InUseFrom != "2026-02-01" {
			t.Errorf("%s", raw)
		}
		if !slices.Equal(all.paths(), []string{story}) || string(all[want.SHA256].bytes) != "Hei." {
			t.Errorf("%v", all.paths())
		}
	}
	for text, want := range map[string]string{
		"attachments: [{file: 7}]":                            "attachments/0: file must be the name",
		"attachments: [{file: ''}]":                           "attachments/0: file must be the name",
		"attachments: [{file: story.md, media_type: x}]":      "attachments/0: leave media_type out",
		"attachments: [" + other + ", {file: none.md}]":       "attachments/1: " + filepath.Join(dir, "none.md") + ": there is no such file",
		"attachments: [{file: story.md, titel: {nb: Titel}}]": "attachments/0: leave titel out",
		"attachments: {file: story.md":                        "neither YAML nor JSON",
	} {
		if _, _, err := attachFiles([]byte(text), dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"kind: service", "attachments: x", "attachments: []", "attachments: [" + other + "]", "attachments: null"} {
		if _, all, err := attachFiles([]byte(text), dir); err != nil || len(all) != 0 {
			t.Errorf("%s: %v, %v", text, all, err)
		}
	}
}

func TestFilesFor(t *testing.T) {
	dir := t.TempDir()
	named, changed := write(t, dir, "a.md", "Hei."), write(t, dir, "b.md", "Hei!")
	f, err := readFile(named)
	if err != nil {
		t.Fatal(err)
	}
	event := &ledger.Confirmation{Attachments: []ledger.Attachment{f.named}}
	if all, err := filesFor(event, []string{named}); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	for _, path := range []string{changed, filepath.Join(dir, "c.md")} {
		if _, err := filesFor(event, []string{named, path}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := filesFor(&ledger.YearOpening{Year: 2026}, []string{named}); err == nil {
		t.Error("a year was opened with a file")
	}
}
