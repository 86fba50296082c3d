package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/bench/report"
	"github.com/kernelet/kernelet/kernels"
)

type benchStressCommand struct {
	ISA     string  `name:"isa" help:"Instruction set: auto, generic, avx2 or avx512." default:"auto"`
	Minutes float64 `help:"How long." default:"10"`
	JSON    bool    `name:"json" help:"Print what was seen, every second, as one JSON object."`
	HTML    string  `name:"html" help:"Also write it as a page." placeholder:"FILE"`
}

// mostMinutes is a week.
const mostMinutes = 7 * 24 * 60

// Run stresses the machine. What was seen until a signal ended it is written.
func (c *benchStressCommand) Run(e *environment) error {
	if !(c.Minutes > 0 && c.Minutes <= mostMinutes) {
		return usageError{fmt.Errorf("bench stress: --minutes: expected more than 0 and at most %d, got %g", mostMinutes, c.Minutes)}
	}
	if _, err := kernels.Select(c.ISA); err != nil {
		return usageError{err}
	}
	if err := roomFor("--html", c.HTML); err != nil {
		return err
	}
	duration := time.Duration(c.Minutes * float64(time.Minute))
	line := newProgress(e.stdout, c.JSON, "")
	seen, err := bench.RunStress(e.ctx, bench.StressOptions{
		ISA: c.ISA, Duration: duration, Every: min(time.Second, duration/4), System: os.DirFS("/sys"),
		Progress: func(m bench.Moment) {
			text := fmt.Sprintf("%.0f of %.0f s: %.0f images/s, %.2f GHz", m.Seconds, duration.Seconds(), m.Rate, m.Clock)
			if m.Celsius > 0 {
				text += fmt.Sprintf(", %.0f °C", m.Celsius)
			}
			if m.Watts > 0 {
				text += fmt.Sprintf(", %.0f W, %.2f mJ an image", m.Watts, 1e3*m.JoulesPerImage())
			}
			line.write(text)
		},
	})
	line.clear()
	if err != nil && !(errors.Is(err, context.Canceled) && seen != nil && len(seen.Moments) > 0) {
		return err
	}
	if written := c.write(e, seen); written != nil {
		return written
	}
	return err
}

func (c *benchStressCommand) write(e *environment, seen *bench.Stress) error {
	if err := writeRendered(c.HTML, func(w io.Writer) error { return report.WriteStressHTML(w, seen) }); err != nil {
		return err
	}
	if c.JSON {
		return report.WriteStressJSON(e.stdout, seen)
	}
	return report.WriteStressText(e.stdout, seen)
}
