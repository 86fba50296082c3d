package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrFormat is wrapped by every error about the content of a model.
var ErrFormat = errors.New("not an ONNX model of this network")

// Weight is an initializer.
type Weight struct {
	Name  string
	Type  string // F16, BF16, F32, F64, or I64 for integers, which are no weights
	Shape []int
	Data  []byte // elements, little-endian
}

// Graph is what is read of a model.
type Graph struct {
	Weights []Weight
	// ChannelsLast: the graph brings channels to the end before fc1, as
	// TensorFlow's models do.
	ChannelsLast bool
}

// Bounds of a graph.
const (
	maxNodes  = 1000
	maxFields = 100_000
)

// weightTypes are the element types of ONNX that weights have.
var weightTypes = map[uint64]string{1: "F32", 10: "F16", 11: "F64", 16: "BF16", 7: "I64", 6: "I64", 9: "I64"}

// Layers of the network, and operations that change no value, or the last ones
// after the logits.
var (
	layers  = []string{"Conv", "Relu", "MaxPool", "Conv", "Relu", "MaxPool", "MatMul", "Relu", "MatMul"}
	neutral = []string{"Flatten", "Reshape", "Transpose", "Add", "Identity", "Constant", "Cast", "Dropout", "Squeeze", "Unsqueeze", "Shape", "Gather", "Concat", "Slice"}
	last    = []string{"Softmax", "LogSoftmax"}
)

