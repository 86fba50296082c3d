package picture

import "testing"

// TestFlatten: what a row has in common goes, however dark it is, and a stroke
// beside it stays.
func TestFlatten(t *testing.T) {
	const size = 60
	for _, level := range []uint8{40, 169, 171, 255} {
		ink := plane{size, size, make([]uint8, size*size)}
		for x := range size {
			ink.values[30*size+x] = level
		}
		ink.values[10*size+20] = 200
		var r ruler
		if n := r.flatten(&ink, 10); n != 1 {
			t.Errorf("a line of %d: expected one, got %d", level, n)
		}
		for at, v := range ink.values {
			want := uint8(0)
			if at == 10*size+20 {
				want = 200
			}
			if v != want {
				t.Fatalf("a line of %d: row %d, column %d: expected %d, got %d", level, at/size, at%size, want, v)
			}
		}
	}
}
