package site

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// signingExamples are all forms, of an innovation that has been adopted and disputed
// where there is one, and the pages around them.
func signingExamples(s *Site) (all []string) {
	id := ""
	s.View.Read(func(f *projections.Fold) {
		found, _ := f.Innovations(projections.Query{}, -1, 500)
		most := -1
		for _, i := range found {
			pairs, _ := f.Pairs(i.ID)
			n := 0
			for _, p := range pairs {
				n += 1 + 10*len(p.Disputes)
			}
			if n > most {
				most, id = n, i.ID
			}
		}
		for _, o := range f.Organisations() {
			all = append(all, "/foretak/"+string(o.Orgnr)+"/nokler", "/foretak/"+string(o.Orgnr)+"/arbeid")
			for _, k := range o.Keys {
				if key, ok := f.Key(k); ok && key.Revoked == nil {
					all = append(all, "/skjema/tilbakekall?for="+string(o.Orgnr)+"&nokkel="+string(k))
					break
				}
			}
		}
		if len(all) > 12 {
			all = all[:12]
		}
	})
	all = append(all, "/utkast/"+strings.Repeat("0123456789abcdef", 4))
	for _, f := range forms {
		switch {
		case f.about && id != "":
			all = append(all, "/skjema/"+f.name+"?innovasjon="+id)
		case f.name == "godkjenn" && id != "":
			all = append(all, "/skjema/godkjenn?for="+string(waiter)+"&nokkel="+string(waitingExample().Public.ID()))
		case f.role != ledger.Admin && !f.about:
			all = append(all, "/skjema/"+f.name)
		}
	}
	if id != "" {
		all = append(all, "/bekreft/"+id)
	}
	return all
}

// waiter has a key that waits.
const waiter ledger.Orgnr = "983974724"

func waitingExample() ledger.WaitingKey {
	public, err := keys.Passkey{COSE: keys.EdDSACOSE(keys.FromSeed(make([]byte, 32)).Bytes), ID: []byte{1, 2, 3}, RPID: "localhost", Origins: []string{"http://localhost:8080"}}.Public()
	if err != nil {
		panic(err)
	}
	return ledger.WaitingKey{Organisation: waiter, Public: public, Roles: []ledger.Role{ledger.Report}, Label: "innovasjonsrådgiver"}
}

func waiting(_ context.Context, o ledger.Orgnr) ([]ledger.WaitingKey, error) {
	if o != waiter {
		return nil, nil
	}
	return []ledger.WaitingKey{waitingExample()}, nil
}

// dataOf is the data of the events that forms make.
var dataOf = func() map[ledger.Type]ledger.Data {
	all := map[ledger.Type]ledger.Data{}
	for _, d := range []ledger.Data{
		&ledger.Confirmation{}, &ledger.Publication{}, &ledger.Revision{}, &ledger.Withdrawal{}, &ledger.Invitation{}, &ledger.Decline{}, &ledger.Ending{},
		&ledger.Retraction{}, &ledger.Dispute{}, &ledger.DisputeWithdrawal{}, &ledger.AssessmentRequest{}, &ledger.Assessment{}, &ledger.Decision{}, &ledger.Merger{},
		&ledger.Enrolment{}, &ledger.Revocation{},
	} {
		all[ledger.TypeOf(d)] = d
	}
	return all
}()

// requiredOf gives the members that JSON must have.
func requiredOf(t reflect.Type) (all []string) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			all = append(all, requiredOf(f.Type)...)
		case options != "omitzero":
			all = append(all, name)
		}
	}
	return all
}

// TestFormsHaveTheMembersOfTheirEvents holds each form to the event that it makes: a
// member that is asked for by another name, or not at all, would be refused.
func TestFormsHaveTheMembersOfTheirEvents(t *testing.T) {
	seen := map[ledger.Type]bool{}
	for _, f := range forms {
		var got []string
		if f.about {
			got = append(got, "innovation")
		}
		for _, x := range f.fields {
			if !x.Optional {
				got = append(got, x.Name)
			}
		}
		slices.Sort(got)
		want := requiredOf(reflect.TypeOf(dataOf[f.event]))
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s asks for %v, %s must have %v", f.name, got, f.event, want)
		}
		seen[f.event] = true
	}
	if len(seen) != len(forms) {
		t.Error("two forms make the same event")
	}
}

func TestFormsThatAreNone(t *testing.T) {
	for _, path := range []string{
		"/skjema/x", "/skjema/trekk", "/skjema/publiser?innovasjon=01GPFV6D801G26SCSKX2Z6X0Q5", "/bekreft/01GPFV6D801G26SCSKX2Z6X0Q5",
		"/skjema/godkjenn?for=983974724&nokkel=x", "/skjema/tilbakekall?for=983974724&nokkel=x", "/utkast/x", "/foretak/000000000/nokler",
	} {
		if _, err := ask(told(), path); err != ErrNotFound {
			t.Errorf("%s: %v", path, err)
		}
	}
}
