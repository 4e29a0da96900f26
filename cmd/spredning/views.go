package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"spredning/ledger"
	"spredning/projections"
)

// yearViews are what spredning points shows of a year instead of its table.
type yearViews struct{ patterns, open, today, corrections bool }

func (v *yearViews) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&v.patterns, "patterns", false, "show unusual patterns: listed with figures, not judged")
	cmd.Flags().BoolVar(&v.open, "open", false, "show what can still be settled before the year closes")
	cmd.Flags().BoolVar(&v.today, "today", false, "show the sums by the hospitals that act today")
	cmd.Flags().BoolVar(&v.corrections, "corrections", false, "show what a closed year's table has that would not count today")
}

// check refuses more than one view at once.
func (v *yearViews) check(lines bool) error {
	asked := 0
	for _, one := range []bool{v.patterns, v.open, v.today, v.corrections, lines} {
		if one {
			asked++
		}
	}
	if asked > 1 {
		return misuse("give one of --lines, --patterns, --open, --today and --corrections")
	}
	return nil
}

// run shows the view that was asked for; false: none was.
func (v *yearViews) run(ctx context.Context, e *env, year int, dir string) (bool, error) {
	l, err := e.language()
	if err != nil {
		return true, err
	}
	switch {
	case v.patterns:
		return true, view(ctx, e, yearView[projections.Patterns]{
			year: year, dir: dir, path: "/api/v1/points/%d/patterns", look: (*projections.Fold).Patterns,
		}, func(p projections.Patterns) { e.showPatterns(l, p) })
	case v.open:
		return true, view(ctx, e, yearView[projections.Open]{
			year: year, dir: dir, path: "/api/v1/years/%d/open", look: (*projections.Fold).Open, tell: tellOpen,
		}, func(o projections.Open) { e.showOpen(l, o) })
	case v.today:
		return true, view(ctx, e, yearView[projections.TodaySums]{
			year: year, dir: dir, path: "/api/v1/points/%d/organisations", look: (*projections.Fold).Today,
		}, e.showToday)
	case v.corrections:
		return true, view(ctx, e, yearView[projections.Corrections]{
			year: year, dir: dir, path: "/api/v1/points/%d/corrections", look: (*projections.Fold).Corrections,
		}, e.showCorrections)
	}
	return false, nil
}

// yearView says where something of a year is had from: a server, or the log in a
// folder.
type yearView[T any] struct {
	year int // 0: the latest
	dir  string
	path string // of the API, with the year left open
	look func(*projections.Fold, int) (T, bool)
	tell func(*T, readLog) error // completes it with texts of the log; nil: it is complete
}

func view[T any](ctx context.Context, e *env, v yearView[T], show func(T)) error {
	thing, err := v.read(ctx, e)
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(thing)
	}
	show(thing)
	return nil
}

func (v yearView[T]) read(ctx context.Context, e *env) (thing T, err error) {
	if v.dir != "" {
		return v.compute()
	}
	c, err := e.client()
	if err != nil {
		return thing, err
	}
	if v.year, err = c.latest(ctx, v.year); err != nil {
		return thing, err
	}
	return thing, c.read(ctx, fmt.Sprintf(v.path, v.year), &thing)
}

func (v yearView[T]) compute() (thing T, err error) {
	f, log, err := foldOf(v.dir)
	if err != nil {
		return thing, err
	}
	defer log.Close()
	if years := f.Years(); v.year == 0 && len(years) > 0 {
		v.year = years[len(years)-1]
	}
	thing, ok := v.look(f, v.year)
	if !ok {
		return thing, fmt.Errorf("%s has no such thing of %d: the reporting year is not opened there, or for --corrections not closed", v.dir, v.year)
	}
	if v.tell != nil {
		err = v.tell(&thing, log)
	}
	return thing, err
}

// latest gives the latest reporting year, unless another is asked for.
func (c *client) latest(ctx context.Context, year int) (int, error) {
	if year != 0 {
		return year, nil
	}
	var years struct {
		Items []projections.Year `json:"items"`
	}
	if err := c.read(ctx, "/api/v1/years?limit=1000", &years); err != nil {
		return 0, err
	}
	if len(years.Items) == 0 {
		return 0, fmt.Errorf("no reporting year is opened at %s", c.base)
	}
	return years.Items[len(years.Items)-1].Year, nil
}

// tellOpen reads the reasons of disputes from the log.
func tellOpen(o *projections.Open, log readLog) error {
	for k := range o.Disputes {
		d := &o.Disputes[k]
		for _, index := range d.Entries() {
			b, err := log.Entry(index)
			if err != nil {
				return err
			}
			entry, err := ledger.ParseEntry(index, b)
			if err != nil {
				return err
			}
			d.Tell(entry)
		}
	}
	return nil
}

