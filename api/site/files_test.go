package site

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"spredning/projections"
)

// TestFilesThatAreNotHere: a file that is here is linked to from the innovation that names
// it; one that is missing can be supplied instead; one that is erased is only told of. The
// page of a file that may come is not kept.
func TestFilesThatAreNotHere(t *testing.T) {
	s := told()
	seen := map[string]int{}
	var all []projections.Innovation
	s.View.Read(func(f *projections.Fold) { all, _ = f.Innovations(projections.Query{}, -1, 500) })
	for _, i := range all {
		if len(i.Attachments) != 1 {
			continue
		}
		file, page, supply := i.Attachments[0], "", ""
		for path, into := range map[string]*string{"/innovasjoner/" + i.ID: &page, fmt.Sprintf("/vedlegg/%d", i.Revised): &supply} {
			a, err := ask(s, path)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			*into, _, _ = strings.Cut(string(a.Body), `id="spread"`)
			if missing := file.Erased == nil && file.SHA256 >= "8"; missing && !a.Volatile {
				t.Errorf("%s is kept, though its file may come", path)
			}
		}
		state := "here"
		if file.Erased != nil {
			state = "erased"
		} else if file.SHA256 >= "8" {
			state = "missing"
		}
		seen[state]++
		linked := strings.Contains(page, `href="/api/v1/attachments/`+file.SHA256)
		wanted := strings.Contains(page, fmt.Sprintf(`href="/vedlegg/%d"`, i.Revised))
		if linked != (state == "here") || wanted != (state == "missing") {
			t.Errorf("%s, whose file is %s: linked %v, to supply %v", i.ID, state, linked, wanted)
		}
		if linked := strings.Contains(supply, `href="/api/v1/attachments/`+file.SHA256); linked != (state == "here") {
			t.Errorf("the page of the files of entry %d links to one that is %s: %v", i.Revised, state, linked)
		}
		if says := strings.Contains(supply, bokmaal.word("file_state", "missing")+"</span></p>"); says != (state == "missing") {
			t.Errorf("the page of the files of entry %d says that one is missing: %v, it is %s", i.Revised, says, state)
		}
	}
	if seen["here"] == 0 || seen["missing"] == 0 || seen["erased"] == 0 {
		t.Errorf("seen were %v", seen)
	}
}

// A page asks for all its files within one time limit: a store that does not answer must
// not hold it up once for each of them.
func TestStoreIsAskedForAWhile(t *testing.T) {
	until, asked := map[time.Time]bool{}, 0
	c := told().Config
	c.Stored = func(ctx context.Context, _ string) bool {
		at, limited := ctx.Deadline()
		if !limited {
			t.Error("the store is asked without a time limit")
		}
		until[at] = true
		asked++
		return true
	}
	s, most := New(c), 0
	var all []projections.Organisation
	s.View.Read(func(f *projections.Fold) { all = f.Organisations() })
	for _, o := range all {
		clear(until)
		asked = 0
		if _, err := ask(s, "/foretak/"+string(o.Orgnr)+"/arbeid"); err != nil {
			t.Fatal(err)
		}
		if len(until) > 1 {
			t.Errorf("the desk of %s has %d time limits for %d files", o.Orgnr, len(until), asked)
		}
		most = max(most, asked)
	}
	if most < 2 {
		t.Error("no desk has two files")
	}
}

func TestFilesOfNothing(t *testing.T) {
	for _, path := range []string{"/vedlegg/0", "/vedlegg/-1", "/vedlegg/x", "/vedlegg/1000000", "/vedlegg/007"} {
		if _, err := ask(told(), path); err != ErrNotFound {
			t.Errorf("%s: %v", path, err)
		}
	}
}
