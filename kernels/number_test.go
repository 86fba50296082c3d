package kernels

import (
	"math"
	"slices"

	"github.com/kernelet/kernelet/internal/shape"
)

// number is a value computed in float64, and the same computation with all
// inputs and factors replaced by their absolute values. A computation in
// float32 in which every input passes through at most k roundings, each of a
// relative error of 2⁻²⁴, is off by at most ((1+2⁻²⁴)ᵏ − 1)·magnitude, in
// whichever order it adds up (see gamma).
type number struct{ value, magnitude float64 }

func exactly(x float32) number { return number{float64(x), math.Abs(float64(x))} }

func exactlyAll(x []float32) []number {
	numbers := make([]number, len(x))
	for i, v := range x {
		numbers[i] = exactly(v)
	}
	return numbers
}

// unchanged are values that a kernel leaves alone.
func unchanged(x []float32) []number {
	numbers := make([]number, len(x))
	for i, v := range x {
		numbers[i] = number{value: float64(v)}
	}
	return numbers
}

func (a number) plus(b number) number  { return number{a.value + b.value, a.magnitude + b.magnitude} }
func (a number) times(b number) number { return number{a.value * b.value, a.magnitude * b.magnitude} }

// rounding is the largest relative error of one operation.
const rounding = 0x1p-24

// gamma is at least (1+2⁻²⁴)ᵏ − 1.
func gamma(k float64) float64 { return k * rounding / (1 - k*rounding) }

// matrix is one of Winograd's.
type matrix [][]float64

// The matrices of F(4×4, 5×5), made of the points 0, ±1, ±2, ±½ and ∞ as in
// Cook and Toom's construction: row a of A and of G holds the
// powers of a, row a of Bᵀ the coefficients of the polynomial whose zeros are
// all other finite points. G divides by that polynomial's value at a. The
// factors, which cancel, are those of gen/winograd.
var matrixA, matrixB, matrixG = func() (a, b, g matrix) {
	points := []float64{0, 1, -1, 2, -2, 0.5, -0.5}
	factors := []float64{-1, -1, -1, 4, 4, 2, 2}
	// product is the polynomial, constant term first, with all points but one as zeros.
	product := func(but int) []float64 {
		coefficients := make([]float64, shape.Points)
		coefficients[0] = 1
		for i, p := range points {
			if i == but {
				continue
			}
			for j := shape.Points - 1; j >= 0; j-- {
				coefficients[j] *= -p
				if j > 0 {
					coefficients[j] += coefficients[j-1]
				}
			}
		}
		return coefficients
	}
	var bT matrix
	for i, p := range points {
		polynomial, at, power := product(i), 0.0, 1.0
		var powers []float64
		for _, c := range polynomial {
			at += c * power
			powers = append(powers, power)
			power *= p
		}
		a = append(a, powers[:shape.TileSize])
		row := make([]float64, shape.Points)
		for j, c := range polynomial {
			row[j] = c * factors[i]
		}
		bT = append(bT, row)
		row = make([]float64, shape.FilterSize)
		for j := range row {
			row[j] = powers[j] / at / factors[i]
		}
		g = append(g, row)
	}
	infinity := func(n int) []float64 { return append(make([]float64, n-1), 1) }
	return append(a, infinity(shape.TileSize)), append(bT, product(len(points))).transposed(), append(g, infinity(shape.FilterSize))
}()

var matrixAT, matrixBT = matrixA.transposed(), matrixB.transposed()

func (m matrix) transposed() matrix {
	t := make(matrix, len(m[0]))
	for j := range t {
		for i := range m {
			t[j] = append(t[j], m[i][j])
		}
	}
	return t
}

// apply returns m x; what belongs to a zero of m is not looked at.
func (m matrix) apply(y, x []number) {
	for i, row := range m {
		y[i] = number{}
		for j, c := range row {
			if c != 0 {
				y[i] = y[i].plus(number{c, math.Abs(c)}.times(x[j]))
			}
		}
	}
}

