package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/oklog/ulid/v2"

	"spredning/keys"
)

// Type names a kind of event.
type Type string

// The types of events.
const (
	LedgerFounded          Type = "ledger.founded"
	LedgerAmended          Type = "ledger.amended"
	OrganisationRegistered Type = "organisation.registered"
	OrganisationAmended    Type = "organisation.amended"
	OrganisationSucceeded  Type = "organisation.succeeded"
	KeyEnrolled            Type = "key.enrolled"
	KeyRevoked             Type = "key.revoked"
	InnovationPublished    Type = "innovation.published"
	InnovationRevised      Type = "innovation.revised"
	InnovationWithdrawn    Type = "innovation.withdrawn"
	InnovationMerged       Type = "innovation.merged"
	InnovationDisputed     Type = "innovation.disputed"
	InnovationAssessed     Type = "innovation.assessed"
	AdoptionInvited        Type = "adoption.invited"
	AdoptionDeclined       Type = "adoption.declined"
	AdoptionConfirmed      Type = "adoption.confirmed"
	AdoptionEnded          Type = "adoption.ended"
	AdoptionRetracted      Type = "adoption.retracted"
	AdoptionDisputed       Type = "adoption.disputed"
	DisputeWithdrawn       Type = "dispute.withdrawn"
	DisputeDecided         Type = "dispute.decided"
	AttachmentErased       Type = "attachment.erased"
	RulesPublished         Type = "rules.published"
	YearOpened             Type = "year.opened"
	YearClosed             Type = "year.closed"
)

// blank gives an empty Data for each type. It is the one list of what a ledger
// of this version takes.
var blank = map[Type]func() Data{
	LedgerFounded:          func() Data { return new(Founding) },
	LedgerAmended:          func() Data { return new(LedgerAmendment) },
	OrganisationRegistered: func() Data { return new(Registration) },
	OrganisationAmended:    func() Data { return new(Amendment) },
	OrganisationSucceeded:  func() Data { return new(Succession) },
	KeyEnrolled:            func() Data { return new(Enrolment) },
	KeyRevoked:             func() Data { return new(Revocation) },
	InnovationPublished:    func() Data { return new(Publication) },
	InnovationRevised:      func() Data { return new(Revision) },
	InnovationWithdrawn:    func() Data { return new(Withdrawal) },
	InnovationMerged:       func() Data { return new(Merger) },
	InnovationDisputed:     func() Data { return new(AssessmentRequest) },
	InnovationAssessed:     func() Data { return new(Assessment) },
	AdoptionInvited:        func() Data { return new(Invitation) },
	AdoptionDeclined:       func() Data { return new(Decline) },
	AdoptionConfirmed:      func() Data { return new(Confirmation) },
	AdoptionEnded:          func() Data { return new(Ending) },
	AdoptionRetracted:      func() Data { return new(Retraction) },
	AdoptionDisputed:       func() Data { return new(Dispute) },
	DisputeWithdrawn:       func() Data { return new(DisputeWithdrawal) },
	DisputeDecided:         func() Data { return new(Decision) },
	AttachmentErased:       func() Data { return new(Erasure) },
	RulesPublished:         func() Data { return new(RulesPublication) },
	YearOpened:             func() Data { return new(YearOpening) },
	YearClosed:             func() Data { return new(YearClosing) },
}

// Types lists the types of events that a ledger of this version takes, in
// alphabetical order.
func Types() []Type { return slices.Sorted(maps.Keys(blank)) }

// Event is a statement by an organisation, as the payload of an envelope.
type Event struct {
	Ledger string    // the origin of the ledger that it is meant for
	ID     ulid.ULID // chosen by the signer, never used twice
	Type   Type
	By     Orgnr     // the acting organisation
	At     time.Time // the signer's clock, UTC, whole seconds
	Data   Data      // by Type
}

// Data is what an event says, one type of data for each [Type].
type Data interface {
	// check says what is wrong with the fields by themselves.
	check(*fields)
	// decide says whether the event is admissible in the state.
	decide(*State, *Signed) error
	// evolve applies the entry, which is known to be admissible.
	evolve(*State, *Entry)
}

