package lenet

import "runtime"

// processors is the number of processors that the process may use: GOMAXPROCS,
// which follows the affinity mask, but no more than the quota of its control
// group, rounded up. GOMAXPROCS alone is 2 for a quota of less than one. Tests
// replace it.
var processors = func() int {
	return max(1, min(runtime.GOMAXPROCS(0), quota()))
}
