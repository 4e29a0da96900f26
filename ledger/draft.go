package ledger

import (
	"fmt"

	"spredning/keys"
)

// MaxDraft is the number of bytes that a draft may have: those of an entry, which
// it is to become.
const MaxDraft = keys.MaxSize

// ParseDraft reads a draft of an innovation: JSON with the fields of the data of
// innovation.published, of which only the title is needed. It is as strict as
// ParseEvent about the fields that are there and that say what the innovation is;
// who pays for it, and links and attachments, can wait. Errors are a *Refusal with
// a pointer into the draft.
func ParseDraft(b []byte) (Innovation, error) {
	if len(b) > MaxDraft {
		return Innovation{}, refuse(TooLarge, "a draft has at most %d bytes; shorten the texts", MaxDraft)
	}
	var d Innovation
	if err := strict(b, &d); err != nil {
		return Innovation{}, err
	}
	f := &fields{}
	d.checkDraft(f)
	return d, f.refusal()
}

func (d *Innovation) checkDraft(f *fields) {
	f.text("/title", d.Title, maxTitle)
	for lang, s := range d.Summary.languages {
		f.string("/summary/"+lang, s, maxSummary)
	}
	if d.Kind != "" {
		oneOf(f, "/kind", d.Kind, innovationKinds)
	}
	if len(d.Originators) > keys.MaxSignatures {
		f.blame("/originators", "must list at most %d hospitals", keys.MaxSignatures)
	}
	for i, o := range d.Originators {
		f.orgnr(fmt.Sprintf("/originators/%d/orgnr", i), o.Orgnr)
	}
	if d.InUseSince != "" {
		f.date("/in_use_since", d.InUseSince)
	}
	f.optionalText("/replaces", d.Replaces, maxReason)
	if d.DerivedFrom != "" {
		f.innovation("/derived_from", d.DerivedFrom)
	}
}
