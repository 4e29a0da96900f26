package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progress is a bar for what takes over a second. It is drawn on terminals
// only.
type progress struct {
	w      io.Writer
	what   string
	total  int
	at     int
	start  time.Time
	drawn  time.Time
	active bool
}

func newProgress(w io.Writer, what string, total int) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, what: what, total: total, start: time.Now(), active: ok && term.IsTerminal(int(f.Fd()))}
}

const barWidth = 30

func (p *progress) add(n int) {
	p.at += n
	now := time.Now()
	if !p.active || now.Sub(p.start) < time.Second/4 || now.Sub(p.drawn) < time.Second/10 {
		return
	}
	p.drawn = now
	filled := barWidth * p.at / max(1, p.total)
	fmt.Fprintf(p.w, "\r%s  %s%s  %d of %d", p.what, strings.Repeat("█", filled), strings.Repeat("░", barWidth-filled), p.at, p.total)
}

// done takes the bar away.
func (p *progress) done() {
	if !p.drawn.IsZero() {
		fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", len(p.what)+barWidth+24))
	}
}
