package projections

// Two texts that have nothing to do with each other have some words in common,
// too, and the more of them, the more and the more common words a text has. What
// two have in common is therefore measured against what the draft would have in
// common with an innovation picked blindly, if words came independently.

// leastChance is how rare a word is at most, in ten thousandths, when it is said
// how much chance may add.
const leastChance = 50

// weight is what it tells to share a key.
type weight struct {
	rarity int64 // thousandths of a bit
	chance int64 // ten thousandths: that an innovation has it
}

func (s *search) weight(key string) weight {
	w, ok := s.weights[key]
	if !ok {
		some, all := s.concordance.commonness(key)
		w = weight{bitsOf(all, some), int64(some) * 10_000 / int64(all)}
		s.weights[key] = w
	}
	return w
}

// chance is what a telling would have in common with an innovation by chance.
type chance struct {
	mean   int64 // thousandths of a bit
	spread int64 // variance, in squares of them
}

func (s *search) byChance(t *telling) (c chance) {
	for key, how := range t.keys {
		w := s.weight(key)
		weight := w.rarity * how.emphasis() / 1000
		c.mean += weight * w.chance / 10_000
		c.spread += weight * weight * max(leastChance, w.chance) / 10_000 * (10_000 - w.chance) / 10_000
	}
	return c
}

// agreement is how far what two tellings have in common is above what chance
// gives, in thousandths of its standard deviation.
func (s *search) agreement(mine, its *telling, c chance, innovation int32) int64 {
	var common int64
	for key, how := range its.keys {
		if other, ok := mine.keys[key]; ok {
			common += s.weight(key).rarity * (how.emphasis() + other.emphasis()) / 2000
		}
	}
	if common == 0 {
		return 0
	}
	usual, size := s.lengths(innovation)
	mean, spread := c.mean*size/usual, c.spread*size/usual
	return max(0, (common-mean)*1000/max(1, squareRoot(spread)))
}

// lengths gives how long an innovation usually is at most, and how long this one
// is if it is longer: it has the more in common with others by chance.
func (s *search) lengths(innovation int32) (usual, size int64) {
	usual = int64(2 * s.concordance.usualSize())
	return usual, max(usual, int64(s.concordance.sizes[innovation]))
}
