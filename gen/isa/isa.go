// Package isa holds what differs between AVX2 and AVX-512 as data, and the
// few operations through which an emitter uses it, so that every kernel is
// written once.
package isa

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Target is an instruction set as kernelet's dispatch tests for it.
type Target struct {
	Name      string // of the Go package that its kernels go to
	Lanes     int    // float32 values in its widest vector
	Registers int    // vector registers
	Masks     bool   // opmask registers, broadcast memory operands, EVEX encoding
	Features  []string
}

// Targets are the instruction sets that kernels are generated for. Features
// are avo's names of what dispatch checks before it chooses the set.
var Targets = []Target{
	{Name: "avx2", Lanes: 8, Registers: 16, Features: []string{"AVX", "AVX2", "FMA3", "POPCNT", "BMI"}},
	{Name: "avx512", Lanes: 16, Registers: 32, Masks: true,
		Features: []string{"AVX", "AVX2", "FMA3", "POPCNT", "BMI", "AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL"}},
}

// Extensions are features beyond the target's that single kernels need, for
// which their callers test.
var Extensions = map[string]string{"VNNIPeak": "AVX512VNNI", "BF16Peak": "AVX512BF16"}

// Widths are the numbers of images that lie side by side in memory: a
// half-block and a block. Each kernel is emitted for both.
var Widths = []int{8, 16}

// File is one generated assembly file under construction.
type File struct {
	*build.Context
	Target    Target
	Operation string // the file's name without _amd64.s

	Kernels []Declaration

	constants map[float32]operand.Mem
	words     map[string]operand.Mem
}

// Declaration is what Go has to know of a kernel to call it.
type Declaration struct {
	Name       string // without width
	Parameters string
	Widths     []int // images side by side, none where lanes are no images
}

// NewFile starts the file of an operation.
func NewFile(target Target, operation string) *File {
	c := build.NewContext()
	c.ConstraintExpr("amd64,!purego")
	return &File{Context: c, Target: target, Operation: operation,
		constants: map[float32]operand.Mem{}, words: map[string]operand.Mem{}}
}

// Kernel is a view of one function under construction, whose vectors have
// Lanes lanes. Wide and Narrow are other views of the same function.
type Kernel struct {
	*File
	*function
	Name  string
	Width int // images side by side, or where lanes are no images the target's lanes
	Lanes int // float32 values in a vector
}

// function is what the views of a kernel share.
type function struct {
	label     int
	explained bool // has a comment besides its first sentence
}

// Wide is the kernel with vectors as wide as the target has, for loops in
// which the lanes of several lines form one row.
func (k *Kernel) Wide() *Kernel { return k.with(k.Target.Lanes) }

// Narrow is the kernel with vectors of 8 lanes, for rows whose length is no
// multiple of 16.
func (k *Kernel) Narrow() *Kernel { return k.with(8) }

func (k *Kernel) with(lanes int) *Kernel {
	view := *k
	view.Lanes = lanes
	return &view
}

// Function starts a kernel for images lying width side by side; its Go name is
// name followed by the width. Parameters is the Go parameter list without
// parentheses, doc goes to the stub and to the head of the assembly.
func (f *File) Function(name string, width int, parameters string, doc ...string) *Kernel {
	k := f.start(fmt.Sprintf("%s%d", name, width), parameters, doc)
	f.declare(name, width, parameters)
	k.Width, k.Lanes = width, min(width, f.Target.Lanes)
	return k
}

// WideFunction starts a kernel that treats its data as one long row of
// values: its vectors are as wide as the target's.
func (f *File) WideFunction(name, parameters string, doc ...string) *Kernel {
	k := f.start(name, parameters, doc)
	f.declare(name, 0, parameters)
	k.Width, k.Lanes = f.Target.Lanes, f.Target.Lanes
	return k
}

// declare notes a kernel for the wiring in package kernels.
func (f *File) declare(name string, width int, parameters string) {
	i := slices.IndexFunc(f.Kernels, func(d Declaration) bool { return d.Name == name })
	if i < 0 {
		i = len(f.Kernels)
		f.Kernels = append(f.Kernels, Declaration{Name: name, Parameters: parameters})
	}
	if width > 0 {
		f.Kernels[i].Widths = append(f.Kernels[i].Widths, width)
	}
}

