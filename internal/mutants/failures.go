package main

// Mistakes in what happens when something is wrong: files that are damaged or of
// another kind, disks that are full, readers that are gone.
var failures = []mutant{
	{File: "lenet/weights/keras.go", Old: "channelsLast := !firstPattern.Match(config)", New: "channelsLast := len(config) > 0", Tests: "./lenet/weights -run Keras"},
	{File: "lenet/weights/keras.go", Old: "	if !formatPattern.Match(config) {", New: "	if formatPattern.Match(config) {", Tests: "./lenet/weights -run Keras"},
	{File: "lenet/weights/keras.go", Old: "strings.HasPrefix(d.Path, \"/optimizer\")", New: "strings.HasPrefix(d.Path, \"optimizer\")", Tests: "./lenet/weights -run Keras"},
	{File: "lenet/weights/torch.go", Old: "if inner, ok := dict.Find(key); ok && depth > 0 {", New: "if inner, ok := dict.Find(key); ok && depth > 1 {", Tests: "./lenet/weights -run StateDict"},
	{File: "lenet/weights/weights.go", Old: "		tensors = averages(tensors)\n", New: "", Tests: "./lenet/weights -run Checkpoint"},
	{File: "internal/onnx/read.go", Old: "	if n != len(w.Data) {", New: "	if n > len(w.Data) {", Tests: "./internal/onnx -run Refused"},
	{File: "internal/onnx/read.go", Old: "if d > math.MaxInt32 || len(w.Shape) == 8 {", New: "if d > math.MaxInt32 || len(w.Shape) == 9 {", Tests: "./internal/onnx -run Refused"},
	{File: "internal/pickle/pickle.go", Old: "		v -= 1 << (8 * n)", New: "		v -= 1 << (8*n - 1)", Tests: "./internal/pickle"},
	{File: "internal/pickle/objects.go", Old: "		if function == nil {", New: "		if function == nil && len(arguments) > 0 {", Tests: "./internal/pickle"},
	{File: "internal/npy/npy.go", Old: "float64(int8(b[0]))", New: "float64(b[0])", Tests: "./internal/npy"},
	{File: "mnist/numbers.go", Old: "if v == 1 && labels[i] < 0 {", New: "if v == 1 {", Tests: "./mnist -run OneHot"},
	{File: "mnist/csv.go", Old: "func(b byte) bool { return b > 1 }", New: "func(b byte) bool { return b > 2 }", Tests: "./mnist -run Fractions"},
	{File: "mnist/assemble.go", Old: "if e.Name() != named && (twice || e.Name()+\".gz\" == named) {", New: "if twice {", Tests: "./mnist -run Siblings"},
	{File: "mnist/entry.go", Old: "o.memory -= bytes; o.memory < 0 {", New: "o.memory -= bytes; o.memory < -maxMember {", Tests: "./mnist -run Memory"},
	{File: "mnist/entry.go", Old: "		if label >= Classes {", New: "		if label > Classes {", Tests: "./mnist -run RegisteredFormat"},
	{File: "mnist/open.go", Old: "[]entry{memorySource(filepath.Base(path), content)}", New: "[]entry{memorySource(filepath.Base(path), content[len(content)/2:])}", Tests: "./mnist -run Pipe"},
	{File: "mnist/parquet/table.go", Old: "			if v.IsNull() {", New: "			if v.IsNull() && v.Column() == 0 {", Tests: "./mnist/parquet -run ColumnsRefused"},
	{File: "bench/report/page.go", Old: "from, to := min(sum, sum+b.Microseconds), ", New: "from, to := sum, ", Tests: "./bench/report -run Waterfall"},
	{File: "bench/report.go", Old: "		if m.touched > float64(l.capacity) {", New: "		if m.touched < float64(l.capacity) {", Tests: "./bench -run Bound"},
	{File: "cmd/kernelet/signals.go", Old: "errors.Is(err, errOutput) && errors.Is(err, syscall.EPIPE):", New: "errors.Is(err, errOutput):", Tests: "./cmd/kernelet -run Signalled"},
	{File: "cmd/kernelet/files.go", Old: "	case err == nil && !info.Mode().IsRegular():", New: "	case false:", Tests: "./cmd/kernelet -run RoomFor"},
	{File: "cmd/kernelet/data_flags.go", Old: "[]mnist.Set{data.Test, data.Train}", New: "[]mnist.Set{data.Train, data.Test}", Tests: "./cmd/kernelet -run Validation"},
	{File: "picture/plane.go", Old: "		return image.Pt(right-p.Y, bottom-p.X)", New: "		return image.Pt(right-p.Y, p.X)", Tests: "./picture -run Upright"},
	{File: "serve/models.go", Old: "if lost := err != nil; lost != m.lost || lost && all {", New: "if lost := err != nil; lost {", Tests: "./serve -run FolderLost"},
	{File: "lenet/checkpoint.go", Old: "	case err == nil && !old.Mode().IsRegular():", New: "	case err == nil && old.Mode().IsDir():", Tests: "./lenet -run Previous"},
}
