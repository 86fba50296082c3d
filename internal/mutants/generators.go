package main

// Mistakes in the generators: a coefficient, a sign, a step of a pointer, a tile,
// an order of a sum.

const (
	conv1Kernels = "./kernels -run Twins/Conv1|Exact|Single"
	conv2Kernels = "./kernels -run Twins/Conv2|Exact|Single"
	fullKernels  = "./kernels -run Twins/FC|Twins/Single|Exact"
	otherKernels = "./kernels -run Twins|SameBits"
	// recorded notices bits that no tolerance and no twin does.
	recorded = "./lenet -run SameBitsEverywhere"
)

var generators = []mutant{
	{File: "gen/winograd/winograd.go", Old: "k.MultiplyAdd(v, 5.25, k.Subtract(d[4], d[2]))", New: "k.MultiplyAdd(v, 5.2, k.Subtract(d[4], d[2]))", Tests: conv1Kernels},
	{File: "gen/winograd/winograd.go", Old: "k.MultiplyAdd(odd, 8, d[5])", New: "k.MultiplyAdd(odd, 4, d[5])", Tests: conv1Kernels},
	{File: "gen/winograd/winograd.go", Old: "v = k.Subtract(d[7], d[1])", New: "v = k.Subtract(d[1], d[7])", Tests: "gen: ./winograd"},
	{File: "gen/winograd/winograd.go", Old: "k.MultiplyAdd(y, 0.125, minusHalf)", New: "k.MultiplyAdd(y, 0.25, minusHalf)", Tests: "gen: ./winograd"},
	{File: "gen/winograd/winograd.go", Old: "put(0, k.Add(k.Add(m(0), plus1), k.Add(plus2, plusHalf)))", New: "put(0, k.Add(k.Add(k.Add(m(0), plus1), plus2), plusHalf))", Tests: recorded},
	{File: "gen/winograd/winograd.go", Old: "pair(1, 2.0/9,", New: "pair(1, 2.0/9.001,", Tests: "gen: ./winograd"},
	{File: "gen/toomcook/toomcook.go", Old: "big.NewRat(5, 4), big.NewRat(5, 2)}", New: "big.NewRat(5, 4), big.NewRat(5, 3)}", Tests: conv2Kernels},
	{File: "gen/toomcook/toomcook.go", Old: "put(imaginary, k.Multiply(rounded(s), k.Subtract(w[1], w[3])))", New: "put(imaginary, k.Multiply(rounded(s), k.Subtract(w[3], w[1])))", Tests: "gen: ./toomcook"},
	{File: "gen/toomcook/toomcook.go", Old: "if j == shape.Conv2Size-1 {", New: "if j == shape.Conv2Size-3 {", Tests: "gen: ./toomcook"},
	{File: "gen/toomcook/toomcook.go", Old: "put(real, k.Add(k.Subtract(y[0], y[2]), k.Subtract(y[4], y[6])))", New: "put(real, k.Add(k.Subtract(y[0], y[2]), k.Subtract(y[6], y[4])))", Tests: conv2Kernels},
	{File: "gen/pooling/pooling.go", Old: "y := k.Max(zero, k.Add(k.Max(top, bottom), bias))", New: "y := k.Add(k.Max(zero, k.Max(top, bottom)), bias)", Tests: conv1Kernels},
	{File: "gen/reduce/reduce.go", Old: "	k.VADDPS(high, v.AsY(), high)", New: "	k.VADDPS(high, high, high)", Tests: otherKernels},
	{File: "gen/conv1/conv1.go", Old: "k.AdvanceBy(first, windows*maskBytes, mask)", New: "k.AdvanceBy(first, windows*line, mask)", Tests: conv1Kernels},
	{File: "gen/conv1/conv1.go", Old: `k.Loop("output", shape.Conv1GradGroup,`, New: `k.Loop("output", shape.Conv1GradGroup-1,`, Tests: conv1Kernels},
	{File: "gen/conv1/conv1.go", Old: "k.VADDPS(gradients[w].g, biasSum, biasSum)", New: "k.VSUBPS(gradients[w].g, biasSum, biasSum)", Tests: conv1Kernels},
	{File: "gen/conv2/training.go", Old: "k.AdvanceBy(first, inputSize*inputSize*line, x)", New: "k.AdvanceBy(first, inputSize*line, x)", Tests: conv2Kernels},
	{File: "gen/conv2/gradients.go", Old: "fromFrequency: dmFrequency(line), toOutput: trainSize*line + padding, conjugate: true}", New: "fromFrequency: dmFrequency(line), toOutput: trainSize*line + padding, conjugate: false}", Tests: conv2Kernels},
	{File: "gen/conv2/gradients.go", Old: "trainProduct{chunks: 5, terms: outputs / 5,", New: "trainProduct{chunks: 4, terms: outputs / 5,", Tests: conv2Kernels},
	{File: "gen/conv2/training.go", Old: "trainProduct{chunks: 2, terms: inputs / 2,", New: "trainProduct{chunks: 1, terms: inputs / 2,", Tests: conv2Kernels},
	{File: "gen/fc1/fc1.go", Old: "k.AdvanceBy(first, slice*k.Line(), lines)", New: "k.AdvanceBy(first, slice*k.Bytes(), lines)", Tests: fullKernels},
	{File: "gen/fc1/fc1.go", Old: "for i, v := range transpose.Square(k, transpose.Load(k, isa.At(lines, 0), k.Line())) {\n			k.StoreVector(v, isa.At(rows, i*sliceBytes))", New: "for i, v := range transpose.Square(k, transpose.Load(k, isa.At(lines, 0), k.Line())) {\n			k.StoreVector(v, isa.At(rows, (i^1)*sliceBytes))", Tests: fullKernels},
	{File: "gen/fc1/lists.go", Old: "k.AdvanceBy(chunk, rowBytes*inputs, w)", New: "k.AdvanceBy(chunk, rowBytes*(inputs-1), w)", Tests: fullKernels},
	{File: "gen/fc2/fc2.go", Old: "for class := 1; class < classes; class++ {", New: "for class := 2; class < classes; class++ {", Tests: "./kernels -run Twins/FC2|Exact|Special"},
	{File: "gen/fc2/fc2.go", Old: "k.VSUBPS(highest, x, x)", New: "k.VSUBPS(x, highest, x)", Tests: "./kernels -run Twins/FC2|Loss"},
	{File: "gen/input/input.go", Old: "k.Advance(x, -pixels*line)", New: "k.Advance(x, -(pixels-1)*line)", Tests: "./kernels -run Twins/Gather"},
	{File: "internal/shape/shape.go", Old: "	Conv1GradGroup  = 5", New: "	Conv1GradGroup  = 4", Survives: "another size of the groups of outputs in which conv1's weight gradient is computed is another way to the same bits", Tests: conv1Kernels},
	{File: "internal/shape/shape.go", Old: "	Conv2TrainGroup = 10", New: "	Conv2TrainGroup = 20", Tests: "./kernels"},
	{File: "gen/fc2/fc2.go", Old: "k.MultiplySubtract(x, 0.693359375, n)", New: "k.MultiplySubtract(x, 0.69335, n)", Tests: recorded},
}

