package lenet

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
)

// ErrLength is wrapped by the error of arguments whose lengths do not fit each
// other.
var ErrLength = errors.New("lengths do not fit")

// Prediction is what a Classifier says about an image.
type Prediction struct {
	Digit         int                    `json:"digit"`
	Probability   float32                `json:"probability"`   // of Digit
	Probabilities [shape.Classes]float32 `json:"probabilities"` // their sum is 1 up to rounding
	Rejection     float32                `json:"rejection"`     // above 0: no digit, by the model's Calibration; 0 without one
}

// Rejected reports whether the image is no digit, by the model's Calibration.
func (p Prediction) Rejected() bool { return p.Rejection > 0 }

// Classifier is a Model packed for inference. It never changes and is safe for
// concurrent use. An image's logits do not depend on which images stand beside
// it or on their number, on the number of threads, or on AVX2 or AVX-512. Once
// the peak number of concurrent calls has been reached, calls do not allocate,
// and while batches follow each other they start no goroutine. Helpers of large
// batches end when they have had nothing to do for a tenth of a second, and the
// memory is the garbage collector's, so a Classifier need not be closed.
type Classifier struct {
	calibration *Calibration // of the model; nil: none
	set         *kernels.Set
	threads     int
	packed      packed
	single      packedSingle
	workers     *workers
	own         []classifierMemory   // of worker 1, 2, …
	batches     *freeList[inference] // of callers
	singles     *freeList[single]
	calls       *freeList[call]
}

// classifierMemory is a worker's own, made when it is first needed: 1 MB that
// stay in its core's caches.
type classifierMemory struct {
	inference *inference
	single    *single
}

// Bounds of the memory that callers borrow: 80 KB each for one image, 1 MB each
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
	threads := min(options.Threads, processors())
	if threads == 0 {
		threads = processors()
	}
	c := &Classifier{
		set: set, threads: threads, workers: newWorkers(threads - 1), own: make([]classifierMemory, threads-1),
		batches: newFreeList(batchesAtMost(), func() *inference { return newListingInference(set) }),
		singles: newFreeList(singlesAtMost(), newSingle),
		calls:   newFreeList(0, func() *call { return new(call) }),
	}
	memory := aligned.Floats(parametersLength)
	for _, p := range append(c.single.parts(), part{&c.packed.conv1U, shape.Conv1U}, part{&c.packed.conv2U, shape.Conv2U}) {
		*p.target = aligned.Floats(p.length)
	}
	weights := newParameters(memory)
	weights.load(model)
	for _, bias := range [][]float32{weights.fc1Bias, weights.fc2Bias} {
		for i := range bias {
			bias[i] += 0 // −0 becomes 0: the kernels for one image count on it
		}
	}
	c.calibration = model.Calibration
	c.packed.use(weights)
	if err := c.packed.transform(set, weights); err != nil {
		return nil, err
	}
	if err := c.single.pack(&c.packed, c.calibration); err != nil {
		return nil, err
	}
	return c, nil
}

// Close ends the helpers at once if no call is under way, as testing/synctest
// wants it. A call after Close starts them again.
func (c *Classifier) Close() { c.workers.close() }

// ISA names the instruction set in use.
func (c *Classifier) ISA() string { return c.set.Name() }

// Calibration returns the model's, or nil.
func (c *Classifier) Calibration() *Calibration { return c.calibration }

// Classify reads one image of 28×28 bytes, 0 for background, 255 for ink.
func (c *Classifier) Classify(image *[shape.ImagePixels]byte) Prediction {
	return c.classify(pixels{bytes: image[:]})
}

// ClassifyFloats reads one image of 28×28 values, 0 for background, 1 for ink.
func (c *Classifier) ClassifyFloats(image *[shape.ImagePixels]float32) Prediction {
	return c.classify(pixels{floats: image[:]})
}

func (c *Classifier) classify(image pixels) Prediction {
	answer := c.answerAlone(image)
	return c.calibration.predict(&answer)
}

// ClassifyUncalibrated is Classify with the probabilities of softmax alone, for
// images that are harder than those that the model was calibrated on.
func (c *Classifier) ClassifyUncalibrated(image *[shape.ImagePixels]byte) Prediction {
	answer := c.answerAlone(pixels{bytes: image[:]})
	logits := logitsIn(&answer)
	p := Predict(&logits)
	p.Rejection = c.calibration.score(&answer, p.Digit)
	return p
}

// answerAlone returns an image's logits and, at rejectionPlace, what fc1's outputs
// add to its rejection score.
func (c *Classifier) answerAlone(image pixels) (answer [shape.SingleLogits]float32) {
	f := c.singles.get()
	// The lengths fit, so there is no error.
	_ = f.forward(c.set, &c.packed, &c.single, image, 0, &answer)
	c.singles.put(f)
	return answer
}

