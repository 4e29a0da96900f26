package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"spredning/ledger"
	"spredning/projections"
)

// simulateFlags are what simulate is asked.
type simulateFlags struct {
	dir, grants, results         string
	weights, grantPoints, points string
	combine, sweep, lines        string
	set                          []string
	sums, old                    bool
	year, average                int
}

func simulateCommand(e *env) *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate [RULES.yaml]",
		Short: "Simulate other rules, and the three-part indicator",
		Long: `Compute all reporting years anew under other rules, closed ones as they were at
their closing, and show what is different and why. Nothing is written. From the
ledger at --url, or computed here from the log in a data folder with --data.

The rules are those of RULES.yaml, or those in force for the latest year, with the
values changed that flags or --set name; without either, those in force.

With --grants, --commercialisation, --weights, --combine or --average-years the
three-part indicator is computed too. The CSV files have the columns orgnr, year, source, amount_nok and
orgnr, year, kind, count, as a spreadsheet saves them. All values that are not given
are illustrative.`,
		Example: `  spredning simulate --adopter 0.5
  spredning simulate --basis project --lineage once --year 2025 --lines 983974724
  spredning simulate rules.yaml --grants grants.csv --weights grants=0.4,spread=0.4,commercialisation=0.2
  spredning simulate --sweep adopter=0:0.5:0.05 --old-indicator`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.simulate(cmd, &f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dir, "data", "", "compute from this data folder's log instead of asking --url")
	flags.IntVar(&f.year, "year", 0, "show this year (default: the latest)")
	flags.StringVar(&f.lines, "lines", "", "organisation number: show which lines of one hospital are different")
	flags.BoolVar(&f.sums, "sums", false, "leave the lines out, for a ledger with very many")
	flags.StringArrayVar(&f.set, "set", nil, "change a value of the rules, NAME=VALUE; may be repeated")
	for _, v := range projections.Variables() {
		flags.String(flagOf(v), "", "change "+v+" of the rules")
	}
	flags.StringVar(&f.grants, "grants", "", "CSV file of grants")
	flags.StringVar(&f.results, "commercialisation", "", "CSV file of results: dofi, licence, startup")
	flags.StringVar(&f.weights, "weights", "", "weights: grants=0.4,spread=0.3,commercialisation=0.3")
	flags.StringVar(&f.grantPoints, "grant-points", "", "points for a million kroner by source: eu=10,nfr=1")
	flags.StringVar(&f.points, "commercialisation-points", "", "points for a result by kind: dofi=1,licence=1,startup=1")
	flags.StringVar(&f.combine, "combine", "", "combine points or shares (default points)")
	flags.IntVar(&f.average, "average-years", 0, "years of the moving average (default 3)")
	flags.StringVar(&f.sweep, "sweep", "", "move one value and see how shares move: adopter=0:0.5:0.05")
	flags.BoolVar(&f.old, "old-indicator", false, "set the points of the old indicator, 2015-2023, beside")
	urlFlag(cmd, e)
	return cmd
}

// flagOf is a value's flag: --originator-other-region.
func flagOf(variable string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(variable) }

func (e *env) simulate(cmd *cobra.Command, f *simulateFlags, args []string) error {
	asked, files, err := f.read()
	if err != nil {
		return err
	}
	run, done, err := e.simulator(cmd.Context(), f.dir)
	if err != nil {
		return err
	}
	defer done()
	if asked.Rules, err = f.rules(cmd, args, run); err != nil {
		return err
	}
	simulated, err := run(asked)
	if err != nil {
		return files.explain(err)
	}
	if e.json {
		return e.printJSON(simulated)
	}
	return e.showSimulation(asked, simulated, f)
}

// simulator gives a function that simulates, here or at --url.
func (e *env) simulator(ctx context.Context, dir string) (run func(*projections.Simulation) (*projections.Simulated, error), done func(), err error) {
	if dir != "" {
		f, log, err := foldOf(dir)
		if err != nil {
			return nil, nil, err
		}
		return f.Readings().Run, func() { _ = log.Close() }, nil
	}
	c, err := e.client()
	if err != nil {
		return nil, nil, err
	}
	return func(asked *projections.Simulation) (*projections.Simulated, error) { return c.simulate(ctx, asked) }, func() {}, nil
}

