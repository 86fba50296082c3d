//go:build !linux

package bench

// allowed are as many processors as the process may use, without numbers.
func allowed() []int { return unnamed() }

// bind does nothing: there is no such call on this system.
func bind(int) {}
