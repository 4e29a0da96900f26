package opendata

import (
	"strconv"
	"time"

	"spredning/projections"
)

// The names of the files that describe others.
const (
	tableMetadata = ".csv-metadata.json" // after the table's name, as CSV on the Web looks for it
	groupMetadata = "csv-metadata.json"
	packageName   = "datapackage.json"
)

const csvwMediaType = "application/csvm+json"

// TableMetadata is the description of a table's CSV file, in its folder.
func TableMetadata(table string) string { return table + tableMetadata }

// The licence of all data: Norwegian Licence for Open Government Data.
const (
	licenceName = "NLOD 2.0"
	licenceSPDX = "NLOD-2.0"
	LicencePage = "https://data.norge.no/nlod/no/2.0"
	licenceURI  = "http://publications.europa.eu/resource/authority/licence/NLOD_2_0"
)

// csvWords tell how the CSV files differ from the exact texts.
var csvWords = projections.Words{
	NB: "I CSV-filene har tekster som et regneark ville kjørt (de begynner med =, +, -, @, tabulator, linjeskift eller apostrof), en apostrof foran; fjern én apostrof først i cellen for å få den nøyaktige teksten. JSON Lines og Parquet har tekstene nøyaktig.",
	NN: "I CSV-filene har tekstar som eit rekneark ville ha køyrt (dei byrjar med =, +, -, @, tabulator, linjeskift eller apostrof), ein apostrof framfor; fjern éin apostrof først i cella for å få den nøyaktige teksten. JSON Lines og Parquet har tekstane nøyaktig.",
	EN: "In the CSV files texts that a spreadsheet would run (they begin with =, +, -, @, a tab, a line break or an apostrophe) have an apostrophe before them; take one apostrophe away from the beginning of the cell for the exact text. JSON Lines and Parquet have the exact texts.",
}

var illustrativeWords = projections.Words{
	NB: "ILLUSTRATIVT: demonstrasjonsdata. Sykehusene som er nevnt, har ikke bekreftet noe.",
	NN: "ILLUSTRATIVT: demonstrasjonsdata. Sjukehusa som er nemnde, har ikkje stadfesta noko.",
	EN: "ILLUSTRATIVE: demonstration data. The hospitals named have confirmed nothing.",
}

// described is a text with what a reader must know first before it.
func (m *Manifest) described(w projections.Words) projections.Words {
	if m.Illustrative {
		return projections.Words{NB: illustrativeWords.NB + " " + w.NB, NN: illustrativeWords.NN + " " + w.NN, EN: illustrativeWords.EN + " " + w.EN}
	}
	return w
}

func (m *Manifest) descriptions() (all []description) {
	for _, t := range projections.OpenTables {
		alone := m.csvw(t, false)
		alone["@context"] = csvwContext
		all = append(all, description{t.Name + tableMetadata, csvwMediaType, alone})
	}
	var tables []any
	for _, t := range projections.OpenTables {
		tables = append(tables, m.csvw(t, true))
	}
	group := map[string]any{
		"@context": csvwContext, "tables": tables,
		"dc:title": m.Name, "dc:description": inLanguages(m.described(csvWords)), "dc:identifier": m.Ledger + "@" + strconv.FormatInt(m.Size, 10),
		"dc:license": map[string]any{"@id": LicencePage}, "dc:modified": m.Time.Format(time.RFC3339),
	}
	all = append(all, description{groupMetadata, csvwMediaType, group})
	return append(all, description{packageName, "application/json", m.dataPackage()})
}

// csvwContext is that of CSV on the Web, https://www.w3.org/TR/tabular-metadata/.
var csvwContext = []any{"http://www.w3.org/ns/csvw", map[string]any{"@language": "nb"}}

// csvwTypes are the data types of columns in CSV on the Web.
var csvwTypes = map[projections.ColumnType]string{
	projections.TextColumn: "string", projections.ListColumn: "string", projections.IntegerColumn: "integer", projections.NumberColumn: "double",
	projections.PointsColumn: "decimal", projections.BooleanColumn: "boolean", projections.DateColumn: "date", projections.TimeColumn: "datetime",
}

