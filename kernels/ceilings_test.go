package kernels

import (
	"errors"
	"math"
	"testing"

	"github.com/kernelet/kernelet/internal/shape"
)

// ceilings are the methods of Set that compute nothing of the network.
var ceilings = []string{"FMAPeak", "FMAPeakMemory", "FMAPeakBroadcast", "Read"}

// TestCeilings: what they compute is what they say, within their arguments.
func TestCeilings(t *testing.T) {
	for _, s := range sets(t) {
		for _, atEnd := range []bool{false, true} {
			guarded := between(t, atEnd)
			sink, source := guarded.floats(shape.PeakSink), guarded.floats(shape.PeakSource)
			for i := range source {
				source[i] = 0.25
			}
			// Generated: 12 accumulators that begin at a half and get four terms an
			// iteration, together. The twin: 16 that are not added up.
			accumulators := 12.0
			if s.Name() == "generic" {
				accumulators = 1
			}
			const iterations = 10
			for name, peak := range map[string]func() (float64, float64, error){
				"FMAPeak": func() (float64, float64, error) { n, err := s.FMAPeak(sink, iterations); return 0.25, n, err },
				"FMAPeakMemory": func() (float64, float64, error) {
					n, err := s.FMAPeakMemory(sink, source, iterations)
					return 0.125, n, err
				},
				"FMAPeakBroadcast": func() (float64, float64, error) {
					n, err := s.FMAPeakBroadcast(sink, source, iterations)
					return 0.125, n, err
				},
			} {
				term, flops, err := peak()
				if err != nil {
					t.Fatal(err)
				}
				want := accumulators * (0.5 + iterations*4*term)
				if math.Abs(float64(sink[0])-want) > 1e-4*want || sink[15] != sink[0] {
					t.Errorf("%s: %s: expected sums of %v, got %v", s.Name(), name, want, sink)
				}
				if lanes := flops / (2 * iterations * 4 * max(accumulators, 1)); s.Name() != "generic" && lanes != 8 && lanes != 16 {
					t.Errorf("%s: %s: counts %v operations", s.Name(), name, flops)
				}
			}
			data := guarded.floats(3 * shape.ReadStep)
			if bytes, err := s.Read(data, 5); err != nil || bytes != 5*4*3*shape.ReadStep {
				t.Errorf("%s: Read: %v bytes, error %v", s.Name(), bytes, err)
			}
		}
		for name, call := range map[string]func() error{
			"FMAPeak":          func() error { _, err := s.FMAPeak(make([]float32, 15), 1); return err },
			"FMAPeakMemory":    func() error { _, err := s.FMAPeakMemory(make([]float32, 16), make([]float32, 191), 1); return err },
			"FMAPeakBroadcast": func() error { _, err := s.FMAPeakBroadcast(make([]float32, 16), make([]float32, 192), 0); return err },
			"Read":             func() error { _, err := s.Read(make([]float32, 255), 1); return err },
		} {
			if err := call(); !errors.Is(err, ErrLength) {
				t.Errorf("%s: %s: expected ErrLength, got %v", s.Name(), name, err)
			}
		}
	}
}

// TestExtensions: each runs, or says that the machine lacks it.
func TestExtensions(t *testing.T) {
	for name, call := range map[string]func(int) (float64, error){"Clock": Clock, "VNNIPeak": VNNIPeak, "BF16Peak": BF16Peak} {
		if n, err := call(3); err == nil && n <= 0 || err != nil && !errors.Is(err, ErrISA) {
			t.Errorf("%s: %v, error %v", name, n, err)
		}
		if _, err := call(0); !errors.Is(err, ErrLength) {
			t.Errorf("%s: no iterations: expected ErrLength, got %v", name, err)
		}
	}
}
