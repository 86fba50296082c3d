package bench

import (
	"context"
	"math"
	"os"
	"testing"
	"time"

	"github.com/kernelet/kernelet/kernels"
)

// TestStallOfKernels prints what a stall of 5 ms in the first call of every kernel
// changes of its row, beside what a control changes, the same measurement
// without a stall: all three in turn, on the same memory.
//
//	KERNELET_STALL=1 go test -run TestStallOfKernels -v ./bench
func TestStallOfKernels(t *testing.T) {
	if os.Getenv("KERNELET_STALL") == "" {
		t.Skip("set KERNELET_STALL on a quiet machine")
	}
	set, err := kernels.Select("")
	if err != nil {
		t.Fatal(err)
	}
	const limit = 0.02
	within := map[string]int{}
	plain := kernelMeasurements([]*kernels.Set{set})
	for _, m := range plain {
		stalled, control := *m, *m
		first := true
		stalled.run = func(n int) (float64, error) {
			if first {
				first = false
				time.Sleep(5 * time.Millisecond)
			}
			return m.run(n)
		}
		if err := measure(context.Background(), []*measurement{m, &stalled, &control}, 10*time.Millisecond, 45); err != nil {
			t.Fatal(err)
		}
		m.finish()
		line := []float64{}
		for name, other := range map[string]*measurement{"stall": &stalled, "control": &control} {
			other.finish()
			best, median := other.row.Best/m.row.Best-1, other.row.Value/m.row.Value-1
			if math.Abs(best) <= limit && math.Abs(median) <= limit {
				within[name]++
			}
			if name == "stall" {
				line = append([]float64{100 * best, 100 * median}, line...)
			} else {
				line = append(line, 100*best, 100*median)
			}
		}
		t.Logf("%-32s stall: best %+5.1f %%, median %+5.1f %%   control: %+5.1f %%, %+5.1f %%", m.row.Name, line[0], line[1], line[2], line[3])
	}
	t.Logf("within 2 %% in both: %d of %d rows with the stall, %d of the control", within["stall"], len(plain), within["control"])
}
