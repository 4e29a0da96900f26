package projections_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"spredning/projections"
)

func TestGrantsCSV(t *testing.T) {
	want := []string{"983974724 2024 eu 1500000", "983971636 2025 nfr 0"}
	for name, file := range map[string]string{
		"comma":      "orgnr,year,source,amount_nok\n983974724,2024,eu,1500000\n983971636,2025,nfr,0\n",
		"semicolon":  "orgnr;year;source;amount_nok\r\n983974724;2024;eu;1500000\r\n983971636;2025;nfr;0",
		"tab":        "orgnr\tyear\tsource\tamount_nok\n983974724\t2024\teu\t1500000\n983971636\t2025\tnfr\t0\n",
		"mark":       "\ufefforgnr;year;source;amount_nok\n983974724;2024;eu;1500000\n983971636;2025;nfr;0\n",
		"order":      "Note,Source, AMOUNT_NOK ,Year,Orgnr\n\"a, \"\"b\"\"\nc\",eu,1500000,2024,983974724\n,nfr,0,2025,983971636\n",
		"spaces":     "orgnr;year;source;amount_nok\n983 974 724;2024; eu ;1 500 000\n983\u00a0971\u00a0636;2025;nfr;0\n",
		"empty line": "\norgnr,year,source,amount_nok\n\n983974724,2024,eu,1500000\n,,,\n983971636,2025,nfr,0\n\n",
	} {
		grants, lines, err := projections.GrantsCSV([]byte(file))
		var got []string
		for _, g := range grants {
			got = append(got, fmt.Sprintf("%s %d %s %d", g.Orgnr, g.Year, g.Source, *g.AmountNOK))
		}
		if err != nil || !slices.Equal(got, want) || len(lines) != 2 {
			t.Errorf("%s: got %q, lines %v, %v", name, got, lines, err)
		}
		if name == "order" && !slices.Equal(lines, []int{2, 4}) || name == "empty line" && !slices.Equal(lines, []int{4, 6}) {
			t.Errorf("%s: got lines %d", name, lines)
		}
	}
}

func TestCSVRefused(t *testing.T) {
	const header = "orgnr,year,source,amount_nok\n983974724,2024,eu,1\n"
	for file, want := range map[string]string{
		"":                                   "line 1: the file is empty",
		"\xff\xfeo\x00":                      "line 1: the file is in UTF-16",
		"orgnr,year,source\n":                "line 1, column amount_nok: is missing",
		"orgnr,year,source,amount_nok,year":  "line 1, column year: stands there twice",
		header + "12,2024,eu,1":              "line 3, column orgnr: \"12\" is no organisation number",
		header + "983974724,20x4,eu,1":       "line 3, column year: must be a year, is \"20x4\"",
		header + "983974724,24,eu,1":         "line 3, column year: 24 is no year",
		header + "983974724,2024,EU-midler,": "line 3, column amount_nok: must be whole kroner, is \"\"",
		header + "983974724,2024,lotto,1":    "line 3, column source: \"lotto\" is no source; write one of eu",
		header + "983974724,2024,eu,1.5":     "line 3, column amount_nok: must be whole kroner, is \"1.5\"",
		header + "983974724,2024,eu,-5":      "line 3, column amount_nok: must be whole kroner from 0",
		header + "983974724,2024":            "line 3, column amount_nok: must be whole kroner, is \"\"",
		header + "983974724,2024,e\"u,1":     "line 3: a quotation mark inside a field",
		header + "\"983974724,2024,eu,1":     "line 3: a quotation mark",
	} {
		_, _, err := projections.GrantsCSV([]byte(file))
		var bad *projections.CSVError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", file, err, want)
		}
	}
	for file, fault := range map[string]string{
		"": projections.CSVEmpty, "\xff\xfeo\x00": projections.CSVEncoding, "orgnr,year,source\n": projections.CSVMissing,
		"orgnr,year,source,amount_nok,year": projections.CSVTwice, header + "12,2024,eu,1": projections.CSVCell, header + "983974724,2024,e\"u,1": projections.CSVQuote,
	} {
		_, _, err := projections.GrantsCSV([]byte(file))
		var bad *projections.CSVError
		if !errors.As(err, &bad) || bad.Fault != fault {
			t.Errorf("%q: got %+v, want %s", file, bad, fault)
		}
	}
	if _, _, err := projections.ResultsCSV([]byte("orgnr;year;kind;count\n983974724;2024;patent;1")); err == nil || !strings.Contains(err.Error(), "write one of dofi, licence, startup") {
		t.Errorf("got %v", err)
	}
}

// What is read and written again is read as the same, by either kind of file.
func FuzzCSV(f *testing.F) {
	f.Add([]byte("orgnr,year,source,amount_nok\n983974724,2024,eu,1500000\n"))
	f.Add([]byte("\ufeffkind;orgnr;year;count;note\r\ndofi;983 974 724;2024;3;\"a\"\"b\"\r\n\r\n"))
	f.Add([]byte("orgnr\tyear\tkind\tcount\n\"983974724\"\t2024\tlicence\t0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if grants, lines, err := projections.GrantsCSV(b); err == nil {
			rows := [][]string{{"orgnr", "year", "source", "amount_nok"}}
			for _, g := range grants {
				rows = append(rows, []string{string(g.Orgnr), fmt.Sprint(g.Year), g.Source, fmt.Sprint(*g.AmountNOK)})
			}
			again, _, err := projections.GrantsCSV(written(rows))
			if err != nil || !reflect.DeepEqual(again, grants) || !slices.IsSorted(lines) || len(lines) != len(grants) {
				t.Errorf("%q: got %+v, %v after %+v", b, again, err, grants)
			}
			if err := (&projections.Others{Grants: grants}).Check(); err != nil {
				t.Errorf("%q: %v", b, err)
			}
		}
		if all, _, err := projections.ResultsCSV(b); err == nil {
			rows := [][]string{{"orgnr", "year", "kind", "count"}}
			for _, r := range all {
				rows = append(rows, []string{string(r.Orgnr), fmt.Sprint(r.Year), r.Kind, fmt.Sprint(*r.Count)})
			}
			if again, _, err := projections.ResultsCSV(written(rows)); err != nil || !reflect.DeepEqual(again, all) {
				t.Errorf("%q: got %+v, %v after %+v", b, again, err, all)
			}
		}
	})
}

func written(rows [][]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	must(nil, w.WriteAll(rows))
	return b.Bytes()
}
