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

// above says how far something in common is above chance, in thousandths of its
// standard deviation.
func (c chance) above(common int64) int64 {
	return max(0, (common-c.mean)*1000/max(1, squareRoot(c.spread)))
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
// gives the innovation that one is of.
func (s *search) agreement(mine, its *telling, c chance, innovation int32) int64 {
	common := s.inCommon(mine, its)
	if common == 0 {
		return 0
	}
	usual, size := s.lengths(innovation)
	return chance{c.mean * size / usual, c.spread * size / usual}.above(common)
}

// inCommon adds up how rare that is which two tellings share, in thousandths of a
// bit.
func (s *search) inCommon(a, b *telling) (sum int64) {
	for key, how := range b.keys {
		if other, ok := a.keys[key]; ok {
			sum += s.weight(key).rarity * (how.emphasis() + other.emphasis()) / 2000
		}
	}
	return sum
}

// lengths gives how long an innovation usually is at most, and how long this one
// is if it is longer: it has the more in common with others by chance.
func (s *search) lengths(innovation int32) (usual, size int64) {
	usual = int64(2 * s.concordance.usualSize())
	return usual, max(usual, int64(s.concordance.sizes[innovation]))
}
