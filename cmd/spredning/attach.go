package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"spredning/ledger"
)

// file is one on disk that is attached to an event.
type file struct {
	path  string
	named ledger.Attachment // all but its title
	bytes []byte
}

// files are attached files by their SHA-256.
type files map[string]file

// extensions give a file's type by how its name ends.
var extensions = map[string]string{
	".md": ledger.Markdown, ".markdown": ledger.Markdown, ".png": ledger.PNG, ".jpg": ledger.JPEG, ".jpeg": ledger.JPEG, ".webp": ledger.WebP, ".pdf": ledger.PDF,
}

// readFile reads a file and checks it as the ledger will. Errors name the file and
// say what to do.
func readFile(path string) (file, error) {
	mediaType, ok := extensions[strings.ToLower(filepath.Ext(path))]
	if !ok {
		return file{}, fmt.Errorf("%s: what can be attached has a name that ends in %s", path, strings.Join(slices.Sorted(maps.Keys(extensions)), ", "))
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return file{}, fmt.Errorf("%s: there is no such file", path)
	case err != nil:
		return file{}, err
	case !info.Mode().IsRegular():
		return file{}, fmt.Errorf("%s: is no file", path)
	case info.Size() > ledger.MaxAttachment:
		return file{}, fmt.Errorf("%s: has %d bytes; at most %d can be attached, so make it smaller or link to it", path, info.Size(), ledger.MaxAttachment)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return file{}, err
	}
	var refusal *ledger.Refusal
	if err := ledger.CheckAttachment(mediaType, b); errors.As(err, &refusal) {
		return file{}, fmt.Errorf("%s: %s", path, refusal.Detail)
	}
	return file{path, ledger.AttachmentOf(mediaType, b), b}, nil
}

// attachFiles puts what an event says of a file in the place of each attachment
// that is written as {file: story.md, title: {nb: …}} in an event's data, and gives
// those files. Their names count from a folder.
func attachFiles(raw []byte, dir string) ([]byte, files, error) {
	var fields map[string]jsontext.Value
	var attachments []map[string]jsontext.Value
	if err := readYAML(raw, &fields); err != nil {
		return nil, nil, err
	}
	if json.Unmarshal(fields["attachments"], &attachments) != nil {
		return raw, nil, nil // none, or what overlay finds wrong
	}
	read := files{}
	for n, a := range attachments {
		if _, ok := a["file"]; !ok {
			continue
		}
		f, err := fileOf(a, dir)
		if err != nil {
			return nil, nil, fmt.Errorf("attachments/%d: %w", n, err)
		}
		read[f.named.SHA256] = f
	}
	var err error
	if fields["attachments"], err = json.Marshal(attachments); err != nil {
		return nil, nil, err
	}
	raw, err = json.Marshal(fields)
	return raw, read, err
}

// fileOf reads the file of an attachment, and completes the attachment.
func fileOf(a map[string]jsontext.Value, dir string) (f file, err error) {
	for name := range a {
		if name != "file" && name != "title" {
			return f, fmt.Errorf("leave %s out: beside file there is only title, the rest is computed", name)
		}
	}
	var path string
	if err := json.Unmarshal(a["file"], &path); err != nil || path == "" {
		return f, errors.New("file must be the name of a file")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if f, err = readFile(path); err != nil {
		return f, err
	}
	delete(a, "file")
	a["sha256"], a["media_type"] = jsonString(f.named.SHA256), jsonString(f.named.MediaType)
	a["size"] = jsontext.Value(strconv.FormatInt(f.named.Size, 10))
	return f, nil
}

func jsonString(s string) jsontext.Value { return jsontext.Value(strconv.Quote(s)) }

// filesFor reads files that belong to an event, and refuses others.
func filesFor(data ledger.Data, paths []string) (files, error) {
	all := files{}
	for _, path := range paths {
		f, err := readFile(path)
		if err != nil {
			return nil, err
		}
		named := func(a ledger.Attachment) bool { return a.SHA256 == f.named.SHA256 }
		if !slices.ContainsFunc(ledger.AttachmentsOf(data), named) {
			return nil, fmt.Errorf("%s: the event does not name this file (SHA-256 %s); was it changed since?", path, f.named.SHA256)
		}
		all[f.named.SHA256] = f
	}
	return all, nil
}

// paths are the files' names, in order.
func (fs files) paths() (all []string) {
	for _, f := range fs {
		all = append(all, f.path)
	}
	slices.Sort(all)
	return all
}

// upload sends the files of an event that the ledger has accepted, and tells which
// of those that it names are still missing. again says how to try again.
func (e *env) upload(ctx context.Context, c *client, r ledger.Receipt, all files, again string) error {
	entry, err := ledger.ParseEntry(r.Index, r.Entry)
	if err != nil {
		return err
	}
	l, err := e.language()
	if err != nil {
		return err
	}
	for _, a := range ledger.AttachmentsOf(entry.Data) {
		f, given := all[a.SHA256]
		switch {
		case given:
			if err := c.store(ctx, a, f.bytes, r.Index+1); err != nil {
				return fmt.Errorf("the event is entry %d, but its file %s is not stored yet: %w\nSend it again with: spredning submit %s --attach %s", r.Index, f.path, err, again, f.path)
			}
			e.tell(l.say(fileStored, f.path))
		case !c.has(ctx, a, r.Index+1):
			e.tell(l.say(fileMissing, l.of(a.Title)))
			fmt.Fprintf(e.err, "  spredning submit %s --attach %s\n", again, l.say(wordFile))
		}
	}
	return nil
}

// pathOf is an attachment's address once a position is reached.
func pathOf(a ledger.Attachment, position int64) string {
	return fmt.Sprintf("/api/v1/attachments/%s?min_position=%d", a.SHA256, position)
}

// store sends the bytes of an attachment.
func (c *client) store(ctx context.Context, a ledger.Attachment, b []byte, position int64) error {
	_, _, err := c.send(ctx, http.MethodPut, pathOf(a, position), a.MediaType, b)
	return err
}

// has tells whether the ledger has the bytes of an attachment; if that cannot be
// known it has.
func (c *client) has(ctx context.Context, a ledger.Attachment, position int64) bool {
	_, status, _ := c.send(ctx, http.MethodHead, pathOf(a, position), "", nil)
	return status != http.StatusNotFound
}
