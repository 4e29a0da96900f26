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
	cmd := &cobra.Command{
		Use:   "load --story random --data DIR",
		Short: "Fill a new folder with a ledger drawn by chance",
		Long: `Found an illustrative ledger in a folder and fill it, through the same entrance as
everyone and with a clock of its own, with a story drawn by chance: organisations
that come and merge, innovations, adoptions, disputes, a committee, several sets
of rules, years that open and close. Every type of event is in it, and every hard
case of the rules if it is long enough (5000 entries of 50 organisations).
spredning serve then serves it.

The same seed and sizes give the same bytes, so that others can compute it too.
--events counts all entries: the founding, the registrations and the keys as well.

All keys follow from the seed, so everybody can have them: none is a secret, those
in DIR/keys neither. Never use such a ledger, or a key of it, for anything real.`,
		Example: "  spredning load --story random --seed 7 --events 5000 --data random\n  spredning serve --data random",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.check(); err != nil {
				return err
			}
			return e.load(cmd.Context(), l)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&l.story, "story", "", "what to fill the folder with: random")
	flags.StringVar(&l.dir, "data", "", "data folder to make")
	flags.Uint64Var(&l.seed, "seed", 1, "what chance and all keys follow from")
	flags.IntVar(&l.events, "events", 5000, "entries of the ledger, all counted")
	flags.IntVar(&l.organisations, "organisations", 50, "organisations in the end, the authority not counted")
	flags.StringVar(&l.origin, "origin", "", "the ledger's name (default spredning.example/random-SEED)")
	return cmd
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
