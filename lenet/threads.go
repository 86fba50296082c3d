package lenet

import (
	"math"
	"time"
)

// threadChoice is the number of workers of a Trainer that chooses it: it watches
// how long the steps take, and now and then tries another number for a few
// steps: one, half, twice as many and all in turn. The number changes nothing
// in the results, so it may change between any two steps.
//
// A trial lasts two windows, on the other number and on this one again, and is
// judged against this number's mean before and after it, so that a machine that
// becomes busy meanwhile is no reason to move. Beside other programs a window
// holds few of the scheduler's slices, and one trial says little: what counts is
// the mean of the last ones. Trials become rarer while nothing changes, and come
// at once when the steps' duration does.
type threadChoice struct {
	now, most int
	window    window        // under way
	pace      float64       // seconds an image in the last window of now; 0: unknown
	usual     float64       // pace at the last trial
	trial     trialState    // which window this is
	tried     int           // the other number of workers
	triedPace float64       // seconds an image on it
	known     [4]evidence   // about other numbers
	turn      int           // of the other numbers
	quiet     time.Duration // since the last trial
	interval  time.Duration // between two trials
}

// evidence is what trials said about another number of workers.
type evidence struct {
	workers int     // 0: nothing
	gain    float64 // mean of log(pace of the present number / pace of workers)
	trials  int     // that the mean is of, at most memory
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
	// suspicious is how much a pace must have changed in two windows to be no noise,
	// striking in one.
	suspicious = 1.25
	striking   = 2
	// memory is how many trials count, and doubtful how many once the pace has
	// changed. Beside two busy loops on two processors of Zen 3, where one worker takes
	// 2.47 s and two 2.04, this chooses so that it takes 2.02; by the last trial alone,
	// begun at every window with another pace, it was 2.35.
	memory   = 4
	doubtful = 2
	another  = 1 // difference of gains that no noise makes: the machine is another
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
		changed := c.changed(pace)
		c.pace = pace
		if changed {
			c.interval = soon
			for i := range c.known {
				c.known[i].trials = min(c.known[i].trials, doubtful)
			}
		}
		if changed || c.quiet >= c.interval {
			c.usual = pace
			c.begin()
		}
	case trying:
		c.triedPace, c.trial = pace, checking
	case checking:
		c.trial = watching
		if c.learn(math.Log((c.pace+pace)/2/c.triedPace)) > -math.Log(worth) {
			c.move()
			c.usual, c.interval = c.triedPace, 0 // and further, if that was good
			c.turn = 0
		} else {
			c.usual, c.interval = pace, min(max(soon, c.interval*5/4), late)
		}
		c.pace = pace
	}
}

// changed reports whether the pace is another than at the last trial: by much, or
// twice in succession.
func (c *threadChoice) changed(pace float64) bool {
	if c.usual == 0 {
		return false
	}
	now, before := pace/c.usual, c.pace/c.usual
	return now > striking || now < 1/striking || min(now, before) > suspicious || max(now, before) < 1/suspicious
}

// learn counts a trial's gain, and returns the mean of the last ones.
func (c *threadChoice) learn(gain float64) float64 {
	e := c.about(c.tried)
	if math.Abs(gain-e.gain) > another {
		e.trials = 0
	}
	e.trials = min(e.trials+1, memory)
	e.gain += (gain - e.gain) / float64(e.trials)
	return e.gain
}

// about returns what is known about a number of workers, in the place of the least
// tried one if that is nothing.
func (c *threadChoice) about(workers int) *evidence {
	least := &c.known[0]
	for i := range c.known {
		e := &c.known[i]
		if e.workers == workers {
			return e
		}
		if e.trials < least.trials {
			least = e
		}
	}
	*least = evidence{workers: workers}
	return least
}

// move makes the number that was tried the present one, and what is known relative
// to that.
func (c *threadChoice) move() {
	e := c.about(c.tried)
	gain := e.gain
	*e = evidence{c.now, 0, e.trials}
	for i := range c.known {
		c.known[i].gain -= gain
	}
	c.now = c.tried
}

// begin starts a trial of the next other number of workers.
func (c *threadChoice) begin() {
	others := [...]int{1, (c.now + 1) / 2, 2 * c.now, c.most}
	for c.tried = c.now; c.tried == c.now || c.tried > c.most; c.turn++ {
		c.tried = others[c.turn%len(others)]
	}
	c.trial, c.quiet = trying, 0
}
