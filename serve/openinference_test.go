package serve

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"testing"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// expected are the bits that the library gives for images.
type expected struct {
	logits, probabilities []float32
	digits                []int64
}

func expectedOf(t testing.TB, images []byte, floats []float32) (e expected) {
	t.Helper()
	n := max(len(images), len(floats)) / 784
	e.logits = make([]float32, 10*n)
	var err error
	if images != nil {
		err = reference().Logits(e.logits, images)
	} else {
		err = reference().LogitsFloats(e.logits, floats)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		var p lenet.Prediction
		if images != nil {
			p = reference().Classify((*[784]byte)(images[784*i:]))
		} else {
			p = reference().ClassifyFloats((*[784]float32)(floats[784*i:]))
		}
		e.probabilities = append(e.probabilities, p.Probabilities[:]...)
		e.digits = append(e.digits, int64(p.Digit))
	}
	return e
}

func floatsOf(images []byte) []float32 {
	floats := make([]float32, len(images))
	for i, v := range images {
		floats[i] = float32(v) / 255
	}
	return floats
}

func littleEndian(values any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, values)
	if err != nil {
		panic(err)
	}
	return b
}

// TestInferBits sends images in every shape, type and form, and compares the
// answers with the library's bits.
func TestInferBits(t *testing.T) {
	s := newServer(t, Options{})
	for _, n := range []int{1, 2, 33, 120} {
		images := mnist.Synthetic(n, uint64(n)).Images
		floats := floatsOf(images)
		shapes := [][]int{{n, 784}, {n, 28, 28}, {n, 1, 28, 28}}
		if n == 1 {
			shapes = append(shapes, []int{784}, []int{28, 28})
		}
		for _, shape := range shapes {
			for _, datatype := range []string{"UINT8", "FP32"} {
				want := expectedOf(t, images, nil)
				raw, values := images, any(ints(images))
				if datatype == "FP32" {
					want = expectedOf(t, nil, floats)
					raw, values = littleEndian(floats), floats
				}
				for _, binaryIn := range []bool{false, true} {
					for _, binaryOut := range []bool{false, true} {
						name := fmt.Sprint(shape, datatype, binaryIn, binaryOut)
						input := map[string]any{"name": "image", "shape": shape, "datatype": datatype}
						header := map[string]string{}
						tail := []byte(nil)
						if binaryIn {
							input["parameters"] = map[string]any{"binary_data_size": len(raw)}
							tail = raw
						} else {
							input["data"] = values
						}
						head, _ := json.Marshal(map[string]any{"id": "é\"7", "inputs": []any{input}, "parameters": map[string]any{"binary_data_output": binaryOut, "mine": 1.5}})
						if binaryIn {
							header[headerLength] = strconv.Itoa(len(head))
						}
						w := do(t, s, "POST", inferTarget, header, append(head, tail...))
						if w.Code != 200 {
							t.Fatalf("%s: %d %s", name, w.Code, w.Body)
						}
						checkAnswer(t, name, w.Header().Get(headerLength), w.Body.Bytes(), want)
					}
				}
			}
		}
	}
}

func ints(b []byte) []int {
	v := make([]int, len(b))
	for i := range b {
		v[i] = int(b[i])
	}
	return v
}

