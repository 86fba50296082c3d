// Package random computes random numbers from counters: every number is a
// pure function of a key and a counter, so it does not matter who computes it,
// when, or in which order.
package random

// Stream separates the uses of one seed.
type Stream uint64

// The streams of kernelet.
const (
	Initialisation Stream = 1 + iota
	Shuffle
	Dropout
	Augmentation
	Synthetic
	Style
	Ink
)

// golden is 2⁶⁴ divided by the golden ratio, SplitMix64's increment.
const golden = 0x9e3779b97f4a7c15

// Key mixes a stream and words, such as seed and epoch, into one key.
func Key(stream Stream, words ...uint64) uint64 {
	key := Bits(uint64(stream), 0)
	for _, w := range words {
		key = Bits(key, w)
	}
	return key
}

// Bits returns 64 random bits: number counter of the SplitMix64 sequence
// (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators",
// 2014) that begins at key, whitened once more so that keys which differ little
// give unrelated sequences.
func Bits(key, counter uint64) uint64 {
	return mix(mix(key+golden) + (counter+1)*golden)
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Uniform returns a number in [0, 1), a multiple of 2⁻⁵³.
func Uniform(key, counter uint64) float64 {
	return float64(float64(Bits(key, counter)>>11) * 0x1p-53) // the outer float64 keeps callers that it is inlined into from fusing
}

// Below returns a number in 0 … n−1, each with probability 1/n up to 2⁻⁵³.
func Below(key, counter uint64, n int) int {
	return int(Uniform(key, counter) * float64(n))
}

// Permutation fills indices with a random order of 0 … len(indices)−1 (Fisher
// and Yates).
func Permutation(key uint64, indices []int32) {
	for i := range indices {
		indices[i] = int32(i)
	}
	for i := len(indices) - 1; i > 0; i-- {
		j := Below(key, uint64(i), i+1)
		indices[i], indices[j] = indices[j], indices[i]
	}
}
