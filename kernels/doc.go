// Package kernels computes the layers of one network, LeNet 20-50-500-10 on
// 28×28 images, forward and backward: the generated AVX2 and AVX-512 kernels,
// their plain-Go twins, and the choice between them at run time. Sizes and
// layouts are constants of internal/shape.
//
// The package serves lenet and bench. Its names change with the network and the
// kernels; programs use lenet, whose ErrISA and ISAs stand for Select's.
//
// # Finding a kernel
//
// Every kernel has one name. That of conv2's input gradient stands in these places:
//
//	what it computes   Conv2InputGrad in conv2train.go: dV = Ūᵀ dM, dx = B dV Bᵀ
//	emitter            gen/conv2/gradients.go: inputGradProducts, inputGradTransform; gen/toomcook has the matrices
//	assembly           asm/avx2/conv2_amd64.s, asm/avx512/conv2_amd64.s: Conv2InputGradProducts and …Transform,
//	                   each for a block (16) and a half-block (8)
//	twin, in plain Go  conv2InputGradProducts and …Transform in conv2train_generic.go, with the matrices
//	                   in toomcook_generic.go
//	case               Conv2InputGrad and its two steps in cases_conv2train.go: the arguments
//
// From its case follow
//
//	tests       TestExact in exact_test.go compares assembly and twin with the answer in float64, which
//	            exact_conv2train_test.go names and toom_test.go computes: go test -run TestExact/Conv2InputGrad ./kernels.
//	            TestTwins in table_test.go compares the assembly with the twin, where integers make both exact, as
//	            Conv2InputGradProducts. TestConv2Chain in convolutions_test.go compares dx with the gradient by
//	            definition, reference.ConvolveBack
//	benchmark   go test -run '^$' -bench 'Kernels/^Conv2InputGrad$/images=16' ./kernels
//	row         Conv2InputGrad of kernelet bench; in --benchfmt and --json Kernel/Conv2InputGrad/isa=avx512/threads=1
//
// What calls the assembly, functions.go and functions_amd64.go, is generated, so
// that adding a kernel is to write an emitter, a twin, a method of Set with its
// contract, and a case with its answer in float64.
//
// # Layout
//
// A lane is an image. Activations lie in lines: the same value of 8 or 16
// images side by side, [feature][images]float32. 16 images are a block, 8 a
// half-block. A batch is a row of blocks and, if it needs one, a half-block at
// the end; unused lanes repeat some image of the batch, and their gradient is 0.
// Shapes in the documentation name the features; every value stands for a
// line. Slices should begin at multiples of 64 bytes.
//
// The kernels named Single… run one image alone; their lanes are channels and
// outputs, and they give the same bits.
//
// # Names
//
// A kernel of a layer is called, in this order,
//
//	[Single]            for one image
//	layer               Conv1, Conv2, FC1 or FC2; Conv2Train where inference has another Conv2 of the name
//	what it computes    Forward, InputGrad, WeightGrad, BiasGrad or OutputGrad
//	a step of that      Products or Transform
//	what is fused       ReLU, Dropout, Pool, Mask, Loss or Adam
//
// Conv2TrainForwardReLUPoolMask is conv2's forward pass with bias, pooling and
// ReLU, which also stores the masks that Conv2OutputGrad needs. InputTransform and
// WeightTransform prepare it, Direct stands for a forward
// pass by plain sums, and the Single… kernels, which all go forward, do not say
// so. FC1 also has Pack and Unpack, and Lists. What belongs to no layer has a name
// of its own: Gather, SingleInput, LineSums, Adam, and the ceilings. The steps of
// a method of Set have no method. A gradient is called d and what it is the
// gradient of: dw, dx.
//
// # Contract
//
// A method of Set checks the lengths of its arguments and the ranges of its
// numbers, and returns an error that names the kernel, before anything is
// computed. No kernel allocates, and none changes what it only reads. Results
// never depend on the instruction set among AVX2 and AVX-512, nor on how calls
// are spread over threads; the plain-Go twins take the same steps in the same
// order, but round products and sums separately.
//
// What a kernel writes, working memory too, must not overlap anything else that
// it is given. An argument that is both read and written, as Adam's weights, is
// one slice. Arguments that are only read may overlap one another.
//
// Values of any kind are allowed. Infinities and NaN propagate as in the
// formulas; the convolutions' transforms spread them over the whole tile. A product of 0
// and an infinity may be NaN where a formula would leave it out, and pooling may
// lose a NaN.
//
// Lists are trusted: FC1InputGrad, FC1WeightGrad and FC1WeightGradAdam read
// indices, ends and counts that FC1ImageLists and FC1OutputLists must have made
// for as many images; any others make them touch memory outside their arguments.
// Gather checks its indices, which come from callers.
package kernels
