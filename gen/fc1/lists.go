package fc1

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/compress"
	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/internal/shape"
)

// forwardLists emits h = max(0, w x + bias) from lists of the inputs that are
// not zero, lanes being outputs, for 128 outputs. The weights of a run of 64
// inputs, 32 KB, stay in L1 while all images go by; what an image has so far
// lies in h between the runs, so that its sums are the same as those of one
// image alone, which takes all inputs at once.
//
// Measured on Zen 5 with 16 % of x not zero, µs an image of a batch, AVX-512 and
// AVX2: all inputs at once, each row of 512 bytes from L2, 1.32 and 1.69; runs of
// 48 inputs 1.00 and 1.70, of 64 0.96 and 1.64, of 80 0.93 and 1.56, of 96 0.92 and
// 1.56. 64 is what an L1 of 32 KB holds. The products take 0.5; a run of an image
// has ten of them on average, and where it ends is not predicted.
func forwardLists(f *isa.File) {
	k := f.WideFunction("FC1ListForwardReLU", "h, values []float32, inputs, ends []int32, w, bias []float32, images, chunk int",
		"computes outputs 128 chunk … 128 chunk+127 of h [images][512] = max(0, w x + bias)",
		"from the lists of x, values, inputs [images][816] and ends [images][13], w [4][800][128] and bias [512].")
	const rowBytes = 4 * shape.SingleFC1Chunk
	h, w, bias, chunk := k.Pointer("h"), k.Pointer("w"), k.Pointer("bias"), k.Integer("chunk")
	k.AdvanceBy(chunk, rowBytes, h, bias)
	k.AdvanceBy(chunk, rowBytes*inputs, w)
	held := 8 * k.Bytes() // outputs whose sums are in registers
	k.Loop("part", rowBytes/held, pointers{h, w, bias}, []int{held, held, held}, func() {
		ends := k.Pointer("ends")
		run := func(first, last bool) {
			to, images := k.GP64(), k.Integer("images")
			l := compress.List{Values: k.Pointer("values"), Indices: k.Pointer("inputs"), N: k.GP64(), End: k.GP64()}
			k.MOVQ(h, to)
			k.LoopCounter("image", images, pointers{to, l.Values, l.Indices, ends}, []int{4 * shape.SingleFC1Y, 4 * inputList, 4 * inputList, 4 * inputRuns}, func() {
				k.Commentf("h = (h of the runs before, or bias) + Σ value·w[input], %d outputs, the inputs of this run in the image's list", 8*k.Lanes)
				from := to
				if first {
					from = bias
					k.XORQ(l.N, l.N)
				} else {
					k.MOVLQSX(isa.At(ends, -4), l.N)
				}
				sums := make([]isa.V, 8)
				for i := range sums {
					sums[i] = k.LoadVector(isa.At(from, i*k.Bytes()))
				}
				k.MOVLQSX(isa.At(ends, 0), l.End)
				for _, list := range []reg.GPVirtual{l.Values, l.Indices} {
					k.PREFETCHT0(operand.Mem{Base: list, Index: l.N, Scale: 4, Disp: 4 * inputList})
				}
				l.Each(k, w, rowBytes, nil, func(row reg.GPVirtual, value isa.V) {
					for i, sum := range sums {
						k.VFMADD231PS(isa.At(row, i*k.Bytes()), value, sum)
					}
				})
				if last {
					zero := k.Zero()
					for i, sum := range sums {
						sums[i] = k.Max(zero, sum)
					}
				}
				for i, sum := range sums {
					k.StoreVector(sum, isa.At(to, i*k.Bytes()))
				}
			})
			// Back to the first image, and on to the next run.
			k.SUBQ(k.Times(k.Integer("images"), 4*inputRuns), ends)
			k.ADDQ(operand.I8(4), ends)
		}
		run(true, false)
		k.Loop("run", inputRuns-2, nil, nil, func() { run(false, false) })
		run(false, true)
	})
	k.Return()
}
