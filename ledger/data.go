package ledger

import (
	"encoding/base64"
	"strings"

	"github.com/oklog/ulid/v2"

	"spredning/keys"
)

// Kind is a kind of organisation.
type Kind string

// The kinds of organisations: a health authority, a regional health authority
// (RHF), a hospital trust (HF), a private non-profit hospital, a municipality,
// and what is none of them.
const (
	KindAuthority        Kind = "authority"
	KindRHF              Kind = "rhf"
	KindHF               Kind = "hf"
	KindPrivateNonprofit Kind = "private_nonprofit"
	KindMunicipality     Kind = "municipality"
	KindOther            Kind = "other"
)

var kinds = []Kind{KindAuthority, KindRHF, KindHF, KindPrivateNonprofit, KindMunicipality, KindOther}

// Regions are the four health regions. An organisation may also have none.
var Regions = []string{"Helse Sør-Øst", "Helse Vest", "Helse Midt-Norge", "Helse Nord"}

// Role is what a key may be used for.
type Role string

// The roles: Admin enrols and revokes keys, Report signs innovations and
// adoptions, Assess signs for the committee.
const (
	Admin  Role = "admin"
	Report Role = "report"
	Assess Role = "assess"
)

var roles = []Role{Admin, Report, Assess}

// Funding is where money for an innovation or an adoption came from.
type Funding string

// Own is the hospital's own money (the report 4.2.5, 6.2).
const Own Funding = "own"

var fundings = []Funding{Own, "rhf", "nfr", "eu", "innovation_norway", "other"}

// Organisation is what the authority has registered of an organisation.
type Organisation struct {
	Orgnr        Orgnr    `json:"orgnr"`
	Name         string   `json:"name"`
	Short        string   `json:"short"`
	Kind         Kind     `json:"kind"`
	Region       string   `json:"region,omitzero"` // one of Regions, or empty
	Parent       Orgnr    `json:"parent,omitzero"`
	Municipality string   `json:"municipality,omitzero"` // four-digit code
	Lat          *float64 `json:"lat,omitzero"`          // degrees, WGS 84
	Lon          *float64 `json:"lon,omitzero"`
	MeasuredFrom *int     `json:"measured_from,omitzero"` // years in the national measuring system;
	MeasuredTo   *int     `json:"measured_to,omitzero"`   // none: not in it; no end: open
	Contact      string   `json:"contact,omitzero"`       // https link or a role's mailbox
}

// Key is a public key as it is enrolled.
type Key struct {
	Scheme string `json:"scheme"`
	Public string `json:"public"` // base64 of the bytes that the scheme defines
	Roles  []Role `json:"roles"`
	Label  string `json:"label"` // a role, never a person's name
}

// PublicKey gives the key itself. It is only asked of checked keys.
func (k Key) PublicKey() keys.Public {
	b, err := base64.StdEncoding.Strict().DecodeString(k.Public)
	if err != nil || strings.ContainsAny(k.Public, "\r\n") { // which the decoder passes over
		return keys.Public{Scheme: k.Scheme}
	}
	return keys.Public{Scheme: k.Scheme, Bytes: b}
}

// Founding is the data of ledger.founded: entry 0 and only there.
type Founding struct {
	Name         string       `json:"name"`
	Illustrative *bool        `json:"illustrative"` // true: a demo, nobody has confirmed anything
	Authority    Organisation `json:"authority"`
	Keys         []Key        `json:"keys"`
	LogKey       string       `json:"log_key"` // note verifier key that checkpoints are signed with
}

// LedgerAmendment is the data of ledger.amended: from this entry on another key
// signs the log's checkpoints.
type LedgerAmendment struct {
	LogKey string `json:"log_key"` // note verifier key
}

// Registration is the data of organisation.registered.
type Registration struct{ Organisation }

// Amendment is the data of organisation.amended: all fields anew.
type Amendment struct{ Organisation }

// Succession is the data of organisation.succeeded: from this entry on the
// predecessors' keys are dead and the successor acts in their place.
type Succession struct {
	Predecessors []Orgnr `json:"predecessors"`
	Successor    Orgnr   `json:"successor"`
}

// Enrolment is the data of key.enrolled.
type Enrolment struct {
	Organisation Orgnr `json:"organisation"`
	Key          Key   `json:"key"`
}

// Revocation is the data of key.revoked.
type Revocation struct {
	Key             keys.ID `json:"key"`
	Reason          string  `json:"reason"`                    // lost, left, compromised or rotated
	CompromisedFrom *int64  `json:"compromised_from,omitzero"` // an index; flags later readers only
}

// Originator is a hospital that made an innovation, with its part of it.
type Originator struct {
	Orgnr Orgnr `json:"orgnr"`
	Share int   `json:"share"` // permille; all shares sum to 1000
}

// Attachment names a file by its hash. The file itself lies outside the log.
type Attachment struct {
	SHA256    string `json:"sha256"` // 64 hex digits
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"` // bytes
	Title     Text   `json:"title"`
}

