package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"spredning/ledger"
	"spredning/projections"
)

// mostSimilar is how many similar innovations are shown.
const mostSimilar = 6

// similar gives the innovations that are most similar to a draft.
func (c *client) similar(ctx context.Context, d ledger.Innovation, limit int) ([]projections.Similar, error) {
	draft, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	answer, _, err := c.do(ctx, http.MethodPost, "/api/v1/innovations/similar?limit="+strconv.Itoa(limit), draft)
	if err != nil {
		return nil, err
	}
	var found struct {
		Items []projections.Similar `json:"items"`
	}
	return found.Items, json.Unmarshal(answer, &found)
}

// compare shows what is similar in the ledger to what is about to be published,
// and on a terminal asks whether it is the same as a likely duplicate. That a
// ledger cannot tell is no reason not to publish.
func (e *env) compare(ctx context.Context, a actor, d ledger.Innovation, yes bool) error {
	found, err := a.client.similar(ctx, d, mostSimilar)
	if err != nil {
		e.tell(a.lang.say(notCompared, err))
		return nil
	}
	likely := e.showSimilar(a, found)
	if likely == nil || yes || !e.terminal() {
		return nil
	}
	return e.askSame(a.lang, *likely)
}

// askSame asks whether it is the same as a likely duplicate; if so, it says what
// to do instead and ends with an error.
func (e *env) askSame(l language, likely projections.Similar) error {
	fmt.Fprintln(e.err)
	same, err := e.yesNo(l.say(askWhetherSame))
	if err != nil || !same {
		return err
	}
	e.advise(l, likely)
	return errors.New("nothing was signed")
}

// showSimilar prints the likely duplicates and then the look-alikes, and gives the
// likeliest duplicate, if there is one.
func (e *env) showSimilar(a actor, found []projections.Similar) (likely *projections.Similar) {
	for _, group := range []struct {
		likely  bool
		heading message
	}{{true, likelyDuplicates}, {false, lookAlikes}} {
		told := false
		for k, s := range found {
			if s.Likely != group.likely {
				continue
			}
			if !told {
				fmt.Fprintln(e.err)
				e.tell(a.lang.say(group.heading))
				told = true
			}
			if s.Likely && likely == nil {
				likely = &found[k]
			}
			fmt.Fprintln(e.err)
			for _, line := range columned(similarRows(a.lang, s)) {
				fmt.Fprintln(e.err, line)
			}
			fmt.Fprintf(e.err, "  %s/api/v1/innovations/%s\n", a.client.base, s.Innovation) // in one piece
		}
	}
	return likely
}

// similarRows tell a similar innovation in plain language.
func similarRows(l language, s projections.Similar) []row {
	title := l.of(s.Title)
	if s.Status == "withdrawn" {
		title += " " + l.say(wordWithdrawn)
	}
	rows := []row{{l.say(labelTitle), title}}
	for _, o := range s.Originators {
		rows = append(rows, row{l.say(labelOriginators), o.Name + ", " + string(o.Orgnr)})
	}
	rows = append(rows, row{l.say(labelSimilarity), strconv.FormatFloat(s.Score, 'f', 2, 64)})
	for _, r := range s.Reasons {
		switch r.Kind {
		case "shared_words":
			rows = append(rows, row{l.say(labelSharedWords), strings.Join(r.Words, ", ")})
		case "related_words":
			rows = append(rows, row{l.say(labelRelatedWords), strings.Join(r.Words, ", ")})
		case "lineage":
			rows = append(rows, row{l.say(labelRelation), l.say(relations[r.Relation])})
		}
	}
	return rows
}

// relations are the relations of declared lineage in words.
var relations = map[string]message{"derived_from": wordDerivedFrom, "branch": wordBranch, "same_root": wordSameRoot}

// advise says what to do instead of publishing the same innovation again.
func (e *env) advise(l language, s projections.Similar) {
	for _, way := range []struct {
		words   message
		command string
	}{{reviseInstead, "publish --revise"}, {adoptInstead, "confirm"}, {deriveInstead, "publish --derived-from"}} {
		fmt.Fprintln(e.err)
		e.tell(l.say(way.words))
		fmt.Fprintf(e.err, "  spredning %s %s --key %s\n", way.command, s.Innovation, l.say(wordKeyFile))
	}
	fmt.Fprintln(e.err)
	e.tell(l.say(mergeInstead))
}
