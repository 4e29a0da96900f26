package projections_test

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"spredning/ledger"
	tale "spredning/ledger/story"
	"spredning/projections"
)

// library is what the queries below are asked of, by a word for each.
func library() (*story, map[string]string) {
	s := newStory()
	ids := map[string]string{}
	for _, i := range []struct{ word, title, summary string }{
		{"hjemmesykehus", "Avansert hjemmesykehus for barn", "Barnesykepleiere drar hjem til familien og gir intravenøs medisin."},
		{"heime", "Behandling heime", "Sjukehuset si behandling blir gitt i heimen til pasienten."},
		{"ki", "Kunstig intelligens ved beinbrudd", "Røntgenbilder tolkes med maskinell støtte."},
		{"psyk", "Brukerstyrte senger i psykisk helsevern", "Pasienten bestemmer selv når det trengs en plass."},
		{"dialyse", "Hjemmedialyse med skjerm", "Pasienter med nyresvikt får veiledning på video."},
		{"tvang", "Firedagersbehandling for tvangslidelse (OCD)", "Eksponering samles på fire dager."},
		{"måling", "Måling av søvn", "Pasienten registrerer søvnen sin i en app."},
		{"maling", "Ny maling på veggene", "Lyse farger i korridoren."},
		{"slag", "Slaglege i ambulansen", "Legen undersøker pasienten på video ved mistanke om hjerneslag."},
		{"tavle", "Felles tavle for pakkeforløp kreft", "Avdelingene ser de samme fristene."},
		{"3d", "3D-printede modeller for operasjon", "Kirurgen planlegger med en modell av bruddet."},
		{"born", "Born og unge på poliklinikken", "Rettleiing av foreldre til born med angst."},
		{"øye", "Screening av øyne", "Kartlegging av synet etter sykdom."},
	} {
		ids[i.word] = s.tells(i.title, i.summary, maker).id
	}
	return s, ids
}

func TestSearchFindsAsANorwegianReaderExpects(t *testing.T) {
	s, ids := library()
	fold := s.now()
	for query, want := range map[string]string{
		"sykehus":                  "hjemmesykehus heime",
		"sjukehus":                 "hjemmesykehus heime",
		"SYKEHUS":                  "hjemmesykehus heime",
		"sykehuset":                "hjemmesykehus heime",
		"sjukehusa":                "hjemmesykehus heime",
		"hjemmesykehus":            "hjemmesykehus",
		"heimesjukehus":            "hjemmesykehus",
		"heimesjukehuset":          "hjemmesykehus",
		"hjemmesyk":                "hjemmesykehus",
		"barnesykepleier":          "hjemmesykehus",
		"sykepleier":               "hjemmesykehus",
		"sjukepleiarar":            "hjemmesykehus",
		"barn":                     "hjemmesykehus born",
		"born":                     "hjemmesykehus born",
		"barna":                    "hjemmesykehus born",
		"hjemme":                   "hjemmesykehus heime dialyse",
		"heime":                    "hjemmesykehus heime dialyse",
		"behandling":               "heime tvang",
		"behandlingar":             "heime tvang",
		"firedagersbehandling":     "tvang",
		"firedagars behandling":    "tvang",
		"OCD":                      "tvang",
		"tvangslidelser":           "tvang",
		"tvangsliding":             "tvang",
		"KI":                       "ki",
		"ki":                       "ki",
		"AI":                       "ki",
		"kunstig intelligens":      "ki",
		"artificial intelligence":  "ki",
		"beinbrudd":                "ki",
		"beinbrot":                 "ki",
		"brudd":                    "ki 3d",
		"måling":                   "måling",
		"målinger":                 "måling",
		"maling":                   "maling",
		"malinger":                 "maling",
		"søvn":                     "måling",
		"sovn":                     "",
		"veiledning":               "dialyse born",
		"rettleiing":               "dialyse born",
		"dialyse":                  "dialyse",
		"nyre":                     "dialyse",
		"nyresvikt på video":       "dialyse",
		"hjerneslag":               "slag",
		"slag":                     "slag",
		"lege ambulanse":           "slag",
		"video lege":               "slag",
		"pakkeforløp":              "tavle",
		"kreft tavle":              "tavle",
		"3D":                       "3d",
		"modell":                   "3d",
		"kirurgar":                 "3d",
		"unge":                     "born",
		"øye":                      "øye",
		"auge":                     "øye",
		"öye":                      "øye",
		"angst":                    "born",
		"psykisk":                  "psyk",
		"helsevern":                "psyk",
		"brukerstyrt":              "psyk",
		"brukarstyrt":              "psyk",
		"røntgen":                  "ki",
		"helikopter":               "",
		"sykehus helikopter":       "",
		"barn på sykehus hjemme":   "hjemmesykehus",
		"  «Avansert»  sykehus!  ": "hjemmesykehus",
		"Bergen":                   "",
	} {
		var got []string
		found, _ := fold.Innovations(projections.Query{Words: query}, -1, 100)
		for word, id := range ids {
			if slices.ContainsFunc(found, func(i projections.Innovation) bool { return i.ID == id }) {
				got = append(got, word)
			}
		}
		wanted := strings.Fields(want)
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%q finds %q, not %q", query, got, wanted)
		}
	}
}

func TestSearchFindsByTheOriginatorsName(t *testing.T) {
	s, ids := library()
	s.amends(maker, func(o *ledger.Organisation) { o.Name, o.Short = "Helse Fonna sykehus HF", "Haugaland" })
	for query, want := range map[string]int{"Fonna": len(ids), "haugaland": len(ids), "fonn": len(ids), "onna": 0, "Fonna sykehus": 2, "Fonna dialyse": 1} {
		if found, _ := s.now().Innovations(projections.Query{Words: query}, -1, 100); len(found) != want {
			t.Errorf("%q finds %d, not %d", query, len(found), want)
		}
	}
}

