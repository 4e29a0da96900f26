package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"spredning/ledger"
	"spredning/ledger/story"
	"spredning/projections"
)

// loading is what a folder is filled with.
type loading struct {
	story, dir, origin    string
	seed                  uint64
	events, organisations int
}

func loadCommand(e *env) *cobra.Command {
	var l loading
	d := driving{mix: usual}
	cmd := &cobra.Command{
		Use:   "load [URL]",
		Short: "Put a ledger under load, or fill a folder with one drawn by chance",
		Long: `Put a ledger under load and tell how it bears it: throughput, how long answers
took, what was refused and why, and beside it what the same machine does with bare
durable JetStream publishes, measured right after.

Without a URL the ledger is a new one in a temporary folder, which is removed in
the end. With a URL it is one that is served there. Nothing can be taken out of a
ledger, so it must be marked illustrative, and the key of its authority known:
that of a ledger which --story random has made follows from its --seed, that of
another is given with --key. Its server holds one address to so many requests a
second; spredning serve --write-rate 0 --read-rate 0 does not.

In a closed loop (--waiting) each of so many sends its next event when it has the
answer. In an open loop (--rate) events are sent at even distances whatever is
answered, and times are from when an event was to be sent: while the ledger stalls
they all grow, as they do for people. Events are signed before the clock starts,
up to 50,000; the rest meanwhile, by the same processors.

The mix is weights of publish (innovation.published), confirm (adoption.confirmed),
organisation (key.enrolled, organisation.amended), other (adoption.invited,
innovation.disputed) and read (an innovation, or a receipt). What is not named is
not in it. Where nothing is left to confirm, an innovation is published instead.

With --followers so many follow the ledger live and check that every entry comes
once and in order; if not, or if something got no answer, the exit code is 1.

With --baseline nothing is put under load: it measures what this machine does
without a ledger, each for two seconds or as --for says.

With --story random it fills a new folder instead: it founds an illustrative ledger
and tells, through the same entrance as everyone and with a clock of its own, a
story drawn by chance: organisations that come and merge, innovations, adoptions,
disputes, a committee, several sets of rules, years that open and close. Every type
of event is in it, and every hard case of the rules if it is long enough (5000
entries of 50 organisations). spredning serve then serves it. The same seed and
sizes give the same bytes, so that others can compute it too. --events counts all
entries: the founding, the registrations and the keys as well.

All keys follow from the seed, so everybody can have them: none is a secret, those
in DIR/keys neither. Never use such a ledger, or a key of it, for anything real.`,
		Example: `  spredning load
  spredning load --waiting 1 --for 5s --in-process
  spredning load --rate 2000 --for 30s --mix publish=9,confirm=85,read=200 --followers 4
  spredning load --baseline
  spredning load --story random --seed 7 --events 5000 --data random
  spredning serve --data random --write-rate 0 --read-rate 0
  spredning load http://127.0.0.1:8080 --seed 7`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if l.story != "" || l.dir != "" {
				if err := l.alone(cmd, args); err != nil {
					return err
				}
				if err := l.check(); err != nil {
					return err
				}
				return e.load(cmd.Context(), l)
			}
			if err := d.settle(cmd, args, &l); err != nil {
				return err
			}
			if d.baseline {
				return e.showBaseline(cmd.Context(), max(1, d.size), d.lasting)
			}
			return e.drive(cmd.Context(), &d)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&l.story, "story", "", "fill a folder instead, with what: random")
	flags.StringVar(&l.dir, "data", "", "data folder to make, for --story")
	flags.Uint64Var(&l.seed, "seed", 1, "what chance and all keys follow from")
	flags.IntVar(&l.events, "events", 5000, "entries of the story, all counted; under load: how many events, reads counted, instead of --for")
	flags.IntVar(&l.organisations, "organisations", 50, "organisations of the story in the end, the authority not counted; under load: those that take part")
	flags.StringVar(&l.origin, "origin", "", "the story's ledger's name (default spredning.example/random-SEED)")
	flags.IntVar(&d.waiting, "waiting", 256, "closed loop: how many wait for an answer at a time")
	flags.Float64Var(&d.rate, "rate", 0, "open loop: arrivals a second, instead of --waiting")
	flags.DurationVar(&d.lasting, "for", 10*time.Second, "how long; of --baseline each measurement (default 2s)")
	flags.Var(&d.mix, "mix", "what the load is made of, KIND=WEIGHT,…")
	flags.IntVar(&d.followers, "followers", 0, "how many follow the ledger live, and check what comes")
	flags.IntVar(&d.size, "size", 1024, "bytes of an entry, about; never less than what must be said")
	flags.StringVar(&d.key, "key", "", "admin key file of the authority, for a ledger whose keys do not follow from a seed")
	flags.BoolVar(&d.inProcess, "in-process", false, "hand events to the new ledger directly, not over HTTP")
	flags.BoolVar(&d.baseline, "baseline", false, "measure only what this machine does without a ledger")
	flags.BoolVar(&d.noBaseline, "no-baseline", false, "leave out the baseline beside a load")
	return cmd
}

