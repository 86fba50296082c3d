package serve

import (
	"net/http"
	"strconv"
	"strings"
)

// Extensions of the Open Inference Protocol that this server has.
var extensions = []string{"binary_tensor_data", "model_repository"}

// platform is what the protocol's metadata calls what runs the model.
const platform = "kernelet_lenet"

// tensorMetadata describes an input or an output.
type tensorMetadata struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"`
	Shape    []int64 `json:"shape"`
}

var (
	inputsMetadata  = []tensorMetadata{{inputName, uint8Type, []int64{-1, 784}}}
	outputsMetadata = []tensorMetadata{
		{logits, fp32Type, []int64{-1, 10}},
		{probabilities, fp32Type, []int64{-1, 10}},
		{digits, int64Type, []int64{-1}},
	}
)

// routeOpenInference adds the protocol's paths. Whatever else lies below /v2 is
// answered with JSON too, since clients read nothing else.
func (s *Server) routeOpenInference(mux *http.ServeMux) {
	get := func(pattern, endpoint string, answer answerer) {
		h := s.handle(endpoint, answer)
		mux.Handle("GET "+pattern, h)
		mux.Handle(pattern, s.handle(endpoint, func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Allow", "GET, HEAD")
			return newProblem(http.StatusMethodNotAllowed, "expected GET")
		}))
	}
	get("/v2", "metadata", s.serverMetadata)
	get("/v2/{$}", "metadata", s.serverMetadata)
	get("/v2/health/live", "health", s.live)
	get("/v2/health/ready", "health", s.readyToServe)
	for _, version := range []string{"", "/versions/{version}"} {
		get("/v2/models/{model}"+version, "metadata", s.modelMetadata)
		get("/v2/models/{model}"+version+"/ready", "health", s.modelReady)
		mux.Handle("/v2/models/{model}"+version+"/infer", s.handle("infer", func(w http.ResponseWriter, r *http.Request) error {
			return s.infer(w, r, r.PathValue("model"), r.PathValue("version"))
		}))
	}
	mux.Handle("POST /v2/repository/index", s.handle("metadata", s.repositoryIndex))
	mux.Handle("/v2/", s.handle("other", func(http.ResponseWriter, *http.Request) error {
		return newProblem(http.StatusNotFound, "no such endpoint")
	}))
}

func (s *Server) serverMetadata(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]any{"name": "kernelet", "version": s.version, "extensions": extensions})
	return nil
}

func (s *Server) live(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]bool{"live": true})
	return nil
}

// readyToServe has members that suit what different clients read.
func (s *Server) readyToServe(w http.ResponseWriter, _ *http.Request) error {
	status := http.StatusOK
	if !s.ready.Load() {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, map[string]bool{"live": true, "ready": status == http.StatusOK})
	return nil
}

// modelOf returns the model that a path names.
func (s *Server) modelOf(name, version string) (*model, error) {
	m, err := s.models.get(name)
	if err != nil {
		return nil, err
	}
	return m, checkVersion(version)
}

func (s *Server) modelReady(w http.ResponseWriter, r *http.Request) error {
	m, err := s.modelOf(r.PathValue("model"), r.PathValue("version"))
	if err != nil {
		return err
	}
	status := http.StatusOK
	if !s.ready.Load() {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, map[string]any{"name": m.name, "ready": status == http.StatusOK})
	return nil
}

func (s *Server) modelMetadata(w http.ResponseWriter, r *http.Request) error {
	m, err := s.modelOf(r.PathValue("model"), r.PathValue("version"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"name": m.name, "versions": []string{modelVersion}, "platform": platform,
		"inputs": inputsMetadata, "outputs": outputsMetadata,
	})
	return nil
}

func (s *Server) repositoryIndex(w http.ResponseWriter, _ *http.Request) error {
	type entry struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		State   string `json:"state"`
		Reason  string `json:"reason"`
	}
	index := []entry{}
	for _, m := range s.models.list() {
		index = append(index, entry{m.name, modelVersion, "READY", ""})
	}
	writeJSON(w, http.StatusOK, index)
	return nil
}

// inferPath returns the model and version of a path to infer at: the one that
// is worth a short cut.
func inferPath(path string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/v2/models/")
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(rest, "/infer")
	return name, ok && name != "" && !strings.ContainsAny(name, "/%")
}