// Mistakes in the twins and contracts, which the assembly is held against.
var twins = []mutant{
	{File: "kernels/winograd_generic.go", Old: "odd = d[5] - float32(5*d[3]) + float32(4*d[1])", New: "odd = d[5] - float32(5*d[3]) + float32(3*d[1])", Tests: conv1Kernels},
	{File: "kernels/winograd_generic.go", Old: "y[0] = (m[0] + plus1) + (plus2 + plusHalf)", New: "y[0] = m[0] + plus1 + plus2 + plusHalf", Tests: recorded},
	{File: "kernels/winograd_generic.go", Old: "y[2] = plus1 + float32(0.25*plusHalf) + float32(4*plus2)", New: "y[2] = plus1 + float32(0.25*plusHalf) + float32(4*minus2)", Tests: conv1Kernels},
	{File: "kernels/toomcook_generic.go", Old: "	c.scale[4] *= 2 // the conjugate", New: "	c.scale[4] *= 1 // the conjugate", Tests: conv2Kernels},
	{File: "kernels/pooling_generic.go", Old: "	if bottom > top {", New: "	if bottom >= top {", Tests: "./kernels -run Twins|Exact|Special"},
	{File: "kernels/pooling_generic.go", Old: "	return y, y > 0, position", New: "	return y, y >= 0, position", Tests: "./kernels -run Twins|Exact|Special"},
	{File: "kernels/sums_generic.go", Old: "	for n := shape.Block / 2; n > 0; n /= 2 {", New: "	for n := shape.Block / 4; n > 0; n /= 2 {", Tests: "./kernels -run Twins|Exact"},
	{File: "kernels/adam_generic.go", Old: "denominator := float32(root*correction) + epsilon", New: "denominator := float32((root + epsilon) * correction)", Tests: "./kernels -run Adam"},
	{File: "kernels/adam_generic.go", Old: "if second < shape.MomentFloor {", New: "if second < 0 {", Tests: "./kernels -run Adam|Twins/Adam|Special"},
	{File: "kernels/fc2_generic.go", Old: "			if correct < 0 {", New: "			if correct < -1 {", Tests: "./kernels -run Twins/FC2|Loss|Exact"},
	{File: "kernels/fc2_generic.go", Old: "	reciprocal := 1 / denominator", New: "	reciprocal := 1 / (denominator + 1e-4)", Tests: "./kernels -run Twins/FC2|Loss"},
	{File: "kernels/conv2train_generic.go", Old: "addScaled(re, -wi, y)", New: "addScaled(re, wi, y)", Tests: conv2Kernels},
	{File: "kernels/conv1_generic.go", Old: "corner := (2*(at/shape.Pool1Size)+position/2)*shape.ImageSize + 2*(at%shape.Pool1Size) + position%2", New: "corner := (2*(at/shape.Pool1Size)+position%2)*shape.ImageSize + 2*(at%shape.Pool1Size) + position/2", Tests: conv1Kernels},
	{File: "kernels/fc1_generic.go", Old: "return dropoutHash(key, unit) >= threshold", New: "return dropoutHash(key, unit) > threshold", Survives: "the two differ for one hash of 2³², which no test's key and unit have", Tests: "./kernels -run FC1ForwardReLUDropout"},
	{File: "kernels/contract.go", Old: "if images != shape.HalfBlock && images != shape.Block {", New: "if images != shape.HalfBlock && images != shape.Block && images != 24 {", Tests: "./kernels -run Contracts"},
	{File: "kernels/contract.go", Old: "if images <= 0 || images%shape.HalfBlock != 0 {", New: "if images < 0 || images%shape.HalfBlock != 0 {", Tests: "./kernels -run Contracts"},
	{File: "kernels/contract.go", Old: "images > shape.MaxImages {", New: "images > shape.MaxImages+shape.HalfBlock {", Tests: "./kernels -run Contracts"},
	{File: "kernels/contract.go", Old: "	if got < 0 || got >= n {", New: "	if got < 0 || got > n {", Tests: "./kernels -run Contracts"},
	{File: "kernels/contract.go", Old: "first%group != 0 || count%group != 0 || first > n-count {", New: "first%group != 0 || first > n-count {", Tests: "./kernels -run Contracts"},
	{File: "kernels/contract.go", Old: "if first < 0 || count < 1 || first > shape.FC1Outputs-count {", New: "if first < 0 || count < 1 || first > shape.FC1Outputs {", Tests: "./kernels -run Contracts"},
	{File: "kernels/input.go", Old: "if i < 0 || int(i) >= len(data)/shape.ImagePixels {", New: "if i < 0 || int(i) > len(data)/shape.ImagePixels {", Tests: "./kernels -run GatherIndex"},
	{File: "kernels/conv2train.go", Old: "		s.conv2InputGradTransform[width](dx, dv, group)", New: "		s.conv2InputGradTransform[width](dx, dv, first)", Tests: "./kernels -run Ranges|Exact"},
	{File: "kernels/single.go", Old: "packed[i%shape.FC2Inputs*shape.SingleLogits+i/shape.FC2Inputs] = value", New: "packed[i%shape.FC2Inputs*shape.SingleLogits+(i/shape.FC2Inputs^1)] = value", Tests: "./lenet -run StandAlone|AgainstReference"},
	{File: "kernels/set.go", Old: "		return set(available[len(available)-1]), nil", New: "		return set(available[0]), nil", Tests: "./lenet -run BestISA"},
}
