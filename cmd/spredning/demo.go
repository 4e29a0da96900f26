package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/keys"
	"spredning/ledger"
)

//go:embed demo/organisations.csv demo/story.yaml demo/hjemmesykehus.md demo/emeistring-forde.md demo/stille-natt.md
var demoFiles embed.FS

const (
	demoOrigin = "spredning.example/demo"
	demoShort  = "HOD" // the authority, in the story
)

// demoFounded is when the demo's ledger is said to be founded.
var demoFounded = time.Date(2023, 1, 2, 8, 0, 0, 0, time.UTC)

func demoCommand(e *env) *cobra.Command {
	var s serving
	var dir string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Found an illustrative ledger, tell a story in it and serve it",
		Long: `Found an illustrative ledger with the real Norwegian hospitals in it, tell a story
of innovations and adoptions from 2023 to 2026, each signed with that hospital's
own key, and serve it all.

The story is made up: those hospitals have confirmed nothing. The folder is
temporary and removed at the end, unless you give one with --data; it is the same
as one of spredning found, so you can go on with it.`,
		Example: "  spredning demo\n  spredning demo --data demo --listen 127.0.0.1:8099",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir != "" {
				return e.demo(cmd.Context(), dir, s)
			}
			dir, err := os.MkdirTemp("", "spredning-demo-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			return e.demo(cmd.Context(), dir, s)
		},
	}
	s.flags(cmd, "127.0.0.1:8080")
	cmd.Flags().StringVar(&dir, "data", "", "data folder to make and keep")
	return cmd
}

func (e *env) demo(ctx context.Context, dir string, s serving) error {
	t := &teller{env: e, dir: dir, keys: map[ledger.Orgnr]*keys.Private{}, orgnrs: map[string]ledger.Orgnr{demoShort: demoAuthority.Orgnr}}
	logger, err := s.logger(e.err, slog.LevelError)
	if err != nil {
		return err
	}
	logKey, err := e.keyOr(logKeyFile(dir), demoOrigin, nil)
	if err != nil {
		return err
	}
	t.node, err = openNode(ctx, nodeConfig{dir: dir, origin: demoOrigin, logKey: logKey, now: t.now, logger: logger})
	if err != nil {
		return err
	}
	defer func() { t.node.close() }()
	if err := t.tell(ctx); err != nil {
		return fmt.Errorf("telling the story: %w", err)
	}
	// From here on the clock is everyone's.
	t.node.close()
	if t.node, err = openNode(ctx, nodeConfig{dir: dir, logKey: logKey, now: e.now, logger: logger}); err != nil {
		return err
	}
	return s.run(ctx, t.node, logger, t.welcome)
}

var demoAuthority = ledger.Organisation{
	Orgnr: "983887406", Name: "Helse- og omsorgsdepartementet", Short: demoShort, Kind: ledger.KindAuthority,
}

// teller tells the story through Submit, as anyone would. Ids follow from what
// is told, so telling it again to the same ledger changes nothing.
type teller struct {
	*env
	dir    string
	node   *node
	clock  time.Time
	steps  int
	keys   map[ledger.Orgnr]*keys.Private
	orgnrs map[string]ledger.Orgnr // by short name
	made   map[string]made         // innovations by their name in the story
	bar    *progress
}

// made is an innovation of the story.
type made struct {
	id          ulid.ULID
	revision    string
	originators []ledger.Originator
}

func (t *teller) now() time.Time { return t.clock }

func (t *teller) tell(ctx context.Context) error {
	orgs, err := demoOrganisations()
	if err != nil {
		return err
	}
	steps, err := demoSteps()
	if err != nil {
		return err
	}
	t.made = map[string]made{}
	t.bar = newProgress(t.env.err, "Telling the story", 1+2*len(orgs)+len(steps))
	defer t.bar.done()
	t.clock = demoFounded
	if err := t.found(ctx); err != nil {
		return err
	}
	for _, o := range orgs {
		if err := t.register(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", o.Short, err)
		}
	}
	for _, s := range steps {
		if err := t.step(ctx, s); err != nil {
			return fmt.Errorf("%s, %s by %s: %w", s.At.Format(time.DateOnly), s.Type, s.By, err)
		}
	}
	return nil
}

func (t *teller) found(ctx context.Context) error {
	k, err := t.key(demoAuthority)
	if err != nil {
		return err
	}
	illustrative := true
	_, err = t.submit(ctx, demoAuthority.Orgnr, &ledger.Founding{
		Name: "Spredning (demonstrasjon)", Illustrative: &illustrative, Authority: demoAuthority,
		Keys: []ledger.Key{enrolment(k.Public, "administrator", ledger.Admin)}, LogKey: t.node.logKey.String(),
	}, demoAuthority.Orgnr)
	return err
}

// key gives an organisation's key, made in the data folder where it is missing.
func (t *teller) key(o ledger.Organisation) (*keys.Private, error) {
	k, err := t.keyOr(filepath.Join(t.dir, "keys", fileName(o.Short)), string(o.Orgnr), nil)
	t.keys[o.Orgnr] = k
	return k, err
}

