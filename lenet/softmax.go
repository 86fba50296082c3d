package lenet

import (
	"math"

	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
)

// Predict turns the logits of an image into a Prediction by softmax: the
// probability of a class is exp(logit) / Σ exp(logit). The digit is the class of
// the largest logit, the first of equal ones.
func Predict(logits *[shape.Classes]float32) Prediction {
	var p Prediction
	digit, exponentials, sum := softmax(logits)
	for class, e := range exponentials {
		p.Probabilities[class] = float32(e / sum)
	}
	p.Digit, p.Probability = digit, p.Probabilities[digit]
	return p
}

// softmax returns the class of the largest logit, exp(logit − largest logit) of
// every class, and the sum of these.
func softmax(logits *[shape.Classes]float32) (digit int, exponentials [shape.Classes]float64, sum float64) {
	digit = largest(logits)
	for class, logit := range logits {
		exponentials[class] = math.Exp(float64(logit) - float64(logits[digit]))
		sum += exponentials[class]
	}
	return digit, exponentials, sum
}

// crossEntropy is −Σ target·log softmax(logits) for a target of loss.Label at
// the label and loss.Other more at every class; sum is softmax's.
func crossEntropy(logits *[shape.Classes]float32, label int, sum float64, loss *kernels.Loss) float64 {
	var all float64
	for _, logit := range logits {
		all += float64(logit)
	}
	return math.Log(sum) + float64(logits[largest(logits)]) - float64(float64(loss.Label)*float64(logits[label])) - float64(float64(loss.Other)*all)
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
