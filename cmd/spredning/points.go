package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"spredning/ledger"
	"spredning/projections"
)

func pointsCommand(e *env) *cobra.Command {
	var dir, lines string
	var views yearViews
	cmd := &cobra.Command{
		Use:   "points [YEAR]",
		Short: "Show the points of a reporting year",
		Long: `Show the points of a reporting year (default: the latest) by hospital and by
region. From the ledger at --url, or computed here from the log in a data folder
or its copy with --data. --lines shows what one hospital's points come from, down
to the entry.

Instead of the table: --open shows what can still be settled before the year
closes, --patterns what may be looked at more closely, --today the sums by the
hospitals that act today, and --corrections, of a closed year, what its table has
that would not count today.`,
		Example: "  spredning points 2026\n  spredning points 2026 --lines 983974724\n  spredning points 2026 --open\n  spredning points 2026 --data /var/lib/spredning",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			year, err := yearArg(args)
			if err != nil {
				return err
			}
			if err := views.check(lines != ""); err != nil {
				return err
			}
			if shown, err := views.run(cmd.Context(), e, year, dir); shown || err != nil {
				return err
			}
			t, err := e.points(cmd.Context(), year, dir)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(t)
			}
			if lines != "" {
				return e.showLines(t, ledger.Orgnr(lines))
			}
			e.showPoints(t)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "data", "", "compute from this data folder's log instead of asking --url")
	cmd.Flags().StringVar(&lines, "lines", "", "organisation number: show the lines of one hospital")
	views.flags(cmd)
	urlFlag(cmd, e)
	return cmd
}

// yearArg reads the year; 0: the latest.
func yearArg(args []string) (int, error) {
	if len(args) == 0 {
		return 0, nil
	}
	year, err := strconv.Atoi(args[0])
	if err != nil {
		return 0, misuse("%q is no year", args[0])
	}
	return year, nil
}

func (e *env) points(ctx context.Context, year int, dir string) (t projections.Table, err error) {
	if dir == "" {
		return e.publishedPoints(ctx, year)
	}
	f, log, err := foldOf(dir)
	if err != nil {
		return t, err
	}
	defer log.Close()
	if years := f.Years(); year == 0 && len(years) > 0 {
		year = years[len(years)-1]
	}
	t, ok := f.Table(year)
	if !ok {
		return t, fmt.Errorf("the reporting year %d is not opened in %s", year, dir)
	}
	return t, nil
}

func (e *env) publishedPoints(ctx context.Context, year int) (t projections.Table, err error) {
	c, err := e.client()
	if err != nil {
		return t, err
	}
	if year, err = c.latest(ctx, year); err != nil {
		return t, err
	}
	return t, c.read(ctx, fmt.Sprintf("/api/v1/points/%d", year), &t)
}

func (e *env) showPoints(t projections.Table) {
	rules := "none in force"
	if t.Rules != nil {
		rules = t.Rules.ID + ", by " + t.Rules.Basis
		if *t.Rules.Illustrative {
			rules += ", illustrative values"
		}
	}
	fmt.Fprintf(e.out, "Points %d, %s, at %d entries. Rules: %s.\n\n", t.Year, t.Status, t.Position, rules)
	var rows [][]string
	for _, r := range t.Rows {
		rows = append(rows, append([]string{shorten(r.Name, 36), shorten(r.Region, 16)}, sums(r.Sums)...))
	}
	e.table([]string{"Hospital", "Region", ">Made", ">Adopted", ">Total"}, rows)
	fmt.Fprintln(e.out)
	rows = nil
	for _, r := range t.Regions {
		rows = append(rows, append([]string{r.Region}, sums(r.Sums)...))
	}
	e.table([]string{"Region", ">Made", ">Adopted", ">Total"}, append(rows, []string{"All", "", "", t.Total.String()}))
}

func sums(s projections.Sums) []string {
	return []string{s.Originated.String(), s.Adopted.String(), s.Total.String()}
}

func (e *env) showLines(t projections.Table, o ledger.Orgnr) error {
	for _, r := range t.Rows {
		if r.Orgnr != o {
			continue
		}
		fmt.Fprintf(e.out, "Points %d of %s: %s\n\n", t.Year, r.Name, r.Total)
		var rows [][]string
		for _, l := range r.Lines {
			rows = append(rows, []string{strconv.FormatInt(l.Index, 10), l.Innovation, string(l.Adopter), l.Role, l.Reach, l.Points.String()})
		}
		e.table([]string{">Entry", "Innovation", "Adopter", "Role", "Reach", ">Points"}, rows)
		return nil
	}
	return fmt.Errorf("%s has no points in %d", o, t.Year)
}
