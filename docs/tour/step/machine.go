package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/kernelet/kernelet/kernels"
)

// assemblyStep counts instructions of the direct convolution's inner loop.
func assemblyStep(set *kernels.Set) ([]figure, error) {
	name := set.Name()
	if name == "generic" {
		name = "avx2"
	}
	content, err := os.ReadFile("asm/" + name + "/direct_amd64.s")
	if err != nil {
		return nil, err
	}
	_, function, _ := strings.Cut(string(content), "TEXT ·Conv2DirectReLUPool16(SB)")
	_, loop, found := strings.Cut(function, "\ninput2:\n")
	loop, _, ended := strings.Cut(loop, "\n\tJNZ ")
	if !found || !ended {
		return nil, fmt.Errorf("asm/%s/direct_amd64.s: expected the loop input2 in Conv2DirectReLUPool16, got none", name)
	}
	products, loads, all := 0, 0, 0
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
	return []figure{
		{"instructions of the inner loop, all 25 taps", float64(all), ""},
		{"of them fused multiply-adds", float64(products), ""},
		{"of them loads and broadcasts", float64(loads), ""},
		{"share of multiply-adds", 100 * float64(products) / float64(all), "%"},
	}, nil
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
