package api

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"spredning/keys"
	"spredning/ledger"
	"spredning/projections"
)

// innovations is GET /innovations.
func (s *Server) innovations(c echo.Context) (reply, error) {
	q, err := query(c)
	if err != nil {
		return reply{}, err
	}
	limit, err := limitOf(c)
	if err != nil {
		return reply{}, err
	}
	before := int64(-1)
	if cursor := c.QueryParam("cursor"); cursor != "" {
		if before, err = strconv.ParseInt(cursor, 10, 64); err != nil || before < 0 {
			return reply{}, invalidQuery("cursor is not one that this list gave")
		}
	}
	var p list[projections.Innovation]
	var more bool
	var position int64
	s.cfg.View.Read(func(f *projections.Fold) {
		p.Items, more = f.Innovations(q, before, limit)
		position = f.Position
	})
	if more {
		p.Next = strconv.FormatInt(p.Items[len(p.Items)-1].Index, 10)
	}
	return listReply(p, position)
}

// maxWords is the number of characters to search for.
const maxWords = 200

// The values that a query for innovations can ask for.
var (
	innovationKinds    = []string{"service", "product", "process", "organisation", "communication"}
	innovationStatuses = []string{"published", "withdrawn", "merged"}
)

func query(c echo.Context) (q projections.Query, err error) {
	q = projections.Query{
		Words: c.QueryParam("query"), Originator: ledger.Orgnr(c.QueryParam("originator")), Adopter: ledger.Orgnr(c.QueryParam("adopter")),
		Region: c.QueryParam("region"), Kind: c.QueryParam("kind"), Status: c.QueryParam("status"),
	}
	for _, p := range []struct {
		name, value string
		of          []string
	}{{"region", q.Region, ledger.Regions}, {"kind", q.Kind, innovationKinds}, {"status", q.Status, innovationStatuses}} {
		if p.value != "" && !slices.Contains(p.of, p.value) {
			return q, invalidQuery(fmt.Sprintf("%s must be one of %q", p.name, p.of))
		}
	}
	for name, o := range map[string]ledger.Orgnr{"originator": q.Originator, "adopter": q.Adopter} {
		if o != "" && !o.Valid() {
			return q, invalidQuery(name + " must be an organisation number")
		}
	}
	if utf8.RuneCountInString(q.Words) > maxWords {
		return q, invalidQuery(fmt.Sprintf("query has at most %d characters", maxWords))
	}
	q.Year, err = yearAsked(c)
	return q, err
}

// found answers with one thing of the fold, or that there is none.
func found[T any](s *Server, what string, look func(*projections.Fold) (T, bool)) (reply, error) {
	var thing T
	var ok bool
	var position int64
	s.cfg.View.Read(func(f *projections.Fold) {
		thing, ok = look(f)
		position = f.Position
	})
	if !ok {
		return reply{}, notFound("there is no " + what)
	}
	return jsonReply(thing, position)
}

// all answers with a page of a list of the fold.
func all[T any](s *Server, c echo.Context, key func(T) string, look func(*projections.Fold) []T) (reply, error) {
	var items []T
	var position int64
	s.cfg.View.Read(func(f *projections.Fold) { items, position = look(f), f.Position })
	p, err := page(c, items, key)
	if err != nil {
		return reply{}, err
	}
	return listReply(p, position)
}

// innovation is GET /innovations/{id}.
func (s *Server) innovation(c echo.Context) (reply, error) {
	return found(s, "innovation with this id", func(f *projections.Fold) (projections.Innovation, bool) { return f.Innovation(c.Param("id")) })
}

// adoptions is GET /innovations/{id}/adoptions. What the pairs' entries say is
// read from the log.
func (s *Server) adoptions(c echo.Context) (reply, error) {
	var pairs []projections.Pair
	var ok bool
	var position int64
	s.cfg.View.Read(func(f *projections.Fold) {
		pairs, ok = f.Pairs(c.Param("id"))
		position = f.Position
	})
	if !ok {
		return reply{}, notFound("there is no innovation with this id")
	}
	p, err := page(c, pairs, func(p projections.Pair) string { return strconv.FormatInt(p.Entries[0], 10) })
	if err != nil {
		return reply{}, err
	}
	told := list[projections.Adoption]{Next: p.Next}
	signed := projections.Signed{}
	for _, pair := range p.Items {
		err := s.telling(pair.Entries, func(e *ledger.Entry) { pair.Tell(e); signed.Note(e) })
		if err != nil {
			return reply{}, err
		}
		told.Items = append(told.Items, pair.Adoption)
	}
	s.cfg.View.Read(func(f *projections.Fold) {
		for k := range told.Items {
			f.FlagAdoption(&told.Items[k], signed)
		}
	})
	return listReply(told, position)
}

// telling reads entries from the log for one who wants to know what they say.
func (s *Server) telling(indexes []int64, tell func(*ledger.Entry)) error {
	for _, index := range indexes {
		b, err := s.cfg.Log.Entry(index)
		if err != nil {
			return err
		}
		e, err := ledger.ParseEntry(index, b)
		if err != nil {
			return err
		}
		tell(e)
	}
	return nil
}

// organisations is GET /organisations. Only those of the page are made: each tells all
// that it has adopted.
func (s *Server) organisations(c echo.Context) (r reply, err error) {
	var numbers list[ledger.Orgnr]
	var position int64
	p := list[projections.Organisation]{Items: []projections.Organisation{}}
	s.cfg.View.Read(func(f *projections.Fold) {
		numbers, err = page(c, f.Orgnrs(), func(o ledger.Orgnr) string { return string(o) })
		for _, o := range numbers.Items {
			organisation, _ := f.Organisation(o)
			p.Items = append(p.Items, organisation)
		}
		p.Next, position = numbers.Next, f.Position
	})
	if err != nil {
		return reply{}, err
	}
	return listReply(p, position)
}

