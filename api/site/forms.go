package site

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// eventForm is a page on which an event is filled in and signed. The browser makes the event
// of it, shows that in plain words, has a passkey sign it and submits it (sign.js); the
// server only says what the fields are and what stands in them to begin with.
type eventForm struct {
	name   string // in the address, and of its texts
	event  ledger.Type
	role   ledger.Role
	about  bool // an innovation, which the address names
	fields []field
	// by gives who may act, by what the fold knows; none: all hospitals.
	by func(f *projections.Fold, p *formPage) []ledger.Orgnr
	// begin puts what is there already into the fields; nil: nothing is.
	begin func(v *visit, f *projections.Fold, p *formPage)
}

// field is a member of an event's data.
type field struct {
	Name     string
	Kind     string // text, date, choice, choices, yes, links, organisation, originators, innovation, attachments or fixed
	Optional bool
	Max      int // characters

	Value  any // to begin with: a string, a list of them or, of originators, shares; of attachments, those that there are
	Choose []named
}

type named struct {
	Value, Name string
	Chosen      bool
}

var reason = field{Name: "reason", Kind: "text", Max: 1000}

// attachments are files, which the browser reads, names and sends when the event is an entry.
var attachments = field{Name: "attachments", Kind: "attachments", Optional: true}

// innovationFields are those of a publication and of a revision.
func innovationFields() []field {
	return []field{
		{Name: "title", Kind: "text", Max: 200},
		{Name: "summary", Kind: "text", Max: 2000},
		{Name: "kind", Kind: "choice"},
		{Name: "originators", Kind: "originators"},
		{Name: "funding", Kind: "choices"},
		{Name: "regional_initiative", Kind: "yes"},
		{Name: "in_use_since", Kind: "date"},
		{Name: "replaces", Kind: "text", Max: 1000, Optional: true},
		{Name: "derived_from", Kind: "innovation", Optional: true},
		{Name: "links", Kind: "links", Optional: true},
		attachments,
	}
}

// forms are all there are, by the names in their addresses.
var forms []eventForm

func init() {
	forms = []eventForm{
		{name: "bekreft", event: ledger.AdoptionConfirmed, role: ledger.Report, about: true, by: canAdopt, fields: []field{
			{Name: "revision", Kind: "fixed"},
			{Name: "in_use_from", Kind: "date"},
			{Name: "extent", Kind: "choice", Value: "hospital"},
			{Name: "form", Kind: "choice", Value: "as_is"},
			{Name: "funding", Kind: "choices", Value: []string{"own"}},
			{Name: "replaces", Kind: "text", Max: 1000, Optional: true},
			{Name: "links", Kind: "links", Optional: true},
			attachments,
		}, begin: beginRevisionNamed},
		{name: "publiser", event: ledger.InnovationPublished, role: ledger.Report, fields: innovationFields()},
		{name: "endre", event: ledger.InnovationRevised, role: ledger.Report, about: true, by: originatorsOf, fields: innovationFields(), begin: beginRevision},
		{name: "trekk", event: ledger.InnovationWithdrawn, role: ledger.Report, about: true, by: originatorsOf, fields: []field{reason}},
		{name: "inviter", event: ledger.AdoptionInvited, role: ledger.Report, about: true, by: originatorsOf, fields: []field{
			{Name: "adopter", Kind: "organisation"}, {Name: "note", Kind: "text", Max: 1000},
		}},
		{name: "avslag", event: ledger.AdoptionDeclined, role: ledger.Report, about: true, by: adoptersWith("invited"), fields: []field{reason}},
		{name: "avslutt", event: ledger.AdoptionEnded, role: ledger.Report, about: true, by: adoptersWith("confirmed"), fields: []field{{Name: "ended_on", Kind: "date"}, reason}},
		{name: "angre", event: ledger.AdoptionRetracted, role: ledger.Report, about: true, by: adoptersWith("confirmed", "ended"), fields: []field{reason}},
		{name: "bestrid", event: ledger.AdoptionDisputed, role: ledger.Report, about: true, fields: []field{{Name: "adopter", Kind: "organisation"}, reason}},
		{name: "frafall", event: ledger.DisputeWithdrawn, role: ledger.Report, about: true, by: disputersOf, fields: []field{{Name: "adopter", Kind: "organisation"}}},
		{name: "vurdering", event: ledger.InnovationDisputed, role: ledger.Report, about: true, fields: []field{reason}},
		{name: "vurder", event: ledger.InnovationAssessed, role: ledger.Assess, about: true, fields: []field{
			{Name: "revision", Kind: "fixed"}, {Name: "eligible", Kind: "yes"}, reason,
		}, begin: beginRevisionNamed},
		{name: "avgjor", event: ledger.DisputeDecided, role: ledger.Assess, about: true, fields: []field{
			{Name: "adopter", Kind: "organisation"}, {Name: "upheld", Kind: "yes"}, reason,
		}},
		{name: "godkjenn", event: ledger.KeyEnrolled, role: ledger.Admin, by: adminsOf, fields: []field{
			{Name: "organisation", Kind: "fixed"}, {Name: "key", Kind: "fixed"},
		}, begin: beginApproval},
		{name: "tilbakekall", event: ledger.KeyRevoked, role: ledger.Admin, by: adminsOf, fields: []field{
			{Name: "key", Kind: "fixed"}, {Name: "reason", Kind: "choice"},
		}, begin: beginRevocation},
		{name: "slaa-sammen", event: ledger.InnovationMerged, role: ledger.Report, about: true, by: originatorsOf, fields: []field{{Name: "into", Kind: "innovation"}, reason}},
	}
}

