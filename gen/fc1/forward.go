package fc1

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/reduce"
	"github.com/kernelet/kernelet/gen/transpose"
	"github.com/kernelet/kernelet/internal/shape"
)

// forwardAll emits y = max(0, w x + bias), lanes being images: inference.
//
// Register tile: outputs × the vectors of a half-block, a block or a pair of
// blocks. A pair shares each weight's broadcast, which costs a load: AVX-512
// makes 12 loads for 20 products, with one block 26 for 25. Measured on Zen 5,
// which makes two loads and two products a cycle, µs an image: a block 3.55,
// a pair 3.14.
func forwardAll(f *isa.File, width int) {
	k := f.Function("FC1ForwardReLU", width, "y, x, w, bias []float32, first int",
		"computes outputs first … first+99 of fc1: y [500] = max(0, w x + bias) from x [800], w [10][500][80].")
	y, x, w, bias, first := k.Pointer("y"), k.Pointer("x"), k.Pointer("w"), k.Pointer("bias"), k.Integer("first")
	line := 4 * min(width, 16)
	parts, blocks := width/k.Lanes, 1
	if parts > 2 {
		parts, blocks = 2, 2 // AVX2: two outputs of four vectors are too few products
	}
	group := k.Fit(func(group int) int { return (group+1)*parts + 1 }, 25, 20, 10, 5)
	at := func(features, feature, part int) int {
		lane := part * k.Lanes
		return (lane/16*features+feature)*line + lane%16*4
	}
	k.AdvanceBy(first, line, y)
	k.AdvanceBy(first, sliceBytes, w)
	k.AdvanceBy(first, 4, bias)

	k.Loop("block", blocks, pointers{x, y}, []int{inputs * line, outputs * line}, func() {
		k.Loop("group", shape.FC1ForwardGroup/group, pointers{y, w, bias}, []int{group * line, group * sliceBytes, 4 * group}, func() {
			k.Commentf("y = max(0, bias + Σ w x), %d outputs × %d vectors of images", group, parts)
			sums := make([][]isa.V, group)
			for o := range sums {
				sums[o] = append(sums[o], k.Broadcast(isa.At(bias, 4*o)))
				for range parts - 1 {
					sums[o] = append(sums[o], k.Copy(sums[o][0]))
				}
			}
			const unroll = 8
			weight := k.GP64()
			k.MOVQ(w, weight)
			k.Loop("slice", slices, pointers{weight}, []int{(outputs - 1) * sliceBytes}, func() {
				k.Loop("input", slice/unroll, pointers{weight, x}, []int{4 * unroll, unroll * line}, func() {
					for i := range unroll {
						values := make([]isa.V, parts)
						for p := range values {
							values[p] = k.LoadVector(isa.At(x, at(inputs, i, p)))
						}
						for o := range sums {
							k.Products(isa.At(weight, o*sliceBytes+4*i), values, sums[o])
						}
					}
				})
			})
			k.Advance(x, -inputs*line)
			zero := k.Zero()
			for o := range sums {
				for p, sum := range sums[o] {
					k.StoreVector(k.Max(zero, sum), isa.At(y, at(outputs, o, p)))
				}
			}
		})
		k.Advance(y, -shape.FC1ForwardGroup*line)
		k.Advance(w, -shape.FC1ForwardGroup*sliceBytes)
		k.Advance(bias, -4*shape.FC1ForwardGroup)
	})
	k.Return()
}

const (
	together = shape.FC1DropoutGroup
	half     = slices / 2 // slices whose weights for these outputs stay in L1: 25 KB
)

