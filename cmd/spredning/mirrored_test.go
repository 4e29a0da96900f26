package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"spredning/ledger"
	"spredning/ledger/tiles"
)

// TestMirroredFiles: a mirror's pages tell which files it has.
func TestMirroredFiles(t *testing.T) {
	dir, told := t.TempDir(), []byte("En historie.")
	here, gone := ledger.AttachmentOf(ledger.Markdown, told).SHA256, ledger.AttachmentOf(ledger.Markdown, nil).SHA256
	path := filepath.Join(dir, filepath.FromSlash(tiles.AttachmentPath(here)))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, told, 0o600)); err != nil {
		t.Fatal(err)
	}
	for sha256, want := range map[string]bool{here: true, gone: false} {
		if has, err := mirroredFiles(dir).Has(t.Context(), sha256); has != want || err != nil {
			t.Errorf("%s is there: %t, %v", sha256, has, err)
		}
	}
	if err := os.Truncate(path, ledger.MaxAttachment+1); err != nil {
		t.Fatal(err)
	}
	if _, err := mirroredFiles(dir).Has(t.Context(), here); err == nil {
		t.Error("what cannot be read is said to be known")
	}
}
