package ledger_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hdevalence/ed25519consensus"
	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/tlog"

	fmtlog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"

	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/tiles"
)

// BenchmarkAudit audits a log of many Ed25519 entries in the mix of the design,
// and verifies the same signatures, and nothing else, in batches on all
// processors. The goal is 0.7 × that. SPREDNING_ENTRIES says how many there are.
// Processor time tells more than the clock on a machine that does other things.
func BenchmarkAudit(b *testing.B) {
	log := bigLog(b, benchEntries(b))
	p, err := ledger.ReadPublished(log)
	noError(b, err)
	b.ResetTimer()
	for range b.N {
		alone, aloneCPU := verifyAlone(b, p)
		stop := profiling(b)
		start, cpu := time.Now(), cpuTime()
		done, err := ledger.Auditor{}.Audit(context.Background(), p)
		noError(b, err)
		stop()
		took, tookCPU := time.Since(start), cpuTime()-cpu
		if done.Entries != p.Size || done.Signatures < p.Size {
			b.Fatalf("%d of %d entries", done.Entries, p.Size)
		}
		n := float64(p.Size)
		b.ReportMetric(n/took.Seconds(), "entries/s")
		b.ReportMetric(n/alone.Seconds(), "alone/s")
		b.ReportMetric(alone.Seconds()/took.Seconds(), "×alone")
		b.ReportMetric(aloneCPU.Seconds()/tookCPU.Seconds(), "×alone-cpu")
		b.ReportMetric(tookCPU.Seconds()*1e6/n, "cpu-µs/entry")
	}
}

// BenchmarkRestore gives an empty stream all that such a log has.
func BenchmarkRestore(b *testing.B) {
	log := bigLog(b, benchEntries(b))
	for range b.N {
		n := newNode(b)
		stream, err := n.openStream()
		noError(b, err)
		start := time.Now()
		added, err := ledger.Restore(context.Background(), stream, log, func(int) {})
		noError(b, err)
		b.ReportMetric(float64(added)/time.Since(start).Seconds(), "entries/s")
		stream.Close()
	}
}

func benchEntries(b *testing.B) int {
	n := 20_000
	if s := os.Getenv("SPREDNING_ENTRIES"); s != "" {
		var err error
		n, err = strconv.Atoi(s)
		noError(b, err)
	}
	return n
}

