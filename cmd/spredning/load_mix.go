package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// kind is what a load is made of.
type kind int

const (
	publishes kind = iota // innovation.published
	confirms              // adoption.confirmed
	organises             // key.enrolled and organisation.amended
	others                // adoption.invited and innovation.disputed
	reads                 // GET of an innovation, or of a receipt
	kinds     = int(reads) + 1
)

var kindNames = [kinds]string{"publish", "confirm", "organisation", "other", "read"}

func (k kind) String() string { return kindNames[k] }

// mix is how much there is of each kind, as weights; a flag.
type mix [kinds]int

// usual is the mix that the design's figures are about.
var usual = mix{publishes: 9, confirms: 85, organises: 1, others: 5}

// Set reads KIND=WEIGHT,…; what is not named is not in the mix.
func (m *mix) Set(s string) error {
	var next mix
	for part := range strings.SplitSeq(s, ",") {
		name, weight, _ := strings.Cut(part, "=")
		n, err := strconv.Atoi(weight)
		at := slices.Index(kindNames[:], name)
		if at < 0 || err != nil || n < 0 {
			return fmt.Errorf("%q is not KIND=WEIGHT, with one of %s and a whole number", part, strings.Join(kindNames[:], ", "))
		}
		next[at] = n
	}
	if next.total() == 0 {
		return fmt.Errorf("%q has nothing in it", s)
	}
	*m = next
	return nil
}

// String is the mix as Set reads it.
func (m *mix) String() string {
	var parts []string
	for k, weight := range m {
		if weight > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", kind(k), weight))
		}
	}
	return strings.Join(parts, ",")
}

// Type names it in the program's help.
func (m *mix) Type() string { return "mix" }

func (m *mix) total() (sum int) {
	for _, weight := range m {
		sum += weight
	}
	return sum
}

// draw draws a kind.
func (m *mix) draw(chance *rand.Rand) kind {
	at := chance.IntN(m.total())
	for k, weight := range m {
		if at < weight {
			return kind(k)
		}
		at -= weight
	}
	panic("unreachable: at is below the sum of the weights")
}
