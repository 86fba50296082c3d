package reduce

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
)

// Columns are those of a tile, which Tile stores together.
const Columns = 4

// Tile computes rows × Columns sums over the 16 lanes of blocks. AVX-512 holds
// all of them; AVX2 holds the lower lanes and then the upper ones, of half of
// the columns at a time, and keeps them on the stack.
type Tile struct {
	k       *isa.Kernel
	rows    int
	scratch reg.GPVirtual
}

// NewTile reserves a tile's memory.
func NewTile(k *isa.Kernel, rows int) Tile {
	t := Tile{k: k, rows: rows}
	if t.parts() > 1 {
		t.scratch = k.Scratch(rows * Columns * t.parts() * k.Bytes())
	}
	return t
}

// parts is the number of vectors of 16 lanes.
func (t Tile) parts() int { return 16 / t.k.Lanes }

// Sum lets accumulate add up parts of the tile, whose accumulators it gets as
// zeros: a vector of 16 lanes, which part counts, of held columns from column
// first on. Then it stores each row's lane sums at two places, two adjacent
// float32 each.
func (t Tile) Sum(accumulate func(part, first, held int, sums [][]isa.V), to func(row int) [2]operand.Mem) {
	k, held := t.k, Columns/t.parts()
	sums := make([][Columns]isa.V, t.rows)
	for part := range t.parts() {
		for first := 0; first < Columns; first += held {
			accumulators := make([][]isa.V, t.rows)
			for r := range accumulators {
				for range held {
					accumulators[r] = append(accumulators[r], k.Zero())
				}
			}
			accumulate(part, first, held, accumulators)
			for r := range accumulators {
				for i, v := range accumulators[r] {
					if t.parts() == 1 {
						sums[r][first+i] = Halves(k, v)
					} else {
						k.StoreVector(v, t.at(r, first+i, part))
					}
				}
			}
		}
	}
	k.Comment("the sums of the lanes")
	for r := 0; r < t.rows; r += 2 {
		var rows [][Columns]isa.V
		var places [][2]operand.Mem
		for i := r; i < min(r+2, t.rows); i++ {
			if t.parts() > 1 {
				for c := range Columns {
					sums[i][c] = k.Add(k.LoadVector(t.at(i, c, 0)), t.at(i, c, 1))
				}
			}
			rows = append(rows, sums[i])
			places = append(places, to(i))
		}
		Row(k, rows, places)
	}
}

// at is where a part of a sum is kept.
func (t Tile) at(row, column, part int) operand.Mem {
	return isa.At(t.scratch, ((row*Columns+column)*t.parts()+part)*t.k.Bytes())
}