// Hidden returns fc1's outputs, after ReLU, of an image: what the last layer
// weighs, and a classifier of one's own could.
func (c *Classifier) Hidden(image *[shape.ImagePixels]byte) (outputs [shape.FC1Outputs]float32) {
	var answer [shape.SingleLogits]float32
	f := c.singles.get()
	_ = f.forward(c.set, &c.packed, &c.single, pixels{bytes: image[:]}, 0, &answer)
	copy(outputs[:], f.h)
	c.singles.put(f)
	return outputs
}

// ClassifyBatch fills predictions from as many images, 784 bytes each.
func (c *Classifier) ClassifyBatch(predictions []Prediction, images []byte) error {
	if len(images) != len(predictions)*shape.ImagePixels {
		return fmt.Errorf("%w: images: expected %d bytes for %d predictions, got %d", ErrLength, len(predictions)*shape.ImagePixels, len(predictions), len(images))
	}
	return c.run(request{images: pixels{bytes: images}, predictions: predictions, calibration: c.calibration}, len(predictions))
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
	n := values / shape.ImagePixels
	if values != n*shape.ImagePixels || len(logits) != n*shape.Classes {
		return fmt.Errorf("%w: expected n×%d pixels and n×%d logits, got %d and %d", ErrLength, shape.ImagePixels, shape.Classes, values, len(logits))
	}
	return c.run(request{images: images, logits: logits}, n)
}

// request is what a call asks for: predictions or logits.
type request struct {
	images      pixels
	predictions []Prediction
	logits      []float32
	calibration *Calibration
}

// store fills what the request asks for of image i.
func (r *request) store(i int, answer *[shape.SingleLogits]float32) {
	if r.logits != nil {
		copy(r.logits[i*shape.Classes:], answer[:shape.Classes])
	} else {
		r.predictions[i] = r.calibration.predict(answer)
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
		if rest := group % shape.HalfBlock; rest >= worthHalfBlock {
			group += shape.HalfBlock - rest
		}
		k := c.calls.get()
		k.classifier, k.request, k.n, k.group = c, r, n, group
		k.next.Store(0)
		err := c.workers.run(min(c.threads, (n+group-1)/group), k)
		k.classifier, k.request = nil, request{} // so that it keeps nothing alive
		c.calls.put(k)
		return err
	}
	for first := 0; first < n; first += inferenceImages {
		if err := c.answer(nil, r, first, min(inferenceImages, n-first)); err != nil {
			return err
		}
	}
	return nil
}

// call is a request in progress on several workers: groups of images.
type call struct {
	classifier *Classifier
	request    request
	n, group   int          // images, and images in a group
	next       atomic.Int64 // group
}

// run answers for groups until all are taken.
func (k *call) run(worker int) error {
	c := k.classifier
	var own *classifierMemory // of a caller: none
	if worker > 0 {
		own = c.own[worker-1].made(c.set)
	}
	for {
		first := (int(k.next.Add(1)) - 1) * k.group
		if first >= k.n {
			return nil
		}
		if err := c.answer(own, k.request, first, min(k.group, k.n-first)); err != nil {
			return err
		}
	}
}

// smallBatch is the number of images that are not worth a second goroutine.
const smallBatch = 2 * shape.Block

// worthHalfBlock is the number of images from which a half-block, mostly empty,
// is faster than one image after the other.
const worthHalfBlock = 6

// made allocates the memory at the first call.
func (m *classifierMemory) made(set *kernels.Set) *classifierMemory {
	if m.inference == nil {
		m.inference, m.single = newListingInference(set), newSingle()
	}
	return m
}

// answer fills what r asks for of images first … first+count−1, in a worker's
// memory or, if own is nil, in what it borrows.
func (c *Classifier) answer(own *classifierMemory, r request, first, count int) error {
	together := count
	if rest := count % shape.HalfBlock; rest < worthHalfBlock {
		together -= rest
	}
	if together > 0 {
		var f *inference
		if own != nil {
			f = own.inference
		} else {
			f = c.batches.get()
			defer c.batches.put(f)
		}
		if err := f.forward(&c.packed, &c.single, r.images, first, together); err != nil {
			return err
		}
		for i := range together {
			r.store(first+i, &f.answers[i])
		}
	}
	if together < count {
		var f *single
		if own != nil {
			f = own.single
		} else {
			f = c.singles.get()
			defer c.singles.put(f)
		}
		var answer [shape.SingleLogits]float32
		for i := first + together; i < first+count; i++ {
			if err := f.forward(c.set, &c.packed, &c.single, r.images, i, &answer); err != nil {
				return err
			}
			r.store(i, &answer)
		}
	}
	return nil
}