func (f *File) start(name, parameters string, doc []string) *Kernel {
	f.Context.Function(name)
	f.SignatureExpr("func(" + parameters + ")")
	f.Pragma("noescape")
	doc[0] = name + " " + doc[0]
	f.Doc(doc...)
	f.Context.Comment(doc...)
	return &Kernel{File: f, function: new(function), Name: name}
}

// Comment writes lines above the next instruction: the mathematics of a loop.
func (k *Kernel) Comment(lines ...string) {
	k.explained = true
	k.Context.Comment(lines...)
}

// Commentf is Comment with a format.
func (k *Kernel) Commentf(format string, a ...any) { k.Comment(fmt.Sprintf(format, a...)) }

// Line is the number of bytes in which one value of every image lies.
func (k *Kernel) Line() int { return 4 * k.Width }

// Bytes is the size of a vector.
func (k *Kernel) Bytes() int { return 4 * k.Lanes }

// Return ends the kernel. A kernel that says nowhere what it computes is a
// mistake of its emitter.
func (k *Kernel) Return() {
	if !k.explained {
		panic(k.Name + ": no comment says what its loops compute")
	}
	k.VZEROUPPER()
	k.RET()
}

// Vector returns a new vector register.
func (k *Kernel) Vector() reg.VecVirtual {
	if k.Lanes == 16 {
		return k.ZMM()
	}
	return k.YMM()
}

// Vectors returns n new vector registers.
func (k *Kernel) Vectors(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = k.Vector()
	}
	return v
}

// Pointer loads the address of the first element of a slice parameter.
func (k *Kernel) Pointer(name string) reg.GPVirtual {
	return k.loaded(k.Param(name).Base())
}

// Length loads the number of elements of a slice parameter.
func (k *Kernel) Length(name string) reg.GPVirtual {
	return k.loaded(k.Param(name).Len())
}

// Integer loads an int parameter.
func (k *Kernel) Integer(name string) reg.GPVirtual {
	return k.loaded(k.Param(name))
}

func (k *Kernel) loaded(c gotypes.Component) reg.GPVirtual {
	r := k.GP64()
	k.Load(c, r)
	return r
}

// Scratch reserves bytes on the stack, aligned to 64, and returns a register
// that points there.
func (k *Kernel) Scratch(bytes int) reg.GPVirtual {
	local := k.AllocLocal(bytes + 64)
	r := k.GP64()
	k.LEAQ(local.Offset(63), r)
	k.ANDQ(operand.I8(-64), r)
	return r
}

// At is the memory at base plus offset bytes.
func At(base reg.Register, offset int) operand.Mem {
	return operand.Mem{Base: base, Disp: offset}
}

// NewLabel returns a label that is unique in the kernel.
func (k *Kernel) NewLabel(purpose string) string {
	k.label++
	return fmt.Sprintf("%s%d", purpose, k.label)
}

// Loop emits body count times at run time, each time after the first with the
// pointers advanced by their strides in bytes.
func (k *Kernel) Loop(purpose string, count int, pointers []reg.GPVirtual, strides []int, body func()) {
	counter := k.GP64()
	k.MOVQ(operand.U32(count), counter)
	k.LoopCounter(purpose, counter, pointers, strides, body)
}

// LoopCounter is Loop with the count, at least 1, in a register, which it
// counts down to 0.
func (k *Kernel) LoopCounter(purpose string, counter reg.GPVirtual, pointers []reg.GPVirtual, strides []int, body func()) {
	label := k.NewLabel(purpose)
	k.Label(label)
	body()
	for i, p := range pointers {
		k.Advance(p, strides[i])
	}
	k.DECQ(counter)
	k.JNZ(operand.LabelRef(label))
}

// Advance adds bytes, which may be negative, to a pointer.
func (k *Kernel) Advance(p reg.Register, bytes int) {
	switch {
	case bytes == 0:
	case bytes >= -128 && bytes < 128:
		k.ADDQ(operand.I8(int8(bytes)), p)
	default:
		k.ADDQ(operand.I32(int32(bytes)), p)
	}
}

// AdvanceBy adds count, a register, times bytes to pointers.
func (k *Kernel) AdvanceBy(count reg.GPVirtual, bytes int, pointers ...reg.GPVirtual) {
	distance := k.Times(count, bytes)
	for _, p := range pointers {
		k.ADDQ(distance, p)
	}
}

