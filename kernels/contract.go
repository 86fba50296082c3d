package kernels

import (
	"errors"
	"fmt"

	"github.com/kernelet/kernelet/internal/shape"
)

// ErrLength is wrapped by the error of a kernel whose arguments do not fit
// its shapes.
var ErrLength = errors.New("argument does not fit the kernel")

// contract checks the arguments of a kernel, one after another; err names the
// kernel and the first argument that does not fit.
type contract struct {
	kernel string
	err    error
}

func (c *contract) fail(format string, a ...any) *contract {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s: "+format, append([]any{ErrLength, c.kernel}, a...)...)
	}
	return c
}

// block: images lie side by side.
func (c *contract) block(images int) *contract {
	if images != shape.HalfBlock && images != shape.Block {
		return c.fail("images: expected %d or %d, got %d", shape.HalfBlock, shape.Block, images)
	}
	return c
}

// batch: images fill blocks and perhaps a half-block.
func (c *contract) batch(images int) *contract {
	if images <= 0 || images%shape.HalfBlock != 0 {
		return c.fail("images: expected a positive multiple of %d, got %d", shape.HalfBlock, images)
	}
	return c
}

// chunk is batch for images that are worked on together.
func (c *contract) chunk(images int) *contract {
	if c.batch(images); images > shape.MaxImages {
		return c.fail("images: expected at most %d, got %d", shape.MaxImages, images)
	}
	return c
}

// length: a slice has as many elements as it needs.
func (c *contract) length(name string, got, want int) *contract {
	if got != want {
		return c.fail("%s: expected %d elements, got %d", name, want, got)
	}
	return c
}

// index is below n.
func (c *contract) index(name string, got, n int) *contract {
	if got < 0 || got >= n {
		return c.fail("%s: expected 0…%d, got %d", name, n-1, got)
	}
	return c
}

// rows: packed inputs of fc1 have room for count images from first on.
func (c *contract) rows(name string, r Rows, first, count int) *contract {
	if r.Capacity%shape.HalfBlock != 0 {
		return c.fail("%s: expected a capacity that is a multiple of %d, got %d", name, shape.HalfBlock, r.Capacity)
	}
	c.length(name, len(r.Values), shape.FC1Inputs*r.Capacity)
	if first < 0 || first%shape.HalfBlock != 0 || count < 0 || first > r.Capacity-count {
		return c.fail("%s: expected images within 0…%d that begin at a multiple of %d, got %d images from %d",
			name, r.Capacity-1, shape.HalfBlock, count, first)
	}
	return c
}

// groups: a range of n channels or slices, made of whole groups.
func (c *contract) groups(first, count, group, n int) *contract {
	if first < 0 || count < 1 || first%group != 0 || count%group != 0 || first > n-count {
		return c.fail("range: expected groups of %d within 0…%d, got %d from %d", group, n-1, count, first)
	}
	return c
}

// conv2Inputs: a range of conv2's input channels, in training.
func (c *contract) conv2Inputs(first, count int) *contract {
	return c.groups(first, count, shape.Conv2TrainGroup, shape.Conv2Inputs)
}

// conv2Outputs: a range of conv2's output channels, in training.
func (c *contract) conv2Outputs(first, count int) *contract {
	return c.groups(first, count, shape.Conv2TrainGroup, shape.Conv2Outputs)
}

// outputs: a range of fc1's outputs.
func (c *contract) outputs(first, count int) *contract {
	if first < 0 || count < 1 || first > shape.FC1Outputs-count {
		return c.fail("outputs: expected a range within 0…%d, got %d from %d", shape.FC1Outputs-1, count, first)
	}
	return c
}

// atLeast: working memory may be longer than it needs to be.
func (c *contract) atLeast(name string, got, want int) *contract {
	if got < want {
		return c.fail("%s: expected at least %d elements, got %d", name, want, got)
	}
	return c
}
