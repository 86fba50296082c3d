package lenet

import (
	"math"

	"github.com/kernelet/kernelet/internal/portable"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
)

// Predict turns the logits of an image into a Prediction by softmax: the
// probability of a class is exp(logit) / Σ exp(logit). The digit is the class of
// the largest logit, the first of equal ones.
func Predict(logits *[shape.Classes]float32) Prediction {
	var p Prediction
	p.Digit = largest(logits)
	p.soften(logits)
	return p
}

// soften fills in the probabilities of logits.
func (p *Prediction) soften(logits *[shape.Classes]float32) {
	exponentials, sum := softmax(logits, logits[p.Digit])
	for class, e := range exponentials {
		p.Probabilities[class] = float32(e / sum)
	}
	p.Probability = p.Probabilities[p.Digit]
}

// softmax returns exp(logit − largest) of every class, of which largest is the
// largest, and the sum of these.
func softmax(logits *[shape.Classes]float32, largest float32) (exponentials [shape.Classes]float64, sum float64) {
	for class, logit := range logits {
		exponentials[class] = portable.Exp(float64(logit) - float64(largest))
		sum += exponentials[class]
	}
	return exponentials, sum
}

// crossEntropy is −Σ target·log softmax(logits) for a target of loss.Label at
// the label and loss.Other more at every class; digit is the class of the largest
// logit, sum is softmax's.
func crossEntropy(logits *[shape.Classes]float32, digit, label int, sum float64, loss *kernels.Loss) float64 {
	var all float64
	for _, logit := range logits {
		all += float64(logit)
	}
	return math.Log(sum) + float64(logits[digit]) - float64(float64(loss.Label)*float64(logits[label])) - float64(float64(loss.Other)*all)
}

// largest is the class of the largest logit, the first of equal ones.
func largest(logits *[shape.Classes]float32) int {
	digit := 0
	for class, logit := range logits {
		if logit > logits[digit] {
			digit = class
		}
	}
	return digit
}

// logitsOf copies the logits of one lane out of a block [10] of so many images.
func logitsOf(block []float32, images, lane int) (logits [shape.Classes]float32) {
	for class := range logits {
		logits[class] = block[class*images+lane]
	}
	return logits
}
