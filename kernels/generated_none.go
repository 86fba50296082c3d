//go:build !amd64 || purego

package kernels

func generated(string) *Set { return nil }

func clock() func(iterations int)    { return nil }
func vnniPeak() func(iterations int) { return nil }
func bf16Peak() func(iterations int) { return nil }
