package kernels

import "testing"

// TestRanges: a kernel that computes a range of channels, slices or outputs
// computes the same bits in parts, and leaves what is outside its range alone.
func TestRanges(t *testing.T) {
	tested := 0
	for _, c := range Cases() {
		for _, count := range c.arguments {
			if count.Group == 0 {
				continue
			}
			tested++
			// At most five parts, the last one first.
			part := (count.Value/count.Group + 4) / 5 * count.Group
			for _, s := range sets(t) {
				whole, parts := c.filled(4, false, nil), c.filled(4, false, nil)
				c.run(t, s, whole)
				for first := (count.Value - 1) / part * part; first >= 0; first -= part {
					parts.Numbers["first"], parts.Numbers[count.Name] = first, min(part, count.Value-first)
					c.run(t, s, parts)
				}
				for _, a := range c.arguments {
					if at := difference(a, whole, parts); a.Output && at >= 0 {
						t.Errorf("%s/%s: %s%s: expected %v, in parts %v", c.Name(), s.Name(), a.Name, a.layout.At(at),
							element(a, whole, at), element(a, parts, at))
					}
				}
			}
		}
	}
	if tested < 20 {
		t.Errorf("expected at least 20 cases with a range, got %d", tested)
	}
}
