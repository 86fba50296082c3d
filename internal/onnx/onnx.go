// Package onnx writes the network as an ONNX model, for runtimes that read
// that format, and reads the weights of a model of the same graph.
package onnx

import (
	"encoding/binary"
	"io"
	"strconv"

	"github.com/kernelet/kernelet/internal/half"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kernelet/kernelet/lenet"
)

// Versions of the format: the oldest that have all that is used, so that most
// runtimes read it. IR 4 is the first in which weights need not be inputs of the
// graph; operator set 9 has Flatten and Gemm as they are used.
const (
	irVersion    = 4
	opsetVersion = 9
)

// Field numbers and constants of the format's onnx.proto.
const (
	modelIRVersion, modelProducer, modelGraph, modelOpset = 1, 2, 7, 8

	opsetNumber = 2

	graphNode, graphName, graphInitializer, graphDoc, graphInput, graphOutput, graphValueInfo = 1, 2, 5, 10, 11, 12, 13

	nodeInput, nodeOutput, nodeName, nodeType, nodeAttribute = 1, 2, 3, 4, 5

	attributeName, attributeInt, attributeInts, attributeType = 1, 3, 8, 20
	typeInt, typeInts                                         = 2, 7

	tensorDimension, tensorType, tensorName, tensorRaw = 1, 2, 8, 9
	typeFloat, typeFloat16                             = 1, 10

	valueName, valueType           = 1, 2
	typeTensor                     = 1
	tensorElement, tensorShape     = 1, 2
	shapeDimension                 = 1
	dimensionValue, dimensionParam = 1, 2
)

// Names of the graph's input, [batch][1][28][28] values byte/255·2 − 1, and
// output, [batch][10] logits.
const (
	Input  = "images"
	Output = "logits"
)

// node is an operation of the graph; its first input is the output of the node
// before it.
type node struct {
	operation  string
	weights    []string
	attributes []attribute
	shape      []int // of its output, without the batch
}

type attribute struct {
	name   string
	values []int64 // one value: an integer, unless list says otherwise
	list   bool
}

func list(name string, values ...int64) attribute { return attribute{name, values, true} }

var nodes = []node{
	{"Conv", []string{"conv1.weight", "conv1.bias"}, []attribute{list("kernel_shape", 5, 5)}, []int{20, 24, 24}},
	{"Relu", nil, nil, []int{20, 24, 24}},
	{"MaxPool", nil, []attribute{list("kernel_shape", 2, 2), list("strides", 2, 2)}, []int{20, 12, 12}},
	{"Conv", []string{"conv2.weight", "conv2.bias"}, []attribute{list("kernel_shape", 5, 5)}, []int{50, 8, 8}},
	{"Relu", nil, nil, []int{50, 8, 8}},
	{"MaxPool", nil, []attribute{list("kernel_shape", 2, 2), list("strides", 2, 2)}, []int{50, 4, 4}},
	{"Flatten", nil, nil, []int{800}},
	{"Gemm", []string{"fc1.weight", "fc1.bias"}, []attribute{{name: "transB", values: []int64{1}}}, []int{500}},
	{"Relu", nil, nil, []int{500}},
	{"Gemm", []string{"fc2.weight", "fc2.bias"}, []attribute{{name: "transB", values: []int64{1}}}, []int{10}},
}

// Write writes m as an ONNX model of operator set 9. With float16 the weights are
// stored as IEEE 754's binary16, rounded, and widened to float32 by the graph.
func Write(w io.Writer, m *lenet.Model, float16 bool) error {
	var graph message
	suffix := ""
	if float16 {
		suffix = ".float32"
		for _, t := range m.Tensors() {
			cast := node{operation: "Cast", attributes: []attribute{{name: "to", values: []int64{typeFloat}}}}
			graph.message(graphNode, cast.encode(t.Name, t.Name+suffix, ""))
		}
	}
	value := Input
	for i, n := range nodes {
		output := Output
		if i < len(nodes)-1 {
			output = n.output(i)
		}
		graph.message(graphNode, n.encode(value, output, suffix))
		value = output
	}
	graph.text(graphName, "lenet")
	for _, t := range m.Tensors() {
		graph.message(graphInitializer, tensor(t, float16))
	}
	graph.text(graphDoc, "LeNet 20-50-500-10; "+Input+" are byte/255*2 - 1 with 0 for background, "+Output+" come before softmax.")
	graph.message(graphInput, valueInfo(Input, 1, 28, 28))
	graph.message(graphOutput, valueInfo(Output, 10))
	for i, n := range nodes[:len(nodes)-1] {
		graph.message(graphValueInfo, valueInfo(n.output(i), n.shape...))
	}

	var opset, model message
	opset.integer(opsetNumber, opsetVersion)
	model.integer(modelIRVersion, irVersion)
	model.text(modelProducer, "kernelet")
	model.message(modelGraph, graph)
	model.message(modelOpset, opset)
	_, err := w.Write(model)
	return err
}

// output names what node i makes.
func (n node) output(i int) string { return n.operation + strconv.Itoa(i) }

// encode writes a node; suffix ends the names of its weights.
func (n node) encode(input, output, suffix string) message {
	var m message
	m.text(nodeInput, input)
	for _, name := range n.weights {
		m.text(nodeInput, name+suffix)
	}
	m.text(nodeOutput, output)
	m.text(nodeName, output)
	m.text(nodeType, n.operation)
	for _, a := range n.attributes {
		var encoded message
		encoded.text(attributeName, a.name)
		field, kind := protowire.Number(attributeInt), uint64(typeInt)
		if a.list {
			field, kind = attributeInts, typeInts
		}
		for _, v := range a.values {
			encoded.integer(field, uint64(v))
		}
		encoded.integer(attributeType, kind)
		m.message(nodeAttribute, encoded)
	}
	return m
}

func tensor(t lenet.Tensor, float16 bool) message {
	var m message
	for _, d := range t.Shape {
		m.integer(tensorDimension, uint64(d))
	}
	kind, raw := uint64(typeFloat), make([]byte, 4*len(t.Values))
	binary.Encode(raw, binary.LittleEndian, t.Values) // fails only where there is too little room
	if float16 {
		kind, raw = typeFloat16, raw[:0]
		for _, v := range t.Values {
			raw = binary.LittleEndian.AppendUint16(raw, half.ToFloat16(v))
		}
	}
	m.integer(tensorType, kind)
	m.text(tensorName, t.Name)
	m.message(tensorRaw, raw)
	return m
}

// valueInfo describes a value of float32 whose first dimension is the batch,
// of any size.
func valueInfo(name string, dimensions ...int) message {
	var batch, shape, element, kind, m message
	batch.text(dimensionParam, "batch")
	shape.message(shapeDimension, batch)
	for _, d := range dimensions {
		var dimension message
		dimension.integer(dimensionValue, uint64(d))
		shape.message(shapeDimension, dimension)
	}
	element.integer(tensorElement, typeFloat)
	element.message(tensorShape, shape)
	kind.message(typeTensor, element)
	m.text(valueName, name)
	m.message(valueType, kind)
	return m
}

// message is an encoded protobuf message under construction.
type message []byte

func (m *message) integer(field protowire.Number, value uint64) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), value)
}

func (m *message) text(field protowire.Number, value string) {
	*m = protowire.AppendString(protowire.AppendTag(*m, field, protowire.BytesType), value)
}

func (m *message) message(field protowire.Number, value []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), value)
}
