package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"spredning/api/opendata"
	"spredning/ledger"
	"spredning/projections"
)

// giving is who gives the open data away and where.
type giving struct {
	publicURL string
	publisher opendata.Publisher
	contact   opendata.Contact
}

func (g *giving) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&g.publicURL, "public-url", "", "address that the public has for this server, for absolute links: https://HOST")
	f.StringVar(&g.publisher.Name, "publisher-name", "", "organisation that publishes the open data (default: the authority)")
	f.StringVar(&g.publisher.URI, "publisher-uri", "", "URI of that organisation")
	f.StringVar(&g.contact.Name, "contact-name", "", "organisation or role to ask about the open data (default: the publisher)")
	f.StringVar(&g.contact.URL, "contact-url", "", "link or role's mailbox to ask at (default: the authority's contact)")
}

func (g *giving) check() error {
	for flag, v := range map[string]string{"--public-url": g.publicURL, "--publisher-uri": g.publisher.URI} {
		if v != "" && !strings.HasPrefix(v, "https://") && !strings.HasPrefix(v, "http://") {
			return misuse("%s must begin with https://, not %q", flag, v)
		}
	}
	return nil
}

func exportCommand(e *env) *cobra.Command {
	x := exporter{env: e}
	cmd := &cobra.Command{
		Use:   "export DIR --data DIR",
		Short: "Write the open data to files",
		Long: `Write the open data of a ledger to a folder: the tables as CSV, JSON Lines, Parquet
and Excel with their descriptions, the catalogue (DCAT-AP-NO), feeds, and every
entry as signed, with a manifest of all files and their hashes.

It is computed here from the log in a data folder or its copy, which need not be
stopped; the same number of entries gives the same tables, byte for byte, as the
ledger serves under /data. For proofs, mirror the log instead.

DIR must be empty or not be there. --force replaces an earlier export.`,
		Example: "  spredning export ut --data /var/lib/spredning\n  spredning export ut --data /var/lib/spredning --size 1200",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if x.data == "" {
				return misuse("--data is required: the folder of a ledger or of a copy of one")
			}
			if err := x.giving.check(); err != nil {
				return err
			}
			return x.run(cmd.Context(), args[0])
		},
	}
	x.giving.flags(cmd)
	cmd.Flags().StringVar(&x.data, "data", "", "data folder to read the log of")
	cmd.Flags().Int64Var(&x.size, "size", 0, "number of entries; 0: all")
	cmd.Flags().BoolVar(&x.force, "force", false, "replace an earlier export in DIR")
	return cmd
}

// exporter writes an export beside its place, and moves it there when it is whole.
type exporter struct {
	*env
	giving
	data  string
	size  int64
	force bool

	draft string
	src   opendata.Source
	files []exported
	bar   *progress
}

// exported is a file of an export.
type exported struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// exportManifest is manifest.json of an export.
type exportManifest struct {
	Export       string     `json:"export"` // its form
	Ledger       string     `json:"ledger"`
	Illustrative bool       `json:"illustrative"`
	Size         int64      `json:"size"`
	Leaf         string     `json:"leaf"` // hash of the last entry
	Files        []exported `json:"files"`
}

const (
	exportForm         = "spredning-export-1"
	exportManifestName = "manifest.json"
)

func (x *exporter) run(ctx context.Context, dir string) error {
	if err := x.free(dir); err != nil {
		return err
	}
	f, log, err := foldOf(x.data)
	if err != nil {
		return err
	}
	defer log.Close()
	x.src = opendata.Source{Fold: f, Log: log}
	switch {
	case x.size < 0 || x.size > f.Position:
		return fmt.Errorf("there are %d entries in %s, not %d", f.Position, x.data, x.size)
	case x.size > 0 && x.size < f.Position:
		if x.src, err = opendata.SourceAt(ctx, log, x.size); err != nil {
			return err
		}
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	if x.draft, err = os.MkdirTemp(parent, "."+filepath.Base(dir)+"-"); err != nil {
		return fmt.Errorf("making a folder beside %s: %w", dir, err)
	}
	defer os.RemoveAll(x.draft)
	m, err := x.write(ctx, log)
	if err != nil {
		return err
	}
	if err := x.place(dir); err != nil {
		return err
	}
	if x.json {
		return x.printJSON(m)
	}
	total := int64(0)
	for _, file := range m.Files {
		total += file.Bytes
	}
	fmt.Fprintf(x.out, "%d files, %d bytes, of the first %d entries of %s are in %s.\n", len(m.Files), total, m.Size, m.Ledger, dir)
	if m.Illustrative {
		fmt.Fprintln(x.out, "It is ILLUSTRATIVE: the hospitals named have confirmed nothing.")
	}
	return nil
}

// free makes sure that nothing is lost by writing to a folder: it is empty, or
// --force and all in it is an earlier export's.
func (x *exporter) free(dir string) error {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(files) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if !x.force {
		return fmt.Errorf("%s is not empty; give another folder, or --force to replace an earlier export in it", dir)
	}
	b, err := os.ReadFile(filepath.Join(dir, exportManifestName))
	var m exportManifest
	if err != nil || json.Unmarshal(b, &m) != nil || m.Export != exportForm {
		return fmt.Errorf("%s holds no earlier export, so it is not replaced; give another folder", dir)
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if rel = filepath.ToSlash(rel); err == nil && rel != exportManifestName && !slices.ContainsFunc(m.Files, func(f exported) bool { return f.Path == rel }) {
			err = fmt.Errorf("%s is not of the earlier export in %s; move it away first", path, dir)
		}
		return err
	})
}

