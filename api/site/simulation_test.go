package site

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"golang.org/x/net/html"

	"spredning/ledger"
	"spredning/projections"
)

// simulationExamples are scenarios of all years: the start, with other rules and
// weights, without points, and with faults.
func simulationExamples(s *Site) (all []string) {
	for _, year := range yearsOf(s) {
		at := fmt.Sprintf("/simulering?year=%d", year)
		all = append(
			all, at, at+"&adopter.same_region=0.125&originator.other_region=3", at+"&basis=project&lineage=once&eligible_kinds=hf",
			at+"&max_adoptions_per_innovation=1&combine=shares&average_years=1&weights.grants=2.5",
			at+"&originator.same_region=0&adopter.same_region=0&originator.other_region=0&adopter.other_region=0",
			at+"&originator.same_region=x&adopter.other_region=9&average_years=0&eligible_kinds=&basis=y&max_per_originator_adopter=-1&grants=g.csv",
		)
	}
	return all
}

// rowsOf gives the cells of the body of a table, row by row.
func rowsOf(t *testing.T, page, caption string) (rows [][]string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	elements(doc, func(n *html.Node) {
		if n.Data != "table" || !strings.Contains(words(n), caption) {
			return
		}
		elements(n, func(tr *html.Node) {
			if tr.Data != "tr" || !within(tr, "tbody") {
				return
			}
			var cells []string
			elements(tr, func(c *html.Node) {
				if c.Data == "td" || c.Data == "th" {
					cells = append(cells, strings.TrimSpace(words(c)))
				}
			})
			rows = append(rows, cells)
		})
	})
	return rows
}

// sharesOf gives the shares that a page shows: before, after and the difference.
func sharesOf(t *testing.T, l *language, page string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, cells := range rowsOf(t, page, l.t("simulation.shares_caption")) {
		if len(cells) == 4 {
			all[cells[0]] = cells[1:]
		}
	}
	return all
}

// TestSimulationShowsWhatTheSimulationGives computes scenarios as the API is asked
// for them.
func TestSimulationShowsWhatTheSimulationGives(t *testing.T) {
	s := told()
	var readings *projections.Readings
	s.View.Read(func(f *projections.Fold) { readings = f.Readings() })
	differ := 0
	for _, c := range []struct {
		query string
		vary  [][2]string
		asked string
	}{
		{"", nil, `{"average_years": 3}`},
		{"originator.other_region=2,5&originator.same_region=4&adopter.same_region=0.125&adopter.other_region=0,3", [][2]string{
			{"originator.other_region", "2.5"}, {"originator.same_region", "4"}, {"adopter.same_region", "0.125"}, {"adopter.other_region", "0.3"},
		}, `{"average_years": 3}`},
		{"basis=project&average_years=1&eligible_kinds=hf", [][2]string{{"basis", "project"}, {"eligible_kinds", "hf"}}, `{"average_years": 1}`},
		{"own_funding_only=false&exclude_regional_initiatives=false&lineage=once&max_adoptions_per_innovation=2", [][2]string{
			{"own_funding_only", "false"}, {"exclude_regional_initiatives", "false"}, {"lineage", "once"}, {"max_adoptions_per_innovation", "2"},
		}, `{"average_years": 3}`},
		{"combine=shares&weights.spread=0", nil, `{"combine": "shares", "weights": {"grants": 1, "spread": 0, "commercialisation": 1}}`},
	} {
		for _, y := range readings.Years() {
			asked := new(projections.Simulation)
			if err := json.Unmarshal([]byte(c.asked), asked); err != nil {
				t.Fatal(err)
			}
			start := illustrativeRules(y.Year)
			if y.Rules != nil {
				start = *y.Rules
			}
			for _, v := range c.vary {
				var err error
				if start, err = projections.Vary(start, v[0], v[1]); err != nil {
					t.Fatal(err)
				}
			}
			if len(c.vary) > 0 || y.Rules == nil {
				asked.Rules = &start
			}
			want, err := readings.Run(asked)
			if err != nil {
				t.Fatal(err)
			}
			page := text(t, s, fmt.Sprintf("/simulering?year=%d&%s", y.Year, c.query))
			shares := sharesOf(t, bokmaal, page)
			for _, r := range indicatorOf(want, y.Year) {
				if got := shares[r.Region]; len(got) != 3 && r.Share != 0 || len(got) == 3 && got[1] != bokmaal.percent(r.Share) {
					t.Errorf("%s in %d: %s has %v, not %s", c.query, y.Year, r.Region, got, r.Share)
				} else if len(got) == 3 && got[0] != got[1] {
					differ++
				}
			}
			for k, sim := range want.Years {
				if sim.Year == y.Year {
					sameHospitals(t, page, want.Years[k])
				}
			}
			leads(t, s, page, y.Year)
		}
	}
	if differ < 10 {
		t.Errorf("only %d shares differ", differ)
	}
}

