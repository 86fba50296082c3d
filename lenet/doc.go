// Package lenet is the network for its users: a Model to load, save and hash,
// a Trainer, and a Classifier to embed.
package lenet
