package bench

import (
	"context"
	"fmt"
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
	withStall, ofControl := 0, 0 // rows within the limit
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
		compare := func(other *measurement, count *int) string {
			other.finish()
			best, median := other.row.Best/m.row.Best-1, other.row.Value/m.row.Value-1
			if math.Abs(best) <= limit && math.Abs(median) <= limit {
				*count++
			}
			return fmt.Sprintf("best %+5.1f %%, median %+5.1f %%", 100*best, 100*median)
		}
		t.Logf("%-32s stall: %s   control: %s", m.row.Name, compare(&stalled, &withStall), compare(&control, &ofControl))
	}
	t.Logf("within 2 %% in both: %d of %d rows with the stall, %d of the control", withStall, len(plain), ofControl)
}
