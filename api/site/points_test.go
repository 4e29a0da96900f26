package site

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"spredning/projections"
)

// past folds the first entries, as package api does.
func (es entries) past(_ context.Context, position int64) (*projections.Fold, error) {
	f := projections.NewFold()
	for _, e := range es[:position] {
		f.Apply(e)
	}
	return f, nil
}

// pointsExamples are tables of all years, some at earlier positions, and lines.
func pointsExamples(s *Site) (all []string) {
	s.View.Read(func(f *projections.Fold) {
		for _, y := range f.ReportingYears() {
			path := fmt.Sprintf("/poeng/%d", y.Year)
			all = append(all, path, fmt.Sprintf("%s?position=%d", path, y.Opened), fmt.Sprintf("%s?position=%d", path, f.Position-50))
			table, _ := f.Table(y.Year)
			for _, r := range table.Rows {
				all = append(all, fmt.Sprintf("%s/%s", path, r.Orgnr))
			}
		}
	})
	return all
}

// TestPointsPagesSayWhatTheTablesSay looks for every sum and line of the tables.
func TestPointsPagesSayWhatTheTablesSay(t *testing.T) {
	s, seen := told(), 0
	for _, year := range yearsOf(s) {
		var table projections.Table
		var corrections projections.Corrections
		s.View.Read(func(f *projections.Fold) { table, _ = f.Table(year); corrections, _ = f.Corrections(year) })
		page := text(t, s, fmt.Sprintf("/poeng/%d", year))
		for _, r := range table.Rows {
			link := fmt.Sprintf(`/poeng/%d/%s">%s<`, year, r.Orgnr, bokmaal.points(r.Total))
			if !strings.Contains(page, link) {
				t.Errorf("%d has no %s", year, link)
			}
			lines := text(t, s, fmt.Sprintf("/poeng/%d/%s", year, r.Orgnr))
			for _, l := range r.Lines[:min(len(r.Lines), pointsEach)] {
				seen++
				if !strings.Contains(lines, fmt.Sprintf("/api/v1/events/%d", l.Index)) || !strings.Contains(lines, l.Innovation) {
					t.Errorf("the lines of %s in %d have no entry %d", r.Orgnr, year, l.Index)
				}
			}
		}
		for _, c := range corrections.Lines[:min(len(corrections.Lines), mostCorrections)] {
			if !strings.Contains(page, bokmaal.word("correction", c.Reason)) || !strings.Contains(page, fmt.Sprintf("/api/v1/events/%d", c.Index)) {
				t.Errorf("%d has no correction of entry %d", year, c.Index)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d lines were looked at", seen)
	}
}

func TestPointsAtEarlierPositions(t *testing.T) {
	s := told()
	var last projections.Year
	var now int64
	s.View.Read(func(f *projections.Fold) { y := f.ReportingYears(); last, now = y[len(y)-1], f.Position })
	at := func(position int64) string { return fmt.Sprintf("/poeng/%d?position=%d", last.Year, position) }
	before := text(t, s, at(last.Opened))
	if !strings.Contains(before, bokmaal.t("points_year.not_yet")) {
		t.Error("a position before the year's opening has a table")
	}
	if same := text(t, s, at(now)); strings.Contains(same, bokmaal.t("points_year.not_yet")) {
		t.Error("the year is not opened at the newest position")
	}
	for _, path := range []string{at(now + 1), at(-1), fmt.Sprintf("/poeng/%d?position=x", last.Year), fmt.Sprintf("/poeng/%d?position=007", last.Year), fmt.Sprintf("/poeng/%d?page=0", last.Year)} {
		if _, err := ask(s, path); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{"/poeng/1999", "/poeng/1999?position=3", "/poeng/x", "/poeng/02024", fmt.Sprintf("/poeng/%d/123", last.Year), fmt.Sprintf("/poeng/%d?page=9", last.Year)} {
		if _, err := ask(s, path); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func yearsOf(s *Site) (years []int) {
	s.View.Read(func(f *projections.Fold) { years = slices.Clone(f.Years()) })
	return years
}

func text(t *testing.T, s *Site, path string) string {
	t.Helper()
	a, err := ask(s, path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(a.Body)
}
