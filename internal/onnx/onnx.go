// Package onnx writes the network as an ONNX model, for runtimes that read
// that format. It reads a lenet.Model and touches nothing else.
package onnx

import (
	"encoding/binary"
	"io"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kernelet/kernelet/lenet"
)

// Versions of the format: the oldest that have all that is used, so that most
// runtimes read it.
const (
	irVersion    = 8
	opsetVersion = 13
)

// Field numbers and constants of the format's onnx.proto.
const (
	modelIRVersion, modelProducer, modelGraph, modelOpset = 1, 2, 7, 8

	opsetNumber = 2

	graphNode, graphName, graphInitializer, graphDoc, graphInput, graphOutput = 1, 2, 5, 10, 11, 12

	nodeInput, nodeOutput, nodeName, nodeType, nodeAttribute = 1, 2, 3, 4, 5

	attributeName, attributeInt, attributeInts, attributeType = 1, 3, 8, 20
	typeInt, typeInts                                         = 2, 7

	tensorDimension, tensorType, tensorName, tensorRaw = 1, 2, 8, 9
	typeFloat                                          = 1

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
}

type attribute struct {
	name   string
	values []int64 // one value: an integer, unless list says otherwise
	list   bool
}

func list(name string, values ...int64) attribute { return attribute{name, values, true} }

var nodes = []node{
	{"Conv", []string{"conv1.weight", "conv1.bias"}, []attribute{list("kernel_shape", 5, 5)}},
	{"Relu", nil, nil},
	{"MaxPool", nil, []attribute{list("kernel_shape", 2, 2), list("strides", 2, 2)}},
	{"Conv", []string{"conv2.weight", "conv2.bias"}, []attribute{list("kernel_shape", 5, 5)}},
	{"Relu", nil, nil},
	{"MaxPool", nil, []attribute{list("kernel_shape", 2, 2), list("strides", 2, 2)}},
	{"Flatten", nil, nil},
	{"Gemm", []string{"fc1.weight", "fc1.bias"}, []attribute{{name: "transB", values: []int64{1}}}},
	{"Relu", nil, nil},
	{"Gemm", []string{"fc2.weight", "fc2.bias"}, []attribute{{name: "transB", values: []int64{1}}}},
}

// Write writes m as an ONNX model of opset 13.
func Write(w io.Writer, m *lenet.Model) error {
	var graph message
	value := Input
	for i, n := range nodes {
		output := Output
		if i < len(nodes)-1 {
			output = n.operation + string(rune('0'+i))
		}
		graph.message(graphNode, n.encode(value, output))
		value = output
	}
	graph.text(graphName, "lenet")
	for _, t := range m.Tensors() {
		graph.message(graphInitializer, tensor(t))
	}
	graph.text(graphDoc, "LeNet 20-50-500-10; "+Input+" are byte/255*2 - 1 with 0 for background, "+Output+" come before softmax.")
	graph.message(graphInput, valueInfo(Input, 1, 28, 28))
	graph.message(graphOutput, valueInfo(Output, 10))

	var opset, model message
	opset.integer(opsetNumber, opsetVersion)
	model.integer(modelIRVersion, irVersion)
	model.text(modelProducer, "kernelet")
	model.message(modelGraph, graph)
	model.message(modelOpset, opset)
	_, err := w.Write(model)
	return err
}

func (n node) encode(input, output string) message {
	var m message
	for _, name := range append([]string{input}, n.weights...) {
		m.text(nodeInput, name)
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

func tensor(t lenet.Tensor) message {
	var m message
	for _, d := range t.Shape {
		m.integer(tensorDimension, uint64(d))
	}
	m.integer(tensorType, typeFloat)
	m.text(tensorName, t.Name)
	raw := make([]byte, 4*len(t.Values))
	binary.Encode(raw, binary.LittleEndian, t.Values) // fails only where there is too little room
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