// Innovation is what its originators say of an innovation.
type Innovation struct {
	Title              Text         `json:"title"`
	Summary            Text         `json:"summary"`
	Kind               string       `json:"kind"` // service, product, process, organisation or communication
	Originators        []Originator `json:"originators"`
	Funding            []Funding    `json:"funding"`
	RegionalInitiative *bool        `json:"regional_initiative"` // part of a regional or national programme or procurement (the report 1, 4.2.4)
	InUseSince         Date         `json:"in_use_since"`
	Replaces           *Text        `json:"replaces,omitzero"`     // the report 6.3
	DerivedFrom        string       `json:"derived_from,omitzero"` // an innovation's id
	Links              []string     `json:"links,omitzero"`
	Attachments        []Attachment `json:"attachments,omitzero"`
}

// Publication is the data of innovation.published. The event's id is the
// innovation's.
type Publication struct{ Innovation }

// Revision is the data of innovation.revised: all fields anew.
type Revision struct {
	Of string `json:"innovation"`
	Innovation
}

// Withdrawal is the data of innovation.withdrawn.
type Withdrawal struct {
	Innovation string `json:"innovation"`
	Reason     Text   `json:"reason"`
}

// Merger is the data of innovation.merged: the same project registered twice
// (the report 5.1.2).
type Merger struct {
	Innovation string `json:"innovation"`
	Into       string `json:"into"`
	Reason     Text   `json:"reason"`
}

// AssessmentRequest is the data of innovation.disputed: it asks the committee
// for an assessment and changes no points (the report 7.2).
type AssessmentRequest struct {
	Innovation string `json:"innovation"`
	Reason     Text   `json:"reason"`
}

// Assessment is the data of innovation.assessed: what the committee says of an
// innovation's eligibility, until its originators, shares, funding or initiative
// change.
type Assessment struct {
	Innovation string `json:"innovation"`
	Revision   string `json:"revision"` // leaf of the latest published or revised entry
	Eligible   *bool  `json:"eligible"`
	Reason     Text   `json:"reason"`
}

// Invitation is the data of adoption.invited: an originator asks an adopter to
// confirm.
type Invitation struct {
	Innovation string `json:"innovation"`
	Adopter    Orgnr  `json:"adopter"`
	Note       Text   `json:"note"`
}

// Decline is the data of adoption.declined: the answer no to an invitation.
type Decline struct {
	Innovation string `json:"innovation"`
	Reason     Text   `json:"reason"`
}

// Confirmation is the data of adoption.confirmed. It states: taken into regular
// use, no pilot, and we vouch for it (the report 4.2.2, 4.2.5, table 2).
type Confirmation struct {
	Innovation  string       `json:"innovation"`
	Revision    string       `json:"revision"` // leaf of the latest published or revised entry, 64 hex digits
	InUseFrom   Date         `json:"in_use_from"`
	Extent      string       `json:"extent"` // unit, hospital or trust
	Form        string       `json:"form"`   // as_is or adapted
	Funding     []Funding    `json:"funding"`
	Replaces    *Text        `json:"replaces,omitzero"`
	Links       []string     `json:"links,omitzero"`
	Attachments []Attachment `json:"attachments,omitzero"`
}

// Ending is the data of adoption.ended: was in use, is no longer.
type Ending struct {
	Innovation string `json:"innovation"`
	EndedOn    Date   `json:"ended_on"`
	Reason     Text   `json:"reason"`
}

// Retraction is the data of adoption.retracted: the confirmations so far were a
// mistake.
type Retraction struct {
	Innovation string `json:"innovation"`
	Reason     Text   `json:"reason"`
}

// Dispute is the data of adoption.disputed: while it is open the adoption does
// not count.
type Dispute struct {
	Innovation string `json:"innovation"`
	Adopter    Orgnr  `json:"adopter"`
	Reason     Text   `json:"reason"`
}

// DisputeWithdrawal is the data of dispute.withdrawn.
type DisputeWithdrawal struct {
	Innovation string `json:"innovation"`
	Adopter    Orgnr  `json:"adopter"`
}

// Decision is the data of dispute.decided. Upheld: the adoption does not count.
type Decision struct {
	Innovation string `json:"innovation"`
	Adopter    Orgnr  `json:"adopter"`
	Upheld     *bool  `json:"upheld"`
	Reason     Text   `json:"reason"`
}

// Erasure is the data of attachment.erased: the file's bytes are removed for good,
// wherever they are kept. The entries that name it stay as they are.
type Erasure struct {
	SHA256 string `json:"sha256"`
	Reason Text   `json:"reason"`
}

// RulesPublication is the data of rules.published.
type RulesPublication struct {
	Rules Rules `json:"rules"`
}

// YearOpening is the data of year.opened.
type YearOpening struct {
	Year     int  `json:"year"`
	ReportBy Date `json:"report_by,omitzero"` // informational
}

// YearClosing is the data of year.closed: the year's table never changes after
// it.
type YearClosing struct {
	Year int `json:"year"`
}

// InnovationID reads an innovation's id: a ULID. It is the zero ULID for what
// is none.
func InnovationID(s string) ulid.ULID { return parseID(&s) }