func (c *client) simulate(ctx context.Context, asked *projections.Simulation) (*projections.Simulated, error) {
	body, err := json.Marshal(asked)
	if err != nil {
		return nil, err
	}
	answer, _, err := c.do(ctx, http.MethodPost, "/api/v1/simulations", body)
	if err != nil {
		return nil, err
	}
	simulated := new(projections.Simulated)
	if err := json.Unmarshal(answer, simulated); err != nil {
		return nil, fmt.Errorf("%s did not answer as a ledger does: %w", c.base, err)
	}
	return simulated, nil
}

// read reads all but the rules.
func (f *simulateFlags) read() (asked *projections.Simulation, files rowFiles, err error) {
	asked = &projections.Simulation{OldIndicator: f.old}
	asked.Combine, asked.AverageYears = f.combine, f.average
	if f.sums {
		if f.lines != "" {
			return nil, nil, misuse("--lines shows lines, and --sums leaves them out")
		}
		asked.Lines = new(bool)
	}
	files = rowFiles{}
	if f.grants != "" {
		if asked.Grants, err = readRows(files, "grants", f.grants, projections.GrantsCSV); err != nil {
			return nil, nil, err
		}
	}
	if f.results != "" {
		if asked.Commercialisation, err = readRows(files, "commercialisation", f.results, projections.ResultsCSV); err != nil {
			return nil, nil, err
		}
	}
	for _, v := range []struct {
		flag, value string
		into        func() any
	}{
		{"weights", f.weights, func() any { asked.Weights = new(projections.Weights); return asked.Weights }},
		{"grant-points", f.grantPoints, func() any { asked.GrantPoints = new(projections.GrantPoints); return asked.GrantPoints }},
		{"commercialisation-points", f.points, func() any {
			asked.CommercialisationPoints = new(projections.ResultPoints)
			return asked.CommercialisationPoints
		}},
	} {
		if v.value != "" {
			if err := readValues(v.flag, v.value, v.into()); err != nil {
				return nil, nil, err
			}
		}
	}
	if f.sweep != "" {
		if asked.Sweep, err = readSweep(f.sweep); err != nil {
			return nil, nil, err
		}
	}
	if err := asked.Check(); err != nil {
		return nil, nil, misuse("%s", said(err))
	}
	return asked, files, nil
}

// said is a refusal in words for people, with the flag in place of the pointer.
func said(err error) string {
	var r *ledger.Refusal
	if !errors.As(err, &r) {
		return err.Error()
	}
	name := strings.ReplaceAll(strings.TrimPrefix(r.Pointer, "/"), "/", " ")
	return fmt.Sprintf("--%s: %s", strings.ReplaceAll(name, "_", "-"), r.Detail)
}

// readValues reads NAME=VALUE,NAME=VALUE into the fields of a struct.
func readValues(flag, value string, into any) error {
	values := map[string]ledger.Milli{}
	for part := range strings.SplitSeq(value, ",") {
		name, number, ok := strings.Cut(part, "=")
		m, err := ledger.ParseMilli(strings.TrimSpace(number))
		if name = strings.TrimSpace(name); !ok || err != nil {
			return misuse("--%s: %q is not like NAME=NUMBER, with at most three decimals", flag, part)
		}
		if _, twice := values[name]; twice {
			return misuse("--%s: %s stands there twice", flag, name)
		}
		values[name] = m
	}
	b, err := json.Marshal(values)
	if err != nil {
		return err
	}
	var r *ledger.Refusal
	if err := ledger.Strict(b, into); errors.As(err, &r) {
		return misuse("--%s: %s %s", flag, strings.TrimPrefix(r.Pointer, "/"), r.Detail)
	}
	return nil
}