// section prints a table with a heading, or that there is nothing.
func (e *env) section(heading string, header []string, rows [][]string) {
	if len(rows) == 0 {
		fmt.Fprintf(e.out, "\n%s: none\n", heading)
		return
	}
	fmt.Fprintf(e.out, "\n%s\n\n", heading)
	e.table(header, rows)
}

// entries lists indexes within a width, the first ones and how many more.
func entries(indexes []int64, width int) string {
	s := ""
	for k, index := range indexes {
		next := strconv.FormatInt(index, 10)
		if k > 0 {
			next = s + ", " + next
		}
		more := ""
		if rest := len(indexes) - k - 1; rest > 0 {
			more = fmt.Sprintf(" +%d", rest)
		}
		if len(next)+len(more) > width && k > 0 {
			return s + fmt.Sprintf(" +%d", len(indexes)-k)
		}
		s = next
	}
	return s
}

func (e *env) showPatterns(l language, p projections.Patterns) {
	fmt.Fprintf(e.out, "Patterns %d, %s, at %d entries.\nThey are listed, not judged; --json names every entry.\n", p.Year, p.Status, p.Position)
	e.section("Each has adopted from the other, in the year (and overall)",
		[]string{"A", "B", ">A from B", ">B from A", "Entries"}, reciprocalRows(p.Reciprocal))
	e.section(fmt.Sprintf("One has more than %d %% of an originator's adoptions, of at least %d", p.Bounds.ConcentrationShare/10, p.Bounds.ConcentrationAdoptions),
		[]string{"Made by", "Adopter", ">Year", ">Overall", "Entries"}, concentratedRows(p.Concentrated))
	e.section(fmt.Sprintf("Within %d days at least %d by one adopter, or %d of one originator's", p.Bounds.BurstDays, p.Bounds.BurstByAdopter, p.Bounds.BurstOfPair),
		[]string{"Adopter", "Made by", "From", "To", ">No.", "Entries"}, burstRows(p.Bursts))
	e.section("Like one that its originators have withdrawn (Again: adopters of both)",
		[]string{"Innovation", ">Published", ">Withdrawn", "Why", ">Again", "Entries"}, republishedRows(l, p.Republished))
	e.section("Retracted and confirmed again", []string{"Innovation", "Adopter", "Retracted", ">Entry", "Points in"}, againRows(l, p.ConfirmedAgain))
	e.section("Between two that are one today", []string{"Today", "Made by", "Adopter", "Entries"}, withinRows(p.WithinOne))
}

func reciprocalRows(all []projections.Reciprocal) (rows [][]string) {
	times := func(year, overall []int64) string { return fmt.Sprintf("%d (%d)", len(year), len(overall)) }
	for _, r := range all {
		rows = append(rows, []string{
			cell(r.A.Name, 22), cell(r.B.Name, 22), times(r.Year.AFromB, r.Overall.AFromB), times(r.Year.BFromA, r.Overall.BFromA),
			entries(slices.Concat(r.Year.AFromB, r.Year.BFromA), 10),
		})
	}
	return rows
}

func concentratedRows(all []projections.Concentration) (rows [][]string) {
	of := func(p projections.Part) string { return fmt.Sprintf("%d of %d", p.Adoptions, p.Of) }
	for _, c := range all {
		rows = append(rows, []string{cell(c.Originator.Name, 21), cell(c.Adopter.Name, 21), of(c.Year), of(c.Overall), entries(c.Year.Indexes, 9)})
	}
	return rows
}

func burstRows(all []projections.Burst) (rows [][]string) {
	for _, b := range all {
		maker := "anyone"
		if b.Originator != nil {
			maker = b.Originator.Name
		}
		rows = append(rows, []string{cell(b.Adopter.Name, 17), cell(maker, 17), string(b.From), string(b.To), strconv.Itoa(len(b.Indexes)), entries(b.Indexes, 9)})
	}
	return rows
}

func republishedRows(l language, all []projections.Republished) (rows [][]string) {
	for _, r := range all {
		rows = append(rows, []string{
			cell(l.of(r.Title), 18), decimal(r.Index), decimal(r.Withdrawn.Index), strings.Join(r.Why, ", "),
			strconv.Itoa(len(r.Again)), entries(r.Indexes, 7),
		})
	}
	return rows
}

func againRows(l language, all []projections.ConfirmedAgain) (rows [][]string) {
	for _, c := range all {
		var years []string
		for _, s := range c.Scored {
			years = append(years, strconv.Itoa(s.Year))
		}
		rows = append(rows, []string{
			cell(l.of(c.Title), 22), cell(c.Adopter.Name, 18), entries(c.Retracted, 10), decimal(c.Index), cell(strings.Join(slices.Compact(years), ", "), 10),
		})
	}
	return rows
}

func withinRows(all []projections.WithinOne) (rows [][]string) {
	for _, w := range all {
		rows = append(rows, []string{cell(w.Organisation.Name, 20), cell(w.Originator.Name, 20), cell(w.Adopter.Name, 20), entries(w.Indexes, 12)})
	}
	return rows
}

