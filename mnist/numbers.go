package mnist

import (
	"fmt"
	"slices"
	"strings"
)

// Pixels turns numbers into bytes as they arrive, for readers of a Format.
// Integers are from 0 to 255; floats may be from 0 to 1 or from 0 to 255: which
// of them shows when the first is above 1, and what came before is then taken
// back. The zero value takes integers.
type Pixels struct {
	bytes  []byte
	unit   bool // from 0 to 1, as far as is known
	points bool // a number was written with a point, in text
}

// Floats says, before the first number, whether the numbers are floats.
func (p *Pixels) Floats(floats bool) { p.unit = floats }

// Bytes returns the pixels so far.
func (p *Pixels) Bytes() []byte { return p.bytes }

// Add appends a number. The error for one that is neither from 0 to 1 nor from
// 0 to 255 wraps ErrFormat.
func (p *Pixels) Add(v float64) error {
	if !(v >= 0 && v <= 255) {
		return fmt.Errorf("%w: pixel %d: expected values from 0 to 1 or from 0 to 255, got %g: undo the normalisation before saving", ErrFormat, len(p.bytes), v)
	}
	if p.unit && v > 1 {
		p.unit = false
		for i, b := range p.bytes {
			p.bytes[i] = byte((int(b) + 127) / 255)
		}
	}
	if p.unit {
		v *= 255
	}
	p.bytes = append(p.bytes, byte(v+.5))
	return nil
}

// noteUnit is the note about values from 0 to 1.
const noteUnit = "values from 0 to 1 were multiplied by 255"

// notes say what was done.
func (p *Pixels) notes() []string {
	if p.unit {
		return []string{noteUnit}
	}
	return nil
}

// Labels turns numbers into labels, for readers of a Format. The error for
// numbers that are not whole, or of other classes than the ten, wraps ErrFormat
// and names the classes that were found.
func Labels(numbers []float64) ([]byte, error) {
	labels, err := wholes(numbers)
	if err != nil {
		return nil, err
	}
	return labelBytes(labels)
}

// labelBytes turns labels into bytes, and refuses those of other classes than
// the ten, naming the classes that were found.
func labelBytes(values []int64) ([]byte, error) {
	labels := make([]byte, len(values))
	var foreign bool
	for i, v := range values {
		foreign = foreign || v < 0 || v >= Classes
		labels[i] = byte(v)
	}
	if !foreign {
		return labels, nil
	}
	classes := slices.Clone(values)
	slices.Sort(classes)
	classes = slices.Compact(classes)
	hint := ""
	if n := len(classes); classes[0] == 1 && classes[n-1] == Classes {
		hint = ": numbered from 1? subtract 1, or make 10 a 0, whichever is meant"
	}
	return nil, fmt.Errorf("%w: labels: expected the %d classes 0 to %d, got %d classes, %s%s", ErrFormat, Classes, Classes-1, len(classes), spans(classes), hint)
}

// spans writes a sorted list of integers with ranges: 0–3, 7.
func spans(values []int64) string {
	const most = 8
	var texts []string
	for i := 0; i < len(values); {
		j := i
		for j+1 < len(values) && values[j+1] == values[j]+1 {
			j++
		}
		if len(texts) == most {
			texts = append(texts, "…")
			break
		}
		text := fmt.Sprint(values[i])
		if j > i {
			text = fmt.Sprintf("%d–%d", values[i], values[j])
		}
		texts, i = append(texts, text), j+1
	}
	return strings.Join(texts, ", ")
}

// whole returns v as an integer if it is one of a label's size.
func whole(v float64) (int64, bool) {
	if !(v >= -1<<31 && v <= 1<<31) || v != float64(int64(v)) {
		return 0, false
	}
	return int64(v), true
}

// oneHot returns the classes of rows [n][classes] in which one value is 1 and
// all others are 0.
func oneHot(values []float64, classes int) ([]int64, error) {
	labels := make([]int64, len(values)/classes)
	for i := range labels {
		labels[i] = -1
		for class, v := range values[i*classes:][:classes] {
			if v == 1 && labels[i] < 0 {
				labels[i] = int64(class)
			} else if v != 0 {
				labels[i] = -1
				break
			}
		}
		if labels[i] < 0 {
			return nil, fmt.Errorf("%w: labels: row %d: expected one 1 among zeros, got %v", ErrFormat, i, values[i*classes:][:classes])
		}
	}
	return labels, nil
}
