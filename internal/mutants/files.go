package main

// Mistakes in what is read and written: data sets, weights, files, pictures.

var files = []mutant{
	{File: "mnist/idx.go", Old: "		if label >= Classes {", New: "		if label > Classes {", Tests: "./mnist -run Read|IDX"},
	{File: "mnist/csv.go", Old: "return fields >= ImageBytes && fields <= ImageBytes+1+len(indexColumns)", New: "return fields >= ImageBytes && fields <= ImageBytes+len(indexColumns)", Survives: "one column more than all index columns and a label is refused by name afterwards", Tests: "./mnist -run Open"},
	{File: "mnist/arrays.go", Old: "	if err == nil && h.Fortran {", New: "	if err == nil && !h.Fortran {", Tests: "./mnist -run Open"},
	{File: "mnist/synthetic.go", Old: "slant, turn := between(-.35, .45), between(-.22, .22)", New: "slant, turn := between(-.35, .35), between(-.22, .22)", Tests: "./lenet -run SameBits"},
	{File: "internal/npy/npy.go", Old: "order == \"True\"\n", New: "order == \"False\"\n", Tests: "./mnist -run Open"},
	{File: "internal/safetensors/safetensors.go", Old: "	if end != len(data) {", New: "	if end > len(data) {", Tests: "./internal/safetensors"},
	{File: "internal/half/half.go", Old: "return sign | uint16((bits+0xfff+bits>>13&1)>>13)", New: "return sign | uint16((bits+0x1000)>>13)", Tests: "./internal/half"},
	{File: "internal/onnx/read.go", Old: "		case o == \"Gemm\":", New: "		case o == \"GEMM\":", Tests: "./internal/onnx ./lenet/weights"},
	{File: "internal/wholefile/wholefile.go", Old: "		if info.Mode()&fs.ModeSymlink == 0 {", New: "		if info.Mode()&fs.ModeSymlink != 1 {", Tests: "./internal/wholefile"},
	{File: "internal/wholefile/wholefile.go", Old: "	if err == nil && old != nil {", New: "	if err == nil && old == nil {", Tests: "./internal/wholefile"},
	{File: "picture/lines.go", Old: "	return r.count > 0", New: "	return r.count < 0", Tests: "./picture -run Photographs|Prepare|Drawing|Sheets|Rows"},
	{File: "picture/rows.go", Old: "		text = append(text, byte('0'+d.Digit))", New: "		text = append(text, byte('1'+d.Digit))", Tests: "./picture -run Rows|Grid"},
}

