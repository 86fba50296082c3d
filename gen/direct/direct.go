// Package direct emits both convolutions by the plain algorithm, 5×5 products
// an output, with bias, ReLU and pooling: what a reader studies first, a second
// oracle at full speed, and the dense row of the benchmark.
//
// Register tile: the four outputs of a pooling window × as many channels as
// registers allow, so that pooling needs no memory. A tap costs four loads of
// inputs and one broadcast weight a channel, for four products a channel.
// AVX-512 takes five channels, AVX2 three, weights in registers (two channels,
// eight accumulators, only just hide the latency: 0.84 of the peak).
package direct

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/pooling"
	"github.com/kernelet/kernelet/internal/shape"
)

const filterSize = shape.FilterSize

type pointers = []reg.GPVirtual

// layer is the shape of a convolution.
type layer struct {
	inputs, outputs, row, inputSize, pooledSize int // row: values of a tap's weights for one input channel
	outputStep, inputStep                       int // bytes between weights of neighbouring outputs and inputs
}

// Emit adds the kernels of both layers.
func Emit(f *isa.File) {
	for _, width := range isa.Widths {
		conv1(f, width)
		conv2(f, width)
	}
}

func conv1(f *isa.File, width int) {
	k := f.Function("Conv1DirectReLUPool", width, "y, x, w, bias []float32, row int",
		"computes row of conv1, pooled, by direct sums: y [20][12][12] = max(0, maxpool(Σ w x) + bias)",
		"from x [28][28], w [25][24], bias [24].")
	l := layer{inputs: 1, outputs: shape.Conv1Outputs, inputSize: shape.ImageSize, pooledSize: shape.Pool1Size,
		row: shape.Conv1Row, outputStep: 4}
	y, x, w, bias, row := k.Pointer("y"), k.Pointer("x"), k.Pointer("w"), k.Pointer("bias"), k.Integer("row")
	line := k.Line()
	k.AdvanceBy(row, 2*l.inputSize*line, x)
	k.AdvanceBy(row, l.pooledSize*line, y)
	k.Loop("window", l.pooledSize, pointers{x, y}, []int{2 * line, line}, func() {
		l.window(k, y, x, w, bias)
	})
	k.Return()
}

func conv2(f *isa.File, width int) {
	k := f.Function("Conv2DirectReLUPool", width, "y, x, w, bias []float32, window int",
		"computes window of conv2, pooled, by direct sums: y [50][4][4] = max(0, maxpool(Σ w x) + bias)",
		"from x [20][12][12], w [25][50][20], bias [50].")
	l := layer{inputs: shape.Conv2Inputs, outputs: shape.Conv2Outputs, inputSize: shape.Pool1Size, pooledSize: shape.Pool2Size,
		row: shape.Conv2Outputs * shape.Conv2Inputs, outputStep: 4 * shape.Conv2Inputs, inputStep: 4}
	y, x, w, bias, window := k.Pointer("y"), k.Pointer("x"), k.Pointer("w"), k.Pointer("bias"), k.Integer("window")
	line := k.Line()
	k.AdvanceBy(window, line, y)
	column := k.GP64()
	k.MOVQ(window, column)
	k.ANDQ(operand.U8(3), column)
	k.SHRQ(operand.U8(2), window)
	k.AdvanceBy(column, 2*line, x)
	k.AdvanceBy(window, 2*l.inputSize*line, x)
	l.window(k, y, x, w, bias)
	k.Return()
}

// window emits all outputs of one pooling window.
func (l layer) window(k *isa.Kernel, y, x, w, bias reg.GPVirtual) {
	line := k.Line()
	plane := l.pooledSize * l.pooledSize * line
	k.EachPart(pointers{x, y}, nil, func() {
		done := 0
		for _, held := range []int{5, 3, 2} {
			if held*4+held+1 > k.Target.Registers {
				continue
			}
			count := (l.outputs - done) / held
			if count == 0 {
				continue
			}
			steps := []int{held * l.outputStep, 4 * held, held * plane}
			k.Loop("outputs", count, pointers{w, bias, y}, steps, func() { l.group(k, held, y, x, w, bias) })
			done += count * held
		}
		k.Advance(w, -l.outputs*l.outputStep)
		k.Advance(bias, -4*l.outputs)
		k.Advance(y, -l.outputs*plane)
	})
}

// group emits the four positions of a window for held outputs.
func (l layer) group(k *isa.Kernel, held int, y, x, w, bias reg.GPVirtual) {
	line := k.Line()
	sums := make([][]isa.V, held)
	for o := range sums {
		for range 4 {
			sums[o] = append(sums[o], k.Zero())
		}
	}
	terms := func() {
		for tap := range shape.Taps {
			k.Commentf("sum = sum + w x of tap (%d, %d), %d outputs × 4 positions of the window", tap/filterSize, tap%filterSize, held)
			weight := func(o int) operand.Mem { return isa.At(w, tap*4*l.row+o*l.outputStep) }
			pixel := func(p int) operand.Mem {
				return isa.At(x, ((tap/filterSize+p/2)*l.inputSize+tap%filterSize+p%2)*line)
			}
			if k.Target.Masks {
				values := make([]isa.V, 4)
				for p := range values {
					values[p] = k.LoadVector(pixel(p))
				}
				for o := range sums {
					k.Products(weight(o), values, sums[o])
				}
				continue
			}
			weights := make([]isa.V, held)
			for o := range weights {
				weights[o] = k.Broadcast(weight(o))
			}
			for p := range 4 {
				value := k.LoadVector(pixel(p))
				for o := range sums {
					k.VFMADD231PS(weights[o], value, sums[o][p])
				}
			}
		}
	}
	if l.inputs == 1 {
		terms()
	} else {
		k.Loop("input", l.inputs, pointers{x, w}, []int{l.inputSize * l.inputSize * line, l.inputStep}, terms)
		k.Advance(x, -l.inputs*l.inputSize*l.inputSize*line)
		k.Advance(w, -l.inputs*l.inputStep)
	}
	k.Comment("y = max(0, max(window) + bias)")
	zero := k.Zero()
	for o := range sums {
		b := k.Broadcast(isa.At(bias, 4*o))
		k.StoreVector(pooling.Forward(k, [4]isa.V(sums[o]), b, zero, nil), isa.At(y, o*l.pooledSize*l.pooledSize*line))
	}
}