// sameHospitals looks for all whose points differ, and why.
func sameHospitals(t *testing.T, page string, y projections.SimulatedYear) {
	t.Helper()
	rows := rowsOf(t, page, bokmaal.t("simulation.hospitals_caption"))
	if len(rows) != min(len(y.Differences.Rows), mostHospitals) {
		t.Errorf("%d: %d organisations of %d", y.Year, len(rows), len(y.Differences.Rows))
	}
	last := projections.Delta(1 << 40)
	for _, cells := range rows {
		k := slices.IndexFunc(y.Differences.Rows, func(d projections.RowDifference) bool {
			return d.Name == cells[0] && bokmaal.change(ledger.Milli(d.Total)) == cells[4]
		})
		if k < 0 {
			t.Errorf("%d: %v is none of the differences", y.Year, cells)
			continue
		}
		if d := abs(y.Differences.Rows[k].Total); d > last {
			t.Errorf("%d: %v comes after a smaller difference", y.Year, cells)
		} else {
			last = d
		}
		for _, l := range y.Differences.Lines {
			if l.Orgnr == y.Differences.Rows[k].Orgnr && !strings.Contains(cells[5], bokmaal.word("line_reason", l.Reason)) {
				t.Errorf("%d: %v does not say %s", y.Year, cells, l.Reason)
			}
		}
	}
}

// leads follows the links of those whose points differ: to their lines of the year, if
// they have any under the rules in force.
func leads(t *testing.T, s *Site, page string, year int) {
	t.Helper()
	var table projections.Table
	s.View.Read(func(f *projections.Fold) { table, _ = f.Table(year) })
	for _, m := range regexp.MustCompile(`<tr><th scope="row"><a href="([^"]*/([0-9]{9}))">`).FindAllStringSubmatch(page, -1) {
		text(t, s, m[1])
		has := slices.ContainsFunc(table.Rows, func(r projections.Row) bool { return string(r.Orgnr) == m[2] })
		if has != strings.HasPrefix(m[1], "/poeng/") {
			t.Errorf("%s has lines of %d: %v, and a link to %s", m[2], year, has, m[1])
		}
	}
}

var linkTo = regexp.MustCompile(`id="simulation-link" class="code" href="([^"]*)"`)

