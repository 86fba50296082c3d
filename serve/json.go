package serve

import (
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"

	"github.com/go-faster/jx"
)

// jsonRequest is the JSON part of an inference request over HTTP. Its slices
// belong to the request's body.
type jsonRequest struct {
	id           []byte // with its quotes; nil: none
	echo         []byte // members of the answer's "parameters"
	binaryOutput bool   // what outputs are by default
	inputs       int
	input        struct {
		name, datatype string
		shape          []int64
		data           []byte // nil: none
		binarySize     int    // −1: none
	}
	outputs []output
	asked   bool // outputs were listed
}

// reset makes q ready for another request, keeping its memory.
func (q *jsonRequest) reset() {
	shape, outputs, echo := q.input.shape[:0], q.outputs[:0], q.echo[:0]
	*q = jsonRequest{outputs: outputs, echo: echo}
	q.input.shape, q.input.binarySize = shape, -1
}

// Bounds of what a request may list; the network has one input and three outputs.
const (
	maxDimensions = 8
	maxOutputs    = 16
	maxEcho       = 4096 // bytes
)

// parse reads the JSON of a request. It keeps no reference to d.
func (q *jsonRequest) parse(d *jx.Decoder, text []byte) error {
	d.ResetBytes(text)
	err := d.ObjBytes(func(d *jx.Decoder, key []byte) error {
		switch string(key) {
		case "id":
			id, err := d.Raw()
			if err != nil {
				return err
			}
			if id.Type() != jx.String {
				return badRequest("id: expected a string")
			}
			q.id = id
		case "parameters":
			return d.ObjBytes(q.parameter)
		case "inputs":
			return d.Arr(q.parseInput)
		case "outputs":
			q.asked = true
			return d.Arr(q.parseOutput)
		default:
			return d.Skip()
		}
		return nil
	})
	if err != nil {
		return describe(err)
	}
	if !errors.Is(d.Skip(), io.EOF) {
		return badRequest("request: expected nothing after the JSON object")
	}
	return nil
}

// describe turns a decoder's error into the client's.
func describe(err error) error {
	p := asProblem(err)
	if p.status == http.StatusInternalServerError {
		return badRequest("request: not the JSON of an inference request: %s", shorten(err.Error()))
	}
	return p
}

// parameter takes what the protocol defines, and keeps the rest for the answer.
func (q *jsonRequest) parameter(d *jx.Decoder, key []byte) error {
	switch string(key) {
	case "binary_data_output":
		if d.Next() != jx.Bool {
			return badRequest("parameters: binary_data_output: expected true or false")
		}
		var err error
		q.binaryOutput, err = d.Bool()
		return err
	case "sequence_id", "sequence_start", "sequence_end", "priority", "timeout":
		return d.Skip()
	}
	name := key
	value, err := d.Raw()
	if err != nil {
		return err
	}
	switch value.Type() {
	case jx.Bool, jx.Number, jx.String:
	default:
		return badRequest("parameters: %q: expected a number, a string, true or false", shorten(string(name)))
	}
	if len(q.echo)+len(name)+len(value) > maxEcho {
		return badRequest("parameters: expected at most %d bytes", maxEcho)
	}
	if len(q.echo) > 0 {
		q.echo = append(q.echo, ',')
	}
	var w jx.Writer
	w.Buf = q.echo
	w.ByteStr(name)
	q.echo = append(append(w.Buf, ':'), value...)
	return nil
}

func (q *jsonRequest) parseInput(d *jx.Decoder) error {
	q.inputs++
	if q.inputs > 1 {
		return d.Skip() // refused when all are counted
	}
	in := &q.input
	return d.ObjBytes(func(d *jx.Decoder, key []byte) error {
		var err error
		switch string(key) {
		case "name":
			in.name, err = internedString(d, inputName)
		case "datatype":
			in.datatype, err = internedString(d, uint8Type, fp32Type)
		case "shape":
			in.shape = in.shape[:0]
			err = d.Arr(func(d *jx.Decoder) error {
				size, err := d.Int64()
				if len(in.shape) == maxDimensions {
					return badRequest("input: shape: expected %s", shapesText)
				}
				in.shape = append(in.shape, size)
				return err
			})
		case "data":
			in.data, err = d.Raw()
		case "parameters":
			err = d.ObjBytes(func(d *jx.Decoder, key []byte) error {
				switch string(key) {
				case "binary_data_size":
					var err error
					if in.binarySize, err = d.Int(); err == nil && in.binarySize < 0 {
						return badRequest("input: binary_data_size: expected at least 0, got %d", in.binarySize)
					}
					return err
				case "shared_memory_region":
					return badRequest("input: shared memory is not supported")
				}
				return d.Skip()
			})
		default:
			err = d.Skip()
		}
		return err
	})
}

