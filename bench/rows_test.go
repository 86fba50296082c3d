package bench

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/kernels"
)

// BenchmarkRows are the ceilings and the whole network, as kernelet bench
// measures them; the kernels' rows are those of package kernels.
func BenchmarkRows(b *testing.B) {
	var sets []*kernels.Set
	for _, name := range kernels.Available() {
		s, err := kernels.Select(name)
		if err != nil {
			b.Fatal(err)
		}
		sets = append(sets, s)
	}
	chosen, err := kernels.Select("")
	if err != nil {
		b.Fatal(err)
	}
	whole, closeAll, err := wholeMeasurements(context.Background(), chosen, runtime.GOMAXPROCS(0))
	defer closeAll()
	if err != nil {
		b.Fatal(err)
	}
	for _, m := range append(ceilings(sets, chosen, runtime.GOMAXPROCS(0)), whole...) {
		name := strings.NewReplacer(" ", "-", ",", "").Replace(m.row.Name)
		if m.row.ISA != "" {
			name += "/isa=" + m.row.ISA
		}
		if m.row.Batch > 0 {
			name += fmt.Sprintf("/batch=%d", m.row.Batch)
		}
		b.Run(fmt.Sprintf("%s/threads=%d", name, m.row.Threads), func(b *testing.B) {
			m.latencies = m.latencies[:0]
			work, err := m.run(b.N)
			if err != nil {
				b.Fatal(err)
			}
			switch seconds := b.Elapsed().Seconds(); {
			case m.row.rate():
				b.ReportMetric(work/seconds/1e9, m.row.Unit)
			case m.row.Unit == "µs/image":
				b.ReportMetric(seconds/work*1e6, m.row.Unit)
			}
		})
	}
}
