// Package kernelet is the root of the module; see lenet for the network,
// mnist for the data, kernels for what computes, and cmd/kernelet for the
// command.
package kernelet

//go:generate go run -C gen . ..
