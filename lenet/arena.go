package lenet

// part is an array that an arena is carved into.
type part struct {
	target *[]float32
	length int
}

// allocate carves one arena into parts, each at a multiple of 64 bytes.
// release hands the memory of all of them back.
func allocate(parts []part) (release func(), err error) {
	reserved := func(p part) int { return (p.length + 15) / 16 * 16 }
	length := 0
	for _, p := range parts {
		length += reserved(p)
	}
	memory, release, err := newArena(length)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		*p.target = memory[:p.length:p.length]
		memory = memory[reserved(p):]
	}
	return release, nil
}
