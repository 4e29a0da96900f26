package site

import (
	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// waitingKey is one that was made by invitation and waits to be approved.
type waitingKey struct {
	ledger.WaitingKey
	KeyID keys.ID
	Code  string // which two people compare
}

// waiting lists the keys that wait for an organisation's approval.
func (v *visit) waiting(o ledger.Orgnr) (all []waitingKey, err error) {
	if v.Waiting == nil {
		return nil, nil
	}
	found, err := v.Waiting(v.Context(), o)
	for _, w := range found {
		id := w.Public.ID()
		all = append(all, waitingKey{w, id, keys.Code(id)})
	}
	return all, err
}

// draftShown is the page of an event that waits for signatures. The browser reads it and
// checks that it is the one which the address names.
type draftShown struct {
	Hash string
	By   []actor
	signing
}

// draftPage is /utkast/{hash}.
func (v *visit) draftPage() (shown, error) {
	p := draftShown{Hash: v.Param("hash")}
	if _, err := ledger.ParseLeaf(p.Hash); err != nil { // a hash has the same form
		return shown{}, ErrNotFound
	}
	v.read(func(f *projections.Fold) {
		p.signing = signingOf(f)
		for _, o := range f.Acting() {
			if k := passkeysOf(f, o.Orgnr, ledger.Report, ledger.Assess, ledger.Admin); k != "[]" {
				p.By = append(p.By, actor{Orgnr: o.Orgnr, Name: o.Name, Keys: k})
			}
		}
	})
	return shown{Data: p, Lead: v.t("draft.lead"), Scripts: signScripts, NoIndex: true}, nil
}

// enrolShown is the page where an invitation becomes a passkey.
type enrolShown struct {
	Name string // the ledger's
	signing
}

// enrolPage is /nokkel. The token stands after # in the address, where no server sees it.
func (v *visit) enrolPage() (shown, error) {
	var p enrolShown
	v.read(func(f *projections.Fold) {
		if d := f.Founding(); d != nil {
			p.Name = d.Name
		}
	})
	return shown{Data: p, Lead: v.t("enrol.lead"), Scripts: signScripts, NoIndex: true}, nil
}

// keysShown is an organisation's keys, for its administrator.
type keysShown struct {
	Orgnr   ledger.Orgnr
	Origin  string
	Waiting []waitingKey
	Keys    []projections.Key
	By      []actor
	signing
}

// keysPage is /foretak/{orgnr}/nokler.
func (v *visit) keysPage() (shown, error) {
	p := keysShown{Orgnr: ledger.Orgnr(v.Param("orgnr")), Origin: v.Ledger.Origin()}
	var o ledger.Organisation
	var ok bool
	v.read(func(f *projections.Fold) {
		if o, ok = f.Registered(p.Orgnr); !ok {
			return
		}
		p.Keys = f.KeysOf(p.Orgnr, "")
		p.By = append(p.By, actor{Orgnr: o.Orgnr, Name: o.Name, Keys: passkeysOf(f, o.Orgnr, ledger.Admin)})
		if a, ok := f.Registered(f.Authority()); ok && a.Orgnr != o.Orgnr {
			p.By = append(p.By, actor{Orgnr: a.Orgnr, Name: a.Name, Keys: passkeysOf(f, a.Orgnr, ledger.Admin)})
		}
	})
	if !ok {
		return shown{}, ErrNotFound
	}
	var err error
	if p.Waiting, err = v.waiting(p.Orgnr); err != nil {
		return shown{}, err
	}
	return shown{
		Data: p, Title: v.t("keys.heading", "name", o.Name), Lead: v.t("keys.lead"), Scripts: signScripts, NoIndex: true, Volatile: true,
		Crumbs: []crumb{{"/foretak", v.t("organisations.title")}, {"/foretak/" + string(o.Orgnr), o.Name}},
	}, nil
}