// Signed is an event with its envelope: what [Decide] decides on. Its
// signatures have been verified against the keys which their ids name.
type Signed struct {
	Event
	Envelope keys.Envelope

	// lacking is set to try an event that not all have signed yet: those who must
	// sign too are noted there, and everything else is decided as if they had.
	lacking *Missing
}

// Entry is an event in its place in the ledger.
type Entry struct {
	Signed
	Index int64
	Bytes []byte // the envelope, exactly as stored and hashed
}

// wire is an event's JSON form.
type wire struct {
	Ledger *string        `json:"ledger"`
	ID     *string        `json:"id"`
	Type   *Type          `json:"type"`
	By     *Orgnr         `json:"by"`
	At     *string        `json:"at"`
	Data   jsontext.Value `json:"data"`
}

// Encode gives the event's JSON, the payload that is signed.
func (e Event) Encode() ([]byte, error) {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return nil, fmt.Errorf("encoding the event: %w", err)
	}
	id, at := e.ID.String(), e.At.UTC().Format(time.RFC3339)
	payload, err := json.Marshal(wire{&e.Ledger, &id, &e.Type, &e.By, &at, data})
	if err != nil {
		return nil, fmt.Errorf("encoding the event: %w", err)
	}
	return payload, nil
}

// ParseEvent reads a payload strictly: unknown or repeated members, trailing
// data, invalid UTF-8, null, and numbers that are no integers where integers
// are meant are malformed. Errors are a *Refusal of code malformed,
// invalid_field or personal_data. If the payload could be read but a field is
// wrong, the event comes with the error, for checks that go before.
func ParseEvent(payload []byte) (Event, error) {
	e, refusal := decodeEvent(payload)
	if refusal != nil {
		return e, refusal
	}
	f := fields{at: e.At}
	e.Data.check(&f)
	return e, f.refusal()
}

func decodeEvent(payload []byte) (Event, *Refusal) {
	if e, ok := decodeStraight(payload); ok {
		return e, nil
	}
	return decodeAny(payload)
}

// straight is wire with data that is decoded in the same pass: its type must stand
// before it, as programs write it.
type straight struct {
	Ledger *string `json:"ledger"`
	ID     *string `json:"id"`
	Type   *Type   `json:"type"`
	By     *Orgnr  `json:"by"`
	At     *string `json:"at"`
	Data   dataOf  `json:"data"`
}

// dataOf decodes the data of the type that is known by then.
type dataOf struct {
	of   **Type
	data Data
}

var errNotStraight = errors.New("the type does not stand before the data, or is unknown")

// UnmarshalJSONFrom reads data as strictly as [ParseData].
func (d *dataOf) UnmarshalJSONFrom(from *jsontext.Decoder) error {
	if *d.of == nil || blank[**d.of] == nil {
		return errNotStraight
	}
	d.data = blank[**d.of]()
	return json.UnmarshalDecode(from, d.data, json.RejectUnknownMembers(true))
}

// decodeStraight decodes a good event in the usual order in half the time; of any other
// decodeAny says what it is.
func decodeStraight(payload []byte) (e Event, ok bool) {
	if bytes.Contains(payload, []byte("null")) {
		return e, false
	}
	var s straight
	s.Data.of = &s.Type
	if err := json.Unmarshal(payload, &s, json.RejectUnknownMembers(true)); err != nil || s.Data.data == nil {
		return e, false
	}
	e, refusal := wire{s.Ledger, s.ID, s.Type, s.By, s.At, nil}.event()
	e.Data = s.Data.data
	return e, refusal == nil
}

func decodeAny(payload []byte) (Event, *Refusal) {
	var w wire
	if err := strict(payload, &w); err != nil {
		return Event{}, err
	}
	e, refusal := w.event()
	if _, known := blank[e.Type]; known && w.Data == nil {
		return e, cmpRefusal(refusal, refuse(InvalidField, "is required").at("/data"))
	}
	data, err := ParseData(e.Type, w.Data)
	if r, ok := err.(*Refusal); ok {
		if r.Code == Malformed {
			return e, r.at("/data" + r.Pointer)
		}
		return e, cmpRefusal(refusal, r)
	}
	e.Data = data
	return e, refusal
}

