// Package reference is the network in float64, by direct sums, without layouts
// or cleverness: the oracle of the other packages' tests.
//
// Arrays are flat, in PyTorch's order: images (n, 1, 28, 28), weights
// (outputs, inputs, 5, 5) or (outputs, inputs).
package reference

import "math"

// Sizes of the network.
const (
	Size     = 28
	Window   = 5
	Conv1    = 20
	Conv2    = 50
	Features = 800
	Hidden   = 500
	Classes  = 10
)

// Parameters are the network's weights, or gradients, or moments.
type Parameters struct {
	Conv1Weight, Conv1Bias, Conv2Weight, Conv2Bias, FC1Weight, FC1Bias, FC2Weight, FC2Bias []float64
}

// NewParameters returns zeros.
func NewParameters() *Parameters {
	return &Parameters{
		make([]float64, Conv1*Window*Window), make([]float64, Conv1),
		make([]float64, Conv2*Conv1*Window*Window), make([]float64, Conv2),
		make([]float64, Hidden*Features), make([]float64, Hidden),
		make([]float64, Classes*Hidden), make([]float64, Classes),
	}
}

// Groups lists the parameters in state-dict order.
func (p *Parameters) Groups() [][]float64 {
	return [][]float64{p.Conv1Weight, p.Conv1Bias, p.Conv2Weight, p.Conv2Bias, p.FC1Weight, p.FC1Bias, p.FC2Weight, p.FC2Bias}
}

// Normalise maps a pixel to −1 … 1.
func Normalise(pixel byte) float64 { return float64(pixel)/255*2 - 1 }

// Activations hold what every layer made of n images.
type Activations struct {
	N                    int
	Images               []float64 // (n, 28, 28)
	Conv1, Conv2         []float64 // before ReLU and pooling: (n, 20, 24, 24), (n, 50, 8, 8)
	Pool1, Pool2         []float64 // after both: (n, 20, 12, 12), (n, 50, 4, 4)
	Position1, Position2 []int     // of each pooled value in its window, 0 … 3; −1 where the ReLU is off
	FC1                  []float64 // after ReLU and dropout, (n, 500)
	Mask                 []float64 // dropout's factors (n, 500), or nil
	Logits               []float64 // (n, 10)
	DPool1, DPool2       []float64 // gradients of the pooled values, set by Backward
}

// Forward runs n images, normalised, through the network; mask holds dropout's
// factors for fc1's outputs, or is nil.
func Forward(p *Parameters, images, mask []float64) *Activations {
	n := len(images) / (Size * Size)
	a := &Activations{N: n, Images: images, Mask: mask}
	a.Conv1 = Convolve(images, p.Conv1Weight, p.Conv1Bias, n, 1, Conv1, Size)
	a.Pool1, a.Position1 = PoolReLU(a.Conv1, n*Conv1, Size-4)
	a.Conv2 = Convolve(a.Pool1, p.Conv2Weight, p.Conv2Bias, n, Conv1, Conv2, (Size-4)/2)
	a.Pool2, a.Position2 = PoolReLU(a.Conv2, n*Conv2, (Size-4)/2-4)
	a.FC1 = Connect(a.Pool2, p.FC1Weight, p.FC1Bias, n, Features, Hidden)
	for i, v := range a.FC1 {
		if v < 0 {
			a.FC1[i] = 0
		}
		if mask != nil {
			a.FC1[i] *= mask[i]
		}
	}
	a.Logits = Connect(a.FC1, p.FC2Weight, p.FC2Bias, n, Hidden, Classes)
	return a
}

// Loss returns the mean cross-entropy of logits (n, 10) and its gradient;
// smoothing is the share of the target that all classes have in common.
func Loss(logits []float64, labels []byte, smoothing float64) (loss float64, gradient []float64) {
	n := len(labels)
	gradient = make([]float64, len(logits))
	for i, label := range labels {
		row := logits[i*Classes:][:Classes]
		highest := row[0]
		for _, v := range row {
			highest = max(highest, v)
		}
		sum := 0.0
		for _, v := range row {
			sum += math.Exp(v - highest)
		}
		for class, v := range row {
			target := smoothing / Classes
			if class == int(label) {
				target += 1 - smoothing
			}
			logProbability := v - highest - math.Log(sum)
			loss -= target * logProbability / float64(n)
			gradient[i*Classes+class] = (math.Exp(logProbability) - target) / float64(n)
		}
	}
	return loss, gradient
}

// Backward returns the gradients of all parameters, given that of the logits,
// and leaves those of the pooled values in a.
func Backward(p *Parameters, a *Activations, dLogits []float64) *Parameters {
	g := NewParameters()
	n := a.N
	dFC1 := ConnectBack(dLogits, a.FC1, p.FC2Weight, g.FC2Weight, g.FC2Bias, n, Hidden, Classes)
	for i := range dFC1 {
		if a.FC1[i] <= 0 {
			dFC1[i] = 0
		}
		if a.Mask != nil {
			dFC1[i] *= a.Mask[i]
		}
	}
	dPool2 := ConnectBack(dFC1, a.Pool2, p.FC1Weight, g.FC1Weight, g.FC1Bias, n, Features, Hidden)
	a.DPool2 = dPool2
	dConv2 := Unpool(dPool2, a.Position2, n*Conv2, (Size-4)/2-4)
	dPool1 := ConvolveBack(dConv2, a.Pool1, p.Conv2Weight, g.Conv2Weight, g.Conv2Bias, n, Conv1, Conv2, (Size-4)/2)
	a.DPool1 = dPool1
	dConv1 := Unpool(dPool1, a.Position1, n*Conv1, Size-4)
	ConvolveBack(dConv1, a.Images, p.Conv1Weight, g.Conv1Weight, g.Conv1Bias, n, 1, Conv1, Size)
	return g
}

