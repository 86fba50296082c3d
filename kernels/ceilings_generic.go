package kernels

import (
	"math"
	"sync/atomic"
)

func fmaPeak(sink []float32, iterations int) {
	multiplyAdds(sink, func(int) float32 { return 0.5 }, iterations)
}

func fmaPeakMemory(sink, source []float32, iterations int) {
	multiplyAdds(sink, func(i int) float32 { return source[i] }, iterations)
}

func fmaPeakBroadcast(sink, source []float32, iterations int) {
	multiplyAdds(sink, func(int) float32 { return source[0] }, iterations)
}

func read(data []float32, passes int) {
	for range passes {
		sum := float32(0)
		for _, v := range data {
			sum += v
		}
		readSum.Store(math.Float32bits(sum))
	}
}

// readSum keeps the compiler from leaving out what is read.
var readSum atomic.Uint32

func multiplyAdds(sink []float32, factor func(i int) float32, iterations int) {
	for i := range sink {
		sink[i] = 0.5
	}
	for range iterations {
		for range 4 {
			for i := range sink {
				sink[i] += float32(0.5 * factor(i))
			}
		}
	}
}
