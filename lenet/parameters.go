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

// parts lists the parts with their lengths.
func (p *parameters) parts() []part {
	return []part{
		{&p.conv1, kernels.Conv1WB}, {&p.conv2, kernels.Conv2W}, {&p.bias2, kernels.Conv2Outputs},
		{&p.fc1, kernels.FC1W}, {&p.biasF, kernels.FC1Outputs}, {&p.fc2, kernels.FC2W}, {&p.biasC, kernels.Classes},
	}
}

// parametersLength is the number of float32 that parameters need.
var parametersLength = reservedFor(new(parameters).parts())

func newParameters(memory []float32) parameters {
	p := parameters{all: memory[:parametersLength]}
	rest := p.all
	for _, part := range p.parts() {
		*part.target = rest[:part.length:part.reserved()]
		rest = rest[part.reserved():]
	}
	return p
}

// padded returns a part up to the end of what is reserved for it; the values
// behind the part are always 0.
func padded(part []float32) []float32 { return part[:cap(part)] }

// each calls fn with every weight's place in PyTorch's layout and in the
// kernels'.
func (p parameters) each(m *Model, fn func(model, kernel *float32)) {
	const taps = kernels.Taps
	for o := range kernels.Conv1Outputs {
		for tap := range taps {
			fn(&m.Conv1Weight[o*taps+tap], &p.conv1[tap*kernels.Conv1Row+o])
		}
		fn(&m.Conv1Bias[o], &p.conv1[kernels.Conv1W+o])
	}
	for o := range kernels.Conv2Outputs {
		for c := range kernels.Conv2Inputs {
			for tap := range taps {
				fn(&m.Conv2Weight[(o*kernels.Conv2Inputs+c)*taps+tap], &p.conv2[(tap*kernels.Conv2Outputs+o)*kernels.Conv2Inputs+c])
			}
		}
		fn(&m.Conv2Bias[o], &p.bias2[o])
	}
	const slice = kernels.FC1Slice
	for o := range kernels.FC1Outputs {
		for i := range kernels.FC1Inputs {
			fn(&m.FC1Weight[o*kernels.FC1Inputs+i], &p.fc1[(i/slice*kernels.FC1Outputs+o)*slice+i%slice])
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