// both returns m X mᵀ for a square X in row-major order.
func (m matrix) both(x []number) []number {
	rows, columns := len(m), len(m[0])
	half, y := make([]number, rows*columns), make([]number, rows*rows)
	column, result := make([]number, columns), make([]number, rows)
	for j := range columns {
		for i := range column {
			column[i] = x[i*columns+j]
		}
		m.apply(result, column)
		for i, v := range result {
			half[i*columns+j] = v
		}
	}
	for i := range rows {
		m.apply(y[i*rows:][:rows], half[i*columns:][:columns])
	}
	return y
}

// window are the four values of a pooling window, with bias.
type window [4]number

// tileWindows hands out the four windows of a tile, 4×4 values.
func tileWindows(tile []number, bias number, put func(row, column int, w window)) {
	for p := range 4 {
		i, j := p/2*2*shape.TileSize, p%2*2
		w := window{tile[i+j], tile[i+j+1], tile[i+shape.TileSize+j], tile[i+shape.TileSize+j+1]}
		for q := range w {
			w[q] = w[q].plus(bias)
		}
		put(p/2, p%2, w)
	}
}

// pooled returns max(0, maximum).
func (w window) pooled() number {
	y := number{0, w[0].magnitude}
	for _, v := range w {
		y.value, y.magnitude = max(y.value, v.value), max(y.magnitude, v.magnitude)
	}
	return y
}

func pooledAll(windows []window) []number {
	y := make([]number, len(windows))
	for i, w := range windows {
		y[i] = w.pooled()
	}
	return y
}

// conv1Windows computes conv1 by Winograd's matrices: windows [outputs][12][12]
// of n images from x [28][28] and u [64][24].
func conv1Windows(n, outputs int, x, u, bias []number) []window {
	const tilesInRow = shape.Conv1Size / shape.TileSize
	windows := make([]window, outputs*shape.Pool1Pixels*n)
	d, m := make([]number, shape.Frequencies), make([]number, shape.Frequencies)
	for tile := range shape.Conv1Tiles {
		tileY, tileX := tile/tilesInRow, tile%tilesInRow
		for image := range n {
			for i := range d {
				d[i] = x[((shape.TileSize*tileY+i/shape.Points)*shape.ImageSize+shape.TileSize*tileX+i%shape.Points)*n+image]
			}
			v := matrixBT.both(d)
			for o := range outputs {
				for f := range m {
					m[f] = u[f*shape.Conv1Row+o].times(v[f])
				}
				tileWindows(matrixAT.both(m), bias[o], func(row, column int, w window) {
					windows[(o*shape.Pool1Pixels+(2*tileY+row)*shape.Pool1Size+2*tileX+column)*n+image] = w
				})
			}
		}
	}
	return windows
}

// weightNumbers returns m w mᵀ of each of the columns of w [.][columns].
func weightNumbers(m matrix, w []number, columns int) []number {
	u := make([]number, len(m)*len(m)*columns)
	taps := make([]number, len(w)/columns)
	for column := range columns {
		for i := range taps {
			taps[i] = w[i*columns+column]
		}
		for i, v := range m.both(taps) {
			u[i*columns+column] = v
		}
	}
	return u
}

// conv2Place is the place of a value of v for n images: [64][20][4][n].
func conv2Place(n, features, f, feature, tile, image int) int {
	return ((f*features+feature)*shape.Conv2Tiles+tile)*n + image
}

// conv2VNumbers computes V = Bᵀ X B [64][20][4][n] from x [20][12][12][n].
func conv2VNumbers(n int, x []number) []number {
	v := make([]number, shape.Frequencies*shape.Conv2Inputs*shape.Conv2Tiles*n)
	d := make([]number, shape.Frequencies)
	for c := range shape.Conv2Inputs {
		for tile := range shape.Conv2Tiles {
			for image := range n {
				for i := range d {
					y, x0 := tile/2*shape.TileSize+i/shape.Points, tile%2*shape.TileSize+i%shape.Points
					d[i] = x[(c*shape.Pool1Pixels+y*shape.Pool1Size+x0)*n+image]
				}
				for f, value := range matrixBT.both(d) {
					v[conv2Place(n, shape.Conv2Inputs, f, c, tile, image)] = value
				}
			}
		}
	}
	return v
}

