package projections_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// BenchmarkSimilar asks a ledger of 90,000 innovations, those of a million
// entries, for what is similar to a draft. Beside the time of a query it reports
// the memory that the search takes for an innovation, and the time of taking one
// in.
func BenchmarkSimilar(b *testing.B) {
	const innovations, hospitals = 90_000, 100
	r := rand.New(rand.NewPCG(7, 7))
	words := newVocabulary(b, r)
	entries := toldAtRandom(b, r, words, innovations, hospitals)
	f := projections.NewFold()
	for _, e := range entries[:hospitals+1] {
		f.Apply(e)
	}
	for _, e := range entries[hospitals+1:] {
		f.Apply(e)
	}
	b.ResetTimer()
	f.Similar(words.innovation(r, 0), 1) // takes all in
	takenIn := b.Elapsed()
	drafts := make([]ledger.Innovation, 100)
	for k := range drafts {
		drafts[k] = words.innovation(r, k%hospitals)
	}
	b.ResetTimer()
	k := 0
	for b.Loop() {
		f.Similar(drafts[k%len(drafts)], 20)
		k++
	}
	b.StopTimer()
	with := heap()
	f.ForgetTexts()
	kept := with - heap()
	runtime.KeepAlive(f)
	b.ReportMetric(float64(takenIn.Microseconds())/innovations, "µs/innovation")
	b.ReportMetric(float64(kept)/innovations, "bytes/innovation")
}

// vocabulary is words of the field and compounds of them, some far more common
// than others.
type vocabulary struct {
	words []string
	zipf  *rand.Zipf
}

func newVocabulary(tb testing.TB, r *rand.Rand) *vocabulary {
	tb.Helper()
	lists, err := os.ReadFile("words.txt")
	if err != nil {
		tb.Fatal(err)
	}
	_, parts, _ := strings.Cut(string(lists), "[parts]")
	parts, _, _ = strings.Cut(parts, "[common]")
	_, parts, _ = strings.Cut(parts, "\n#")
	single := strings.Fields(parts)
	v := &vocabulary{}
	for range 50_000 {
		w := single[r.IntN(len(single))]
		if r.IntN(3) > 0 {
			w += single[r.IntN(len(single))]
		}
		v.words = append(v.words, w+[]string{"", "en", "er", "ene", "et"}[r.IntN(5)])
	}
	v.zipf = rand.NewZipf(r, 1.1, 20, uint64(len(v.words)-1))
	return v
}

func (v *vocabulary) text(n int) ledger.Text {
	words := make([]string, n)
	for k := range words {
		words[k] = v.words[v.zipf.Uint64()]
	}
	return worldText(strings.Join(words, " "))
}

func (v *vocabulary) innovation(r *rand.Rand, hospital int) ledger.Innovation {
	return ledger.Innovation{
		Title: v.text(6), Summary: v.text(45), Kind: "service", Originators: even(worldOrgnr(hospital + 1)), Funding: []ledger.Funding{ledger.Own},
		RegionalInitiative: new(false), InUseSince: ledger.Date(fmt.Sprintf("20%02d-%02d-01", 10+r.IntN(16), 1+r.IntN(12))),
	}
}

// toldAtRandom gives the entries of a ledger: its founding, its hospitals, what
// they publish.
func toldAtRandom(tb testing.TB, r *rand.Rand, v *vocabulary, innovations, hospitals int) (entries []*ledger.Entry) {
	tb.Helper()
	w := newWorld()
	entries = w.entries
	say := func(by ledger.Orgnr, d ledger.Data) {
		var id ulid.ULID
		must(nil, id.SetTime(uint64(1_800_000_000_000+len(entries))))
		payload, err := ledger.Event{Ledger: worldOrigin, ID: id, Type: ledger.TypeOf(d), By: by, At: worldToday, Data: d}.Encode()
		must(nil, err)
		envelope, err := keys.Seal(payload, w.admins[w.authority])
		must(nil, err)
		entries = append(entries, must(ledger.ParseEntry(int64(len(entries)), envelope.Encode())))
	}
	orgnrs := make([]ledger.Orgnr, hospitals)
	for k := range orgnrs {
		orgnrs[k] = worldOrgnr(k + 1)
		say(w.authority, &ledger.Registration{Organisation: ledger.Organisation{Orgnr: orgnrs[k], Name: "Sykehus", Short: fmt.Sprint(k), Kind: ledger.KindHF}})
	}
	for k := range innovations {
		say(orgnrs[k%hospitals], &ledger.Publication{Innovation: v.innovation(r, k%hospitals)})
	}
	return entries
}