// readSweep reads NAME=FROM:TO:STEP.
func readSweep(s string) (*projections.Sweep, error) {
	name, numbers, _ := strings.Cut(s, "=")
	parts := strings.Split(numbers, ":")
	values := make([]*ledger.Milli, len(parts))
	for k, p := range parts {
		m, err := ledger.ParseMilli(p)
		if err != nil {
			parts = nil
			break
		}
		values[k] = &m
	}
	if len(parts) != 3 {
		return nil, misuse("--sweep: %q is not like NAME=FROM:TO:STEP, such as adopter=0:0.5:0.05", s)
	}
	return &projections.Sweep{Parameter: name, From: values[0], To: values[1], Step: values[2]}, nil
}

// rowFiles are the files that rows came from, by the rows' name in a simulation.
type rowFiles map[string]rowFile

type rowFile struct {
	path  string
	lines []int // by row
}

func readRows[T any](files rowFiles, name, path string, parse func([]byte) ([]T, []int, error)) ([]T, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rows, lines, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s, %w", path, err)
	}
	files[name] = rowFile{path, lines}
	return rows, nil
}

// explain says in which line of which file a row is that a ledger does not take.
func (files rowFiles) explain(err error) error {
	pointer, detail := "", ""
	var r *ledger.Refusal
	var p *answerError
	switch {
	case errors.As(err, &r):
		pointer, detail = r.Pointer, r.Detail
	case errors.As(err, &p):
		pointer, detail = p.Pointer, p.Detail
	}
	if r != nil {
		err = errors.New(said(r))
	}
	parts := strings.Split(pointer, "/")
	if len(parts) < 3 {
		return err
	}
	file := files[parts[1]]
	row, no := strconv.Atoi(parts[2])
	if no != nil || row < 0 || row >= len(file.lines) {
		return err
	}
	_, what, found := strings.Cut(detail, ", ") // it begins with the row
	if !found {
		what = detail
	}
	return fmt.Errorf("%s, line %d, %s", file.path, file.lines[row], what)
}

// rules gives those to simulate; nil: those in force.
func (f *simulateFlags) rules(cmd *cobra.Command, args []string, run func(*projections.Simulation) (*projections.Simulated, error)) (*ledger.Rules, error) {
	changes, err := f.changes(cmd)
	if err != nil {
		return nil, err
	}
	var rules *ledger.Rules
	switch {
	case len(args) == 1:
		rules, err = readRules(args[0])
	case len(changes) > 0:
		rules, err = rulesInForce(run)
	}
	if err != nil || rules == nil {
		return nil, err
	}
	for _, c := range changes {
		if *rules, err = projections.Vary(*rules, c[0], c[1]); err != nil {
			return nil, misuse("%w", err)
		}
	}
	if err := rules.Check(); err != nil {
		var r *ledger.Refusal
		if errors.As(err, &r) {
			return nil, fmt.Errorf("these rules cannot be: %s: %s", strings.TrimPrefix(r.Pointer, "/"), r.Detail)
		}
		return nil, err
	}
	return rules, nil
}

// changes are names and values, from the flags and then from --set.
func (f *simulateFlags) changes(cmd *cobra.Command) (all [][2]string, err error) {
	for _, v := range projections.Variables() {
		if flag := cmd.Flags().Lookup(flagOf(v)); flag.Changed {
			all = append(all, [2]string{v, flag.Value.String()})
		}
	}
	for _, s := range f.set {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, misuse("--set: %q is not like NAME=VALUE, such as adopter=0.5", s)
		}
		all = append(all, [2]string{name, value})
	}
	return all, nil
}

func readRules(path string) (*ledger.Rules, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rules := new(ledger.Rules)
	if err := readYAML(raw, rules); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rules, nil
}

// rulesInForce gives those of the latest year that has any.
func rulesInForce(run func(*projections.Simulation) (*projections.Simulated, error)) (*ledger.Rules, error) {
	now, err := run(&projections.Simulation{Lines: new(bool)})
	if err != nil {
		return nil, err
	}
	for k := len(now.Years) - 1; k >= 0; k-- {
		if r := now.Years[k].Rules; r != nil {
			rules := *r
			return &rules, nil
		}
	}
	return nil, errors.New("no rules are in force for any opened year; give a file with rules")
}
