package kernels

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// ErrISA is wrapped by the error of asking for an instruction set that is
// unknown or that this machine, or this build, does not have.
var ErrISA = errors.New("instruction set not available")

// Set is one instruction set's implementation of every kernel. A Set never
// changes and is safe for concurrent use.
type Set struct {
	name      string
	peakFLOPs float64 // of an iteration of the FMA ceilings
	functions
}

// Name is "generic", "avx2" or "avx512".
func (s *Set) Name() string { return s.name }

// Names lists every instruction set that kernels exist for, slowest first.
func Names() []string { return []string{"generic", "avx2", "avx512"} }

// Available lists the instruction sets that this machine and this build can
// run, slowest first.
func Available() []string {
	var names []string
	for _, name := range Names() {
		if set(name) != nil {
			names = append(names, name)
		}
	}
	return names
}

// Select returns the set of a name, or for "" and "auto" the one that the
// environment variable KERNELET_ISA names, or else the fastest available. A
// set that is not available is an error, never replaced by another.
func Select(name string) (*Set, error) {
	source := "isa"
	if name == "" || name == "auto" {
		name, source = os.Getenv("KERNELET_ISA"), "KERNELET_ISA"
	}
	if name == "" || name == "auto" {
		available := Available()
		return set(available[len(available)-1]), nil
	}
	if s := set(name); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("%w: %s: expected one of %s, got %q", ErrISA, source, strings.Join(Available(), ", "), name)
}

// set returns the set of a name, or nil.
func set(name string) *Set {
	if name == "generic" {
		return &generic
	}
	return generated(name)
}

var generic = Set{name: "generic", peakFLOPs: 2 * 16 * 4, functions: twins}

// Features lists those features of this CPU that kernels need or, as ceilings,
// measure.
func Features() []string {
	var all []cpuid.FeatureID
	for _, name := range []string{"avx2", "avx512", "VNNIPeak", "BF16Peak"} {
		for _, feature := range required[name] {
			if cpuid.CPU.Supports(feature) && !slices.Contains(all, feature) {
				all = append(all, feature)
			}
		}
	}
	names := make([]string, len(all))
	for i, feature := range all {
		names[i] = feature.String()
	}
	return names
}