// checkAnswer compares all three outputs of an answer.
func checkAnswer(t *testing.T, name, jsonLength string, body []byte, want expected) {
	t.Helper()
	head, tail := body, []byte(nil)
	if jsonLength != "" {
		n, err := strconv.Atoi(jsonLength)
		if err != nil {
			t.Fatal(err)
		}
		head, tail = body[:n], body[n:]
	}
	var answer struct {
		ModelName    string         `json:"model_name"`
		ModelVersion string         `json:"model_version"`
		ID           string         `json:"id"`
		Parameters   map[string]any `json:"parameters"`
		Outputs      []struct {
			Name       string
			Datatype   string
			Shape      []int
			Parameters map[string]int
			Data       json.RawMessage
		}
	}
	if err := json.Unmarshal(head, &answer); err != nil {
		t.Fatalf("%s: %v in %s", name, err, head)
	}
	if answer.ModelName != "lenet" || answer.ModelVersion != "1" || answer.ID != "é\"7" || answer.Parameters["mine"] != 1.5 || len(answer.Parameters) != 1 || len(answer.Outputs) != 3 {
		t.Fatalf("%s: got %s", name, head)
	}
	for _, o := range answer.Outputs {
		raw := []byte(nil)
		if size, ok := o.Parameters["binary_data_size"]; ok {
			raw, tail = tail[:size], tail[size:]
		} else {
			floats, integers := []float32{}, []int64{}
			target := any(&floats)
			if o.Datatype == "INT64" {
				target = &integers
			}
			if err := json.Unmarshal(o.Data, target); err != nil {
				t.Fatalf("%s: %s: %v", name, o.Name, err)
			}
			raw = append(littleEndian(floats), littleEndian(integers)...)
		}
		wanted := map[string][]byte{"logits": littleEndian(want.logits), "probabilities": littleEndian(want.probabilities), "digits": littleEndian(want.digits)}[o.Name]
		if !bytes.Equal(raw, wanted) {
			t.Errorf("%s: %s differ from the classifier's", name, o.Name)
		}
		values := 1
		for _, size := range o.Shape {
			values *= size
		}
		if size := map[string]int{"FP32": 4, "INT64": 8}[o.Datatype]; o.Shape[0] != len(want.digits) || values*size != len(raw) {
			t.Errorf("%s: %s: shape %v of %s does not fit %d bytes", name, o.Name, o.Shape, o.Datatype, len(raw))
		}
	}
	if len(tail) != 0 {
		t.Errorf("%s: %d bytes follow the last output", name, len(tail))
	}
}

func TestOutputsAskedFor(t *testing.T) {
	s := newServer(t, Options{})
	image := mnist.Synthetic(1, 1).Images
	ask := func(outputs string) map[string]any {
		t.Helper()
		body := bytes.Replace(jsonBody(t, image, 1), []byte(`{"inputs"`), []byte(`{"outputs":`+outputs+`,"inputs"`), 1)
		w := do(t, s, "POST", inferTarget, nil, body)
		if w.Code != 200 {
			t.Fatalf("%s: %d %s", outputs, w.Code, w.Body)
		}
		head := w.Body.Bytes()
		if n := w.Header().Get(headerLength); n != "" {
			size, _ := strconv.Atoi(n)
			head = head[:size]
		}
		return object(t, head)
	}
	one := ask(`[{"name":"digits"}]`)["outputs"].([]any)
	if len(one) != 1 || one[0].(map[string]any)["name"] != "digits" {
		t.Errorf("expected digits alone, got %v", one)
	}
	two := ask(`[{"name":"probabilities","parameters":{"binary_data":true}},{"name":"logits"}]`)["outputs"].([]any)
	if len(two) != 2 || two[0].(map[string]any)["parameters"] == nil || two[1].(map[string]any)["data"] == nil {
		t.Errorf("expected probabilities in binary and logits in JSON, got %v", two)
	}
	if none := ask(`[]`)["outputs"].([]any); len(none) != 0 {
		t.Errorf("expected no outputs, got %v", none)
	}
}