// linkOf is a page's link to its scenario.
func linkOf(page string) string {
	m := linkTo.FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// TestSimulationLinksHoldTheScenario: a link has what differs and nothing else, and
// gives the same page.
func TestSimulationLinksHoldTheScenario(t *testing.T) {
	s := told()
	year := yearsOf(s)[len(yearsOf(s))-1]
	start := newScenario(bokmaal, year, nil)
	s.View.Read(func(f *projections.Fold) { start = newScenario(bokmaal, year, f.RulesFor(year)) })
	whole := url.Values{"year": {strconv.Itoa(year)}, "grants": {""}, "colour": {"red"}}
	for _, f := range start.order {
		whole[f.Name] = strings.Split(f.plain, ",")
	}
	if link := linkOf(text(t, s, "/simulering?"+whole.Encode())); link != fmt.Sprintf("/simulering?year=%d", year) {
		t.Errorf("what differs in nothing has the link %s", link)
	}
	other := map[fieldKind]string{asPoints: "7,25", asLimit: "4", asYears: "2", asSome: "rhf"}
	for _, l := range languages {
		for _, f := range start.order {
			value := other[f.Kind]
			if f.Kind == asChoice {
				value = f.Options[slices.IndexFunc(f.Options, func(o string) bool { return o != f.start })]
			}
			q := url.Values{f.Name: {value}}
			if strings.HasPrefix(f.Name, "adopter") { // which stay below the originators'
				q.Set(strings.Replace(f.Name, "adopter", "originator", 1), "8")
			}
			page := text(t, s, l.path("/simulering")+"?"+q.Encode())
			link := linkOf(page)
			u, err := url.Parse(link)
			if err != nil || len(u.Query()) != len(q)+1 || u.Query().Get(f.Name) != strings.Replace(value, ",", ".", 1) {
				t.Errorf("%s=%s has the link %q", f.Name, value, link)
			}
			again := text(t, s, link)
			if linkOf(again) != link || fmt.Sprint(sharesOf(t, l, again)) != fmt.Sprint(sharesOf(t, l, page)) {
				t.Errorf("%s gives another page than %s=%s", link, f.Name, value)
			}
		}
	}
}

// TestSimulationFaultsAreShownAtTheField: a bad value is kept, marked and explained,
// and nothing is computed.
func TestSimulationFaultsAreShownAtTheField(t *testing.T) {
	s := told()
	for _, l := range languages {
		for query, fault := range map[string]string{
			"originator.same_region=x":                        l.word("field_fault", asPoints),
			"originator.same_region=":                         l.word("field_fault", asPoints),
			"originator.other_region=-1":                      l.word("field_fault", asPoints),
			"originator.other_region=1000.001":                l.word("field_fault", asPoints),
			"adopter.same_region=0.0001":                      l.word("field_fault", asPoints),
			"weights.grants=1e3":                              l.word("field_fault", asPoints),
			"grant_points.eu=%3Cscript%3E":                    l.word("field_fault", asPoints),
			"commercialisation_points.licence=NaN":            l.word("field_fault", asPoints),
			"adopter.same_region=1&originator.same_region=1":  l.t("scenario.below", "points", ledger.Milli(1000)),
			"adopter.other_region=9&originator.other_region=": l.word("field_fault", asPoints),
			"max_adoptions_per_innovation=1.5":                l.word("field_fault", asLimit),
			"max_per_originator_adopter=1000001":              l.word("field_fault", asLimit),
			"average_years=0":                                 l.word("field_fault", asYears),
			"average_years=11":                                l.word("field_fault", asYears),
			"basis=none":                                      l.word("field_fault", asChoice),
			"own_funding_only=":                               l.word("field_fault", asChoice),
			"combine=best":                                    l.word("field_fault", asChoice),
			"eligible_kinds=":                                 l.word("field_fault", asSome),
			"eligible_kinds=hf&eligible_kinds=bank":           l.word("field_fault", asSome),
			"grants=g.csv":                                    l.t("simulation.unsent"),
		} {
			path := l.path("/simulering") + "?" + query
			page := text(t, s, path)
			name, value, _ := strings.Cut(strings.Split(query, "&")[0], "=")
			value, _ = url.QueryUnescape(value)
			kept := `value="` + html.EscapeString(value) + `"`
			if !strings.Contains(page, `aria-invalid="true"`) || strings.Count(html.UnescapeString(page), fault) < 2 || linkOf(page) != "" || len(sharesOf(t, l, page)) > 0 {
				t.Errorf("%s is not refused", path)
			}
			if value != "" && !slices.Contains([]string{"basis", "combine", "eligible_kinds", "grants"}, name) && !strings.Contains(page, kept) {
				t.Errorf("%s: what was typed is lost", path)
			}
			for _, f := range faults(page, l) {
				t.Errorf("%s: %s", path, f)
			}
		}
	}
	if page := text(t, s, "/simulering?weights.grants="+strings.Repeat("9", 5000)); strings.Contains(page, `value="`+strings.Repeat("9", maxTyped+1)) {
		t.Error("as much is kept as one wants")
	}
	for _, year := range []string{"1999", "x", "02025", "-1"} {
		if _, err := ask(s, "/simulering?year="+year); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", year, err)
		}
	}
}

// form is a form with files as a browser sends it.
func form(values map[string]string, files map[string]string) (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range values {
		_ = w.WriteField(name, value) // memory takes all
	}
	for name, file := range files {
		part, _ := w.CreateFormFile(name, name+".csv")
		_, _ = part.Write([]byte(file))
	}
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}