// infer answers an inference request.
func (s *Server) infer(w http.ResponseWriter, r *http.Request, name, version string) error {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		return newProblem(http.StatusMethodNotAllowed, "expected POST")
	}
	m, err := s.modelOf(name, version)
	if err != nil {
		return err
	}
	x := s.borrow()
	defer s.giveBack(x)
	if err := s.readBody(r, x); err != nil {
		return err
	}
	if err := s.admit(); err != nil {
		return err
	}
	binary, err := s.inferBody(m, r.Header.Get(headerLength), x)
	s.inFlight.give(1)
	if err != nil {
		return err
	}
	s.metrics.images(protocolHTTP, x.inferred.images)
	h := w.Header()
	if binary < 0 {
		h["Content-Type"] = contentJSON
	} else {
		h["Content-Type"] = contentOctets
		h[headerLength] = []string{strconv.Itoa(binary)}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(x.text))}
	_, _ = w.Write(x.text)
	return nil
}

var (
	contentJSON   = []string{"application/json"}
	contentOctets = []string{"application/octet-stream"}
)

// inferBody computes the answer to x.body into x.text. jsonBytes is the length
// of its JSON part, −1 if there is nothing else.
func (s *Server) inferBody(m *model, jsonLength string, x *scratch) (jsonBytes int, err error) {
	head, tensors := x.body, []byte(nil)
	if jsonLength != "" {
		n, err := strconv.Atoi(jsonLength)
		if err != nil || n < 0 || n > len(x.body) {
			return 0, badRequest("%s: expected from 0 to the %d bytes of the body, got %q", headerLength, len(x.body), shorten(jsonLength))
		}
		head, tensors = x.body[:n], x.body[n:]
	}
	q, f := &x.request, &x.inferred
	q.reset()
	if err := q.parse(&x.decoder, head); err != nil {
		return 0, err
	}
	if err := s.takeInput(q, f, tensors, x); err != nil {
		return 0, err
	}
	q.complete()
	f.outputs = q.outputs
	if err := f.compute(m); err != nil {
		return 0, err
	}
	x.text, jsonBytes = appendAnswer(x.text[:0], m.name, q, f)
	return jsonBytes, nil
}

// takeInput checks a request's input and takes its values.
func (s *Server) takeInput(q *jsonRequest, f *inferenceRequest, tensors []byte, x *scratch) error {
	if err := checkInputs(q.inputs); err != nil {
		return err
	}
	in := &q.input
	if err := checkInput(in.name, in.datatype); err != nil {
		return err
	}
	var err error
	if f.images, err = imagesOf(in.shape, s.limits.Images); err != nil {
		return err
	}
	if f.images > 1 {
		if err := s.reserve(x, int64(f.images)*answerBytes); err != nil {
			return err
		}
	}
	switch {
	case in.binarySize >= 0:
		if in.data != nil {
			return badRequest("input %q: expected data or binary_data_size, got both", inputName)
		}
		if in.binarySize != len(tensors) {
			return badRequest("input %q: binary_data_size is %d, but %d bytes follow the JSON", inputName, in.binarySize, len(tensors))
		}
		return f.setRaw(in.datatype, tensors)
	case len(tensors) > 0:
		return badRequest("input %q: %d bytes follow the JSON, expected its parameter binary_data_size", inputName, len(tensors))
	case in.data == nil:
		return badRequest("input %q: expected data or binary_data_size", inputName)
	}
	return f.setJSON(in.datatype, in.data)
}

// appendAnswer appends the answer: JSON, then the outputs in binary form, in
// their order.
func appendAnswer(b []byte, name string, q *jsonRequest, f *inferenceRequest) (answer []byte, jsonBytes int) {
	b = append(b, `{"model_name":"`...)
	b = append(b, name...) // of letters, digits, dots, lines
	b = append(b, `","model_version":"`+modelVersion+`"`...)
	if q.id != nil {
		b = append(append(b, `,"id":`...), q.id...)
	}
	if len(q.echo) > 0 {
		b = append(append(append(b, `,"parameters":{`...), q.echo...), '}')
	}
	b = append(b, `,"outputs":[`...)
	anyBinary := false
	for i, o := range f.outputs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"name":"`...), o.name...)
		b = append(append(b, `","datatype":"`...), datatypeOf(o.name)...)
		b = strconv.AppendInt(append(b, `","shape":[`...), int64(f.images), 10)
		if o.name == digits {
			b = append(b, ']')
		} else {
			b = append(b, ",10]"...)
		}
		if o.form == asBinary {
			anyBinary = true
			b = strconv.AppendInt(append(b, `,"parameters":{"binary_data_size":`...), int64(f.rawBytes(o.name)), 10)
			b = append(b, "}}"...)
		} else {
			b = append(f.appendData(append(b, `,"data":`...), o.name), '}')
		}
	}
	b = append(b, "]}"...)
	if !anyBinary {
		return b, -1
	}
	jsonBytes = len(b)
	for _, o := range f.outputs {
		if o.form == asBinary {
			b = f.appendRaw(b, o.name)
		}
	}
	return b, jsonBytes
}
