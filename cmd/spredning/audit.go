package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/tlog"

	"spredning/ledger"
	"spredning/ledger/tiles"
	"spredning/projections"
)

func auditCommand(e *env) *cobra.Command {
	var a auditing
	cmd := &cobra.Command{
		Use:   "audit URL|DIR",
		Short: "Check a whole ledger from what it shows the public",
		Long: `Check a whole ledger from what it shows the public: at the address of a ledger or
of a mirror, or in the folder of one.

Every entry is fetched and checked: its place in the tree, its signatures, and that
it was admissible where it stands. All points are computed anew and compared with
what the server publishes. What was seen is kept in a file, so that the next audit
notices a log that has forked or shrunk, and a closed year whose table has changed.

Give the log's verifier key with --log-key if you know it from elsewhere. Without,
the key that the ledger names is taken on trust the first time and kept.

Exit codes: 0 all is good, 1 something is wrong or could not be checked, 2 misused.`,
		Example: `  spredning audit https://spredning.example
  spredning audit /srv/mirror --log-key spredning.example/demo+1f2e3d4c+AQ…`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.place = args[0]
			if a.logKey != "" {
				if err := checkLogKey(a.logKey); err != nil {
					return misuseError{err}
				}
			}
			done, err := e.audit(cmd.Context(), a)
			if err != nil {
				return err
			}
			if e.json {
				err = e.printJSON(done)
			} else {
				e.showAudited(done)
			}
			return errors.Join(err, done.err())
		},
	}
	cmd.Flags().StringVar(&a.logKey, "log-key", "", "the log's verifier key that you trust")
	cmd.Flags().StringVar(&a.state, "state", "", "file to keep what was seen in (default: one for each ledger, among your settings)")
	return cmd
}

// auditing is what is audited, and how.
type auditing struct {
	place  string // address or folder
	logKey string // trusted; empty: none was given
	state  string // file; empty: the usual one
}

// audited is what an audit has found, for programs too.
type audited struct {
	Good         bool           `json:"good"`
	Place        string         `json:"place"`
	Ledger       string         `json:"ledger"`
	Name         string         `json:"name,omitzero"`
	Illustrative bool           `json:"illustrative"`
	Size         int64          `json:"size"` // of the checkpoint
	Root         string         `json:"root"`
	Checkpoint   string         `json:"checkpoint"`
	LogKeys      ledger.LogKeys `json:"log_keys"` // as the entries name them
	KeyFrom      string         `json:"key_from"` // why the log's key is trusted
	Entries      int64          `json:"entries"`  // checked and found in order
	Signatures   int64          `json:"signatures"`
	Seconds      float64        `json:"seconds"` // for that
	Rate         float64        `json:"rate"`    // entries a second
	Earlier      []int64        `json:"earlier"` // sizes of checkpoints seen before that this one continues
	Years        []auditedYear  `json:"years"`
	Compared     []string       `json:"compared"` // other addresses that show what the entries give
	Findings     []finding      `json:"findings"`
	NotCompared  []string       `json:"not_compared"`
	NotProved    []string       `json:"not_proved"`
	Evidence     []string       `json:"evidence,omitzero"` // files with checkpoints that contradict each other
	State        string         `json:"state"`

	where string // the place, in one spelling
}

// auditedYear is a reporting year whose points were computed anew.
type auditedYear struct {
	Year      int          `json:"year"`
	Status    string       `json:"status"`
	Total     ledger.Milli `json:"total"`
	SHA256    string       `json:"sha256"`    // of the table's bytes as they must be published
	Published string       `json:"published"` // same, differs or not_compared
}

// finding is something that is wrong.
type finding struct {
	What  string `json:"what"`           // entry, file, checkpoint, fork, shrunk, log_key, published, closed_year or unanswered
	Index *int64 `json:"index,omitzero"` // of the first bad entry
	Where string `json:"where"`          // an address or file
	Why   string `json:"why"`
}

func (d *audited) find(what, where, why string) {
	d.Findings = append(d.Findings, finding{What: what, Where: where, Why: why})
}

// err says that something is wrong.
func (d *audited) err() error {
	switch len(d.Findings) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("the audit of %s found something wrong: %s", d.Place, d.Findings[0].Why)
	}
	return fmt.Errorf("the audit of %s found %d things wrong, first: %s", d.Place, len(d.Findings), d.Findings[0].Why)
}