// signScripts are those of pages that sign, in the order in which they need each other.
var signScripts = []string{"check.js", "attach.js", "sign.js"}

// formPage is a form as it is shown.
type formPage struct {
	Form       string
	Event      ledger.Type
	Fields     []field
	Innovation *projections.Innovation // that the event is about; nil: none
	By         []actor
	Origin     string
	signing
	Code   string // of the key that is approved; empty: none is
	Nobody bool   // may do this now

	asked string // the organisation that the address names, if any
	pairs []projections.Pair
	err   error
}

// actor is an organisation that may act, with its passkeys that may sign.
type actor struct {
	Orgnr  ledger.Orgnr
	Name   string
	Keys   string // JSON: [{"keyid","id"}], id the credential's in base64url
	Chosen bool
}

// confirmForm is /bekreft/{id}.
func (v *visit) confirmForm() (shown, error) { return v.form("bekreft", v.Param("id")) }

// formPage is /skjema/{form}.
func (v *visit) formPage() (shown, error) {
	return v.form(v.Param("form"), v.Query().Get("innovasjon"))
}

func (v *visit) form(name, innovation string) (shown, error) {
	at := slices.IndexFunc(forms, func(f eventForm) bool { return f.name == name })
	if at < 0 || forms[at].about != (innovation != "") {
		return shown{}, ErrNotFound
	}
	spec := forms[at]
	p := formPage{Form: spec.name, Event: spec.event, Fields: slices.Clone(spec.fields), Origin: v.Ledger.Origin(), asked: v.Query().Get("for")}
	missing := false
	v.read(func(f *projections.Fold) {
		if spec.about {
			i, ok := f.Innovation(innovation)
			if missing = !ok; missing {
				return
			}
			p.Innovation = &i
			p.pairs, _ = f.Pairs(i.ID)
		}
		p.signing = signingOf(f)
		p.fill(v, f, spec)
	})
	if missing {
		return shown{}, ErrNotFound
	}
	if p.err != nil {
		return shown{}, p.err
	}
	out := shown{Data: p, Title: v.word("form_title", name), Lead: v.word("form_lead", name), Scripts: signScripts, NoIndex: true, Volatile: spec.role == ledger.Admin}
	if p.Innovation != nil {
		_, title := v.pick(p.Innovation.Title)
		out.Crumbs = []crumb{{"/innovasjoner", v.t("innovations.title")}, {"/innovasjoner/" + p.Innovation.ID, title}}
	}
	return out, nil
}

func (p *formPage) fill(v *visit, f *projections.Fold, spec eventForm) {
	adopter := v.Query().Get("adoptert_av")
	var may []ledger.Orgnr
	if spec.by != nil {
		may = spec.by(f, p)
		p.Nobody = len(may) == 0
	}
	for _, o := range f.Acting() {
		if spec.by != nil && !slices.Contains(may, o.Orgnr) || spec.by == nil && o.Kind == ledger.KindAuthority {
			continue
		}
		p.By = append(p.By, actor{o.Orgnr, o.Name, passkeysOf(f, o.Orgnr, spec.role), string(o.Orgnr) == p.asked})
	}
	for k := range p.Fields {
		if x := &p.Fields[k]; x.Kind == "organisation" || x.Kind == "originators" {
			x.Choose = slices.Clone(p.Names)
			for n := range x.Choose {
				x.Choose[n].Chosen = x.Choose[n].Value == adopter
			}
		}
	}
	if spec.begin != nil {
		spec.begin(v, f, p)
	}
}

// keepChosen lets what stands now be chosen, also if another acts for it today.
func (x *field) keepChosen(all []projections.Originator) {
	for _, o := range all {
		if !slices.ContainsFunc(x.Choose, func(n named) bool { return n.Value == string(o.Orgnr) }) {
			x.Choose = append(x.Choose, named{Value: string(o.Orgnr), Name: o.Name})
		}
	}
}

