package site

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFaultsAreOfTheScript holds the page's faults to those that its script finds.
func TestFaultsAreOfTheScript(t *testing.T) {
	var found, shown []string
	for _, m := range regexp.MustCompile(`fault\("([^"]+)"`).FindAllStringSubmatch(sources(t, "static/check.js")["static/check.js"], -1) {
		found = append(found, m[1])
	}
	// One fault is chosen between two in its call.
	found = append(found, "form.tlog", "form.json")
	for _, step := range checkSteps {
		for _, f := range step.Faults {
			shown = append(shown, step.Name+"."+f)
		}
	}
	slices.Sort(found)
	slices.Sort(shown)
	if found = slices.Compact(found); !slices.Equal(found, shown) {
		t.Errorf("the script finds %v, the page shows %v", found, shown)
	}
}

// TestCheckingAsksForAnEntry: an address with the number of an entry has it checked.
func TestCheckingAsksForAnEntry(t *testing.T) {
	for _, bad := range []string{"-1", "x", "01", "1.0", "99999999999999999999"} {
		if _, err := ask(told(), "/kontroll?post="+bad); err != ErrInvalid {
			t.Errorf("post=%s: %v", bad, err)
		}
	}
	a, err := ask(told(), "/kontroll?post=7")
	if err != nil || !strings.Contains(string(a.Body), `data-entry="7"`) {
		t.Errorf("entry 7 is not asked for: %v", err)
	}
}