// audit audits a ledger. What is wrong with it is in what it gives; an error is
// about not being able to look.
func (e *env) audit(ctx context.Context, a auditing) (*audited, error) {
	d := &audited{
		Place: a.place, LogKeys: ledger.LogKeys{}, Earlier: []int64{}, Years: []auditedYear{}, Compared: []string{},
		Findings: []finding{}, NotCompared: []string{}, NotProved: []string{},
	}
	err := e.auditAll(ctx, a, d)
	var file *tiles.DamagedError
	var entry *ledger.EntryError
	switch {
	case err == nil:
	case errors.As(err, &entry):
		d.Findings = append(d.Findings, finding{"entry", &entry.Index, d.Place, entry.Error()})
	case errors.As(err, &file):
		d.find("file", file.File, file.Error())
	case errors.Is(err, ledger.ErrCheckpoint):
		d.find("checkpoint", d.Place, err.Error())
	default:
		return d, err
	}
	d.Good = len(d.Findings) == 0
	return d, nil
}

func (e *env) auditAll(ctx context.Context, a auditing, d *audited) error {
	source, err := tiles.OpenSource(ctx, a.place)
	if err != nil {
		return err
	}
	if d.where, err = placeOf(source); err != nil {
		return err
	}
	log, isLog := source.(*tiles.Log)
	if isLog {
		defer log.Close()
		if err := wholeTail(log); err != nil {
			return err
		}
		source = ledger.OnDisk{Log: log}
	}
	seen, known, err := d.begin(source, a)
	if err != nil || !d.continues(source, seen, known) {
		return err
	}
	p, err := ledger.ReadPublished(fixed{source, d.Checkpoint})
	if err != nil {
		return err
	}
	if ok, err := d.extends(p, known); !ok || err != nil {
		return err
	}
	fold, err := e.auditEntries(ctx, p, d)
	if err != nil {
		return err
	}
	d.trusts(a, known)
	d.computeYears(fold, known)
	if isLog {
		err = d.checkShown(log)
	} else if folder, ok := source.(tiles.Folder); ok {
		err = p.Tree.CheckFiles(folder)
	}
	if err != nil {
		return err
	}
	if err := e.comparePublished(ctx, source, fold, d); err != nil {
		return err
	}
	d.notProved()
	return d.keep(known)
}

// wholeTail sees whether a data folder has shown more than its log has. Somebody
// may be writing in it, and was faster than we could read: then it has it now.
func wholeTail(log *tiles.Log) error {
	c, err := ledger.ReadCheckpoint(log.Published())
	if err != nil || c.Size <= log.Size() {
		return nil // a checkpoint file cut short by a power cut is written anew
	}
	again, err := tiles.OpenReadOnly(strings.TrimSuffix(log.Place("tail"), "tail"))
	if err != nil {
		return err
	}
	defer again.Close()
	if again.Size() < c.Size {
		return &tiles.DamagedError{File: log.Place("tail"), Reason: fmt.Sprintf("it ends after %d entries, and %s has been shown over %d", again.Size(), log.Place("checkpoint"), c.Size)}
	}
	return nil
}

// checkShown checks the file of a data folder that has the checkpoint which was
// shown last. It is written without haste; the log knows better.
func (d *audited) checkShown(log *tiles.Log) error {
	if log.Published() == nil {
		return nil
	}
	damaged := func(reason string) error {
		return &tiles.DamagedError{File: log.Place("checkpoint"), Reason: reason + "; serving the ledger writes it anew"}
	}
	c, err := d.LogKeys.Open(log.Published())
	if err != nil {
		return damaged(err.Error())
	}
	if c.Size > log.Size() {
		return nil // somebody is writing: wholeTail has looked
	}
	root, err := tlog.TreeHash(c.Size, log)
	if err == nil && root != c.Root {
		return damaged("it is of another tree")
	}
	return err
}

// placeOf names what is audited in one spelling, to know it again.
func placeOf(source tiles.Source) (string, error) {
	if remote, ok := source.(*tiles.Remote); ok {
		return remote.Base(), nil
	}
	return filepath.Abs(filepath.Dir(source.Place("checkpoint")))
}

// fixed is a source whose checkpoint does not move while it is audited.
type fixed struct {
	tiles.Source
	checkpoint string
}

// Resource is the source's, but for the checkpoint.
func (f fixed) Resource(path string) ([]byte, error) {
	if path == "checkpoint" {
		return []byte(f.checkpoint), nil
	}
	return f.Source.Resource(path)
}

// begin reads the checkpoint and what was seen of this ledger before.
func (d *audited) begin(source tiles.Source, a auditing) (ledger.Published, *auditState, error) {
	signed, err := source.Resource("checkpoint")
	if err != nil {
		return ledger.Published{}, nil, fmt.Errorf("reading the checkpoint: %w", err)
	}
	c, err := ledger.ReadCheckpoint(signed)
	if err != nil {
		return ledger.Published{}, nil, fmt.Errorf("%s: %w", source.Place("checkpoint"), err)
	}
	d.Ledger, d.Size, d.Root, d.Checkpoint = c.Origin, c.Size, c.Root.String(), string(signed)
	known, err := openAuditState(a.state, c.Origin)
	if err != nil {
		return ledger.Published{}, nil, err
	}
	d.State = known.file
	return ledger.Published{Checkpoint: c, Signed: signed}, known, nil
}

// continues compares the checkpoint with those seen before as far as that needs no
// tree; false: there is no point in going on.
func (d *audited) continues(source tiles.Source, seen ledger.Published, known *auditState) bool {
	where := source.Place("checkpoint")
	if known.Origin != seen.Origin {
		d.find("fork", where, fmt.Sprintf("the log is another one: %s, not %s as before; if you know why, remove %s and audit again", seen.Origin, known.Origin, known.file))
		return false
	}
	for _, other := range known.elsewhere {
		if other.Shown[d.where] > 0 {
			d.find("fork", where, fmt.Sprintf("%s showed another log before, %s; if you know why, remove %s and audit again", d.Place, other.Origin, other.file))
			return false
		}
	}
	for _, s := range known.Seen {
		earlier, err := s.published()
		switch {
		case err != nil:
			d.find("checkpoint", known.file, err.Error())
			return false
		case earlier.Size == seen.Size && earlier.Root != seen.Root:
			d.forked(where, &ledger.ForkError{Earlier: earlier, Later: seen}, known)
			return false
		}
	}
	if before := known.Shown[d.where]; before > seen.Size {
		d.find("shrunk", where, fmt.Sprintf("the log has shrunk: it shows %d entries where there were %d before", seen.Size, before))
		return false
	}
	return true
}

// forked keeps the evidence of a fork.
func (d *audited) forked(where string, fork *ledger.ForkError, known *auditState) {
	why := fork.Error()
	bySame := true
	for _, p := range []ledger.Published{fork.Earlier, fork.Later} {
		if _, err := known.LogKeys.Open(p.Signed); err != nil {
			bySame = false
			why += fmt.Sprintf("; the one of %d entries with root %s is not signed by the log's key as it was known before", p.Size, p.Root)
		}
	}
	if bySame {
		why += "; both are signed by the log's key, which proves that it shows different logs"
	}
	var err error
	if d.Evidence, err = known.saveEvidence(fork); err != nil {
		why += fmt.Sprintf("; the checkpoints could not be saved: %s", err)
	}
	d.find("fork", where, why)
}

// extends compares the tree with the checkpoints seen before.
func (d *audited) extends(p ledger.Published, known *auditState) (bool, error) {
	for _, s := range known.Seen {
		earlier, err := s.published()
		if err != nil {
			return false, err
		}
		if earlier.Size > p.Size {
			d.NotProved = append(d.NotProved, fmt.Sprintf("that this copy is the beginning of the log seen at %s, which had %d entries: it is behind", s.Place, earlier.Size))
			continue
		}
		err = p.Extends(earlier)
		var fork *ledger.ForkError
		if errors.As(err, &fork) {
			d.forked(d.Place, fork, known)
			return false, nil
		}
		if err != nil {
			return false, err
		}
		d.Earlier = append(d.Earlier, earlier.Size)
	}
	return true, nil
}

// auditEntries checks every entry and folds them.
func (e *env) auditEntries(ctx context.Context, p ledger.Published, d *audited) (*projections.Fold, error) {
	fold := projections.NewFold()
	bar := newProgress(e.err, "Auditing", int(p.Size))
	defer bar.done()
	start := time.Now()
	done, err := ledger.Auditor{Each: func(entries []*ledger.Entry) error {
		for _, one := range entries {
			fold.Apply(one)
		}
		bar.add(len(entries))
		return nil
	}}.Audit(ctx, p)
	d.Entries, d.Signatures, d.Seconds = done.Entries, done.Signatures, time.Since(start).Seconds()
	d.Rate = float64(d.Entries) / max(d.Seconds, 1e-9)
	if keys := done.State.LogKeys(); keys != nil {
		d.LogKeys = keys
	}
	if founding := fold.Founding(); founding != nil {
		d.Name, d.Illustrative = founding.Name, *founding.Illustrative
	}
	return fold, err
}