// fileName makes a short name fit for a file: "St. Olav" is st-olav.
func fileName(short string) string {
	name := strings.ToLower(strings.NewReplacer(" ", "-", ".", "", "æ", "ae", "ø", "o", "å", "a", "Ø", "o", "Å", "a", "Æ", "ae").Replace(short))
	return name
}

func (t *teller) register(ctx context.Context, o ledger.Organisation) error {
	t.orgnrs[o.Short] = o.Orgnr
	t.clock = t.clock.Add(time.Minute)
	if _, err := t.submit(ctx, demoAuthority.Orgnr, &ledger.Registration{Organisation: o}, demoAuthority.Orgnr); err != nil {
		return err
	}
	k, err := t.key(o)
	if err != nil {
		return err
	}
	t.clock = t.clock.Add(time.Minute)
	_, err = t.submit(ctx, demoAuthority.Orgnr, &ledger.Enrolment{
		Organisation: o.Orgnr, Key: enrolment(k.Public, "innovasjonsrådgiver", rolesIn(o)...),
	}, demoAuthority.Orgnr)
	return err
}

// rolesIn gives what an organisation's key may do in the story: the regional health
// authorities are the committee too.
func rolesIn(o ledger.Organisation) []ledger.Role {
	if o.Kind == ledger.KindRHF {
		return []ledger.Role{ledger.Admin, ledger.Report, ledger.Assess}
	}
	return []ledger.Role{ledger.Admin, ledger.Report}
}

// submit seals data with the keys of all who must sign and submits it.
func (t *teller) submit(ctx context.Context, by ledger.Orgnr, data ledger.Data, signers ...ledger.Orgnr) (ledger.Receipt, error) {
	event := newEvent(demoOrigin, by, t.clock, data)
	event.ID = t.id()
	payload, err := event.Encode()
	if err != nil {
		return ledger.Receipt{}, err
	}
	var envelope keys.Envelope
	envelope.Payload = payload
	for _, o := range signers {
		if err := envelope.Add(t.keys[o]); err != nil {
			return ledger.Receipt{}, err
		}
	}
	receipt, _, err := t.node.ledger.Submit(ctx, envelope.Encode())
	t.bar.add(1)
	return receipt, err
}

// id gives the next step's id: its time, and a hash of its number.
func (t *teller) id() ulid.ULID {
	t.steps++
	sum := sha256.Sum256(fmt.Appendf(nil, "spredning demo %d", t.steps))
	return ulid.MustNew(ulid.Timestamp(t.clock), bytes.NewReader(sum[:]))
}

// step is one step of the story, with short names and names of innovations in
// place of organisation numbers and ids.
type step struct {
	At   time.Time      `yaml:"at"`
	By   string         `yaml:"by"`
	Type ledger.Type    `yaml:"type"`
	With []string       `yaml:"with"` // who signs too, for the committee
	Name string         `yaml:"name"`
	Data map[string]any `yaml:"data"`
}

func demoSteps() (steps []step, err error) {
	raw, err := demoFiles.ReadFile("demo/story.yaml")
	if err == nil {
		err = yaml.Unmarshal(raw, &steps)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the story: %w", err)
	}
	return steps, nil
}

func (t *teller) step(ctx context.Context, s step) error {
	t.clock = s.At
	by, ok := t.orgnrs[s.By]
	if !ok {
		return fmt.Errorf("%q is no organisation of the story", s.By)
	}
	signers := []ledger.Orgnr{by}
	about := t.names(s.Data)
	told, err := attachTold(s.Data)
	if err != nil {
		return err
	}
	data, err := dataOf(s.Type, s.Data)
	if err != nil {
		return err
	}
	switch d := data.(type) {
	case *ledger.Publication:
		signers = originators(d.Originators)
	case *ledger.Revision:
		signers = originators(append(slices.Clone(about.originators), d.Originators...))
	case *ledger.Withdrawal:
		signers = originators(about.originators)
	case *ledger.Merger:
		signers = originators(append(slices.Clone(about.originators), t.madeBy(d.Into)...))
	case *ledger.Confirmation:
		d.Revision = about.revision
	case *ledger.Assessment:
		d.Revision = about.revision
	}
	for _, other := range s.With {
		signers = append(signers, t.orgnrs[other])
	}
	receipt, err := t.submit(ctx, by, data, signers...)
	if err != nil {
		return err
	}
	t.remember(s, data, receipt)
	return t.store(ctx, told)
}

// attachTold puts what an event says of a file in the place of each one that the
// story attaches, and gives their bytes by their SHA-256.
func attachTold(data map[string]any) (told map[string][]byte, err error) {
	told = map[string][]byte{}
	attachments, _ := data["attachments"].([]any)
	for _, a := range attachments {
		a := a.(map[string]any)
		b, err := demoFiles.ReadFile(fmt.Sprint("demo/", a["file"]))
		if err != nil {
			return nil, fmt.Errorf("reading a file of the story: %w", err)
		}
		named := ledger.AttachmentOf(ledger.Markdown, b)
		delete(a, "file")
		a["sha256"], a["media_type"], a["size"] = named.SHA256, named.MediaType, named.Size
		told[named.SHA256] = b
	}
	return told, nil
}