// csvw describes a table. Only in a group can it refer to others.
func (m *Manifest) csvw(t projections.OpenTable, grouped bool) map[string]any {
	var columns []any
	for _, c := range t.Columns {
		column := map[string]any{"name": c.Name, "titles": c.Name, "datatype": csvwTypes[c.Type], "dc:description": inLanguages(c.About)}
		if c.Required {
			column["required"] = true
		}
		if c.Lang != "" {
			column["lang"] = c.Lang
		}
		if c.Type == projections.ListColumn {
			column["separator"] = " "
		}
		columns = append(columns, column)
	}
	schema := map[string]any{"columns": columns, "primaryKey": t.Key, "rowTitles": t.Key[:1]}
	if grouped {
		var keys []any
		for _, r := range t.References {
			keys = append(keys, map[string]any{"columnReference": r.Column, "reference": map[string]any{"resource": r.Table + ".csv", "columnReference": r.To}})
		}
		schema["foreignKeys"] = keys
	}
	about := m.described(t.About)
	return map[string]any{
		"url": t.Name + ".csv", "dc:title": inLanguages(t.Title), "dc:description": inLanguages(projections.Words{NB: about.NB + " " + csvWords.NB, NN: about.NN + " " + csvWords.NN, EN: about.EN + " " + csvWords.EN}),
		"dc:license": map[string]any{"@id": LicencePage}, "tableSchema": schema,
		"dialect": map[string]any{"encoding": "utf-8", "delimiter": ",", "lineTerminators": []string{"\r\n"}, "quoteChar": `"`, "doubleQuote": true, "header": true},
	}
}

func inLanguages(w projections.Words) []any {
	return []any{map[string]any{"@value": w.NB, "@language": "nb"}, map[string]any{"@value": w.NN, "@language": "nn"}, map[string]any{"@value": w.EN, "@language": "en"}}
}

// dataPackage describes all files as https://specs.frictionlessdata.io/data-package/.
func (m *Manifest) dataPackage() map[string]any {
	var resources []any
	for _, f := range m.Files {
		if f.Table == "" {
			continue
		}
		t, _ := projections.OpenTableNamed(f.Table)
		resources = append(resources, m.resource(t, f))
	}
	licence := []any{map[string]any{"name": licenceSPDX, "path": LicencePage, "title": "Norsk lisens for offentlige data (NLOD) 2.0"}}
	return map[string]any{
		"profile": "data-package", "name": "spredning", "title": m.Name, "description": m.described(csvWords).EN + "\n\n" + m.described(csvWords).NB,
		"version": strconv.FormatInt(m.Size, 10), "created": m.Time.Format(time.RFC3339), "licenses": licence, "resources": resources,
		"illustrative": m.Illustrative, "ledger": m.Ledger, "entries": m.Size, "last_entry": m.Leaf,
	}
}

func (m *Manifest) resource(t projections.OpenTable, f File) map[string]any {
	about := m.described(t.About)
	r := map[string]any{
		"name": f.Table + "-" + f.Format, "path": f.Name, "title": t.Title.EN + " / " + t.Title.NB, "description": about.EN + " / " + about.NB,
		"format": f.Format, "mediatype": f.MediaType, "bytes": f.Size, "hash": "sha256:" + f.SHA256, "rows": *f.Rows,
	}
	if f.Format != "csv" {
		return r
	}
	r["name"], r["profile"], r["encoding"], r["schema"] = f.Table, "tabular-data-resource", "utf-8", tableSchema(t)
	r["dialect"] = map[string]any{"delimiter": ",", "lineTerminator": "\r\n", "quoteChar": `"`, "doubleQuote": true, "header": true}
	return r
}

// schemaTypes are the types and formats of columns in a Table Schema.
var schemaTypes = map[projections.ColumnType]string{
	projections.TextColumn: "string", projections.ListColumn: "string", projections.IntegerColumn: "integer", projections.NumberColumn: "number",
	projections.PointsColumn: "number", projections.BooleanColumn: "boolean", projections.DateColumn: "date", projections.TimeColumn: "datetime",
}

func tableSchema(t projections.OpenTable) map[string]any {
	var fields, keys []any
	for _, c := range t.Columns {
		field := map[string]any{"name": c.Name, "type": schemaTypes[c.Type], "description": c.About.EN + " / " + c.About.NB}
		if c.Required {
			field["constraints"] = map[string]any{"required": true}
		}
		fields = append(fields, field)
	}
	for _, r := range t.References {
		resource := r.Table
		if resource == t.Name {
			resource = "" // itself
		}
		keys = append(keys, map[string]any{"fields": r.Column, "reference": map[string]any{"resource": resource, "fields": r.To}})
	}
	return map[string]any{"fields": fields, "primaryKey": t.Key, "foreignKeys": keys, "missingValues": []string{""}}
}