// verifyAlone verifies all signatures of a log in batches, on all processors, and
// gives how long that alone took.
func verifyAlone(b *testing.B, p ledger.Published) (took, cpu time.Duration) {
	const segment, batch = 20_000, 128
	enrolled := map[keys.ID]keys.Public{}
	flush := func(checks []keys.Check) {
		start, before := time.Now(), cpuTime()
		var all sync.WaitGroup
		share := (len(checks) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
		for from := 0; from < len(checks); from += share {
			all.Go(func() {
				for at := from; at < min(from+share, len(checks)); at += batch {
					to := min(at+batch, from+share, len(checks))
					v := ed25519consensus.NewPreallocatedBatchVerifier(to - at)
					for _, c := range checks[at:to] {
						v.Add(c.Key.Bytes, c.Message, c.Sig)
					}
					if !v.Verify() {
						b.Error("a signature does not hold")
					}
				}
			})
		}
		all.Wait()
		took, cpu = took+time.Since(start), cpu+cpuTime()-before
	}
	var checks []keys.Check
	noError(b, ledger.Replay(p.Tree, 0, p.Size, func(entries []*ledger.Entry) error {
		for _, e := range entries {
			switch d := e.Data.(type) {
			case *ledger.Founding:
				for _, k := range d.Keys {
					enrolled[k.PublicKey().ID()] = k.PublicKey()
				}
			case *ledger.Enrolment:
				enrolled[d.Key.PublicKey().ID()] = d.Key.PublicKey()
			}
			for _, s := range e.Envelope.Signatures {
				checks = append(checks, keys.Check{Key: enrolled[s.KeyID], Message: keys.PAE(e.Envelope.Payload), Sig: s.Sig})
			}
		}
		if len(checks) >= segment {
			flush(checks)
			checks = nil
		}
		return nil
	}))
	flush(checks)
	return took, cpu
}

// bigLog makes a valid log of n entries of about 1 KB in the mix of the design,
// past the commit path.
func bigLog(b *testing.B, n int) *tiles.Log {
	b.Helper()
	log, err := tiles.Open(filepath.Join(b.TempDir(), "log"))
	noError(b, err)
	b.Cleanup(func() { _ = log.Close() })
	g := newGenerator(b)
	sign := func(size int64, root tlog.Hash) ([]byte, error) {
		text := fmtlog.Checkpoint{Origin: origin, Size: uint64(size), Hash: root[:]}.Marshal()
		return note.Sign(&note.Note{Text: string(text)}, g.logKey)
	}
	for from := 0; from < n; {
		entries := g.block(min(5000, n-from))
		noError(b, log.Append(entries, sign))
		from += len(entries)
	}
	return log
}

// generator makes valid entries in the mix of the design.
type generator struct {
	*node
	made      int
	confirmed int
	invited   int
	published []string // revisions
	ids       []string
	summary   string
}

const benchHospitals = 50

func newGenerator(b *testing.B) *generator {
	g := &generator{node: newNode(b), summary: strings.Repeat("Erstatter en eldre løsning ved poliklinikken. ", 3)}
	for i := range benchHospitals {
		g.keys[benchOrgnr(i)] = seededKey(byte(100 + i))
	}
	return g
}

// block makes the next n entries. Innovations come first: confirmations name
// their hashes.
func (g *generator) block(n int) [][]byte {
	makers := make([]func() []byte, 0, n+2*benchHospitals+5)
	if g.made == 0 {
		makers = g.beginning(makers)
	}
	for len(makers) < n {
		makers = append(makers, g.next(g.made+len(makers)))
	}
	entries := make([][]byte, len(makers))
	inParallelDo(runtime.GOMAXPROCS(0), len(makers), func(i int) { entries[i] = makers[i]() })
	g.made += len(entries)
	return entries
}

func (g *generator) beginning(makers []func() []byte) []func() []byte {
	add := func(by ledger.Orgnr, d ledger.Data) {
		i := len(makers)
		makers = append(makers, func() []byte { return g.sealed(i, by, d) })
	}
	add(authority, g.founding(g.logKey))
	hospitals := []ledger.Orgnr{bergen, ahus}
	for i := range benchHospitals {
		hospitals = append(hospitals, benchOrgnr(i))
	}
	from := 2003
	for i, o := range hospitals {
		add(authority, &ledger.Registration{Organisation: ledger.Organisation{Orgnr: o, Name: "Sykehus " + string(o), Short: string(o), Kind: ledger.KindHF, Region: ledger.Regions[i%4], MeasuredFrom: &from}})
		add(authority, &ledger.Enrolment{Organisation: o, Key: enrolled(g.keys[o], ledger.Admin, ledger.Report)})
	}
	return makers
}

// next prepares the entry at an index.
func (g *generator) next(index int) func() []byte {
	switch k := index % 100; {
	case k == 0:
		return func() []byte {
			return g.sealed(index, authority, &ledger.Enrolment{Organisation: bergen, Key: enrolled(seededKey16(index), ledger.Report)})
		}
	case k < 10 || len(g.published)*benchHospitals <= g.confirmed || len(g.published) <= g.invited:
		p := publication()
		p.Summary.NB = &g.summary
		entry := g.sealed(index, bergen, p)
		leaf := tlog.RecordHash(entry)
		g.published, g.ids = append(g.published, hex.EncodeToString(leaf[:])), append(g.ids, idAt(index).String())
		return func() []byte { return entry }
	case k < 15:
		i := g.invited
		g.invited++
		return func() []byte {
			return g.sealed(index, bergen, &ledger.Invitation{Innovation: g.ids[i], Adopter: ahus, Note: ledger.Text{NB: &g.summary}})
		}
	}
	i := g.confirmed
	g.confirmed++
	return func() []byte {
		return g.sealed(index, benchOrgnrs()[i%benchHospitals], &ledger.Confirmation{
			Innovation: g.ids[i/benchHospitals], Revision: g.published[i/benchHospitals], InUseFrom: "2025-01-01",
			Extent: "hospital", Form: "as_is", Funding: []ledger.Funding{ledger.Own}, Replaces: &ledger.Text{NB: &g.summary},
		})
	}
}

// benchOrgnrs are the numbers of benchOrgnr, which takes its time.
var benchOrgnrs = sync.OnceValue(func() (all [benchHospitals]ledger.Orgnr) {
	for i := range all {
		all[i] = benchOrgnr(i)
	}
	return all
})

func (g *generator) sealed(index int, by ledger.Orgnr, d ledger.Data) []byte {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return sealed(ledger.Event{Ledger: origin, ID: idAt(index), Type: ledger.TypeOf(d), By: by, At: at, Data: d}, g.keys[by])
}

// idAt is the id of the event at an index.
func idAt(index int) (id ulid.ULID) {
	binary.BigEndian.PutUint64(id[8:], uint64(index)+1)
	return id
}
