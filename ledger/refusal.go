package ledger

import (
	"cmp"
	"fmt"
	"slices"
)

// Code is the stable name of a reason to refuse a submission.
type Code string

// The codes in the order in which they apply: of several, the first is given.
const (
	TooLarge            Code = "too_large"
	Malformed           Code = "malformed"
	WrongLedger         Code = "wrong_ledger"
	Clock               Code = "clock"
	InvalidField        Code = "invalid_field"
	PersonalData        Code = "personal_data"
	UnknownKey          Code = "unknown_key"
	BadSignature        Code = "bad_signature"
	RevokedKey          Code = "revoked_key"
	NotAuthorised       Code = "not_authorised"
	MissingSignature    Code = "missing_signature"
	UnneededSignature   Code = "unneeded_signature"
	UnknownOrganisation Code = "unknown_organisation"
	UnknownInnovation   Code = "unknown_innovation"
	UnknownAdoption     Code = "unknown_adoption"
	AlreadyExists       Code = "already_exists"
	WrongState          Code = "wrong_state"
	OwnInnovation       Code = "own_innovation"
	StaleRevision       Code = "stale_revision"
	UnderDispute        Code = "under_dispute"
	YearNotOpen         Code = "year_not_open"

	// Overloaded and Unavailable say nothing about the event: the same bytes
	// may be sent again.
	Overloaded  Code = "overloaded"
	Unavailable Code = "unavailable"
)

// Codes lists the codes about events in the order in which they apply.
var Codes = []Code{
	TooLarge, Malformed, WrongLedger, Clock, InvalidField, PersonalData,
	UnknownKey, BadSignature, RevokedKey, NotAuthorised, MissingSignature, UnneededSignature,
	UnknownOrganisation, UnknownInnovation, UnknownAdoption,
	AlreadyExists, WrongState, OwnInnovation, StaleRevision, UnderDispute, YearNotOpen,
}

// Refusal is why a submission was not accepted. Nothing was changed by it.
type Refusal struct {
	Code    Code
	Detail  string // what to change, in plain words
	Pointer string // JSON pointer into the event to the field to blame, or empty
}

func (r *Refusal) Error() string {
	if r.Pointer != "" {
		return fmt.Sprintf("%s: %s: %s", r.Code, r.Pointer, r.Detail)
	}
	return fmt.Sprintf("%s: %s", r.Code, r.Detail)
}

// before reports whether r applies before another code.
func (r *Refusal) before(c Code) bool {
	return cmp.Less(slices.Index(Codes, r.Code), slices.Index(Codes, c))
}

func refuse(c Code, format string, args ...any) *Refusal {
	return &Refusal{Code: c, Detail: fmt.Sprintf(format, args...)}
}

// at says which field is to blame.
func (r *Refusal) at(pointer string) *Refusal {
	r.Pointer = pointer
	return r
}
