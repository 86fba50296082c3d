package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/sweep"
)

type sweepCommand struct {
	Seeds  string   `help:"Seeds and ranges of them, both ends included: 1..100 or 1,2,5..8." default:"1..10" placeholder:"LIST"`
	Vary   []string `help:"Try several values of a setting, such as lr=1e-4,3e-4; given again, every combination." sep:"none" placeholder:"NAME=V,V"`
	Recipe string   `help:"Settings to start from: tutorial, fast (99 %), one-epoch (99.3 %) or best (99.6 %: augmented images, many epochs)." enum:"tutorial,fast,one-epoch,best" default:"tutorial"`
	dataFlags
	Epochs    *int     `help:"Passes over the training images (tutorial: 12)." placeholder:"N"`
	Batch     *int     `help:"Images a step (tutorial: 100)." placeholder:"N"`
	LR        *float64 `name:"lr" help:"Learning rate of Adam (tutorial: 1e-4)." placeholder:"RATE"`
	Dropout   *float64 `help:"Share of fc1's outputs that are dropped, 0 to below 1 (tutorial: 0.5)." placeholder:"SHARE"`
	Threads   int      `help:"Networks at once, one a thread; 0: as many as processors." default:"0"`
	ISA       string   `name:"isa" help:"Instruction set: auto, generic, avx2 or avx512." default:"auto"`
	Out       string   `help:"Folder for results, tables, plots and a page; a run whose result is there is not run again." default:"lenet-sweep" placeholder:"DIR"`
	Init      string   `help:"Start every run from this model instead of random weights." placeholder:"FILE"`
	NoShuffle bool     `help:"Take the training images in their order."`
	JSON      bool     `name:"json" help:"Print one JSON object a line: every run, then the summary."`
	Quiet     bool     `help:"Print nothing but errors."`
}

// train is the command that trains one of the runs.
func (c *sweepCommand) train() *trainCommand {
	return &trainCommand{Recipe: c.Recipe, Epochs: c.Epochs, Batch: c.Batch, LR: c.LR, Dropout: c.Dropout,
		Threads: c.Threads, ISA: c.ISA, NoShuffle: c.NoShuffle, dataFlags: c.dataFlags}
}

// runs are the settings of every run.
func (c *sweepCommand) runs() ([]lenet.Settings, error) {
	base, err := c.train().settings()
	if err != nil {
		return nil, err
	}
	plan := sweep.Plan{Base: base}
	if plan.Seeds, err = sweep.ParseSeeds(c.Seeds); err != nil {
		return nil, fmt.Errorf("--seeds: %w", err)
	}
	for _, text := range c.Vary {
		axis, err := sweep.ParseAxis(text)
		if err != nil {
			return nil, fmt.Errorf("--vary: %w", err)
		}
		plan.Axes = append(plan.Axes, axis)
	}
	return plan.Runs()
}

// task is the data and the weights to start from.
func (c *sweepCommand) task(e *environment) (*sweep.Task, error) {
	data, err := loadData(e, &c.dataFlags, c.JSON || c.Quiet)
	if err != nil {
		return nil, err
	}
	if err := e.remark(data, c.Quiet); err != nil {
		return nil, err
	}
	train, validation, err := c.split(e, data, c.Quiet)
	if err != nil {
		return nil, err
	}
	task := sweep.NewTask(data.Name, train, validation)
	task.HeldOut = c.validation() != ""
	if c.Init != "" {
		if task.Initial, err = loadModel(e, c.Init); err != nil {
			return nil, err
		}
	}
	return task, nil
}

