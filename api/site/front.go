package site

// front is the front page.
func (v *visit) front() (shown, error) {
	return shown{Lead: v.t("front.lead")}, nil
}
