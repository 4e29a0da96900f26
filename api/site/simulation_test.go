package site

import (
	"fmt"

	"spredning/projections"
)

// simulationExamples are scenarios of all years: the start, with other rules and
// weights, without points, and with faults.
func simulationExamples(s *Site) (all []string) {
	s.View.Read(func(f *projections.Fold) {
		for _, year := range f.Years() {
			at := fmt.Sprintf("/simulering?year=%d", year)
			all = append(
				all, at, at+"&adopter.same_region=0.125&originator.other_region=3", at+"&basis=project&lineage=once&eligible_kinds=hf",
				at+"&max_adoptions_per_innovation=1&combine=shares&average_years=1&weights.grants=2.5",
				at+"&originator.same_region=0&adopter.same_region=0&originator.other_region=0&adopter.other_region=0",
				at+"&originator.same_region=x&adopter.other_region=9&average_years=0&eligible_kinds=&basis=y&max_per_originator_adopter=-1",
			)
		}
	})
	return all
}
