package projections

// ForgetTexts drops what a fold keeps to find similar innovations, so that a
// benchmark can weigh it.
func (f *Fold) ForgetTexts() { f.concordance = newConcordance() }
