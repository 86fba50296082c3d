package lenet

import "github.com/kernelet/kernelet/kernels"

// parameters are the network's weights, or their moments or gradients, in the
// layout of the kernels, as parts of one array.
type parameters struct {
	all   []float32
	conv1 []float32 // [26][24]: taps, then the bias
	conv2 []float32 // [25][50][20]
	bias2 []float32 // conv2's [50]
	fc1   []float32 // [10][500][80]
	biasF []float32 // fc1's [500]
	fc2   []float32 // [10][500]
	biasC []float32 // fc2's [10]
}

// parametersLength is the number of float32 that parameters need, every part
// rounded up to 64 bytes.
const parametersLength = kernels.Conv1WB + 25008 + 64 + kernels.FC1W + 512 + 5008 + 16

func newParameters(memory []float32) parameters {
	p := parameters{all: memory[:parametersLength]}
	rest := p.all
	for _, part := range []struct {
		target           *[]float32
		length, reserved int
	}{
		{&p.conv1, kernels.Conv1WB, kernels.Conv1WB},
		{&p.conv2, kernels.Conv2W, 25008},
		{&p.bias2, kernels.Conv2Outputs, 64},
		{&p.fc1, kernels.FC1W, kernels.FC1W},
		{&p.biasF, kernels.FC1Outputs, 512},
		{&p.fc2, kernels.FC2W, 5008},
		{&p.biasC, kernels.Classes, 16},
	} {
		*part.target = rest[:part.length:part.reserved]
		rest = rest[part.reserved:]
	}
	return p
}

// padded returns a part up to the end of what is reserved for it; the values
// behind the part are always 0.
func padded(part []float32) []float32 { return part[:cap(part)] }

// each calls fn with every weight's place in PyTorch's layout and in the
// kernels'.
func (p parameters) each(m *Model, fn func(model, kernel *float32)) {
	for o := range 20 {
		for tap := range 25 {
			fn(&m.Conv1Weight[o*25+tap], &p.conv1[tap*kernels.Conv1Row+o])
		}
		fn(&m.Conv1Bias[o], &p.conv1[kernels.Conv1W+o])
	}
	for o := range 50 {
		for c := range 20 {
			for tap := range 25 {
				fn(&m.Conv2Weight[(o*20+c)*25+tap], &p.conv2[(tap*50+o)*20+c])
			}
		}
		fn(&m.Conv2Bias[o], &p.bias2[o])
	}
	for o := range 500 {
		for i := range 800 {
			fn(&m.FC1Weight[o*800+i], &p.fc1[(i/kernels.FC1Slice*500+o)*kernels.FC1Slice+i%kernels.FC1Slice])
		}
		fn(&m.FC1Bias[o], &p.biasF[o])
	}
	for i := range m.FC2Weight {
		fn(&m.FC2Weight[i], &p.fc2[i])
	}
	for i := range m.FC2Bias {
		fn(&m.FC2Bias[i], &p.biasC[i])
	}
}

// load copies a model into the kernels' layout.
func (p parameters) load(m *Model) { p.each(m, func(model, kernel *float32) { *kernel = *model }) }

// store copies the parameters to a model.
func (p parameters) store(m *Model) { p.each(m, func(model, kernel *float32) { *model = *kernel }) }
