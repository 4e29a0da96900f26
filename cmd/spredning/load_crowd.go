package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
	"spredning/ledger"
	"spredning/ledger/story"
)

// crowd is hospitals under load, with their keys: it makes events that are
// admissible one after the other, and as long as what they name is in the ledger in
// any order too. An innovation is named only once it has been told with took.
type crowd struct {
	origin    string
	authority ledger.Orgnr
	admin     *keys.Private // of the authority
	hospitals []hospital    // the last one confirms nothing and is invited
	mix       mix
	now       func() time.Time
	padding   [kinds]int // bytes of text that bring an event to its size

	mu        sync.Mutex
	chance    *rand.Rand
	drawn     int           // intents
	published []publication // in the ledger
	confirmed int           // of those, which everyone has confirmed that can
	adopters  int           // of the one after them
	invited   int           // of those, which the guest is invited to
}

type hospital struct {
	ledger.Organisation
	key *keys.Private
}

// publication is an innovation in the ledger.
type publication struct {
	id, revision string
	maker        int
	index        int64
}

// intent is an event, or a read, that is not yet signed.
type intent struct {
	kind  kind
	by    ledger.Orgnr
	key   *keys.Private
	data  ledger.Data
	maker int    // of a publication
	path  string // of a read
}

// sealed is a signed event, or a read, that is ready to be sent.
type sealed struct {
	kind  kind
	entry []byte
	path  string
	new   publication // if it is one
}

// firstHospital is the number of the crowd's first hospital, far beyond those of a
// story.
const firstHospital = 50_000

// newCrowd makes the hospitals of a seed. Each event is about size bytes long, those
// of organisations and keys excepted.
func newCrowd(origin string, authority ledger.Orgnr, admin *keys.Private, d *driving) (*crowd, error) {
	c := &crowd{origin: origin, authority: authority, admin: admin, mix: d.mix, now: time.Now, chance: rand.New(rand.NewPCG(d.seed, 1))}
	from := 2003
	for n := range d.organisations {
		seed := sha256.Sum256(fmt.Appendf(nil, "spredning load %d, no secret: hospital %d", d.seed, n))
		c.hospitals = append(c.hospitals, hospital{ledger.Organisation{
			Orgnr: story.Orgnr(firstHospital + n), Name: fmt.Sprintf("Belastning %d HF", n+1), Short: fmt.Sprintf("Bel %d", n+1), Kind: ledger.KindHF,
			Region: ledger.Regions[n%len(ledger.Regions)], MeasuredFrom: &from,
		}, keys.FromSeed(seed[:])})
	}
	return c, c.measure(d.size)
}

// measure finds how much text makes each kind of event as long as asked for.
func (c *crowd) measure(size int) error {
	sample := publication{id: strings.Repeat("0", 26), revision: strings.Repeat("0", 64)}
	for k, d := range map[kind]intent{publishes: c.publish(), confirms: c.confirm(sample, 1), others: c.invite(sample)} {
		m, err := c.seal(d)
		if err != nil {
			return err
		}
		c.padding[k] = max(0, (size-len(m.entry))*3/4) // a payload is in base64
	}
	return nil
}

// joining are the events that make the hospitals known; those that are known keep
// what they are.
func (c *crowd) joining() (all []intent) {
	for _, h := range c.hospitals {
		all = append(all,
			intent{kind: organises, by: c.authority, key: c.admin, data: &ledger.Registration{Organisation: h.Organisation}},
			intent{kind: organises, by: c.authority, key: c.admin, data: &ledger.Enrolment{Organisation: h.Orgnr, Key: enrolment(h.key.Public, keyLabel, ledger.Admin, ledger.Report)}})
	}
	return all
}

const keyLabel = "no secret, follows from a seed"

// opening are the events that let adoptions score: rules, and this year.
func (c *crowd) opening() []intent {
	one, quarter, none, yes := ledger.Milli(1000), ledger.Milli(250), 0, true
	year := c.now().UTC().Year()
	rules := ledger.Rules{
		ID: "load", FromYear: year, Basis: ledger.BasisAdoption, Lineage: ledger.LineageEach,
		Originator: ledger.Values{SameRegion: &one, OtherRegion: &one}, Adopter: ledger.Values{SameRegion: &quarter, OtherRegion: &quarter},
		EligibleKinds: []ledger.Kind{ledger.KindHF}, OwnFundingOnly: &yes, ExcludeRegionalInitiatives: &yes,
		MaxAdoptionsPerInnovation: &none, MaxPerOriginatorAdopter: &none, Illustrative: &yes,
	}
	return []intent{
		{kind: organises, by: c.authority, key: c.admin, data: &ledger.RulesPublication{Rules: rules}},
		{kind: organises, by: c.authority, key: c.admin, data: &ledger.YearOpening{Year: year}},
	}
}

// publishedFor is how many innovations so many events need, if they are made before
// any of them is in the ledger.
func (c *crowd) publishedFor(events int) int {
	share := max(c.mix[confirms], c.mix[others], c.mix[reads])
	if share == 0 {
		return 0
	}
	confirmations := events * c.mix[confirms] / c.mix.total()
	return 10 + confirmations*11/10/c.confirmers()
}

// confirmers is how many confirm an innovation: all but its maker and the guest.
func (c *crowd) confirmers() int { return len(c.hospitals) - 2 }

// took tells that an innovation is in the ledger.
func (c *crowd) took(p publication) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.published = append(c.published, p)
}