// cmpRefusal gives the first of two that is there.
func cmpRefusal(a, b *Refusal) *Refusal {
	if a != nil {
		return a
	}
	return b
}

// event reads the members that all events have. What it could read is in the
// event, also with a refusal.
func (w wire) event() (e Event, refusal *Refusal) {
	blame := func(pointer, format string, args ...any) {
		refusal = cmpRefusal(refusal, refuse(InvalidField, format, args...).at(pointer))
	}
	if w.Ledger != nil {
		e.Ledger = *w.Ledger
	}
	if w.Type != nil {
		e.Type = *w.Type
	}
	if e.ID = parseID(w.ID); e.ID == (ulid.ULID{}) {
		blame("/id", "must be a ULID: 26 upper-case characters")
	}
	if w.By == nil || !w.By.Valid() {
		blame("/by", "must be an organisation number: nine digits with a valid check digit")
	} else {
		e.By = *w.By
	}
	if e.At = parseAt(w.At); e.At.IsZero() {
		blame("/at", "must be a time like 2026-11-22T10:15:00Z: UTC, whole seconds")
	}
	return e, refusal
}

// parseID gives the zero ULID for what is not one in its only spelling.
func parseID(s *string) ulid.ULID {
	if s == nil {
		return ulid.ULID{}
	}
	id, err := ulid.ParseStrict(*s)
	if err != nil || id.String() != *s {
		return ulid.ULID{}
	}
	return id
}

func parseAt(s *string) time.Time {
	if s == nil {
		return time.Time{}
	}
	// All fields have two digits, and the year four, if it is so long.
	at, err := time.Parse(time.RFC3339, *s)
	if err != nil || len(*s) != len("2006-01-02T15:04:05Z") || !strings.HasSuffix(*s, "Z") {
		return time.Time{}
	}
	return at.UTC()
}

// Strict decodes JSON into v, a pointer to a struct, as strictly as events are
// read: no unknown or repeated members, no null, nothing after it. The error is
// a *Refusal.
func Strict(b []byte, v any) error {
	if r := strict(b, v); r != nil {
		return r
	}
	return nil
}

// strict decodes JSON into v, which must be a pointer to a struct.
func strict(b []byte, v any) *Refusal {
	if err := json.Unmarshal(b, v, json.RejectUnknownMembers(true)); err != nil {
		return malformed(err)
	}
	// The decoder reads null as "not there"; the ledger has one way to say so.
	if bytes.Contains(b, []byte("null")) {
		return findNull(b)
	}
	return nil
}

func malformed(err error) *Refusal {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		detail := fmt.Sprintf("a JSON %s does not belong here", semantic.JSONKind)
		if errors.Is(err, json.ErrUnknownName) {
			detail = "is no field that belongs here; remove it"
		}
		var r *Refusal
		if errors.As(err, &r) {
			detail = r.Detail
		}
		return refuse(Malformed, "%s", detail).at(string(semantic.JSONPointer))
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return refuse(Malformed, "not valid JSON after byte %d: %s", syntactic.ByteOffset, strings.TrimPrefix(syntactic.Err.Error(), "jsontext: ")).at(string(syntactic.JSONPointer))
	}
	return refuse(Malformed, "not valid JSON")
}

func findNull(b []byte) *Refusal {
	d := jsontext.NewDecoder(bytes.NewReader(b))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return nil // the end: it only stood in a string
		}
		if token.Kind() == jsontext.KindNull {
			return refuse(Malformed, "null is not allowed; leave the field out").at(string(d.StackPointer()))
		}
	}
}

// TypeOf gives the type of event that data belongs to.
func TypeOf(d Data) Type {
	for t, make := range blank {
		if fmt.Sprintf("%T", make()) == fmt.Sprintf("%T", d) {
			return t
		}
	}
	return ""
}

// ParseData reads the data of a type of event, as strictly as ParseEvent but
// without checking the fields.
func ParseData(t Type, b []byte) (Data, error) {
	blankData, known := blank[t]
	if !known {
		return nil, refuse(InvalidField, "%q is no type of event that this ledger takes", t).at("/type")
	}
	d := blankData()
	if err := strict(b, d); err != nil {
		return nil, err
	}
	return d, nil
}
