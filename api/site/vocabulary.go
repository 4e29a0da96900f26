package site

import "spredning/ledger"

// vocabularies are the texts that are named by a value: kind.service and the like.
var vocabularies = map[string][]string{
	"kind":           {"service", "product", "process", "organisation", "communication"},
	"orgkind":        {"authority", "rhf", "hf", "private_nonprofit", "municipality", "other"},
	"reach":          {"same_region", "other_region"},
	"status":         {"invited", "declined", "confirmed", "ended", "retracted"},
	"extent":         {"unit", "hospital", "trust"},
	"form":           {"as_is", "adapted"},
	"funding":        {"own", "rhf", "nfr", "eu", "innovation_norway", "other"},
	"role":           {"originator", "adopter"},
	"month":          {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"},
	"failure":        {"missing", "busy", "invalid", "unavailable"},
	"advice":         {"missing", "busy", "invalid", "unavailable"},
	"filter":         {"region", "originator", "adopter", "kind", "year", "reach"},
	"sort":           {"newest", "spread"},
	"moment":         {"made", "used", "ended"},
	"flag":           {"authority_key", "compromised_key"},
	"unshown":        {"erased", "missing", "too_long"},
	"reason":         {"shared_words", "related_words", "same_originators", "close_in_time", "lineage"},
	"dispute_status": {"open", "withdrawn", "decided"},
	"year":           {"open", "closed"},
	"basis":          {"adoption", "project"},
	"lineage_rule":   {"each", "once"},
	"correction":     {"retracted", "disputed", "struck", "withdrawn", "own_innovation", "not_eligible"},
	"format":         {"csv", "jsonl", "parquet", "xlsx"},
	"column":         {"text", "list", "integer", "number", "points", "boolean", "date", "time"},
	"parameter":      {"path", "query", "header"},
	"term":           explained,
	"meaning":        explained,
	"question":       choices,
	"report":         choices,
	"chosen":         choices,
	"event":          typeNames(),
	"verdict":        {"waiting", "good", "bad", "incapable", "absent"},
	"step":           stepNames(),
	"step_text":      stepNames(),
	"language":       {"name", "nb", "nn", "en", "se"},
}

func init() {
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

func stepNames() (all []string) {
	for _, step := range checkSteps {
		all = append(all, step.Name)
	}
	return all
}