func (e *env) showOpen(l language, o projections.Open) {
	rules := "none in force"
	if o.Rules != "" {
		rules = o.Rules
	}
	fmt.Fprintf(e.out, "Reporting year %d, %s, at %d entries: %s points, %d with a row.\nRules: %s.\n", o.Year, o.Status, o.Position, o.Table.Total, o.Table.Rows, rules)
	e.openDisputes(l, o)
	e.openRequests(l, o)
	var rows [][]string
	for _, i := range o.Invitations {
		rows = append(rows, []string{decimal(i.Index), cell(l.of(i.Title), 34), cell(i.Name, 30)})
	}
	e.section(counted("Invitations without an answer", len(rows), o.Counts.Invitations), []string{">Entry", "Innovation", "Invited"}, rows)
	rows = nil
	for _, k := range o.KeptOut {
		rows = append(rows, []string{decimal(k.Index), cell(l.of(k.Title), 22), cell(k.Name, 16), cell(strings.Join(k.Reasons, ", "), 26)})
	}
	e.section(counted("Adoptions that do not count for now", len(rows), o.Counts.KeptOut), []string{">Entry", "Innovation", "Adopter", "Why"}, rows)
}

func (e *env) openDisputes(l language, o projections.Open) {
	var rows [][]string
	var reasons []reasonOf
	for _, d := range o.Disputes {
		stake := "?" // too many to compute
		if d.AtStake != nil {
			stake = d.AtStake.String()
		}
		rows = append(rows, []string{decimal(d.Index), cell(l.of(d.Title), 20), cell(d.Name, 17), cell(d.ByName, 17), stake})
		reasons = append(reasons, reasonOf{d.Index, l.flagged(d.Reason, d.Flags)})
	}
	e.section(counted("Open disputes", len(rows), o.Counts.Disputes), []string{">Entry", "Innovation", "Adopter", "Disputed by", ">At stake"}, rows)
	e.reasons(reasons)
}

func (e *env) openRequests(l language, o projections.Open) {
	var rows [][]string
	var reasons []reasonOf
	for _, r := range o.Requests {
		rows = append(rows, []string{decimal(r.Index), cell(l.of(r.Title), 28), cell(r.ByName, 24), strconv.Itoa(r.Adoptions)})
		reasons = append(reasons, reasonOf{r.Index, l.flagged(r.Reason, r.Flags)})
	}
	e.section(counted("Requests for an assessment", len(rows), o.Counts.Requests), []string{">Entry", "Innovation", "Asked by", ">Adoptions"}, rows)
	e.reasons(reasons)
}

// flagged is a reason, and what is to be known of the key that signed it.
func (l language) flagged(reason ledger.Text, flags []string) string {
	if len(flags) == 0 {
		return l.of(reason)
	}
	return fmt.Sprintf("%s (%s: %s)", l.of(reason), l.say(labelOfKeys), l.words(keyFlags, flags...))
}

// cell is a text in a table: cut, and without what would steer the terminal.
func cell(s string, n int) string { return shorten(plain(s), n) }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func counted(heading string, shown, all int) string {
	if shown < all {
		return fmt.Sprintf("%s (the first %d of %d)", heading, shown, all)
	}
	return heading
}

// reasonOf is an entry and what it gives as its reason.
type reasonOf struct {
	index int64
	text  string
}

func (e *env) reasons(of []reasonOf) {
	for _, r := range of {
		fmt.Fprintln(e.out)
		for _, line := range wrap(fmt.Sprintf("%d: %s", r.index, r.text), columns) {
			fmt.Fprintln(e.out, line)
		}
	}
}

func (e *env) showToday(t projections.TodaySums) {
	fmt.Fprintf(e.out, "Points %d by the hospitals that act today, %s, at %d entries.\n\n", t.Year, t.Status, t.Position)
	var rows [][]string
	for _, r := range t.Rows {
		rows = append(rows, append([]string{cell(r.Name, 34), cell(r.Region, 16)}, sums(r.Sums)...))
		for _, p := range r.Predecessors {
			rows = append(rows, append([]string{"  of it " + cell(p.Name, 26), ""}, sums(p.Sums)...))
		}
	}
	e.table([]string{"Hospital", "Region", ">Made", ">Adopted", ">Total"}, append(rows, []string{"All", "", "", "", t.Total.String()}))
}

func (e *env) showCorrections(c projections.Corrections) {
	fmt.Fprintf(e.out, "Corrections of %d at %d entries: %s points would not count today.\nThe table never changes.\n", c.Year, c.Position, c.Total)
	var rows [][]string
	for _, l := range c.Lines {
		rows = append(rows, []string{decimal(l.Index), l.Innovation, string(l.Orgnr), l.Role, l.Points.String(), l.Reason})
	}
	e.section("Lines", []string{">Entry", "Innovation", "Hospital", "Role", ">Points", "Why not"}, rows)
}
