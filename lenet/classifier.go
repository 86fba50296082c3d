package lenet

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/kernels"
)

// ErrLength is wrapped by the error of arguments whose lengths do not fit each
// other.
var ErrLength = errors.New("lengths do not fit")

// Prediction is what a Classifier says about an image.
type Prediction struct {
	Digit         int                      `json:"digit"`
	Probability   float32                  `json:"probability"`   // of Digit
	Probabilities [kernels.Classes]float32 `json:"probabilities"` // their sum is 1 up to rounding
}

// Classifier is a Model packed for inference. It never changes and is safe for
// concurrent use. An image's logits do not depend on which images stand beside
// it or on their number, on the number of threads, or on AVX2 or AVX-512. Calls
// allocate nothing and start no goroutine once there were as many at the same
// time; what a Classifier holds, sleeping workers included, goes when it is
// collected.
type Classifier struct {
	set     *kernels.Set
	weights *classifierWeights
	threads int
}

// classifierWeights are what Classifiers share, with the memory that calls
// borrow and the workers that help with large ones.
type classifierWeights struct {
	packed  packed
	single  packedSingle
	batches *lender[inference]
	singles *lender[single]
	crew    *crew
}

// Bounds of the memory that calls borrow: 80 KB each for one image, 1 MB each
// for a batch. More calls at a time than processors only take turns anyway.
func singlesAtMost() int { return max(64, 2*runtime.NumCPU()) }
func batchesAtMost() int { return 2 * runtime.NumCPU() }

// Options say how a Classifier computes; they change its speed, not its
// answers. The zero value means the best instruction set and all processors.
type Options struct {
	ISA     string // one of ISAs; "" or "auto": KERNELET_ISA, or else the best the machine has
	Threads int    // goroutines that a large batch is spread over, at most; 0: as many as the process may use processors
}

// NewClassifier packs a copy of model, whose weights must be finite. The error
// wraps ErrISA if the machine lacks the instruction set, ErrSettings if the
// number of threads is out of its range, and ErrNotFinite or ErrModel if the
// model cannot be used.
func NewClassifier(model *Model, options Options) (*Classifier, error) {
	if options.Threads < 0 || options.Threads > maxThreads {
		return nil, fmt.Errorf("%w: threads: expected a value in [0, %d], got %d", ErrSettings, maxThreads, options.Threads)
	}
	set, err := kernels.Select(options.ISA)
	if err != nil {
		return nil, err
	}
	if err := model.checkFinite(); err != nil {
		return nil, err
	}
	w := new(classifierWeights)
	var memory []float32
	release, err := allocate(append(w.single.parts(), part{&memory, parametersLength},
		part{&w.packed.u1, kernels.Conv1U}, part{&w.packed.u2, kernels.Conv2U}))
	if err != nil {
		return nil, err
	}
	runtime.AddCleanup(w, func(release func()) { release() }, release)
	weights := newParameters(memory)
	weights.load(model)
	for _, bias := range [][]float32{weights.biasF, weights.biasC} {
		for i := range bias {
			bias[i] += 0 // −0 becomes 0: the kernels for one image count on it
		}
	}
	w.packed.use(weights)
	if err := w.packed.transform(set, weights); err != nil {
		return nil, err
	}
	if err := w.single.pack(&w.packed); err != nil {
		return nil, err
	}
	w.batches = newLender(batchesAtMost(), func() *inference { return newInference(set, aligned.Floats(inferenceLength)) })
	w.singles = newLender(singlesAtMost(), newSingle)
	w.crew = newCrew(set)
	runtime.AddCleanup(w, (*crew).close, w.crew)
	threads := options.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	return &Classifier{set: set, weights: w, threads: threads}, nil
}

// ISA names the instruction set in use.
func (c *Classifier) ISA() string { return c.set.Name() }

// Classify reads one image of 28×28 bytes, 0 for background, 255 for ink.
func (c *Classifier) Classify(image *[kernels.ImagePixels]byte) Prediction {
	return c.classify(pixels{bytes: image[:]})
}

// ClassifyFloats reads one image of 28×28 values, 0 for background, 1 for ink.
func (c *Classifier) ClassifyFloats(image *[kernels.ImagePixels]float32) Prediction {
	return c.classify(pixels{floats: image[:]})
}

