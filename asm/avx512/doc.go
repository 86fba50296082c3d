// Package avx512 holds generated kernels for AVX-512 (F, BW, DQ and VL). Only package
// kernels calls them: they check neither lengths nor the CPU.
package avx512
