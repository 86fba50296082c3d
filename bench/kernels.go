package bench

import "github.com/kernelet/kernelet/kernels"

// kernelMeasurements are all kernels on all sets: kernels of blocks on 16
// images, others on a batch of 100 or on a single image. The plain Go twins, a
// hundred times slower, are sampled less often.
func kernelMeasurements(sets []*kernels.Set) []*measurement {
	var all []*measurement
	for _, c := range kernels.Cases() {
		if !c.Measured {
			continue
		}
		call := c.Call(1)
		for _, s := range sets {
			m := &measurement{row: Row{Group: "kernel", Name: c.Kernel, ISA: s.Name(), Threads: 1, Unit: "µs/image"},
				dense: c.Dense, executed: c.Executed, touched: c.Touched(), images: c.Work,
				run: func(n int) (float64, error) {
					for range n {
						if err := call(s); err != nil {
							return 0, err
						}
					}
					return float64(n) * c.Work, nil
				}}
			if s.Name() == "generic" {
				m.most = FewestSamples
			}
			all = append(all, m)
		}
	}
	return all
}