// Behind returns p plus count, a register, times bytes.
func (k *Kernel) Behind(p, count reg.GPVirtual, bytes int) reg.GPVirtual {
	behind := k.Times(count, bytes)
	k.ADDQ(p, behind)
	return behind
}

// Times returns count, a register, times bytes.
func (k *Kernel) Times(count reg.GPVirtual, bytes int) reg.GPVirtual {
	product := k.GP64()
	k.IMUL3Q(operand.I32(int32(bytes)), count, product)
	return product
}

// BlockCount loads the number of blocks, without a half-block at the end, of as
// many images as a parameter says.
func (k *Kernel) BlockCount(images string) reg.GPVirtual {
	blocks := k.Integer(images)
	k.SHRQ(operand.U8(4), blocks)
	return blocks
}

// Blocks runs block for every block of a batch, with copies of the pointers
// that advance by strides in bytes, and then tail, unless it is nil, if the
// number of images, which a parameter names, leaves a half-block. blocks is of
// BlockCount.
func (k *Kernel) Blocks(blocks reg.GPVirtual, images string, pointers []reg.GPVirtual, strides []int, block func(p []reg.GPVirtual), tail func()) {
	noBlocks, noTail := k.NewLabel("noBlocks"), k.NewLabel("noTail")
	n, copies := k.GP64(), make([]reg.GPVirtual, len(pointers))
	k.MOVQ(blocks, n)
	k.TESTQ(n, n)
	k.JZ(operand.LabelRef(noBlocks))
	for i, p := range pointers {
		copies[i] = k.GP64()
		k.MOVQ(p, copies[i])
	}
	k.LoopCounter("block", n, copies, strides, func() { block(copies) })
	k.Label(noBlocks)
	if tail == nil {
		return
	}
	k.TESTQ(operand.U32(8), k.Integer(images))
	k.JZ(operand.LabelRef(noTail))
	tail()
	k.Label(noTail)
}

// Fit returns the first of some sizes of a register tile whose vectors, counted
// by budget, are no more than the target has.
func (k *Kernel) Fit(budget func(size int) int, sizes ...int) int {
	for _, size := range sizes {
		if budget(size) <= k.Target.Registers {
			return size
		}
	}
	panic(fmt.Sprintf("%s: no register tile of %v fits %d registers", k.Name, sizes, k.Target.Registers))
}

// EachPart runs body once per vector of a line: AVX2 treats a block as two
// half-blocks. Between runs the line pointers advance by a vector, the mask
// pointers by a byte; afterwards all are restored.
func (k *Kernel) EachPart(lines, masks []reg.GPVirtual, body func()) {
	parts := k.Width / k.Lanes
	if parts <= 1 {
		body()
		return
	}
	pointers := append(append([]reg.GPVirtual{}, lines...), masks...)
	strides := make([]int, len(pointers))
	for i := range strides {
		strides[i] = k.Bytes()
		if i >= len(lines) {
			strides[i] = 1
		}
	}
	k.Loop("part", parts, pointers, strides, body)
	for i, p := range pointers {
		k.Advance(p, -parts*strides[i])
	}
}

// Constant returns the memory operand of a float32 constant: one value where
// the target broadcasts it within an instruction, else a vector of copies.
func (f *File) Constant(value float32) operand.Mem {
	if m, ok := f.constants[value]; ok {
		return m
	}
	copies := 8
	if f.Target.Masks {
		copies = 1
	}
	name := strings.NewReplacer(".", "_", "-", "minus", "+", "").Replace(fmt.Sprintf("%s_%g", f.Operation, value))
	m := f.StaticGlobal(name)
	f.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range copies {
		f.AddDatum(4*i, operand.U32(math.Float32bits(value)))
	}
	f.constants[value] = m
	return m
}

// Words returns the memory of a table of 32-bit words.
func (f *File) Words(name string, values ...uint32) operand.Mem {
	if m, ok := f.words[name]; ok {
		return m
	}
	m := f.StaticGlobal(f.Operation + "_" + name)
	f.DataAttributes(attr.RODATA | attr.NOPTR)
	for i, v := range values {
		f.AddDatum(4*i, operand.U32(v))
	}
	f.words[name] = m
	return m
}