// conv2Windows computes windows [50][4][4][n] from u [64][50][20] and V.
func conv2Windows(n int, u, v, bias []number) []window {
	windows := make([]window, shape.Conv2Y*n)
	m := make([]number, shape.Frequencies)
	for o := range shape.Conv2Outputs {
		for tile := range shape.Conv2Tiles {
			for image := range n {
				for f := range m {
					m[f] = number{}
					for c := range shape.Conv2Inputs {
						m[f] = m[f].plus(u[(f*shape.Conv2Outputs+o)*shape.Conv2Inputs+c].times(v[conv2Place(n, shape.Conv2Inputs, f, c, tile, image)]))
					}
				}
				tileWindows(matrixAT.both(m), bias[o], func(row, column int, w window) {
					windows[(o*shape.Pool2Pixels+(tile/2*2+row)*shape.Pool2Size+tile%2*2+column)*n+image] = w
				})
			}
		}
	}
	return windows
}

// adamNumbers computes one step of Adam for one weight whose gradient g is off by at
// most gError; the magnitudes are the results' largest errors divided by 2⁻²⁴,
// to the first order and with one rounding more than there are.
func adamNumbers(w, m, v, g, gError float64, step *AdamStep) (weight, moment, second number) {
	oneMinusBeta1, oneMinusBeta2 := float64(step.OneMinusBeta1), float64(step.OneMinusBeta2)
	moment.value = m + oneMinusBeta1*(g-m)
	momentError := oneMinusBeta1*gError + rounding*(3*oneMinusBeta1*math.Abs(g-m)+2*math.Abs(moment.value))
	second.value = float64(step.Beta2)*v + oneMinusBeta2*g*g
	secondError := oneMinusBeta2*(2*math.Abs(g)+gError)*gError + 5*rounding*second.value
	if second.value > math.MaxFloat32 {
		return number{w, math.NaN()}, number{moment.value, momentError / rounding}, number{second.value, math.Inf(1)}
	}
	if math.Abs(moment.value) < shape.MomentFloor {
		moment.value, momentError = 0, 0
	}
	if second.value < shape.MomentFloor {
		second.value, secondError = 0, 0
	}
	root := math.Sqrt(second.value)
	denominator := root*float64(step.Correction) + float64(step.Epsilon)
	// √x − √(x−e) is at most e/√x.
	denominatorError := 4 * rounding * denominator
	if second.value != 0 {
		denominatorError += float64(step.Correction) * secondError / root
	}
	change := float64(step.Rate) * moment.value / denominator
	smallest := denominator - denominatorError
	changeError := (float64(step.Rate)*momentError+math.Abs(change)*denominatorError)/smallest + 3*rounding*math.Abs(change)
	weight.value = w - change
	weight.magnitude = (changeError + 2*rounding*math.Abs(weight.value)) / rounding
	moment.magnitude, second.magnitude = momentError/rounding, secondError/rounding
	return weight, moment, second
}

// lossNumbers computes the denominator and the gradient of the logits of one
// image as FC2ForwardLoss does; magnitudes are as those of adamNumbers.
func lossNumbers(logits []float64, label int32, loss *Loss) (denominator number, gradients []number) {
	highest := slices.Max(logits)
	// The exponential's relative error, see TestExponential, and that of its
	// argument's rounding; below −87 it is taken for exp(−87).
	exponentials, errors := make([]float64, len(logits)), make([]float64, len(logits))
	sumError := 0.0
	for i, z := range logits {
		exponentials[i] = math.Exp(z - highest)
		errors[i] = exponentials[i]*(exponentialError+rounding*math.Abs(z-highest)) + 2e-38
		denominator.value += exponentials[i]
		sumError += errors[i]
	}
	sumError += float64(len(logits)) * rounding * denominator.value
	denominator.magnitude = sumError / rounding
	for i, e := range exponentials {
		target := float64(loss.Other)
		if int32(i) == label {
			target += float64(loss.Label)
		}
		if label < 0 {
			gradients = append(gradients, number{})
			continue
		}
		p := e / denominator.value
		pError := errors[i]/denominator.value + p*(sumError/denominator.value+3*rounding)
		gradientError := pError + 2*rounding*(target+math.Abs(p-target))
		gradients = append(gradients, number{(p - target) * float64(loss.Scale), gradientError * float64(loss.Scale) / rounding})
	}
	return denominator, gradients
}