// signing is what a page that signs knows of the ledger: the names of all organisations of
// today, for showing who is meant, and the keys that receipts are checked with.
type signing struct {
	Names   []named
	LogKeys ledger.LogKeys
}

func signingOf(f *projections.Fold) signing {
	s := signing{LogKeys: slices.Clone(f.LogKeys)}
	for _, o := range f.Acting() {
		s.Names = append(s.Names, named{string(o.Orgnr), o.Name, false})
	}
	return s
}

// passkeysOf lists an organisation's passkeys that may sign in one of the roles now.
func passkeysOf(f *projections.Fold, o ledger.Orgnr, roles ...ledger.Role) string {
	type entry struct {
		KeyID keys.ID `json:"keyid"`
		ID    string  `json:"id"`
	}
	all := []entry{}
	for _, k := range f.KeysOf(o, keys.WebAuthn) {
		if k.Revoked != nil || !slices.ContainsFunc(roles, func(r ledger.Role) bool { return slices.Contains(k.Roles, r) }) {
			continue
		}
		public, err := base64.StdEncoding.DecodeString(k.Public)
		if err != nil {
			continue
		}
		if p, err := keys.ParsePasskey(public); err == nil {
			all = append(all, entry{k.KeyID, base64.RawURLEncoding.EncodeToString(p.ID)})
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		panic(fmt.Sprint("texts cannot be written as JSON: ", err))
	}
	return string(b)
}

func (p *formPage) field(name string) *field {
	at := slices.IndexFunc(p.Fields, func(x field) bool { return x.Name == name })
	return &p.Fields[at]
}

// canAdopt gives who could confirm: hospitals that have not made it, nor have it in use.
func canAdopt(f *projections.Fold, p *formPage) (all []ledger.Orgnr) {
	for _, o := range f.Acting() {
		made := slices.ContainsFunc(p.Innovation.Originators, func(m projections.Originator) bool { return m.Orgnr == o.Orgnr })
		has := slices.ContainsFunc(p.pairs, func(x projections.Pair) bool { return x.Adopter == o.Orgnr && x.Status == "confirmed" })
		if !made && !has && o.Kind != ledger.KindAuthority && o.Kind != ledger.KindRHF {
			all = append(all, o.Orgnr)
		}
	}
	return all
}

func originatorsOf(_ *projections.Fold, p *formPage) (all []ledger.Orgnr) {
	for _, m := range p.Innovation.Originators {
		all = append(all, m.Orgnr)
	}
	return all
}

// adoptersWith gives those whose adoption has one of the states.
func adoptersWith(states ...string) func(*projections.Fold, *formPage) []ledger.Orgnr {
	return func(_ *projections.Fold, p *formPage) (all []ledger.Orgnr) {
		for _, x := range p.pairs {
			if slices.Contains(states, x.Status) {
				all = append(all, x.Adopter)
			}
		}
		return all
	}
}

func disputersOf(_ *projections.Fold, p *formPage) (all []ledger.Orgnr) {
	for _, x := range p.pairs {
		for _, d := range x.Disputes {
			if d.Status == "open" {
				all = append(all, d.By)
			}
		}
	}
	return all
}

func beginRevisionNamed(_ *visit, _ *projections.Fold, p *formPage) {
	p.field("revision").Value = p.Innovation.Revision
}

// beginRevision puts what stands now into the form.
func beginRevision(_ *visit, _ *projections.Fold, p *formPage) {
	i := p.Innovation
	p.field("title").Value, p.field("summary").Value = i.Title, i.Summary
	p.field("kind").Value = i.Kind
	funding := []string{}
	for _, x := range i.Funding {
		funding = append(funding, string(x))
	}
	p.field("funding").Value = funding
	p.field("originators").Value = i.Originators
	p.field("originators").keepChosen(i.Originators)
	p.field("regional_initiative").Value = map[bool]string{true: "true", false: "false"}[i.RegionalInitiative]
	p.field("in_use_since").Value = string(i.InUseSince)
	if i.Replaces != nil {
		p.field("replaces").Value = *i.Replaces
	}
	p.field("derived_from").Value = i.DerivedFrom
	p.field("links").Value = strings.Join(i.Links, "\n")
	p.field("attachments").Value = i.Attachments
}

// adminsOf gives who may enrol and revoke the keys of the organisation that the address
// names: itself and the authority.
func adminsOf(f *projections.Fold, p *formPage) (all []ledger.Orgnr) {
	if o, ok := f.Registered(ledger.Orgnr(p.asked)); ok {
		all = append(all, o.Orgnr)
	}
	return append(all, f.Authority())
}

// beginApproval finds the key that waits.
func beginApproval(v *visit, _ *projections.Fold, p *formPage) {
	waiting, err := v.waiting(ledger.Orgnr(p.asked))
	if err != nil {
		p.err = err
		return
	}
	at := slices.IndexFunc(waiting, func(w waitingKey) bool { return string(w.KeyID) == v.Query().Get("nokkel") })
	if at < 0 {
		p.err = ErrNotFound
		return
	}
	w := waiting[at]
	p.Code = w.Code
	p.field("organisation").Value = p.asked
	p.field("key").Value = ledger.Key{Scheme: w.Public.Scheme, Public: base64.StdEncoding.EncodeToString(w.Public.Bytes), Roles: w.Roles, Label: w.Label}
}

func beginRevocation(v *visit, f *projections.Fold, p *formPage) {
	k, ok := f.Key(keys.ID(v.Query().Get("nokkel")))
	if !ok || k.Revoked != nil || string(k.Organisation) != p.asked {
		p.err = ErrNotFound
		return
	}
	p.field("key").Value = k.KeyID
}

// formsOfInnovations are those that begin at an innovation's page, by name.
func formsOfInnovations() (all []string) {
	for _, f := range forms {
		if f.about && f.name != "bekreft" {
			all = append(all, f.name)
		}
	}
	return all
}

// languageText is a text of a field in one language.
type languageText struct {
	Tag, Text string
	First     bool // stands open
}

// languagesOf gives a text field's languages: the page's first, then those that it has a
// text in already, then the others.
func (l *language) languagesOf(value any) []languageText {
	t, _ := value.(ledger.Text)
	texts := map[string]*string{"nb": t.NB, "nn": t.NN, "en": t.EN, "se": t.SE}
	var all []languageText
	for _, tag := range l.order {
		if texts[tag] != nil {
			all = append(all, languageText{tag, *texts[tag], tag == l.tag})
		} else {
			all = append(all, languageText{Tag: tag, First: tag == l.tag})
		}
	}
	return all
}

// hasOthers tells whether a text is there in another language than the page's.
func (l *language) hasOthers(value any) bool {
	return slices.ContainsFunc(l.languagesOf(value), func(t languageText) bool { return !t.First && t.Text != "" })
}

// shareShown is a row of originators.
type shareShown struct{ Orgnr, Percent string }

// originatorRows gives the rows for originators, those that are there and some more.
func originatorRows(value any) (all []shareShown) {
	made, _ := value.([]projections.Originator)
	for _, m := range made {
		all = append(all, shareShown{string(m.Orgnr), strconv.FormatFloat(float64(m.Share)/10, 'f', -1, 64)})
	}
	if len(all) == 0 {
		all = append(all, shareShown{Percent: "100"})
	}
	for len(all) < max(4, len(made)+2) {
		all = append(all, shareShown{})
	}
	return all
}

// holds tells whether a field's value is, or has, one of its values.
func holds(value any, one string) bool {
	if all, is := value.([]string); is {
		return slices.Contains(all, one)
	}
	return value == one
}

// vocabularyOf names the words for a field's values.
func vocabularyOf(name string) string {
	if name == "reason" {
		return "value.reason"
	}
	return name
}

// valuesOf are those that a field of choices has.
func valuesOf(name string) []string { return vocabularies[vocabularyOf(name)] }

func asJSON(value any) (string, error) {
	b, err := json.Marshal(value)
	return string(b), err
}

// signWord is something that sign.js says.
type signWord struct{ Key, Text string }

// signWords are all of them: labels of members, words for values, refusals.
func (l *language) signWords() (all []signWord) {
	put := func(vocabulary, as string) {
		for _, v := range vocabularies[vocabulary] {
			all = append(all, signWord{as + v, l.word(vocabulary, v)})
		}
	}
	put("label", "label.")
	put("problem", "problem.")
	put("yesno", "yesno.")
	put("event", "value.type.")
	for _, name := range []string{"extent", "form", "funding", "kind"} {
		put(name, "value."+name+".")
	}
	for _, name := range []string{"value.roles", "value.scheme", "value.reason"} {
		put(name, name+".")
	}
	put("language", "language.")
	put("media_type", "value.media_type.")
	put("file_state", "file_state.")
	return append(
		all,
		signWord{"files.reading", l.t("files.reading")}, signWord{"files.count", l.t("files.count")}, signWord{"files.some", l.t("files.some")}, signWord{"files.all", l.t("files.all")}, signWord{"files.none", l.t("files.none")},
		signWord{"sign.touch", l.t("sign.touch")}, signWord{"sign.sending", l.t("sign.sending")},
		signWord{"sign.by", l.t("sign.by")}, signWord{"sign.receipt_file", l.t("sign.receipt_file")},
	)
}