// Convolve returns the valid cross-correlation of x (n, in, size, size) with w
// (out, in, 5, 5), plus bias.
func Convolve(x, w, bias []float64, n, in, out, size int) []float64 {
	result := size - Window + 1
	y := make([]float64, n*out*result*result)
	for i := range n {
		for o := range out {
			for row := range result {
				for column := range result {
					sum := bias[o]
					for c := range in {
						for ky := range Window {
							for kx := range Window {
								sum += w[((o*in+c)*Window+ky)*Window+kx] * x[((i*in+c)*size+row+ky)*size+column+kx]
							}
						}
					}
					y[((i*out+o)*result+row)*result+column] = sum
				}
			}
		}
	}
	return y
}

// ConvolveBack adds the gradients of w and bias to dw and db and returns that
// of x.
func ConvolveBack(dy, x, w, dw, db []float64, n, in, out, size int) []float64 {
	result := size - Window + 1
	dx := make([]float64, len(x))
	for i := range n {
		for o := range out {
			for row := range result {
				for column := range result {
					g := dy[((i*out+o)*result+row)*result+column]
					if g == 0 {
						continue
					}
					db[o] += g
					for c := range in {
						for ky := range Window {
							for kx := range Window {
								weight, pixel := ((o*in+c)*Window+ky)*Window+kx, ((i*in+c)*size+row+ky)*size+column+kx
								dw[weight] += g * x[pixel]
								dx[pixel] += g * w[weight]
							}
						}
					}
				}
			}
		}
	}
	return dx
}

// PoolReLU returns max(0, maximum of each 2×2 window) of planes of size×size,
// and the position of the first maximum in row-major order.
func PoolReLU(x []float64, planes, size int) (y []float64, positions []int) {
	half := size / 2
	y, positions = make([]float64, planes*half*half), make([]int, planes*half*half)
	for at := range y {
		plane, row, column := at/(half*half), at/half%half, at%half
		best, position := math.Inf(-1), 0
		for p := range 4 {
			if v := x[(plane*size+2*row+p/2)*size+2*column+p%2]; v > best {
				best, position = v, p
			}
		}
		y[at], positions[at] = best, position
		if best <= 0 {
			y[at], positions[at] = 0, -1
		}
	}
	return y, positions
}

// Unpool puts gradients back to the positions that PoolReLU chose.
func Unpool(dy []float64, positions []int, planes, size int) []float64 {
	half := size / 2
	dx := make([]float64, planes*size*size)
	for at, p := range positions {
		plane, row, column := at/(half*half), at/half%half, at%half
		if p >= 0 {
			dx[(plane*size+2*row+p/2)*size+2*column+p%2] = dy[at]
		}
	}
	return dx
}

// Connect returns x wᵀ + bias for x (n, in) and w (out, in).
func Connect(x, w, bias []float64, n, in, out int) []float64 {
	y := make([]float64, n*out)
	for i := range n {
		for o := range out {
			sum := bias[o]
			for k, v := range w[o*in:][:in] {
				sum += v * x[i*in+k]
			}
			y[i*out+o] = sum
		}
	}
	return y
}

// ConnectBack adds the gradients of w and bias to dw and db and returns that
// of x.
func ConnectBack(dy, x, w, dw, db []float64, n, in, out int) []float64 {
	dx := make([]float64, n*in)
	for i := range n {
		for o := range out {
			g := dy[i*out+o]
			db[o] += g
			for k := range in {
				dw[o*in+k] += g * x[i*in+k]
				dx[i*in+k] += g * w[o*in+k]
			}
		}
	}
	return dx
}

// Adam applies step t = 1, 2, … to p with the moments m and v, in PyTorch's
// form with its default decays.
func Adam(p, m, v, g *Parameters, rate float64, t int) {
	const beta1, beta2, epsilon = 0.9, 0.999, 1e-8
	for i, group := range p.Groups() {
		ms, vs := m.Groups()[i], v.Groups()[i]
		for j, gradient := range g.Groups()[i] {
			ms[j] = beta1*ms[j] + (1-beta1)*gradient
			vs[j] = beta2*vs[j] + (1-beta2)*gradient*gradient
			denominator := math.Sqrt(vs[j])/math.Sqrt(1-math.Pow(beta2, float64(t))) + epsilon
			group[j] -= rate / (1 - math.Pow(beta1, float64(t))) * ms[j] / denominator
		}
	}
}

// Undecided sums |dy| over the windows of x, planes of size×size, whose two
// largest values differ by less than margin without being equal, or whose
// largest is that close to 0: a computation with rounding may send their
// gradient elsewhere.
func Undecided(x, dy []float64, planes, size int, margin float64) float64 {
	half, sum := size/2, 0.0
	for at, g := range dy {
		plane, row, column := at/(half*half), at/half%half, at%half
		best, second := math.Inf(-1), math.Inf(-1)
		for p := range 4 {
			v := x[(plane*size+2*row+p/2)*size+2*column+p%2]
			if v > best {
				best, second = v, best
			} else if v > second && v < best {
				second = v
			}
		}
		if best-second < margin || math.Abs(best) < margin {
			sum += math.Abs(g)
		}
	}
	return sum
}