// organisation is GET /organisations/{orgnr}.
func (s *Server) organisation(c echo.Context) (reply, error) {
	return found(s, "organisation with this number", func(f *projections.Fold) (projections.Organisation, bool) {
		return f.Organisation(ledger.Orgnr(c.Param("orgnr")))
	})
}

// rules is GET /rules.
func (s *Server) rules(c echo.Context) (reply, error) {
	return all(s, c, func(r projections.RulesItem) string { return strconv.FormatInt(r.Index, 10) }, (*projections.Fold).PublishedRules)
}

// years is GET /years.
func (s *Server) years(c echo.Context) (reply, error) {
	return all(s, c, func(y projections.Year) string { return strconv.Itoa(y.Year) }, (*projections.Fold).ReportingYears)
}

// keys is GET /keys, all or those of an organisation.
func (s *Server) keys(c echo.Context) (reply, error) {
	of := ledger.Orgnr(c.QueryParam("organisation"))
	if c.QueryParams().Has("organisation") && !of.Valid() {
		return reply{}, invalidQuery("organisation must be an organisation number")
	}
	return all(s, c, func(k projections.Key) string { return string(k.KeyID) }, func(f *projections.Fold) []projections.Key {
		if of == "" {
			return f.Keys()
		}
		return slices.DeleteFunc(f.Keys(), func(k projections.Key) bool { return k.Organisation != of })
	})
}

// key is GET /keys/{keyid}.
func (s *Server) key(c echo.Context) (reply, error) {
	return found(s, "key with this id", func(f *projections.Fold) (projections.Key, bool) { return f.Key(keys.ID(c.Param("keyid"))) })
}

// summary is a year in the list of GET /points.
type summary struct {
	Year   int          `json:"year"`
	Status string       `json:"status"`
	Total  ledger.Milli `json:"total"`
	Rules  string       `json:"rules,omitzero"` // id of those in force
}

// pointsYears is GET /points.
func (s *Server) pointsYears(c echo.Context) (reply, error) {
	return all(s, c, func(y summary) string { return strconv.Itoa(y.Year) }, func(f *projections.Fold) (all []summary) {
		for _, y := range f.Years() {
			t, _ := f.Table(y)
			one := summary{Year: y, Status: t.Status, Total: t.Total}
			if t.Rules != nil {
				one.Rules = t.Rules.ID
			}
			all = append(all, one)
		}
		return all
	})
}

// yearOf reads the year in the path.
func yearOf(c echo.Context) (int, error) {
	p := c.Param("year")
	year, err := strconv.Atoi(p)
	if err != nil || strconv.Itoa(year) != p {
		return 0, notFound("there is no year " + p)
	}
	return year, nil
}

// position reads the position that is asked for, which there must be.
func (s *Server) position(c echo.Context) (position int64, given bool, err error) {
	position, given, err = number(c, "position", 0)
	if now := s.cfg.View.Position(); err == nil && given && position > now {
		err = invalidQuery(fmt.Sprintf("position is beyond the newest, %d", now))
	}
	return position, given, err
}

// points is GET /points/{year}, now or as it stood at a position.
func (s *Server) points(c echo.Context) (reply, error) {
	return yearly(s, c, (*projections.Fold).Table)
}

// corrections is GET /points/{year}/corrections.
func (s *Server) corrections(c echo.Context) (reply, error) {
	year, err := yearOf(c)
	if err != nil {
		return reply{}, err
	}
	return found(s, "closed reporting year "+c.Param("year"), func(f *projections.Fold) (projections.Corrections, bool) { return f.Corrections(year) })
}

// status is GET /status: what this node serves and how it is.
func (s *Server) status(c echo.Context) (reply, error) {
	out := struct {
		Ledger       string            `json:"ledger"`
		Name         string            `json:"name"`
		Illustrative bool              `json:"illustrative"`
		Authority    ledger.Orgnr      `json:"authority"`
		Position     int64             `json:"position"`
		Entries      int64             `json:"entries"`
		Checkpoint   string            `json:"checkpoint"`
		LogKey       string            `json:"log_key"` // that signs checkpoints now
		LogKeys      ledger.LogKeys    `json:"log_keys"`
		Witnessed    *ledger.Witnessed `json:"witnessed,omitzero"` // none: no witnesses are asked
		Writable     bool              `json:"writable"`
		Reason       string            `json:"reason,omitzero"`
	}{Ledger: s.cfg.Ledger.Origin(), Entries: s.cfg.Log.Size(), Writable: true}
	_, checkpoint := s.cfg.Ledger.Published()
	out.Checkpoint = string(checkpoint)
	if w, asked := s.cfg.Ledger.Witnessed(); asked {
		out.Witnessed = &w
	}
	if err := s.cfg.Ledger.Err(); err != nil {
		out.Writable, out.Reason = false, err.Error()
	}
	founded := false
	s.cfg.View.Read(func(f *projections.Fold) {
		d := f.Founding()
		if founded = d != nil; !founded {
			return
		}
		out.Name, out.Illustrative, out.Authority, out.Position = d.Name, *d.Illustrative, f.Authority(), f.Position
		out.LogKey, out.LogKeys = f.LogKeys.At(f.Position), slices.Clone(f.LogKeys)
	})
	if !founded {
		return reply{}, problem{Code: ledger.Unavailable, Detail: "the ledger is not founded yet"}
	}
	r, err := jsonReply(out, out.Position)
	r.volatile = true
	return r, err
}
