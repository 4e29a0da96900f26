package site

import (
	"spredning/ledger"
	"spredning/projections"
)

// vocabularies are the texts that are named by a value: kind.service and the like.
var vocabularies = map[string][]string{
	"kind":            {"service", "product", "process", "organisation", "communication"},
	"orgkind":         {"authority", "rhf", "hf", "private_nonprofit", "municipality", "other"},
	"reach":           {"same_region", "other_region"},
	"status":          {"invited", "declined", "confirmed", "ended", "retracted"},
	"extent":          {"unit", "hospital", "trust"},
	"form":            {"as_is", "adapted"},
	"funding":         {"own", "rhf", "nfr", "eu", "innovation_norway", "other"},
	"role":            {"originator", "adopter"},
	"month":           {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"},
	"failure":         {"missing", "busy", "invalid", "large", "unavailable"},
	"advice":          {"missing", "busy", "invalid", "large", "unavailable"},
	"filter":          {"region", "originator", "adopter", "kind", "year", "reach"},
	"sort":            {"newest", "spread"},
	"moment":          {"made", "used", "ended"},
	"flag":            {"authority_key", "compromised_key"},
	"unshown":         {"erased", "missing", "too_long"},
	"reason":          {"shared_words", "related_words", "same_originators", "close_in_time", "lineage"},
	"dispute_status":  {"open", "withdrawn", "decided"},
	"year":            {"open", "closed"},
	"basis":           {"adoption", "project"},
	"lineage_rule":    {"each", "once"},
	"funding_rule":    {"true", "false"},
	"initiative_rule": {"true", "false"},
	"combine":         {projections.CombinePoints, projections.CombineShares},
	"field_fault":     {string(asPoints), string(asLimit), string(asYears), string(asChoice), string(asSome)},
	"rows":            {"grants", "commercialisation"},
	"rows_text":       {"grants", "commercialisation"},
	"csv_fault":       {projections.CSVEncoding, projections.CSVEmpty, projections.CSVMissing, projections.CSVTwice, projections.CSVQuote, "unknown", "no_region", "years", "too_much"},
	"csv_cell":        {"orgnr", "year", "source", "amount_nok", "kind", "count"},
	"line_reason":     {"no_rules", "not_eligible", "kind", "scored", "lineage", "limit", "project", "value", "reach", "rounding"},
	"correction":      {"retracted", "disputed", "struck", "withdrawn", "own_innovation", "not_eligible"},
	"event":           typeNames(),
	"verdict":         {"waiting", "good", "bad", "incapable", "absent"},
	"step":            stepNames(),
	"step_text":       stepNames(),
	"language":        {"name", "nb", "nn", "en", "se"},
	"format":          {"csv", "jsonl", "parquet", "xlsx"},
	"column":          {"text", "list", "integer", "number", "points", "boolean", "date", "time"},
	"parameter":       {"path", "query", "header"},
	"term":            explained,
	"meaning":         explained,
	"question":        choices,
	"report":          choices,
	"chosen":          choices,
	"label":           labelled,
	"hint":            hinted,
	"problem":         problems(),
	"yesno":           {"true", "false"},
	"value.roles":     {"admin", "report", "assess"},
	"value.scheme":    {"ed25519", "webauthn"},
	"media_type":      ledger.MediaTypes,
	"file_state":      {"waiting", "sending", "here", "missing", "failed", "erased"},
	"value.reason":    {"lost", "left", "compromised", "rotated"},
}

// labelled are the members of events that pages have a word for.
var labelled = []string{
	"ledger", "id", "by", "at", "entry", "innovation", "revision", "in_use_from", "extent", "form", "funding", "replaces", "links", "attachments",
	"title", "summary", "kind", "originators", "regional_initiative", "in_use_since", "derived_from", "reason", "adopter", "note",
	"ended_on", "eligible", "upheld", "into", "organisation", "key", "scheme", "public", "roles", "label", "compromised_from",
}

// hinted are the fields of forms that are explained.
var hinted = []string{
	"in_use_from", "extent", "form", "funding", "replaces", "links", "title", "summary", "kind", "originators", "regional_initiative", "in_use_since", "derived_from",
	"reason", "adopter", "note", "ended_on", "eligible", "upheld", "into", "attachments",
}

// problems are the refusals of the ledger, and those of the page itself.
func problems() (all []string) {
	for _, c := range ledger.Codes {
		all = append(all, string(c))
	}
	return append(all, string(ledger.Overloaded), string(ledger.Unavailable), "not_found",
		"lacking", "no_passkey", "not_touched", "unnamed", "no_webauthn", "bad_receipt",
		"file_type", "file_large", "file_many", "file_twice", "file_empty", "file_unread", "file_text", "file_control", "file_picture", "file_measures", "file_pdf",
		"file_other", "file_unsent")
}

func init() {
	for _, f := range forms {
		vocabularies["form_title"] = append(vocabularies["form_title"], f.name)
		vocabularies["form_lead"] = append(vocabularies["form_lead"], f.name)
		if f.by != nil {
			vocabularies["form_nobody"] = append(vocabularies["form_nobody"], f.name)
		}
	}
	vocabularies["scenario"] = scenarioNames()
	for _, step := range checkSteps {
		vocabularies["fault_"+step.Name] = step.Faults
	}
}

func typeNames() (all []string) {
	for _, t := range ledger.Types() {
		all = append(all, string(t))
	}
	return all
}

func scenarioNames() (all []string) {
	for _, f := range newScenario(bokmaal, 0, nil).order {
		all = append(all, f.Name)
	}
	return all
}

func stepNames() (all []string) {
	for _, step := range checkSteps {
		all = append(all, step.Name)
	}
	return all
}
