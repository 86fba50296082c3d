package main

import "slices"

// all is the list of mutants.
func all() []mutant { return slices.Concat(generators, twins, network, files, failures, users) }
