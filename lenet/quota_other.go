//go:build !linux

package lenet

import "math"

// quota is unlimited: other systems have no control groups.
func quota() int { return math.MaxInt }
