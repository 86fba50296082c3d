package lenet

// part is an array that an arena is carved into.
type part struct {
	target *[]float32
	length int
}

// reserved is what is set aside for the part: a multiple of 64 bytes.
func (p part) reserved() int { return (p.length + 15) / 16 * 16 }

// reservedFor is the number of float32 that are set aside for parts.
func reservedFor(parts []part) (n int) {
	for _, p := range parts {
		n += p.reserved()
	}
	return n
}

// allocate carves one arena into parts, each at a multiple of 64 bytes.
// release hands the memory of all of them back.
func allocate(parts []part) (release func(), err error) {
	memory, release, err := newArena(reservedFor(parts))
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		*p.target = memory[:p.length:p.length]
		memory = memory[p.reserved():]
	}
	return release, nil
}
