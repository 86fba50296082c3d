// Command calibrate fits a model's temperature and rejection score and prints
// them as Go code: see lenet/pretrained.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"log"
	"math"
	"os"
	"slices"

	"github.com/kernelet/kernelet/internal/nondigits"
	"github.com/kernelet/kernelet/internal/random"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/picture"
)

func main() {
	path := flag.String("model", "model.safetensors", "model to calibrate")
	out := flag.String("out", "calibration.go", "Go file to write")
	flag.Parse()
	model, err := lenet.Load(*path)
	if err != nil {
		log.Fatal(err)
	}
	classifier, err := lenet.NewClassifier(model, lenet.Options{})
	if err != nil {
		log.Fatal(err)
	}
	data, err := mnist.Load(context.Background(), mnist.Options{})
	if err != nil {
		log.Fatal(err)
	}
	// The first half of the test images, which the model was not trained on;
	// the second half is left to measure on.
	const fitted = 5000
	images, labels := data.Test.Images[:fitted*mnist.ImageBytes], data.Test.Labels[:fitted]
	c := lenet.Calibration{Temperature: temperature(classifier, distorted(images), labels)}
	c.Rejection = rejection(classifier, images, labels)
	if err := os.WriteFile(*out, []byte(source(c)), 0o644); err != nil {
		log.Fatal(err)
	}
}

// distorted are images as pictures show them: turned, slanted, squeezed, their
// edge hard, and prepared. MNIST's own are easier than what people bring, and
// probabilities that are right for them promise too much.
func distorted(images []byte) []byte {
	result := make([]byte, 0, len(images))
	for i := range len(images) / mnist.ImageBytes {
		key := random.Key(random.Synthetic, 0x7475726e, uint64(i))
		within := func(counter uint64, bound float64) float64 { return (2*random.Uniform(key, counter) - 1) * bound }
		sin, cos := math.Sincos(within(0, 0.45))
		slant, wide, edge := within(1, 0.4), 1+within(2, 0.35), 128+within(3, 70)
		m := image.NewGray(image.Rect(0, 0, 140, 140))
		for at := range m.Pix {
			x, y := float64(at%140)/4-17.5, float64(at/140)/4-17.5
			u, v := int((x*cos-y*sin)*wide+slant*y+14), int(x*sin+y*cos+14)
			m.Pix[at] = 230
			if uint(u) < mnist.Columns && uint(v) < mnist.Rows && float64(images[i*mnist.ImageBytes+v*mnist.Columns+u]) > edge {
				m.Pix[at] = 40
			}
		}
		prepared, err := picture.Prepare(m)
		if err != nil {
			prepared = [mnist.ImageBytes]byte(images[i*mnist.ImageBytes:])
		}
		result = append(result, prepared[:]...)
	}
	return result
}

func logits(classifier *lenet.Classifier, images []byte) [][10]float32 {
	flat := make([]float32, len(images)/mnist.ImageBytes*10)
	if err := classifier.Logits(flat, images); err != nil {
		log.Fatal(err)
	}
	result := make([][10]float32, len(flat)/10)
	for i := range result {
		result[i] = [10]float32(flat[10*i:])
	}
	return result
}

// temperature minimises the cross-entropy, by golden steps of a hundredth.
func temperature(classifier *lenet.Classifier, images, labels []byte) float32 {
	all := logits(classifier, images)
	best, least := float32(1), math.Inf(1)
	for t := float32(0.2); t < 2; t += 0.01 {
		c := lenet.Calibration{Temperature: t}
		loss := 0.0
		for i := range all {
			loss -= math.Log(max(1e-12, float64(c.Predict(&all[i]).Probabilities[labels[i]])))
		}
		if loss < least {
			best, least = t, loss
		}
	}
	return best
}

// rejection fits a logistic regression by Newton's method on digits and drawn
// non-digits, and moves its threshold so that it refuses 0.8 % of the digits
// that are read right.
func rejection(classifier *lenet.Classifier, images, labels []byte) [lenet.Features]float32 {
	var samples [][lenet.Features]float64
	var targets []float64
	var digits [][lenet.Features]float64
	for i, l := range logits(classifier, images) {
		f := lenet.RejectionFeatures(&l)
		if (lenet.Predict(&l)).Digit == int(labels[i]) {
			digits = append(digits, f)
		}
		samples, targets = append(samples, f), append(targets, 0)
	}
	for kind := range nondigits.Kinds {
		for n := range uint64(700) {
			prepared, err := picture.Prepare(nondigits.Draw(kind, n))
			if errors.Is(err, picture.ErrBlank) {
				continue
			} else if err != nil {
				log.Fatal(err)
			}
			l := logits(classifier, prepared[:])
			samples, targets = append(samples, lenet.RejectionFeatures(&l[0])), append(targets, 1)
		}
	}
	w := newton(samples, targets)
	scores := make([]float64, len(digits))
	for i, f := range digits {
		scores[i] = dot(w, f)
	}
	slices.Sort(scores)
	w[0] -= scores[len(scores)*992/1000]
	var result [lenet.Features]float32
	for i, v := range w {
		result[i] = float32(v)
	}
	return result
}

func dot(a, b [lenet.Features]float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// newton minimises the logistic loss with a small ridge.
func newton(samples [][lenet.Features]float64, targets []float64) [lenet.Features]float64 {
	const n, ridge = lenet.Features, 1e-2
	var w [n]float64
	for range 25 {
		var gradient [n]float64
		var hessian [n][n]float64
		for i := range n {
			gradient[i], hessian[i][i] = ridge*w[i], ridge
		}
		for s, f := range samples {
			p := 1 / (1 + math.Exp(-dot(w, f)))
			for i := range n {
				gradient[i] += (p - targets[s]) * f[i]
				for j := range n {
					hessian[i][j] += p * (1 - p) * f[i] * f[j]
				}
			}
		}
		step := solve(hessian, gradient)
		for i := range n {
			w[i] -= step[i]
		}
	}
	return w
}

// solve is Gaussian elimination with pivots on the diagonal: the matrix is
// positive definite.
func solve(a [lenet.Features][lenet.Features]float64, b [lenet.Features]float64) [lenet.Features]float64 {
	const n = lenet.Features
	for i := range n {
		for j := i + 1; j < n; j++ {
			factor := a[j][i] / a[i][i]
			for k := i; k < n; k++ {
				a[j][k] -= factor * a[i][k]
			}
			b[j] -= factor * b[i]
		}
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			b[i] -= a[i][k] * b[k]
		}
		b[i] /= a[i][i]
	}
	return b
}

func source(c lenet.Calibration) string {
	s := fmt.Sprintf("// Code generated by internal/calibrate; DO NOT EDIT.\n\npackage pretrained\n\nimport \"github.com/kernelet/kernelet/lenet\"\n\nvar calibration = lenet.Calibration{\n\tTemperature: %v,\n\tRejection: [lenet.Features]float32{\n", c.Temperature)
	for _, v := range c.Rejection {
		s += fmt.Sprintf("\t\t%v,\n", v)
	}
	return s + "\t},\n}\n"
}
