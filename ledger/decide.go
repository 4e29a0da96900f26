package ledger

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"spredning/keys"
)

// Decide says whether an event is admissible as the next entry: nil, or a
// *Refusal with the first code that applies. Its signatures have been verified,
// its fields and texts checked; whether its keys may sign this, here and now,
// is decided here. The event's clock is not looked at: order decides, never
// time.
func Decide(s *State, e *Signed) error {
	if s.origin != "" && e.Ledger != s.origin {
		return refuse(WrongLedger, "the event is for %q, this ledger is %q", e.Ledger, s.origin).at("/ledger")
	}
	if s.origin == "" && e.Type != LedgerFounded {
		return refuse(UnknownKey, "the ledger is not founded yet; its first event is %s", LedgerFounded)
	}
	err := e.Data.decide(s, e)
	if _, used := s.ids.at(e.ID); used {
		used := refuse(AlreadyExists, "another event has the id %s; make a new id and sign again", e.ID).at("/id")
		if r, ok := err.(*Refusal); !ok || !r.before(AlreadyExists) {
			return used
		}
	}
	return err
}

// first gives the one of an error, if any, and a refusal that applies first.
func first(err error, r *Refusal) error {
	if other, ok := err.(*Refusal); ok && !r.before(other.Code) {
		return other
	}
	return r
}

// authorise checks who signed: by must be allowed to do this and one of its
// keys with the role must be among the signers, each needed organisation signs
// once with such a key, and nobody else does.
func (s *State) authorise(e *Signed, role Role, allowed bool, needed ...Orgnr) error {
	signers, err := s.signers(e)
	if err != nil {
		return err
	}
	if !allowed {
		return refuse(NotAuthorised, "%s may not do this", e.By).at("/by")
	}
	if err := s.rolesOf(e, signers, role, needed); err != nil {
		return err
	}
	if missing := unsigned(signers, needed); len(missing) > 0 {
		if err := e.lacks(missing, "%s must sign too, with a key of the role %s", list(missing), role); err != nil {
			return err
		}
	}
	return unneeded(e, signers, needed)
}

// unsigned gives those who must sign and have not.
func unsigned(signers []*key, needed []Orgnr) (missing []Orgnr) {
	for _, o := range needed {
		if !signedBy(signers, o) {
			missing = append(missing, o)
		}
	}
	return missing
}

// lacks refuses an event that others must sign too, or notes them if it is only
// tried.
func (e *Signed) lacks(orgs []Orgnr, format string, args ...any) error {
	refusal := refuse(MissingSignature, format, args...)
	if e.lacking == nil {
		return refusal
	}
	*e.lacking = Missing{orgs, refusal.Detail}
	return nil
}

// signers looks the keys up and refuses the revoked ones.
func (s *State) signers(e *Signed) ([]*key, error) {
	signers := make([]*key, len(e.Envelope.Signatures))
	for i, sig := range e.Envelope.Signatures {
		k, ok := s.keys.at(sig.KeyID)
		if !ok {
			return nil, refuse(UnknownKey, "key %s is not enrolled; an admin of your organisation or the authority enrols it", sig.KeyID)
		}
		signers[i] = k
	}
	for i, k := range signers {
		if k.revoked {
			return nil, refuse(RevokedKey, "key %s has been revoked; sign with another", e.Envelope.Signatures[i].KeyID)
		}
		if heir := s.heir(k.org); heir != k.org {
			return nil, refuse(RevokedKey, "key %s is of %s, in whose place %s acts now", e.Envelope.Signatures[i].KeyID, k.org, heir)
		}
	}
	return signers, nil
}

func (s *State) rolesOf(e *Signed, signers []*key, role Role, needed []Orgnr) error {
	for i, k := range signers {
		if slices.Contains(needed, k.org) && !slices.Contains(k.roles, role) {
			return refuse(NotAuthorised, "key %s of %s does not have the role %s", e.Envelope.Signatures[i].KeyID, k.org, role)
		}
	}
	if !signedBy(signers, e.By) {
		return refuse(NotAuthorised, "no key of %s, the acting organisation, has signed", e.By).at("/by")
	}
	return nil
}

func signedBy(signers []*key, o Orgnr) bool {
	return slices.ContainsFunc(signers, func(k *key) bool { return k.org == o })
}

