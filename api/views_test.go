package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// decode reads an answer as strictly as a program of today would.
func decode[T any](w *world, path string) (thing T) {
	w.t.Helper()
	noError(w.t, json.Unmarshal(w.ok(path, nil).body, &thing, json.RejectUnknownMembers(true)))
	return thing
}

// joins registers an organisation with a key for reports, and for assessments if it sits in the committee.
func (w *world) joins(o ledger.Organisation, sits bool) {
	w.t.Helper()
	w.keys[o.Orgnr] = keys.FromSeed(fmt.Appendf(nil, "joins %26s", o.Orgnr))
	roles := []ledger.Role{ledger.Report}
	if sits {
		roles = append(roles, ledger.Assess)
	}
	w.post(w.sealed(authority, &ledger.Registration{Organisation: o}))
	w.post(w.sealed(authority, &ledger.Enrolment{Organisation: o.Orgnr, Key: enrolled(w.keys[o.Orgnr], roles...)}))
}

// sitters are two organisations of two regions that sit in the committee.
var sitters = []ledger.Orgnr{orgnr(500), orgnr(501)}

func (w *world) committee() {
	for n, region := range []string{"Helse Nord", "Helse Midt-Norge"} {
		w.joins(ledger.Organisation{Orgnr: sitters[n], Name: region + " RHF", Short: region, Kind: ledger.KindRHF, Region: region}, true)
	}
}

// says has the committee say something.
func (w *world) says(d ledger.Data) receipt {
	w.t.Helper()
	return w.post(seal(event(sitters[0], d), w.keys[sitters[0]], w.keys[sitters[1]]))
}

func TestLineageIsShownBothWays(t *testing.T) {
	w := newWorld(t).found()
	root := w.story()
	branch := publication("Digital oppfølging for barn")
	branch.DerivedFrom = root.id()
	one := w.post(w.sealed(bergen, branch))
	twin := w.post(w.sealed(bergen, publication("Digital barneoppfølging")))
	w.post(w.sealed(bergen, &ledger.Merger{Innovation: twin.id(), Into: one.id(), Reason: norwegian("Samme prosjekt.")}))

	for _, asked := range []receipt{root, one, twin} {
		l := decode[projections.Lineage](w, "/api/v1/innovations/"+asked.id()+"/lineage")
		want := []string{root.id(), one.id()}
		if asked.id() == root.id() {
			want = want[:1]
		}
		if !slices.Equal(l.Path, want) || l.Innovation != asked.id() || l.Tree.Innovation != root.id() || l.Tree.Adopters != 1 ||
			len(l.Tree.Branches) != 1 || l.Tree.Branches[0].Innovation != one.id() || l.Tree.Branches[0].Absorbed[0].Innovation != twin.id() {
			t.Errorf("%s: got %+v", asked.id(), l)
		}
	}
}

func TestPatternsAtAPosition(t *testing.T) {
	w := newWorld(t).found()
	published := w.story() // Ahus has adopted from Bergen
	before := w.ledger.Size()
	own := publication("Rask avklaring")
	own.Originators = []ledger.Originator{{Orgnr: ahus, Share: 1000}}
	back := w.post(w.sealed(bergen, confirmation(w.post(w.sealed(ahus, own)))))

	p := decode[projections.Patterns](w, "/api/v1/points/2026/patterns")
	if len(p.Reciprocal) != 1 || p.Reciprocal[0].A.Orgnr != ahus || !slices.Equal(p.Reciprocal[0].Year.BFromA, []int64{back.Index}) || p.Position != w.ledger.Size() {
		t.Errorf("got %+v", p)
	}
	if p := decode[projections.Patterns](w, fmt.Sprintf("/api/v1/points/2026/patterns?position=%d", before)); len(p.Reciprocal) != 0 || p.Position != before {
		t.Errorf("before: got %+v", p)
	}
	w.post(w.sealed(authority, &ledger.YearClosing{Year: 2026}))
	if p := decode[projections.Patterns](w, "/api/v1/points/2026/patterns"); p.Status != "closed" || len(p.Reciprocal) != 1 {
		t.Errorf("closed: got %+v", p)
	}
	for _, of := range []string{"patterns", "organisations"} {
		path := "/api/v1/points/2026/" + of
		w.refused(w.get(path+"?position=5"), "not_found")
		w.refused(w.get(fmt.Sprintf("%s?position=%d", path, w.ledger.Size()+1)), "invalid_query")
		w.refused(w.get(path+"?position=x"), "invalid_query")
	}
	w.refused(w.get("/api/v1/innovations/"+published.id()+"x/lineage"), "not_found")
}

func TestOpenBeforeAClosing(t *testing.T) {
	w := newWorld(t).found()
	published := w.story() // Stavanger is invited, Ahus has confirmed
	w.committee()
	paid := publication("Robot i logistikken")
	paid.Funding = []ledger.Funding{"eu"}
	funded := w.post(w.sealed(bergen, paid))
	out := w.post(w.sealed(ahus, confirmation(funded)))
	request := w.post(w.sealed(stavanger, &ledger.AssessmentRequest{Innovation: funded.id(), Reason: norwegian("Er EU-midlene bare til reiser?")}))
	dispute := w.post(w.sealed(stavanger, &ledger.Dispute{Innovation: published.id(), Adopter: ahus, Reason: norwegian("Det er en pilot.")}))

	o := decode[projections.Open](w, "/api/v1/years/2026/open")
	if len(o.Disputes) != 1 || len(o.Requests) != 1 || len(o.Invitations) != 1 || len(o.KeptOut) != 1 || o.Status != "open" || o.Table.Total != 0 {
		t.Fatalf("got %+v", o)
	}
	if d := o.Disputes[0]; d.Index != dispute.Index || d.Reason.In("nb") != "Det er en pilot." || *d.AtStake != 1250 || *d.TotalThen != 1250 || d.By != stavanger || d.Adopter != ahus {
		t.Errorf("dispute: got %+v", d)
	}
	if r := o.Requests[0]; r.Index != request.Index || r.Reason.In("nb") != "Er EU-midlene bare til reiser?" || r.Adoptions != 1 {
		t.Errorf("request: got %+v", r)
	}
	if i := o.Invitations[0]; i.Adopter != stavanger || i.Innovation != published.id() {
		t.Errorf("invitation: got %+v", i)
	}
	if k := o.KeptOut[0]; k.Index != out.Index || !slices.Equal(k.Reasons, []string{"not_eligible"}) {
		t.Errorf("kept out: got %+v", k)
	}

	// Everything is settled, as was said it would come out.
	no, yes := false, true
	w.says(&ledger.Decision{Innovation: published.id(), Adopter: ahus, Upheld: &no, Reason: norwegian("Den er i drift.")})
	w.says(&ledger.Assessment{Innovation: funded.id(), Revision: funded.Leaf, Eligible: &yes, Reason: norwegian("Bare reiser.")})
	w.post(w.sealed(stavanger, &ledger.Decline{Innovation: published.id(), Reason: norwegian("Vi har en annen.")}))
	o = decode[projections.Open](w, "/api/v1/years/2026/open")
	if o.Counts != (projections.OpenCounts{}) || o.Table.Total != 2500 {
		t.Errorf("settled: got %+v", o)
	}
	if o := decode[projections.Open](w, "/api/v1/years/2025/open"); o.Status != "closed" {
		t.Errorf("2025: got %+v", o)
	}
}

