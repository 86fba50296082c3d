// Package mnist reads, verifies, fetches and synthesises the MNIST digits.
//
// It touches the files of a data folder and of the user's cache folder, and
// the network only when the data is in neither.
package mnist
