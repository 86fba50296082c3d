// Package mnist reads, verifies, fetches and synthesises the MNIST digits.
//
// An image is 28×28 bytes, row by row from the top, 0 for background and 255
// for ink; images follow one another without anything between. A label is a
// byte from 0 to 9.
//
//   - Load returns training and test set: from a folder, which may hold any set
//     of MNIST's form, such as Fashion-MNIST, from the cache, or fetched.
//   - Open reads a set in any usual form: IDX under all names, NumPy, CSV,
//     pictures by class, archives of them; RegisterFormat adds forms, and package
//     mnist/pictures the reading of pictures.
//   - Locate says where Load would find the files, without fetching.
//   - Synthetic draws digits, for tests and for trying things out.
//   - ReadImages and ReadLabels read single IDX files, plain or compressed;
//     WriteImages and WriteLabels write them.
//
// Files and pictures may come from anybody: what is damaged, lies about its
// size or is too large gives an error that wraps ErrFormat or ErrImage, at a
// cost in time and memory that has a bound.
//
// The package touches the files of a data folder and of the user's cache
// folder. The network and the go command are used by Load alone, when it is
// given no folder and the cache lacks a file.
package mnist