func unneeded(e *Signed, signers []*key, needed []Orgnr) error {
	for i, k := range signers {
		id := e.Envelope.Signatures[i].KeyID
		if !slices.Contains(needed, k.org) {
			return refuse(UnneededSignature, "the signature of key %s (%s) is not needed; leave it out", id, k.org)
		}
		if signedBy(signers[:i], k.org) {
			return refuse(UnneededSignature, "%s has signed twice; leave the signature of key %s out", k.org, id)
		}
	}
	return nil
}

// byAuthority checks an event that only the authority's admins may sign.
func (s *State) byAuthority(e *Signed) error {
	return s.authorise(e, Admin, e.By == s.authority, e.By)
}

func (d *Founding) decide(s *State, e *Signed) error {
	if err := logKeyOf(e, d.LogKey); err != nil {
		return err
	}
	for i, sig := range e.Envelope.Signatures {
		k := slices.IndexFunc(d.Keys, func(k Key) bool { return k.PublicKey().ID() == sig.KeyID })
		enrolled, _ := s.keys.at(sig.KeyID)
		switch {
		case k < 0:
			return refuse(UnknownKey, "key %s is not one that the founding lists", sig.KeyID)
		case enrolled != nil && enrolled.revoked:
			return refuse(RevokedKey, "key %s has been revoked; sign with another", sig.KeyID)
		case e.By != d.Authority.Orgnr:
			return refuse(NotAuthorised, "the authority founds the ledger").at("/by")
		case !slices.Contains(d.Keys[k].Roles, Admin):
			return refuse(NotAuthorised, "key %s does not have the role admin", sig.KeyID)
		case i > 0:
			return refuse(UnneededSignature, "the founding is signed once; leave the signature of key %s out", sig.KeyID)
		}
	}
	if s.origin != "" {
		return refuse(AlreadyExists, "the ledger is founded already")
	}
	return nil
}

// logKeyOf checks that a verifier key is one of the event's ledger.
func logKeyOf(e *Signed, key string) error {
	if v, err := note.NewVerifier(key); err != nil || v.Name() != e.Ledger {
		return refuse(InvalidField, "must be a verifier key whose name is the ledger's origin %q", e.Ledger).at("/data/log_key")
	}
	return nil
}

func (d *LedgerAmendment) decide(s *State, e *Signed) error {
	if err := logKeyOf(e, d.LogKey); err != nil {
		return err
	}
	if err := s.byAuthority(e); err != nil {
		return err
	}
	if slices.ContainsFunc(s.logKeys, func(k LogKeyFrom) bool { return k.Key == d.LogKey }) {
		return refuse(AlreadyExists, "the key signs or has signed this log's checkpoints; a log key is used once").at("/data/log_key")
	}
	return nil
}

func (d *Registration) decide(s *State, e *Signed) error {
	if err := s.byAuthority(e); err != nil {
		return err
	}
	if err := s.parent(d.Organisation); err != nil {
		return err
	}
	if _, ok := s.orgs.at(d.Orgnr); ok {
		return refuse(AlreadyExists, "%s is registered already; amend it instead", d.Orgnr).at("/data/orgnr")
	}
	return nil
}

func (d *Amendment) decide(s *State, e *Signed) error {
	if err := s.byAuthority(e); err != nil {
		return err
	}
	if err := s.registered(d.Orgnr, "/data/orgnr"); err != nil {
		return err
	}
	return s.parent(d.Organisation)
}

func (s *State) parent(o Organisation) error {
	if o.Parent == "" {
		return nil
	}
	return s.registered(o.Parent, "/data/parent")
}

func (s *State) registered(o Orgnr, pointer string) error {
	if _, ok := s.orgs.at(o); !ok {
		return refuse(UnknownOrganisation, "%s is not registered; the authority registers organisations", o).at(pointer)
	}
	return nil
}

func (d *Succession) decide(s *State, e *Signed) error {
	if err := s.byAuthority(e); err != nil {
		return err
	}
	for i, o := range d.Predecessors {
		if err := s.registered(o, fmt.Sprintf("/data/predecessors/%d", i)); err != nil {
			return err
		}
	}
	if err := s.registered(d.Successor, "/data/successor"); err != nil {
		return err
	}
	for i, o := range d.Predecessors {
		p := fmt.Sprintf("/data/predecessors/%d", i)
		switch {
		case s.heir(o) != o:
			return refuse(WrongState, "%s has a successor already", o).at(p)
		case s.heir(d.Successor) == o:
			return refuse(WrongState, "%s would succeed itself", o).at(p)
		case o == s.authority && !s.hasAdmin(s.heir(d.Successor), ""):
			return refuse(WrongState, "the authority's successor needs an admin key first").at(p)
		}
	}
	return nil
}