// next is what comes next in the mix. Where nothing is left to confirm, invite to
// or read, it is a publication.
func (c *crowd) next() intent {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drawn++
	switch c.mix.draw(c.chance) {
	case confirms:
		return c.nextConfirmation()
	case organises:
		return c.organise()
	case others:
		return c.nextOther()
	case reads:
		return c.read()
	}
	return c.publish()
}

func (c *crowd) nextConfirmation() intent {
	if c.confirmed == len(c.published) {
		return c.publish()
	}
	p := c.published[c.confirmed]
	adopter := (p.maker + 1 + c.adopters) % (len(c.hospitals) - 1)
	if c.adopters++; c.adopters == c.confirmers() {
		c.confirmed, c.adopters = c.confirmed+1, 0
	}
	return c.confirm(p, adopter)
}

func (c *crowd) confirm(p publication, adopter int) intent {
	h := c.hospitals[adopter]
	return intent{kind: confirms, by: h.Orgnr, key: h.key, data: &ledger.Confirmation{
		Innovation: p.id, Revision: p.revision, InUseFrom: c.newYear(), Extent: "hospital", Form: "as_is",
		Funding: []ledger.Funding{ledger.Own}, Replaces: new(filler(c.padding[confirms], 1000)),
	}}
}

// newYear is the first day of this year, when all that is made here was in use.
func (c *crowd) newYear() ledger.Date {
	return ledger.Date(fmt.Sprintf("%d-01-01", c.now().UTC().Year()))
}

func (c *crowd) publish() intent {
	maker := c.drawn % (len(c.hospitals) - 1)
	h := c.hospitals[maker]
	title, no := fmt.Sprintf("Belastning %d", c.drawn), false
	return intent{kind: publishes, by: h.Orgnr, key: h.key, maker: maker, data: &ledger.Publication{Innovation: ledger.Innovation{
		Title: ledger.Text{NB: &title}, Summary: filler(c.padding[publishes], 2000), Kind: "service",
		Originators: []ledger.Originator{{Orgnr: h.Orgnr, Share: 1000}}, Funding: []ledger.Funding{ledger.Own},
		RegionalInitiative: &no, InUseSince: c.newYear(),
	}}}
}

// organise changes an organisation, or gives it a further key.
func (c *crowd) organise() intent {
	h := c.hospitals[c.drawn%len(c.hospitals)]
	d := intent{kind: organises, by: c.authority, key: c.admin}
	if c.drawn%2 == 0 {
		h.Contact = fmt.Sprintf("https://belastning.example/%d", c.drawn)
		d.data = &ledger.Amendment{Organisation: h.Organisation}
		return d
	}
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(rand.Uint32()) // another one in each run: a key is enrolled once ever
	}
	d.data = &ledger.Enrolment{Organisation: h.Orgnr, Key: enrolment(keys.FromSeed(seed[:]).Public, keyLabel, ledger.Report)}
	return d
}

// nextOther invites the guest to an innovation, or asks for an assessment of one.
func (c *crowd) nextOther() intent {
	if len(c.published) == 0 {
		return c.publish()
	}
	if c.drawn%2 == 0 && c.invited < len(c.published) {
		c.invited++
		return c.invite(c.published[c.invited-1])
	}
	p, h := c.published[c.chance.IntN(len(c.published))], c.hospitals[len(c.hospitals)-1]
	return intent{kind: others, by: h.Orgnr, key: h.key, data: &ledger.AssessmentRequest{
		Innovation: p.id, Reason: filler(c.padding[others], 1000),
	}}
}

func (c *crowd) invite(p publication) intent {
	h, guest := c.hospitals[p.maker], c.hospitals[len(c.hospitals)-1]
	return intent{kind: others, by: h.Orgnr, key: h.key, data: &ledger.Invitation{
		Innovation: p.id, Adopter: guest.Orgnr, Note: filler(c.padding[others], 1000),
	}}
}

// read reads an innovation, or the receipt of the entry that published it.
func (c *crowd) read() intent {
	if len(c.published) == 0 {
		return c.publish()
	}
	p := c.published[c.chance.IntN(len(c.published))]
	path := "/api/v1/innovations/" + p.id
	if c.drawn%2 == 0 {
		path = fmt.Sprintf("/api/v1/events/%d/receipt", p.index)
	}
	return intent{kind: reads, path: path}
}

// seal makes one ready to be sent.
func (c *crowd) seal(d intent) (sealed, error) {
	if d.kind == reads {
		return sealed{kind: d.kind, path: d.path}, nil
	}
	event := newEvent(c.origin, d.by, c.now(), d.data)
	payload, err := event.Encode()
	if err != nil {
		return sealed{}, err
	}
	envelope, err := keys.Seal(payload, d.key)
	if err != nil {
		return sealed{}, err
	}
	m := sealed{kind: d.kind, entry: envelope.Encode()}
	if d.kind == publishes {
		leaf := tlog.RecordHash(m.entry)
		m.new = publication{id: event.ID.String(), revision: hex.EncodeToString(leaf[:]), maker: d.maker}
	}
	return m, nil
}

// filler is a text of about so many bytes, at most so many characters of it in a
// language.
func filler(bytes, most int) (t ledger.Text) {
	const words = "Erstatter en eldre rutine ved poliklinikken. "
	for _, in := range []**string{&t.NB, &t.NN, &t.EN, &t.SE} {
		n := max(1, min(bytes, most))
		text := strings.Repeat(words, n/len(words)+1)[:n]
		*in = &text
		if bytes -= n; bytes <= 0 {
			break
		}
	}
	return t
}
