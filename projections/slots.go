package projections

// A slot is a final innovation and an organisation that is or was an originator
// of it, by who acts for it: what gets one line in a reach where projects are
// counted. Its number stays when others become one with it.

// newSlot gives an originator that is new to an innovation its slot: that of one
// that it is the same as by now, or the next.
func (f *Fold) newSlot(i *innovation, org int32) int32 {
	if k := f.sameIn(i, org); k < len(i.slots) {
		return i.slots[k]
	}
	f.slots++
	return int32(f.slots - 1)
}

// sameIn finds the first of those that are or were originators that is the same
// organisation by now; len(i.ever): none.
func (f *Fold) sameIn(i *innovation, org int32) int {
	heir := f.heir(org)
	for k, o := range i.ever {
		if f.heir(o) == heir {
			return k
		}
	}
	return len(i.ever)
}

// takeSlot lets a final innovation have an originator, and its slot, of one that
// is merged into it.
func (f *Fold) takeSlot(final *innovation, org, slot int32) {
	k := f.sameIn(final, org)
	if k < len(final.ever) {
		f.joinSlot(slot, final.slots[k])
		slot = final.slots[k]
	}
	if add(&final.ever, org) {
		final.slots = append(final.slots, slot)
	}
}

func (f *Fold) joinSlot(from, into int32) {
	if from != into {
		f.slotJoins = append(f.slotJoins, join{from, into})
	}
}

// joinSlots joins the slots of all for whom an organisation acts now.
func (f *Fold) joinSlots(heir int32) {
	for n, o := range f.orgs {
		if f.heir(int32(n)) != heir {
			continue
		}
		for _, made := range o.made {
			i := f.innovations[f.final(made)]
			first := f.sameIn(i, heir)
			for k, other := range i.ever {
				if f.heir(other) == heir {
					f.joinSlot(i.slots[k], i.slots[first])
					i.slots[k] = i.slots[first]
				}
			}
		}
	}
}

// slot gives that of an originator of a final innovation.
func (i *innovation) slot(org int32) int32 {
	for k, o := range i.ever {
		if o == org {
			return i.slots[k]
		}
	}
	return none
}