func (q *jsonRequest) parseOutput(d *jx.Decoder) error {
	if len(q.outputs) == maxOutputs {
		return badRequest("outputs: expected at most %d", maxOutputs)
	}
	var o output
	err := d.ObjBytes(func(d *jx.Decoder, key []byte) error {
		switch string(key) {
		case "name":
			name, err := internedString(d, outputNames...)
			if err == nil {
				o.name, err = outputNamed(name)
			}
			return err
		case "parameters":
			return d.ObjBytes(o.parameter)
		}
		return d.Skip()
	})
	if err != nil {
		return err
	}
	if o.name == "" {
		return badRequest("outputs: expected a name for each")
	}
	q.outputs = append(q.outputs, o)
	return nil
}

func (o *output) parameter(d *jx.Decoder, key []byte) error {
	switch string(key) {
	case "binary_data":
		if d.Next() != jx.Bool {
			return badRequest("outputs: binary_data: expected true or false")
		}
		binary, err := d.Bool()
		o.form = asJSON
		if binary {
			o.form = asBinary
		}
		return err
	case "classification":
		return badRequest("outputs: classification is not supported: ask for the output \"digits\"")
	case "shared_memory_region":
		return badRequest("outputs: shared memory is not supported")
	}
	return d.Skip()
}

// complete settles what the request left open about its outputs.
func (q *jsonRequest) complete() {
	if !q.asked {
		for _, name := range outputNames {
			q.outputs = append(q.outputs, output{name: name})
		}
	}
	for i := range q.outputs {
		if q.outputs[i].form == unsaid {
			q.outputs[i].form = asJSON
			if q.binaryOutput {
				q.outputs[i].form = asBinary
			}
		}
	}
}

// internedString reads a string without allocating for the known ones.
func internedString(d *jx.Decoder, known ...string) (string, error) {
	text, err := d.StrBytes()
	if err != nil {
		return "", err
	}
	for _, k := range known {
		if string(text) == k {
			return k, nil
		}
	}
	return string(text), nil
}

// numbers reads the JSON array at text, flat or nested, whose grammar was
// checked, value by value.
func numbers(text []byte, most int, take func(token []byte) error) error {
	count := 0
	for at := 0; at < len(text); {
		switch c := text[at]; {
		case c == '-' || c >= '0' && c <= '9':
			end := at + 1
			for end < len(text) && isNumber(text[end]) {
				end++
			}
			if count == most {
				return badRequest("input %q: data: more than the %d values that the shape says", inputName, most)
			}
			if err := take(text[at:end]); err != nil {
				return err
			}
			count++
			at = end
		case c == '[' || c == ']' || c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t':
			at++
		default:
			return badRequest("input %q: data: expected an array of numbers", inputName)
		}
	}
	if count != most {
		return badRequest("input %q: data: expected the %d values that the shape says, got %d", inputName, most, count)
	}
	return nil
}

func isNumber(c byte) bool {
	return c >= '0' && c <= '9' || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-'
}

// setJSON takes values written as a JSON array.
func (q *inferenceRequest) setJSON(datatype string, text []byte) error {
	n := q.images * pixels
	if len(text) == 0 || text[0] != '[' {
		return badRequest("input %q: data: expected an array of numbers", inputName)
	}
	if datatype == uint8Type {
		q.own = resize(q.own, n)[:0]
		err := numbers(text, n, func(token []byte) error {
			v, ok := smallInteger(token)
			if !ok { // some clients write every number as a float
				f, err := strconv.ParseFloat(string(token), 64)
				v, ok = int(max(-1, min(256, f))), err == nil && f == math.Trunc(f)
			}
			if !ok || v < 0 || v > math.MaxUint8 {
				return badRequest("input %q: data: UINT8 is an integer from 0 to 255, got %s", inputName, shorten(string(token)))
			}
			q.own = append(q.own, byte(v))
			return nil
		})
		q.bytes = q.own
		return err
	}
	q.floats = resize(q.floats, n)[:0]
	err := numbers(text, n, func(token []byte) error {
		if v, ok := smallInteger(token); ok {
			q.floats = append(q.floats, float32(v))
			return nil
		}
		v, err := strconv.ParseFloat(string(token), 32)
		if err != nil {
			return badRequest("input %q: data: expected numbers that fit FP32, got %s", inputName, shorten(string(token)))
		}
		q.floats = append(q.floats, float32(v))
		return nil
	})
	if err != nil {
		return err
	}
	return q.checkFloats()
}

// smallInteger reads up to three decimal digits.
func smallInteger(token []byte) (v int, ok bool) {
	if len(token) > 3 {
		return 0, false
	}
	for _, c := range token {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = 10*v + int(c-'0')
	}
	return v, true
}

// appendData appends an output's values as a JSON array.
func (q *inferenceRequest) appendData(b []byte, name string) []byte {
	b = append(b, '[')
	if name == digits {
		for i, v := range q.digits {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, v, 10)
		}
		return append(b, ']')
	}
	for i, v := range q.floatsOf(name) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFloat(b, v)
	}
	return append(b, ']')
}

// appendFloat appends the shortest decimal number that is read as v again.
func appendFloat(b []byte, v float32) []byte {
	return strconv.AppendFloat(b, float64(v), 'g', -1, 32)
}
