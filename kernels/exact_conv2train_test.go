package kernels

import "github.com/kernelet/kernelet/internal/shape"

// toomUnpadded returns [144][features][n] of an array with padding after each
// frequency.
func toomUnpadded(n, features int, padded []float32) []number {
	var values []number
	for f := range shape.ToomFrequencies {
		values = append(values, exactlyAll(padded[f*(features*n+shape.Conv2Padding):][:features*n])...)
	}
	return values
}

// conv2TrainAnswers are the answers of the kernels that train conv2.
var conv2TrainAnswers = map[string]answers{
	"Conv2TrainInputTransform": func(n int, b *arguments) map[string]answer {
		v := unchanged(b.Floats["v"])
		for i, value := range conv2TrainVNumbers(n, exactlyAll(b.Floats["x"])) {
			row := shape.Conv2Inputs * n
			v[i/row*conv2VFrequency(n)+i%row] = value
		}
		return map[string]answer{"v": {numbers: v, roundings: toomRoundings}}
	},
	"Conv2TrainForwardReLUPoolMask": func(n int, b *arguments) map[string]answer {
		u, v, bias := exactlyAll(b.Floats["u"]), toomUnpadded(n, shape.Conv2Inputs, b.Floats["v"]), exactlyAll(b.Floats["bias"])
		// Two products a channel where they are complex, and a bias.
		return pooledAnswers(conv2TrainWindows(n, u, v, bias), 2*shape.Conv2Inputs+1+toomRoundings+1, true)
	},
	"Conv2OutputGrad": func(n int, b *arguments) map[string]answer {
		dm := unchanged(b.Floats["dm"])
		for i, value := range conv2DMNumbers(n, b.Floats["dy"], b.Bytes["mask"]) {
			row := shape.Conv2Outputs * n
			dm[i/row*conv2DMFrequency(n)+i%row] = value
		}
		return map[string]answer{"dm": {numbers: dm, roundings: toomRoundings}}
	},
	"Conv2InputGrad": func(n int, b *arguments) map[string]answer {
		dv := conv2DVNumbers(n, exactlyAll(b.Floats["u"]), toomUnpadded(n, shape.Conv2Outputs, b.Floats["dm"]))
		return map[string]answer{"dx": {numbers: conv2DXNumbers(n, dv), roundings: toomRoundings + 2*shape.Conv2Outputs + 1}}
	},
	"Conv2InputGradProducts": func(n int, b *arguments) map[string]answer {
		dv := unchanged(b.Floats["dv"])
		for i, value := range conv2DVNumbers(n, exactlyAll(b.Floats["u"]), toomUnpadded(n, shape.Conv2Outputs, b.Floats["dm"])) {
			f, c, image := i/(shape.Conv2Inputs*n), i/n%shape.Conv2Inputs, i%n
			dv[c*conv2Channel(n)+f*n+image] = value
		}
		return map[string]answer{"dv": {numbers: dv, roundings: 2*shape.Conv2Outputs + 1}}
	},
	"Conv2InputGradTransform": func(n int, b *arguments) map[string]answer {
		dv := make([]number, shape.ToomFrequencies*shape.Conv2Inputs*n)
		for i := range dv {
			f, c, image := i/(shape.Conv2Inputs*n), i/n%shape.Conv2Inputs, i%n
			dv[i] = exactly(b.Floats["dv"][c*conv2Channel(n)+f*n+image])
		}
		return map[string]answer{"dx": {numbers: conv2DXNumbers(n, dv), roundings: toomRoundings}}
	},
	"Conv2WeightGrad": func(batch int, b *arguments) map[string]answer {
		du, db := conv2WeightGradNumbers(batch, b), make([]number, shape.Conv2Outputs)
		blocks(batch, func(first, n int) {
			addConv2BiasGrad(n, db, b.Floats["dy"][shape.Conv2Y*first:][:shape.Conv2Y*n], b.Bytes["mask"][shape.MaskBytes(shape.Conv2Y, first):])
		})
		return map[string]answer{"du": {numbers: du, roundings: weightGradRoundings(batch)}, "db": {numbers: db, roundings: biasGradRoundings(batch)}}
	},
	"Conv2WeightGradProducts": func(batch int, b *arguments) map[string]answer {
		du := append(conv2WeightGradNumbers(batch, b)[:realWeights], unchanged(b.Floats["du"][realWeights:])...)
		return map[string]answer{"du": {numbers: du, roundings: weightGradRoundings(batch)}}
	},
	"Conv2WeightGradPairProducts": func(batch int, b *arguments) map[string]answer {
		du := append(unchanged(b.Floats["du"][:realWeights]), conv2WeightGradNumbers(batch, b)[realWeights:]...)
		return map[string]answer{"du": {numbers: du, roundings: weightGradRoundings(batch)}}
	},
	"Conv2BiasGrad": func(batch int, b *arguments) map[string]answer {
		db := make([]number, shape.Conv2Outputs)
		blocks(batch, func(first, n int) {
			addConv2BiasGrad(n, db, b.Floats["dy"][shape.Conv2Y*first:][:shape.Conv2Y*n], b.Bytes["mask"][shape.MaskBytes(shape.Conv2Y, first):])
		})
		return map[string]answer{"db": {numbers: db, roundings: biasGradRoundings(batch)}}
	},
	"Conv2TrainWeightTransform": func(_ int, b *arguments) map[string]answer {
		return map[string]answer{"u": {numbers: toomWeightNumbers(exactlyAll(b.Floats["w"])), roundings: toomRoundings}}
	},
	"Conv2WeightGradTransform": func(_ int, b *arguments) map[string]answer {
		return map[string]answer{"dw": {numbers: toomWeightGradNumbers(exactlyAll(b.Floats["du"])), roundings: toomRoundings}}
	},
}

// conv2WeightGradNumbers computes du of a batch of blocks.
func conv2WeightGradNumbers(batch int, b *arguments) []number {
	du := make([]number, shape.Conv2TrainU)
	blocks(batch, func(first, n int) {
		addConv2WeightGrad(n, du, toomUnpadded(n, shape.Conv2Outputs, b.Floats["dm"][shape.Conv2DM(first):]),
			toomUnpadded(n, shape.Conv2Inputs, b.Floats["v"][shape.Conv2TrainV(first):]))
	})
	return du
}

// weightGradRoundings are those of a sum over a batch's blocks: two products a
// lane where they are complex.
func weightGradRoundings(batch int) float64 {
	return laneSum(2 * ((batch + shape.Block - 1) / shape.Block))
}

func biasGradRoundings(batch int) float64 {
	return laneSum(shape.Pool2Pixels * ((batch + shape.Block - 1) / shape.Block))
}
