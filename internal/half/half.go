// Package half converts between float32 and the two 16-bit floating-point
// formats: IEEE 754's binary16, and bfloat16, the upper half of a float32.
package half

import "math"

// FromFloat16 widens a binary16 value, exactly.
func FromFloat16(bits uint16) float32 {
	sign := uint32(bits&0x8000) << 16
	exponent, fraction := uint32(bits>>10)&0x1f, uint32(bits&0x3ff)
	switch exponent {
	case 0: // zero and subnormal numbers: a multiple of 2⁻²⁴
		value := float32(fraction) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(value) | sign)
	case 0x1f: // infinity and NaN
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// ToFloat16 rounds to the nearest binary16 value, ties to even; what is too
// large becomes infinity.
func ToFloat16(value float32) uint16 {
	bits := math.Float32bits(value)
	sign := uint16(bits>>16) & 0x8000
	bits &= 0x7fffffff
	switch {
	case bits > 0x7f800000: // NaN
		return sign | 0x7e00
	case bits >= 0x477ff000: // rounds to 2¹⁶ or more
		return sign | 0x7c00
	case bits < 0x38800000: // below 2⁻¹⁴: subnormal, a multiple of 2⁻²⁴
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(bits))*(1<<24)))
	}
	bits -= (127 - 15) << 23
	return sign | uint16((bits+0xfff+bits>>13&1)>>13)
}

// FromBFloat16 widens a bfloat16 value, exactly.
func FromBFloat16(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }
