// Package foreign names files that people often have in the place of another.
package foreign

import "bytes"

// kinds are beginnings of files, what they are, and what to do about it.
var kinds = []struct{ start, what, remedy string }{
	{"version https://git-lfs", "a pointer of Git LFS", "run git lfs pull"},
	{"<!DOCTYPE", "a web page", "download the file itself"},
	{"<!doctype", "a web page", "download the file itself"},
	{"<html", "a web page", "download the file itself"},
	{"\x89PNG", "a PNG picture", ""},
	{"\xff\xd8\xff", "a JPEG picture", ""},
	{"\x1f\x8b", "a gzip file", "decompress it"},
	{"PAR1", "a Parquet file", "a program that reads it imports mnist/parquet"},
	{"PK\x03\x04", "a zip archive, such as PyTorch's .pt and .pth, Keras's .keras and NumPy's .npz", otherWeights},
	{"\x89HDF", "an HDF5 file, such as Keras's .h5", otherWeights},
	{"\x80\x02", "a pickle, such as PyTorch's old .pt and .pth", otherWeights},
	{"\x08", "perhaps an ONNX model", otherWeights},
	{"\x93NUMPY", "one NumPy array", "numpy.savez writes all of them"},
}

const otherWeights = "lenet/weights.Load reads models in it, and kernelet export --model FILE --safetensors FILE converts them"

// Describe returns what a file that begins so is, and what to do about it, as
// the rest of a sentence that says what was expected; or nothing.
func Describe(start []byte) string {
	if len(start) == 0 {
		return ", got an empty file"
	}
	for _, k := range kinds {
		// Who looks at the first bytes alone may have fewer than the longest beginning.
		n := min(len(k.start), len(start))
		if n < min(len(k.start), 8) || !bytes.Equal(start[:n], []byte(k.start)[:n]) {
			continue
		}
		if k.remedy == "" {
			return ", got " + k.what
		}
		return ", got " + k.what + ": " + k.remedy
	}
	return ""
}
