package ledger

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"spredning/keys"
)

// fields collects what is wrong with an event's fields: the first invalid one,
// and the first text that holds personal data.
type fields struct {
	at       time.Time
	invalid  *Refusal
	personal *Refusal
}

func (f *fields) refusal() error {
	if r := cmpRefusal(f.invalid, f.personal); r != nil {
		return r
	}
	return nil
}

func (f *fields) blame(pointer, format string, args ...any) {
	f.invalid = cmpRefusal(f.invalid, refuse(InvalidField, format, args...).at(pointer))
}

// string checks a required text.
func (f *fields) string(p, s string, limit int) {
	if s == "" {
		f.blame(p, "is required")
		return
	}
	if err := checkString(s, limit); err != nil {
		f.blame(p, "%s", err)
	}
	if hasIdentityNumber(s) {
		f.personal = cmpRefusal(f.personal, refuse(PersonalData, "holds a national identity number; the ledger has no place for personal data").at(p))
	}
}

func (f *fields) optionalString(p, s string, limit int) {
	if s != "" {
		f.string(p, s, limit)
	}
}

// text checks a required text by language.
func (f *fields) text(p string, t Text, limit int) {
	n := 0
	for lang, s := range t.languages {
		n++
		if s == "" {
			f.blame(p+"/"+lang, "is empty; leave the language out")
		}
		f.optionalString(p+"/"+lang, s, limit)
	}
	if n == 0 {
		f.blame(p, "is required, in at least one of nb, nn, en, se")
	}
}

func (f *fields) optionalText(p string, t *Text, limit int) {
	if t != nil {
		f.text(p, *t, limit)
	}
}

func (f *fields) orgnr(p string, o Orgnr) {
	if !o.Valid() {
		f.blame(p, "must be an organisation number: nine digits with a valid check digit")
	}
}

func (f *fields) date(p string, d Date) {
	if !d.valid() {
		f.blame(p, "must be a date like 2026-11-22")
	}
}

func (f *fields) year(p string, y int) {
	if y < 1000 || y > 9999 {
		f.blame(p, "must be a year of four digits")
	}
}

func (f *fields) innovation(p, id string) {
	if parseID(&id).IsZero() {
		f.blame(p, "must be an innovation's id: a ULID of 26 upper-case characters")
	}
}

func (f *fields) hash(p, s string) {
	if !hexHash(s) {
		f.blame(p, "must be 64 lower-case hexadecimal digits")
	}
}

func hexHash(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 64 && strings.ToLower(s) == s
}

// oneOf checks a required value of a closed list.
func oneOf[T ~string](f *fields, p string, v T, of []T) {
	if !slices.Contains(of, v) {
		f.blame(p, "must be one of %s", list(of))
	}
}

// someOf checks a list of one or more values of a closed list, none twice.
func someOf[T ~string](f *fields, p string, vs, of []T) {
	if len(vs) == 0 {
		f.blame(p, "is required: one or more of %s", list(of))
	}
	for i, v := range vs {
		oneOf(f, fmt.Sprintf("%s/%d", p, i), v, of)
		if slices.Contains(vs[:i], v) {
			f.blame(fmt.Sprintf("%s/%d", p, i), "%s stands there twice", v)
		}
	}
}