// TestFiltersCountWhatTheyWouldFind compares counts with what is found when their
// values are asked for.
func TestFiltersCountWhatTheyWouldFind(t *testing.T) {
	fold := aRandomFold(t)
	for _, base := range []projections.Search{{}, {Query: projections.Query{Kind: "service"}}, {Reach: projections.OtherRegion}, {Query: projections.Query{Region: "Helse Vest"}, Reach: projections.SameRegion}} {
		base.Limit = 1 << 20
		found := fold.Find(base)
		if found.Total != len(found.Innovations) || base.Kind == "" && base.Reach == "" && found.Total < 10 {
			t.Fatalf("%d found, %d of them", found.Total, len(found.Innovations))
		}
		n := 0
		check := func(counts []projections.Count, set func(*projections.Search, string)) {
			for _, c := range counts {
				s := base
				set(&s, c.Value)
				if got := fold.Find(s).Total; got != c.N {
					t.Errorf("%+v: %s finds %d, counted %d", base, c.Value, got, c.N)
				}
				n++
			}
		}
		check(found.Regions, func(s *projections.Search, v string) { s.Region = v })
		check(found.Kinds, func(s *projections.Search, v string) { s.Kind = v })
		check(found.Reaches, func(s *projections.Search, v string) { s.Reach = v })
		check(found.Originators, func(s *projections.Search, v string) { s.Originator = ledger.Orgnr(v) })
		check(found.Adopters, func(s *projections.Search, v string) { s.Adopter = ledger.Orgnr(v) })
		if n < 5 {
			t.Errorf("%+v: only %d values", base, n)
		}
	}
}

func TestFindGoesThroughPagesInOrder(t *testing.T) {
	fold := aRandomFold(t)
	all := fold.Find(projections.Search{MostSpread: true, Limit: 1 << 20}).Innovations
	var paged []string
	for from := 0; from < len(all); from += 7 {
		for _, i := range fold.Find(projections.Search{MostSpread: true, From: from, Limit: 7}).Innovations {
			paged = append(paged, i.ID)
		}
	}
	for k, i := range all {
		if paged[k] != i.ID || k > 0 && all[k-1].Spread.Adopters < i.Spread.Adopters {
			t.Fatalf("%d is out of order", k)
		}
	}
	if beyond := fold.Find(projections.Search{From: 1 << 20, Limit: 5}); len(beyond.Innovations) != 0 || beyond.Total != len(all) {
		t.Errorf("%d beyond the end", len(beyond.Innovations))
	}
}

// TestFiguresAndArrivalsAreThoseOfTheInnovations sums up what the innovations say
// one by one.
func TestFiguresAndArrivalsAreThoseOfTheInnovations(t *testing.T) {
	fold := aRandomFold(t)
	figures := fold.Figures()
	var want projections.Figures
	entries := map[int64]string{}
	all, _ := fold.Innovations(projections.Query{Status: "published"}, -1, 1<<20)
	for _, i := range all {
		want.Innovations++
		want.Adoptions += i.Spread.Adopters
		want.InUse += i.Spread.InUse
		want.OtherRegion += i.Spread.OtherRegion
		if i.Spread.Adopters > 0 {
			want.Spread++
		}
		pairs, _ := fold.Pairs(i.ID)
		for _, p := range pairs {
			if p.Status == "confirmed" || p.Status == "ended" {
				entries[*p.Index] = i.ID
			}
		}
	}
	want.Originators, want.Adopters = figures.Originators, figures.Adopters
	if figures != want || figures.Adoptions == 0 || figures.Adopters == 0 {
		t.Errorf("%+v, not %+v", figures, want)
	}
	arrivals := fold.Arrivals(1 << 20)
	if len(arrivals) != len(entries) {
		t.Errorf("%d arrivals, %d adoptions", len(arrivals), len(entries))
	}
	last := int64(1 << 60)
	for _, a := range arrivals {
		if entries[a.Index] != a.Innovation || a.Index >= last {
			t.Errorf("entry %d of %s", a.Index, a.Innovation)
		}
		last = a.Index
	}
}

// aRandomFold is of a ledger in which everything happens.
func aRandomFold(t *testing.T) *projections.Fold {
	s, err := tale.New(tale.Config{Origin: worldOrigin, Seed: 11, Organisations: 20, Entries: 1500, Hasty: true})
	if err != nil {
		t.Fatal(err)
	}
	fold := projections.NewFold()
	if err := s.Tell(func(e *ledger.Entry) error { fold.Apply(e); return nil }); err != nil {
		t.Fatal(err)
	}
	return fold
}

// TestSurveyIsSharedAndOfItsPosition has many ask for everything at once, before and after
// an entry comes: all get the same, and of now.
func TestSurveyIsSharedAndOfItsPosition(t *testing.T) {
	s, _ := library()
	f := s.now()
	for range 3 {
		fresh := s.now()
		searches := []projections.Search{{Limit: 3}, {Limit: 3, MostSpread: true}, {Limit: 3, From: 2}}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for _, search := range searches {
					if got, want := f.Find(search), fresh.Find(search); !reflect.DeepEqual(got, want) {
						t.Errorf("%+v: got %+v, want %+v", search, got, want)
					}
				}
				hospitals := f.Hospitals()
				if !reflect.DeepEqual(hospitals, fresh.Hospitals()) || f.Figures() != fresh.Figures() {
					t.Errorf("got %+v, want %+v", f.Figures(), fresh.Figures())
				}
				hospitals[0].Made = -1 // which is a copy
			})
		}
		all.Wait()
		s.publishes(nil, maker)
		f.Apply(s.entries[len(s.entries)-1])
	}
}
