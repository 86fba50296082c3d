package serve

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kernelet/kernelet/internal/shape"
)

// Names and types of the tensors.
const (
	inputName     = "image"
	logits        = "logits"
	probabilities = "probabilities"
	digits        = "digits"
	uint8Type     = "UINT8"
	fp32Type      = "FP32"
	int64Type     = "INT64"
	modelVersion  = "1"
	pixels        = shape.ImagePixels
	shapesText    = "[784], [28,28], [n,784], [n,28,28] or [n,1,28,28]"
)

var outputNames = []string{logits, probabilities, digits}

// inferenceRequest is a request of either protocol and its answer.
type inferenceRequest struct {
	images  int
	bytes   []byte    // of UINT8, images×784; nil: floats count
	own     []byte    // memory for bytes that do not lie in the request's body
	floats  []float32 // of FP32, images×784 from 0 to 1
	outputs []output

	logits        []float32 // images×10
	probabilities []float32 // images×10, if these or digits are asked for
	digits        []int64   // images, likewise
}

// output is a tensor that was asked for.
type output struct {
	name string
	form form
}

// form is how an output is written.
type form uint8

const (
	unsaid form = iota
	asJSON
	asBinary
)

// reset makes q ready for another request, keeping its memory.
func (q *inferenceRequest) reset() { q.bytes, q.floats, q.outputs = nil, q.floats[:0], nil }

// imagesOf returns how many images a shape describes.
func imagesOf(shape []int64, most int) (int, error) {
	fail := func() (int, error) {
		return 0, badRequest("input %q: shape %s: expected %s", inputName, shapeText(shape), shapesText)
	}
	images := int64(1)
	if flat, square := []int64{pixels}, []int64{28, 28}; !slices.Equal(shape, flat) && !slices.Equal(shape, square) {
		if len(shape) < 2 {
			return fail()
		}
		rest := shape[1:]
		if len(rest) == 3 && rest[0] == 1 {
			rest = rest[1:]
		}
		if !slices.Equal(rest, flat) && !slices.Equal(rest, square) {
			return fail()
		}
		images = shape[0]
	}
	if images < 1 {
		return 0, badRequest("input %q: shape %s: expected at least one image", inputName, shapeText(shape))
	}
	if images > int64(most) {
		return 0, tooLarge("images", "input %q: expected at most %d images a request, got %d", inputName, most, images)
	}
	return int(images), nil
}

func shapeText(shape []int64) string {
	if len(shape) > 8 {
		return fmt.Sprintf("of %d dimensions", len(shape))
	}
	return strings.ReplaceAll(fmt.Sprint(shape), " ", ",")
}

// checkInput refuses tensors of other names and types.
func checkInput(name, datatype string) error {
	if name != inputName {
		return badRequest("input %q: expected the name %q", shorten(name), inputName)
	}
	if datatype != uint8Type && datatype != fp32Type {
		return badRequest("input %q: datatype %q: expected UINT8 (0 to 255) or FP32 (0 to 1)", inputName, shorten(datatype))
	}
	return nil
}

func checkInputs(n int) error {
	if n != 1 {
		return badRequest("inputs: expected one, %q, got %d", inputName, n)
	}
	return nil
}

// outputNamed returns the constant of a name that was asked for.
func outputNamed(name string) (string, error) {
	if at := slices.Index(outputNames, name); at >= 0 {
		return outputNames[at], nil
	}
	return "", badRequest("output %q: expected logits, probabilities or digits", shorten(name))
}

// setRaw takes little-endian values as they come over the wire.
func (q *inferenceRequest) setRaw(datatype string, raw []byte) error {
	n := q.images * pixels
	if datatype == uint8Type {
		if len(raw) != n {
			return badRequest("input %q: expected %d bytes for %d images of UINT8, got %d", inputName, n, q.images, len(raw))
		}
		q.bytes = raw
		return nil
	}
	if len(raw) != 4*n {
		return badRequest("input %q: expected %d bytes for %d images of FP32, got %d", inputName, 4*n, q.images, len(raw))
	}
	q.floats = resize(q.floats, n)
	for i := range q.floats {
		q.floats[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return q.checkFloats()
}

// checkFloats refuses values that are no pixels.
func (q *inferenceRequest) checkFloats() error {
	for i, v := range q.floats {
		if !(v >= 0 && v <= 1) {
			return badRequest("input %q: value %d: FP32 is from 0 (background) to 1 (ink), got %g; UINT8 takes 0 to 255", inputName, i, v)
		}
	}
	return nil
}

// compute fills what was asked for.
func (q *inferenceRequest) compute(m *model) error {
	q.logits = resize(q.logits, q.images*shape.Classes)
	var err error
	if q.bytes != nil {
		err = m.classifier.Logits(q.logits, q.bytes)
	} else {
		err = m.classifier.LogitsFloats(q.logits, q.floats)
	}
	if err != nil {
		return err
	}
	if !q.asks(probabilities) && !q.asks(digits) {
		return nil
	}
	q.probabilities = resize(q.probabilities, len(q.logits))
	q.digits = resize(q.digits, q.images)
	calibration := m.classifier.Calibration()
	for i := range q.digits {
		p := calibration.Predict((*[shape.Classes]float32)(q.logits[i*shape.Classes:]))
		copy(q.probabilities[i*shape.Classes:], p.Probabilities[:])
		q.digits[i] = int64(p.Digit)
	}
	return nil
}

// asks reports whether an output is wanted.
func (q *inferenceRequest) asks(name string) bool {
	return slices.ContainsFunc(q.outputs, func(o output) bool { return o.name == name })
}

// shape is that of an output.
func (q *inferenceRequest) shape(name string) []int64 {
	if name == digits {
		return []int64{int64(q.images)}
	}
	return []int64{int64(q.images), shape.Classes}
}

func datatypeOf(name string) string {
	if name == digits {
		return int64Type
	}
	return fp32Type
}

func (q *inferenceRequest) floatsOf(name string) []float32 {
	if name == probabilities {
		return q.probabilities
	}
	return q.logits
}

// rawBytes is the length of an output in binary form.
func (q *inferenceRequest) rawBytes(name string) int {
	if name == digits {
		return 8 * q.images
	}
	return 4 * shape.Classes * q.images
}

// appendRaw appends an output's values, little-endian.
func (q *inferenceRequest) appendRaw(b []byte, name string) []byte {
	if name == digits {
		for _, v := range q.digits {
			b = binary.LittleEndian.AppendUint64(b, uint64(v))
		}
		return b
	}
	for _, v := range q.floatsOf(name) {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// answerBytes bounds what an answer takes besides the request's body, for
// each image: floats of the pixels, all outputs, and their text.
const answerBytes = 4*pixels + 1024

// resize returns a slice of n values, in s's memory if that is enough.
func resize[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

// shorten keeps a client's text short in what goes back to it.
func shorten(text string) string {
	const most = 64
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
