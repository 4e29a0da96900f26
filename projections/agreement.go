package projections

// agreement is what two tellings have in common. All but the last two are
// thousandths.
type agreement struct {
	subjects int64 // how much they speak of the same
	words    int64 // how many of all words they share, by rarity
	apart    bool  // they are for other patients or other illnesses
	idle     bool  // nothing is done in both, nor by the same means
}

// odds is what it says for the two being one innovation.
func (a agreement) odds() int64 {
	odds := forTexts*a.subjects/1000 + forWords*max(0, a.words-manyWords)/10
	if a.apart {
		odds += againstSubjects
	}
	if a.idle {
		odds += againstMeans
	}
	return odds
}

// wordShare is how much a word's rarity counts beside a topic's, in thousandths.
const wordShare = 300

// agree compares two tellings. What they speak of is compared in two ways: as the
// angle between all that they speak of, and by whether each other's titles are
// taken up.
func (s *search) agree(a, b *telling) agreement {
	angle := s.angle(a, b)
	return agreement{
		subjects: (angle + s.takenUp(a, b, angle)) / 2,
		words:    s.sharedWords(a, b),
		apart:    apart(a, b, 'w') || apart(a, b, 'i'),
		idle:     idle(a, b),
	}
}

// roots are the square roots of small numbers, in thousandths.
var roots = [...]int64{0, 1000, 1414, 1732}

// angle is the cosine between the topics and words of two tellings.
func (s *search) angle(a, b *telling) int64 {
	var dot, ofA, ofB int64
	for topic, rarity := range s.topics {
		x, y := roots[a.topics[topic]]*rarity/1000, roots[b.topics[topic]]*rarity/1000
		dot, ofA, ofB = dot+x*y, ofA+x*x, ofB+y*y
	}
	for key, where := range a.keys {
		x := roots[where] * s.rarity(key) * wordShare / 1_000_000
		y := roots[b.keys[key]] * s.rarity(key) * wordShare / 1_000_000
		dot, ofA = dot+x*y, ofA+x*x
	}
	for key, where := range b.keys {
		y := roots[where] * s.rarity(key) * wordShare / 1_000_000
		ofB += y * y
	}
	if ofA == 0 || ofB == 0 {
		return 0
	}
	return dot * 1000 / max(1, squareRoot(ofA)*squareRoot(ofB))
}

// takenUp is how much of what the titles speak of is spoken of in the other
// telling as well; unknown where neither speaks of any topic.
func (s *search) takenUp(a, b *telling, unknown int64) int64 {
	x, inA := s.titleIn(a, b)
	y, inB := s.titleIn(b, a)
	switch {
	case inA && inB:
		return (x + y) / 2
	case inA:
		return x
	case inB:
		return y
	}
	return unknown
}

func (s *search) titleIn(of, in *telling) (part int64, speaks bool) {
	var taken, all int64
	for _, t := range of.tokens[:of.titled] {
		for _, topic := range t.topics {
			all += s.topics[topic]
			if in.topics[topic] > 0 {
				taken += s.topics[topic]
			}
		}
	}
	if all == 0 {
		return 0, false
	}
	return taken * 1000 / all, true
}

// sharedWords is the part of all words, by rarity, that both have. A telling
// without a summary is compared with the other's title.
func (s *search) sharedWords(a, b *telling) int64 {
	titles := len(a.tokens) == a.titled || len(b.tokens) == b.titled
	var shared, all int64
	for key, where := range a.keys {
		if titles && where != inTitle {
			continue
		}
		weight := s.rarity(key) * emphasis[where]
		all += weight
		if other := b.keys[key]; other == inTitle || other == inSummary && !titles {
			shared += weight + s.rarity(key)*emphasis[other]
		}
	}
	for key, where := range b.keys {
		if !titles || where == inTitle {
			all += s.rarity(key) * emphasis[where]
		}
	}
	return shared * 1000 / max(1, all)
}

// emphasis is how much a word weighs by where it stands.
var emphasis = [...]int64{inSummary: 2, inTitle: 3}

// apart reports whether both speak of topics of a facet, but of none in common.
func apart(a, b *telling, facet byte) bool {
	inA, inB := false, false
	for topic, name := range lexicon.names {
		if name[0] != facet {
			continue
		}
		if a.topics[topic] > 0 && b.topics[topic] > 0 {
			return false
		}
		inA, inB = inA || a.topics[topic] > 0, inB || b.topics[topic] > 0
	}
	return inA && inB
}

// idle reports whether the two have no activity and no means in common.
func idle(a, b *telling) bool {
	for topic, name := range lexicon.names {
		if (name[0] == 'd' || name[0] == 'h') && a.topics[topic] > 0 && b.topics[topic] > 0 {
			return false
		}
	}
	return true
}