func (d *Enrolment) decide(s *State, e *Signed) error {
	mine := e.By == s.heir(d.Organisation)
	err := s.authorise(e, Admin, mine || e.By == s.authority, e.By)
	if slices.Contains(d.Key.Roles, Assess) && e.By != s.authority {
		err = first(err, refuse(NotAuthorised, "only the authority grants the role assess").at("/data/key/roles"))
	}
	if err != nil {
		return err
	}
	if err := s.registered(d.Organisation, "/data/organisation"); err != nil {
		return err
	}
	if heir := s.heir(d.Organisation); heir != d.Organisation {
		err = refuse(WrongState, "%s acts in the place of %s now", heir, d.Organisation).at("/data/organisation")
	}
	if _, ok := s.keys.at(d.Key.PublicKey().ID()); ok {
		return refuse(AlreadyExists, "the key is or was enrolled; a key is enrolled once ever").at("/data/key/public")
	}
	return err
}

func (d *Revocation) decide(s *State, e *Signed) error {
	k, known := s.keys.at(d.Key)
	if !known {
		return refuse(UnknownKey, "key %s is not enrolled", d.Key).at("/data/key")
	}
	mine := e.By == s.heir(k.org)
	if err := s.authorise(e, Admin, mine || e.By == s.authority, e.By); err != nil {
		return err
	}
	switch {
	case k.revoked:
		return refuse(WrongState, "key %s is revoked already", d.Key).at("/data/key")
	case k.org == s.authority && s.lastAdmin(d.Key):
		return refuse(WrongState, "the authority's last admin key cannot be revoked; enrol another first").at("/data/key")
	}
	return nil
}

// lastAdmin reports whether the authority has no other active admin key.
func (s *State) lastAdmin(id keys.ID) bool {
	k, _ := s.keys.at(id)
	return slices.Contains(k.roles, Admin) && !s.hasAdmin(s.authority, id)
}

// hasAdmin reports whether an organisation has an active admin key beside one.
func (s *State) hasAdmin(o Orgnr, beside keys.ID) bool {
	for id, k := range s.keys.m {
		if id != beside && k.org == o && !k.revoked && slices.Contains(k.roles, Admin) {
			return true
		}
	}
	return false
}

func (d *Publication) decide(s *State, e *Signed) error {
	parties := s.heirs(orgnrs(d.Originators))
	if err := s.authorise(e, Report, slices.Contains(parties, e.By), parties...); err != nil {
		return err
	}
	for _, o := range orgnrs(d.Originators) {
		if err := s.registered(o, "/data/originators"); err != nil {
			return err
		}
	}
	return s.derivation(nil, d.DerivedFrom)
}

func orgnrs(os []Originator) []Orgnr {
	all := make([]Orgnr, len(os))
	for i, o := range os {
		all[i] = o.Orgnr
	}
	return all
}

// derivation checks where an innovation is said to come from: a known
// innovation, whose own line does not lead back.
func (s *State) derivation(of *innovation, from string) error {
	if from == "" {
		return nil
	}
	parent, ok := s.innovations.at(InnovationID(from))
	if !ok {
		return refuse(UnknownInnovation, "no innovation has the id %s", from).at("/data/derived_from")
	}
	if of != nil && s.leadsTo(parent, of, nil) {
		return refuse(WrongState, "an innovation cannot be derived from itself, directly or through others").at("/data/derived_from")
	}
	return nil
}

// leadsTo reports whether the line of an innovation, itself included, leads to
// another. One innovation may be read as merged into that other already.
func (s *State) leadsTo(from, to, merging *innovation) bool {
	to = s.final(to)
	for {
		if from = s.final(from); from == to || from == merging {
			return true
		}
		if from.derivedFrom.IsZero() {
			return false
		}
		from, _ = s.innovations.at(from.derivedFrom)
	}
}

// innovation looks up the innovation of an event's data.
func (s *State) innovation(id string) (*innovation, error) {
	i, ok := s.innovations.at(InnovationID(id))
	if !ok {
		return nil, refuse(UnknownInnovation, "no innovation has the id %s", id).at("/data/innovation")
	}
	return i, nil
}

