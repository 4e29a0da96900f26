package site

import (
	"slices"
	"strconv"
	"time"

	"spredning/ledger"
	"spredning/projections"
)

// accepted are the files that a browser offers to choose: by how their names end, for few
// systems know the type of Markdown.
func accepted() string { return ".md,.markdown,.png,.jpg,.jpeg,.webp,.pdf" }

// missing are files that entries name, and whose bytes are not here: by their SHA-256, the
// entry that named each. Those that are erased are not: nobody can supply them.
type missing map[string]int64

// storedTimeout is how long a page may take to find out which files are here, all of them
// together: when the store does not answer by then, they are taken to be.
const storedTimeout = 2 * time.Second

// lacking adds those of an entry's files whose bytes are not here.
func (v *visit) lacking(to missing, index int64, files []projections.Attachment) {
	for _, a := range files {
		if a.Erased == nil && v.Stored != nil && !v.Stored(v.storing, a.SHA256) {
			to[a.SHA256] = index
		}
	}
}

// namedFiles reads the files that an entry names.
func (v *visit) namedFiles(index int64) (e *ledger.Entry, files []projections.Attachment, err error) {
	if err := v.telling([]int64{index}, func(told *ledger.Entry) { e = told }); err != nil {
		return nil, nil, err
	}
	for _, a := range ledger.AttachmentsOf(e.Data) {
		files = append(files, projections.Attachment{Attachment: a})
	}
	v.read(func(f *projections.Fold) { f.Mark(files) })
	return e, files, nil
}

// filesShown is the page of the files that an entry names, where those that are not here can
// be supplied by anyone who has them: the entry has their hash, so no signature is needed.
type filesShown struct {
	Index      int64
	Innovation string
	Title      ledger.Text // the innovation's
	By         ledger.Orgnr
	ByName     string
	Files      []projections.Attachment
	Missing    missing
	signing
}

// filesPage is /vedlegg/{index}.
func (v *visit) filesPage() (shown, error) {
	index, err := strconv.ParseInt(v.Param("index"), 10, 64)
	var size int64
	v.read(func(f *projections.Fold) { size = f.Position })
	if err != nil || index < 0 || index >= size || strconv.FormatInt(index, 10) != v.Param("index") {
		return shown{}, ErrNotFound
	}
	p := filesShown{Index: index, Missing: missing{}}
	e, files, err := v.namedFiles(index)
	if err != nil {
		return shown{}, err
	}
	if len(files) == 0 {
		return shown{}, ErrNotFound
	}
	p.Files, p.By, p.Innovation = files, e.By, aboutOf(e)
	v.lacking(p.Missing, index, files)
	v.read(func(f *projections.Fold) {
		i, _ := f.Innovation(p.Innovation)
		o, _ := f.Registered(p.By)
		p.Title, p.ByName, p.signing = i.Title, o.Name, signingOf(f)
	})
	_, title := v.pick(p.Title)
	return shown{
		Data: p, Title: v.t("files.heading", "n", v.number(index)), Scripts: signScripts, NoIndex: true, Volatile: len(p.Missing) > 0,
		Crumbs: []crumb{{"/innovasjoner", v.t("innovations.title")}, {"/innovasjoner/" + p.Innovation, title}},
	}, nil
}

// aboutOf is the innovation that an event with files is about.
func aboutOf(e *ledger.Entry) string {
	switch d := e.Data.(type) {
	case *ledger.Revision:
		return d.Of
	case *ledger.Confirmation:
		return d.Innovation
	}
	return e.ID.String()
}

// owed are the files of what an organisation has made and confirmed that are not here.
func (v *visit) owed(p *deskPage) (all []owedFiles, err error) {
	for _, m := range p.Made {
		all = v.owe(all, m.Revised, m.ID, m.Title, m.Attachments)
	}
	for _, a := range p.Adopted {
		if a.Index == nil {
			continue
		}
		_, files, err := v.namedFiles(*a.Index)
		if err != nil {
			return nil, err
		}
		all = v.owe(all, *a.Index, a.ID, a.Title, files)
	}
	return all, nil
}

// owedFiles are an entry's files that are not here.
type owedFiles struct {
	Index int64
	ID    string      // of the innovation
	Title ledger.Text // the innovation's
	Files []projections.Attachment
}

func (v *visit) owe(all []owedFiles, index int64, id string, title ledger.Text, files []projections.Attachment) []owedFiles {
	gone := missing{}
	v.lacking(gone, index, files)
	if len(gone) == 0 {
		return all
	}
	files = slices.DeleteFunc(slices.Clone(files), func(a projections.Attachment) bool { _, is := gone[a.SHA256]; return !is })
	return append(all, owedFiles{index, id, title, files})
}
