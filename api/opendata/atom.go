package opendata

import (
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"spredning/ledger"
	"spredning/projections"
)

// Feed is a feed of confirmations, as RFC 4287 has it. Nothing in it says when it
// was asked for.
type Feed struct {
	Base         string // address of the server, without a slash at the end
	Path         string // of the feed itself, with its query
	Next         string // of the next page; empty: this is the last
	Lang         string // nb, nn or en
	Ledger, Name string
	Illustrative bool
	Of           string // what it is about, a title or a name; empty: all
	Founded      time.Time
	News         []News // newest first
}

// News is a confirmation to tell of.
type News struct {
	Entry      *ledger.Entry
	Innovation string // id
	Title      ledger.Text
	Adopter    string // name of who signed
	InUseFrom  ledger.Date
	Adapted    bool
	Retracted  *ledger.Entry // what has struck it since
}

// Read adds news to the feed, with what their entries in a log say.
func (f *Feed) Read(log Log, news []projections.News) error {
	src := Source{Log: log}
	for _, n := range news {
		e, err := src.Entry(n.Index)
		if err != nil {
			return err
		}
		told := News{Entry: e, Innovation: n.Innovation, Title: n.Title, Adopter: n.By}
		if d, ok := e.Data.(*ledger.Confirmation); ok {
			told.InUseFrom, told.Adapted = d.InUseFrom, d.Form == "adapted"
		}
		if n.Retracted != nil {
			if told.Retracted, err = src.Entry(*n.Retracted); err != nil {
				return err
			}
		}
		f.News = append(f.News, told)
	}
	return nil
}

// feedWords are the texts of feeds, by language.
var feedWords = map[string]struct{ all, of, about, mark, demo, confirmed, whole, adapted, retracted, entry string }{
	"nb": {
		"Bekreftede adopsjoner", "Bekreftede adopsjoner: %s", "Sykehus som bekrefter at de har tatt i bruk en innovasjon, med sin egen signatur. Fra %s.",
		"ILLUSTRATIVT", "ILLUSTRATIVT: demonstrasjonsdata, sykehusene har ikke bekreftet noe.",
		"%s har tatt i bruk «%s»", "I ordinær bruk fra %s, som den er.", "I ordinær bruk fra %s, tilpasset.", "Trukket tilbake: %s", "Post %d i %s.",
	},
	"nn": {
		"Stadfesta adopsjonar", "Stadfesta adopsjonar: %s", "Sjukehus som stadfestar at dei har teke i bruk ein innovasjon, med sin eigen signatur. Frå %s.",
		"ILLUSTRATIVT", "ILLUSTRATIVT: demonstrasjonsdata, sjukehusa har ikkje stadfesta noko.",
		"%s har teke i bruk «%s»", "I ordinær bruk frå %s, som han er.", "I ordinær bruk frå %s, tilpassa.", "Trekt tilbake: %s", "Post %d i %s.",
	},
	"en": {
		"Confirmed adoptions", "Confirmed adoptions: %s", "Hospitals that confirm, with their own signature, that they have taken an innovation into use. From %s.",
		"ILLUSTRATIVE", "ILLUSTRATIVE: demonstration data, the hospitals have confirmed nothing.",
		"%s has taken “%s” into use", "In regular use from %s, as it is.", "In regular use from %s, adapted.", "Retracted: %s", "Entry %d of %s.",
	},
}

// FeedLanguages are those that a feed can be asked for in.
var FeedLanguages = []string{"nb", "nn", "en"}

// The elements of a feed.
type (
	atomFeed struct {
		XMLName  xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
		Lang     string      `xml:"xml:lang,attr"`
		ID       string      `xml:"id"`
		Title    string      `xml:"title"`
		Subtitle string      `xml:"subtitle"`
		Updated  string      `xml:"updated"`
		Author   atomPerson  `xml:"author"`
		Links    []atomLink  `xml:"link"`
		Rights   string      `xml:"rights"`
		Entries  []atomEntry `xml:"entry"`
	}
	atomPerson struct { // an organisation or the ledger
		Name string `xml:"name"`
	}
	atomLink struct {
		Rel   string `xml:"rel,attr"`
		Type  string `xml:"type,attr,omitempty"`
		Href  string `xml:"href,attr"`
		Title string `xml:"title,attr,omitempty"`
	}
	atomEntry struct {
		ID        string     `xml:"id"`
		Title     string     `xml:"title"`
		Published string     `xml:"published"`
		Updated   string     `xml:"updated"`
		Author    atomPerson `xml:"author"`
		Links     []atomLink `xml:"link"`
		Summary   string     `xml:"summary"`
	}
)