// alone refuses what is about driving a ledger when a folder is to be filled.
func (l *loading) alone(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return misuse("--story and --data make a folder; they do not go with a URL")
	}
	for _, name := range []string{"waiting", "rate", "for", "mix", "followers", "size", "key", "in-process", "baseline", "no-baseline"} {
		if cmd.Flags().Changed(name) {
			return misuse("--%s is about a ledger under load; it does not go with --story and --data", name)
		}
	}
	return nil
}

// settle takes over what both ways of the command have, and checks all of it.
func (d *driving) settle(cmd *cobra.Command, args []string, l *loading) error {
	changed := cmd.Flags().Changed
	d.seed, d.organisations = l.seed, l.organisations
	if len(args) > 0 {
		d.url = args[0]
	}
	switch {
	case changed("origin"):
		return misuse("--origin goes with --story random: under load a ledger has the name it has")
	case changed("rate") && changed("waiting"):
		return misuse("--rate makes an open loop, --waiting a closed one; give one of them")
	case changed("rate") && d.rate <= 0:
		return misuse("--rate must be more than nothing")
	case changed("events") && l.events < 1:
		return misuse("--events must be 1 or more")
	case changed("for") && d.lasting <= 0:
		return misuse("--for must be more than nothing, such as 10s")
	case changed("events"):
		d.events = l.events
	}
	if d.events > 0 && !changed("for") {
		d.lasting = 0
	}
	if d.baseline && !changed("for") {
		d.lasting = baselineLasting
	}
	return d.check()
}

// check sees that it was asked for something that can be done.
func (l *loading) check() error {
	if l.origin == "" {
		l.origin = fmt.Sprintf("spredning.example/random-%d", l.seed)
	}
	switch least := story.Least(l.organisations); {
	case l.story != "random":
		return misuse("--story random is required: it is the only story there is")
	case l.dir == "":
		return misuse("--data is required: the folder to make")
	case l.organisations < story.Fewest:
		return misuse("--organisations must be %d or more", story.Fewest)
	case l.events < least:
		return misuse("--events must be %d or more: so many entries it takes to register %d organisations", least, l.organisations)
	}
	if err := ledger.CheckOrigin(l.origin); err != nil {
		return misuse("%w", err)
	}
	return nil
}

func (e *env) load(ctx context.Context, l loading) error {
	if _, err := os.Stat(logKeyFile(l.dir)); err == nil {
		return fmt.Errorf("there is a ledger in %s already (%s exists); choose a new folder", l.dir, logKeyFile(l.dir))
	}
	s, err := story.New(story.Config{Origin: l.origin, Seed: l.seed, Organisations: l.organisations, Entries: l.events})
	if err != nil {
		return err
	}
	now := func() time.Time { return s.Clock }
	n, err := openNode(ctx, nodeConfig{dir: l.dir, origin: l.origin, logKey: s.LogKey, next: s.NextLogKey, now: now, logger: quiet(e.err)})
	if err != nil {
		return err
	}
	defer n.close()
	if n.ledger.Size() > 0 {
		return fmt.Errorf("there is a ledger in %s already: %s with %d entries; choose a new folder", l.dir, l.origin, n.ledger.Size())
	}
	if err := l.writeKeys(s); err != nil {
		return err
	}
	if err := e.tellTo(ctx, n, s, l.events); err != nil {
		return fmt.Errorf("%w; the folder has %d of %d entries: remove %s and start again", err, n.ledger.Size(), l.events, l.dir)
	}
	if err := storeFiles(ctx, n, s); err != nil {
		return err
	}
	sum, err := l.sum(ctx, n, s)
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(sum)
	}
	e.showLoaded(l, sum)
	return nil
}

