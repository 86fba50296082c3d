package lenet

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/kernelet/kernelet/kernels"
)

// ErrLength is wrapped by the error of arguments whose lengths do not fit each
// other.
var ErrLength = errors.New("lengths do not fit")

// Prediction is what a Classifier says about an image.
type Prediction struct {
	Digit         int
	Probability   float32                  // of Digit
	Probabilities [kernels.Classes]float32 // their sum is 1 up to rounding
}

// Classifier is a Model packed for inference. It never changes and is safe for
// concurrent use. An image's logits do not depend on which images stand beside
// it, on the number of threads, or on AVX2 or AVX-512.
type Classifier struct {
	set     *kernels.Set
	packed  packed
	states  sync.Pool // of *inference
	threads int
}

// NewClassifier packs a copy of model for the best instruction set that this
// machine has, or for the one that KERNELET_ISA names.
func NewClassifier(model *Model) (*Classifier, error) {
	set, err := kernels.Select("")
	if err != nil {
		return nil, err
	}
	c := &Classifier{set: set, threads: runtime.GOMAXPROCS(0)}
	weights := newParameters(aligned(parametersLength))
	weights.load(model)
	c.packed = packed{
		u1: aligned(kernels.Conv1U), bias1: weights.conv1[kernels.Conv1W:],
		u2: aligned(kernels.Conv2U), bias2: weights.bias2,
		fc1: weights.fc1, biasF: weights.biasF, fc2: weights.fc2, biasC: weights.biasC,
	}
	if err := set.Conv1WeightTransform(c.packed.u1, weights.conv1[:kernels.Conv1W]); err != nil {
		return nil, err
	}
	if err := set.Conv2WeightTransform(c.packed.u2, weights.conv2); err != nil {
		return nil, err
	}
	c.states.New = func() any { return newInference(set, aligned(inferenceLength)) }
	return c, nil
}

// WithThreads returns a Classifier that shares c's weights and spreads large
// batches over at most threads goroutines; c itself uses all processors.
func (c *Classifier) WithThreads(threads int) *Classifier {
	other := &Classifier{set: c.set, packed: c.packed, threads: max(1, threads)}
	other.states.New = c.states.New
	return other
}

// ISA names the instruction set in use.
func (c *Classifier) ISA() string { return c.set.Name() }

// Classify reads one image of 28×28 bytes, 0 for background, 255 for ink.
func (c *Classifier) Classify(image *[kernels.ImagePixels]byte) Prediction {
	f := c.states.Get().(*inference)
	defer c.states.Put(f)
	var logits [kernels.Classes]float32
	// The lengths fit, so there is no error.
	if lanes, err := f.forward(&c.packed, image[:], 0, 1); err == nil {
		f.logits10(&logits, lanes, 0)
	}
	return predict(&logits)
}

// ClassifyBatch fills predictions from as many images, 784 bytes each.
func (c *Classifier) ClassifyBatch(predictions []Prediction, images []byte) error {
	if len(images) != len(predictions)*kernels.ImagePixels {
		return fmt.Errorf("%w: images: expected %d bytes for %d predictions, got %d", ErrLength, len(predictions)*kernels.ImagePixels, len(predictions), len(images))
	}
	return c.run(&request{images: images, predictions: predictions}, len(predictions))
}

// Logits fills logits, [n][10], from n images of 784 bytes each.
func (c *Classifier) Logits(logits []float32, images []byte) error {
	n := len(images) / kernels.ImagePixels
	if len(images) != n*kernels.ImagePixels || len(logits) != n*kernels.Classes {
		return fmt.Errorf("%w: expected n×%d bytes of images and n×%d logits, got %d and %d", ErrLength, kernels.ImagePixels, kernels.Classes, len(images), len(logits))
	}
	return c.run(&request{images: images, logits: logits}, n)
}

// request is what a call asks for: predictions or logits.
type request struct {
	images      []byte
	predictions []Prediction
	logits      []float32
}

// run serves a request for n images, on several goroutines if there are enough.
func (c *Classifier) run(r *request, n int) error {
	if n > smallBatch && c.threads > 1 {
		return c.spread(*r, n)
	}
	f := c.states.Get().(*inference)
	defer c.states.Put(f)
	for first := 0; first < n; first += inferenceImages {
		if err := c.serve(f, r, first, min(inferenceImages, n-first)); err != nil {
			return err
		}
	}
	return nil
}

// smallBatch is the number of images that are not worth a second goroutine.
const smallBatch = 2 * kernels.Block

// spread serves a request on goroutines that take groups of images in turn.
func (c *Classifier) spread(r request, n int) error {
	// As many as an inference takes, or if there are few, as many for each thread.
	group := min(inferenceImages, ((n+c.threads-1)/c.threads+kernels.HalfBlock-1)/kernels.HalfBlock*kernels.HalfBlock)
	threads := min(c.threads, (n+group-1)/group)
	var next atomic.Int64
	failures := make([]error, threads)
	walk := func(thread int) {
		f := c.states.Get().(*inference)
		defer c.states.Put(f)
		for failures[thread] == nil {
			first := (int(next.Add(1)) - 1) * group
			if first >= n {
				return
			}
			failures[thread] = c.serve(f, &r, first, min(group, n-first))
		}
	}
	var wait sync.WaitGroup
	for thread := 1; thread < threads; thread++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			walk(thread)
		}()
	}
	walk(0)
	wait.Wait()
	return errors.Join(failures...)
}

// serve answers for images first … first+count−1.
func (c *Classifier) serve(f *inference, r *request, first, count int) error {
	lanes, err := f.forward(&c.packed, r.images, first, count)
	if err != nil {
		return err
	}
	for i := range count {
		if r.logits != nil {
			f.logits10((*[kernels.Classes]float32)(r.logits[(first+i)*kernels.Classes:]), lanes, i)
			continue
		}
		var logits [kernels.Classes]float32
		f.logits10(&logits, lanes, i)
		r.predictions[first+i] = predict(&logits)
	}
	return nil
}

// logits10 copies the logits of image i.
func (f *inference) logits10(logits *[kernels.Classes]float32, lanes, i int) {
	for class := range logits {
		logits[class] = f.logit(lanes, i, class)
	}
}

// predict turns logits into probabilities by softmax.
func predict(logits *[kernels.Classes]float32) Prediction {
	var p Prediction
	for class, logit := range logits {
		if logit > logits[p.Digit] {
			p.Digit = class
		}
	}
	var exponentials [kernels.Classes]float64
	sum := 0.0
	for class, logit := range logits {
		exponentials[class] = math.Exp(float64(logit) - float64(logits[p.Digit]))
		sum += exponentials[class]
	}
	for class, e := range exponentials {
		p.Probabilities[class] = float32(e / sum)
	}
	p.Probability = p.Probabilities[p.Digit]
	return p
}

// aligned returns n float32 that begin at a multiple of 64 bytes.
func aligned(n int) []float32 {
	raw := make([]float32, n+16)
	skip := alignment(raw)
	return raw[skip : skip+n : skip+n]
}