// byOriginators checks an event that originators of an innovation sign. What
// cannot be known of an unknown innovation is not asked.
func (s *State) byOriginators(e *Signed, i *innovation, unknown error, needed ...Orgnr) error {
	if unknown != nil {
		if err := s.authorise(e, Report, true, union([]Orgnr{e.By}, needed)...); err != nil {
			return err
		}
		return unknown
	}
	return s.authorise(e, Report, slices.Contains(s.makers(i), e.By), needed...)
}

func (d *Revision) decide(s *State, e *Signed) error {
	i, unknown := s.innovation(d.Of)
	needed := union(s.signersFor(e, i), s.heirs(orgnrs(d.Originators)))
	if err := s.byOriginators(e, i, unknown, needed...); err != nil {
		return err
	}
	for _, o := range orgnrs(d.Originators) {
		if err := s.registered(o, "/data/originators"); err != nil {
			return err
		}
	}
	loop := s.derivation(i, d.DerivedFrom)
	if r, ok := loop.(*Refusal); ok && r.Code == UnknownInnovation {
		return loop
	}
	if err := i.live(); err != nil {
		return err
	}
	return loop
}

func union(a, b []Orgnr) []Orgnr {
	all := slices.Clone(a)
	for _, o := range b {
		if !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	return all
}

// live says why an innovation can be changed no more, or taken up anew; nil: it
// can.
func (i *innovation) live() error {
	switch {
	case !i.mergedInto.IsZero():
		return refuse(WrongState, "the innovation is merged into %s; use that one", i.mergedInto)
	case i.withdrawn:
		return refuse(WrongState, "the innovation is withdrawn")
	}
	return nil
}

// signersFor are an innovation's originators; of an unknown one any of the
// signers may be.
func (s *State) signersFor(e *Signed, i *innovation) (all []Orgnr) {
	if i != nil {
		return s.makers(i)
	}
	for _, sig := range e.Envelope.Signatures {
		if k, ok := s.keys.at(sig.KeyID); ok {
			all = union(all, []Orgnr{k.org})
		}
	}
	return all
}

func (d *Withdrawal) decide(s *State, e *Signed) error {
	i, unknown := s.innovation(d.Innovation)
	needed := s.signersFor(e, i)
	if err := s.byOriginators(e, i, unknown, needed...); err != nil {
		return err
	}
	return i.live()
}

func (d *Invitation) decide(s *State, e *Signed) error {
	i, unknown := s.innovation(d.Innovation)
	if err := s.byOriginators(e, i, nilIfKnown(unknown, s, d.Adopter), e.By); err != nil {
		return err
	}
	if err := s.registered(d.Adopter, "/data/adopter"); err != nil {
		return err
	}
	p := s.pair(i, d.Adopter)
	switch {
	case p.open:
		return refuse(AlreadyExists, "%s is invited already and has not answered", d.Adopter).at("/data/adopter")
	case p.standing == confirmed:
		return refuse(AlreadyExists, "%s has confirmed already", d.Adopter).at("/data/adopter")
	case p.declined < p.invited:
		return refuse(AlreadyExists, "%s was invited once and has answered", d.Adopter).at("/data/adopter")
	case i.live() != nil:
		return i.live()
	case p.declined > 0 && i.revised < p.declined:
		return refuse(WrongState, "%s has declined; it can be invited again once the innovation is revised", d.Adopter).at("/data/adopter")
	case s.isOwn(i, d.Adopter):
		return refuse(OwnInnovation, "%s is or was an originator of this innovation", d.Adopter).at("/data/adopter")
	}
	return nil
}

// nilIfKnown lets an unknown adopter go before an unknown innovation.
func nilIfKnown(unknown error, s *State, adopter Orgnr) error {
	if unknown == nil {
		return nil
	}
	if err := s.registered(adopter, "/data/adopter"); err != nil {
		return err
	}
	return unknown
}

// byAdopter checks an event that an adopter signs, and finds the pair.
func (s *State) byAdopter(e *Signed, id string) (*innovation, pair, error) {
	if err := s.authorise(e, Report, true, e.By); err != nil {
		return nil, pair{}, err
	}
	i, err := s.innovation(id)
	if err != nil {
		return nil, pair{}, err
	}
	return i, s.pair(i, e.By), nil
}

func (d *Decline) decide(s *State, e *Signed) error {
	_, p, err := s.byAdopter(e, d.Innovation)
	switch {
	case err != nil:
		return err
	case p == pair{}:
		return refuse(UnknownAdoption, "%s has not been invited to this innovation", e.By)
	case !p.open:
		return refuse(WrongState, "there is no invitation that waits for an answer from %s", e.By)
	}
	return nil
}

func (d *Confirmation) decide(s *State, e *Signed) error {
	if i, err := s.innovation(d.Innovation); err == nil && d.InUseFrom < i.inUseSince {
		return refuse(InvalidField, "is before %s, since when the innovation is in use where it was made", i.inUseSince).at("/data/in_use_from")
	}
	i, p, err := s.byAdopter(e, d.Innovation)
	switch {
	case err != nil:
		return err
	case p.standing == confirmed:
		return refuse(AlreadyExists, "%s has confirmed this innovation already", e.By)
	case i.live() != nil:
		return i.live()
	case p.upheld:
		return refuse(WrongState, "the committee has decided that this adoption does not count")
	case s.isOwn(i, e.By):
		return refuse(OwnInnovation, "%s is or was an originator of this innovation and cannot adopt it", e.By)
	case d.Revision != hexOf(i.revision):
		return refuse(StaleRevision, "the innovation's latest revision is %s; read it and sign again", hexOf(i.revision)).at("/data/revision")
	case p.disputes > 0:
		return refuse(UnderDispute, "the adoption is under dispute; it can be confirmed once that is settled")
	}
	return nil
}

// has checks that a pair has a confirmation that can be ended or
// retracted.
func (p pair) has(by Orgnr, ok ...standing) error {
	switch {
	case p.standing == unconfirmed:
		return refuse(UnknownAdoption, "%s has not confirmed this innovation", by)
	case !slices.Contains(ok, p.standing):
		return refuse(WrongState, "the confirmation has been ended or retracted already")
	}
	return nil
}

func (d *Ending) decide(s *State, e *Signed) error {
	if i, err := s.innovation(d.Innovation); err == nil {
		if p := s.pair(i, e.By); (p.standing == confirmed || p.standing == ended) && d.EndedOn.day() < p.inUseFrom {
			return refuse(InvalidField, "is before the day from which it was in use").at("/data/ended_on")
		}
	}
	_, p, err := s.byAdopter(e, d.Innovation)
	if err != nil {
		return err
	}
	return p.has(e.By, confirmed)
}

func (d *Retraction) decide(s *State, e *Signed) error {
	_, p, err := s.byAdopter(e, d.Innovation)
	if err != nil {
		return err
	}
	return p.has(e.By, confirmed, ended)
}

func (d *Erasure) decide(s *State, e *Signed) error {
	if err := s.byAuthority(e); err != nil {
		return err
	}
	switch erased, named := s.attachments.at(hashOf(d.SHA256)); {
	case !named:
		return refuse(WrongState, "no entry names an attachment with this hash").at("/data/sha256")
	case erased:
		return refuse(WrongState, "the attachment is erased already").at("/data/sha256")
	}
	return nil
}

func (d *RulesPublication) decide(s *State, e *Signed) error {
	if err := s.byAuthority(e); err != nil {
		return err
	}
	if _, ok := s.rules.at(d.Rules.ID); ok {
		return refuse(AlreadyExists, "rules with the id %q are published already; choose another id", d.Rules.ID).at("/data/rules/id")
	}
	return nil
}

func (d *YearOpening) decide(s *State, e *Signed) error {
	if err := s.byAuthority(e); err != nil {
		return err
	}
	switch {
	case s.lastYear == 0 || d.Year == s.lastYear+1:
		return nil
	case d.Year >= s.firstYear && d.Year <= s.lastYear:
		return refuse(AlreadyExists, "%d is opened already", d.Year).at("/data/year")
	}
	return refuse(WrongState, "years open one after the other; the next is %d", s.lastYear+1).at("/data/year")
}

func (d *YearClosing) decide(s *State, e *Signed) error {
	if err := s.byAuthority(e); err != nil {
		return err
	}
	switch earliest := max(s.closed+1, s.firstYear); {
	case s.closed > 0 && d.Year >= s.firstYear && d.Year <= s.closed:
		return refuse(WrongState, "%d is closed already", d.Year).at("/data/year")
	case d.Year < s.firstYear || d.Year > s.lastYear || s.firstYear == 0:
		return refuse(YearNotOpen, "%d is not opened", d.Year).at("/data/year")
	case d.Year != earliest:
		return refuse(WrongState, "%d is closed first", earliest).at("/data/year")
	}
	return nil
}