// store stores the files of a step. Those that were erased since the story was told
// before stay so.
func (t *teller) store(ctx context.Context, told map[string][]byte) error {
	for sha256, b := range told {
		if _, err := t.node.attachments.Put(ctx, sha256, b); err != nil && !errors.Is(err, ledger.ErrErased) {
			return err
		}
	}
	return nil
}

// names puts organisation numbers and ids in the place of the story's names,
// and gives the innovation that the step is about.
func (t *teller) names(data map[string]any) (about made) {
	if name, ok := data["innovation"].(string); ok {
		about = t.made[name]
		data["innovation"] = about.id.String()
	}
	for _, field := range []string{"derived_from", "into"} {
		if name, ok := data[field].(string); ok {
			data[field] = t.made[name].id.String()
		}
	}
	if name, ok := data["adopter"].(string); ok {
		data["adopter"] = string(t.orgnrs[name])
	}
	list, _ := data["originators"].([]any)
	for _, o := range list {
		o := o.(map[string]any)
		o["orgnr"] = string(t.orgnrs[o["orgnr"].(string)])
	}
	return about
}

// dataOf reads data of a type of event. What is missing is noticed by Submit.
func dataOf(t ledger.Type, fields map[string]any) (ledger.Data, error) {
	if t == ledger.AdoptionConfirmed || t == ledger.InnovationAssessed {
		fields["revision"] = strings.Repeat("0", 64)
	}
	b, err := json.Marshal(fields, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	return ledger.ParseData(t, b)
}

func originators(os []ledger.Originator) (all []ledger.Orgnr) {
	for _, o := range os {
		if !slices.Contains(all, o.Orgnr) {
			all = append(all, o.Orgnr)
		}
	}
	return all
}

// madeBy gives the originators of an innovation.
func (t *teller) madeBy(id string) []ledger.Originator {
	for _, m := range t.made {
		if m.id.String() == id {
			return m.originators
		}
	}
	return nil
}

func (t *teller) remember(s step, data ledger.Data, r ledger.Receipt) {
	leaf := tlog.RecordHash(r.Entry)
	revision := hex.EncodeToString(leaf[:])
	switch d := data.(type) {
	case *ledger.Publication:
		e, err := ledger.ParseEntry(r.Index, r.Entry)
		if err == nil {
			t.made[s.Name] = made{e.ID, revision, d.Originators}
		}
	case *ledger.Revision:
		for name, m := range t.made {
			if m.id.String() == d.Of {
				t.made[name] = made{m.id, revision, d.Originators}
			}
		}
	}
}

// demoOrganisations reads the organisations of the reference data.
func demoOrganisations() (orgs []ledger.Organisation, err error) {
	raw, err := demoFiles.ReadFile("demo/organisations.csv")
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading the organisations: %w", err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	for _, r := range rows[1:] {
		cell := func(name string) string { return r[column[name]] }
		orgs = append(orgs, ledger.Organisation{
			Orgnr: ledger.Orgnr(cell("orgnr")), Name: cell("name"), Short: cell("short"), Kind: ledger.Kind(cell("kind")),
			Region: cell("region"), Parent: ledger.Orgnr(cell("parent")), Municipality: cell("municipality_code"),
			Lat: optional(cell("lat"), parseFloat), Lon: optional(cell("lon"), parseFloat),
			MeasuredFrom: optional(cell("measured_from"), strconv.Atoi), MeasuredTo: optional(cell("measured_to"), strconv.Atoi),
		})
	}
	return orgs, nil
}

func parseFloat(s string) (float64, error) { return strconv.ParseFloat(s, 64) }

// optional reads a cell that may be empty.
func optional[T any](cell string, parse func(string) (T, error)) *T {
	v, err := parse(cell)
	if err != nil {
		return nil
	}
	return &v
}

// welcome says where to look.
func (t *teller) welcome(base string) {
	some := t.made["emeistring"].id
	fmt.Fprintf(t.out, `
%s: %d entries on %s
An illustration: the hospitals named in it have confirmed nothing.

  %s/
  %s/api/v1/innovations
  %s/api/v1/innovations/%s/adoptions
  %s/api/v1/innovations/%s/stories
  %s/api/v1/points/2026
  %s/log/checkpoint

Look at the points, and take part as a hospital (in another terminal):

  spredning points 2026 --url %s
  spredning confirm %s --url %s \
      --key %s

Or in the browser, with a passkey; follow the link that this prints:

  spredning key invite --role report --label innovasjonsrådgiver \
      --url %s --key %s

The folder is %s. Stop with Ctrl-C.
`, demoOrigin, t.node.ledger.Size(), base, base, base, base, some, base, some, base, base, base, some, base, filepath.Join(t.dir, "keys", "sunnaas"),
		byName(base), filepath.Join(t.dir, "keys", "sunnaas"), t.dir)
}

// byName is an address on this machine by its name: passkeys are for names alone.
func byName(base string) string { return strings.Replace(base, "//127.0.0.1:", "//localhost:", 1) }