// trusts sees why the key that has signed the checkpoint is the log's: the entries
// name it, but who made them could have made anything.
func (d *audited) trusts(a auditing, known *auditState) {
	key := d.LogKeys.At(d.Size)
	for _, k := range known.LogKeys {
		if k.From <= d.Size && d.LogKeys.At(k.From) != k.Key {
			d.find("log_key", d.Place, fmt.Sprintf("the log's key is another one than before: from %d entries on it is %s, it was %s; if you know why, remove %s and audit again", k.From, d.LogKeys.At(k.From), k.Key, known.file))
			return
		}
	}
	switch {
	case a.logKey == key:
		d.KeyFrom = "--log-key"
	case a.logKey != "" && known.LogKeys.Has(a.logKey) && d.LogKeys.Has(a.logKey):
		d.KeyFrom = "--log-key, changed since"
	case a.logKey != "":
		d.find("log_key", d.Place, fmt.Sprintf("the checkpoint is signed with %s, not with the key given by --log-key, %s", key, a.logKey))
	case len(known.Seen) > 0:
		d.KeyFrom = "seen before"
	default:
		d.KeyFrom = "first use"
	}
}

// notProved says what an audit does not prove.
func (d *audited) notProved() {
	d.NotProved = append(d.NotProved,
		"when things happened: an event's time is its signer's clock, only the order is proved",
		"that what was signed is true: only who signed it, and that the rules were kept",
		"that everybody is shown this log: compare its root with what others have, a mirror or a witness",
	)
	if d.KeyFrom == "first use" {
		d.NotProved = append(d.NotProved, "whose log this is: its key was taken on trust, as this is the first audit of it; compare the key with one you know from elsewhere (--log-key)")
	}
	if len(d.Earlier) == 0 {
		d.NotProved = append(d.NotProved, "that it has not been rewritten before: nothing was seen of it earlier")
	}
}

// keep writes down what was seen, for the next audit. What is wrong with what is
// published keeps nobody from remembering the log itself.
func (d *audited) keep(known *auditState) error {
	for _, f := range d.Findings {
		if f.What != "published" && f.What != "closed_year" && f.What != "unanswered" {
			return nil
		}
	}
	return known.save(d)
}

// showAudited prints what was found, for people.
func (e *env) showAudited(d *audited) {
	title := d.Ledger
	if d.Name != "" {
		title = d.Name + ", " + d.Ledger
	}
	fmt.Fprintln(e.out, title)
	if d.Illustrative {
		fmt.Fprintln(e.out, "ILLUSTRATIVE: a demonstration. The hospitals named in it have confirmed nothing.")
	}
	fmt.Fprintln(e.out)
	rows := [][2]string{
		{"Checkpoint's root", d.Root},
		{"Entries in order", fmt.Sprintf("%d of %d, with %d signatures", d.Entries, d.Size, d.Signatures)},
	}
	if d.Seconds > 0 {
		rows = append(rows, [2]string{"Time", fmt.Sprintf("%.1f s, %.0f entries a second", d.Seconds, d.Rate)})
	}
	if key := d.LogKeys.At(d.Size); key != "" && d.KeyFrom != "" {
		rows = append(rows, [2]string{"Signed with", shortKey(key) + ", " + d.KeyFrom})
	}
	if len(d.Earlier) > 0 {
		rows = append(rows, [2]string{"Continues", "checkpoints seen before, of " + numbers(d.Earlier) + " entries"})
	}
	if len(d.Compared) > 0 {
		rows = append(rows, [2]string{"Published as computed", strings.Join(d.Compared, ", ")})
	}
	e.pairs(rows)
	e.showYears(d.Years)
	if len(d.Findings) > 0 {
		fmt.Fprintln(e.out, "\nWRONG:")
		for _, f := range d.Findings {
			e.point(f.Why + " (" + f.Where + ")")
		}
		for _, file := range d.Evidence {
			e.point("kept as evidence: " + file)
		}
	} else {
		fmt.Fprintln(e.out, "\nAll of this is as it must be.")
	}
	e.list("\nNot compared:", d.NotCompared)
	e.list("\nNot proved by any audit, or not by this one:", d.NotProved)
}

func (e *env) list(title string, items []string) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintln(e.out, title)
	for _, item := range items {
		e.point(item)
	}
}

func (e *env) showYears(years []auditedYear) {
	if len(years) == 0 {
		return
	}
	fmt.Fprintln(e.out)
	var rows [][]string
	for _, y := range years {
		rows = append(rows, []string{strconv.Itoa(y.Year), y.Status, y.Total.String(), strings.ReplaceAll(y.Published, "_", " ")})
	}
	e.table([]string{"Year", "Status", ">Points", "Published"}, rows)
}

// shortKey leaves the base64 of a verifier key out: name and hash tell it from
// others.
func shortKey(vkey string) string {
	parts := strings.SplitN(vkey, "+", 3)
	return strings.Join(parts[:min(2, len(parts))], "+")
}

func numbers(ns []int64) string {
	words := make([]string, len(ns))
	for i, n := range ns {
		words[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(words, ", ")
}