// Run trains every run whose result is not in --out. When it is interrupted, the
// tables tell of the results that are there, and the error says so.
func (c *sweepCommand) Run(e *environment) error {
	runs, err := c.runs()
	if err != nil {
		return usageError{fmt.Errorf("sweep: %w", err)}
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	_, unlock, err := lock(c.Out)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	defer unlock()
	room, err := makeRoom(c.Out, resultBytes)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	room.release()
	task, err := c.task(e)
	if err != nil {
		return err
	}
	start := time.Now()
	results, sweepErr := c.all(e, runs, task)
	if sweepErr != nil && !errors.Is(sweepErr, context.Canceled) && !errors.Is(sweepErr, errOutput) {
		return sweepErr
	}
	if len(results) > 0 {
		if err := sweep.Write(c.Out, results); err != nil {
			return err
		}
	}
	if sweepErr != nil {
		stopped := fmt.Errorf("%w after %d of %d runs; the same command goes on with the others", errInterrupted, len(results), len(runs))
		if errors.Is(sweepErr, errOutput) {
			return fmt.Errorf("%w: %w", stopped, sweepErr)
		}
		return stopped
	}
	summary := sweep.Summarise(results)
	switch {
	case c.JSON:
		return json.NewEncoder(e.stdout).Encode(struct {
			Event string `json:"event"`
			sweep.Summary
		}{"done", summary})
	case !c.Quiet:
		return c.print(e.stdout, &summary, len(runs), time.Since(start))
	}
	return nil
}

// all trains, and reports every run when it is done.
func (c *sweepCommand) all(e *environment, runs []lenet.Settings, task *sweep.Task) ([]sweep.Result, error) {
	bar := newProgress(e.stdout, c.JSON || c.Quiet, "")
	varied := sweep.Varied(runs)
	ctx, stop := context.WithCancelCause(e.ctx)
	defer stop(nil)
	done := 0
	results, err := sweep.Run(ctx, runs, task, sweep.Options{Threads: c.Threads, Folder: c.Out,
		Progress: func(p sweep.Progress) {
			bar.label = fmt.Sprintf("%d of %d runs", p.RunsDone, p.Runs)
			bar.update(int(p.ImagesDone), int(p.Images))
			if e.stepped != nil {
				e.stepped(int(p.ImagesDone), int(p.Images))
			}
		},
		Finished: func(r sweep.Result) {
			bar.clear()
			done++
			if err := c.printRun(e.stdout, &r, varied, done, len(runs)); err != nil {
				stop(err)
			}
		}})
	bar.clear()
	return results, err
}

func (c *sweepCommand) printRun(w io.Writer, r *sweep.Result, varied []string, done, total int) error {
	if c.Quiet {
		return nil
	}
	if c.JSON {
		return json.NewEncoder(w).Encode(struct {
			Event string `json:"event"`
			sweep.Result
		}{"run", *r})
	}
	outcome := r.Error
	if outcome == "" {
		outcome = fmt.Sprintf("loss %.5f, acc %.6f, %.1f s", r.Last().ValLoss, r.Last().ValAccuracy, r.Seconds)
	}
	label := sweep.Label(r.Settings.Settings, varied)
	if label != "" {
		label = ", " + label
	}
	_, err := fmt.Fprintf(w, "run %d/%d: seed %d%s: %s\n", done, total, r.Settings.Seed, label, outcome)
	return err
}

// print writes a line a group and the best run.
func (c *sweepCommand) print(w io.Writer, s *sweep.Summary, runs int, took time.Duration) error {
	fmt.Fprintln(w, "===================================================")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(s.Varied) > 0 {
		fmt.Fprint(t, "settings\t")
	}
	fmt.Fprintln(t, "runs\tacc, mean\t95 % interval\tsd\tmin\tmax\tloss, mean")
	for i := range s.Groups {
		g := &s.Groups[i]
		if len(s.Varied) > 0 {
			fmt.Fprintf(t, "%s\t", g.Label)
		}
		a := g.ValAccuracy
		if g.Count == 0 {
			fmt.Fprintf(t, "0\t%d not finite\n", g.Failed)
			continue
		}
		fmt.Fprintf(t, "%d\t%.4f\t%.4f to %.4f\t%.4f\t%.4f\t%.4f\t%.5f\n", g.Count, a.Mean, a.Low, a.High, a.SD, a.Min, a.Max, g.ValLoss.Mean)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if best := s.BestRun(); best != nil {
		label := sweep.Label(best.Settings.Settings, s.Varied)
		if label != "" {
			label = ", " + label
		}
		fmt.Fprintf(w, "best: seed %d%s: acc %.6f, weights %s\n", best.Settings.Seed, label, best.Last().ValAccuracy, best.WeightsSHA256)
	}
	_, err := fmt.Fprintf(w, "%d runs in %.1f s; tables, plots and %s are in %s\n", runs, took.Seconds(), sweep.PageFile, quoted(c.Out))
	return err
}