func TestInferErrors(t *testing.T) {
	s := newServer(t, Options{})
	const input = `{"name":"image","datatype":"UINT8","shape":[1,784],"parameters":{"binary_data_size":784}}`
	pixels := make([]byte, 784)
	floats := littleEndian([]float32{2: float32(math.NaN()), 783: 0})
	for _, c := range []struct {
		head string
		tail []byte
		want string
	}{
		{``, nil, "request: not the JSON of an inference request"},
		{`[]`, nil, "request: not the JSON of an inference request"},
		{`{"inputs":[` + input, pixels, "request: not the JSON of an inference request"},
		{`{"inputs":[` + input + `]}x`, pixels, "request: expected nothing after the JSON object"},
		{`{}`, nil, `inputs: expected one, "image", got 0`},
		{`{"inputs":[` + input + `,` + input + `]}`, pixels, `inputs: expected one, "image", got 2`},
		{`{"inputs":[{"name":"x","datatype":"UINT8","shape":[1,784]}]}`, nil, `input "x": expected the name "image"`},
		{`{"inputs":[{"name":"image","datatype":"FP64","shape":[1,784]}]}`, nil, `datatype "FP64": expected UINT8 (0 to 255) or FP32 (0 to 1)`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,783]}]}`, nil, `shape [1,783]: expected [784], [28,28], [n,784], [n,28,28] or [n,1,28,28]`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[]}]}`, nil, `shape []: expected`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,1,1,28,28]}]}`, nil, `shape [1,1,1,28,28]: expected`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,1,1,1,1,1,1,1,784]}]}`, nil, `input: shape: expected`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[-1,784]}]}`, nil, `shape [-1,784]: expected at least one image`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[0,784]}]}`, nil, `expected at least one image`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[9223372036854775807,784]}]}`, nil, `expected at most 10000 images a request`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,784]}]}`, nil, `expected data or binary_data_size`},
		{`{"inputs":[` + input + `]}`, pixels[:783], `binary_data_size is 784, but 783 bytes follow the JSON`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[2,784],"parameters":{"binary_data_size":784}}]}`, pixels, `expected 1568 bytes for 2 images of UINT8, got 784`},
		{`{"inputs":[{"name":"image","datatype":"FP32","shape":[1,784],"parameters":{"binary_data_size":784}}]}`, pixels, `expected 3136 bytes for 1 images of FP32, got 784`},
		{`{"inputs":[{"name":"image","datatype":"FP32","shape":[1,784],"parameters":{"binary_data_size":3136}}]}`, floats, `value 2: FP32 is from 0 (background) to 1 (ink), got NaN`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,784],"parameters":{"binary_data_size":-1}}]}`, nil, `binary_data_size: expected at least 0, got -1`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,784],"parameters":{"shared_memory_region":"x"}}]}`, nil, `shared memory is not supported`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,784],"data":[1,2,3]}]}`, nil, `data: expected the 784 values that the shape says, got 3`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,784],"data":[256]}]}`, nil, `UINT8 is an integer from 0 to 255, got 256`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,784],"data":[0.5]}]}`, nil, `UINT8 is an integer from 0 to 255, got 0.5`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,784],"data":[-1]}]}`, nil, `UINT8 is an integer from 0 to 255, got -1`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,784],"data":[1e999]}]}`, nil, `UINT8 is an integer from 0 to 255, got 1e999`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,784],"data":["a"]}]}`, nil, `data: expected an array of numbers`},
		{`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,784],"data":{"a":1}}]}`, nil, `data: expected an array of numbers`},
		{`{"inputs":[{"name":"image","datatype":"FP32","shape":[1,784],"data":[255]}]}`, nil, `data: expected the 784 values that the shape says, got 1`},
		{`{"inputs":[{"name":"image","datatype":"FP32","shape":[1,784],"data":[1e99]}]}`, nil, `expected numbers that fit FP32, got 1e99`},
		{`{"inputs":[` + input + `],"outputs":[{"name":"x"}]}`, pixels, `output "x": expected logits, probabilities or digits`},
		{`{"inputs":[` + input + `],"outputs":[{}]}`, pixels, `outputs: expected a name for each`},
		{`{"inputs":[` + input + `],"outputs":[{"name":"logits","parameters":{"classification":3}}]}`, pixels, `classification is not supported`},
		{`{"inputs":[` + input + `],"parameters":{"binary_data_output":1}}`, pixels, `binary_data_output: expected true or false`},
		{`{"inputs":[` + input + `],"parameters":{"mine":[1]}}`, pixels, `parameters: "mine": expected a number`},
		{`{"inputs":[` + input + `],"id":7}`, pixels, `id: expected a string`},
	} {
		w := do(t, s, "POST", inferTarget, map[string]string{headerLength: strconv.Itoa(len(c.head))}, append([]byte(c.head), c.tail...))
		text, _ := object(t, w.Body.Bytes())["error"].(string)
		if w.Code < 400 || w.Code >= 500 || !bytes.Contains([]byte(text), []byte(c.want)) {
			t.Errorf("%.120s: expected 4xx with %q, got %d %q", c.head, c.want, w.Code, text)
		}
	}
	for length, want := range map[string]string{"x": `got "x"`, "-1": `got "-1"`, "9": "from 0 to the 2 bytes of the body"} {
		w := do(t, s, "POST", inferTarget, map[string]string{headerLength: length}, []byte("{}"))
		if w.Code != 400 || !bytes.Contains(w.Body.Bytes(), []byte(headerLength)) {
			t.Errorf("%s %s: expected 400 with %s, got %d %s", headerLength, length, want, w.Code, w.Body)
		}
	}
}

func TestCompression(t *testing.T) {
	s := newServer(t, Options{Limits: Limits{BodyBytes: 100_000}})
	body := jsonBody(t, mnist.Synthetic(3, 1).Images, 3)
	compress := func(encoding string, content []byte) []byte {
		var b bytes.Buffer
		var z io.WriteCloser = gzip.NewWriter(&b)
		if encoding == "deflate" {
			z = zlib.NewWriter(&b)
		}
		z.Write(content)
		z.Close()
		return b.Bytes()
	}
	plain := do(t, s, "POST", inferTarget, nil, body).Body.String()
	for _, encoding := range []string{"gzip", "deflate"} {
		header := map[string]string{"Content-Encoding": encoding}
		packed := compress(encoding, body)
		if w := do(t, s, "POST", inferTarget, header, packed); w.Body.String() != plain {
			t.Errorf("%s: expected the same answer, got %s", encoding, w.Body)
		}
		if w := do(t, s, "POST", inferTarget, header, packed[:len(packed)/2]); w.Code != 400 {
			t.Errorf("%s cut: expected 400, got %d %s", encoding, w.Code, w.Body)
		}
		if w := do(t, s, "POST", inferTarget, header, []byte("junk")); w.Code != 400 {
			t.Errorf("%s junk: expected 400, got %d %s", encoding, w.Code, w.Body)
		}
		if w := do(t, s, "POST", inferTarget, header, compress(encoding, make([]byte, 10_000_000))); w.Code != 413 {
			t.Errorf("%s of ten megabytes: expected 413, got %d %s", encoding, w.Code, w.Body)
		}
	}
	if w := do(t, s, "POST", inferTarget, map[string]string{"Content-Encoding": "br"}, body); w.Code != 415 {
		t.Errorf("br: expected 415, got %d", w.Code)
	}
}

// TestNumbers compares the JSON numbers of pixels with encoding/json's.
func TestNumbers(t *testing.T) {
	texts := []string{"0", "1", "0.5", "1e-3", "0.1", "0.30000001192092896", "3.4e-39", "1E0", "0.0", "-0", "1e-50", "0.99999997"}
	var want []float32
	if err := json.Unmarshal([]byte("["+join(texts)+"]"), &want); err != nil {
		t.Fatal(err)
	}
	var f inferenceRequest
	f.images = 1
	padded := make([]string, 784)
	for i := range padded {
		padded[i] = texts[i%len(texts)]
	}
	if err := f.setJSON(fp32Type, []byte("[["+join(padded)+"]]")); err != nil {
		t.Fatal(err)
	}
	floats := f.floats
	for i := range padded {
		padded[i] = []string{"7", "7.0", "7e0", "0.7e1"}[i%4]
	}
	if err := f.setJSON(uint8Type, []byte("["+join(padded)+"]")); err != nil || bytes.Count(f.bytes, []byte{7}) != 784 {
		t.Errorf("integers written as floats: %v", err)
	}
	for i := range padded {
		padded[i] = texts[i%len(texts)]
	}
	for i, v := range floats {
		if math.Float32bits(v) != math.Float32bits(want[i%len(want)]) {
			t.Errorf("%s: expected %g, got %g", padded[i], want[i%len(want)], v)
		}
	}
}

func join(texts []string) string {
	s := ""
	for i, t := range texts {
		if i > 0 {
			s += ", "
		}
		s += t
	}
	return s
}

func BenchmarkInfer(b *testing.B) {
	s := newServer(b, Options{})
	image := mnist.Synthetic(1, 1).Images
	head := []byte(`{"inputs":[{"name":"image","shape":[1,784],"datatype":"UINT8","parameters":{"binary_data_size":784}}],"parameters":{"binary_data_output":true}}`)
	m, _ := s.models.get("")
	for name, c := range map[string]struct {
		body   []byte
		length string
	}{"binary": {append(head, image...), strconv.Itoa(len(head))}, "json": {jsonBody(b, image, 1), ""}} {
		b.Run(name, func(b *testing.B) {
			x := s.borrow()
			b.ReportAllocs()
			for b.Loop() {
				x.body = append(x.body[:0], c.body...)
				if _, err := s.inferBody(m, c.length, x); err != nil {
					b.Fatal(err)
				}
			}
			s.giveBack(x)
		})
	}
	b.Run("classify", func(b *testing.B) {
		for b.Loop() {
			reference().Classify((*[784]byte)(image))
		}
	})
}