// Atom writes the feed.
func (f Feed) Atom() ([]byte, error) {
	w := feedWords[f.Lang]
	title, subtitle := w.all, fmt.Sprintf(w.about, f.Name)
	if f.Of != "" {
		title = fmt.Sprintf(w.of, f.Of)
	}
	if f.Illustrative {
		title, subtitle = w.mark+": "+title, w.demo+" "+subtitle
	}
	out := atomFeed{
		Lang: f.Lang, ID: f.id(), Title: title, Subtitle: subtitle, Author: atomPerson{f.Name}, Rights: licenceName + ", " + LicencePage,
		Links: []atomLink{
			{Rel: "self", Type: "application/atom+xml", Href: f.Base + f.Path},
			{Rel: "alternate", Type: "text/html", Href: f.Base + "/"},
			{Rel: "license", Href: LicencePage},
		},
	}
	if f.Next != "" {
		out.Links = append(out.Links, atomLink{Rel: "next", Type: "application/atom+xml", Href: f.Base + f.Next})
	}
	updated := f.Founded
	for _, n := range f.News {
		e := f.entry(n)
		out.Entries = append(out.Entries, e)
		if n.updated().After(updated) {
			updated = n.updated()
		}
	}
	out.Updated = updated.UTC().Format(time.RFC3339)
	b, err := xml.MarshalIndent(out, "", " ")
	return append([]byte(xml.Header), append(b, '\n')...), err
}

// updated is when the latest of what there is to tell was signed.
func (n News) updated() time.Time {
	if n.Retracted != nil && n.Retracted.At.After(n.Entry.At) {
		return n.Retracted.At
	}
	return n.Entry.At
}

func (f Feed) entry(n News) atomEntry {
	w := feedWords[f.Lang]
	title := fmt.Sprintf(w.confirmed, n.Adopter, n.Title.In(f.Lang, "nb", "nn", "en", "se"))
	summary := fmt.Sprintf(w.whole, n.InUseFrom)
	if n.Adapted {
		summary = fmt.Sprintf(w.adapted, n.InUseFrom)
	}
	if n.Retracted != nil {
		title = fmt.Sprintf(w.retracted, title)
	}
	summary += " " + fmt.Sprintf(w.entry, n.Entry.Index, f.Ledger)
	if f.Illustrative {
		summary = w.demo + " " + summary
	}
	leaf := n.Entry.Leaf()
	return atomEntry{
		ID: urn(leaf[:]), Title: title, Published: n.Entry.At.UTC().Format(time.RFC3339), Updated: n.updated().UTC().Format(time.RFC3339),
		Author: atomPerson{n.Adopter}, Summary: summary,
		Links: []atomLink{
			{Rel: "alternate", Type: "text/html", Href: f.Base + "/innovasjoner/" + n.Innovation},
			{Rel: "via", Type: "application/json", Href: fmt.Sprintf("%s/api/v1/events/%d", f.Base, n.Entry.Index)},
			{Rel: "related", Type: "application/json", Href: fmt.Sprintf("%s/api/v1/innovations/%s", f.Base, n.Innovation)},
		},
	}
}

// id is that of the feed, the same wherever it is served and on every page of it.
func (f Feed) id() string {
	sum := sha256.Sum256([]byte("feed\n" + f.Ledger + "\n" + f.Lang + "\n" + f.pathOnly()))
	return urn(sum[:])
}

func (f Feed) pathOnly() string {
	path, _, _ := strings.Cut(f.Path, "?")
	return path
}

// urn makes a URN of a hash's first 16 bytes: a UUID of version 8, RFC 9562.
func urn(hash []byte) string {
	b := append([]byte(nil), hash[:16]...)
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