// place moves the finished export to its folder.
func (x *exporter) place(dir string) error {
	if err := os.Chmod(x.draft, 0o755); err != nil {
		return err
	}
	old := x.draft + ".old"
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(x.draft, dir); err != nil {
		_ = os.Rename(old, dir)
		return err
	}
	return os.RemoveAll(old)
}

func (x *exporter) write(ctx context.Context, log opendata.Log) (*exportManifest, error) {
	innovations, organisations := x.feedsOf()
	x.bar = newProgress(x.err, "Exporting", len(projections.OpenTables)+2+len(innovations)+len(organisations))
	defer x.bar.done()
	m, err := opendata.Write(ctx, x.draft, x.src, opendata.Options{Done: func() { x.bar.add(1) }})
	if err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		x.files = append(x.files, exported{f.Name, f.Size, f.SHA256})
	}
	base := strings.TrimRight(x.publicURL, "/")
	if base == "" {
		base = "https://" + m.Ledger
	}
	for _, step := range []func() error{
		func() error { return x.entries(ctx, log) },
		func() error { return x.catalogue(base, m) },
		func() error { return x.feeds(ctx, base, innovations, organisations) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(x.files, func(a, b exported) int { return strings.Compare(a.Path, b.Path) })
	out := &exportManifest{exportForm, m.Ledger, m.Illustrative, m.Size, m.Leaf, x.files}
	b, err := json.Marshal(out, jsontext.WithIndent("  "))
	if err != nil {
		return nil, err
	}
	return out, os.WriteFile(filepath.Join(x.draft, exportManifestName), append(b, '\n'), 0o644)
}

// feedsOf are those that have a feed of their own.
func (x *exporter) feedsOf() (innovations []string, organisations []ledger.Orgnr) {
	all, _ := x.src.Fold.Innovations(projections.Query{}, -1, int(x.src.Fold.Position))
	for _, i := range all {
		innovations = append(innovations, i.ID)
	}
	for _, o := range x.src.Fold.Organisations() {
		organisations = append(organisations, o.Orgnr)
	}
	return innovations, organisations
}

// entries writes every entry's exact bytes, one a line.
func (x *exporter) entries(ctx context.Context, log opendata.Log) error {
	const name = "entries.jsonl"
	f, err := os.Create(filepath.Join(x.draft, name))
	if err != nil {
		return err
	}
	defer f.Close()
	hash, n := sha256.New(), int64(0)
	err = ledger.Replay(log, 0, x.src.Fold.Position, func(entries []*ledger.Entry) error {
		var lines []byte
		for _, e := range entries {
			lines = append(append(lines, e.Bytes...), '\n')
		}
		hash.Write(lines)
		n += int64(len(lines))
		if _, err := f.Write(lines); err != nil {
			return err
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	x.files = append(x.files, exported{name, n, hex.EncodeToString(hash.Sum(nil))})
	x.bar.add(1)
	return f.Close()
}

func (x *exporter) catalogue(base string, m *opendata.Manifest) error {
	authority, _ := x.src.Fold.Organisation(x.src.Fold.Authority())
	c := opendata.Catalogue{Base: base, Sizes: []*opendata.Manifest{m}}
	c.Publisher, c.Contact = opendata.Responsible(x.publisher, x.contact, authority, base)
	if err := x.file("catalog.ttl", c.Turtle()); err != nil {
		return err
	}
	b, err := c.JSONLD()
	if err != nil {
		return err
	}
	return x.file("catalog.jsonld", b)
}

func (x *exporter) feeds(ctx context.Context, base string, innovations []string, organisations []ledger.Orgnr) error {
	if err := x.feed(base, "/feed.atom", "", projections.NewsQuery{}); err != nil {
		return err
	}
	for _, id := range innovations {
		i, _ := x.src.Fold.Innovation(id)
		if err := x.feed(base, "/innovasjoner/"+id+"/feed.atom", i.Title.In("nb", "nn", "en", "se"), projections.NewsQuery{Innovation: id}); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, o := range organisations {
		org, _ := x.src.Fold.Organisation(o)
		if err := x.feed(base, "/foretak/"+string(o)+"/feed.atom", org.Name, projections.NewsQuery{Organisation: o}); err != nil {
			return err
		}
	}
	return nil
}

// exportedNews is how many confirmations a feed has in an export: one page.
const exportedNews = 100

func (x *exporter) feed(base, path, of string, q projections.NewsQuery) error {
	d := x.src.Fold.Founding()
	f := opendata.Feed{
		Base: base, Path: path, Lang: "nb", Ledger: x.src.Fold.Founded.Ledger, Name: d.Name, Illustrative: *d.Illustrative, Of: of, Founded: x.src.Fold.Founded.At,
	}
	news, _, _ := x.src.Fold.News(q, -1, exportedNews)
	if err := f.Read(x.src.Log, news); err != nil {
		return err
	}
	b, err := f.Atom()
	if err != nil {
		return err
	}
	x.bar.add(1)
	return x.file(strings.TrimPrefix(path, "/"), b)
}

func (x *exporter) file(name string, b []byte) error {
	path := filepath.Join(x.draft, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	x.files = append(x.files, exported{name, int64(len(b)), hex.EncodeToString(sum[:])})
	return os.WriteFile(path, b, 0o644)
}