// writeKeys writes the keys that the ledger can be continued with.
func (l *loading) writeKeys(s *story.Story) error {
	comment := l.origin + " (no secret, follows from seed " + fmt.Sprint(l.seed) + ")"
	if err := s.Admins[s.Authority].WriteFile(filepath.Join(l.dir, "keys", "authority"), comment, nil); err != nil {
		return err
	}
	if err := s.NextLogKey.WriteFile(nextLogKeyFile(l.dir), comment, nil); err != nil {
		return err
	}
	return s.LogKey.WriteFile(logKeyFile(l.dir), comment, nil)
}

// tellTo submits the story, one event after the other: in flight together they
// could change places.
func (e *env) tellTo(ctx context.Context, n *node, s *story.Story, events int) error {
	bar := newProgress(e.err, "Telling the story", events)
	defer bar.done()
	return s.Tell(func(told *ledger.Entry) error {
		if _, _, err := n.ledger.Submit(ctx, told.Bytes); err != nil {
			return fmt.Errorf("submitting entry %d, %s: %w", told.Index, told.Type, err)
		}
		bar.add(1)
		return nil
	})
}

// storeFiles stores the files that the story's events name, but for those that it
// has had erased.
func storeFiles(ctx context.Context, n *node, s *story.Story) error {
	if err := n.view.Wait(ctx, n.ledger.Size()); err != nil {
		return err
	}
	for _, content := range s.Files() {
		file := ledger.AttachmentOf(ledger.Markdown, content)
		stored := false
		n.view.Read(func(f *projections.Fold) {
			named, ok := f.Naming(file.SHA256)
			stored = ok && named.Erased == nil
		})
		if !stored {
			continue
		}
		if _, err := n.attachments.Put(ctx, file.SHA256, content); err != nil {
			return fmt.Errorf("storing a file that the story names: %w", err)
		}
	}
	return nil
}

// loaded is what a folder was filled with.
type loaded struct {
	Ledger  string      `json:"ledger"`
	LogKey  string      `json:"log_key"`
	Entries int64       `json:"entries"`
	Root    string      `json:"root"` // of the tree, base64 as in the checkpoint
	Types   []typeCount `json:"types"`
	Years   []yearTotal `json:"years"`
}

type typeCount struct {
	Type    ledger.Type `json:"type"`
	Entries int         `json:"entries"`
}

type yearTotal struct {
	Year   int          `json:"year"`
	Status string       `json:"status"`
	Total  ledger.Milli `json:"total"`
}

func (l *loading) sum(ctx context.Context, n *node, s *story.Story) (loaded, error) {
	sum := loaded{Ledger: l.origin, Entries: n.ledger.Size(), Root: n.log.Root().String()}
	count := map[ledger.Type]int{}
	for _, told := range s.Entries {
		count[told.Type]++
	}
	for _, typ := range ledger.Types() {
		sum.Types = append(sum.Types, typeCount{typ, count[typ]})
	}
	if err := n.view.Wait(ctx, sum.Entries); err != nil {
		return sum, err
	}
	n.view.Read(func(f *projections.Fold) {
		sum.LogKey = f.LogKeys.At(f.Position)
		for _, year := range f.Years() {
			t, _ := f.Table(year)
			sum.Years = append(sum.Years, yearTotal{year, t.Status, t.Total})
		}
	})
	return sum, nil
}

func (e *env) showLoaded(l loading, sum loaded) {
	fmt.Fprintf(e.out, "Filled %s with %s: %d entries, %d organisations.\n\n", l.dir, sum.Ledger, sum.Entries, l.organisations)
	var rows [][]string
	for _, t := range sum.Types {
		rows = append(rows, []string{string(t.Type), fmt.Sprint(t.Entries)})
	}
	e.table([]string{"Type", ">Entries"}, rows)
	fmt.Fprintln(e.out)
	rows = nil
	for _, y := range sum.Years {
		rows = append(rows, []string{fmt.Sprint(y.Year), y.Status, y.Total.String()})
	}
	e.table([]string{"Year", "Status", ">Points"}, rows)
	fmt.Fprintln(e.out)
	e.pairs([][2]string{{"Root", sum.Root}, {"Log key", sum.LogKey}})
	fmt.Fprintf(e.out, `
Drawn by chance: nobody has made or confirmed anything. Its keys follow from the
seed and are no secret, those in %s neither.

Next: spredning serve --data %s
`, filepath.Join(l.dir, "keys"), l.dir)
}
