package weights

import (
	"github.com/kernelet/kernelet/internal/onnx"
)

func readONNX(content []byte) ([]tensor, []string, error) {
	graph, err := onnx.Read(content)
	if err != nil {
		return nil, nil, err
	}
	var tensors []tensor
	for _, w := range graph.Weights {
		t := tensor{name: w.Name, shape: w.Shape, channelsLast: graph.ChannelsLast}
		if t.values, err = decodeFloats(w.Type, w.Data); err != nil {
			return nil, nil, err
		}
		tensors = append(tensors, t)
	}
	return tensors, nil, nil
}
