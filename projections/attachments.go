package projections

import (
	"encoding/hex"
	"slices"

	"spredning/ledger"
)

// Attachment is a file that an entry names, as it is read.
type Attachment struct {
	ledger.Attachment
	Erased *int64 `json:"erased,omitzero"` // index of the entry that erased its bytes
}

// Naming is what entries say of a file: nearly always one thing.
type Naming struct {
	Index  int64  // of the first entry that names it
	Erased *int64 // index of the entry that erased its bytes
	As     []As   // in the order of the entries
}

// As is a file's type and size as an entry states them.
type As struct {
	MediaType string
	Size      int64
}

// hash is a SHA-256.
type hash [32]byte

// hashOf reads 64 lower-case hexadecimal digits.
func hashOf(digits string) (h hash, ok bool) {
	_, err := hex.Decode(h[:], []byte(digits)[:min(len(digits), 64)])
	return h, err == nil && hex.EncodeToString(h[:]) == digits
}

// attachment is a file that entries name.
type attachment struct {
	first  uint32 // index of the first of them
	erased uint32 // index of the entry that erased it; none: noEntry
	as     as     // as the first states it
}

// as is a media type's number in the last three bits and a size before them.
type as uint32

func asOf(a ledger.Attachment) as {
	return as(a.Size)<<3 | as(slices.Index(ledger.MediaTypes, a.MediaType))
}

func (a as) told() As { return As{ledger.MediaTypes[a&7], int64(a >> 3)} }

// name keeps what an entry says of its files.
func (f *Fold) name(index int64, files []ledger.Attachment) {
	for _, file := range files {
		h, _ := hashOf(file.SHA256)
		known, ok := f.attachments[h]
		switch as := asOf(file); {
		case !ok:
			f.attachments[h] = attachment{uint32(index), noEntry, as}
		case as != known.as && !slices.Contains(f.otherwise[h], as):
			f.otherwise[h] = append(f.otherwise[h], as)
		}
	}
}

func (f *Fold) erase(index int64, sha256 string) {
	h, _ := hashOf(sha256)
	a := f.attachments[h]
	a.erased = uint32(index)
	f.attachments[h] = a
	f.erased = append(f.erased, h)
}

// Naming gives what entries say of the file with a SHA-256, in hex; false: none
// names it.
func (f *Fold) Naming(sha256 string) (Naming, bool) {
	h, ok := hashOf(sha256)
	a, named := f.attachments[h]
	if !ok || !named {
		return Naming{}, false
	}
	n := Naming{Index: int64(a.first), Erased: a.erasure(), As: []As{a.as.told()}}
	for _, as := range f.otherwise[h] {
		n.As = append(n.As, as.told())
	}
	return n, true
}

func (a attachment) erasure() *int64 {
	if a.erased == noEntry {
		return nil
	}
	index := int64(a.erased)
	return &index
}

// Erased gives the SHA-256 of the files that are erased, in hex and in the order
// of their erasure, but for the first ones.
func (f *Fold) Erased(but int) []string {
	all := make([]string, 0, len(f.erased)-but)
	for _, h := range f.erased[but:] {
		all = append(all, hex.EncodeToString(h[:]))
	}
	return all
}

// told gives files as they are read.
func (f *Fold) told(files []ledger.Attachment) []Attachment {
	all := make([]Attachment, len(files))
	for k, file := range files {
		all[k] = Attachment{Attachment: file}
	}
	f.Mark(all)
	return all
}

// Mark tells of files which of them are erased.
func (f *Fold) Mark(files []Attachment) {
	for k, file := range files {
		h, _ := hashOf(file.SHA256)
		files[k].Erased = f.attachments[h].erasure()
	}
}

func hasStory(files []ledger.Attachment) bool {
	return slices.ContainsFunc(files, func(a ledger.Attachment) bool { return a.MediaType == ledger.Markdown })
}

// Stories gives the entries that tell stories of an innovation and of those merged
// with it: the latest revision of the final one, then the confirmations that no
// retraction struck, oldest first. False: there is no such innovation.
func (f *Fold) Stories(id string) (entries []int64, ok bool) {
	n, ok := f.innNumbers[ledger.InnovationID(id)]
	if !ok {
		return nil, false
	}
	final := f.innovations[f.final(n)]
	for _, n := range append([]int32{final.number}, final.merged...) {
		for _, index := range f.stories[n] {
			if _, struck := f.struck[int64(index)]; !struck {
				entries = append(entries, int64(index))
			}
		}
	}
	slices.Sort(entries)
	if hasStory(final.Attachments) {
		entries = append([]int64{final.revised}, entries...)
	}
	return entries, true
}
