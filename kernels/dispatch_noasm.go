//go:build !amd64 || purego

package kernels

func generated(string) *Set { return nil }
