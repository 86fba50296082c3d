package picture_test

import (
	"image"
	"testing"

	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/picture"
)

// TestPrepareAllocatesNothing: memory is reused.
func TestPrepareAllocatesNothing(t *testing.T) {
	m := sheets[0].draw(mnist.Synthetic(1, 3).Images, 1)
	allocations := testing.AllocsPerRun(20, func() {
		if _, err := picture.Prepare(m); err != nil {
			t.Fatal(err)
		}
	})
	// Now and then the collector takes memory from the pool.
	if allocations > 2 {
		t.Errorf("expected at most 2 allocations, got %v", allocations)
	}
}

func BenchmarkPrepare(b *testing.B) {
	small := sheets[0].draw(mnist.Synthetic(1, 3).Images, 1)
	large := image.NewYCbCr(image.Rect(0, 0, 4000, 3000), image.YCbCrSubsampleRatio420)
	for i := range large.Y {
		large.Y[i] = small.Pix[(i/4000*280/3000)*280+i%4000*280/4000]
	}
	rgba := image.NewNRGBA(image.Rect(0, 0, 4000, 3000))
	for i := range large.Y {
		v := large.Y[i]
		copy(rgba.Pix[4*i:], []uint8{v, v, v, 255})
	}
	for name, m := range map[string]image.Image{"280x280": small, "12MP-YCbCr": large, "12MP-NRGBA": rgba} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := picture.Prepare(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
