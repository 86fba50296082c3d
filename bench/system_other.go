//go:build !linux

package bench

import "time"

// allowed are as many processors as the process may use, without numbers.
func allowed() []int { return unnamed() }

// bind does nothing: there is no such call on this system.
func bind(int) {}

// processorTime is unknown.
func processorTime() time.Duration { return 0 }

// threadTime is unknown.
func threadTime() time.Duration { return 0 }
