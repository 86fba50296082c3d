package isa

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// V is a vector register.
type V = reg.VecVirtual

// LoadVector returns a register with the vector at m, or with its lower eight
// lanes from the first and its upper eight from the second of two places.
func (k *Kernel) LoadVector(m ...operand.Mem) V {
	v := k.Vector()
	if len(m) == 1 {
		k.VMOVUPS(m[0], v)
		return v
	}
	k.VBROADCASTF32X8(m[0], v) // to both halves, since avo would take an unwritten half for live
	k.VINSERTF32X8(operand.U8(1), m[1], v, v)
	return v
}

// StoreVector writes a vector to m, or its halves to two places.
func (k *Kernel) StoreVector(v V, m ...operand.Mem) {
	if len(m) == 1 {
		k.VMOVUPS(v, m[0])
		return
	}
	k.VMOVUPS(v.AsY(), m[0])
	k.VEXTRACTF32X8(operand.U8(1), v, m[1])
}

// Copy returns a register with the value of x.
func (k *Kernel) Copy(x V) V {
	v := k.Vector()
	k.VMOVAPS(x, v)
	return v
}

// Zero returns a register of zeros. VXORPS, unlike VPXORD, is known to avo as
// not reading its operand.
func (k *Kernel) Zero() V {
	v := k.Vector()
	k.VXORPS(v, v, v)
	return v
}

// Broadcast returns a register with the float32 at m in every lane.
func (k *Kernel) Broadcast(m operand.Mem) V {
	v := k.Vector()
	k.VBROADCASTSS(m, v)
	return v
}

// BroadcastParameter returns a register with a float32 parameter in every lane.
func (k *Kernel) BroadcastParameter(name string) V {
	parameter, err := k.Param(name).Resolve()
	if err != nil {
		panic(fmt.Sprintf("%s: parameter %s: %v", k.Name, name, err))
	}
	return k.Broadcast(parameter.Addr)
}

// Splat returns a register with a constant in every lane.
func (k *Kernel) Splat(value float32) V { return k.Broadcast(k.Constant(value)) }

// Add returns x + y; y is a register or a vector in memory.
func (k *Kernel) Add(x V, y operand.Op) V {
	v := k.Vector()
	k.VADDPS(y, x, v)
	return v
}

// Subtract returns x − y; y is a register or a vector in memory.
func (k *Kernel) Subtract(x V, y operand.Op) V {
	v := k.Vector()
	k.VSUBPS(y, x, v)
	return v
}

// Max returns the larger of x and y per lane, and y where either is NaN or
// both are zeros.
func (k *Kernel) Max(x V, y operand.Op) V {
	v := k.Vector()
	k.VMAXPS(y, x, v)
	return v
}

// Multiply returns c·x for a constant c.
func (k *Kernel) Multiply(c float32, x V) V {
	v := k.Vector()
	if k.Target.Masks {
		k.VMULPS_BCST(k.Constant(c), x, v)
	} else {
		k.VMULPS(k.Constant(c), x, v)
	}
	return v
}

// MultiplyAdd lets sum = sum + c·x for a constant c, rounded once.
func (k *Kernel) MultiplyAdd(sum V, c float32, x V) {
	if k.Target.Masks {
		k.VFMADD231PS_BCST(k.Constant(c), x, sum)
	} else {
		k.VFMADD231PS(k.Constant(c), x, sum)
	}
}

// MultiplySubtract lets sum = sum − c·x for a constant c, rounded once.
func (k *Kernel) MultiplySubtract(sum V, c float32, x V) {
	if k.Target.Masks {
		k.VFNMADD231PS_BCST(k.Constant(c), x, sum)
	} else {
		k.VFNMADD231PS(k.Constant(c), x, sum)
	}
}

// MultiplyMinus lets sum = c·x − sum for a constant c, rounded once.
func (k *Kernel) MultiplyMinus(sum V, c float32, x V) {
	if k.Target.Masks {
		k.VFMSUB231PS_BCST(k.Constant(c), x, sum)
	} else {
		k.VFMSUB231PS(k.Constant(c), x, sum)
	}
}

// Products adds w·x[i] to each sum[i], w being one float32 in memory: with a
// broadcast memory operand where the target has them and w is used once, else
// through a register, since loads can be scarcer than instructions (Zen 5: two
// a cycle, like the products).
func (k *Kernel) Products(w operand.Mem, x, sum []V) {
	if k.Target.Masks && len(sum) == 1 {
		k.VFMADD231PS_BCST(w, x[0], sum[0])
		return
	}
	b := k.Broadcast(w)
	for i := range sum {
		k.VFMADD231PS(b, x[i], sum[i])
	}
}

// Scaled returns w·x, w being one float32 in memory.
func (k *Kernel) Scaled(w operand.Mem, x V) V {
	if k.Target.Masks {
		v := k.Vector()
		k.VMULPS_BCST(w, x, v)
		return v
	}
	v := k.Broadcast(w)
	k.VMULPS(x, v, v)
	return v
}