func TestCommitteeLists(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	w.committee()
	var disputes, requests []int64
	for _, by := range []ledger.Orgnr{stavanger, bergen, sitters[0]} {
		disputes = append(disputes, w.post(w.sealed(by, &ledger.Dispute{Innovation: published.id(), Adopter: ahus, Reason: norwegian("Tvil fra " + string(by))})).Index)
		requests = append(requests, w.post(w.sealed(by, &ledger.AssessmentRequest{Innovation: published.id(), Reason: norwegian("Spør " + string(by))})).Index)
	}
	w.post(w.sealed(stavanger, &ledger.DisputeWithdrawal{Innovation: published.id(), Adopter: ahus}))
	if got := w.walk("/api/v1/disputes?limit=1", "index"); !slices.Equal(got, texts(disputes)) {
		t.Errorf("got %v, want %v", got, disputes)
	}
	if got := w.walk("/api/v1/requests?limit=2", "index"); !slices.Equal(got, texts(requests)) {
		t.Errorf("got %v, want %v", got, requests)
	}
	// A page goes on where the last one ended, though that dispute is no longer in the list.
	first := decode[page[projections.DisputeItem]](w, "/api/v1/disputes?status=open&limit=1")
	w.post(w.sealed(bergen, &ledger.DisputeWithdrawal{Innovation: published.id(), Adopter: ahus}))
	second := decode[page[projections.DisputeItem]](w, "/api/v1/disputes?status=open&limit=1&cursor="+first.Next)
	if first.Items[0].Index != disputes[1] || len(second.Items) != 1 || second.Items[0].Index != disputes[2] || second.Next != "" {
		t.Errorf("got %+v, then %+v", first, second)
	}
	if d := second.Items[0]; d.Reason.In("nb") != "Tvil fra "+string(sitters[0]) || d.ByName != "Helse Nord RHF" || d.Year != 2026 || d.Title.In("nb") != "Digital oppfølging" {
		t.Errorf("got %+v", d)
	}
	for query, want := range map[string]int{"status=open": 1, "status=withdrawn": 2, "status=decided": 0, "year=2026": 3, "year=2025": 0, "year=2026&status=open": 1} {
		if got := w.walk("/api/v1/disputes?"+query, "index"); len(got) != want {
			t.Errorf("%s: got %v", query, got)
		}
	}
	for _, bad := range []string{"disputes?status=closed", "disputes?year=20", "disputes?year=x", "disputes?year=10000", "requests?status=decided", "disputes?cursor=-1", "requests?cursor=x"} {
		w.refused(w.get("/api/v1/"+bad), "invalid_query")
	}
}

func TestDecisionsAreListedWithTheirReasons(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	w.committee()
	yes := true
	w.post(w.sealed(stavanger, &ledger.Dispute{Innovation: published.id(), Adopter: ahus, Reason: norwegian("Det er en pilot.")}))
	w.post(w.sealed(stavanger, &ledger.AssessmentRequest{Innovation: published.id(), Reason: norwegian("Et regionalt program?")}))
	decision := w.says(&ledger.Decision{Innovation: published.id(), Adopter: ahus, Upheld: &yes, Reason: norwegian("Ja, en pilot.")})
	assessment := w.says(&ledger.Assessment{Innovation: published.id(), Revision: published.Leaf, Eligible: &yes, Reason: norwegian("Nei, eget.")})

	d := decode[page[projections.DisputeItem]](w, "/api/v1/disputes?status=decided").Items
	if len(d) != 1 || d[0].Decision == nil || d[0].Decision.Index != decision.Index || !d[0].Decision.Upheld || d[0].Decision.Reason.In("nb") != "Ja, en pilot." || d[0].Reason.In("nb") != "Det er en pilot." {
		t.Errorf("got %+v", d)
	}
	r := decode[page[projections.RequestItem]](w, "/api/v1/requests?status=assessed").Items
	if len(r) != 1 || r[0].Assessment == nil || r[0].Assessment.Index != assessment.Index || r[0].Assessment.Reason.In("nb") != "Nei, eget." {
		t.Errorf("got %+v", r)
	}
}

// page is a page of a list.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

func texts(indexes []int64) (all []string) {
	for _, index := range indexes {
		all = append(all, fmt.Sprint(index))
	}
	return all
}

// TestSuccessorsAreShownWithTheirPredecessors merges two hospitals.
func TestSuccessorsAreShownWithTheirPredecessors(t *testing.T) {
	w := newWorld(t).found()
	published := w.story()
	before := w.ok("/api/v1/points/2026", nil)
	w.post(w.sealed(authority, &ledger.Succession{Predecessors: []ledger.Orgnr{bergen, ahus}, Successor: stavanger}))

	o := decode[projections.Organisation](w, "/api/v1/organisations/"+string(stavanger))
	if len(o.Predecessors) != 2 || o.Predecessors[1].Orgnr != bergen || !slices.Equal(o.Predecessors[1].Originated, []string{published.id()}) ||
		len(o.Originated) != 0 || len(o.Adopted) != 1 {
		t.Errorf("got %+v", o)
	}
	at := decode[projections.TodaySums](w, fmt.Sprintf("/api/v1/points/2026/organisations?position=%d", w.ledger.Size()-1))
	if len(at.Rows) != 2 || at.Total != 1250 || len(at.Rows[0].Predecessors) != 0 {
		t.Errorf("before: got %+v of %s", at, before.body)
	}
	if now := decode[projections.TodaySums](w, "/api/v1/points/2026/organisations"); len(now.Rows) != 0 || now.Total != 0 {
		t.Errorf("an organisation adopts from itself: got %+v", now)
	}
}

// TestMunicipalities follows a municipality that originates and adopts, once the rules name its kind.
func TestMunicipalities(t *testing.T) {
	w := newWorld(t).found()
	w.story()
	from := 2020
	tromsø, alta := orgnr(600), orgnr(601)
	for _, o := range []ledger.Orgnr{tromsø, alta} {
		w.joins(ledger.Organisation{Orgnr: o, Name: "Kommune " + string(o), Short: "k" + string(o), Kind: ledger.KindMunicipality, Region: "Helse Nord", Municipality: "5501", MeasuredFrom: &from}, false)
	}
	made := publication("Digitalt tilsyn i sykehjem")
	made.Originators = []ledger.Originator{{Orgnr: tromsø, Share: 1000}}
	i := w.post(w.sealed(tromsø, made))
	near, far := w.post(w.sealed(alta, confirmation(i))), w.post(w.sealed(ahus, confirmation(i)))
	of := w.post(w.sealed(bergen, publication("Legemiddelgjennomgang på video")))
	adopted := w.post(w.sealed(tromsø, confirmation(of)))
	w.post(w.sealed(tromsø, &ledger.Dispute{Innovation: of.id(), Adopter: tromsø, Reason: norwegian("Vi tok feil av årstallet.")}))
	w.post(w.sealed(tromsø, &ledger.DisputeWithdrawal{Innovation: of.id(), Adopter: tromsø}))

	if table := decode[projections.Table](w, "/api/v1/points/2026"); rowOf(table, tromsø) != nil || rowOf(table, alta) != nil {
		t.Errorf("points before the rules name municipalities: %+v", table)
	}
	o := decode[projections.Open](w, "/api/v1/years/2026/open")
	if len(o.KeptOut) != 3 || o.KeptOut[0].Index != near.Index || !slices.Equal(o.KeptOut[0].Reasons, []string{"adopter_not_measured", "no_originator_measured"}) {
		t.Errorf("kept out: got %+v", o.KeptOut)
	}

	rules := *decode[projections.Table](w, "/api/v1/points/2026").Rules
	rules.ID, rules.EligibleKinds = "2026-b", append(rules.EligibleKinds, ledger.KindMunicipality)
	w.post(w.sealed(authority, &ledger.RulesPublication{Rules: rules}))
	table := decode[projections.Table](w, "/api/v1/points/2026")
	if r := rowOf(table, tromsø); r == nil || r.Originated != 2000 || r.Adopted != 250 || r.Region != "Helse Nord" || len(r.Lines) != 3 ||
		r.Lines[0].Index != near.Index || r.Lines[0].Reach != "same_region" || r.Lines[1].Index != far.Index || r.Lines[2].Index != adopted.Index {
		t.Errorf("got %+v", r)
	}
	if r := rowOf(table, alta); r == nil || r.Adopted != 250 {
		t.Errorf("got %+v", r)
	}
	at := slices.IndexFunc(table.Regions, func(r projections.RegionSum) bool { return r.Region == "Helse Nord" })
	if at < 0 || table.Regions[at].Originated != 2000 || table.Regions[at].Adopted != 500 {
		t.Errorf("regions: got %+v", table.Regions)
	}
	if o := decode[projections.Open](w, "/api/v1/years/2026/open"); len(o.KeptOut) != 0 {
		t.Errorf("kept out: got %+v", o.KeptOut)
	}
	if got := w.walk("/api/v1/innovations?region=Helse%20Nord", "id"); !slices.Equal(got, []string{i.id()}) {
		t.Errorf("by region: got %v", got)
	}
	w.post(w.sealed(authority, &ledger.YearClosing{Year: 2026}))
	if a := w.get("/api/v1/points/2026/corrections"); a.StatusCode != http.StatusOK {
		t.Errorf("corrections: %d %s", a.StatusCode, a.body)
	}
}

func rowOf(t projections.Table, o ledger.Orgnr) *projections.Row {
	for k := range t.Rows {
		if t.Rows[k].Orgnr == o {
			return &t.Rows[k]
		}
	}
	return nil
}