// Mistakes in commands, server, benchmark and what people look at.
var users = []mutant{
	{File: "bench/statistics.go", Old: "s := summary{median: samples[n/2]}", New: "s := summary{median: samples[n/4]}", Tests: "./bench -run Known|Summary"},
	{File: "bench/statistics.go", Old: "		s.median = (samples[n/2-1] + samples[n/2]) / 2", New: "		s.median = samples[n/2]", Tests: "./bench -run Known|Summary"},
	{File: "bench/statistics.go", Old: "tail > 0.025 {", New: "tail > 0.05 {", Tests: "./bench -run Known|Summary"},
	{File: "bench/statistics.go", Old: "fence := 1.5 * (third - first)", New: "fence := 3 * (third - first)", Tests: "./bench -run Known"},
	{File: "bench/statistics.go", Old: "int(math.Ceil(p*float64(len(sorted))))", New: "int(math.Floor(p*float64(len(sorted))))", Tests: "./bench -run Percentile"},
	{File: "bench/statistics.go", Old: "	return math.Exp(sum / float64(len(values)))", New: "	return math.Exp(sum / float64(len(values)+1))", Tests: "./bench -run Geometric"},
	{File: "bench/score.go", Old: "				lows = append(lows, reference.microseconds/r.High)", New: "				lows = append(lows, reference.microseconds/r.Low)", Tests: "./bench -run Score"},
	{File: "cmd/kernelet/pictures.go", Old: "p.Legend.Add(one.name, line, points)", New: "p.Legend.Add(one.name)", Survives: "a legend without its sample is told by a person only", Tests: "./cmd/kernelet -run Curves"},
	{File: "cmd/kernelet/pictures.go", Old: "legendTop bool, c curvePair) error {", New: "legendTop bool, c curvePair) error {\n	c.training, c.validation = c.validation, c.training", Tests: "./cmd/kernelet -run Curves"},
	{File: "cmd/kernelet/pictures.go", Old: "return h.TrainAccuracy })", New: "return h.ValAccuracy })", Tests: "./cmd/kernelet -run Curves"},
	{File: "cmd/kernelet/pictures.go", Old: "return h.ValLoss })", New: "return h.TrainLoss })", Tests: "./cmd/kernelet -run Curves"},
	{File: "cmd/kernelet/pictures.go", Old: "		if p.Digit == int(labels[i]) {", New: "		if p.Digit != int(labels[i]) {", Tests: "./cmd/kernelet -run Titles"},
	{File: "cmd/kernelet/history.go", Old: "		if line[0] != strconv.Itoa(h.Epoch) {", New: "		if line[0] == \"\" {", Tests: "./cmd/kernelet -run DamagedHistory"},
	{File: "cmd/kernelet/history.go", Old: "	if len(lines) < 1+epochs {", New: "	if len(lines) < epochs {", Tests: "./cmd/kernelet -run DamagedHistory"},
	{File: "cmd/kernelet/progress.go", Old: "	room := width - 1", New: "	room := width + 1", Tests: "./cmd/kernelet -run Progress"},
	{File: "cmd/kernelet/progress.go", Old: "		s.left = time.Duration(float64(total-done+p.after) / s.rate * float64(time.Second))", New: "		s.left = time.Duration(float64(done+p.after) / s.rate * float64(time.Second))", Tests: "./cmd/kernelet -run Progress"},
	{File: "cmd/kernelet/report.go", Old: "		if label := int(set.Labels[i]); p.Digit != label {", New: "		if label := int(set.Labels[i]); p.Digit == label {", Tests: "./cmd/kernelet -run Report"},
	{File: "cmd/kernelet/eval.go", Old: "		content = strconv.AppendInt(content, int64(i+1), 10)", New: "		content = strconv.AppendInt(content, int64(i), 10)", Tests: "./cmd/kernelet -run Kaggle"},
	{File: "serve/tensor.go", Old: "	if images < 1 {", New: "	if images < 0 {", Tests: "./serve -run Infer"},
	{File: "serve/tensor.go", Old: "	if images > int64(most) {", New: "	if images >= int64(most) {", Tests: "./serve -run Infer|Refusals"},
	{File: "serve/limits.go", Old: "	if b.used.Add(n) > b.limit {", New: "	if b.used.Add(n) > 2*b.limit {", Tests: "./serve -run Refusals|Memory|Bounded"},
	{File: "serve/models.go", Old: "	if version != \"\" && version != modelVersion {", New: "	if version == modelVersion {", Tests: "./serve -run Health|Infer"},
	{File: "serve/page.go", Old: "	if host == \"localhost\" {", New: "	if host != \"\" {", Tests: "./serve -run WhoMayTrain"},
	{File: "serve/training.go", Old: "	if q.Epochs < 0 || q.Epochs > maxEpochs {", New: "	if q.Epochs < 0 {", Tests: "./serve -run Train"},
	{File: "serve/digits.go", Old: "width <= 0 || height <= 0 || width > most/height {", New: "width <= 0 || height <= 0 || width*height < 0 {", Tests: "./serve -run Digits"},
	{File: "serve/activations.go", Old: "		hidden[o] = max(0, sum)", New: "		hidden[o] = sum", Tests: "./serve -run Activations"},
}
