package lenet

import (
	"github.com/kernelet/kernelet/internal/shape"
)

// parameters are the network's weights, or their moments or gradients, in the
// layout of the kernels, as parts of one array.
type parameters struct {
	all       []float32
	conv1     []float32 // [26][24]: taps, then the bias
	conv2     []float32 // [25][50][20]
	conv2Bias []float32 // conv2's [50]
	fc1       []float32 // [10][500][80]
	fc1Bias   []float32 // fc1's [500]
	fc2       []float32 // [10][500]
	fc2Bias   []float32 // fc2's [10]
}

// parts lists the parts with their lengths.
func (p *parameters) parts() []part {
	return []part{
		{&p.conv1, shape.Conv1WB}, {&p.conv2, shape.Conv2W}, {&p.conv2Bias, shape.Conv2Outputs},
		{&p.fc1, shape.FC1W}, {&p.fc1Bias, shape.FC1Outputs}, {&p.fc2, shape.FC2W}, {&p.fc2Bias, shape.Classes},
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
	const taps = shape.Taps
	for o := range shape.Conv1Outputs {
		for tap := range taps {
			fn(&m.Conv1Weight[o*taps+tap], &p.conv1[tap*shape.Conv1Row+o])
		}
		fn(&m.Conv1Bias[o], &p.conv1[shape.Conv1W+o])
	}
	for o := range shape.Conv2Outputs {
		for c := range shape.Conv2Inputs {
			for tap := range taps {
				fn(&m.Conv2Weight[(o*shape.Conv2Inputs+c)*taps+tap], &p.conv2[(tap*shape.Conv2Outputs+o)*shape.Conv2Inputs+c])
			}
		}
		fn(&m.Conv2Bias[o], &p.conv2Bias[o])
	}
	const slice = shape.FC1Slice
	for o := range shape.FC1Outputs {
		for i := range shape.FC1Inputs {
			fn(&m.FC1Weight[o*shape.FC1Inputs+i], &p.fc1[(i/slice*shape.FC1Outputs+o)*slice+i%slice])
		}
		fn(&m.FC1Bias[o], &p.fc1Bias[o])
	}
	for i := range m.FC2Weight {
		fn(&m.FC2Weight[i], &p.fc2[i])
	}
	for i := range m.FC2Bias {
		fn(&m.FC2Bias[i], &p.fc2Bias[i])
	}
}

// load copies a model into the kernels' layout.
func (p parameters) load(m *Model) { p.each(m, func(model, kernel *float32) { *kernel = *model }) }

// store copies the parameters to a model.
func (p parameters) store(m *Model) { p.each(m, func(model, kernel *float32) { *model = *kernel }) }
