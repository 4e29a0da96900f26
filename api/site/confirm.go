package site

// confirming tells how to confirm an adoption today: with the program.
func (v *visit) confirming() (shown, error) {
	return shown{Lead: v.t("confirm.lead")}, nil
}
