// Package kernels computes the layers of one network, LeNet 20-50-500-10 on
// 28×28 images, forward and backward: shapes and layouts as constants, the
// generated AVX2 and AVX-512 kernels, their plain-Go twins, and the choice
// between them at run time.
//
// # Layout
//
// A lane is an image. Activations lie in lines: the same value of 8 or 16
// images side by side, [feature][images]float32. 16 images are a block, 8 a
// half-block. A batch is a row of blocks and, if it needs one, a half-block at
// the end; lanes without an image carry a copy of one and a gradient of 0.
// Shapes in the documentation name the features; every value stands for a
// line. Slices should begin at multiples of 64 bytes.
//
// The kernels named Single… run one image alone; their lanes are channels and
// outputs, and they give the same bits.
//
// # Names
//
// layer + direction + what is fused, in the order of the computation:
// Conv2ForwardReLUPoolMask is conv2's forward pass with bias, pooling and ReLU,
// which also stores the masks that Conv2OutputGrad needs. A gradient is called
// d and what it is the gradient of: dw, dx.
//
// # Contract
//
// A method of Set checks the lengths of its arguments and returns an error
// that names the kernel, before anything is computed. What a kernel writes must
// not overlap what it reads, except where an argument is both, as Adam's
// weights. No kernel allocates. Results never depend on
// the instruction set among AVX2 and AVX-512, nor on how calls are spread over
// threads; the plain-Go twins take the same steps in the same order, but round
// products and sums separately.
package kernels
