// Package avx2 holds generated kernels for AVX2 with FMA3. Only package
// kernels calls them: they check neither lengths nor the CPU.
package avx2