func (c *Classifier) classify(image pixels) Prediction {
	var logits [kernels.Classes]float32
	f := c.weights.singles.borrow()
	// The lengths fit, so there is no error.
	_ = f.forward(c.set, &c.weights.packed, &c.weights.single, image, 0, &logits)
	c.weights.singles.giveBack(f)
	runtime.KeepAlive(c.weights) // whose memory the garbage collector does not see
	return Predict(&logits)
}

// ClassifyBatch fills predictions from as many images, 784 bytes each.
func (c *Classifier) ClassifyBatch(predictions []Prediction, images []byte) error {
	if len(images) != len(predictions)*kernels.ImagePixels {
		return fmt.Errorf("%w: images: expected %d bytes for %d predictions, got %d", ErrLength, len(predictions)*kernels.ImagePixels, len(predictions), len(images))
	}
	return c.run(request{images: pixels{bytes: images}, predictions: predictions}, len(predictions))
}

// Logits fills logits, [n][10], from n images of 784 bytes each.
func (c *Classifier) Logits(logits []float32, images []byte) error {
	return c.logits(logits, pixels{bytes: images}, len(images))
}

// LogitsFloats fills logits, [n][10], from n images of 784 values from 0 to 1
// each.
func (c *Classifier) LogitsFloats(logits, images []float32) error {
	return c.logits(logits, pixels{floats: images}, len(images))
}

func (c *Classifier) logits(logits []float32, images pixels, values int) error {
	n := values / kernels.ImagePixels
	if values != n*kernels.ImagePixels || len(logits) != n*kernels.Classes {
		return fmt.Errorf("%w: expected n×%d pixels and n×%d logits, got %d and %d", ErrLength, kernels.ImagePixels, kernels.Classes, values, len(logits))
	}
	return c.run(request{images: images, logits: logits}, n)
}

// request is what a call asks for: predictions or logits.
type request struct {
	images      pixels
	predictions []Prediction
	logits      []float32
}

// answer stores what the request asks for of image i.
func (r *request) answer(i int, logits *[kernels.Classes]float32) {
	if r.logits != nil {
		copy(r.logits[i*kernels.Classes:], logits[:])
	} else {
		r.predictions[i] = Predict(logits)
	}
}

// run serves a request for n images, with workers if there are enough.
func (c *Classifier) run(r request, n int) error {
	if n > smallBatch && c.threads > 1 {
		// Groups of equal size, as many for each thread. Batch 100 on two takes
		// 4.1 µs an image; with one thread reading the rest of whole half-blocks
		// alone 4.6 (Zen 5).
		groups := c.threads * ((n + c.threads*inferenceImages - 1) / (c.threads * inferenceImages))
		group := (n + groups - 1) / groups
		if rest := group % kernels.HalfBlock; rest >= worthHalfBlock {
			group += kernels.HalfBlock - rest
		}
		return c.weights.crew.serve(*c, r, n, group)
	}
	for first := 0; first < n; first += inferenceImages {
		if err := c.serve(nil, r, first, min(inferenceImages, n-first)); err != nil {
			return err
		}
	}
	return nil
}

// smallBatch is the number of images that are not worth a second goroutine.
const smallBatch = 2 * kernels.Block

// worthHalfBlock is the number of images from which a half-block, mostly empty,
// is faster than one image after the other.
const worthHalfBlock = 6

// serve answers for images first … first+count−1, in a worker's memory or, for
// a caller, in what it borrows.
func (c *Classifier) serve(own *crewMemory, r request, first, count int) error {
	var logits [kernels.Classes]float32
	together := count
	if rest := count % kernels.HalfBlock; rest < worthHalfBlock {
		together -= rest
	}
	if together > 0 {
		var f *inference
		if own != nil {
			f = own.inference
		} else {
			f = c.weights.batches.borrow()
			defer c.weights.batches.giveBack(f)
		}
		lanes, err := f.forward(&c.weights.packed, r.images, first, together)
		if err != nil {
			return err
		}
		for i := range together {
			logits = f.logitsOf(lanes, i)
			r.answer(first+i, &logits)
		}
	}
	if together < count {
		var f *single
		if own != nil {
			f = own.single
		} else {
			f = c.weights.singles.borrow()
			defer c.weights.singles.giveBack(f)
		}
		for i := first + together; i < first+count; i++ {
			if err := f.forward(c.set, &c.weights.packed, &c.weights.single, r.images, i, &logits); err != nil {
				return err
			}
			r.answer(i, &logits)
		}
	}
	runtime.KeepAlive(c.weights) // whose memory the garbage collector does not see
	return nil
}
