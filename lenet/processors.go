package lenet

import (
	"math"
	"runtime"

	"github.com/kernelet/kernelet/internal/quota"
)

// processors is the number of processors that the process may use: GOMAXPROCS,
// which follows the affinity mask, but no more than the quota of its control
// group, rounded up. GOMAXPROCS alone is 2 for a quota of less than one. Tests
// replace it.
var processors = func() int {
	return int(max(1, math.Ceil(min(float64(runtime.GOMAXPROCS(0)), quota.Processors()))))
}