// forwardKept emits y = dropout(max(0, w x + bias)) for sixteen outputs of all
// images of a batch, and computes only what dropout keeps.
//
// Which outputs are kept differs from image to image, so lanes are inputs, as
// on the way back: for each image and each of its kept outputs a sum over rows
// of 80 inputs a slice. Inputs are taken in two halves of five slices, and a
// half of an image's inputs stays in registers for all its outputs (AVX-512:
// 25 registers; AVX2: a slice at a time, 10 registers), so that a product costs
// one load. The order of a sum, for every instruction set:
//
//	slice   lane l of 16 adds w[i] x[i] for i = l, l+16, …, l+64
//	half    ((((slice 0 + slice 1) + slice 2) + slice 3) + slice 4), then lanes l + l+8, l + l+4, l + l+2, l + l+1
//	output  (half 0 + half 1) + bias
//
// Measured on Zen 5, AVX-512, 104 images, new keys in every call, µs an image:
// 2.49; all outputs, lanes being images, 3.5 (forwardAll); the outputs' masks
// hashed image by image instead of before, so that the first product of every
// image waits for them, 2.94. Fetching the next image's inputs ahead gains
// nothing. With dropout 0 this kernel takes 4.3, and with nothing kept 0.64.
//
// On Zen 4 it takes 5.05, with dropout 0 9.4, with nothing kept 1.06: a kept output
// costs 61 cycles where its products need 50, for each of them loads 64 bytes from
// L1, which gives 58 a cycle there. With 768 bytes between the slices, so that no
// set of L1 holds more than seven lines of these weights, it takes 4.91.
func forwardKept(f *isa.File) {
	k := f.WideFunction("FC1ForwardReLUDropout", "y, packed, w, bias []float32, keys []uint32, images, capacity, first int, threshold uint32, scale float32",
		"computes outputs first … first+15, or the last four, of fc1 for a batch:",
		"y [blocks][500] = dropout(max(0, w x + bias)) from w [10][500][80] and the inputs, packed [10][capacity][80].",
		"images is a multiple of 8 and at most 128, first a multiple of 16.")
	x, w, first := k.Pointer("packed"), k.Pointer("w"), k.Integer("first")
	stride, stride3 := k.Times(k.Integer("capacity"), sliceBytes), k.GP64()
	k.LEAQ(operand.Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	k.AdvanceBy(first, sliceBytes, w)

	parts := together / k.Lanes
	memory := &keptMemory{Kernel: k, base: k.Scratch(keptBytes)}
	memory.prepare(first)

	for h := range 2 {
		image := k.GP64()
		k.XORQ(image, image)
		loop := k.NewLabel("image")
		k.Label(loop)
		kept := k.GP64()
		k.MOVLQZX(operand.Mem{Base: memory.base, Index: image, Scale: 4, Disp: keptMasks}, kept)
		ahead := k.GP64()
		k.MOVQ(image, ahead)
		k.SHLQ(operand.U8(6), ahead)
		k.ADDQ(w, ahead)
		for s := range half {
			at := (half + s) * outputs * sliceBytes
			if h == 1 {
				at = s*outputs*sliceBytes + together*sliceBytes
			}
			k.PREFETCHT1(isa.At(ahead, at))
		}
		held := half // slices at a time
		if !k.Target.Masks {
			held = 1
		}
		for chunk := 0; chunk < half; chunk += held {
			k.Commentf("inputs %d … %d of the image", (h*half+chunk)*slice, (h*half+chunk+held)*slice-1)
			var values [][]isa.V
			for s := range held {
				at := operand.Mem{Base: x}
				switch chunk + s {
				case 3:
					at.Index, at.Scale = stride3, 1
				case 0:
				default:
					at.Index, at.Scale = stride, uint8(chunk+s)
				}
				var row []isa.V
				for i := range slice / k.Lanes {
					row = append(row, k.LoadVector(at.Offset(i*k.Bytes())))
				}
				values = append(values, row)
			}
			rest, none, next := k.GP32(), k.NewLabel("none"), k.NewLabel("kept")
			k.MOVL(kept.As32(), rest)
			k.TESTL(rest, rest)
			k.JZ(operand.LabelRef(none))
			k.Label(next)
			output := k.GP64()
			k.TZCNTL(rest, output.As32())
			k.BLSRL(rest, rest)
			row := k.Behind(w, output, sliceBytes)
			k.SHLQ(operand.U8(6), output)
			sums := func(part int) operand.Mem {
				return operand.Mem{Base: memory.base, Index: output, Scale: 1, Disp: keptSums + part*k.Bytes()}
			}
			var total []isa.V // of the slices so far, a register for every part of 16 lanes
			for s := range values {
				slice := make([]isa.V, parts)
				for i, value := range values[s] {
					weight := isa.At(row, (h*half+chunk+s)*outputs*sliceBytes+i*k.Bytes())
					if i < parts {
						slice[i] = k.Vector()
						k.VMULPS(weight, value, slice[i])
					} else {
						k.VFMADD231PS(weight, value, slice[i%parts])
					}
				}
				switch {
				case total != nil:
					for p := range slice {
						total[p] = k.Add(total[p], slice[p])
					}
				case chunk > 0:
					for p := range slice {
						total = append(total, k.Add(slice[p], sums(p)))
					}
				default:
					total = slice
				}
			}
			if chunk+held < half {
				for p, v := range total {
					k.StoreVector(v, sums(p))
				}
			} else if parts == 1 {
				k.VMOVUPS(reduce.Halves(k, total[0]), sums(0))
			} else {
				k.StoreVector(k.Add(total[0], total[1]), sums(0))
			}
			k.TESTL(rest, rest)
			k.JNZ(operand.LabelRef(next))
			k.Label(none)
		}
		memory.finish(h, image, kept)
		k.Advance(x, sliceBytes)
		k.INCQ(image)
		end := k.Integer("images")
		k.CMPQ(image, end)
		k.JLT(operand.LabelRef(loop))

		if h == 0 {
			k.Comment("back to the first image, on to the other half of the inputs")
			k.SUBQ(k.Times(end, sliceBytes), x)
			k.LEAQ(operand.Mem{Base: x, Index: stride, Scale: 1}, x)
			k.LEAQ(operand.Mem{Base: x, Index: stride, Scale: 4}, x)
		}
	}
	k.Return()
}

// keptMemory is the working memory of forwardKept, on its stack.
type keptMemory struct {
	*isa.Kernel
	base reg.GPVirtual
}

// Offsets in bytes.
const (
	keptSums    = 0                                       // [16 outputs][16]: an image's sums before their lanes are added
	keptHashes  = keptSums + together*64                  // [16]: the outputs' part of the hash
	keptBias    = keptHashes + together*4                 // [16]
	keptRows    = keptBias + together*4                   // [8 images][16]: outputs before they are transposed
	keptHalves  = keptRows + 8*together*4                 // [images][16]: the sums of the first half
	keptOutputs = keptHalves + shape.MaxImages*together*4 // uint32: a bit for every output there is
	keptMasks   = keptOutputs + 64                        // [images]uint32: a bit for every output that the image keeps
	keptBytes   = keptMasks + 4*shape.MaxImages
)

func (m *keptMemory) at(offset int) operand.Mem { return isa.At(m.base, offset) }

// prepare fills the parts that depend on the outputs alone.
func (m *keptMemory) prepare(first reg.GPVirtual) {
	k := m.Kernel
	k.Comment("the last group has four outputs only")
	count, i, hash, last := k.GP64(), k.GP64(), k.GP32(), k.NewLabel("count")
	k.MOVL(operand.U32(1<<together-1), m.at(keptOutputs))
	k.MOVQ(operand.U32(together), count)
	k.CMPQ(first, operand.U32(outputs-together))
	k.JLE(operand.LabelRef(last))
	k.MOVL(operand.U32(1<<(outputs%together)-1), m.at(keptOutputs))
	k.MOVQ(operand.U32(outputs%together), count)
	k.Label(last)
	k.Comment("hash of output n: (n + 1)·2³²/φ")
	bias := k.Pointer("bias")
	k.AdvanceBy(first, 4, bias)
	k.LEAL(operand.Mem{Base: first, Disp: 1}, hash)
	k.IMUL3L(operand.U32(shape.HashUnit), hash, hash)
	k.XORQ(i, i)
	fill := k.NewLabel("fill")
	k.Label(fill)
	value := k.GP32()
	k.MOVL(operand.Mem{Base: bias, Index: i, Scale: 4}, value)
	k.MOVL(value, operand.Mem{Base: m.base, Index: i, Scale: 4, Disp: keptBias})
	k.MOVL(hash, operand.Mem{Base: m.base, Index: i, Scale: 4, Disp: keptHashes})
	k.ADDL(operand.U32(shape.HashUnit), hash)
	k.INCQ(i)
	k.CMPQ(i, count)
	k.JLT(operand.LabelRef(fill))
	k.Comment("dropout keeps an output when hash(key, output) ≥ threshold")
	keys, image, images := k.Pointer("keys"), k.GP64(), k.Integer("images")
	k.XORQ(image, image)
	next := k.NewLabel("mask")
	k.Label(next)
	kept := m.keep(operand.Mem{Base: keys, Index: image, Scale: 4})
	k.MOVL(kept, operand.Mem{Base: m.base, Index: image, Scale: 4, Disp: keptMasks})
	k.INCQ(image)
	k.CMPQ(image, images)
	k.JLT(operand.LabelRef(next))
}

// keep returns a bit for every output that an image with a key keeps: hash ≥
// threshold. Hash: the finaliser of MurmurHash3 over key XOR the output's part.
func (m *keptMemory) keep(key operand.Mem) reg.GPVirtual {
	k := m.Kernel
	kept := k.GP32()
	for part := range together / k.Lanes {
		h, shifted, factor := k.Vector(), k.Vector(), k.Vector()
		k.VPBROADCASTD(key, h)
		k.XorBits(h, m.at(keptHashes+part*k.Bytes()))
		for _, step := range []struct {
			shift  uint8
			factor uint32
			name   string
		}{{16, shape.HashFactor1, "factor1"}, {13, shape.HashFactor2, "factor2"}, {16, 0, ""}} {
			k.VPSRLD(operand.U8(step.shift), h, shifted)
			k.XorBits(h, shifted)
			if step.factor != 0 {
				k.VPBROADCASTD(k.Words(step.name, step.factor), factor)
				k.VPMULLD(factor, h, h)
			}
		}
		threshold := k.BroadcastParameter("threshold")
		if k.Target.Masks {
			mask := k.K()
			k.VPCMPUD(isa.IntegersNotLess, threshold, h, mask)
			k.KMOVW(mask, kept)
			continue
		}
		k.VPMAXUD(h, threshold, threshold)
		k.VPCMPEQD(h, threshold, threshold)
		if part == 0 {
			k.VMOVMSKPS(threshold, kept)
		} else {
			upper := k.GP32()
			k.VMOVMSKPS(threshold, upper)
			k.SHLL(operand.U8(8), upper)
			k.ORL(upper, kept)
		}
	}
	k.ANDL(m.at(keptOutputs), kept)
	return kept
}

// finish adds up the lanes of an image's sums. After the first half it stores
// them, after the second it completes the outputs, and after eight images
// transposes them to lines.
func (m *keptMemory) finish(h int, image, kept reg.GPVirtual) {
	k := m.Kernel.Narrow()
	halves, row := k.GP64(), k.GP64()
	k.MOVQ(image, halves)
	k.SHLQ(operand.U8(6), halves)
	k.ADDQ(m.base, halves)
	k.MOVQ(image, row)
	k.ANDQ(operand.U8(7), row)
	k.SHLQ(operand.U8(6), row)
	k.ADDQ(m.base, row)
	for eight := range together / 8 {
		k.Comment("lanes of eight outputs")
		sums := reduce.Eight(k, func(i int) isa.V { return k.LoadVector(m.at(keptSums + (8*eight+i)*64)) })
		if h == 0 {
			k.StoreVector(sums, isa.At(halves, keptHalves+32*eight))
			continue
		}
		k.Comment("+ the first half, + bias, ReLU, dropout")
		y := k.Add(sums, isa.At(halves, keptHalves+32*eight))
		y = k.Max(k.Zero(), k.Add(y, m.at(keptBias+32*eight)))
		k.VMULPS(k.BroadcastParameter("scale"), y, y)
		bits := k.GP32()
		k.MOVL(kept.As32(), bits)
		k.SHRL(operand.U8(8*eight), bits)
		k.Clear(k.MoveBits(bits), y)
		k.StoreVector(y, isa.At(row, keptRows+32*eight))
	}
	if h == 0 {
		return
	}
	waiting := k.NewLabel("waiting")
	number, line := k.GP64(), k.GP64()
	k.MOVQ(image, number)
	k.ANDQ(operand.U8(7), number)
	k.CMPQ(number, operand.U8(7))
	k.JNE(operand.LabelRef(waiting))
	k.Comment("eight images: a half of a block of 16, or a half-block at the end, whose lines are half as long")
	y, first, end, block := k.Pointer("y"), k.Integer("first"), k.Integer("images"), k.GP64()
	k.MOVQ(image, block)
	k.SHRQ(operand.U8(4), block)
	k.MOVQ(block, line)
	k.IMUL3Q(operand.I32(outputs*64), line, line)
	k.ADDQ(line, y)
	k.MOVQ(operand.U32(64), line)
	k.SHRQ(operand.U8(4), end)
	long := k.NewLabel("long")
	k.CMPQ(block, end)
	k.JLT(operand.LabelRef(long))
	k.MOVQ(operand.U32(32), line)
	k.Label(long)
	k.IMULQ(line, first)
	k.ADDQ(first, y)
	k.MOVQ(image, number)
	k.ANDQ(operand.U8(8), number)
	k.LEAQ(operand.Mem{Base: y, Index: number, Scale: 4}, y)
	for eight := range together / 8 {
		for i, v := range transpose.Square(k, transpose.Load(k, m.at(keptRows+32*eight), 64)) {
			if 8*eight+i == outputs%together {
				k.CMPL(m.at(keptOutputs), operand.U32(1<<(outputs%together)-1))
				k.JE(operand.LabelRef(waiting))
			}
			k.StoreVector(v, isa.At(y, 0))
			k.ADDQ(line, y)
		}
	}
	k.Label(waiting)
}
