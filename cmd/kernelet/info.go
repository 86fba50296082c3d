package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"

	"github.com/kernelet/kernelet"
	"github.com/kernelet/kernelet/kernels"
)

type infoCommand struct{}

// Run prints what was found and what was chosen.
func (infoCommand) Run(e *environment) error {
	chosen, err := kernels.Select("")
	if err != nil {
		return err
	}
	cpu := cpuid.CPU
	name := cpu.BrandName
	if name == "" {
		name = runtime.GOARCH
	}
	fmt.Fprintf(e.stdout, "kernelet  %s, %s %s/%s\n", kernelet.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(e.stdout, "cpu       %s, %d threads in use\n", name, runtime.GOMAXPROCS(0))
	if cpu.Cache.L1D > 0 {
		fmt.Fprintf(e.stdout, "caches    L1 %d KiB, L2 %d KiB, L3 %d KiB\n", cpu.Cache.L1D>>10, cpu.Cache.L2>>10, max(0, cpu.Cache.L3)>>10)
	}
	fmt.Fprintf(e.stdout, "features  %s\n", strings.Join(kernels.Features(), " "))
	for _, n := range kernels.Names() {
		state := "not available"
		if slices.Contains(kernels.Available(), n) {
			state = "available"
		}
		if n == chosen.Name() {
			state = "chosen"
		}
		fmt.Fprintf(e.stdout, "kernels   %-8s %s\n", n, state)
	}
	return nil
}
