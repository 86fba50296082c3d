package mnist

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/kernelet/kernelet/internal/npy"
)

func isNPY(start []byte) bool { return bytes.HasPrefix(start, []byte(npy.Magic)) }

// readNPY reads an array of images or of labels, told by its shape; of any
// other array it reads nothing.
func (p *part) readNPY(r io.Reader) error {
	h, err := npy.ReadHeader(r)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	images, classes := imagesShape(h.Shape), labelsShape(h.Shape)
	if !images && classes == 0 {
		if p.expected() {
			return fmt.Errorf("%w: shape: expected (n, 28, 28), (n, 784) or (n, 28, 28, 1) of images, or (n,) of labels, got %v", ErrFormat, h.Shape)
		}
		return nil
	}
	n := h.Shape[0]
	if n > maxItems {
		return fmt.Errorf("%w: shape: expected at most %d items, got %d", ErrFormat, maxItems, n)
	}
	if images {
		return p.readNPYImages(r, h, n)
	}
	values := make([]float64, 0, min(n*classes, readIncrement))
	if err := elements(r, h, n*classes, func(v float64) error { values = append(values, v); return nil }); err != nil {
		return err
	}
	if h.Fortran {
		values = fromFortran(values, []int{n, classes})
	}
	var labels []int64
	if classes == Classes {
		labels, err = oneHot(values, classes)
	} else {
		labels, err = wholes(values)
	}
	if err == nil {
		p.labels, err = labelBytes(labels)
	}
	return err
}

func (p *part) readNPYImages(r io.Reader, h npy.Header, n int) (err error) {
	_, _, float, err := h.Elements()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	size, err := sizeOf(uint32(n), ImageBytes, maxItems*ImageBytes)
	if err != nil {
		return err
	}
	if h.Type == "|u1" {
		p.images, err = body(r, size)
	} else {
		pixels := Pixels{unit: float || h.Bool()}
		err = elements(r, h, size, pixels.Add)
		p.images, p.notes = pixels.bytes, pixels.notes()
	}
	if err == nil && h.Fortran {
		p.images = fromFortran(p.images, h.Shape)
	}
	if p.images == nil {
		p.images = []byte{} // an array without images is one of images still
	}
	return err
}

// expected reports whether an array's name promises images or labels.
func (p *part) expected() bool { return roleOf(p.name) != noRole }

// imagesShape reports whether an array of that shape can be images.
func imagesShape(shape []int) bool {
	if len(shape) < 2 {
		return false
	}
	rest := slices.DeleteFunc(slices.Clone(shape[1:]), func(n int) bool { return n == 1 })
	return slices.Equal(rest, []int{Rows, Columns}) || slices.Equal(rest, []int{ImageBytes})
}

// labelsShape returns how many values a label has in an array of that shape: 1,
// or as many as classes, or 0 if it cannot be labels.
func labelsShape(shape []int) int {
	switch {
	case len(shape) == 1 || len(shape) == 2 && shape[1] == 1:
		return 1
	case len(shape) == 2 && shape[1] == Classes:
		return Classes
	}
	return 0
}

// elements reads exactly n elements and the end of the array.
func elements(r io.Reader, h npy.Header, n int, use func(float64) error) error {
	size, decode, _, err := h.Elements()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	buffer := make([]byte, 4096*size)
	for done := 0; done < n; {
		count := min(4096, n-done)
		if _, err := io.ReadFull(r, buffer[:count*size]); err != nil {
			return fmt.Errorf("%w: content: expected %d elements, got fewer than %d: %w", ErrFormat, n, done+count, err)
		}
		for i := range count {
			if err := use(decode(buffer[i*size:])); err != nil {
				return err
			}
		}
		done += count
	}
	_, err = body(r, 0)
	return err
}

// fromFortran brings values whose first index varies fastest to C order.
func fromFortran[T any](values []T, shape []int) []T {
	ordered := make([]T, len(values))
	index := make([]int, len(shape))
	for i := range ordered {
		// index is i's in C order; its place in Fortran order is a sum of strides.
		at, stride := 0, 1
		for d, n := range shape {
			at, stride = at+index[d]*stride, stride*n
		}
		ordered[i] = values[at]
		for d := len(shape) - 1; d >= 0; d-- {
			if index[d]++; index[d] < shape[d] {
				break
			}
			index[d] = 0
		}
	}
	return ordered
}

func wholes(values []float64) ([]int64, error) {
	labels := make([]int64, len(values))
	for i, v := range values {
		var ok bool
		if labels[i], ok = whole(v); !ok {
			return nil, fmt.Errorf("%w: label %d: expected a whole number, got %g", ErrFormat, i, v)
		}
	}
	return labels, nil
}

// isIDX reports whether a file begins as one of IDX: two zeros, a type, the
// number of dimensions.
func isIDX(start []byte) bool {
	return len(start) >= 4 && start[0] == 0 && start[1] == 0 && slices.Contains([]byte{8, 9, 11, 12, 13, 14}, start[2]) && start[3] >= 1 && start[3] <= 4
}

// Dimensions of QMNIST's labels: the class and where the digit comes from.
const (
	qmnistMagic   = 0x00000c02
	qmnistColumns = 8
)

// readIDX reads an IDX file of images or of labels.
func (p *part) readIDX(r *bufio.Reader) (err error) {
	start, err := r.Peek(4)
	if err != nil {
		return err
	}
	switch binary.BigEndian.Uint32(start) {
	case imagesMagic:
		p.images, err = ReadImages(r, maxItems)
		if err == nil && emnistPart(p.name) != "" {
			transpose(p.images)
			p.notes = append(p.notes, "EMNIST's images are stored transposed and were turned upright")
		}
		return err
	case labelsMagic:
		n, err := header(r, labelsMagic, nil, maxItems)
		if err != nil {
			return err
		}
		values, err := body(r, int(n))
		if err != nil {
			return err
		}
		labels := make([]int64, len(values))
		for i, v := range values {
			labels[i] = int64(v)
		}
		p.labels, err = labelBytes(labels)
		return err
	case qmnistMagic:
		n, err := header(r, qmnistMagic, []uint32{qmnistColumns}, maxItems)
		if err != nil {
			return err
		}
		content, err := body(r, int(n)*qmnistColumns*4)
		if err != nil {
			return err
		}
		labels := make([]int64, n)
		for i := range labels {
			labels[i] = int64(int32(binary.BigEndian.Uint32(content[i*qmnistColumns*4:])))
		}
		p.labels, err = labelBytes(labels)
		return err
	default:
		return fmt.Errorf("%w: magic: expected %#08x (images), %#08x (labels) or %#08x (QMNIST's labels), got %#08x", ErrFormat, imagesMagic, labelsMagic, qmnistMagic, start)
	}
}

// transpose turns images over their diagonal.
func transpose(images []byte) {
	for image := range slices.Chunk(images, ImageBytes) {
		for y := range Rows {
			for x := range y {
				a, b := y*Columns+x, x*Columns+y
				image[a], image[b] = image[b], image[a]
			}
		}
	}
}
