package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/kernelet/kernelet/kernels"
)

// inputLoop is the label of a loop over inputs. Its number says how many labels of
// its function come before it, which is not the same on all instruction sets.
var inputLoop = regexp.MustCompile(`\ninput[0-9]+:\n`)

// assemblyStep counts instructions of the direct convolution's inner loop.
func assemblyStep(set *kernels.Set) ([]figure, error) {
	name := set.Name()
	if name == "generic" {
		name = "avx2"
	}
	file := "asm/" + name + "/direct_amd64.s"
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	all, products, loads, err := countInstructions(string(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return []figure{
		{"instructions of the inner loop, all 25 taps", float64(all), ""},
		{"of them fused multiply-adds", float64(products), ""},
		{"of them loads and broadcasts", float64(loads), ""},
		{"share of multiply-adds", 100 * float64(products) / float64(all), "%"},
	}, nil
}

// countInstructions counts in the loop over inputs of Conv2DirectReLUPool16: all, fused
// multiply-adds, and loads.
func countInstructions(assembly string) (all, products, loads int, err error) {
	_, function, _ := strings.Cut(assembly, "TEXT ·Conv2DirectReLUPool16(SB)")
	label := inputLoop.FindStringIndex(function)
	if label == nil {
		return 0, 0, 0, errors.New("expected a loop input in Conv2DirectReLUPool16, got none")
	}
	loop, _, ended := strings.Cut(function[label[1]:], "\n\tJNZ ")
	if !ended {
		return 0, 0, 0, errors.New("expected a jump at the end of the loop input in Conv2DirectReLUPool16, got none")
	}
	for line := range strings.Lines(loop) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "//" {
			continue
		}
		all++
		switch fields[0] {
		case "VFMADD231PS", "VFMADD231PS.BCST":
			products++
		case "VMOVUPS", "VBROADCASTSS":
			loads++
		}
	}
	return all, products, loads, nil
}

// dispatchStep says what this CPU offers, and how fast each set computes.
func dispatchStep(*kernels.Set) ([]figure, error) {
	fmt.Printf("  sets that can run: %s\n  features: %s\n", strings.Join(kernels.Available(), ", "), strings.Join(kernels.Features(), ", "))
	var figures []figure
	for _, name := range kernels.Available() {
		set, err := kernels.Select(name)
		if err != nil {
			return nil, err
		}
		us, err := kernelTimes(set, "Conv2DirectReLUPool")
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{"conv2 by direct sums, " + name, us[0], "µs/image"})
	}
	return figures, nil
}

// testsStep counts what the tests range over, and shows that a missing
// instruction set is an error.
func testsStep(*kernels.Set) ([]figure, error) {
	names := map[string]bool{}
	for _, c := range kernels.Cases() {
		names[c.Kernel] = true
	}
	if _, err := kernels.Select("sse9"); err == nil {
		return nil, fmt.Errorf("an instruction set that does not exist was selected")
	}
	return []figure{
		{"kernels with a case", float64(len(names)), ""},
		{"cases", float64(len(kernels.Cases())), ""},
		{"cases on every instruction set of this machine", float64(len(kernels.Cases()) * len(kernels.Available())), ""},
	}, nil
}
