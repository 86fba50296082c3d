package lenet

import "time"

// threadChoice is the number of workers of a Trainer that chooses it: it watches
// how long the steps take, and now and then tries another number for a few
// steps: one, half, twice as many and all in turn. The number changes nothing
// in the results, so it may change between any two steps.
//
// A trial lasts two windows, on the other number and on this one again, and is
// judged against this number's mean before and after it, so that a machine that
// becomes busy meanwhile is no reason to move. Trials become rarer while
// nothing changes, and come at once when the steps' duration does.
type threadChoice struct {
	now, most int
	window    window        // under way
	pace      float64       // seconds an image in the last window of now; 0: unknown
	usual     float64       // pace at the last trial
	trial     trialState    // which window this is
	tried     int           // the other number of workers
	triedPace float64       // seconds an image on it
	turn      int           // of the other numbers
	quiet     time.Duration // since the last trial
	interval  time.Duration // between two trials
}

// window adds up steps.
type window struct {
	steps, images int
	time          time.Duration
}

type trialState int

const (
	watching trialState = iota
	trying              // the other number of workers
	checking            // this one again
)

const (
	windowTime  = 40 * time.Millisecond // several time slices of a busy machine
	windowSteps = 3
	// worth is what a change has to save: less is noise.
	worth = 0.95
	// suspicious is how much a pace must have changed to be no noise.
	suspicious = 1.25
	// Between trials: at first, growing by a quarter each time, and at most. A
	// machine that becomes free does not make one worker faster, so nothing but
	// a trial tells.
	soon = 250 * time.Millisecond
	late = 2 * time.Second
)

func newThreadChoice(most int) threadChoice {
	return threadChoice{now: most, most: most}
}

// limit changes the most workers.
func (c *threadChoice) limit(most int) {
	if c.most != most {
		*c = newThreadChoice(most)
	}
}

// workers is how many the next step is to use.
func (c *threadChoice) workers() int {
	if c.trial == trying {
		return c.tried
	}
	return c.now
}

// took tells how long a step of so many images took on that number.
func (c *threadChoice) took(d time.Duration, images int) {
	if c.most == 1 {
		return
	}
	w := &c.window
	w.steps, w.images, w.time = w.steps+1, w.images+images, w.time+d
	if w.steps < windowSteps || w.time < windowTime {
		return
	}
	pace := w.time.Seconds() / float64(w.images)
	c.quiet += w.time
	*w = window{}
	switch c.trial {
	case watching:
		changed := c.usual > 0 && (pace > c.usual*suspicious || pace < c.usual/suspicious)
		c.pace = pace
		if changed {
			c.interval = soon
		}
		if changed || c.quiet >= c.interval {
			c.usual = pace
			c.begin()
		}
	case trying:
		c.triedPace, c.trial = pace, checking
	case checking:
		c.trial = watching
		if before := (c.pace + pace) / 2; c.triedPace < before*worth {
			c.now, c.usual, c.interval = c.tried, c.triedPace, 0 // and further, if that was good
			c.turn = 0
		} else {
			c.usual, c.interval = pace, min(max(soon, c.interval*5/4), late)
		}
		c.pace = pace
	}
}

// begin starts a trial of the next other number of workers.
func (c *threadChoice) begin() {
	others := [...]int{1, (c.now + 1) / 2, 2 * c.now, c.most}
	for c.tried = c.now; c.tried == c.now || c.tried > c.most; c.turn++ {
		c.tried = others[c.turn%len(others)]
	}
	c.trial, c.quiet = trying, 0
}