// Read reads the weights of a model, and refuses one whose operations are not
// this network's.
func Read(content []byte) (Graph, error) {
	g, err := readModel(content)
	if err != nil {
		return Graph{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return g, nil
}

// fields calls use with every field of a message: integer for varints, bytes
// for what has a length.
func fields(message []byte, use func(field protowire.Number, integer uint64, content []byte) error) error {
	for range maxFields {
		if len(message) == 0 {
			return nil
		}
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		var integer uint64
		var content []byte
		switch kind {
		case protowire.VarintType:
			integer, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			content, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(field, kind, message)
			if n > 0 {
				content = message[:n]
			}
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if err := use(field, integer, content); err != nil {
			return err
		}
	}
	return fmt.Errorf("expected at most %d fields", maxFields)
}

func readModel(content []byte) (g Graph, err error) {
	var graph []byte
	if err := fields(content, func(field protowire.Number, _ uint64, content []byte) error {
		if field == modelGraph {
			graph = content
		}
		return nil
	}); err != nil {
		return g, err
	}
	if graph == nil {
		return g, errors.New("a graph is missing")
	}
	var operations []string
	err = fields(graph, func(field protowire.Number, _ uint64, content []byte) error {
		switch field {
		case graphNode:
			n, err := readNode(content)
			if err != nil {
				return err
			}
			if operations = append(operations, n.operation); len(operations) > maxNodes {
				return fmt.Errorf("expected at most %d nodes", maxNodes)
			}
			g.ChannelsLast = g.ChannelsLast || n.operation == "Transpose" && slices.Equal(n.ints["perm"], []int64{0, 2, 3, 1}) && slices.Contains(operations, "Conv")
			return n.check()
		case graphInitializer:
			w, err := readTensor(content)
			if err != nil {
				return err
			}
			g.Weights = append(g.Weights, w)
		}
		return nil
	})
	if err == nil {
		err = checkOperations(operations)
	}
	return g, err
}

// checkOperations compares the order of the operations that matter.
func checkOperations(operations []string) error {
	var found []string
	for _, o := range operations {
		switch {
		case o == "Gemm":
			found = append(found, "MatMul")
		case slices.Contains(layers, o):
			found = append(found, o)
		case slices.Contains(last, o):
			if len(found) < len(layers) {
				return fmt.Errorf("%s before the last layer", o)
			}
		case !slices.Contains(neutral, o):
			return fmt.Errorf("operation %s is not part of it", o)
		}
	}
	// ReLU and the maximum of a pool may change places.
	plain := func(list []string) string {
		return strings.ReplaceAll(strings.Join(list, " → "), "MaxPool → Relu", "Relu → MaxPool")
	}
	if got, want := plain(found), plain(layers); got != want {
		return fmt.Errorf("operations: expected %s, got %s", want, got)
	}
	return nil
}

// operation is what is read of a node.
type operation struct {
	operation string
	ints      map[string][]int64
	texts     map[string]string
}

func readNode(content []byte) (n operation, err error) {
	n.ints, n.texts = map[string][]int64{}, map[string]string{}
	err = fields(content, func(field protowire.Number, _ uint64, content []byte) error {
		switch field {
		case nodeType:
			n.operation = string(content)
		case nodeAttribute:
			var name, text string
			var values []int64
			err := fields(content, func(field protowire.Number, integer uint64, content []byte) error {
				switch field {
				case attributeName:
					name = string(content)
				case attributeInt:
					values = append(values, int64(integer))
				case attributeText:
					text = string(content)
				case attributeInts:
					if content == nil {
						values = append(values, int64(integer))
					}
					for len(content) > 0 { // packed
						v, size := protowire.ConsumeVarint(content)
						if size < 0 {
							return protowire.ParseError(size)
						}
						values, content = append(values, int64(v)), content[size:]
					}
				}
				return nil
			})
			n.ints[name], n.texts[name] = values, text
			return err
		}
		return nil
	})
	return n, err
}

// attributeText is the field number of an attribute's text.
const attributeText = 4

// check refuses a convolution or pool of another size or place.
func (n operation) check() error {
	want := map[string]map[string]int64{
		"Conv":    {"kernel_shape": 5, "strides": 1, "pads": 0, "dilations": 1, "group": 1},
		"MaxPool": {"kernel_shape": 2, "strides": 2, "pads": 0, "dilations": 1, "ceil_mode": 0},
	}[n.operation]
	for name, value := range want {
		for _, v := range n.ints[name] {
			if v != value {
				return fmt.Errorf("%s: %s: expected %d, got %d", n.operation, name, value, v)
			}
		}
	}
	if n.operation == "MaxPool" && n.ints["strides"] == nil {
		return errors.New("strides of MaxPool: expected 2, got none, which is 1")
	}
	if pad := n.texts["auto_pad"]; strings.HasPrefix(pad, "SAME") && n.operation == "Conv" {
		return fmt.Errorf("auto_pad of Conv: expected VALID, got %s", pad)
	}
	return nil
}

// Fields of a tensor that this package does not write.
const (
	tensorFloats, tensorInts32, tensorDoubles, tensorExternal, tensorLocation = 4, 5, 10, 13, 14
)

func readTensor(content []byte) (w Weight, err error) {
	var kind uint64
	w.Data = []byte{}
	err = fields(content, func(field protowire.Number, integer uint64, content []byte) error {
		switch field {
		case tensorDimension:
			dimensions := []uint64{integer}
			if content != nil { // packed
				dimensions = nil
				for len(content) > 0 {
					v, size := protowire.ConsumeVarint(content)
					if size < 0 {
						return protowire.ParseError(size)
					}
					dimensions, content = append(dimensions, v), content[size:]
				}
			}
			for _, d := range dimensions {
				if d > math.MaxInt32 || len(w.Shape) == 8 {
					return errors.New("dims: expected at most 8 below 2^31")
				}
				w.Shape = append(w.Shape, int(d))
			}
		case tensorType:
			kind = integer
		case tensorName:
			w.Name = string(content)
		case tensorRaw:
			w.Data = slices.Clip(content)
		case tensorFloats, tensorDoubles:
			w.Data = append(w.Data, content...)
		case tensorExternal:
			return errors.New("its data are in another file: export with external_data=False, or onnx.save(onnx.load(path), path)")
		case tensorLocation:
			if integer == 1 {
				return errors.New("its data are in another file: export with external_data=False, or onnx.save(onnx.load(path), path)")
			}
		case tensorInts32: // of two bytes each for float16
			for len(content) > 0 {
				v, size := protowire.ConsumeVarint(content)
				if size < 0 {
					return protowire.ParseError(size)
				}
				w.Data, content = binary.LittleEndian.AppendUint16(w.Data, uint16(v)), content[size:]
			}
		}
		return nil
	})
	if err == nil {
		err = w.finish(kind)
	}
	if err != nil {
		return w, fmt.Errorf("initializer %q: %w", w.Name, err)
	}
	return w, nil
}

// finish checks that the data fit the shape.
func (w *Weight) finish(kind uint64) error {
	var ok bool
	if w.Type, ok = weightTypes[kind]; !ok {
		return fmt.Errorf("data_type: expected FLOAT, FLOAT16, BFLOAT16 or DOUBLE, got %d", kind)
	}
	if w.Type == "I64" {
		w.Data = nil
		return nil
	}
	n := map[string]int{"F16": 2, "BF16": 2, "F32": 4, "F64": 8}[w.Type]
	for _, d := range w.Shape {
		if d > 0 && n > len(w.Data)/d {
			return fmt.Errorf("dims: expected a shape of %d bytes, got %v of %s", len(w.Data), w.Shape, w.Type)
		}
		n *= d
	}
	if n != len(w.Data) {
		return fmt.Errorf("dims: expected a shape of %d bytes, got %v of %s", len(w.Data), w.Shape, w.Type)
	}
	return nil
}