func list[T ~string](of []T) string {
	names := make([]string, len(of))
	for i, v := range of {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}

func required[T any](f *fields, p string, v *T) bool {
	if v == nil {
		f.blame(p, "is required")
	}
	return v != nil
}

func (f *fields) link(p, s string) {
	f.string(p, s, maxLink)
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(s, " <>\"") {
		f.blame(p, "must be a link that begins with https://")
	}
}

func (f *fields) links(p string, links []string) {
	if len(links) > 10 {
		f.blame(p, "has %d links, at most 10 are allowed", len(links))
	}
	for i, l := range links {
		f.link(fmt.Sprintf("%s/%d", p, i), l)
	}
}

// mailbox is the form of a role's mailbox: innovasjon@helse-bergen.no.
var mailbox = regexp.MustCompile(`^[a-z0-9._+-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$`)

func (f *fields) contact(p, s string) {
	if s == "" {
		return
	}
	if strings.HasPrefix(s, "https://") {
		f.link(p, s)
		return
	}
	f.string(p, s, maxLink)
	if !mailbox.MatchString(s) {
		f.blame(p, "must be a link that begins with https:// or a role's mailbox like post@helse-bergen.no")
	}
}

func (f *fields) attachments(p string, as []Attachment) {
	if len(as) > 10 {
		f.blame(p, "has %d attachments, at most 10 are allowed", len(as))
	}
	for i, a := range as {
		p := fmt.Sprintf("%s/%d", p, i)
		f.hash(p+"/sha256", a.SHA256)
		oneOf(f, p+"/media_type", a.MediaType, MediaTypes)
		if a.Size < 1 || a.Size > MaxAttachment {
			f.blame(p+"/size", "must be from 1 to %d bytes", MaxAttachment)
		}
		f.text(p+"/title", a.Title, maxTitle)
	}
}

func (f *fields) key(p string, k Key) {
	someOf(f, p+"/roles", k.Roles, roles)
	f.string(p+"/label", k.Label, maxLabel)
	if k.PublicKey().Bytes == nil {
		f.blame(p+"/public", "must be standard base64 with padding")
	} else if err := k.PublicKey().Check(); errors.Is(err, keys.ErrUnknownScheme) {
		f.blame(p+"/scheme", "%s", err)
	} else if err != nil {
		f.blame(p+"/public", "%s", err)
	}
}

var municipality = regexp.MustCompile(`^[0-9]{4}$`)

func (f *fields) organisation(p string, o Organisation) {
	f.orgnr(p+"/orgnr", o.Orgnr)
	f.string(p+"/name", o.Name, maxName)
	f.string(p+"/short", o.Short, maxLabel)
	oneOf(f, p+"/kind", o.Kind, kinds)
	if o.Region != "" {
		oneOf(f, p+"/region", o.Region, Regions)
	}
	if o.Parent != "" {
		f.orgnr(p+"/parent", o.Parent)
		if o.Parent == o.Orgnr {
			f.blame(p+"/parent", "an organisation is not its own parent")
		}
	}
	if o.Municipality != "" && !municipality.MatchString(o.Municipality) {
		f.blame(p+"/municipality", "must be a municipality's four-digit code")
	}
	f.place(p, o)
	f.measured(p, o)
	f.contact(p+"/contact", o.Contact)
}

func (f *fields) place(p string, o Organisation) {
	if (o.Lat == nil) != (o.Lon == nil) {
		f.blame(p+"/lat", "lat and lon stand together")
		return
	}
	if o.Lat != nil && (*o.Lat < -90 || *o.Lat > 90) {
		f.blame(p+"/lat", "must be from -90 to 90 degrees")
	}
	if o.Lon != nil && (*o.Lon < -180 || *o.Lon > 180) {
		f.blame(p+"/lon", "must be from -180 to 180 degrees")
	}
}

func (f *fields) measured(p string, o Organisation) {
	if o.MeasuredFrom != nil {
		f.year(p+"/measured_from", *o.MeasuredFrom)
	}
	if o.MeasuredTo == nil {
		return
	}
	f.year(p+"/measured_to", *o.MeasuredTo)
	if o.MeasuredFrom == nil || *o.MeasuredTo < *o.MeasuredFrom {
		f.blame(p+"/measured_to", "needs a measured_from that is not after it")
	}
}

func (d *Founding) check(f *fields) {
	f.string("/data/name", d.Name, maxName)
	required(f, "/data/illustrative", d.Illustrative)
	f.organisation("/data/authority", d.Authority)
	if d.Authority.Kind != KindAuthority {
		f.blame("/data/authority/kind", "must be authority")
	}
	if len(d.Keys) == 0 || len(d.Keys) > keys.MaxSignatures {
		f.blame("/data/keys", "must list 1 to %d keys of the authority", keys.MaxSignatures)
	}
	for i, k := range d.Keys {
		f.key(fmt.Sprintf("/data/keys/%d", i), k)
		if slices.ContainsFunc(d.Keys[:i], func(o Key) bool { return o.PublicKey().ID() == k.PublicKey().ID() }) {
			f.blame(fmt.Sprintf("/data/keys/%d", i), "the key stands there twice")
		}
	}
	if !slices.ContainsFunc(d.Keys, func(k Key) bool { return slices.Contains(k.Roles, Admin) }) {
		f.blame("/data/keys", "one of the keys must have the role admin")
	}
	f.logKey(d.LogKey)
}

func (d *LedgerAmendment) check(f *fields) { f.logKey(d.LogKey) }

func (f *fields) logKey(key string) {
	if _, err := note.NewVerifier(key); err != nil {
		f.blame("/data/log_key", "must be a note verifier key: <origin>+<hash>+<base64>")
	}
}

func (d *Registration) check(f *fields) { f.organisation("/data", d.Organisation) }
func (d *Amendment) check(f *fields)    { f.organisation("/data", d.Organisation) }

func (d *Succession) check(f *fields) {
	f.orgnr("/data/successor", d.Successor)
	if len(d.Predecessors) == 0 || len(d.Predecessors) > 100 {
		f.blame("/data/predecessors", "must list 1 to 100 organisations")
	}
	for i, o := range d.Predecessors {
		p := fmt.Sprintf("/data/predecessors/%d", i)
		f.orgnr(p, o)
		if o == d.Successor || slices.Contains(d.Predecessors[:i], o) {
			f.blame(p, "%s stands there twice", o)
		}
	}
}

func (d *Enrolment) check(f *fields) {
	f.orgnr("/data/organisation", d.Organisation)
	f.key("/data/key", d.Key)
}

var reasons = []string{"lost", "left", "compromised", "rotated"}

func (d *Revocation) check(f *fields) {
	if _, err := keys.ParseID(string(d.Key)); err != nil {
		f.blame("/data/key", "%s", err)
	}
	oneOf(f, "/data/reason", d.Reason, reasons)
	if d.CompromisedFrom != nil && *d.CompromisedFrom < 0 {
		f.blame("/data/compromised_from", "must be an index, 0 or more")
	}
}

var innovationKinds = []string{"service", "product", "process", "organisation", "communication"}

func (f *fields) innovationData(i *Innovation) {
	f.text("/data/title", i.Title, maxTitle)
	f.text("/data/summary", i.Summary, maxSummary)
	oneOf(f, "/data/kind", i.Kind, innovationKinds)
	f.originators(i.Originators)
	someOf(f, "/data/funding", i.Funding, fundings)
	required(f, "/data/regional_initiative", i.RegionalInitiative)
	f.date("/data/in_use_since", i.InUseSince)
	f.optionalText("/data/replaces", i.Replaces, maxReason)
	if i.DerivedFrom != "" {
		f.innovation("/data/derived_from", i.DerivedFrom)
	}
	f.links("/data/links", i.Links)
	f.attachments("/data/attachments", i.Attachments)
}

// originators must fit as many signatures as an envelope carries.
func (f *fields) originators(os []Originator) {
	if len(os) == 0 || len(os) > keys.MaxSignatures {
		f.blame("/data/originators", "must list 1 to %d hospitals", keys.MaxSignatures)
	}
	sum := 0
	for i, o := range os {
		p := fmt.Sprintf("/data/originators/%d", i)
		f.orgnr(p+"/orgnr", o.Orgnr)
		if o.Share < 1 || o.Share > 1000 {
			f.blame(p+"/share", "must be from 1 to 1000 permille")
		}
		if slices.ContainsFunc(os[:i], func(x Originator) bool { return x.Orgnr == o.Orgnr }) {
			f.blame(p+"/orgnr", "%s stands there twice", o.Orgnr)
		}
		sum += o.Share
	}
	if sum != 1000 {
		f.blame("/data/originators", "the shares must sum to 1000 permille, they sum to %d", sum)
	}
}

func (d *Publication) check(f *fields) { f.innovationData(&d.Innovation) }

func (d *Revision) check(f *fields) {
	f.innovation("/data/innovation", d.Of)
	f.innovationData(&d.Innovation)
}

func (d *Withdrawal) check(f *fields) {
	f.innovation("/data/innovation", d.Innovation)
	f.text("/data/reason", d.Reason, maxReason)
}

func (d *Merger) check(f *fields) {
	f.innovation("/data/innovation", d.Innovation)
	f.innovation("/data/into", d.Into)
	if d.Into == d.Innovation {
		f.blame("/data/into", "an innovation is not merged into itself")
	}
	f.text("/data/reason", d.Reason, maxReason)
}

func (d *AssessmentRequest) check(f *fields) {
	f.innovation("/data/innovation", d.Innovation)
	f.text("/data/reason", d.Reason, maxReason)
}

func (d *Assessment) check(f *fields) {
	f.innovation("/data/innovation", d.Innovation)
	f.hash("/data/revision", d.Revision)
	required(f, "/data/eligible", d.Eligible)
	f.text("/data/reason", d.Reason, maxReason)
}

func (d *Invitation) check(f *fields) {
	f.innovation("/data/innovation", d.Innovation)
	f.orgnr("/data/adopter", d.Adopter)
	f.text("/data/note", d.Note, maxReason)
}

func (d *Decline) check(f *fields) {
	f.innovation("/data/innovation", d.Innovation)
	f.text("/data/reason", d.Reason, maxReason)
}

func (d *Confirmation) check(f *fields) {
	f.innovation("/data/innovation", d.Innovation)
	f.hash("/data/revision", d.Revision)
	f.date("/data/in_use_from", d.InUseFrom)
	if !f.at.IsZero() && d.InUseFrom > DateOf(f.at) {
		f.blame("/data/in_use_from", "is after the event's own date %s; confirm once it is in use", DateOf(f.at))
	}
	oneOf(f, "/data/extent", d.Extent, []string{"unit", "hospital", "trust"})
	oneOf(f, "/data/form", d.Form, []string{"as_is", "adapted"})
	someOf(f, "/data/funding", d.Funding, fundings)
	f.optionalText("/data/replaces", d.Replaces, maxReason)
	f.links("/data/links", d.Links)
	f.attachments("/data/attachments", d.Attachments)
}

func (d *Ending) check(f *fields) {
	f.innovation("/data/innovation", d.Innovation)
	f.date("/data/ended_on", d.EndedOn)
	f.text("/data/reason", d.Reason, maxReason)
}

func (d *Retraction) check(f *fields) {
	f.innovation("/data/innovation", d.Innovation)
	f.text("/data/reason", d.Reason, maxReason)
}

func (d *Dispute) check(f *fields) {
	f.innovation("/data/innovation", d.Innovation)
	f.orgnr("/data/adopter", d.Adopter)
	f.text("/data/reason", d.Reason, maxReason)
}

func (d *DisputeWithdrawal) check(f *fields) {
	f.innovation("/data/innovation", d.Innovation)
	f.orgnr("/data/adopter", d.Adopter)
}

func (d *Decision) check(f *fields) {
	f.innovation("/data/innovation", d.Innovation)
	f.orgnr("/data/adopter", d.Adopter)
	required(f, "/data/upheld", d.Upheld)
	f.text("/data/reason", d.Reason, maxReason)
}

func (d *Erasure) check(f *fields) {
	f.hash("/data/sha256", d.SHA256)
	f.text("/data/reason", d.Reason, maxReason)
}

func (d *RulesPublication) check(f *fields) { f.rules("/data/rules", &d.Rules) }

func (d *YearOpening) check(f *fields) {
	f.year("/data/year", d.Year)
	if d.ReportBy != "" {
		f.date("/data/report_by", d.ReportBy)
	}
}

func (d *YearClosing) check(f *fields) { f.year("/data/year", d.Year) }
