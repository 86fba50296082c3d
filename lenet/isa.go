package lenet

import "github.com/kernelet/kernelet/kernels"

// ErrISA is wrapped by the error of asking for an instruction set that is
// unknown or that this machine or build does not have.
var ErrISA = kernels.ErrISA

// ISAs returns the names of the instruction sets that this machine and build
// have, from the slowest to the fastest: "generic", which is plain Go and
// always there, "avx2", "avx512".
func ISAs() []string { return kernels.Available() }
