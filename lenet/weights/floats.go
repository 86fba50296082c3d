package weights

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kernelet/kernelet/internal/half"
	"github.com/kernelet/kernelet/internal/safetensors"
)

// decodeFloats turns little-endian numbers of a safetensors type into float32;
// integers, which no weight is, become nil.
func decodeFloats(kind string, data []byte) ([]float32, error) {
	size, ok := map[string]int{safetensors.Float16: 2, safetensors.BFloat16: 2, safetensors.Float32: 4, safetensors.Float64: 8}[kind]
	if !ok {
		return nil, nil
	}
	if len(data)%size != 0 {
		return nil, fmt.Errorf("expected a multiple of %d bytes, got %d", size, len(data))
	}
	values := make([]float32, len(data)/size)
	for i := range values {
		switch at := data[i*size:]; kind {
		case safetensors.Float16:
			values[i] = half.FromFloat16(binary.LittleEndian.Uint16(at))
		case safetensors.BFloat16:
			values[i] = half.FromBFloat16(binary.LittleEndian.Uint16(at))
		case safetensors.Float32:
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(at))
		default:
			values[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(at)))
		}
	}
	return values, nil
}