func send(s *Site, l *language, body []byte, contentType string) (string, error) {
	r := httptest.NewRequest(http.MethodPost, l.path("/simulering"), bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	for _, route := range s.Routes() {
		if route.Path == r.URL.Path {
			a, err := route.Show(&Request{Request: r})
			return string(a.Body), err
		}
	}
	return "", errors.New("no page takes the form")
}

// TestSimulationCountsFiles compares with the simulation of the same rows.
func TestSimulationCountsFiles(t *testing.T) {
	s := told()
	var readings *projections.Readings
	var hospitals []ledger.Orgnr
	s.View.Read(func(f *projections.Fold) {
		readings = f.Readings()
		for _, h := range f.Hospitals() {
			if isHospital(h.Kind) && h.Region != "" {
				hospitals = append(hospitals, h.Orgnr)
			}
		}
	})
	years := yearsOf(s)
	year := years[len(years)-1]
	grants := fmt.Sprintf("year;orgnr;amount_nok;source\n%d;%s;12 000 000;eu\n", year, hospitals[0])
	results := fmt.Sprintf("orgnr,year,kind,count\n%s,%d,licence,7\n%s,%d,dofi,1\n", hospitals[1], year, hospitals[0], year-1)
	asked := &projections.Simulation{}
	asked.Weights = &projections.Weights{Grants: new(ledger.Milli(500)), Spread: new(ledger.Milli(1000)), Commercialisation: new(ledger.Milli(1000))}
	asked.Grants, _, _ = projections.GrantsCSV([]byte(grants))
	asked.Commercialisation, _, _ = projections.ResultsCSV([]byte(results))
	want, err := readings.Run(asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range languages {
		body, kind := form(map[string]string{"year": strconv.Itoa(year), "weights.grants": "0.5"}, map[string]string{"grants": grants, "commercialisation": results})
		page, err := send(s, l, body, kind)
		if err != nil {
			t.Fatal(err)
		}
		shares := sharesOf(t, l, page)
		for _, r := range indicatorOf(want, year) {
			if got := shares[r.Region]; len(got) != 3 || got[1] != l.percent(r.Share) || got[0] == got[1] && r.Share != 0 {
				t.Errorf("%s in %s has %v, not %s", r.Region, l.tag, got, r.Share)
			}
		}
		link := fmt.Sprintf("%s?weights.grants=0.5&year=%d", l.path("/simulering"), year)
		if linkOf(page) != link || !strings.Contains(page, html.EscapeString(l.count("simulation.rows", 2, "file", "commercialisation.csv"))) {
			t.Errorf("in %s the link is %s", l.tag, linkOf(page))
		}
		for _, other := range languages {
			if !strings.Contains(html.UnescapeString(page), `<a href="`+strings.Replace(link, l.path("/simulering"), other.path("/simulering"), 1)+`" lang=`) {
				t.Errorf("the scenario is lost on the way from %s to %s", l.tag, other.tag)
			}
		}
		for _, f := range faults(page, l) {
			t.Errorf("%s: %s", l.tag, f)
		}
	}
}

// TestSimulationFilesAreRefused: a bad file names its line, and the scenario is kept.
func TestSimulationFilesAreRefused(t *testing.T) {
	s := told()
	var hospital, nowhere ledger.Orgnr
	s.View.Read(func(f *projections.Fold) {
		for _, h := range f.Hospitals() {
			if isHospital(h.Kind) && h.Region != "" {
				hospital = h.Orgnr
			} else if h.Region == "" && h.SucceededBy == "" { // a successor may have one
				nowhere = h.Orgnr
			}
		}
	})
	const header = "orgnr,year,source,amount_nok\n"
	good := header + string(hospital) + ",2025,eu,1\n"
	years := header
	for year := range 51 {
		years += fmt.Sprintf("%s,%d,eu,1\n", hospital, 1900+year)
	}
	line := func(l *language, n int, fault string) string {
		return l.t("simulation.csv_line", "line", n, "fault", fault)
	}
	for _, l := range languages {
		column := func(key, column string) string {
			return strings.NewReplacer("{column}", column, "{columns}", "orgnr, year, source, amount_nok").Replace(l.word("csv_fault", key))
		}
		for file, fault := range map[string]string{
			"":                                    line(l, 1, column("empty", "")),
			"\xff\xfeo\x00":                       line(l, 1, column("encoding", "")),
			"orgnr,year,source\n":                 line(l, 1, column("missing", "amount_nok")),
			"year," + header:                      line(l, 1, column("twice", "year")),
			good + "12,2025,eu,1":                 line(l, 3, l.word("csv_cell", "orgnr")),
			good + "983974724,x,eu,1":             line(l, 3, l.word("csv_cell", "year")),
			good + "983974724,2025,lotto,1":       line(l, 3, l.word("csv_cell", "source")),
			good + "\n983974724,2025,eu,-1":       line(l, 4, l.word("csv_cell", "amount_nok")),
			good + "9839\"74724,2025,eu,1":        line(l, 3, column("quote", "")),
			good + "\n\n974760673,2025,eu,1":      line(l, 5, column("unknown", "")),
			good + string(nowhere) + ",2025,eu,1": line(l, 3, column("no_region", "")),
			years:                                 line(l, 52, column("years", "year")),
			good + strings.Repeat(string(hospital)+",2025,eu,1000000000000\n", 101): line(l, 102, column("too_much", "amount_nok")),
			good + strings.Repeat("#", maxRows):                                     l.t("simulation.too_large", "n", 1),
		} {
			body, kind := form(map[string]string{"weights.grants": "0.75"}, map[string]string{"grants": file})
			page, err := send(s, l, body, kind)
			if err != nil || strings.Count(html.UnescapeString(page), fault) < 2 || !strings.Contains(page, l.typed(asPoints, `value="0.75"`)) || len(sharesOf(t, l, page)) > 0 {
				t.Errorf("%.60q in %s: %v, does not say %s", file, l.tag, err, fault)
			}
			for _, f := range faults(page, l) {
				t.Errorf("%.60q in %s: %s", file, l.tag, f)
			}
		}
	}
	body, kind := form(nil, map[string]string{"grants": strings.Repeat("#", maxSent)})
	if _, err := send(s, bokmaal, body, kind); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a form of any size is read: %v", err)
	}
	body, kind = form(nil, map[string]string{"grants": good})
	if _, err := send(s, bokmaal, body[:len(body)-20], kind); !errors.Is(err, ErrInvalid) {
		t.Errorf("half a form is read: %v", err)
	}
	if _, err := send(s, bokmaal, []byte("year=2025"), "application/x-www-form-urlencoded"); !errors.Is(err, ErrInvalid) {
		t.Errorf("another form is read: %v", err)
	}
}

// TestSimulationExamplesCanBeSent sends the files that the page shows as examples.
func TestSimulationExamplesCanBeSent(t *testing.T) {
	page := text(t, told(), "/simulering")
	examples := regexp.MustCompile(`<code>(orgnr,[^<]*)</code>`).FindAllStringSubmatch(page, -1)
	if len(examples) != 2 {
		t.Fatalf("%d examples", len(examples))
	}
	body, kind := form(nil, map[string]string{"grants": examples[0][1], "commercialisation": examples[1][1]})
	if page, err := send(told(), bokmaal, body, kind); err != nil || linkOf(page) == "" {
		t.Errorf("an example is refused: %v", err)
	}
}

// TestSimulationScript runs the parts of the script that need no browser.
func TestSimulationScript(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	const checks = `
const same = (got, want) => { if (!Object.is(got, want)) throw new Error(got + ", not " + want); };
same(numberOf("0,25"), 0.25); same(numberOf(" 1 000.5 "), 1000.5); same(numberOf(""), NaN); same(numberOf("x"), NaN);
same(typed(0.25, "nb"), "0,25"); same(typed(0.25, "en"), "0.25"); same(typed(3, "nn"), "3");
same(JSON.stringify(sliderOf("years", 10)), '{"min":1,"max":10,"step":1}'); same(sliderOf("points", 3).step, 0.05);
same(queryOf([["a.b", "0,25"], ["grants", {name: "g.csv"}], ["k", ""], ["k", "hf"]]), "a.b=0%2C25&k=&k=hf");
`
	script := sources(t, "static/simulate.js")["static/simulate.js"] + checks
	cmd := exec.Command(node, "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	// What the script looks for is in the page.
	page := text(t, told(), "/simulering")
	for _, m := range regexp.MustCompile(`\$\("([a-z-]+)"\)|"#([a-z-]+)"`).FindAllStringSubmatch(script, -1) {
		if id := m[1] + m[2]; !strings.Contains(page, `id="`+id+`"`) {
			t.Errorf("the page has no %s", id)
		}
	}
}
